//! Cancelled orders whose units come back: which wait, the receipts of what was stocked in, and selections that are
//! worked through in the background.

use crate::error::StoreError;
use crate::orders::{OrderRecord, json_list, parsed, parsed_optional};
use crate::session::{Arg, Row, Session, args, statements};
use crate::shop_stock;
use domain::ids::{LineId, MerchantId, MerchantSku, OrderId, OrderNumber, ShopId, StockInId, WarehouseId};
use domain::order::Stage;
use domain::platform::Platform;
use domain::snapshot::Initiator;
use domain::stock::Visit;
use domain::time::Moment;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The tabs of the canceled orders (`product.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Units wait, whatever list their order stands in; longest waiting first.
    ToStockIn,
    /// No unit waits any more; last settled first.
    StockedIn,
    /// Canceled, and no unit had left its place; last canceled first.
    NothingToDo,
    /// Everything in the list Canceled; last canceled first.
    All,
}

/// Which orders a page shows; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this marketplace.
    pub platform: Option<Platform>,
    /// Only these shops: what the reader chose and may see.
    pub shops: Option<Vec<ShopId>>,
    /// The platform's status before the cancel.
    pub status_before: Option<String>,
    /// Who cancelled.
    pub cancelled_by: Option<Initiator>,
    /// How far the goods are.
    pub stage: Option<Stage>,
    /// Beginning of an order number, tracking number, package number or SKU.
    pub search: Option<String>,
    /// Canceled between these moments.
    pub canceled: Option<(Moment, Moment)>,
    /// Waiting since then or longer.
    pub since_before: Option<Moment>,
    /// At least as many units wait.
    pub units: Option<u32>,
    /// The carrier was asked, or not.
    pub claimed: Option<bool>,
}

/// What is kept of an order's return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnRecord {
    /// The order.
    pub order: OrderId,
    /// Units that wait now.
    pub units: u32,
    /// From when on they wait, by the platform's clock; `None` where none ever did.
    pub since: Option<Moment>,
    /// When the last of them was stocked in.
    pub settled_at: Option<Moment>,
    /// The platform's status before the cancel, where it was seen.
    pub status_before: Option<String>,
    /// Who asked the carrier where the parcel is, and when.
    pub claimed: Option<(String, Moment)>,
}

/// How a merchant takes units in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The warehouse that is offered first; `None` offers the one that the units left from.
    pub return_warehouse: Option<WarehouseId>,
    /// The same for shops that have one of their own.
    pub return_warehouses: HashMap<ShopId, WarehouseId>,
    /// Days of waiting after which somebody is told.
    pub alert_days: u32,
}

impl Settings {
    /// The warehouse that is offered first for orders of these shops: one that all of them share, else the merchant's.
    #[must_use]
    pub fn offered<'a>(&self, shops: impl IntoIterator<Item = &'a ShopId>) -> Option<&WarehouseId> {
        let mut of_shops = shops.into_iter().map(|shop| self.return_warehouses.get(shop));
        let first = of_shops.next().flatten();
        let shared = first.filter(|first| of_shops.all(|other| other == Some(first)));
        shared.or(self.return_warehouse.as_ref())
    }
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key of the last order.
    pub key: i64,
    /// Its id.
    pub id: OrderId,
}

/// What one visit did with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// The line.
    pub line: LineId,
    /// What it is.
    pub sku: MerchantSku,
    /// What was found of it.
    pub visit: Visit,
}

/// The receipt of one visit that put units of one order back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its id; sorts by time.
    pub id: StockInId,
    /// The order.
    pub order: OrderId,
    /// The warehouse that took the units in.
    pub warehouse: WarehouseId,
    /// The selection that it was part of.
    pub batch: Option<String>,
    /// What the operator noted.
    pub note: Option<String>,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Moment,
    /// What was put where.
    pub lines: Vec<ReceiptLine>,
    /// Who took it back, why and when.
    pub undone: Option<Undone>,
}

/// That a receipt was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// When.
    pub at: Moment,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Receipt {
    /// Units that it says something about.
    #[must_use]
    pub fn units(&self) -> u32 {
        self.lines.iter().map(|line| line.visit.units()).sum()
    }
}

/// A selection that is stocked in, order by order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// The warehouse that takes the units in.
    pub warehouse: WarehouseId,
    /// What the operator noted.
    pub note: Option<String>,
    /// Who.
    pub actor: String,
    /// The shops that the actor sees; `None` means all.
    pub shops: Option<Vec<ShopId>>,
    /// Orders in it.
    pub total: u32,
    /// Orders whose units were stocked in.
    pub done: u32,
    /// Orders that were left as they are.
    pub skipped: u32,
    /// When it was asked for.
    pub created_at: Moment,
}

impl Batch {
    /// Orders that are not worked on yet.
    #[must_use]
    pub const fn waiting(&self) -> u32 {
        self.total.saturating_sub(self.done).saturating_sub(self.skipped)
    }
}

/// An order of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOrder {
    /// Which.
    pub order: OrderId,
    /// Units that waited when the selection was made.
    pub expected: u32,
    /// `waiting`, `done` or `skipped`.
    pub state: String,
    /// Why it was skipped.
    pub detail: Option<String>,
}

/// What became of one order of a [`Batch`], with what a person knows it by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the order and of BatchOrder")]
pub struct BatchResult {
    pub order: OrderId,
    pub number: OrderNumber,
    pub platform: Platform,
    pub shop: ShopId,
    /// `waiting`, `done` or `skipped`.
    pub state: String,
    /// Why it was skipped.
    pub detail: Option<String>,
    /// Its receipt, with the units that it says something about.
    pub receipt: Option<(StockInId, u32)>,
}

/// Narrows orders `o` and their returns `r` by the filter, $2 to $14.
macro_rules! narrowed {
    () => {
        " and (cast($2 as text) is null or o.tab = $2) \
          and (cast($3 as text) is null or o.platform = $3) \
          and (cast($4 as text) is null or o.shop_id in (select value from json_each($4))) \
          and (cast($5 as text) is null or o.status_before = $5) \
          and (cast($6 as text) is null or o.cancelled_by = $6) \
          and (cast($7 as text) is null or o.stage = $7) \
          and (cast($8 as text) is null or o.order_id in (select order_id from order_terms where merchant_id = $1 and term >= $8 and term < $9)) \
          and (cast($10 as bigint) is null or case when o.canceled_at = 0 then r.since else o.canceled_at end between $10 and cast($11 as bigint)) \
          and (cast($12 as bigint) is null or r.since <= $12) \
          and (cast($13 as bigint) is null or r.units >= $13) \
          and (cast($14 as boolean) is null or (r.claimed_at is not null) = $14)"
    };
}

macro_rules! returning {
    () => {
        " from returns r join orders o on o.merchant_id = r.merchant_id and o.order_id = r.order_id where r.merchant_id = $1"
    };
}

macro_rules! columns {
    ($key:literal) => {
        concat!(
            "select o.order_id, ", $key, " as sort_key, coalesce(r.units, 0) as units, r.since, r.settled_at, o.status_before, r.claimed_by, r.claimed_at"
        )
    };
}

// `changed` is materialized, and brings the merchant, so that its rows are looked up one by one by their key: joined with
// `json_each`, SQLite walks all of the merchant's orders for every row.
statements! {
    TO_STOCK_IN = concat!(columns!("r.since"), returning!(), " and r.units > 0", narrowed!(),
        " and (r.since, r.order_id) > ($15, $16) order by r.since, r.order_id limit $17");
    STOCKED_IN = concat!(columns!("r.settled_at"), returning!(), " and r.units = 0", narrowed!(),
        " and (r.settled_at, r.order_id) < ($15, $16) order by r.settled_at desc, r.order_id desc limit $17");
    CANCELED = concat!(columns!("o.canceled_at"),
        " from orders o left join returns r on r.merchant_id = o.merchant_id and r.order_id = o.order_id where o.merchant_id = $1 and o.list = 'canceled'",
        narrowed!(), " and (o.canceled_at, o.order_id) < ($15, $16) order by o.canceled_at desc, o.order_id desc limit $17");
    OF_ORDERS = concat!(columns!("o.canceled_at"),
        " from orders o left join returns r on r.merchant_id = o.merchant_id and r.order_id = o.order_id where o.merchant_id = $1 \
          and o.order_id in (select value from json_each($2))");
    COUNT_WAITING = "select count(*) as orders from returns r where r.merchant_id = $1 and r.units > 0 and (cast($2 as text) is null or exists \
        (select 1 from orders o where o.merchant_id = r.merchant_id and o.order_id = r.order_id and o.shop_id in (select value from json_each($2))))";
    COUNT_NOT_RESTOCKABLE = concat!("select count(*) as orders", returning!(), " and r.units > 0", narrowed!(),
        " and (select q.restock from cancellation_requests q where q.merchant_id = r.merchant_id and q.order_id = r.order_id \
        and q.restock is not null and q.state not in ('rejected', 'withdrawn') order by q.request_id desc limit 1) = false");
    COUNT_OVERDUE = "select count(*) as orders from (select 1 as one from returns r join orders o on o.merchant_id = r.merchant_id \
        and o.order_id = r.order_id where r.merchant_id = $1 and r.units > 0 and r.since <= $2 and r.claimed_at is null \
        and (cast($3 as text) is null or o.shop_id in (select value from json_each($3))) limit $4) as found";
    SETTINGS = "select return_warehouse_id, stock_in_alert_days from merchants where merchant_id = $1";
    SET_SETTINGS = "update merchants set return_warehouse_id = $2, stock_in_alert_days = $3 where merchant_id = $1";
    // From one status to the next along the index: there are few, and many orders.
    STATUSES_BEFORE = "with recursive found as (select min(status_before) as status from orders where merchant_id = $1 and list = 'canceled' \
        and status_before is not null union all select (select min(o.status_before) from orders o where o.merchant_id = $1 and o.list = 'canceled' \
        and o.status_before is not null and o.status_before > found.status) as status from found where found.status is not null) \
        select status as status_before from found where status is not null limit 100";
    CLAIM = "update returns set claimed_by = $3, claimed_at = $4 where merchant_id = $1 and order_id = $2 and units > 0";
    INSERT = "insert into stock_ins (merchant_id, stock_in_id, order_id, warehouse_id, batch_id, units, note, actor, at) \
        select $1, json_extract(value, '$.id'), json_extract(value, '$.order'), json_extract(value, '$.warehouse'), json_extract(value, '$.batch'), \
        cast(json_extract(value, '$.units') as bigint), json_extract(value, '$.note'), json_extract(value, '$.actor'), cast($3 as bigint) from json_each($2)";
    INSERT_LINES = "insert into stock_in_lines (merchant_id, stock_in_id, line_id, merchant_sku, sellable, defective, missing, found) \
        select $1, json_extract(value, '$.id'), json_extract(value, '$.line'), json_extract(value, '$.sku'), \
        cast(json_extract(value, '$.sellable') as bigint), cast(json_extract(value, '$.defective') as bigint), \
        cast(json_extract(value, '$.missing') as bigint), cast(json_extract(value, '$.found') as bigint) from json_each($2)";
    SETTLE_ORDERS = "with changed as materialized (select cast($1 as text) as of_merchant, json_extract(value, '$.order') as of_order, \
        cast(json_extract(value, '$.version') as bigint) as of_version, json_extract(value, '$.tab') as new_tab, \
        cast(json_extract(value, '$.at') as bigint) as new_at from json_each($2)) \
        update orders set version = version + 1, tab = new_tab, updated_at = new_at from changed \
        where orders.merchant_id = of_merchant and orders.order_id = of_order and orders.version = of_version";
    SETTLE_LINES = "with changed as materialized (select cast($1 as text) as of_merchant, json_extract(value, '$.order') as of_order, \
        json_extract(value, '$.line') as of_line, cast(json_extract(value, '$.returning') as bigint) as new_returning, \
        cast(json_extract(value, '$.lost') as bigint) as new_lost, cast(json_extract(value, '$.stock_in') as bigint) as new_stock_in, \
        cast(json_extract(value, '$.find') as bigint) as new_find from json_each($2)) \
        update lines set returning_units = new_returning, lost = new_lost, moved_stock_in = new_stock_in, moved_find = new_find from changed \
        where lines.merchant_id = of_merchant and lines.order_id = of_order and lines.line_id = of_line";
    SETTLE_RETURNS = "with changed as materialized (select cast($1 as text) as of_merchant, json_extract(value, '$.order') as of_order, \
        cast(json_extract(value, '$.units') as bigint) as new_units, cast(json_extract(value, '$.settled_at') as bigint) as new_settled_at \
        from json_each($2)) update returns set units = new_units, settled_at = new_settled_at from changed \
        where returns.merchant_id = of_merchant and returns.order_id = of_order";
    LABELS_GONE = "update labels set gone = true where merchant_id = $1 and prints > 0 and order_id in (select value from json_each($2))";
    LABELS_BACK_IN_THE_PILE = "update labels set pulled_at = null, pulled_by = null where merchant_id = $1 and pulled_at is not null \
        and order_id in (select value from json_each($2))";
    OF_ORDER = "select stock_in_id, order_id, warehouse_id, batch_id, note, actor, at, undone_at, undone_by, undone_why from stock_ins \
        where merchant_id = $1 and order_id = $2 order by stock_in_id limit 500";
    ONE = "select stock_in_id, order_id, warehouse_id, batch_id, note, actor, at, undone_at, undone_by, undone_why from stock_ins \
        where merchant_id = $1 and stock_in_id = $2";
    LINES = "select stock_in_id, line_id, merchant_sku, sellable, defective, missing, found from stock_in_lines \
        where merchant_id = $1 and stock_in_id in (select value from json_each($2)) order by stock_in_id, line_id";
    UNDONE = "update stock_ins set undone_at = $3, undone_by = $4, undone_why = $5 where merchant_id = $1 and stock_in_id = $2 and undone_at is null";
    BEGIN_BATCH = "insert into stock_in_batches (merchant_id, batch_id, warehouse_id, note, actor, shops, total, done, skipped, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7, $7)";
    SELECT_FOR_BATCH = concat!("insert into stock_in_batch_orders (merchant_id, batch_id, order_id, expected, state) \
        select r.merchant_id, $15, r.order_id, r.units, 'waiting'", returning!(), " and r.units > 0", narrowed!());
    SET_TOTAL = "update stock_in_batches set total = $3 where merchant_id = $1 and batch_id = $2";
    BATCH = "select batch_id, warehouse_id, note, actor, shops, total, done, skipped, created_at from stock_in_batches \
        where merchant_id = $1 and batch_id = $2";
    BATCH_ORDERS = "select order_id, expected, state, detail from stock_in_batch_orders where merchant_id = $1 and batch_id = $2 and state = $3 \
        and order_id > $4 order by order_id limit $5";
    BATCH_RESULTS = "select b.order_id, b.state, b.detail, o.number, o.platform, o.shop_id, s.stock_in_id, s.units from stock_in_batch_orders b \
        join orders o on o.merchant_id = b.merchant_id and o.order_id = b.order_id \
        left join stock_ins s on s.merchant_id = b.merchant_id and s.order_id = b.order_id and s.batch_id = b.batch_id \
        where b.merchant_id = $1 and b.batch_id = $2 order by b.order_id limit $3";
    BATCH_DONE = "update stock_in_batch_orders set state = 'done' where merchant_id = $1 and batch_id = $2 \
        and order_id in (select value from json_each($3))";
    BATCH_SKIPPED = "update stock_in_batch_orders set state = 'skipped', detail = $4 where merchant_id = $1 and batch_id = $2 and order_id = $3";
    BATCH_COUNTED = "update stock_in_batches set done = done + $3, skipped = skipped + $4, updated_at = $5 where merchant_id = $1 and batch_id = $2";
}

fn read_return(row: &Row) -> Result<ReturnRecord, StoreError> {
    let settled_at = row.optional_int("settled_at")?.filter(|at| *at != 0);
    let claimed = row.optional_text("claimed_by")?.zip(row.optional_int("claimed_at")?);
    Ok(ReturnRecord {
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        units: row.units("units")?,
        since: row.optional_int("since")?.map(Moment::from_millis),
        settled_at: settled_at.map(Moment::from_millis),
        status_before: row.optional_text("status_before")?,
        claimed: claimed.map(|(by, at)| (by, Moment::from_millis(at))),
    })
}

/// The filter's texts, made once so that they can be borrowed as arguments.
struct Narrowed {
    shops: Option<String>,
    search: Option<String>,
    search_end: Option<String>,
    canceled: Option<(i64, i64)>,
}

impl Narrowed {
    fn of(filter: &Filter) -> Self {
        let search = filter.search.as_ref().map(|text| text.to_lowercase());
        Self {
            shops: filter.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str))),
            // The highest code point closes the range of all terms that begin so.
            search_end: search.as_ref().map(|text| format!("{text}\u{10FFFF}")),
            search,
            canceled: filter.canceled.map(|(from, to)| (from.millis(), to.millis())),
        }
    }

    /// The values of $1 to $14.
    fn args<'a>(&'a self, merchant: &'a MerchantId, tab: Option<&'a str>, filter: &'a Filter) -> Vec<Arg<'a>> {
        vec![
            merchant.as_str().into(),
            tab.into(),
            filter.platform.map(Platform::as_str).into(),
            self.shops.as_deref().into(),
            filter.status_before.as_deref().into(),
            filter.cancelled_by.map(Initiator::as_str).into(),
            filter.stage.map(Stage::as_str).into(),
            self.search.as_deref().into(),
            self.search_end.as_deref().into(),
            self.canceled.map(|(from, _)| from).into(),
            self.canceled.map(|(_, to)| to).into(),
            filter.since_before.map(Moment::millis).into(),
            filter.units.map(i64::from).into(),
            filter.claimed.into(),
        ]
    }
}

/// A page of canceled orders with what is kept of their return, and where the next begins.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    which: Which,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<(Vec<ReturnRecord>, Option<Cursor>), StoreError> {
    let narrowed = Narrowed::of(filter);
    let (statement, tab) = match which {
        Which::ToStockIn => (TO_STOCK_IN, None),
        Which::StockedIn => (STOCKED_IN, None),
        Which::NothingToDo => (CANCELED, Some(domain::order::Tab::NothingToDo.as_str())),
        Which::All => (CANCELED, None),
    };
    let (key, id) = match after {
        Some(cursor) => (cursor.key, cursor.id.as_str()),
        None if which == Which::ToStockIn => (i64::MIN, ""),
        None => (i64::MAX, "\u{10FFFF}"),
    };
    let mut args = narrowed.args(merchant, tab, filter);
    args.extend([key.into(), id.into(), (i64::from(limit) + 1).into()]);
    let rows = session.rows(statement, &args).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::with_capacity(rows.len().min(shown));
    let mut last = None;
    for row in rows.iter().take(shown) {
        let record = read_return(row)?;
        last = Some(Cursor { key: row.int("sort_key")?, id: record.order.clone() });
        found.push(record);
    }
    Ok((found, if rows.len() > shown { last } else { None }))
}

/// What is kept of these orders' returns.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn returns_of(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, ReturnRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    let rows = session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?;
    rows.iter().map(|row| read_return(row).map(|record| (record.order.clone(), record))).collect()
}

/// How many orders wait to be stocked in, in these shops; `None` means all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count_waiting(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
) -> Result<i64, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let row = session.row(COUNT_WAITING, args![merchant.as_str(), shops.as_deref()]).await?;
    row.map_or(Ok(0), |row| row.int("orders"))
}

/// How many waiting orders pass the filter whose goods the platform thinks cannot be sold again: a selection leaves them.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count_not_restockable(
    session: &mut Session,
    merchant: &MerchantId,
    filter: &Filter,
) -> Result<i64, StoreError> {
    let narrowed = Narrowed::of(filter);
    let row = session.row(COUNT_NOT_RESTOCKABLE, &narrowed.args(merchant, None, filter)).await?;
    row.map_or(Ok(0), |row| row.int("orders"))
}

/// How many orders have waited since before this moment of the marketplaces' clocks, and no carrier was asked; counted up
/// to `most`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count_overdue(
    session: &mut Session,
    merchant: &MerchantId,
    since: Moment,
    shops: Option<&[ShopId]>,
    most: u32,
) -> Result<i64, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let args = args![merchant.as_str(), since.millis(), shops.as_deref(), most];
    let row = session.row(COUNT_OVERDUE, args).await?;
    row.map_or(Ok(0), |row| row.int("orders"))
}

/// How a merchant takes units in.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn settings(session: &mut Session, merchant: &MerchantId) -> Result<Settings, StoreError> {
    let row = session.row(SETTINGS, args![merchant.as_str()]).await?.ok_or(StoreError::Conflict("the merchant"))?;
    Ok(Settings {
        return_warehouse: parsed_optional(&row, "return_warehouse_id", |text| WarehouseId::parse(text))?,
        return_warehouses: shop_stock::return_warehouses(session, merchant).await?,
        alert_days: row.units("stock_in_alert_days")?,
    })
}

/// Changes how a merchant takes units in; where single shops do is [`shop_stock::set_warehouses`]'s.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_settings(
    session: &mut Session,
    merchant: &MerchantId,
    return_warehouse: Option<&WarehouseId>,
    alert_days: u32,
) -> Result<(), StoreError> {
    let warehouse = return_warehouse.map(WarehouseId::as_str);
    session.execute(SET_SETTINGS, args![merchant.as_str(), warehouse, alert_days]).await.map(drop)
}

/// The platforms' statuses that orders had before they were canceled.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn statuses_before(session: &mut Session, merchant: &MerchantId) -> Result<Vec<String>, StoreError> {
    let rows = session.rows(STATUSES_BEFORE, args![merchant.as_str()]).await?;
    rows.iter().map(|row| row.text("status_before")).collect()
}

/// Notes that the carrier was asked where an order's parcel is; false where none of its units waits.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    by: &str,
    at: Moment,
) -> Result<bool, StoreError> {
    Ok(session.execute(CLAIM, args![merchant.as_str(), order.as_str(), by, at.millis()]).await? > 0)
}

/// Writes receipts of the same moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(
    session: &mut Session,
    merchant: &MerchantId,
    receipts: &[Receipt],
    at: Moment,
) -> Result<(), StoreError> {
    let rows = receipts.iter().map(|receipt| {
        json!({
            "id": receipt.id.as_str(),
            "order": receipt.order.as_str(),
            "warehouse": receipt.warehouse.as_str(),
            "batch": receipt.batch,
            "units": receipt.units(),
            "note": receipt.note,
            "actor": receipt.actor,
        })
    });
    session.execute(INSERT, args![merchant.as_str(), Value::from_iter(rows).to_string(), at.millis()]).await?;
    let lines = receipts.iter().flat_map(|receipt| {
        receipt.lines.iter().map(|line| {
            json!({
                "id": receipt.id.as_str(),
                "line": line.line.as_str(),
                "sku": line.sku.as_str(),
                "sellable": line.visit.sellable,
                "defective": line.visit.defective,
                "missing": line.visit.missing,
                "found": line.visit.found,
            })
        })
    });
    session.execute(INSERT_LINES, args![merchant.as_str(), Value::from_iter(lines).to_string()]).await.map(drop)
}

/// Saves orders whose waiting units were stocked in, as [`crate::orders::update`] would, in one statement per table however many
/// they are: a selection may be a hundred thousand. Nothing but tab, returning, lost and their counters may have changed.
///
/// # Errors
/// [`StoreError::Conflict`] when somebody changed one of them since it was loaded; else what the database says.
pub async fn save_orders(
    session: &mut Session,
    merchant: &MerchantId,
    changed: &[(OrderRecord, OrderRecord)],
) -> Result<(), StoreError> {
    let (mut of_orders, mut of_lines, mut of_returns) = (Vec::new(), Vec::new(), Vec::new());
    let (mut gone, mut back) = (Vec::new(), Vec::new());
    for (before, after) in changed {
        let (order, tab, at) = (before.id.as_str(), after.tab.as_str(), after.updated_at.millis());
        of_orders.push(json!({"order": order, "version": before.version, "tab": tab, "at": at}));
        for line in after.lines.iter().filter(|line| !before.lines.contains(line)) {
            let stock = &line.stock;
            of_lines.push(
                json!({"order": order, "line": line.id.as_str(), "returning": stock.returning, "lost": stock.lost,
                "stock_in": stock.moved.stock_in, "find": stock.moved.find}),
            );
        }
        let units = after.returning();
        if units != before.returning() {
            of_returns.push(json!({"order": order, "units": units, "settled_at": if units == 0 { at } else { 0 }}));
            if units == 0 {
                gone.push(order);
            }
        }
        if before.must_be_pulled() && !after.must_be_pulled() {
            back.push(order);
        }
    }
    let saved = session.execute(SETTLE_ORDERS, args![merchant.as_str(), Value::from(of_orders).to_string()]).await?;
    if saved != u64::try_from(changed.len()).unwrap_or(u64::MAX) {
        return Err(StoreError::Conflict("the order"));
    }
    for (statement, rows) in [(SETTLE_LINES, of_lines), (SETTLE_RETURNS, of_returns)] {
        session.execute(statement, args![merchant.as_str(), Value::from(rows).to_string()]).await?;
    }
    for (statement, orders) in [(LABELS_GONE, gone), (LABELS_BACK_IN_THE_PILE, back)] {
        if !orders.is_empty() {
            session.execute(statement, args![merchant.as_str(), json_list(orders)]).await?;
        }
    }
    Ok(())
}

/// The receipts of one order, oldest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_order(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
) -> Result<Vec<Receipt>, StoreError> {
    let rows = session.rows(OF_ORDER, args![merchant.as_str(), order.as_str()]).await?;
    read_receipts(session, merchant, &rows).await
}

/// One receipt.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn load(session: &mut Session, merchant: &MerchantId, id: &StockInId) -> Result<Option<Receipt>, StoreError> {
    let rows = session.rows(ONE, args![merchant.as_str(), id.as_str()]).await?;
    Ok(read_receipts(session, merchant, &rows).await?.pop())
}

async fn read_receipts(session: &mut Session, merchant: &MerchantId, rows: &[Row]) -> Result<Vec<Receipt>, StoreError> {
    let mut receipts = Vec::with_capacity(rows.len());
    for row in rows {
        let undone = match row.optional_int("undone_at")? {
            Some(at) => Some(Undone {
                at: Moment::from_millis(at),
                by: row.optional_text("undone_by")?.unwrap_or_default(),
                why: row.optional_text("undone_why")?.unwrap_or_default(),
            }),
            None => None,
        };
        receipts.push(Receipt {
            id: parsed(row, "stock_in_id", |text| StockInId::parse(text))?,
            order: parsed(row, "order_id", |text| OrderId::parse(text))?,
            warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
            batch: row.optional_text("batch_id")?,
            note: row.optional_text("note")?,
            actor: row.text("actor")?,
            at: Moment::from_millis(row.int("at")?),
            lines: Vec::new(),
            undone,
        });
    }
    let list = json_list(receipts.iter().map(|receipt| receipt.id.as_str()));
    let mut lines: HashMap<String, Vec<ReceiptLine>> = HashMap::new();
    for row in session.rows(LINES, args![merchant.as_str(), &list]).await? {
        lines.entry(row.text("stock_in_id")?).or_default().push(ReceiptLine {
            line: parsed(&row, "line_id", |text| LineId::parse(text))?,
            sku: parsed(&row, "merchant_sku", |text| MerchantSku::parse(text))?,
            visit: Visit {
                sellable: row.units("sellable")?,
                defective: row.units("defective")?,
                missing: row.units("missing")?,
                found: row.units("found")?,
            },
        });
    }
    for receipt in &mut receipts {
        receipt.lines = lines.remove(receipt.id.as_str()).unwrap_or_default();
    }
    Ok(receipts)
}

/// Notes that a receipt was taken back; false where it was before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mark_undone(
    session: &mut Session,
    merchant: &MerchantId,
    id: &StockInId,
    undone: &Undone,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), id.as_str(), undone.at.millis(), &undone.by, &undone.why];
    Ok(session.execute(UNDONE, args).await? > 0)
}

/// Begins a batch of every order that waits and passes the filter; answers how many there are. What begins to wait
/// later is not part of it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin_batch(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &Batch,
    filter: &Filter,
) -> Result<u32, StoreError> {
    let shops = batch.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let args = args![
        merchant.as_str(),
        &batch.id,
        batch.warehouse.as_str(),
        batch.note.as_deref(),
        &batch.actor,
        shops.as_deref(),
        batch.created_at.millis(),
    ];
    session.execute(BEGIN_BATCH, args).await?;
    let narrowed = Narrowed::of(filter);
    let mut args = narrowed.args(merchant, None, filter);
    args.push(batch.id.as_str().into());
    let total = session.execute(SELECT_FOR_BATCH, &args).await?;
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    session.execute(SET_TOTAL, args![merchant.as_str(), &batch.id, total]).await?;
    Ok(total)
}

/// A batch, by its id.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn batch(session: &mut Session, merchant: &MerchantId, id: &str) -> Result<Option<Batch>, StoreError> {
    let Some(row) = session.row(BATCH, args![merchant.as_str(), id]).await? else { return Ok(None) };
    let shops = match row.optional_text("shops")? {
        Some(text) => {
            let ids: Vec<String> = serde_json::from_str(&text).map_err(|_| StoreError::unreadable("shops", &text))?;
            let ids = ids.into_iter().map(|id| ShopId::parse(id).map_err(|_| StoreError::unreadable("shops", &text)));
            Some(ids.collect::<Result<Vec<_>, _>>()?)
        }
        None => None,
    };
    Ok(Some(Batch {
        id: row.text("batch_id")?,
        warehouse: parsed(&row, "warehouse_id", |text| WarehouseId::parse(text))?,
        note: row.optional_text("note")?,
        actor: row.text("actor")?,
        shops,
        total: row.units("total")?,
        done: row.units("done")?,
        skipped: row.units("skipped")?,
        created_at: Moment::from_millis(row.int("created_at")?),
    }))
}

/// Orders of a batch in one state, by id; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn batch_orders(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &str,
    state: &str,
    after: Option<&OrderId>,
    limit: u32,
) -> Result<Vec<BatchOrder>, StoreError> {
    let args = args![merchant.as_str(), batch, state, after.map_or("", OrderId::as_str), limit];
    let rows = session.rows(BATCH_ORDERS, args).await?;
    rows.iter()
        .map(|row| {
            Ok(BatchOrder {
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                expected: row.units("expected")?,
                state: row.text("state")?,
                detail: row.optional_text("detail")?,
            })
        })
        .collect()
}

/// What became of every order of a batch, by id, up to `limit` of them.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn batch_results(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &str,
    limit: u32,
) -> Result<Vec<BatchResult>, StoreError> {
    let rows = session.rows(BATCH_RESULTS, args![merchant.as_str(), batch, limit]).await?;
    rows.iter()
        .map(|row| {
            let receipt = parsed_optional(row, "stock_in_id", |text| StockInId::parse(text))?;
            let units = row.optional_int("units")?.and_then(|units| u32::try_from(units).ok());
            Ok(BatchResult {
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                number: parsed(row, "number", |text| OrderNumber::parse(text))?,
                platform: parsed(row, "platform", Platform::parse)?,
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                state: row.text("state")?,
                detail: row.optional_text("detail")?,
                receipt: receipt.zip(units),
            })
        })
        .collect()
}

/// Keeps what became of orders of a batch: each with why it was skipped, or with nothing where it was done.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_batch_results(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &str,
    results: &[(OrderId, Option<String>)],
    now: Moment,
) -> Result<(), StoreError> {
    let done = json_list(results.iter().filter(|(_, why)| why.is_none()).map(|(order, _)| order.as_str()));
    session.execute(BATCH_DONE, args![merchant.as_str(), batch, &done]).await?;
    for (order, why) in results {
        if let Some(why) = why {
            session.execute(BATCH_SKIPPED, args![merchant.as_str(), batch, order.as_str(), why]).await?;
        }
    }
    let count = |skipped: bool| {
        u32::try_from(results.iter().filter(|(_, why)| why.is_some() == skipped).count()).unwrap_or(u32::MAX)
    };
    let args = args![merchant.as_str(), batch, count(false), count(true), now.millis()];
    session.execute(BATCH_COUNTED, args).await.map(drop)
}
