//! The address under which marketplaces reach a merchant's desk, as a person gave it, and whether a test push arrived.

use crate::Store;
use crate::error::StoreError;
use crate::session::{Session, args, statements};
use domain::ids::MerchantId;
use domain::time::Moment;

/// A merchant's public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// Without a trailing slash.
    pub url: String,
    /// When a test push to it arrived; `None` where none did since it was set.
    pub checked_at: Option<Moment>,
    /// Why the last test push did not arrive.
    pub problem: Option<String>,
}

statements! {
    ONE = "select public_url, public_url_checked_at, public_url_problem from merchants where merchant_id = $1";
    SET = "update merchants set public_url = $2, public_url_checked_at = 0, public_url_problem = null where merchant_id = $1";
    CHECKED = "update merchants set public_url_checked_at = $3, public_url_problem = $4 where merchant_id = $1 and public_url = $2";
}

/// What an answer to a test push is sealed for: good for nothing else.
const TEST_PUSH: &str = "public_address/test_push";

impl Store {
    /// The answer to a test push, which only a process with this installation's key can give.
    #[must_use]
    pub fn answer_test_push(&self, question: &str) -> Vec<u8> {
        self.key().seal(TEST_PUSH, question)
    }

    /// Whether a test push was answered by this installation.
    #[must_use]
    pub fn is_answer(&self, question: &str, answer: &[u8]) -> bool {
        self.key().open(TEST_PUSH, answer).is_ok_and(|opened| opened == question)
    }
}

/// The merchant's public address, if there is one.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of(session: &mut Session, merchant: &MerchantId) -> Result<Option<PublicAddress>, StoreError> {
    let Some(row) = session.row(ONE, args![merchant.as_str()]).await? else { return Ok(None) };
    let Some(url) = row.optional_text("public_url")? else { return Ok(None) };
    let checked_at = Moment::from_millis(row.int("public_url_checked_at")?);
    Ok(Some(PublicAddress {
        url,
        checked_at: (checked_at.millis() > 0).then_some(checked_at),
        problem: row.optional_text("public_url_problem")?,
    }))
}

/// Sets it, or takes it away; it counts as not checked.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set(session: &mut Session, merchant: &MerchantId, url: Option<&str>) -> Result<(), StoreError> {
    session.execute(SET, args![merchant.as_str(), url]).await.map(drop)
}

/// Keeps what a test push to this address came to; nothing where the address was changed meanwhile.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn checked(
    session: &mut Session,
    merchant: &MerchantId,
    url: &str,
    arrived_at: Option<Moment>,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let at = arrived_at.map_or(0, Moment::millis);
    session.execute(CHECKED, args![merchant.as_str(), url, at, problem]).await.map(drop)
}
