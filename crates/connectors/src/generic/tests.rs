//! The bodies of `docs/warehouse-protocol.md`, read and written, and any bytes in.

use super::*;
use crate::call::{Received, Remedy};
use crate::warehouse::{Parcel, PushLine, Recipient, ReturnedUnits};
use domain::warehouse_order::Phase;
use serde_json::{Value, json};

fn warehouse(webhook_secret: Option<&str>) -> Generic {
    let credentials = json!({"account": "ACME", "token": "t0ken", "webhook_secret": webhook_secret});
    Generic::open("https://wms.example", &credentials.to_string()).unwrap()
}

fn received(status: u16, body: &Value) -> Received {
    Received { status, headers: http::HeaderMap::new(), body: body.to_string().into_bytes() }
}

/// Every example of the documentation, in its order.
fn documented(place: usize) -> Value {
    let text = include_str!("../../../../docs/warehouse-protocol.md");
    let examples: Vec<&str> = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    serde_json::from_str(examples[place]).unwrap()
}

#[test]
fn a_push_is_what_the_documentation_prints_and_answers_the_order_s_id() {
    let order = PushOrder {
        reference: "ord_1-1".to_owned(),
        number: "2401A7".to_owned(),
        recipient: Recipient {
            name: "A****r".to_owned(),
            address: "as on the label".to_owned(),
            city: "SG".to_owned(),
            province: None,
            postal_code: None,
            country: "SG".to_owned(),
        },
        lines: vec![PushLine { sku: "MUG-BLU".to_owned(), name: "Blue mug".to_owned(), quantity: 2 }],
    };
    let call = warehouse(None).push_order(&order);
    assert_eq!(call.request.uri(), "https://wms.example/v1/orders/ord_1-1");
    assert_eq!(
        (call.request.method(), &call.request.headers()["authorization"]),
        (&Method::PUT, &"Bearer t0ken".parse().unwrap())
    );
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), documented(1));
    let (province, postal_code) = (Some("Central".to_owned()), Some("018956".to_owned()));
    let recipient = Recipient { province, postal_code, ..order.recipient.clone() };
    let told = warehouse(None).push_order(&PushOrder { recipient, ..order });
    let told: Value = serde_json::from_slice(told.request.body()).unwrap();
    assert_eq!(
        (&told["recipient"]["province"], &told["recipient"]["postal_code"]),
        (&json!("Central"), &json!("018956"))
    );
    for status in [200, 201] {
        assert_eq!((call.read)(&received(status, &documented(2))).unwrap(), "W-1001", "new, or there already");
    }
    let refused = (call.read)(&received(422, &json!({"error": {"code": "rejected", "message": "no such SKU"}})));
    let refused = refused.unwrap_err();
    assert_eq!((refused.remedy, refused.story.message.as_str()), (Remedy::Rejected, "rejected: no such SKU"));
}

#[test]
fn a_read_tells_phase_parcels_and_the_last_word() {
    let call = warehouse(None).read_order(&Named::Number("W-1001".to_owned()));
    let seen = (call.read)(&received(200, &documented(2))).unwrap().unwrap();
    assert_eq!((seen.phase, seen.raw_status.as_str(), seen.last_word), (Phase::Open, "waiting for a picker", None));
    let read = |phase: &str, outcome: Value, because: Value| {
        let withdrawal = json!({"outcome": outcome, "because": because});
        let parcels = json!([{"id": "P-1", "tracking_number": "TRK1"}]);
        let order = json!({"id": "W-1", "phase": phase, "withdrawal": withdrawal, "parcels": parcels});
        (call.read)(&received(200, &order)).unwrap().unwrap()
    };
    let picked = read("picked", json!("refused"), json!("picked"));
    assert_eq!((picked.phase, picked.last_word), (Phase::Picked, Some(WithdrawalAnswer::TooLatePicked)));
    assert_eq!(picked.parcels, [Parcel { number: "P-1".to_owned(), tracking_number: Some("TRK1".to_owned()) }]);
    assert_eq!(read("a new word", Value::Null, Value::Null).phase, Phase::Undecided);
    assert_eq!(read("open", json!("refused"), Value::Null).last_word, Some(WithdrawalAnswer::Unclear));
    assert_eq!(read("open", json!("a new word"), Value::Null).last_word, None);
}

