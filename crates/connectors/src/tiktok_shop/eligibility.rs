//! May the seller cancel this order now, and with which reasons (`tiktok-shop.md` section 5.5)?
//!
//! The versions of this endpoint are a ladder: 202602 and 202512 list the reasons, 202309 does not, and which of them a
//! shop has is not known before it is asked. An answer *no such version* steps down, and the step is kept for as long as
//! the shop stays opened; where the last version answers, the table of section 5.7 says the reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ids::ReasonCode;
use domain::policy::Policy;
use domain::time::Span;
use serde::Deserialize;

use super::errors::{self, Answer, Asked};
use super::{orders, reasons};
use crate::call::{CallError, Received, Remedy};
use crate::connector::{CancelChecked, CancelOrder};
use crate::{lenient, wire};

/// The kind of request that is asked about (section 5.5).
const CANCEL: &str = "CANCEL";

/// One version of the endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// The endpoint for budgets and logs.
    pub(super) endpoint: &'static str,
    /// Whether the answer names the reasons that may be given.
    names_reasons: bool,
}

/// Newest first.
const LADDER: [Version; 3] = [
    Version { endpoint: "/return_refund/202602/orders/{order_id}/aftersale_eligibility", names_reasons: true },
    Version { endpoint: "/return_refund/202512/orders/{order_id}/aftersale_eligibility", names_reasons: true },
    Version { endpoint: "/return_refund/202309/orders/{order_id}/aftersale_eligibility", names_reasons: false },
];

/// Where on the ladder this shop stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Step(Arc<AtomicUsize>);

impl Step {
    /// The version to ask now.
    pub(super) fn version(&self) -> Version {
        LADDER[self.0.load(Ordering::Relaxed).min(LADDER.len() - 1)]
    }

    /// Steps down from a version, once, however many answers say so. False: there is none below it.
    fn leave(&self, version: Version) -> bool {
        let Some(at) = LADDER.iter().position(|step| step.endpoint == version.endpoint) else { return false };
        if at + 1 == LADDER.len() {
            return false;
        }
        self.0.fetch_max(at + 1, Ordering::Relaxed);
        true
    }
}

impl Version {
    /// The path of one order's answer.
    pub(super) fn path(self, order: &str) -> String {
        self.endpoint.replace("{order_id}", &wire::segment(order))
    }

    /// The parameters of the question.
    pub(super) fn parameters(self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("initiate_aftersale_user", "SELLER".to_owned())];
        if self.names_reasons {
            parameters.push(("request_types", CANCEL.to_owned()));
        }
        parameters
    }
}

#[derive(Deserialize)]
struct Data {
    sku_eligibility: Option<Vec<Sku>>,
}

#[derive(Deserialize)]
struct Sku {
    line_item_eligibility: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "lenient::text")]
    request_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    eligible: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    ineligible_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    ineligible_reason: Option<String>,
    // The key is plural twice (`C2`).
    #[serde(default, deserialize_with = "lenient::texts")]
    order_line_items_ids: Vec<String>,
    #[serde(default, deserialize_with = "lenient::texts")]
    available_reason_names: Vec<String>,
}

/// What is asked about.
pub(super) struct Question {
    pub(super) version: Version,
    pub(super) step: Step,
    pub(super) policy: Arc<Policy>,
    pub(super) market: String,
    /// The reason that is going to be given.
    pub(super) reason: ReasonCode,
    /// The line items that are going to be cancelled.
    line_items: Vec<String>,
}

impl Question {
    pub(super) fn new(step: &Step, policy: &Arc<Policy>, market: &str, cancel: &CancelOrder) -> Self {
        let lines = if cancel.whole { &cancel.live_lines } else { &cancel.lines };
        Self {
            version: step.version(),
            step: step.clone(),
            policy: Arc::clone(policy),
            market: market.to_owned(),
            reason: cancel.reason.clone(),
            line_items: lines.iter().map(|line| orders::line_item(&line.line).to_owned()).collect(),
        }
    }

    /// Reads the platform's answer. What it refuses is an answer as well.
    pub(super) fn read(&self, asked: &Asked, received: &Received) -> Result<CancelChecked, CallError> {
        match asked.answer(received) {
            Ok(answer) => self.judge(&answer),
            Err(error) if error.remedy == Remedy::Rejected => {
                let words = format!("{} ({})", error.story.message, error.story.code);
                Ok(CancelChecked { refused: Some(words), reasons: Vec::new(), unasked: Vec::new() })
            }
            Err(error) if errors::is_missing_version(&error) && self.step.leave(self.version) => {
                Err(CallError { remedy: Remedy::RetryAfter(Span::ZERO), ..error })
            }
            Err(error) => Err(error),
        }
    }

    fn judge(&self, answer: &Answer<'_>) -> Result<CancelChecked, CallError> {
        let data: Data = answer.data()?;
        let entries = data.sku_eligibility.unwrap_or_default().into_iter();
        let entries = entries.flat_map(|sku| sku.line_item_eligibility.unwrap_or_default());
        let concerned: Vec<Entry> = entries.filter(|entry| self.concerns(entry)).collect();
        let refused = |words: String| CancelChecked { refused: Some(words), reasons: Vec::new(), unasked: Vec::new() };
        let Some(first) = concerned.first() else {
            return Ok(refused("The platform offers no cancel of this order now.".to_owned()));
        };
        if let Some(entry) = concerned.iter().find(|entry| entry.eligible != Some(true)) {
            let words = entry.ineligible_reason.as_deref().unwrap_or("The platform does not allow this cancel now.");
            return Ok(refused(match entry.ineligible_code.as_deref() {
                Some(code) if code != "0" => format!("{words} ({code})"),
                _ => words.to_owned(),
            }));
        }
        if !self.version.names_reasons {
            let reasons = self.policy.reasons.iter();
            let reasons =
                reasons.map(|rule| (rule.code.clone(), reasons::for_market(&rule.platform_value, &self.market)));
            return Ok(CancelChecked { refused: None, reasons: reasons.collect(), unasked: Vec::new() });
        }
        // A reason must be taken for every line.
        let mut offered = first.available_reason_names.clone();
        for entry in &concerned {
            offered.retain(|name| entry.available_reason_names.contains(name));
        }
        let reasons: Vec<(ReasonCode, String)> = self
            .policy
            .reasons
            .iter()
            .filter_map(|rule| Some((rule.code.clone(), reasons::choose(&rule.platform_value, &offered)?)))
            .collect();
        if reasons.iter().any(|(reason, _)| *reason == self.reason) {
            return Ok(CancelChecked { refused: None, reasons, unasked: Vec::new() });
        }
        let label = self.policy.reason(self.reason.as_str()).map_or(self.reason.as_str(), |rule| &rule.label);
        let instead = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        Ok(CancelChecked {
            refused: Some(format!(
                "The platform does not take the reason “{label}” for this order now; it takes: {instead}."
            )),
            reasons,
            unasked: Vec::new(),
        })
    }

    fn concerns(&self, entry: &Entry) -> bool {
        let ids = &entry.order_line_items_ids;
        entry.request_type.as_deref() == Some(CANCEL)
            && (ids.is_empty() || self.line_items.is_empty() || ids.iter().any(|id| self.line_items.contains(id)))
    }
}
