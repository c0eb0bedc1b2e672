//! A shop: its orders with their indexes, its listings, and the one way to change an order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::orders::{Due, Order};
use super::products::{Product, Products};
use super::rules::Rules;
use super::status::Status;

/// Orders whose state before their last write is kept for stale reads; older ones are dropped together.
const MOST_EARLIER_STATES: usize = 20_000;

/// A market's facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) code: &'static str,
    pub(super) currency: &'static str,
    /// Minor units in one unit of the currency.
    minor_units: i64,
    /// Minor units that are worth one ringgit, roughly: made-up prices are set in ringgit.
    pub(super) ringgit: i64,
}

/// The markets that a shop can be in.
pub(super) const REGIONS: [Region; 8] = [
    Region { code: "ID", currency: "IDR", minor_units: 1, ringgit: 3_500 },
    Region { code: "MY", currency: "MYR", minor_units: 100, ringgit: 100 },
    Region { code: "SG", currency: "SGD", minor_units: 100, ringgit: 30 },
    Region { code: "TH", currency: "THB", minor_units: 100, ringgit: 780 },
    Region { code: "PH", currency: "PHP", minor_units: 100, ringgit: 1_300 },
    Region { code: "VN", currency: "VND", minor_units: 1, ringgit: 5_800 },
    Region { code: "GB", currency: "GBP", minor_units: 100, ringgit: 18 },
    Region { code: "US", currency: "USD", minor_units: 100, ringgit: 24 },
];

impl Region {
    /// Money as the API writes it: a text of digits.
    pub(super) fn money(&self, minor: i64) -> String {
        if self.minor_units == 1 {
            return minor.to_string();
        }
        let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
        let units = self.minor_units.unsigned_abs();
        format!("{sign}{}.{:02}", minor / units, minor % units)
    }
}

/// What the journal keeps of a shop beside orders and products.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShopFacts {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) cipher: String,
    pub(super) opened: i64,
}

/// A page of orders that is wanted. Windows leave their end out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// By `update_time`, else by `create_time`.
    pub(super) by_update: bool,
    pub(super) descending: bool,
    pub(super) created: (i64, i64),
    pub(super) updated: (i64, i64),
    pub(super) status: Option<Status>,
    /// A buyer's request waits, or none does.
    pub(super) requested: Option<bool>,
    /// The last order of the page before: its time and place.
    pub(super) after: Option<(i64, u32)>,
    pub(super) most: usize,
}

impl Page {
    fn takes(&self, order: &Order) -> bool {
        let within = |(from, to): (i64, i64), at: i64| (from..to).contains(&at);
        within(self.created, order.created)
            && within(self.updated, order.updated)
            && self.status.is_none_or(|status| order.status == status)
            && self.requested.is_none_or(|wanted| order.pending().is_some() == wanted)
    }
}

/// Where a page goes on.
fn token((at, place): (i64, u32)) -> String {
    format!("{at:x}.{place:x}")
}

/// Reads what [`token`] wrote.
pub(super) fn read_token(token: &str) -> Option<(i64, u32)> {
    let (at, place) = token.split_once('.')?;
    Some((i64::from_str_radix(at, 16).ok()?, u32::from_str_radix(place, 16).ok()?))
}

/// A push to be sent.
#[derive(Debug)]
pub(super) struct PushDraft {
    pub(super) shop: String,
    pub(super) kind: u32,
    pub(super) data: Value,
}

/// A shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: Region,
    /// What every call about the shop carries.
    pub(super) cipher: String,
    opened: i64,
    pub(super) products: Products,
    orders: Vec<Order>,
    numbers: HashMap<Arc<str>, u32>,
    packages: HashMap<Arc<str>, u32>,
    cancellations: HashMap<Arc<str>, u32>,
    by_update: BTreeSet<(i64, u32)>,
    by_create: BTreeSet<(i64, u32)>,
    due: BTreeSet<(i64, u32)>,
    earlier: HashMap<u32, (Instant, Box<Order>)>,
    changed: HashSet<u32>,
    facts_changed: bool,
    pub(super) outbox: Vec<PushDraft>,
}

/// A changed entity.
pub(super) enum Changed<'a> {
    Facts(ShopFacts),
    Product(Product),
    Order(&'a Order),
}

impl Shop {
    /// A new shop without products and orders.
    pub(super) fn new(facts: ShopFacts) -> Option<Shop> {
        let region = REGIONS.into_iter().find(|region| region.code == facts.region)?;
        Some(Shop {
            id: facts.id,
            name: facts.name,
            region,
            cipher: facts.cipher,
            opened: facts.opened,
            products: Products::default(),
            orders: Vec::new(),
            numbers: HashMap::new(),
            packages: HashMap::new(),
            cancellations: HashMap::new(),
            by_update: BTreeSet::new(),
            by_create: BTreeSet::new(),
            due: BTreeSet::new(),
            earlier: HashMap::new(),
            changed: HashSet::new(),
            facts_changed: true,
            outbox: Vec::new(),
        })
    }

