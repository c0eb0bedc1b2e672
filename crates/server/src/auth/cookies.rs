//! The session cookie. Over https it is `__Host-countermand` (Secure, this host only); over plain http, which is meant
//! for loopback, browsers do not take that prefix and it is `countermand`.

use crate::app::App;
use axum::http::{HeaderMap, HeaderValue, header};

/// How long a session lasts, in seconds: a working day.
pub const SESSION_SECONDS: i64 = 12 * 3_600;

fn name(app: &App) -> &'static str {
    if app.https { "__Host-countermand" } else { "countermand" }
}

/// The session token that the request carries.
#[must_use]
pub fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name(app)).map(|(_, token)| token.to_owned())
}

/// Sets the session cookie.
#[must_use]
pub fn set(app: &App, token: &str) -> Option<HeaderValue> {
    written(app, token, SESSION_SECONDS)
}

/// Takes the session cookie back.
#[must_use]
pub fn clear(app: &App) -> Option<HeaderValue> {
    written(app, "", 0)
}

fn written(app: &App, token: &str, seconds: i64) -> Option<HeaderValue> {
    let secure = if app.https { "; Secure" } else { "" };
    let text = format!("{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", name(app));
    HeaderValue::from_str(&text).ok()
}
