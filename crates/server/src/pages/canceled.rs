//! The canceled orders: which wait to be stocked in, which are, and the selection that is stocked in next.

use super::layout::{Ask, Desk, Place, ShopView, csrf, pages, platform, shared_zone};
use super::orders::{saying, status_title};
use super::products::line;
use super::times::{Zone, seconds_until};
use super::{page_length, words};
use crate::api::stock_ins::Selection;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::auth::sign_in::safe_next;
use crate::clock::rfc3339;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::OrderId;
use domain::order::{List, Stage, Tab};
use domain::snapshot::Initiator;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::HashMap;
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::requests;
use store::stock_ins::{self, Cursor, ReturnRecord, Which};

/// Where the page stands.
pub(super) const ADDRESS: &str = "/canceled";
/// Lines of an order that a row shows.
const LINES_SHOWN: usize = 3;

/// The tabs, with their words in the address.
const TABS: [(&str, Which); 4] = [
    ("to_stock_in", Which::ToStockIn),
    ("stocked_in", Which::StockedIn),
    ("nothing_to_do", Which::NothingToDo),
    ("all", Which::All),
];

/// The address of the orders that should have been stocked in by now, and whose carrier was not asked.
pub(super) fn overdue_address(days: u32) -> String {
    format!("{ADDRESS}?tab=to_stock_in&claimed=false&days={days}")
}

pub(super) fn router() -> Router<App> {
    Router::new().route(ADDRESS, get(show)).route("/canceled/claim", post(claim))
}

/// What the page shows, read from its address and written into its links.
#[derive(Debug, Clone)]
struct View {
    which: Which,
    /// Whether the address names the tab.
    named: bool,
    selection: Selection,
    from: Option<Date>,
    to: Option<Date>,
    after: Option<Cursor>,
    limit: u32,
}

impl View {
    fn read(query: &Query) -> Result<Self, Problem> {
        let which = query.read("tab", |word| {
            TABS.iter().find(|(known, _)| *known == word).map(|(_, which)| *which).ok_or("it is no tab of this page")
        })?;
        let date = |text: &str| text.parse::<Date>().map_err(|_| "write a day such as 2026-11-23");
        let after = query
            .after::<2>()?
            .and_then(|[key, id]| Some(Cursor { key: key.parse().ok()?, id: OrderId::parse(id).ok()? }));
        let (from, to) = (query.read("from", date)?, query.read("to", date)?);
        let selection = Selection { from: None, to: None, ..Selection::read(query)? };
        // Whoever searches without having chosen a tab looks for an order, not for work.
        let usual = if selection.q.is_some() { Which::All } else { Which::ToStockIn };
        let (named, which) = (which.is_some(), which.unwrap_or(usual));
        Ok(Self { which, named, selection, from, to, after, limit: query.limit()? })
    }

    /// The selection with its days as moments of this zone.
    fn selection(&self, zone: Zone) -> Selection {
        let days = zone.days(self.from, self.to);
        Selection {
            from: days.map(|(from, _)| rfc3339(from)),
            to: days.filter(|_| self.to.is_some()).map(|(_, to)| rfc3339(to)),
            ..self.selection.clone()
        }
    }

    fn is_filtered(&self) -> bool {
        self.selection != Selection::default() || self.from.is_some() || self.to.is_some()
    }

