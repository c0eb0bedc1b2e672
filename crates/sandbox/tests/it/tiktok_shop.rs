//! The fake TikTok Shop over real sockets, by a client written from the sheet for these tests: it signs, it never retries.

use reqwest::Method;
use sandbox::Running;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::{hmac_hex, settings};

struct Desk {
    running: Running,
    http: reqwest::Client,
    address: String,
    control: String,
    key: String,
    secret: String,
    cipher: String,
    token: String,
    refresh: String,
}

async fn desk(orders: u32) -> Desk {
    let running = sandbox::start(settings(orders)).await.unwrap();
    let ready = running.ready();
    let credentials = &ready["credentials"]["tiktok_shop"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Desk {
        http: reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        address: text(&ready["tiktok_shop"]),
        control: text(&ready["control"]),
        key: text(&credentials["app_key"]),
        secret: text(&credentials["app_secret"]),
        cipher: text(&credentials["shop_cipher"]),
        token: text(&credentials["access_token"]),
        refresh: text(&credentials["refresh_token"]),
        running,
    }
}

impl Desk {
    async fn now(&self) -> i64 {
        let text = self.ask("/clock").await["now"].as_str().unwrap().to_owned();
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    /// The address of a signed call about the shop.
    async fn url(&self, path: &str, parameters: &[(&str, &str)], body: &str) -> String {
        let now = self.now().await.to_string();
        let mut all = vec![("app_key", self.key.as_str()), ("timestamp", now.as_str())];
        all.extend_from_slice(parameters);
        self.url_of(path, all, body)
    }

    fn url_of(&self, path: &str, mut all: Vec<(&str, &str)>, body: &str) -> String {
        all.sort_by_key(|(name, _)| *name);
        let joined: String = all.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let sign = hmac_hex(&self.secret, &format!("{0}{path}{joined}{body}{0}", self.secret));
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&all).finish();
        format!("{}{path}?{query}&sign={sign}", self.address)
    }

    async fn send(&self, method: Method, url: &str, body: &str) -> (u16, Value) {
        let request = self.http.request(method, url).header("x-tts-access-token", &self.token).body(body.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let mut all = vec![("shop_cipher", self.cipher.as_str())];
        all.extend_from_slice(parameters);
        self.send(Method::GET, &self.url(path, &all, "").await, "").await.1
    }

    async fn post(&self, path: &str, parameters: &[(&str, &str)], body: Value) -> Value {
        let body = body.to_string();
        let mut all = vec![("shop_cipher", self.cipher.as_str())];
        all.extend_from_slice(parameters);
        self.send(Method::POST, &self.url(path, &all, &body).await, &body).await.1
    }

    async fn ask(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.control)).send().await.unwrap().json().await.unwrap()
    }

    async fn tell(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.http.request(method, format!("{}{path}", self.control)).json(&body).send().await.unwrap();
        let status = answer.status();
        let body = answer.json().await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Makes one order.
    async fn order(&self, wish: Value) -> String {
        let mut body = json!({"platform": "tiktok_shop"});
        wish.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        self.tell(Method::POST, "/orders", body).await["numbers"][0].as_str().unwrap().to_owned()
    }

    async fn truth(&self, number: &str) -> Value {
        self.ask(&format!("/orders?platform=tiktok_shop&number={number}")).await["orders"][0].clone()
    }

    async fn detail(&self, number: &str) -> Value {
        self.get("/order/202309/orders", &[("ids", number)]).await["data"]["orders"][0].clone()
    }

    async fn cancel(&self, number: &str, reason: &str) -> Value {
        let body = json!({"order_id": number, "cancel_reason": reason});
        self.post("/return_refund/202309/cancellations", &[], body).await
    }

    async fn reasons(&self, number: &str) -> Vec<String> {
        let path = format!("/return_refund/202602/orders/{number}/aftersale_eligibility");
        let answer = self.get(&path, &[("request_types", "CANCEL")]).await;
        let entry = &answer["data"]["sku_eligibility"][0]["line_item_eligibility"][0];
        entry["available_reason_names"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    async fn stock(&self, sku: &str) -> i64 {
        let stock = self.ask("/stock?platform=tiktok_shop").await;
        let rows = stock["stock"].as_array().unwrap();
        rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].as_i64().unwrap()
    }

    async fn buyer(&self, number: &str, act: &str, body: Value) -> Value {
        self.tell(Method::POST, &format!("/orders/tiktok_shop/{number}/{act}"), body).await
    }

    async fn switch(&self, switches: Value) {
        self.tell(Method::PUT, "/switches", json!({"tiktok_shop": switches})).await;
    }

    async fn pending(&self, number: &str) -> Value {
        let body = json!({"order_ids": [number], "cancel_status": ["CANCELLATION_REQUEST_PENDING"]});
        let answer = self.post("/return_refund/202309/cancellations/search", &[], body).await;
        answer["data"]["cancellations"][0].clone()
    }
}

const STOCK: &str = "seller_cancel_reason_out_of_stock";

#[tokio::test]
async fn every_seeded_order_is_listed_once_over_all_pages_and_most_come_from_two_storefronts() {
    let desk = desk(120).await;
    let now = desk.now().await;
    let (mut listed, mut token, mut total) = (Vec::new(), String::new(), 0);
    loop {
        let mut parameters = vec![("page_size", "40"), ("sort_field", "update_time"), ("sort_order", "ASC")];
        if !token.is_empty() {
            parameters.push(("page_token", &token));
        }
        let body = json!({"update_time_ge": now - 20 * 86_400, "update_time_lt": now + 10});
        let answer = desk.post("/order/202309/orders/search", &parameters, body).await;
        assert_eq!(answer["code"], 0, "{answer}");
        let page = answer["data"]["orders"].as_array().unwrap();
        total += page.len();
        listed.extend(page.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        assert_eq!(answer["data"]["total_count"], 120);
        token = answer["data"]["next_page_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    listed.sort();
    listed.dedup();
    assert_eq!((listed.len(), total), (120, 120));
    let truth = desk.ask("/orders?platform=tiktok_shop").await;
    let of = |name: &str| truth["orders"].as_array().unwrap().iter().filter(|it| it["storefront"] == name).count();
    assert!(of("TOKOPEDIA") > 20 && of("TIKTOK_SHOP") > 20);
}

#[tokio::test]
async fn a_call_is_refused_with_the_platforms_own_codes() {
    let desk = desk(1).await;
    let now = desk.now().await;
    let path = "/order/202309/orders";
    let (key, cipher) = (desk.key.clone(), desk.cipher.clone());
    let at = |seconds: i64| (now + seconds).to_string();
    let call = async |parameters: Vec<(&str, &str)>| {
        let (status, body) = desk.send(Method::GET, &desk.url_of(path, parameters, ""), "").await;
        (status, body["code"].as_i64().unwrap())
    };
    let fresh = at(0);
    let whole = vec![("app_key", key.as_str()), ("timestamp", &fresh), ("shop_cipher", &cipher), ("ids", "1")];
    assert_eq!(call(whole.clone()).await, (200, 0));
    let with = |name: &'static str, value: &'static str| {
        let mut all = whole.clone();
        all.iter_mut().filter(|(known, _)| *known == name).for_each(|pair| pair.1 = value);
        all
    };
    let without = |name: &str| whole.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    assert_eq!(call(with("app_key", "x")).await, (400, 36_009_004));
    assert_eq!(call(without("timestamp")).await, (400, 36_009_004));
    assert_eq!(call(without("shop_cipher")).await, (400, 106_013));
    assert_eq!(call(with("shop_cipher", "ROW_x")).await, (400, 36_009_004));
    for (seconds, refused) in [(-290, false), (-310, true), (20, false), (60, true)] {
        let then = at(seconds);
        let mut all = without("timestamp");
        all.push(("timestamp", &then));
        assert_eq!(call(all).await.1 != 0, refused, "{seconds}");
    }
    let url = desk.url_of(path, whole.clone(), "").replace("ids=1", "ids=2");
    assert_eq!(desk.send(Method::GET, &url, "").await.1["code"], 106_001);
    let url = desk.url_of("/order/202309/orders/x/y", whole.clone(), "");
    let (status, body) = desk.send(Method::GET, &url, "").await;
    assert_eq!((status, &body["code"]), (404, &json!(36_009_009)));
    let url = desk.url_of("/order/202401/orders", whole.clone(), "");
    assert_eq!(desk.send(Method::GET, &url, "").await.1["message"], "Invalid API version.");
    let mut accounts = without("ids");
    let url = desk.url_of("/authorization/202309/shops", accounts.clone(), "");
    assert_eq!(desk.send(Method::GET, &url, "").await.1["code"], 36_009_004, "no cipher here");
    accounts.retain(|(name, _)| *name != "shop_cipher");
    let url = desk.url_of("/authorization/202309/shops", accounts, "");
    let shops = desk.send(Method::GET, &url, "").await.1;
    assert_eq!(shops["data"]["shops"][0]["cipher"], desk.cipher, "{shops}");
}

#[tokio::test]
async fn tokens_are_exchanged_renewed_and_end() {
    let mut desk = desk(1).await;
    let secret = format!("app_key={}&app_secret={}", desk.key, desk.secret);
    let code = desk.tell(Method::POST, "/grants", json!({"platform": "tiktok_shop"})).await;
    let get = format!(
        "{}/api/v2/token/get?{secret}&grant_type=authorized_code&auth_code={}",
        desk.address,
        code["code"].as_str().unwrap()
    );
    let first = desk.send(Method::GET, &get, "").await.1;
    let until = first["data"]["access_token_expire_in"].as_i64().unwrap();
    assert!((until - desk.now().await - 604_800).abs() < 5, "{first}");
    assert_eq!(desk.send(Method::GET, &get, "").await.1["code"], 36_004_004, "a code is used once");
    let renew = format!(
        "{}/api/v2/token/refresh?{secret}&grant_type=refresh_token&refresh_token={}",
        desk.address, desk.refresh
    );
    let next = desk.send(Method::GET, &renew, "").await.1["data"].clone();
    desk.token = next["access_token"].as_str().unwrap().to_owned();
    assert_eq!(desk.get("/order/202309/orders", &[("ids", "1")]).await["code"], 0);
    let end = |action: &str| json!({"platform": "tiktok_shop", "action": action});
    desk.tell(Method::POST, "/tokens", end("expire_access")).await;
    assert_eq!(desk.get("/order/202309/orders", &[("ids", "1")]).await["code"], 105_002);
    desk.tell(Method::POST, "/tokens", end("revoke")).await;
    assert_eq!(desk.get("/order/202309/orders", &[("ids", "1")]).await["code"], 105_001);
    assert_eq!(desk.send(Method::GET, &renew, "").await.1["code"], 36_004_001);
}

#[tokio::test]
async fn the_consent_page_leads_back_with_a_code() {
    let desk = desk(1).await;
    let service = desk.running.ready()["credentials"]["tiktok_shop"]["service_id"].as_str().unwrap().to_owned();
    let link = format!(
        "{}/open/authorize?service_id={service}&state=s1&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback",
        desk.address
    );
    let page = desk.http.get(&link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("Authorise Shop 1"));
    desk.switch(json!({"consent_without_click": true})).await;
    let answer = desk.http.get(&link).send().await.unwrap();
    let target = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(target.starts_with("http://127.0.0.1/back?app_key=") && target.ends_with("&state=s1"), "{target}");
}

#[tokio::test]
async fn an_out_of_stock_cancel_ends_the_order_and_zeroes_its_listings() {
    let desk = desk(1).await;
    let lines = json!([{"sku": "MUG-BLU", "quantity": 2}, {"sku": "BOARD", "quantity": 1}]);
    let number = desk.order(json!({"lines": lines})).await;
    let before = desk.detail(&number).await;
    assert_eq!(before["line_items"].as_array().unwrap().len(), 3, "one line item a unit");
    assert_eq!(before["status"], "AWAITING_SHIPMENT");
    let answer = desk.cancel(&number, STOCK).await;
    assert_eq!(answer["data"]["cancel_status"], "CANCELLATION_REQUEST_SUCCESS", "{answer}");
    let truth = desk.truth(&number).await;
    assert_eq!(
        (&truth["status"], &truth["cancelled_by"], &truth["cancel_reason"]),
        (&json!("CANCELLED"), &json!("seller"), &json!(STOCK))
    );
    assert_eq!((desk.stock("MUG-BLU").await, desk.stock("BOARD").await), (0, 0));
    let after = desk.detail(&number).await;
    assert_eq!((&after["cancellation_initiator"], &after["cancel_reason"]), (&json!("SELLER"), &json!("Out of stock")));
    assert!(after["update_time"].as_i64() > before["update_time"].as_i64());
    assert_eq!(after["line_items"][0]["display_status"], "CANCELLED");
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 25_001_051);
    let calls = desk.ask(&format!("/calls?platform=tiktok_shop&number={number}")).await;
    let changed = calls["calls"].as_array().unwrap().iter().filter(|call| call["changed"] == true).count();
    assert_eq!(changed, 1);
}

#[tokio::test]
async fn another_reason_gives_the_units_back() {
    let desk = desk(1).await;
    let number = desk.order(json!({"lines": [{"sku": "MUG-BLU", "quantity": 2}]})).await;
    let left = desk.stock("MUG-BLU").await;
    assert_eq!(desk.cancel(&number, "seller_cancel_reason_wrong_price").await["code"], 0);
    assert_eq!(desk.stock("MUG-BLU").await, left + 2);
}

#[tokio::test]
async fn reasons_differ_by_market_and_payment_and_a_wrong_one_is_refused() {
    let desk = desk(1).await;
    let paid = desk.order(json!({})).await;
    let unpaid = desk.order(json!({"status": "UNPAID"})).await;
    assert_eq!(desk.reasons(&paid).await.len(), 3);
    assert!(desk.reasons(&unpaid).await.iter().all(|key| key.contains("unpaid")));
    assert_eq!(desk.cancel(&unpaid, STOCK).await["code"], 25_001_021);
    assert_eq!(desk.cancel(&paid, "OUT_OF_STOCK").await["code"], 25_001_014);
    assert_eq!(desk.cancel(&paid, "seller_cancel_reason_out_of_stock_uk").await["code"], 25_001_014);
    assert_eq!(desk.cancel(&unpaid, "seller_cancel_unpaid_reason_out_of_stock").await["code"], 0);
}

#[tokio::test]
async fn a_shop_may_have_only_the_older_check() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    desk.switch(json!({"newest_version": 202_309})).await;
    for version in ["202602", "202512"] {
        let path = format!("/return_refund/{version}/orders/{number}/aftersale_eligibility");
        let answer = desk.get(&path, &[]).await;
        assert_eq!((&answer["code"], &answer["message"]), (&json!(36_009_004), &json!("Invalid API version.")));
    }
    let path = format!("/return_refund/202309/orders/{number}/aftersale_eligibility");
    let answer = desk.get(&path, &[]).await;
    let entry = &answer["data"]["sku_eligibility"][0]["line_item_eligibility"][0];
    assert_eq!((&entry["eligible"], entry.get("available_reason_names")), (&json!(true), None));
}

#[tokio::test]
async fn what_may_not_be_cancelled_says_why() {
    let desk = desk(1).await;
    for (wish, code) in [
        (json!({"status": "IN_TRANSIT"}), 25_001_045),
        (json!({"status": "DELIVERED"}), 25_001_045),
        (json!({"status": "COMPLETED"}), 25_001_051),
        (json!({"status": "CANCELLED"}), 25_001_051),
        (json!({"fulfilled_by": "FULFILLMENT_BY_TIKTOK"}), 25_001_001),
        (json!({"status": "AWAITING_COLLECTION"}), 0),
        (json!({"storefront": "TOKOPEDIA"}), 0),
    ] {
        let number = desk.order(wish.clone()).await;
        let path = format!("/return_refund/202602/orders/{number}/aftersale_eligibility");
        let entry = desk.get(&path, &[]).await["data"]["sku_eligibility"][0]["line_item_eligibility"][0].clone();
        if entry.is_object() {
            assert_eq!((&entry["eligible"], &entry["ineligible_code"]), (&json!(code == 0), &json!(code)), "{wish}");
        }
        assert_eq!(desk.cancel(&number, STOCK).await["code"], code, "{wish}");
    }
    desk.switch(json!({"cancel_after_arrangement": false})).await;
    let number = desk.order(json!({"status": "AWAITING_COLLECTION"})).await;
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 25_001_001);
    assert_eq!(desk.cancel("577500000000000000", STOCK).await["code"], 25_001_001);
}

#[tokio::test]
async fn lines_are_cancelled_alone_in_some_markets_and_for_one_reason_only() {
    let mut desk = desk(1).await;
    let lines = json!([{"sku": "MUG-BLU", "quantity": 2}]);
    let partly = async |desk: &Desk, number: &str, reason: &str| {
        let id = desk.detail(number).await["line_items"][0]["id"].clone();
        let body =
            json!({"order_id": number, "cancel_reason": reason, "order_line_list": [{"order_line_item_id": id}]});
        desk.post("/return_refund/202602/cancellations", &[], body).await["code"].as_i64().unwrap()
    };
    let number = desk.order(json!({"lines": lines})).await;
    assert_eq!(partly(&desk, &number, STOCK).await, 11_050_001);
    let wish = json!({"platform": "tiktok_shop", "region": "US", "orders": 1});
    let shop = desk.tell(Method::POST, "/shops", wish).await["shop"].as_str().unwrap().to_owned();
    let code = desk.tell(Method::POST, "/grants", json!({"platform": "tiktok_shop", "shop": shop})).await;
    let get = format!(
        "{}/api/v2/token/get?app_key={}&app_secret={}&grant_type=authorized_code&auth_code={}",
        desk.address,
        desk.key,
        desk.secret,
        code["code"].as_str().unwrap()
    );
    desk.token = desk.send(Method::GET, &get, "").await.1["data"]["access_token"].as_str().unwrap().to_owned();
    let number = desk.order(json!({"shop": shop, "lines": lines})).await;
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 101_000, "the cipher is another shop's");
    let shops = desk.send(Method::GET, &desk.url("/authorization/202309/shops", &[], "").await, "").await.1;
    desk.cipher = shops["data"]["shops"][0]["cipher"].as_str().unwrap().to_owned();
    assert_eq!(partly(&desk, &number, "seller_cancel_reason_wrong_price").await, 11_050_001);
    assert_eq!(partly(&desk, &number, STOCK).await, 0);
    let truth = desk.truth(&number).await;
    assert_eq!(truth["status"], "AWAITING_SHIPMENT");
    let cancelled: Vec<&Value> =
        truth["lines"].as_array().unwrap().iter().map(|line| &line["cancelled_quantity"]).collect();
    assert_eq!(cancelled, [1, 0]);
}

#[tokio::test]
async fn a_request_waits_for_the_seller_and_silence_agrees() {
    let desk = desk(1).await;
    let ask = json!({"ask": true});
    let number = desk.order(json!({"storefront": "TOKOPEDIA", "status": "AWAITING_COLLECTION"})).await;
    desk.buyer(&number, "buyer-cancel", json!({})).await;
    let order = desk.detail(&number).await;
    assert_eq!((&order["is_buyer_request_cancel"], &order["status"]), (&json!(true), &json!("AWAITING_COLLECTION")));
    let pending = desk.pending(&number).await;
    assert_eq!((&pending["cancel_type"], &pending["role"]), (&json!("BUYER_CANCEL"), &json!("BUYER")));
    let deadline = pending["seller_next_action_response"][0]["deadline"].as_i64().unwrap();
    assert!((deadline - desk.now().await - 48 * 3_600).abs() < 5);
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 25_001_010);
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 48 * 3_600 + 1})).await;
    let truth = desk.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("buyer")));

    let kept = desk.order(json!({})).await;
    desk.buyer(&kept, "buyer-cancel", ask.clone()).await;
    desk.buyer(&kept, "buyer-withdraw", json!({})).await;
    assert_eq!(desk.truth(&kept).await["status"], "AWAITING_SHIPMENT");
    assert_eq!(desk.detail(&kept).await["is_buyer_request_cancel"], false);
}

