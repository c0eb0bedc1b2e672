//! Orders: pages, counts, one order, and what cancelling it would do.

use super::order::{Cancellation, Order, OrderDetail, timeline};
use crate::app::App;
use crate::auth::SignedIn;
use crate::counts;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use domain::eligibility::Blocked;
use domain::ids::{LineId, OrderId, ShopId};
use domain::order::{List, Stage, Tab};
use domain::platform::Platform;
use domain::snapshot::FulfilledBy;
use domain::time::Moment;
use engine::commands::{CancellationOptions, LiveAnswer};
use serde::Serialize;
use std::collections::BTreeMap;
use store::order_lists::{self, Cursor, Filter, Sort, SortBy, TimeField};
use store::orders::{self, OrderRecord};
use store::{Session, cancellations, log};
use utoipa::ToSchema;

/// The parameters of a page of orders.
pub const PARAMETERS: [&str; 17] = [
    "list",
    "tab",
    "platform",
    "shop",
    "status",
    "stage",
    "q",
    "reason",
    "time",
    "from",
    "to",
    "cod",
    "preorder",
    "fulfilled_by",
    "sort",
    "limit",
    "cursor",
];

/// A page of orders.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Which orders a query asks for, as far as this user may see them.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is shown.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// From where.
    pub after: Option<Cursor>,
    /// How many.
    pub limit: u32,
}

/// The order in which a list is read: what must ship first, what was canceled last, else the newest.
#[must_use]
pub const fn usual_sort(list: Option<List>) -> Sort {
    match list {
        Some(List::New | List::InProcess | List::ToPickup) => Sort { by: SortBy::ShipBy, descending: false },
        Some(List::Canceled) => Sort { by: SortBy::CanceledAt, descending: true },
        _ => Sort { by: SortBy::OrderedAt, descending: true },
    }
}

/// Reads a query.
///
/// # Errors
/// 400 for a parameter that cannot be read, 404 for a shop that is not there or not theirs.
pub async fn wanted(app: &App, session: &mut Session, signed_in: &SignedIn, query: &Query) -> Result<Wanted, Problem> {
    let list = query.read("list", List::parse)?;
    let sort = query
        .read("sort", |word| {
            Sort::parse(word).ok_or("use ship_by, ordered_at or canceled_at, with a minus for latest first")
        })?
        .unwrap_or_else(|| usual_sort(list));
    let field = query.read("time", |word| match word {
        "ordered" => Ok(TimeField::Ordered),
        "ship_by" => Ok(TimeField::ShipBy),
        "canceled" => Ok(TimeField::Canceled),
        _ => Err("use ordered, ship_by or canceled"),
    })?;
    let (from, to) = (query.moment("from")?, query.moment("to")?);
    let time = (field.is_some() || from.is_some() || to.is_some()).then(|| {
        let (first, last) = (Moment::from_millis(1), Moment::from_millis(i64::MAX));
        (field.unwrap_or(TimeField::Ordered), from.unwrap_or(first), to.unwrap_or(last))
    });
    let after = match query.after::<3>()? {
        Some([sorted, key, id]) if sorted == sort.as_str() => {
            let place = key.parse().ok().zip(OrderId::parse(id).ok());
            let (key, id) = place.ok_or_else(|| bad_cursor("it is not one of ours"))?;
            Some(Cursor { key, id })
        }
        Some(_) => return Err(bad_cursor("it belongs to another sort")),
        None => None,
    };
    let filter = Filter {
        list,
        tab: query.read("tab", Tab::parse)?,
        platform: query.read("platform", Platform::parse)?,
        shops: shops(app, session, signed_in, query).await?,
        status: query.one("status")?.map(str::to_owned),
        stage: query.read("stage", Stage::parse)?,
        search: query.one("q")?.map(str::to_owned),
        reason: query.one("reason")?.map(str::to_owned),
        time,
        cod: query.truth("cod")?,
        preorder: query.truth("preorder")?,
        fulfilled_by: query.read("fulfilled_by", FulfilledBy::parse)?,
    };
    Ok(Wanted { filter, sort, after, limit: query.limit()? })
}

fn bad_cursor(why: &str) -> Problem {
    let detail = format!("The parameter “cursor” cannot be used: {why}; give “next” of the page before as it was.");
    Problem::bad_request("bad_parameter", detail)
}

