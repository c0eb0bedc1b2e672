//! Canceled orders stock in: which orders wait, putting their units back, and taking that back.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::{parse_rfc3339, rfc3339};
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::FILE_BYTES_MAX;
use crate::stock_ins as tables;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{LineId, MerchantSku, OrderId, ShopId, StockInId, WarehouseId};
use domain::order::Stage;
use domain::platform::Platform;
use domain::snapshot::Initiator;
use domain::stock::Visit;
use domain::time::{Moment, Span};
use engine::stock_ins::{LineVisit, OrderVisit, Outcome, Skipped, StockIn, StockInError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use store::orders::{self, OrderRecord};
use store::requests;
use store::stock_ins::{self, Batch, Cursor, Filter, Receipt, ReturnRecord, Which};
use store::{Session, StoreError};
use utoipa::ToSchema;

/// The most orders that one call names; a larger selection is a query.
pub const ORDERS_MAX: usize = 1_000;
/// The longest note or reason, in characters.
pub const NOTE_MAX: usize = 1_000;

/// Orders whose units come back, and where to.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The warehouse that takes the units in.
    pub warehouse: String,
    /// The orders; 1 to 1,000.
    #[serde(default)]
    pub orders: Option<Vec<WishedOrder>>,
    /// Every order that waits and fits, in the background, each with all that waits of it as sellable. Goods that their platform
    /// says cannot be sold again are left as they are, `not_restockable`.
    #[serde(default)]
    pub query: Option<Selection>,
    /// Kept here.
    #[serde(default)]
    pub note: Option<String>,
}

/// An order whose units come back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedOrder {
    /// Which.
    pub order_id: String,
    /// What was found; without it, all that waits is here and sellable, unless the platform says that it cannot be sold again.
    #[serde(default)]
    pub lines: Option<Vec<WishedLine>>,
}

/// What was found of a line.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedLine {
    /// The line.
    pub line_id: String,
    /// What it is.
    pub merchant_sku: String,
    /// Units fit to be sold.
    #[serde(default)]
    pub sellable: u32,
    /// Units here that are not to be sold.
    #[serde(default)]
    pub defective: u32,
    /// Units that are not in the parcel.
    #[serde(default)]
    pub missing: u32,
    /// Units that were missing at an earlier visit and are here now.
    #[serde(default)]
    pub found: u32,
    /// Units that were shown as waiting: another number by now skips the order with `expected_changed`.
    #[serde(default)]
    pub expected: Option<u32>,
}

/// Which waiting orders are meant; what is left out does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Of this marketplace.
    pub platform: Option<String>,
    /// Of this shop.
    pub shop: Option<String>,
    /// The platform's status before the cancel.
    pub status_before: Option<String>,
    /// Who cancelled: `seller`, `buyer` or `platform`.
    pub cancelled_by: Option<String>,
    /// How far the goods are.
    pub stage: Option<String>,
    /// Beginning of an order, tracking or package number or SKU.
    pub q: Option<String>,
    /// Canceled at this moment or later.
    pub from: Option<String>,
    /// Canceled at this moment or earlier.
    pub to: Option<String>,
    /// Waiting for so many days or longer.
    pub days: Option<u32>,
    /// At least as many units wait.
    pub units: Option<u32>,
    /// Whether the carrier was asked where the parcel is.
    pub claimed: Option<bool>,
}

/// The parameters of a page of waiting orders.
const PARAMETERS: [&str; 14] = [
    "state",
    "platform",
    "shop",
    "status_before",
    "cancelled_by",
    "stage",
    "q",
    "from",
    "to",
    "days",
    "units",
    "claimed",
    "limit",
    "cursor",
];

impl Selection {
    /// Reads it from an address.
    ///
    /// # Errors
    /// 400 for a parameter that stands twice or cannot be read.
    pub fn read(query: &Query) -> Result<Self, Problem> {
        let text = |name: &str| query.one(name).map(|found| found.map(str::to_owned));
        let number = |name: &str| query.read(name, |value| value.parse::<u32>().map_err(|_| "write a whole number"));
        Ok(Self {
            platform: text("platform")?,
            shop: text("shop")?,
            status_before: text("status_before")?,
            cancelled_by: text("cancelled_by")?,
            stage: text("stage")?,
            q: text("q")?,
            from: text("from")?,
            to: text("to")?,
            days: number("days")?,
            units: number("units")?,
            claimed: query.truth("claimed")?,
        })
    }

