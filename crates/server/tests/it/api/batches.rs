//! Bulk cancel: the plan, and batches through their whole course.

use crate::desk::{Desk, Events};
use countermand::permissions::{Permission, Role};
use domain::ids::ShopId;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::trial::Trial;

const REASON: &str = "buyer_requests_cancellation";

fn ids(orders: &[Value]) -> Vec<Value> {
    orders.iter().map(|order| order["id"].clone()).collect()
}

fn number(batch: &Value, state: &str) -> u64 {
    batch[state].as_u64().unwrap_or_else(|| panic!("{state}: {batch}"))
}

/// The batch, whose numbers add up.
async fn batch(desk: &Desk, id: &str) -> Value {
    let batch = desk.read(&format!("/api/v1/batches/{id}")).await;
    adds_up(&batch);
    batch
}

fn adds_up(batch: &Value) {
    let states = ["waiting", "running", "done", "refused", "needs_attention", "stopped"];
    assert_eq!(states.iter().map(|state| number(batch, state)).sum::<u64>(), number(batch, "total"), "{batch}");
}

async fn begin(desk: &Desk, body: &Value) -> String {
    let answer = desk.post("/api/v1/cancellations/bulk", body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.json()["batch_id"].as_str().expect("an id").to_owned()
}

/// The batch once every order has ended; told by the event stream, which must have been open before it began.
async fn ended(desk: &Desk, events: &mut Events, id: &str) -> Value {
    loop {
        let batch = batch(desk, id).await;
        if number(&batch, "done") + number(&batch, "refused") + number(&batch, "stopped") == number(&batch, "total") {
            return batch;
        }
        events.next().await;
    }
}

async fn act(desk: &Desk, id: &str, act: &str) -> Value {
    let answer = desk.ask(Method::POST, &desk.owner, &format!("/api/v1/batches/{id}/{act}"), &[], "").await;
    assert_eq!(answer.status, 200, "{act}: {}", answer.text);
    adds_up(&answer.json());
    answer.json()
}

async fn shipped_on_the_platform(desk: &Desk, order: &Value) {
    let advance = format!("/orders/shopee/{}/advance", order["number"].as_str().expect("a number"));
    desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
}

on_both! {
    async fn a_selection_is_canceled_order_by_order_each_with_its_own_result(trial) {
        let desk = Desk::start(trial, 60).await;
        let orders = desk.cancellable(5).await;
        shipped_on_the_platform(&desk, &orders[1]).await;
        let mut events = desk.events(&desk.owner, None).await;
        let id = begin(&desk, &json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}})).await;
        let ended = ended(&desk, &mut events, &id).await;
        assert_eq!((number(&ended, "done"), number(&ended, "refused")), (4, 1), "{ended}");
        assert_eq!(ended["state"], "finished");
        for order in ended["orders"].as_array().expect("orders") {
            let expected = if order["order_id"] == orders[1]["id"] { "refused" } else { "done" };
            assert_eq!(order["state"], expected, "{order}");
            assert!(order["message"].as_str().is_some_and(|message| !message.is_empty()), "{order}");
        }
        for order in &orders {
            desk.world.control.check_calls(order["number"].as_str().expect("a number")).await;
        }
        let page = desk.read(&format!("/api/v1/batches/{id}?state=refused")).await;
        assert_eq!(page["orders"].as_array().map(Vec::len), Some(1));
        desk.world.ledger_is_proven().await;
    }

    async fn a_paused_batch_sends_nothing_until_it_is_resumed_even_over_a_restart(trial) {
        let mut desk = Desk::without_workers(trial, 60).await;
        let orders = desk.cancellable(6).await;
        let id = begin(&desk, &json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}})).await;
        // Half a step: the cancels are asked for, and nothing is sent yet.
        for due in desk.world.engine.due(store::jobs::Kind::Batch).await.expect("due") {
            desk.world.engine.tick(&due, store::jobs::Kind::Batch).await.expect("a tick");
        }
        assert_eq!(number(&batch(&desk, &id).await, "running"), 6);
        assert_eq!(act(&desk, &id, "pause").await["state"], "paused");
        let sent = changes(&desk).await;
        while desk.world.engine.run_due().await.expect("a tick") > 0 {}
        desk.restart().await;
        while desk.world.engine.run_due().await.expect("a tick") > 0 {}
        assert_eq!(changes(&desk).await, sent, "nothing was sent");
        assert_eq!(batch(&desk, &id).await["state"], "paused");

        let mut events = desk.events(&desk.owner, None).await;
        assert_eq!(act(&desk, &id, "resume").await["state"], "running");
        tokio::spawn(countermand::workers::run(desk.app.clone()));
        let ended = ended(&desk, &mut events, &id).await;
        assert_eq!(number(&ended, "done"), 6, "{ended}");
    }

    async fn a_stopped_batch_takes_back_what_it_had_not_sent(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let orders = desk.cancellable(4).await;
        let sku = orders[0]["lines"][0]["merchant_sku"].as_str().expect("a SKU").to_owned();
        let body = json!({"order_ids": ids(&orders), "reasons": {"shopee": "out_of_stock"}, "merchant_skus": skus(&orders)});
        let id = begin(&desk, &body).await;
        for due in desk.world.engine.due(store::jobs::Kind::Batch).await.expect("due") {
            desk.world.engine.tick(&due, store::jobs::Kind::Batch).await.expect("a tick");
        }
        let merchant_sku = domain::ids::MerchantSku::parse(sku).expect("a SKU");
        assert!(desk.world.is_held(&merchant_sku).await);
        let sent = changes(&desk).await;
        act(&desk, &id, "stop").await;
        while desk.world.engine.run_due().await.expect("a tick") > 0 {}
        let stopped = batch(&desk, &id).await;
        assert_eq!((stopped["state"].as_str(), number(&stopped, "stopped")), (Some("stopped"), 4), "{stopped}");
        assert_eq!(changes(&desk).await, sent, "the platform was told nothing");
        assert!(!desk.world.is_held(&merchant_sku).await, "the holds are lifted");
        for order in &orders {
            let now = desk.read(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"))).await;
            assert_eq!((&now["cancelling"], &now["list"]), (&json!(false), &json!("new")));
        }
        let resumed = desk.ask(Method::POST, &desk.owner, &format!("/api/v1/batches/{id}/resume"), &[], "").await;
        resumed.is_problem(409, "conflict", "resumed after a stop");
    }

    async fn only_what_was_refused_is_tried_again(trial) {
        let desk = Desk::start(trial, 60).await;
        let orders = desk.cancellable(3).await;
        let voided = json!({"order_ids": [orders[2]["id"]]});
        // Held by the platform for a moment: refused now, possible later.
        let answers = json!({"platform": "shopee", "rate": 0.0, "kinds": []});
        desk.world.control.send(Method::PUT, "/faults", answers).await;
        let first = desk.post("/api/v1/cancellations", &json!({"order_id": orders[0]["id"], "reason": REASON})).await;
        assert_eq!(first.status, 202, "{}", first.text);
        assert_eq!(desk.post("/api/v1/orders/void", &voided).await.status, 200);
        let mut events = desk.events(&desk.owner, None).await;
        let id = begin(&desk, &json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}})).await;
        let over = ended(&desk, &mut events, &id).await;
        let again = number(&over, "refused");
        assert!(again >= 1, "the one that is being canceled already: {over}");
        let done = number(&over, "done");
        let retried = act(&desk, &id, "retry-failed").await;
        assert_eq!(number(&retried, "waiting") + number(&retried, "running") + number(&retried, "refused"), again, "{retried}");
        assert_eq!(number(&retried, "done"), done, "what is done stays done");
        let over = ended(&desk, &mut events, &id).await;
        assert_eq!(over["state"], "finished");
    }
}

