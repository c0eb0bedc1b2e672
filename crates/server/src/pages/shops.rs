//! The shops: what is known of each, a sync at once, the way to connect, authorise again and disconnect, and the address
//! under which marketplaces reach this server.

mod connect;
mod default_answers;
mod pack_rule;
mod stock_rules;

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, platform};
use super::orders::saying;
use super::times::seconds_until;
use super::words;
use crate::api::shops::tokens_end;
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::connect::RETURN_PATH;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::public_address::{self, PublicAddress, Source};
use crate::webhooks;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::ShopId;
use domain::platform::Platform;
use domain::time::{Moment, Span};
use maud::{Markup, html};
use std::collections::HashMap;
use store::apps::AppRecord;
use store::shops::ShopRecord;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/shops", get(show))
        .route("/shops/sync", post(sync))
        .route("/shops/address", post(set_address))
        .merge(connect::router())
        .merge(default_answers::router())
        .merge(pack_rule::router())
        .merge(stock_rules::router())
}

/// An authorisation that ends later than this ends when the seller takes it back: TikTok Shop's are
/// about 99 years away (`tiktok-shop.md` section 1).
const ENDLESS: Span = Span::from_seconds(10 * 365 * 86_400);

/// When a shop's access token and its authorisation end.
type Ends = (Option<Moment>, Option<Moment>);

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let said = query.one("said")?.map(words::shops_said);
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let shops = app.store.shops(&mut session, merchant).await?;
    let ends: HashMap<ShopId, Ends> = shops.iter().map(|shop| (shop.id.clone(), tokens_end(&app, shop))).collect();
    let address = public_address::of(&app, &mut session, merchant).await?;
    let apps = app.store.apps(&mut session, merchant).await?;
    drop(session);
    let may_manage = ask.signed_in.permissions.has(Permission::ShopsManage);
    let main = html! {
        div.head {
            h1 { (words::SHOPS) }
            @if let Some(said) = said { p.notice role="status" { (said) } }
            @if may_manage { a.button.primary href="/shops/connect" { (words::CONNECT_SHOP) } }
        }
        @if desk.shops.is_empty() {
            div.empty { h2 { (words::NO_SHOPS) } p { (words::NO_SHOPS_LEAD) } }
        } @else {
            table.plain.shops {
                thead {
                    tr {
                        th { (words::COLUMN_NAME) }
                        th { (words::PLATFORM) }
                        th { (words::COLUMN_REGION) }
                        th { (words::COLUMN_AUTHORISED) }
                        th { (words::COLUMN_COUNTED) }
                        th { (words::COLUMN_SWEPT) }
                        th { (words::COLUMN_ACTION) }
                    }
                }
                tbody {
                    @for shop in &desk.shops {
                        (row(&app, &ask, shop, ends.get(&shop.id).copied().unwrap_or_default()))
                    }
                }
            }
        }
        @if may_manage { (address_section(&ask, &address, &desk.shops, &apps)) }
    };
    Ok(desk.page(&ask, Place::Shops, words::SHOPS, &main))
}

fn row(app: &App, ask: &Ask, shop: &ShopView, ends: Ends) -> Markup {
    let asked = shop.connected && connectors::connecting(shop.platform).is_ok();
    let may_sync = asked && ask.signed_in.permissions.has(Permission::OrdersProcess);
    let may_manage =
        connectors::connecting(shop.platform).is_ok() && ask.signed_in.permissions.has(Permission::ShopsManage);
    html! {
        tr id=(shop.id) tabindex="-1" {
            td {
                a href={ "/orders?shop=" (shop.id) } { strong { (shop.name) } }
                div.sub { (words::COLUMN_ACCOUNT) " " code { (shop.account) } }
                @if let Some(alert) = &shop.alert { p.attention { (alert) } }
            }
            td data-label=(words::PLATFORM) { (platform(shop.platform)) }
            td data-label=(words::COLUMN_REGION) { (shop.region) " " span.sub { "UTC" (shop.zone().offset()) } }
            td data-label=(words::COLUMN_AUTHORISED) { (authorised(app, shop, ends)) }
            td data-label=(words::COLUMN_COUNTED) { @if shop.counted { (words::YES) } @else { (words::NOT_YET) } }
            td data-label=(words::COLUMN_SWEPT) {
                @match shop.swept_ago(app) {
                    Some(age) => { (words::ago(age)) div.sub { (shop.zone().short(shop.swept_to)) } },
                    None => (words::NEVER_SWEPT),
                }
                @if let Some(until) = app.engine.held_back_until(&shop.id) {
                    div.sub { (words::held_back(seconds_until(until, app.clock.now()))) }
                }
            }
            td.action {
                a.button href=(super::shop_stock::address_of(&shop.id)) aria-label=(words::open_shop_stock(&shop.name)) { (words::SHOP_STOCK) }
                @if may_sync {
                    form method="post" action="/shops/sync" data-place {
                        (csrf(ask.signed_in.csrf()))
                        button name="shop" value=(shop.id) aria-label=(words::sync_shop(&shop.name)) { (words::SYNC_NOW) }
                    }
                }
                @if ask.signed_in.permissions.has(Permission::ShopsManage) {
                    a.button href={ "/shops/" (shop.id) "/stock-rules" } data-open
                        aria-label=(words::stock_rules_of(&shop.name)) { (words::STOCK_RULES) }
                }
                @if may_manage {
                    a.button href={ "/shops/" (shop.id) "/default-answers" } aria-label=(words::default_answers_of(&shop.name)) {
                        (words::DEFAULT_ANSWERS)
                    }
                    form method="post" action={ "/shops/" (shop.id) "/authorise" } {
                        (csrf(ask.signed_in.csrf()))
                        button.primary[!shop.authorised] aria-label=(words::authorise_shop(&shop.name, shop.connected)) {
                            @if shop.connected { (words::AUTHORISE_AGAIN) } @else { (words::CONNECT_AGAIN) }
                        }
                    }
                    @if shop.connected {
                        a.button href={ "/shops/" (shop.id) "/pack-rule" } data-open
                            aria-label=(words::pack_rule_of(&shop.name)) { (words::PACK_RULE) }
                        a.button.danger href={ "/shops/" (shop.id) "/disconnect" } data-open
                            aria-label=(words::disconnect_shop(&shop.name)) { (words::DISCONNECT) }
                    }
                }
            }
        }
    }
}

