//! `countermand stock-in`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::SystemClock;
use crate::stock_ins;
use domain::ids::{OrderId, OrderNumber};
use engine::stock_ins::StockIn;
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::orders;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// CSV or .xlsx with the columns order, and sku, sellable, defective, missing, found where not all of it is sellable.
    /// Nothing is taken while a row is wrong
    file: PathBuf,
    /// The warehouse that takes the units in; its id, as GET /api/v1/stock shows it
    #[arg(long)]
    warehouse: Option<String>,
    /// A note, kept here
    #[arg(long)]
    note: Option<String>,
    /// Whose orders; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let name = arguments.file.display();
    let bytes =
        std::fs::read(&arguments.file).map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut session = desk.store.begin().await?;
    let warehouse = stock_ins::warehouse(&mut session, &merchant, arguments.warehouse.as_deref()).await?;
    let warehouse = warehouse.map_err(|error| Failure::new(format!("--warehouse: {error}")))?;
    let visits = stock_ins::read(&desk.store, &mut session, &merchant, None, &bytes)
        .await
        .map_err(|error| Failure(error.to_string().lines().map(|line| format!("{name}: {line}")).collect()))?;
    let request = StockIn {
        actor: "terminal",
        warehouse: &warehouse,
        orders: &visits,
        note: arguments.note.as_deref(),
        shops: None,
        batch: None,
    };
    let outcomes = engine.stock_in(&mut session, &merchant, &request).await?;
    let ids: Vec<OrderId> = outcomes.iter().map(|(order, _)| order.clone()).collect();
    let numbers: HashMap<OrderId, OrderNumber> =
        orders::numbers(&mut session, &merchant, &ids).await?.into_iter().collect();
    session.commit().await?;
    let (mut stocked_in, mut units, mut wrong) = (0, 0, Vec::new());
    for (order, outcome) in outcomes {
        match outcome {
            Ok(receipt) => {
                stocked_in += 1;
                units += receipt.units();
            }
            Err(skipped) => {
                wrong.push(format!("{}: {skipped}", numbers.get(&order).map_or(order.as_str(), OrderNumber::as_str)));
            }
        }
    }
    called.say(
        &json!({"stocked_in": stocked_in, "units": units, "warehouse": warehouse.as_str(), "wrong": wrong}),
        &format!("{units} units of {stocked_in} orders stocked in at {warehouse}"),
    );
    if wrong.is_empty() { Ok(()) } else { Err(Failure(wrong)) }
}
