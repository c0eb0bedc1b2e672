//! Pages and counts of the lists. Each sort has a statement of its own, so that each is served by its index.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Arg, Session, args, statements};
use domain::ids::{MerchantId, OrderId, ShopId};
use domain::order::{List, Stage, Tab};
use domain::platform::Platform;
use domain::time::Moment;

/// The longest page.
pub const MAX_PAGE: u32 = 200;

/// By what a page is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// The time by which it must ship.
    ShipBy,
    /// When it was placed.
    OrderedAt,
    /// When it was canceled.
    CanceledAt,
}

/// A sort and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Latest first.
    pub descending: bool,
}

impl Sort {
    /// Reads `ship_by`, `-ordered_at`… (a minus means latest first).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (descending, word) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
        let by = match word {
            "ship_by" => SortBy::ShipBy,
            "ordered_at" => SortBy::OrderedAt,
            "canceled_at" => SortBy::CanceledAt,
            _ => return None,
        };
        Some(Self { by, descending })
    }

    /// The word that [`Sort::parse`] reads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match (self.by, self.descending) {
            (SortBy::ShipBy, false) => "ship_by",
            (SortBy::ShipBy, true) => "-ship_by",
            (SortBy::OrderedAt, false) => "ordered_at",
            (SortBy::OrderedAt, true) => "-ordered_at",
            (SortBy::CanceledAt, false) => "canceled_at",
            (SortBy::CanceledAt, true) => "-canceled_at",
        }
    }
}

/// Which time a range of times speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    /// When it was placed.
    Ordered,
    /// The time by which it must ship.
    ShipBy,
    /// When it was canceled.
    Canceled,
}

impl TimeField {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::ShipBy => "ship_by",
            Self::Canceled => "canceled",
        }
    }
}

/// Which orders a page shows; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the query's words in contracts.md")]
pub struct Filter {
    pub list: Option<List>,
    pub tab: Option<Tab>,
    pub platform: Option<Platform>,
    /// Only these shops: what the reader chose and may see.
    pub shops: Option<Vec<ShopId>>,
    /// The platform's status word.
    pub status: Option<String>,
    pub stage: Option<Stage>,
    /// Beginning of an order number, tracking number, package number or SKU.
    pub search: Option<String>,
    /// The reason of the cancel, as the platform wrote it.
    pub reason: Option<String>,
    pub time: Option<(TimeField, Moment, Moment)>,
    pub cod: Option<bool>,
    pub preorder: Option<bool>,
    pub fulfilled_by: Option<domain::snapshot::FulfilledBy>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key of the last order.
    pub key: i64,
    /// Its id.
    pub id: OrderId,
}

/// The conditions of a [`Filter`], on [`arguments`] as `$1` to `$16`.
macro_rules! matching {
    ($list:literal) => {
        concat!(
            "merchant_id = $1 and ", $list,
            " and (cast($3 as text) is null or tab = $3)",
            " and (cast($4 as text) is null or platform = $4)",
            " and (cast($5 as text) is null or shop_id in (select value from json_each($5)))",
            " and (cast($6 as text) is null or platform_status = $6)",
            " and (cast($7 as text) is null or stage = $7)",
            " and (cast($8 as text) is null or order_id in (select order_id from order_terms where merchant_id = $1 and term >= $8 and term < $9))",
            " and (cast($10 as text) is null or cancel_reason = $10)",
            " and (cast($11 as text) is null or case $11 when 'ordered' then ordered_at when 'ship_by' then ship_by else canceled_at end between $12 and $13)",
            " and (cast($14 as boolean) is null or cod = $14)",
            " and (cast($15 as boolean) is null or preorder = $15)",
            " and (cast($16 as text) is null or fulfilled_by = $16)"
        )
    };
}
pub(crate) use matching;

macro_rules! page {
    ($list:literal, $key:literal, $compare:literal, $direction:literal) => {
        concat!(
            "select order_id, ",
            $key,
            " as sort_key from orders where ",
            matching!($list),
            " and (",
            $key,
            ", order_id) ",
            $compare,
            " ($17, $18)",
            " order by ",
            $key,
            " ",
            $direction,
            ", order_id ",
            $direction,
            " limit $19"
        )
    };
}

statements! {
    LIST_BY_SHIP_BY = page!("list = $2", "ship_by", ">", "asc");
    LIST_BY_SHIP_BY_LATEST = page!("list = $2", "ship_by", "<", "desc");
    LIST_BY_ORDERED_AT = page!("list = $2", "ordered_at", ">", "asc");
    LIST_BY_ORDERED_AT_LATEST = page!("list = $2", "ordered_at", "<", "desc");
    LIST_BY_CANCELED_AT = page!("list = $2", "canceled_at", ">", "asc");
    LIST_BY_CANCELED_AT_LATEST = page!("list = $2", "canceled_at", "<", "desc");
    ALL_BY_SHIP_BY = page!("cast($2 as text) is null", "ship_by", ">", "asc");
    ALL_BY_SHIP_BY_LATEST = page!("cast($2 as text) is null", "ship_by", "<", "desc");
    ALL_BY_ORDERED_AT = page!("cast($2 as text) is null", "ordered_at", ">", "asc");
    ALL_BY_ORDERED_AT_LATEST = page!("cast($2 as text) is null", "ordered_at", "<", "desc");
    ALL_BY_CANCELED_AT = page!("cast($2 as text) is null", "canceled_at", ">", "asc");
    ALL_BY_CANCELED_AT_LATEST = page!("cast($2 as text) is null", "canceled_at", "<", "desc");
    MATCHING_OF_LIST = concat!("select count(*) as orders from (select 1 as one from orders where ", matching!("list = $2"), " limit $17) as found");
    MATCHING_OF_ALL = concat!("select count(*) as orders from (select 1 as one from orders where ", matching!("cast($2 as text) is null"), " limit $17) as found");
    COUNTS = "select list, tab, count(*) as orders from orders where merchant_id = $1 \
        and (cast($2 as text) is null or shop_id in (select value from json_each($2))) group by list, tab";
}

