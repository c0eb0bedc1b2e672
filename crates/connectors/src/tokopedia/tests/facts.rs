//! The built-in policy against the sheet, and the capabilities against what the functions do.

use domain::order::Stage;
use domain::policy::{GoodsEffect, ListingEffect, Standing};

use super::*;
use crate::connector::Connector;

#[test]
fn the_seller_s_cancel_is_off_until_its_switch_is_on() {
    let built_in = crate::default_policy(Platform::Tokopedia).unwrap();
    assert!(!built_in.seller_cancel && !built_in.partial_cancel.on);
    let off = Tokopedia::open(API, &credentials().to_string(), Arc::new(built_in)).unwrap();
    assert!(!off.capabilities().seller_cancel);
    assert!(tokopedia().capabilities().seller_cancel);
}

#[test]
fn every_status_code_of_the_sheet_has_its_meaning() {
    let policy = policy();
    // Section B.3: codes, standing, least stage, codes that the seller may reject.
    let expected: [(&[&str], Standing, Stage); 11] = [
        (&["0", "2", "3", "4", "5", "6", "10", "15"], Standing::Canceled, Stage::Untouched),
        (&["100", "103", "190"], Standing::Unpaid, Stage::Untouched),
        (&["11", "200", "221"], Standing::OnHold, Stage::Untouched),
        (&["220"], Standing::ToPack, Stage::Untouched),
        (&["400", "450"], Standing::Arranged, Stage::Printed),
        (&["401"], Standing::CancelRequested, Stage::Printed),
        (&["500", "501", "520", "530", "540"], Standing::Shipped, Stage::HandedOver),
        (&["550"], Standing::Shipped, Stage::Returned),
        (&["600", "601", "690", "691", "695", "698", "699"], Standing::Shipped, Stage::Delivered),
        (&["700", "701"], Standing::Completed, Stage::Delivered),
        (&["CANCELLED", "CANCEL"], Standing::Canceled, Stage::Untouched),
    ];
    for (codes, standing, stage) in expected {
        for code in codes {
            let rule = policy.status(code).unwrap();
            assert_eq!((rule.standing, rule.stage), (standing, stage), "{code}");
        }
    }
    let numbers = policy.statuses.iter().filter(|rule| rule.value.parse::<i32>().is_ok());
    assert_eq!(numbers.count(), 33);
    let rejectable = policy.statuses.iter().filter(|rule| rule.seller_may_cancel).map(|rule| rule.value.as_str());
    assert_eq!(rejectable.collect::<Vec<_>>(), ["AWAITING_SHIPMENT", "AWAITING_COLLECTION", "220", "221", "400"]);
}

#[test]
fn what_comes_through_the_other_api_means_the_same_as_there() {
    let (ours, theirs) = (policy(), crate::default_policy(Platform::TiktokShop).unwrap());
    for rule in &theirs.statuses {
        let own = ours.status(&rule.value).unwrap();
        assert_eq!(
            (own.standing, own.stage, own.seller_may_cancel),
            (rule.standing, rule.stage, rule.seller_may_cancel)
        );
    }
    for rule in &theirs.package_statuses {
        assert_eq!(ours.package_status(&rule.value).unwrap().stage, rule.stage, "{}", rule.value);
    }
    let keys = |policy: &Policy| -> Vec<(ReasonCode, String)> {
        policy.reasons.iter().map(|rule| (rule.code.clone(), rule.platform_value.clone())).collect()
    };
    assert_eq!(keys(&ours), keys(&theirs));
}

#[test]
fn out_of_stock_names_products_and_they_wait_to_be_counted() {
    let policy = policy();
    let rule = policy.reason("out_of_stock").unwrap();
    assert!(rule.lines_required);
    assert_eq!((rule.listing_effect, rule.goods_effect), (ListingEffect::SetToZero, GoodsEffect::CountNeeded));
}

#[test]
fn capabilities_and_functions_agree() {
    let shop = tokopedia();
    let offered = shop.capabilities();
    assert!(offered.seller_cancel && offered.set_stock && offered.pushes);
    assert!(!offered.partial_cancel && offered.requests);
    assert!(offered.shipping && !offered.ready_to_ship && !offered.repack);
    for rule in &shop.policy().reasons {
        assert!(shop.cancel_order(&whole(rule.code.as_str(), &["7"]), NOW).is_ok());
        assert!(shop.check_cancel(&whole(rule.code.as_str(), &["7"]), NOW).is_none());
    }
}
