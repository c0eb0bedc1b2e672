//! A sandbox, a store and an engine in one process, with one shop connected as a person would connect it.

use connectors::Policies;
use connectors::warehouse::{PushLine, PushOrder, Recipient};
use countermand::clock::SandboxClock;
use countermand::network::HttpNetwork;
use domain::ids::{MerchantId, MerchantSku, OrderId, OrderNumber, ShopId, WarehouseId};
use domain::order::List;
use domain::platform::Platform;
use domain::policy::Policy;
use domain::provider::Provider;
use domain::stock::Balance;
use domain::time::{Moment, Span};
use engine::commands::CancelRequest;
use engine::{Clock, Engine, Network, NewAccount};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::cancellations::{CancellationRecord, ChosenLine};
use store::order_lists::{self, Filter, Sort};
use store::orders::{self, OrderRecord};
use store::shops::{self, NOT_COUNTED, ShopRecord, WarehouseRecord};
use store::trial::Trial;
use store::warehouses::RuleRecord;
use store::{Store, cancellations, jobs};

/// The number of an order that nobody here pushed.
const STRANGE: &str = "STRANGE-1";
/// How long a test waits for anything before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// How often is looked for what wakes nobody here: what another process did, and the end of a platform's ban.
const LOOK_EVERY: Span = Span::from_millis(500);

pub(crate) struct World {
    pub(crate) trial: Trial,
    pub(crate) engine: Engine,
    pub(crate) control: Control,
    pub(crate) merchant: MerchantId,
    pub(crate) shop: ShopId,
    pub(crate) platform: Platform,
    /// The third-party warehouse that goods may lie at.
    pub(crate) fake: &'static Fake,
    policies: Policies,
    clock: Arc<TrialClock>,
    sandbox: sandbox::Running,
}

/// A fake third-party warehouse of the sandbox.
#[derive(Debug)]
pub(crate) struct Fake {
    /// Its name on the control port and in the ready line.
    pub(crate) name: &'static str,
    /// What people call it, and whom they call.
    pub(crate) called: &'static str,
    pub(crate) contact: &'static str,
    /// What is spoken with it.
    pub(crate) provider: Provider,
    /// How the path ends with which an order is asked back.
    pub(crate) withdraw: &'static str,
}

pub(crate) const SHIPBOB: Fake = Fake {
    name: "warehouse",
    called: "Fake fulfilment",
    contact: "Dock office, 100",
    provider: Provider::Shipbob,
    withdraw: ":cancel",
};
pub(crate) const GENERIC: Fake = Fake {
    name: "generic_warehouse",
    called: "Fake storehouse",
    contact: "Gate 3, 200",
    provider: Provider::Generic,
    withdraw: "/withdrawal",
};
pub(crate) const YICANG: Fake = Fake {
    name: "yicang",
    called: "Fake depot",
    contact: "Ramp 5, 300",
    provider: Provider::Yicang,
    withdraw: "/cancel_order",
};

impl Fake {
    /// The address of its API.
    pub(crate) fn address(&self, ready: &Value) -> String {
        let address = ready[self.name].as_str().expect("an address");
        match self.provider {
            Provider::Shipbob | Provider::Generic => address.to_owned(),
            Provider::Yicang => format!("{address}/public_open"),
        }
    }
}

/// The sandbox's clock, moved on for what waits for days.
struct TrialClock {
    sandbox: SandboxClock,
    later: AtomicI64,
}

impl TrialClock {
    fn later(&self, moment: Moment) -> Moment {
        moment.plus(Span::from_seconds(self.later.load(Ordering::Relaxed)))
    }
}

impl Clock for TrialClock {
    fn now(&self) -> Moment {
        self.later(self.sandbox.now())
    }

    fn platform_now(&self, platform: Platform) -> Moment {
        self.sandbox.platform_now(platform)
    }

    fn warehouse_now(&self) -> Moment {
        self.sandbox.warehouse_now()
    }
}

/// What stands in a world beside its shop's orders.
#[derive(Default)]
struct Furnishing<'a> {
    /// SKUs that begin so lie at the sandbox's third-party warehouse, which is asked at once or once somebody agreed.
    warehouse_rule: Option<(&'a str, bool)>,
    /// Another warehouse, with how the SKUs begin that lie there. It is asked once somebody agreed.
    second_warehouse: Option<(&'static Fake, &'a str)>,
    /// A seller's export, imported before anything is connected.
    export: Option<Value>,
}