/// The shops that are meant: those named, by our id or the platform's, else all that the user may see.
async fn shops(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    query: &Query,
) -> Result<Option<Vec<ShopId>>, Problem> {
    let named: Vec<&str> = query.all("shop").flat_map(|names| names.split(',')).collect();
    if named.is_empty() {
        return Ok(signed_in.user.shops.clone());
    }
    let known = app.store.shops(session, signed_in.merchant()).await?;
    let mut chosen = Vec::with_capacity(named.len());
    for name in named {
        let found = known.iter().find(|shop| shop.id.as_str() == name || shop.account == name);
        let found = found.filter(|shop| signed_in.sees(&shop.id)).ok_or_else(|| Problem::not_found("shop"))?;
        chosen.push(found.id.clone());
    }
    Ok(Some(chosen))
}

/// A page of orders as they are kept, and the cursor of the next.
///
/// # Errors
/// As [`wanted`], or of the store.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    wanted: &Wanted,
) -> Result<(Vec<OrderRecord>, Option<String>), Problem> {
    let merchant = signed_in.merchant();
    let (ids, next) =
        order_lists::page(session, merchant, &wanted.filter, wanted.sort, wanted.after.as_ref(), wanted.limit).await?;
    let orders = orders::load(session, merchant, &ids).await?;
    let next = next.map(|at| cursor(&[wanted.sort.as_str(), &at.key.to_string(), at.id.as_str()]));
    Ok((orders, next))
}

/// An order that this user may see.
///
/// # Errors
/// 404 for an id that is unknown, another merchant's, or of a shop that is not theirs: the three are not told apart.
pub async fn visible(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<OrderRecord, Problem> {
    let id = OrderId::parse(id).map_err(|_| Problem::not_found("order"))?;
    let order = orders::load_one(session, signed_in.merchant(), &id).await?;
    order.filter(|order| signed_in.sees(&order.shop)).ok_or_else(|| Problem::not_found("order"))
}

/// A page of orders.
#[utoipa::path(
    get, path = "/api/v1/orders", tag = "orders",
    params(
        ("list" = Option<String>, Query, description = "unpaid, new, in_process, to_pickup, shipped, completed, voided, cancel_requested, canceled; none means all"),
        ("tab" = Option<String>, Query, description = "A tab of that list"),
        ("platform" = Option<String>, Query), ("status" = Option<String>, Query, description = "The platform's own word"),
        ("shop" = Option<String>, Query, description = "Our id or the platform's; may be repeated"),
        ("stage" = Option<String>, Query), ("q" = Option<String>, Query, description = "Beginning of an order, tracking or package number or SKU"),
        ("reason" = Option<String>, Query, description = "The cancel's reason, as the platform writes it"),
        ("time" = Option<String>, Query, description = "ordered (default), ship_by or canceled: what from and to speak of"),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("cod" = Option<bool>, Query), ("preorder" = Option<bool>, Query),
        ("fulfilled_by" = Option<String>, Query), ("sort" = Option<String>, Query, description = "ship_by, ordered_at, canceled_at; with a minus: latest first"),
        ("limit" = Option<u32>, Query, description = "1 to 200, else 50"), ("cursor" = Option<String>, Query, description = "next of the page before")
    ),
    responses((status = 200, body = OrderPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<OrderPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&PARAMETERS)?;
    let mut session = app.store.read().await?;
    let wanted = wanted(&app, &mut session, &signed_in, &query).await?;
    let (orders, next) = page(&mut session, &signed_in, &wanted).await?;
    Ok(Json(OrderPage { orders: orders.iter().map(Order::from).collect(), next }))
}

/// How many orders stand in each list; and, by `list.tab`, in each tab.
///
/// # Errors
/// Of the store.
pub async fn counted(app: &App, signed_in: &SignedIn) -> Result<BTreeMap<String, i64>, Problem> {
    let mut counted: BTreeMap<String, i64> = List::ALL.iter().map(|list| (list.as_str().to_owned(), 0)).collect();
    for &(list, tab, orders) in counts::of(app, signed_in).await?.iter() {
        *counted.entry(list.as_str().to_owned()).or_default() += orders;
        if tab != Tab::None {
            *counted.entry(format!("{list}.{tab}")).or_default() += orders;
        }
    }
    Ok(counted)
}

/// How many orders stand in each list (`new`) and tab (`new.to_pack`).
#[utoipa::path(
    get, path = "/api/v1/orders/counts", tag = "orders",
    responses((status = 200, body = BTreeMap<String, i64>), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn counts(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<BTreeMap<String, i64>>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&[])?;
    Ok(Json(counted(&app, &signed_in).await?))
}

/// Everything that is known of an order.
///
/// # Errors
/// As [`visible`].
pub async fn detail_of(session: &mut Session, order: &OrderRecord) -> Result<OrderDetail, Problem> {
    let merchant = &order.merchant;
    let entries = log::of_order(session, merchant, &order.id).await?;
    let cancellations = cancellations::of_orders(session, merchant, std::slice::from_ref(&order.id)).await?;
    let mut attempts = Vec::new();
    for cancellation in &cancellations {
        attempts.extend(cancellations::attempts(session, merchant, &cancellation.id).await?);
    }
    Ok(OrderDetail {
        order: Order::from(order),
        timeline: timeline(&entries, &attempts),
        cancellations: cancellations.iter().map(Cancellation::from).collect(),
    })
}

/// One order, with what happened to it.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path)),
    responses((status = 200, body = OrderDetail), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<OrderDetail>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let order = visible(&mut session, &signed_in, &id).await?;
    Ok(Json(detail_of(&mut session, &order).await?))
}

/// Whether an order can be cancelled, and what each reason would do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Options {
    /// Whether a cancel may be asked for.
    pub allowed: bool,
    /// The gate that is closed: `list`, `platform_status`, `eligibility`, `cancel_pending`, `request_open`,
    /// `fulfilled_by_platform` or `not_supported`.
    pub blocked_by: Option<String>,
    /// Why, in words.
    pub detail: Option<String>,
    /// `order`, or `lines` where chosen lines alone can be cancelled.
    pub scope: String,
    /// Whether the parcel can be undone before chosen lines are cancelled, and the rest be packed again.
    pub repack: bool,
    /// Every reason of the platform.
    pub reasons: Vec<Reason>,
    /// Whether the platform was asked just now and answered; if not, this is by what is stored.
    pub live: bool,
    /// Why the platform's own word is missing.
    pub live_detail: Option<String>,
}

