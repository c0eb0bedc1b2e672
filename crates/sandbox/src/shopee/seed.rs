//! Made-up products and orders: the same seed gives the same ones, relative to the sandbox clock.

use std::sync::Arc;

use super::life::move_to;
use super::orders::{Fulfilment, Line, Order, Package};
use super::products::{Item, Model};
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
use crate::catalogue::{PRODUCTS, Product};
use crate::random::Random;

/// What the buyer pays for shipping, in sen of a ringgit.
const SHIPPING_FEE_SEN: i64 = 490;

const CITIES: [(&str, &str); 8] = [
    ("Shah Alam", "Selangor"),
    ("Petaling Jaya", "Selangor"),
    ("Kuala Lumpur", "Kuala Lumpur"),
    ("George Town", "Penang"),
    ("Johor Bahru", "Johor"),
    ("Ipoh", "Perak"),
    ("Kota Kinabalu", "Sabah"),
    ("Kuching", "Sarawak"),
];

const BUYER_REASONS: [&str; 5] = [
    "Need to change delivery address",
    "Found Cheaper Elsewhere",
    "Don't Want to Buy Anymore",
    "Need to input / Change Voucher Code",
    "Seller Takes too Long to Ship The Order",
];

const NOTES: [&str; 3] = ["Please pack well", "It is a gift, no invoice please", "Please send before the weekend"];

/// How often each status is, in percent; cancelled orders by party.
const SHARES: [(u64, Wish); 12] = [
    (4, Wish::Is(Status::Unpaid)),
    (2, Wish::Is(Status::Pending)),
    (36, Wish::Is(Status::ReadyToShip)),
    (18, Wish::Is(Status::Processed)),
    (1, Wish::Is(Status::RetryShip)),
    (9, Wish::Is(Status::Shipped)),
    (4, Wish::Is(Status::ToConfirmReceive)),
    (15, Wish::Is(Status::Completed)),
    (3, Wish::Is(Status::InCancel)),
    (3, Wish::CancelledBy("buyer")),
    (2, Wish::CancelledBy("seller")),
    (3, Wish::CancelledBy("system")),
];

/// What an order is to be.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Is(Status),
    CancelledBy(&'static str),
}

/// What an order is made from.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) status: Status,
    pub(super) created: i64,
    pub(super) cod: bool,
    pub(super) preorder: bool,
    pub(super) fulfilment: Fulfilment,
    pub(super) packages: u8,
    /// Item, variation and units.
    pub(super) lines: Vec<(i64, i64, u32)>,
}

/// Fills an empty shop with products.
pub(super) fn products(shop: &mut Shop, random: &mut Random) {
    for Product { name, sku, weight_gram, price, variations } in PRODUCTS {
        let price = price * shop.ringgit / 100;
        let id = 24_000_000_000 + i64::try_from(random.below(900_000_000)).unwrap_or(0);
        let mut models: Vec<Model> = variations
            .iter()
            .map(|(name, end)| Model {
                id: 190_000_000_000 + i64::try_from(random.below(9_000_000_000)).unwrap_or(0),
                name: (*name).to_owned(),
                sku: format!("{sku}-{end}"),
                price,
                stock: random.between(20, 300),
            })
            .collect();
        if models.is_empty() {
            models.push(Model {
                id: 0,
                name: String::new(),
                sku: String::new(),
                price,
                stock: random.between(20, 300),
            });
        }
        shop.products.put(Item { id, name: name.to_owned(), sku: sku.to_owned(), weight_gram, models });
    }
}

