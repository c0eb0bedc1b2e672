//! Canceled orders stock in: the form, its result, the scanner's page, and taking a stock-in back. From a table:
//! `stock_ins/table.rs`.

mod table;

use super::canceled;
use super::layout::{Ask, Fragment, Place, csrf, platform, sheet};
use super::orders::visible;
use super::words;
use crate::api::stock_ins::{ORDERS_MAX, Results, Selection, batch_of, results_of, short};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::{Fields, SignedForm};
use crate::auth::secrets;
use crate::batch_result;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::{LineId, MerchantId, MerchantSku, OrderId, StockInId, WarehouseId};
use domain::order::List;
use domain::stock::Visit;
use engine::stock_ins::{LineVisit, OrderVisit, StockIn};
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use store::idempotency::{self, Kept, Scope};
use store::order_lists::{self, Filter, Sort, SortBy};
use store::orders::{self, LineRecord, OrderRecord};
use store::requests;
use store::shops::{self, WarehouseRecord};
use store::stock_ins::{self, Receipt, Settings};
use store::{Session, StoreError};

/// The longest key of a form, in bytes.
const KEY_MAX: usize = 100;
/// Orders that a scanned code may name at the most.
const SCANNED_MAX: u32 = 20;
/// The path that a form's key belongs to.
const PATH: &str = "/stock-ins";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/stock-ins/new", get(new).post(new_of_selected))
        .route("/stock-ins", post(submit))
        .route("/stock-ins/all", post(submit_all))
        .route("/stock-ins/batches/{id}", get(batch))
        .route("/stock-ins/batches/{id}/result.xlsx", get(batch_file))
        .merge(table::router())
        .route("/stock-ins/scan", get(scan))
        .route("/stock-ins/settings", get(settings).post(save_settings))
        .route("/stock-ins/{id}/undo", get(undo).post(submit_undo))
}

const fn place() -> Place {
    Place::List(List::Canceled)
}

// --- the form

async fn new(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockIn)?;
    let ids: Vec<&str> = query.all("order").collect();
    let everything = query.read("query", |text| serde_json::from_str::<Selection>(text))?;
    form_page(&app, &ask, &ids, everything.as_ref()).await
}

async fn new_of_selected(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form: SignedForm,
) -> Result<Markup, Problem> {
    form.signed_in.need(Permission::StockIn)?;
    let ids: Vec<&str> = form.fields.all("order").collect();
    let ask = Ask { signed_in: form.signed_in.clone(), fragment };
    form_page(&app, &ask, &ids, None).await
}

async fn form_page(app: &App, ask: &Ask, ids: &[&str], everything: Option<&Selection>) -> Result<Markup, Problem> {
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let warehouses = shops::warehouses(&mut session, merchant).await?;
    let settings = stock_ins::settings(&mut session, merchant).await?;
    let main = match everything {
        Some(selection) => {
            // Refused here already, where it can still be changed.
            let filter = selection.filter(app, &ask.signed_in)?;
            let left = stock_ins::count_not_restockable(&mut session, merchant, &filter).await?;
            everything_form(ask, selection, left, &warehouses, &settings)?
        }
        None => {
            if ids.is_empty() || ids.len() > ORDERS_MAX {
                return Err(Problem::unprocessable("no_orders", words::CHOOSE_ORDERS, words::CHOOSE_ORDERS));
            }
            let mut chosen: Vec<OrderId> = ids.iter().filter_map(|id| OrderId::parse(*id).ok()).collect();
            chosen.dedup();
            let mut found = orders::load(&mut session, merchant, &chosen).await?;
            found.retain(|order| ask.signed_in.sees(&order.shop));
            if found.is_empty() {
                return Err(Problem::not_found("order"));
            }
            let not_restockable = not_restockable(&mut session, merchant, &found).await?;
            html! {
                h1 { (words::STOCK_IN_TITLE) }
                (visit_form(&ask.signed_in, &found, &not_restockable, &warehouses, &settings, None))
            }
        }
    };
    sheet(app, &mut session, ask, place(), words::STOCK_IN_TITLE, &main).await
}

