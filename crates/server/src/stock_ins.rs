//! Canceled orders stock in as people write it: a table with a row per SKU of an order, or per order that is back whole;
//! and the same table with what waits, to be filled in.

use crate::opening_stock::ReadError;
use crate::sheets::{Column, Problems, Row, Sheet, SheetError};
use domain::ids::{MerchantId, MerchantSku, OrderId, OrderNumber, ShopId, WarehouseId};
use domain::stock::Visit;
use engine::stock_ins::{LineVisit, OrderVisit};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::collections::{BTreeSet, HashMap};
use store::orders::{self, OrderRecord};
use store::{Session, Store, StoreError, shops, stock_ins};

/// The columns of a table; only the first must be there.
pub(crate) const COLUMNS: [&str; 7] = ["order", "sku", "expected", "sellable", "defective", "missing", "found"];
/// What a table of what waits shows besides.
const SHOWN: [&str; 3] = ["product", "tracking number", "marketplace"];
const WIDTHS: [f64; 10] = [24.0, 24.0, 10.0, 10.0, 10.0, 10.0, 10.0, 40.0, 24.0, 40.0];
/// The most orders of one table: they are stocked in together.
pub(crate) const ORDERS_MAX: usize = 5_000;

/// What the rows of one order say of one SKU.
struct Found {
    /// The first of them.
    row: usize,
    sku: MerchantSku,
    visit: Visit,
    /// Units that waited when the table was made.
    expected: Option<u32>,
}

/// An order with what its rows say.
struct Named<'a> {
    order: &'a OrderRecord,
    /// The row that says that all of it is back.
    whole: Option<usize>,
    skus: Vec<Found>,
}

/// Reads a table, among the orders that the reader sees. Nothing is taken when anything is wrong: every wrong row is told.
///
/// # Errors
/// A problem of the table with every wrong place, or of the store.
pub(crate) async fn read(
    store: &Store,
    session: &mut Session,
    merchant: &MerchantId,
    seen: Option<&[ShopId]>,
    bytes: &[u8],
) -> Result<Vec<OrderVisit>, ReadError> {
    let sheet = Sheet::parse(bytes)?;
    let column = sheet.needed(COLUMNS[0])?;
    let names: BTreeSet<&str> = sheet.rows().iter().map(|row| row.cell(column)).filter(|it| !it.is_empty()).collect();
    if names.len() > ORDERS_MAX {
        let words = format!("the table has more than {ORDERS_MAX} orders; split it");
        return Err(SheetError::Unreadable(words).into());
    }
    let known = named(store, session, merchant, seen, &names).await?;
    Ok(visits(&sheet, column, &known)?)
}

/// The orders that these names mean, by our id or by their number in any shop.
async fn named<'a>(
    store: &Store,
    session: &mut Session,
    merchant: &MerchantId,
    seen: Option<&[ShopId]>,
    names: &BTreeSet<&'a str>,
) -> Result<HashMap<&'a str, Vec<OrderRecord>>, StoreError> {
    let is_seen = |shop: &ShopId| seen.is_none_or(|seen| seen.contains(shop));
    let mut ids: Vec<(&'a str, OrderId)> =
        names.iter().filter_map(|name| Some((*name, OrderId::parse(*name).ok()?))).collect();
    let numbers: HashMap<OrderNumber, &'a str> =
        names.iter().filter_map(|name| Some((OrderNumber::parse(*name).ok()?, *name))).collect();
    let wanted: Vec<OrderNumber> = numbers.keys().cloned().collect();
    for shop in store.shops(session, merchant).await?.iter().filter(|shop| is_seen(&shop.id)) {
        let found = orders::ids_by_number(session, merchant, &shop.id, &wanted).await?;
        ids.extend(found.into_iter().filter_map(|(number, id)| Some((*numbers.get(&number)?, id))));
    }
    let every: Vec<OrderId> = ids.iter().map(|(_, id)| id.clone()).collect();
    let records = orders::load(session, merchant, &every).await?;
    let loaded: HashMap<&OrderId, &OrderRecord> =
        records.iter().filter(|order| is_seen(&order.shop)).map(|order| (&order.id, order)).collect();
    let mut known: HashMap<&'a str, Vec<OrderRecord>> = HashMap::new();
    for (name, id) in &ids {
        if let Some(order) = loaded.get(id) {
            known.entry(*name).or_default().push((*order).clone());
        }
    }
    Ok(known)
}

