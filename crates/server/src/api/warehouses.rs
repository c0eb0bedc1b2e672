//! Third-party warehouses: accounts, which goods lie there, and what each has of an order.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::orders::visible;
use crate::app::App;
use crate::auth::{SignedIn, secrets};
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::public_address;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use connectors::OpenError;
use domain::destination::{Destination, Part};
use domain::ids::{MerchantId, OrderId, ShopId, WarehouseId};
use domain::provider::Provider;
use domain::warehouse_order::Goods;
use engine::{LinkError, NewAccount, WarehouseError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::warehouses::{self, AccountRecord, RuleRecord};
use store::{Session, Store, StoreError};
use utoipa::ToSchema;

/// A package as the warehouse knows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WarehousePackage {
    /// The warehouse's id of it.
    pub number: String,
    /// Its tracking number, once there is one.
    pub tracking_number: Option<String>,
}

/// What a third-party warehouse has of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 4")]
pub struct Withdrawal {
    /// `not_pushed`, `pushed`, `withdrawing`, `withdrawn`, `refused_picked`, `refused_shipped` or `unknown`.
    pub state: String,
    /// Whether a read agrees with the state: `withdrawn` counts only then.
    pub confirmed: bool,
    /// Whether it was asked back.
    pub wanted: bool,
    pub warehouse: String,
    pub warehouse_name: String,
    pub provider: String,
    /// Whom to call.
    pub contact: String,
    /// Our reference there.
    pub reference: String,
    /// The warehouse's own id of it.
    pub number: Option<String>,
    /// How often it was pushed.
    pub generation: u32,
    pub packages: Vec<WarehousePackage>,
    /// Its packages differ: some were handed back or left, and some were not.
    pub partial: bool,
    /// The warehouse's words at the last read.
    pub warehouse_status: String,
    /// What its staff said through the one-time link: `stopped` or `gone`.
    pub staff_answer: Option<String>,
    /// Why a push or a withdrawal was refused.
    pub message: Option<String>,
    pub updated_at: String,
}

impl Withdrawal {
    pub(crate) fn of(record: &WarehouseOrderRecord, account: Option<&AccountRecord>) -> Self {
        let text = |of: fn(&AccountRecord) -> String| account.map(of).unwrap_or_default();
        Self {
            state: record.saga.state.to_string(),
            confirmed: record.saga.confirmed,
            wanted: record.saga.wanted,
            warehouse: record.warehouse.to_string(),
            warehouse_name: text(|account| account.name.clone()),
            provider: text(|account| account.provider.to_string()),
            contact: text(|account| account.contact.clone()),
            reference: record.reference.clone(),
            number: record.number.clone(),
            generation: record.generation,
            packages: record
                .parcels
                .iter()
                .map(|parcel| WarehousePackage {
                    number: parcel.number.clone(),
                    tracking_number: parcel.tracking_number.clone(),
                })
                .collect(),
            partial: record.partial,
            warehouse_status: record.raw_status.clone(),
            staff_answer: record.staff_answer.map(|answer| answer.to_string()),
            message: record.message.clone(),
            updated_at: rfc3339(record.updated_at),
        }
    }
}

/// What third-party warehouses have of these orders, those that none has left out; of one order the one first that keeps it
/// most from being settled.
///
/// # Errors
/// Of the store.
pub async fn withdrawals(
    store: &Store,
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Withdrawal>>, StoreError> {
    let records = warehouse_orders::of_orders(session, merchant, orders).await?;
    if records.is_empty() {
        return Ok(HashMap::new());
    }
    let accounts = store.warehouse_accounts(session, merchant).await?;
    let account = |id: &WarehouseId| accounts.iter().find(|account| account.warehouse == *id);
    let mut records = warehouse_orders::last_of_each(records);
    records.sort_by_key(|record| match record.saga.goods() {
        Goods::KeptShipped => 0,
        Goods::KeptPicked => 1,
        Goods::Asked => 2,
        Goods::There => 3,
        Goods::HandedBack => 4,
        Goods::Free => 5,
    });
    let mut found: HashMap<OrderId, Vec<Withdrawal>> = HashMap::new();
    for record in records {
        let withdrawal = Withdrawal::of(&record, account(&record.warehouse));
        found.entry(record.order).or_default().push(withdrawal);
    }
    Ok(found)
}

/// Which goods of a shop lie at a warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WarehouseRule {
    /// The shop.
    pub shop: String,
    /// Which merchant SKUs begin so; empty: all.
    pub sku_prefix: String,
    /// Whether an order is asked back as soon as a buyer asks to cancel it.
    pub withdraw_on_request: bool,
}

