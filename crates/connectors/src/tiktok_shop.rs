//! TikTok Shop: the page of facts, the capability table, the wiring.
//!
//! Facts are from `tiktok-shop.md`, the project's fact sheet of the TikTok Shop Partner API (202309 and later); a tag such
//! as `C4` is the sheet's certainty. What differs by market or is uncertain is in `tiktok_shop/policy.toml`.
//!
//! | What | Fact | Section |
//! |---|---|---|
//! | Transport | HTTPS, GET and POST, JSON; each endpoint has versions of its own in its path (`C6`) | 0, 9 |
//! | Hosts | one for the API, one for tokens, whatever the shop's market (`C8`, `C7`) | 1 |
//! | Times, ids, money | whole Unix seconds; texts; a text of digits (`C6`) | 0 |
//! | Signature | HMAC-SHA256 over secret, path, sorted parameters, body, secret (`C6`) | 2 |
//! | Clock | about 5 minutes back, 30 s ahead (`S`) | 1 |
//! | Tokens | access 7 days, refresh until revoked (`C4`, `C3`); asked for in a query with the app's secret | 1 |
//! | Shop | named by a cipher in every call but `/authorization/…` (`C5`) | 1 |
//! | Success | `code` is 0; failures come with HTTP 200 and others (`C6`, `C4`) | 3 |
//! | List | search by update time, 100 a page, opaque token (`C6`) | 4 |
//! | Detail | at most 50 orders; unknown ones are absent (`C5`, `I`) | 4 |
//! | Unit | one line item is one unit (`C4`) | 0 |
//! | Cancel | one of the reasons that eligibility lists; accepted is not finished (`C3`) | 5 |
//! | Stock | absolute, one product a call, errors of rows inside a success (`C6`, `C3`) | 7 |
//! | Push | HMAC over the app's key and the raw body (`C5`) | 8 |
//!
//! | Capability | This version | Why |
//! |---|---|---|
//! | cancel as the seller | yes | section 5 |
//! | cancel chosen lines | by policy, off | section 5.2: documented for two markets and one reason |
//! | set stock | yes | section 7 |
//! | pushes | yes | section 8 |
//! | answer buyers' requests | yes | section 5.4 |
//! | arrange shipment, labels | yes | section 6; not for shipping by the seller's own carrier |
//! | ready to ship, repack | no | shipping a package says it all, and no call takes it back |
//!
//! An account in Indonesia also has the orders of the Tokopedia app (`commerce_platform`, section 4): see
//! [`crate::tokopedia`].

pub mod auth;
mod cancel;
mod eligibility;
mod errors;
mod orders;
pub(crate) mod reasons;
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
use http::{HeaderValue, Method, Request};

use crate::call::{Call, CallError, Effect, Received, class_of, nothing_foretold};
use crate::connector::{
    AnswerRequest, CancelAccepted, CancelChecked, CancelOrder, Capabilities, Connector, ConnectorError, LabelOf,
    LabelRead, OrderPage, OrdersRead, Push, PushRefused, RejectReasonsRead, RenewedCredentials, RequestRef, SetStock,
    SetStockResult, ShipmentAccepted, ShipmentChecked, ShipmentPart, Window,
};
use crate::policy::Bounds;
use crate::{OpenError, Policies, policy_of, wire};
use auth::{Credentials, Renewal};
use eligibility::{Question, Step};
use errors::Asked;

