//! Pack, print and ship over the API.

use crate::desk::{Answer, Desk};
use reqwest::Method;
use serde_json::json;
use store::on_both;

async fn post(desk: &Desk, path: &str) -> Answer {
    desk.ask(Method::POST, &desk.owner, path, &[], "").await
}

on_both! {
    async fn an_order_is_packed_printed_and_shipped(trial) {
        let desk = Desk::start(trial, 40).await;
        let all = desk.read("/api/v1/orders?list=new&tab=to_pack&limit=2").await;
        let id = all["orders"][0]["id"].as_str().expect("an id").to_owned();
        let other = all["orders"][1]["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/orders/{id}");
        let early = desk.ask(Method::GET, &desk.owner, &format!("/api/v1/labels.pdf?order={id}"), &[], "").await;
        early.is_problem(409, "no_cached_label", "before it is packed");
        post(&desk, &format!("{path}/ship")).await.is_problem(409, "conflict", "shipped before it is packed");
        let packed = post(&desk, &format!("{path}/pack")).await;
        assert_eq!(packed.status, 200, "{}", packed.text);
        assert_eq!(packed.json()["tab"], "packing");
        let order = desk.read_until(&path, |order| order["tab"] == "printable").await;
        assert_eq!(order["list"], "in_process");
        assert_eq!(order["packages"][0]["label"], "cached");
        post(&desk, &format!("{path}/pack")).await.is_problem(409, "conflict", "packed twice");

        let package = order["packages"][0]["number"].as_str().expect("a number");
        for (query, pages) in [(format!("order={id}"), order["packages"].as_array().map_or(0, Vec::len)), (format!("package={package}"), 1)] {
            let file = desk.client.get(format!("{}/api/v1/labels.pdf?{query}", desk.url)).bearer_auth(&desk.owner).send().await.expect("answered");
            assert_eq!((file.status().as_u16(), file.headers()["content-type"].to_str().expect("text")), (200, "application/pdf"));
            let bytes = file.bytes().await.expect("bytes");
            assert!(bytes.starts_with(b"%PDF"));
            assert_eq!(lopdf::Document::load_mem(&bytes).expect("a PDF").page_iter().count(), pages, "{query}");
        }
        assert_eq!(desk.read(&path).await["printed"], true);
        let actions: Vec<String> = desk.read(&path).await["timeline"].as_array().expect("a timeline").iter().map(|it| it["action"].to_string()).collect();
        assert!(actions.contains(&"\"label.printed\"".to_owned()) && actions.contains(&"\"label.reprinted\"".to_owned()), "{actions:?}");

        let shipped = post(&desk, &format!("{path}/ship")).await.json();
        assert_eq!((&shipped["list"], &shipped["stage"]), (&json!("to_pickup"), &json!("handed_over")));
        let undone = post(&desk, &format!("{path}/undo-ship")).await.json();
        assert_eq!((&undone["list"], &undone["stage"]), (&json!("in_process"), &json!("packed")));
        post(&desk, &format!("{path}/repack")).await.is_problem(409, "conflict", "this platform takes no pack back");

        let many = desk.post("/api/v1/orders/pack", &json!({"order_ids": [other, id]})).await.json();
        let told: Vec<_> = many["results"].as_array().expect("results").iter().map(|it| it["done"].as_bool()).collect();
        assert_eq!(told, [Some(true), Some(false)], "{many}");
        desk.world.ledger_is_proven().await;
    }
}