/// The sandbox's control port.
#[derive(Clone)]
pub(crate) struct Control {
    /// Whose orders are spoken of where none is named.
    pub(crate) platform: Platform,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

impl Control {
    pub(crate) fn at(url: &str) -> Self {
        // Whichever test comes first: a client cannot be built without it, and a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { platform: Platform::Shopee, url: url.to_owned(), http }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.expect("the control port answers");
        response.json().await.expect("JSON")
    }

    pub(crate) async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.url)).json(&body);
        let response = request.send().await.expect("the control port answers");
        let status = response.status();
        let body: Value = response.json().await.unwrap_or(Value::Null);
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// What the platform received of an order's cancel: it took effect at most once, nothing was sent after an effective
    /// one, and nothing was sent again without a read in between.
    pub(crate) async fn check_calls(&self, number: &str) {
        let calls = self.get(&format!("/calls?platform={}&number={number}", self.platform)).await;
        let (mut effective, mut read_since) = (0, true);
        for call in calls["calls"].as_array().expect("calls") {
            let path = call["path"].as_str().unwrap_or_default();
            if CHECKS.iter().any(|check| path.ends_with(check)) {
                continue;
            }
            if CANCELS.iter().any(|cancel| path.ends_with(cancel)) {
                assert_eq!(effective, 0, "{number} was sent after an effective cancel: {calls}");
                assert!(read_since, "{number} was sent again without a read: {calls}");
                effective += usize::from(call["changed"] == true);
                read_since = false;
            } else {
                read_since = true;
            }
        }
    }

    pub(crate) async fn order(&self, number: &OrderNumber) -> Value {
        self.get(&format!("/orders?platform={}&number={number}", self.platform)).await["orders"][0].clone()
    }

    /// How often the platform was asked to cancel an order, and did.
    pub(crate) async fn effective_cancels(&self, number: &OrderNumber) -> usize {
        let calls = self.get(&format!("/calls?platform={}&number={number}", self.platform)).await;
        let of_cancel = |call: &&Value| {
            let path = call["path"].as_str().unwrap_or_default();
            CANCELS.iter().any(|cancel| path.ends_with(cancel)) && call["changed"] == true
        };
        calls["calls"].as_array().expect("calls").iter().filter(of_cancel).count()
    }
}

/// The ends of the paths that cancel, on whichever platform.
const CANCELS: [&str; 5] =
    ["/cancel_order", "/order/reverse/cancel/create", "/order/cancel", "/cancellations", "/nack"];
/// Those that ask whether a cancel would be taken: they read no order.
const CHECKS: [&str; 3] = ["/cancel/validate", "/aftersale_eligibility", "/failure_reason/get"];

fn engine(store: Store, policies: &Policies, clock: &Arc<TrialClock>) -> Engine {
    let network = HttpNetwork::new(Arc::default()).expect("a network");
    Engine::new(store, Arc::new(network), Arc::clone(clock) as Arc<dyn Clock>, policies.clone())
}

/// Every platform's built-in policy, changed as a test wants it.
fn policies(change: impl Fn(Platform, &mut Policy)) -> Policies {
    let policy = |&platform: &Platform| {
        let mut policy = connectors::default_policy(platform).expect("the built-in policy");
        // The platform's answers come within milliseconds here; the rules are the same with shorter times.
        policy.call_timeout = Span::from_millis(1_500);
        policy.settling = Span::from_millis(400);
        change(platform, &mut policy);
        (platform, Arc::new(policy))
    };
    Platform::ALL.iter().map(policy).collect()
}

/// The app's credentials without anybody's tokens, for the shop that a grant names.
fn app_credentials(printed: &Value, grant: &Value) -> Value {
    let mut credentials = printed.clone();
    let members = credentials.as_object_mut().expect("credentials");
    members.retain(|name, _| !name.ends_with("_token"));
    if let Some(key) = members.remove("push_key") {
        members.insert("push_keys".to_owned(), json!([key]));
    }
    for (name, value) in members.iter_mut() {
        if let Some(granted) = grant.get(name) {
            *value = granted.clone();
        }
    }
    credentials
}

