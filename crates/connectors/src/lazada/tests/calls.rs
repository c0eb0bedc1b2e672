//! What cannot be opened, and what is never shown.

use super::super::Lazada;
use super::{ACCESS_TOKEN, APP_SECRET, NOW, REFRESH_TOKEN, built_in, credentials, lazada, number};
use crate::OpenError;
use crate::connector::{Connector, Window};

#[test]
fn credentials_are_refused_without_being_quoted() {
    let refused = |text: &str| match Lazada::open("http://127.0.0.1:1", text, built_in()).unwrap_err() {
        OpenError::Credentials(problem) => problem,
        other => panic!("{other}"),
    };
    let changed = |name: &str, value: serde_json::Value| {
        let mut credentials = credentials();
        credentials[name] = value;
        refused(&credentials.to_string())
    };
    assert_eq!(refused("s3cret"), "line 1 column 1 is not as expected");
    assert_eq!(refused("{}"), "missing field `app_key` at line 1 column 2");
    assert_eq!(changed("app_key", "s3cret".into()), "app_key is a decimal number");
    assert_eq!(changed("app_key", "".into()), "app_key is a decimal number");
    assert_eq!(changed("app_secret", "".into()), "app_secret is empty");
    assert_eq!(changed("country", "cb".into()), "country is one of sg, my, th, vn, ph, id");
    assert!(changed("key1", "s3cret".into()).starts_with("unknown field `key1`"));
    assert_eq!(
        changed("access_token", "s3cret".repeat(500).into()),
        "a secret or token is longer than any of Lazada's"
    );
    for problem in [changed("app_secret", 7.into()), changed("refresh_ends", "s3cret".into())] {
        assert!(!problem.contains("s3cret"), "{problem}");
    }
}

#[test]
fn a_shop_that_is_not_authorised_yet_can_be_opened() {
    let text = serde_json::json!({"app_key": "1", "app_secret": "k", "country": "id"}).to_string();
    let lazada = Lazada::open("http://127.0.0.1:4711/", &text, built_in()).unwrap();
    assert_eq!((lazada.shop_account(), lazada.access_ends().millis()), ("", 0));
    let call = lazada.exchange_code("c", NOW);
    assert_eq!(call.request.uri(), "http://127.0.0.1:4711/rest/auth/token/create");
}

#[test]
fn an_address_is_a_host_with_or_without_rest() {
    for address in
        ["https://api.lazada.sg", "https://api.lazada.sg/", "https://api.lazada.sg/rest", "https://api.lazada.sg/rest/"]
    {
        let lazada = Lazada::open(address, &credentials().to_string(), built_in()).unwrap();
        let list = lazada.list_orders(Window { from: NOW, to: NOW }, None, NOW);
        assert!(list.request.uri().to_string().starts_with("https://api.lazada.sg/rest/orders/get?"), "{address}");
        assert_eq!(lazada.refresh(NOW).request.uri(), "https://auth.lazada.com/rest/auth/token/refresh");
    }
    for address in
        ["", "api.lazada.sg/rest", "ftp://api.lazada.sg", "https://api.lazada.sg/v1", "https://u:s@api.lazada.sg"]
    {
        let error = Lazada::open(address, &credentials().to_string(), built_in()).unwrap_err();
        assert_eq!(error, OpenError::Address(address.to_owned()));
    }
}

#[test]
fn nothing_that_is_shown_for_debugging_holds_a_secret() {
    let lazada = lazada();
    let read = lazada.read_orders(&[number("1")], NOW);
    let shown = format!("{lazada:?} {:?} {:?} {read:?}", lazada.account.credentials, lazada.refresh(NOW));
    for secret in [APP_SECRET, ACCESS_TOKEN, REFRESH_TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
