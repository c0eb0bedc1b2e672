//! The seller's cancel: rejecting the order, `nack` (`tokopedia.md` section B.4). It cancels the whole order.

use domain::policy::Policy;
use serde::Serialize;
use serde_json::value::RawValue;

use super::errors::Asked;
use super::{reasons, stock};
use crate::call::{CallError, Received};
use crate::connector::{CancelAccepted, CancelOrder, ConnectorError};
use crate::{lenient, wire};

/// Rejects an order.
pub(super) const NACK: &str = "/v1/order/{order_id}/fs/{fs_id}/nack";
/// The longest text of a reason that every number takes, in characters.
const REASON_MAX: usize = 490;
/// What a success says, in any spelling: `success` in most samples, `Success` in one.
const SUCCESS: &str = "success";

#[derive(Serialize)]
struct Body {
    reason_code: u8,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    empty_products: Vec<i64>,
}

/// The request's body, as the policy maps the reason.
pub(super) fn body(policy: &Policy, cancel: &CancelOrder) -> Result<Vec<u8>, ConnectorError> {
    let reason = cancel.reason.as_str();
    let rule = policy.reason(reason).ok_or_else(|| ConnectorError::Reason(reason.to_owned()))?;
    if !cancel.whole {
        return Err(ConnectorError::WholeOrderOnly);
    }
    if rule.lines_required && cancel.lines.is_empty() {
        return Err(ConnectorError::LinesRequired(reason.to_owned()));
    }
    let reason_code = reasons::number(&rule.platform_value);
    let mut empty_products = Vec::new();
    if reason_code == reasons::OUT_OF_STOCK {
        for line in &cancel.lines {
            let product = stock::product(&line.listing)?;
            if !empty_products.contains(&product) {
                empty_products.push(product);
            }
        }
    }
    Ok(wire::json(&Body { reason_code, reason: rule.label.chars().take(REASON_MAX).collect(), empty_products }))
}

/// Reads the reply; whether the order is cancelled, only a read tells.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let data: &RawValue = answer.data()?;
    match lenient::scalar(data) {
        Some(word) if word.eq_ignore_ascii_case(SUCCESS) => Ok(CancelAccepted { updated_at: None }),
        _ => Err(answer.unreadable("it does not say that the order was rejected")),
    }
}
