//! Buyers' cancellation requests (`tiktok-shop.md` sections 5.3 and 5.4).
//!
//! This version reads that one is open (`is_buyer_request_cancel`, section 4) and does not answer it: neither the
//! cancellations search nor approve and reject are called, and [`OFFERED`] says so in the capabilities. The buyer's reason
//! stands in the search only.

/// Whether requests can be answered.
pub(super) const OFFERED: bool = false;
