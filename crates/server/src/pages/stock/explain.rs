//! Explain my stock: for one SKU in one warehouse and any moment, the movements that make each bucket's number, in words,
//! with the course over time as a picture; and the form that corrects it.

use super::{BUCKETS, movements_address, names, warehouses_seen};
use crate::api::adjustments::{Wish, carry_out};
use crate::api::prints::put_shelf;
use crate::api::stock::running;
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::auth::{SignedIn, secrets};
use crate::http::query::{Query, cursor};
use crate::pages::layout::{Ask, Desk, Place, ShopView, csrf, pages};
use crate::pages::times::Zone;
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::{MerchantSku, OrderId, WarehouseId};
use domain::stock::{Balance, Bucket};
use domain::time::{Moment, Span};
use jiff::civil::DateTime;
use maud::{Markup, html};
use std::collections::HashMap;
use store::explain::{self, Course, MovementRecord, Wanted};
use store::orders::{self, OrderRecord};
use store::shelves;

/// Stretches of time that the picture is made of, at the most.
const STRETCHES: i64 = 240;
/// The shortest stretch.
const SHORTEST_STRETCH: Span = Span::from_seconds(1);
/// The picture's size, in its own units.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 150;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/stock/{warehouse}/{sku}", get(show).post(adjust))
        .route("/stock/{warehouse}/{sku}/shelf", post(put_on_shelf))
}

/// What the page explains, read from its address and written into its links.
#[derive(Debug, Clone)]
struct View {
    bucket: Option<Bucket>,
    /// By the clocks of the warehouse's market.
    until: Option<DateTime>,
}

impl View {
    fn read(query: &Query) -> Result<Self, Problem> {
        let moment = |text: &str| text.parse::<DateTime>().map_err(|_| "write a time such as 2026-11-23T14:30");
        Ok(Self { bucket: query.read("bucket", Bucket::parse)?, until: query.read("until", moment)? })
    }

    fn until_text(&self) -> Option<String> {
        self.until.map(|until| until.strftime("%Y-%m-%dT%H:%M").to_string())
    }

    fn address(&self, base: &str, bucket: Option<Bucket>, after: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("until", self.until_text()),
            ("bucket", bucket.map(|bucket| bucket.as_str().to_owned())),
            ("cursor", after.map(|id| cursor(&[id]))),
        ] {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        let query = query.finish();
        if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") }
    }
}

async fn show(
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
    let view = View::read(&query)?;
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
    let mut zones = desk.shops.iter().filter(|shop| shop.warehouse == warehouse).map(ShopView::zone);
    let zone = zones.next().unwrap_or(Zone::UTC);
    // The whole minute that was named counts.
    let until = view.until.and_then(|until| zone.at(until)).map(|until| until.plus(Span::from_millis(59_999)));
    let wanted = Wanted { warehouse: &warehouse, sku: &sku, bucket: view.bucket, until };
    if explain::course(&mut session, merchant, &Wanted { until: None, ..wanted }).await?.is_none() {
        return Err(missing());
    }
    let balance = explain::totals(&mut session, merchant, &wanted, None).await?;
    let mut found = explain::movements(&mut session, merchant, &wanted, before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let last = match found.first() {
        Some(first) => explain::totals(&mut session, merchant, &wanted, Some(&first.id)).await?,
        None => balance,
    };
    let course = explain::course(&mut session, merchant, &wanted).await?;
    let picture = match course {
        Some(course) => {
            let stretch = stretch_of(&course);
            let points = explain::over_time(&mut session, merchant, &wanted, course.first, stretch).await?;
            Some(chart(zone, &course, until.unwrap_or_else(|| app.clock.now()), &points))
        }
        None => None,
    };
    let mut ids: Vec<OrderId> = found.iter().filter_map(|movement| movement.order.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let orders = orders::load(&mut session, merchant, &ids).await?;
    let orders: HashMap<&OrderId, &OrderRecord> = orders.iter().map(|order| (&order.id, order)).collect();
    let names = names(&mut session, &ask.signed_in).await?;
    let shelf = shelves::of_skus(&mut session, merchant, &[&sku]).await?.remove(&(warehouse.clone(), sku.clone()));
    drop(session);

    let address = movements_address(&warehouse, &sku);
    let next = found.last().filter(|_| more).map(|last| view.address(&address, view.bucket, Some(&last.id)));
    let first = before.is_some().then(|| view.address(&address, view.bucket, None));
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
        form.filters method="get" action=(address) data-place {
            label {
                span { (words::AS_OF) }
                input type="datetime-local" name="until" value=[view.until_text()];
            }
            @if let Some(bucket) = view.bucket { input type="hidden" name="bucket" value=(bucket); }
            div.apply {
                button.primary { (words::SHOW) }
                @if view.until.is_some() || view.bucket.is_some() {
                    a.button.quiet href=(address) data-place { (words::NOW_AND_EVERYTHING) }
                }
            }
        }
        dl.facts.explained {
            div { dt { (words::ON_HAND) } dd { strong { (words::number(balance.on_hand())) } } }
            @for bucket in BUCKETS {
                div.chosen[view.bucket == Some(bucket)] {
                    dt { (words::bucket(bucket)) }
                    dd {
                        a href=(view.address(&address, Some(bucket), None)) data-place title=(words::why(bucket)) {
                            (words::number(balance.units(bucket)))
                        }
                    }
                }
            }
        }
        @if let Some(picture) = picture { (picture) }
        @if ask.signed_in.permissions.has(Permission::StockAdjust) && view.until.is_none() {
            (shelf_form(&ask, &address, shelf.as_deref()))
            (adjust_form(&ask, &address, &warehouse, &names))
        }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_MOVEMENTS) } }
        } @else {
            p.sub { (words::explained(course.map_or(0, |course| course.movements), view.bucket)) }
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th { (words::COLUMN_CAUSE) }
                        th { (words::COLUMN_ORDER) }
                        th { (words::COLUMN_MOVED) }
                        th.number { (words::COLUMN_UNITS) }
                        th.number { (words::after_it(view.bucket)) }
                        th { (words::COLUMN_WHO) }
                    }
                }
                tbody {
                    @for (movement, after) in found.iter().zip(running(&found, last)) {
                        (row(&ask.signed_in, zone, movement, &orders, view.bucket, after))
                    }
                }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Stock, &title, &main))
}

