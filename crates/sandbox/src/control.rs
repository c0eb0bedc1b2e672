//! The control port: what the tests and the demo tell the sandbox, and its own truth.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::clock::{FURTHEST_ADVANCE_SECONDS, rfc3339};
use crate::faults::{self, Faults};
use crate::marketplace::{
    AdvanceWish, BuyerWish, Marketplace, Moment, OrderFilter, OrderWish, Refusal, ShopWish, StockWish, TokenWish,
    WAREHOUSES, text_or_number,
};
use crate::world::{Shared, World};

/// The largest body: an import of some 100,000 order lines.
const LARGEST_BODY_BYTES: usize = 256 << 20;
/// The name of the warehouse that has calls of its own on the control port.
const WAREHOUSE: &str = "warehouse";
/// Calls listed at once unless told.
const CALLS_LISTED: usize = 250_000;

type Answered = Result<Json, Refusal>;

/// A JSON answer.
pub(crate) struct Json(Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0.to_string()).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"status": self.status, "message": self.message});
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

#[derive(Clone)]
struct Desk {
    shared: Arc<Shared>,
    ready: Arc<Value>,
}

/// The routes of the control port; `ready` is the ready line, whose credentials are looked up anew.
pub(crate) fn routes(shared: Arc<Shared>, ready: Value) -> Router {
    Router::new()
        .route("/", get(ready_line))
        .route("/orders", get(orders).post(make_orders))
        .route("/orders/{platform}/{number}/buyer-cancel", post(buyer_cancel))
        .route("/orders/{platform}/{number}/buyer-withdraw", post(buyer_withdraw))
        .route("/orders/{platform}/{number}/advance", post(advance))
        .route("/warehouse/orders", get(warehouse_orders))
        .route("/warehouse/orders/{id}/advance", post(advance_at_warehouse))
        .route("/stock", get(stock).put(set_stock))
        .route("/shops", get(shops).post(make_shop))
        .route("/grants", post(make_grant))
        .route("/tokens", post(end_tokens))
        .route("/import", post(import))
        .route("/faults", put(set_faults))
        .route("/switches", put(set_switches))
        .route("/limits", put(set_limits))
        .route("/push-target", put(set_push_target))
        .route("/pushes", get(pushes))
        .route("/pushes/resend", post(resend_pushes))
        .route("/clock", get(clock).post(move_clock))
        .route("/calls", get(calls))
        .fallback(async || Refusal::unknown("no such control call: see the documentation of the sandbox crate"))
        .method_not_allowed_fallback(async || Refusal {
            status: 405,
            message: "this control call exists with another method".to_owned(),
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .with_state(Desk { shared, ready: Arc::new(ready) })
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let bytes: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(bytes).map_err(|error| Refusal { status: 400, message: format!("the body: {error}") })
}

impl Desk {
    /// Lets a marketplace act and writes the change down.
    fn act(
        &self,
        platform: &str,
        act: impl FnOnce(&mut dyn Marketplace, &mut Moment<'_>) -> Result<Value, Refusal>,
    ) -> Answered {
        let mut world = self.shared.lock();
        let (answer, _) = world.act(platform, None, act)?;
        self.finish(&mut world, answer?)
    }

    fn finish(&self, world: &mut World, answer: Value) -> Answered {
        if !world.commit() {
            return Err(Refusal { status: 500, message: "the journal cannot be written".to_owned() });
        }
        self.shared.pushes_wait.notify_one();
        Ok(Json(answer))
    }
}

async fn ready_line(State(desk): State<Desk>) -> Json {
    let mut world = desk.shared.lock();
    world.renew_credentials();
    world.commit();
    let mut ready = (*desk.ready).clone();
    ready["credentials"] = world.credentials();
    Json(ready)
}

async fn orders(State(desk): State<Desk>, Query(filter): Query<OrderFilter>) -> Answered {
    let world = desk.shared.lock();
    let mut orders: Vec<Value> = Vec::new();
    // What lies at a warehouse is no order of a marketplace: it is shown where it is asked for.
    let asked_for = filter.platform.as_deref();
    let meant = |name: &str| asked_for.is_some() || !WAREHOUSES.contains(&name);
    for marketplace in world.chosen(asked_for)?.into_iter().filter(|one| meant(one.name())) {
        orders.append(&mut marketplace.orders(&filter));
    }
    Ok(Json(json!({"orders": orders})))
}

async fn warehouse_orders(State(desk): State<Desk>, Query(filter): Query<OrderFilter>) -> Answered {
    let world = desk.shared.lock();
    Ok(Json(json!({"orders": world.marketplace(WAREHOUSE)?.orders(&filter)})))
}

async fn advance_at_warehouse(State(desk): State<Desk>, Path(id): Path<String>, body: Bytes) -> Answered {
    let wish: AdvanceWish = parse(&body)?;
    desk.act(WAREHOUSE, |warehouse, moment| warehouse.advance(&id, &wish, moment))
}

async fn make_orders(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: OrderWish = parse(&body)?;
    desk.act(&wish.platform, |marketplace, moment| Ok(json!({"numbers": marketplace.make_orders(&wish, moment)?})))
}

async fn buyer_cancel(
    State(desk): State<Desk>,
    Path((platform, number)): Path<(String, String)>,
    body: Bytes,
) -> Answered {
    let wish: BuyerWish = parse(&body)?;
    desk.act(&platform, |marketplace, moment| marketplace.buyer_cancels(&number, &wish, moment))
}

async fn buyer_withdraw(
    State(desk): State<Desk>,
    Path((platform, number)): Path<(String, String)>,
    body: Bytes,
) -> Answered {
    let wish: BuyerWish = parse(&body)?;
    desk.act(&platform, |marketplace, moment| marketplace.buyer_withdraws(&number, &wish, moment))
}

async fn advance(State(desk): State<Desk>, Path((platform, number)): Path<(String, String)>, body: Bytes) -> Answered {
    let wish: AdvanceWish = parse(&body)?;
    desk.act(&platform, |marketplace, moment| marketplace.advance(&number, &wish, moment))
}

#[derive(Debug, Deserialize)]
struct StockFilter {
    platform: Option<String>,
    shop: Option<String>,
}

async fn stock(State(desk): State<Desk>, Query(filter): Query<StockFilter>) -> Answered {
    let world = desk.shared.lock();
    let mut stock: Vec<Value> = Vec::new();
    for marketplace in world.chosen(filter.platform.as_deref())? {
        stock.append(&mut marketplace.stock(filter.shop.as_deref()));
    }
    Ok(Json(json!({"stock": stock})))
}

async fn set_stock(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: StockWish = parse(&body)?;
    desk.act(&wish.platform, |marketplace, moment| marketplace.set_stock(&wish, moment))
}

async fn shops(State(desk): State<Desk>, Query(filter): Query<StockFilter>) -> Answered {
    let world = desk.shared.lock();
    let mut shops: Vec<Value> = Vec::new();
    for marketplace in world.chosen(filter.platform.as_deref())? {
        shops.append(&mut marketplace.shops());
    }
    Ok(Json(json!({"shops": shops})))
}

async fn make_shop(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: ShopWish = parse(&body)?;
    desk.act(&wish.platform, |marketplace, moment| marketplace.make_shop(&wish, moment))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantWish {
    platform: String,
    #[serde(default, deserialize_with = "text_or_number")]
    shop: Option<String>,
}

async fn make_grant(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: GrantWish = parse(&body)?;
    desk.act(&wish.platform, |marketplace, moment| marketplace.make_grant(wish.shop.as_deref(), moment))
}

async fn end_tokens(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: TokenWish = parse(&body)?;
    desk.act(&wish.platform, |marketplace, moment| marketplace.end_tokens(&wish, moment))
}

async fn import(State(desk): State<Desk>, body: Bytes) -> Answered {
    let export: Value = parse(&body)?;
    let Some(platform) = export.get("platform").and_then(Value::as_str).map(str::to_owned) else {
        return Err(Refusal { status: 400, message: "the body: platform is missing".to_owned() });
    };
    let mut world = desk.shared.lock();
    let (imported, _) = world.act(&platform, None, |marketplace, moment| marketplace.import(export, moment))?;
    let imported = imported?;
    if imported.orders > 0 {
        world.move_clock(|clock| clock.set(imported.clock));
    }
    let mut answer = serde_json::to_value(&imported).unwrap_or_default();
    answer["now"] = json!(rfc3339(world.clock.now_ms()));
    desk.finish(&mut world, answer)
}

async fn set_faults(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: faults::Wish = parse(&body)?;
    let chosen = Faults::from_wish(&wish).map_err(Refusal::senseless)?;
    let mut world = desk.shared.lock();
    let name = world.marketplace(&wish.platform)?.name();
    world.faults.insert(name, chosen);
    world.limits.forgive();
    Ok(Json(json!({"platform": name, "rate": wish.rate})))
}

async fn set_switches(State(desk): State<Desk>, body: Bytes) -> Answered {
    let mut wish: serde_json::Map<String, Value> = parse(&body)?;
    let mut world = desk.shared.lock();
    let accept_repeats = match wish.remove("accept_repeats") {
        Some(value) => Some(
            value
                .as_bool()
                .ok_or_else(|| Refusal { status: 400, message: "accept_repeats is true or false".to_owned() })?,
        ),
        None => None,
    };
    for (platform, switches) in &wish {
        world.act(platform, None, |marketplace, _| marketplace.set_switches(switches))?.0?;
    }
    if let Some(on) = accept_repeats {
        world.set_accept_repeats(on);
    }
    desk.finish(&mut world, json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsWish {
    #[serde(default)]
    lifted: Option<bool>,
    #[serde(default)]
    per_second: Option<u32>,
}

async fn set_limits(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: LimitsWish = parse(&body)?;
    let limits = &mut desk.shared.lock().limits;
    limits.lifted = wish.lifted.unwrap_or(limits.lifted);
    limits.per_second = wish.per_second.unwrap_or(limits.per_second);
    limits.forgive();
    Ok(Json(json!({"lifted": limits.lifted, "per_second": limits.per_second})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PushTarget {
    platform: String,
    url: Option<String>,
}

async fn set_push_target(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: PushTarget = parse(&body)?;
    if let Some(url) = &wish.url {
        let parsed = url::Url::parse(url).map_err(|error| Refusal::senseless(format!("url {url:?}: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(Refusal::senseless(format!("url {url:?} is neither http nor https")));
        }
    }
    let mut world = desk.shared.lock();
    let name = world.marketplace(&wish.platform)?.name();
    world.pushes.set_target(name, wish.url.clone());
    desk.finish(&mut world, json!({"platform": name, "url": wish.url}))
}

async fn pushes(State(desk): State<Desk>) -> Json {
    Json(desk.shared.lock().pushes.counts())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    platform: String,
}

async fn resend_pushes(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: Platform = parse(&body)?;
    let mut world = desk.shared.lock();
    let name = world.marketplace(&wish.platform)?.name();
    let now_ms = world.clock.now_ms();
    let brought_forward = world.pushes.resend(name, now_ms);
    desk.finish(&mut world, json!({"brought_forward": brought_forward}))
}

async fn clock(State(desk): State<Desk>) -> Json {
    Json(json!({"now": rfc3339(desk.shared.lock().clock.now_ms())}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockWish {
    advance_seconds: i64,
}

async fn move_clock(State(desk): State<Desk>, body: Bytes) -> Answered {
    let wish: ClockWish = parse(&body)?;
    if !(0..=FURTHEST_ADVANCE_SECONDS).contains(&wish.advance_seconds) {
        return Err(Refusal::senseless(format!(
            "advance_seconds is {}, possible is 0 to {FURTHEST_ADVANCE_SECONDS}",
            wish.advance_seconds
        )));
    }
    let mut world = desk.shared.lock();
    world.move_clock(|clock| clock.advance(wish.advance_seconds));
    let now = rfc3339(world.clock.now_ms());
    desk.finish(&mut world, json!({"now": now}))
}

#[derive(Debug, Deserialize)]
struct CallFilter {
    platform: Option<String>,
    shop: Option<String>,
    number: Option<String>,
    limit: Option<usize>,
}

async fn calls(State(desk): State<Desk>, Query(filter): Query<CallFilter>) -> Json {
    let world = desk.shared.lock();
    let calls = world.calls.list(
        filter.platform.as_deref(),
        filter.shop.as_deref(),
        filter.number.as_deref(),
        filter.limit.unwrap_or(CALLS_LISTED),
    );
    Json(json!({"calls": calls, "received": world.calls.received()}))
}
