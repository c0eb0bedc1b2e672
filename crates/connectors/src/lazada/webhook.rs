//! Pushes (`lazada.md` section 10): verified by their raw bytes, then read for the orders they speak of. One push is about
//! one item; it never changes an order, it says which one to read.

use domain::ids::OrderNumber;
use serde::Deserialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use super::auth::Credentials;
use super::sign;
use crate::connector::{Push, PushRefused};
use crate::lenient::{self, read_object};

/// Characters of a signature: SHA-256 in hex.
const SIGNATURE_LENGTH: usize = 64;
/// The seller of the message that the console's Verify button sends; no shop is meant.
const VERIFICATION_SELLER: &str = "9999";

/// The types of section 10, in words, and whether `data` names an order whose state may have moved.
const TYPES: [(i64, &str, bool); 18] = [
    (0, "order item status", true),
    (1, "product quality control", false),
    (2, "chat", false),
    (3, "product new", false),
    (4, "product edit", false),
    (5, "product delete", false),
    (6, "low stock", false),
    (7, "video", false),
    (8, "authorisation expiring", false),
    (10, "reverse order", true),
    (11, "promotion", false),
    (12, "category tree", false),
    (13, "seller status", false),
    (14, "package status", true),
    (19, "chat", false),
    (21, "review", false),
    (35, "just in time", false),
    (46, "just in time", false),
];

/// A push's envelope. Ids come as texts and as numbers, the absent seller as the text `null`.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    seller_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    message_type: Option<i64>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default, deserialize_with = "lenient::text")]
    trade_order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_id: Option<String>,
}

/// Verifies a push. Neither letters' case nor a callback's address matters.
pub(super) fn verify(credentials: &Credentials, headers: &http::HeaderMap, body: &[u8]) -> Result<(), PushRefused> {
    let given = headers.get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if given.len() != SIGNATURE_LENGTH || !given.iter().all(u8::is_ascii_hexdigit) {
        return Err(PushRefused::Unsigned);
    }
    let expected = sign::push_signature(&credentials.app_secret, &credentials.app_key, body);
    let fits = expected.as_bytes().ct_eq(&given.to_ascii_lowercase());
    if bool::from(fits) { Ok(()) } else { Err(PushRefused::WrongSignature) }
}

/// Reads a verified push. One whose type is in no table is a push without orders.
pub(super) fn read(body: &[u8]) -> Result<Push, PushRefused> {
    let envelope: Envelope<'_> = read_object(body).map_err(PushRefused::Unreadable)?;
    let code = envelope.message_type.ok_or_else(|| PushRefused::Unreadable("it has no message_type".to_owned()))?;
    let data: Data = envelope.data.and_then(|raw| read_object(raw.get().as_bytes()).ok()).unwrap_or_default();
    let seller = |id: Option<String>| id.filter(|id| id != "null");
    let shop_account = seller(envelope.seller_id).or_else(|| seller(data.seller_id));
    if shop_account.as_deref() == Some(VERIFICATION_SELLER) {
        return Ok(Push { shop_account: None, numbers: Vec::new(), kind: "verification".to_owned() });
    }
    let known = TYPES.iter().find(|(number, ..)| *number == code);
    let names_orders = known.is_some_and(|(.., names_orders)| *names_orders);
    let number = data.trade_order_id.filter(|_| names_orders).and_then(|text| OrderNumber::parse(text).ok());
    let kind = known.map_or_else(|| format!("{code}"), |(_, words, _)| format!("{code} {words}"));
    Ok(Push { shop_account, numbers: number.into_iter().collect(), kind })
}