#[tokio::test]
async fn a_request_is_approved_or_rejected_once() {
    let desk = desk(1).await;
    for (act, body, status) in [
        ("approve", Value::Null, "CANCELLED"),
        ("reject", json!({"reject_reason": "seller_reject_apply_product_has_been_packed"}), "AWAITING_SHIPMENT"),
    ] {
        let number = desk.order(json!({})).await;
        desk.buyer(&number, "buyer-cancel", json!({"ask": true})).await;
        let id = desk.pending(&number).await["cancel_id"].as_str().unwrap().to_owned();
        let path = format!("/return_refund/202309/cancellations/{id}/{act}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if act == "reject" {
            let wrong = json!({"reject_reason": "no_such"});
            assert_eq!(desk.post(&path, &[], wrong).await["code"], 25_001_014);
        }
        let parameters = [("shop_cipher", desk.cipher.as_str()), ("idempotency_key", "k1")];
        for _ in 0..2 {
            let url = desk.url(&path, &parameters, &body).await;
            assert_eq!(desk.send(Method::POST, &url, &body).await.1["code"], 0, "{act}");
        }
        let other = [("shop_cipher", desk.cipher.as_str()), ("idempotency_key", "k2")];
        let url = desk.url(&path, &other, &body).await;
        assert_eq!(desk.send(Method::POST, &url, &body).await.1["code"], 25_001_001, "{act}");
        assert_eq!(desk.truth(&number).await["status"], status);
        let calls = desk.ask(&format!("/calls?platform=tiktok_shop&number={number}")).await;
        let changed = calls["calls"].as_array().unwrap().iter().filter(|call| call["changed"] == true).count();
        assert_eq!(changed, 1, "{act}");
    }
}

