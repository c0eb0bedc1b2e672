//! The real binary under every fault, killed three times half way: every accepted cancel ends once, and the platform agrees.
//!
//! `COUNTERMAND_TORTURE_ORDERS` sets how many orders are cancelled (`cargo xtask torture` takes 1,000).

use crate::engine::Control;
use crate::process::{Process, argument};
use crate::remote::{Remote, faults};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::trial::{Cluster, KEY};
use store::{Durability, SealingKey, Store};

/// Requests in flight at once.
const CLIENTS: usize = 16;
/// A request that was not answered is repeated with its key, as a careful client does.
const PATIENCE: Duration = Duration::from_secs(300);

struct Desk(Remote);

impl Desk {
    fn of(process: &Process) -> Self {
        Self(Remote::of(process))
    }

    /// Every order of the New list that is to be packed.
    async fn to_pack(&self, wanted: usize) -> Vec<Value> {
        let mut orders = Vec::new();
        let mut path = "/api/v1/orders?platform=shopee&list=new&tab=to_pack&limit=200".to_owned();
        loop {
            let page = self.0.get(&path).await;
            orders.extend(page["orders"].as_array().expect("orders").iter().cloned());
            match page["next"].as_str() {
                Some(next) if orders.len() < wanted => {
                    path = format!("/api/v1/orders?platform=shopee&list=new&tab=to_pack&limit=200&cursor={next}");
                }
                _ => break,
            }
        }
        orders.truncate(wanted);
        orders
    }

