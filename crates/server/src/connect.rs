//! Connecting a shop as a person does it: the app's credentials once, the platform's consent page, and back.
//!
//! The consent page is given a *state*, random and kept; only the same user brings it back, once, within half an hour.
//! Where the browser cannot come back by itself (this server has no address that the platform takes), the operator pastes
//! the address that it ended at; state and code are checked in the same way.

use crate::app::App;
use crate::auth::{SignedIn, secrets};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::public_address;
use connectors::OpenError;
use connectors::connecting::{Account, Connecting};
use domain::ids::ShopId;
use domain::platform::Platform;
use domain::time::{Moment, Span};
use engine::{ConnectError, FIRST_REACH, NewShop};
use store::Session;
use store::apps::AppRecord;
use store::consents::{self, ConsentRecord};
use store::shops::ShopRecord;
use url::Url;

/// Where a consent page sends the seller's browser back to.
pub const RETURN_PATH: &str = "/shops/authorised";
/// How long a consent is waited for: the platforms' codes live no longer.
const CONSENT_LIVES: Span = Span::from_seconds(1_800);
/// The longest address that may be pasted, in bytes.
const ADDRESS_BYTES_MAX: usize = 8 << 10;
/// The longest name of a shop, in characters.
const NAME_MAX: usize = 80;

/// What a person filled in to connect a shop.
#[derive(Clone, Default)]
pub struct Wish {
    /// The shop's country.
    pub country: String,
    /// Another base address of the API than the country's.
    pub address: Option<String>,
    /// The app's fields by name; none where the kept app is meant.
    pub app: Vec<(String, String)>,
    /// The platform's own id of the shop, where it has to be said.
    pub account: Option<String>,
    /// What the shop is to be called.
    pub name: Option<String>,
}

impl std::fmt::Debug for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wish").field("country", &self.country).finish_non_exhaustive()
    }
}

/// How a connection goes on.
#[derive(Debug)]
pub enum Begun {
    /// The seller has to consent on the platform's page.
    Consent(ConsentRecord),
    /// The app's credentials are enough.
    Ready(NewShop),
}

/// A consent that is waited for, as it is shown.
#[derive(Debug)]
pub struct Waiting {
    /// What was asked for.
    pub consent: ConsentRecord,
    /// The platform's page, with the state in it.
    pub link: String,
    /// Where its browser comes back to.
    pub redirect: String,
}

fn wrong(error: &OpenError) -> Problem {
    Problem::unprocessable("app_credentials", "The shop cannot be connected so", format!("{error}."))
}

fn way(platform: Platform) -> Result<&'static Connecting, Problem> {
    connectors::connecting(platform).map_err(|error| wrong(&error))
}

fn may_connect(signed_in: &SignedIn) -> Result<(), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    if signed_in.shops().is_none() {
        return Ok(());
    }
    let detail = "You may see certain shops only, so a new one has to be connected by somebody who sees all.";
    Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail))
}

/// Begins to connect a shop; the app's fields, where given, are kept for the next one.
///
/// # Errors
/// 403 without the permission, 422 for what is missing or wrong.
pub async fn begin(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    platform: Platform,
    wish: Wish,
) -> Result<Begun, Problem> {
    may_connect(signed_in)?;
    let way = way(platform)?;
    let policy = app.engine.policy(platform).map_err(|_| wrong(&OpenError::Platform(platform)))?;
    let country = policy.country(&wish.country).ok_or_else(|| {
        let codes: Vec<&str> = policy.countries.iter().map(|country| country.code.as_str()).collect();
        let detail =
            format!("“{}” is no country of {}; choose one of {}.", wish.country, platform.title(), codes.join(", "));
        Problem::unprocessable("unknown_country", "No such country", detail)
    })?;
    let kept = kept_app(app, session, signed_in, platform, way, &wish).await?;
    let account = wish.account.map(|account| account.trim().to_owned()).filter(|account| !account.is_empty());
    if way.account == Account::MustBeGiven && account.is_none() {
        let detail = format!("{} does not tell which shop is meant: give the shop's id.", platform.title());
        return Err(Problem::unprocessable("account_required", "Which shop?", detail));
    }
    let name = wish.name.map(|name| name.trim().chars().take(NAME_MAX).collect::<String>());
    let name = name.filter(|name| !name.is_empty());
    let address = wish.address.filter(|address| !address.trim().is_empty());
    let address = address.unwrap_or_else(|| country.address.clone());
    let credentials = way.shop(&kept.credentials, &country.code, account.as_deref()).map_err(|error| wrong(&error))?;
    connectors::open(platform, &address, &credentials, app.engine.policies()).map_err(|error| wrong(&error))?;
    if !way.has_consent_page() {
        return Ok(Begun::Ready(NewShop {
            platform,
            name,
            region: country.code.clone(),
            address,
            credentials,
            code: None,
            callback_url: None,
            expected: None,
            reach: FIRST_REACH,
        }));
    }
    let now = app.clock.now();
    let consent = consent(signed_in, platform, now, &country.code, &address);
    let consent = ConsentRecord { account, name, ..consent };
    consents::add(session, &consent).await?;
    Ok(Begun::Consent(consent))
}

