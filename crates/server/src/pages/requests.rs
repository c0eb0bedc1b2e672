//! The buyers who wait for an answer: by time left, agreed to or rejected, one or many.

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, pages, platform, sheet};
use super::orders::{prints, saying};
use super::products::{line, money};
use super::times::{Zone, seconds_until};
use super::{page_length, warehouses, words};
use crate::api::requests::{REQUESTS_MAX, answer_all, page, visible_request};
use crate::api::warehouses::{Withdrawal, withdrawals};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::auth::sign_in::safe_next;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use connectors::connector::RejectReasonOption;
use domain::ids::OrderId;
use domain::request::{AnswerKind, DeadlineSource, RejectReason, RequestState};
use domain::warehouse_order::Goods;
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};
use store::orders::OrderRecord;
use store::requests::{self, RequestRecord};

/// Seconds before a deadline from which it is marked as near, and as pressing.
const NEAR_SECONDS: i64 = 6 * 3_600;
const PRESSING_SECONDS: i64 = 3_600;
/// The tabs, each with the states that it shows; its address names the first of them.
const TABS: [&[RequestState]; 7] = [
    &[RequestState::Open],
    &[RequestState::Answering],
    &[RequestState::Agreed],
    &[RequestState::Rejected],
    &[RequestState::Expired],
    &[RequestState::Withdrawn],
    &[RequestState::AnsweredElsewhere, RequestState::Superseded],
];

/// The tab that shows requests in this state.
fn tab_of(state: RequestState) -> &'static [RequestState] {
    TABS.into_iter().find(|tab| tab.contains(&state)).unwrap_or(TABS[0])
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/requests", get(list))
        .route("/requests/agree", post(agree))
        .route("/requests/reject", post(reject))
        .route("/requests/{id}/reject", get(show_reject))
}

fn address(state: RequestState, limit: u32, after: Option<&str>) -> String {
    let state = (state != RequestState::Open).then(|| format!("state={state}"));
    let limit = page_length::in_links(limit).map(|limit| format!("limit={limit}"));
    let after = after.map(|after| format!("cursor={after}"));
    let query: Vec<String> = [state, limit, after].into_iter().flatten().collect();
    if query.is_empty() { "/requests".to_owned() } else { format!("/requests?{}", query.join("&")) }
}

async fn list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let tab = tab_of(query.read("state", RequestState::parse)?.unwrap_or(RequestState::Open));
    let state = tab.first().copied().unwrap_or(RequestState::Open);
    let (limit, after) = (query.limit()?, query.after::<2>()?);
    let said = match query.one("said")?.and_then(|said| said.split_once('-')) {
        Some(("agree", count)) => count.parse().ok().map(words::agreed),
        Some(("reject", count)) => count.parse().ok().map(words::rejected),
        _ => None,
    };
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let (found, next) = page(&mut session, &ask.signed_in, tab, after.as_ref(), limit).await?;
    let ids: Vec<OrderId> = found.iter().map(|(_, order)| order.id.clone()).collect();
    let withdrawals = withdrawals(&app.store, &mut session, ask.signed_in.merchant(), &ids).await?;
    drop(session);
    let decides = state == RequestState::Open && ask.signed_in.permissions.has(Permission::RequestsDecide);
    let may_print = ask.signed_in.permissions.has(Permission::OrdersProcess);
    let may = May { decide: decides, print: may_print && found.iter().any(|(_, order)| prints(order)) };
    let all = next.is_some() || after.is_some();
    let next = next.map(|cursor| address(state, limit, Some(&cursor)));
    let first = after.is_some().then(|| address(state, limit, None));
    let main = html! {
        div.head { h1 { (words::REQUESTS) } @if let Some(said) = said { p.notice role="status" { (said) } } }
        nav.tabs aria-label=(words::COLUMN_STATE) {
            @for first in TABS.iter().filter_map(|tab| tab.first()) {
                a href=(address(*first, limit, None)) aria-current=[(*first == state).then_some("page")] data-place {
                    (words::request_tab(*first))
                }
            }
        }
        form #filters .filters.quiet-labels method="get" action="/requests" data-place {
            @if state != RequestState::Open { input type="hidden" name="state" value=(state); }
            (page_length::field(limit))
            div.apply { button.by-hand { (words::APPLY) } }
        }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::no_requests(state)) } }
        } @else {
            @if may.act() { (bar(&ask, &address(state, limit, None), may, all)) }
            (rows(&app, &desk, &found, &withdrawals, may))
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Requests, words::REQUESTS, &main))
}

