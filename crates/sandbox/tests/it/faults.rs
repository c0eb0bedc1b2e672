//! Every kind of trouble, seen by a real HTTP client.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Desk, desk};

const CANCEL: &str = "/api/v2/order/cancel_order";

async fn faults(desk: &Desk, kinds: &[&str], more: Value) {
    let mut body = json!({"platform": "shopee", "rate": if kinds.is_empty() { 0.0 } else { 1.0 }, "kinds": kinds});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    desk.tell(Method::PUT, "/faults", body).await;
}

/// Cancels under faults: `Err` when the connection ended without an answer.
async fn cancel(desk: &Desk, number: &str) -> Result<(u16, Value), reqwest::Error> {
    let url = desk.shop_url(CANCEL).await;
    let body = json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"});
    desk.send(Method::POST, &url, Some(body)).await
}

async fn status(desk: &Desk, number: &str) -> String {
    desk.truth(number).await["status"].as_str().unwrap().to_owned()
}

async fn log(desk: &Desk, number: &str) -> Value {
    desk.calls(number).await.last().unwrap().clone()
}

#[tokio::test]
async fn timeout_before_drops_the_connection_without_effect() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["timeout_before"], json!({})).await;
    assert!(cancel(&desk, &number).await.is_err());
    assert_eq!(status(&desk, &number).await, "READY_TO_SHIP");
    let call = log(&desk, &number).await;
    assert_eq!(
        (&call["fault"], &call["status"], &call["changed"]),
        (&json!("timeout_before"), &json!(0), &json!(false))
    );
}

#[tokio::test]
async fn a_client_that_keeps_connections_sees_every_cut_and_repeats_nothing() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let pooled = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({"order_sn": number, "cancel_reason": "NO_SUCH_REASON"});
    for kinds in [&[][..], &["timeout_before"], &[], &["timeout_after"]] {
        faults(&desk, kinds, json!({})).await;
        let url = desk.shop_url(CANCEL).await;
        let answer = pooled.post(&url).json(&body).send().await;
        assert_eq!(answer.is_err(), !kinds.is_empty(), "{kinds:?}");
    }
    assert_eq!(desk.calls(&number).await.len(), 4);
}

#[tokio::test]
async fn timeout_after_drops_the_connection_after_the_effect() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["timeout_after"], json!({})).await;
    assert!(cancel(&desk, &number).await.is_err());
    assert_eq!(status(&desk, &number).await, "CANCELLED");
    let call = log(&desk, &number).await;
    assert_eq!((&call["status"], &call["changed"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn http_500_comes_without_and_http_500_after_with_the_effect() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["http_500"], json!({})).await;
    assert_eq!(cancel(&desk, &number).await.unwrap().0, 500);
    assert_eq!(status(&desk, &number).await, "READY_TO_SHIP");
    faults(&desk, &["http_500_after"], json!({})).await;
    assert_eq!(cancel(&desk, &number).await.unwrap().0, 500);
    assert_eq!(status(&desk, &number).await, "CANCELLED");
}

#[tokio::test]
async fn late_apply_answers_nothing_and_applies_later() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["late_apply"], json!({"delay_ms": 300})).await;
    assert!(cancel(&desk, &number).await.is_err());
    assert_eq!(status(&desk, &number).await, "READY_TO_SHIP");
    while status(&desk, &number).await != "CANCELLED" {
        tokio::task::yield_now().await;
    }
    let calls = desk.calls(&number).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0]["changed"], true);
    assert!(calls[0]["applied_at"].as_str() > calls[0]["at"].as_str());
}

#[tokio::test]
async fn a_stale_read_shows_the_order_from_before_its_last_write() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    cancel(&desk, &number).await.unwrap();
    faults(&desk, &["stale_read"], json!({"stale_ms": 600_000})).await;
    let stale = desk.detail(&number, "cancel_by").await;
    assert_eq!((&stale["order_status"], &stale["cancel_by"]), (&json!("READY_TO_SHIP"), &json!("")));
    faults(&desk, &["stale_read"], json!({"stale_ms": 0})).await;
    assert_eq!(desk.detail(&number, "cancel_by").await["order_status"], "CANCELLED");
}

#[tokio::test]
async fn rate_limited_can_go_on_as_a_ban_until_limits_are_set_anew() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["rate_limited"], json!({"ban_seconds": 3_600})).await;
    assert_eq!(cancel(&desk, &number).await.unwrap().0, 429);
    desk.tell(Method::PUT, "/limits", json!({"lifted": false})).await;
    faults(&desk, &["rate_limited"], json!({"ban_seconds": 3_600})).await;
    assert_eq!(cancel(&desk, &number).await.unwrap().0, 429);
    assert_eq!(status(&desk, &number).await, "READY_TO_SHIP");
    faults(&desk, &[], json!({})).await;
    assert_eq!(cancel(&desk, &number).await.unwrap().1["error"], "");
}

#[tokio::test]
async fn slow_answers_late_but_rightly() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    faults(&desk, &["slow"], json!({"delay_ms": 50})).await;
    let before = std::time::Instant::now();
    assert_eq!(cancel(&desk, &number).await.unwrap().1["error"], "");
    assert!(before.elapsed().as_millis() >= 50);
}

#[tokio::test]
async fn under_every_fault_at_once_no_cancel_takes_effect_twice() {
    let desk = desk(1).await;
    let answer = desk.tell(Method::POST, "/orders", json!({"platform": "shopee", "count": 60})).await;
    let kinds =
        ["timeout_before", "timeout_after", "http_500", "http_500_after", "late_apply", "stale_read", "rate_limited"];
    let body = json!({"platform": "shopee", "rate": 0.5, "kinds": kinds, "seed": 3, "delay_ms": 20});
    desk.tell(Method::PUT, "/faults", body).await;
    for number in answer["numbers"].as_array().unwrap() {
        let number = number.as_str().unwrap();
        while status(&desk, number).await != "CANCELLED" {
            let _ = cancel(&desk, number).await;
        }
        let changed = desk.calls(number).await.iter().filter(|call| call["changed"] == true).count();
        assert_eq!(changed, 1, "{number}");
    }
}

#[tokio::test]
async fn senseless_wishes_are_refused_with_words() {
    let desk = desk(1).await;
    let cases = [
        ("/faults", json!({"platform": "shopee", "rate": 2, "kinds": ["slow"]}), 422, "between 0 and 1"),
        ("/faults", json!({"platform": "shopee", "rate": 0.1, "kinds": ["no_such"]}), 400, "no_such"),
        ("/faults", json!({"platform": "amazon", "rate": 0.1, "kinds": ["slow"]}), 404, "amazon"),
        ("/switches", json!({"accept_repeats": "yes"}), 400, "true or false"),
        ("/push-target", json!({"platform": "shopee", "url": "nonsense"}), 422, "nonsense"),
        ("/stock", json!({"platform": "shopee", "sku": "NO-SUCH", "available": 1}), 404, "NO-SUCH"),
    ];
    for (path, body, status, words) in cases {
        let (answered, answer) = desk.tell_any(Method::PUT, path, body).await;
        assert_eq!(answered, status, "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let (status, _) = desk.tell_any(Method::POST, "/clock", json!({"advance_seconds": -1})).await;
    assert_eq!(status, 422);
    let (status, _) = desk.tell_any(Method::POST, "/orders/shopee/NOPE/advance", json!({"to": "SHIPPED"})).await;
    assert_eq!(status, 404);
    let (status, answer) = desk.send(Method::GET, &format!("{}/nothing", desk.control), None).await.unwrap();
    assert_eq!((status, answer["message"].is_string()), (404, true));
}
