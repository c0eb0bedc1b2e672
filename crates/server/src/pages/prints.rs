//! Prints with their pick lists, and the pull list.

use super::layout::{Ask, Desk, Fragment, Place, ShopView, csrf, pages, platform};
use super::times::Zone;
use super::words;
use crate::api::prints::{PULLS_MAX, page, picks_of, pull};
use crate::api::scan::code_of;
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::picks::{self, Picks, Shelves};
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use engine::pull_list::Pull;
use maud::{Markup, html};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/prints", get(list))
        .route("/prints/{id}", get(show))
        .route("/pull-list", get(pull_list))
        .route("/pull-list/pulled", post(pulled))
}

async fn list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let after = query.after::<1>()?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &ask.signed_in, before, query.limit()?).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let next = next.map(|cursor| format!("/prints?cursor={cursor}"));
    let first = before.map(|_| "/prints");
    let main = html! {
        div.head { h1 { (words::PRINTS) } p.lead { (words::PRINTS_LEAD) } }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_PRINTS) } }
        } @else {
            table.plain.prints {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th.number { (words::COLUMN_LABELS) }
                        th { (words::COLUMN_WHO) }
                        th { (words::PICK_LIST) }
                    }
                }
                tbody {
                    @for batch in &found {
                        tr tabindex="-1" {
                            td { (desk.zone().exact(batch.at)) }
                            td.number data-label=(words::COLUMN_LABELS) { (words::number(i64::from(batch.labels))) }
                            td data-label=(words::COLUMN_WHO) { (batch.actor) }
                            td { a.number href={ "/prints/" (batch.id) } data-place { (words::PICK_LIST) } }
                        }
                    }
                }
            }
            div.below { p {} (pages(first, next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Prints, words::PRINTS, &main))
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let (batch, picks) = picks_of(&mut session, &ask.signed_in, &id).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let title = words::print_of(batch.labels, &batch.actor);
    let main = html! {
        div.head {
            h1 { (title) }
            p.lead { (desk.zone().exact(batch.at)) " · " a href="/prints" data-place { (words::TO_PRINTS) } }
            p.sub.screen-only { (words::PRINT_THIS_PAGE) }
        }
        h2 { (words::PICK_LIST) }
        (pick_table(&picks))
        h2 { (words::PARCELS) }
        (parcel_table(&desk, &picks))
    };
    Ok(desk.page(&ask, Place::Prints, &title, &main))
}

fn pick_table(picks: &Picks) -> Markup {
    html! {
        @if picks.picks.is_empty() {
            p.sub { (words::NOTHING_TO_PICK) }
        } @else {
            table.plain.picks {
                thead {
                    tr {
                        th { (words::COLUMN_SHELF) }
                        th { (words::SKU) }
                        th { (words::LINE_PRODUCT) }
                        th.number { (words::COLUMN_UNITS) }
                        th { (words::FOR_PLACES) }
                    }
                }
                tbody {
                    @for pick in &picks.picks {
                        tr {
                            td { strong { (pick.shelf.as_deref().unwrap_or("–")) } }
                            td data-label=(words::SKU) { code { (pick.sku) } }
                            td data-label=(words::LINE_PRODUCT) { (pick.name) }
                            td.number data-label=(words::COLUMN_UNITS) { strong { (words::number(i64::from(pick.units))) } }
                            td data-label=(words::FOR_PLACES) { (places(&pick.positions)) }
                        }
                    }
                }
            }
        }
    }
}

