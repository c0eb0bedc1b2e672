//! Shopee's tables against the fact sheet's vectors and bodies.
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
mod signatures;

use std::sync::Arc;

use domain::ids::{LineId, ListingId, OrderNumber, ReasonCode};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::snapshot::OrderSnapshot;
use domain::time::Moment;

use super::Shopee;
use crate::call::Received;
use crate::connector::{CancelLine, CancelOrder, OrdersRead};

const PARTNER_KEY: &str = "7a6f6e6b6579206e6f74207265616c206b657920303132333435363738396162";
const PUSH_KEY: &str = "9c1f4b0e7d2a6835e1c4f7092b6d8a3351c7e0f4a9b2d6185f3e7c0a4d9b1e62";
const ACCESS_TOKEN: &str = "6f6b656e41424344454647484a4b4d4e";
const REFRESH_TOKEN: &str = "716d4e5a6b7953784f50";
const NOW: Moment = Moment::from_seconds(1_786_440_000);

fn policy() -> Arc<Policy> {
    Arc::new(crate::default_policy(Platform::Shopee).unwrap())
}

fn credentials() -> serde_json::Value {
    serde_json::json!({
        "partner_id": 2_009_999, "partner_key": PARTNER_KEY, "push_keys": [PUSH_KEY], "shop_id": 600_123_456,
        "access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN,
        "access_ends": 1_786_450_000, "refresh_ends": null,
    })
}

fn shopee_with(change: impl FnOnce(&mut serde_json::Value)) -> Shopee {
    let mut credentials = credentials();
    change(&mut credentials);
    Shopee::open("https://partner.shopeemobile.com", &credentials.to_string(), policy()).unwrap()
}

fn shopee() -> Shopee {
    shopee_with(|_| ())
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

/// A cancel that names these products; number and reason are to be set.
fn cancel_of(listings: Vec<ListingId>) -> CancelOrder {
    let line = |listing| CancelLine { line: LineId::parse("1").unwrap(), listing, quantity: 1 };
    CancelOrder {
        platform: Platform::Shopee,
        number: number("A"),
        reason: reason("out_of_stock"),
        lines: listings.into_iter().map(line).collect(),
        live_lines: Vec::new(),
        whole: true,
        checked: None,
    }
}

/// Shopee tells orders in one call.
fn orders_of(read: OrdersRead) -> Vec<OrderSnapshot> {
    match read {
        OrdersRead::Orders(orders) => orders,
        OrdersRead::Ask(call) => panic!("Shopee asks nothing more, but {call:?}"),
    }
}

fn reason(text: &str) -> ReasonCode {
    ReasonCode::parse(text).unwrap()
}
