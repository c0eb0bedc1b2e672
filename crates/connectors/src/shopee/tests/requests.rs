//! Buyers' requests: read off the status, answered, and what a failed answer asks for.

use super::*;
use crate::call::{Effect, Remedy};
use crate::connector::{Answer, AnswerRequest, Connector, RequestRef};

const IN_CANCEL: &str = include_str!("../fixtures/get_order_detail.in_cancel.json");

pub(super) fn answer(answer: Answer) -> AnswerRequest {
    let request = RequestRef { order: number("260810K7QX2M4P"), number: None };
    AnswerRequest { request, answer, key: "can_1".to_owned() }
}

#[test]
fn a_status_is_a_request_of_the_whole_order_without_id_or_deadline() {
    let read = (shopee().read_orders(&[number("260810K7QX2M4P")], NOW).read)(&received(200, IN_CANCEL)).unwrap();
    let orders = orders_of(read);
    let order = &orders[0];
    let [request] = &order.requests[..] else { panic!("{order:?}") };
    assert_eq!(request.reason.as_deref(), Some("Need to change delivery address"));
    assert_eq!(request.lines, order.lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>());
    assert_eq!((request.number.as_ref(), request.deadline, request.agreed), (None, None, false));
}

#[test]
fn an_order_that_goes_on_has_no_request() {
    let body = IN_CANCEL.replace("\"IN_CANCEL\"", "\"PROCESSED\"");
    let read = (shopee().read_orders(&[number("260810K7QX2M4P")], NOW).read)(&received(200, body)).unwrap();
    assert!(orders_of(read)[0].requests.is_empty());
}

#[test]
fn an_answer_goes_out_as_the_vector_s_request() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let vectors = vectors["api_requests"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| vector["name"] == "shop_handle_buyer_cancellation").unwrap();
    let operation = |wanted: Answer| {
        let call = shopee().answer_request(&answer(wanted), NOW).unwrap();
        assert_eq!(call.effect, Effect::Write);
        assert_eq!(call.request.uri().path_and_query().unwrap().as_str(), vector["request_target"].as_str().unwrap());
        let body: serde_json::Value = serde_json::from_slice(call.request.body()).unwrap();
        assert_eq!(body["order_sn"], "260810K7QX2M4P");
        body["operation"].as_str().unwrap().to_owned()
    };
    assert_eq!(operation(Answer::Agree), "ACCEPT");
    assert_eq!(operation(Answer::Reject { reason: None }), "REJECT");
}

#[test]
fn a_rejection_takes_no_reason() {
    let request = RequestRef { order: number("260810K7QX2M4P"), number: None };
    assert!(shopee().reject_reasons(&request, NOW).is_none());
}

#[test]
fn open_requests_are_listed_by_their_status() {
    let call = shopee().list_requests(Some("7"), NOW);
    let query = call.request.uri().query().unwrap();
    assert!(query.contains("&order_status=IN_CANCEL") && query.contains("&cursor=7"), "{query}");
    let page = (call.read)(&received(200, include_str!("../fixtures/get_order_list.json"))).unwrap();
    assert!(!page.numbers.is_empty());
}

#[test]
fn a_request_that_is_gone_is_refused_and_an_unclear_answer_may_have_happened() {
    let remedy = |body: &str| {
        let call = shopee().answer_request(&answer(Answer::Agree), NOW).unwrap();
        (call.read)(&received(200, body)).map_err(|error| error.remedy)
    };
    for code in [
        "order.cancel_order_invalid_status",
        "order.order_status_invalid",
        "logistics.cancel_forder_failed",
        "error_not_found",
    ] {
        assert_eq!(remedy(&format!(r#"{{"error":"{code}","message":"m"}}"#)), Err(Remedy::Rejected), "{code}");
    }
    assert_eq!(remedy(r#"{"error":"error_server","message":"m"}"#), Err(Remedy::Unknown));
    assert_eq!(remedy("<html>"), Err(Remedy::Unknown));
    let accepted = remedy(r#"{"error":"","message":"","response":{"update_time":1786440100}}"#).unwrap();
    assert_eq!(accepted.updated_at, Some(domain::time::Moment::from_seconds(1_786_440_100)));
}