    fn address(&self, which: Which, filtered: bool, after: Option<&Cursor>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let tab = TABS.iter().find(|(_, known)| *known == which).map_or("to_stock_in", |(word, _)| word);
        query.append_pair("tab", tab);
        if filtered {
            let selection = &self.selection;
            let number = |number: Option<u32>| number.map(|number| number.to_string());
            for (name, value) in [
                ("q", selection.q.clone()),
                ("platform", selection.platform.clone()),
                ("shop", selection.shop.clone()),
                ("status_before", selection.status_before.clone()),
                ("cancelled_by", selection.cancelled_by.clone()),
                ("stage", selection.stage.clone()),
                ("from", self.from.map(|day| day.to_string())),
                ("to", self.to.map(|day| day.to_string())),
                ("days", number(selection.days)),
                ("units", number(selection.units)),
                ("claimed", selection.claimed.map(|claimed| claimed.to_string())),
            ] {
                if let Some(value) = value {
                    query.append_pair(name, &value);
                }
            }
        }
        if let Some(limit) = page_length::in_links(self.limit) {
            query.append_pair("limit", &limit);
        }
        if let Some(after) = after {
            query.append_pair("cursor", &cursor(&[&after.key.to_string(), after.id.as_str()]));
        }
        format!("{ADDRESS}?{}", query.finish())
    }
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let view = View::read(&query)?;
    let said = query.one("said")?.filter(|said| said.starts_with("claim-")).map(|_| words::CLAIM_NOTED);
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let zone = shared_zone(desk.shops.iter());
    let selection = view.selection(zone);
    let filter = selection.filter(&app, &ask.signed_in)?;
    let after = view.after.as_ref();
    let (kept, next) = stock_ins::page(&mut session, merchant, view.which, &filter, after, view.limit).await?;
    let ids: Vec<OrderId> = kept.iter().map(|kept| kept.order.clone()).collect();
    let found = orders::load(&mut session, merchant, &ids).await?;
    let hints = requests::restock_hints(&mut session, merchant, &ids).await?;
    let waiting = stock_ins::count_waiting(&mut session, merchant, ask.signed_in.shops()).await?;
    let statuses = stock_ins::statuses_before(&mut session, merchant).await?;
    let settings = stock_ins::settings(&mut session, merchant).await?;
    drop(session);

    let kept: HashMap<&OrderId, &ReturnRecord> = kept.iter().map(|kept| (&kept.order, kept)).collect();
    let (signed_in, alert_days) = (&ask.signed_in, settings.alert_days);
    let table = Table { app: &app, desk: &desk, signed_in, view: &view, alert_days, hints };
    let next = next.map(|at| view.address(view.which, true, Some(&at)));
    let first = view.after.is_some().then(|| view.address(view.which, true, None));
    let main = html! {
        div.head {
            h1 { (words::list(List::Canceled)) }
            @if let Some(said) = said { p.notice role="status" { (said) } }
            @if table.may_stock_in() {
                div.buttons.row {
                    a.button href="/stock-ins/scan" { (words::SCAN) }
                    a.button.quiet href="/stock-ins/import" data-open { (words::STOCK_IN_TABLE) }
                    a.button.quiet href="/stock-ins/settings" data-open { (words::STOCK_IN_SETTINGS) }
                }
            }
        }
        (tabs(&desk, &view, waiting))
        (filters(&app, &desk, &view, &statuses))
        @if found.is_empty() {
            div.empty {
                @if view.is_filtered() {
                    h2 { (words::NOTHING_MATCHES) }
                    p { (words::NOTHING_MATCHES_LEAD) }
                    a.button href=(view.address(view.which, false, None)) data-place { (words::CLEAR_FILTERS) }
                } @else {
                    h2 { (words::LIST_IS_EMPTY) }
                    p { (empty(view.which)) }
                }
            }
        } @else {
            (table.bar(&selection, waiting))
            table.orders.canceled {
                thead {
                    tr {
                        @if table.selects() {
                            th.box scope="col" { input #every type="checkbox" aria-label=(words::SELECT_PAGE); }
                        }
                        th.order scope="col" { (words::COLUMN_ORDER) }
                        th.time scope="col" { (words::COLUMN_CANCELED) }
                        th.parcel scope="col" { (words::COLUMN_PARCEL) }
                        th.products scope="col" { (words::COLUMN_COMES_BACK) }
                        th.waiting scope="col" { (words::COLUMN_WAITING) }
                        th.action scope="col" { (words::COLUMN_ACTION) }
                    }
                }
                tbody { @for order in &found { (table.row(order, kept.get(&order.id).copied())) } }
            }
            div.below {
                p.shown { (words::shown(found.len(), next.is_some())) }
                (pages(first.as_deref(), next.as_deref()))
            }
        }
    };
    Ok(desk.page(&ask, Place::List(List::Canceled), words::list(List::Canceled), &main))
}

fn empty(which: Which) -> &'static str {
    match which {
        Which::ToStockIn => words::NO_TO_STOCK_IN,
        Which::StockedIn => words::NO_STOCKED_IN,
        Which::NothingToDo => words::NO_NOTHING_TO_DO,
        Which::All => words::empty(Some(List::Canceled)),
    }
}

