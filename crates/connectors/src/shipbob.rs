//! ShipBob: the page of facts, the wiring.
//!
//! Facts are from section A of `third-party-warehouses.md`, the project's fact sheet.
//!
//! | What | Fact | Section |
//! |---|---|---|
//! | Transport | HTTPS, JSON, the version is the first path segment; bearer token, requests are not signed (`C3`) | A1 |
//! | Channel | a header, sent always (`?`) | A1 |
//! | Limit | 150 calls in 60 s, per user and application; the wait in `x-retry-after` (`C3`) | A1 |
//! | Push | `reference_id` is unique; a repeated one is refused with 422 and no code (`C2`) | A2 |
//! | Read | by id, or by reference as a bare list (`C2`) | A3 |
//! | Withdraw | answers 200 also when it failed: each shipment's `is_success` counts (`C2`) | A4 |
//! | Too late | picked, packed, labelled or completed (`C2`) | A3 |
//! | Returns | counted from what was done with the units, never from what was asked (`I`) | A5 |
//! | Push | Standard Webhooks over id, time and raw body (`C2`); a hint only | A6 |
//!
//! A second withdrawal of the same order, and which of 200 and 422 a picked order gets, is documented nowhere: the answer
//! is *unclear* then, and the read decides.

pub mod auth;
mod errors;
mod orders;
mod returns;
#[cfg(test)]
mod tests;
mod webhook;
mod withdrawal;

use std::sync::Arc;

use domain::policy::EndpointClass;
use domain::provider::Provider;
use domain::time::{Moment, Span};
use domain::warehouse_order::Rules;
use http::{HeaderValue, Method, Request};

use crate::call::{Call, CallError, Effect, Received, nothing_foretold};
use crate::connector::PushRefused;
use crate::warehouse::{
    Named, Parcel, PushOrder, SeenOrder, SeenReturn, Subscribed, Warehouse, WarehousePush, WithdrawalAnswer,
};
use crate::{OpenError, wire};
use auth::Credentials;
use errors::Asked;

/// The address of its API (section A1).
pub const ADDRESS: &str = "https://api.shipbob.com";
/// The version that is spoken (section A1): supported until 2027-01-31.
const VERSION: &str = "2026-01";
/// Calls of one account in a minute, with some left to other software of the merchant's (section A1: 150).
const CALLS_PER_MINUTE: u32 = 130;
/// How long an answer may take.
const CALL_TIMEOUT: Span = Span::from_seconds(15);

/// An account at ShipBob.
pub struct Shipbob {
    base: String,
    credentials: Credentials,
    channel: String,
    secrets: Arc<[String]>,
}

impl Shipbob {
    /// Opens an account with its sealed credentials.
    ///
    /// # Errors
    /// [`OpenError`] when the address or the credentials are not usable.
    pub fn open(base_url: &str, credentials: &str) -> Result<Self, OpenError> {
        let credentials: Credentials = wire::read_credentials(credentials)?;
        let secrets = Arc::from([credentials.token.clone(), credentials.webhook_secret.clone().unwrap_or_default()]);
        let channel = credentials.channel_id.to_string();
        Ok(Self { base: wire::base(base_url)?, credentials, channel, secrets })
    }

    fn call<T>(
        &self,
        endpoint: &'static str,
        (method, path): (Method, String),
        body: Vec<u8>,
        read: impl Fn(&Asked, &Received) -> Result<T, CallError> + Send + Sync + 'static,
    ) -> Call<T> {
        let effect = if method == Method::GET { Effect::Read } else { Effect::Write };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // The base was checked when the account was opened, and a path of ours is one of a URL.
        *request.uri_mut() = format!("{}/{VERSION}{path}", self.base).parse().unwrap_or_default();
        let headers = request.headers_mut();
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put("authorization", &format!("Bearer {}", self.credentials.token));
        put("shipbob_channel_id", &self.channel);
        put("accept", "application/json");
        if effect == Effect::Write {
            put("content-type", "application/json");
        }
        let asked = Asked { endpoint, effect, secrets: Arc::clone(&self.secrets) };
        let class = if effect == Effect::Read { EndpointClass::Reads } else { EndpointClass::Writes };
        let read = Box::new(move |received: &Received| read(&asked, received));
        Call { endpoint, effect, class, request, read, foretold: nothing_foretold }
    }
}

impl Warehouse for Shipbob {
    fn provider(&self) -> Provider {
        Provider::Shipbob
    }

    fn account(&self) -> &str {
        &self.channel
    }

    fn rules(&self) -> Rules {
        Rules {
            settling: Span::from_seconds(15),
            contradicted_for: Span::from_seconds(60),
            absent_reads: 3,
            absent_for: Span::from_seconds(600),
            asked_again_after: Span::from_seconds(86_400),
            // Not picked, packed or shipped: the page of the cancel call (section A3).
            takes_picked_back: false,
        }
    }

    fn calls_per_minute(&self) -> u32 {
        CALLS_PER_MINUTE
    }

    fn call_timeout(&self) -> Span {
        CALL_TIMEOUT
    }

    fn check_account(&self) -> Call<()> {
        let channel = self.credentials.channel_id;
        self.call("GET /channel", (Method::GET, "/channel".to_owned()), Vec::new(), move |asked, received| {
            auth::read_channels(asked, channel, received)
        })
    }

    fn push_order(&self, order: &PushOrder) -> Call<String> {
        let body = orders::body(order);
        self.call("POST /order", (Method::POST, "/order".to_owned()), body, orders::read_pushed)
    }

    fn read_order(&self, named: &Named) -> Call<Option<SeenOrder>> {
        match named {
            Named::Number(number) => {
                let path = format!("/order/{}", wire::segment(number));
                self.call("GET /order/{id}", (Method::GET, path), Vec::new(), orders::read_one)
            }
            Named::Reference(reference) => {
                let path = format!("/order?{}", wire::query(&[("ReferenceIds", reference)]));
                let reference = reference.clone();
                self.call("GET /order", (Method::GET, path), Vec::new(), move |asked, received| {
                    orders::read_found(asked, &reference, received)
                })
            }
        }
    }

    fn withdraw(&self, number: &str) -> Call<WithdrawalAnswer> {
        // The colon stays literal (section A1).
        let path = format!("/order/{}:cancel", wire::segment(number));
        self.call("POST /order/{id}:cancel", (Method::POST, path), Vec::new(), withdrawal::read)
    }

    fn read_returns(&self, parcels: &[Parcel]) -> Call<Vec<SeenReturn>> {
        // A list's commas stay literal (section A1).
        let ids: Vec<String> = parcels.iter().map(|parcel| wire::segment(&parcel.number)).collect();
        let path = format!("/return?OriginalShipmentIds={}", ids.join(","));
        self.call("GET /return", (Method::GET, path), Vec::new(), returns::read)
    }

    fn subscribe(&self, callback_url: &str) -> Call<Subscribed> {
        let body = webhook::subscription(callback_url);
        let credentials = self.credentials.clone();
        self.call("POST /webhook", (Method::POST, "/webhook".to_owned()), body, move |asked, received| {
            webhook::read_subscribed(asked, &credentials, received)
        })
    }

    fn read_push(&self, headers: &http::HeaderMap, body: &[u8], now: Moment) -> Result<WarehousePush, PushRefused> {
        let id = webhook::verify(&self.credentials, headers, body, now)?;
        webhook::read(id, headers, body)
    }
}
