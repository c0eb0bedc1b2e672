//! Stock: balances, the movements that make them, and the listings. Read only.

use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::{MerchantSku, OrderId, ShopId, WarehouseId};
use domain::stock::{Balance, Bucket};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use store::explain::{self, Wanted};
use store::{orders, shops, stock};
use utoipa::ToSchema;

/// A page of balances.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockPage {
    /// By warehouse and SKU.
    pub stock: Vec<StockRow>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// The units of one SKU in one warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the buckets of product.md section 5")]
pub struct StockRow {
    pub warehouse: String,
    pub merchant_sku: String,
    pub available: i64,
    pub allocated: i64,
    pub reserved: i64,
    pub count_needed: i64,
    pub defective: i64,
    pub outbound: i64,
    pub returning: i64,
    pub lost: i64,
    /// Available, reserved, allocated, defective and what has to be counted.
    pub on_hand: i64,
}

impl From<&stock::BalanceRecord> for StockRow {
    fn from(found: &stock::BalanceRecord) -> Self {
        Self {
            warehouse: found.warehouse.as_str().to_owned(),
            merchant_sku: found.sku.as_str().to_owned(),
            available: found.balance.available,
            allocated: found.balance.allocated,
            reserved: found.balance.reserved,
            count_needed: found.balance.count_needed,
            defective: found.balance.defective,
            outbound: found.balance.outbound,
            returning: found.balance.returning,
            lost: found.balance.lost,
            on_hand: found.balance.on_hand(),
        }
    }
}

/// Units by warehouse and SKU.
#[utoipa::path(
    get, path = "/api/v1/stock", tag = "stock",
    params(("sku" = Option<String>, Query), ("warehouse" = Option<String>, Query), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = StockPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn balances(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<StockPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["sku", "warehouse", "limit", "cursor"])?;
    let sku = query.read("sku", |text| MerchantSku::parse(text))?;
    let warehouse = query.read("warehouse", |text| WarehouseId::parse(text))?;
    let (limit, after) = (query.limit()?, query.after::<2>()?);
    let mut session = app.store.read().await?;
    if let Some(id) = &warehouse {
        known_warehouse(&mut session, &signed_in, id).await?;
    }
    let after = after.as_ref().map(|[warehouse, sku]| (warehouse.as_str(), sku.as_str()));
    let found =
        stock::balances(&mut session, signed_in.merchant(), sku.as_ref(), warehouse.as_ref(), after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let last = found.get(shown - 1).filter(|_| found.len() > shown);
    let next = last.map(|last| cursor(&[last.warehouse.as_str(), last.sku.as_str()]));
    Ok(Json(StockPage { stock: found.iter().take(shown).map(StockRow::from).collect(), next }))
}

/// The warehouses that a user sees: those of their shops; `None` means all.
///
/// # Errors
/// Of the store.
pub async fn warehouses_seen(
    app: &App,
    session: &mut store::Session,
    signed_in: &SignedIn,
) -> Result<Option<Vec<WarehouseId>>, Problem> {
    if signed_in.shops().is_none() {
        return Ok(None);
    }
    let shops = app.store.shops(session, signed_in.merchant()).await?;
    let seen = shops.into_iter().filter(|shop| signed_in.sees(&shop.id)).map(|shop| shop.warehouse);
    Ok(Some(seen.collect()))
}

async fn known_warehouse(session: &mut store::Session, signed_in: &SignedIn, id: &WarehouseId) -> Result<(), Problem> {
    let known = shops::warehouses(session, signed_in.merchant()).await?;
    if known.iter().any(|warehouse| warehouse.id == *id) { Ok(()) } else { Err(Problem::not_found("warehouse")) }
}

/// A page of movements, newest first, and the numbers that they make.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MovementPage {
    /// The movements.
    pub movements: Vec<Movement>,
    /// The sum of all movements up to the moment that was asked for.
    pub balance: StockRow,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Units that moved from one bucket to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Movement {
    pub at: String,
    pub from: String,
    pub to: String,
    pub units: i64,
    pub cause: String,
    /// Null where there is none, or where it is of a shop that the reader may not see.
    pub order_id: Option<String>,
    pub actor: String,
    /// What each bucket held after it; of one bucket only where the query names one.
    pub after: BTreeMap<String, i64>,
}

/// What the buckets held after each of these movements, which are newest first. `last` is what they held after the first
/// of them.
#[must_use]
pub fn running(found: &[explain::MovementRecord], last: Balance) -> Vec<Balance> {
    let mut after = last;
    let step = |movement: &explain::MovementRecord| {
        let held = after;
        after.apply(movement.to, movement.from, movement.units);
        held
    };
    found.iter().map(step).collect()
}

/// The movements that make one SKU's numbers, up to any moment.
#[utoipa::path(
    get, path = "/api/v1/stock/{warehouse}/{merchant_sku}/movements", tag = "stock",
    params(("warehouse" = String, Path), ("merchant_sku" = String, Path),
        ("until" = Option<String>, Query, description = "A moment; what moved later does not count"),
        ("bucket" = Option<String>, Query, description = "Only what changed this bucket"),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = MovementPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn movements(
    State(app): State<App>,
    signed_in: SignedIn,
    Path((warehouse, sku)): Path<(String, String)>,
    query: Query,
) -> Result<Json<MovementPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["until", "bucket", "limit", "cursor"])?;
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| Problem::not_found("warehouse"))?;
    let sku = MerchantSku::parse(sku).map_err(|_| Problem::not_found("SKU"))?;
    let (until, bucket) = (query.moment("until")?, query.read("bucket", Bucket::parse)?);
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let before = after.as_ref().map(|[id]| id.as_str());
    let merchant = signed_in.merchant();
    let mut session = app.store.read().await?;
    known_warehouse(&mut session, &signed_in, &warehouse).await?;
    let wanted = Wanted { warehouse: &warehouse, sku: &sku, bucket, until };
    if explain::course(&mut session, merchant, &Wanted { until: None, ..wanted }).await?.is_none() {
        return Err(Problem::not_found("SKU"));
    }
    let found = explain::movements(&mut session, merchant, &wanted, before, limit + 1).await?;
    let balance = explain::totals(&mut session, merchant, &wanted, None).await?;
    let last = match found.first() {
        Some(first) => explain::totals(&mut session, merchant, &wanted, Some(&first.id)).await?,
        None => balance,
    };
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));

    let named: HashSet<OrderId> = found.iter().filter_map(|movement| movement.order.clone()).collect();
    let named: Vec<OrderId> = if signed_in.shops().is_some() { named.into_iter().collect() } else { Vec::new() };
    let hidden: HashSet<OrderId> = orders::load(&mut session, merchant, &named)
        .await?
        .into_iter()
        .filter(|order| !signed_in.sees(&order.shop))
        .map(|order| order.id)
        .collect();
    let kept = Bucket::ALL.iter().filter(|kept| **kept != Bucket::Outside);
    // Of one bucket the movements that are shown change nothing but that bucket's own number for sure.
    let told: Vec<Bucket> = kept.copied().filter(|kept| bucket.is_none_or(|bucket| bucket == *kept)).collect();
    let movement = |(found, after): (&explain::MovementRecord, Balance)| Movement {
        at: rfc3339(found.at),
        from: found.from.as_str().to_owned(),
        to: found.to.as_str().to_owned(),
        units: found.units,
        cause: found.cause.as_str().to_owned(),
        order_id: found.order.as_ref().filter(|order| !hidden.contains(order)).map(|order| order.as_str().to_owned()),
        actor: found.actor.clone(),
        after: told.iter().map(|bucket| (bucket.as_str().to_owned(), after.units(*bucket))).collect(),
    };
    let after = running(&found, last);
    let movements = found.iter().zip(after).take(shown).map(movement).collect();
    let balance = StockRow::from(&stock::BalanceRecord { warehouse, sku, balance });
    Ok(Json(MovementPage { movements, balance, next }))
}

