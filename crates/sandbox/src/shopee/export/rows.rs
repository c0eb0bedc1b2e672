//! Orders out of rows.

use std::collections::HashMap;

use super::columns::{self, CASH_ON_DELIVERY, Column, INITIATORS, Parcel, REASONS};
use super::sheet::{Cell, Sheet, letters};
use super::{Cancelled, CellFault, ExportError, ExportedLine, ExportedOrder, FAULTS_LISTED, WIB_SECONDS};
use crate::clock::LATEST;
use crate::shopee::status::Status;

/// The most units of one line.
pub(super) const MOST_UNITS: i64 = 100_000;
/// The most rupiah of one amount.
pub(super) const MOST_RUPIAH: i64 = 100_000_000_000;
/// The most characters of a SKU, as the platform's own field.
const LONGEST_SKU: usize = 100;
/// Spreadsheet days begin here, in days before 1970.
const DAYS_BEFORE_1970: f64 = 25_569.0;
/// Where only the time of arranging is known, the order is taken to be so much older, in seconds.
const ORDERED_BEFORE_ARRANGED: i64 = 86_400;

/// Collects what is wrong.
struct Faults<'a> {
    file: &'a str,
    sheet: &'a Sheet,
    listed: Vec<CellFault>,
    further: usize,
}

impl Faults<'_> {
    fn add(&mut self, row: usize, column: Column, message: String) {
        if self.listed.len() == FAULTS_LISTED {
            self.further += 1;
            return;
        }
        let column = match self.sheet.columns.get(&column) {
            Some(place) => {
                let title = self.sheet.header.get(*place).map(String::as_str).unwrap_or_default();
                format!("{} ({title})", letters(*place))
            }
            None => columns::first_name(column).to_owned(),
        };
        self.listed.push(CellFault {
            file: self.file.to_owned(),
            sheet: self.sheet.name.clone(),
            row,
            column,
            message,
        });
    }
}

/// One row with its place.
struct Row<'a> {
    number: usize,
    cells: &'a [Cell],
    columns: &'a HashMap<Column, usize>,
}

impl Row<'_> {
    fn cell(&self, column: Column) -> &Cell {
        self.columns.get(&column).and_then(|place| self.cells.get(*place)).unwrap_or(&Cell::Empty)
    }

    /// Text; numbers are written out, as in numeric SKUs.
    fn text(&self, column: Column) -> String {
        match self.cell(column) {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) if number.fract() == 0.0 => format!("{number:.0}"),
            Cell::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }

    fn time(&self, column: Column, faults: &mut Faults<'_>) -> Option<i64> {
        let fault = match self.cell(column) {
            Cell::Empty => return None,
            Cell::Text(text) if text == "-" => return None,
            Cell::Text(text) => match columns::local_time(text) {
                Some(time) if (0..=LATEST).contains(&time) => return Some(time),
                _ => format!("{text:?} is no time like 2024-09-01 13:05"),
            },
            Cell::Day(days) if (DAYS_BEFORE_1970 + 1.0..73_000.0).contains(days) => {
                let seconds = ((days - DAYS_BEFORE_1970) * 86_400.0).round();
                return Some(seconds as i64 - WIB_SECONDS);
            }
            Cell::Day(number) | Cell::Number(number) => format!("{number} is no time like 2024-09-01 13:05"),
            Cell::Other(text) => format!("{text} is no time like 2024-09-01 13:05"),
        };
        faults.add(self.number, column, fault);
        None
    }

    /// Rupiah. Text has dot thousands (`93.820`); a numeric cell is what a tool made of that by reading the dot as a
    /// decimal point, so that it stands for thousands.
    fn money(&self, column: Column, faults: &mut Faults<'_>) -> i64 {
        let (amount, shown) = match self.cell(column) {
            Cell::Empty => return 0,
            Cell::Text(text) if text == "-" => return 0,
            Cell::Text(text) => (dotted(text), format!("{text:?}")),
            Cell::Number(number) => {
                let amount = (number * 1_000.0).round();
                let fits = (0.0..=MOST_RUPIAH as f64).contains(&amount) && (amount - number * 1_000.0).abs() < 1e-3;
                (fits.then_some(amount as i64), number.to_string())
            }
            Cell::Day(number) => (None, number.to_string()),
            Cell::Other(text) => (None, text.clone()),
        };
        match amount.filter(|amount| *amount <= MOST_RUPIAH) {
            Some(amount) => amount,
            None => {
                faults.add(self.number, column, format!("{shown} is no amount in rupiah like 93.820"));
                0
            }
        }
    }

    fn quantity(&self, faults: &mut Faults<'_>) -> u32 {
        let (number, shown) = match self.cell(Column::Quantity) {
            Cell::Number(number) if number.fract() == 0.0 && number.abs() <= MOST_UNITS as f64 => {
                (Some(*number as i64), number.to_string())
            }
            Cell::Text(text) => (dotted(text), format!("{text:?}")),
            Cell::Empty => (None, "nothing".to_owned()),
            Cell::Number(number) | Cell::Day(number) => (None, number.to_string()),
            Cell::Other(text) => (None, text.clone()),
        };
        let units =
            number.filter(|number| (1..=MOST_UNITS).contains(number)).and_then(|number| u32::try_from(number).ok());
        units.unwrap_or_else(|| {
            faults.add(self.number, Column::Quantity, format!("{shown} is no number of units from 1 to {MOST_UNITS}"));
            1
        })
    }

    /// Grams of one unit, out of `1000 gr`; the total weight is spread over the units.
    fn weight_gram(&self, quantity: u32, faults: &mut Faults<'_>) -> u32 {
        let (column, units) = match self.cell(Column::Weight) {
            Cell::Empty => (Column::TotalWeight, quantity.max(1)),
            _ => (Column::Weight, 1),
        };
        let grams = match self.cell(column) {
            Cell::Empty => return 0,
            Cell::Number(number) if (0.0..=1e9).contains(number) => Some(*number as i64),
            Cell::Text(text) => dotted(text.trim_end_matches("gr").trim_end()),
            _ => None,
        };
        match grams.and_then(|grams| u32::try_from(grams).ok()) {
            Some(grams) => grams / units,
            None => {
                let shown = self.text(column);
                faults.add(self.number, column, format!("{shown:?} is no weight like 1000 gr"));
                0
            }
        }
    }
}

