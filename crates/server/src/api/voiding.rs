//! What is done to orders, one or many, with one answer each: void and restore here, packing and shipping in
//! [`super::shipping`].

use super::cancellations::to_value;
use super::once::{Begun, Once, if_match};
use super::order::Order;
use super::orders::visible;
use super::stock_ins::short;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::eligibility::Gate;
use domain::ids::OrderId;
use domain::shipment;
use engine::commands::CommandError;
use engine::scan::{Heard, Leave};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use store::Session;
use store::orders::{self, OrderRecord};
use store::stock;
use utoipa::ToSchema;

/// The most orders of one call.
pub const ORDERS_MAX: usize = 500;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Set aside.
    Void,
    /// Take back.
    Restore,
    /// Arrange the shipment.
    Pack,
    /// Scan out.
    Ship,
    /// Take a ship scan back.
    UndoShip,
    /// Take a pack back: Move to To Pack.
    Repack,
    /// Fetch the labels that are missing.
    FetchLabels,
}

/// What was heard of the orders that are about to leave, before the transaction in which they do; of every other act
/// nobody is asked.
#[derive(Debug, Default)]
pub struct Ahead {
    heard: HashMap<OrderId, Heard>,
    /// Why parcels go out although the platform is silent.
    pass: Option<String>,
}

impl Ahead {
    /// Makes sure that what is known of orders that are to leave is fresh: the platform is asked for at most two seconds.
    ///
    /// # Errors
    /// 403 without the permissions, 422 for an endless reason, or what the store says.
    pub async fn ask<'a>(
        app: &App,
        signed_in: &SignedIn,
        act: Act,
        ids: impl IntoIterator<Item = &'a str>,
        pass: Option<&str>,
    ) -> Result<Self, Problem> {
        signed_in.need(Permission::OrdersProcess)?;
        if act != Act::Ship {
            return Ok(Self::default());
        }
        let pass = short(pass)?.map(str::to_owned);
        if pass.is_some() {
            signed_in.need(Permission::OrdersPass)?;
        }
        let ids: Vec<OrderId> = ids.into_iter().filter_map(|id| OrderId::parse(id).ok()).collect();
        let mut session = app.store.read().await?;
        let mut orders = orders::load(&mut session, signed_in.merchant(), &ids).await?;
        drop(session);
        orders.retain(|order| signed_in.sees(&order.shop));
        Ok(Self { heard: app.engine.hear_of_orders(&orders).await?, pass })
    }
}

/// Does it, in this transaction.
///
/// # Errors
/// 403, 404, or 409 `cancel_pending`, `request_open`, `platform_silent` or `conflict`.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    act: Act,
    id: &str,
    expected_version: Option<i64>,
    ahead: &Ahead,
) -> Result<OrderRecord, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let order = visible(session, signed_in, id).await?.id;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let done = match act {
        Act::Void => app.engine.void(session, merchant, actor, &order, expected_version).await,
        Act::Restore => app.engine.restore(session, merchant, actor, &order, expected_version).await,
        Act::Pack => {
            app.engine.request_shipment(session, merchant, actor, shipment::Act::Pack, &order, expected_version).await
        }
        Act::Repack => {
            app.engine.request_shipment(session, merchant, actor, shipment::Act::Repack, &order, expected_version).await
        }
        Act::Ship => {
            let heard = ahead.heard.get(&order).ok_or_else(|| Problem::not_found("order"))?;
            let leave = Leave { heard, pass: ahead.pass.as_deref() };
            app.engine.ship(session, merchant, actor, &order, expected_version, leave).await
        }
        Act::UndoShip => app.engine.undo_ship(session, merchant, actor, &order, expected_version).await,
        Act::FetchLabels => app.engine.fetch_labels(session, merchant, &order).await,
    };
    done.map_err(closed)
}

/// A closed door, by its code.
pub(super) fn closed(error: CommandError) -> Problem {
    match error {
        CommandError::Blocked(blocked) => {
            let code = match blocked.gate {
                Gate::CancelPending => "cancel_pending",
                Gate::RequestOpen => "request_open",
                Gate::List
                | Gate::FulfilledByPlatform
                | Gate::PlatformStatus
                | Gate::Eligibility
                | Gate::NotSupported => "conflict",
            };
            Problem::conflict(code, blocked.detail).blocked_by(blocked.gate)
        }
        other => other.into(),
    }
}

pub(super) async fn one(
    app: App,
    signed_in: SignedIn,
    id: String,
    uri: Uri,
    headers: HeaderMap,
    act: Act,
) -> Result<Response, Problem> {
    let ahead = Ahead::ask(&app, &signed_in, act, [id.as_str()], None).await?;
    one_after(app, signed_in, &id, (&uri, &headers, ""), act, &ahead).await
}