/// An account at a third-party warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WarehouseAccount {
    /// The warehouse that its goods lie in.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whose system it is.
    pub provider: String,
    /// The provider's own id of the account.
    pub account: String,
    /// Whom to call when goods have to be stopped.
    pub contact: String,
    /// Where it is told that parcels go; null: what the order says.
    pub destination: Option<DestinationBody>,
    /// What a person has to do about it.
    pub alert: Option<String>,
    /// The address that it pushes to.
    pub push_address: String,
    /// Which goods lie there.
    pub rules: Vec<WarehouseRule>,
}

/// The accounts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WarehouseAccounts {
    /// By name.
    pub warehouses: Vec<WarehouseAccount>,
}

/// The address that a warehouse pushes to.
#[must_use]
pub fn push_address(public_url: &str, provider: Provider, route: &str) -> String {
    format!("{}/webhooks/{provider}/{route}", public_url.trim_end_matches('/'))
}

/// The merchant's accounts with their rules.
///
/// # Errors
/// Of the store.
pub async fn accounts(
    app: &App,
    session: &mut Session,
    merchant: &MerchantId,
) -> Result<Vec<WarehouseAccount>, Problem> {
    let public_url = public_address::of(app, session, merchant).await?.url;
    let rules = warehouses::rules(session, merchant).await?;
    let mut shown = Vec::new();
    for account in app.store.warehouse_accounts(session, merchant).await? {
        let route = warehouses::route_of(session, merchant, &account.warehouse).await?.unwrap_or_default();
        let rules = rules.iter().filter(|rule| rule.warehouse == account.warehouse);
        shown.push(WarehouseAccount {
            id: account.warehouse.to_string(),
            push_address: push_address(&public_url, account.provider, &route),
            provider: account.provider.to_string(),
            name: account.name,
            account: account.account,
            contact: account.contact,
            destination: account.destination.as_ref().map(DestinationBody::from),
            alert: account.alert,
            rules: rules
                .map(|rule| WarehouseRule {
                    shop: rule.shop.to_string(),
                    sku_prefix: rule.sku_prefix.clone(),
                    withdraw_on_request: rule.withdraw_on_request,
                })
                .collect(),
        });
    }
    Ok(shown)
}

/// The accounts at third-party warehouses.
#[utoipa::path(
    get, path = "/api/v1/warehouses", tag = "warehouses",
    responses((status = 200, body = WarehouseAccounts), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(State(app): State<App>, signed_in: SignedIn) -> Result<Json<WarehouseAccounts>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    Ok(Json(WarehouseAccounts { warehouses: accounts(&app, &mut session, signed_in.merchant()).await? }))
}

impl From<WarehouseError> for Problem {
    fn from(error: WarehouseError) -> Self {
        let words = error.to_string();
        match error {
            WarehouseError::NotFound(what) => Self::not_found(what),
            WarehouseError::Exists => Self::conflict("already_connected", words),
            WarehouseError::NotTaken(_) => {
                Self::unprocessable("account_not_taken", "The warehouse does not take it", words)
            }
            WarehouseError::NotThere(_) => {
                Self::unprocessable("account_not_taken", "No such warehouse there", words).with("field", "address")
            }
            WarehouseError::Silent(_) => Self::conflict("no_answer", words).with("field", "address"),
            WarehouseError::Input { field, .. } => {
                Self::unprocessable("invalid_body", "The body does not fit", words).with("field", field)
            }
            WarehouseError::Engine(error) => error.into(),
        }
    }
}