/// Whether nothing waits but the next sweep, and labels, which nothing here looks at.
fn nothing_to_carry_on(waiting: &[(String, i64)]) -> bool {
    waiting.iter().all(|(kind, _)| [jobs::Kind::Sweep, jobs::Kind::Label].iter().any(|other| kind == other.as_str()))
}

fn id<T>(parsed: Result<T, domain::ids::IdError>) -> T {
    parsed.expect("an id")
}

/// Connects a warehouse of the sandbox, and says that a shop's goods with SKUs that begin so lie there.
async fn connect_warehouse(
    engine: &Engine,
    ready: &Value,
    fake: &Fake,
    (merchant, shop): (&MerchantId, &ShopId),
    (sku_prefix, withdraw_on_request): (&str, bool),
) {
    let credentials = ready["credentials"][fake.name].to_string();
    let address = fake.address(ready);
    let new = NewAccount {
        provider: fake.provider,
        name: fake.called,
        address: &address,
        credentials: &credentials,
        contact: fake.contact,
        destination: None,
        route: fake.name,
    };
    let account = engine.try_account(merchant, &new).await.expect("the warehouse takes it");
    let rule = RuleRecord {
        shop: shop.clone(),
        sku_prefix: sku_prefix.to_owned(),
        warehouse: account.warehouse.clone(),
        withdraw_on_request,
    };
    let mut session = engine.store().begin().await.expect("begins");
    engine.add_account(&mut session, "op@example.com", &account, fake.name).await.expect("added");
    engine.save_warehouse_rule(&mut session, merchant, "op@example.com", &rule).await.expect("saved");
    session.commit().await.expect("committed");
}

impl World {
    /// A Shopee shop with `orders` orders of every kind, synced and counted.
    pub(crate) async fn start(trial: Trial, orders: u32) -> Self {
        Self::on(Platform::Shopee, trial, orders, |_, _| ()).await
    }

    /// The same on another platform, with policies changed.
    pub(crate) async fn on(
        platform: Platform,
        trial: Trial,
        orders: u32,
        change: impl Fn(Platform, &mut Policy),
    ) -> Self {
        Self::furnished(platform, trial, orders, change, &SHIPBOB, Furnishing::default()).await
    }

    /// A Shopee shop that an export filled, at the moment at which the export's clock stands.
    pub(crate) async fn of_export(trial: Trial, export: Value) -> Self {
        let furnishing = Furnishing { export: Some(export), ..Furnishing::default() };
        Self::furnished(Platform::Shopee, trial, 0, |_, _| (), &SHIPBOB, furnishing).await
    }

    /// A Shopee shop whose goods with SKUs that begin so lie at a third-party warehouse of the sandbox.
    pub(crate) async fn at_warehouse(trial: Trial, orders: u32, sku_prefix: &str, at_once: bool) -> Self {
        Self::at(&SHIPBOB, trial, orders, sku_prefix, at_once).await
    }

    /// The same with this warehouse.
    pub(crate) async fn at(fake: &'static Fake, trial: Trial, orders: u32, sku_prefix: &str, at_once: bool) -> Self {
        let furnishing = Furnishing { warehouse_rule: Some((sku_prefix, at_once)), ..Furnishing::default() };
        Self::furnished(Platform::Shopee, trial, orders, |_, _| (), fake, furnishing).await
    }

