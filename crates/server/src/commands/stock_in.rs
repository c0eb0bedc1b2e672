//! `countermand stock-in`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::SystemClock;
use crate::sheets::{Row, Sheet};
use domain::ids::{MerchantId, OrderNumber, WarehouseId};
use domain::stock::Visit;
use engine::stock_ins::{LineVisit, OrderVisit, StockIn};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::orders::OrderRecord;
use store::{Session, stock_ins};

/// Orders that one transaction stocks in.
const ORDERS_PER_COMMIT: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// CSV or .xlsx with the columns order, and sku, sellable, defective, missing, found where not all of it is sellable
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

/// An order of the file with its rows.
struct Named<'a> {
    order: OrderRecord,
    rows: Vec<&'a Row>,
}

async fn find(
    desk: &Desk,
    session: &mut Session,
    merchant: &MerchantId,
    sheet: &Sheet,
    row: &Row,
) -> Result<OrderRecord, String> {
    let order = desk.order(session, merchant, cell(sheet, row, "order")).await;
    order.map_err(|error| format!("row {}, column “order”: {error}", row.number))
}

/// A cell by its column's name; empty where the table has no such column.
fn cell<'a>(sheet: &Sheet, row: &'a Row, name: &str) -> &'a str {
    sheet.column(name).map_or("", |column| row.cell(column))
}

/// Units; an empty cell is none.
fn units(sheet: &Sheet, row: &Row, name: &str) -> Result<u32, String> {
    let Some(column) = sheet.column(name) else { return Ok(0) };
    row.read(column, |text| match text {
        "" => Ok(0),
        text => text.parse::<u32>().map_err(|_| format!("“{text}” is no whole number of units")),
    })
}

/// What the rows of one order say of it. A SKU that stands on several lines fills one after the other.
fn visit(sheet: &Sheet, named: &Named<'_>) -> Result<OrderVisit, String> {
    let order = named.order.id.clone();
    if named.rows.iter().all(|row| cell(sheet, row, "sku").is_empty()) {
        return Ok(OrderVisit { order, lines: None, expected: None });
    }
    let mut lines: Vec<LineVisit> = Vec::new();
    for row in &named.rows {
        let sku = cell(sheet, row, "sku");
        let mut left = Visit {
            sellable: units(sheet, row, "sellable")?,
            defective: units(sheet, row, "defective")?,
            missing: units(sheet, row, "missing")?,
            found: units(sheet, row, "found")?,
        };
        let of_sku = named.order.lines.iter().filter(|line| line.merchant_sku.as_str() == sku);
        for line in of_sku {
            let mut room = line.stock.returning;
            let mut take = |wanted: &mut u32| {
                let units = (*wanted).min(room);
                room -= units;
                *wanted -= units;
                units
            };
            let mut here = Visit {
                sellable: take(&mut left.sellable),
                defective: take(&mut left.defective),
                missing: take(&mut left.missing),
                found: 0,
            };
            here.found = left.found.min(line.stock.lost);
            left.found -= here.found;
            if here.units() > 0 {
                let (id, sku) = (line.id.clone(), line.merchant_sku.clone());
                lines.push(LineVisit { line: id, sku, visit: here, expected: None });
            }
        }
        if left.units() > 0 {
            let (row, left) = (row.number, left.units());
            return Err(format!("row {row}, column “sku”: {left} of the units of “{sku}” do not wait in this order"));
        }
    }
    Ok(OrderVisit { order, lines: Some(lines), expected: None })
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let bytes = std::fs::read(&arguments.file)
        .map_err(|error| Failure::new(format!("{}: {error}", arguments.file.display())))?;
    let sheet = Sheet::parse(&bytes)?;
    sheet.needed("order")?;
    let mut session = desk.store.read().await?;
    let warehouse = match arguments.warehouse {
        Some(id) => WarehouseId::parse(id)?,
        None => match stock_ins::settings(&mut session, &merchant).await?.return_warehouse {
            Some(warehouse) => warehouse,
            None => only_warehouse(&mut session, &merchant).await?,
        },
    };
    let mut wrong: Vec<String> = Vec::new();
    let mut named: Vec<Named<'_>> = Vec::new();
    for row in sheet.rows() {
        match find(&desk, &mut session, &merchant, &sheet, row).await {
            Ok(order) => match named.iter_mut().find(|known| known.order.id == order.id) {
                Some(known) => known.rows.push(row),
                None => named.push(Named { order, rows: vec![row] }),
            },
            Err(error) => wrong.push(error),
        }
    }
    drop(session);
    let mut visits = Vec::with_capacity(named.len());
    for order in &named {
        match visit(&sheet, order) {
            Ok(entered) => visits.push(entered),
            Err(error) => wrong.push(error),
        }
    }
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let (mut stocked_in, mut units) = (0, 0);
    for orders in visits.chunks(ORDERS_PER_COMMIT) {
        let mut session = desk.store.begin().await?;
        let request = StockIn {
            actor: "terminal",
            warehouse: &warehouse,
            orders,
            note: arguments.note.as_deref(),
            shops: None,
            batch: None,
        };
        let outcomes = engine.stock_in(&mut session, &merchant, &request).await?;
        session.commit().await?;
        for (order, outcome) in outcomes {
            match outcome {
                Ok(receipt) => {
                    stocked_in += 1;
                    units += receipt.units();
                }
                Err(skipped) => {
                    let number = named.iter().find(|known| known.order.id == order).map(|known| &known.order.number);
                    wrong.push(format!("{}: {skipped}", number.map_or(order.as_str(), OrderNumber::as_str)));
                }
            }
        }
    }
    called.say(
        &json!({"stocked_in": stocked_in, "units": units, "warehouse": warehouse.as_str(), "wrong": wrong}),
        &format!("{units} units of {stocked_in} orders stocked in at {warehouse}"),
    );
    if wrong.is_empty() { Ok(()) } else { Err(Failure(wrong)) }
}

async fn only_warehouse(session: &mut Session, merchant: &MerchantId) -> Result<WarehouseId, Failure> {
    let known = store::shops::warehouses(session, merchant).await?;
    match known.as_slice() {
        [only] => Ok(only.id.clone()),
        several => {
            let ids: Vec<&str> = several.iter().map(|warehouse| warehouse.id.as_str()).collect();
            Err(Failure::new(format!("name one with --warehouse: {}", ids.join(", "))))
        }
    }
}