#[tokio::test]
async fn buyers_cancel_alone_where_the_market_lets_them() {
    let desk = desk(1).await;
    for (status, storefront, granted) in [
        ("UNPAID", "TIKTOK_SHOP", true),
        ("ON_HOLD", "TIKTOK_SHOP", true),
        ("AWAITING_SHIPMENT", "TIKTOK_SHOP", true),
        ("AWAITING_COLLECTION", "TIKTOK_SHOP", true),
        ("AWAITING_SHIPMENT", "TOKOPEDIA", true),
        ("AWAITING_COLLECTION", "TOKOPEDIA", false),
    ] {
        let number = desk.order(json!({"status": status, "storefront": storefront})).await;
        let truth = desk.buyer(&number, "buyer-cancel", json!({})).await;
        assert_eq!(truth["status"] == "CANCELLED", granted, "{status} {storefront}");
    }
    let preorder = desk.order(json!({"status": "AWAITING_SHIPMENT", "preorder": true})).await;
    assert_eq!(desk.buyer(&preorder, "buyer-cancel", json!({})).await["status"], "AWAITING_SHIPMENT");
    assert_eq!(desk.pending(&preorder).await["cancel_type"], "BUYER_CANCEL", "a pre-order needs the seller's word");
    let seller_ships = json!({"status": "AWAITING_SHIPMENT", "seller_ships": true});
    let (early, late) = (desk.order(seller_ships.clone()).await, desk.order(seller_ships).await);
    assert_eq!(desk.detail(&late).await["shipping_type"], "SELLER");
    assert_eq!(desk.buyer(&early, "buyer-cancel", json!({})).await["status"], "CANCELLED", "the first hour is free");
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 3_601})).await;
    assert_eq!(desk.buyer(&late, "buyer-cancel", json!({})).await["status"], "AWAITING_SHIPMENT");
    assert_eq!(desk.pending(&late).await["cancel_type"], "BUYER_CANCEL", "what the seller ships is the seller's word");
}

