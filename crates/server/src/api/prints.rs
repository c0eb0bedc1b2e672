//! What was printed together, what is to be picked for it, and the pull list: what must come out of the pile again.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::scan::{Code, ScannedOrder, code_of};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::picks::{self, Picks};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{MerchantSku, PrintBatchId, WarehouseId};
use engine::pull_list::Pull;
use serde::{Deserialize, Serialize};
use store::prints::{self, PrintBatch, ToPull};
use store::{Session, log, shelves};
use utoipa::ToSchema;

/// The most parcels of a pull list that are shown at once.
pub const PULLS_MAX: u32 = 500;

/// A page of prints.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PrintBatchPage {
    /// Newest first.
    pub print_batches: Vec<PrintBatchBody>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Labels that went out as one print.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PrintBatch)]
pub struct PrintBatchBody {
    /// Its id.
    pub id: String,
    /// How many labels.
    pub labels: u32,
    /// Who printed them.
    pub actor: String,
    /// When.
    pub at: String,
}

impl From<&PrintBatch> for PrintBatchBody {
    fn from(batch: &PrintBatch) -> Self {
        Self { id: batch.id.to_string(), labels: batch.labels, actor: batch.actor.clone(), at: rfc3339(batch.at) }
    }
}

/// What is to be picked for a print.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PickList {
    /// The print.
    pub print_batch: PrintBatchBody,
    /// Products, by shelf, then by SKU where there is no shelf.
    pub picks: Vec<PickBody>,
    /// Its parcels, in the order of printing.
    pub parcels: Vec<PickedParcel>,
}

/// A product to be picked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Pick)]
pub struct PickBody {
    /// The warehouse.
    pub warehouse: String,
    /// The shelf; null where none is known.
    pub shelf: Option<String>,
    /// The product.
    pub merchant_sku: String,
    /// Its name.
    pub name: String,
    /// Units, of all parcels that may go out.
    pub units: u32,
    /// The places of these parcels in the print.
    pub positions: Vec<u32>,
}

/// A parcel of a print.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PickedParcel {
    /// Its place, from 1.
    pub position: u32,
    /// Which print of its label this was, from 1.
    pub copy: u32,
    /// Its order.
    pub order: ScannedOrder,
    /// Its package.
    pub package: String,
    /// Why it must not go out: `canceled`, `partly_canceled`, `cancel_pending`, `request_open`; null where nothing is against it.
    pub stopped: Option<String>,
}

/// The pull list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PullList {
    /// Print by print, in the order of printing; at most 500.
    pub parcels: Vec<PullBody>,
}

/// A printed parcel that must come out of the pile.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Pull)]
pub struct PullBody {
    /// Its order.
    pub order: ScannedOrder,
    /// Its package.
    pub package: String,
    /// Its tracking number.
    pub tracking_number: Option<String>,
    /// `canceled`, `partly_canceled`, `cancel_pending` or `request_open`.
    pub why: String,
    /// The print; null where it was printed before prints were kept.
    pub print_batch: Option<String>,
    /// Its place in the print, from 1.
    pub position: Option<u32>,
    /// When it was printed.
    pub printed_at: Option<String>,
    /// Who printed it.
    pub printed_by: Option<String>,
    /// What is in it.
    pub lines: Vec<PullLine>,
}

/// What is in a parcel on the pull list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct PullLine {
    pub merchant_sku: String,
    pub name: String,
    pub units: u32,
    pub shelf: Option<String>,
}

/// What was taken out of the pile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pulled {
    /// The parcels that were on the pull list.
    pub pulled: Vec<PulledParcel>,
}

/// A parcel that was taken out of the pile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PulledParcel {
    /// Its order.
    pub order_id: String,
    /// Its package.
    pub package: String,
    /// The print that it was in.
    pub print_batch: Option<String>,
    /// Its place there, from 1.
    pub position: Option<u32>,
}

