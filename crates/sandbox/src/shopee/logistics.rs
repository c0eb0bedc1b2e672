//! Arranging shipment and waybills: sheet section 10.

use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success};
use super::life::{arrange, move_to};
use super::orders::{Fulfilment, Order};
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
use crate::label_pdf;
use crate::marketplace::Moment;

/// The seller's one pickup address.
const PICKUP_ADDRESS_ID: i64 = 234;
/// How far ahead pickup slots lie, in days.
const PICKUP_DAYS: i64 = 3;

/// The package that a call means: the only one, or the one it names.
fn package(order: &Order, parameters: &Parameters<'_>) -> Result<usize, Failure> {
    match parameters.text("package_number") {
        Some(number) => order
            .packages
            .iter()
            .position(|package| *package.number == *number)
            .ok_or_else(|| Failure::new("logistics.package_not_exist", "The package is not exist.")),
        None if order.packages.len() > 1 => {
            Err(Failure::new("logistics.package_number_not_exist", "package_number is needed for a split order."))
        }
        None => Ok(0),
    }
}

fn order<'a>(shop: &'a Shop, parameters: &Parameters<'_>) -> Result<&'a Order, Failure> {
    let number = parameters.required("order_sn")?;
    shop.order(&number).ok_or_else(|| Failure::new("logistics.invalid_error", "The order is not exist."))
}

/// `GET /api/v2/logistics/get_shipping_parameter`.
pub(super) fn get_shipping_parameter(shop: &Shop, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Outcome {
    let order = order(shop, parameters)?;
    if order.status == Status::Cancelled {
        return Err(Failure::new("error_status", "The order has been cancelled."));
    }
    let place = package(order, parameters)?;
    if !matches!(
        order.packages.get(place).map(|package| package.status),
        Some(PackageStatus::Ready | PackageStatus::PickupRetry)
    ) {
        return Err(Failure::new(
            "error_param",
            "Shipping parameters can only be obtained when package is ready to be shipped",
        ));
    }
    let slots: Vec<Value> = (1..=PICKUP_DAYS)
        .map(|day| {
            let date = (moment.now.div_euclid(86_400) + day) * 86_400;
            json!({"date": date, "time_text": "", "pickup_time_id": date.to_string(), "flags": []})
        })
        .collect();
    Ok(Success::Response(json!({
        "info_needed": {"pickup": ["address_id", "pickup_time_id"], "dropoff": []},
        "pickup": {"address_list": [{
            "address_id": PICKUP_ADDRESS_ID, "region": shop.region, "state": "", "city": "", "district": "", "town": "",
            "address": "****", "zipcode": "", "address_flag": ["default_address", "pickup_address"],
            "time_slot_list": slots,
        }]},
        "dropoff": {"branch_list": null, "slug_list": null},
    })))
}

/// `POST /api/v2/logistics/ship_order`. `tracking` is the number that the package gets.
pub(super) fn ship_order(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    tracking: &str,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let found = order(shop, parameters)?;
    let number = std::sync::Arc::clone(&found.number);
    if found.fulfilment == Fulfilment::Platform {
        return Err(Failure::new("logistics.ship_order_pff_init", "You can not ship warehouse order."));
    }
    let split = found.packages.len() > 1;
    match (split, parameters.text("package_number").is_some()) {
        (true, false) => {
            return Err(Failure::new("logistics.ship_order_need_pacakge_number", "package_number is needed."));
        }
        (false, true) => {
            return Err(Failure::new("logistics.ship_order_not_need_pacakge_number", "package_number is not needed."));
        }
        _ => {}
    }
    let place = package(found, parameters)?;
    let modes = ["pickup", "dropoff", "non_integrated"];
    let given: Vec<&str> = modes.into_iter().filter(|mode| parameters.field(mode).is_some()).collect();
    let [mode] = given[..] else {
        return Err(Failure::new(
            "logistics.ship_order_only_support_one_type",
            "Exactly one of pickup, dropoff and non_integrated is needed.",
        ));
    };
    let by_own_carrier = mode == "non_integrated";
    let own_number = parameters
        .field("non_integrated")
        .and_then(|mode| mode.get("tracking_number"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    match found.packages.get(place).map(|package| package.status) {
        Some(PackageStatus::Ready | PackageStatus::PickupRetry)
            if matches!(found.status, Status::ReadyToShip | Status::RetryShip) => {}
        Some(PackageStatus::RequestCreated | PackageStatus::PickupDone | PackageStatus::DeliveryDone)
            if found.status != Status::InCancel =>
        {
            return Err(Failure::new("logistics.package_already_shipped", "The package is already shipped."));
        }
        _ if found.status == Status::Cancelled => {
            return Err(Failure::new("logistics.order_finalized", "The order is already finalized."));
        }
        _ => {
            return Err(Failure::new("logistics.ship_order_not_ready_to_ship", "The order is not ready to ship."));
        }
    }
    if rules.ship_refused {
        return Err(Failure::new("logistics.error_param", "Wrong parameters, detail: the pickup address is invalid."));
    }
    shop.change(&number, rules, moment.now, |order, _| {
        if by_own_carrier {
            move_to(order, Status::Shipped, own_number.as_deref().unwrap_or(tracking), moment.now);
        } else {
            arrange(order, place, tracking);
        }
    });
    moment.changed = true;
    Ok(Success::Plain)
}

/// `GET /api/v2/logistics/get_tracking_number`.
pub(super) fn get_tracking_number(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let order = order(shop, parameters)?;
    let place = package(order, parameters)?;
    let tracking = order.packages.get(place).and_then(|package| package.tracking.as_deref()).unwrap_or_default();
    Ok(Success::Response(json!({"tracking_number": tracking, "hint": ""})))
}

/// The most orders of one call about documents.
const MOST_DOCUMENTS: usize = 50;

/// A row of a call about documents, or why it has none.
type Row<'a> = Result<(&'a Order, usize), (&'static str, &'static str)>;

/// All rows of such a call, each with what its answer repeats of it.
type Rows<'a> = Vec<(Map<String, Value>, Row<'a>)>;

fn rows<'a>(shop: &'a Shop, parameters: &Parameters<'_>) -> Result<Rows<'a>, Failure> {
    let rows = parameters.objects("order_list")?;
    if rows.is_empty() || rows.len() > MOST_DOCUMENTS {
        return Err(Failure::wrong("order_list must hold 1 to 50 orders."));
    }
    Ok(rows.into_iter().map(|row| (named(row), find(shop, row))).collect())
}

/// What a row of the answer repeats of the row that asked.
fn named(row: &Map<String, Value>) -> Map<String, Value> {
    let names = ["order_sn", "package_number"];
    names.into_iter().filter_map(|name| Some((name.to_owned(), row.get(name)?.clone()))).collect()
}

fn find<'a>(shop: &'a Shop, row: &Map<String, Value>) -> Row<'a> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let order = text("order_sn").and_then(|number| shop.order(number));
    let order = order.ok_or(("logistics.order_not_exist", "The order is not exist."))?;
    let place = match text("package_number") {
        Some(number) => order.packages.iter().position(|package| *package.number == *number),
        None if order.packages.len() == 1 => Some(0),
        None => None,
    };
    let place = place.ok_or(("logistics.package_number_not_exist", "The package is not exist."))?;
    // Printable from arrangement until the courier has it (section 10).
    if order.packages[place].status != PackageStatus::RequestCreated || order.status == Status::Cancelled {
        return Err(("logistics.order_status_error", "Order status does not support awb printing."));
    }
    Ok((order, place))
}

