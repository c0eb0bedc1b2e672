//! TikTok Shop's tables against the fact sheet's vectors and bodies.
//!
//! `fixtures/` holds bodies of our own in the sheet's shapes: every id, key, token and name in them is invented.
//! `vectors.json` is the sheet's set of signatures. Bodies that others recorded are read from the workspace's shared
//! folder where it lies beside the project, and not copied.

mod answers;
mod cancels;
mod facts;
mod pushes;
mod requests;
mod shared_payloads;
mod shipping;
mod signatures;
mod tokens;

use std::sync::Arc;

use domain::ids::{LineId, ListingId, OrderNumber, ReasonCode};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::snapshot::OrderSnapshot;
use domain::time::Moment;

use super::TiktokShop;
use crate::Policies;
use crate::call::{Call, Received};
use crate::connector::{CancelLine, CancelOrder, OrdersRead};

const APP_KEY: &str = "6example0key1";
const APP_SECRET: &str = "3f1c9a70be5d4482a6e0c7d915b2f8e4a1d60c37";
const CIPHER: &str = "ROW_exampleCipherAAAAAB7kQz1";
const ACCESS_TOKEN: &str = "ROW_exampleAccess";
const REFRESH_TOKEN: &str = "ROW_exampleRefresh";
const SHOP: &str = "7491122334455667712";
const NOW: Moment = Moment::from_seconds(1_786_440_000);
const API: &str = "https://open-api.tiktokglobalshop.com";
const ORDER: &str = "577512340098765432";

fn policy() -> Arc<Policy> {
    Arc::new(crate::default_policy(Platform::TiktokShop).unwrap())
}

fn credentials() -> serde_json::Value {
    serde_json::json!({
        "app_key": APP_KEY, "app_secret": APP_SECRET, "shop_id": SHOP, "shop_cipher": CIPHER, "region": "ID",
        "access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN,
        "access_ends": 1_787_000_000, "refresh_ends": null,
    })
}

/// The policies of both storefronts, one of them this.
fn policies(policy: Arc<Policy>) -> Policies {
    let tokopedia = Arc::new(crate::default_policy(Platform::Tokopedia).unwrap());
    Policies::from([(Platform::TiktokShop, policy), (Platform::Tokopedia, tokopedia)])
}

fn tiktok_shop_with(policy: Arc<Policy>, change: impl FnOnce(&mut serde_json::Value)) -> TiktokShop {
    let mut credentials = credentials();
    change(&mut credentials);
    TiktokShop::open(API, &credentials.to_string(), &policies(policy)).unwrap()
}

fn tiktok_shop() -> TiktokShop {
    tiktok_shop_with(policy(), |_| ())
}

fn received(status: u16, body: impl AsRef<[u8]>) -> Received {
    Received { status, headers: http::HeaderMap::new(), body: body.as_ref().to_vec() }
}

fn failure(code: i64, message: &str) -> String {
    serde_json::json!({"code": code, "message": message, "request_id": "r", "data": null}).to_string()
}

fn number(text: &str) -> OrderNumber {
    OrderNumber::parse(text).unwrap()
}

fn listing(text: &str) -> ListingId {
    ListingId::parse(text).unwrap()
}

fn reason(text: &str) -> ReasonCode {
    ReasonCode::parse(text).unwrap()
}

fn line(id: &str) -> CancelLine {
    let listing = listing("1730112233445566778:1730112233445697850");
    CancelLine { line: LineId::parse(id).unwrap(), listing, quantity: 1 }
}

/// A cancel of the whole order, whose lines are the eligibility fixture's.
fn whole(code: &str) -> CancelOrder {
    CancelOrder {
        platform: Platform::TiktokShop,
        number: number(ORDER),
        reason: reason(code),
        lines: Vec::new(),
        live_lines: ["577512340098830968", "577512340098896504"].map(line).to_vec(),
        whole: true,
        checked: None,
    }
}

/// The orders; the search for requests of theirs, where it is made, finds none.
fn orders_of(read: OrdersRead) -> Vec<OrderSnapshot> {
    match read {
        OrdersRead::Orders(orders) => orders,
        OrdersRead::Ask(search) => orders_of((search.read)(&received(200, r#"{"code":0,"data":{}}"#)).unwrap()),
    }
}

fn target<T>(call: &Call<T>) -> &str {
    call.request.uri().path_and_query().unwrap().as_str()
}
