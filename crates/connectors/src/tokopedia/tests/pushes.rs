//! Pushes: who sent them, and which orders they speak of.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{sign, webhook};
use super::*;
use crate::connector::{Connector, Push, PushRefused};

const CALLBACK: &str = "https://desk.example/webhooks/tokopedia/1";

fn signed(signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization-hmac", signature.parse().unwrap());
    headers
}

fn read(body: &str) -> Result<Push, PushRefused> {
    let signature = sign::push_signature(WEBHOOK_SECRET, body.as_bytes());
    tokopedia().read_push(CALLBACK, &signed(&signature), body.as_bytes())
}

#[test]
fn every_push_of_the_vectors_is_taken() {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let pushes = vectors["webhook_hmac"]["vectors"].as_array().unwrap();
    assert_eq!(pushes.len(), 4);
    for push in pushes {
        let [secret, body, signature] =
            ["webhook_secret", "raw_body", "authorization_hmac"].map(|name| push[name].as_str().unwrap());
        assert_eq!(sign::push_signature(secret, body.as_bytes()), signature, "{}", push["name"]);
        let taken = tokopedia().read_push(CALLBACK, &signed(signature), body.as_bytes()).unwrap();
        assert_eq!(taken.numbers, [number(ORDER)], "{}", push["name"]);
        // One byte less is another body.
        let cut = &body.as_bytes()[..body.len() - 1];
        assert_eq!(tokopedia().read_push(CALLBACK, &signed(signature), cut), Err(PushRefused::WrongSignature));
    }
}

#[test]
fn a_push_says_what_it_is_by_its_form() {
    for (body, kind, shop) in [
        (
            r#"{"order_status":0,"fs_id":14321,"shop_id":5123456,"order_id":5,"product_details":[]}"#,
            "order status",
            Some("5123456"),
        ),
        (r#"{"order_id":"5"}"#, "cancellation request", None),
        (r#"{"fs_id":1,"order_id":5,"shop_id":7,"order_status":220,"products":[]}"#, "new order", Some("7")),
        (r#"{"order_id":5,"shop_id":0,"order_status":500}"#, "order", None),
    ] {
        let push = read(body).unwrap();
        assert_eq!((push.kind.as_str(), push.shop_account.as_deref()), (kind, shop), "{body}");
        assert_eq!(push.numbers, [number("5")]);
    }
}

#[test]
fn without_a_secret_no_push_is_believed() {
    let shop = tokopedia_with(|credentials| credentials["webhook_secret"] = "".into());
    let body = br#"{"order_id":5}"#;
    let signature = sign::push_signature("", body);
    assert_eq!(shop.read_push(CALLBACK, &signed(&signature), body), Err(PushRefused::WrongSignature));
}

#[test]
fn a_push_without_a_readable_signature_or_body_is_refused() {
    for headers in [HeaderMap::new(), signed("x"), signed(&"g".repeat(64))] {
        assert_eq!(tokopedia().read_push(CALLBACK, &headers, b"{}"), Err(PushRefused::Unsigned));
    }
    for body in ["", "[]", "{}", "null", r#"{"order_id":null}"#, r#"{"order_id":{}}"#] {
        assert!(matches!(read(body), Err(PushRefused::Unreadable(_))), "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = webhook::read(&body);
    }

    #[test]
    fn no_json_of_a_push_s_shape_panics(id in "[0-9]{1,20}|\"\\PC{0,20}\"|null", status in "[0-9]{1,5}|\\{\\}|null") {
        let _ = webhook::read(format!(r#"{{"order_id":{id},"order_status":{status}}}"#).as_bytes());
    }
}
