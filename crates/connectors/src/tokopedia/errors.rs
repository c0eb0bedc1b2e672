//! The old API's answers: the envelope, and what each error code asks us to do (`tokopedia.md` sections B.2 and B.4).
//!
//! A failure has a code in its header, or an HTTP status of 400 and more; some old calls give a number or 0 as the code.

use std::sync::Arc;

use domain::time::Span;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{CallError, Effect, Pause, PauseScope, Received, Remedy, Story};
use crate::{lenient, wire};

/// When a throttled call is tried again where the answer does not say.
const THROTTLED_RETRY: Span = Span::from_seconds(1);
/// The longest wait that is believed.
const THROTTLED_RETRY_MAX: Span = Span::from_seconds(3600);
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);
/// The header that tells when calls are taken again, in seconds (section B.2, `S`).
const RESET_AFTER: &str = "x-ratelimit-reset-after";
/// The header that tells how many calls are left (section B.2, `S`).
const REMAINING: &str = "x-ratelimit-remaining";
/// The order, product or label is not there.
const NOT_FOUND: &str = "ORD_API_008";

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The shop is not connected to the app.
    Consent,
    /// Refused for good.
    Refused,
    /// Passing fault over there; a write may have happened.
    Fault,
    /// Our request or settings are wrong.
    Ours,
}

/// Section B.4, error codes (`S`, a few `C2`).
const MEANINGS: [(&str, Meaning); 13] = [
    ("ORD_API_006", Meaning::Fault),
    (NOT_FOUND, Meaning::Refused),
    ("ORD_API_016", Meaning::Refused),
    ("ORD_USC_001", Meaning::Refused),
    ("ORD_USC_003", Meaning::Ours),
    ("ORD_USC_005", Meaning::Ours),
    ("ORD_USC_007", Meaning::Fault),
    ("ORD_USC_008", Meaning::Refused),
    ("ORD_USC_014", Meaning::Fault),
    ("ORD_USC_015", Meaning::Consent),
    ("ORD_USC_024", Meaning::Ours),
    ("ORD_DLV_013", Meaning::Ours),
    ("RBAC_MDLW_001", Meaning::Consent),
];

/// The envelope around every answer.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    header: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Header {
    #[serde(default, deserialize_with = "lenient::text")]
    messages: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    error_code: Option<String>,
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
    /// The story of an answer, as far as its status says.
    pub(super) fn story(&self, received: &Received) -> Story {
        Story { endpoint: self.endpoint.to_owned(), http_status: received.status, ..Story::default() }
    }

    /// The answer, if it is a success.
    pub(super) fn answer<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, CallError> {
        let mut story = self.story(received);
        let envelope = match lenient::read_object::<Envelope<'a>>(&received.body) {
            Ok(envelope) => envelope,
            Err(problem) => {
                story.message = format!("the answer cannot be read: {problem}");
                return Err(CallError { remedy: self.remedy(received, ""), story });
            }
        };
        let stated = envelope.header.is_some();
        let header: Header =
            envelope.header.and_then(|raw| lenient::read_object(raw.get().as_bytes()).ok()).unwrap_or_default();
        // The reason says what happened, the message that something did.
        let words = header.reason.or(header.messages).unwrap_or_default();
        story.message = wire::public(&words, &self.secrets);
        let code = header.error_code.filter(|code| code != "0").unwrap_or_default();
        let fine = (200..300).contains(&received.status) && code.is_empty() && stated;
        if fine {
            return Ok(Answer { asked: self, story, data: envelope.data });
        }
        story.code = wire::public(&code, &self.secrets);
        if story.code.is_empty() && story.message.is_empty() {
            "the answer states neither success nor failure".clone_into(&mut story.message);
        }
        Err(CallError { remedy: self.remedy(received, &code), story })
    }

    /// What a failure asks for: by its code, else by its HTTP status.
    pub(super) fn remedy(&self, received: &Received, code: &str) -> Remedy {
        let write = self.effect == Effect::Write;
        if write && (received.status >= 500 || (300..400).contains(&received.status)) {
            // A refusal that was checked before anything was done may come with 500 as well; a read tells.
            return Remedy::Unknown;
        }
        match MEANINGS.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning) {
            Some(Meaning::Consent) => Remedy::Reauthorize,
            Some(Meaning::Refused) => Remedy::Rejected,
            Some(Meaning::Fault) if !write => Remedy::RetryAfter(FAULT_RETRY),
            Some(Meaning::Fault) => Remedy::Unknown,
            Some(Meaning::Ours) => Remedy::Bug,
            None => match (received.status, write) {
                (401, _) => Remedy::TokenExpired,
                (429, false) => Remedy::Pause(pause(received)),
                _ => Remedy::Unknown,
            },
        }
    }
}

impl<'a> Answer<'a> {
    /// The `data` of the answer.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        let Some(raw) = self.data.filter(|raw| raw.get() != "null") else {
            return Err(self.unreadable("there is no data"));
        };
        serde_json::from_str(raw.get()).map_err(|error| {
            let problem =
                format!("it is of another form than documented, line {} column {}", error.line(), error.column());
            self.unreadable(&problem)
        })
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
}

/// The headers do not say whose calls are counted (section B.2): all of the shop's.
fn pause(received: &Received) -> Pause {
    let told = wire::wait_told(received, RESET_AFTER, THROTTLED_RETRY_MAX);
    Pause { scope: PauseScope::Shop, span: told.unwrap_or(THROTTLED_RETRY) }
}

/// The last call that is taken before the limit says so, and for how long none is.
pub(super) fn foretold(received: &Received) -> Option<Pause> {
    let left = received.headers.get(REMAINING)?.to_str().ok()?;
    (left.trim() == "0").then(|| pause(received))
}

/// The platform does not know what was asked for.
pub(super) fn is_not_found(error: &CallError) -> bool {
    error.remedy == Remedy::Rejected && error.story.code == NOT_FOUND
}
