//! Lazada: the page of facts, the capability table, the wiring.
//!
//! Facts are from `lazada.md`, the project's fact sheet of the Lazada Open Platform; a tag such as `C4` is the sheet's
//! certainty. What differs by market or is uncertain is in `lazada/policy.toml`.
//!
//! | What | Fact | Section |
//! |---|---|---|
//! | Transport | HTTPS, GET and POST; lists inside parameters are JSON text (`C5`) | 0, 3 |
//! | Host | one per country; tokens have a host of their own (`C6`) | 1 |
//! | Times | `YYYY-MM-DD HH:MM:SS +0800`, ISO 8601 or milliseconds; in whole seconds (`C3`) | 5.1 |
//! | Ids | decimal numbers; an order's is unique within one shop only (`DOC`) | 0 |
//! | Money | a number or a text in the item's currency, not in minor units (`C3`) | 5.1, 5.3 |
//! | Signature | HMAC-SHA256, upper-case hex, over path and all parameters sorted by name (`C8`) | 3 |
//! | Clock | 7,200 s of tolerance (`C5`); the error's code is not documented | 3 |
//! | Tokens | lives are told, not fixed; a refresh does not lengthen the refresh token's own (`DOC`) | 2 |
//! | Success | HTTP 200 and `code` `"0"`; a second level may still say no (`C4`) | 0, 4 |
//! | Orders | no status of their own: each unit sold is an item with its own (`C4`) | 0, 5.5 |
//! | List | by update time, 100 a page, the first 5,000 rows only (`C2`) | 5.1 |
//! | Detail | items of at most 50 orders in one call (`C4`), the rest order by order (`C5`) | 5.2, 5.4 |
//! | Cancel | validate, which names the reasons with their ids, then create; no idempotency key (`C3`) | 6 |
//! | Stock | absolute sellable numbers, as XML (`C4`) | 9 |
//! | Push | HMAC over app key and raw body (`C3`) | 10 |
//!
//! | Capability | This version | Why |
//! |---|---|---|
//! | cancel as the seller | yes | section 6 |
//! | cancel chosen lines | yes | section 6.5: any subset of the items; what happens to a parcel's others is disputed |
//! | set stock | yes | section 9; not for shops with several warehouses, see [`stock`] |
//! | pushes | yes | section 10 |
//! | answer buyers' requests | yes | section 7; [`requests`] |
//! | pack, ready-to-ship, repack, labels | yes | section 8; not where one of several carriers must be chosen |

pub mod auth;
mod cancel;
mod eligibility;
mod errors;
mod orders;
mod reasons;
mod requests;
mod shipping;
mod sign;
mod status;
mod stock;
#[cfg(test)]
mod tests;
mod times;
mod webhook;

use std::sync::Arc;

use domain::ids::{ListingId, OrderNumber};
use domain::platform::Platform;
use domain::policy::{EndpointClass, Policy};
use domain::shipment::Act;
use domain::snapshot::{ListingSnapshot, OrderSnapshot};
use domain::time::{Moment, Span};
use http::{Method, Request};

use crate::OpenError;
use crate::call::{Call, CallError, Effect, Received, class_of, nothing_foretold};
use crate::connector::{
    AnswerRequest, CancelAccepted, CancelChecked, CancelOrder, Capabilities, Connector, ConnectorError, LabelOf,
    LabelRead, OrderPage, OrdersRead, Push, PushRefused, RejectReasonsRead, RenewedCredentials, RequestRef, SetStock,
    SetStockResult, ShipmentAccepted, ShipmentChecked, ShipmentPart, Window,
};
use crate::policy::Bounds;
use crate::wire;
use auth::Credentials;
use errors::Asked;

