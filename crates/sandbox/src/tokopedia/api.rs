//! The calls of the old API: who may make them and what they do. Sheet sections B.1 to B.5.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::orders::{Order, Shop};
use super::status::{ACCEPTED, CANCELLED_BY_SELLER, PAID, REJECTED_BY_SELLER, SHIPPED, WAITS_FOR_PARTNER};
use super::{NAME, Tokopedia};
use crate::marketplace::{Answer, Moment, Nature, Request};
use crate::random::secret;

/// A token's life, as an Indonesian vendor recorded it.
const TOKEN_LIVES: i64 = 29_142;
/// The list's window is shorter than this.
const WIDEST_WINDOW_SECONDS: i64 = 3 * 86_400;
/// Rows of a stock update, and of a page of the list.
const MOST_ROWS: usize = 100;
/// The longest text of a rejection, in characters.
const LONGEST_REASON: usize = 512;
/// The numbers of a rejection; there is no 6.
const REASONS: [i64; 8] = [0, 1, 2, 3, 4, 5, 7, 8];

/// A failure: the HTTP status, the platform's code and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(pub(super) u16, pub(super) &'static str, pub(super) String);

impl Failure {
    fn new(code: &'static str, reason: impl Into<String>) -> Failure {
        Failure(400, code, reason.into())
    }

    fn not_found() -> Failure {
        Failure::new("ORD_API_008", "Data Not Found")
    }
}

pub(super) type Outcome = Result<Value, Failure>;

/// An answer with the platform's header.
pub(super) fn answer(outcome: Outcome) -> Answer {
    let headers = vec![("content-type", "application/json".to_owned())];
    let (status, code, body) = match outcome {
        Ok(data) => {
            let header = json!({"process_time": 0.02, "messages": "Your request has been processed successfully"});
            (200, String::new(), json!({"header": header, "data": data}))
        }
        // A token that is not good is answered without the header.
        Err(Failure(401, _, words)) => (401, words.clone(), json!({"message": words})),
        Err(Failure(status, code, reason)) => {
            let header = json!({
                "process_time": 0.12, "messages": "Our server encounters an error, please try again later",
                "reason": reason, "error_code": code,
            });
            (status, code.to_owned(), json!({"header": header, "data": null}))
        }
    };
    Answer { status, headers, body: body.to_string().into_bytes(), code }
}

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    Token,
    List,
    Order(&'a str),
    Act(&'a str, &'a str, &'a str),
    Label(&'a str, &'a str),
    Product(&'a str),
    SetStock(&'a str),
}

/// Reads a path.
pub(super) fn asked(request: &Request) -> Option<Asked<'_>> {
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    let get = request.method == Method::GET;
    let post = request.method == Method::POST;
    match parts[..] {
        ["token"] if post => Some(Asked::Token),
        ["v2", "order", "list"] if get => Some(Asked::List),
        ["v2", "fs", fs, "order"] if get => Some(Asked::Order(fs)),
        ["v1", "order", id, "fs", fs, act @ ("ack" | "nack" | "reject-cancel" | "status")] if post => {
            Some(Asked::Act(id, fs, act))
        }
        ["v1", "order", id, "fs", fs, "shipping-label"] if get => Some(Asked::Label(id, fs)),
        ["inventory", "v1", "fs", fs, "product", "info"] if get => Some(Asked::Product(fs)),
        ["inventory", "v1", "fs", fs, "stock", "update"] if post => Some(Asked::SetStock(fs)),
        _ => None,
    }
}

impl Asked<'_> {
    /// What the call may do.
    pub(super) fn nature(self) -> Nature {
        match self {
            Asked::Act(..) | Asked::SetStock(_) => Nature::Write,
            _ => Nature::Read,
        }
    }

    /// The call for budgets.
    fn budget(self) -> &'static str {
        match self {
            Asked::Token => "token",
            Asked::List => "list",
            Asked::Order(_) => "order",
            Asked::Act(..) => "act",
            Asked::Label(..) => "label",
            Asked::Product(_) => "product",
            Asked::SetStock(_) => "stock",
        }
    }
}

fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Failure::new("ORD_API_001", "Malformed body")),
    }
}

fn integer(request: &Request, name: &str) -> Option<i64> {
    request.parameter(name)?.parse().ok()
}

