//! Accepting orders and fetching labels (`tokopedia.md` section B.4).
//!
//! Accepting is what packing is elsewhere: the order has a label from then on, a page in HTML, not a PDF. Asking for a
//! pickup (`C3`) is left to the Seller Center.

use domain::ids::PackageNumber;
use domain::policy::Standing;
use domain::shipment::Act;
use domain::snapshot::OrderSnapshot;
use serde_json::value::RawValue;

use super::errors::Asked;
use crate::call::{CallError, Received};
use crate::connector::{LabelOf, LabelRead, ShipmentAccepted, ShipmentPart};
use crate::lenient;

/// Whether the platform is told when parcels wait for the courier: no call says it.
pub(super) const READY_TO_SHIP: bool = false;
/// Whether an acceptance can be taken back: no call does.
pub(super) const REPACK: bool = false;
/// The one kind there is.
pub(super) const LABELS: [&str; 1] = ["HTML"];

/// Accepts an order.
pub(super) const ACK: &str = "/v1/order/{order_id}/fs/{fs_id}/ack";
/// An order's label.
pub(super) const LABEL: &str = "/v1/order/{order_id}/fs/{fs_id}/shipping-label";
/// What a success says, in any spelling.
const SUCCESS: &str = "success";

/// The whole order, until it is accepted.
pub(super) fn next_part(act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
    let waits = act == Act::Pack && order.standing == Standing::ToPack;
    let packages: Vec<PackageNumber> = Vec::new();
    waits.then(|| ShipmentPart {
        act,
        number: order.number.clone(),
        packages,
        lines: Vec::new(),
        split: false,
        checked: None,
    })
}

pub(super) fn read_accepted(asked: &Asked, received: &Received) -> Result<ShipmentAccepted, CallError> {
    let answer = asked.answer(received)?;
    let data: &RawValue = answer.data()?;
    match lenient::scalar(data) {
        Some(word) if word.eq_ignore_ascii_case(SUCCESS) => Ok(ShipmentAccepted),
        _ => Err(answer.unreadable("it does not say that the order was accepted")),
    }
}

/// The label is not marked as printed over there: it is fetched here, and printed later (section B.4).
pub(super) fn label_parameters() -> super::Parameters {
    vec![("printed", "0".to_owned())]
}

/// Reads the label: a page; a failure is JSON.
pub(super) fn read_label(asked: &Asked, label: &LabelOf, received: &Received) -> Result<LabelRead, CallError> {
    if received.body.trim_ascii_start().first() == Some(&b'<') && (200..300).contains(&received.status) {
        let tracking_number = label.tracking_number.clone();
        return Ok(LabelRead::File { bytes: received.body.clone(), tracking_number });
    }
    Err(match asked.answer(received) {
        Err(error) => error,
        Ok(answer) => answer.unreadable("it is no label"),
    })
}
