//! Tokens and credentials of the old API (`tokopedia.md` section B.1).
//!
//! The app's id and secret give a token for all shops that are connected to the app; there is no page for sellers and no
//! refresh token. A new token is given only once the old one has ended, so none is asked for before.

use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use crate::OpenError;
use crate::call::{CallError, Received, Remedy};
use crate::connecting::{self, Account, AppField, Connecting, Form};
use crate::connector::RenewedCredentials;
use crate::{lenient, wire};

/// Gives tokens, on a host of its own.
pub(super) const TOKEN: &str = "/token";
/// The API's host with the host of its tokens. A host that the sheet does not name, such as a local sandbox, serves both.
const HOSTS: [(&str, &str); 1] = [("https://fs.tokopedia.net", "https://accounts.tokopedia.com")];
/// A token's life where the answer does not say: the shortest that was seen.
const ACCESS_LIFE: Span = Span::from_seconds(29_142);
/// How early a token is renewed.
pub(super) const REFRESH_AHEAD: Span = Span::ZERO;
/// The longest secret that is taken, in bytes.
const SECRET_MAX: usize = 2_048;

/// The address that tokens are asked for at.
pub(super) fn token_host(base: &str) -> &str {
    HOSTS.iter().find(|(api, _)| *api == base).map_or(base, |(_, tokens)| *tokens)
}

/// How a shop is connected (section B.1): id and secret are enough, and the shop's number says which one.
pub(crate) const CONNECTING: Connecting = Connecting {
    app_fields: &[
        AppField { name: "client_id", title: "Client ID", secret: false, required: true, form: Form::Text },
        AppField { name: "client_secret", title: "Client secret", secret: true, required: true, form: Form::Text },
        AppField { name: "fs_id", title: "App ID (fs_id)", secret: false, required: true, form: Form::Number },
        AppField { name: "webhook_secret", title: "Webhook secret", secret: true, required: false, form: Form::Text },
    ],
    account: Account::MustBeGiven,
    returned_account: None,
    shop_part: |_, account| Ok(vec![("shop_id", connecting::number(account)?)]),
    link: None,
};

/// One shop's credentials at Tokopedia's old API: what the store seals, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The app's id for tokens.
    pub client_id: String,
    /// The app's secret for tokens.
    pub client_secret: String,
    /// The app's number, which stands in most paths.
    pub fs_id: i64,
    /// The shop's number; 0 where only the app is meant.
    pub shop_id: i64,
    /// Signs pushes; without it none is believed.
    #[serde(default)]
    pub webhook_secret: String,
    /// Empty until one was asked for.
    #[serde(default)]
    pub access_token: String,
    /// When it ends, in seconds since 1970; 0 where there is none.
    #[serde(default)]
    pub access_ends: i64,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("fs_id", &self.fs_id)
            .field("shop_id", &self.shop_id)
            .field("access_ends", &self.access_ends)
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
        if credentials.fs_id <= 0 || credentials.shop_id < 0 {
            return wrong("fs_id and shop_id are numbers above 0");
        }
        if credentials.client_id.is_empty() || credentials.client_secret.is_empty() {
            return wrong("client_id or client_secret is empty");
        }
        if credentials.secrets().iter().any(|secret| secret.len() > SECRET_MAX) {
            return wrong("a secret or token is longer than any of Tokopedia's");
        }
        Ok(credentials)
    }

    /// All that no log and no error may hold.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [&self.client_secret, &self.webhook_secret, &self.access_token];
        own.into_iter().filter(|secret| !secret.is_empty()).cloned().collect()
    }

    /// The value of `Authorization` of a token call.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", base64(format!("{}:{}", self.client_id, self.client_secret).as_bytes()))
    }
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let sixth = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(LETTERS[sixth as usize]) } else { '=' });
        }
    }
    text
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "lenient::text")]
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
}

/// Reads the token, which comes without an envelope. Wrong credentials are answered with 401.
pub(super) fn read_token(
    asked: &Asked,
    credentials: &Credentials,
    platform_now: Moment,
    received: &Received,
) -> Result<RenewedCredentials, CallError> {
    let mut story = asked.story(received);
    let failed = |remedy: Remedy, story| Err(CallError { remedy, story });
    if received.status == 401 {
        "the client id or secret is not taken".clone_into(&mut story.message);
        return failed(Remedy::Reauthorize, story);
    }
    let tokens: Option<Tokens> = (received.status == 200).then(|| lenient::read_object(&received.body).ok()).flatten();
    let token = tokens.as_ref().and_then(|tokens| tokens.access_token.clone()).filter(|it| it.len() <= SECRET_MAX);
    let Some(access_token) = token else {
        "the answer holds no token".clone_into(&mut story.message);
        return failed(asked.remedy(received, ""), story);
    };
    let life = tokens.and_then(|tokens| tokens.expires_in).filter(|&seconds| seconds > 0);
    let access_ends = platform_now.plus(life.map_or(ACCESS_LIFE, Span::from_seconds));
    let renewed = Credentials { access_token, access_ends: access_ends.seconds(), ..credentials.clone() };
    Ok(RenewedCredentials { credentials: wire::json_text(&renewed), access_ends, refresh_ends: None })
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_padded() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
