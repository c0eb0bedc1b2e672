//! Opening stock as people write it: a table with a row per SKU and warehouse.

use crate::app::App;
use crate::auth::SignedIn;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{Problems, Row, Sheet, SheetError};
use domain::ids::{MerchantId, MerchantSku, WarehouseId};
use engine::opening::Opening;
use std::collections::HashMap;
use store::shops::WarehouseRecord;
use store::{Session, shops, stock};

/// The columns of a table of opening stock; the first two must be there, the warehouse where there are several.
pub(crate) const COLUMNS: [&str; 4] = ["sku", "units", "warehouse", "defective"];
/// The most units of one row.
const UNITS_MAX: u32 = 9_999_999;

/// Reads a table. Nothing is taken when anything is wrong: every wrong row is told, also those of SKUs that have moved
/// already.
///
/// # Errors
/// A problem of the table with every wrong place, or of the store.
pub(crate) async fn read(
    session: &mut Session,
    merchant: &MerchantId,
    bytes: &[u8],
) -> Result<Vec<Opening>, ReadError> {
    let sheet = Sheet::parse(bytes)?;
    let warehouses = shops::warehouses(session, merchant).await?;
    let (mut rows, mut problems) = rows(&sheet, &warehouses)?;
    let skus: Vec<MerchantSku> = rows.iter().map(|(_, opening)| opening.sku.clone()).collect();
    let moved = stock::available(session, merchant, &skus).await?;
    rows.retain(|(row, opening)| {
        let known = moved.contains_key(&(opening.warehouse.clone(), opening.sku.clone()));
        if known {
            let words = format!("row {row}: {} has moved in this warehouse already; count it instead", opening.sku);
            problems.note::<()>(Err(words));
        }
        !known
    });
    problems.end()?;
    Ok(rows.into_iter().map(|(_, opening)| opening).collect())
}

/// Why a table was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Something in it is wrong.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Sheet(error) => error.into(),
            ReadError::Store(error) => error.into(),
        }
    }
}

type Rows = (Vec<(usize, Opening)>, Problems);

fn rows(sheet: &Sheet, warehouses: &[WarehouseRecord]) -> Result<Rows, SheetError> {
    let (sku, units) = (sheet.needed("sku")?, sheet.needed("units")?);
    let defective = sheet.column("defective");
    let warehouse = match warehouses {
        [_] => sheet.column("warehouse"),
        _ => Some(sheet.needed("warehouse")?),
    };
    let named = |text: &str| {
        let found = warehouses.iter().find(|known| known.id.as_str() == text || known.name.eq_ignore_ascii_case(text));
        let names = || warehouses.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
        match (found, warehouses) {
            (Some(found), _) => Ok(found.id.clone()),
            (None, [only]) if text.is_empty() => Ok(only.id.clone()),
            (None, _) => Err(format!("“{text}” is no warehouse; there are: {}", names())),
        }
    };
    let count = |text: &str| {
        let words = format!("“{text}” is no number of units; write 0 to {UNITS_MAX}");
        text.parse::<u32>().ok().filter(|units| *units <= UNITS_MAX).ok_or(words)
    };
    let mut problems = Problems::default();
    let mut openings: Vec<(usize, Opening)> = Vec::new();
    let mut seen: HashMap<(WarehouseId, MerchantSku), usize> = HashMap::new();
    for row in sheet.rows() {
        let opening = |row: &Row| {
            let opening = Opening {
                sku: row.read(sku, |text| MerchantSku::parse(text))?,
                sellable: row.read(units, count)?,
                defective: match defective {
                    Some(column) if !row.cell(column).is_empty() => row.read(column, count)?,
                    _ => 0,
                },
                warehouse: match warehouse {
                    Some(column) => row.read(column, named)?,
                    None => named("").map_err(|words| format!("row {}: {words}", row.number))?,
                },
            };
            if opening.sellable == 0 && opening.defective == 0 {
                return Err(format!("row {}: no unit is named; delete the row", row.number));
            }
            Ok(opening)
        };
        let Some(opening) = problems.note(opening(row)) else { continue };
        let place = (opening.warehouse.clone(), opening.sku.clone());
        if let Some(first) = seen.insert(place, row.number) {
            let words = format!("row {}: {} stands in row {first} already", row.number, opening.sku);
            problems.note::<()>(Err(words));
            continue;
        }
        openings.push((row.number, opening));
    }
    Ok((openings, problems))
}

/// Opens the stock that a table names, in this transaction.
///
/// # Errors
/// 403, or what is wrong with the table.
pub(crate) async fn open(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    bytes: &[u8],
) -> Result<Vec<Opening>, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let openings = read(session, signed_in.merchant(), bytes).await?;
    app.engine.open_stock(session, signed_in.merchant(), signed_in.actor(), &openings).await?;
    Ok(openings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warehouse(id: &str, name: &str) -> WarehouseRecord {
        WarehouseRecord { id: WarehouseId::parse(id).expect("an id"), name: name.to_owned() }
    }

    fn read(table: &str, warehouses: &[WarehouseRecord]) -> Result<Vec<Opening>, SheetError> {
        let (rows, problems) = rows(&Sheet::parse(table.as_bytes())?, warehouses)?;
        problems.end()?;
        Ok(rows.into_iter().map(|(_, opening)| opening).collect())
    }

    #[test]
    fn with_one_warehouse_nobody_has_to_name_it() {
        let one = [warehouse("whs_1", "Shelf")];
        let openings = read("SKU,Units,Defective\nMUG,12,\nCUP,0,3\n", &one).expect("a table");
        let read: Vec<_> = openings.iter().map(|it| (it.sku.as_str(), it.sellable, it.defective)).collect();
        assert_eq!(read, [("MUG", 12, 0), ("CUP", 0, 3)]);
        assert!(openings.iter().all(|opening| opening.warehouse == one[0].id));
    }

    #[test]
    fn every_wrong_row_is_told_and_none_is_taken() {
        let two = [warehouse("whs_1", "Shelf"), warehouse("whs_2", "Attic")];
        let table =
            "sku,units,warehouse\nMUG,12,attic\nCUP,many,whs_1\nPOT,1,Cellar\nMUG,3,Attic\nPAN,0,Shelf\n,4,Shelf\n";
        let told = read(table, &two).expect_err("wrong rows").to_string();
        for words in [
            "row 3, column “units”: “many” is no number of units",
            "row 4, column “warehouse”: “Cellar” is no warehouse; there are: Shelf, Attic",
            "row 5: MUG stands in row 2 already",
            "row 6: no unit is named",
            "row 7, column “sku”",
        ] {
            assert!(told.contains(words), "{words} in {told}");
        }
        assert!(matches!(read("sku,units\nMUG,1\n", &two), Err(SheetError::NoColumn { .. })));
    }
}
