//! Tables against the sheet's vectors, bodies as the sheet describes them, and any bytes in.

use super::*;
use crate::call::Remedy;
use crate::warehouse::{PushLine, Recipient, ReturnedUnits};
use domain::warehouse_order::Phase;
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("fixtures/vectors.json")).unwrap()
}

fn warehouse_with(more: &Value) -> Yicang {
    let mut credentials =
        json!({"app_token": "t0ken", "app_key": "k3y", "warehouse_code": "USEA", "shipping_method": "GROUND"});
    credentials.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Yicang::open("https://oms.example/public_open", &credentials.to_string()).unwrap()
}

fn warehouse() -> Yicang {
    warehouse_with(&json!({}))
}

fn received(status: u16, body: &Value) -> Received {
    Received { status, headers: http::HeaderMap::new(), body: body.to_string().into_bytes() }
}

fn success(data: Value) -> Value {
    json!({"ask": "Success", "message": "Success", "data": data})
}

#[test]
fn every_answer_to_a_withdrawal_is_read_as_the_sheet_says() {
    let vectors = vectors();
    let rows = vectors["withdraw_answer"].as_array().unwrap();
    assert_eq!(rows.len(), 7);
    for row in rows {
        let status = u16::try_from(row["input"]["http"].as_u64().unwrap()).unwrap();
        let call = warehouse().withdraw("G000-000001");
        let outcome = match (call.read)(&received(status, &row["input"]["body"])).unwrap() {
            WithdrawalAnswer::Stopped | WithdrawalAnswer::StoppedForAFee => "withdrawn",
            WithdrawalAnswer::Trying => "pending",
            WithdrawalAnswer::Failed | WithdrawalAnswer::Unclear => "need_read",
            other => panic!("{other:?} is no answer of this provider's"),
        };
        assert_eq!(outcome, row["outcome"], "{}", row["why"]);
    }
}

#[test]
fn every_status_is_the_phase_that_the_sheet_says() {
    let vectors = vectors();
    let rows = vectors["observed_status"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let order: orders::Order = serde_json::from_str(&row["input"].to_string()).unwrap();
        assert_eq!(order.phase().as_str(), row["phase"], "{row}");
    }
}

#[test]
fn a_push_is_a_post_with_token_and_key_and_names_warehouse_and_way() {
    let order = PushOrder {
        reference: "ord_1-1".to_owned(),
        number: "1001".to_owned(),
        recipient: Recipient {
            name: "A Buyer".to_owned(),
            address: "1 Road".to_owned(),
            city: "TH".to_owned(),
            province: None,
            postal_code: None,
            country: "TH".to_owned(),
        },
        lines: vec![PushLine { sku: "SKU-A".to_owned(), name: "Cup".to_owned(), quantity: 2 }],
    };
    let call = warehouse().push_order(&order);
    assert_eq!(call.request.uri(), "https://oms.example/public_open/order/create_order");
    let header = |name: &str| call.request.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("app-token"), header("app-key")), ("t0ken".to_owned(), "k3y".to_owned()));
    let expected = json!({
        "reference_no": "ord_1-1", "shipping_method": "GROUND", "warehouse_code": "USEA", "country_code": "TH",
        "province": "TH", "city": "TH", "address1": "1 Road", "zipcode": "00000", "name": "A Buyer", "verify": 1,
        "items": [{"product_sku": "SKU-A", "quantity": 2}],
    });
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), expected);
    let (province, postal_code) = (Some("Krung Thep".to_owned()), Some("10110".to_owned()));
    let recipient = Recipient { province, postal_code, ..order.recipient.clone() };
    let told = warehouse().push_order(&PushOrder { recipient, ..order });
    let told: Value = serde_json::from_slice(told.request.body()).unwrap();
    assert_eq!((&told["province"], &told["zipcode"]), (&json!("Krung Thep"), &json!("10110")));
    let beside = json!({"ask": "Success", "message": "Success", "order_code": "G000-000001"});
    for body in [beside, success(json!({"order_code": "G000-000001"}))] {
        assert_eq!((call.read)(&received(200, &body)).unwrap(), "G000-000001", "{body}");
    }
    let failure = json!({"ask": "Failure", "message": "x", "Error": {"errMessage": "no such SKU", "errCode": "E1"}});
    let refused = (call.read)(&received(200, &failure)).unwrap_err();
    assert_eq!((refused.remedy, refused.story.message.as_str()), (Remedy::Rejected, "E1: no such SKU"));
}

#[test]
fn a_failure_says_nothing_of_an_order_unless_its_code_was_entered() {
    let failure = json!({"ask": "Failure", "message": "x", "Error": {"errMessage": "x", "errCode": "E404"}});
    let named = Named::Reference("ord_1-1".to_owned());
    let error = (warehouse().read_order(&named).read)(&received(200, &failure)).unwrap_err();
    assert_eq!(error.remedy, Remedy::Bug, "a token that is not taken may look the same");
    let told = warehouse_with(&json!({"absent_codes": ["E404"]}));
    assert_eq!((told.read_order(&named).read)(&received(200, &failure)).unwrap(), None);
    let mut odd = success(Value::Null);
    odd["Error"] = json!([]);
    assert_eq!((warehouse().read_order(&named).read)(&received(200, &odd)).unwrap(), None);
    for nothing in [Value::Null, json!([]), json!("")] {
        assert_eq!((warehouse().read_order(&named).read)(&received(200, &success(nothing))).unwrap(), None);
    }
    let other = success(json!({"order_code": "G1", "reference_no": "ord_1-10", "order_status": "W"}));
    assert_eq!((warehouse().read_order(&named).read)(&received(200, &other)).unwrap(), None);
}

