//! The seller's cancel (`tiktok-shop.md` section 5.2).
//!
//! There is no idempotency key, and the answer is no end: only a read of the order tells. The whole order goes through the
//! oldest version, which working shops use (`C7`); chosen lines through the newer one, which names them one by one (`C4`).

use domain::policy::Policy;
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use super::{orders, reasons};
use crate::call::{CallError, Received};
use crate::connector::{CancelAccepted, CancelOrder, ConnectorError};
use crate::{lenient, wire};

/// The whole order.
pub(super) const CANCEL_ORDER: &str = "/return_refund/202309/cancellations";
/// Chosen lines.
pub(super) const CANCEL_LINES: &str = "/return_refund/202602/cancellations";
/// Markets where lines may be cancelled one by one, with the reason *out of stock* only (`C4`); elsewhere the platform
/// answers `11050001`.
const LINES_IN: [&str; 3] = ["US", "GB", "UK"];
/// The beginning of every `cancel_status`.
const STATUS: &str = "CANCELLATION_REQUEST_";
/// The cancellation was closed without effect, under both of its spellings (section 5.3).
const CLOSED: [&str; 2] = ["CANCEL", "CANCELLED"];

/// Whether chosen lines alone can be cancelled in a market.
pub(super) fn lines_alone(policy: &Policy, market: &str) -> bool {
    policy.partial_cancel.is_on(market) && LINES_IN.contains(&market)
}

#[derive(Serialize)]
struct Body<'a> {
    order_id: &'a str,
    cancel_reason: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order_line_list: Vec<Line<'a>>,
}

#[derive(Serialize, PartialEq)]
struct Line<'a> {
    order_line_item_id: &'a str,
}

/// Endpoint and body. The reason's key is the one that the platform's live check named, else the table's.
pub(super) fn request(
    policy: &Policy,
    market: &str,
    cancel: &CancelOrder,
) -> Result<(&'static str, Vec<u8>), ConnectorError> {
    let statement = statement(policy, market, cancel)?;
    let checked = cancel.checked.as_ref().and_then(|checked| {
        let (_, key) = checked.reasons.iter().find(|(reason, _)| *reason == cancel.reason)?;
        Some(key.clone())
    });
    let cancel_reason = checked.unwrap_or_else(|| reasons::for_market(statement, market));
    let mut order_line_list = Vec::new();
    if !cancel.whole {
        for line in &cancel.lines {
            let line = Line { order_line_item_id: orders::line_item(&line.line) };
            // The parts of a bundle are one line item over there.
            if !order_line_list.contains(&line) {
                order_line_list.push(line);
            }
        }
    }
    let endpoint = if cancel.whole { CANCEL_ORDER } else { CANCEL_LINES };
    let body = Body { order_id: cancel.number.as_str(), cancel_reason: &cancel_reason, order_line_list };
    Ok((endpoint, wire::json(&body)))
}

/// The statement that the policy maps the reason to.
pub(super) fn statement<'a>(policy: &'a Policy, market: &str, cancel: &CancelOrder) -> Result<&'a str, ConnectorError> {
    let reason = cancel.reason.as_str();
    let rule = policy.reason(reason).ok_or_else(|| ConnectorError::Reason(reason.to_owned()))?;
    if !cancel.whole && !lines_alone(policy, market) {
        return Err(ConnectorError::WholeOrderOnly);
    }
    if cancel.lines.is_empty() && (rule.lines_required || !cancel.whole) {
        return Err(ConnectorError::LinesRequired(reason.to_owned()));
    }
    Ok(&rule.platform_value)
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_status: Option<String>,
}

/// Reads the reply. `SUCCESS` means accepted, not finished, and `PENDING` not even that: both are told by a read.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let status = answer.data::<Data>().unwrap_or_default().cancel_status.unwrap_or_default();
    if status.strip_prefix(STATUS).is_some_and(|status| CLOSED.contains(&status)) {
        return Err(answer.refused(&format!("the cancellation was closed at once ({status})")));
    }
    Ok(CancelAccepted { updated_at: None })
}
