//! The response envelope, errors and parameters: sheet sections 3 and 4.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::marketplace::{Answer, Request};
use crate::random::secret;

/// The longest body whose parameters are read, in bytes.
const LONGEST_BODY: usize = 1 << 20;

/// A successful call's payload.
#[derive(Debug)]
pub(super) enum Success {
    /// Under `data`.
    Data(Value),
    /// Under `result`, as newer groups of calls have it.
    Result(Value),
    /// Beside `code`.
    Flat(Map<String, Value>),
}

/// A failed call: HTTP 200 all the same (section 0).
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: String,
    /// `SYSTEM` for the gateway, `ISV` for the caller's fault, `ISP` for the backend.
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// What a failed batch says of its rows.
    pub(super) detail: Option<Box<Value>>,
}

impl Failure {
    fn new(code: &str, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { code: code.to_owned(), kind, message: message.into(), detail: None }
    }

    /// The caller's fault.
    pub(super) fn caller(code: &str, message: impl Into<String>) -> Failure {
        Failure::new(code, "ISV", message)
    }

    /// The gateway refuses.
    pub(super) fn gateway(code: &str, message: impl Into<String>) -> Failure {
        Failure::new(code, "SYSTEM", message)
    }

    /// The business behind it refuses.
    pub(super) fn backend(code: &str, message: impl Into<String>) -> Failure {
        Failure::new(code, "ISP", message)
    }

    /// A parameter is absent.
    pub(super) fn missing(name: &str) -> Failure {
        let message =
            format!("The input parameter \"{name}\" that is mandatory for processing this request is not supplied.");
        Failure::caller("MissingParameter", message)
    }

    /// The order is not this shop's.
    pub(super) fn invalid_order(number: &str) -> Failure {
        Failure::caller("16", format!("E016: \"{number}\" Invalid Order ID"))
    }
}

/// What a call comes to.
pub(super) type Outcome = Result<Success, Failure>;

/// Writes the envelope.
pub(super) fn answer(outcome: Outcome) -> Answer {
    let mut body = Map::new();
    let code = match outcome {
        Ok(success) => {
            match success {
                Success::Data(data) => body.insert("data".to_owned(), data),
                Success::Result(result) => body.insert("result".to_owned(), result),
                Success::Flat(payload) => {
                    body.extend(payload);
                    None
                }
            };
            body.insert("code".to_owned(), json!("0"));
            String::new()
        }
        Err(failure) => {
            body.insert("code".to_owned(), json!(failure.code));
            body.insert("type".to_owned(), json!(failure.kind));
            body.insert("message".to_owned(), json!(failure.message));
            if let Some(detail) = failure.detail {
                body.insert("detail".to_owned(), *detail);
            }
            failure.code
        }
    };
    body.insert("request_id".to_owned(), json!(secret(12)));
    Answer {
        status: 200,
        headers: vec![("content-type", "application/json;charset=UTF-8".to_owned())],
        body: Value::Object(body).to_string().into_bytes(),
        code,
    }
}

/// All parameters of a call, wherever they travel: query, form, top-level keys of a JSON body, text parts of a multipart
/// body (section 3). What stands in the query counts before what is repeated in the body.
pub(super) fn pool(request: &Request) -> BTreeMap<String, String> {
    let mut pool = BTreeMap::new();
    for (name, value) in request.query.iter().cloned().chain(body_pairs(&request.body)) {
        pool.entry(name).or_insert(value);
    }
    pool
}

fn body_pairs(body: &[u8]) -> Vec<(String, String)> {
    if body.is_empty() || body.len() > LONGEST_BODY {
        return Vec::new();
    }
    if body.starts_with(b"--") {
        return multipart_pairs(body);
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        _ => url::form_urlencoded::parse(body).into_owned().collect(),
    }
}

/// The parts that are no files.
fn multipart_pairs(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let boundary = text.lines().next().unwrap_or_default().trim().to_owned();
    let part = |part: &str| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let name = head.split_once("name=\"")?.1.split('"').next()?;
        (!head.contains("filename=")).then(|| (name.to_owned(), value.trim_end_matches("\r\n").to_owned()))
    };
    text.split(boundary.as_str()).filter_map(part).collect()
}

/// The parameters of a call.
pub(super) struct Parameters<'a>(pub(super) &'a BTreeMap<String, String>);

impl Parameters<'_> {
    /// A value; the empty text counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| Failure::missing(name))
    }

    /// A whole number that may be left out.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let parsed = self.text(name).map(|text| text.trim().parse());
        parsed.transpose().map_err(|_| Failure::caller("InvalidParameter", format!("{name} is not a number")))
    }

    /// One parameter that holds a JSON value.
    pub(super) fn json(&self, name: &str) -> Result<Value, Failure> {
        let text = self.required(name)?;
        serde_json::from_str(text).map_err(|_| Failure::caller("InvalidParameter", format!("{name} is no JSON")))
    }
}

/// Whole numbers of a JSON list, written as numbers or texts; nothing where it is another thing.
pub(super) fn numbers(list: &Value) -> Option<Vec<i64>> {
    list.as_array()?.iter().map(number).collect()
}

/// A whole number, written as number or text.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::http::Method;

    fn pool_of(query: &[(&str, &str)], body: &str) -> BTreeMap<String, String> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = Bytes::from(body.to_owned());
        pool(&Request {
            method: Method::POST,
            path: "/rest/x".to_owned(),
            query,
            headers: axum::http::HeaderMap::new(),
            body,
        })
    }

    #[test]
    fn parameters_are_found_wherever_a_client_puts_them() {
        for body in [
            "a=1&list=%5B%221%22%5D",
            r#"{"a":"1","list":"[\"1\"]"}"#,
            r#"{"a":1,"list":["1"]}"#,
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; \
             name=\"list\"\r\n\r\n[\"1\"]\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nZ\r\n--b--\r\n",
        ] {
            let pool = pool_of(&[("sign", "S")], body);
            assert_eq!((pool["a"].as_str(), pool["list"].as_str(), pool["sign"].as_str()), ("1", "[\"1\"]", "S"));
            assert_eq!(pool.len(), 3, "{body}");
        }
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        assert_eq!(pool_of(&[("a", "1")], r#"{"a":"1"}"#).len(), 1);
    }
}