/// Orders whose platform says that the goods cannot be sold again: a hint, which only fills the form in otherwise.
async fn not_restockable(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderRecord],
) -> Result<HashSet<OrderId>, Problem> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id.clone()).collect();
    let hints = requests::restock_hints(session, merchant, &ids).await?;
    Ok(hints.into_iter().filter(|(_, restock)| !restock).map(|(order, _)| order).collect())
}

/// Whether something may be entered for this line.
fn waits(line: &LineRecord) -> bool {
    line.stock.returning > 0 || line.stock.lost > 0
}

fn warehouse_field(warehouses: &[WarehouseRecord], settings: &Settings, orders: &[OrderRecord]) -> Markup {
    let left_from = orders.iter().flat_map(|order| &order.lines).find(|line| waits(line)).map(|line| &line.warehouse);
    let offered = settings.offered(orders.iter().map(|order| &order.shop)).or(left_from);
    html! {
        label {
            span { (words::WAREHOUSE) }
            select name="warehouse" {
                @for warehouse in warehouses {
                    option value=(warehouse.id) selected[Some(&warehouse.id) == offered] { (warehouse.name) }
                }
            }
        }
    }
}

fn note_field() -> Markup {
    html! { label.note { span { (words::NOTE) } input name="note" maxlength="1000" autocomplete="off"; } }
}

/// The form of chosen orders; `next` is where the answer leads, where it is no sheet.
fn visit_form(
    signed_in: &SignedIn,
    orders: &[OrderRecord],
    not_restockable: &HashSet<OrderId>,
    warehouses: &[WarehouseRecord],
    settings: &Settings,
    next: Option<&str>,
) -> Markup {
    // The fields of a line end with its number in the form.
    let mut numbers = 0_usize..;
    let numbered: Vec<(&OrderRecord, Vec<(usize, &LineRecord)>)> = orders
        .iter()
        .map(|order| {
            (
                order,
                order
                    .lines
                    .iter()
                    .filter(|line| waits(line))
                    .map(|line| (numbers.next().unwrap_or_default(), line))
                    .collect(),
            )
        })
        .collect();
    html! {
        form.stock-in method="post" action="/stock-ins" data-sheet-form[next.is_none()] data-place[next.is_some()] data-follow[next.is_some()] {
            (csrf(signed_in.csrf()))
            input type="hidden" name="key" value=(secrets::token());
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
            (warehouse_field(warehouses, settings, orders))
            @for (order, lines) in &numbered {
                fieldset.visit {
                    legend {
                        (order.number) " " (platform(order.platform)) " "
                        @for package in &order.packages {
                            span.sub { (package.tracking_number.as_deref().unwrap_or_default()) " " }
                        }
                    }
                    @if not_restockable.contains(&order.id) { p.sub.bad { (words::NOT_RESTOCKABLE) } }
                    @if !lines.is_empty() {
                        table.plain.visit {
                            thead {
                                tr {
                                    th { (words::LINE_PRODUCT) }
                                    th.number { (words::EXPECTED) }
                                    th.number { (words::SELLABLE) }
                                    th.number { (words::DEFECTIVE) }
                                    th.number { (words::MISSING) }
                                    th.number { (words::FOUND) }
                                }
                            }
                            tbody {
                                @for (number, line) in lines { (entry(order, line, *number, not_restockable.contains(&order.id))) }
                            }
                        }
                    } @else {
                        p.sub { (words::NOTHING_WAITS) }
                    }
                }
            }
            (note_field())
            div.actions {
                button.primary { (words::CONFIRM_STOCK_IN) }
                @if next.is_none() { a.button href=(canceled::ADDRESS) data-dismiss { (words::CLOSE) } }
            }
        }
    }
}

