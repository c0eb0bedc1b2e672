//! A fake TikTok Shop, Partner API 202309 and later, as the fact sheet describes it. In Indonesia a shop also has the orders
//! of the Tokopedia app: one account, one token, one stock, told apart by `commerce_platform`.
//!
//! What the sheet leaves open is a switch (`tiktok_shop/rules.rs`), set by `PUT /switches {"tiktok_shop":{…}}`. Not here:
//! labels, slots, splitting, returns, refund previews, registering push addresses (`PUT /push-target` does that).
//!
//! | Subject | File |
//! |---|---|
//! | the table of APIs, signature and token checks | `api.rs`, `sign.rs`, `envelope.rs` |
//! | tokens and grants; the page that a seller sees | `auth.rs`, `pages.rs` |
//! | order search and detail | `orders.rs` |
//! | eligibility, the seller's cancel, the answer to a buyer's request, reasons by market | `cancel.rs`, `reasons.rs` |
//! | buyers, carriers, deadlines | `life.rs`, `status.rs` |
//! | shipment, stock | `packages.rs`, `products.rs` |
//! | a shop's orders with their indexes; how an order changes; made-up orders | `shops.rs`, `seed.rs` |

mod api;
mod auth;
mod cancel;
mod envelope;
mod life;
mod orders;
mod packages;
mod pages;
mod products;
mod reasons;
#[cfg(test)]
mod robustness;
mod rules;
mod seed;
mod shops;
mod sign;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::auth::{Code, Grant, Grants};
use self::envelope::{Failure, answer};
use self::orders::{Fulfilment, Order, Storefront};
use self::products::Product;
use self::rules::Rules;
use self::seed::Recipe;
use self::shops::{Changed, PushDraft, Shop, ShopFacts};
use self::status::Status;
use crate::marketplace::{
    AdvanceWish, Answer, BuyerWish, Imported, Marketplace, Moment, Nature, OrderFilter, OrderWish, Refusal, Request,
    ShopWish, StockWish, TokenAction, TokenWish,
};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::{self, PushRules};
use crate::random::{Random, secret};

/// The name on the control port.
const NAME: &str = "tiktok_shop";
/// Orders made by one control call.
const MOST_ORDERS_MADE: u32 = 200_000;
/// Units of one line of a made order: each is a line item.
const MOST_UNITS_OF_A_LINE: u32 = 200;
/// Bytes of the app's secret: 40 hex characters.
const SECRET_BYTES: usize = 20;
/// The most order numbers of one call that the call log keeps: those of a full detail call.
const MOST_NUMBERS_NAMED: usize = 50;

/// The seller's software as the platform knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct App {
    key: String,
    secret: String,
    service_id: String,
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    App(App),
    Rules(Rules),
    Random(Random),
    Shop(ShopFacts),
    Product(String, Product),
    Order(String, Box<Order>),
    Grant(Grant),
    Code(Code),
}

