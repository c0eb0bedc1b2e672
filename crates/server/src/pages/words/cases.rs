//! The words of cases: shipped after cancel.

use super::number;
use domain::case::{State, Step};

words! {
    CASES = "Shipped after cancel";
    CASES_LEAD = "A courier scanned a parcel whose order is canceled. Each case has the times that a marketplace's appeal asks for, and is watched until the goods are stocked in or claimed.";
    COURIER_SCAN = "Courier scan";
    REFERENCE = "Claim number";
    DIFFERENCE = "Difference";
    ENDED = "Ended";
    STORY = "What happened";
    CLOCK = "Clock";
    CLOCK_PLATFORM = "marketplace";
    CLOCK_HERE = "here";
    CAME_BACK = "The parcel came back";
    MARK_CLAIMED = "Mark as claimed";
    CLOSE_CASE = "Close without claim";
    TO_ORDER = "To the order";
    TO_CASES = "All cases";
    KEY_GO_CASES = "Go to Shipped after cancel";
}

pub(crate) const fn case_state(state: State) -> &'static str {
    match state {
        State::Open => "Open",
        State::CameBack => "Came back",
        State::StockedIn => "Stocked in",
        State::Claimed => "Claimed",
        State::Closed => "Closed",
    }
}

pub(crate) fn with_courier_banner(cases: i64) -> String {
    match cases {
        1 => "1 canceled order is with a courier all the same".to_owned(),
        cases => format!("{} canceled orders are with a courier all the same", number(cases)),
    }
}

pub(crate) const fn no_cases(state: State) -> &'static str {
    match state {
        State::Open => "No canceled order is with a courier.",
        State::CameBack => "No parcel that came back waits to be stocked in.",
        State::StockedIn => "No case has ended with a stock-in yet.",
        State::Claimed => "Nothing was claimed yet.",
        State::Closed => "No case was closed by hand.",
    }
}

pub(crate) const fn case_step(step: Step) -> &'static str {
    match step {
        Step::CancelAsked => "Cancel asked for",
        Step::CancelConfirmed => "Cancel confirmed",
        Step::Printed => "Label printed",
        Step::Packed => "Packed",
        Step::HandedOver => "Scanned out",
        Step::Stopped => "Stopped here",
        Step::CourierScan => "Courier scan",
    }
}

pub(crate) fn case_of(number: &str) -> String {
    format!("Case of {number}")
}

pub(crate) fn unexplained(units: u32) -> String {
    let what = if units == 1 { "unit" } else { "units" };
    format!("{units} {what} were in no bucket")
}
