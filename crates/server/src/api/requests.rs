//! Buyers' cancellation requests: the list by time left, and the answers, one or many.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::warehouses::{Withdrawal, withdrawals};
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
use domain::ids::{OrderId, RequestId};
use domain::request::{AnswerKind, RequestState};
use domain::time::Moment;
use engine::{AnswerError, AnswerWish};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use store::orders::{self, OrderRecord};
use store::requests::{self, RequestRecord};
use store::{Session, StoreError};
use utoipa::ToSchema;

/// Requests that one call may answer.
pub const REQUESTS_MAX: usize = 500;

/// A buyer's cancellation request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct CancellationRequest {
    pub id: String,
    pub order_id: String,
    pub platform: String,
    pub shop: String,
    pub state: String,
    /// The lines that it asks to cancel.
    pub lines: Vec<String>,
    pub buyer_reason: Option<String>,
    pub asked_at: String,
    pub deadline: String,
    /// `platform` or `policy`.
    pub deadline_source: String,
    /// What the platform does when nobody answers: `agreed` or `rejected`.
    pub on_silence: String,
    /// How far the goods are.
    pub stage: String,
    /// The list in which the order stood before.
    pub list_before: String,
    /// Whether the platform thinks that the goods can be sold again; a hint, nothing follows from it.
    pub should_replenish_stock: Option<bool>,
    /// What a third-party warehouse has of the order, where its goods lie at one.
    pub withdrawal: Option<Withdrawal>,
    /// The same of each, where its lines lie at several; the first is `withdrawal`.
    pub withdrawals: Vec<Withdrawal>,
    /// Whether the label prints from the cache.
    pub label_cached: bool,
    /// `agree` or `reject`, once answered here.
    pub answer: Option<String>,
    /// The cancellation that carries the answer out.
    pub cancellation_id: Option<String>,
    pub decided_by: Option<String>,
    /// Why an answer did not take effect.
    pub message: Option<String>,
}

impl CancellationRequest {
    /// As the API tells it.
    pub(crate) fn of(request: &RequestRecord, order: &OrderRecord, withdrawals: Vec<Withdrawal>) -> Self {
        let answer = request.answer.as_ref();
        Self {
            id: request.id.to_string(),
            order_id: request.order.to_string(),
            platform: order.platform.to_string(),
            shop: request.shop.to_string(),
            state: request.state.to_string(),
            lines: request.lines.iter().map(ToString::to_string).collect(),
            buyer_reason: request.buyer_reason.clone(),
            asked_at: rfc3339(request.asked_at),
            deadline: rfc3339(request.deadline),
            deadline_source: request.deadline_source.to_string(),
            on_silence: request.on_silence.to_string(),
            stage: order.stage.to_string(),
            list_before: request.list_before.to_string(),
            should_replenish_stock: request.restock,
            withdrawal: withdrawals.first().cloned(),
            withdrawals,
            label_cached: order.has_cached_label(),
            answer: answer.map(|answer| answer.kind.to_string()),
            cancellation_id: answer.map(|answer| answer.carried_by.to_string()),
            decided_by: answer.map(|answer| answer.decided_by.clone()),
            message: request.message.clone(),
        }
    }
}

/// A page of requests, those with the least time left first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<CancellationRequest>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Requests of some states with their orders, and the cursor of the next page.
///
/// # Errors
/// As the store says, as a problem.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    states: &[RequestState],
    after: Option<&[String; 2]>,
    limit: u32,
) -> Result<(Vec<(RequestRecord, OrderRecord)>, Option<String>), Problem> {
    let merchant = signed_in.merchant();
    let after = match after {
        Some([deadline, id]) => {
            let millis =
                deadline.parse().map_err(|_| Problem::bad_request("bad_parameter", "“cursor” is no cursor."))?;
            Some((Moment::from_millis(millis), id.as_str()))
        }
        None => None,
    };
    let mut found = Vec::new();
    for state in states {
        found.extend(requests::page(session, merchant, *state, signed_in.shops(), after, limit + 1).await?);
    }
    // Each state's come in this order; several states' are merged into it.
    found.sort_by(|one, other| (one.deadline, one.id.as_str()).cmp(&(other.deadline, other.id.as_str())));
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| more);
    let next = next.map(|last| cursor(&[last.deadline.millis().to_string().as_str(), last.id.as_str()]));
    let ids: Vec<OrderId> = found.iter().map(|request| request.order.clone()).collect();
    let orders = orders::load(session, merchant, &ids).await?;
    let orders: HashMap<OrderId, OrderRecord> = orders.into_iter().map(|order| (order.id.clone(), order)).collect();
    let paired = found.into_iter().filter_map(|request| {
        let order = orders.get(&request.order)?.clone();
        Some((request, order))
    });
    Ok((paired.collect(), next))
}

