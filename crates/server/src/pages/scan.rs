//! The scan page: a scanner's codes in, big words, colour and sound out.
//!
//! The scanner types its code and presses Enter, so that the page is a form with one field. With the script, codes that come
//! faster than answers wait in line; without it, each is a page.

use super::layout::{Ask, Desk, Fragment, Place, csrf, platform};
use super::times::Zone;
use super::words;
use crate::api::scan::{carry_out, code_of, hear_of};
use crate::api::stock_ins::short;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::ids::PackageNumber;
use domain::scan::{Reason, Verdict};
use maud::{Markup, html};
use std::collections::HashMap;
use store::orders::{self, OrderRecord};
use store::scans::{self, ScanRecord};

/// Scans that are listed below the field.
const LISTED: u32 = 12;

pub(super) fn router() -> Router<App> {
    Router::new().route("/scan", get(show).post(submit))
}

/// What the panel says.
struct Told {
    code: String,
    verdict: Verdict,
    reason: Reason,
    order: Option<OrderRecord>,
    package: Option<PackageNumber>,
    several: Vec<OrderRecord>,
    note: &'static str,
    /// What tells one scan from the next, for the sound.
    id: String,
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    let signed_in = &ask.signed_in;
    signed_in.need(Permission::OrdersRead)?;
    let merchant = signed_in.merchant();
    let may_ship = signed_in.permissions.has(Permission::OrdersProcess);
    let mut session = app.store.read().await?;
    let told = match (query.one("scan")?, query.one("check")?) {
        (Some(id), _) => {
            let scan = scans::load(&mut session, merchant, id).await?.filter(|scan| scan.actor == signed_in.actor());
            let scan = scan.ok_or_else(|| Problem::not_found("scan"))?;
            let order = match &scan.order {
                Some(order) => orders::load_one(&mut session, merchant, order).await?,
                None => None,
            };
            let note = if scan.shipped { words::SCANNED_OUT } else { "" };
            let (order, package) = (order.filter(|order| signed_in.sees(&order.shop)), scan.package.clone());
            let (code, verdict, reason) = (scan.code, scan.verdict, scan.reason);
            Some(Told { code, verdict, reason, order, package, several: Vec::new(), note, id: id.to_owned() })
        }
        (None, Some(code)) => {
            let scanned = app.engine.look_up(&mut session, merchant, signed_in.shops(), code_of(code)?).await?;
            let (order, package) = scanned.parcel.map_or((None, None), |parcel| (Some(parcel.order), parcel.package));
            Some(Told {
                code: scanned.code,
                verdict: scanned.verdict,
                reason: scanned.reason,
                order,
                package,
                several: scanned.several,
                note: words::CHECKED_ONLY,
                id: format!("check-{code}"),
            })
        }
        (None, None) => None,
    };
    let last = scans::latest(&mut session, merchant, signed_in.actor(), LISTED).await?;
    let ids: Vec<_> = last.iter().filter_map(|(_, scan)| scan.order.clone()).collect();
    let known = orders::load(&mut session, merchant, &ids).await?;
    let known: HashMap<_, _> = known.iter().map(|order| (&order.id, order)).collect();
    let desk = Desk::load(&app, &mut session, signed_in).await?;
    drop(session);
    let checks = !may_ship || query.one("check")?.is_some();
    let main = html! {
        div.head { h1 { (words::SCAN_PARCELS) } p.lead { (words::SCAN_PARCELS_LEAD) } }
        form.scan method="post" action="/scan" data-scan {
            (csrf(signed_in.csrf()))
            label.wide {
                span { (words::SCAN_CODE) }
                input #search type="text" name="code" autocomplete="off" autocapitalize="off" spellcheck="false" autofocus
                    maxlength="200" placeholder=(words::SCAN_CODE);
            }
            button.primary { (words::SCAN_BUTTON) }
            @if may_ship {
                label.check { input type="checkbox" name="check" value="true" checked[checks]; " " (words::CHECK_ONLY) }
            }
            output #waiting data-words=(words::SCANS_WAITING) {}
        }
        @if let Some(why) = query.one("why")? { p.scanned.bad role="alert" { (why) } }
        @if let Some(told) = &told { (panel(&desk, signed_in, told)) }
        h2 { (words::LAST_SCANS) }
        @if last.is_empty() {
            p.sub { (words::NO_SCANS) }
        } @else {
            table.plain.scans {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th { (words::COLUMN_CODE) }
                        th { (words::COLUMN_VERDICT) }
                        th { (words::COLUMN_WHY) }
                        th { (words::COLUMN_ORDER) }
                    }
                }
                tbody {
                    @for (_, scan) in &last {
                        @let order = scan.order.as_ref().and_then(|id| known.get(id)).filter(|order| signed_in.sees(&order.shop));
                        (row(&desk, scan, order.copied()))
                    }
                }
            }
        }
    };
    Ok(desk.page(&ask, Place::Scan, words::SCAN_PARCELS, &main))
}

