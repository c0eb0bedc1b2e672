//! Every way to fail, and what it asks us to do.

use domain::time::Span;
use serde_json::json;

use super::answers::{cancel_call, check_call, list_call, read_everything, stock_call};
use super::{NOW, lazada, received};
use crate::call::{CLOCK_SKEW, Pause, PauseScope, Remedy};
use crate::connector::Connector;

fn failure(code: &str, message: &str) -> String {
    json!({"code": code, "type": "ISV", "message": message, "request_id": "r"}).to_string()
}

fn banned(scope: PauseScope, millis: i64) -> Remedy {
    Remedy::Pause(Pause { scope, span: Span::from_millis(millis) })
}

/// What a code and its words mean for the cancel (a write), its check and the list (reads).
#[test]
fn every_documented_fault_says_what_to_do() {
    use PauseScope::{App, Endpoint, Shop};
    use Remedy::{Bug, Rejected, RetryAfter, TokenExpired, Unknown};
    let fault = RetryAfter(Span::from_seconds(2));
    for (code, message, cancel, list) in [
        // Section 4.
        ("IncompleteSignature", "The request signature does not conform to platform standards", &Bug, &Bug),
        ("MissingParameter", "A required parameter is missing", &Bug, &Bug),
        ("MISSING_PARAMETER", "", &Bug, &Bug),
        ("IllegalAccessToken", "The specified access token is invalid or expired", &TokenExpired, &TokenExpired),
        ("InvalidAccessToken", "", &TokenExpired, &TokenExpired),
        (
            "ApiCallLimit",
            "Api access frequency exceeds the limit. this ban will last 7 seconds",
            &banned(Endpoint, 7_300),
            &banned(Endpoint, 7_300),
        ),
        ("SellerCallLimit", "Seller access frequency exceeds the limit.", &banned(Shop, 1_300), &banned(Shop, 1_300)),
        ("AppCallLimit", "this ban will last 1 more seconds", &banned(App, 1_300), &banned(App, 1_300)),
        (
            "ApiCallLimit",
            "this ban will last 99999999 seconds",
            &banned(Endpoint, 3_600_300),
            &banned(Endpoint, 3_600_300),
        ),
        (
            "901",
            "E901: The request is too frequent, or the requested functions are temporarily disabled",
            &banned(Endpoint, 1_300),
            &banned(Endpoint, 1_300),
        ),
        ("ServiceTimeout", "", &Unknown, &fault),
        ("SystemError", "", &Unknown, &fault),
        ("ServiceUnavailable", "", &Unknown, &fault),
        ("6", "E006: Unexpected internal error", &Unknown, &fault),
        ("1000", "Internal Application Error", &Unknown, &fault),
        ("513", "", &Unknown, &fault),
        ("AppWhiteIpLimit", "", &Bug, &Bug),
        ("SellerNotVerified", "", &Rejected, &Rejected),
        ("Mp3SellerApiLimit", "", &Rejected, &Rejected),
        ("InvalidAppKey", "", &Bug, &Bug),
        ("InvalidApi", "", &Bug, &Bug),
        ("AppNotSubscribed", "", &Bug, &Bug),
        ("UnsupportedHTTPMethod", "", &Bug, &Bug),
        // Section 6.5.
        ("102", "E0102: trade order line id is empty or invalid", &Rejected, &Unknown),
        ("104", "E0104: reason is empty or invalid", &Rejected, &Unknown),
        ("106", "E0106: ROC internal error", &Unknown, &Unknown),
        ("115", "E0115: order id is null", &Bug, &Unknown),
        ("122", "E0122: invalid trade order", &Rejected, &Unknown),
        ("123", "E0123: invalid trade order lines 1", &Rejected, &Unknown),
        ("124", "E0124: invalid seller id for this order line 1", &Rejected, &Unknown),
        // Section 5.1.
        ("17", "E017: \"x\" Invalid Date Format", &Unknown, &Bug),
        ("97", "E097: offset", &Unknown, &Bug),
        // In no table.
        ("CodeOfNextMonth", "", &Unknown, &Unknown),
        ("16", "E016: Invalid Order ID", &Unknown, &Unknown),
    ] {
        let body = failure(code, message);
        let received = received(200, &body);
        let found = (cancel_call().read)(&received).unwrap_err();
        assert_eq!(&found.remedy, cancel, "cancel: {code} {message}");
        assert_eq!((found.story.code.as_str(), found.story.message.as_str()), (code, message));
        assert_eq!(&(list_call().read)(&received).unwrap_err().remedy, list, "list: {code} {message}");
        if *cancel == Rejected {
            let checked = (check_call().read)(&received).unwrap();
            assert_eq!(checked.refused.as_deref(), Some(message), "{code}");
        }
    }
}

