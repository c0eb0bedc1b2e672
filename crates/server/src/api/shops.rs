//! The merchant's shops, as far as an operator needs them.

use super::once::{self, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::connect::{self, Begun};
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::public_address::{self, PublicAddress, Source};
use crate::webhooks;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use connectors::connecting::Account;
use domain::ids::ShopId;
use domain::platform::Platform;
use domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::Session;
use store::shops::ShopRecord;
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
    /// False once it was disconnected: nothing is asked or pushed any more.
    pub connected: bool,
    /// Whether it may be called.
    pub authorised: bool,
    /// What a person has to do about it.
    pub alert: Option<String>,
    /// Up to when every change of it is known, on the platform's clock.
    pub swept_to: String,
    /// When the access token ends, on the platform's clock; it is renewed by itself.
    pub access_ends: Option<String>,
    /// When the authorisation ends, on the platform's clock, where the platform says so: before that, authorise again.
    pub authorisation_ends: Option<String>,
    /// Until when the platform holds calls back, as far as this process was told.
    pub held_back_until: Option<String>,
    /// The address that the platform has to push to.
    pub push_address: String,
}

/// When a shop's tokens end; nothing where its credentials cannot be read.
pub(crate) fn tokens_end(app: &App, shop: &ShopRecord) -> (Option<Moment>, Option<Moment>) {
    let opened = connectors::open(shop.platform, &shop.address, &shop.credentials, app.engine.policies()).ok();
    let Some(connector) = opened.filter(|_| shop.connected) else { return (None, None) };
    (Some(connector.access_ends()).filter(|ends| ends.seconds() > 0), connector.refresh_ends())
}

/// The shops that this user may see.
///
/// # Errors
/// Of the store.
pub async fn visible(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Vec<Shop>, Problem> {
    let shops = app.store.shops(session, signed_in.merchant()).await?;
    let public_url = public_address::of(app, session, signed_in.merchant()).await?.url;
    let visible = shops.into_iter().filter(|shop| signed_in.sees(&shop.id));
    let shop = |shop: ShopRecord| {
        let (access_ends, authorisation_ends) = tokens_end(app, &shop);
        let push_address = webhooks::address(&public_url, shop.platform, &shop.account);
        Shop {
            access_ends: access_ends.map(rfc3339),
            authorisation_ends: authorisation_ends.map(rfc3339),
            held_back_until: app.engine.held_back_until(&shop.id).map(rfc3339),
            push_address: shop.callback_url.unwrap_or(push_address),
            id: shop.id.as_str().to_owned(),
            platform: shop.platform.as_str().to_owned(),
            account: shop.account,
            name: shop.name,
            region: shop.region,
            connected: shop.connected,
            authorised: shop.authorised,
            alert: shop.alert,
            swept_to: rfc3339(shop.swept_to),
        }
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
        once::Begun::Replayed(answer) => return Ok(answer),
        once::Begun::Fresh(once) => once,
    };
    let asked = ask(&app, &mut once.session, &signed_in, &shop).await;
    once.finish(StatusCode::ACCEPTED, asked.map(|()| json!({"shop": shop.as_str()}))).await
}

async fn ask(app: &App, session: &mut Session, signed_in: &SignedIn, shop: &ShopId) -> Result<(), Problem> {
    let known = app.store.shop(session, signed_in.merchant(), shop).await?;
    known.ok_or_else(|| Problem::not_found("shop"))?;
    Ok(app.engine.sync_now(session, signed_in.merchant(), signed_in.actor(), shop).await?)
}

/// A marketplace whose shops can be connected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Marketplace {
    /// Its word.
    pub platform: String,
    /// What people call it.
    pub title: String,
    /// Countries.
    pub countries: Vec<Country>,
    /// What the platform's console shows of the app.
    pub app_fields: Vec<AppField>,
    /// The platform's own id of the app that was given before: its fields need not be given again.
    pub app: Option<String>,
    /// Whether the seller consents on a page of the platform.
    pub consent: bool,
    /// Whether the shop's own id has to be given: `never`, `maybe` or `always`.
    pub account: &'static str,
}

/// A country.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Country {
    /// Two letters.
    pub code: String,
    /// What people call it.
    pub title: String,
    /// Base address of the API.
    pub address: String,
    /// What is paid in there.
    pub currency: String,
    /// Hours ahead of UTC.
    pub utc_offset: i8,
}

/// A value that the platform's console shows of an app.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppField {
    /// Its name in `app`.
    pub name: &'static str,
    /// What the console calls it.
    pub title: &'static str,
    /// Never shown again.
    pub secret: bool,
    /// Has to be given.
    pub required: bool,
}

/// Marketplaces.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Marketplaces {
    /// In the order they are shown.
    pub marketplaces: Vec<Marketplace>,
}