/// One line's numbers. The hidden field says which line is meant and how many units were shown as waiting.
fn entry(order: &OrderRecord, line: &LineRecord, number: usize, not_restockable: bool) -> Markup {
    let returning = line.stock.returning;
    let (sellable, defective) = if not_restockable { (0, returning) } else { (returning, 0) };
    let field = |letter: char, value: u32, most: u32, what: &str, focus: bool| {
        html! {
            td.number data-label=(what) {
                input type="number" name={ (letter) (number) } value=(value) min="0" max=(most) inputmode="numeric"
                    aria-label=(words::units_of(what, line.merchant_sku.as_str())) disabled[most == 0] autofocus[focus];
            }
        }
    };
    html! {
        tr {
            td {
                input type="hidden" name="line" value={ (number) " " (order.id) " " (line.id) " " (returning) " " (line.merchant_sku) };
                div { (line.name) }
                div.sub { code { (line.merchant_sku) } @if !line.variation.is_empty() { " · " (line.variation) } }
            }
            td.number data-label=(words::EXPECTED) { strong { (words::number(i64::from(returning))) } }
            (field('s', sellable, returning, words::SELLABLE, number == 0))
            (field('d', defective, returning, words::DEFECTIVE, false))
            (field('m', 0, returning, words::MISSING, false))
            (field('f', 0, line.stock.lost, words::FOUND, false))
        }
    }
}

/// The form of everything that matches; `left` orders are left as they are, because their goods want to be looked at.
fn everything_form(
    ask: &Ask,
    selection: &Selection,
    left: i64,
    warehouses: &[WarehouseRecord],
    settings: &Settings,
) -> Result<Markup, Problem> {
    let query = serde_json::to_string(selection).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(html! {
        h1 { (words::STOCK_IN_TITLE) }
        p { (words::EVERYTHING_LEAD) }
        @if left > 0 { p.attention role="status" { (words::left_to_look_at(left)) } }
        form.stock-in method="post" action="/stock-ins/all" data-sheet-form {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="key" value=(secrets::token());
            input type="hidden" name="query" value=(query);
            (warehouse_field(warehouses, settings, &[]))
            (note_field())
            div.actions {
                button.primary autofocus { (words::CONFIRM_EVERYTHING) }
                a.button href=(canceled::ADDRESS) data-dismiss { (words::CLOSE) }
            }
        }
    })
}

// --- what was entered

fn bad_form() -> Problem {
    Problem::bad_request("bad_parameter", words::FORM_KEY_MISSING)
}

/// The orders and what was found of them, from the form's fields.
fn entered(fields: &Fields) -> Result<Vec<OrderVisit>, Problem> {
    let mut orders: Vec<OrderVisit> = Vec::new();
    for line in fields.all("line") {
        let mut parts = line.splitn(5, ' ');
        let mut part = || parts.next().ok_or_else(bad_form);
        let (number, order, id, expected, sku) = (part()?, part()?, part()?, part()?, part()?);
        let units = |letter: char| match fields.one(&format!("{letter}{number}")).map(str::trim) {
            None | Some("") => Ok(0),
            Some(text) => text.parse::<u32>().map_err(|_| {
                Problem::unprocessable(
                    "invalid_body",
                    words::UNITS_UNREADABLE,
                    format!("“{text}”: {}", words::UNITS_UNREADABLE),
                )
            }),
        };
        let visit = Visit { sellable: units('s')?, defective: units('d')?, missing: units('m')?, found: units('f')? };
        let order = OrderId::parse(order).map_err(|_| bad_form())?;
        let line = LineVisit {
            line: LineId::parse(id).map_err(|_| bad_form())?,
            sku: MerchantSku::parse(sku).map_err(|_| bad_form())?,
            visit,
            expected: Some(expected.parse().map_err(|_| bad_form())?),
        };
        match orders.iter_mut().find(|known| known.order == order) {
            Some(known) => known.lines.get_or_insert_default().push(line),
            None => orders.push(OrderVisit { order, lines: Some(vec![line]), expected: None }),
        }
    }
    Ok(orders)
}

fn key_of(fields: &Fields) -> Result<&str, Problem> {
    fields.one("key").filter(|key| !key.is_empty() && key.len() <= KEY_MAX).ok_or_else(bad_form)
}

/// What “the same form” means for its key.
fn hash(fields: &Fields) -> String {
    let entered: Vec<&str> = fields.all("line").collect();
    hex::encode(Sha256::digest(entered.join("\n").as_bytes()))
}

