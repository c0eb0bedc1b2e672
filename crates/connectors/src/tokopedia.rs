//! Tokopedia: the page of facts, the capability table, the wiring.
//!
//! Facts are from `tokopedia.md`, the project's fact sheet. There are two ways in:
//!
//! - **Today** orders of the Tokopedia app come through TikTok Shop's API (section A), in Indonesia, marked by
//!   `commerce_platform`: token, budget and stock are the merged account's ([`crate::tiktok_shop`]). What is Tokopedia's own
//!   is the policy here: its statuses and reasons are that API's, and the seller's cancel is a switch of its own.
//! - **The old API** (section B), announced as ended in 2025, for shops that show that it still works for them. This
//!   connector speaks it; the policy has its status codes as well, which are numbers and meet no word of the other.
//!
//! | What | Fact about the old API | Section |
//! |---|---|---|
//! | Transport | HTTPS, GET and POST, JSON; bearer token, requests are not signed (`C7`, `C5`) | B.1 |
//! | Token | one for all shops of the app, from its id and secret; a new one only after the old one's end (`C6`, `C2`) | B.1 |
//! | Ids, money | 64-bit JSON numbers; rupiah (`C3`) | B.2 |
//! | Failure | a code in the header, or HTTP 400 and more (`C3`) | B.2 |
//! | List | paid orders in a window under three days (`C2`) | B.3 |
//! | Order | one at a time (`C5`) | B.3 |
//! | Cancel | rejecting the order, whole, with a number and a text (`C6`) | B.4 |
//! | Stock | absolute, 100 rows, failures inside a success (`C4`, `C3`) | B.5 |
//! | Push | HMAC over the raw body with a secret of its own (`S`) | B.6 |
//!
//! | Capability | This version | Why |
//! |---|---|---|
//! | cancel as the seller | by policy, off | the reference product has none (`product.md` section 3) |
//! | cancel chosen lines | no | section B.4 |
//! | set stock | yes | section B.5 |
//! | pushes | yes, with a webhook secret | section B.6 |
//! | answer buyers' requests | yes | section B.4; no reason to reject with |
//! | accept, labels | yes | section B.4; the label is a page in HTML |
//! | ready to ship, repack | no | [`shipping`] |

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
use http::{HeaderValue, Method, Request};

use crate::call::{Call, CallError, Effect, Received, class_of};
use crate::connector::{
    Answer, AnswerRequest, CancelAccepted, CancelChecked, CancelOrder, Capabilities, Connector, ConnectorError,
    LabelOf, LabelRead, OrderPage, OrdersRead, Push, PushRefused, RejectReasonsRead, RenewedCredentials, RequestRef,
    SetStock, SetStockResult, ShipmentAccepted, ShipmentChecked, ShipmentPart, Window,
};
use crate::policy::Bounds;
use crate::{OpenError, wire};
use auth::Credentials;
use errors::Asked;

