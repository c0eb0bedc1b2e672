//! What every fake marketplace is to the rest of the sandbox.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::faults::Faults;
use crate::limits::Limits;
use crate::persistence::{Changes, Unreadable};
use crate::pushes::{PushQueue, PushRules};

/// The names of the marketplaces, and of the warehouses beside them, on the control port and in the ready line, in its order.
pub(crate) const NAMES: [&str; 7] =
    ["shopee", "lazada", "tiktok_shop", "tokopedia", "warehouse", "generic_warehouse", "yicang"];
/// Those of them that are no marketplaces.
pub(crate) const WAREHOUSES: [&str; 3] = ["warehouse", "generic_warehouse", "yicang"];

/// What a call may do; decides which faults fit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It changes nothing.
    Read,
    /// It may change the platform's state.
    Write,
    /// A page for a person's browser.
    Page,
}

/// A received HTTP request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: Method,
    /// The path without the query.
    pub(crate) path: String,
    /// The query's pairs in their order, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

impl Request {
    /// The first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header, if it is text and not empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
    }
}

/// An answer to a platform call.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The platform's own error code, for the call log; empty for success.
    pub(crate) code: String,
}

/// The circumstances of one call or control call.
pub(crate) struct Moment<'a> {
    /// The virtual time, in seconds since 1970.
    pub(crate) now: i64,
    /// The same in milliseconds.
    pub(crate) now_ms: i64,
    /// Reads answer from before a write that is not older than this.
    pub(crate) stale: Option<Duration>,
    /// A repeated cancel takes effect again instead of being refused.
    pub(crate) accept_repeats: bool,
    /// The budgets.
    pub(crate) limits: &'a mut Limits,
    /// Where pushes go.
    pub(crate) pushes: &'a mut PushQueue,
    /// The marketplace's faults, which pushes meet as well.
    pub(crate) faults: Option<&'a mut Faults>,
    /// Set when the call changed the platform's state.
    pub(crate) changed: bool,
}

/// A control call that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl Refusal {
    /// 404.
    pub(crate) fn unknown(message: impl Into<String>) -> Refusal {
        Refusal { status: 404, message: message.into() }
    }

    /// 409: the state does not allow it.
    pub(crate) fn conflict(message: impl Into<String>) -> Refusal {
        Refusal { status: 409, message: message.into() }
    }

    /// 422: the wish makes no sense.
    pub(crate) fn senseless(message: impl Into<String>) -> Refusal {
        Refusal { status: 422, message: message.into() }
    }
}

/// Which orders `GET /orders` shows.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct OrderFilter {
    /// The marketplace.
    pub(crate) platform: Option<String>,
    /// The shop.
    pub(crate) shop: Option<String>,
    /// The order number.
    pub(crate) number: Option<String>,
    /// The platform status.
    pub(crate) status: Option<String>,
    /// At most so many.
    pub(crate) limit: Option<usize>,
}

/// Shop numbers are written both as text and as numbers.
pub(crate) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(D::Error::custom(format!("{other} is neither text nor a number"))),
    }
}

/// The body of `POST /orders`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderWish {
    /// The marketplace.
    pub(crate) platform: String,
    /// The shop; the first one when left out.
    #[serde(default, deserialize_with = "text_or_number")]
    pub(crate) shop: Option<String>,
    /// How many orders.
    #[serde(default = "one")]
    pub(crate) count: u32,
    /// The platform status that they have at once.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// Cash on delivery.
    #[serde(default)]
    pub(crate) cod: bool,
    /// A pre-order.
    #[serde(default)]
    pub(crate) preorder: bool,
    /// The seller brings it to the buyer, where the platform tells that apart.
    #[serde(default)]
    pub(crate) seller_ships: bool,
    /// Who fulfils it, in the platform's word.
    #[serde(default)]
    pub(crate) fulfilled_by: Option<String>,
    /// The storefront that it was placed in, in the platform's word, where an account has several.
    #[serde(default)]
    pub(crate) storefront: Option<String>,
    /// How many parcels.
    #[serde(default)]
    pub(crate) packages: Option<u8>,
    /// The lines; chosen by chance when left out.
    #[serde(default)]
    pub(crate) lines: Option<Vec<LineWish>>,
}

fn one() -> u32 {
    1
}

/// A wished order line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineWish {
    /// The listing SKU.
    pub(crate) sku: String,
    /// Units.
    #[serde(default = "one")]
    pub(crate) quantity: u32,
}

/// The body of `POST /shops`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShopWish {
    /// The marketplace.
    pub(crate) platform: String,
    /// Its name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Its country, two capital letters.
    #[serde(default)]
    pub(crate) region: Option<String>,
    /// How many orders to make up.
    #[serde(default)]
    pub(crate) orders: u32,
}