/// Carries a form out once, however often it is sent; `change` makes the answer that is kept.
pub(super) async fn once<F>(app: &App, signed_in: &SignedIn, fields: &Fields, change: F) -> Result<String, Problem>
where
    F: AsyncFnOnce(&mut Session) -> Result<String, Problem>,
{
    let key = key_of(fields)?;
    let scope = Scope { merchant: signed_in.merchant(), actor: signed_in.user.id.as_str(), path: PATH, key };
    let mut session = app.store.begin().await?;
    if let Some(kept) = idempotency::find(&mut session, &scope).await? {
        return Ok(kept.answer);
    }
    let answer = change(&mut session).await?;
    let kept = Kept { body_hash: hash(fields), status: 200, answer: answer.clone() };
    match idempotency::keep(&mut session, &scope, &kept, app.clock.now()).await {
        Ok(()) => {
            session.commit().await?;
            app.committed();
            Ok(answer)
        }
        // A twin of this form was faster: its answer is ours.
        Err(StoreError::Exists(_)) => {
            drop(session);
            let mut session = app.store.read().await?;
            let kept = idempotency::find(&mut session, &scope).await?;
            kept.map(|kept| kept.answer).ok_or_else(|| Problem::conflict("conflict", words::STALE_FORM))
        }
        Err(error) => Err(error.into()),
    }
}

fn warehouse_of(fields: &Fields) -> Result<WarehouseId, Problem> {
    WarehouseId::parse(fields.one("warehouse").unwrap_or_default()).map_err(|_| bad_form())
}

async fn submit(State(app): State<App>, Fragment(fragment): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockIn)?;
    let orders = entered(&form.fields)?;
    let warehouse = warehouse_of(&form.fields)?;
    let note = short(form.fields.one("note"))?;
    if orders.is_empty() {
        return Err(Problem::unprocessable("no_orders", words::CHOOSE_ORDERS, words::CHOOSE_ORDERS));
    }
    let answer = once(&app, signed_in, &form.fields, async |session| {
        let request = StockIn {
            actor: signed_in.actor(),
            warehouse: &warehouse,
            orders: &orders,
            note,
            shops: signed_in.shops(),
            batch: None,
        };
        let outcomes = app.engine.stock_in(session, signed_in.merchant(), &request).await?;
        serde_json::to_string(&results_of(outcomes)).map_err(|error| Problem::internal(error.to_string()))
    })
    .await?;
    let results: Results = serde_json::from_str(&answer).map_err(|error| Problem::internal(error.to_string()))?;
    if form.fields.one("next") == Some("scan") {
        let told = match (results.stocked_in.first(), results.skipped.first()) {
            (Some(done), _) => format!("/stock-ins/scan?done={}", done.stock_in_id),
            (None, Some(skipped)) => {
                let why =
                    url::form_urlencoded::Serializer::new(String::new()).append_pair("why", &skipped.detail).finish();
                format!("/stock-ins/scan?{why}")
            }
            (None, None) => "/stock-ins/scan".to_owned(),
        };
        return Ok(Redirect::to(&told).into_response());
    }
    let ask = Ask { signed_in: signed_in.clone(), fragment };
    let mut session = app.store.read().await?;
    let main = outcome(&mut session, signed_in, &results).await?;
    let status = if results.stocked_in.is_empty() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = sheet(&app, &mut session, &ask, place(), words::STOCK_IN_RESULT, &main).await?;
    Ok((status, page).into_response())
}

