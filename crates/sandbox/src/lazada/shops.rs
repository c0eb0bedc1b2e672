//! A shop: its orders with their indexes, its listings, and the one way to change an order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::orders::{Item, Order, Reverse, ReverseStage};
use super::products::{Product, Products};
use super::rules::Rules;
use super::status::Status;

/// Orders whose state before their last write is kept for stale reads; older ones are dropped together.
const MOST_EARLIER_STATES: usize = 20_000;

/// A country's facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// As the control port and Lazada's SKU codes write it.
    pub(super) code: &'static str,
    /// As tokens and pushes write it.
    pub(super) country: &'static str,
    pub(super) name: &'static str,
    pub(super) currency: &'static str,
    /// Minor units in one unit of the currency.
    pub(super) minor_units: i64,
    /// Offset of the shop's day from UTC, in hours.
    pub(super) utc_offset_hours: i64,
    /// Minor units that are worth one ringgit, roughly: made-up prices are set in ringgit.
    pub(super) ringgit: i64,
    pub(super) provider: &'static str,
}

/// The six countries (section 1).
pub(super) const REGIONS: [Region; 6] = [
    Region {
        code: "MY",
        country: "my",
        name: "Malaysia",
        currency: "MYR",
        minor_units: 100,
        utc_offset_hours: 8,
        ringgit: 100,
        provider: "LEX MY",
    },
    Region {
        code: "SG",
        country: "sg",
        name: "Singapore",
        currency: "SGD",
        minor_units: 100,
        utc_offset_hours: 8,
        ringgit: 30,
        provider: "LEX SG",
    },
    Region {
        code: "TH",
        country: "th",
        name: "Thailand",
        currency: "THB",
        minor_units: 100,
        utc_offset_hours: 7,
        ringgit: 780,
        provider: "LEX TH",
    },
    Region {
        code: "VN",
        country: "vn",
        name: "Vietnam",
        currency: "VND",
        minor_units: 1,
        utc_offset_hours: 7,
        ringgit: 5800,
        provider: "LEX VN",
    },
    Region {
        code: "PH",
        country: "ph",
        name: "Philippines",
        currency: "PHP",
        minor_units: 100,
        utc_offset_hours: 8,
        ringgit: 1300,
        provider: "LEX PH",
    },
    Region {
        code: "ID",
        country: "id",
        name: "Indonesia",
        currency: "IDR",
        minor_units: 1,
        utc_offset_hours: 7,
        ringgit: 3500,
        provider: "LEX ID",
    },
];

/// A country by its two letters.
pub(super) fn region(code: &str) -> Option<Region> {
    REGIONS.into_iter().find(|region| region.code == code)
}

/// What the journal keeps of a shop beside orders and products.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShopFacts {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) region: String,
}

/// The orders that a list wants.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// Both ends included, in seconds since 1970.
    pub(super) created: (Option<i64>, Option<i64>),
    pub(super) updated: (Option<i64>, Option<i64>),
    pub(super) statuses: Option<Vec<Status>>,
    pub(super) by_update: bool,
    pub(super) ascending: bool,
}

/// A push to be sent.
#[derive(Debug)]
pub(super) struct PushDraft {
    pub(super) message_type: u32,
    pub(super) data: Value,
}

/// A shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) region: Region,
    pub(super) products: Products,
    orders: Vec<Order>,
    numbers: HashMap<i64, u32>,
    items: HashMap<i64, u32>,
    packages: HashMap<std::sync::Arc<str>, u32>,
    reverses: BTreeMap<i64, u32>,
    by_update: BTreeSet<(i64, u32)>,
    by_create: BTreeSet<(i64, u32)>,
    due: BTreeSet<(i64, u32)>,
    due_of: HashMap<u32, i64>,
    earlier: HashMap<u32, (Instant, Box<Order>)>,
    changed: HashSet<u32>,
    facts_changed: bool,
    pub(super) outbox: Vec<PushDraft>,
}

