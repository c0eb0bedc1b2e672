//! Lazada's tables against the fact sheet's vectors and bodies.
//!
//! `fixtures/` holds bodies of our own in the sheet's shapes: every id, key, token and name in them is invented.
//! `vectors.json` is the sheet's set of signatures. Bodies that others recorded are read from the workspace's shared
//! folder where it lies beside the project, and not copied.

mod answers;
mod calls;
mod faults;
mod orders;
mod policy;
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

use super::Lazada;
use crate::call::{Call, CallError, Received};
use crate::connector::{CancelChecked, CancelLine, CancelOrder, Connector, OrdersRead};

const APP_SECRET: &str = "f3a9c1d27b6e4850a1c2d3e4f5061728";
const ACCESS_TOKEN: &str = "50000201a12bcdEFGhijKLmnopQRstuVWxyz0123456789";
const REFRESH_TOKEN: &str = "50001201e12pqrSTUvwxYZabcdEFghiJKlmn9876543210";
const NOW: Moment = Moment::from_millis(1_767_595_695_482);

const ORDER: &str = "511276315484488";
const OTHER_ORDER: &str = "511276315484499";

fn built_in() -> Arc<Policy> {
    Arc::new(crate::default_policy(Platform::Lazada).unwrap())
}

fn credentials() -> serde_json::Value {
    serde_json::json!({
        "app_key": "139683", "app_secret": APP_SECRET, "country": "my", "seller_id": "1000114855",
        "access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN,
        "access_ends": 1_768_000_000, "refresh_ends": null,
    })
}

fn lazada_with(change: impl FnOnce(&mut serde_json::Value)) -> Lazada {
    let mut credentials = credentials();
    change(&mut credentials);
    Lazada::open("https://api.lazada.com.my/rest", &credentials.to_string(), built_in()).unwrap()
}

fn lazada() -> Lazada {
    lazada_with(|_| ())
}

/// A shop whose policy was changed.
fn lazada_by(change: impl FnOnce(&mut Policy)) -> Lazada {
    let mut policy = crate::default_policy(Platform::Lazada).unwrap();
    change(&mut policy);
    Lazada::open("https://api.lazada.com.my", &credentials().to_string(), Arc::new(policy)).unwrap()
}

/// A policy that sends *out of stock* with the older cancel.
fn with_the_older_cancel(policy: &mut Policy) {
    let rule = policy.reasons.iter_mut().find(|rule| rule.code.as_str() == "out_of_stock").unwrap();
    rule.platform_value = "legacy: Out of Stock".to_owned();
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

fn reason(text: &str) -> ReasonCode {
    ReasonCode::parse(text).unwrap()
}

fn line(item: &str) -> CancelLine {
    CancelLine { line: LineId::parse(item).unwrap(), listing: listing("2807246166:13449296008"), quantity: 1 }
}

/// A cancel of a whole order of these items, which all are named.
fn cancel_of(code: &str, items: &[&str]) -> CancelOrder {
    let lines: Vec<CancelLine> = items.iter().map(|item| line(item)).collect();
    CancelOrder {
        platform: Platform::Lazada,
        number: number(ORDER),
        reason: reason(code),
        lines: lines.clone(),
        live_lines: lines,
        whole: true,
        checked: None,
    }
}

/// As [`cancel_of`], with the answer of a check that offers its reason.
fn checked_cancel_of(code: &str, items: &[&str], reason_id: &str) -> CancelOrder {
    let checked =
        CancelChecked { refused: None, reasons: vec![(reason(code), reason_id.to_owned())], unasked: Vec::new() };
    CancelOrder { checked: Some(checked), ..cancel_of(code, items) }
}

/// The endpoint and parameter that a call names its order with.
fn asked_for<T>(call: &Call<T>) -> String {
    let uri = call.request.uri();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let order = query.into_iter().find(|(name, _)| name.starts_with("order_id")).map(|(_, value)| value);
    format!("{} {}", call.endpoint, order.unwrap_or_default())
}

/// Reads orders from a platform that answers each call; answers the calls as well.
fn read_from(
    numbers: &[&str],
    answer: impl Fn(&str) -> String,
) -> (Vec<String>, Result<Vec<OrderSnapshot>, CallError>) {
    let numbers: Vec<_> = numbers.iter().map(|text| number(text)).collect();
    let mut asked = Vec::new();
    let mut call = lazada().read_orders(&numbers, NOW);
    loop {
        let asks = asked_for(&call);
        let read = (call.read)(&received(200, answer(&asks)));
        asked.push(asks);
        match read {
            Ok(OrdersRead::Orders(orders)) => return (asked, Ok(orders)),
            Ok(OrdersRead::Ask(next)) => call = *next,
            Err(error) => return (asked, Err(error)),
        }
    }
}
