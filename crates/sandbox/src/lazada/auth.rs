//! Codes, tokens and consents: sheet section 2.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::envelope::Failure;
use super::rules::Rules;
use super::shops::Shop;
use crate::random::secret;

/// A code lives thirty minutes.
const CODE_LIVES: i64 = 1_800;

/// One consent of a seller with its tokens; a token belongs to one shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    id: u64,
    pub(super) seller: i64,
    access: String,
    pub(super) access_until: i64,
    refresh: String,
    pub(super) refresh_until: i64,
    pub(super) revoked: bool,
}

/// A code that a redirect carried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Code {
    code: String,
    seller: i64,
    until: i64,
    used: bool,
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

impl Grants {
    /// A code as a redirect brings it.
    pub(super) fn make_code(&mut self, app_key: &str, seller: i64, now: i64) -> String {
        let code = format!("0_{app_key}_{}", secret(14));
        self.codes.retain(|_, code| code.until + CODE_LIVES > now);
        self.codes.insert(code.clone(), Code { code: code.clone(), seller, until: now + CODE_LIVES, used: false });
        self.changed_codes.push(code.clone());
        code
    }

    /// A new consent with its tokens.
    pub(super) fn make_grant(&mut self, seller: i64, rules: &Rules, now: i64) -> Grant {
        let grant = Grant {
            id: self.grants.len() as u64,
            seller,
            access: format!("5000020{}", secret(20)),
            access_until: now + rules.access_token_seconds,
            refresh: format!("5000120{}", secret(20)),
            refresh_until: now + rules.refresh_token_seconds,
            revoked: false,
        };
        self.put(grant.clone());
        grant
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
        self.access.retain(|_, owner| *owner != place);
        self.refresh.retain(|_, owner| *owner != place);
        self.access.insert(grant.access.clone(), place);
        self.refresh.insert(grant.refresh.clone(), place);
        self.grants[place] = grant;
        self.changed_grants.push(place);
    }

    /// Takes in a code as it is.
    pub(super) fn put_code(&mut self, code: Code) {
        self.codes.insert(code.code.clone(), code);
    }

    /// Exchanges a code for tokens; it is used once.
    pub(super) fn exchange(&mut self, code: &str, rules: &Rules, now: i64) -> Result<Grant, Failure> {
        let invalid = || Failure::caller("InvalidCode", "The authorization code is invalid or expired");
        let known = self.codes.get_mut(code).ok_or_else(invalid)?;
        if known.used || known.until < now {
            return Err(invalid());
        }
        known.used = true;
        let seller = known.seller;
        self.changed_codes.push(code.to_owned());
        Ok(self.make_grant(seller, rules, now))
    }

    /// A new access token. The refresh token stays, and so does its end; that the old access token ends is inferred.
    pub(super) fn refresh(&mut self, token: &str, rules: &Rules, now: i64) -> Result<Grant, Failure> {
        let illegal = || Failure::caller("IllegalRefreshToken", "The specified refresh token is invalid or expired");
        let place = *self.refresh.get(token).ok_or_else(illegal)?;
        let mut grant = self.grants[place].clone();
        if grant.revoked || grant.refresh_until <= now {
            return Err(illegal());
        }
        grant.access = format!("5000020{}", secret(20));
        grant.access_until = now + rules.access_token_seconds;
        self.put(grant.clone());
        Ok(grant)
    }

    /// The shop that a token belongs to.
    pub(super) fn seller_of(&self, token: &str) -> Option<i64> {
        self.access.get(token).and_then(|place| self.grants.get(*place)).map(|grant| grant.seller)
    }

    /// The shop that a token opens now.
    pub(super) fn check(&self, token: &str, now: i64) -> Result<i64, Failure> {
        let illegal = || Failure::gateway("IllegalAccessToken", "The specified access token is invalid or expired");
        let grant = self.access.get(token).and_then(|place| self.grants.get(*place)).ok_or_else(illegal)?;
        if grant.revoked || grant.access_until <= now { Err(illegal()) } else { Ok(grant.seller) }
    }