impl Tokopedia {
    /// Answers a call.
    pub(super) fn call(&mut self, request: &Request, asked: Asked<'_>, moment: &mut Moment<'_>) -> Answer {
        if asked == Asked::Token {
            return self.token(request, moment);
        }
        let admitted = self.admit(request, asked, moment);
        match asked {
            Asked::Label(number, _) => match admitted.and_then(|()| self.label(number)) {
                Ok(page) => {
                    let headers = vec![("content-type", "text/html; charset=utf-8".to_owned())];
                    Answer { status: 200, headers, body: page.into_bytes(), code: String::new() }
                }
                Err(failure) => answer(Err(failure)),
            },
            _ => answer(admitted.and_then(|()| self.carry_out(request, asked, moment))),
        }
    }

    /// `GET …/shipping-label` (B.4): a page, from the acceptance on.
    fn label(&mut self, number: &str) -> Result<String, Failure> {
        let (shop, id) = self.shop_with(number)?;
        let order = shop.order(id).ok_or_else(Failure::not_found)?;
        if order.status.is_cancelled() || !(ACCEPTED.0..SHIPPED.0).contains(&order.status.0) {
            return Err(Failure::not_found());
        }
        Ok(format!("<!doctype html><title>{id}</title><h1>Tokopedia order {id}</h1><p>{}</p>", order.awb))
    }

    /// `POST /token` (B.1): the same token until it has ended.
    fn token(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if request.header("authorization") != Some(self.app.basic().as_str())
            || request.parameter("grant_type") != Some("client_credentials")
        {
            return answer(Err(Failure(401, "", "invalid_client".to_owned())));
        }
        if self.app.token_until <= moment.now {
            self.app.token = format!("c:{}", secret(16));
            self.app.token_until = moment.now + TOKEN_LIVES;
            self.app_changed = true;
        }
        let body = json!({
            "access_token": self.app.token, "event_code": "", "expires_in": self.app.token_until - moment.now,
            "last_login_type": "8", "sq_check": false, "token_type": "Bearer",
        });
        let headers = vec![("content-type", "application/json".to_owned())];
        Answer { status: 200, headers, body: body.to_string().into_bytes(), code: String::new() }
    }

    /// Checks token, app number, shop and budget.
    fn admit(&self, request: &Request, asked: Asked<'_>, moment: &mut Moment<'_>) -> Result<(), Failure> {
        let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if given != Some(self.app.token.as_str()) || self.app.token_until <= moment.now {
            return Err(Failure(401, "", "invalid_token".to_owned()));
        }
        let fs = match asked {
            Asked::Order(fs)
            | Asked::Act(_, fs, _)
            | Asked::Label(_, fs)
            | Asked::Product(fs)
            | Asked::SetStock(fs) => fs,
            Asked::List | Asked::Token => request.parameter("fs_id").unwrap_or_default(),
        };
        if fs.parse() != Ok(self.app.fs_id) {
            return Err(Failure::new("ORD_USC_024", "fs_id and shop_id do not belong together"));
        }
        let limited = moment.limits.take(NAME, &self.app.client_id, asked.budget());
        limited.map_err(|_| Failure(429, "", "Too Many Requests".to_owned()))
    }

    /// The shop that a call is about, if the app may act for it.
    fn connected(&mut self, id: i64) -> Result<&mut Shop, Failure> {
        let shop = self.shops.get_mut(&id).ok_or_else(|| Failure::new("ORD_USC_005", "Shop does not match"))?;
        if shop.connected {
            Ok(shop)
        } else {
            Err(Failure(403, "RBAC_MDLW_001", "The shop is not connected to the app".to_owned()))
        }
    }

    fn shop_with(&mut self, order: &str) -> Result<(&mut Shop, i64), Failure> {
        let id = order.parse::<i64>().map_err(|_| Failure::not_found())?;
        let owner = self.shops.values().find(|shop| shop.order(id).is_some()).map(|shop| shop.id);
        let shop = self.connected(owner.ok_or_else(Failure::not_found)?)?;
        Ok((shop, id))
    }