/// Where a warehouse is told that parcels go, where the marketplace hides the buyer's address: for example the marketplace's
/// hand-over point. The country is the order's. All of it empty: what the order says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = WarehouseDestination)]
pub struct DestinationBody {
    /// Street and house.
    pub address: String,
    /// The city.
    pub city: String,
    /// The province or state; may stay empty.
    pub province: String,
    /// The postal code; may stay empty.
    pub postal_code: String,
}

impl From<&Destination> for DestinationBody {
    fn from(destination: &Destination) -> Self {
        let part = |part: Part| destination.part(part).unwrap_or_default().to_owned();
        Self {
            address: part(Part::Address),
            city: part(Part::City),
            province: part(Part::Province),
            postal_code: part(Part::PostalCode),
        }
    }
}

impl DestinationBody {
    /// A part as it was entered.
    #[must_use]
    pub fn part(&self, part: Part) -> &str {
        match part {
            Part::Address => &self.address,
            Part::City => &self.city,
            Part::Province => &self.province,
            Part::PostalCode => &self.postal_code,
        }
    }

    fn read(&self) -> Result<Option<Destination>, Problem> {
        Destination::entered(|part| self.part(part)).map_err(|error| {
            let problem = Problem::unprocessable("invalid_body", "The body does not fit", error.to_string());
            problem.with("field", format!("destination.{}", error.part()))
        })
    }
}

/// An account to be added.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountWish {
    /// Whose system it is: `shipbob`, `generic` or `yicang`.
    pub provider: String,
    /// What people call the warehouse.
    pub name: String,
    /// Base URL of the warehouse's API; the provider's own where left out. `generic` has none of its own.
    #[serde(default)]
    pub address: Option<String>,
    /// What the provider gave, sealed at rest, texts or numbers by name. `shipbob`: `token`, `channel_id`; `generic`: `account`,
    /// `token`; `yicang`: `app_token`, `app_key`, `warehouse_code`, `shipping_method`, and what its sheet leaves open:
    /// `zipcode`, `absent_codes`, `reference_parameter`. The first two also take `webhook_secret`, the secret of pushes that
    /// were set up already; without it the warehouse is asked for pushes where it can reach us. The last two also take
    /// `calls_per_minute`.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub credentials: BTreeMap<String, Value>,
    /// Whom to call when goods have to be stopped.
    pub contact: String,
    /// Where it is told that parcels go.
    #[serde(default)]
    pub destination: DestinationBody,
}

/// Tries an account and keeps it. The warehouse is asked before any transaction begins.
///
/// # Errors
/// 422 where something entered cannot be used or the warehouse does not take it, 409 where it does not answer; `field` names
/// what is wrong.
pub async fn add(app: &App, signed_in: &SignedIn, wish: &AccountWish) -> Result<(AccountRecord, String), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let provider = Provider::parse(&wish.provider)?;
    let mut entered = BTreeMap::new();
    for (name, value) in &wish.credentials {
        let known = connectors::warehouse_fields(provider).iter().any(|field| field.name == name);
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        if !known || text.is_empty() {
            let words = format!("{} has no credential “{name}”, or it is no text and no number", provider.title());
            return Err(WarehouseError::Input { field: "credentials", words }.into());
        }
        entered.insert(name.as_str(), text);
    }
    let credentials = connectors::warehouse_credentials(provider, |name| entered.get(name).map(String::as_str));
    let credentials = credentials.map_err(|error| match error {
        OpenError::Field { name, title, problem } => {
            WarehouseError::Input { field: name, words: format!("{title}: {problem}") }
        }
        other => WarehouseError::Input { field: "credentials", words: other.to_string() },
    })?;
    let route = secrets::token();
    let address = wish.address.as_deref().map(str::trim).filter(|address| !address.is_empty());
    let address = address.or_else(|| connectors::warehouse_address(provider));
    let no_address =
        || WarehouseError::Input { field: "address", words: "enter the address of the warehouse's API".to_owned() };
    let new = NewAccount {
        provider,
        name: &wish.name,
        address: address.ok_or_else(no_address)?,
        credentials: &credentials,
        contact: &wish.contact,
        destination: wish.destination.read()?,
        route: &route,
    };
    match app.engine.try_account(signed_in.merchant(), &new).await {
        Ok(record) => Ok((record, route)),
        Err(error) => {
            let key = matches!(error, WarehouseError::NotTaken(_)).then(|| key_of(provider)).flatten();
            let problem = Problem::from(error);
            Err(match key {
                Some(key) => problem.with("field", key),
                None => problem,
            })
        }
    }
}