#[test]
fn an_order_is_read_alone_or_as_a_list_and_by_the_parameter_that_was_entered() {
    let order = json!({"order_code": "G1", "reference_no": "ord_1-1", "order_status": "D", "tracking_no": "TRK1"});
    let call = warehouse().read_order(&Named::Number("G1".to_owned()));
    for data in [order.clone(), json!([order])] {
        let seen = (call.read)(&received(200, &success(data))).unwrap().unwrap();
        assert_eq!((seen.number.as_str(), seen.phase, seen.raw_status.as_str()), ("G1", Phase::Shipped, "D"));
        assert_eq!(seen.parcels[0].tracking_number.as_deref(), Some("TRK1"));
    }
    let asked = |warehouse: Yicang| {
        let call = warehouse.read_order(&Named::Reference("ord_1-1".to_owned()));
        serde_json::from_slice::<Value>(call.request.body()).unwrap()
    };
    assert_eq!(asked(warehouse()), json!({"reference_no": "ord_1-1"}));
    assert_eq!(asked(warehouse_with(&json!({"reference_parameter": "ref_code"}))), json!({"ref_code": "ord_1-1"}));
}

#[test]
fn returns_are_counted_from_what_was_done_with_each_sku() {
    let product = json!({"product_sku": "SKU-A", "sellable_qty": "2", "unsellable_qty": 1, "destruction_qty": 1});
    let back = json!([{"asro_code": "R1", "asro_status": 5, "product_list": [product]}]);
    let call = warehouse().read_returns(&LeftOrder { number: "G1", reference: "ord_1-1", parcels: &[] });
    let seen = (call.read)(&received(200, &success(back))).unwrap();
    assert!(seen[0].done);
    assert_eq!(seen[0].units, [ReturnedUnits { sku: "SKU-A".to_owned(), sellable: 2, defective: 2 }]);
}

#[test]
fn stock_is_what_is_sellable_with_or_without_what_is_reserved() {
    let call = warehouse().read_stock(&["SKU-A".to_owned()]).unwrap();
    let expected = json!({"page": 1, "pageSize": 200, "product_sku_arr": ["SKU-A"], "warehouse_code": "USEA"});
    assert_eq!(serde_json::from_slice::<Value>(call.request.body()).unwrap(), expected);
    let row = json!({"product_sku": "SKU-A", "onway": "5", "sellable": "37", "reserved": "3", "unsellable": "1"});
    let told = (call.read)(&received(200, &success(json!([row])))).unwrap();
    assert_eq!(told, [crate::warehouse::ShelfUnits { sku: "SKU-A".to_owned(), at_least: 37, at_most: 40 }]);
}

#[test]
fn what_waits_is_listed_status_after_status() {
    let list = |after: &str| warehouse().list_orders(after, Moment::from_millis(0));
    let body = |after: &str| serde_json::from_slice::<Value>(list(after).request.body()).unwrap();
    assert_eq!(body(""), json!({"page": 1, "pageSize": 100, "order_status": "W"}));
    assert_eq!(body("N/3"), json!({"page": 3, "pageSize": 100, "order_status": "N"}));
    let row = json!({"order_code": "G1", "reference_no": "ord_1-1", "order_status": "W"});
    let told = (list("").read)(&received(200, &success(json!([row])))).unwrap();
    assert_eq!((told.orders[0].number.as_str(), told.next.as_deref()), ("G1", Some("N/1")));
    let full = (list("P/1").read)(&received(200, &success(json!(vec![row; 100])))).unwrap();
    assert_eq!(full.next.as_deref(), Some("P/2"));
    assert_eq!((list("P/2").read)(&received(200, &success(json!([])))).unwrap(), OrderPage::default());
}

#[test]
fn two_warehouses_of_one_app_are_two_accounts_and_neither_shows_a_secret() {
    let (one, other) = (warehouse(), warehouse_with(&json!({"warehouse_code": "DEHH"})));
    assert_ne!(one.account(), other.account());
    assert!(one.account().starts_with("USEA-") && !one.account().contains("t0ken"), "{}", one.account());
}

#[test]
fn no_push_is_believed_and_none_is_asked_for() {
    let warehouse = warehouse();
    assert!(warehouse.subscribe("https://desk.example/x").is_none());
    let push = warehouse.read_push(&http::HeaderMap::new(), b"{}", Moment::from_seconds(0));
    assert_eq!(push, Err(PushRefused::Unsigned));
}

proptest::proptest! {
    #[test]
    fn any_bytes_in_no_panic(status in 100_u16..600, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let warehouse = warehouse();
        let received = Received { status, headers: http::HeaderMap::new(), body };
        let _ = (warehouse.withdraw("1").read)(&received);
        let _ = (warehouse.read_order(&Named::Number("1".to_owned())).read)(&received);
        let _ = (warehouse.read_order(&Named::Reference("1".to_owned())).read)(&received);
        let left = LeftOrder { number: "1", reference: "r", parcels: &[] };
        let _ = (warehouse.read_returns(&left).read)(&received);
        let _ = (warehouse.check_account().read)(&received);
        let _ = (warehouse.read_stock(&[]).unwrap().read)(&received);
        let _ = (warehouse.list_orders("", Moment::from_millis(0)).read)(&received);
    }
}
