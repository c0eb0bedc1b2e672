//! The keys that a cancel takes as `cancel_reason` (`tiktok-shop.md` section 5.7).
//!
//! One statement has several keys: another market and an unpaid order want another one. The policy names a statement by
//! the key that most markets use for paid orders ([`VALUES`]); which of its keys is sent is decided by the platform's live
//! list of the order ([`choose`]), or, where an older version of the API gives none, by the table ([`for_market`]).

/// Out of stock, as most markets write it for paid orders (`C8`).
const OUT_OF_STOCK: &str = "seller_cancel_reason_out_of_stock";
/// Pricing error (`C7`).
const WRONG_PRICE: &str = "seller_cancel_reason_wrong_price";
/// The buyer's address cannot be reached (`C7`).
const ADDRESS: &str = "seller_cancel_paid_reason_address_not_deliver";
/// The buyer asked for it, in some markets (`C4`).
const BUYER_ASKED: &str = "seller_cancel_paid_reason_buyer_requested_cancellation";
/// The buyer did not pay; for unpaid orders only (`C5`).
const NOT_PAID: &str = "seller_cancel_unpaid_reason_buyer_hasnt_paid_within_time_allowed";

/// The statements that a policy may map a reason to.
pub(crate) const VALUES: [&str; 5] = [OUT_OF_STOCK, WRONG_PRICE, ADDRESS, BUYER_ASKED, NOT_PAID];

/// One key of a statement.
struct Key {
    /// The statement.
    of: &'static str,
    key: &'static str,
    /// The markets that use it in place of the statement's own; empty: all the others.
    markets: &'static [&'static str],
    /// For orders that are not paid yet.
    unpaid: bool,
}

/// The United Kingdom, under both of its codes.
const UK: &[&str] = &["GB", "UK"];

/// The table of section 5.7. The shared keys are `C7`, the deviations of single markets one page of May 2026 (`S`).
const KEYS: [Key; 15] = [
    Key { of: OUT_OF_STOCK, key: "seller_cancel_reason_out_of_stock_uk", markets: UK, unpaid: false },
    Key { of: OUT_OF_STOCK, key: OUT_OF_STOCK, markets: &[], unpaid: false },
    Key { of: OUT_OF_STOCK, key: "seller_cancel_unpaid_reason_out_of_stock_uk", markets: UK, unpaid: true },
    Key { of: OUT_OF_STOCK, key: "seller_cancel_unpaid_reason_out_of_stock", markets: &[], unpaid: true },
    Key { of: WRONG_PRICE, key: "seller_cancel_reason_wrong_price_uk", markets: UK, unpaid: false },
    Key { of: WRONG_PRICE, key: WRONG_PRICE, markets: &[], unpaid: false },
    Key { of: WRONG_PRICE, key: "seller_cancel_unpaid_reason_wrong_price_uk", markets: UK, unpaid: true },
    Key { of: WRONG_PRICE, key: "seller_cancel_unpaid_reason_wrong_price", markets: &[], unpaid: true },
    Key { of: ADDRESS, key: "seller_cancel_paid_reason_address_not_deliver_uk", markets: UK, unpaid: false },
    Key { of: ADDRESS, key: "seller_cancel_unable_to_deliver_to_buyer_address", markets: &["SG"], unpaid: false },
    Key { of: ADDRESS, key: ADDRESS, markets: &[], unpaid: false },
    Key { of: BUYER_ASKED, key: BUYER_ASKED, markets: &[], unpaid: false },
    Key {
        of: BUYER_ASKED,
        key: "seller_cancel_unpaid_reason_buyer_requested_cancellation",
        markets: &[],
        unpaid: true,
    },
    Key {
        of: NOT_PAID,
        key: "seller_cancel_unpaid_reason_buyer_hasnt_paid_within_time_allowed_uk",
        markets: UK,
        unpaid: true,
    },
    Key { of: NOT_PAID, key: NOT_PAID, markets: &[], unpaid: true },
];

/// Words by which a key that is in no table still makes the same statement (section 5.7, step 2).
const WORDS: [(&str, &[&str]); 3] =
    [(OUT_OF_STOCK, &["out_of_stock"]), (WRONG_PRICE, &["price"]), (ADDRESS, &["address", "deliver"])];

/// The key of a statement that the platform offers for an order now; nothing where none makes this statement: another
/// reason would be another statement to the buyer.
pub(super) fn choose(statement: &str, offered: &[String]) -> Option<String> {
    let known = KEYS.iter().filter(|key| key.of == statement).map(|key| key.key);
    let listed = known.into_iter().find(|key| offered.iter().any(|name| name == key)).map(str::to_owned);
    listed.or_else(|| {
        let (_, words) = WORDS.iter().find(|(of, _)| *of == statement)?;
        offered.iter().find(|name| words.iter().any(|word| name.contains(word))).cloned()
    })
}

/// The key of a statement by the table, for a paid order where there is one. An unpaid order never comes this far without
/// the platform's live list: its status is closed to the seller's cancel (`product.md` section 3).
pub(super) fn for_market(statement: &str, market: &str) -> String {
    let fits = |key: &&Key| key.of == statement && (key.markets.is_empty() || key.markets.contains(&market));
    let paid = KEYS.iter().filter(fits).find(|key| !key.unpaid);
    let key = paid.or_else(|| KEYS.iter().find(fits));
    key.map_or(statement, |key| key.key).to_owned()
}
