//! Pushes (`shopee.md` section 12): verified by their raw bytes, then read for the orders they speak of. A push carries
//! neither reason nor party of a cancel and never changes an order; it says which one to read.

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

/// The codes of section 12.3, in words, and whether `data` names an order whose state may have moved.
const CODES: [(i64, &str, bool); 32] = [
    (0, "test", false),
    (1, "shop authorised", false),
    (2, "authorisation cancelled", false),
    (3, "order status", true),
    (4, "tracking number", true),
    (5, "Shopee updates", false),
    (6, "banned item", false),
    (7, "item promotion", false),
    (8, "reserved stock", true),
    (9, "promotion update", false),
    (10, "webchat", false),
    (11, "video upload", false),
    (12, "authorisation expiring", false),
    (13, "brand register result", false),
    (15, "shipping document status", true),
    (16, "violation item", false),
    (22, "item price update", false),
    (23, "booking status", false),
    (24, "booking tracking number", false),
    (25, "booking document", false),
    (27, "scheduled publish failed", false),
    (28, "shop penalty", false),
    (29, "return updates", true),
    (30, "package fulfilment status", true),
    (31, "fulfilled by Shopee, Brazil", false),
    (33, "fulfilled by Shopee, Brazil", false),
    (34, "fulfilled by Shopee, Brazil", false),
    (35, "fulfilled by Shopee, Brazil", false),
    (36, "sellable stock in Shopee's warehouse", false),
    (37, "courier binding", false),
    (38, "video upload result", false),
    (47, "package information", true),
];

/// A push's envelope. Numbers come as texts in some test pushes.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::integer")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    shop_id: Option<i64>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

/// What `data` may hold; its spelling differs by code.
#[derive(Deserialize, Default)]
struct Data {
    #[serde(default, deserialize_with = "lenient::text")]
    ordersn: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_sn: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    shop_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    shopid: Option<i64>,
    #[serde(default, deserialize_with = "lenient::texts")]
    shop_id_list: Vec<String>,
}

/// Verifies a push. `callback_url` is the address as it is saved in the console. The console issues push keys of their
/// own, while the guide says the partner key (`X`): each is tried.
pub(super) fn verify(
    credentials: &Credentials,
    callback_url: &str,
    headers: &http::HeaderMap,
    body: &[u8],
) -> Result<(), PushRefused> {
    let given = headers.get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if given.len() != SIGNATURE_LENGTH || !given.iter().all(u8::is_ascii_hexdigit) {
        return Err(PushRefused::Unsigned);
    }
    let keys = credentials.push_keys.iter().chain([&credentials.partner_key]).filter(|key| !key.is_empty());
    // Every key is tried, so that the time taken does not say which one fits.
    let fits = keys.fold(subtle::Choice::from(0), |fits, key| {
        fits | sign::push_signature(key, callback_url, body).as_bytes().ct_eq(given)
    });
    if bool::from(fits) { Ok(()) } else { Err(PushRefused::WrongSignature) }
}

/// Reads a verified push. One whose code is in no table is a push without orders.
pub(super) fn read(body: &[u8], own_shop: &str) -> Result<Push, PushRefused> {
    let envelope: Envelope<'_> = read_object(body).map_err(PushRefused::Unreadable)?;
    let code = envelope.code.ok_or_else(|| PushRefused::Unreadable("it has no code".to_owned()))?;
    let data: Data = envelope.data.and_then(|raw| read_object(raw.get().as_bytes()).ok()).unwrap_or_default();
    let known = CODES.iter().find(|(number, ..)| *number == code);
    let numbers = if known.is_some_and(|(.., names_orders)| *names_orders) {
        let texts = [data.ordersn, data.order_sn].into_iter().flatten();
        let mut numbers: Vec<OrderNumber> = texts.filter_map(|text| OrderNumber::parse(text).ok()).collect();
        numbers.dedup();
        numbers
    } else {
        Vec::new()
    };
    let named = envelope.shop_id.or(data.shop_id).or(data.shopid).filter(|&id| id != 0).map(|id| id.to_string());
    // App-level pushes list shops: ours, if it is among them.
    let listed = data.shop_id_list.into_iter().find(|id| id == own_shop);
    let kind = known.map_or_else(|| format!("{code}"), |(_, words, _)| format!("{code} {words}"));
    Ok(Push { shop_account: named.or(listed), numbers, kind })
}
