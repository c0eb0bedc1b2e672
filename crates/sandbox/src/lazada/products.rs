//! Listings and their stock: sheet section 9.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success};
use super::shops::Shop;
use super::status::Bucket;
use crate::marketplace::Moment;

/// Rows of a stock call.
const MOST_STOCK_ROWS: usize = 50;
/// Products of a page.
const MOST_PRODUCTS: i64 = 50;
/// The most units that a listing can offer; the platform's own bound is not documented.
const MOST_STOCK: i64 = 999_999;
/// The only warehouse of a single-warehouse seller.
pub(super) const WAREHOUSE: &str = "dropshipping";

/// A product with its SKUs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) skus: Vec<Sku>,
}

/// One listing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sku {
    pub(super) id: i64,
    pub(super) seller_sku: String,
    /// Such as `Color:Red`; empty where the product has no variations.
    pub(super) variation: String,
    /// Price in minor units of the shop's currency.
    pub(super) price: i64,
    /// Units offered.
    pub(super) sellable: i64,
    /// Units of unpaid orders.
    pub(super) withheld: i64,
    /// Units of paid orders that are not ready to ship.
    pub(super) occupied: i64,
}

/// The listings of a shop.
#[derive(Debug, Default)]
pub(super) struct Products {
    products: BTreeMap<i64, Product>,
    seller_skus: HashMap<String, (i64, i64)>,
    changed: BTreeSet<i64>,
}

impl Products {
    /// All products.
    pub(super) fn all(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.products.len()
    }

    /// A product and one of its SKUs.
    pub(super) fn listing(&self, product: i64, sku: i64) -> Option<(&Product, &Sku)> {
        let product = self.products.get(&product)?;
        Some((product, product.skus.iter().find(|row| row.id == sku)?))
    }

    /// The product and SKU behind a seller's SKU.
    pub(super) fn by_seller_sku(&self, seller_sku: &str) -> Option<(i64, i64)> {
        self.seller_skus.get(seller_sku).copied()
    }

    /// Adds a product or replaces it.
    pub(super) fn put(&mut self, product: Product) {
        for sku in &product.skus {
            self.seller_skus.insert(sku.seller_sku.clone(), (product.id, sku.id));
        }
        self.changed.insert(product.id);
        self.products.insert(product.id, product);
    }

    fn change(&mut self, product: i64, sku: i64, change: impl FnOnce(&mut Sku)) -> bool {
        let found = self.products.get_mut(&product).and_then(|found| found.skus.iter_mut().find(|row| row.id == sku));
        let Some(found) = found else { return false };
        change(found);
        found.sellable = found.sellable.clamp(0, MOST_STOCK);
        found.withheld = found.withheld.max(0);
        found.occupied = found.occupied.max(0);
        self.changed.insert(product);
        true
    }

    /// Sets the units offered.
    pub(super) fn offer(&mut self, product: i64, sku: i64, units: i64) -> bool {
        self.change(product, sku, |sku| sku.sellable = units)
    }

    /// A unit of an order that was there from the beginning.
    pub(super) fn count_one(&mut self, product: i64, sku: i64, bucket: Bucket) {
        self.change(product, sku, |sku| count(sku, bucket, 1));
    }

    /// A buyer ordered a unit.
    pub(super) fn order_one(&mut self, product: i64, sku: i64, bucket: Bucket) {
        self.change(product, sku, |sku| {
            sku.sellable -= 1;
            count(sku, bucket, 1);
        });
    }

