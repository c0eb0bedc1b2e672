//! Shopee: the page of facts, the capability table, the wiring.
//!
//! Facts are from `shopee.md`, the project's fact sheet of the Shopee Open Platform API v2; a tag such as `C4` is the
//! sheet's certainty. What differs by market or is uncertain is in `shopee/policy.toml`.
//!
//! | What | Fact | Section |
//! |---|---|---|
//! | Transport | HTTPS, GET and POST, JSON; every path starts with `/api/v2/` (`C6`) | 1 |
//! | Host | by where our server is, not by the shop's market; never signed (`C6`) | 2 |
//! | Times | Unix seconds; more than 10^11 is milliseconds (`C4`, `S:docs`) | 1 |
//! | Ids | 64 bits; `order_sn` and `package_number` are opaque texts (`C2`, `C4`) | 1 |
//! | Money | a JSON number in the shop's currency, not in minor units (`C3`) | 1 |
//! | Signature | HMAC-SHA256, lower-case hex, over partner id, path, timestamp, access token, shop id (`C6`) | 4 |
//! | Clock | 300 s of tolerance; beyond it `error_param` with words about the timestamp (`C3`, `C2`) | 4 |
//! | Tokens | access 4 h, refresh 30 days and single use (`C5`) | 3.4 |
//! | Success | `error` is empty, whatever the HTTP status; failures come with 200 too (`C6`, `C2`) | 5 |
//! | List | by update time, at most 15 days, 100 a page, opaque cursor (`C5`) | 6.1 |
//! | Detail | at most 50 orders, optional fields only on request (`C5`) | 6.2 |
//! | Cancel | whole order, no idempotency key, not said to be final at reply time | 8, 15.2 |
//! | Stock | absolute, one item and 50 variations a call (`C4`) | 11 |
//! | Push | HMAC over callback address, bar, raw body (`C5`); which key is disputed (`X`) | 12.1 |
//!
//! | Capability | This version | Why |
//! |---|---|---|
//! | cancel as the seller | yes | section 8 |
//! | cancel chosen lines | by policy, off | the API has it since 2026-05 (section 8); the product keeps whole orders by default |
//! | set stock | yes | section 11; not for shops with several warehouses, see [`stock`] |
//! | pushes | yes | section 12 |
//! | answer buyers' requests | yes | section 9; no reason to reject with |
//! | arrange shipment, labels | yes | section 10; not with the seller's own carrier |
//! | ready to ship, repack | no | arranging says it all, and no call takes it back |

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
mod webhook;

use std::sync::Arc;

use domain::ids::{ListingId, OrderNumber};
use domain::platform::Platform;
use domain::policy::{EndpointClass, Policy};
use domain::shipment::Act;
use domain::snapshot::{ListingSnapshot, OrderSnapshot};
use domain::time::{Moment, Span};
use http::{Method, Request};
use serde::Serialize;

use crate::OpenError;
use crate::call::{Call, Effect, class_of, nothing_foretold};
use crate::connector::{
    AnswerRequest, CancelAccepted, CancelChecked, CancelOrder, Capabilities, Connector, ConnectorError, LabelOf,
    LabelRead, OrderPage, OrdersRead, Push, PushRefused, RejectReasonsRead, RenewedCredentials, RequestRef, SetStock,
    SetStockResult, ShipmentAccepted, ShipmentChecked, ShipmentPart, Window,
};
use crate::policy::Bounds;
use auth::Credentials;
use errors::Asked;