/// The field with the key that a warehouse lets an account in by: the first of what it gave that is secret and needed.
fn key_of(provider: Provider) -> Option<&'static str> {
    let mut fields = connectors::warehouse_fields(provider).iter();
    fields.find(|field| field.secret && field.required).map(|field| field.name)
}

/// Adds an account at a third-party warehouse, once the warehouse has taken its token.
#[utoipa::path(
    post, path = "/api/v1/warehouses", tag = "warehouses", request_body = AccountWish,
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 201, body = WarehouseAccounts),
        (status = 409, description = "already_connected, no_answer, idempotency_key_reused", body = super::ProblemBody),
        (status = 422, description = "account_not_taken, invalid_body; `field` names what is wrong", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<AccountWish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    if let Begun::Replayed(answer) = Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        return Ok(answer);
    }
    let (record, route) = add(&app, &signed_in, &wish.value).await?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let added = app.engine.add_account(&mut once.session, signed_in.actor(), &record, &route).await;
    let answer = match added {
        Ok(()) => {
            let warehouses = accounts(&app, &mut once.session, signed_in.merchant()).await?;
            to_value(&WarehouseAccounts { warehouses })
        }
        Err(error) => Err(error.into()),
    };
    let answer = once.finish(StatusCode::CREATED, answer).await?;
    subscribe(&app, signed_in.merchant(), &record, &route).await;
    Ok(answer)
}

/// Asks the warehouse for pushes where it can reach us. Without them every order there is looked at now and then.
pub async fn subscribe(app: &App, merchant: &MerchantId, record: &AccountRecord, route: &str) {
    if record.credentials.contains("webhook_secret") {
        return;
    }
    let address = async {
        let mut session = app.store.read().await.ok()?;
        public_address::of(app, &mut session, merchant).await.ok()
    };
    let Some(address) = address.await.filter(|address| !public_address::is_of_this_machine(&address.url)) else {
        return;
    };
    let address = push_address(&address.url, record.provider, route);
    if let Err(error) = app.engine.subscribe_account(merchant, &record.warehouse, &address).await {
        tracing::warn!(warehouse = %record.warehouse, %error, "the warehouse sends no pushes; it is asked now and then");
    }
}

/// Which goods are to lie at a warehouse.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleWish {
    /// The shop.
    pub shop: String,
    /// How the merchant SKUs begin; empty or left out: all.
    #[serde(default)]
    pub sku_prefix: String,
    /// Whether an order is asked back as soon as a buyer asks to cancel it.
    #[serde(default)]
    pub withdraw_on_request: bool,
}

/// Saves a rule in this transaction.
///
/// # Errors
/// 403, 404 or 422.
pub async fn save_rule(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    warehouse: &str,
    wish: &RuleWish,
) -> Result<(), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = ShopId::parse(wish.shop.as_str()).map_err(|_| Problem::not_found("shop"))?;
    if !signed_in.sees(&shop) {
        return Err(Problem::not_found("shop"));
    }
    let rule = RuleRecord {
        shop,
        sku_prefix: wish.sku_prefix.trim().to_owned(),
        warehouse: WarehouseId::parse(warehouse).map_err(|_| Problem::not_found("account"))?,
        withdraw_on_request: wish.withdraw_on_request,
    };
    Ok(app.engine.save_warehouse_rule(session, signed_in.merchant(), signed_in.actor(), &rule).await?)
}

