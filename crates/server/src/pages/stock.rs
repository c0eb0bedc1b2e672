//! Stock: balances with every bucket, and the movements that make them.

use super::layout::{Ask, Desk, Place, csrf, pages, platform};
use super::times::Zone;
use super::words;
use crate::api::adjustments::{Wish, carry_out};
use crate::api::prints::put_shelf;
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::auth::{SignedIn, secrets};
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::{MerchantSku, OrderId, WarehouseId};
use domain::stock::{Balance, Bucket};
use maud::{Markup, html};
use std::collections::HashMap;
use store::orders::OrderRecord;
use store::stock::{self, BalanceRecord, ListingRecord, MovementRecord};
use store::{Session, orders, shelves, shops};

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
    Router::new()
        .route("/stock", get(show))
        .route("/stock/{warehouse}/{sku}", get(movements).post(adjust))
        .route("/stock/{warehouse}/{sku}/shelf", post(put_on_shelf))
}

/// The address of a SKU's movements.
pub(super) fn movements_address(warehouse: &WarehouseId, sku: &MerchantSku) -> String {
    let mut address = String::from("/stock");
    for part in [warehouse.as_str(), sku.as_str()] {
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

const fn units_in(balance: &Balance, bucket: Bucket) -> i64 {
    match bucket {
        Bucket::Outside => 0,
        Bucket::Available => balance.available,
        Bucket::Reserved => balance.reserved,
        Bucket::CountNeeded => balance.count_needed,
        Bucket::Allocated => balance.allocated,
        Bucket::Defective => balance.defective,
        Bucket::Outbound => balance.outbound,
        Bucket::Returning => balance.returning,
        Bucket::Lost => balance.lost,
    }
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
        div.head { h1 { (words::STOCK) } p.lead { (words::STOCK_LEAD) } }
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
                            @let units = units_in(&record.balance, bucket);
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
            strong { (words::number(listing.stock)) }
            @if listing.held { " " span.held title=(words::HELD_TITLE) { (words::HELD) } }
        }
    }
}

async fn movements(
    State(app): State<App>,
    ask: Ask,
    Path((warehouse, sku)): Path<(String, String)>,
    query: Query,
) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let missing = || Problem::not_found("stock");
    let merchant = ask.signed_in.merchant();
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| missing())?;
    let sku = MerchantSku::parse(sku).map_err(|_| missing())?;
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let said = match query.one("said")? {
        Some("adjusted") => Some(words::ADJUSTED),
        Some("shelf") => Some(words::SHELF_SAVED),
        _ => None,
    };
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    if warehouses_seen(&ask.signed_in, &desk).is_some_and(|seen| !seen.contains(&warehouse)) {
        return Err(missing());
    }
    let balance = stock::balances(&mut session, merchant, Some(&sku), Some(&warehouse), None, 1).await?.pop();
    let balance = balance.ok_or_else(missing)?;
    let mut found = stock::movements(&mut session, merchant, &warehouse, &sku, before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let mut ids: Vec<OrderId> = found.iter().filter_map(|movement| movement.order.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let orders = orders::load(&mut session, merchant, &ids).await?;
    let orders: HashMap<&OrderId, &OrderRecord> = orders.iter().map(|order| (&order.id, order)).collect();
    let names = names(&mut session, &ask.signed_in).await?;
    let shelf = shelves::of_skus(&mut session, merchant, &[&sku]).await?.remove(&(warehouse.clone(), sku.clone()));
    drop(session);

    let mut zones = desk.shops.iter().filter(|shop| shop.warehouse == warehouse).map(super::layout::ShopView::zone);
    let zone = zones.next().unwrap_or(Zone::UTC);
    let address = movements_address(&warehouse, &sku);
    let next = found.last().filter(|_| more).map(|last| format!("{address}?cursor={}", cursor(&[&last.id])));
    let first = before.is_some().then(|| address.clone());
    let title = words::movements_of(sku.as_str());
    let main = html! {
        div.head {
            h1 { (title) }
            @if let Some(said) = said { p.notice role="status" { (said) } }
            p.lead {
                (names.get(&warehouse).map_or(warehouse.as_str(), String::as_str)) " · "
                a href="/stock" { (words::BACK_TO_STOCK) }
            }
        }
        dl.facts {
            div { dt { (words::ON_HAND) } dd { strong { (words::number(balance.balance.on_hand())) } } }
            @for bucket in BUCKETS {
                div { dt { (words::bucket(bucket)) } dd { (words::number(units_in(&balance.balance, bucket))) } }
            }
        }
        @if ask.signed_in.permissions.has(Permission::StockAdjust) {
            (shelf_form(&ask, &address, shelf.as_deref()))
            (adjust_form(&ask, &address, &warehouse, &names))
        }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_MOVEMENTS) } }
        } @else {
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th { (words::COLUMN_FROM) }
                        th { (words::COLUMN_TO) }
                        th.number { (words::COLUMN_UNITS) }
                        th { (words::COLUMN_CAUSE) }
                        th { (words::COLUMN_ORDER) }
                        th { (words::COLUMN_WHO) }
                    }
                }
                tbody { @for movement in &found { (movement_row(&ask.signed_in, zone, movement, &orders)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Stock, &title, &main))
}

