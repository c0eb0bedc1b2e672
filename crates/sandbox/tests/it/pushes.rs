//! Pushes, received by a real HTTP server.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::{Desk, desk, hmac_hex};

/// A push as it came: signature, raw body.
type Received = (String, String);

/// Receives pushes and answers with a status and body that can be changed.
struct Receiver {
    url: String,
    pushes: mpsc::UnboundedReceiver<Received>,
    answer: Arc<Mutex<(u16, &'static str)>>,
}

async fn receiver() -> Receiver {
    let (send, pushes) = mpsc::unbounded_channel();
    let answer = Arc::new(Mutex::new((200, "")));
    let shared = Arc::clone(&answer);
    let handle = move |headers: HeaderMap, body: String| {
        let (send, shared) = (send.clone(), Arc::clone(&shared));
        async move {
            let sign = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            send.send((sign.unwrap_or_default(), body)).unwrap();
            let (status, text) = *shared.lock().unwrap();
            (StatusCode::from_u16(status).unwrap(), text)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/shopee?app=erp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/webhooks/shopee", post(handle))).await });
    Receiver { url, pushes, answer }
}

impl Receiver {
    async fn next(&mut self) -> (String, Value, String) {
        let (sign, body) = self.pushes.recv().await.unwrap();
        (sign, serde_json::from_str(&body).unwrap(), body)
    }

    /// The next push of a code about an order.
    async fn of(&mut self, code: i64, number: &str) -> Value {
        loop {
            let (_, push, _) = self.next().await;
            if push["code"] == code && push["data"]["ordersn"] == number {
                return push;
            }
        }
    }
}

async fn target(desk: &Desk, url: &str) {
    desk.tell(Method::PUT, "/push-target", json!({"platform": "shopee", "url": url})).await;
}

#[tokio::test]
async fn a_cancel_is_pushed_signed_over_address_and_raw_body() {
    let mut receiver = receiver().await;
    let desk = desk(1).await;
    target(&desk, &receiver.url).await;
    let number = desk.order(json!({})).await;
    let (sign, push, raw) = receiver.next().await;
    let key = desk.running.ready()["credentials"]["shopee"]["push_key"].as_str().unwrap().to_owned();
    assert_eq!(sign, hmac_hex(&key, &format!("{}|{raw}", receiver.url)));
    assert_eq!((&push["code"], &push["shop_id"]), (&json!(3), &json!(desk.shop_id)));
    assert_eq!(push["data"]["status"], "READY_TO_SHIP");
    desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
    let push = receiver.of(3, &number).await;
    assert_eq!(push["data"]["status"], "CANCELLED");
    assert_eq!(push["data"]["update_time"], desk.truth(&number).await["updated_at"]);
    assert!(push["data"].get("cancel_by").is_none());
}

#[tokio::test]
async fn arranging_is_pushed_with_package_status_and_tracking_number() {
    let mut receiver = receiver().await;
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    target(&desk, &receiver.url).await;
    desk.post("/api/v2/logistics/ship_order", json!({"order_sn": number, "dropoff": {}})).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(receiver.next().await.1["code"].as_i64().unwrap());
    }
    codes.sort_unstable();
    assert_eq!(codes, [3, 4, 30]);
}

#[tokio::test]
async fn a_push_answered_with_a_body_comes_again_and_is_lost_after_the_last_retry() {
    let mut receiver = receiver().await;
    let desk = desk(1).await;
    target(&desk, &receiver.url).await;
    *receiver.answer.lock().unwrap() = (200, "ok");
    let number = desk.order(json!({})).await;
    let first = receiver.next().await;
    for seconds in [301, 1_801, 10_801] {
        // The retry is planned when the failure has been noted, so the clock is moved until it comes.
        let again = loop {
            desk.tell(Method::POST, "/clock", json!({"advance_seconds": seconds})).await;
            let wait = std::time::Duration::from_millis(700);
            if let Ok(again) = tokio::time::timeout(wait, receiver.next()).await {
                break again;
            }
        };
        assert_eq!((again.0, again.2), (first.0.clone(), first.2.clone()));
    }
    let lost = loop {
        let url = desk.public_url("/api/v2/push/get_lost_push_message").await;
        let (_, body) = desk.send(Method::GET, &url, None).await.unwrap();
        if body["response"]["push_message_list"].as_array().unwrap().len() == 1 {
            break body["response"].clone();
        }
    };
    let message = &lost["push_message_list"][0];
    let envelope: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
    assert_eq!((&envelope["data"]["ordersn"], &message["code"]), (&json!(number), &json!(3)));
    assert_eq!(lost["has_next_page"], false);
    let confirm = json!({"last_message_id": lost["last_message_id"]});
    // One third-party client signs push calls as shop calls.
    let path = "/api/v2/push/confirm_consumed_lost_push_message";
    assert_eq!(desk.post(path, confirm).await.1["error"], "");
    let url = desk.public_url("/api/v2/push/get_lost_push_message").await;
    let (_, body) = desk.send(Method::GET, &url, None).await.unwrap();
    assert_eq!(body["response"]["push_message_list"], json!([]));
}

#[tokio::test]
async fn pushes_are_doubled_and_swallowed_by_faults() {
    let mut receiver = receiver().await;
    let desk = desk(1).await;
    target(&desk, &receiver.url).await;
    let faults = |kind: &str| json!({"platform": "shopee", "rate": 1.0, "kinds": [kind]});
    desk.tell(Method::PUT, "/faults", faults("dropped_push")).await;
    let swallowed = desk.order(json!({})).await;
    desk.tell(Method::PUT, "/faults", faults("duplicate_push")).await;
    let doubled = desk.order(json!({})).await;
    for _ in 0..2 {
        let (_, push, _) = receiver.next().await;
        assert_eq!(push["data"]["ordersn"], doubled);
        assert_ne!(push["data"]["ordersn"], swallowed);
    }
}

#[tokio::test]
async fn a_reordered_push_comes_after_a_later_one() {
    let mut receiver = receiver().await;
    let desk = desk(1).await;
    target(&desk, &receiver.url).await;
    desk.tell(Method::PUT, "/faults", json!({"platform": "shopee", "rate": 1.0, "kinds": ["reordered_push"]})).await;
    let first = desk.order(json!({})).await;
    desk.tell(Method::PUT, "/faults", json!({"platform": "shopee", "rate": 0, "kinds": []})).await;
    let second = desk.order(json!({})).await;
    assert_eq!(receiver.next().await.1["data"]["ordersn"], second);
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 10})).await;
    assert_eq!(receiver.next().await.1["data"]["ordersn"], first);
}
