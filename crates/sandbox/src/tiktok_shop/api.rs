//! The APIs: which there are and in which versions, how a call is admitted, and who answers it. Sheet sections 1 to 3
//! and 9.

use super::auth::payload;
use super::envelope::{Failure, Outcome};
use super::{NAME, TiktokShop, cancel, life, orders, packages, products, seed, sign};
use crate::marketplace::{Moment, Nature, Request};
use serde_json::{Value, json};

/// How far a request's timestamp may be behind and ahead of the clock, in seconds (section 1).
const FURTHEST_BEHIND: i64 = 300;
const FURTHEST_AHEAD: i64 = 30;

/// The code of a used-up budget.
pub(super) const TOO_MANY: i64 = 36_009_002;

/// What a call must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The app's secret in the query: not signed, no token.
    Secret,
    /// Signature and token.
    Account,
    /// Signature, token and the shop's cipher.
    Shop,
}

/// One API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) method: &'static str,
    /// `{version}` and `{id}` stand for one part each.
    pub(super) path: &'static str,
    pub(super) versions: &'static [u32],
    pub(super) proof: Proof,
    pub(super) nature: Nature,
}

const fn api(method: &'static str, path: &'static str, versions: &'static [u32], proof: Proof, nature: Nature) -> Api {
    Api { method, path, versions, proof, nature }
}

const FIRST: &[u32] = &[202_309];
const CANCELS: &[u32] = &[202_309, cancel::LINES_LISTED];
const CHECKS: &[u32] = &[202_309, 202_512, cancel::LINES_LISTED];

/// The APIs, one row each.
pub(super) const APIS: [Api; 18] = [
    api("GET", "/api/v2/token/get", &[], Proof::Secret, Nature::Write),
    api("GET", "/api/v2/token/refresh", &[], Proof::Secret, Nature::Write),
    api("GET", "/authorization/{version}/shops", FIRST, Proof::Account, Nature::Read),
    api("POST", "/order/{version}/orders/search", FIRST, Proof::Shop, Nature::Read),
    api("GET", "/order/{version}/orders", &[202_309, 202_507], Proof::Shop, Nature::Read),
    api("GET", "/return_refund/{version}/orders/{id}/aftersale_eligibility", CHECKS, Proof::Shop, Nature::Read),
    api("POST", "/return_refund/{version}/cancellations", CANCELS, Proof::Shop, Nature::Write),
    api("POST", "/return_refund/{version}/cancellations/search", CANCELS, Proof::Shop, Nature::Read),
    api("POST", "/return_refund/{version}/cancellations/{id}/approve", FIRST, Proof::Shop, Nature::Write),
    api("POST", "/return_refund/{version}/cancellations/{id}/reject", FIRST, Proof::Shop, Nature::Write),
    api("GET", "/return_refund/{version}/reject_reasons", FIRST, Proof::Shop, Nature::Read),
    api("GET", "/fulfillment/{version}/packages/{id}", FIRST, Proof::Shop, Nature::Read),
    api("GET", "/fulfillment/{version}/packages/{id}/handover_time_slots", FIRST, Proof::Shop, Nature::Read),
    api("GET", "/fulfillment/{version}/packages/{id}/shipping_documents", FIRST, Proof::Shop, Nature::Read),
    api("POST", "/fulfillment/{version}/packages/{id}/ship", FIRST, Proof::Shop, Nature::Write),
    api("POST", "/product/{version}/inventory/search", FIRST, Proof::Shop, Nature::Read),
    api("POST", "/product/{version}/products/{id}/inventory/update", FIRST, Proof::Shop, Nature::Write),
    api("GET", "/logistics/{version}/warehouses", FIRST, Proof::Shop, Nature::Read),
];

/// A request's API with what its path says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) api: Api,
    /// 0 where the path has none.
    pub(super) version: u32,
    /// Empty where the path has none.
    pub(super) id: &'a str,
}

