//! Buyers' requests on every marketplace answered in bulk, on the real binary under every fault, killed half way: each is
//! answered once, as the operator said, and none runs out of its time.
//!
//! `COUNTERMAND_ANSWERS` sets how many requests are answered (`cargo xtask torture --answers` takes 500).

use crate::engine::Control;
use crate::process::{Process, argument};
use crate::remote::{MARKETPLACES, Remote, cancelled, faults};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use store::trial::Cluster;

/// How long the answers may take altogether.
const PATIENCE: Duration = Duration::from_secs(900);
/// Calls that answer a request; an agreement of the old Tokopedia API is a nack.
const ANSWERS: [&str; 6] = [
    "/handle_buyer_cancellation",
    "/order/reverse/cancel/seller/decide",
    "/approve",
    "/reject",
    "/nack",
    "/reject-cancel",
];
const REQUESTS: &str = "/api/v1/cancellation-requests";

fn requests_to_answer() -> usize {
    std::env::var("COUNTERMAND_ANSWERS").ok().and_then(|requests| requests.parse().ok()).unwrap_or(16)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_half_way_on_sqlite_every_buyer_is_answered_once_and_as_the_operator_said() {
    course(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_half_way_on_postgres_every_buyer_is_answered_once_and_as_the_operator_said() {
    let database = Cluster::of_this_process().fresh_database();
    course(Some(database)).await;
}

/// So many buyers of a marketplace ask; those who may not are passed over.
async fn buyers_ask(control: &Control, http: &reqwest::Client, platform: &str, wanted: usize) -> usize {
    let there = control.get(&format!("/orders?platform={platform}&limit=1000000")).await;
    let mut asked = 0;
    for order in there["orders"].as_array().expect("orders") {
        if asked == wanted {
            break;
        }
        let number = order["number"].as_str().expect("a number");
        let path = format!("{}/orders/{platform}/{number}/buyer-cancel", control.url);
        let answer = http.post(path).json(&json!({"ask": true, "shop": order["shop"]})).send().await;
        asked += usize::from(answer.expect("an answer").status().is_success());
    }
    asked
}

/// A reason to reject with, by platform, where one is wanted: what the desk answers when none is given.
async fn reject_reasons(desk: &Remote, requests: &[Value]) -> Map<String, Value> {
    let mut reasons = Map::new();
    let mut tried = Vec::new();
    for request in requests {
        let platform = request["platform"].as_str().expect("a platform");
        if tried.contains(&platform) {
            continue;
        }
        tried.push(platform);
        let id = request["id"].as_str().expect("an id");
        let (status, problem) = desk.post(&format!("{REQUESTS}/{id}/reject"), &json!({})).await;
        match status {
            202 => {}
            422 => drop(reasons.insert(platform.to_owned(), problem["reasons"][0]["code"].clone())),
            other => panic!("{other}: {problem}"),
        }
    }
    reasons
}

async fn in_state(desk: &Remote, state: &str) -> Vec<Value> {
    desk.all(&format!("{REQUESTS}?state={state}&limit=200"), "requests").await
}

async fn course(database: Option<String>) {
    let wanted = requests_to_answer();
    let folder = tempfile::tempdir().expect("a folder");
    let orders = (wanted + 20).to_string();
    let sandbox = Process::start(&["sandbox", "--orders", &orders, "--seed", "17"]);
    let control = Control::at(&sandbox.text("control"));
    control.send(Method::PUT, "/limits", json!({"lifted": true})).await;
    control.send(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
    let data = argument(folder.path());
    let mut arguments = vec!["demo", "--sandbox", &control.url, "--data", &data, "--listen", "127.0.0.1:0"];
    if let Some(database) = &database {
        arguments.extend(["--database", database]);
    }
    let mut process = Process::start(&arguments);
    let mut desk = Remote::of(&process);

    let mut asked = 0;
    for platform in MARKETPLACES {
        asked += buyers_ask(&control, &desk.http, platform, wanted.div_ceil(MARKETPLACES.len())).await;
    }
    assert!(asked >= wanted, "{asked} of {wanted} buyers could ask");
    for shop in desk.get("/api/v1/shops").await["shops"].as_array().expect("shops") {
        desk.post(&format!("/api/v1/shops/{}/sync", shop["id"].as_str().expect("an id")), &json!({})).await;
    }
    let began = Instant::now();
    let mut requests = in_state(&desk, "open").await;
    // Some buyers are granted what they ask at once, and some had asked before.
    while requests.len() < wanted * 9 / 10 {
        assert!(began.elapsed() < PATIENCE, "{} of {asked} requests were found", requests.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
        requests = in_state(&desk, "open").await;
    }
    let rejected: Vec<Value> = requests.iter().step_by(2).cloned().collect();
    let agreed: Vec<Value> = requests.iter().skip(1).step_by(2).cloned().collect();
    let reasons = reject_reasons(&desk, &rejected).await;
    let said: HashMap<&str, &str> = (rejected.iter().map(|request| (request, "rejected")))
        .chain(agreed.iter().map(|request| (request, "agreed")))
        .map(|(request, word)| (request["id"].as_str().expect("an id"), word))
        .collect();

    faults(&control, &MARKETPLACES, 0.3, 6).await;
    let began = Instant::now();
    let mut killed = false;
    loop {
        // What is open was not answered yet, or is shown again because the order moved meanwhile: the word is the same.
        let mut open = in_state(&desk, "open").await;
        open.retain(|request| said.contains_key(request["id"].as_str().expect("an id")));
        for (answer, word) in [("reject", "rejected"), ("agree", "agreed")] {
            let ids = open.iter().map(|request| request["id"].as_str().expect("an id"));
            let ids: Vec<&str> = ids.filter(|id| said.get(id) == Some(&word)).collect();
            if ids.is_empty() {
                continue;
            }
            let wish = json!({"answer": answer, "request_ids": ids, "reasons": reasons});
            let (status, results) = desk.post(&format!("{REQUESTS}/bulk"), &wish).await;
            assert_eq!(status, 202, "{results}");
            for result in results["results"].as_array().expect("results") {
                assert!(result["done"] == true || result["code"] == "already_decided", "{result}");
            }
        }
        let waiting = in_state(&desk, "answering").await.len();
        if waiting == 0 && open.is_empty() {
            break;
        }
        if !killed && waiting * 2 <= said.len() {
            killed = true;
            process.kill();
            process = Process::start(&arguments);
            desk = Remote::of(&process);
        }
        assert!(began.elapsed() < PATIENCE, "{waiting} answers have not ended");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(killed, "it was over before half of it was seen");
    let took = began.elapsed();
    faults(&control, &MARKETPLACES, 0.0, 0).await;

    let mut ended = HashMap::new();
    for state in ["agreed", "rejected", "expired", "withdrawn", "answered_elsewhere", "superseded"] {
        for request in in_state(&desk, state).await {
            ended.insert(request["id"].as_str().expect("an id").to_owned(), request);
        }
    }
    let mut there = HashMap::new();
    for platform in MARKETPLACES {
        there.insert(platform, cancelled(&control, platform).await);
    }
    for (id, word) in &said {
        let request = &ended[*id];
        assert_eq!(request["state"], *word, "{request}");
        let order = desk.get(&format!("/api/v1/orders/{}", request["order_id"].as_str().expect("an id"))).await;
        let number = order["number"].as_str().expect("a number");
        assert_eq!(!order["canceled_at"].is_null(), *word == "agreed", "{order}");
        let (platform, gone) = there
            .iter()
            .find_map(|(platform, orders)| Some((*platform, *orders.get(number)?)))
            .unwrap_or_else(|| panic!("no marketplace has {number}"));
        assert_eq!(gone, *word == "agreed", "{platform} {number}: {request}");
        let calls = control.get(&format!("/calls?platform={platform}&number={number}")).await;
        let is_answer = |call: &&Value| {
            let path = call["path"].as_str().unwrap_or_default();
            ANSWERS.iter().any(|answer| path.ends_with(answer)) && call["changed"] == true
        };
        let answers = calls["calls"].as_array().expect("calls").iter().filter(is_answer).count();
        assert_eq!(answers, 1, "{platform} {number}: {calls}");
    }
    eprintln!(
        "{} requests on {}: {} rejected, {} agreed to, in {:.0} s",
        said.len(),
        MARKETPLACES.join(", "),
        rejected.len(),
        agreed.len(),
        took.as_secs_f64()
    );
}
