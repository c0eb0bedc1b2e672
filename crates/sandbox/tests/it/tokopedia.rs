//! Tokopedia's old API over real sockets, by a client written from the sheet for these tests.

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
    fs: i64,
    shop: i64,
    token: String,
}

async fn desk(orders: u32) -> Desk {
    let running = sandbox::start(settings(orders)).await.unwrap();
    let ready = running.ready();
    let credentials = &ready["credentials"]["tokopedia"];
    let mut desk = Desk {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        address: ready["tokopedia"].as_str().unwrap().to_owned(),
        control: ready["control"].as_str().unwrap().to_owned(),
        fs: credentials["fs_id"].as_i64().unwrap(),
        shop: credentials["shop_id"].as_i64().unwrap(),
        token: String::new(),
        running,
    };
    desk.token = desk.new_token().await["access_token"].as_str().unwrap().to_owned();
    desk
}

impl Desk {
    fn credential(&self, name: &str) -> String {
        self.running.ready()["credentials"]["tokopedia"][name].as_str().unwrap().to_owned()
    }

    async fn new_token(&self) -> Value {
        let url = format!("{}/token?grant_type=client_credentials", self.address);
        let request =
            self.http.post(url).basic_auth(self.credential("client_id"), Some(self.credential("client_secret")));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{}", self.address, path.replace("FS", &self.fs.to_string()));
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, Value::Null).await
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

    async fn order(&self, wish: Value) -> String {
        let mut body = json!({"platform": "tokopedia"});
        wish.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        self.tell(Method::POST, "/orders", body).await["numbers"][0].as_str().unwrap().to_owned()
    }

    async fn truth(&self, number: &str) -> Value {
        self.ask(&format!("/orders?platform=tokopedia&number={number}")).await["orders"][0].clone()
    }

    async fn nack(&self, number: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, &format!("/v1/order/{number}/fs/FS/nack"), body).await
    }

    async fn product(&self, sku: &str) -> Value {
        let stock = self.ask("/stock?platform=tokopedia").await;
        stock["stock"].as_array().unwrap().iter().find(|row| row["sku"] == sku).unwrap().clone()
    }

    async fn shown(&self, number: &str) -> Value {
        self.get(&format!("/v2/fs/FS/order?order_id={number}")).await.1["data"].clone()
    }
}

fn code(answer: &(u16, Value)) -> &Value {
    &answer.1["header"]["error_code"]
}

