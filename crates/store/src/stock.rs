//! The ledger: movements, the balances they make, listings, and the holds on them.

use crate::closed_listings;
use crate::dialect::Engine;
use crate::error::StoreError;
use crate::new_id::new_id;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use crate::stock_pushes::{self, GATHERED_FOR};
use domain::ids::{
    CancellationId, LineId, ListingId, ListingSku, MerchantId, MerchantSku, OrderId, ShopId, WarehouseId,
};
use domain::stock::{Balance, Bucket, Cause};
use domain::time::Moment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A movement to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 5")]
pub struct Movement {
    /// Makes a second write of the same movement a no-op.
    pub key: String,
    pub warehouse: WarehouseId,
    pub sku: MerchantSku,
    pub from: Bucket,
    pub to: Bucket,
    pub units: u32,
    pub cause: Cause,
    pub order: Option<OrderId>,
    pub line: Option<LineId>,
    pub actor: String,
}

/// A balance with what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceRecord {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// The merchant SKU.
    pub sku: MerchantSku,
    /// Units per bucket.
    pub balance: Balance,
}

/// A listing as it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct ListingRecord {
    pub shop: ShopId,
    pub listing: ListingId,
    pub listing_sku: ListingSku,
    pub merchant_sku: MerchantSku,
    pub name: String,
    pub stock: i64,
    pub read_at: Moment,
    /// Held against any push until its SKU is counted.
    pub held: bool,
}

/// Whether a listing `l` is held: its SKU, or one that it consists of, was said not to exist and was not counted since.
macro_rules! held {
    () => {
        "exists (select 1 from holds h where h.merchant_id = l.merchant_id and (h.merchant_sku = l.merchant_sku or h.merchant_sku in \
         (select b.merchant_sku from bundles b where b.merchant_id = l.merchant_id and b.bundle_sku = l.merchant_sku)))"
    };
}
pub(crate) use held;

statements! {
    WRITE = "insert into movements (merchant_id, movement_key, movement_id, warehouse_id, merchant_sku, from_bucket, to_bucket, units, cause, \
        order_id, line_id, actor, at) select $1, json_extract(value, '$.key'), json_extract(value, '$.id'), json_extract(value, '$.warehouse'), \
        json_extract(value, '$.sku'), json_extract(value, '$.from'), json_extract(value, '$.to'), cast(json_extract(value, '$.units') as bigint), \
        json_extract(value, '$.cause'), json_extract(value, '$.order'), json_extract(value, '$.line'), json_extract(value, '$.actor'), \
        cast($3 as bigint) from json_each($2) where true on conflict (merchant_id, movement_key) do nothing returning movement_id";
    CHANGE_BALANCE = "update balances set available = available + $4, reserved = reserved + $5, count_needed = count_needed + $6, \
        allocated = allocated + $7, defective = defective + $8, outbound = outbound + $9, returning_units = returning_units + $10, lost = lost + $11, \
        counted = (counted or $12) where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3";
    LOCK_BALANCES = "select merchant_sku from balances where merchant_id = $1 and merchant_sku in (select merchant_sku from lines \
        where merchant_id = $1 and order_id in (select value from json_each($2))) order by warehouse_id, merchant_sku /* for update */";
    LOCK_SKU = "select merchant_sku from balances where merchant_id = $1 and merchant_sku = $2 order by warehouse_id /* for update */";
    TO_COUNT = "select distinct order_id from lines where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 and count_needed > 0 order by order_id";
    LIFT_COUNTED = "delete from holds where merchant_id = $1 and merchant_sku in (select value from json_each($2))";
    OPEN_BALANCE = "insert into balances (merchant_id, warehouse_id, merchant_sku, available, reserved, count_needed, allocated, defective, outbound, \
        returning_units, lost) values ($1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0) on conflict (merchant_id, warehouse_id, merchant_sku) do nothing";
    AVAILABLE = "select warehouse_id, merchant_sku, available from balances where merchant_id = $1 and merchant_sku in (select value from json_each($2))";
    BALANCES = "select warehouse_id, merchant_sku, available, reserved, count_needed, allocated, defective, outbound, returning_units, lost from balances \
        where merchant_id = $1 and (cast($2 as text) is null or merchant_sku = $2) and (cast($3 as text) is null or warehouse_id = $3) \
        and (warehouse_id, merchant_sku) > ($4, $5) order by warehouse_id, merchant_sku limit $6";
    ORDER_HAS_MOVED = "select count(*) as movements from movements where merchant_id = $1 and movement_key = $2";
    SAVE_LISTING = "insert into listings (merchant_id, shop_id, listing_id, listing_sku, merchant_sku, name, stock, read_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (merchant_id, shop_id, listing_id) do update set listing_sku = excluded.listing_sku, \
        name = excluded.name, stock = excluded.stock, read_at = excluded.read_at";
    LISTING = concat!(
        "select l.shop_id, l.listing_id, l.listing_sku, l.merchant_sku, l.name, l.stock, l.read_at, ", held!(), " as held from listings l \
        where l.merchant_id = $1 and l.shop_id = $2 and l.listing_id = $3"
    );
    LISTINGS = concat!(
        "select l.shop_id, l.listing_id, l.listing_sku, l.merchant_sku, l.name, l.stock, l.read_at, ", held!(), " as held from listings l \
        where l.merchant_id = $1 and (cast($2 as text) is null or l.shop_id = $2) and (cast($3 as text) is null or l.merchant_sku = $3) \
        order by l.merchant_sku, l.shop_id, l.listing_id limit 1000"
    );
    KNOWN_LISTINGS = "select listing_id, merchant_sku from listings where merchant_id = $1 and shop_id = $2 and listing_id in (select value from json_each($3))";
    HOLD = "insert into holds (merchant_id, merchant_sku, cancellation_id, placed_at) values ($1, $2, $3, $4) on conflict do nothing";
    LIFT = "delete from holds where merchant_id = $1 and cancellation_id = $2 returning merchant_sku";
    MARK_COUNTED = "update balances set counted = true where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3";
    NOTE_COUNT = "update balances set counted_at = $4 where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3";
}