/// The body of `PUT /stock`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockWish {
    /// The marketplace.
    pub(crate) platform: String,
    /// The shop; the first one when left out.
    #[serde(default, deserialize_with = "text_or_number")]
    pub(crate) shop: Option<String>,
    /// The listing SKU.
    pub(crate) sku: String,
    /// The new stock.
    pub(crate) available: i64,
}

/// The body of `POST /tokens`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenWish {
    /// The marketplace.
    pub(crate) platform: String,
    /// The shop; the first one when left out.
    #[serde(default, deserialize_with = "text_or_number")]
    pub(crate) shop: Option<String>,
    /// What happens to the shop's tokens.
    pub(crate) action: TokenAction,
}

/// What happens to a shop's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenAction {
    /// Access tokens end now; refresh tokens still work.
    ExpireAccess,
    /// Access and refresh tokens end now: the seller must authorise again.
    ExpireRefresh,
    /// The seller withdrew the authorisation.
    Revoke,
}

/// Answers of the buyer's side on the control port.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BuyerWish {
    /// The shop, where the number alone is ambiguous.
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) shop: Option<String>,
    /// Why.
    pub(crate) reason: Option<String>,
    /// The seller is asked even where the platform would cancel at once.
    pub(crate) ask: bool,
    /// Whether the platform thinks that the goods can be sold again, where it says so.
    pub(crate) restock: Option<bool>,
}

/// The body of `…/advance`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvanceWish {
    /// The shop, where the number alone is ambiguous.
    #[serde(default, deserialize_with = "text_or_number")]
    pub(crate) shop: Option<String>,
    /// The platform status.
    pub(crate) to: String,
    /// The platform's reason, for a cancellation.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Also where the platform's rules do not allow it.
    #[serde(default)]
    pub(crate) force: bool,
}

/// What an import put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Imported {
    /// The shop that has them.
    pub(crate) shop: String,
    /// Orders put in.
    pub(crate) orders: usize,
    /// Products put in.
    pub(crate) products: usize,
    /// Orders that were there already and stayed as they were.
    pub(crate) already_there: usize,
    /// Where the sandbox clock has to start, in seconds since 1970.
    #[serde(skip)]
    pub(crate) clock: i64,
}

/// A fake marketplace.
pub(crate) trait Marketplace: Send {
    /// Its name on the control port.
    fn name(&self) -> &'static str;
    /// What a call may do.
    fn nature(&self, request: &Request) -> Nature;
    /// The order numbers that a call names.
    fn names(&self, request: &Request) -> Vec<Arc<str>>;
    /// The shop that a call is about.
    fn shop_of(&self, request: &Request) -> Option<String>;
    /// Answers a call.
    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer;
    /// The platform's words for "too many requests".
    fn too_many_requests(&self, wait: Duration) -> Answer;
    /// The platform's words for "our fault".
    fn server_error(&self) -> Answer;
    /// How its pushes are delivered.
    fn push_rules(&self) -> PushRules;
    /// The credentials of the ready line.
    fn credentials(&self) -> Value;
    /// Gives the printed grant new tokens if its access token has ended.
    fn renew_credentials(&mut self, moment: &mut Moment<'_>);
    /// What only this platform can be told by `PUT /switches`.
    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal>;
    /// The shops.
    fn shops(&self) -> Vec<Value>;
    /// Makes another shop.
    fn make_shop(&mut self, wish: &ShopWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// The seller authorises the app once more: what the browser would bring back.
    fn make_grant(&mut self, shop: Option<&str>, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// Ends tokens.
    fn end_tokens(&mut self, wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// The orders.
    fn orders(&self, filter: &OrderFilter) -> Vec<Value>;
    /// Buyers order.
    fn make_orders(&mut self, wish: &OrderWish, moment: &mut Moment<'_>) -> Result<Vec<String>, Refusal>;
    /// The buyer wants to cancel.
    fn buyer_cancels(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// The buyer takes the request back.
    fn buyer_withdraws(&mut self, number: &str, wish: &BuyerWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// The order moves along.
    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// The listings' stock.
    fn stock(&self, shop: Option<&str>) -> Vec<Value>;
    /// Sets a listing's stock, as the seller would in the Seller Center.
    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    /// Takes over orders and products read from a seller's export.
    fn import(&mut self, export: Value, moment: &mut Moment<'_>) -> Result<Imported, Refusal>;
    /// Lets every deadline that has passed have its effect.
    fn pass_time(&mut self, moment: &mut Moment<'_>);
    /// Writes down what changed since the last time.
    fn record_changes(&mut self, changes: &mut Changes<'_>);
    /// Marks everything as changed, for a snapshot.
    fn record_everything(&mut self);
    /// Takes over a record of an earlier process.
    fn restore(&mut self, record: &str) -> Result<(), Unreadable>;
}
