//! The built-in policy against the sheet, and the capabilities against what the functions do.

use domain::order::Stage;
use domain::policy::{EndpointClass, GoodsEffect, ListingEffect, Standing};
use domain::time::Span;

use super::super::status::{self, ItemStatus};
use super::{NOW, built_in, cancel_of, checked_cancel_of, lazada, lazada_by, listing, number};
use crate::call::Effect;
use crate::connector::{Connector, ConnectorError, SetStock, Window};

#[test]
fn every_status_of_the_sheet_has_its_meaning() {
    let policy = built_in();
    // Section 5.6: value, standing, least stage, whether the seller may cancel (product.md section 3).
    let expected = [
        ("unpaid", Standing::Unpaid, Stage::Untouched, false),
        ("pending", Standing::ToPack, Stage::Untouched, true),
        ("repacked", Standing::ToPack, Stage::Printed, true),
        ("packed", Standing::Arranged, Stage::Printed, true),
        ("ready_to_ship_pending", Standing::Arranged, Stage::Packed, true),
        ("ready_to_ship", Standing::Arranged, Stage::Packed, false),
        ("shipped", Standing::Shipped, Stage::HandedOver, false),
        ("delivered", Standing::Shipped, Stage::Delivered, false),
        ("confirmed", Standing::Completed, Stage::Delivered, false),
        ("returned", Standing::Completed, Stage::Returned, false),
        ("canceled", Standing::Canceled, Stage::Untouched, false),
        ("failed", Standing::Canceled, Stage::Returned, false),
        ("failed_delivery", Standing::Canceled, Stage::Returned, false),
        ("shipped_back", Standing::Canceled, Stage::Returned, false),
        ("shipped_back_success", Standing::Canceled, Stage::Returned, false),
        ("shipped_back_failed", Standing::Canceled, Stage::Returned, false),
        ("package_returned", Standing::Canceled, Stage::Returned, false),
        ("lost", Standing::Canceled, Stage::HandedOver, false),
        ("lost_by_3pl", Standing::Canceled, Stage::HandedOver, false),
        ("damaged_by_3pl", Standing::Canceled, Stage::HandedOver, false),
        ("package_scrapped", Standing::Canceled, Stage::HandedOver, false),
    ];
    assert_eq!(policy.statuses.len(), expected.len());
    for (value, standing, stage, may_cancel) in expected {
        let rule = policy.status(value).unwrap();
        assert_eq!((rule.standing, rule.stage, rule.seller_may_cancel), (standing, stage, may_cancel), "{value}");
    }
}

#[test]
fn every_reason_of_the_seller_center_is_there_in_its_order() {
    let policy = built_in();
    let expected = [
        ("out_of_delivery_area", "Out of Delivery Area", false),
        ("out_of_stock", "Out of Stock", true),
        ("customer_unreachable", "Customer unreachable", false),
        ("duplicate_order", "Duplicate order", false),
        ("pricing_error", "Wrong Price or Pricing Error", true),
        ("sourcing_delay", "Sourcing Delay", false),
        ("system_error", "System Error", false),
        ("incorrect_address", "Incorrect or Incomplete Shipping Address", false),
    ];
    let found: Vec<_> = policy
        .reasons
        .iter()
        .map(|rule| (rule.code.as_str(), rule.platform_value.as_str(), rule.lines_required))
        .collect();
    assert_eq!(found, expected);
    for rule in &policy.reasons {
        let zero = rule.listing_effect == ListingEffect::SetToZero;
        assert_eq!(zero, rule.lines_required, "{}", rule.code);
        assert_eq!(rule.goods_effect == GoodsEffect::CountNeeded, rule.code.as_str() == "out_of_stock");
        assert!(!rule.cod_only && rule.regions.is_empty() && rule.mapping_note.is_none(), "{}", rule.code);
    }
}

#[test]
fn limits_are_the_sheet_s_or_our_own() {
    let policy = built_in();
    assert!(policy.read_batch <= 50);
    assert!(policy.settling <= Span::from_seconds(15));
    assert_eq!(policy.calls_per_second, 0);
    assert_eq!((policy.budget(EndpointClass::Stock), policy.budget(EndpointClass::Reads)), (Some(50), None));
    assert!(policy.partial_cancel.is_on("MY") && policy.seller_cancel);
}

