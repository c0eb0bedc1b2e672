//! TikTok Shop's answers: the envelope, and what each error code asks us to do (`tiktok-shop.md` sections 3 and 5.9).
//!
//! Success is `code` 0. A failure comes with HTTP 200 as well as with others: the body is read first, whatever the status.
//! `36009004` covers many faults, so a row of [`RULES`] may also ask for words of the message.

use std::sync::Arc;

use domain::time::Span;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{CLOCK_SKEW, CallError, Effect, Pause, PauseScope, Received, Remedy, Story};
use crate::lenient;
use crate::wire;

/// When a throttled call is tried again where the answer does not say (section 3: back off, `C4`).
const THROTTLED_RETRY: Span = Span::from_seconds(1);
/// The longest `Retry-After` that is believed.
const THROTTLED_RETRY_MAX: Span = Span::from_seconds(3600);
/// When a call is tried again whose order is locked by another one (`25001028`: after seconds).
const BUSY_RETRY: Span = Span::from_seconds(3);
/// When a call is tried again whose package is frozen (`10007014`: wait).
const FROZEN_RETRY: Span = Span::from_seconds(30);
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);
/// Success (`C6`).
const SUCCESS: &str = "0";

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The access token ran out.
    Token,
    /// The seller's consent is missing, ended or lacks a scope.
    Consent,
    /// Refused for good.
    Refused,
    /// Too many calls: checked before anything is done.
    Throttled,
    /// Not now, and not done.
    Later(Span),
    /// A cancellation or return of this order runs or has ended: ask which.
    Running,
    /// Passing fault over there; a write may have happened.
    Fault,
    /// The two clocks are too far apart.
    Clock,
    /// There is no such path in this version of the API.
    Version,
    /// Our request or our app's settings are wrong.
    Ours,
}

/// One row: the first that fits decides.
struct Rule {
    code: &'static str,
    /// Words that the message holds, in small letters; empty means any.
    words: &'static str,
    meaning: Meaning,
}

const fn rule(code: &'static str, meaning: Meaning) -> Rule {
    Rule { code, words: "", meaning }
}

const fn said(code: &'static str, words: &'static str, meaning: Meaning) -> Rule {
    Rule { code, words, meaning }
}

const RULES: &[Rule] = &[
    // Section 3.
    rule("36009002", Meaning::Throttled),
    rule("36009037", Meaning::Throttled),
    rule("12052109", Meaning::Throttled),
    rule("36009003", Meaning::Fault),
    rule("36009007", Meaning::Fault),
    said("36009004", "api version", Meaning::Version),
    said("36009004", "timestamp", Meaning::Clock),
    rule("36009004", Meaning::Ours),
    rule("36009009", Meaning::Version),
    rule("36009010", Meaning::Ours),
    rule("36009014", Meaning::Version),
    rule("36009022", Meaning::Ours),
    rule("36009023", Meaning::Ours),
    rule("36009033", Meaning::Ours),
    // The shop or its seller is inactive: the platform's words are shown.
    rule("36009043", Meaning::Refused),
    rule("36009044", Meaning::Refused),
    rule("105001", Meaning::Consent),
    rule("105002", Meaning::Token),
    rule("105004", Meaning::Consent),
    rule("105005", Meaning::Consent),
    rule("101000", Meaning::Consent),
    rule("106001", Meaning::Ours),
    rule("106013", Meaning::Ours),
    // Section 1: the two calls for tokens.
    rule("36004001", Meaning::Consent),
    rule("36004004", Meaning::Consent),
    // Section 5.9.
    rule("25001001", Meaning::Refused),
    rule("25001010", Meaning::Running),
    rule("25001011", Meaning::Running),
    rule("25001014", Meaning::Refused),
    rule("25001015", Meaning::Refused),
    rule("25001020", Meaning::Refused),
    rule("25001021", Meaning::Refused),
    rule("25001028", Meaning::Later(BUSY_RETRY)),
    rule("25001045", Meaning::Refused),
    rule("25001046", Meaning::Refused),
    rule("25001051", Meaning::Refused),
    rule("25005005", Meaning::Refused),
    rule("25005010", Meaning::Refused),
    rule("25005011", Meaning::Refused),
    rule("25020005", Meaning::Ours),
    rule("25020008", Meaning::Fault),
    rule("11050001", Meaning::Refused),
    rule("21011007", Meaning::Refused),
    rule("10007014", Meaning::Later(FROZEN_RETRY)),
    // Section 7.
    rule("12052990", Meaning::Refused),
    rule("12052097", Meaning::Refused),
];

/// TikTok Shop's envelope around every answer.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    code: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    request_id: Option<String>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

/// Which call was made, as far as its answer's reading depends on it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) endpoint: &'static str,
    pub(super) effect: Effect,
    /// What no story may hold.
    pub(super) secrets: Arc<[String]>,
}

/// A successful answer.
pub(super) struct Answer<'a> {
    asked: &'a Asked,
    story: Story,
    data: Option<&'a RawValue>,
}

