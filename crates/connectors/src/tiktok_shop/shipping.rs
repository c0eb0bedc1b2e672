//! Arranging shipment and fetching labels (`tiktok-shop.md` section 6).
//!
//! A package is shipped by its id, with the way and the time slot that it offers; the policy says which way is taken. A
//! label comes as a link that lives for a day and needs no token.

use domain::policy::Handover;
use domain::shipment::Act;
use domain::snapshot::OrderSnapshot;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Parameters;
use super::errors::Asked;
use super::status;
use crate::call::{CallError, Received, Remedy};
use crate::connector::{LabelOf, LabelRead, ShipmentAccepted, ShipmentChecked, ShipmentPart};
use crate::{lenient, wire};

/// Whether the platform is told when parcels wait for the courier: shipping a package says it all.
pub(super) const READY_TO_SHIP: bool = false;
/// Whether a shipped package can be taken back: no call does.
pub(super) const REPACK: bool = false;
/// Section 6, PDF documents.
pub(super) const LABELS: [&str; 2] = ["SHIPPING_LABEL", "SHIPPING_LABEL_AND_PACKING_SLIP"];

/// How a package may be handed over.
pub(super) const SLOTS: &str = "/fulfillment/202309/packages/{package_id}/handover_time_slots";
/// Arranges a package's shipment.
pub(super) const SHIP: &str = "/fulfillment/202309/packages/{package_id}/ship";
/// A package's label.
pub(super) const DOCUMENTS: &str = "/fulfillment/202309/packages/{package_id}/shipping_documents";
/// The label's link.
const FILE: &str = "label file";
/// The smallest paper (section 6).
const SIZE: &str = "A6";

/// The first package that nobody shipped yet.
pub(super) fn next_part(act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
    if act != Act::Pack {
        return None;
    }
    let waits = order.packages.iter().find(|package| status::is_to_be_shipped(&package.platform_status))?;
    Some(ShipmentPart {
        act,
        number: order.number.clone(),
        packages: vec![waits.number.clone()],
        lines: Vec::new(),
        split: order.packages.len() > 1,
        checked: None,
    })
}

/// A path with the package of a part in it.
pub(super) fn path(endpoint: &str, package: &str) -> String {
    endpoint.replace("{package_id}", &wire::segment(package))
}

#[derive(Deserialize)]
struct Slots {
    #[serde(default, deserialize_with = "lenient::flag")]
    can_pickup: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    can_drop_off: Option<bool>,
    pickup_slots: Option<Vec<Slot>>,
}

#[derive(Deserialize)]
struct Slot {
    #[serde(default, deserialize_with = "lenient::integer")]
    start_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    end_time: Option<i64>,
    // The platform's spelling (section 6).
    #[serde(default, rename = "avaliable", deserialize_with = "lenient::flag")]
    available: Option<bool>,
}

/// Reads how the package may be handed over, and chooses as the policy says.
pub(super) fn read_slots(asked: &Asked, handover: Handover, received: &Received) -> Result<ShipmentChecked, CallError> {
    let refused = |words: String| ShipmentChecked { refused: Some(words), parameters: String::new() };
    let answer = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(refused(error.story.message)),
        Err(error) => return Err(error),
    };
    let slots: Slots = answer.data()?;
    let pickup = (slots.can_pickup == Some(true)).then(|| pickup(slots.pickup_slots.unwrap_or_default()));
    let drop_off = (slots.can_drop_off == Some(true)).then(|| json!({"handover_method": "DROP_OFF"}));
    let chosen = match handover {
        Handover::Pickup => pickup.or(drop_off),
        Handover::DropOff => drop_off.or(pickup),
    };
    Ok(match chosen {
        Some(way) => ShipmentChecked { refused: None, parameters: way.to_string() },
        None => refused("TikTok Shop offers neither pickup nor drop-off for this package now.".to_owned()),
    })
}

/// Pickup in the first slot that is free; without slots the platform chooses.
fn pickup(slots: Vec<Slot>) -> Value {
    let mut way = json!({"handover_method": "PICKUP"});
    let free = slots.into_iter().find(|slot| slot.available != Some(false));
    if let Some((start, end)) = free.and_then(|slot| slot.start_time.zip(slot.end_time)) {
        way["pickup_slot"] = json!({"start_time": start, "end_time": end});
    }
    way
}

/// The body of the shipment: the way that the check chose.
pub(super) fn ship_body(part: &ShipmentPart) -> Option<Vec<u8>> {
    let checked = part.checked.as_ref().filter(|checked| checked.refused.is_none())?;
    Some(checked.parameters.clone().into_bytes())
}

pub(super) fn read_shipped(asked: &Asked, received: &Received) -> Result<ShipmentAccepted, CallError> {
    asked.answer(received).map(|_| ShipmentAccepted)
}

pub(super) fn label_parameters(kind: &str) -> Parameters {
    vec![("document_type", kind.to_owned()), ("document_size", SIZE.to_owned())]
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "lenient::text")]
    doc_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
}

/// Reads the label's link and goes for its bytes.
pub(super) fn read_link(
    asked: &Asked,
    base: &str,
    label: &LabelOf,
    retry: domain::time::Span,
    received: &Received,
) -> Result<LabelRead, CallError> {
    let answer = asked.answer(received)?;
    let document: Document = answer.data()?;
    let Some(link) = document.doc_url else { return Ok(LabelRead::Preparing(retry)) };
    let tracking_number = document.tracking_number.or_else(|| label.tracking_number.clone());
    match wire::file(FILE, &link, base, tracking_number) {
        Some(call) => Ok(LabelRead::Ask(Box::new(call))),
        None => Err(answer.refused("the label's link leads to no place that a label may come from")),
    }
}
