//! The third-party warehouse: what it takes, what it answers, and how far it is.

use crate::client::{Desk, desk};
use reqwest::Method;
use serde_json::{Value, json};

struct Client {
    desk: Desk,
    url: String,
    token: String,
    channel: String,
}

impl Client {
    async fn new() -> Self {
        let desk = desk(0).await;
        let ready = desk.running.ready();
        let credentials = &ready["credentials"]["warehouse"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (url, token) = (text(&ready["warehouse"]), text(&credentials["token"]));
        Self { url, token, channel: credentials["channel_id"].to_string(), desk }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.desk.http.request(method, format!("{}/2026-01{path}", self.url));
        let request = request.bearer_auth(&self.token).header("shipbob_channel_id", &self.channel);
        let response = if body.is_null() { request.send() } else { request.json(&body).send() }.await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn push(&self, reference: &str) -> (u16, Value) {
        let order = json!({
            "reference_id": reference, "order_number": "1001", "type": "DTC", "shipping_method": "Standard",
            "recipient": {"name": "A Buyer", "address": {"address1": "1 Road", "city": "Bangkok", "country": "TH"}},
            "products": [{"reference_id": "SKU-A", "name": "Cup", "quantity": 2}, {"reference_id": "SKU-B", "quantity": 1}],
        });
        self.ask(Method::POST, "/order", order).await
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.desk.http.request(method, format!("{}{path}", self.desk.control)).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn advance(&self, id: &Value, to: &str) {
        let (status, body) =
            self.control(Method::POST, &format!("/warehouse/orders/{id}/advance"), json!({"to": to})).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn an_order_is_pushed_once_by_its_reference_and_found_by_it() {
    let client = Client::new().await;
    let (status, order) = client.push("ord-1").await;
    assert_eq!((status, &order["status"]), (201, &json!("Processing")));
    let (status, body) = client.push("ord-1").await;
    assert_eq!((status, &body[""][0]), (422, &json!("Cannot insert order with existing ReferenceId")));
    let (_, found) = client.ask(Method::GET, "/order?ReferenceIds=ord-1", Value::Null).await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &order["id"]));
    assert_eq!(client.ask(Method::GET, "/order/1", Value::Null).await.0, 404);
    let truth = client.control(Method::GET, "/warehouse/orders", Value::Null).await.1;
    assert_eq!(truth["orders"][0]["reference"], "ord-1");
    let orders = client.control(Method::GET, "/orders", Value::Null).await.1;
    assert_eq!(orders["orders"], json!([]), "what lies there is no order of a marketplace");
}

#[tokio::test]
async fn a_cancel_answers_200_also_when_it_failed() {
    let client = Client::new().await;
    let order = client.push("ord-1").await.1;
    let cancel = format!("/order/{}:cancel", order["id"]);
    client.advance(&order["id"], "picked").await;
    let (status, body) = client.ask(Method::POST, &cancel, Value::Null).await;
    assert_eq!((status, &body["status"]), (200, &json!("Failure")));
    assert_eq!(body["canceled_shipment_results"][0]["is_success"], false);
    client.control(Method::PUT, "/switches", json!({"warehouse": {"refuse_with_422": true}})).await;
    assert_eq!(client.ask(Method::POST, &cancel, Value::Null).await.0, 422);
    client.advance(&order["id"], "open").await;
    let (status, body) = client.ask(Method::POST, &cancel, Value::Null).await;
    assert_eq!((status, &body["status"], &body["order"]["status"]), (200, &json!("Success"), &json!("Cancelled")));
}

#[tokio::test]
async fn two_shipments_of_which_one_left_are_cancelled_in_part() {
    let client = Client::new().await;
    client.control(Method::PUT, "/switches", json!({"warehouse": {"shipments": 2}})).await;
    let order = client.push("ord-1").await.1;
    let shipment = format!("/shipment/{}:cancel", order["shipments"][0]["id"]);
    assert_eq!(client.ask(Method::POST, &shipment, Value::Null).await.0, 200);
    let (_, body) = client.ask(Method::POST, &format!("/order/{}:cancel", order["id"]), Value::Null).await;
    assert_eq!(body["status"], "PartialSuccess");
}

#[tokio::test]
async fn a_flag_only_success_stops_nothing_and_a_late_one_takes_effect_with_time() {
    let client = Client::new().await;
    let read =
        async |id: &Value| client.ask(Method::GET, &format!("/order/{id}"), Value::Null).await.1["status"].clone();
    let (one, two) = (client.push("ord-1").await.1, client.push("ord-2").await.1);
    client.control(Method::PUT, "/switches", json!({"warehouse": {"flag_only": true}})).await;
    let (_, body) = client.ask(Method::POST, &format!("/order/{}:cancel", one["id"]), Value::Null).await;
    assert_eq!((&body["status"], read(&one["id"]).await), (&json!("Success"), json!("Processing")));
    client.control(Method::PUT, "/switches", json!({"warehouse": {"applies_after_seconds": 60}})).await;
    let (_, body) = client.ask(Method::POST, &format!("/order/{}:cancel", two["id"]), Value::Null).await;
    assert_eq!((&body["status"], read(&two["id"]).await), (&json!("Success"), json!("Processing")));
    client.control(Method::POST, "/clock", json!({"advance_seconds": 61})).await;
    assert_eq!(read(&two["id"]).await, "Cancelled");
}

#[tokio::test]
async fn a_parcel_that_left_has_a_number_and_comes_back_as_a_return_with_what_was_done() {
    let client = Client::new().await;
    let order = client.push("ord-1").await.1;
    client.advance(&order["id"], "shipped").await;
    let (_, read) = client.ask(Method::GET, &format!("/order/{}", order["id"]), Value::Null).await;
    let shipment = &read["shipments"][0];
    assert_eq!((&read["status"], &shipment["status"]), (&json!("Fulfilled"), &json!("Completed")));
    assert!(shipment["tracking"]["tracking_number"].as_str().is_some_and(|number| number.starts_with("FP")));
    client.advance(&order["id"], "returned").await;
    let path = format!("/return?OriginalShipmentIds={}", shipment["id"]);
    let (_, returns) = client.ask(Method::GET, &path, Value::Null).await;
    let back = &returns["items"][0];
    assert_eq!((&back["status"], &back["return_type"]), (&json!("Completed"), &json!("RTS")));
    assert_eq!(back["inventory"][0]["action_taken"][0]["action"], "Restock");
}

#[tokio::test]
async fn a_token_makes_150_calls_a_minute_and_is_told_how_long_to_wait() {
    let client = Client::new().await;
    for _ in 0..150 {
        assert_eq!(client.ask(Method::GET, "/channel", Value::Null).await.0, 200);
    }
    assert_eq!(client.ask(Method::GET, "/channel", Value::Null).await.0, 429);
    client.control(Method::PUT, "/limits", json!({"lifted": true})).await;
    assert_eq!(client.ask(Method::GET, "/channel", Value::Null).await.0, 200);
    let stranger = client.desk.http.get(format!("{}/2026-01/channel", client.url)).send().await.unwrap();
    assert_eq!(stranger.status().as_u16(), 401);
}
