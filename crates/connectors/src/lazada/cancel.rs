//! The seller's cancel: `/order/reverse/cancel/create` (`lazada.md` section 6.2) and, where the policy says so, the older
//! `/order/cancel` (section 6.6).
//!
//! Both take items, not orders: a whole order is all its live items. There is no idempotency key; the status may lag
//! behind the reply, so only a read tells. Create is a GET although it changes state, so nobody may repeat it by himself.
//! The older call takes one item, so it is offered for one at a time: see [`super::eligibility`].

use domain::ids::LineId;
use domain::policy::Policy;
use domain::time::Moment;
use serde::Deserialize;

use super::eligibility::Tip;
use super::errors::Asked;
use super::reasons::Wanted;
use super::{Account, call};
use crate::call::{Call, CallError, Effect, Received, Remedy};
use crate::connector::{CancelAccepted, CancelOrder, ConnectorError};
use crate::lenient;

/// Section 6.2.
pub(super) const CREATE: &str = "/order/reverse/cancel/create";
/// Section 6.6.
pub(super) const LEGACY: &str = "/order/cancel";

/// The items that a cancel means.
pub(super) fn items<'a>(policy: &Policy, cancel: &'a CancelOrder) -> Result<Vec<&'a LineId>, ConnectorError> {
    let reason = cancel.reason.as_str();
    let rule = policy.reason(reason).ok_or_else(|| ConnectorError::Reason(reason.to_owned()))?;
    let named = if cancel.whole && !cancel.live_lines.is_empty() { &cancel.live_lines } else { &cancel.lines };
    if named.is_empty() || (rule.lines_required && cancel.lines.is_empty()) {
        return Err(ConnectorError::LinesRequired(reason.to_owned()));
    }
    Ok(named.iter().map(|line| &line.line).collect())
}

/// Items as the JSON text that one parameter holds.
pub(super) fn item_list(items: &[&LineId]) -> String {
    let ids: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
    serde_json::Value::from(ids).to_string()
}

/// The call, with the id under which the check before it named the reason.
pub(super) fn send(
    account: &Account,
    policy: &Policy,
    cancel: &CancelOrder,
    platform_now: Moment,
) -> Result<Call<CancelAccepted>, ConnectorError> {
    let items = items(policy, cancel)?;
    let unchecked = || ConnectorError::Unchecked(cancel.reason.as_str().to_owned());
    let checked = cancel.checked.as_ref().filter(|checked| checked.refused.is_none()).ok_or_else(unchecked)?;
    let (_, reason_id) = checked.reasons.iter().find(|(code, _)| *code == cancel.reason).ok_or_else(unchecked)?;
    let legacy = policy.reason(cancel.reason.as_str()).is_some_and(|rule| Wanted::of(&rule.platform_value).legacy);
    if legacy {
        let [item] = items[..] else { return Err(unchecked()) };
        let parameters = vec![("order_item_id", item.as_str().to_owned()), ("reason_id", reason_id.clone())];
        let asked = account.asked(LEGACY, Effect::Write);
        let request = account.post(asked.endpoint, &parameters, platform_now);
        return Ok(call(asked, request, read_legacy));
    }
    let parameters = vec![
        ("order_id", cancel.number.as_str().to_owned()),
        ("order_item_id_list", item_list(&items)),
        ("reason_id", reason_id.clone()),
    ];
    let asked = account.asked(CREATE, Effect::Write);
    let request = account.get(asked.endpoint, &parameters, platform_now);
    Ok(call(asked, request, read_create))
}

/// Reads the reply of create. A success without a tip is a success; none tells the time.
fn read_create(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let tip: Tip = answer.payload().unwrap_or_default();
    match tip.refusal() {
        Some(words) => Err(answer.refused(&words)),
        None => Ok(CancelAccepted { updated_at: None }),
    }
}

#[derive(Deserialize)]
struct LegacyReply {
    #[serde(default, deserialize_with = "lenient::flag")]
    success: Option<bool>,
}

fn read_legacy(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let reply: LegacyReply = answer.flat()?;
    match reply.success {
        Some(false) => Err(answer.failed(Remedy::Rejected, "it says that it had no success, without a word why")),
        Some(true) | None => Ok(CancelAccepted { updated_at: None }),
    }
}
