//! The words of pack, ship and labels.

use super::orders;
use domain::label::LabelState;
use domain::shipment::Act;

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
