//! Canceled orders stock in: what waits, what comes back, and that no unit comes back twice.

use crate::desk::Desk;
use countermand::permissions::Permission;
use countermand::sheets::Sheet;
use domain::ids::ShopId;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::on_both;
use store::trial::Trial;

/// Ships orders and fails their delivery: their units are on the way back. Answers them as `GET /stock-ins` writes
/// them.
pub(crate) async fn parcels_that_come_back(desk: &Desk, count: usize) -> Vec<Value> {
    let shipped: Vec<_> = desk
        .world
        .cancellable()
        .await
        .into_iter()
        .filter(|order| order.lines.iter().all(|line| line.stock.allocated == line.quantity))
        .take(count)
        .collect();
    assert_eq!(shipped.len(), count, "the sandbox has that many orders to cancel");
    let sent: Vec<_> = shipped.iter().map(|order| order.number.clone()).collect();
    desk.world.advance(&sent, "SHIPPED").await;
    desk.world.advance(&sent, "CANCELLED").await;
    let numbers: Vec<&str> = shipped.iter().map(|order| order.number.as_str()).collect();
    let is_ours = |order: &Value| numbers.contains(&order["number"].as_str().expect("a number"));
    let (mut ours, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.read(&format!("/api/v1/stock-ins?state=pending&limit=200&cursor={cursor}")).await;
        ours.extend(page["orders"].as_array().expect("orders").iter().filter(|order| is_ours(order)).cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(ours.len(), count, "{ours:?}");
    ours
}

/// What the ledger has of every SKU, by bucket.
async fn balances(desk: &Desk) -> BTreeMap<(String, String), i64> {
    let stock = desk.read("/api/v1/stock?limit=200").await;
    let mut found = BTreeMap::new();
    for row in stock["stock"].as_array().expect("stock") {
        for bucket in ["available", "defective", "lost", "returning"] {
            let sku = row["merchant_sku"].as_str().expect("a SKU").to_owned();
            *found.entry((sku, bucket.to_owned())).or_default() += row[bucket].as_i64().expect("units");
        }
    }
    found
}

fn sum(balances: &BTreeMap<(String, String), i64>, bucket: &str) -> i64 {
    balances.iter().filter(|((_, of), _)| of == bucket).map(|(_, units)| units).sum()
}

fn line(order: &Value, sellable: u64, defective: u64, missing: u64) -> Value {
    let first = &order["lines"][0];
    json!({
        "line_id": first["line_id"], "merchant_sku": first["merchant_sku"], "expected": first["expected"],
        "sellable": sellable, "defective": defective, "missing": missing,
    })
}

async fn stock_in(desk: &Desk, order: &Value, lines: &[Value]) -> Value {
    let body = json!({"warehouse": "whs_1", "orders": [{"order_id": order["order_id"], "lines": lines}]});
    let answer = desk.post("/api/v1/stock-ins", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

on_both! {
    async fn a_parcel_comes_back_in_several_visits_and_each_unit_once(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = parcels_that_come_back(&desk, 6).await;
        let order = orders.iter().max_by_key(|order| order["units"].as_u64()).expect("one");
        let before = balances(&desk).await;
        assert_eq!(order["lines"][0]["warehouse"], "whs_1");

        let first = stock_in(&desk, order, &[line(order, 1, 0, 0)]).await;
        assert_eq!((&first["stocked_in"][0]["units"], first["skipped"].as_array().map(Vec::len)), (&json!(1), Some(0)));
        let stale = stock_in(&desk, order, &[line(order, 1, 0, 0)]).await;
        assert_eq!(stale["skipped"][0]["code"], "expected_changed", "the form showed what is not true any more: {stale}");
        let whole = json!({"warehouse": "whs_1", "orders": [{"order_id": order["order_id"]}]});
        let rest = desk.post("/api/v1/stock-ins", &whole).await.json();
        let units = order["units"].as_u64().expect("units");
        assert!(units > 1, "one visit leaves something for the next");
        assert_eq!(rest["stocked_in"][0]["units"], units - 1, "{rest}");
        let again = desk.post("/api/v1/stock-ins", &whole).await.json();
        assert_eq!(again["skipped"][0]["code"], "nothing_returning", "{again}");
        let after = balances(&desk).await;
        let units = i64::try_from(units).expect("few");
        assert_eq!(sum(&after, "available"), sum(&before, "available") + units);
        assert_eq!(sum(&after, "returning"), sum(&before, "returning") - units);
        let read = desk.read(&format!("/api/v1/orders/{}", order["order_id"].as_str().expect("an id"))).await;
        assert_eq!((&read["list"], &read["tab"]), (&json!("canceled"), &json!("stocked_in")));
        desk.world.ledger_is_proven().await;
    }

    async fn what_is_broken_or_missing_is_not_sold_and_what_turns_up_is(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = parcels_that_come_back(&desk, 3).await;
        let before = balances(&desk).await;
        stock_in(&desk, &orders[0], &[line(&orders[0], 0, 1, 0)]).await;
        let missing = stock_in(&desk, &orders[1], &[line(&orders[1], 0, 0, 1)]).await;
        assert_eq!(missing["stocked_in"][0]["units"], 1, "{missing}");
        let after = balances(&desk).await;
        assert_eq!(sum(&after, "available"), sum(&before, "available"));
        assert_eq!(sum(&after, "defective"), sum(&before, "defective") + 1);
        assert_eq!(sum(&after, "lost"), sum(&before, "lost") + 1);
        let first = &orders[1]["lines"][0];
        let found = json!({"line_id": first["line_id"], "merchant_sku": first["merchant_sku"], "found": 1});
        let found = stock_in(&desk, &orders[1], std::slice::from_ref(&found)).await;
        assert_eq!(found["stocked_in"][0]["units"], 1, "{found}");
        let twice = json!({"line_id": first["line_id"], "merchant_sku": first["merchant_sku"], "found": 1});
        let twice = stock_in(&desk, &orders[1], &[twice]).await;
        assert!(["too_many_units", "nothing_returning"].iter().any(|code| twice["skipped"][0]["code"] == *code), "{twice}");
        let last = balances(&desk).await;
        assert_eq!(sum(&last, "available"), sum(&before, "available") + 1);
        assert_eq!(sum(&last, "lost"), sum(&before, "lost"));
        desk.world.ledger_is_proven().await;
    }

    async fn a_stock_in_is_taken_back_once_and_with_a_reason(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = parcels_that_come_back(&desk, 2).await;
        let before = balances(&desk).await;
        let done = stock_in(&desk, &orders[0], &[line(&orders[0], 1, 0, 0)]).await;
        let path = format!("/api/v1/stock-ins/{}/undo", done["stocked_in"][0]["stock_in_id"].as_str().expect("an id"));
        desk.post(&path, &json!({"reason": " "})).await.is_problem(422, "invalid_body", "no reason");
        let undone = desk.post(&path, &json!({"reason": "wrong shelf"})).await;
        assert_eq!(undone.status, 200, "{}", undone.text);
        assert_eq!(undone.json()["undone_why"], "wrong shelf");
        assert_eq!(balances(&desk).await, before);
        desk.post(&path, &json!({"reason": "again"})).await.is_problem(409, "already_undone", "taken back twice");
        let again = stock_in(&desk, &orders[0], &[line(&orders[0], 1, 0, 0)]).await;
        assert_eq!(again["stocked_in"][0]["units"], 1, "what was taken back waits again: {again}");
        desk.post("/api/v1/stock-ins/sin_unknown/undo", &json!({"reason": "x"})).await.is_problem(404, "not_found", "unknown");
        desk.world.ledger_is_proven().await;
    }

    async fn the_same_request_sent_again_gets_the_first_receipt(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = parcels_that_come_back(&desk, 2).await;
        let ids: Vec<Value> = orders.iter().map(|order| json!({"order_id": order["order_id"]})).collect();
        let body = json!({"warehouse": "whs_1", "orders": ids}).to_string();
        let key = [("idempotency-key", "visit 1")];
        let first = desk.ask(Method::POST, &desk.owner, "/api/v1/stock-ins", &key, body.clone()).await;
        let again = desk.ask(Method::POST, &desk.owner, "/api/v1/stock-ins", &key, body).await;
        assert_eq!((first.status, &first.text), (again.status, &again.text));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(first.json()["stocked_in"].as_array().map(Vec::len), Some(2));
        desk.world.ledger_is_proven().await;
    }

    async fn another_warehouse_takes_the_units_in_and_every_sum_holds(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        desk.warehouse("whs_2", "Returns").await;
        let orders = parcels_that_come_back(&desk, 1).await;
        let before = balances(&desk).await;
        let body = json!({"warehouse": "whs_2", "orders": [{"order_id": orders[0]["order_id"]}]});
        let done = desk.post("/api/v1/stock-ins", &body).await.json();
        let units = done["stocked_in"][0]["units"].as_i64().expect("units");
        let there = desk.read("/api/v1/stock?warehouse=whs_2").await;
        let shelved: i64 = there["stock"].as_array().expect("stock").iter().map(|row| row["available"].as_i64().expect("units")).sum();
        assert_eq!(shelved, units, "{there}");
        assert_eq!(sum(&balances(&desk).await, "returning"), sum(&before, "returning") - units);
        desk.world.ledger_is_proven().await;
        let path = format!("/api/v1/stock-ins/{}/undo", done["stocked_in"][0]["stock_in_id"].as_str().expect("an id"));
        assert_eq!(desk.post(&path, &json!({"reason": "wrong warehouse"})).await.status, 200);
        assert_eq!(sum(&balances(&desk).await, "returning"), sum(&before, "returning"));
        desk.world.ledger_is_proven().await;
    }

    async fn a_selection_is_stocked_in_in_the_background(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = parcels_that_come_back(&desk, 5).await;
        let waiting = desk.read("/api/v1/stock-ins?limit=200").await["orders"].as_array().map_or(0, Vec::len);
        let body = json!({"warehouse": "whs_1", "query": {"platform": "shopee"}});
        let accepted = desk.post("/api/v1/stock-ins", &body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let accepted = accepted.json();
        assert_eq!(accepted["total"], waiting);
        let path = format!("/api/v1/batches/{}", accepted["batch_id"].as_str().expect("an id"));
        assert_eq!(desk.read(&path).await["waiting"], waiting);
        // One of them is worked on before its turn.
        stock_in(&desk, &orders[0], &[line(&orders[0], 1, 0, 0)]).await;
        while desk.world.engine.run_due().await.expect("a tick") > 0 {}
        let ended = desk.read(&path).await;
        assert_eq!((&ended["done"], &ended["refused"], &ended["waiting"]), (&json!(waiting - 1), &json!(1), &json!(0)), "{ended}");
        assert_eq!(ended["orders"][0]["order_id"], orders[0]["order_id"], "{ended}");
        // The file has every order, those that are done as well.
        let file = desk.client.get(format!("{}{path}/result.xlsx", desk.url)).bearer_auth(&desk.owner).send().await.expect("answered");
        assert_eq!(file.status().as_u16(), 200);
        let sheet = Sheet::parse(&file.bytes().await.expect("bytes")).expect("a table");
        let [id, result, units, receipt] = ["order id", "result", "units", "stock-in id"].map(|name| sheet.needed(name).expect("a column"));
        assert_eq!(sheet.rows().len(), waiting);
        for row in sheet.rows() {
            let skipped = orders[0]["order_id"] == row.cell(id);
            assert_eq!(row.cell(result), if skipped { "skipped" } else { "done" });
            assert_eq!((row.cell(units).is_empty(), row.cell(receipt).starts_with("sin_")), (skipped, !skipped));
        }
        let left = desk.read("/api/v1/stock-ins?limit=200").await;
        assert!(left["orders"].as_array().is_some_and(|left| left.len() <= 1), "{left}");
        desk.world.ledger_is_proven().await;
    }

    /// The traps 1, 2 and 10 of the double-restock bugs that others had: many clients, retries, and every unit once.
    async fn restocked_twice_by_repeated_and_concurrent_requests_cannot_happen(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = parcels_that_come_back(&desk, 20).await;
        let before = balances(&desk).await;
        let units: i64 = orders.iter().map(|order| order["units"].as_i64().expect("units")).sum();
        let ids: Vec<Value> = orders.iter().map(|order| json!({"order_id": order["order_id"]})).collect();
        let calls = (0..50).map(|client| {
            // Each names them in another order, and half of them repeat themselves.
            let mut ids = ids.clone();
            ids.rotate_left(client % 20);
            let body = json!({"warehouse": "whs_1", "orders": ids});
            let desk = &desk;
            async move {
                let mut told = 0;
                for _ in 0..=(client % 2) {
                    let answer = desk.post("/api/v1/stock-ins", &body).await;
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    told += answer.json()["stocked_in"].as_array().expect("a list").iter().map(|it| it["units"].as_i64().expect("units")).sum::<i64>();
                }
                told
            }
        });
        let told: i64 = futures_util::future::join_all(calls).await.into_iter().sum();
        assert_eq!(told, units, "each unit is told of once");
        let after = balances(&desk).await;
        assert_eq!(sum(&after, "available"), sum(&before, "available") + units);
        assert_eq!(sum(&after, "returning"), sum(&before, "returning") - units);
        desk.world.ledger_is_proven().await;
    }
}

on_both! {
    async fn a_count_settles_what_was_said_not_to_exist_and_lifts_the_hold(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let order = desk.world.cancellable().await.into_iter().find(|order| order.lines.iter().all(|line| line.stock.allocated == line.quantity)).expect("an allocated one");
        let sku = order.lines[0].merchant_sku.clone();
        let chosen = store::cancellations::ChosenLine { line_id: order.lines[0].id.to_string(), quantity: order.lines[0].quantity };
        let record = desk.world.cancel(&order, "out_of_stock", &[chosen]).await;
        desk.world.run_until_ended(std::slice::from_ref(&record)).await;
        assert!(desk.world.is_held(&sku).await);
        let stock = async || desk.read(&format!("/api/v1/stock?sku={sku}")).await["stock"][0].clone();
        let before = stock().await;
        assert!(before["count_needed"].as_i64() > Some(0), "{before}");
        let path = format!("/api/v1/stock/whs_1/{sku}/adjustments");
        let promised = before["allocated"].as_i64().expect("units") + before["reserved"].as_i64().expect("units");
        if promised > 0 {
            desk.post(&path, &json!({"as": "count", "units": 0})).await.is_problem(409, "promised", "fewer than promised");
        }
        let counted = desk.post(&path, &json!({"as": "count", "units": promised + 5, "note": "shelf 3"})).await;
        assert_eq!(counted.status, 200, "{}", counted.text);
        let counted = counted.json();
        assert_eq!((&counted["available"], &counted["count_needed"]), (&json!(5), &json!(0)), "{counted}");
        assert!(!desk.world.is_held(&sku).await, "a count lifts the hold");
        desk.world.ledger_is_proven().await;
        // Counted again, nothing moves.
        let again = desk.post(&path, &json!({"as": "count", "units": promised + 5})).await.json();
        assert_eq!(again, counted);
    }

    async fn units_are_brought_in_taken_out_and_carried_over_and_never_below_zero(trial) {
        let desk = Desk::without_workers(trial, 20).await;
        desk.warehouse("whs_2", "Returns").await;
        let path = "/api/v1/stock/whs_1/A%20NEW%20SKU/adjustments";
        let key = [("idempotency-key", "delivery 1")];
        let body = json!({"as": "in", "units": 7}).to_string();
        for _ in 0..2 {
            let answer = desk.ask(Method::POST, &desk.owner, path, &key, body.clone()).await;
            assert_eq!(answer.json()["available"], 7, "once: {}", answer.text);
        }
        assert_eq!(desk.post(path, &json!({"as": "in", "units": 2, "defective": true})).await.json()["defective"], 2);
        assert_eq!(desk.post(path, &json!({"as": "transfer", "units": 3, "to": "whs_2"})).await.json()["available"], 4);
        assert_eq!(desk.post(path, &json!({"as": "out", "units": 4})).await.json()["available"], 0);
        let there = desk.read("/api/v1/stock?warehouse=whs_2").await;
        assert_eq!(there["stock"][0]["available"], 3, "{there}");
        for (body, status, code) in [
            (json!({"as": "out", "units": 1}), 409, "not_enough"),
            (json!({"as": "out", "units": 3, "defective": true}), 409, "not_enough"),
            (json!({"as": "transfer", "units": 1, "to": "whs_2"}), 409, "not_enough"),
            (json!({"as": "transfer", "units": 1, "to": "whs_1"}), 422, "invalid_body"),
            (json!({"as": "transfer", "units": 1, "to": "whs_9"}), 422, "unknown_warehouse"),
            (json!({"as": "transfer", "units": 1}), 422, "invalid_body"),
            (json!({"as": "in", "units": 0}), 422, "invalid_body"),
            (json!({"as": "nonsense", "units": 1}), 422, "invalid_body"),
        ] {
            desk.post(path, &body).await.is_problem(status, code, &body.to_string());
        }
        desk.post("/api/v1/stock/whs_9/X/adjustments", &json!({"as": "in", "units": 1})).await.is_problem(422, "unknown_warehouse", "elsewhere");
        desk.world.ledger_is_proven().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_found_by_its_filters() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let orders = parcels_that_come_back(&desk, 3).await;
    let number = orders[0]["number"].as_str().expect("a number");
    let count = async |query: &str| {
        let page = desk.read(&format!("/api/v1/stock-ins?limit=200&{query}")).await;
        page["orders"].as_array().map_or(0, Vec::len)
    };
    let all = count("").await;
    assert!(all >= 3);
    assert_eq!(orders[0]["status_before"], "SHIPPED", "{}", orders[0]);
    for (query, found) in [
        (format!("q={number}"), 1),
        ("platform=lazada".to_owned(), 0),
        ("shop=shp_1".to_owned(), all),
        ("shop=shp_2".to_owned(), 0),
        ("status_before=SHIPPED".to_owned(), 3),
        ("cancelled_by=platform".to_owned(), 3),
        ("units=1000".to_owned(), 0),
        ("days=300".to_owned(), 0),
        ("claimed=true".to_owned(), 0),
        ("from=2090-01-01T00:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(count(&query).await, found, "{query}");
    }
    let first = desk.read("/api/v1/stock-ins?limit=1").await;
    let next = first["next"].as_str().expect("more follow");
    let second = desk.read(&format!("/api/v1/stock-ins?limit=1&cursor={next}")).await;
    assert_ne!(first["orders"][0]["order_id"], second["orders"][0]["order_id"]);
    for query in ["state=done", "platform=nope", "cancelled_by=nobody", "days=x", "cursor=zz", "typo=1"] {
        desk.get(&format!("/api/v1/stock-ins?{query}")).await.is_problem(400, "bad_parameter", query);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_stocks_in_what_they_may_not_see() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let orders = parcels_that_come_back(&desk, 1).await;
    let before = balances(&desk).await;
    let body = json!({"warehouse": "whs_1", "orders": [{"order_id": orders[0]["order_id"]}, {"order_id": "no id"}]});
    let elsewhere = vec![ShopId::parse("shp_9").expect("an id")];
    let other = desk.user("other@example.com", Permission::ALL, Some(elsewhere)).await;
    let answer = desk.ask(Method::POST, &other, "/api/v1/stock-ins", &[], body.to_string()).await.json();
    assert_eq!(answer["skipped"].as_array().map(Vec::len), Some(2), "{answer}");
    assert!(answer["skipped"].as_array().expect("a list").iter().all(|it| it["code"] == "not_found"), "{answer}");
    let query = json!({"warehouse": "whs_1", "query": {}});
    let batch = desk.ask(Method::POST, &other, "/api/v1/stock-ins", &[], query.to_string()).await.json();
    assert_eq!(batch["total"], 0, "{batch}");
    let stranger = desk.stranger().await;
    let answer = desk.ask(Method::POST, &stranger, "/api/v1/stock-ins", &[], body.to_string()).await;
    answer.is_problem(422, "unknown_warehouse", "a warehouse of somebody else");
    assert_eq!(balances(&desk).await, before);
    for (body, code) in [
        (json!({"warehouse": "whs_1"}), "invalid_body"),
        (json!({"warehouse": "whs_1", "orders": []}), "invalid_body"),
        (json!({"warehouse": "whs_1", "orders": [], "query": {}}), "invalid_body"),
        (json!({"warehouse": "whs_9", "orders": [{"order_id": "x"}]}), "unknown_warehouse"),
    ] {
        desk.post("/api/v1/stock-ins", &body).await.is_problem(422, code, &body.to_string());
    }
}