#[tokio::test]
async fn one_token_is_given_until_it_ends() {
    let desk = desk(1).await;
    let again = desk.new_token().await;
    assert_eq!(again["access_token"], desk.token);
    assert_eq!(desk.get("/v2/fs/FS/order?order_id=1").await.0, 400);
    desk.tell(Method::POST, "/tokens", json!({"platform": "tokopedia", "action": "expire_access"})).await;
    assert_eq!(desk.get("/v2/fs/FS/order?order_id=1").await, (401, json!({"message": "invalid_token"})));
    assert_ne!(desk.new_token().await["access_token"], desk.token);
    let wrong =
        desk.http.post(format!("{}/token?grant_type=client_credentials", desk.address)).basic_auth("x", Some("y"));
    assert_eq!(wrong.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_list_has_paid_orders_of_a_short_window() {
    let desk = desk(40).await;
    let number = desk.order(json!({})).await;
    desk.order(json!({"status": "100"})).await;
    let now = jiff::Timestamp::now().as_second();
    let list = async |from: i64, page: u32| {
        let (shop, to) = (desk.shop, now + 10);
        desk.get(&format!(
            "/v2/order/list?fs_id=FS&shop_id={shop}&from_date={from}&to_date={to}&page={page}&per_page=100"
        ))
        .await
    };
    let listed = list(now - 2 * 86_400 - 3_600, 1).await.1["data"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 41);
    assert!(listed.iter().any(|order| order["order_id"].as_i64() == number.parse().ok()));
    assert_eq!(list(now - 2 * 86_400 - 3_600, 2).await.1["data"], json!([]));
    assert_eq!(code(&list(now - 3 * 86_400, 1).await), "ORD_DLV_013");
    let other = desk.get("/v2/order/list?fs_id=1&shop_id=1&from_date=1&to_date=1").await;
    assert_eq!(code(&other), "ORD_USC_024");
}

#[tokio::test]
async fn a_rejection_ends_the_order_and_empties_what_it_names() {
    let desk = desk(1).await;
    let mug = desk.product("MUG-BLU").await;
    let number =
        desk.order(json!({"lines": [{"sku": "MUG-BLU", "quantity": 2}, {"sku": "BOARD", "quantity": 1}]})).await;
    let board = desk.product("BOARD").await["available"].as_i64().unwrap();
    for (body, words) in [
        (json!({"reason_code": 6, "reason": "x"}), "Unknown reason_code"),
        (json!({"reason_code": 3}), "missing"),
        (json!({"reason_code": 1, "reason": "x", "empty_products": [1]}), "names no product"),
        (json!({"reason_code": 4, "reason": "x"}), "shop_close_end_date"),
    ] {
        let answer = desk.nack(&number, body).await;
        assert_eq!(code(&answer), "ORD_USC_008");
        assert!(answer.1["header"]["reason"].as_str().unwrap().contains(words), "{answer:?}");
    }
    let body = json!({"reason_code": 1, "reason": "Stok habis", "empty_products": [mug["product_id"]]});
    assert_eq!(desk.nack(&number, body.clone()).await.1["data"], "success");
    let truth = desk.truth(&number).await;
    assert_eq!(
        (&truth["status"], &truth["cancelled_by"], &truth["cancel_reason"]),
        (&json!("10"), &json!("seller"), &json!("1"))
    );
    assert_eq!(desk.product("MUG-BLU").await["available"], 0);
    assert_eq!(desk.product("BOARD").await["available"], board + 1);
    let shown = desk.shown(&number).await;
    assert_eq!(shown["order_info"]["order_history"][0]["action_by"], "seller");
    assert_eq!(code(&desk.nack(&number, body.clone()).await), "ORD_USC_008");
    desk.tell(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
    assert_eq!(desk.nack(&number, body).await.1["data"], "success");
    let calls = desk.ask(&format!("/calls?platform=tokopedia&number={number}")).await;
    let changed = calls["calls"].as_array().unwrap().iter().filter(|call| call["changed"] == true).count();
    assert_eq!(changed, 2);
}

#[tokio::test]
async fn an_order_lives_from_payment_to_the_buyer() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let act = async |what: &str, body: Value| {
        desk.call(Method::POST, &format!("/v1/order/{number}/fs/FS/{what}"), body).await
    };
    assert_eq!(act("ack", Value::Null).await.1["data"], "success");
    assert_eq!(code(&act("ack", Value::Null).await), "ORD_USC_001");
    let shipped = json!({"order_status": 500, "shipping_ref_num": "JNE123"});
    assert_eq!(act("status", shipped).await.1["data"], "success");
    assert_eq!(desk.shown(&number).await["order_info"]["shipping_info"]["awb"], "JNE123");
    assert_eq!(code(&desk.nack(&number, json!({"reason_code": 3, "reason": "x"})).await), "ORD_USC_008");
    let advance = format!("/orders/tokopedia/{number}/advance");
    desk.tell(Method::POST, &advance, json!({"to": "600"})).await;
    assert_eq!(desk.truth(&number).await["status"], "600");
}

#[tokio::test]
async fn what_is_not_accepted_in_time_is_cancelled_by_the_platform() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 86_401})).await;
    let truth = desk.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("0"), &json!("system")));
}

#[tokio::test]
async fn a_buyer_s_wish_waits_is_refused_or_granted_by_silence() {
    let desk = desk(1).await;
    let accepted = async || desk.order(json!({"status": "400"})).await;
    let (refused, silent, alone) = (accepted().await, accepted().await, desk.order(json!({})).await);
    for number in [&refused, &silent, &alone] {
        desk.tell(Method::POST, &format!("/orders/tokopedia/{number}/buyer-cancel"), json!({"reason": "r"})).await;
    }
    assert_eq!(desk.truth(&alone).await["status"], "15", "before it is accepted");
    assert_eq!(desk.shown(&refused).await["cancel_request_info"]["reason"], "r");
    assert_eq!(desk.shown(&refused).await["order_status"], 401, "the status of an accepted order whose buyer asks");
    desk.tell(Method::PUT, "/switches", json!({"tokopedia": {"asked_status": false}})).await;
    assert_eq!(desk.shown(&refused).await["order_status"], 400, "one source alone has that status");
    let path = format!("/v1/order/{refused}/fs/FS/reject-cancel");
    assert_eq!(desk.call(Method::POST, &path, Value::Null).await.1["data"], json!({"success": true}));
    assert_eq!(code(&desk.call(Method::POST, &path, Value::Null).await), "ORD_API_016");
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 2 * 86_400 + 1})).await;
    assert_eq!(desk.truth(&refused).await["status"], "400");
    let truth = desk.truth(&silent).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("15"), &json!("buyer")));
}

