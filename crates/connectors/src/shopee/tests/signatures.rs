//! Every vector of the sheet, and every way to sign wrongly that it names.

use serde_json::Value;

use domain::platform::Platform;

use super::super::{auth, sign};
use super::{NOW, cancel_of, credentials, listing, number, reason, shopee, shopee_with};
use crate::connector::{CancelOrder, Connector};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn vector(name: &str) -> Value {
    let vectors = vectors();
    vectors["api_requests"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap().clone()
}

#[test]
fn every_request_is_signed_as_the_vectors_say() {
    let vectors = vectors();
    let requests = vectors["api_requests"].as_array().unwrap();
    assert_eq!(requests.len(), 11);
    for vector in requests {
        let owner_id = vector["shop_id"].as_i64().or(vector["merchant_id"].as_i64());
        let owner = owner_id.map(|id| (text(vector, "access_token"), id));
        let base = sign::base_string(
            vector["partner_id"].as_i64().unwrap(),
            text(vector, "path"),
            vector["timestamp"].as_i64().unwrap(),
            owner,
        );
        assert_eq!(base, text(vector, "base_string"), "{}", vector["name"]);
        assert_eq!(sign::sign(text(vector, "partner_key"), &base), text(vector, "sign"), "{}", vector["name"]);
    }
}

#[test]
fn no_wrong_way_of_signing_gives_our_signature() {
    let right = text(&vector("shop_cancel_order"), "sign").to_owned();
    let vectors = vectors();
    let wrong = vectors["api_negative"].as_array().unwrap();
    assert_eq!(wrong.len(), 5);
    for vector in wrong {
        assert_ne!(text(vector, "sign"), right, "{}", vector["name"]);
    }
}

#[test]
fn a_cancel_goes_out_as_the_vector_s_request() {
    let vector = vector("shop_cancel_order");
    let cancel = CancelOrder {
        platform: Platform::Shopee,
        number: number("260810K7QX2M4P"),
        reason: reason("out_of_stock"),
        ..cancel_of(vec![listing("24567890123:198765432109")])
    };
    let call = shopee().cancel_order(&cancel, NOW).unwrap();
    let target = call.request.uri().path_and_query().unwrap().as_str();
    assert_eq!(target, text(&vector, "request_target"));
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), vector["json_body"]);
    assert_eq!(call.request.method(), "POST");
    assert_eq!(call.request.headers()["content-type"], "application/json");
}

#[test]
fn a_key_with_the_newer_prefix_signs_with_the_prefix() {
    let vector = vector("shop_cancel_order_shpk_key");
    let shopee = shopee_with(|credentials| credentials["partner_key"] = vector["partner_key"].clone());
    let cancel = CancelOrder {
        platform: Platform::Shopee,
        number: number("260810K7QX2M4P"),
        reason: reason("buyer_requests_cancellation"),
        ..cancel_of(vec![])
    };
    let call = shopee.cancel_order(&cancel, domain::time::Moment::from_seconds(1_786_440_001)).unwrap();
    assert_eq!(call.request.uri().path_and_query().unwrap().as_str(), text(&vector, "request_target"));
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), vector["json_body"]);
}

#[test]
fn tokens_are_asked_for_without_a_token() {
    let vector_get = vector("public_token_get");
    let call = shopee().exchange_code("4d7a6b35544e4a48", NOW);
    assert_eq!(call.request.uri().path_and_query().unwrap().as_str(), text(&vector_get, "request_target"));
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), vector_get["json_body"]);

    let vector_refresh = vector("public_access_token_get_refresh");
    let call = shopee().refresh(NOW);
    assert_eq!(call.request.uri().path_and_query().unwrap().as_str(), text(&vector_refresh, "request_target"));
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), vector_refresh["json_body"]);
}

#[test]
fn a_read_s_own_parameters_follow_the_signed_ones() {
    let vector = vector("shop_get_order_detail");
    let numbers = [number("260810K7QX2M4P"), number("260810K7QX2M4R")];
    let call = shopee().read_orders(&numbers, NOW);
    let signed = text(&vector, "request_target").split("&response_optional_fields").next().unwrap();
    assert!(call.request.uri().path_and_query().unwrap().as_str().starts_with(signed));
}

#[test]
fn the_older_authorisation_link_is_the_vector_s() {
    let vector = vector("auth_link_legacy");
    let link = auth::signed_authorisation_link(
        "https://openplatform.sandbox.test-stable.shopee.sg/",
        &credentials().to_string(),
        text(&vector, "redirect"),
        NOW,
    );
    assert_eq!(link.unwrap(), text(&vector, "url"));
}

#[test]
fn the_authorisation_link_leads_to_the_page_of_the_api_s_host() {
    let link = |base: &str| {
        let redirect = "https://erp.example.com/shopee/callback?tenant=7";
        auth::authorisation_link(base, &credentials().to_string(), redirect, "st/1").unwrap()
    };
    assert_eq!(
        link("https://partner.shopeemobile.com"),
        "https://open.shopee.com/auth?partner_id=2009999&auth_type=seller\
         &redirect_uri=https%3A%2F%2Ferp.example.com%2Fshopee%2Fcallback%3Ftenant%3D7&response_type=code&state=st%2F1"
    );
    assert!(link("https://openplatform.shopee.com.br").starts_with("https://open.shopee.com.br/auth?"));
    assert!(link("http://127.0.0.1:4711").starts_with("http://127.0.0.1:4711/auth?partner_id=2009999"));
}