/// Units; an empty cell is none.
fn units(row: &Row, column: Option<Column<'_>>) -> Result<Option<u32>, String> {
    let Some(column) = column else { return Ok(None) };
    row.read(column, |text| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("“{text}” is no whole number of units")),
    })
}

fn visits(
    sheet: &Sheet,
    order: Column<'_>,
    known: &HashMap<&str, Vec<OrderRecord>>,
) -> Result<Vec<OrderVisit>, SheetError> {
    let [_, sku, expected, sellable, defective, missing, found] = COLUMNS.map(|name| sheet.column(name));
    let meant = |name: &str| match known.get(name).map(Vec::as_slice) {
        _ if name.is_empty() => Err("write an order's number".to_owned()),
        None | Some([]) => Err(format!("there is no order {name}")),
        Some([only]) => Ok(only),
        Some(several) => {
            let ids: Vec<&str> = several.iter().map(|order| order.id.as_str()).collect();
            Err(format!("{name} stands in several shops; write one of our ids: {}", ids.join(", ")))
        }
    };
    let mut problems = Problems::default();
    let mut named: Vec<Named<'_>> = Vec::new();
    let mut places: HashMap<&OrderId, usize> = HashMap::new();
    for row in sheet.rows() {
        let number = |column| units(row, column);
        let read = (
            problems.note(row.read(order, meant)),
            problems.note(number(expected)),
            problems.note(number(sellable)),
            problems.note(number(defective)),
            problems.note(number(missing)),
            problems.note(number(found)),
        );
        let (Some(order), Some(expected), Some(sellable), Some(defective), Some(missing), Some(found)) = read else {
            continue;
        };
        let of = |units: Option<u32>| units.unwrap_or_default();
        let visit = Visit { sellable: of(sellable), defective: of(defective), missing: of(missing), found: of(found) };
        let place = *places.entry(&order.id).or_insert_with(|| {
            named.push(Named { order, whole: None, skus: Vec::new() });
            named.len() - 1
        });
        let entered = row_of(row, sku, &mut named[place], visit, expected);
        problems.note(entered.map_err(|words| format!("row {}, column “sku”: {words}", row.number)));
    }
    let mut visits = Vec::with_capacity(named.len());
    for named in &named {
        visits.extend(problems.note(visit_of(named)).flatten());
    }
    problems.end()?;
    if visits.is_empty() {
        return Err(SheetError::Unreadable("no row says what was found; write units into some of them".to_owned()));
    }
    Ok(visits)
}

/// Adds what a row says to what is said of its order.
fn row_of(
    row: &Row,
    sku: Option<Column<'_>>,
    named: &mut Named<'_>,
    visit: Visit,
    expected: Option<u32>,
) -> Result<(), String> {
    let number = &named.order.number;
    let text = sku.map_or("", |column| row.cell(column));
    if text.is_empty() {
        return match (visit.units(), named.whole, named.skus.as_slice()) {
            (1.., ..) => Err("write of which SKU these units are".to_owned()),
            (0, Some(first), _) => Err(format!("order {number} stands in row {first} already")),
            (0, None, [known, ..]) => Err(format!("row {} says what was found of order {number} already", known.row)),
            (0, None, []) => {
                named.whole = Some(row.number);
                Ok(())
            }
        };
    }
    if let Some(first) = named.whole {
        return Err(format!("row {first} says that all of order {number} is back"));
    }
    if !named.order.lines.iter().any(|line| line.merchant_sku.as_str() == text) {
        return Err(format!("order {number} has no “{text}”"));
    }
    match named.skus.iter_mut().find(|known| known.sku.as_str() == text) {
        // Two lines of one SKU may stand in two rows.
        Some(known) => {
            known.visit.sellable = known.visit.sellable.saturating_add(visit.sellable);
            known.visit.defective = known.visit.defective.saturating_add(visit.defective);
            known.visit.missing = known.visit.missing.saturating_add(visit.missing);
            known.visit.found = known.visit.found.saturating_add(visit.found);
            known.expected = known.expected.zip(expected).map(|(one, other)| one.saturating_add(other));
        }
        None => {
            let sku = MerchantSku::parse(text).map_err(|error| error.to_string())?;
            named.skus.push(Found { row: row.number, sku, visit, expected });
        }
    }
    Ok(())
}

