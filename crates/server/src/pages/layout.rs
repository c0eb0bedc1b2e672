//! What surrounds every page: navigation with counts, the top bar, banners; and the fragment that the script swaps in.
//!
//! One handler serves both. A page is a document around a fragment; a request with `X-Fragment: 1` gets the fragment
//! alone. The fragment of an ordinary page is the whole desk (so that counts and banners stay true), the fragment of a
//! *sheet* is its content, which the script shows in a dialog.

use super::times::{Zone, seconds_until};
use super::{canceled, words};
use crate::api::stock_ins::days_ago;
use crate::app::App;
use crate::assets::address;
use crate::auth::{SignedIn, Visitor};
use crate::counts;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use domain::cancellation::State;
use domain::ids::{ShopId, WarehouseId};
use domain::order::{List, Tab};
use domain::platform::Platform;
use domain::time::Moment;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::sync::Arc;
use store::cases::{self, Watched};
use store::{Session, cancellations, requests, shops, stock_ins};

/// The header with which the script asks for a fragment.
pub(super) const FRAGMENT_HEADER: &str = "x-fragment";
/// What a page carries where something is under way.
const PENDING: &str = " data-pending";
/// How often such a page is loaded again where there is no script, in seconds.
const RELOAD_SECONDS: u8 = 2;
/// Cancellations that need attention, and orders that should have been stocked in, are counted up to this number.
const ATTENTION_COUNTED: u32 = 99;
/// Age of the last sweep from which it is shown as late, in seconds.
const SWEEP_LATE_SECONDS: i64 = 600;

/// Who asks for a page, and whether for its fragment only.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) signed_in: SignedIn,
    pub(super) fragment: bool,
}

impl FromRequestParts<App> for Ask {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Visitor(signed_in) = Visitor::from_request_parts(parts, app).await?;
        Ok(Self { signed_in, fragment: parts.headers.contains_key(FRAGMENT_HEADER) })
    }
}

/// Whether a form was sent by the script, which wants a fragment back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment(pub(super) bool);

impl FromRequestParts<App> for Fragment {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.headers.contains_key(FRAGMENT_HEADER)))
    }
}

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    List(List),
    AllOrders,
    Requests,
    Scan,
    Prints,
    PullList,
    Handover,
    Cases,
    Stock,
    Cancellations,
    Batches,
    Audit,
    ClosedListings,
    Mappings,
    Shops,
    Warehouses,
    Log,
    /// None of them.
    Elsewhere,
}

impl Place {
    fn address(self) -> String {
        match self {
            // It has a page of its own: what comes back is worked on there.
            Self::List(List::Canceled) => super::canceled::ADDRESS.to_owned(),
            Self::List(list) => format!("/orders?list={list}"),
            Self::AllOrders => "/orders".to_owned(),
            Self::Requests => "/requests".to_owned(),
            Self::Scan => "/scan".to_owned(),
            Self::Prints => "/prints".to_owned(),
            Self::PullList => "/pull-list".to_owned(),
            Self::Handover => "/handover".to_owned(),
            Self::Cases => "/cases".to_owned(),
            Self::Stock => "/stock".to_owned(),
            Self::Cancellations => "/cancellations".to_owned(),
            Self::Batches => "/batches".to_owned(),
            Self::Audit => super::audit::ADDRESS.to_owned(),
            Self::ClosedListings => super::closed_listings::ADDRESS.to_owned(),
            Self::Mappings => super::mappings::ADDRESS.to_owned(),
            Self::Shops => "/shops".to_owned(),
            Self::Warehouses => "/warehouses".to_owned(),
            Self::Log => "/log".to_owned(),
            Self::Elsewhere => "/".to_owned(),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::List(list) => words::list(list),
            Self::AllOrders => words::ALL_ORDERS,
            Self::Requests => words::REQUESTS,
            Self::Scan => words::SCAN_PARCELS,
            Self::Prints => words::PRINTS,
            Self::PullList => words::PULL_LIST,
            Self::Handover => words::HANDOVER,
            Self::Cases => words::CASES,
            Self::Stock => words::STOCK,
            Self::Cancellations => words::CANCELLATIONS,
            Self::Batches => words::BATCHES,
            Self::Audit => words::AUDIT,
            Self::ClosedListings => words::CLOSED_LISTINGS,
            Self::Mappings => words::MAPPINGS,
            Self::Shops => words::SHOPS,
            Self::Warehouses => words::THIRD_PARTY_WAREHOUSES,
            Self::Log => words::LOG,
            Self::Elsewhere => words::PRODUCT,
        }
    }

