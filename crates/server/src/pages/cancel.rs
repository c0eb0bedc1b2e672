//! The cancel dialog: the whole order or chosen items where the platform takes these, reasons, products where the reason asks
//! for them, and what will happen, before the click. The platform is asked what it takes when the dialog opens.

use super::layout::{Ask, Fragment, Place, csrf, platform, sheet};
use super::orders::{line_status, platform_status, standing, visible};
use super::products::{line, money};
use super::words;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::{Fields, SignedForm};
use crate::auth::secrets;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::eligibility::Gate;
use domain::ids::{CancellationId, LineId};
use domain::warehouse_order::Goods;
use engine::EngineError;
use engine::commands::{CancelRequest, CancellationOptions, CommandError, LiveAnswer};
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use store::StoreError;
use store::cancellations::ChosenLine;
use store::idempotency::{self, Kept, Scope};
use store::orders::{LineRecord, OrderRecord};
use store::requests;

/// The longest note, in characters.
const NOTE_MAX: usize = 1_000;
/// The longest key of a form, in bytes.
const KEY_MAX: usize = 100;

pub(super) fn router() -> Router<App> {
    Router::new().route("/orders/{id}/cancel", get(show).post(submit))
}

/// What the operator has entered so far.
#[derive(Debug, Clone, Default)]
struct Entered {
    key: String,
    version: Option<i64>,
    reason: String,
    /// Only the ticked items, where the platform cancels items by themselves.
    items_alone: bool,
    lines: Vec<String>,
    /// Units of ticked items that are not all of them, as they were typed.
    quantities: BTreeMap<String, String>,
    /// Undo the parcel first, and pack what is left again.
    repack: bool,
    note: String,
    despite_warehouse: bool,
}

/// The words of the choice between the whole order and items of it.
const WHOLE_ORDER: &str = "order";
const ITEMS_ALONE: &str = "lines";

impl Entered {
    fn fresh(order: &OrderRecord) -> Self {
        // With one product there is nothing to choose from.
        let lines = match live(order).as_slice() {
            [only] => vec![only.id.to_string()],
            _ => Vec::new(),
        };
        Self { key: secrets::token(), version: Some(order.version), lines, ..Self::default() }
    }

    fn read(fields: &Fields) -> Self {
        let one = |name| fields.one(name).unwrap_or_default().trim().to_owned();
        Self {
            key: one("key"),
            version: fields.one("version").and_then(|version| version.parse().ok()),
            reason: one("reason"),
            items_alone: fields.one("scope") == Some(ITEMS_ALONE),
            lines: fields.all("line").map(str::to_owned).collect(),
            quantities: fields
                .all("line")
                .filter_map(|line| {
                    let typed = fields.one(&quantity_field(line))?.trim();
                    Some((line.to_owned(), typed.to_owned()))
                })
                .collect(),
            repack: fields.one("repack").is_some(),
            note: one("note"),
            despite_warehouse: fields.one("despite_warehouse").is_some(),
        }
    }

    /// What “the same form” means for its key.
    fn hash(&self) -> String {
        let chosen = serde_json::json!([self.lines, self.quantities, self.repack, self.despite_warehouse]);
        let text = serde_json::json!([self.reason, self.items_alone, chosen, self.note]).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// The ticked items with their units, all that live where no other number was typed.
    fn chosen(&self, order: &OrderRecord) -> Result<Vec<ChosenLine>, Wrong> {
        let mut lines = chosen(order, &self.lines);
        for line in &mut lines {
            let Some(typed) = self.quantities.get(&line.line_id) else { continue };
            match typed.parse() {
                Ok(quantity) if quantity > 0 => line.quantity = quantity,
                _ => return Err(wrong(Field::Lines, words::QUANTITY_WRONG)),
            }
        }
        Ok(lines)
    }
}

/// What is wrong with what was entered, and beside which field it is said.
#[derive(Debug, Clone)]
struct Wrong {
    status: StatusCode,
    field: Field,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Form,
    Reason,
    Lines,
    Note,
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersCancel)?;
    let mut session = app.store.read().await?;
    let order = visible(&mut session, &ask.signed_in, &id).await?;
    drop(session);
    let main = form(&app, &ask.signed_in, &order, &Entered::fresh(&order), None).await?;
    let title = words::cancel_order(order.number.as_str());
    let mut session = app.store.read().await?;
    sheet(&app, &mut session, &ask, Place::List(order.list), &title, &main).await
}