    /// The same for the store, narrowed to the shops that the user may see.
    ///
    /// # Errors
    /// 400 for a word or time that cannot be read.
    pub fn filter(&self, app: &App, signed_in: &SignedIn) -> Result<Filter, Problem> {
        let bad = |name: &str, why: String| {
            Problem::bad_request("bad_parameter", format!("The parameter “{name}” cannot be read: {why}."))
        };
        let moment = |name: &str, given: &Option<String>| match given {
            Some(text) => parse_rfc3339(text)
                .map(Some)
                .ok_or_else(|| bad(name, "write a time such as 2026-11-23T08:00:00Z".to_owned())),
            None => Ok(None),
        };
        let (from, to) = (moment("from", &self.from)?, moment("to", &self.to)?);
        let shops = match (&self.shop, signed_in.shops()) {
            (Some(shop), seen) => {
                let shop = ShopId::parse(shop.as_str()).map_err(|error| bad("shop", error.to_string()))?;
                Some(if seen.is_none_or(|seen| seen.contains(&shop)) { vec![shop] } else { Vec::new() })
            }
            (None, seen) => seen.map(<[ShopId]>::to_vec),
        };
        let word = |name: &'static str, given: &Option<String>| given.clone().map(|text| (name, text));
        Ok(Filter {
            platform: word("platform", &self.platform)
                .map(|(name, text)| Platform::parse(&text).map_err(|error| bad(name, error.to_string())))
                .transpose()?,
            shops,
            status_before: self.status_before.clone(),
            cancelled_by: word("cancelled_by", &self.cancelled_by)
                .map(|(name, text)| Initiator::parse(&text).map_err(|error| bad(name, error.to_string())))
                .transpose()?,
            stage: word("stage", &self.stage)
                .map(|(name, text)| Stage::parse(&text).map_err(|error| bad(name, error.to_string())))
                .transpose()?,
            search: self.q.clone(),
            canceled: (from.is_some() || to.is_some())
                .then(|| (from.unwrap_or(Moment::from_millis(1)), to.unwrap_or(Moment::from_millis(i64::MAX)))),
            since_before: self.days.map(|days| days_ago(app, days)),
            units: self.units,
            claimed: self.claimed,
        })
    }
}

/// The moment so many days ago, by the slowest of the platforms' clocks.
#[must_use]
pub fn days_ago(app: &App, days: u32) -> Moment {
    let now = Platform::ALL.iter().map(|platform| app.clock.platform_now(*platform)).min();
    now.unwrap_or_else(|| app.clock.now()).minus(Span::from_seconds(i64::from(days) * 86_400))
}

/// A page of orders whose units wait.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WaitingPage {
    /// Longest waiting first.
    pub orders: Vec<Waiting>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// An order whose units wait to be stocked in, whatever list it stands in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Waiting {
    pub order_id: String,
    pub number: String,
    pub platform: String,
    pub shop: String,
    pub list: String,
    pub stage: String,
    /// From when on its units wait.
    pub since: Option<String>,
    /// Units of all lines.
    pub units: u32,
    /// The platform's status before the cancel, where it was seen.
    pub status_before: Option<String>,
    pub cancelled_by: Option<String>,
    pub tracking_numbers: Vec<String>,
    /// Who asked the carrier where the parcel is.
    pub claimed_by: Option<String>,
    /// Whether the platform thinks that the goods can be sold again, where it says so: a hint.
    pub should_replenish_stock: Option<bool>,
    pub lines: Vec<WaitingLine>,
}

/// A line whose units wait.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct WaitingLine {
    pub line_id: String,
    pub merchant_sku: String,
    pub name: String,
    /// Where the units left from.
    pub warehouse: String,
    /// Units that wait.
    pub expected: u32,
    /// Units that were missing, and may be found again.
    pub lost: u32,
}