#[tokio::test]
async fn a_cancel_may_take_its_time() {
    let desk = desk(1).await;
    desk.switch(json!({"cancel_settles_seconds": 30})).await;
    let number = desk.order(json!({})).await;
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 0);
    assert_eq!(desk.truth(&number).await["status"], "AWAITING_SHIPMENT");
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 25_001_010);
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 31})).await;
    assert_eq!(desk.truth(&number).await["status"], "CANCELLED");
}

#[tokio::test]
async fn a_package_is_shipped_unless_a_request_waits() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let package = desk.detail(&number).await["packages"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/fulfillment/202309/packages/{package}/ship");
    desk.buyer(&number, "buyer-cancel", json!({"ask": true})).await;
    assert_eq!(desk.post(&path, &[], json!({"handover_method": "PICKUP"})).await["code"], 21_011_007);
    desk.buyer(&number, "buyer-withdraw", json!({})).await;
    assert_eq!(desk.post(&path, &[], json!({"handover_method": "PICKUP"})).await["code"], 0);
    let order = desk.detail(&number).await;
    assert_eq!(
        (&order["status"], &order["line_items"][0]["package_status"]),
        (&json!("AWAITING_COLLECTION"), &json!("PROCESSING"))
    );
    assert!(order["rts_time"].is_i64() && !order["tracking_number"].as_str().unwrap().is_empty());
    let shown = desk.get(&format!("/fulfillment/202309/packages/{package}"), &[]).await;
    assert_eq!(shown["data"]["package_status"], "PROCESSING");
}

