//! The product as a whole, against the sandbox.

mod answers;
mod api;
mod browser;
mod bulk;
mod connecting;
mod demo;
mod desk;
mod engine;
mod pages;
mod process;
mod race;
mod remote;
mod replay;
mod serve;
mod shipping;
mod stock_in_at_once;
mod torture;
mod traps;
