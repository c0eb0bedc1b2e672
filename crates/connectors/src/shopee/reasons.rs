//! The values that `cancel_order` takes as `cancel_reason` (`shopee.md` section 8). Which reason of ours stands for which
//! of them, and for which orders, is the policy's.

/// The four documented values. The data-definition page lists only the first two (`X`); the API page, the Brazilian
/// guide and an independent client list all four.
pub(super) const VALUES: [&str; 4] = [OUT_OF_STOCK, "UNDELIVERABLE_AREA", "CUSTOMER_REQUEST", "COD_NOT_SUPPORTED"];

/// Needs `item_list`, the products that are out of stock; the whole order is cancelled all the same.
pub(super) const OUT_OF_STOCK: &str = "OUT_OF_STOCK";
