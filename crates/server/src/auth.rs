//! Who asks: passwords, sessions, API tokens, and what protects them.
//!
//! A browser carries a session cookie; a program carries `Authorization: Bearer TOKEN`. Both are 256 random bits, kept
//! as SHA-256 hashes only. A request that changes something and is signed in by cookie must repeat the session's CSRF
//! token, in the header `x-csrf-token` or the form field `csrf`.

pub mod cookies;
pub mod forms;
pub mod passwords;
pub mod secrets;
pub mod sign_in;
pub mod throttle;

use crate::app::App;
use crate::permissions::{Permission, Permissions, may_see};
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::ids::{MerchantId, ShopId};
use store::people::{self, UserRecord};
use subtle::ConstantTimeEq;

/// The header in which a script repeats the session's CSRF token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// How a user proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A session cookie, with what forms must repeat.
    Session {
        /// The session's CSRF token.
        csrf: String,
    },
    /// An API token.
    Token,
}

/// A signed-in user. As an extractor it answers 401 as a problem; pages take [`Visitor`].
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: UserRecord,
    /// What they may do.
    pub permissions: Permissions,
    /// How they proved it.
    pub proof: Proof,
}

impl SignedIn {
    /// A user with what they may do.
    #[must_use]
    pub fn new(user: UserRecord, proof: Proof) -> Self {
        Self { permissions: Permissions::from_words(&user.permissions), user, proof }
    }

    /// The tenant.
    #[must_use]
    pub const fn merchant(&self) -> &MerchantId {
        &self.user.merchant
    }

    /// The name that the log shows.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.user.email
    }

    /// Only these shops; `None` means all.
    #[must_use]
    pub fn shops(&self) -> Option<&[ShopId]> {
        self.user.shops.as_deref()
    }

    /// Whether this shop is one that they may see.
    #[must_use]
    pub fn sees(&self, shop: &ShopId) -> bool {
        may_see(self.shops(), shop)
    }

    /// Refuses whoever lacks this permission.
    ///
    /// # Errors
    /// A 403 problem that names it.
    pub fn need(&self, permission: Permission) -> Result<(), Problem> {
        self.permissions.need(permission)
    }

    /// What forms of this session must repeat; empty for API tokens.
    #[must_use]
    pub fn csrf(&self) -> &str {
        match &self.proof {
            Proof::Session { csrf } => csrf,
            Proof::Token => "",
        }
    }

    fn check_csrf(&self, given: Option<&str>) -> Result<(), Problem> {
        match &self.proof {
            Proof::Token => Ok(()),
            Proof::Session { csrf } => {
                let fits = given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(csrf.as_bytes())));
                if fits { Ok(()) } else { Err(wrong_csrf()) }
            }
        }
    }
}

fn wrong_csrf() -> Problem {
    let detail = "The form's token does not belong to this session; load the page again and repeat.";
    Problem::new(StatusCode::FORBIDDEN, "csrf", "Not from this session", detail)
}

fn not_signed_in(detail: &str) -> Problem {
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in", detail);
    problem.headers.push((header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer")));
    problem
}

/// Finds who asks, without looking at CSRF.
async fn identify(app: &App, headers: &HeaderMap) -> Result<SignedIn, Problem> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let token = given.to_str().ok().and_then(|text| text.split_once(' '));
        let Some((scheme, token)) = token else {
            return Err(not_signed_in("Write the header as “Authorization: Bearer TOKEN”."));
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(not_signed_in("Only “Authorization: Bearer TOKEN” is understood."));
        }
        let mut session = app.store.read().await?;
        let user = people::by_token(&mut session, &secrets::hash(token.trim())).await?;
        return match user {
            Some(user) => Ok(SignedIn::new(user, Proof::Token)),
            None => Err(not_signed_in("This API token is not known; make one with “countermand user token”.")),
        };
    }
    let Some(token) = cookies::session(app, headers) else {
        return Err(not_signed_in("Sign in, or send an API token as “Authorization: Bearer TOKEN”."));
    };
    let mut session = app.store.read().await?;
    match people::session(&mut session, &secrets::hash(&token), app.clock.now()).await? {
        Some(found) => Ok(SignedIn::new(found.user, Proof::Session { csrf: found.csrf })),
        None => Err(not_signed_in("The session has ended; sign in again.")),
    }
}

const fn changes_nothing(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let signed_in = identify(app, &parts.headers).await?;
        if !changes_nothing(&parts.method) {
            signed_in.check_csrf(parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()))?;
        }
        Ok(signed_in)
    }
}

/// A signed-in user of a page: whoever is not signed in is sent to the sign-in page and back.
#[derive(Debug, Clone)]
pub struct Visitor(pub SignedIn);

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match identify(app, &parts.headers).await {
            Ok(signed_in) => Ok(Self(signed_in)),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => {
                let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
                Err(Redirect::to(&format!("/sign-in?next={next}")).into_response())
            }
            Err(problem) => Err(problem.into_response()),
        }
    }
}
