//! Third-party warehouses: the accounts with their rules and contacts, what each has of an order, and the page on which a
//! warehouse's staff answers through a one-time link.

use super::layout::{Ask, Desk, Place, bare, csrf, sheet};
use super::words;
use crate::api::warehouses::{
    AccountWish, DestinationBody, RuleWish, WarehouseAccount, Withdrawal, accounts, add, make_link, save_destination,
    save_rule, subscribe,
};
use crate::app::App;
use crate::auth::forms::{Fields, SignedForm};
use crate::auth::secrets;
use crate::http::body::{FORM_BYTES_MAX, read};
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::destination::Part;
use domain::ids::{ShopId, WarehouseId};
use domain::provider::Provider;
use domain::withdrawal::StaffAnswer;
use engine::LinkError;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use store::{orders, warehouse_links};

/// The longest value of a field, in characters: a token may be long.
const VALUE_MAX: usize = 2_048;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/warehouses", get(show))
        .route("/warehouses/connect", get(connect).post(create))
        .route("/warehouses/{id}/rules", post(add_rule))
        .route("/warehouses/{id}/rules/remove", post(remove_rule))
        .route("/warehouses/{id}/contact", post(set_contact))
        .route("/warehouses/{id}/destination", post(set_destination))
        .route("/orders/{id}/warehouse-link", post(link))
        .route("/warehouse-answer/{token}", get(ask_staff).post(take_answer))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let notice = match query.one("said")? {
        Some("connected") => Some(words::WAREHOUSE_CONNECTED),
        Some("rule") => Some(words::WAREHOUSE_RULE_SAVED),
        Some("removed") => Some(words::WAREHOUSE_RULE_REMOVED),
        Some("contact") => Some(words::WAREHOUSE_CONTACT_SAVED),
        Some("destination") => Some(words::DESTINATION_SAVED),
        _ => None,
    };
    page(&app, &ask, notice, None).await
}

/// A warehouse's destination as it was entered, with what is wrong with it.
struct Refused<'a> {
    warehouse: &'a str,
    entered: &'a DestinationBody,
    said: &'a Said,
}

async fn page(app: &App, ask: &Ask, notice: Option<&str>, refused: Option<&Refused<'_>>) -> Result<Markup, Problem> {
    let mut session = app.store.read().await?;
    let desk = Desk::load(app, &mut session, &ask.signed_in).await?;
    let accounts = accounts(app, &mut session, ask.signed_in.merchant()).await?;
    drop(session);
    let may_manage = ask.signed_in.permissions.has(Permission::ShopsManage);
    let main = html! {
        div.head {
            h1 { (words::THIRD_PARTY_WAREHOUSES) }
            @if let Some(notice) = notice { p.notice role="status" { (notice) } }
            @if may_manage { a.button.primary href="/warehouses/connect" { (words::CONNECT_WAREHOUSE) } }
        }
        @if accounts.is_empty() {
            div.empty { h2 { (words::NO_WAREHOUSES) } p { (words::NO_WAREHOUSES_LEAD) } }
        }
        @for account in &accounts {
            @let refused = refused.filter(|refused| refused.warehouse == account.id);
            (section(ask, &desk, account, may_manage, refused))
        }
    };
    Ok(desk.page(ask, Place::Warehouses, words::THIRD_PARTY_WAREHOUSES, &main))
}