    /// The key that goes there after `g`.
    const fn key(self) -> Option<&'static str> {
        match self {
            Self::List(List::New) => Some("n"),
            Self::List(List::InProcess) => Some("i"),
            Self::List(List::Voided) => Some("v"),
            Self::List(List::Canceled) => Some("c"),
            Self::Requests => Some("r"),
            Self::Scan => Some("k"),
            Self::Prints => Some("t"),
            Self::PullList => Some("p"),
            Self::Handover => Some("h"),
            Self::Cases => Some("w"),
            Self::AllOrders => Some("a"),
            Self::Cancellations => Some("x"),
            Self::Batches => Some("b"),
            Self::Stock => Some("s"),
            Self::Log => Some("l"),
            Self::List(_)
            | Self::Audit
            | Self::ClosedListings
            | Self::Mappings
            | Self::Shops
            | Self::Warehouses
            | Self::Elsewhere => None,
        }
    }
}

const GROUPS: &[(&str, &[Place])] = &[
    (
        words::GROUP_PROCESSING,
        &[
            Place::List(List::Unpaid),
            Place::List(List::New),
            Place::List(List::InProcess),
            Place::List(List::ToPickup),
            Place::List(List::Shipped),
            Place::List(List::Completed),
            Place::List(List::Voided),
            Place::Requests,
        ],
    ),
    (words::GROUP_DOORS, &[Place::Scan, Place::PullList, Place::Handover, Place::Cases, Place::Prints]),
    (words::GROUP_CANCEL, &[Place::List(List::Canceled), Place::Cancellations, Place::Batches, Place::ClosedListings]),
    (
        words::GROUP_DESK,
        &[Place::AllOrders, Place::Stock, Place::Mappings, Place::Audit, Place::Shops, Place::Warehouses, Place::Log],
    ),
];

/// A shop as pages need it: without its credentials.
#[derive(Debug, Clone)]
pub(super) struct ShopView {
    pub(super) id: ShopId,
    pub(super) platform: Platform,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) warehouse: WarehouseId,
    pub(super) authorised: bool,
    pub(super) connected: bool,
    pub(super) alert: Option<String>,
    pub(super) counted: bool,
    pub(super) swept_to: Moment,
}

impl ShopView {
    pub(super) fn zone(&self) -> Zone {
        Zone::of_region(&self.region)
    }

    /// How long ago everything was known, in seconds; `None` before the first sweep.
    pub(super) fn swept_ago(&self, app: &App) -> Option<i64> {
        let swept = self.swept_to.millis() > 0;
        swept.then(|| seconds_until(app.clock.platform_now(self.platform), self.swept_to).max(0))
    }
}

/// What is true of the desk whatever page is shown, as far as this user may see it.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    merchant: String,
    user: String,
    csrf: String,
    may_sync: bool,
    may_audit: bool,
    counts: Arc<[(List, Tab, i64)]>,
    pub(super) shops: Vec<ShopView>,
    attention: i64,
    /// Requests without a final outcome whose time runs out.
    running_out: i64,
    /// Canceled orders that a courier has, as far as somebody still has to do something about them.
    cases: Watched,
    /// Canceled orders that should have been stocked in by now, and after how many days they should.
    overdue: (i64, u32),
    synced: Option<i64>,
}

