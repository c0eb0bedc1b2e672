//! TikTok Shop's clients.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Desk, run, script, wanted};

async fn open() -> Desk {
    let mut desk = Desk::start().await;
    let (send, mut pushes) = mpsc::unbounded_channel();
    let handle = move |headers: HeaderMap, body: String| {
        let _ = send.send(json!({"body": body, "signature": headers["authorization"].to_str().unwrap()}));
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/", axum::routing::post(handle))).await },
    );
    desk.put("/push-target", json!({"platform": "tiktok_shop", "url": url})).await;

    let ready = desk.running.ready();
    let grant = desk.tell("/grants", json!({"platform": "tiktok_shop"})).await;
    let mut orders = Vec::new();
    for sku in ["MUG-BLU", "BTL-500", "BOARD"] {
        let wish = json!({"platform": "tiktok_shop", "lines": [{"sku": sku, "quantity": 2}]});
        orders.push(desk.tell("/orders", wish).await["numbers"][0].clone());
    }
    // Pushes of several orders overtake each other: take the first order's.
    let push = loop {
        let push: Value = pushes.recv().await.unwrap();
        let body: Value = serde_json::from_str(push["body"].as_str().unwrap()).unwrap();
        if body["data"]["order_id"] == orders[0] {
            break push;
        }
    };
    for number in &orders[1..] {
        let path = format!("/orders/tiktok_shop/{}/buyer-cancel", number.as_str().unwrap());
        desk.tell(&path, json!({"ask": true})).await;
    }
    let stock = desk.ask("/stock?platform=tiktok_shop").await;
    let bottle = stock["stock"].as_array().unwrap().iter().find(|row| row["sku"] == "BTL-750").unwrap().clone();
    let credentials = &ready["credentials"]["tiktok_shop"];
    desk.wish = json!({
        "host": ready["tiktok_shop"], "app_key": credentials["app_key"], "app_secret": credentials["app_secret"],
        "code": grant["code"], "cipher": credentials["shop_cipher"],
        "after": jiff::Timestamp::now().as_second() - 30 * 86_400, "orders": orders,
        "stock": {"product": bottle["product_id"], "sku": bottle["sku_id"]}, "push": push,
    });
    desk
}

/// What every client must have brought about, whatever it printed.
async fn assert_truth(desk: &Desk, report: &Value) {
    let until = report["expires"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
    assert!((604_000..=604_800).contains(&until), "{until}");
    assert_eq!(report["rotated"], true);
    assert_eq!(report["shops"][0]["cipher"], desk.wish["cipher"]);
    let orders = desk.ask("/orders?platform=tiktok_shop").await;
    let sorted = |mut texts: Vec<String>| {
        texts.sort_unstable();
        texts
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = report["listed"].as_array().unwrap().iter().map(text).collect();
    let known = orders["orders"].as_array().unwrap().iter().map(|order| text(&order["number"])).collect();
    assert_eq!(sorted(listed), sorted(known));
    assert_eq!(report["pages"], 3);
    let [one, two, three] = [0, 1, 2].map(|place| text(&desk.wish["orders"][place]));
    assert_eq!(report["detail"], json!([one, two]));

    let truth = async |number: &str| {
        desk.ask(&format!("/orders?platform=tiktok_shop&number={number}")).await["orders"][0].clone()
    };
    let first = truth(&one).await;
    assert_eq!((&first["status"], &first["cancelled_by"]), (&json!("CANCELLED"), &json!("seller")));
    assert_eq!(first["cancel_reason"], "seller_cancel_reason_out_of_stock");
    assert_eq!(report["offered"]["eligible"], true);
    assert_eq!(report["cancelled"]["cancel_status"], "CANCELLATION_REQUEST_SUCCESS");
    assert_eq!((&report["twice"], &report["asked"]), (&json!(25_001_051), &json!(25_001_010)));
    let after = &report["after"];
    assert_eq!((&after["status"], &after["cancellation_initiator"]), (&json!("CANCELLED"), &json!("SELLER")));
    let calls = desk.ask(&format!("/calls?platform=tiktok_shop&number={one}")).await;
    let cancels: Vec<&Value> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["path"].as_str().unwrap().ends_with("/cancellations"))
        .map(|call| &call["changed"])
        .collect();
    assert_eq!(cancels, [true, false]);

    let second = truth(&two).await;
    assert_eq!((&second["status"], &second["cancelled_by"]), (&json!("CANCELLED"), &json!("buyer")));
    assert_eq!(truth(&three).await["status"], "AWAITING_SHIPMENT");
    assert_eq!(report["kinds"], json!({one: "CANCEL", two: "BUYER_CANCEL", three: "BUYER_CANCEL"}));

    let stock = desk.ask("/stock?platform=tiktok_shop").await;
    let available = |sku: &str| {
        let rows = stock["stock"].as_array().unwrap();
        rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].clone()
    };
    assert_eq!((available("MUG-BLU"), available("BTL-750")), (json!(0), json!(17)));
    assert_eq!(report["inventory"]["inventory"][0]["skus"][0]["total_available_quantity"], 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn tiktok_shop_api_works_unchanged() {
    let Some(python) = wanted("COUNTERMAND_CLIENTS_PYTHON") else { return };
    let desk = open().await;
    let report = run(python, vec![script("tiktok_shop_python.py").into()], &desk.wish).await;
    assert_truth(&desk, &report).await;
    // It speaks the newest versions, which name the reasons, and takes our pushes.
    assert_eq!(report["offered"]["available_reason_names"].as_array().unwrap().len(), 3);
    assert_eq!(report["push"]["data"]["order_id"], desk.wish["orders"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tiktok_shop_sdk_works_unchanged() {
    let Some(modules) = wanted("COUNTERMAND_CLIENTS_NODE_MODULES") else { return };
    let desk = open().await;
    let report = run("node".into(), vec![script("tiktok_shop_node.mjs").into(), modules], &desk.wish).await;
    assert_truth(&desk, &report).await;
    assert_eq!(report["offered"].get("available_reason_names"), None, "it speaks the oldest version");
}
