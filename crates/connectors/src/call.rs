//! One call to a marketplace: what to send and how to read what comes back.

use domain::policy::EndpointClass;
use domain::time::Span;

/// What a call does over there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads: it may be repeated freely.
    Read,
    /// It changes something: it is repeated only after a read has answered whether it happened.
    Write,
}

/// What came back over the wire.
#[derive(Debug, Clone)]
pub struct Received {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: http::HeaderMap,
    /// The body's bytes, as received.
    pub body: Vec<u8>,
}

/// What a platform's limit holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseScope {
    /// This shop's calls to this endpoint.
    Endpoint,
    /// All calls of this shop.
    Shop,
    /// All calls of all shops that are connected through the same app.
    App,
}

/// A platform's limit was reached: what is not to be called, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// What is not to be called.
    pub scope: PauseScope,
    /// For how long.
    pub span: Span,
}

/// What to do next about a failed call, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// It was not carried out (checked before execution); try again after this span.
    RetryAfter(Span),
    /// It was not carried out, because a limit was reached: nothing of the pause's scope is called before it has passed.
    Pause(Pause),
    /// It may have happened: ask before anything is sent again. For a read: read again.
    Unknown,
    /// The access token ran out: refresh it and repeat.
    TokenExpired,
    /// The seller's consent is gone: a person must authorise again.
    Reauthorize,
    /// Refused for good.
    Rejected,
    /// Our request is wrong, or the platform's clock and ours disagree: a person must look.
    Bug,
}

/// The code of a [`Story`] whose call was refused because the platform's clock and ours are too far apart, whatever the
/// platform's own code for it is; that one then stands in the message. It is an alert of its own.
pub const CLOCK_SKEW: &str = "clock_skew";

/// The story of a failed call, for people and logs. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Story {
    /// The endpoint's path.
    pub endpoint: String,
    /// HTTP status; zero when there was no answer.
    pub http_status: u16,
    /// The platform's error code.
    pub code: String,
    /// The platform's own words.
    pub message: String,
    /// The platform's id of the request.
    pub request_id: String,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {} {}", story.endpoint, story.code, story.message)]
pub struct CallError {
    /// What to do next.
    pub remedy: Remedy,
    /// What happened.
    pub story: Story,
}

/// Reads what came back.
pub type Reader<T> = Box<dyn Fn(&Received) -> Result<T, CallError> + Send + Sync>;

/// A request and the function that reads its response.
pub struct Call<T> {
    /// The endpoint's path, for budgets, logs and metrics.
    pub endpoint: &'static str,
    /// Whether it may be repeated.
    pub effect: Effect,
    /// Which budget it is counted in.
    pub class: EndpointClass,
    /// What to send.
    pub request: http::Request<Vec<u8>>,
    /// Reads what came back.
    pub read: Reader<T>,
    /// The pause that any answer, also a good one, asks for in its headers.
    pub foretold: fn(&Received) -> Option<Pause>,
}

/// The class of a call: that of its endpoint where it is one of these, else by its effect.
pub(crate) fn class_of(endpoint: &str, effect: Effect, tokens: &[&str], stock: &[&str]) -> EndpointClass {
    match effect {
        _ if tokens.contains(&endpoint) => EndpointClass::Tokens,
        _ if stock.contains(&endpoint) => EndpointClass::Stock,
        Effect::Read => EndpointClass::Reads,
        Effect::Write => EndpointClass::Writes,
    }
}

/// For platforms whose good answers say nothing of their limits.
pub(crate) const fn nothing_foretold(_: &Received) -> Option<Pause> {
    None
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The request's URL carries tokens and signatures: it is not shown.
        f.debug_struct("Call").field("endpoint", &self.endpoint).field("effect", &self.effect).finish_non_exhaustive()
    }
}
