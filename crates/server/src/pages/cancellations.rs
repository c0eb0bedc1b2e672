//! Cancellations: their progress, the list of them by state, and settling those that need a person.

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, pages, platform, sheet};
use super::orders::saying;
use super::times::{Zone, seconds_until};
use super::words;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::cancellation::{Phase, Scope, Sent, State as CancellationState};
use domain::ids::{CancellationId, OrderId, ReasonCode};
use domain::platform::Platform;
use domain::warehouse_order::Goods;
use engine::commands::may_be_resolved;
use engine::{ResolveAs, ResolveError};
use maud::{Markup, html};
use std::collections::HashMap;
use store::Session;
use store::cancellations::{self, AttemptRecord, CancellationRecord};
use store::orders::{self, OrderRecord};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/cancellations", get(list))
        .route("/cancellations/{id}", get(show))
        .route("/cancellations/{id}/resolve", post(resolve))
}

/// A reason as the operator knows it.
pub(super) fn reason_label(app: &App, platform: Platform, reason: &ReasonCode) -> String {
    if let Some(words) = words::answer_reason(reason.as_str()) {
        return words.to_owned();
    }
    let policy = app.engine.policy(platform).ok();
    let label = policy.as_ref().and_then(|policy| policy.reason(reason.as_str())).map(|rule| rule.label.clone());
    label.unwrap_or_else(|| reason.to_string())
}

/// A state's badge.
pub(super) fn state_badge(state: CancellationState) -> Markup {
    html! { span.state.(state.as_str()) { (words::state(state)) } }
}

/// What the platform answered to an attempt, in its own words.
pub(super) fn attempt_words(attempt: &AttemptRecord) -> String {
    let parts = [&attempt.platform_message, &attempt.platform_code];
    let parts: Vec<&str> =
        parts.into_iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() && attempt.outcome.as_deref() == Some("unknown") {
        return words::ATTEMPT_UNKNOWN.to_owned();
    }
    parts.join(" · ")
}

/// A refusal, told apart: the platform's own words, or why nothing was sent.
pub(super) fn refusal(order: &OrderRecord, record: &CancellationRecord, words: &str) -> String {
    match record.saga.sent {
        Sent::Never => words::not_canceled(words),
        Sent::Unknown { .. } | Sent::Accepted | Sent::Rejected { .. } => {
            words::refused_by(order.platform.title(), words)
        }
    }
}

