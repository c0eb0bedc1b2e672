//! An account: the app's token and key, and what each push has to name.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is sealed of an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The header `app-token`.
    pub app_token: String,
    /// The header `app-key`.
    pub app_key: String,
    /// The warehouse that packs.
    pub warehouse_code: String,
    /// How it is sent: a code of the warehouse's.
    pub shipping_method: String,
    /// What is told as the postcode, which a push needs and marketplaces hide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zipcode: Option<String>,
    /// Error codes that mean that there is no such order; the sheet knows none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_codes: Vec<String>,
    /// The parameter in which an order is looked up by our reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_parameter: Option<String>,
    /// Calls that the warehouse takes in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("warehouse_code", &self.warehouse_code).finish_non_exhaustive()
    }
}

/// Bytes of the token's hash that name an account.
const NAME_BYTES: usize = 4;

/// What tells one account from another: the warehouse, and a hash of the token, because no call tells the account's name.
pub(super) fn account_name(credentials: &Credentials) -> String {
    let hash = Sha256::digest(credentials.app_token.as_bytes());
    let short = hash.get(..NAME_BYTES).map(hex::encode).unwrap_or_default();
    format!("{}-{short}", credentials.warehouse_code)
}