/// Fills a shop with orders in every status.
pub(super) fn orders(shop: &mut Shop, count: u32, random: &mut Random, rules: &Rules, now: i64) {
    for _ in 0..count {
        let mut share = random.below(100);
        let mut wish = Wish::Is(Status::ReadyToShip);
        for (percent, candidate) in SHARES {
            if share < percent {
                wish = candidate;
                break;
            }
            share -= percent;
        }
        let status = match wish {
            Wish::Is(status) => status,
            Wish::CancelledBy(_) => Status::Cancelled,
        };
        // Open orders are young enough that no deadline has passed; the rest spreads over two weeks.
        let age = match status {
            Status::Unpaid => random.between(60, 18 * 3_600),
            Status::Pending | Status::ReadyToShip | Status::Processed | Status::InCancel => {
                random.between(60, 40 * 3_600)
            }
            Status::RetryShip => random.between(24 * 3_600, 44 * 3_600),
            Status::Shipped => random.between(86_400, 5 * 86_400),
            Status::ToConfirmReceive => random.between(3 * 86_400, 8 * 86_400),
            _ => random.between(86_400, 14 * 86_400),
        };
        let lines = random_lines(shop, random);
        let open = matches!(status, Status::ReadyToShip | Status::Processed);
        let fulfilment = if open && random.happens(0.03) { Fulfilment::Platform } else { Fulfilment::LocalSeller };
        let recipe = Recipe {
            status: if status == Status::Cancelled { Status::ReadyToShip } else { status },
            created: now - age,
            cod: status != Status::Unpaid && random.happens(0.18),
            preorder: random.happens(0.05),
            fulfilment,
            packages: if lines.len() > 1 && random.happens(0.1) { 2 } else { 1 },
            lines,
        };
        let mut order = order(shop, &recipe, random, now);
        if let Wish::CancelledBy(by) = wish {
            cancelled(&mut order, by, random);
        }
        if status == Status::InCancel {
            order.buyer_reason = (*random.pick(&BUYER_REASONS).unwrap_or(&BUYER_REASONS[0])).into();
        }
        shop.add(order, rules, now);
    }
}

fn cancelled(order: &mut Order, by: &'static str, random: &mut Random) {
    let reason = match by {
        "seller" => "Out of Stock",
        "buyer" => "Buyer Request to Cancel",
        _ => "Seller did not Ship",
    };
    order.status = Status::Cancelled;
    order.cancel_by = by.into();
    order.cancel_reason = reason.into();
    if by == "seller" {
        order.seller_reason = "OUT_OF_STOCK".into();
    }
    if by == "buyer" {
        order.buyer_reason = (*random.pick(&BUYER_REASONS).unwrap_or(&BUYER_REASONS[0])).into();
    }
    for line in &mut order.lines {
        line.cancelled = line.quantity;
    }
    for package in &mut order.packages {
        package.status = PackageStatus::Invalid;
    }
}

/// One to three lines of different listings, mostly one unit each.
pub(super) fn random_lines(shop: &Shop, random: &mut Random) -> Vec<(i64, i64, u32)> {
    let listings: Vec<(i64, i64)> =
        shop.products.all().flat_map(|item| item.models.iter().map(|model| (item.id, model.id))).collect();
    let count = match random.below(10) {
        0..=6 => 1,
        7 | 8 => 2,
        _ => 3,
    };
    let mut lines: Vec<(i64, i64, u32)> = Vec::new();
    for _ in 0..count {
        if let Some((item_id, model_id)) = random.pick(&listings)
            && !lines.iter().any(|(item, model, _)| item == item_id && model == model_id)
        {
            let quantity = if random.happens(0.75) { 1 } else { 2 + u32::try_from(random.below(2)).unwrap_or(0) };
            lines.push((*item_id, *model_id, quantity));
        }
    }
    lines
}

