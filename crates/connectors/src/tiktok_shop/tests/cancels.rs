//! The seller's cancel: the live check, its versions, and what is sent.

use super::super::reasons;
use super::*;
use crate::call::{Effect, Remedy};
use crate::connector::{CancelAccepted, CancelChecked, Connector, ConnectorError};

const ELIGIBILITY: &str = include_str!("../fixtures/eligibility.json");
const ACCEPTED: &str = include_str!("../fixtures/cancellations.json");

fn check(shop: &TiktokShop, cancel: &CancelOrder) -> Call<CancelChecked> {
    shop.check_cancel(cancel, NOW).unwrap().unwrap()
}

fn checked(body: &str, cancel: &CancelOrder) -> CancelChecked {
    (check(&tiktok_shop(), cancel).read)(&received(200, body)).unwrap()
}

fn key_sent(shop: &TiktokShop, cancel: &CancelOrder) -> String {
    let call = shop.cancel_order(cancel, NOW).unwrap();
    let body: serde_json::Value = serde_json::from_slice(call.request.body()).unwrap();
    body["cancel_reason"].as_str().unwrap().to_owned()
}

#[test]
fn the_check_names_the_reasons_that_the_platform_takes() {
    let found = checked(ELIGIBILITY, &whole("pricing_error"));
    assert_eq!(found.refused, None);
    let pairs: Vec<_> = found.reasons.iter().map(|(code, key)| (code.as_str(), key.as_str())).collect();
    assert_eq!(
        pairs,
        [("out_of_stock", "seller_cancel_reason_out_of_stock"), ("pricing_error", "seller_cancel_reason_wrong_price")]
    );
}

#[test]
fn the_key_that_the_platform_offered_is_the_key_that_is_sent() {
    let body = ELIGIBILITY.replace("seller_cancel_reason_out_of_stock", "seller_cancel_unpaid_reason_out_of_stock");
    let cancel = whole("out_of_stock");
    let cancel = CancelOrder { checked: Some(checked(&body, &cancel)), ..cancel };
    assert_eq!(key_sent(&tiktok_shop(), &cancel), "seller_cancel_unpaid_reason_out_of_stock");
}

#[test]
fn a_reason_that_the_platform_does_not_take_is_not_sent_as_another() {
    let found = checked(ELIGIBILITY, &whole("unable_to_deliver"));
    assert_eq!(
        found.refused.as_deref(),
        Some(
            "The platform does not take the reason “Unable to deliver to buyer's address” for this order now; \
             it takes: seller_cancel_reason_out_of_stock, seller_cancel_reason_wrong_price."
        )
    );
}

#[test]
fn a_new_spelling_of_a_reason_is_found_by_its_words() {
    for (statement, offered, chosen) in [
        ("seller_cancel_reason_out_of_stock", "seller_cancel_2027_out_of_stock", true),
        ("seller_cancel_reason_wrong_price", "seller_cancel_pricing_error", false),
        ("seller_cancel_reason_wrong_price", "seller_cancel_reason_price_2027", true),
        ("seller_cancel_paid_reason_address_not_deliver", "seller_cancel_cannot_deliver", true),
        ("seller_cancel_paid_reason_buyer_requested_cancellation", "buyer_cancel", false),
    ] {
        let found = reasons::choose(statement, &[offered.to_owned()]);
        assert_eq!(found, chosen.then(|| offered.to_owned()), "{statement} {offered}");
    }
}

#[test]
fn a_known_key_goes_before_one_found_by_its_words() {
    let offered = ["an_out_of_stock_key", "seller_cancel_reason_out_of_stock"].map(str::to_owned);
    let found = reasons::choose("seller_cancel_reason_out_of_stock", &offered);
    assert_eq!(found.as_deref(), Some("seller_cancel_reason_out_of_stock"));
}

