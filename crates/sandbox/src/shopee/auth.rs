//! Authorisation: consent pages, codes, tokens and their rotation. Sheet section 3.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::envelope::Failure;
use super::rules::Rules;
use crate::random::secret;

/// Lives of code, tokens and consent, in seconds (3.1 and 3.4).
const CODE_LIVES: i64 = 600;
const ACCESS_TOKEN_LIVES: i64 = 14_400;
const PREVIOUS_ACCESS_TOKEN_LIVES: i64 = 300;
const REFRESH_TOKEN_LIVES: i64 = 30 * 86_400;
const USED_REFRESH_TOKEN_REPEATS: i64 = 4 * 3_600;
const CONSENT_LIVES: i64 = 365 * 86_400;
/// Bytes of a token; 32 hex characters.
const TOKEN_BYTES: usize = 16;

/// A seller's consent, with its own chain of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) id: u64,
    pub(super) shop_id: i64,
    pub(super) access: String,
    pub(super) access_until: i64,
    pub(super) refresh: String,
    pub(super) refresh_until: i64,
    /// The access token before the last refresh, and until when it still works.
    pub(super) previous: Option<(String, i64)>,
    /// The refresh token used last, and when.
    pub(super) used: Option<(String, i64)>,
    pub(super) given: i64,
    pub(super) revoked: bool,
}

/// A code that a redirect carried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) code: String,
    pub(super) shop_id: i64,
    pub(super) until: i64,
    pub(super) used: bool,
}

/// All consents and codes of the app.
#[derive(Debug, Default)]
pub(super) struct Grants {
    grants: Vec<Grant>,
    access: HashMap<String, usize>,
    refresh: HashMap<String, usize>,
    codes: HashMap<String, Code>,
    changed_grants: Vec<usize>,
    changed_codes: Vec<String>,
}

/// The two tokens of a grant as the token calls answer them.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) expires_in: i64,
}

impl Grants {
    /// A code as a redirect brings it (3.1).
    pub(super) fn make_code(&mut self, shop_id: i64, now: i64) -> String {
        let code = secret(TOKEN_BYTES);
        self.codes.retain(|_, code| code.until + CODE_LIVES > now);
        self.codes.insert(code.clone(), Code { code: code.clone(), shop_id, until: now + CODE_LIVES, used: false });
        self.changed_codes.push(code.clone());
        code
    }

    /// A new consent with its first tokens.
    pub(super) fn make_grant(&mut self, shop_id: i64, now: i64) -> Tokens {
        let grant = Grant {
            id: self.grants.len() as u64,
            shop_id,
            access: secret(TOKEN_BYTES),
            access_until: now + ACCESS_TOKEN_LIVES,
            refresh: secret(TOKEN_BYTES),
            refresh_until: now + REFRESH_TOKEN_LIVES,
            previous: None,
            used: None,
            given: now,
            revoked: false,
        };
        let tokens = grant.tokens(now);
        self.put(grant);
        tokens
    }

    /// Takes in a grant as it is.
    pub(super) fn put(&mut self, grant: Grant) {
        let place = match self.grants.iter().position(|known| known.id == grant.id) {
            Some(place) => place,
            None => {
                self.grants.push(grant.clone());
                self.grants.len() - 1
            }
        };
        self.forget(place);
        self.grants[place] = grant;
        self.remember(place);
    }

    fn forget(&mut self, place: usize) {
        self.access.retain(|_, owner| *owner != place);
        self.refresh.retain(|_, owner| *owner != place);
    }

    fn remember(&mut self, place: usize) {
        let grant = &self.grants[place];
        self.access.insert(grant.access.clone(), place);
        self.refresh.insert(grant.refresh.clone(), place);
        if let Some((token, _)) = &grant.previous {
            self.access.insert(token.clone(), place);
        }
        if let Some((token, _)) = &grant.used {
            self.refresh.insert(token.clone(), place);
        }
        self.changed_grants.push(place);
    }