/// Locks the balances that these orders' lines move, always in the same order and after the orders themselves
/// ([`crate::orders::lock`]). On SQLite, which has one writer, there is nothing to do.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(session: &mut Session, merchant: &MerchantId, orders: &[OrderId]) -> Result<(), StoreError> {
    if session.engine() == Engine::Postgres {
        let list = json_list(orders.iter().map(OrderId::as_str));
        session.rows(LOCK_BALANCES, args![merchant.as_str(), &list]).await?;
    }
    Ok(())
}

/// Locks the balances of one SKU, after the orders. On SQLite, which has one writer, there is nothing to do.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock_sku(session: &mut Session, merchant: &MerchantId, sku: &MerchantSku) -> Result<(), StoreError> {
    if session.engine() == Engine::Postgres {
        session.rows(LOCK_SKU, args![merchant.as_str(), sku.as_str()]).await?;
    }
    Ok(())
}

/// Orders whose lines hold units of a SKU that were said not to exist.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn to_count(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = session.rows(TO_COUNT, args![merchant.as_str(), warehouse.as_str(), sku.as_str()]).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// Lifts every hold on these SKUs, because somebody saw how many there are, and asks for a push of their listings.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lift_counted(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
    now: Moment,
) -> Result<(), StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    if session.execute(LIFT_COUNTED, args![merchant.as_str(), &list]).await? > 0 {
        stock_pushes::want_of_skus(session, merchant, skus, now.plus(GATHERED_FOR));
    }
    Ok(())
}

/// Notes that somebody, or the opening stock, said how many of a SKU there are in a warehouse, none at all included.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mark_counted(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), warehouse.as_str(), sku.as_str()];
    session.execute(OPEN_BALANCE, args).await?;
    session.execute(MARK_COUNTED, args).await?;
    stock_pushes::want_of_skus(session, merchant, [sku], now.plus(GATHERED_FOR));
    Ok(())
}

/// Notes that a person counted a SKU in a warehouse, also where the count moved nothing: whatever had left it is accounted for.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_count(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), warehouse.as_str(), sku.as_str(), now.millis()];
    session.execute(NOTE_COUNT, args).await.map(drop)
}

/// What movements change of one balance.
#[derive(Default)]
struct Change {
    balance: Balance,
    counted: bool,
}