fn places(positions: &[u32]) -> String {
    positions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn parcel_table(desk: &Desk, picks: &Picks) -> Markup {
    html! {
        table.plain.parcels {
            thead {
                tr {
                    th.number { (words::COLUMN_PLACE) }
                    th { (words::COLUMN_ORDER) }
                    th { (words::COLUMN_PARCEL) }
                    th { (words::COLUMN_CONTENTS) }
                }
            }
            tbody {
                @for parcel in &picks.parcels {
                    @let shop = desk.shop(&parcel.order.shop);
                    tr.stopped[parcel.stopped.is_some()] {
                        td.number { (parcel.label.position) }
                        td data-label=(words::COLUMN_ORDER) {
                            a.number href={ "/orders/" (parcel.order.id) } { (parcel.order.number) }
                            div.sub { (platform(parcel.order.platform)) " " @if let Some(shop) = shop { (shop.name) } }
                        }
                        td data-label=(words::COLUMN_PARCEL) {
                            (picks::tracking_number(&parcel.order, &parcel.label.package).unwrap_or(parcel.label.package.as_str()))
                            @if let Some(why) = parcel.stopped { p.bad { strong { (words::pull_why(why)) } } }
                        }
                        td data-label=(words::COLUMN_CONTENTS) {
                            @for line in picks::lines_in(&parcel.order, &parcel.label.package) {
                                div { @if parcel.stopped.is_some() { (line.quantity) } @else { (line.live()) } " × " code { (line.merchant_sku) } " " span.sub { (line.name) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn pull_list(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let by_shelf = query.one("by")? == Some("shelf");
    let mut session = app.store.read().await?;
    let merchant = ask.signed_in.merchant();
    let mut pulls = app.engine.pull_list(&mut session, merchant, ask.signed_in.shops(), PULLS_MAX).await?;
    let shelves = picks::shelves_of(&mut session, &ask.signed_in, pulls.iter().map(|pull| &pull.order)).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    if by_shelf {
        pulls.sort_by_cached_key(|pull| places_of(&shelves, pull));
    }
    let may_pull = ask.signed_in.permissions.has(Permission::OrdersProcess);
    let main = html! {
        div.head {
            h1 { (words::PULL_LIST) }
            p.lead { (words::PULL_LIST_LEAD) }
            @if !pulls.is_empty() { p.summary role="status" { (words::parcels_to_pull(pulls.len())) } }
        }
        @if may_pull {
            form.scan method="post" action="/pull-list/pulled" data-scan {
                (csrf(ask.signed_in.csrf()))
                @if by_shelf { input type="hidden" name="by" value="shelf"; }
                label.wide {
                    span { (words::PULL_SCAN) }
                    input #search type="text" name="code" autocomplete="off" autocapitalize="off" spellcheck="false" autofocus
                        maxlength="200" placeholder=(words::SCAN_CODE);
                }
                button.primary { (words::PULLED_BUTTON) }
                output #waiting data-words=(words::SCANS_WAITING) {}
            }
        }
        @if let Some(why) = query.one("why")? {
            p.scanned.bad role="alert" data-sound="stop" data-scanned=(why) { (why) }
        }
        @if let Some(code) = query.one("pulled")? {
            p.scanned.good role="status" data-sound="ship" data-scanned=(code) { strong { (code) } ": " (words::PULLED) }
        }
        nav.tabs aria-label=(words::PULL_LIST) {
            a href="/pull-list" aria-current=[(!by_shelf).then_some("page")] data-place { (words::BY_PRINT) }
            a href="/pull-list?by=shelf" aria-current=[by_shelf.then_some("page")] data-place { (words::BY_SHELF) }
        }
        @if pulls.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::PULL_LIST_EMPTY) } }
        } @else {
            (pull_table(&desk, &shelves, &pulls, by_shelf))
        }
    };
    Ok(desk.page(&ask, Place::PullList, words::PULL_LIST, &main))
}

/// Where a parcel's first product lies: by shelf, then by SKU where there is no shelf.
fn places_of(shelves: &Shelves, pull: &Pull) -> (bool, String, String) {
    let first = picks::lines_in(&pull.order, &pull.printed.package).map(|line| {
        let shelf = shelves.get(&(line.warehouse.clone(), line.merchant_sku.clone()));
        (shelf.is_none(), shelf.cloned().unwrap_or_default(), line.merchant_sku.to_string())
    });
    first.min().unwrap_or_default()
}

fn pull_table(desk: &Desk, shelves: &Shelves, pulls: &[Pull], by_shelf: bool) -> Markup {
    html! {
        table.plain.pulls {
            thead {
                tr {
                    th.number { (words::COLUMN_PLACE) }
                    th { (words::COLUMN_ORDER) }
                    th { (words::COLUMN_PARCEL) }
                    th { (words::COLUMN_WHY) }
                    th { (words::COLUMN_CONTENTS) }
                }
            }
            tbody {
                @for (index, pull) in pulls.iter().enumerate() {
                    @let batch = pull.printed.print.as_ref().map(|(batch, _)| batch);
                    @let before = index.checked_sub(1).and_then(|index| pulls.get(index));
                    @if !by_shelf && before.is_none_or(|before| before.printed.print.as_ref().map(|(batch, _)| batch) != batch) {
                        (print_heading(desk, pull))
                    }
                    (pull_row(desk, shelves, pull))
                }
            }
        }
    }
}

fn print_heading(desk: &Desk, pull: &Pull) -> Markup {
    html! {
        tr.print {
            th colspan="5" scope="rowgroup" {
                @match &pull.printed.print {
                    Some((batch, _)) => {
                        a href={ "/prints/" (batch) } data-place {
                            @if let Some(at) = pull.printed.printed_at { (desk.zone().exact(at)) }
                            " · " (pull.printed.printed_by.as_deref().unwrap_or_default())
                        }
                    }
                    None => (words::PRINTED_EARLIER),
                }
            }
        }
    }
}

fn pull_row(desk: &Desk, shelves: &Shelves, pull: &Pull) -> Markup {
    let shop = desk.shop(&pull.order.shop);
    let zone = shop.map_or(Zone::UTC, ShopView::zone);
    let package = &pull.printed.package;
    html! {
        tr tabindex="-1" data-number=(pull.order.number) {
            td.number data-label=(words::COLUMN_PLACE) {
                @if let Some((_, position)) = &pull.printed.print { strong { (position) } }
            }
            td data-label=(words::COLUMN_ORDER) {
                a.number href={ "/orders/" (pull.order.id) } { (pull.order.number) }
                div.sub { (platform(pull.order.platform)) " " @if let Some(shop) = shop { (shop.name) } }
            }
            td data-label=(words::COLUMN_PARCEL) {
                @if let Some(number) = picks::tracking_number(&pull.order, package) { div { (number) } }
                div.sub { (package) }
            }
            td data-label=(words::COLUMN_WHY) {
                strong.bad { (words::pull_why(pull.why)) }
                @if let Some(at) = pull.order.canceled_at { div.sub { (zone.short(at)) } }
            }
            td data-label=(words::COLUMN_CONTENTS) {
                @for line in picks::lines_in(&pull.order, package) {
                    div {
                        @if let Some(shelf) = shelves.get(&(line.warehouse.clone(), line.merchant_sku.clone())) {
                            strong { (shelf) } " "
                        }
                        (line.quantity) " × " code { (line.merchant_sku) } " " span.sub { (line.name) }
                    }
                }
            }
        }
    }
}

async fn pulled(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let code = form.fields.one("code").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let done = match code_of(code) {
        Ok(code) => pull(&app, &mut session, signed_in, code).await,
        Err(problem) => Err(problem),
    };
    let (name, value) = match &done {
        Ok(_) => {
            session.commit().await?;
            app.committed();
            ("pulled", code.trim())
        }
        Err(problem) if problem.status.is_client_error() => ("why", problem.detail.as_str()),
        Err(problem) => return Err(problem.clone()),
    };
    let mut told = url::form_urlencoded::Serializer::new(String::new());
    if form.fields.one("by") == Some("shelf") {
        told.append_pair("by", "shelf");
    }
    told.append_pair(name, value);
    Ok(Redirect::to(&format!("/pull-list?{}", told.finish())).into_response())
}
