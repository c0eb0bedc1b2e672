//! The page on which a seller consents: sheet section 2.

use super::{Lazada, shipping};
use crate::marketplace::{Answer, Moment, Request};

/// The consent page.
const CONSENT: &str = "/oauth/authorize";
/// Where its button leads.
const CONFIRMED: &str = "/oauth/confirmed";

/// A path of a page.
pub(super) fn is_page(path: &str) -> bool {
    [CONSENT, CONFIRMED].contains(&path) || path.starts_with(shipping::FILES)
}

/// Text inside HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(status: u16, code: &str, page: String) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
        body: page.into_bytes(),
        code: code.to_owned(),
    }
}

fn pdf(body: Vec<u8>) -> Answer {
    let headers = vec![("content-type", "application/pdf".to_owned())];
    Answer { status: 200, headers, body, code: String::new() }
}

fn fault(code: &str, message: &str) -> Answer {
    html(400, code, format!("<!doctype html><title>{code}</title><p>{code}: {}</p>", escape(message)))
}

impl Lazada {
    /// Answers a page.
    pub(super) fn page(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if let Some(name) = request.path.strip_prefix(shipping::FILES) {
            let file = self.shops.values().find_map(|shop| shipping::file(shop, name));
            return file.map_or_else(|| fault("NotFound", "There is no such file."), pdf);
        }
        let text = |name: &str| request.parameter(name).unwrap_or_default();
        if text("client_id") != self.app.app_key {
            return fault("InvalidAppKey", "client_id is no app.");
        }
        let redirect = text("redirect_uri");
        if url::Url::parse(redirect).is_err() {
            return fault("InvalidRedirectUri", "redirect_uri is no address.");
        }
        if request.path == CONFIRMED {
            let seller = text("seller").parse().ok().filter(|seller| self.shops.contains_key(seller));
            return match seller {
                Some(seller) => self.redirect(seller, request, moment),
                None => fault("InvalidSeller", "There is no such seller."),
            };
        }
        if text("response_type") != "code" {
            return fault("InvalidParameter", "response_type must be code.");
        }
        let countries: Vec<&str> = text("country").split(',').filter(|country| !country.is_empty()).collect();
        let fits = |country: &str| countries.is_empty() || countries.contains(&country);
        let shops: Vec<(i64, String)> = self
            .shops
            .values()
            .filter(|shop| fits(shop.region.country))
            .map(|shop| (shop.id, shop.name.clone()))
            .collect();
        if let (true, Some((seller, _))) = (self.rules.consent_without_click, shops.first()) {
            return self.redirect(*seller, request, moment);
        }
        let mut page =
            "<!doctype html><html lang=en><meta charset=utf-8><title>Authorize</title><h1>Authorize</h1>".to_owned();
        for (seller, name) in shops {
            page.push_str(&format!("<form method=get action=\"{CONFIRMED}\">"));
            for field in ["client_id", "redirect_uri", "state"] {
                page.push_str(&format!("<input type=hidden name={field} value=\"{}\">", escape(text(field))));
            }
            page.push_str(&format!(
                "<input type=hidden name=seller value={seller}><button id=\"confirm-{seller}\">Authorize: {}</button></form>",
                escape(&name)
            ));
        }
        html(200, "", page)
    }

    fn redirect(&mut self, seller: i64, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let Ok(mut target) = url::Url::parse(request.parameter("redirect_uri").unwrap_or_default()) else {
            return fault("InvalidRedirectUri", "redirect_uri is no address.");
        };
        let code = self.grants.make_code(&self.app.app_key, seller, moment.now);
        target.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = request.parameter("state").filter(|state| !state.is_empty()) {
            target.query_pairs_mut().append_pair("state", state);
        }
        moment.changed = true;
        Answer { status: 302, headers: vec![("location", target.to_string())], body: Vec::new(), code: String::new() }
    }
}
