//! Where products lie. A product without a shelf is found by its SKU.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Session, args, statements};
use domain::ids::{MerchantId, MerchantSku, WarehouseId};
use std::collections::HashMap;

/// The longest name of a shelf, in characters.
pub const SHELF_MAX: usize = 60;

statements! {
    PUT = "insert into shelves (merchant_id, warehouse_id, merchant_sku, shelf) values ($1, $2, $3, $4) \
        on conflict (merchant_id, warehouse_id, merchant_sku) do update set shelf = excluded.shelf";
    FORGET = "delete from shelves where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3";
    OF_SKUS = "select warehouse_id, merchant_sku, shelf from shelves where merchant_id = $1 \
        and merchant_sku in (select value from json_each($2))";
}

/// Says where a product lies; an empty name forgets it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn put(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    shelf: &str,
) -> Result<(), StoreError> {
    if shelf.is_empty() {
        let args = args![merchant.as_str(), warehouse.as_str(), sku.as_str()];
        return session.execute(FORGET, args).await.map(drop);
    }
    session.execute(PUT, args![merchant.as_str(), warehouse.as_str(), sku.as_str(), shelf]).await.map(drop)
}

/// Where these products lie, by warehouse and SKU, as far as it is known.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_skus(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[&MerchantSku],
) -> Result<HashMap<(WarehouseId, MerchantSku), String>, StoreError> {
    let list = json_list(skus.iter().map(|sku| sku.as_str()));
    let rows = session.rows(OF_SKUS, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let warehouse = parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?;
            let sku = parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?;
            Ok(((warehouse, sku), row.text("shelf")?))
        })
        .collect()
}
