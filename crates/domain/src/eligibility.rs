//! May the seller cancel this order? The gates that can be judged without asking the platform, in the order in which
//! an operator would want to hear of them (`product.md` section 3).

use crate::order::List;
use crate::policy::{Policy, ReasonRule};
use crate::snapshot::FulfilledBy;
use crate::words::worded;

worded! {
    /// The gate that closed.
    Gate, "gate" {
        /// A cancel of ours is under way.
        CancelPending = "cancel_pending",
        /// A buyer's request is open: answer it instead.
        RequestOpen = "request_open",
        /// The list the order stands in.
        List = "list",
        /// The platform's warehouse fulfils the order and the platform does not say that we may cancel it.
        FulfilledByPlatform = "fulfilled_by_platform",
        /// The platform's status.
        PlatformStatus = "platform_status",
        /// The platform's own answer for this order.
        Eligibility = "eligibility",
        /// The platform or market has no seller's cancel.
        NotSupported = "not_supported",
    }
}

/// A closed gate, with words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Blocked {
    /// Which.
    pub gate: Gate,
    /// Why, and what to do.
    pub detail: String,
}

/// What the gates look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// The list it stands in.
    pub list: List,
    /// The platform's status word.
    pub platform_status: String,
    /// Who keeps the goods.
    pub fulfilled_by: FulfilledBy,
    /// The platform's live answer, where it gave one.
    pub seller_may_cancel: Option<bool>,
    /// A cancel of ours is unfinished.
    pub cancelling: bool,
    /// Cash on delivery.
    pub cod: bool,
    /// The market's country code.
    pub region: String,
}

fn blocked(gate: Gate, detail: impl Into<String>) -> Result<(), Blocked> {
    Err(Blocked { gate, detail: detail.into() })
}

/// Judges a new cancel by what is stored.
///
/// # Errors
/// The first gate that is closed.
pub fn new_cancel(facts: &OrderFacts, policy: &Policy) -> Result<(), Blocked> {
    if facts.cancelling {
        return blocked(
            Gate::CancelPending,
            "A cancel of this order is already under way; its progress is on the order's page.",
        );
    }
    if facts.list == List::CancelRequested {
        return blocked(
            Gate::RequestOpen,
            "The buyer has asked to cancel this order; agree to or reject the request instead.",
        );
    }
    if !policy.cancel_from.contains(&facts.list) && facts.list != List::PlatformFulfilled {
        let words = |list: &List| list.as_str().replace('_', " ");
        let detail = match facts.list {
            List::Canceled => "The order is canceled already.".to_owned(),
            other => format!(
                "Orders in “{}” cannot be canceled by the seller; only those in {} can.",
                words(&other),
                policy.cancel_from.iter().map(words).collect::<Vec<_>>().join(", ")
            ),
        };
        return blocked(Gate::List, detail);
    }
    live_gates(facts, policy)
}

/// Judges a cancel that was accepted here by what the platform says now. Our list is not asked again: the order was
/// taken from it when the cancel was accepted.
///
/// # Errors
/// The first gate that is closed.
pub fn live_gates(facts: &OrderFacts, policy: &Policy) -> Result<(), Blocked> {
    if !policy.seller_cancel {
        return blocked(
            Gate::NotSupported,
            "This marketplace has no cancel by the seller here; a policy switch may allow it.",
        );
    }
    if facts.fulfilled_by == FulfilledBy::Platform && facts.seller_may_cancel != Some(true) {
        return blocked(
            Gate::FulfilledByPlatform,
            "The platform's own warehouse fulfils this order; the seller cannot cancel it.",
        );
    }
    match policy.status(&facts.platform_status) {
        Some(rule) if rule.seller_may_cancel => {}
        Some(rule) => {
            return blocked(
                Gate::PlatformStatus,
                format!("The platform's status is “{}”, which the seller cannot cancel.", rule.title),
            );
        }
        None => {
            return blocked(
                Gate::PlatformStatus,
                format!(
                    "The platform's status “{}” is not in the policy, so a cancel is not offered.",
                    facts.platform_status
                ),
            );
        }
    }
    if facts.seller_may_cancel == Some(false) {
        return blocked(Gate::Eligibility, "The platform says that the seller cannot cancel this order now.");
    }
    Ok(())
}

/// Why a reason is not taken for this order; `None` when it is offered.
#[must_use]
pub fn reason_not_offered(rule: &ReasonRule, facts: &OrderFacts) -> Option<String> {
    if rule.cod_only && !facts.cod {
        return Some("Only for cash-on-delivery orders.".to_owned());
    }
    if !rule.regions.is_empty() && !rule.regions.contains(&facts.region) {
        return Some(format!("Only in {}.", rule.regions.join(", ")));
    }
    None
}
