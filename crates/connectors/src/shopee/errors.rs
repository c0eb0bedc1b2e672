//! Shopee's answers: the envelope, and what each error code asks us to do (`shopee.md` section 5, 3.4, 8 and 11).
//!
//! A failure comes with HTTP 200 as well as with others: the body is read first, whatever the status. The same fault
//! comes with and without a module before a dot (`order.error_limit`, `error_limit`), with stray blanks, and one code
//! covers several faults; so a row of [`RULES`] may also ask for a module, an endpoint or words of the message.

use std::sync::Arc;

use domain::time::Span;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{auth, cancel, requests, shipping, stock};
use crate::call::{CLOCK_SKEW, CallError, Effect, Pause, PauseScope, Received, Remedy, Story};
use crate::lenient::{self, read_object};

/// When a throttled call is tried again where the answer does not say (section 5, rate limits: back-off, `I`).
const THROTTLED_RETRY: Span = Span::from_seconds(1);
/// The longest `Retry-After` that is believed.
const THROTTLED_RETRY_MAX: Span = Span::from_seconds(3600);
/// When a call is tried again after the app's daily quota ran out. It resets at 00:00 UTC+8; asking sooner costs one
/// call and notices a raised quota.
const QUOTA_RETRY: Span = Span::from_seconds(900);
/// When a read is tried again after a passing fault.
const FAULT_RETRY: Span = Span::from_seconds(2);
/// How much of the platform's words is kept, in characters.
const MESSAGE_MAX: usize = 500;
/// Replaces a secret that the platform's words repeat.
const REDACTED: &str = "[secret]";

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The access token ran out or is not known any more.
    Token,
    /// The seller's consent is missing or ended.
    Consent,
    /// Refused for good.
    Refused,
    /// Too many calls: checked before anything is done.
    Throttled,
    /// The app's daily quota is used up: checked before anything is done.
    Quota,
    /// Passing fault over there; a write may have happened.
    Fault,
    /// It cannot be told what it means; a write may have happened.
    Unclear,
    /// The two clocks are too far apart.
    Clock,
    /// Our request or our app's settings are wrong.
    Ours,
}

/// One row: the first that fits decides.
struct Rule {
    /// The code without its module.
    code: &'static str,
    /// The module before the first dot, where it matters.
    module: Option<&'static str>,
    /// The endpoints it speaks of; empty means all.
    endpoints: &'static [&'static str],
    /// Words that the message holds, in small letters; empty means any.
    words: &'static str,
    meaning: Meaning,
}

const ANYWHERE: &[&str] = &[];
const CANCEL: &[&str] = &[cancel::CANCEL_ORDER];
const ANSWER: &[&str] = &[requests::HANDLE];
const TOKENS: &[&str] = &[auth::TOKEN_GET, auth::ACCESS_TOKEN_GET];
const STOCK: &[&str] = &[stock::UPDATE_STOCK];
const SHIP: &[&str] = &[shipping::GET_SHIPPING_PARAMETER, shipping::SHIP_ORDER];
const LABEL: &[&str] =
    &[shipping::GET_TRACKING_NUMBER, shipping::CREATE_DOCUMENT, shipping::DOCUMENT_RESULT, shipping::DOWNLOAD_DOCUMENT];

const fn rule(code: &'static str, meaning: Meaning) -> Rule {
    Rule { code, module: None, endpoints: ANYWHERE, words: "", meaning }
}

const fn said(code: &'static str, words: &'static str, meaning: Meaning) -> Rule {
    Rule { code, module: None, endpoints: ANYWHERE, words, meaning }
}

const fn at(endpoints: &'static [&'static str], code: &'static str, words: &'static str, meaning: Meaning) -> Rule {
    Rule { code, module: None, endpoints, words, meaning }
}

