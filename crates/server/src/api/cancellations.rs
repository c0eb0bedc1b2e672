//! Cancellations: asked for, followed, and settled by a person where they need it.

use super::once::{Begun, Once, if_match};
use super::order::Cancellation;
use super::orders::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::cancellation::State as CancellationState;
use domain::ids::CancellationId;
use engine::commands::CancelRequest;
use engine::{ResolveAs, ResolveError};
use serde::{Deserialize, Serialize};
use store::Session;
use store::cancellations::{self, CancellationRecord, ChosenLine};
use utoipa::ToSchema;

/// The most lines that one cancel may choose.
const LINES_MAX: usize = 500;
/// The longest note, in characters.
const NOTE_MAX: usize = 1_000;

/// A cancel to be asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Which order.
    pub order_id: String,
    /// One of the codes of its cancellation options.
    pub reason: String,
    /// The chosen products, where the reason wants them.
    #[serde(default)]
    pub lines: Vec<WishedLine>,
    /// Kept here; the platform does not see it.
    #[serde(default)]
    pub note: Option<String>,
    /// Undo the parcel first and pack what is left again, so that the other items of it stay; for chosen lines of a packed
    /// order, where the options say `repack`.
    #[serde(default)]
    pub repack: bool,
    /// Whether to go on although a third-party warehouse would not withdraw.
    #[serde(default)]
    pub despite_warehouse: bool,
}

/// A chosen product.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedLine {
    /// The line.
    pub line_id: String,
    /// How many units of it; all of them where only whole orders can be cancelled.
    pub quantity: u32,
}

impl Wish {
    fn check(&self) -> Result<(), Problem> {
        let wrong = |detail: String| Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
        if self.lines.len() > LINES_MAX {
            return wrong(format!("At most {LINES_MAX} lines can be chosen."));
        }
        if self.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
            return wrong(format!("A note has at most {NOTE_MAX} characters."));
        }
        let mut lines: Vec<&str> = self.lines.iter().map(|line| line.line_id.as_str()).collect();
        lines.sort_unstable();
        if lines.windows(2).any(|two| two[0] == two[1]) {
            return wrong("A line is chosen twice.".to_owned());
        }
        if self.lines.iter().any(|line| line.quantity == 0) {
            return wrong("A quantity is 1 or more.".to_owned());
        }
        Ok(())
    }
}

/// Accepts a cancel in this transaction.
///
/// # Errors
/// 403, 404, 409 or 422, as the order and the platform's policy are.
pub async fn accept(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    wish: &Wish,
    expected_version: Option<i64>,
) -> Result<CancellationRecord, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    wish.check()?;
    let order = visible(session, signed_in, &wish.order_id).await?;
    let lines: Vec<ChosenLine> =
        wish.lines.iter().map(|line| ChosenLine { line_id: line.line_id.clone(), quantity: line.quantity }).collect();
    let request = CancelRequest {
        order: &order.id,
        reason: &wish.reason,
        lines: &lines,
        note: wish.note.as_deref(),
        repack: wish.repack,
        expected_version,
        despite_warehouse: wish.despite_warehouse,
    };
    Ok(app.engine.request_cancel(session, signed_in.merchant(), signed_in.actor(), &request).await?)
}

