//! Shipping packages and labels, in the sheet's shapes (`tiktok-shop.md` section 6).

use std::fs;

use domain::ids::PackageNumber;
use domain::order::Stage;
use domain::shipment::Act;
use domain::snapshot::PackageSnapshot;

use super::answers::read_awaiting_shipment;
use super::{NOW, ORDER, failure, number, received, tiktok_shop};
use crate::call::{Effect, Remedy};
use crate::connector::{Connector, LabelOf, LabelRead, ShipmentChecked, ShipmentPart};

fn package(name: &str, status: &str) -> PackageSnapshot {
    PackageSnapshot {
        number: PackageNumber::parse(name).unwrap(),
        tracking_number: None,
        platform_status: status.to_owned(),
        stage: Stage::Untouched,
        carrier: String::new(),
    }
}

fn part() -> ShipmentPart {
    ShipmentPart {
        act: Act::Pack,
        number: number(ORDER),
        packages: vec![PackageNumber::parse("1152345").unwrap()],
        lines: Vec::new(),
        split: false,
        checked: None,
    }
}

fn checked(data: &str) -> ShipmentChecked {
    let body = format!(r#"{{"code":0,"message":"Success","request_id":"r","data":{data}}}"#);
    (tiktok_shop().check_shipment(&part(), NOW).unwrap().read)(&received(200, body)).unwrap()
}

#[test]
fn packages_are_shipped_one_after_the_other() {
    let next = |packages: Vec<PackageSnapshot>| {
        let order = domain::snapshot::OrderSnapshot { packages, ..read_awaiting_shipment() };
        tiktok_shop().next_part(Act::Pack, &order).map(|part| part.name())
    };
    let (open, sent) = (package("2", "TO_FULFILL"), package("1", "PROCESSING"));
    assert_eq!(next(vec![sent.clone(), open]).as_deref(), Some("pack 2"));
    assert_eq!(next(vec![sent]), None);
}

#[test]
fn the_first_free_slot_is_taken_and_drop_off_where_nobody_comes() {
    let slots = r#"{"can_pickup":true,"can_drop_off":true,"pickup_slots":[
        {"start_time":1,"end_time":2,"avaliable":false},{"start_time":3,"end_time":4,"avaliable":true}]}"#;
    let way: serde_json::Value = serde_json::from_str(&checked(slots).parameters).unwrap();
    let slot = serde_json::json!({"end_time": 4, "start_time": 3});
    assert_eq!(way, serde_json::json!({"handover_method": "PICKUP", "pickup_slot": slot}));
    assert_eq!(checked(r#"{"can_pickup":true}"#).parameters, r#"{"handover_method":"PICKUP"}"#);
    let drop_off = checked(r#"{"can_pickup":false,"can_drop_off":true}"#);
    assert_eq!(drop_off.parameters, r#"{"handover_method":"DROP_OFF"}"#);
    assert!(checked(r#"{"can_pickup":false,"can_drop_off":false}"#).refused.is_some());
}

#[test]
fn a_shipment_is_sent_to_its_package_and_refused_while_a_request_is_pending() {
    let checked = ShipmentChecked { refused: None, parameters: r#"{"handover_method":"DROP_OFF"}"#.to_owned() };
    let call = tiktok_shop().send_shipment(&ShipmentPart { checked: Some(checked), ..part() }, NOW).unwrap();
    assert_eq!(call.effect, Effect::Write);
    assert_eq!(call.request.uri().path(), "/fulfillment/202309/packages/1152345/ship");
    assert!((call.read)(&received(200, r#"{"code":0,"message":"Success","data":{}}"#)).is_ok());
    let pending = failure(21_011_007, "An after-sale request is pending.");
    assert_eq!((call.read)(&received(200, pending)).unwrap_err().remedy, Remedy::Rejected);
    assert_eq!((call.read)(&received(200, failure(99_999_999, "?"))).unwrap_err().remedy, Remedy::Unknown);
}

pub(super) fn label() -> crate::call::Call<LabelRead> {
    let package = PackageNumber::parse("1152345").unwrap();
    tiktok_shop().read_label(&LabelOf { number: number(ORDER), package, tracking_number: None, split: false }, NOW)
}

#[test]
fn a_label_is_a_link_without_a_token_and_then_a_file() {
    let body = r#"{"code":0,"data":{"doc_url":"https://x.example/d","tracking_number":"JX1"}}"#;
    let Ok(LabelRead::Ask(file)) = (label().read)(&received(200, body)) else { panic!("a link is to be followed") };
    assert!(file.request.headers().is_empty());
    let Ok(LabelRead::File { tracking_number, .. }) = (file.read)(&received(200, b"%PDF-")) else { panic!("a file") };
    assert_eq!(tracking_number.as_deref(), Some("JX1"));
    let waits = (label().read)(&received(200, r#"{"code":0,"data":{"doc_url":""}}"#)).unwrap();
    assert!(matches!(waits, LabelRead::Preparing(_)), "{waits:?}");
}

#[test]
fn the_recorded_answer_is_read() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/realdata/payloads/tiktok/fulfillment_202309.package_shipping_documents.response.json"
    );
    let Ok(body) = fs::read(file) else {
        println!("skipped: {file} is not there, it comes with the shared workspace only");
        return;
    };
    assert!(matches!((label().read)(&received(200, body)).unwrap(), LabelRead::Ask(_)));
}
