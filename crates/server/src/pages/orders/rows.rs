//! The rows of a list, and the bar for those that are selected.

use super::view::View;
use crate::app::App;
use crate::auth::SignedIn;
use crate::pages::cancellations::refusal;
use crate::pages::layout::{Ask, Desk, ShopView, csrf, platform};
use crate::pages::products::{line, money};
use crate::pages::times::{Zone, deadline, seconds_until};
use crate::pages::words;
use crate::permissions::Permission;
use domain::cancellation::{Phase, State};
use domain::eligibility::{self, Blocked};
use domain::ids::OrderId;
use domain::order::{List, Stage, Tab};
use domain::request::AnswerKind;
use domain::shipment::{self, Mark};
use domain::snapshot::{FulfilledBy, Initiator};
use engine::commands::facts_of;
use maud::{Markup, html};
use std::collections::HashMap;
use store::batches::ORDERS_MAX;
use store::cancellations::CancellationRecord;
use store::orders::{LineRecord, NEVER, OrderRecord};
use store::shipments::ShipmentRecord;

/// Lines of an order that a row shows.
const LINES_SHOWN: usize = 3;

/// Everything that the rows of one page are made from.
pub(super) struct Table<'a> {
    pub(super) app: &'a App,
    pub(super) desk: &'a Desk,
    pub(super) signed_in: &'a SignedIn,
    pub(super) view: &'a View,
    /// Each order's latest cancellation.
    pub(super) latest: HashMap<OrderId, CancellationRecord>,
    /// Each order's latest pack or shipment.
    pub(super) shipments: HashMap<OrderId, ShipmentRecord>,
    /// The platform's status before the order was canceled, where it was seen.
    pub(super) before: HashMap<OrderId, String>,
    /// How many orders match, on all pages.
    pub(super) matching: i64,
}

/// Why the seller cannot cancel this order now; what is stored decides.
pub(in crate::pages) fn blocked(app: &App, order: &OrderRecord) -> Option<Blocked> {
    let policy = app.engine.policy(order.platform).ok()?;
    eligibility::new_cancel(&facts_of(order), &policy).err()
}

/// The platform's own name for its status.
pub(in crate::pages) fn status_title(app: &App, order: &OrderRecord, status: &str) -> String {
    let policy = app.engine.policy(order.platform).ok();
    let title = policy.as_ref().and_then(|policy| policy.status(status)).map(|rule| rule.title.clone());
    title.unwrap_or_else(|| status.to_owned())
}

/// The platform's status: its name for people and its word, where the two differ.
pub(in crate::pages) fn platform_status(app: &App, order: &OrderRecord) -> Markup {
    let title = status_title(app, order, &order.platform_status);
    html! {
        (title)
        @if !title.eq_ignore_ascii_case(&order.platform_status) { " " code { (order.platform_status) } }
    }
}

/// A line's own status on the platform and the parcel it travels in, where these are known of a line.
pub(in crate::pages) fn line_status(app: &App, order: &OrderRecord, line: &LineRecord) -> Markup {
    let over = line.live() == 0;
    html! {
        @if over || !line.platform_status.is_empty() {
            span.line-status.over[over] {
                @if line.platform_status.is_empty() { (words::LINE_CANCELED) }
                @else { (status_title(app, order, &line.platform_status)) }
                @if over && let Some(by) = line.canceled_by { " " span.sub { (words::canceled_by(words::initiator(by))) } }
                @if !over && let Some(package) = &line.package { " " span.sub { (words::PARCEL) " " code { (package) } } }
            }
        }
    }
}

/// Where an order stands with us.
pub(in crate::pages) fn standing(order: &OrderRecord) -> Markup {
    let tab = words::tab(order.tab);
    html! {
        span.list.(order.list.as_str()) { (words::list(order.list)) }
        @if !tab.is_empty() { " " span.tab { (tab) } }
    }
}

/// Marks that change how an order is handled.
pub(in crate::pages) fn marks(order: &OrderRecord) -> Markup {
    html! {
        @if order.cod { " " span.mark title=(words::MARK_COD_TITLE) { (words::MARK_COD) } }
        @if order.preorder { " " span.mark { (words::MARK_PREORDER) } }
        @if order.fulfilled_by == FulfilledBy::Platform { " " span.mark { (words::MARK_PLATFORM_WAREHOUSE) } }
    }
}

