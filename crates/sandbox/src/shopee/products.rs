//! Listings and their stock: sheet section 11.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success, integer_in};
use super::shops::Shop;
use crate::marketplace::Moment;

/// Items that `get_item_base_info` answers at once (section 14).
const MOST_ITEMS: usize = 50;
/// Rows of `update_stock` (section 14).
const MOST_STOCK_ROWS: usize = 50;
/// The most units that a listing can offer; the platform's own bound is not documented.
const MOST_STOCK: i64 = 999_999;

/// A listing: an item with its variations. An item without variations has one, with id 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) weight_gram: u32,
    pub(super) models: Vec<Model>,
}

/// A variation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Model {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) sku: String,
    /// Price in minor units of the shop's currency.
    pub(super) price: i64,
    /// Units offered.
    pub(super) stock: i64,
}

impl Item {
    /// The listing SKU: the variation's where there are variations (section 6.2).
    pub(super) fn listing_sku<'a>(&'a self, model: &'a Model) -> &'a str {
        if model.id == 0 { &self.sku } else { &model.sku }
    }

    fn has_models(&self) -> bool {
        self.models.iter().any(|model| model.id != 0)
    }
}

/// The listings of a shop.
#[derive(Debug, Default)]
pub(super) struct Products {
    items: BTreeMap<i64, Item>,
    skus: HashMap<String, (i64, i64)>,
    changed: BTreeSet<i64>,
}

impl Products {
    /// All items.
    pub(super) fn all(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// There is an item with this id.
    pub(super) fn has_item(&self, id: i64) -> bool {
        self.items.contains_key(&id)
    }

    /// An item and one of its variations.
    pub(super) fn listing(&self, item_id: i64, model_id: i64) -> Option<(&Item, &Model)> {
        let item = self.items.get(&item_id)?;
        let model = item.models.iter().find(|model| model.id == model_id)?;
        Some((item, model))
    }

    /// The item and variation behind a listing SKU.
    pub(super) fn by_sku(&self, sku: &str) -> Option<(i64, i64)> {
        self.skus.get(sku).copied()
    }

    /// Adds an item or replaces it.
    pub(super) fn put(&mut self, item: Item) {
        for model in &item.models {
            self.skus.insert(item.listing_sku(model).to_owned(), (item.id, model.id));
        }
        self.changed.insert(item.id);
        self.items.insert(item.id, item);
    }

    /// Changes a listing's stock; false when there is no such listing.
    pub(super) fn change_stock(&mut self, item_id: i64, model_id: i64, change: impl FnOnce(i64) -> i64) -> bool {
        let model =
            self.items.get_mut(&item_id).and_then(|item| item.models.iter_mut().find(|model| model.id == model_id));
        let Some(model) = model else { return false };
        model.stock = change(model.stock).clamp(0, MOST_STOCK);
        self.changed.insert(item_id);
        true
    }

    /// The items changed since the last time.
    pub(super) fn take_changed(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.changed).iter().filter_map(|id| self.items.get(id)).cloned().collect()
    }

    /// Marks every item as changed.
    pub(super) fn mark_all(&mut self) {
        self.changed = self.items.keys().copied().collect();
    }
}

fn stock_info(shop: &Shop, available: i64) -> Value {
    json!({
        "summary_info": {"total_reserved_stock": 0, "total_available_stock": available},
        "seller_stock": [{"location_id": shop.location, "stock": available, "if_saleable": true}],
        "shopee_stock": [],
    })
}

fn price_info(shop: &Shop, price: i64) -> Value {
    json!([{
        "currency": shop.currency,
        "original_price": shop.money(price),
        "current_price": shop.money(price),
    }])
}

/// `GET /api/v2/product/get_item_base_info`: stock of items without variations (section 11).
pub(super) fn get_item_base_info(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let ids = parameters.list("item_id_list");
    if ids.is_empty() {
        return Err(Failure::wrong("item_id_list is a required field."));
    }
    if ids.len() > MOST_ITEMS {
        return Err(Failure::wrong("item_id_list must have 50 or less."));
    }
    let mut items = Vec::new();
    for id in ids {
        let id: i64 = id.parse().map_err(|_| Failure::wrong("item_id_list holds something else than numbers."))?;
        let Some(item) = shop.products.items.get(&id) else { continue };
        let mut shown = json!({
            "item_id": item.id,
            "item_name": item.name,
            "item_sku": item.sku,
            "item_status": "NORMAL",
            "has_model": item.has_models(),
            "weight": format!("{:.3}", f64::from(item.weight_gram) / 1_000.0),
        });
        if let (false, Some(model)) = (item.has_models(), item.models.first()) {
            shown["stock_info_v2"] = stock_info(shop, model.stock);
            shown["price_info"] = price_info(shop, model.price);
        }
        items.push(shown);
    }
    if items.is_empty() {
        return Err(Failure::new("error_item_not_found", "Product not found."));
    }
    Ok(Success::Response(json!({"item_list": items})))
}

