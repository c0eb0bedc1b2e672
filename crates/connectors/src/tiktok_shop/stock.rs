//! Listings and their stock: inventory search and update (`tiktok-shop.md` section 7).
//!
//! A listing is a SKU of a product, `product_id:sku_id`: stock is written product by product. Of shops with several
//! warehouses one can be named in the credentials; where none is, the numbers are the shop's and the warehouse is left out,
//! which the platform takes from shops with a single one (`C3`) and refuses from others in its own words.
//!
//! Zero is no documented quantity (`S`); it is sent like any other, and a refusal is shown.

use std::collections::BTreeMap;

use domain::ids::{ListingId, ListingSku};
use domain::snapshot::ListingSnapshot;
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use crate::call::{CallError, Received};
use crate::connector::{ConnectorError, SetStock, SetStockResult};
use crate::{lenient, wire};

/// Stock of SKUs.
pub(super) const SEARCH: &str = "/product/202309/inventory/search";
/// Absolute numbers of one product.
pub(super) const UPDATE: &str = "/product/202309/products/{product_id}/inventory/update";
/// SKUs per call. The search takes 600 (`C4`); how many an update takes is not documented.
const ROWS_MAX: usize = 50;
/// The product of a line that names none.
const NO_PRODUCT: &str = "0";

/// Our id of a listing.
pub(super) fn listing(product_id: Option<&str>, sku_id: &str) -> Result<ListingId, String> {
    let product_id = product_id.unwrap_or(NO_PRODUCT);
    ListingId::parse(format!("{product_id}:{sku_id}")).map_err(|error| error.to_string())
}

/// TikTok Shop's ids of a listing: digits.
fn ids(listing: &ListingId) -> Result<(&str, &str), ConnectorError> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    listing
        .as_str()
        .split_once(':')
        .filter(|(product, sku)| digits(product) && digits(sku) && *product != NO_PRODUCT)
        .ok_or_else(|| ConnectorError::Listing(listing.as_str().to_owned()))
}

/// Groups by product; what is no listing of TikTok Shop is a group of its own, so that it is refused alone.
pub(super) fn groups(listings: &[ListingId]) -> Vec<Vec<ListingId>> {
    let mut groups: BTreeMap<&str, Vec<ListingId>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for listing in listings {
        match ids(listing) {
            Ok((product, _)) => groups.entry(product).or_default().push(listing.clone()),
            Err(_) => strangers.push(vec![listing.clone()]),
        }
    }
    let mut all = Vec::new();
    for mut group in groups.into_values() {
        group.sort();
        group.dedup();
        all.extend(group.chunks(ROWS_MAX).map(<[ListingId]>::to_vec));
    }
    all.extend(strangers);
    all
}

#[derive(Serialize)]
struct SearchBody<'a> {
    sku_ids: Vec<&'a str>,
}

/// The body that asks for listings' stock.
pub(super) fn search_body(listings: &[ListingId]) -> Result<Vec<u8>, ConnectorError> {
    let sku_ids = listings.iter().map(|listing| ids(listing).map(|(_, sku)| sku)).collect::<Result<Vec<_>, _>>()?;
    if sku_ids.is_empty() {
        return Err(ConnectorError::Listing(String::new()));
    }
    Ok(wire::json(&SearchBody { sku_ids }))
}

#[derive(Deserialize)]
struct SearchData {
    inventory: Option<Vec<Product>>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default, deserialize_with = "lenient::text")]
    product_id: Option<String>,
    skus: Option<Vec<Sku>>,
}

#[derive(Deserialize)]
struct Sku {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    total_available_quantity: Option<i64>,
    warehouse_inventory: Option<Vec<Warehouse>>,
}

#[derive(Deserialize)]
struct Warehouse {
    #[serde(default, deserialize_with = "lenient::text")]
    warehouse_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    available_quantity: Option<i64>,
}

impl Sku {
    /// The sellable units: the named warehouse's, else the shop's. What orders hold (`committed_quantity`) is not in it.
    fn sellable(&self, warehouse: &str) -> Option<i64> {
        if warehouse.is_empty() {
            return self.total_available_quantity;
        }
        let rows = self.warehouse_inventory.as_ref()?;
        rows.iter().find(|row| row.warehouse_id.as_deref() == Some(warehouse))?.available_quantity
    }
}

