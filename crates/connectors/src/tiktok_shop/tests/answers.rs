//! What comes back: orders, stock, and every way to fail.

use domain::order::Stage;
use domain::policy::Standing;
use domain::snapshot::{FulfilledBy, Initiator};
use domain::time::Span;
use proptest::prelude::*;

use super::*;
use crate::call::{CLOCK_SKEW, CallError, Pause, PauseScope, Remedy};
use crate::connector::{
    Answer, CancelAccepted, Connector, ConnectorError, OrderPage, SetStock, SetStockResult, Window,
};

const AWAITING: &str = include_str!("../fixtures/orders.awaiting_shipment.json");
const REQUEST: &str = include_str!("../fixtures/orders.request_of_a_bundle.json");
const CANCELLED: &str = include_str!("../fixtures/orders.cancelled.json");
const BARE: &str = include_str!("../fixtures/orders.unpaid_and_bare.json");
const SEARCH: &str = include_str!("../fixtures/orders_search.json");
const TOKEN: &str = include_str!("../fixtures/token.json");
const SHOPS: &str = include_str!("../fixtures/shops.json");
const ACCEPTED: &str = include_str!("../fixtures/cancellations.json");
const ELIGIBILITY: &str = include_str!("../fixtures/eligibility.json");
const INVENTORY: &str = include_str!("../fixtures/inventory_search.json");
const ROW_REFUSED: &str = include_str!("../fixtures/inventory_update.row_refused.json");
const WRONG_SIGN: &str = include_str!("../fixtures/refused.wrong_sign.json");

const SKU: &str = "1730112233445566778:1730112233445697850";

fn read_orders(body: &str, numbers: &[&str]) -> Result<Vec<OrderSnapshot>, CallError> {
    let numbers: Vec<_> = numbers.iter().map(|text| number(text)).collect();
    (tiktok_shop().read_orders(&numbers, NOW).read)(&received(200, body)).map(orders_of)
}

/// An order of the fixtures, to be changed.
pub(super) fn read_awaiting_shipment() -> OrderSnapshot {
    read_order(AWAITING, ORDER)
}

