//! Tables against the sheet's vectors, bodies as documented, and any bytes in.

use super::*;
use crate::call::{Received, Remedy};
use crate::warehouse::Parcel;
use domain::warehouse_order::Phase;
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("fixtures/vectors.json")).unwrap()
}

fn shipbob(webhook_secret: Option<&str>) -> Shipbob {
    let credentials = json!({"token": "t0ken", "channel_id": 433_071, "webhook_secret": webhook_secret});
    Shipbob::open("https://api.shipbob.com", &credentials.to_string()).unwrap()
}

fn received(status: u16, body: &Value) -> Received {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Received { status, headers: http::HeaderMap::new(), body }
}

#[test]
fn every_answer_to_a_withdrawal_is_read_as_the_sheet_says() {
    let vectors = vectors();
    let rows = vectors["withdraw_answer"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let input = &row["input"];
        // The row without an answer is the engine's: a write without one is unknown.
        let Some(status) = input["http"].as_u64() else { continue };
        let mut received = received(u16::try_from(status).unwrap(), &input["body"]);
        for (name, value) in input["headers"].as_object().into_iter().flatten() {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            received.headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        let read = (shipbob(None).withdraw("40100").read)(&received);
        let outcome = match &read {
            Ok(WithdrawalAnswer::Stopped) => "withdrawn",
            Ok(WithdrawalAnswer::Trying) => "pending",
            Ok(WithdrawalAnswer::Unclear) => "need_read",
            Ok(other) => panic!("{other:?} is no answer of this provider's"),
            Err(error) => match error.remedy {
                Remedy::Reauthorize | Remedy::Bug => "config_error",
                Remedy::Pause(pause) => {
                    assert_eq!((pause.scope, pause.span), (crate::call::PauseScope::App, Span::from_seconds(25)));
                    "retry_later"
                }
                Remedy::Unknown => "unknown",
                _ => "other",
            },
        };
        assert_eq!(outcome, row["outcome"], "{}", row["why"]);
    }
}

#[test]
fn every_status_is_the_phase_that_the_sheet_says() {
    let vectors = vectors();
    let rows = vectors["observed_status"].as_array().unwrap();
    assert_eq!(rows.len(), 15);
    for row in rows {
        let shipment: orders::Shipment = serde_json::from_str(&row["input"].to_string()).unwrap();
        assert_eq!(shipment.phase().as_str(), row["phase"], "{row}");
    }
}

#[test]
fn orders_are_listed_by_page_since_a_day() {
    let now = Moment::from_millis(1_796_000_000_000);
    let call = shipbob(None).list_orders("", now);
    assert_eq!(call.request.uri().query(), Some("LastUpdateStartDate=2026-10-31&Page=1&Limit=250"));
    let order = json!({"id": 40_100, "reference_id": "ord_1-1", "status": "Processing", "shipments": []});
    let told = (call.read)(&received(200, &json!([order]))).unwrap();
    assert_eq!((told.orders[0].number.as_str(), told.orders[0].phase, told.next), ("40100", Phase::Open, None));
    let full = (call.read)(&received(200, &json!(vec![order; 250]))).unwrap();
    assert_eq!(full.next.as_deref(), Some("2"));
    assert!(shipbob(None).read_stock(&["SKU-A".to_owned()]).is_none(), "its sheet does not say how a SKU is asked for");
}

#[test]
fn pushes_are_believed_as_the_sheet_s_vector_says() {
    let vectors = vectors();
    let vector = &vectors["shipbob_webhook"];
    let warehouse = shipbob(vector["secret"].as_str());
    let check = |row: &Value| {
        let mut headers = http::HeaderMap::new();
        for (name, value) in vector["headers"].as_object().unwrap() {
            let given = row.get(name).unwrap_or(value);
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, given.as_str().unwrap().parse().unwrap());
        }
        let body = row.get("body").unwrap_or(&vector["body"]).as_str().unwrap();
        let now = row.get("now").and_then(Value::as_i64).unwrap_or(1_795_000_000);
        warehouse.read_push(&headers, body.as_bytes(), Moment::from_seconds(now))
    };
    for row in vector["accept"].as_array().unwrap() {
        let push = check(row).unwrap();
        assert_eq!((push.id.as_str(), push.reference.as_deref()), ("msg_2tplVectorA01", Some("lazada-1001-1")));
    }
    for row in vector["reject"].as_array().unwrap() {
        assert!(matches!(check(row), Err(PushRefused::WrongSignature | PushRefused::Unsigned)), "{}", row["why"]);
    }
    let without = shipbob(None).read_push(&http::HeaderMap::new(), b"{}", Moment::from_seconds(0));
    assert_eq!(without, Err(PushRefused::Unsigned));
}

