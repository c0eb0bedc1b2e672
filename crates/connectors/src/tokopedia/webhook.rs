//! Pushes of the old API (`tokopedia.md` section B.6): verified by their raw bytes, then read for the order they speak of.
//!
//! Nothing in a body says what kind of push it is, the address it was sent to does; each only says which order to read, so
//! one address for all kinds is enough. Encrypted bodies and their RSA signature are not read.

use domain::ids::OrderNumber;
use serde::Deserialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use super::auth::Credentials;
use super::sign;
use crate::connector::{Push, PushRefused};
use crate::lenient::{self, read_object};

/// The header of a signature (`S`).
const SIGNATURE: &str = "authorization-hmac";
/// Characters of a signature: SHA-256 in hex.
const SIGNATURE_LENGTH: usize = 64;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shop_id: Option<String>,
    #[serde(default, borrow)]
    order_status: Option<&'a RawValue>,
    #[serde(default, borrow)]
    product_details: Option<&'a RawValue>,
    #[serde(default, borrow)]
    products: Option<&'a RawValue>,
}

/// Verifies a push. Without a secret of ours none is believed: an empty key is everyone's.
pub(super) fn verify(credentials: &Credentials, headers: &http::HeaderMap, body: &[u8]) -> Result<(), PushRefused> {
    let given = headers.get(SIGNATURE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if given.len() != SIGNATURE_LENGTH || !given.iter().all(u8::is_ascii_hexdigit) {
        return Err(PushRefused::Unsigned);
    }
    let ours = sign::push_signature(&credentials.webhook_secret, body);
    let fits = !credentials.webhook_secret.is_empty() && bool::from(ours.as_bytes().ct_eq(given));
    if fits { Ok(()) } else { Err(PushRefused::WrongSignature) }
}

/// Reads a verified push.
pub(super) fn read(body: &[u8]) -> Result<Push, PushRefused> {
    let body: Body<'_> = read_object(body).map_err(PushRefused::Unreadable)?;
    let kind = match (body.order_status, body.product_details, body.products) {
        (Some(_), Some(_), _) => "order status",
        (_, _, Some(_)) => "new order",
        (None, None, None) => "cancellation request",
        _ => "order",
    };
    let text = body.order_id.ok_or_else(|| PushRefused::Unreadable("it has no order_id".to_owned()))?;
    let number = OrderNumber::parse(text).map_err(|error| PushRefused::Unreadable(error.to_string()))?;
    Ok(Push { shop_account: body.shop_id.filter(|id| id != "0"), numbers: vec![number], kind: kind.to_owned() })
}
