//! Pushes: who sent them, and which orders they speak of.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{sign, webhook};
use super::{APP_SECRET, lazada, lazada_with};
use crate::connector::{Connector, Push, PushRefused};

const CALLBACK: &str = "https://erp.example.com/webhooks/lazada";

fn vectors() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    vectors["push_authorization"].as_array().unwrap().clone()
}

fn signed(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    headers
}

fn read(body: &str) -> Result<Push, PushRefused> {
    let signature = sign::push_signature(APP_SECRET, "139683", body.as_bytes());
    lazada().read_push(CALLBACK, &signed(&signature), body.as_bytes())
}

#[test]
fn every_push_of_the_vectors_is_taken() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let [body, authorization] = ["body", "authorization"].map(|name| vector[name].as_str().unwrap());
        assert_eq!(sign::push_signature(APP_SECRET, "139683", body.as_bytes()), authorization, "{}", vector["name"]);
        for header in [authorization.to_owned(), authorization.to_uppercase()] {
            let taken = lazada().read_push(CALLBACK, &signed(&header), body.as_bytes());
            assert!(taken.is_ok(), "{}: {taken:?}", vector["name"]);
        }
    }
}

#[test]
fn a_signature_over_anything_else_is_refused() {
    let vector = vectors().remove(0);
    let body = vector["body"].as_str().unwrap();
    let hmac = |key: &str, text: &str| crate::wire::hmac_hex(key, &[text.as_bytes()]);
    for (way, authorization) in [
        ("without the app key", hmac(APP_SECRET, body)),
        ("with the address", hmac(APP_SECRET, &format!("139683{CALLBACK}{body}"))),
        ("keyed with the app key", hmac("139683", body)),
        ("another secret", hmac("another", &format!("139683{body}"))),
    ] {
        let refused = lazada().read_push(CALLBACK, &signed(&authorization), body.as_bytes());
        assert_eq!(refused, Err(PushRefused::WrongSignature), "{way}");
    }
    let another_app = lazada_with(|credentials| credentials["app_key"] = "139684".into());
    let own = vector["authorization"].as_str().unwrap();
    assert_eq!(another_app.read_push(CALLBACK, &signed(own), body.as_bytes()), Err(PushRefused::WrongSignature));
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let vector = vectors().remove(0);
    let body = vector["body"].as_str().unwrap();
    let headers = signed(vector["authorization"].as_str().unwrap());
    for index in 0..body.len() {
        let mut changed = body.as_bytes().to_vec();
        changed[index] ^= 1;
        assert_eq!(lazada().read_push(CALLBACK, &headers, &changed), Err(PushRefused::WrongSignature), "byte {index}");
    }
}

#[test]
fn a_push_without_a_readable_signature_is_unsigned() {
    for headers in [HeaderMap::new(), signed("Bearer abc"), signed(&"g".repeat(64)), signed(&"a".repeat(63))] {
        assert_eq!(lazada().read_push(CALLBACK, &headers, b"{}"), Err(PushRefused::Unsigned));
    }
}

#[test]
fn pushes_about_orders_name_them_and_others_say_what_they_are() {
    for (body, kind, shop, numbers) in [
        (
            r#"{"seller_id":"1000114855","message_type":0,"data":{"trade_order_id":"511276315484488"}}"#,
            "0 order item status",
            Some("1000114855"),
            &["511276315484488"][..],
        ),
        (
            r#"{"seller_id":1000114855,"message_type":"10","data":{"trade_order_id":511276315484488}}"#,
            "10 reverse order",
            Some("1000114855"),
            &["511276315484488"],
        ),
        (
            r#"{"seller_id":"1000114855","message_type":14,"data":{"trade_order_id":"511276315484488"}}"#,
            "14 package status",
            Some("1000114855"),
            &["511276315484488"],
        ),
        (
            r#"{"seller_id":"null","message_type":8,"data":{"app_key":139683,"seller_id":"1000114855"}}"#,
            "8 authorisation expiring",
            Some("1000114855"),
            &[],
        ),
        (r#"{"seller_id":"1","message_type":6,"data":{"seller_sku":"MUG"}}"#, "6 low stock", Some("1"), &[]),
        (r#"{"seller_id":"1","message_type":99,"data":{"trade_order_id":"5"}}"#, "99", Some("1"), &[]),
        (r#"{"seller_id":"1","message_type":0,"data":null}"#, "0 order item status", Some("1"), &[]),
    ] {
        let push = read(body).unwrap();
        assert_eq!((push.kind.as_str(), push.shop_account.as_deref()), (kind, shop), "{body}");
        assert_eq!(push.numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), numbers, "{body}");
    }
}

#[test]
fn the_console_s_verification_is_taken_and_names_no_order() {
    let probe = vectors().pop().unwrap();
    assert_eq!(probe["name"], "verify_button_probe");
    let push = read(probe["body"].as_str().unwrap()).unwrap();
    assert_eq!(push, Push { shop_account: None, numbers: Vec::new(), kind: "verification".to_owned() });
}

#[test]
fn a_signed_body_that_is_no_push_is_unreadable() {
    for body in ["", "[]", "[3]", "\"x\"", "{", "{}", r#"{"message_type":"x"}"#, "null"] {
        assert!(matches!(read(body), Err(PushRefused::Unreadable(_))), "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), header in "\\PC{0,80}") {
        let _ = webhook::read(&body);
        let mut headers = HeaderMap::new();
        if let Ok(value) = header.parse() {
            headers.insert("authorization", value);
        }
        prop_assert!(lazada().read_push(CALLBACK, &headers, &body).is_err());
    }

    #[test]
    fn no_json_of_a_push_s_shape_panics(code in "[0-9]{1,20}|\"[0-9]*\"|null", data in "\\{\"trade_order_id\":\\PC{0,30}\\}|\\PC{0,30}") {
        let _ = webhook::read(format!(r#"{{"message_type":{code},"data":{data}}}"#).as_bytes());
    }
}