async fn kept_app(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    platform: Platform,
    way: &Connecting,
    wish: &Wish,
) -> Result<AppRecord, Problem> {
    let merchant = signed_in.merchant();
    let filled = wish.app.iter().any(|(_, value)| !value.trim().is_empty());
    if !filled {
        return app.store.app(session, merchant, platform).await?.ok_or_else(|| {
            let detail = format!("Give the app's credentials, as the console of {} shows them.", platform.title());
            Problem::unprocessable("app_credentials", "The app is not known yet", detail)
        });
    }
    let given = |name: &str| wish.app.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let credentials = way.app(given).map_err(|error| wrong(&error))?;
    let id = way.app_id(&credentials).map_err(|error| wrong(&error))?;
    let record = AppRecord { merchant: merchant.clone(), platform, app: id, credentials };
    app.store.keep_app(session, &record, app.clock.now()).await?;
    Ok(record)
}

fn consent(signed_in: &SignedIn, platform: Platform, now: Moment, country: &str, address: &str) -> ConsentRecord {
    ConsentRecord {
        merchant: signed_in.merchant().clone(),
        state: secrets::token(),
        user: signed_in.user.id.clone(),
        platform,
        country: country.to_owned(),
        address: address.to_owned(),
        account: None,
        name: None,
        shop: None,
        created_at: now,
        ends_at: now.plus(CONSENT_LIVES),
    }
}

/// Begins to authorise a shop again.
///
/// # Errors
/// 403 without the permission, 404 for a shop that is not the user's to see.
pub async fn begin_again(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &ShopId,
) -> Result<Begun, Problem> {
    let shop = manageable(app, session, signed_in, shop).await?;
    let way = way(shop.platform)?;
    if !way.has_consent_page() {
        let app_part = app_part(app, session, &shop, way).await?;
        let credentials = way.shop(&app_part, &shop.region, Some(&shop.account)).map_err(|error| wrong(&error))?;
        return Ok(Begun::Ready(NewShop {
            platform: shop.platform,
            name: None,
            region: shop.region,
            address: shop.address,
            credentials,
            code: None,
            callback_url: None,
            expected: Some(shop.id),
            reach: FIRST_REACH,
        }));
    }
    let consent = consent(signed_in, shop.platform, app.clock.now(), &shop.region, &shop.address);
    let consent = ConsentRecord { account: Some(shop.account), shop: Some(shop.id), ..consent };
    consents::add(session, &consent).await?;
    Ok(Begun::Consent(consent))
}

/// A shop that this user may manage.
async fn manageable(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &ShopId,
) -> Result<ShopRecord, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let found = if signed_in.sees(shop) { app.store.shop(session, signed_in.merchant(), shop).await? } else { None };
    found.ok_or_else(|| Problem::not_found("shop"))
}

/// The app that a shop is connected through: as it was pasted last, where it is still the same one.
async fn app_part(app: &App, session: &mut Session, shop: &ShopRecord, way: &Connecting) -> Result<String, Problem> {
    let own = way.app_of(&shop.credentials).map_err(|error| wrong(&error))?;
    let kept = app.store.app(session, &shop.merchant, shop.platform).await?;
    let is_same = |kept: &AppRecord| way.app_id(&own).is_ok_and(|id| id == kept.app);
    Ok(kept.filter(is_same).map_or(own, |kept| kept.credentials))
}

/// The app's part of the credentials for a consent.
async fn app_for(app: &App, session: &mut Session, consent: &ConsentRecord) -> Result<String, Problem> {
    let way = way(consent.platform)?;
    if let Some(shop) = &consent.shop {
        let shop = app.store.shop(session, &consent.merchant, shop).await?.ok_or_else(|| Problem::not_found("shop"))?;
        return app_part(app, session, &shop, way).await;
    }
    let kept = app.store.app(session, &consent.merchant, consent.platform).await?;
    kept.map(|kept| kept.credentials).ok_or_else(over)
}

/// A consent that this user asked for and that is waited for.
///
/// # Errors
/// 409 `consent_over` where nothing is waited for.
pub async fn waiting(app: &App, session: &mut Session, signed_in: &SignedIn, state: &str) -> Result<Waiting, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let now = app.clock.now();
    let consent = consents::waiting(session, signed_in.merchant(), &signed_in.user.id, state, now).await?;
    let consent = consent.ok_or_else(over)?;
    let base = public_address::of(app, session, signed_in.merchant()).await?.url;
    let redirect = format!("{base}{RETURN_PATH}");
    let app_part = app_for(app, session, &consent).await?;
    let credentials = way(consent.platform)?.shop(&app_part, &consent.country, consent.account.as_deref());
    let credentials = credentials.map_err(|error| wrong(&error))?;
    let link =
        connectors::authorisation_link(consent.platform, &consent.address, &credentials, &redirect, &consent.state);
    Ok(Waiting { link: link.map_err(|error| wrong(&error))?, redirect, consent })
}

