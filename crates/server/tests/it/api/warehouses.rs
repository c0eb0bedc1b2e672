//! Third-party warehouses through the API: connected, seen beside the buyer's request, decided despite, answered by the staff.

use crate::desk::Desk;
use crate::engine::World;
use domain::order::List;
use domain::warehouse_order::Goods;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::orders::OrderRecord;

/// An order that lies at the warehouse, moved there as far as that, whose buyer asks to cancel.
async fn asked(desk: &Desk, as_far_as: &str) -> (OrderRecord, Value) {
    let control = &desk.world.control;
    let wish = json!({"platform": "shopee", "status": "READY_TO_SHIP", "lines": [{"sku": "MUG-BLU", "quantity": 1}]});
    let made = control.send(Method::POST, "/orders", wish).await;
    let number = made["numbers"][0].as_str().expect("a number").to_owned();
    desk.world.sync().await;
    let new = desk.world.list(List::New, 200).await;
    let order = new.into_iter().find(|order| order.number.as_str() == number).expect("the new order");
    desk.world.run_until_so("the push", async || desk.world.order(&order.id).await.goods == Goods::There).await;
    let moved = json!({"to": as_far_as});
    control.send(Method::POST, &format!("/warehouse/orders/{}-1/advance", order.id), moved).await;
    let wish = json!({"reason": "Others", "ask": true});
    control.send(Method::POST, &format!("/orders/shopee/{number}/buyer-cancel"), wish).await;
    let mut session = desk.world.engine.store().begin().await.expect("begins");
    let (merchant, shop) = (&desk.world.merchant, &desk.world.shop);
    desk.world.engine.nudge(&mut session, merchant, shop, [&order.number]).await.expect("wanted");
    session.commit().await.expect("committed");
    desk.world.run_until_so("the request", async || !request_of(desk, &order).await.is_null()).await;
    let request = request_of(desk, &order).await;
    (order, request)
}

async fn request_of(desk: &Desk, order: &OrderRecord) -> Value {
    let page = desk.read("/api/v1/cancellation-requests?limit=200").await;
    let ours = page["requests"].as_array().expect("requests").iter().find(|one| one["order_id"] == order.id.as_str());
    ours.cloned().unwrap_or(Value::Null)
}

