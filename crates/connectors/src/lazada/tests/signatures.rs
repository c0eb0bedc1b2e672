//! Every vector of the sheet, and every way to sign wrongly that it names.

use serde_json::Value;

use super::super::{auth, sign};
use super::{ACCESS_TOKEN, NOW, ORDER, cancel_of, checked_cancel_of, credentials, lazada, lazada_by};
use super::{built_in, with_the_older_cancel};
use crate::connector::{Connector, SetStock};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap()
}

fn vector(name: &str) -> Value {
    let vectors = vectors();
    vectors["request_signing"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap().clone()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn parameters(vector: &Value) -> Vec<(String, String)> {
    let pairs = vector["params"].as_object().unwrap();
    pairs.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn sent(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[test]
fn every_request_is_signed_as_the_vectors_say() {
    let vectors = vectors();
    let requests = vectors["request_signing"].as_array().unwrap();
    assert_eq!(requests.len(), 10);
    for vector in requests {
        let base = sign::base_string(text(vector, "api_path"), &parameters(vector));
        assert_eq!(base, text(vector, "base_string"), "{}", vector["name"]);
        assert_eq!(sign::sign(text(vector, "app_secret"), &base), text(vector, "sign"), "{}", vector["name"]);
    }
}

#[test]
fn no_wrong_way_of_signing_gives_our_signature() {
    let vector = vector("cancel_validate");
    let (path, secret, right) = (text(&vector, "api_path"), text(&vector, "app_secret"), text(&vector, "sign"));
    let pairs = parameters(&vector);
    let without_token: Vec<_> = pairs.iter().filter(|(name, _)| name != "access_token").cloned().collect();
    let encoded: Vec<_> =
        pairs.iter().map(|(name, value)| (name.clone(), crate::wire::query(&[("", value)])[1..].to_owned())).collect();
    let as_numbers: Vec<_> = pairs.iter().map(|(name, value)| (name.clone(), value.replace('"', ""))).collect();
    let base = sign::base_string(path, &pairs);
    for (way, wrong) in [
        ("with /rest", sign::sign(secret, &sign::base_string("/rest/order/reverse/cancel/validate", &pairs))),
        ("without the token", sign::sign(secret, &sign::base_string(path, &without_token))),
        ("encoded", sign::sign(secret, &sign::base_string(path, &encoded))),
        ("another list text", sign::sign(secret, &sign::base_string(path, &as_numbers))),
        ("with a body", sign::sign(secret, &format!("{base}{{}}"))),
        ("another secret", sign::sign("another", &base)),
        ("in small letters", sign::sign(secret, &base).to_lowercase()),
    ] {
        assert_ne!(wrong, right, "{way}");
    }
}

/// The vector's parameters, each once, and its signature.
fn assert_sent(sent: &[(String, String)], vector: &Value) {
    let mut expected = parameters(vector);
    expected.push(("sign".to_owned(), text(vector, "sign").to_owned()));
    expected.sort();
    let mut sent = sent.to_vec();
    sent.sort();
    assert_eq!(sent, expected);
}

#[test]
fn a_check_goes_out_as_the_vector_s_request() {
    let vector = vector("cancel_validate");
    let cancel = cancel_of("out_of_stock", &["511276315584488", "511276315684488"]);
    let call = lazada().check_cancel(&cancel, NOW).unwrap().unwrap();
    let uri = call.request.uri();
    let (address, query) = uri.to_string().split_once('?').map(|(a, q)| (a.to_owned(), q.to_owned())).unwrap();
    assert_eq!(address, text(&vector, "url"));
    assert_sent(&sent(&query), &vector);
    assert_eq!(call.request.method(), text(&vector, "method"));
}

#[test]
fn a_token_is_asked_for_without_a_token() {
    let vector = vector("token_create");
    let call = lazada().exchange_code("0_139683_Cl3VmMr6W6YC6cx6swxFAZ0l825", NOW);
    assert_eq!(call.request.uri().to_string(), text(&vector, "url"));
    assert_eq!(call.request.method(), "POST");
    assert_sent(&sent(std::str::from_utf8(call.request.body()).unwrap()), &vector);
}

#[test]
fn stock_goes_out_as_the_vector_s_xml() {
    let vector = vector("stock_xml_payload");
    let stock = [SetStock { listing: super::listing("2807246166:13449296008"), stock: 0 }];
    let call = lazada().set_stock(&stock, NOW).unwrap();
    assert_eq!(call.request.headers()["content-type"], "application/x-www-form-urlencoded;charset=utf-8");
    assert_sent(&sent(std::str::from_utf8(call.request.body()).unwrap()), &vector);
}

#[test]
fn a_value_that_is_empty_is_not_sent() {
    let unauthorised = super::lazada_with(|credentials| credentials["access_token"] = "".into());
    let call = unauthorised.read_orders(&[super::number(ORDER)], NOW);
    let query = call.request.uri().query().unwrap();
    assert!(!query.contains("access_token"), "{query}");
    let vectors = vectors();
    let ambiguous = &vectors["request_signing_empty_value"];
    let kept = parameters(ambiguous);
    let dropped: Vec<_> = kept.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    for (pairs, sign_name) in [(kept, "sign_key_kept"), (dropped, "sign_key_dropped")] {
        let base = sign::base_string(text(ambiguous, "api_path"), &pairs);
        assert_eq!(sign::sign(text(ambiguous, "app_secret"), &base), text(ambiguous, sign_name));
    }
}

#[test]
fn both_generations_of_the_cancel_are_signed_over_what_is_sent() {
    let newer =
        lazada().cancel_order(&checked_cancel_of("out_of_stock", &["511276315584488"], "10000021"), NOW).unwrap();
    let older = lazada_by(with_the_older_cancel)
        .cancel_order(&checked_cancel_of("out_of_stock", &["98108"], "15"), NOW)
        .unwrap();
    let newer_pairs = sent(newer.request.uri().query().unwrap());
    let older_pairs = sent(std::str::from_utf8(older.request.body()).unwrap());
    for (path, pairs, own) in [
        (
            "/order/reverse/cancel/create",
            newer_pairs,
            vec![("order_id", ORDER), ("order_item_id_list", "[\"511276315584488\"]"), ("reason_id", "10000021")],
        ),
        ("/order/cancel", older_pairs, vec![("order_item_id", "98108"), ("reason_id", "15")]),
    ] {
        for (name, value) in own.into_iter().chain([("app_key", "139683"), ("access_token", ACCESS_TOKEN)]) {
            assert!(pairs.contains(&(name.to_owned(), value.to_owned())), "{path} {name}");
        }
        let (signature, signed): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name == "sign");
        assert_eq!(signature[0].1, sign::sign(super::APP_SECRET, &sign::base_string(path, &signed)), "{path}");
    }
    assert_eq!(built_in().reason("out_of_stock").unwrap().platform_value, "Out of Stock");
}

#[test]
fn the_consent_page_is_the_auth_host_s_or_the_sandbox_s_own() {
    let link = |base: &str| {
        let redirect = "https://erp.example.com/lazada/callback?tenant=7";
        auth::authorisation_link(base, &credentials().to_string(), redirect, "st/1").unwrap()
    };
    assert_eq!(
        link("https://api.lazada.com.my/rest"),
        "https://auth.lazada.com/oauth/authorize?response_type=code&force_auth=true\
         &redirect_uri=https%3A%2F%2Ferp.example.com%2Flazada%2Fcallback%3Ftenant%3D7&client_id=139683&state=st%2F1\
         &country=my"
    );
    assert!(link("http://127.0.0.1:4711").starts_with("http://127.0.0.1:4711/oauth/authorize?response_type=code"));
}
