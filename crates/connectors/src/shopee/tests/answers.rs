//! What comes back: orders, stock, tokens, and every way to fail.

use domain::platform::Platform;
use domain::snapshot::{FulfilledBy, Initiator, OrderSnapshot};
use domain::time::{Moment, Span};
use proptest::prelude::*;

use super::{
    ACCESS_TOKEN, NOW, PARTNER_KEY, REFRESH_TOKEN, cancel_of, listing, number, orders_of, reason, received, shopee,
};
use crate::call::{CLOCK_SKEW, Call, CallError, Effect, Pause, PauseScope, Received, Remedy};
use crate::connector::{Answer, CancelAccepted, CancelOrder, Connector, OrderPage, SetStock, SetStockResult, Window};

const IN_CANCEL: &str = include_str!("../fixtures/get_order_detail.in_cancel.json");
const LENIENT: &str = include_str!("../fixtures/get_order_detail.unpaid_and_lenient.json");
const CANCELLED: &str = include_str!("../fixtures/get_order_detail.cancelled.json");
const LIST: &str = include_str!("../fixtures/get_order_list.json");
const CANCEL: &str = include_str!("../fixtures/cancel_order.json");
const CANCEL_REFUSED: &str = include_str!("../fixtures/cancel_order.refused.json");
const TOKEN_GET: &str = include_str!("../fixtures/token_get.json");
const ACCESS_TOKEN_GET: &str = include_str!("../fixtures/access_token_get.json");
const MODEL_LIST: &str = include_str!("../fixtures/get_model_list.json");
const ITEM_BASE_INFO: &str = include_str!("../fixtures/get_item_base_info.json");
const UPDATE_STOCK: &str = include_str!("../fixtures/update_stock.json");
const UPDATE_STOCK_FAILED: &str = include_str!("../fixtures/update_stock.all_failed.json");

fn read_orders(body: &str, numbers: &[&str]) -> Result<Vec<OrderSnapshot>, CallError> {
    let numbers: Vec<_> = numbers.iter().map(|text| number(text)).collect();
    (shopee().read_orders(&numbers, NOW).read)(&received(200, body)).map(orders_of)
}

