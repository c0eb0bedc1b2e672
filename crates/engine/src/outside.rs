//! What the engine is given from outside: a network and two clocks.

use connectors::call::Received;
use domain::platform::Platform;
use domain::time::{Moment, Span};
use std::future::Future;
use std::pin::Pin;

/// Why a request brought no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No connection was made: nothing was sent.
    #[error("no connection: {0}")]
    NotSent(String),
    /// It may have been received: the connection broke or the time ran out.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Sends one request, follows no redirect and never retries by itself (Lazada's cancel is a GET).
pub trait Network: Send + Sync {
    /// Sends, and answers within `timeout`.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Span,
    ) -> Pin<Box<dyn Future<Output = Result<Received, NetworkError>> + Send + '_>>;
}

/// The two clocks. Leases, time-outs and back-off run on the real one; deadlines, tokens and the platforms' timestamps
/// on theirs, which is virtual in front of the sandbox.
pub trait Clock: Send + Sync {
    /// The real time.
    fn now(&self) -> Moment;
    /// A platform's time.
    fn platform_now(&self, platform: Platform) -> Moment;
    /// A third-party warehouse's time: what its pushes are stamped with.
    fn warehouse_now(&self) -> Moment;
}