async fn submit(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    Path(id): Path<String>,
    form_sent: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = form_sent.signed_in;
    signed_in.need(Permission::OrdersCancel)?;
    let mut entered = Entered::read(&form_sent.fields);
    let mut refused = None;
    // “Check” asks what the platform says of the ticked items, and accepts nothing.
    if form_sent.fields.one("check").is_none() {
        match accept(&app, &signed_in, &id, &entered).await? {
            Ok(cancellation) => {
                app.committed();
                return Ok(Redirect::to(&format!("/cancellations/{cancellation}")).into_response());
            }
            Err(wrong) => refused = Some(wrong),
        }
    }
    let mut session = app.store.read().await?;
    let order = visible(&mut session, &signed_in, &id).await?;
    drop(session);
    // The operator decides again, on what is true now.
    entered.version = Some(order.version);
    let main = form(&app, &signed_in, &order, &entered, refused.as_ref()).await?;
    let title = words::cancel_order(order.number.as_str());
    let ask = Ask { signed_in, fragment };
    let mut session = app.store.read().await?;
    let page = sheet(&app, &mut session, &ask, Place::List(order.list), &title, &main).await?;
    Ok((refused.map_or(StatusCode::OK, |wrong| wrong.status), page).into_response())
}

/// Accepts the cancel once for one form, however often it is sent. The outer error is a problem of its own page, the
/// inner one is said beside its field.
async fn accept(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
    entered: &Entered,
) -> Result<Result<CancellationId, Wrong>, Problem> {
    if entered.key.is_empty() || entered.key.len() > KEY_MAX {
        return Ok(Err(wrong(Field::Form, words::FORM_KEY_MISSING)));
    }
    let path = format!("/orders/{id}/cancel");
    let scope =
        Scope { merchant: signed_in.merchant(), actor: signed_in.user.id.as_str(), path: &path, key: &entered.key };
    if let Some(accepted) = accepted_before(app, &scope).await? {
        return Ok(Ok(accepted));
    }
    match accept_first(app, signed_in, id, entered, &scope).await {
        Ok(done) => Ok(done),
        // A twin of this form may have been faster: then its answer is ours.
        Err(problem) => match accepted_before(app, &scope).await? {
            Some(accepted) => Ok(Ok(accepted)),
            None => Err(problem),
        },
    }
}

async fn accepted_before(app: &App, scope: &Scope<'_>) -> Result<Option<CancellationId>, Problem> {
    let mut session = app.store.read().await?;
    let kept = idempotency::find(&mut session, scope).await?;
    Ok(kept.and_then(|kept| CancellationId::parse(kept.answer).ok()))
}

