//! Authorisation, tokens and credentials (`lazada.md` sections 1 and 2).
//!
//! Lives differ by app and are read, never assumed where they are told. A refresh gives a new access token and does not
//! lengthen the refresh token's life: after that the seller must consent again.

use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use crate::OpenError;
use crate::call::{CallError, Received, Remedy};
use crate::connecting::{Account, AppField, Connecting, Form};
use crate::connector::RenewedCredentials;
use crate::{lenient, wire};

/// From a code.
pub(super) const TOKEN_CREATE: &str = "/auth/token/create";
/// From a refresh token.
pub(super) const TOKEN_REFRESH: &str = "/auth/token/refresh";
/// The host of tokens and of the consent page, for all countries (section 1).
const AUTH_HOST: &str = "https://auth.lazada.com";
/// The consent page.
const CONSENT: &str = "/oauth/authorize";
/// The countries' API hosts (section 1). Any other address, such as a local sandbox, serves tokens and page itself.
const API_HOSTS: [(&str, &str); 6] = [
    ("sg", "https://api.lazada.sg"),
    ("my", "https://api.lazada.com.my"),
    ("th", "https://api.lazada.co.th"),
    ("vn", "https://api.lazada.vn"),
    ("ph", "https://api.lazada.com.ph"),
    ("id", "https://api.lazada.co.id"),
];
/// An access token's life where the answer does not say: the shortest that was seen.
const ACCESS_LIFE: Span = Span::from_seconds(7 * 86_400);
/// How early the access token is renewed.
pub(super) const REFRESH_AHEAD: Span = Span::from_seconds(300);
/// The longest secret that is taken, in bytes; those seen have 32 to 50.
const SECRET_MAX: usize = 2_048;

/// How a shop is connected (section 2). The country says which of a cross-border seller's shops is meant; the tokens name it.
pub(crate) const CONNECTING: Connecting = Connecting {
    app_fields: &[
        AppField { name: "app_key", title: "App Key", secret: false, required: true, form: Form::Text },
        AppField { name: "app_secret", title: "App Secret", secret: true, required: true, form: Form::Text },
    ],
    account: Account::Told,
    returned_account: None,
    shop_part: |country, account| {
        let seller_id = account.unwrap_or_default();
        Ok(vec![("country", country.to_ascii_lowercase().into()), ("seller_id", seller_id.into())])
    },
    link: Some(authorisation_link),
};

/// One shop's credentials at Lazada: what the store seals, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The app's key, a decimal number as text.
    pub app_key: String,
    /// The app's secret; signs requests and pushes.
    pub app_secret: String,
    /// The shop's country, two small letters: a cross-border token serves several, a shop is in one.
    pub country: String,
    /// The shop's seller id, which pushes name; empty until the shop is authorised.
    #[serde(default)]
    pub seller_id: String,
    /// Empty until the shop is authorised.
    #[serde(default)]
    pub access_token: String,
    /// Empty until the shop is authorised.
    #[serde(default)]
    pub refresh_token: String,
    /// When the access token ends, in seconds since 1970; 0 where unknown, so that it is renewed first.
    #[serde(default)]
    pub access_ends: i64,
    /// When the refresh token ends, in seconds since 1970; `null` where unknown.
    #[serde(default)]
    pub refresh_ends: Option<i64>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("app_key", &self.app_key)
            .field("country", &self.country)
            .field("seller_id", &self.seller_id)
            .field("access_ends", &self.access_ends)
            .field("refresh_ends", &self.refresh_ends)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the sealed text.
    ///
    /// # Errors
    /// [`OpenError::Credentials`], which never quotes a value.
    pub fn read(text: &str) -> Result<Self, OpenError> {
        let credentials: Self = wire::read_credentials(text)?;
        let wrong = |problem: &str| Err(OpenError::Credentials(problem.to_owned()));
        if credentials.app_key.is_empty() || !credentials.app_key.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("app_key is a decimal number");
        }
        if credentials.app_secret.is_empty() {
            return wrong("app_secret is empty");
        }
        if !API_HOSTS.iter().any(|(country, _)| *country == credentials.country) {
            return wrong("country is one of sg, my, th, vn, ph, id");
        }
        if credentials.secrets().iter().any(|secret| secret.len() > SECRET_MAX) {
            return wrong("a secret or token is longer than any of Lazada's");
        }
        Ok(credentials)
    }

    /// All that no log and no error may hold.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [&self.app_secret, &self.access_token, &self.refresh_token];
        own.into_iter().filter(|secret| !secret.is_empty()).cloned().collect()
    }

    /// The market as the other platforms write it.
    pub(super) fn region(&self) -> String {
        self.country.to_ascii_uppercase()
    }
}

