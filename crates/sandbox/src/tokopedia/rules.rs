//! What the sheet leaves open, as switches: `PUT /switches {"tokopedia":{…}}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::marketplace::Refusal;

/// The switches of the fake Tokopedia.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    /// An accepted order whose buyer asks to cancel is told as 401, also to who lists by that status; else its status stays
    /// and only `cancel_request_info` and the push tell of it. One source has the status (section B.3).
    pub(super) asked_status: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { asked_status: true }
    }
}

impl Rules {
    /// Takes over the switches that are named and leaves the others.
    pub(super) fn with(self, switches: &Value) -> Result<Rules, Refusal> {
        let Some(switches) = switches.as_object() else {
            return Err(Refusal::senseless("tokopedia: an object of switches is wanted"));
        };
        let senseless = |error: serde_json::Error| Refusal::senseless(format!("tokopedia: {error}"));
        let mut merged = serde_json::to_value(self).map_err(senseless)?;
        for (name, value) in switches {
            merged[name] = value.clone();
        }
        serde_json::from_value(merged).map_err(senseless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_known_switch_is_taken_and_a_senseless_one_refused() {
        let rules = Rules::default().with(&json!({"asked_status": false})).unwrap();
        assert_eq!(rules, Rules { asked_status: false });
        for switches in [json!({"asked_status": 1}), json!({"no_such": true}), json!(1)] {
            assert!(Rules::default().with(&switches).is_err(), "{switches}");
        }
    }
}