    /// A Shopee shop with goods at two warehouses: each with how the SKUs begin that lie there.
    pub(crate) async fn at_both(
        trial: Trial,
        orders: u32,
        (fake, sku_prefix): (&'static Fake, &str),
        second: (&'static Fake, &str),
    ) -> Self {
        let furnishing = Furnishing {
            warehouse_rule: Some((sku_prefix, false)),
            second_warehouse: Some(second),
            ..Furnishing::default()
        };
        Self::furnished(Platform::Shopee, trial, orders, |_, _| (), fake, furnishing).await
    }

    /// The same with policies changed.
    pub(crate) async fn at_with(
        fake: &'static Fake,
        trial: Trial,
        orders: u32,
        sku_prefix: &str,
        change: impl Fn(Platform, &mut Policy),
    ) -> Self {
        let furnishing = Furnishing { warehouse_rule: Some((sku_prefix, false)), ..Furnishing::default() };
        Self::furnished(Platform::Shopee, trial, orders, change, fake, furnishing).await
    }

    async fn furnished(
        platform: Platform,
        trial: Trial,
        orders: u32,
        change: impl Fn(Platform, &mut Policy),
        fake: &'static Fake,
        furnishing: Furnishing<'_>,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings =
            sandbox::Settings { listen: [127, 0, 0, 1].into(), control_port: 0, data: None, seed: 7, orders };
        let sandbox = sandbox::start(settings).await.expect("a sandbox");
        let control = Control { platform, ..Control::at(sandbox.control_url()) };
        if let Some(export) = furnishing.export {
            control.send(reqwest::Method::POST, "/import", export).await;
        }
        let policies = policies(change);

        let ready = sandbox.ready();
        let grant = control.send(reqwest::Method::POST, "/grants", json!({"platform": platform.as_str()})).await;
        let credentials = app_credentials(&ready["credentials"][platform.as_str()], &grant);
        let account = &grant["shop_id"];
        let account = account.as_str().map_or_else(|| account.to_string(), str::to_owned);
        let known = control.get(&format!("/shops?platform={platform}")).await;
        let region = known["shops"][0]["region"].as_str().expect("a market").to_owned();
        let merchant = id(MerchantId::parse("mer_1"));
        let shop = id(ShopId::parse("shp_1"));
        let warehouse = WarehouseRecord { id: id(WarehouseId::parse("whs_1")), name: "Shelf".to_owned() };
        let store = trial.store.clone();
        let sandbox_clock = SandboxClock::new(control.http.clone(), &control.url);
        let clock = Arc::new(TrialClock { sandbox: sandbox_clock, later: AtomicI64::new(0) });
        clock.sandbox.refresh().await.expect("the sandbox's clock");
        let engine = engine(store.clone(), &policies, &clock);
        let sixty_days_ago = clock.platform_now(platform).minus(Span::from_seconds(60 * 86_400));
        let mut session = store.begin().await.expect("begins");
        shops::add_merchant(&mut session, &merchant, "A seller", Moment::from_millis(0)).await.expect("added");
        shops::add_warehouse(&mut session, &merchant, &warehouse).await.expect("added");
        let record = ShopRecord {
            merchant: merchant.clone(),
            id: shop.clone(),
            platform,
            account,
            name: "Kedai".to_owned(),
            region,
            address: ready[platform.as_str()].as_str().expect("an address").to_owned(),
            callback_url: None,
            warehouse: warehouse.id,
            credentials: credentials.to_string(),
            grant_version: 1,
            authorised: true,
            connected: true,
            alert: None,
            stock_from: NOT_COUNTED,
            swept_to: sixty_days_ago,
        };
        store.add_shop(&mut session, &record, Moment::from_millis(0)).await.expect("added");
        session.commit().await.expect("committed");
        let first = furnishing.warehouse_rule.map(|(sku_prefix, at_once)| (fake, sku_prefix, at_once));
        let second = furnishing.second_warehouse.map(|(second, sku_prefix)| (second, sku_prefix, false));
        // Before anything is counted: what is counted lies where the rules say.
        for (fake, sku_prefix, at_once) in first.into_iter().chain(second) {
            connect_warehouse(&engine, &ready, fake, (&merchant, &shop), (sku_prefix, at_once)).await;
        }
        engine.authorise(&merchant, &shop, grant["code"].as_str().expect("a code")).await.expect("authorised");
        engine.first_sync(&merchant, &shop).await.expect("synced");
        engine.count_from_listings(&merchant, &shop).await.expect("counted");
        Self { trial, engine, control, merchant, shop, platform, fake, policies, clock, sandbox }
    }

    /// The process dies and another begins on the same data: what it held in memory is gone, its leases are freed.
    pub(crate) async fn restart(&mut self) {
        let store = self.trial.reopen().await;
        let mut session = store.begin().await.expect("begins");
        jobs::free_all(&mut session).await.expect("freed");
        session.commit().await.expect("committed");
        self.engine = engine(store, &self.policies, &self.clock);
    }

    pub(crate) async fn list(&self, list: List, limit: u32) -> Vec<OrderRecord> {
        let mut session = self.engine.store().read().await.expect("begins");
        let filter = Filter { list: Some(list), ..Filter::default() };
        let sort = Sort::parse("ship_by").expect("a sort");
        let (ids, _) =
            order_lists::page(&mut session, &self.merchant, &filter, sort, None, limit).await.expect("a page");
        orders::load(&mut session, &self.merchant, &ids).await.expect("orders")
    }

    /// Orders that the seller may cancel by what is stored.
    pub(crate) async fn cancellable(&self) -> Vec<OrderRecord> {
        let mut orders = self.list(List::New, 200).await;
        orders.extend(self.list(List::InProcess, 200).await);
        orders.retain(|order| {
            engine::commands::cancellation_options(order, &self.policies[&order.platform]).allowed.is_ok()
        });
        orders
    }

    pub(crate) async fn order(&self, order: &OrderId) -> OrderRecord {
        let mut session = self.engine.store().read().await.expect("begins");
        orders::load_one(&mut session, &self.merchant, order).await.expect("read").expect("there")
    }

    pub(crate) async fn cancel(&self, order: &OrderRecord, reason: &str, lines: &[ChosenLine]) -> CancellationRecord {
        self.cancel_with(order, reason, lines, false).await
    }

    /// Cancels; with `repack`, the parcel is undone before and what is left is packed after.
    pub(crate) async fn cancel_with(
        &self,
        order: &OrderRecord,
        reason: &str,
        lines: &[ChosenLine],
        repack: bool,
    ) -> CancellationRecord {
        let mut session = self.engine.store().begin().await.expect("begins");
        let request = CancelRequest {
            order: &order.id,
            reason,
            lines,
            note: None,
            repack,
            expected_version: Some(order.version),
            despite_warehouse: false,
        };
        let record = self
            .engine
            .request_cancel(&mut session, &self.merchant, "op@example.com", &request)
            .await
            .expect("accepted");
        session.commit().await.expect("committed");
        record
    }

    pub(crate) async fn cancellation(&self, record: &CancellationRecord) -> CancellationRecord {
        let mut session = self.engine.store().read().await.expect("begins");
        cancellations::load(&mut session, &self.merchant, std::slice::from_ref(&record.id))
            .await
            .expect("read")
            .pop()
            .expect("there")
    }

    /// Works until it is so: the one way in which a test waits. In between it waits for the moment of the next job, or for
    /// whoever wakes the engine before.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut is_so: impl AsyncFnMut() -> bool,
        mut work: impl AsyncFnMut() -> usize,
    ) {
        let come = async {
            loop {
                let looked_at = self.engine.clock().now();
                let worked = work().await;
                // Heard from here on: what happens while it is looked at is not missed.
                let mut woken = std::pin::pin!(self.engine.woken());
                let heard = futures_util::poll!(woken.as_mut()).is_ready();
                if is_so().await {
                    return;
                }
                if heard || worked > 0 {
                    continue;
                }
                // What is due already and left alone is somebody else's.
                let next = self.engine.next_wake().await.expect("read").filter(|at| *at > looked_at);
                let wait = next.map_or(LOOK_EVERY, |at| at.since(self.engine.clock().now()).max(Span::ZERO));
                let wait = Duration::from_millis(wait.min(LOOK_EVERY).millis().unsigned_abs());
                let _ = tokio::time::timeout(wait, woken).await;
            }
        };
        tokio::time::timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("{what} did not come"));
    }