impl Waiting {
    /// An order with what is kept of its return, and what its platform thinks of the goods.
    #[must_use]
    pub fn of(order: &OrderRecord, kept: Option<&ReturnRecord>, restock: Option<bool>) -> Self {
        let lines = order.lines.iter().filter(|line| line.stock.returning > 0 || line.stock.lost > 0);
        Self {
            order_id: order.id.to_string(),
            number: order.number.to_string(),
            platform: order.platform.to_string(),
            shop: order.shop.to_string(),
            list: order.list.to_string(),
            stage: order.stage.to_string(),
            since: kept.and_then(|kept| kept.since).map(rfc3339),
            units: order.returning(),
            status_before: kept.and_then(|kept| kept.status_before.clone()),
            cancelled_by: order.cancelled_by.map(|by| by.to_string()),
            tracking_numbers: order.packages.iter().filter_map(|package| package.tracking_number.clone()).collect(),
            claimed_by: kept.and_then(|kept| kept.claimed.clone()).map(|(by, _)| by),
            should_replenish_stock: restock,
            lines: lines
                .map(|line| WaitingLine {
                    line_id: line.id.to_string(),
                    merchant_sku: line.merchant_sku.to_string(),
                    name: line.name.clone(),
                    warehouse: line.warehouse.to_string(),
                    expected: line.stock.returning,
                    lost: line.stock.lost,
                })
                .collect(),
        }
    }
}

/// Orders whose units wait to be stocked in, longest waiting first.
#[utoipa::path(
    get, path = "/api/v1/stock-ins", tag = "stock-ins",
    params(
        ("state" = Option<String>, Query, description = "pending, which is all there is"), ("platform" = Option<String>, Query), ("shop" = Option<String>, Query),
        ("status_before" = Option<String>, Query), ("cancelled_by" = Option<String>, Query), ("stage" = Option<String>, Query),
        ("q" = Option<String>, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("days" = Option<u32>, Query, description = "Waiting so long or longer"),
        ("units" = Option<u32>, Query, description = "At least as many wait"), ("claimed" = Option<bool>, Query), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = WaitingPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<WaitingPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&PARAMETERS)?;
    query.read("state", |word| if word == "pending" { Ok(()) } else { Err("the only state is pending") })?;
    let filter = Selection::read(&query)?.filter(&app, &signed_in)?;
    let after = match query.after::<2>()? {
        Some([key, id]) => {
            let place = key.parse().ok().zip(OrderId::parse(id).ok());
            let bad = || Problem::bad_request("bad_parameter", "“cursor” is not one of ours; give “next” as it was.");
            Some(place.map(|(key, id)| Cursor { key, id }).ok_or_else(bad)?)
        }
        None => None,
    };
    let limit = query.limit()?;
    let mut session = app.store.read().await?;
    let merchant = signed_in.merchant();
    let (kept, next) =
        stock_ins::page(&mut session, merchant, Which::ToStockIn, &filter, after.as_ref(), limit).await?;
    let ids: Vec<OrderId> = kept.iter().map(|kept| kept.order.clone()).collect();
    let found: HashMap<OrderId, OrderRecord> =
        orders::load(&mut session, merchant, &ids).await?.into_iter().map(|order| (order.id.clone(), order)).collect();
    let hints = requests::restock_hints(&mut session, merchant, &ids).await?;
    let hint = |order: &OrderId| hints.get(order).copied();
    let waiting = kept
        .iter()
        .filter_map(|kept| Some(Waiting::of(found.get(&kept.order)?, Some(kept), hint(&kept.order))))
        .collect();
    let next = next.map(|at| cursor(&[&at.key.to_string(), at.id.as_str()]));
    Ok(Json(WaitingPage { orders: waiting, next }))
}

/// What became of each order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Results {
    /// Orders whose units are back.
    pub stocked_in: Vec<StockedIn>,
    /// Orders that were left as they are.
    pub skipped: Vec<SkippedOrder>,
}

/// An order whose units are back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct StockedIn {
    pub order_id: String,
    pub units: u32,
    /// The receipt, by which it can be taken back for a day.
    pub stock_in_id: String,
}

/// An order that was left as it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SkippedOrder {
    /// Which.
    pub order_id: String,
    /// Why: `not_found`, `nothing_returning`, `nothing_entered`, `expected_changed`, `at_warehouse`, `not_restockable`,
    /// `unknown_line` or `too_many_units`.
    pub code: String,
    /// The same in words.
    pub detail: String,
}

/// The same for a form, which names orders as they are.
#[must_use]
pub fn results_of(outcomes: Vec<Outcome>) -> Results {
    Results::of(outcomes, Vec::new())
}

