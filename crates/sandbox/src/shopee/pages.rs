//! The pages that a seller's browser sees: consent and its withdrawal. Sheet section 3.1.

use serde_json::json;

use super::Shopee;
use super::api::FURTHEST_TIMESTAMP;
use super::auth::{consent_page, escape};
use super::shops::PushDraft;
use super::sign;
use crate::marketplace::{Answer, Moment, Request};

/// Form A of the authorisation link, unsigned.
const CONSENT: &str = "/auth";
/// Form B, signed.
const SIGNED_CONSENT: &str = "/api/v2/shop/auth_partner";
/// Withdraws the consent, signed.
const WITHDRAWAL: &str = "/api/v2/shop/cancel_auth_partner";
/// Where the button of a page leads.
const CONFIRMED: &str = "/auth/confirmed";

/// A path of a page.
pub(super) fn is_page(path: &str) -> bool {
    [CONSENT, SIGNED_CONSENT, WITHDRAWAL, CONFIRMED].contains(&path)
}

/// Pushes 1 and 2: a shop authorised the app or ended it. They are about the app and have no `shop_id` outside
/// (section 12.3).
pub(super) fn consent_push(code: u32, shop_id: i64) -> PushDraft {
    PushDraft { shop_id: None, code, data: json!({"shop_id": shop_id, "success": 1, "extra": ""}) }
}

fn html(status: u16, code: &str, page: String) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
        body: page.into_bytes(),
        code: code.to_owned(),
    }
}

fn fault(code: &str, message: &str) -> Answer {
    html(403, code, format!("<!doctype html><title>{code}</title><p>{code}: {}</p>", escape(message)))
}

impl Shopee {
    /// Answers a page.
    pub(super) fn page(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let text = |name: &str| request.parameter(name).unwrap_or_default();
        let partner = text("partner_id");
        if partner.parse() != Ok(self.app.partner_id) {
            return fault("invalid_partner_id", "Invalid partner_id");
        }
        if request.path == CONFIRMED {
            return self.confirmed(request, moment);
        }
        let signed = request.path != CONSENT;
        if signed {
            let timestamp = text("timestamp");
            let fresh =
                timestamp.parse().is_ok_and(|at: i64| at.abs_diff(moment.now) <= FURTHEST_TIMESTAMP.unsigned_abs());
            if !fresh {
                return fault("error_param", "Timestamp is expired.");
            }
            let sign = sign::hmac_hex(&self.app.partner_key, &[partner, &request.path, timestamp]);
            if sign != text("sign") {
                return fault("error_sign", "Wrong sign.");
            }
        } else if text("response_type") != "code" {
            return fault("error_param", "response_type must be code.");
        }
        let redirect = text(if signed { "redirect" } else { "redirect_uri" });
        if url::Url::parse(redirect).is_err() {
            return fault("error_param", "The redirect address is invalid.");
        }
        let withdraw = request.path == WITHDRAWAL;
        let shops: Vec<(i64, String)> = self.shops.values().map(|shop| (shop.id, shop.name.clone())).collect();
        if self.rules.consent_without_click
            && let Some((shop_id, _)) = shops.first()
        {
            return self.redirect(*shop_id, redirect, request.parameter("state"), withdraw, moment);
        }
        let title = if withdraw { "Cancel authorisation" } else { "Confirm authorisation" };
        let mut hidden = vec![("partner_id", partner), ("redirect", redirect)];
        if let Some(state) = request.parameter("state") {
            hidden.push(("state", state));
        }
        if withdraw {
            hidden.push(("withdraw", "1"));
        }
        html(200, "", consent_page(title, CONFIRMED, &hidden, &shops))
    }

    fn confirmed(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let shop_id = request.parameter("shop_id").and_then(|text| text.parse().ok());
        let Some(shop_id) = shop_id.filter(|id| self.shops.contains_key(id)) else {
            return fault("invalid_shop_id", "There is no such shop.");
        };
        let redirect = request.parameter("redirect").unwrap_or_default();
        let withdraw = request.parameter("withdraw").is_some();
        self.redirect(shop_id, redirect, request.parameter("state"), withdraw, moment)
    }

    fn redirect(
        &mut self,
        shop_id: i64,
        redirect: &str,
        state: Option<&str>,
        withdraw: bool,
        moment: &mut Moment<'_>,
    ) -> Answer {
        let Ok(mut target) = url::Url::parse(redirect) else {
            return fault("error_param", "The redirect address is invalid.");
        };
        if withdraw {
            self.grants.change(shop_id, |grant| grant.revoked = true);
            self.outbox.push(consent_push(2, shop_id));
            target.query_pairs_mut().append_pair("shop_id", &shop_id.to_string());
        } else {
            let code = self.grants.make_code(shop_id, moment.now);
            self.outbox.push(consent_push(1, shop_id));
            target.query_pairs_mut().append_pair("code", &code).append_pair("shop_id", &shop_id.to_string());
        }
        if let Some(state) = state {
            target.query_pairs_mut().append_pair("state", state);
        }
        moment.changed = true;
        Answer { status: 302, headers: vec![("location", target.to_string())], body: Vec::new(), code: String::new() }
    }
}
