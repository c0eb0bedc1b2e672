//! A fake Lazada Open Platform, as the fact sheet describes it.
//!
//! What the sheet leaves open is a switch (`lazada/rules.rs`), set by `PUT /switches {"lazada":{…}}`. APIs, in the sheet's
//! sections: tokens (2), orders (5), cancelling in both generations (6), buyers' requests (7), packing (8), stock (9),
//! pushes (10). Not here: labels, returns after delivery, delivery by the seller's own fleet, digital goods.
//!
//! Every country's host and the host of tokens are one port: APIs under `/rest`, the consent page at `/oauth/authorize`.
//!
//! | Subject | File |
//! |---|---|
//! | the table of APIs, signature and token checks | `api.rs`, `sign.rs`, `envelope.rs` |
//! | tokens and grants; the page that a seller sees | `auth.rs`, `pages.rs` |
//! | orders and their items | `orders.rs` |
//! | the seller's cancel, the answer to a buyer's request | `cancel.rs` |
//! | buyers, carriers, deadlines | `life.rs`, `status.rs` |
//! | packing, stock | `shipping.rs`, `products.rs` |
//! | a shop's orders with their indexes; how an order changes | `shops.rs` |
//! | made-up orders | `seed.rs` |

mod api;
mod auth;
mod cancel;
mod envelope;
mod life;
mod orders;
mod pages;
mod products;
#[cfg(test)]
mod robustness;
mod rules;
mod seed;
mod shipping;
mod shops;
mod sign;
mod status;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::api::{find, too_many, unknown_path};
use self::auth::{Code, Grant, Grants};
use self::envelope::{Failure, Parameters, answer, number, numbers, pool};
use self::orders::{Fulfilment, Order};
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
const NAME: &str = "lazada";
/// Orders made by one control call.
const MOST_ORDERS_MADE: u32 = 200_000;
/// Units of one line of a made order: each becomes an item.
const MOST_UNITS_OF_A_LINE: u32 = 1_000;
/// The most order numbers of one call that the call log keeps.
const MOST_NUMBERS_NAMED: usize = 50;
/// Orders made at once are placed within so many seconds: lists are in whole seconds and end at 5,000 rows.
const MADE_WITHIN_SECONDS: i64 = 240;
/// Orders of a further shop that have an id of another shop.
const SHARED_IDS: usize = 3;

