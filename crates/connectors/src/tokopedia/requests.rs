//! Buyers' cancellation requests (`tokopedia.md` sections B.4 and B.7).
//!
//! This version reads that one is open (status 401, `cancel_request_info`) and does not answer it: neither `nack` with the
//! buyer's reason nor `reject-cancel` is called for it, and [`OFFERED`] says so in the capabilities.

/// Whether requests can be answered.
pub(super) const OFFERED: bool = false;