#[tokio::test]
async fn stock_is_set_row_by_row_and_read_product_by_product() {
    let desk = desk(1).await;
    let mug = desk.product("MUG-BLU").await;
    let rows = json!([{"product_id": mug["product_id"], "new_stock": 7}, {"sku": "NO-SUCH", "new_stock": 3}]);
    let path = format!("/inventory/v1/fs/FS/stock/update?shop_id={}", desk.shop);
    let answer = desk.call(Method::POST, &path, rows).await.1["data"].clone();
    assert_eq!((&answer["succeed_rows"], &answer["failed_rows_data"][0]["sku"]), (&json!(1), &json!("NO-SUCH")));
    let read = desk.get(&format!("/inventory/v1/fs/FS/product/info?product_id={}", mug["product_id"])).await;
    assert_eq!(read.1["data"][0]["stock"]["value"], 7);
}

#[tokio::test]
async fn a_shop_that_is_not_connected_any_more_is_refused() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    desk.tell(Method::POST, "/tokens", json!({"platform": "tokopedia", "action": "revoke"})).await;
    let answer = desk.nack(&number, json!({"reason_code": 3, "reason": "x"})).await;
    assert_eq!((answer.0, code(&answer)), (403, &json!("RBAC_MDLW_001")));
    desk.tell(Method::POST, "/grants", json!({"platform": "tokopedia"})).await;
    assert_eq!(desk.nack(&number, json!({"reason_code": 3, "reason": "x"})).await.1["data"], "success");
}

#[tokio::test]
async fn a_budget_is_kept_and_told() {
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/limits", json!({"per_second": 0})).await;
    let request =
        desk.http.get(format!("{}/v2/fs/{}/order?order_id=1", desk.address, desk.fs)).bearer_auth(&desk.token);
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["x-ratelimit-reset-after"].to_str().unwrap()), (429, "1"));
}

#[tokio::test]
async fn changes_are_pushed_and_signed_over_the_raw_body() {
    let (send, mut pushes) = mpsc::unbounded_channel();
    let handle = move |headers: axum::http::HeaderMap, body: String| {
        let _ = send.send((headers["authorization-hmac"].to_str().unwrap().to_owned(), body));
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/", axum::routing::post(handle))).await },
    );
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/push-target", json!({"platform": "tokopedia", "url": url})).await;
    let number = desk.order(json!({"status": "400"})).await;
    desk.tell(Method::POST, &format!("/orders/tokopedia/{number}/buyer-cancel"), json!({})).await;
    let (sign, raw) = pushes.recv().await.unwrap();
    assert_eq!(sign, hmac_hex(&desk.credential("webhook_secret"), &raw));
    assert_eq!(raw, format!("{{\"order_id\":{number}}}"));
    desk.nack(&number, json!({"reason_code": 8, "reason": "x"})).await;
    let push: Value = serde_json::from_str(&pushes.recv().await.unwrap().1).unwrap();
    assert_eq!((&push["order_status"], push["order_id"].to_string()), (&json!(0), number));
}

#[tokio::test]
async fn faults_reach_it_and_its_state_survives_them() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let before = desk.shown(&number).await["order_status"].clone();
    let fault = async |kind: &str| {
        let body = json!({"platform": "tokopedia", "rate": 1, "kinds": [kind], "delay_ms": 1});
        desk.tell(Method::PUT, "/faults", body).await;
    };
    fault("http_500_after").await;
    let answer = desk.nack(&number, json!({"reason_code": 3, "reason": "x"})).await;
    assert_eq!((answer.0, code(&answer)), (500, &json!("ORD_API_006")));
    assert_eq!(desk.truth(&number).await["status"], "10");
    fault("stale_read").await;
    assert_eq!(desk.shown(&number).await["order_status"], before);
    fault("rate_limited").await;
    assert_eq!(desk.get("/v2/fs/FS/order?order_id=1").await.0, 429);
}
