//! Pushes (section A6): the Standard Webhooks scheme over id, time and raw body. A push is a hint: it names an order to read.

use serde::{Deserialize, Serialize};

use super::auth::Credentials;
use crate::call::{CallError, Received, Remedy};
use crate::connector::PushRefused;
use crate::lenient::{self, read_object};
use crate::warehouse::account::Asked;
use crate::warehouse::{Subscribed, WarehousePush};
use crate::wire;

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
