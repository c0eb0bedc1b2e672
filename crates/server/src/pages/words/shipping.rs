//! The words of pack, ship and labels.

use super::{number, of_orders, orders};
use domain::label::LabelState;
use domain::pack_rule::Payment;
use domain::shipment::Act;

words! {
    PACK_RULE = "Auto-pack";
    PACK_RULE_LEAD = "New orders in To pack are packed by themselves, in the name of the rule. Orders that the buyer asks to cancel, that are being canceled, or that could not be packed before are left to people.";
    PACK_BY_ITSELF = "Pack new orders by themselves";
    PACK_PAYMENT = "Which orders";
    PACK_WAIT = "Minutes after the order was placed";
    PRINT_CANCELED = "Print despite the cancel";
    PRINT_CANCELED_MEANS = "This order is canceled, so its label is not to go out. It prints with a reason, which the log keeps.";
    PRINT_CANCELED_REASON = "Why it is printed all the same";
    PRINT_CANCELED_REASON_MISSING = "Say why it is printed although the order is canceled.";
    PRINT_CANCELED_REASON_TOO_LONG = "The reason is too long; keep it under 1,000 characters.";
    NOTHING_PRINTED = "Nothing is printed, and nothing is marked as printed.";
    WAIT_UNREADABLE = "Write whole minutes, up to a week.";
}

pub(crate) fn pack_rule_of(shop: &str) -> String {
    format!("{PACK_RULE} of {shop}")
}

pub(crate) fn set_by(actor: &str) -> String {
    format!("Set by {actor}")
}

pub(crate) const fn payment(payment: Payment) -> &'static str {
    match payment {
        Payment::Any => "However they are paid",
        Payment::Cod => "Cash on delivery only",
        Payment::Prepaid => "Paid before only",
    }
}

pub(crate) fn pack_asked(count: i64) -> String {
    format!("{} being packed.", orders(count))
}

pub(crate) fn shipped(count: i64) -> String {
    format!("{} shipped.", orders(count))
}

pub(crate) fn ship_undone(count: i64) -> String {
    format!("Ship scan of {} taken back.", orders(count))
}

pub(crate) fn repack_asked(count: i64) -> String {
    format!("{} being moved to To Pack.", orders(count))
}

pub(crate) fn labels_asked(count: i64) -> String {
    format!("Labels of {} asked for.", orders(count))
}

pub(crate) fn not_printable(refused: usize, of: usize) -> String {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    if of == 1 {
        "This label cannot be printed".to_owned()
    } else {
        format!("{} cannot be printed", of_orders(count(refused), count(of)))
    }
}

pub(crate) fn print_others(others: usize) -> String {
    format!("Print the other {}", number(i64::try_from(others).unwrap_or(i64::MAX)))
}

pub(crate) fn print_canceled(number: &str) -> String {
    format!("Print the label of canceled order {number}")
}

/// What a row's button does, for those who hear it.
pub(crate) fn act_on(title: &str, number: &str) -> String {
    format!("{title} {number}")
}

pub(crate) const fn act_running(act: Act) -> &'static str {
    match act {
        Act::Pack => "Packing",
        Act::ReadyToShip => "Telling the platform that it is ready",
        Act::Repack => "Moving to To Pack",
    }
}

pub(crate) fn act_failed(act: Act, words: &str) -> String {
    let what = match act {
        Act::Pack => "Pack failed",
        Act::ReadyToShip => "Ready to ship failed",
        Act::Repack => "Move to To Pack failed",
    };
    format!("{what}: {words}")
}

pub(crate) const fn label(state: LabelState) -> &'static str {
    match state {
        LabelState::None => "not fetched",
        LabelState::Pending => "pending",
        LabelState::Cached => "printable",
        LabelState::Stale => "stale, being fetched anew",
        LabelState::Failed => "refused",
    }
}

pub(crate) fn printed_times(prints: u32) -> String {
    if prints == 1 { "printed once".to_owned() } else { format!("printed {prints} times") }
}