impl Table<'_> {
    fn may_process(&self) -> bool {
        self.signed_in.permissions.has(Permission::OrdersProcess)
    }

    fn may_be_voided(&self) -> bool {
        self.view.list.is_none_or(List::may_be_voided)
    }

    fn may_be_restored(&self) -> bool {
        self.view.list.is_none_or(|list| list == List::Voided)
    }

    fn is_of(&self, lists: &[List]) -> bool {
        self.view.list.is_none_or(|list| lists.contains(&list))
    }

    /// Whether anything can be done to an order of this list.
    fn acts(&self) -> bool {
        self.view.list.is_none_or(List::seller_may_cancel) || self.is_of(PRINTED_FROM)
    }

    fn may_cancel(&self) -> bool {
        self.signed_in.permissions.has(Permission::OrdersCancel) && self.acts()
    }

    fn selects(&self) -> bool {
        self.may_cancel()
            || (self.may_process() && (self.may_be_voided() || self.may_be_restored() || self.is_of(PRINTED_FROM)))
    }

    /// The bar that acts on what is selected. Its form holds the rows' boxes and buttons as well.
    pub(super) fn bar(&self, ask: &Ask) -> Markup {
        if !self.may_process() && !self.may_cancel() {
            return html! {};
        }
        html! {
            form #many method="post" action="/orders/void" {
                (csrf(ask.signed_in.csrf()))
                input type="hidden" name="next" value=(self.view.here());
                @if self.selects() {
                    div #selection .selection role="group" aria-label=(words::SELECTED_ACTIONS) {
                        output #selected {}
                        @if self.may_process() && self.is_of(&[List::New]) {
                            button formaction="/orders/pack" data-many { (words::PACK_SELECTED) }
                        }
                        @if self.may_process() && self.is_of(PRINTED_FROM) {
                            button formaction="/labels/print" formtarget="_blank" data-many { (words::PRINT_SELECTED) }
                            button formaction="/labels/print" formtarget="_blank" name="slips" value="true" data-many {
                                (words::PRINT_WITH_SLIPS)
                            }
                        }
                        @if self.may_process() && self.is_of(&[List::InProcess]) {
                            button formaction="/orders/ship" data-many { (words::SHIP_SELECTED) }
                        }
                        @if self.may_cancel() {
                            input type="hidden" name="matching" value=(self.view.matching());
                            button.danger formaction="/batches" data-many { (words::CANCEL_SELECTED) }
                            @if self.matching > 1 {
                                button formaction="/batches" name="all" value="1" data-many {
                                    (words::cancel_matching(self.matching.min(i64::from(ORDERS_MAX)), self.matching > i64::from(ORDERS_MAX)))
                                }
                            }
                        }
                        @if self.may_process() && self.may_be_voided() { button formaction="/orders/void" data-many { (words::VOID_SELECTED) } }
                        @if self.may_process() && self.may_be_restored() {
                            button formaction="/orders/restore" data-many { (words::RESTORE_SELECTED) }
                        }
                        button.quiet type="reset" data-many { (words::CLEAR_SELECTION) }
                    }
                }
            }
        }
    }

    pub(super) fn rows(&self, orders: &[OrderRecord]) -> Markup {
        let canceled = self.view.list == Some(List::Canceled);
        html! {
            table.orders.without-actions[!self.acts()] {
                thead {
                    tr {
                        @if self.selects() {
                            th.box scope="col" { input #every type="checkbox" aria-label=(words::SELECT_PAGE); }
                        }
                        th.order scope="col" { (words::COLUMN_ORDER) }
                        th.products scope="col" { (words::COLUMN_PRODUCTS) }
                        th.total scope="col" { (words::COLUMN_TOTAL) }
                        th.status scope="col" { (words::COLUMN_STATUS) }
                        th.time scope="col" { @if canceled { (words::COLUMN_CANCELED) } @else { (words::COLUMN_TIME) } }
                        @if self.acts() { th.action scope="col" { (words::COLUMN_ACTION) } }
                    }
                }
                tbody { @for order in orders { (self.row(order, canceled)) } }
            }
        }
    }

    fn row(&self, order: &OrderRecord, canceled: bool) -> Markup {
        let shop = self.desk.shop(&order.shop);
        let zone = shop.map_or(Zone::UTC, ShopView::zone);
        html! {
            tr id=(order.id) .cancelling[order.cancelling] tabindex="-1" data-number=(order.number) {
                @if self.selects() {
                    td.box {
                        input type="checkbox" name="order" value=(order.id) form="many"
                            aria-label=(words::select_order(order.number.as_str())) disabled[order.cancelling || !(is_selectable(order) || order.list.seller_may_cancel() || order.list == List::PlatformFulfilled)];
                    }
                }
                td.order {
                    a.number href={ "/orders/" (order.id) } { (order.number) }
                    div.sub { (platform(order.platform)) " " @if let Some(shop) = shop { span.shop { (shop.name) } } }
                    div.sub title=(words::ORDERED) { (zone.short(order.ordered_at)) (marks(order)) }
                }
                td.products {
                    @for item in order.lines.iter().take(LINES_SHOWN) { (line(item)) }
                    @if order.lines.len() > LINES_SHOWN {
                        a.more href={ "/orders/" (order.id) } { (words::more_lines(order.lines.len() - LINES_SHOWN)) }
                    }
                }
                td.total {
                    @if let Some(total) = order.total { div.amount { (money(total)) } }
                    div.sub.buyer {
                        @if order.buyer_name.is_empty() { (words::UNKNOWN_BUYER) } @else { (order.buyer_name) }
                    }
                }
                td.status { (self.status(order)) }
                td.time {
                    @if canceled { (self.canceled(order, zone)) } @else { (self.ship_by(order, zone)) }
                }
                @if self.acts() { td.action { (self.actions(order)) } }
            }
        }
    }

    fn status(&self, order: &OrderRecord) -> Markup {
        html! {
            div { (standing(order)) }
            div.sub { (platform_status(self.app, order)) }
            @if order.stage != Stage::Untouched && order.list != List::Completed {
                div.sub { (words::STAGE) " " (words::stage(order.stage)) }
            }
            @if let Some(record) = self.latest.get(&order.id) { (progress(self.app, order, record)) }
            @if let Some(record) = self.shipments.get(&order.id) { (shipping(order, record)) }
        }
    }

    fn ship_by(&self, order: &OrderRecord, zone: Zone) -> Markup {
        let open = matches!(
            order.list,
            List::Unpaid | List::New | List::InProcess | List::ToPickup | List::Voided | List::CancelRequested
        );
        html! {
            @if order.ship_by == NEVER {
                span.sub { (words::NO_SHIP_BY) }
            } @else {
                (deadline(zone, order.ship_by, self.app.clock.platform_now(order.platform), open))
            }
        }
    }

    fn canceled(&self, order: &OrderRecord, zone: Zone) -> Markup {
        html! {
            @if let Some(at) = order.canceled_at { (zone.short(at)) }
            @if let Some(by) = order.cancelled_by {
                div.sub { (words::canceled_by(words::initiator(by))) (self.operator(order, by)) }
            }
            @if let Some(reason) = order.cancel_reason.as_deref().filter(|reason| !reason.is_empty()) {
                div.sub.because title=(words::REASON) { (reason) }
            }
            @if let Some(before) = self.before.get(&order.id) {
                div.sub { (words::status_before(&status_title(self.app, order, before))) }
            }
        }
    }

    /// Who of us cancelled it.
    fn operator(&self, order: &OrderRecord, by: Initiator) -> Markup {
        let record = self.latest.get(&order.id).filter(|_| by == Initiator::Seller);
        let record = record.filter(|record| matches!(record.saga.phase, Phase::Done(_)));
        html! { @if let Some(record) = record { " · " (record.actor) } }
    }

    fn actions(&self, order: &OrderRecord) -> Markup {
        let may_cancel = self.signed_in.permissions.has(Permission::OrdersCancel);
        let offers = order.list.seller_may_cancel() || order.list == List::PlatformFulfilled;
        let number = order.number.as_str();
        html! {
            div.buttons {
                @if may_cancel && offers && !order.cancelling {
                    // A closed one leads to the words that say why.
                    @let why_not = blocked(self.app, order).map(|blocked| blocked.detail);
                    a.button.danger[why_not.is_none()].closed[why_not.is_some()] href={ "/orders/" (order.id) "/cancel" }
                        data-open data-act="cancel" aria-label=(words::cancel_order(number))
                        aria-disabled=[why_not.is_some().then_some("true")] title=[why_not] { (words::CANCEL) }
                }
                @if self.may_process() && !order.cancelling {
                    @for act in offered(self.app, order) {
                        button.quiet form="many" formaction=(act.address) formtarget=[act.window] name="only"
                            value=(order.id) data-act=(act.key) aria-label=(words::act_on(act.title, number)) { (act.title) }
                    }
                    @if order.list.may_be_voided() {
                        button.quiet form="many" formaction="/orders/void" name="only" value=(order.id) data-act="void"
                            aria-label=(words::void_order(number)) { (words::VOID) }
                    }
                    @if order.list == List::Voided {
                        button.quiet form="many" formaction="/orders/restore" name="only" value=(order.id)
                            data-act="void" aria-label=(words::restore_order(number)) { (words::RESTORE) }
                    }
                }
            }
        }
    }
}

