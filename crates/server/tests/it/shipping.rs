//! Every connector packs an order of its fake marketplace, says that it is ready where it has to be, and fetches its label.

use crate::engine::Control;
use connectors::call::{Call, CallError};
use connectors::connector::{Connector, LabelOf, LabelRead, OrdersRead};
use countermand::network::HttpNetwork;
use domain::ids::OrderNumber;
use domain::label::Format;
use domain::platform::Platform;
use domain::policy::Standing;
use domain::shipment::Act;
use domain::snapshot::OrderSnapshot;
use domain::time::{Moment, Span};
use engine::Network as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

struct Shop {
    connector: Box<dyn Connector>,
    network: HttpNetwork,
    control: Control,
    platform: Platform,
    _sandbox: sandbox::Running,
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Moment::from_millis(i64::try_from(since.as_millis()).expect("a time"))
}

impl Shop {
    async fn open(platform: Platform) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings =
            sandbox::Settings { listen: [127, 0, 0, 1].into(), control_port: 0, data: None, seed: 3, orders: 8 };
        let sandbox = sandbox::start(settings).await.expect("a sandbox");
        let control = Control::at(sandbox.control_url());
        let ready = sandbox.ready();
        let word = platform.as_str();
        let grant = control.send(Method::POST, "/grants", json!({"platform": word})).await;
        let mut credentials = ready["credentials"][word].clone();
        let members = credentials.as_object_mut().expect("credentials");
        members.retain(|name, _| !name.ends_with("_token"));
        if let Some(key) = members.remove("push_key") {
            members.insert("push_keys".to_owned(), json!([key]));
        }
        // Lazada's grant names its seller twice, and a connector takes the one of its own API.
        let left_out = |name: &str| name == "code" || (platform == Platform::Lazada && name == "shop_id");
        for (name, value) in grant.as_object().expect("a grant").iter().filter(|(name, _)| !left_out(name)) {
            members.insert(name.clone(), value.clone());
        }
        let policy = |platform| Arc::new(connectors::default_policy(platform).expect("the built-in policy"));
        let policies: HashMap<_, _> = Platform::ALL.iter().map(|platform| (*platform, policy(*platform))).collect();
        let address = ready[word].as_str().expect("an address").to_owned();
        let open = |text: &str| connectors::open(platform, &address, text, &policies).expect("opened");
        let network = HttpNetwork::new(Arc::default()).expect("a network");
        let connector = open(&credentials.to_string());
        let mut shop = Self { connector, network, control, platform, _sandbox: sandbox };
        let renewed = shop.call(shop.connector.exchange_code(grant["code"].as_str().unwrap_or_default(), now())).await;
        shop.connector = open(&renewed.expect("tokens").credentials);
        shop
    }

    async fn call<T>(&self, call: Call<T>) -> Result<T, CallError> {
        let received = self.network.send(call.request, Span::from_seconds(10)).await.expect("answered");
        (call.read)(&received)
    }

    async fn read(&self, number: &OrderNumber) -> OrderSnapshot {
        let mut read = self.call(self.connector.read_orders(std::slice::from_ref(number), now())).await.expect("read");
        loop {
            match read {
                OrdersRead::Orders(mut orders) => return orders.remove(0),
                OrdersRead::Ask(call) => read = self.call(*call).await.expect("read"),
            }
        }
    }

    /// Carries an act out, part by part, and counts the calls.
    async fn carry_out(&self, act: Act, number: &OrderNumber) -> usize {
        for calls in 0..10 {
            let Some(mut part) = self.connector.next_part(act, &self.read(number).await) else { return calls };
            if let Some(check) = self.connector.check_shipment(&part, now()) {
                let checked = self.call(check).await.expect("checked");
                assert_eq!(checked.refused, None, "{}", self.platform);
                part.checked = Some(checked);
            }
            self.call(self.connector.send_shipment(&part, now()).expect("a call")).await.expect("accepted");
        }
        panic!("{act} has no end on {}", self.platform)
    }

    async fn label(&self, order: &OrderSnapshot) -> Result<Vec<u8>, CallError> {
        let package = order.packages.first().expect("a package");
        let label = LabelOf {
            number: order.number.clone(),
            package: package.number.clone(),
            tracking_number: package.tracking_number.clone(),
            split: order.packages.len() > 1,
        };
        let mut read = self.call(self.connector.read_label(&label, now())).await?;
        let mut seconds = 0;
        loop {
            match read {
                LabelRead::File { bytes, .. } => return Ok(bytes),
                // A change moves the order's time ahead by up to a second, and documents are made after it.
                LabelRead::Preparing(_) => {
                    assert!(seconds < 60, "{}: the label never comes", self.platform);
                    seconds += 1;
                    self.control.send(Method::POST, "/clock", json!({"advance_seconds": 1})).await;
                    read = self.call(self.connector.read_label(&label, now())).await?;
                }
                LabelRead::Ask(call) => read = self.call(*call).await?,
            }
        }
    }
}

async fn packs_and_labels(platform: Platform, status: &str, format: Format) {
    let shop = Shop::open(platform).await;
    let wish = json!({"platform": platform.as_str(), "count": 1, "status": status});
    let made: Value = shop.control.send(Method::POST, "/orders", wish).await;
    let number = OrderNumber::parse(made["numbers"][0].as_str().expect("a number")).expect("a number");
    assert_eq!(shop.read(&number).await.standing, Standing::ToPack, "{platform}");
    assert!(shop.carry_out(Act::Pack, &number).await >= 1, "{platform}");
    let packed = shop.read(&number).await;
    assert_eq!(packed.standing, Standing::Arranged, "{platform}");
    assert_eq!(shop.connector.next_part(Act::Pack, &packed), None, "{platform}: nothing is left to pack");
    let label = shop.label(&packed).await.expect("a label");
    assert_eq!(Format::of(&label), format, "{platform}");
    let offered = shop.connector.capabilities();
    if offered.ready_to_ship {
        assert_eq!(shop.carry_out(Act::ReadyToShip, &number).await, 1, "{platform}");
    }
    if offered.repack {
        let wish = json!({"platform": platform.as_str(), "count": 1, "status": status});
        let made: Value = shop.control.send(Method::POST, "/orders", wish).await;
        let other = OrderNumber::parse(made["numbers"][0].as_str().expect("a number")).expect("a number");
        shop.carry_out(Act::Pack, &other).await;
        assert_eq!(shop.carry_out(Act::Repack, &other).await, 1, "{platform}");
        assert_eq!(shop.read(&other).await.standing, Standing::ToPack, "{platform}: to be packed again");
        shop.carry_out(Act::Pack, &other).await;
        assert_eq!(shop.read(&other).await.standing, Standing::Arranged, "{platform}: packed again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shopee_packs_and_labels() {
    packs_and_labels(Platform::Shopee, "READY_TO_SHIP", Format::Pdf).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lazada_packs_labels_says_ready_and_repacks() {
    packs_and_labels(Platform::Lazada, "pending", Format::Pdf).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiktok_shop_packs_and_labels() {
    packs_and_labels(Platform::TiktokShop, "AWAITING_SHIPMENT", Format::Pdf).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokopedia_accepts_and_labels() {
    packs_and_labels(Platform::Tokopedia, "220", Format::Html).await;
}
