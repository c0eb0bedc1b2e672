//! A shop: its orders with their indexes, its listings, and the one way to change an order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::orders::{Due, Order};
use super::products::Products;
use super::rules::Rules;
use super::status::Status;

/// Orders whose state before their last write is kept for stale reads; older ones are dropped together.
const MOST_EARLIER_STATES: usize = 20_000;

/// A country's facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) code: &'static str,
    pub(super) currency: &'static str,
    /// Minor units in one unit of the currency, as prices are given there.
    pub(super) minor_units: i64,
    pub(super) location: &'static str,
    pub(super) channel_id: i64,
    /// Offset of the shop's day from UTC, in hours: order numbers start with it.
    pub(super) utc_offset_hours: i64,
    /// Minor units that are worth one ringgit, roughly: made-up prices are set in ringgit.
    pub(super) ringgit: i64,
}

/// The countries that a shop can be in. Currencies are ISO 4217; Shopee gives rupiah, dong and pesos as its samples
/// do (sheet section 1).
pub(super) const REGIONS: [Region; 7] = [
    Region {
        code: "MY",
        currency: "MYR",
        minor_units: 100,
        location: "MYZ",
        channel_id: 20_021,
        utc_offset_hours: 8,
        ringgit: 100,
    },
    Region {
        code: "ID",
        currency: "IDR",
        minor_units: 1,
        location: "IDZ",
        channel_id: 8_003,
        utc_offset_hours: 7,
        ringgit: 3500,
    },
    Region {
        code: "SG",
        currency: "SGD",
        minor_units: 100,
        location: "SGZ",
        channel_id: 10_007,
        utc_offset_hours: 8,
        ringgit: 30,
    },
    Region {
        code: "TH",
        currency: "THB",
        minor_units: 100,
        location: "THZ",
        channel_id: 70_021,
        utc_offset_hours: 7,
        ringgit: 780,
    },
    Region {
        code: "PH",
        currency: "PHP",
        minor_units: 100,
        location: "PHZ",
        channel_id: 40_021,
        utc_offset_hours: 8,
        ringgit: 1300,
    },
    Region {
        code: "VN",
        currency: "VND",
        minor_units: 1,
        location: "VNZ",
        channel_id: 50_021,
        utc_offset_hours: 7,
        ringgit: 5800,
    },
    Region {
        code: "TW",
        currency: "TWD",
        minor_units: 1,
        location: "TWZ",
        channel_id: 30_021,
        utc_offset_hours: 8,
        ringgit: 7,
    },
];

/// A country by its two letters.
pub(super) fn region(code: &str) -> Option<Region> {
    REGIONS.into_iter().find(|region| region.code == code)
}

/// What the journal keeps of a shop beside orders and items.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShopFacts {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) opened: i64,
}

/// A page of orders that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// By `update_time`, else by `create_time`.
    pub(super) by_update: bool,
    /// The window, both ends included, in seconds since 1970.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) status: Option<Status>,
    /// `PENDING` is known to whoever asks.
    pub(super) pending: bool,
    /// The last order of the page before: its time and place.
    pub(super) after: Option<(i64, u32)>,
    pub(super) most: usize,
}

/// A push to be sent.
#[derive(Debug)]
pub(super) struct PushDraft {
    pub(super) shop_id: Option<i64>,
    pub(super) code: u32,
    pub(super) data: Value,
}

/// A shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) region: &'static str,
    pub(super) currency: &'static str,
    pub(super) location: &'static str,
    pub(super) channel_id: i64,
    pub(super) minor_units: i64,
    pub(super) utc_offset_hours: i64,
    pub(super) ringgit: i64,
    pub(super) opened: i64,
    pub(super) products: Products,
    orders: Vec<Order>,
    numbers: HashMap<Arc<str>, u32>,
    packages: HashMap<Arc<str>, u32>,
    by_update: BTreeSet<(i64, u32)>,
    by_create: BTreeSet<(i64, u32)>,
    by_status: BTreeSet<(Status, i64, u32)>,
    due: BTreeSet<(i64, u32)>,
    earlier: HashMap<u32, (Instant, Box<Order>)>,
    changed: HashSet<u32>,
    facts_changed: bool,
    pub(super) outbox: Vec<PushDraft>,
}

