//! Listings and their stock: `get_item_base_info`, `get_model_list` and `update_stock` (`shopee.md` section 11).
//!
//! A listing is an item's variation, `item_id:model_id`; `model_id` 0 is an item without variations. Shopee reads and
//! writes item by item, and an item with variations answers at another endpoint than one without: a group is one item.
//!
//! Shops with several warehouses want a `location_id` with every number; which warehouse's number a listing's is, no rule
//! here says. Such a shop's update is refused by Shopee in its own words; nothing is written.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{ListingId, ListingSku};
use domain::snapshot::ListingSnapshot;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Parameters;
use super::errors::{Answer, Asked};
use crate::call::{CallError, Received};
use crate::connector::{ConnectorError, SetStock, SetStockResult};
use crate::lenient::{self, read_object};

/// An item without variations.
pub(super) const GET_ITEM_BASE_INFO: &str = "/api/v2/product/get_item_base_info";
/// An item's variations.
pub(super) const GET_MODEL_LIST: &str = "/api/v2/product/get_model_list";
/// Absolute numbers of one item.
pub(super) const UPDATE_STOCK: &str = "/api/v2/product/update_stock";
/// Every row was refused; the rows stand in the answer all the same.
pub(super) const NOTHING_UPDATED: &str = "error_busi_update_stock_failed";
/// Rows per `update_stock`.
const ROWS_MAX: usize = 50;

/// Our id of a listing.
pub(super) fn listing(item_id: i64, model_id: i64) -> Result<ListingId, String> {
    ListingId::parse(format!("{item_id}:{model_id}")).map_err(|error| error.to_string())
}

/// Shopee's ids of a listing.
pub(super) fn ids(listing: &ListingId) -> Result<(i64, i64), ConnectorError> {
    let numbers = listing.as_str().split_once(':').and_then(|(item, model)| {
        let (item, model): (i64, i64) = (item.parse().ok()?, model.parse().ok()?);
        (item > 0 && model >= 0).then_some((item, model))
    });
    numbers.ok_or_else(|| ConnectorError::Listing(listing.as_str().to_owned()))
}

/// The seller's code on a listing: the variation's, or the item's where there are no variations (section 6.2); where
/// the seller gave none, the listing's id. An item's code never stands for its variations: they are different goods.
pub(super) fn listing_sku(
    listing: &ListingId,
    model_id: i64,
    model_sku: Option<String>,
    item_sku: Option<String>,
) -> Result<ListingSku, String> {
    let own = if model_id == 0 { model_sku.or(item_sku) } else { model_sku };
    // A code that is no code (too long, a control character inside) counts as none.
    own.and_then(|sku| ListingSku::parse(sku).ok())
        .map_or_else(|| ListingSku::parse(listing.as_str()).map_err(|error| error.to_string()), Ok)
}