async fn visible(
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<(CancellationRecord, OrderRecord), Problem> {
    let missing = || Problem::not_found("cancellation");
    let id = CancellationId::parse(id).map_err(|_| missing())?;
    let record = cancellations::load(session, signed_in.merchant(), std::slice::from_ref(&id)).await?.pop();
    let record = record.filter(|record| signed_in.sees(&record.shop)).ok_or_else(missing)?;
    let order = orders::load_one(session, signed_in.merchant(), &record.order).await?.ok_or_else(missing)?;
    Ok((record, order))
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let (record, order) = visible(&mut session, &ask.signed_in, &id).await?;
    let shop = app.store.shop(&mut session, ask.signed_in.merchant(), &order.shop).await?;
    let zone = shop.map_or(Zone::UTC, |shop| Zone::of_region(&shop.region));
    let main = html! {
        h1 { (words::order_title(order.number.as_str())) }
        p.summary {
            (platform(order.platform)) " " (reason_label(&app, order.platform, &record.reason))
            " " span.sub { (words::ASKED_BY) " " (record.actor) ", " (zone.short(record.created_at)) }
        }
        (steps(&app, &order, &record, zone))
        (items(&order, &record))
        @if may_be_resolved(record.saga.state()) && ask.signed_in.permissions.has(Permission::OrdersCancel) {
            p.attention { (words::ATTENTION_LEAD) }
            (resolutions(&ask.signed_in, &record))
        }
        div.actions {
            a.button.primary href={ "/orders?list=" (order.list) } data-dismiss autofocus { (words::CLOSE) }
            a.button href={ "/orders/" (order.id) } { (words::OPEN_ORDER) }
        }
    };
    sheet(&app, &mut session, &ask, Place::Cancellations, words::CANCELLATION, &main).await
}

/// The course of a cancellation, with where it stands.
fn steps(app: &App, order: &OrderRecord, record: &CancellationRecord, zone: Zone) -> Markup {
    let sent = record.saga.attempts > 0 || !matches!(record.saga.sent, Sent::Never);
    let (at, ended) = match &record.saga.phase {
        Phase::Requested | Phase::Withdrawing | Phase::Submitting => (1, false),
        Phase::Confirming | Phase::Restoring(_) => (2, false),
        Phase::Done(_) => (3, true),
        Phase::Refused(_) => (3, true),
    };
    let class = |step: usize| match step {
        step if step < at || (ended && step == at) => "over",
        step if step == at => "now",
        _ => "ahead",
    };
    let refused = matches!(record.saga.phase, Phase::Refused(_));
    let age = -seconds_until(record.created_at, app.clock.now());
    html! {
        ol.steps data-live[!ended] data-pending[!ended] {
            li.(class(0)) { (words::STEP_REQUESTED) " " span.sub { (zone.exact(record.created_at)) } }
            @if order.goods != Goods::Free || record.saga.phase == Phase::Withdrawing {
                li.warehouse.now[record.saga.phase == Phase::Withdrawing].over[record.saga.phase != Phase::Withdrawing] {
                    (words::STEP_WAREHOUSE) ": " (words::place_of_goods(order.goods))
                }
            }
            @if sent || !ended {
                li.(class(1)) {
                    (words::sending(order.platform.title(), at != 1))
                    @if record.saga.attempts > 1 { " " span.sub { (words::times(record.saga.attempts)) } }
                }
                li.(class(2)) { (words::checking(order.platform.title(), at != 2)) }
            }
            @match &record.saga.phase {
                Phase::Refused(words) => {
                    li.refused { (words::STEP_REFUSED) p.words { (refusal(order, record, words)) } }
                },
                Phase::Done(by) => {
                    li.done {
                        (words::STEP_DONE) " "
                        @if let Some(by) = by { span.sub { (words::canceled_by(words::initiator(*by))) } }
                        " " span.sub { (zone.exact(record.updated_at)) }
                    }
                },
                _ => { li.ahead { (words::STEP_DONE) } },
            }
        }
        @if !ended && !refused {
            p.progress role="status" { (words::cancelling_for(age)) }
            p.sub { (words::PROGRESS_LEAD) }
        }
    }
}

/// That a cancel means chosen lines alone.
pub(super) fn only(record: &CancellationRecord) -> Markup {
    html! {
        @if record.scope == Scope::Lines {
            div.sub { (words::only_units(record.lines.iter().map(|line| line.quantity).sum())) }
        }
    }
}

/// The chosen lines, each with where it stands, and what the platform canceled beside them.
fn items(order: &OrderRecord, record: &CancellationRecord) -> Markup {
    let name = |id: &str| {
        let line = order.lines.iter().find(|line| line.id.as_str() == id);
        line.map_or_else(|| id.to_owned(), |line| line.name.clone())
    };
    html! {
        @if record.scope == Scope::Lines {
            section.items {
                h2 { (words::CANCELED_ITEMS) }
                ul {
                    @for line in &record.lines {
                        li data-line=(line.line) {
                            (line.quantity) " × " (name(line.line.as_str())) " "
                            (state_badge(line.state(record.saga.state())))
                        }
                    }
                }
                @if !record.side_effects.is_empty() {
                    h2 { (words::CANCELED_BESIDE) }
                    ul.beside {
                        @for line in &record.side_effects { li { (line.quantity) " × " (name(&line.line_id)) } }
                    }
                }
            }
        }
    }
}

fn resolutions(signed_in: &SignedIn, record: &CancellationRecord) -> Markup {
    let choices = [
        ("retry", words::RESOLVE_RETRY, words::RESOLVE_RETRY_MEANS),
        ("done", words::RESOLVE_DONE, words::RESOLVE_DONE_MEANS),
        ("refused", words::RESOLVE_REFUSED, words::RESOLVE_REFUSED_MEANS),
    ];
    html! {
        form.resolve method="post" action={ "/cancellations/" (record.id) "/resolve" } data-place {
            (csrf(signed_in.csrf()))
            @for (word, title, means) in choices {
                button name="as" value=(word) title=(means) { (title) } span.sub { (means) }
            }
        }
    }
}

async fn list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let merchant = ask.signed_in.merchant();
    let state = query.read("state", CancellationState::parse)?;
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let said = query.one("said")?.map(|_| words::resolved());
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let mut records =
        cancellations::page(&mut session, merchant, state, ask.signed_in.shops(), before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = records.len() > shown;
    records.truncate(shown);
    let ids: Vec<OrderId> = records.iter().map(|record| record.order.clone()).collect();
    let found = orders::load(&mut session, merchant, &ids).await?;
    let found: HashMap<&OrderId, &OrderRecord> = found.iter().map(|order| (&order.id, order)).collect();
    drop(session);

    let address = |state: Option<CancellationState>, after: Option<&str>| {
        let state = state.map(|state| format!("state={state}"));
        let after = after.map(|after| format!("cursor={}", cursor(&[after])));
        let query: Vec<String> = [state, after].into_iter().flatten().collect();
        if query.is_empty() { "/cancellations".to_owned() } else { format!("/cancellations?{}", query.join("&")) }
    };
    let next = records.last().filter(|_| more).map(|last| address(state, Some(last.id.as_str())));
    let first = before.is_some().then(|| address(state, None));
    let main = html! {
        div.head { h1 { (words::CANCELLATIONS) } @if let Some(said) = said { p.notice role="status" { (said) } } }
        nav.tabs aria-label=(words::COLUMN_STATE) {
            a href="/cancellations" aria-current=[state.is_none().then_some("page")] data-place { (words::EVERY_STATE) }
            @for each in CancellationState::ALL {
                a href=(address(Some(*each), None)) aria-current=[(state == Some(*each)).then_some("page")] data-place {
                    (words::state(*each))
                }
            }
        }
        @if state == Some(CancellationState::NeedsAttention) && !records.is_empty() {
            p.lead { (words::ATTENTION_LEAD) }
        }
        @if records.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_CANCELLATIONS_OF_STATE) } }
        } @else {
            table.plain.cancellations {
                thead {
                    tr {
                        th { (words::COLUMN_ORDER) }
                        th { (words::COLUMN_STATE) }
                        th { (words::COLUMN_REASON) }
                        th { (words::ASKED_BY) }
                        th { (words::ATTEMPTS) }
                        th { (words::COLUMN_MESSAGE) }
                    }
                }
                tbody {
                    @for record in &records { (row(&app, &ask.signed_in, &desk, record, found.get(&record.order).copied())) }
                }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Cancellations, words::CANCELLATIONS, &main))
}

