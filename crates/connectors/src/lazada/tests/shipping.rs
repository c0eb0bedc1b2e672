//! Packing, ready-to-ship, repacking and labels, in the sheet's shapes (`lazada.md` section 8).

use domain::ids::{LineId, PackageNumber};
use domain::order::Stage;
use domain::policy::Standing;
use domain::shipment::Act;
use domain::snapshot::{OrderSnapshot, PackageSnapshot};
use domain::time::Span;

use super::orders::read_order;
use super::{NOW, ORDER, lazada, number, received};
use crate::call::{Call, Effect, Remedy};
use crate::connector::{Connector, LabelOf, LabelRead, ShipmentAccepted, ShipmentChecked, ShipmentPart};

fn package(name: &str, status: &str) -> PackageSnapshot {
    PackageSnapshot {
        number: PackageNumber::parse(name).unwrap(),
        tracking_number: None,
        platform_status: status.to_owned(),
        stage: Stage::Printed,
        carrier: String::new(),
    }
}

fn order(standing: Standing, packages: Vec<PackageSnapshot>) -> OrderSnapshot {
    OrderSnapshot { standing, packages, ..read_order() }
}

fn part(act: Act) -> ShipmentPart {
    ShipmentPart {
        act,
        number: number("560694402192001"),
        packages: if act == Act::Pack { Vec::new() } else { vec![PackageNumber::parse("FP094612143977611").unwrap()] },
        lines: if act == Act::Pack { vec![LineId::parse("560694402292001").unwrap()] } else { Vec::new() },
        split: false,
        checked: None,
    }
}

fn checked(data: serde_json::Value) -> ShipmentChecked {
    let body = serde_json::json!({"code": "0", "request_id": "r", "result": {"success": true, "data": data}});
    (check_call().read)(&received(200, body.to_string())).unwrap()
}

fn pack_request() -> String {
    let checked = checked(serde_json::json!({"platform_default": 1, "shipping_allocate_type": "TFS"}));
    let call = lazada().send_shipment(&ShipmentPart { checked: Some(checked), ..part(Act::Pack) }, NOW).unwrap();
    assert_eq!((call.endpoint, call.effect), ("/order/fulfill/pack", Effect::Write));
    let body = String::from_utf8(call.request.body().clone()).unwrap();
    let pairs = url::form_urlencoded::parse(body.as_bytes()).into_owned();
    pairs.into_iter().find(|(name, _)| name == "packReq").unwrap().1
}

pub(super) fn check_call() -> Call<ShipmentChecked> {
    lazada().check_shipment(&part(Act::Pack), NOW).unwrap()
}

pub(super) fn ready_call() -> Call<ShipmentAccepted> {
    lazada().send_shipment(&part(Act::ReadyToShip), NOW).unwrap()
}

pub(super) fn label_call() -> Call<LabelRead> {
    let package = PackageNumber::parse("FP1").unwrap();
    let tracking_number = Some("LEX1".to_owned());
    lazada().read_label(&LabelOf { number: number(ORDER), package, tracking_number, split: false }, NOW)
}

#[test]
fn live_items_are_packed_packed_parcels_are_ready_and_arranged_ones_are_taken_back() {
    let next = |act, order: &OrderSnapshot| lazada().next_part(act, order);
    let to_pack = order(Standing::ToPack, Vec::new());
    let live = to_pack.lines.iter().filter(|line| line.cancelled_quantity < line.quantity).count();
    assert_eq!(next(Act::Pack, &to_pack).unwrap().lines.len(), live);
    let arranged = order(Standing::Arranged, vec![package("FP1", "packed"), package("FP2", "ready_to_ship")]);
    assert_eq!(next(Act::Pack, &arranged), None);
    assert_eq!(next(Act::ReadyToShip, &arranged).unwrap().name(), "ready_to_ship FP1");
    assert_eq!(next(Act::Repack, &arranged).unwrap().name(), "repack FP1 FP2");
    let ready = order(Standing::Arranged, vec![package("FP1", "ready_to_ship_pending")]);
    assert_eq!(next(Act::ReadyToShip, &ready), None);
}

#[test]
fn packing_sends_what_the_sheet_s_vector_sends() {
    let request: serde_json::Value = serde_json::from_str(&pack_request()).unwrap();
    let expected = serde_json::json!({
        "pack_order_list": [{"order_id": 560_694_402_192_001_i64, "order_item_list": [560_694_402_292_001_i64]}],
        "delivery_type": "dropship", "shipping_allocate_type": "TFS",
    });
    assert_eq!(request, expected);
}

