//! `countermand import`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::{SystemClock, now};
use crate::manual_orders::{self, Defaults};
use crate::pages::times::Zone;
use crate::sheets::Sheet;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A table of manual orders (csv, tab-separated or xlsx) with the columns number, sku, quantity, currency, and where known name, unit price, buyer, ordered at, ship by, cod
    file: PathBuf,
    /// Whose orders; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
    /// Check the table and make nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let name = arguments.file.display();
    let bytes =
        std::fs::read(&arguments.file).map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
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
