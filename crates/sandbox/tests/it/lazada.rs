//! The fake Lazada, asked by a client written from the sheet for these tests.

mod calls;
mod cancels;
mod orders;
mod pushes;
mod stock;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Desk, hmac_hex, open, settings};

const VALIDATE: &str = "/order/reverse/cancel/validate";
const CREATE: &str = "/order/reverse/cancel/create";
const DECIDE: &str = "/order/reverse/cancel/seller/decide";

/// A seller with the printed credentials.
struct Seller {
    desk: Desk,
    base: String,
    app_key: String,
    app_secret: String,
    seller_id: String,
    access_token: String,
    refresh_token: String,
}

async fn seller(orders: u32) -> Seller {
    seller_on(settings(orders)).await
}

async fn seller_on(settings: sandbox::Settings) -> Seller {
    let desk = open(settings).await;
    let ready = desk.running.ready();
    let credentials = &ready["credentials"]["lazada"];
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    Seller {
        base: format!("{}/rest", ready["lazada"].as_str().unwrap()),
        app_key: text("app_key"),
        app_secret: text("app_secret"),
        seller_id: text("seller_id"),
        access_token: text("access_token"),
        refresh_token: text("refresh_token"),
        desk,
    }
}

impl Seller {
    /// The parameters of a call with common ones and signature.
    async fn signed(&self, path: &str, parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
        let at = self.desk.now().await * 1_000;
        self.signed_at(path, parameters, &at.to_string())
    }

    fn signed_at(&self, path: &str, parameters: &[(&str, &str)], timestamp: &str) -> BTreeMap<String, String> {
        let common = [
            ("app_key", self.app_key.as_str()),
            ("timestamp", timestamp),
            ("sign_method", "sha256"),
            ("access_token", self.access_token.as_str()),
        ];
        let mut pool: BTreeMap<String, String> =
            common.iter().chain(parameters).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let text: String = pool.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let sign = hmac_hex(&self.app_secret, &format!("{path}{text}")).to_uppercase();
        pool.insert("sign".to_owned(), sign);
        pool
    }

    async fn try_get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<(u16, Value), reqwest::Error> {
        let pool = self.signed(path, parameters).await;
        let url = url::Url::parse_with_params(&format!("{}{path}", self.base), &pool).unwrap();
        self.desk.send(Method::GET, url.as_str(), None).await
    }

    /// A call with everything in the query.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let (status, body) = self.try_get(path, parameters).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A call with everything in a form.
    async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let pool = self.signed(path, parameters).await;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pool).finish();
        let form = "application/x-www-form-urlencoded;charset=utf-8";
        let request = self.desk.http.post(format!("{}{path}", self.base)).header("content-type", form).body(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Makes one order.
    async fn order(&self, wish: Value) -> String {
        let mut body = json!({"platform": "lazada", "lines": [{"sku": "MUG-BLU", "quantity": 2}]});
        for (key, value) in wish.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = self.desk.tell(Method::POST, "/orders", body).await;
        answer["numbers"][0].as_str().unwrap().to_owned()
    }

    async fn truth(&self, number: &str) -> Value {
        self.desk.ask(&format!("/orders?platform=lazada&number={number}")).await["orders"][0].clone()
    }

    /// The status of each item.
    async fn statuses(&self, number: &str) -> Vec<String> {
        let truth = self.truth(number).await;
        truth["lines"].as_array().unwrap().iter().map(|line| line["status"].as_str().unwrap().to_owned()).collect()
    }

    async fn items(&self, number: &str) -> Vec<Value> {
        self.get("/order/items/get", &[("order_id", number)]).await["data"].as_array().unwrap().clone()
    }

    /// Item ids as the text that one parameter holds.
    async fn item_list(&self, number: &str, places: &[usize]) -> String {
        let truth = self.truth(number).await;
        let ids: Vec<&Value> = places.iter().map(|place| &truth["lines"][*place]["id"]).collect();
        json!(ids).to_string()
    }

    /// The id under which a reason is offered for items.
    async fn reason_id(&self, number: &str, list: &str, name: &str) -> Option<String> {
        let checked = self.get(VALIDATE, &[("order_id", number), ("order_item_id_list", list)]).await;
        let options = checked["data"]["reason_options"].as_array()?.clone();
        let option = options.into_iter().find(|option| option["reason_name"] == name)?;
        Some(option["reason_id"].as_str().unwrap().to_owned())
    }

    /// Cancels items as the sheet says: validate, then create.
    async fn cancel(&self, number: &str, places: &[usize], reason: &str) -> Value {
        let list = self.item_list(number, places).await;
        let id = self.reason_id(number, &list, reason).await.unwrap_or_else(|| "10000021".to_owned());
        self.create(number, &list, &id).await
    }

    async fn create(&self, number: &str, list: &str, reason_id: &str) -> Value {
        self.get(CREATE, &[("order_id", number), ("order_item_id_list", list), ("reason_id", reason_id)]).await
    }

    async fn stock(&self, sku: &str) -> i64 {
        let stock = self.desk.ask("/stock?platform=lazada").await;
        let rows = stock["stock"].as_array().unwrap();
        rows.iter().find(|row| row["sku"] == sku).unwrap()["available"].as_i64().unwrap()
    }

    async fn advance(&self, number: &str, to: &str) -> Value {
        self.desk.tell(Method::POST, &format!("/orders/lazada/{number}/advance"), json!({"to": to})).await
    }

    async fn buyer(&self, number: &str, what: &str, body: Value) -> (u16, Value) {
        self.desk.tell_any(Method::POST, &format!("/orders/lazada/{number}/{what}"), body).await
    }

    async fn switches(&self, switches: Value) {
        self.desk.tell(Method::PUT, "/switches", json!({"lazada": switches})).await;
    }
}