    /// A unit of an order moved on, or its order was cancelled: before it is ready to ship it is offered again.
    pub(super) fn move_one(&mut self, product: i64, sku: i64, from: Bucket, to: Bucket, cancelled: bool) {
        self.change(product, sku, |sku| {
            count(sku, from, -1);
            count(sku, to, 1);
            if cancelled && from != Bucket::Out {
                sku.sellable += 1;
            }
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

fn count(sku: &mut Sku, bucket: Bucket, units: i64) {
    match bucket {
        Bucket::Withheld => sku.withheld += units,
        Bucket::Occupied => sku.occupied += units,
        Bucket::Out => {}
    }
}

/// `shop_sku`, Lazada's own code of a SKU (section 5.3).
pub(super) fn shop_sku(shop: &Shop, product: i64, sku: i64) -> String {
    format!("{product}_{}-{sku}", shop.region.code)
}

fn shown(shop: &Shop, product: &Product) -> Value {
    let skus: Vec<Value> = product
        .skus
        .iter()
        .map(|sku| {
            let total = sku.sellable + sku.withheld + sku.occupied;
            json!({
                "SkuId": sku.id, "SellerSku": sku.seller_sku, "ShopSku": shop_sku(shop, product.id, sku.id),
                // The documents disagree on what this counts (section 9); here it is what can be sold.
                "quantity": sku.sellable, "Available": sku.sellable, "Status": "active",
                "price": shop.money(sku.price),
                "multiWarehouseInventories": [{
                    "warehouseCode": WAREHOUSE, "sellableQuantity": sku.sellable, "withholdQuantity": sku.withheld,
                    "occupyQuantity": sku.occupied, "totalQuantity": total, "quantity": total,
                }],
                "fblWarehouseInventories": [], "channelInventories": [],
            })
        })
        .collect();
    json!({
        "item_id": product.id, "status": "Active", "attributes": {"name": product.name}, "skus": skus,
    })
}

/// `GET /product/item/get`.
pub(super) fn get_item(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let id = parameters.integer("item_id")?.ok_or_else(|| Failure::missing("item_id"))?;
    let product = shop.products.products.get(&id);
    // The code of an unknown product is not in the sheet.
    product
        .map(|product| Success::Data(shown(shop, product)))
        .ok_or_else(|| Failure::caller("208", "E208: Item not found"))
}

/// `GET /products/get`.
pub(super) fn get_products(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let limit = parameters.integer("limit")?.unwrap_or(20);
    let offset = parameters.integer("offset")?.unwrap_or(0);
    if !(1..=MOST_PRODUCTS).contains(&limit) {
        return Err(Failure::caller("19", "E019: Limit is not valid"));
    }
    let wanted: Option<Vec<String>> =
        parameters.text("sku_seller_list").and_then(|text| serde_json::from_str(text).ok());
    let matching = shop.products.all().filter(|product| {
        wanted.as_ref().is_none_or(|wanted| product.skus.iter().any(|sku| wanted.contains(&sku.seller_sku)))
    });
    let found: Vec<&Product> = matching.collect();
    let page = found.iter().skip(usize::try_from(offset).unwrap_or(0)).take(usize::try_from(limit).unwrap_or(0));
    let rows: Vec<Value> = page.map(|product| shown(shop, product)).collect();
    Ok(Success::Data(json!({"total_products": found.len(), "products": rows})))
}

/// What the numbers of a stock call mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// Units that can be sold.
    Sellable,
    /// A change of the units that can be sold.
    Change,
    /// All units, those of orders among them.
    Total,
}

struct Row {
    product: Option<i64>,
    sku: Option<i64>,
    seller_sku: Option<String>,
    units: Option<i64>,
}

/// `/product/stock/sellable/update`, `/product/stock/sellable/adjust` and `/product/price_quantity/update`: rows of one
/// call are judged together and nothing is changed where one is refused; which of both the platform does is not said.
pub(super) fn update(shop: &mut Shop, parameters: &Parameters<'_>, meant: Meant, moment: &mut Moment<'_>) -> Outcome {
    let payload = parameters.text("payload").ok_or_else(|| Failure::missing("payload"))?;
    let rows = rows(payload, meant).ok_or_else(|| Failure::caller("5", "E005: Invalid Request Format"))?;
    if rows.is_empty() {
        return Err(Failure::caller("30", "E030: Empty Request"));
    }
    if rows.len() > MOST_STOCK_ROWS {
        return Err(Failure::caller("4171", "E4171: Too many SKUs in one request"));
    }
    let mut changes = Vec::new();
    let mut refused = Vec::new();
    for row in rows {
        match row.judge(shop, meant) {
            Ok(change) => changes.push(change),
            Err((code, message)) => refused.push((code, message, row.seller_sku.unwrap_or_default())),
        }
    }
    if let Some((code, _, _)) = refused.iter().find(|(code, _, _)| *code != "501") {
        return Err(Failure::caller(code, "E0212: The quantity is negative"));
    }
    if !refused.is_empty() {
        let detail = refused
            .iter()
            .map(|(_, message, seller_sku)| json!({"field": "Quantity", "message": message, "seller_sku": seller_sku}))
            .collect();
        return Err(Failure {
            detail: Some(Box::new(detail)),
            ..Failure::backend("501", "E0501: Update product failed")
        });
    }
    for (product, sku, units) in changes {
        shop.products.offer(product, sku, units);
    }
    moment.changed = true;
    Ok(Success::Data(json!({})))
}

impl Row {
    /// The listing with its new number of units that can be sold.
    fn judge(&self, shop: &Shop, meant: Meant) -> Result<(i64, i64, i64), (&'static str, String)> {
        let by_ids = self.product.zip(self.sku);
        let by_seller_sku = || self.seller_sku.as_deref().and_then(|sku| shop.products.by_seller_sku(sku));
        let (product, sku) = by_ids.or_else(by_seller_sku).ok_or(("501", "The SKU is not named".to_owned()))?;
        let (_, row) = shop.products.listing(product, sku).ok_or(("501", "The SKU is not found".to_owned()))?;
        let units = self.units.ok_or(("501", "The quantity is missing".to_owned()))?;
        let sellable = match meant {
            Meant::Sellable => units,
            Meant::Change => row.sellable.saturating_add(units),
            Meant::Total => {
                let bound = row.withheld + row.occupied;
                if units < bound {
                    return Err(("501", format!("The quantity must be {bound} or more: units of open orders")));
                }
                units - bound
            }
        };
        match sellable {
            0..=MOST_STOCK => Ok((product, sku, sellable)),
            ..0 => Err(("212", "negative".to_owned())),
            _ => Err(("501", "The quantity is out of range".to_owned())),
        }
    }
}

/// The rows of a payload: XML, or for prices and quantities the same tree as JSON.
fn rows(payload: &str, meant: Meant) -> Option<Vec<Row>> {
    let field = if meant == Meant::Total { "Quantity" } else { "SellableQuantity" };
    if meant == Meant::Total && payload.trim_start().starts_with('{') {
        return json_rows(&serde_json::from_str(payload).ok()?, field);
    }
    let inner = element(payload.trim(), "Request")?;
    let skus = element(element(inner, "Product")?, "Skus")?;
    let mut rest = skus;
    let mut rows = Vec::new();
    while let Some(start) = rest.find("<Sku>") {
        let end = rest[start..].find("</Sku>")? + start;
        let row = &rest[start + "<Sku>".len()..end];
        let number = |name: &str| element(row, name).and_then(|text| text.trim().parse().ok());
        rows.push(Row {
            product: number("ItemId"),
            sku: number("SkuId"),
            seller_sku: element(row, "SellerSku").map(str::to_owned),
            units: number(field),
        });
        rest = &rest[end + "</Sku>".len()..];
    }
    Some(rows)
}

/// The text inside an element's first occurrence. Enough for a tree whose texts are numbers and codes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let start = text.find(&open)? + open.len();
    let end = text[start..].find(&close)? + start;
    Some(&text[start..end])
}

fn json_rows(tree: &Value, field: &str) -> Option<Vec<Row>> {
    let sku = &tree["Request"]["Product"]["Skus"]["Sku"];
    let rows: Vec<&Value> = match sku {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(_) => vec![sku],
        _ => return None,
    };
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let row = |row: &&Value| Row {
        product: number(&row["ItemId"]),
        sku: number(&row["SkuId"]),
        seller_sku: row["SellerSku"].as_str().map(str::to_owned),
        units: number(&row[field]),
    };
    Some(rows.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Product, SKU and units of each row.
    fn units(payload: &str, meant: Meant) -> Option<Vec<[Option<i64>; 3]>> {
        rows(payload, meant).map(|rows| rows.iter().map(|row| [row.product, row.sku, row.units]).collect())
    }

    #[test]
    fn rows_are_read_with_and_without_a_warehouse() {
        let plain = "<Request><Product><Skus><Sku><ItemId>1</ItemId><SkuId>2</SkuId><SellableQuantity>0</SellableQuantity>\
                     </Sku><Sku><ItemId>3</ItemId><SkuId>4</SkuId></Sku></Skus></Product></Request>";
        let expected = Some(vec![[Some(1), Some(2), Some(0)], [Some(3), Some(4), None]]);
        assert_eq!(units(plain, Meant::Sellable), expected);
        let warehouse = "<?xml version=\"1.0\"?><Request><Product><Skus><Sku><ItemId>1</ItemId><SkuId>2</SkuId>\
                         <MultiWarehouseInventories><MultiWarehouseInventory><WarehouseCode>dropshipping</WarehouseCode>\
                         <SellableQuantity>7</SellableQuantity></MultiWarehouseInventory></MultiWarehouseInventories></Sku>\
                         </Skus></Product></Request>";
        assert_eq!(units(warehouse, Meant::Sellable), Some(vec![[Some(1), Some(2), Some(7)]]));
    }

    #[test]
    fn totals_may_come_as_json() {
        let tree = r#"{"Request":{"Product":{"Skus":{"Sku":[{"ItemId":"1","SkuId":2,"Quantity":"5"}]}}}}"#;
        assert_eq!(units(tree, Meant::Total), Some(vec![[Some(1), Some(2), Some(5)]]));
        assert_eq!(units(tree, Meant::Sellable), None);
    }

    #[test]
    fn what_is_no_request_is_none() {
        for payload in ["", "<Request>", "<Request></Request>", "<Sku></Sku>", "{}", "<Request><Product><Skus><Sku>"] {
            assert_eq!(units(payload, Meant::Sellable).filter(|rows| !rows.is_empty()), None, "{payload}");
        }
    }
}
