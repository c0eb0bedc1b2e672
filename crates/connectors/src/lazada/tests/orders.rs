//! Orders: the list, and what several calls together say of an order.

use domain::policy::Standing;
use domain::snapshot::{FulfilledBy, Initiator, OrderSnapshot};
use domain::time::{Moment, Span};
use serde_json::{Value, json};

use super::{NOW, ORDER, OTHER_ORDER, lazada, number, read_from, received};
use crate::call::{CallError, Remedy};
use crate::connector::{Connector, OrderPage, Window};

pub(super) const LIST: &str = include_str!("../fixtures/orders_get.json");
pub(super) const HEAD: &str = include_str!("../fixtures/order_get.json");
pub(super) const ITEMS_OF_ORDERS: &str = include_str!("../fixtures/orders_items_get.json");
pub(super) const ITEMS: &str = include_str!("../fixtures/order_items_get.json");
const INVALID: &str = r#"{"code":"16","type":"ISV","message":"E016: \"42\" Invalid Order ID","request_id":"r"}"#;
const NONE_FOUND: &str = r#"{"code":"39","type":"ISV","message":"E039: No orders for specified IDs","request_id":"r"}"#;

fn head_of(order: &str) -> String {
    HEAD.replace(ORDER, order)
}

/// A platform that knows both orders of the fixtures.
fn knows_both(asked: &str) -> String {
    match asked.split_once(' ').unwrap() {
        ("/orders/items/get", _) => ITEMS_OF_ORDERS.to_owned(),
        ("/order/get", order) => head_of(order),
        other => panic!("{other:?}"),
    }
}

fn order(change: impl Fn(&mut Value)) -> Result<OrderSnapshot, CallError> {
    let (_, read) = read_from(&[ORDER], |asked| {
        let mut body: Value = serde_json::from_str(&knows_both(asked)).unwrap();
        let part = if asked.starts_with("/order/get") { &mut body["data"] } else { &mut body["data"][0] };
        change(part);
        body.to_string()
    });
    read.map(|mut orders| orders.remove(0))
}

/// An order of the fixtures, to be changed.
pub(super) fn read_order() -> OrderSnapshot {
    order(|_| ()).unwrap()
}

#[test]
fn a_batch_is_read_with_one_call_for_its_items_and_one_for_each_head() {
    let (asked, read) = read_from(&[ORDER, OTHER_ORDER], knows_both);
    assert_eq!(
        asked,
        [
            format!("/orders/items/get [{ORDER},{OTHER_ORDER}]"),
            format!("/order/get {ORDER}"),
            format!("/order/get {OTHER_ORDER}"),
        ]
    );
    insta::assert_debug_snapshot!(read.unwrap());
}

#[test]
fn an_order_that_the_batch_left_out_is_asked_for_alone() {
    let (asked, read) = read_from(&[ORDER, "42", OTHER_ORDER], |asked| match asked {
        "/orders/items/get [511276315484488,42,511276315484499]" => NONE_FOUND.to_owned(),
        "/order/get 511276315484488" => HEAD.to_owned(),
        "/order/items/get 511276315484488" => ITEMS.to_owned(),
        // The second is no order of the shop; the third is gone between the two calls.
        "/order/get 42" | "/order/items/get 511276315484499" => INVALID.to_owned(),
        "/order/get 511276315484499" => head_of(OTHER_ORDER),
        other => panic!("{other}"),
    });
    assert_eq!(asked.len(), 6);
    let orders = read.unwrap();
    assert_eq!(orders.iter().map(|order| order.number.as_str()).collect::<Vec<_>>(), [ORDER]);
    assert_eq!(orders[0].lines.len(), 3);
}

#[test]
fn what_is_no_decimal_number_is_no_order_and_is_not_asked_for() {
    let (asked, read) = read_from(&["260810K7QX2M4P", "1]&x=[2"], |_| NONE_FOUND.to_owned());
    assert_eq!(asked, ["/orders/items/get []"]);
    assert_eq!(read, Ok(vec![]));
}

#[test]
fn no_more_orders_are_asked_for_than_the_platform_takes() {
    let numbers: Vec<_> = (1..=60).map(|index| number(&index.to_string())).collect();
    let call = lazada().read_orders(&numbers, NOW);
    assert_eq!(super::asked_for(&call).matches(',').count(), 49);
}

#[test]
fn a_read_that_fails_on_its_way_says_nothing() {
    let (_, read) = read_from(&[ORDER], |asked| match asked.starts_with("/order/get") {
        true => r#"{"code":"ServiceTimeout","type":"SYSTEM","message":"timeout","request_id":"r"}"#.to_owned(),
        false => ITEMS_OF_ORDERS.to_owned(),
    });
    let error = read.unwrap_err();
    assert_eq!(
        (error.remedy, error.story.endpoint.as_str()),
        (Remedy::RetryAfter(Span::from_seconds(2)), "/order/get")
    );
    let (_, read) = read_from(&[ORDER], |asked| match asked.starts_with("/order/get") {
        true => head_of(OTHER_ORDER),
        false => ITEMS_OF_ORDERS.to_owned(),
    });
    assert_eq!(read.unwrap_err().remedy, Remedy::Unknown, "another order's head");
}

