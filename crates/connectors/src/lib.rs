//! Marketplaces as pure functions: build a request, read a response, say what is allowed.
//!
//! No I/O, no clock, no retries: the engine sends a [`call::Call`] and does what its [`call::Remedy`] says.

pub mod call;
pub mod connector;
