//! Buyers' requests through the API: listed by time left, answered once, by whoever may.

use crate::desk::Desk;
use domain::order::{List, Tab};
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::orders::OrderRecord;

/// Orders whose buyers have asked, and the desk knows.
pub(crate) async fn asked(desk: &Desk, count: usize) -> Vec<OrderRecord> {
    let orders = desk.world.cancellable().await.into_iter().filter(|order| order.list == List::InProcess);
    let orders: Vec<_> = orders.take(count).collect();
    assert_eq!(orders.len(), count, "the sandbox has that many orders in process");
    for order in &orders {
        let path = format!("/orders/shopee/{}/buyer-cancel", order.number);
        desk.world.control.send(Method::POST, &path, json!({"reason": "Others"})).await;
    }
    desk.world.sync().await;
    orders
}

/// Wants these orders to be read, as a push of their platform does.
pub(crate) async fn pushed(desk: &Desk, orders: &[OrderRecord]) {
    let (engine, numbers) = (&desk.world.engine, orders.iter().map(|order| &order.number));
    let mut session = engine.store().begin().await.expect("begins");
    engine.nudge(&mut session, &desk.world.merchant, &desk.world.shop, numbers).await.expect("wanted");
    session.commit().await.expect("committed");
    desk.app.committed();
}

/// Open requests on orders that were packed here, so that their labels are cached. The desk's workers run.
pub(crate) async fn packed_and_asked(desk: &Desk, count: usize) -> Vec<Value> {
    let orders = desk.world.list(List::New, 200).await.into_iter().filter(|order| order.tab == Tab::ToPack);
    let orders: Vec<_> = orders.take(count).collect();
    assert_eq!(orders.len(), count, "the sandbox has that many orders to pack");
    for order in &orders {
        let path = format!("/api/v1/orders/{}", order.id);
        let packed = desk.post(&format!("{path}/pack"), &json!({})).await;
        assert_eq!(packed.status, 200, "{}", packed.text);
        desk.read_until(&path, |order| order["tab"] == "printable").await;
        let path = format!("/orders/shopee/{}/buyer-cancel", order.number);
        desk.world.control.send(Method::POST, &path, json!({"reason": "Others", "ask": true})).await;
    }
    pushed(desk, &orders).await;
    let ours = |page: &Value| {
        let of_ours = |request: &&Value| orders.iter().any(|order| request["order_id"] == order.id.as_str());
        page["requests"].as_array().expect("requests").iter().filter(of_ours).cloned().collect::<Vec<_>>()
    };
    let page = desk.read_until("/api/v1/cancellation-requests?limit=200", |page| ours(page).len() == count).await;
    ours(&page)
}

/// The open requests of these orders, as they are listed.
async fn open(desk: &Desk, orders: &[OrderRecord]) -> Vec<Value> {
    let page = desk.read("/api/v1/cancellation-requests?limit=200").await;
    let ours = |request: &&Value| orders.iter().any(|order| request["order_id"] == order.id.as_str());
    page["requests"].as_array().expect("requests").iter().filter(ours).cloned().collect()
}

fn answer_path(request: &Value, what: &str) -> String {
    format!("/api/v1/cancellation-requests/{}/{what}", request["id"].as_str().expect("an id"))
}