/// Asks for a cancel. It is durable once answered, and carried out by a worker.
#[utoipa::path(
    post, path = "/api/v1/cancellations", tag = "cancellations", request_body = Wish,
    params(("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header, description = "The order's version")),
    responses(
        (status = 202, body = Cancellation),
        (status = 409, description = "not_cancellable (blocked_by names the gate), request_open, withdrawal_refused, conflict, idempotency_key_reused", body = super::ProblemBody),
        (status = 422, description = "reason_not_offered, lines_required, partial_not_supported, repack_not_offered, unknown_line, invalid_body", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    let version = if_match(&headers)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let accepted = accept(&app, &mut once.session, &signed_in, &wish.value, version).await;
    let answer = accepted.and_then(|record| to_value(&Cancellation::from(&record)));
    once.finish(StatusCode::ACCEPTED, answer).await
}

/// A value as JSON.
pub(super) fn to_value(value: &impl Serialize) -> Result<serde_json::Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::internal(error.to_string()))
}

/// A page of cancellations, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CancellationPage {
    /// The cancellations.
    pub cancellations: Vec<Cancellation>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A page of cancellations, newest first.
#[utoipa::path(
    get, path = "/api/v1/cancellations", tag = "cancellations",
    params(("state" = Option<String>, Query), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = CancellationPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<CancellationPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["state", "limit", "cursor"])?;
    let state = query.read("state", CancellationState::parse)?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let mut session = app.store.read().await?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let found =
        cancellations::page(&mut session, signed_in.merchant(), state, signed_in.shops(), before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));
    Ok(Json(CancellationPage { cancellations: found.iter().take(shown).map(Cancellation::from).collect(), next }))
}

/// A cancellation that this user may see.
///
/// # Errors
/// 404, as for orders.
pub async fn visible_cancellation(
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<CancellationRecord, Problem> {
    let id = CancellationId::parse(id).map_err(|_| Problem::not_found("cancellation"))?;
    let found = cancellations::load(session, signed_in.merchant(), std::slice::from_ref(&id)).await?.pop();
    found.filter(|record| signed_in.sees(&record.shop)).ok_or_else(|| Problem::not_found("cancellation"))
}

/// One cancellation.
#[utoipa::path(
    get, path = "/api/v1/cancellations/{id}", tag = "cancellations", params(("id" = String, Path)),
    responses((status = 200, body = Cancellation), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Cancellation>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    Ok(Json(Cancellation::from(&visible_cancellation(&mut session, &signed_in, &id).await?)))
}

/// As what a cancellation is settled.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// As what.
    #[serde(rename = "as")]
    pub resolve_as: ResolutionWord,
}

/// As what a cancellation is settled.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionWord {
    /// Go on with it.
    Retry,
    /// The order is cancelled.
    Done,
    /// The order lives on.
    Refused,
}

/// Settles a cancellation that needs attention. `done` and `refused` need a fresh read that agrees.
///
/// That read is a call to the platform, which no transaction may wait for: the answer is kept under its
/// `Idempotency-Key` in a transaction of its own. Settling twice is refused by itself.
#[utoipa::path(
    post, path = "/api/v1/cancellations/{id}/resolve", tag = "cancellations", request_body = Resolution,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = Cancellation),
        (status = 409, description = "platform_disagrees, not_needed", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn resolve(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Resolution>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    if let Begun::Replayed(answer) = Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        return Ok(answer);
    }
    let settled = settle(&app, &signed_in, &id, wish.value.resolve_as).await?;
    match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => Ok(answer),
        Begun::Fresh(once) => once.finish(StatusCode::OK, to_value(&Cancellation::from(&settled))).await,
    }
}

/// Settles a cancellation that needs attention.
///
/// # Errors
/// 404, or 409 `not_needed` or `platform_disagrees`.
pub async fn settle(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
    resolve_as: ResolutionWord,
) -> Result<CancellationRecord, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    let record = {
        let mut session = app.store.read().await?;
        visible_cancellation(&mut session, signed_in, id).await?
    };
    let resolve_as = match resolve_as {
        ResolutionWord::Retry => ResolveAs::Retry,
        ResolutionWord::Done => ResolveAs::Done,
        ResolutionWord::Refused => ResolveAs::Refused,
    };
    let resolved = app.engine.resolve(signed_in.merchant(), signed_in.actor(), &record.id, resolve_as).await;
    let record = resolved.map_err(|error| match error {
        ResolveError::NotFound => Problem::not_found("cancellation"),
        ResolveError::NotNeeded(_) => Problem::conflict("not_needed", error.to_string()),
        ResolveError::PlatformDisagrees(_) => Problem::conflict("platform_disagrees", error.to_string()),
        ResolveError::Engine(error) => error.into(),
    })?;
    app.committed();
    Ok(record)
}
