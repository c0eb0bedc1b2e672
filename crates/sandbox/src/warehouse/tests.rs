//! Whatever comes in, the fake warehouses answer and go on, and nothing that was written down is lost.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Warehouse;
use crate::generic_warehouse::GenericWarehouse;
use crate::limits::Limits;
use crate::marketplace::{AdvanceWish, Moment, OrderFilter, Request, StockWish};
use crate::persistence::{Changes, Journal};
use crate::pushes::PushQueue;
use crate::yicang::Yicang;

const NOW: i64 = 1_795_000_000;

fn with_moment<R>(name: &str, act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target(name, Some("http://127.0.0.1:1/".to_owned()));
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

/// Makes a call with the credentials that the fake prints, whichever of them it looks at.
fn ask(fake: &mut dyn Warehouse, method: &str, path: &str, body: String) -> (u16, Value) {
    let credentials = fake.credentials();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", format!("Bearer {}", credentials["token"].as_str().unwrap_or_default())),
        ("app-token", credentials["app_token"].as_str().unwrap_or_default().to_owned()),
        ("app-key", credentials["app_key"].as_str().unwrap_or_default().to_owned()),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let request = Request { method, path: path.to_owned(), query, headers, body: Bytes::from(body) };
    let answer = with_moment(fake.name(), |moment| {
        let _ = (fake.nature(&request), fake.names(&request));
        fake.answer(&request, moment)
    });
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// Both with one order under the reference `a-1`.
fn warehouses() -> [Box<dyn Warehouse>; 2] {
    let mut generic = GenericWarehouse::new();
    let recipient = json!({"name": "A", "address": "1 Road", "city": "SG", "country": "SG"});
    let order = json!({"number": "1", "recipient": recipient, "lines": [{"sku": "SKU-A", "quantity": 2}]}).to_string();
    assert_eq!(ask(&mut generic, "PUT", "/v1/orders/a-1", order).0, 201);
    let mut yicang = Yicang::new();
    let order = json!({
        "reference_no": "a-1", "shipping_method": "GROUND", "warehouse_code": "USEA", "country_code": "US", "province": "NY",
        "city": "NY", "address1": "1 Road", "zipcode": "1", "name": "A", "items": [{"product_sku": "SKU-A", "quantity": 2}],
    });
    let made = ask(&mut yicang, "POST", "/public_open/order/create_order", order.to_string());
    assert_eq!(made.1["ask"], "Success", "{made:?}");
    [Box::new(generic), Box::new(yicang)]
}

const CALLS: [(&str, &str); 15] = [
    ("GET", "/v1/account"),
    ("PUT", "/v1/orders/ID"),
    ("GET", "/v1/orders/ID"),
    ("GET", "/v1/orders?reference=ID"),
    ("POST", "/v1/orders/ID/withdrawal"),
    ("GET", "/v1/orders/ID/returns"),
    ("PUT", "/v1/push-target"),
    ("GET", "/v1/stock?sku=ID"),
    ("POST", "/public_open/order/create_order"),
    ("POST", "/public_open/order/get_order_by_code"),
    ("POST", "/public_open/order/get_order_by_ref_code"),
    ("POST", "/public_open/order/get_order_list"),
    ("POST", "/public_open/order/cancel_order"),
    ("POST", "/public_open/return_order/search"),
    ("POST", "/public_open/inventory/get_product_inventory"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_call_ends_one(
        which in 0..CALLS.len(),
        id in "[0-9]{0,12}|\\PC{0,8}",
        body in "\\{\"order_code\":\"\\PC{0,12}\",\"lines\":\\[\\{\"quantity\":-?[0-9]{1,12}\\}\\],\"pageSize\":-?[0-9]{1,9}\\}|\\PC{0,40}",
    ) {
        for mut fake in warehouses() {
            let (method, path) = CALLS[which];
            let (status, _) = ask(&mut *fake, method, &path.replace("ID", &id), body.clone());
            prop_assert!((200..600).contains(&status));
        }
    }
}

#[test]
fn everything_that_is_written_down_is_read_back() {
    let empty: [Box<dyn Warehouse>; 2] = [Box::new(GenericWarehouse::new()), Box::new(Yicang::new())];
    for (mut fake, mut restored) in warehouses().into_iter().zip(empty) {
        with_moment(fake.name(), |moment| {
            let wish = |to: &str| AdvanceWish { shop: None, to: to.to_owned(), reason: None, force: false };
            fake.advance("a-1", &wish("shipped"), moment).unwrap();
            fake.advance("a-1", &wish("returned"), moment).unwrap();
            let wish =
                StockWish { platform: fake.name().to_owned(), shop: None, sku: "SKU-A".to_owned(), available: 7 };
            fake.set_stock(&wish, moment).unwrap();
        });
        let state = |fake: &dyn Warehouse| (fake.orders(&OrderFilter::default()), fake.credentials(), fake.stock());
        let before = state(&*fake);
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), |_, _| Ok(())).unwrap();
        fake.record_everything();
        let mut changes = Changes::of_transaction();
        fake.record_changes(&mut changes);
        journal.append(changes).unwrap();
        drop(journal);
        Journal::open(folder.path(), |_, record| restored.restore(record)).unwrap();
        assert_eq!(state(&*restored), before);
    }
}