/// What the rows of one order come to; `None` where they say nothing was found. A SKU that stands on several lines fills one
/// after the other.
fn visit_of(named: &Named<'_>) -> Result<Option<OrderVisit>, String> {
    let order = named.order.id.clone();
    if named.whole.is_some() {
        return Ok(Some(OrderVisit { order, lines: None, expected: None }));
    }
    let mut lines: Vec<LineVisit> = Vec::new();
    for said in &named.skus {
        let place = format!("row {}, column", said.row);
        let of_sku = || named.order.lines.iter().filter(|line| line.merchant_sku == said.sku);
        let waits: u32 = of_sku().map(|line| line.stock.returning).sum();
        if let Some(expected) = said.expected.filter(|expected| *expected != waits && said.visit.units() > 0) {
            return Err(format!(
                "{place} “expected”: {expected} units were expected and {waits} wait now; look at the order again"
            ));
        }
        let mut left = said.visit;
        for line in of_sku() {
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
                lines.push(LineVisit { line: id, sku, visit: here, expected: Some(line.stock.returning) });
            }
        }
        if left.units() > 0 {
            let (left, sku) = (left.units(), &said.sku);
            return Err(format!("{place} “sku”: {left} of the units of “{sku}” do not wait in this order"));
        }
    }
    Ok((!lines.is_empty()).then_some(OrderVisit { order, lines: Some(lines), expected: None }))
}

/// The warehouse that takes units in: the one that is named, else where returns are taken in, else the only one.
///
/// # Errors
/// [`NoWarehouse`] with the ones that there are, or the store's.
pub(crate) async fn warehouse(
    session: &mut Session,
    merchant: &MerchantId,
    named: Option<&str>,
) -> Result<Result<WarehouseId, NoWarehouse>, StoreError> {
    let known = shops::warehouses(session, merchant).await?;
    let ids = || known.iter().map(|warehouse| warehouse.id.to_string()).collect::<Vec<_>>().join(", ");
    if let Some(named) = named {
        let found = known.iter().find(|warehouse| warehouse.id.as_str() == named).map(|found| found.id.clone());
        return Ok(found.ok_or_else(|| NoWarehouse(ids())));
    }
    if let Some(usual) = stock_ins::settings(session, merchant).await?.return_warehouse {
        return Ok(Ok(usual));
    }
    Ok(match known.as_slice() {
        [only] => Ok(only.id.clone()),
        _ => Err(NoWarehouse(ids())),
    })
}

/// No warehouse is named, or one that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name the warehouse that takes the units in; there are: {0}")]
pub(crate) struct NoWarehouse(String);

/// A table of what waits of these orders, to be filled in; `hints` is what their platforms think of the goods.
///
/// # Errors
/// Of the workbook's writer.
pub(crate) fn to_fill_in(orders: &[OrderRecord], hints: &HashMap<OrderId, bool>) -> Result<Vec<u8>, XlsxError> {
    let mut seen: HashMap<&OrderNumber, usize> = HashMap::new();
    for order in orders {
        *seen.entry(&order.number).or_default() += 1;
    }
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    let sheet = workbook.add_worksheet().set_name("To stock in")?;
    for (column, (title, width)) in (0..).zip(COLUMNS.iter().chain(&SHOWN).zip(WIDTHS)) {
        sheet.write_string_with_format(0, column, *title, &bold)?;
        sheet.set_column_width(column, width)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    let waits = |order: &OrderRecord| {
        let lines = order.lines.iter().filter(|line| line.stock.returning > 0 || line.stock.lost > 0);
        lines.cloned().collect::<Vec<_>>()
    };
    let rows = orders.iter().flat_map(|order| waits(order).into_iter().map(move |line| (order, line)));
    for (row, (order, line)) in (1..).zip(rows) {
        let is_alone = seen.get(&order.number) == Some(&1);
        let name = if is_alone { order.number.as_str() } else { order.id.as_str() };
        let tracking = order.packages.iter().find_map(|package| package.tracking_number.as_deref());
        let hint = match hints.get(&order.id) {
            Some(false) => format!("{} says that this cannot be sold again", order.platform.title()),
            _ => order.platform.title().to_owned(),
        };
        // Numbers of orders and SKUs are texts: a spreadsheet would round them.
        sheet.write_string(row, 0, name)?;
        sheet.write_string(row, 1, line.merchant_sku.as_str())?;
        sheet.write_number(row, 2, line.stock.returning)?;
        sheet.write_string(row, 7, line.name.as_str())?;
        sheet.write_string(row, 8, tracking.unwrap_or_default())?;
        sheet.write_string(row, 9, hint)?;
    }
    workbook.save_to_buffer()
}