    fn carry_out(&mut self, request: &Request, asked: Asked<'_>, moment: &mut Moment<'_>) -> Outcome {
        match asked {
            Asked::List => self.list(request, moment),
            Asked::Order(_) => {
                let number = request.parameter("order_id").unwrap_or_default().to_owned();
                let (shop, id) = self.shop_with(&number)?;
                shop.view(id, moment.stale).map(|order| order.shown(shop)).ok_or_else(Failure::not_found)
            }
            Asked::Act(number, _, act) => {
                let (fs_id, again) = (self.app.fs_id, moment.accept_repeats);
                let (shop, id) = self.shop_with(number)?;
                let order = shop.order(id).ok_or_else(Failure::not_found)?;
                let answer = match act {
                    "ack" => accept(order),
                    "nack" => reject(order, &body(request)?, again),
                    "reject-cancel" => refuse(order),
                    _ => ship(order, &body(request)?),
                }?;
                let zeroed = answer.zeroed;
                shop.change(id, fs_id, moment.now, |order| (answer.change)(order, moment.now));
                for product in zeroed {
                    shop.change_stock(product, |_| 0);
                }
                moment.changed = true;
                Ok(answer.said)
            }
            Asked::Product(_) => {
                let id = integer(request, "product_id").unwrap_or(0);
                let product = self.shops.values().find_map(|shop| Some((shop, shop.products.get(&id)?)));
                let (shop, product) = product.ok_or_else(|| Failure::new("PRD_USC_024", "Product not found"))?;
                Ok(json!([{
                    "basic": {"productID": product.id, "shopID": shop.id, "status": 1, "name": product.name},
                    "price": {"value": product.price, "currency": 1, "idr": product.price},
                    "stock": {"useStock": true, "value": product.stock}, "main_stock": product.stock,
                    "reserve_stock": 0, "other": {"sku": product.sku, "url": ""},
                }]))
            }
            Asked::SetStock(_) => {
                let shop = self.connected(integer(request, "shop_id").unwrap_or(0))?;
                set_stock(shop, request, moment)
            }
            Asked::Token | Asked::Label(..) => Err(Failure::not_found()),
        }
    }

    /// `GET /v2/order/list` (B.3): orders that came in within the window, paid ones only.
    fn list(&mut self, request: &Request, moment: &Moment<'_>) -> Outcome {
        let fs_id = self.app.fs_id;
        let shop = self.connected(integer(request, "shop_id").unwrap_or(0))?;
        let (from, to) = (integer(request, "from_date").unwrap_or(0), integer(request, "to_date").unwrap_or(0));
        if from > to || to.saturating_sub(from) >= WIDEST_WINDOW_SECONDS {
            return Err(Failure::new("ORD_DLV_013", "The date range is too long"));
        }
        let page = integer(request, "page").and_then(|page| usize::try_from(page).ok()).unwrap_or(1).max(1);
        let size = integer(request, "per_page").and_then(|size| usize::try_from(size).ok()).unwrap_or(10);
        let wanted = integer(request, "status");
        let mut orders: Vec<&Order> = shop
            .all()
            .filter_map(|order| shop.view(order.id, moment.stale))
            .filter(|order| {
                (from..=to).contains(&order.created) && order.history.iter().any(|step| step.status == PAID)
            })
            .filter(|order| wanted.is_none_or(|status| i64::from(order.told_status(shop).0) == status))
            .collect();
        orders.sort_by_key(|order| (order.created, order.id));
        let size = size.clamp(1, MOST_ROWS);
        let rows = orders.into_iter().skip((page - 1).saturating_mul(size)).take(size);
        Ok(rows.map(|order| order.listed(shop, fs_id)).collect())
    }
}

/// What becomes of an order now.
type Change = Box<dyn FnOnce(&mut Order, i64)>;

/// What an action answers and does.
struct Done {
    said: Value,
    zeroed: Vec<i64>,
    change: Change,
}

impl Done {
    fn new(said: Value, change: impl FnOnce(&mut Order, i64) + 'static) -> Done {
        Done { said, zeroed: Vec::new(), change: Box::new(change) }
    }
}

/// `…/ack`.
fn accept(order: &Order) -> Result<Done, Failure> {
    if ![PAID, WAITS_FOR_PARTNER].contains(&order.status) {
        return Err(Failure::new("ORD_USC_001", "The order cannot be accepted in this state"));
    }
    Ok(Done::new(json!("success"), |order, now| order.step("seller", ACCEPTED, "", now)))
}

