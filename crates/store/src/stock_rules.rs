//! A shop's own rows of where cancelled units go, before those of its platform's policy.

use crate::error::StoreError;
use crate::orders::{parsed, parsed_optional};
use crate::session::{Session, args, statements};
use domain::ids::{MerchantId, ReasonCode, ShopId};
use domain::order::Stage;
use domain::snapshot::Initiator;
use domain::stock_rules::{GoesTo, StockRule, WarehouseAnswer};

statements! {
    OF_SHOP = "select initiator, reason, stage, warehouse, goes_to from shop_stock_rules where merchant_id = $1 and shop_id = $2 order by position";
    FORGET = "delete from shop_stock_rules where merchant_id = $1 and shop_id = $2";
    ADD = "insert into shop_stock_rules (merchant_id, shop_id, position, initiator, reason, stage, warehouse, goes_to) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
}

/// A shop's own rows, the first to be asked first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Vec<StockRule>, StoreError> {
    let rows = session.rows(OF_SHOP, args![merchant.as_str(), shop.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(StockRule {
                initiator: parsed_optional(row, "initiator", Initiator::parse)?,
                reason: parsed_optional(row, "reason", |text| ReasonCode::parse(text))?,
                stage: parsed_optional(row, "stage", Stage::parse)?,
                warehouse: parsed_optional(row, "warehouse", WarehouseAnswer::parse)?,
                goes_to: parsed(row, "goes_to", GoesTo::parse)?,
            })
        })
        .collect()
}

/// Puts these rows in place of the shop's own.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    rules: &[StockRule],
) -> Result<(), StoreError> {
    session.execute(FORGET, args![merchant.as_str(), shop.as_str()]).await?;
    for (position, rule) in rules.iter().enumerate() {
        let args = args![
            merchant.as_str(),
            shop.as_str(),
            i64::try_from(position).unwrap_or(i64::MAX),
            rule.initiator.map(Initiator::as_str),
            rule.reason.as_ref().map(ReasonCode::as_str),
            rule.stage.map(Stage::as_str),
            rule.warehouse.map(WarehouseAnswer::as_str),
            rule.goes_to.as_str()
        ];
        session.execute(ADD, args).await?;
    }
    Ok(())
}