#[tokio::test]
async fn stock_is_set_row_by_row() {
    let desk = desk(1).await;
    let stock = desk.ask("/stock?platform=tiktok_shop").await;
    let row = stock["stock"].as_array().unwrap().iter().find(|row| row["sku"] == "MUG-BLU").unwrap().clone();
    let path = format!("/product/202309/products/{}/inventory/update", row["product_id"].as_str().unwrap());
    let set = |id: &Value, inventory: Value| json!({"skus": [{"id": id, "inventory": [inventory]}]});
    let code = async |body: Value| desk.post(&path, &[], body).await;
    assert_eq!(code(set(&row["sku_id"], json!({"quantity": 7}))).await["data"], json!({}));
    assert_eq!(desk.stock("MUG-BLU").await, 7);
    let wrong = code(set(&row["sku_id"], json!({"warehouse_id": "1", "quantity": 9}))).await;
    assert_eq!((&wrong["code"], &wrong["data"]["errors"][0]["code"]), (&json!(0), &json!(12_052_097)));
    assert_eq!(code(set(&json!("1"), json!({"quantity": 9}))).await["data"]["errors"][0]["detail"]["sku_id"], "1");
    assert_eq!(code(set(&row["sku_id"], json!({"quantity": 0}))).await["data"], json!({}));
    desk.switch(json!({"zero_stock_may_be_written": false})).await;
    assert!(code(set(&row["sku_id"], json!({"quantity": 0}))).await["data"]["errors"].is_array());
    let body = json!({"sku_ids": [row["sku_id"]]});
    let read = desk.post("/product/202309/inventory/search", &[], body).await;
    let sku = &read["data"]["inventory"][0]["skus"][0];
    assert_eq!((&sku["seller_sku"], &sku["total_available_quantity"]), (&json!("MUG-BLU"), &json!(0)));
}

