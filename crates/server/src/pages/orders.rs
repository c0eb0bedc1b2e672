//! The lists: search, filters, tabs, rows, and what is done to orders, one or many.

mod rows;
mod view;

pub(super) use rows::{
    blocked, line_status, marks, offered, platform_status, prints, progress, shipping, standing, status_title,
};

use super::layout::{Ask, Desk, Fragment, Place, csrf, pages, shared_zone, sheet};
use super::times::Zone;
use super::{page_length, words};
use crate::api::voiding::{Act, Ahead, carry_out};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::auth::sign_in::safe_next;
use crate::auth::{SignedIn, forms::Fields};
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::{OrderId, OrderNumber};
use domain::order::{List, Tab};
use domain::platform::Platform;
use maud::{Markup, html};
use std::collections::HashMap;
use store::batches::{ORDERS_MAX, Selection};
use store::orders::{self, OrderRecord};
use store::{Session, cancellations, log, order_lists, shipments};
use view::{SORTS, TIMES, View};

pub(super) fn router() -> Router<App> {
    let does =
        |act: Act| post(move |State(app), ask: Fragment, form| async move { do_to_all(&app, ask, &form, act).await });
    Router::new()
        .route("/orders", get(show))
        .route("/orders/void", does(Act::Void))
        .route("/orders/restore", does(Act::Restore))
        .route("/orders/pack", does(Act::Pack))
        .route("/orders/ship", does(Act::Ship))
        .route("/orders/undo-ship", does(Act::UndoShip))
        .route("/orders/repack", does(Act::Repack))
        .route("/orders/fetch-labels", does(Act::FetchLabels))
}

/// An order that this user may see.
///
/// # Errors
/// 404 for any other.
pub(super) async fn visible(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<OrderRecord, Problem> {
    let id = OrderId::parse(id).map_err(|_| Problem::not_found("order"))?;
    let order = orders::load_one(session, signed_in.merchant(), &id).await?;
    order.filter(|order| signed_in.sees(&order.shop)).ok_or_else(|| Problem::not_found("order"))
}

/// The tabs of a list, as they stand.
const fn tabs(list: List) -> &'static [Tab] {
    match list {
        List::New => &[Tab::ToPack, Tab::Packing, Tab::PackFailed, Tab::OutOfStock, Tab::OnHold],
        List::InProcess => &[Tab::LabelPending, Tab::Printable],
        List::Canceled => &[Tab::ToStockIn, Tab::StockedIn, Tab::NothingToDo],
        _ => &[],
    }
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let said = said(&query)?;
    let view = View::read(&query)?;
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let zone = zone(&desk, &view);
    let filter = view.filter(ask.signed_in.shops(), zone);
    let after = view.after.as_ref();
    let (ids, next) = order_lists::page(&mut session, merchant, &filter, view.sort, after, view.limit).await?;
    let found = orders::load(&mut session, merchant, &ids).await?;
    let mut latest = HashMap::new();
    for record in cancellations::of_orders(&mut session, merchant, &ids).await? {
        // Oldest first, so that the last one stays.
        latest.insert(record.order.clone(), record);
    }
    let mut shipments = HashMap::new();
    for record in shipments::of_orders(&mut session, merchant, &ids).await? {
        shipments.insert(record.order.clone(), record);
    }
    let mut before = HashMap::new();
    if view.list == Some(List::Canceled) {
        for order in &found {
            let entries = log::of_order(&mut session, merchant, &order.id).await?;
            let last = entries.into_iter().rev().find(|entry| entry.action == "order.status");
            if let Some((from, _)) = last.as_ref().and_then(|entry| entry.detail.split_once(" → ")) {
                before.insert(order.id.clone(), from.to_owned());
            }
        }
    }
    let matching = if view.is_filtered() {
        order_lists::matches(&mut session, merchant, &filter, ORDERS_MAX + 1).await?
    } else {
        match (view.list, view.tab) {
            (Some(list), Some(tab)) => desk.count_tab(list, tab),
            (list, _) => desk.count(list),
        }
    };
    drop(session);

    let table = rows::Table {
        app: &app,
        desk: &desk,
        signed_in: &ask.signed_in,
        view: &view,
        latest,
        shipments,
        before,
        matching,
    };
    let next = next.map(|cursor| view.next(&cursor));
    let title = view.list.map_or(words::ALL_ORDERS, words::list);
    let main = html! {
        div.head {
            h1 { (title) }
            @if let Some(said) = said { p.notice role="status" { (said) } }
            @if view.list == Some(List::New) && ask.signed_in.permissions.has(Permission::OrdersProcess) {
                a.button href="/orders/manual" data-open { (words::NEW_MANUAL_ORDER) }
            }
        }
        (tab_bar(&desk, &view))
        (filters(&app, &desk, &view, zone))
        @if found.is_empty() {
            (empty(&desk, &view))
        } @else {
            (table.bar(&ask))
            (table.rows(&found))
            div.below {
                p.shown { (shown(&desk, &view, found.len(), next.is_some())) }
                (pages(view.after.is_some().then(|| view.first()).as_deref(), next.as_deref()))
            }
        }
    };
    let here = view.list.map_or(Place::AllOrders, Place::List);
    Ok(desk.page(&ask, here, title, &main))
}