fn tabs(desk: &Desk, view: &View, waiting: i64) -> Markup {
    html! {
        nav.tabs aria-label=(words::list(List::Canceled)) {
            @for (word, which) in TABS {
                @let (title, count) = match which {
                    Which::ToStockIn => (words::tab(Tab::ToStockIn), waiting),
                    Which::StockedIn => (words::tab(Tab::StockedIn), desk.count_tab(List::Canceled, Tab::StockedIn)),
                    Which::NothingToDo => (words::tab(Tab::NothingToDo), desk.count_tab(List::Canceled, Tab::NothingToDo)),
                    Which::All => (words::EVERY_TAB, desk.count(Some(List::Canceled))),
                };
                a href=(view.address(which, true, None)) aria-current=[(view.which == which).then_some("page")]
                    data-place data-tab=(word) {
                    (title) " " span.count.none[count == 0] { (words::number(count)) }
                }
            }
        }
    }
}

fn option(value: &str, text: &str, chosen: Option<&str>) -> Markup {
    html! { option value=(value) selected[chosen == Some(value)] { (text) } }
}

fn filters(app: &App, desk: &Desk, view: &View, statuses: &[String]) -> Markup {
    let selection = &view.selection;
    let tab = TABS.iter().find(|(_, known)| *known == view.which).map_or("to_stock_in", |(word, _)| word);
    let claimed = selection.claimed.map(|claimed| if claimed { "true" } else { "false" });
    html! {
        form #filters .filters.quiet-labels method="get" action=(ADDRESS) role="search" aria-label=(words::FILTERS) data-place {
            @if view.named { input type="hidden" name="tab" value=(tab); }
            label.wide {
                span { (words::SEARCH) }
                input #search type="search" name="q" value=[selection.q.as_deref()] placeholder=(words::SEARCH_HINT)
                    title=(words::SEARCH_HINT) autocomplete="off" spellcheck="false";
            }
            label {
                span { (words::SHOP) }
                select name="shop" {
                    (option("", words::EVERY_SHOP, None))
                    @for shop in &desk.shops { (option(shop.id.as_str(), &shop.name, selection.shop.as_deref())) }
                }
            }
            label {
                span { (words::CANCELED_BY) }
                select name="cancelled_by" {
                    (option("", words::ANYBODY, None))
                    @for by in Initiator::ALL { (option(by.as_str(), words::initiator(*by), selection.cancelled_by.as_deref())) }
                }
            }
            label {
                span { (words::STATUS_BEFORE) }
                select name="status_before" {
                    (option("", words::EVERY_STATUS_BEFORE, None))
                    @for status in statuses {
                        (option(status, &status_in_words(app, desk, status), selection.status_before.as_deref()))
                    }
                }
            }
            label {
                span { (words::STAGE) }
                select name="stage" {
                    (option("", words::EVERY_STAGE, None))
                    @for stage in Stage::ALL { (option(stage.as_str(), words::stage(*stage), selection.stage.as_deref())) }
                }
            }
            fieldset.range {
                legend { (words::COLUMN_CANCELED) }
                input type="date" name="from" aria-label=(words::FROM) value=[view.from.map(|day| day.to_string())];
                span aria-hidden="true" { "–" }
                input type="date" name="to" aria-label=(words::TO) value=[view.to.map(|day| day.to_string())];
            }
            label {
                span { (words::WAITING_DAYS) }
                input type="number" name="days" min="0" max="9999" placeholder=(words::WAITING_DAYS) title=(words::WAITING_DAYS)
                    value=[selection.days.map(|days| days.to_string())];
            }
            label {
                span { (words::UNITS_AT_LEAST) }
                input type="number" name="units" min="0" max="9999" placeholder=(words::UNITS_AT_LEAST) title=(words::UNITS_AT_LEAST)
                    value=[selection.units.map(|units| units.to_string())];
            }
            label {
                span { (words::CLAIM) }
                select name="claimed" {
                    (option("", words::CLAIMED_OR_NOT, None))
                    (option("true", words::CLAIMED, claimed))
                    (option("false", words::NOT_CLAIMED, claimed))
                }
            }
            (page_length::field(view.limit))
            div.apply {
                button.quiet { (words::APPLY) }
                @if view.is_filtered() {
                    a.button.quiet href=(view.address(view.which, false, None)) data-place { (words::CLEAR_FILTERS) }
                }
            }
        }
    }
}

