//! The built-in policy against the sheet, and the capabilities against what the functions do.

use domain::ids::LineId;
use domain::order::Stage;
use domain::policy::{GoodsEffect, ListingEffect, Standing};
use domain::time::Span;

use super::super::status::{self, Reading};
use super::{NOW, cancel_of, listing, number, policy, reason, shopee};
use crate::call::Effect;
use crate::connector::{CancelLine, CancelOrder, Connector, ConnectorError, SetStock};

#[test]
fn every_status_of_the_sheet_has_its_meaning() {
    let policy = policy();
    // Section 7.1: value, standing, least stage, whether the seller may cancel (product.md section 3).
    let expected = [
        ("UNPAID", Standing::Unpaid, Stage::Untouched, false),
        ("PENDING", Standing::OnHold, Stage::Untouched, false),
        ("INVOICE_PENDING", Standing::OnHold, Stage::Untouched, false),
        ("READY_TO_SHIP", Standing::ToPack, Stage::Untouched, true),
        ("RETRY_SHIP", Standing::ToPack, Stage::Printed, true),
        ("PROCESSED", Standing::Arranged, Stage::Printed, true),
        ("SHIPPED", Standing::Shipped, Stage::HandedOver, false),
        ("TO_CONFIRM_RECEIVE", Standing::Shipped, Stage::Delivered, false),
        ("IN_CANCEL", Standing::CancelRequested, Stage::Untouched, false),
        ("CANCELLED", Standing::Canceled, Stage::Untouched, false),
        ("TO_RETURN", Standing::Shipped, Stage::HandedOver, false),
        ("COMPLETED", Standing::Completed, Stage::Delivered, false),
    ];
    assert_eq!(policy.statuses.len(), expected.len());
    for (value, standing, stage, may_cancel) in expected {
        let rule = policy.status(value).unwrap();
        assert_eq!((rule.standing, rule.stage, rule.seller_may_cancel), (standing, stage, may_cancel), "{value}");
    }
}

#[test]
fn every_package_status_of_the_sheet_has_its_stage() {
    let policy = policy();
    // Section 7.3.
    let expected = [
        ("LOGISTICS_NOT_START", Stage::Untouched),
        ("LOGISTICS_PENDING_ARRANGE", Stage::Untouched),
        ("LOGISTICS_COD_REJECTED", Stage::Untouched),
        ("LOGISTICS_READY", Stage::Untouched),
        ("LOGISTICS_REQUEST_CREATED", Stage::Printed),
        ("LOGISTICS_PICKUP_RETRY", Stage::Printed),
        ("LOGISTICS_PICKUP_DONE", Stage::HandedOver),
        ("LOGISTICS_DELIVERY_DONE", Stage::Delivered),
        ("LOGISTICS_INVALID", Stage::Untouched),
        ("LOGISTICS_REQUEST_CANCELED", Stage::Printed),
        ("LOGISTICS_PICKUP_FAILED", Stage::Printed),
        ("LOGISTICS_DELIVERY_FAILED", Stage::Returned),
        ("LOGISTICS_LOST", Stage::HandedOver),
    ];
    assert_eq!(policy.package_statuses.len(), expected.len());
    for (value, stage) in expected {
        assert_eq!(policy.package_status(value).unwrap().stage, stage, "{value}");
    }
}

