//! What the sheet leaves open (section 14), as switches: `PUT /switches {"lazada":{…}}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cancel::REASONS;
use crate::clock::FURTHEST_ADVANCE_SECONDS;
use crate::marketplace::Refusal;

/// What becomes of a packed parcel's other items when one is cancelled (section 6.5: sources disagree).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Siblings {
    /// They are cancelled with it.
    Canceled,
    /// They go back to pending, without a parcel.
    Pending,
}

/// The switches of the fake Lazada.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    /// A seller may cancel what is ready to ship (6.4: sources disagree).
    pub(super) cancel_ready_to_ship: bool,
    /// What becomes of a packed parcel's other items.
    pub(super) siblings: Siblings,
    /// The names of the reasons that validate offers (6.3: they differ by order and country).
    pub(super) reasons: Vec<String>,
    /// *Out of Stock* and *Wrong Price* set the SKU to zero; else its units come back (section 9: texts say “may”).
    pub(super) zero_stock: bool,
    /// The older cancel and packing calls still answer (section 11).
    pub(super) legacy: bool,
    /// Packing is refused, item by item.
    pub(super) pack_refused: bool,
    /// Seconds from packing until the parcel's document has a link. Not documented.
    pub(super) document_seconds: i64,
    /// Seconds from the answer of a cancel to the status canceled (6.2: “may lag”).
    pub(super) cancel_settles_seconds: i64,
    /// Seconds from the seller's agreement to the cancel (section 7: the logistics side).
    pub(super) agreed_settles_seconds: i64,
    /// Seconds in which the seller has to answer a buyer's request (section 7: `cancel_trigger_time`).
    pub(super) request_answer_seconds: i64,
    /// Seconds after which an unpaid order is cancelled (5.6: sources disagree).
    pub(super) unpaid_expires_seconds: i64,
    /// Seconds from the promised time to Lazada's own cancel. Not documented.
    pub(super) not_shipped_grace_seconds: i64,
    /// The order's list of statuses says `confirmed` whatever its items say (5.5, seen live).
    pub(super) frozen_order_statuses: bool,
    /// Seconds that an access token lives (section 2: seen 7, 10 and 30 days).
    pub(super) access_token_seconds: i64,
    /// Seconds that a refresh token lives.
    pub(super) refresh_token_seconds: i64,
    /// The consent page redirects without a click.
    pub(super) consent_without_click: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            cancel_ready_to_ship: true,
            siblings: Siblings::Canceled,
            reasons: REASONS.iter().map(|reason| reason.name.to_owned()).collect(),
            zero_stock: true,
            legacy: true,
            pack_refused: false,
            document_seconds: 0,
            cancel_settles_seconds: 0,
            agreed_settles_seconds: 0,
            request_answer_seconds: 86_400,
            unpaid_expires_seconds: 1_800,
            not_shipped_grace_seconds: 3 * 86_400,
            frozen_order_statuses: false,
            access_token_seconds: 864_000,
            refresh_token_seconds: 4_320_000,
            consent_without_click: false,
        }
    }
}

impl Rules {
    /// Takes over the switches that are named and leaves the others.
    pub(super) fn with(&self, switches: &Value) -> Result<Rules, Refusal> {
        let Some(switches) = switches.as_object() else {
            return Err(Refusal::senseless("lazada: an object of switches is wanted"));
        };
        let senseless = |error: serde_json::Error| Refusal::senseless(format!("lazada: {error}"));
        let mut merged = serde_json::to_value(self).map_err(senseless)?;
        for (name, value) in switches {
            merged[name] = value.clone();
        }
        let rules: Rules = serde_json::from_value(merged).map_err(senseless)?;
        if let Some(name) = rules.reasons.iter().find(|name| !REASONS.iter().any(|reason| reason.name == **name)) {
            let known: Vec<&str> = REASONS.iter().map(|reason| reason.name).collect();
            let known = known.join(", ");
            return Err(Refusal::senseless(format!("lazada: {name:?} is no reason: use some of {known}")));
        }
        let seconds = [
            rules.cancel_settles_seconds,
            rules.agreed_settles_seconds,
            rules.request_answer_seconds,
            rules.unpaid_expires_seconds,
            rules.not_shipped_grace_seconds,
            rules.access_token_seconds,
            rules.refresh_token_seconds,
        ];
        if !seconds.iter().all(|seconds| (0..=FURTHEST_ADVANCE_SECONDS).contains(seconds)) {
            return Err(Refusal::senseless(format!("lazada: seconds lie between 0 and {FURTHEST_ADVANCE_SECONDS}")));
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
        let rules = Rules::default().with(&json!({"siblings": "pending"})).unwrap();
        assert_eq!(rules, Rules { siblings: Siblings::Pending, ..Rules::default() });
    }

    #[test]
    fn senseless_switches_are_refused_by_name() {
        for (switches, word) in [
            (json!({"request_answer_seconds": -1}), "seconds"),
            (json!({"reasons": ["Weather"]}), "Weather"),
            (json!({"no_such_switch": 1}), "no_such_switch"),
            (json!([]), "object"),
        ] {
            let refusal = Rules::default().with(&switches).unwrap_err();
            assert!(refusal.message.contains(word), "{}", refusal.message);
        }
    }
}