impl Results {
    fn of(outcomes: Vec<Outcome>, not_found: Vec<String>) -> Self {
        let mut results = Self { stocked_in: Vec::new(), skipped: Vec::new() };
        let skip = |order_id: String, why: &Skipped| SkippedOrder {
            order_id,
            code: why.code().to_owned(),
            detail: why.to_string(),
        };
        for (order, outcome) in outcomes {
            match outcome {
                Ok(receipt) => results.stocked_in.push(StockedIn {
                    order_id: order.to_string(),
                    units: receipt.units(),
                    stock_in_id: receipt.id.to_string(),
                }),
                Err(why) => results.skipped.push(skip(order.to_string(), &why)),
            }
        }
        results.skipped.extend(not_found.into_iter().map(|order| skip(order, &Skipped::NotFound)));
        results
    }
}

/// A selection that is stocked in, in the background.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Accepted {
    /// Follow it at `/api/v1/batches/{batch_id}`.
    pub batch_id: String,
    /// Orders in it.
    pub total: u32,
}

fn bad_body(detail: impl Into<String>) -> Problem {
    Problem::unprocessable("invalid_body", "The body does not fit", detail)
}

impl From<StockInError> for Problem {
    fn from(error: StockInError) -> Self {
        let words = format!("{error}.");
        match error {
            StockInError::NoWarehouse(_) => Self::unprocessable("unknown_warehouse", "No such warehouse", words),
            StockInError::NotFound => Self::not_found("stock-in"),
            StockInError::AlreadyUndone(_) => Self::conflict("already_undone", words),
            StockInError::TooLate => Self::conflict("too_late", words),
            StockInError::UnitsGone { .. } => Self::conflict("units_gone", words),
            StockInError::FoundSince(_) => Self::conflict("found_since", words),
            StockInError::Engine(error) => error.into(),
        }
    }
}

impl WishedOrder {
    /// The same for the engine; `None` where the id is none, so that no order can be meant.
    fn read(&self) -> Result<Option<OrderVisit>, Problem> {
        let Ok(order) = OrderId::parse(self.order_id.as_str()) else { return Ok(None) };
        let lines = match &self.lines {
            Some(lines) => Some(lines.iter().map(WishedLine::read).collect::<Result<Vec<_>, _>>()?),
            None => None,
        };
        Ok(Some(OrderVisit { order, lines, expected: None }))
    }
}

impl WishedLine {
    fn read(&self) -> Result<LineVisit, Problem> {
        let bad = |what: &str, error: domain::ids::IdError| bad_body(format!("“{what}”: {error}."));
        let visit =
            Visit { sellable: self.sellable, defective: self.defective, missing: self.missing, found: self.found };
        Ok(LineVisit {
            line: LineId::parse(self.line_id.as_str()).map_err(|error| bad("line_id", error))?,
            sku: MerchantSku::parse(self.merchant_sku.as_str()).map_err(|error| bad("merchant_sku", error))?,
            visit,
            expected: self.expected,
        })
    }
}

/// Reads a note or reason.
///
/// # Errors
/// 422 for one that is too long.
pub fn short(text: Option<&str>) -> Result<Option<&str>, Problem> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > NOTE_MAX => {
            Err(bad_body(format!("A note or reason has at most {NOTE_MAX} characters.")))
        }
        text => Ok(text),
    }
}

async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    wish: &Wish,
) -> Result<(StatusCode, Value), Problem> {
    let warehouse =
        WarehouseId::parse(wish.warehouse.as_str()).map_err(|error| bad_body(format!("“warehouse”: {error}.")))?;
    let request = StockIn {
        actor: signed_in.actor(),
        warehouse: &warehouse,
        orders: &[],
        note: short(wish.note.as_deref())?,
        shops: signed_in.shops(),
        batch: None,
    };
    let merchant = signed_in.merchant();
    match (&wish.orders, &wish.query) {
        (Some(wished), None) => {
            if wished.is_empty() || wished.len() > ORDERS_MAX {
                return Err(bad_body(format!("Name 1 to {ORDERS_MAX} orders in “orders”, or give a “query”.")));
            }
            let (mut entered, mut not_found) = (Vec::with_capacity(wished.len()), Vec::new());
            for order in wished {
                match order.read()? {
                    Some(order) => entered.push(order),
                    None => not_found.push(order.order_id.clone()),
                }
            }
            let outcomes = app.engine.stock_in(session, merchant, &StockIn { orders: &entered, ..request }).await?;
            Ok((StatusCode::OK, to_value(&Results::of(outcomes, not_found))?))
        }
        (None, Some(query)) => {
            let filter = query.filter(app, signed_in)?;
            let batch = app.engine.begin_stock_in_batch(session, merchant, &request, &filter).await?;
            let accepted = Accepted { batch_id: batch.id, total: batch.total };
            Ok((StatusCode::ACCEPTED, to_value(&accepted)?))
        }
        _ => Err(bad_body("Give either “orders” or a “query”.")),
    }
}

