//! What comes back: orders, stock, tokens, and every way to fail.

use domain::policy::Standing;
use domain::snapshot::Initiator;
use domain::time::Span;
use proptest::prelude::*;

use super::*;
use crate::call::{Call, CallError, Pause, PauseScope, Remedy};
use crate::connector::{Answer, CancelAccepted, Connector, OrderPage, SetStock, SetStockResult, Window};

const OPEN: &str = include_str!("../fixtures/order.to_be_accepted.json");
const REQUESTED: &str = include_str!("../fixtures/order.accepted_and_requested.json");
const CANCELLED: &str = include_str!("../fixtures/order.cancelled.json");
const LIST: &str = include_str!("../fixtures/order_list.json");
const TOKEN_ANSWER: &str = include_str!("../fixtures/token.json");
const NACK: &str = include_str!("../fixtures/nack.json");
const STOCK: &str = include_str!("../fixtures/stock_update.one_failed.json");
const PRODUCT: &str = include_str!("../fixtures/product_info.json");
const NOT_FOUND: &str = include_str!("../fixtures/refused.not_found.json");

fn read_orders(body: &str, id: &str) -> Result<Vec<OrderSnapshot>, CallError> {
    (tokopedia().read_orders(&[number(id)], NOW).read)(&received(200, body)).map(orders_of)
}

