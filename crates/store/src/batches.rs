//! Batches: a selection of orders that was stored at once, and what became of each order.
//!
//! Where an order stands is not kept twice: once a cancel was asked for, its cancellation says it. All numbers are one
//! statement over the batch's rows, so that they add up to its total at whatever moment they are read.

use crate::error::StoreError;
use crate::jobs::Kind;
use crate::order_lists::{Filter, arguments, matching};
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Arg, Row, Session, args, statements};
use domain::batch::{BatchState, Course, Mark, Numbers, OrderState};
use domain::cancellation::State;
use domain::ids::{BatchId, CancellationId, MerchantId, MerchantSku, OrderId, OrderNumber, ReasonCode, ShopId, UserId};
use domain::order::{List, Stage};
use domain::penalty::{Ceiling, RateRule, RateUnit, Tally};
use domain::platform::Platform;
use domain::snapshot::{FulfilledBy, Initiator};
use domain::time::{Moment, Span};
use std::collections::{BTreeMap, HashMap};

/// The most orders of one batch.
pub const ORDERS_MAX: u32 = 50_000;
/// Orders whose facts are read in one statement.
const FACTS_PER_READ: usize = 2_000;
/// How long a plan that was not carried out is kept.
pub const PLAN_KEPT_FOR: Span = Span::from_seconds(2 * 86_400);

/// A batch as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 3 and of the columns")]
pub struct BatchRecord {
    pub merchant: MerchantId,
    pub id: BatchId,
    pub course: Course,
    pub reasons: BTreeMap<Platform, ReasonCode>,
    /// The products that reasons speak of, where they ask for some.
    pub merchant_skus: Vec<MerchantSku>,
    pub ceiling: Option<Ceiling>,
    /// How many orders it has.
    pub orders: u64,
    pub actor: String,
    pub user: UserId,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// Which orders a batch is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These, as far as they stand in these shops (`None`: all).
    Orders(Vec<OrderId>, Option<Vec<ShopId>>),
    /// All that match.
    Matching(Box<Filter>),
}

/// An order of a batch and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct BatchOrder {
    pub order: OrderId,
    pub number: OrderNumber,
    pub shop: ShopId,
    pub platform: Platform,
    pub list: List,
    pub state: OrderState,
    pub cancellation: Option<CancellationId>,
    pub message: Option<String>,
}

/// What the gates and the plan look at, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the orders table")]
pub struct OrderFactsRow {
    pub order: OrderId,
    pub shop: ShopId,
    pub platform: Platform,
    pub number: OrderNumber,
    pub list: List,
    pub platform_status: String,
    pub fulfilled_by: FulfilledBy,
    pub seller_may_cancel: Option<bool>,
    pub cancelling: bool,
    pub cod: bool,
    pub region: String,
    pub stage: Stage,
    pub voided: bool,
    pub ordered_at: Moment,
    /// Units that live.
    pub units: u64,
    /// Those of the chosen products.
    pub chosen_units: u64,
}

/// A product of the selected orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The warehouse's code.
    pub sku: MerchantSku,
    /// What a buyer saw.
    pub name: String,
    /// In how many of the orders.
    pub orders: u64,
    /// How many units of it.
    pub units: u64,
}

macro_rules! columns {
    () => {
        "batch_id, course, reasons, merchant_skus, ceiling, orders, actor, user_id, created_at, updated_at"
    };
}

macro_rules! insert_matching {
    ($list:literal) => {
        concat!(
            "insert into batch_orders (merchant_id, batch_id, order_id, shop_id, mark) ",
            "select merchant_id, cast($17 as text), order_id, shop_id, 'waiting' from orders where ",
            matching!($list),
            " limit $18"
        )
    };
}

macro_rules! ids_matching {
    ($list:literal) => {
        concat!("select order_id from orders where ", matching!($list), " limit $17")
    };
}

/// Items of a line `l` as the platform counts them: what it sold as one is one, whatever it consists of here.
macro_rules! items {
    () => {
        "(case when l.bundle_line is null then l.quantity when l.line_id = l.bundle_line || '*1' then l.quantity / l.bundle_units else 0 end)"
    };
}

