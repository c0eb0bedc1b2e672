//! What Tokopedia's status codes mean to us (`tokopedia.md` section B.3): the policy's rows, and an open request beside.

use domain::order::Stage;
use domain::policy::{Policy, Standing};

/// What an order's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) standing: Standing,
    pub(super) stage: Stage,
}

/// Reads an order's status. `requested` says that a buyer's request waits (`cancel_request_info`).
pub(super) fn read(policy: &Policy, status: &str, requested: bool) -> Reading {
    let rule = policy.status(status);
    let standing = match rule.map_or(Standing::Unknown, |rule| rule.standing) {
        Standing::OnHold | Standing::ToPack | Standing::Arranged if requested => Standing::CancelRequested,
        standing => standing,
    };
    Reading { standing, stage: rule.map_or(Stage::Untouched, |rule| rule.stage) }
}
