//! Manual orders: made one by one, or read from a table.

use super::cancellations::to_value;
use super::once::{Begun, Once, if_match};
use super::order::Order;
use super::orders::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::parse_rfc3339;
use crate::http::body;
use crate::manual_orders::{self, Defaults};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{FILE_BYTES_MAX, Sheet};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{MerchantSku, OrderNumber};
use domain::manual::{ManualLine, ManualOrder, ManualStatus};
use domain::money::{Currency, Money};
use domain::time::Moment;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// A manual order to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedOrder {
    /// The seller's own number; one is made where none is given.
    #[serde(default)]
    pub number: Option<String>,
    /// Who gets it.
    #[serde(default)]
    pub buyer_name: String,
    /// The currency of its prices, such as `MYR`.
    pub currency: String,
    /// Paid on delivery.
    #[serde(default)]
    pub cod: bool,
    /// RFC 3339; now where none is given.
    #[serde(default)]
    pub ordered_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub ship_by: Option<String>,
    /// What was ordered.
    pub lines: Vec<WishedLine>,
}

/// A line of it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WishedManualLine)]
pub struct WishedLine {
    /// What lies on the shelf.
    pub merchant_sku: String,
    /// Units, 1 or more.
    pub quantity: u32,
    /// What the buyer calls it.
    #[serde(default)]
    pub name: String,
    /// A decimal number.
    #[serde(default)]
    pub unit_price: Option<String>,
}

fn unfit(words: impl std::fmt::Display) -> Problem {
    Problem::unprocessable("invalid_order", "This is no order", words.to_string())
}

fn time(given: Option<&str>) -> Result<Option<Moment>, Problem> {
    let read = |text| parse_rfc3339(text).ok_or_else(|| unfit(format!("“{text}” is no RFC 3339 time")));
    given.map(read).transpose()
}

impl WishedOrder {
    fn read(&self, defaults: Defaults) -> Result<ManualOrder, Problem> {
        let currency = Currency::parse(&self.currency).map_err(unfit)?;
        let line = |line: &WishedLine| {
            let price = line.unit_price.as_deref().map(|price| Money::parse(price, currency)).transpose();
            Ok(ManualLine {
                merchant_sku: MerchantSku::parse(line.merchant_sku.as_str()).map_err(unfit)?,
                name: line.name.clone(),
                quantity: line.quantity,
                unit_price: price.map_err(unfit)?,
            })
        };
        let number = self.number.clone().unwrap_or_else(|| manual_orders::number(defaults));
        Ok(ManualOrder {
            number: OrderNumber::parse(number).map_err(unfit)?,
            buyer_name: self.buyer_name.clone(),
            currency,
            cod: self.cod,
            ordered_at: time(self.ordered_at.as_deref())?.unwrap_or(defaults.now),
            ship_by: time(self.ship_by.as_deref())?,
            lines: self.lines.iter().map(line).collect::<Result<_, Problem>>()?,
        })
    }
}

/// Makes a manual order.
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders", request_body = WishedOrder,
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 201, body = Order),
        (status = 422, description = "invalid_order", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<WishedOrder>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let defaults = manual_orders::defaults(&app, &mut once.session, &signed_in).await?;
    let order = wish.value.read(defaults)?;
    let created = manual_orders::create(&app, &mut once.session, &signed_in, std::slice::from_ref(&order)).await;
    let answer = created.and_then(|created| to_value(&created.first().map(Order::from)));
    once.finish(StatusCode::CREATED, answer).await
}

/// The orders that a table made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Imported {
    /// They, in the table's order.
    pub orders: Vec<Order>,
}

/// Makes manual orders from a table (csv, tab-separated or xlsx): all of them, or none.
#[utoipa::path(
    post, path = "/api/v1/orders/import", tag = "orders",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Columns: number, sku, quantity, currency; name, unit price, buyer, ordered at, ship by, cod where known"),
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 201, body = Imported),
        (status = 422, description = "invalid_table (every wrong row and column), invalid_order", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn import(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let bytes = body::read(body, FILE_BYTES_MAX).await?;
    let same = hex::encode(Sha256::digest(&bytes));
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &same).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let defaults = manual_orders::defaults(&app, &mut once.session, &signed_in).await?;
    let orders = Sheet::parse(&bytes).and_then(|sheet| manual_orders::read(&sheet, defaults))?;
    let created = manual_orders::create(&app, &mut once.session, &signed_in, &orders).await;
    let answer = created.and_then(|created| to_value(&Imported { orders: created.iter().map(Order::from).collect() }));
    once.finish(StatusCode::CREATED, answer).await
}

/// Says that a manual order has arrived and is paid.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/complete", tag = "orders",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header), ("if-match" = Option<String>, Header)),
    responses((status = 200, body = Order), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn complete(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let version = if_match(&headers)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let order = visible(&mut once.session, &signed_in, &id).await?.id;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let to = ManualStatus::Completed;
    let done = app.engine.advance_manual_order(&mut once.session, merchant, actor, &order, to, version).await;
    let answer = done.map_err(Problem::from).and_then(|order| to_value(&Order::from(&order)));
    once.finish(StatusCode::OK, answer).await
}
