//! Pushes as a marketplace sends them on its busiest day, and a desk beside platforms that are slow or ban.

use crate::process::{Process, argument};
use crate::{Desk, quantiles, rate};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Orders that the pushes speak of.
const ORDERS: usize = 2_000;
const PUSHES_PER_SECOND: usize = 2_000;
/// One of so many pushes is a duplicate, and one of so many comes late.
const ONE_IN: usize = 6;
/// Cancels that are timed in one round, half of them beside troubled marketplaces, and those that each troubled one has to
/// carry out meanwhile.
const CANCELS: usize = 600;
const TROUBLED_CANCELS: usize = 50;
/// Each marketplace with the status of orders that it lets a seller cancel.
const TO_CANCEL: [(&str, &str); 4] =
    [("shopee", "READY_TO_SHIP"), ("lazada", "pending"), ("tiktok_shop", "AWAITING_SHIPMENT"), ("tokopedia", "220")];
/// How often the two runs take turns.
const ROUNDS: usize = 2;

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(512).build().expect("a client")
}

async fn put(http: &reqwest::Client, url: String, body: Value) {
    let answer = http.put(url).json(&body).send().await.and_then(reqwest::Response::error_for_status);
    answer.expect("the control port does it");
}

async fn post(http: &reqwest::Client, url: String, body: Value) -> Value {
    let answer = http.post(url).json(&body).send().await.and_then(reqwest::Response::error_for_status);
    answer.expect("it is done").json().await.expect("JSON")
}

struct Pusher {
    http: reqwest::Client,
    url: String,
    key: Vec<u8>,
    account: i64,
}

impl Pusher {
    fn body(&self, number: &str, stamp: usize) -> String {
        json!({"code": 3, "shop_id": self.account, "timestamp": stamp, "data": {"ordersn": number, "status": "SHIPPED", "update_time": stamp}})
            .to_string()
    }

