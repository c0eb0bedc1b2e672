//! Lazada's clients.

use serde_json::{Value, json};

use super::{Desk, run, script, wanted};

async fn open() -> Desk {
    let mut desk = Desk::start().await;
    let ready = desk.running.ready();
    let grant = desk.tell("/grants", json!({"platform": "lazada"})).await;
    let mut orders = Vec::new();
    for sku in ["MUG-BLU", "BTL-500", "BOARD"] {
        let wish = json!({"platform": "lazada", "lines": [{"sku": sku, "quantity": 2}]});
        orders.push(desk.tell("/orders", wish).await["numbers"][0].clone());
    }
    let credentials = &ready["credentials"]["lazada"];
    desk.wish = json!({
        "host": format!("{}/rest", ready["lazada"].as_str().unwrap()), "app_key": credentials["app_key"],
        "app_secret": credentials["app_secret"], "code": grant["code"], "after": "2020-01-01T00:00:00+08:00",
        "orders": orders,
    });
    desk
}

/// What every client must have brought about, whatever it printed.
async fn assert_truth(desk: &Desk, report: &Value) {
    assert_eq!((&report["expires"], &report["rotated"]), (&json!(864_000), &json!(true)));
    let orders = desk.ask("/orders?platform=lazada").await;
    let texts = |list: &Value, pick: fn(&Value) -> &Value| {
        let mut texts: Vec<String> =
            list.as_array().unwrap().iter().map(|row| pick(row).as_str().unwrap().to_owned()).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(texts(&report["listed"], |row| row), texts(&orders["orders"], |order| &order["number"]));
    assert_eq!(report["pages"], 3);
    assert_eq!(report["many"], json!([desk.wish["orders"][0], desk.wish["orders"][1]]));
    assert_eq!(report["reasons"].as_object().unwrap().len(), 8);

    let truth = async |place: usize| {
        let number = desk.wish["orders"][place].as_str().unwrap();
        desk.ask(&format!("/orders?platform=lazada&number={number}")).await["orders"][0].clone()
    };
    let first = truth(0).await;
    let line = &first["lines"][0];
    assert_eq!(
        (&line["status"], &line["cancelled_by"], &line["cancel_reason"]),
        (&json!("canceled"), &json!("seller"), &json!("Out of Stock"))
    );
    // One item was chosen: the other goes on.
    assert_eq!((&first["status"], &first["lines"][1]["status"]), (&json!("pending"), &json!("pending")));
    assert_eq!(report["cancelled"]["data"]["tip_type"], "success");
    assert_eq!((&report["twice"]["code"], &report["twice"]["data"]["tip_type"]), (&json!("0"), &json!("error")));
    let after: Vec<&Value> = report["after"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(after, ["canceled", "pending"]);
    let calls = desk.ask(&format!("/calls?platform=lazada&number={}", desk.wish["orders"][0].as_str().unwrap())).await;
    let creates: Vec<&Value> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["path"] == "/rest/order/reverse/cancel/create")
        .map(|call| &call["changed"])
        .collect();
    assert_eq!(creates, [true, false]);

    assert_eq!(report["legacy"]["success"], true);
    assert_eq!(truth(2).await["lines"][0]["status"], "canceled");

    let stock = desk.ask("/stock?platform=lazada").await;
    let available = |sku: &str| {
        let rows = stock["stock"].as_array().unwrap();
        rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].clone()
    };
    assert_eq!((available("MUG-BLU"), available("BOARD"), available("BTL-500")), (json!(0), json!(0), json!(17)));
    let skus = report["item"]["data"]["skus"].as_array().unwrap();
    assert_eq!(skus.iter().find(|sku| sku["SellerSku"] == "BTL-500").unwrap()["Available"], 17);
    assert_eq!(report["set_stock"]["code"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn lazop_works_unchanged() {
    let Some(python) = wanted("COUNTERMAND_CLIENTS_PYTHON") else { return };
    let desk = open().await;
    let report = run(python, vec![script("lazada_lazop.py").into()], &desk.wish).await;
    assert_truth(&desk, &report).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_platform_sdk_works_unchanged() {
    let Some(modules) = wanted("COUNTERMAND_CLIENTS_NODE_MODULES") else { return };
    let desk = open().await;
    let report = run("node".into(), vec![script("lazada_platform_sdk.mjs").into(), modules], &desk.wish).await;
    assert_truth(&desk, &report).await;
    assert_eq!(report["refused"]["code"], "16");
}
