//! The engine against the sandbox, on both databases.

mod cancel;
mod lines;
mod marketplaces;
mod requests;
mod shipping;
mod world;

pub(crate) use world::{Control, World};
