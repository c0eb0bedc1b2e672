//! A fake of Tokopedia's old API, as section B of the fact sheet describes it, in simpler depth: one app, its token, orders
//! with a whole rejection, buyers' wishes, stock, pushes. Orders of the Tokopedia app of today are in the fake TikTok Shop.
//!
//! | Subject | File |
//! |---|---|
//! | the calls, and who may make them | `api.rs` |
//! | orders, products, shops | `orders.rs` |
//! | status codes and what may follow what | `status.rs` |
//! | what the sheet leaves open, a switch (`PUT /switches {"tokopedia":{…}}`) | `rules.rs` |
//!
//! Not here: pickup, the booking code, bundles, registering push addresses (`PUT /push-target` does that; all kinds
//! of pushes go to one address), encrypted pushes.

mod api;
mod orders;
#[cfg(test)]
mod robustness;
mod rules;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use self::api::{Failure, answer, asked};
use self::orders::{Line, Order, Product, PushDraft, Request as BuyersWish, Shop, ShopFacts};
use self::rules::Rules;
use self::status::{ACCEPTED, ALL, CANCELLED_BY_BUYER, CANCELLED_BY_SELLER, PAID, SHIPPED, Status, UNPAID};
use crate::catalogue::PRODUCTS;
use crate::marketplace::{
    AdvanceWish, Answer, BuyerWish, Imported, Marketplace, Moment, Nature, OrderFilter, OrderWish, Refusal, Request,
    ShopWish, StockWish, TokenAction, TokenWish,
};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::{self, PushRules};
use crate::random::{Random, secret};

/// The name on the control port.
const NAME: &str = "tokopedia";
/// Orders made by one control call.
const MOST_ORDERS_MADE: u32 = 200_000;
/// Units of one line of a made order.
const MOST_UNITS_OF_A_LINE: u32 = 100_000;
/// Rupiah that are worth a sen of a ringgit, in which made-up prices are set.
const RUPIAH_PER_SEN: i64 = 35;
/// What the buyer pays for shipping, in rupiah.
const SHIPPING_FEE: i64 = 10_000;
/// The platform's words when the seller did not accept in time, as a documented order has them.
const NOT_ACCEPTED: &str = "Penjual telah melebihi batas waktu proses pesanan";
/// The buyer's usual words.
const USUAL_BUYER_REASON: &str = "Ingin mengubah alamat pengiriman";

/// The seller's software as the platform knows it. Its token is for all shops.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct App {
    client_id: String,
    client_secret: String,
    fs_id: i64,
    webhook_secret: String,
    token: String,
    token_until: i64,
    #[serde(default)]
    rules: Rules,
}

impl App {
    /// The header that a token is asked for with: base64 of id and secret.
    fn basic(&self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let text = format!("{}:{}", self.client_id, self.client_secret);
        let mut encoded = "Basic ".to_owned();
        for chunk in text.as_bytes().chunks(3) {
            let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
                encoded.push(if place <= chunk.len() { char::from(letter) } else { '=' });
            }
        }
        encoded
    }
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    App(App),
    Random(Random),
    Shop(ShopFacts),
    Product(i64, Product),
    Order(i64, Box<Order>),
}

/// The marketplace.
pub(crate) struct Tokopedia {
    app: App,
    shops: BTreeMap<i64, Shop>,
    random: Random,
    app_changed: bool,
}

