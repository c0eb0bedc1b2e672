//! Whether the seller may cancel an order (`tokopedia.md` sections A and B.4).
//!
//! The old API has no live check: the status decides, which is the policy's column `seller_may_cancel`, and the API may
//! still refuse. Orders that come through TikTok Shop's API are asked about there. Whether the seller may cancel at all is
//! the policy's switch `seller_cancel`, off by default as in the reference product (`product.md` section 3).