fn section(
    ask: &Ask,
    desk: &Desk,
    account: &WarehouseAccount,
    may_manage: bool,
    refused: Option<&Refused<'_>>,
) -> Markup {
    let shop_name = |id: &str| {
        let shop = desk.shops.iter().find(|shop| shop.id.as_str() == id);
        shop.map_or_else(|| id.to_owned(), |shop| shop.name.clone())
    };
    let provider = Provider::parse(&account.provider).map_or("", Provider::title);
    html! {
        section id=(account.id) {
            h2 { (account.name) }
            p.sub { (provider) " " code { (account.account) } " · " (words::PUSH_ADDRESS) " " code { (account.push_address) } }
            @if let Some(alert) = &account.alert { p.attention { (alert) } }
            form.connect method="post" action={ "/warehouses/" (account.id) "/contact" } {
                (csrf(ask.signed_in.csrf()))
                label {
                    span { (words::WAREHOUSE_CONTACT) }
                    input name="contact" value=(account.contact) required maxlength="200" readonly[!may_manage];
                }
                @if may_manage { div.actions { button { (words::SAVE_CONTACT) } } }
            }
            (destination(ask, account, may_manage, refused))
            h3 { (words::WAREHOUSE_RULES) }
            @if account.rules.is_empty() {
                p.sub { (words::NO_RULES) }
            } @else {
                table.plain {
                    thead { tr { th { (words::RULE_SHOP) } th { (words::RULE_SKUS) } th {} th {} } }
                    tbody {
                        @for rule in &account.rules {
                            tr {
                                td { (shop_name(&rule.shop)) }
                                td data-label=(words::RULE_SKUS) {
                                    @if rule.sku_prefix.is_empty() { (words::EVERY_SKU) } @else { code { (rule.sku_prefix) } }
                                }
                                td { @if rule.withdraw_on_request { span.sub { (words::RULE_AT_ONCE_SHORT) } } }
                                td.action {
                                    @if may_manage {
                                        form method="post" action={ "/warehouses/" (account.id) "/rules/remove" } {
                                            (csrf(ask.signed_in.csrf()))
                                            input type="hidden" name="shop" value=(rule.shop);
                                            input type="hidden" name="sku_prefix" value=(rule.sku_prefix);
                                            button.quiet { (words::REMOVE_WAREHOUSE_RULE) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if may_manage {
                form.connect method="post" action={ "/warehouses/" (account.id) "/rules" } {
                    (csrf(ask.signed_in.csrf()))
                    label {
                        span { (words::RULE_SHOP) }
                        select name="shop" required {
                            @for shop in &desk.shops { option value=(shop.id) { (shop.name) " · " (shop.platform.title()) } }
                        }
                    }
                    label {
                        span { (words::RULE_SKUS) " " small { (words::RULE_SKUS_HINT) } }
                        input name="sku_prefix" maxlength="200";
                    }
                    label.check {
                        input type="checkbox" name="withdraw_on_request" value="1";
                        span { (words::RULE_AT_ONCE) }
                    }
                    div.actions { button { (words::ADD_WAREHOUSE_RULE) } }
                }
            }
        }
    }
}

/// Where a warehouse is told that parcels go, and the form that changes it.
fn destination(ask: &Ask, account: &WarehouseAccount, may_manage: bool, refused: Option<&Refused<'_>>) -> Markup {
    let (none, silent) = (DestinationBody::default(), Said::default());
    let kept = account.destination.as_ref();
    let told: Vec<&str> = Part::ALL.iter().filter_map(|&part| Some(kept?.part(part))).collect();
    let told = told.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let entered = refused.map_or(kept.unwrap_or(&none), |refused| refused.entered);
    let said = refused.map_or(&silent, |refused| refused.said);
    html! {
        details.destination open[refused.is_some()] {
            summary {
                (words::DESTINATION) ": "
                @if told.is_empty() { span.sub { (words::DESTINATION_USUAL) } } @else { strong { (told) } }
            }
            form.connect method="post" action={ "/warehouses/" (account.id) "/destination" } novalidate {
                (csrf(ask.signed_in.csrf()))
                @if let Some(words) = &said.form { p.error role="alert" { (words) } }
                (destination_fields(entered, said, !may_manage))
                @if may_manage { div.actions { button { (words::SAVE_DESTINATION) } } }
            }
        }
    }
}

/// The name of a part's field in a form.
fn destination_field(part: Part) -> String {
    format!("destination.{part}")
}

fn destination_entered(form: &Fields) -> DestinationBody {
    let one = |part: Part| form.one(&destination_field(part)).unwrap_or_default().trim().to_owned();
    DestinationBody {
        address: one(Part::Address),
        city: one(Part::City),
        province: one(Part::Province),
        postal_code: one(Part::PostalCode),
    }
}

fn destination_fields(entered: &DestinationBody, said: &Said, readonly: bool) -> Markup {
    let first = Part::ALL.iter().find(|part| said.fields.contains_key(&destination_field(**part)));
    html! {
        p.sub { (words::DESTINATION_LEAD) }
        @for part in Part::ALL {
            @let name = destination_field(*part);
            @let field = Field {
                name: &name,
                title: words::destination_part(*part),
                hint: words::destination_hint(*part),
                kind: "text",
                required: false,
                readonly,
            };
            (field_of_form(&field, entered.part(*part), said, first == Some(part)))
        }
    }
}

async fn set_destination(
    State(app): State<App>,
    Path(id): Path<String>,
    form: SignedForm,
) -> Result<Response, Problem> {
    let entered = destination_entered(&form.fields);
    let mut session = app.store.begin().await?;
    match save_destination(&app, &mut session, &form.signed_in, &id, &entered).await {
        Ok(()) => {
            session.commit().await?;
            Ok(Redirect::to("/warehouses?said=destination").into_response())
        }
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            drop(session);
            let said = Said::refused(&problem, &destination_field_names());
            let ask = Ask { signed_in: form.signed_in, fragment: false };
            let refused = Refused { warehouse: &id, entered: &entered, said: &said };
            let page = page(&app, &ask, None, Some(&refused)).await?;
            Ok((problem.status, page).into_response())
        }
        Err(problem) => Err(problem),
    }
}

fn destination_field_names() -> Vec<String> {
    Part::ALL.iter().map(|part| destination_field(*part)).collect()
}

async fn connect(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let provider = query.read("provider", Provider::parse)?;
    connect_page(&app, &ask, provider, &Fields::parse(&[]), &Said::default()).await
}

/// What is wrong with a form: beside its fields, or over all of it.
#[derive(Default)]
struct Said {
    fields: BTreeMap<String, String>,
    form: Option<String>,
}

impl Said {
    /// What is missing of a provider's form, all of it at once.
    fn missing(provider: Provider, entered: impl Fn(&str) -> bool) -> Self {
        let given = connectors::warehouse_fields(provider).iter().filter(|field| field.required);
        let address = connectors::warehouse_address(provider).is_none().then_some("address");
        let needed = ["name", "contact"].into_iter().chain(given.map(|field| field.name)).chain(address);
        let missing = needed.filter(|name| !entered(name));
        Self { fields: missing.map(|name| (name.to_owned(), words::FIELD_MISSING.to_owned())).collect(), form: None }
    }

    /// What was refused, beside the field that it names where the form has that one.
    fn refused(problem: &Problem, fields: &[String]) -> Self {
        let words = words::sentence(&problem.detail);
        let has = |name: &&str| fields.iter().any(|field| field == name);
        match problem.more.get("field").and_then(Value::as_str).filter(has) {
            Some(field) => Self { fields: [(field.to_owned(), words)].into(), form: None },
            None => Self { fields: BTreeMap::new(), form: Some(words) },
        }
    }

    fn is_silent(&self) -> bool {
        self.fields.is_empty() && self.form.is_none()
    }
}

/// A field of the form.
struct Field<'a> {
    name: &'a str,
    title: &'a str,
    hint: Option<&'a str>,
    kind: &'static str,
    required: bool,
    readonly: bool,
}

/// First whose system it is, then what that provider gave.
async fn connect_page(
    app: &App,
    ask: &Ask,
    provider: Option<Provider>,
    entered: &Fields,
    said: &Said,
) -> Result<Markup, Problem> {
    let mut session = app.store.read().await?;
    let desk = Desk::load(app, &mut session, &ask.signed_in).await?;
    drop(session);
    let form = match provider {
        None => html! {
            form.connect method="get" action="/warehouses/connect" {
                label {
                    span { (words::WAREHOUSE_PROVIDER) }
                    select name="provider" required autofocus {
                        @for provider in Provider::ALL { option value=(provider) { (provider.title()) } }
                    }
                }
                div.actions { button.primary { (words::WAREHOUSE_CHOOSE) } a.button href="/warehouses" { (words::BACK) } }
            }
        },
        Some(provider) => provider_form(ask, provider, entered, said),
    };
    let main = html! {
        div.head { h1 { (words::CONNECT_WAREHOUSE) } p.lead { a href="/warehouses" { (words::THIRD_PARTY_WAREHOUSES) } } }
        (form)
    };
    Ok(desk.page(ask, Place::Warehouses, words::CONNECT_WAREHOUSE, &main))
}

/// The fields that say what a provider gave, in the order of its form.
fn fields_of(provider: Provider) -> Vec<Field<'static>> {
    let field = |name, title, hint, kind, required| Field { name, title, hint, kind, required, readonly: false };
    let given = connectors::warehouse_fields(provider).iter().map(|given| {
        let usual = if given.secret { Some(words::WAREHOUSE_SECRET_HINT) } else { None };
        let usual = if given.required { usual } else { Some(words::WAREHOUSE_OPTIONAL) };
        let kind = if given.secret { "password" } else { "text" };
        field(given.name, given.title, words::warehouse_hint(given.name).or(usual), kind, given.required)
    });
    let has_address = connectors::warehouse_address(provider).is_some();
    let about_address = if has_address { words::WAREHOUSE_ADDRESS_HINT } else { words::WAREHOUSE_ADDRESS_NEEDED };
    let mut fields = vec![field("name", words::WAREHOUSE_NAME, None, "text", true)];
    fields.extend(given);
    fields.push(field("address", words::WAREHOUSE_ADDRESS, Some(about_address), "url", !has_address));
    fields.push(field("contact", words::WAREHOUSE_CONTACT, Some(words::WAREHOUSE_CONTACT_HINT), "text", true));
    fields
}

fn provider_form(ask: &Ask, provider: Provider, entered: &Fields, said: &Said) -> Markup {
    let fields = fields_of(provider);
    // The first that is wrong is where to go on; on a form that is new, the first.
    let wrong = fields.iter().position(|field| said.fields.contains_key(field.name));
    let first = wrong.or(said.fields.is_empty().then_some(0));
    let destination = destination_entered(entered);
    html! {
        // What is wrong is said beside each field, by the same words with and without a script.
        form.connect method="post" action={ "/warehouses/connect?provider=" (provider) } novalidate
            data-kept[!said.is_silent()] {
            (csrf(ask.signed_in.csrf()))
            input type="hidden" name="provider" value=(provider);
            @if let Some(words) = &said.form { p.error role="alert" { (words) } }
            h2 { (provider.title()) }
            @for (place, field) in fields.iter().enumerate() {
                (field_of_form(field, entered.one(field.name).unwrap_or_default(), said, first == Some(place)))
            }
            fieldset.destination {
                legend { (words::DESTINATION) }
                (destination_fields(&destination, said, false))
            }
            div.actions {
                button.primary { (words::TRY_AND_CONNECT) }
                a.button href="/warehouses/connect" { (words::BACK) }
            }
        }
    }
}

fn field_of_form(field: &Field<'_>, value: &str, said: &Said, first: bool) -> Markup {
    let wrong = said.fields.get(field.name);
    let secret = field.kind == "password";
    let about = format!("{}-wrong", field.name);
    html! {
        label {
            span { (field.title) @if let Some(hint) = field.hint { " " small { (hint) } } }
            input type=(field.kind) name=(field.name) value=(if secret { "" } else { value }) required[field.required]
                readonly[field.readonly] maxlength=(VALUE_MAX) autocomplete="off" autofocus[first]
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| &about)];
            @if let Some(words) = wrong { p.error id=(about) role="alert" { (words) } }
            @if secret && wrong.is_none() && !value.is_empty() { small.again { (words::SECRET_AGAIN) } }
        }
    }
}

async fn create(State(app): State<App>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let one = |name: &str| form.fields.one(name).unwrap_or_default().trim().to_owned();
    let provider = Provider::parse(&one("provider"))?;
    let missing = Said::missing(provider, |name| !one(name).is_empty());
    if !missing.is_silent() {
        let ask = Ask { signed_in, fragment: false };
        let page = connect_page(&app, &ask, Some(provider), &form.fields, &missing).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let given = connectors::warehouse_fields(provider).iter().map(|field| (field.name.to_owned(), one(field.name)));
    let wish = AccountWish {
        provider: provider.to_string(),
        name: one("name"),
        address: Some(one("address")),
        credentials: given.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.into())).collect(),
        contact: one("contact"),
        destination: destination_entered(&form.fields),
    };
    let added = match add(&app, &signed_in, &wish).await {
        Ok((record, route)) => {
            let mut session = app.store.begin().await?;
            match app.engine.add_account(&mut session, signed_in.actor(), &record, &route).await {
                Ok(()) => {
                    session.commit().await?;
                    app.committed();
                    subscribe(&app, signed_in.merchant(), &record, &route).await;
                    Ok(())
                }
                Err(error) => Err(Problem::from(error)),
            }
        }
        Err(problem) => Err(problem),
    };
    match added {
        Ok(()) => Ok(Redirect::to("/warehouses?said=connected").into_response()),
        Err(problem) if problem.status.is_client_error() => {
            let ask = Ask { signed_in, fragment: false };
            let fields = fields_of(provider).into_iter().map(|field| field.name.to_owned());
            let said = Said::refused(&problem, &fields.chain(destination_field_names()).collect::<Vec<_>>());
            let page = connect_page(&app, &ask, Some(provider), &form.fields, &said).await?;
            Ok((problem.status, page).into_response())
        }
        Err(problem) => Err(problem),
    }
}

async fn add_rule(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let one = |name: &str| form.fields.one(name).unwrap_or_default().trim().to_owned();
    let wish = RuleWish {
        shop: one("shop"),
        sku_prefix: one("sku_prefix"),
        withdraw_on_request: form.fields.one("withdraw_on_request").is_some(),
    };
    let mut session = app.store.begin().await?;
    save_rule(&app, &mut session, &form.signed_in, &id, &wish).await?;
    session.commit().await?;
    Ok(Redirect::to("/warehouses?said=rule"))
}

async fn remove_rule(State(app): State<App>, Path(_): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let shop = ShopId::parse(form.fields.one("shop").unwrap_or_default()).map_err(|_| Problem::not_found("shop"))?;
    let sku_prefix = form.fields.one("sku_prefix").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.remove_warehouse_rule(&mut session, merchant, actor, &shop, sku_prefix).await?;
    session.commit().await?;
    Ok(Redirect::to("/warehouses?said=removed"))
}

async fn set_contact(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let warehouse = WarehouseId::parse(id).map_err(|_| Problem::not_found("account"))?;
    let contact = form.fields.one("contact").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.set_contact(&mut session, merchant, actor, &warehouse, contact).await?;
    session.commit().await?;
    Ok(Redirect::to("/warehouses?said=contact"))
}

/// Shows a one-time link, this once.
async fn link(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Markup, Problem> {
    let named = form.fields.one("warehouse").map(WarehouseId::parse).transpose();
    let warehouse = named.map_err(|_| Problem::not_found("account"))?;
    let mut session = app.store.begin().await?;
    let link = make_link(&app, &mut session, &form.signed_in, &id, warehouse.as_ref()).await?;
    session.commit().await?;
    app.committed();
    let main = html! {
        h1 { (words::LINK_MADE) }
        p { (words::LINK_LEAD) }
        p { input.link readonly value=(link.url) aria-label=(words::LINK_MADE) size="80"; }
        p.sub { (words::LINK_ENDS) " " (link.expires_at) }
        div.actions { a.button.primary href={ "/orders/" (id) } data-dismiss autofocus { (words::CLOSE) } }
    };
    let ask = Ask { signed_in: form.signed_in, fragment: false };
    let mut session = app.store.read().await?;
    sheet(&app, &mut session, &ask, Place::Requests, words::LINK_MADE, &main).await
}

/// What a third-party warehouse has of an order, for people: its state, and whom to contact where it keeps it.
pub(super) fn facts(withdrawal: &Withdrawal) -> Markup {
    let kept = matches!(withdrawal.state.as_str(), "refused_picked" | "refused_shipped");
    html! {
        div.warehouse data-withdrawal=(withdrawal.state) {
            div { (withdrawal.warehouse_name) ": " (words::withdrawal(&withdrawal.state, withdrawal.confirmed)) }
            @if let Some(answer) = &withdrawal.staff_answer { div.sub { (words::staff_said(answer)) } }
            @if withdrawal.partial { div.sub { (words::WAREHOUSE_PARTIAL) } }
            @if let Some(message) = &withdrawal.message { p.refused { (message) } }
            @if kept {
                div.contact {
                    strong { (words::CONTACT_STAFF) ": " (withdrawal.contact) }
                    @if let Some(number) = &withdrawal.number {
                        div.sub { (words::WAREHOUSE_ORDER_NUMBER) " " code { (number) } }
                    }
                    @for package in &withdrawal.packages {
                        div.sub {
                            (words::WAREHOUSE_PACKAGES) " " code { (package.number) }
                            @if let Some(tracking) = &package.tracking_number { " " code { (tracking) } }
                        }
                    }
                }
            }
        }
    }
}

/// The section of an order's page.
pub(super) fn order_section(ask: &Ask, order: &str, withdrawals: &[Withdrawal]) -> Markup {
    if withdrawals.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (words::AT_WAREHOUSE) }
            @for withdrawal in withdrawals {
                (facts(withdrawal))
                p.sub {
                    (words::WAREHOUSE_REFERENCE) " " code { (withdrawal.reference) }
                    @if !withdrawal.warehouse_status.is_empty() {
                        " · " (words::WAREHOUSE_STATUS) " “" (withdrawal.warehouse_status) "”"
                    }
                }
                @if ask.signed_in.permissions.has(Permission::RequestsDecide) {
                    form method="post" action={ "/orders/" (order) "/warehouse-link" } {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="warehouse" value=(withdrawal.warehouse);
                        button { (words::MAKE_LINK) }
                    }
                }
            }
        }
    }
}

/// Counts an attempt with a link that is none, or says that there were too many.
fn throttled(app: &App, hash: &str, address: SocketAddr) -> Option<Response> {
    app.throttle.wait(hash, address.ip(), app.clock.now())?;
    let main = html! { h1 { (words::ANSWER_TOO_OFTEN) } };
    Some((StatusCode::TOO_MANY_REQUESTS, bare(words::ANSWER_TOO_OFTEN, false, &main)).into_response())
}

fn not_taken(app: &App, hash: &str, address: SocketAddr) -> Response {
    app.throttle.count(hash, address.ip(), app.clock.now());
    let main = html! { h1 { (words::ANSWER_NOT_TAKEN) } p { (words::ANSWER_NOT_TAKEN_LEAD) } };
    (StatusCode::NOT_FOUND, bare(words::ANSWER_NOT_TAKEN, false, &main)).into_response()
}

/// The page of the warehouse's staff: opening it uses nothing up.
async fn ask_staff(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let hash = secrets::hash(&token);
    if let Some(response) = throttled(&app, &hash, address) {
        return Ok(response);
    }
    let mut session = app.store.read().await?;
    let Some(link) = warehouse_links::open(&mut session, &hash, app.clock.now()).await? else {
        return Ok(not_taken(&app, &hash, address));
    };
    let known = store::warehouse_orders::at_each(&mut session, &link.merchant, &link.order).await?;
    let meant = known.into_iter().find(|record| record.generation == link.generation);
    let numbers = orders::numbers(&mut session, &link.merchant, std::slice::from_ref(&link.order)).await?;
    drop(session);
    let number = numbers.first().map(|(_, number)| number.to_string()).unwrap_or_default();
    let main = html! {
        h1 { (words::ANSWER_TITLE) }
        p { (words::ANSWER_LEAD) }
        dl.facts {
            div { dt { (words::WAREHOUSE_ANSWER_OF) } dd { code { (number) } } }
            @if let Some(record) = &meant {
                @if let Some(theirs) = &record.number {
                    div { dt { (words::WAREHOUSE_ORDER_NUMBER) } dd { code { (theirs) } } }
                }
                div { dt { (words::WAREHOUSE_REFERENCE) } dd { code { (record.reference) } } }
                @for parcel in &record.parcels {
                    div {
                        dt { (words::WAREHOUSE_PACKAGES) }
                        dd { code { (parcel.number) } @if let Some(tracking) = &parcel.tracking_number { " " code { (tracking) } } }
                    }
                }
            }
        }
        form method="post" action={ "/warehouse-answer/" (token) } {
            div.actions {
                button.primary name="answer" value=(StaffAnswer::Stopped) autofocus { (words::ANSWER_STOPPED) }
                button.danger name="answer" value=(StaffAnswer::Gone) { (words::ANSWER_GONE) }
            }
        }
    };
    Ok(bare(words::ANSWER_TITLE, false, &main).into_response())
}

async fn take_answer(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let hash = secrets::hash(&token);
    if let Some(response) = throttled(&app, &hash, address) {
        return Ok(response);
    }
    let fields = Fields::parse(&read(request.into_body(), FORM_BYTES_MAX).await?);
    let answer = StaffAnswer::parse(fields.one("answer").unwrap_or_default())?;
    let mut session = app.store.begin().await?;
    match app.engine.answer_by_link(&mut session, &hash, answer).await {
        Ok(()) => {
            session.commit().await?;
            app.committed();
            let main = html! { h1 { (words::ANSWER_THANKS) } };
            Ok(bare(words::ANSWER_THANKS, false, &main).into_response())
        }
        Err(LinkError::NotTaken | LinkError::NotThere) => Ok(not_taken(&app, &hash, address)),
        Err(LinkError::Engine(error)) => Err(error.into()),
    }
}
