//! Orders at third-party warehouses, one row for each time an order was pushed, and what was tried for them.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, MerchantSku, OrderId, ShopId, WarehouseId};
use domain::time::Moment;
use domain::warehouse_order::WarehouseOrder;
use domain::withdrawal::{StaffAnswer, State};
use serde::{Deserialize, Serialize};

/// A parcel as the warehouse knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The warehouse's id of it.
    pub number: String,
    /// The tracking number, once there is one.
    pub tracking_number: Option<String>,
}

/// An order at a third-party warehouse as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 4 and of the columns")]
pub struct WarehouseOrderRecord {
    pub merchant: MerchantId,
    pub order: OrderId,
    /// How often the order was pushed, to whichever warehouse, this time included.
    pub generation: u32,
    pub warehouse: WarehouseId,
    pub shop: ShopId,
    /// By which the warehouse knows it.
    pub reference: String,
    /// The warehouse's id of it, once known.
    pub number: Option<String>,
    pub saga: WarehouseOrder,
    /// The warehouse's words at the last read.
    pub raw_status: String,
    /// Its shipments differ: a person has to look.
    pub partial: bool,
    pub parcels: Vec<Parcel>,
    /// Why a push or a withdrawal was refused.
    pub message: Option<String>,
    /// What the warehouse's staff said.
    pub staff_answer: Option<StaffAnswer>,
    /// Pushes and askings so far.
    pub attempts: u32,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// What was tried once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseAttempt {
    /// Its number.
    pub attempt: u32,
    /// `push` or `withdraw`.
    pub act: String,
    /// Until when the call can still reach the warehouse.
    pub deadline: Moment,
    /// `None`: nothing is known of it.
    pub outcome: Option<String>,
}

macro_rules! columns {
    () => {
        "order_id, generation, warehouse_id, shop_id, reference, number, state, wanted, picked, confirmed, in_doubt_until, push_refused, refusals, \
         unjudged, asked_at, absent_reads, absent_since, contradicted_since, fruitless_reads, raw_status, partial, parcels, message, staff_answer, \
         attempts, created_at, updated_at"
    };
}

statements! {
    INSERT = concat!("insert into warehouse_orders (merchant_id, ", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
        $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)");
    SAVE = "update warehouse_orders set number = $4, state = $5, wanted = $6, picked = $7, confirmed = $8, in_doubt_until = $9, push_refused = $10, \
        refusals = $11, unjudged = $12, asked_at = $13, absent_reads = $14, absent_since = $15, contradicted_since = $16, fruitless_reads = $17, \
        raw_status = $18, partial = $19, parcels = $20, message = $21, staff_answer = $22, attempts = $23, updated_at = $24 \
        where merchant_id = $1 and order_id = $2 and generation = $3";
    OF_ORDERS = concat!("select ", columns!(), " from warehouse_orders where merchant_id = $1 \
        and order_id in (select value from json_each($2)) order by order_id, generation");
    TO_COMPARE = concat!("select ", columns!(), " from warehouse_orders where merchant_id = $1 and warehouse_id = $2 and reference > $3 and number is not null \
        and (state = 'pushed' and updated_at <= $4 or state in ('pushed', 'withdrawing', 'refused_picked') and absent_since <= $4 \
        or state = 'withdrawn' and confirmed and updated_at <= $4 and (updated_at >= $5 or reference in (select d.subject from differences d \
        where d.merchant_id = $1 and d.warehouse_id = $2 and d.ended_at = 0))) order by reference limit $6");
    UNREAD = "select distinct w.order_id, l.merchant_sku from warehouse_orders w join lines l on l.merchant_id = w.merchant_id and l.order_id = w.order_id \
        and l.warehouse_id = w.warehouse_id where w.merchant_id = $1 and w.warehouse_id = $2 and w.updated_at < $3 \
        and w.state in ('pushed', 'withdrawing', 'refused_picked', 'unknown') and l.goods <> 'free' and l.merchant_sku in (select value from json_each($4)) \
        and not exists (select 1 from warehouse_orders n where n.merchant_id = w.merchant_id and n.order_id = w.order_id and n.warehouse_id = w.warehouse_id \
        and n.generation > w.generation) order by w.order_id limit 1000";
    BY_REFERENCE = "select order_id from warehouse_orders where merchant_id = $1 and warehouse_id = $2 and reference = $3";
    OF_REFERENCE = concat!("select ", columns!(), " from warehouse_orders where merchant_id = $1 and warehouse_id = $2 and reference = $3");
    BEGIN_ATTEMPT = "insert into warehouse_attempts (merchant_id, order_id, generation, attempt, act, began_at, deadline) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    END_ATTEMPT = "update warehouse_attempts set outcome = $5, http_status = $6, message = $7, answered_at = $8 \
        where merchant_id = $1 and order_id = $2 and generation = $3 and attempt = $4";
    OPEN_ATTEMPTS = "select attempt, act, deadline, outcome from warehouse_attempts \
        where merchant_id = $1 and order_id = $2 and generation = $3 and outcome is null order by attempt";
}

