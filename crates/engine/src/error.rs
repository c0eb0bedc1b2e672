//! What can go wrong in the engine, and what to do about it.

use domain::platform::Platform;
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
    /// A platform's answer that a command had to wait for did not come.
    #[error("the platform did not answer: {0}")]
    Platform(String),
}