fn row(
    app: &App,
    signed_in: &SignedIn,
    desk: &Desk,
    record: &CancellationRecord,
    order: Option<&OrderRecord>,
) -> Markup {
    let shop = desk.shop(&record.shop);
    let zone = shop.map_or(Zone::UTC, ShopView::zone);
    let state = record.saga.state();
    let age = -seconds_until(record.created_at, app.clock.now());
    html! {
        tr id=(record.id) tabindex="-1" {
            td {
                @match order {
                    Some(order) => a.number href={ "/orders/" (order.id) } { (order.number) },
                    None => code { (record.order) },
                }
                div.sub { @if let Some(order) = order { (platform(order.platform)) " " } @if let Some(shop) = shop { (shop.name) } }
            }
            td data-label=(words::COLUMN_STATE) data-pending[!state.is_final()] {
                a href={ "/cancellations/" (record.id) } data-open { (state_badge(state)) }
                @if !state.is_final() { div.sub { (words::span(age)) } }
            }
            td data-label=(words::COLUMN_REASON) {
                @if let Some(order) = order { (reason_label(app, order.platform, &record.reason)) } @else { (record.reason) }
                (only(record))
                @if let Some(note) = &record.note { div.sub { (note) } }
            }
            td data-label=(words::ASKED_BY) { (record.actor) div.sub { (zone.short(record.created_at)) } }
            td data-label=(words::ATTEMPTS) { (words::times(record.saga.attempts)) }
            td data-label=(words::COLUMN_MESSAGE) {
                (record.platform_message.as_deref().unwrap_or_default())
                @if may_be_resolved(state) && signed_in.permissions.has(Permission::OrdersCancel) {
                    (resolutions(signed_in, record))
                }
            }
        }
    }
}

async fn resolve(
    State(app): State<App>,
    Fragment(_): Fragment,
    Path(id): Path<String>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let resolve_as = match form.fields.one("as") {
        Some("retry") => ResolveAs::Retry,
        Some("done") => ResolveAs::Done,
        Some("refused") => ResolveAs::Refused,
        _ => return Err(Problem::bad_request("bad_parameter", "“as” is retry, done or refused.")),
    };
    let mut session = app.store.read().await?;
    let (record, _) = visible(&mut session, signed_in, &id).await?;
    drop(session);
    let resolved = app.engine.resolve(signed_in.merchant(), signed_in.actor(), &record.id, resolve_as).await;
    resolved.map_err(|error| match error {
        ResolveError::NotFound => Problem::not_found("cancellation"),
        ResolveError::NotNeeded(_) => Problem::conflict("conflict", error.to_string()),
        ResolveError::PlatformDisagrees(_) => Problem::conflict("platform_disagrees", error.to_string()),
        ResolveError::Engine(error) => error.into(),
    })?;
    app.committed();
    Ok(Redirect::to(&saying("/cancellations?state=needs_attention", "resolve", 1)).into_response())
}
