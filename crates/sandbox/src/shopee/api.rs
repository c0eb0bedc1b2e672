//! The APIs: which there are, how a call is admitted, and who answers it. Sheet sections 4 and 5.

use serde_json::{Map, Value, json};

use super::auth::{refresh_payload, token_payload};
use super::envelope::{Failure, Kind, Outcome, Parameters, Success};
use super::{NAME, Shopee, cancel, logistics, lost_pushes, orders, products, seed, sign};
use crate::marketplace::{Moment, Nature, Request};

/// The furthest that a request's timestamp may be from the clock, in seconds (section 4).
pub(super) const FURTHEST_TIMESTAMP: i64 = 300;

/// How an API is signed (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// Partner only. A shop's signature is accepted too: one third-party client signs these so (section 12.4).
    Public,
    /// Partner, access token and shop.
    Shop,
}

/// The APIs, one row each.
pub(super) const APIS: [(&str, &str, Signed, Nature); 20] = [
    ("POST", "/api/v2/auth/token/get", Signed::Public, Nature::Write),
    ("POST", "/api/v2/auth/access_token/get", Signed::Public, Nature::Write),
    ("GET", "/api/v2/public/get_shops_by_partner", Signed::Public, Nature::Read),
    ("GET", "/api/v2/push/get_lost_push_message", Signed::Public, Nature::Read),
    ("POST", "/api/v2/push/confirm_consumed_lost_push_message", Signed::Public, Nature::Write),
    ("GET", "/api/v2/order/get_order_list", Signed::Shop, Nature::Read),
    ("GET", "/api/v2/order/get_order_detail", Signed::Shop, Nature::Read),
    ("GET", "/api/v2/order/get_package_detail", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/order/cancel_order", Signed::Shop, Nature::Write),
    ("POST", "/api/v2/order/handle_buyer_cancellation", Signed::Shop, Nature::Write),
    ("GET", "/api/v2/logistics/get_shipping_parameter", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/logistics/ship_order", Signed::Shop, Nature::Write),
    ("GET", "/api/v2/logistics/get_tracking_number", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/logistics/create_shipping_document", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/logistics/get_shipping_document_result", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/logistics/download_shipping_document", Signed::Shop, Nature::Read),
    ("GET", "/api/v2/product/get_item_base_info", Signed::Shop, Nature::Read),
    ("GET", "/api/v2/product/get_model_list", Signed::Shop, Nature::Read),
    ("POST", "/api/v2/product/update_stock", Signed::Shop, Nature::Write),
    // One survey of the documentation says POST (section 12.4).
    ("POST", "/api/v2/push/get_lost_push_message", Signed::Public, Nature::Read),
];

/// The code of a used-up budget.
pub(super) const RATE_LIMIT: &str = "error_rate_limit";
/// Its words.
pub(super) const TOO_MANY: &str = "Too many requests, please try again later.";

/// The signature is wrong.
fn wrong_sign() -> Failure {
    Failure::authentication("error_sign", "Wrong sign.")
}

/// There is no such path.
pub(super) fn unknown_path() -> Failure {
    Failure { kind: Kind::UnknownPath, ..Failure::new("error_not_found", "No such API.") }
}

/// The row of a request.
pub(super) fn api(request: &Request) -> Option<(&'static str, Signed, Nature)> {
    APIS.into_iter()
        .find(|(method, path, _, _)| request.method.as_str() == *method && request.path == *path)
        .map(|(_, path, signed, nature)| (path, signed, nature))
}

impl Shopee {
    /// Checks partner, clock, signature, token and budget (sections 4 and 5); answers the shop of shop APIs.
    pub(super) fn admit(
        &self,
        request: &Request,
        api: &'static str,
        signed: Signed,
        moment: &mut Moment<'_>,
    ) -> Result<i64, Failure> {
        let text = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let partner = text("partner_id").ok_or_else(|| Failure::authentication("error_param", "no partner_id"))?;
        if partner.parse() != Ok(self.app.partner_id) {
            return Err(Failure::authentication("invalid_partner_id", "Invalid partner_id"));
        }
        let timestamp = text("timestamp").ok_or_else(|| Failure::authentication("error_param", "no timestamp"))?;
        let at: i64 = timestamp.parse().map_err(|_| Failure::authentication("error_param", "Invalid timestamp"))?;
        if at.abs_diff(moment.now) > FURTHEST_TIMESTAMP.unsigned_abs() {
            return Err(Failure::authentication("error_param", "Timestamp is expired."));
        }
        let sign = text("sign").ok_or_else(|| Failure::authentication("error_param", "no sign"))?;
        let (token, shop) = (text("access_token"), text("shop_id"));
        let key = &self.app.partner_key;
        let public = sign::hmac_hex(key, &[partner, api, timestamp]) == sign;
        let of_shop = match (token, shop) {
            (Some(token), Some(shop)) => sign::hmac_hex(key, &[partner, api, timestamp, token, shop]) == sign,
            _ => false,
        };
        let mut shop_id = 0;
        match signed {
            Signed::Public if public || of_shop => {}
            Signed::Shop => {
                let shop = shop.ok_or_else(|| Failure::authentication("error_param", "no shop_id"))?;
                let token = token.ok_or_else(|| Failure::authentication("error_param", "no access_token"))?;
                if !of_shop {
                    return Err(wrong_sign());
                }
                shop_id = shop.parse().map_err(|_| Failure::authentication("error_param", "Invalid shop_id"))?;
                self.grants.check(token, shop_id, moment.now)?;
            }
            Signed::Public => return Err(wrong_sign()),
        }
        match moment.limits.take(NAME, partner, api) {
            Ok(()) => Ok(shop_id),
            Err(_) => Err(Failure::authentication(RATE_LIMIT, TOO_MANY)),
        }
    }

    /// Lets the API do its work.
    pub(super) fn carry_out(
        &mut self,
        request: &Request,
        api: &'static str,
        shop_id: i64,
        moment: &mut Moment<'_>,
    ) -> Outcome {
        let parameters = Parameters::of(request)?;
        let (name, parameters) = (api.trim_start_matches("/api/v2/"), &parameters);
        match name {
            "auth/token/get" => return self.first_tokens(parameters, moment),
            "auth/access_token/get" => return self.next_tokens(parameters, moment),
            "public/get_shops_by_partner" => return self.shops_of_partner(parameters, moment),
            "push/get_lost_push_message" => return Ok(lost_pushes::get(self.app.partner_id, moment)),
            "push/confirm_consumed_lost_push_message" => {
                return lost_pushes::confirm(self.app.partner_id, parameters, moment);
            }
            _ => {}
        }
        let tracking = match self.shops.get(&shop_id) {
            Some(shop) if name == "logistics/ship_order" => seed::tracking(shop, &mut self.random),
            _ => String::new(),
        };
        let rules = &self.rules;
        let Some(shop) = self.shops.get_mut(&shop_id) else {
            return Err(Failure::authentication("error_shop", "shopid is invalid"));
        };
        match name {
            "order/get_order_list" => orders::get_order_list(shop, parameters, moment),
            "order/get_order_detail" => orders::get_order_detail(shop, parameters, rules, moment),
            "order/get_package_detail" => orders::get_package_detail(shop, parameters, rules, moment),
            "order/cancel_order" => cancel::cancel_order(shop, parameters, rules, moment),
            "order/handle_buyer_cancellation" => cancel::handle_buyer_cancellation(shop, parameters, rules, moment),
            "logistics/get_shipping_parameter" => logistics::get_shipping_parameter(shop, parameters, moment),
            "logistics/ship_order" => logistics::ship_order(shop, parameters, &tracking, rules, moment),
            "logistics/get_tracking_number" => logistics::get_tracking_number(shop, parameters),
            "logistics/create_shipping_document" => logistics::create_document(shop, parameters),
            "logistics/get_shipping_document_result" => logistics::document_result(shop, parameters, rules, moment),
            "logistics/download_shipping_document" => logistics::download(shop, parameters, rules, moment),
            "product/get_item_base_info" => products::get_item_base_info(shop, parameters),
            "product/get_model_list" => products::get_model_list(shop, parameters),
            "product/update_stock" => products::update_stock(shop, parameters, moment),
            _ => Err(unknown_path()),
        }
    }

    /// The partner id stands in the body as well, and must be the app's (sections 3.2 and 3.3).
    fn partner_in_body(&self, parameters: &Parameters<'_>) -> Result<(), Failure> {
        if parameters.required_integer("partner_id")? == self.app.partner_id {
            Ok(())
        } else {
            Err(Failure::authentication("invalid_partner_id", "Invalid partner_id"))
        }
    }

    /// `POST /api/v2/auth/token/get` (3.2).
    fn first_tokens(&mut self, parameters: &Parameters<'_>, moment: &mut Moment<'_>) -> Outcome {
        self.partner_in_body(parameters)?;
        let code = parameters.required("code")?;
        let shop_id = parameters.required_integer("shop_id")?;
        let tokens = self.grants.exchange(&code, shop_id, moment.now)?;
        moment.changed = true;
        Ok(Success::Flat(token_payload(&tokens, shop_id)))
    }

    /// `POST /api/v2/auth/access_token/get` (3.3).
    fn next_tokens(&mut self, parameters: &Parameters<'_>, moment: &mut Moment<'_>) -> Outcome {
        self.partner_in_body(parameters)?;
        let token = parameters.required("refresh_token")?;
        let shop_id = parameters.required_integer("shop_id")?;
        let (tokens, changed) = self.grants.rotate(&token, shop_id, &self.rules, moment.now)?;
        moment.changed = changed;
        Ok(Success::Flat(refresh_payload(&tokens, self.app.partner_id, shop_id)))
    }

    /// `GET /api/v2/public/get_shops_by_partner` (3.5).
    fn shops_of_partner(&self, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Outcome {
        let size = parameters.integer("page_size")?.unwrap_or(100);
        let page = parameters.integer("page_no")?.unwrap_or(1);
        if !(1..=100).contains(&size) || page < 1 {
            return Err(Failure::wrong("page_size must be 1 to 100 and page_no 1 or more."));
        }
        let shops = self.grants.authorised(moment.now);
        let (size, skipped) = (
            usize::try_from(size).unwrap_or(0),
            usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX),
        );
        let rows: Vec<Value> = shops
            .iter()
            .skip(skipped)
            .take(size)
            .map(|(id, given, until)| {
                let region = self.shops.get(id).map(|shop| shop.region).unwrap_or_default();
                json!({"shop_id": id, "region": region, "auth_time": given, "expire_time": until,
                    "sip_affi_shop_list": []})
            })
            .collect();
        let mut payload = Map::new();
        payload.insert("more".to_owned(), json!(skipped.saturating_add(rows.len()) < shops.len()));
        payload.insert("authed_shop_list".to_owned(), Value::Array(rows));
        Ok(Success::Flat(payload))
    }
}
