//! What the sheet leaves open (section 15), as switches: `PUT /switches {"shopee":{…}}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::FURTHEST_ADVANCE_SECONDS;
use crate::marketplace::Refusal;

/// The switches of the fake Shopee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    /// A seller may cancel an unpaid order. Not documented (15, 12).
    pub(super) cancel_unpaid: bool,
    /// A seller may cancel after shipment was arranged. Sources disagree (section 8).
    pub(super) cancel_after_arrangement: bool,
    /// `can_partial_cancel_order` may be true. New since 2026-05-22 (section 8).
    pub(super) partial_cancel: bool,
    /// An out-of-stock cancel sets the chosen listings to zero; else they get their units back (15, 3).
    pub(super) zero_stock_on_out_of_stock: bool,
    /// Seconds from the answer of `cancel_order` to the status CANCELLED (15, 2).
    pub(super) cancel_settles_seconds: i64,
    /// The refresh token just used gives the same new tokens again for four hours. Single source (3.4).
    pub(super) repeat_refresh: bool,
    /// HTTP status of signature, token and permission failures (15, 5).
    pub(super) authentication_status: u16,
    /// HTTP status of `error_rate_limit` (15, 5).
    pub(super) rate_limit_status: u16,
    /// The consent page redirects without a click.
    pub(super) consent_without_click: bool,
    /// Arranging shipment is refused, as it is for a shop without a pickup address.
    pub(super) ship_refused: bool,
    /// Seconds from the arranged shipment until its document is ready (section 10: to be polled).
    pub(super) document_seconds: i64,
    /// Seconds in which the seller has to answer a buyer's request before it is accepted (15, 4).
    pub(super) request_answer_seconds: i64,
    /// Seconds after which an unpaid order is cancelled. Not documented.
    pub(super) unpaid_expires_seconds: i64,
    /// Seconds from the ship-by date to the system's cancel. Not documented.
    pub(super) not_shipped_grace_seconds: i64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            cancel_unpaid: false,
            cancel_after_arrangement: true,
            partial_cancel: false,
            zero_stock_on_out_of_stock: true,
            cancel_settles_seconds: 0,
            repeat_refresh: true,
            authentication_status: 403,
            rate_limit_status: 429,
            consent_without_click: false,
            ship_refused: false,
            document_seconds: 0,
            request_answer_seconds: 86_400,
            unpaid_expires_seconds: 86_400,
            not_shipped_grace_seconds: 3 * 86_400,
        }
    }
}

impl Rules {
    /// Takes over the switches that are named and leaves the others.
    pub(super) fn with(&self, switches: &Value) -> Result<Rules, Refusal> {
        let Some(switches) = switches.as_object() else {
            return Err(Refusal::senseless("shopee: an object of switches is wanted"));
        };
        let senseless = |error: serde_json::Error| Refusal::senseless(format!("shopee: {error}"));
        let mut merged = serde_json::to_value(self).map_err(senseless)?;
        for (name, value) in switches {
            merged[name] = value.clone();
        }
        let rules: Rules = serde_json::from_value(merged).map_err(senseless)?;
        if ![rules.authentication_status, rules.rate_limit_status].iter().all(|status| (200..=599).contains(status)) {
            return Err(Refusal::senseless("shopee: an HTTP status lies between 200 and 599"));
        }
        let seconds = [
            rules.cancel_settles_seconds,
            rules.document_seconds,
            rules.request_answer_seconds,
            rules.unpaid_expires_seconds,
            rules.not_shipped_grace_seconds,
        ];
        if !seconds.iter().all(|seconds| (0..=FURTHEST_ADVANCE_SECONDS).contains(seconds)) {
            return Err(Refusal::senseless(format!("shopee: seconds lie between 0 and {FURTHEST_ADVANCE_SECONDS}")));
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_switch_changes_only_itself() {
        let rules = Rules::default().with(&json!({"partial_cancel": true})).unwrap();
        assert_eq!(rules, Rules { partial_cancel: true, ..Rules::default() });
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for switches in [json!({"request_answer_seconds": -1}), json!({"authentication_status": 99})] {
            assert!(Rules::default().with(&switches).is_err(), "{switches}");
        }
    }

    #[test]
    fn an_unknown_switch_is_refused_by_name() {
        let refusal = Rules::default().with(&json!({"no_such_switch": 1})).unwrap_err();
        assert!(refusal.message.contains("no_such_switch"), "{}", refusal.message);
    }
}