/// Puts units of cancelled orders where they were found. A unit is stocked in once; what is not mentioned stays
/// `returning`. With `query`, everything that waits and fits is stocked in in the background.
#[utoipa::path(
    post, path = "/api/v1/stock-ins", tag = "stock-ins", request_body = Wish, params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = Results), (status = 202, description = "A query: the batch", body = Accepted),
        (status = 422, description = "unknown_warehouse, invalid_body", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockIn)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    match carry_out(&app, &mut once.session, &signed_in, &wish.value).await {
        Ok((status, answer)) => once.finish(status, Ok(answer)).await,
        Err(problem) => once.finish(StatusCode::OK, Err(problem)).await,
    }
}

/// Reads a table and stocks in what it says, in this transaction.
///
/// # Errors
/// 403, or what is wrong with the table or the warehouse.
pub async fn take_table(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    bytes: &[u8],
    (warehouse, note): (Option<&str>, Option<&str>),
) -> Result<Results, Problem> {
    signed_in.need(Permission::StockIn)?;
    let merchant = signed_in.merchant();
    let warehouse = tables::warehouse(session, merchant, warehouse).await?;
    let warehouse = warehouse.map_err(|error| {
        Problem::unprocessable("unknown_warehouse", "No such warehouse", format!("“warehouse”: {error}."))
    })?;
    let visits = tables::read(&app.store, session, merchant, signed_in.shops(), bytes).await?;
    let request = StockIn {
        actor: signed_in.actor(),
        warehouse: &warehouse,
        orders: &visits,
        note: short(note)?,
        shops: signed_in.shops(),
        batch: None,
    };
    Ok(results_of(app.engine.stock_in(session, merchant, &request).await?))
}

/// Stocks in what a table says (csv, tab-separated or xlsx), a row per SKU of an order, or per order that is back whole.
/// Nothing is taken while a row is wrong; then each order has its own result.
#[utoipa::path(
    post, path = "/api/v1/stock-ins/import", tag = "stock-ins",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Columns: order (number, or our id); sku, sellable, defective, missing, found where not all of it is sellable; expected where a changed order is to be refused"),
    params(
        ("warehouse" = Option<String>, Query, description = "Where returns are taken in, or the only one, where it is left out"),
        ("note" = Option<String>, Query), ("idempotency-key" = Option<String>, Header)
    ),
    responses(
        (status = 200, body = Results),
        (status = 422, description = "invalid_table (every wrong row and column), unknown_warehouse", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn import(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockIn)?;
    query.only(&["warehouse", "note"])?;
    let given = (query.one("warehouse")?, query.one("note")?);
    let bytes = body::read(body, FILE_BYTES_MAX).await?;
    let same = format!("{}\n{}", uri.query().unwrap_or_default(), hex::encode(Sha256::digest(&bytes)));
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &same).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let taken = take_table(&app, &mut once.session, &signed_in, &bytes, given).await;
    let answer = taken.and_then(|results| to_value(&results));
    once.finish(StatusCode::OK, answer).await
}

/// Why a stock-in is taken back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// In words; kept in the log.
    pub reason: String,
}

/// The receipt of a stock-in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct ReceiptBody {
    pub id: String,
    pub order_id: String,
    pub warehouse: String,
    pub actor: String,
    pub at: String,
    pub units: u32,
    pub note: Option<String>,
    pub lines: Vec<ReceiptLineBody>,
    pub undone_at: Option<String>,
    pub undone_by: Option<String>,
    pub undone_why: Option<String>,
}

