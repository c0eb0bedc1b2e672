//! What can go wrong in the engine, and what to do about it.

use connectors::call::{CallError, Remedy};
use domain::platform::Platform;
use domain::time::Span;
use store::StoreError;

/// An error of the engine's own; what a platform answers is no error but an event.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A shop cannot be opened: its credentials or address are not what its connector wants.
    #[error(transparent)]
    Open(#[from] connectors::OpenError),
    /// There is no policy for this platform, so nothing can be decided for it.
    #[error("there is no policy for {}; this version does not serve it", .0.title())]
    NoPolicy(Platform),
    /// The shop does not exist.
    #[error("there is no such shop")]
    NoShop,
    /// The account at a third-party warehouse does not exist.
    #[error("there is no such account at a warehouse")]
    NoAccount,
    /// What a third-party warehouse confirmed could not be booked.
    #[error("what the warehouse confirmed could not be booked: {0}")]
    Warehouse(String),
    /// The platform, or the shop's own call budget, asks to wait.
    #[error("not now: {words}")]
    NotNow {
        /// How long at least.
        retry_after: Span,
        /// Why.
        words: String,
    },
    /// A platform's answer that a command had to wait for did not come.
    #[error("the platform did not answer: {0}")]
    Platform(String),
}

impl From<CallError> for EngineError {
    fn from(error: CallError) -> Self {
        let words = error.to_string();
        match error.remedy {
            Remedy::RetryAfter(retry_after) => Self::NotNow { retry_after, words },
            Remedy::Pause(pause) => Self::NotNow { retry_after: pause.span, words },
            Remedy::Unknown | Remedy::TokenExpired | Remedy::Reauthorize | Remedy::Rejected | Remedy::Bug => {
                Self::Platform(words)
            }
        }
    }
}
