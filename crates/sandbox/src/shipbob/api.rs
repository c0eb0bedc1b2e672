//! The calls of ShipBob's API: who may make them and what they do. Sheet sections A1 to A6.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::orders::{INVALID_ADDRESS, Order, Product, Return, Shipment};
use super::{NAME, Shipbob, Webhook};
use crate::clock::rfc3339;
use crate::marketplace::{Answer, Moment, Nature, Request};
use crate::warehouse::new_webhook_secret;

/// Versions that are taken: the dated ones of the sheet.
const VERSIONS: [&str; 2] = ["2026-01", "2026-07"];
/// The most orders of a page.
const MOST_ORDERS: usize = 250;
/// The longest reference of an order, of a name, and of a return, in characters.
const LONGEST_REFERENCE: usize = 300;
const LONGEST_RETURN_REFERENCE: usize = 50;
/// Topics that may be subscribed to.
const TOPICS: [&str; 8] = [
    "order.shipped",
    "order.shipment.delivered",
    "order.shipment.exception",
    "order.shipment.on_hold",
    "order.shipment.cancelled",
    "return.created",
    "return.updated",
    "return.completed",
];

/// A failure: the HTTP status and its body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure(pub(super) u16, pub(super) Value);

impl Failure {
    fn field(status: u16, name: &str, words: &str) -> Failure {
        let mut body = Map::new();
        body.insert(name.to_owned(), json!([words]));
        Failure(status, Value::Object(body))
    }
}

/// A success: the HTTP status and its body.
pub(super) type Outcome = Result<(u16, Value), Failure>;