/// The seller's software as the platform knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct App {
    app_key: String,
    app_secret: String,
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    App(App),
    Rules(Rules),
    Random(Random),
    Shop(ShopFacts),
    Product(i64, Product),
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
    Product(i64, Product),
    Order(i64, &'a Order),
    Grant(&'a Grant),
    Code(&'a Code),
}

/// The marketplace.
pub(crate) struct Lazada {
    app: App,
    shops: BTreeMap<i64, Shop>,
    grants: Grants,
    rules: Rules,
    random: Random,
    app_changed: bool,
}

impl Lazada {
    /// An empty marketplace with an app of its own.
    pub(crate) fn new(seed: u64) -> Lazada {
        Lazada {
            app: App { app_key: "139683".to_owned(), app_secret: secret(16) },
            shops: BTreeMap::new(),
            grants: Grants::default(),
            rules: Rules::default(),
            // Not the numbers of a marketplace with the same seed beside it.
            random: Random::seeded(seed ^ 0x1A2A_DA00),
            app_changed: true,
        }
    }

    fn seller(&self, wanted: Option<&str>) -> Result<i64, Refusal> {
        match wanted {
            None => self.shops.keys().next().copied().ok_or_else(|| Refusal::unknown("there is no shop yet")),
            Some(text) => text
                .parse()
                .ok()
                .filter(|id| self.shops.contains_key(id))
                .ok_or_else(|| Refusal::unknown(format!("there is no shop {text} on lazada"))),
        }
    }

    fn shop(&mut self, wanted: Option<&str>) -> Result<&mut Shop, Refusal> {
        let id = self.seller(wanted)?;
        self.shops.get_mut(&id).ok_or_else(|| Refusal::unknown(format!("there is no shop {id} on lazada")))
    }

    /// The shop that has an order: the named one, or the first that knows the number.
    fn shop_with(&mut self, wanted: Option<&str>, number: &str) -> Result<(&mut Shop, i64, &Rules), Refusal> {
        let no_order = || Refusal::unknown(format!("no shop on lazada has an order {number}"));
        let order: i64 = number.parse().map_err(|_| no_order())?;
        let id = match wanted {
            Some(_) => self.seller(wanted)?,
            None => {
                let shop = self.shops.values().find(|shop| shop.order(order).is_some());
                shop.map(|shop| shop.id).ok_or_else(no_order)?
            }
        };
        match self.shops.get_mut(&id) {
            Some(shop) => Ok((shop, order, &self.rules)),
            None => Err(Refusal::unknown(format!("there is no shop {id} on lazada"))),
        }
    }

    /// Signs the drafted pushes and queues them (section 10). Nothing is sent of a seller without a valid token.
    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        for shop in self.shops.values_mut() {
            let drafts: Vec<PushDraft> = std::mem::take(&mut shop.outbox);
            if drafts.is_empty() || moment.pushes.target(NAME).is_none() || !self.grants.has_valid(shop.id, moment.now)
            {
                continue;
            }
            for PushDraft { message_type, mut data } in drafts {
                if message_type == 10 {
                    data["seller_id"] = json!(shop.id);
                }
                // Milliseconds in type 0, seconds elsewhere (section 10).
                let timestamp = if message_type == 0 { moment.now_ms } else { moment.now };
                let body = json!({
                    "seller_id": shop.id.to_string(), "message_type": message_type, "data": data,
                    "timestamp": timestamp, "site": format!("lazada_{}", shop.region.country),
                })
                .to_string();
                let headers = vec![
                    ("authorization".to_owned(), sign::push(&self.app.app_secret, &self.app.app_key, &body)),
                    ("content-type".to_owned(), "application/json".to_owned()),
                ];
                let fault = pushes::fault(moment.faults.as_deref_mut());
                moment.pushes.send(NAME, &self.app.app_key, headers, body, moment.now_ms, fault);
            }
        }
    }

    /// The orders that a call's parameters name: by themselves, by an item, a parcel or a reverse order.
    fn orders_named(&self, parameters: &Parameters<'_>) -> Vec<i64> {
        let whole = |name: &str| parameters.text(name).and_then(|text| text.trim().parse::<i64>().ok());
        let list = |name: &str| -> Vec<i64> {
            let value = parameters.text(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
            value.as_ref().and_then(numbers).unwrap_or_default()
        };
        let mut found: Vec<i64> = whole("order_id").into_iter().chain(list("order_ids")).collect();
        let items: Vec<i64> = whole("order_item_id").into_iter().chain(list("order_item_ids")).collect();
        let reverse = whole("reverse_order_id");
        for shop in self.shops.values() {
            found.extend(items.iter().filter_map(|item| shop.order_of_item(*item)).map(|order| order.id));
            found.extend(reverse.and_then(|reverse| shop.order_of_reverse(reverse)).map(|order| order.id));
        }
        for name in ["packReq", "readyToShipReq", "rePackReq"] {
            let Some(request) = parameters.text(name).and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
                continue;
            };
            let rows = |list: &str| request[list].as_array().cloned().unwrap_or_default();
            found.extend(rows("pack_order_list").iter().filter_map(|row| number(&row["order_id"])));
            for row in rows("packages") {
                let package = row["package_id"].as_str().unwrap_or_default();
                let shops = self.shops.values();
                found.extend(shops.filter_map(|shop| shop.order_of_package(package)).map(|(order, _)| order.id));
            }
        }
        found.dedup();
        found.truncate(MOST_NUMBERS_NAMED);
        found
    }
}

impl Marketplace for Lazada {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        if pages::is_page(&request.path) {
            return Nature::Page;
        }
        find(request).map_or(Nature::Read, |api| api.nature)
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        let pool = pool(request);
        self.orders_named(&Parameters(&pool)).into_iter().map(|id| id.to_string().into()).collect()
    }

    fn shop_of(&self, request: &Request) -> Option<String> {
        let pool = pool(request);
        self.grants.seller_of(pool.get("access_token")?).map(|seller| seller.to_string())
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if pages::is_page(&request.path) {
            return self.page(request, moment);
        }
        let Some(api) = find(request) else { return answer(Err(unknown_path())) };
        let pool = pool(request);
        let outcome = match self.admit(request, &api, &pool, moment) {
            Ok(seller) => {
                let host = request.header("host").unwrap_or_default();
                self.carry_out(&api, &pool, seller, host, moment)
            }
            Err(failure) => Err(failure),
        };
        self.send_pushes(moment);
        answer(outcome)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        answer(Err(too_many(wait)))
    }

    fn server_error(&self) -> Answer {
        let mut answer = answer(Err(Failure::gateway("SystemError", "An internal error has occurred")));
        answer.status = 500;
        answer
    }

    fn push_rules(&self) -> PushRules {
        // Section 10: every half hour, twelve times.
        PushRules { retry_after: &[1_800; 12], answer_within: Duration::from_millis(500), empty_body: false }
    }

    fn credentials(&self) -> Value {
        let shop = self.shops.values().next();
        let tokens = shop.and_then(|shop| self.grants.first(shop.id));
        json!({
            "app_key": self.app.app_key, "app_secret": self.app.app_secret,
            "country": shop.map(|shop| shop.region.country), "seller_id": shop.map(|shop| shop.id.to_string()),
            "access_token": tokens.map(|(access, _)| access), "refresh_token": tokens.map(|(_, refresh)| refresh),
        })
    }

    fn renew_credentials(&mut self, moment: &mut Moment<'_>) {
        let Some(seller) = self.shops.keys().next().copied() else { return };
        let Some((access, refresh)) = self.grants.first(seller) else { return };
        if self.grants.check(access, moment.now).is_err() {
            let refresh = refresh.to_owned();
            // A consent that has ended stays ended: then the old tokens are shown.
            let _ = self.grants.refresh(&refresh, &self.rules, moment.now);
        }
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.rules = self.rules.with(switches)?;
        for shop in self.shops.values_mut() {
            shop.reckon_deadlines(&self.rules);
        }
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
            let id = 1_000_000_000 + i64::try_from(self.random.below(99_999_999)).unwrap_or(0);
            if !self.shops.contains_key(&id) {
                break id;
            }
        };
        let name = wish.name.clone().unwrap_or_else(|| format!("Shop {}", self.shops.len() + 1));
        let Some(mut shop) = Shop::new(ShopFacts { id, name, region: region.to_owned() }) else {
            let known: Vec<&str> = shops::REGIONS.iter().map(|region| region.code).collect();
            return Err(Refusal::senseless(format!("no such region {region:?}: use one of {}", known.join(", "))));
        };
        if wish.orders > 0 {
            seed::products(&mut shop, &mut self.random);
            let elsewhere: Vec<i64> =
                self.shops.values().flat_map(Shop::all).take(SHARED_IDS).map(|order| order.id).collect();
            seed::orders(&mut shop, wish.orders, &elsewhere, &mut self.random, &self.rules, moment.now);
        }
        // The printed credentials are a grant of their own.
        self.grants.make_grant(id, &self.rules, moment.now);
        let truth = life::shop_truth(&shop);
        self.shops.insert(id, shop);
        self.app_changed = true;
        moment.changed = true;
        Ok(truth)
    }

    fn make_grant(&mut self, shop: Option<&str>, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let seller = self.seller(shop)?;
        let code = self.grants.make_code(&self.app.app_key, seller, moment.now);
        let country = self.shops.get(&seller).map(|shop| shop.region.country);
        moment.changed = true;
        let seller = seller.to_string();
        Ok(json!({"code": code, "shop_id": seller, "seller_id": seller, "country": country}))
    }

    fn end_tokens(&mut self, wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let seller = self.seller(wish.shop.as_deref())?;
        let now = moment.now;
        let grants = self.grants.change(seller, |grant| match wish.action {
            TokenAction::ExpireAccess => grant.access_until = now,
            TokenAction::ExpireRefresh => {
                grant.access_until = now;
                grant.refresh_until = now;
            }
            TokenAction::Revoke => grant.revoked = true,
        });
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
                    Some(number) => Box::new(number.parse().ok().and_then(|id| shop.order(id)).into_iter()),
                    None => Box::new(shop.all()),
                };
                found.map(move |order| (shop, order))
            })
            .filter(|(_, order)| filter.status.as_ref().is_none_or(|status| order.status().name() == status))
            .take(most)
            .map(|(shop, order)| order.truth(shop))
            .collect()
    }

    fn make_orders(&mut self, wish: &OrderWish, moment: &mut Moment<'_>) -> Result<Vec<String>, Refusal> {
        if wish.count > MOST_ORDERS_MADE {
            return Err(Refusal::senseless(format!("at most {MOST_ORDERS_MADE} orders are made at once")));
        }
        let status = match wish.status.as_deref() {
            None => Status::Pending,
            Some(name) => Status::named(name)
                .ok_or_else(|| Refusal::senseless(format!("{name:?} is no item status of lazada")))?,
        };
        let fulfilment = match wish.fulfilled_by.as_deref() {
            None => Fulfilment::default(),
            Some(name) => Fulfilment::named(name).ok_or_else(|| {
                Refusal::senseless(format!("{name:?} is none of dropshipping, fbl, own_fleet, digital"))
            })?,
        };
        let seller = self.seller(wish.shop.as_deref())?;
        let no_lines = || Refusal::senseless("the shop has no product to make orders from: make a shop with orders");
        let Some(shop) = self.shops.get_mut(&seller) else { return Err(no_lines()) };
        let mut named = Vec::new();
        for line in wish.lines.iter().flatten() {
            let (product, sku) = shop
                .products
                .by_seller_sku(&line.sku)
                .ok_or_else(|| Refusal::unknown(format!("shop {seller} has no listing with SKU {:?}", line.sku)))?;
            if !(1..=MOST_UNITS_OF_A_LINE).contains(&line.quantity) {
                return Err(Refusal::senseless(format!("a line has 1 to {MOST_UNITS_OF_A_LINE} units")));
            }
            named.push((product, sku, line.quantity));
        }
        if named.is_empty() && shop.products.len() == 0 {
            return Err(no_lines());
        }
        let count = i64::from(wish.count);
        let mut numbers = Vec::new();
        for place in 0..count {
            let lines = if named.is_empty() { seed::random_lines(shop, &mut self.random) } else { named.clone() };
            let recipe = Recipe {
                status: if status == Status::Canceled { Status::Pending } else { status },
                created: moment.now - (count - 1 - place) * MADE_WITHIN_SECONDS.min(count - 1) / count.max(1),
                cod: wish.cod && status != Status::Unpaid,
                fulfilment,
                packages: wish.packages.unwrap_or(1),
                lines,
            };
            let mut order = seed::order(shop, &recipe, None, &mut self.random, moment.now);
            order.updated = recipe.created;
            for item in &mut order.items {
                item.updated = recipe.created;
                shop.products.order_one(item.product, item.sku, item.status.bucket());
            }
            if status == Status::Canceled {
                let all = order.places(|_| true);
                let reason = "Seller did not ship in time";
                order.cancel(&all, cancel::BY_PLATFORM, reason, &mut shop.products, moment.now);
            }
            let id = order.id;
            shop.put(order, &self.rules);
            shop.announce(id);
            numbers.push(id.to_string());
        }
        self.app_changed = true;
        moment.changed = true;
        self.send_pushes(moment);
        Ok(numbers)
    }

    fn buyer_cancels(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, order, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::buyer_cancels(shop, order, wish, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn buyer_withdraws(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, order, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::buyer_withdraws(shop, order, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let (shop, order, rules) = self.shop_with(wish.shop.as_deref(), number)?;
        let truth = life::advance(shop, order, wish, rules, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self, wanted: Option<&str>) -> Vec<Value> {
        let mut rows = Vec::new();
        for shop in self.shops.values().filter(|shop| wanted.is_none_or(|wanted| shop.id.to_string() == wanted)) {
            for product in shop.products.all() {
                for sku in &product.skus {
                    rows.push(json!({
                        "platform": NAME, "shop": shop.id.to_string(), "sku": sku.seller_sku,
                        "available": sku.sellable, "item_id": product.id, "sku_id": sku.id, "name": product.name,
                        "withheld": sku.withheld, "occupied": sku.occupied,
                    }));
                }
            }
        }
        rows
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let shop = self.shop(wish.shop.as_deref())?;
        let (product, sku) = shop
            .products
            .by_seller_sku(&wish.sku)
            .ok_or_else(|| Refusal::unknown(format!("shop {} has no listing with SKU {:?}", shop.id, wish.sku)))?;
        shop.products.offer(product, sku, wish.available);
        moment.changed = true;
        let available = shop.products.listing(product, sku).map(|(_, sku)| sku.sellable);
        Ok(json!({"shop": shop.id.to_string(), "sku": wish.sku, "available": available}))
    }

    fn import(&mut self, _export: Value, _moment: &mut Moment<'_>) -> Result<Imported, Refusal> {
        Err(Refusal::senseless("exports of lazada are not read: make orders, or a shop with orders"))
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
                    Changed::Product(product) => changes.put(NAME, &Written::Product(*id, product)),
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
        let no_shop = |id: i64| Unreadable(format!("shop {id} comes after what belongs to it"));
        match serde_json::from_str(record)? {
            Record::App(app) => self.app = app,
            Record::Rules(rules) => self.rules = rules,
            Record::Random(random) => self.random = random,
            Record::Shop(facts) => {
                let id = facts.id;
                if let Entry::Vacant(place) = self.shops.entry(id) {
                    let shop = Shop::new(facts).ok_or_else(|| Unreadable(format!("the region of shop {id}")))?;
                    place.insert(shop);
                }
            }
            Record::Product(id, product) => {
                self.shops.get_mut(&id).ok_or_else(|| no_shop(id))?.products.put(product);
            }
            Record::Order(id, order) => {
                self.shops.get_mut(&id).ok_or_else(|| no_shop(id))?.put(*order, &self.rules);
            }
            Record::Grant(grant) => self.grants.put(grant),
            Record::Code(code) => self.grants.put_code(code),
        }
        Ok(())
    }
}
