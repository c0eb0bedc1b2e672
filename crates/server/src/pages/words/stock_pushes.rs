//! The words of what listings show: their push, their rules, the warehouses behind them, and those that a cancel closed.

use super::counted;
use domain::stock_push::{Left, PushOutcome, Rounding};

words! {
    CLOSED_LISTINGS = "Closed listings";
    CLOSED_LISTINGS_TITLE = "Listings closed by a cancel";
    CLOSED_LISTINGS_LEAD = "The marketplace set these to zero because an order was canceled as out of stock or wrongly priced. Every listing of their SKUs is held until somebody counts them or stocks them in; then they open with the right number by themselves.";
    NO_CLOSED_LISTINGS = "No listing is closed. When an order is canceled as out of stock, its listing appears here until its stock is known.";
    COLUMN_LISTING = "Listing";
    COLUMN_CLOSED_SINCE = "Closed since";
    COLUMN_SHOWS = "Shows";
    COLUMN_NEXT = "What opens it";
    OPENS_WHEN_COUNTED = "Count the SKU, or stock it in";
    OPENS_BY_ITSELF = "It is being sent its number";
    OPENS_BY_HAND = "Its shop is not filled from here: open it by hand";
    REOPEN = "Open again";
    REOPENED = "The listing is being opened again with what is available.";
    COUNT_IT = "Count";

    SHOP_STOCK = "Stock";
    FILL_LISTINGS = "Fill the listings of this shop from here";
    FILL_LISTINGS_LEAD = "Whenever what is available changes, and after every cancel, each listing is sent the number that it is to show. Listings whose SKU nobody counted are never touched.";
    FILL_LISTINGS_IS_ON = "Listings are filled from here.";
    FILL_LISTINGS_IS_OFF = "Listings are not filled from here: the marketplace's own numbers stand.";
    SHOP_NOT_COUNTED = "The stock of this shop was not counted yet, so that any number would be wrong. Count it first.";
    SWITCH_ON = "Switch on";
    SWITCH_OFF = "Switch off";
    WAREHOUSES = "Warehouses";
    WAREHOUSES_LEAD = "An order is packed in the first warehouse that has everything. The listings show the sum.";
    PACKED_FIRST_IN = "Packed first in";
    PACKED_THEN_IN = "then in";
    NO_FURTHER = "no further one";
    RETURNS_GO_TO = "Returns go to";
    RETURNS_AS_EVERYWHERE = "the same as everywhere";
    PUSH_RULES = "What the listings show";
    PUSH_RULES_LEAD = "A share of what is available, and so many more or fewer; never more than there is.";
    EVERY_OTHER_SKU = "every other SKU";
    PERCENT = "Percent";
    FIXED = "More or fewer";
    ROUNDED = "Rounded";
    SOLD_OUT_AT = "Sold out at";
    ADD_RULE = "Add a rule";
    REMOVE_RULE = "Remove";
    RULE_SKU_HINT = "empty: every other SKU";
    SHOP_STOCK_SAVED = "Saved.";

    LISTING_SHOWS = "It shows";
    LISTING_TO_SHOW = "It is to show";
    LISTING_READ_AT = "Read";
    LISTING_NEVER_READ = "not yet";
    LISTING_HISTORY = "What was sent to it";
    NO_PUSHES = "Nothing was sent to this listing in the last 90 days.";
    COLUMN_SENT = "Sent";
    COLUMN_OUTCOME = "Outcome";
    COLUMN_READ_BACK = "It showed afterwards";
    UNDER_WAY = "under way";
}

/// Why a listing is left as it is.
pub(crate) const fn left(left: Left) -> &'static str {
    match left {
        Left::SwitchedOff => "left as it is: its shop is not filled from here",
        Left::Held => "held until its SKU is counted",
        Left::NotCounted => "left as it is: nobody counted its SKU",
    }
}

/// How a push ended.
pub(crate) const fn push_outcome(outcome: PushOutcome) -> &'static str {
    match outcome {
        PushOutcome::Accepted => "taken",
        PushOutcome::Refused => "refused",
        PushOutcome::Unknown => "no readable answer; it was looked at before anything else was sent",
        PushOutcome::NotCarriedOut => "not carried out; it is repeated",
    }
}

/// What becomes of parts of a unit.
pub(crate) const fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Down => "down",
        Rounding::Up => "up",
        Rounding::Nearest => "to the nearest",
    }
}

/// The title of a shop's stock page.
pub(crate) fn stock_of_shop(shop: &str) -> String {
    format!("Stock of {shop}")
}

/// What a screen reader says of the link to a shop's stock page.
pub(crate) fn open_shop_stock(shop: &str) -> String {
    format!("Stock and listings of {shop}")
}

/// The title of a listing's page.
pub(crate) fn listing_title(sku: &str) -> String {
    format!("Listing {sku}")
}

/// What a screen reader says of a button that opens a listing again.
pub(crate) fn reopen_listing(sku: &str) -> String {
    format!("Open the listing of {sku} again")
}

/// What a screen reader says of a button that removes a rule.
pub(crate) fn remove_rule(sku: &str) -> String {
    format!("Remove the rule for {sku}")
}

/// A fixed number of a rule.
pub(crate) fn more_or_fewer(fixed: i64) -> String {
    match fixed {
        0 => "as many".to_owned(),
        fixed if fixed > 0 => counted(fixed, "more", "more"),
        fixed => counted(fixed.saturating_neg(), "fewer", "fewer"),
    }
}