fn hmac_hex(key: &str, message: &str) -> String {
    // HMAC takes keys of any length, so that this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

impl Tokopedia {
    /// An empty marketplace with an app of its own.
    pub(crate) fn new(seed: u64) -> Tokopedia {
        Tokopedia {
            app: App {
                client_id: secret(16),
                client_secret: secret(16),
                fs_id: 14_321,
                webhook_secret: secret(16),
                token: String::new(),
                token_until: 0,
                rules: Rules::default(),
            },
            shops: BTreeMap::new(),
            random: Random::seeded(seed),
            app_changed: true,
        }
    }

    fn tell_shops_the_rules(&mut self) {
        for shop in self.shops.values_mut() {
            shop.rules = self.app.rules;
        }
    }

    fn shop_id(&self, wanted: Option<&str>) -> Result<i64, Refusal> {
        let first = || self.shops.keys().next().copied().ok_or_else(|| Refusal::unknown("there is no shop yet"));
        let named = |text: &str| {
            let id = text.parse().ok().filter(|id| self.shops.contains_key(id));
            id.ok_or_else(|| Refusal::unknown(format!("there is no shop {text} on {NAME}")))
        };
        wanted.map_or_else(first, named)
    }

    /// The shop that has an order, and the order's number.
    fn shop_of_order(&mut self, wanted: Option<&str>, number: &str) -> Result<(&mut Shop, i64), Refusal> {
        let unknown = || Refusal::unknown(format!("no shop on {NAME} has an order {number}"));
        let id: i64 = number.parse().map_err(|_| unknown())?;
        let shop = match wanted {
            Some(_) => self.shop_id(wanted)?,
            None => {
                self.shops.values().find(|shop| shop.order(id).is_some()).map(|shop| shop.id).ok_or_else(unknown)?
            }
        };
        let shop = self.shops.get_mut(&shop).filter(|shop| shop.order(id).is_some()).ok_or_else(unknown)?;
        Ok((shop, id))
    }

    /// Signs the drafted pushes and queues them (section B.6).
    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        let drafts: Vec<PushDraft> =
            self.shops.values_mut().flat_map(|shop| std::mem::take(&mut shop.outbox)).collect();
        if moment.pushes.target(NAME).is_none() {
            return;
        }
        for PushDraft(body) in drafts {
            let body = body.to_string();
            let headers = vec![
                ("authorization-hmac".to_owned(), hmac_hex(&self.app.webhook_secret, &body)),
                ("content-type".to_owned(), "application/json".to_owned()),
            ];
            let fault = pushes::fault(moment.faults.as_deref_mut());
            moment.pushes.send(NAME, &self.app.client_id, headers, body, moment.now_ms, fault);
        }
    }

    /// One order's number out of those that are free.
    fn free_number(&mut self) -> i64 {
        loop {
            let id = 1_800_000_000 + self.random.between(0, 99_999_999);
            if !self.shops.values().any(|shop| shop.order(id).is_some()) {
                return id;
            }
        }
    }

    /// Makes an order with the history of its status. Stock is not touched.
    fn make(&mut self, shop: i64, status: Status, lines: &[(i64, u32)], created: i64) -> Option<Order> {
        let id = self.free_number();
        let shop = self.shops.get(&shop)?;
        let line = |(product, quantity): &(i64, u32)| {
            let price = shop.products.get(product).map_or(0, |product| product.price);
            Line { id: id * 10 + product % 10, product: *product, price, quantity: *quantity }
        };
        let mut order = Order {
            id,
            status: UNPAID,
            created,
            updated: created,
            lines: lines.iter().map(line).collect(),
            shipping_fee: SHIPPING_FEE,
            buyer: "B***i".into(),
            awb: "".into(),
            history: Vec::new(),
            request: None,
            reason_code: None,
        };
        for (place, line) in order.lines.iter_mut().enumerate() {
            line.id = id * 10 + i64::try_from(place).unwrap_or(0);
        }
        order.step("buyer", UNPAID, "", created);
        if status != UNPAID {
            order.step("buyer", PAID, "", created);
        }
        if !status.is_cancelled() && status >= ACCEPTED {
            order.step("seller", ACCEPTED, "", created);
        }
        if !status.is_cancelled() && status >= SHIPPED {
            order.awb = format!("JNE{}", self.random.digits(10)).into();
        }
        match status {
            known if known == order.status => {}
            CANCELLED_BY_BUYER => order.step("buyer", status, USUAL_BUYER_REASON, created),
            known if known.is_cancelled() => order.step("system-automatic", status, NOT_ACCEPTED, created),
            known => order.step("tokopedia", known, "", created),
        }
        Some(order)
    }

    fn random_lines(&mut self, shop: i64) -> Vec<(i64, u32)> {
        let Some(shop) = self.shops.get(&shop) else { return Vec::new() };
        let products: Vec<i64> = shop.products.keys().copied().collect();
        let quantity = if self.random.happens(0.75) { 1 } else { 2 };
        self.random.pick(&products).map(|product| (*product, quantity)).into_iter().collect()
    }
}

