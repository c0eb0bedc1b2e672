//! Pushes (`tiktok-shop.md` section 8): verified by their raw bytes, then read for the orders they speak of. A push carries
//! neither lines nor reason of a cancel and never changes an order; it says which one to read.

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

/// The types of section 8 with their events, and whether `data` names orders whose state may have moved.
const TYPES: [(i64, &str, bool); 14] = [
    (1, "ORDER_STATUS_CHANGE", true),
    (2, "REVERSE_STATUS_UPDATE", true),
    (3, "RECIPIENT_ADDRESS_UPDATE", true),
    (4, "PACKAGE_UPDATE", true),
    (5, "PRODUCT_STATUS_CHANGE", false),
    (6, "SELLER_DEAUTHORIZATION", false),
    (7, "UPCOMING_AUTHORIZATION_EXPIRATION", false),
    (11, "CANCELLATION_STATUS_CHANGE", true),
    (12, "RETURN_STATUS_CHANGE", true),
    (27, "INVENTORY_STATUS_CHANGE", false),
    (35, "Tokopedia mirror status", false),
    (64, "newer after-sales request", true),
    (65, "newer RMA", true),
    (67, "newer refund success", true),
];

/// A push's envelope. `shop_id` is missing where the push is about a seller (type 35).
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, rename = "type", deserialize_with = "lenient::integer")]
    kind: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    shop_id: Option<String>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

/// What `data` may hold.
#[derive(Deserialize, Default)]
struct Data {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tts_shop_id: Option<String>,
    package_list: Option<Vec<Package>>,
}

/// A package may hold several orders (section 6, `C2`).
#[derive(Deserialize)]
struct Package {
    #[serde(default, deserialize_with = "lenient::texts")]
    order_id_list: Vec<String>,
}

/// Verifies a push: HMAC over the app's key and the raw bytes (`C5`). Neither address nor time belong to it, so it cannot
/// tell a replay; one only makes us read an order again.
pub(super) fn verify(credentials: &Credentials, headers: &http::HeaderMap, body: &[u8]) -> Result<(), PushRefused> {
    let given = headers.get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if given.len() != SIGNATURE_LENGTH || !given.iter().all(u8::is_ascii_hexdigit) {
        return Err(PushRefused::Unsigned);
    }
    let ours = sign::push_signature(&credentials.app_key, &credentials.app_secret, body);
    if bool::from(ours.as_bytes().ct_eq(given)) { Ok(()) } else { Err(PushRefused::WrongSignature) }
}

/// Reads a verified push. One whose type is in no table is a push without orders.
pub(super) fn read(body: &[u8]) -> Result<Push, PushRefused> {
    let envelope: Envelope<'_> = read_object(body).map_err(PushRefused::Unreadable)?;
    let kind = envelope.kind.ok_or_else(|| PushRefused::Unreadable("it has no type".to_owned()))?;
    let data: Data = envelope.data.and_then(|raw| read_object(raw.get().as_bytes()).ok()).unwrap_or_default();
    let known = TYPES.iter().find(|(number, ..)| *number == kind);
    let numbers = if known.is_some_and(|(.., names_orders)| *names_orders) {
        let listed = data.package_list.unwrap_or_default().into_iter().flat_map(|package| package.order_id_list);
        let mut numbers: Vec<OrderNumber> =
            data.order_id.into_iter().chain(listed).filter_map(|text| OrderNumber::parse(text).ok()).collect();
        numbers.sort();
        numbers.dedup();
        numbers
    } else {
        Vec::new()
    };
    let kind = known.map_or_else(|| format!("{kind}"), |(_, words, _)| format!("{kind} {words}"));
    Ok(Push { shop_account: envelope.shop_id.or(data.tts_shop_id), numbers, kind })
}
