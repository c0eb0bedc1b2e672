//! What an answer means (section A1): by its HTTP status alone. Bodies of failures are texts for people and never decide.

use std::sync::Arc;

use domain::time::Span;
use serde::Deserialize;
use serde_json::Value;

use crate::call::{CallError, Effect, Pause, PauseScope, Received, Remedy, Story};
use crate::wire;

/// The header that tells when calls are taken again, in seconds; not the standard one.
const RETRY_AFTER: &str = "x-retry-after";
/// When a throttled call is tried again where the answer does not say.
const THROTTLED_RETRY: Span = Span::from_seconds(10);
/// The longest wait that is believed.
const THROTTLED_RETRY_MAX: Span = Span::from_seconds(600);
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);

/// Which call was made, as far as its answer's reading depends on it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) endpoint: &'static str,
    pub(super) effect: Effect,
    /// What no story may hold.
    pub(super) secrets: Arc<[String]>,
}

impl Asked {
    /// The answer, if it is a success.
    pub(super) fn answer<T: for<'a> Deserialize<'a>>(&self, received: &Received) -> Result<T, CallError> {
        if !(200..300).contains(&received.status) {
            return Err(self.failed(received, self.remedy(received), &words(&received.body)));
        }
        serde_json::from_slice(&received.body).map_err(|error| {
            let place =
                format!("it is of another form than documented, line {} column {}", error.line(), error.column());
            self.failed(received, Remedy::Unknown, &place)
        })
    }

    /// A failure with these words.
    pub(super) fn failed(&self, received: &Received, remedy: Remedy, words: &str) -> CallError {
        let story = Story {
            endpoint: self.endpoint.to_owned(),
            http_status: received.status,
            message: wire::public(words, &self.secrets),
            ..Story::default()
        };
        CallError { remedy, story }
    }

    fn remedy(&self, received: &Received) -> Remedy {
        match (received.status, self.effect) {
            (401 | 403, _) => Remedy::Reauthorize,
            (429, _) => {
                // It is checked before anything is carried out, and counted over all calls of the token.
                let told = wire::wait_told(received, RETRY_AFTER, THROTTLED_RETRY_MAX);
                Remedy::Pause(Pause { scope: PauseScope::App, span: told.unwrap_or(THROTTLED_RETRY) })
            }
            (400 | 422, _) => Remedy::Rejected,
            // An id that we hold and the warehouse does not: a wrong channel or address, never a withdrawal.
            (404, _) => Remedy::Bug,
            (_, Effect::Read) => Remedy::RetryAfter(FAULT_RETRY),
            (_, Effect::Write) => Remedy::Unknown,
        }
    }
}

/// The texts of a failure's body, `{"<field or empty>": ["message", …]}`.
fn words(body: &[u8]) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return String::new() };
    let mut said = Vec::new();
    for (field, value) in &fields {
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            said.push(if field.is_empty() { text.to_owned() } else { format!("{field}: {text}") });
        }
    }
    said.join("; ")
}
