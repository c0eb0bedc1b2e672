//! What calls of every provider's account share: how a request is built, and what an answer's HTTP status means. Bodies of
//! failures are texts for people and never decide.

use std::sync::Arc;

use domain::policy::EndpointClass;
use domain::time::Span;
use http::{HeaderValue, Method, Request};
use serde::Deserialize;

use crate::call::{Call, CallError, Effect, Pause, PauseScope, Received, Remedy, Story, nothing_foretold};
use crate::wire;

/// When a throttled call is tried again where the answer does not say.
const THROTTLED_RETRY: Span = Span::from_seconds(10);
/// The longest wait that is believed.
const THROTTLED_RETRY_MAX: Span = Span::from_seconds(600);
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);

/// How calls of an account are sent.
pub(crate) struct Account {
    /// The API's address, without a closing slash.
    pub(crate) base: String,
    /// What every call carries.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What no story may hold.
    pub(crate) secrets: Arc<[String]>,
    /// The header that tells when calls are taken again, in seconds.
    pub(crate) retry_after: &'static str,
    /// Finds the words for people in the body of a failure.
    pub(crate) words: fn(&[u8]) -> String,
}

impl Account {
    /// A call. A path begins with a slash; an empty body is none.
    pub(crate) fn call<T>(
        &self,
        (endpoint, effect): (&'static str, Effect),
        (method, path): (Method, &str),
        body: Vec<u8>,
        read: impl Fn(&Asked, &Received) -> Result<T, CallError> + Send + Sync + 'static,
    ) -> Call<T> {
        let has_body = !body.is_empty() || effect == Effect::Write;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // The base was checked when the account was opened, and a path of ours is one of a URL.
        *request.uri_mut() = format!("{}{path}", self.base).parse().unwrap_or_default();
        let headers = request.headers_mut();
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        for (name, value) in &self.headers {
            put(name, value);
        }
        put("accept", "application/json");
        if has_body {
            put("content-type", "application/json");
        }
        let asked = Asked {
            endpoint,
            effect,
            secrets: Arc::clone(&self.secrets),
            retry_after: self.retry_after,
            words: self.words,
        };
        let class = if effect == Effect::Read { EndpointClass::Reads } else { EndpointClass::Writes };
        let read = Box::new(move |received: &Received| read(&asked, received));
        Call { endpoint, effect, class, request, read, foretold: nothing_foretold }
    }
}

/// Which call was made, as far as its answer's reading depends on it.
pub(crate) struct Asked {
    endpoint: &'static str,
    effect: Effect,
    secrets: Arc<[String]>,
    retry_after: &'static str,
    words: fn(&[u8]) -> String,
}

impl Asked {
    /// The answer, if it is a success.
    pub(crate) fn answer<'a, T: Deserialize<'a>>(&self, received: &'a Received) -> Result<T, CallError> {
        if !(200..300).contains(&received.status) {
            return Err(self.failed(received, self.remedy(received), &(self.words)(&received.body)));
        }
        serde_json::from_slice(&received.body).map_err(|error| {
            let place =
                format!("it is of another form than documented, line {} column {}", error.line(), error.column());
            self.failed(received, Remedy::Unknown, &place)
        })
    }

    /// A failure with these words.
    pub(crate) fn failed(&self, received: &Received, remedy: Remedy, words: &str) -> CallError {
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
                // It is checked before anything is carried out, and counted over all calls of the account.
                let told = wire::wait_told(received, self.retry_after, THROTTLED_RETRY_MAX);
                Remedy::Pause(Pause { scope: PauseScope::App, span: told.unwrap_or(THROTTLED_RETRY) })
            }
            (400 | 409 | 422, _) => Remedy::Rejected,
            // An id that we hold and the warehouse does not: a wrong account or address, never a withdrawal.
            (404, _) => Remedy::Bug,
            (_, Effect::Read) => Remedy::RetryAfter(FAULT_RETRY),
            (_, Effect::Write) => Remedy::Unknown,
        }
    }
}