const fn statement(list: bool, sort: Sort) -> &'static str {
    match (list, sort.by, sort.descending) {
        (true, SortBy::ShipBy, false) => LIST_BY_SHIP_BY,
        (true, SortBy::ShipBy, true) => LIST_BY_SHIP_BY_LATEST,
        (true, SortBy::OrderedAt, false) => LIST_BY_ORDERED_AT,
        (true, SortBy::OrderedAt, true) => LIST_BY_ORDERED_AT_LATEST,
        (true, SortBy::CanceledAt, false) => LIST_BY_CANCELED_AT,
        (true, SortBy::CanceledAt, true) => LIST_BY_CANCELED_AT_LATEST,
        (false, SortBy::ShipBy, false) => ALL_BY_SHIP_BY,
        (false, SortBy::ShipBy, true) => ALL_BY_SHIP_BY_LATEST,
        (false, SortBy::OrderedAt, false) => ALL_BY_ORDERED_AT,
        (false, SortBy::OrderedAt, true) => ALL_BY_ORDERED_AT_LATEST,
        (false, SortBy::CanceledAt, false) => ALL_BY_CANCELED_AT,
        (false, SortBy::CanceledAt, true) => ALL_BY_CANCELED_AT_LATEST,
    }
}

/// What [`matching`] compares with.
pub(crate) fn arguments<'a>(merchant: &'a MerchantId, filter: &'a Filter) -> Vec<Arg<'a>> {
    let shops = filter.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let search = filter.search.as_ref().map(|text| text.to_lowercase());
    // The highest code point closes the range of all terms that begin so.
    let search_end = search.as_ref().map(|text| format!("{text}\u{10FFFF}"));
    let (field, from, to) = match filter.time {
        Some((field, from, to)) => (Some(field.as_str()), from.millis(), to.millis()),
        None => (None, 0, 0),
    };
    vec![
        Arg::from(merchant.as_str()),
        Arg::from(filter.list.map(List::as_str)),
        Arg::from(filter.tab.map(Tab::as_str)),
        Arg::from(filter.platform.map(Platform::as_str)),
        Arg::from(shops),
        Arg::from(filter.status.as_deref()),
        Arg::from(filter.stage.map(Stage::as_str)),
        Arg::from(search),
        Arg::from(search_end),
        Arg::from(filter.reason.as_deref()),
        Arg::from(field),
        Arg::from(from),
        Arg::from(to),
        Arg::from(filter.cod),
        Arg::from(filter.preorder),
        Arg::from(filter.fulfilled_by.map(domain::snapshot::FulfilledBy::as_str)),
    ]
}

/// How many orders a filter lets through, counted up to `most`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn matches(
    session: &mut Session,
    merchant: &MerchantId,
    filter: &Filter,
    most: u32,
) -> Result<i64, StoreError> {
    let mut args = arguments(merchant, filter);
    args.push(Arg::from(most));
    let statement = if filter.list.is_some() { MATCHING_OF_LIST } else { MATCHING_OF_ALL };
    session.row(statement, &args).await?.map_or(Ok(0), |row| row.int("orders"))
}

/// The ids of one page, and where the next begins.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<(Vec<OrderId>, Option<Cursor>), StoreError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let (key, id) = match after {
        Some(cursor) => (cursor.key, cursor.id.as_str()),
        None if sort.descending => (i64::MAX, "\u{10FFFF}"),
        None => (i64::MIN, ""),
    };
    let mut args = arguments(merchant, filter);
    args.extend([Arg::from(key), Arg::from(id), Arg::from(i64::from(limit) + 1)]);
    let rows = session.rows(statement(filter.list.is_some(), sort), &args).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut ids = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in rows.iter().take(shown) {
        let id = parsed(row, "order_id", |text| OrderId::parse(text))?;
        last = Some(Cursor { key: row.int("sort_key")?, id: id.clone() });
        ids.push(id);
    }
    Ok((ids, if rows.len() > shown { last } else { None }))
}

/// How many orders stand in each list and tab.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn counts(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
) -> Result<Vec<(List, Tab, i64)>, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let rows = session.rows(COUNTS, args![merchant.as_str(), shops.as_deref()]).await?;
    rows.iter()
        .map(|row| Ok((parsed(row, "list", List::parse)?, parsed(row, "tab", Tab::parse)?, row.int("orders")?)))
        .collect()
}
