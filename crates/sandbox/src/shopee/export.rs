//! Seller exports of Shopee Indonesia: real orders as the fake platform's truth.
//!
//! [`read`] takes an xlsx or csv file as the Seller Centre writes it, or as a publisher of such data renamed it, and
//! finds its columns by their names (`export/columns.rs` is the table of all known headers and words). Nothing is
//! half read: one wrong cell and the whole file is refused, with the first twenty faults, one line each.
//!
//! What the files do not say is decided here:
//!
//! - **Times** are local, WIB (UTC+7).
//! - **SKU**: `Nomor Referensi SKU`, else `SKU Induk`, else the product's name or category, in capitals with dashes;
//!   to the last two the variation is added. `Mangkok Sambal / Saus`, `Merah` gives `MANGKOK-SAMBAL-SAUS-MERAH`.
//! - **Unit price**: `Harga Setelah Diskon`, else what was paid without shipping, spread over the units, else another
//!   order's price of the same SKU.
//! - **Opening stock** of a listing: 20 to 200 units, always the same for the same SKU.
//! - **Clock**: one minute after the newest time in the file, or the moment of [`Export::as_of`].
//! - **Times that are missing** are estimated where they are needed, see [`Export::as_of`].

mod columns;
mod put;
#[cfg(test)]
mod robustness;
mod rows;
mod sheet;
mod timeline;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::timeline::Timeline;
use super::status::Status;
use crate::clock::LATEST;

/// The country whose exports these are.
pub(super) const REGION: &str = "ID";
/// Local time of the files: WIB, in seconds east of UTC.
const WIB_SECONDS: i64 = 7 * 3_600;
/// Faults that are listed; the number of the others is given.
const FAULTS_LISTED: usize = 20;

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be opened, or is too large.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong and what would help.
        reason: String,
    },
    /// There is no sheet with the columns of an order export.
    #[error("{file}: not a Shopee order export: {reason}")]
    NotAnExport {
        /// The file.
        file: String,
        /// Which columns are missing where.
        reason: String,
    },
    /// Cells that cannot be right, the first twenty.
    #[error("{}", listed(faults, *further))]
    Cells {
        /// The faults, one line each.
        faults: Vec<CellFault>,
        /// How many more there are.
        further: usize,
    },
    /// The same order stands in two files.
    #[error("order {number} stands in {first} and in {second}: import it once")]
    Twice {
        /// The order number.
        number: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// The JSON on the control port is not what [`Export::to_json`] writes.
    #[error("this is not an export as JSON: {0}")]
    Json(String),
}

fn listed(faults: &[CellFault], further: usize) -> String {
    let mut lines: Vec<String> = faults.iter().map(CellFault::to_string).collect();
    if further > 0 {
        lines.push(format!("and {further} more"));
    }
    lines.join("\n")
}

/// A cell that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellFault {
    /// The file.
    pub file: String,
    /// The sheet; empty for csv.
    pub sheet: String,
    /// The row as a spreadsheet counts, from 1.
    pub row: usize,
    /// The column: its letters and its name.
    pub column: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CellFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.file)?;
        if !self.sheet.is_empty() {
            write!(formatter, "sheet {}, ", self.sheet)?;
        }
        write!(formatter, "row {}, column {}: {}", self.row, self.column, self.message)
    }
}

/// A cancelled order's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cancelled {
    /// `buyer`, `seller` or `system`.
    by: String,
    /// The platform's text where the sheet has one (section 7.4), else the file's.
    reason: String,
    /// The buyer's own reason, as in the file.
    buyer_reason: String,
    /// How far the parcel was.
    parcel: columns::Parcel,
}

/// A line of an exported order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ExportedLine {
    item_sku: String,
    item_name: String,
    sku: String,
    variation: String,
    quantity: u32,
    /// Unit prices in rupiah; 0 when the file does not say.
    original_price: i64,
    price: i64,
    weight_gram: u32,
}

/// An exported order. Times are seconds since 1970, money is in rupiah.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ExportedOrder {
    number: String,
    status: Status,
    cancelled: Option<Cancelled>,
    created: i64,
    paid: Option<i64>,
    arranged: Option<i64>,
    completed: Option<i64>,
    ship_by: Option<i64>,
    updated: i64,
    tracking: Option<String>,
    carrier: String,
    payment_method: String,
    cod: bool,
    total: i64,
    /// What the buyer pays for shipping, and what shipping costs.
    shipping_fee: i64,
    shipping_estimate: i64,
    buyer: String,
    note: String,
    city: String,
    state: String,
    lines: Vec<ExportedLine>,
}

