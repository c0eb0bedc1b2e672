//! Pushes signed by the Standard Webhooks scheme: HMAC-SHA256 over id, time and raw body, in base64, with the key that the
//! secret `whsec_…` holds (section A6 of `third-party-warehouses.md`; `C2`, the tolerance `I`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::time::{Moment, Span};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::connector::PushRefused;

/// How far a push's time may be from ours (the scheme's usual value, `I`).
const TOLERANCE: Span = Span::from_seconds(300);
/// The prefix of a secret.
const SECRET_PREFIX: &str = "whsec_";

/// Verifies a push; answers its id. Without a secret of ours none is believed: an empty key is everyone's.
///
/// # Errors
/// [`PushRefused::Unsigned`] or [`PushRefused::WrongSignature`].
pub(crate) fn verify(
    secret: Option<&str>,
    headers: &http::HeaderMap,
    body: &[u8],
    now: Moment,
) -> Result<String, PushRefused> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let (Some(id), Some(sent_at), Some(given)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Err(PushRefused::Unsigned);
    };
    let seconds: i64 = sent_at.parse().map_err(|_| PushRefused::Unsigned)?;
    let sent = Moment::from_seconds(seconds);
    if now.since(sent).max(sent.since(now)) > TOLERANCE {
        return Err(PushRefused::WrongSignature);
    }
    let key = STANDARD.decode(secret.unwrap_or_default().trim_start_matches(SECRET_PREFIX)).unwrap_or_default();
    if key.is_empty() {
        return Err(PushRefused::WrongSignature);
    }
    // HMAC takes keys of any length (RFC 2104 section 2), so making one cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", sent_at.as_bytes(), b".", body] {
        mac.update(part);
    }
    let ours = STANDARD.encode(mac.finalize().into_bytes());
    let fits = |entry: &str| {
        entry.strip_prefix("v1,").is_some_and(|signature| bool::from(signature.as_bytes().ct_eq(ours.as_bytes())))
    };
    // Several entries: the secret is being exchanged.
    if given.split(' ').any(fits) { Ok(id.to_owned()) } else { Err(PushRefused::WrongSignature) }
}