/// What became of each order.
async fn outcome(session: &mut Session, signed_in: &SignedIn, results: &Results) -> Result<Markup, Problem> {
    let done = results.stocked_in.iter().map(|done| &done.order_id);
    let ids: Vec<OrderId> = done
        .chain(results.skipped.iter().map(|skipped| &skipped.order_id))
        .filter_map(|id| OrderId::parse(id.as_str()).ok())
        .collect();
    let numbers: HashMap<String, String> = orders::numbers(session, signed_in.merchant(), &ids)
        .await?
        .into_iter()
        .map(|(id, number)| (id.to_string(), number.to_string()))
        .collect();
    let number = |id: &str| numbers.get(id).cloned().unwrap_or_else(|| id.to_owned());
    Ok(html! {
        h1 { (words::STOCK_IN_RESULT) }
        p.summary role="status" { (words::outcome(results.stocked_in.len(), results.skipped.len())) }
        table.plain.results {
            thead { tr { th { (words::COLUMN_ORDER) } th { (words::RESULT) } th { (words::COLUMN_ACTION) } } }
            tbody {
                @for skipped in &results.skipped {
                    tr {
                        td { a.number href={ "/orders/" (skipped.order_id) } { (number(&skipped.order_id)) } }
                        td.bad data-label=(words::RESULT) { (skipped.detail) }
                        td { a.button.quiet href={ "/stock-ins/new?order=" (skipped.order_id) } data-open { (words::LOOK_AGAIN) } }
                    }
                }
                @for done in &results.stocked_in {
                    tr {
                        td { a.number href={ "/orders/" (done.order_id) } { (number(&done.order_id)) } }
                        td.good data-label=(words::RESULT) { (words::units_stocked_in(done.units)) }
                        td { a.button.quiet href={ "/stock-ins/" (done.stock_in_id) "/undo" } data-open { (words::UNDO) } }
                    }
                }
            }
        }
        div.actions { a.button.primary href=(canceled::ADDRESS) data-dismiss autofocus { (words::CLOSE) } }
    })
}

async fn submit_all(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockIn)?;
    let query = form.fields.one("query").unwrap_or("{}");
    let selection: Selection = serde_json::from_str(query).map_err(|_| bad_form())?;
    let filter = selection.filter(&app, signed_in)?;
    let warehouse = warehouse_of(&form.fields)?;
    let note = short(form.fields.one("note"))?;
    let id = once(&app, signed_in, &form.fields, async |session| {
        let request = StockIn {
            actor: signed_in.actor(),
            warehouse: &warehouse,
            orders: &[],
            note,
            shops: signed_in.shops(),
            batch: None,
        };
        Ok(app.engine.begin_stock_in_batch(session, signed_in.merchant(), &request, &filter).await?.id)
    })
    .await?;
    Ok(Redirect::to(&format!("/stock-ins/batches/{id}")).into_response())
}