/// Reads listings' stock. A listing that the answer lacks, or whose stock it does not state, is left out.
pub(super) fn read(
    asked: &Asked,
    warehouse: &str,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<ListingSnapshot>, CallError> {
    let answer = asked.answer(received)?;
    let data: SearchData = answer.data()?;
    let mut found = Vec::new();
    for product in data.inventory.unwrap_or_default() {
        for sku in product.skus.unwrap_or_default() {
            let (Some(id), Some(stock)) = (sku.id.as_deref(), sku.sellable(warehouse)) else { continue };
            let read = snapshot(product.product_id.as_deref(), id, sku.seller_sku.clone(), stock);
            let read = read.map_err(|problem| answer.unreadable(&problem))?;
            if listings.contains(&read.listing) {
                found.push(read);
            }
        }
    }
    Ok(found)
}

fn snapshot(
    product_id: Option<&str>,
    sku_id: &str,
    seller_sku: Option<String>,
    stock: i64,
) -> Result<ListingSnapshot, String> {
    let listing = listing(product_id, sku_id)?;
    let own = seller_sku.and_then(|sku| ListingSku::parse(sku).ok());
    let derived = || ListingSku::parse(listing.as_str()).map_err(|error| error.to_string());
    // The answer has no name of the product.
    Ok(ListingSnapshot { listing_sku: own.map_or_else(derived, Ok)?, listing, name: String::new(), stock })
}

#[derive(Serialize)]
struct UpdateBody<'a> {
    skus: Vec<UpdateRow<'a>>,
}

#[derive(Serialize)]
struct UpdateRow<'a> {
    id: &'a str,
    inventory: [UpdateStock<'a>; 1],
}

#[derive(Serialize)]
struct UpdateStock<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    warehouse_id: &'a str,
    quantity: i64,
}

/// Path and body that set a group's stock.
pub(super) fn update_request(stock: &[SetStock], warehouse_id: &str) -> Result<(String, Vec<u8>), ConnectorError> {
    let mut product = None;
    let mut skus = Vec::with_capacity(stock.len());
    for row in stock {
        let (product_id, id) = ids(&row.listing)?;
        if *product.get_or_insert(product_id) != product_id {
            return Err(ConnectorError::Listing(row.listing.as_str().to_owned()));
        }
        skus.push(UpdateRow { id, inventory: [UpdateStock { warehouse_id, quantity: row.stock.max(0) }] });
    }
    let product = product.ok_or_else(|| ConnectorError::Listing(String::new()))?;
    Ok((UPDATE.replace("{product_id}", product), wire::json(&UpdateBody { skus })))
}

#[derive(Deserialize, Default)]
struct UpdateData {
    errors: Option<Vec<RowError>>,
}

#[derive(Deserialize)]
struct RowError {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    detail: Option<RowDetail>,
}

#[derive(Deserialize)]
struct RowDetail {
    #[serde(default, deserialize_with = "lenient::text")]
    sku_id: Option<String>,
    extra_errors: Option<Vec<ExtraError>>,
}

#[derive(Deserialize)]
struct ExtraError {
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

impl RowError {
    fn words(&self) -> String {
        let extra = self.detail.iter().flat_map(|detail| detail.extra_errors.iter().flatten());
        let messages = self.message.iter().chain(extra.filter_map(|error| error.message.as_ref()));
        let messages: Vec<&str> = messages.map(String::as_str).collect();
        let code = self.code.as_deref().unwrap_or("no code");
        if messages.is_empty() { format!("refused ({code})") } else { format!("{} ({code})", messages.join(": ")) }
    }
}

/// Reads what became of each row: errors of rows come with a success (`C3`). One that names no SKU of the group speaks of
/// them all.
pub(super) fn read_update(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<SetStockResult>, CallError> {
    let answer = asked.answer(received)?;
    let data: UpdateData = answer.data_or_none()?.unwrap_or_default();
    let errors = data.errors.unwrap_or_default();
    let skus: Vec<&str> = listings.iter().filter_map(|listing| ids(listing).ok()).map(|(_, sku)| sku).collect();
    let speaks_of = |error: &RowError, sku: &str| {
        let named = error.detail.as_ref().and_then(|detail| detail.sku_id.as_deref());
        named.is_none_or(|named| named == sku || !skus.contains(&named))
    };
    let result = |listing: &ListingId| {
        let sku = ids(listing).map_or("", |(_, sku)| sku);
        let refused = errors.iter().find(|error| speaks_of(error, sku)).map(RowError::words);
        SetStockResult { listing: listing.clone(), refused }
    };
    Ok(listings.iter().map(result).collect())
}