    /// Asks once; `None` where no answer came.
    async fn ask(&self, order: &Value) -> Option<(u16, Value)> {
        let id = order["id"].as_str().expect("an id");
        let line = &order["lines"][0];
        let mut body = json!({"order_id": id, "reason": "buyer_requests_cancellation"});
        if id.as_bytes().last().is_some_and(|byte| byte.is_multiple_of(2)) {
            body["reason"] = json!("out_of_stock");
            body["lines"] = json!([{"line_id": line["id"], "quantity": line["quantity"]}]);
        }
        let request = self.0.http.post(format!("{}/api/v1/cancellations", self.0.url)).bearer_auth(&self.0.token);
        let answer = request.header("Idempotency-Key", format!("torture-{id}")).json(&body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    async fn unfinished(&self) -> usize {
        let mut unfinished = 0;
        for state in ["requested", "submitting", "confirming", "needs_attention"] {
            let page = self.0.get(&format!("/api/v1/cancellations?state={state}&limit=200")).await;
            unfinished += page["cancellations"].as_array().expect("cancellations").len();
        }
        unfinished
    }
}

fn orders_to_cancel() -> usize {
    std::env::var("COUNTERMAND_TORTURE_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(120)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_three_times_on_sqlite_every_cancel_ends_once() {
    course(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_three_times_on_postgres_every_cancel_ends_once() {
    let database = Cluster::of_this_process().fresh_database();
    course(Some(database)).await;
}

async fn course(database: Option<String>) {
    let wanted = orders_to_cancel();
    let folder = tempfile::tempdir().expect("a folder");
    // A third of the orders that a sandbox makes up waits to be packed.
    let orders = (wanted * 4).to_string();
    let sandbox = Process::start(&["sandbox", "--orders", &orders, "--seed", "5"]);
    let control = Control::at(&sandbox.text("control"));
    control.send(Method::PUT, "/limits", json!({"lifted": true})).await;
    control.send(Method::PUT, "/switches", json!({"accept_repeats": true})).await;

    let data = argument(folder.path());
    let mut arguments = vec!["demo", "--sandbox", &control.url, "--data", &data, "--listen", "127.0.0.1:0"];
    if let Some(database) = &database {
        arguments.extend(["--database", database]);
    }
    let mut process = Process::start(&arguments);
    let targets = Desk::of(&process).to_pack(wanted).await;
    assert!(targets.len() * 10 >= wanted * 9, "{} orders to cancel of {wanted}", targets.len());
    faults(&control, &["shopee"], 0.3, 3).await;

    let mut accepted: HashMap<String, Value> = HashMap::new();
    let mut refused_at_once = 0;
    let quarter = targets.len().div_ceil(4);
    for (round, part) in targets.chunks(quarter).enumerate() {
        let desk = Arc::new(Desk::of(&process));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut asking = tokio::task::JoinSet::new();
        let queue = Arc::new(tokio::sync::Mutex::new(part.to_vec()));
        for _ in 0..CLIENTS {
            let (desk, queue, answered) = (Arc::clone(&desk), Arc::clone(&queue), Arc::clone(&answered));
            asking.spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let Some(order) = queue.lock().await.pop() else { return answers };
                    match desk.ask(&order).await {
                        Some(answer) => {
                            answered.fetch_add(1, Ordering::Relaxed);
                            answers.push((order, answer));
                        }
                        None => {
                            queue.lock().await.push(order);
                            return answers;
                        }
                    }
                }
            });
        }
        if round < 3 {
            // Killed while half of this part's requests are answered and their calls are under way.
            while answered.load(Ordering::Relaxed) * 2 < part.len() {
                tokio::task::yield_now().await;
            }
            process.kill();
            process = Process::start(&arguments);
        }
        while let Some(answers) = asking.join_next().await {
            for (order, (status, answer)) in answers.expect("a client") {
                match status {
                    202 => drop(accepted.insert(order["number"].as_str().expect("a number").to_owned(), answer)),
                    409 => refused_at_once += 1,
                    other => panic!("{other}: {answer}"),
                }
            }
        }
        // What the kill left unanswered is asked again, with the same key.
        let desk = Desk::of(&process);
        for order in queue.lock().await.drain(..) {
            let (status, answer) = desk.ask(&order).await.expect("the new process answers");
            match status {
                202 => drop(accepted.insert(order["number"].as_str().expect("a number").to_owned(), answer)),
                409 => refused_at_once += 1,
                other => panic!("{other}: {answer}"),
            }
        }
    }
    assert!(accepted.len() + refused_at_once >= targets.len());

    let desk = Desk::of(&process);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while desk.unfinished().await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{} cancellations have not ended", desk.unfinished().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    faults(&control, &["shopee"], 0.0, 0).await;

    let truth = control.get("/orders?platform=shopee&limit=100000").await;
    let truth: HashMap<&str, &Value> = truth["orders"]
        .as_array()
        .expect("orders")
        .iter()
        .map(|order| (order["number"].as_str().expect("a number"), order))
        .collect();
    let mut done = 0;
    for (number, asked) in &accepted {
        let ended = desk.0.get(&format!("/api/v1/cancellations/{}", asked["id"].as_str().expect("an id"))).await;
        let is_done = ended["state"] == "done";
        assert!(is_done || ended["state"] == "refused", "{number}: {ended}");
        assert_eq!(
            is_done,
            truth[number.as_str()]["status"] == "CANCELLED",
            "{number}: {ended}, the platform: {}",
            truth[number.as_str()]
        );
        done += usize::from(is_done);
        control.check_calls(number).await;
    }
    assert!(done * 10 >= accepted.len() * 9, "{done} of {} were cancelled", accepted.len());
    eprintln!("{} accepted, {done} done, {refused_at_once} refused at once", accepted.len());

    process.kill();
    let key = match std::fs::read_to_string(folder.path().join("key")) {
        Ok(key) => key,
        Err(_) => KEY.to_owned(),
    };
    let address = database.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("countermand.db").display()));
    let key = SealingKey::from_hex(&key, "the demo's key").expect("a key");
    let store = Store::open(&address, key, Durability::PowerCut).await.expect("opens");
    let mut session = store.read().await.expect("begins");
    for merchant in store::shops::merchants(&mut session).await.expect("merchants") {
        let wrong = store::proof::unproven(&mut session, &merchant).await.expect("proof");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