/// What the redirect after a command told the page to say.
fn said(query: &Query) -> Result<Option<String>, Problem> {
    let Some((what, count)) = query.one("said")?.and_then(|said| said.split_once('-')) else { return Ok(None) };
    let Ok(count) = count.parse::<i64>() else { return Ok(None) };
    Ok(match what {
        "void" => Some(words::voided(count)),
        "restore" => Some(words::restored(count)),
        "pack" => Some(words::pack_asked(count)),
        "ship" => Some(words::shipped(count)),
        "undo-ship" => Some(words::ship_undone(count)),
        "repack" => Some(words::repack_asked(count)),
        "fetch-labels" => Some(words::labels_asked(count)),
        "sync" => Some(words::sync_asked()),
        "resolve" => Some(words::resolved()),
        _ => None,
    })
}

/// The zone in which the days of a range begin: that of the chosen shop, or the one that all shops share.
fn zone(desk: &Desk, view: &View) -> Zone {
    let chosen = desk
        .shops
        .iter()
        .filter(|shop| view.shop.as_ref().is_none_or(|chosen| *chosen == shop.id))
        .filter(|shop| view.platform.is_none_or(|platform| platform == shop.platform));
    shared_zone(chosen)
}

fn tab_bar(desk: &Desk, view: &View) -> Markup {
    let Some(list) = view.list.filter(|list| !tabs(*list).is_empty()) else { return html! {} };
    html! {
        nav.tabs aria-label=(words::list(list)) {
            a href=(view.at_tab(None)) aria-current=[view.tab.is_none().then_some("page")] data-place {
                (words::EVERY_TAB) " " span.count { (words::number(desk.count(Some(list)))) }
            }
            @for tab in tabs(list) {
                @let count = desk.count_tab(list, *tab);
                a href=(view.at_tab(Some(*tab))) aria-current=[(view.tab == Some(*tab)).then_some("page")] data-place {
                    (words::tab(*tab)) " " span.count.none[count == 0] { (words::number(count)) }
                }
            }
        }
    }
}

fn option(value: &str, text: &str, chosen: bool) -> Markup {
    html! { option value=(value) selected[chosen] { (text) } }
}

