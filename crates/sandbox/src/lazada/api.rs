//! The APIs: which there are, how a call is admitted, and who answers it. Sheet sections 3, 4 and 11.

use std::collections::BTreeMap;
use std::time::Duration;

use super::envelope::{Failure, Outcome, Parameters, Success};
use super::status::Status;
use super::{Lazada, NAME, auth, cancel, orders, products, shipping, sign};
use crate::marketplace::{Moment, Nature, Request};

/// The furthest that a request's timestamp may be from the clock, in milliseconds (section 3).
const FURTHEST_TIMESTAMP_MS: u64 = 7_200_000;
/// Under this path every API lives; it is not signed (section 1).
const REST: &str = "/rest";

/// How an API may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Any,
}

/// One API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) nature: Nature,
    /// A seller's token is needed.
    pub(super) token: bool,
    /// Of the older generation (section 11).
    legacy: bool,
}

const fn api(path: &'static str, method: Method, nature: Nature) -> Api {
    Api { path, method, nature, token: true, legacy: false }
}

/// The APIs, one row each. Cancelling is a GET that writes (section 6.2).
pub(super) const APIS: [Api; 28] = [
    Api { token: false, ..api("/auth/token/create", Method::Any, Nature::Write) },
    Api { token: false, ..api("/auth/token/refresh", Method::Any, Nature::Write) },
    api("/orders/get", Method::Get, Nature::Read),
    api("/order/get", Method::Get, Nature::Read),
    api("/order/items/get", Method::Get, Nature::Read),
    api("/orders/items/get", Method::Get, Nature::Read),
    api("/order/reverse/cancel/validate", Method::Get, Nature::Read),
    api("/order/reverse/cancel/create", Method::Get, Nature::Write),
    api("/order/reverse/cancel/seller/decide", Method::Get, Nature::Write),
    api("/reverse/getreverseordersforseller", Method::Any, Nature::Read),
    api("/order/reverse/reason/list", Method::Get, Nature::Read),
    api("/order/shipment/providers/get", Method::Any, Nature::Read),
    api("/order/fulfill/pack", Method::Post, Nature::Write),
    api("/order/package/rts", Method::Post, Nature::Write),
    api("/order/package/repack", Method::Any, Nature::Write),
    api("/order/package/document/get", Method::Any, Nature::Read),
    api("/product/item/get", Method::Get, Nature::Read),
    api("/products/get", Method::Get, Nature::Read),
    api("/product/stock/sellable/update", Method::Any, Nature::Write),
    api("/product/stock/sellable/adjust", Method::Any, Nature::Write),
    api("/product/price_quantity/update", Method::Any, Nature::Write),
    api("/seller/get", Method::Get, Nature::Read),
    Api { legacy: true, ..api("/order/cancel", Method::Any, Nature::Write) },
    Api { legacy: true, ..api("/order/failure_reason/get", Method::Get, Nature::Read) },
    Api { legacy: true, ..api("/order/pack", Method::Post, Nature::Write) },
    Api { legacy: true, ..api("/order/rts", Method::Post, Nature::Write) },
    Api { legacy: true, ..api("/order/repack", Method::Post, Nature::Write) },
    Api { legacy: true, ..api("/shipment/providers/get", Method::Get, Nature::Read) },
];

/// The row of a request, whatever its method.
pub(super) fn find(request: &Request) -> Option<Api> {
    let path = request.path.strip_prefix(REST)?;
    APIS.into_iter().find(|api| api.path == path)
}

/// The call budget of an API is used up.
pub(super) fn too_many(wait: Duration) -> Failure {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Failure::caller(
        "ApiCallLimit",
        format!("Api access frequency exceeds the limit. this ban will last {} seconds", seconds.max(1)),
    )
}

