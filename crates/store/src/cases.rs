//! Canceled orders that a courier scanned all the same, watched until their units are stocked in or claimed.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use domain::case::State;
use domain::ids::{LineId, MerchantId, MerchantSku, OrderId, ShopId, WarehouseId};
use domain::time::Moment;

/// A case as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the cases table")]
pub struct CaseRecord {
    pub order: OrderId,
    pub shop: ShopId,
    pub state: State,
    pub opened_at: Moment,
    /// When the courier scanned it, on the platform's clock.
    pub scanned_at: Moment,
    /// The platform's own word of the scan.
    pub scanned_as: String,
    /// Units that left.
    pub units: u32,
    /// Of these, units that no bucket had: a difference for the audit.
    pub unexplained: u32,
    pub came_back_at: Option<Moment>,
    /// Of the claim.
    pub reference: Option<String>,
    pub note: Option<String>,
    pub ended: Option<(String, Moment)>,
}

/// Units of a case's line that were in no bucket when the courier scanned them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the unexplained_units table")]
pub struct Unexplained {
    pub line: LineId,
    /// Where the line was packed.
    pub warehouse: WarehouseId,
    pub sku: MerchantSku,
    pub units: u32,
}

macro_rules! columns {
    () => {
        "order_id, shop_id, state, opened_at, scanned_at, scanned_as, units, unexplained, came_back_at, reference, note, ended_by, ended_at"
    };
}

statements! {
    OPEN = concat!("insert into cases (merchant_id, ", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
        on conflict (merchant_id, order_id) do nothing");
    SAVE = "update cases set state = $3, came_back_at = $4, reference = $5, note = $6, ended_by = $7, ended_at = $8 \
        where merchant_id = $1 and order_id = $2";
    NOTE_UNEXPLAINED = "insert into unexplained_units (merchant_id, order_id, line_id, warehouse_id, merchant_sku, units) \
        values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, order_id, line_id) do nothing";
    OF_ORDERS = concat!("select ", columns!(), " from cases where merchant_id = $1 and order_id in (select value from json_each($2))");
    PAGE = concat!("select ", columns!(), " from cases where merchant_id = $1 and state = $2 \
        and (cast($3 as text) is null or shop_id in (select value from json_each($3))) \
        and (opened_at, order_id) < ($4, $5) order by opened_at desc, order_id desc limit $6");
    COUNT = "select state, count(*) as cases from cases where merchant_id = $1 and state in ('open', 'came_back') \
        and (cast($2 as text) is null or shop_id in (select value from json_each($2))) group by state";
}

/// Opens a case; false where the order has one.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open(session: &mut Session, merchant: &MerchantId, case: &CaseRecord) -> Result<bool, StoreError> {
    let args = args![
        merchant.as_str(),
        case.order.as_str(),
        case.shop.as_str(),
        case.state.as_str(),
        case.opened_at.millis(),
        case.scanned_at.millis(),
        &case.scanned_as,
        case.units,
        case.unexplained,
        case.came_back_at.map(Moment::millis),
        case.reference.as_deref(),
        case.note.as_deref(),
        case.ended.as_ref().map(|(by, _)| by.as_str()),
        case.ended.as_ref().map(|(_, at)| at.millis()),
    ];
    Ok(session.execute(OPEN, args).await? > 0)
}

/// Notes units of an open case that were in no bucket: a difference, until somebody accounts for them.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_unexplained(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    unexplained: &[Unexplained],
) -> Result<(), StoreError> {
    for line in unexplained {
        let args = args![
            merchant.as_str(),
            order.as_str(),
            line.line.as_str(),
            line.warehouse.as_str(),
            line.sku.as_str(),
            line.units
        ];
        session.execute(NOTE_UNEXPLAINED, args).await?;
    }
    Ok(())
}

/// Saves where a case stands. Whoever saves it holds its order's lock.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, merchant: &MerchantId, case: &CaseRecord) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        case.order.as_str(),
        case.state.as_str(),
        case.came_back_at.map(Moment::millis),
        case.reference.as_deref(),
        case.note.as_deref(),
        case.ended.as_ref().map(|(by, _)| by.as_str()),
        case.ended.as_ref().map(|(_, at)| at.millis()),
    ];
    session.execute(SAVE, args).await.map(drop)
}

/// The cases of these orders.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<CaseRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?.iter().map(read).collect()
}

/// A page of the cases in a state, newest first; `after` is when the last of the page before was opened, and its order.
///
/// # Errors
/// As [`of_orders`].
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    state: State,
    shops: Option<&[ShopId]>,
    after: Option<(Moment, &str)>,
    limit: u32,
) -> Result<Vec<CaseRecord>, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let (opened_at, order) = after.map_or((i64::MAX, "\u{10FFFF}"), |(at, order)| (at.millis(), order));
    let args = args![merchant.as_str(), state.as_str(), shops, opened_at, order, limit];
    session.rows(PAGE, args).await?.iter().map(read).collect()
}

/// How many cases somebody still has to do something about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watched {
    /// The courier has the parcel.
    pub open: i64,
    /// The parcel came back and is to be stocked in.
    pub came_back: i64,
}

/// How many cases are watched.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn watched(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
) -> Result<Watched, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let mut watched = Watched::default();
    for row in session.rows(COUNT, args![merchant.as_str(), shops]).await? {
        let cases = row.int("cases")?;
        match parsed(&row, "state", State::parse)? {
            State::Open => watched.open = cases,
            State::CameBack => watched.came_back = cases,
            State::StockedIn | State::Claimed | State::Closed => {}
        }
    }
    Ok(watched)
}

fn read(row: &Row) -> Result<CaseRecord, StoreError> {
    Ok(CaseRecord {
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        state: parsed(row, "state", State::parse)?,
        opened_at: Moment::from_millis(row.int("opened_at")?),
        scanned_at: Moment::from_millis(row.int("scanned_at")?),
        scanned_as: row.text("scanned_as")?,
        units: row.units("units")?,
        unexplained: row.units("unexplained")?,
        came_back_at: row.optional_int("came_back_at")?.map(Moment::from_millis),
        reference: row.optional_text("reference")?,
        note: row.optional_text("note")?,
        ended: match (row.optional_text("ended_by")?, row.optional_int("ended_at")?) {
            (Some(by), Some(at)) => Some((by, Moment::from_millis(at))),
            _ => None,
        },
    })
}