impl Shop {
    /// A new shop without products and orders.
    pub(super) fn new(facts: ShopFacts) -> Option<Shop> {
        let region = region(&facts.region)?;
        Some(Shop {
            id: facts.id,
            name: facts.name,
            region: region.code,
            currency: region.currency,
            location: region.location,
            channel_id: region.channel_id,
            minor_units: region.minor_units,
            utc_offset_hours: region.utc_offset_hours,
            ringgit: region.ringgit,
            opened: facts.opened,
            products: Products::default(),
            orders: Vec::new(),
            numbers: HashMap::new(),
            packages: HashMap::new(),
            by_update: BTreeSet::new(),
            by_create: BTreeSet::new(),
            by_status: BTreeSet::new(),
            due: BTreeSet::new(),
            earlier: HashMap::new(),
            changed: HashSet::new(),
            facts_changed: true,
            outbox: Vec::new(),
        })
    }

    /// What the journal keeps beside orders and items.
    pub(super) fn facts(&self) -> ShopFacts {
        ShopFacts { id: self.id, name: self.name.clone(), region: self.region.to_owned(), opened: self.opened }
    }

    /// An empty shop moves to another country: an import brings its own currency.
    pub(super) fn move_to(&mut self, region: Region) {
        self.region = region.code;
        self.currency = region.currency;
        self.location = region.location;
        self.channel_id = region.channel_id;
        self.minor_units = region.minor_units;
        self.utc_offset_hours = region.utc_offset_hours;
        self.ringgit = region.ringgit;
        self.facts_changed = true;
    }

