//! Pushes that nobody took: sheet section 12.4.

use serde_json::{Value, json};

use super::NAME;
use super::envelope::{Failure, Outcome, Parameters, Success};
use crate::marketplace::Moment;

/// Lost pushes answered at once.
const MOST_AT_ONCE: usize = 100;
/// Lost pushes are kept for three days, in milliseconds.
const KEPT_MS: i64 = 3 * 86_400_000;

/// `GET /api/v2/push/get_lost_push_message`.
pub(super) fn get(partner_id: i64, moment: &Moment<'_>) -> Success {
    let lost: Vec<_> =
        moment.pushes.lost(NAME, &partner_id.to_string(), moment.now_ms - KEPT_MS).take(MOST_AT_ONCE + 1).collect();
    let rows: Vec<Value> = lost
        .iter()
        .take(MOST_AT_ONCE)
        .map(|lost| {
            let envelope: Value = serde_json::from_str(&lost.body).unwrap_or_default();
            let mut row = json!({
                "code": envelope["code"], "timestamp": envelope["timestamp"],
                // Documented as text that holds the whole original envelope.
                "data": lost.body,
            });
            if !envelope["shop_id"].is_null() {
                row["shop_id"] = envelope["shop_id"].clone();
            }
            row
        })
        .collect();
    let last = lost.iter().take(MOST_AT_ONCE).next_back().map_or(0, |lost| lost.id);
    Success::Response(json!({
        "push_message_list": rows, "has_next_page": lost.len() > MOST_AT_ONCE, "last_message_id": last,
    }))
}

/// `POST /api/v2/push/confirm_consumed_lost_push_message`: everything up to that number.
pub(super) fn confirm(partner_id: i64, parameters: &Parameters<'_>, moment: &mut Moment<'_>) -> Outcome {
    let last = parameters.required_integer("last_message_id")?;
    let last = u64::try_from(last).map_err(|_| Failure::wrong("last_message_id is invalid."))?;
    moment.changed = moment.pushes.confirm_lost(NAME, &partner_id.to_string(), last);
    Ok(Success::Plain)
}
