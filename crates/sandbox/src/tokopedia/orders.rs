//! Orders, products and shops of the old API: sheet sections B.3 and B.5.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rules::Rules;
use super::status::{ACCEPTED, ASKED, PAID, SHIPPED, Status, UNPAID, WAITS_FOR_PARTNER};

/// Orders whose state before their last write is kept for stale reads; older ones are dropped together.
const MOST_EARLIER_STATES: usize = 20_000;
/// How long a seller has to accept an order. The number is not documented; past it the platform cancels.
pub(super) const ACCEPT_WITHIN: i64 = 86_400;
/// How long a seller has to answer a buyer's wish to cancel, before silence grants it (section B.4).
pub(super) const ANSWER_WITHIN: i64 = 2 * 86_400;

/// A product, which a variation is as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) sku: String,
    /// In rupiah.
    pub(super) price: i64,
    pub(super) stock: i64,
}

/// An order line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) product: i64,
    pub(super) price: i64,
    pub(super) quantity: u32,
}

/// What happened to an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) by: Box<str>,
    pub(super) status: Status,
    pub(super) at: i64,
    pub(super) comment: Box<str>,
}

/// A buyer's wish to cancel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) at: i64,
    pub(super) reason: Box<str>,
    /// 0: waits; 2: refused. What the platform writes is not documented.
    pub(super) status: u8,
}

/// An order. Times are seconds since 1970, money is rupiah.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) status: Status,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) lines: Vec<Line>,
    pub(super) shipping_fee: i64,
    pub(super) buyer: Box<str>,
    pub(super) awb: Box<str>,
    /// Newest last.
    pub(super) history: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<Request>,
    /// The number that the seller's rejection gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason_code: Option<u8>,
}

