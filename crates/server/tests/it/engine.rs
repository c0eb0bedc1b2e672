//! The engine against the sandbox, on both databases.

mod cancel;
mod world;

pub(crate) use world::{Control, World};