fn read_order(body: &str, number: &str) -> OrderSnapshot {
    let mut orders = read_orders(body, &[number]).unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

/// An order of the fixtures, to be changed.
pub(super) fn read_order_of(number: &str) -> OrderSnapshot {
    read_order(IN_CANCEL, number)
}

fn list_call(cursor: Option<&str>) -> Call<OrderPage> {
    shopee().list_orders(Window { from: NOW, to: NOW }, cursor, NOW)
}

fn cancel_call() -> Call<CancelAccepted> {
    let cancel = CancelOrder {
        platform: Platform::Shopee,
        number: number("260810K7QX2M4P"),
        reason: reason("out_of_stock"),
        ..cancel_of(vec![listing("5:6")])
    };
    shopee().cancel_order(&cancel, NOW).unwrap()
}

fn stock_call() -> Call<Vec<SetStockResult>> {
    let rows = ["24567890123:198765432109", "24567890123:198765432110", "24567890123:198765432111"];
    shopee().set_stock(&rows.map(|id| SetStock { listing: listing(id), stock: 7 }), NOW).unwrap()
}

#[test]
fn an_order_with_a_buyer_s_request_is_read() {
    insta::assert_debug_snapshot!(read_order(IN_CANCEL, "260810K7QX2M4P"));
}

#[test]
fn an_unpaid_order_with_much_left_out_is_read() {
    insta::assert_debug_snapshot!(read_order(LENIENT, "260810K7QX2M4Q"));
}

#[test]
fn a_cancelled_order_with_repeated_lines_is_read() {
    insta::assert_debug_snapshot!(read_order(CANCELLED, "260810K7QX2M4R"));
}

#[test]
fn who_cancelled_is_told_in_our_words() {
    for (word, by) in [
        ("buyer", Some(Initiator::Buyer)),
        ("seller", Some(Initiator::Seller)),
        ("system", Some(Initiator::Platform)),
        ("Ops", Some(Initiator::Platform)),
        ("", None),
        ("somebody", None),
    ] {
        let order = read_order(&CANCELLED.replace("\"Ops\"", &format!("\"{word}\"")), "260810K7QX2M4R");
        assert_eq!(order.cancelled.unwrap().by, by, "{word}");
    }
}

#[test]
fn only_shopee_s_own_warehouse_is_not_the_seller() {
    for (flag, fulfilled_by) in [
        ("fulfilled_by_shopee", FulfilledBy::Platform),
        ("fulfilled_by_cb_seller", FulfilledBy::Seller),
        ("", FulfilledBy::Seller),
    ] {
        let order = read_order(&IN_CANCEL.replace("fulfilled_by_local_seller", flag), "260810K7QX2M4P");
        assert_eq!(order.fulfilled_by, fulfilled_by, "{flag}");
    }
}

#[test]
fn partly_cancelled_lines_say_how_many() {
    let cancelled = |quantity: &str| {
        let body = IN_CANCEL.replace("\"cancelled_qty\": 0", &format!("\"cancelled_qty\": {quantity}"));
        read_order(&body, "260810K7QX2M4P").lines[0].cancelled_quantity
    };
    assert_eq!([cancelled("0"), cancelled("1"), cancelled("9"), cancelled("-1"), cancelled("null")], [0, 1, 2, 0, 0]);
}

#[test]
fn a_variation_never_takes_its_item_s_code() {
    let sku = |model_sku: &str, model_id: &str| {
        let body = IN_CANCEL
            .replace("\"model_sku\": \"MUG-BLU\"", &format!("\"model_sku\": {model_sku}"))
            .replace("\"model_id\": 198765432109", &format!("\"model_id\": {model_id}"));
        read_order(&body, "260810K7QX2M4P").lines[0].listing_sku.to_string()
    };
    assert_eq!(sku("\"MUG-BLU\"", "7"), "MUG-BLU");
    assert_eq!(sku("\"\"", "7"), "24567890123:7");
    assert_eq!(sku("\"\"", "0"), "MUG");
    assert_eq!(sku("null", "null"), "MUG");
    assert_eq!(sku("\"a\\u0000b\"", "7"), "24567890123:7");
}

#[test]
fn an_unmasked_buyer_is_masked() {
    for (given, shown) in
        [("a****n", "a****n"), ("celana_id", "c****d"), ("ab", "****"), ("a", "****"), ("", ""), ("ยกเลิก", "ย****ก")]
    {
        let body = IN_CANCEL.replace("\"a****n\"", &format!("\"{given}\""));
        assert_eq!(read_order(&body, "260810K7QX2M4P").buyer_name, shown, "{given}");
    }
}

#[test]
fn an_order_that_was_not_asked_for_does_not_come_back() {
    assert_eq!(read_orders(IN_CANCEL, &["another"]), Ok(vec![]));
}

#[test]
fn an_order_lacking_what_everything_hangs_on_names_itself() {
    for (from, to, words) in [
        ("\"order_status\": \"IN_CANCEL\"", "\"order_status\": \"\"", "no order_status"),
        ("\"update_time\": 1786440012", "\"update_time\": 0", "no update_time"),
        ("\"create_time\": 1786353600", "\"create_time\": null", "no create_time"),
        ("\"currency\": \"MYR\"", "\"currency\": \"ringgit\"", "no currency code"),
        ("\"item_id\": 24567890123", "\"item_id\": 0", "no item_id"),
        ("\"model_quantity_purchased\": 2", "\"model_quantity_purchased\": -2", "model_quantity_purchased"),
        ("\"item_list\": [", "\"item_list_2\": [", "item_list is empty"),
    ] {
        assert!(IN_CANCEL.contains(from), "{from}");
        let error = read_orders(&IN_CANCEL.replace(from, to), &["260810K7QX2M4P"]).unwrap_err();
        assert_eq!(error.remedy, Remedy::Bug, "{words}");
        assert!(error.story.message.contains(words), "{}", error.story.message);
        assert!(error.story.message.contains("order 260810K7QX2M4P"), "{}", error.story.message);
    }
}

#[test]
fn one_unknown_order_is_missing_and_one_of_many_is_an_error() {
    let body = r#"{"request_id":"r","error":"order.error_not_found","message":"Wrong parameters, detail: the order is not found."}"#;
    assert_eq!(read_orders(body, &["A"]), Ok(vec![]));
    assert_eq!(read_orders(body, &["A", "B"]).unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn an_empty_list_means_no_such_order_and_no_list_means_nothing() {
    assert_eq!(read_orders(r#"{"error":"","response":{"order_list":[]}}"#, &["A"]), Ok(vec![]));
    for body in [r#"{"error":"","response":{}}"#, r#"{"error":"","response":{"order_list":null}}"#, r#"{"error":""}"#] {
        assert_eq!(read_orders(body, &["A"]).unwrap_err().remedy, Remedy::Unknown, "{body}");
    }
}

#[test]
fn a_page_says_where_the_next_one_starts() {
    let page = (list_call(None).read)(&received(200, LIST)).unwrap();
    assert_eq!(
        page,
        OrderPage { numbers: vec![number("260810K7QX2M4P"), number("260810K7QX2M4R")], next: Some("100".to_owned()) }
    );
    let last = LIST.replace("\"more\": true", "\"more\": false");
    assert_eq!((list_call(Some("100")).read)(&received(200, last)).unwrap().next, None);
}

#[test]
fn a_page_that_never_ends_is_an_error() {
    assert_eq!((list_call(Some("100")).read)(&received(200, LIST)).unwrap_err().remedy, Remedy::Unknown);
    for cursor in ["", "-", &"c".repeat(2_000)] {
        let body = LIST.replace("\"100\"", &format!("\"{cursor}\""));
        assert!((list_call(None).read)(&received(200, body)).is_err(), "{cursor}");
    }
}

#[test]
fn an_accepted_cancel_tells_its_time() {
    let accepted = (cancel_call().read)(&received(200, CANCEL)).unwrap();
    assert_eq!(accepted.updated_at, Some(Moment::from_seconds(1_786_440_300)));
    for body in [r#"{"error":"","response":{}}"#, r#"{"error":""}"#, r#"{"error":"-","response":null}"#] {
        assert_eq!((cancel_call().read)(&received(200, body)), Ok(CancelAccepted { updated_at: None }), "{body}");
    }
}

#[test]
fn a_refused_cancel_brings_the_platform_s_words() {
    let error = (cancel_call().read)(&received(200, CANCEL_REFUSED)).unwrap_err();
    assert_eq!(error.remedy, Remedy::Rejected);
    assert_eq!(error.story.message, "Can not cancel this order");
    assert_eq!(error.story.request_id, "2ead12d5");
    assert_eq!(error.story.endpoint, "/api/v2/order/cancel_order");
}

/// This shop's calls to this endpoint wait.
fn paused(seconds: i64) -> Remedy {
    Remedy::Pause(Pause { scope: PauseScope::Endpoint, span: Span::from_seconds(seconds) })
}

/// What a code and its words mean for the cancel (a write) and for the list (a read).
#[test]
fn every_documented_fault_says_what_to_do() {
    use Remedy::{Bug, Reauthorize, Rejected, RetryAfter, TokenExpired, Unknown};
    let throttled = paused(1);
    let quota = paused(900);
    let fault = RetryAfter(Span::from_seconds(2));
    for (code, message, cancel, list) in [
        // Section 8.
        ("order.error_limit", "Can not cancel this order", &Rejected, &quota),
        ("error_limit", "Can not cancel this order", &Rejected, &quota),
        ("error_limit", "Daily quota used up", &Unknown, &quota),
        ("order. error_param", "You can not cancel warehouse order.", &Rejected, &Bug),
        ("order. error_permission", "Please link shop and partner on seller center first.", &Reauthorize, &Reauthorize),
        ("error_param", "Wrong parameters, detail: order_sn is a required field.", &Bug, &Bug),
        ("error_param", "Wrong parameters, detail: cancel_reason.", &Rejected, &Bug),
        ("error_not_found", "Wrong parameters, detail: order.", &Rejected, &Rejected),
        ("error_shop", "shopid is invalid", &Bug, &Bug),
        // Section 5.
        ("error_sign", "Wrong sign.", &Bug, &Bug),
        ("invalid_acceess_token", "", &TokenExpired, &TokenExpired),
        ("invalid_access_token", "", &TokenExpired, &TokenExpired),
        ("error_auth", "Invalid access_token.", &TokenExpired, &TokenExpired),
        ("common.error_auth", "Invalid access_token.", &TokenExpired, &TokenExpired),
        ("error_auth", "Invalid partner_id or shopid.", &Bug, &Bug),
        ("error_param", "request not from gateway", &Bug, &Bug),
        ("invalid_partner_id", "", &Bug, &Bug),
        ("error_permission", "Sorry you don't have the permission", &Bug, &Bug),
        ("error_api_permission", "", &Bug, &Bug),
        ("error_api_call_restricted", "", &Bug, &Bug),
        ("shop_no_linked", "", &Reauthorize, &Reauthorize),
        ("partner_shop_no_link", "", &Reauthorize, &Reauthorize),
        ("shop_access_expired", "", &Reauthorize, &Reauthorize),
        ("shop_banned", "", &Rejected, &Rejected),
        ("api_suspended", "", &Rejected, &Rejected),
        ("source_ip_undeclared", "", &Bug, &Bug),
        ("error_partner_key_expired", "", &Bug, &Bug),
        ("error_network", "Inner http call failed", &Unknown, &fault),
        ("error_server", "System error. Please try again later.", &Unknown, &fault),
        ("error_inner", "", &Unknown, &fault),
        ("error_system_busy", "", &Unknown, &fault),
        (" system_busy ", "", &Unknown, &fault),
        ("error_data", "parse data failed", &Unknown, &fault),
        ("error_rate_limit", "Too many requests", &throttled, &throttled),
        // Section 6.1.
        ("order.order_list_invalid_time", "Start time must be earlier", &Bug, &Bug),
        // In no table.
        ("error_of_next_month", "", &Unknown, &Unknown),
        ("error_auth", "Something else.", &Unknown, &Unknown),
    ] {
        let body = serde_json::json!({"request_id": "r", "error": code, "message": message}).to_string();
        for status in [200, 400, 403, 429] {
            let received = received(status, &body);
            let found = (cancel_call().read)(&received).unwrap_err();
            let expected = cancel;
            assert_eq!(&found.remedy, expected, "cancel, {status}: {code} {message}");
            assert_eq!(found.story.message, message);
            assert_eq!(found.story.code, code.trim());
            let expected = if status == 429 && *list == Unknown { &throttled } else { list };
            assert_eq!(&(list_call(None).read)(&received).unwrap_err().remedy, expected, "list, {status}: {code}");
        }
    }
}

#[test]
fn clocks_too_far_apart_are_named() {
    for words in ["Timestamp is expired.", "Invalid timestamp"] {
        let body = serde_json::json!({"request_id": "r", "error": "error_param", "message": words}).to_string();
        let error = (cancel_call().read)(&received(403, &body)).unwrap_err();
        assert_eq!((error.remedy, error.story.code.as_str()), (Remedy::Bug, CLOCK_SKEW));
        assert_eq!(error.story.message, format!("error_param: {words}"));
    }
}

#[test]
fn an_unclear_answer_to_a_write_may_have_happened() {
    for (status, body) in [
        (200, ""),
        (200, "<html>gateway</html>"),
        (200, "{\"error\":\"\",\"response\":{\"update_time\":17"),
        (200, "{}"),
        (200, "[]"),
        (200, "{\"message\":\"no error, no response\"}"),
        (200, "{\"error\":\"\",\"error\":\"\"}"),
        (301, ""),
        (302, "{\"error\":\"\",\"response\":{}}"),
        (302, CANCEL_REFUSED),
        (404, "not found"),
        (429, "slow down"),
        (429, "{\"error\":\"\"}"),
        (500, ""),
        (500, CANCEL),
        (500, CANCEL_REFUSED),
        (502, "{\"error\":\"error_rate_limit\"}"),
        (504, "upstream"),
    ] {
        let error = (cancel_call().read)(&received(status, body)).unwrap_err();
        assert_eq!(error.remedy, Remedy::Unknown, "{status} {body}");
        assert_eq!(error.story.http_status, status);
        assert!(!error.story.message.is_empty() || !error.story.code.is_empty(), "{status} {body}");
    }
}

#[test]
fn a_throttled_call_waits_as_long_as_it_is_told() {
    let remedy = |call_is_write: bool, body: &str, retry_after: &str| {
        let mut received = received(429, body);
        received.headers.insert("retry-after", retry_after.parse().unwrap());
        if call_is_write {
            (cancel_call().read)(&received).unwrap_err().remedy
        } else {
            (list_call(None).read)(&received).unwrap_err().remedy
        }
    };
    let body = r#"{"error":"error_rate_limit","message":"Too many requests"}"#;
    let after = paused;
    assert_eq!(remedy(true, body, "7"), after(7));
    assert_eq!(remedy(false, body, "7"), after(7));
    assert_eq!(remedy(false, "", "7"), after(7));
    assert_eq!(remedy(true, "", "7"), Remedy::Unknown, "not said to be checked before execution");
    assert_eq!(remedy(false, body, "99999999"), after(3_600));
    assert_eq!(remedy(false, body, "-4"), after(1));
    assert_eq!(remedy(false, body, "Mon, 23 Nov 2026 10:00:00 GMT"), after(1));
}

#[test]
fn the_platform_s_words_are_found_under_either_name() {
    for name in ["message", "msg"] {
        let body = serde_json::json!({"error": "error_not_found", name: "gone\nfor good"}).to_string();
        assert_eq!((cancel_call().read)(&received(200, body)).unwrap_err().story.message, "gone for good");
    }
}

#[test]
fn no_story_repeats_a_secret() {
    for secret in [PARTNER_KEY, ACCESS_TOKEN, REFRESH_TOKEN] {
        let body = serde_json::json!({
            "request_id": "r", "error": format!("x{secret}"),
            "message": format!("Wrong parameters: {secret} {}", "x".repeat(5_000)),
        });
        let error = (cancel_call().read)(&received(200, body.to_string())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains(secret));
        assert_eq!(error.story.message.chars().count(), 500);
    }
}

#[test]
fn a_code_is_exchanged_for_tokens() {
    let renewed = (shopee().exchange_code("code", NOW).read)(&received(200, TOKEN_GET)).unwrap();
    assert_eq!(renewed.access_ends, NOW.plus(Span::from_seconds(14_344)));
    assert_eq!(renewed.refresh_ends, Some(NOW.plus(Span::from_seconds(30 * 86_400))));
    let text = renewed.credentials;
    for part in ["6f6b656e41424344454647484a4b4d4f", "716d4e5a6b7953784f50515253545556", PARTNER_KEY, super::PUSH_KEY] {
        assert!(text.contains(part));
    }
    assert!(!text.contains(&format!("\"{REFRESH_TOKEN}\"")));
}

#[test]
fn renewed_tokens_open_the_shop_again() {
    // This answer gives its end as a moment, not as a span (section 3.2).
    let renewed = (shopee().refresh(NOW).read)(&received(200, ACCESS_TOKEN_GET)).unwrap();
    assert_eq!(renewed.access_ends, Moment::from_seconds(1_786_454_400));
    let policy = super::policy();
    let again = super::Shopee::open("https://partner.shopeemobile.com", &renewed.credentials, policy).unwrap();
    assert_eq!(again.access_ends(), renewed.access_ends);
    assert!(again.read_orders(&[number("A")], NOW).request.uri().query().unwrap().contains("access_token=62756e6e79"));
}

#[test]
fn another_shop_s_tokens_are_refused() {
    let refresh = ACCESS_TOKEN_GET.replace("600123456", "600123457");
    let exchange = TOKEN_GET.replace("600123456", "600123457");
    assert_eq!((shopee().refresh(NOW).read)(&received(200, refresh)).map(|_| ()).unwrap_err().remedy, Remedy::Rejected);
    let error = (shopee().exchange_code("c", NOW).read)(&received(200, exchange)).map(|_| ()).unwrap_err();
    assert_eq!(error.remedy, Remedy::Rejected);
}

#[test]
fn faults_of_the_token_calls_say_who_must_act() {
    use Remedy::{Bug, Reauthorize, Rejected, Unknown};
    for (code, message, remedy) in [
        // Section 3.4.
        ("invalid_code", "", Reauthorize),
        ("error_auth", "Invalid code", Reauthorize),
        ("error_auth", "Invalid refresh_token.", Reauthorize),
        ("error_shop_refresh_token", "", Reauthorize),
        ("error_merchant_refresh_token", "", Reauthorize),
        ("refresh_token_expired", "", Reauthorize),
        ("shop_access_expired", "", Reauthorize),
        ("merchant_access_expired", "", Reauthorize),
        ("shop_no_linked", "", Reauthorize),
        ("merchant_no_linked", "", Reauthorize),
        ("invalid_shop_id", "", Rejected),
        ("invalid_main_acount_id", "", Rejected),
        ("shop_banned", "", Rejected),
        ("error_param", "Wrong parameters", Bug),
        ("error_server", "", Unknown),
    ] {
        let body = serde_json::json!({"request_id": "r", "error": code, "message": message}).to_string();
        for call in [shopee().refresh(NOW), shopee().exchange_code("c", NOW)] {
            let error = (call.read)(&received(403, &body)).map(|_| ()).unwrap_err();
            assert_eq!(error.remedy, remedy, "{code} {message}");
        }
    }
}

#[test]
fn an_answer_without_both_tokens_may_have_used_the_old_one() {
    for body in
        ["{}", r#"{"error":"","access_token":"a"}"#, r#"{"error":"","access_token":"a","refresh_token":""}"#, ""]
    {
        let error = (shopee().refresh(NOW).read)(&received(200, body)).map(|_| ()).unwrap_err();
        assert_eq!(error.remedy, Remedy::Unknown, "{body}");
    }
}

#[test]
fn variations_and_single_items_show_their_sellable_stock() {
    let variations = ["24567890123:198765432109", "24567890123:198765432110", "24567890123:198765432111"].map(listing);
    let single = [listing("24567890124:0")];
    let read = |listings: &[_], body: &str| {
        (shopee().read_listings(listings, NOW).unwrap().read)(&received(200, body)).unwrap()
    };
    insta::assert_debug_snapshot!((read(&variations, MODEL_LIST), read(&single, ITEM_BASE_INFO)));
}

#[test]
fn each_row_of_a_stock_update_has_its_own_result() {
    let results = (stock_call().read)(&received(200, UPDATE_STOCK)).unwrap();
    let refused: Vec<_> = results.iter().map(|result| result.refused.as_deref()).collect();
    assert_eq!(
        refused,
        [None, Some("Stock should be larger than reserved stock."), Some("the answer does not name it")]
    );
    let results = (stock_call().read)(&received(200, UPDATE_STOCK_FAILED)).unwrap();
    assert_eq!(results[0].refused.as_deref(), Some("in promotion"));
    assert!(results.iter().all(|result| result.refused.is_some()));
}

#[test]
fn a_refused_stock_update_is_not_sent_again() {
    for (code, message) in [
        ("error_item_not_found", ""),
        ("product.error_item_uneditable", ""),
        ("error_edit_item_stock_for_item_has_model", ""),
        ("error_cannt_edit_stock_in_promotion", ""),
        ("error_promotion_cantnot_update_stock", ""),
        ("error_holiday_mode_change_stock", ""),
        ("error_wms_shop_block_upate_stock", ""),
        ("error_seller_under_penalty", ""),
        ("error_busi_update_stock_failed", "without rows"),
        ("error_auth", "Stock should be larger than reserved stock."),
        ("error_auth", "Lack of location_id for multi-warehouse shop."),
    ] {
        let body = serde_json::json!({"error": code, "message": message}).to_string();
        assert_eq!((stock_call().read)(&received(200, body)).unwrap_err().remedy, Remedy::Rejected, "{code}");
    }
}

/// Everything that reads an answer, over one answer.
pub(super) fn read_everything(received: &Received) -> Vec<Option<CallError>> {
    let shopee = shopee();
    let numbers = [number("260810K7QX2M4P"), number("2404098R48U37H")];
    let variations = [listing("24567890123:198765432109")];
    let single = [listing("24567890124:0")];
    vec![
        (list_call(Some("1")).read)(received).err(),
        (shopee.read_orders(&numbers, NOW).read)(received).err(),
        (shopee.read_orders(&numbers[..1], NOW).read)(received).err(),
        (cancel_call().read)(received).err(),
        (stock_call().read)(received).err(),
        (shopee.list_requests(None, NOW).read)(received).err(),
        (shopee.answer_request(&super::requests::answer(Answer::Agree), NOW).unwrap().read)(received).err(),
        (shopee.read_listings(&variations, NOW).unwrap().read)(received).err(),
        (shopee.read_listings(&single, NOW).unwrap().read)(received).err(),
        (super::shipping::label(true).read)(received).err(),
        (shopee.exchange_code("c", NOW).read)(received).err(),
        (shopee.refresh(NOW).read)(received).err(),
    ]
}

const BODIES: [&str; 12] = [
    IN_CANCEL,
    LENIENT,
    CANCELLED,
    LIST,
    CANCEL,
    CANCEL_REFUSED,
    TOKEN_GET,
    ACCESS_TOKEN_GET,
    MODEL_LIST,
    ITEM_BASE_INFO,
    UPDATE_STOCK,
    UPDATE_STOCK_FAILED,
];

proptest! {
    #[test]
    fn no_bytes_panic(status in 0_u16..1000, body in prop::collection::vec(any::<u8>(), 0..300)) {
        // No random bytes are a success, for any reader.
        prop_assert!(read_everything(&received(status, body)).iter().all(Option::is_some));
    }

    #[test]
    fn no_damaged_answer_panics(
        which in 0..BODIES.len(),
        status in prop::sample::select(vec![200_u16, 403, 429, 500]),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..40), 1..6),
    ) {
        let mut body = BODIES[which].as_bytes().to_vec();
        for (at, byte, length) in cuts {
            let at = at.index(body.len().max(1)).min(body.len());
            let end = (at + length).min(body.len());
            body.splice(at..end, [byte]);
        }
        for error in read_everything(&received(status, body)).into_iter().flatten() {
            prop_assert!(error.story.message.len() < 4_000);
        }
    }

    #[test]
    fn no_json_scalar_in_any_place_panics(which in 0..BODIES.len(), place in any::<prop::sample::Index>(), value in "-?[0-9]{1,25}(\\.[0-9]{1,20})?(e-?[0-9]{1,4})?|\"\\PC{0,20}\"|null|true|\\[\\]|\\{\\}") {
        let colons: Vec<usize> = BODIES[which].match_indices(": ").map(|(at, _)| at + 2).collect();
        let at = colons[place.index(colons.len())];
        let rest = &BODIES[which][at..];
        let end = at + rest.find([',', '\n']).unwrap_or(rest.len());
        let body = format!("{}{value}{}", &BODIES[which][..at], &BODIES[which][end..]);
        let _ = read_everything(&received(200, body));
    }
}

#[test]
fn a_write_s_error_never_says_again_unless_it_was_throttled_before_execution() {
    for body in BODIES {
        for status in [200, 301, 403, 429, 500] {
            for error in read_everything(&received(status, body)).into_iter().flatten() {
                let write = error.story.endpoint == "/api/v2/order/cancel_order";
                assert!(!(write && matches!(error.remedy, Remedy::RetryAfter(_))), "{status} {body}");
            }
        }
    }
    assert_eq!(cancel_call().effect, Effect::Write);
}
