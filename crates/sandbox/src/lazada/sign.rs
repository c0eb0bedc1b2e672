//! Signatures: sheet sections 3 and 10.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 over the parts joined without separators, in lower-case hex.
fn hmac_hex<'a>(key: &str, parts: impl IntoIterator<Item = &'a str>) -> String {
    // HMAC takes keys of any length, so that this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    for part in parts {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// The signature of a call: path without `/rest`, then every parameter but `sign`, sorted by name (section 3). The
/// clients disagree on parameters with empty values.
fn request(secret: &str, path: &str, pool: &BTreeMap<String, String>, keep_empty: bool) -> String {
    let pairs = pool.iter().filter(|(name, value)| *name != "sign" && (keep_empty || !value.is_empty()));
    let parts = pairs.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    hmac_hex(secret, std::iter::once(path).chain(parts)).to_ascii_uppercase()
}

/// Whether a call carries its signature, in either way of treating empty values.
pub(super) fn is_signed(secret: &str, path: &str, pool: &BTreeMap<String, String>, sign: &str) -> bool {
    [true, false].into_iter().any(|keep_empty| request(secret, path, pool, keep_empty) == sign)
}

/// The signature of a call.
#[cfg(test)]
pub(super) fn of(secret: &str, path: &str, pool: &BTreeMap<String, String>) -> String {
    request(secret, path, pool, true)
}

/// The signature of a push: app key and raw body (section 10).
pub(super) fn push(secret: &str, app_key: &str, body: &str) -> String {
    hmac_hex(secret, [app_key, body])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_documentations_own_example_comes_out() {
        let pool = pool(&[
            ("app_key", "123456"),
            ("access_token", "test"),
            ("timestamp", "1517820392000"),
            ("sign_method", "sha256"),
            ("order_id", "1234"),
            ("sign", "not signed"),
        ]);
        let sign = "4190D32361CFB9581350222F345CB77F3B19F0E31D162316848A2C1FFD5FAB4A";
        assert!(is_signed("helloworld", "/order/get", &pool, sign));
        assert!(!is_signed("helloworld", "/rest/order/get", &pool, sign));
        assert!(!is_signed("helloworld", "/order/get", &pool, &sign.to_lowercase()));
    }

    #[test]
    fn an_empty_value_may_be_signed_by_its_name_or_not_at_all() {
        let pool = pool(&[
            ("app_key", "139683"),
            ("access_token", "50000201a12bcdEFGhijKLmnopQRstuVWxyz0123456789"),
            ("timestamp", "1767595695482"),
            ("sign_method", "sha256"),
            ("order_id", "1234"),
            ("status", ""),
        ]);
        for sign in [
            "E0736251CFE319F9D8B0C8491DB0E8E85ABF65BEEED480C17BFADAFE34994989",
            "D2662168C4DF3DB3D2300494D813748A6FE4AF7DAF9BF22CA63A3DE671829251",
        ] {
            assert!(is_signed("f3a9c1d27b6e4850a1c2d3e4f5061728", "/orders/get", &pool, sign), "{sign}");
        }
    }

    #[test]
    fn underscores_sort_before_letters() {
        let pool = pool(&[("foo", "1"), ("bar", "2"), ("foo_bar", "3"), ("foobar", "4")]);
        let sign = "988085883BF9D32D251478D23122C7ECC91518CDF63BA22F792000A378F52409";
        assert!(is_signed("1234", "/test/api", &pool, sign));
    }

    #[test]
    fn the_sheets_push_signature_comes_out() {
        let body = r#"{"seller_id":"1000114855","message_type":0,"data":{"order_status":"pending","trade_order_id":"511276315484488","trade_order_line_id":"511276315584488","status_update_time":1767595600},"timestamp":1767595695482,"site":"lazada_my"}"#;
        assert_eq!(
            push("f3a9c1d27b6e4850a1c2d3e4f5061728", "139683", body),
            "db112c43faad8df06799e3111171399a8acd586294d7d51ffa382de6c8ba9780"
        );
    }
}
