//! The audit: what does not agree, each with the evidence of both sides and its repair; and the audits themselves.

use super::layout::{Ask, Desk, Fragment, Place, csrf, pages, sheet};
use super::stock::movements_address;
use super::times::seconds_until;
use super::words;
use crate::api::differences::{self, AuditSettings};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::difference::DifferenceKind;
use domain::ids::OrderId;
use maud::{Markup, html};
use std::collections::HashMap;
use store::audits::{self, AuditRecord, DifferenceRecord, Search};
use store::orders::{self, OrderRecord};

/// Where the page stands.
pub(super) const ADDRESS: &str = "/audit";
/// Audits that the page shows.
const AUDITS_SHOWN: u32 = 14;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(ADDRESS, get(show))
        .route("/audit/run", post(run))
        .route("/audit/repair", post(repair))
        .route("/audit/settings", get(show_settings).post(save_settings))
}

fn address(search: &Search, ended: bool, after: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if ended {
        query.append_pair("state", "over");
    }
    for (name, value) in [("kind", search.kind.map(DifferenceKind::as_str)), ("cursor", after)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { ADDRESS.to_owned() } else { format!("{ADDRESS}?{query}") }
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::AuditRead)?;
    let merchant = ask.signed_in.merchant();
    let search = differences::search(&ask.signed_in, &query)?;
    let said = match query.one("said")? {
        Some("began") => Some(words::AUDIT_BEGAN),
        Some("repaired") => Some(words::AUDIT_REPAIRED),
        _ => None,
    };
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let (found, next) = differences::page(&mut session, &ask.signed_in, &search, &query).await?;
    let ids: Vec<OrderId> = found.iter().filter_map(|found| found.found.order.clone()).collect();
    let orders = orders::load(&mut session, merchant, &ids).await?;
    let orders: HashMap<&OrderId, &OrderRecord> = orders.iter().map(|order| (&order.id, order)).collect();
    let audits = audits::audits(&mut session, merchant, None, AUDITS_SHOWN).await?;
    drop(session);
    let going_on = audits.first().is_some_and(|audit| audit.ended_at.is_none());
    let may_repair = ask.signed_in.permissions.has(Permission::StockAdjust);
    let now = app.clock.now();
    let last = audits.iter().find_map(|audit| audit.ended_at);
    let first = query.one("cursor")?.is_some().then(|| address(&search, search.ended, None));
    let next = next.map(|next| address(&search, search.ended, Some(&next)));
    let main = html! {
        div.head {
            h1 { (words::AUDIT) }
            @if let Some(said) = said { p.notice role="status" { (said) } }
            form method="post" action="/audit/run" data-place {
                (csrf(ask.signed_in.csrf()))
                button.primary disabled[going_on] { (words::AUDIT_NOW) }
            }
            @if may_repair { a.button href="/audit/settings" data-open { (words::AUDIT_SETTINGS) } }
            p.lead {
                (words::AUDIT_LEAD)
                @if let Some(last) = last { " " (words::last_audit(&words::ago(seconds_until(now, last)))) }
            }
        }
        nav.tabs aria-label=(words::AUDIT) {
            a href=(address(&search, false, None)) aria-current=[(!search.ended).then_some("page")] data-place { (words::AUDIT_OPEN) }
            a href=(address(&search, true, None)) aria-current=[search.ended.then_some("page")] data-place { (words::AUDIT_OVER) }
        }
        (filters(&search))
        @if found.is_empty() {
            div.empty {
                h2 { (words::LIST_IS_EMPTY) }
                p {
                    @if search.ended { (words::AUDIT_NOTHING_OVER) }
                    @else if last.is_none() && going_on { (words::AUDIT_FIRST) }
                    @else if last.is_none() { (words::AUDIT_NEVER) }
                    @else { (words::AUDIT_CLEAN) }
                }
            }
        } @else {
            table.plain.differences {
                thead {
                    tr {
                        th { (words::COLUMN_DIFFERENCE) }
                        th { (words::COLUMN_ABOUT) }
                        th { (words::COLUMN_OURS) }
                        th { (words::COLUMN_THEIRS) }
                        th { (words::COLUMN_AGE) }
                        th { @if search.ended { (words::COLUMN_ENDED) } @else { (words::COLUMN_ACTION) } }
                    }
                }
                tbody { @for found in &found { (row(&app, &ask.signed_in, &desk, found, &orders, may_repair)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
        @if !audits.is_empty() { (runs(&desk, &audits)) }
    };
    Ok(desk.page(&ask, Place::Audit, words::AUDIT, &main))
}

fn filters(search: &Search) -> Markup {
    html! {
        form.filters method="get" action=(ADDRESS) data-place {
            @if search.ended { input type="hidden" name="state" value="over"; }
            label {
                span { (words::KIND) }
                select name="kind" {
                    option value="" selected[search.kind.is_none()] { (words::EVERY_KIND) }
                    @for &kind in DifferenceKind::ALL {
                        option value=(kind) selected[search.kind == Some(kind)] { (words::difference(kind)) }
                    }
                }
            }
            div.apply { button.primary { (words::SHOW) } }
        }
    }
}

fn row(
    app: &App,
    signed_in: &SignedIn,
    desk: &Desk,
    record: &DifferenceRecord,
    orders: &HashMap<&OrderId, &OrderRecord>,
    may_repair: bool,
) -> Markup {
    let found = &record.found;
    let order = found.order.as_ref().and_then(|id| orders.get(id)).filter(|order| signed_in.sees(&order.shop));
    let shop = found.shop.as_ref().and_then(|shop| desk.shop(shop));
    let zone = desk.zone();
    html! {
        tr id=(record.id) tabindex="-1" {
            td { strong { (words::difference(found.kind)) } }
            td data-label=(words::COLUMN_ABOUT) {
                @if let Some(order) = order { a.number href={ "/orders/" (order.id) } { (order.number) } }
                @if let Some(sku) = &found.sku {
                    div {
                        @match &found.warehouse {
                            Some(warehouse) => a href=(movements_address(warehouse, sku)) { code { (sku) } },
                            None => a href={ "/stock?sku=" (sku) } { code { (sku) } },
                        }
                    }
                }
                @if let Some(shop) = shop { div.sub { (shop.name) } }
            }
            td data-label=(words::COLUMN_OURS) { (found.ours) }
            td data-label=(words::COLUMN_THEIRS) { (found.theirs) }
            td data-label=(words::COLUMN_AGE) {
                @let until = record.ended.as_ref().map_or_else(|| app.clock.now(), |ended| ended.at);
                (words::span(seconds_until(until, record.found_at)))
                div.sub { (zone.short(record.found_at)) }
            }
            @match &record.ended {
                Some(ended) => td data-label=(words::COLUMN_ENDED) {
                    (ended.outcome)
                    div.sub { (ended.by) ", " (zone.short(ended.at)) }
                },
                None => td.action {
                    @if may_repair {
                        form method="post" action="/audit/repair" data-place {
                            (csrf(signed_in.csrf()))
                            button name="difference" value=(record.id) title=(words::repair_means(found.kind)) { (words::repair(found.kind)) }
                        }
                    }
                },
            }
        }
    }
}

fn runs(desk: &Desk, audits: &[AuditRecord]) -> Markup {
    html! {
        section {
            h2 { (words::AUDIT_RUNS) }
            table.plain.audits {
                thead { tr { th { (words::COLUMN_BEGAN) } th { (words::COLUMN_WHO) } th { (words::COLUMN_SUMMARY) } } }
                tbody {
                    @for audit in audits {
                        tr tabindex="-1" data-pending[audit.ended_at.is_none()] {
                            td { (desk.zone().short(audit.began_at)) }
                            td data-label=(words::COLUMN_WHO) { (audit.asked_by) }
                            td data-label=(words::COLUMN_SUMMARY) {
                                @if audit.ended_at.is_some() { (words::audit_summary(audit)) } @else { span.running { (words::GOES_ON) } }
                                @for failed in &audit.failed { div.sub.bad { (failed) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn run(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::AuditRead)?;
    let mut session = app.store.begin().await?;
    differences::begin(&app, &mut session, signed_in).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to("/audit?said=began").into_response())
}

async fn repair(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let id = form.fields.one("difference").unwrap_or_default();
    differences::carry_out(&app, &form.signed_in, id).await?;
    Ok(Redirect::to("/audit?said=repaired").into_response())
}

async fn show_settings(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockAdjust)?;
    let mut session = app.store.read().await?;
    let settings = audits::settings(&mut session, ask.signed_in.merchant()).await?;
    let main = html! {
        h1 { (words::AUDIT_SETTINGS) }
        form.stock-in method="post" action="/audit/settings" data-sheet-form {
            (csrf(ask.signed_in.csrf()))
            label {
                span { (words::AUDIT_EVERY) }
                input type="number" name="hours" min="1" max="744" required value=(settings.every_hours);
            }
            label {
                span { (words::AUDIT_PARCEL_DAYS) }
                input type="number" name="days" min="1" max="999" required value=(settings.parcel_lost_days);
            }
            div.actions { button.primary { (words::SAVE) } a.button href=(ADDRESS) data-dismiss { (words::CLOSE) } }
        }
    };
    sheet(&app, &mut session, &ask, Place::Audit, words::AUDIT_SETTINGS, &main).await
}

async fn save_settings(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let unreadable = || Problem::unprocessable("invalid_body", words::NUMBERS_UNREADABLE, words::NUMBERS_UNREADABLE);
    let number = |name| form.fields.one(name).and_then(|text| text.trim().parse().ok()).ok_or_else(unreadable);
    let wish = AuditSettings { every_hours: number("hours")?, parcel_lost_days: number("days")? };
    let mut session = app.store.begin().await?;
    differences::change_settings(&app, &mut session, &form.signed_in, wish).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(ADDRESS).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_is_shown() {
        let search = Search { kind: Some(DifferenceKind::ListingDiffers), ..Search::default() };
        assert_eq!(address(&search, false, None), "/audit?kind=listing_differs");
        assert_eq!(address(&search, true, Some("ff")), "/audit?state=over&kind=listing_differs&cursor=ff");
        assert_eq!(address(&Search::default(), false, None), ADDRESS);
    }
}
