//! Whatever comes in, the fake warehouse answers and goes on.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Shipbob;
use crate::limits::Limits;
use crate::marketplace::{Moment, Request};
use crate::persistence::{Changes, Journal};
use crate::pushes::PushQueue;
use crate::warehouse::{Warehouse, signature};

const NOW: i64 = 1_795_000_000;

fn with_moment<R>(act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target("warehouse", Some("http://127.0.0.1:1/".to_owned()));
    act(&mut Moment {
        now: NOW,
        now_ms: NOW * 1_000,
        stale: None,
        accept_repeats: false,
        limits: &mut limits,
        pushes: &mut pushes,
        faults: None,
        changed: false,
    })
}

fn ask(fake: &mut Shipbob, method: &str, path: &str, query: Vec<(String, String)>, body: String) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", fake.account.token).parse().unwrap());
    headers.insert("shipbob_channel_id", fake.account.channel.to_string().parse().unwrap());
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request { method, path: path.to_owned(), query, headers, body: Bytes::from(body) };
    let answer = with_moment(|moment| {
        let _ = (fake.nature(&request), fake.names(&request));
        fake.answer(&request, moment)
    });
    let body = if answer.body.is_empty() { Value::Null } else { serde_json::from_slice(&answer.body).unwrap() };
    (answer.status, body)
}

fn order(reference: &str) -> String {
    json!({
        "reference_id": reference, "order_number": "1001", "type": "DTC", "shipping_method": "Standard",
        "recipient": {"name": "A Buyer", "address": {"address1": "1 Road", "city": "Bangkok", "country": "TH"}},
        "products": [{"reference_id": "SKU-A", "name": "Cup", "quantity": 2}, {"reference_id": "SKU-B", "quantity": 1}],
    })
    .to_string()
}

fn warehouse() -> Shipbob {
    let mut fake = Shipbob::new();
    assert_eq!(ask(&mut fake, "POST", "/2026-01/order", Vec::new(), order("a-1")).0, 201);
    fake
}

const PATHS: [(&str, &str); 12] = [
    ("GET", "/2026-01/channel"),
    ("POST", "/2026-01/order"),
    ("GET", "/2026-01/order"),
    ("GET", "/2026-01/order/ID"),
    ("POST", "/2026-01/order/ID:cancel"),
    ("GET", "/2026-07/order/ID/shipment"),
    ("GET", "/2026-01/shipment/ID"),
    ("POST", "/2026-01/shipment/ID:cancel"),
    ("POST", "/2026-01/return"),
    ("GET", "/2026-01/return"),
    ("POST", "/2026-01/webhook"),
    ("DELETE", "/2026-01/webhook/ID"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_call_ends_it(
        which in 0..PATHS.len(),
        id in "[0-9]{0,12}|\\PC{0,8}",
        real in any::<bool>(),
        parameters in prop::collection::vec((prop::sample::select(vec!["ReferenceIds", "IDs", "Limit", "Page", "OriginalShipmentIds"]), "-?[0-9]{0,19}|\\PC{0,8}"), 0..4),
        body in "\\{\"reference_id\":\"\\PC{0,12}\",\"products\":\\[\\{\"quantity\":-?[0-9]{1,12}\\}\\]\\}|\\PC{0,40}",
    ) {
        let mut fake = warehouse();
        let known = fake.orders.keys().next().unwrap().to_string();
        let (method, path) = PATHS[which];
        let query = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (status, _) = ask(&mut fake, method, &path.replace("ID", if real { &known } else { &id }), query, body);
        prop_assert!((200..600).contains(&status));
    }
}

#[test]
fn everything_that_is_written_down_is_read_back() {
    let mut fake = warehouse();
    let folder = tempfile::tempdir().unwrap();
    let before = (fake.orders(&Default::default()), fake.credentials());
    let (mut journal, _) = Journal::open(folder.path(), |_, _| Ok(())).unwrap();
    fake.record_everything();
    let mut changes = Changes::of_transaction();
    fake.record_changes(&mut changes);
    journal.append(changes).unwrap();
    drop(journal);
    let mut restored = Shipbob::new();
    Journal::open(folder.path(), |_, record| restored.restore(record)).unwrap();
    assert_eq!((restored.orders(&Default::default()), restored.credentials()), before);
}

#[test]
fn the_sheets_push_signature_comes_out() {
    let body = "{\"id\":50100,\"order_id\":40100,\"reference_id\":\"lazada-1001-1\",\"status\":\"Cancelled\",\"status_details\":[],\"created_date\":\"2026-11-20T08:00:00Z\"}";
    let made = signature("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "msg_2tplVectorA01", NOW, body);
    assert_eq!(made, "v1,Uw0Oo23EEakY8ghWWQFWQ68LspfePPv9qjiq3OZI/+c=");
}
