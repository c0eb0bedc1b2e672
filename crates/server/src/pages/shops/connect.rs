//! The pages on which a person connects a shop: which marketplace, which app and country, over to the platform's consent
//! page, and back.
//!
//! The consent page is a link and no redirect: our policy lets forms lead to this server only.

use super::super::layout::{Ask, Desk, Place, csrf, platform as badge, sheet};
use super::super::words;
use crate::api::shops::{Marketplace, marketplaces};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::connect::{self, Begun, RETURN_PATH, Wish};
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::public_address;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Redirect;
use axum::routing::{get, post};
use domain::ids::ShopId;
use domain::platform::Platform;
use maud::{Markup, html};
use store::shops::ShopRecord;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/shops/connect", get(show).post(begin))
        .route("/shops/consent", get(consent).post(paste))
        .route(RETURN_PATH, get(returned))
        .route("/shops/{id}/authorise", post(begin_again))
        .route("/shops/{id}/disconnect", get(ask_to_disconnect).post(disconnect))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let offered = marketplaces(&app, &mut session, &ask.signed_in).await?;
    let base = public_address::of(&app, &mut session, ask.signed_in.merchant()).await?.url;
    drop(session);
    let chosen = query.one("platform")?;
    let chosen = match (chosen, &offered[..]) {
        (Some(word), _) => {
            Some(offered.iter().find(|it| it.platform == word).ok_or_else(|| Problem::not_found("platform"))?)
        }
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let main = html! {
        div.head {
            h1 { (words::CONNECT_SHOP) }
            p.lead { a href="/shops" { (words::BACK_TO_SHOPS) } }
        }
        ol.marketplaces {
            @for it in &offered {
                @let current = chosen.is_some_and(|chosen| chosen.platform == it.platform);
                li { a.button href={ "/shops/connect?platform=" (it.platform) } aria-current=[current.then_some("true")] { (it.title) } }
            }
        }
        @match chosen {
            Some(chosen) => (form(&ask, chosen, &base)),
            None => p { (words::CHOOSE_MARKETPLACE) },
        }
    };
    Ok(desk.page(&ask, Place::Shops, words::CONNECT_SHOP, &main))
}

fn form(ask: &Ask, chosen: &Marketplace, base: &str) -> Markup {
    html! {
        form.connect method="post" action="/shops/connect" {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="platform" value=(chosen.platform);
            label {
                span { (words::COUNTRY) }
                select name="country" required {
                    @for country in &chosen.countries {
                        option value=(country.code) { (words::country(&country.title, &country.currency, country.utc_offset)) }
                    }
                }
            }
            label {
                span { (words::SHOP_NAME) }
                input name="name" maxlength="80" placeholder=(words::SHOP_NAME_HINT);
            }
            @if chosen.account != "never" {
                label {
                    span { (words::SHOP_ACCOUNT) }
                    input name="account" required[chosen.account == "always"] maxlength="64" autocomplete="off"
                        placeholder=[(chosen.account == "maybe").then_some(words::SHOP_ACCOUNT_HINT)];
                }
            }
            @match &chosen.app {
                Some(app) => {
                    p { (words::app_is_kept(&chosen.title)) " " code { (app) } }
                    details { summary { (words::ANOTHER_APP) } (app_fields(chosen, false)) }
                },
                None => fieldset {
                    legend { (words::app_credentials(&chosen.title)) }
                    p.sub { (words::APP_CREDENTIALS_LEAD) }
                    (app_fields(chosen, true))
                },
            }
            details {
                summary { (words::ANOTHER_ADDRESS) }
                label {
                    span { (words::API_ADDRESS) }
                    input type="url" name="address" placeholder=[chosen.countries.first().map(|country| country.address.as_str())];
                }
            }
            @if chosen.consent { p.sub { (words::RETURN_ADDRESS_LEAD) " " code { (base) (RETURN_PATH) } } }
            div.actions {
                button.primary {
                    @if chosen.consent { (words::GO_ON) } @else { (words::CONNECT) }
                }
            }
        }
    }
}

fn app_fields(chosen: &Marketplace, asked: bool) -> Markup {
    html! {
        @for field in &chosen.app_fields {
            label {
                span { (field.title) @if !field.required { " " span.sub { (words::OPTIONAL) } } }
                input name={ "app." (field.name) } type=(if field.secret { "password" } else { "text" })
                    required[asked && field.required] autocomplete="off" maxlength="2048";
            }
        }
    }
}

