//! Bodies that left the real platform or its documentation. They lie beside the project, not in it: their copyright is
//! not ours to pass on. Without them these tests say so and do nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::webhook;
use super::answers::read_everything;
use super::*;
use crate::connector::{Connector, Window};
use domain::policy::Standing;
use domain::snapshot::Initiator;

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = workspace.join("../shared/realdata/payloads/tiktok");
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

fn order(name: &str, id: &str) -> Option<OrderSnapshot> {
    let body = body(name)?;
    let mut orders = orders_of((tiktok_shop().read_orders(&[number(id)], NOW).read)(&received(200, body)).unwrap());
    assert_eq!(orders.len(), 1);
    Some(orders.remove(0))
}

#[test]
fn every_payload_goes_through_every_reader() {
    let Some(folder) = folder() else { return };
    let files = every_file(&folder);
    assert!(files.len() >= 14, "{}", files.len());
    for file in files {
        let body = fs::read(&file).unwrap();
        for status in [200, 400, 500] {
            read_everything(&received(status, &body));
        }
        let _ = webhook::read(&body);
    }
}

#[test]
fn the_recorded_order_is_read() {
    let Some(order) = order("recorded.orders_search.cancelled_by_buyer.my_2024.json", "576672422510560515") else {
        return;
    };
    assert_eq!((order.standing, order.platform_status.as_str()), (Standing::Canceled, "CANCELLED"));
    let cancelled = order.cancelled.clone().unwrap();
    assert_eq!((cancelled.by, cancelled.reason.as_str()), (Some(Initiator::Buyer), "Need to change color or size"));
    assert_eq!(order.total.unwrap().to_string(), "MYR 119.00");
    assert_eq!(order.buyer_name, "A*** F***i");
    assert_eq!(order.updated_at.seconds(), 1_709_405_634);
    assert!(order.packages.is_empty());
    let [line] = &order.lines[..] else { panic!("{order:?}") };
    assert_eq!((line.quantity, line.cancelled_quantity), (1, 1));
    assert_eq!((line.id.as_str(), line.listing_sku.as_str()), ("576672422510691587", "COF1"));
    assert_eq!(line.listing.as_str(), "1729556489100298210:1729556497383196642");
    assert_eq!(line.unit_price.unwrap().minor(), 11_900);
}

#[test]
fn the_documented_order_is_read() {
    let Some(order) = order("order_202309.orders_search.response.json", "576461413038785752") else { return };
    assert_eq!(order.standing, Standing::Unpaid);
    assert!(order.preorder && !order.cod);
    assert_eq!(order.total.unwrap().to_string(), "IDR 5000");
    // The documented line is a bundle: its part lies on the shelf.
    assert_eq!(order.lines[0].id.as_str(), "577086512123755123:2729382476852921123");
    assert_eq!(order.lines[0].listing_sku.as_str(), "yellow-24-XL");
    let numbers: Vec<&str> = order.packages.iter().map(|package| package.number.as_str()).collect();
    assert_eq!(numbers, ["1152321127278713123", "1153132168123859123"]);
    assert_eq!(order.packages[1].carrier, "TT Virtual express");
}

#[test]
fn the_documented_page_is_read() {
    let Some(body) = body("order_202309.orders_search.response.json") else { return };
    let page =
        (tiktok_shop().list_orders(Window { from: NOW, to: NOW }, None, NOW).read)(&received(200, body)).unwrap();
    assert_eq!(page.numbers, [number("576461413038785752")]);
    assert!(page.next.unwrap().starts_with("6AsPQsUMvH3R"));
}

#[test]
fn every_push_is_read() {
    for (name, kind, numbers) in [
        (
            "webhook/recorded.type01_awaiting_shipment.id_2024.json",
            "1 ORDER_STATUS_CHANGE",
            &["577042645727872816"][..],
        ),
        ("webhook/type01_order_status_change.doc.json", "1 ORDER_STATUS_CHANGE", &["576486316948490001"]),
        ("webhook/type04_package_update.doc.json", "4 PACKAGE_UPDATE", &["152523", "532123"]),
        (
            "webhook/type11_cancellation_status_change.doc.json",
            "11 CANCELLATION_STATUS_CHANGE",
            &["576486316948490001"],
        ),
    ] {
        let Some(body) = body(name) else { return };
        let push = webhook::read(&body).unwrap();
        let found: Vec<&str> = push.numbers.iter().map(OrderNumber::as_str).collect();
        assert_eq!((push.kind.as_str(), &found[..]), (kind, numbers), "{name}");
        assert!(push.shop_account.is_some(), "{name}");
    }
}
