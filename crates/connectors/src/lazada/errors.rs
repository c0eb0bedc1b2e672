//! Lazada's answers: the envelope, and what each error code asks us to do (`lazada.md` sections 4 to 9).
//!
//! Failures come with HTTP 200; success is the text `"0"` as `code`. Codes are words at the gateway and bare numbers
//! behind it, and one number means different things in different groups of calls; so a row of [`RULES`] may also ask for
//! an endpoint or words of the message. What a success still has to say (`tip_type`, `success`) is read where it stands.

use std::sync::Arc;

use domain::time::Span;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{auth, cancel, eligibility, orders, requests, shipping, stock};
use crate::call::{CLOCK_SKEW, CallError, Effect, Pause, PauseScope, Received, Remedy, Story};
use crate::lenient::{self, read_object};
use crate::wire;

/// `code` of a success.
const SUCCESS: &str = "0";
/// When a throttled call is tried again where the answer does not say.
const THROTTLED_RETRY: Span = Span::from_seconds(1);
/// Waited on top of a ban: `SellerCallLimit` wants at least 1.3 s (section 4).
const THROTTLED_MARGIN: Span = Span::from_millis(300);
/// The longest ban that is believed, in seconds.
const BAN_MAX: i64 = 3_600;
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);
/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The access token ran out or is not known any more.
    Token,
    /// The seller's consent is missing or ended.
    Consent,
    /// Refused for good.
    Refused,
    /// Too many calls, of whom: the gateway checks it before anything is done.
    Throttled(PauseScope),
    /// Passing fault over there; a write may have happened.
    Fault,
    /// The two clocks are too far apart.
    Clock,
    /// Our request or our app's settings are wrong.
    Ours,
}

/// One row: the first that fits decides.
struct Rule {
    /// The code in small letters.
    code: &'static str,
    /// The endpoints it speaks of; empty means all.
    endpoints: &'static [&'static str],
    meaning: Meaning,
}

const fn rule(code: &'static str, meaning: Meaning) -> Rule {
    Rule { code, endpoints: &[], meaning }
}

const fn at(endpoints: &'static [&'static str], code: &'static str, meaning: Meaning) -> Rule {
    Rule { code, endpoints, meaning }
}

const READ_ORDER: &[&str] = &[orders::GET_ORDER, orders::GET_ITEMS, orders::GET_ITEMS_OF_ORDERS];
const REVERSE: &[&str] = &[eligibility::VALIDATE, cancel::CREATE];
const LEGACY: &[&str] = &[cancel::LEGACY];
const REQUESTS: &[&str] = &[requests::DECIDE, requests::REVERSE_ORDERS, requests::REASONS];
const TOKENS: &[&str] = &[auth::TOKEN_CREATE, auth::TOKEN_REFRESH];
const STOCK: &[&str] = &[stock::UPDATE_SELLABLE, stock::GET_ITEM];

const SHIPPING: &[&str] =
    &[shipping::PROVIDERS, shipping::PACK, shipping::RTS, shipping::REPACKAGE, shipping::DOCUMENT];