impl Asked {
    /// The answer, if it is a success.
    pub(super) fn answer<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, CallError> {
        let mut story = Story { endpoint: self.endpoint.to_owned(), http_status: received.status, ..Story::default() };
        let envelope = match lenient::read_object::<Envelope<'a>>(&received.body) {
            Ok(envelope) => envelope,
            Err(problem) => {
                story.message = format!("the answer cannot be read: {problem}");
                return Err(CallError { remedy: self.remedy_without_code(received), story });
            }
        };
        story.request_id = envelope.request_id.unwrap_or_default();
        story.message = wire::public(&envelope.message.unwrap_or_default(), &self.secrets);
        match envelope.code.and_then(lenient::scalar) {
            Some(code) if code == SUCCESS && (200..300).contains(&received.status) => {
                Ok(Answer { asked: self, story, data: envelope.data })
            }
            Some(code) if code != SUCCESS => {
                story.code = wire::public(&code, &self.secrets);
                let remedy = self.remedy(received, &mut story);
                Err(CallError { remedy, story })
            }
            _ => {
                if story.message.is_empty() {
                    "the answer states neither success nor failure".clone_into(&mut story.message);
                }
                Err(CallError { remedy: self.remedy_without_code(received), story })
            }
        }
    }

    /// What a known or unknown code asks for.
    fn remedy(&self, received: &Received, story: &mut Story) -> Remedy {
        let write = self.effect == Effect::Write;
        // Whatever is said beside a server error or a redirect, the write may have happened.
        if write && (received.status >= 500 || (300..400).contains(&received.status)) {
            return Remedy::Unknown;
        }
        match meaning(&story.code, &story.message) {
            Some(Meaning::Token) => Remedy::TokenExpired,
            Some(Meaning::Consent) => Remedy::Reauthorize,
            Some(Meaning::Refused) => Remedy::Rejected,
            Some(Meaning::Throttled) => Remedy::Pause(throttled(received)),
            Some(Meaning::Later(span)) => Remedy::RetryAfter(span),
            Some(Meaning::Fault) if !write => Remedy::RetryAfter(FAULT_RETRY),
            Some(Meaning::Running) if !write => Remedy::Rejected,
            Some(Meaning::Fault | Meaning::Running) => Remedy::Unknown,
            Some(Meaning::Clock) => {
                story.message = format!("{}: {}", story.code, story.message);
                CLOCK_SKEW.clone_into(&mut story.code);
                Remedy::Bug
            }
            Some(Meaning::Version | Meaning::Ours) => Remedy::Bug,
            None => self.remedy_without_code(received),
        }
    }

    /// What an answer without a code that is in the table asks for: a write may have happened.
    fn remedy_without_code(&self, received: &Received) -> Remedy {
        match (self.effect, received.status) {
            (Effect::Read, 429) => Remedy::Pause(throttled(received)),
            _ => Remedy::Unknown,
        }
    }
}

impl<'a> Answer<'a> {
    /// The `data` of the answer.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        self.data_or_none()?.ok_or_else(|| self.unreadable("there is no data"))
    }

    /// As [`Answer::data`], where a success may come without (section 3: `{}` or `null`).
    pub(super) fn data_or_none<T: Deserialize<'a>>(&self) -> Result<Option<T>, CallError> {
        let Some(raw) = self.data.filter(|raw| raw.get() != "null") else { return Ok(None) };
        lenient::read_object(raw.get().as_bytes()).map(Some).map_err(|problem| self.unreadable(&problem))
    }

    /// The answer says success but lacks what it must hold: a write may have happened, a read is read again.
    pub(super) fn unreadable(&self, problem: &str) -> CallError {
        self.failed(Remedy::Unknown, problem)
    }

    /// The answer is readable, and what it says cannot be used.
    pub(super) fn failed(&self, remedy: Remedy, problem: &str) -> CallError {
        let message = wire::public(&format!("the answer cannot be used: {problem}"), &self.asked.secrets);
        CallError { remedy, story: Story { message, ..self.story.clone() } }
    }

    /// As [`Answer::failed`], in the platform's own words.
    pub(super) fn refused(&self, words: &str) -> CallError {
        let message = wire::public(words, &self.asked.secrets);
        CallError { remedy: Remedy::Rejected, story: Story { message, ..self.story.clone() } }
    }
}

/// Whether an endpoint does not exist in the version that was asked (section 5.5 and 9).
pub(super) fn is_missing_version(error: &CallError) -> bool {
    let unknown_path = error.story.code.is_empty() && error.story.http_status == 404;
    unknown_path || meaning(&error.story.code, &error.story.message) == Some(Meaning::Version)
}

/// What a code means; nothing for a code that is in no table.
fn meaning(code: &str, message: &str) -> Option<Meaning> {
    let message = message.to_lowercase();
    RULES.iter().find(|rule| rule.code == code && message.contains(rule.words)).map(|rule| rule.meaning)
}

/// Section 3, rate limits: one pause for the whole shop.
fn throttled(received: &Received) -> Pause {
    let told = wire::wait_told(received, http::header::RETRY_AFTER.as_str(), THROTTLED_RETRY_MAX);
    Pause { scope: PauseScope::Shop, span: told.unwrap_or(THROTTLED_RETRY) }
}