/// Does it to one order, once what has to be heard of it was heard; `body` is what the idempotency key stands for.
pub(super) async fn one_after(
    app: App,
    signed_in: SignedIn,
    id: &str,
    (uri, headers, body): (&Uri, &HeaderMap, &str),
    act: Act,
    ahead: &Ahead,
) -> Result<Response, Problem> {
    let version = if_match(headers)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), headers, body).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, act, id, version, ahead).await;
    let answer = done.and_then(|order| to_value(&Order::from(&order)));
    once.finish(StatusCode::OK, answer).await
}

/// Sets an order aside, here only; the platform is told nothing.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/void", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "cancel_pending, conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn void(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::Void).await
}

/// Takes a voided order back into the list that its platform status gives now.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/restore", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "cancel_pending, conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn restore(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::Restore).await
}

/// Several orders.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Which; 1 to 500.
    pub order_ids: Vec<String>,
}

/// What became of each order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Results {
    /// In the order of the ids.
    pub results: Vec<OneResult>,
}

/// What became of one order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OneResult {
    /// Which.
    pub order_id: String,
    /// Whether it was done.
    pub done: bool,
    /// The order, once done.
    pub order: Option<Order>,
    /// Why not: `not_found`, `cancel_pending`, `request_open`, `platform_silent` or `conflict`.
    pub code: Option<String>,
    /// Why not, in words.
    pub detail: Option<String>,
}

/// Does it to several orders, each by itself: one that is refused does not stop the others.
///
/// # Errors
/// Only what concerns all of them; a refusal of one is its result.
pub async fn carry_out_all(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    act: Act,
    ids: &[String],
    ahead: &Ahead,
) -> Result<Results, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    check_count(ids)?;
    // All at once and in one order: one after the other, two who change several orders would wait for each other.
    let known: Vec<OrderId> = ids.iter().filter_map(|id| OrderId::parse(id.as_str()).ok()).collect();
    orders::lock(session, signed_in.merchant(), &known).await?;
    stock::lock(session, signed_in.merchant(), &known).await?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        session.savepoint().await?;
        let result = match carry_out(app, session, signed_in, act, id, None, ahead).await {
            Ok(order) => {
                session.release().await?;
                OneResult {
                    order_id: id.clone(),
                    done: true,
                    order: Some(Order::from(&order)),
                    code: None,
                    detail: None,
                }
            }
            Err(problem) if problem.status.is_client_error() => {
                session.undo().await?;
                let (code, detail) = (Some(problem.code.to_owned()), Some(problem.detail.clone()));
                OneResult { order_id: id.clone(), done: false, order: None, code, detail }
            }
            Err(problem) => return Err(problem),
        };
        results.push(result);
    }
    Ok(Results { results })
}

fn check_count(ids: &[String]) -> Result<(), Problem> {
    if ids.is_empty() || ids.len() > ORDERS_MAX {
        let detail = format!("Name 1 to {ORDERS_MAX} orders in “order_ids”.");
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    Ok(())
}

pub(super) async fn many(
    app: App,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    chosen: body::Json<Chosen>,
    act: Act,
) -> Result<Response, Problem> {
    let (ids, body) = (&chosen.value.order_ids, chosen.canonical.as_str());
    many_passing(app, signed_in, (&uri, &headers, body), ids, act, None).await
}

/// Does it to several orders; `pass` is why those that leave go out although their platform is silent.
pub(super) async fn many_passing(
    app: App,
    signed_in: SignedIn,
    (uri, headers, body): (&Uri, &HeaderMap, &str),
    ids: &[String],
    act: Act,
    pass: Option<&str>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    check_count(ids)?;
    let ahead = Ahead::ask(&app, &signed_in, act, ids.iter().map(String::as_str), pass).await?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), headers, body).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out_all(&app, &mut once.session, &signed_in, act, ids, &ahead).await;
    let answer: Result<Value, Problem> = done.and_then(|results| to_value(&results));
    once.finish(StatusCode::OK, answer).await
}

/// Sets several orders aside; each has its own result.
#[utoipa::path(
    post, path = "/api/v1/orders/void", tag = "orders", request_body = Chosen, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Results), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn void_many(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    chosen: body::Json<Chosen>,
) -> Result<Response, Problem> {
    many(app, signed_in, uri, headers, chosen, Act::Void).await
}

/// Takes several voided orders back; each has its own result.
#[utoipa::path(
    post, path = "/api/v1/orders/restore", tag = "orders", request_body = Chosen, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Results), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn restore_many(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    chosen: body::Json<Chosen>,
) -> Result<Response, Problem> {
    many(app, signed_in, uri, headers, chosen, Act::Restore).await
}