fn read_order(body: &str, number: &str) -> OrderSnapshot {
    let mut orders = read_orders(body, &[number]).unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

fn awaiting(from: &str, to: &str) -> OrderSnapshot {
    assert!(AWAITING.contains(from), "{from}");
    read_order(&AWAITING.replace(from, to), ORDER)
}

fn list_call(cursor: Option<&str>) -> Call<OrderPage> {
    tiktok_shop().list_orders(Window { from: NOW, to: NOW }, cursor, NOW)
}

fn cancel_call() -> Call<CancelAccepted> {
    tiktok_shop().cancel_order(&whole("out_of_stock"), NOW).unwrap()
}

fn stock_call() -> Call<Vec<SetStockResult>> {
    let rows = [SKU, "1730112233445566778:2"].map(|id| SetStock { listing: listing(id), stock: 7 });
    tiktok_shop().set_stock(&rows, NOW).unwrap()
}

#[test]
fn an_order_to_be_shipped_is_read_with_one_line_a_unit() {
    insta::assert_debug_snapshot!(read_order(AWAITING, ORDER));
}

#[test]
fn a_bundle_with_a_buyer_s_request_is_read_by_its_parts() {
    insta::assert_debug_snapshot!(read_order(REQUEST, "577512340098765433"));
}

#[test]
fn a_cancelled_order_is_read() {
    insta::assert_debug_snapshot!(read_order(CANCELLED, "577512340098765434"));
}

#[test]
fn an_order_with_nothing_but_what_must_be_is_read() {
    insta::assert_debug_snapshot!(read_order(BARE, "577512340098765435"));
}

#[test]
fn an_order_of_the_tokopedia_app_is_tokopedia_s_and_read_by_its_policy() {
    assert_eq!(read_order(AWAITING, ORDER).platform, Platform::TiktokShop);
    assert_eq!(awaiting("\"TIKTOK_SHOP\"", "\"TOKOPEDIA\"").platform, Platform::Tokopedia);
    let mut tokopedia = crate::default_policy(Platform::Tokopedia).unwrap();
    tokopedia.statuses.retain(|rule| rule.value != "AWAITING_SHIPMENT");
    let policies = Policies::from([(Platform::TiktokShop, policy()), (Platform::Tokopedia, Arc::new(tokopedia))]);
    let shop = TiktokShop::open(API, &credentials().to_string(), &policies).unwrap();
    let standing = |body: &str| {
        let call = shop.read_orders(&[number(ORDER)], NOW);
        orders_of((call.read)(&received(200, body)).unwrap()).remove(0).standing
    };
    assert_eq!(standing(AWAITING), Standing::ToPack);
    assert_eq!(standing(&AWAITING.replace("\"TIKTOK_SHOP\"", "\"TOKOPEDIA\"")), Standing::Unknown);
}

#[test]
fn only_the_seller_s_own_fulfilment_is_ours() {
    for (word, by) in [
        ("FULFILLMENT_BY_SELLER", FulfilledBy::Seller),
        ("", FulfilledBy::Seller),
        ("FULFILLMENT_BY_TIKTOK", FulfilledBy::Platform),
        ("FULFILLMENT_BY_DILAYANI_TOKOPEDIA", FulfilledBy::Platform),
    ] {
        assert_eq!(awaiting("FULFILLMENT_BY_SELLER", word).fulfilled_by, by, "{word}");
    }
}

#[test]
fn who_cancelled_is_told_in_our_words() {
    for (word, by) in [
        ("BUYER", Some(Initiator::Buyer)),
        ("SELLER", Some(Initiator::Seller)),
        ("SYSTEM", Some(Initiator::Platform)),
        ("OPERATOR", Some(Initiator::Platform)),
        ("SOMEBODY", None),
    ] {
        let body = CANCELLED.replace("\"SELLER\"", &format!("\"{word}\""));
        assert_eq!(read_order(&body, "577512340098765434").cancelled.unwrap().by, by, "{word}");
    }
    let body = CANCELLED.replace("\"cancellation_initiator\": \"SELLER\"", "\"cancellation_initiator\": \"\"");
    assert_eq!(
        read_order(&body, "577512340098765434").cancelled.unwrap().by,
        Some(Initiator::Seller),
        "the line says it"
    );
}

#[test]
fn what_the_courier_has_stays_handed_over_after_a_cancel() {
    for (time, stage) in [
        ("collection_time", Stage::HandedOver),
        ("delivery_time", Stage::Delivered),
        ("rts_time", Stage::Printed),
        ("other_time", Stage::Untouched),
    ] {
        let body = CANCELLED.replace("\"cancel_time\"", &format!("\"{time}\": 1786400000, \"cancel_time\""));
        assert_eq!(read_order(&body, "577512340098765434").stage, stage, "{time}");
    }
}

#[test]
fn a_line_that_was_cancelled_alone_says_so() {
    let order = read_order(
        &AWAITING.replacen("\"display_status\": \"AWAITING_SHIPMENT\"", "\"display_status\": \"CANCELLED\"", 1),
        ORDER,
    );
    let cancelled: Vec<u32> = order.lines.iter().map(|line| line.cancelled_quantity).collect();
    assert_eq!((cancelled, order.standing), (vec![1, 0], Standing::ToPack));
}

#[test]
fn an_order_that_was_not_asked_for_does_not_come_back_and_an_absent_one_is_unknown() {
    assert_eq!(read_orders(AWAITING, &["another"]), Ok(vec![]));
    assert_eq!(read_orders(r#"{"code":0,"data":{}}"#, &[ORDER]), Ok(vec![]));
    assert_eq!(read_orders(r#"{"code":0,"data":{"orders":[]}}"#, &[ORDER]), Ok(vec![]));
    assert_eq!(read_orders(r#"{"code":0,"data":null}"#, &[ORDER]).unwrap_err().remedy, Remedy::Unknown);
}

#[test]
fn an_order_lacking_what_everything_hangs_on_names_itself() {
    for (from, to, words) in [
        ("\"status\": \"AWAITING_SHIPMENT\"", "\"status\": \"\"", "no status"),
        ("\"create_time\": 1786350000", "\"create_time\": 0", "no create_time"),
        ("\"IDR\"", "\"rupiah\"", "no currency code"),
        ("\"id\": \"577512340098830968\"", "\"id\": null", "no id"),
        ("\"line_items\"", "\"line_items_2\"", "line_items are empty"),
    ] {
        assert!(AWAITING.contains(from), "{from}");
        let error = read_orders(&AWAITING.replace(from, to), &[ORDER]).unwrap_err();
        assert_eq!(error.remedy, Remedy::Bug, "{words}");
        assert!(error.story.message.contains(words), "{}", error.story.message);
        assert!(error.story.message.contains(&format!("order {ORDER}")), "{}", error.story.message);
    }
}

#[test]
fn a_page_says_where_the_next_one_starts() {
    let page = (list_call(None).read)(&received(200, SEARCH)).unwrap();
    assert_eq!(page.numbers, [number(ORDER), number("577512340098765434")]);
    assert_eq!(page.next.as_deref(), Some("cXk5dEE3+n0P/R31 Zg=="));
    let last = SEARCH.replace("cXk5dEE3+n0P/R31 Zg==", "");
    assert_eq!((list_call(Some("x")).read)(&received(200, last)).unwrap().next, None);
    let circle = (list_call(page.next.as_deref()).read)(&received(200, SEARCH)).unwrap_err();
    assert_eq!(circle.remedy, Remedy::Unknown);
}

/// The whole shop waits.
fn paused(seconds: i64) -> Remedy {
    Remedy::Pause(Pause { scope: PauseScope::Shop, span: Span::from_seconds(seconds) })
}

/// What a code and its words mean for the cancel (a write) and for the list (a read).
#[test]
fn every_documented_fault_says_what_to_do() {
    use Remedy::{Bug, Reauthorize, Rejected, RetryAfter, TokenExpired, Unknown};
    let after = |seconds| RetryAfter(Span::from_seconds(seconds));
    for (code, message, cancel, list) in [
        // Section 3.
        (36_009_002, "Too many requests", &paused(1), &paused(1)),
        (36_009_037, "Test shop limit", &paused(1), &paused(1)),
        (12_052_109, "Too many product calls", &paused(1), &paused(1)),
        (36_009_003, "Internal error", &Unknown, &after(2)),
        (36_009_007, "Timeout", &Unknown, &after(2)),
        (36_009_004, "Invalid shop_id", &Bug, &Bug),
        (36_009_004, "Invalid API version", &Bug, &Bug),
        (36_009_009, "Invalid path", &Bug, &Bug),
        (36_009_010, "Invalid method", &Bug, &Bug),
        (36_009_014, "Invalid version", &Bug, &Bug),
        (36_009_022, "content-type", &Bug, &Bug),
        (36_009_023, "body", &Bug, &Bug),
        (36_009_033, "IP", &Bug, &Bug),
        (36_009_043, "Shop inactive", &Rejected, &Rejected),
        (36_009_044, "Seller inactive", &Rejected, &Rejected),
        (105_001, "No token", &Reauthorize, &Reauthorize),
        (105_002, "Expired credentials", &TokenExpired, &TokenExpired),
        (105_004, "No permission", &Reauthorize, &Reauthorize),
        (105_005, "Scope missing", &Reauthorize, &Reauthorize),
        (101_000, "Wrong user type", &Reauthorize, &Reauthorize),
        (106_001, "Invalid credentials. The 'sign' query parameter is invalid.", &Bug, &Bug),
        (106_013, "shop_cipher missing", &Bug, &Bug),
        // Section 5.9.
        (25_001_001, "Invalid parameter", &Rejected, &Rejected),
        (25_001_010, "Already running", &Unknown, &Rejected),
        (25_001_011, "Already running", &Unknown, &Rejected),
        (25_001_014, "Wrong reason", &Rejected, &Rejected),
        (25_001_015, "Not for a seller", &Rejected, &Rejected),
        (25_001_020, "Reason offline", &Rejected, &Rejected),
        (25_001_021, "Reason does not fit", &Rejected, &Rejected),
        (25_001_028, "Lock", &after(3), &after(3)),
        (25_001_045, "Already shipped", &Rejected, &Rejected),
        (25_001_046, "Risk control", &Rejected, &Rejected),
        (25_001_051, "Completed", &Rejected, &Rejected),
        (25_005_005, "Refund too high", &Rejected, &Rejected),
        (25_005_010, "Lines", &Rejected, &Rejected),
        (25_005_011, "Too many lines", &Rejected, &Rejected),
        (25_020_005, "No permission", &Bug, &Bug),
        (25_020_008, "Temporary", &Unknown, &after(2)),
        (11_050_001, "Partial not supported", &Rejected, &Rejected),
        (21_011_007, "After-sale pending", &Rejected, &Rejected),
        (10_007_014, "Package frozen", &after(30), &after(30)),
        // In no table.
        (99_999_999, "New", &Unknown, &Unknown),
    ] {
        let body = failure(code, message);
        for status in [200, 400, 401, 403, 404] {
            let found = (cancel_call().read)(&received(status, &body)).unwrap_err();
            assert_eq!(&found.remedy, cancel, "cancel, {status}: {code} {message}");
            assert_eq!((found.story.code.as_str(), found.story.message.as_str()), (&*code.to_string(), message));
            let found = (list_call(None).read)(&received(status, &body)).unwrap_err();
            assert_eq!(&found.remedy, list, "list, {status}: {code} {message}");
        }
    }
}

#[test]
fn clocks_too_far_apart_are_named() {
    let body = failure(36_009_004, "Invalid timestamp");
    let error = (cancel_call().read)(&received(400, body)).unwrap_err();
    assert_eq!((error.remedy, error.story.code.as_str()), (Remedy::Bug, CLOCK_SKEW));
    assert_eq!(error.story.message, "36009004: Invalid timestamp");
}

#[test]
fn an_unclear_answer_to_a_write_may_have_happened() {
    for (status, body) in [
        (200, ""),
        (200, "<html>gateway</html>"),
        (200, "{\"code\":0,\"data\":{\"cancel_id\":\"1"),
        (200, "{}"),
        (200, "[]"),
        (200, "{\"code\":null,\"message\":\"\"}"),
        (301, ""),
        (302, ACCEPTED),
        (404, "not found"),
        (404, ACCEPTED),
        (429, "slow down"),
        (500, ""),
        (500, ACCEPTED),
        (500, WRONG_SIGN),
        (503, "{\"code\":36009002,\"message\":\"x\"}"),
    ] {
        let error = (cancel_call().read)(&received(status, body)).unwrap_err();
        assert_eq!(error.remedy, Remedy::Unknown, "{status} {body}");
        assert_eq!(error.story.http_status, status);
        assert!(!error.story.message.is_empty() || !error.story.code.is_empty(), "{status} {body}");
    }
}

#[test]
fn a_throttled_call_waits_as_long_as_it_is_told() {
    let remedy = |body: &str, retry_after: &str| {
        let mut received = received(429, body);
        received.headers.insert("retry-after", retry_after.parse().unwrap());
        let write = (cancel_call().read)(&received).unwrap_err().remedy;
        (write, (list_call(None).read)(&received).unwrap_err().remedy)
    };
    let after = paused;
    let body = failure(36_009_002, "Too many requests");
    assert_eq!(remedy(&body, "7"), (after(7), after(7)));
    assert_eq!(remedy(&body, "99999999"), (after(3_600), after(3_600)));
    assert_eq!(remedy(&body, "soon"), (after(1), after(1)));
    assert_eq!(remedy("", "7"), (Remedy::Unknown, after(7)), "not said to be checked before execution");
}

#[test]
fn a_shop_s_stock_is_the_shop_s_or_its_named_warehouse_s() {
    let stock = |warehouse: &str| {
        let shop = tiktok_shop_with(policy(), |credentials| credentials["warehouse_id"] = warehouse.into());
        let call = shop.read_listings(&[listing(SKU)], NOW).unwrap();
        assert_eq!(call.request.body(), br#"{"sku_ids":["1730112233445697850"]}"#);
        (call.read)(&received(200, INVENTORY)).unwrap()
    };
    let [read] = &stock("")[..] else { panic!() };
    assert_eq!((read.listing.as_str(), read.listing_sku.as_str(), read.stock), (SKU, "KAOS-HITAM-L", 25));
    assert_eq!(stock("7401122334455667789")[0].stock, 5);
    assert_eq!(stock("1"), []);
}

#[test]
fn each_row_of_a_stock_update_has_its_own_result() {
    let refused = |body: &str| -> Vec<Option<String>> {
        let results = (stock_call().read)(&received(200, body)).unwrap();
        results.into_iter().map(|result| result.refused).collect()
    };
    assert_eq!(refused(r#"{"code":0,"data":{}}"#), [None, None]);
    assert_eq!(refused(r#"{"code":0,"data":null}"#), [None, None]);
    let words = Some("Update failed: warehouse does not exist (12052097)".to_owned());
    assert_eq!(refused(ROW_REFUSED), [words.clone(), None]);
    let of_nobody = ROW_REFUSED.replace("1730112233445697850", "9");
    assert_eq!(refused(&of_nobody), [words.clone(), words], "it speaks of the group");
    assert_eq!((stock_call().read)(&received(200, "{}")).unwrap_err().remedy, Remedy::Unknown);
}

#[test]
fn stock_is_grouped_by_product_and_a_stranger_stands_alone() {
    let shop = tiktok_shop();
    let mut listings: Vec<_> = (1..=60).map(|sku| listing(&format!("7:{sku}"))).collect();
    listings.extend(["8:1", "7:1", "0:5", "x"].map(listing));
    let groups = shop.listing_groups(&listings);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [50, 10, 1, 1, 1]);
    for (index, group) in groups.iter().enumerate() {
        let rows: Vec<_> = group.iter().map(|listing| SetStock { listing: listing.clone(), stock: -3 }).collect();
        let set = shop.set_stock(&rows, NOW).map(|call| call.endpoint);
        assert_eq!(set.is_ok(), index < 3, "{group:?}");
        assert_eq!(shop.read_listings(group, NOW).is_ok(), index < 3);
    }
    let mixed = ["7:1", "8:1"].map(|id| SetStock { listing: listing(id), stock: 1 });
    assert_eq!(shop.set_stock(&mixed, NOW).map(|_| ()), Err(ConnectorError::Listing("8:1".to_owned())));
    assert!(shop.set_stock(&[], NOW).is_err() && shop.read_listings(&[], NOW).is_err());
    let negative = shop.set_stock(&[SetStock { listing: listing("8:1"), stock: -3 }], NOW).unwrap();
    assert_eq!(negative.request.body(), br#"{"skus":[{"id":"1","inventory":[{"quantity":0}]}]}"#);
}

#[test]
fn a_number_s_own_signs_stay_inside_the_path() {
    let cancel = CancelOrder { number: number("1/../2?x=1"), ..whole("out_of_stock") };
    let call = tiktok_shop().check_cancel(&cancel, NOW).unwrap().unwrap();
    let path = call.request.uri().path();
    assert_eq!(path, "/return_refund/202602/orders/1%2F..%2F2%3Fx%3D1/aftersale_eligibility");
}

/// Everything that reads an answer, over one answer.
pub(super) fn read_everything(received: &Received) -> Vec<Option<CallError>> {
    let shop = tiktok_shop();
    let stranger = tiktok_shop_with(policy(), |credentials| credentials["shop_cipher"] = "".into());
    let numbers = [ORDER, "577512340098765433", "576461413038785752"].map(number);
    vec![
        (list_call(Some("1")).read)(received).err(),
        (shop.read_orders(&numbers, NOW).read)(received).err(),
        (cancel_call().read)(received).err(),
        (shop.check_cancel(&whole("out_of_stock"), NOW).unwrap().unwrap().read)(received).err(),
        (stock_call().read)(received).err(),
        (shop.list_requests(None, NOW).read)(received).err(),
        (shop.answer_request(&super::requests::answer(Answer::Agree), NOW).unwrap().read)(received).err(),
        (shop.reject_reasons(&super::requests::request(Some("1")), NOW).unwrap().unwrap().read)(received).err(),
        (shop.read_listings(&[listing(SKU)], NOW).unwrap().read)(received).err(),
        (super::shipping::label().read)(received).err(),
        (shop.exchange_code("c", NOW).read)(received).err(),
        (shop.refresh(NOW).read)(received).err(),
        (stranger.refresh(NOW).read)(received).err(),
    ]
}

const BODIES: [&str; 12] = [
    AWAITING,
    REQUEST,
    CANCELLED,
    BARE,
    SEARCH,
    TOKEN,
    SHOPS,
    ACCEPTED,
    ELIGIBILITY,
    INVENTORY,
    ROW_REFUSED,
    WRONG_SIGN,
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
        status in prop::sample::select(vec![200_u16, 401, 429, 500]),
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
fn a_write_s_error_never_says_again_unless_it_was_refused_before_execution() {
    for body in BODIES {
        for status in [200, 301, 403, 429, 500] {
            let error = (cancel_call().read)(&received(status, body)).err();
            let again = matches!(error.map(|error| error.remedy), Some(Remedy::RetryAfter(_)));
            assert!(!again, "{status} {body}");
        }
    }
}