fn row(
    signed_in: &SignedIn,
    zone: Zone,
    movement: &MovementRecord,
    orders: &HashMap<&OrderId, &OrderRecord>,
    bucket: Option<Bucket>,
    after: Balance,
) -> Markup {
    let order = movement.order.as_ref().and_then(|id| orders.get(id));
    let sign = match bucket {
        Some(bucket) if bucket == movement.to => "+",
        Some(_) => "−",
        None => "",
    };
    html! {
        tr tabindex="-1" {
            td { (zone.exact(movement.at)) }
            td data-label=(words::COLUMN_CAUSE) {
                (words::cause(movement.cause))
                div.sub { (words::story(movement.cause, movement.from, movement.to)) }
            }
            td data-label=(words::COLUMN_ORDER) {
                @match order {
                    Some(order) if signed_in.sees(&order.shop) => a.number href={ "/orders/" (order.id) } { (order.number) },
                    Some(_) => span.sub { (words::ANOTHER_SHOPS_ORDER) },
                    None => {},
                }
            }
            td data-label=(words::COLUMN_MOVED) { (words::bucket(movement.from)) " → " (words::bucket(movement.to)) }
            td.number data-label=(words::COLUMN_UNITS) { strong { (sign) (words::number(movement.units)) } }
            td.number data-label=(words::after_it(bucket)) {
                @match bucket {
                    Some(bucket) => (words::number(after.units(bucket))),
                    None => {
                        (words::number(after.available))
                        div.sub { (words::number(after.on_hand())) }
                    },
                }
            }
            td data-label=(words::COLUMN_WHO) { (movement.actor) }
        }
    }
}

/// A stretch so long that the picture has few enough of them.
fn stretch_of(course: &Course) -> Span {
    SHORTEST_STRETCH.max(Span::from_millis(course.last.since(course.first).millis() / STRETCHES))
}

/// What was on hand and available over time, as steps.
fn chart(zone: Zone, course: &Course, now: Moment, points: &[(Moment, Balance)]) -> Markup {
    let end = now.max(course.last);
    let whole = end.since(course.first).millis().max(1);
    let most = points.iter().map(|(_, balance)| balance.on_hand().max(balance.available)).max().unwrap_or(0).max(1);
    let across = |at: Moment| at.since(course.first).millis().saturating_mul(WIDTH) / whole;
    let up = |units: i64| HEIGHT - units.clamp(0, most).saturating_mul(HEIGHT) / most;
    let steps = |of: fn(&Balance) -> i64| {
        let mut path = format!("M0 {HEIGHT}");
        for (at, balance) in points {
            path.push_str(&format!("H{}V{}", across(*at), up(of(balance))));
        }
        path.push_str(&format!("H{WIDTH}"));
        path
    };
    let on_hand = steps(|balance| balance.on_hand());
    let available = steps(|balance| balance.available);
    html! {
        figure.course {
            svg viewBox={ "0 -4 " (WIDTH) " " (HEIGHT + 8) } preserveAspectRatio="none" role="img"
                aria-label=(words::course_in_words(points.last().map(|(_, balance)| *balance).unwrap_or_default(), most)) {
                path.on-hand d={ (on_hand) "V" (HEIGHT) "Z" } {}
                path.available d=(available) {}
            }
            figcaption {
                span { (zone.short(course.first)) }
                span.key { span.on-hand { (words::ON_HAND) } " " span.available { (words::bucket(Bucket::Available)) } " · " (words::at_most(most)) }
                span { (zone.short(end)) }
            }
        }
    }
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
    crate::pages::stock_ins::once(&app, signed_in, &form.fields, async |session| {
        carry_out(&app, session, signed_in, (&warehouse, &sku), &wish).await?;
        Ok(String::new())
    })
    .await?;
    let missing = || Problem::not_found("stock");
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| missing())?;
    let sku = MerchantSku::parse(sku).map_err(|_| missing())?;
    Ok(Redirect::to(&format!("{}?said=adjusted", movements_address(&warehouse, &sku))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_read() {
        for query in ["", "until=2026-11-23T14%3A30", "until=2026-11-23T14%3A30&bucket=returning"] {
            let view = View::read(&Query::parse(query).expect("a query")).expect("a view");
            let address = view.address("/stock/w/s", view.bucket, None);
            assert_eq!(address, if query.is_empty() { "/stock/w/s".to_owned() } else { format!("/stock/w/s?{query}") });
        }
    }

    #[test]
    fn the_picture_has_a_step_for_every_stretch_and_ends_now() {
        let at = Moment::from_seconds;
        let course = Course { first: at(100), last: at(200), movements: 2 };
        let points = [
            (at(100), Balance { available: 10, ..Balance::default() }),
            (at(200), Balance { available: 5, allocated: 5, ..Balance::default() }),
        ];
        let drawn = chart(Zone::UTC, &course, at(300), &points).into_string();
        assert!(drawn.contains("M0 150H0V0H360V75H720"), "{drawn}");
        assert!(drawn.contains("M0 150H0V0H360V0H720V150Z"), "{drawn}");
    }
}
