//! Made-up products and orders: the same seed gives the same ones, relative to the sandbox clock.

use std::sync::Arc;

use super::life::{cancellation_id, move_to};
use super::orders::{CancelStatus, Cancellation, Fulfilment, Line, Order, Package, Role, Storefront};
use super::products::{Product, Sku};
use super::reasons;
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
use crate::catalogue::PRODUCTS;
use crate::random::Random;

/// What the buyer pays for shipping, in sen of a ringgit.
const SHIPPING_FEE_SEN: i64 = 490;
/// Two days to hand over, seven for a pre-order.
const DAYS_TO_SHIP: i64 = 2;
const DAYS_TO_SHIP_A_PREORDER: i64 = 7;
/// Of a hundred orders in Indonesia so many come from the Tokopedia app.
const TOKOPEDIA_SHARE: f64 = 0.35;

/// How often each status is, in percent.
const SHARES: [(u64, Wish); 11] = [
    (4, Wish::Is(Status::Unpaid)),
    (3, Wish::Is(Status::OnHold)),
    (38, Wish::Is(Status::AwaitingShipment)),
    (18, Wish::Is(Status::AwaitingCollection)),
    (9, Wish::Is(Status::InTransit)),
    (5, Wish::Is(Status::Delivered)),
    (12, Wish::Is(Status::Completed)),
    (3, Wish::Requested),
    (3, Wish::CancelledBy(Role::Buyer)),
    (2, Wish::CancelledBy(Role::Seller)),
    (3, Wish::CancelledBy(Role::System)),
];

/// What an order is to be.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Is(Status),
    Requested,
    CancelledBy(Role),
}

/// What an order is made from.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) status: Status,
    pub(super) storefront: Storefront,
    pub(super) created: i64,
    pub(super) cod: bool,
    pub(super) preorder: bool,
    pub(super) seller_ships: bool,
    pub(super) fulfilment: Fulfilment,
    pub(super) packages: u8,
    /// SKUs and units.
    pub(super) lines: Vec<(i64, u32)>,
}

/// Fills an empty shop with products.
pub(super) fn products(shop: &mut Shop, random: &mut Random) {
    let id =
        |random: &mut Random| 1_730_000_000_000_000_000 + i64::try_from(random.below(900_000_000_000_000)).unwrap_or(0);
    for goods in PRODUCTS {
        let price = goods.price * shop.region.ringgit / 100;
        let sku = |random: &mut Random, name: &str, code: String| {
            let (id, available) = (id(random), random.between(20, 300));
            Sku { id, name: name.to_owned(), code, price, available, committed: 0 }
        };
        let mut skus: Vec<Sku> =
            goods.variations.iter().map(|(name, end)| sku(random, name, format!("{}-{end}", goods.sku))).collect();
        if skus.is_empty() {
            skus.push(sku(random, "", goods.sku.to_owned()));
        }
        shop.products.put(Product { id: id(random), name: goods.name.to_owned(), skus });
    }
}

/// Fills a shop with orders in every status.
pub(super) fn orders(shop: &mut Shop, count: u32, random: &mut Random, rules: &Rules, now: i64) {
    for _ in 0..count {
        let mut share = random.below(100);
        let mut wish = Wish::Is(Status::AwaitingShipment);
        for (percent, candidate) in SHARES {
            if share < percent {
                wish = candidate;
                break;
            }
            share -= percent;
        }
        let status = match wish {
            Wish::Is(status) => status,
            Wish::Requested => Status::AwaitingCollection,
            Wish::CancelledBy(_) => Status::AwaitingShipment,
        };
        // Open orders are young enough that no deadline has passed; the rest spreads over two weeks.
        let age = match wish {
            Wish::Is(Status::Unpaid) => random.between(60, 18 * 3_600),
            Wish::Is(Status::OnHold) => random.between(60, 3_000),
            Wish::Is(Status::AwaitingShipment | Status::AwaitingCollection) | Wish::Requested => {
                random.between(4_000, 40 * 3_600)
            }
            Wish::Is(Status::InTransit) => random.between(86_400, 5 * 86_400),
            _ => random.between(2 * 86_400, 14 * 86_400),
        };
        let lines = random_lines(shop, random);
        let open = matches!(wish, Wish::Is(Status::AwaitingShipment | Status::AwaitingCollection));
        let recipe = Recipe {
            status,
            storefront: storefront(shop, random),
            created: now - age,
            cod: status != Status::Unpaid && random.happens(0.18),
            preorder: random.happens(0.05),
            seller_ships: false,
            fulfilment: if open && random.happens(0.03) { Fulfilment::Platform } else { Fulfilment::Seller },
            packages: if lines.len() > 1 && random.happens(0.1) { 2 } else { 1 },
            lines,
        };
        let mut order = order(shop, &recipe, random, now);
        match wish {
            Wish::Is(_) => {}
            Wish::Requested => ask(&mut order, random, now + rules.request_answer(shop.region.code)),
            Wish::CancelledBy(role) => cancelled(&mut order, role, random),
        }
        shop.add(order, rules, now);
    }
}

/// Where an order of a shop comes from.
pub(super) fn storefront(shop: &Shop, random: &mut Random) -> Storefront {
    let tokopedia = shop.region.code == "ID" && random.happens(TOKOPEDIA_SHARE);
    if tokopedia { Storefront::Tokopedia } else { Storefront::TiktokShop }
}

