//! What comes back for a cancel, a check, stock and tokens; and any bytes at all.

use domain::time::{Moment, Span};
use proptest::prelude::*;

use super::orders::{HEAD, ITEMS, ITEMS_OF_ORDERS, LIST};
use super::{
    ACCESS_TOKEN, APP_SECRET, NOW, ORDER, REFRESH_TOKEN, built_in, cancel_of, checked_cancel_of, credentials, lazada,
    lazada_by, lazada_with, listing, number, reason, received, with_the_older_cancel,
};
use crate::call::{Call, CallError, Effect, Received, Remedy};
use crate::connector::{
    Answer, CancelAccepted, CancelChecked, Connector, OrderPage, OrdersRead, SetStock, SetStockResult, Window,
};
use crate::lazada::Lazada;

const VALIDATE: &str = include_str!("../fixtures/validate.json");
const VALIDATE_REFUSED: &str = include_str!("../fixtures/validate.refused.json");
const CREATE: &str = include_str!("../fixtures/create.json");
const CREATE_REFUSED: &str = include_str!("../fixtures/create.refused.json");
const FAILURE_REASONS: &str = include_str!("../fixtures/failure_reasons.json");
const ORDER_CANCEL: &str = include_str!("../fixtures/order_cancel.json");
const TOKEN_CREATE: &str = include_str!("../fixtures/token_create.json");
const TOKEN_REFRESH: &str = include_str!("../fixtures/token_refresh.json");
const ITEM_GET: &str = include_str!("../fixtures/item_get.json");
const STOCK_REFUSED: &str = include_str!("../fixtures/stock.refused.json");

pub(super) fn list_call() -> Call<OrderPage> {
    lazada().list_orders(Window { from: NOW, to: NOW }, None, NOW)
}

pub(super) fn check_call() -> Call<CancelChecked> {
    lazada().check_cancel(&cancel_of("out_of_stock", &["511276315584488"]), NOW).unwrap().unwrap()
}

pub(super) fn cancel_call() -> Call<CancelAccepted> {
    lazada().cancel_order(&checked_cancel_of("out_of_stock", &["511276315584488"], "10000021"), NOW).unwrap()
}

fn older_cancel_call() -> Call<CancelAccepted> {
    let cancel = checked_cancel_of("out_of_stock", &["98108"], "15");
    lazada_by(with_the_older_cancel).cancel_order(&cancel, NOW).unwrap()
}

fn older_check(items: &[&str]) -> Call<CancelChecked> {
    lazada_by(with_the_older_cancel).check_cancel(&cancel_of("out_of_stock", items), NOW).unwrap().unwrap()
}

pub(super) fn stock_call() -> Call<Vec<SetStockResult>> {
    let rows = ["2807246166:13449296008", "2807246166:13449296009"];
    lazada().set_stock(&rows.map(|id| SetStock { listing: listing(id), stock: 7 }), NOW).unwrap()
}

#[test]
fn a_check_says_which_of_our_reasons_are_taken_and_under_which_id() {
    let checked = (check_call().read)(&received(200, VALIDATE)).unwrap();
    assert_eq!(checked.refused, None);
    let expected = [("out_of_stock", "10000021"), ("pricing_error", "10000023"), ("sourcing_delay", "10000019")];
    assert_eq!(checked.reasons, expected.map(|(code, id)| (reason(code), id.to_owned())));
}

#[test]
fn a_refused_check_brings_the_platform_s_words() {
    let refused = |body: &str| (check_call().read)(&received(200, body)).unwrap().refused;
    let words = "This order has been handed over to the carrier and cannot be cancelled.";
    assert_eq!(refused(VALIDATE_REFUSED).as_deref(), Some(words));
    let invalid = r#"{"code":"123","type":"ISP","message":"E0123: invalid trade order lines [1]","request_id":"r"}"#;
    assert_eq!(refused(invalid).as_deref(), Some("E0123: invalid trade order lines [1]"));
    let silent = r#"{"code":"0","data":{"tip_type":"ERROR"}}"#;
    assert_eq!(refused(silent).as_deref(), Some("Lazada refuses without a word."));
    for kind in ["warn", "warning", "success", ""] {
        assert_eq!(refused(&VALIDATE.replace("warning", kind)), None, "{kind}");
    }
}

