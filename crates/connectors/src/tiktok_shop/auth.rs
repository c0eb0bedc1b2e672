//! Authorisation, tokens, the shop's cipher and credentials (`tiktok-shop.md` section 1).
//!
//! A token covers the shops of one seller; which one is ours, and the cipher that every call about it carries, is asked
//! for once ([`SHOPS`]). Until it is known the shop is renewed before anything else is called, see [`renewal`].

use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use crate::OpenError;
use crate::call::{CallError, Received, Remedy};
use crate::connecting::{Account, AppField, Connecting, Form};
use crate::connector::RenewedCredentials;
use crate::{lenient, wire};

/// Exchanges a code.
pub(super) const TOKEN_GET: &str = "/api/v2/token/get";
/// Renews a token.
pub(super) const TOKEN_REFRESH: &str = "/api/v2/token/refresh";
/// The shops that a token covers, with their ciphers.
pub(super) const SHOPS: &str = "/authorization/202309/shops";
/// An access token's life where the answer does not say (`C4`).
const ACCESS_LIFE: Span = Span::from_seconds(604_800);
/// How early the access token is renewed. Whether the old one lives on after that is not documented: late enough that a
/// crash between leaves it usable for a day.
pub(super) const REFRESH_AHEAD: Span = Span::from_seconds(86_400);
/// `access_token_expire_in` is a moment in seconds since 1970 (`C6`); a small number can only be a span.
const SPAN_MAX: i64 = 1_000_000_000;
/// The longest secret that is taken, in bytes.
const SECRET_MAX: usize = 2_048;
/// `user_type` of a seller (`C2`).
const SELLER: i64 = 0;

/// An API host with its host for tokens and its consent pages: everyone's and the United States' (section 1). A host that
/// the sheet does not name, such as a local sandbox, serves all three itself.
struct Hosts {
    api: &'static str,
    tokens: &'static str,
    consent: &'static str,
    consent_us: &'static str,
}

const HOSTS: [Hosts; 1] = [Hosts {
    api: "https://open-api.tiktokglobalshop.com",
    tokens: "https://auth.tiktok-shops.com",
    consent: "https://services.tiktokshop.com",
    consent_us: "https://services.us.tiktokshop.com",
}];

/// Market of the shops that have a consent page of their own.
const UNITED_STATES: &str = "US";

/// The address that tokens are asked for at.
pub(super) fn token_host(base: &str) -> &str {
    HOSTS.iter().find(|hosts| hosts.api == base).map_or(base, |hosts| hosts.tokens)
}

/// How a shop is connected (section 1). One consent may cover several shops; the country, then the shop's id, says which.
pub(crate) const CONNECTING: Connecting = Connecting {
    app_fields: &[
        AppField { name: "app_key", title: "App key", secret: false, required: true, form: Form::Text },
        AppField { name: "app_secret", title: "App secret", secret: true, required: true, form: Form::Text },
        AppField { name: "service_id", title: "Service ID", secret: false, required: false, form: Form::Text },
    ],
    account: Account::MayBeGiven,
    returned_account: None,
    shop_part: |country, account| {
        let shop_id = account.unwrap_or_default();
        Ok(vec![("region", country.into()), ("shop_id", shop_id.into())])
    },
    link: Some(authorisation_link),
};

