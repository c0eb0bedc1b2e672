//! Buyers' cancellation requests (`lazada.md` section 7).
//!
//! This version reads them (`need_cancel_confirm`, `is_cancel_pending` on the items) and does not answer them:
//! `/order/reverse/cancel/seller/decide` is not called, and [`OFFERED`] says so in the capabilities.

/// Whether requests can be answered.
pub(super) const OFFERED: bool = false;