/// The API of a request, whether or not it has this version.
pub(super) fn asked(request: &Request) -> Option<Asked<'_>> {
    APIS.into_iter().filter(|api| api.method == request.method.as_str()).find_map(|api| {
        let (mut version, mut id) = (0, "");
        let mut given = request.path.split('/');
        for wanted in api.path.split('/') {
            let part = given.next()?;
            match wanted {
                "{version}" => version = part.parse().ok()?,
                "{id}" if !part.is_empty() => id = part,
                fixed if fixed == part => {}
                _ => return None,
            }
        }
        given.next().is_none().then_some(Asked { api, version, id })
    })
}

impl TiktokShop {
    /// Checks app, clock, signature, token, cipher and budget; answers the shop of shop APIs (section 3).
    pub(super) fn admit(
        &self,
        request: &Request,
        asked: Asked<'_>,
        moment: &mut Moment<'_>,
    ) -> Result<String, Failure> {
        let text = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        if text("app_key") != Some(self.app.key.as_str()) {
            return Err(Failure::bad_request("Invalid app_key."));
        }
        if asked.api.proof == Proof::Secret {
            if text("app_secret") != Some(self.app.secret.as_str()) {
                return Err(Failure::unauthorised(36_004_001, "The app_secret is invalid."));
            }
            return self.budget(asked.api, moment).map(|()| String::new());
        }
        let at = text("timestamp").and_then(|text| text.parse::<i64>().ok());
        let ahead = at.map(|at| at.saturating_sub(moment.now));
        if ahead.is_none_or(|ahead| !(-FURTHEST_BEHIND..=FURTHEST_AHEAD).contains(&ahead)) {
            return Err(Failure::bad_request("Invalid timestamp."));
        }
        let given = text("sign").ok_or_else(|| Failure::bad_request("The sign is missing."))?;
        if !self.is_signed(request, given) {
            let words = "Invalid credentials. The 'sign' query parameter is invalid.";
            return Err(Failure::unauthorised(106_001, words));
        }
        let newest = self.rules.newest_version;
        let after_sales = asked.api.path.starts_with("/return_refund/");
        if !asked.api.versions.contains(&asked.version) || (after_sales && asked.version > newest) {
            return Err(Failure::bad_request("Invalid API version."));
        }
        let token = request.header("x-tts-access-token").or_else(|| text("access_token"));
        let token = token.ok_or_else(|| Failure::unauthorised(105_001, "The access token is missing."))?;
        let shop = self.grants.check(token, moment.now)?.to_owned();
        match (asked.api.proof, text("shop_cipher")) {
            (Proof::Shop, None) => return Err(Failure::new(106_013, "The shop_cipher is missing.")),
            (Proof::Shop, Some(cipher)) => {
                let owner = self.shops.values().find(|shop| shop.cipher == cipher);
                let owner = owner.ok_or_else(|| Failure::bad_request("Invalid shop_cipher."))?;
                if owner.id != shop {
                    return Err(Failure::unauthorised(101_000, "The access token is not for this shop."));
                }
            }
            (_, Some(_)) => return Err(Failure::bad_request("shop_cipher is not wanted here.")),
            (_, None) => {}
        }
        self.budget(asked.api, moment).map(|()| shop)
    }

    fn budget(&self, api: Api, moment: &mut Moment<'_>) -> Result<(), Failure> {
        let too_many =
            |_| Failure { status: self.rules.rate_limit_status, ..Failure::new(TOO_MANY, "Too many requests.") };
        moment.limits.take(NAME, &self.app.key, api.path).map_err(too_many)
    }

    fn is_signed(&self, request: &Request, given: &str) -> bool {
        let form = request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let body: &[u8] = if form { b"" } else { &request.body };
        let signed = |body: &[u8]| sign::request(&self.app.secret, &request.path, &request.query, body) == given;
        signed(body) || (self.rules.empty_body_unsigned && body == b"{}" && signed(b""))
    }

