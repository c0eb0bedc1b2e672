//! Signing requests (`shopee.md` section 4) and pushes (section 12.1): HMAC-SHA256 in lower-case hex, keyed with the
//! bytes of the key as it is written. It is not hex-decoded, and a leading `shpk` belongs to it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The text that is signed. Neither host nor query nor body belong to it. `owner` is the access token with the shop's
/// or merchant's id; public endpoints have none.
pub(super) fn base_string(partner_id: i64, path: &str, timestamp: i64, owner: Option<(&str, i64)>) -> String {
    match owner {
        Some((access_token, id)) => format!("{partner_id}{path}{timestamp}{access_token}{id}"),
        None => format!("{partner_id}{path}{timestamp}"),
    }
}

/// The signature of a request's base string.
pub(super) fn sign(key: &str, base_string: &str) -> String {
    signature(key, &[base_string.as_bytes()])
}

/// The signature of a push: over the callback's address as it is saved in the console, a bar, and the body's raw bytes.
pub(super) fn push_signature(key: &str, callback_url: &str, body: &[u8]) -> String {
    signature(key, &[callback_url.as_bytes(), b"|", body])
}

fn signature(key: &str, parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length (RFC 2104 section 2), so making one cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}
