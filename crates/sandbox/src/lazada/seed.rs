//! Made-up products and orders: the same seed gives the same ones, relative to the sandbox clock.

use super::cancel::{BY_BUYER, BY_PLATFORM, BY_SELLER};
use super::orders::{Fulfilment, Item, LINE_IDS, Order, Package};
use super::products::{Product, Products, Sku};
use super::rules::Rules;
use super::shops::Shop;
use super::status::Status;
use crate::catalogue::PRODUCTS;
use crate::random::Random;

/// What the buyer pays for shipping, in sen of a ringgit.
const SHIPPING_FEE_SEN: i64 = 490;

const CITIES: [(&str, &str); 6] = [
    ("Johor Bahru", "Johor"),
    ("Shah Alam", "Selangor"),
    ("George Town", "Penang"),
    ("Ipoh", "Perak"),
    ("Kuching", "Sarawak"),
    ("Kuala Lumpur", "Kuala Lumpur"),
];

/// Texts of buyers' reasons (section 5.4).
const BUYER_REASONS: [&str; 5] = [
    "Change of mind",
    "Duplicate order",
    "Found cheaper elsewhere",
    "Change payment method",
    "Change of Delivery Address",
];

/// What an order is to be.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Is(Status),
    /// Ready to ship, and the buyer asks to cancel.
    Asked,
    CanceledBy(&'static str),
}

/// How often each is, in percent.
const SHARES: [(u64, Wish); 15] = [
    (3, Wish::Is(Status::Unpaid)),
    (35, Wish::Is(Status::Pending)),
    (2, Wish::Is(Status::Repacked)),
    (15, Wish::Is(Status::Packed)),
    (3, Wish::Is(Status::ReadyToShipPending)),
    (8, Wish::Is(Status::ReadyToShip)),
    (3, Wish::Asked),
    (8, Wish::Is(Status::Shipped)),
    (5, Wish::Is(Status::Delivered)),
    (9, Wish::Is(Status::Confirmed)),
    (1, Wish::Is(Status::FailedDelivery)),
    (1, Wish::Is(Status::ShippedBackSuccess)),
    (3, Wish::CanceledBy(BY_BUYER)),
    (2, Wish::CanceledBy(BY_SELLER)),
    (2, Wish::CanceledBy(BY_PLATFORM)),
];

/// What an order is made from.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) status: Status,
    pub(super) created: i64,
    pub(super) cod: bool,
    pub(super) fulfilment: Fulfilment,
    pub(super) packages: u8,
    /// Product, SKU and units.
    pub(super) lines: Vec<(i64, i64, u32)>,
}

/// Fills an empty shop with products.
pub(super) fn products(shop: &mut Shop, random: &mut Random) {
    let mut number = |base: i64, span: u64| base + i64::try_from(random.below(span)).unwrap_or(0);
    for made in PRODUCTS {
        let mut sku = |seller_sku: String, variation: String| Sku {
            id: number(13_000_000_000, 900_000_000),
            seller_sku,
            variation,
            price: made.price * shop.region.ringgit / 100,
            sellable: number(20, 280),
            withheld: 0,
            occupied: 0,
        };
        let mut skus: Vec<Sku> = made
            .variations
            .iter()
            .map(|(name, end)| sku(format!("{}-{end}", made.sku), format!("Variation:{name}")))
            .collect();
        if skus.is_empty() {
            skus.push(sku(made.sku.to_owned(), String::new()));
        }
        shop.products.put(Product { id: number(2_800_000_000, 90_000_000), name: made.name.to_owned(), skus });
    }
}

/// Fills a shop with orders in every status. The first ones take ids that other shops have too: a buyer who buys from two
/// shops at once has one order id in both (section 0).
pub(super) fn orders(shop: &mut Shop, count: u32, elsewhere: &[i64], random: &mut Random, rules: &Rules, now: i64) {
    for place in 0..count {
        let mut share = random.below(100);
        let mut wish = Wish::Is(Status::Pending);
        for (percent, candidate) in SHARES {
            if share < percent {
                wish = candidate;
                break;
            }
            share -= percent;
        }
        let status = match wish {
            Wish::Is(status) => status,
            Wish::Asked => Status::ReadyToShip,
            Wish::CanceledBy(_) => Status::Pending,
        };
        // Open orders are young enough that no deadline has passed; the rest spreads over two weeks.
        let age = match status {
            Status::Unpaid => random.between(60, (rules.unpaid_expires_seconds * 3 / 4).max(60)),
            Status::Pending | Status::Repacked | Status::Packed => random.between(60, 40 * 3_600),
            Status::ReadyToShipPending | Status::ReadyToShip => random.between(3_600, 44 * 3_600),
            Status::Shipped => random.between(86_400, 5 * 86_400),
            _ => random.between(3 * 86_400, 14 * 86_400),
        };
        let lines = random_lines(shop, random);
        let open = matches!(wish, Wish::Is(Status::Pending | Status::Packed));
        let fulfilment = match random.below(100) {
            0..3 if open => Fulfilment::Fbl,
            3 if open => Fulfilment::OwnFleet,
            _ => Fulfilment::Dropshipping,
        };
        let recipe = Recipe {
            status,
            created: now - age,
            cod: status != Status::Unpaid && random.happens(0.25),
            fulfilment,
            packages: if random.happens(0.15) { 2 } else { 1 },
            lines,
        };
        let id = usize::try_from(place).ok().and_then(|place| elsewhere.get(place)).copied();
        let mut order = order(shop, &recipe, id, random, now);
        let all = order.places(|_| true);
        let reason = *random.pick(&BUYER_REASONS).unwrap_or(&BUYER_REASONS[0]);
        let moved = order.updated;
        // The listings' numbers are what they are after all of this.
        let mut nothing = Products::default();
        match wish {
            Wish::CanceledBy(by) => {
                let reason = match by {
                    BY_SELLER => "Out of Stock",
                    BY_BUYER => reason,
                    _ => "Seller did not ship in time",
                };
                order.cancel(&all, by, reason, &mut nothing, moved);
            }
            Wish::Asked => order.ask(&all, reason, now + rules.request_answer_seconds / 2, moved),
            // Of some orders the buyer has cancelled one item.
            Wish::Is(Status::Pending | Status::Packed) if all.len() > 1 && random.happens(0.12) => {
                order.cancel(&all[..1], BY_BUYER, reason, &mut nothing, moved);
            }
            Wish::Is(_) => {}
        }
        for item in &order.items {
            shop.products.count_one(item.product, item.sku, item.status.bucket());
        }
        shop.put(order, rules);
    }
}

