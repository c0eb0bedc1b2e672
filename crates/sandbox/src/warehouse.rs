//! What the fake third-party warehouses share: they have no shops, buyers or listings, one limit for all calls of a token, and
//! pushes signed by the Standard Webhooks scheme.
//!
//! | Subject | File |
//! |---|---|
//! | orders from the shelf to the courier, and what comes back; how an asking for one ends | `warehouse/shelf.rs` |

pub(crate) mod shelf;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::marketplace::{
    AdvanceWish, Answer, BuyerWish, Imported, Marketplace, Moment, Nature, OrderFilter, OrderWish, Refusal, Request,
    ShopWish, StockWish, TokenWish,
};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::PushRules;
use crate::random::secret;

/// A fake third-party warehouse. What its members mean is said at [`Marketplace`].
pub(crate) trait Warehouse: Send {
    fn name(&self) -> &'static str;
    fn nature(&self, request: &Request) -> Nature;
    fn names(&self, request: &Request) -> Vec<Arc<str>>;
    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer;
    fn too_many_requests(&self, wait: Duration) -> Answer;
    fn server_error(&self) -> Answer;
    fn push_rules(&self) -> PushRules;
    fn credentials(&self) -> Value;
    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal>;
    /// Another token; the one before is taken no more.
    fn end_token(&mut self);
    fn orders(&self, filter: &OrderFilter) -> Vec<Value>;
    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    fn stock(&self) -> Vec<Value>;
    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal>;
    fn pass_time(&mut self, moment: &mut Moment<'_>);
    fn record_changes(&mut self, changes: &mut Changes<'_>);
    fn record_everything(&mut self);
    fn restore(&mut self, record: &str) -> Result<(), Unreadable>;
}

/// A warehouse on a port of its own beside the marketplaces.
pub(crate) struct AtPort<W>(pub(crate) W);

/// What a warehouse has none of.
pub(crate) fn no_shops<T>() -> Result<T, Refusal> {
    Err(Refusal::senseless("a warehouse has no shops, buyers or listings: see its orders"))
}

impl<W: Warehouse> Marketplace for AtPort<W> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn nature(&self, request: &Request) -> Nature {
        self.0.nature(request)
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        self.0.names(request)
    }

    fn shop_of(&self, _request: &Request) -> Option<String> {
        None
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        self.0.answer(request, moment)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        self.0.too_many_requests(wait)
    }

    fn server_error(&self) -> Answer {
        self.0.server_error()
    }

    fn push_rules(&self) -> PushRules {
        self.0.push_rules()
    }

    fn credentials(&self) -> Value {
        self.0.credentials()
    }

    fn renew_credentials(&mut self, _moment: &mut Moment<'_>) {
        // An access token does not end by itself.
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.0.set_switches(switches)
    }

    fn shops(&self) -> Vec<Value> {
        Vec::new()
    }

    fn make_shop(&mut self, _wish: &ShopWish, _moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        // It is there from the beginning, and keeps what its customers push.
        Ok(Value::Null)
    }

    fn make_grant(&mut self, _shop: Option<&str>, _moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        Ok(self.0.credentials())
    }

    fn end_tokens(&mut self, _wish: &TokenWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        self.0.end_token();
        moment.changed = true;
        Ok(serde_json::json!({}))
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        self.0.orders(filter)
    }

    fn make_orders(&mut self, _wish: &OrderWish, _moment: &mut Moment<'_>) -> Result<Vec<String>, Refusal> {
        no_shops()
    }

    fn buyer_cancels(&mut self, _: &str, _: &BuyerWish, _: &mut Moment<'_>) -> Result<Value, Refusal> {
        no_shops()
    }

    fn buyer_withdraws(&mut self, _: &str, _: &BuyerWish, _: &mut Moment<'_>) -> Result<Value, Refusal> {
        no_shops()
    }

    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        self.0.advance(number, wish, moment)
    }

    fn stock(&self, _shop: Option<&str>) -> Vec<Value> {
        self.0.stock()
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        self.0.set_stock(wish, moment)
    }

    fn import(&mut self, _export: Value, _moment: &mut Moment<'_>) -> Result<Imported, Refusal> {
        no_shops()
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        self.0.pass_time(moment);
    }

    fn record_changes(&mut self, changes: &mut Changes<'_>) {
        self.0.record_changes(changes);
    }

    fn record_everything(&mut self) {
        self.0.record_everything();
    }

    fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        self.0.restore(record)
    }
}

/// The window of a token's one limit, in real time.
const WINDOW: Duration = Duration::from_secs(60);

/// The one limit of a token: calls in a sliding minute.
#[derive(Default)]
pub(crate) struct CallWindow(VecDeque<Instant>);

impl CallWindow {
    /// Takes one call out of it, or says how long to wait.
    pub(crate) fn take(&mut self, most: usize) -> Result<(), Duration> {
        let now = Instant::now();
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(first) if self.0.len() >= most => Err(WINDOW - now.duration_since(*first)),
            _ => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }
}

/// A new secret that pushes are signed with.
pub(crate) fn new_webhook_secret() -> String {
    let bytes = hex::decode(secret(24)).unwrap_or_default();
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// The signature of a push by the Standard Webhooks scheme (section A6 of `third-party-warehouses.md`).
pub(crate) fn signature(webhook_secret: &str, id: &str, at: i64, body: &str) -> String {
    let key = STANDARD.decode(webhook_secret.trim_start_matches("whsec_")).unwrap_or_default();
    // HMAC takes keys of any length, so that this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A signed push's headers.
pub(crate) fn signed(webhook_secret: &str, id: &str, at: i64, body: &str) -> Vec<(String, String)> {
    let headers = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature(webhook_secret, id, at, body)),
        ("content-type", "application/json".to_owned()),
    ];
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
