//! Bulk cancels: from the selection to a plan, and from the plan to a batch with its progress and its results.
//!
//! A selection is stored as it is made, so that what was planned is what is carried out, whatever the list shows by then.

use super::batch_plan::{self, entered};
use super::cancellations::reason_label;
use super::layout::{Ask, Desk, Place, ShopView, csrf, pages, platform};
use super::orders::selection;
use super::times::Zone;
use super::words;
use crate::api::batches::{asker, visible};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::batch_result;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::batch::{Act, BatchState, Course, Numbers, OrderState};
use engine::Choice;
use maud::{Markup, html};
use store::batches::{self, BatchOrder, BatchRecord};

/// Width of a progress bar, in its own units.
const BAR: u64 = 1_000;
/// The states that a bar shows, from its left.
const BAR_STATES: [OrderState; 5] =
    [OrderState::Done, OrderState::Refused, OrderState::NeedsAttention, OrderState::Stopped, OrderState::Running];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/batches", get(list).post(select))
        .route("/batches/{id}", get(show))
        .route("/batches/{id}/plan", post(choose))
        .route("/batches/{id}/run", post(run))
        .route("/batches/{id}/result.xlsx", get(result))
        .route("/batches/{id}/{act}", post(act))
}

/// A count as the words take it.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Stores what is selected in a list as a plan.
async fn select(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let mut session = app.store.begin().await?;
    let selected = selection(&app, &mut session, signed_in, &form.fields).await?;
    let planned = app.engine.plan_to_cancel(&mut session, asker(signed_in), &selected, &Choice::default()).await?;
    session.commit().await?;
    Ok(Redirect::to(&format!("/batches/{}", planned.id)).into_response())
}

/// Keeps what was chosen for a plan and shows what it would do now.
async fn choose(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let mut session = app.store.begin().await?;
    let record = visible(&mut session, signed_in, &id).await?;
    let choice = entered(&form.fields)?;
    app.engine.choose_for_batch(&mut session, signed_in.merchant(), &record.id, &choice).await?;
    session.commit().await?;
    Ok(Redirect::to(&format!("/batches/{id}")).into_response())
}

/// Carries out a plan with what was chosen. Sent twice, it runs once: the second finds it running.
async fn run(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let mut session = app.store.begin().await?;
    let record = visible(&mut session, signed_in, &id).await?;
    if record.course == Course::Planned {
        let (merchant, choice) = (signed_in.merchant(), entered(&form.fields)?);
        app.engine.choose_for_batch(&mut session, merchant, &record.id, &choice).await?;
        app.engine.act_on_batch(&mut session, merchant, signed_in.actor(), &record.id, Act::Run).await?;
        session.commit().await?;
        app.committed();
    }
    Ok(Redirect::to(&format!("/batches/{id}")).into_response())
}

async fn act(
    State(app): State<App>,
    Path((id, word)): Path<(String, String)>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let act = match word.as_str() {
        "pause" => Act::Pause,
        "resume" => Act::Resume,
        "stop" => Act::Stop,
        "retry-failed" => Act::RetryFailed,
        _ => return Err(Problem::not_found("page")),
    };
    let mut session = app.store.begin().await?;
    let record = visible(&mut session, signed_in, &id).await?;
    app.engine.act_on_batch(&mut session, signed_in.merchant(), signed_in.actor(), &record.id, act).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(&format!("/batches/{id}")).into_response())
}

