//! Listings and their stock: sheet section 7.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::envelope::{Failure, Outcome, body, integer, objects, text, texts};
use super::shops::Shop;
use crate::marketplace::{Moment, Request};

/// Products and SKUs that one search answers.
const MOST_PRODUCTS: usize = 100;
const MOST_SKUS: usize = 600;
/// The documented range of a written quantity begins at 1.
const MOST_STOCK: i64 = 99_999;
/// Errors of rows, as the sheet's samples number them.
const WRONG_ROW: i64 = 12_052_990;
const NO_SUCH_WAREHOUSE: i64 = 12_052_097;

/// A product with its SKUs; one without variations has one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) skus: Vec<Sku>,
}

/// What is sold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sku {
    pub(super) id: i64,
    /// The variation's name; empty without variations.
    pub(super) name: String,
    /// The seller's code.
    pub(super) code: String,
    /// In minor units of the shop's currency.
    pub(super) price: i64,
    /// Free to sell.
    pub(super) available: i64,
    /// Held by orders that have not left yet.
    pub(super) committed: i64,
}

/// The listings of a shop.
#[derive(Debug, Default)]
pub(super) struct Products {
    products: BTreeMap<i64, Product>,
    places: HashMap<i64, (i64, usize)>,
    codes: HashMap<String, i64>,
    changed: BTreeSet<i64>,
}

