//! A whole desk in this process: sandbox, store, engine, workers and the HTTP server on a loopback port.

use crate::engine::{PATIENCE, World};
use countermand::app::App;
use countermand::auth::secrets;
use countermand::clock::{SandboxClock, now};
use countermand::permissions::{Permission, Role};
use countermand::{http, workers};
use domain::ids::{MerchantId, ShopId, UserId, WarehouseId};
use domain::order::List;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use store::new_id;
use store::people::{self, UserRecord};
use store::shops::{NOT_COUNTED, ShopRecord, WarehouseRecord};
use store::trial::Trial;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The password of every user here.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) app: App,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    /// A token that may do everything.
    pub(crate) owner: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Asserts a problem as RFC 9457 and this project write it.
    pub(crate) fn is_problem(&self, status: u16, code: &str, about: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{about}: {}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{about}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{about}: {problem}");
        assert_eq!(problem["status"], status, "{about}");
        assert_eq!(problem["operation_id"], self.headers["x-operation-id"].to_str().expect("text"), "{about}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{about}: {problem}");
        }
        problem
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.app.stop();
    }
}

impl Desk {
    /// A desk that answers, and whose workers carry out what it accepts.
    pub(crate) async fn start(trial: Trial, orders: u32) -> Self {
        let desk = Self::without_workers(trial, orders).await;
        tokio::spawn(workers::run(desk.app.clone()));
        desk
    }

    /// A desk that only answers: what it accepts stays as it is.
    pub(crate) async fn without_workers(trial: Trial, orders: u32) -> Self {
        Self::over(World::start(trial, orders).await).await
    }

    /// A desk over a world, that only answers.
    pub(crate) async fn over(world: World) -> Self {
        let (app, url) = serve(&world).await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let mut desk = Self { world, app, url, client, owner: String::new() };
        desk.owner = desk.user("owner@example.com", Permission::ALL, None).await;
        desk
    }

    /// The server ends, and another begins on the same data.
    pub(crate) async fn restart(&mut self) {
        self.app.stop();
        self.world.restart().await;
        let (app, url) = serve(&self.world).await;
        (self.app, self.url) = (app, url);
    }

    /// A user of the world's merchant; answers an API token.
    pub(crate) async fn user(&self, email: &str, permissions: &[Permission], shops: Option<Vec<ShopId>>) -> String {
        self.user_of(self.world.merchant.clone(), email, permissions, shops).await
    }

    pub(crate) async fn user_of(
        &self,
        merchant: MerchantId,
        email: &str,
        permissions: &[Permission],
        shops: Option<Vec<ShopId>>,
    ) -> String {
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let hash = HASH.get_or_init(|| countermand::auth::passwords::hash(PASSWORD).expect("hashed"));
        let token = secrets::api_token();
        let user = UserRecord {
            merchant,
            id: UserId::parse(new_id("usr", now())).expect("an id"),
            email: email.to_owned(),
            permissions: permissions.iter().map(|permission| permission.as_str().to_owned()).collect(),
            shops,
        };
        let mut session = self.app.store.begin().await.expect("begins");
        people::add(&mut session, &user, hash, now()).await.expect("added");
        people::add_token(&mut session, &secrets::hash(&token), &user, "test", now()).await.expect("added");
        session.commit().await.expect("committed");
        token
    }

    /// Another warehouse of the world's merchant.
    pub(crate) async fn warehouse(&self, id: &str, name: &str) {
        let record = WarehouseRecord { id: WarehouseId::parse(id).expect("an id"), name: name.to_owned() };
        let mut session = self.app.store.begin().await.expect("begins");
        store::shops::add_warehouse(&mut session, &self.world.merchant, &record).await.expect("added");
        session.commit().await.expect("committed");
    }

    /// Another shop of the world's merchant, connected and not counted.
    pub(crate) async fn uncounted_shop(&self, id: &str) -> ShopId {
        let (merchant, shop) = (&self.world.merchant, ShopId::parse(id).expect("an id"));
        let mut session = self.app.store.begin().await.expect("begins");
        let first = self.app.store.shop(&mut session, merchant, &self.world.shop).await.expect("read").expect("there");
        let record = ShopRecord { id: shop.clone(), account: "another".to_owned(), stock_from: NOT_COUNTED, ..first };
        self.app.store.add_shop(&mut session, &record, now()).await.expect("added");
        session.commit().await.expect("committed");
        shop
    }