/// Whether a movement for this cause says how many there are.
const fn counts(cause: Cause) -> bool {
    match cause {
        Cause::Opening | Cause::Count | Cause::ManualIn | Cause::Transfer => true,
        Cause::Reserve
        | Cause::Allocate
        | Cause::Release
        | Cause::Ship
        | Cause::UndoShip
        | Cause::Complete
        | Cause::Cancel
        | Cause::StockIn
        | Cause::Find
        | Cause::UndoStockIn
        | Cause::CourierScan
        | Cause::ComeBack
        | Cause::Claim
        | Cause::Repair
        | Cause::ManualOut => false,
    }
}

/// Writes movements and their balances, and asks for a push of the listings of which more or fewer may be sold now. A
/// movement whose key is known moves nothing; answers how many were new.
///
/// # Errors
/// [`StoreError`] of the database, also when a bucket would fall below zero: nothing may be kept then.
pub async fn write(
    session: &mut Session,
    merchant: &MerchantId,
    movements: &[Movement],
    now: Moment,
) -> Result<usize, StoreError> {
    if movements.is_empty() {
        return Ok(0);
    }
    let mut by_id = HashMap::with_capacity(movements.len());
    let mut rows = Vec::with_capacity(movements.len());
    for movement in movements {
        let id = new_id("mov", now);
        rows.push(json!({
            "key": movement.key,
            "id": id,
            "warehouse": movement.warehouse.as_str(),
            "sku": movement.sku.as_str(),
            "from": movement.from.as_str(),
            "to": movement.to.as_str(),
            "units": movement.units,
            "cause": movement.cause.as_str(),
            "order": movement.order.as_ref().map(OrderId::as_str),
            "line": movement.line.as_ref().map(LineId::as_str),
            "actor": movement.actor,
        }));
        by_id.insert(id, movement);
    }
    let added = session.rows(WRITE, args![merchant.as_str(), Value::Array(rows).to_string(), now.millis()]).await?;
    // One change per balance, in the order in which balances are locked.
    let mut changes: BTreeMap<(&WarehouseId, &MerchantSku), Change> = BTreeMap::new();
    for row in &added {
        let Some(movement) = by_id.get(&row.text("movement_id")?) else { continue };
        let change = changes.entry((&movement.warehouse, &movement.sku)).or_default();
        change.balance.apply(movement.from, movement.to, i64::from(movement.units));
        change.counted |= counts(movement.cause);
    }
    for ((warehouse, sku), change) in &changes {
        if change_balance(session, merchant, warehouse, sku, change).await? == 0 {
            session.execute(OPEN_BALANCE, args![merchant.as_str(), warehouse.as_str(), sku.as_str()]).await?;
            change_balance(session, merchant, warehouse, sku, change).await?;
        }
    }
    let sold_from = changes.iter().filter(|(_, change)| change.balance.available != 0 || change.counted);
    let skus: BTreeSet<&MerchantSku> = sold_from.map(|((_, sku), _)| *sku).collect();
    stock_pushes::want_of_skus(session, merchant, skus, now.plus(GATHERED_FOR));
    Ok(added.len())
}

async fn change_balance(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    Change { balance: change, counted }: &Change,
) -> Result<u64, StoreError> {
    session
        .execute(
            CHANGE_BALANCE,
            args![
                merchant.as_str(),
                warehouse.as_str(),
                sku.as_str(),
                change.available,
                change.reserved,
                change.count_needed,
                change.allocated,
                change.defective,
                change.outbound,
                change.returning,
                change.lost,
                *counted,
            ],
        )
        .await
}

/// Available units of these SKUs, by warehouse and SKU; what was never moved is missing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn available(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
) -> Result<HashMap<(WarehouseId, MerchantSku), i64>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let rows = session.rows(AVAILABLE, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let warehouse = parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?;
            let sku = parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?;
            Ok(((warehouse, sku), row.int("available")?))
        })
        .collect()
}

