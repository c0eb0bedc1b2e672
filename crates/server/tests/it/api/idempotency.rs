//! The same request gets the same answer.

use crate::desk::{Desk, out_of_stock};
use reqwest::Method;
use serde_json::json;
use store::on_both;

const PATH: &str = "/api/v1/cancellations";

on_both! {
    async fn a_repeated_request_gets_the_first_answer_and_one_cancellation(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let orders = desk.cancellable(2).await;
        let body = out_of_stock(&orders[0]);
        let key = [("idempotency-key", "one")];
        let first = desk.ask(Method::POST, &desk.owner, PATH, &key, body.to_string()).await;
        assert_eq!(first.status, 202, "{}", first.text);
        let pretty = serde_json::to_string_pretty(&body).expect("JSON");
        let again = desk.ask(Method::POST, &desk.owner, PATH, &key, pretty).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.headers["idempotency-replayed"], "true");

        let other = out_of_stock(&orders[1]).to_string();
        let reused = desk.ask(Method::POST, &desk.owner, PATH, &key, other.clone()).await;
        reused.is_problem(409, "idempotency_key_reused", "another body");
        let without = desk.ask(Method::POST, &desk.owner, PATH, &[], body.to_string()).await;
        let problem = without.is_problem(409, "not_cancellable", "a second cancel");
        assert_eq!(problem["blocked_by"], "cancel_pending");
        let elsewhere = desk.user("second@example.com", countermand::permissions::Permission::ALL, None).await;
        let of_other_user = desk.ask(Method::POST, &elsewhere, PATH, &key, other).await;
        assert_eq!(of_other_user.status, 202, "a key means something only to who used it: {}", of_other_user.text);
        let all = desk.read(PATH).await;
        assert_eq!(all["cancellations"].as_array().map(Vec::len), Some(2));
    }

    async fn twins_at_the_same_time_get_one_answer(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let body = out_of_stock(&desk.cancellable(1).await[0]).to_string();
        let key = [("idempotency-key", "twins")];
        let twins = (0..12).map(|_| desk.ask(Method::POST, &desk.owner, PATH, &key, body.clone()));
        let answers = futures_util::future::join_all(twins).await;
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), &answer.text), (202, &answers[0].text));
        }
        assert_eq!(desk.read(PATH).await["cancellations"].as_array().map(Vec::len), Some(1));
    }

    async fn a_refused_request_may_be_corrected_under_the_same_key(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let body = out_of_stock(&desk.cancellable(1).await[0]);
        let key = [("idempotency-key", "corrected")];
        let mut wrong = body.clone();
        wrong["reason"] = json!("because");
        let refused = desk.ask(Method::POST, &desk.owner, PATH, &key, wrong.to_string()).await;
        refused.is_problem(422, "reason_not_offered", "a wrong reason");
        let answer = desk.ask(Method::POST, &desk.owner, PATH, &key, body.to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }

    async fn the_answer_outlives_the_process(trial) {
        let mut desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let path = format!("/api/v1/orders/{}/void", order["id"].as_str().expect("an id"));
        let key = [("idempotency-key", "restart")];
        let first = desk.ask(Method::POST, &desk.owner, &path, &key, "").await;
        assert_eq!(first.status, 200, "{}", first.text);
        desk.restart().await;
        let again = desk.ask(Method::POST, &desk.owner, &path, &key, "").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
    }
}
