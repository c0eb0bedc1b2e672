//! Making manual orders: one by a form, many from a table that is pasted.

use super::layout::{Ask, Fragment, Place, csrf, sheet};
use super::words;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::{Fields, SignedForm};
use crate::manual_orders::{self, Defaults};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::Sheet;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::ids::{MerchantSku, OrderNumber};
use domain::manual::{ManualLine, ManualOrder, ManualStatus};
use domain::money::{Currency, Money};
use domain::order::List;
use domain::platform::Platform;
use maud::{Markup, html};
use store::orders::OrderRecord;
use store::{Session, order_lists, orders, stock};

/// Lines of an empty form, and how many more are added at a time.
const LINES: usize = 3;
/// SKUs that the form suggests.
const SKUS_SUGGESTED: u32 = 200;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/orders/manual", get(show).post(submit))
        .route("/orders/manual/import", get(show_import).post(import))
        .route("/orders/manual/advance", axum::routing::post(advance))
}

#[derive(Debug, Clone, Default)]
struct Entered {
    number: String,
    buyer: String,
    currency: String,
    ordered: String,
    ship_by: String,
    cod: bool,
    /// SKU, quantity, unit price, name.
    lines: Vec<[String; 4]>,
}

/// What is wrong, and beside which field it is said; a line's fields share one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    Form(String),
    Number(String),
    Currency(String),
    Time(&'static str, String),
    Line(usize, String),
}

impl Entered {
    fn fresh(currency: String) -> Self {
        let quantity_one = || [String::new(), String::new(), String::new(), String::new()];
        Self { currency, lines: (0..LINES).map(|_| quantity_one()).collect(), ..Self::default() }
    }

    fn read(fields: &Fields) -> Self {
        let one = |name| fields.one(name).unwrap_or_default().trim().to_owned();
        let all = |name| fields.all(name).map(|value| value.trim().to_owned()).collect::<Vec<_>>();
        let (skus, units, prices, names) = (all("sku"), all("quantity"), all("price"), all("name"));
        let at = |values: &[String], place: usize| values.get(place).cloned().unwrap_or_default();
        let count = skus.len().min(domain::manual::LINES_MAX);
        Self {
            number: one("number"),
            buyer: one("buyer"),
            currency: one("currency").to_uppercase(),
            ordered: one("ordered"),
            ship_by: one("ship_by"),
            cod: fields.one("cod").is_some(),
            lines: (0..count)
                .map(|place| [at(&skus, place), at(&units, place), at(&prices, place), at(&names, place)])
                .collect(),
        }
    }

    fn order(&self, defaults: Defaults) -> Result<ManualOrder, Wrong> {
        let given = Some(self.number.clone()).filter(|number| !number.is_empty());
        let number = given.unwrap_or_else(|| manual_orders::number(defaults));
        let number = OrderNumber::parse(number).map_err(|error| Wrong::Number(error.to_string()))?;
        let currency = Currency::parse(&self.currency).map_err(|error| Wrong::Currency(error.to_string()))?;
        let time =
            |name, text: &str| manual_orders::moment(text, defaults.zone).map_err(|words| Wrong::Time(name, words));
        let mut lines = Vec::new();
        for (place, [sku, units, price, name]) in self.lines.iter().enumerate() {
            if [sku, units, price, name].iter().all(|field| field.is_empty()) {
                continue;
            }
            let wrong = |words: String| Wrong::Line(place, words);
            let price = Some(price).filter(|price| !price.is_empty());
            let price = price.map(|price| Money::parse(price, currency)).transpose();
            lines.push(ManualLine {
                merchant_sku: MerchantSku::parse(sku.as_str()).map_err(|_| wrong(words::SKU_MISSING.to_owned()))?,
                name: name.clone(),
                quantity: manual_orders::quantity(units).map_err(wrong)?,
                unit_price: price.map_err(|error| wrong(error.to_string()))?,
            });
        }
        let order = ManualOrder {
            number,
            buyer_name: self.buyer.clone(),
            currency,
            cod: self.cod,
            ordered_at: time("ordered", &self.ordered)?.unwrap_or(defaults.now),
            ship_by: time("ship_by", &self.ship_by)?,
            lines,
        };
        match order.total() {
            Ok(_) => Ok(order),
            Err(error) => Err(Wrong::Form(error.to_string())),
        }
    }
}

/// The currency of the newest order, which the next one most likely has, too.
async fn usual_currency(session: &mut Session, signed_in: &SignedIn) -> Result<String, Problem> {
    let filter = order_lists::Filter { shops: signed_in.shops().map(<[_]>::to_vec), ..order_lists::Filter::default() };
    let sort = crate::api::orders::usual_sort(None);
    let (ids, _) = order_lists::page(session, signed_in.merchant(), &filter, sort, None, 1).await?;
    let newest = orders::load(session, signed_in.merchant(), &ids).await?.pop();
    Ok(newest.map(|order| order.currency.code().to_owned()).unwrap_or_default())
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersProcess)?;
    let mut session = app.store.read().await?;
    let entered = Entered::fresh(usual_currency(&mut session, &ask.signed_in).await?);
    page(&app, &mut session, &ask, &entered, None).await
}