/// The listings of the merchant's shops, 1,000 at the most.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Listings {
    /// By SKU.
    pub listings: Vec<Listing>,
}

/// A listing as it was last read.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1")]
pub struct Listing {
    pub shop: String,
    pub id: String,
    pub listing_sku: String,
    pub merchant_sku: String,
    pub name: String,
    /// Its sellable units on the platform.
    pub stock: i64,
    pub read_at: String,
    /// Whether it is held against any push until its SKU is counted.
    pub held: bool,
}

/// The listings, with their stock as last read, and whether they are held.
#[utoipa::path(
    get, path = "/api/v1/listings", tag = "stock", params(("sku" = Option<String>, Query), ("shop" = Option<String>, Query)),
    responses((status = 200, body = Listings), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn listings(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<Listings>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["sku", "shop"])?;
    let sku = query.read("sku", |text| MerchantSku::parse(text))?;
    let shop = query.read("shop", |text| ShopId::parse(text))?;
    if shop.as_ref().is_some_and(|shop| !signed_in.sees(shop)) {
        return Err(Problem::not_found("shop"));
    }
    let mut session = app.store.read().await?;
    let found = stock::listings(&mut session, signed_in.merchant(), shop.as_ref(), sku.as_ref()).await?;
    let listing = |found: &stock::ListingRecord| Listing {
        shop: found.shop.as_str().to_owned(),
        id: found.listing.as_str().to_owned(),
        listing_sku: found.listing_sku.as_str().to_owned(),
        merchant_sku: found.merchant_sku.as_str().to_owned(),
        name: found.name.clone(),
        stock: found.stock,
        read_at: rfc3339(found.read_at),
        held: found.held,
    };
    let visible = found.iter().filter(|found| signed_in.sees(&found.shop));
    Ok(Json(Listings { listings: visible.map(listing).collect() }))
}