    /// Takes in a code as it is.
    pub(super) fn put_code(&mut self, code: Code) {
        self.codes.insert(code.code.clone(), code);
    }

    /// Exchanges a code for the first tokens (3.2).
    pub(super) fn exchange(&mut self, code: &str, shop_id: i64, now: i64) -> Result<Tokens, Failure> {
        let invalid = || Failure::authentication("invalid_code", "Invalid code");
        let known = self.codes.get_mut(code).ok_or_else(invalid)?;
        if known.used || known.until < now {
            return Err(invalid());
        }
        if known.shop_id != shop_id {
            return Err(Failure::authentication("invalid_shop_id", "Invalid shop_id"));
        }
        known.used = true;
        self.changed_codes.push(code.to_owned());
        Ok(self.make_grant(shop_id, now))
    }

    /// Rotates the tokens (3.3). The refresh token is used up; repeating it gives the same new tokens for a while.
    pub(super) fn rotate(
        &mut self,
        token: &str,
        shop_id: i64,
        rules: &Rules,
        now: i64,
    ) -> Result<(Tokens, bool), Failure> {
        let invalid = || Failure::authentication("error_auth", "Invalid refresh_token.");
        let place = *self.refresh.get(token).ok_or_else(invalid)?;
        let grant = &self.grants[place];
        if grant.shop_id != shop_id {
            return Err(Failure::authentication("error_shop_refresh_token", "The refresh_token is of another shop."));
        }
        grant.consented(now)?;
        if grant.refresh != token {
            let repeatable =
                grant.used.as_ref().is_some_and(|(used, at)| used == token && now - at < USED_REFRESH_TOKEN_REPEATS);
            return if rules.repeat_refresh && repeatable && grant.access_until > now {
                Ok((grant.tokens(now), false))
            } else {
                Err(invalid())
            };
        }
        if grant.refresh_until <= now {
            return Err(Failure::authentication("refresh_token_expired", "The refresh_token is expired."));
        }
        self.forget(place);
        let grant = &mut self.grants[place];
        let old_access = std::mem::replace(&mut grant.access, secret(TOKEN_BYTES));
        let old_refresh = std::mem::replace(&mut grant.refresh, secret(TOKEN_BYTES));
        grant.previous = Some((old_access, grant.access_until.min(now + PREVIOUS_ACCESS_TOKEN_LIVES)));
        grant.used = Some((old_refresh, now));
        grant.access_until = now + ACCESS_TOKEN_LIVES;
        grant.refresh_until = now + REFRESH_TOKEN_LIVES;
        let tokens = grant.tokens(now);
        self.remember(place);
        Ok((tokens, true))
    }

    /// The token is good for this shop now (sections 4 and 5).
    pub(super) fn check(&self, token: &str, shop_id: i64, now: i64) -> Result<(), Failure> {
        let invalid = || Failure::authentication("invalid_acceess_token", "Invalid access_token, please have a check.");
        let grant = self.access.get(token).and_then(|place| self.grants.get(*place)).ok_or_else(invalid)?;
        grant.consented(now)?;
        let until = match &grant.previous {
            Some((previous, until)) if previous == token => *until,
            _ => grant.access_until,
        };
        if until <= now {
            return Err(invalid());
        }
        if grant.shop_id != shop_id {
            return Err(Failure::authentication("error_auth", "Invalid partner_id or shopid."));
        }
        Ok(())
    }

    /// Changes all grants of a shop; answers how many there are.
    pub(super) fn change(&mut self, shop_id: i64, change: impl Fn(&mut Grant)) -> usize {
        let places: Vec<usize> =
            (0..self.grants.len()).filter(|place| self.grants[*place].shop_id == shop_id).collect();
        for place in &places {
            change(&mut self.grants[*place]);
            self.changed_grants.push(*place);
        }
        places.len()
    }