/// `GET /api/v2/product/get_model_list`: stock of items with variations (section 11).
pub(super) fn get_model_list(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let id = parameters.required_integer("item_id")?;
    let Some(item) = shop.products.items.get(&id) else {
        return Err(Failure::new("error_item_not_found", "Product not found."));
    };
    let models: Vec<Value> = item
        .models
        .iter()
        .filter(|model| model.id != 0)
        .enumerate()
        .map(|(place, model)| {
            json!({
                "model_id": model.id,
                "model_name": model.name,
                "model_sku": model.sku,
                "tier_index": [place],
                "model_status": "NORMAL",
                "price_info": price_info(shop, model.price),
                "stock_info_v2": stock_info(shop, model.stock),
            })
        })
        .collect();
    let names: Vec<Value> =
        item.models.iter().filter(|model| model.id != 0).map(|model| json!({"option": model.name})).collect();
    let tiers = if names.is_empty() { json!([]) } else { json!([{"name": "Variation", "option_list": names}]) };
    Ok(Success::Response(json!({"tier_variation": tiers, "model": models})))
}

/// `POST /api/v2/product/update_stock`: absolute numbers, one item a call (section 11).
pub(super) fn update_stock(shop: &mut Shop, parameters: &Parameters<'_>, moment: &mut Moment<'_>) -> Outcome {
    let item_id = parameters.required_integer("item_id")?;
    let rows = parameters.objects("stock_list")?;
    if rows.is_empty() || rows.len() > MOST_STOCK_ROWS {
        return Err(Failure::wrong("stock_list must have 1 to 50 rows."));
    }
    let Some(item) = shop.products.items.get(&item_id) else {
        return Err(Failure::new("error_item_not_found", "Product not found."));
    };
    let has_models = item.has_models();
    let wanted: Vec<(i64, Result<i64, String>)> = rows.iter().map(|row| wanted_stock(shop, row)).collect();
    if has_models && wanted.iter().any(|(model_id, _)| *model_id == 0) {
        return Err(Failure::new(
            "error_edit_item_stock_for_item_has_model",
            "Stock of an item with variations is set by variation.",
        ));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (model_id, stock) in wanted {
        let outcome = stock.and_then(|stock| {
            let changed = shop.products.change_stock(item_id, model_id, |_| stock);
            if changed { Ok(stock) } else { Err("The variation is not found.".to_owned()) }
        });
        match outcome {
            Ok(stock) => {
                moment.changed = true;
                done.push(json!({"model_id": model_id, "location_id": shop.location, "stock": stock}));
            }
            Err(reason) => failed.push(json!({"model_id": model_id, "failed_reason": reason})),
        }
    }
    let all_failed = done.is_empty();
    let response = json!({"failure_list": failed, "success_list": done});
    if all_failed {
        return Err(Failure {
            response: Some(response),
            ..Failure::new("error_busi_update_stock_failed", "Update stock failed.")
        });
    }
    Ok(Success::Response(response))
}

fn wanted_stock(shop: &Shop, row: &Map<String, Value>) -> (i64, Result<i64, String>) {
    let model_id = integer_in(row, "model_id").unwrap_or(0);
    let seller_stock = row.get("seller_stock").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [Value::Object(stock)] = seller_stock else {
        return (model_id, Err("seller_stock must have one row for this shop.".to_owned()));
    };
    let location = stock.get("location_id").and_then(Value::as_str).unwrap_or_default();
    // A single-warehouse shop wants no location; its own one is accepted because the platform itself shows it.
    if !location.is_empty() && location != shop.location {
        return (model_id, Err(format!("Invalid location_id {location}.")));
    }
    match integer_in(stock, "stock") {
        Some(units) if (0..=MOST_STOCK).contains(&units) => (model_id, Ok(units)),
        Some(_) => (model_id, Err("Stock is out of range.".to_owned())),
        None => (model_id, Err("Stock is missing.".to_owned())),
    }
}
