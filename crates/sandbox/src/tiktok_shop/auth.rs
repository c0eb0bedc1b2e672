//! Authorisation: codes, tokens and their renewal. Sheet section 1.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::envelope::{Failure, Outcome};
use super::rules::Rules;
use crate::clock::LATEST;
use crate::marketplace::TokenAction;
use crate::random::secret;

/// Lives of code and tokens, in seconds.
const CODE_LIVES: i64 = 1_800;
const ACCESS_TOKEN_LIVES: i64 = 604_800;
/// About 99 years: it ends by withdrawal, not by time.
const REFRESH_TOKEN_LIVES: i64 = 99 * 365 * 86_400;
/// Bytes of a token.
const TOKEN_BYTES: usize = 24;

/// A seller's consent, with its own tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) id: u64,
    pub(super) shop: String,
    pub(super) access: String,
    pub(super) access_until: i64,
    pub(super) refresh: String,
    pub(super) refresh_until: i64,
    /// Tokens from before a renewal, with the end of each access token.
    pub(super) earlier: Vec<(String, i64, String)>,
    pub(super) revoked: bool,
}

/// A code that a redirect carried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) code: String,
    pub(super) shop: String,
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

/// Renewals whose earlier tokens are kept.
const MOST_EARLIER_TOKENS: usize = 8;

fn token() -> String {
    format!("ROW_{}", secret(TOKEN_BYTES))
}

impl Grants {
    /// A code as a redirect brings it.
    pub(super) fn make_code(&mut self, shop: &str, now: i64) -> String {
        let code = format!("ROW_{}", secret(TOKEN_BYTES));
        self.codes.retain(|_, code| code.until + CODE_LIVES > now);
        let made = Code { code: code.clone(), shop: shop.to_owned(), until: now + CODE_LIVES, used: false };
        self.codes.insert(code.clone(), made);
        self.changed_codes.push(code.clone());
        code
    }

    /// A new consent with its first tokens.
    pub(super) fn make_grant(&mut self, shop: &str, now: i64) -> &Grant {
        let grant = Grant {
            id: self.grants.len() as u64,
            shop: shop.to_owned(),
            access: token(),
            access_until: now + ACCESS_TOKEN_LIVES,
            refresh: token(),
            refresh_until: (now + REFRESH_TOKEN_LIVES).min(LATEST),
            earlier: Vec::new(),
            revoked: false,
        };
        let place = self.put(grant);
        &self.grants[place]
    }

    /// Takes in a grant as it is.
    pub(super) fn put(&mut self, grant: Grant) -> usize {
        let place = match self.grants.iter().position(|known| known.id == grant.id) {
            Some(place) => {
                self.grants[place] = grant;
                place
            }
            None => {
                self.grants.push(grant);
                self.grants.len() - 1
            }
        };
        self.access.retain(|_, owner| *owner != place);
        self.refresh.retain(|_, owner| *owner != place);
        let grant = &self.grants[place];
        let own = (grant.access.clone(), grant.access_until, grant.refresh.clone());
        for (access, _, refresh) in grant.earlier.iter().chain([&own]) {
            self.access.insert(access.clone(), place);
            self.refresh.insert(refresh.clone(), place);
        }
        self.changed_grants.push(place);
        place
    }

    /// Takes in a code as it is.
    pub(super) fn put_code(&mut self, code: Code) {
        self.codes.insert(code.code.clone(), code);
    }

    /// Exchanges a code for the first tokens.
    pub(super) fn exchange(&mut self, code: &str, now: i64) -> Result<&Grant, Failure> {
        let invalid = || Failure::unauthorised(36_004_004, "The auth_code is invalid or expired.");
        let known = self.codes.get_mut(code).ok_or_else(invalid)?;
        if known.used || known.until < now {
            return Err(invalid());
        }
        known.used = true;
        let shop = known.shop.clone();
        self.changed_codes.push(code.to_owned());
        Ok(self.make_grant(&shop, now))
    }

    /// Renews the tokens.
    pub(super) fn rotate(&mut self, refresh: &str, rules: &Rules, now: i64) -> Result<&Grant, Failure> {
        let invalid = || Failure::unauthorised(36_004_001, "The refresh_token is invalid or expired.");
        let place = *self.refresh.get(refresh).ok_or_else(invalid)?;
        let mut grant = self.grants[place].clone();
        let used = grant.refresh != refresh;
        if grant.revoked || grant.refresh_until <= now || (used && rules.single_use_refresh) {
            return Err(invalid());
        }
        grant.earlier.push((std::mem::replace(&mut grant.access, token()), grant.access_until, grant.refresh));
        if grant.earlier.len() > MOST_EARLIER_TOKENS {
            grant.earlier.remove(0);
        }
        grant.refresh = token();
        grant.access_until = now + ACCESS_TOKEN_LIVES;
        let place = self.put(grant);
        Ok(&self.grants[place])
    }

