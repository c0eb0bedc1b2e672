//! `Idempotency-Key`: the same request gets the same answer, however often it is sent.
//!
//! The answer is kept in the transaction of its effect. A twin that runs at the same time waits for the row that both
//! want, then finds the first one's answer. Only answers that say yes are kept.

use crate::app::App;
use crate::auth::SignedIn;
use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::MerchantId;
use sha2::{Digest as _, Sha256};
use store::idempotency::{self, Kept, Scope};
use store::{Session, StoreError};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 200;

struct Key {
    merchant: MerchantId,
    actor: String,
    path: String,
    key: String,
    body_hash: String,
}

impl Key {
    fn scope(&self) -> Scope<'_> {
        Scope { merchant: &self.merchant, actor: &self.actor, path: &self.path, key: &self.key }
    }
}

/// A change that is made once: a transaction, and the key of the request if it has one.
pub struct Once {
    app: App,
    /// The transaction that the change is made in.
    pub session: Session,
    key: Option<Key>,
}

/// What [`Once::begin`] found.
pub enum Begun {
    /// Go on, and [`Once::finish`].
    Fresh(Box<Once>),
    /// The answer that was given before.
    Replayed(Response),
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(given) = headers.get(HEADER) else { return Ok(None) };
    let key = given.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    let detail = format!("“Idempotency-Key” is 1 to {KEY_BYTES_MAX} printable ASCII characters.");
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::bad_request("bad_idempotency_key", detail))
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn replay(kept: &Kept, body_hash: &str) -> Result<Response, Problem> {
    if kept.body_hash != body_hash {
        let detail = "This key was used with another body; a new request needs a new key.";
        return Err(Problem::conflict("idempotency_key_reused", detail));
    }
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = json(status, kept.answer.clone());
    response.headers_mut().insert("idempotency-replayed", header::HeaderValue::from_static("true"));
    Ok(response)
}

impl Once {
    /// Begins the change, unless its answer was given before. `body` is the request's in one spelling.
    ///
    /// # Errors
    /// 400 for a key that is none, 409 for a key that was used with another body.
    pub async fn begin(
        app: &App,
        signed_in: &SignedIn,
        path: &str,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Begun, Problem> {
        let key = read_key(headers)?.map(|key| Key {
            merchant: signed_in.merchant().clone(),
            actor: signed_in.user.id.as_str().to_owned(),
            path: path.to_owned(),
            key,
            body_hash: hex::encode(Sha256::digest(body.as_bytes())),
        });
        let mut session = app.store.begin().await?;
        if let Some(key) = &key
            && let Some(kept) = idempotency::find(&mut session, &key.scope()).await?
        {
            return Ok(Begun::Replayed(replay(&kept, &key.body_hash)?));
        }
        Ok(Begun::Fresh(Box::new(Self { app: app.clone(), session, key })))
    }

    /// Keeps the answer, makes everything durable, and answers. Where the change was refused nothing is kept, unless a
    /// twin of this request made it meanwhile: then this one gets the twin's answer.
    ///
    /// # Errors
    /// What the change was refused with.
    pub async fn finish(
        mut self,
        status: StatusCode,
        answer: Result<serde_json::Value, Problem>,
    ) -> Result<Response, Problem> {
        let refused = match answer {
            Ok(answer) => {
                let body = answer.to_string();
                match self.keep(status, &body).await {
                    Ok(()) => {
                        self.session.commit().await?;
                        self.app.committed();
                        return Ok(json(status, body));
                    }
                    Err(StoreError::Exists(_)) => {
                        Problem::conflict("conflict", "The same request is under way; repeat it.")
                    }
                    Err(error) => error.into(),
                }
            }
            Err(problem) => problem,
        };
        drop(self.session);
        if let Some(key) = &self.key {
            let mut session = self.app.store.read().await?;
            if let Some(kept) = idempotency::find(&mut session, &key.scope()).await? {
                return replay(&kept, &key.body_hash);
            }
        }
        Err(refused)
    }

    async fn keep(&mut self, status: StatusCode, answer: &str) -> Result<(), StoreError> {
        let Some(key) = &self.key else { return Ok(()) };
        let kept = Kept { body_hash: key.body_hash.clone(), status: status.as_u16(), answer: answer.to_owned() };
        idempotency::keep(&mut self.session, &key.scope(), &kept, self.app.clock.now()).await
    }
}

/// The version that `If-Match` names, with or without quotes; `*` names none.
///
/// # Errors
/// 400 for anything else.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let version =
        digits.parse().map_err(|_| Problem::bad_request("bad_if_match", "“If-Match” is the order's version."));
    version.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, header::HeaderValue::from_str(value).expect("a value"))])
    }

    #[test]
    fn if_match_is_a_version_or_refused() {
        assert_eq!(if_match(&HeaderMap::new()).expect("none"), None);
        for (given, version) in [("7", Some(7)), ("\"7\"", Some(7)), ("*", None)] {
            assert_eq!(if_match(&headers(header::IF_MATCH, given)).expect("readable"), version);
        }
        for given in ["seven", "W/\"7\"", "\"7", ""] {
            assert_eq!(
                if_match(&headers(header::IF_MATCH, given)).expect_err("refused").code,
                "bad_if_match",
                "{given}"
            );
        }
    }

    #[test]
    fn a_key_is_short_and_printable() {
        let name = || header::HeaderName::from_static(HEADER);
        assert_eq!(read_key(&headers(name(), "a b")).expect("fine"), Some("a b".to_owned()));
        assert!(read_key(&headers(name(), "")).is_err());
        assert!(read_key(&headers(name(), &"x".repeat(KEY_BYTES_MAX + 1))).is_err());
        assert!(read_key(&headers(name(), "ä")).is_err());
    }
}
