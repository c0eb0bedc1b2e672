//! Bodies: read up to a limit, refused as problems.

use crate::app::App;
use crate::problem::Problem;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;

/// The largest JSON body, in bytes.
pub const JSON_BYTES_MAX: usize = 1 << 20;
/// The largest form, in bytes.
pub const FORM_BYTES_MAX: usize = 256 << 10;
/// How much of a refused body is read and thrown away, in bytes: a client that is still sending does not look for the
/// answer, and one whose connection is cut never sees it.
const DISCARDED_BYTES_MAX: usize = 64 << 20;
/// For how long.
const DISCARD_PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// 413 for a larger one, 400 when it breaks off.
pub async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    read_discarding(body, most, DISCARDED_BYTES_MAX).await
}

/// As [`read`]; of what is refused, this many bytes are read and thrown away.
///
/// # Errors
/// As [`read`].
pub async fn read_discarding(body: Body, most: usize, discarded_most: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_request("broken_body", "The body broke off; send it again."))?;
        if bytes.len() + chunk.len() > most {
            let discard = async {
                let mut discarded = 0;
                while let Some(Ok(chunk)) = stream.next().await {
                    discarded += chunk.len();
                    if discarded > discarded_most {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(DISCARD_PATIENCE, discard).await;
            let detail = format!("The body is larger than {most} bytes; send less at once.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// A JSON body. No body at all reads as `{}`.
#[derive(Debug, Clone)]
pub struct Json<T> {
    /// What was sent.
    pub value: T,
    /// The same in one canonical spelling: what “the same body” means for an idempotency key.
    pub canonical: String,
}

/// Reads JSON.
///
/// # Errors
/// 400 for what is no JSON, 422 for JSON of another form.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Json<T>, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let malformed =
        |error: &serde_json::Error| Problem::bad_request("malformed_json", format!("The body is no JSON: {error}."));
    let mut value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    value.sort_all_objects();
    let canonical = value.to_string();
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(Json { value, canonical }),
        Err(error) if error.classify() == Category::Data => {
            let detail = format!("The body is not as this call wants it: {error}.");
            Err(Problem::unprocessable("invalid_body", "The body does not fit", detail))
        }
        Err(error) => Err(malformed(&error)),
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _app: &App) -> Result<Self, Problem> {
        parse(&read(request.into_body(), JSON_BYTES_MAX).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        quantity: u32,
    }

    #[test]
    fn json_is_refused_by_what_is_wrong_with_it() {
        assert_eq!(parse::<Wish>(br#"{"quantity":2}"#).expect("fits").value.quantity, 2);
        for (body, code) in [
            (&br#"{"quantity":"#[..], "malformed_json"),
            (b"nonsense", "malformed_json"),
            (b"\xff\xfe", "malformed_json"),
            (br#"{"quantity":-1}"#, "invalid_body"),
            (br#"{"quantity":"2"}"#, "invalid_body"),
            (br#"{"quantity":2,"more":1}"#, "invalid_body"),
            (b"", "invalid_body"),
            (b"[]", "invalid_body"),
        ] {
            assert_eq!(parse::<Wish>(body).expect_err("refused").code, code, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn spelling_does_not_make_another_body() {
        let one = parse::<serde_json::Value>(br#"{"b": 1, "a": 2}"#).expect("json").canonical;
        let other = parse::<serde_json::Value>(br#"{"a":2,"b":1}"#).expect("json").canonical;
        assert_eq!(one, other);
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_and_one_at_it_is_not() {
        assert_eq!(read(Body::from(vec![0; 10]), 10).await.expect("fits").len(), 10);
        let refused = read(Body::from(vec![0; 11]), 10).await.expect_err("too large");
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
