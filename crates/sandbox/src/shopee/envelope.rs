//! The response envelope, errors and parameters: sheet section 5.

use serde_json::{Map, Value, json};

use crate::marketplace::{Answer, Request};
use crate::random::secret;

/// A successful call's payload.
pub(super) enum Success {
    /// Inside `response`.
    Response(Value),
    /// Beside `error`: token and public calls.
    Flat(Map<String, Value>),
    /// No payload at all.
    Plain,
    /// A PDF's bytes in place of the envelope.
    Pdf(Vec<u8>),
}

/// What kind of failure it is: decides the HTTP status, which the platform does not document (section 15, 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A business failure: HTTP 200.
    Business,
    /// Signature, token, permission: the status is a switch.
    Authentication,
    /// No such API.
    UnknownPath,
}

/// A failed call.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) kind: Kind,
    /// Batch calls answer their rows even when all of them failed.
    pub(super) response: Option<Value>,
}

impl Failure {
    /// A business failure.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), kind: Kind::Business, response: None }
    }

    /// A failure of signature or token.
    pub(super) fn authentication(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { kind: Kind::Authentication, ..Failure::new(code, message) }
    }

    /// `error_param` with the platform's usual words.
    pub(super) fn wrong(detail: impl AsRef<str>) -> Failure {
        Failure::new("error_param", format!("Wrong parameters, detail: {}", detail.as_ref()))
    }

    /// The order is not this shop's.
    pub(super) fn order_not_found() -> Failure {
        Failure::new("error_not_found", "Wrong parameters, detail: the order is not found.")
    }
}

/// What a call comes to.
pub(super) type Outcome = Result<Success, Failure>;

/// Writes the envelope.
pub(super) fn answer(outcome: Outcome, authentication_status: u16) -> Answer {
    let (status, code, body) = match outcome {
        Ok(Success::Pdf(body)) => {
            let headers = vec![("content-type", "application/pdf".to_owned())];
            return Answer { status: 200, headers, body, code: String::new() };
        }
        Ok(Success::Response(response)) => (200, String::new(), envelope("", "", [("response", Some(response))])),
        Ok(Success::Plain) => (200, String::new(), envelope("", "", [])),
        Ok(Success::Flat(payload)) => {
            let mut body = envelope("", "", []);
            body.extend(payload);
            (200, String::new(), body)
        }
        Err(failure) => {
            let status = match failure.kind {
                Kind::Business => 200,
                Kind::Authentication => authentication_status,
                Kind::UnknownPath => 404,
            };
            let body = envelope(failure.code, &failure.message, [("response", failure.response)]);
            (status, failure.code.to_owned(), body)
        }
    };
    json_answer(status, code, &Value::Object(body))
}

fn envelope<const N: usize>(error: &str, message: &str, payload: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("request_id".to_owned(), json!(secret(16)));
    body.insert("error".to_owned(), json!(error));
    body.insert("message".to_owned(), json!(message));
    for (name, value) in payload {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    body
}

/// A JSON answer with its code for the log.
pub(super) fn json_answer(status: u16, code: String, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
        code,
    }
}

/// The business parameters of a call: the query of a GET, the JSON body of a POST.
pub(super) struct Parameters<'a> {
    request: &'a Request,
    body: Map<String, Value>,
}

impl<'a> Parameters<'a> {
    /// Reads the body of a POST; what is no JSON object is a wrong parameter.
    pub(super) fn of(request: &'a Request) -> Result<Parameters<'a>, Failure> {
        let body = match body(request) {
            Some(Value::Object(body)) => body,
            Some(_) => return Err(Failure::wrong("the body is not a JSON object.")),
            None if request.method == axum::http::Method::POST && !request.body.is_empty() => {
                return Err(Failure::wrong("the body is not valid JSON."));
            }
            None => Map::new(),
        };
        Ok(Parameters { request, body })
    }

    fn queried(&self) -> bool {
        self.request.method == axum::http::Method::GET
    }

    /// A value, wherever this call has its parameters; the empty string counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = if self.queried() {
            self.request.parameter(name).map(str::to_owned)
        } else {
            match self.body.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        };
        value.filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Failure> {
        self.text(name).ok_or_else(|| Failure::wrong(format!("{name} is a required field.")))
    }

    /// A whole number that may be left out.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Failure::wrong(format!("{name} is not a number."))),
            },
        }
    }

    /// A whole number that must be there.
    pub(super) fn required_integer(&self, name: &str) -> Result<i64, Failure> {
        self.integer(name)?.ok_or_else(|| Failure::wrong(format!("{name} is a required field.")))
    }

    /// True or false; anything else is false.
    pub(super) fn flag(&self, name: &str) -> bool {
        if self.queried() {
            self.request.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
        } else {
            self.body.get(name).and_then(Value::as_bool).unwrap_or(false)
        }
    }

    /// A list: one comma-joined value, repeated keys, or both (section 16).
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let bracketed = format!("{name}[]");
        self.request
            .query
            .iter()
            .filter(|(key, _)| key == name || *key == bracketed)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A field of the body as it is.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// A list of objects in the body; absent is empty.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<&Map<String, Value>>, Failure> {
        match self.field(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(rows)) => rows
                .iter()
                .map(|row| {
                    row.as_object().ok_or_else(|| Failure::wrong(format!("{name} holds something else than objects.")))
                })
                .collect(),
            Some(_) => Err(Failure::wrong(format!("{name} is not a list."))),
        }
    }
}

/// The body as JSON, if it is.
pub(super) fn body(request: &Request) -> Option<Value> {
    serde_json::from_slice(&request.body).ok()
}

/// A whole number in an object, written as number or text.
pub(super) fn integer_in(object: &Map<String, Value>, name: &str) -> Option<i64> {
    match object.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
