//! Arranging shipment and fetching labels (`shopee.md` section 10).
//!
//! This version does neither, and [`OFFERED`] says so in the capabilities. It reads from the packages how far the goods
//! are: see [`super::status`].

/// Whether shipments can be arranged and labels fetched.
pub(super) const OFFERED: bool = false;