const RULES: &[Rule] = &[
    // Section 8: the order cannot be cancelled. Without module and words it may be the quota: then ask.
    Rule { code: "error_limit", module: Some("order"), endpoints: CANCEL, words: "", meaning: Meaning::Refused },
    at(CANCEL, "error_limit", "can not cancel", Meaning::Refused),
    at(CANCEL, "error_limit", "", Meaning::Unclear),
    // Section 9: there is no request to answer, or the logistics side refused.
    at(ANSWER, "cancel_order_invalid_status", "", Meaning::Refused),
    at(ANSWER, "order_status_invalid", "", Meaning::Refused),
    at(ANSWER, "cancel_forder_failed", "", Meaning::Refused),
    rule("error_limit", Meaning::Quota),
    rule("error_rate_limit", Meaning::Throttled),
    // Section 5, common codes.
    rule("error_sign", Meaning::Ours),
    rule("invalid_acceess_token", Meaning::Token),
    rule("invalid_access_token", Meaning::Token),
    said("error_auth", "access_token", Meaning::Token),
    said("error_auth", "access token", Meaning::Token),
    said("error_auth", "partner_id or shopid", Meaning::Ours),
    // Section 3.4: the two calls for tokens.
    at(TOKENS, "error_auth", "", Meaning::Consent),
    at(TOKENS, "invalid_code", "", Meaning::Consent),
    at(TOKENS, "invalid_shop_id", "", Meaning::Refused),
    at(TOKENS, "invalid_main_acount_id", "", Meaning::Refused),
    rule("error_shop_refresh_token", Meaning::Consent),
    rule("error_merchant_refresh_token", Meaning::Consent),
    rule("refresh_token_expired", Meaning::Consent),
    rule("shop_access_expired", Meaning::Consent),
    rule("merchant_access_expired", Meaning::Consent),
    rule("shop_no_linked", Meaning::Consent),
    rule("merchant_no_linked", Meaning::Consent),
    rule("partner_shop_no_link", Meaning::Consent),
    said("error_permission", "link shop and partner", Meaning::Consent),
    rule("error_permission", Meaning::Ours),
    rule("error_api_permission", Meaning::Ours),
    rule("error_api_call_restricted", Meaning::Ours),
    rule("invalid_partner_id", Meaning::Ours),
    rule("source_ip_undeclared", Meaning::Ours),
    rule("error_partner_key_expired", Meaning::Ours),
    rule("error_shop", Meaning::Ours),
    // The account is blocked: the platform's words are shown.
    rule("shop_banned", Meaning::Refused),
    rule("api_suspended", Meaning::Refused),
    rule("error_ashop_api_permission", Meaning::Refused),
    rule("error_kyc_auth", Meaning::Refused),
    // One code for many faults: the timestamp, a missing field, and in cancel_order also a reason that the order does
    // not take (section 8: no other code is documented for it).
    said("error_param", "timestamp", Meaning::Clock),
    said("error_param", "required field", Meaning::Ours),
    said("error_param", "not from gateway", Meaning::Ours),
    at(CANCEL, "error_param", "", Meaning::Refused),
    // Section 10: about a hundred faults of an order's shipment have this code; the platform's words are shown.
    at(SHIP, "error_param", "", Meaning::Refused),
    at(SHIP, "error_status", "", Meaning::Refused),
    at(SHIP, "package_number_not_exist", "", Meaning::Refused),
    at(SHIP, "package_not_exist", "", Meaning::Refused),
    at(SHIP, "invalid_error", "", Meaning::Refused),
    at(SHIP, "ship_order_not_ready_to_ship", "", Meaning::Refused),
    at(SHIP, "package_already_shipped", "", Meaning::Refused),
    at(SHIP, "ship_order_need_pacakge_number", "", Meaning::Refused),
    at(SHIP, "ship_order_not_need_pacakge_number", "", Meaning::Refused),
    at(SHIP, "ship_order_only_support_one_type", "", Meaning::Refused),
    at(SHIP, "ship_order_unsupport_pickup", "", Meaning::Refused),
    at(SHIP, "ship_order_unsupport_dropoff", "", Meaning::Refused),
    at(SHIP, "ship_order_unsupport_non_integrated", "", Meaning::Refused),
    at(SHIP, "ship_order_pff_init", "", Meaning::Refused),
    at(SHIP, "error_booking_order", "", Meaning::Refused),
    at(SHIP, "lack_of_invoice_data", "", Meaning::Refused),
    at(SHIP, "order_finalized", "", Meaning::Refused),
    at(SHIP, "error_order_state", "", Meaning::Refused),
    at(LABEL, "invalid_error", "", Meaning::Refused),
    at(LABEL, "package_not_exist", "", Meaning::Refused),
    at(LABEL, "package_number_not_exist", "", Meaning::Refused),
    at(LABEL, "order_status_error", "", Meaning::Refused),
    at(LABEL, "order_not_exist", "", Meaning::Refused),
    at(LABEL, "tracking_number_invalid", "", Meaning::Refused),
    at(LABEL, "packages_can_not_download_together", "", Meaning::Refused),
    at(LABEL, "package_print_failed", "", Meaning::Refused),
    at(LABEL, "batch_api_all_failed", "", Meaning::Refused),
    rule("error_param", Meaning::Ours),
    rule("order_list_invalid_time", Meaning::Ours),
    rule("error_not_found", Meaning::Refused),
    rule("error_network", Meaning::Fault),
    rule("error_server", Meaning::Fault),
    rule("error_inner", Meaning::Fault),
    rule("error_system_busy", Meaning::Fault),
    rule("system_busy", Meaning::Fault),
    rule("error_data", Meaning::Fault),
    // Section 11: update_stock.
    at(STOCK, "error_auth", "reserved stock", Meaning::Refused),
    at(STOCK, "error_auth", "location_id", Meaning::Refused),
    at(STOCK, stock::NOTHING_UPDATED, "", Meaning::Refused),
    rule("error_item_not_found", Meaning::Refused),
    rule("error_item_uneditable", Meaning::Refused),
    rule("error_edit_item_stock_for_item_has_model", Meaning::Refused),
    rule("error_cannt_edit_stock_in_promotion", Meaning::Refused),
    rule("error_promotion_cantnot_update_stock", Meaning::Refused),
    rule("error_holiday_mode_change_stock", Meaning::Refused),
    rule("error_wms_shop_block_upate_stock", Meaning::Refused),
    rule("error_seller_under_penalty", Meaning::Refused),
];