async fn begin(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let field = |name: &str| form.fields.one(name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
    let platform = Platform::parse(form.fields.one("platform").unwrap_or_default())?;
    let way = connectors::connecting(platform).map_err(|_| Problem::not_found("platform"))?;
    let app_fields =
        way.app_fields.iter().filter_map(|it| Some((it.name.to_owned(), field(&format!("app.{}", it.name))?)));
    let wish = Wish {
        country: field("country").unwrap_or_default(),
        address: field("address"),
        app: app_fields.collect(),
        account: field("account"),
        name: field("name"),
    };
    let mut session = app.store.begin().await?;
    let begun = connect::begin(&app, &mut session, signed_in, platform, wish).await?;
    session.commit().await?;
    go_on(&app, signed_in, begun).await
}

async fn begin_again(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let shop = ShopId::parse(id).map_err(|_| Problem::not_found("shop"))?;
    let mut session = app.store.begin().await?;
    let begun = connect::begin_again(&app, &mut session, &form.signed_in, &shop).await?;
    session.commit().await?;
    go_on(&app, &form.signed_in, begun).await
}

async fn go_on(app: &App, signed_in: &crate::auth::SignedIn, begun: Begun) -> Result<Redirect, Problem> {
    app.directory.forget();
    match begun {
        Begun::Consent(consent) => Ok(Redirect::to(&format!("/shops/consent?state={}", consent.state))),
        Begun::Ready(new) => {
            let (session, shop) = connect::keep(app, signed_in, new).await?;
            connected(app, session, &shop).await
        }
    }
}

async fn connected(app: &App, session: store::Session, shop: &ShopRecord) -> Result<Redirect, Problem> {
    session.commit().await?;
    app.directory.forget();
    app.committed();
    Ok(Redirect::to(&format!("/shops?said=connected#{}", shop.id)))
}

/// The way over to the platform, and the field for the address that the browser ended at.
async fn consent(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    let mut session = app.store.read().await?;
    let state = query.one("state")?.unwrap_or_default();
    let waiting = connect::waiting(&app, &mut session, &ask.signed_in, state).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let title = waiting.consent.platform.title();
    let main = html! {
        div.head { h1 { (words::AUTHORISE_AT) " " (title) } p.lead { a href="/shops" { (words::BACK_TO_SHOPS) } } }
        section.consent {
            p { (badge(waiting.consent.platform)) " " (words::consent_lead(title)) }
            div.actions { a.button.primary #to-platform href=(waiting.link) rel="noreferrer" autofocus { (words::go_to(title)) } }
        }
        section.consent {
            h2 { (words::NOT_BROUGHT_BACK) }
            p { (words::PASTE_LEAD) " " code { (waiting.redirect) } }
            form.connect method="post" action="/shops/consent" {
                (csrf(ask.signed_in.csrf()))
                label {
                    span { (words::PASTED_ADDRESS) }
                    input type="url" name="returned" required maxlength="8192" autocomplete="off";
                }
                div.actions { button { (words::CONNECT) } }
            }
        }
    };
    Ok(desk.page(&ask, Place::Shops, words::AUTHORISE_AT, &main))
}

async fn paste(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let parameters = connect::pasted(form.fields.one("returned").unwrap_or_default())?;
    let (session, shop) = connect::bring_back(&app, &form.signed_in, &parameters).await?;
    connected(&app, session, &shop).await
}

/// The browser comes back from the consent page. The state proves that the same user sent it there.
async fn returned(State(app): State<App>, ask: Ask, uri: Uri) -> Result<Redirect, Problem> {
    let query = uri.query().unwrap_or_default();
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let (session, shop) = connect::bring_back(&app, &ask.signed_in, &parameters).await?;
    connected(&app, session, &shop).await
}

async fn ask_to_disconnect(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.read().await?;
    let shop = ShopId::parse(id).ok().filter(|shop| ask.signed_in.sees(shop));
    let shop = shop.ok_or_else(|| Problem::not_found("shop"))?;
    let shop = app.store.shop(&mut session, ask.signed_in.merchant(), &shop).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("shop"))?;
    let title = words::disconnect_shop(&shop.name);
    let main = html! {
        h1 { (title) }
        p { (words::DISCONNECT_LEAD) }
        form method="post" action={ "/shops/" (shop.id) "/disconnect" } {
            (csrf(ask.signed_in.csrf()))
            div.actions {
                button.danger autofocus { (words::DISCONNECT) }
                a.button href="/shops" data-dismiss { (words::LEAVE_CONNECTED) }
            }
        }
    };
    sheet(&app, &mut session, &ask, Place::Shops, &title, &main).await
}

async fn disconnect(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let shop = ShopId::parse(id).map_err(|_| Problem::not_found("shop"))?;
    let mut session = app.store.begin().await?;
    let shop = connect::disconnect(&app, &mut session, &form.signed_in, &shop).await?;
    session.commit().await?;
    app.directory.forget();
    app.committed();
    Ok(Redirect::to(&format!("/shops?said=disconnected#{}", shop.id)))
}