fn over() -> Problem {
    let detail = "This authorisation was used already, is older than half an hour, or was begun by somebody else; begin it again on the Shops page.";
    Problem::conflict("consent_over", detail)
}

/// The parameters of the address that the seller's browser ended at, as it was pasted.
///
/// # Errors
/// 422 for what is no such address.
pub fn pasted(address: &str) -> Result<Vec<(String, String)>, Problem> {
    let address = address.trim();
    let unusable = || {
        let detail =
            "Paste the whole address that the browser shows after the consent, with “code=” and “state=” in it.";
        Problem::unprocessable("no_returned_address", "This is not the address", detail)
    };
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(unusable());
    }
    let url = Url::parse(address).map_err(|_| unusable())?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let has = |name: &str| pairs.iter().any(|(key, value)| key == name && !value.is_empty());
    if has("code") && has("state") { Ok(pairs) } else { Err(unusable()) }
}

/// Takes what came back from the consent page: the state is used up, the code is exchanged, the shop is kept and its first
/// sync asked for.
///
/// # Errors
/// 409 `consent_over` for a state that is not waited for, or what the platform answered.
pub async fn bring_back(
    app: &App,
    signed_in: &SignedIn,
    parameters: &[(String, String)],
) -> Result<(Session, ShopRecord), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let state = parameter("state").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let taken = consents::take(&mut session, signed_in.merchant(), &signed_in.user.id, state, app.clock.now()).await?;
    let consent = taken.ok_or_else(over)?;
    let way = way(consent.platform)?;
    let app_part = app_for(app, &mut session, &consent).await?;
    // Used up before anything is asked with it.
    session.commit().await?;
    let returned = way.returned(parameter).ok_or_else(|| {
        let detail =
            format!("{} sent no code back; was the consent refused? Begin it again.", consent.platform.title());
        Problem::conflict("no_code", detail)
    })?;
    let account = returned.account.or_else(|| consent.account.clone());
    let credentials = way.shop(&app_part, &consent.country, account.as_deref()).map_err(|error| wrong(&error))?;
    let wish = NewShop {
        platform: consent.platform,
        name: consent.name,
        region: consent.country,
        address: consent.address,
        credentials,
        code: Some(returned.code),
        callback_url: None,
        expected: consent.shop,
        reach: FIRST_REACH,
    };
    keep(app, signed_in, wish).await
}

/// Gets tokens, then keeps the shop in the transaction that is answered: whoever calls commits it.
///
/// # Errors
/// 409 with what the platform answered.
pub async fn keep(app: &App, signed_in: &SignedIn, wish: NewShop) -> Result<(Session, ShopRecord), Problem> {
    let authorised = app.engine.gain_access(wish).await?;
    let mut session = app.store.begin().await?;
    let shop = app.engine.keep_shop(&mut session, signed_in.merchant(), signed_in.actor(), authorised).await?;
    Ok((session, shop))
}

/// Disconnects a shop.
///
/// # Errors
/// 403 without the permission, 404 for a shop that is not the user's to see.
pub async fn disconnect(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &ShopId,
) -> Result<ShopRecord, Problem> {
    let shop = manageable(app, session, signed_in, shop).await?;
    app.engine.disconnect_shop(session, signed_in.merchant(), signed_in.actor(), &shop.id).await?;
    Ok(shop)
}

/// The ids of the merchant's apps by platform.
///
/// # Errors
/// Of the store.
pub async fn known_apps(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Vec<AppRecord>, Problem> {
    Ok(app.store.apps(session, signed_in.merchant()).await?)
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        let words = format!("{error}.");
        match error {
            ConnectError::Engine(engine::EngineError::Open(error)) => wrong(&error),
            ConnectError::Engine(error) => error.into(),
            ConnectError::NoTokens { .. } => Self::conflict("no_tokens", words),
            ConnectError::NoShop(_) => Self::conflict("no_shop", words),
            ConnectError::AnotherShop { .. } => Self::conflict("another_shop", words),
            ConnectError::Elsewhere(_) => Self::conflict("connected_elsewhere", words),
            ConnectError::NoWarehouse => Self::conflict("no_warehouse", words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_with_code_and_state_is_taken() {
        let pairs = pasted(" http://127.0.0.1:8080/shops/authorised?code=c&shop_id=7&state=s ").expect("read");
        assert!(pairs.contains(&("shop_id".to_owned(), "7".to_owned())));
        for wrong in
            ["", "code=c&state=s", "https://desk.example/shops/authorised?code=c", "https://a.example/?code=&state=s"]
        {
            assert_eq!(pasted(wrong).expect_err("refused").code, "no_returned_address", "{wrong}");
        }
        assert!(pasted(&format!("https://a.example/?code=c&state={}", "s".repeat(9_000))).is_err());
    }
}
