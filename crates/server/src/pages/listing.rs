//! A listing: what it shows, what it is to show, and every number that was sent to it.

use super::layout::{Ask, Desk, Place, pages, platform};
use super::stock::in_an_address;
use super::words;
use crate::app::App;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use domain::ids::{ListingId, ShopId};
use domain::stock_push::{Left, Target};
use maud::{Markup, html};
use store::stock_pushes::{self, PushRecord};
use store::{Session, stock};

pub(super) fn router() -> Router<App> {
    Router::new().route("/listings/{shop}/{listing}", get(show))
}

/// The address of a listing's page.
pub(super) fn address_of(shop: &ShopId, listing: &ListingId) -> String {
    in_an_address("/listings", &[shop.as_str(), listing.as_str()])
}

async fn show(
    State(app): State<App>,
    ask: Ask,
    Path((shop, listing)): Path<(String, String)>,
    query: Query,
) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let missing = || Problem::not_found("listing");
    let shop = crate::api::shop_stock::visible(&ask.signed_in, &shop)?;
    let listing = ListingId::parse(listing).map_err(|_| missing())?;
    let merchant = ask.signed_in.merchant();
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let mut session: Session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let record = stock::listing(&mut session, merchant, &shop, &listing).await?.ok_or_else(missing)?;
    let one = std::slice::from_ref(&listing);
    let target = app.engine.targets(&mut session, merchant, &shop, one).await?.remove(&listing).ok_or_else(missing)?;
    let mut sent = stock_pushes::history(&mut session, merchant, &shop, &listing, before, limit + 1).await?;
    drop(session);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = sent.len() > shown;
    sent.truncate(shown);
    let address = address_of(&shop, &listing);
    let next = sent.last().filter(|_| more).map(|last| format!("{address}?cursor={}", cursor(&[&last.id])));
    let first = before.is_some().then(|| address.clone());
    let title = words::listing_title(record.listing_sku.as_str());
    let view = desk.shop(&shop);
    let zone = view.map_or_else(|| desk.zone(), super::layout::ShopView::zone);
    let read = record.read_at.millis() > 0;
    let main = html! {
        div.head {
            h1 { (title) }
            p.lead {
                @if let Some(view) = view { (platform(view.platform)) " " span.shop { (view.name) } " · " }
                @if !record.name.is_empty() { (record.name) " · " }
                code { (record.merchant_sku) } " · " a href="/stock" { (words::BACK_TO_STOCK) }
            }
        }
        dl.facts {
            div { dt { (words::LISTING_SHOWS) } dd { strong { @if read { (words::number(record.stock)) } @else { (words::LISTING_NEVER_READ) } } } }
            div { dt { (words::LISTING_TO_SHOW) } dd { (to_show(target)) } }
            div { dt { (words::LISTING_READ_AT) } dd { @if read { (zone.exact(record.read_at)) } @else { (words::LISTING_NEVER_READ) } } }
        }
        h2 { (words::LISTING_HISTORY) }
        @if sent.is_empty() {
            div.empty { p { (words::NO_PUSHES) } }
        } @else {
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th.number { (words::COLUMN_SENT) }
                        th { (words::COLUMN_OUTCOME) }
                        th.number { (words::COLUMN_READ_BACK) }
                    }
                }
                tbody {
                    @for push in &sent {
                        tr tabindex="-1" {
                            td { (zone.exact(push.began_at)) }
                            td.number data-label=(words::COLUMN_SENT) { strong { (words::number(push.stock)) } }
                            td data-label=(words::COLUMN_OUTCOME) { (outcome(push)) }
                            td.number data-label=(words::COLUMN_READ_BACK) {
                                @if let Some(shown) = push.read_back { (words::number(shown)) }
                            }
                        }
                    }
                }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Stock, &title, &main))
}

fn to_show(target: Target) -> Markup {
    html! {
        @match target {
            Target::Show(number) => strong { (words::number(number)) },
            Target::KeepClosed => { strong { (words::number(0)) } " " span.sub { (words::left(Left::Held)) } },
            Target::Leave(why) => span.sub { (words::left(why)) },
        }
    }
}

fn outcome(push: &PushRecord) -> Markup {
    html! {
        @match push.outcome {
            Some(outcome) => (words::push_outcome(outcome)),
            None => (words::UNDER_WAY),
        }
        @if let Some(message) = &push.message { div.sub { (message) } }
    }
}