/// Says which goods of a shop lie at the warehouse, from the next order on; one for the same shop and SKUs is replaced.
#[utoipa::path(
    post, path = "/api/v1/warehouses/{id}/rules", tag = "warehouses", request_body = RuleWish,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = WarehouseAccounts), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn rule(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<RuleWish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let saved = save_rule(&app, &mut once.session, &signed_in, &id, &wish.value).await;
    shown_after(&app, &signed_in, once, saved).await
}

/// The merchant's warehouses as they are after a change that was kept, or why it was not.
async fn shown_after(
    app: &App,
    signed_in: &SignedIn,
    mut once: Box<Once>,
    saved: Result<(), Problem>,
) -> Result<Response, Problem> {
    let answer = match saved {
        Ok(()) => {
            let warehouses = accounts(app, &mut once.session, signed_in.merchant()).await?;
            to_value(&WarehouseAccounts { warehouses })
        }
        Err(problem) => Err(problem),
    };
    once.finish(StatusCode::OK, answer).await
}

/// Keeps where a warehouse is told that parcels go, in this transaction.
///
/// # Errors
/// 403, 404 or 422; `field` names what is wrong.
pub async fn save_destination(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    warehouse: &str,
    wish: &DestinationBody,
) -> Result<(), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| Problem::not_found("account"))?;
    let destination = wish.read()?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    Ok(app.engine.set_destination(session, merchant, actor, &warehouse, destination.as_ref()).await?)
}

/// Says where a warehouse is told that parcels go, from the next push on; all of it empty: what the order says.
#[utoipa::path(
    post, path = "/api/v1/warehouses/{id}/destination", tag = "warehouses", request_body = DestinationBody,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = WarehouseAccounts), (status = 422, description = "invalid_body", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn destination(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<DestinationBody>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let saved = save_destination(&app, &mut once.session, &signed_in, &id, &wish.value).await;
    shown_after(&app, &signed_in, once, saved).await
}

/// A one-time link, shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WarehouseLink {
    /// Where the warehouse's staff answers.
    pub url: String,
    /// Until when it is taken.
    pub expires_at: String,
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        let words = error.to_string();
        match error {
            LinkError::NotTaken => Self::not_found("link"),
            LinkError::NotThere => Self::conflict("not_at_warehouse", words),
            LinkError::Engine(error) => error.into(),
        }
    }
}

/// Makes a one-time link in this transaction.
///
/// # Errors
/// 403, 404 or 409.
pub async fn make_link(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    order: &str,
    warehouse: Option<&WarehouseId>,
) -> Result<WarehouseLink, Problem> {
    signed_in.need(Permission::RequestsDecide)?;
    let order = visible(session, signed_in, order).await?;
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let link = app.engine.make_link(session, merchant, actor, &order.id, warehouse, &hash).await?;
    let base = public_address::of(app, session, signed_in.merchant()).await?.url;
    let url = format!("{}/warehouse-answer/{token}", base.trim_end_matches('/'));
    Ok(WarehouseLink { url, expires_at: rfc3339(link.expires_at) })
}

/// Makes a one-time link with which a warehouse's staff answers *stopped* or *gone* without an account. Only the hash of its
/// secret is kept, so that a repeated call makes another link and never shows one again. `warehouse` says whose staff, where
/// the order lies at several; else those that keep it.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/warehouse-link", tag = "warehouses",
    params(("id" = String, Path), ("warehouse" = Option<String>, Query)),
    responses(
        (status = 201, body = WarehouseLink),
        (status = 409, description = "not_at_warehouse", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn link(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    query: Query,
) -> Result<(StatusCode, Json<WarehouseLink>), Problem> {
    query.only(&["warehouse"])?;
    let warehouse = query.read("warehouse", |text| WarehouseId::parse(text))?;
    let mut session = app.store.begin().await?;
    let link = make_link(&app, &mut session, &signed_in, &id, warehouse.as_ref()).await?;
    session.commit().await?;
    app.committed();
    Ok((StatusCode::CREATED, Json(link)))
}