/// A moment as ISO text.
fn iso(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

impl Order {
    /// A buyer's wish that waits for the seller.
    pub(super) fn is_asked(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.status == 0)
    }

    /// `order_status` as it is told: while the buyer of an accepted order asks, 401 where the shop's rules have it.
    pub(super) fn told_status(&self, shop: &Shop) -> Status {
        if shop.rules.asked_status && self.status == ACCEPTED && self.is_asked() { ASKED } else { self.status }
    }

    /// What is due next.
    pub(super) fn due(&self) -> Option<i64> {
        match &self.request {
            Some(request) if self.is_asked() && self.status < SHIPPED => Some(request.at + ANSWER_WITHIN),
            _ if [PAID, WAITS_FOR_PARTNER].contains(&self.status) => Some(self.created + ACCEPT_WITHIN),
            _ => None,
        }
    }

    /// Puts it into a status and remembers who did it.
    pub(super) fn step(&mut self, by: &str, status: Status, comment: &str, now: i64) {
        self.status = status;
        self.history.push(Step { by: by.into(), status, at: now, comment: comment.into() });
        if status.is_cancelled() {
            self.request = None;
        }
    }

    fn goods(&self) -> i64 {
        self.lines.iter().map(|line| line.price * i64::from(line.quantity)).sum()
    }

    /// The order in the list.
    pub(super) fn listed(&self, shop: &Shop, fs_id: i64) -> Value {
        json!({
            "fs_id": fs_id.to_string(), "order_id": self.id, "invoice_ref_num": self.invoice(),
            "accept_partial": false, "is_cod_mitra": false, "have_product_bundle": false,
            "products": self.products(shop), "products_fulfilled": [], "device_type": "android",
            "buyer": {"id": 9_876_543, "Name": "", "phone": "", "email": ""}, "shop_id": shop.id,
            "payment_id": self.id / 2, "recipient": {"Name": &*self.buyer, "phone": "***"},
            "logistics": {"shipping_id": 1, "shipping_agency": "JNE", "service_type": "Reguler"},
            "amt": {
                "ttl_product_price": self.goods(), "shipping_cost": self.shipping_fee, "insurance_cost": 0,
                "ttl_amount": self.goods() + self.shipping_fee, "voucher_amount": 0, "toppoints_amount": 0,
            },
            "order_status": self.told_status(shop).0, "warehouse_id": 0, "fulfill_by": 0, "create_time": self.created,
            "custom_fields": {"awb": &*self.awb}, "promo_order_detail": {},
        })
    }

    fn invoice(&self) -> String {
        format!("INV/{}/MPL/{}", iso(self.created).get(..10).unwrap_or_default().replace('-', ""), self.id)
    }

    /// The products as list and pushes have them.
    pub(super) fn products(&self, shop: &Shop) -> Vec<Value> {
        let row = |line: &Line| {
            let product = shop.products.get(&line.product);
            json!({
                "id": line.product, "Name": product.map(|it| it.name.as_str()).unwrap_or_default(), "notes": "",
                "currency": "Rp", "weight": 0.2, "total_weight": 0.2 * f64::from(line.quantity), "price": line.price,
                "total_price": line.price * i64::from(line.quantity), "quantity": line.quantity,
                "sku": product.map(|it| it.sku.as_str()).unwrap_or_default(), "is_wholesale": false,
            })
        };
        self.lines.iter().map(row).collect()
    }

    /// The single order.
    pub(super) fn shown(&self, shop: &Shop) -> Value {
        let detail = |line: &Line| {
            let product = shop.products.get(&line.product);
            json!({
                "order_detail_id": line.id, "product_id": line.product,
                "product_name": product.map(|it| it.name.as_str()).unwrap_or_default(), "product_price": line.price,
                "subtotal_price": line.price * i64::from(line.quantity), "quantity": line.quantity,
                "quantity_deliver": line.quantity, "quantity_reject": 0,
                "sku": product.map(|it| it.sku.as_str()).unwrap_or_default(),
            })
        };
        let step = |step: &Step| {
            json!({
                "action_by": &*step.by, "hist_status_code": step.status.0, "message": "", "timestamp": iso(step.at),
                "comment": &*step.comment, "create_by": 0, "update_by": "system",
            })
        };
        let never = "0001-01-01T00:00:00Z";
        let request = |request: &Request| json!({"create_time": iso(request.at), "reason": &*request.reason, "status": request.status});
        json!({
            "order_id": self.id, "buyer_id": 9_876_543, "seller_id": shop.id, "payment_id": self.id / 2,
            "order_status": self.told_status(shop).0, "invoice_number": self.invoice(), "invoice_pdf": "", "invoice_url": "",
            "open_amt": self.goods() + self.shipping_fee, "item_price": self.goods(), "comment": "",
            "buyer_info": {"buyer_id": 9_876_543, "buyer_fullname": &*self.buyer},
            "shop_info": {"shop_id": shop.id, "shop_name": shop.name, "shop_domain": "toko"},
            "shipment_fulfillment": {
                "accept_deadline": iso(self.created + ACCEPT_WITHIN),
                "confirm_shipping_deadline": iso(self.created + 2 * ACCEPT_WITHIN),
                "item_delivered_deadline": {"Time": never, "Valid": false},
                "is_accepted": self.status >= ACCEPTED, "is_confirm_shipping": self.status >= SHIPPED,
                "is_item_delivered": false, "fulfillment_status": 0,
            },
            "preorder": {"preorder_type": 0, "preorder_deadline": never},
            "order_info": {
                "order_detail": self.lines.iter().map(detail).collect::<Vec<_>>(),
                "order_history": self.history.iter().rev().map(step).collect::<Vec<_>>(),
                "shipping_info": {
                    "logistic_name": "JNE", "logistic_service": "Reguler", "shipping_price": self.shipping_fee,
                    "awb": &*self.awb,
                },
                "destination": {"receiver_name": &*self.buyer},
            },
            "payment_info": {
                "payment_id": self.id / 2,
                "payment_date": if self.status == UNPAID { never.to_owned() } else { iso(self.created) },
            },
            "order_warehouse": {"warehouse_id": 0, "fulfill_by": 0},
            "cancel_request_info": self.request.as_ref().map(request),
            "create_time": iso(self.created), "update_time": iso(self.updated),
        })
    }

    /// The control port's truth.
    pub(super) fn truth(&self, shop: &Shop) -> Value {
        let cancelled = self.history.last().filter(|_| self.status.is_cancelled());
        let by = cancelled.map_or("", |step| if &*step.by == "system-automatic" { "system" } else { &step.by });
        let reason = match self.reason_code {
            Some(code) if by == "seller" => code.to_string(),
            _ => cancelled.map(|step| step.comment.to_string()).unwrap_or_default(),
        };
        let line = |line: &Line| {
            let sku = shop.products.get(&line.product).map(|it| it.sku.as_str()).unwrap_or_default();
            json!({
                "id": line.id.to_string(), "sku": sku, "quantity": line.quantity,
                "cancelled_quantity": if self.status.is_cancelled() { line.quantity } else { 0 },
                "status": if self.status.is_cancelled() { "cancelled" } else { "active" },
            })
        };
        json!({
            "platform": super::NAME, "shop": shop.id.to_string(), "number": self.id.to_string(),
            "status": self.told_status(shop).0.to_string(), "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            "packages": [], "cancelled_by": by, "cancel_reason": reason,
            "buyer_reason": self.request.as_ref().map(|it| &*it.reason).unwrap_or_default(),
            "cod": false, "preorder": false, "fulfilled_by": "seller",
            "created_at": self.created, "updated_at": self.updated, "ship_by": self.created + ACCEPT_WITHIN,
        })
    }
}

/// A push to be sent.
#[derive(Debug)]
pub(super) struct PushDraft(pub(super) Value);