#[test]
fn an_order_stands_where_its_least_advanced_live_item_stands() {
    let policy = built_in();
    for (items, word, standing, stage) in [
        (&["pending"][..], "pending", Standing::ToPack, Stage::Untouched),
        (&["packed", "pending"], "pending", Standing::ToPack, Stage::Printed),
        (&["packed", "repacked"], "repacked", Standing::ToPack, Stage::Printed),
        (&["repacked", "pending"], "pending", Standing::ToPack, Stage::Printed),
        (&["ready_to_ship", "packed"], "packed", Standing::Arranged, Stage::Packed),
        (&["ready_to_ship", "ready_to_ship_pending"], "ready_to_ship_pending", Standing::Arranged, Stage::Packed),
        (&["shipped", "ready_to_ship"], "ready_to_ship", Standing::Arranged, Stage::HandedOver),
        (&["confirmed", "delivered"], "delivered", Standing::Shipped, Stage::Delivered),
        (&["unpaid", "unpaid"], "unpaid", Standing::Unpaid, Stage::Untouched),
        // What is over holds nothing back.
        (&["canceled", "pending"], "pending", Standing::ToPack, Stage::Untouched),
        (&["failed_delivery", "pending"], "pending", Standing::ToPack, Stage::Untouched),
        (&["returned", "canceled"], "returned", Standing::Completed, Stage::Returned),
        (&["canceled", "canceled"], "canceled", Standing::Canceled, Stage::Untouched),
        (&["canceled", "shipped_back"], "shipped_back", Standing::Canceled, Stage::Returned),
        // A status in no table is live, and nothing is done with the order.
        (&["pending", "next_year"], "next_year", Standing::Unknown, Stage::Untouched),
        (&["next_year", "canceled"], "next_year", Standing::Unknown, Stage::Untouched),
    ] {
        let statuses: Vec<_> = items.iter().map(|status| ItemStatus { status, asked: false, packed: false }).collect();
        let reading = status::read(&policy, &statuses).unwrap();
        assert_eq!((reading.status, reading.standing, reading.stage), (word, standing, stage), "{items:?}");
    }
    assert_eq!(status::read(&policy, &[]), None);
}

#[test]
fn what_is_in_a_parcel_has_a_label_and_what_a_buyer_asked_for_waits() {
    let policy = built_in();
    let read = |status, asked, packed| {
        let reading = status::read(&policy, &[ItemStatus { status, asked, packed }]).unwrap();
        (reading.standing, reading.stage)
    };
    assert_eq!(read("canceled", false, true), (Standing::Canceled, Stage::Printed));
    assert_eq!(read("pending", false, true), (Standing::ToPack, Stage::Printed));
    assert_eq!(read("ready_to_ship", true, true), (Standing::CancelRequested, Stage::Packed));
    // A flag that was left on a cancelled item asks for nothing.
    assert_eq!(read("canceled", true, false), (Standing::Canceled, Stage::Untouched));
}

#[test]
fn capabilities_and_functions_agree() {
    let lazada = lazada();
    let offered = lazada.capabilities();
    assert!(offered.seller_cancel && offered.partial_cancel && offered.set_stock && offered.pushes);
    assert!(offered.shipping && offered.ready_to_ship && offered.repack && offered.requests);
    for rule in &lazada.policy().reasons {
        let code = rule.code.as_str();
        let check = lazada.check_cancel(&cancel_of(code, &["1", "2"]), NOW).unwrap().unwrap();
        assert_eq!(check.effect, Effect::Read);
        let call = lazada.cancel_order(&checked_cancel_of(code, &["1", "2"], "7"), NOW).unwrap();
        assert_eq!((call.effect, call.request.method().as_str()), (Effect::Write, "GET"));
    }
    let stock = lazada.set_stock(&[SetStock { listing: listing("1:2"), stock: 1 }], NOW).unwrap();
    assert_eq!(stock.effect, Effect::Write);
    assert_eq!(lazada.list_orders(Window { from: NOW, to: NOW }, None, NOW).effect, Effect::Read);
    assert_eq!(lazada.read_orders(&[number("1")], NOW).effect, Effect::Read);
    assert_eq!(lazada.read_listings(&[listing("1:2")], NOW).unwrap().effect, Effect::Read);
    assert_eq!(lazada.exchange_code("c", NOW).effect, Effect::Write);
    assert_eq!(lazada.refresh(NOW).effect, Effect::Write);
    let whole_only = lazada_by(|policy| policy.partial_cancel.on = false);
    assert!(!whole_only.capabilities().partial_cancel);
}

#[test]
fn a_cancel_that_cannot_be_built_is_not_sent() {
    let unknown = cancel_of("cod_not_supported", &["1"]);
    let no_such = ConnectorError::Reason("cod_not_supported".to_owned());
    assert_eq!(lazada().check_cancel(&unknown, NOW).unwrap().map(|_| ()), Err(no_such.clone()));
    assert_eq!(lazada().cancel_order(&unknown, NOW).map(|_| ()), Err(no_such));
    let none_chosen = cancel_of("out_of_stock", &[]);
    let choose = ConnectorError::LinesRequired("out_of_stock".to_owned());
    assert_eq!(lazada().check_cancel(&none_chosen, NOW).unwrap().map(|_| ()), Err(choose.clone()));
    assert_eq!(lazada().cancel_order(&none_chosen, NOW).map(|_| ()), Err(choose));
    let unchecked = ConnectorError::Unchecked("system_error".to_owned());
    assert_eq!(lazada().cancel_order(&cancel_of("system_error", &["1"]), NOW).map(|_| ()), Err(unchecked.clone()));
    let mut refused = checked_cancel_of("system_error", &["1"], "7");
    refused.checked.as_mut().unwrap().refused = Some("no".to_owned());
    assert_eq!(lazada().cancel_order(&refused, NOW).map(|_| ()), Err(unchecked.clone()));
    let mut another = checked_cancel_of("duplicate_order", &["1"], "7");
    another.reason = super::reason("system_error");
    assert_eq!(lazada().cancel_order(&another, NOW).map(|_| ()), Err(unchecked));
}