/// What the reader may do with the requests of a page.
#[derive(Debug, Clone, Copy)]
struct May {
    /// Agree and reject.
    decide: bool,
    /// Print labels, of which there are some.
    print: bool,
}

impl May {
    const fn act(self) -> bool {
        self.decide || self.print
    }
}

/// The bar that acts on what is selected, and on all that wait where that is more. Its form holds the rows' boxes and
/// buttons as well.
fn bar(ask: &Ask, here: &str, may: May, all: bool) -> Markup {
    html! {
        form #many method="post" action="/requests/agree" {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="next" value=(here);
            div #selection .selection role="group" aria-label=(words::SELECTED_REQUESTS) {
                output #selected {}
                @if may.decide {
                    button formaction="/requests/agree" data-many { (words::AGREE_SELECTED) }
                    button formaction="/requests/reject" data-many { (words::REJECT_SELECTED) }
                    @if all {
                        button formaction="/requests/agree" name="all" value="1" data-many { (words::AGREE_ALL) }
                        button formaction="/requests/reject" name="all" value="1" data-many { (words::REJECT_ALL) }
                    }
                }
                @if may.print {
                    button formaction="/labels/print" formtarget="_blank" data-many { (words::PRINT_SELECTED) }
                    button formaction="/labels/print" formtarget="_blank" name="slips" value="true" data-many {
                        (words::PRINT_WITH_SLIPS)
                    }
                }
                button.quiet type="reset" data-many { (words::CLEAR_SELECTION) }
            }
        }
    }
}

