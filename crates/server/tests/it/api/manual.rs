//! Manual orders: made here, cancelled here, told to nobody.

use crate::desk::Desk;
use countermand::permissions::Permission;
use domain::ids::OrderId;
use domain::manual::ManualStatus;
use domain::order::List;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;

/// A SKU with units on the shelf, and how many.
async fn shelf(desk: &Desk) -> (String, i64) {
    let stock = desk.read("/api/v1/stock?limit=200").await;
    let rows = stock["stock"].as_array().expect("stock");
    let row = rows.iter().find(|row| row["available"].as_i64() >= Some(5)).expect("a SKU with units");
    (row["merchant_sku"].as_str().expect("a SKU").to_owned(), row["available"].as_i64().expect("units"))
}

async fn available(desk: &Desk, sku: &str) -> i64 {
    desk.read(&format!("/api/v1/stock?sku={sku}")).await["stock"][0]["available"].as_i64().expect("units")
}

fn wish(number: &str, sku: &str, quantity: u32) -> Value {
    let line = json!({"merchant_sku": sku, "quantity": quantity, "unit_price": "12.50"});
    json!({"number": number, "currency": "MYR", "buyer_name": "Somebody", "lines": [line]})
}

async fn packed(desk: &Desk, id: &str) {
    let order = OrderId::parse(id).expect("an id");
    let mut session = desk.app.store.begin().await.expect("begins");
    let to = ManualStatus::Packed;
    let packed =
        desk.app.engine.advance_manual_order(&mut session, &desk.world.merchant, "test", &order, to, None).await;
    assert_eq!(packed.expect("packed").list, List::InProcess);
    session.commit().await.expect("committed");
}

async fn platform_calls(desk: &Desk) -> usize {
    desk.world.control.get("/calls").await["calls"].as_array().expect("calls").len()
}

on_both! {
    async fn a_manual_order_takes_units_and_a_cancel_gives_them_back(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let (sku, before) = shelf(&desk).await;
        let calls = platform_calls(&desk).await;
        let made = desk.post("/api/v1/orders", &wish("A-1", &sku, 2)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let order = made.json();
        assert_eq!((&order["platform"], &order["list"], &order["total"]), (&json!("manual"), &json!("new"), &json!("25.00")));
        assert_eq!(available(&desk, &sku).await, before - 2);
        let twin = desk.post("/api/v1/orders", &wish("A-1", &sku, 1)).await;
        twin.is_problem(422, "invalid_order", "a number that is taken");

        let cancel = json!({"order_id": order["id"], "reason": "buyer_request"});
        let canceled = desk.post("/api/v1/cancellations", &cancel).await;
        assert_eq!(canceled.status, 202, "{}", canceled.text);
        assert_eq!((&canceled.json()["state"], &canceled.json()["cancelled_by"]), (&json!("done"), &json!("seller")));
        let after = desk.read(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"))).await;
        assert_eq!((&after["list"], &after["cancelling"]), (&json!("canceled"), &json!(false)));
        assert_eq!(available(&desk, &sku).await, before);
        desk.post("/api/v1/cancellations", &cancel).await.is_problem(409, "not_cancellable", "cancelled twice");
        assert_eq!(platform_calls(&desk).await, calls, "nobody is told");
        desk.world.ledger_is_proven().await;
    }

    async fn one_in_process_is_cancelled_after_a_void_only(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let (sku, before) = shelf(&desk).await;
        let order = desk.post("/api/v1/orders", &wish("A-2", &sku, 1)).await.json();
        let id = order["id"].as_str().expect("an id");
        packed(&desk, id).await;
        let cancel = json!({"order_id": id, "reason": "other"});
        let refused = desk.post("/api/v1/cancellations", &cancel).await.is_problem(409, "not_cancellable", "in process");
        assert_eq!(refused["blocked_by"], "list");
        let voided = desk.ask(Method::POST, &desk.owner, &format!("/api/v1/orders/{id}/void"), &[], "").await;
        assert_eq!(voided.json()["list"], "voided", "{}", voided.text);
        assert_eq!(desk.post("/api/v1/cancellations", &cancel).await.json()["state"], "done");
        let stock = desk.read(&format!("/api/v1/stock?sku={sku}")).await["stock"][0].clone();
        let came_back = (stock["available"].as_i64(), stock["returning"].as_i64());
        assert_eq!(came_back, (Some(before - 1), Some(1)), "packed: it waits to be put back on the shelf");
        desk.world.ledger_is_proven().await;
    }

    async fn a_table_is_taken_whole_or_not_at_all(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let (sku, before) = shelf(&desk).await;
        let send = async |table: String| desk.ask(Method::POST, &desk.owner, "/api/v1/orders/import", &[], table).await;
        let header = "number,sku,quantity,currency";
        let wrong = send(format!("{header}\nB-1,{sku},1,MYR\nB-2,{sku},none,MYR\n")).await;
        let problem = wrong.is_problem(422, "invalid_table", "a wrong quantity");
        assert!(problem["detail"].as_str().expect("words").contains("row 3, column “quantity”"), "{problem}");
        assert_eq!(available(&desk, &sku).await, before);
        let made = send(format!("{header}\nB-1,{sku},1,MYR\nB-2,{sku},1,MYR\nB-1,{sku},1,MYR\n")).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let lines: Vec<_> = made.json()["orders"].as_array().expect("orders").iter().map(|order| order["lines"].as_array().map(Vec::len)).collect();
        assert_eq!(lines, [Some(2), Some(1)]);
        assert_eq!(available(&desk, &sku).await, before - 3);
        let again = send(format!("{header}\nB-3,{sku},1,MYR\nB-2,{sku},1,MYR\n")).await;
        again.is_problem(422, "invalid_order", "a number that is taken");
        assert_eq!(available(&desk, &sku).await, before - 3, "B-3 was not made either");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_order_is_refused_and_who_may_not_is_turned_away() {
    let desk = Desk::without_workers(store::trial::Trial::sqlite().await, 10).await;
    for (body, code) in [
        (json!({"currency": "MYR", "lines": []}), "invalid_order"),
        (json!({"currency": "ringgit", "lines": []}), "invalid_order"),
        (wish("A-1", "MUG", 0), "invalid_order"),
        (json!({"currency": "MYR"}), "invalid_body"),
    ] {
        desk.post("/api/v1/orders", &body).await.is_problem(422, code, &body.to_string());
    }
    let reader = desk.user("reader@example.com", &[Permission::OrdersRead], None).await;
    let body = wish("A-1", "MUG", 1).to_string();
    let refused = desk.ask(Method::POST, &reader, "/api/v1/orders", &[], body.clone()).await;
    refused.is_problem(403, "forbidden", "may only read");
    let key = [("idempotency-key", "once")];
    let first = desk.ask(Method::POST, &desk.owner, "/api/v1/orders", &key, body.clone()).await;
    let second = desk.ask(Method::POST, &desk.owner, "/api/v1/orders", &key, body).await;
    assert_eq!((first.status.as_u16(), &first.text), (201, &second.text), "one order for one key");
    assert_eq!(first.json()["tab"], "out_of_stock", "nothing of this SKU is on the shelf");
}
