//! What the desk does in a second, beside what the machine could do at most, measured in the same run.
//!
//! `./x bench` runs it; `./x bench cancels`, `pages`, `start`, `pushes`, `requests`, `labels`, `stock-in` or `isolation` runs a part;
//! `./x bench pushes 10` sends for ten seconds. Absolute numbers are this machine's; the ratios are what to compare.

mod labels;
#[path = "../tests/it/process.rs"]
mod process;
mod pushes;
mod raw;
mod requests;
mod stock_in;

use domain::platform::Platform;
use process::{Process, argument};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::trial::{Cluster, KEY};
use store::{Durability, SealingKey, Store};
use tokio::sync::Notify;

/// Orders that the throughput is measured over.
const CANCELS_ALONE: usize = 150;
const CANCELS_TOGETHER: usize = 1_500;
const CLIENTS: usize = 64;
/// Orders in the database when pages are timed, and how many pages are.
const ORDERS_ON_PAGES: u32 = 100_000;
const PAGES: usize = 400;
/// How long pushes are sent.
const PUSH_SECONDS: usize = 30;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if wanted("start") {
            start().await;
        }
        if wanted("cancels") {
            cancels("SQLite (synchronous=full)", None, 1).await;
            cancels("PostgreSQL (fsync on)", Some(Cluster::durable()), 8).await;
        }
        if wanted("pages") {
            pages().await;
        }
        if wanted("pushes") {
            let seconds = parts.iter().find_map(|part| part.parse().ok()).unwrap_or(PUSH_SECONDS);
            pushes::pushes(seconds).await;
        }
        if wanted("requests") {
            requests::requests().await;
        }
        if wanted("labels") {
            labels::merge().await;
        }
        if wanted("stock-in") {
            stock_in::stock_in().await;
        }
        if wanted("isolation") {
            pushes::beside_troubled_marketplaces().await;
        }
    });
}

async fn start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let began = Instant::now();
    let process = Process::start(&["demo", "--data", &data, "--listen", "127.0.0.1:0"]);
    let first = began.elapsed();
    let desk = Desk::of(&process);
    for list in ["new", "in_process", "canceled"] {
        desk.get(&format!("/api/v1/orders?list={list}&limit=200")).await;
    }
    let memory = process.resident_kib() / 1024;
    process.kill();
    let began = Instant::now();
    let again = Process::start(&["demo", "--data", &data, "--listen", "127.0.0.1:0"]);
    let restart = began.elapsed();
    println!(
        "demo: ready in {:.2} s, again after kill -9 in {:.2} s, resident {memory} MB",
        first.as_secs_f64(),
        restart.as_secs_f64()
    );
    drop(again);
}

async fn cancels(title: &str, cluster: Option<Cluster>, connections: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Process::start(&["sandbox", "--orders", "6000", "--seed", "9"]);
    let control = sandbox.text("control");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let lifted = http.request(Method::PUT, format!("{control}/limits")).json(&json!({"lifted": true}));
    lifted.send().await.and_then(reqwest::Response::error_for_status).expect("limits are lifted");
    let data = argument(folder.path());
    let database = cluster.as_ref().map(Cluster::fresh_database);
    let mut arguments = vec!["demo", "--sandbox", &control, "--data", &data, "--listen", "127.0.0.1:0"];
    if let Some(database) = &database {
        arguments.extend(["--database", database]);
    }
    let process = Process::start(&arguments);
    let desk = Arc::new(Desk::of(&process));
    // The labels of what was packed before are fetched once, at the first start.
    pushes::quiet(&desk).await;
    let mut orders = desk.to_pack(CANCELS_ALONE + CANCELS_TOGETHER).await;
    let together = orders.split_off(CANCELS_ALONE.min(orders.len()));

    let began = Instant::now();
    for order in &orders {
        let id = desk.cancel(order).await;
        while desk.get(&format!("/api/v1/cancellations/{id}")).await["state"] != "done" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let alone = rate(orders.len(), began.elapsed());

    let began = Instant::now();
    let count = together.len();
    desk.cancel_together(together).await;
    let together = rate(count, began.elapsed());
    let memory = process.resident_kib() / 1024;
    process.kill();

    let raw = raw_limit(cluster.as_ref(), connections).await;
    println!(
        "{title}: cancels per second, API call to confirmed: {alone:.0} at concurrency 1, {together:.0} at {CLIENTS}"
    );
    println!(
        "{title}: raw limit on {connections} connection(s): {raw:.0} per second; ratio {:.2} at {CLIENTS}, {:.2} at 1; resident {memory} MB",
        together / raw,
        alone / raw
    );
}

/// One durable transaction per order, with the statements of a whole cancel and nothing else.
async fn raw_limit(cluster: Option<&Cluster>, connections: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let address = match cluster {
        Some(cluster) => cluster.fresh_database(),
        None => format!("sqlite:{}", folder.path().join("raw.db").display()),
    };
    let store = open(&address).await;
    let ids = raw::furnish(&store, 2_000).await.expect("orders");
    let policy = Arc::new(connectors::default_policy(Platform::Shopee).expect("the built-in policy"));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for part in ids.chunks(ids.len().div_ceil(connections)) {
        let (store, policy, part) = (store.clone(), Arc::clone(&policy), part.to_vec());
        tasks.spawn(async move {
            for id in part {
                raw::cancel(&store, &policy, &id).await.expect("a cancel");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task");
    }
    rate(ids.len(), began.elapsed())
}

async fn pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    std::fs::write(folder.path().join("key"), KEY).expect("the key");
    let store = open(&format!("sqlite:{}", folder.path().join("countermand.db").display())).await;
    raw::furnish(&store, ORDERS_ON_PAGES).await.expect("orders");
    store.close().await;
    let Served { process, url, http, cookie, api } = serve(&data).await;
    let mut page = Vec::with_capacity(PAGES);
    let mut call = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let began = Instant::now();
        let answer = http.get(format!("{url}/orders?list=new")).header("cookie", &cookie).send().await.expect("a page");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("a page");
        page.push(began.elapsed());
        let began = Instant::now();
        let answer =
            http.get(format!("{url}/api/v1/orders?list=new")).bearer_auth(&api).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("an answer");
        call.push(began.elapsed());
    }
    println!(
        "first page of New at {ORDERS_ON_PAGES} orders, SQLite: page {}, API {}; resident {} MB",
        quantiles(page),
        quantiles(call),
        process.resident_kib() / 1024
    );
}

/// A desk that serves a furnished folder, and somebody who is signed in to it.
struct Served {
    process: Process,
    url: String,
    http: reqwest::Client,
    cookie: String,
    api: String,
}

async fn serve(data: &str) -> Served {
    let merchant = raw::merchant();
    let user = std::process::Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args([
            "user",
            "add",
            "--data",
            data,
            "--merchant",
            merchant.as_str(),
            "--email",
            "bench@example.com",
            "--role",
            "owner",
            "--json",
        ])
        .output()
        .expect("a user");
    let user: Value =
        serde_json::from_slice(&user.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&user.stderr)));
    let process = Process::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--json"]);
    let url = process.text("url");
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let password = user["password"].as_str().expect("a password");
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("email", "bench@example.com").append_pair("password", password);
    let sign_in = http.post(format!("{url}/sign-in")).header("content-type", "application/x-www-form-urlencoded");
    let signed_in = sign_in.body(form.finish()).send().await.expect("signed in");
    let cookie =
        signed_in.headers()["set-cookie"].to_str().expect("a cookie").split(';').next().unwrap_or_default().to_owned();
    let api = user["api_token"].as_str().expect("a token").to_owned();
    Served { process, url, http, cookie, api }
}

