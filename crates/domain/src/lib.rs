//! Nouns and rules of order cancellation.
//!
//! Pure: nothing here reads a clock, a disk or a network, nothing is async, and nothing depends on another crate of
//! this workspace. The words are those of the product: an order stands in a *list*, its goods are at a *stage*, a
//! *cancellation* is one attempt to cancel it, and *stock* is the sum of movements between buckets.

pub mod batch;
pub mod cancellation;
pub mod case;
pub mod default_answer;
pub mod destination;
pub mod difference;
pub mod eligibility;
pub mod ids;
pub mod label;
pub mod manual;
pub mod mapping;
pub mod money;
pub mod order;
pub mod pack_rule;
pub mod penalty;
pub mod platform;
pub mod policy;
pub mod provider;
pub mod request;
pub mod scan;
pub mod shipment;
pub mod snapshot;
pub mod stock;
pub mod stock_push;
pub mod stock_rules;
pub mod time;
pub mod warehouse_order;
pub mod withdrawal;
pub mod words;