    /// The shops with a living consent: when it was given and when it ends, the latest one.
    pub(super) fn authorised(&self, now: i64) -> Vec<(i64, i64, i64)> {
        let mut shops: Vec<(i64, i64, i64)> = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.consented(now).is_ok()) {
            let row = (grant.shop_id, grant.given, grant.given + CONSENT_LIVES);
            match shops.iter_mut().find(|(shop_id, _, _)| *shop_id == grant.shop_id) {
                Some(known) => *known = row,
                None => shops.push(row),
            }
        }
        shops
    }

    /// The present tokens of a shop's first grant, for the ready line.
    pub(super) fn first(&self, shop_id: i64) -> Option<(&str, &str)> {
        let grant = self.grants.iter().find(|grant| grant.shop_id == shop_id)?;
        Some((&grant.access, &grant.refresh))
    }

    /// Hands out what changed since the last time.
    pub(super) fn take_changes(&mut self, mut grant: impl FnMut(&Grant), mut code: impl FnMut(&Code)) {
        for place in std::mem::take(&mut self.changed_grants) {
            self.grants.get(place).into_iter().for_each(&mut grant);
        }
        for changed in std::mem::take(&mut self.changed_codes) {
            self.codes.get(&changed).into_iter().for_each(&mut code);
        }
    }

    /// Marks everything as changed.
    pub(super) fn mark_all(&mut self) {
        self.changed_grants = (0..self.grants.len()).collect();
        self.changed_codes = self.codes.keys().cloned().collect();
    }
}

impl Grant {
    fn tokens(&self, now: i64) -> Tokens {
        Tokens {
            access: self.access.clone(),
            refresh: self.refresh.clone(),
            expires_in: (self.access_until - now).max(0),
        }
    }

    fn consented(&self, now: i64) -> Result<(), Failure> {
        if self.revoked {
            return Err(Failure::authentication("shop_no_linked", "The shop is not linked to the partner."));
        }
        if self.given + CONSENT_LIVES <= now {
            return Err(Failure::authentication("shop_access_expired", "The authorisation of the shop is expired."));
        }
        Ok(())
    }
}

/// The flat payload of `auth/token/get` (3.2).
pub(super) fn token_payload(tokens: &Tokens, shop_id: i64) -> Map<String, Value> {
    payload(json!({
        "access_token": tokens.access, "refresh_token": tokens.refresh, "expire_in": tokens.expires_in,
        "shop_id_list": [shop_id], "merchant_id_list": [],
    }))
}

/// The flat payload of `auth/access_token/get` (3.3).
pub(super) fn refresh_payload(tokens: &Tokens, partner_id: i64, shop_id: i64) -> Map<String, Value> {
    payload(json!({
        "partner_id": partner_id, "shop_id": shop_id, "access_token": tokens.access,
        "refresh_token": tokens.refresh, "expire_in": tokens.expires_in,
    }))
}

fn payload(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(payload) => payload,
        _ => Map::new(),
    }
}

/// A consent page: one form for each shop.
pub(super) fn consent_page(title: &str, action: &str, hidden: &[(&str, &str)], shops: &[(i64, String)]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1>",
        title = escape(title)
    );
    for (shop_id, name) in shops {
        page.push_str(&format!("<form method=get action=\"{}\">", escape(action)));
        for (key, value) in hidden {
            page.push_str(&format!("<input type=hidden name=\"{}\" value=\"{}\">", escape(key), escape(value)));
        }
        page.push_str(&format!(
            "<input type=hidden name=shop_id value={shop_id}><button id=\"confirm-{shop_id}\">{title}: {}</button></form>",
            escape(name),
            title = escape(title)
        ));
    }
    page
}