fn rows(
    app: &App,
    desk: &Desk,
    found: &[(RequestRecord, OrderRecord)],
    withdrawals: &HashMap<OrderId, Vec<Withdrawal>>,
    may: May,
) -> Markup {
    let at = |order: &OrderId| withdrawals.get(order).map_or(&[][..], Vec::as_slice);
    html! {
        table.orders.requests.without-actions[!may.act()] {
            thead {
                tr {
                    @if may.act() {
                        th.box scope="col" { input #every type="checkbox" aria-label=(words::SELECT_REQUESTS); }
                    }
                    th.order scope="col" { (words::COLUMN_ORDER) }
                    th.products scope="col" { (words::COLUMN_PRODUCTS) }
                    th.total scope="col" { (words::BUYER_REASON) }
                    th.status scope="col" { (words::STAGE) }
                    th.time scope="col" { (words::TIME_LEFT) }
                    @if may.act() { th.action scope="col" { (words::COLUMN_ACTION) } }
                }
            }
            tbody { @for (request, order) in found { (row(app, desk, request, order, at(&order.id), may)) } }
        }
    }
}

fn row(
    app: &App,
    desk: &Desk,
    request: &RequestRecord,
    order: &OrderRecord,
    withdrawals: &[Withdrawal],
    may: May,
) -> Markup {
    let kept = matches!(order.goods, Goods::KeptPicked | Goods::KeptShipped);
    let shop = desk.shop(&order.shop);
    let zone = shop.map_or(Zone::UTC, ShopView::zone);
    let number = order.number.as_str();
    let asked: Vec<_> = order.lines.iter().filter(|line| request.lines.contains(&line.id)).collect();
    html! {
        tr id=(request.id) tabindex="-1" data-number=(order.number) {
            @if may.act() {
                td.box {
                    input type="checkbox" name="request" value=(request.id) form="many"
                        aria-label=(words::select_order(number)) disabled[!may.decide && !prints(order)];
                }
            }
            td.order {
                a.number href={ "/orders/" (order.id) } { (order.number) }
                div.sub { (platform(order.platform)) " " @if let Some(shop) = shop { span.shop { (shop.name) } } }
                div.sub { (words::ASKED) " " (zone.short(request.asked_at)) }
            }
            td.products {
                @for item in asked.iter().take(3) { (line(item)) }
                @if asked.len() > 3 { span.sub { (words::more_lines(asked.len() - 3)) } }
                @if asked.len() < order.lines.len() { div.sub { (words::PART_OF_ORDER) } }
            }
            td.total {
                div { (request.buyer_reason.as_deref().unwrap_or(words::NO_BUYER_REASON)) }
                @if let Some(total) = order.total { div.sub.amount { (money(total)) } }
                @if request.restock == Some(false) { div.sub { (words::NOT_RESTOCKABLE) } }
            }
            td.status {
                div { (words::stage(order.stage)) }
                div.sub {
                    @if prints(order) { (words::LABEL_PRINTS) }
                    @else if order.has_cached_label() { (words::LABEL_CACHED) }
                    @else { (words::NO_LABEL_CACHED) }
                }
                @if !request.state.is_final() { div.sub.silence { (words::silence(request.on_silence)) } }
                @for withdrawal in withdrawals { (warehouses::facts(withdrawal)) }
                @if let Some(answer) = &request.answer {
                    div.sub { (words::answered(answer.kind, &answer.decided_by)) }
                }
                @if let Some(message) = &request.message { p.refused { (words::answer_failed(message)) } }
            }
            td.time data-pending[request.state == RequestState::Answering] {
                @if request.state.is_final() {
                    @if let Some(at) = request.settled_at { (zone.short(at)) }
                    div.sub { (words::request_state(request.state)) }
                } @else {
                    (time_left(app, request, order, zone))
                }
            }
            @if may.act() {
                td.action {
                    div.buttons {
                        @if may.decide {
                            button.danger form="many" formaction="/requests/agree" name="only" value=(request.id)
                                data-act="agree" aria-label=(words::agree_to(number)) { (words::AGREE) }
                            @if kept {
                                button.danger form="many" formaction="/requests/agree?despite_warehouse=1" name="only" value=(request.id)
                                    data-act="despite" { (words::AGREE_DESPITE) }
                            }
                            a.button href={ "/requests/" (request.id) "/reject" } data-open data-act="reject"
                                aria-label=(words::reject_of(number)) { (words::REJECT) }
                        }
                        @if may.print && prints(order) {
                            button.quiet form="many" formaction="/labels/print" formtarget="_blank" name="only" value=(order.id)
                                data-act="print" aria-label=(words::act_on(words::PRINT, number)) { (words::PRINT) }
                        }
                    }
                }
            }
        }
    }
}

/// What is left of a request's time: in words, in colour, and, with the script, by the second; and when it is over.
fn time_left(app: &App, request: &RequestRecord, order: &OrderRecord, zone: Zone) -> Markup {
    let left = seconds_until(request.deadline, app.clock.platform_now(order.platform));
    let class = match left {
        left if left < PRESSING_SECONDS => "late",
        left if left < NEAR_SECONDS => "near",
        _ => "",
    };
    html! {
        span.deadline.(class) data-left=(left.max(0)) data-near=(NEAR_SECONDS) data-late=(PRESSING_SECONDS) {
            @if left > 0 { (words::time_left(left)) } @else { (words::TIME_IS_OVER) }
            " " span.clock aria-hidden="true" {}
        }
        div.sub { (zone.short(request.deadline)) }
        @if request.deadline_source == DeadlineSource::Policy {
            div.sub title=(words::DEADLINE_BY_POLICY_TITLE) { (words::DEADLINE_BY_POLICY) }
        }
    }
}

/// The requests of an order that wait for an answer or are being answered, on the order's page.
pub(super) fn order_section(app: &App, ask: &Ask, order: &OrderRecord, live: &[RequestRecord], zone: Zone) -> Markup {
    html! {
        @for request in live {
            section.request data-pending[request.state == RequestState::Answering] {
                h2 { (words::BUYER_REQUEST) }
                dl.facts {
                    div { dt { (words::ASKED) } dd { (zone.short(request.asked_at)) } }
                    div { dt { (words::BUYER_REASON) } dd { (request.buyer_reason.as_deref().unwrap_or(words::NO_BUYER_REASON)) } }
                    div { dt { (words::TIME_LEFT) } dd { (time_left(app, request, order, zone)) } }
                    div {
                        dt { (words::COLUMN_STATE) }
                        dd {
                            (words::request_state(request.state))
                            div.sub.silence { (words::silence(request.on_silence)) }
                            @if let Some(answer) = &request.answer {
                                div.sub { (words::answered(answer.kind, &answer.decided_by)) }
                            }
                        }
                    }
                    @if request.lines.len() < order.lines.len() {
                        div {
                            dt { (words::LINES) }
                            dd {
                                @for item in order.lines.iter().filter(|line| request.lines.contains(&line.id)) { div { (item.name) } }
                                div.sub { (words::PART_OF_ORDER) }
                            }
                        }
                    }
                }
                @if let Some(message) = &request.message { p.refused { (words::answer_failed(message)) } }
                @if request.state == RequestState::Open && ask.signed_in.permissions.has(Permission::RequestsDecide) {
                    (answers(ask, request, order))
                }
            }
        }
    }
}

/// The buttons that answer an order's request on the order's page.
fn answers(ask: &Ask, request: &RequestRecord, order: &OrderRecord) -> Markup {
    let number = order.number.as_str();
    let kept = matches!(order.goods, Goods::KeptPicked | Goods::KeptShipped);
    html! {
        form method="post" action="/requests/agree" data-place {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="next" value={ "/orders/" (order.id) };
            div.buttons.row {
                button.danger name="only" value=(request.id) data-act="agree" aria-label=(words::agree_to(number)) { (words::AGREE) }
                @if kept {
                    button.danger formaction="/requests/agree?despite_warehouse=1" name="only" value=(request.id) { (words::AGREE_DESPITE) }
                }
                a.button href={ "/requests/" (request.id) "/reject" } data-open data-act="reject"
                    aria-label=(words::reject_of(number)) { (words::REJECT) }
            }
        }
    }
}

/// Whether a form means all that wait, not those that are ticked.
fn means_all(form: &SignedForm) -> bool {
    form.fields.one("all").is_some() && form.fields.one("only").is_none()
}

/// The requests that a form means: the one whose button was pressed, those that are ticked, or all that wait, of which
/// those with the least time left where there are more than one call may answer.
async fn chosen(app: &App, form: &SignedForm) -> Result<Vec<String>, Problem> {
    if means_all(form) {
        let signed_in = &form.signed_in;
        let most = u32::try_from(REQUESTS_MAX).unwrap_or(u32::MAX);
        let mut session = app.store.read().await?;
        let merchant = signed_in.merchant();
        let found = requests::page(&mut session, merchant, RequestState::Open, signed_in.shops(), None, most).await?;
        return Ok(found.iter().map(|request| request.id.to_string()).collect());
    }
    let mut chosen: Vec<String> = match form.fields.one("only") {
        Some(only) => vec![only.to_owned()],
        None => form.fields.all("request").map(str::to_owned).collect(),
    };
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

async fn agree(
    State(app): State<App>,
    fragment: Fragment,
    query: Query,
    form: SignedForm,
) -> Result<Response, Problem> {
    let despite = query.one("despite_warehouse")?.is_some();
    form.signed_in.need(Permission::RequestsDecide)?;
    let ids = chosen(&app, &form).await?;
    if !means_all(&form) || ids.is_empty() {
        return answer(&app, fragment, &form, &ids, (AnswerKind::Agree, despite), &HashMap::new()).await;
    }
    // Whoever means all has not seen them all: how many they are is shown before anything is answered.
    let (signed_in, next) = (&form.signed_in, safe_next(form.fields.one("next")));
    let title = words::agree_many(ids.len());
    let main = html! {
        h1 { (title) }
        p { (words::AGREE_MEANS) }
        form.agree method="post" action="/requests/agree" data-sheet-form {
            (csrf(signed_in.csrf()))
            input type="hidden" name="next" value=(next);
            @for id in &ids { input type="hidden" name="request" value=(id); }
            div.actions {
                button.danger.primary autofocus { (words::AGREE) }
                a.button href=(next) data-dismiss { (words::BACK) }
            }
        }
    };
    let ask = Ask { signed_in: signed_in.clone(), fragment: fragment.0 };
    let mut session = app.store.read().await?;
    let page = sheet(&app, &mut session, &ask, Place::Requests, &title, &main).await?;
    Ok(page.into_response())
}

/// Rejects what is chosen; asks for a reason first where a platform wants one, and shows how many they are where all are meant.
async fn reject(State(app): State<App>, fragment: Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::RequestsDecide)?;
    let ids = chosen(&app, &form).await?;
    let mut wanted: BTreeMap<&'static str, RequestRecord> = BTreeMap::new();
    let mut reasons = HashMap::new();
    let mut session = app.store.read().await?;
    for id in &ids {
        let Ok((request, order)) = visible_request(&mut session, signed_in, id).await else { continue };
        let word = order.platform.as_str();
        if let Some(reason) = form.fields.one(&format!("reason-{word}")).filter(|reason| !reason.is_empty()) {
            reasons.insert(word.to_owned(), reason.to_owned());
        } else if app.engine.request_rule(&mut session, &order).await?.reject_reason == RejectReason::Required {
            wanted.entry(word).or_insert(request);
        }
    }
    drop(session);
    let all = means_all(&form) && !ids.is_empty();
    if wanted.is_empty() && !all {
        return answer(&app, fragment, &form, &ids, (AnswerKind::Reject, false), &reasons).await;
    }
    let title = words::reject_many(ids.len());
    let main = reject_form(&app, signed_in, &title, &ids, safe_next(form.fields.one("next")), wanted.values()).await?;
    let ask = Ask { signed_in: signed_in.clone(), fragment: fragment.0 };
    let mut session = app.store.read().await?;
    let page = sheet(&app, &mut session, &ask, Place::Requests, &title, &main).await?;
    let status = if all { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, page).into_response())
}

