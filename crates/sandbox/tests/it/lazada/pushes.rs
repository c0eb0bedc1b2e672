//! Pushes, received by a real HTTP server.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Seller, seller};
use crate::client::hmac_hex;

/// Receives pushes and answers with a status that can be changed; a body does not matter.
struct Receiver {
    pushes: mpsc::UnboundedReceiver<(String, String)>,
    answer: Arc<Mutex<u16>>,
}

async fn receiver(seller: &Seller) -> Receiver {
    let (send, pushes) = mpsc::unbounded_channel();
    let answer = Arc::new(Mutex::new(200));
    let shared = Arc::clone(&answer);
    let handle = move |headers: HeaderMap, body: String| {
        let (send, shared) = (send.clone(), Arc::clone(&shared));
        async move {
            let sign = headers["authorization"].to_str().unwrap().to_owned();
            send.send((sign, body)).unwrap();
            (StatusCode::from_u16(*shared.lock().unwrap()).unwrap(), "taken")
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/lazada", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/webhooks/lazada", post(handle))).await });
    seller.desk.tell(Method::PUT, "/push-target", json!({"platform": "lazada", "url": url})).await;
    Receiver { pushes, answer }
}

impl Receiver {
    async fn next(&mut self) -> (String, Value, String) {
        let (sign, body) = self.pushes.recv().await.unwrap();
        (sign, serde_json::from_str(&body).unwrap(), body)
    }

    /// The next push of a type about an order.
    async fn of(&mut self, message_type: i64, number: &str) -> Value {
        loop {
            let (_, push, _) = self.next().await;
            // A text in some types, a number in others.
            let order = push["data"]["trade_order_id"].to_string();
            if push["message_type"] == message_type && order.trim_matches('"') == number {
                return push;
            }
        }
    }
}

#[tokio::test]
async fn each_item_is_told_with_the_sheet_s_signature() {
    let seller = seller(1).await;
    let mut receiver = receiver(&seller).await;
    let number = seller.order(json!({})).await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let (sign, push, body) = receiver.next().await;
        assert_eq!(sign, hmac_hex(&seller.app_secret, &format!("{}{body}", seller.app_key)));
        assert_eq!(
            (&push["seller_id"], &push["message_type"], &push["site"], &push["data"]["order_status"]),
            (&json!(seller.seller_id), &json!(0), &json!("lazada_my"), &json!("pending"))
        );
        assert_eq!(push["data"]["trade_order_id"], json!(number));
        // Milliseconds here, seconds elsewhere.
        assert!(push["timestamp"].as_i64().unwrap() > 1_000_000_000_000);
        lines.push(push["data"]["trade_order_line_id"].clone());
    }
    lines.dedup();
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn a_cancel_is_told_with_its_reverse_order() {
    let seller = seller(1).await;
    let number = seller.order(json!({"status": "packed"})).await;
    let mut receiver = receiver(&seller).await;
    seller.cancel(&number, &[0, 1], "System Error").await;
    let item = receiver.of(0, &number).await;
    assert_eq!(item["data"]["order_status"], "canceled");
    assert!(item["data"]["reverse_order_id"].is_string());
    let reverse = receiver.of(10, &number).await;
    assert_eq!(reverse["data"]["reverse_status"], "CANCEL_SUCCESS");
    assert_eq!(reverse["data"]["reverse_order_id"].to_string(), item["data"]["reverse_order_id"].as_str().unwrap());
    assert!(reverse["timestamp"].as_i64().unwrap() < 1_000_000_000_000);
    assert_eq!(receiver.of(14, &number).await["data"]["status"], "CANCELLED");
}

#[tokio::test]
async fn a_buyer_s_request_is_told() {
    let seller = seller(1).await;
    let number = seller.order(json!({"status": "ready_to_ship"})).await;
    let mut receiver = receiver(&seller).await;
    seller.buyer(&number, "buyer-cancel", json!({})).await;
    assert_eq!(receiver.of(10, &number).await["data"]["reverse_status"], "CANCEL_INIT");
    seller.advance(&number, "shipped").await;
    assert_eq!(receiver.of(14, &number).await["data"]["status"], "TRANSIT_TO_SHIP");
}

#[tokio::test]
async fn an_answer_with_a_body_is_fine_and_a_failed_push_comes_again_after_half_an_hour() {
    let seller = seller(1).await;
    let mut receiver = receiver(&seller).await;
    *receiver.answer.lock().unwrap() = 500;
    let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    let first = receiver.next().await;
    *receiver.answer.lock().unwrap() = 200;
    // The retry is planned when the failure has been noted, so the clock is moved until it comes.
    let again = loop {
        seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 1_801})).await;
        let wait = std::time::Duration::from_millis(700);
        if let Ok(again) = tokio::time::timeout(wait, receiver.next()).await {
            break again;
        }
    };
    assert_eq!((again.0, again.2), (first.0, first.2));
    assert_eq!(first.1["data"]["trade_order_id"], json!(number));
    while seller.desk.ask("/pushes").await["waiting"] != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(seller.desk.ask("/pushes").await["delivered"], 1);
}

#[tokio::test]
async fn nothing_is_told_of_a_seller_without_a_valid_token() {
    let seller = seller(1).await;
    let mut receiver = receiver(&seller).await;
    seller.desk.tell(Method::POST, "/tokens", json!({"platform": "lazada", "action": "expire_access"})).await;
    seller.order(json!({})).await;
    assert_eq!(seller.desk.ask("/pushes").await["waiting"], 0);
    seller.desk.ask("/").await;
    let number = seller.order(json!({})).await;
    let (_, push, _) = receiver.next().await;
    assert_eq!(push["data"]["trade_order_id"], json!(number));
}