async fn accept_first(
    app: &App,
    signed_in: &SignedIn,
    id: &str,
    entered: &Entered,
    scope: &Scope<'_>,
) -> Result<Result<CancellationId, Wrong>, Problem> {
    let mut session = app.store.begin().await?;
    if let Some(kept) = idempotency::find(&mut session, scope).await? {
        return CancellationId::parse(kept.answer).map(Ok).map_err(|error| Problem::internal(error.to_string()));
    }
    let order = visible(&mut session, signed_in, id).await?;
    let policy = app.engine.policy(order.platform)?;
    if entered.reason.is_empty() {
        return Ok(Err(wrong(Field::Reason, words::REASON_MISSING)));
    }
    if entered.note.chars().count() > NOTE_MAX {
        return Ok(Err(wrong(Field::Note, words::NOTE_TOO_LONG)));
    }
    let asks = policy.reason(&entered.reason).is_some_and(|rule| rule.lines_required);
    let by_items = by_items(&order, policy.partial_cancel.is_on(&order.region));
    let lines = match (by_items, entered.items_alone) {
        (true, true) if entered.lines.is_empty() => return Ok(Err(wrong(Field::Lines, words::PRODUCTS_MISSING))),
        (true, true) => match entered.chosen(&order) {
            Ok(lines) => lines,
            Err(wrong) => return Ok(Err(wrong)),
        },
        // The whole order: a reason that asks for products means all of them.
        (true, false) if asks => chosen(&order, &ids(&live(&order))),
        // Products count only for a reason that asks for them; the form shows no others.
        (false, _) if asks => chosen(&order, &entered.lines),
        (_, _) => Vec::new(),
    };
    let request = CancelRequest {
        order: &order.id,
        reason: &entered.reason,
        lines: &lines,
        note: Some(entered.note.as_str()).filter(|note| !note.is_empty()),
        repack: entered.repack && entered.items_alone,
        expected_version: entered.version,
        despite_warehouse: entered.despite_warehouse,
    };
    let accepted = app.engine.request_cancel(&mut session, signed_in.merchant(), signed_in.actor(), &request).await;
    let record = match accepted {
        Ok(record) => record,
        Err(CommandError::Stale) => return twin_or(app, scope, wrong_now(Field::Form, words::STALE_FORM)).await,
        Err(CommandError::Blocked(blocked)) => {
            return twin_or(app, scope, wrong_now(Field::Form, &blocked.detail)).await;
        }
        Err(CommandError::LinesRequired(_)) => return Ok(Err(wrong(Field::Lines, words::PRODUCTS_MISSING))),
        Err(
            error @ (CommandError::UnknownLine(_)
            | CommandError::PartialNotSupported
            | CommandError::RepackNotOffered(_)
            | CommandError::TooManyUnits { .. }),
        ) => {
            return Ok(Err(wrong(Field::Lines, &error.to_string())));
        }
        Err(error @ CommandError::ReasonNotOffered(_)) => {
            return Ok(Err(wrong(Field::Reason, &error.to_string())));
        }
        Err(error @ CommandError::WithdrawalRefused(_)) => return Ok(Err(wrong_now(Field::Form, &error.to_string()))),
        Err(
            error @ (CommandError::NoOrder
            | CommandError::WrongList(_)
            | CommandError::PlatformSilent(_)
            | CommandError::ManualOrder(_)
            | CommandError::Engine(_)),
        ) => {
            return Err(error.into());
        }
    };
    let kept = Kept { body_hash: entered.hash(), status: 303, answer: record.id.to_string() };
    idempotency::keep(&mut session, scope, &kept, app.clock.now()).await.map_err(|error| match error {
        StoreError::Exists(_) => Problem::conflict("conflict", words::STALE_FORM),
        other => other.into(),
    })?;
    session.commit().await.map_err(|error| Problem::from(EngineError::from(error)))?;
    Ok(Ok(record.id))
}

/// The order may be closed to this form because the form's twin has just been accepted.
async fn twin_or(app: &App, scope: &Scope<'_>, wrong: Wrong) -> Result<Result<CancellationId, Wrong>, Problem> {
    Ok(accepted_before(app, scope).await?.ok_or(wrong))
}

fn wrong(field: Field, words: &str) -> Wrong {
    Wrong { status: StatusCode::UNPROCESSABLE_ENTITY, field, words: words.to_owned() }
}

fn wrong_now(field: Field, words: &str) -> Wrong {
    Wrong { status: StatusCode::CONFLICT, field, words: words.to_owned() }
}

/// The lines that are not cancelled.
fn live(order: &OrderRecord) -> Vec<&LineRecord> {
    order.lines.iter().filter(|line| line.live() > 0).collect()
}

fn ids(lines: &[&LineRecord]) -> Vec<String> {
    lines.iter().map(|line| line.id.to_string()).collect()
}

/// Whether there is a choice between the whole order and items of it.
fn by_items(order: &OrderRecord, by_lines: bool) -> bool {
    by_lines && order.lines.iter().map(LineRecord::live).sum::<u32>() > 1
}

/// The field of how many units of an item are meant.
fn quantity_field(line: &str) -> String {
    format!("quantity.{line}")
}

fn chosen(order: &OrderRecord, ids: &[String]) -> Vec<ChosenLine> {
    let left = |id: &String| order.lines.iter().find(|line| line.id.as_str() == id).map_or(0, LineRecord::live);
    ids.iter().map(|id| ChosenLine { line_id: id.clone(), quantity: left(id) }).collect()
}