#[tokio::test]
async fn changes_are_pushed_and_signed_over_key_and_raw_body() {
    let (send, mut pushes) = mpsc::unbounded_channel();
    let handle = move |headers: axum::http::HeaderMap, body: String| {
        let sign = headers["authorization"].to_str().unwrap().to_owned();
        let _ = send.send((sign, body));
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/", axum::routing::post(handle))).await },
    );
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/push-target", json!({"platform": "tiktok_shop", "url": url})).await;
    let number = desk.order(json!({})).await;
    let (sign, raw) = pushes.recv().await.unwrap();
    assert_eq!(sign, hmac_hex(&desk.secret, &format!("{}{raw}", desk.key)));
    let push: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!((&push["type"], &push["data"]["order_status"]), (&json!(1), &json!("AWAITING_SHIPMENT")));
    assert_eq!(desk.cancel(&number, STOCK).await["code"], 0);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let push: Value = serde_json::from_str(&pushes.recv().await.unwrap().1).unwrap();
        assert_eq!(push["data"]["order_id"], number);
        kinds.push((push["type"].as_i64().unwrap(), push["data"].clone()));
    }
    kinds.sort_by_key(|(kind, _)| *kind);
    assert_eq!((kinds[0].0, &kinds[0].1["order_status"]), (1, &json!("CANCEL")));
    assert_eq!((kinds[1].0, &kinds[1].1["cancellations_role"]), (11, &json!("SELLER")));
}