#[test]
fn clocks_too_far_apart_are_named() {
    for code in ["IllegalTimestamp", "InvalidTimestamp", "TIMESTAMP_EXPIRED"] {
        let error = (cancel_call().read)(&received(200, failure(code, "too old"))).unwrap_err();
        assert_eq!((error.remedy, error.story.code.as_str()), (Remedy::Bug, CLOCK_SKEW));
        assert_eq!(error.story.message, format!("{code}: too old"));
    }
}

#[test]
fn an_unclear_answer_to_a_write_may_have_happened() {
    let refused = failure("123", "E0123");
    let throttled = failure("ApiCallLimit", "");
    for (status, body) in [
        (200, ""),
        (200, "<html>gateway</html>"),
        (200, "{\"code\":\"0\",\"data\":{\"tip_type\":17"),
        (200, "{}"),
        (200, "[]"),
        (200, "{\"message\":\"neither\"}"),
        (200, "{\"code\":\"0\",\"code\":\"0\"}"),
        (301, ""),
        (302, "{\"code\":\"0\"}"),
        (302, &refused),
        (404, "not found"),
        (429, "slow down"),
        (500, ""),
        (500, "{\"code\":\"0\"}"),
        (500, &refused),
        (502, &throttled),
        (504, "upstream"),
    ] {
        let error = (cancel_call().read)(&received(status, body)).unwrap_err();
        assert_eq!(error.remedy, Remedy::Unknown, "{status} {body}");
        assert_eq!(error.story.http_status, status);
        assert!(!error.story.message.is_empty() || !error.story.code.is_empty(), "{status} {body}");
    }
    let too_many = (list_call().read)(&received(429, "")).unwrap_err();
    assert_eq!(too_many.remedy, banned(PauseScope::Endpoint, 1_300));
    let mut told = received(429, "");
    told.headers.insert("retry-after", "5".parse().unwrap());
    assert_eq!((list_call().read)(&told).unwrap_err().remedy, banned(PauseScope::Endpoint, 5_300));
}

#[test]
fn faults_of_the_token_calls_say_who_must_act() {
    use Remedy::{Bug, Reauthorize, Unknown};
    for (code, remedy) in [
        ("InvalidCode", Reauthorize),
        ("IllegalRefreshToken", Reauthorize),
        ("AUTH_TYPE_UNSUPPORTED", Reauthorize),
        ("MissingParameter", Bug),
        ("IncompleteSignature", Bug),
        ("ServiceUnavailable", Unknown),
    ] {
        for call in [lazada().refresh(NOW), lazada().exchange_code("c", NOW)] {
            let error = (call.read)(&received(200, failure(code, ""))).map(|_| ()).unwrap_err();
            assert_eq!(error.remedy, remedy, "{code}");
        }
    }
}

#[test]
fn a_refused_stock_update_is_not_sent_again() {
    use Remedy::{Bug, Rejected};
    for (code, remedy) in [
        ("5", Bug),
        ("30", Bug),
        ("204", Bug),
        ("4171", Bug),
        ("212", Rejected),
        ("501", Rejected),
        ("4170", Rejected),
        ("4225", Rejected),
    ] {
        assert_eq!((stock_call().read)(&received(200, failure(code, ""))).unwrap_err().remedy, remedy, "{code}");
    }
}

#[test]
fn a_write_s_error_never_says_again_unless_the_gateway_banned_it() {
    for code in ["6", "ServiceTimeout", "106", "21", "1000", "513", "SystemError"] {
        for error in read_everything(&received(200, failure(code, "wait 5 seconds"))).into_iter().flatten() {
            let write = error.story.endpoint.contains("cancel/create") || error.story.endpoint == "/order/cancel";
            assert!(!(write && matches!(error.remedy, Remedy::RetryAfter(_))), "{code} {}", error.story.endpoint);
        }
    }
}