    /// The shop that a token is for, if it is good now (section 3).
    pub(super) fn check(&self, access: &str, now: i64) -> Result<&str, Failure> {
        let missing = || Failure::unauthorised(105_001, "Access token is invalid.");
        let grant = self.access.get(access).map(|place| &self.grants[*place]).filter(|grant| !grant.revoked);
        let grant = grant.ok_or_else(missing)?;
        let until = if grant.access == access {
            grant.access_until
        } else {
            grant.earlier.iter().find(|(token, ..)| token == access).map_or(0, |(_, until, _)| *until)
        };
        if until <= now {
            return Err(Failure::unauthorised(105_002, "Expired credentials. The access token is expired."));
        }
        Ok(&grant.shop)
    }

    /// Ends tokens of a shop; answers of how many grants.
    pub(super) fn end(&mut self, shop: &str, action: TokenAction, now: i64) -> usize {
        let places: Vec<usize> = (0..self.grants.len()).filter(|place| self.grants[*place].shop == shop).collect();
        for place in &places {
            let grant = &mut self.grants[*place];
            match action {
                TokenAction::ExpireAccess => grant.access_until = now,
                TokenAction::ExpireRefresh => (grant.access_until, grant.refresh_until) = (now, now),
                TokenAction::Revoke => grant.revoked = true,
            }
            grant.earlier.iter_mut().for_each(|(_, until, _)| *until = now);
            self.changed_grants.push(*place);
        }
        places.len()
    }

    /// A shop's first grant, for the ready line.
    pub(super) fn first(&self, shop: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.shop == shop)
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

/// The payload of both token calls. The ends are moments, not spans.
pub(super) fn payload(grant: &Grant, shop_name: &str, region: &str) -> Outcome {
    let scopes: [&str; 7] = [
        "seller.authorization.info",
        "seller.order.info",
        "seller.return_refund.basic",
        "seller.fulfillment.basic",
        "seller.fulfillment.package.write",
        "seller.product.basic",
        "seller.product.write",
    ];
    Ok::<Value, Failure>(json!({
        "access_token": grant.access, "access_token_expire_in": grant.access_until,
        "refresh_token": grant.refresh, "refresh_token_expire_in": grant.refresh_until,
        "open_id": format!("open{}", grant.shop), "seller_name": shop_name, "seller_base_region": region,
        "user_type": 0, "granted_scopes": scopes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_440_000;

    fn code_of<T>(outcome: Result<T, Failure>) -> i64 {
        outcome.err().map_or(0, |failure| failure.code)
    }

    fn granted() -> (Grants, String, String) {
        let mut grants = Grants::default();
        let code = grants.make_code("7", NOW);
        let grant = grants.exchange(&code, NOW).unwrap().clone();
        (grants, grant.access, grant.refresh)
    }

    #[test]
    fn a_code_is_used_once_within_half_an_hour() {
        let mut grants = Grants::default();
        let code = grants.make_code("7", NOW);
        assert_eq!(code_of(grants.exchange(&code, NOW + 1_801)), 36_004_004);
        assert_eq!(code_of(grants.exchange(&code, NOW + 1_800)), 0);
        assert_eq!(code_of(grants.exchange(&code, NOW + 1_800)), 36_004_004);
    }

    #[test]
    fn an_access_token_lives_seven_days_also_after_a_renewal() {
        let (mut grants, access, refresh) = granted();
        let next = grants.rotate(&refresh, &Rules::default(), NOW + 1).unwrap().access.clone();
        for token in [&access, &next] {
            assert_eq!(grants.check(token, NOW + 604_799), Ok("7"));
        }
        assert_eq!(code_of(grants.check(&access, NOW + 604_800)), 105_002);
        assert_eq!(code_of(grants.check("ROW_x", NOW)), 105_001);
    }

    #[test]
    fn a_used_refresh_token_works_again_unless_the_switch_says_once() {
        let (mut grants, _, refresh) = granted();
        assert!(grants.rotate(&refresh, &Rules::default(), NOW).is_ok());
        assert!(grants.rotate(&refresh, &Rules::default(), NOW).is_ok());
        let strict = Rules { single_use_refresh: true, ..Rules::default() };
        assert_eq!(code_of(grants.rotate(&refresh, &strict, NOW)), 36_004_001);
    }

    #[test]
    fn a_withdrawn_consent_ends_every_token() {
        let (mut grants, access, refresh) = granted();
        grants.end("7", TokenAction::Revoke, NOW);
        assert_eq!(code_of(grants.check(&access, NOW)), 105_001);
        assert_eq!(code_of(grants.rotate(&refresh, &Rules::default(), NOW)), 36_004_001);
    }
}
