//! Pushes: who sent them, and which orders they speak of.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{sign, webhook};
use super::{PARTNER_KEY, PUSH_KEY, shopee, shopee_with};
use crate::connector::{Connector, Push, PushRefused};

const CALLBACK: &str = "https://erp.example.com/webhooks/shopee";

fn vectors(kind: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    vectors[kind].as_array().unwrap().clone()
}

fn signed(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", authorization.parse().unwrap());
    headers
}

fn read(body: &str) -> Result<Push, PushRefused> {
    let signature = sign::push_signature(PUSH_KEY, CALLBACK, body.as_bytes());
    shopee().read_push(CALLBACK, &signed(&signature), body.as_bytes())
}

#[test]
fn every_push_of_the_vectors_is_taken() {
    let pushes = vectors("push");
    assert_eq!(pushes.len(), 10);
    for push in pushes {
        let [url, body, authorization] = ["url", "body", "authorization"].map(|name| push[name].as_str().unwrap());
        assert_eq!(hex::encode(body), push["body_hex"], "{}", push["name"]);
        assert_eq!(sign::push_signature(PUSH_KEY, url, body.as_bytes()), authorization, "{}", push["name"]);
        let taken = shopee().read_push(url, &signed(authorization), body.as_bytes());
        assert!(taken.is_ok(), "{}: {taken:?}", push["name"]);
    }
}

#[test]
fn every_wrong_signature_of_the_vectors_is_refused() {
    let body = vectors("push")[0]["body"].as_str().unwrap().to_owned();
    // The partner key is a key too (the guide says so): here it is another one than the signer's.
    let shopee = shopee_with(|credentials| credentials["partner_key"] = "another".into());
    for wrong in vectors("push_negative") {
        let refused = shopee.read_push(CALLBACK, &signed(wrong["authorization"].as_str().unwrap()), body.as_bytes());
        assert_eq!(refused, Err(PushRefused::WrongSignature), "{}", wrong["name"]);
    }
}

#[test]
fn the_partner_key_is_tried_after_the_push_keys() {
    let push = vectors("push").remove(0);
    let body = push["body"].as_str().unwrap();
    let signature = sign::push_signature(PARTNER_KEY, CALLBACK, body.as_bytes());
    assert!(shopee().read_push(CALLBACK, &signed(&signature), body.as_bytes()).is_ok());
    let without_push_keys = shopee_with(|credentials| credentials["push_keys"] = Value::Array(vec![]));
    assert!(without_push_keys.read_push(CALLBACK, &signed(&signature), body.as_bytes()).is_ok());
    let own = push["authorization"].as_str().unwrap();
    let refused = without_push_keys.read_push(CALLBACK, &signed(own), body.as_bytes());
    assert_eq!(refused, Err(PushRefused::WrongSignature));
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let body = r#"{"code":3,"data":{"ordersn":"260810K7QX2M4P"},"shop_id":600123456,"timestamp":1}"#;
    let signature = sign::push_signature(PUSH_KEY, CALLBACK, body.as_bytes());
    let headers = signed(&signature);
    for index in 0..body.len() {
        let mut changed = body.as_bytes().to_vec();
        changed[index] ^= 1;
        let refused = shopee().read_push(CALLBACK, &headers, &changed);
        assert_eq!(refused, Err(PushRefused::WrongSignature), "byte {index}");
    }
    let elsewhere = shopee().read_push("https://erp.example.com/webhooks/shopee/", &headers, body.as_bytes());
    assert_eq!(elsewhere, Err(PushRefused::WrongSignature));
    let upper_case = shopee().read_push(CALLBACK, &signed(&signature.to_uppercase()), body.as_bytes());
    assert_eq!(upper_case, Err(PushRefused::WrongSignature));
}

#[test]
fn a_push_without_a_readable_signature_is_unsigned() {
    for headers in [HeaderMap::new(), signed("Bearer abc"), signed(&"g".repeat(64)), signed(&"a".repeat(63))] {
        assert_eq!(shopee().read_push(CALLBACK, &headers, b"{\"code\":3}"), Err(PushRefused::Unsigned));
    }
}

#[test]
fn orders_are_found_under_either_spelling() {
    for (code, name) in [
        (3, "ordersn"),
        (4, "ordersn"),
        (8, "ordersn"),
        (15, "ordersn"),
        (15, "order_sn"),
        (29, "order_sn"),
        (30, "ordersn"),
        (47, "order_sn"),
    ] {
        let body =
            format!(r#"{{"data":{{"{name}":"260810K7QX2M4P"}},"shop_id":600123456,"code":{code},"timestamp":1}}"#);
        let push = read(&body).unwrap();
        assert_eq!(push.numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["260810K7QX2M4P"], "{code}");
        assert_eq!(push.shop_account.as_deref(), Some("600123456"));
        assert!(push.kind.starts_with(&format!("{code} ")), "{}", push.kind);
    }
}

#[test]
fn pushes_about_the_shop_name_no_order_and_say_what_they_are() {
    for (body, kind, shop) in [
        (r#"{"data":{"shop_id":600123456,"success":1},"code":1}"#, "1 shop authorised", Some("600123456")),
        (r#"{"data":{"shopid":"600123456"},"code":2}"#, "2 authorisation cancelled", Some("600123456")),
        (r#"{"data":{"shop_id_list":[7,600123456]},"code":12}"#, "12 authorisation expiring", Some("600123456")),
        (r#"{"data":{"shop_id_list":[7,8]},"code":1}"#, "1 shop authorised", None),
        (r#"{"data":{},"code":0}"#, "0 test", None),
        (r#"{"data":null,"code":"28","shop_id":"600123456"}"#, "28 shop penalty", Some("600123456")),
        (r#"{"data":{"ordersn":"260810K7QX2M4P"},"code":99,"shop_id":1}"#, "99", Some("1")),
    ] {
        let push = read(body).unwrap();
        assert_eq!((push.kind.as_str(), push.shop_account.as_deref()), (kind, shop), "{body}");
        assert!(push.numbers.is_empty(), "{body}");
    }
}

#[test]
fn a_signed_body_that_is_no_push_is_unreadable() {
    for body in ["", "[]", "[3]", "\"x\"", "{", "{}", r#"{"code":"x"}"#, "null"] {
        assert!(matches!(read(body), Err(PushRefused::Unreadable(_))), "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), header in "\\PC{0,80}") {
        let _ = webhook::read(&body, "600123456");
        let mut headers = HeaderMap::new();
        if let Ok(value) = header.parse() {
            headers.insert("authorization", value);
        }
        prop_assert!(shopee().read_push(CALLBACK, &headers, &body).is_err());
    }

    #[test]
    fn no_json_of_a_push_s_shape_panics(code in "[0-9]{1,20}|\"[0-9]*\"|null", data in "\\{\"ordersn\":\\PC{0,30}\\}|\\PC{0,30}") {
        let _ = webhook::read(format!(r#"{{"code":{code},"data":{data}}}"#).as_bytes(), "1");
    }
}
