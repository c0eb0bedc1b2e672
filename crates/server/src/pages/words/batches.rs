//! The words of bulk cancels: the plan and the batch.

use super::{number, orders, units};
use domain::batch::{BatchState, OrderState};
use domain::penalty::RateUnit;

words! {
    BATCHES = "Bulk cancels";
    BATCHES_EMPTY = "No bulk cancel has been begun. Select orders in any list and choose “Cancel selected…”.";
    CANCEL_SELECTED = "Cancel selected…";
    PLAN = "Plan of a bulk cancel";
    PLAN_LEAD = "Nothing has been sent yet. This is what would happen by what is known here; each marketplace is asked again for each order when its turn comes.";
    PLAN_GOES = "Can be canceled";
    PLAN_CANNOT = "Cannot be canceled";
    PLAN_TAKES = "Takes about";
    PLAN_NOTHING_GOES = "None of these orders can be canceled as things stand.";
    PLAN_REASONS = "Reasons";
    PLAN_REASON = "Reason";
    PLAN_NO_REASON = "Choose a reason…";
    PLAN_PRODUCTS = "Which products?";
    PLAN_PRODUCTS_WHY = "A chosen reason speaks of products. Orders that hold none of those you tick are left alone.";
    PLAN_UNITS = "Our units";
    PLAN_UNITS_AT_ONCE = "available again at once";
    PLAN_UNITS_ALREADY = "available already, since their orders were voided";
    PLAN_UNITS_TO_STOCK_IN = "in “to stock in” until back on the shelf";
    PLAN_UNITS_COUNT_NEEDED = "“count needed” until they are counted";
    PLAN_SHOPS = "Shops";
    PLAN_RATE = "Cancellation rate";
    PLAN_RATE_UNKNOWN = "How this market counts is not known.";
    PLAN_RATE_OURS = "Counted from the orders known here; the marketplace's own number may differ.";
    PLAN_POINTS = "Penalty points";
    PLAN_POINTS_UNKNOWN = "not known";
    PLAN_CEILING = "Ceiling";
    PLAN_CEILING_NONE = "No ceiling";
    PLAN_CEILING_NEXT = "Stop before a shop crosses its next threshold";
    PLAN_CEILING_RATE = "Stop before a shop's rate is above";
    PLAN_CEILING_PERCENT = "Percent";
    PLAN_WHY = "Why";
    PLAN_EXAMPLES = "Such as";
    PLAN_UPDATE = "Update the plan";
    PLAN_FORGET = "Back, cancel nothing";
    COLUMN_BATCH = "Begun";
    COLUMN_ORDERS = "Orders";
    COLUMN_PROGRESS = "Progress";
    BATCH_PAUSE = "Pause";
    BATCH_RESUME = "Resume";
    BATCH_STOP = "Stop";
    BATCH_RETRY = "Retry the refused";
    BATCH_DOWNLOAD = "Download as xlsx";
    BATCH_PAUSED_LEAD = "Nothing more is sent. What was sent before is followed to its end.";
    BATCH_STOPPED_LEAD = "Stopped. What was sent before is followed to its end; all others are as they were.";
    BATCH_NO_ORDERS = "No order of this batch is in this state.";
    EVERY_ORDER = "All";
}

pub(crate) const fn batch_state(state: BatchState) -> &'static str {
    match state {
        BatchState::Planned => "Planned",
        BatchState::Running => "Running",
        BatchState::Paused => "Paused",
        BatchState::Stopped => "Stopped",
        BatchState::Finished => "Finished",
    }
}

pub(crate) const fn batched(state: OrderState) -> &'static str {
    match state {
        OrderState::Waiting => "Waiting",
        OrderState::Running => "Running",
        OrderState::Done => "Canceled",
        OrderState::Refused => "Refused",
        OrderState::NeedsAttention => "Needs attention",
        OrderState::Stopped => "Not begun",
    }
}

pub(crate) fn product_in(units_of: i64, orders_of: i64) -> String {
    format!("{} in {}", units(units_of), orders(orders_of))
}

/// `12 of 480 orders placed in the last 7 days`.
pub(crate) fn rate_of(canceled: i64, ordered: i64, unit: RateUnit, from_days: u32, to_days: u32) -> String {
    let what = match unit {
        RateUnit::Orders => "orders placed",
        RateUnit::Items => "items ordered",
    };
    let when = match to_days {
        0 => format!("in the last {from_days} days"),
        to_days => format!("{from_days} to {to_days} days ago"),
    };
    format!("{} of {} {what} {when}", number(canceled), number(ordered))
}

pub(crate) fn percent_from_to(before: &str, after: &str) -> String {
    if before == after { format!("{before} %") } else { format!("{before} % → {after} %") }
}

pub(crate) fn enters_later(count: i64) -> String {
    format!("{} more count later, when their days come into that time.", number(count))
}

pub(crate) fn threshold(percent: &str, over: bool, least: u32, consequence: &str) -> String {
    let from = if over { "over" } else { "from" };
    let least = if least > 0 { format!(" and at least {} canceled", number(i64::from(least))) } else { String::new() };
    format!("{from} {percent} %{least}: {consequence}")
}

pub(crate) fn crosses(threshold: &str) -> String {
    format!("Crosses a threshold: {threshold}.")
}

pub(crate) fn sourced(source: &str, dated: &str, certainty: &str) -> String {
    format!("Source: {source}; {dated}; certainty {certainty}")
}

pub(crate) fn batched_so_far(ended: i64, total: i64) -> String {
    format!("{} of {} ended", number(ended), number(total))
}
