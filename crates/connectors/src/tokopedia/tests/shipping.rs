//! Accepting orders and labels, in the sheet's shapes (`tokopedia.md` section B.4).

use std::fs;

use domain::ids::PackageNumber;
use domain::shipment::Act;

use super::{NOW, ORDER, number, received, tokopedia};
use crate::call::{Call, Effect, Remedy};
use crate::connector::{Connector, LabelOf, LabelRead, ShipmentAccepted, ShipmentPart};

pub(super) fn accept() -> Call<ShipmentAccepted> {
    let part = ShipmentPart {
        act: Act::Pack,
        number: number(ORDER),
        packages: Vec::new(),
        lines: Vec::new(),
        split: false,
        checked: None,
    };
    assert!(tokopedia().check_shipment(&part, NOW).is_none());
    tokopedia().send_shipment(&part, NOW).unwrap()
}

fn label() -> Call<LabelRead> {
    let package = PackageNumber::parse(ORDER).unwrap();
    tokopedia().read_label(&LabelOf { number: number(ORDER), package, tracking_number: None, split: false }, NOW)
}

#[test]
fn packing_accepts_the_order() {
    let call = accept();
    assert_eq!((call.effect, call.request.uri().path()), (Effect::Write, "/v1/order/1876543210/fs/14321/ack"));
    assert!((call.read)(&received(200, r#"{"header":{"error_code":""},"data":"Success"}"#)).is_ok());
    let refused = r#"{"header":{"error_code":"ORD_USC_001","reason":"no"},"data":null}"#;
    assert_eq!((call.read)(&received(400, refused)).unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn a_label_is_a_page_that_is_not_marked_as_printed() {
    let call = label();
    assert_eq!(call.request.uri().path(), "/v1/order/1876543210/fs/14321/shipping-label");
    assert_eq!(call.request.uri().query(), Some("printed=0"));
    let page = (call.read)(&received(200, "<!doctype html><p>label")).unwrap();
    assert!(matches!(page, LabelRead::File { .. }), "{page:?}");
}

#[test]
fn the_recorded_failures_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/realdata/payloads/tokopedia");
    let Ok(body) = fs::read(format!("{folder}/order.get-shipping-label-fail.json")) else {
        println!("skipped: {folder} is not there, it comes with the shared workspace only");
        return;
    };
    assert_eq!((label().read)(&received(400, body)).unwrap_err().remedy, Remedy::Rejected);
    let body = fs::read(format!("{folder}/order.accept-order-fail.json")).unwrap();
    assert_eq!((accept().read)(&received(400, body)).unwrap_err().remedy, Remedy::Unknown);
    assert!(
        tokopedia()
            .send_shipment(
                &ShipmentPart {
                    act: Act::Repack,
                    number: number(ORDER),
                    packages: Vec::new(),
                    lines: Vec::new(),
                    split: false,
                    checked: None,
                },
                NOW
            )
            .is_err()
    );
}
