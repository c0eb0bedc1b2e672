//! Asking for an order back. The answer says what became of it at once, or that the outcome comes later; reads of the order
//! repeat the last word.

use serde::{Deserialize, Serialize};

use crate::call::{CallError, Received, Remedy};
use crate::warehouse::WithdrawalAnswer;
use crate::warehouse::account::Asked;
use crate::{lenient, wire};

/// Why it is asked for, for the warehouse's people.
const REASON: &str = "The order is canceled at the marketplace.";

#[derive(Serialize)]
struct Body {
    reason: &'static str,
}

/// What is sent.
pub(super) fn body() -> Vec<u8> {
    wire::json(&Body { reason: REASON })
}

/// The warehouse's word on an asking.
#[derive(Deserialize)]
pub(super) struct Withdrawal {
    #[serde(default, deserialize_with = "lenient::text")]
    outcome: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    because: Option<String>,
}

impl Withdrawal {
    /// What it means; `None` for a word that the protocol does not know.
    pub(super) fn answer(&self) -> Option<WithdrawalAnswer> {
        match (self.outcome.as_deref()?, self.because.as_deref()) {
            ("withdrawn", _) => Some(WithdrawalAnswer::Stopped),
            ("pending", _) => Some(WithdrawalAnswer::Trying),
            ("refused", Some("picked")) => Some(WithdrawalAnswer::TooLatePicked),
            ("refused", Some("shipped")) => Some(WithdrawalAnswer::TooLateShipped),
            ("refused", _) => Some(WithdrawalAnswer::Unclear),
            _ => None,
        }
    }
}

/// Reads the answer. A refusal of the call as such says nothing of the order: a read tells.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<WithdrawalAnswer, CallError> {
    let answer: Withdrawal = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(WithdrawalAnswer::Unclear),
        Err(error) => return Err(error),
    };
    Ok(answer.answer().unwrap_or(WithdrawalAnswer::Unclear))
}