    /// Runs what is due until it is so.
    pub(crate) async fn run_until_so(&self, what: &str, is_so: impl AsyncFnMut() -> bool) {
        self.until(what, is_so, async || self.engine.run_due().await.expect("a tick")).await;
    }

    /// Runs what is due until every cancellation has ended.
    pub(crate) async fn run_until_ended(&self, records: &[CancellationRecord]) {
        let all_ended = async || {
            for record in records {
                if !self.cancellation(record).await.saga.state().is_final() {
                    return false;
                }
            }
            true
        };
        self.run_until_so("the end of the cancellations", all_ended).await;
    }

    /// Runs what is due until the order is as wished.
    pub(crate) async fn run_until(&self, order: &OrderId, wished: impl Fn(&OrderRecord) -> bool) -> OrderRecord {
        self.run_until_so("what is wished of the order", async || wished(&self.order(order).await)).await;
        self.order(order).await
    }

    /// Moves the platforms' virtual clock, which the engine follows.
    pub(crate) async fn advance_clock(&self, seconds: i64) {
        self.control.send(reqwest::Method::POST, "/clock", json!({"advance_seconds": seconds})).await;
        self.clock.sandbox.refresh().await.expect("the sandbox's clock");
    }

    /// Lets so much time pass for whatever waits here.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.later.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sweeps the shop and reads everything that changed.
    pub(crate) async fn sync(&self) {
        self.engine.first_sync(&self.merchant, &self.shop).await.expect("synced");
    }

