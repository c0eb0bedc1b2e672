//! The OpenAPI document is what the code says, and says what the code does.

use countermand::api::openapi::document;
use serde_json::Value;

#[test]
fn the_document_is_as_reviewed() {
    insta::assert_json_snapshot!(document());
}

#[test]
fn the_document_has_the_calls_of_this_version() {
    let document: Value = serde_json::to_value(document()).expect("JSON");
    for (method, path) in [
        ("get", "/api/v1/orders"),
        ("get", "/api/v1/orders/counts"),
        ("get", "/api/v1/orders/{id}"),
        ("get", "/api/v1/orders/{id}/cancellation-options"),
        ("post", "/api/v1/orders/{id}/void"),
        ("post", "/api/v1/orders/{id}/restore"),
        ("post", "/api/v1/orders/void"),
        ("post", "/api/v1/orders/restore"),
        ("post", "/api/v1/cancellations"),
        ("get", "/api/v1/cancellations"),
        ("get", "/api/v1/cancellations/{id}"),
        ("post", "/api/v1/cancellations/{id}/resolve"),
        ("get", "/api/v1/stock"),
        ("get", "/api/v1/stock/{warehouse}/{merchant_sku}/movements"),
        ("get", "/api/v1/audit/log"),
        ("get", "/api/v1/events"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    ] {
        let call = &document["paths"][path][method];
        assert!(call["responses"].is_object(), "{method} {path}");
        assert!(call["summary"].as_str().or(call["description"].as_str()).is_some(), "{method} {path}");
    }
}