/// A platform's status by the first policy that knows it.
fn status_in_words(app: &App, desk: &Desk, status: &str) -> String {
    let title = desk.shops.iter().find_map(|shop| {
        let policy = app.engine.policy(shop.platform).ok()?;
        policy.status(status).map(|rule| rule.title.clone())
    });
    title.map_or_else(|| status.to_owned(), |title| format!("{title} · {status}"))
}

struct Table<'a> {
    app: &'a App,
    desk: &'a Desk,
    signed_in: &'a SignedIn,
    view: &'a View,
    alert_days: u32,
    /// What platforms think of the goods, where they say so.
    hints: HashMap<OrderId, bool>,
}

impl Table<'_> {
    fn may_stock_in(&self) -> bool {
        self.signed_in.permissions.has(Permission::StockIn)
    }

    fn selects(&self) -> bool {
        self.may_stock_in() && self.view.which == Which::ToStockIn
    }

    /// The bar that acts on what is selected, and on everything that matches.
    fn bar(&self, selection: &Selection, waiting: i64) -> Markup {
        if !self.selects() {
            return html! {};
        }
        let all = serde_json::to_string(selection).unwrap_or_default();
        let all = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", &all).finish();
        html! {
            form #many method="post" action="/stock-ins/new" {
                (csrf(self.signed_in.csrf()))
                div #selection .selection role="group" aria-label=(words::SELECTED_ACTIONS) {
                    output #selected {}
                    button.primary data-many { (words::STOCK_IN_SELECTED) }
                    button.quiet type="reset" data-many { (words::CLEAR_SELECTION) }
                }
            }
            p.everything {
                a.button href={ "/stock-ins/new?" (all) } data-open data-act="everything" {
                    @if self.view.is_filtered() { (words::STOCK_IN_ALL_THAT_MATCH) } @else { (words::stock_in_all(waiting)) }
                }
            }
        }
    }

    fn row(&self, order: &OrderRecord, kept: Option<&ReturnRecord>) -> Markup {
        let shop = self.desk.shop(&order.shop);
        let zone = shop.map_or(Zone::UTC, ShopView::zone);
        let waits = order.returning();
        let canceled: Vec<_> = order.lines.iter().filter(|line| line.canceled_quantity > 0).collect();
        html! {
            tr id=(order.id) tabindex="-1" data-number=(order.number) {
                @if self.selects() {
                    td.box {
                        input type="checkbox" name="order" value=(order.id) form="many"
                            aria-label=(words::select_order(order.number.as_str()));
                    }
                }
                td.order {
                    a.number href={ "/orders/" (order.id) } { (order.number) }
                    div.sub { (platform(order.platform)) " " @if let Some(shop) = shop { span.shop { (shop.name) } } }
                    @if order.list != List::Canceled { div.sub { span.list { (words::list(order.list)) } } }
                }
                td.time data-label=(words::COLUMN_CANCELED) {
                    @match order.canceled_at { Some(at) => (zone.short(at)), None => span.sub { (words::PARTLY_CANCELED) } }
                    @if let Some(by) = order.cancelled_by { div.sub { (words::canceled_by(words::initiator(by))) } }
                    @if let Some(before) = kept.and_then(|kept| kept.status_before.as_deref()) {
                        div.sub { (words::status_before(&status_title(self.app, order, before))) }
                    }
                    @if let Some(reason) = order.cancel_reason.as_deref().filter(|reason| !reason.is_empty()) {
                        div.sub.because title=(words::REASON) { (reason) }
                    }
                }
                td.parcel data-label=(words::COLUMN_PARCEL) {
                    div { (words::stage(order.stage)) }
                    @for package in &order.packages {
                        div.sub {
                            (package.tracking_number.as_deref().unwrap_or(package.number.as_str()))
                            @if !package.carrier.is_empty() { " · " (package.carrier) }
                        }
                    }
                }
                td.products data-label=(words::COLUMN_COMES_BACK) {
                    @for item in canceled.iter().take(LINES_SHOWN) { (line(item)) }
                    @if canceled.len() > LINES_SHOWN {
                        a.more href={ "/orders/" (order.id) } { (words::more_lines(canceled.len() - LINES_SHOWN)) }
                    }
                    @if waits > 0 { div.expected { strong { (words::units_expected(waits)) } } }
                    @let lost: u32 = order.lines.iter().map(|line| line.stock.lost).sum();
                    @if lost > 0 { div.sub.bad { (words::units_lost(lost)) } }
                    @if waits > 0 && self.hints.get(&order.id) == Some(&false) { div.sub.bad { (words::NOT_RESTOCKABLE) } }
                }
                td.waiting data-label=(words::COLUMN_WAITING) { (self.waiting(order, kept, zone)) }
                td.action { (self.actions(order, kept)) }
            }
        }
    }

    fn waiting(&self, order: &OrderRecord, kept: Option<&ReturnRecord>, zone: Zone) -> Markup {
        let Some(kept) = kept else { return html! {} };
        html! {
            @if let (true, Some(since)) = (kept.units > 0, kept.since) {
                @let waited = -seconds_until(since, self.app.clock.platform_now(order.platform));
                @let late = waited > i64::from(self.alert_days) * 86_400;
                span.deadline.late[late] { (words::span(waited)) }
                div.sub { (words::SINCE) " " (zone.short(since)) }
            } @else if let Some(at) = kept.settled_at {
                span.sub { (words::tab(Tab::StockedIn)) } div.sub { (zone.short(at)) }
            }
            @if let Some((by, at)) = &kept.claimed { div.sub { (words::CLAIMED) " · " (by) ", " (zone.short(*at)) } }
        }
    }

    fn actions(&self, order: &OrderRecord, kept: Option<&ReturnRecord>) -> Markup {
        let waits = order.returning() > 0 || order.lines.iter().any(|line| line.stock.lost > 0);
        html! {
            @if self.may_stock_in() && waits {
                div.buttons {
                    a.button.primary href={ "/stock-ins/new?order=" (order.id) } data-open data-act="stock-in"
                        aria-label=(words::stock_in_order(order.number.as_str())) { (words::STOCK_IN) }
                    @if kept.is_some_and(|kept| kept.units > 0 && kept.claimed.is_none()) {
                        form method="post" action="/canceled/claim" data-place {
                            (csrf(self.signed_in.csrf()))
                            input type="hidden" name="next" value=(self.view.address(self.view.which, true, self.view.after.as_ref()));
                            button.quiet name="order" value=(order.id) title=(words::CLAIM_TITLE) { (words::CLAIM) }
                        }
                    }
                }
            }
        }
    }
}