/// A page of buyers' cancellation requests, those with the least time left first.
#[utoipa::path(
    get, path = "/api/v1/cancellation-requests", tag = "requests",
    params(("state" = Option<String>, Query, description = "open by default"), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = RequestPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<RequestPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["state", "limit", "cursor"])?;
    let state = query.read("state", RequestState::parse)?.unwrap_or(RequestState::Open);
    let (limit, after) = (query.limit()?, query.after::<2>()?);
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &signed_in, &[state], after.as_ref(), limit).await?;
    let ids: Vec<OrderId> = found.iter().map(|(_, order)| order.id.clone()).collect();
    let mut withdrawals = withdrawals(&app.store, &mut session, signed_in.merchant(), &ids).await?;
    let requests = found
        .iter()
        .map(|(request, order)| {
            CancellationRequest::of(request, order, withdrawals.remove(&order.id).unwrap_or_default())
        })
        .collect();
    Ok(Json(RequestPage { requests, next }))
}

/// A request that this user may see, and its order.
///
/// # Errors
/// 404, as for orders.
pub async fn visible_request(
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<(RequestRecord, OrderRecord), Problem> {
    let missing = || Problem::not_found("cancellation request");
    let id = RequestId::parse(id).map_err(|_| missing())?;
    let request = requests::load_one(session, signed_in.merchant(), &id).await?;
    let request = request.filter(|request| signed_in.sees(&request.shop)).ok_or_else(missing)?;
    let order = orders::load_one(session, signed_in.merchant(), &request.order).await?.ok_or_else(missing)?;
    Ok((request, order))
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        let words = error.to_string();
        match error {
            AnswerError::NotFound => Self::not_found("cancellation request"),
            AnswerError::AlreadyDecided(state) => {
                Self::conflict("already_decided", words).with("state", state.as_str())
            }
            AnswerError::WithdrawalRefused(_) => Self::conflict("withdrawal_refused", words),
            AnswerError::CancelPending => Self::conflict("cancel_pending", words),
            AnswerError::ReasonRequired => Self::unprocessable("reason_required", "A reason is wanted", words),
            AnswerError::Engine(engine::EngineError::Store(StoreError::Conflict(_))) => {
                Self::conflict("conflict", words)
            }
            AnswerError::Engine(error) => error.into(),
        }
    }
}

/// Gives an answer in this transaction.
///
/// # Errors
/// 403, 404, 409 or 422, as the request is.
pub async fn answer(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
    (kind, despite_warehouse): (AnswerKind, bool),
    reason: Option<&str>,
) -> Result<CancellationRequest, Problem> {
    signed_in.need(Permission::RequestsDecide)?;
    let (request, _) = visible_request(session, signed_in, id).await?;
    let reason = reason.filter(|reason| !reason.is_empty());
    let wish = AnswerWish { request: &request.id, kind, reason, despite_warehouse };
    let (request, _) = app.engine.answer_request(session, signed_in.merchant(), signed_in.actor(), &wish).await?;
    let (_, order) = visible_request(session, signed_in, id).await?;
    let ids = std::slice::from_ref(&order.id);
    let withdrawals = withdrawals(&app.store, session, signed_in.merchant(), ids).await?.remove(&order.id);
    Ok(CancellationRequest::of(&request, &order, withdrawals.unwrap_or_default()))
}

/// A problem that wants a reason, with those that the platform takes.
async fn with_reasons(app: &App, signed_in: &SignedIn, id: &str, problem: Problem) -> Problem {
    if problem.code != "reason_required" {
        return problem;
    }
    let request = {
        let Ok(mut session) = app.store.read().await else { return problem };
        let Ok((request, _)) = visible_request(&mut session, signed_in, id).await else { return problem };
        request
    };
    match app.engine.reject_reasons(signed_in.merchant(), &request).await {
        Ok(reasons) => {
            let reasons: Vec<_> =
                reasons.iter().map(|reason| json!({"code": reason.value, "label": reason.label})).collect();
            problem.with("reasons", reasons)
        }
        Err(_) => problem,
    }
}

async fn one(
    app: App,
    signed_in: SignedIn,
    (id, kind, reason): (String, (AnswerKind, bool), Option<&str>),
    (uri, headers, canonical): (Uri, HeaderMap, &str),
) -> Result<Response, Problem> {
    signed_in.need(Permission::RequestsDecide)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let given = answer(&app, &mut once.session, &signed_in, &id, kind, reason).await;
    match once.finish(StatusCode::ACCEPTED, given.and_then(|request| to_value(&request))).await {
        Ok(response) => Ok(response),
        Err(problem) => Err(with_reasons(&app, &signed_in, &id, problem).await),
    }
}

/// How to agree.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Whether to go on although a third-party warehouse would not withdraw.
    #[serde(default)]
    pub despite_warehouse: bool,
}

