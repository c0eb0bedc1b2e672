//! Every vector of the sheet, and the wrong ways to sign that it names.

use serde_json::Value;

use super::super::sign;
use super::*;
use crate::connector::{Connector, SetStock, Window};

fn vectors() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    vectors["requests"].as_array().unwrap().clone()
}

pub(super) fn vector(name: &str) -> Value {
    vectors().into_iter().find(|vector| vector["name"] == name).unwrap()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn parameters(vector: &Value) -> Vec<(&str, String)> {
    let pairs = vector["query"].as_array().unwrap().iter();
    pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap().to_owned())).collect()
}

/// The body as far as it is signed: a form's is not (section 2).
fn signed_body(vector: &Value) -> &str {
    if text(vector, "content_type").starts_with("multipart/form-data") { "" } else { text(vector, "body") }
}

#[test]
fn every_request_is_signed_as_the_vectors_say() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 14);
    for vector in &vectors {
        let body = signed_body(vector).as_bytes();
        let signature = sign::sign(text(vector, "app_secret"), text(vector, "path"), &parameters(vector), body);
        assert_eq!(signature, text(vector, "sign"), "{}", vector["name"]);
    }
}

#[test]
fn the_order_of_the_parameters_does_not_matter_and_tokens_are_not_signed() {
    let vector = vector("order_search");
    let mut shuffled = parameters(&vector);
    shuffled.reverse();
    shuffled.push(("access_token", "whatever".to_owned()));
    shuffled.push(("sign", "whatever".to_owned()));
    let body = text(&vector, "body").as_bytes();
    assert_eq!(sign::sign(APP_SECRET, text(&vector, "path"), &shuffled, body), text(&vector, "sign"));
}

#[test]
fn no_wrong_way_of_signing_gives_our_signature() {
    let vector = vector("cancel_order");
    let (right, path, body) = (text(&vector, "sign"), text(&vector, "path"), text(&vector, "body").as_bytes());
    let parameters = parameters(&vector);
    let without_cipher: Vec<_> = parameters.iter().filter(|(name, _)| *name != "shop_cipher").cloned().collect();
    for (what, wrong) in [
        ("without the body", sign::sign(APP_SECRET, path, &parameters, b"")),
        ("an empty body", sign::sign(APP_SECRET, path, &parameters, b"{}")),
        ("without the cipher", sign::sign(APP_SECRET, path, &without_cipher, body)),
        ("another path", sign::sign(APP_SECRET, "/return_refund/202602/cancellations", &parameters, body)),
        ("a slash at the end", sign::sign(APP_SECRET, &format!("{path}/"), &parameters, body)),
        ("another secret", sign::sign("another", path, &parameters, body)),
        ("as a push", sign::push_signature(APP_KEY, APP_SECRET, body)),
        ("no body and {} differ", sign::sign(APP_SECRET, path, &parameters, b" {}")),
    ] {
        assert_ne!(wrong, right, "{what}");
    }
    assert_ne!(
        text(&super::signatures::vector("approve_no_body"), "sign"),
        text(&super::signatures::vector("approve_empty_object"), "sign")
    );
}

#[test]
fn our_calls_are_the_vectors_requests() {
    let shop = tiktok_shop();
    let same = |name: &str, target: &str, body: &[u8]| {
        let vector = vector(name);
        assert_eq!(target, text(&vector, "request_target"), "{name}");
        assert_eq!(String::from_utf8_lossy(body), text(&vector, "body"), "{name}");
    };
    let detail = shop.read_orders(&[number(ORDER), number("577512340098765433")], NOW);
    same("order_detail_comma_ids", target(&detail), detail.request.body());

    let cancel = shop.cancel_order(&whole("out_of_stock"), NOW).unwrap();
    same("cancel_order", target(&cancel), cancel.request.body());
    assert_eq!(cancel.request.headers()["content-type"], "application/json");
    assert_eq!(cancel.request.headers()["x-tts-access-token"], ACCESS_TOKEN);

    let mut policy = Policy::clone(&policy());
    policy.partial_cancel.on = true;
    let british = tiktok_shop_with(Arc::new(policy), |credentials| credentials["region"] = "US".into());
    let lines = vec![line("577512340098830968"), line("577512340098830968")];
    let one = CancelOrder { whole: false, lines, ..whole("out_of_stock") };
    let cancel = british.cancel_order(&one, NOW).unwrap();
    same("cancel_order_202602_partial", target(&cancel), cancel.request.body());

    let named = tiktok_shop_with(super::policy(), |it| it["warehouse_id"] = "7401122334455667788".into());
    let stock = [SetStock { listing: listing("1730112233445566778:1730112233445697850"), stock: 995 }];
    let update = named.set_stock(&stock, NOW).unwrap();
    same("inventory_update", target(&update), update.request.body());
}

#[test]
fn a_page_token_is_signed_as_it_came_and_encoded_on_the_wire() {
    let call = tiktok_shop().list_orders(Window { from: NOW, to: NOW }, Some("cXk5dEE3+n0P/R31 Zg=="), NOW);
    let target = target(&call);
    assert!(target.contains("&page_token=cXk5dEE3%2Bn0P%2FR31%20Zg%3D%3D&shop_cipher="), "{target}");
    let query: Vec<(&str, String)> = vec![
        ("app_key", APP_KEY.to_owned()),
        ("page_size", "100".to_owned()),
        ("page_token", "cXk5dEE3+n0P/R31 Zg==".to_owned()),
        ("shop_cipher", CIPHER.to_owned()),
        ("sort_field", "update_time".to_owned()),
        ("sort_order", "ASC".to_owned()),
        ("timestamp", "1786440000".to_owned()),
    ];
    let body = br#"{"update_time_ge":1786440000,"update_time_lt":1786440001}"#;
    let signature = sign::sign(APP_SECRET, "/order/202309/orders/search", &query, body);
    assert!(target.ends_with(&format!("&sign={signature}")), "{target}");
    assert_eq!(call.request.body(), body);
}
