//! Asking for an order back (section A4). The answer is 200 also when it failed, and a success with an empty list proves
//! nothing.

use serde::Deserialize;

use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::WithdrawalAnswer;
use crate::warehouse::account::Asked;

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default)]
    canceled_shipment_results: Option<Vec<ShipmentResult>>,
}

#[derive(Deserialize)]
struct ShipmentResult {
    #[serde(default, deserialize_with = "lenient::flag")]
    is_success: Option<bool>,
}

/// Reads the answer. A refusal without a code is *unclear*: the state forbids it, and a read tells which state that is.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<WithdrawalAnswer, CallError> {
    let answer: Answer = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(WithdrawalAnswer::Unclear),
        Err(error) => return Err(error),
    };
    let results = answer.canceled_shipment_results.unwrap_or_default();
    let all = !results.is_empty() && results.iter().all(|result| result.is_success == Some(true));
    let stopped = answer.status.as_deref() == Some("Success") && all;
    Ok(if stopped { WithdrawalAnswer::Stopped } else { WithdrawalAnswer::Unclear })
}
