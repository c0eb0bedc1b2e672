//! Whether the seller may cancel an order (`shopee.md` section 8, “when allowed”).
//!
//! Shopee has two gates: the status, which is the policy's column `seller_may_cancel`, and its live answer. Sources disagree
//! about `PROCESSED` by region and channel, so the live answer decides where it is given; where it is absent (it exists
//! since 2026-05-22) the API may still refuse. Orders in Shopee's own warehouse are refused (section 6.2, `C2`) unless the
//! live answer says otherwise.

use serde::Deserialize;

use crate::lenient;

/// `can_full_cancel_order` of `get_order_detail`: may the seller cancel the whole order now? (Section 6.2, `S:docs`.)
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct LiveAnswer(#[serde(deserialize_with = "lenient::flag")] pub(super) Option<bool>);
