//! Arranging shipment and fetching labels (`tiktok-shop.md` section 6).
//!
//! This version does neither, and [`OFFERED`] says so in the capabilities. It reads from the lines how far the goods are:
//! see [`super::status`].

/// Whether shipments can be arranged and labels fetched.
pub(super) const OFFERED: bool = false;