fn filters(app: &App, desk: &Desk, view: &View, zone: Zone) -> Markup {
    let mut platforms: Vec<Platform> = desk.shops.iter().map(|shop| shop.platform).collect();
    platforms.sort_unstable();
    platforms.dedup();
    let policies: Vec<_> =
        platforms.iter().filter_map(|platform| Some((*platform, app.engine.policy(*platform).ok()?))).collect();
    html! {
        form #filters .filters.quiet-labels method="get" action="/orders" role="search" aria-label=(words::FILTERS) data-place {
            @if let Some(list) = view.list { input type="hidden" name="list" value=(list); }
            @if let Some(tab) = view.tab { input type="hidden" name="tab" value=(tab); }
            label.wide {
                span { (words::SEARCH) }
                input #search type="search" name="q" value=[view.search.as_deref()] placeholder=(words::SEARCH_HINT)
                    title=(words::SEARCH_HINT) autocomplete="off" spellcheck="false";
            }
            label {
                span { (words::SHOP) }
                select name="shop" {
                    (option("", words::EVERY_SHOP, view.shop.is_none()))
                    @for shop in &desk.shops { (option(shop.id.as_str(), &shop.name, view.shop.as_ref() == Some(&shop.id))) }
                }
            }
            label {
                span { (words::PLATFORM) }
                select name="platform" {
                    (option("", words::EVERY_PLATFORM, view.platform.is_none()))
                    @for platform in &platforms {
                        (option(platform.as_str(), platform.title(), view.platform == Some(*platform)))
                    }
                }
            }
            label {
                span { (words::PLATFORM_STATUS) }
                select name="status" {
                    (option("", words::EVERY_STATUS, view.status.is_none()))
                    @for (platform, policy) in &policies {
                        optgroup label=(platform.title()) {
                            @for rule in &policy.statuses {
                                (option(
                                    &rule.value,
                                    &format!("{} · {}", rule.title, rule.value),
                                    view.status.as_deref() == Some(rule.value.as_str()),
                                ))
                            }
                        }
                    }
                }
            }
            fieldset.range title=(words::dates_in(&zone.offset())) {
                legend { (words::TIME_FIELD) }
                select name="time" aria-label=(words::TIME_FIELD) {
                    @for (word, field, title) in TIMES { (option(word, title, view.time == *field)) }
                }
                input type="date" name="from" aria-label=(words::FROM) value=[view.from.map(|day| day.to_string())];
                span aria-hidden="true" { "–" }
                input type="date" name="to" aria-label=(words::TO) value=[view.to.map(|day| day.to_string())];
                span.offset { (zone.offset()) }
            }
            label.sort {
                span { (words::SORT) }
                select name="sort" { @for (sort, title) in SORTS { (option(sort.as_str(), title, view.sort == *sort)) } }
            }
            (page_length::field(view.limit))
            div.apply {
                button.by-hand { (words::APPLY) }
                @if view.is_filtered() { a.button.quiet href=(view.cleared()) data-place { (words::CLEAR_FILTERS) } }
            }
        }
    }
}

fn empty(desk: &Desk, view: &View) -> Markup {
    html! {
        div.empty {
            @if view.is_filtered() {
                h2 { (words::NOTHING_MATCHES) }
                p { (words::NOTHING_MATCHES_LEAD) }
                a.button href=(view.cleared()) data-place { (words::CLEAR_FILTERS) }
            } @else if desk.shops.is_empty() {
                h2 { (words::NO_SHOPS) }
                p { (words::NO_SHOPS_LEAD) }
            } @else {
                h2 { (words::LIST_IS_EMPTY) }
                p { (words::empty(view.list)) }
                @if view.after.is_some() { a.button href=(view.first()) data-place { (words::FIRST_PAGE) } }
            }
        }
    }
}

fn shown(desk: &Desk, view: &View, shown: usize, more: bool) -> String {
    match (view.is_filtered(), view.list, view.tab) {
        (true, ..) => words::shown(shown, more),
        (false, Some(list), Some(tab)) => words::shown_of(shown, desk.count_tab(list, tab)),
        (false, list, _) => words::shown_of(shown, desk.count(list)),
    }
}

/// What the page is told to say once it is done.
const fn said_of(act: Act) -> &'static str {
    match act {
        Act::Void => "void",
        Act::Restore => "restore",
        Act::Pack => "pack",
        Act::Ship => "ship",
        Act::UndoShip => "undo-ship",
        Act::Repack => "repack",
        Act::FetchLabels => "fetch-labels",
    }
}