    /// A user of another merchant, who may do everything there.
    pub(crate) async fn stranger(&self) -> String {
        let merchant = MerchantId::parse("mer_other").expect("an id");
        let mut session = self.app.store.begin().await.expect("begins");
        store::shops::add_merchant(&mut session, &merchant, "Another", now()).await.expect("added");
        session.commit().await.expect("committed");
        self.user_of(merchant, "stranger@example.com", Role::Owner.permissions(), None).await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        token: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request = request.header(name, HeaderValue::from_str(value).expect("a value"));
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("a text") }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, &self.owner, path, &[], "").await
    }

    /// Reads JSON that has to be there.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    /// Reads until it is so; in between, waits for the workers' news.
    pub(crate) async fn read_until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.app.changes();
        let come = async {
            loop {
                let read = self.read(path).await;
                if is_so(&read) {
                    return read;
                }
                changes.changed().await.expect("the desk goes on");
            }
        };
        tokio::time::timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("{path} stays as it is"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, &self.owner, path, &[], body.to_string()).await
    }

    /// Orders that can be cancelled, as the API writes them.
    pub(crate) async fn cancellable(&self, count: usize) -> Vec<Value> {
        let mut orders = Vec::new();
        for order in self.world.cancellable().await.into_iter().filter(|order| order.list == List::New).take(count) {
            orders.push(self.read(&format!("/api/v1/orders/{}", order.id)).await);
        }
        assert_eq!(orders.len(), count, "the sandbox has that many orders to cancel");
        orders
    }

    /// The cancellation when it has ended; told by the event stream, which must have been open before it began.
    pub(crate) async fn ended(&self, events: &mut Events, id: &str) -> Value {
        loop {
            let cancellation = self.read(&format!("/api/v1/cancellations/{id}")).await;
            if ["done", "refused"].iter().any(|state| cancellation["state"] == *state) {
                return cancellation;
            }
            events.next().await;
        }
    }

    pub(crate) async fn events(&self, token: &str, last: Option<&str>) -> Events {
        Events::of(&self.client, &self.url, token, last).await
    }
}

impl Events {
    /// Opens the event stream of a desk.
    pub(crate) async fn of(client: &reqwest::Client, url: &str, token: &str, last: Option<&str>) -> Self {
        let mut request = client.get(format!("{url}/api/v1/events")).bearer_auth(token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let mut response = request.send().await.expect("a stream");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut text = String::new();
            while let Ok(Some(chunk)) = response.chunk().await {
                text.push_str(&String::from_utf8_lossy(&chunk));
                while let Some((event, rest)) = text.split_once("\n\n") {
                    let event = Event::parse(event);
                    text = rest.to_owned();
                    if let Some(event) = event
                        && sender.send(event).is_err()
                    {
                        return;
                    }
                }
            }
        });
        Events { receiver }
    }
}

async fn serve(world: &World) -> (App, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let clock = Arc::new(SandboxClock::new(world.control.http.clone(), &world.control.url));
    clock.refresh().await.expect("the sandbox's clock");
    let public_url = url.parse().expect("an address");
    let store = world.engine.store().clone();
    let app = App::new(store, world.engine.clone(), clock, Arc::default(), &public_url);
    tokio::spawn(http::serve(app.clone(), listener));
    (app, url)
}

/// The cancel of an order as out of stock, choosing all its products.
pub(crate) fn out_of_stock(order: &Value) -> Value {
    let lines = order["lines"].as_array().expect("lines").iter();
    let lines: Vec<Value> = lines.map(|it| json!({"line_id": it["id"], "quantity": it["quantity"]})).collect();
    json!({"order_id": order["id"], "reason": "out_of_stock", "lines": lines})
}

/// A server-sent event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|it| it.trim().to_owned());
        let data = serde_json::from_str(&field("data:")?).expect("JSON");
        Some(Self { id: field("id:")?, name: field("event:")?, data })
    }
}

/// An open event stream.
pub(crate) struct Events {
    receiver: mpsc::UnboundedReceiver<Event>,
}

impl Events {
    pub(crate) async fn next(&mut self) -> Event {
        self.receiver.recv().await.expect("the stream goes on")
    }

    /// Waits for news, and takes all that has come.
    pub(crate) async fn news(&mut self) {
        self.next().await;
        while self.receiver.try_recv().is_ok() {}
    }

    /// The next event of this action.
    pub(crate) async fn action(&mut self, action: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.data["action"] == action {
                return event;
            }
        }
    }

    /// Whether the stream ends and had nothing to tell.
    pub(crate) async fn ends_without_event(&mut self) -> bool {
        self.receiver.recv().await.is_none()
    }

    /// Whether the stream has ended.
    pub(crate) async fn ends(&mut self) -> bool {
        while self.receiver.recv().await.is_some() {}
        true
    }
}