#[test]
fn only_the_code_says_that_an_order_is_not_there() {
    let call = warehouse(None).read_order(&Named::Number("W-1".to_owned()));
    let absent = json!({"error": {"code": "order_unknown"}});
    assert_eq!((call.read)(&received(404, &absent)).unwrap(), None);
    let proxy = (call.read)(&received(404, &json!({"message": "not found"}))).unwrap_err();
    assert_eq!(proxy.remedy, Remedy::Bug, "a wrong address says nothing of the goods");
    let by_reference = warehouse(None).read_order(&Named::Reference("ord_1-1".to_owned()));
    assert_eq!(by_reference.request.uri().query(), Some("reference=ord_1-1"));
    assert_eq!((by_reference.read)(&received(200, &json!({"orders": []}))).unwrap(), None);
    let other = json!({"orders": [{"id": "W-1", "reference": "ord_1-10", "phase": "open"}]});
    assert_eq!((by_reference.read)(&received(200, &other)).unwrap(), None);
    assert!((by_reference.read)(&received(404, &absent)).is_err());
}

#[test]
fn an_answer_to_a_withdrawal_says_what_became_of_it_or_nothing() {
    let call = warehouse(None).withdraw("W 1");
    assert_eq!((call.request.uri().path(), call.effect), ("/v1/orders/W%201/withdrawal", Effect::Write));
    let read = |status: u16, body: Value| (call.read)(&received(status, &body)).map_err(|error| error.remedy);
    for (status, body, means) in [
        (200, json!({"outcome": "withdrawn"}), Ok(WithdrawalAnswer::Stopped)),
        (202, json!({"outcome": "pending"}), Ok(WithdrawalAnswer::Trying)),
        (200, json!({"outcome": "refused", "because": "picked"}), Ok(WithdrawalAnswer::TooLatePicked)),
        (200, json!({"outcome": "refused", "because": "shipped"}), Ok(WithdrawalAnswer::TooLateShipped)),
        (200, json!({"outcome": "refused", "because": "other"}), Ok(WithdrawalAnswer::Unclear)),
        (200, json!({}), Ok(WithdrawalAnswer::Unclear)),
        (409, json!({}), Ok(WithdrawalAnswer::Unclear)),
        (404, json!({"error": {"code": "order_unknown"}}), Err(Remedy::Bug)),
        (401, json!({}), Err(Remedy::Reauthorize)),
        (503, json!({}), Err(Remedy::Unknown)),
    ] {
        assert_eq!(read(status, body.clone()), means, "{status} {body}");
    }
    let mut throttled = received(429, &json!({}));
    throttled.headers.insert("retry-after", "25".parse().unwrap());
    let Remedy::Pause(pause) = (call.read)(&throttled).unwrap_err().remedy else { panic!("a pause") };
    assert_eq!(pause.span, Span::from_seconds(25));
}

