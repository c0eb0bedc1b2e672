//! The warehouses that speak the generic protocol and the YiCang family's API: what they take, what they answer, and how an
//! asking ends now or later. Each course is told once, in the words of the client below.

use crate::client::{Desk, desk};
use reqwest::Method;
use serde_json::{Value, json};

/// What is spoken, as a client of either warehouse sees it.
enum Client {
    Generic { url: String, token: String },
    Yicang { url: String, token: String, key: String },
}

struct Trial {
    desk: Desk,
    client: Client,
}

/// Both clients, each with a sandbox of its own.
async fn trials() -> [Trial; 2] {
    let (one, two) = (desk(0).await, desk(0).await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ready = one.running.ready();
    let generic = Client::Generic {
        url: text(&ready["generic_warehouse"]),
        token: text(&ready["credentials"]["generic_warehouse"]["token"]),
    };
    let ready = two.running.ready();
    let credentials = &ready["credentials"]["yicang"];
    let yicang = Client::Yicang {
        url: format!("{}/public_open", text(&ready["yicang"])),
        token: text(&credentials["app_token"]),
        key: text(&credentials["app_key"]),
    };
    [Trial { desk: one, client: generic }, Trial { desk: two, client: yicang }]
}

impl Trial {
    fn name(&self) -> &'static str {
        match self.client {
            Client::Generic { .. } => "generic_warehouse",
            Client::Yicang { .. } => "yicang",
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = match &self.client {
            Client::Generic { url, token } => self.desk.http.request(method, format!("{url}{path}")).bearer_auth(token),
            Client::Yicang { url, token, key } => {
                let request = self.desk.http.request(method, format!("{url}{path}"));
                request.header("app-token", token).header("app-key", key)
            }
        };
        let response = if body.is_null() { request.send() } else { request.json(&body).send() }.await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    /// Pushes two units under a reference; answers the order's id, or nothing where the push was refused.
    async fn push(&self, reference: &str) -> Option<String> {
        match self.client {
            Client::Generic { .. } => {
                let recipient = json!({"name": "A", "address": "1 Road", "city": "SG", "country": "SG"});
                let lines = json!([{"sku": "SKU-A", "name": "Cup", "quantity": 2}]);
                let order = json!({"number": "1001", "recipient": recipient, "lines": lines});
                let (_, made) = self.ask(Method::PUT, &format!("/v1/orders/{reference}"), order).await;
                made["id"].as_str().map(str::to_owned)
            }
            Client::Yicang { .. } => {
                let order = json!({
                    "reference_no": reference, "shipping_method": "GROUND", "warehouse_code": "USEA", "country_code": "US",
                    "province": "NY", "city": "NY", "address1": "1 Road", "zipcode": "10001", "name": "A", "verify": 1,
                    "items": [{"product_sku": "SKU-A", "quantity": 2}],
                });
                let (_, made) = self.ask(Method::POST, "/order/create_order", order).await;
                made["order_code"].as_str().map(str::to_owned)
            }
        }
    }

    /// Asks for an order back; answers what is said of it, in the provider's own words.
    async fn withdraw(&self, id: &str) -> Value {
        match self.client {
            Client::Generic { .. } => {
                let path = format!("/v1/orders/{id}/withdrawal");
                let (_, said) = self.ask(Method::POST, &path, json!({"reason": "x"})).await;
                if said["because"].is_null() { said["outcome"].clone() } else { said["because"].clone() }
            }
            Client::Yicang { .. } => {
                let body = json!({"order_code": id, "reason": "x"});
                self.ask(Method::POST, "/order/cancel_order", body).await.1["cancel_status"].clone()
            }
        }
    }

    /// The status that a read shows.
    async fn status(&self, id: &str) -> Value {
        match self.client {
            Client::Generic { .. } => {
                self.ask(Method::GET, &format!("/v1/orders/{id}"), Value::Null).await.1["phase"].clone()
            }
            Client::Yicang { .. } => {
                let body = json!({"order_code": id});
                self.ask(Method::POST, "/order/get_order_by_code", body).await.1["data"]["order_status"].clone()
            }
        }
    }

    /// The word of this provider for the same thing.
    fn word(&self, generic: &str, yicang: Value) -> Value {
        match self.client {
            Client::Generic { .. } => json!(generic),
            Client::Yicang { .. } => yicang,
        }
    }

    async fn advance(&self, id: &str, to: &str) {
        self.tell(Method::POST, &format!("/orders/{}/{id}/advance", self.name()), json!({"to": to})).await;
    }

    async fn switch(&self, switches: Value) {
        self.tell(Method::PUT, "/switches", json!({self.name(): switches})).await;
    }

    async fn tell(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.desk.http.request(method, format!("{}{path}", self.desk.control)).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}");
        response.json().await.unwrap()
    }
}

#[tokio::test]
async fn an_order_is_there_once_by_its_reference_and_in_nobody_s_shop() {
    for trial in trials().await {
        let id = trial.push("ord-1").await.unwrap();
        match trial.client {
            // Told that it is there, or refused: both leave one order.
            Client::Generic { .. } => assert_eq!(trial.push("ord-1").await.as_ref(), Some(&id)),
            Client::Yicang { .. } => assert_eq!(trial.push("ord-1").await, None),
        }
        let here = trial.tell(Method::GET, &format!("/orders?platform={}", trial.name()), Value::Null).await;
        assert_eq!(here["orders"].as_array().unwrap().len(), 1);
        assert_eq!(here["orders"][0]["reference"], "ord-1");
        assert_eq!(trial.tell(Method::GET, "/orders", Value::Null).await["orders"], json!([]));
    }
}

#[tokio::test]
async fn an_order_is_stopped_until_it_is_picked_and_then_refused() {
    for trial in trials().await {
        let (one, two, three) =
            (trial.push("a").await.unwrap(), trial.push("b").await.unwrap(), trial.push("c").await.unwrap());
        assert_eq!(trial.withdraw(&one).await, trial.word("withdrawn", json!(2)));
        assert_eq!(trial.status(&one).await, trial.word("cancelled", json!("X")));
        assert_eq!(trial.withdraw(&one).await, trial.word("withdrawn", json!(2)), "asked twice");
        trial.advance(&two, "picked").await;
        assert_eq!(trial.withdraw(&two).await, trial.word("picked", json!(3)));
        assert_eq!(trial.status(&two).await, trial.word("picked", json!("W")), "the family has no word for it");
        trial.advance(&three, "shipped").await;
        assert_eq!(trial.withdraw(&three).await, trial.word("shipped", json!(3)));
        assert_eq!(trial.status(&three).await, trial.word("shipped", json!("D")));
    }
}

#[tokio::test]
async fn a_pending_asking_is_decided_later_by_how_far_the_order_is_then() {
    for trial in trials().await {
        let (one, two) = (trial.push("a").await.unwrap(), trial.push("b").await.unwrap());
        trial.switch(json!({"applies_after_seconds": 60})).await;
        for id in [&one, &two] {
            assert_eq!(trial.withdraw(id).await, trial.word("pending", json!(1)));
            assert_eq!(trial.status(id).await, trial.word("open", json!("W")));
        }
        trial.advance(&two, "picked").await;
        trial.tell(Method::POST, "/clock", json!({"advance_seconds": 61})).await;
        assert_eq!(trial.status(&one).await, trial.word("cancelled", json!("X")));
        assert_eq!(trial.status(&two).await, trial.word("picked", json!("W")));
        if let Client::Generic { .. } = trial.client {
            let (_, read) = trial.ask(Method::GET, &format!("/v1/orders/{two}"), Value::Null).await;
            assert_eq!(read["withdrawal"], json!({"outcome": "refused", "because": "picked"}));
        }
    }
}

#[tokio::test]
async fn a_flag_stops_nothing() {
    for trial in trials().await {
        let id = trial.push("a").await.unwrap();
        trial.switch(json!({"flag_only": true})).await;
        assert_eq!(trial.withdraw(&id).await, trial.word("withdrawn", json!(2)));
        assert_eq!(trial.status(&id).await, trial.word("open", json!("W")));
    }
}

#[tokio::test]
async fn what_left_comes_back_with_what_was_done() {
    for trial in trials().await {
        let id = trial.push("a").await.unwrap();
        trial.advance(&id, "shipped").await;
        trial.advance(&id, "returned").await;
        match trial.client {
            Client::Generic { .. } => {
                let (_, back) = trial.ask(Method::GET, &format!("/v1/orders/{id}/returns"), Value::Null).await;
                assert_eq!(back["returns"][0]["lines"], json!([{"sku": "SKU-A", "sellable": 2, "defective": 0}]));
            }
            Client::Yicang { .. } => {
                let (_, back) = trial.ask(Method::POST, "/return_order/search", json!({"reference_no": "a"})).await;
                assert_eq!(
                    (&back["data"][0]["asro_status"], &back["data"][0]["product_list"][0]["sellable_qty"]),
                    (&json!(5), &json!(2))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_token_learns_nothing() {
    for mut trial in trials().await {
        let (path, method) = match &mut trial.client {
            Client::Generic { token, .. } => {
                token.push('x');
                ("/v1/account", Method::GET)
            }
            Client::Yicang { token, .. } => {
                token.push('x');
                ("/order/get_order_list", Method::POST)
            }
        };
        let (status, body) = trial.ask(method, path, json!({})).await;
        match trial.client {
            Client::Generic { .. } => assert_eq!(status, 401),
            Client::Yicang { .. } => assert_eq!((status, &body["ask"]), (200, &json!("Failure"))),
        }
    }
}