/// One shop's credentials at TikTok Shop: what the store seals, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The app's key.
    pub app_key: String,
    /// The app's secret; signs requests and pushes.
    pub app_secret: String,
    /// The service's id of the consent page; empty uses the older page, which needs none.
    #[serde(default)]
    pub service_id: String,
    /// The shop's id; empty until it was asked for.
    #[serde(default)]
    pub shop_id: String,
    /// What every call about the shop carries; empty until it was asked for.
    #[serde(default)]
    pub shop_cipher: String,
    /// The shop's market (`ID`); empty until it was asked for.
    #[serde(default)]
    pub region: String,
    /// The platform's warehouse whose stock is set; empty for shops with one, which need not name it.
    #[serde(default)]
    pub warehouse_id: String,
    /// Empty until the shop is authorised.
    #[serde(default)]
    pub access_token: String,
    /// Empty until the shop is authorised.
    #[serde(default)]
    pub refresh_token: String,
    /// When the access token ends, in seconds since 1970; 0 where unknown.
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
            .field("shop_id", &self.shop_id)
            .field("region", &self.region)
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
        if credentials.app_key.is_empty() || credentials.app_secret.is_empty() {
            return wrong("app_key or app_secret is empty");
        }
        if credentials.secrets().iter().any(|secret| secret.len() > SECRET_MAX) {
            return wrong("a secret or token is longer than any of TikTok Shop's");
        }
        Ok(credentials)
    }

    /// All that no log and no error may hold.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [&self.app_secret, &self.access_token, &self.refresh_token, &self.shop_cipher];
        own.into_iter().filter(|secret| !secret.is_empty()).cloned().collect()
    }

    fn knows_its_shop(&self) -> bool {
        ![&self.shop_id, &self.shop_cipher, &self.region].into_iter().any(String::is_empty)
    }

    /// When calls about the shop stop working: at once where it is not known yet which shop it is.
    pub(super) fn usable_until(&self) -> Moment {
        Moment::from_seconds(if self.knows_its_shop() { self.access_ends } else { 0 })
    }

    fn renewed(&self) -> RenewedCredentials {
        RenewedCredentials {
            credentials: wire::json_text(self),
            access_ends: self.usable_until(),
            refresh_ends: self.refresh_ends.map(Moment::from_seconds),
        }
    }
}

/// What a renewal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// The token works; the shop is not known yet.
    Shop,
    /// A new token.
    Token,
}

/// What is missing most. A token that is given without its end is believed until the platform says that it has ended.
pub(super) fn renewal(credentials: &Credentials, platform_now: Moment) -> Renewal {
    let token_works = !credentials.access_token.is_empty()
        && (credentials.access_ends == 0 || Moment::from_seconds(credentials.access_ends) > platform_now);
    if token_works && !credentials.knows_its_shop() { Renewal::Shop } else { Renewal::Token }
}

/// The address of the consent page. Where the seller's browser returns to is set in the Partner Center, not here; a page
/// that the sheet does not name is told, because it has no Partner Center.
///
/// # Errors
/// [`OpenError`] when address or credentials are not usable.
pub fn authorisation_link(base_url: &str, credentials: &str, redirect: &str, state: &str) -> Result<String, OpenError> {
    let base = wire::base(base_url)?;
    let credentials = Credentials::read(credentials)?;
    let known = HOSTS.iter().find(|hosts| hosts.api == base);
    let (page, name, id) = if credentials.service_id.is_empty() {
        ("/oauth/authorize", "app_key", &credentials.app_key)
    } else {
        ("/open/authorize", "service_id", &credentials.service_id)
    };
    let host = match known {
        None => base.as_str(),
        Some(hosts) if credentials.service_id.is_empty() => hosts.tokens,
        Some(hosts) if credentials.region == UNITED_STATES => hosts.consent_us,
        Some(hosts) => hosts.consent,
    };
    let mut parameters = vec![(name, id.as_str()), ("state", state)];
    if known.is_none() {
        parameters.push(("redirect_uri", redirect));
    }
    Ok(format!("{host}{page}?{}", wire::query(&parameters)))
}

/// The query of an exchange.
pub(super) fn code_query(credentials: &Credentials, code: &str) -> String {
    token_query(credentials, "auth_code", code, "authorized_code")
}

/// The query of a renewal.
pub(super) fn refresh_query(credentials: &Credentials) -> String {
    token_query(credentials, "refresh_token", &credentials.refresh_token, "refresh_token")
}

fn token_query(credentials: &Credentials, name: &str, value: &str, grant_type: &str) -> String {
    wire::query(&[
        ("app_key", credentials.app_key.as_str()),
        ("app_secret", &credentials.app_secret),
        (name, value),
        ("grant_type", grant_type),
    ])
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "lenient::text")]
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    access_token_expire_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    refresh_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    refresh_token_expire_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    user_type: Option<i64>,
}