#[test]
fn who_cancelled_is_told_in_our_words() {
    for (word, by) in [
        ("cancellation-internal", Some(Initiator::Platform)),
        ("cancellation-customer", Some(Initiator::Buyer)),
        ("cancellation-seller", Some(Initiator::Seller)),
        ("cancellation-failed Delivery", Some(Initiator::Platform)),
        ("return-customer", Some(Initiator::Buyer)),
        ("refund-internal", Some(Initiator::Platform)),
        ("customer service-cancel", Some(Initiator::Platform)),
        ("buyer-cancel", Some(Initiator::Buyer)),
        ("system-cancel", Some(Initiator::Platform)),
        ("seller-cancel", Some(Initiator::Seller)),
        ("null-null", None),
        ("", None),
        ("somebody", None),
    ] {
        let read = order(|part| {
            for item in part["order_items"].as_array_mut().into_iter().flatten() {
                item["status"] = "canceled".into();
                item["cancel_return_initiator"] = word.into();
            }
        });
        assert_eq!(read.unwrap().cancelled.unwrap().by, by, "{word}");
    }
}

#[test]
fn cancelled_units_are_told_line_by_line() {
    let read = order(|_| ()).unwrap();
    assert_eq!(read.standing, Standing::Arranged);
    assert_eq!(read.cancelled, None);
    let cancelled: Vec<_> = read.lines.iter().map(|line| (line.quantity, line.cancelled_quantity)).collect();
    assert_eq!(cancelled, [(1, 0), (1, 0), (1, 1)]);
}

#[test]
fn a_request_of_the_buyer_shows_in_every_spelling_of_its_flag() {
    for (flag, standing) in [
        (json!(true), Standing::CancelRequested),
        (json!("true"), Standing::CancelRequested),
        (json!("True"), Standing::CancelRequested),
        (json!(1), Standing::CancelRequested),
        (json!("1"), Standing::CancelRequested),
        (json!(false), Standing::Arranged),
        (json!("False"), Standing::Arranged),
        (json!("0"), Standing::Arranged),
        (json!(null), Standing::Arranged),
    ] {
        for name in ["need_cancel_confirm", "is_cancel_pending"] {
            let read = order(|part| {
                if part["order_items"].is_array() {
                    part["order_items"][0][name] = flag.clone();
                    part["order_items"][0]["reason"] = "Change of mind".into();
                }
            });
            let read = read.unwrap();
            assert_eq!(read.standing, standing, "{name} {flag}");
            let reason = (standing == Standing::CancelRequested).then_some("Change of mind");
            assert_eq!(read.buyer_reason.as_deref(), reason);
        }
    }
}

#[test]
fn lazada_s_own_warehouse_fulfils_when_it_has_every_live_item() {
    let read = |flags: [i64; 3]| {
        let read = order(|part| {
            for (item, flag) in part["order_items"].as_array_mut().into_iter().flatten().zip(flags) {
                item["is_fbl"] = flag.into();
            }
        });
        read.unwrap().fulfilled_by
    };
    assert_eq!(read([1, 1, 1]), FulfilledBy::Platform);
    // The third is cancelled.
    assert_eq!(read([1, 1, 0]), FulfilledBy::Platform);
    assert_eq!(read([1, 0, 1]), FulfilledBy::Seller);
    assert_eq!(read([0, 0, 0]), FulfilledBy::Seller);
}

#[test]
fn a_listing_is_told_by_its_ids_or_by_what_older_orders_say() {
    let listing = |product: Value, sku: Value, shop_sku: &str, seller_sku: &str| {
        let read = order(|part| {
            if part["order_items"].is_array() {
                let item = &mut part["order_items"][0];
                item["product_id"] = product.clone();
                item["sku_id"] = sku.clone();
                item["shop_sku"] = shop_sku.into();
                item["sku"] = seller_sku.into();
            }
        });
        read.map(|read| (read.lines[0].listing.to_string(), read.lines[0].listing_sku.to_string()))
    };
    let told = |listing: &str, sku: &str| Ok((listing.to_owned(), sku.to_owned()));
    assert_eq!(listing("12".into(), 34.into(), "9_MY-8", "MUG"), told("12:34", "MUG"));
    assert_eq!(listing(Value::Null, Value::Null, "9_MY-8", "MUG"), told("9:8", "MUG"));
    assert_eq!(
        listing("".into(), "".into(), "1306535254_VNAMZ-5058631360", ""),
        told("1306535254:5058631360", "1306535254:5058631360")
    );
    assert_eq!(
        listing("".into(), "".into(), "BE494HLAAUE3SGAMZ-39898", "BRSD#02"),
        told("BE494HLAAUE3SGAMZ-39898", "BRSD#02")
    );
    assert_eq!(listing("".into(), "".into(), "", "MUG"), told("MUG", "MUG"));
    assert!(listing("".into(), "".into(), "", "").unwrap_err().story.message.contains("names no SKU"));
}

