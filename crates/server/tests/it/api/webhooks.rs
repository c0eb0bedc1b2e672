//! Pushes: verified, committed, then answered.

use crate::desk::Desk;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use store::on_both;
use store::shops;

/// The address that this desk's shop is pushed to, and the key that its pushes are signed with.
async fn route(desk: &Desk) -> (String, String, String) {
    let account = desk.read("/api/v1/shops").await["shops"][0]["account"].as_str().expect("an account").to_owned();
    let path = format!("/webhooks/shopee/{account}");
    let url = format!("{}{path}", desk.url);
    let mut session = desk.app.store.begin().await.expect("begins");
    shops::set_callback_url(&mut session, &desk.world.merchant, &desk.world.shop, &url).await.expect("set");
    session.commit().await.expect("committed");
    let ready = desk.world.control.get("/").await;
    let key = ready["credentials"]["shopee"]["partner_key"].as_str().expect("a key").to_owned();
    (path, account, key)
}

fn sign(key: &str, url: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(format!("{url}|{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn push(account: &str, number: &Value) -> String {
    let account: i64 = account.parse().expect("a number");
    json!({"code": 3, "shop_id": account, "timestamp": 1, "data": {"ordersn": number, "status": "CANCELLED"}})
        .to_string()
}

async fn waiting(desk: &Desk) -> i64 {
    let mut session = desk.app.store.read().await.expect("begins");
    let jobs = store::jobs::waiting(&mut session).await.expect("read");
    jobs.iter().filter(|(kind, _)| kind == "read_order").map(|(_, jobs)| jobs).sum()
}

on_both! {
    async fn a_push_makes_the_order_be_read_and_changes_nothing_by_itself(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        let (path, account, key) = route(&desk).await;
        let order = desk.read("/api/v1/orders?limit=1").await["orders"][0].clone();
        let body = push(&account, &order["number"]);
        let signature = sign(&key, &format!("{}{path}", desk.url), &body);
        let headers = [("authorization", signature.as_str())];
        for _ in 0..3 {
            let answer = desk.ask(Method::POST, "", &path, &headers, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        }
        assert_eq!(waiting(&desk).await, 1, "the same push three times is one read");
        let after = desk.read(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"))).await;
        assert_eq!((&after["version"], &after["platform_status"]), (&order["version"], &order["platform_status"]));

        let by_id = format!("/webhooks/shopee/{}", desk.world.shop);
        assert_eq!(desk.ask(Method::POST, "", &by_id, &headers, body).await.status, 200, "the shop's own id leads there as well");
    }

    async fn a_forged_or_foreign_push_is_refused_and_leaves_nothing(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        let (path, account, key) = route(&desk).await;
        let body = push(&account, &json!("260101AAAAAAAA"));
        let url = format!("{}{path}", desk.url);
        let right = sign(&key, &url, &body);
        let wrong = sign("another key", &url, &body);
        let elsewhere = sign(&key, "https://elsewhere.example/", &body);
        let tampered = body.replace('3', "4");
        for (signature, body, code) in [
            (wrong.as_str(), body.clone(), "wrong_signature"),
            (elsewhere.as_str(), body.clone(), "wrong_signature"),
            (right.as_str(), tampered, "wrong_signature"),
            ("zz", body.clone(), "unsigned"),
            ("", body.clone(), "unsigned"),
        ] {
            let answer = desk.ask(Method::POST, "", &path, &[("authorization", signature)], body).await;
            answer.is_problem(401, code, signature);
        }
        let garbage = "\u{1}nonsense";
        let signature = sign(&key, &url, garbage);
        let answer = desk.ask(Method::POST, "", &path, &[("authorization", signature.as_str())], garbage).await;
        answer.is_problem(400, "unreadable", "signed garbage");
        let headers = [("authorization", right.as_str())];
        for (path, status, code) in [
            ("/webhooks/shopee/999", 404, "not_found"),
            ("/webhooks/ebay/1", 404, "not_found"),
            ("/webhooks/shopee/%20", 404, "not_found"),
        ] {
            desk.ask(Method::POST, "", path, &headers, body.clone()).await.is_problem(status, code, path);
        }
        desk.ask(Method::GET, "", &path, &[], "").await.is_problem(405, "method_not_allowed", "a GET");
        desk.ask(Method::POST, "", &path, &headers, vec![b'x'; 300_000]).await.is_problem(413, "too_large", "a huge push");
        assert_eq!(waiting(&desk).await, 0);

        let other_shop = push("999", &json!("260101AAAAAAAA"));
        let signature = sign(&key, &url, &other_shop);
        let answer = desk.ask(Method::POST, "", &path, &[("authorization", signature.as_str())], other_shop).await;
        assert_eq!(answer.status, 200, "signed, and about a shop that is not ours: counted and dropped");
        assert_eq!(waiting(&desk).await, 0);
        let metrics = desk.get("/metrics").await.text;
        for outcome in ["wrong_signature", "unsigned", "unreadable", "not_found", "too_large", "no_shop_of_ours"] {
            assert!(metrics.contains(&format!("countermand_webhooks_total{{outcome=\"{outcome}\"}}")), "{outcome}: {metrics}");
        }
        assert!(!metrics.contains(&key));
    }

    async fn the_sandbox_s_pushes_bring_news_before_the_next_sweep(trial) {
        let desk = Desk::start(trial, 40).await;
        let (path, ..) = route(&desk).await;
        let target = json!({"platform": "shopee", "url": format!("{}{path}", desk.url)});
        desk.world.control.send(Method::PUT, "/push-target", target).await;
        let order = desk.cancellable(1).await.remove(0);
        let mut events = desk.events(&desk.owner, None).await;
        let advance = format!("/orders/shopee/{}/advance", order["number"].as_str().expect("a number"));
        desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
        loop {
            events.next().await;
            let now = desk.read(&format!("/api/v1/orders/{}", order["id"].as_str().expect("an id"))).await;
            if now["list"] == "shipped" {
                break;
            }
        }
        let metrics = desk.get("/metrics").await.text;
        assert!(metrics.contains("countermand_webhooks_total{outcome=\"taken\"}"), "a push brought it: {metrics}");
    }
}
