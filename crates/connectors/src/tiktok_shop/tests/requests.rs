//! Buyers' requests: found in the cancellations search, answered with one key, refused with a reason of their own list.

use serde_json::{Value, json};

use super::*;
use crate::call::{Effect, Remedy};
use crate::connector::{Answer, AnswerRequest, Connector, ConnectorError, RejectReasonsRead, RequestRef};
use domain::ids::RequestNumber;

const ASKED: &str = include_str!("../fixtures/orders.request_of_a_bundle.json");
const ASKING: &str = "577512340098765433";
const CANCEL: &str = "4035412087766103242";

pub(super) fn request(number: Option<&str>) -> RequestRef {
    RequestRef { order: super::number(ASKING), number: number.map(|id| RequestNumber::parse(id).unwrap()) }
}

pub(super) fn answer(answer: Answer) -> AnswerRequest {
    let key = "0191c2f4-5f4e-7c1a-9d0e-3a5b7c9d1e2f".to_owned();
    AnswerRequest { request: request(Some(CANCEL)), answer, key }
}

fn found() -> Value {
    json!({"code": 0, "message": "Success", "request_id": "r", "data": {"total_count": 1, "next_page_token": "",
    "cancellations": [{
        "cancel_id": CANCEL, "order_id": ASKING, "cancel_type": "BUYER_CANCEL",
        "cancel_status": "CANCELLATION_REQUEST_PENDING", "role": "BUYER",
        "cancel_reason": "ecom_order_to_ship_canceled_reason_better_price",
        "cancel_reason_text": "Better price available", "create_time": 1_786_440_055, "update_time": 1_786_440_055,
        "seller_next_action_response": [{"action": "SELLER_RESPOND_BUYER_CANCEL", "deadline": 1_786_612_855}],
        "should_replenish_stock": true,
        "cancel_line_items": [{"order_line_item_id": "577512340098830970"}],
    }]}})
}

/// The search that reading the asking order leads to.
fn search(shop: &TiktokShop) -> Call<OrdersRead> {
    let read = (shop.read_orders(&[number(ASKING)], NOW).read)(&received(200, ASKED)).unwrap();
    match read {
        OrdersRead::Ask(call) => *call,
        OrdersRead::Orders(orders) => panic!("the request is not looked for: {orders:?}"),
    }
}

fn order_with(body: &Value) -> OrderSnapshot {
    orders_of((search(&tiktok_shop()).read)(&received(200, body.to_string())).unwrap()).remove(0)
}

#[test]
fn an_order_that_says_so_is_looked_up_in_the_search() {
    let call = search(&tiktok_shop());
    assert_eq!(call.endpoint, "/return_refund/202602/cancellations/search");
    let body: Value = serde_json::from_slice(call.request.body()).unwrap();
    assert_eq!(
        body,
        json!({"order_ids": [ASKING], "cancel_types": ["BUYER_CANCEL"], "cancel_status": ["CANCELLATION_REQUEST_PENDING"]})
    );
    let order = order_with(&found());
    let [request] = &order.requests[..] else { panic!("{order:?}") };
    assert_eq!(request.number.as_ref().unwrap().as_str(), CANCEL);
    assert_eq!(request.reason.as_deref(), Some("Better price available"));
    assert_eq!(order.buyer_reason.as_deref(), Some("Better price available"));
    assert_eq!(request.asked_at, Some(Moment::from_seconds(1_786_440_055)));
    assert_eq!(request.deadline, Some(Moment::from_seconds(1_786_612_855)));
    assert_eq!(request.restock, Some(true));
    // Both parts of the bundle are that one line item.
    assert_eq!(request.lines, order.lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>());
}

#[test]
fn only_what_waits_for_the_seller_is_a_request() {
    for (field, value) in [
        ("cancel_type", "CANCEL"),
        ("cancel_status", "CANCELLATION_REQUEST_CANCEL"),
        ("order_id", "577512340098760000"),
    ] {
        let mut body = found();
        body["data"]["cancellations"][0][field] = value.into();
        assert!(order_with(&body).requests.is_empty(), "{field}");
    }
    let mut older = found();
    older["data"]["cancellations"][0]["cancel_type"] = "REQUEST_CANCEL_REFUND".into();
    older["data"]["cancellations"][0]["seller_next_action_response"] =
        json!([{"action": "SELLER_RESPOND_CANCEL", "deadline": 5}]);
    assert_eq!(order_with(&older).requests[0].deadline, Some(Moment::from_seconds(5)));
    older["data"]["cancellations"][0]["seller_next_action_response"] = json!([{"action": "SHIP", "deadline": 5}]);
    assert_eq!(order_with(&older).requests[0].deadline, None);
}

