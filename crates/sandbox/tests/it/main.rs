//! The sandbox over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod client;
mod exports;
mod orders;