#[test]
fn what_the_platform_refuses_is_told_in_its_words() {
    let ineligible = r#"{"code":0,"message":"Success","request_id":"r","data":{"sku_eligibility":[{"line_item_eligibility":[
        {"request_type":"CANCEL","eligible":false,"ineligible_code":25001045,"ineligible_reason":"Already shipped","order_line_items_ids":["577512340098896504"]}]}]}}"#;
    assert_eq!(checked(ineligible, &whole("out_of_stock")).refused.as_deref(), Some("Already shipped (25001045)"));
    let of_another = ineligible.replace("577512340098896504", "1");
    let words = "The platform offers no cancel of this order now.";
    assert_eq!(checked(&of_another, &whole("out_of_stock")).refused.as_deref(), Some(words));
    assert_eq!(checked(r#"{"code":0,"data":{}}"#, &whole("out_of_stock")).refused.as_deref(), Some(words));
    let read = check(&tiktok_shop(), &whole("out_of_stock"));
    let refused = (read.read)(&received(400, failure(25_001_001, "Invalid order status"))).unwrap();
    assert_eq!(refused.refused.as_deref(), Some("Invalid order status (25001001)"));
}

#[test]
fn a_reason_must_be_taken_for_every_line() {
    let entry = |id: &str, names: &str| {
        format!(
            r#"{{"request_type":"CANCEL","eligible":true,"order_line_items_ids":["{id}"],"available_reason_names":[{names}]}}"#
        )
    };
    let stock = r#""seller_cancel_reason_out_of_stock""#;
    let price = r#""seller_cancel_reason_wrong_price""#;
    let body = format!(
        r#"{{"code":0,"data":{{"sku_eligibility":[{{"line_item_eligibility":[{}]}},{{"line_item_eligibility":[{}]}}]}}}}"#,
        entry("577512340098830968", &format!("{stock},{price}")),
        entry("577512340098896504", price),
    );
    assert!(checked(&body, &whole("out_of_stock")).refused.is_some());
    assert_eq!(checked(&body, &whole("pricing_error")).refused, None);
}

#[test]
fn the_check_steps_down_to_a_version_that_exists() {
    let shop = tiktok_shop();
    let cancel = whole("out_of_stock");
    let paths = ["202602", "202512", "202309"]
        .map(|version| format!("/return_refund/{version}/orders/577512340098765432/aftersale_eligibility"));
    let missing =
        [received(400, failure(36_009_004, "Invalid API version")), received(404, failure(36_009_009, "Invalid path"))];
    for (path, missing) in paths.iter().zip(&missing) {
        let call = check(&shop, &cancel);
        assert_eq!(call.request.uri().path(), path);
        assert!(target(&call).contains("&request_types=CANCEL&"), "{}", target(&call));
        let again = check(&shop, &cancel);
        let error = (call.read)(missing).unwrap_err();
        assert_eq!(error.remedy, Remedy::RetryAfter(domain::time::Span::ZERO));
        // A second answer to the same version takes no second step.
        assert!((again.read)(missing).is_err());
    }
    let call = check(&shop, &cancel);
    assert_eq!((call.request.uri().path(), call.effect), (paths[2].as_str(), Effect::Read));
    assert!(!target(&call).contains("request_types"), "{}", target(&call));
    assert_eq!((call.read)(&missing[0]).unwrap_err().remedy, Remedy::Bug, "there is no version below");
    let without_reasons = ELIGIBILITY.replace("available_reason_names", "unknown_here");
    let found = (call.read)(&received(200, &without_reasons)).unwrap();
    assert_eq!(found.refused, None);
    let cancel = CancelOrder { checked: Some(found), ..whole("unable_to_deliver") };
    assert_eq!(key_sent(&shop, &cancel), "seller_cancel_paid_reason_address_not_deliver");
}

#[test]
fn without_a_live_list_each_market_has_its_keys() {
    for (market, stock, price, address) in [
        (
            "ID",
            "seller_cancel_reason_out_of_stock",
            "seller_cancel_reason_wrong_price",
            "seller_cancel_paid_reason_address_not_deliver",
        ),
        (
            "MY",
            "seller_cancel_reason_out_of_stock",
            "seller_cancel_reason_wrong_price",
            "seller_cancel_paid_reason_address_not_deliver",
        ),
        (
            "",
            "seller_cancel_reason_out_of_stock",
            "seller_cancel_reason_wrong_price",
            "seller_cancel_paid_reason_address_not_deliver",
        ),
        (
            "SG",
            "seller_cancel_reason_out_of_stock",
            "seller_cancel_reason_wrong_price",
            "seller_cancel_unable_to_deliver_to_buyer_address",
        ),
        (
            "GB",
            "seller_cancel_reason_out_of_stock_uk",
            "seller_cancel_reason_wrong_price_uk",
            "seller_cancel_paid_reason_address_not_deliver_uk",
        ),
    ] {
        let shop = tiktok_shop_with(policy(), |credentials| credentials["region"] = market.into());
        let keys = ["out_of_stock", "pricing_error", "unable_to_deliver"].map(|code| key_sent(&shop, &whole(code)));
        assert_eq!(keys, [stock, price, address], "{market}");
    }
}

#[test]
fn every_statement_has_keys() {
    for statement in reasons::VALUES {
        let key = reasons::for_market(statement, "ID");
        assert_eq!(reasons::choose(statement, std::slice::from_ref(&key)), Some(key), "{statement}");
    }
}

#[test]
fn a_cancel_of_lines_is_never_sent_as_a_cancel_of_the_order() {
    let lines = |market: &str, on: bool| {
        let mut policy = Policy::clone(&policy());
        policy.partial_cancel.on = on;
        let shop = tiktok_shop_with(Arc::new(policy), |credentials| credentials["region"] = market.into());
        let cancel = CancelOrder { whole: false, lines: vec![line("1")], ..whole("out_of_stock") };
        assert_eq!(shop.capabilities().partial_cancel, shop.cancel_order(&cancel, NOW).is_ok());
        let none = CancelOrder { lines: vec![], ..cancel.clone() };
        assert!(shop.cancel_order(&none, NOW).is_err());
        shop.cancel_order(&cancel, NOW).map(|call| call.endpoint)
    };
    assert_eq!(lines("US", false), Err(ConnectorError::WholeOrderOnly));
    assert_eq!(lines("ID", true), Err(ConnectorError::WholeOrderOnly));
    assert_eq!(lines("US", true), Ok("/return_refund/202602/cancellations"));
}

#[test]
fn the_parts_of_a_bundle_are_one_line_item() {
    let mut policy = Policy::clone(&policy());
    policy.partial_cancel.on = true;
    let shop = tiktok_shop_with(Arc::new(policy), |credentials| credentials["region"] = "GB".into());
    let cancel = CancelOrder { whole: false, lines: vec![line("77:1"), line("77:2")], ..whole("out_of_stock") };
    let call = shop.cancel_order(&cancel, NOW).unwrap();
    let body: serde_json::Value = serde_json::from_slice(call.request.body()).unwrap();
    assert_eq!(body["order_line_list"], serde_json::json!([{"order_line_item_id": "77"}]));
}

#[test]
fn a_reason_the_policy_lacks_is_not_sent() {
    let unknown = Err(ConnectorError::Reason("sourcing_delay".to_owned()));
    assert_eq!(tiktok_shop().cancel_order(&whole("sourcing_delay"), NOW).map(|_| ()), unknown);
    assert_eq!(tiktok_shop().check_cancel(&whole("sourcing_delay"), NOW).unwrap().map(|_| ()), unknown);
}

#[test]
fn an_accepted_cancel_is_no_end_and_a_closed_one_is_a_refusal() {
    let call = tiktok_shop().cancel_order(&whole("out_of_stock"), NOW).unwrap();
    assert_eq!(call.effect, Effect::Write);
    let read = |status: &str| (call.read)(&received(200, ACCEPTED.replace("CANCELLATION_REQUEST_SUCCESS", status)));
    for status in
        ["CANCELLATION_REQUEST_SUCCESS", "CANCELLATION_REQUEST_PENDING", "CANCELLATION_REQUEST_COMPLETE", "", "NEW"]
    {
        assert_eq!(read(status), Ok(CancelAccepted { updated_at: None }), "{status}");
    }
    for status in ["CANCELLATION_REQUEST_CANCEL", "CANCELLATION_REQUEST_CANCELLED"] {
        assert_eq!(read(status).unwrap_err().remedy, Remedy::Rejected, "{status}");
    }
    for body in [r#"{"code":0,"message":"success","data":{}}"#, r#"{"code":0,"data":null}"#, r#"{"code":"0"}"#] {
        assert!((call.read)(&received(200, body)).is_ok(), "{body}");
    }
}