/// The marketplaces that this server serves, and what each wants to be given.
///
/// # Errors
/// Of the store.
pub async fn marketplaces(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Vec<Marketplace>, Problem> {
    let apps = app.store.apps(session, signed_in.merchant()).await?;
    let mut marketplaces = Vec::new();
    for &platform in Platform::ALL {
        let (Ok(policy), Ok(way)) = (app.engine.policy(platform), connectors::connecting(platform)) else { continue };
        let countries = policy.countries.iter().map(|country| Country {
            code: country.code.clone(),
            title: country.title.clone(),
            address: country.address.clone(),
            currency: country.currency.clone(),
            utc_offset: country.utc_offset,
        });
        let fields = way.app_fields.iter().map(|field| AppField {
            name: field.name,
            title: field.title,
            secret: field.secret,
            required: field.required,
        });
        marketplaces.push(Marketplace {
            platform: platform.as_str().to_owned(),
            title: platform.title().to_owned(),
            countries: countries.collect(),
            app_fields: fields.collect(),
            app: apps.iter().find(|kept| kept.platform == platform).map(|kept| kept.app.clone()),
            consent: way.has_consent_page(),
            account: match way.account {
                Account::Told => "never",
                Account::MayBeGiven => "maybe",
                Account::MustBeGiven => "always",
            },
        });
    }
    Ok(marketplaces)
}

/// The marketplaces whose shops can be connected.
#[utoipa::path(
    get, path = "/api/v1/marketplaces", tag = "shops",
    responses((status = 200, body = Marketplaces), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list_marketplaces(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Marketplaces>, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.read().await?;
    Ok(Json(Marketplaces { marketplaces: marketplaces(&app, &mut session, &signed_in).await? }))
}

/// A shop to be connected.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// The marketplace.
    pub platform: String,
    /// The shop's country.
    pub country: String,
    /// Another base address of the API than the country's.
    pub address: Option<String>,
    /// What the platform's console shows of the app; not needed where it was given before.
    #[serde(default)]
    pub app: BTreeMap<String, String>,
    /// The platform's own id of the shop, where it has to be said.
    pub account: Option<String>,
    /// What the shop is to be called.
    pub name: Option<String>,
}

/// Where the seller's browser has to go, or the shop where it needs not.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Connecting {
    /// The platform's consent page. Missing where the app's credentials were enough.
    pub link: Option<String>,
    /// What the browser has to bring back.
    pub state: Option<String>,
    /// Where it comes back to.
    pub redirect: Option<String>,
    /// From when on it is not taken any more.
    pub ends_at: Option<String>,
    /// Our id of the shop that is connected.
    pub shop: Option<String>,
}

/// What the browser ended at.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The whole address, with `code` and `state` in it.
    pub returned: String,
}

pub(super) fn parse_shop(signed_in: &SignedIn, id: String) -> Result<ShopId, Problem> {
    ShopId::parse(id).ok().filter(|shop| signed_in.sees(shop)).ok_or_else(|| Problem::not_found("shop"))
}

/// How a connection that was begun goes on, as it is answered.
async fn goes_on(app: &App, session: &mut Session, signed_in: &SignedIn, begun: &Begun) -> Result<Value, Problem> {
    let Begun::Consent(consent) = begun else { return Ok(Value::Null) };
    let waiting = connect::waiting(app, session, signed_in, &consent.state).await?;
    Ok(json!(Connecting {
        link: Some(waiting.link),
        state: Some(waiting.consent.state),
        redirect: Some(waiting.redirect),
        ends_at: Some(rfc3339(waiting.consent.ends_at)),
        shop: None,
    }))
}

fn connected(shop: &ShopRecord) -> Value {
    json!(Connecting {
        link: None,
        state: None,
        redirect: None,
        ends_at: None,
        shop: Some(shop.id.as_str().to_owned())
    })
}

/// Begins to connect a shop: answers the consent page's address, or the shop where the platform has no such page.
#[utoipa::path(
    post, path = "/api/v1/shops/connect", tag = "shops",
    params(("idempotency-key" = Option<String>, Header)), request_body = Connect,
    responses((status = 201, body = Connecting), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn begin(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    body: body::Json<Connect>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let Connect { platform, country, address, app: fields, account, name } = body.value;
    let platform = Platform::parse(&platform)?;
    let wish = connect::Wish { country, address, app: fields.into_iter().collect(), account, name };
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &body.canonical).await? {
        once::Begun::Replayed(answer) => return Ok(answer),
        once::Begun::Fresh(once) => once,
    };
    let begun = connect::begin(&app, &mut once.session, &signed_in, platform, wish).await;
    go_on(&app, &signed_in, once, begun, (uri.path(), &headers, &body.canonical)).await
}