/// What one stock-in did with one line.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct ReceiptLineBody {
    pub line_id: String,
    pub merchant_sku: String,
    pub sellable: u32,
    pub defective: u32,
    pub missing: u32,
    pub found: u32,
}

impl From<&Receipt> for ReceiptBody {
    fn from(receipt: &Receipt) -> Self {
        Self {
            id: receipt.id.to_string(),
            order_id: receipt.order.to_string(),
            warehouse: receipt.warehouse.to_string(),
            actor: receipt.actor.clone(),
            at: rfc3339(receipt.at),
            units: receipt.units(),
            note: receipt.note.clone(),
            lines: receipt
                .lines
                .iter()
                .map(|line| ReceiptLineBody {
                    line_id: line.line.to_string(),
                    merchant_sku: line.sku.to_string(),
                    sellable: line.visit.sellable,
                    defective: line.visit.defective,
                    missing: line.visit.missing,
                    found: line.visit.found,
                })
                .collect(),
            undone_at: receipt.undone.as_ref().map(|undone| rfc3339(undone.at)),
            undone_by: receipt.undone.as_ref().map(|undone| undone.by.clone()),
            undone_why: receipt.undone.as_ref().map(|undone| undone.why.clone()),
        }
    }
}

/// Takes a stock-in back, within a day: counter-movements put its units back to `returning`.
#[utoipa::path(
    post, path = "/api/v1/stock-ins/{id}/undo", tag = "stock-ins", request_body = Undo,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = ReceiptBody), (status = 409, description = "already_undone, too_late, units_gone, found_since", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn undo(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Undo>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockIn)?;
    let id = StockInId::parse(id).map_err(|_| Problem::not_found("stock-in"))?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let answer = match short(Some(&wish.value.reason)) {
        Ok(Some(why)) => {
            let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
            let undone =
                app.engine.undo_stock_in(&mut once.session, merchant, actor, &id, why, signed_in.shops()).await;
            undone.map_err(Problem::from).and_then(|receipt| to_value(&ReceiptBody::from(&receipt)))
        }
        Ok(None) => Err(bad_body("Say why in “reason”.")),
        Err(problem) => Err(problem),
    };
    once.finish(StatusCode::OK, answer).await
}

/// How far a batch is, and what became of its orders.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct BatchBody {
    pub id: String,
    pub total: u32,
    pub done: u32,
    /// Orders that were left as they are.
    pub refused: u32,
    pub needs_attention: u32,
    pub running: u32,
    pub waiting: u32,
    /// The first 200 that were left as they are, each with why.
    pub orders: Vec<BatchOrderBody>,
}

/// What became of one order of a batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct BatchOrderBody {
    pub order_id: String,
    pub state: String,
    pub message: Option<String>,
}

/// A stock-in batch that this user may see, with the orders that were left as they are.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn batch_of(
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<Option<(Batch, Vec<stock_ins::BatchOrder>)>, StoreError> {
    let merchant = signed_in.merchant();
    let Some(batch) = stock_ins::batch(session, merchant, id).await? else { return Ok(None) };
    // Whoever sees fewer shops than the one who asked would learn of orders that are not theirs to see.
    let shown = signed_in
        .shops()
        .is_none_or(|seen| batch.shops.as_ref().is_some_and(|shops| shops.iter().all(|shop| seen.contains(shop))));
    if !shown {
        return Ok(None);
    }
    let skipped = stock_ins::batch_orders(session, merchant, id, "skipped", None, 200).await?;
    Ok(Some((batch, skipped)))
}

/// A stock-in batch: how far it is, and what became of its orders.
///
/// # Errors
/// 404 for one that is not there or not theirs.
pub(super) async fn read_batch(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<BatchBody, Problem> {
    let found = batch_of(session, signed_in, id).await?;
    let (batch, skipped) = found.ok_or_else(|| Problem::not_found("batch"))?;
    let order = |order: stock_ins::BatchOrder| BatchOrderBody {
        order_id: order.order.to_string(),
        state: order.state,
        message: order.detail,
    };
    Ok(BatchBody {
        total: batch.total,
        done: batch.done,
        refused: batch.skipped,
        needs_attention: 0,
        running: 0,
        waiting: batch.waiting(),
        id: batch.id,
        orders: skipped.into_iter().map(order).collect(),
    })
}
