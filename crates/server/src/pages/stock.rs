//! Stock: balances with every bucket, and the pages that explain and prove them.

mod explain;
mod opening;
mod proof;

use super::layout::{Ask, Desk, Place, pages, platform};
use super::words;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use domain::ids::{MerchantSku, WarehouseId};
use domain::stock::Bucket;
use maud::{Markup, html};
use std::collections::HashMap;
use store::stock::{self, BalanceRecord, ListingRecord};
use store::{Session, shops};

/// The buckets in the order of a unit's life.
const BUCKETS: [Bucket; 8] = [
    Bucket::Available,
    Bucket::Reserved,
    Bucket::Allocated,
    Bucket::CountNeeded,
    Bucket::Defective,
    Bucket::Outbound,
    Bucket::Returning,
    Bucket::Lost,
];

pub(super) fn router() -> Router<App> {
    Router::new().route("/stock", get(show)).merge(explain::router()).merge(opening::router()).merge(proof::router())
}

/// The address of a SKU's movements.
pub(super) fn movements_address(warehouse: &WarehouseId, sku: &MerchantSku) -> String {
    in_an_address("/stock", &[warehouse.as_str(), sku.as_str()])
}

/// An address with these parts below it, whatever they hold.
pub(super) fn in_an_address(above: &str, parts: &[&str]) -> String {
    let mut address = above.to_owned();
    for part in parts {
        address.push('/');
        for byte in part.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => address.push(char::from(byte)),
                // A lone dot would be read as “this folder”.
                other => address.push_str(&format!("%{other:02X}")),
            }
        }
    }
    address
}

/// The warehouses that a user sees: those of their shops; `None` means all.
fn warehouses_seen(signed_in: &SignedIn, desk: &Desk) -> Option<Vec<WarehouseId>> {
    signed_in.shops().map(|_| desk.shops.iter().map(|shop| shop.warehouse.clone()).collect())
}

