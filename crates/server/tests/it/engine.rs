//! The engine against the sandbox, on both databases.

mod audit;
mod audit_warehouses;
mod cancel;
mod lines;
mod marketplaces;
mod requests;
mod shipping;
mod split_orders;
mod stock_laws;
mod stock_push;
mod warehouses;
mod world;

pub(crate) use audit_warehouses::shipped_anyway;
pub(crate) use cancel::ALL_FAULTS;
pub(crate) use world::{Control, Fake, GENERIC, PATIENCE, World, YICANG};