    /// Lets the API do its work.
    pub(super) fn carry_out(
        &mut self,
        request: &Request,
        asked: Asked<'_>,
        shop: &str,
        moment: &mut Moment<'_>,
    ) -> Outcome {
        let Asked { api, version, id } = asked;
        match api.path {
            "/api/v2/token/get" => return self.first_tokens(request, moment),
            "/api/v2/token/refresh" => return self.next_tokens(request, moment),
            _ => {}
        }
        // Only a call that needs a number of its own moves the generator.
        let writes = api.nature == Nature::Write;
        let cancellation = if writes { life::cancellation_id(&mut self.random) } else { "".into() };
        let tracking = if writes { seed::tracking(&mut self.random) } else { String::new() };
        let rules = &self.rules;
        let Some(shop) = self.shops.get_mut(shop) else {
            return Err(Failure::unauthorised(36_009_043, "The shop is inactive."));
        };
        match (api.method, api.path) {
            (_, "/authorization/{version}/shops") => Ok(json!({"shops": [{
                "id": shop.id, "name": shop.name, "region": shop.region.code, "seller_type": "LOCAL",
                "cipher": shop.cipher, "code": format!("{}LC{}", shop.region.code, &shop.id[shop.id.len() - 6..]),
            }]})),
            (_, "/order/{version}/orders/search") => orders::search(shop, request, moment),
            (_, "/order/{version}/orders") => orders::detail(shop, request, moment),
            (_, "/return_refund/{version}/orders/{id}/aftersale_eligibility") => {
                cancel::eligibility(shop, id, version, request, rules, moment)
            }
            (_, "/return_refund/{version}/cancellations") => {
                cancel::cancel(shop, version, request, cancellation, rules, moment)
            }
            (_, "/return_refund/{version}/cancellations/search") => cancel::search(shop, version, request, moment),
            (_, "/return_refund/{version}/cancellations/{id}/approve") => {
                cancel::decide(shop, id, true, request, rules, moment)
            }
            (_, "/return_refund/{version}/cancellations/{id}/reject") => {
                cancel::decide(shop, id, false, request, rules, moment)
            }
            (_, "/return_refund/{version}/reject_reasons") => cancel::reject_reasons(shop, request),
            (_, "/fulfillment/{version}/packages/{id}") => packages::detail(shop, id, moment),
            (_, "/fulfillment/{version}/packages/{id}/handover_time_slots") => packages::slots(shop, id, moment),
            (_, "/fulfillment/{version}/packages/{id}/shipping_documents") => {
                packages::documents(shop, id, request, rules, moment)
            }
            (_, "/fulfillment/{version}/packages/{id}/ship") => {
                packages::ship(shop, id, request, &tracking, rules, moment)
            }
            (_, "/product/{version}/inventory/search") => products::search(shop, request),
            (_, "/product/{version}/products/{id}/inventory/update") => {
                products::update(shop, id, request, rules.zero_stock_may_be_written, moment)
            }
            (_, "/logistics/{version}/warehouses") => Ok(products::warehouses(shop)),
            _ => Err(Failure::unknown_path()),
        }
    }

    /// `GET /api/v2/token/get`.
    fn first_tokens(&mut self, request: &Request, moment: &mut Moment<'_>) -> Outcome {
        if request.parameter("grant_type") != Some("authorized_code") {
            return Err(Failure::bad_request("grant_type must be authorized_code."));
        }
        let grant = self.grants.exchange(request.parameter("auth_code").unwrap_or_default(), moment.now)?.clone();
        moment.changed = true;
        self.payload_of(&grant)
    }

    /// `GET /api/v2/token/refresh`.
    fn next_tokens(&mut self, request: &Request, moment: &mut Moment<'_>) -> Outcome {
        if request.parameter("grant_type") != Some("refresh_token") {
            return Err(Failure::bad_request("grant_type must be refresh_token."));
        }
        let token = request.parameter("refresh_token").unwrap_or_default();
        let grant = self.grants.rotate(token, &self.rules, moment.now)?.clone();
        moment.changed = true;
        self.payload_of(&grant)
    }

    fn payload_of(&self, grant: &super::auth::Grant) -> Result<Value, Failure> {
        let shop = self.shops.get(&grant.shop);
        payload(grant, shop.map_or("", |shop| &shop.name), shop.map_or("", |shop| shop.region.code))
    }
}