/// Answers with the consent page, or asks the platform for access. That takes as long as the platform does, so that no
/// transaction is open meanwhile: the first is committed before, the answer is kept in a second one.
async fn go_on(
    app: &App,
    signed_in: &SignedIn,
    mut once: Box<Once>,
    begun: Result<Begun, Problem>,
    (path, headers, canonical): (&str, &HeaderMap, &str),
) -> Result<Response, Problem> {
    match begun {
        Ok(Begun::Ready(new)) => {
            once.session.commit().await?;
            let (session, shop) = connect::keep(app, signed_in, new).await?;
            session.commit().await?;
            app.directory.forget();
            app.committed();
            let once = match Once::begin(app, signed_in, path, headers, canonical).await? {
                once::Begun::Replayed(answer) => return Ok(answer),
                once::Begun::Fresh(once) => once,
            };
            once.finish(StatusCode::CREATED, Ok(connected(&shop))).await
        }
        Ok(begun) => {
            let answer = goes_on(app, &mut once.session, signed_in, &begun).await;
            let answered = once.finish(StatusCode::CREATED, answer).await;
            app.directory.forget();
            answered
        }
        Err(problem) => once.finish(StatusCode::CREATED, Err(problem)).await,
    }
}

/// Begins to authorise a shop again; also connects one again that was disconnected.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/authorise", tag = "shops",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 201, body = Connecting), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn begin_again(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = parse_shop(&signed_in, id)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        once::Begun::Replayed(answer) => return Ok(answer),
        once::Begun::Fresh(once) => once,
    };
    let begun = connect::begin_again(&app, &mut once.session, &signed_in, &shop).await;
    go_on(&app, &signed_in, once, begun, (uri.path(), &headers, "")).await
}

/// Takes the address that the seller's browser ended at after the consent page.
#[utoipa::path(
    post, path = "/api/v1/shops/authorised", tag = "shops",
    params(("idempotency-key" = Option<String>, Header)), request_body = Returned,
    responses((status = 201, body = Connecting), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn bring_back(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    body: body::Json<Returned>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    // Looked up, and let go of again: the platform is asked without a transaction.
    let once = Once::begin(&app, &signed_in, uri.path(), &headers, &body.canonical).await?;
    if let once::Begun::Replayed(answer) = once {
        return Ok(answer);
    }
    drop(once);
    let (session, shop) = connect::bring_back(&app, &signed_in, &connect::pasted(&body.value.returned)?).await?;
    session.commit().await?;
    app.directory.forget();
    app.committed();
    match Once::begin(&app, &signed_in, uri.path(), &headers, &body.canonical).await? {
        once::Begun::Replayed(answer) => Ok(answer),
        once::Begun::Fresh(once) => once.finish(StatusCode::CREATED, Ok(connected(&shop))).await,
    }
}

/// Disconnects a shop: nothing is asked or pushed any more, its orders stay readable, it may be connected again.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/disconnect", tag = "shops",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, description = "It is disconnected"), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn disconnect(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = parse_shop(&signed_in, id)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        once::Begun::Replayed(answer) => return Ok(answer),
        once::Begun::Fresh(once) => once,
    };
    let disconnected = connect::disconnect(&app, &mut once.session, &signed_in, &shop).await;
    let answered = once.finish(StatusCode::OK, disconnected.map(|shop| json!({"shop": shop.id.as_str()}))).await;
    app.directory.forget();
    answered
}

/// Where marketplaces reach this server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Address {
    /// Without a trailing slash.
    pub url: String,
    /// `given` on the Shops page, `setting`, or `listening`: then no platform reaches it.
    pub source: &'static str,
    /// When a test push to it arrived.
    pub checked_at: Option<String>,
    /// Why the last one did not.
    pub problem: Option<String>,
}

impl From<PublicAddress> for Address {
    fn from(address: PublicAddress) -> Self {
        let source = match address.source {
            Source::Given => "given",
            Source::Setting => "setting",
            Source::Listening => "listening",
        };
        Self { url: address.url, source, checked_at: address.checked_at.map(rfc3339), problem: address.problem }
    }
}

/// The address to be set.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAddress {
    /// `https://host`; empty takes it away.
    pub url: String,
}

/// The address under which marketplaces reach this server.
#[utoipa::path(
    get, path = "/api/v1/public-address", tag = "shops",
    responses((status = 200, body = Address), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn address(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Address>, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.read().await?;
    Ok(Json(public_address::of(&app, &mut session, signed_in.merchant()).await?.into()))
}

/// Sets it, and checks it by a test push.
#[utoipa::path(
    post, path = "/api/v1/public-address", tag = "shops",
    params(("idempotency-key" = Option<String>, Header)), request_body = SetAddress,
    responses((status = 200, body = Address), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set_address(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    body: body::Json<SetAddress>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let url = public_address::parse(&body.value.url)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &body.canonical).await? {
        once::Begun::Replayed(answer) => return Ok(answer),
        once::Begun::Fresh(once) => once,
    };
    store::public_address::set(&mut once.session, signed_in.merchant(), url.as_deref()).await?;
    once.session.commit().await?;
    app.directory.forget();
    let checked: Address = public_address::check(&app, signed_in.merchant()).await?.into();
    match Once::begin(&app, &signed_in, uri.path(), &headers, &body.canonical).await? {
        once::Begun::Replayed(answer) => Ok(answer),
        once::Begun::Fresh(once) => once.finish(StatusCode::OK, Ok(json!(checked))).await,
    }
}
