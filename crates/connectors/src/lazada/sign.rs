//! Signing requests (`lazada.md` section 3) and pushes (section 10): HMAC-SHA256 keyed with the app's secret as it is
//! written, in upper-case hex for requests and lower-case hex for pushes.

use crate::wire;

/// The text that is signed: the path without `/rest`, then every parameter sorted by name in ASCII order, name and value
/// without separators, raw and not URL-encoded.
pub(super) fn base_string(path: &str, parameters: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let mut sorted: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    sorted.sort_unstable();
    let mut text = path.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// The signature of a request's base string.
pub(super) fn sign(secret: &str, base_string: &str) -> String {
    wire::hmac_hex(secret, &[base_string.as_bytes()]).to_ascii_uppercase()
}

/// The signature of a push: over the app's key and the body's raw bytes.
pub(super) fn push_signature(secret: &str, app_key: &str, body: &[u8]) -> String {
    wire::hmac_hex(secret, &[app_key.as_bytes(), body])
}
