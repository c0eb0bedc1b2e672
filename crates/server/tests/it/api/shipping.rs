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

    async fn a_print_of_many_names_every_order_that_stands_in_the_way_and_marks_none(trial) {
        let desk = Desk::start(trial, 40).await;
        let all = desk.read("/api/v1/orders?list=new&tab=to_pack&limit=3").await;
        let [packed, bare, canceled] = [0, 1, 2].map(|place: usize| all["orders"][place]["id"].as_str().expect("an id").to_owned());
        assert_eq!(post(&desk, &format!("/api/v1/orders/{packed}/pack")).await.status, 200);
        desk.read_until(&format!("/api/v1/orders/{packed}"), |order| order["tab"] == "printable").await;
        let cancel = desk.post("/api/v1/cancellations", &json!({"order_id": canceled, "reason": "buyer_requests_cancellation"})).await;
        assert_eq!(cancel.status, 202, "{}", cancel.text);
        desk.read_until(&format!("/api/v1/orders/{canceled}"), |order| order["list"] == "canceled").await;

        let path = format!("/api/v1/labels.pdf?order={canceled}&order={packed}&order={bare}&order={bare}");
        let problem = desk.get(&path).await.is_problem(409, "canceled", "the first one's code");
        let refused: Vec<_> = problem["refused"].as_array().expect("all of them").iter().map(|it| (it["order_id"].clone(), it["code"].clone())).collect();
        assert_eq!(refused, [(json!(canceled), json!("canceled")), (json!(bare), json!("no_cached_label"))]);
        assert!(problem["refused"][1]["detail"].as_str().is_some_and(|words| words.contains("there is no cached label yet")), "{problem}");
        let timeline = desk.read(&format!("/api/v1/orders/{packed}")).await["timeline"].to_string();
        assert!(!timeline.contains("label.printed"), "nothing is marked: {timeline}");
        let alone = desk.get(&format!("/api/v1/labels.pdf?order={bare}")).await.is_problem(409, "no_cached_label", "one");
        assert_eq!(alone["refused"].as_array().map(Vec::len), Some(1), "{alone}");
        assert_eq!(desk.get(&format!("/api/v1/labels.pdf?order={packed}")).await.status, 200);
    }
}
