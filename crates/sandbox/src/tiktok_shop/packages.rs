//! Packages, slots and labels: sheet section 6.

use serde_json::json;

use super::envelope::{Failure, Outcome, body};
use super::life::arrange;
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
use crate::label_pdf;
use crate::marketplace::{Moment, Request};

fn unknown() -> Failure {
    Failure::new(21_011_001, "The package does not exist.")
}

/// `POST /fulfillment/202309/packages/{package_id}/ship`: arranges the shipment.
pub(super) fn ship(
    shop: &mut Shop,
    id: &str,
    request: &Request,
    tracking: &str,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    body(request)?;
    let number = shop.order_of_package(id).ok_or_else(unknown)?;
    let order = shop.order(&number).ok_or_else(unknown)?;
    if order.pending().is_some() {
        return Err(Failure::new(21_011_007, "An after-sale request is pending on this package."));
    }
    let place = order.packages.iter().position(|package| *package.id == *id).ok_or_else(unknown)?;
    let may = order.status == Status::AwaitingShipment && order.packages[place].status == PackageStatus::ToFulfill;
    if !may {
        return Err(Failure::new(21_011_002, "The package can not be shipped in its present status."));
    }
    if rules.ship_refused {
        return Err(Failure::new(21_011_002, "The pickup address of the warehouse is invalid."));
    }
    shop.change(&number, rules, moment.now, |order, _| arrange(order, place, tracking, moment.now));
    moment.changed = true;
    Ok(json!({}))
}

/// `GET /fulfillment/202309/packages/{package_id}`.
pub(super) fn detail(shop: &Shop, id: &str, moment: &Moment<'_>) -> Outcome {
    let number = shop.order_of_package(id).ok_or_else(unknown)?;
    let order = shop.view(&number, moment.stale).ok_or_else(unknown)?;
    let (place, package) =
        order.packages.iter().enumerate().find(|(_, package)| *package.id == *id).ok_or_else(unknown)?;
    let lines = order.lines.iter().filter(|line| usize::from(line.package) == place).map(|line| &*line.id);
    // This call knows no TO_FULFILL (section 6).
    let status = if package.status == PackageStatus::ToFulfill { "PROCESSING" } else { package.status.name() };
    Ok(json!({
        "package_id": &*package.id, "package_status": status, "order_line_item_ids": lines.collect::<Vec<_>>(),
        "orders": [{"id": &*order.number}], "tracking_number": package.tracking.as_deref().unwrap_or_default(),
        "handover_method": "PICKUP", "update_time": order.updated,
    }))
}

/// How many days ahead a courier can come.
const PICKUP_DAYS: i64 = 2;
/// The documents that are PDFs with a label.
const LABELS: [&str; 2] = ["SHIPPING_LABEL", "SHIPPING_LABEL_AND_PACKING_SLIP"];
/// Where a label's file lies, before its package.
pub(super) const FILES: &str = "/files/label/";

/// `GET /fulfillment/202309/packages/{package_id}/handover_time_slots`.
pub(super) fn slots(shop: &Shop, id: &str, moment: &Moment<'_>) -> Outcome {
    shop.order_of_package(id).ok_or_else(unknown)?;
    let day = moment.now.div_euclid(86_400);
    let slots = (1..=PICKUP_DAYS).map(|ahead| {
        let start = (day + ahead) * 86_400;
        json!({"start_time": start, "end_time": start + 14_400, "avaliable": true})
    });
    Ok(json!({
        "can_pickup": true, "can_drop_off": true, "can_van_collection": false,
        "pickup_slots": slots.collect::<Vec<_>>(),
    }))
}

/// `GET /fulfillment/202309/packages/{package_id}/shipping_documents`: only after the package was shipped.
pub(super) fn documents(shop: &Shop, id: &str, request: &Request, rules: &Rules, moment: &Moment<'_>) -> Outcome {
    let kind = request.parameter("document_type").unwrap_or_default();
    if !LABELS.contains(&kind) {
        return Err(Failure::bad_request("Invalid document_type."));
    }
    let number = shop.order_of_package(id).ok_or_else(unknown)?;
    let order = shop.order(&number).ok_or_else(unknown)?;
    let package = order.packages.iter().find(|package| *package.id == *id).ok_or_else(unknown)?;
    // A cancelled order's label: an error is assumed (section 6, I).
    let printable = !matches!(package.status, PackageStatus::ToFulfill | PackageStatus::Cancelled);
    if !printable || order.status == Status::Cancelled {
        return Err(Failure::new(21_011_002, "The package has no shipping document in its present status."));
    }
    let ready = moment.now >= order.updated.saturating_add(rules.document_seconds);
    let host = request.header("host").unwrap_or_default();
    let url = format!("http://{host}{FILES}{id}.pdf");
    let tracking = package.tracking.as_deref().unwrap_or_default();
    Ok(json!({"doc_url": if ready { url } else { String::new() }, "tracking_number": tracking}))
}

/// The file behind a link.
pub(super) fn file(shop: &Shop, name: &str) -> Option<Vec<u8>> {
    let id = name.strip_suffix(".pdf")?;
    let number = shop.order_of_package(id)?;
    let order = shop.order(&number)?;
    let package = order.packages.iter().find(|package| *package.id == *id)?;
    let tracking = package.tracking.as_deref().unwrap_or_default();
    let lines = [
        tracking.to_owned(),
        format!("TikTok Shop order {}", order.number),
        format!("Package {}", package.id),
        format!("From {}", shop.name),
    ];
    Some(label_pdf::label(&lines, tracking))
}