/// What the journal keeps of a shop beside orders and products.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShopFacts {
    pub(super) id: i64,
    pub(super) name: String,
    /// The app may act for it.
    pub(super) connected: bool,
}

/// A shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) connected: bool,
    pub(super) rules: Rules,
    pub(super) products: BTreeMap<i64, Product>,
    orders: BTreeMap<i64, Order>,
    spelled: HashMap<i64, Arc<str>>,
    due: BTreeSet<(i64, i64)>,
    earlier: HashMap<i64, (Instant, Box<Order>)>,
    pub(super) changed_orders: BTreeSet<i64>,
    pub(super) changed_products: BTreeSet<i64>,
    pub(super) facts_changed: bool,
    pub(super) outbox: Vec<PushDraft>,
}

impl Shop {
    /// A new shop without products and orders.
    pub(super) fn new(facts: ShopFacts, rules: Rules) -> Shop {
        Shop {
            id: facts.id,
            name: facts.name,
            connected: facts.connected,
            rules,
            products: BTreeMap::new(),
            orders: BTreeMap::new(),
            spelled: HashMap::new(),
            due: BTreeSet::new(),
            earlier: HashMap::new(),
            changed_orders: BTreeSet::new(),
            changed_products: BTreeSet::new(),
            facts_changed: true,
            outbox: Vec::new(),
        }
    }

    /// What the journal keeps beside orders and products.
    pub(super) fn facts(&self) -> ShopFacts {
        ShopFacts { id: self.id, name: self.name.clone(), connected: self.connected }
    }

    /// All orders, oldest number first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// An order as it is.
    pub(super) fn order(&self, id: i64) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// An order's number as text, shared.
    pub(super) fn spelled(&self, id: i64) -> Option<Arc<str>> {
        self.spelled.get(&id).map(Arc::clone)
    }

    /// An order as a read sees it: with `stale`, from before a write that is not older than that.
    pub(super) fn view(&self, id: i64, stale: Option<Duration>) -> Option<&Order> {
        if let (Some(window), Some((written, before))) = (stale, self.earlier.get(&id))
            && written.elapsed() < window
        {
            return Some(before);
        }
        self.orders.get(&id)
    }

    /// The product behind a seller's code.
    pub(super) fn by_sku(&self, sku: &str) -> Option<i64> {
        self.products.values().find(|product| product.sku == sku).map(|product| product.id)
    }

    /// Changes a product's stock, never below zero.
    pub(super) fn change_stock(&mut self, product: i64, change: impl FnOnce(i64) -> i64) {
        if let Some(product) = self.products.get_mut(&product) {
            product.stock = change(product.stock).max(0);
            self.changed_products.insert(product.id);
        }
    }

    /// Takes in an order as it is.
    pub(super) fn put(&mut self, order: Order) {
        if let Some(at) = self.orders.get(&order.id).and_then(Order::due) {
            self.due.remove(&(at, order.id));
        }
        if let Some(at) = order.due() {
            self.due.insert((at, order.id));
        }
        self.spelled.insert(order.id, order.id.to_string().into());
        self.changed_orders.insert(order.id);
        self.orders.insert(order.id, order);
    }

    /// Changes an order: its time moves strictly, cancelled units go back to their products, stale reads can see what it
    /// was, and the pushes that tell of it are drafted.
    pub(super) fn change(&mut self, id: i64, fs_id: i64, now: i64, change: impl FnOnce(&mut Order)) {
        let Some(before) = self.orders.get(&id).cloned() else { return };
        let mut order = before.clone();
        change(&mut order);
        order.updated = now.max(before.updated + 1);
        if order.status.is_cancelled() && !before.status.is_cancelled() {
            for line in &order.lines {
                self.change_stock(line.product, |stock| stock + i64::from(line.quantity));
            }
        }
        if order.is_asked() && !before.is_asked() {
            self.outbox.push(PushDraft(json!({"order_id": id})));
        }
        if order.status != before.status {
            let products = order.products(self);
            self.outbox.push(PushDraft(json!({
                "order_status": order.status.0, "fs_id": fs_id, "shop_id": self.id, "order_id": id,
                "warehouse_id": 0, "product_details": products,
            })));
        }
        if self.earlier.len() >= MOST_EARLIER_STATES {
            self.earlier.clear();
        }
        self.earlier.insert(id, (Instant::now(), Box::new(before)));
        self.put(order);
    }

    /// The next order whose deadline has passed.
    pub(super) fn take_due(&mut self, now: i64) -> Option<i64> {
        let (at, id) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.remove(&(at, id));
        Some(id)
    }

    /// What the control port shows.
    pub(super) fn truth(&self) -> Value {
        json!({
            "platform": super::NAME, "shop": self.id.to_string(), "name": self.name, "region": "ID",
            "currency": "IDR", "orders": self.orders.len(), "products": self.products.len(),
        })
    }
}
