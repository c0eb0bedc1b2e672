//! Bodies that left the real platform or its documentation. They lie beside the project, not in it: their copyright is
//! not ours to pass on. Without them these tests say so and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use domain::order::Stage;
use domain::policy::Standing;
use domain::snapshot::{FulfilledBy, Initiator, OrderSnapshot};
use serde_json::{Value, json};

use super::super::{sign, webhook};
use super::answers::{cancel_call, check_call, list_call, read_everything};
use super::{APP_SECRET, lazada, read_from, received};
use crate::call::Remedy;
use crate::connector::Connector;

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = workspace.join("../shared/realdata/payloads/lazada");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there, it comes with the shared workspace only", folder.display());
    None
}

fn body(name: &str) -> Option<String> {
    folder().map(|folder| fs::read_to_string(folder.join(name)).unwrap())
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(every_file(&path)) } else { files.push(path) }
    }
    files
}

/// An order whose items are a recorded list, with a head of our own beside it.
fn order(items: &str) -> OrderSnapshot {
    let items: Value = serde_json::from_str(items).unwrap();
    let items = if items.is_array() { items } else { items["data"].clone() };
    let id = items[0]["order_id"].as_str().map_or_else(|| items[0]["order_id"].to_string(), str::to_owned);
    let (_, read) = read_from(&[&id], |asked| match asked.split_once(' ').unwrap().0 {
        "/order/get" => json!({"code": "0", "data": {"order_id": id, "price": "1"}}).to_string(),
        _ => json!({"code": "0", "data": [{"order_id": id, "order_items": items}]}).to_string(),
    });
    read.unwrap().remove(0)
}

#[test]
fn every_payload_goes_through_every_reader() {
    let Some(folder) = folder() else { return };
    let files = every_file(&folder);
    assert!(files.len() >= 13, "{}", files.len());
    for file in files {
        let body = fs::read(&file).unwrap();
        for status in [200, 403, 500] {
            read_everything(&received(status, &body));
        }
        let _ = webhook::read(&body);
    }
}

#[test]
fn the_recorded_list_is_read() {
    let Some(body) = body("orders_get.th_2018.json") else { return };
    let page = (list_call().read)(&received(200, body)).unwrap();
    assert_eq!((page.numbers.len(), page.next), (10, None));
    assert_eq!(page.numbers[0].as_str(), "215194048738322");
}

#[test]
fn an_item_is_read_before_and_after_its_buyer_cancelled_it() {
    let Some(before) = body("order_item.before_cancel.th_2021.json") else { return };
    let Some(after) = body("order_item.after_cancel_by_customer.th_2021.json") else { return };
    let (before, after) = (order(&before), order(&after));
    assert_eq!((before.standing, before.platform_status.as_str()), (Standing::ToPack, "pending"));
    assert_eq!((after.standing, after.platform_status.as_str()), (Standing::Canceled, "canceled"));
    assert_eq!(before.lines[0].id, after.lines[0].id);
    assert_eq!(before.lines[0].listing.as_str(), "2292225297:7709407525");
    assert_eq!((before.lines[0].cancelled_quantity, after.lines[0].cancelled_quantity), (0, 1));
    assert_eq!(before.lines[0].unit_price.unwrap().to_string(), "THB 40.00");
    let facts = after.cancelled.unwrap();
    assert_eq!((facts.by, facts.reason.as_str()), (Some(Initiator::Buyer), "เปลี่ยนใจ"));
    assert!(after.updated_at > before.updated_at);
    assert_eq!(before.ship_by.unwrap().seconds(), 1_618_851_599);
}

#[test]
fn one_unit_told_twice_is_one_unit() {
    let Some(body) = body("order_items_get.digital_vn_2021.json") else { return };
    let order = order(&body);
    assert_eq!((order.lines.len(), order.standing, order.stage), (1, Standing::Shipped, Stage::Delivered));
    assert_eq!(order.cancelled, None, "the initiator “null-null” is nobody");
    assert_eq!(order.lines[0].unit_price.unwrap().to_string(), "VND 66000");
    assert_eq!(order.packages, []);
}