impl Shop {
    /// A new shop without products and orders.
    pub(super) fn new(facts: ShopFacts) -> Option<Shop> {
        Some(Shop {
            id: facts.id,
            name: facts.name,
            region: region(&facts.region)?,
            products: Products::default(),
            orders: Vec::new(),
            numbers: HashMap::new(),
            items: HashMap::new(),
            packages: HashMap::new(),
            reverses: BTreeMap::new(),
            by_update: BTreeSet::new(),
            by_create: BTreeSet::new(),
            due: BTreeSet::new(),
            due_of: HashMap::new(),
            earlier: HashMap::new(),
            changed: HashSet::new(),
            facts_changed: true,
            outbox: Vec::new(),
        })
    }

    /// What the journal keeps beside orders and products.
    pub(super) fn facts(&self) -> ShopFacts {
        ShopFacts { id: self.id, name: self.name.clone(), region: self.region.code.to_owned() }
    }

    /// Money as a JSON number in the currency, not in minor units.
    pub(super) fn money(&self, minor: i64) -> Value {
        match self.region.minor_units {
            1 => json!(minor),
            units => json!(minor as f64 / units as f64),
        }
    }

    /// Money as a text with two decimals, as `price` of an order is written.
    pub(super) fn decimal(&self, minor: i64) -> String {
        let units = self.region.minor_units;
        format!("{}.{:02}", minor / units, minor % units * (100 / units) % 100)
    }

    /// A moment as Lazada writes it: `2026-01-05 14:16:45 +0800`.
    pub(super) fn written(&self, at: i64) -> String {
        format!("{} +0{}00", self.local(at, "%Y-%m-%d %H:%M:%S"), self.region.utc_offset_hours)
    }

    /// A moment in ISO 8601.
    pub(super) fn iso(&self, at: i64) -> String {
        format!("{}+0{}:00", self.local(at, "%Y-%m-%dT%H:%M:%S"), self.region.utc_offset_hours)
    }

    fn local(&self, at: i64, form: &str) -> String {
        let local = at.saturating_add(self.region.utc_offset_hours * 3_600);
        jiff::Timestamp::from_second(local).map(|moment| moment.strftime(form).to_string()).unwrap_or_default()
    }

    /// The number of orders.
    pub(super) fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// All orders in the order in which they came in.
    pub(super) fn all(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter()
    }

    fn at(&self, place: Option<&u32>) -> Option<&Order> {
        place.and_then(|place| self.orders.get(*place as usize))
    }

    /// An order as it is.
    pub(super) fn order(&self, id: i64) -> Option<&Order> {
        self.at(self.numbers.get(&id))
    }

