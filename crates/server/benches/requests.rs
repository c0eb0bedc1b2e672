//! How long after its push a buyer's request is told to every open page, while nothing but pushes tells of it.

use crate::process::{Process, argument};
use crate::{Desk, pushes, quantiles};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Buyers who ask, one after the other.
const REQUESTS: usize = 100;
/// A request that takes longer than this was not told.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let process = Process::start(&["demo", "--orders", "400", "--data", &data, "--listen", "127.0.0.1:0"]);
    let control = process.ready["sandbox"]["control"].as_str().expect("a control port").to_owned();
    let desk = Desk::of(&process);
    pushes::quiet(&desk).await;
    let orders = desk.orders("list=in_process&platform=shopee", REQUESTS).await;
    let events = desk.http.get(format!("{}/api/v1/events", desk.url)).bearer_auth(&desk.token).send().await;
    let mut events = events.expect("events");
    let mut told = Vec::with_capacity(orders.len());
    for order in &orders {
        let (id, number) = (order["id"].as_str().expect("an id"), order["number"].as_str().expect("a number"));
        let began = Instant::now();
        let asked = desk.http.post(format!("{control}/orders/shopee/{number}/buyer-cancel"));
        let asked = asked.json(&json!({"ask": true})).send().await.expect("an answer");
        assert!(asked.status().is_success(), "{number}: {}", asked.status());
        let mut text = String::new();
        while !(text.contains(id) && text.contains("request.opened")) {
            let chunk = tokio::time::timeout(PATIENCE, events.chunk()).await.expect("it is told");
            text.push_str(&String::from_utf8_lossy(&chunk.expect("events").expect("they go on")));
        }
        told.push(began.elapsed());
    }
    let open: Value = desk.get("/api/v1/cancellation-requests?state=open&limit=200").await;
    let open = open["requests"].as_array().expect("requests").len();
    assert!(open >= told.len(), "{open} requests are open");
    println!("{} buyers ask: the request is on every open page after {}", told.len(), quantiles(told));
}