    /// No product and no order yet.
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.products.len() == 0
    }

    /// Money as the API writes it: a number in the currency, not in minor units (section 1).
    pub(super) fn money(&self, minor: i64) -> Value {
        if self.minor_units == 1 { json!(minor) } else { json!(minor as f64 / self.minor_units as f64) }
    }

    /// The number of orders.
    pub(super) fn order_count(&self) -> usize {
        self.orders.len()
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
        let place = *self.numbers.get(number)?;
        self.seen(place, stale)
    }

    fn seen(&self, place: u32, stale: Option<Duration>) -> Option<&Order> {
        if let (Some(window), Some((written, before))) = (stale, self.earlier.get(&place))
            && written.elapsed() < window
        {
            return Some(before);
        }
        self.orders.get(place as usize)
    }

    /// The order that a package belongs to.
    pub(super) fn order_of_package(&self, package: &str) -> Option<Arc<str>> {
        let place = *self.packages.get(package)?;
        self.orders.get(place as usize).map(|order| Arc::clone(&order.number))
    }

    /// A number that is free.
    pub(super) fn is_free(&self, number: &str) -> bool {
        !self.numbers.contains_key(number)
    }

    /// A package number that is free.
    pub(super) fn is_free_package(&self, number: &str) -> bool {
        !self.packages.contains_key(number)
    }

    /// A page of orders by time, ascending, and where the next page starts.
    pub(super) fn list(&self, page: &Page, stale: Option<Duration>) -> (Vec<&Order>, Option<(i64, u32)>) {
        let Page { by_update, from, to, status, pending, after, most } = *page;
        // Whoever does not ask for PENDING sees held orders as ready to ship.
        let matches = |order: &Order| status.is_none_or(|status| order.status.shown(pending) == status);
        let hidden_pending = status == Some(Status::ReadyToShip) && !pending;
        let places: Box<dyn Iterator<Item = (i64, u32)> + '_> = match status {
            Some(status) if by_update && !hidden_pending => {
                let start = after
                    .map_or(Bound::Included((status, from, 0)), |(at, place)| Bound::Excluded((status, at, place)));
                let range = self.by_status.range((start, Bound::Included((status, to, u32::MAX))));
                Box::new(range.map(|(_, at, place)| (*at, *place)))
            }
            _ => {
                let index = if by_update { &self.by_update } else { &self.by_create };
                let start = after.map_or(Bound::Included((from, 0)), Bound::Excluded);
                Box::new(index.range((start, Bound::Included((to, u32::MAX)))).copied())
            }
        };
        let mut found = Vec::new();
        let mut last = None;
        for key in places.filter(|(at, _)| (from..=to).contains(at)) {
            let Some(order) = self.seen(key.1, stale) else { continue };
            let time = if by_update { order.updated } else { order.created };
            if !(from..=to).contains(&time) || !matches(order) {
                continue;
            }
            if found.len() == most {
                return (found, last);
            }
            found.push(order);
            last = Some(key);
        }
        (found, None)
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
        let place = match self.numbers.get(&order.number) {
            Some(place) => {
                let place = *place;
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
        self.by_status.insert((order.status, order.updated, place));
        if let Some((at, _)) = order.due {
            self.due.insert((at, place));
        }
        for package in &order.packages {
            self.packages.insert(Arc::clone(&package.number), place);
        }
    }

    fn remove_from_indexes(&mut self, place: u32) {
        let order = &self.orders[place as usize];
        self.by_update.remove(&(order.updated, place));
        self.by_create.remove(&(order.created, place));
        self.by_status.remove(&(order.status, order.updated, place));
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
        if order.status != before.status {
            order.due = order.next_due(rules, now);
        }
        draft_pushes(&mut self.outbox, self.id, &before, order);
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

    /// Drafts the first push of an order.
    pub(super) fn announce(&mut self, number: &str) {
        let Some(order) = self.order(number).filter(|order| order.status != Status::Pending) else { return };
        let draft = status_push(self.id, order);
        self.outbox.push(draft);
    }

    /// Hands out what changed since the last time.
    pub(super) fn take_changes(&mut self, mut keep: impl FnMut(Changed<'_>)) {
        if std::mem::take(&mut self.facts_changed) {
            keep(Changed::Facts(self.facts()));
        }
        for item in self.products.take_changed() {
            keep(Changed::Item(item));
        }
        let mut places: Vec<u32> = std::mem::take(&mut self.changed).into_iter().collect();
        places.sort_unstable();
        for place in places {
            if let Some(order) = self.orders.get(place as usize) {
                keep(Changed::Order(order));
            }
        }
    }

    /// Marks everything as changed.
    pub(super) fn mark_all(&mut self) {
        self.facts_changed = true;
        self.products.mark_all();
        self.changed = (0..u32::try_from(self.orders.len()).unwrap_or(u32::MAX)).collect();
    }
}

/// A changed entity.
pub(super) enum Changed<'a> {
    Facts(ShopFacts),
    Item(super::products::Item),
    Order(&'a Order),
}

/// Pushes 3, 4 and 30 tell of a change (section 12.3).
fn draft_pushes(outbox: &mut Vec<PushDraft>, shop_id: i64, before: &Order, order: &Order) {
    if order.status != before.status && order.status != Status::Pending {
        outbox.push(status_push(shop_id, order));
    }
    for (place, package) in order.packages.iter().enumerate() {
        let earlier = before.packages.get(place);
        if earlier.is_none_or(|earlier| earlier.status != package.status) {
            let data = json!({
                "ordersn": &*order.number, "package_number": &*package.number,
                "fulfillment_status": package.status.name(), "update_time": order.updated,
            });
            outbox.push(PushDraft { shop_id: Some(shop_id), code: 30, data });
        }
        if let Some(tracking) = &package.tracking
            && earlier.is_none_or(|earlier| earlier.tracking.is_none())
        {
            let data = json!({
                "ordersn": &*order.number, "forder_id": "", "package_number": &*package.number,
                "tracking_no": &**tracking,
            });
            outbox.push(PushDraft { shop_id: Some(shop_id), code: 4, data });
        }
    }
}

fn status_push(shop_id: i64, order: &Order) -> PushDraft {
    let scenario = if order.status == Status::Completed { "NORMAL" } else { "" };
    let data = json!({
        "items": [], "ordersn": &*order.number, "status": order.status.name(),
        "completed_scenario": scenario, "update_time": order.updated,
    });
    PushDraft { shop_id: Some(shop_id), code: 3, data }
}
