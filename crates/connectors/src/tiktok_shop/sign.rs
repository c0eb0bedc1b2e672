//! Signing requests (`tiktok-shop.md` section 2) and pushes (section 8): HMAC-SHA256 in lower-case hex, keyed with the
//! bytes of the app's secret.

use crate::wire;

/// Parameters that are sent but not signed.
const UNSIGNED: [&str; 2] = ["sign", "access_token"];

/// What is signed, between the app's secret and the app's secret: the path, the parameters by the order of their names
/// with their values as decoded text, and the body's exact bytes. No body is signed as nothing, and `{}` as two bytes.
/// The body of a `multipart/form-data` request is left out; none is sent here.
fn signed(path: &str, parameters: &[(&str, String)]) -> String {
    let mut sorted: Vec<&(&str, String)> = parameters.iter().filter(|(name, _)| !UNSIGNED.contains(name)).collect();
    // Stable: repeated names keep their order.
    sorted.sort_by_key(|(name, _)| *name);
    let mut text = path.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// The signature of a request.
pub(super) fn sign(app_secret: &str, path: &str, parameters: &[(&str, String)], body: &[u8]) -> String {
    let secret = app_secret.as_bytes();
    wire::hmac_hex(app_secret, &[secret, signed(path, parameters).as_bytes(), body, secret])
}

/// The signature of a push: over the app's key and the body's raw bytes.
pub(super) fn push_signature(app_key: &str, app_secret: &str, body: &[u8]) -> String {
    wire::hmac_hex(app_secret, &[app_key.as_bytes(), body])
}
