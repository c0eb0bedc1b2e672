//! An account: its name at the warehouse, and the token that the warehouse gave for it.

use serde::{Deserialize, Serialize};

use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::account::Asked;

/// What is sealed of an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The account's name, as the warehouse calls it.
    pub account: String,
    /// The access token.
    pub token: String,
    /// The secret of the pushes, as the warehouse made it (`whsec_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// Calls that the warehouse takes in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Account {
    #[serde(default, deserialize_with = "lenient::text")]
    account: Option<String>,
}

/// Whether the token is one of the account that was entered.
pub(super) fn read_account(asked: &Asked, expected: &str, received: &Received) -> Result<(), CallError> {
    let found: Account = asked.answer(received)?;
    if found.account.as_deref() == Some(expected) {
        return Ok(());
    }
    Err(asked.failed(received, Remedy::Rejected, "the token belongs to another account; see GET /v1/account"))
}