fn read_order(body: &str) -> OrderSnapshot {
    let mut orders = read_orders(body, ORDER).unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

fn list_call(cursor: Option<&str>) -> Call<OrderPage> {
    tokopedia().list_orders(Window { from: NOW, to: NOW }, cursor, NOW)
}

fn cancel_call() -> Call<CancelAccepted> {
    tokopedia().cancel_order(&whole("out_of_stock", &["2345678901"]), NOW).unwrap()
}

fn stock_call() -> Call<Vec<SetStockResult>> {
    let rows = ["2345678901", "7"].map(|id| SetStock { listing: listing(id), stock: 3 });
    tokopedia().set_stock(&rows, NOW).unwrap()
}

fn failure(code: &str) -> String {
    serde_json::json!({"header": {"messages": "m", "reason": "r", "error_code": code}, "data": null}).to_string()
}

#[test]
fn an_order_to_be_accepted_is_read() {
    insta::assert_debug_snapshot!(read_order(OPEN));
}

#[test]
fn an_accepted_order_with_a_buyer_s_request_is_read() {
    insta::assert_debug_snapshot!(read_order(REQUESTED));
}

#[test]
fn a_cancelled_order_is_read() {
    insta::assert_debug_snapshot!(read_order(CANCELLED));
}

#[test]
fn who_cancelled_is_told_by_the_history_and_else_by_the_code() {
    let by = |action: &str, status: &str| {
        let body = CANCELLED
            .replace("\"system-automatic\"", &format!("\"{action}\""))
            .replace("\"order_status\": 0", &format!("\"order_status\": {status}"));
        read_order(&body).cancelled.unwrap().by
    };
    assert_eq!(by("system-automatic", "0"), Some(Initiator::Platform));
    assert_eq!(by("seller", "0"), Some(Initiator::Seller));
    assert_eq!(by("buyer", "0"), Some(Initiator::Buyer));
    assert_eq!(by("somebody", "0"), Some(Initiator::Seller), "the code says so");
    for (status, expected) in [
        ("10", Some(Initiator::Seller)),
        ("3", Some(Initiator::Seller)),
        ("15", Some(Initiator::Buyer)),
        ("5", Some(Initiator::Platform)),
        ("2", None),
    ] {
        assert_eq!(by("x", status), expected, "{status}");
    }
}

#[test]
fn a_request_may_come_in_any_form_and_an_answered_one_is_over() {
    let standing = |info: &str| {
        let start = REQUESTED.find("\"cancel_request_info\": {").unwrap();
        let end = start + REQUESTED[start..].find('}').unwrap() + 1;
        let body = format!("{}\"cancel_request_info\": {info}{}", &REQUESTED[..start], &REQUESTED[end..]);
        let order = read_order(&body);
        (order.standing, order.buyer_reason)
    };
    let asked = |reason: &str| (Standing::CancelRequested, Some(reason.to_owned()));
    assert_eq!(standing(r#"{"reason":"a","status":0}"#), asked("a"));
    assert_eq!(standing(r#"{"reason":"a"}"#), asked("a"));
    assert_eq!(standing("\"a\""), asked("a"));
    assert_eq!(standing(r#"{"reason":"a","status":2}"#), (Standing::Arranged, Some("a".to_owned())));
    for nothing in ["null", "\"\"", "{}", "[]"] {
        assert_eq!(standing(nothing), (Standing::Arranged, None), "{nothing}");
    }
    let own_status = REQUESTED.replace("\"order_status\": 400", "\"order_status\": 401");
    assert_eq!(read_order(&own_status).standing, Standing::CancelRequested);
}

#[test]
fn a_status_that_is_in_no_table_is_kept() {
    let order = read_order(&OPEN.replace("\"order_status\": 220", "\"order_status\": 999"));
    assert_eq!((order.standing, order.platform_status.as_str()), (Standing::Unknown, "999"));
}

#[test]
fn an_order_lacking_what_everything_hangs_on_names_itself() {
    for (from, to, words) in [
        ("\"order_status\": 220", "\"order_status\": null", "no order_status"),
        ("\"create_time\": \"2024", "\"create_time\": \"x", "no create_time"),
        ("\"order_info\"", "\"order_info_2\"", "no order_info"),
        ("\"order_detail\"", "\"order_detail_2\"", "order_detail is empty"),
        ("\"order_detail_id\": 20274955", "\"order_detail_id\": null", "no order_detail_id"),
        ("\"product_id\": 2345678901", "\"product_id\": 0", "no product_id"),
        ("\"quantity\": 2", "\"quantity\": -2", "no quantity"),
    ] {
        assert!(OPEN.contains(from), "{from}");
        let error = read_orders(&OPEN.replace(from, to), ORDER).unwrap_err();
        assert_eq!(error.remedy, Remedy::Bug, "{words}");
        assert!(error.story.message.contains(words), "{}", error.story.message);
    }
    assert_eq!(read_orders(OPEN, "5").unwrap_err().remedy, Remedy::Unknown, "another order");
    assert_eq!(read_orders(NOT_FOUND, ORDER), Ok(vec![]));
}

#[test]
fn a_full_page_is_followed_by_another() {
    let page = (list_call(None).read)(&received(200, LIST)).unwrap();
    assert_eq!((page.numbers, page.next), (vec![number("1876543210"), number("1876543211")], None));
    let rows: Vec<_> = (1..=50).map(|id| serde_json::json!({"order_id": id})).collect();
    let full = serde_json::json!({"header": {}, "data": rows}).to_string();
    assert_eq!((list_call(None).read)(&received(200, &full)).unwrap().next.as_deref(), Some("2"));
    assert_eq!((list_call(Some("4")).read)(&received(200, &full)).unwrap().next.as_deref(), Some("5"));
    let missing = (list_call(None).read)(&received(200, r#"{"header":{},"data":null}"#));
    assert_eq!(missing.unwrap_err().remedy, Remedy::Unknown);
}

#[test]
fn a_token_lives_as_long_as_it_says() {
    let read = |status: u16, body: &str| (tokopedia().refresh(NOW).read)(&received(status, body));
    let renewed = read(200, TOKEN_ANSWER).ok().unwrap();
    assert_eq!(renewed.access_ends, NOW.plus(Span::from_seconds(29_142)));
    let kept: serde_json::Value = serde_json::from_str(&renewed.credentials).unwrap();
    assert_eq!((&kept["access_token"], &kept["fs_id"]), (&TOKEN.into(), &14321.into()));
    assert_eq!(read(401, "").err().unwrap().remedy, Remedy::Reauthorize);
    assert_eq!(read(200, "{}").err().unwrap().remedy, Remedy::Unknown);
    assert_eq!(read(500, TOKEN_ANSWER).err().unwrap().remedy, Remedy::Unknown);
}

#[test]
fn only_a_success_is_an_accepted_cancel() {
    let read = |status: u16, body: &str| (cancel_call().read)(&received(status, body));
    assert_eq!(read(200, NACK), Ok(CancelAccepted { updated_at: None }));
    for (status, body) in [
        (200, r#"{"header":{},"data":null}"#),
        (200, r#"{"header":{},"data":"pending"}"#),
        (200, "{\"header\":{}}"),
        (200, "{\"data\":\"success\"}"),
        (200, ""),
        (302, NACK),
        (429, "slow down"),
        (500, NACK),
        (500, NOT_FOUND),
    ] {
        assert_eq!(read(status, body).unwrap_err().remedy, Remedy::Unknown, "{status} {body}");
    }
}

/// What a code means for the cancel (a write) and for the list (a read).
#[test]
fn every_documented_fault_says_what_to_do() {
    use Remedy::{Bug, Reauthorize, Rejected, RetryAfter, Unknown};
    let fault = RetryAfter(Span::from_seconds(2));
    for (code, cancel, list) in [
        ("ORD_API_006", &Unknown, &fault),
        ("ORD_API_008", &Rejected, &Rejected),
        ("ORD_API_016", &Rejected, &Rejected),
        ("ORD_USC_001", &Rejected, &Rejected),
        ("ORD_USC_008", &Rejected, &Rejected),
        ("ORD_USC_003", &Bug, &Bug),
        ("ORD_USC_005", &Bug, &Bug),
        ("ORD_USC_007", &Unknown, &fault),
        ("ORD_USC_014", &Unknown, &fault),
        ("ORD_USC_015", &Reauthorize, &Reauthorize),
        ("RBAC_MDLW_001", &Reauthorize, &Reauthorize),
        ("ORD_USC_024", &Bug, &Bug),
        ("ORD_DLV_013", &Bug, &Bug),
        ("ORD_NEW_001", &Unknown, &Unknown),
    ] {
        for status in [200, 400, 403] {
            let received = received(status, failure(code));
            let error = (cancel_call().read)(&received).unwrap_err();
            assert_eq!((&error.remedy, error.story.code.as_str()), (cancel, code), "cancel, {status}");
            assert_eq!(&(list_call(None).read)(&received).unwrap_err().remedy, list, "list, {status}: {code}");
        }
    }
    for status in [200, 204] {
        assert!((list_call(None).read)(&received(status, r#"{"header":{"error_code":0},"data":[]}"#)).is_ok());
    }
}

#[test]
fn a_call_without_a_code_is_judged_by_its_status() {
    let remedy = |status: u16| (list_call(None).read)(&received(status, "")).unwrap_err().remedy;
    assert_eq!(remedy(401), Remedy::TokenExpired);
    assert_eq!((cancel_call().read)(&received(401, "{}")).unwrap_err().remedy, Remedy::TokenExpired);
    let pause = |seconds| Pause { scope: PauseScope::Shop, span: Span::from_seconds(seconds) };
    assert_eq!(remedy(429), Remedy::Pause(pause(1)));
    assert_eq!(remedy(500), Remedy::Unknown);
    let mut throttled = received(429, "");
    throttled.headers.insert("x-ratelimit-reset-after", "7".parse().unwrap());
    let error = (list_call(None).read)(&throttled).unwrap_err();
    assert_eq!(error.remedy, Remedy::Pause(pause(7)));

    let mut last = received(200, "");
    last.headers.insert("x-ratelimit-remaining", "0".parse().unwrap());
    last.headers.insert("x-ratelimit-reset-after", "3".parse().unwrap());
    assert_eq!((list_call(None).foretold)(&last), Some(pause(3)), "the last call that is taken says so");
    last.headers.insert("x-ratelimit-remaining", "1".parse().unwrap());
    assert_eq!((list_call(None).foretold)(&last), None);
}

#[test]
fn stock_is_read_and_set() {
    let call = tokopedia().read_listings(&[listing("2345678901")], NOW).unwrap();
    let read = (call.read)(&received(200, PRODUCT)).unwrap();
    assert_eq!(
        (read[0].stock, read[0].listing_sku.as_str(), read[0].name.as_str()),
        (25, "KAOS-HITAM-L", "Kaos Polos Hitam")
    );
    let refused = |body: &str| -> Vec<Option<String>> {
        let results = (stock_call().read)(&received(200, body)).unwrap();
        results.into_iter().map(|result| result.refused).collect()
    };
    let words = Some("Product not found".to_owned());
    assert_eq!(refused(STOCK), [words.clone(), None]);
    assert_eq!(refused(&STOCK.replace("2345678901", "0")), [words.clone(), words], "it speaks of all");
    assert_eq!(refused(r#"{"header":{},"data":{"failed_rows":0,"succeed_rows":2}}"#), [None, None]);
    let unnamed = Some("refused".to_owned());
    assert_eq!(refused(r#"{"header":{},"data":{"failed_rows":1}}"#), [unnamed.clone(), unnamed]);
}

/// Everything that reads an answer, over one answer.
pub(super) fn read_everything(received: &Received) -> Vec<Option<CallError>> {
    let shop = tokopedia();
    vec![
        (list_call(Some("1")).read)(received).err(),
        (shop.read_orders(&[number(ORDER)], NOW).read)(received).err(),
        (cancel_call().read)(received).err(),
        (super::shipping::accept().read)(received).err(),
        (stock_call().read)(received).err(),
        (shop.list_requests(None, NOW).read)(received).err(),
        (shop.answer_request(&super::requests::answer(Answer::Agree), NOW).unwrap().read)(received).err(),
        (shop.answer_request(&super::requests::answer(Answer::Reject { reason: None }), NOW).unwrap().read)(received)
            .err(),
        (shop.read_listings(&[listing("2345678901")], NOW).unwrap().read)(received).err(),
        (shop.refresh(NOW).read)(received).err(),
    ]
}

const BODIES: [&str; 9] = [OPEN, REQUESTED, CANCELLED, LIST, TOKEN_ANSWER, NACK, STOCK, PRODUCT, NOT_FOUND];

proptest! {
    #[test]
    fn no_bytes_panic(status in 0_u16..1000, body in prop::collection::vec(any::<u8>(), 0..300)) {
        // No random bytes are a success, for any reader.
        prop_assert!(read_everything(&received(status, body)).iter().all(Option::is_some));
    }

    #[test]
    fn no_json_scalar_in_any_place_panics(which in 0..BODIES.len(), place in any::<prop::sample::Index>(), value in "-?[0-9]{1,25}(\\.[0-9]{1,20})?|\"\\PC{0,20}\"|null|true|\\[\\]|\\{\\}") {
        let colons: Vec<usize> = BODIES[which].match_indices(": ").map(|(at, _)| at + 2).collect();
        let at = colons[place.index(colons.len())];
        let rest = &BODIES[which][at..];
        let end = at + rest.find([',', '\n']).unwrap_or(rest.len());
        let body = format!("{}{value}{}", &BODIES[which][..at], &BODIES[which][end..]);
        let _ = read_everything(&received(200, body));
    }
}