impl Lazada {
    /// Checks app, clock, signature, token and budget; answers the seller of calls with a token.
    pub(super) fn admit(
        &self,
        request: &Request,
        api: &Api,
        pool: &BTreeMap<String, String>,
        moment: &mut Moment<'_>,
    ) -> Result<i64, Failure> {
        let method = request.method.as_str();
        let fits = match api.method {
            Method::Get => method == "GET",
            Method::Post => method == "POST",
            Method::Any => ["GET", "POST"].contains(&method),
        };
        if !fits {
            return Err(Failure::gateway("UnsupportedHTTPMethod", format!("{method} is not supported by this API")));
        }
        let parameters = Parameters(pool);
        let app_key = parameters.required("app_key")?;
        if app_key != self.app.app_key {
            return Err(Failure::gateway("InvalidAppKey", "The specified app key is invalid"));
        }
        let timestamp = parameters.required("timestamp")?;
        let at = timestamp.parse().ok().or_else(|| Some(timestamp.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
        // The codes of a wrong timestamp and sign method are not documented.
        if at.is_none_or(|at: i64| at.abs_diff(moment.now_ms) > FURTHEST_TIMESTAMP_MS) {
            return Err(Failure::gateway("IllegalTimestamp", "The specified timestamp is invalid or expired"));
        }
        if parameters.required("sign_method")? != "sha256" {
            return Err(Failure::gateway("InvalidSignMethod", "The specified sign method is not supported"));
        }
        let sign = parameters.required("sign")?;
        if !sign::is_signed(&self.app.app_secret, api.path, pool, sign) {
            let words = "The request signature does not conform to platform standards";
            return Err(Failure::gateway("IncompleteSignature", words));
        }
        let seller = match api.token {
            true => self.grants.check(parameters.required("access_token")?, moment.now)?,
            false => 0,
        };
        moment.limits.take(NAME, app_key, api.path).map_err(too_many)?;
        Ok(seller)
    }

    /// Lets the API do its work.
    pub(super) fn carry_out(
        &mut self,
        api: &Api,
        pool: &BTreeMap<String, String>,
        seller: i64,
        host: &str,
        moment: &mut Moment<'_>,
    ) -> Outcome {
        let parameters = &Parameters(pool);
        if !api.token {
            return self.tokens(api.path, parameters, moment);
        }
        let rules = &self.rules;
        if api.legacy && !rules.legacy {
            return Err(Failure::gateway("InvalidApi", "The API is offline"));
        }
        // Items of other sellers, which have an error of their own.
        let others = || self.shops.values().filter(|shop| shop.id != seller);
        let own = self.shops.get(&seller);
        let is_foreign = |item: &i64| {
            own.is_none_or(|shop| shop.is_free_item(*item)) && others().any(|shop| !shop.is_free_item(*item))
        };
        let foreign: Vec<i64> = cancel::named_items(parameters).into_iter().filter(is_foreign).collect();
        let Some(shop) = self.shops.get_mut(&seller) else {
            return Err(Failure::gateway("IllegalAccessToken", "The token belongs to no seller"));
        };
        match api.path {
            "/orders/get" => orders::get_orders(shop, parameters, rules, moment),
            "/order/get" => orders::get_order(shop, parameters, rules, moment),
            "/order/items/get" => orders::get_items(shop, parameters, moment),
            "/orders/items/get" => orders::get_items_of_orders(shop, parameters, moment),
            "/order/reverse/cancel/validate" => cancel::validate(shop, parameters, &foreign, rules),
            "/order/reverse/cancel/create" => cancel::create(shop, parameters, &foreign, rules, moment),
            "/order/reverse/cancel/seller/decide" => cancel::decide(shop, parameters, rules, moment),
            "/reverse/getreverseordersforseller" => cancel::reverse_orders(shop, parameters),
            "/order/reverse/reason/list" => cancel::refusal_reasons(shop, parameters),
            "/order/cancel" => cancel::legacy_cancel(shop, parameters, rules, moment),
            "/order/failure_reason/get" => Ok(cancel::failure_reasons()),
            "/order/shipment/providers/get" => shipping::providers(shop, parameters),
            "/shipment/providers/get" => Ok(shipping::legacy_providers(shop)),
            "/order/fulfill/pack" => shipping::pack(shop, parameters, rules, moment),
            "/order/package/rts" => {
                shipping::move_packages(shop, parameters, "readyToShipReq", Status::ReadyToShip, rules, moment)
            }
            "/order/package/repack" => {
                shipping::move_packages(shop, parameters, "rePackReq", Status::Repacked, rules, moment)
            }
            "/order/package/document/get" => shipping::document(shop, parameters, host, rules, moment),
            "/order/pack" => shipping::legacy_pack(shop, parameters, rules, moment),
            "/order/rts" => shipping::legacy_ready(shop, parameters, rules, moment),
            "/order/repack" => shipping::legacy_repack(shop, parameters, rules, moment),
            "/product/item/get" => products::get_item(shop, parameters),
            "/products/get" => products::get_products(shop, parameters),
            "/product/stock/sellable/update" => products::update(shop, parameters, products::Meant::Sellable, moment),
            "/product/stock/sellable/adjust" => products::update(shop, parameters, products::Meant::Change, moment),
            "/product/price_quantity/update" => products::update(shop, parameters, products::Meant::Total, moment),
            "/seller/get" => Ok(Success::Data(serde_json::json!({
                "seller_id": shop.id, "name": shop.name, "short_code": shop.region.code, "status": "ACTIVE",
                "cb": false,
            }))),
            _ => Err(unknown_path()),
        }
    }

    fn tokens(&mut self, path: &str, parameters: &Parameters<'_>, moment: &mut Moment<'_>) -> Outcome {
        let (grant, list) = match path {
            "/auth/token/create" => {
                let code = parameters.required("code")?;
                (self.grants.exchange(code, &self.rules, moment.now)?, "country_user_info")
            }
            _ => {
                let token = parameters.required("refresh_token")?;
                (self.grants.refresh(token, &self.rules, moment.now)?, "country_user_info_list")
            }
        };
        moment.changed = true;
        let shop = self.shops.get(&grant.seller);
        let shop = shop.ok_or_else(|| Failure::caller("InvalidCode", "The seller is gone"))?;
        Ok(Success::Flat(auth::payload(&grant, shop, list, moment.now)))
    }
}

/// There is no such path.
pub(super) fn unknown_path() -> Failure {
    Failure::gateway("InvalidApi", "The specified API is not found")
}