#[test]
fn a_token_of_another_account_is_told_so() {
    let check = |body: Value| (warehouse(None).check_account().read)(&received(200, &body));
    assert!(check(documented(0)).is_ok());
    assert_eq!(check(json!({"account": "OTHER"})).unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn returns_are_counted_from_what_was_done() {
    let left = LeftOrder { number: "W-1001", reference: "ord_1-1", parcels: &[] };
    let call = warehouse(None).read_returns(&left);
    assert_eq!(call.request.uri().path(), "/v1/orders/W-1001/returns");
    let seen = (call.read)(&received(200, &documented(5))).unwrap();
    assert!(seen[0].done);
    assert_eq!(seen[0].units, [ReturnedUnits { sku: "MUG-BLU".to_owned(), sellable: 1, defective: 1 }]);
}

#[test]
fn stock_is_told_by_sku_or_not_at_all() {
    let skus = ["MUG-BLU".to_owned(), "TWL GRY".to_owned()];
    let call = warehouse(None).read_stock(&skus).unwrap();
    assert_eq!(call.request.uri().query(), Some("sku=MUG-BLU&sku=TWL%20GRY"));
    let told = (call.read)(&received(200, &documented(6))).unwrap();
    assert_eq!(told, [crate::warehouse::ShelfUnits { sku: "MUG-BLU".to_owned(), at_least: 40, at_most: 40 }]);
    assert_eq!((call.read)(&received(404, &json!({}))).unwrap(), []);
    assert!((call.read)(&received(500, &json!({}))).is_err());
}

#[test]
fn what_waits_in_the_building_is_listed_page_after_page_or_not_at_all() {
    let call = warehouse(None).list_orders("W 1", Moment::from_millis(0));
    assert_eq!(call.request.uri().query(), Some("waiting=true&after=W%201"));
    let told = (call.read)(&received(200, &json!({"orders": [documented(2)]}))).unwrap();
    assert_eq!(told.next.as_deref(), Some("W-1001"));
    assert_eq!((told.orders[0].reference.as_str(), told.orders[0].phase), ("ord_1-1", Phase::Open));
    assert_eq!((call.read)(&received(200, &json!({"orders": []}))).unwrap(), OrderPage::default(), "the last page");
    assert_eq!((call.read)(&received(404, &json!({}))).unwrap(), OrderPage::default(), "not offered");
}

#[test]
fn a_push_is_believed_by_the_secret_that_the_warehouse_made_and_names_an_order() {
    let call = warehouse(None).subscribe("https://desk.example/webhooks/generic/x").unwrap();
    assert_eq!(call.request.uri().path(), "/v1/push-target");
    let secret = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let subscribed = (call.read)(&received(200, &json!({"secret": secret}))).unwrap();
    assert!(subscribed.credentials.contains(secret) && subscribed.credentials.contains("t0ken"));
    assert!((call.read)(&received(200, &json!({}))).is_err());

    // The signature of the sheet's vector: its body is another provider's, and has no member of ours.
    let vectors: Value = serde_json::from_str(include_str!("../shipbob/fixtures/vectors.json")).unwrap();
    let vector = &vectors["shipbob_webhook"];
    let mut headers = http::HeaderMap::new();
    for (name, value) in vector["headers"].as_object().unwrap() {
        headers
            .insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.as_str().unwrap().parse().unwrap());
    }
    let body = vector["body"].as_str().unwrap().as_bytes();
    let now = Moment::from_seconds(1_795_000_000);
    assert_eq!(warehouse(Some(secret)).read_push(&headers, body, now).unwrap().reference, None);
    assert_eq!(warehouse(None).read_push(&headers, body, now), Err(PushRefused::WrongSignature));
    let push = webhook::read("msg_1".to_owned(), documented(8).to_string().as_bytes()).unwrap();
    assert_eq!((push.kind.as_str(), push.reference.as_deref()), ("order.changed", Some("ord_1-1")));
}

proptest::proptest! {
    #[test]
    fn any_bytes_in_no_panic(status in 100_u16..600, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let warehouse = warehouse(Some("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
        let received = Received { status, headers: http::HeaderMap::new(), body: body.clone() };
        let _ = (warehouse.withdraw("1").read)(&received);
        let _ = (warehouse.read_order(&Named::Number("1".to_owned())).read)(&received);
        let _ = (warehouse.read_order(&Named::Reference("1".to_owned())).read)(&received);
        let left = LeftOrder { number: "1", reference: "r", parcels: &[] };
        let _ = (warehouse.read_returns(&left).read)(&received);
        let _ = (warehouse.check_account().read)(&received);
        let _ = (warehouse.read_stock(&[]).unwrap().read)(&received);
        let _ = (warehouse.list_orders("", Moment::from_millis(0)).read)(&received);
        let _ = webhook::read(String::new(), &body);
    }
}
