//! The built-in policy against the sheet, and the capabilities against what the functions do.

use domain::order::Stage;
use domain::policy::{EndpointClass, Standing};
use domain::time::Span;

use super::super::status::{self, Marks, Reading};
use super::*;
use crate::call::Effect;
use crate::connector::{Connector, SetStock, Window};

#[test]
fn every_status_of_the_sheet_has_its_meaning() {
    let policy = policy();
    // Section 4: value, standing, least stage, whether the seller may cancel (product.md section 3).
    let expected = [
        ("UNPAID", Standing::Unpaid, Stage::Untouched, false),
        ("ON_HOLD", Standing::OnHold, Stage::Untouched, false),
        ("AWAITING_SHIPMENT", Standing::ToPack, Stage::Untouched, true),
        ("PARTIALLY_SHIPPING", Standing::ToPack, Stage::HandedOver, false),
        ("AWAITING_COLLECTION", Standing::Arranged, Stage::Printed, true),
        ("IN_TRANSIT", Standing::Shipped, Stage::HandedOver, false),
        ("DELIVERED", Standing::Shipped, Stage::Delivered, false),
        ("COMPLETED", Standing::Completed, Stage::Delivered, false),
        ("CANCELLED", Standing::Canceled, Stage::Untouched, false),
        ("CANCEL", Standing::Canceled, Stage::Untouched, false),
    ];
    assert_eq!(policy.statuses.len(), expected.len());
    for (value, standing, stage, may_cancel) in expected {
        let rule = policy.status(value).unwrap();
        assert_eq!((rule.standing, rule.stage, rule.seller_may_cancel), (standing, stage, may_cancel), "{value}");
    }
    let stages = [
        ("TO_FULFILL", Stage::Untouched),
        ("PROCESSING", Stage::Printed),
        ("FULFILLING", Stage::HandedOver),
        ("COMPLETED", Stage::Delivered),
        ("CANCELLED", Stage::Untouched),
    ];
    assert_eq!(policy.package_statuses.len(), stages.len());
    for (value, stage) in stages {
        assert_eq!(policy.package_status(value).unwrap().stage, stage, "{value}");
    }
}

#[test]
fn the_reasons_are_the_product_s_three_and_ask_for_no_product() {
    let policy = policy();
    let codes: Vec<&str> = policy.reasons.iter().map(|rule| rule.code.as_str()).collect();
    assert_eq!(codes, ["out_of_stock", "pricing_error", "unable_to_deliver"]);
    assert!(policy.reasons.iter().all(|rule| !rule.lines_required && !rule.cod_only && rule.regions.is_empty()));
}

#[test]
fn limits_are_the_sheet_s_or_our_own() {
    let policy = policy();
    assert_eq!((policy.read_batch, policy.calls_per_second), (50, 0));
    assert_eq!(policy.budget(EndpointClass::Reads), Some(50));
    assert_eq!(policy.budget(EndpointClass::Tokens), None);
    assert!(policy.settling <= Span::from_seconds(15));
    assert!(policy.seller_cancel && !policy.partial_cancel.on);
}

#[test]
fn order_and_lines_speak_together() {
    let policy = policy();
    let read = |status: &str, lines: &[&str]| status::read(&policy, status, lines.iter().copied(), Marks::default());
    for (status, lines, standing, stage) in [
        ("AWAITING_SHIPMENT", &["TO_FULFILL"][..], Standing::ToPack, Stage::Untouched),
        ("AWAITING_SHIPMENT", &[], Standing::ToPack, Stage::Untouched),
        ("AWAITING_COLLECTION", &["PROCESSING"], Standing::Arranged, Stage::Printed),
        // The least advanced live line decides.
        ("PARTIALLY_SHIPPING", &["FULFILLING", "TO_FULFILL"], Standing::ToPack, Stage::HandedOver),
        ("PARTIALLY_SHIPPING", &["FULFILLING", "PROCESSING"], Standing::Arranged, Stage::HandedOver),
        ("PARTIALLY_SHIPPING", &["FULFILLING", "CANCELLED"], Standing::Shipped, Stage::HandedOver),
        ("PARTIALLY_SHIPPING", &[], Standing::ToPack, Stage::HandedOver),
        ("CANCELLED", &["FULFILLING"], Standing::Canceled, Stage::HandedOver),
        ("CANCELLED", &["CANCELLED"], Standing::Canceled, Stage::Untouched),
        ("NEXT_YEARS_STATUS", &["PROCESSING"], Standing::Unknown, Stage::Printed),
        ("IN_TRANSIT", &["NEXT_YEARS_STATUS"], Standing::Shipped, Stage::HandedOver),
    ] {
        assert_eq!(read(status, lines), Reading { standing, stage }, "{status} {lines:?}");
    }
}

#[test]
fn a_pending_request_goes_before_a_hold_and_never_over_an_end() {
    let policy = policy();
    let marks = |requested, held| Marks { requested, held, timed: None };
    let read = |status: &str, marks| status::read(&policy, status, [].into_iter(), marks).standing;
    assert_eq!(read("AWAITING_SHIPMENT", marks(false, true)), Standing::OnHold);
    assert_eq!(read("AWAITING_SHIPMENT", marks(true, true)), Standing::CancelRequested);
    assert_eq!(read("AWAITING_COLLECTION", marks(true, false)), Standing::CancelRequested);
    assert_eq!(read("UNPAID", marks(false, true)), Standing::Unpaid);
    assert_eq!(read("CANCELLED", marks(true, false)), Standing::Canceled);
    assert_eq!(read("COMPLETED", marks(true, false)), Standing::Completed);
    assert_eq!(read("NEXT_YEARS_STATUS", marks(true, false)), Standing::Unknown);
}

#[test]
fn capabilities_and_functions_agree() {
    let shop = tiktok_shop();
    let offered = shop.capabilities();
    assert!(offered.seller_cancel && offered.set_stock && offered.pushes);
    assert!(!offered.partial_cancel && offered.requests);
    assert!(offered.shipping && !offered.ready_to_ship && !offered.repack);
    for rule in &shop.policy().reasons {
        assert!(shop.check_cancel(&whole(rule.code.as_str()), NOW).unwrap().is_ok());
        let call = shop.cancel_order(&whole(rule.code.as_str()), NOW).unwrap();
        assert_eq!(call.effect, Effect::Write);
        // No part of an order is cancelled alone unless the policy says so.
        assert!(!String::from_utf8_lossy(call.request.body()).contains("line"));
    }
    let known = listing("1730112233445566778:1730112233445697850");
    assert_eq!(shop.set_stock(&[SetStock { listing: known.clone(), stock: 1 }], NOW).unwrap().effect, Effect::Write);
    assert_eq!(shop.read_listings(&[known], NOW).unwrap().effect, Effect::Read);
    assert_eq!(shop.list_orders(Window { from: NOW, to: NOW }, None, NOW).effect, Effect::Read);
    assert_eq!(shop.read_orders(&[number("1")], NOW).effect, Effect::Read);
}