const RULES: &[Rule] = &[
    // Section 4: the gateway.
    rule("incompletesignature", Meaning::Ours),
    rule("missingparameter", Meaning::Ours),
    rule("missing_parameter", Meaning::Ours),
    rule("illegalaccesstoken", Meaning::Token),
    rule("invalidaccesstoken", Meaning::Token),
    rule("apicalllimit", Meaning::Throttled(PauseScope::Endpoint)),
    rule("sellercalllimit", Meaning::Throttled(PauseScope::Shop)),
    rule("appcalllimit", Meaning::Throttled(PauseScope::App)),
    rule("901", Meaning::Throttled(PauseScope::Endpoint)),
    rule("servicetimeout", Meaning::Fault),
    rule("systemerror", Meaning::Fault),
    rule("serviceunavailable", Meaning::Fault),
    rule("6", Meaning::Fault),
    rule("1000", Meaning::Fault),
    rule("513", Meaning::Fault),
    rule("appwhiteiplimit", Meaning::Ours),
    rule("invalidappkey", Meaning::Ours),
    rule("invalidapi", Meaning::Ours),
    rule("invalidapipath", Meaning::Ours),
    rule("appnotsubscribed", Meaning::Ours),
    rule("unsupportedhttpmethod", Meaning::Ours),
    // The account is blocked or managed by Lazada: the platform's words are shown.
    rule("sellernotverified", Meaning::Refused),
    rule("mp3sellerapilimit", Meaning::Refused),
    // Section 2: the two calls for tokens.
    at(TOKENS, "invalidcode", Meaning::Consent),
    at(TOKENS, "illegalrefreshtoken", Meaning::Consent),
    at(TOKENS, "auth_type_unsupported", Meaning::Consent),
    // Section 5: the list's parameters.
    at(&[orders::GET_ORDERS], "14", Meaning::Ours),
    at(&[orders::GET_ORDERS], "17", Meaning::Ours),
    at(&[orders::GET_ORDERS], "19", Meaning::Ours),
    at(&[orders::GET_ORDERS], "36", Meaning::Ours),
    at(&[orders::GET_ORDERS], "74", Meaning::Ours),
    at(&[orders::GET_ORDERS], "75", Meaning::Ours),
    at(&[orders::GET_ORDERS], "97", Meaning::Ours),
    // No such order in this shop, among those asked for, or at all.
    at(READ_ORDER, "16", Meaning::Refused),
    at(READ_ORDER, "37", Meaning::Refused),
    at(READ_ORDER, "39", Meaning::Refused),
    at(READ_ORDER, "38", Meaning::Ours),
    at(READ_ORDER, "56", Meaning::Ours),
    // Section 6.5: validate and create.
    at(REVERSE, "102", Meaning::Refused),
    at(REVERSE, "104", Meaning::Refused),
    at(REVERSE, "106", Meaning::Fault),
    at(REVERSE, "115", Meaning::Ours),
    at(REVERSE, "116", Meaning::Refused),
    at(REVERSE, "117", Meaning::Refused),
    at(REVERSE, "118", Meaning::Refused),
    at(REVERSE, "122", Meaning::Refused),
    at(REVERSE, "123", Meaning::Refused),
    at(REVERSE, "124", Meaning::Refused),
    // Section 7: no such reverse order, or no decision is open for it.
    at(REQUESTS, "105", Meaning::Refused),
    at(REQUESTS, "106", Meaning::Fault),
    at(REQUESTS, "116", Meaning::Refused),
    at(REQUESTS, "117", Meaning::Refused),
    at(REQUESTS, "118", Meaning::Refused),
    at(REQUESTS, "131", Meaning::Refused),
    // Section 6.6; 21, 22 and 28 are of a sibling of the same software.
    at(LEGACY, "16", Meaning::Refused),
    at(LEGACY, "20", Meaning::Refused),
    at(LEGACY, "21", Meaning::Fault),
    at(LEGACY, "22", Meaning::Refused),
    at(LEGACY, "28", Meaning::Refused),
    // Section 8: no carrier, and what is wrong with a whole call; rows have codes of their own.
    at(SHIPPING, "1003", Meaning::Refused),
    at(SHIPPING, "40011", Meaning::Refused),
    at(SHIPPING, "700021", Meaning::Refused),
    at(SHIPPING, "700022", Meaning::Ours),
    at(SHIPPING, "700025", Meaning::Refused),
    at(SHIPPING, "700026", Meaning::Refused),
    at(SHIPPING, "700027", Meaning::Refused),
    at(SHIPPING, "700029", Meaning::Refused),
    at(SHIPPING, "700031", Meaning::Refused),
    at(SHIPPING, "600001", Meaning::Refused),
    at(SHIPPING, "600002", Meaning::Refused),
    at(SHIPPING, "34", Meaning::Refused),
    at(SHIPPING, "700040", Meaning::Refused),
    // Section 9.
    at(STOCK, "5", Meaning::Ours),
    at(STOCK, "30", Meaning::Ours),
    at(STOCK, "204", Meaning::Ours),
    at(STOCK, "4171", Meaning::Ours),
    at(STOCK, "212", Meaning::Refused),
    at(STOCK, "501", Meaning::Refused),
    at(STOCK, "4170", Meaning::Refused),
    at(STOCK, "4225", Meaning::Refused),
];

/// Lazada's envelope around every answer.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    request_id: Option<String>,
    // Newer groups of calls say `result`.
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, borrow)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    detail: Details,
}

/// What a failed batch says of its rows (section 4); anything else than a list says nothing.
#[derive(Default)]
struct Details(Vec<Detail>);

#[derive(Deserialize)]
struct Detail {
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_default()))
    }
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
    payload: Option<&'a RawValue>,
    body: &'a [u8],
}

