//! Shipped after cancel: what a courier scanned although its order is canceled, and what became of it.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::orders::visible;
use super::scan::ScannedOrder;
use super::stock_ins::short;
use super::voiding::closed;
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::case::{self, Resolution};
use domain::ids::OrderId;
use domain::time::Moment;
use engine::cases::{CaseWish, Told, story};
use serde::{Deserialize, Serialize};
use store::cases::{self, CaseRecord};
use store::orders::{self, OrderRecord};
use store::{Session, log};
use utoipa::ToSchema;

/// What became of a case.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `came_back` (its units wait to be stocked in), `claimed` (they are lost and somebody pays) or `closed`.
    #[serde(rename = "as")]
    pub kind: String,
    /// The claim's number at the marketplace or the courier.
    #[serde(default)]
    pub reference: Option<String>,
    /// Kept with the case and in the log.
    #[serde(default)]
    pub note: Option<String>,
}

/// A page of cases.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CasePage {
    /// Newest first.
    pub cases: Vec<Case>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A canceled order that a courier scanned.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Case {
    /// The order.
    pub order: ScannedOrder,
    /// `open`, `came_back`, `stocked_in`, `claimed` or `closed`.
    pub state: String,
    /// When it was opened.
    pub opened_at: String,
    /// When the courier scanned it, on the platform's clock.
    pub scanned_at: String,
    /// The platform's own word of the scan.
    pub scanned_as: String,
    /// Units that left.
    pub units: u32,
    /// Of these, units that no bucket had: a difference.
    pub unexplained: u32,
    /// When it came back.
    pub came_back_at: Option<String>,
    /// The claim's number.
    pub reference: Option<String>,
    /// A person's note.
    pub note: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<String>,
}

/// A case with its story.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CaseDetail {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// What a marketplace's appeal asks for, oldest first.
    pub timeline: Vec<CaseStep>,
}

/// A step of a case's story.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CaseStep {
    /// `cancel_asked`, `cancel_confirmed`, `printed`, `packed`, `handed_over`, `stopped` or `courier_scan`.
    pub step: String,
    /// When.
    pub at: String,
    /// `platform` or `here`: whose clock says so.
    pub clock: String,
    /// Who.
    pub actor: String,
    /// In words.
    pub detail: String,
}

impl From<&Told> for CaseStep {
    fn from(told: &Told) -> Self {
        Self {
            step: told.step.to_string(),
            at: rfc3339(told.at),
            clock: if told.by_platform { "platform" } else { "here" }.to_owned(),
            actor: told.actor.clone(),
            detail: told.detail.clone(),
        }
    }
}

impl Case {
    fn of(case: &CaseRecord, order: &OrderRecord) -> Self {
        Self {
            order: ScannedOrder::from(order),
            state: case.state.to_string(),
            opened_at: rfc3339(case.opened_at),
            scanned_at: rfc3339(case.scanned_at),
            scanned_as: case.scanned_as.clone(),
            units: case.units,
            unexplained: case.unexplained,
            came_back_at: case.came_back_at.map(rfc3339),
            reference: case.reference.clone(),
            note: case.note.clone(),
            ended_by: case.ended.as_ref().map(|(by, _)| by.clone()),
            ended_at: case.ended.as_ref().map(|(_, at)| rfc3339(*at)),
        }
    }
}

/// A page of the cases in a state, with their orders.
///
/// # Errors
/// 400 for a cursor that is none, or what the store says.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    state: case::State,
    after: Option<&[String; 2]>,
    limit: u32,
) -> Result<(Vec<(CaseRecord, OrderRecord)>, Option<String>), Problem> {
    let merchant = signed_in.merchant();
    let after = match after {
        Some([at, order]) => {
            let at =
                at.parse().map_err(|_| Problem::bad_request("bad_parameter", "The parameter “cursor” is none."))?;
            Some((Moment::from_millis(at), order.as_str()))
        }
        None => None,
    };
    let mut found = cases::page(session, merchant, state, signed_in.shops(), after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| cursor(&[&last.opened_at.millis().to_string(), last.order.as_str()]));
    let ids: Vec<OrderId> = found.iter().map(|case| case.order.clone()).collect();
    let known = orders::load(session, merchant, &ids).await?;
    let with_order = |case: CaseRecord| {
        let order = known.iter().find(|order| order.id == case.order)?.clone();
        Some((case, order))
    };
    Ok((found.into_iter().filter_map(with_order).collect(), next))
}

/// A case of an order that this user may see, with its story.
///
/// # Errors
/// 404 where there is none.
pub async fn visible_case(
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<(CaseRecord, OrderRecord, Vec<Told>), Problem> {
    let missing = || Problem::not_found("case");
    let order = visible(session, signed_in, id).await.map_err(|_| missing())?;
    let found = cases::of_orders(session, signed_in.merchant(), std::slice::from_ref(&order.id)).await?.pop();
    let case = found.ok_or_else(missing)?;
    let entries = log::of_order(session, signed_in.merchant(), &order.id).await?;
    let told = story(&case, &order, &entries);
    Ok((case, order, told))
}

/// What couriers scanned although it was canceled, newest first.
#[utoipa::path(
    get, path = "/api/v1/cases", tag = "cases",
    params(
        ("state" = Option<String>, Query, description = "open (unless told), came_back, stocked_in, claimed, closed"),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = CasePage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Json<CasePage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["state", "limit", "cursor"])?;
    let state = query.read("state", case::State::parse)?.unwrap_or(case::State::Open);
    let after = query.after::<2>()?;
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &signed_in, state, after.as_ref(), query.limit()?).await?;
    Ok(Json(CasePage { cases: found.iter().map(|(case, order)| Case::of(case, order)).collect(), next }))
}

/// A case with its story, by its order's id.
#[utoipa::path(
    get, path = "/api/v1/cases/{order_id}", tag = "cases", params(("order_id" = String, Path)),
    responses((status = 200, body = CaseDetail), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<CaseDetail>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let (case, order, told) = visible_case(&mut session, &signed_in, &id).await?;
    let timeline = told.iter().map(CaseStep::from).collect();
    Ok(Json(CaseDetail { case: Case::of(&case, &order), timeline }))
}

/// Takes a person's word of a case in this transaction.
///
/// # Errors
/// 403, 404, 409 for a case that has ended, 422 for a word that is none.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
    wish: &Wish,
) -> Result<(CaseRecord, OrderRecord), Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let bad = |detail: String| Problem::unprocessable("invalid_body", "The body does not fit", detail);
    let resolution = Resolution::parse(&wish.kind).map_err(|error| bad(error.to_string()))?;
    let (reference, note) = (short(wish.reference.as_deref())?, short(wish.note.as_deref())?);
    if resolution == Resolution::Claimed && reference.is_none() {
        return Err(bad("Name the claim's number in “reference”.".to_owned()));
    }
    let order = visible(session, signed_in, id).await?.id;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let wish = CaseWish { resolution, reference, note };
    let case = app.engine.resolve_case(session, merchant, actor, &order, wish).await.map_err(closed)?;
    let order = visible(session, signed_in, id).await?;
    Ok((case, order))
}

/// Says what became of a case: its units came back and wait to be stocked in, are lost and claimed, or nothing more happens.
#[utoipa::path(
    post, path = "/api/v1/cases/{order_id}/resolve", tag = "cases", request_body = Wish,
    params(("order_id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Case), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn resolve(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, &id, &wish.value).await;
    let answer = done.and_then(|(case, order)| to_value(&Case::of(&case, &order)));
    once.finish(StatusCode::OK, answer).await
}