/// Adds one that is to be pushed.
///
/// # Errors
/// [`StoreError::Exists`] when this generation of the order is there already.
pub async fn insert(session: &mut Session, record: &WarehouseOrderRecord) -> Result<(), StoreError> {
    let parcels = serde_json::to_string(&record.parcels).unwrap_or_default();
    let saga = &record.saga;
    let args = args![
        record.merchant.as_str(),
        record.order.as_str(),
        record.generation,
        record.warehouse.as_str(),
        record.shop.as_str(),
        &record.reference,
        record.number.as_deref(),
        saga.state.as_str(),
        saga.wanted,
        saga.picked,
        saga.confirmed,
        saga.in_doubt_until.map(Moment::millis),
        saga.push_refused,
        saga.refusals,
        saga.unjudged,
        saga.asked_at.map(Moment::millis),
        saga.absent_reads,
        saga.absent_since.map(Moment::millis),
        saga.contradicted_since.map(Moment::millis),
        saga.fruitless_reads,
        &record.raw_status,
        record.partial,
        &parcels,
        record.message.as_deref(),
        record.staff_answer.map(StaffAnswer::as_str),
        record.attempts,
        record.created_at.millis(),
        record.updated_at.millis(),
    ];
    session.execute(INSERT, args).await.map(drop)
}

/// Saves where it stands. Whoever saves it holds its order's lock.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, record: &WarehouseOrderRecord) -> Result<(), StoreError> {
    let parcels = serde_json::to_string(&record.parcels).unwrap_or_default();
    let saga = &record.saga;
    let args = args![
        record.merchant.as_str(),
        record.order.as_str(),
        record.generation,
        record.number.as_deref(),
        saga.state.as_str(),
        saga.wanted,
        saga.picked,
        saga.confirmed,
        saga.in_doubt_until.map(Moment::millis),
        saga.push_refused,
        saga.refusals,
        saga.unjudged,
        saga.asked_at.map(Moment::millis),
        saga.absent_reads,
        saga.absent_since.map(Moment::millis),
        saga.contradicted_since.map(Moment::millis),
        saga.fruitless_reads,
        &record.raw_status,
        record.partial,
        &parcels,
        record.message.as_deref(),
        record.staff_answer.map(StaffAnswer::as_str),
        record.attempts,
        record.updated_at.millis(),
    ];
    session.execute(SAVE, args).await.map(drop)
}

/// All pushes of these orders, those of one order in their sequence: the last one counts.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<WarehouseOrderRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    let rows = session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?;
    rows.iter().map(|row| read(merchant, row)).collect()
}

/// The latest push of an order at each warehouse that some of it was pushed to, in the sequence of the first ones.
///
/// # Errors
/// As [`of_orders`].
pub async fn at_each(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
) -> Result<Vec<WarehouseOrderRecord>, StoreError> {
    let pushes = of_orders(session, merchant, std::slice::from_ref(order)).await?;
    Ok(last_of_each(pushes))
}

/// Of the pushes of some orders, in their sequence, the last of each order at each warehouse.
#[must_use]
pub fn last_of_each(pushes: Vec<WarehouseOrderRecord>) -> Vec<WarehouseOrderRecord> {
    let mut last: Vec<WarehouseOrderRecord> = Vec::new();
    for push in pushes {
        let same = |known: &&mut WarehouseOrderRecord| known.order == push.order && known.warehouse == push.warehouse;
        match last.iter_mut().find(same) {
            Some(known) => *known = push,
            None => last.push(push),
        }
    }
    last
}

/// The latest push of an order at one warehouse.
///
/// # Errors
/// As [`of_orders`].
pub async fn latest_at(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    warehouse: &WarehouseId,
) -> Result<Option<WarehouseOrderRecord>, StoreError> {
    Ok(at_each(session, merchant, order).await?.into_iter().find(|record| record.warehouse == *warehouse))
}

/// Whether this push is not the first of its order at its warehouse.
///
/// # Errors
/// As [`of_orders`].
pub async fn is_again(session: &mut Session, record: &WarehouseOrderRecord) -> Result<bool, StoreError> {
    let pushes = of_orders(session, &record.merchant, std::slice::from_ref(&record.order)).await?;
    let before =
        |other: &WarehouseOrderRecord| other.warehouse == record.warehouse && other.generation < record.generation;
    Ok(pushes.iter().any(before))
}

/// Pushes to a warehouse that it may show otherwise than we hold them, by reference: what ought to be there and was not read since
/// `untouched_since`, or is not found there since then, and what was handed back since `handed_back_since` or differs already.
/// `after` is the last of the page before.
///
/// # Errors
/// As [`of_orders`].
pub async fn to_compare(
    session: &mut Session,
    (merchant, warehouse): (&MerchantId, &WarehouseId),
    (untouched_since, handed_back_since): (Moment, Moment),
    after: &str,
    limit: u32,
) -> Result<Vec<WarehouseOrderRecord>, StoreError> {
    let args = args![
        merchant.as_str(),
        warehouse.as_str(),
        after,
        untouched_since.millis(),
        handed_back_since.millis(),
        limit,
    ];
    let rows = session.rows(TO_COMPARE, args).await?;
    rows.iter().map(|row| read(merchant, row)).collect()
}