#[test]
fn one_carrier_is_taken_and_a_choice_between_several_is_the_seller_s() {
    let cross_border = |codes: &[&str]| {
        let providers: Vec<_> = codes.iter().map(|code| serde_json::json!({"provider_code": code})).collect();
        checked(serde_json::json!({
            "platform_default": 0, "shipping_allocate_type": "NTFS", "shipment_providers": providers,
        }))
    };
    let only: serde_json::Value = serde_json::from_str(&cross_border(&["FM49"]).parameters).unwrap();
    assert_eq!((&only["shipping_allocate_type"], &only["shipment_provider_code"]), (&"NTFS".into(), &"FM49".into()));
    assert!(cross_border(&["A", "B"]).refused.unwrap().contains("A, B"));
    assert!(cross_border(&[]).refused.unwrap().contains("no carrier"));
}

fn row(code: &str, message: &str, retry: bool) -> serde_json::Value {
    serde_json::json!({"order_item_id": 1, "item_err_code": code, "msg": message, "package_id": "FP1", "retry": retry})
}

#[test]
fn each_row_has_its_own_word() {
    let read = |rows: Vec<serde_json::Value>| {
        let checked = ShipmentChecked { refused: None, parameters: "{}".to_owned() };
        let call = lazada().send_shipment(&ShipmentPart { checked: Some(checked), ..part(Act::Pack) }, NOW).unwrap();
        let data = serde_json::json!({"pack_order_list": [{"order_id": 1, "order_item_list": rows}]});
        let body = serde_json::json!({"code": "0", "result": {"success": true, "data": data, "error_code": null}});
        (call.read)(&received(200, body.to_string()))
    };
    assert!(read(vec![row("0", "success", false)]).is_ok());
    assert!(read(vec![row("700026", "not packable", false), row("0", "success", false)]).is_ok());
    let error = read(vec![row("700026", "not packable", false), row("700026", "not packable", false)]).unwrap_err();
    assert_eq!((error.remedy, error.story.message.as_str()), (Remedy::Rejected, "not packable (700026)"));
    assert_eq!(read(vec![row("700030", "busy", true)]).unwrap_err().remedy, Remedy::Unknown);
    assert_eq!(read(Vec::new()).unwrap_err().remedy, Remedy::Unknown);
}

#[test]
fn a_whole_failure_is_the_platform_s_words_in_either_spelling() {
    for (code, message) in [("error_code", "error_msg"), ("errorCode", "errorMsg")] {
        let call = ready_call();
        assert_eq!(call.endpoint, "/order/package/rts");
        let result = serde_json::json!({"success": false, code: "600001", message: "package not found"});
        let body = serde_json::json!({"code": "0", "result": result}).to_string();
        let error = (call.read)(&received(200, body)).unwrap_err();
        assert_eq!(error.remedy, Remedy::Rejected);
        assert_eq!(error.story.message, "package not found 600001");
    }
}

#[test]
fn a_label_is_a_link_and_then_a_file() {
    let answer = |document: serde_json::Value| {
        let body = serde_json::json!({"code": "0", "result": {"success": true, "data": document}}).to_string();
        (label_call().read)(&received(200, body))
    };
    let Ok(LabelRead::Ask(file)) = answer(serde_json::json!({"file": "PGlm", "pdf_url": "https://x.example/a.pdf"}))
    else {
        panic!("a link is to be followed")
    };
    assert_eq!(file.request.uri(), "https://x.example/a.pdf");
    assert!(file.request.headers().is_empty());
    let Ok(LabelRead::File { tracking_number, .. }) = (file.read)(&received(200, b"%PDF-")) else {
        panic!("bytes are a file")
    };
    assert_eq!(tracking_number.as_deref(), Some("LEX1"));
    assert!(matches!((file.read)(&received(403, b"expired")).unwrap_err().remedy, Remedy::RetryAfter(_)));
    let waits = answer(serde_json::json!({"file": "PGlm"})).unwrap();
    assert!(matches!(waits, LabelRead::Preparing(span) if span == Span::from_seconds(10)), "{waits:?}");
    let elsewhere = answer(serde_json::json!({"pdf_url": "http://10.0.0.1/a.pdf"})).unwrap_err();
    assert_eq!(elsewhere.remedy, Remedy::Rejected);
}