    fn facts(&self) -> ShopFacts {
        let (id, name, cipher) = (self.id.clone(), self.name.clone(), self.cipher.clone());
        ShopFacts { id, name, region: self.region.code.to_owned(), cipher, opened: self.opened }
    }

    /// What the control port shows.
    pub(super) fn truth(&self) -> Value {
        json!({
            "platform": super::NAME, "shop": self.id, "name": self.name, "region": self.region.code,
            "currency": self.region.currency, "orders": self.orders.len(), "products": self.products.len(),
        })
    }

    /// The only warehouse.
    pub(super) fn warehouse(&self) -> String {
        format!("74{}", self.id.get(2..).unwrap_or_default())
    }

    /// All orders in the order in which they came in.
    pub(super) fn all(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter()
    }

    /// An order as it is.
    pub(super) fn order(&self, number: &str) -> Option<&Order> {
        self.numbers.get(number).and_then(|place| self.orders.get(*place as usize))
    }

    /// An order as a read sees it: with `stale`, from before a write that is not older than that.
    pub(super) fn view(&self, number: &str, stale: Option<Duration>) -> Option<&Order> {
        self.seen(*self.numbers.get(number)?, stale)
    }

    fn seen(&self, place: u32, stale: Option<Duration>) -> Option<&Order> {
        if let (Some(window), Some((written, before))) = (stale, self.earlier.get(&place))
            && written.elapsed() < window
        {
            return Some(before);
        }
        self.orders.get(place as usize)
    }

    fn number_at(&self, place: Option<&u32>) -> Option<Arc<str>> {
        self.orders.get(*place? as usize).map(|order| Arc::clone(&order.number))
    }

    /// The order that a package belongs to.
    pub(super) fn order_of_package(&self, package: &str) -> Option<Arc<str>> {
        self.number_at(self.packages.get(package))
    }

    /// The order that a cancellation belongs to.
    pub(super) fn order_of_cancellation(&self, cancellation: &str) -> Option<Arc<str>> {
        self.number_at(self.cancellations.get(cancellation))
    }

    /// A number that no order has.
    pub(super) fn is_free(&self, number: &str) -> bool {
        !self.numbers.contains_key(number)
    }

    /// A page of orders, where the next one starts, and how many there are over all pages.
    pub(super) fn list(&self, page: &Page, stale: Option<Duration>) -> (Vec<&Order>, Option<String>, usize) {
        let index = if page.by_update { &self.by_update } else { &self.by_create };
        let (from, to) = if page.by_update { page.updated } else { page.created };
        let keys = index.range((from, 0)..(to.max(from), 0)).copied();
        let ordered: Box<dyn Iterator<Item = (i64, u32)>> =
            if page.descending { Box::new(keys.rev()) } else { Box::new(keys) };
        let after = |key: &(i64, u32)| match page.after {
            None => true,
            Some(last) if page.descending => *key < last,
            Some(last) => *key > last,
        };
        let (mut found, mut last, mut more, mut total) = (Vec::new(), None, false, 0);
        for key in ordered {
            let Some(order) = self.seen(key.1, stale).filter(|order| page.takes(order)) else { continue };
            total += 1;
            if !after(&key) {
                continue;
            }
            if found.len() == page.most {
                more = true;
                continue;
            }
            found.push(order);
            last = Some(key);
        }
        (found, last.filter(|_| more).map(token), total)
    }

    /// Takes in an order that is new here.
    pub(super) fn add(&mut self, mut order: Order, rules: &Rules, now: i64) {
        if order.due.is_none() {
            order.due = order.next_due(rules, now);
        }
        self.put(order);
    }

    /// Takes in an order as it is, replacing an earlier state.
    pub(super) fn put(&mut self, order: Order) {
        let place = match self.numbers.get(&order.number).copied() {
            Some(place) => {
                self.remove_from_indexes(place);
                self.orders[place as usize] = order;
                place
            }
            None => {
                let place = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
                self.numbers.insert(Arc::clone(&order.number), place);
                self.orders.push(order);
                place
            }
        };
        self.add_to_indexes(place);
        self.changed.insert(place);
    }