/// A whole number with dots between its thousands, or without any.
fn dotted(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches("Rp").trim();
    let groups: Vec<&str> = text.split('.').collect();
    let (first, rest) = groups.split_first()?;
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = rest.iter().all(|group| group.len() == 3 && digits(group));
    let leading = digits(first) && (rest.is_empty() || first.len() <= 3);
    if !grouped || !leading || text.len() > 18 {
        return None;
    }
    groups.concat().parse().ok()
}

/// Capitals and digits with dashes between: what stands in for a SKU that the seller did not set.
fn derived_sku(parts: &[&str]) -> String {
    let mut sku = String::new();
    for character in parts.join(" ").chars() {
        if character.is_alphanumeric() {
            sku.extend(character.to_uppercase());
        } else if !sku.is_empty() && !sku.ends_with('-') {
            sku.push('-');
        }
    }
    sku.trim_end_matches('-').chars().take(LONGEST_SKU).collect()
}

/// Reads all rows; order numbers that repeat are one order's lines.
pub(super) fn orders(file: &str, sheet: &Sheet) -> Result<Vec<ExportedOrder>, ExportError> {
    let mut faults = Faults { file, sheet, listed: Vec::new(), further: 0 };
    let mut orders: Vec<ExportedOrder> = Vec::new();
    let mut places: HashMap<String, (usize, usize, String)> = HashMap::new();
    let mut last_created = None;
    for (number, cells) in &sheet.rows {
        let row = Row { number: *number, cells, columns: &sheet.columns };
        let order_number = row.text(Column::Number);
        if order_number.is_empty() {
            faults.add(row.number, Column::Number, "the order number is missing".to_owned());
            continue;
        }
        let line = line(&row, &mut faults);
        let status_text = row.text(Column::Status);
        if let Some((place, first_row, first_status)) = places.get(&order_number) {
            if *first_status != status_text {
                let message = format!("{status_text:?}, but row {first_row} of the same order says {first_status:?}");
                faults.add(row.number, Column::Status, message);
            }
            orders[*place].lines.push(line);
            continue;
        }
        let Some(order) = order(&row, order_number.clone(), line, &mut last_created, &mut faults) else { continue };
        places.insert(order_number, (orders.len(), row.number, status_text));
        orders.push(order);
    }
    if !faults.listed.is_empty() {
        return Err(ExportError::Cells { faults: faults.listed, further: faults.further });
    }
    if orders.is_empty() {
        let reason = "it has a header, but no order".to_owned();
        return Err(ExportError::NotAnExport { file: file.to_owned(), reason });
    }
    price_lines(&mut orders);
    Ok(orders)
}