/// Text inside HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_440_000;

    fn granted() -> (Grants, Tokens) {
        let mut grants = Grants::default();
        let code = grants.make_code(7, NOW);
        let tokens = grants.exchange(&code, 7, NOW).unwrap();
        (grants, tokens)
    }

    fn code_of<T>(outcome: Result<T, Failure>) -> &'static str {
        outcome.err().map_or("", |failure| failure.code)
    }

    #[test]
    fn a_code_is_used_once_within_ten_minutes_by_its_shop() {
        let mut grants = Grants::default();
        let code = grants.make_code(7, NOW);
        assert_eq!(code_of(grants.exchange(&code, 8, NOW)), "invalid_shop_id");
        assert_eq!(code_of(grants.exchange(&code, 7, NOW + 601)), "invalid_code");
        assert!(grants.exchange(&code, 7, NOW + 600).is_ok());
        assert_eq!(code_of(grants.exchange(&code, 7, NOW + 600)), "invalid_code");
        assert_eq!(code_of(grants.exchange("x", 7, NOW)), "invalid_code");
    }

    #[test]
    fn an_access_token_lives_four_hours() {
        let (grants, tokens) = granted();
        assert!(grants.check(&tokens.access, 7, NOW + 14_399).is_ok());
        assert_eq!(code_of(grants.check(&tokens.access, 7, NOW + 14_400)), "invalid_acceess_token");
        assert_eq!(code_of(grants.check(&tokens.access, 8, NOW)), "error_auth");
    }

    #[test]
    fn the_previous_access_token_lives_five_minutes_more() {
        let (mut grants, tokens) = granted();
        let (next, changed) = grants.rotate(&tokens.refresh, 7, &Rules::default(), NOW).unwrap();
        assert!(changed);
        assert!(grants.check(&next.access, 7, NOW).is_ok());
        assert!(grants.check(&tokens.access, 7, NOW + 299).is_ok());
        assert_eq!(code_of(grants.check(&tokens.access, 7, NOW + 300)), "invalid_acceess_token");
    }

    #[test]
    fn a_used_refresh_token_repeats_its_answer_for_four_hours_and_then_ends() {
        let (mut grants, tokens) = granted();
        let rules = Rules::default();
        let (next, _) = grants.rotate(&tokens.refresh, 7, &rules, NOW).unwrap();
        let (same, changed) = grants.rotate(&tokens.refresh, 7, &rules, NOW + 14_000).unwrap();
        assert_eq!((same.access, same.refresh, changed), (next.access, next.refresh.clone(), false));
        assert_eq!(code_of(grants.rotate(&tokens.refresh, 7, &rules, NOW + 14_400)), "error_auth");
        let strict = Rules { repeat_refresh: false, ..rules };
        assert_eq!(code_of(grants.rotate(&tokens.refresh, 7, &strict, NOW + 1)), "error_auth");
        assert!(grants.rotate(&next.refresh, 7, &strict, NOW + 2).is_ok());
    }

    #[test]
    fn each_grant_has_its_own_chain() {
        let (mut grants, tokens) = granted();
        let other = grants.make_grant(7, NOW);
        grants.rotate(&tokens.refresh, 7, &Rules::default(), NOW).unwrap();
        assert!(grants.check(&other.access, 7, NOW + 1_000).is_ok());
        assert!(grants.rotate(&other.refresh, 7, &Rules::default(), NOW).is_ok());
    }

    #[test]
    fn refresh_tokens_end_after_thirty_days_and_consent_after_a_year() {
        let (mut grants, tokens) = granted();
        let rules = Rules::default();
        assert_eq!(code_of(grants.rotate(&tokens.refresh, 7, &rules, NOW + 30 * 86_400)), "refresh_token_expired");
        assert_eq!(code_of(grants.rotate(&tokens.refresh, 7, &rules, NOW + 365 * 86_400)), "shop_access_expired");
        grants.change(7, |grant| grant.revoked = true);
        assert_eq!(code_of(grants.check(&tokens.access, 7, NOW)), "shop_no_linked");
    }

    #[test]
    fn pages_cannot_be_broken_out_of() {
        let page = consent_page("Authorise", "/x", &[("state", "\"><script>")], &[(1, "a<b".to_owned())]);
        assert!(!page.contains("<script>") && !page.contains("a<b"), "{page}");
    }
}