statements! {
    INSERT = concat!("insert into batches (merchant_id, ", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    INSERT_ORDERS = "insert into batch_orders (merchant_id, batch_id, order_id, shop_id, mark) \
        select merchant_id, cast($2 as text), order_id, shop_id, 'waiting' from orders where merchant_id = $1 \
        and order_id in (select value from json_each($3)) and (cast($4 as text) is null or shop_id in (select value from json_each($4)))";
    INSERT_MATCHING_OF_LIST = insert_matching!("list = $2");
    INSERT_MATCHING_OF_ALL = insert_matching!("cast($2 as text) is null");
    IDS_MATCHING_OF_LIST = ids_matching!("list = $2");
    IDS_MATCHING_OF_ALL = ids_matching!("cast($2 as text) is null");
    IDS_KNOWN = "select order_id from orders where merchant_id = $1 and order_id in (select value from json_each($2)) \
        and (cast($3 as text) is null or shop_id in (select value from json_each($3)))";
    SET_ORDERS = "update batches set orders = $3 where merchant_id = $1 and batch_id = $2";
    WANT_JOBS = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) \
        select merchant_id, cast($3 as text), batch_id, shop_id, cast($4 as bigint), 1, 0, 0 from batch_orders \
        where merchant_id = $1 and batch_id = $2 and mark = 'waiting' group by merchant_id, batch_id, shop_id \
        on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, wake_at = excluded.wake_at";
    LOAD = concat!("select ", columns!(), " from batches where merchant_id = $1 and batch_id = $2");
    LOCK = "select course from batches where merchant_id = $1 and batch_id = $2 /* for update */";
    NEWEST = concat!("select ", columns!(), " from batches where merchant_id = $1 and course <> 'planned' and batch_id < $2 \
        and (cast($3 as text) is null or not exists (select 1 from batch_orders where batch_orders.merchant_id = batches.merchant_id \
        and batch_orders.batch_id = batches.batch_id and batch_orders.shop_id not in (select value from json_each($3)))) \
        order by batch_id desc limit $4");
    SET_COURSE = "update batches set course = $3, updated_at = $4 where merchant_id = $1 and batch_id = $2";
    SET_CHOICE = "update batches set reasons = $3, merchant_skus = $4, ceiling = $5, updated_at = $6 where merchant_id = $1 and batch_id = $2";
    SHOPS = "select shop_id, count(*) as orders from batch_orders where merchant_id = $1 and batch_id = $2 group by shop_id";
    PLATFORMS = "select distinct o.platform from batch_orders b join orders o on o.merchant_id = b.merchant_id and o.order_id = b.order_id \
        where b.merchant_id = $1 and b.batch_id = $2";
    ORDER_IDS = "select order_id from batch_orders where merchant_id = $1 and batch_id = $2 order by order_id";
    NUMBERS = "select b.mark, c.state, count(*) as orders from batch_orders b \
        left join cancellations c on c.merchant_id = b.merchant_id and c.cancellation_id = b.cancellation_id \
        where b.merchant_id = $1 and b.batch_id = $2 group by b.mark, c.state";
    ORDERS = "select b.order_id, b.shop_id, b.mark, b.cancellation_id, b.message, c.state, c.platform_message, c.cancelled_by, \
        o.number, o.platform, o.list from batch_orders b join orders o on o.merchant_id = b.merchant_id and o.order_id = b.order_id \
        left join cancellations c on c.merchant_id = b.merchant_id and c.cancellation_id = b.cancellation_id \
        where b.merchant_id = $1 and b.batch_id = $2 and b.order_id > $3 and (cast($4 as text) is null or $4 = \
        case when b.mark <> 'asked' then b.mark when c.state in ('done', 'refused', 'needs_attention') then c.state else 'running' end) \
        order by b.order_id limit $5";
    NEXT = "select order_id from batch_orders where merchant_id = $1 and batch_id = $2 and shop_id = $3 and mark = 'waiting' order by order_id limit $4";
    ASKED = "update batch_orders set mark = 'asked', cancellation_id = $4, message = null where merchant_id = $1 and batch_id = $2 and order_id = $3 and mark = 'waiting'";
    REFUSE = "update batch_orders set mark = 'refused', message = $4 where merchant_id = $1 and batch_id = $2 and order_id = $3 and mark = 'waiting'";
    STOP_WAITING = "update batch_orders set mark = 'stopped', message = $3 where merchant_id = $1 and batch_id = $2 and mark = 'waiting'";
    STOP_WAITING_OF_SHOP = "update batch_orders set mark = 'stopped', message = $4 where merchant_id = $1 and batch_id = $2 and shop_id = $3 and mark = 'waiting'";
    STOP_ASKED = "update batch_orders set mark = 'stopped', message = $3 where merchant_id = $1 and cancellation_id = $2";
    RETRY = "update batch_orders set mark = 'waiting', cancellation_id = null, message = null where merchant_id = $1 and batch_id = $2 \
        and (mark = 'refused' or (mark = 'asked' and exists (select 1 from cancellations c where c.merchant_id = batch_orders.merchant_id \
        and c.cancellation_id = batch_orders.cancellation_id and c.state = 'refused')))";
    HELD = "select b.cancellation_id, t.course from batch_orders b join batches t on t.merchant_id = b.merchant_id and t.batch_id = b.batch_id \
        where b.merchant_id = $1 and b.cancellation_id in (select value from json_each($2)) and t.course in ('paused', 'stopped')";
    WAKE_CANCELLATIONS = "update jobs set wanted = wanted + 1, wake_at = case when wake_at > cast($3 as bigint) then cast($3 as bigint) else wake_at end \
        where merchant_id = $1 and kind = 'cancellation' and subject in (select cancellation_id from batch_orders \
        where merchant_id = $1 and batch_id = $2 and mark = 'asked')";
    AGE_ANEW = "update cancellations set since = $3 where merchant_id = $1 and state not in ('done', 'refused') \
        and cancellation_id in (select cancellation_id from batch_orders where merchant_id = $1 and batch_id = $2 and mark = 'asked')";
    FACTS = "select o.order_id, o.shop_id, o.platform, o.number, o.list, o.platform_status, o.fulfilled_by, o.seller_may_cancel, o.cancelling, \
        o.cod, o.region, o.stage, o.voided, o.ordered_at, cast(coalesce(sum(l.quantity - l.canceled_quantity), 0) as bigint) as units, \
        cast(coalesce(sum(case when l.merchant_sku in (select value from json_each($3)) then l.quantity - l.canceled_quantity else 0 end), 0) as bigint) as chosen_units \
        from orders o left join lines l on l.merchant_id = o.merchant_id and l.order_id = o.order_id \
        where o.merchant_id = $1 and o.order_id in (select value from json_each($2)) \
        group by o.order_id, o.shop_id, o.platform, o.number, o.list, o.platform_status, o.fulfilled_by, o.seller_may_cancel, o.cancelling, \
        o.cod, o.region, o.stage, o.voided, o.ordered_at order by o.order_id";
    PRODUCTS = "select merchant_sku, min(name) as name, count(distinct order_id) as orders, cast(sum(quantity - canceled_quantity) as bigint) as units \
        from lines where merchant_id = $1 and order_id in (select value from json_each($2)) group by merchant_sku";
    TALLY_OF_ORDERS = "select count(*) as ordered, \
        cast(coalesce(sum(case when canceled_at > 0 and cancelled_by in (select value from json_each($5)) then 1 else 0 end), 0) as bigint) as canceled, \
        cast(coalesce(sum(case when cancelling then 1 else 0 end), 0) as bigint) as under_way \
        from orders where merchant_id = $1 and shop_id = $2 and ordered_at between $3 and $4 and list <> 'unpaid'";
    TALLY_OF_ITEMS = concat!(
        "select cast(coalesce(sum(", items!(), "), 0) as bigint) as ordered, \
        cast(coalesce(sum(case when o.canceled_at > 0 and o.cancelled_by in (select value from json_each($5)) then ", items!(), " else 0 end), 0) as bigint) \
        as canceled, cast(coalesce(sum(case when o.cancelling then ", items!(), " else 0 end), 0) as bigint) as under_way \
        from orders o join lines l on l.merchant_id = o.merchant_id and l.order_id = o.order_id \
        where o.merchant_id = $1 and o.shop_id = $2 and o.ordered_at between $3 and $4 and o.list <> 'unpaid'"
    );
    FORGET_PLANNED_ORDERS = "delete from batch_orders where (merchant_id, batch_id) in \
        (select merchant_id, batch_id from batches where course = 'planned' and created_at < $1)";
    FORGET_PLANNED = "delete from batches where course = 'planned' and created_at < $1";
}