async fn page(
    app: &App,
    session: &mut Session,
    ask: &Ask,
    entered: &Entered,
    wrong: Option<&Wrong>,
) -> Result<Markup, Problem> {
    let skus = stock::balances(session, ask.signed_in.merchant(), None, None, None, SKUS_SUGGESTED).await?;
    let skus: Vec<String> = skus.into_iter().map(|balance| balance.sku.to_string()).collect();
    let main = form(&ask.signed_in, entered, &skus, wrong);
    sheet(app, session, ask, Place::List(List::New), words::NEW_MANUAL_ORDER, &main).await
}

async fn submit(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form_sent: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = form_sent.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let mut entered = Entered::read(&form_sent.fields);
    let mut wrong = None;
    if form_sent.fields.one("more").is_some() {
        let empty = std::iter::repeat_with(<[String; 4]>::default);
        entered.lines.extend(empty.take(LINES.min(domain::manual::LINES_MAX.saturating_sub(entered.lines.len()))));
    } else {
        let mut session = app.store.begin().await?;
        let defaults = manual_orders::defaults(&app, &mut session, &signed_in).await?;
        match entered.order(defaults) {
            Ok(order) => {
                let created = manual_orders::create(&app, &mut session, &signed_in, std::slice::from_ref(&order)).await;
                match created.map(|created| created.into_iter().next()) {
                    Ok(Some(created)) => {
                        session.commit().await?;
                        app.committed();
                        return Ok(Redirect::to(&format!("/orders/{}", created.id)).into_response());
                    }
                    Ok(None) => wrong = Some(Wrong::Form(words::CHOOSE_ORDERS.to_owned())),
                    // Only the number can be taken; everything else was checked above.
                    Err(problem) if problem.code == "invalid_order" => {
                        wrong = Some(Wrong::Number(problem.detail.clone()));
                    }
                    Err(problem) => return Err(problem),
                }
            }
            Err(what) => wrong = Some(what),
        }
    }
    let mut session = app.store.read().await?;
    let ask = Ask { signed_in, fragment };
    let page = page(&app, &mut session, &ask, &entered, wrong.as_ref()).await?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, page).into_response())
}

fn error(words: Option<&str>) -> Markup {
    html! { @if let Some(words) = words { p.error role="alert" { (words) } } }
}

fn form(signed_in: &SignedIn, entered: &Entered, skus: &[String], wrong: Option<&Wrong>) -> Markup {
    let time = |name: &str| match wrong {
        Some(Wrong::Time(field, words)) if *field == name => Some(words.as_str()),
        _ => None,
    };
    let number = match wrong {
        Some(Wrong::Number(words)) => Some(words.as_str()),
        _ => None,
    };
    let currency = match wrong {
        Some(Wrong::Currency(words)) => Some(words.as_str()),
        _ => None,
    };
    let whole = match wrong {
        Some(Wrong::Form(words)) => Some(words.as_str()),
        _ => None,
    };
    html! {
        h1 { (words::NEW_MANUAL_ORDER) }
        p.sub { (words::MANUAL_ORDER_LEAD) " " a href="/orders/manual/import" data-open { (words::IMPORT_MANUAL_ORDERS) } }
        (error(whole))
        form.manual method="post" action="/orders/manual" data-sheet-form {
            (csrf(signed_in.csrf()))
            div.fields {
                label { span { (words::MANUAL_NUMBER) } input name="number" value=(entered.number) placeholder=(words::MANUAL_NUMBER_HINT) aria-invalid=[number.map(|_| "true")]; (error(number)) }
                label { span { (words::BUYER) } input name="buyer" value=(entered.buyer) maxlength=(domain::manual::NAME_MAX); }
                label { span { (words::CURRENCY) } input name="currency" value=(entered.currency) size="4" maxlength="3" required aria-invalid=[currency.map(|_| "true")]; (error(currency)) }
                label { span { (words::ORDERED) } input name="ordered" value=(entered.ordered) placeholder=(words::NOW_HINT) aria-invalid=[time("ordered").map(|_| "true")]; (error(time("ordered"))) }
                label { span { (words::SHIP_BY) } input name="ship_by" value=(entered.ship_by) placeholder=(words::TIME_HINT) aria-invalid=[time("ship_by").map(|_| "true")]; (error(time("ship_by"))) }
                label.tick { input type="checkbox" name="cod" checked[entered.cod]; span { (words::MARK_COD_TITLE) } }
            }
            datalist #skus { @for sku in skus { option value=(sku) {} } }
            table.plain.manual-lines {
                thead { tr {
                    th { (words::LINE_MERCHANT_SKU) }
                    th.number { (words::LINE_QUANTITY) }
                    th.number { (words::LINE_PRICE) }
                    th { (words::LINE_PRODUCT) }
                } }
                tbody {
                    @for (place, [sku, units, price, name]) in entered.lines.iter().enumerate() {
                        @let said = match wrong { Some(Wrong::Line(line, words)) if *line == place => Some(words.as_str()), _ => None };
                        tr {
                            td { input name="sku" value=(sku) list="skus" autocomplete="off" aria-label=(words::LINE_MERCHANT_SKU) autofocus[place == 0] aria-invalid=[said.map(|_| "true")]; (error(said)) }
                            td.number { input name="quantity" value=(units) inputmode="numeric" size="6" aria-label=(words::LINE_QUANTITY); }
                            td.number { input name="price" value=(price) inputmode="decimal" size="9" aria-label=(words::LINE_PRICE); }
                            td { input name="name" value=(name) maxlength=(domain::manual::NAME_MAX) aria-label=(words::LINE_PRODUCT); }
                        }
                    }
                }
            }
            div.actions {
                button.primary { (words::MAKE_ORDER) }
                button name="more" value="1" formnovalidate { (words::MORE_LINES) }
                a.button href="/orders?list=new" data-dismiss { (words::BACK) }
            }
        }
    }
}

