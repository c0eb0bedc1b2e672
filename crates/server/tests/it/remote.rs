//! A desk in a process of its own, asked over its API as a program would; and what its platforms have.

use crate::engine::{ALL_FAULTS, Control};
use crate::process::Process;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

pub(crate) const MARKETPLACES: [&str; 4] = ["shopee", "lazada", "tiktok_shop", "tokopedia"];

pub(crate) struct Remote {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
}

impl Remote {
    pub(crate) fn of(process: &Process) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { url: process.text("url"), token: process.text("api_token"), http }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Every page of a list.
    pub(crate) async fn all(&self, path: &str, field: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}")).await;
            all.extend(page[field].as_array().unwrap_or_else(|| panic!("{field} in {page}")).iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}

/// Every fault at this rate, on these marketplaces; at 0 none.
pub(crate) async fn faults(control: &Control, marketplaces: &[&str], rate: f64, seed: u64) {
    let kinds = if rate > 0.0 { &ALL_FAULTS[..] } else { &[] };
    for platform in marketplaces {
        let faults = json!({"platform": platform, "rate": rate, "kinds": kinds, "seed": seed, "delay_ms": 300, "ban_seconds": 1});
        control.send(Method::PUT, "/faults", faults).await;
    }
}

/// Which orders a marketplace has as cancelled, by number.
pub(crate) async fn cancelled(control: &Control, platform: &str) -> HashMap<String, bool> {
    let there = control.get(&format!("/orders?platform={platform}&limit=1000000")).await;
    let is_over = |status: &Value| status.as_str().is_some_and(|word| word.to_lowercase().starts_with("cancel"));
    let order = |order: &Value| {
        let lines = order["lines"].as_array().expect("lines");
        let all_over = !lines.is_empty() && lines.iter().all(|line| is_over(&line["status"]));
        (order["number"].as_str().expect("a number").to_owned(), is_over(&order["status"]) || all_over)
    };
    there["orders"].as_array().expect("orders").iter().map(order).collect()
}
