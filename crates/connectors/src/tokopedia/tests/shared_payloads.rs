//! Bodies that left the real platform or its documentation. They lie beside the project, not in it: their copyright is
//! not ours to pass on. Without them these tests say so and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::webhook;
use super::answers::read_everything;
use super::*;
use crate::call::Remedy;
use crate::connector::{CancelAccepted, Connector, Window};

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = workspace.join("../shared/realdata/payloads/tokopedia");
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
    assert!(files.len() >= 12, "{}", files.len());
    for file in files {
        let body = fs::read(&file).unwrap();
        for status in [200, 400, 500] {
            read_everything(&received(status, &body));
        }
        let _ = webhook::read(&body);
    }
}

#[test]
fn the_lists_are_read() {
    for name in ["order.get-all-orders-ok.json", "order_list.with_bundle.doc.json"] {
        let Some(body) = body(name) else { return };
        let page =
            (tokopedia().list_orders(Window { from: NOW, to: NOW }, None, NOW).read)(&received(200, body)).unwrap();
        assert_eq!((page.numbers, page.next), (vec![number("43481289")], None), "{name}");
    }
}

#[test]
fn a_rejected_order_and_its_refusals_are_read() {
    let call = tokopedia().cancel_order(&whole("pricing_error", &[]), NOW).unwrap();
    for name in ["order.reject-order-ok.json", "order.update-order-status-ok.json"] {
        let Some(body) = body(name) else { return };
        assert_eq!((call.read)(&received(200, body)), Ok(CancelAccepted { updated_at: None }), "{name}");
    }
    for (name, status, remedy) in [
        ("order.accept-order-fail.json", 400, Remedy::Unknown),
        ("order.get-single-order-fail.json", 400, Remedy::Rejected),
        ("webhooks.trigger-webhook-fail.json", 200, Remedy::Unknown),
    ] {
        let Some(body) = body(name) else { return };
        let error = (call.read)(&received(status, body)).unwrap_err();
        assert_eq!(error.remedy, remedy, "{name}");
        assert!(!error.story.code.is_empty() && !error.story.message.is_empty());
    }
}

#[test]
fn an_order_that_is_not_there_is_missing() {
    let Some(body) = body("order.get-single-order-fail.json") else { return };
    let read = (tokopedia().read_orders(&[number(ORDER)], NOW).read)(&received(400, body)).unwrap();
    assert_eq!(orders_of(read), []);
}

#[test]
fn the_documented_push_names_its_order() {
    let Some(body) = body("push/order_notification.doc_2017.json") else { return };
    let push = webhook::read(&body).unwrap();
    assert_eq!((push.kind.as_str(), push.shop_account.as_deref()), ("new order", Some("479569")));
    assert_eq!(push.numbers, [number("12463948")]);
}