/// Shopee's envelope around every answer.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    request_id: Option<String>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    msg: Option<String>,
    #[serde(default, borrow)]
    response: Option<&'a RawValue>,
}

/// Which call was made, as far as its answer's reading depends on it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) endpoint: &'static str,
    pub(super) effect: Effect,
    /// What no story may hold.
    pub(super) secrets: Arc<[String]>,
}

/// A successful answer.
pub(super) struct Answer<'a> {
    asked: &'a Asked,
    story: Story,
    response: Option<&'a RawValue>,
    body: &'a [u8],
}

/// A failed answer that may hold rows all the same.
pub(super) struct Failure<'a> {
    pub(super) error: CallError,
    pub(super) response: Option<&'a RawValue>,
}

impl Asked {
    /// The answer, if it is a success.
    pub(super) fn answer<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, CallError> {
        self.answer_or_failure(received).map_err(|failure| failure.error)
    }

    /// A success whose payload stands beside `error` (section 5: token endpoints); it may leave `error` out.
    pub(super) fn flat_answer<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, CallError> {
        self.read(received, true).map_err(|failure| failure.error)
    }

    /// The answer, or the failure with its `response` (section 5: it may be filled).
    pub(super) fn answer_or_failure<'a>(&'a self, received: &'a Received) -> Result<Answer<'a>, Box<Failure<'a>>> {
        self.read(received, false)
    }

    fn read<'a>(&'a self, received: &'a Received, flat: bool) -> Result<Answer<'a>, Box<Failure<'a>>> {
        let failure = |error: CallError, response: Option<&'a RawValue>| Err(Box::new(Failure { error, response }));
        let mut story = Story { endpoint: self.endpoint.to_owned(), http_status: received.status, ..Story::default() };
        let envelope = match read_object::<Envelope<'a>>(&received.body) {
            Ok(envelope) => envelope,
            Err(problem) => {
                story.message = format!("the answer cannot be read: {problem}");
                return failure(CallError { remedy: self.remedy_without_code(received), story }, None);
            }
        };
        story.request_id = envelope.request_id.unwrap_or_default();
        story.message = self.public(&envelope.message.or(envelope.msg).unwrap_or_default());
        if let Some(code) = envelope.error.and_then(lenient::scalar) {
            story.code = self.public(&code);
            let remedy = self.remedy(received, &mut story);
            return failure(CallError { remedy, story }, envelope.response);
        }
        let states_success = flat || envelope.error.is_some() || envelope.response.is_some();
        if !(200..300).contains(&received.status) || !states_success {
            if story.message.is_empty() {
                "the answer states neither success nor failure".clone_into(&mut story.message);
            }
            return failure(CallError { remedy: self.remedy_without_code(received), story }, None);
        }
        Ok(Answer { asked: self, story, response: envelope.response, body: &received.body })
    }

    /// What was read cannot be used.
    pub(super) fn unusable(&self, problem: &str) -> CallError {
        let message = self.public(&format!("the answer cannot be used: {problem}"));
        let story = Story { endpoint: self.endpoint.to_owned(), http_status: 200, message, ..Story::default() };
        CallError { remedy: Remedy::Unknown, story }
    }

    /// A row of a batch that was refused for good, in the platform's own words.
    pub(super) fn row_refused(&self, code: &str, words: &str) -> CallError {
        let (code, message) = (self.public(code), self.public(words));
        let story = Story { endpoint: self.endpoint.to_owned(), http_status: 200, code, message, ..Story::default() };
        CallError { remedy: Remedy::Rejected, story }
    }

    /// What a known or unknown code asks for.
    fn remedy(&self, received: &Received, story: &mut Story) -> Remedy {
        let write = self.effect == Effect::Write;
        // Whatever is said beside a server error or a redirect, the write may have happened.
        if write && (received.status >= 500 || (300..400).contains(&received.status)) {
            return Remedy::Unknown;
        }
        match meaning(self.endpoint, &story.code, &story.message) {
            Some(Meaning::Token) => Remedy::TokenExpired,
            Some(Meaning::Consent) => Remedy::Reauthorize,
            Some(Meaning::Refused) => Remedy::Rejected,
            Some(Meaning::Throttled) => Remedy::Pause(pause(retry_after(received))),
            Some(Meaning::Quota) => Remedy::Pause(pause(QUOTA_RETRY)),
            Some(Meaning::Fault) if !write => Remedy::RetryAfter(FAULT_RETRY),
            Some(Meaning::Fault | Meaning::Unclear) => Remedy::Unknown,
            Some(Meaning::Clock) => {
                story.message = format!("{}: {}", story.code, story.message);
                CLOCK_SKEW.clone_into(&mut story.code);
                Remedy::Bug
            }
            Some(Meaning::Ours) => Remedy::Bug,
            None => self.remedy_without_code(received),
        }
    }

    /// What an answer without a code that is in the table asks for: a write may have happened.
    fn remedy_without_code(&self, received: &Received) -> Remedy {
        match (self.effect, received.status) {
            (Effect::Read, 429) => Remedy::Pause(pause(retry_after(received))),
            _ => Remedy::Unknown,
        }
    }

    /// The platform's words, cut, on one line and without our secrets.
    fn public(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            if words.contains(secret.as_str()) {
                words = words.replace(secret.as_str(), REDACTED);
            }
        }
        let one_line = words.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        one_line.take(MESSAGE_MAX).collect()
    }
}