/// The lists that labels are printed from; a request's order prints too, because a rejected one must ship on time.
const PRINTED_FROM: &[List] = &[List::InProcess, List::ToPickup, List::CancelRequested];

fn is_selectable(order: &OrderRecord) -> bool {
    order.list.may_be_voided() || order.list == List::Voided || PRINTED_FROM.contains(&order.list)
}

/// Something that can be done to an order with one press.
pub(in crate::pages) struct Offered {
    pub(in crate::pages) address: &'static str,
    pub(in crate::pages) title: &'static str,
    /// The word of its key.
    pub(in crate::pages) key: &'static str,
    /// The window that shows the answer, where it is no page of the desk.
    pub(in crate::pages) window: Option<&'static str>,
}

/// Whether an order's label is offered to be printed. It comes from the cache, so that no platform has to answer.
pub(in crate::pages) fn prints(order: &OrderRecord) -> bool {
    PRINTED_FROM.contains(&order.list) && order.has_cached_label() && order.shipment != Mark::Live && !order.cancelling
}

/// What packing and shipping offer for an order as it stands.
pub(in crate::pages) fn offered(app: &App, order: &OrderRecord) -> Vec<Offered> {
    let mut acts = Vec::new();
    let arranges = app.engine.policy(order.platform).is_ok_and(|policy| policy.shipping.is_offered());
    if order.shipment == Mark::Live || !arranges {
        return acts;
    }
    let mut offer = |address, title, key, window| acts.push(Offered { address, title, key, window });
    if order.list == List::New && matches!(order.tab, Tab::ToPack | Tab::PackFailed) {
        offer("/orders/pack", words::PACK, "pack", None);
    }
    if prints(order) {
        offer("/labels/print", words::PRINT, "print", Some("_blank"));
    }
    if order.list == List::InProcess {
        offer("/orders/ship", words::SHIP, "ship", None);
    }
    if order.list == List::ToPickup {
        offer("/orders/undo-ship", words::UNDO_SHIP, "ship", None);
    }
    acts
}

