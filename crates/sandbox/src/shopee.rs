//! A fake Shopee, API v2, as the fact sheet describes it.
//!
//! What the sheet leaves open is a switch (`shopee/rules.rs`), set by `PUT /switches {"shopee":{…}}`. Paths, in the
//! sheet's sections: authorisation (3), orders (6), cancelling (8, 9), shipping (10), stock (11), pushes (12).
//! Not here: waybills, returns, `split_order`, main accounts, merchants.
//!
//! | Subject | File |
//! |---|---|
//! | the table of APIs, signature and token checks | `api.rs`, `sign.rs`, `envelope.rs` |
//! | tokens and grants; the pages that a seller sees | `auth.rs`, `pages.rs` |
//! | order list and detail | `orders.rs` |
//! | the seller's cancel, the answer to a buyer's request | `cancel.rs` |
//! | buyers, carriers, deadlines | `life.rs`, `status.rs` |
//! | shipment, stock, lost pushes | `logistics.rs`, `products.rs`, `lost_pushes.rs` |
//! | a shop's orders with their indexes; how an order changes | `shops.rs` |
//! | made-up orders; real ones from a seller's export | `seed.rs`, `export.rs` |

mod api;
mod auth;
mod cancel;
mod envelope;
pub mod export;
mod life;
mod logistics;
mod lost_pushes;
mod orders;
mod pages;
mod products;
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

use self::api::{RATE_LIMIT, TOO_MANY, api, unknown_path};
use self::auth::{Code, Grant, Grants};
use self::envelope::{Failure, answer};
use self::orders::{Fulfilment, Order};
use self::products::Item;
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
const NAME: &str = "shopee";
/// Orders made by one control call.
const MOST_ORDERS_MADE: u32 = 200_000;
/// Units of one line of a made order.
const MOST_UNITS_OF_A_LINE: u32 = 100_000;
/// Bytes of the app's keys: 64 hex characters (section 3).
const KEY_BYTES: usize = 32;

