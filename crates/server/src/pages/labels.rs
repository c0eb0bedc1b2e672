//! Labels that pages print: as a PDF, or as the page that one is, in a window of its own.

use super::layout::{Ask, Place, csrf, sheet};
use super::orders::visible;
use super::words;
use crate::api::labels::{self, Printed};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::auth::sign_in::safe_next;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::ids::RequestId;
use domain::policy::Standing;
use engine::Refusal;
use maud::{Markup, html};
use std::collections::{HashMap, HashSet};
use store::orders::OrderRecord;
use store::requests;

/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;

pub(super) fn router() -> Router<App> {
    Router::new().route("/labels/print", post(print)).route("/labels/print-canceled", post(print_canceled))
}

/// The chosen orders' labels.
async fn print(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    form.signed_in.need(Permission::OrdersProcess)?;
    let chosen = orders_to_print(&app, &form).await?;
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    if chosen.is_empty() {
        return Err(Problem::unprocessable("no_orders", words::CHOOSE_ORDERS, words::CHOOSE_ORDERS));
    }
    let slips = form.fields.one("slips").is_some();
    match labels::print(&app, &form.signed_in, &chosen, &[], None, slips).await? {
        Printed::Labels(labels) => labels::to_print(labels).await,
        Printed::Refused(refusals) => refused(&app, &form, &chosen, &refusals).await,
    }
}

/// Names the orders that cannot be printed, and offers to print the others.
async fn refused(app: &App, form: &SignedForm, chosen: &[&str], refusals: &[Refusal]) -> Result<Response, Problem> {
    let SignedForm { signed_in, fields } = form;
    let stand_in_the_way: HashSet<&str> = refusals.iter().map(|refusal| refusal.order.as_str()).collect();
    let others: Vec<&str> = chosen.iter().copied().filter(|order| !stand_in_the_way.contains(order)).collect();
    let title = words::not_printable(refusals.len(), chosen.len());
    let next = safe_next(fields.one("next"));
    let main = html! {
        div.head { h1 { (title) } p.lead { (words::NOTHING_PRINTED) } }
        table.plain.refusals {
            thead { tr { th { (words::COLUMN_ORDER) } th { (words::COLUMN_WHY) } } }
            tbody {
                @for refusal in refusals {
                    tr {
                        td { a.number href={ "/orders/" (refusal.order) } { (refusal.number) } }
                        td.bad data-label=(words::COLUMN_WHY) { (refusal.why) }
                    }
                }
            }
        }
        form method="post" action="/labels/print" {
            (csrf(signed_in.csrf()))
            input type="hidden" name="next" value=(next);
            @if fields.one("slips").is_some() { input type="hidden" name="slips" value="true"; }
            @for order in &others { input type="hidden" name="order" value=(order); }
            p.actions {
                @if !others.is_empty() { button.primary autofocus { (words::print_others(others.len())) } }
                a.button href=(next) data-dismiss { (words::BACK) }
            }
        }
    };
    let ask = Ask { signed_in: signed_in.clone(), fragment: false };
    let mut session = app.store.read().await?;
    let page = sheet(app, &mut session, &ask, Place::Elsewhere, &title, &main).await?;
    Ok((StatusCode::CONFLICT, page).into_response())
}

/// The orders whose labels a form means, in the order of its page, which is the order in which they are picked: those that
/// it names, and those of the requests that it names.
///
/// # Errors
/// 404 for a request that this user may not see.
async fn orders_to_print(app: &App, form: &SignedForm) -> Result<Vec<String>, Problem> {
    let SignedForm { signed_in, fields } = form;
    if let Some(only) = fields.one("only") {
        return Ok(vec![only.to_owned()]);
    }
    let mut chosen: Vec<String> = fields.all("order").map(str::to_owned).collect();
    let missing = || Problem::not_found("cancellation request");
    let named = fields.all("request").take(labels::LABELS_MAX + 1);
    let named: Vec<RequestId> = named.map(RequestId::parse).collect::<Result<_, _>>().map_err(|_| missing())?;
    if named.is_empty() {
        return Ok(chosen);
    }
    let mut session = app.store.read().await?;
    let found = requests::load(&mut session, signed_in.merchant(), &named).await?;
    let found = found.into_iter().filter(|request| signed_in.sees(&request.shop));
    let found: HashMap<RequestId, String> = found.map(|request| (request.id, request.order.to_string())).collect();
    for id in &named {
        let order = found.get(id).ok_or_else(missing)?;
        // A buyer may ask twice for parts of one order: its label is wanted once.
        if !chosen.contains(order) {
            chosen.push(order.clone());
        }
    }
    Ok(chosen)
}

/// Whether a canceled order's label is offered to whoever says why it goes out all the same.
pub(super) fn prints_despite(signed_in: &SignedIn, order: &OrderRecord) -> bool {
    order.standing == Standing::Canceled
        && order.has_cached_label()
        && !order.cancelling
        && signed_in.permissions.has(Permission::OrdersProcess)
}

/// The form that prints a canceled order's label; `wrong` is what was given before and why it was not taken.
pub(super) fn despite_form(signed_in: &SignedIn, order: &OrderRecord, wrong: Option<(&str, &str)>) -> Markup {
    html! {
        form.despite method="post" action="/labels/print-canceled" target=[wrong.is_none().then_some("_blank")] {
            (csrf(signed_in.csrf()))
            input type="hidden" name="order" value=(order.id);
            p.sub { (words::PRINT_CANCELED_MEANS) }
            label {
                span { (words::PRINT_CANCELED_REASON) }
                input type="text" name="reason" value=[wrong.map(|(given, _)| given)] required maxlength=(REASON_MAX)
                    autocomplete="off" autofocus[wrong.is_some()] aria-invalid=[wrong.map(|_| "true")]
                    aria-describedby=[wrong.map(|_| "why-not")];
            }
            @if let Some((_, why)) = wrong { p.error #why-not role="alert" { (why) } }
            button.danger { (words::PRINT_CANCELED) }
        }
    }
}

/// A canceled order's label, for a reason that the log keeps.
async fn print_canceled(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let SignedForm { signed_in, fields } = &form;
    signed_in.need(Permission::OrdersProcess)?;
    let mut session = app.store.read().await?;
    let order = visible(&mut session, signed_in, fields.one("order").unwrap_or_default()).await?;
    let reason = fields.one("reason").unwrap_or_default().trim();
    let why_not = match reason.chars().count() {
        0 => Some(words::PRINT_CANCELED_REASON_MISSING),
        1..=REASON_MAX => None,
        _ => Some(words::PRINT_CANCELED_REASON_TOO_LONG),
    };
    if let Some(why_not) = why_not {
        let title = words::print_canceled(order.number.as_str());
        let main = html! {
            h1 { (title) }
            (despite_form(signed_in, &order, Some((reason, why_not))))
            p.actions { a.button href={ "/orders/" (order.id) } data-dismiss { (words::OPEN_ORDER) } }
        };
        let ask = Ask { signed_in: signed_in.clone(), fragment: false };
        let page = sheet(&app, &mut session, &ask, Place::List(order.list), &title, &main).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    drop(session);
    let chosen = [order.id.as_str()];
    match labels::print(&app, signed_in, &chosen, &[], Some(reason), false).await? {
        Printed::Labels(labels) => labels::to_print(labels).await,
        Printed::Refused(refusals) => refused(&app, &form, &chosen, &refusals).await,
    }
}