    /// Moves orders along on the platform, and reads them, as a push would have it.
    pub(crate) async fn advance(&self, numbers: &[OrderNumber], to: &str) {
        for number in numbers {
            let path = format!("/orders/{}/{number}/advance", self.platform);
            self.control.send(reqwest::Method::POST, &path, json!({"to": to, "force": true})).await;
        }
        self.read_again(numbers).await;
    }

    /// Reads orders, as a push would have it.
    pub(crate) async fn read_again(&self, numbers: &[OrderNumber]) {
        let mut session = self.engine.store().begin().await.expect("begins");
        self.engine.nudge(&mut session, &self.merchant, &self.shop, numbers).await.expect("wanted");
        session.commit().await.expect("committed");
        let due = jobs::Due { merchant: self.merchant.clone(), shop: self.shop.clone() };
        while self.engine.tick(&due, jobs::Kind::ReadOrder).await.expect("a tick") > 0 {}
    }

    /// Somebody else's program, or one of ours that lost its memory, pushes an order to the warehouse; answers its id there.
    pub(crate) async fn push_behind_our_back(&self, reference: &str) -> String {
        let ready = self.sandbox.ready();
        let credentials = ready["credentials"][self.fake.name].to_string();
        let warehouse = connectors::open_warehouse(self.fake.provider, &self.fake.address(&ready), &credentials);
        let recipient = Recipient {
            name: "A buyer".to_owned(),
            address: "1 Road".to_owned(),
            city: "SG".to_owned(),
            province: None,
            postal_code: None,
            country: "SG".to_owned(),
        };
        let line = PushLine { sku: "MUG-WHT".to_owned(), name: "White mug".to_owned(), quantity: 1 };
        let order =
            PushOrder { reference: reference.to_owned(), number: STRANGE.to_owned(), recipient, lines: vec![line] };
        let call = warehouse.expect("opened").push_order(&order);
        let network = HttpNetwork::new(Arc::default()).expect("a network");
        let received = network.send(call.request, Span::from_seconds(30)).await.expect("an answer");
        (call.read)(&received).expect("taken")
    }

    /// What there is of a SKU in a warehouse.
    pub(crate) async fn balance_of(&self, warehouse: &WarehouseId, sku: &MerchantSku) -> Balance {
        let mut session = self.engine.store().read().await.expect("begins");
        let balances = store::stock::balances(&mut session, &self.merchant, Some(sku), Some(warehouse), None, 1);
        balances.await.expect("read").pop().map(|row| row.balance).unwrap_or_default()
    }

    /// Another shop of the same merchant on the same sandbox, synced and counted; its goods lie in the same warehouse.
    pub(crate) async fn also_on(&self, platform: Platform, shop: &str) -> ShopId {
        let control = Control { platform, ..self.control.clone() };
        let ready = self.sandbox.ready();
        let grant = control.send(reqwest::Method::POST, "/grants", json!({"platform": platform.as_str()})).await;
        let known = control.get(&format!("/shops?platform={platform}")).await;
        let mut session = self.engine.store().begin().await.expect("begins");
        let first =
            self.engine.store().shop(&mut session, &self.merchant, &self.shop).await.expect("read").expect("there");
        let account = &grant["shop_id"];
        let record = ShopRecord {
            id: id(ShopId::parse(shop)),
            platform,
            account: account.as_str().map_or_else(|| account.to_string(), str::to_owned),
            name: "Toko".to_owned(),
            region: known["shops"][0]["region"].as_str().expect("a market").to_owned(),
            address: ready[platform.as_str()].as_str().expect("an address").to_owned(),
            credentials: app_credentials(&ready["credentials"][platform.as_str()], &grant).to_string(),
            grant_version: 1,
            stock_from: NOT_COUNTED,
            swept_to: self.clock.platform_now(platform).minus(Span::from_seconds(60 * 86_400)),
            ..first
        };
        self.engine.store().add_shop(&mut session, &record, Moment::from_millis(0)).await.expect("added");
        session.commit().await.expect("committed");
        let code = grant["code"].as_str().expect("a code");
        self.engine.authorise(&self.merchant, &record.id, code).await.expect("authorised");
        self.engine.first_sync(&self.merchant, &record.id).await.expect("synced");
        self.engine.count_from_listings(&self.merchant, &record.id).await.expect("counted");
        record.id
    }