/// Names and values of a query.
type Parameters = Vec<(&'static str, String)>;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("tiktok_shop/policy.toml");
/// Where it lies.
pub(crate) const POLICY_FILE: &str = "crates/connectors/src/tiktok_shop/policy.toml";

/// What TikTok Shop's API itself allows (sections 4 and 5.7). No longest window of a search is documented.
pub(crate) const BOUNDS: Bounds = Bounds {
    reason_values: &reasons::VALUES,
    lines_required: &[],
    list_window: Span::from_seconds(30 * 86_400),
    read_batch: orders::READ_MAX as i64,
    labels: &shipping::LABELS,
};

/// The header that carries the access token (section 1).
const TOKEN_HEADER: &str = "x-tts-access-token";

/// One shop on TikTok Shop.
#[derive(Clone)]
pub struct TiktokShop {
    base: String,
    credentials: Credentials,
    secrets: Arc<[String]>,
    policies: Storefronts,
    step: Step,
    older: requests::Older,
}

/// The policies of the two storefronts whose orders come through one account.
#[derive(Debug, Clone)]
pub(crate) struct Storefronts {
    tiktok_shop: Arc<Policy>,
    tokopedia: Arc<Policy>,
}

impl Storefronts {
    /// The policy of an order's own storefront.
    pub(crate) fn policy(&self, platform: Platform) -> &Arc<Policy> {
        match platform {
            Platform::Tokopedia => &self.tokopedia,
            _ => &self.tiktok_shop,
        }
    }
}

impl std::fmt::Debug for TiktokShop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TiktokShop")
            .field("base", &self.base)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl TiktokShop {
    /// Opens a shop: see [`crate::open`].
    ///
    /// # Errors
    /// [`OpenError`] when address or credentials are not usable.
    pub fn open(base_url: &str, credentials: &str, policies: &Policies) -> Result<Self, OpenError> {
        let credentials = Credentials::read(credentials)?;
        let policies = Storefronts {
            tiktok_shop: policy_of(policies, Platform::TiktokShop)?,
            tokopedia: policy_of(policies, Platform::Tokopedia)?,
        };
        Ok(Self {
            base: wire::base(base_url)?,
            secrets: credentials.secrets().into(),
            credentials,
            policies,
            step: Step::default(),
            older: requests::Older::default(),
        })
    }

    fn asked(&self, endpoint: &'static str, effect: Effect) -> Asked {
        Asked { endpoint, effect, secrets: Arc::clone(&self.secrets) }
    }

    /// A signed call. `body` is none for GET; what is sent is what is signed.
    fn request(
        &self,
        method: Method,
        path: &str,
        mut parameters: Parameters,
        body: Option<Vec<u8>>,
        platform_now: Moment,
    ) -> Request<Vec<u8>> {
        let Credentials { app_key, app_secret, access_token, .. } = &self.credentials;
        parameters.push(("app_key", app_key.clone()));
        parameters.push(("timestamp", platform_now.seconds().to_string()));
        parameters.sort_by_key(|(name, _)| *name);
        let body = body.unwrap_or_default();
        parameters.push(("sign", sign::sign(app_secret, path, &parameters, &body)));
        let mut request = self.plain_request(&self.base, method, path, &wire::query(&parameters), body);
        let headers = request.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // A token that is no header value is none of the platform's: the call goes out without and is refused.
        if let Ok(mut token) = HeaderValue::from_str(access_token) {
            token.set_sensitive(true);
            headers.insert(TOKEN_HEADER, token);
        }
        request
    }

    /// A signed call about the shop.
    fn shop_request(
        &self,
        method: Method,
        path: &str,
        mut parameters: Parameters,
        body: Option<Vec<u8>>,
        platform_now: Moment,
    ) -> Request<Vec<u8>> {
        parameters.push(("shop_cipher", self.credentials.shop_cipher.clone()));
        self.request(method, path, parameters, body, platform_now)
    }

    fn plain_request(&self, base: &str, method: Method, path: &str, query: &str, body: Vec<u8>) -> Request<Vec<u8>> {
        let mut request = Request::new(body);
        // Base, path and encoded query make a URI unless they are longer than HTTP allows (65,534 bytes), which only a
        // read with a token that no platform sends can be. It then goes out without parameters and is refused.
        let uri = format!("{base}{path}?{query}").parse().or_else(|_| format!("{base}{path}").parse());
        *request.uri_mut() = uri.unwrap_or_default();
        *request.method_mut() = method;
        request
    }

    /// A call for tokens: not signed, without a token. It changes something over there although it is a GET.
    fn tokens(&self, endpoint: &'static str, query: &str, platform_now: Moment) -> Call<RenewedCredentials> {
        let asked = self.asked(endpoint, Effect::Write);
        let host = auth::token_host(&self.base);
        let request = self.plain_request(host, Method::GET, endpoint, query, Vec::new());
        let credentials = self.credentials.clone();
        call(asked, request, move |asked, received| auth::read_tokens(asked, &credentials, platform_now, received))
    }
}

impl Connector for TiktokShop {
    fn platform(&self) -> Platform {
        Platform::TiktokShop
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            seller_cancel: self.policies.tiktok_shop.seller_cancel,
            partial_cancel: cancel::lines_alone(&self.policies.tiktok_shop, &self.credentials.region),
            set_stock: true,
            pushes: true,
            requests: requests::OFFERED,
            shipping: true,
            ready_to_ship: shipping::READY_TO_SHIP,
            repack: shipping::REPACK && self.policy().shipping.repack,
        }
    }

    fn policy(&self) -> &Policy {
        &self.policies.tiktok_shop
    }

    fn shop_account(&self) -> &str {
        &self.credentials.shop_id
    }

    fn app(&self) -> &str {
        &self.credentials.app_key
    }

    fn refresh_ends(&self) -> Option<Moment> {
        self.credentials.refresh_ends.map(Moment::from_seconds)
    }

    fn access_ends(&self) -> Moment {
        self.credentials.usable_until()
    }

    fn refresh_ahead(&self) -> Span {
        auth::REFRESH_AHEAD
    }

    fn exchange_code(&self, code: &str, platform_now: Moment) -> Call<RenewedCredentials> {
        self.tokens(auth::TOKEN_GET, &auth::code_query(&self.credentials, code), platform_now)
    }

    fn refresh(&self, platform_now: Moment) -> Call<RenewedCredentials> {
        match auth::renewal(&self.credentials, platform_now) {
            Renewal::Token => self.tokens(auth::TOKEN_REFRESH, &auth::refresh_query(&self.credentials), platform_now),
            Renewal::Shop => {
                let asked = self.asked(auth::SHOPS, Effect::Read);
                let request = self.request(Method::GET, asked.endpoint, Vec::new(), None, platform_now);
                let credentials = self.credentials.clone();
                call(asked, request, move |asked, received| auth::read_shops(asked, &credentials, received))
            }
        }
    }

    fn list_orders(&self, window: Window, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        let asked = self.asked(orders::SEARCH, Effect::Read);
        let (parameters, body) = (orders::search_parameters(cursor), orders::search_body(window));
        let request = self.shop_request(Method::POST, asked.endpoint, parameters, Some(body), platform_now);
        let cursor = cursor.map(str::to_owned);
        call(asked, request, move |asked, received| orders::read_search(asked, cursor.as_deref(), received))
    }

    fn read_orders(&self, numbers: &[OrderNumber], platform_now: Moment) -> Call<OrdersRead> {
        // The engine asks for no more than the policy's batch, which is bound to this.
        let numbers: Vec<OrderNumber> = numbers.iter().take(orders::READ_MAX).cloned().collect();
        let asked = self.asked(orders::DETAIL, Effect::Read);
        let parameters = orders::detail_parameters(&numbers);
        let request = self.shop_request(Method::GET, asked.endpoint, parameters, None, platform_now);
        let shop = self.clone();
        call(asked, request, move |asked, received| {
            let market = &shop.credentials.region;
            let (orders, asking) = orders::read_detail(asked, &shop.policies, market, &numbers, received)?;
            Ok(requests::with_requests(&shop, orders, asking, platform_now))
        })
    }

    fn check_cancel(
        &self,
        cancel: &CancelOrder,
        platform_now: Moment,
    ) -> Option<Result<Call<CancelChecked>, ConnectorError>> {
        let market = &self.credentials.region;
        let policy = self.policies.policy(cancel.platform);
        if let Err(error) = cancel::statement(policy, market, cancel) {
            return Some(Err(error));
        }
        let question = Question::new(&self.step, policy, market, cancel);
        let asked = self.asked(question.version.endpoint, Effect::Read);
        let (path, parameters) = (question.version.path(cancel.number.as_str()), question.version.parameters());
        let request = self.shop_request(Method::GET, &path, parameters, None, platform_now);
        Some(Ok(call(asked, request, move |asked, received| question.read(asked, received))))
    }

    fn cancel_order(&self, cancel: &CancelOrder, platform_now: Moment) -> Result<Call<CancelAccepted>, ConnectorError> {
        let (endpoint, body) =
            cancel::request(self.policies.policy(cancel.platform), &self.credentials.region, cancel)?;
        let asked = self.asked(endpoint, Effect::Write);
        let request = self.shop_request(Method::POST, endpoint, Vec::new(), Some(body), platform_now);
        Ok(call(asked, request, cancel::read))
    }

    fn list_requests(&self, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        requests::list(self, cursor, platform_now)
    }

    fn reject_reasons(
        &self,
        request: &RequestRef,
        platform_now: Moment,
    ) -> Option<Result<Call<RejectReasonsRead>, ConnectorError>> {
        Some(requests::reject_reasons(self, request, platform_now))
    }

    fn answer_request(
        &self,
        answer: &AnswerRequest,
        platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError> {
        requests::answer(self, answer, platform_now)
    }

    fn next_part(&self, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
        shipping::next_part(act, order)
    }

    fn check_shipment(&self, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentChecked>> {
        let package = part.packages.first()?;
        let asked = self.asked(shipping::SLOTS, Effect::Read);
        let path = shipping::path(asked.endpoint, package.as_str());
        let request = self.shop_request(Method::GET, &path, Vec::new(), None, platform_now);
        let handover = self.policy().shipping.handover;
        Some(call(asked, request, move |asked, received| shipping::read_slots(asked, handover, received)))
    }

    fn send_shipment(
        &self,
        part: &ShipmentPart,
        platform_now: Moment,
    ) -> Result<Call<ShipmentAccepted>, ConnectorError> {
        let package = part.packages.first().filter(|_| part.act == Act::Pack);
        let package = package.ok_or(ConnectorError::NotOffered(part.act))?;
        let body = shipping::ship_body(part).ok_or(ConnectorError::ShipmentUnchecked)?;
        let asked = self.asked(shipping::SHIP, Effect::Write);
        let path = shipping::path(asked.endpoint, package.as_str());
        let request = self.shop_request(Method::POST, &path, Vec::new(), Some(body), platform_now);
        Ok(call(asked, request, shipping::read_shipped))
    }

    fn read_label(&self, label: &LabelOf, platform_now: Moment) -> Call<LabelRead> {
        let asked = self.asked(shipping::DOCUMENTS, Effect::Read);
        let path = shipping::path(asked.endpoint, label.package.as_str());
        let parameters = shipping::label_parameters(&self.policy().shipping.label);
        let request = self.shop_request(Method::GET, &path, parameters, None, platform_now);
        let (label, base, retry) = (label.clone(), self.base.clone(), self.policy().shipping.label_retry);
        call(asked, request, move |asked, received| shipping::read_link(asked, &base, &label, retry, received))
    }

    fn read_listings(
        &self,
        listings: &[ListingId],
        platform_now: Moment,
    ) -> Result<Call<Vec<ListingSnapshot>>, ConnectorError> {
        let body = stock::search_body(listings)?;
        let asked = self.asked(stock::SEARCH, Effect::Read);
        let request = self.shop_request(Method::POST, asked.endpoint, Vec::new(), Some(body), platform_now);
        let (listings, warehouse) = (listings.to_vec(), self.credentials.warehouse_id.clone());
        Ok(call(asked, request, move |asked, received| stock::read(asked, &warehouse, &listings, received)))
    }

    fn listing_groups(&self, listings: &[ListingId]) -> Vec<Vec<ListingId>> {
        stock::groups(listings)
    }

    fn set_stock(&self, stock: &[SetStock], platform_now: Moment) -> Result<Call<Vec<SetStockResult>>, ConnectorError> {
        let (path, body) = stock::update_request(stock, &self.credentials.warehouse_id)?;
        let asked = self.asked(stock::UPDATE, Effect::Write);
        let request = self.shop_request(Method::POST, &path, Vec::new(), Some(body), platform_now);
        let listings: Vec<ListingId> = stock.iter().map(|row| row.listing.clone()).collect();
        Ok(call(asked, request, move |asked, received| stock::read_update(asked, &listings, received)))
    }

    fn read_push(&self, _callback_url: &str, headers: &http::HeaderMap, body: &[u8]) -> Result<Push, PushRefused> {
        webhook::verify(&self.credentials, headers, body)?;
        webhook::read(body)
    }
}

/// Which budget a call is counted in.
fn class(endpoint: &str, effect: Effect) -> EndpointClass {
    class_of(endpoint, effect, &[auth::TOKEN_GET, auth::TOKEN_REFRESH, auth::SHOPS], &[stock::SEARCH, stock::UPDATE])
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