/// The seller's software as the platform knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct App {
    partner_id: i64,
    partner_key: String,
    push_key: String,
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    App(App),
    Rules(Rules),
    Random(Random),
    Shop(ShopFacts),
    Item(i64, Item),
    Order(i64, Box<Order>),
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
    Item(i64, Item),
    Order(i64, &'a Order),
    Grant(&'a Grant),
    Code(&'a Code),
}

/// The marketplace.
pub(crate) struct Shopee {
    app: App,
    shops: BTreeMap<i64, Shop>,
    grants: Grants,
    rules: Rules,
    random: Random,
    /// Pushes about the app rather than a shop's order.
    outbox: Vec<PushDraft>,
    app_changed: bool,
}

impl Shopee {
    /// An empty marketplace with an app of its own.
    pub(crate) fn new(seed: u64) -> Shopee {
        Shopee {
            app: App { partner_id: 2_001_887, partner_key: secret(KEY_BYTES), push_key: secret(KEY_BYTES) },
            shops: BTreeMap::new(),
            grants: Grants::default(),
            rules: Rules::default(),
            random: Random::seeded(seed),
            outbox: Vec::new(),
            app_changed: true,
        }
    }

    fn shop_id(&self, wanted: Option<&str>) -> Result<i64, Refusal> {
        match wanted {
            None => self.shops.keys().next().copied().ok_or_else(|| Refusal::unknown("there is no shop yet")),
            Some(text) => text
                .parse()
                .ok()
                .filter(|id| self.shops.contains_key(id))
                .ok_or_else(|| Refusal::unknown(format!("there is no shop {text} on shopee"))),
        }
    }

    fn shop(&mut self, wanted: Option<&str>) -> Result<&mut Shop, Refusal> {
        let id = self.shop_id(wanted)?;
        self.shops.get_mut(&id).ok_or_else(|| Refusal::unknown(format!("there is no shop {id} on shopee")))
    }

    /// The shop that has an order: the named one, or the first that knows the number.
    fn shop_with(&mut self, wanted: Option<&str>, number: &str) -> Result<(&mut Shop, &mut Random, &Rules), Refusal> {
        let id = match wanted {
            Some(_) => self.shop_id(wanted)?,
            None => self
                .shops
                .values()
                .find(|shop| shop.order(number).is_some())
                .map(|shop| shop.id)
                .ok_or_else(|| Refusal::unknown(format!("no shop on shopee has an order {number}")))?,
        };
        match self.shops.get_mut(&id) {
            Some(shop) => Ok((shop, &mut self.random, &self.rules)),
            None => Err(Refusal::unknown(format!("there is no shop {id} on shopee"))),
        }
    }

    /// Signs the drafted pushes and queues them (section 12).
    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        let mut drafts = std::mem::take(&mut self.outbox);
        for shop in self.shops.values_mut() {
            drafts.append(&mut shop.outbox);
        }
        let Some(url) = moment.pushes.target(NAME).map(str::to_owned) else { return };
        for draft in drafts {
            let mut body =
                json!({"msg_id": secret(16), "data": draft.data, "code": draft.code, "timestamp": moment.now});
            if let Some(shop_id) = draft.shop_id {
                body["shop_id"] = json!(shop_id);
            }
            let body = body.to_string();
            let headers = vec![
                ("authorization".to_owned(), sign::push(&self.app.push_key, &url, &body)),
                ("content-type".to_owned(), "application/json".to_owned()),
            ];
            let fault = pushes::fault(moment.faults.as_deref_mut());
            let account = self.app.partner_id.to_string();
            moment.pushes.send(NAME, &account, headers, body, moment.now_ms, fault);
        }
    }

    fn no_lines(wish: &OrderWish) -> Refusal {
        Refusal::senseless(format!(
            "the shop has no product to make {} orders from: name lines, or import some",
            wish.count
        ))
    }
}

impl Marketplace for Shopee {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        if pages::is_page(&request.path) {
            return Nature::Page;
        }
        api(request).map_or(Nature::Read, |(_, _, nature)| nature)
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        let mut numbers: Vec<String> = Vec::new();
        for (key, value) in &request.query {
            if matches!(key.as_str(), "order_sn" | "order_sn_list" | "order_sn_list[]") {
                numbers.extend(value.split(',').map(str::to_owned));
            }
        }
        if request.method == Method::POST
            && let Some(body) = envelope::body(request)
            && let Some(number) = body.get("order_sn").and_then(Value::as_str)
        {
            numbers.push(number.to_owned());
        }
        numbers.truncate(MOST_NUMBERS_NAMED);
        // An order's own spelling is shared instead of copied.
        numbers
            .into_iter()
            .map(|number| {
                let known = self.shops.values().find_map(|shop| shop.order(&number));
                known.map_or_else(|| number.as_str().into(), |order| Arc::clone(&order.number))
            })
            .collect()
    }

    fn shop_of(&self, request: &Request) -> Option<String> {
        if let Some(shop) = request.parameter("shop_id") {
            return Some(shop.to_owned());
        }
        envelope::body(request)?.get("shop_id").map(Value::to_string)
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if pages::is_page(&request.path) {
            let answer = self.page(request, moment);
            self.send_pushes(moment);
            return answer;
        }
        let Some((api, signed, _)) = api(request) else {
            return answer(Err(unknown_path()), self.rules.authentication_status);
        };
        let outcome = match self.admit(request, api, signed, moment) {
            Ok(shop_id) => self.carry_out(request, api, shop_id, moment),
            Err(failure) if failure.code == RATE_LIMIT => {
                return self.too_many_requests(Duration::from_secs(1));
            }
            Err(failure) => Err(failure),
        };
        self.send_pushes(moment);
        answer(outcome, self.rules.authentication_status)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let mut answer = answer(Err(Failure::authentication(RATE_LIMIT, TOO_MANY)), self.rules.rate_limit_status);
        answer.headers.push(("retry-after", wait.as_secs().max(1).to_string()));
        answer
    }

    fn server_error(&self) -> Answer {
        let mut answer = answer(Err(Failure::new("error_server", "System error. Please try again later.")), 500);
        answer.status = 500;
        answer
    }

    fn push_rules(&self) -> PushRules {
        // Section 12.2; lost pushes are kept for three days (12.4).
        PushRules { retry_after: &[300, 1_800, 10_800], answer_within: Duration::from_secs(3), empty_body: true }
    }

    fn credentials(&self) -> Value {
        let shop_id = self.shops.keys().next().copied();
        let tokens = shop_id.and_then(|shop_id| self.grants.first(shop_id));
        json!({
            "partner_id": self.app.partner_id, "partner_key": self.app.partner_key, "push_key": self.app.push_key,
            "shop_id": shop_id, "access_token": tokens.map(|(access, _)| access),
            "refresh_token": tokens.map(|(_, refresh)| refresh),
        })
    }

    fn renew_credentials(&mut self, moment: &mut Moment<'_>) {
        let Some(shop_id) = self.shops.keys().next().copied() else { return };
        let Some((access, refresh)) = self.grants.first(shop_id) else { return };
        if self.grants.check(access, shop_id, moment.now).is_err() {
            let refresh = refresh.to_owned();
            // A consent that has ended stays ended: then the old tokens are shown.
            let _ = self.grants.rotate(&refresh, shop_id, &self.rules, moment.now);
        }
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.rules = self.rules.with(switches)?;
        self.app_changed = true;
        Ok(())
    }

    fn shops(&self) -> Vec<Value> {
        self.shops.values().map(life::shop_truth).collect()
    }

    fn make_shop(&mut self, wish: &ShopWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        if wish.orders > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        let region = wish.region.as_deref().unwrap_or("MY");
        let id = loop {
            let id = 600_000_000 + i64::try_from(self.random.below(99_999_999)).unwrap_or(0);
            if !self.shops.contains_key(&id) {
                break id;
            }
        };
        let name = wish.name.clone().unwrap_or_else(|| format!("Shop {}", self.shops.len() + 1));
        let facts = ShopFacts { id, name, region: region.to_owned(), opened: moment.now };
        let Some(mut shop) = Shop::new(facts) else {
            let known: Vec<&str> = shops::REGIONS.iter().map(|region| region.code).collect();
            return Err(Refusal::senseless(format!("no such region {region:?}: use one of {}", known.join(", "))));
        };
        if wish.orders > 0 {
            seed::products(&mut shop, &mut self.random);
            seed::orders(&mut shop, wish.orders, &mut self.random, &self.rules, moment.now);
        }
        // The printed credentials are a grant of their own.
        self.grants.make_grant(id, moment.now);
        let truth = life::shop_truth(&shop);
        self.shops.insert(id, shop);
        self.app_changed = true;
        moment.changed = true;
        Ok(truth)
    }

    fn make_grant(&mut self, shop: Option<&str>, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop_id = self.shop_id(shop)?;
        let code = self.grants.make_code(shop_id, moment.now);
        moment.changed = true;
        Ok(json!({"code": code, "shop_id": shop_id}))
    }

    fn end_tokens(&mut self, wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop_id = self.shop_id(wish.shop.as_deref())?;
        let now = moment.now;
        let grants = self.grants.change(shop_id, |grant| match wish.action {
            TokenAction::ExpireAccess => {
                grant.access_until = now;
                grant.previous = None;
            }
            TokenAction::ExpireRefresh => {
                grant.access_until = now;
                grant.refresh_until = now;
                grant.previous = None;
                grant.used = None;
            }
            TokenAction::Revoke => grant.revoked = true,
        });
        if wish.action == TokenAction::Revoke {
            self.outbox.push(pages::consent_push(2, shop_id));
        }
        self.send_pushes(moment);
        Ok(json!({"grants": grants}))
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        let most = filter.limit.unwrap_or(usize::MAX);
        self.shops
            .values()
            .filter(|shop| filter.shop.as_ref().is_none_or(|wanted| shop.id.to_string() == *wanted))
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
            None => Status::ReadyToShip,
            Some(name) => Status::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no order status of shopee")))?,
        };
        let fulfilment = match wish.fulfilled_by.as_deref() {
            None => Fulfilment::default(),
            Some(name) => Fulfilment::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no fulfillment_flag of shopee")))?,
        };
        let shop_id = self.shop_id(wish.shop.as_deref())?;
        let Some(shop) = self.shops.get_mut(&shop_id) else { return Err(Self::no_lines(wish)) };
        let mut named = Vec::new();
        for line in wish.lines.iter().flatten() {
            let (item_id, model_id) = shop
                .products
                .by_sku(&line.sku)
                .ok_or_else(|| Refusal::unknown(format!("shop {shop_id} has no listing with SKU {:?}", line.sku)))?;
            if !(1..=MOST_UNITS_OF_A_LINE).contains(&line.quantity) {
                return Err(Refusal::senseless(format!("a line has 1 to {MOST_UNITS_OF_A_LINE} units")));
            }
            named.push((item_id, model_id, line.quantity));
        }
        if named.is_empty() && shop.products.len() == 0 {
            return Err(Self::no_lines(wish));
        }
        let mut numbers = Vec::new();
        for _ in 0..wish.count {
            let lines = if named.is_empty() { seed::random_lines(shop, &mut self.random) } else { named.clone() };
            let recipe = Recipe {
                status: if status == Status::Cancelled { Status::ReadyToShip } else { status },
                created: moment.now,
                cod: wish.cod,
                preorder: wish.preorder,
                fulfilment,
                packages: wish.packages.unwrap_or(1),
                lines,
            };
            let mut order = seed::order(shop, &recipe, &mut self.random, moment.now);
            for line in &order.lines {
                let units = i64::from(line.quantity);
                shop.products.change_stock(line.item_id, line.model_id, |stock| stock - units);
            }
            if status == Status::Cancelled {
                order.cancel(&mut shop.products, "system", "Auto Cancel", &[]);
            }
            let number = order.number.to_string();
            shop.add(order, &self.rules, moment.now);
            shop.announce(&number);
            numbers.push(number);
        }
        self.app_changed = true;
        moment.changed = true;
        self.send_pushes(moment);
        Ok(numbers)
    }

    fn buyer_cancels(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, _, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::buyer_cancels(shop, number, wish, rules, moment)?;
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
        let tracking = seed::tracking(shop, random);
        let truth = life::advance(shop, number, wish, &tracking, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self, wanted: Option<&str>) -> Vec<Value> {
        let mut rows = Vec::new();
        for shop in self.shops.values().filter(|shop| wanted.is_none_or(|wanted| shop.id.to_string() == wanted)) {
            for item in shop.products.all() {
                for model in &item.models {
                    rows.push(json!({
                        "platform": NAME, "shop": shop.id.to_string(), "sku": item.listing_sku(model),
                        "available": model.stock, "item_id": item.id, "model_id": model.id, "name": item.name,
                    }));
                }
            }
        }
        rows
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop = self.shop(wish.shop.as_deref())?;
        let (item_id, model_id) = shop
            .products
            .by_sku(&wish.sku)
            .ok_or_else(|| Refusal::unknown(format!("shop {} has no listing with SKU {:?}", shop.id, wish.sku)))?;
        shop.products.change_stock(item_id, model_id, |_| wish.available);
        moment.changed = true;
        let available = shop.products.listing(item_id, model_id).map(|(_, model)| model.stock);
        Ok(json!({"shop": shop.id.to_string(), "sku": wish.sku, "available": available}))
    }

    fn import(&mut self, export: Value, moment: &mut Moment<'_>) -> Result<Imported, Refusal> {
        let export = export::Export::from_json(export).map_err(|error| Refusal::senseless(error.to_string()))?;
        let others = self.shops.values().any(|shop| !shop.is_empty());
        let free = self.shops.values().find(|shop| shop.is_empty()).map(|shop| shop.id);
        let shop_id = match (free, self.shops.values().find(|shop| shop.region == export::REGION)) {
            (Some(free), _) => free,
            (None, Some(shop)) => shop.id,
            (None, None) => {
                let wish = ShopWish {
                    platform: NAME.to_owned(),
                    name: Some("Imported".to_owned()),
                    region: Some(export::REGION.to_owned()),
                    orders: 0,
                };
                self.make_shop(&wish, moment)?;
                let made = self.shops.values().find(|shop| shop.is_empty()).map(|shop| shop.id);
                made.ok_or_else(|| Refusal::unknown("the shop for the import is missing"))?
            }
        };
        let Some(shop) = self.shops.get_mut(&shop_id) else { return Err(Refusal::unknown("there is no shop yet")) };
        if shop.is_empty()
            && let Some(region) = shops::region(export::REGION)
        {
            shop.move_to(region);
        }
        let mut imported = export.put_into(shop, &mut self.random, &self.rules);
        // Beside other orders the clock does not go back.
        if others {
            imported.clock = imported.clock.max(moment.now);
        }
        self.app_changed = true;
        moment.changed = true;
        self.send_pushes(moment);
        Ok(imported)
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        for shop in self.shops.values_mut() {
            life::pass_time(shop, &self.rules, moment);
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
                    Changed::Item(item) => changes.put(NAME, &Written::Item(*id, item)),
                    Changed::Order(order) => changes.put(NAME, &Written::Order(*id, order)),
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
        let shop_of =
            |shops: &mut BTreeMap<i64, Shop>, id: i64, act: &mut dyn FnMut(&mut Shop)| match shops.get_mut(&id) {
                Some(shop) => {
                    act(shop);
                    Ok(())
                }
                None => Err(Unreadable(format!("shop {id} comes after what belongs to it"))),
            };
        match serde_json::from_str(record)? {
            Record::App(app) => self.app = app,
            Record::Rules(rules) => self.rules = rules,
            Record::Random(random) => self.random = random,
            Record::Shop(facts) => match self.shops.get_mut(&facts.id) {
                Some(shop) => {
                    if let Some(region) = shops::region(&facts.region) {
                        shop.move_to(region);
                    }
                }
                None => {
                    let id = facts.id;
                    let shop = Shop::new(facts).ok_or_else(|| Unreadable(format!("the region of shop {id}")))?;
                    self.shops.insert(id, shop);
                }
            },
            Record::Item(id, item) => shop_of(&mut self.shops, id, &mut |shop| shop.products.put(item.clone()))?,
            Record::Order(id, order) => shop_of(&mut self.shops, id, &mut |shop| shop.put((*order).clone()))?,
            Record::Grant(grant) => self.grants.put(grant),
            Record::Code(code) => self.grants.put_code(code),
        }
        Ok(())
    }
}

/// The most order numbers of one call that the call log keeps: those of a full detail call.
const MOST_NUMBERS_NAMED: usize = 50;
