//! Listings and their stock (`tokopedia.md` section B.5). A listing is a product, which a variation is as well.
//!
//! A product is read alone; the form of that answer is a sample of the documentation that stands in several public clients'
//! tests.

use domain::ids::{ListingId, ListingSku};
use domain::snapshot::ListingSnapshot;
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use crate::call::{CallError, Received};
use crate::connector::{ConnectorError, SetStock, SetStockResult};
use crate::{lenient, wire};

/// One product.
pub(super) const INFO: &str = "/inventory/v1/fs/{fs_id}/product/info";
/// Absolute numbers.
pub(super) const UPDATE: &str = "/inventory/v1/fs/{fs_id}/stock/update";
/// Rows per update (`C4`).
const ROWS_MAX: usize = 100;

/// Our id of a listing.
pub(super) fn listing(product_id: i64) -> Result<ListingId, String> {
    ListingId::parse(product_id.to_string()).map_err(|error| error.to_string())
}

/// Tokopedia's id of a listing.
pub(super) fn product(listing: &ListingId) -> Result<i64, ConnectorError> {
    let number = listing.as_str().parse::<i64>().ok().filter(|&id| id > 0);
    number.ok_or_else(|| ConnectorError::Listing(listing.as_str().to_owned()))
}

/// The seller's code on a listing; the product's number where there is none.
pub(super) fn listing_sku(listing: &ListingId, sku: Option<String>) -> Result<ListingSku, String> {
    let own = sku.and_then(|sku| ListingSku::parse(sku).ok());
    own.map_or_else(|| ListingSku::parse(listing.as_str()).map_err(|error| error.to_string()), Ok)
}

/// Each alone: that is how they are read.
pub(super) fn groups(listings: &[ListingId]) -> Vec<Vec<ListingId>> {
    let mut listings = listings.to_vec();
    listings.sort();
    listings.dedup();
    listings.into_iter().map(|listing| vec![listing]).collect()
}

/// The one product of a group.
pub(super) fn one(listings: &[ListingId]) -> Result<i64, ConnectorError> {
    match listings {
        [listing] => product(listing),
        [] => Err(ConnectorError::Listing(String::new())),
        [_, second, ..] => Err(ConnectorError::Listing(second.as_str().to_owned())),
    }
}

#[derive(Deserialize)]
struct Product {
    basic: Option<Basic>,
    stock: Option<Stock>,
    other: Option<Other>,
}

#[derive(Deserialize)]
struct Basic {
    #[serde(default, rename = "productID", deserialize_with = "lenient::integer")]
    product_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Stock {
    #[serde(default, deserialize_with = "lenient::integer")]
    value: Option<i64>,
}

#[derive(Deserialize)]
struct Other {
    #[serde(default, deserialize_with = "lenient::text")]
    sku: Option<String>,
}

/// Reads a product's stock. One that the answer lacks, or whose stock it does not state, is left out.
pub(super) fn read(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<ListingSnapshot>, CallError> {
    let answer = asked.answer(received)?;
    let products: Vec<Product> = answer.data()?;
    let mut found = Vec::new();
    for product in products {
        let Some(basic) = product.basic else { continue };
        let (Some(id), Some(stock)) = (basic.product_id, product.stock.and_then(|stock| stock.value)) else { continue };
        let read = listing(id).and_then(|listing| {
            let listing_sku = listing_sku(&listing, product.other.and_then(|other| other.sku))?;
            Ok(ListingSnapshot { listing, listing_sku, name: basic.name.unwrap_or_default(), stock })
        });
        let read = read.map_err(|problem| answer.unreadable(&problem))?;
        if listings.contains(&read.listing) {
            found.push(read);
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Row {
    product_id: i64,
    new_stock: i64,
}

/// The body that sets stock.
pub(super) fn update_body(stock: &[SetStock]) -> Result<Vec<u8>, ConnectorError> {
    if stock.is_empty() || stock.len() > ROWS_MAX {
        return Err(ConnectorError::Listing(String::new()));
    }
    let row = |row: &SetStock| Ok(Row { product_id: product(&row.listing)?, new_stock: row.stock.max(0) });
    Ok(wire::json(&stock.iter().map(row).collect::<Result<Vec<_>, ConnectorError>>()?))
}

#[derive(Deserialize)]
struct Updated {
    #[serde(default, deserialize_with = "lenient::integer")]
    failed_rows: Option<i64>,
    failed_rows_data: Option<Vec<FailedRow>>,
}

#[derive(Deserialize)]
struct FailedRow {
    #[serde(default, deserialize_with = "lenient::integer")]
    product_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

/// Reads what became of each row: rows fail inside a success (`C3`). One that names none of them speaks of them all.
pub(super) fn read_update(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<SetStockResult>, CallError> {
    let answer = asked.answer(received)?;
    let updated: Updated = answer.data()?;
    let failed = updated.failed_rows_data.unwrap_or_default();
    let ours: Vec<i64> = listings.iter().filter_map(|listing| product(listing).ok()).collect();
    let speaks_of = |row: &&FailedRow, id: Option<i64>| {
        row.product_id == id || row.product_id.is_none_or(|named| !ours.contains(&named))
    };
    let unnamed = failed.is_empty() && updated.failed_rows.unwrap_or(0) > 0;
    let result = |listing: &ListingId| {
        let words = |row: &FailedRow| row.message.clone().unwrap_or_else(|| "refused".to_owned());
        let row = failed.iter().find(|row| speaks_of(row, product(listing).ok()));
        let refused = row.map(words).or_else(|| unnamed.then(|| "refused".to_owned()));
        SetStockResult { listing: listing.clone(), refused }
    };
    Ok(listings.iter().map(result).collect())
}
