//! Buyers' cancellation requests of the old API (`tokopedia.md` sections B.4 and B.7).
//!
//! A request is `cancel_request_info` on the order, without an id and without a deadline; it covers the whole order. It is
//! granted by rejecting the order with the reason *buyer's request*, and refused by a call of its own.

use domain::snapshot::{LineSnapshot, RequestSnapshot};
use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::Credentials;
use super::cancel::NACK;
use super::errors::Asked;
use super::{Parameters, orders, reasons};
use crate::call::{CallError, Received};
use crate::connector::{CancelAccepted, Window};
use crate::{lenient, wire};

/// Whether requests can be answered.
pub(super) const OFFERED: bool = true;
/// Refuses the buyer's wish.
pub(super) const REJECT: &str = "/v1/order/{order_id}/fs/{fs_id}/reject-cancel";
/// Grants it.
pub(super) const GRANT: &str = NACK;
/// The status of an order whose buyer asks (section B.3, `S`).
const ASKED: &str = "401";
/// The longest window of the list (section B.3).
const LOOK_BACK: Span = Span::from_seconds(3 * 86_400 - 1);
/// What the rejected order is told; its history repeats it.
pub(super) const BUYERS_REQUEST: &str = "Buyer's request";

/// Orders whose buyers wait. The list looks back three days at most; pushes and reads tell of older ones.
pub(super) fn list_parameters(credentials: &Credentials, cursor: Option<&str>, platform_now: Moment) -> Parameters {
    let window = Window { from: platform_now.minus(LOOK_BACK), to: platform_now };
    let mut parameters = orders::list_parameters(credentials, window, cursor);
    parameters.push(("status", ASKED.to_owned()));
    parameters
}

/// The request, with every line of the order.
pub(super) fn request(lines: &[LineSnapshot], reason: Option<String>, asked_at: Option<Moment>) -> RequestSnapshot {
    RequestSnapshot {
        number: None,
        lines: lines.iter().map(|line| line.id.clone()).collect(),
        reason,
        asked_at,
        deadline: None,
        restock: None,
        agreed: false,
    }
}

#[derive(Serialize)]
struct Body {
    reason_code: u8,
    reason: &'static str,
}

/// The body that grants a request.
pub(super) fn grant_body() -> Vec<u8> {
    wire::json(&Body { reason_code: reasons::BUYERS_REQUEST, reason: BUYERS_REQUEST })
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default, deserialize_with = "lenient::flag")]
    success: Option<bool>,
}

/// Reads the reply to a refusal: `{"success": true}`.
pub(super) fn read_rejection(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let data: &RawValue = answer.data()?;
    let reply = lenient::read_object::<Reply>(data.get().as_bytes()).ok();
    match reply.and_then(|reply| reply.success) {
        Some(true) => Ok(CancelAccepted { updated_at: None }),
        _ => Err(answer.unreadable("it does not say that the request was refused")),
    }
}
