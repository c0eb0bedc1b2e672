//! The product as a whole, against the sandbox.

mod api;
mod demo;
mod desk;
mod engine;
mod process;
mod serve;
mod torture;