#[test]
fn the_documented_item_with_every_flag_as_a_text_is_read() {
    let Some(body) = body("order_items_get.doc_2025_cancel_pending.json") else { return };
    let order = order(&body);
    // Its flags ask for a confirmation, but its status says that it is over.
    assert_eq!((order.standing, order.platform_status.as_str()), (Standing::Canceled, "canceled"));
    let facts = order.cancelled.clone().unwrap();
    assert_eq!((facts.by, facts.reason.as_str()), (Some(Initiator::Buyer), "reason: reason detail"));
    assert_eq!(order.buyer_reason, None);
    let line = &order.lines[0];
    assert_eq!((line.id.as_str(), line.listing.as_str(), line.listing_sku.as_str()), ("98108", "12345:666", "BRSD#02"));
    assert_eq!(line.unit_price.unwrap().to_string(), "SGD 99.00");
    assert_eq!(order.paid_at.unwrap().millis(), 1_697_193_374_592);
    let package = &order.packages[0];
    assert_eq!((package.number.as_str(), package.tracking_number.as_deref()), ("345", Some("456")));
    assert_eq!((package.stage, package.carrier.as_str()), (Stage::Printed, "LEL"));
}

#[test]
fn the_recorded_head_is_read() {
    let Some(body) = body("order_get.my_test_account_2019.json") else { return };
    let Some(item) = self::body("order_items_get.doc_2025_cancel_pending.json") else { return };
    let item: Value = serde_json::from_str(&item.replace("31202", "6639637")).unwrap();
    let (_, read) = read_from(&["6639637"], |asked| match asked.split_once(' ').unwrap().0 {
        "/order/get" => body.clone(),
        "/order/items/get" => item.to_string(),
        _ => r#"{"code":"39"}"#.to_owned(),
    });
    let order = read.unwrap().remove(0);
    assert!(order.cod);
    assert_eq!((order.total.unwrap().to_string().as_str(), order.buyer_name.as_str()), ("SGD 1.00", "D****"));
    assert_eq!(order.fulfilled_by, FulfilledBy::Seller);
}

#[test]
fn the_documented_error_means_that_there_is_no_such_order() {
    let Some(body) = body("order_items_get.error_invalid_order_id.json") else { return };
    let (asked, read) = read_from(&["42"], |_| body.clone());
    assert_eq!((asked.len(), read), (2, Ok(vec![])));
}

#[test]
fn every_push_is_read() {
    for (name, order, shop) in [
        ("push/lmp.trade_order.unpaid.doc.json", "260422900198363", "1234567"),
        ("push/lmp.reverse_order.returned.doc.json", "252883361348153", "1000114855"),
        ("push/recorded.ready_to_ship.id_2024.json", "1499204910315939", "400596435779"),
    ] {
        let Some(body) = body(name) else { return };
        let mut headers = http::HeaderMap::new();
        let signature = sign::push_signature(APP_SECRET, "139683", body.as_bytes());
        headers.insert("authorization", signature.parse().unwrap());
        let push = lazada().read_push("https://erp.example.com/", &headers, body.as_bytes()).unwrap();
        assert_eq!(push.numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), [order], "{name}");
        assert_eq!(push.shop_account.as_deref(), Some(shop), "{name}");
    }
}

#[test]
fn every_documented_fault_of_the_cancel_is_in_a_table() {
    for (name, create) in
        [("errors/order_reverse_cancel_create.json", true), ("errors/order_reverse_cancel_validate.json", false)]
    {
        let Some(body) = body(name) else { return };
        let table: Value = serde_json::from_str(&body).unwrap();
        for row in table["errors"].as_array().unwrap() {
            let answer = json!({"code": row["code"], "message": row["description"]}).to_string();
            let received = received(200, answer);
            let remedy = if create {
                (cancel_call().read)(&received).map(|_| ()).unwrap_err().remedy
            } else {
                match (check_call().read)(&received) {
                    Ok(checked) => {
                        assert!(checked.refused.is_some(), "{row}");
                        continue;
                    }
                    Err(error) => error.remedy,
                }
            };
            // 106 is a passing fault: of a write it may have happened.
            assert_eq!(remedy == Remedy::Unknown, create && row["code"] == "106", "{row}");
        }
    }
}