    /// A listing of a SKU in a shop, if it has one.
    pub(crate) async fn listing_of(
        &self,
        shop: &ShopId,
        sku: &domain::ids::MerchantSku,
    ) -> Option<domain::ids::ListingId> {
        let mut session = self.engine.store().read().await.expect("begins");
        let found = store::stock::listings(&mut session, &self.merchant, Some(shop), Some(sku)).await.expect("read");
        found.into_iter().next().map(|found| found.listing)
    }

    /// What lies in a line's warehouse of its SKU.
    pub(crate) async fn balance(&self, line: &store::orders::LineRecord) -> domain::stock::Balance {
        let mut session = self.engine.store().read().await.expect("begins");
        let (sku, warehouse) = (Some(&line.merchant_sku), Some(&line.warehouse));
        let found = store::stock::balances(&mut session, &self.merchant, sku, warehouse, None, 1).await.expect("read");
        found.first().map(|found| found.balance).unwrap_or_default()
    }

    /// A buyer orders two of a listing, and a push says so. Answers the order's number.
    pub(crate) async fn order_of(&self, listing_sku: &str) -> OrderNumber {
        let lines = json!([{"sku": listing_sku, "quantity": 2}]);
        let wish = json!({"platform": "shopee", "count": 1, "status": "READY_TO_SHIP", "lines": lines});
        let made = self.control.send(reqwest::Method::POST, "/orders", wish).await;
        let number = id(OrderNumber::parse(made["numbers"][0].as_str().expect("a number")));
        let mut session = self.engine.store().begin().await.expect("begins");
        self.engine.nudge(&mut session, &self.merchant, &self.shop, [&number]).await.expect("wanted");
        session.commit().await.expect("committed");
        number
    }

    pub(crate) async fn order_by_number(&self, number: &OrderNumber) -> OrderRecord {
        let mut session = self.engine.store().read().await.expect("begins");
        let numbers = std::slice::from_ref(number);
        let mut ids = orders::ids_by_number(&mut session, &self.merchant, &self.shop, numbers).await.expect("read");
        let id = ids.remove(number).expect("an order");
        orders::load_one(&mut session, &self.merchant, &id).await.expect("read").expect("there")
    }

    /// Runs what is due until nothing waits but the next sweep.
    pub(crate) async fn run_until_idle(&self) {
        self.run_until_so("rest", async || self.is_idle().await).await;
    }

    /// Waits until workers have left nothing to do but the next sweep.
    pub(crate) async fn wait_until_idle(&self) {
        self.until("rest", async || self.is_idle().await, async || 0).await;
    }

    /// Waits until jobs of this kind are due.
    pub(crate) async fn wait_until_due(&self, kind: jobs::Kind) {
        let is_due = async || !self.engine.due(kind).await.expect("read").is_empty();
        self.until("a job's time", is_due, async || 0).await;
    }

    async fn is_idle(&self) -> bool {
        let mut session = self.engine.store().read().await.expect("begins");
        nothing_to_carry_on(&jobs::waiting(&mut session).await.expect("read"))
    }

    pub(crate) async fn is_held(&self, sku: &domain::ids::MerchantSku) -> bool {
        let mut session = self.engine.store().read().await.expect("begins");
        let listings = store::stock::listings(&mut session, &self.merchant, None, Some(sku)).await.expect("read");
        listings.iter().any(|listing| listing.held)
    }

    /// What the listing with this code shows on the platform.
    pub(crate) async fn platform_stock(&self, sku: &str) -> Option<i64> {
        let stock = self.control.get(&format!("/stock?platform={}", self.platform)).await;
        let rows = stock["stock"].as_array().expect("stock").clone();
        rows.iter().find(|row| row["sku"] == sku).and_then(|row| row["available"].as_i64())
    }

    pub(crate) async fn ledger_is_proven(&self) {
        let mut session = self.engine.store().read().await.expect("begins");
        let wrong = store::proof::unproven(&mut session, &self.merchant).await.expect("proof");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
