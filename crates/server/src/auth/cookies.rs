//! The session cookie. Over https it is `__Host-countermand` (Secure, this host only); over plain http, which is meant
//! for loopback, browsers do not take that prefix and it is `countermand`.

use crate::app::App;
use axum::http::{HeaderMap, HeaderValue, header};

/// How long a session lasts, in seconds: a working day.
pub const SESSION_SECONDS: i64 = 12 * 3_600;

const fn name(https: bool) -> &'static str {
    if https { "__Host-countermand" } else { "countermand" }
}

/// The session token that the request carries.
#[must_use]
pub fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name(app.https)).map(|(_, token)| token.to_owned())
}

/// Sets the session cookie.
#[must_use]
pub fn set(app: &App, token: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&written(app.https, token, SESSION_SECONDS)).ok()
}

/// Takes the session cookie back.
#[must_use]
pub fn clear(app: &App) -> Option<HeaderValue> {
    HeaderValue::from_str(&written(app.https, "", 0)).ok()
}

fn written(https: bool, token: &str, seconds: i64) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", name(https))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_the_cookie_is_bound_to_this_host() {
        let expected = "__Host-countermand=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";
        assert_eq!(written(true, "t", 60), expected);
        assert_eq!(written(false, "t", 60), "countermand=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
    }
}
