//! Answers and failures as the platform writes them, and the body of a request: sheet section 3.

use serde_json::{Map, Value, json};

use crate::marketplace::{Answer, Request};
use crate::random::secret;

/// What an API answers.
pub(super) type Outcome = Result<Value, Failure>;

/// A failure in the platform's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: i64,
    pub(super) message: String,
    /// The HTTP status, which is often not 200.
    pub(super) status: u16,
}

impl Failure {
    /// A call that makes no sense.
    pub(super) fn new(code: i64, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), status: 400 }
    }

    /// Who calls is not known or not allowed to.
    pub(super) fn unauthorised(code: i64, message: impl Into<String>) -> Failure {
        Failure { status: 401, ..Failure::new(code, message) }
    }

    /// One of the many things that `36009004` says.
    pub(super) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(36_009_004, message)
    }

    /// A field of the body or the query is missing or wrong.
    pub(super) fn wrong(message: impl Into<String>) -> Failure {
        Failure::new(36_009_023, message)
    }

    /// The platform does not know the path.
    pub(super) fn unknown_path() -> Failure {
        Failure { status: 404, ..Failure::new(36_009_009, "Invalid path") }
    }
}

/// An answer in the platform's envelope.
pub(super) fn answer(outcome: Outcome) -> Answer {
    let request_id = secret(17).to_uppercase();
    let (status, code, body) = match outcome {
        Ok(data) => {
            (200, String::new(), json!({"code": 0, "message": "Success", "request_id": request_id, "data": data}))
        }
        Err(failure) => (
            failure.status,
            failure.code.to_string(),
            json!({"code": failure.code, "message": failure.message, "request_id": request_id, "data": null}),
        ),
    };
    let headers = vec![("content-type", "application/json".to_owned())];
    Answer { status, headers, body: body.to_string().into_bytes(), code }
}

/// The body as an object; an empty body is an empty object.
pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Failure::wrong("The request body is not a JSON object.")),
    }
}

/// A text of the body; numbers count as text, because clients write ids as both.
pub(super) fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text that must be there.
pub(super) fn required(body: &Map<String, Value>, name: &str) -> Result<String, Failure> {
    text(body, name).ok_or_else(|| Failure::wrong(format!("{name} is required.")))
}

/// Texts of a list.
pub(super) fn texts(body: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    values
        .iter()
        .filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect()
}

/// Objects of a list.
pub(super) fn objects<'a>(body: &'a Map<String, Value>, name: &str) -> Vec<&'a Map<String, Value>> {
    let values = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    values.iter().filter_map(Value::as_object).collect()
}

/// A whole number of the body, also as text.
pub(super) fn integer(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, Failure> {
    let wrong = || Failure::wrong(format!("{name} is not an integer."));
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(wrong),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

/// A number of a query, within bounds.
pub(super) fn page_size(request: &Request, usual: usize, most: usize) -> Result<usize, Failure> {
    let Some(text) = request.parameter("page_size") else { return Ok(usual) };
    text.parse()
        .ok()
        .filter(|size| (1..=most).contains(size))
        .ok_or_else(|| Failure::wrong(format!("page_size must be 1 to {most}.")))
}