    /// An order as a read sees it: with `stale`, from before a write that is not older than that.
    pub(super) fn view(&self, id: i64, stale: Option<Duration>) -> Option<&Order> {
        let place = *self.numbers.get(&id)?;
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

    /// The order of an item.
    pub(super) fn order_of_item(&self, item: i64) -> Option<&Order> {
        self.at(self.items.get(&item))
    }

    /// The order of a parcel, with the parcel's place in it.
    pub(super) fn order_of_package(&self, package: &str) -> Option<(&Order, usize)> {
        let order = self.at(self.packages.get(package))?;
        let place = order.packages.iter().position(|known| &*known.id == package)?;
        Some((order, place))
    }

    /// The order of a reverse order.
    pub(super) fn order_of_reverse(&self, reverse: i64) -> Option<&Order> {
        self.at(self.reverses.get(&reverse))
    }

    /// The reverse orders, newest first, each with its order.
    pub(super) fn reverses(&self) -> impl Iterator<Item = (i64, &Order)> {
        self.reverses.iter().rev().filter_map(|(id, place)| Some((*id, self.orders.get(*place as usize)?)))
    }

    /// An order id that is free here.
    pub(super) fn is_free(&self, id: i64) -> bool {
        !self.numbers.contains_key(&id)
    }

    /// An item id that is free here.
    pub(super) fn is_free_item(&self, id: i64) -> bool {
        !self.items.contains_key(&id)
    }

    /// A parcel that is free.
    pub(super) fn is_free_package(&self, id: &str) -> bool {
        !self.packages.contains_key(id)
    }

    /// A page of a list, and how many orders there are in all.
    pub(super) fn list(&self, query: &Query, offset: i64, limit: i64, stale: Option<Duration>) -> (Vec<&Order>, usize) {
        let within = |at: i64, (from, to): (Option<i64>, Option<i64>)| {
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
        };
        let (index, bounds) =
            if query.by_update { (&self.by_update, query.updated) } else { (&self.by_create, query.created) };
        let (from, to) = (bounds.0.unwrap_or(i64::MIN), bounds.1.unwrap_or(i64::MAX));
        if from > to {
            return (Vec::new(), 0);
        }
        let range = index.range((from, 0)..=(to, u32::MAX));
        let places: Box<dyn Iterator<Item = &(i64, u32)> + '_> =
            if query.ascending { Box::new(range) } else { Box::new(range.rev()) };
        let (first, most) = (usize::try_from(offset).unwrap_or(0), usize::try_from(limit).unwrap_or(0));
        let (mut found, mut all) = (Vec::new(), 0);
        for (_, place) in places {
            let Some(order) = self.seen(*place, stale) else { continue };
            let wanted = within(order.created, query.created)
                && within(order.updated, query.updated)
                && query
                    .statuses
                    .as_ref()
                    .is_none_or(|statuses| order.items.iter().any(|item| statuses.contains(&item.status)));
            if !wanted {
                continue;
            }
            if all >= first && found.len() < most {
                found.push(order);
            }
            all += 1;
        }
        (found, all)
    }

    /// Takes in an order as it is, replacing an earlier state.
    pub(super) fn put(&mut self, order: Order, rules: &Rules) {
        let place = match self.numbers.get(&order.id) {
            Some(place) => {
                let place = *place;
                self.remove_from_indexes(place);
                self.orders[place as usize] = order;
                place
            }
            None => {
                let place = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
                self.numbers.insert(order.id, place);
                self.orders.push(order);
                place
            }
        };
        self.add_to_indexes(place, rules);
        self.changed.insert(place);
    }

    fn add_to_indexes(&mut self, place: u32, rules: &Rules) {
        let order = &self.orders[place as usize];
        self.by_update.insert((order.updated, place));
        self.by_create.insert((order.created, place));
        if let Some(at) = order.next_due(rules) {
            self.due.insert((at, place));
            self.due_of.insert(place, at);
        }
        for item in &order.items {
            self.items.insert(item.id, place);
            if let Some(reverse) = &item.reverse {
                self.reverses.insert(reverse.id, place);
            }
        }
        for package in &order.packages {
            self.packages.insert(std::sync::Arc::clone(&package.id), place);
        }
    }

    fn remove_from_indexes(&mut self, place: u32) {
        let order = &self.orders[place as usize];
        self.by_update.remove(&(order.updated, place));
        self.by_create.remove(&(order.created, place));
        if let Some(at) = self.due_of.remove(&place) {
            self.due.remove(&(at, place));
        }
    }

    /// Changes an order: its times move strictly, its deadlines follow its state, stale reads can see what it was, and
    /// the pushes that tell of it are drafted.
    pub(super) fn change<R>(
        &mut self,
        id: i64,
        rules: &Rules,
        now: i64,
        change: impl FnOnce(&mut Order, &mut Products) -> R,
    ) -> Option<R> {
        let place = *self.numbers.get(&id)?;
        self.remove_from_indexes(place);
        let order = &mut self.orders[place as usize];
        let before = Box::new(order.clone());
        let answer = change(order, &mut self.products);
        order.updated = now.max(before.updated + 1);
        let moved = order.updated;
        for (item, earlier) in order.items.iter_mut().zip(&before.items) {
            if item != earlier {
                item.updated = moved;
            }
        }
        draft_pushes(&mut self.outbox, &before, order);
        self.add_to_indexes(place, rules);
        self.changed.insert(place);
        if self.earlier.len() >= MOST_EARLIER_STATES {
            self.earlier.clear();
        }
        self.earlier.insert(place, (Instant::now(), before));
        Some(answer)
    }

    /// The next order for which a moment has passed.
    pub(super) fn take_due(&mut self, now: i64) -> Option<i64> {
        let (at, place) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.remove(&(at, place));
        self.due_of.remove(&place);
        self.orders.get(place as usize).map(|order| order.id)
    }

    /// Follows changed rules.
    pub(super) fn reckon_deadlines(&mut self, rules: &Rules) {
        self.due.clear();
        self.due_of.clear();
        for (place, order) in (0_u32..).zip(&self.orders) {
            if let Some(at) = order.next_due(rules) {
                self.due.insert((at, place));
                self.due_of.insert(place, at);
            }
        }
    }

    /// Drafts the first pushes of an order: one for each item.
    pub(super) fn announce(&mut self, id: i64) {
        let Some(order) = self.order(id) else { return };
        let drafts: Vec<PushDraft> = order.items.iter().map(|item| item_push(order, item)).collect();
        self.outbox.extend(drafts);
    }

    /// Hands out what changed since the last time.
    pub(super) fn take_changes(&mut self, mut keep: impl FnMut(Changed<'_>)) {
        if std::mem::take(&mut self.facts_changed) {
            keep(Changed::Facts(self.facts()));
        }
        for product in self.products.take_changed() {
            keep(Changed::Product(product));
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
    Product(Product),
    Order(&'a Order),
}

/// Message types 0, 10 and 14 tell of a change (section 10).
fn draft_pushes(outbox: &mut Vec<PushDraft>, before: &Order, order: &Order) {
    let mut told: Vec<(usize, Status)> = Vec::new();
    for (item, earlier) in order.items.iter().zip(&before.items) {
        if item.status != earlier.status {
            outbox.push(item_push(order, item));
        }
        if let Some(reverse) = item.reverse.as_ref().filter(|reverse| earlier.reverse.as_ref() != Some(*reverse)) {
            outbox.extend(reverse_push(order, item, reverse));
        }
        let Some(place) = item.package.filter(|_| item.status != earlier.status) else { continue };
        if told.contains(&(place, item.status)) {
            continue;
        }
        told.push((place, item.status));
        if let (Some(package), Some(word)) = (order.packages.get(place), item.status.package_word()) {
            let data = json!({
                "trade_order_id": order.number(), "buyer_id": "100112802006",
                "fulfillment_package_id": &*package.id, "status": word, "status_update_time": order.updated,
            });
            outbox.push(PushDraft { message_type: 14, data });
        }
    }
}

fn item_push(order: &Order, item: &Item) -> PushDraft {
    let mut data = json!({
        "order_status": item.status.name(), "trade_order_id": order.number(),
        "trade_order_line_id": item.id.to_string(), "status_update_time": order.updated,
    });
    if let (Status::Canceled, Some(reverse)) = (item.status, &item.reverse) {
        data["reverse_order_id"] = json!(reverse.id.to_string());
        data["reverse_order_line_id"] = json!(reverse.line.to_string());
    }
    PushDraft { message_type: 0, data }
}

/// Not every state of a reverse order is pushed.
fn reverse_push(order: &Order, item: &Item, reverse: &Reverse) -> Option<PushDraft> {
    let word = match reverse.stage {
        ReverseStage::Asked { .. } => "CANCEL_INIT",
        ReverseStage::Done => "CANCEL_SUCCESS",
        _ => return None,
    };
    let data = json!({
        "reverse_order_id": reverse.id, "reverse_order_line_id": reverse.line, "reverse_status": word,
        "trade_order_id": order.id, "trade_order_line_id": item.id, "buyer_id": 100_112_802_006_i64,
        "extraParams": {}, "status_update_time": order.updated,
    });
    Some(PushDraft { message_type: 10, data })
}