impl Asked {
    /// The answer, if it is a success.
    pub(super) fn answer<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, CallError> {
        let mut story = Story { endpoint: self.endpoint.to_owned(), http_status: received.status, ..Story::default() };
        let envelope = match read_object::<Envelope<'a>>(&received.body) {
            Ok(envelope) => envelope,
            Err(problem) => {
                story.message = format!("the answer cannot be read: {problem}");
                return Err(CallError { remedy: self.remedy_without_code(received), story });
            }
        };
        story.request_id = envelope.request_id.unwrap_or_default();
        story.message = self.public(&envelope.message.unwrap_or_default());
        match envelope.code.as_deref() {
            Some(SUCCESS) if (200..300).contains(&received.status) => {
                let payload = envelope.data.or(envelope.result);
                Ok(Answer { asked: self, story, payload, body: &received.body })
            }
            Some(code) if code != SUCCESS => {
                story.code = self.public(code);
                let details: Vec<String> = envelope.detail.0.into_iter().filter_map(|detail| detail.message).collect();
                if !details.is_empty() {
                    story.message = self.public(&format!("{}: {}", story.message, details.join("; ")));
                }
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

    /// What was read over several calls cannot be used.
    pub(super) fn unusable(&self, problem: &str) -> CallError {
        let message = self.public(&format!("the answer cannot be used: {problem}"));
        let story = Story { endpoint: self.endpoint.to_owned(), http_status: 200, message, ..Story::default() };
        CallError { remedy: Remedy::Bug, story }
    }

    /// What a known or unknown code asks for.
    fn remedy(&self, received: &Received, story: &mut Story) -> Remedy {
        let write = self.effect == Effect::Write;
        // Whatever is said beside a server error or a redirect, the write may have happened.
        if write && (received.status >= 500 || (300..400).contains(&received.status)) {
            return Remedy::Unknown;
        }
        match meaning(self.endpoint, &story.code) {
            Some(Meaning::Token) => Remedy::TokenExpired,
            Some(Meaning::Consent) => Remedy::Reauthorize,
            Some(Meaning::Refused) => Remedy::Rejected,
            Some(Meaning::Throttled(scope)) => {
                Remedy::Pause(Pause { scope, span: ban(&story.message).and(THROTTLED_MARGIN) })
            }
            Some(Meaning::Fault) if !write => Remedy::RetryAfter(FAULT_RETRY),
            Some(Meaning::Fault) => Remedy::Unknown,
            Some(Meaning::Clock) => {
                story.message = format!("{}: {}", story.code, story.message);
                CLOCK_SKEW.clone_into(&mut story.code);
                Remedy::Bug
            }
            Some(Meaning::Ours) => Remedy::Bug,
            None => self.remedy_without_code(received),
        }
    }

    /// What an answer without a code that is in the table asks for: a write may have happened.
    fn remedy_without_code(&self, received: &Received) -> Remedy {
        match (self.effect, received.status) {
            (Effect::Read, 429) => {
                Remedy::Pause(Pause { scope: PauseScope::Endpoint, span: told(received).and(THROTTLED_MARGIN) })
            }
            _ => Remedy::Unknown,
        }
    }

    /// The platform's words without our secrets.
    fn public(&self, words: &str) -> String {
        wire::public(words, &self.secrets)
    }
}

impl<'a> Answer<'a> {
    /// `data` or `result`, an object.
    pub(super) fn payload<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        read_object(self.raw()?.get().as_bytes()).map_err(|problem| self.unreadable(&problem))
    }

    /// `data` or `result`, a list.
    pub(super) fn rows<T: Deserialize<'a>>(&self) -> Result<Vec<T>, CallError> {
        serde_json::from_str(self.raw()?.get()).map_err(|_| self.unreadable("data is no list of the documented form"))
    }

    fn raw(&self) -> Result<&'a RawValue, CallError> {
        self.payload.ok_or_else(|| self.unreadable("there is no data"))
    }

    /// The whole body of a flat answer.
    pub(super) fn flat<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        read_object(self.body).map_err(|problem| self.unreadable(&problem))
    }

    /// The answer says success but lacks what it must hold: a write may have happened, a read is read again.
    pub(super) fn unreadable(&self, problem: &str) -> CallError {
        self.failed(Remedy::Unknown, problem)
    }

    /// The answer is readable, and what it says cannot be used.
    pub(super) fn failed(&self, remedy: Remedy, problem: &str) -> CallError {
        let message = self.asked.public(&format!("the answer cannot be used: {problem}"));
        CallError { remedy, story: Story { message, ..self.story.clone() } }
    }

    /// A success that is a refusal in the platform's own words.
    pub(super) fn refused(&self, words: &str) -> CallError {
        CallError { remedy: Remedy::Rejected, story: Story { message: self.asked.public(words), ..self.story.clone() } }
    }
}

/// What a code means at an endpoint; nothing for a code that is in no table.
fn meaning(endpoint: &str, code: &str) -> Option<Meaning> {
    let code = code.to_ascii_lowercase();
    // The code of a timestamp out of its 7,200 s is not documented (section 3): any that speaks of it.
    if code.contains("timestamp") {
        return Some(Meaning::Clock);
    }
    let fits = |rule: &&Rule| rule.code == code && (rule.endpoints.is_empty() || rule.endpoints.contains(&endpoint));
    RULES.iter().find(fits).map(|rule| rule.meaning)
}

/// What a 429 says of how long to wait. No such header is documented; one that comes is heeded.
fn told(received: &Received) -> Span {
    let most = Span::from_seconds(BAN_MAX);
    wire::wait_told(received, http::header::RETRY_AFTER.as_str(), most).unwrap_or(THROTTLED_RETRY)
}

/// How long a throttled call is banned: the text says that the ban lasts so many seconds (section 4).
fn ban(message: &str) -> Span {
    let seconds = message.to_ascii_lowercase().split_once("ban").and_then(|(_, after)| {
        let numbers = after.split(|letter: char| !letter.is_ascii_digit());
        numbers.filter_map(|digits| digits.parse::<i64>().ok()).find(|&seconds| seconds > 0)
    });
    seconds.map_or(THROTTLED_RETRY, |seconds| Span::from_seconds(seconds.min(BAN_MAX)))
}