/// Groups by item, apart for items with and without variations; what is no listing of Shopee is a group of its own, so
/// that it is refused alone.
pub(super) fn groups(listings: &[ListingId]) -> Vec<Vec<ListingId>> {
    let mut groups: BTreeMap<(i64, bool), Vec<ListingId>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for listing in listings {
        match ids(listing) {
            Ok((item_id, model_id)) => groups.entry((item_id, model_id != 0)).or_default().push(listing.clone()),
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

/// The one item that listings of a group are of, and whether it has variations.
fn item<'a>(listings: impl Iterator<Item = &'a ListingId>) -> Result<(i64, bool), ConnectorError> {
    let mut group = None;
    for listing in listings {
        let (item_id, model_id) = ids(listing)?;
        if *group.get_or_insert((item_id, model_id != 0)) != (item_id, model_id != 0) {
            return Err(ConnectorError::Listing(listing.as_str().to_owned()));
        }
    }
    group.ok_or_else(|| ConnectorError::Listing(String::new()))
}

/// Endpoint and parameters of a group's read.
pub(super) fn read_request(listings: &[ListingId]) -> Result<(&'static str, Parameters), ConnectorError> {
    Ok(match item(listings.iter())? {
        (item_id, true) => (GET_MODEL_LIST, vec![("item_id", item_id.to_string())]),
        (item_id, false) => (GET_ITEM_BASE_INFO, vec![("item_id_list", item_id.to_string())]),
    })
}

#[derive(Deserialize)]
struct ItemsResponse {
    item_list: Option<Vec<ReadItem>>,
}

#[derive(Deserialize)]
struct ReadItem {
    #[serde(default, deserialize_with = "lenient::integer")]
    item_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    item_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    item_sku: Option<String>,
    stock_info_v2: Option<StockInfo>,
}

#[derive(Deserialize)]
struct ModelsResponse {
    model: Option<Vec<ReadModel>>,
}

#[derive(Deserialize)]
struct ReadModel {
    #[serde(default, deserialize_with = "lenient::integer")]
    model_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    model_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    model_sku: Option<String>,
    stock_info_v2: Option<StockInfo>,
}

#[derive(Deserialize)]
struct StockInfo {
    seller_stock: Option<Vec<SellerStock>>,
}

#[derive(Deserialize)]
struct SellerStock {
    #[serde(default, deserialize_with = "lenient::integer")]
    stock: Option<i64>,
    #[serde(default, deserialize_with = "lenient::flag")]
    if_saleable: Option<bool>,
}

impl StockInfo {
    /// The seller's own sellable units over all locations; nothing where the answer does not state them.
    fn sellable(&self) -> Option<i64> {
        self.seller_stock
            .as_ref()?
            .iter()
            .filter(|row| row.if_saleable != Some(false))
            .try_fold(0_i64, |sum, row| sum.checked_add(row.stock?))
    }
}

/// Reads a group's stock. A listing that the answer lacks, or whose seller stock it does not state, is left out.
pub(super) fn read(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<ListingSnapshot>, CallError> {
    let answer = asked.answer(received)?;
    let found = if asked.endpoint == GET_MODEL_LIST { models(&answer, listings)? } else { items(&answer)? };
    Ok(found.into_iter().filter(|snapshot| listings.contains(&snapshot.listing)).collect())
}

fn items(answer: &Answer<'_>) -> Result<Vec<ListingSnapshot>, CallError> {
    let response: ItemsResponse = answer.response()?;
    let rows = response.item_list.unwrap_or_default().into_iter();
    rows.filter_map(|row| {
        let (item_id, stock) = (row.item_id?, row.stock_info_v2?.sellable()?);
        Some(snapshot(item_id, 0, row.item_name, None, row.item_sku, stock))
    })
    .collect::<Result<_, _>>()
    .map_err(|problem| answer.unreadable(&problem))
}

/// Models do not repeat their item's id: it is the one that was asked for.
fn models(answer: &Answer<'_>, listings: &[ListingId]) -> Result<Vec<ListingSnapshot>, CallError> {
    let response: ModelsResponse = answer.response()?;
    let Some(Ok((item_id, _))) = listings.first().map(ids) else { return Ok(Vec::new()) };
    let rows = response.model.unwrap_or_default().into_iter();
    rows.filter_map(|row| {
        let (model_id, stock) = (row.model_id?, row.stock_info_v2?.sellable()?);
        Some(snapshot(item_id, model_id, row.model_name, row.model_sku, None, stock))
    })
    .collect::<Result<_, _>>()
    .map_err(|problem| answer.unreadable(&problem))
}

fn snapshot(
    item_id: i64,
    model_id: i64,
    name: Option<String>,
    model_sku: Option<String>,
    item_sku: Option<String>,
    stock: i64,
) -> Result<ListingSnapshot, String> {
    let listing = listing(item_id, model_id)?;
    let listing_sku = listing_sku(&listing, model_id, model_sku, item_sku)?;
    Ok(ListingSnapshot { listing, listing_sku, name: name.unwrap_or_default(), stock })
}

#[derive(Serialize)]
struct UpdateBody {
    item_id: i64,
    stock_list: Vec<UpdateRow>,
}

#[derive(Serialize)]
struct UpdateRow {
    model_id: i64,
    seller_stock: [UpdateStock; 1],
}

#[derive(Serialize)]
struct UpdateStock {
    stock: i64,
}

/// The body that sets a group's stock.
pub(super) fn update_body(stock: &[SetStock]) -> Result<Vec<u8>, ConnectorError> {
    let (item_id, _) = item(stock.iter().map(|row| &row.listing))?;
    let stock_list = stock
        .iter()
        .map(|row| {
            Ok(UpdateRow { model_id: ids(&row.listing)?.1, seller_stock: [UpdateStock { stock: row.stock.max(0) }] })
        })
        .collect::<Result<_, ConnectorError>>()?;
    Ok(super::json(&UpdateBody { item_id, stock_list }))
}

#[derive(Deserialize)]
struct UpdateResponse {
    failure_list: Option<Vec<FailedRow>>,
    success_list: Option<Vec<SetRow>>,
}

#[derive(Deserialize)]
struct FailedRow {
    #[serde(default, deserialize_with = "lenient::integer")]
    model_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    failed_reason: Option<String>,
}

#[derive(Deserialize)]
struct SetRow {
    #[serde(default, deserialize_with = "lenient::integer")]
    model_id: Option<i64>,
}

/// Reads what became of each row. One that stands in neither list counts as refused: it is pushed again.
pub(super) fn read_update(
    asked: &Asked,
    listings: &[ListingId],
    received: &Received,
) -> Result<Vec<SetStockResult>, CallError> {
    let response: UpdateResponse = match asked.answer_or_failure(received) {
        Ok(answer) => answer.response()?,
        Err(failure) if failure.error.story.code.ends_with(NOTHING_UPDATED) => {
            failure.response.and_then(rows).ok_or(failure.error)?
        }
        Err(failure) => return Err(failure.error),
    };
    let failed: HashMap<i64, String> = response
        .failure_list
        .unwrap_or_default()
        .into_iter()
        .map(|row| (row.model_id.unwrap_or(0), row.failed_reason.unwrap_or_else(|| "refused".to_owned())))
        .collect();
    let set: Vec<i64> =
        response.success_list.unwrap_or_default().into_iter().map(|row| row.model_id.unwrap_or(0)).collect();
    let result = |listing: &ListingId| {
        let model_id = ids(listing).map_or(0, |(_, model_id)| model_id);
        let refused = match failed.get(&model_id) {
            Some(words) => Some(words.clone()),
            None if set.contains(&model_id) => None,
            None => Some("the answer does not name it".to_owned()),
        };
        SetStockResult { listing: listing.clone(), refused }
    };
    Ok(listings.iter().map(result).collect())
}

fn rows(raw: &RawValue) -> Option<UpdateResponse> {
    read_object(raw.get().as_bytes()).ok()
}