fn line(row: &Row<'_>, faults: &mut Faults<'_>) -> ExportedLine {
    let quantity = row.quantity(faults);
    let name = match row.text(Column::Name) {
        name if name.is_empty() => row.text(Column::Category),
        name => name,
    };
    if name.is_empty() {
        faults.add(row.number, Column::Name, "the product's name or category is missing".to_owned());
    }
    let variation = row.text(Column::Variation);
    let item_sku = match row.text(Column::ItemSku) {
        sku if sku.is_empty() => derived_sku(&[&name]),
        sku => sku,
    };
    let sku = match row.text(Column::Sku) {
        sku if sku.is_empty() && variation.is_empty() => item_sku.clone(),
        sku if sku.is_empty() => derived_sku(&[&item_sku, &variation]),
        sku => sku,
    };
    let price = row.money(Column::Price, faults);
    let original_price = row.money(Column::OriginalPrice, faults);
    ExportedLine {
        item_sku,
        item_name: name,
        sku,
        variation,
        quantity,
        original_price: original_price.max(price),
        price,
        weight_gram: row.weight_gram(quantity, faults),
    }
}

fn order(
    row: &Row<'_>,
    number: String,
    line: ExportedLine,
    last_created: &mut Option<i64>,
    faults: &mut Faults<'_>,
) -> Option<ExportedOrder> {
    let status_text = row.text(Column::Status);
    let Some(mut status) = columns::status(&status_text) else {
        let message = match status_text.as_str() {
            "" => "the status is missing".to_owned(),
            text => format!("{text:?} is no status that is known"),
        };
        faults.add(row.number, Column::Status, message);
        return None;
    };
    let arranged = row.time(Column::Arranged, faults);
    let tracking = Some(row.text(Column::Tracking)).filter(|tracking| !tracking.is_empty());
    if status == Status::ReadyToShip && (arranged.is_some() || tracking.is_some()) {
        status = Status::Processed;
    }
    let created = created(row, arranged, *last_created, faults);
    *last_created = Some(created);
    let paid = row.time(Column::Paid, faults);
    let payment_method = row.text(Column::PaymentMethod);
    let cod = payment_method.starts_with(CASH_ON_DELIVERY);
    let completed = row.time(Column::Completed, faults);
    let cancelled = (status == Status::Cancelled).then(|| cancelled(row, faults));
    let paid = match paid {
        // Files without the column: whatever went on was paid.
        None if !row.columns.contains_key(&Column::Paid) => {
            let unpaid = status == Status::Unpaid
                || cancelled.as_ref().is_some_and(|cancelled| cancelled.reason == "Unpaid Order");
            (!unpaid).then_some(created)
        }
        known => known,
    };
    let mut order = ExportedOrder {
        number,
        status,
        cancelled,
        created,
        paid,
        arranged,
        completed,
        ship_by: row.time(Column::ShipBy, faults),
        updated: created,
        tracking,
        carrier: row.text(Column::Carrier),
        payment_method,
        cod,
        total: row.money(Column::Total, faults),
        shipping_fee: row.money(Column::ShippingFee, faults),
        shipping_estimate: row.money(Column::ShippingEstimate, faults),
        buyer: masked(&row.text(Column::Buyer)),
        note: row.text(Column::Note),
        city: row.text(Column::City),
        state: row.text(Column::State),
        lines: vec![line],
    };
    order.updated = super::Timeline::of(&order).last(&order);
    Some(order)
}

/// When the order was made. Where the column is missing: a day before it was arranged, else when the order above it
/// was made (the files are in the order of time).
fn created(row: &Row<'_>, arranged: Option<i64>, above: Option<i64>, faults: &mut Faults<'_>) -> i64 {
    let has_column = row.columns.contains_key(&Column::Created);
    let cell_is_empty = *row.cell(Column::Created) == Cell::Empty;
    match row.time(Column::Created, faults) {
        Some(created) => created,
        None if has_column => {
            if cell_is_empty {
                faults.add(row.number, Column::Created, "the time of the order is missing".to_owned());
            }
            0
        }
        None => match (arranged, above) {
            (Some(arranged), _) => arranged - ORDERED_BEFORE_ARRANGED,
            (None, Some(above)) => above,
            (None, None) => {
                let message = "neither this nor an earlier order has a time".to_owned();
                faults.add(row.number, Column::Arranged, message);
                0
            }
        },
    }
}