#[test]
fn every_reason_of_the_sheet_is_mapped() {
    let policy = policy();
    // Section 8: code, value, products, cash on delivery only, markets.
    let expected: [(&str, &str, bool, bool, &[&str]); 5] = [
        ("pricing_error", "OUT_OF_STOCK", true, false, &[]),
        ("buyer_requests_cancellation", "CUSTOMER_REQUEST", false, false, &[]),
        ("out_of_stock", "OUT_OF_STOCK", true, false, &[]),
        ("cod_not_supported", "COD_NOT_SUPPORTED", false, true, &["ID", "MY", "PH", "SG", "TH", "TW", "VN"]),
        ("undeliverable_area", "UNDELIVERABLE_AREA", false, false, &["MY", "TW"]),
    ];
    assert_eq!(policy.reasons.iter().map(|rule| rule.code.as_str()).collect::<Vec<_>>(), expected.map(|row| row.0));
    for (code, value, lines, cod, regions) in expected {
        let rule = policy.reason(code).unwrap();
        let found = (rule.platform_value.as_str(), rule.lines_required, rule.cod_only);
        assert_eq!(found, (value, lines, cod), "{code}");
        assert_eq!(rule.regions, regions, "{code}");
        assert_eq!(
            rule.mapping_note.is_some(),
            code == "pricing_error",
            "only what is mapped by choice says so: {code}"
        );
    }
    let effects = |code: &str| policy.reason(code).map(|rule| (rule.listing_effect, rule.goods_effect)).unwrap();
    assert_eq!(effects("out_of_stock"), (ListingEffect::SetToZero, GoodsEffect::CountNeeded));
    assert_eq!(effects("pricing_error"), (ListingEffect::SetToZero, GoodsEffect::ComeBack));
    assert_eq!(effects("cod_not_supported"), (ListingEffect::UnitsReturn, GoodsEffect::ComeBack));
}

#[test]
fn limits_are_the_sheet_s_or_our_own() {
    let policy = policy();
    assert_eq!(policy.list_window, Span::from_seconds(15 * 86_400));
    assert_eq!(policy.read_batch, 50);
    assert!(policy.settling <= Span::from_seconds(15));
    assert_eq!(policy.calls_per_second, 0);
    assert!(!policy.partial_cancel.on);
}

#[test]
fn order_and_packages_speak_together() {
    let policy = policy();
    let read = |status: &str, packages: &[&str]| status::read(&policy, status, packages.iter().copied(), false, false);
    for (status, packages, standing, stage) in [
        ("READY_TO_SHIP", &["LOGISTICS_READY"][..], Standing::ToPack, Stage::Untouched),
        // Brazil's channels 90021 and 90026.
        ("READY_TO_SHIP", &["LOGISTICS_REQUEST_CREATED"], Standing::Arranged, Stage::Printed),
        // The least advanced live package decides where the order stands.
        ("READY_TO_SHIP", &["LOGISTICS_REQUEST_CREATED", "LOGISTICS_READY"], Standing::ToPack, Stage::Printed),
        ("READY_TO_SHIP", &["LOGISTICS_REQUEST_CREATED", "LOGISTICS_INVALID"], Standing::Arranged, Stage::Printed),
        ("READY_TO_SHIP", &["LOGISTICS_INVALID"], Standing::ToPack, Stage::Untouched),
        ("READY_TO_SHIP", &["LOGISTICS_NEXT_YEAR"], Standing::ToPack, Stage::Untouched),
        ("READY_TO_SHIP", &[], Standing::ToPack, Stage::Untouched),
        ("RETRY_SHIP", &["LOGISTICS_PICKUP_RETRY"], Standing::ToPack, Stage::Printed),
        ("IN_CANCEL", &["LOGISTICS_REQUEST_CREATED"], Standing::CancelRequested, Stage::Printed),
        ("CANCELLED", &["LOGISTICS_DELIVERY_FAILED"], Standing::Canceled, Stage::Returned),
        ("CANCELLED", &["LOGISTICS_INVALID"], Standing::Canceled, Stage::Untouched),
        ("SHIPPED", &["LOGISTICS_NEXT_YEAR"], Standing::Shipped, Stage::HandedOver),
        ("NEXT_YEARS_STATUS", &["LOGISTICS_PICKUP_DONE"], Standing::Unknown, Stage::HandedOver),
    ] {
        assert_eq!(read(status, packages), Reading { standing, stage }, "{status} {packages:?}");
    }
}

