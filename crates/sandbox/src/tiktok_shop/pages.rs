//! The page on which a seller authorises the app. Sheet section 1: both forms of the link.
//!
//! Where the browser returns to is saved in the app's settings over there; this fake has none, so that the link carries it
//! as `redirect_uri`.

use super::{TiktokShop, packages};
use crate::marketplace::{Answer, Moment, Request};

/// The consent page, by the service's id.
const CONSENT: &str = "/open/authorize";
/// The older one, by the app's key.
const OLDER_CONSENT: &str = "/oauth/authorize";
/// Where the button of the page leads.
const CONFIRMED: &str = "/open/authorize/confirmed";

/// A path of a page.
pub(super) fn is_page(path: &str) -> bool {
    [CONSENT, OLDER_CONSENT, CONFIRMED].contains(&path) || path.starts_with(packages::FILES)
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
    html(400, code, format!("<!doctype html><title>{code}</title><p>{}</p>", escape(message)))
}

impl TiktokShop {
    /// Answers a page.
    pub(super) fn page(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        if let Some(name) = request.path.strip_prefix(packages::FILES) {
            let file = self.shops.values().find_map(|shop| packages::file(shop, name));
            return file.map_or_else(|| fault("not_found", "There is no such file."), pdf);
        }
        let text = |name: &str| request.parameter(name).unwrap_or_default();
        let redirect = text("redirect_uri");
        if url::Url::parse(redirect).is_err() {
            return fault("redirect_uri", "The redirect address is missing or invalid.");
        }
        let state = text("state");
        if request.path == CONFIRMED {
            return self.redirect(text("shop_id"), redirect, state, moment);
        }
        let known = if request.path == CONSENT {
            text("service_id") == self.app.service_id
        } else {
            text("app_key") == self.app.key
        };
        if !known {
            return fault("unknown_app", "There is no such app.");
        }
        if self.rules.consent_without_click
            && let Some(shop) = self.shops.keys().next().cloned()
        {
            return self.redirect(&shop, redirect, state, moment);
        }
        let mut page =
            "<!doctype html><html lang=en><meta charset=utf-8><title>Authorise</title><h1>Authorise</h1>".to_owned();
        for shop in self.shops.values() {
            page.push_str(&format!(
                "<form method=get action=\"{CONFIRMED}\"><input type=hidden name=redirect_uri value=\"{}\">\
                 <input type=hidden name=state value=\"{}\"><input type=hidden name=shop_id value=\"{}\">\
                 <button id=\"confirm-{}\">Authorise {}</button></form>",
                escape(redirect),
                escape(state),
                escape(&shop.id),
                escape(&shop.id),
                escape(&shop.name)
            ));
        }
        html(200, "", page)
    }

    fn redirect(&mut self, shop: &str, redirect: &str, state: &str, moment: &mut Moment<'_>) -> Answer {
        let Ok(mut target) = url::Url::parse(redirect) else {
            return fault("redirect_uri", "The redirect address is invalid.");
        };
        if !self.shops.contains_key(shop) {
            return fault("unknown_shop", "There is no such shop.");
        }
        let code = self.grants.make_code(shop, moment.now);
        target.query_pairs_mut().append_pair("app_key", &self.app.key).append_pair("code", &code);
        if !state.is_empty() {
            target.query_pairs_mut().append_pair("state", state);
        }
        moment.changed = true;
        Answer { status: 302, headers: vec![("location", target.to_string())], body: Vec::new(), code: String::new() }
    }
}
