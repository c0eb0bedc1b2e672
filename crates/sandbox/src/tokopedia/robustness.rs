//! Whatever comes in, the fake Tokopedia answers and goes on.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;

use super::Tokopedia;
use crate::limits::Limits;
use crate::marketplace::{Marketplace, Moment, Request, ShopWish};
use crate::persistence::{Changes, Journal};
use crate::pushes::PushQueue;

const NOW: i64 = 1_786_440_000;

fn with_moment<R>(act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target("tokopedia", Some("http://127.0.0.1:1/".to_owned()));
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

fn marketplace() -> Tokopedia {
    let mut fake = Tokopedia::new(1);
    let wish = ShopWish { platform: "tokopedia".to_owned(), name: None, region: None, orders: 30 };
    with_moment(|moment| fake.make_shop(&wish, moment)).unwrap();
    fake.app.token = "c:x".to_owned();
    fake.app.token_until = NOW + 100;
    fake
}

const PATHS: [(&str, &str); 10] = [
    ("GET", "/v2/order/list"),
    ("GET", "/v2/fs/14321/order"),
    ("POST", "/v1/order/ID/fs/14321/ack"),
    ("POST", "/v1/order/ID/fs/14321/nack"),
    ("GET", "/v1/order/ID/fs/14321/shipping-label"),
    ("POST", "/v1/order/ID/fs/14321/reject-cancel"),
    ("POST", "/v1/order/ID/fs/14321/status"),
    ("GET", "/inventory/v1/fs/14321/product/info"),
    ("POST", "/inventory/v1/fs/14321/stock/update"),
    ("POST", "/token"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_call_ends_it(
        which in 0..PATHS.len(),
        number in "[0-9]{0,12}|\\PC{0,8}",
        real in any::<bool>(),
        parameters in prop::collection::vec((prop::sample::select(vec!["fs_id", "shop_id", "from_date", "to_date", "page", "per_page", "order_id", "product_id", "status"]), "-?[0-9]{0,19}|\\PC{0,8}"), 0..6),
        body in "\\{\"reason_code\":-?[0-9]{1,3},\"reason\":\"\\PC{0,20}\",\"empty_products\":\\[-?[0-9]{1,12}\\]\\}|\\[\\{\"product_id\":[0-9]{1,12},\"new_stock\":-?[0-9]{1,6}\\}\\]|\\PC{0,40}",
    ) {
        let mut fake = marketplace();
        let known = fake.orders(&Default::default())[0]["number"].as_str().unwrap().to_owned();
        let id = if real { known } else { number };
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer c:x".parse().unwrap());
        let query = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (method, path) = PATHS[which];
        let request = Request {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: path.replace("ID", &id),
            query,
            headers,
            body: Bytes::from(body),
        };
        let answer = with_moment(|moment| {
            let _ = (fake.nature(&request), fake.names(&request), fake.shop_of(&request));
            fake.answer(&request, moment)
        });
        prop_assert!((200..600).contains(&answer.status));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok());
    }
}

#[test]
fn everything_that_is_written_down_is_read_back() {
    let mut fake = marketplace();
    let folder = tempfile::tempdir().unwrap();
    let before = (fake.orders(&Default::default()), fake.stock(None), fake.credentials());
    let (mut journal, _) = Journal::open(folder.path(), |_, _| Ok(())).unwrap();
    fake.record_everything();
    let mut changes = Changes::of_transaction();
    fake.record_changes(&mut changes);
    journal.append(changes).unwrap();
    drop(journal);
    let mut restored = Tokopedia::new(2);
    Journal::open(folder.path(), |_, record| restored.restore(record)).unwrap();
    assert_eq!((restored.orders(&Default::default()), restored.stock(None), restored.credentials()), before);
}

#[test]
fn the_sheets_basic_header_and_push_signature_come_out() {
    let mut app = Tokopedia::new(1).app;
    app.client_id = "8a2f4c6e0b1d4f7a9c3e5d7f9b0a2c4e".to_owned();
    app.client_secret = "5d1c9e7b3a4f4c2db8e6f0a1c3d5e7f9".to_owned();
    let expected = "Basic OGEyZjRjNmUwYjFkNGY3YTljM2U1ZDdmOWIwYTJjNGU6NWQxYzllN2IzYTRmNGMyZGI4ZTZmMGExYzNkNWU3Zjk=";
    assert_eq!(app.basic(), expected);
    assert_eq!(
        super::hmac_hex("tkp-webhook-secret-0001", "{\"order_id\":1876543210}"),
        "66b0fd13a6ff221af20e0018ca004196093892908838dc8cd2cd9e1ba1d3dffe"
    );
}
