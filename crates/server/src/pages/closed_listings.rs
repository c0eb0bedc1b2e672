//! Listings closed by a cancel, and opening them again by hand.

use super::layout::{Ask, Desk, Place, csrf, pages, platform};
use super::listing::address_of;
use super::stock::movements_address;
use super::words;
use crate::api::closed_listings::{Reopen, carry_out, page};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::auth::secrets;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::Redirect;
use axum::routing::{get, post};
use maud::{Markup, html};
use store::closed_listings::ClosedListing;

/// Where the page is.
pub(super) const ADDRESS: &str = "/closed-listings";

pub(super) fn router() -> Router<App> {
    Router::new().route(ADDRESS, get(show)).route("/closed-listings/reopen", post(reopen))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let said = query.one("said")? == Some("reopened");
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let (closed, next) = page(&mut session, &ask.signed_in, &query).await?;
    drop(session);
    let next = next.map(|next| format!("{ADDRESS}?cursor={next}"));
    let first = query.one("cursor")?.is_some().then_some(ADDRESS);
    let main = html! {
        div.head {
            h1 { (words::CLOSED_LISTINGS_TITLE) }
            @if said { p.notice role="status" { (words::REOPENED) } }
            p.lead { (words::CLOSED_LISTINGS_LEAD) }
        }
        @if closed.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_CLOSED_LISTINGS) } }
        } @else {
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_LISTING) }
                        th { (words::SHOP) }
                        th { (words::COLUMN_CLOSED_SINCE) }
                        th { (words::COLUMN_ORDER) }
                        th { (words::COLUMN_REASON) }
                        th.number { (words::COLUMN_SHOWS) }
                        th { (words::COLUMN_NEXT) }
                        th { (words::COLUMN_ACTION) }
                    }
                }
                tbody { @for closed in &closed { (row(&app, &ask, &desk, closed)) } }
            }
            div.below { p {} (pages(first, next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::ClosedListings, words::CLOSED_LISTINGS_TITLE, &main))
}

fn row(app: &App, ask: &Ask, desk: &Desk, closed: &ClosedListing) -> Markup {
    let shop = desk.shop(&closed.shop);
    let policy = shop.and_then(|shop| app.engine.policy(shop.platform).ok());
    let reason =
        policy.as_ref().and_then(|policy| policy.reason(closed.reason.as_str())).map(|rule| rule.label.clone());
    let next = match (closed.held, closed.switched_on || closed.reopen_by.is_some()) {
        (true, _) => words::OPENS_WHEN_COUNTED,
        (false, true) => words::OPENS_BY_ITSELF,
        (false, false) => words::OPENS_BY_HAND,
    };
    html! {
        tr tabindex="-1" {
            td {
                a href=(address_of(&closed.shop, &closed.listing)) { code { (closed.listing_sku) } }
                @if !closed.name.is_empty() { div.sub { (closed.name) } }
            }
            td data-label=(words::SHOP) {
                @if let Some(shop) = shop { (platform(shop.platform)) " " span.shop { (shop.name) } }
            }
            td data-label=(words::COLUMN_CLOSED_SINCE) { (desk.zone().exact(closed.closed_at)) }
            td data-label=(words::COLUMN_ORDER) { a.number href={ "/orders/" (closed.order) } { (closed.number) } }
            td data-label=(words::COLUMN_REASON) { (reason.as_deref().unwrap_or(closed.reason.as_str())) }
            td.number data-label=(words::COLUMN_SHOWS) { strong { (words::number(closed.stock)) } }
            td data-label=(words::COLUMN_NEXT) { (next) }
            td.action {
                @if ask.signed_in.permissions.has(Permission::StockAdjust) {
                    @if let Some(shop) = shop {
                        a.button href=(movements_address(&shop.warehouse, &closed.merchant_sku)) { (words::COUNT_IT) }
                    }
                    form method="post" action="/closed-listings/reopen" data-place {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="key" value=(secrets::token());
                        input type="hidden" name="shop" value=(closed.shop);
                        input type="hidden" name="listing" value=(closed.listing);
                        button aria-label=(words::reopen_listing(closed.listing_sku.as_str())) { (words::REOPEN) }
                    }
                }
            }
        }
    }
}

/// Opens a listing again once for one form, however often it is sent.
async fn reopen(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let one = |name| form.fields.one(name).unwrap_or_default().to_owned();
    let wish = Reopen { shop: one("shop"), listing: one("listing") };
    super::stock_ins::once(&app, signed_in, &form.fields, async |session| {
        carry_out(&app, session, signed_in, &wish).await?;
        Ok(String::new())
    })
    .await?;
    Ok(Redirect::to("/closed-listings?said=reopened"))
}
