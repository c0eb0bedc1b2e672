//! Pack, ship and what takes them back, one or many.

use super::order::Order;
use super::voiding::{Act, Ahead, Chosen, Results, many, many_passing, one, one_after};
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

/// Arranges an order's shipment: accepted at once, carried out by a worker.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/pack", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "cancel_pending, request_open, conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pack(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::Pack).await
}

/// Letting a parcel out.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Passing {
    /// Why it goes out although the platform is silent; needs the permission `orders.pass`, and is kept in the log.
    pub pass: Option<String>,
}

/// Orders that are to leave.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// Which; 1 to 500.
    pub order_ids: Vec<String>,
    /// Why they go out although the platform is silent; needs the permission `orders.pass`, and is kept in the log.
    #[serde(default)]
    pub pass: Option<String>,
}

/// Scans an order out: its units leave the shelf, and the platform is told where it wants to be. What was synced within two
/// minutes counts, else the platform is asked for at most two seconds; where it is silent, `platform_silent` unless `pass` says
/// why it goes out all the same. The body may be left out.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/ship", tag = "orders", request_body = Passing,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "cancel_pending, request_open, platform_silent, conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn ship(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Passing>,
) -> Result<Response, Problem> {
    let pass = wish.value.pass.as_deref();
    let ahead = Ahead::ask(&app, &signed_in, Act::Ship, [id.as_str()], pass).await?;
    // Without a reason the body says nothing, whether it was sent or not.
    let body = if pass.is_some() { wish.canonical.as_str() } else { "" };
    one_after(app, signed_in, &id, (&uri, &headers, body), Act::Ship, &ahead).await
}

/// Takes a ship scan back, before the courier scanned the parcel.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/undo-ship", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn undo_ship(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::UndoShip).await
}

/// Takes a pack back where the platform allows it: the order is to be packed again, with new labels.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/repack", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "cancel_pending, request_open, conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn repack(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::Repack).await
}

/// Asks for an order's missing labels once more.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/fetch-labels", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn fetch_labels(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    one(app, signed_in, id, uri, headers, Act::FetchLabels).await
}

/// Arranges the shipment of several orders; each has its own result.
#[utoipa::path(
    post, path = "/api/v1/orders/pack", tag = "orders", request_body = Chosen, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Results), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pack_many(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    chosen: body::Json<Chosen>,
) -> Result<Response, Problem> {
    many(app, signed_in, uri, headers, chosen, Act::Pack).await
}

/// Scans several orders out; each has its own result. The platforms are asked as for one, and two seconds are for all of them.
#[utoipa::path(
    post, path = "/api/v1/orders/ship", tag = "orders", request_body = Leaving, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Results), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn ship_many(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    leaving: body::Json<Leaving>,
) -> Result<Response, Problem> {
    let (wish, body) = (&leaving.value, leaving.canonical.as_str());
    many_passing(app, signed_in, (&uri, &headers, body), &wish.order_ids, Act::Ship, wish.pass.as_deref()).await
}