#[test]
fn a_reason_that_is_not_offered_now_is_refused_and_the_others_are_named() {
    let body = VALIDATE.replace("10000021", "10000099").replace("Out of Stock", "Weather");
    let checked = (check_call().read)(&received(200, body)).unwrap();
    let words = "Lazada does not take this reason for these items now; it takes: Sourcing Delay, Weather, Wrong Price or \
                 Pricing Error.";
    assert_eq!(checked.refused.as_deref(), Some(words));
    assert_eq!(checked.reasons.len(), 2);
    let none = r#"{"code":"0","data":{"reason_options":[]}}"#;
    assert!((check_call().read)(&received(200, none)).unwrap().refused.unwrap().ends_with("no reason at all."));
}

#[test]
fn a_reason_is_known_by_its_name_its_id_or_a_word_of_it() {
    let id = |name: &str, id: &str| {
        let body = VALIDATE.replace("Out of Stock", name).replace("10000021", id);
        let checked = (check_call().read)(&received(200, body)).unwrap();
        checked.reasons.into_iter().find(|(code, _)| code.as_str() == "out_of_stock").map(|(_, id)| id)
    };
    assert_eq!(id("Out of Stock", "7").as_deref(), Some("7"));
    assert_eq!(id("OUT OF  stock", "7").as_deref(), Some("7"));
    assert_eq!(id("out-of-stock", "7").as_deref(), Some("7"));
    assert_eq!(id("Seller ran out of stock", "7").as_deref(), Some("7"));
    assert_eq!(id("สินค้าหมด", "10000021").as_deref(), Some("10000021"));
    assert_eq!(id("สินค้าหมด", "7"), None);
}

#[test]
fn a_check_that_says_neither_is_asked_again() {
    for body in [r#"{"code":"0","data":{}}"#, r#"{"code":"0"}"#, r#"{"code":"0","data":[]}"#, "", "{}"] {
        assert_eq!((check_call().read)(&received(200, body)).unwrap_err().remedy, Remedy::Unknown, "{body}");
    }
}

#[test]
fn the_older_cancel_takes_its_id_from_the_older_list_and_one_item_a_call() {
    let call = older_check(&["98108"]);
    assert_eq!((call.endpoint, call.effect), ("/order/failure_reason/get", Effect::Read));
    let checked = (call.read)(&received(200, FAILURE_REASONS)).unwrap();
    assert_eq!((checked.refused, checked.reasons), (None, vec![(reason("out_of_stock"), "15".to_owned())]));
    assert_eq!(checked.unasked.len(), 7, "the current cancel's reasons are not in the older list");
    let two = (older_check(&["98108", "98109"]).read)(&received(200, FAILURE_REASONS)).unwrap();
    assert!(two.refused.unwrap().contains("one item a call"));
    let cancel = checked_cancel_of("out_of_stock", &["1", "2"], "15");
    assert!(lazada_by(with_the_older_cancel).cancel_order(&cancel, NOW).is_err());
    let call = older_cancel_call();
    assert_eq!((call.endpoint, call.request.method().as_str()), ("/order/cancel", "POST"));
    // What fails deliveries cancels nothing, even under the same name.
    let failed = FAILURE_REASONS.replace("\"canceled\"", "\"failed\"");
    assert!((older_check(&["98108"]).read)(&received(200, failed)).unwrap().refused.is_some());
}