fn ask(order: &mut Order, random: &mut Random, deadline: i64) {
    let (key, text) = reasons::of_buyer(order.status);
    order.cancellations.push(Cancellation {
        id: cancellation_id(random),
        request: true,
        status: CancelStatus::Pending,
        role: Role::Buyer,
        reason: key.into(),
        text: text.into(),
        created: order.updated,
        updated: order.updated,
        lines: order.live(),
        deadline: Some(deadline),
        replenish: true,
        decided_with: None,
    });
}

fn cancelled(order: &mut Order, role: Role, random: &mut Random) {
    let (key, text) = match role {
        Role::Buyer => reasons::of_buyer(order.status),
        Role::Seller => ("seller_cancel_reason_out_of_stock", "Out of stock"),
        Role::System => ("system_cancel_order_reason_shipping_timeout", "The order was not shipped in time"),
    };
    ask(order, random, 0);
    if let Some(made) = order.cancellations.last_mut() {
        (made.request, made.status, made.role, made.deadline) = (false, CancelStatus::Complete, role, None);
        (made.reason, made.text) = (key.into(), text.into());
        made.replenish = role != Role::Seller;
    }
    order.lines.iter_mut().for_each(|line| line.cancelled = true);
    order.packages.iter_mut().for_each(|package| package.status = PackageStatus::Cancelled);
    order.status = Status::Cancelled;
}

/// One to three listings, mostly one unit each.
pub(super) fn random_lines(shop: &Shop, random: &mut Random) -> Vec<(i64, u32)> {
    let skus: Vec<i64> = shop.products.all().flat_map(|product| product.skus.iter().map(|sku| sku.id)).collect();
    let count = match random.below(10) {
        0..=6 => 1,
        7 | 8 => 2,
        _ => 3,
    };
    let mut lines: Vec<(i64, u32)> = Vec::new();
    for _ in 0..count {
        if let Some(sku) = random.pick(&skus)
            && !lines.iter().any(|(known, _)| known == sku)
        {
            let quantity = if random.happens(0.75) { 1 } else { 2 + u32::try_from(random.below(2)).unwrap_or(0) };
            lines.push((*sku, quantity));
        }
    }
    lines
}

/// Makes one order in a status, with the times and packages that go with it. Stock is not touched: the listings' numbers
/// are what is left beside the orders.
pub(super) fn order(shop: &Shop, recipe: &Recipe, random: &mut Random, now: i64) -> Order {
    let number = free_number(shop, random);
    let packages = recipe.packages.clamp(1, u8::try_from(recipe.lines.len().clamp(1, 30)).unwrap_or(1));
    let mut lines = Vec::new();
    for (place, (sku_id, quantity)) in recipe.lines.iter().enumerate() {
        let price = shop.products.sku(*sku_id).map_or(0, |(_, sku)| sku.price);
        for _ in 0..*quantity {
            lines.push(Line {
                id: format!("57751{}", random.digits(13)).into(),
                sku_id: *sku_id,
                original_price: price,
                price,
                cancelled: false,
                package: u8::try_from(place % usize::from(packages)).unwrap_or(0),
            });
        }
    }
    let shipping_fee = SHIPPING_FEE_SEN * shop.region.ringgit / 100;
    let goods: i64 = lines.iter().map(|line| line.price).sum();
    let days = if recipe.preorder { DAYS_TO_SHIP_A_PREORDER } else { DAYS_TO_SHIP };
    let mut order = Order {
        number,
        status: Status::Unpaid,
        storefront: recipe.storefront,
        created: recipe.created,
        updated: recipe.created,
        paid: None,
        ship_by: recipe.created + days * 86_400,
        cod: recipe.cod,
        preorder: recipe.preorder,
        seller_ships: recipe.seller_ships,
        fulfilment: recipe.fulfilment,
        lines,
        packages: (0..packages)
            .map(|_| Package {
                id: format!("11588{}", random.digits(14)).into(),
                status: PackageStatus::ToFulfill,
                tracking: None,
            })
            .collect(),
        shipping_fee,
        total: goods + shipping_fee,
        buyer: buyer(random),
        arranged: 0,
        collected: 0,
        delivered: 0,
        cancellations: Vec::new(),
        due: None,
    };
    let age = (now - recipe.created).max(0);
    if recipe.status != Status::Unpaid {
        if !recipe.cod {
            order.paid = Some(recipe.created + (age / 100).clamp(0, 120));
        }
        let tracking = tracking(random);
        // Each step took its part of the order's age; the last one is when it was updated.
        let moved = recipe.created + age * 3 / 5;
        order.updated = moved;
        // What has left does not stand in the listings' numbers: these are made up beside the orders.
        let mut nothing = super::products::Products::default();
        move_to(&mut order, &mut nothing, recipe.status, &tracking, moved);
    }
    order
}

/// Eighteen digits.
fn free_number(shop: &Shop, random: &mut Random) -> Arc<str> {
    loop {
        let number = format!("5775{}", random.digits(14));
        if shop.is_free(&number) {
            return number.into();
        }
    }
}

/// A carrier's number; the package's place is put behind it.
pub(super) fn tracking(random: &mut Random) -> String {
    format!("JX{}", random.digits(10))
}

/// A masked name, as the platform shows it.
fn buyer(random: &mut Random) -> Box<str> {
    let letter = |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0));
    let (first, last) = (letter(random).to_ascii_uppercase(), letter(random));
    format!("{first}***{last}").into()
}
