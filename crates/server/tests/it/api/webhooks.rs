//! Pushes: verified, committed, then answered.

use crate::connecting::{connect, first_shop};
use crate::desk::Desk;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use store::on_both;
use store::shops;
use store::trial::Trial;

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

/// How a marketplace signs its pushes and what they look like (each sheet's section on pushes).
struct Pushes {
    platform: &'static str,
    account: String,
    credentials: Value,
    url: String,
}

impl Pushes {
    async fn of(desk: &Desk, platform: &'static str) -> Self {
        connect(desk, platform).await;
        let (account, _) = first_shop(desk, platform).await;
        let ready = desk.world.control.get("/").await;
        Self { platform, account, credentials: ready["credentials"][platform].clone(), url: desk.url.clone() }
    }

    fn text(&self, name: &str) -> String {
        let value = &self.credentials[name];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    fn app(&self) -> String {
        self.text(match self.platform {
            "shopee" => "partner_id",
            "tokopedia" => "client_id",
            _ => "app_key",
        })
    }

    fn header(&self) -> &'static str {
        if self.platform == "tokopedia" { "authorization-hmac" } else { "authorization" }
    }

    fn body(&self, account: &str, number: &str) -> String {
        let as_number = |text: &str| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
        match self.platform {
            "shopee" => json!({"code": 3, "shop_id": as_number(account), "timestamp": 1, "data": {"ordersn": number}}),
            "lazada" => json!({
                "seller_id": account, "message_type": 0, "timestamp": 1_767_595_695_482_i64, "site": "lazada_my",
                "data": {"order_status": "canceled", "trade_order_id": number, "trade_order_line_id": "1"},
            }),
            "tiktok_shop" => json!({
                "type": 1, "shop_id": account, "timestamp": 1, "tts_notification_id": "7",
                "data": {"order_id": number, "order_status": "CANCELLED"},
            }),
            _ => json!({"order_id": as_number(number), "shop_id": as_number(account), "order_status": 400, "product_details": []}),
        }
        .to_string()
    }

    fn signature(&self, path: &str, body: &str) -> String {
        let (key, head) = match self.platform {
            "shopee" => (self.text("push_key"), format!("{}{path}|", self.url)),
            "tokopedia" => (self.text("webhook_secret"), String::new()),
            _ => (self.text("app_secret"), self.text("app_key")),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
        mac.update(head.as_bytes());
        mac.update(body.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    async fn send(&self, desk: &Desk, path: &str, signature: &str, body: String) -> crate::desk::Answer {
        desk.ask(Method::POST, "", path, &[(self.header(), signature)], body).await
    }
}

/// A counter of `/metrics`.
async fn counted(desk: &Desk, outcome: &str) -> i64 {
    let metrics = desk.get("/metrics").await.text;
    let row = format!("countermand_webhooks_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&row)?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_pushes_of_every_marketplace_are_refused_counted_by_reason_and_reach_no_order() {
    let desk = Desk::without_workers(Trial::sqlite().await, 5).await;
    for platform in ["shopee", "lazada", "tiktok_shop", "tokopedia"] {
        let pushes = Pushes::of(&desk, platform).await;
        let number = "4711000000000001";
        let before = waiting(&desk).await;
        let path = format!("/webhooks/{platform}/{}", pushes.account);
        let body = pushes.body(&pushes.account, number);
        let right = pushes.signature(&path, &body);
        let garbage = "\u{1}{nonsense";
        for (what, path, signature, body, status, code) in [
            ("a wrong signature", &path, "0".repeat(64), body.clone(), 401, "wrong_signature"),
            ("changed bytes", &path, right.clone(), format!("{body} "), 401, "wrong_signature"),
            ("no signature", &path, String::new(), body.clone(), 401, "unsigned"),
            ("signed garbage", &path, pushes.signature(&path, garbage), garbage.to_owned(), 400, "unreadable"),
            ("an oversized push", &path, right.clone(), "x".repeat(300_000), 413, "too_large"),
            (
                "an unknown shop",
                &format!("/webhooks/{platform}/31415926"),
                right.clone(),
                body.clone(),
                404,
                "not_found",
            ),
        ] {
            let counter = counted(&desk, code).await;
            pushes.send(&desk, path, &signature, body).await.is_problem(status, code, &format!("{platform}: {what}"));
            assert_eq!(counted(&desk, code).await, counter + 1, "{platform}: {what} is counted");
        }
        let foreign = pushes.body("31415926", number);
        let answer = pushes.send(&desk, &path, &pushes.signature(&path, &foreign), foreign.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, ""),
            "{platform}: signed, about no shop of ours"
        );
        assert_eq!(waiting(&desk).await, before, "{platform}: nothing bad made an order be read");

        let taken = counted(&desk, "taken").await;
        for round in 0..3 {
            let answer = pushes.send(&desk, &path, &right, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{platform}: round {round}");
        }
        assert_eq!(counted(&desk, "taken").await, taken + 1, "{platform}: it is kept once");
        assert_eq!(waiting(&desk).await, before + 1, "{platform}: one read for a push that came three times");

        let by_app = format!("/webhooks/{platform}/{}", pushes.app());
        let another = pushes.body(&pushes.account, "4711000000000002");
        let answer = pushes.send(&desk, &by_app, &pushes.signature(&by_app, &another), another.clone()).await;
        assert_eq!(answer.status, 200, "{platform}: one address serves the whole app: {}", answer.text);
        assert_eq!(waiting(&desk).await, before + 2, "{platform}");
    }
    assert_eq!(counted(&desk, "replayed").await, 8, "two of each marketplace");
    assert_eq!(counted(&desk, "no_shop_of_ours").await, 4);
    let orders = desk.read("/api/v1/orders?q=4711000000000001").await;
    assert_eq!(orders["orders"].as_array().expect("orders").len(), 0, "a push makes no order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lazada_s_verify_button_is_answered_before_any_shop_is_connected() {
    let desk = Desk::without_workers(Trial::sqlite().await, 1).await;
    let begun = desk.post("/api/v1/shops/connect", &crate::connecting::wish(&desk, "lazada").await).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let credentials = desk.world.control.get("/").await["credentials"]["lazada"].clone();
    let pushes = Pushes { platform: "lazada", account: "9999".to_owned(), credentials, url: desk.url.clone() };
    let path = format!("/webhooks/lazada/{}", pushes.app());
    let body = pushes.body("9999", "123456");
    let answer = pushes.send(&desk, &path, &pushes.signature(&path, &body), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(waiting(&desk).await, 0);
}
