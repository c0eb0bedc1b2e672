//! What is to be picked for printed labels: products by shelf, parcels in the order of printing.

use crate::auth::SignedIn;
use crate::problem::Problem;
use domain::ids::{MerchantSku, OrderId, PackageNumber, WarehouseId};
use engine::pull_list::Why;
use std::collections::{BTreeMap, HashMap};
use store::orders::{self, LineRecord, OrderRecord};
use store::prints::PrintedLabel;
use store::{Session, shelves};

/// Shelves by warehouse and product.
pub type Shelves = HashMap<(WarehouseId, MerchantSku), String>;

/// A product to be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Where.
    pub warehouse: WarehouseId,
    /// On which shelf; `None` where none is known.
    pub shelf: Option<String>,
    /// What.
    pub sku: MerchantSku,
    /// Its name.
    pub name: String,
    /// How many, of all parcels that may go out.
    pub units: u32,
    /// The places of these parcels in the print.
    pub positions: Vec<u32>,
}

/// A parcel of a print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its label.
    pub label: PrintedLabel,
    /// Its order.
    pub order: OrderRecord,
    /// What stands against its going out.
    pub stopped: Option<Why>,
}

/// What is to be picked for a print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picks {
    /// Products, by shelf, then by SKU.
    pub picks: Vec<Pick>,
    /// Parcels, in the order of printing.
    pub parcels: Vec<Parcel>,
}

/// The lines that travel in a package; a line of which that is not known is taken to be in the first.
pub fn lines_in<'a>(order: &'a OrderRecord, package: &'a PackageNumber) -> impl Iterator<Item = &'a LineRecord> {
    let first = order.packages.first().map(|package| &package.number);
    order.lines.iter().filter(move |line| match &line.package {
        Some(of) => of == package,
        None => first.is_none_or(|first| first == package),
    })
}

/// A package's tracking number, where it is known.
#[must_use]
pub fn tracking_number<'a>(order: &'a OrderRecord, package: &PackageNumber) -> Option<&'a str> {
    order.packages.iter().find(|one| one.number == *package)?.tracking_number.as_deref()
}

/// Where the products of these orders lie.
///
/// # Errors
/// As the store says.
pub async fn shelves_of(
    session: &mut Session,
    signed_in: &SignedIn,
    orders: impl Iterator<Item = &OrderRecord>,
) -> Result<Shelves, Problem> {
    let mut skus: Vec<&MerchantSku> = orders.flat_map(|order| &order.lines).map(|line| &line.merchant_sku).collect();
    skus.sort();
    skus.dedup();
    Ok(shelves::of_skus(session, signed_in.merchant(), &skus).await?)
}

/// What is to be picked for these labels, as far as the user may see their orders.
///
/// # Errors
/// As the store says.
pub async fn of_labels(
    session: &mut Session,
    signed_in: &SignedIn,
    labels: Vec<PrintedLabel>,
) -> Result<Picks, Problem> {
    let mut ids: Vec<OrderId> = labels.iter().map(|label| label.order.clone()).collect();
    ids.sort();
    ids.dedup();
    let mut known = orders::load(session, signed_in.merchant(), &ids).await?;
    known.retain(|order| signed_in.sees(&order.shop));
    let shelves = shelves_of(session, signed_in, known.iter()).await?;
    let known: HashMap<OrderId, OrderRecord> = known.into_iter().map(|order| (order.id.clone(), order)).collect();
    let parcel = |label: PrintedLabel| {
        let order = known.get(&label.order)?.clone();
        Some(Parcel { stopped: Why::of(&order), order, label })
    };
    let parcels: Vec<Parcel> = labels.into_iter().filter_map(parcel).collect();
    Ok(Picks { picks: picks(&parcels, &shelves), parcels })
}

fn picks(parcels: &[Parcel], shelves: &Shelves) -> Vec<Pick> {
    // Products with a shelf come first, in the order of the shelves; the others by their SKU.
    let mut sorted: BTreeMap<(bool, String, MerchantSku, WarehouseId), Pick> = BTreeMap::new();
    for parcel in parcels.iter().filter(|parcel| parcel.stopped.is_none()) {
        for line in lines_in(&parcel.order, &parcel.label.package).filter(|line| line.live() > 0) {
            let shelf = shelves.get(&(line.warehouse.clone(), line.merchant_sku.clone())).cloned();
            let key =
                (shelf.is_none(), shelf.clone().unwrap_or_default(), line.merchant_sku.clone(), line.warehouse.clone());
            let pick = sorted.entry(key).or_insert_with(|| Pick {
                warehouse: line.warehouse.clone(),
                shelf,
                sku: line.merchant_sku.clone(),
                name: line.name.clone(),
                units: 0,
                positions: Vec::new(),
            });
            pick.units = pick.units.saturating_add(line.live());
            if pick.positions.last() != Some(&parcel.label.position) {
                pick.positions.push(parcel.label.position);
            }
        }
    }
    sorted.into_values().collect()
}