    /// Answers how long the desk took, counted from when the push was due.
    async fn send(&self, body: String, due: Instant) -> (u16, Duration) {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length");
        mac.update(format!("{}|{body}", self.url).as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let request = self.http.post(&self.url).header("authorization", signature).body(body);
        let status = match request.send().await {
            Ok(answer) => answer.status().as_u16(),
            Err(_) => 0,
        };
        (status, due.elapsed())
    }
}

/// Two thousand pushes a second, a third of them duplicates or late, while orders change on the platform.
pub(crate) async fn pushes(seconds: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Process::start(&["sandbox", "--orders", "4000", "--seed", "11"]);
    let control = sandbox.text("control");
    let http = http();
    put(&http, format!("{control}/limits"), json!({"lifted": true})).await;
    let data = argument(folder.path());
    let process = Process::start(&["demo", "--sandbox", &control, "--data", &data, "--listen", "127.0.0.1:0"]);
    let desk = Arc::new(Desk::of(&process));
    // Every push is ours, so that all of them can be counted.
    put(&http, format!("{control}/push-target"), json!({"platform": "shopee", "url": "http://127.0.0.1:9/"})).await;
    let shop = desk.get("/api/v1/shops").await["shops"][0].clone();
    let account: i64 = shop["account"].as_str().and_then(|text| text.parse().ok()).expect("an account");
    let ready: Value = http.get(&control).send().await.expect("an answer").json().await.expect("JSON");
    let key = ready["credentials"]["shopee"]["partner_key"].as_str().expect("a key").as_bytes().to_vec();
    let url = shop["push_address"].as_str().expect("an address").to_owned();
    let pusher = Arc::new(Pusher { http: http.clone(), url, key, account });
    let orders = desk.to_pack(ORDERS).await;
    let numbers: Vec<String> = orders.iter().filter_map(|order| order["number"].as_str().map(str::to_owned)).collect();

    let changing = tokio::spawn({
        let (http, control, numbers) = (http.clone(), control.clone(), numbers.clone());
        let span = Duration::from_secs(seconds.try_into().unwrap_or(30));
        async move {
            let each = span / u32::try_from(numbers.len().max(1)).unwrap_or(1);
            let mut due = tokio::time::interval(each);
            for number in numbers {
                due.tick().await;
                let url = format!("{control}/orders/shopee/{number}/advance");
                post(&http, url, json!({"to": "SHIPPED", "force": true})).await;
            }
        }
    });

    let total = PUSHES_PER_SECOND * seconds;
    let answers: Arc<Mutex<Vec<(u16, Duration)>>> = Arc::default();
    let mut sending = tokio::task::JoinSet::new();
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let mut sent = 0;
    let mut last = Vec::new();
    while sent < total {
        ticks.tick().await;
        let wanted = (began.elapsed().as_millis() as usize * PUSHES_PER_SECOND / 1_000).min(total);
        while sent < wanted {
            // In the order of the changes, so that most pushes tell of one that was just made.
            let number = &numbers[(sent * numbers.len() / total + sent % 40).min(numbers.len() - 1)];
            let body = match sent % ONE_IN {
                0 if sent > 0 => {
                    last.get(sent / 2 % last.len().max(1)).cloned().unwrap_or_else(|| pusher.body(number, sent))
                }
                1 => pusher.body(&numbers[numbers.len() * (sent / 2) / total], sent / 2),
                _ => pusher.body(number, sent),
            };
            if last.len() < 4_096 {
                last.push(body.clone());
            } else {
                let at = sent % last.len();
                last[at].clone_from(&body);
            }
            let due = began + Duration::from_micros((sent * 1_000_000 / PUSHES_PER_SECOND) as u64);
            let (pusher, answers) = (Arc::clone(&pusher), Arc::clone(&answers));
            sending.spawn(async move {
                let answer = pusher.send(body, due).await;
                answers.lock().expect("no panic").push(answer);
            });
            sent += 1;
        }
        while sending.try_join_next().is_some() {}
    }
    while sending.join_next().await.is_some() {}
    let took = began.elapsed();
    changing.await.expect("changed");
    // The last changes were pushed like all others; what they made due is worked off.
    for number in &numbers {
        assert_eq!(pusher.send(pusher.body(number, usize::MAX / 2), Instant::now()).await.0, 200);
    }
    let settled = Instant::now();
    quiet(&desk).await;
    let (differ, compared) = differences(&http, &control, &desk, &numbers).await;
    let answers = answers.lock().expect("no panic");
    let lost = answers.iter().filter(|(status, _)| *status != 200).count();
    let times = quantiles(answers.iter().map(|(_, took)| *took).collect());
    println!(
        "pushes: {} sent in {:.1} s ({:.0} per second), {lost} not answered with 200, {times}; {differ} of {compared} orders differ from the platform's, {:.1} s after the last push; resident {} MB",
        answers.len(),
        took.as_secs_f64(),
        rate(answers.len(), took),
        settled.elapsed().as_secs_f64(),
        process.resident_kib() / 1024
    );
}

/// Until no order, listing or label waits to be read.
pub(crate) async fn quiet(desk: &Desk) {
    let waited_for =
        ["read_order", "read_listings", "label"].map(|kind| format!("countermand_jobs_waiting{{kind=\"{kind}\"}}"));
    loop {
        let metrics = desk.http.get(format!("{}/metrics", desk.url)).send().await.expect("an answer");
        let metrics = metrics.text().await.expect("a text");
        let waits = |line: &str| waited_for.iter().any(|name| line.starts_with(name));
        if metrics.lines().filter(|line| waits(line)).all(|line| line.ends_with(" 0")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn differences(http: &reqwest::Client, control: &str, desk: &Desk, numbers: &[String]) -> (usize, usize) {
    let there: Value = http
        .get(format!("{control}/orders?platform=shopee"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let there: HashMap<&str, &str> = there["orders"]
        .as_array()
        .expect("orders")
        .iter()
        .filter_map(|order| Some((order["number"].as_str()?, order["status"].as_str()?)))
        .collect();
    let mut here: HashMap<String, String> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = desk.get(&format!("/api/v1/orders?limit=200{cursor}")).await;
        for order in page["orders"].as_array().expect("orders") {
            let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
            here.insert(text("number"), text("platform_status"));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let differ = numbers.iter().filter(|it| here.get(*it).map(String::as_str) != there.get(it.as_str()).copied());
    (differ.count(), numbers.len())
}

/// Cancels on Shopee and TikTok Shop, alone and beside Lazada answering after ten seconds and Tokopedia banning.
pub(crate) async fn beside_troubled_marketplaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Process::start(&["sandbox", "--orders", "12000", "--seed", "20"]);
    let control = sandbox.text("control");
    let http = http();
    put(&http, format!("{control}/limits"), json!({"lifted": true})).await;
    let data = argument(folder.path());
    let arguments = ["demo", "--sandbox", &control, "--data", &data, "--listen", "127.0.0.1:0"];
    let process = Process::start(&[&arguments[..], &["--allow", "tokopedia.seller_cancel"]].concat());
    let desk = Arc::new(Desk::of(&process));
    let mut queues = HashMap::new();
    for (platform, status) in TO_CANCEL {
        let wanted = ROUNDS * CANCELS;
        let orders = desk.orders(&format!("list=new&platform={platform}&status={status}"), wanted).await;
        assert_eq!(orders.len(), wanted, "{platform} has enough");
        queues.insert(platform, orders);
    }
    let slow = json!({"platform": "lazada", "rate": 1.0, "kinds": ["slow"], "delay_ms": 10_000});
    let bans = json!({"platform": "tokopedia", "rate": 1.0, "kinds": ["rate_limited"], "ban_seconds": 5});
    let mut speeds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        quiet(&desk).await;
        speeds[0].push(healthy_speed(&desk, &mut queues).await);
        // What follows a cancel (its listings are read) belongs to the run before.
        quiet(&desk).await;
        for faults in [&slow, &bans] {
            put(&http, format!("{control}/faults"), faults.clone()).await;
        }
        for platform in ["lazada", "tokopedia"] {
            let queue = queues.get_mut(platform).expect("a queue");
            for order in queue.split_off(queue.len() - TROUBLED_CANCELS) {
                desk.cancel(&order).await;
            }
        }
        speeds[1].push(healthy_speed(&desk, &mut queues).await);
        for platform in ["lazada", "tokopedia"] {
            put(&http, format!("{control}/faults"), json!({"platform": platform, "rate": 0.0, "kinds": []})).await;
        }
        // What the troubled shops were asked is done before the next undisturbed run.
        while desk.is_cancelling().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let best = |speeds: &[f64]| speeds.iter().copied().fold(0.0, f64::max);
    let [alone, beside] = speeds.map(|speeds| best(&speeds));
    println!(
        "cancels on Shopee and TikTok Shop: {alone:.0} per second alone, {beside:.0} while Lazada answers after 10 s and Tokopedia bans; ratio {:.2}",
        beside / alone
    );
}

async fn healthy_speed(desk: &Arc<Desk>, queues: &mut HashMap<&str, Vec<Value>>) -> f64 {
    let mut orders = Vec::new();
    for platform in ["shopee", "tiktok_shop"] {
        let queue = queues.get_mut(platform).expect("a queue");
        orders.extend(queue.split_off(queue.len() - CANCELS / 4));
    }
    let count = orders.len();
    let began = Instant::now();
    desk.cancel_together(orders).await;
    rate(count, began.elapsed())
}
