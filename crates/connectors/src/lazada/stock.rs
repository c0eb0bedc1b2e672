//! Listings and their stock: `/product/item/get` and `/product/stock/sellable/update` (`lazada.md` section 9).
//!
//! A listing is an item's SKU, `item_id:sku_id`. Lazada reads item by item and writes up to 50 SKUs a call, 20 advised; a
//! group is one item's, so that a refusal speaks of one item.
//!
//! Sellers with several warehouses name a warehouse with every number; which warehouse's number a listing's is, no rule
//! here says. Such a shop's update is refused by Lazada in its own words; nothing is written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::ids::{ListingId, ListingSku};
use domain::snapshot::ListingSnapshot;
use serde::Deserialize;

use super::Parameters;
use super::errors::Asked;
use crate::call::{CallError, Received};
use crate::connector::{ConnectorError, SetStock, SetStockResult};
use crate::lenient;

/// An item with its SKUs.
pub(super) const GET_ITEM: &str = "/product/item/get";
/// Absolute sellable numbers.
pub(super) const UPDATE_SELLABLE: &str = "/product/stock/sellable/update";
/// Rows per update, as advised.
const ROWS_MAX: usize = 20;

/// Our id of the listing that an order's item was sold from. Orders before `product_id` and `sku_id` existed carry both in
/// `shop_sku` (`2292225297_TH-7709407525`); where even that has another form, it is the id, and no stock call takes it.
pub(super) fn listing(
    product_id: Option<i64>,
    sku_id: Option<i64>,
    shop_sku: Option<&str>,
    seller_sku: Option<&str>,
) -> Result<ListingId, String> {
    let both = |item: Option<i64>, sku: Option<i64>| item.filter(|&id| id > 0).zip(sku.filter(|&id| id > 0));
    let in_shop_sku = || {
        let (item, rest) = shop_sku?.split_once('_')?;
        let (_, sku) = rest.split_once('-')?;
        both(item.parse().ok(), sku.parse().ok())
    };
    let text = match both(product_id, sku_id).or_else(in_shop_sku) {
        Some((item, sku)) => format!("{item}:{sku}"),
        None => shop_sku.or(seller_sku).ok_or("it names no SKU")?.to_owned(),
    };
    ListingId::parse(text).map_err(|error| error.to_string())
}

/// The seller's code on a listing; where the seller gave none, the listing's id.
pub(super) fn listing_sku(listing: &ListingId, seller_sku: Option<String>) -> Result<ListingSku, String> {
    // A code that is no code (too long, a control character inside) counts as none.
    seller_sku
        .and_then(|sku| ListingSku::parse(sku).ok())
        .map_or_else(|| ListingSku::parse(listing.as_str()).map_err(|error| error.to_string()), Ok)
}

/// Lazada's ids of a listing.
fn ids(listing: &ListingId) -> Result<(i64, i64), ConnectorError> {
    let numbers = listing.as_str().split_once(':').and_then(|(item, sku)| {
        let (item, sku): (i64, i64) = (item.parse().ok()?, sku.parse().ok()?);
        (item > 0 && sku > 0).then_some((item, sku))
    });
    numbers.ok_or_else(|| ConnectorError::Listing(listing.as_str().to_owned()))
}

/// Groups by item; what is no listing of Lazada is a group of its own, so that it is refused alone.
pub(super) fn groups(listings: &[ListingId]) -> Vec<Vec<ListingId>> {
    let mut groups: BTreeMap<i64, Vec<ListingId>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for listing in listings {
        match ids(listing) {
            Ok((item_id, _)) => groups.entry(item_id).or_default().push(listing.clone()),
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

/// The one item that listings of a group are of.
fn item<'a>(listings: impl Iterator<Item = &'a ListingId>) -> Result<i64, ConnectorError> {
    let mut group = None;
    for listing in listings {
        let (item_id, _) = ids(listing)?;
        if *group.get_or_insert(item_id) != item_id {
            return Err(ConnectorError::Listing(listing.as_str().to_owned()));
        }
    }
    group.ok_or_else(|| ConnectorError::Listing(String::new()))
}

/// Parameters of a group's read.
pub(super) fn read_parameters(listings: &[ListingId]) -> Result<Parameters, ConnectorError> {
    Ok(vec![("item_id", item(listings.iter())?.to_string())])
}

#[derive(Deserialize)]
struct Product {
    #[serde(default, deserialize_with = "lenient::integer")]
    item_id: Option<i64>,
    attributes: Option<Attributes>,
    skus: Option<Vec<Sku>>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sku {
    #[serde(default, deserialize_with = "lenient::integer")]
    sku_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    available: Option<i64>,
    #[serde(default, rename = "quantity", deserialize_with = "lenient::integer")]
    quantity: Option<i64>,
    #[serde(rename = "multiWarehouseInventories")]
    warehouses: Option<Vec<Warehouse>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Warehouse {
    #[serde(default, deserialize_with = "lenient::integer")]
    sellable_quantity: Option<i64>,
}

impl Sku {
    /// The seller's own sellable units over all warehouses. `quantity` alone is disputed between sellable and total, so
    /// it comes last; nothing where the answer states none.
    fn sellable(&self) -> Option<i64> {
        let rows = self.warehouses.as_deref().unwrap_or_default();
        let sum = rows.iter().try_fold(0_i64, |sum, row| sum.checked_add(row.sellable_quantity?));
        sum.filter(|_| !rows.is_empty()).or(self.available).or(self.quantity)
    }
}

/// Reads a group's stock. A listing that the answer lacks, or whose stock it does not state, is left out.
pub(super) fn read(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<ListingSnapshot>, CallError> {
    let answer = asked.answer(received)?;
    let product: Product = answer.payload()?;
    let asked_for = listings.first().and_then(|listing| ids(listing).ok()).map(|(item_id, _)| item_id);
    let Some(item_id) = product.item_id.or(asked_for) else { return Ok(Vec::new()) };
    let name = product.attributes.and_then(|attributes| attributes.name).unwrap_or_default();
    let mut found = Vec::new();
    for sku in product.skus.unwrap_or_default() {
        let (Some(sku_id), Some(stock)) = (sku.sku_id, sku.sellable()) else { continue };
        let snapshot = listing(Some(item_id), Some(sku_id), None, None).and_then(|listing| {
            let listing_sku = listing_sku(&listing, sku.seller_sku)?;
            Ok(ListingSnapshot { listing, listing_sku, name: name.clone(), stock })
        });
        let snapshot = snapshot.map_err(|problem| answer.unreadable(&problem))?;
        if listings.contains(&snapshot.listing) {
            found.push(snapshot);
        }
    }
    Ok(found)
}

/// The parameters that set a group's stock: one, holding XML.
pub(super) fn update_parameters(stock: &[SetStock]) -> Result<Parameters, ConnectorError> {
    item(stock.iter().map(|row| &row.listing))?;
    let mut rows = String::new();
    for row in stock {
        let (item_id, sku_id) = ids(&row.listing)?;
        let units = row.stock.max(0);
        // Writing to a string does not fail.
        let _ = write!(
            rows,
            "<Sku><ItemId>{item_id}</ItemId><SkuId>{sku_id}</SkuId><SellableQuantity>{units}</SellableQuantity></Sku>"
        );
    }
    Ok(vec![("payload", format!("<Request><Product><Skus>{rows}</Skus></Product></Request>"))])
}

/// Reads what became of a group: all of it or, as an error, none.
pub(super) fn read_update(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<SetStockResult>, CallError> {
    asked.answer(received)?;
    Ok(listings.iter().map(|listing| SetStockResult { listing: listing.clone(), refused: None }).collect())
}