fn authorised(app: &App, shop: &ShopView, (access, authorisation): Ends) -> Markup {
    let now = app.clock.platform_now(shop.platform);
    html! {
        @match (shop.connected, shop.authorised) {
            (false, _) => span.sub { (words::DISCONNECTED) },
            (true, false) => strong.late { (words::NO) },
            (true, true) => (words::YES),
        }
        @if shop.authorised {
            @match authorisation {
                Some(ends) if ends.since(now) > ENDLESS => div.sub { (words::AUTHORISATION_LASTS) },
                Some(ends) => {
                    div.sub { (words::AUTHORISATION_ENDS) " " (words::within(seconds_until(ends, now))) " · " (shop.zone().short(ends)) }
                },
                None => {}
            }
            @if let Some(ends) = access {
                div.sub { (words::TOKEN_ENDS) " " (words::within(seconds_until(ends, now))) }
            }
        }
    }
}

/// Where marketplaces reach this server, what to paste into their consoles, and the test push.
fn address_section(ask: &Ask, address: &PublicAddress, shops: &[ShopView], apps: &[AppRecord]) -> Markup {
    let given = if address.source == Source::Given { address.url.as_str() } else { "" };
    let reached = address.source != Source::Listening && !public_address::is_of_this_machine(&address.url);
    html! {
        section #address {
            h2 { (words::PUBLIC_ADDRESS) }
            p { @if reached { (words::PUBLIC_ADDRESS_LEAD) } @else { (words::NO_PUBLIC_ADDRESS) } }
            form.connect method="post" action="/shops/address" {
                (csrf(ask.signed_in.csrf()))
                label {
                    span { (words::PUBLIC_ADDRESS_LABEL) }
                    input type="url" name="url" value=(given) placeholder="https://desk.example.com"
                        aria-describedby="address-state";
                }
                div.actions { button { (words::SAVE_AND_TEST) } }
            }
            p #address-state role="status" {
                @match (&address.problem, address.checked_at) {
                    (Some(problem), _) => span.late { (words::test_push_failed(problem)) },
                    (None, Some(at)) => span.good { (words::TEST_PUSH_ARRIVED) " " (super::times::Zone::UTC.short(at)) },
                    (None, None) => span.sub { (words::not_tested(&address.url)) },
                }
            }
            @let rows = pasted_addresses(address, shops, apps);
            @if !rows.is_empty() {
                table.plain {
                    thead {
                        tr {
                            th { (words::PLATFORM) }
                            th { (words::PUSH_ADDRESS) }
                            th { (words::RETURN_ADDRESS) }
                        }
                    }
                    tbody {
                        @for (of, pushes) in rows {
                            tr tabindex="-1" {
                                td { (platform(of)) }
                                td data-label=(words::PUSH_ADDRESS) { code { (pushes) } }
                                td data-label=(words::RETURN_ADDRESS) { code { (address.url) (RETURN_PATH) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One address serves a whole app; a platform whose app is not kept gets that of its shops.
fn pasted_addresses(address: &PublicAddress, shops: &[ShopView], apps: &[AppRecord]) -> Vec<(Platform, String)> {
    let mut rows = Vec::new();
    for &platform in Platform::ALL.iter().filter(|platform| connectors::connecting(**platform).is_ok()) {
        let app = apps.iter().find(|app| app.platform == platform).map(|app| app.app.as_str());
        let connected = shops.iter().filter(|shop| shop.platform == platform && shop.connected);
        let names: Vec<&str> = match app {
            Some(app) => vec![app],
            None => connected.map(|shop| shop.account.as_str()).collect(),
        };
        rows.extend(names.into_iter().map(|name| (platform, webhooks::address(&address.url, platform, name))));
    }
    rows
}

/// Asks for a sweep of one shop, or of all that the user may see.
async fn sync(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let merchant = signed_in.merchant();
    let mut session = app.store.begin().await?;
    let shops = app.store.shops(&mut session, merchant).await?;
    let asked = |shop: &ShopRecord| shop.connected && connectors::connecting(shop.platform).is_ok();
    let shops = shops.into_iter().filter(|shop| asked(shop) && signed_in.sees(&shop.id));
    let mut shops: Vec<ShopId> = shops.map(|shop| shop.id).collect();
    if let Some(chosen) = form.fields.one("shop") {
        shops.retain(|shop| shop.as_str() == chosen);
        if shops.is_empty() {
            return Err(Problem::not_found("shop"));
        }
    }
    for shop in &shops {
        app.engine.sync_now(&mut session, merchant, signed_in.actor(), shop).await?;
    }
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(&saying("/shops", "sync", shops.len())).into_response())
}

/// Sets the public address and sends a test push to it.
async fn set_address(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let url = public_address::parse(form.fields.one("url").unwrap_or_default())?;
    let mut session = app.store.begin().await?;
    store::public_address::set(&mut session, signed_in.merchant(), url.as_deref()).await?;
    session.commit().await?;
    app.directory.forget();
    if url.is_some() {
        public_address::check(&app, signed_in.merchant()).await?;
    }
    Ok(Redirect::to("/shops?said=address#address"))
}