/// Marks an order's parcel as asked for at the carrier.
async fn claim(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockIn)?;
    let mut session = app.store.begin().await?;
    let order = super::orders::visible(&mut session, signed_in, form.fields.one("order").unwrap_or_default()).await?;
    let now = app.clock.now();
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    if stock_ins::claim(&mut session, merchant, &order.id, actor, now).await? {
        let entry = Entry {
            actor,
            action: "stock.claimed",
            shop: Some(&order.shop),
            order: Some(&order.id),
            subject: order.number.as_str(),
            detail: words::CLAIM_NOTED,
        };
        log::write(&mut session, merchant, now, &entry).await?;
        session.commit().await?;
        app.committed();
    }
    Ok(Redirect::to(&saying(safe_next(form.fields.one("next")), "claim", 1)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(query: &str) -> View {
        View::read(&Query::parse(query).expect("a query")).expect("a view")
    }

    #[test]
    fn an_address_comes_back_as_it_was_read() {
        for query in [
            "tab=to_stock_in",
            "tab=all&q=2409&shop=shp_1&status_before=SHIPPED&cancelled_by=buyer&stage=packed&from=2026-11-01&to=2026-11-23&days=3&units=2&claimed=false",
            "tab=stocked_in&limit=200",
        ] {
            let view = view(query);
            assert_eq!(view.address(view.which, true, None), format!("{ADDRESS}?{query}"));
        }
        assert_eq!(view("").which, Which::ToStockIn);
        assert_eq!(view("q=2409").which, Which::All);
    }

    #[test]
    fn days_become_moments_of_the_market() {
        let selection = view("from=2026-11-23&to=2026-11-23").selection(Zone::of_region("MY"));
        assert_eq!(selection.from.as_deref(), Some("2026-11-22T16:00:00.000Z"));
        assert_eq!(selection.to.as_deref(), Some("2026-11-23T15:59:59.999Z"));
        assert!(!view("tab=all").is_filtered());
    }
}
