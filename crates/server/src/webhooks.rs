//! Pushes of the marketplaces and of third-party warehouses: `POST /webhooks/{platform}/{shop_or_app}`, by the platform's own id of the shop or of the
//! app, or by our id of the shop.
//!
//! A push changes no order. It is verified by its raw bytes, what it names is to be read soon, that is committed, and
//! only then it is answered, with an empty body (marketplaces take anything else for a failure).
//!
//! Whatever is refused is refused cheaply: an unknown name costs a look into a table in memory, a forged push a hash over
//! its bytes, and a push that came within the last minute a look into another table. No answer says more than a push of
//! the marketplace could know.

mod replays;
mod routes;

pub use replays::Replays;
pub use routes::Directory;

use crate::app::App;
use crate::http::body::read_discarding;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use connectors::connector::{Push, PushRefused};
use domain::ids::ShopId;
use domain::platform::Platform;
use domain::provider::Provider;
use routes::Route;
use std::sync::Arc;
use store::warehouses;

/// The largest push, in bytes; those seen have a few hundred.
const PUSH_BYTES_MAX: usize = 256 << 10;
/// How much of a larger one is read and thrown away, in bytes, before its connection is closed.
const PUSH_DISCARDED_MAX: usize = 1 << 20;

/// The address that a shop's platform has to push to.
#[must_use]
pub fn address(public_url: &str, platform: Platform, shop_or_app: &str) -> String {
    format!("{}/webhooks/{platform}/{shop_or_app}", public_url.trim_end_matches('/'))
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/webhooks/{platform}/{shop_or_app}", post(receive))
}

async fn receive(
    State(app): State<App>,
    Path((platform, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let taken = take(&app, &platform, &name, request).await;
    let outcome = match &taken {
        Ok(outcome) => outcome,
        Err(problem) => problem.code,
    };
    app.metrics.count("countermand_webhooks_total", &[("outcome", outcome)]);
    taken.map(|_| StatusCode::OK.into_response())
}

/// A push of a third-party warehouse: the order that it names is looked at there now.
async fn take_from_warehouse(app: &App, name: &str, request: Request) -> Result<&'static str, Problem> {
    let mut session = app.store.read().await?;
    let known = warehouses::by_route(&mut session, name).await?;
    let (merchant, warehouse) = known.ok_or_else(|| Problem::not_found("warehouse"))?;
    let account = app.store.warehouse_account(&mut session, &merchant, &warehouse).await?;
    drop(session);
    let account = account.ok_or_else(|| Problem::not_found("warehouse"))?;
    let opened = connectors::open_warehouse(account.provider, &account.address, &account.credentials);
    let opened = opened.map_err(|error| Problem::internal(error.to_string()))?;
    let headers = request.headers().clone();
    let body = read_discarding(request.into_body(), PUSH_BYTES_MAX, PUSH_DISCARDED_MAX).await?;
    let push = opened.read_push(&headers, &body, app.clock.warehouse_now()).map_err(refused)?;
    let Some(reference) = push.reference else { return Ok("nothing_to_read") };
    let mut session = app.store.begin().await?;
    let named = app.engine.nudge_warehouse(&mut session, &merchant, &warehouse, &reference).await?;
    session.commit().await?;
    app.committed();
    Ok(if named { "taken" } else { "no_order_of_ours" })
}

async fn take(app: &App, platform: &str, name: &str, request: Request) -> Result<&'static str, Problem> {
    if Provider::parse(platform).is_ok() {
        return take_from_warehouse(app, name, request).await;
    }
    let platform = Platform::parse(platform).map_err(|_| Problem::not_found("platform"))?;
    let routes = app.directory.routes(app, platform, name).await?;
    if routes.is_empty() {
        return Err(Problem::not_found("shop"));
    }
    let headers = request.headers().clone();
    let body = read_discarding(request.into_body(), PUSH_BYTES_MAX, PUSH_DISCARDED_MAX).await?;
    let (route, push) = verified(app, &routes, platform, name, &headers, &body)?;
    let Some(target) = target(&route, push.shop_account.as_deref()) else {
        // Signed by the platform, and about a shop that is not ours: repeating it would not help.
        return Ok("no_shop_of_ours");
    };
    if push.numbers.is_empty() {
        return Ok("nothing_to_read");
    }
    let now = app.clock.now();
    let replay = Replays::digest(platform, &target, &body);
    if app.replays.seen(&replay, now) {
        // Kept already. Platforms send a push again that they think was not answered: that is no fault of theirs.
        return Ok("replayed");
    }
    let kept = app.intake.keep(&app.engine, &route.merchant, &target, push.numbers).await;
    kept.map_err(|error| Problem::internal(error.to_string()))?;
    app.replays.remember(replay, now);
    Ok("taken")
}

/// The push as it was signed. An app's id may be registered by several merchants: the one whose key fits is meant.
fn verified(
    app: &App,
    routes: &[Arc<Route>],
    platform: Platform,
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Arc<Route>, Push), Problem> {
    let mut first = None;
    for route in routes {
        let callback_url = match &route.callback_url {
            Some(url) => url.clone(),
            None => address(route.public_url.as_deref().unwrap_or(&app.public_url), platform, name),
        };
        match route.connector.read_push(&callback_url, headers, body) {
            Ok(push) => return Ok((Arc::clone(route), push)),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(refused(first.unwrap_or(PushRefused::Unsigned)))
}

/// The shop that a push speaks of: the one it came to, or another of the same merchant on the same platform (one
/// address serves a whole app).
fn target(route: &Route, account: Option<&str>) -> Option<ShopId> {
    match account {
        None => route.shop.clone(),
        Some(account) => route.shops.get(account).cloned(),
    }
}

fn refused(refused: PushRefused) -> Problem {
    let words = refused.to_string();
    let (status, code) = match refused {
        PushRefused::Unsigned => (StatusCode::UNAUTHORIZED, "unsigned"),
        PushRefused::WrongSignature => (StatusCode::UNAUTHORIZED, "wrong_signature"),
        PushRefused::Unreadable(_) => (StatusCode::BAD_REQUEST, "unreadable"),
    };
    Problem::new(status, code, "The push is refused", words)
}
