//! A cancel through the API, to its end.

use crate::desk::{Desk, out_of_stock};
use domain::ids::OrderNumber;
use reqwest::Method;
use serde_json::json;
use store::on_both;

on_both! {
    async fn a_cancel_as_out_of_stock_ends_on_the_platform_and_in_the_ledger(trial) {
        let desk = Desk::start(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let id = order["id"].as_str().expect("an id");
        let mut events = desk.events(&desk.owner, None).await;
        let version = order["version"].to_string();
        let headers = [("if-match", version.as_str())];
        let body = out_of_stock(&order).to_string();
        let accepted = desk.ask(Method::POST, &desk.owner, "/api/v1/cancellations", &headers, body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let accepted = accepted.json();
        assert_eq!((&accepted["state"], &accepted["order_id"]), (&json!("requested"), &order["id"]));

        let ended = desk.ended(&mut events, accepted["id"].as_str().expect("an id")).await;
        assert_eq!((&ended["state"], &ended["cancelled_by"]), (&json!("done"), &json!("seller")), "{ended}");
        let number = OrderNumber::parse(order["number"].as_str().expect("a number")).expect("a number");
        let truth = desk.world.control.order(&number).await;
        assert_eq!(truth["status"], "CANCELLED", "{truth}");
        let calls = desk.world.control.get(&format!("/calls?platform=shopee&number={number}")).await;
        let changed = calls["calls"].as_array().expect("calls").iter().filter(|call| call["changed"] == true).count();
        assert_eq!(changed, 1, "{calls}");

        let after = desk.read(&format!("/api/v1/orders/{id}")).await;
        assert_eq!((&after["list"], &after["cancelling"]), (&json!("canceled"), &json!(false)), "{after}");
        let actions: Vec<&str> =
            after["timeline"].as_array().expect("a timeline").iter().filter_map(|it| it["action"].as_str()).collect();
        for action in ["cancellation.requested", "cancellation.sent", "cancellation.done"] {
            assert!(actions.contains(&action), "{actions:?}");
        }
        assert_eq!(after["timeline"][0]["actor"], "owner@example.com", "{after}");
        for line in after["lines"].as_array().expect("lines") {
            let sku = line["merchant_sku"].as_str().expect("a SKU");
            let stock = desk.read(&format!("/api/v1/stock?sku={sku}")).await["stock"][0].clone();
            assert_eq!(stock["count_needed"], line["quantity"], "{stock}");
            let movements = desk.read(&format!("/api/v1/stock/{}/{sku}/movements", stock["warehouse"].as_str().expect("one"))).await;
            assert_eq!((&movements["movements"][0]["to"], &movements["movements"][0]["order_id"]), (&json!("count_needed"), &order["id"]));
            let listings = desk.read(&format!("/api/v1/listings?sku={sku}")).await;
            assert_eq!(listings["listings"][0]["held"], true, "{listings}");
            assert_eq!(desk.world.platform_stock(sku).await, Some(0));
        }
        let again = desk.post("/api/v1/cancellations", &out_of_stock(&order)).await;
        assert_eq!(again.is_problem(409, "not_cancellable", "a second cancel")["blocked_by"], "list");
        let options = desk.read(&format!("/api/v1/orders/{id}/cancellation-options")).await;
        assert_eq!((&options["allowed"], &options["blocked_by"]), (&json!(false), &json!("list")));
        desk.world.ledger_is_proven().await;
    }

    async fn what_the_platform_refuses_is_told_in_its_words(trial) {
        let desk = Desk::start(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let mut events = desk.events(&desk.owner, None).await;
        let advance = format!("/orders/shopee/{}/advance", order["number"].as_str().expect("a number"));
        desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
        let accepted = desk.post("/api/v1/cancellations", &out_of_stock(&order)).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let ended = desk.ended(&mut events, accepted.json()["id"].as_str().expect("an id")).await;
        assert_eq!(ended["state"], "refused", "{ended}");
        assert!(ended["platform_message"].as_str().is_some_and(|words| !words.is_empty()), "{ended}");
        let after = desk.read(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"))).await;
        assert_eq!((&after["list"], &after["cancelling"]), (&json!("shipped"), &json!(false)));
    }

    async fn cancellations_are_paged_newest_first_and_by_state(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let mut asked = Vec::new();
        for order in desk.cancellable(5).await {
            let answer = desk.post("/api/v1/cancellations", &out_of_stock(&order)).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            asked.push(answer.json()["id"].clone());
        }
        asked.reverse();
        let mut seen = Vec::new();
        let mut path = "/api/v1/cancellations?state=requested&limit=2".to_owned();
        loop {
            let page = desk.read(&path).await;
            seen.extend(page["cancellations"].as_array().expect("a page").iter().map(|it| it["id"].clone()));
            match page["next"].as_str() {
                Some(next) => path = format!("/api/v1/cancellations?state=requested&limit=2&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, asked);
        let done = desk.read("/api/v1/cancellations?state=done").await;
        assert_eq!(done["cancellations"].as_array().map(Vec::len), Some(0));
        let needless = desk.post(&format!("/api/v1/cancellations/{}/resolve", asked[0].as_str().expect("an id")), &json!({"as": "retry"})).await;
        needless.is_problem(409, "not_needed", "nothing to resolve");
    }
}