#[test]
fn a_shop_without_the_newer_search_is_asked_in_the_older_one_from_then_on() {
    let shop = tiktok_shop();
    let read = (search(&shop).read)(&received(400, failure(36_009_004, "Invalid API version"))).unwrap();
    let OrdersRead::Ask(older) = read else { panic!("the older search is not asked") };
    assert_eq!(older.endpoint, "/return_refund/202309/cancellations/search");
    assert_eq!(orders_of((older.read)(&received(200, found().to_string())).unwrap())[0].requests.len(), 1);
    let again = search(&shop);
    assert_eq!(again.endpoint, "/return_refund/202309/cancellations/search");
    let failed = (again.read)(&received(400, failure(36_009_004, "Invalid API version"))).unwrap_err();
    assert_eq!(failed.remedy, Remedy::Bug);
}

#[test]
fn agreeing_goes_out_as_the_vector_s_request() {
    let vector = super::signatures::vector("approve_no_body");
    let call = tiktok_shop().answer_request(&answer(Answer::Agree), NOW).unwrap();
    assert_eq!(call.effect, Effect::Write);
    assert_eq!(target(&call), vector["request_target"].as_str().unwrap());
    assert!(call.request.body().is_empty());
}

#[test]
fn a_rejection_wants_a_reason_and_an_answer_an_id() {
    let shop = tiktok_shop();
    let reason = "seller_reject_apply_product_has_been_packed".to_owned();
    let call = shop.answer_request(&answer(Answer::Reject { reason: Some(reason) }), NOW).unwrap();
    assert_eq!(call.request.uri().path(), format!("/return_refund/202309/cancellations/{CANCEL}/reject"));
    assert_eq!(call.request.body(), br#"{"reject_reason":"seller_reject_apply_product_has_been_packed"}"#);
    let without = shop.answer_request(&answer(Answer::Reject { reason: None }), NOW).map(|_| ());
    assert_eq!(without, Err(ConnectorError::RejectReason));
    let nameless = AnswerRequest { request: request(None), ..answer(Answer::Agree) };
    assert_eq!(shop.answer_request(&nameless, NOW).map(|_| ()), Err(ConnectorError::RequestNumber));
}

#[test]
fn a_failed_answer_says_what_to_do() {
    let remedy = |status: u16, code: i64| {
        let call = tiktok_shop().answer_request(&answer(Answer::Agree), NOW).unwrap();
        (call.read)(&received(status, failure(code, "m"))).map_err(|error| error.remedy)
    };
    assert_eq!(remedy(200, 25_001_001), Err(Remedy::Rejected));
    assert_eq!(remedy(200, 25_001_010), Err(Remedy::Unknown));
    assert_eq!(remedy(500, 25_001_001), Err(Remedy::Unknown));
    let call = tiktok_shop().answer_request(&answer(Answer::Agree), NOW).unwrap();
    assert!((call.read)(&received(200, r#"{"code":0,"message":"Success","data":{}}"#)).is_ok());
}

#[test]
fn the_reasons_are_the_request_s_own() {
    let call = tiktok_shop().reject_reasons(&request(Some(CANCEL)), NOW).unwrap().unwrap();
    assert!(target(&call).contains(&format!("return_or_cancel_id={CANCEL}")), "{}", target(&call));
    let body = json!({"code": 0, "data": {"reasons": [{"name": "seller_reject_x", "text": "Packed"}, {"name": "y"}]}});
    let RejectReasonsRead::Reasons(reasons) = (call.read)(&received(200, body.to_string())).unwrap() else {
        panic!("nothing more is asked");
    };
    let told: Vec<_> = reasons.iter().map(|reason| (reason.value.as_str(), reason.label.as_str())).collect();
    assert_eq!(told, [("seller_reject_x", "Packed"), ("y", "y")]);
}

#[test]
fn open_requests_are_listed() {
    let call = tiktok_shop().list_requests(Some("t1"), NOW);
    assert!(target(&call).contains("page_token=t1"), "{}", target(&call));
    let page = (call.read)(&received(200, found().to_string())).unwrap();
    assert_eq!((page.numbers, page.next), (vec![number(ASKING)], None));
    let mut circle = found();
    circle["data"]["next_page_token"] = "t1".into();
    assert_eq!((call.read)(&received(200, circle.to_string())).unwrap_err().remedy, Remedy::Unknown);
}