async fn names(session: &mut Session, signed_in: &SignedIn) -> Result<HashMap<WarehouseId, String>, Problem> {
    let warehouses = shops::warehouses(session, signed_in.merchant()).await?;
    Ok(warehouses.into_iter().map(|warehouse| (warehouse.id, warehouse.name)).collect())
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let merchant = ask.signed_in.merchant();
    let sku = query.read("sku", |text| MerchantSku::parse(text))?;
    let limit = query.limit()?;
    let after = query.after::<2>()?;
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let seen = warehouses_seen(&ask.signed_in, &desk);
    let from = after.as_ref().map(|[warehouse, sku]| (warehouse.as_str(), sku.as_str()));
    let mut balances = stock::balances(&mut session, merchant, sku.as_ref(), None, from, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = balances.len() > shown;
    balances.truncate(shown);
    let last = balances.last().map(|last| cursor(&[last.warehouse.as_str(), last.sku.as_str()]));
    balances.retain(|balance| seen.as_ref().is_none_or(|seen| seen.contains(&balance.warehouse)));
    let names = names(&mut session, &ask.signed_in).await?;
    let mut listings = Vec::with_capacity(balances.len());
    for balance in &balances {
        let of_sku = stock::listings(&mut session, merchant, None, Some(&balance.sku)).await?;
        listings.push(of_sku.into_iter().filter(|listing| ask.signed_in.sees(&listing.shop)).collect::<Vec<_>>());
    }
    drop(session);

    let filter = sku
        .as_ref()
        .map(|sku| url::form_urlencoded::Serializer::new(String::new()).append_pair("sku", sku.as_str()).finish());
    let address = |after: Option<&str>| {
        let after = after.map(|after| format!("cursor={after}"));
        let query: Vec<String> = [filter.clone(), after].into_iter().flatten().collect();
        if query.is_empty() { "/stock".to_owned() } else { format!("/stock?{}", query.join("&")) }
    };
    let next = last.as_deref().filter(|_| more).map(|last| address(Some(last)));
    let first = after.is_some().then(|| address(None));
    let main = html! {
        div.head {
            h1 { (words::STOCK) }
            @if query.one("said")? == Some("opened") { p.notice role="status" { (words::OPENING_STOCK_TAKEN) } }
            @if ask.signed_in.permissions.has(Permission::StockAdjust) {
                a.button href=(opening::ADDRESS) data-open { (words::OPENING_STOCK) }
            }
            p.lead {
                (words::STOCK_LEAD)
                @if ask.signed_in.permissions.has(Permission::AuditRead) { " " a href=(proof::ADDRESS) { (words::LEDGER_PROOF) } }
            }
        }
        form.filters method="get" action="/stock" role="search" data-place {
            label.wide {
                span { (words::SKU) " " kbd { "/" } }
                input #search type="search" name="sku" value=[sku.as_ref().map(MerchantSku::as_str)]
                    placeholder=(words::SKU_HINT) autocomplete="off" spellcheck="false";
            }
            div.apply {
                button.primary { (words::SHOW) }
                @if sku.is_some() { a.button.quiet href="/stock" data-place { (words::CLEAR_FILTERS) } }
            }
        }
        @if balances.is_empty() {
            div.empty {
                h2 { (words::LIST_IS_EMPTY) }
                p { @if sku.is_some() { (words::NO_SUCH_SKU) } @else { (words::NO_STOCK) } }
            }
        } @else {
            (table(&desk, &names, &balances, &listings))
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Stock, words::STOCK, &main))
}

fn table(
    desk: &Desk,
    names: &HashMap<WarehouseId, String>,
    balances: &[BalanceRecord],
    listings: &[Vec<ListingRecord>],
) -> Markup {
    html! {
        table.plain.stock {
            thead {
                tr {
                    th { (words::SKU) }
                    th.number { (words::ON_HAND) }
                    @for bucket in BUCKETS { th.number { (words::bucket(bucket)) } }
                    th { (words::LISTINGS) }
                }
            }
            tbody {
                @for (record, listings) in balances.iter().zip(listings) {
                    tr tabindex="-1" {
                        td {
                            a href=(movements_address(&record.warehouse, &record.sku)) { code { (record.sku) } }
                            // With one warehouse its name says nothing.
                            @if names.len() > 1 {
                                div.sub { (names.get(&record.warehouse).map_or(record.warehouse.as_str(), String::as_str)) }
                            }
                        }
                        td.number data-label=(words::ON_HAND) { strong { (words::number(record.balance.on_hand())) } }
                        @for bucket in BUCKETS {
                            @let units = record.balance.units(bucket);
                            td.number.(bucket.as_str()).none[units == 0] data-label=(words::bucket(bucket)) {
                                (words::number(units))
                            }
                        }
                        td data-label=(words::LISTINGS) {
                            @if listings.is_empty() { span.sub { (words::NO_LISTINGS) } }
                            @for listing in listings { (listing_of(desk, listing)) }
                        }
                    }
                }
            }
        }
    }
}

fn listing_of(desk: &Desk, listing: &ListingRecord) -> Markup {
    let shop = desk.shop(&listing.shop);
    html! {
        div.listing {
            @if let Some(shop) = shop { (platform(shop.platform)) " " span.shop { (shop.name) } " " }
            a href=(super::listing::address_of(&listing.shop, &listing.listing)) { strong { (words::number(listing.stock)) } }
            @if listing.held { " " span.held title=(words::HELD_TITLE) { (words::HELD) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sku_fits_into_one_part_of_an_address() {
        let address = |sku: &str| {
            movements_address(&WarehouseId::parse("whs_1").expect("an id"), &MerchantSku::parse(sku).expect("a SKU"))
        };
        assert_eq!(address("SKU-1"), "/stock/whs_1/SKU-1");
        assert_eq!(address("Celana 2/5?#é"), "/stock/whs_1/Celana%202%2F5%3F%23%C3%A9");
        assert_eq!(address(".."), "/stock/whs_1/%2E%2E");
    }
}
