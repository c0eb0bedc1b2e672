//! What ought to lie at third-party warehouses, for the audit's comparison with what they tell.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use domain::difference::DifferenceKind;
use domain::ids::{MerchantId, MerchantSku, WarehouseId};

/// What ought to lie at a third-party warehouse of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfAt {
    /// The SKU.
    pub sku: MerchantSku,
    /// Units that can be sold or are promised.
    pub units: i64,
    /// Of these, promised units of orders that the warehouse has shipped and their marketplace has not yet.
    pub left: i64,
    /// Units that wait to be stocked in: the warehouse may have put them on the shelf already.
    pub returning: i64,
    /// Units that may lie there beside them: said not to exist and not counted since, or of orders that their marketplace shows as
    /// shipped and the warehouse has not shipped yet.
    pub perhaps: i64,
    /// An order of it differs that may have taken units along.
    pub explained: bool,
}

statements! {
    SHELF_AT = "select b.merchant_sku, b.available + b.reserved + b.allocated as units, b.returning_units, b.count_needed + \
        (select cast(coalesce(sum(l.outbound), 0) as bigint) from lines l where l.merchant_id = b.merchant_id \
        and l.warehouse_id = b.warehouse_id and l.merchant_sku = b.merchant_sku and l.goods <> 'free' and l.goods in ('there', 'asked', 'kept_picked')) as perhaps, \
        (select cast(coalesce(sum(l.allocated + l.reserved), 0) as bigint) from lines l where l.merchant_id = b.merchant_id \
        and l.warehouse_id = b.warehouse_id and l.merchant_sku = b.merchant_sku and l.goods <> 'free' and l.goods = 'kept_shipped') as gone, \
        exists (select 1 from differences d join lines l on l.merchant_id = d.merchant_id and l.order_id = d.order_id \
        where d.merchant_id = b.merchant_id and d.ended_at = 0 and d.warehouse_id = b.warehouse_id and d.kind in (select value from json_each($5)) \
        and l.warehouse_id = b.warehouse_id and l.merchant_sku = b.merchant_sku) as explained \
        from balances b where b.merchant_id = $1 and b.warehouse_id = $2 and b.merchant_sku > $3 \
        and (cast($6 as text) is null or b.merchant_sku in (select value from json_each($6))) order by b.merchant_sku limit $4";
}

/// Differences of an order that explain another number of its SKUs.
const EXPLAIN: [DifferenceKind; 3] =
    [DifferenceKind::ShippedAtWarehouse, DifferenceKind::ShippedAnywayAtWarehouse, DifferenceKind::UnknownAtWarehouse];

/// What ought to lie at a third-party warehouse, of these SKUs or of all, by SKU; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn shelf_at(
    session: &mut Session,
    (merchant, warehouse): (&MerchantId, &WarehouseId),
    skus: Option<&[MerchantSku]>,
    after: &str,
    limit: u32,
) -> Result<Vec<ShelfAt>, StoreError> {
    let explain = json_list(EXPLAIN.iter().map(|kind| kind.as_str()));
    let list = skus.map(|skus| json_list(skus.iter().map(MerchantSku::as_str)));
    let args = args![merchant.as_str(), warehouse.as_str(), after, limit, &explain, list.as_deref()];
    session.rows(SHELF_AT, args).await?.iter().map(read_shelf).collect()
}

fn read_shelf(row: &Row) -> Result<ShelfAt, StoreError> {
    Ok(ShelfAt {
        sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
        units: row.int("units")?,
        left: row.int("gone")?,
        returning: row.int("returning_units")?,
        perhaps: row.int("perhaps")?,
        explained: row.truth("explained")?,
    })
}