async fn result(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let record = visible(&mut session, &ask.signed_in, &id).await?;
    batch_result::serve(&app, session, &record).await
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let state = query.read("state", OrderState::parse)?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let mut session = app.store.read().await?;
    let record = visible(&mut session, &ask.signed_in, &id).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    if record.course == Course::Planned {
        ask.signed_in.need(Permission::OrdersCancel)?;
        let main = batch_plan::show(&app, &mut session, &ask, &desk, &record).await?;
        return Ok(desk.page(&ask, Place::Batches, words::PLAN, &main));
    }
    let numbers = batches::numbers(&mut session, &record.merchant, &record.id).await?;
    let from = after.as_ref().map(|[id]| id.as_str());
    let mut orders =
        batches::orders(&mut session, &record.merchant, &record.id, state, from, limit.saturating_add(1)).await?;
    drop(session);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = orders.len() > shown;
    orders.truncate(shown);
    let address = |state: Option<OrderState>, after: Option<&str>| {
        let state = state.map(|state| format!("state={state}"));
        let after = after.map(|after| format!("cursor={}", cursor(&[after])));
        let query: Vec<String> = [state, after].into_iter().flatten().collect();
        let joint = if query.is_empty() { "" } else { "?" };
        format!("/batches/{}{joint}{}", record.id, query.join("&"))
    };
    let next = orders.last().filter(|_| more).map(|last| address(state, Some(last.order.as_str())));
    let first = from.is_some().then(|| address(state, None));
    let title = words::bulk_cancel_of(count(record.orders));
    let whole = batches::state(&record, &numbers);
    let open = numbers.running > 0 || whole == BatchState::Running;
    let main = html! {
        div.head { h1 { (title) } " " (badge(whole)) }
        p.summary { (summary(&app, &desk, &record)) }
        div.batch data-pending[open] {
            (bar(&numbers))
            p.progress role="status" { (words::batched_so_far(count(numbers.ended()), count(numbers.total()))) }
        }
        @if whole == BatchState::Paused { p.lead { (words::BATCH_PAUSED_LEAD) } }
        @if whole == BatchState::Stopped { p.lead { (words::BATCH_STOPPED_LEAD) } }
        @if let Some(ceiling) = record.ceiling { p.sub { (batch_plan::ceiling_in_words(ceiling)) } }
        (acts(&ask, &record, whole, &numbers))
        nav.tabs aria-label=(words::COLUMN_STATE) {
            a href=(address(None, None)) aria-current=[state.is_none().then_some("page")] data-place {
                (words::EVERY_ORDER) " " span.count { (words::number(count(numbers.total()))) }
            }
            @for each in OrderState::ALL {
                @let orders = numbers.of(*each);
                a href=(address(Some(*each), None)) aria-current=[(state == Some(*each)).then_some("page")] data-place {
                    (words::batched(*each)) " " span.count.none[orders == 0] { (words::number(count(orders))) }
                }
            }
        }
        @if orders.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::BATCH_NO_ORDERS) } }
        } @else {
            table.plain.batched {
                thead {
                    tr {
                        th { (words::COLUMN_ORDER) }
                        th { (words::SHOP) }
                        th { (words::COLUMN_STATE) }
                        th { (words::COLUMN_MESSAGE) }
                    }
                }
                tbody { @for order in &orders { (row(&desk, order)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Batches, &title, &main))
}

fn summary(app: &App, desk: &Desk, record: &BatchRecord) -> Markup {
    html! {
        (words::ASKED_BY) " " (record.actor) ", " (desk.zone().short(record.created_at))
        @for (on, reason) in &record.reasons {
            " · " (platform(*on)) " " (reason_label(app, *on, reason))
        }
    }
}

fn badge(state: BatchState) -> Markup {
    html! { span.state.(state.as_str()) { (words::batch_state(state)) } }
}

/// How far a batch is, as a picture; the words beside it say the same.
fn bar(numbers: &Numbers) -> Markup {
    let total = numbers.total().max(1);
    let mut parts = Vec::with_capacity(BAR_STATES.len());
    let mut before = 0;
    for state in BAR_STATES {
        let (from, to) = (before * BAR / total, (before + numbers.of(state)) * BAR / total);
        before += numbers.of(state);
        parts.push((state, from, to - from));
    }
    html! {
        svg.bar viewBox={ "0 0 " (BAR) " 10" } preserveAspectRatio="none" role="img"
            aria-label=(words::batched_so_far(count(numbers.ended()), count(numbers.total()))) {
            @for (state, from, width) in parts {
                rect.(state.as_str()) x=(from) y="0" width=(width) height="10" {}
            }
        }
    }
}

fn acts(ask: &Ask, record: &BatchRecord, state: BatchState, numbers: &Numbers) -> Markup {
    let may = ask.signed_in.permissions.has(Permission::OrdersCancel);
    let open = matches!(state, BatchState::Running | BatchState::Paused);
    let button = |word: &str, title: &str, class: &str| {
        html! {
            form method="post" action={ "/batches/" (record.id) "/" (word) } data-place {
                (csrf(ask.signed_in.csrf()))
                button class=(class) { (title) }
            }
        }
    };
    html! {
        div.actions {
            @if may && state == BatchState::Running { (button("pause", words::BATCH_PAUSE, "primary")) }
            @if may && state == BatchState::Paused { (button("resume", words::BATCH_RESUME, "primary")) }
            @if may && open { (button("stop", words::BATCH_STOP, "danger")) }
            @if may && numbers.refused > 0 { (button("retry-failed", words::BATCH_RETRY, "")) }
            a.button href={ "/batches/" (record.id) "/result.xlsx" } download { (words::BATCH_DOWNLOAD) }
        }
    }
}

fn row(desk: &Desk, order: &BatchOrder) -> Markup {
    html! {
        tr id=(order.order) tabindex="-1" {
            td { a.number href={ "/orders/" (order.order) } { (order.number) } }
            td data-label=(words::SHOP) {
                (platform(order.platform)) " " @if let Some(shop) = desk.shop(&order.shop) { (shop.name) }
            }
            td data-label=(words::COLUMN_STATE) {
                @let state = html! { span.state.(order.state.as_str()) { (words::batched(order.state)) } };
                @match &order.cancellation {
                    Some(id) => a href={ "/cancellations/" (id) } data-open { (state) },
                    None => (state),
                }
            }
            td data-label=(words::COLUMN_MESSAGE) { (order.message.as_deref().unwrap_or_default()) }
        }
    }
}

async fn list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let before = after.as_ref().map(|[id]| id.as_str());
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let mut found = batches::page(&mut session, merchant, ask.signed_in.shops(), before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let mut rows = Vec::with_capacity(found.len());
    for record in found {
        let numbers = batches::numbers(&mut session, merchant, &record.id).await?;
        rows.push((record, numbers));
    }
    drop(session);
    let next = rows.last().filter(|_| more).map(|(last, _)| format!("/batches?cursor={}", cursor(&[last.id.as_str()])));
    let first = before.is_some().then(|| "/batches".to_owned());
    let zone = desk.shops.first().map_or(Zone::UTC, ShopView::zone);
    let main = html! {
        div.head { h1 { (words::BATCHES) } }
        @if rows.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::BATCHES_EMPTY) } }
        } @else {
            table.plain.batches {
                thead {
                    tr {
                        th { (words::COLUMN_BATCH) }
                        th { (words::COLUMN_STATE) }
                        th { (words::COLUMN_ORDERS) }
                        th { (words::COLUMN_PROGRESS) }
                        th { (words::ASKED_BY) }
                    }
                }
                tbody {
                    @for (record, numbers) in &rows {
                        @let state = batches::state(record, numbers);
                        tr id=(record.id) tabindex="-1" {
                            td { a.number href={ "/batches/" (record.id) } data-place { (zone.short(record.created_at)) } }
                            td data-label=(words::COLUMN_STATE) data-pending[state == BatchState::Running] { (badge(state)) }
                            td.number data-label=(words::COLUMN_ORDERS) { (words::number(count(record.orders))) }
                            td data-label=(words::COLUMN_PROGRESS) {
                                (bar(numbers))
                                div.sub { (words::batched_so_far(count(numbers.ended()), count(numbers.total()))) }
                            }
                            td data-label=(words::ASKED_BY) { (record.actor) }
                        }
                    }
                }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Batches, words::BATCHES, &main))
}
