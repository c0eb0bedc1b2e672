//! Every order that waits, stocked in as one selection, while somebody else turns pages.

use crate::process::argument;
use crate::{Served, open, quantiles, raw, serve};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::trial::KEY;

/// Orders that wait.
const ORDERS: u32 = 100_000;
/// How often the pages of others are asked for.
const PAGE_EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn stock_in() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), KEY).expect("the key");
    let store = open(&format!("sqlite:{}", folder.path().join("countermand.db").display())).await;
    let ids = raw::furnish(&store, ORDERS).await.expect("orders");
    raw::send_back(&store, &ids).await.expect("they come back");
    store.close().await;
    let Served { process, url, http, cookie, api } = serve(&argument(folder.path())).await;

    let body = json!({"warehouse": "whs_bench", "query": {}});
    let began = Instant::now();
    let asked = http.post(format!("{url}/api/v1/stock-ins")).bearer_auth(&api).json(&body).send().await;
    let batch: Value = asked.expect("an answer").json().await.expect("JSON");
    let accepted = began.elapsed();
    let id = batch["batch_id"].as_str().unwrap_or_else(|| panic!("{batch}")).to_owned();
    let mut pages = Vec::new();
    let mut memory = 0;
    let elapsed = loop {
        for path in ["/canceled", "/orders?list=new", "/stock"] {
            let asked = Instant::now();
            let page = http.get(format!("{url}{path}")).header("cookie", &cookie).send().await.expect("a page");
            assert!(page.status().is_success(), "{path}: {}", page.status());
            page.bytes().await.expect("a page");
            pages.push(asked.elapsed());
        }
        memory = memory.max(process.resident_kib() / 1024);
        let batch = http.get(format!("{url}/api/v1/batches/{id}?limit=1")).bearer_auth(&api).send().await;
        let batch: Value = batch.expect("an answer").json().await.expect("JSON");
        if batch["waiting"] == 0 {
            assert_eq!(batch["done"], ORDERS, "{batch}");
            break began.elapsed();
        }
        tokio::time::sleep(PAGE_EVERY).await;
    };
    println!(
        "stock-in of {ORDERS} orders as one selection, SQLite: accepted in {:.2} s, done in {:.1} s, at most {memory} MB; \
         pages of others meanwhile {}",
        accepted.as_secs_f64(),
        elapsed.as_secs_f64(),
        quantiles(pages)
    );
}