impl From<&ToPull> for PulledParcel {
    fn from(printed: &ToPull) -> Self {
        Self {
            order_id: printed.order.to_string(),
            package: printed.package.to_string(),
            print_batch: printed.print.as_ref().map(|(batch, _)| batch.to_string()),
            position: printed.print.as_ref().map(|(_, position)| *position),
        }
    }
}

/// Where a product lies.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shelf {
    /// Its shelf; empty forgets it.
    pub shelf: String,
}

/// A page of prints that hold labels of shops that this user may see.
///
/// # Errors
/// As the store says.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    before: Option<&str>,
    limit: u32,
) -> Result<(Vec<PrintBatch>, Option<String>), Problem> {
    let mut found = prints::page(session, signed_in.merchant(), signed_in.shops(), before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| more).map(|last| cursor(&[last.id.as_str()]));
    Ok((found, next))
}

/// What was printed, newest first.
#[utoipa::path(
    get, path = "/api/v1/print-batches", tag = "prints",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PrintBatchPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<PrintBatchPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["limit", "cursor"])?;
    let after = query.after::<1>()?;
    let mut session = app.store.read().await?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let (found, next) = page(&mut session, &signed_in, before, query.limit()?).await?;
    Ok(Json(PrintBatchPage { print_batches: found.iter().map(PrintBatchBody::from).collect(), next }))
}

