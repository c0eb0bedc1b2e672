//! Signatures (`tokopedia.md` sections B.1 and B.6): requests carry a token and are not signed (`C5`); pushes are.

use crate::wire;

/// The signature of a push: HMAC-SHA256 over the raw body, keyed with the webhook's secret, in lower-case hex (`S`).
pub(super) fn push_signature(webhook_secret: &str, body: &[u8]) -> String {
    wire::hmac_hex(webhook_secret, &[body])
}