impl Desk {
    /// Loads it.
    ///
    /// # Errors
    /// As the store says, as a problem.
    pub(super) async fn load(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Self, Problem> {
        let merchant = signed_in.merchant();
        let counts = counts::of(app, signed_in).await?;
        let shops = app.store.shops(session, merchant).await?.into_iter().filter(|shop| signed_in.sees(&shop.id));
        let shops: Vec<ShopView> = shops
            .map(|shop| ShopView {
                counted: shop.is_counted(),
                id: shop.id,
                platform: shop.platform,
                account: shop.account,
                name: shop.name,
                region: shop.region,
                warehouse: shop.warehouse,
                authorised: shop.authorised,
                connected: shop.connected,
                alert: shop.alert,
                swept_to: shop.swept_to,
            })
            .collect();
        let (seen, most) = (signed_in.shops(), ATTENTION_COUNTED + 1);
        let attention = cancellations::page(session, merchant, Some(State::NeedsAttention), seen, None, most).await?;
        let running_out = requests::alerted(session, merchant, seen).await?;
        let (mut cases, mut overdue) = (Watched::default(), (0, 0));
        if signed_in.permissions.has(Permission::OrdersRead) {
            cases = cases::watched(session, merchant, seen).await?;
            let days = stock_ins::settings(session, merchant).await?.alert_days;
            overdue = (stock_ins::count_overdue(session, merchant, days_ago(app, days), seen, most).await?, days);
        }
        let synced =
            shops.iter().filter(|shop| shop.authorised).map(|shop| shop.swept_ago(app).unwrap_or(i64::MAX)).max();
        Ok(Self {
            merchant: shops::merchant_name(session, merchant).await?.unwrap_or_else(|| merchant.to_string()),
            user: signed_in.actor().to_owned(),
            csrf: signed_in.csrf().to_owned(),
            may_sync: signed_in.permissions.has(Permission::OrdersProcess),
            may_audit: signed_in.permissions.has(Permission::AuditRead),
            counts,
            shops,
            attention: i64::try_from(attention.len()).unwrap_or(i64::MAX),
            running_out,
            cases,
            overdue,
            synced,
        })
    }

    /// A shop that this user may see.
    pub(super) fn shop(&self, id: &ShopId) -> Option<&ShopView> {
        self.shops.iter().find(|shop| shop.id == *id)
    }

    /// The zone that all shops share; UTC where they differ.
    pub(super) fn zone(&self) -> Zone {
        shared_zone(self.shops.iter())
    }

    /// Orders in a list; `None` means all.
    pub(super) fn count(&self, list: Option<List>) -> i64 {
        self.counts.iter().filter(|(of, ..)| list.is_none_or(|list| *of == list)).map(|(.., orders)| orders).sum()
    }

    /// Orders in a tab of a list.
    pub(super) fn count_tab(&self, list: List, tab: Tab) -> i64 {
        self.counts.iter().filter(|(of, at, _)| *of == list && *at == tab).map(|(.., orders)| orders).sum()
    }

    fn count_at(&self, place: Place) -> Option<i64> {
        match place {
            Place::List(list) => Some(self.count(Some(list))),
            Place::Requests => Some(self.count(Some(List::CancelRequested))),
            Place::AllOrders => Some(self.count(None)),
            Place::Cases => Some(self.cases.open + self.cases.came_back).filter(|cases| *cases > 0),
            Place::Cancellations if self.attention > 0 => Some(self.attention),
            _ => None,
        }
    }

    /// The page, or its fragment where the script asked for that.
    pub(super) fn page(&self, ask: &Ask, here: Place, title: &str, main: &Markup) -> Markup {
        let fragment = frame(Some(self), here, title, false, main);
        if ask.fragment { fragment } else { document(title, &fragment) }
    }
}

/// The zone that these shops share; UTC where they differ.
pub(super) fn shared_zone<'a>(shops: impl Iterator<Item = &'a ShopView>) -> Zone {
    let mut zones = shops.map(ShopView::zone);
    let first = zones.next().unwrap_or(Zone::UTC);
    if zones.all(|zone| zone == first) { first } else { Zone::UTC }
}

/// A page that the script shows in a dialog and that stands by itself without it.
///
/// # Errors
/// As the store says, as a problem.
pub(super) async fn sheet(
    app: &App,
    session: &mut Session,
    ask: &Ask,
    here: Place,
    title: &str,
    main: &Markup,
) -> Result<Markup, Problem> {
    if ask.fragment {
        return Ok(content(title, true, main));
    }
    let desk = Desk::load(app, session, &ask.signed_in).await?;
    Ok(document(title, &frame(Some(&desk), here, title, true, main)))
}

/// A page for somebody who is not known yet, or whose desk could not be loaded.
pub(super) fn bare(title: &str, navigation: bool, main: &Markup) -> Markup {
    if navigation {
        return document(title, &frame(None, Place::Elsewhere, title, true, main));
    }
    document(title, &html! { div #desk .alone { (content(title, false, main)) } })
}

fn content(title: &str, sheet: bool, main: &Markup) -> Markup {
    html! { main #content tabindex="-1" data-title=(title) data-sheet[sheet] { (main) } }
}

fn document(title: &str, fragment: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (words::PRODUCT) }
                link rel="icon" type="image/svg+xml" href=(address("desk.svg"));
                link rel="stylesheet" href=(address("desk.css"));
                @if fragment.0.contains(PENDING) { noscript { meta http-equiv="refresh" content=(RELOAD_SECONDS); } }
                script src=(address("desk.js")) defer {}
            }
            body {
                a.skip href="#content" { (words::SKIP_TO_CONTENT) }
                p #offline role="alert" hidden { (words::OFFLINE) }
                (fragment)
                dialog #sheet aria-live="polite" data-loading=(words::LOADING) data-close=(words::CLOSE) {}
                div #toasts role="status" aria-live="polite" {}
            }
        }
    }
}