/// Makes one order in a status, with the times and packages that go with it. Stock is not touched.
pub(super) fn order(shop: &Shop, recipe: &Recipe, random: &mut Random, now: i64) -> Order {
    let number = free_number(shop, recipe.created, random);
    let packages = recipe.packages.clamp(1, u8::try_from(recipe.lines.len().clamp(1, 30)).unwrap_or(1));
    let mut lines = Vec::with_capacity(recipe.lines.len());
    for (place, (item_id, model_id, quantity)) in recipe.lines.iter().enumerate() {
        let price = shop.products.listing(*item_id, *model_id).map_or(0, |(_, model)| model.price);
        lines.push(Line {
            id: i64::try_from(random.below(9_000_000_000_000)).unwrap_or(0) + 1_000_000_000_000,
            item_id: *item_id,
            model_id: *model_id,
            quantity: *quantity,
            original_price: price,
            price,
            cancelled: 0,
            package: u8::try_from(place % usize::from(packages)).unwrap_or(0),
        });
    }
    let shipping_fee = SHIPPING_FEE_SEN * shop.ringgit / 100;
    let goods: i64 = lines.iter().map(|line| line.price * i64::from(line.quantity)).sum();
    let days_to_ship = if recipe.preorder { 7 } else { 2 };
    let (city, state) = *random.pick(&CITIES).unwrap_or(&CITIES[0]);
    let note = if random.happens(0.08) { *random.pick(&NOTES).unwrap_or(&"") } else { "" };
    let mut order = Order {
        number,
        status: Status::Unpaid,
        created: recipe.created,
        updated: recipe.created,
        paid: None,
        ship_by: ship_by(recipe.created, days_to_ship, shop.utc_offset_hours),
        days_to_ship,
        cod: recipe.cod,
        preorder: recipe.preorder,
        fulfilment: recipe.fulfilment,
        lines,
        packages: (0..packages)
            .map(|_| Package {
                number: free_package(shop, random),
                status: PackageStatus::NotStart,
                tracking: None,
                picked_up: 0,
            })
            .collect(),
        shipping_fee,
        total: goods + shipping_fee,
        buyer: buyer(random),
        payment_method: if recipe.cod { "Cash on Delivery" } else { "Online Banking" }.into(),
        carrier: "Standard Delivery".into(),
        note: note.into(),
        city: city.into(),
        state: state.into(),
        cancel_by: "".into(),
        cancel_reason: "".into(),
        seller_reason: "".into(),
        buyer_reason: "".into(),
        before_request: None,
        asked: false,
        due: None,
    };
    let age = (now - recipe.created).max(0);
    if recipe.status != Status::Unpaid {
        if !recipe.cod {
            order.paid = Some(recipe.created + (age / 100).clamp(0, 120));
        }
        let tracking = tracking(shop, random);
        // Each step took its part of the order's age; the last one is when it was updated.
        let moved = recipe.created + age * 3 / 5;
        order.updated = moved;
        move_to(&mut order, recipe.status, &tracking, moved);
    }
    if recipe.status == Status::InCancel {
        order.before_request = Some(Status::Processed);
        order.asked = true;
        order.cancel_by = "buyer".into();
        order.buyer_reason = BUYER_REASONS[0].into();
    }
    order
}

/// The end of the shop's day, so many days after the order.
fn ship_by(created: i64, days: i64, utc_offset_hours: i64) -> i64 {
    let local = created + utc_offset_hours * 3_600;
    (local.div_euclid(86_400) + 1 + days) * 86_400 - 1 - utc_offset_hours * 3_600
}

/// Six digits of the shop's date and eight characters (sheet section 1).
fn free_number(shop: &Shop, created: i64, random: &mut Random) -> Arc<str> {
    let local = created + shop.utc_offset_hours * 3_600;
    let date = jiff::Timestamp::from_second(local).map(|day| day.strftime("%y%m%d").to_string()).unwrap_or_default();
    loop {
        let number = format!("{date}{}", random.capitals(8));
        if shop.is_free(&number) {
            return number.into();
        }
    }
}

/// `OFG` and fifteen digits (sheet section 1).
pub(super) fn free_package(shop: &Shop, random: &mut Random) -> Arc<str> {
    loop {
        let number = format!("OFG{}", random.digits(15));
        if shop.is_free_package(&number) {
            return number.into();
        }
    }
}

/// A carrier's number; the package's place is put behind it.
pub(super) fn tracking(shop: &Shop, random: &mut Random) -> String {
    format!("SPX{}{}", shop.region, random.digits(11))
}

/// A masked name, as the platform shows it.
fn buyer(random: &mut Random) -> Box<str> {
    let letter = |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0));
    let (first, last) = (letter(random), letter(random));
    format!("{first}****{last}").into()
}