#[tokio::test]
async fn every_fault_kind_reaches_it() {
    let desk = desk(1).await;
    let fault = async |kind: &str| {
        let body = json!({"platform": "tiktok_shop", "rate": if kind.is_empty() { 0 } else { 1 }, "kinds": [kind], "delay_ms": 1});
        let body = if kind.is_empty() { json!({"platform": "tiktok_shop", "rate": 0, "kinds": []}) } else { body };
        desk.tell(Method::PUT, "/faults", body).await;
    };
    let url = desk.url("/return_refund/202309/cancellations", &[("shop_cipher", &desk.cipher)], "{}").await;
    for (kind, code) in [("http_500", 36_009_003), ("http_500_after", 36_009_003), ("rate_limited", 36_009_002)] {
        fault(kind).await;
        assert_eq!(desk.send(Method::POST, &url, "{}").await.1["code"], code, "{kind}");
    }
    for kind in ["timeout_before", "timeout_after"] {
        fault(kind).await;
        assert!(desk.http.post(&url).body("{}").send().await.is_err(), "{kind}");
    }
    fault("").await;
    let number = desk.order(json!({})).await;
    let before = desk.detail(&number).await;
    fault("timeout_after").await;
    let body = json!({"order_id": number, "cancel_reason": STOCK}).to_string();
    let url = desk.url("/return_refund/202309/cancellations", &[("shop_cipher", &desk.cipher)], &body).await;
    let sent = desk.http.post(&url).header("x-tts-access-token", &desk.token).body(body).send().await;
    assert!(sent.is_err());
    assert_eq!(desk.truth(&number).await["status"], "CANCELLED");
    fault("stale_read").await;
    assert_eq!(desk.detail(&number).await["status"], before["status"]);
}

