//! Arranging shipment and labels, in the sheet's shapes (`shopee.md` section 10).

use std::fs;

use domain::ids::PackageNumber;
use domain::order::Stage;
use domain::policy::Handover;
use domain::shipment::Act;
use domain::snapshot::{OrderSnapshot, PackageSnapshot};
use domain::time::Span;

use super::answers::read_order_of;
use super::{NOW, number, policy, received, shopee};
use crate::call::{Call, Effect, Remedy};
use crate::connector::{Connector, LabelOf, LabelRead, ShipmentChecked, ShipmentPart};
use crate::shopee::Shopee;

const PARAMETERS: &str = r#"{"error":"","message":"","request_id":"r","response":{
    "info_needed":{"pickup":["address_id","pickup_time_id"],"dropoff":[]},
    "pickup":{"address_list":[
        {"address_id":1,"address_flag":["return_address"],"time_slot_list":[{"pickup_time_id":"9"}]},
        {"address_id":234,"address_flag":["default_address","pickup_address"],
         "time_slot_list":[{"date":1786492800,"pickup_time_id":"1786492800"},{"pickup_time_id":"1786579200"}]}]},
    "dropoff":{"branch_list":null,"slug_list":null}}}"#;

fn package(name: &str, status: &str, stage: Stage) -> PackageSnapshot {
    PackageSnapshot {
        number: PackageNumber::parse(name).unwrap(),
        tracking_number: None,
        platform_status: status.to_owned(),
        stage,
        carrier: String::new(),
    }
}

fn order(packages: Vec<PackageSnapshot>) -> OrderSnapshot {
    OrderSnapshot { packages, ..read_order_of("260810K7QX2M4P") }
}

fn part(split: bool) -> ShipmentPart {
    ShipmentPart {
        act: Act::Pack,
        number: number("260810K7QX2M4P"),
        packages: vec![PackageNumber::parse("OFG1").unwrap()],
        lines: Vec::new(),
        split,
        checked: None,
    }
}

fn checked(shop: &Shopee, body: &str) -> ShipmentChecked {
    (shop.check_shipment(&part(false), NOW).unwrap().read)(&received(200, body)).unwrap()
}

#[test]
fn packages_are_arranged_one_after_the_other_until_none_is_left() {
    let ready = package("OFG1", "LOGISTICS_READY", Stage::Untouched);
    let retry = package("OFG2", "LOGISTICS_PICKUP_RETRY", Stage::Printed);
    let arranged = package("OFG3", "LOGISTICS_REQUEST_CREATED", Stage::Printed);
    let dead = package("OFG4", "LOGISTICS_INVALID", Stage::Untouched);
    let next = |packages: Vec<PackageSnapshot>| shopee().next_part(Act::Pack, &order(packages));
    let named = |part: Option<ShipmentPart>| part.map(|part| (part.name(), part.split));
    let all = vec![arranged.clone(), ready, retry.clone()];
    assert_eq!(named(next(all)), Some(("pack OFG1".to_owned(), true)));
    assert_eq!(named(next(vec![arranged.clone(), retry])), Some(("pack OFG2".to_owned(), true)));
    assert_eq!(named(next(vec![arranged, dead])), None);
    assert_eq!(named(next(Vec::new())), Some(("pack ".to_owned(), false)));
    assert_eq!(shopee().next_part(Act::Repack, &order(Vec::new())), None);
}