async fn form(
    app: &App,
    signed_in: &SignedIn,
    order: &OrderRecord,
    entered: &Entered,
    refused: Option<&Wrong>,
) -> Result<Markup, Problem> {
    let meant: Vec<LineId> = order
        .lines
        .iter()
        .filter(|line| entered.items_alone && entered.lines.iter().any(|id| id == line.id.as_str()))
        .map(|line| line.id.clone())
        .collect();
    let options = app.engine.cancellation_options_now(order, &meant).await?;
    let mut session = app.store.read().await?;
    let hints = requests::restock_hints(&mut session, signed_in.merchant(), std::slice::from_ref(&order.id)).await?;
    drop(session);
    let by_items = by_items(order, options.by_lines);
    let said = |field: Field| refused.filter(|wrong| wrong.field == field).map(|wrong| wrong.words.as_str());
    let address = format!("/orders/{}", order.id);
    Ok(html! {
        h1 { (words::cancel_order(order.number.as_str())) }
        (summary(app, order))
        @if hints.get(&order.id) == Some(&false) { p.sub.bad { (words::NOT_RESTOCKABLE) } }
        @if let Some(words) = said(Field::Form) { p.error role="alert" { (words) } }
        @match &options.allowed {
            Err(blocked) => {
                div.blocked {
                    h2 { (words::NOT_CANCELLABLE) }
                    p { (blocked.detail) }
                }
                p.actions {
                    @if blocked.gate == Gate::RequestOpen {
                        a.button.primary href="/requests" autofocus { (words::ANSWER_REQUEST) }
                        a.button href=(address) data-dismiss { (words::BACK) }
                    } @else {
                        a.button.primary href=(address) data-dismiss autofocus { (words::BACK) }
                    }
                }
            },
            Ok(()) => {
                form.cancel method="post" action={ (address) "/cancel" } data-sheet-form {
                    (csrf(signed_in.csrf()))
                    input type="hidden" name="key" value=(entered.key);
                    @if let Some(version) = entered.version { input type="hidden" name="version" value=(version); }
                    @if let LiveAnswer::Silent(why) = &options.live {
                        p.attention role="status" { (words::not_asked_live(order.platform.title(), why)) }
                    }
                    @if by_items {
                        (scope(app, order, entered, &options, !meant.is_empty() && options.live.is_said(), said(Field::Lines)))
                    }
                    (reasons(&options, by_items, entered, said(Field::Reason)))
                    @if !by_items && options.reasons.iter().any(|reason| reason.lines_required) {
                        (products(app, order, entered, said(Field::Lines)))
                    }
                    label.note {
                        span { (words::NOTE) " " small { (words::NOTE_HINT) } }
                        textarea name="note" rows="2" maxlength=(NOTE_MAX) aria-invalid=[said(Field::Note).map(|_| "true")] {
                            (entered.note)
                        }
                    }
                    @if let Some(words) = said(Field::Note) { p.error role="alert" { (words) } }
                    @if matches!(order.goods, Goods::KeptPicked | Goods::KeptShipped) {
                        label.despite {
                            input type="checkbox" name="despite_warehouse" value="1" checked[entered.despite_warehouse];
                            span { (words::DESPITE_WAREHOUSE) }
                        }
                    }
                    div.actions {
                        button.danger.primary { (words::CANCEL_ORDER) }
                        a.button href=(address) data-dismiss { (words::KEEP_ORDER) }
                    }
                }
            }
        }
    })
}

fn summary(app: &App, order: &OrderRecord) -> Markup {
    html! {
        p.summary {
            (platform(order.platform)) " " (standing(order)) " "
            span.sub { (platform_status(app, order)) }
            @if let Some(total) = order.total { " " span.amount { (money(total)) } }
        }
    }
}

