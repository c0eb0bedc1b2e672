//! Pushes (section A6): the Standard Webhooks scheme over id, time and raw body. A push is a hint: it names an order to read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::time::{Moment, Span};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::auth::Credentials;
use super::errors::Asked;
use crate::call::{CallError, Received, Remedy};
use crate::connector::PushRefused;
use crate::lenient::{self, read_object};
use crate::warehouse::{Subscribed, WarehousePush};
use crate::wire;

/// How far a push's time may be from ours (the scheme's usual value, `I`).
const TOLERANCE: Span = Span::from_seconds(300);
/// The prefix of a secret.
const SECRET_PREFIX: &str = "whsec_";
/// Topics that name an order to read.
const TOPICS: [&str; 8] = [
    "order.shipped",
    "order.shipment.delivered",
    "order.shipment.exception",
    "order.shipment.on_hold",
    "order.shipment.cancelled",
    "return.created",
    "return.updated",
    "return.completed",
];

#[derive(Serialize)]
struct Subscription<'a> {
    url: &'a str,
    topics: [&'static str; 8],
}

/// What is sent to subscribe.
pub(super) fn subscription(callback_url: &str) -> Vec<u8> {
    wire::json(&Subscription { url: callback_url, topics: TOPICS })
}

#[derive(Deserialize)]
struct Made {
    #[serde(default, deserialize_with = "lenient::text")]
    secret: Option<String>,
}

/// Reads the answer: the secret is shown this once.
pub(super) fn read_subscribed(
    asked: &Asked,
    credentials: &Credentials,
    received: &Received,
) -> Result<Subscribed, CallError> {
    let made: Made = asked.answer(received)?;
    let lacks = || asked.failed(received, Remedy::Unknown, "the subscription has no secret");
    let secret = made.secret.filter(|secret| !secret.is_empty()).ok_or_else(lacks)?;
    let credentials = Credentials { webhook_secret: Some(secret), ..credentials.clone() };
    Ok(Subscribed { credentials: wire::json_text(&credentials) })
}

/// Verifies a push; answers its id. Without a secret of ours none is believed: an empty key is everyone's.
pub(super) fn verify(
    credentials: &Credentials,
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
    let secret = credentials.webhook_secret.as_deref().unwrap_or_default();
    let key = STANDARD.decode(secret.trim_start_matches(SECRET_PREFIX)).unwrap_or_default();
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

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "lenient::text")]
    reference_id: Option<String>,
}

/// Reads a verified push. The topic stands in a header only; one that we do not know names nothing and is no error.
pub(super) fn read(id: String, headers: &http::HeaderMap, body: &[u8]) -> Result<WarehousePush, PushRefused> {
    let kind = headers.get("x-webhook-topic").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body: Body = read_object(body).map_err(PushRefused::Unreadable)?;
    let names_order = kind.starts_with("order.");
    Ok(WarehousePush { id, reference: body.reference_id.filter(|_| names_order), kind })
}