/// Says each row's result; where all failed, the call did.
fn told(rows: Rows<'_>, result: impl Fn(&Order, &mut Map<String, Value>)) -> Outcome {
    let all_failed = rows.iter().all(|(_, found)| found.is_err());
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(mut row, found)| {
            match found {
                Ok((order, _)) => result(order, &mut row),
                Err((code, words)) => {
                    row.insert("fail_error".to_owned(), code.into());
                    row.insert("fail_message".to_owned(), words.into());
                }
            }
            Value::Object(row)
        })
        .collect();
    let response = json!({"result_list": rows});
    if all_failed {
        let failure = Failure::new("common.batch_api_all_failed", "Failed, please check result_list for more details.");
        return Err(Failure { response: Some(response), ..failure });
    }
    Ok(Success::Response(response))
}

/// `POST /api/v2/logistics/create_shipping_document`.
pub(super) fn create_document(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    told(rows(shop, parameters)?, |_, _| {})
}

fn is_ready(order: &Order, rules: &Rules, moment: &Moment<'_>) -> bool {
    moment.now >= order.updated.saturating_add(rules.document_seconds)
}

/// `POST /api/v2/logistics/get_shipping_document_result`: ready some time after the shipment was arranged.
pub(super) fn document_result(shop: &Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &Moment<'_>) -> Outcome {
    told(rows(shop, parameters)?, |order, row| {
        let status = if is_ready(order, rules, moment) { "READY" } else { "PROCESSING" };
        row.insert("status".to_owned(), status.into());
    })
}

/// `POST /api/v2/logistics/download_shipping_document`: the bytes of one package's label.
pub(super) fn download(shop: &Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &Moment<'_>) -> Outcome {
    let found = rows(shop, parameters)?;
    if found.len() > 1 {
        return Err(Failure::new("logistics.packages_can_not_download_together", "One package at a time."));
    }
    let Some((_, Ok((order, place)))) = found.first() else { return told(found, |_, _| {}) };
    if !is_ready(order, rules, moment) {
        return Err(Failure::new("logistics.download_later", "The document is not ready."));
    }
    let package = &order.packages[*place];
    let tracking = package.tracking.as_deref().unwrap_or_default();
    let lines = [
        tracking.to_owned(),
        format!("Shopee order {}", order.number),
        format!("Package {}", package.number),
        format!("From {}", shop.name),
    ];
    Ok(Success::Pdf(label_pdf::label(&lines, tracking)))
}