/// The whole order, or items of it.
fn scope(
    app: &App,
    order: &OrderRecord,
    entered: &Entered,
    options: &CancellationOptions,
    asked: bool,
    said: Option<&str>,
) -> Markup {
    html! {
        fieldset.scope {
            legend { (words::CHOOSE_SCOPE) }
            label { input type="radio" name="scope" value=(WHOLE_ORDER) checked[!entered.items_alone]; span { (words::SCOPE_ORDER) } }
            label { input type="radio" name="scope" value=(ITEMS_ALONE) checked[entered.items_alone]; span { (words::SCOPE_LINES) } }
            div.items {
                @for item in &order.lines {
                    (product(app, order, item, entered))
                    @if item.live() > 1 { (quantity(item, entered)) }
                }
                @if options.repack {
                    label.repack {
                        input type="checkbox" name="repack" value="1" checked[entered.repack];
                        span { (words::REPACK_FIRST) " " small { (words::REPACK_FIRST_WHY) } }
                    }
                }
                button name="check" value="1" formnovalidate { (words::check_items(order.platform.title())) }
                @if asked { p.asked.sub role="status" { (words::ASKED_ABOUT_ITEMS) } }
            }
            @if let Some(words) = said { p.error role="alert" { (words) } }
        }
    }
}

fn reasons(options: &CancellationOptions, by_items: bool, entered: &Entered, said: Option<&str>) -> Markup {
    let first = options.reasons.iter().find(|reason| reason.why_not.is_none()).map(|reason| &reason.code);
    html! {
        fieldset.reasons aria-describedby=[said.map(|_| "reason-error")] {
            legend { (words::CHOOSE_REASON) }
            @for reason in &options.reasons {
                @let offered = reason.why_not.is_none();
                @let effects = format!("effects-{}", reason.code);
                div.reason.closed[!offered] {
                    label {
                        input type="radio" name="reason" value=(reason.code) required data-asks[reason.lines_required]
                            checked[reason.code.as_str() == entered.reason] disabled[!offered]
                            aria-describedby=[offered.then_some(&effects)]
                            autofocus[first == Some(&reason.code) && entered.reason.is_empty()];
                        span { (reason.label) }
                        @if reason.lines_required && offered && !by_items { " " small { (words::ASKS_FOR_PRODUCTS) } }
                        @if by_items && !reason.by_lines && offered { " " small { (words::WHOLE_ORDER_ONLY) } }
                        @if let Some(why_not) = &reason.why_not { " " small { (why_not) } }
                    }
                    // The style sheet shows those of the chosen reason only.
                    @if offered {
                        div.effects #(effects) {
                            h2 { (words::CONSEQUENCES) }
                            ul { @for effect in &reason.effects { li.(effect.kind.as_str()) { (effect.text) } } }
                        }
                    }
                }
            }
            @if let Some(words) = said { p.error #reason-error role="alert" { (words) } }
        }
    }
}

fn products(app: &App, order: &OrderRecord, entered: &Entered, said: Option<&str>) -> Markup {
    html! {
        fieldset.products aria-describedby="products-why" {
            legend { (words::CHOOSE_PRODUCTS) }
            p.sub #products-why { (words::CHOOSE_PRODUCTS_WHY) span.when-not { " " (words::CHOOSE_PRODUCTS_WHEN) } }
            @for item in &order.lines { (product(app, order, item, entered)) }
            @if let Some(words) = said { p.error role="alert" { (words) } }
        }
    }
}

/// How many units of an item that holds several.
fn quantity(item: &LineRecord, entered: &Entered) -> Markup {
    let typed = entered.quantities.get(item.id.as_str()).cloned();
    html! {
        label.quantity {
            span { (words::QUANTITY_TO_CANCEL) }
            input type="number" name=(quantity_field(item.id.as_str())) min="1" max=(item.live()) inputmode="numeric"
                value=(typed.unwrap_or_else(|| item.live().to_string()));
            span.sub { (words::quantity_of(item.live())) }
        }
    }
}

fn product(app: &App, order: &OrderRecord, item: &LineRecord, entered: &Entered) -> Markup {
    let over = item.live() == 0;
    let ticked = !over && entered.lines.iter().any(|line| line == item.id.as_str());
    html! {
        label.product.closed[over] {
            input type="checkbox" name="line" value=(item.id) checked[ticked] disabled[over];
            (line(item))
            (line_status(app, order, item))
        }
    }
}
