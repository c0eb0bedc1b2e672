//! Packing, ready-to-ship and labels (`lazada.md` section 8).
//!
//! This version does none of them, and [`OFFERED`] says so in the capabilities. It reads from the items how far the goods
//! are: see [`super::status`].

/// Whether shipments can be arranged and labels fetched.
pub(super) const OFFERED: bool = false;