/// Does it to the chosen orders, each by itself: one that is refused does not keep the others from it.
async fn do_to_all(app: &App, fragment: Fragment, form: &SignedForm, act: Act) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let chosen = chosen(&form.fields);
    if chosen.is_empty() {
        return Err(Problem::unprocessable("no_orders", words::CHOOSE_ORDERS, words::CHOOSE_ORDERS));
    }
    let ahead = Ahead::ask(app, signed_in, act, chosen.iter().copied(), form.fields.one("pass")).await?;
    let mut results = Vec::with_capacity(chosen.len());
    for id in chosen {
        let done = do_to_one(app, signed_in, id, act, &ahead).await;
        results.push((id, done));
    }
    app.committed();
    let next = safe_next(form.fields.one("next"));
    let failed = results.iter().filter(|(_, done)| done.is_err()).count();
    if failed == 0 {
        return Ok(Redirect::to(&saying(next, said_of(act), results.len())).into_response());
    }
    let ids: Vec<OrderId> = results.iter().filter_map(|(id, _)| OrderId::parse(*id).ok()).collect();
    let mut session = app.store.read().await?;
    let numbers: HashMap<OrderId, OrderNumber> =
        orders::numbers(&mut session, signed_in.merchant(), &ids).await?.into_iter().collect();
    drop(session);
    // Of what this user may not see no number is told.
    let named = |id: &str, problem: &Problem| {
        let number = OrderId::parse(id).ok().and_then(|id| numbers.get(&id)).filter(|_| problem.code != "not_found");
        number.map_or_else(|| id.to_owned(), ToString::to_string)
    };
    let title = words::outcome(results.len() - failed, failed);
    let main = html! {
        div.head { h1 { (title) } }
        table.plain {
            thead { tr { th { (words::COLUMN_ORDER) } th { (words::RESULT) } } }
            tbody {
                @for (id, done) in &results {
                    tr {
                        @match done {
                            Ok((number, outcome)) => { td { a href={ "/orders/" (id) } { (number) } } td { (outcome) } },
                            Err(problem) => { td { a href={ "/orders/" (id) } { (named(id, problem)) } } td.bad { (problem.detail) } },
                        }
                    }
                }
            }
        }
        (pass_form(signed_in, &results, next))
        p.actions { a.button.primary href=(next) data-dismiss { (words::BACK_TO_ORDERS) } }
    };
    let ask = Ask { signed_in: signed_in.clone(), fragment: fragment.0 };
    let mut session = app.store.read().await?;
    let page = sheet(app, &mut session, &ask, Place::Elsewhere, &title, &main).await?;
    Ok((StatusCode::CONFLICT, page).into_response())
}

/// What a supervisor sees where platforms were silent of orders that are to leave; the others are told who may help.
fn pass_form(signed_in: &SignedIn, results: &[(&str, Done)], next: &str) -> Markup {
    let is_silent = |done: &Done| done.as_ref().is_err_and(|problem| problem.code == "platform_silent");
    let silent: Vec<&str> = results.iter().filter(|(_, done)| is_silent(done)).map(|(id, _)| *id).collect();
    html! {
        @if silent.is_empty() {
        } @else if signed_in.permissions.has(Permission::OrdersPass) {
            form.pass method="post" action="/orders/ship" data-sheet-form {
                (csrf(signed_in.csrf()))
                input type="hidden" name="next" value=(next);
                @for id in silent { input type="hidden" name="order" value=(id); }
                label.wide { span { (words::PASS_WHY) } input name="pass" required maxlength="1000" autocomplete="off"; }
                button { (words::PASS) }
            }
        } @else {
            p { (words::PASS_NEEDS) }
        }
    }
}

/// Which orders the selection bar's form means: all that match the list's address, else those that are ticked.
///
/// # Errors
/// 422 where none is ticked, 400 for an address that is none of a list.
pub(super) async fn selection(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    fields: &Fields,
) -> Result<Selection, Problem> {
    if fields.one("all").is_some() {
        let view = View::read(&Query::parse(fields.one("matching").unwrap_or_default())?)?;
        let desk = Desk::load(app, session, signed_in).await?;
        return Ok(Selection::Matching(Box::new(view.filter(signed_in.shops(), zone(&desk, &view)))));
    }
    let mut ids = Vec::new();
    for id in chosen(fields) {
        ids.push(OrderId::parse(id).map_err(|_| Problem::not_found("order"))?);
    }
    if ids.is_empty() {
        return Err(Problem::unprocessable("no_orders", words::CHOOSE_ORDERS, words::CHOOSE_ORDERS));
    }
    Ok(Selection::Orders(ids, signed_in.user.shops.clone()))
}

/// The orders that a form names: the one whose button was pressed, else those that are ticked.
fn chosen(fields: &Fields) -> Vec<&str> {
    match fields.one("only") {
        Some(only) => vec![only],
        None => {
            let mut chosen: Vec<&str> = fields.all("order").collect();
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        }
    }
}

/// What became of one order: its number and where it stands now.
type Done = Result<(OrderNumber, String), Problem>;

async fn do_to_one(app: &App, signed_in: &SignedIn, id: &str, act: Act, ahead: &Ahead) -> Done {
    let mut session = app.store.begin().await?;
    let after = carry_out(app, &mut session, signed_in, act, id, None, ahead).await?;
    session.commit().await?;
    Ok((after.number, words::list(after.list).to_owned()))
}

/// The address to go back to, with what the page shall say.
pub(super) fn saying(next: &str, what: &str, count: usize) -> String {
    let joint = if next.contains('?') { '&' } else { '?' };
    format!("{next}{joint}said={what}-{count}")
}