async fn open(address: &str) -> Store {
    let key = SealingKey::from_hex(KEY, "the bench's key").expect("a key");
    let store = Store::open(address, key, Durability::PowerCut).await.expect("a database");
    store.migrate().await.expect("migrated");
    store
}

fn rate(count: usize, elapsed: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / elapsed.as_secs_f64()
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
}

struct Desk {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Desk {
    fn of(process: &Process) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url: process.text("url"), token: process.text("api_token"), http }
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Whether a cancellation is under way.
    async fn is_cancelling(&self) -> bool {
        for state in ["requested", "submitting", "confirming"] {
            let page = self.get(&format!("/api/v1/cancellations?state={state}&limit=1")).await;
            if page["cancellations"].as_array().is_some_and(|found| !found.is_empty()) {
                return true;
            }
        }
        false
    }

    async fn to_pack(&self, wanted: usize) -> Vec<Value> {
        self.orders("list=new&tab=to_pack&platform=shopee&status=READY_TO_SHIP", wanted).await
    }

    async fn orders(&self, filter: &str, wanted: usize) -> Vec<Value> {
        let mut orders = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/v1/orders?{filter}&limit=200{cursor}")).await;
            orders.extend(page["orders"].as_array().expect("orders").iter().cloned());
            match page["next"].as_str() {
                Some(next) if orders.len() < wanted => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        orders.truncate(wanted);
        orders
    }

    async fn cancel(&self, order: &Value) -> String {
        let reason = match order["platform"].as_str() {
            Some("lazada") => "sourcing_delay",
            Some("tiktok_shop") => "pricing_error",
            Some("tokopedia") => "unable_to_deliver",
            _ => "buyer_requests_cancellation",
        };
        let body = json!({"order_id": order["id"], "reason": reason});
        let request = self.http.post(format!("{}/api/v1/cancellations", self.url)).bearer_auth(&self.token);
        let answer: Value = request.json(&body).send().await.expect("an answer").json().await.expect("JSON");
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Each client asks for its next cancel when its last one has ended.
    async fn cancel_together(self: &Arc<Self>, orders: Vec<Value>) {
        let queue = Arc::new(Mutex::new(orders));
        let done: Arc<Mutex<HashSet<String>>> = Arc::default();
        let changed = Arc::new(Notify::new());
        let watcher = tokio::spawn({
            let (desk, done, changed) = (Arc::clone(self), Arc::clone(&done), Arc::clone(&changed));
            async move {
                loop {
                    for state in ["done", "refused"] {
                        let page = desk.get(&format!("/api/v1/cancellations?state={state}&limit=200")).await;
                        let ids = page["cancellations"].as_array().expect("cancellations").iter();
                        let ids: Vec<String> = ids.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
                        done.lock().expect("no panic").extend(ids);
                    }
                    changed.notify_waiters();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            let (desk, queue, done, changed) =
                (Arc::clone(self), Arc::clone(&queue), Arc::clone(&done), Arc::clone(&changed));
            clients.spawn(async move {
                loop {
                    let Some(order) = queue.lock().expect("no panic").pop() else { return };
                    let id = desk.cancel(&order).await;
                    loop {
                        let news = changed.notified();
                        if done.lock().expect("no panic").contains(&id) {
                            break;
                        }
                        news.await;
                    }
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.expect("a client");
        }
        watcher.abort();
    }
}