#[test]
fn an_accepted_cancel_is_accepted_with_any_advice_but_an_error() {
    let accepted = Ok(CancelAccepted { updated_at: None });
    for body in [
        CREATE,
        r#"{"code":"0"}"#,
        r#"{"code":"0","data":null}"#,
        r#"{"code":0,"data":{"tip_type":"warning","tip_content":"x"}}"#,
    ] {
        assert_eq!((cancel_call().read)(&received(200, body)), accepted, "{body}");
    }
    assert_eq!((older_cancel_call().read)(&received(200, ORDER_CANCEL)), accepted);
}

#[test]
fn a_refused_cancel_brings_the_platform_s_words() {
    let error = (cancel_call().read)(&received(200, CREATE_REFUSED)).unwrap_err();
    assert_eq!((error.remedy, error.story.message.as_str()), (Remedy::Rejected, "The item has been shipped."));
    assert_eq!(error.story.request_id, "212a6a5a17675956955215666");
    assert_eq!(error.story.endpoint, "/order/reverse/cancel/create");
    let no_success = ORDER_CANCEL.replace("true", "false");
    assert_eq!((older_cancel_call().read)(&received(200, no_success)).unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn a_whole_order_is_its_live_items_and_chosen_ones_are_those_alone() {
    let list = |whole: bool| {
        let mut cancel = checked_cancel_of("system_error", &["1", "2", "3"], "7");
        cancel.lines.truncate(1);
        cancel.whole = whole;
        let call = lazada().cancel_order(&cancel, NOW).unwrap();
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(call.request.uri().query().unwrap().as_bytes()).into_owned().collect();
        query.into_iter().find(|(name, _)| name == "order_item_id_list").unwrap().1
    };
    assert_eq!(list(true), r#"["1","2","3"]"#);
    assert_eq!(list(false), r#"["1"]"#);
}

#[test]
fn an_item_shows_the_sellable_stock_of_its_skus() {
    let listings = ["2807246166:13449296008", "2807246166:13449296009", "2807246166:13449296010", "2807246166:5"];
    let call = lazada().read_listings(&listings.map(listing), NOW).unwrap();
    assert!(call.request.uri().query().unwrap().contains("item_id=2807246166"));
    insta::assert_debug_snapshot!((call.read)(&received(200, ITEM_GET)).unwrap());
}

#[test]
fn a_stock_update_is_taken_or_refused_as_a_whole() {
    let taken = (stock_call().read)(&received(200, r#"{"code":"0","data":{},"request_id":"r"}"#)).unwrap();
    assert!(taken.len() == 2 && taken.iter().all(|result| result.refused.is_none()));
    let error = (stock_call().read)(&received(200, STOCK_REFUSED)).unwrap_err();
    assert_eq!(error.remedy, Remedy::Rejected);
    assert_eq!(error.story.message, "E0501: Update product failed: Stock is locked by a campaign");
}

#[test]
fn listings_are_grouped_by_item_and_twenty_at_a_time() {
    let mut listings: Vec<_> = (1..=25).map(|sku| listing(&format!("7:{sku}"))).collect();
    listings.extend([listing("8:1"), listing("7:1"), listing("BE494HLAAUE3SGAMZ-39898")]);
    let groups = lazada().listing_groups(&listings);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [20, 5, 1, 1]);
    for group in &groups[..3] {
        assert!(lazada().read_listings(group, NOW).is_ok(), "{group:?}");
    }
    for ids in [&["7:1", "8:1"][..], &[], &["7"], &["7:x"], &["0:1"], &["7:0"], &["-7:1"], &["BE494HLAAUE3SGAMZ-39898"]]
    {
        let listings: Vec<_> = ids.iter().map(|id| listing(id)).collect();
        let stock: Vec<_> = listings.iter().map(|id| SetStock { listing: id.clone(), stock: 1 }).collect();
        assert!(lazada().read_listings(&listings, NOW).is_err(), "{ids:?}");
        assert!(lazada().set_stock(&stock, NOW).is_err(), "{ids:?}");
    }
    let negative = [SetStock { listing: listing("1:2"), stock: -3 }];
    let body = lazada().set_stock(&negative, NOW).unwrap().request.into_body();
    assert!(String::from_utf8(body).unwrap().contains("SellableQuantity%3E0%3C"));
}

#[test]
fn tokens_are_kept_with_the_lives_that_are_told() {
    let renewed = (lazada().refresh(NOW).read)(&received(200, TOKEN_REFRESH)).unwrap();
    assert_eq!(renewed.access_ends, NOW.plus(Span::from_seconds(604_800)));
    assert_eq!(renewed.refresh_ends, Some(NOW.plus(Span::from_seconds(1_209_600))));
    let again = Lazada::open("https://api.lazada.com.my", &renewed.credentials, built_in()).unwrap();
    assert_eq!(again.access_ends().seconds(), renewed.access_ends.seconds());
    let query = again.read_orders(&[number(ORDER)], NOW).request.uri().query().unwrap().to_owned();
    assert!(query.contains("access_token=50000201c12bcdEFGhijKLmnop"), "{query}");
    let refreshed = String::from_utf8(again.refresh(NOW).request.into_body()).unwrap();
    assert!(refreshed.contains("refresh_token=50001201c12pqrSTUvwxYZabcd"), "{refreshed}");
}

#[test]
fn a_shop_learns_its_seller_id_from_its_own_country_s_entry() {
    let new = lazada_with(|credentials| {
        for name in ["seller_id", "access_token", "refresh_token"] {
            credentials[name] = "".into();
        }
    });
    assert_eq!(new.shop_account(), "");
    let renewed = (new.exchange_code("c", NOW).read)(&received(200, TOKEN_CREATE)).unwrap();
    let opened = Lazada::open("https://api.lazada.com.my", &renewed.credentials, built_in()).unwrap();
    assert_eq!(opened.shop_account(), "1000114855");
    let elsewhere = TOKEN_CREATE.replace("\"my\"", "\"vn\"");
    let error = (new.exchange_code("c", NOW).read)(&received(200, elsewhere)).map(|_| ()).unwrap_err();
    assert_eq!(error.remedy, Remedy::Rejected);
}

#[test]
fn another_shop_s_tokens_are_refused() {
    let another = TOKEN_CREATE.replace("1000114855", "1000114856");
    for call in [lazada().refresh(NOW), lazada().exchange_code("c", NOW)] {
        assert_eq!((call.read)(&received(200, &another)).map(|_| ()).unwrap_err().remedy, Remedy::Rejected);
        // An older form of the list says nothing about shops.
        let older = TOKEN_CREATE.replace("\"country_user_info\": [", "\"country_user_info\": \"x\", \"y\": [");
        assert!((call.read)(&received(200, older)).is_ok());
    }
}

#[test]
fn a_refresh_without_a_new_refresh_token_keeps_the_old_one() {
    let body = TOKEN_REFRESH.replace("\"50001201c12pqrSTUvwxYZabcd\"", "\"\"");
    let renewed = (lazada().refresh(NOW).read)(&received(200, body)).unwrap();
    assert!(renewed.credentials.contains(REFRESH_TOKEN));
    let untold = r#"{"code":"0","access_token":"a","refresh_token":"b"}"#;
    let renewed = (lazada().refresh(NOW).read)(&received(200, untold)).unwrap();
    assert_eq!((renewed.access_ends, renewed.refresh_ends), (NOW.plus(Span::from_seconds(7 * 86_400)), None));
}

#[test]
fn an_answer_without_a_token_is_asked_again() {
    for body in ["{}", r#"{"code":"0"}"#, r#"{"code":"0","refresh_token":"a"}"#, r#"{"access_token":"a"}"#, ""] {
        let error = (lazada().refresh(NOW).read)(&received(200, body)).map(|_| ()).unwrap_err();
        assert_eq!(error.remedy, Remedy::Unknown, "{body}");
    }
}

#[test]
fn no_story_holds_a_secret() {
    let body = serde_json::json!({
        "code": ACCESS_TOKEN, "message": format!("{APP_SECRET} and {REFRESH_TOKEN}\nand more"), "request_id": "r",
    });
    let error = (cancel_call().read)(&received(200, body.to_string())).unwrap_err();
    assert_eq!(error.story.code, "[secret]");
    assert_eq!(error.story.message, "[secret] and [secret] and more");
}

/// Everything that reads an answer, over one answer.
pub(super) fn read_everything(received: &Received) -> Vec<Option<CallError>> {
    let lazada = lazada();
    let listings = [listing("2807246166:13449296008")];
    let mut errors = vec![
        (list_call().read)(received).err(),
        (check_call().read)(received).err(),
        (cancel_call().read)(received).err(),
        (older_check(&["1"]).read)(received).err(),
        (older_cancel_call().read)(received).err(),
        (stock_call().read)(received).err(),
        (lazada.list_requests(None, NOW).read)(received).err(),
        (lazada.answer_request(&super::requests::answer(Answer::Agree), NOW).unwrap().read)(received).err(),
        (lazada.reject_reasons(&super::requests::request(Some("1")), NOW).unwrap().unwrap().read)(received).err(),
        (lazada.read_listings(&listings, NOW).unwrap().read)(received).err(),
        (super::shipping::check_call().read)(received).err(),
        (super::shipping::ready_call().read)(received).err(),
        (super::shipping::label_call().read)(received).err(),
        (lazada.exchange_code("c", NOW).read)(received).err(),
        (lazada.refresh(NOW).read)(received).err(),
    ];
    // A read of orders asks on as long as it is answered; here each question gets the same answer.
    let mut call = lazada.read_orders(&[number(ORDER), number("31202")], NOW);
    loop {
        match (call.read)(received) {
            Ok(OrdersRead::Ask(next)) => call = *next,
            Ok(OrdersRead::Orders(_)) => break errors.push(None),
            Err(error) => break errors.push(Some(error)),
        }
    }
    errors
}

const BODIES: [&str; 14] = [
    LIST,
    HEAD,
    ITEMS_OF_ORDERS,
    ITEMS,
    VALIDATE,
    VALIDATE_REFUSED,
    CREATE,
    CREATE_REFUSED,
    FAILURE_REASONS,
    ORDER_CANCEL,
    TOKEN_CREATE,
    TOKEN_REFRESH,
    ITEM_GET,
    STOCK_REFUSED,
];

/// A read of one order whose three calls get three answers.
fn read_order(bodies: [&str; 3]) -> Result<(), CallError> {
    let mut call = lazada().read_orders(&[number(ORDER)], NOW);
    for body in bodies {
        match (call.read)(&received(200, body))? {
            OrdersRead::Ask(next) => call = *next,
            OrdersRead::Orders(_) => return Ok(()),
        }
    }
    Ok(())
}

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
        let _ = read_everything(&received(200, &body));
        for bodies in [[&body, HEAD, ITEMS], [ITEMS_OF_ORDERS, &body, ITEMS], ["{\"code\":\"39\"}", HEAD, &body]] {
            let _ = read_order(bodies);
        }
    }
}

#[test]
fn times_are_in_whole_seconds_and_ends_are_kept() {
    let shop = lazada_with(|credentials| credentials["refresh_ends"] = 1_800_000_000_i64.into());
    assert_eq!(shop.access_ends(), Moment::from_seconds(1_768_000_000));
    let untold = r#"{"code":"0","access_token":"a","refresh_token":"b"}"#;
    let renewed = (shop.refresh(NOW).read)(&received(200, untold)).unwrap();
    assert_eq!(renewed.refresh_ends, Some(Moment::from_seconds(1_800_000_000)));
    assert_eq!(credentials()["refresh_ends"], serde_json::Value::Null);
}