/// What an order's latest pack or shipment means for whoever looks at it.
pub(in crate::pages) fn shipping(order: &OrderRecord, record: &ShipmentRecord) -> Markup {
    html! {
        @match &record.saga.phase {
            shipment::Phase::Failed(words) => {
                @if order.shipment == Mark::PackFailed || record.act != shipment::Act::Pack {
                    p.refused { (words::act_failed(record.act, words)) }
                }
            }
            shipment::Phase::Done => {}
            _ if record.saga.state() == shipment::State::NeedsAttention => {
                p.attention { (words::NEEDS_ATTENTION) " · " (words::act_running(record.act)) }
            }
            _ => p.running data-pending { (words::act_running(record.act)) },
        }
    }
}

/// What an order's latest cancellation means for whoever looks at its row.
pub(in crate::pages) fn progress(app: &App, order: &OrderRecord, record: &CancellationRecord) -> Markup {
    let state = record.saga.state();
    let address = format!("/cancellations/{}", record.id);
    let age = -seconds_until(record.created_at, app.clock.now());
    let rejects = record.reason.as_str() == AnswerKind::Reject.reason_code();
    html! {
        @match &record.saga.phase {
            _ if rejects && state.is_final() => {}
            _ if rejects && state != State::NeedsAttention => {
                p.running data-pending { a href=(address) data-open { (words::REJECTING) } }
            }
            Phase::Done(_) => {}
            Phase::Refused(words) => {
                @if order.list != List::Canceled {
                    p.refused { a href=(address) data-open { (refusal(order, record, words)) } }
                }
            }
            _ if state == State::NeedsAttention => {
                p.attention { a href=(address) data-open { (words::NEEDS_ATTENTION) " · " (words::span(age)) } }
            }
            _ => p.running data-pending { a href=(address) data-open { (words::cancelling_for(age)) } },
        }
    }
}