/// A print with its parcels and picks, as far as this user may see them.
///
/// # Errors
/// 404 where there is none to be seen.
pub async fn picks_of(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<(PrintBatch, Picks), Problem> {
    let missing = || Problem::not_found("print");
    let id = PrintBatchId::parse(id).map_err(|_| missing())?;
    let batch = prints::load(session, signed_in.merchant(), &id).await?.ok_or_else(missing)?;
    let labels = prints::of_batch(session, signed_in.merchant(), &id).await?;
    let picks = picks::of_labels(session, signed_in, labels).await?;
    if picks.parcels.is_empty() {
        return Err(missing());
    }
    Ok((batch, picks))
}

/// What is to be picked for a print: products by shelf, and its parcels in the order of printing.
#[utoipa::path(
    get, path = "/api/v1/print-batches/{id}/pick-list", tag = "prints", params(("id" = String, Path)),
    responses((status = 200, body = PickList), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pick_list(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<PickList>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let (batch, picks) = picks_of(&mut session, &signed_in, &id).await?;
    let pick = |pick: &picks::Pick| PickBody {
        warehouse: pick.warehouse.to_string(),
        shelf: pick.shelf.clone(),
        merchant_sku: pick.sku.to_string(),
        name: pick.name.clone(),
        units: pick.units,
        positions: pick.positions.clone(),
    };
    let parcel = |parcel: &picks::Parcel| PickedParcel {
        position: parcel.label.position,
        copy: parcel.label.copy,
        order: ScannedOrder::from(&parcel.order),
        package: parcel.label.package.to_string(),
        stopped: parcel.stopped.map(|why| why.as_str().to_owned()),
    };
    Ok(Json(PickList {
        print_batch: PrintBatchBody::from(&batch),
        picks: picks.picks.iter().map(pick).collect(),
        parcels: picks.parcels.iter().map(parcel).collect(),
    }))
}

/// What was canceled, is being canceled, or is asked to be, since it was printed, and is still in the pile.
#[utoipa::path(
    get, path = "/api/v1/pull-list", tag = "prints",
    responses((status = 200, body = PullList), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pull_list(State(app): State<App>, signed_in: SignedIn) -> Result<Json<PullList>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let pulls = app.engine.pull_list(&mut session, signed_in.merchant(), signed_in.shops(), PULLS_MAX).await?;
    let shelves = picks::shelves_of(&mut session, &signed_in, pulls.iter().map(|pull| &pull.order)).await?;
    let body = |pull: &Pull| PullBody {
        order: ScannedOrder::from(&pull.order),
        package: pull.printed.package.to_string(),
        tracking_number: picks::tracking_number(&pull.order, &pull.printed.package).map(str::to_owned),
        why: pull.why.as_str().to_owned(),
        print_batch: pull.printed.print.as_ref().map(|(batch, _)| batch.to_string()),
        position: pull.printed.print.as_ref().map(|(_, position)| *position),
        printed_at: pull.printed.printed_at.map(rfc3339),
        printed_by: pull.printed.printed_by.clone(),
        lines: picks::lines_in(&pull.order, &pull.printed.package)
            .map(|line| PullLine {
                merchant_sku: line.merchant_sku.to_string(),
                name: line.name.clone(),
                units: line.quantity,
                shelf: shelves.get(&(line.warehouse.clone(), line.merchant_sku.clone())).cloned(),
            })
            .collect(),
    };
    Ok(Json(PullList { parcels: pulls.iter().map(body).collect() }))
}

/// Notes in this transaction that the parcel with this code was taken out of the pile.
///
/// # Errors
/// 404 where it is not on the pull list.
pub async fn pull(app: &App, session: &mut Session, signed_in: &SignedIn, code: &str) -> Result<Vec<ToPull>, Problem> {
    let scanned = app.engine.look_up(session, signed_in.merchant(), signed_in.shops(), code).await?;
    let parcel = scanned.parcel.ok_or_else(|| Problem::not_found("parcel"))?;
    let pulled = app.engine.pull(session, &parcel.order, parcel.package.as_ref(), signed_in.actor()).await?;
    if pulled.is_empty() {
        let detail =
            format!("{}: nothing of it is on the pull list. {}", parcel.order.number, scanned.reason.in_words());
        return Err(Problem::conflict("not_on_pull_list", detail));
    }
    Ok(pulled)
}

/// Says that a parcel was taken out of the pile.
#[utoipa::path(
    post, path = "/api/v1/pull-list/pulled", tag = "prints", request_body = Code, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Pulled), (status = 409, description = "not_on_pull_list", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pulled(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Code>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let code = code_of(&wish.value.code)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = pull(&app, &mut once.session, &signed_in, code).await;
    let answer = done.and_then(|pulled| to_value(&Pulled { pulled: pulled.iter().map(PulledParcel::from).collect() }));
    once.finish(StatusCode::OK, answer).await
}

/// Says in this transaction where a product lies.
///
/// # Errors
/// 403, 404 or 422.
pub async fn put_shelf(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    (warehouse, sku): (&str, &str),
    shelf: &str,
) -> Result<(), Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let shelf = shelf.trim();
    if shelf.chars().count() > shelves::SHELF_MAX || shelf.chars().any(char::is_control) {
        let detail = format!("The name of a shelf has at most {} printable characters.", shelves::SHELF_MAX);
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    let merchant = signed_in.merchant();
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| Problem::not_found("warehouse"))?;
    let sku = MerchantSku::parse(sku).map_err(|_| Problem::not_found("SKU"))?;
    let known = store::shops::warehouses(session, merchant).await?;
    if !known.iter().any(|one| one.id == warehouse) {
        return Err(Problem::not_found("warehouse"));
    }
    shelves::put(session, merchant, &warehouse, &sku, shelf).await?;
    let detail = format!("lies on shelf “{shelf}” in {warehouse}");
    let entry = log::Entry {
        actor: signed_in.actor(),
        action: "stock.shelf",
        shop: None,
        order: None,
        subject: sku.as_str(),
        detail: &detail,
    };
    Ok(log::write(session, merchant, app.clock.now(), &entry).await?)
}

/// Says where a product lies in a warehouse: pick lists and the pull list are sorted by it.
#[utoipa::path(
    post, path = "/api/v1/stock/{warehouse}/{merchant_sku}/shelf", tag = "stock", request_body = Shelf,
    params(("warehouse" = String, Path), ("merchant_sku" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Shelf), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn shelf(
    State(app): State<App>,
    signed_in: SignedIn,
    Path((warehouse, sku)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Shelf>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = put_shelf(&app, &mut once.session, &signed_in, (&warehouse, &sku), &wish.value.shelf).await;
    let answer = done.and_then(|()| to_value(&wish.value));
    once.finish(StatusCode::OK, answer).await
}
