//! The shops: what is known of each, and a sync at once.

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, platform};
use super::orders::saying;
use super::words;
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::ShopId;
use maud::{Markup, html};

pub(super) fn router() -> Router<App> {
    Router::new().route("/shops", get(show)).route("/shops/sync", post(sync))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let said = query.one("said")?.map(|_| words::sync_asked());
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let may_sync = ask.signed_in.permissions.has(Permission::OrdersProcess);
    let main = html! {
        div.head { h1 { (words::SHOPS) } @if let Some(said) = said { p.notice role="status" { (said) } } }
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
                tbody { @for shop in &desk.shops { (row(&app, &ask, shop, may_sync)) } }
            }
        }
    };
    Ok(desk.page(&ask, Place::Shops, words::SHOPS, &main))
}

fn row(app: &App, ask: &Ask, shop: &ShopView, may_sync: bool) -> Markup {
    html! {
        tr id=(shop.id) tabindex="-1" {
            td {
                a href={ "/orders?shop=" (shop.id) } { strong { (shop.name) } }
                div.sub { (words::COLUMN_ACCOUNT) " " code { (shop.account) } }
                @if let Some(alert) = &shop.alert { p.attention { (alert) } }
            }
            td data-label=(words::PLATFORM) { (platform(shop.platform)) }
            td data-label=(words::COLUMN_REGION) { (shop.region) " " span.sub { "UTC" (shop.zone().offset()) } }
            td data-label=(words::COLUMN_AUTHORISED) {
                @if shop.authorised { (words::YES) } @else { strong.late { (words::NO) ", " (words::AUTHORISE_AGAIN) } }
            }
            td data-label=(words::COLUMN_COUNTED) { @if shop.counted { (words::YES) } @else { (words::NOT_YET) } }
            td data-label=(words::COLUMN_SWEPT) {
                @match shop.swept_ago(app) {
                    Some(age) => { (words::ago(age)) div.sub { (shop.zone().short(shop.swept_to)) } },
                    None => (words::NEVER_SWEPT),
                }
            }
            td.action {
                @if may_sync {
                    form method="post" action="/shops/sync" data-place {
                        (csrf(ask.signed_in.csrf()))
                        button name="shop" value=(shop.id) aria-label=(words::sync_shop(&shop.name)) { (words::SYNC_NOW) }
                    }
                }
            }
        }
    }
}

/// Asks for a sweep of one shop, or of all that the user may see.
async fn sync(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let merchant = signed_in.merchant();
    let mut session = app.store.begin().await?;
    let shops = app.store.shops(&mut session, merchant).await?;
    let mut shops: Vec<ShopId> = shops.into_iter().map(|shop| shop.id).filter(|shop| signed_in.sees(shop)).collect();
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
