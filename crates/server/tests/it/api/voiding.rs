//! Void and restore.

use crate::desk::{Desk, out_of_stock};
use reqwest::Method;
use serde_json::json;
use store::on_both;

/// How many calls have changed something on the platform.
async fn changes(desk: &Desk) -> usize {
    let calls = desk.world.control.get("/calls?platform=shopee").await;
    calls["calls"].as_array().expect("calls").iter().filter(|call| call["changed"] == true).count()
}

on_both! {
    async fn a_voided_order_gives_its_units_back_until_it_is_restored(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let all = desk.read("/api/v1/orders?list=new&tab=to_pack&stage=untouched&limit=1").await;
        let order = all["orders"][0].clone();
        let path = format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"));
        let sku = order["lines"][0]["merchant_sku"].as_str().expect("a SKU");
        let stock = format!("/api/v1/stock?sku={sku}");
        let before = desk.read(&stock).await;
        let changed = changes(&desk).await;
        let voided = desk.ask(Method::POST, &desk.owner, &format!("{path}/void"), &[], "").await;
        assert_eq!(voided.status, 200, "{}", voided.text);
        assert_eq!(voided.json()["list"], "voided");
        let during = desk.read(&stock).await;
        assert!(during["stock"][0]["available"].as_i64() > before["stock"][0]["available"].as_i64(), "{during}");
        let twice = desk.ask(Method::POST, &desk.owner, &format!("{path}/void"), &[], "").await;
        twice.is_problem(409, "conflict", "voided twice");
        let old = order["version"].to_string();
        let stale = desk.ask(Method::POST, &desk.owner, &format!("{path}/restore"), &[("if-match", old.as_str())], "").await;
        stale.is_problem(409, "conflict", "a stale version");
        let restored = desk.ask(Method::POST, &desk.owner, &format!("{path}/restore"), &[], "").await;
        assert_eq!(restored.json()["list"], "new", "{}", restored.text);
        assert_eq!(desk.read(&stock).await, before);
        assert_eq!(changes(&desk).await, changed, "the platform is told nothing");
        desk.world.ledger_is_proven().await;
    }

    async fn many_are_voided_each_with_its_own_result(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let orders = desk.cancellable(3).await;
        assert_eq!(desk.post("/api/v1/cancellations", &out_of_stock(&orders[1])).await.status, 202);
        let completed = desk.read("/api/v1/orders?list=completed&limit=1").await["orders"][0]["id"].clone();
        let ids = json!([orders[0]["id"], "ord_unknown", orders[1]["id"], completed, orders[2]["id"]]);
        let answer = desk.post("/api/v1/orders/void", &json!({"order_ids": ids})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let results = answer.json()["results"].as_array().expect("results").clone();
        let told: Vec<_> = results.iter().map(|it| (it["done"].as_bool(), it["code"].as_str())).collect();
        let expected = [
            (Some(true), None),
            (Some(false), Some("not_found")),
            (Some(false), Some("cancel_pending")),
            (Some(false), Some("conflict")),
            (Some(true), None),
        ];
        assert_eq!(told, expected, "{results:?}");
        let voided = desk.read("/api/v1/orders?list=voided").await;
        assert_eq!(voided["orders"].as_array().map(Vec::len), Some(2));
        let restored = desk.post("/api/v1/orders/restore", &json!({"order_ids": ids})).await.json();
        assert_eq!(restored["results"].as_array().expect("results").iter().filter(|it| it["done"] == true).count(), 2);
        desk.world.ledger_is_proven().await;
    }
}