fn choice(record: &BatchRecord) -> (String, String, Option<String>) {
    let reasons =
        record.reasons.iter().map(|(platform, reason)| (platform.as_str().to_owned(), reason.as_str().into()));
    let reasons = serde_json::Value::Object(reasons.collect()).to_string();
    let skus = json_list(record.merchant_skus.iter().map(MerchantSku::as_str));
    (reasons, skus, record.ceiling.map(|ceiling| ceiling.to_string()))
}

/// Adds a batch with its selection, in one statement each; answers how many orders it has.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(session: &mut Session, record: &BatchRecord, selection: &Selection) -> Result<u64, StoreError> {
    let (reasons, skus, ceiling) = choice(record);
    let (merchant, batch) = (record.merchant.as_str(), record.id.as_str());
    session
        .execute(
            INSERT,
            args![
                merchant,
                batch,
                record.course.as_str(),
                &reasons,
                &skus,
                ceiling,
                0_i64,
                &record.actor,
                record.user.as_str(),
                record.created_at.millis(),
                record.updated_at.millis(),
            ],
        )
        .await?;
    let orders = match selection {
        Selection::Orders(ids, shops) => {
            let ids = json_list(ids.iter().map(OrderId::as_str));
            let shops = shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
            session.execute(INSERT_ORDERS, args![merchant, batch, &ids, shops]).await?
        }
        Selection::Matching(filter) => {
            let mut args = arguments(&record.merchant, filter);
            args.extend([Arg::from(batch), Arg::from(i64::from(ORDERS_MAX) + 1)]);
            let statement = if filter.list.is_some() { INSERT_MATCHING_OF_LIST } else { INSERT_MATCHING_OF_ALL };
            session.execute(statement, &args).await?
        }
    };
    session.execute(SET_ORDERS, args![merchant, batch, i64::try_from(orders).unwrap_or(i64::MAX)]).await?;
    Ok(orders)
}