#[test]
fn what_the_platform_holds_is_not_to_be_packed() {
    let policy = policy();
    let read = |status: &str| status::read(&policy, status, ["LOGISTICS_READY"].into_iter(), true, false).standing;
    assert_eq!(read("READY_TO_SHIP"), Standing::OnHold);
    assert_eq!(read("PENDING"), Standing::OnHold);
    assert_eq!(read("CANCELLED"), Standing::Canceled);
}

#[test]
fn what_the_courier_has_is_handed_over() {
    let policy = policy();
    let read = status::read(&policy, "CANCELLED", ["LOGISTICS_NEXT_YEAR"].into_iter(), false, true);
    assert_eq!(read.stage, Stage::HandedOver);
}

#[test]
fn capabilities_and_functions_agree() {
    let shopee = shopee();
    let offered = shopee.capabilities();
    assert!(offered.seller_cancel && offered.set_stock && offered.pushes);
    assert!(!offered.partial_cancel && offered.requests);
    assert!(offered.shipping && !offered.ready_to_ship && !offered.repack);
    for rule in &shopee.policy().reasons {
        let cancel = CancelOrder { number: number("A"), reason: rule.code.clone(), ..cancel_of(vec![listing("1:2")]) };
        let call = shopee.cancel_order(&cancel, NOW).unwrap();
        assert_eq!(call.effect, Effect::Write);
        // A cancel of the whole order never names parts.
        assert!(!String::from_utf8_lossy(call.request.body()).contains("partial_cancel_item_list"));
    }
    let stock = shopee.set_stock(&[SetStock { listing: listing("1:2"), stock: 1 }], NOW).unwrap();
    assert_eq!(stock.effect, Effect::Write);
    assert_eq!(shopee.list_orders(crate::connector::Window { from: NOW, to: NOW }, None, NOW).effect, Effect::Read);
    assert_eq!(shopee.read_orders(&[number("A")], NOW).effect, Effect::Read);
    assert_eq!(shopee.read_listings(&[listing("1:2")], NOW).unwrap().effect, Effect::Read);
    assert_eq!(shopee.exchange_code("c", NOW).effect, Effect::Write);
    assert_eq!(shopee.refresh(NOW).effect, Effect::Write);
}

#[test]
fn a_reason_the_policy_lacks_is_not_sent() {
    let cancel = |code: &str, listings: Vec<_>| {
        let cancel = CancelOrder { number: number("A"), reason: reason(code), ..cancel_of(listings) };
        shopee().cancel_order(&cancel, NOW).map(|_| ())
    };
    assert_eq!(cancel("sourcing_delay", vec![]), Err(ConnectorError::Reason("sourcing_delay".to_owned())));
    assert_eq!(cancel("pricing_error", vec![]), Err(ConnectorError::LinesRequired("pricing_error".to_owned())));
    let lazada = listing("not-shopee");
    assert_eq!(cancel("out_of_stock", vec![lazada]), Err(ConnectorError::Listing("not-shopee".to_owned())));
}

#[test]
fn chosen_lines_are_named_with_what_the_order_s_detail_says_of_them() {
    let line = |id: &str| CancelLine { line: LineId::parse(id).unwrap(), listing: listing("11:22"), quantity: 2 };
    let cancel =
        CancelOrder { whole: false, lines: vec![line("33:22:44"), line("11:22:0:2")], ..cancel_of(Vec::new()) };
    let call = shopee().cancel_order(&cancel, NOW).unwrap();
    let body: serde_json::Value = serde_json::from_slice(call.request.body()).unwrap();
    let first = serde_json::json!({
        "item_id": 11, "model_id": 22, "order_item_id": 33, "promotion_group_id": 44, "model_quantity": 2,
    });
    let second = serde_json::json!({"item_id": 11, "model_id": 22, "order_item_id": 11, "model_quantity": 2});
    assert_eq!(body["partial_cancel_item_list"], serde_json::json!([first, second]));
    assert_eq!(body["item_list"], serde_json::Value::Null, "the list that takes the whole order is left out");
    let none = CancelOrder { whole: false, ..cancel_of(Vec::new()) };
    assert!(shopee().cancel_order(&none, NOW).is_err());
}
