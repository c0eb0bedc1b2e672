//! The sandbox over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod auth;
mod client;
mod exports;
mod faults;
mod lazada;
mod life;
mod orders;
mod persistence;
mod pushes;
mod tiktok_shop;
mod tokopedia;
mod warehouse;
mod warehouse_protocols;