/// The ids of a selection that is not stored.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn ids_of(
    session: &mut Session,
    merchant: &MerchantId,
    selection: &Selection,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = match selection {
        Selection::Orders(ids, shops) => {
            let ids = json_list(ids.iter().map(OrderId::as_str));
            let shops = shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
            session.rows(IDS_KNOWN, args![merchant.as_str(), &ids, shops]).await?
        }
        Selection::Matching(filter) => {
            let mut args = arguments(merchant, filter);
            args.push(Arg::from(i64::from(ORDERS_MAX) + 1));
            let statement = if filter.list.is_some() { IDS_MATCHING_OF_LIST } else { IDS_MATCHING_OF_ALL };
            session.rows(statement, &args).await?
        }
    };
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// Asks for a batch's job in every shop where orders wait.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want_jobs(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), batch.as_str(), Kind::Batch.as_str(), now.millis()];
    session.execute(WANT_JOBS, args).await.map(drop)
}

/// Loads a batch.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Option<BatchRecord>, StoreError> {
    let row = session.row(LOAD, args![merchant.as_str(), batch.as_str()]).await?;
    row.map(|row| read(merchant, &row)).transpose()
}

/// Loads a batch and keeps others from changing its course until this transaction ends.
///
/// # Errors
/// As [`load`].
pub async fn load_locked(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Option<BatchRecord>, StoreError> {
    session.rows(LOCK, args![merchant.as_str(), batch.as_str()]).await?;
    load(session, merchant, batch).await
}

/// A page of batches that were begun, newest first, all of whose orders stand in these shops; `before` is the last id
/// of the page before.
///
/// # Errors
/// As [`load`].
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<BatchRecord>, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let args = args![merchant.as_str(), before.unwrap_or("\u{10FFFF}"), shops, limit];
    session.rows(NEWEST, args).await?.iter().map(|row| read(merchant, row)).collect()
}