/// The same records, borrowed, for writing.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    App(&'a App),
    Rules(&'a Rules),
    Random(&'a Random),
    Shop(ShopFacts),
    Product(&'a str, Product),
    Order(&'a str, &'a Order),
    Grant(&'a Grant),
    Code(&'a Code),
}

/// The marketplace.
pub(crate) struct TiktokShop {
    app: App,
    shops: BTreeMap<String, Shop>,
    grants: Grants,
    rules: Rules,
    random: Random,
    app_changed: bool,
}

impl TiktokShop {
    /// An empty marketplace with an app of its own.
    pub(crate) fn new(seed: u64) -> TiktokShop {
        TiktokShop {
            app: App {
                key: format!("6{}", secret(6)),
                secret: secret(SECRET_BYTES),
                service_id: "7300112233445566778".to_owned(),
            },
            shops: BTreeMap::new(),
            grants: Grants::default(),
            rules: Rules::default(),
            random: Random::seeded(seed),
            app_changed: true,
        }
    }

    fn shop_id(&self, wanted: Option<&str>) -> Result<String, Refusal> {
        match wanted {
            None => self.shops.keys().next().cloned().ok_or_else(|| Refusal::unknown("there is no shop yet")),
            Some(id) if self.shops.contains_key(id) => Ok(id.to_owned()),
            Some(id) => Err(Refusal::unknown(format!("there is no shop {id} on {NAME}"))),
        }
    }

    /// The shop that has an order: the named one, or the first that knows the number.
    fn shop_with(&mut self, wanted: Option<&str>, number: &str) -> Result<(&mut Shop, &mut Random, &Rules), Refusal> {
        let id = match wanted {
            Some(_) => self.shop_id(wanted)?,
            None => {
                let owner = self.shops.values().find(|shop| shop.order(number).is_some());
                let unknown = || Refusal::unknown(format!("no shop on {NAME} has an order {number}"));
                owner.map(|shop| shop.id.clone()).ok_or_else(unknown)?
            }
        };
        match self.shops.get_mut(&id) {
            Some(shop) => Ok((shop, &mut self.random, &self.rules)),
            None => Err(Refusal::unknown(format!("there is no shop {id} on {NAME}"))),
        }
    }

    /// Signs the drafted pushes and queues them (section 8).
    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        let mut drafts: Vec<PushDraft> = Vec::new();
        for shop in self.shops.values_mut() {
            drafts.append(&mut shop.outbox);
        }
        if moment.pushes.target(NAME).is_none() {
            return;
        }
        for draft in drafts {
            let body = json!({
                "type": draft.kind, "tts_notification_id": format!("7514{}", self.random.digits(15)),
                "shop_id": draft.shop, "timestamp": moment.now, "data": draft.data,
            })
            .to_string();
            let headers = vec![
                ("authorization".to_owned(), sign::push(&self.app.key, &self.app.secret, &body)),
                ("content-type".to_owned(), "application/json".to_owned()),
            ];
            let fault = pushes::fault(moment.faults.as_deref_mut());
            moment.pushes.send(NAME, &self.app.key, headers, body, moment.now_ms, fault);
        }
    }

    /// The orders that a path or body names, and those of the cancellations that it names.
    fn numbers_named(&self, request: &Request) -> Vec<String> {
        let mut numbers = orders::numbers_asked(request);
        let of_cancellation = |id: &str| {
            let owner = self.shops.values().find_map(|shop| shop.order_of_cancellation(id));
            owner.map(|number| number.to_string())
        };
        if let Some(asked) = api::asked(request) {
            match asked.api.path {
                path if path.contains("/orders/{id}/") => numbers.push(asked.id.to_owned()),
                path if path.contains("/cancellations/{id}/") => numbers.extend(of_cancellation(asked.id)),
                path if path.contains("/packages/{id}") => {
                    let owner = self.shops.values().find_map(|shop| shop.order_of_package(asked.id));
                    numbers.extend(owner.map(|number| number.to_string()));
                }
                _ => {}
            }
        }
        if request.method == Method::POST
            && let Ok(body) = envelope::body(request)
        {
            numbers.extend(envelope::text(&body, "order_id"));
            numbers.extend(envelope::texts(&body, "order_ids"));
            numbers.extend(envelope::texts(&body, "cancel_ids").iter().filter_map(|id| of_cancellation(id)));
        }
        numbers.truncate(MOST_NUMBERS_NAMED);
        numbers
    }
}

impl Marketplace for TiktokShop {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        if pages::is_page(&request.path) {
            return Nature::Page;
        }
        api::asked(request).map_or(Nature::Read, |asked| asked.api.nature)
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        // An order's own spelling is shared instead of copied.
        let known = |number: &str| self.shops.values().find_map(|shop| shop.order(number));
        let spelled =
            |number: String| known(&number).map_or_else(|| number.as_str().into(), |it| Arc::clone(&it.number));
        self.numbers_named(request).into_iter().map(spelled).collect()
    }

    fn shop_of(&self, request: &Request) -> Option<String> {
        let cipher = request.parameter("shop_cipher")?;
        self.shops.values().find(|shop| shop.cipher == cipher).map(|shop| shop.id.clone())
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if pages::is_page(&request.path) {
            let answer = self.page(request, moment);
            self.send_pushes(moment);
            return answer;
        }
        let Some(asked) = api::asked(request) else { return answer(Err(Failure::unknown_path())) };
        let outcome = match self.admit(request, asked, moment) {
            Ok(shop) => self.carry_out(request, asked, &shop, moment),
            Err(failure) if failure.code == api::TOO_MANY => return self.too_many_requests(Duration::from_secs(1)),
            Err(failure) => Err(failure),
        };
        self.send_pushes(moment);
        answer(outcome)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let failure = Failure::new(api::TOO_MANY, "Too many requests, please try again later.");
        let mut answer = answer(Err(Failure { status: self.rules.rate_limit_status, ..failure }));
        answer.headers.push(("retry-after", wait.as_secs().max(1).to_string()));
        answer
    }

    fn server_error(&self) -> Answer {
        answer(Err(Failure { status: 500, ..Failure::new(36_009_003, "Internal error. Please try again.") }))
    }

    fn push_rules(&self) -> PushRules {
        // Section 8: about 2 minutes, 30 minutes, 3 hours, 12 hours, then dropped; 200 within 3 seconds.
        PushRules {
            retry_after: &[120, 1_800, 10_800, 43_200],
            answer_within: Duration::from_secs(3),
            empty_body: false,
        }
    }

    fn credentials(&self) -> Value {
        let shop = self.shops.values().next();
        let grant = shop.and_then(|shop| self.grants.first(&shop.id));
        json!({
            "app_key": self.app.key, "app_secret": self.app.secret, "service_id": self.app.service_id,
            "shop_id": shop.map(|shop| &shop.id), "shop_cipher": shop.map(|shop| &shop.cipher),
            "region": shop.map(|shop| shop.region.code),
            "access_token": grant.map(|grant| &grant.access), "refresh_token": grant.map(|grant| &grant.refresh),
        })
    }

    fn renew_credentials(&mut self, moment: &mut Moment<'_>) {
        let Some(grant) = self.shops.keys().next().and_then(|shop| self.grants.first(shop)) else { return };
        if self.grants.check(&grant.access, moment.now).is_err() {
            let refresh = grant.refresh.clone();
            // A consent that has ended stays ended: then the old tokens are shown.
            let _ = self.grants.rotate(&refresh, &self.rules, moment.now);
        }
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.rules = self.rules.with(switches)?;
        self.app_changed = true;
        Ok(())
    }

    fn shops(&self) -> Vec<Value> {
        self.shops.values().map(Shop::truth).collect()
    }

    fn make_shop(&mut self, wish: &ShopWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        if wish.orders > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        let region = wish.region.as_deref().unwrap_or("ID");
        let id = loop {
            let id = format!("7491{}", self.random.digits(15));
            if !self.shops.contains_key(&id) {
                break id;
            }
        };
        let facts = ShopFacts {
            id: id.clone(),
            name: wish.name.clone().unwrap_or_else(|| format!("Shop {}", self.shops.len() + 1)),
            region: region.to_owned(),
            cipher: format!("ROW_{}", secret(16)),
            opened: moment.now,
        };
        let Some(mut shop) = Shop::new(facts) else {
            let known: Vec<&str> = shops::REGIONS.iter().map(|region| region.code).collect();
            return Err(Refusal::senseless(format!("no such region {region:?}: use one of {}", known.join(", "))));
        };
        if wish.orders > 0 {
            seed::products(&mut shop, &mut self.random);
            seed::orders(&mut shop, wish.orders, &mut self.random, &self.rules, moment.now);
        }
        // The printed credentials are a grant of their own.
        self.grants.make_grant(&id, moment.now);
        let truth = shop.truth();
        self.shops.insert(id, shop);
        self.app_changed = true;
        moment.changed = true;
        Ok(truth)
    }

    fn make_grant(&mut self, shop: Option<&str>, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop = self.shop_id(shop)?;
        let code = self.grants.make_code(&shop, moment.now);
        moment.changed = true;
        Ok(json!({"code": code, "shop_id": shop}))
    }

    fn end_tokens(&mut self, wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop = self.shop_id(wish.shop.as_deref())?;
        let grants = self.grants.end(&shop, wish.action, moment.now);
        if wish.action == TokenAction::Revoke
            && let Some(owner) = self.shops.get_mut(&shop)
        {
            owner.outbox.push(PushDraft { shop, kind: 6, data: json!({"message": "deauthorized"}) });
        }
        self.send_pushes(moment);
        Ok(json!({"grants": grants}))
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        let most = filter.limit.unwrap_or(usize::MAX);
        self.shops
            .values()
            .filter(|shop| filter.shop.as_ref().is_none_or(|wanted| shop.id == *wanted))
            .flat_map(|shop| {
                // One number is looked up, not searched for.
                let found: Box<dyn Iterator<Item = &Order>> = match &filter.number {
                    Some(number) => Box::new(shop.order(number).into_iter()),
                    None => Box::new(shop.all()),
                };
                found.map(move |order| (shop, order))
            })
            .filter(|(_, order)| filter.status.as_ref().is_none_or(|status| order.status.name() == status))
            .take(most)
            .map(|(shop, order)| order.truth(shop))
            .collect()
    }

    fn make_orders(&mut self, wish: &OrderWish, moment: &mut Moment<'_>) -> Result<Vec<String>, Refusal> {
        if wish.count > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        let status = match wish.status.as_deref() {
            None => Status::AwaitingShipment,
            Some(name) => Status::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no order status of {NAME}")))?,
        };
        let fulfilment = match wish.fulfilled_by.as_deref() {
            None => Fulfilment::default(),
            Some(name) => Fulfilment::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no fulfillment_type of {NAME}")))?,
        };
        let storefront = match wish.storefront.as_deref() {
            None => Storefront::default(),
            Some(name) => Storefront::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no commerce_platform of {NAME}")))?,
        };
        let shop_id = self.shop_id(wish.shop.as_deref())?;
        let (random, rules) = (&mut self.random, &self.rules);
        let Some(shop) = self.shops.get_mut(&shop_id) else { return Err(Refusal::unknown("there is no shop yet")) };
        if storefront == Storefront::Tokopedia && shop.region.code != "ID" {
            return Err(Refusal::senseless("orders of Tokopedia exist in Indonesia only"));
        }
        let mut lines = Vec::new();
        for line in wish.lines.iter().flatten() {
            let sku = shop
                .products
                .by_code(&line.sku)
                .ok_or_else(|| Refusal::unknown(format!("shop {shop_id} has no listing with SKU {:?}", line.sku)))?;
            if !(1..=MOST_UNITS_OF_A_LINE).contains(&line.quantity) {
                return Err(Refusal::senseless(format!("a line has 1 to {MOST_UNITS_OF_A_LINE} units")));
            }
            lines.push((sku, line.quantity));
        }
        if lines.is_empty() && shop.products.len() == 0 {
            return Err(Refusal::senseless("the shop has no product to make orders from"));
        }
        let mut numbers = Vec::new();
        for _ in 0..wish.count {
            let recipe = Recipe {
                status: if status == Status::Cancelled { Status::AwaitingShipment } else { status },
                storefront,
                created: moment.now,
                cod: wish.cod,
                preorder: wish.preorder,
                seller_ships: wish.seller_ships,
                fulfilment,
                packages: wish.packages.unwrap_or(1),
                lines: if lines.is_empty() { seed::random_lines(shop, random) } else { lines.clone() },
            };
            let order = seed::order(shop, &recipe, random, moment.now);
            for line in &order.lines {
                shop.products.commit(line.sku_id);
                if order.collected > 0 {
                    shop.products.leave(line.sku_id);
                }
            }
            let number = order.number.to_string();
            shop.add(order, rules, moment.now);
            shop.announce(&number);
            if status == Status::Cancelled {
                let wish = AdvanceWish { shop: None, to: "CANCELLED".to_owned(), reason: None, force: false };
                life::advance(shop, &number, &wish, "", random, rules, moment)?;
            }
            numbers.push(number);
        }
        self.app_changed = true;
        moment.changed = true;
        self.send_pushes(moment);
        Ok(numbers)
    }

    fn buyer_cancels(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, random, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::buyer_cancels(shop, number, wish, random, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn buyer_withdraws(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, _, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::buyer_withdraws(shop, number, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, random, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let tracking = seed::tracking(random);
        let truth = life::advance(shop, number, wish, &tracking, random, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self, wanted: Option<&str>) -> Vec<Value> {
        let shops = self.shops.values().filter(|shop| wanted.is_none_or(|wanted| shop.id == wanted));
        let rows = shops.flat_map(|shop| {
            shop.products.all().flat_map(move |product| {
                product.skus.iter().map(move |sku| {
                    json!({
                        "platform": NAME, "shop": shop.id, "sku": sku.code, "available": sku.available,
                        "committed": sku.committed, "product_id": product.id.to_string(),
                        "sku_id": sku.id.to_string(), "name": product.name,
                    })
                })
            })
        });
        rows.collect()
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let id = self.shop_id(wish.shop.as_deref())?;
        let unknown = || Refusal::unknown(format!("shop {id} has no listing with SKU {:?}", wish.sku));
        let shop = self.shops.get_mut(&id).ok_or_else(unknown)?;
        let sku = shop.products.by_code(&wish.sku).ok_or_else(unknown)?;
        shop.products.change(sku, |sku| sku.available = wish.available);
        moment.changed = true;
        let available = shop.products.sku(sku).map(|(_, sku)| sku.available);
        Ok(json!({"shop": id, "sku": wish.sku, "available": available}))
    }

    fn import(&mut self, _export: Value, _moment: &mut Moment<'_>) -> Result<Imported, Refusal> {
        Err(Refusal::senseless(format!("{NAME} takes no import yet; make orders with POST /orders")))
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        for shop in self.shops.values_mut() {
            life::pass_time(shop, &mut self.random, &self.rules, moment);
        }
        if moment.changed {
            self.send_pushes(moment);
        }
    }

    fn record_changes(&mut self, changes: &mut Changes<'_>) {
        if std::mem::take(&mut self.app_changed) {
            changes.put(NAME, &Written::App(&self.app));
            changes.put(NAME, &Written::Rules(&self.rules));
        }
        let mut shop_changed = false;
        for (id, shop) in &mut self.shops {
            shop.take_changes(|changed| {
                shop_changed = true;
                match changed {
                    Changed::Facts(facts) => changes.put(NAME, &Written::Shop(facts)),
                    Changed::Product(product) => changes.put(NAME, &Written::Product(id, product)),
                    Changed::Order(order) => changes.put(NAME, &Written::Order(id, order)),
                }
            });
        }
        if shop_changed {
            changes.put(NAME, &Written::Random(&self.random));
        }
        let mut grants: Vec<Grant> = Vec::new();
        self.grants.take_changes(|grant| grants.push(grant.clone()), |code| changes.put(NAME, &Written::Code(code)));
        for grant in &grants {
            changes.put(NAME, &Written::Grant(grant));
        }
    }

    fn record_everything(&mut self) {
        self.app_changed = true;
        self.shops.values_mut().for_each(Shop::mark_all);
        self.grants.mark_all();
    }

    fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        let late = |id: &str| Unreadable(format!("shop {id} comes after what belongs to it"));
        match serde_json::from_str(record)? {
            Record::App(app) => self.app = app,
            Record::Rules(rules) => self.rules = rules,
            Record::Random(random) => self.random = random,
            Record::Shop(facts) => {
                if !self.shops.contains_key(&facts.id) {
                    let id = facts.id.clone();
                    let shop = Shop::new(facts).ok_or_else(|| Unreadable(format!("the region of shop {id}")))?;
                    self.shops.insert(id, shop);
                }
            }
            Record::Product(id, product) => {
                self.shops.get_mut(&id).ok_or_else(|| late(&id))?.products.put(product);
            }
            Record::Order(id, order) => self.shops.get_mut(&id).ok_or_else(|| late(&id))?.put(*order),
            Record::Grant(grant) => {
                self.grants.put(grant);
            }
            Record::Code(code) => self.grants.put_code(code),
        }
        Ok(())
    }
}