on_both! {
    async fn default_answers_are_off_until_set_and_a_rule_that_does_not_fit_is_refused_in_words(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = asked(&desk, 2).await;
        let path = format!("/api/v1/shops/{}/default-answers", desk.world.shop);
        let usual = desk.read(&path).await;
        assert_eq!((&usual["on"], usual["rules"].as_array().expect("rules").len()), (&json!(false), 3));

        let rules = json!({"on": true, "minutes_before": 30, "rules": [
            {"goods": "any", "buyer_reason": "OTHER", "total_at_most": "100000", "currency": orders[0].total.expect("a total").currency().code(), "then": "agree"},
        ]});
        let tried = desk.post(&format!("{path}/dry-run"), &rules).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["agree"]), (200, &json!(2)), "{}", tried.text);
        assert_eq!(desk.read(&path).await, usual, "trying keeps nothing");
        assert_eq!(desk.post(&path, &rules).await.status, 200);
        assert_eq!(desk.read(&path).await["rules"][0]["buyer_reason"], "OTHER");

        for (wrong, words) in [
            (json!({"on": true, "minutes_before": 5, "rules": []}), "10 to 2880 minutes"),
            (json!({"on": true, "minutes_before": 30, "rules": [{"goods": "far", "then": "agree"}]}), "Rule 1"),
            (json!({"on": true, "minutes_before": 30, "rules": [{"goods": "any", "then": "agree", "total_at_most": "5"}]}), "currency"),
        ] {
            let answer = desk.post(&path, &wrong).await;
            let problem = answer.is_problem(422, "invalid_body", words);
            assert!(problem["detail"].as_str().expect("a detail").contains(words), "{problem}");
        }
        assert_eq!(desk.read(&path).await["rules"][0]["buyer_reason"], "OTHER", "nothing was changed");
        desk.ask(Method::GET, &desk.owner, "/api/v1/shops/shp_x/default-answers", &[], "").await.is_problem(404, "not_found", "unknown");
    }

    async fn a_request_is_listed_agreed_to_once_and_settled(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = asked(&desk, 1).await;
        let request = open(&desk, &orders).await.remove(0);
        assert_eq!(request["order_id"], orders[0].id.as_str());
        let told = ["platform", "buyer_reason", "deadline_source", "on_silence", "stage", "list_before"].map(|name| request[name].clone());
        assert_eq!(told, ["shopee", "Others", "policy", "agreed", "printed", "in_process"].map(Value::from));
        assert_eq!((&request["withdrawal"], &request["label_cached"]), (&Value::Null, &json!(false)));

        let headers = [("idempotency-key", "k1")];
        let path = answer_path(&request, "agree");
        let first = desk.ask(Method::POST, &desk.owner, &path, &headers, "").await;
        assert_eq!(first.status, 202, "{}", first.text);
        assert_eq!((&first.json()["state"], &first.json()["answer"]), (&json!("answering"), &json!("agree")));
        let again = desk.ask(Method::POST, &desk.owner, &path, &headers, "").await;
        assert_eq!((again.status, again.json()), (first.status, first.json()), "the same key gets the same answer");
        let late = desk.post(&answer_path(&request, "reject"), &json!({})).await;
        assert_eq!(late.is_problem(409, "already_decided", "decided")["state"], "answering");
        assert!(open(&desk, &orders).await.is_empty());

        let mut events = desk.events(&desk.owner, None).await;
        tokio::spawn(countermand::workers::run(desk.app.clone()));
        let ended = desk.ended(&mut events, first.json()["cancellation_id"].as_str().expect("an id")).await;
        assert_eq!((&ended["state"], &ended["cancelled_by"]), (&json!("done"), &json!("buyer")));
        let agreed = desk.read("/api/v1/cancellation-requests?state=agreed").await;
        assert_eq!(agreed["requests"][0]["id"], request["id"]);
        assert_eq!(desk.world.control.order(&orders[0].number).await["status"], "CANCELLED");
    }

    async fn a_cancel_on_an_open_request_is_carried_out_as_agree(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = asked(&desk, 1).await;
        let wish = json!({"order_id": orders[0].id.as_str(), "reason": "buyer_requests_cancellation"});
        let accepted = desk.post("/api/v1/cancellations", &wish).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let answering = desk.read("/api/v1/cancellation-requests?state=answering").await;
        assert_eq!(answering["requests"][0]["cancellation_id"], accepted.json()["id"]);
    }

    async fn many_requests_are_answered_each_with_its_own_result(trial) {
        let desk = Desk::without_workers(trial, 200).await;
        let orders = asked(&desk, 3).await;
        let found = open(&desk, &orders).await;
        assert_eq!(found.len(), 3);
        let deadlines: Vec<&str> = found.iter().filter_map(|request| request["deadline"].as_str()).collect();
        assert!(deadlines.is_sorted(), "least time left first: {deadlines:?}");
        let ids: Vec<Value> = found.iter().map(|request| request["id"].clone()).chain(["req_x".into()]).collect();
        let done = desk.post("/api/v1/cancellation-requests/bulk", &json!({"answer": "reject", "request_ids": ids})).await;
        assert_eq!(done.status, 202, "{}", done.text);
        let results = done.json()["results"].as_array().expect("results").clone();
        assert!(results[..3].iter().all(|result| result["done"] == true), "{results:?}");
        assert_eq!((&results[3]["done"], &results[3]["code"]), (&json!(false), &json!("not_found")));
        let wrong = desk.post("/api/v1/cancellation-requests/bulk", &json!({"answer": "maybe", "request_ids": ids})).await;
        wrong.is_problem(400, "bad_parameter", "no such answer");
        let stranger = desk.stranger().await;
        let foreign = desk.ask(Method::POST, &stranger, &answer_path(&found[0], "agree"), &[], "").await;
        foreign.is_problem(404, "not_found", "another merchant's");
    }
}
