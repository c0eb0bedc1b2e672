//! The merchant's shops, as far as an operator needs them.

use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::ShopId;
use serde::Serialize;
use serde_json::json;
use store::Session;
use utoipa::ToSchema;

/// The shops that the user may see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Shops {
    /// By name.
    pub shops: Vec<Shop>,
}

/// A shop.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Shop {
    /// Our id.
    pub id: String,
    /// The marketplace.
    pub platform: String,
    /// The platform's own id of it.
    pub account: String,
    /// What people call it.
    pub name: String,
    /// Its market.
    pub region: String,
    /// Whether it may be called.
    pub authorised: bool,
    /// What a person has to do about it.
    pub alert: Option<String>,
    /// Up to when every change of it is known, on the platform's clock.
    pub swept_to: String,
}

/// The shops that this user may see.
///
/// # Errors
/// Of the store.
pub async fn visible(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Vec<Shop>, Problem> {
    let shops = app.store.shops(session, signed_in.merchant()).await?;
    let visible = shops.into_iter().filter(|shop| signed_in.sees(&shop.id));
    let shop = |shop: store::shops::ShopRecord| Shop {
        id: shop.id.as_str().to_owned(),
        platform: shop.platform.as_str().to_owned(),
        account: shop.account,
        name: shop.name,
        region: shop.region,
        authorised: shop.authorised,
        alert: shop.alert,
        swept_to: rfc3339(shop.swept_to),
    };
    Ok(visible.map(shop).collect())
}

/// The shops.
#[utoipa::path(
    get, path = "/api/v1/shops", tag = "shops",
    responses((status = 200, body = Shops), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Shops>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    Ok(Json(Shops { shops: visible(&app, &mut session, &signed_in).await? }))
}

/// Asks for a sweep of the shop now.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/sync", tag = "shops",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 202, description = "It will be swept"), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn sync(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let shop = ShopId::parse(id).ok().filter(|shop| signed_in.sees(shop)).ok_or_else(|| Problem::not_found("shop"))?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let asked = ask(&app, &mut once.session, &signed_in, &shop).await;
    once.finish(StatusCode::ACCEPTED, asked.map(|()| json!({"shop": shop.as_str()}))).await
}

async fn ask(app: &App, session: &mut Session, signed_in: &SignedIn, shop: &ShopId) -> Result<(), Problem> {
    let known = app.store.shop(session, signed_in.merchant(), shop).await?;
    known.ok_or_else(|| Problem::not_found("shop"))?;
    Ok(app.engine.sync_now(session, signed_in.merchant(), signed_in.actor(), shop).await?)
}