/// Orders that may have left a warehouse unseen, of these SKUs, with each of them: not read since this moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn unread(
    session: &mut Session,
    (merchant, warehouse): (&MerchantId, &WarehouseId),
    skus: &[MerchantSku],
    since: Moment,
) -> Result<Vec<(OrderId, MerchantSku)>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let args = args![merchant.as_str(), warehouse.as_str(), since.millis(), &list];
    let rows = session.rows(UNREAD, args).await?;
    rows.iter()
        .map(|row| {
            let order = parsed(row, "order_id", |text| OrderId::parse(text))?;
            Ok((order, parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?))
        })
        .collect()
}

/// Which order a reference of ours names.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_reference(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    reference: &str,
) -> Result<Option<OrderId>, StoreError> {
    let row = session.row(BY_REFERENCE, args![merchant.as_str(), warehouse.as_str(), reference]).await?;
    row.map(|row| parsed(&row, "order_id", |text| OrderId::parse(text))).transpose()
}

/// What was pushed to a warehouse under a reference.
///
/// # Errors
/// As [`of_orders`].
pub async fn of_reference(
    session: &mut Session,
    (merchant, warehouse): (&MerchantId, &WarehouseId),
    reference: &str,
) -> Result<Option<WarehouseOrderRecord>, StoreError> {
    let row = session.row(OF_REFERENCE, args![merchant.as_str(), warehouse.as_str(), reference]).await?;
    row.map(|row| read(merchant, &row)).transpose()
}

/// Writes the intent to push or to ask back, before the call.
///
/// # Errors
/// [`StoreError::Exists`] when this attempt was begun already.
pub async fn begin_attempt(
    session: &mut Session,
    record: &WarehouseOrderRecord,
    act: &str,
    (began_at, deadline): (Moment, Moment),
) -> Result<(), StoreError> {
    let args = args![
        record.merchant.as_str(),
        record.order.as_str(),
        record.generation,
        record.attempts,
        act,
        began_at.millis(),
        deadline.millis(),
    ];
    session.execute(BEGIN_ATTEMPT, args).await.map(drop)
}

/// Writes how an attempt ended, unconditionally.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_attempt(
    session: &mut Session,
    record: &WarehouseOrderRecord,
    attempt: u32,
    outcome: &crate::cancellations::Outcome,
    at: Moment,
) -> Result<(), StoreError> {
    let args = args![
        record.merchant.as_str(),
        record.order.as_str(),
        record.generation,
        attempt,
        outcome.outcome,
        i64::from(outcome.http_status),
        &outcome.platform_message,
        at.millis(),
    ];
    session.execute(END_ATTEMPT, args).await.map(drop)
}

/// Intents without an outcome: what a crash left behind.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_attempts(
    session: &mut Session,
    record: &WarehouseOrderRecord,
) -> Result<Vec<WarehouseAttempt>, StoreError> {
    let args = args![record.merchant.as_str(), record.order.as_str(), record.generation];
    let rows = session.rows(OPEN_ATTEMPTS, args).await?;
    rows.iter()
        .map(|row| {
            Ok(WarehouseAttempt {
                attempt: row.units("attempt")?,
                act: row.text("act")?,
                deadline: Moment::from_millis(row.int("deadline")?),
                outcome: row.optional_text("outcome")?,
            })
        })
        .collect()
}

fn read(merchant: &MerchantId, row: &Row) -> Result<WarehouseOrderRecord, StoreError> {
    let moment = |column: &str| row.optional_int(column).map(|millis| millis.map(Moment::from_millis));
    let parcels = row.text("parcels")?;
    Ok(WarehouseOrderRecord {
        merchant: merchant.clone(),
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        generation: row.units("generation")?,
        warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        reference: row.text("reference")?,
        number: row.optional_text("number")?,
        saga: WarehouseOrder {
            state: parsed(row, "state", State::parse)?,
            wanted: row.truth("wanted")?,
            picked: row.truth("picked")?,
            confirmed: row.truth("confirmed")?,
            in_doubt_until: moment("in_doubt_until")?,
            push_refused: row.truth("push_refused")?,
            refusals: row.units("refusals")?,
            unjudged: row.truth("unjudged")?,
            asked_at: moment("asked_at")?,
            absent_reads: row.units("absent_reads")?,
            absent_since: moment("absent_since")?,
            contradicted_since: moment("contradicted_since")?,
            fruitless_reads: row.units("fruitless_reads")?,
        },
        raw_status: row.text("raw_status")?,
        partial: row.truth("partial")?,
        parcels: serde_json::from_str(&parcels).map_err(|_| StoreError::unreadable("parcels", &parcels))?,
        message: row.optional_text("message")?,
        staff_answer: parsed_optional(row, "staff_answer", StaffAnswer::parse)?,
        attempts: row.units("attempts")?,
        created_at: Moment::from_millis(row.int("created_at")?),
        updated_at: Moment::from_millis(row.int("updated_at")?),
    })
}