/// Who cancelled and why: `Dibatalkan oleh Pembeli. Alasan: …`. Exports of all orders have no such column; the
/// party is not known then and the platform stands in.
fn cancelled(row: &Row<'_>, faults: &mut Faults<'_>) -> Cancelled {
    let text = row.text(Column::Reason);
    if text.is_empty() {
        return Cancelled {
            by: "system".to_owned(),
            reason: "TBC".to_owned(),
            buyer_reason: String::new(),
            parcel: Parcel::Here,
        };
    }
    let Some((beginning, by)) = INITIATORS.into_iter().find(|(beginning, _)| text.starts_with(beginning)) else {
        let message = format!("{text:?} does not say who cancelled: it begins with none of the known words");
        faults.add(row.number, Column::Reason, message);
        return Cancelled { by: String::new(), reason: text, buyer_reason: String::new(), parcel: Parcel::Here };
    };
    let rest = text[beginning.len()..].trim_start_matches('.').trim();
    let said = rest.strip_prefix("Alasan:").unwrap_or(rest).trim();
    let known = REASONS.into_iter().find(|(words, _, _)| said.starts_with(words));
    let (reason, parcel) = known.map_or((said, Parcel::Here), |(_, reason, parcel)| (reason, parcel));
    match by {
        "buyer" => Cancelled {
            by: by.to_owned(),
            reason: "Buyer Request to Cancel".to_owned(),
            buyer_reason: said.to_owned(),
            parcel,
        },
        _ => Cancelled { by: by.to_owned(), reason: reason.to_owned(), buyer_reason: String::new(), parcel },
    }
}

/// First and last letter with stars between, as the platform shows buyers.
fn masked(name: &str) -> String {
    let mut letters = name.chars().filter(|letter| *letter != '*');
    match (letters.next(), letters.next_back()) {
        (Some(first), Some(last)) => format!("{first}****{last}"),
        (Some(first), None) => format!("{first}****"),
        _ => "****".to_owned(),
    }
}

