//! Warehouses whose system is of the YiCang family, Goodcang among them: the page of facts, the wiring.
//!
//! Facts are from section C1 of `third-party-warehouses.md`, the project's fact sheet; nothing was tried against a live account.
//!
//! | What | Fact | Mark |
//! |---|---|---|
//! | Transport | HTTPS, every call is a POST of JSON with the headers `app-token` and `app-key`; no signature | `C3` |
//! | Answers | `ask` is `Success` where the *call* worked; anything else failed | `C3` |
//! | Push | `reference_no`, at most 50 characters, is unique among live orders; the id stands beside or in `data` | `S`, `?` |
//! | Read | by code, or by reference (the parameter's name is the push's: `I`, can be entered) | `C2` |
//! | Not there | how that is told is not known: an empty `data` is; a failure only with a code that was entered | `?` |
//! | Phases | C, H, W, N, P wait, D left, X is void; none tells picked from not picked | `C3` |
//! | Withdraw | `cancel_status`: 1 tries, 2 stopped, 3 failed without a cause, 4 stopped and not refunded; else a read tells | `C3`, 4 `S` |
//! | Returns | `asro_status` 5 is done; looked up by our reference of the order (`I`) | `C2` |
//! | List | by status and page of at most 100; drafts and what awaits review are in another list, which is not read | `C2` |
//! | Stock | `sellable` and `reserved`, numbers as texts; whether the one holds the other is not said (`?`): both are allowed for | `S` |
//! | Limit | none found: 60 calls a minute unless another number was entered | `?` |
//! | Pushes | none found: orders are looked at now and then | `?` |
//!
//! The transport by SOAP that some of these systems have is not spoken.

pub mod auth;
mod errors;
mod orders;
mod returns;
mod stock;
#[cfg(test)]
mod tests;
mod withdrawal;

use std::sync::Arc;

use domain::provider::Provider;
use domain::time::{Moment, Span};
use domain::warehouse_order::Rules;
use http::Method;
use serde::Serialize;

use crate::call::{Call, CallError, Effect, Received};
use crate::connecting::{AppField, Form};
use crate::connector::PushRefused;
use crate::warehouse::account::{Account, Asked};
use crate::warehouse::{
    LeftOrder, Named, OrderPage, PushOrder, SeenOrder, SeenReturn, ShelfUnits, Subscribed, Warehouse, WarehousePush,
    WithdrawalAnswer,
};
use crate::{OpenError, wire};
use auth::Credentials;

/// The address of Goodcang's API; another warehouse of the family has its own.
pub const ADDRESS: &str = "https://oms.goodcang.net/public_open";
/// What is entered to connect an account.
pub const FIELDS: &[AppField] = &[
    AppField { name: "app_token", title: "App token", secret: true, required: true, form: Form::Text },
    AppField { name: "app_key", title: "App key", secret: true, required: true, form: Form::Text },
    AppField { name: "warehouse_code", title: "Warehouse code", secret: false, required: true, form: Form::Text },
    AppField { name: "shipping_method", title: "Shipping method", secret: false, required: true, form: Form::Text },
    AppField { name: "zipcode", title: "Postcode told", secret: false, required: false, form: Form::Text },
    AppField { name: "absent_codes", title: "Code of no such order", secret: false, required: false, form: Form::List },
    AppField {
        name: "reference_parameter",
        title: "Parameter of the reference",
        secret: false,
        required: false,
        form: Form::Text,
    },
    AppField { name: "calls_per_minute", title: "Calls a minute", secret: false, required: false, form: Form::Number },
];
/// Calls of one account in a minute where nothing else was entered; the sheet knows no limit.
const CALLS_PER_MINUTE: u32 = 60;
/// How long an answer may take.
const CALL_TIMEOUT: Span = Span::from_seconds(15);
/// The largest page of stock.
const STOCK_PAGE: u8 = 200;
/// The largest page of orders.
const ORDERS_PER_PAGE: u32 = 100;
/// The statuses of an order that waits in the building, as the list takes them.
const WAITING: [&str; 3] = ["W", "N", "P"];
/// Why an order is asked back, for the warehouse's people.
const REASON: &str = "The order is canceled at the marketplace.";

/// An account at a warehouse of the family.
pub struct Yicang {
    account: Account,
    credentials: Credentials,
    name: String,
}

#[derive(Serialize)]
struct ByCode<'a> {
    order_code: &'a str,
}

#[derive(Serialize)]
struct Cancel<'a> {
    order_code: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct ReturnSearch<'a> {
    reference_no: &'a str,
}

#[derive(Serialize)]
struct StockSearch<'a> {
    page: u8,
    #[serde(rename = "pageSize")]
    page_size: u8,
    product_sku_arr: &'a [String],
    warehouse_code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page: u32,
    page_size: u32,
    #[serde(rename = "order_status", skip_serializing_if = "Option::is_none")]
    order_status: Option<&'static str>,
}

