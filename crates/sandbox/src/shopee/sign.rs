//! Signatures: sheet sections 4 and 12.1.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Lower-case hex of HMAC-SHA256 over the parts joined without separators. The key is the key string's own bytes,
/// never hex-decoded (section 4).
pub(super) fn hmac_hex(key: &str, parts: &[&str]) -> String {
    // HMAC takes keys of any length, so that this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    for part in parts {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// The signature of a push: callback address, a bar, the raw body (section 12.1).
pub(super) fn push(push_key: &str, url: &str, body: &str) -> String {
    hmac_hex(push_key, &[url, "|", body])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheets_public_and_shop_signatures_come_out() {
        let key = "7a6f6e6b6579206e6f74207265616c206b657920303132333435363738396162";
        assert_eq!(
            hmac_hex(key, &["2009999", "/api/v2/auth/token/get", "1786440000"]),
            "c7d9eed7cb4bff8dbffaf8e809d50a26b51a7a08002d4c4ea14f2adcbe03cda7"
        );
        let token = "6f6b656e41424344454647484a4b4d4e";
        assert_eq!(
            hmac_hex(key, &["2009999", "/api/v2/order/cancel_order", "1786440000", token, "600123456"]),
            "8edbfd280ec9baec3cfbccdeb39f847b592617a0063c9e3fb41fec4c2966cfcf"
        );
    }

    #[test]
    fn the_sheets_push_signature_comes_out() {
        let body = r#"{"msg_id":"3f0c9b7a5d2e4c18a6b1f4e7d8093c52","data":{"items":[],"ordersn":"260810K7QX2M4P","status":"IN_CANCEL","completed_scenario":"","update_time":1786440012},"shop_id":600123456,"code":3,"timestamp":1786440013}"#;
        assert_eq!(
            push(
                "9c1f4b0e7d2a6835e1c4f7092b6d8a3351c7e0f4a9b2d6185f3e7c0a4d9b1e62",
                "https://erp.example.com/webhooks/shopee",
                body
            ),
            "8f6167aa89f237e954d501843ab4c82987ff43d87f66daba76fda1af775e453b"
        );
    }
}
