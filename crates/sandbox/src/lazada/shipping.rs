//! Packing, ready-to-ship and labels: sheet section 8. Not here: delivery by the seller's own fleet, digital goods.

use serde_json::{Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success, number, numbers};
use super::life::pack_items;
use super::orders::Fulfilment;
use super::rules::Rules;
use super::seed;
use super::shops::Shop;
use super::status::Status;
use crate::marketplace::Moment;

/// Orders or parcels of one call.
const MOST_AT_ONCE: usize = 20;

fn result(data: Value) -> Success {
    Success::Result(json!({"success": true, "data": data, "error_code": null, "error_msg": null}))
}

fn whole_failure(code: &str, message: &str) -> Success {
    Success::Result(json!({"success": false, "data": null, "error_code": code, "error_msg": message}))
}

fn rows<'a>(request: &'a Value, name: &str) -> &'a [Value] {
    request[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `/order/shipment/providers/get`.
pub(super) fn providers(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    parameters.json("getShipmentProvidersReq")?;
    Ok(result(json!({
        "platform_default": 1, "shipping_allocate_type": "TFS",
        "shipment_providers": [{"name": shop.region.provider, "provider_code": shop.region.provider}],
    })))
}

/// `POST /order/fulfill/pack`: the chosen items of an order become one parcel; each item has its own result.
pub(super) fn pack(shop: &mut Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &mut Moment<'_>) -> Outcome {
    let request = parameters.json("packReq")?;
    let wanted = rows(&request, "pack_order_list");
    if wanted.is_empty() || wanted.len() > MOST_AT_ONCE {
        return Ok(whole_failure("700022", "The number of orders must be 1 to 20"));
    }
    let mut packed = Vec::new();
    for row in wanted {
        let id = number(&row["order_id"]).unwrap_or(0);
        let items = numbers(&row["order_item_list"]).unwrap_or_default();
        packed.push(json!({"order_id": id, "order_item_list": pack_order(shop, id, &items, rules, moment)}));
    }
    Ok(result(json!({"pack_order_list": packed})))
}

fn failed(item: i64, code: &str, message: &str) -> Value {
    json!({"order_item_id": item, "item_err_code": code, "msg": message, "retry": false})
}

fn pack_order(shop: &mut Shop, id: i64, items: &[i64], rules: &Rules, moment: &mut Moment<'_>) -> Vec<Value> {
    let provider = shop.region.provider;
    let Some(order) = shop.order(id) else {
        return items.iter().map(|item| failed(*item, "700021", "Order not found")).collect();
    };
    let judged: Vec<(i64, Option<(&str, &str)>)> = items
        .iter()
        .map(|id| {
            let item = order.items.iter().find(|item| item.id == *id);
            let fault = match item {
                None => Some(("700025", "Order item not found")),
                Some(_) if order.fulfilment == Fulfilment::Fbl => Some(("700027", "FBL items are not packed")),
                Some(item) if item.is_asked() || item.is_agreed() => {
                    Some(("700031", "The item is not ready to fulfil"))
                }
                Some(_) if rules.pack_refused => Some(("1003", "No shipment provider serves this address")),
                Some(item) if matches!(item.status, Status::Pending | Status::Repacked) => None,
                Some(_) => Some(("700026", "The status of the item cannot be packed")),
            };
            (*id, fault)
        })
        .collect();
    let fit: Vec<i64> = judged.iter().filter(|(_, fault)| fault.is_none()).map(|(id, _)| *id).collect();
    let package = seed::free_package(shop, order);
    if !fit.is_empty() {
        shop.change(id, rules, moment.now, |order, products| {
            let places = order.places(|item| fit.contains(&item.id));
            pack_items(order, &places, package.clone(), products);
        });
        moment.changed = true;
    }
    let row = |(item, fault): (i64, Option<(&str, &str)>)| match fault {
        Some((code, message)) => failed(item, code, message),
        None => json!({
            "order_item_id": item, "item_err_code": "0", "msg": "success", "package_id": &*package.id,
            "tracking_number": &*package.tracking, "shipment_provider": provider, "retry": false,
        }),
    };
    judged.into_iter().map(row).collect()
}

/// `POST /order/package/rts` and `/order/package/repack`: parcel by parcel, from packed to `next`.
pub(super) fn move_packages(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    name: &str,
    next: Status,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let request = parameters.json(name)?;
    let wanted = rows(&request, "packages");
    if wanted.is_empty() || wanted.len() > MOST_AT_ONCE {
        return Ok(whole_failure("700022", "The number of packages must be 1 to 20"));
    }
    let mut moved = Vec::new();
    for row in wanted {
        let package = row["package_id"].as_str().unwrap_or_default();
        let (code, message) = match move_package(shop, package, next, rules, moment) {
            Ok(()) => ("0", "success"),
            Err(fault) => fault,
        };
        moved.push(json!({"package_id": package, "item_err_code": code, "msg": message, "retry": false}));
    }
    Ok(result(json!({"packages": moved})))
}

fn move_package(
    shop: &mut Shop,
    package: &str,
    next: Status,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<(), (&'static str, &'static str)> {
    let (order, place) = shop.order_of_package(package).ok_or(("600001", "The package is not found"))?;
    let inside = order.places(|item| item.package == Some(place));
    let is = |status: Status| inside.iter().all(|item| order.items[*item].status == status);
    if is(Status::Canceled) {
        return Err(("600002", "The package has been cancelled"));
    }
    if !inside.iter().any(|item| order.items[*item].status == Status::Packed) {
        return Err(("700026", "The status of the package does not allow it"));
    }
    let id = order.id;
    shop.change(id, rules, moment.now, |order, products| {
        for place in order.places(|item| item.package == Some(place) && item.status == Status::Packed) {
            order.set(place, next, products);
        }
    });
    moment.changed = true;
    Ok(())
}

/// `POST /order/pack`, the older call (section 8): items of one order.
pub(super) fn legacy_pack(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let items = legacy_items(parameters)?;
    let unknown = || Failure::caller("20", "E020: Invalid Order Item ID");
    let id = items.first().and_then(|item| shop.order_of_item(*item)).ok_or_else(unknown)?.id;
    let results = pack_order(shop, id, &items, rules, moment);
    if results.iter().any(|row| row["item_err_code"] != "0") {
        return Err(Failure::caller("73", "E073: All order items must have status Pending or Ready To Ship"));
    }
    let rows: Vec<Value> = results
        .iter()
        .map(|row| {
            json!({
                "order_item_id": row["order_item_id"], "purchase_order_id": "", "purchase_order_number": "",
                "package_id": row["package_id"], "shipment_provider": row["shipment_provider"],
                "tracking_number": row["tracking_number"],
            })
        })
        .collect();
    Ok(Success::Data(json!({"order_items": rows})))
}

/// `POST /order/rts`, the older call.
pub(super) fn legacy_ready(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let items = legacy_items(parameters)?;
    let unknown = || Failure::caller("20", "E020: Invalid Order Item ID");
    let order = items.first().and_then(|item| shop.order_of_item(*item)).ok_or_else(unknown)?;
    let fit = |item: &super::orders::Item| items.contains(&item.id) && item.status == Status::Packed;
    if order.places(fit).len() != items.len() {
        return Err(Failure::caller("91", "E091: You are not eligible to do self service re-routing."));
    }
    let id = order.id;
    shop.change(id, rules, moment.now, |order, products| {
        for place in order.places(fit) {
            order.set(place, Status::ReadyToShip, products);
        }
    });
    moment.changed = true;
    let rows: Vec<Value> = items.iter().map(|item| json!({"order_item_id": item})).collect();
    Ok(Success::Data(json!({"order_items": rows})))
}

/// `POST /order/repack`, the older call: one parcel.
pub(super) fn legacy_repack(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let package = parameters.required("package_id")?;
    match move_package(shop, package, Status::Repacked, rules, moment) {
        Ok(()) => Ok(Success::Data(json!({"package_id": package}))),
        Err((_, message)) => Err(Failure::caller("63", format!("E063: {message}"))),
    }
}

/// `GET /shipment/providers/get`, the older call.
pub(super) fn legacy_providers(shop: &Shop) -> Success {
    Success::Data(json!({"shipment_providers": [{
        "name": shop.region.provider, "is_default": 1, "cod": 1, "api_integration": 1, "tracking_code_example": "",
        "tracking_code_validation_regex": "", "tracking_url": "", "enabled_delivery_options": ["express", "standard"],
    }]}))
}

fn legacy_items(parameters: &Parameters<'_>) -> Result<Vec<i64>, Failure> {
    let mut items = numbers(&parameters.json("order_item_ids")?).unwrap_or_default();
    items.sort_unstable();
    items.dedup();
    if items.is_empty() { Err(Failure::caller("20", "E020: Invalid Order Item ID")) } else { Ok(items) }
}

/// Where a label's file lies, before its parcel.
pub(super) const FILES: &str = "/files/label/";

/// `/order/package/document/get`: the link of the parcels' labels in one file, once there is one.
pub(super) fn document(
    shop: &Shop,
    parameters: &Parameters<'_>,
    host: &str,
    rules: &Rules,
    moment: &Moment<'_>,
) -> Outcome {
    let request = parameters.json("getDocumentReq")?;
    let wanted: Vec<&str> = rows(&request, "packages").iter().filter_map(|row| row["package_id"].as_str()).collect();
    if wanted.is_empty() || wanted.len() > MOST_AT_ONCE {
        return Ok(whole_failure("700022", "The number of packages must be 1 to 20"));
    }
    let mut ready = true;
    for package in &wanted {
        let Some((order, place)) = shop.order_of_package(package) else {
            return Ok(whole_failure("600001", "The package is not found"));
        };
        let mut inside = order.items.iter().filter(|item| item.package == Some(place));
        let printable = |status: Status| matches!(status, Status::Packed) || status.is_ready();
        if !inside.any(|item| printable(item.status)) {
            return Ok(whole_failure("700040", "There is nothing to print"));
        }
        ready &= moment.now >= order.updated.saturating_add(rules.document_seconds);
    }
    let url = format!("http://{host}{FILES}{}.pdf", wanted.join("+"));
    // The file is base64 of HTML even for PDF (section 8): an empty page here, since nobody should read it.
    Ok(result(json!({"file": "", "doc_type": "PDF", "pdf_url": ready.then_some(url)})))
}

/// The file behind a link: the labels of its parcels, here of the first.
pub(super) fn file(shop: &Shop, name: &str) -> Option<Vec<u8>> {
    let package = name.strip_suffix(".pdf")?.split('+').next()?;
    let (order, place) = shop.order_of_package(package)?;
    let parcel = order.packages.get(place)?;
    let lines = [
        parcel.tracking.to_string(),
        format!("Lazada order {}", order.id),
        format!("Package {}", parcel.id),
        format!("From {}", shop.name),
    ];
    Some(crate::label_pdf::label(&lines, &parcel.tracking))
}
