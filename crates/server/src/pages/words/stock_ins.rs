//! The words of the canceled orders, of stock-ins and of corrections of the shelf.

use super::{number, orders};

words! {
    COLUMN_PARCEL = "Parcel";
    COLUMN_COMES_BACK = "Comes back";
    COLUMN_WAITING = "Waiting";
    ANYBODY = "Anybody";
    STATUS_BEFORE = "Status before";
    EVERY_STATUS_BEFORE = "Every status before";
    EVERY_STAGE = "Every stage of the goods";
    WAITING_DAYS = "Days waiting, at least";
    UNITS_AT_LEAST = "Units, at least";
    PARTLY_CANCELED = "partly canceled";
    CLAIM = "Ask carrier";
    CLAIM_TITLE = "Mark that the carrier was asked where this parcel is";
    CLAIMED = "Carrier asked";
    NOT_CLAIMED = "Carrier not asked";
    CLAIMED_OR_NOT = "Carrier asked or not";
    CLAIM_NOTED = "Noted that the carrier was asked.";
    STOCK_IN = "Stock in";
    STOCK_IN_TITLE = "Canceled Orders Stock In";
    STOCK_IN_RESULT = "Stock-in result";
    STOCK_IN_SELECTED = "Stock in selected";
    STOCK_IN_ALL_THAT_MATCH = "Stock in everything that matches";
    STOCK_IN_SETTINGS = "Stock-in settings";
    STOCK_IN_TABLE = "Stock in from a table";
    STOCK_IN_TABLE_LEAD = "Paste rows from a spreadsheet, the header first: a row per SKU of an order with what was found, or a row with an order's number alone where all of it is back and sellable. Rows without units are left out. Nothing is taken while a row is wrong; then each order has its own result. The columns:";
    WHAT_WAITS = "What waits, to be filled in";
    EVERYTHING_LEAD = "Every order that waits and matches is stocked in with all of its units as sellable, in the background. What changes before its turn is left as it is and told.";
    CONFIRM_STOCK_IN = "Confirm stock-in";
    CONFIRM_EVERYTHING = "Stock everything in";
    WAREHOUSE = "Warehouse";
    EXPECTED = "Expected";
    SELLABLE = "Sellable";
    DEFECTIVE = "Defective";
    MISSING = "Missing";
    FOUND = "Found again";
    NOTHING_WAITS = "No unit of this order waits.";
    UNITS_UNREADABLE = "Write whole numbers of units.";
    LOOK_AGAIN = "Look again";
    UNDO = "Take back";
    UNDO_TITLE = "Take the stock-in back";
    UNDO_LEAD = "Its units wait again afterwards. This can be done for a day, and the reason stays in the log.";
    SCAN = "Scan returns";
    SCAN_LEAD = "Scan or type a tracking, package or order number, check the quantities, press Enter, scan the next.";
    SCAN_CODE = "Tracking, package or order number";
    SCANNED_SEVERAL = "Several orders have this number. Which one is it?";
    TO_CANCELED = "To the canceled orders";
    NO_TO_STOCK_IN = "No unit of a canceled order waits. What is cancelled after packing or shipping appears here by itself.";
    NO_STOCKED_IN = "Nothing has been stocked in yet.";
    NO_NOTHING_TO_DO = "No order was canceled before its goods were touched.";
    RETURN_WAREHOUSE = "Returns are taken in at";
    WHERE_IT_LEFT_FROM = "the warehouse that they left from";
    ALERT_DAYS = "Alert after so many days of waiting";
    ALERT_DAYS_RANGE = "Write a number of days from 1 to 999.";
    SAVE = "Save";
    SINCE = "since";
    ADJUST = "Correct this stock";
    ADJUST_AS = "What happened";
    ADJUST_COUNT = "Counted: so many lie here, promised ones included";
    ADJUST_IN = "Brought in";
    ADJUST_OUT = "Taken out";
    ADJUST_TRANSFER = "Carried to";
    ADJUST_DEFECTIVE = "Defective ones";
    ADJUSTED = "Noted; the movements are below.";
    STOCKED_IN = "Stocked in";
    GOODS = "Goods";
    RESTOCKABLE = "the marketplace thinks that the goods can be sold again";
}

const fn unit(count: u32) -> &'static str {
    if count == 1 { "unit" } else { "units" }
}

pub(crate) fn units_expected(units: u32) -> String {
    format!("{units} {} expected", unit(units))
}

pub(crate) fn units_lost(units: u32) -> String {
    format!("{units} missing")
}

pub(crate) fn units_stocked_in(units: u32) -> String {
    format!("{units} {} stocked in", unit(units))
}

/// What a visit found of a line.
pub(crate) fn visit(visit: domain::stock::Visit) -> String {
    let parts =
        [(visit.sellable, SELLABLE), (visit.defective, DEFECTIVE), (visit.missing, MISSING), (visit.found, FOUND)];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(units, _)| *units > 0)
        .map(|(units, what)| format!("{units} {}", what.to_lowercase()))
        .collect();
    parts.join(", ")
}

pub(crate) fn units_of(what: &str, sku: &str) -> String {
    format!("{what} units of {sku}")
}

pub(crate) fn overdue_returns(count: i64, more: bool, days: u32) -> String {
    let more = if more { "+" } else { "" };
    let what = if count == 1 { "canceled order has" } else { "canceled orders have" };
    let after = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    format!("{}{more} {what} not been stocked in after {after}, and no carrier was asked", number(count))
}

pub(crate) fn stock_in_all(count: i64) -> String {
    format!("Stock in all {}", orders(count))
}

/// How many orders of a selection are left for a person.
pub(crate) fn left_to_look_at(count: i64) -> String {
    let (left, them) = if count == 1 { ("is left as it is", "it") } else { ("are left as they are", "them") };
    format!(
        "{} {left}: the marketplace says that the goods cannot be sold again. Look at {them} one by one.",
        orders(count)
    )
}

pub(crate) fn stock_in_order(number: &str) -> String {
    format!("Stock in order {number}")
}

pub(crate) fn batch_progress(done: u32, skipped: u32, total: u32) -> String {
    let number = |count: u32| number(i64::from(count));
    format!("{} of {} orders stocked in, {} left as they are", number(done), number(total), number(skipped))
}

pub(crate) fn left_in_part(shown: usize, left: u32) -> String {
    let shown = i64::try_from(shown).unwrap_or(i64::MAX);
    format!("The first {} of {} that were left are shown; the file has all.", number(shown), number(i64::from(left)))
}

pub(crate) fn scanned_nothing(code: &str) -> String {
    format!("No order has the number “{code}”.")
}

pub(crate) fn stocked_in_before(actor: &str) -> String {
    format!("Stocked in already, by {actor},")
}

pub(crate) fn not_canceled_here(list: &str) -> String {
    format!("This order is not canceled. It stands in {list}; do not stock it in.")
}

pub(crate) fn undone_before(actor: &str, why: &str) -> String {
    format!("Taken back by {actor}: {why}")
}
