//! Forms of pages: read, and refused unless they carry the session's CSRF token in the field `csrf`.

use super::{SignedIn, identify};
use crate::app::App;
use crate::http::body::{FORM_BYTES_MAX, read};
use crate::problem::Problem;
use axum::extract::{FromRequest, Request};

/// The fields of a form, in order; a name may stand several times.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The first value of a field.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A signed-in user's form whose CSRF token is right.
#[derive(Debug, Clone)]
pub struct SignedForm {
    /// Who.
    pub signed_in: SignedIn,
    /// What.
    pub fields: Fields,
}

impl FromRequest<App> for SignedForm {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let signed_in = identify(app, request.headers()).await?;
        let fields = Fields::parse(&read(request.into_body(), FORM_BYTES_MAX).await?);
        signed_in.check_csrf(fields.one("csrf"))?;
        Ok(Self { signed_in, fields })
    }
}
