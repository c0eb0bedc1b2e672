//! What is wrong is refused with a problem, and changes nothing.

use crate::desk::{Desk, out_of_stock};
use countermand::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;

/// Everything that a refused request must leave as it is.
async fn facts(desk: &Desk) -> Value {
    let orders = desk.read("/api/v1/orders?limit=200&sort=ordered_at").await;
    let cancellations = desk.read("/api/v1/cancellations?limit=200").await;
    let log = desk.read("/api/v1/audit/log?limit=200").await;
    let platform = desk.world.control.get("/orders?platform=shopee").await;
    json!([orders, cancellations, log, platform])
}

on_both! {
    async fn bad_input_is_refused_with_a_problem_and_changes_nothing(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let (id, line) = (order["id"].as_str().expect("an id"), order["lines"][0]["id"].as_str().expect("an id"));
        let completed = desk.read("/api/v1/orders?list=completed&limit=1").await["orders"][0].clone();
        let good = out_of_stock(&order);
        let with = |change: Value| {
            let mut body = good.clone();
            body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            body.to_string()
        };
        let units = order["lines"][0]["quantity"].as_u64().expect("units");
        let too_many = with(json!({"lines": [{"line_id": line, "quantity": units + 1}]}));
        let cancel = "/api/v1/cancellations";
        let posts: Vec<(&str, String, u16, &str)> = vec![
            (cancel, "{\"order".to_owned(), 400, "malformed_json"),
            (cancel, "\u{0}".to_owned(), 400, "malformed_json"),
            (cancel, "[]".to_owned(), 422, "invalid_body"),
            (cancel, "{}".to_owned(), 422, "invalid_body"),
            (cancel, with(json!({"order_id": 7})), 422, "invalid_body"),
            (cancel, with(json!({"lines": "all"})), 422, "invalid_body"),
            (cancel, with(json!({"lines": [{"line_id": line, "quantity": -1}]})), 422, "invalid_body"),
            (cancel, with(json!({"lines": [{"line_id": line, "quantity": 1.5}]})), 422, "invalid_body"),
            (cancel, with(json!({"lines": [{"line_id": line, "quantity": 0}]})), 422, "invalid_body"),
            (cancel, with(json!({"lines": [good["lines"][0], good["lines"][0]]})), 422, "invalid_body"),
            (cancel, with(json!({"reasn": "out_of_stock"})), 422, "invalid_body"),
            (cancel, with(json!({"note": "x".repeat(1_001)})), 422, "invalid_body"),
            (cancel, with(json!({"order_id": "ord_unknown"})), 404, "not_found"),
            (cancel, with(json!({"order_id": ""})), 404, "not_found"),
            (cancel, with(json!({"order_id": "x".repeat(5_000)})), 404, "not_found"),
            (cancel, with(json!({"order_id": "' or 1=1 --"})), 404, "not_found"),
            (cancel, with(json!({"order_id": completed["id"], "lines": []})), 409, "not_cancellable"),
            (cancel, with(json!({"reason": "because"})), 422, "reason_not_offered"),
            (cancel, with(json!({"reason": "customer_unreachable"})), 422, "reason_not_offered"),
            (cancel, with(json!({"lines": []})), 422, "lines_required"),
            (cancel, with(json!({"lines": [{"line_id": "nope", "quantity": 1}]})), 422, "unknown_line"),
            (cancel, too_many, 422, "quantity_too_large"),
            ("/api/v1/cancellations/can_unknown/resolve", json!({"as": "done"}).to_string(), 404, "not_found"),
            ("/api/v1/cancellations/can_unknown/resolve", json!({"as": "maybe"}).to_string(), 422, "invalid_body"),
            ("/api/v1/orders/ord_unknown/void", String::new(), 404, "not_found"),
            ("/api/v1/orders/ord_unknown/restore", String::new(), 404, "not_found"),
            ("/api/v1/orders/void", json!({"order_ids": []}).to_string(), 422, "invalid_body"),
            ("/api/v1/orders/void", json!({"order_ids": vec![id; 501]}).to_string(), 422, "invalid_body"),
            ("/api/v1/orders/void", "nonsense".to_owned(), 400, "malformed_json"),
            ("/api/v1/shops/shp_unknown/sync", String::new(), 404, "not_found"),
            ("/api/v1/nothing", String::new(), 404, "no_such_address"),
        ];
        let before = facts(&desk).await;
        for (path, body, status, code) in &posts {
            let answer = desk.ask(Method::POST, &desk.owner, path, &[], body.clone()).await;
            let about: String = format!("POST {path} {body}").chars().take(200).collect();
            answer.is_problem(*status, code, &about);
        }
        for (path, code) in [
            ("orders/ord_unknown", "not_found"),
            ("orders/ord_unknown/cancellation-options", "not_found"),
            ("cancellations/can_unknown", "not_found"),
            ("stock/nowhere/nothing/movements", "not_found"),
            ("stock?warehouse=nowhere", "not_found"),
            ("orders?shop=unknown", "not_found"),
            ("nothing", "no_such_address"),
        ] {
            desk.get(&format!("/api/v1/{path}")).await.is_problem(404, code, path);
        }
        desk.get(&format!("/api/v1/orders/{id}/cancellation-options?line=nope")).await.is_problem(404, "not_found", "line");
        for query in [
            "list=nowhere", "tab=x", "platform=ebay", "stage=x", "cod=maybe", "limit=0", "limit=201", "limit=-1", "limit=x",
            "cursor=zz", "cursor=00", "sort=price", "from=yesterday", "time=paid", "list=new&list=voided", "filter=new", "fulfilled_by=me",
        ] {
            desk.get(&format!("/api/v1/orders?{query}")).await.is_problem(400, "bad_parameter", query);
        }
        desk.get("/api/v1/orders/%ff").await.is_problem(400, "bad_request", "an address that is no UTF-8");
        for (method, path) in [(Method::DELETE, "/api/v1/orders"), (Method::GET, "/api/v1/orders/void/x"), (Method::PUT, "/sign-in")] {
            let answer = desk.ask(method, &desk.owner, path, &[], "").await;
            assert!([404, 405].contains(&answer.status.as_u16()), "{path}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        }
        let large = desk.ask(Method::POST, &desk.owner, cancel, &[], vec![b' '; 10_000_000]).await;
        large.is_problem(413, "too_large", "ten megabytes");
        for (name, value, code) in [
            ("if-match", "soon", "bad_if_match"),
            ("idempotency-key", "", "bad_idempotency_key"),
        ] {
            let answer = desk.ask(Method::POST, &desk.owner, cancel, &[(name, value)], good.to_string()).await;
            answer.is_problem(400, code, name);
        }
        let stale = desk.ask(Method::POST, &desk.owner, cancel, &[("if-match", "999")], good.to_string()).await;
        stale.is_problem(409, "conflict", "a stale version");
        assert_eq!(facts(&desk).await, before);
    }

    async fn an_order_of_somebody_else_is_not_there(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let path = format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"));
        let other_shop = vec![domain::ids::ShopId::parse("shp_other").expect("an id")];
        let strangers = [desk.stranger().await, desk.user("limited@example.com", Permission::ALL, Some(other_shop)).await];
        let before = facts(&desk).await;
        for token in &strangers {
            desk.ask(Method::GET, token, &path, &[], "").await.is_problem(404, "not_found", "read");
            let options = format!("{path}/cancellation-options");
            desk.ask(Method::GET, token, &options, &[], "").await.is_problem(404, "not_found", "options");
            let body = out_of_stock(&order).to_string();
            let answer = desk.ask(Method::POST, token, "/api/v1/cancellations", &[], body).await;
            answer.is_problem(404, "not_found", "cancel");
            desk.ask(Method::POST, token, &format!("{path}/void"), &[], "").await.is_problem(404, "not_found", "void");
            let sync = format!("/api/v1/shops/{}/sync", desk.world.shop);
            desk.ask(Method::POST, token, &sync, &[], "").await.is_problem(404, "not_found", "sync");
            for list in ["orders", "cancellations", "shops", "listings"] {
                let seen = desk.ask(Method::GET, token, &format!("/api/v1/{list}"), &[], "").await.json();
                assert_eq!(seen[list].as_array().map(Vec::len), Some(0), "{list}: {seen}");
            }
            let counts = desk.ask(Method::GET, token, "/api/v1/orders/counts", &[], "").await.json();
            assert!(counts.as_object().expect("counts").values().all(|count| count == 0), "{counts}");
        }
        assert_eq!(facts(&desk).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_signed_in_gets_nothing() {
    let desk = Desk::without_workers(store::trial::Trial::sqlite().await, 4).await;
    for path in
        ["orders", "orders/counts", "orders/x", "cancellations", "stock", "listings", "shops", "audit/log", "events"]
    {
        for token in ["", "cmt_wrong"] {
            let answer = desk.ask(Method::GET, token, &format!("/api/v1/{path}"), &[], "").await;
            answer.is_problem(401, "unauthorized", path);
        }
    }
    let basic = [("authorization", "Basic b3duZXI6cGFzc3dvcmQ=")];
    desk.ask(Method::GET, "", "/api/v1/orders", &basic, "").await.is_problem(401, "unauthorized", "basic");
    for path in ["/healthz", "/readyz", "/metrics", "/api/openapi.json"] {
        let answer = desk.ask(Method::GET, "", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains(&desk.owner) && !answer.text.contains("partner_key"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers["content-security-policy"].to_str().expect("text").contains("default-src 'self'"));
    }
}
