//! A bulk cancel on the real binary under every fault, killed and started again at half: every order ends once, as the
//! platform has it, and the batch's numbers add up whenever they are read.
//!
//! `COUNTERMAND_BULK_ORDERS` sets how many orders are cancelled (`cargo xtask torture --bulk` takes 10,000).

use crate::engine::Control;
use crate::process::{Process, argument};
use crate::remote::{Remote, cancelled, faults};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use store::trial::Cluster;

/// How long the batch may take altogether.
const PATIENCE: Duration = Duration::from_secs(1_800);
const STATES: [&str; 6] = ["waiting", "running", "done", "refused", "needs_attention", "stopped"];

/// The batch, whose numbers add up to its orders.
async fn batch(desk: &Remote, id: &str, total: u64) -> Value {
    let batch = desk.get(&format!("/api/v1/batches/{id}?limit=1")).await;
    let sum: u64 = STATES.iter().map(|state| number(&batch, state)).sum();
    assert_eq!((sum, number(&batch, "total")), (total, total), "{batch}");
    batch
}

fn number(batch: &Value, state: &str) -> u64 {
    batch[state].as_u64().unwrap_or_else(|| panic!("{state}: {batch}"))
}

fn orders_to_cancel() -> usize {
    std::env::var("COUNTERMAND_BULK_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(120)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_half_a_batch_on_sqlite_ends_with_every_order_as_the_platform_has_it() {
    course(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_half_a_batch_on_postgres_ends_with_every_order_as_the_platform_has_it() {
    let database = Cluster::of_this_process().fresh_database();
    course(Some(database)).await;
}

async fn course(database: Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    // A sandbox makes so many for each of its four shops; two fifths of them can be cancelled or look so.
    let orders = (orders_to_cancel() * 5 / 8).to_string();
    let sandbox = Process::start(&["sandbox", "--orders", &orders, "--seed", "11"]);
    let control = Control::at(&sandbox.text("control"));
    control.send(Method::PUT, "/limits", json!({"lifted": true})).await;
    control.send(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
    let data = argument(folder.path());
    let mut arguments = vec!["demo", "--sandbox", &control.url, "--data", &data, "--listen", "127.0.0.1:0"];
    if let Some(database) = &database {
        arguments.extend(["--database", database]);
    }
    let mut process = Process::start(&arguments);
    let desk = Remote::of(&process);

    let selection = json!({"query": {"list": "new"}});
    let (status, plan) = desk.post("/api/v1/cancellations/plan", &selection).await;
    assert_eq!(status, 200, "{plan}");
    let mut reasons = Map::new();
    let mut platforms = Vec::new();
    for platform in plan["platforms"].as_array().expect("platforms") {
        let name = platform["platform"].as_str().expect("a name").to_owned();
        let plain = platform["reasons"].as_array().expect("reasons").iter().find(|it| it["lines_required"] == false);
        if let Some(reason) = plain {
            reasons.insert(name.clone(), reason["code"].clone());
        }
        platforms.push(name);
    }
    let names: Vec<&str> = platforms.iter().map(String::as_str).collect();
    faults(&control, &names, 0.1, 4).await;

    let wish = json!({"query": selection["query"], "reasons": reasons});
    let began = Instant::now();
    let (status, begun) = desk.post("/api/v1/cancellations/bulk", &wish).await;
    let accepted = began.elapsed();
    assert_eq!(status, 202, "{begun}");
    let id = begun["batch_id"].as_str().expect("an id");
    let total = number(&desk.get(&format!("/api/v1/batches/{id}?limit=1")).await, "total");
    assert!(total > 0, "{plan}");

    let (mut desk, mut killed, mut memory) = (desk, false, 0);
    loop {
        let batch = batch(&desk, id, total).await;
        memory = memory.max(process.resident_kib() / 1024);
        let ended = number(&batch, "done") + number(&batch, "refused");
        if ended == total {
            break;
        }
        if !killed && ended * 2 >= total {
            killed = true;
            process.kill();
            process = Process::start(&arguments);
            desk = Remote::of(&process);
        }
        assert!(began.elapsed() < PATIENCE, "{batch}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(killed, "it was over before half of it was seen");
    let took = began.elapsed();
    faults(&control, &names, 0.0, 0).await;

    let mut truth = HashMap::new();
    for platform in &platforms {
        let there = cancelled(&control, platform).await;
        truth.extend(there.into_iter().map(|(number, gone)| ((platform.clone(), number), gone)));
    }
    let batch = desk.get(&format!("/api/v1/batches/{id}")).await;
    let mut of = HashMap::new();
    for order in batch["orders"].as_array().expect("orders") {
        of.insert(order["order_id"].as_str().expect("an id").to_owned(), order.clone());
    }
    assert_eq!(of.len() as u64, total, "every order stands there once");
    let mut checked = 0;
    for order in desk.all("/api/v1/orders?limit=200", "orders").await {
        let Some(ended) = of.get(order["id"].as_str().expect("an id")) else { continue };
        let number = order["number"].as_str().expect("a number");
        let platform = order["platform"].as_str().expect("a platform");
        // An order of a merged account is the account's platform's as well.
        let there = platforms.iter().find_map(|of| truth.get(&(of.clone(), number.to_owned())));
        let of_its_own = truth.get(&(platform.to_owned(), number.to_owned()));
        let gone = of_its_own.or(there).expect("the platform has it");
        assert_eq!(ended["state"] == "done", *gone, "{number}: {ended}");
        if platform == "shopee" {
            control.check_calls(number).await;
        }
        checked += 1;
    }
    assert_eq!(checked, total, "every order was looked at");
    eprintln!(
        "{total} orders on {}: accepted in {:.2} s, {} done and {} refused in {:.0} s, resident at most {memory} MB",
        platforms.join(", "),
        accepted.as_secs_f64(),
        number(&batch, "done"),
        number(&batch, "refused"),
        took.as_secs_f64()
    );
}
