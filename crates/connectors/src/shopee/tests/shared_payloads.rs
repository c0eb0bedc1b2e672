//! Bodies that left the real platform or its documentation. They lie beside the project, not in it: their copyright is
//! not ours to pass on. Without them these tests say so and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use domain::order::Stage;
use domain::policy::Standing;

use super::super::{sign, webhook};
use super::answers::read_everything;
use super::{NOW, PUSH_KEY, number, orders_of, received, shopee};
use crate::call::Remedy;
use crate::connector::{Connector, PushRefused, Window};

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = workspace.join("../shared/realdata/payloads/shopee");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there, it comes with the shared workspace only", folder.display());
    None
}

fn body(name: &str) -> Option<Vec<u8>> {
    folder().map(|folder| fs::read(folder.join(name)).unwrap())
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(every_file(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn every_payload_goes_through_every_reader() {
    let Some(folder) = folder() else { return };
    let files = every_file(&folder);
    assert!(files.len() > 20, "{}", files.len());
    for file in files {
        let body = fs::read(&file).unwrap();
        for status in [200, 403, 500] {
            read_everything(&received(status, &body));
        }
        let _ = webhook::read(&body, "1");
    }
}

#[test]
fn the_documented_order_is_read() {
    let Some(body) = body("get_order_detail.completed_cod_vn.json") else { return };
    let orders =
        orders_of((shopee().read_orders(&[number("2404098R48U37H")], NOW).read)(&received(200, body)).unwrap());
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.standing, order.stage), (Standing::Completed, Stage::Delivered));
    assert!(order.cod);
    assert_eq!(order.total.unwrap().to_string(), "VND 32119");
    assert_eq!(order.ship_by.unwrap().seconds(), 1_712_671_200);
    assert_eq!(order.seller_may_cancel, None);
    assert_eq!(order.cancelled, None);
    assert_eq!(order.buyer_reason, None);
    let line = &order.lines[0];
    assert_eq!(line.id.as_str(), "23620853561:221404189791:0");
    assert_eq!(line.listing_sku.as_str(), "QAZ-SADOER-05");
    assert_eq!(line.unit_price.unwrap().minor(), 48_000);
    assert_eq!(order.packages[0].stage, Stage::Delivered);
    assert_eq!(order.packages[0].carrier, "5-Day Delivery (SPX)");
}

#[test]
fn the_documented_list_is_read() {
    let Some(body) = body("get_order_list.more_true.json") else { return };
    let call = shopee().list_orders(Window { from: NOW, to: NOW }, None, NOW);
    let page = (call.read)(&received(200, body)).unwrap();
    assert_eq!((page.numbers.len(), page.next.as_deref()), (10, Some("20")));
}

#[test]
fn a_body_that_is_no_json_is_a_typed_error() {
    let Some(body) = body("malformed/get_order_detail.doc_sample.invalid_json.txt") else { return };
    for error in read_everything(&received(200, body)) {
        let error = error.unwrap();
        assert_eq!(error.remedy, Remedy::Unknown);
        assert_eq!(error.story.message, "the answer cannot be read: it is no JSON, line 2 column 1");
    }
}

#[test]
fn the_recorded_push_names_its_order() {
    let Some(body) = body("push/recorded.code03_ready_to_ship.live.json") else { return };
    let push = webhook::read(&body, "336094210").unwrap();
    assert_eq!(push.shop_account.as_deref(), Some("336094210"));
    assert_eq!(push.numbers, [number("251214B9XAB0ST")]);
    let mut headers = http::HeaderMap::new();
    let callback = "https://erp.example.com/webhooks/shopee";
    let signature = sign::push_signature(PUSH_KEY, callback, &body);
    headers.insert("authorization", signature.parse().unwrap());
    assert_eq!(shopee().read_push(callback, &headers, &body), Ok(push));
    let changed = &body[..body.len() - 1];
    assert_eq!(shopee().read_push(callback, &headers, changed), Err(PushRefused::WrongSignature));
}

#[test]
fn every_documented_push_is_read() {
    for (name, numbers, shop) in [
        ("push/push_code01.doc_1.json", &[][..], Some("60011111")),
        ("push/push_code01.doc_2.json", &[], None),
        ("push/push_code01.doc_3.json", &[], None),
        ("push/push_code03.doc_1.json", &["220810QSK8S7BX"], Some("727720655")),
        ("push/push_code15.doc_1.json", &["201118BCKPJQQ8"], Some("296363855")),
        ("push/recorded.code10_webchat.json", &[], Some("947042923")),
    ] {
        let Some(body) = body(name) else { return };
        let push = webhook::read(&body, "600123456").unwrap();
        assert_eq!(push.numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), numbers, "{name}");
        assert_eq!(push.shop_account.as_deref(), shop, "{name}");
    }
}

#[test]
fn every_documented_fault_of_the_calls_we_make_is_in_a_table() {
    for (name, cancel) in
        [("errors/order.cancel_order.error_list.json", true), ("errors/order.get_order_detail.error_list.json", false)]
    {
        let Some(body) = body(name) else { return };
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
        for row in rows {
            let answer = serde_json::json!({"error": row["name"], "message": row["description"]}).to_string();
            let received = received(200, answer);
            let errors = read_everything(&received);
            // Of the readers, the cancel is the fourth and the detail of several orders the second.
            let error = errors[if cancel { 3 } else { 1 }].clone().unwrap();
            let passing = ["error_network", "error_data", "error_server"].contains(&row["name"].as_str().unwrap());
            assert_eq!(error.remedy == Remedy::Unknown, cancel && passing, "{row}");
        }
    }
}