impl ExportedOrder {
    /// What cannot be: the JSON need not come from [`read`].
    fn fault(&self) -> Option<String> {
        let times = [Some(self.created), Some(self.updated), self.paid, self.arranged, self.completed, self.ship_by];
        let mut money = vec![self.total, self.shipping_fee, self.shipping_estimate];
        money.extend(self.lines.iter().flat_map(|line| [line.price, line.original_price]));
        let what = if self.number.is_empty() || self.lines.is_empty() {
            "has no number or no line"
        } else if !times.into_iter().flatten().all(|time| (0..=LATEST).contains(&time)) {
            "has a time before 1970 or after 2100"
        } else if !money.iter().all(|amount| (0..=rows::MOST_RUPIAH).contains(amount)) {
            "has an amount out of range"
        } else if !self.lines.iter().all(|line| (1..=rows::MOST_UNITS).contains(&i64::from(line.quantity))) {
            "has a line with no unit or too many"
        } else if self.lines.iter().any(|line| line.sku.is_empty() || line.item_sku.is_empty()) {
            "has a line without a SKU"
        } else {
            return None;
        };
        Some(format!("order {:?} {what}", self.number))
    }
}

/// The orders of one or more export files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    platform: String,
    files: Vec<String>,
    /// Where the sandbox clock starts, in seconds since 1970.
    clock: i64,
    orders: Vec<ExportedOrder>,
}

/// Reads an export file, xlsx or csv.
///
/// # Errors
///
/// When the file cannot be read, is no order export, or has cells that cannot be right; nothing is imported then.
pub fn read(path: &Path) -> Result<Export, ExportError> {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let sheet = sheet::read(path, &file)?;
    let orders = rows::orders(&file, &sheet)?;
    let newest = orders.iter().map(|order| order.updated).max().unwrap_or_default();
    Ok(Export { platform: "shopee".to_owned(), files: vec![file], clock: newest + 60, orders })
}

/// Reads a moment as a person writes it, in the time of the files (WIB): `2024-09-10` (the day's start) or
/// `2024-09-10 18:30`.
pub fn moment(text: &str) -> Option<Timestamp> {
    let seconds =
        columns::local_time(text.trim()).or_else(|| columns::local_time(&format!("{} 00:00", text.trim())))?;
    Timestamp::from_second(seconds).ok()
}

impl Export {
    /// Joins several files.
    ///
    /// # Errors
    ///
    /// When an order stands in two of them.
    pub fn join(exports: Vec<Export>) -> Result<Export, ExportError> {
        let mut joined = Export { platform: "shopee".to_owned(), files: Vec::new(), clock: 0, orders: Vec::new() };
        let mut seen: HashMap<String, String> = HashMap::new();
        for export in exports {
            let file = export.files.join(", ");
            for order in &export.orders {
                if let Some(first) = seen.insert(order.number.clone(), file.clone()) {
                    return Err(ExportError::Twice { number: order.number.clone(), first, second: file });
                }
            }
            joined.files.extend(export.files);
            joined.clock = joined.clock.max(export.clock);
            joined.orders.extend(export.orders);
        }
        Ok(joined)
    }

    /// How many orders there are.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// How many orders have each platform status.
    pub fn statuses(&self) -> std::collections::BTreeMap<&'static str, usize> {
        let mut counts = std::collections::BTreeMap::new();
        for order in &self.orders {
            *counts.entry(order.status.name()).or_insert(0) += 1;
        }
        counts
    }

    /// Where the sandbox clock starts.
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_second(self.clock).unwrap_or_default()
    }

    /// Rewinds the orders to a moment, by the file's own times: later orders are gone, an order not yet paid is
    /// UNPAID, one not yet arranged READY_TO_SHIP, one not yet completed PROCESSED for a day and then SHIPPED.
    ///
    /// Where the file has no time for a step, it is taken as: arranged a day after the order; with the carrier a day
    /// after arranging; completed seven days after the order; cancelled as unpaid after a day, as not shipped at the
    /// ship-by date, as failed or lost five days after the carrier had it, by buyer or seller six hours after the
    /// order (or after arranging, if it was arranged). Whatever had not happened by then is not told: an order that
    /// is cancelled later is open.
    #[must_use]
    pub fn as_of(mut self, moment: Timestamp) -> Export {
        let now = moment.as_second();
        self.orders.retain(|order| order.created <= now);
        for order in &mut self.orders {
            Timeline::of(order).rewind(order, now);
        }
        self.clock = now;
        self
    }

    /// The export as the control port's `POST /import` takes it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads what [`Export::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn from_json(value: Value) -> Result<Export, ExportError> {
        let export: Export = serde_json::from_value(value).map_err(|error| ExportError::Json(error.to_string()))?;
        match export.orders.iter().find_map(ExportedOrder::fault) {
            Some(fault) => Err(ExportError::Json(fault)),
            None => Ok(export),
        }
    }
}
