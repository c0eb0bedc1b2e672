//! Asking for an order back. `ask` says that the call worked, `cancel_status` what became of the order; where that is left out
//! the order may be void all the same, and a read tells.

use serde::Deserialize;

use super::errors::Envelope;
use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::WithdrawalAnswer;
use crate::warehouse::account::Asked;

#[derive(Deserialize)]
struct Data {
    #[serde(default, deserialize_with = "lenient::integer")]
    cancel_status: Option<i64>,
}

/// Reads the answer.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<WithdrawalAnswer, CallError> {
    let envelope: Envelope<'_> = match asked.answer(received) {
        Ok(envelope) => envelope,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(WithdrawalAnswer::Unclear),
        Err(error) => return Err(error),
    };
    let inside = || envelope.one::<Data>().and_then(|data| data.cancel_status);
    Ok(match (envelope.worked(), envelope.cancel_status.or_else(inside)) {
        (true, Some(1)) => WithdrawalAnswer::Trying,
        (true, Some(2)) => WithdrawalAnswer::Stopped,
        (true, Some(4)) => WithdrawalAnswer::StoppedForAFee,
        (_, Some(3)) => WithdrawalAnswer::Failed,
        _ => WithdrawalAnswer::Unclear,
    })
}