fn panel(desk: &Desk, signed_in: &SignedIn, told: &Told) -> Markup {
    let silent = told.reason == Reason::PlatformSilent;
    let class = if silent { "silent" } else { told.verdict.as_str() };
    html! {
        section.verdict.(class) role="status" aria-live="assertive" data-sound=(class) data-scanned=(told.id) {
            p.word { (words::verdict(told.verdict)) }
            p.why { (told.reason.in_words()) }
            @if let Some(order) = &told.order {
                p.which {
                    a.number href={ "/orders/" (order.id) } { (order.number) }
                    " " (platform(order.platform)) " "
                    @if let Some(shop) = desk.shop(&order.shop) { (shop.name) }
                    @if let Some(package) = &told.package { " · " (package) }
                }
            } @else {
                p.which { code { (told.code) } }
            }
            @for order in &told.several {
                p.which { a.number href={ "/orders/" (order.id) } { (order.number) } " " (platform(order.platform)) }
            }
            @if !told.note.is_empty() { p { strong { (told.note) } } }
            @if told.verdict == Verdict::StockIn && signed_in.permissions.has(Permission::StockIn) {
                @if let Some(order) = &told.order {
                    p { a.button href={ "/stock-ins/scan?order=" (order.id) } { (words::STOCK_IN) } }
                }
            }
            @if silent { (pass_form(signed_in, told)) }
        }
    }
}

/// What a supervisor sees where the platform is silent; the others are told who may help.
fn pass_form(signed_in: &SignedIn, told: &Told) -> Markup {
    html! {
        @if signed_in.permissions.has(Permission::OrdersPass) {
            form.pass method="post" action="/scan" data-place data-follow {
                (csrf(signed_in.csrf()))
                input type="hidden" name="code" value=(told.code);
                label.wide { span { (words::PASS_WHY) } input name="pass" required maxlength="1000" autocomplete="off"; }
                button { (words::PASS) }
            }
        } @else {
            p { (words::PASS_NEEDS) }
        }
    }
}

fn row(desk: &Desk, scan: &ScanRecord, order: Option<&OrderRecord>) -> Markup {
    let silent = scan.reason == Reason::PlatformSilent;
    let class = if silent { "silent" } else { scan.verdict.as_str() };
    let zone = order.and_then(|order| desk.shop(&order.shop)).map_or(Zone::UTC, super::layout::ShopView::zone);
    html! {
        tr {
            td { (zone.exact(scan.at)) }
            td data-label=(words::COLUMN_CODE) { code { (scan.code) } }
            td data-label=(words::COLUMN_VERDICT) { span.said.(class) { (words::verdict(scan.verdict)) } }
            td data-label=(words::COLUMN_WHY) {
                @if scan.shipped { (words::SCANNED_OUT) } @else { (scan.reason.in_words()) }
                @if let Some(note) = &scan.note { div.sub { (note) } }
            }
            td data-label=(words::COLUMN_ORDER) {
                @if let Some(order) = order {
                    a.number href={ "/orders/" (order.id) } { (order.number) } " " (platform(order.platform))
                }
            }
        }
    }
}

fn refused(problem: &Problem) -> Response {
    let why = url::form_urlencoded::Serializer::new(String::new()).append_pair("why", &problem.detail).finish();
    Redirect::to(&format!("/scan?{why}")).into_response()
}

async fn submit(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersRead)?;
    let code = match code_of(form.fields.one("code").unwrap_or_default()) {
        Ok(code) => code,
        Err(problem) => return Ok(refused(&problem)),
    };
    if form.fields.one("check").is_some() || !signed_in.permissions.has(Permission::OrdersProcess) {
        let check = url::form_urlencoded::Serializer::new(String::new()).append_pair("check", code).finish();
        return Ok(Redirect::to(&format!("/scan?{check}")).into_response());
    }
    let pass = short(form.fields.one("pass"))?;
    let heard = hear_of(&app, signed_in, code, pass).await?;
    let mut session = app.store.begin().await?;
    match carry_out(&app, &mut session, signed_in, code, heard, pass).await {
        Ok(scan) => {
            session.commit().await?;
            app.committed();
            Ok(Redirect::to(&format!("/scan?scan={}", scan.id)).into_response())
        }
        Err(problem) if problem.status.is_client_error() => Ok(refused(&problem)),
        Err(problem) => Err(problem),
    }
}