fn skus(orders: &[Value]) -> Vec<Value> {
    orders
        .iter()
        .flat_map(|order| order["lines"].as_array().expect("lines"))
        .map(|line| line["merchant_sku"].clone())
        .collect()
}

/// How many calls have changed something on the platform.
async fn changes(desk: &Desk) -> usize {
    let calls = desk.world.control.get("/calls?platform=shopee").await;
    calls["calls"].as_array().expect("calls").iter().filter(|call| call["changed"] == true).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_goes_what_cannot_and_why_and_changes_nothing() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let before = desk.read("/api/v1/orders/counts").await;
    let body = json!({"query": {}, "reasons": {"shopee": REASON}});
    let answer = desk.post("/api/v1/cancellations/plan", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let plan = answer.json();
    assert_eq!(plan["total"], 60, "{plan}");
    let cannot: u64 =
        plan["cannot"].as_array().expect("groups").iter().map(|it| it["orders"].as_u64().expect("a count")).sum();
    assert_eq!(plan["goes"].as_u64().expect("a count") + cannot, 60, "{plan}");
    for group in plan["cannot"].as_array().expect("groups") {
        let examples = group["examples"].as_array().expect("examples");
        assert!(!examples.is_empty() && examples.len() <= 3, "{group}");
        let order = examples[0]["order_id"].as_str().expect("an id");
        let options = desk.read(&format!("/api/v1/orders/{order}/cancellation-options")).await;
        assert_eq!(
            (&options["blocked_by"], &options["detail"]),
            (&group["code"], &group["detail"]),
            "as the dialog says it"
        );
    }
    let rate = &plan["shops"][0]["rate"];
    assert_eq!(
        (&rate["unit"], &rate["from_days"], &rate["certainty"]),
        (&json!("orders"), &json!(7), &json!("X")),
        "{plan}"
    );
    assert_eq!(rate["thresholds"][0]["points"], Value::Null, "sources disagree about points, so none are named");
    assert!(rate["note"].as_str().is_some_and(|note| note.contains("disputed")), "{rate}");
    assert!(rate["canceled_after"].as_u64() >= rate["canceled_before"].as_u64());
    assert_eq!(desk.read("/api/v1/orders/counts").await, before);

    let asking = json!({"query": {"list": "new"}, "reasons": {"shopee": "out_of_stock"}});
    let plan = desk.post("/api/v1/cancellations/plan", &asking).await.json();
    assert_eq!(plan["goes"], 0, "products are to be chosen first");
    assert!(plan["cannot"].as_array().expect("groups").iter().any(|group| group["code"] == "lines_required"));
    let sku = plan["products"][0]["merchant_sku"].clone();
    let chosen = json!({"query": {"list": "new"}, "reasons": {"shopee": "out_of_stock"}, "merchant_skus": [sku]});
    let chosen = desk.post("/api/v1/cancellations/plan", &chosen).await.json();
    assert_eq!(chosen["goes"], plan["products"][0]["orders"], "{chosen}");
    assert!(chosen["units"]["count_needed"].as_u64().is_some_and(|units| units > 0), "{chosen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_begun_says_why_and_leaves_nothing_behind() {
    let desk = Desk::without_workers(Trial::sqlite().await, 40).await;
    let orders = desk.cancellable(1).await;
    let id = &orders[0]["id"];
    let good = json!({"shopee": REASON});
    for (body, status, code) in [
        (json!({"reasons": good}), 422, "invalid_body"),
        (json!({"order_ids": [id], "query": {}, "reasons": good}), 422, "invalid_body"),
        (json!({"order_ids": [], "reasons": good}), 422, "empty_selection"),
        (json!({"query": {"q": "nothing-like-this"}, "reasons": good}), 422, "empty_selection"),
        (json!({"query": {"colour": "red"}, "reasons": good}), 400, "bad_parameter"),
        (json!({"query": {"list": {"a": 1}}, "reasons": good}), 400, "bad_parameter"),
        (json!({"query": {"list": "nowhere"}, "reasons": good}), 400, "bad_parameter"),
        (json!({"order_ids": [id, "ord_unknown"], "reasons": good}), 404, "not_found"),
        (json!({"order_ids": [id]}), 422, "reason_not_offered"),
        (json!({"order_ids": [id], "reasons": {"shopee": "bad_weather"}}), 422, "reason_not_offered"),
        (json!({"order_ids": [id], "reasons": {"amazon": "out_of_stock"}}), 422, "invalid_body"),
        (json!({"order_ids": [id], "reasons": {"shopee": "out_of_stock"}}), 422, "lines_required"),
        (json!({"order_ids": [id], "reasons": good, "ceiling": 101}), 422, "invalid_body"),
        (json!({"order_ids": [id], "reasons": good, "ceiling": true}), 422, "invalid_body"),
        (json!({"order_ids": [id], "reasons": good, "colour": "red"}), 422, "invalid_body"),
    ] {
        desk.post("/api/v1/cancellations/bulk", &body).await.is_problem(status, code, &body.to_string());
    }
    let log = desk.read("/api/v1/audit/log?action=batch").await;
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(0));
    for act in ["pause", "resume", "stop", "retry-failed"] {
        let answer = desk.ask(Method::POST, &desk.owner, &format!("/api/v1/batches/bat_x/{act}"), &[], "").await;
        answer.is_problem(404, "not_found", act);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_begins_one_batch() {
    let desk = Desk::without_workers(Trial::sqlite().await, 40).await;
    let body = json!({"order_ids": ids(&desk.cancellable(2).await), "reasons": {"shopee": REASON}});
    let key = [("idempotency-key", "bulk-1")];
    let path = "/api/v1/cancellations/bulk";
    let first = desk.ask(Method::POST, &desk.owner, path, &key, body.to_string()).await;
    let second = desk.ask(Method::POST, &desk.owner, path, &key, body.to_string()).await;
    assert_eq!((first.status.as_u16(), &first.text), (202, &second.text));
    let other = json!({"query": {"list": "new"}, "reasons": {"shopee": REASON}});
    let reused = desk.ask(Method::POST, &desk.owner, path, &key, other.to_string()).await;
    reused.is_problem(409, "idempotency_key_reused", "another body");
    let log = desk.read("/api/v1/audit/log?action=batch.begun").await;
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_cancels_or_sees_beyond_their_shops() {
    let desk = Desk::without_workers(Trial::sqlite().await, 40).await;
    let orders = desk.cancellable(1).await;
    let elsewhere = Some(vec![ShopId::parse("shp_other").expect("an id")]);
    let narrow = desk.user("narrow@example.com", Role::Agent.permissions(), elsewhere).await;
    let path = "/api/v1/cancellations/bulk";
    let all = json!({"query": {}, "reasons": {"shopee": REASON}}).to_string();
    let one = json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}}).to_string();
    for token in [&narrow, &desk.stranger().await] {
        desk.ask(Method::POST, token, path, &[], all.clone()).await.is_problem(
            422,
            "empty_selection",
            "all that they see",
        );
        desk.ask(Method::POST, token, path, &[], one.clone()).await.is_problem(404, "not_found", "another's order");
    }
    let id = begin(&desk, &json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}})).await;
    for path in [format!("/api/v1/batches/{id}"), format!("/api/v1/batches/{id}/result.xlsx")] {
        desk.ask(Method::GET, &narrow, &path, &[], "").await.is_problem(404, "not_found", &path);
    }
    let pause = format!("/api/v1/batches/{id}/pause");
    desk.ask(Method::POST, &narrow, &pause, &[], "").await.is_problem(404, "not_found", "another's batch");
    let reader = desk.user("reader@example.com", &[Permission::OrdersRead], None).await;
    desk.ask(Method::POST, &reader, &pause, &[], "").await.is_problem(403, "forbidden", "reading is not cancelling");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ceiling_stops_a_batch_before_the_shop_s_rate_is_above_it() {
    let desk = Desk::start(Trial::sqlite().await, 120).await;
    let body = json!({"query": {"list": "new"}, "reasons": {"shopee": REASON}});
    let rate = desk.post("/api/v1/cancellations/plan", &body).await.json()["shops"][0]["rate"].clone();
    let (ordered, canceled) =
        (rate["ordered"].as_f64().expect("a count"), rate["canceled_before"].as_f64().expect("a count"));
    assert!(
        rate["canceled_after"].as_f64().expect("a count") > canceled + 3.0,
        "the selection is larger than the ceiling: {rate}"
    );
    let ceiling = (canceled + 3.0) / ordered * 100.0;
    let mut events = desk.events(&desk.owner, None).await;
    let body = json!({"query": {"list": "new"}, "reasons": {"shopee": REASON}, "ceiling": format!("{ceiling:.2}")});
    let id = begin(&desk, &body).await;
    let over = ended(&desk, &mut events, &id).await;
    assert!(number(&over, "stopped") > 0, "{over}");
    let stopped = over["orders"].as_array().expect("orders").iter().find(|order| order["state"] == "stopped");
    assert!(stopped.is_some_and(|order| order["message"].as_str().is_some_and(|it| it.contains("ceiling"))), "{over}");
    desk.world.sync().await;
    let plan = desk.post("/api/v1/cancellations/plan", &json!({"query": {}, "reasons": {}})).await.json();
    let after = plan["shops"][0]["rate"]["canceled_before"].as_f64().expect("a count");
    assert!(after <= ordered * ceiling / 100.0 + 1e-6, "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_is_a_workbook_with_a_row_per_order() {
    use calamine::Reader as _;
    let desk = Desk::start(Trial::sqlite().await, 40).await;
    let orders = desk.cancellable(3).await;
    let mut events = desk.events(&desk.owner, None).await;
    let id = begin(&desk, &json!({"order_ids": ids(&orders), "reasons": {"shopee": REASON}})).await;
    ended(&desk, &mut events, &id).await;
    let request = desk.client.get(format!("{}/api/v1/batches/{id}/result.xlsx", desk.url)).bearer_auth(&desk.owner);
    let bytes = request.send().await.expect("an answer").bytes().await.expect("bytes");
    let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).expect("a workbook");
    let sheet = book.worksheet_range("Orders").expect("a sheet");
    let rows: Vec<Vec<String>> = sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(rows.len(), 4);
    for order in &orders {
        let row = rows.iter().find(|row| order["number"] == row[0].as_str()).expect("its row");
        assert_eq!((row[1].as_str(), row[3].as_str(), row[5].as_str()), ("Shopee", "done", "canceled"), "{row:?}");
    }
    assert!(book.worksheet_range("Summary").is_ok());
}