/// Where the product lies: pick lists and the pull list are sorted by it.
fn shelf_form(ask: &Ask, address: &str, shelf: Option<&str>) -> Markup {
    html! {
        form.filters method="post" action={ (address) "/shelf" } data-place data-follow {
            (csrf(ask.signed_in.csrf()))
            label { span { (words::SHELF) } input name="shelf" maxlength="60" autocomplete="off" value=[shelf]; }
            div.apply { button { (words::SAVE) } }
        }
    }
}

async fn put_on_shelf(
    State(app): State<App>,
    Path((warehouse, sku)): Path<(String, String)>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let shelf = form.fields.one("shelf").unwrap_or_default();
    let mut session = app.store.begin().await?;
    put_shelf(&app, &mut session, &form.signed_in, (&warehouse, &sku), shelf).await?;
    session.commit().await?;
    app.committed();
    let missing = || Problem::not_found("stock");
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| missing())?;
    let sku = MerchantSku::parse(sku).map_err(|_| missing())?;
    Ok(Redirect::to(&format!("{}?said=shelf", movements_address(&warehouse, &sku))).into_response())
}

fn adjust_form(ask: &Ask, address: &str, here: &WarehouseId, names: &HashMap<WarehouseId, String>) -> Markup {
    let mut others: Vec<_> = names.iter().filter(|(id, _)| *id != here).collect();
    others.sort();
    html! {
        details.adjust {
            summary { (words::ADJUST) }
            form.filters method="post" action=(address) data-place data-follow {
                (csrf(ask.signed_in.csrf()))
                input type="hidden" name="key" value=(secrets::token());
                label {
                    span { (words::ADJUST_AS) }
                    select name="as" {
                        option value="count" { (words::ADJUST_COUNT) }
                        option value="in" { (words::ADJUST_IN) }
                        option value="out" { (words::ADJUST_OUT) }
                        @if !others.is_empty() { option value="transfer" { (words::ADJUST_TRANSFER) } }
                    }
                }
                @if !others.is_empty() {
                    label {
                        span { (words::WAREHOUSE) }
                        select name="to" { option value="" {} @for (id, name) in others { option value=(id) { (name) } } }
                    }
                }
                label { span { (words::COLUMN_UNITS) } input type="number" name="units" min="0" max="9999999" required; }
                label.check { input type="checkbox" name="defective" value="true"; " " (words::ADJUST_DEFECTIVE) }
                label.wide { span { (words::NOTE) } input name="note" maxlength="1000" autocomplete="off"; }
                div.apply { button.primary { (words::SAVE) } }
            }
        }
    }
}

/// Corrects this SKU's stock once for one form, however often it is sent.
async fn adjust(
    State(app): State<App>,
    Path((warehouse, sku)): Path<(String, String)>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let one = |name| form.fields.one(name).unwrap_or_default().trim();
    let units = one("units")
        .parse()
        .map_err(|_| Problem::unprocessable("invalid_body", words::UNITS_UNREADABLE, words::UNITS_UNREADABLE))?;
    let wish = Wish {
        kind: one("as").to_owned(),
        units,
        defective: form.fields.one("defective").is_some(),
        to: Some(one("to").to_owned()),
        note: Some(one("note").to_owned()),
    };
    super::stock_ins::once(&app, signed_in, &form.fields, async |session| {
        carry_out(&app, session, signed_in, (&warehouse, &sku), &wish).await?;
        Ok(String::new())
    })
    .await?;
    let missing = || Problem::not_found("stock");
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| missing())?;
    let sku = MerchantSku::parse(sku).map_err(|_| missing())?;
    Ok(Redirect::to(&format!("{}?said=adjusted", movements_address(&warehouse, &sku))).into_response())
}

fn movement_row(
    signed_in: &SignedIn,
    zone: Zone,
    movement: &MovementRecord,
    orders: &HashMap<&OrderId, &OrderRecord>,
) -> Markup {
    let order = movement.order.as_ref().and_then(|id| orders.get(id));
    html! {
        tr tabindex="-1" {
            td { (zone.exact(movement.at)) }
            td data-label=(words::COLUMN_FROM) { (words::bucket(movement.from)) }
            td data-label=(words::COLUMN_TO) { (words::bucket(movement.to)) }
            td.number data-label=(words::COLUMN_UNITS) { strong { (words::number(movement.units)) } }
            td data-label=(words::COLUMN_CAUSE) { (words::cause(movement.cause)) }
            td data-label=(words::COLUMN_ORDER) {
                @match order {
                    Some(order) if signed_in.sees(&order.shop) => a.number href={ "/orders/" (order.id) } { (order.number) },
                    Some(_) => span.sub { (words::ANOTHER_SHOPS_ORDER) },
                    None => {},
                }
            }
            td data-label=(words::COLUMN_WHO) { (movement.actor) }
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
