//! What the sheet leaves open, as switches: `PUT /switches {"tiktok_shop":{…}}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::FURTHEST_ADVANCE_SECONDS;
use crate::marketplace::Refusal;

/// The switches of the fake TikTok Shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    /// The newest version of the after-sales endpoints that exists here: 202602, 202512 or 202309 (section 5.5: which a
    /// shop has is not known).
    pub(super) newest_version: u32,
    /// A seller may cancel after shipment was arranged. Sources disagree (section 5.1).
    pub(super) cancel_after_arrangement: bool,
    /// An out-of-stock cancel sets the order's listings to zero; else they get their units back (section 5.8, one title).
    pub(super) zero_stock_on_out_of_stock: bool,
    /// Seconds from the answer of a cancel, SUCCESS, to the order's CANCELLED (section 5.2: accepted is not finished).
    pub(super) cancel_settles_seconds: i64,
    /// Shipping a package is refused.
    pub(super) ship_refused: bool,
    /// Seconds from shipping a package until its document has a link. Not documented.
    pub(super) document_seconds: i64,
    /// Stock may be set to 0. The documented range begins at 1 (section 7).
    pub(super) zero_stock_may_be_written: bool,
    /// A refresh token works once only. Not documented (section 1).
    pub(super) single_use_refresh: bool,
    /// A body of `{}` may be signed as nothing, as one third-party client does. What the platform does is not known
    /// (section 10).
    pub(super) empty_body_unsigned: bool,
    /// HTTP status of `36009002` (section 3).
    pub(super) rate_limit_status: u16,
    /// The consent page redirects without a click.
    pub(super) consent_without_click: bool,
    /// Seconds in which the seller has to answer a buyer's request; 0: 48 hours in Indonesia, 24 elsewhere (section 5.8).
    pub(super) request_answer_seconds: i64,
    /// Seconds after which an unpaid order is cancelled. Not documented.
    pub(super) unpaid_expires_seconds: i64,
    /// Seconds after payment until an order on hold may be shipped: about an hour (section 4).
    pub(super) hold_seconds: i64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            newest_version: 202_602,
            cancel_after_arrangement: true,
            zero_stock_on_out_of_stock: true,
            cancel_settles_seconds: 0,
            ship_refused: false,
            document_seconds: 0,
            zero_stock_may_be_written: true,
            single_use_refresh: false,
            empty_body_unsigned: false,
            rate_limit_status: 429,
            consent_without_click: false,
            request_answer_seconds: 0,
            unpaid_expires_seconds: 86_400,
            hold_seconds: 3_600,
        }
    }
}

impl Rules {
    /// Takes over the switches that are named and leaves the others.
    pub(super) fn with(&self, switches: &Value) -> Result<Rules, Refusal> {
        let Some(switches) = switches.as_object() else {
            return Err(Refusal::senseless("tiktok_shop: an object of switches is wanted"));
        };
        let senseless = |error: serde_json::Error| Refusal::senseless(format!("tiktok_shop: {error}"));
        let mut merged = serde_json::to_value(self).map_err(senseless)?;
        for (name, value) in switches {
            merged[name] = value.clone();
        }
        let rules: Rules = serde_json::from_value(merged).map_err(senseless)?;
        if !(200..=599).contains(&rules.rate_limit_status) {
            return Err(Refusal::senseless("tiktok_shop: an HTTP status lies between 200 and 599"));
        }
        let seconds = [
            rules.cancel_settles_seconds,
            rules.request_answer_seconds,
            rules.unpaid_expires_seconds,
            rules.hold_seconds,
        ];
        if !seconds.iter().all(|seconds| (0..=FURTHEST_ADVANCE_SECONDS).contains(seconds)) {
            return Err(Refusal::senseless(format!(
                "tiktok_shop: seconds lie between 0 and {FURTHEST_ADVANCE_SECONDS}"
            )));
        }
        Ok(rules)
    }

    /// How long a seller of this market has to answer a buyer's request.
    pub(super) fn request_answer(&self, market: &str) -> i64 {
        match (self.request_answer_seconds, market) {
            (0, "ID") => 48 * 3_600,
            (0, _) => 24 * 3_600,
            (seconds, _) => seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_switch_changes_only_itself() {
        let rules = Rules::default().with(&json!({"newest_version": 202_309})).unwrap();
        assert_eq!(rules, Rules { newest_version: 202_309, ..Rules::default() });
    }

    #[test]
    fn senseless_switches_are_refused() {
        for switches in [json!({"hold_seconds": -1}), json!({"rate_limit_status": 99}), json!({"no_such": 1}), json!(1)]
        {
            assert!(Rules::default().with(&switches).is_err(), "{switches}");
        }
    }
}