/// One to three listings, mostly one unit each.
pub(super) fn random_lines(shop: &Shop, random: &mut Random) -> Vec<(i64, i64, u32)> {
    let listings: Vec<(i64, i64)> =
        shop.products.all().flat_map(|product| product.skus.iter().map(|sku| (product.id, sku.id))).collect();
    let count = match random.below(10) {
        0..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let mut lines: Vec<(i64, i64, u32)> = Vec::new();
    for _ in 0..count {
        if let Some((product, sku)) = random.pick(&listings)
            && !lines.iter().any(|(known, row, _)| known == product && row == sku)
        {
            let quantity = if random.happens(0.7) { 1 } else { 2 + u32::try_from(random.below(2)).unwrap_or(0) };
            lines.push((*product, *sku, quantity));
        }
    }
    lines
}

/// Makes one order in a status, with the times and parcels that go with it. Stock is not touched.
pub(super) fn order(shop: &Shop, recipe: &Recipe, id: Option<i64>, random: &mut Random, now: i64) -> Order {
    let id = id.filter(|id| shop.is_free(*id)).unwrap_or_else(|| free_id(shop, random));
    let age = (now - recipe.created).max(0);
    // Each step took its part of the order's age; the last one is when it was updated.
    let moved = recipe.created + age * 3 / 5;
    let voucher = if random.happens(0.3) { random.between(1, 10) } else { 0 };
    // Two shops' items of one order id differ.
    let mut item_id = id.saturating_add(shop.id.rem_euclid(89) * 50 * LINE_IDS);
    let mut items: Vec<Item> = Vec::new();
    for (product, sku, quantity) in &recipe.lines {
        let price = shop.products.listing(*product, *sku).map_or(0, |(_, sku)| sku.price);
        for _ in 0..*quantity {
            item_id = item_id.saturating_add(LINE_IDS);
            while !shop.is_free_item(item_id) {
                item_id = item_id.saturating_add(LINE_IDS);
            }
            items.push(Item {
                id: item_id,
                product: *product,
                sku: *sku,
                price,
                paid: price - price * voucher / 100,
                status: recipe.status,
                updated: moved,
                package: None,
                reason: "".into(),
                initiator: "".into(),
                reverse: None,
            });
        }
    }
    let (city, state) = *random.pick(&CITIES).unwrap_or(&CITIES[0]);
    let mut order = Order {
        id,
        created: recipe.created,
        updated: moved,
        paid: (recipe.status != Status::Unpaid && !recipe.cod).then(|| recipe.created + (age / 100).clamp(0, 120)),
        ship_by: ship_by(recipe.created, shop.region.utc_offset_hours),
        cod: recipe.cod,
        fulfilment: recipe.fulfilment,
        items,
        packages: Vec::new(),
        shipping_fee: SHIPPING_FEE_SEN * shop.region.ringgit / 100,
        buyer: buyer(random),
        city: city.into(),
        state: state.into(),
        reversed: 0,
        settling: Vec::new(),
    };
    if recipe.status.is_packed() && recipe.fulfilment != Fulfilment::Digital {
        let parcels = usize::from(recipe.packages).clamp(1, order.items.len().max(1));
        for _ in 0..parcels {
            let package = free_package(shop, &order);
            order.packages.push(package);
        }
        for (place, item) in order.items.iter_mut().enumerate() {
            item.package = Some(place % parcels);
        }
    }
    order
}

/// The end of the shop's day, two days after the order.
fn ship_by(created: i64, utc_offset_hours: i64) -> i64 {
    let local = created + utc_offset_hours * 3_600;
    (local.div_euclid(86_400) + 3) * 86_400 - 1 - utc_offset_hours * 3_600
}

fn free_id(shop: &Shop, random: &mut Random) -> i64 {
    loop {
        let id = 500_000_000_000_000 + i64::try_from(random.below(99_999_999_999_999)).unwrap_or(0);
        if shop.is_free(id) {
            return id;
        }
    }
}

/// The next parcel of an order: `FP` and fifteen digits, with a carrier's number.
pub(super) fn free_package(shop: &Shop, order: &Order) -> Package {
    const DIGITS: i64 = 1_000_000_000_000_000;
    let mut number = order.id.wrapping_mul(7_919).wrapping_add(order.packages.len() as i64).rem_euclid(DIGITS);
    loop {
        let id = format!("FP{number:015}");
        if shop.is_free_package(&id) && !order.packages.iter().any(|known| *known.id == id) {
            let tracking = format!("LEX{}O{:010}", shop.region.code, number % 10_000_000_000);
            return Package { id: id.into(), tracking: tracking.into() };
        }
        number = (number + 1) % DIGITS;
    }
}

/// A masked name, as the platform shows it.
fn buyer(random: &mut Random) -> Box<str> {
    let letter = char::from(b'A' + u8::try_from(random.below(26)).unwrap_or(0));
    format!("{letter}**").into()
}
