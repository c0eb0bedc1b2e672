//! What Lazada's statuses mean to us (`lazada.md` section 5): each item has its own, and an order stands where its least
//! advanced live item stands. The order's own list of statuses is not believed: it was seen months old (5.5).

use domain::order::Stage;
use domain::policy::{Policy, Standing};

/// What matters of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemStatus<'a> {
    /// The platform's word.
    pub(super) status: &'a str,
    /// A buyer's request waits for the seller, or was agreed to and is not carried out yet (section 7).
    pub(super) asked: bool,
    /// It is in a parcel: a label exists.
    pub(super) packed: bool,
}

/// What items mean together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading<'a> {
    /// The word of the item that decides.
    pub(super) status: &'a str,
    pub(super) standing: Standing,
    pub(super) stage: Stage,
}

/// Whether an item is over without a sale: cancelled, or not delivered and coming back.
pub(super) fn is_cancelled(policy: &Policy, status: &str) -> bool {
    standing(policy, status) == Standing::Canceled
}

fn standing(policy: &Policy, status: &str) -> Standing {
    policy.status(status).map_or(Standing::Unknown, |rule| rule.standing)
}

/// How far an item is: a status in no table before all others, because nothing may be done with it; then in the order
/// of the lists, then in the policy's own order.
fn advance(policy: &Policy, status: &str) -> (u8, usize) {
    let rank = match standing(policy, status) {
        Standing::Unknown => 0,
        Standing::Unpaid => 1,
        Standing::OnHold => 2,
        Standing::ToPack => 3,
        Standing::Arranged => 4,
        Standing::Shipped => 5,
        Standing::Completed => 6,
        Standing::CancelRequested | Standing::Canceled => 7,
    };
    (rank, policy.statuses.iter().position(|rule| rule.value == status).unwrap_or(0))
}

/// How far an item's goods are.
pub(super) fn stage(policy: &Policy, item: &ItemStatus<'_>) -> Stage {
    let least = if item.packed { Stage::Printed } else { Stage::Untouched };
    policy.status(item.status).map_or(Stage::Untouched, |rule| rule.stage).max(least)
}

/// Reads the statuses of items, of an order or of one of its parcels; nothing where there are none.
pub(super) fn read<'a>(policy: &Policy, items: &[ItemStatus<'a>]) -> Option<Reading<'a>> {
    let live: Vec<&ItemStatus<'a>> = items.iter().filter(|item| !is_cancelled(policy, item.status)).collect();
    let Some(least) = live.iter().min_by_key(|item| advance(policy, item.status)) else {
        // Of what is over, the parcel that came furthest says most.
        let furthest = items.iter().rev().max_by_key(|item| stage(policy, item))?;
        let stage = stage(policy, furthest);
        return Some(Reading { status: furthest.status, standing: Standing::Canceled, stage });
    };
    let asked = live.iter().any(|item| item.asked || standing(policy, item.status) == Standing::CancelRequested);
    Some(Reading {
        status: least.status,
        standing: if asked { Standing::CancelRequested } else { standing(policy, least.status) },
        stage: live.iter().map(|item| stage(policy, item)).max().unwrap_or(Stage::Untouched),
    })
}
