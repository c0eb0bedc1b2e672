//! Pushes: where they go, and what one says. It names an order to read and nothing else.

use serde::{Deserialize, Serialize};

use super::auth::Credentials;
use crate::call::{CallError, Received, Remedy};
use crate::connector::PushRefused;
use crate::lenient::{self, read_object};
use crate::warehouse::account::Asked;
use crate::warehouse::{Subscribed, WarehousePush};
use crate::wire;

#[derive(Serialize)]
struct Target<'a> {
    url: &'a str,
}

/// What is sent to be pushed to.
pub(super) fn target(callback_url: &str) -> Vec<u8> {
    wire::json(&Target { url: callback_url })
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
    let secret = made.secret.ok_or_else(|| asked.failed(received, Remedy::Unknown, "the answer has no secret"))?;
    let credentials = Credentials { webhook_secret: Some(secret), ..credentials.clone() };
    Ok(Subscribed { credentials: wire::json_text(&credentials) })
}

#[derive(Deserialize)]
struct Body {
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reference: Option<String>,
}

/// Reads a verified push. A kind that we do not know names an order all the same.
pub(super) fn read(id: String, body: &[u8]) -> Result<WarehousePush, PushRefused> {
    let body: Body = read_object(body).map_err(PushRefused::Unreadable)?;
    Ok(WarehousePush { id, reference: body.reference, kind: body.kind.unwrap_or_default() })
}
