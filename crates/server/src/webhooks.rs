//! Pushes of the marketplaces: `POST /webhooks/{platform}/{shop_or_app}`, by our id of the shop or the platform's own.
//!
//! A push changes no order. It is verified by its raw bytes, what it names is to be read soon, that is committed, and
//! only then it is answered, with an empty body (marketplaces take anything else for a failure).

use crate::app::App;
use crate::http::body::read;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use connectors::connector::PushRefused;
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::time::{Moment, Span};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::shops::{self, ShopRecord};
use store::{Session, StoreError};

/// The largest push, in bytes; those seen have a few hundred.
const PUSH_BYTES_MAX: usize = 256 << 10;
/// How old the list of shops may be before an unknown id makes it read again: pushes with made-up ids stay cheap.
const DIRECTORY_AGE: Span = Span::from_seconds(5);

/// Which merchant each shop belongs to, as last read.
#[derive(Debug, Default)]
pub struct Directory {
    read: Mutex<(Option<Moment>, HashMap<ShopId, MerchantId>)>,
}

impl Directory {
    async fn merchant_of(
        &self,
        session: &mut Session,
        shop: &ShopId,
        now: Moment,
    ) -> Result<Option<MerchantId>, StoreError> {
        {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            let is_fresh = read.0.is_some_and(|at| now.since(at) < DIRECTORY_AGE);
            if let Some(merchant) = read.1.get(shop) {
                return Ok(Some(merchant.clone()));
            }
            if is_fresh {
                return Ok(None);
            }
        }
        let known: HashMap<ShopId, MerchantId> =
            shops::directory(session).await?.into_iter().map(|(merchant, shop)| (shop, merchant)).collect();
        let merchant = known.get(shop).cloned();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = (Some(now), known);
        Ok(merchant)
    }
}

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

async fn take(app: &App, platform: &str, name: &str, request: Request) -> Result<&'static str, Problem> {
    let platform = Platform::parse(platform).map_err(|_| Problem::not_found("platform"))?;
    let headers = request.headers().clone();
    let shop = {
        let mut session = app.store.read().await?;
        let route = route(app, &mut session, platform, name).await?;
        let (merchant, shop) = route.ok_or_else(|| Problem::not_found("shop"))?;
        app.store.shop(&mut session, &merchant, &shop).await?.ok_or_else(|| Problem::not_found("shop"))?
    };
    let body = read(request.into_body(), PUSH_BYTES_MAX).await?;
    let callback_url = shop.callback_url.clone().unwrap_or_else(|| address(&app.public_url, platform, name));
    let policy = app.engine.policy(platform)?;
    let connector = connectors::open(platform, &shop.address, &shop.credentials, policy)
        .map_err(|error| Problem::internal(error.to_string()))?;
    let push = connector.read_push(&callback_url, &headers, &body).map_err(refused)?;

    let target = {
        let mut session = app.store.read().await?;
        target(app, &mut session, &shop, push.shop_account.as_deref()).await?
    };
    let Some(target) = target else {
        // Signed by the platform, and about a shop that is not ours: repeating it would not help.
        return Ok("no_shop_of_ours");
    };
    if push.numbers.is_empty() {
        return Ok("nothing_to_read");
    }
    let kept = app.intake.keep(&app.engine, &shop.merchant, &target, push.numbers).await;
    kept.map_err(|error| Problem::internal(error.to_string()))?;
    app.committed();
    Ok("taken")
}

async fn route(
    app: &App,
    session: &mut Session,
    platform: Platform,
    name: &str,
) -> Result<Option<(MerchantId, ShopId)>, Problem> {
    let Ok(id) = ShopId::parse(name) else { return Ok(None) };
    if let Some(route) = shops::by_account(session, platform, name).await? {
        return Ok(Some(route));
    }
    let merchant = app.directory.merchant_of(session, &id, app.clock.now()).await?;
    Ok(merchant.map(|merchant| (merchant, id)))
}

/// The shop that a push speaks of: the one it came to, or another of the same merchant on the same platform (one
/// address serves a whole app).
async fn target(
    app: &App,
    session: &mut Session,
    shop: &ShopRecord,
    account: Option<&str>,
) -> Result<Option<ShopId>, Problem> {
    match account {
        None => Ok(Some(shop.id.clone())),
        Some(account) if account == shop.account => Ok(Some(shop.id.clone())),
        Some(account) => {
            let shops = app.store.shops(session, &shop.merchant).await?;
            let other = shops.into_iter().find(|it| it.platform == shop.platform && it.account == account);
            Ok(other.map(|other| other.id))
        }
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