impl Marketplace for Tokopedia {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        asked(request).map_or(Nature::Read, api::Asked::nature)
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        let number = match asked(request) {
            Some(api::Asked::Order(_)) => request.parameter("order_id"),
            Some(api::Asked::Act(number, ..)) => Some(number),
            _ => None,
        };
        let spelled = |number: &str| {
            let known = number.parse().ok().and_then(|id| self.shops.values().find_map(|shop| shop.spelled(id)));
            known.unwrap_or_else(|| number.into())
        };
        number.map(spelled).into_iter().collect()
    }

    fn shop_of(&self, request: &Request) -> Option<String> {
        request.parameter("shop_id").map(str::to_owned)
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let Some(asked) = asked(request) else { return answer(Err(Failure(404, "", "Not Found".to_owned()))) };
        let answer = self.call(request, asked, moment);
        self.send_pushes(moment);
        if answer.status == 429 { self.too_many_requests(Duration::from_secs(1)) } else { answer }
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let mut answer = answer(Err(Failure(429, "", "Too Many Requests".to_owned())));
        "429".clone_into(&mut answer.code);
        let seconds = wait.as_secs().max(1).to_string();
        answer.headers.push(("x-ratelimit-limit", "5 req/s (burst 5)".to_owned()));
        answer.headers.push(("x-ratelimit-remaining", "0".to_owned()));
        answer.headers.push(("x-ratelimit-reset-after", seconds.clone()));
        answer.headers.push(("x-ratelimit-full-reset-after", seconds));
        answer
    }

    fn server_error(&self) -> Answer {
        answer(Err(Failure(500, "ORD_API_006", "There Are Error From Ext Service".to_owned())))
    }

    fn push_rules(&self) -> PushRules {
        // Retries are not documented (section B.6): one, after five minutes.
        PushRules { retry_after: &[300], answer_within: Duration::from_secs(3), empty_body: false }
    }

    fn credentials(&self) -> Value {
        json!({
            "client_id": self.app.client_id, "client_secret": self.app.client_secret, "fs_id": self.app.fs_id,
            "shop_id": self.shops.keys().next(), "webhook_secret": self.app.webhook_secret,
        })
    }

    fn renew_credentials(&mut self, _moment: &mut Moment<'_>) {
        // Id and secret do not end, and the token is asked for with them.
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.app.rules = self.app.rules.with(switches)?;
        self.app_changed = true;
        self.tell_shops_the_rules();
        Ok(())
    }

    fn shops(&self) -> Vec<Value> {
        self.shops.values().map(Shop::truth).collect()
    }

    fn make_shop(&mut self, wish: &ShopWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        if wish.orders > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        if wish.region.as_deref().is_some_and(|region| region != "ID") {
            return Err(Refusal::senseless(format!("{NAME} is in Indonesia only: region is ID")));
        }
        let id = loop {
            let id = 5_000_000 + self.random.between(0, 999_999);
            if !self.shops.contains_key(&id) {
                break id;
            }
        };
        let name = wish.name.clone().unwrap_or_else(|| format!("Shop {}", self.shops.len() + 1));
        let mut shop = Shop::new(ShopFacts { id, name, connected: true }, self.app.rules);
        let goods = if wish.orders > 0 { &PRODUCTS[..] } else { &[] };
        for goods in goods {
            let none = [("", "")];
            let variations = if goods.variations.is_empty() { &none[..] } else { goods.variations };
            for (variation, end) in variations {
                let product = Product {
                    id: 2_300_000_000 + self.random.between(0, 99_999_999),
                    name: format!("{} {variation}", goods.name).trim().to_owned(),
                    sku: format!("{}-{end}", goods.sku).trim_end_matches('-').to_owned(),
                    price: goods.price * RUPIAH_PER_SEN,
                    stock: self.random.between(20, 300),
                };
                shop.changed_products.insert(product.id);
                shop.products.insert(product.id, product);
            }
        }
        self.shops.insert(id, shop);
        let shares =
            [PAID, PAID, PAID, PAID, ACCEPTED, ACCEPTED, SHIPPED, Status(600), Status(700), CANCELLED_BY_BUYER];
        for _ in 0..wish.orders {
            let status = *self.random.pick(&shares).unwrap_or(&PAID);
            let lines = self.random_lines(id);
            // Orders that wait to be accepted are young enough that no deadline has passed.
            let oldest = if status == PAID { 20 * 3_600 } else { 2 * 86_400 };
            let created = moment.now - self.random.between(60, oldest);
            if let Some(order) = self.make(id, status, &lines, created)
                && let Some(shop) = self.shops.get_mut(&id)
            {
                shop.put(order);
            }
        }
        self.app_changed = true;
        moment.changed = true;
        self.shops.get(&id).map(Shop::truth).ok_or_else(|| Refusal::unknown("the shop is gone"))
    }

    fn make_grant(&mut self, shop: Option<&str>, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        // There is no code: connecting a shop to the app is all that a seller does.
        let id = self.shop_id(shop)?;
        if let Some(shop) = self.shops.get_mut(&id) {
            shop.connected = true;
            shop.facts_changed = true;
        }
        moment.changed = true;
        Ok(json!({"code": "", "shop_id": id}))
    }

    fn end_tokens(&mut self, wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let id = self.shop_id(wish.shop.as_deref())?;
        match (wish.action, self.shops.get_mut(&id)) {
            (TokenAction::Revoke, Some(shop)) => (shop.connected, shop.facts_changed) = (false, true),
            _ => self.app.token_until = moment.now,
        }
        self.app_changed = true;
        Ok(json!({"grants": 1}))
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        let number = filter.number.as_ref().map(|number| number.parse::<i64>().unwrap_or(-1));
        let shops = self.shops.values().filter(|shop| filter.shop.as_ref().is_none_or(|id| shop.id.to_string() == *id));
        let orders = shops.flat_map(|shop| {
            // One number is looked up, not searched for.
            let found: Box<dyn Iterator<Item = &Order>> = match number {
                Some(number) => Box::new(shop.order(number).into_iter()),
                None => Box::new(shop.all()),
            };
            found.map(move |order| (shop, order))
        });
        orders
            .filter(|(shop, order)| {
                filter.status.as_ref().is_none_or(|status| order.told_status(shop).0.to_string() == *status)
            })
            .take(filter.limit.unwrap_or(usize::MAX))
            .map(|(shop, order)| order.truth(shop))
            .collect()
    }

    fn make_orders(&mut self, wish: &OrderWish, moment: &mut Moment<'_>) -> Result<Vec<String>, Refusal> {
        if wish.count > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        let status = match wish.status.as_deref() {
            None => PAID,
            Some(name) => Status::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no order status that {NAME} has here")))?,
        };
        let shop_id = self.shop_id(wish.shop.as_deref())?;
        let mut named = Vec::new();
        for line in wish.lines.iter().flatten() {
            let unknown = || Refusal::unknown(format!("shop {shop_id} has no listing with SKU {:?}", line.sku));
            let product = self.shops.get(&shop_id).and_then(|shop| shop.by_sku(&line.sku)).ok_or_else(unknown)?;
            if !(1..=MOST_UNITS_OF_A_LINE).contains(&line.quantity) {
                return Err(Refusal::senseless(format!("a line has 1 to {MOST_UNITS_OF_A_LINE} units")));
            }
            named.push((product, line.quantity));
        }
        let mut numbers = Vec::new();
        for _ in 0..wish.count {
            let lines = if named.is_empty() { self.random_lines(shop_id) } else { named.clone() };
            if lines.is_empty() {
                return Err(Refusal::senseless("the shop has no product to make orders from"));
            }
            let Some(order) = self.make(shop_id, status, &lines, moment.now) else { continue };
            let Some(shop) = self.shops.get_mut(&shop_id) else { continue };
            if !status.is_cancelled() {
                for (product, quantity) in lines {
                    shop.change_stock(product, |stock| stock - i64::from(quantity));
                }
            }
            if status == PAID {
                let told = order.listed(shop, self.app.fs_id);
                shop.outbox.push(PushDraft(told));
            }
            numbers.push(order.id.to_string());
            shop.put(order);
        }
        self.app_changed = true;
        moment.changed = true;
        self.send_pushes(moment);
        Ok(numbers)
    }

    fn buyer_cancels(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (fs_id, now) = (self.app.fs_id, moment.now);
        let (shop, id) = self.shop_of_order(wish.shop.as_deref(), number)?;
        let order = shop.order(id).ok_or_else(|| Refusal::unknown(number))?;
        if order.status >= SHIPPED || order.status.is_cancelled() || order.is_asked() {
            return Err(Refusal::conflict(format!("the buyer cannot ask: the order is {}", order.status.0)));
        }
        // Before it is accepted the buyer cancels alone.
        let asks = wish.ask || order.status >= ACCEPTED;
        let reason = wish.reason.as_deref().unwrap_or(USUAL_BUYER_REASON);
        shop.change(id, fs_id, now, |order| {
            if asks {
                order.request = Some(BuyersWish { at: now, reason: reason.into(), status: 0 });
            } else {
                order.step("buyer", CANCELLED_BY_BUYER, reason, now);
            }
        });
        moment.changed = true;
        let truth = shop.order(id).map(|order| order.truth(shop)).unwrap_or_default();
        self.send_pushes(moment);
        Ok(truth)
    }

    fn buyer_withdraws(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let fs_id = self.app.fs_id;
        let (shop, id) = self.shop_of_order(wish.shop.as_deref(), number)?;
        if !shop.order(id).is_some_and(Order::is_asked) {
            return Err(Refusal::conflict("there is no open request"));
        }
        shop.change(id, fs_id, moment.now, |order| order.request = None);
        moment.changed = true;
        let truth = shop.order(id).map(|order| order.truth(shop)).unwrap_or_default();
        self.send_pushes(moment);
        Ok(truth)
    }

    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let Some(next) = Status::named(&wish.to) else {
            let known: Vec<String> = ALL.iter().map(|status| status.0.to_string()).collect();
            return Err(Refusal::senseless(format!("{:?} is no status: use one of {}", wish.to, known.join(", "))));
        };
        let (fs_id, now) = (self.app.fs_id, moment.now);
        let awb = format!("JNE{}", self.random.digits(10));
        let (shop, id) = self.shop_of_order(wish.shop.as_deref(), number)?;
        let from = shop.order(id).map_or(UNPAID, |order| order.status);
        if !wish.force && !from.may_become(next) {
            return Err(Refusal::conflict(format!(
                "an order that is {} does not become {}; \"force\": true does it all the same",
                from.0, next.0
            )));
        }
        let reason = wish.reason.clone().unwrap_or_default();
        shop.change(id, fs_id, now, |order| {
            if next >= SHIPPED && order.awb.is_empty() {
                order.awb = awb.into();
            }
            let by = match next {
                CANCELLED_BY_BUYER => "buyer",
                next if next.is_cancelled() => "system-automatic",
                _ => "tokopedia",
            };
            order.step(by, next, &reason, now);
        });
        moment.changed = true;
        let truth = shop.order(id).map(|order| order.truth(shop)).unwrap_or_default();
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self, wanted: Option<&str>) -> Vec<Value> {
        let shops = self.shops.values().filter(|shop| wanted.is_none_or(|wanted| shop.id.to_string() == wanted));
        let rows = shops.flat_map(|shop| {
            shop.products.values().map(move |product| {
                json!({
                    "platform": NAME, "shop": shop.id.to_string(), "sku": product.sku, "available": product.stock,
                    "product_id": product.id, "name": product.name,
                })
            })
        });
        rows.collect()
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let id = self.shop_id(wish.shop.as_deref())?;
        let unknown = || Refusal::unknown(format!("shop {id} has no listing with SKU {:?}", wish.sku));
        let shop = self.shops.get_mut(&id).ok_or_else(unknown)?;
        let product = shop.by_sku(&wish.sku).ok_or_else(unknown)?;
        shop.change_stock(product, |_| wish.available);
        moment.changed = true;
        Ok(json!({"shop": id.to_string(), "sku": wish.sku, "available": wish.available.max(0)}))
    }

    fn import(&mut self, _export: Value, _moment: &mut Moment<'_>) -> Result<Imported, Refusal> {
        Err(Refusal::senseless(format!("{NAME} takes no import; make orders with POST /orders")))
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        let (fs_id, now) = (self.app.fs_id, moment.now);
        for shop in self.shops.values_mut() {
            while let Some(id) = shop.take_due(now) {
                moment.changed = true;
                shop.change(id, fs_id, now, |order| match &order.request {
                    // Silence grants the buyer's wish.
                    Some(request) if request.status == 0 => {
                        let reason = request.reason.clone();
                        order.step("buyer", CANCELLED_BY_BUYER, &reason, now);
                    }
                    _ => order.step("system-automatic", CANCELLED_BY_SELLER, NOT_ACCEPTED, now),
                });
            }
        }
        if moment.changed {
            self.send_pushes(moment);
        }
    }

    fn record_changes(&mut self, changes: &mut Changes<'_>) {
        if std::mem::take(&mut self.app_changed) {
            changes.put(NAME, &Record::App(self.app.clone()));
        }
        let mut moved = false;
        for (id, shop) in &mut self.shops {
            if std::mem::take(&mut shop.facts_changed) {
                changes.put(NAME, &Record::Shop(shop.facts()));
            }
            for product in std::mem::take(&mut shop.changed_products) {
                let product = shop.products.get(&product).cloned();
                product.into_iter().for_each(|product| changes.put(NAME, &Record::Product(*id, product)));
            }
            for order in std::mem::take(&mut shop.changed_orders) {
                moved = true;
                let order = shop.order(order).cloned();
                order.into_iter().for_each(|order| changes.put(NAME, &Record::Order(*id, Box::new(order))));
            }
        }
        if moved {
            changes.put(NAME, &Record::Random(self.random));
        }
    }

    fn record_everything(&mut self) {
        self.app_changed = true;
        for shop in self.shops.values_mut() {
            shop.facts_changed = true;
            shop.changed_products = shop.products.keys().copied().collect();
            shop.changed_orders = shop.all().map(|order| order.id).collect();
        }
    }

    fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        let late = |id: i64| Unreadable(format!("shop {id} comes after what belongs to it"));
        match serde_json::from_str(record)? {
            Record::App(app) => {
                self.app = app;
                self.tell_shops_the_rules();
            }
            Record::Random(random) => self.random = random,
            Record::Shop(facts) => match self.shops.get_mut(&facts.id) {
                Some(shop) => shop.connected = facts.connected,
                None => {
                    self.shops.insert(facts.id, Shop::new(facts, self.app.rules));
                }
            },
            Record::Product(id, product) => {
                self.shops.get_mut(&id).ok_or_else(|| late(id))?.products.insert(product.id, product);
            }
            Record::Order(id, order) => self.shops.get_mut(&id).ok_or_else(|| late(id))?.put(*order),
        }
        Ok(())
    }
}
