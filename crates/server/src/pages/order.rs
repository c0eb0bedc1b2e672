//! One order: what it is, where it stands, what its lines hold, and everything that happened to it.

use super::cancellations::{attempt_words, reason_label};
use super::labels::{despite_form, prints_despite};
use super::layout::{Ask, Desk, Place, ShopView, csrf, platform};
use super::orders::{blocked, line_status, marks, offered, platform_status, progress, shipping, standing, visible};
use super::products::{money, picture};
use super::requests::order_section;
use super::times::{Zone, deadline};
use super::{warehouses, words};
use crate::api::warehouses::withdrawals;
use crate::app::App;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use domain::label::LabelState;
use domain::order::List;
use domain::policy::Standing;
use domain::shipment::Mark;
use domain::snapshot::FulfilledBy;
use domain::stock::Bucket;
use domain::time::Moment;
use maud::{Markup, html};
use store::cancellations::{self, AttemptRecord, CancellationRecord};
use store::labels::{self, LabelRecord};
use store::log::{self, EntryRecord};
use store::orders::{LineRecord, NEVER, OrderRecord};
use store::requests;
use store::shipments::{self, ShipmentRecord};
use store::stock_ins::{self, Receipt};

pub(super) fn router() -> Router<App> {
    Router::new().route("/orders/{id}", get(show))
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let order = visible(&mut session, &ask.signed_in, &id).await?;
    let records = cancellations::of_orders(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
    let mut tried = Vec::with_capacity(records.len());
    for record in records {
        let attempts = cancellations::attempts(&mut session, merchant, &record.id).await?;
        tried.push((record, attempts));
    }
    let shipped = shipments::of_orders(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
    let known = labels::of_orders(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
    let entries = log::of_order(&mut session, merchant, &order.id).await?;
    let receipts = stock_ins::of_order(&mut session, merchant, &order.id).await?;
    let live = requests::live_of_orders(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
    let hints = requests::restock_hints(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
    let restock = hints.get(&order.id).copied();
    let withdrawals =
        withdrawals(&app.store, &mut session, merchant, std::slice::from_ref(&order.id)).await?.remove(&order.id);
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);

    let zone = desk.shop(&order.shop).map_or(Zone::UTC, ShopView::zone);
    let main = html! {
        (head(&app, &ask, &desk, &order, tried.last().map(|(record, _)| record), shipped.last()))
        (order_section(&app, &ask, &order, &live, zone))
        (facts(&app, &order, restock, zone))
        (warehouses::order_section(&ask, order.id.as_str(), &withdrawals.unwrap_or_default()))
        (lines(&app, &order))
        (stocked_in(&ask, &receipts, zone))
        (packages(&ask, &order, &known))
        (cancellations_of(&app, &order, &tried, zone))
        (timeline(&entries, &tried, zone))
    };
    Ok(desk.page(&ask, Place::List(order.list), &words::order_title(order.number.as_str()), &main))
}

fn head(
    app: &App,
    ask: &Ask,
    desk: &Desk,
    order: &OrderRecord,
    latest: Option<&CancellationRecord>,
    shipped: Option<&ShipmentRecord>,
) -> Markup {
    let permissions = &ask.signed_in.permissions;
    let address = format!("/orders/{}", order.id);
    html! {
        div.head.order-head {
            div {
                h1 { (words::order_title(order.number.as_str())) }
                p.sub {
                    (platform(order.platform)) " "
                    @if let Some(shop) = desk.shop(&order.shop) { (shop.name) }
                    (marks(order))
                }
                p.standing {
                    (standing(order)) " "
                    span.sub { (order.platform.title()) ": " (platform_status(app, order)) }
                }
                @if let Some(record) = latest { (progress(app, order, record)) }
                @if let Some(record) = shipped { (shipping(order, record)) }
            }
            div.buttons {
                @if !order.cancelling && permissions.has(Permission::OrdersCancel) {
                    @let why_not = blocked(app, order).map(|blocked| blocked.detail);
                    @if why_not.is_none() || order.list.seller_may_cancel() {
                        a.button.danger[why_not.is_none()].primary[why_not.is_none()].closed[why_not.is_some()]
                            href={ (address) "/cancel" } data-open data-act="cancel"
                            aria-disabled=[why_not.is_some().then_some("true")] title=[why_not] { (words::CANCEL_ORDER) }
                    }
                }
                // A unit that was missing can be found again.
                @let waits = order.returning() > 0 || order.lines.iter().any(|line| line.stock.lost > 0);
                @if waits && permissions.has(Permission::StockIn) {
                    a.button.primary href={ "/stock-ins/new?order=" (order.id) } data-open data-act="stock-in" { (words::STOCK_IN) }
                }
                @if !order.cancelling && permissions.has(Permission::OrdersProcess) {
                    (super::manual::next_step(&ask.signed_in, order))
                    @for act in offered(app, order) {
                        (button(ask, order, act.address, act.title, act.key, act.window))
                    }
                    @if order.list == List::InProcess && order.shipment != Mark::Live && can_repack(app, order) {
                        (button(ask, order, "/orders/repack", words::MOVE_TO_TO_PACK, "repack", None))
                    }
                    @if order.list.may_be_voided() { (button(ask, order, "/orders/void", words::VOID, "void", None)) }
                    @if order.list == List::Voided { (button(ask, order, "/orders/restore", words::RESTORE, "void", None)) }
                }
            }
        }
    }
}

/// A button in a form of its own; what opens a window of its own is left to the browser.
fn button(ask: &Ask, order: &OrderRecord, action: &str, title: &str, key: &str, window: Option<&str>) -> Markup {
    html! {
        form method="post" action=(action) target=[window] data-place[window.is_none()] {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="next" value={ "/orders/" (order.id) };
            button name="only" value=(order.id) data-act=(key) { (title) }
        }
    }
}

/// Whether the platform takes a pack back.
fn can_repack(app: &App, order: &OrderRecord) -> bool {
    app.engine.policy(order.platform).is_ok_and(|policy| policy.shipping.repack)
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// What is known of the order; `restock` is what its platform thinks of the goods.
fn facts(app: &App, order: &OrderRecord, restock: Option<bool>, zone: Zone) -> Markup {
    let open = !matches!(order.list, List::Shipped | List::Completed | List::Canceled);
    let now = app.clock.platform_now(order.platform);
    html! {
        dl.facts {
            (fact(words::ORDERED, &zone.short(order.ordered_at)))
            (fact(words::PAID, &html! {
                @match order.paid_at { Some(at) => (zone.short(at)), None => span.sub { (words::NOT_PAID) } }
            }))
            (fact(words::SHIP_BY, &html! {
                @if order.ship_by == NEVER { span.sub { (words::NO_SHIP_BY) } }
                @else { (deadline(zone, order.ship_by, now, open)) }
            }))
            @if let Some(total) = order.total { (fact(words::TOTAL, &html! { span.amount { (money(total)) } })) }
            (fact(words::PAYMENT, &html! { @if order.cod { (words::MARK_COD_TITLE) } @else { (words::PREPAID) } }))
            (fact(words::BUYER, &html! {
                @if order.buyer_name.is_empty() { span.sub { (words::UNKNOWN_BUYER) } } @else { (order.buyer_name) }
            }))
            (fact(words::MARKET, &html! { (order.region) }))
            (fact(words::FULFILLED_BY, &html! {
                @match order.fulfilled_by {
                    FulfilledBy::Seller => (words::FULFILLED_BY_SELLER),
                    FulfilledBy::Platform => (words::FULFILLED_BY_PLATFORM),
                }
            }))
            (fact(words::STAGE, &html! { (words::stage(order.stage)) }))
            @if let Some(restock) = restock {
                (fact(words::GOODS, &html! {
                    @if restock { (words::RESTOCKABLE) } @else { span.bad { (words::NOT_RESTOCKABLE) } }
                }))
            }
            @if let Some(at) = order.canceled_at { (fact(words::CANCELED_AT, &zone.short(at))) }
            @if let Some(by) = order.cancelled_by { (fact(words::CANCELED_BY, &html! { (words::initiator(by)) })) }
            @if let Some(reason) = order.cancel_reason.as_deref().filter(|reason| !reason.is_empty()) {
                (fact(words::REASON, &html! { (reason) }))
            }
            @if let Some(reason) = order.buyer_reason.as_deref().filter(|reason| !reason.is_empty()) {
                (fact(words::BUYER_REASON, &html! { (reason) }))
            }
        }
    }
}

/// What a line holds, bucket by bucket.
fn holdings(line: &LineRecord) -> Vec<(Bucket, u32)> {
    let stock = &line.stock;
    let all = [
        (Bucket::Reserved, stock.reserved),
        (Bucket::Allocated, stock.allocated),
        (Bucket::Outbound, stock.outbound),
        (Bucket::Outside, stock.outside),
        (Bucket::Returning, stock.returning),
        (Bucket::CountNeeded, stock.count_needed),
        (Bucket::Lost, stock.lost),
    ];
    all.into_iter().filter(|(_, units)| *units > 0).collect()
}

/// What was stocked in of the order, and what it takes to take that back.
fn stocked_in(ask: &Ask, receipts: &[Receipt], zone: Zone) -> Markup {
    if receipts.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (words::STOCKED_IN) }
            table.plain.results {
                tbody {
                    @for receipt in receipts {
                        tr {
                            td { (zone.exact(receipt.at)) div.sub { (receipt.actor) } }
                            td {
                                (words::units_stocked_in(receipt.units()))
                                @for line in &receipt.lines {
                                    div.sub {
                                        code { (line.sku) } " "
                                        (words::visit(line.visit))
                                    }
                                }
                                @if let Some(note) = &receipt.note { div.sub { (note) } }
                            }
                            td {
                                @match &receipt.undone {
                                    Some(undone) => span.sub { (words::undone_before(&undone.by, &undone.why)) },
                                    None if ask.signed_in.permissions.has(Permission::StockIn) => {
                                        a.button.quiet href={ "/stock-ins/" (receipt.id) "/undo" } data-open { (words::UNDO) }
                                    },
                                    None => {},
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn lines(app: &App, order: &OrderRecord) -> Markup {
    html! {
        section {
            h2 { (words::LINES) }
            table.plain.lines {
                thead {
                    tr {
                        th { (words::LINE_PRODUCT) }
                        th { (words::LINE_LISTING_SKU) }
                        th { (words::LINE_MERCHANT_SKU) }
                        th.number { (words::LINE_QUANTITY) }
                        th.number { (words::LINE_PRICE) }
                        th { (words::LINE_HOLDS) }
                    }
                }
                tbody {
                    @for line in &order.lines {
                        tr {
                            td {
                                div.product {
                                    (picture(&line.name))
                                    div {
                                        span.name { (line.name) }
                                        @if !line.variation.is_empty() { div.sub { (line.variation) } }
                                        (line_status(app, order, line))
                                    }
                                }
                            }
                            td data-label=(words::LINE_LISTING_SKU) { code { (line.listing_sku) } }
                            td data-label=(words::LINE_MERCHANT_SKU) {
                                a href=(super::stock::movements_address(&line.warehouse, &line.merchant_sku)) {
                                    code { (line.merchant_sku) }
                                }
                                @if let Some(part) = &line.part_of { div.sub { (words::part_of_a_bundle(part.units)) } }
                            }
                            td.number data-label=(words::LINE_QUANTITY) {
                                (line.quantity)
                                @if line.canceled_quantity > 0 {
                                    div.sub { (line.canceled_quantity) " " (words::LINE_CANCELED.to_lowercase()) }
                                }
                            }
                            td.number data-label=(words::LINE_PRICE) { @if let Some(price) = line.unit_price { (money(price)) } }
                            td data-label=(words::LINE_HOLDS) {
                                @let held = holdings(line);
                                @if held.is_empty() { span.sub { (words::LINE_HOLDS_NOTHING) } }
                                @for (bucket, units) in &held {
                                    span.bucket.(bucket.as_str()) { (units) " " (words::bucket(*bucket).to_lowercase()) } " "
                                }
                            }
                        }
                    }
                }
            }
            @if order.left_before_counting { p.sub { (words::LEFT_BEFORE_COUNTING) } }
        }
    }
}

fn packages(ask: &Ask, order: &OrderRecord, known: &[LabelRecord]) -> Markup {
    let lacks = |label| matches!(label, LabelState::None | LabelState::Failed | LabelState::Stale);
    let may_fetch = order.standing == Standing::Arranged
        && ask.signed_in.permissions.has(Permission::OrdersProcess)
        && order.packages.iter().any(|package| lacks(package.label));
    html! {
        section {
            h2 { (words::PACKAGES) }
            @if order.packages.is_empty() {
                p.sub { (words::NO_PACKAGES) }
            } @else {
                table.plain {
                    thead {
                        tr {
                            th { (words::PACKAGE) }
                            th { (words::TRACKING) }
                            th { (words::CARRIER) }
                            th { (words::PLATFORM_STATUS) }
                            th { (words::STAGE) }
                            th { (words::LABEL) }
                        }
                    }
                    tbody {
                        @for package in &order.packages {
                            tr {
                                td { code { (package.number) } }
                                td data-label=(words::TRACKING) {
                                    @match &package.tracking_number {
                                        Some(number) => code { (number) },
                                        None => span.sub { (words::NO_TRACKING) },
                                    }
                                }
                                td data-label=(words::CARRIER) { (package.carrier) }
                                td data-label=(words::PLATFORM_STATUS) { code { (package.platform_status) } }
                                td data-label=(words::STAGE) { (words::stage(package.stage)) }
                                td data-label=(words::LABEL) {
                                    (words::label(package.label))
                                    @if let Some(label) = known.iter().find(|label| label.package == package.number) {
                                        @if let Some(message) = &label.message { div.sub { (message) } }
                                        @if label.prints > 0 { div.sub { (words::printed_times(label.prints)) } }
                                    }
                                }
                            }
                        }
                    }
                }
                @if may_fetch { (button(ask, order, "/orders/fetch-labels", words::FETCH_LABELS, "fetch", None)) }
                @if prints_despite(&ask.signed_in, order) { (despite_form(&ask.signed_in, order, None)) }
            }
        }
    }
}

fn cancellations_of(
    app: &App,
    order: &OrderRecord,
    tried: &[(CancellationRecord, Vec<AttemptRecord>)],
    zone: Zone,
) -> Markup {
    html! {
        section {
            h2 { (words::CANCELLATIONS) }
            @if tried.is_empty() {
                p.sub { (words::NO_CANCELLATIONS) }
            } @else {
                table.plain {
                    thead {
                        tr {
                            th { (words::COLUMN_STATE) }
                            th { (words::COLUMN_REASON) }
                            th { (words::ASKED_BY) }
                            th { (words::ATTEMPTS) }
                            th { (words::COLUMN_MESSAGE) }
                        }
                    }
                    tbody {
                        @for (record, attempts) in tried.iter().rev() {
                            tr {
                                td {
                                    a href={ "/cancellations/" (record.id) } data-open { (super::cancellations::state_badge(record.saga.state())) }
                                }
                                td data-label=(words::COLUMN_REASON) {
                                    (reason_label(app, order.platform, &record.reason))
                                    (super::cancellations::only(record))
                                    @if let Some(note) = &record.note { div.sub { (note) } }
                                }
                                td data-label=(words::ASKED_BY) { (record.actor) div.sub { (zone.short(record.created_at)) } }
                                td data-label=(words::ATTEMPTS) {
                                    (words::times(u32::try_from(attempts.len()).unwrap_or(u32::MAX)))
                                }
                                td data-label=(words::COLUMN_MESSAGE) { (record.platform_message.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

struct Happening {
    at: Moment,
    who: String,
    what: String,
    detail: String,
}

/// The lines that an attempt sent, with what was canceled of each before.
fn sent_lines(attempt: &AttemptRecord) -> String {
    let lines =
        attempt.lines.iter().map(|line| words::sent_line(line.line.as_str(), line.quantity, line.canceled_before));
    lines.collect::<Vec<_>>().join(", ")
}

fn timeline(entries: &[EntryRecord], tried: &[(CancellationRecord, Vec<AttemptRecord>)], zone: Zone) -> Markup {
    let mut happenings: Vec<Happening> = entries
        .iter()
        .map(|entry| Happening {
            at: entry.at,
            who: entry.actor.clone(),
            what: words::action(&entry.action).to_owned(),
            detail: entry.detail.clone(),
        })
        .collect();
    for attempt in tried.iter().flat_map(|(_, attempts)| attempts) {
        happenings.push(Happening {
            at: attempt.began_at,
            who: "countermand".to_owned(),
            what: words::attempt_sent(attempt.attempt),
            detail: sent_lines(attempt),
        });
        if let (Some(at), Some(outcome)) = (attempt.answered_at, &attempt.outcome) {
            happenings.push(Happening {
                at,
                who: "platform".to_owned(),
                what: words::attempt_answered(attempt.attempt, outcome),
                detail: attempt_words(attempt),
            });
        }
    }
    // Stable, so that what was written in one millisecond keeps its order.
    happenings.sort_by_key(|happening| happening.at);
    html! {
        section {
            h2 { (words::TIMELINE) }
            p.sub { (words::TIMES_NOTE) }
            ol.timeline {
                @for happening in happenings.iter().rev() {
                    li {
                        (zone.exact(happening.at))
                        div {
                            strong { (happening.what) } " " span.sub { (happening.who) }
                            @if !happening.detail.is_empty() { div { (happening.detail) } }
                        }
                    }
                }
            }
        }
    }
}
