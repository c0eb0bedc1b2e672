//! Words about buyers' cancellation requests.

use super::{counted, span};
use domain::request::{AnswerKind, RequestState, Silence};

pub(crate) const fn request_state(state: RequestState) -> &'static str {
    match state {
        RequestState::Open => "Waiting",
        RequestState::Answering => "Being answered",
        RequestState::Agreed => "Agreed",
        RequestState::Rejected => "Rejected",
        RequestState::Expired => "Expired",
        RequestState::Withdrawn => "Taken back",
        RequestState::AnsweredElsewhere => "Answered elsewhere",
        RequestState::Superseded => "Superseded",
    }
}

/// What a tab is called that shows requests in this state.
pub(crate) const fn request_tab(state: RequestState) -> &'static str {
    match state {
        RequestState::AnsweredElsewhere | RequestState::Superseded => "Settled otherwise",
        RequestState::Open
        | RequestState::Answering
        | RequestState::Agreed
        | RequestState::Rejected
        | RequestState::Expired
        | RequestState::Withdrawn => request_state(state),
    }
}

/// What an empty list of requests means.
pub(crate) const fn no_requests(state: RequestState) -> &'static str {
    match state {
        RequestState::Open => "No buyer waits for an answer. Requests appear here by themselves.",
        RequestState::Answering => "No answer is under way.",
        RequestState::Agreed => "No request has been agreed to here.",
        RequestState::Rejected => "No request has been rejected here.",
        RequestState::Expired => "No request has run out of time.",
        RequestState::Withdrawn => "No buyer has taken a request back.",
        RequestState::AnsweredElsewhere | RequestState::Superseded => {
            "No request was answered outside of here, or overtaken by another cancel."
        }
    }
}

/// What silence means.
pub(crate) const fn silence(silence: Silence) -> &'static str {
    match silence {
        Silence::Agreed => "unanswered it is canceled",
        Silence::Rejected => "unanswered it goes on",
    }
}

/// A cancellation's reason, where it is the answer to a buyer's request.
pub(crate) fn answer_reason(code: &str) -> Option<&'static str> {
    let title = |kind| match kind {
        AnswerKind::Agree => "Agreed to the buyer's request",
        AnswerKind::Reject => "Rejected the buyer's request",
    };
    AnswerKind::ALL.iter().find(|kind| kind.reason_code() == code).map(|kind| title(*kind))
}

pub(crate) fn answered(kind: AnswerKind, by: &str) -> String {
    match kind {
        AnswerKind::Agree => format!("agreed by {by}"),
        AnswerKind::Reject => format!("rejected by {by}"),
    }
}

pub(crate) fn answer_failed(words: &str) -> String {
    format!("The answer did not take effect: {words}")
}

pub(crate) fn already(state: RequestState) -> String {
    format!("This request is settled or being answered already: {}.", request_state(state))
}

pub(crate) fn time_left(seconds: i64) -> String {
    format!("{} left", span(seconds))
}

pub(crate) fn agree_to(number: &str) -> String {
    format!("Agree to cancel order {number}")
}

pub(crate) fn reject_of(number: &str) -> String {
    format!("Reject the request to cancel order {number}")
}

pub(crate) fn agree_many(count: usize) -> String {
    format!("Agree to {}", counted(i64::try_from(count).unwrap_or(i64::MAX), "request", "requests"))
}

pub(crate) fn reject_many(count: usize) -> String {
    format!("Reject {}", counted(i64::try_from(count).unwrap_or(i64::MAX), "request", "requests"))
}

pub(crate) fn reject_reason_of(platform: &str) -> String {
    format!("Reason for {platform}")
}

pub(crate) fn agreed(count: i64) -> String {
    format!("{} agreed to.", counted(count, "request", "requests"))
}

pub(crate) fn rejected(count: i64) -> String {
    format!("{} rejected.", counted(count, "request", "requests"))
}