/// A page of balances, by warehouse and SKU; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn balances(
    session: &mut Session,
    merchant: &MerchantId,
    sku: Option<&MerchantSku>,
    warehouse: Option<&WarehouseId>,
    after: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<BalanceRecord>, StoreError> {
    let (after_warehouse, after_sku) = after.unwrap_or(("", ""));
    let args = args![
        merchant.as_str(),
        sku.map(MerchantSku::as_str),
        warehouse.map(WarehouseId::as_str),
        after_warehouse,
        after_sku,
        limit
    ];
    let rows = session.rows(BALANCES, args).await?;
    rows.iter()
        .map(|row| {
            Ok(BalanceRecord {
                warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                balance: Balance {
                    available: row.int("available")?,
                    reserved: row.int("reserved")?,
                    count_needed: row.int("count_needed")?,
                    allocated: row.int("allocated")?,
                    defective: row.int("defective")?,
                    outbound: row.int("outbound")?,
                    returning: row.int("returning_units")?,
                    lost: row.int("lost")?,
                },
            })
        })
        .collect()
}

/// Whether a movement with this key was written.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn has_moved(session: &mut Session, merchant: &MerchantId, key: &str) -> Result<bool, StoreError> {
    let row = session.row(ORDER_HAS_MOVED, args![merchant.as_str(), key]).await?;
    row.map_or(Ok(false), |row| Ok(row.int("movements")? > 0))
}

/// Saves a listing as it was read. Its merchant SKU is set when it is first seen and stays.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_listing(
    session: &mut Session,
    merchant: &MerchantId,
    listing: &ListingRecord,
) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        listing.shop.as_str(),
        listing.listing.as_str(),
        listing.listing_sku.as_str(),
        listing.merchant_sku.as_str(),
        &listing.name,
        listing.stock,
        listing.read_at.millis()
    ];
    session.execute(SAVE_LISTING, args).await.map(drop)
}

/// Listings of a shop, of a merchant SKU, or all (1,000 at the most).
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn listings(
    session: &mut Session,
    merchant: &MerchantId,
    shop: Option<&ShopId>,
    sku: Option<&MerchantSku>,
) -> Result<Vec<ListingRecord>, StoreError> {
    let args = args![merchant.as_str(), shop.map(ShopId::as_str), sku.map(MerchantSku::as_str)];
    session.rows(LISTINGS, args).await?.iter().map(read_listing).collect()
}

pub(crate) fn read_listing(row: &Row) -> Result<ListingRecord, StoreError> {
    Ok(ListingRecord {
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
        listing_sku: parsed(row, "listing_sku", |text| ListingSku::parse(text))?,
        merchant_sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
        name: row.text("name")?,
        stock: row.int("stock")?,
        read_at: Moment::from_millis(row.int("read_at")?),
        held: row.truth("held")?,
    })
}

/// One listing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn listing(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listing: &ListingId,
) -> Result<Option<ListingRecord>, StoreError> {
    let row = session.row(LISTING, args![merchant.as_str(), shop.as_str(), listing.as_str()]).await?;
    row.map(|row| read_listing(&row)).transpose()
}

/// The merchant SKUs of these listings, as far as they are known.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn merchant_skus(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listings: &[ListingId],
) -> Result<HashMap<ListingId, MerchantSku>, StoreError> {
    let list = json_list(listings.iter().map(ListingId::as_str));
    let rows = session.rows(KNOWN_LISTINGS, args![merchant.as_str(), shop.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(row, "listing_id", |text| ListingId::parse(text))?,
                parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
            ))
        })
        .collect()
}

/// Holds all listings of a merchant SKU against any push until it is counted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn hold(
    session: &mut Session,
    merchant: &MerchantId,
    sku: &MerchantSku,
    cancellation: &CancellationId,
    now: Moment,
) -> Result<(), StoreError> {
    session.execute(HOLD, args![merchant.as_str(), sku.as_str(), cancellation.as_str(), now.millis()]).await.map(drop)
}

/// Lifts the holds that a refused cancel had placed, and asks for a push of what was not pushed meanwhile.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lift(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    now: Moment,
) -> Result<(), StoreError> {
    closed_listings::forget(session, merchant, cancellation).await?;
    let rows = session.rows(LIFT, args![merchant.as_str(), cancellation.as_str()]).await?;
    let skus: Vec<MerchantSku> = rows
        .iter()
        .map(|row| parsed(row, "merchant_sku", |text| MerchantSku::parse(text)))
        .collect::<Result<_, _>>()?;
    stock_pushes::want_of_skus(session, merchant, &skus, now.plus(GATHERED_FOR));
    Ok(())
}
