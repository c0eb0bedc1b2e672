//! Pushes: who sent them, and which orders they speak of.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{sign, webhook};
use super::*;
use crate::connector::{Connector, Push, PushRefused};

const CALLBACK: &str = "https://desk.example/webhooks/tiktok_shop/1";

fn vectors() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    vectors["webhooks"].as_array().unwrap().clone()
}

fn signed(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    headers
}

fn read(body: &str) -> Result<Push, PushRefused> {
    let signature = sign::push_signature(APP_KEY, APP_SECRET, body.as_bytes());
    tiktok_shop().read_push(CALLBACK, &signed(&signature), body.as_bytes())
}

#[test]
fn every_push_of_the_vectors_is_taken() {
    let pushes = vectors();
    assert_eq!(pushes.len(), 4);
    for push in pushes {
        let [key, secret, body, authorization] =
            ["app_key", "app_secret", "raw_body", "authorization"].map(|name| push[name].as_str().unwrap());
        let shop = tiktok_shop_with(policy(), |credentials| {
            credentials["app_key"] = key.into();
            credentials["app_secret"] = secret.into();
        });
        let taken = shop.read_push(CALLBACK, &signed(authorization), body.as_bytes()).unwrap();
        assert_eq!(taken.numbers.len(), 1, "{}", push["name"]);
        assert!(taken.shop_account.is_some());
    }
}

#[test]
fn wrong_ways_of_signing_are_refused() {
    let push = vectors().remove(1);
    let body = push["raw_body"].as_str().unwrap().as_bytes();
    for wrong in [
        crate::wire::hmac_hex(APP_SECRET, &[body]),
        crate::wire::hmac_hex(APP_KEY, &[APP_SECRET.as_bytes(), body]),
        sign::sign(APP_SECRET, "", &[], body),
        push["authorization"].as_str().unwrap().to_uppercase(),
    ] {
        let refused = tiktok_shop().read_push(CALLBACK, &signed(&wrong), body);
        assert_eq!(refused, Err(PushRefused::WrongSignature));
    }
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let body = r#"{"type":1,"shop_id":"7491122334455667712","data":{"order_id":"577512340098765432"}}"#;
    let headers = signed(&sign::push_signature(APP_KEY, APP_SECRET, body.as_bytes()));
    for index in 0..body.len() {
        let mut changed = body.as_bytes().to_vec();
        changed[index] ^= 1;
        assert_eq!(tiktok_shop().read_push(CALLBACK, &headers, &changed), Err(PushRefused::WrongSignature));
    }
}

#[test]
fn a_push_without_a_readable_signature_is_unsigned() {
    for headers in [HeaderMap::new(), signed("Bearer abc"), signed(&"g".repeat(64)), signed(&"a".repeat(63))] {
        assert_eq!(tiktok_shop().read_push(CALLBACK, &headers, b"{\"type\":1}"), Err(PushRefused::Unsigned));
    }
}

#[test]
fn a_push_names_its_shop_and_the_orders_to_read() {
    for (body, kind, shop, numbers) in [
        (
            r#"{"type":11,"shop_id":"7","data":{"order_id":"5","cancel_status":"CANCELLATION_REQUEST_PENDING"}}"#,
            "11 CANCELLATION_STATUS_CHANGE",
            Some("7"),
            &["5"][..],
        ),
        (r#"{"type":"1","shop_id":7,"data":{"order_id":5}}"#, "1 ORDER_STATUS_CHANGE", Some("7"), &["5"]),
        (
            r#"{"type":4,"shop_id":"7","data":{"package_list":[{"package_id":"1","order_id_list":["6","5"]},{"order_id_list":["5"]}]}}"#,
            "4 PACKAGE_UPDATE",
            Some("7"),
            &["5", "6"],
        ),
        (
            r#"{"type":35,"seller_open_id":"x","data":{"tts_shop_id":"7","mirror_status":"MIRRORED"}}"#,
            "35 Tokopedia mirror status",
            Some("7"),
            &[],
        ),
        (r#"{"type":6,"shop_id":"7","data":{}}"#, "6 SELLER_DEAUTHORIZATION", Some("7"), &[]),
        (r#"{"type":27,"shop_id":"7","data":{"order_id":"5"}}"#, "27 INVENTORY_STATUS_CHANGE", Some("7"), &[]),
        (r#"{"type":99,"data":{"order_id":"5"}}"#, "99", None, &[]),
        (r#"{"type":1,"shop_id":"7","data":null}"#, "1 ORDER_STATUS_CHANGE", Some("7"), &[]),
    ] {
        let push = read(body).unwrap();
        let found: Vec<&str> = push.numbers.iter().map(OrderNumber::as_str).collect();
        assert_eq!((push.kind.as_str(), push.shop_account.as_deref(), &found[..]), (kind, shop, numbers), "{body}");
    }
}

#[test]
fn a_signed_body_that_is_no_push_is_unreadable() {
    for body in ["", "[]", "\"x\"", "{", "{}", r#"{"type":"x"}"#, "null"] {
        assert!(matches!(read(body), Err(PushRefused::Unreadable(_))), "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = webhook::read(&body);
        prop_assert!(tiktok_shop().read_push(CALLBACK, &HeaderMap::new(), &body).is_err());
    }

    #[test]
    fn no_json_of_a_push_s_shape_panics(kind in "[0-9]{1,20}|\"[0-9]*\"|null", data in "\\{\"order_id\":\\PC{0,30}\\}|\\PC{0,30}") {
        let _ = webhook::read(format!(r#"{{"type":{kind},"data":{data}}}"#).as_bytes());
    }
}