/// How to reject.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The code of a reason, where the platform takes one.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Agrees to a buyer's request. It is durable once answered, and carried out by a worker.
#[utoipa::path(
    post, path = "/api/v1/cancellation-requests/{id}/agree", tag = "requests", request_body = Agreement,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 202, body = CancellationRequest),
        (status = 409, description = "already_decided, withdrawal_refused, cancel_pending, conflict, idempotency_key_reused", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn agree(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Agreement>,
) -> Result<Response, Problem> {
    one(app, signed_in, (id, (AnswerKind::Agree, wish.value.despite_warehouse), None), (uri, headers, &wish.canonical))
        .await
}

/// Rejects a buyer's request. It is durable once answered, and carried out by a worker.
#[utoipa::path(
    post, path = "/api/v1/cancellation-requests/{id}/reject", tag = "requests", request_body = Rejection,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 202, body = CancellationRequest),
        (status = 409, description = "already_decided, cancel_pending, conflict, idempotency_key_reused", body = super::ProblemBody),
        (status = 422, description = "reason_required, with `reasons`", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn reject(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Rejection>,
) -> Result<Response, Problem> {
    let reason = wish.value.reason.as_deref();
    one(app, signed_in, (id, (AnswerKind::Reject, false), reason), (uri, headers, &wish.canonical)).await
}

/// One answer to many requests.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// `agree` or `reject`.
    pub answer: String,
    /// Which requests; 1 to 500.
    pub request_ids: Vec<String>,
    /// The code of a reason to reject with, by platform, where the platform takes one.
    #[serde(default)]
    pub reasons: HashMap<String, String>,
    /// Whether to agree although a third-party warehouse would not withdraw.
    #[serde(default)]
    pub despite_warehouse: bool,
}

/// What became of each request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerResults {
    /// In the order of the ids.
    pub results: Vec<AnswerResult>,
}

/// What became of one request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerResult {
    /// Which.
    pub id: String,
    /// Whether the answer was taken.
    pub done: bool,
    /// Why not: `not_found`, `already_decided`, `cancel_pending`, `withdrawal_refused`, `reason_required` or `conflict`.
    pub code: Option<String>,
    /// Why not, in words.
    pub detail: Option<String>,
}

/// Answers many requests, each by itself: one that is refused does not stop the others.
///
/// # Errors
/// Only what concerns all of them; a refusal of one is its result.
pub async fn answer_all(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    (kind, despite_warehouse): (AnswerKind, bool),
    ids: &[String],
    reasons: &HashMap<String, String>,
) -> Result<AnswerResults, Problem> {
    signed_in.need(Permission::RequestsDecide)?;
    if ids.is_empty() || ids.len() > REQUESTS_MAX {
        let detail = format!("Name 1 to {REQUESTS_MAX} requests in “request_ids”.");
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    // All at once and in one order: one after the other, two who change several orders would wait for each other.
    let known: Vec<RequestId> = ids.iter().filter_map(|id| RequestId::parse(id.as_str()).ok()).collect();
    let known = requests::load(session, signed_in.merchant(), &known).await?;
    let orders: Vec<OrderId> = known.into_iter().map(|request| request.order).collect();
    orders::lock(session, signed_in.merchant(), &orders).await?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        session.savepoint().await?;
        let answered = match visible_request(session, signed_in, id).await {
            Ok((_, order)) => {
                let reason = reasons.get(order.platform.as_str()).map(String::as_str);
                answer(app, session, signed_in, id, (kind, despite_warehouse), reason).await
            }
            Err(problem) => Err(problem),
        };
        let (code, detail) = match answered {
            Ok(_) => {
                session.release().await?;
                (None, None)
            }
            Err(problem) if problem.status.is_client_error() => {
                session.undo().await?;
                (Some(problem.code.to_owned()), Some(problem.detail.clone()))
            }
            Err(problem) => return Err(problem),
        };
        results.push(AnswerResult { id: id.clone(), done: code.is_none(), code, detail });
    }
    Ok(AnswerResults { results })
}

/// Answers many requests; each has its own result.
#[utoipa::path(
    post, path = "/api/v1/cancellation-requests/bulk", tag = "requests", request_body = Answers,
    params(("idempotency-key" = Option<String>, Header)),
    responses((status = 202, body = AnswerResults), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn bulk(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Answers>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::RequestsDecide)?;
    let kind = AnswerKind::parse(&wish.value.answer)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let Answers { request_ids, reasons, despite_warehouse, .. } = &wish.value;
    let answer = (kind, *despite_warehouse);
    let done = answer_all(&app, &mut once.session, &signed_in, answer, request_ids, reasons).await;
    once.finish(StatusCode::ACCEPTED, done.and_then(|results| to_value(&results))).await
}