/// The host that gives tokens for the API at this origin.
pub(super) fn token_host(origin: &str) -> &str {
    if API_HOSTS.iter().any(|(_, host)| *host == origin) { AUTH_HOST } else { origin }
}

/// The address of the consent page (section 2).
///
/// # Errors
/// [`OpenError`] when address or credentials are not usable.
pub fn authorisation_link(base_url: &str, credentials: &str, redirect: &str, state: &str) -> Result<String, OpenError> {
    let origin = super::origin(base_url)?;
    let credentials = Credentials::read(credentials)?;
    let query = wire::query(&[
        ("response_type", "code"),
        ("force_auth", "true"),
        ("redirect_uri", redirect),
        ("client_id", credentials.app_key.as_str()),
        ("state", state),
        ("country", credentials.country.as_str()),
    ]);
    Ok(format!("{}{CONSENT}?{query}", token_host(&origin)))
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "lenient::text")]
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    refresh_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    refresh_expires_in: Option<i64>,
    // The two spellings of section 2 (the documents disagree).
    #[serde(default)]
    country_user_info: CountryUsers,
    #[serde(default)]
    country_user_info_list: CountryUsers,
}

/// The shops that a token serves. Old examples have another form than a list; that says nothing.
#[derive(Default)]
struct CountryUsers(Vec<CountryUser>);

#[derive(Deserialize)]
struct CountryUser {
    #[serde(default, deserialize_with = "lenient::text")]
    country: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_id: Option<String>,
}

impl<'de> Deserialize<'de> for CountryUsers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_default()))
    }
}

impl Tokens {
    /// The seller ids of a country, or all where no country is told.
    fn sellers(&self, country: &str) -> Vec<&str> {
        let users = self.country_user_info.0.iter().chain(&self.country_user_info_list.0);
        let here = users.filter(|user| user.country.as_deref().is_none_or(|named| named.eq_ignore_ascii_case(country)));
        here.filter_map(|user| user.seller_id.as_deref()).collect()
    }

    fn names_sellers(&self) -> bool {
        !self.country_user_info.0.is_empty() || !self.country_user_info_list.0.is_empty()
    }
}

/// Reads the flat answer of both calls. `platform_now` is when the call was made: the tokens live from then on at least.
pub(super) fn read_tokens(
    asked: &Asked,
    credentials: &Credentials,
    platform_now: Moment,
    received: &Received,
) -> Result<RenewedCredentials, CallError> {
    let answer = asked.answer(received)?;
    let tokens: Tokens = answer.flat()?;
    let Some(access_token) = tokens.access_token.clone() else {
        return Err(answer.unreadable("the access token is missing"));
    };
    // A refresh may leave the refresh token as it is.
    let refresh_token = tokens.refresh_token.clone().unwrap_or_else(|| credentials.refresh_token.clone());
    if refresh_token.is_empty() {
        return Err(answer.unreadable("the refresh token is missing"));
    }
    if access_token.len() > SECRET_MAX || refresh_token.len() > SECRET_MAX {
        return Err(answer.unreadable("a token is longer than any seen"));
    }
    let sellers = tokens.sellers(&credentials.country);
    let seller_id = match (credentials.seller_id.as_str(), &sellers[..]) {
        ("", [seller, ..]) => (*seller).to_owned(),
        ("", []) => return Err(answer.failed(Remedy::Rejected, "the tokens are for no shop of this country")),
        (ours, _) if !tokens.names_sellers() || sellers.contains(&ours) => ours.to_owned(),
        _ => return Err(answer.failed(Remedy::Rejected, "the tokens are another shop's")),
    };
    let ends = |life: Option<i64>| {
        life.filter(|&seconds| seconds > 0).map(|seconds| platform_now.plus(Span::from_seconds(seconds)))
    };
    let access_ends = ends(tokens.expires_in).unwrap_or_else(|| platform_now.plus(ACCESS_LIFE));
    let refresh_ends = ends(tokens.refresh_expires_in).or(credentials.refresh_ends.map(Moment::from_seconds));
    let renewed = Credentials {
        seller_id,
        access_token,
        refresh_token,
        access_ends: access_ends.seconds(),
        refresh_ends: refresh_ends.map(Moment::seconds),
        ..credentials.clone()
    };
    Ok(RenewedCredentials { credentials: wire::json_text(&renewed), access_ends, refresh_ends })
}