async fn batch(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let found = batch_of(&mut session, &ask.signed_in, &id).await?;
    let (batch, skipped) = found.ok_or_else(|| Problem::not_found("batch"))?;
    let ids: Vec<OrderId> = skipped.iter().map(|order| order.order.clone()).collect();
    let numbers: HashMap<OrderId, String> = orders::numbers(&mut session, ask.signed_in.merchant(), &ids)
        .await?
        .into_iter()
        .map(|(id, number)| (id, number.to_string()))
        .collect();
    let ended = batch.waiting() == 0;
    let main = html! {
        h1 { (words::STOCK_IN_RESULT) }
        div data-live[!ended] data-pending[!ended] {
            progress value=(batch.done + batch.skipped) max=(batch.total.max(1)) {}
            p.summary role="status" { (words::batch_progress(batch.done, batch.skipped, batch.total)) }
            @if !ended { p.sub { (words::PROGRESS_LEAD) } }
        }
        @if !skipped.is_empty() {
            table.plain.results {
                thead { tr { th { (words::COLUMN_ORDER) } th { (words::RESULT) } } }
                tbody {
                    @for order in &skipped {
                        tr {
                            td { a.number href={ "/orders/" (order.order) } { (numbers.get(&order.order).map_or(order.order.as_str(), String::as_str)) } }
                            td.bad data-label=(words::RESULT) { (order.detail.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
        }
        @if u32::try_from(skipped.len()).is_ok_and(|shown| shown < batch.skipped) { p.sub { (words::left_in_part(skipped.len(), batch.skipped)) } }
        div.actions {
            a.button.primary href=(canceled::ADDRESS) data-dismiss autofocus { (words::CLOSE) }
            a.button href={ "/stock-ins/batches/" (batch.id) "/result.xlsx" } download { (words::BATCH_DOWNLOAD) }
        }
    };
    sheet(&app, &mut session, &ask, place(), words::STOCK_IN_RESULT, &main).await
}

/// What became of every order of a batch, as a workbook.
async fn batch_file(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let found = batch_of(&mut session, &ask.signed_in, &id).await?;
    let (batch, _) = found.ok_or_else(|| Problem::not_found("batch"))?;
    batch_result::serve_stock_in(&app, session, ask.signed_in.merchant(), batch).await
}

// --- by scanner

/// What a scanned code names.
enum Scanned {
    Nothing,
    One(Box<OrderRecord>),
    Several(Vec<OrderRecord>),
}

/// The orders with exactly this number, tracking number or package number, as far as the user may see them.
async fn scanned(session: &mut Session, signed_in: &SignedIn, code: &str) -> Result<Scanned, Problem> {
    let merchant = signed_in.merchant();
    let filter =
        Filter { search: Some(code.to_owned()), shops: signed_in.shops().map(<[_]>::to_vec), ..Filter::default() };
    let sort = Sort { by: SortBy::CanceledAt, descending: true };
    let (ids, _) = order_lists::page(session, merchant, &filter, sort, None, SCANNED_MAX).await?;
    let mut found = orders::load(session, merchant, &ids).await?;
    let is = |text: &str| text.eq_ignore_ascii_case(code);
    found.retain(|order| {
        is(order.number.as_str())
            || order
                .packages
                .iter()
                .any(|package| is(package.number.as_str()) || package.tracking_number.as_deref().is_some_and(is))
    });
    let waiting = found.iter().filter(|order| order.lines.iter().any(waits)).count();
    if waiting == 1 {
        found.retain(|order| order.lines.iter().any(waits));
    }
    Ok(match found.len() {
        0 => Scanned::Nothing,
        1 => found.pop().map_or(Scanned::Nothing, |order| Scanned::One(Box::new(order))),
        _ => Scanned::Several(found),
    })
}

async fn scan(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockIn)?;
    let signed_in = &ask.signed_in;
    let merchant = signed_in.merchant();
    let (code, order) = (query.one("code")?, query.one("order")?);
    let mut session = app.store.read().await?;
    let found = match (order, code) {
        (Some(id), _) => Some(Scanned::One(Box::new(visible(&mut session, signed_in, id).await?))),
        (None, Some(code)) => Some(scanned(&mut session, signed_in, code).await?),
        (None, None) => None,
    };
    let warehouses = shops::warehouses(&mut session, merchant).await?;
    let settings = stock_ins::settings(&mut session, merchant).await?;
    let done = match query.one("done")?.and_then(|id| StockInId::parse(id).ok()) {
        Some(id) => match stock_ins::load(&mut session, merchant, &id).await? {
            Some(receipt) => {
                let order = orders::load_one(&mut session, merchant, &receipt.order).await?;
                order.filter(|order| signed_in.sees(&order.shop)).map(|order| (receipt, order))
            }
            None => None,
        },
        None => None,
    };
    let receipts = match &found {
        Some(Scanned::One(order)) => stock_ins::of_order(&mut session, merchant, &order.id).await?,
        _ => Vec::new(),
    };
    let not_restockable = match &found {
        Some(Scanned::One(order)) => not_restockable(&mut session, merchant, std::slice::from_ref(&**order)).await?,
        _ => HashSet::new(),
    };
    let desk = super::layout::Desk::load(&app, &mut session, signed_in).await?;
    drop(session);
    let asks = matches!(&found, Some(Scanned::One(order)) if order.lines.iter().any(waits));
    let main = html! {
        div.head {
            h1 { (words::SCAN) }
            p.lead { (words::SCAN_LEAD) " " a href=(canceled::ADDRESS) { (words::TO_CANCELED) } }
        }
        form.scan method="get" action="/stock-ins/scan" data-place data-clear {
            label.wide {
                span { (words::SCAN_CODE) }
                input #search type="text" name="code" autocomplete="off" spellcheck="false" autofocus[!asks]
                    placeholder=(words::SCAN_CODE);
            }
            button { (words::SHOW) }
        }
        @if let Some((receipt, order)) = &done { (receipt_told(receipt, order)) }
        @if let Some(why) = query.one("why")? { p.scanned.bad role="alert" { (why) } }
        @match &found {
            None => {}
            Some(Scanned::Nothing) => {
                p.scanned.bad role="alert" { (words::scanned_nothing(code.unwrap_or_default())) }
            }
            Some(Scanned::Several(orders)) => {
                p.scanned { (words::SCANNED_SEVERAL) }
                ul.choices {
                    @for order in orders {
                        li {
                            a.button href={ "/stock-ins/scan?order=" (order.id) } { (order.number) }
                            " " (platform(order.platform))
                            @if let Some(shop) = desk.shop(&order.shop) { " " (shop.name) }
                        }
                    }
                }
            }
            Some(Scanned::One(order)) if asks => {
                (visit_form(signed_in, std::slice::from_ref(order), &not_restockable, &warehouses, &settings, Some("scan")))
            }
            Some(Scanned::One(order)) => {
                p.scanned.bad role="alert" {
                    a href={ "/orders/" (order.id) } { (order.number) } ": "
                    @match receipts.last().filter(|receipt| receipt.undone.is_none()) {
                        Some(last) => { (words::stocked_in_before(&last.actor)) " " (super::times::Zone::UTC.short(last.at)) }
                        None if order.list == List::Canceled => { (words::NOTHING_WAITS) }
                        None => { (words::not_canceled_here(words::list(order.list))) }
                    }
                }
            }
        }
    };
    Ok(desk.page(&ask, place(), words::SCAN, &main))
}

fn receipt_told(receipt: &Receipt, order: &OrderRecord) -> Markup {
    html! {
        p.scanned.good role="status" {
            strong { (order.number) } ": " (words::units_stocked_in(receipt.units())) " "
            a href={ "/stock-ins/" (receipt.id) "/undo" } data-open { (words::UNDO) }
        }
    }
}

// --- taking back

async fn receipt_of(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<(Receipt, OrderRecord), Problem> {
    let missing = || Problem::not_found("stock-in");
    let id = StockInId::parse(id).map_err(|_| missing())?;
    let receipt = stock_ins::load(session, signed_in.merchant(), &id).await?.ok_or_else(missing)?;
    let order = orders::load_one(session, signed_in.merchant(), &receipt.order).await?;
    let order = order.filter(|order| signed_in.sees(&order.shop)).ok_or_else(missing)?;
    Ok((receipt, order))
}

async fn undo(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockIn)?;
    let mut session = app.store.read().await?;
    let (receipt, order) = receipt_of(&mut session, &ask.signed_in, &id).await?;
    let main = undo_form(&ask.signed_in, &receipt, &order, None);
    sheet(&app, &mut session, &ask, place(), words::UNDO_TITLE, &main).await
}

fn undo_form(signed_in: &SignedIn, receipt: &Receipt, order: &OrderRecord, refused: Option<&str>) -> Markup {
    html! {
        h1 { (words::UNDO_TITLE) }
        p.summary { strong { (order.number) } ": " (words::units_stocked_in(receipt.units())) " · " (receipt.actor) }
        @if let Some(undone) = &receipt.undone {
            p.blocked { (words::undone_before(&undone.by, &undone.why)) }
        } @else {
            p { (words::UNDO_LEAD) }
            form.stock-in method="post" action={ "/stock-ins/" (receipt.id) "/undo" } data-sheet-form {
                (csrf(signed_in.csrf()))
                label.note {
                    span { (words::REASON) }
                    input name="reason" required maxlength="1000" autocomplete="off" autofocus
                        aria-invalid=[refused.map(|_| "true")];
                }
                @if let Some(words) = refused { p.error role="alert" { (words) } }
                div.actions { button.danger { (words::UNDO_TITLE) } a.button href=(canceled::ADDRESS) data-dismiss { (words::CLOSE) } }
            }
        }
    }
}

async fn submit_undo(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    Path(id): Path<String>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockIn)?;
    let ask = Ask { signed_in: signed_in.clone(), fragment };
    let mut session = app.store.begin().await?;
    let (receipt, order) = receipt_of(&mut session, signed_in, &id).await?;
    let why = short(form.fields.one("reason"))?;
    let undone = match why {
        Some(why) => {
            let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
            let shops = signed_in.shops();
            let undone = app.engine.undo_stock_in(&mut session, merchant, actor, &receipt.id, why, shops).await;
            undone.map_err(Problem::from)
        }
        None => Err(Problem::unprocessable("invalid_body", words::REASON_MISSING, words::REASON_MISSING)),
    };
    let (status, main) = match undone {
        Ok(undone) => {
            session.commit().await?;
            app.committed();
            (StatusCode::OK, undo_form(signed_in, &undone, &order, None))
        }
        Err(problem) if problem.status.is_client_error() => {
            drop(session);
            (problem.status, undo_form(signed_in, &receipt, &order, Some(&problem.detail)))
        }
        Err(problem) => return Err(problem),
    };
    let mut session = app.store.read().await?;
    let page = sheet(&app, &mut session, &ask, place(), words::UNDO_TITLE, &main).await?;
    Ok((status, page).into_response())
}

// --- settings

async fn settings(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockAdjust)?;
    let mut session = app.store.read().await?;
    let merchant = ask.signed_in.merchant();
    let settings = stock_ins::settings(&mut session, merchant).await?;
    let warehouses = shops::warehouses(&mut session, merchant).await?;
    let main = html! {
        h1 { (words::STOCK_IN_SETTINGS) }
        form.stock-in method="post" action="/stock-ins/settings" data-sheet-form {
            (csrf(ask.signed_in.csrf()))
            label {
                span { (words::RETURN_WAREHOUSE) }
                select name="warehouse" {
                    option value="" selected[settings.return_warehouse.is_none()] { (words::WHERE_IT_LEFT_FROM) }
                    @for warehouse in &warehouses {
                        option value=(warehouse.id) selected[settings.return_warehouse.as_ref() == Some(&warehouse.id)] { (warehouse.name) }
                    }
                }
            }
            label {
                span { (words::ALERT_DAYS) }
                input type="number" name="days" min="1" max="999" required value=(settings.alert_days);
            }
            div.actions { button.primary { (words::SAVE) } a.button href=(canceled::ADDRESS) data-dismiss { (words::CLOSE) } }
        }
    };
    sheet(&app, &mut session, &ask, place(), words::STOCK_IN_SETTINGS, &main).await
}

async fn save_settings(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let merchant = signed_in.merchant();
    let days =
        form.fields.one("days").and_then(|days| days.trim().parse().ok()).filter(|days| (1..=999).contains(days));
    let alert_days =
        days.ok_or_else(|| Problem::unprocessable("invalid_body", words::ALERT_DAYS, words::ALERT_DAYS_RANGE))?;
    let named = form.fields.one("warehouse").filter(|id| !id.is_empty());
    let mut session = app.store.begin().await?;
    let known = shops::warehouses(&mut session, merchant).await?;
    let return_warehouse = match named {
        Some(id) => {
            let found = known.into_iter().find(|warehouse| warehouse.id.as_str() == id);
            Some(found.ok_or_else(|| Problem::not_found("warehouse"))?.id)
        }
        None => None,
    };
    let detail = format!(
        "units are taken in {}, an alert after {alert_days} days",
        return_warehouse.as_ref().map_or("where they left from", WarehouseId::as_str)
    );
    stock_ins::set_settings(&mut session, merchant, return_warehouse.as_ref(), alert_days).await?;
    let entry = store::log::Entry {
        actor: signed_in.actor(),
        action: "stock.settings",
        shop: None,
        order: None,
        subject: "stock-in",
        detail: &detail,
    };
    store::log::write(&mut session, merchant, app.clock.now(), &entry).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(canceled::ADDRESS).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_line_by_line() {
        let fields = Fields::parse(
            b"line=0+ord_1+l-1+3+SKU+with+blanks&s0=1&d0=1&m0=+&line=1+ord_1+l-2+1+B&s1=1&line=2+ord_2+l-1+0+C&f2=1",
        );
        let orders = entered(&fields).expect("a form");
        assert_eq!(orders.len(), 2);
        let lines = orders[0].lines.as_ref().expect("lines");
        assert_eq!((lines.len(), lines[0].sku.as_str(), lines[0].expected), (2, "SKU with blanks", Some(3)));
        assert_eq!(lines[0].visit, Visit { sellable: 1, defective: 1, missing: 0, found: 0 });
        for broken in ["line=0+ord_1", "line=0+ord_1+l+x+S", "line=0+ord_1+l+1+S&s0=-1", "line=0+ord_1+l+1+S&s0=1.5"] {
            assert!(entered(&Fields::parse(broken.as_bytes())).is_err(), "{broken}");
        }
    }
}