async fn show_reject(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::RequestsDecide)?;
    let mut session = app.store.read().await?;
    let (request, order) = visible_request(&mut session, &ask.signed_in, &id).await?;
    drop(session);
    let title = words::reject_of(order.number.as_str());
    let main = if request.state == RequestState::Open {
        reject_form(&app, &ask.signed_in, &title, &[id], "/requests", [&request].into_iter()).await?
    } else {
        html! {
            h1 { (title) }
            p { (words::already(request.state)) }
            div.actions { a.button.primary href="/requests" data-dismiss autofocus { (words::CLOSE) } }
        }
    };
    let mut session = app.store.read().await?;
    sheet(&app, &mut session, &ask, Place::Requests, &title, &main).await
}

/// The form that rejects requests: with the platform's reasons, one choice for each platform that has them.
async fn reject_form(
    app: &App,
    signed_in: &SignedIn,
    title: &str,
    ids: &[String],
    next: &str,
    samples: impl Iterator<Item = &RequestRecord>,
) -> Result<Markup, Problem> {
    let mut choices: Vec<(OrderRecord, RejectReason, Vec<RejectReasonOption>)> = Vec::new();
    for request in samples {
        let mut session = app.store.read().await?;
        let (_, order) = visible_request(&mut session, signed_in, request.id.as_str()).await?;
        let need = app.engine.request_rule(&mut session, &order).await?.reject_reason;
        drop(session);
        if need != RejectReason::None {
            choices.push((order, need, app.engine.reject_reasons(signed_in.merchant(), request).await?));
        }
    }
    Ok(html! {
        h1 { (title) }
        p { (words::REJECT_MEANS) }
        form.reject method="post" action="/requests/reject" data-sheet-form {
            (csrf(signed_in.csrf()))
            input type="hidden" name="next" value=(next);
            @for id in ids { input type="hidden" name="request" value=(id); }
            @for (order, need, reasons) in &choices {
                fieldset.reasons {
                    legend { (words::reject_reason_of(order.platform.title())) }
                    @for (place, reason) in reasons.iter().enumerate() {
                        div.reason {
                            label {
                                input type="radio" name={ "reason-" (order.platform) } value=(reason.value)
                                    required[*need == RejectReason::Required] autofocus[place == 0];
                                span { (reason.label) }
                            }
                        }
                    }
                }
            }
            div.actions {
                button.danger.primary autofocus[choices.is_empty()] { (words::REJECT) }
                a.button href=(next) data-dismiss { (words::BACK) }
            }
        }
    })
}

