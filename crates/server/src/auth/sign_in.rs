//! Signing in and out.

use super::forms::{Fields, SignedForm};
use super::{cookies, secrets};
use crate::app::App;
use crate::clock;
use crate::http::body::{FORM_BYTES_MAX, read};
use crate::pages;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use domain::time::Span;
use std::net::SocketAddr;
use store::log::{self, Entry};
use store::people;

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// E-mail address or password is wrong; which of them is not said.
    #[error("E-mail address or password is wrong.")]
    Wrong,
    /// Too many failures of late.
    #[error("Too many failed attempts. Wait {} and try again.", minutes(*.0))]
    Wait(Span),
}

fn minutes(span: Span) -> String {
    match span.seconds().div_euclid(60) + 1 {
        1 => "a minute".to_owned(),
        more => format!("{more} minutes"),
    }
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/sign-in", post(sign_in)).route("/sign-out", post(sign_out))
}

/// Only a path on this server is gone to after signing in.
#[must_use]
pub fn safe_next(next: Option<&str>) -> &str {
    match next {
        Some(path) if path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']) => {
            path
        }
        _ => "/",
    }
}

async fn sign_in(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    // A page of another site must not sign a visitor in as somebody else.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        let detail = "Another site sent this form; open the sign-in page here.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "csrf", "Not from this site", detail));
    }
    let fields = Fields::parse(&read(request.into_body(), FORM_BYTES_MAX).await?);
    let email = fields.one("email").unwrap_or_default().trim().to_lowercase();
    let next = safe_next(fields.one("next"));
    match begin(&app, &email, fields.one("password").unwrap_or_default(), address).await? {
        Ok(token) => {
            app.metrics.count("countermand_sign_ins_total", &[("outcome", "in")]);
            let mut response = Redirect::to(next).into_response();
            if let Some(cookie) = cookies::set(&app, &token) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(refused) => {
            let (status, outcome) = match &refused {
                Refused::Wrong => (StatusCode::UNAUTHORIZED, "wrong"),
                Refused::Wait(_) => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            };
            app.metrics.count("countermand_sign_ins_total", &[("outcome", outcome)]);
            let mut response = (status, pages::sign_in_page(&email, next, Some(&refused.to_string()))).into_response();
            if let Refused::Wait(span) = refused {
                response.headers_mut().insert(header::RETRY_AFTER, span.seconds().max(1).into());
            }
            Ok(response)
        }
    }
}

/// Begins a session and answers its token.
async fn begin(
    app: &App,
    email: &str,
    password: &str,
    address: SocketAddr,
) -> Result<Result<String, Refused>, Problem> {
    let now = app.clock.now();
    if let Some(span) = app.throttle.wait(email, address.ip(), now) {
        return Ok(Err(Refused::Wait(span)));
    }
    app.throttle.count(email, address.ip(), now);
    let found = {
        let mut session = app.store.read().await?;
        people::by_email(&mut session, email).await?
    };
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let fits = app.passwords.check(password, hash).await;
    let Some(user) = user.filter(|_| fits) else { return Ok(Err(Refused::Wrong)) };
    app.throttle.forgive(email, address.ip());

    let (token, csrf) = (secrets::token(), secrets::token());
    let ends = now.plus(Span::from_seconds(cookies::SESSION_SECONDS));
    let mut session = app.store.begin().await?;
    people::begin_session(&mut session, &secrets::hash(&token), &user, &csrf, now, ends).await?;
    let detail = format!("signed in until {}", clock::rfc3339(ends));
    let entry = Entry {
        actor: &user.email,
        action: "user.signed_in",
        shop: None,
        order: None,
        subject: user.id.as_str(),
        detail: &detail,
    };
    log::write(&mut session, &user.merchant, now, &entry).await?;
    session.commit().await?;
    Ok(Ok(token))
}

async fn sign_out(State(app): State<App>, headers: HeaderMap, form: SignedForm) -> Result<Response, Problem> {
    let user = &form.signed_in.user;
    if let Some(token) = cookies::session(&app, &headers) {
        let now = app.clock.now();
        let mut session = app.store.begin().await?;
        people::end_session(&mut session, &secrets::hash(&token)).await?;
        let entry = Entry {
            actor: &user.email,
            action: "user.signed_out",
            shop: None,
            order: None,
            subject: user.id.as_str(),
            detail: "signed out",
        };
        log::write(&mut session, &user.merchant, now, &entry).await?;
        session.commit().await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(cookie) = cookies::clear(&app) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_sent_to_another_site() {
        assert_eq!(safe_next(Some("/orders?list=new")), "/orders?list=new");
        for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "orders", "/\t/evil.example"] {
            assert_eq!(safe_next(Some(elsewhere)), "/", "{elsewhere}");
        }
        assert_eq!(safe_next(None), "/");
    }
}