/// Names and values of a query.
type Parameters = Vec<(&'static str, String)>;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("tokopedia/policy.toml");
/// Where it lies.
pub(crate) const POLICY_FILE: &str = "crates/connectors/src/tokopedia/policy.toml";

/// What Tokopedia's APIs allow (sections B.3 and B.4; the reasons are TikTok Shop's).
pub(crate) const BOUNDS: Bounds = Bounds {
    reason_values: &reasons::VALUES,
    lines_required: &[],
    list_window: Span::from_seconds(3 * 86_400 - 1),
    read_batch: orders::READ_MAX as i64,
    labels: &shipping::LABELS,
};

/// What we call ourselves: the token's host wants a name (section B.1).
const USER_AGENT: HeaderValue = HeaderValue::from_static("countermand");

/// One shop on Tokopedia's old API.
pub struct Tokopedia {
    base: String,
    credentials: Credentials,
    shop_account: String,
    secrets: Arc<[String]>,
    policy: Arc<Policy>,
}

impl std::fmt::Debug for Tokopedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokopedia")
            .field("base", &self.base)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Tokopedia {
    /// Opens a shop: see [`crate::open`].
    ///
    /// # Errors
    /// [`OpenError`] when address or credentials are not usable.
    pub fn open(base_url: &str, credentials: &str, policy: Arc<Policy>) -> Result<Self, OpenError> {
        let credentials = Credentials::read(credentials)?;
        Ok(Self {
            base: wire::base(base_url)?,
            shop_account: credentials.shop_id.to_string(),
            secrets: credentials.secrets().into(),
            credentials,
            policy,
        })
    }

    fn asked(&self, endpoint: &'static str, effect: Effect) -> Asked {
        Asked { endpoint, effect, secrets: Arc::clone(&self.secrets) }
    }

    fn request(&self, method: Method, endpoint: &str, parameters: &Parameters, body: Vec<u8>) -> Request<Vec<u8>> {
        let path = endpoint.replace("{fs_id}", &self.credentials.fs_id.to_string());
        let query = if parameters.is_empty() { String::new() } else { format!("?{}", wire::query(parameters)) };
        let mut request = plain(&self.base, method, &format!("{path}{query}"), body);
        // A token that is no header value is none of the platform's: the call goes out without and is refused.
        if let Ok(mut token) = HeaderValue::from_str(&format!("Bearer {}", self.credentials.access_token)) {
            token.set_sensitive(true);
            request.headers_mut().insert(http::header::AUTHORIZATION, token);
        }
        request
    }

    fn shop_parameter(&self) -> Parameters {
        vec![("shop_id", self.shop_account.clone())]
    }

    /// Asks for a token. It changes nothing: the old one is answered until it has ended (section B.1).
    fn token(&self, platform_now: Moment) -> Call<RenewedCredentials> {
        let asked = self.asked(auth::TOKEN, Effect::Read);
        let path = format!("{}?grant_type=client_credentials", auth::TOKEN);
        let mut request = plain(auth::token_host(&self.base), Method::POST, &path, Vec::new());
        if let Ok(mut basic) = HeaderValue::from_str(&self.credentials.basic()) {
            basic.set_sensitive(true);
            request.headers_mut().insert(http::header::AUTHORIZATION, basic);
        }
        request.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let credentials = self.credentials.clone();
        call(asked, request, move |asked, received| auth::read_token(asked, &credentials, platform_now, received))
    }
}

impl Connector for Tokopedia {
    fn platform(&self) -> Platform {
        Platform::Tokopedia
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            seller_cancel: self.policy.seller_cancel,
            partial_cancel: false,
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
        &self.credentials.client_id
    }

    fn refresh_ends(&self) -> Option<Moment> {
        None
    }

    fn access_ends(&self) -> Moment {
        Moment::from_seconds(self.credentials.access_ends)
    }

    fn refresh_ahead(&self) -> Span {
        auth::REFRESH_AHEAD
    }

    fn exchange_code(&self, _code: &str, platform_now: Moment) -> Call<RenewedCredentials> {
        // There is no code: the app's own id and secret are enough.
        self.token(platform_now)
    }

    fn refresh(&self, platform_now: Moment) -> Call<RenewedCredentials> {
        self.token(platform_now)
    }

    fn list_orders(&self, window: Window, cursor: Option<&str>, _platform_now: Moment) -> Call<OrderPage> {
        let asked = self.asked(orders::LIST, Effect::Read);
        let parameters = orders::list_parameters(&self.credentials, window, cursor);
        let request = self.request(Method::GET, asked.endpoint, &parameters, Vec::new());
        let cursor = cursor.map(str::to_owned);
        call(asked, request, move |asked, received| orders::read_list(asked, cursor.as_deref(), received))
    }

    fn read_orders(&self, numbers: &[OrderNumber], _platform_now: Moment) -> Call<OrdersRead> {
        let asked = self.asked(orders::ORDER, Effect::Read);
        // The engine asks for no more than the policy's batch, which is bound to one.
        let number = numbers.first().cloned();
        let parameters = number.iter().map(|number| ("order_id", number.as_str().to_owned())).collect();
        let request = self.request(Method::GET, asked.endpoint, &parameters, Vec::new());
        let policy = Arc::clone(&self.policy);
        call(asked, request, move |asked, received| match &number {
            Some(number) => orders::read_order(asked, &policy, number, received).map(OrdersRead::Orders),
            None => Ok(OrdersRead::Orders(Vec::new())),
        })
    }

    fn check_cancel(
        &self,
        _cancel: &CancelOrder,
        _platform_now: Moment,
    ) -> Option<Result<Call<CancelChecked>, ConnectorError>> {
        // There is no such check: see `eligibility`.
        None
    }

    fn cancel_order(
        &self,
        cancel: &CancelOrder,
        _platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError> {
        let body = cancel::body(&self.policy, cancel)?;
        let asked = self.asked(cancel::NACK, Effect::Write);
        let path = asked.endpoint.replace("{order_id}", &wire::segment(cancel.number.as_str()));
        let request = self.request(Method::POST, &path, &Vec::new(), body);
        Ok(call(asked, request, cancel::read))
    }

    fn list_requests(&self, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
        let asked = self.asked(orders::LIST, Effect::Read);
        let parameters = requests::list_parameters(&self.credentials, cursor, platform_now);
        let request = self.request(Method::GET, asked.endpoint, &parameters, Vec::new());
        let cursor = cursor.map(str::to_owned);
        call(asked, request, move |asked, received| orders::read_list(asked, cursor.as_deref(), received))
    }

    fn reject_reasons(
        &self,
        _request: &RequestRef,
        _platform_now: Moment,
    ) -> Option<Result<Call<RejectReasonsRead>, ConnectorError>> {
        // The call that refuses takes no body (section B.4).
        None
    }

    fn answer_request(
        &self,
        answer: &AnswerRequest,
        _platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError> {
        let order = wire::segment(answer.request.order.as_str());
        let of_order = |endpoint: &str| endpoint.replace("{order_id}", &order);
        Ok(match answer.answer {
            Answer::Agree => {
                let asked = self.asked(requests::GRANT, Effect::Write);
                let body = requests::grant_body();
                let request = self.request(Method::POST, &of_order(asked.endpoint), &Vec::new(), body);
                call(asked, request, cancel::read)
            }
            Answer::Reject { .. } => {
                let asked = self.asked(requests::REJECT, Effect::Write);
                let path = of_order(asked.endpoint);
                let request = self.request(Method::POST, &path, &self.shop_parameter(), Vec::new());
                call(asked, request, requests::read_rejection)
            }
        })
    }

    fn next_part(&self, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
        shipping::next_part(act, order)
    }

    fn check_shipment(&self, _part: &ShipmentPart, _platform_now: Moment) -> Option<Call<ShipmentChecked>> {
        // Accepting an order leaves nothing to choose.
        None
    }

    fn send_shipment(
        &self,
        part: &ShipmentPart,
        _platform_now: Moment,
    ) -> Result<Call<ShipmentAccepted>, ConnectorError> {
        if part.act != Act::Pack {
            return Err(ConnectorError::NotOffered(part.act));
        }
        let asked = self.asked(shipping::ACK, Effect::Write);
        let path = asked.endpoint.replace("{order_id}", &wire::segment(part.number.as_str()));
        let request = self.request(Method::POST, &path, &Vec::new(), Vec::new());
        Ok(call(asked, request, shipping::read_accepted))
    }

    fn read_label(&self, label: &LabelOf, _platform_now: Moment) -> Call<LabelRead> {
        let asked = self.asked(shipping::LABEL, Effect::Read);
        let path = asked.endpoint.replace("{order_id}", &wire::segment(label.number.as_str()));
        let request = self.request(Method::GET, &path, &shipping::label_parameters(), Vec::new());
        let label = label.clone();
        call(asked, request, move |asked, received| shipping::read_label(asked, &label, received))
    }

    fn read_listings(
        &self,
        listings: &[ListingId],
        _platform_now: Moment,
    ) -> Result<Call<Vec<ListingSnapshot>>, ConnectorError> {
        let parameters = vec![("product_id", stock::one(listings)?.to_string())];
        let asked = self.asked(stock::INFO, Effect::Read);
        let request = self.request(Method::GET, asked.endpoint, &parameters, Vec::new());
        let listings = listings.to_vec();
        Ok(call(asked, request, move |asked, received| stock::read(asked, &listings, received)))
    }

    fn listing_groups(&self, listings: &[ListingId]) -> Vec<Vec<ListingId>> {
        stock::groups(listings)
    }

    fn set_stock(
        &self,
        stock: &[SetStock],
        _platform_now: Moment,
    ) -> Result<Call<Vec<SetStockResult>>, ConnectorError> {
        let body = stock::update_body(stock)?;
        let asked = self.asked(stock::UPDATE, Effect::Write);
        let request = self.request(Method::POST, asked.endpoint, &self.shop_parameter(), body);
        let listings: Vec<ListingId> = stock.iter().map(|row| row.listing.clone()).collect();
        Ok(call(asked, request, move |asked, received| stock::read_update(asked, &listings, received)))
    }

    fn read_push(&self, _callback_url: &str, headers: &http::HeaderMap, body: &[u8]) -> Result<Push, PushRefused> {
        webhook::verify(&self.credentials, headers, body)?;
        webhook::read(body)
    }
}

fn plain(base: &str, method: Method, target: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    let mut request = Request::new(body);
    // Base, path and encoded query make a URI unless they are longer than HTTP allows (65,534 bytes), which no number or
    // page that is asked for is. It would go out to the host alone and be refused.
    let uri = format!("{base}{target}").parse().or_else(|_| base.parse());
    *request.uri_mut() = uri.unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(http::header::USER_AGENT, USER_AGENT);
    if method == Method::POST {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    *request.method_mut() = method;
    request
}

/// Which budget a call is counted in.
fn class(endpoint: &str, effect: Effect) -> EndpointClass {
    class_of(endpoint, effect, &[auth::TOKEN], &[stock::INFO, stock::UPDATE])
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
        foretold: errors::foretold,
    }
}