/// Writes a batch's course.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_course(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    course: Course,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), batch.as_str(), course.as_str(), now.millis()];
    session.execute(SET_COURSE, args).await.map(drop)
}

/// Writes what was chosen for a batch: reasons, products, ceiling.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_choice(session: &mut Session, record: &BatchRecord) -> Result<(), StoreError> {
    let (reasons, skus, ceiling) = choice(record);
    let (merchant, batch) = (record.merchant.as_str(), record.id.as_str());
    let args = args![merchant, batch, &reasons, &skus, ceiling, record.updated_at.millis()];
    session.execute(SET_CHOICE, args).await.map(drop)
}

/// The shops of a batch's orders, and how many stand in each.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn shops(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Vec<(ShopId, u64)>, StoreError> {
    let rows = session.rows(SHOPS, args![merchant.as_str(), batch.as_str()]).await?;
    rows.iter().map(|row| Ok((parsed(row, "shop_id", |text| ShopId::parse(text))?, number(row, "orders")?))).collect()
}

/// The platforms of a batch's orders.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn platforms(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Vec<Platform>, StoreError> {
    let rows = session.rows(PLATFORMS, args![merchant.as_str(), batch.as_str()]).await?;
    rows.iter().map(|row| parsed(row, "platform", Platform::parse)).collect()
}

/// The ids of a batch's orders.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn order_ids(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = session.rows(ORDER_IDS, args![merchant.as_str(), batch.as_str()]).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// How many orders of a batch stand where, all at one moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn numbers(session: &mut Session, merchant: &MerchantId, batch: &BatchId) -> Result<Numbers, StoreError> {
    let mut numbers = Numbers::default();
    for row in session.rows(NUMBERS, args![merchant.as_str(), batch.as_str()]).await? {
        numbers.add(state_of(&row)?, number(&row, "orders")?);
    }
    Ok(numbers)
}

/// The state of a batch with these numbers.
#[must_use]
pub fn state(record: &BatchRecord, numbers: &Numbers) -> BatchState {
    BatchState::of(record.course, numbers)
}

/// A page of a batch's orders, in one state or all; `after` is the last id of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn orders(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    state: Option<OrderState>,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<BatchOrder>, StoreError> {
    let args =
        args![merchant.as_str(), batch.as_str(), after.unwrap_or_default(), state.map(OrderState::as_str), limit];
    let rows = session.rows(ORDERS, args).await?;
    rows.iter()
        .map(|row| {
            let cancellation = parsed_optional(row, "cancellation_id", |text| CancellationId::parse(text))?;
            let message = match row.optional_text("message")? {
                Some(message) => Some(message),
                None => row.optional_text("platform_message")?,
            };
            Ok(BatchOrder {
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                number: parsed(row, "number", |text| OrderNumber::parse(text))?,
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                platform: parsed(row, "platform", Platform::parse)?,
                list: parsed(row, "list", List::parse)?,
                state: state_of(row)?,
                cancellation,
                message: match parsed_optional(row, "cancelled_by", Initiator::parse)? {
                    Some(by) if message.is_none() => Some(format!("canceled by {by}")),
                    _ => message,
                },
            })
        })
        .collect()
}

/// The orders of a shop whose turn is next.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn next(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    shop: &ShopId,
    limit: u32,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = session.rows(NEXT, args![merchant.as_str(), batch.as_str(), shop.as_str(), limit]).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// Notes that an order's cancel was asked for; false where it waits no more.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn asked(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    order: &OrderId,
    cancellation: &CancellationId,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), batch.as_str(), order.as_str(), cancellation.as_str()];
    Ok(session.execute(ASKED, args).await? > 0)
}

/// Notes that a gate was closed when an order's turn came, and why.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn refuse(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    order: &OrderId,
    why: &str,
) -> Result<(), StoreError> {
    session.execute(REFUSE, args![merchant.as_str(), batch.as_str(), order.as_str(), why]).await.map(drop)
}

