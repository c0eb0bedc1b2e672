//! Answers that were given, kept so that the same request gets the same answer.

use crate::error::StoreError;
use crate::session::{Session, args, statements};
use domain::ids::MerchantId;
use domain::time::{Moment, Span};

/// How long an answer is kept.
pub const KEPT_FOR: Span = Span::from_seconds(7 * 86_400);

/// Whose request it is: a key means something only within these.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The merchant.
    pub merchant: &'a MerchantId,
    /// The user.
    pub actor: &'a str,
    /// The path of the call.
    pub path: &'a str,
    /// The `Idempotency-Key`.
    pub key: &'a str,
}

/// An answer that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// A hash of the request's body.
    pub body_hash: String,
    /// The answer's HTTP status.
    pub status: u16,
    /// The answer's body.
    pub answer: String,
}

statements! {
    FIND = "select body_hash, status, answer from idempotency_keys where merchant_id = $1 and actor = $2 and path = $3 and idempotency_key = $4";
    KEEP = "insert into idempotency_keys (merchant_id, actor, path, idempotency_key, body_hash, status, answer, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    FORGET = "delete from idempotency_keys where created_at < $1";
}

/// The answer given before, if any.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(session: &mut Session, scope: &Scope<'_>) -> Result<Option<Kept>, StoreError> {
    let row = session.row(FIND, args![scope.merchant.as_str(), scope.actor, scope.path, scope.key]).await?;
    row.map(|row| {
        let status = row.int("status")?;
        Ok(Kept {
            body_hash: row.text("body_hash")?,
            status: u16::try_from(status).map_err(|_| StoreError::unreadable("status", status))?,
            answer: row.text("answer")?,
        })
    })
    .transpose()
}

/// Keeps an answer, in the transaction of its effect. A twin that is under way waits here for the first to commit.
///
/// # Errors
/// [`StoreError::Exists`] when the twin was faster: roll back and [`find`] its answer.
pub async fn keep(session: &mut Session, scope: &Scope<'_>, kept: &Kept, now: Moment) -> Result<(), StoreError> {
    let args = args![
        scope.merchant.as_str(),
        scope.actor,
        scope.path,
        scope.key,
        &kept.body_hash,
        i64::from(kept.status),
        &kept.answer,
        now.millis()
    ];
    session.execute(KEEP, args).await.map(drop)
}

/// Forgets answers older than [`KEPT_FOR`].
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_old(session: &mut Session, now: Moment) -> Result<u64, StoreError> {
    session.execute(FORGET, args![now.minus(KEPT_FOR).millis()]).await
}