impl<'a> Answer<'a> {
    /// The `response` of an enveloped answer.
    pub(super) fn response<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        let Some(raw) = self.response else {
            return Err(self.unreadable("there is no response"));
        };
        read_object(raw.get().as_bytes()).map_err(|problem| self.unreadable(&problem))
    }

    /// The whole body of a flat answer.
    pub(super) fn flat<T: Deserialize<'a>>(&self) -> Result<T, CallError> {
        read_object(self.body).map_err(|problem| self.unreadable(&problem))
    }

    /// The answer says success but lacks what it must hold: a write may have happened, a read is read again.
    pub(super) fn unreadable(&self, problem: &str) -> CallError {
        self.failed(Remedy::Unknown, problem)
    }

    /// The answer is readable, and what it says cannot be used.
    pub(super) fn failed(&self, remedy: Remedy, problem: &str) -> CallError {
        let message = self.asked.public(&format!("the answer cannot be used: {problem}"));
        CallError { remedy, story: Story { message, ..self.story.clone() } }
    }
}

/// What a code means at an endpoint; nothing for a code that is in no table.
fn meaning(endpoint: &str, code: &str, message: &str) -> Option<Meaning> {
    let (module, code) = match code.split_once('.') {
        Some((module, code)) => (Some(module.trim()), code.trim()),
        None => (None, code.trim()),
    };
    let message = message.to_lowercase();
    let fits = |rule: &&Rule| {
        rule.code == code
            && (rule.module.is_none() || rule.module == module)
            && (rule.endpoints.is_empty() || rule.endpoints.contains(&endpoint))
            && message.contains(rule.words)
    };
    RULES.iter().find(fits).map(|rule| rule.meaning)
}

/// Quotas are per app and API (section 5, rate limits). Each shop learns of them by a call of its own, so that none waits for
/// what another did.
const fn pause(span: Span) -> Pause {
    Pause { scope: PauseScope::Endpoint, span }
}

/// `Retry-After` in seconds, within reason; its form as a date is not used by anyone we know of.
fn retry_after(received: &Received) -> Span {
    let header = received.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    header
        .and_then(|text| text.trim().parse::<i64>().ok())
        .filter(|&seconds| seconds > 0)
        .map_or(THROTTLED_RETRY, |seconds| Span::from_seconds(seconds).min(THROTTLED_RETRY_MAX))
}