/// Stops what waits, in one shop or in all; answers how many orders that were.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn stop_waiting(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    shop: Option<&ShopId>,
    why: &str,
) -> Result<u64, StoreError> {
    let (merchant, batch) = (merchant.as_str(), batch.as_str());
    match shop {
        Some(shop) => session.execute(STOP_WAITING_OF_SHOP, args![merchant, batch, shop.as_str(), why]).await,
        None => session.execute(STOP_WAITING, args![merchant, batch, why]).await,
    }
}

/// Notes that a cancellation was taken back because its batch was stopped.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn stop_asked(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    why: &str,
) -> Result<(), StoreError> {
    session.execute(STOP_ASKED, args![merchant.as_str(), cancellation.as_str(), why]).await.map(drop)
}

/// Lets those wait again that were refused; answers how many.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn retry(session: &mut Session, merchant: &MerchantId, batch: &BatchId) -> Result<u64, StoreError> {
    session.execute(RETRY, args![merchant.as_str(), batch.as_str()]).await
}

/// Which of these cancellations belong to a batch that sends nothing now, and whether it is paused or stopped.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn held(
    session: &mut Session,
    merchant: &MerchantId,
    cancellations: &[CancellationId],
) -> Result<HashMap<CancellationId, Course>, StoreError> {
    let list = json_list(cancellations.iter().map(CancellationId::as_str));
    let rows = session.rows(HELD, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let id = parsed(row, "cancellation_id", |text| CancellationId::parse(text))?;
            Ok((id, parsed(row, "course", Course::parse)?))
        })
        .collect()
}

/// Wakes a batch's cancellations that were held. Their age counts anew: the wait was not the platform's.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn wake(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &BatchId,
    now: Moment,
) -> Result<(), StoreError> {
    session.execute(AGE_ANEW, args![merchant.as_str(), batch.as_str(), now.millis()]).await?;
    session.execute(WAKE_CANCELLATIONS, args![merchant.as_str(), batch.as_str(), now.millis()]).await.map(drop)
}

/// What the gates and the plan look at, of these orders; `chosen` are the products that reasons speak of.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn facts(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
    chosen: &[MerchantSku],
) -> Result<Vec<OrderFactsRow>, StoreError> {
    let chosen = json_list(chosen.iter().map(MerchantSku::as_str));
    let mut facts = Vec::with_capacity(orders.len());
    for orders in orders.chunks(FACTS_PER_READ) {
        let list = json_list(orders.iter().map(OrderId::as_str));
        for row in session.rows(FACTS, args![merchant.as_str(), &list, &chosen]).await? {
            facts.push(OrderFactsRow {
                order: parsed(&row, "order_id", |text| OrderId::parse(text))?,
                shop: parsed(&row, "shop_id", |text| ShopId::parse(text))?,
                platform: parsed(&row, "platform", Platform::parse)?,
                number: parsed(&row, "number", |text| OrderNumber::parse(text))?,
                list: parsed(&row, "list", List::parse)?,
                platform_status: row.text("platform_status")?,
                fulfilled_by: parsed(&row, "fulfilled_by", FulfilledBy::parse)?,
                seller_may_cancel: row.optional_truth("seller_may_cancel")?,
                cancelling: row.truth("cancelling")?,
                cod: row.truth("cod")?,
                region: row.text("region")?,
                stage: parsed(&row, "stage", Stage::parse)?,
                voided: row.truth("voided")?,
                ordered_at: Moment::from_millis(row.int("ordered_at")?),
                units: number(&row, "units")?,
                chosen_units: number(&row, "chosen_units")?,
            });
        }
    }
    Ok(facts)
}

/// The products of these orders, those of most units first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn products(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<Product>, StoreError> {
    let mut products: BTreeMap<MerchantSku, Product> = BTreeMap::new();
    for orders in orders.chunks(FACTS_PER_READ) {
        let list = json_list(orders.iter().map(OrderId::as_str));
        for row in session.rows(PRODUCTS, args![merchant.as_str(), &list]).await? {
            let sku = parsed(&row, "merchant_sku", |text| MerchantSku::parse(text))?;
            let name = row.text("name")?;
            let product = products.entry(sku.clone()).or_insert(Product { sku, name, orders: 0, units: 0 });
            product.orders += number(&row, "orders")?;
            product.units += number(&row, "units")?;
        }
    }
    let mut products: Vec<Product> = products.into_values().collect();
    products.sort_by(|one, other| other.units.cmp(&one.units).then_with(|| one.sku.cmp(&other.sku)));
    Ok(products)
}