on_both! {
    async fn what_the_warehouse_keeps_is_said_with_whom_to_contact_and_agreed_to_despite_it(trial) {
        let desk = Desk::over(World::at_warehouse(trial, 30, "MUG", false).await).await;
        let (order, request) = asked(&desk, "shipped").await;
        assert_eq!((&request["withdrawal"]["state"], &request["withdrawal"]["contact"]), (&json!("pushed"), &json!("Dock office, 100")));
        let agree = format!("/api/v1/cancellation-requests/{}/agree", request["id"].as_str().expect("an id"));
        assert_eq!(desk.post(&agree, &json!({})).await.status, 202, "the warehouse is asked first");
        desk.world.run_until_so("the refusal", async || request_of(&desk, &order).await["withdrawal"]["state"] == "refused_shipped").await;
        desk.world.run_until_so("the open request", async || request_of(&desk, &order).await["state"] == "open").await;
        let kept = request_of(&desk, &order).await;
        let package = &kept["withdrawal"]["packages"][0];
        assert!(package["tracking_number"].as_str().is_some_and(|number| number.starts_with("FP")), "{kept}");

        let refused = desk.post(&agree, &json!({})).await.is_problem(409, "withdrawal_refused", "kept");
        let detail = refused["detail"].as_str().expect("words");
        assert!(detail.contains("Dock office, 100") && detail.contains(order.number.as_str()), "{detail}");
        let wish = json!({"order_id": order.id.as_str(), "reason": "buyer_requests_cancellation"});
        desk.post("/api/v1/cancellations", &wish).await.is_problem(409, "withdrawal_refused", "the seller's cancel as well");

        let taken = desk.post(&agree, &json!({"despite_warehouse": true})).await;
        assert_eq!(taken.status, 202, "{}", taken.text);
        desk.world.run_until_so("the cancel", async || desk.world.order(&order.id).await.list == List::Canceled).await;
        let log = desk.read(&format!("/api/v1/orders/{}", order.id)).await["timeline"].to_string();
        assert!(log.contains("despite the warehouse"), "{log}");
        let units = json!({"warehouse": "whs_1", "orders": [{"order_id": order.id.as_str()}]});
        let skipped = desk.post("/api/v1/stock-ins", &units).await.json();
        assert_eq!(skipped["skipped"][0]["code"], "at_warehouse", "its units come back by the warehouse's word");
        desk.world.ledger_is_proven().await;
    }

    async fn the_staff_answers_once_by_a_link_without_an_account(trial) {
        let desk = Desk::over(World::at_warehouse(trial, 30, "MUG", false).await).await;
        let (order, _) = asked(&desk, "picked").await;
        let made = desk.post(&format!("/api/v1/orders/{}/warehouse-link", order.id), &json!({})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let path = made["url"].as_str().expect("an address").split_once("/warehouse-answer/").expect("a secret").1.to_owned();
        let address = format!("{}/warehouse-answer/{path}", desk.url);
        let page = desk.client.get(&address).send().await.expect("answered").text().await.expect("a page");
        assert!(page.contains(order.number.as_str()) && page.contains("Stopped"), "{page}");
        let answer = async |word: &str| {
            let form = [("answer", word)];
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            let request = desk.client.post(&address).header("content-type", "application/x-www-form-urlencoded").body(body);
            request.send().await.expect("answered").status().as_u16()
        };
        assert_eq!(answer("maybe").await, 400);
        assert_eq!(answer("stopped").await, 200);
        assert_eq!(answer("gone").await, 404, "a link is taken once");
        let shown = request_of(&desk, &order).await;
        assert_eq!(shown["withdrawal"]["staff_answer"], "stopped");
    }

    async fn an_account_is_tried_before_it_is_kept_and_its_token_never_shown(trial) {
        let desk = Desk::over(World::at_warehouse(trial, 30, "MUG", false).await).await;
        let known = desk.read("/api/v1/warehouses").await;
        assert_eq!((&known["warehouses"][0]["name"], &known["warehouses"][0]["rules"][0]["sku_prefix"]), (&json!("Fake fulfilment"), &json!("MUG")));
        let ready = desk.world.control.get("/").await;
        let token = ready["credentials"]["warehouse"]["token"].as_str().expect("a token").to_owned();
        assert!(!known.to_string().contains(&token));
        let wish = |token: &str, channel: &Value| json!({
            "provider": "shipbob", "name": "Second", "credentials": {"token": token, "channel_id": channel}, "contact": "Gate 3",
            "address": ready["warehouse"],
        });
        let channel = &ready["credentials"]["warehouse"]["channel_id"];
        desk.post("/api/v1/warehouses", &wish("wrong", channel)).await.is_problem(422, "account_not_taken", "a wrong token");
        desk.post("/api/v1/warehouses", &wish(&token, &json!(1))).await.is_problem(422, "account_not_taken", "a wrong channel");
        desk.post("/api/v1/warehouses", &wish(&token, channel)).await.is_problem(409, "already_connected", "twice");
        let address = |problem: &Value| problem["field"] == "address";
        let there = json!({"provider": "generic", "name": "x", "contact": "x", "credentials": {"account": "a", "token": "t"}, "address": "nowhere"});
        assert!(address(&desk.post("/api/v1/warehouses", &there).await.is_problem(422, "invalid_body", "no address")));

        let path = format!("/api/v1/warehouses/{}/destination", known["warehouses"][0]["id"].as_str().expect("an id"));
        let half = desk.post(&path, &json!({"address": "Lot 2"})).await.is_problem(422, "invalid_body", "half of one");
        assert_eq!(half["field"], "destination.city");
        let whole = json!({"address": "Lot 2", "city": "Shah Alam", "province": "", "postal_code": "40150"});
        assert_eq!(desk.post(&path, &whole).await.json()["warehouses"][0]["destination"], whole);
        assert_eq!(desk.read("/api/v1/warehouses").await["warehouses"][0]["destination"], whole, "it is kept");
        assert_eq!(desk.post(&path, &json!({})).await.json()["warehouses"][0]["destination"], Value::Null, "as it was");
        let stranger = desk.stranger().await;
        desk.ask(Method::POST, &stranger, &path, &[], whole.to_string()).await.is_problem(404, "not_found", "another's");
        let theirs = desk.ask(Method::GET, &stranger, "/api/v1/warehouses", &[], "").await.json();
        assert_eq!(theirs["warehouses"], json!([]), "another merchant's");
    }
}
