//! What a rejected order is told (`tokopedia.md` section B.4, `C4`).
//!
//! The policy names a reason by TikTok Shop's key, because that is the API of Tokopedia's orders today; the old one has
//! numbers. There is no 6.

pub(crate) use crate::tiktok_shop::reasons::VALUES;

/// The number of a policy's value; the mapping is inferred. What has no number of its own is “others”.
pub(super) fn number(platform_value: &str) -> u8 {
    match platform_value {
        "seller_cancel_reason_out_of_stock" => OUT_OF_STOCK,
        "seller_cancel_reason_wrong_price" => 3,
        "seller_cancel_paid_reason_address_not_deliver" => 7,
        "seller_cancel_paid_reason_buyer_requested_cancellation" => BUYERS_REQUEST,
        _ => 5,
    }
}

/// Names products, whose stock Tokopedia then sets to zero.
pub(super) const OUT_OF_STOCK: u8 = 1;
/// The buyer asked for it; granting a request says so as well.
pub(super) const BUYERS_REQUEST: u8 = 8;
