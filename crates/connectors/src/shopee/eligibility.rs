//! Whether the seller may cancel an order (`shopee.md` section 8, “when allowed”).
//!
//! Two of the three gates are Shopee's: the status, which is the policy's column `seller_may_cancel`, and Shopee's live
//! answer, `can_full_cancel_order` of `get_order_detail`. Sources disagree about `PROCESSED` by region and channel, so
//! the live answer decides where it is given; where it is absent (it exists since 2026-05-22) the API may still refuse.

/// Shopee's live answer to “may the seller cancel the whole order now?”. Orders that Shopee's warehouse fulfils are never
/// the seller's to cancel (section 6.2, `C2`), whatever the flag says.
pub(super) fn live_answer(can_full_cancel_order: Option<bool>, fulfilled_by_platform: bool) -> Option<bool> {
    if fulfilled_by_platform { Some(false) } else { can_full_cancel_order }
}