impl Yicang {
    /// Opens an account with its sealed credentials.
    ///
    /// # Errors
    /// [`OpenError`] when the address or the credentials are not usable.
    pub fn open(base_url: &str, credentials: &str) -> Result<Self, OpenError> {
        let credentials: Credentials = wire::read_credentials(credentials)?;
        let secrets = Arc::from([credentials.app_token.clone(), credentials.app_key.clone()]);
        let headers = vec![("app-token", credentials.app_token.clone()), ("app-key", credentials.app_key.clone())];
        let account = Account {
            base: wire::base_with_path(base_url)?,
            headers,
            secrets,
            retry_after: "retry-after",
            words: errors::words,
        };
        let name = auth::account_name(&credentials);
        Ok(Self { account, credentials, name })
    }

    fn post<T>(
        &self,
        (endpoint, effect): (&'static str, Effect),
        body: Vec<u8>,
        read: impl Fn(&Asked, &Received) -> Result<T, CallError> + Send + Sync + 'static,
    ) -> Call<T> {
        self.account.call((endpoint, effect), (Method::POST, endpoint), body, read)
    }
}

impl Warehouse for Yicang {
    fn provider(&self) -> Provider {
        Provider::Yicang
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn rules(&self) -> Rules {
        // No status tells what is picked.
        Rules { takes_picked_back: false, ..Rules::USUAL }
    }

    fn calls_per_minute(&self) -> u32 {
        self.credentials.calls_per_minute.unwrap_or(CALLS_PER_MINUTE)
    }

    fn call_timeout(&self) -> Span {
        CALL_TIMEOUT
    }

    fn check_account(&self) -> Call<()> {
        // No call is known that tells the account: one that reads the orders shows that token and key are taken.
        let body = wire::json(&Page { page: 1, page_size: 1, order_status: None });
        self.post(("/order/get_order_list", Effect::Read), body, errors::read_taken)
    }

    fn push_order(&self, order: &PushOrder) -> Call<String> {
        let body = orders::body(order, &self.credentials);
        self.post(("/order/create_order", Effect::Write), body, orders::read_pushed)
    }

    fn read_order(&self, named: &Named) -> Call<Option<SeenOrder>> {
        let absent = self.credentials.absent_codes.clone();
        match named {
            Named::Number(number) => {
                let body = wire::json(&ByCode { order_code: number });
                self.post(("/order/get_order_by_code", Effect::Read), body, move |asked, received| {
                    orders::read(asked, &absent, None, received)
                })
            }
            Named::Reference(reference) => {
                let parameter = self.credentials.reference_parameter.as_deref().unwrap_or("reference_no");
                let mut body = serde_json::Map::new();
                body.insert(parameter.to_owned(), reference.as_str().into());
                let (body, reference) = (wire::json(&body), reference.clone());
                self.post(("/order/get_order_by_ref_code", Effect::Read), body, move |asked, received| {
                    orders::read(asked, &absent, Some(&reference), received)
                })
            }
        }
    }

    fn withdraw(&self, number: &str) -> Call<WithdrawalAnswer> {
        let body = wire::json(&Cancel { order_code: number, reason: REASON });
        self.post(("/order/cancel_order", Effect::Write), body, withdrawal::read)
    }

    fn read_returns(&self, left: &LeftOrder<'_>) -> Call<Vec<SeenReturn>> {
        let body = wire::json(&ReturnSearch { reference_no: left.reference });
        self.post(("/return_order/search", Effect::Read), body, returns::read)
    }

    fn list_orders(&self, after: &str, _now: Moment) -> Call<OrderPage> {
        // One status after the other, each page by page.
        let (status, page) = after.split_once('/').unwrap_or_default();
        let place = WAITING.iter().position(|known| *known == status).unwrap_or(0);
        let page: u32 = page.parse().unwrap_or(1);
        let body = wire::json(&Page { page, page_size: ORDERS_PER_PAGE, order_status: WAITING.get(place).copied() });
        self.post(("/order/get_order_list", Effect::Read), body, move |asked, received| {
            orders::read_page(asked, (place, page), received)
        })
    }

    fn read_stock(&self, skus: &[String]) -> Option<Call<Vec<ShelfUnits>>> {
        let body = wire::json(&StockSearch {
            page: 1,
            page_size: STOCK_PAGE,
            product_sku_arr: skus,
            warehouse_code: &self.credentials.warehouse_code,
        });
        Some(self.post(("/inventory/get_product_inventory", Effect::Read), body, stock::read))
    }

    fn subscribe(&self, _callback_url: &str) -> Option<Call<Subscribed>> {
        None
    }

    fn read_push(&self, _: &http::HeaderMap, _: &[u8], _: Moment) -> Result<WarehousePush, PushRefused> {
        Err(PushRefused::Unsigned)
    }
}