/// An answer.
pub(super) fn answer(outcome: Outcome) -> Answer {
    let (status, body, code) = match outcome {
        Ok((status, body)) => (status, body, String::new()),
        Err(Failure(status, body)) => (status, body, status.to_string()),
    };
    let headers = vec![("content-type", "application/json".to_owned())];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Answer { status, headers, body, code }
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    Channels,
    MakeOrder(Option<String>),
    Orders,
    Order(&'a str),
    CancelOrder(&'a str),
    OrderShipments(&'a str),
    Shipment(&'a str),
    CancelShipment(&'a str),
    MakeReturn,
    Returns,
    Return(&'a str),
    Subscribe,
    Webhooks,
    Unsubscribe(&'a str),
}

/// Reads a path.
pub(super) fn asked(request: &Request) -> Option<Asked<'_>> {
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    let (version, parts) = parts.split_first()?;
    if !VERSIONS.contains(version) {
        return None;
    }
    let (get, post) = (request.method == Method::GET, request.method == Method::POST);
    match parts {
        ["channel"] if get => Some(Asked::Channels),
        ["order"] if post => {
            let body: Option<Value> = serde_json::from_slice(&request.body).ok();
            let reference = body.and_then(|body| body["reference_id"].as_str().map(str::to_owned));
            Some(Asked::MakeOrder(reference))
        }
        ["order"] if get => Some(Asked::Orders),
        ["order", id, "shipment"] if get => Some(Asked::OrderShipments(id)),
        ["order", act] if post => act.strip_suffix(":cancel").map(Asked::CancelOrder),
        ["order", id] if get => Some(Asked::Order(id)),
        ["shipment", act] if post => act.strip_suffix(":cancel").map(Asked::CancelShipment),
        ["shipment", id] if get => Some(Asked::Shipment(id)),
        ["return"] if post => Some(Asked::MakeReturn),
        ["return"] if get => Some(Asked::Returns),
        ["return", id] if get => Some(Asked::Return(id)),
        ["webhook"] if post => Some(Asked::Subscribe),
        ["webhook"] if get => Some(Asked::Webhooks),
        ["webhook", id] if request.method == Method::DELETE => Some(Asked::Unsubscribe(id)),
        _ => None,
    }
}

impl Asked<'_> {
    /// What the call may do.
    pub(super) fn nature(&self) -> Nature {
        match self {
            Asked::MakeOrder(_)
            | Asked::CancelOrder(_)
            | Asked::CancelShipment(_)
            | Asked::MakeReturn
            | Asked::Subscribe
            | Asked::Unsubscribe(_) => Nature::Write,
            _ => Nature::Read,
        }
    }

    /// The order that the call names, by its id or its reference.
    pub(super) fn order(&self) -> Option<String> {
        match self {
            Asked::MakeOrder(reference) => reference.clone(),
            Asked::Order(id) | Asked::CancelOrder(id) | Asked::OrderShipments(id) => Some((*id).to_owned()),
            _ => None,
        }
    }

    /// Calls for which the channel's header is required (section A1; sent always, it does no harm).
    fn wants_channel(&self) -> bool {
        matches!(self, Asked::MakeOrder(_) | Asked::CancelOrder(_) | Asked::MakeReturn)
    }
}

fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Failure::field(400, "", "The request body is not a JSON object.")),
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str, most: usize) -> Result<&'a str, Failure> {
    let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() || text.chars().count() > most {
        return Err(Failure::field(400, name, "The field is required, or too long."));
    }
    Ok(text)
}

fn list(request: &Request, name: &str) -> Option<Vec<String>> {
    let value = request.parameter(name)?;
    Some(value.split(',').map(str::to_owned).collect())
}

impl Shipbob {
    /// Answers a call.
    pub(super) fn call(&mut self, request: &Request, asked: &Asked<'_>, moment: &mut Moment<'_>) -> Outcome {
        if request.header("authorization") != Some(&format!("Bearer {}", self.account.token)) {
            return Err(Failure(401, json!({"statusCode": 401, "message": "Access denied."})));
        }
        let channel = request.header("shipbob_channel_id");
        if asked.wants_channel() && channel.is_none() {
            return Err(Failure::field(400, "shipbob_channel_id", "The header is required."));
        }
        if channel.is_some_and(|channel| channel != self.account.channel.to_string()) {
            return Err(Failure(403, Value::Null));
        }
        match asked {
            Asked::Channels => Ok((200, self.channels())),
            Asked::MakeOrder(_) => self.make_order(&body(request)?, moment),
            Asked::Orders => Ok((200, self.list_orders(request))),
            Asked::Order(id) => self.order(id).map(|order| (200, order.object())),
            Asked::CancelOrder(id) => self.cancel_order(id, moment),
            Asked::OrderShipments(id) => {
                let order = self.order(id)?;
                let shipments: Vec<Value> = order.shipments.iter().map(|one| one.object(order)).collect();
                Ok((200, Value::Array(shipments)))
            }
            Asked::Shipment(id) => self.shipment(id).map(|(order, one)| (200, one.object(order))),
            Asked::CancelShipment(id) => self.cancel_shipment(id, moment),
            Asked::MakeReturn => self.make_return(&body(request)?, moment),
            Asked::Returns => Ok((200, self.list_returns(request))),
            Asked::Return(id) => {
                let back = id.parse().ok().and_then(|id: i64| self.returns.get(&id));
                back.map(|back| (200, back.object())).ok_or(Failure(404, Value::Null))
            }
            Asked::Subscribe => self.subscribe(&body(request)?, moment),
            Asked::Webhooks => Ok((200, json!({"items": self.webhooks(), "next": null, "prev": null}))),
            Asked::Unsubscribe(id) => {
                let before = self.account.webhooks.len();
                self.account.webhooks.retain(|webhook| webhook.id != *id);
                if self.account.webhooks.len() == before {
                    return Err(Failure(404, Value::Null));
                }
                self.account_changed = true;
                moment.changed = true;
                Ok((204, Value::Null))
            }
        }
    }

    fn channels(&self) -> Value {
        let scopes =
            ["orders_read", "orders_write", "returns_read", "returns_write", "webhooks_write", "channels_read"];
        json!({
            "items": [{"id": self.account.channel, "name": "Sandbox", "application_name": "SMA", "scopes": scopes}],
            "next": null, "prev": null,
        })
    }

    fn order(&self, id: &str) -> Result<&Order, Failure> {
        let found = id.parse().ok().and_then(|id: i64| self.orders.get(&id));
        found.filter(|order| !order.forgotten).ok_or(Failure(404, Value::Null))
    }

    fn shipment(&self, id: &str) -> Result<(&Order, &Shipment), Failure> {
        let id: Option<i64> = id.parse().ok();
        let orders = self.orders.values();
        let mut all = orders.flat_map(|order| order.shipments.iter().map(move |one| (order, one)));
        all.find(|(_, one)| Some(one.id) == id).ok_or(Failure(404, Value::Null))
    }

    fn list_orders(&self, request: &Request) -> Value {
        let (references, ids) = (list(request, "ReferenceIds"), list(request, "IDs"));
        let limit = request.parameter("Limit").and_then(|limit| limit.parse().ok()).unwrap_or(50).min(MOST_ORDERS);
        let page = request.parameter("Page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
        // A day, or a time: both compare as texts.
        let since = request.parameter("LastUpdateStartDate").unwrap_or_default();
        let meant = |order: &&Order| {
            let touched = order.shipments.iter().map(|one| one.updated).max().unwrap_or(order.created);
            !order.forgotten
                && *rfc3339(touched * 1_000) >= *since
                && references.as_ref().is_none_or(|known| known.contains(&order.reference))
                && ids.as_ref().is_none_or(|known| known.contains(&order.id.to_string()))
        };
        let found = self.orders.values().filter(meant).skip((page - 1).saturating_mul(limit)).take(limit);
        Value::Array(found.map(Order::object).collect())
    }

    fn make_order(&mut self, body: &Map<String, Value>, moment: &mut Moment<'_>) -> Outcome {
        let reference = text(body, "reference_id", LONGEST_REFERENCE)?.to_owned();
        text(body, "shipping_method", LONGEST_REFERENCE)?;
        if !matches!(body.get("type").and_then(Value::as_str), Some("DTC" | "DropShip" | "B2B")) {
            return Err(Failure::field(400, "type", "The order type is DTC, DropShip or B2B."));
        }
        let recipient = body.get("recipient").cloned().unwrap_or_default();
        for (name, value) in [
            ("recipient.name", &recipient["name"]),
            ("recipient.address.address1", &recipient["address"]["address1"]),
            ("recipient.address.city", &recipient["address"]["city"]),
            ("recipient.address.country", &recipient["address"]["country"]),
        ] {
            if value.as_str().is_none_or(|text| text.trim().is_empty() || text.chars().count() > LONGEST_REFERENCE) {
                return Err(Failure::field(422, name, "The field is required."));
            }
        }
        let wished = body.get("products").and_then(Value::as_array).filter(|products| !products.is_empty());
        let wished =
            wished.ok_or_else(|| Failure::field(422, "products", "At least one product is required."))?.clone();
        if self.orders.values().any(|order| order.reference == reference) {
            return Err(Failure::field(422, "", "Cannot insert order with existing ReferenceId"));
        }
        let mut products = Vec::new();
        for wish in &wished {
            let quantity =
                wish["quantity"].as_u64().and_then(|units| u32::try_from(units).ok()).filter(|units| *units > 0);
            let (Some(sku), Some(quantity)) = (wish["reference_id"].as_str(), quantity) else {
                return Err(Failure::field(422, "products", "A product needs reference_id and quantity."));
            };
            products.push(Product {
                inventory: inventory_of(sku),
                sku: sku.to_owned(),
                name: wish["name"].as_str().unwrap_or(sku).to_owned(),
                quantity,
                line: wish["external_line_id"].as_i64(),
            });
        }
        let id = self.next_id();
        let switches = self.account.switches;
        let unknown = switches.checks_addresses && recipient["address"]["zip_code"].as_str().is_none_or(str::is_empty);
        let (status, details) = if unknown { ("OnHold", vec![INVALID_ADDRESS]) } else { ("Processing", Vec::new()) };
        let parts = usize::from(switches.shipments.max(1)).min(products.len());
        let mut shipments = Vec::new();
        for part in products.chunks(products.len().div_ceil(parts)) {
            shipments.push(Shipment {
                id: self.next_id() + 10_000,
                status: status.to_owned(),
                details: details.clone(),
                products: part.to_vec(),
                tracking: None,
                updated: moment.now,
            });
        }
        let number = body.get("order_number").and_then(Value::as_str).unwrap_or(&reference).to_owned();
        let order = Order {
            id,
            reference,
            number,
            created: moment.now,
            recipient,
            shipments,
            cancels_at: None,
            cancels: 0,
            forgotten: false,
        };
        let object = order.object();
        self.orders.insert(id, order);
        self.changed(id, None, moment);
        Ok((201, object))
    }

    /// Section A4: 200 also when it failed; `status` and each `is_success` tell.
    fn cancel_order(&mut self, id: &str, moment: &mut Moment<'_>) -> Outcome {
        let id = self.order(id)?.id;
        let switches = self.account.switches;
        let repeats = moment.accept_repeats;
        let Some(order) = self.orders.get_mut(&id) else { return Err(Failure(404, Value::Null)) };
        let mut results = order.would_cancel();
        let refused = results.iter().filter(|(_, result)| result.is_err()).count();
        if refused == results.len() && switches.refuse_with_422 {
            return Err(Failure::field(422, "", "The order cannot be cancelled."));
        }
        let mut topic = None;
        if refused < results.len() {
            if switches.flag_only {
                // Only a flag: whoever packs may still send it.
            } else if switches.applies_after_seconds > 0 {
                order.cancels_at = Some(moment.now + switches.applies_after_seconds);
                moment.changed = true;
            } else {
                results = order.cancel_open_shipments(moment.now);
                topic = Some("order.shipment.cancelled");
            }
        } else if repeats && order.status() == "Cancelled" {
            order.cancels += 1;
            results.iter_mut().for_each(|(_, result)| *result = Ok(()));
            topic = Some("order.shipment.cancelled");
        }
        let failed = results.iter().filter(|(_, result)| result.is_err()).count();
        let status = match failed {
            0 => "Success",
            _ if failed == results.len() => "Failure",
            _ => "PartialSuccess",
        };
        let results: Vec<Value> = results
            .iter()
            .map(|(shipment, result)| {
                json!({"shipment_id": shipment, "action": "Cancel", "is_success": result.is_ok(), "reason": result.err()})
            })
            .collect();
        let body = json!({
            "order_id": id, "status": status, "order": order.object(), "canceled_shipment_results": results,
        });
        if topic.is_some() || moment.changed {
            self.changed(id, topic, moment);
        }
        Ok((200, body))
    }

    fn cancel_shipment(&mut self, id: &str, moment: &mut Moment<'_>) -> Outcome {
        let (order, shipment) = self.shipment(id).map(|(order, one)| (order.id, one.id))?;
        let Some(order) = self.orders.get_mut(&order) else { return Err(Failure(404, Value::Null)) };
        let mut alone = order.clone();
        alone.shipments.retain(|one| one.id == shipment);
        if alone.cancel_open_shipments(moment.now).iter().any(|(_, result)| result.is_err()) {
            return Err(Failure::field(422, "", "The shipment can no longer be cancelled."));
        }
        order.cancels += 1;
        let stopped = alone.shipments.pop().ok_or(Failure(404, Value::Null))?;
        let object = stopped.object(order);
        order.shipments.iter_mut().filter(|one| one.id == shipment).for_each(|one| *one = stopped.clone());
        let id = order.id;
        self.changed(id, Some("order.shipment.cancelled"), moment);
        Ok((200, object))
    }

    fn make_return(&mut self, body: &Map<String, Value>, moment: &mut Moment<'_>) -> Outcome {
        let failed = |words: &str| Failure(422, json!({"message": words, "errors": [words], "details": null}));
        let reference = text(body, "reference_id", LONGEST_RETURN_REFERENCE)?.to_owned();
        if body.get("fulfillment_center").and_then(|center| center["id"].as_i64()).is_none() {
            return Err(failed("fulfillment_center.id is required"));
        }
        let wished = body.get("inventory").and_then(Value::as_array).cloned().unwrap_or_default();
        if wished.is_empty() {
            return Err(failed("inventory is required"));
        }
        let shipment = body.get("original_shipment_id").and_then(Value::as_i64);
        let known: Vec<Product> = self
            .orders
            .values()
            .flat_map(|order| &order.shipments)
            .filter(|one| Some(one.id) == shipment)
            .flat_map(|one| one.products.clone())
            .collect();
        let products = wished.iter().filter_map(|wish| {
            let quantity = u32::try_from(wish["quantity"].as_u64()?).ok()?;
            let inventory = wish["id"].as_i64()?;
            let of_order = known.iter().find(|product| product.inventory == inventory);
            let (sku, name) = of_order.map_or_else(Default::default, |one| (one.sku.clone(), one.name.clone()));
            Some(Product { inventory, sku, name, quantity, line: None })
        });
        let products: Vec<Product> = products.collect();
        let id = self.next_id();
        let back = Return {
            id,
            reference,
            status: "Awaiting Arrival".to_owned(),
            kind: "Regular".to_owned(),
            shipment,
            products,
            action: None,
            created: moment.now,
        };
        let object = back.object();
        self.returns.insert(id, back);
        self.changed_returns.insert(id);
        self.outbox.push(("return.created", object.clone()));
        moment.changed = true;
        Ok((201, object))
    }

    fn list_returns(&self, request: &Request) -> Value {
        let shipments = list(request, "OriginalShipmentIds");
        let references = list(request, "ReferenceIds");
        let meant = |back: &&Return| {
            shipments.as_ref().is_none_or(|known| back.shipment.is_some_and(|id| known.contains(&id.to_string())))
                && references.as_ref().is_none_or(|known| known.contains(&back.reference))
        };
        let items: Vec<Value> = self.returns.values().filter(meant).take(MOST_ORDERS).map(Return::object).collect();
        json!({"items": items, "first": null})
    }

    fn webhooks(&self) -> Vec<Value> {
        let shown = |webhook: &Webhook| json!({"id": webhook.id, "url": webhook.url, "topics": webhook.topics, "enabled": true});
        self.account.webhooks.iter().map(shown).collect()
    }

    fn subscribe(&mut self, body: &Map<String, Value>, moment: &mut Moment<'_>) -> Outcome {
        let url = text(body, "url", 2_000)?.to_owned();
        if !url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Failure::field(400, "url", "The url is not valid."));
        }
        let topics = body.get("topics").and_then(Value::as_array).cloned().unwrap_or_default();
        let topics: Vec<String> = topics.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if topics.is_empty() || topics.iter().any(|topic| !TOPICS.contains(&topic.as_str())) {
            return Err(Failure::field(400, "topics", "A topic is not valid."));
        }
        let webhook = Webhook {
            id: self.next_id().to_string(),
            url: url.clone(),
            topics,
            secret: new_webhook_secret(),
            created: moment.now,
        };
        let object = json!({
            "id": webhook.id, "url": webhook.url, "topics": webhook.topics, "secret": webhook.secret,
            "description": null, "created_at": rfc3339(webhook.created * 1_000),
        });
        self.account.webhooks.push(webhook);
        self.account_changed = true;
        moment.changed = true;
        moment.pushes.set_target(NAME, Some(url));
        Ok((200, object))
    }
}

/// The warehouse's own id of a SKU: the same every time.
fn inventory_of(sku: &str) -> i64 {
    let mixed = sku.bytes().fold(7_u32, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    i64::from(mixed % 9_000_000) + 1_000_000
}
