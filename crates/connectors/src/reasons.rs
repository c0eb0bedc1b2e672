//! Which reasons an order is offered for the seller's cancel. The policy's table is shown whole; a reason that the
//! platform does not take for this order is not offered, with why.

use domain::policy::{Policy, ReasonRule};

/// What decides about reasons, besides the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFacts<'a> {
    /// Cash on delivery.
    pub cod: bool,
    /// The country code of the order's market, as the platform writes it.
    pub region: &'a str,
}

/// A reason of the policy, and whether this order may be cancelled with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedReason<'a> {
    /// The policy's row.
    pub rule: &'a ReasonRule,
    /// Offered, or why not, in words for the operator.
    pub offered: Result<(), String>,
}

/// Every reason of the policy, in its order.
#[must_use]
pub fn reasons<'a>(policy: &'a Policy, order: &OrderFacts<'_>) -> Vec<OfferedReason<'a>> {
    policy.reasons.iter().map(|rule| OfferedReason { rule, offered: offered(rule, order) }).collect()
}

fn offered(rule: &ReasonRule, order: &OrderFacts<'_>) -> Result<(), String> {
    if rule.cod_only && !order.cod {
        return Err("Only for cash-on-delivery orders.".to_owned());
    }
    if !rule.regions.is_empty() && !rule.regions.iter().any(|region| region == order.region) {
        return Err(format!("Only in {}.", rule.regions.join(", ")));
    }
    Ok(())
}