/// Answers what is chosen, each request by itself.
async fn answer(
    app: &App,
    fragment: Fragment,
    form: &SignedForm,
    ids: &[String],
    kind: (AnswerKind, bool),
    reasons: &HashMap<String, String>,
) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::RequestsDecide)?;
    if ids.is_empty() {
        return Err(Problem::unprocessable("no_requests", words::CHOOSE_REQUESTS, words::CHOOSE_REQUESTS));
    }
    let mut session = app.store.begin().await?;
    let results = answer_all(app, &mut session, signed_in, kind, ids, reasons).await?.results;
    session.commit().await?;
    app.committed();
    let next = safe_next(form.fields.one("next"));
    let failed = results.iter().filter(|result| !result.done).count();
    if failed == 0 {
        return Ok(Redirect::to(&saying(next, kind.0.as_str(), results.len())).into_response());
    }
    let mut session = app.store.read().await?;
    let mut told = Vec::with_capacity(results.len());
    for result in results {
        let order = visible_request(&mut session, signed_in, &result.id).await.ok().map(|(_, order)| order);
        told.push((result, order));
    }
    let title = words::outcome(told.len() - failed, failed);
    let main = html! {
        div.head { h1 { (title) } }
        table.plain {
            thead { tr { th { (words::COLUMN_ORDER) } th { (words::RESULT) } } }
            tbody {
                @for (result, order) in &told {
                    tr {
                        td {
                            @match order {
                                Some(order) => a href={ "/orders/" (order.id) } { (order.number) },
                                None => (result.id),
                            }
                        }
                        td.bad[!result.done] { (result.detail.as_deref().unwrap_or(words::ANSWER_TAKEN)) }
                    }
                }
            }
        }
        p.actions { a.button.primary href=(next) data-dismiss { (words::BACK_TO_REQUESTS) } }
    };
    let ask = Ask { signed_in: signed_in.clone(), fragment: fragment.0 };
    let page = sheet(app, &mut session, &ask, Place::Requests, &title, &main).await?;
    Ok((StatusCode::CONFLICT, page).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_by_one_tab_whatever_its_state() {
        for state in RequestState::ALL {
            assert_eq!(TABS.iter().filter(|tab| tab.contains(state)).count(), 1, "{state}");
            assert!(tab_of(*state).contains(state), "{state}");
        }
    }
}
