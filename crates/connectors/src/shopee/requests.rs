//! Buyers' cancellation requests (`shopee.md` section 9).
//!
//! This version reads them (status `IN_CANCEL`, `buyer_cancel_reason`) and does not answer them:
//! `handle_buyer_cancellation` is not called, and [`OFFERED`] says so in the capabilities.

/// Whether requests can be answered.
pub(super) const OFFERED: bool = false;