#[tokio::test]
async fn an_empty_object_is_signed_as_two_bytes_unless_the_switch_is_lenient() {
    let desk = desk(1).await;
    let parameters = [("shop_cipher", desk.cipher.as_str()), ("page_size", "20")];
    let unsigned = desk.url("/order/202309/orders/search", &parameters, "").await;
    assert_eq!(desk.send(Method::POST, &unsigned, "{}").await.1["code"], 106_001);
    let signed = desk.url("/order/202309/orders/search", &parameters, "{}").await;
    assert_eq!(desk.send(Method::POST, &signed, "{}").await.1["code"], 0);
    desk.switch(json!({"empty_body_unsigned": true})).await;
    assert_eq!(desk.send(Method::POST, &unsigned, "{}").await.1["code"], 0);
}

#[tokio::test]
async fn an_order_on_hold_may_be_shipped_when_its_hour_is_over() {
    let desk = desk(1).await;
    let number = desk.order(json!({"status": "ON_HOLD"})).await;
    assert_eq!(desk.detail(&number).await["is_on_hold_order"], true);
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 3_601})).await;
    assert_eq!(desk.truth(&number).await["status"], "AWAITING_SHIPMENT");
}

#[tokio::test]
async fn a_budget_is_kept() {
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/limits", json!({"per_second": 0})).await;
    assert_eq!(desk.get("/order/202309/orders", &[("ids", "1")]).await["code"], 36_009_002);
}