/// `…/nack` (B.4): before shipping, whole order.
fn reject(order: &Order, body: &Map<String, Value>, again: bool) -> Result<Done, Failure> {
    let refused = |reason: &str| Failure::new("ORD_USC_008", reason);
    let again = again && order.status.is_cancelled();
    if !again && !([PAID, WAITS_FOR_PARTNER, ACCEPTED].contains(&order.status)) {
        return Err(refused("The order cannot be rejected in this state"));
    }
    let code = body.get("reason_code").and_then(Value::as_i64).unwrap_or(0);
    if !REASONS.contains(&code) {
        return Err(refused("Unknown reason_code"));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let reason = text("reason").to_owned();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(refused("The reason is missing or too long"));
    }
    if code == 4 && (text("shop_close_end_date").is_empty() || text("shop_close_note").is_empty()) {
        return Err(refused("shop_close_end_date and shop_close_note are required"));
    }
    let empty = body.get("empty_products").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let zeroed: Vec<i64> = empty.iter().filter_map(Value::as_i64).collect();
    if code == 1 && !zeroed.iter().any(|id| order.lines.iter().any(|line| line.product == *id)) {
        return Err(refused("empty_products names no product of the order"));
    }
    let next = if order.status == ACCEPTED { CANCELLED_BY_SELLER } else { REJECTED_BY_SELLER };
    let mut done = Done::new(json!("success"), move |order, now| {
        order.reason_code = u8::try_from(code).ok();
        order.step("seller", if again { order.status } else { next }, &reason, now);
    });
    done.zeroed = zeroed;
    Ok(done)
}

/// `…/reject-cancel`: the buyer's wish is refused.
fn refuse(order: &Order) -> Result<Done, Failure> {
    if !order.is_asked() {
        return Err(Failure::new("ORD_API_016", "There is no cancel request that this app may answer"));
    }
    Ok(Done::new(json!({"success": true}), |order, _| {
        if let Some(request) = &mut order.request {
            request.status = 2;
        }
    }))
}

/// `…/status`: shipping is confirmed.
fn ship(order: &Order, body: &Map<String, Value>) -> Result<Done, Failure> {
    let awb = body.get("shipping_ref_num").and_then(Value::as_str).unwrap_or_default().to_owned();
    if body.get("order_status").and_then(Value::as_i64) != Some(500) || !order.status.may_become(SHIPPED) {
        return Err(Failure::new("ORD_USC_001", "The order cannot be shipped in this state"));
    }
    Ok(Done::new(json!("success"), move |order, now| {
        order.awb = awb.into();
        order.step("seller", SHIPPED, "", now);
    }))
}

/// `POST …/stock/update` (B.5): rows fail inside a success.
fn set_stock(shop: &mut Shop, request: &Request, moment: &mut Moment<'_>) -> Outcome {
    let rows: Vec<Map<String, Value>> = serde_json::from_slice(&request.body)
        .map_err(|_| Failure::new("ORD_API_001", "The body is no array of rows"))?;
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return Err(Failure::new("ORD_API_001", "One to a hundred rows are wanted"));
    }
    let mut failed = Vec::new();
    let count = rows.len();
    for row in rows {
        let sku = row.get("sku").and_then(Value::as_str).filter(|sku| !sku.is_empty());
        let named = row.get("product_id").and_then(Value::as_i64);
        // The code wins over the number.
        let product = match sku {
            Some(sku) => shop.by_sku(sku),
            None => named.filter(|id| shop.products.contains_key(id)),
        };
        let stock = row.get("new_stock").and_then(Value::as_i64).filter(|stock| *stock >= 0);
        match (product, stock) {
            (Some(product), Some(stock)) => {
                shop.change_stock(product, |_| stock);
                moment.changed = true;
            }
            _ => failed.push(json!({
                "product_id": named.unwrap_or(0), "sku": sku.unwrap_or_default(), "product_url": "",
                "new_stock": row.get("new_stock"),
                "message": if product.is_none() { "Product not found" } else { "Invalid stock" },
            })),
        }
    }
    Ok(json!({"failed_rows": failed.len(), "succeed_rows": count - failed.len(), "failed_rows_data": failed}))
}
