//! Buyers' requests of the old API: granted by a rejection of the order, refused by a call of its own.

use super::*;
use crate::call::{Effect, Remedy};
use crate::connector::{Answer, AnswerRequest, Connector, RequestRef};

pub(super) fn answer(answer: Answer) -> AnswerRequest {
    AnswerRequest { request: RequestRef { order: number(ORDER), number: None }, answer, key: "can_1".to_owned() }
}

#[test]
fn a_request_on_the_order_covers_its_lines_and_has_no_id() {
    let body = include_str!("../fixtures/order.accepted_and_requested.json");
    let wire: serde_json::Value = serde_json::from_str(body).unwrap();
    let id = wire["data"]["order_id"].to_string();
    let read = (tokopedia().read_orders(&[number(&id)], NOW).read)(&received(200, body)).unwrap();
    let orders = orders_of(read);
    let [request] = &orders[0].requests[..] else { panic!("{orders:?}") };
    assert_eq!(request.number, None);
    assert_eq!(request.lines.len(), orders[0].lines.len());
    assert!(request.reason.is_some() && request.deadline.is_none());
}

#[test]
fn a_request_is_granted_by_the_buyer_s_number_and_refused_without_a_body() {
    let grant = tokopedia().answer_request(&answer(Answer::Agree), NOW).unwrap();
    assert_eq!(grant.effect, Effect::Write);
    assert_eq!(grant.request.uri().path(), format!("/v1/order/{ORDER}/fs/14321/nack"));
    assert_eq!(grant.request.body(), br#"{"reason_code":8,"reason":"Buyer's request"}"#);
    assert!((grant.read)(&received(200, include_str!("../fixtures/nack.json"))).is_ok());

    let refusal = tokopedia().answer_request(&answer(Answer::Reject { reason: None }), NOW).unwrap();
    assert_eq!(
        refusal.request.uri().path_and_query().unwrap().as_str(),
        format!("/v1/order/{ORDER}/fs/14321/reject-cancel?shop_id=5123456")
    );
    assert!(refusal.request.body().is_empty());
    let reply = |data: &str| {
        let body = format!(r#"{{"header":{{"process_time":0.1,"messages":"ok"}},"data":{data}}}"#);
        (refusal.read)(&received(200, body)).map(|_| ()).map_err(|error| error.remedy)
    };
    assert_eq!(reply(r#"{"success":true}"#), Ok(()));
    for unclear in [r#"{"success":false}"#, "{}", "null", r#""success""#] {
        assert_eq!(reply(unclear), Err(Remedy::Unknown), "{unclear}");
    }
}

#[test]
fn a_request_that_this_app_may_not_answer_is_refused() {
    let call = tokopedia().answer_request(&answer(Answer::Reject { reason: None }), NOW).unwrap();
    let body = r#"{"header":{"messages":"m","reason":"r","error_code":"ORD_API_016"}}"#;
    assert_eq!((call.read)(&received(400, body)).unwrap_err().remedy, Remedy::Rejected);
}

#[test]
fn open_requests_are_listed_by_their_status_and_none_has_a_reason_to_reject() {
    let call = tokopedia().list_requests(None, NOW);
    let query = call.request.uri().query().unwrap();
    assert!(query.contains("status=401") && query.contains("page=1"), "{query}");
    assert!(tokopedia().reject_reasons(&answer(Answer::Agree).request, NOW).is_none());
}
