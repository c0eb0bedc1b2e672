//! Puts an export into a shop.

use super::columns::Parcel;
use super::{Export, ExportedLine, ExportedOrder, Timeline};
use crate::marketplace::Imported;
use crate::random::Random;
use crate::shopee::orders::{Fulfilment, Line, Order, Package};
use crate::shopee::products::{Item, Model};
use crate::shopee::rules::Rules;
use crate::shopee::seed::free_package;
use crate::shopee::shops::Shop;
use crate::shopee::status::{PackageStatus, Status};

/// Opening stock of a listing: from so many units …
const LEAST_STOCK: u64 = 20;
/// … to so many, spread by the SKU.
const STOCK_SPREAD: u64 = 181;
/// The ship-by date where the file has none, in seconds after the order.
const SHIP_BY_AFTER: i64 = 3 * 86_400;

impl Export {
    /// Puts products and orders in. An order that is there already stays as it is.
    pub(in crate::shopee) fn put_into(&self, shop: &mut Shop, random: &mut Random, rules: &Rules) -> Imported {
        let products = self.put_products(shop);
        let (mut orders, mut already_there) = (0, 0);
        let mut line_id = 1_000_000_000_000 + i64::try_from(shop.order_count()).unwrap_or(0) * 1_000;
        for exported in &self.orders {
            if !shop.is_free(&exported.number) {
                already_there += 1;
                continue;
            }
            let order = order(shop, exported, &mut line_id, random);
            shop.add(order, rules, self.clock);
            orders += 1;
        }
        Imported { shop: shop.id.to_string(), orders, products, already_there, clock: self.clock }
    }

    /// One item for each item SKU, one variation for each listing SKU of it.
    fn put_products(&self, shop: &mut Shop) -> usize {
        let mut items: Vec<(String, Vec<&ExportedLine>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for line in self.orders.iter().flat_map(|order| &order.lines) {
            let place = *places.entry(line.item_sku.as_str()).or_insert_with(|| {
                items.push((line.item_sku.clone(), Vec::new()));
                items.len() - 1
            });
            let listings = &mut items[place].1;
            if !listings.iter().any(|known| known.sku == line.sku) {
                listings.push(line);
            }
        }
        let mut products = 0;
        for (item_sku, lines) in items {
            let new: Vec<&ExportedLine> =
                lines.into_iter().filter(|line| shop.products.by_sku(&line.sku).is_none()).collect();
            let Some(first) = new.first() else { continue };
            products += 1;
            let id = free_id(&item_sku, 20_000_000_000, |id| shop.products.has_item(id));
            let plain = new.len() == 1 && first.variation.is_empty() && first.sku == item_sku;
            let mut models: Vec<Model> = Vec::new();
            for line in &new {
                let model_id =
                    free_id(&line.sku, 190_000_000_000, |id| models.iter().any(|model: &Model| model.id == id));
                models.push(Model {
                    id: if plain { 0 } else { model_id },
                    name: line.variation.clone(),
                    sku: if plain { String::new() } else { line.sku.clone() },
                    price: line.price,
                    stock: opening_stock(&line.sku),
                });
            }
            shop.products.put(Item {
                id,
                name: first.item_name.clone(),
                sku: item_sku,
                weight_gram: first.weight_gram,
                models,
            });
        }
        products
    }
}

/// The same SKU always opens with the same stock.
fn opening_stock(sku: &str) -> i64 {
    i64::try_from(LEAST_STOCK + spread(sku) % STOCK_SPREAD).unwrap_or(0)
}

/// FNV-1a, so that ids and stock follow from the SKU alone.
fn spread(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn free_id(text: &str, base: i64, taken: impl Fn(i64) -> bool) -> i64 {
    let mut id = base + i64::try_from(spread(text) % 9_000_000_000).unwrap_or(0);
    while taken(id) {
        id += 1;
    }
    id
}

fn order(shop: &Shop, exported: &ExportedOrder, line_id: &mut i64, random: &mut Random) -> Order {
    let mut lines = Vec::with_capacity(exported.lines.len());
    for line in &exported.lines {
        // Every SKU of the export was put in before; were one missing, the line would stand without a listing.
        let (item_id, model_id) = shop.products.by_sku(&line.sku).unwrap_or((0, 0));
        *line_id += 1;
        lines.push(Line {
            id: *line_id,
            item_id,
            model_id,
            quantity: line.quantity,
            original_price: line.original_price,
            price: line.price,
            cancelled: if exported.cancelled.is_some() { line.quantity } else { 0 },
            package: 0,
        });
    }
    let timeline = Timeline::of(exported);
    let cancelled = exported.cancelled.as_ref();
    let arranged = exported.arranged.is_some() || exported.tracking.is_some();
    let package_status = match cancelled.map(|cancelled| cancelled.parcel) {
        None => exported.status.packages(),
        Some(Parcel::DeliveryFailed) => PackageStatus::DeliveryFailed,
        Some(Parcel::Lost) => PackageStatus::Lost,
        Some(Parcel::Here) if arranged => PackageStatus::RequestCanceled,
        Some(Parcel::Here) => PackageStatus::Invalid,
    };
    let by_seller = cancelled.is_some_and(|cancelled| cancelled.by == "seller");
    let seller_reason = match cancelled {
        Some(cancelled) if by_seller && cancelled.reason == "Out of Stock" => "OUT_OF_STOCK",
        _ => "",
    };
    Order {
        number: exported.number.as_str().into(),
        status: exported.status,
        created: exported.created,
        updated: exported.updated,
        paid: exported.paid,
        ship_by: exported.ship_by.unwrap_or(if exported.status == Status::Unpaid {
            0
        } else {
            exported.created + SHIP_BY_AFTER
        }),
        days_to_ship: 2,
        cod: exported.cod,
        preorder: false,
        fulfilment: Fulfilment::default(),
        lines,
        packages: vec![Package {
            number: free_package(shop, random),
            status: package_status,
            tracking: exported.tracking.as_deref().map(Into::into),
            picked_up: timeline.picked_up(exported.updated),
        }],
        shipping_fee: exported.shipping_estimate.max(exported.shipping_fee),
        total: exported.total,
        buyer: exported.buyer.as_str().into(),
        payment_method: exported.payment_method.as_str().into(),
        carrier: exported.carrier.as_str().into(),
        note: exported.note.as_str().into(),
        city: exported.city.as_str().into(),
        state: exported.state.as_str().into(),
        cancel_by: cancelled.map(|cancelled| cancelled.by.as_str()).unwrap_or_default().into(),
        cancel_reason: cancelled.map(|cancelled| cancelled.reason.as_str()).unwrap_or_default().into(),
        seller_reason: seller_reason.into(),
        buyer_reason: cancelled.map(|cancelled| cancelled.buyer_reason.as_str()).unwrap_or_default().into(),
        before_request: None,
        asked: false,
        due: None,
    }
}