    /// Pushes are sent only while a token of the seller is valid (section 10).
    pub(super) fn has_valid(&self, seller: i64, now: i64) -> bool {
        self.grants.iter().any(|grant| grant.seller == seller && !grant.revoked && grant.access_until > now)
    }

    /// Changes all grants of a shop; answers how many there are.
    pub(super) fn change(&mut self, seller: i64, change: impl Fn(&mut Grant)) -> usize {
        let places: Vec<usize> = (0..self.grants.len()).filter(|place| self.grants[*place].seller == seller).collect();
        for place in &places {
            change(&mut self.grants[*place]);
            self.changed_grants.push(*place);
        }
        places.len()
    }

    /// The tokens of a shop's first grant, for the ready line.
    pub(super) fn first(&self, seller: i64) -> Option<(&str, &str)> {
        let grant = self.grants.iter().find(|grant| grant.seller == seller)?;
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

/// The flat payload of both token calls (section 2); the two pages of the documents name the list differently.
pub(super) fn payload(grant: &Grant, shop: &Shop, list: &str, now: i64) -> Map<String, Value> {
    let country = shop.region.country;
    let mut payload = match json!({
        "access_token": grant.access, "refresh_token": grant.refresh,
        "expires_in": (grant.access_until - now).max(0), "refresh_expires_in": (grant.refresh_until - now).max(0),
        "country": country, "account_platform": "seller_center", "account": "owner@shop.example", "account_id": null,
    }) {
        Value::Object(payload) => payload,
        _ => Map::new(),
    };
    let code = format!("{}{}", shop.region.code, shop.id.rem_euclid(100_000));
    payload.insert(
        list.to_owned(),
        json!([{"country": country, "user_id": (shop.id + 152_065_887).to_string(), "seller_id": shop.id.to_string(),
            "short_code": code}]),
    );
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_440_000;

    fn granted() -> (Grants, Grant) {
        let mut grants = Grants::default();
        let code = grants.make_code("139683", 7, NOW);
        let grant = grants.exchange(&code, &Rules::default(), NOW).unwrap();
        (grants, grant)
    }

    fn code_of<T>(outcome: Result<T, Failure>) -> String {
        outcome.err().map(|failure| failure.code).unwrap_or_default()
    }

    #[test]
    fn a_code_is_used_once_within_half_an_hour() {
        let (mut grants, rules) = (Grants::default(), Rules::default());
        let code = grants.make_code("139683", 7, NOW);
        assert!(code.starts_with("0_139683_"));
        assert_eq!(code_of(grants.exchange(&code, &rules, NOW + 1_801)), "InvalidCode");
        assert!(grants.exchange(&code, &rules, NOW + 1_800).is_ok());
        assert_eq!(code_of(grants.exchange(&code, &rules, NOW)), "InvalidCode");
    }

    #[test]
    fn a_refresh_gives_a_new_access_token_and_lengthens_nothing_else() {
        let (mut grants, grant) = granted();
        let rules = Rules::default();
        let next = grants.refresh(&grant.refresh, &rules, NOW + 100).unwrap();
        assert_eq!((&next.refresh, next.refresh_until), (&grant.refresh, grant.refresh_until));
        assert_eq!(code_of(grants.check(&grant.access, NOW + 100)), "IllegalAccessToken");
        assert_eq!(grants.check(&next.access, NOW + 100).unwrap(), 7);
        assert_eq!(code_of(grants.check(&next.access, NOW + 100 + 864_000)), "IllegalAccessToken");
        assert_eq!(code_of(grants.refresh(&next.refresh, &rules, NOW + 4_320_000)), "IllegalRefreshToken");
    }

    #[test]
    fn a_withdrawn_consent_opens_nothing() {
        let (mut grants, grant) = granted();
        assert!(grants.has_valid(7, NOW));
        assert_eq!(grants.change(7, |grant| grant.revoked = true), 1);
        assert_eq!(code_of(grants.check(&grant.access, NOW)), "IllegalAccessToken");
        assert_eq!(code_of(grants.refresh(&grant.refresh, &Rules::default(), NOW)), "IllegalRefreshToken");
        assert!(!grants.has_valid(7, NOW));
    }
}