/// What a shop's cancellation rate is made of, over its rule's window; `now` is the platform's.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn tally(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    rule: &RateRule,
    now: Moment,
) -> Result<Tally, StoreError> {
    let (from, to) = window(rule, now);
    let counts = json_list(rule.counts.iter().map(|by| by.as_str()));
    let statement = match rule.unit {
        RateUnit::Orders => TALLY_OF_ORDERS,
        RateUnit::Items => TALLY_OF_ITEMS,
    };
    let args = args![merchant.as_str(), shop.as_str(), from.millis(), to.millis(), &counts];
    let Some(row) = session.row(statement, args).await? else { return Ok(Tally::default()) };
    Ok(Tally {
        ordered: number(&row, "ordered")?,
        canceled: number(&row, "canceled")?,
        under_way: number(&row, "under_way")?,
    })
}

/// Between which moments an order must have been placed for a rule to look at it.
#[must_use]
pub fn window(rule: &RateRule, now: Moment) -> (Moment, Moment) {
    let days = |days: u32| Span::from_seconds(i64::from(days) * 86_400);
    (now.minus(days(rule.from_days)), now.minus(days(rule.to_days)))
}

/// Forgets plans older than [`PLAN_KEPT_FOR`] that were not carried out.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_old_plans(session: &mut Session, now: Moment) -> Result<u64, StoreError> {
    let before = now.minus(PLAN_KEPT_FOR).millis();
    session.execute(FORGET_PLANNED_ORDERS, args![before]).await?;
    session.execute(FORGET_PLANNED, args![before]).await
}

fn number(row: &Row, column: &str) -> Result<u64, StoreError> {
    let number = row.int(column)?;
    u64::try_from(number).map_err(|_| StoreError::unreadable(column, number))
}

fn state_of(row: &Row) -> Result<OrderState, StoreError> {
    let mark = parsed(row, "mark", Mark::parse)?;
    Ok(OrderState::of(mark, parsed_optional(row, "state", State::parse)?))
}

fn read(merchant: &MerchantId, row: &Row) -> Result<BatchRecord, StoreError> {
    let (reasons, skus) = (row.text("reasons")?, row.text("merchant_skus")?);
    let kept: BTreeMap<String, String> =
        serde_json::from_str(&reasons).map_err(|_| StoreError::unreadable("reasons", &reasons))?;
    let mut chosen = BTreeMap::new();
    for (platform, reason) in kept {
        let platform = Platform::parse(&platform).map_err(|_| StoreError::unreadable("reasons", &platform))?;
        chosen.insert(platform, ReasonCode::parse(reason).map_err(|_| StoreError::unreadable("reasons", &reasons))?);
    }
    let names: Vec<String> = serde_json::from_str(&skus).map_err(|_| StoreError::unreadable("merchant_skus", &skus))?;
    let merchant_skus: Result<Vec<MerchantSku>, _> = names.into_iter().map(MerchantSku::parse).collect();
    let ceiling = match row.optional_text("ceiling")? {
        Some(text) => Some(Ceiling::parse(&text).ok_or_else(|| StoreError::unreadable("ceiling", &text))?),
        None => None,
    };
    Ok(BatchRecord {
        merchant: merchant.clone(),
        id: parsed(row, "batch_id", |text| BatchId::parse(text))?,
        course: parsed(row, "course", Course::parse)?,
        reasons: chosen,
        merchant_skus: merchant_skus.map_err(|_| StoreError::unreadable("merchant_skus", &skus))?,
        ceiling,
        orders: number(row, "orders")?,
        actor: row.text("actor")?,
        user: parsed(row, "user_id", |text| UserId::parse(text))?,
        created_at: Moment::from_millis(row.int("created_at")?),
        updated_at: Moment::from_millis(row.int("updated_at")?),
    })
}
