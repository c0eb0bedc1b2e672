//! A client of the platform, written from the sheet for these tests: it signs, it never retries.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sandbox::{Running, Settings};
use serde_json::{Value, json};
use sha2::Sha256;

/// A running sandbox with its printed credentials.
pub(crate) struct Desk {
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
    pub(crate) shopee: String,
    pub(crate) control: String,
    pub(crate) partner_id: i64,
    pub(crate) partner_key: String,
    pub(crate) shop_id: i64,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

pub(crate) fn settings(orders: u32) -> Settings {
    Settings { listen: [127, 0, 0, 1].into(), control_port: 0, data: None, seed: 1, orders }
}

pub(crate) async fn desk(orders: u32) -> Desk {
    open(settings(orders)).await
}

pub(crate) async fn open(settings: Settings) -> Desk {
    let running = sandbox::start(settings).await.unwrap();
    let ready = running.ready();
    let credentials = &ready["credentials"]["shopee"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Desk {
        http: reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .unwrap(),
        shopee: text(&ready["shopee"]),
        control: text(&ready["control"]),
        partner_id: credentials["partner_id"].as_i64().unwrap(),
        partner_key: text(&credentials["partner_key"]),
        shop_id: credentials["shop_id"].as_i64().unwrap(),
        access_token: text(&credentials["access_token"]),
        refresh_token: text(&credentials["refresh_token"]),
        running,
    }
}

pub(crate) fn hmac_hex(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

impl Desk {
    pub(crate) async fn now(&self) -> i64 {
        let text = self.ask("/clock").await["now"].as_str().unwrap().to_owned();
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    pub(crate) async fn shop_url(&self, path: &str) -> String {
        let at = self.now().await;
        self.shop_url_at(path, at)
    }

    pub(crate) fn shop_url_at(&self, path: &str, at: i64) -> String {
        let Desk { shopee, partner_id, partner_key, access_token, shop_id, .. } = self;
        let sign = hmac_hex(partner_key, &format!("{partner_id}{path}{at}{access_token}{shop_id}"));
        format!(
            "{shopee}{path}?partner_id={partner_id}&timestamp={at}&access_token={access_token}&shop_id={shop_id}&sign={sign}"
        )
    }

    pub(crate) async fn public_url(&self, path: &str) -> String {
        let at = self.now().await;
        let Desk { shopee, partner_id, partner_key, .. } = self;
        let sign = hmac_hex(partner_key, &format!("{partner_id}{path}{at}"));
        format!("{shopee}{path}?partner_id={partner_id}&timestamp={at}&sign={sign}")
    }

    /// A shop API by GET: status and body.
    pub(crate) async fn get(&self, path: &str, query: &str) -> (u16, Value) {
        let url = self.shop_url(path).await;
        self.send(Method::GET, &format!("{url}&{query}"), None).await.unwrap()
    }

    /// A shop API by POST: status and body.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = self.shop_url(path).await;
        self.send(Method::POST, &url, Some(body)).await.unwrap()
    }

    /// A public API by POST.
    pub(crate) async fn post_public(&self, path: &str, body: Value) -> (u16, Value) {
        let url = self.public_url(path).await;
        self.send(Method::POST, &url, Some(body)).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), reqwest::Error> {
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))))
    }

    /// GET on the control port.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        self.send(Method::GET, &format!("{}{path}", self.control), None).await.unwrap().1
    }

    /// POST or PUT on the control port; must be accepted.
    pub(crate) async fn tell(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.tell_any(method, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// POST or PUT on the control port.
    pub(crate) async fn tell_any(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.send(method, &format!("{}{path}", self.control), Some(body)).await.unwrap()
    }

    /// Makes one order.
    pub(crate) async fn order(&self, wish: Value) -> String {
        let mut body = json!({"platform": "shopee", "count": 1});
        for (key, value) in wish.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = self.tell(Method::POST, "/orders", body).await;
        answer["numbers"][0].as_str().unwrap().to_owned()
    }

    /// The platform's truth of an order.
    pub(crate) async fn truth(&self, number: &str) -> Value {
        self.ask(&format!("/orders?platform=shopee&number={number}")).await["orders"][0].clone()
    }

    /// Detail of one order with optional fields.
    pub(crate) async fn detail(&self, number: &str, fields: &str) -> Value {
        let query = format!("order_sn_list={number}&response_optional_fields={fields}");
        let (_, body) = self.get("/api/v2/order/get_order_detail", &query).await;
        body["response"]["order_list"][0].clone()
    }

    /// What the log knows of calls that name an order.
    pub(crate) async fn calls(&self, number: &str) -> Vec<Value> {
        self.ask(&format!("/calls?platform=shopee&number={number}")).await["calls"].as_array().unwrap().clone()
    }

    /// The stock of a listing.
    pub(crate) async fn stock(&self, sku: &str) -> i64 {
        let stock = self.ask("/stock?platform=shopee").await;
        let rows = stock["stock"].as_array().unwrap();
        rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].as_i64().unwrap()
    }

    pub(crate) async fn advance(&self, number: &str, to: &str) -> Value {
        self.tell(Method::POST, &format!("/orders/shopee/{number}/advance"), json!({"to": to})).await
    }

    pub(crate) async fn cancel(&self, body: Value) -> Value {
        self.post("/api/v2/order/cancel_order", body).await.1
    }
}
