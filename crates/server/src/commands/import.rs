//! `countermand import`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::{SystemClock, now};
use crate::manual_orders::{self, Defaults};
use crate::opening_stock;
use crate::pages::times::Zone;
use crate::sheets::Sheet;
use domain::ids::MerchantId;
use engine::Engine;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A table (csv, tab-separated or xlsx)
    file: PathBuf,
    /// What its rows are
    #[arg(long = "as", value_enum, default_value_t = Kind::Orders)]
    kind: Kind,
    /// Whose orders; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
    /// Check the table and make nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Manual orders: the columns number, sku, quantity, currency, and where known name, unit price, buyer, ordered at, ship by, cod
    Orders,
    /// What lay on the shelf before anything moved: the columns sku, units, warehouse (where there are several), and defective where known
    OpeningStock,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let name = arguments.file.display();
    let bytes =
        std::fs::read(&arguments.file).map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    if matches!(arguments.kind, Kind::OpeningStock) {
        return open_stock(called, &desk, &engine, &merchant, &bytes, &arguments).await;
    }
    let mut session = desk.store.begin().await?;
    let shops = desk.store.shops(&mut session, &merchant).await?;
    let region = shops.first().map(|shop| shop.region.as_str()).unwrap_or_default();
    let defaults = Defaults { now: now(), zone: Zone::of_region(region) };
    let orders = Sheet::parse(&bytes)
        .and_then(|sheet| manual_orders::read(&sheet, defaults))
        .map_err(|error| Failure(error.to_string().lines().map(|line| format!("{name}: {line}")).collect()))?;
    for order in &orders {
        engine.create_manual_order(&mut session, &merchant, "terminal", order).await?;
    }
    let numbers: Vec<&str> = orders.iter().map(|order| order.number.as_str()).collect();
    let words = if arguments.dry_run {
        format!("{} orders could be made; nothing was.", orders.len())
    } else {
        session.commit().await?;
        format!("{} orders are made.", orders.len())
    };
    called.say(&json!({"orders": numbers, "made": !arguments.dry_run}), &words);
    Ok(())
}

async fn open_stock(
    called: &Called,
    desk: &Desk,
    engine: &Engine,
    merchant: &MerchantId,
    bytes: &[u8],
    arguments: &Arguments,
) -> Result<(), Failure> {
    let name = arguments.file.display();
    let mut session = desk.store.begin().await?;
    let openings = opening_stock::read(&mut session, merchant, bytes)
        .await
        .map_err(|error| Failure(error.to_string().lines().map(|line| format!("{name}: {line}")).collect()))?;
    engine.open_stock(&mut session, merchant, "terminal", &openings).await?;
    let words = if arguments.dry_run {
        format!("The opening stock of {} SKUs could be taken; nothing was.", openings.len())
    } else {
        session.commit().await?;
        format!("The opening stock of {} SKUs is taken.", openings.len())
    };
    called.say(&json!({"skus": openings.len(), "taken": !arguments.dry_run}), &words);
    Ok(())
}