/// Names and values of a query.
type Parameters = Vec<(&'static str, String)>;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("shopee/policy.toml");

/// What Shopee's API itself allows (sections 6, 8 and 14).
pub(crate) const BOUNDS: Bounds = Bounds {
    reason_values: &reasons::VALUES,
    lines_required: &[reasons::OUT_OF_STOCK],
    list_window: Span::from_seconds(15 * 86_400),
    read_batch: orders::READ_MAX as i64,
    labels: &shipping::LABELS,
};

/// One shop on Shopee.
pub struct Shopee {
    base: String,
    credentials: Credentials,
    shop_account: String,
    app: String,
    secrets: Arc<[String]>,
    policy: Arc<Policy>,
}

impl std::fmt::Debug for Shopee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shopee")
            .field("base", &self.base)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Shopee {
    /// Opens a shop: see [`crate::open`].
    ///
    /// # Errors
    /// [`OpenError`] when address or credentials are not usable.
    pub fn open(base_url: &str, credentials: &str, policy: Arc<Policy>) -> Result<Self, OpenError> {
        let credentials = Credentials::read(credentials)?;
        Ok(Self {
            base: base(base_url)?,
            shop_account: credentials.shop_id.to_string(),
            app: credentials.partner_id.to_string(),
            secrets: credentials.secrets().into(),
            credentials,
            policy,
        })
    }

    fn asked(&self, endpoint: &'static str, effect: Effect) -> Asked {
        Asked { endpoint, effect, secrets: Arc::clone(&self.secrets) }
    }

    /// A read of the shop.
    fn get(&self, path: &str, parameters: &[(&str, String)], platform_now: Moment) -> Request<Vec<u8>> {
        let mut query = self.shop_query(path, platform_now);
        query.push('&');
        query.push_str(&self::query(parameters));
        self.request(Method::GET, path, &query, Vec::new())
    }

    /// A write to the shop.
    fn post(&self, path: &str, body: Vec<u8>, platform_now: Moment) -> Request<Vec<u8>> {
        self.request(Method::POST, path, &self.shop_query(path, platform_now), body)
    }

    /// A call for tokens, which no token signs.
    fn public_post(&self, path: &str, body: Vec<u8>, platform_now: Moment) -> Request<Vec<u8>> {
        self.request(Method::POST, path, &self.common_query(path, platform_now, None), body)
    }

    fn shop_query(&self, path: &str, platform_now: Moment) -> String {
        let Credentials { access_token, shop_id, .. } = &self.credentials;
        let common = self.common_query(path, platform_now, Some((access_token, *shop_id)));
        let own = query(&[("access_token", access_token), ("shop_id", &self.shop_account)]);
        format!("{common}&{own}")
    }

    fn common_query(&self, path: &str, platform_now: Moment, owner: Option<(&str, i64)>) -> String {
        let Credentials { partner_id, partner_key, .. } = &self.credentials;
        let timestamp = platform_now.seconds();
        let signature = sign::sign(partner_key, &sign::base_string(*partner_id, path, timestamp, owner));
        format!("partner_id={partner_id}&timestamp={timestamp}&sign={signature}")
    }

    fn request(&self, method: Method, path: &str, query: &str, body: Vec<u8>) -> Request<Vec<u8>> {
        let mut request = Request::new(body);
        // Base, path and encoded query make a URI unless they are longer than HTTP allows (65,534 bytes), which only a
        // read with a cursor that no platform sends can be. It then goes out without parameters and is refused.
        let uri = format!("{}{path}?{query}", self.base).parse().or_else(|_| format!("{}{path}", self.base).parse());
        *request.uri_mut() = uri.unwrap_or_default();
        if method == Method::POST {
            let json = http::HeaderValue::from_static("application/json");
            request.headers_mut().insert(http::header::CONTENT_TYPE, json);
        }
        *request.method_mut() = method;
        request
    }
}

impl Connector for Shopee {
    fn platform(&self) -> Platform {
        Platform::Shopee
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
        &self.shop_account
    }

    fn app(&self) -> &str {
        &self.app
    }

    fn refresh_ends(&self) -> Option<Moment> {
        self.credentials.refresh_ends.map(Moment::from_seconds)
    }

    fn access_ends(&self) -> Moment {
        Moment::from_seconds(self.credentials.access_ends)
    }

    fn refresh_ahead(&self) -> Span {
        auth::REFRESH_AHEAD
    }

    fn exchange_code(&self, code: &str, platform_now: Moment) -> Call<RenewedCredentials> {
        self.tokens(auth::TOKEN_GET, auth::code_body(&self.credentials, code), platform_now)
    }

    fn refresh(&self, platform_now: Moment) -> Call<RenewedCredentials> {
        self.tokens(auth::ACCESS_TOKEN_GET, auth::refresh_body(&self.credentials), platform_now)
    }

    fn list_orders(&self, window: Window, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        let asked = self.asked(orders::GET_ORDER_LIST, Effect::Read);
        let request = self.get(asked.endpoint, &orders::list_parameters(window, cursor), platform_now);
        let cursor = cursor.map(str::to_owned);
        call(asked, request, move |asked, received| orders::read_list(asked, cursor.as_deref(), received))
    }

    fn read_orders(&self, numbers: &[OrderNumber], platform_now: Moment) -> Call<OrdersRead> {
        // The engine asks for no more than the policy's batch, which is bound to this.
        let numbers: Vec<OrderNumber> = numbers.iter().take(orders::READ_MAX).cloned().collect();
        let asked = self.asked(orders::GET_ORDER_DETAIL, Effect::Read);
        let request = self.get(asked.endpoint, &orders::detail_parameters(&numbers), platform_now);
        let policy = Arc::clone(&self.policy);
        call(asked, request, move |asked, received| {
            orders::read_detail(asked, &policy, &numbers, received).map(OrdersRead::Orders)
        })
    }

    fn check_cancel(
        &self,
        _cancel: &CancelOrder,
        _platform_now: Moment,
    ) -> Option<Result<Call<CancelChecked>, ConnectorError>> {
        // `can_full_cancel_order` comes with the order itself (section 8).
        None
    }

    fn cancel_order(&self, cancel: &CancelOrder, platform_now: Moment) -> Result<Call<CancelAccepted>, ConnectorError> {
        let body = cancel::body(&self.policy, cancel)?;
        let asked = self.asked(cancel::CANCEL_ORDER, Effect::Write);
        let request = self.post(asked.endpoint, body, platform_now);
        Ok(call(asked, request, cancel::read))
    }

    fn list_requests(&self, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        let asked = self.asked(orders::GET_ORDER_LIST, Effect::Read);
        let request = self.get(asked.endpoint, &requests::list_parameters(cursor, platform_now), platform_now);
        let cursor = cursor.map(str::to_owned);
        call(asked, request, move |asked, received| orders::read_list(asked, cursor.as_deref(), received))
    }

    fn reject_reasons(
        &self,
        _request: &RequestRef,
        _platform_now: Moment,
    ) -> Option<Result<Call<RejectReasonsRead>, ConnectorError>> {
        // Neither reason nor evidence is taken (section 9, `C4`).
        None
    }

    fn answer_request(
        &self,
        answer: &AnswerRequest,
        platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError> {
        let asked = self.asked(requests::HANDLE, Effect::Write);
        let request = self.post(asked.endpoint, requests::body(answer), platform_now);
        Ok(call(asked, request, requests::read))
    }

    fn next_part(&self, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
        shipping::next_part(&self.policy, act, order)
    }

    fn check_shipment(&self, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentChecked>> {
        let asked = self.asked(shipping::GET_SHIPPING_PARAMETER, Effect::Read);
        let request = self.get(asked.endpoint, &shipping::parameters_of(part), platform_now);
        let policy = Arc::clone(&self.policy);
        Some(call(asked, request, move |asked, received| shipping::read_parameters(asked, &policy.shipping, received)))
    }

    fn send_shipment(
        &self,
        part: &ShipmentPart,
        platform_now: Moment,
    ) -> Result<Call<ShipmentAccepted>, ConnectorError> {
        if part.act != Act::Pack {
            return Err(ConnectorError::NotOffered(part.act));
        }
        let checked = part.checked.as_ref().filter(|checked| checked.refused.is_none());
        let body = checked.and_then(|checked| shipping::ship_body(part, checked));
        let asked = self.asked(shipping::SHIP_ORDER, Effect::Write);
        let request = self.post(asked.endpoint, body.ok_or(ConnectorError::ShipmentUnchecked)?, platform_now);
        Ok(call(asked, request, shipping::read_shipped))
    }

    fn read_label(&self, label: &LabelOf, platform_now: Moment) -> Call<LabelRead> {
        // Documents are made and made again without any other effect: all of it may be repeated.
        let step = |endpoint, body| (self.asked(endpoint, Effect::Read), self.post(endpoint, body, platform_now));
        let kind = self.policy.shipping.label.clone();
        let body = shipping::document_body(label, &kind);
        let labelling = shipping::Labelling {
            create: step(shipping::CREATE_DOCUMENT, Vec::new()),
            result: step(shipping::DOCUMENT_RESULT, body.clone()),
            download: step(shipping::DOWNLOAD_DOCUMENT, body),
            label: label.clone(),
            kind,
            retry: self.policy.shipping.label_retry,
        };
        let asked = self.asked(shipping::GET_TRACKING_NUMBER, Effect::Read);
        let request = self.get(asked.endpoint, &shipping::tracking_parameters(label), platform_now);
        labelling.track(asked, request)
    }

    fn read_listings(
        &self,
        listings: &[ListingId],
        platform_now: Moment,
    ) -> Result<Call<Vec<ListingSnapshot>>, ConnectorError> {
        let (endpoint, parameters) = stock::read_request(listings)?;
        let asked = self.asked(endpoint, Effect::Read);
        let request = self.get(endpoint, &parameters, platform_now);
        let listings = listings.to_vec();
        Ok(call(asked, request, move |asked, received| stock::read(asked, &listings, received)))
    }

    fn listing_groups(&self, listings: &[ListingId]) -> Vec<Vec<ListingId>> {
        stock::groups(listings)
    }

    fn set_stock(&self, stock: &[SetStock], platform_now: Moment) -> Result<Call<Vec<SetStockResult>>, ConnectorError> {
        let body = stock::update_body(stock)?;
        let asked = self.asked(stock::UPDATE_STOCK, Effect::Write);
        let request = self.post(asked.endpoint, body, platform_now);
        let listings: Vec<ListingId> = stock.iter().map(|row| row.listing.clone()).collect();
        Ok(call(asked, request, move |asked, received| stock::read_update(asked, &listings, received)))
    }

    fn read_push(&self, callback_url: &str, headers: &http::HeaderMap, body: &[u8]) -> Result<Push, PushRefused> {
        webhook::verify(&self.credentials, callback_url, headers, body)?;
        webhook::read(body, &self.shop_account)
    }
}

impl Shopee {
    fn tokens(&self, endpoint: &'static str, body: Vec<u8>, platform_now: Moment) -> Call<RenewedCredentials> {
        let asked = self.asked(endpoint, Effect::Write);
        let request = self.public_post(endpoint, body, platform_now);
        let credentials = self.credentials.clone();
        call(asked, request, move |asked, received| auth::read_tokens(asked, &credentials, platform_now, received))
    }
}

/// Which budget a call is counted in.
fn class(endpoint: &str, effect: Effect) -> EndpointClass {
    class_of(
        endpoint,
        effect,
        &[auth::TOKEN_GET, auth::ACCESS_TOKEN_GET],
        &[stock::GET_ITEM_BASE_INFO, stock::GET_MODEL_LIST, stock::UPDATE_STOCK],
    )
}

fn call<T>(
    asked: Asked,
    request: Request<Vec<u8>>,
    read: impl Fn(&Asked, &crate::call::Received) -> Result<T, crate::call::CallError> + Send + Sync + 'static,
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

/// The API's address without a closing slash.
fn base(base_url: &str) -> Result<String, OpenError> {
    let wrong = || OpenError::Address(base_url.to_owned());
    let url = url::Url::parse(base_url).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(wrong()) }
}

fn query(parameters: &[(&str, impl AsRef<str>)]) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        serializer.append_pair(name, value.as_ref());
    }
    serializer.finish()
}

/// A body of ours: structs of numbers and texts, which always have a JSON form.
fn json(body: &impl Serialize) -> Vec<u8> {
    json_text(body).into_bytes()
}

fn json_text(body: &impl Serialize) -> String {
    // Only maps with keys that are no texts, and types whose own code fails, have no JSON form; ours are neither.
    serde_json::to_string(body).expect("structs of numbers and texts have a JSON form")
}
