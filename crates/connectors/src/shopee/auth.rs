//! Authorisation, tokens and credentials (`shopee.md` sections 2 and 3).
//!
//! A refresh token is used once: each refresh answers a new pair, which is stored before it is used. Repeating a refresh
//! with the token just used answers the same pair for about four hours (`S:docs`), so a crash between is repaired by
//! refreshing again.

use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use super::sign;
use crate::OpenError;
use crate::call::{CallError, Received, Remedy};
use crate::connecting::{self, Account, AppField, Connecting, Form};
use crate::connector::RenewedCredentials;
use crate::lenient;

/// Section 3.2.
pub(super) const TOKEN_GET: &str = "/api/v2/auth/token/get";
/// Section 3.3.
pub(super) const ACCESS_TOKEN_GET: &str = "/api/v2/auth/access_token/get";
/// Section 3.1, form B.
const AUTH_PARTNER: &str = "/api/v2/shop/auth_partner";
/// An access token's life where the answer does not say (section 3.4, `C5`).
const ACCESS_LIFE: Span = Span::from_seconds(14_400);
/// A refresh token's life (section 3.4, `C5`).
const REFRESH_LIFE: Span = Span::from_seconds(30 * 86_400);
/// How early the access token is renewed: the old one lives on for as long (section 3.4), so it costs nothing.
pub(super) const REFRESH_AHEAD: Span = Span::from_seconds(300);
/// `expire_in` above this is no span but a moment, in seconds since 1970 (section 3.2).
const EXPIRE_IN_SPAN_MAX: i64 = 1_000_000_000;
/// The longest secret that is taken, in bytes; those seen have 32 to 64.
const SECRET_MAX: usize = 2_048;

/// The API's hosts with the hosts of their authorisation page (sections 2 and 3.1). The host is chosen by where our
/// server is, not by the shop's market.
const CONSENT_HOSTS: [(&str, &str); 5] = [
    ("https://partner.shopeemobile.com", "https://open.shopee.com"),
    ("https://openplatform.shopee.com.br", "https://open.shopee.com.br"),
    ("https://openplatform.shopee.cn", "https://open.shopee.cn"),
    ("https://openplatform.sandbox.test-stable.shopee.sg", "https://open.sandbox.test-stable.shopee.com"),
    ("https://openplatform.sandbox.test-stable.shopee.cn", "https://open.sandbox.test-stable.shopee.cn"),
];

/// How a shop is connected: the console shows the app's fields (section 3), the consent page names the shop (section 3.1).
pub(crate) const CONNECTING: Connecting = Connecting {
    app_fields: &[
        AppField { name: "partner_id", title: "Partner ID", secret: false, required: true, form: Form::Number },
        AppField { name: "partner_key", title: "Partner key", secret: true, required: true, form: Form::Text },
        AppField { name: "push_keys", title: "Push partner key", secret: true, required: false, form: Form::List },
    ],
    account: Account::Told,
    returned_account: Some("shop_id"),
    shop_part: |_, account| Ok(vec![("shop_id", connecting::number(account)?)]),
    link: Some(authorisation_link),
};

/// One shop's credentials at Shopee: what the store seals, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The app's id.
    pub partner_id: i64,
    /// The app's key; signs requests.
    pub partner_key: String,
    /// The console's keys for pushes, tried before the partner key.
    #[serde(default)]
    pub push_keys: Vec<String>,
    /// The shop's id; 0 until the shop is authorised.
    #[serde(default)]
    pub shop_id: i64,
    /// Empty until the shop is authorised.
    #[serde(default)]
    pub access_token: String,
    /// Empty until the shop is authorised. Used once.
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
            .field("partner_id", &self.partner_id)
            .field("shop_id", &self.shop_id)
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
        let credentials: Self = serde_json::from_str(text).map_err(|error| {
            let words = error.to_string();
            // These name a field; what names a value is not repeated.
            let about_a_field = ["missing field", "unknown field", "duplicate field"];
            let named = about_a_field.iter().any(|start| words.starts_with(start));
            let place = format!("line {} column {} is not as expected", error.line(), error.column());
            OpenError::Credentials(if named { words } else { place })
        })?;
        let wrong = |problem: &str| Err(OpenError::Credentials(problem.to_owned()));
        if credentials.partner_id <= 0 || credentials.shop_id < 0 {
            return wrong("partner_id and shop_id are numbers above 0");
        }
        if credentials.partner_key.is_empty() {
            return wrong("partner_key is empty");
        }
        if credentials.secrets().iter().any(|secret| secret.len() > SECRET_MAX) {
            return wrong("a key or token is longer than any of Shopee's");
        }
        Ok(credentials)
    }

    /// All that no log and no error may hold.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [&self.partner_key, &self.access_token, &self.refresh_token];
        own.into_iter().chain(&self.push_keys).filter(|secret| !secret.is_empty()).cloned().collect()
    }
}