/// Reads the answer of both calls for tokens. `platform_now` is when the call was made.
pub(super) fn read_tokens(
    asked: &Asked,
    credentials: &Credentials,
    platform_now: Moment,
    received: &Received,
) -> Result<RenewedCredentials, CallError> {
    let answer = asked.answer(received)?;
    let tokens: Tokens = answer.data()?;
    let (Some(access_token), Some(refresh_token)) = (tokens.access_token, tokens.refresh_token) else {
        return Err(answer.unreadable("a token is missing"));
    };
    if access_token.len() > SECRET_MAX || refresh_token.len() > SECRET_MAX {
        return Err(answer.unreadable("a token is longer than any seen"));
    }
    if tokens.user_type.is_some_and(|kind| kind != SELLER) {
        return Err(answer.refused("authorised by a creator or partner: the seller must sign in and authorise"));
    }
    let moment = |number: i64| match number {
        ..=0 => None,
        1..=SPAN_MAX => Some(platform_now.plus(Span::from_seconds(number))),
        _ => Some(Moment::from_seconds(number)),
    };
    let access_ends = tokens.access_token_expire_in.and_then(moment).unwrap_or(platform_now.plus(ACCESS_LIFE));
    let renewed = Credentials {
        access_token,
        refresh_token,
        access_ends: access_ends.seconds(),
        refresh_ends: tokens.refresh_token_expire_in.and_then(moment).map(Moment::seconds),
        ..credentials.clone()
    };
    Ok(renewed.renewed())
}

#[derive(Deserialize)]
struct ShopsData {
    shops: Option<Vec<Shop>>,
}

#[derive(Deserialize)]
struct Shop {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cipher: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    region: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
}

impl Shop {
    /// Whether the shop is the one that the credentials speak of, as far as they say.
    fn fits(&self, credentials: &Credentials) -> bool {
        let said = [
            (&credentials.shop_id, &self.id),
            (&credentials.shop_cipher, &self.cipher),
            (&credentials.region, &self.region),
        ];
        said.into_iter().all(|(wanted, given)| wanted.is_empty() || given.as_ref() == Some(wanted))
    }
}

/// Reads which shops the token covers and keeps the one that the credentials mean.
pub(super) fn read_shops(
    asked: &Asked,
    credentials: &Credentials,
    received: &Received,
) -> Result<RenewedCredentials, CallError> {
    let answer = match asked.answer(received) {
        // The token was given without its end, which is now known: the next renewal asks for a new one.
        Err(error) if error.remedy == Remedy::TokenExpired => {
            return Ok(Credentials { access_ends: 1, ..credentials.clone() }.renewed());
        }
        other => other?,
    };
    let shops = answer.data::<ShopsData>()?.shops.unwrap_or_default();
    let mut fitting = shops.iter().filter(|shop| shop.fits(credentials));
    match (fitting.next(), fitting.next()) {
        (Some(Shop { id: Some(id), cipher: Some(cipher), region: Some(region), .. }), None) => {
            let (shop_id, shop_cipher, region) = (id.clone(), cipher.clone(), region.clone());
            Ok(Credentials { shop_id, shop_cipher, region, ..credentials.clone() }.renewed())
        }
        (Some(_), None) => Err(answer.unreadable("the shop has no id, cipher or region")),
        (found, _) => {
            let names: Vec<String> = shops
                .iter()
                .map(|shop| {
                    let [id, name] = [&shop.id, &shop.name].map(|text| text.as_deref().unwrap_or("?"));
                    format!("{id} {name}")
                })
                .collect();
            let several = "the authorisation covers several shops; say which by its shop_id";
            let none = "the authorisation does not cover this shop; sign in as its seller and authorise again";
            let problem = if found.is_some() { several } else { none };
            Err(answer.refused(&format!("{problem} ({})", names.join(", "))))
        }
    }
}