    fn add_to_indexes(&mut self, place: u32) {
        let order = &self.orders[place as usize];
        self.by_update.insert((order.updated, place));
        self.by_create.insert((order.created, place));
        if let Some((at, _)) = order.due {
            self.due.insert((at, place));
        }
        for package in &order.packages {
            self.packages.insert(Arc::clone(&package.id), place);
        }
        for cancellation in &order.cancellations {
            self.cancellations.insert(Arc::clone(&cancellation.id), place);
        }
    }

    fn remove_from_indexes(&mut self, place: u32) {
        let order = &self.orders[place as usize];
        self.by_update.remove(&(order.updated, place));
        self.by_create.remove(&(order.created, place));
        if let Some((at, _)) = order.due {
            self.due.remove(&(at, place));
        }
    }

    /// Changes an order: `update_time` moves strictly, its deadline follows its state, stale reads can see what it
    /// was, and the pushes that tell of it are drafted.
    pub(super) fn change<R>(
        &mut self,
        number: &str,
        rules: &Rules,
        now: i64,
        change: impl FnOnce(&mut Order, &mut Products) -> R,
    ) -> Option<R> {
        let place = *self.numbers.get(number)?;
        self.remove_from_indexes(place);
        let order = &mut self.orders[place as usize];
        let before = Box::new(order.clone());
        let answer = change(order, &mut self.products);
        order.updated = now.max(before.updated + 1);
        let asked = order.pending().is_some() != before.pending().is_some();
        if (order.status != before.status || asked) && !matches!(order.due, Some((_, Due::CancelSettles))) {
            order.due = order.next_due(rules, now);
        }
        draft_pushes(&mut self.outbox, &self.id, Some(&before), order);
        self.add_to_indexes(place);
        self.changed.insert(place);
        if self.earlier.len() >= MOST_EARLIER_STATES {
            self.earlier.clear();
        }
        self.earlier.insert(place, (Instant::now(), before));
        Some(answer)
    }

    /// The next order whose deadline has passed, with what is due.
    pub(super) fn take_due(&mut self, now: i64) -> Option<(Arc<str>, Due)> {
        let (at, place) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.remove(&(at, place));
        let order = self.orders.get_mut(place as usize)?;
        self.changed.insert(place);
        let (_, due) = order.due.take()?;
        Some((Arc::clone(&order.number), due))
    }

    /// Drafts the first pushes of an order.
    pub(super) fn announce(&mut self, number: &str) {
        if let Some(place) = self.numbers.get(number) {
            draft_pushes(&mut self.outbox, &self.id, None, &self.orders[*place as usize]);
        }
    }

    /// Hands out what changed since the last time.
    pub(super) fn take_changes(&mut self, mut keep: impl FnMut(Changed<'_>)) {
        if std::mem::take(&mut self.facts_changed) {
            keep(Changed::Facts(self.facts()));
        }
        self.products.take_changed().into_iter().for_each(|product| keep(Changed::Product(product)));
        let mut places: Vec<u32> = std::mem::take(&mut self.changed).into_iter().collect();
        places.sort_unstable();
        for place in places {
            self.orders.get(place as usize).into_iter().for_each(|order| keep(Changed::Order(order)));
        }
    }

    /// Marks everything as changed.
    pub(super) fn mark_all(&mut self) {
        self.facts_changed = true;
        self.products.mark_all();
        self.changed = (0..u32::try_from(self.orders.len()).unwrap_or(u32::MAX)).collect();
    }
}

/// Pushes 1 and 11 tell of a change (section 8).
fn draft_pushes(outbox: &mut Vec<PushDraft>, shop: &str, before: Option<&Order>, order: &Order) {
    if before.is_none_or(|before| before.status != order.status) {
        let data = json!({
            "is_on_hold_order": order.status == Status::OnHold, "order_id": &*order.number,
            "order_status": order.status.pushed(), "update_time": order.updated,
        });
        outbox.push(PushDraft { shop: shop.to_owned(), kind: 1, data });
    }
    for (place, cancellation) in order.cancellations.iter().enumerate() {
        let known = before.and_then(|before| before.cancellations.get(place));
        if known.is_none_or(|known| known.status != cancellation.status) {
            let data = json!({
                "order_id": &*order.number, "cancellations_role": cancellation.role.name(),
                "cancel_status": cancellation.status.name(false), "cancel_id": &*cancellation.id,
                "create_time": cancellation.created,
            });
            outbox.push(PushDraft { shop: shop.to_owned(), kind: 11, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_a_text_with_the_currency_s_decimals() {
        let money = |code: &str, minor: i64| {
            REGIONS.iter().find(|region| region.code == code).map(|region| region.money(minor)).unwrap()
        };
        assert_eq!(money("ID", 99_500), "99500");
        assert_eq!(money("MY", 2_670), "26.70");
        assert_eq!(money("MY", -5), "-0.05");
    }
}