impl Products {
    /// All products.
    pub(super) fn all(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// How many products there are.
    pub(super) fn len(&self) -> usize {
        self.products.len()
    }

    /// A SKU with its product.
    pub(super) fn sku(&self, id: i64) -> Option<(&Product, &Sku)> {
        let (product, place) = self.places.get(&id)?;
        let product = self.products.get(product)?;
        Some((product, product.skus.get(*place)?))
    }

    /// The SKU behind a seller's code.
    pub(super) fn by_code(&self, code: &str) -> Option<i64> {
        self.codes.get(code).copied()
    }

    /// Adds a product or replaces it.
    pub(super) fn put(&mut self, product: Product) {
        for (place, sku) in product.skus.iter().enumerate() {
            self.places.insert(sku.id, (product.id, place));
            self.codes.insert(sku.code.clone(), sku.id);
        }
        self.changed.insert(product.id);
        self.products.insert(product.id, product);
    }

    /// Changes a SKU's numbers, which stay within their bounds.
    pub(super) fn change(&mut self, id: i64, change: impl FnOnce(&mut Sku)) {
        let Some((product, place)) = self.places.get(&id).copied() else { return };
        if let Some(sku) = self.products.get_mut(&product).and_then(|product| product.skus.get_mut(place)) {
            change(sku);
            sku.available = sku.available.clamp(0, MOST_STOCK);
            sku.committed = sku.committed.max(0);
            self.changed.insert(product);
        }
    }

    /// An order takes a unit.
    pub(super) fn commit(&mut self, id: i64) {
        self.change(id, |sku| {
            sku.available -= 1;
            sku.committed += 1;
        });
    }

    /// A unit has left.
    pub(super) fn leave(&mut self, id: i64) {
        self.change(id, |sku| sku.committed -= 1);
    }

    /// A cancelled unit is free again.
    pub(super) fn release(&mut self, id: i64) {
        self.change(id, |sku| {
            sku.committed -= 1;
            sku.available += 1;
        });
    }

    /// The products changed since the last time.
    pub(super) fn take_changed(&mut self) -> Vec<Product> {
        std::mem::take(&mut self.changed).iter().filter_map(|id| self.products.get(id)).cloned().collect()
    }

    /// Marks every product as changed.
    pub(super) fn mark_all(&mut self) {
        self.changed = self.products.keys().copied().collect();
    }
}

/// `POST /product/202309/inventory/search`.
pub(super) fn search(shop: &Shop, request: &Request) -> Outcome {
    let body = body(request)?;
    let numbers = |name: &str, most: usize| -> Result<Vec<i64>, Failure> {
        let given = texts(&body, name);
        if given.len() > most {
            return Err(Failure::wrong(format!("{name} must have {most} or less.")));
        }
        given.iter().map(|id| id.parse().map_err(|_| Failure::wrong(format!("{name} is invalid.")))).collect()
    };
    let (products, skus) = (numbers("product_ids", MOST_PRODUCTS)?, numbers("sku_ids", MOST_SKUS)?);
    if products.is_empty() && skus.is_empty() {
        return Err(Failure::wrong("product_ids or sku_ids is required."));
    }
    // SKUs win over products.
    let wanted = |product: &Product, sku: &Sku| {
        if skus.is_empty() { products.contains(&product.id) } else { skus.contains(&sku.id) }
    };
    let mut inventory = Vec::new();
    for product in shop.products.all() {
        let rows: Vec<Value> =
            product.skus.iter().filter(|sku| wanted(product, sku)).map(|sku| row(shop, sku)).collect();
        if !rows.is_empty() {
            inventory.push(json!({"product_id": product.id.to_string(), "skus": rows}));
        }
    }
    Ok(json!({"inventory": inventory}))
}

fn row(shop: &Shop, sku: &Sku) -> Value {
    json!({
        "id": sku.id.to_string(), "seller_sku": sku.code,
        "total_available_quantity": sku.available, "total_committed_quantity": sku.committed,
        "total_available_inventory_distribution": {"in_shop_inventory": {"quantity": sku.available}},
        "warehouse_inventory": [{
            "warehouse_id": shop.warehouse(), "available_quantity": sku.available,
            "committed_quantity": sku.committed,
        }],
    })
}

/// `POST /product/202309/products/{product_id}/inventory/update`: errors of rows come with a success.
pub(super) fn update(
    shop: &mut Shop,
    product_id: &str,
    request: &Request,
    zero_allowed: bool,
    moment: &mut Moment<'_>,
) -> Outcome {
    let product = product_id.parse::<i64>().ok().and_then(|id| shop.products.products.get(&id));
    let Some(product) = product else { return Err(Failure::new(WRONG_ROW, "The product does not exist.")) };
    let known: Vec<i64> = product.skus.iter().map(|sku| sku.id).collect();
    let body = body(request)?;
    let rows = objects(&body, "skus");
    if rows.is_empty() {
        return Err(Failure::wrong("skus is required."));
    }
    let mut errors = Vec::new();
    for row in rows {
        let id = text(row, "id").unwrap_or_default();
        let mut failed = |code: i64, message: &str, warehouse: Option<&str>| {
            let extra = warehouse
                .map(|id| json!([{"code": code, "message": message, "warehouse_id": id}]))
                .unwrap_or_else(|| json!([]));
            let detail = json!({"sku_id": id, "extra_errors": extra});
            errors.push(json!({"code": code, "message": message, "detail": detail}));
        };
        let Some(sku) = id.parse::<i64>().ok().filter(|id| known.contains(id)) else {
            failed(WRONG_ROW, "The SKU is not of this product.", None);
            continue;
        };
        for place in objects(row, "inventory") {
            let warehouse = text(place, "warehouse_id");
            if let Some(other) = warehouse.as_deref().filter(|id| *id != shop.warehouse()) {
                failed(NO_SUCH_WAREHOUSE, "warehouse does not exist", Some(other));
                continue;
            }
            match integer(place, "quantity")? {
                Some(quantity) if (i64::from(!zero_allowed)..=MOST_STOCK).contains(&quantity) => {
                    shop.products.change(sku, |sku| sku.available = quantity);
                    moment.changed = true;
                }
                _ => failed(WRONG_ROW, "The quantity is out of range.", None),
            }
        }
    }
    Ok(if errors.is_empty() { json!({}) } else { json!({"errors": errors}) })
}

/// `GET /logistics/202309/warehouses`.
pub(super) fn warehouses(shop: &Shop) -> Value {
    json!({"warehouses": [{
        "id": shop.warehouse(), "name": "Main warehouse", "type": "SALES_WAREHOUSE", "sub_type": "DOMESTIC_WAREHOUSE",
        "effect_status": "ENABLED", "is_default": true, "address": {"region_code": shop.region.code},
    }]})
}