/// Gives a price to lines whose file has none.
fn price_lines(orders: &mut [ExportedOrder]) {
    for order in orders.iter_mut() {
        let units: i64 = order.lines.iter().map(|line| i64::from(line.quantity)).sum();
        let each = (order.total - order.shipping_fee).max(0) / units.max(1);
        for line in order.lines.iter_mut().filter(|line| line.price == 0) {
            line.price = each;
        }
    }
    let mut known: HashMap<String, i64> = HashMap::new();
    for line in orders.iter().flat_map(|order| &order.lines).filter(|line| line.price > 0) {
        known.entry(line.sku.clone()).or_insert(line.price);
    }
    for line in orders.iter_mut().flat_map(|order| &mut order.lines) {
        if line.price == 0 {
            line.price = known.get(&line.sku).copied().unwrap_or(0);
        }
        line.original_price = line.original_price.max(line.price);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sheet::read_bytes;
    use super::*;

    fn read(csv: &str) -> Result<Vec<ExportedOrder>, ExportError> {
        orders("x.csv", &read_bytes(csv.as_bytes(), "x.csv")?)
    }

    const HEADER: &str = "No. Pesanan,Status Pesanan,Alasan Pembatalan,Waktu Pesanan Dibuat,Nama Produk,Nama Variasi,Jumlah,Total Pembayaran,Total Berat";

    #[test]
    fn dots_separate_thousands_and_nothing_else() {
        assert_eq!(dotted("93.820"), Some(93_820));
        assert_eq!(dotted("1.093.820"), Some(1_093_820));
        assert_eq!(dotted("Rp93.820"), Some(93_820));
        assert_eq!(dotted("0"), Some(0));
        assert_eq!(dotted("93.82"), None);
        assert_eq!(dotted("1234.567"), None);
        assert_eq!(dotted("-5"), None);
        assert_eq!(dotted("9,5"), None);
        assert_eq!(dotted(""), None);
    }

    #[test]
    fn numeric_money_cells_stand_for_thousands() {
        let columns = HashMap::from([(Column::ShippingFee, 0)]);
        let sheet = Sheet { name: String::new(), columns, header: vec!["x".to_owned()], rows: Vec::new() };
        let mut faults = Faults { file: "x", sheet: &sheet, listed: Vec::new(), further: 0 };
        let mut money = |number| {
            let cells = [Cell::Number(number)];
            Row { number: 2, cells: &cells, columns: &sheet.columns }.money(Column::ShippingFee, &mut faults)
        };
        assert_eq!([money(34.0), money(54.493), money(17.4)], [34_000, 54_493, 17_400]);
        assert_eq!(money(-1.0), 0);
        assert_eq!(faults.listed.len(), 1);
    }

    #[test]
    fn skus_are_derived_from_name_and_variation() {
        assert_eq!(derived_sku(&["Mangkok Sambal / Saus", "Merah"]), "MANGKOK-SAMBAL-SAUS-MERAH");
        assert_eq!(derived_sku(&["Celengan", ""]), "CELENGAN");
    }

    #[test]
    fn rows_with_one_number_are_one_order() {
        let csv = format!(
            "{HEADER}\nA1,Selesai,,2024-09-01 01:01,Celengan,,1,38.300,1000 gr\nA1,Selesai,,2024-09-01 01:01,Gayung,Pink,2,38.300,200 gr\n"
        );
        let orders = read(&csv).unwrap();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].lines[1].sku, "GAYUNG-PINK");
        assert_eq!(orders[0].lines[1].weight_gram, 100);
        assert_eq!(orders[0].total, 38_300);
    }

    #[test]
    fn who_cancelled_and_why_is_read_from_the_sentence() {
        let csv = format!(
            "{HEADER}\nA1,Batal,Dibatalkan oleh Pembeli. Alasan: Lainnya,2024-09-01 01:01,C,,1,0,\nA2,Batal,Dibatalkan secara otomatis oleh sistem. Alasan: Paket hilang di perjalanan. Kompensasi …,2024-09-01 01:01,C,,1,0,\nA3,Batal,Dibatalkan oleh Penjual. Alasan: Produk habis,2024-09-01 01:01,C,,1,0,\n"
        );
        let told: Vec<(String, String, String)> = read(&csv)
            .unwrap()
            .into_iter()
            .filter_map(|order| order.cancelled)
            .map(|cancelled| (cancelled.by, cancelled.reason, cancelled.buyer_reason))
            .collect();
        let row = |by: &str, reason: &str, buyer: &str| (by.to_owned(), reason.to_owned(), buyer.to_owned());
        assert_eq!(
            told,
            [
                row("buyer", "Buyer Request to Cancel", "Lainnya"),
                row("system", "Parcel is Lost", ""),
                row("seller", "Out of Stock", ""),
            ]
        );
    }

    #[test]
    fn every_wrong_cell_is_named_with_row_and_column() {
        let csv = format!(
            "{HEADER}\nA1,Selesai,,2024-99-01,Celengan,,x,38.3,1000 kilo\n,Selesai,,,,,1,0,\nA3,Entah,,2024-09-01 01:01,C,,1,0,\n"
        );
        let error = read(&csv).unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 6, "{error}");
        assert!(error.contains("row 2, column D (Waktu Pesanan Dibuat): \"2024-99-01\""), "{error}");
        assert!(error.contains("row 2, column H (Total Pembayaran): \"38.3\""), "{error}");
        assert!(error.contains("row 4, column B (Status Pesanan): \"Entah\""), "{error}");
    }

    #[test]
    fn only_the_first_twenty_faults_are_listed() {
        let rows: String = (0..30).map(|row| format!("A{row},Entah,,2024-09-01 01:01,C,,1,0,\n")).collect();
        let error = read(&format!("{HEADER}\n{rows}")).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 21);
        assert!(error.ends_with("and 10 more"), "{error}");
    }

    #[test]
    fn an_order_whose_rows_disagree_is_refused() {
        let csv = format!("{HEADER}\nA1,Selesai,,2024-09-01 01:01,C,,1,0,\nA1,Batal,,2024-09-01 01:01,C,,1,0,\n");
        assert!(read(&csv).unwrap_err().to_string().contains("row 2 of the same order"));
    }

    #[test]
    fn semicolons_and_a_byte_order_mark_are_fine() {
        let csv = format!("\u{feff}{}\nA1;Selesai;;2024-09-01 01:01;C;;1;0;\n", HEADER.replace(',', ";"));
        assert_eq!(read(&csv).unwrap().len(), 1);
    }

    #[test]
    fn buyers_are_masked() {
        assert_eq!(masked("uxrj_uozesw"), "u****w");
        assert_eq!(masked("T******y"), "T****y");
        assert_eq!(masked(""), "****");
    }
}