/// A reason to cancel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reason {
    /// What a cancellation names.
    pub code: String,
    /// What the operator reads.
    pub label: String,
    /// Whether the platform takes it for this order.
    pub offered: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// Whether at least one product must be chosen.
    pub lines_required: bool,
    /// Whether it is taken for chosen lines alone.
    pub by_lines: bool,
    /// What it would do.
    pub effects: Vec<Effect>,
}

/// A consequence of a cancel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Effect {
    /// `mapping`, `order`, `package`, `listing` or `stock`.
    pub kind: String,
    /// In words.
    pub text: String,
}

impl From<CancellationOptions> for Options {
    fn from(options: CancellationOptions) -> Self {
        let blocked = options.allowed.err();
        let (live, live_detail) = match options.live {
            LiveAnswer::Open { .. } | LiveAnswer::Closed(_) => (true, None),
            LiveAnswer::NotAsked => (false, None),
            LiveAnswer::Silent(why) => (false, Some(why)),
        };
        let reason = |reason: engine::commands::ReasonOption| Reason {
            code: reason.code.as_str().to_owned(),
            label: reason.label,
            offered: reason.why_not.is_none(),
            why_not: reason.why_not,
            lines_required: reason.lines_required,
            by_lines: reason.by_lines,
            effects: reason
                .effects
                .into_iter()
                .map(|effect| Effect { kind: effect.kind.as_str().to_owned(), text: effect.text })
                .collect(),
        };
        Self {
            allowed: blocked.is_none(),
            blocked_by: blocked.as_ref().map(|Blocked { gate, .. }| gate.as_str().to_owned()),
            detail: blocked.map(|blocked| blocked.detail),
            repack: options.repack,
            scope: if options.by_lines { "lines" } else { "order" }.to_owned(),
            reasons: options.reasons.into_iter().map(reason).collect(),
            live,
            live_detail,
        }
    }
}

/// What cancelling this order, or these lines of it, would do: by what is stored, and by what the platform says when it is
/// asked now. It is asked again before anything is sent.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/cancellation-options", tag = "cancellations",
    params(("id" = String, Path), ("line" = Option<String>, Query, description = "A chosen line; may be repeated")),
    responses((status = 200, body = Options), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn options(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Options>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["line"])?;
    let mut session = app.store.read().await?;
    let order = visible(&mut session, &signed_in, &id).await?;
    drop(session);
    let line = |id: &str| order.lines.iter().find(|known| known.id.as_str() == id).map(|line| line.id.clone());
    let chosen: Option<Vec<LineId>> = query.all("line").map(line).collect();
    let chosen = chosen.ok_or_else(|| Problem::not_found("line"))?;
    Ok(Json(app.engine.cancellation_options_now(&order, &chosen).await?.into()))
}