#[test]
fn a_push_of_an_order_is_what_the_sheet_prints() {
    let order = PushOrder {
        reference: "lazada-1001-1".to_owned(),
        number: "1001".to_owned(),
        recipient: crate::warehouse::Recipient {
            name: "A Buyer".to_owned(),
            address: "1 Road".to_owned(),
            city: "Bangkok".to_owned(),
            province: None,
            postal_code: None,
            country: "TH".to_owned(),
        },
        lines: vec![crate::warehouse::PushLine { sku: "SKU-A".to_owned(), name: "Cup".to_owned(), quantity: 2 }],
    };
    let call = shipbob(None).push_order(&order);
    assert_eq!(call.request.uri(), "https://api.shipbob.com/2026-01/order");
    assert_eq!(call.request.headers()["shipbob_channel_id"], "433071");
    let sent: Value = serde_json::from_slice(call.request.body()).unwrap();
    let expected = json!({
        "reference_id": "lazada-1001-1", "order_number": "1001", "type": "DTC", "shipping_method": "Standard",
        "recipient": {"name": "A Buyer", "address": {"address1": "1 Road", "city": "Bangkok", "country": "TH"}},
        "products": [{"reference_id": "SKU-A", "name": "Cup", "quantity": 2, "external_line_id": 1}],
    });
    assert_eq!(sent, expected);
    let recipient = crate::warehouse::Recipient {
        province: Some("Krung Thep".to_owned()),
        postal_code: Some("10110".to_owned()),
        ..order.recipient.clone()
    };
    let told = shipbob(None).push_order(&PushOrder { recipient, ..order });
    let told: Value = serde_json::from_slice(told.request.body()).unwrap();
    let address =
        json!({"address1": "1 Road", "city": "Bangkok", "state": "Krung Thep", "country": "TH", "zip_code": "10110"});
    assert_eq!(told["recipient"]["address"], address);
    assert_eq!((call.read)(&received(201, &json!({"id": 40_100}))).unwrap(), "40100");
    let refused = (call.read)(&received(422, &json!({"": ["Cannot insert order with existing ReferenceId"]})));
    assert_eq!(refused.unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn the_colon_of_a_withdrawal_stays_literal() {
    let call = shipbob(None).withdraw("40100");
    assert_eq!(call.request.uri().path(), "/2026-01/order/40100:cancel");
    assert_eq!((call.effect, call.request.method().as_str()), (Effect::Write, "POST"));
}

#[test]
fn an_order_in_two_shipments_is_as_far_as_the_one_that_keeps_it() {
    let order = |one: &str, two: &str| {
        json!({"id": 1, "reference_id": "r", "status": "Processing", "shipments": [
            {"id": 50100, "status": one, "status_details": []},
            {"id": 50101, "status": two, "status_details": [], "tracking": {"tracking_number": "TRK1"}},
        ]})
    };
    let read = |body: &Value| {
        let call = shipbob(None).read_order(&Named::Number("1".to_owned()));
        (call.read)(&received(200, body)).unwrap().unwrap()
    };
    let seen = read(&order("Cancelled", "Completed"));
    assert_eq!((seen.phase, seen.partial), (Phase::Shipped, true));
    assert_eq!(seen.parcels[1].tracking_number.as_deref(), Some("TRK1"));
    let seen = read(&order("Cancelled", "Cancelled"));
    assert_eq!((seen.phase, seen.partial), (Phase::Cancelled, false));
    let empty = read(&json!({"id": 1, "status": "Processing", "shipments": []}));
    assert_eq!(empty.phase, Phase::Open);
}

#[test]
fn a_reference_is_looked_up_in_a_bare_list_and_compared() {
    let call = shipbob(None).read_order(&Named::Reference("ord-1".to_owned()));
    assert_eq!(call.request.uri().query(), Some("ReferenceIds=ord-1"));
    assert_eq!((call.read)(&received(200, &json!([]))).unwrap(), None);
    assert_eq!((call.read)(&received(200, &json!([{"id": 1, "reference_id": "ord-10"}]))).unwrap(), None);
    let found = (call.read)(&received(200, &json!([{"id": 1, "reference_id": "ord-1", "status": "Processing"}])));
    assert_eq!(found.unwrap().unwrap().number, "1");
}

#[test]
fn units_that_came_back_are_counted_from_what_was_done_with_them() {
    let body = json!({"items": [{"id": 7, "status": "Completed", "inventory": [
        {"reference_id": "SKU-A", "quantity": 9, "action_taken": [
            {"action": "Restock", "quantity_processed": 2}, {"action": "Quarantine", "quantity_processed": 1}]},
    ]}]});
    let parcels = [Parcel { number: "50100".to_owned(), tracking_number: None }];
    let call = shipbob(None).read_returns(&LeftOrder { number: "40100", reference: "ord-1", parcels: &parcels });
    assert_eq!(call.request.uri().query(), Some("OriginalShipmentIds=50100"));
    let seen = (call.read)(&received(200, &body)).unwrap();
    assert_eq!(seen[0].units, [crate::warehouse::ReturnedUnits { sku: "SKU-A".to_owned(), sellable: 2, defective: 1 }]);
    assert!(seen[0].done);
}

#[test]
fn a_token_without_the_channel_is_told_so() {
    let check = |body: Value| (shipbob(None).check_account().read)(&received(200, &body));
    assert!(check(json!({"items": [{"id": 433_071, "scopes": ["orders_read", "orders_write"]}]})).is_ok());
    assert!(check(json!({"items": [{"id": 433_071, "scopes": ["orders_read"]}]})).is_err());
    assert!(check(json!({"items": []})).is_err());
}

proptest::proptest! {
    #[test]
    fn any_bytes_in_no_panic(status in 100_u16..600, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let warehouse = shipbob(Some("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
        let received = Received { status, headers: http::HeaderMap::new(), body: body.clone() };
        let _ = (warehouse.withdraw("1").read)(&received);
        let _ = (warehouse.read_order(&Named::Number("1".to_owned())).read)(&received);
        let _ = (warehouse.read_order(&Named::Reference("1".to_owned())).read)(&received);
        let left = LeftOrder { number: "1", reference: "r", parcels: &[] };
        let _ = (warehouse.read_returns(&left).read)(&received);
        let _ = (warehouse.check_account().read)(&received);
        let _ = webhook::read(String::new(), &http::HeaderMap::new(), &body);
    }
}
