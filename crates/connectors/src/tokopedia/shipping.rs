//! Accepting orders, pickup and labels (`tokopedia.md` section B.4).
//!
//! This version does none of them, and [`OFFERED`] says so in the capabilities. A label would be a page in HTML, not a PDF.

/// Whether shipments can be arranged and labels fetched.
pub(super) const OFFERED: bool = false;