fn frame(desk: Option<&Desk>, here: Place, title: &str, sheet: bool, main: &Markup) -> Markup {
    html! {
        div #desk data-events=[desk.map(|_| "/api/v1/events")] {
            (navigation(desk, here))
            (top_bar(desk))
            div.page {
                @if let Some(desk) = desk { (banner(desk)) }
                (content(title, sheet, main))
            }
        }
    }
}

fn navigation(desk: Option<&Desk>, here: Place) -> Markup {
    html! {
        nav #navigation aria-label=(words::NAVIGATION) {
            a.brand href="/" { (mark()) span { (words::PRODUCT) } }
            @for (group, places) in GROUPS {
                section {
                    h2 { (group) }
                    ul {
                        @for place in *places {
                            @if !matches!(place, Place::Log | Place::Audit) || desk.is_none_or(|desk| desk.may_audit) {
                                li { (entry(desk, *place, *place == here)) }
                            }
                        }
                    }
                }
            }
            p.foot { a href="/keyboard" data-open { (words::KEYBOARD) " " kbd { "?" } } }
        }
    }
}

fn entry(desk: Option<&Desk>, place: Place, current: bool) -> Markup {
    let count = desk.and_then(|desk| desk.count_at(place));
    let alarm = match place {
        Place::Cancellations | Place::Cases => count.is_some(),
        Place::Requests => desk.is_some_and(|desk| desk.running_out > 0),
        _ => false,
    };
    html! {
        a href=(place.address()) aria-current=[current.then_some("page")] data-key=[place.key()] {
            span { (place.title()) }
            @if let Some(count) = count { span.count.alarm[alarm].none[count == 0] { (words::number(count)) } }
        }
    }
}

fn top_bar(desk: Option<&Desk>) -> Markup {
    html! {
        header #top {
            @if let Some(desk) = desk {
                strong.merchant { (desk.merchant) }
                div.sync {
                    @match desk.synced {
                        None => span { (words::NO_SHOPS) },
                        Some(i64::MAX) => span { (words::NEVER_SWEPT) },
                        Some(age) => span.late[age > SWEEP_LATE_SECONDS] { (words::synced(&words::ago(age))) },
                    }
                    @if desk.may_sync && !desk.shops.is_empty() {
                        form method="post" action="/shops/sync" data-place {
                            (csrf(&desk.csrf))
                            button.quiet { (words::SYNC_NOW) }
                        }
                    }
                }
                div.user {
                    span { (desk.user) }
                    form method="post" action="/sign-out" { (csrf(&desk.csrf)) button.quiet { (words::SIGN_OUT) } }
                }
            }
        }
    }
}

fn banner(desk: &Desk) -> Markup {
    let connected = desk.shops.iter().filter(|shop| shop.connected);
    let troubled = connected.filter(|shop| shop.alert.is_some() || !shop.authorised);
    let most = i64::from(ATTENTION_COUNTED);
    let (overdue, days) = desk.overdue;
    html! {
        div #banner {
            @if desk.attention > 0 {
                p.banner.alarm {
                    a href="/cancellations?state=needs_attention" {
                        (words::attention_banner(desk.attention.min(most), desk.attention > most))
                    }
                }
            }
            @if desk.running_out > 0 {
                p.banner.alarm { a href="/requests" { (words::running_out_banner(desk.running_out)) } }
            }
            @if desk.cases.open > 0 {
                p.banner.alarm { a href="/cases" { (words::with_courier_banner(desk.cases.open)) } }
            }
            @if overdue > 0 {
                p.banner.warning {
                    a href=(canceled::overdue_address(days)) { (words::overdue_returns(overdue.min(most), overdue > most, days)) }
                }
            }
            @for shop in troubled {
                p.banner.warning {
                    a href="/shops" {
                        @match &shop.alert {
                            Some(alert) => (words::shop_alert(&shop.name, alert)),
                            None => (words::not_authorised(&shop.name)),
                        }
                    }
                }
            }
        }
    }
}

/// The hidden field that every form of a session repeats.
pub(super) fn csrf(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}

/// A platform's badge.
pub(super) fn platform(platform: Platform) -> Markup {
    html! { span.platform.(platform.as_str()) { (platform.title()) } }
}

/// Our sign: a stamp with a stroke through it.
pub(super) fn mark() -> Markup {
    PreEscaped(include_str!("../../assets/desk.svg").trim_end().to_owned())
}

/// Links to the next and the first page.
pub(super) fn pages(first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            div.pages {
                @if let Some(first) = first { a.button href=(first) data-place { (words::FIRST_PAGE) } }
                @if let Some(next) = next { a.button href=(next) data-place rel="next" { (words::NEXT_PAGE) } }
            }
        }
    }
}
