//! The generic warehouse protocol: for any warehouse that has none of its own which we speak.
//!
//! It is ours, and written down for the engineers of a warehouse in `docs/warehouse-protocol.md`; its operations and answers
//! are those of section B of `third-party-warehouses.md`, whose vocabulary follows what other systems say.
//!
//! | What | How |
//! |---|---|
//! | Transport | HTTPS, JSON, `/v1`; bearer token; the answer to `GET /v1/account` has to name the account that was entered |
//! | Limit | as the account says, else 60 calls a minute; 429 with `retry-after` in seconds |
//! | Push | `PUT` under our reference: repeated it changes nothing and answers the order that is there |
//! | Read | by id or reference; *not there* is a 404 with the code `order_unknown`, any other 404 is a wrong address |
//! | Withdraw | withdrawn, pending, or refused with a cause; pending ones tell their outcome in later reads |
//! | Returns | by order; counted from what was done with the units |
//! | List | what waits in the building, a page after an id; a 404 says that the warehouse does not tell it |
//! | Stock | by SKU; a 404 says that the warehouse does not tell it |
//! | Push | Standard Webhooks over id, time and raw body; a hint only |

pub mod auth;
mod errors;
mod orders;
mod returns;
mod stock;
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

/// What is entered to connect an account.
pub const FIELDS: &[AppField] = &[
    AppField { name: "account", title: "Account", secret: false, required: true, form: Form::Text },
    AppField { name: "token", title: "Access token", secret: true, required: true, form: Form::Text },
    AppField { name: "webhook_secret", title: "Webhook secret", secret: true, required: false, form: Form::Text },
    AppField { name: "calls_per_minute", title: "Calls a minute", secret: false, required: false, form: Form::Number },
];
/// Calls of one account in a minute where the warehouse said nothing else.
const CALLS_PER_MINUTE: u32 = 60;
/// How long an answer may take.
const CALL_TIMEOUT: Span = Span::from_seconds(15);

/// An account at a warehouse that speaks the protocol.
pub struct Generic {
    account: Account,
    credentials: Credentials,
}

impl Generic {
    /// Opens an account with its sealed credentials.
    ///
    /// # Errors
    /// [`OpenError`] when the address or the credentials are not usable.
    pub fn open(base_url: &str, credentials: &str) -> Result<Self, OpenError> {
        let credentials: Credentials = wire::read_credentials(credentials)?;
        let secrets = Arc::from([credentials.token.clone(), credentials.webhook_secret.clone().unwrap_or_default()]);
        let headers = vec![("authorization", format!("Bearer {}", credentials.token))];
        let base = format!("{}/v1", wire::base(base_url)?);
        let account = Account { base, headers, secrets, retry_after: "retry-after", words: errors::words };
        Ok(Self { account, credentials })
    }
}

impl Warehouse for Generic {
    fn provider(&self) -> Provider {
        Provider::Generic
    }

    fn account(&self) -> &str {
        &self.credentials.account
    }

    fn rules(&self) -> Rules {
        // Whether it does is said by its answer: it is asked.
        Rules { takes_picked_back: true, ..Rules::USUAL }
    }

    fn calls_per_minute(&self) -> u32 {
        self.credentials.calls_per_minute.unwrap_or(CALLS_PER_MINUTE)
    }

    fn call_timeout(&self) -> Span {
        CALL_TIMEOUT
    }

    fn check_account(&self) -> Call<()> {
        let expected = self.credentials.account.clone();
        let read = ("GET /account", Effect::Read);
        self.account.call(read, (Method::GET, "/account"), Vec::new(), move |asked, received| {
            auth::read_account(asked, &expected, received)
        })
    }

    fn push_order(&self, order: &PushOrder) -> Call<String> {
        let path = format!("/orders/{}", wire::segment(&order.reference));
        let write = ("PUT /orders/{reference}", Effect::Write);
        self.account.call(write, (Method::PUT, &path), orders::body(order), orders::read_pushed)
    }

    fn read_order(&self, named: &Named) -> Call<Option<SeenOrder>> {
        match named {
            Named::Number(number) => {
                let path = format!("/orders/{}", wire::segment(number));
                let read = ("GET /orders/{id}", Effect::Read);
                self.account.call(read, (Method::GET, &path), Vec::new(), orders::read_one)
            }
            Named::Reference(reference) => {
                let path = format!("/orders?{}", wire::query(&[("reference", reference)]));
                let reference = reference.clone();
                let read = ("GET /orders", Effect::Read);
                self.account.call(read, (Method::GET, &path), Vec::new(), move |asked, received| {
                    orders::read_found(asked, &reference, received)
                })
            }
        }
    }

    fn withdraw(&self, number: &str) -> Call<WithdrawalAnswer> {
        let path = format!("/orders/{}/withdrawal", wire::segment(number));
        let write = ("POST /orders/{id}/withdrawal", Effect::Write);
        self.account.call(write, (Method::POST, &path), withdrawal::body(), withdrawal::read)
    }

    fn read_returns(&self, left: &LeftOrder<'_>) -> Call<Vec<SeenReturn>> {
        let path = format!("/orders/{}/returns", wire::segment(left.number));
        let read = ("GET /orders/{id}/returns", Effect::Read);
        self.account.call(read, (Method::GET, &path), Vec::new(), returns::read)
    }

    fn list_orders(&self, after: &str, _now: Moment) -> Call<OrderPage> {
        let path = format!("/orders?{}", wire::query(&[("waiting", "true"), ("after", after)]));
        self.account.call(("GET /orders", Effect::Read), (Method::GET, &path), Vec::new(), orders::read_page)
    }

    fn read_stock(&self, skus: &[String]) -> Option<Call<Vec<ShelfUnits>>> {
        let pairs: Vec<(&str, &str)> = skus.iter().map(|sku| ("sku", sku.as_str())).collect();
        let path = format!("/stock?{}", wire::query(&pairs));
        Some(self.account.call(("GET /stock", Effect::Read), (Method::GET, &path), Vec::new(), stock::read))
    }

    fn subscribe(&self, callback_url: &str) -> Option<Call<Subscribed>> {
        let credentials = self.credentials.clone();
        let (write, body) = (("PUT /push-target", Effect::Write), webhook::target(callback_url));
        let call = self.account.call(write, (Method::PUT, "/push-target"), body, move |asked, received| {
            webhook::read_subscribed(asked, &credentials, received)
        });
        Some(call)
    }

    fn read_push(&self, headers: &http::HeaderMap, body: &[u8], now: Moment) -> Result<WarehousePush, PushRefused> {
        let id = standard_webhooks::verify(self.credentials.webhook_secret.as_deref(), headers, body, now)?;
        webhook::read(id, body)
    }
}
