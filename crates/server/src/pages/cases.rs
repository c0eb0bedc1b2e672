//! Shipped after cancel: the cases, each with the story that a marketplace's appeal asks for.

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, pages, platform};
use super::times::Zone;
use super::words;
use crate::api::cases::{Wish, carry_out, page, visible_case};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::case::{self, Resolution};
use engine::cases::Told;
use maud::{Markup, html};
use store::cases::CaseRecord;
use store::orders::OrderRecord;

pub(super) fn router() -> Router<App> {
    Router::new().route("/cases", get(list)).route("/cases/{id}", get(show).post(resolve))
}

fn address(state: case::State, after: Option<&str>) -> String {
    let after = after.map(|after| format!("&cursor={after}")).unwrap_or_default();
    format!("/cases?state={state}{after}")
}

async fn list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let state = query.read("state", case::State::parse)?.unwrap_or(case::State::Open);
    let after = query.after::<2>()?;
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &ask.signed_in, state, after.as_ref(), query.limit()?).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let next = next.map(|cursor| address(state, Some(&cursor)));
    let first = after.is_some().then(|| address(state, None));
    let main = html! {
        div.head { h1 { (words::CASES) } p.lead { (words::CASES_LEAD) } }
        nav.tabs aria-label=(words::COLUMN_STATE) {
            @for &tab in case::State::ALL {
                a href=(address(tab, None)) aria-current=[(tab == state).then_some("page")] data-place { (words::case_state(tab)) }
            }
        }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::no_cases(state)) } }
        } @else {
            table.plain.cases {
                thead {
                    tr {
                        th { (words::COLUMN_ORDER) }
                        th { (words::CANCELED_AT) }
                        th { (words::COURIER_SCAN) }
                        th.number { (words::COLUMN_UNITS) }
                        th { (words::COLUMN_STATE) }
                    }
                }
                tbody { @for (case, order) in &found { (row(&desk, case, order)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Cases, words::CASES, &main))
}

fn row(desk: &Desk, case: &CaseRecord, order: &OrderRecord) -> Markup {
    let shop = desk.shop(&order.shop);
    let zone = shop.map_or(Zone::UTC, ShopView::zone);
    html! {
        tr tabindex="-1" {
            td {
                a.number href={ "/cases/" (order.id) } data-place { (order.number) }
                div.sub { (platform(order.platform)) " " @if let Some(shop) = shop { (shop.name) } }
            }
            td data-label=(words::CANCELED_AT) { @if let Some(at) = order.canceled_at { (zone.short(at)) } }
            td data-label=(words::COURIER_SCAN) { (zone.short(case.scanned_at)) div.sub { code { (case.scanned_as) } } }
            td.number data-label=(words::COLUMN_UNITS) {
                (words::number(i64::from(case.units)))
                @if case.unexplained > 0 { div.sub.late { (words::unexplained(case.unexplained)) } }
            }
            td data-label=(words::COLUMN_STATE) {
                (words::case_state(case.state))
                @if let Some(reference) = &case.reference { div.sub { (reference) } }
            }
        }
    }
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let (case, order, told) = visible_case(&mut session, &ask.signed_in, &id).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let shop = desk.shop(&order.shop);
    let zone = shop.map_or(Zone::UTC, ShopView::zone);
    let title = words::case_of(order.number.as_str());
    let main = html! {
        div.head {
            h1 { (title) }
            p.lead {
                (platform(order.platform)) " " @if let Some(shop) = shop { (shop.name) } " · "
                a href={ "/orders/" (order.id) } { (words::TO_ORDER) } " · " a href="/cases" data-place { (words::TO_CASES) }
            }
        }
        @if let Some(why) = query.one("why")? { p.scanned.bad role="alert" { (why) } }
        dl.facts {
            div { dt { (words::COLUMN_STATE) } dd { strong { (words::case_state(case.state)) } } }
            div { dt { (words::COURIER_SCAN) } dd { (zone.short(case.scanned_at)) " " code { (case.scanned_as) } } }
            @for package in &order.packages {
                div {
                    dt { (words::COLUMN_PARCEL) }
                    dd { (package.tracking_number.as_deref().unwrap_or(package.number.as_str())) " " span.sub { (package.carrier) } }
                }
            }
            div { dt { (words::COLUMN_UNITS) } dd { (words::number(i64::from(case.units))) } }
            @if case.unexplained > 0 { div { dt { (words::DIFFERENCE) } dd.late { (words::unexplained(case.unexplained)) } } }
            @if let Some(reference) = &case.reference { div { dt { (words::REFERENCE) } dd { (reference) } } }
            @if let Some(note) = &case.note { div { dt { (words::NOTE) } dd { (note) } } }
            @if let Some((by, at)) = &case.ended { div { dt { (words::ENDED) } dd { (by) " " (zone.short(*at)) } } }
        }
        @if case.state.is_watched() && ask.signed_in.permissions.has(Permission::StockAdjust) { (forms(&ask, &case)) }
        @if case.state == case::State::CameBack {
            p { a.button href={ "/stock-ins/scan?order=" (order.id) } { (words::STOCK_IN) } }
        }
        h2 { (words::STORY) }
        (timeline(zone, &told))
    };
    Ok(desk.page(&ask, Place::Cases, &title, &main))
}

fn timeline(zone: Zone, told: &[Told]) -> Markup {
    html! {
        table.plain.story {
            thead {
                tr {
                    th { (words::COLUMN_AT) }
                    th { (words::COLUMN_WHAT) }
                    th { (words::COLUMN_WHO) }
                    th { (words::COLUMN_DETAIL) }
                    th { (words::CLOCK) }
                }
            }
            tbody {
                @for told in told {
                    tr.scan[told.step == case::Step::CourierScan] {
                        td { (zone.exact(told.at)) }
                        td data-label=(words::COLUMN_WHAT) { strong { (words::case_step(told.step)) } }
                        td data-label=(words::COLUMN_WHO) { (told.actor) }
                        td data-label=(words::COLUMN_DETAIL) { (told.detail) }
                        td data-label=(words::CLOCK) { @if told.by_platform { (words::CLOCK_PLATFORM) } @else { (words::CLOCK_HERE) } }
                    }
                }
            }
        }
    }
}

/// What a person may say of the case.
fn forms(ask: &Ask, case: &CaseRecord) -> Markup {
    let offered = |resolution: Resolution| case.state.after(resolution).is_some();
    html! {
        div.resolutions {
            @if offered(Resolution::CameBack) {
                form method="post" action={ "/cases/" (case.order) } data-place data-follow {
                    (csrf(ask.signed_in.csrf()))
                    button.primary name="as" value="came_back" { (words::CAME_BACK) }
                }
            }
            @if offered(Resolution::Claimed) {
                form.filters method="post" action={ "/cases/" (case.order) } data-place data-follow {
                    (csrf(ask.signed_in.csrf()))
                    label { span { (words::REFERENCE) } input name="reference" required maxlength="200" autocomplete="off"; }
                    label.wide { span { (words::NOTE) } input name="note" maxlength="1000" autocomplete="off"; }
                    div.apply { button name="as" value="claimed" { (words::MARK_CLAIMED) } }
                }
            }
            @if offered(Resolution::Closed) {
                form.filters method="post" action={ "/cases/" (case.order) } data-place data-follow {
                    (csrf(ask.signed_in.csrf()))
                    label.wide { span { (words::REASON) } input name="note" required maxlength="1000" autocomplete="off"; }
                    div.apply { button name="as" value="closed" { (words::CLOSE_CASE) } }
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
    let text = |name: &str| form.fields.one(name).map(str::to_owned);
    let wish = Wish { kind: text("as").unwrap_or_default(), reference: text("reference"), note: text("note") };
    let mut session = app.store.begin().await?;
    match carry_out(&app, &mut session, &form.signed_in, &id, &wish).await {
        Ok((case, _)) => {
            session.commit().await?;
            app.committed();
            Ok(Redirect::to(&format!("/cases/{}", case.order)).into_response())
        }
        Err(problem) if problem.status.as_u16() == 409 || problem.status.as_u16() == 422 => {
            let why = url::form_urlencoded::Serializer::new(String::new()).append_pair("why", &problem.detail).finish();
            Ok(Redirect::to(&format!("/cases/{id}?{why}")).into_response())
        }
        Err(problem) => Err(problem),
    }
}
