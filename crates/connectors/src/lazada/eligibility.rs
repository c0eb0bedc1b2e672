//! Whether the seller may cancel these items (`lazada.md` section 6.1, 6.4 and 6.5), asked right before the cancel.
//!
//! Lazada's own answer is the last gate: sources disagree on the statuses (6.4), and the reasons that it takes differ by
//! order and country and are named nowhere else. The older cancel has no check of the order: only its list of reasons.

use domain::policy::{Policy, ReasonRule};
use domain::time::Moment;
use serde::Deserialize;

use super::errors::{Answer, Asked};
use super::reasons::{Offered, Wanted};
use super::{Account, call, cancel};
use crate::call::{Call, CallError, Effect, Received, Remedy};
use crate::connector::{CancelChecked, CancelOrder, ConnectorError};
use crate::lenient;

/// Section 6.1.
pub(super) const VALIDATE: &str = "/order/reverse/cancel/validate";
/// Section 6.6.
pub(super) const FAILURE_REASONS: &str = "/order/failure_reason/get";
/// The only kind of tip that refuses: the documents disagree on the others (section 6.1).
const TIP_ERROR: &str = "error";

/// The platform's advice beside an answer; with code `"0"` it may still be a refusal (section 0).
#[derive(Deserialize, Default)]
pub(super) struct Tip {
    #[serde(default, deserialize_with = "lenient::text")]
    tip_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tip_content: Option<String>,
}

impl Tip {
    /// The platform's words, if it refuses.
    pub(super) fn refusal(&self) -> Option<String> {
        let refuses = self.tip_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(TIP_ERROR));
        refuses.then(|| self.tip_content.clone().unwrap_or_else(|| "Lazada refuses without a word.".to_owned()))
    }
}

/// The check of a cancel, by the generation that the policy names for its reason.
pub(super) fn check(
    account: &Account,
    policy: &Policy,
    cancel: &CancelOrder,
    platform_now: Moment,
) -> Result<Call<CancelChecked>, ConnectorError> {
    let items = cancel::items(policy, cancel)?;
    let question = Question::of(policy, cancel, items.len());
    if question.legacy {
        let asked = account.asked(FAILURE_REASONS, Effect::Read);
        let request = account.get(asked.endpoint, &Vec::new(), platform_now);
        return Ok(call(asked, request, move |asked, received| read_failure_reasons(asked, &question, received)));
    }
    let parameters =
        vec![("order_id", cancel.number.as_str().to_owned()), ("order_item_id_list", cancel::item_list(&items))];
    let asked = account.asked(VALIDATE, Effect::Read);
    let request = account.get(asked.endpoint, &parameters, platform_now);
    Ok(call(asked, request, move |asked, received| read_validate(asked, &question, received)))
}

/// What is asked, as far as the answer's reading depends on it.
struct Question {
    /// Our codes with the platform's names, of one generation.
    reasons: Vec<(domain::ids::ReasonCode, String)>,
    wanted: domain::ids::ReasonCode,
    /// Those of the other generation.
    unasked: Vec<domain::ids::ReasonCode>,
    legacy: bool,
    items: usize,
}

impl Question {
    fn of(policy: &Policy, cancel: &CancelOrder, items: usize) -> Self {
        let legacy = policy.reason(cancel.reason.as_str()).is_some_and(|rule| Wanted::of(&rule.platform_value).legacy);
        let (same, other): (Vec<_>, Vec<_>) =
            policy.reasons.iter().partition(|rule| Wanted::of(&rule.platform_value).legacy == legacy);
        let named = |rule: &ReasonRule| (rule.code.clone(), Wanted::of(&rule.platform_value).name.to_owned());
        Self {
            reasons: same.into_iter().map(named).collect(),
            wanted: cancel.reason.clone(),
            unasked: other.into_iter().map(|rule| rule.code.clone()).collect(),
            legacy,
            items,
        }
    }

    /// The platform takes some reasons: ours among them, or it does not take this cancel.
    fn judge(&self, offered: &[Offered]) -> CancelChecked {
        let id = |name: &str| Wanted { name, legacy: self.legacy }.id_among(offered).map(str::to_owned);
        let reasons: Vec<_> = self.reasons.iter().filter_map(|(code, name)| Some((code.clone(), id(name)?))).collect();
        let refused = (!reasons.iter().any(|(code, _)| *code == self.wanted)).then(|| {
            let names: Vec<&str> = offered.iter().filter_map(Offered::name).collect();
            let taken = if names.is_empty() { "no reason at all".to_owned() } else { names.join(", ") };
            format!("Lazada does not take this reason for these items now; it takes: {taken}.")
        });
        CancelChecked { refused, reasons, unasked: self.unasked.clone() }
    }
}

#[derive(Deserialize)]
struct Options {
    reason_options: Option<Vec<Offered>>,
}

fn read_validate(asked: &Asked, question: &Question, received: &Received) -> Result<CancelChecked, CallError> {
    let answer = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(refused(error.story.message)),
        Err(error) => return Err(error),
    };
    let tip: Tip = answer.payload()?;
    if let Some(words) = tip.refusal() {
        return Ok(refused(words));
    }
    let options: Options = answer.payload()?;
    let offered = options.reason_options.ok_or_else(|| answer.unreadable("there are no reason_options"))?;
    Ok(question.judge(&offered))
}

fn read_failure_reasons(asked: &Asked, question: &Question, received: &Received) -> Result<CancelChecked, CallError> {
    let answer: Answer<'_> = asked.answer(received)?;
    let offered: Vec<Offered> = answer.rows()?;
    let offered: Vec<Offered> = offered.into_iter().filter(Offered::cancels).collect();
    let mut checked = question.judge(&offered);
    if question.items != 1 {
        let words = "Lazada's older cancel takes one item a call: choose one item at a time, or let the policy name the \
                     current cancel for this reason.";
        checked.refused = Some(words.to_owned());
    }
    Ok(checked)
}

fn refused(words: String) -> CancelChecked {
    CancelChecked { refused: Some(words), reasons: Vec::new(), unasked: Vec::new() }
}
