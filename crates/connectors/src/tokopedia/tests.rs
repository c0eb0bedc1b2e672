//! Tokopedia's tables against the fact sheet's vectors and bodies.
//!
//! `fixtures/` holds bodies of our own in the sheet's shapes: every id, key, token and name in them is invented.
//! `vectors.json` is the sheet's set of signatures. Bodies that others recorded are read from the workspace's shared
//! folder where it lies beside the project, and not copied.

mod answers;
mod calls;
mod facts;
mod pushes;
mod requests;
mod shared_payloads;
mod shipping;

use std::sync::Arc;

use domain::ids::{LineId, ListingId, OrderNumber, ReasonCode};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::snapshot::OrderSnapshot;
use domain::time::Moment;

use super::Tokopedia;
use crate::call::Received;
use crate::connector::{CancelLine, CancelOrder, OrdersRead};

const CLIENT_ID: &str = "8a2f4c6e0b1d4f7a9c3e5d7f9b0a2c4e";
const CLIENT_SECRET: &str = "5d1c9e7b3a4f4c2db8e6f0a1c3d5e7f9";
const WEBHOOK_SECRET: &str = "tkp-webhook-secret-0001";
const TOKEN: &str = "c:exampleToken";
const NOW: Moment = Moment::from_seconds(1_710_200_000);
const API: &str = "https://fs.tokopedia.net";
const ORDER: &str = "1876543210";

/// The built-in policy with its one switch on.
fn policy() -> Arc<Policy> {
    let policy = crate::default_policy(Platform::Tokopedia).unwrap();
    Arc::new(Policy { seller_cancel: true, ..policy })
}

fn credentials() -> serde_json::Value {
    serde_json::json!({
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "fs_id": 14321, "shop_id": 5_123_456,
        "webhook_secret": WEBHOOK_SECRET, "access_token": TOKEN, "access_ends": 1_710_220_000,
    })
}

fn tokopedia_with(change: impl FnOnce(&mut serde_json::Value)) -> Tokopedia {
    let mut credentials = credentials();
    change(&mut credentials);
    Tokopedia::open(API, &credentials.to_string(), policy()).unwrap()
}

fn tokopedia() -> Tokopedia {
    tokopedia_with(|_| ())
}

fn received(status: u16, body: impl AsRef<[u8]>) -> Received {
    Received { status, headers: http::HeaderMap::new(), body: body.as_ref().to_vec() }
}

fn number(text: &str) -> OrderNumber {
    OrderNumber::parse(text).unwrap()
}

fn listing(text: &str) -> ListingId {
    ListingId::parse(text).unwrap()
}

fn whole(code: &str, listings: &[&str]) -> CancelOrder {
    let line = |id: &&str| CancelLine { line: LineId::parse("1").unwrap(), listing: listing(id), quantity: 1 };
    CancelOrder {
        platform: Platform::Tokopedia,
        number: number(ORDER),
        reason: ReasonCode::parse(code).unwrap(),
        lines: listings.iter().map(line).collect(),
        live_lines: Vec::new(),
        whole: true,
        checked: None,
    }
}

/// The old API tells an order in one call.
fn orders_of(read: OrdersRead) -> Vec<OrderSnapshot> {
    match read {
        OrdersRead::Orders(orders) => orders,
        OrdersRead::Ask(call) => panic!("Tokopedia asks nothing more, but {call:?}"),
    }
}
