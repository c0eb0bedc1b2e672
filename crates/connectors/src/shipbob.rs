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
//! | List | changed since a day, by page of at most 250 (`S`); pages are counted from 1 (`I`) | A3 |
//! | Withdraw | answers 200 also when it failed: each shipment's `is_success` counts (`C2`) | A4 |
//! | Too late | picked, packed, labelled or completed (`C2`) | A3 |
//! | Returns | counted from what was done with the units, never from what was asked (`I`) | A5 |
//! | Push | Standard Webhooks over id, time and raw body (`C2`); a hint only | A6 |
//!
//! A second withdrawal of the same order, and which of 200 and 422 a picked order gets, is documented nowhere: the answer
//! is *unclear* then, and the read decides. Stock is not compared: it is told by ShipBob's own id of a product (section A7), and
//! neither how that is found by a SKU nor what each of its numbers counts is in the sheet.

pub mod auth;
mod errors;
mod orders;
mod returns;
#[cfg(test)]
mod tests;
mod webhook;
mod withdrawal;

use std::sync::Arc;

use domain::provider::Provider;
use domain::time::{Moment, Span};
use domain::warehouse_order::Rules;
use http::Method;

use crate::call::{Call, Effect};
use crate::connecting::{AppField, Form};
use crate::connector::PushRefused;
use crate::warehouse::account::Account;
use crate::warehouse::{
    LeftOrder, Named, OrderPage, PushOrder, SeenOrder, SeenReturn, ShelfUnits, Subscribed, Warehouse, WarehousePush,
    WithdrawalAnswer, standard_webhooks,
};
use crate::{OpenError, wire};
use auth::Credentials;

/// The address of its API (section A1).
pub const ADDRESS: &str = "https://api.shipbob.com";
/// What is entered to connect an account.
pub const FIELDS: &[AppField] = &[
    AppField { name: "token", title: "Personal access token", secret: true, required: true, form: Form::Text },
    AppField { name: "channel_id", title: "Channel id", secret: false, required: true, form: Form::Number },
    AppField { name: "webhook_secret", title: "Webhook secret", secret: true, required: false, form: Form::Text },
];
/// The version that is spoken (section A1): supported until 2027-01-31.
const VERSION: &str = "2026-01";
/// Calls of one account in a minute, with some left to other software of the merchant's (section A1: 150).
const CALLS_PER_MINUTE: u32 = 130;
/// The largest page of orders (section A3).
const ORDERS_PER_PAGE: usize = 250;
/// Orders that changed since are listed: what nobody touched for longer waits for nothing.
const LISTED_FOR: Span = Span::from_seconds(30 * 86_400);
/// How long an answer may take.
const CALL_TIMEOUT: Span = Span::from_seconds(15);

/// An account at ShipBob.
pub struct Shipbob {
    account: Account,
    credentials: Credentials,
    channel: String,
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
        let headers =
            vec![("authorization", format!("Bearer {}", credentials.token)), ("shipbob_channel_id", channel.clone())];
        let base = format!("{}/{VERSION}", wire::base(base_url)?);
        let account = Account { base, headers, secrets, retry_after: errors::RETRY_AFTER, words: errors::words };
        Ok(Self { account, credentials, channel })
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
        // Not picked, packed or shipped: the page of the cancel call (section A3).
        Rules { takes_picked_back: false, ..Rules::USUAL }
    }

    fn calls_per_minute(&self) -> u32 {
        CALLS_PER_MINUTE
    }

    fn call_timeout(&self) -> Span {
        CALL_TIMEOUT
    }

    fn check_account(&self) -> Call<()> {
        let channel = self.credentials.channel_id;
        let read = ("GET /channel", Effect::Read);
        self.account.call(read, (Method::GET, "/channel"), Vec::new(), move |asked, received| {
            auth::read_channels(asked, channel, received)
        })
    }

    fn push_order(&self, order: &PushOrder) -> Call<String> {
        let write = ("POST /order", Effect::Write);
        self.account.call(write, (Method::POST, "/order"), orders::body(order), orders::read_pushed)
    }

    fn read_order(&self, named: &Named) -> Call<Option<SeenOrder>> {
        match named {
            Named::Number(number) => {
                let path = format!("/order/{}", wire::segment(number));
                let read = ("GET /order/{id}", Effect::Read);
                self.account.call(read, (Method::GET, &path), Vec::new(), orders::read_one)
            }
            Named::Reference(reference) => {
                let path = format!("/order?{}", wire::query(&[("ReferenceIds", reference)]));
                let reference = reference.clone();
                let read = ("GET /order", Effect::Read);
                self.account.call(read, (Method::GET, &path), Vec::new(), move |asked, received| {
                    orders::read_found(asked, &reference, received)
                })
            }
        }
    }

    fn withdraw(&self, number: &str) -> Call<WithdrawalAnswer> {
        // The colon stays literal (section A1).
        let path = format!("/order/{}:cancel", wire::segment(number));
        let write = ("POST /order/{id}:cancel", Effect::Write);
        self.account.call(write, (Method::POST, &path), Vec::new(), withdrawal::read)
    }

    fn read_returns(&self, left: &LeftOrder<'_>) -> Call<Vec<SeenReturn>> {
        // A list's commas stay literal (section A1).
        let ids: Vec<String> = left.parcels.iter().map(|parcel| wire::segment(&parcel.number)).collect();
        let path = format!("/return?OriginalShipmentIds={}", ids.join(","));
        self.account.call(("GET /return", Effect::Read), (Method::GET, &path), Vec::new(), returns::read)
    }

    fn list_orders(&self, after: &str, now: Moment) -> Call<OrderPage> {
        let page: u32 = after.parse().unwrap_or(1);
        // A day alone: how a time is written is not in the sheet, and a colon may not be escaped (section A1).
        let since = orders::day_of(now.minus(LISTED_FOR));
        let path = format!("/order?LastUpdateStartDate={since}&Page={page}&Limit={ORDERS_PER_PAGE}");
        self.account.call(("GET /order", Effect::Read), (Method::GET, &path), Vec::new(), move |asked, received| {
            orders::read_page(asked, page, received)
        })
    }

    fn read_stock(&self, _skus: &[String]) -> Option<Call<Vec<ShelfUnits>>> {
        // See the page of facts above.
        None
    }

    fn subscribe(&self, callback_url: &str) -> Option<Call<Subscribed>> {
        let body = webhook::subscription(callback_url);
        let credentials = self.credentials.clone();
        let write = ("POST /webhook", Effect::Write);
        let call = self.account.call(write, (Method::POST, "/webhook"), body, move |asked, received| {
            webhook::read_subscribed(asked, &credentials, received)
        });
        Some(call)
    }

    fn read_push(&self, headers: &http::HeaderMap, body: &[u8], now: Moment) -> Result<WarehousePush, PushRefused> {
        let id = standard_webhooks::verify(self.credentials.webhook_secret.as_deref(), headers, body, now)?;
        webhook::read(id, headers, body)
    }
}
