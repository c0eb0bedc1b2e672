//! Signatures: sheet sections 2 and 8.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Lower-case hex of HMAC-SHA256 over the parts joined without separators, keyed with the app's secret.
fn hmac_hex(key: &str, parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length, so that this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

/// The signature of a request: secret, path, every parameter but `sign` and `access_token` by its name with its decoded
/// value, body, secret (section 2). Repeated names keep their order.
pub(super) fn request(secret: &str, path: &str, query: &[(String, String)], body: &[u8]) -> String {
    let mut signed: Vec<&(String, String)> =
        query.iter().filter(|(name, _)| name != "sign" && name != "access_token").collect();
    signed.sort_by(|one, other| one.0.cmp(&other.0));
    let mut parts: Vec<&[u8]> = vec![secret.as_bytes(), path.as_bytes()];
    for (name, value) in signed {
        parts.push(name.as_bytes());
        parts.push(value.as_bytes());
    }
    parts.push(body);
    parts.push(secret.as_bytes());
    hmac_hex(secret, &parts)
}

/// The signature of a push: the app's key and the raw body (section 8).
pub(super) fn push(app_key: &str, secret: &str, body: &str) -> String {
    hmac_hex(secret, &[app_key.as_bytes(), body.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "3f1c9a70be5d4482a6e0c7d915b2f8e4a1d60c37";

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_sheets_request_signatures_come_out() {
        let official = pairs(&[("app_key", "29a39d"), ("timestamp", "1623812664")]);
        assert_eq!(
            request("e59af819cc", "/authorization/202309/shops", &official, b""),
            "b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8"
        );
        let cancel = pairs(&[
            ("timestamp", "1786440000"),
            ("access_token", "ROW_exampleAccessToken"),
            ("sign", "whatever"),
            ("shop_cipher", "ROW_exampleCipherAAAAAB7kQz1"),
            ("app_key", "6example0key1"),
        ]);
        let body = br#"{"order_id":"577512340098765432","cancel_reason":"seller_cancel_reason_out_of_stock"}"#;
        assert_eq!(
            request(SECRET, "/return_refund/202309/cancellations", &cancel, body),
            "cd83649791514103a8a12b2bb27e89fe9e44613726f99f4357617722582ed49c"
        );
    }

    #[test]
    fn repeated_names_are_signed_in_the_order_in_which_they_came() {
        let query = pairs(&[
            ("ids", "577512340098765432"),
            ("app_key", "6example0key1"),
            ("ids", "577512340098765433"),
            ("shop_cipher", "ROW_exampleCipherAAAAAB7kQz1"),
            ("timestamp", "1786440000"),
        ]);
        assert_eq!(
            request(SECRET, "/order/202507/orders", &query, b""),
            "decefe2a301689cffd3cea7de6ebfadbcb04db5488e1e901b7c722fba556a2f3"
        );
    }

    #[test]
    fn the_sheets_push_signature_comes_out() {
        let body = r#"{"type":11,"tts_notification_id":"7514009988772210986","shop_id":"7491122334455667712","timestamp":1786440060,"data":{"order_id":"577512340098765432","cancellations_role":"BUYER","cancel_status":"CANCELLATION_REQUEST_PENDING","cancel_id":"4035412087766103242","create_time":1786440055}}"#;
        assert_eq!(
            push("6example0key1", SECRET, body),
            "6b472bd6a7900972a712828803e57bceaa652fc60e47f11c05e3adaaf4f5c4e6"
        );
    }
}
