//! Packages: sheet section 6. Labels and slots are not here.

use serde_json::json;

use super::envelope::{Failure, Outcome, body};
use super::life::arrange;
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
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