#[test]
fn the_way_is_chosen_by_the_policy_with_the_default_address_and_its_first_slot() {
    let pickup = r#"{"pickup":{"address_id":234,"pickup_time_id":"1786492800"}}"#;
    assert_eq!(checked(&shopee(), PARAMETERS).parameters, pickup);
    let mut by_drop_off = (*policy()).clone();
    by_drop_off.shipping.handover = Handover::DropOff;
    let text = super::credentials().to_string();
    let shop = Shopee::open("https://partner.shopeemobile.com", &text, by_drop_off.into()).unwrap();
    assert_eq!(checked(&shop, PARAMETERS).parameters, r#"{"dropoff":{}}"#);
    let only_drop_off = PARAMETERS.replace(r#""pickup":["address_id","pickup_time_id"],"#, "");
    assert_eq!(checked(&shopee(), &only_drop_off).parameters, r#"{"dropoff":{}}"#);
}

#[test]
fn what_only_the_seller_can_choose_is_refused_with_what_to_do() {
    let refused = |body: &str| checked(&shopee(), body).refused.unwrap_or_default();
    let own = r#"{"error":"","response":{"info_needed":{"non_integrated":["tracking_number"]}}}"#;
    assert!(refused(own).contains("own carrier"), "{}", refused(own));
    let branch = r#"{"error":"","response":{"info_needed":{"dropoff":["branch_id"]}}}"#;
    assert!(refused(branch).contains("branch_id"), "{}", refused(branch));
    let no_slot = PARAMETERS.replace("time_slot_list", "other");
    let no_slot = no_slot.replace(r#","dropoff":[]}"#, "}");
    assert!(refused(&no_slot).contains("pickup time"), "{}", refused(&no_slot));
    let early = r#"{"error":"error_param","message":"Shipping parameters can only be obtained when package is ready to be shipped"}"#;
    assert!(refused(early).contains("ready to be shipped"), "{}", refused(early));
}

#[test]
fn a_package_is_named_only_in_a_split_order() {
    let body = |split: bool| {
        let checked = checked(&shopee(), PARAMETERS);
        let call = shopee().send_shipment(&ShipmentPart { checked: Some(checked), ..part(split) }, NOW).unwrap();
        assert_eq!(call.effect, Effect::Write);
        serde_json::from_slice::<serde_json::Value>(call.request.body()).unwrap()
    };
    let whole = body(false);
    assert_eq!(whole["order_sn"], "260810K7QX2M4P");
    assert_eq!(whole["pickup"]["address_id"], 234);
    assert_eq!(whole.get("package_number"), None);
    assert_eq!(body(true)["package_number"], "OFG1");
    assert!(shopee().send_shipment(&part(false), NOW).is_err());
}

#[test]
fn a_shipment_s_answers_say_what_to_do() {
    let call = || {
        let checked = checked(&shopee(), PARAMETERS);
        shopee().send_shipment(&ShipmentPart { checked: Some(checked), ..part(false) }, NOW).unwrap()
    };
    assert!((call().read)(&received(200, r#"{"error":"","message":"","request_id":"r"}"#)).is_ok());
    for (code, remedy) in [
        ("logistics.package_already_shipped", Remedy::Rejected),
        (" logistics.package_already_shipped", Remedy::Rejected),
        ("logistics.error_param", Remedy::Rejected),
        ("logistics.ship_order_need_pacakge_number", Remedy::Rejected),
        ("logistics.never_heard_of", Remedy::Unknown),
        ("error_server", Remedy::Unknown),
    ] {
        let body = serde_json::json!({"error": code, "message": "words"}).to_string();
        assert_eq!((call().read)(&received(200, body)).unwrap_err().remedy, remedy, "{code}");
    }
}

pub(super) fn label(split: bool) -> Call<LabelRead> {
    let package = PackageNumber::parse("OFG1").unwrap();
    shopee().read_label(&LabelOf { number: number("260810K7QX2M4P"), package, tracking_number: None, split }, NOW)
}

fn asked(read: LabelRead) -> Call<LabelRead> {
    match read {
        LabelRead::Ask(call) => *call,
        other => panic!("{other:?}"),
    }
}

const TRACKED: &str = r#"{"error":"","response":{"tracking_number":"MY123","hint":""}}"#;
const MADE: &str = r#"{"error":"","response":{"result_list":[{"order_sn":"260810K7QX2M4P"}]},"warning":null}"#;

#[test]
fn a_label_is_tracked_made_ready_and_fetched() {
    let create = asked((label(true).read)(&received(200, TRACKED)).unwrap());
    let body: serde_json::Value = serde_json::from_slice(create.request.body()).unwrap();
    assert_eq!(body["order_list"][0]["tracking_number"], "MY123");
    assert_eq!(body["order_list"][0]["package_number"], "OFG1");
    let result = asked((create.read)(&received(200, MADE)).unwrap());
    let ready = r#"{"error":"","response":{"result_list":[{"status":"READY"}]}}"#;
    let download = asked((result.read)(&received(200, ready)).unwrap());
    match (download.read)(&received(200, b"%PDF-1.4")).unwrap() {
        LabelRead::File { bytes, tracking_number } => {
            assert_eq!((bytes, tracking_number.as_deref()), (b"%PDF-1.4".to_vec(), Some("MY123")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_label_that_is_not_ready_is_asked_for_again() {
    let waits = |read: LabelRead| matches!(read, LabelRead::Preparing(span) if span == Span::from_seconds(10));
    let untracked = r#"{"error":"","response":{"tracking_number":""}}"#;
    assert!(waits((label(false).read)(&received(200, untracked)).unwrap()));
    let create = || asked((label(false).read)(&received(200, TRACKED)).unwrap());
    let not_now = r#"{"error":"common.batch_api_all_failed","message":"Failed","response":{"result_list":[
        {"order_sn":"A","fail_error":"logistics.package_can_not_print","fail_message":"The package can not print now."}]}}"#;
    assert!(waits((create().read)(&received(200, not_now)).unwrap()));
    let result = asked((create().read)(&received(200, MADE)).unwrap());
    for status in ["PROCESSING", "NEVER_HEARD_OF"] {
        let body = format!(r#"{{"error":"","response":{{"result_list":[{{"status":"{status}"}}]}}}}"#);
        assert!(waits((result.read)(&received(200, body)).unwrap()), "{status}");
    }
}

#[test]
fn a_cancelled_order_s_label_is_refused_in_the_platform_s_words() {
    let create = asked((label(false).read)(&received(200, TRACKED)).unwrap());
    let body = r#"{"error":"common.batch_api_all_failed","message":"Failed","response":{"result_list":[
        {"fail_error":"logistics.order_status_error","fail_message":"Order status does not support awb printing."}]}}"#;
    let error = (create.read)(&received(200, body)).unwrap_err();
    assert_eq!(error.remedy, Remedy::Rejected);
    assert_eq!(error.story.message, "Order status does not support awb printing.");
}

#[test]
fn the_recorded_answers_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/realdata/payloads/shopee");
    let Ok(made) = fs::read(format!("{folder}/create_shipping_document.response.json")) else {
        println!("skipped: {folder} is not there, it comes with the shared workspace only");
        return;
    };
    let create = asked((label(false).read)(&received(200, TRACKED)).unwrap());
    let result = asked((create.read)(&received(200, made)).unwrap());
    let mixed = fs::read(format!("{folder}/get_shipping_document_result.mixed_ready_and_failed.json")).unwrap();
    asked((result.read)(&received(200, mixed)).unwrap());
}