#[test]
fn an_order_lacking_what_everything_hangs_on_names_itself() {
    for (name, value, words) in [
        ("status", "", "an item has no status"),
        ("order_item_id", "", "no order_item_id"),
        ("currency", "ringgit", "no currency code"),
    ] {
        let error = order(|part| {
            if part["order_items"].is_array() {
                part["order_items"][0][name] = value.into();
            }
        })
        .unwrap_err();
        assert_eq!(error.remedy, Remedy::Bug, "{words}");
        assert!(error.story.message.contains(words), "{}", error.story.message);
        assert!(error.story.message.contains(&format!("order {ORDER}")), "{}", error.story.message);
    }
    let without_times = order(|part| {
        for item in part["order_items"].as_array_mut().into_iter().flatten() {
            item["updated_at"] = "yesterday".into();
        }
    });
    assert!(without_times.unwrap_err().story.message.contains("no updated_at"));
}

#[test]
fn an_order_without_items_is_not_taken_for_one() {
    let (asked, read) = read_from(&[ORDER], |asked| match asked.split_once(' ').unwrap().0 {
        "/order/get" => HEAD.to_owned(),
        _ => r#"{"code":"0","data":[]}"#.to_owned(),
    });
    assert_eq!(asked.len(), 3);
    let error = read.unwrap_err();
    assert!(error.story.message.contains("it has no items"), "{}", error.story.message);
}

fn window(from: i64, to: i64) -> Window {
    Window { from: Moment::from_seconds(from), to: Moment::from_seconds(to) }
}

fn page(from: i64, cursor: Option<&str>, times: &[String]) -> Result<OrderPage, CallError> {
    let rows: Vec<Value> =
        times.iter().enumerate().map(|(index, at)| json!({"order_id": 1_000 + index, "updated_at": at})).collect();
    let body = json!({"code": "0", "data": {"count": rows.len(), "countTotal": 4_000, "orders": rows}}).to_string();
    (lazada().list_orders(window(from, from + 86_400), cursor, NOW).read)(&received(200, body))
}

#[test]
fn a_page_that_is_not_full_is_the_last() {
    let call = lazada().list_orders(window(0, 10), None, NOW);
    let page = (call.read)(&received(200, LIST)).unwrap();
    assert_eq!(page, OrderPage { numbers: vec![number(ORDER), number(OTHER_ORDER)], next: None });
}

#[test]
fn the_next_page_begins_a_second_before_the_last_row() {
    let times: Vec<String> = (0..100).map(|second| format!("{}", 1_767_593_800 + second)).collect();
    assert_eq!(page(1_767_593_000, None, &times).unwrap().next.as_deref(), Some("1767593898:0"));
    let call = lazada().list_orders(window(1_767_593_000, 1_767_600_000), Some("1767593898:200"), NOW);
    let query = call.request.uri().query().unwrap().replace("%3A", ":").replace("%2B", "+");
    for part in [
        "update_after=2026-01-05T06:18:18+00:00",
        "update_before=2026-01-05T08:00:00+00:00",
        "sort_by=updated_at",
        "sort_direction=ASC",
        "limit=100",
        "offset=200",
    ] {
        assert!(query.split('&').any(|pair| pair == part), "{part} in {query}");
    }
}

#[test]
fn rows_of_one_second_are_counted_and_so_are_rows_in_no_order() {
    let one_second = vec!["2026-01-05 14:16:45 +0800".to_owned(); 100];
    assert_eq!(page(1_767_593_804, None, &one_second).unwrap().next.as_deref(), Some("1767593804:100"));
    let cursor = Some("1767593804:100");
    assert_eq!(page(0, cursor, &one_second).unwrap().next.as_deref(), Some("1767593804:200"));
    let error = page(0, Some("1767593804:4900"), &one_second).unwrap_err();
    assert_eq!(error.remedy, Remedy::Bug);
    let mut unsorted: Vec<String> = (0..100).map(|second| format!("{}", 1_767_593_800 + second)).collect();
    unsorted.swap(3, 90);
    assert_eq!(page(1_767_593_000, None, &unsorted).unwrap().next.as_deref(), Some("1767593000:100"));
}

#[test]
fn a_cursor_that_is_not_ours_begins_anew() {
    for cursor in ["", "x", "5", "-1:0", "1:-1", "1:5001", "1:x"] {
        let call = lazada().list_orders(window(1_767_593_000, 1_767_600_000), Some(cursor), NOW);
        let query = call.request.uri().query().unwrap();
        assert!(query.contains("offset=0") && query.contains("update_after=2026-01-05T06%3A03%3A20"), "{query}");
    }
}
