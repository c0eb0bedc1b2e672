//! Marketplace clients that no one here wrote, unchanged, against the sandbox. Their scripts report, the assertions
//! are here, on the control port's truth.
//!
//! `tests/clients/install FOLDER` installs them; `COUNTERMAND_CLIENTS_PYTHON` and `COUNTERMAND_CLIENTS_NODE_MODULES`
//! say where.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "third_party_clients/lazada.rs"]
mod lazada;
#[path = "third_party_clients/tiktok_shop.rs"]
mod tiktok_shop;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox::{Running, Settings};
use serde_json::{Value, json};

/// Orders of the sandbox: more than two pages of twenty.
const ORDERS: u32 = 50;

/// A variable of the environment, or the reason why the test is skipped.
fn wanted(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name);
    if value.is_none() {
        eprintln!("skipped: {name} is not set; tests/clients/install installs the clients, ./x test sets it");
    }
    value
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a client to its end and reads the last line that it printed.
async fn run(program: OsString, arguments: Vec<OsString>, wish: &Value) -> Value {
    let wish = wish.to_string();
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("NO_PROXY", "127.0.0.1")
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(wish.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(printed.lines().last().unwrap()).unwrap()
    })
    .await
    .unwrap()
}

struct Desk {
    running: Running,
    http: reqwest::Client,
    wish: Value,
}

impl Desk {
    /// A sandbox, without a wish yet.
    async fn start() -> Desk {
        let settings = Settings { listen: [127, 0, 0, 1].into(), control_port: 0, data: None, seed: 5, orders: ORDERS };
        let running = sandbox::start(settings).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Desk { running, http, wish: Value::Null }
    }

    async fn open() -> Desk {
        let mut desk = Desk::start().await;
        let ready = desk.running.ready();
        let grant = desk.tell("/grants", json!({"platform": "shopee"})).await;
        let lines = |sku: &str| json!({"platform": "shopee", "lines": [{"sku": sku, "quantity": 2}]});
        let one = desk.tell("/orders", lines("MUG-BLU")).await["numbers"][0].clone();
        let two = desk.tell("/orders", lines("BTL-500")).await["numbers"][0].clone();
        let now = jiff::Timestamp::now().as_second();
        let credentials = &ready["credentials"]["shopee"];
        desk.wish = json!({
            "host": ready["shopee"], "partner_id": credentials["partner_id"],
            "partner_key": credentials["partner_key"], "shop_id": grant["shop_id"], "code": grant["code"],
            "from": now - 15 * 86_400 + 60, "to": now + 60, "orders": [one, two],
        });
        desk
    }

    async fn tell(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.running.control_url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn put(&self, path: &str, body: Value) {
        let url = format!("{}{path}", self.running.control_url());
        assert_eq!(self.http.put(url).json(&body).send().await.unwrap().status(), 200, "{path}");
    }

    async fn ask(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.running.control_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// What every client must have brought about, whatever it printed.
    async fn assert_truth(&self, report: &Value) {
        assert_eq!((&report["expires"], &report["rotated"]), (&json!(14_400), &json!(true)));
        let orders = self.ask("/orders?platform=shopee").await;
        let mut numbers: Vec<&str> =
            orders["orders"].as_array().unwrap().iter().map(|order| order["number"].as_str().unwrap()).collect();
        let mut listed: Vec<&str> =
            report["listed"].as_array().unwrap().iter().map(|number| number.as_str().unwrap()).collect();
        numbers.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, numbers);
        assert_eq!(report["pages"], 3);
        assert_eq!(report["detail"], self.wish["orders"]);

        let first = self.wish["orders"][0].as_str().unwrap();
        let truth = self.ask(&format!("/orders?platform=shopee&number={first}")).await["orders"][0].clone();
        assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("seller")));
        assert_eq!(truth["cancel_reason"], "OUT_OF_STOCK");
        assert_eq!(report["after"]["order_status"], "CANCELLED");
        assert_eq!(
            (&report["after"]["cancel_by"], &report["after"]["cancel_reason"]),
            (&json!("seller"), &json!("Out of Stock"))
        );
        let calls = self.ask(&format!("/calls?platform=shopee&number={first}")).await;
        let cancels: Vec<&Value> = calls["calls"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|call| call["path"] == "/api/v2/order/cancel_order")
            .collect();
        let changed = cancels.iter().filter(|call| call["changed"] == true).count();
        assert_eq!((cancels.len(), changed), (2, 1), "{cancels:?}");
        assert_eq!(cancels[1]["code"], "order.error_limit");

        let stock = self.ask("/stock?platform=shopee").await;
        let available = |sku: &str| {
            let rows = stock["stock"].as_array().unwrap();
            rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].clone()
        };
        assert_eq!(available("MUG-BLU"), 0);
        assert_eq!(available("BTL-500"), 17);
        let models = report["models"]["response"]["model"].as_array().unwrap();
        let read = models.iter().find(|model| model["model_sku"] == "BTL-500").unwrap();
        assert_eq!(read["stock_info_v2"]["summary_info"]["total_available_stock"], 17);
        assert_eq!(report["set_stock"]["response"]["success_list"][0]["stock"], 17);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pyshopee_works_unchanged() {
    let Some(python) = wanted("COUNTERMAND_CLIENTS_PYTHON") else { return };
    let desk = Desk::open().await;
    let report = run(python, vec![script("shopee_pyshopee.py").into()], &desk.wish).await;
    desk.assert_truth(&report).await;
    assert_eq!(report["twice"]["error"], "order.error_limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_works_unchanged() {
    let Some(modules) = wanted("COUNTERMAND_CLIENTS_NODE_MODULES") else { return };
    let desk = Desk::open().await;
    let report = run("node".into(), vec![script("shopee_sdk.mjs").into(), modules], &desk.wish).await;
    desk.assert_truth(&report).await;
    assert_eq!(report["twice"]["data"]["error"], "order.error_limit");
    assert_eq!((&report["repeated"], &report["consent"]["status"]), (&json!(2), &json!(200)));
    assert!(report["consent"]["html"].as_str().unwrap().contains("Confirm authorisation"));
    assert_eq!(report["lost"]["response"]["push_message_list"], json!([]));
}
