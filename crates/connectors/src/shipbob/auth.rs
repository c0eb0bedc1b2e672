//! An account: a personal access token and the channel that it writes through (section A1).

use serde::{Deserialize, Serialize};

use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::account::Asked;

/// What is sealed of an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The personal access token.
    pub token: String,
    /// The channel.
    pub channel_id: i64,
    /// The secret of the pushes, as ShipBob made it (`whsec_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("channel_id", &self.channel_id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Channels {
    #[serde(default)]
    items: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default, deserialize_with = "lenient::integer")]
    id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::texts")]
    scopes: Vec<String>,
}

/// Whether the token has this channel, and may write through it.
pub(super) fn read_channels(asked: &Asked, channel: i64, received: &Received) -> Result<(), CallError> {
    let channels: Channels = asked.answer(received)?;
    let found = channels.items.iter().find(|known| known.id == Some(channel));
    match found {
        Some(found) if found.scopes.iter().any(|scope| scope.ends_with("_write")) => Ok(()),
        Some(_) => Err(asked.failed(received, Remedy::Rejected, "the token may not write through this channel")),
        None => Err(asked.failed(received, Remedy::Rejected, "the token has no such channel; see GET /channel")),
    }
}