async fn show_import(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersProcess)?;
    let mut session = app.store.read().await?;
    let main = import_form(&ask.signed_in, "", None);
    sheet(&app, &mut session, &ask, Place::List(List::New), words::IMPORT_MANUAL_ORDERS, &main).await
}

async fn import(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form_sent: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = form_sent.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let table = form_sent.fields.one("table").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let defaults = manual_orders::defaults(&app, &mut session, &signed_in).await?;
    let read = Sheet::parse(table.as_bytes()).and_then(|sheet| manual_orders::read(&sheet, defaults));
    let refused = match read {
        Ok(orders) => match manual_orders::create(&app, &mut session, &signed_in, &orders).await {
            Ok(_) => {
                session.commit().await?;
                app.committed();
                let platform = Platform::Manual;
                return Ok(Redirect::to(&format!("/orders?list=new&platform={platform}")).into_response());
            }
            Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => problem.detail.clone(),
            Err(problem) => return Err(problem),
        },
        Err(error) => error.to_string(),
    };
    drop(session);
    let mut session = app.store.read().await?;
    let main = import_form(&signed_in, table, Some(&refused));
    let ask = Ask { signed_in, fragment };
    let page = sheet(&app, &mut session, &ask, Place::List(List::New), words::IMPORT_MANUAL_ORDERS, &main).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn import_form(signed_in: &SignedIn, table: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { (words::IMPORT_MANUAL_ORDERS) }
        p.sub { (words::IMPORT_MANUAL_LEAD) }
        p { code { (manual_orders::COLUMNS.join(", ")) } }
        form.manual method="post" action="/orders/manual/import" data-sheet-form {
            (csrf(signed_in.csrf()))
            label.note {
                span { (words::TABLE) }
                textarea name="table" rows="12" required autofocus spellcheck="false"
                    aria-invalid=[refused.map(|_| "true")] { (table) }
            }
            @if let Some(refused) = refused {
                ul.error role="alert" { @for line in refused.lines() { li { (line) } } }
            }
            div.actions {
                button.primary { (words::MAKE_ORDERS) }
                a.button href="/orders/manual" data-open { (words::BACK) }
            }
        }
    }
}

/// The button that takes a manual order one step further, where there is one.
pub(super) fn next_step(signed_in: &SignedIn, order: &OrderRecord) -> Markup {
    let next = ManualStatus::parse(&order.platform_status).ok().and_then(ManualStatus::next);
    let next = next.filter(|_| order.platform == Platform::Manual && !order.voided);
    html! {
        @if let Some(next) = next {
            form method="post" action="/orders/manual/advance" data-place {
                (csrf(signed_in.csrf()))
                input type="hidden" name="order" value=(order.id);
                input type="hidden" name="version" value=(order.version);
                button name="to" value=(next) { (words::manual_step(next)) }
            }
        }
    }
}

async fn advance(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::OrdersProcess)?;
    let to = ManualStatus::parse(form.fields.one("to").unwrap_or_default())?;
    let version = form.fields.one("version").and_then(|version| version.parse().ok());
    let mut session = app.store.begin().await?;
    let order = super::orders::visible(&mut session, signed_in, form.fields.one("order").unwrap_or_default()).await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.advance_manual_order(&mut session, merchant, actor, &order.id, to, version).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response())
}
