//! The address under which marketplaces reach this server: asked once, and checked by a test push that the server sends to
//! itself from outside.
//!
//! The address that a person gave on the Shops page counts; without it the one of `--public-url`, else the one that the
//! server listens on, which only this machine reaches.

use crate::app::App;
use crate::http::body::read;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::ids::MerchantId;
use domain::time::{Moment, Span};
use engine::Network;
use store::{Session, Store, public_address, random_bytes};
use url::Url;

/// Where test pushes go.
const TEST_PATH: &str = "/webhooks/test";
/// How long a test push may take.
const PATIENCE: Span = Span::from_seconds(10);
/// The longest test push, in bytes.
const TEST_BYTES_MAX: usize = 256;

/// Where an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person gave it on the Shops page.
    Given,
    /// `--public-url` and its kind.
    Setting,
    /// Where the server listens: no platform reaches it.
    Listening,
}

/// The address that counts for a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// Without a trailing slash.
    pub url: String,
    /// Where it comes from.
    pub source: Source,
    /// When a test push arrived.
    pub checked_at: Option<Moment>,
    /// Why the last one did not.
    pub problem: Option<String>,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route(TEST_PATH, post(test_push))
}

/// The address that counts for this merchant.
///
/// # Errors
/// Of the store.
pub async fn of(app: &App, session: &mut Session, merchant: &MerchantId) -> Result<PublicAddress, Problem> {
    if let Some(given) = public_address::of(session, merchant).await? {
        let public_address::PublicAddress { url, checked_at, problem } = given;
        return Ok(PublicAddress { url, source: Source::Given, checked_at, problem });
    }
    let source = if is_of_this_machine(&app.public_url) { Source::Listening } else { Source::Setting };
    Ok(PublicAddress { url: app.public_url.clone(), source, checked_at: None, problem: None })
}

/// Whether only this machine reaches an address.
#[must_use]
pub fn is_of_this_machine(url: &str) -> bool {
    let url = Url::parse(url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => true,
    }
}

/// Reads what a person gave; empty takes the address away.
///
/// # Errors
/// 422 for what is no address of a server.
pub fn parse(given: &str) -> Result<Option<String>, Problem> {
    let given = given.trim();
    if given.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        let detail = "Write it as https://host, without path, query or password.";
        Problem::unprocessable("bad_public_url", "This is no address of a server", detail)
    };
    let url = Url::parse(given).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(Some(url.origin().ascii_serialization())) } else { Err(wrong()) }
}

/// Sends a test push to an address, and sees whether it arrived here: only a process with this installation's key can
/// answer it.
///
/// # Errors
/// Why it did not arrive, and what to do.
pub async fn test(store: &Store, network: &dyn Network, url: &str) -> Result<(), String> {
    let question = hex::encode(random_bytes::<16>());
    let request = http::Request::post(format!("{url}{TEST_PATH}")).body(question.clone().into_bytes());
    let request = request.map_err(|error| format!("{url} cannot be called: {error}"))?;
    let answer = network.send(request, PATIENCE).await;
    let answer = answer.map_err(|error| {
        format!("the test push did not arrive ({error}); check DNS, the firewall and the proxy before this server")
    })?;
    match answer.status {
        200 if store.is_answer(&question, &answer.body) => Ok(()),
        200 => Err("something answered that is not this server; check where the address leads to".to_owned()),
        status @ 300..400 => {
            Err(format!("the address redirects (HTTP {status}), which platforms do not follow; give the final one"))
        }
        status => Err(format!("the test push was answered with HTTP {status}; let the proxy pass /webhooks/ on")),
    }
}

/// Sends a test push to a merchant's address, and keeps what came of it.
///
/// # Errors
/// Of the store.
pub async fn check(app: &App, merchant: &MerchantId) -> Result<PublicAddress, Problem> {
    let mut session = app.store.read().await?;
    let address = of(app, &mut session, merchant).await?;
    drop(session);
    let arrived = test(&app.store, app.engine.network(), &address.url).await;
    let checked_at = arrived.is_ok().then(|| app.clock.now());
    let problem = arrived.err();
    let mut session = app.store.begin().await?;
    public_address::checked(&mut session, merchant, &address.url, checked_at, problem.as_deref()).await?;
    session.commit().await?;
    Ok(PublicAddress { checked_at, problem, ..address })
}

async fn test_push(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let body = read(request.into_body(), TEST_BYTES_MAX).await?;
    let question = std::str::from_utf8(&body).unwrap_or_default();
    app.metrics.count("countermand_webhooks_total", &[("outcome", "test")]);
    Ok(app.store.answer_test_push(question).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_nothing_more() {
        assert_eq!(parse(" https://desk.example.com/ ").expect("read").as_deref(), Some("https://desk.example.com"));
        assert_eq!(parse("http://10.0.0.1:8080").expect("read").as_deref(), Some("http://10.0.0.1:8080"));
        assert_eq!(parse("  ").expect("read"), None);
        for wrong in [
            "desk.example.com",
            "https://desk.example.com/desk",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a.example/?b",
        ] {
            assert_eq!(parse(wrong).expect_err("refused").code, "bad_public_url", "{wrong}");
        }
    }

    #[test]
    fn loopback_is_reached_by_this_machine_only() {
        for url in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:2", "http://0.0.0.0:8080"] {
            assert!(is_of_this_machine(url), "{url}");
        }
        assert!(!is_of_this_machine("https://desk.example.com"));
    }
}