/// Names and values of a call.
type Parameters = Vec<(&'static str, String)>;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("lazada/policy.toml");

/// What Lazada's API itself allows (sections 5 and 6).
pub(crate) const BOUNDS: Bounds = Bounds {
    reason_values: &reasons::VALUES,
    lines_required: &reasons::LINES_REQUIRED,
    // No longest window is documented; a longer one only makes more pages.
    list_window: Span::from_seconds(90 * 86_400),
    read_batch: orders::READ_MAX as i64,
    labels: &shipping::LABELS,
};

/// The path under which every API of a host lives; it is not signed (section 1).
const REST: &str = "/rest";

/// One shop on Lazada.
#[derive(Debug)]
pub struct Lazada {
    account: Arc<Account>,
    policy: Arc<Policy>,
}

/// What builds the requests of one shop.
pub(crate) struct Account {
    base: String,
    token_base: String,
    credentials: Credentials,
    secrets: Arc<[String]>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("base", &self.base)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Lazada {
    /// Opens a shop: see [`crate::open`]. The address may end in `/rest`, as the documentation writes it.
    ///
    /// # Errors
    /// [`OpenError`] when address or credentials are not usable.
    pub fn open(base_url: &str, credentials: &str, policy: Arc<Policy>) -> Result<Self, OpenError> {
        let credentials = Credentials::read(credentials)?;
        let origin = origin(base_url)?;
        let account = Account {
            base: format!("{origin}{REST}"),
            token_base: format!("{}{REST}", auth::token_host(&origin)),
            secrets: credentials.secrets().into(),
            credentials,
        };
        Ok(Self { account: Arc::new(account), policy })
    }
}

impl Account {
    fn asked(&self, endpoint: &'static str, effect: Effect) -> Asked {
        Asked { endpoint, effect, secrets: Arc::clone(&self.secrets) }
    }

    /// A call with everything in the query, as the documented GETs have it.
    fn get(&self, path: &str, parameters: &Parameters, platform_now: Moment) -> Request<Vec<u8>> {
        let query = self.signed(path, parameters, true, platform_now);
        let mut request = Request::new(Vec::new());
        // Base, path and encoded query make a URI unless they are longer than HTTP allows (65,534 bytes), which only a
        // cursor that no platform sends can make them. It then goes out without parameters and is refused.
        let uri = format!("{}{path}?{query}", self.base).parse().or_else(|_| format!("{}{path}", self.base).parse());
        *request.uri_mut() = uri.unwrap_or_default();
        request
    }

    /// A call with everything in a form.
    fn post(&self, path: &str, parameters: &Parameters, platform_now: Moment) -> Request<Vec<u8>> {
        form(&self.base, path, self.signed(path, parameters, true, platform_now))
    }

    /// A call for tokens: another host, and no token in it (section 2).
    fn token_post(&self, path: &str, parameters: &Parameters, platform_now: Moment) -> Request<Vec<u8>> {
        form(&self.token_base, path, self.signed(path, parameters, false, platform_now))
    }

    /// All parameters with their signature, encoded. Empty values are left out, because the sides disagree on how they
    /// are signed (section 3).
    fn signed(&self, path: &str, parameters: &Parameters, with_token: bool, platform_now: Moment) -> String {
        let Credentials { app_key, app_secret, access_token, .. } = &self.credentials;
        let mut pool = parameters.clone();
        pool.push(("app_key", app_key.clone()));
        pool.push(("timestamp", platform_now.millis().to_string()));
        pool.push(("sign_method", "sha256".to_owned()));
        if with_token {
            pool.push(("access_token", access_token.clone()));
        }
        pool.retain(|(_, value)| !value.is_empty());
        let signature = sign::sign(app_secret, &sign::base_string(path, &pool));
        pool.push(("sign", signature));
        wire::query(&pool)
    }
}

impl Connector for Lazada {
    fn platform(&self) -> Platform {
        Platform::Lazada
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            seller_cancel: self.policy.seller_cancel,
            partial_cancel: self.policy.partial_cancel.on,
            set_stock: true,
            pushes: true,
            requests: requests::OFFERED,
            shipping: true,
            ready_to_ship: shipping::READY_TO_SHIP,
            repack: shipping::REPACK && self.policy.shipping.repack,
        }
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn shop_account(&self) -> &str {
        &self.account.credentials.seller_id
    }

    fn app(&self) -> &str {
        &self.account.credentials.app_key
    }

    fn refresh_ends(&self) -> Option<Moment> {
        self.account.credentials.refresh_ends.map(Moment::from_seconds)
    }

    fn access_ends(&self) -> Moment {
        Moment::from_seconds(self.account.credentials.access_ends)
    }

    fn refresh_ahead(&self) -> Span {
        auth::REFRESH_AHEAD
    }

    fn exchange_code(&self, code: &str, platform_now: Moment) -> Call<RenewedCredentials> {
        self.tokens(auth::TOKEN_CREATE, &vec![("code", code.to_owned())], platform_now)
    }

    fn refresh(&self, platform_now: Moment) -> Call<RenewedCredentials> {
        let refresh_token = self.account.credentials.refresh_token.clone();
        self.tokens(auth::TOKEN_REFRESH, &vec![("refresh_token", refresh_token)], platform_now)
    }

    fn list_orders(&self, window: Window, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        let place = orders::Place::of(window, cursor);
        let asked = self.account.asked(orders::GET_ORDERS, Effect::Read);
        let request = self.account.get(asked.endpoint, &orders::list_parameters(window, place), platform_now);
        call(asked, request, move |asked, received| orders::read_list(asked, place, received))
    }

    fn read_orders(&self, numbers: &[OrderNumber], platform_now: Moment) -> Call<OrdersRead> {
        orders::Reading::of(&self.account, &self.policy, numbers, platform_now).first()
    }

    fn check_cancel(
        &self,
        cancel: &CancelOrder,
        platform_now: Moment,
    ) -> Option<Result<Call<CancelChecked>, ConnectorError>> {
        Some(eligibility::check(&self.account, &self.policy, cancel, platform_now))
    }

    fn cancel_order(&self, cancel: &CancelOrder, platform_now: Moment) -> Result<Call<CancelAccepted>, ConnectorError> {
        cancel::send(&self.account, &self.policy, cancel, platform_now)
    }

    fn list_requests(&self, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        requests::list(&self.account, cursor, platform_now)
    }

    fn reject_reasons(
        &self,
        request: &RequestRef,
        platform_now: Moment,
    ) -> Option<Result<Call<RejectReasonsRead>, ConnectorError>> {
        Some(requests::reject_reasons(&self.account, request, platform_now))
    }

    fn answer_request(
        &self,
        answer: &AnswerRequest,
        platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError> {
        requests::answer(&self.account, answer, platform_now)
    }

    fn next_part(&self, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
        shipping::next_part(&self.policy, act, order)
    }

    fn check_shipment(&self, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentChecked>> {
        shipping::check(&self.account, part, platform_now)
    }

    fn send_shipment(
        &self,
        part: &ShipmentPart,
        platform_now: Moment,
    ) -> Result<Call<ShipmentAccepted>, ConnectorError> {
        shipping::send(&self.account, part, platform_now).ok_or(ConnectorError::ShipmentUnchecked)
    }

    fn read_label(&self, label: &LabelOf, platform_now: Moment) -> Call<LabelRead> {
        shipping::label(&self.account, self.policy.shipping.label_retry, label, platform_now)
    }

    fn read_listings(
        &self,
        listings: &[ListingId],
        platform_now: Moment,
    ) -> Result<Call<Vec<ListingSnapshot>>, ConnectorError> {
        let parameters = stock::read_parameters(listings)?;
        let asked = self.account.asked(stock::GET_ITEM, Effect::Read);
        let request = self.account.get(asked.endpoint, &parameters, platform_now);
        let listings = listings.to_vec();
        Ok(call(asked, request, move |asked, received| stock::read(asked, &listings, received)))
    }

    fn listing_groups(&self, listings: &[ListingId]) -> Vec<Vec<ListingId>> {
        stock::groups(listings)
    }

    fn set_stock(&self, stock: &[SetStock], platform_now: Moment) -> Result<Call<Vec<SetStockResult>>, ConnectorError> {
        let parameters = stock::update_parameters(stock)?;
        let asked = self.account.asked(stock::UPDATE_SELLABLE, Effect::Write);
        let request = self.account.post(asked.endpoint, &parameters, platform_now);
        let listings: Vec<ListingId> = stock.iter().map(|row| row.listing.clone()).collect();
        Ok(call(asked, request, move |asked, received| stock::read_update(asked, &listings, received)))
    }

    fn read_push(&self, _callback_url: &str, headers: &http::HeaderMap, body: &[u8]) -> Result<Push, PushRefused> {
        webhook::verify(&self.account.credentials, headers, body)?;
        webhook::read(body)
    }
}

impl Lazada {
    fn tokens(
        &self,
        endpoint: &'static str,
        parameters: &Parameters,
        platform_now: Moment,
    ) -> Call<RenewedCredentials> {
        let asked = self.account.asked(endpoint, Effect::Write);
        let request = self.account.token_post(endpoint, parameters, platform_now);
        let credentials = self.account.credentials.clone();
        call(asked, request, move |asked, received| auth::read_tokens(asked, &credentials, platform_now, received))
    }
}

/// Which budget a call is counted in.
fn class(endpoint: &str, effect: Effect) -> EndpointClass {
    class_of(endpoint, effect, &[auth::TOKEN_CREATE, auth::TOKEN_REFRESH], &[stock::GET_ITEM, stock::UPDATE_SELLABLE])
}

fn call<T>(
    asked: Asked,
    request: Request<Vec<u8>>,
    read: impl Fn(&Asked, &Received) -> Result<T, CallError> + Send + Sync + 'static,
) -> Call<T> {
    Call {
        endpoint: asked.endpoint,
        effect: asked.effect,
        class: class(asked.endpoint, asked.effect),
        request,
        read: Box::new(move |received| read(&asked, received)),
        foretold: nothing_foretold,
    }
}

fn form(base: &str, path: &str, body: String) -> Request<Vec<u8>> {
    let mut request = Request::new(body.into_bytes());
    // An origin that was parsed and a path of ours make a URI.
    *request.uri_mut() = format!("{base}{path}").parse().unwrap_or_default();
    *request.method_mut() = Method::POST;
    let form = http::HeaderValue::from_static("application/x-www-form-urlencoded;charset=utf-8");
    request.headers_mut().insert(http::header::CONTENT_TYPE, form);
    request
}

/// The API's origin: its address without `/rest`, which the documentation writes at its end.
fn origin(address: &str) -> Result<String, OpenError> {
    let host = address.trim_end_matches('/');
    wire::base(host.strip_suffix(REST).unwrap_or(host)).map_err(|_| OpenError::Address(address.to_owned()))
}