/// The address of the authorisation page, unsigned (section 3.1, form A, current). An API host that the sheet does not
/// name, such as a local sandbox, serves the page itself.
///
/// # Errors
/// [`OpenError`] when address or credentials are not usable.
pub fn authorisation_link(base_url: &str, credentials: &str, redirect: &str, state: &str) -> Result<String, OpenError> {
    let base = super::base(base_url)?;
    let credentials = Credentials::read(credentials)?;
    let host = CONSENT_HOSTS.iter().find(|(api, _)| *api == base).map_or(base.as_str(), |(_, page)| *page);
    let partner_id = credentials.partner_id.to_string();
    let query = super::query(&[
        ("partner_id", partner_id.as_str()),
        ("auth_type", "seller"),
        ("redirect_uri", redirect),
        ("response_type", "code"),
        ("state", state),
    ]);
    Ok(format!("{host}/auth?{query}"))
}

/// The older, signed address (section 3.1, form B): good for five minutes, without a state. Whoever needs one puts it
/// into `redirect`.
///
/// # Errors
/// [`OpenError`] when address or credentials are not usable.
pub fn signed_authorisation_link(
    base_url: &str,
    credentials: &str,
    redirect: &str,
    platform_now: Moment,
) -> Result<String, OpenError> {
    let base = super::base(base_url)?;
    let Credentials { partner_id, partner_key, .. } = Credentials::read(credentials)?;
    let timestamp = platform_now.seconds();
    let signature = sign::sign(&partner_key, &sign::base_string(partner_id, AUTH_PARTNER, timestamp, None));
    let (partner_id, timestamp) = (partner_id.to_string(), timestamp.to_string());
    let query = super::query(&[
        ("partner_id", partner_id.as_str()),
        ("timestamp", &timestamp),
        ("sign", &signature),
        ("redirect", redirect),
    ]);
    Ok(format!("{base}{AUTH_PARTNER}?{query}"))
}

#[derive(Serialize)]
struct CodeBody<'a> {
    code: &'a str,
    partner_id: i64,
    shop_id: i64,
}

#[derive(Serialize)]
struct RefreshBody<'a> {
    refresh_token: &'a str,
    partner_id: i64,
    shop_id: i64,
}

pub(super) fn code_body(credentials: &Credentials, code: &str) -> Vec<u8> {
    super::json(&CodeBody { code, partner_id: credentials.partner_id, shop_id: credentials.shop_id })
}

pub(super) fn refresh_body(credentials: &Credentials) -> Vec<u8> {
    super::json(&RefreshBody {
        refresh_token: &credentials.refresh_token,
        partner_id: credentials.partner_id,
        shop_id: credentials.shop_id,
    })
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "lenient::text")]
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    refresh_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expire_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    shop_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::texts")]
    shop_id_list: Vec<String>,
}

/// Reads the flat answer of both calls. `platform_now` is when the call was made: the tokens live from then on at least.
pub(super) fn read_tokens(
    asked: &Asked,
    credentials: &Credentials,
    platform_now: Moment,
    received: &Received,
) -> Result<RenewedCredentials, CallError> {
    let answer = asked.flat_answer(received)?;
    let tokens: Tokens = answer.flat()?;
    let (Some(access_token), Some(refresh_token)) = (tokens.access_token, tokens.refresh_token) else {
        return Err(answer.unreadable("a token is missing"));
    };
    if access_token.len() > SECRET_MAX || refresh_token.len() > SECRET_MAX {
        return Err(answer.unreadable("a token is longer than any seen"));
    }
    let ours = credentials.shop_id.to_string();
    let another_shop = tokens.shop_id.is_some_and(|id| id != 0 && id != credentials.shop_id)
        || (!tokens.shop_id_list.is_empty() && !tokens.shop_id_list.contains(&ours));
    if another_shop {
        return Err(answer.failed(Remedy::Rejected, "the tokens are another shop's"));
    }
    let access_ends = match tokens.expire_in {
        Some(moment) if moment > EXPIRE_IN_SPAN_MAX => Moment::from_seconds(moment),
        Some(seconds) if seconds > 0 => platform_now.plus(Span::from_seconds(seconds)),
        _ => platform_now.plus(ACCESS_LIFE),
    };
    let refresh_ends = platform_now.plus(REFRESH_LIFE);
    let renewed = Credentials {
        access_token,
        refresh_token,
        access_ends: access_ends.seconds(),
        refresh_ends: Some(refresh_ends.seconds()),
        ..credentials.clone()
    };
    Ok(RenewedCredentials { credentials: super::json_text(&renewed), access_ends, refresh_ends: Some(refresh_ends) })
}
