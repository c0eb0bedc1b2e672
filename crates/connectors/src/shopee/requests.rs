//! Buyers' cancellation requests (`shopee.md` section 9).
//!
//! A request is the order's status `IN_CANCEL`: it has no id, no deadline and no time of its own, it covers the whole
//! order, and a rejection takes no reason. Without an id nothing but the order's update time tells one request from the
//! next.

use domain::ids::OrderNumber;
use domain::policy::Standing;
use domain::snapshot::{LineSnapshot, RequestSnapshot};
use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::Parameters;
use super::errors::Asked;
use crate::call::{CallError, Received};
use crate::connector::{Answer, AnswerRequest, CancelAccepted, Window};
use crate::lenient;

/// Whether requests can be answered.
pub(super) const OFFERED: bool = true;
/// Section 9.
pub(super) const HANDLE: &str = "/api/v2/order/handle_buyer_cancellation";
/// The status of an order whose buyer waits (section 7.1, `C4`).
const IN_CANCEL: &str = "IN_CANCEL";
/// How far back open requests are looked for: the longest window of the list (section 6.1), and far more than a request
/// may wait.
const LOOK_BACK: Span = Span::from_seconds(15 * 86_400 - 1);

/// Orders whose buyers wait.
pub(super) fn list_parameters(cursor: Option<&str>, platform_now: Moment) -> Parameters {
    let window = Window { from: platform_now.minus(LOOK_BACK), to: platform_now };
    let mut parameters = super::orders::list_parameters(window, cursor);
    parameters.push(("order_status", IN_CANCEL.to_owned()));
    parameters
}

/// The request that an order's status is.
pub(super) fn read_request(
    standing: Standing,
    lines: &[LineSnapshot],
    reason: Option<&String>,
) -> Option<RequestSnapshot> {
    (standing == Standing::CancelRequested).then(|| RequestSnapshot {
        number: None,
        lines: lines
            .iter()
            .filter(|line| line.cancelled_quantity < line.quantity)
            .map(|line| line.id.clone())
            .collect(),
        reason: reason.cloned(),
        asked_at: None,
        deadline: None,
        restock: None,
        agreed: false,
    })
}

#[derive(Serialize)]
struct Body<'a> {
    order_sn: &'a str,
    operation: &'static str,
}

/// The answer's body.
pub(super) fn body(answer: &AnswerRequest) -> Vec<u8> {
    let number: &OrderNumber = &answer.request.order;
    let operation = match answer.answer {
        Answer::Agree => "ACCEPT",
        Answer::Reject { .. } => "REJECT",
    };
    super::json(&Body { order_sn: number.as_str(), operation })
}

#[derive(Deserialize, Default)]
struct Response {
    #[serde(default, deserialize_with = "lenient::moment")]
    update_time: Option<Moment>,
}

/// Reads the reply, which has `update_time` like a cancel's. A success without a readable one is a success.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let response: Response = answer.response().unwrap_or_default();
    Ok(CancelAccepted { updated_at: response.update_time })
}
