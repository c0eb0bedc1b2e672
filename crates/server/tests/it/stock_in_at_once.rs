//! Fifty connections stock the same orders in at once, repeat themselves, and the real binary is killed half way: every unit
//! comes back once.
//!
//! `COUNTERMAND_STOCK_IN_ORDERS` sets how many orders wait (`cargo xtask torture --stock-in` takes 1,000).

use crate::desk::Events;
use crate::engine::{Control, PATIENCE};
use crate::process::{Process, argument};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::trial::{Cluster, KEY};
use store::{Durability, SealingKey, Store};

/// Connections at once.
const CLIENTS: usize = 50;
/// Orders that one request names.
const ORDERS_PER_REQUEST: usize = 10;

struct Desk {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Desk {
    fn of(process: &Process) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { url: process.text("url"), token: process.text("api_token"), http }
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Stocks orders in with a key; `None` where no answer came.
    async fn stock_in(&self, key: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("{}/api/v1/stock-ins", self.url)).bearer_auth(&self.token);
        let answer = request.header("Idempotency-Key", key).json(body).send().await.ok()?;
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.ok()?;
        // A database that is too busy says so, and is asked again.
        (status == 200).then_some(answer)
    }

    async fn waiting(&self) -> Vec<Value> {
        let (mut orders, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/v1/stock-ins?state=pending&limit=200{cursor}")).await;
            orders.extend(page["orders"].as_array().expect("orders").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return orders,
            }
        }
    }
}

fn orders_to_stock_in() -> usize {
    std::env::var("COUNTERMAND_STOCK_IN_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_connections_and_a_kill_on_sqlite_bring_every_unit_back_once() {
    course(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_connections_and_a_kill_on_postgres_bring_every_unit_back_once() {
    let database = Cluster::of_this_process().fresh_database();
    course(Some(database)).await;
}

/// Orders whose delivery fails: their units are on the way back.
async fn send_back(control: &Control, desk: &Desk, wanted: usize) {
    let (mut sent, mut cursor) = (0, String::new());
    while sent < wanted {
        let page = desk.get(&format!("/api/v1/orders?platform=shopee&list=in_process&limit=200{cursor}")).await;
        for order in page["orders"].as_array().expect("orders").iter().take(wanted - sent) {
            let path = format!("/orders/shopee/{}/advance", order["number"].as_str().expect("a number"));
            for to in ["SHIPPED", "CANCELLED"] {
                control.send(Method::POST, &path, json!({"to": to, "force": true})).await;
            }
            sent += 1;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
}

async fn course(database: Option<String>) {
    let wanted = orders_to_stock_in();
    let folder = tempfile::tempdir().expect("a folder");
    // A sixth of the orders that a sandbox makes up is arranged.
    let orders = (wanted * 7).to_string();
    let sandbox = Process::start(&["sandbox", "--orders", &orders, "--seed", "5"]);
    let control = Control::at(&sandbox.text("control"));
    control.send(Method::PUT, "/limits", json!({"lifted": true})).await;
    let data = argument(folder.path());
    let mut arguments = vec!["demo", "--sandbox", &control.url, "--data", &data, "--listen", "127.0.0.1:0"];
    if let Some(database) = &database {
        arguments.extend(["--database", database]);
    }
    let mut process = Process::start(&arguments);
    let desk = Desk::of(&process);
    // A stream has no end, and so no time-out.
    let listening = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut events = Events::of(&listening, &desk.url, &desk.token, None).await;
    send_back(&control, &desk, wanted).await;
    let come = async {
        loop {
            let waiting = desk.waiting().await;
            if waiting.len() * 10 >= wanted * 9 {
                return waiting;
            }
            events.news().await;
        }
    };
    let waiting = tokio::time::timeout(PATIENCE, come).await.expect("what was cancelled is read");
    drop(events);
    let units: i64 = waiting.iter().map(|order| order["units"].as_i64().expect("units")).sum();
    let ids: Vec<Value> = waiting.iter().map(|order| json!({"order_id": order["order_id"]})).collect();
    let warehouse = &waiting[0]["lines"][0]["warehouse"];
    let body = |orders: &[Value]| json!({"warehouse": warehouse, "orders": orders});
    let bodies: Arc<Vec<Value>> = Arc::new(ids.chunks(ORDERS_PER_REQUEST).map(body).collect());

    // Every connection sends all of it, each in another order; half way the process is killed.
    let answered = Arc::new(AtomicUsize::new(0));
    let mut told: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for round in 0..2 {
        let desk = Arc::new(Desk::of(&process));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let (desk, bodies, answered) = (Arc::clone(&desk), Arc::clone(&bodies), Arc::clone(&answered));
            clients.spawn(async move {
                let mut told = Vec::new();
                for step in 0..bodies.len() {
                    let place = (step + client) % bodies.len();
                    let key = format!("client-{client}-{place}");
                    loop {
                        match desk.stock_in(&key, &bodies[place]).await {
                            Some(answer) => {
                                let stocked = answer["stocked_in"].as_array().expect("a list").iter();
                                let units = stocked.map(|done| done["units"].as_i64().expect("units")).sum::<i64>();
                                told.push(((client, place), units));
                                answered.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            // Killed under it: the next round asks again with the same key.
                            None if round == 0 => return told,
                            None => tokio::task::yield_now().await,
                        }
                    }
                }
                told
            });
        }
        if round == 0 {
            while answered.load(Ordering::Relaxed) < bodies.len() / 2 + 1 {
                tokio::task::yield_now().await;
            }
            process.kill();
            process = Process::start(&arguments);
        }
        while let Some(ended) = clients.join_next().await {
            told.extend(ended.expect("a client"));
        }
    }
    // The same key gets the same answer, so that every unit is told of once over all connections.
    assert_eq!(told.values().sum::<i64>(), units, "each unit is told of once");
    let desk = Desk::of(&process);
    let left: Vec<Value> = desk.waiting().await;
    assert!(left.iter().all(|order| !ids.iter().any(|id| id["order_id"] == order["order_id"])), "{left:?}");
    eprintln!("{} orders, {units} units, {} requests", ids.len(), told.len());

    process.kill();
    let key = std::fs::read_to_string(folder.path().join("key")).unwrap_or_else(|_| KEY.to_owned());
    let address = database.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("countermand.db").display()));
    let key = SealingKey::from_hex(&key, "the demo's key").expect("a key");
    let store = Store::open(&address, key, Durability::PowerCut).await.expect("opens");
    let mut session = store.read().await.expect("begins");
    for merchant in store::shops::merchants(&mut session).await.expect("merchants") {
        let wrong = store::proof::unproven(&mut session, &merchant).await.expect("proof");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
