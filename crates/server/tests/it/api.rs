//! The HTTP API, in process, over a real store, engine and sandbox.

mod audit;
mod bad_input;
mod batches;
mod cancellations;
pub(crate) mod doors;
mod events;
mod idempotency;
mod listings;
mod manual;
mod openapi;
mod orders;
mod parcels;
mod permissions;
pub(crate) mod requests;
mod restock;
mod shipping;
mod shops;
mod sign_in;
mod stock_in_table;
pub(crate) mod stock_ins;
mod voiding;
mod warehouses;
mod webhooks;
