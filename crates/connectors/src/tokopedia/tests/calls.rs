//! What goes out, and what cannot be opened.

use super::*;
use crate::OpenError;
use crate::call::{Call, Effect};
use crate::connector::{Connector, ConnectorError, SetStock, Window};
use domain::time::Span;

fn shown<T>(call: &Call<T>) -> String {
    let request = &call.request;
    let body = String::from_utf8_lossy(request.body());
    format!("{} {}\n{body}", request.method(), request.uri()).replace('&', "\n  &").trim_end().to_owned()
}

#[test]
fn requests_have_the_documented_form() {
    let shop = tokopedia();
    let window = Window { from: NOW.minus(Span::from_seconds(86_400)), to: NOW };
    let stock = [SetStock { listing: listing("2345678901"), stock: 25 }, SetStock { listing: listing("7"), stock: -1 }];
    let products = ["2345678901", "7", "2345678901"];
    let shown = [
        shown(&shop.list_orders(window, None, NOW)),
        shown(&shop.list_orders(window, Some("2"), NOW)),
        shown(&shop.read_orders(&[number(ORDER)], NOW)),
        // Two lines of one product name it once; a reason without products names none.
        shown(&shop.cancel_order(&whole("out_of_stock", &products), NOW).unwrap()),
        shown(&shop.cancel_order(&whole("pricing_error", &[]), NOW).unwrap()),
        shown(&shop.cancel_order(&whole("unable_to_deliver", &["7"]), NOW).unwrap()),
        shown(&shop.read_listings(&[listing("2345678901")], NOW).unwrap()),
        shown(&shop.set_stock(&stock, NOW).unwrap()),
        shown(&shop.refresh(NOW)),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_token_is_asked_for_as_the_vector_says() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let vector = &vectors["token_request"];
    let call = tokopedia().refresh(NOW);
    assert_eq!(call.request.uri().to_string(), vector["url"].as_str().unwrap());
    assert_eq!(call.request.method().as_str(), vector["method"].as_str().unwrap());
    let headers = call.request.headers();
    assert_eq!(headers["authorization"], vector["authorization"].as_str().unwrap());
    assert_eq!(headers["content-length"], "0");
    assert!(headers.contains_key("user-agent"));
    assert_eq!(call.effect, Effect::Read, "asking again gives the same token");
    assert_eq!(tokopedia().exchange_code("x", NOW).request.uri(), call.request.uri());
}

#[test]
fn every_call_carries_the_token() {
    let shop = tokopedia();
    let carried = |request: &http::Request<Vec<u8>>| request.headers()["authorization"].to_str().unwrap().to_owned();
    assert_eq!(carried(&shop.read_orders(&[number(ORDER)], NOW).request), format!("Bearer {TOKEN}"));
    assert_eq!(
        carried(&shop.cancel_order(&whole("pricing_error", &[]), NOW).unwrap().request),
        format!("Bearer {TOKEN}")
    );
}

#[test]
fn what_cannot_be_built_is_refused() {
    let shop = tokopedia();
    let refused = |cancel: &CancelOrder| shop.cancel_order(cancel, NOW).map(|_| ()).unwrap_err();
    assert_eq!(refused(&whole("sourcing_delay", &[])), ConnectorError::Reason("sourcing_delay".to_owned()));
    assert_eq!(refused(&whole("out_of_stock", &[])), ConnectorError::LinesRequired("out_of_stock".to_owned()));
    assert_eq!(refused(&whole("out_of_stock", &["7:8"])), ConnectorError::Listing("7:8".to_owned()));
    let partly = CancelOrder { whole: false, ..whole("out_of_stock", &["7"]) };
    assert_eq!(refused(&partly), ConnectorError::WholeOrderOnly);
    for ids in [&["x"][..], &["0"], &["-1"], &[], &["1", "2"]] {
        let listings: Vec<_> = ids.iter().map(|id| listing(id)).collect();
        assert!(shop.read_listings(&listings, NOW).is_err(), "{ids:?}");
    }
    assert!(shop.set_stock(&[], NOW).is_err());
    let many: Vec<_> = (1..=101).map(|id| SetStock { listing: listing(&id.to_string()), stock: 1 }).collect();
    assert!(shop.set_stock(&many, NOW).is_err());
}

#[test]
fn listings_are_read_one_by_one() {
    let listings = ["7", "8", "7", "x"].map(listing);
    let groups = tokopedia().listing_groups(&listings);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn credentials_are_refused_without_being_quoted() {
    let refused = |text: &str| match Tokopedia::open(API, text, policy()).unwrap_err() {
        OpenError::Credentials(problem) => problem,
        other => panic!("{other}"),
    };
    let changed = |name: &str, value: serde_json::Value| {
        let mut credentials = credentials();
        credentials[name] = value;
        refused(&credentials.to_string())
    };
    assert_eq!(refused("{}"), "missing field `client_id` at line 1 column 2");
    assert_eq!(changed("fs_id", 0.into()), "fs_id and shop_id are numbers above 0");
    assert_eq!(changed("client_secret", "".into()), "client_id or client_secret is empty");
    assert!(changed("access_token", "s3cret".repeat(500).into()).starts_with("a secret or token is longer"));
}

#[test]
fn there_is_no_page_to_authorise_at() {
    let link = crate::authorisation_link(Platform::Tokopedia, API, &credentials().to_string(), "https://x", "s");
    assert_eq!(link, Err(OpenError::NoConsentPage(Platform::Tokopedia)));
    assert!(
        crate::open(
            Platform::Tokopedia,
            API,
            &credentials().to_string(),
            &crate::Policies::from([(Platform::Tokopedia, policy())])
        )
        .is_ok()
    );
}

#[test]
fn nothing_that_is_shown_for_debugging_holds_a_secret() {
    let shop = tokopedia();
    let shown = format!("{shop:?} {:?} {:?}", shop.credentials, shop.refresh(NOW));
    for secret in [CLIENT_SECRET, WEBHOOK_SECRET, TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
