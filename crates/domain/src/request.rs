//! A buyer's cancellation request: how long the seller has to answer it, what silence means, and what becomes of it.

use crate::cancellation::{Sent, View};
use crate::eligibility::{Blocked, Gate};
use crate::policy::Evidence;
use crate::snapshot::Initiator;
use crate::time::{Moment, Span};
use crate::words::worded;

worded! {
    /// What the platform does when the seller does not answer in time.
    Silence, "meaning of silence" {
        /// It grants the request: the order is cancelled.
        Agreed = "agreed",
        /// It drops the request: the order goes on.
        Rejected = "rejected",
    }
}

worded! {
    /// Whether a rejection tells the platform why.
    RejectReason, "need of a reject reason" {
        /// The platform takes none.
        None = "none",
        /// The platform takes one.
        Optional = "optional",
        /// The platform wants one.
        Required = "required",
    }
}

worded! {
    /// How a request's deadline is known.
    DeadlineSource, "deadline source" {
        /// The platform's API says it.
        Platform = "platform",
        /// The policy says it.
        Policy = "policy",
    }
}

worded! {
    /// What the seller tells the buyer.
    AnswerKind, "answer" {
        /// The order is cancelled as asked.
        Agree = "agree",
        /// The order goes on.
        Reject = "reject",
    }
}

worded! {
    /// Where a request stands.
    RequestState, "request state" {
        /// It waits for an answer.
        Open = "open",
        /// An answer was given here and the platform is being told.
        Answering = "answering",
        /// We agreed, and the order is cancelled as asked.
        Agreed = "agreed",
        /// We rejected it, and the order goes on.
        Rejected = "rejected",
        /// Nobody answered in time: the platform decided.
        Expired = "expired",
        /// The buyer took it back.
        Withdrawn = "withdrawn",
        /// It was answered outside of here, in the Seller Center.
        AnsweredElsewhere = "answered_elsewhere",
        /// The order was cancelled by somebody else, or another request took its place.
        Superseded = "superseded",
    }
}

impl RequestState {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Open | Self::Answering)
    }
}

/// How long before its deadline a request without a final outcome alerts (product.md section 4).
pub const ALERT_BEFORE: Span = Span::from_seconds(2 * 3_600);

/// How long the seller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTime {
    /// So long after the buyer asked.
    After(Span),
    /// Until 23:59 of the last of so many calendar days after the buyer's, in the market's zone.
    CalendarDays {
        /// Days after the day on which the buyer asked.
        days: u32,
        /// How far the market's clocks are ahead of UTC, in hours.
        utc_offset_hours: i32,
    },
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl AnswerTime {
    /// Until when a request that was made at this moment has to be answered.
    #[must_use]
    pub const fn deadline(self, asked_at: Moment) -> Moment {
        match self {
            Self::After(span) => asked_at.plus(span),
            Self::CalendarDays { days, utc_offset_hours } => {
                let offset = utc_offset_hours as i64 * HOUR;
                let day = asked_at.millis().saturating_add(offset).div_euclid(DAY);
                let end = day.saturating_add(days as i64 + 1).saturating_mul(DAY);
                Moment::from_millis(end.saturating_sub(MINUTE).saturating_sub(offset))
            }
        }
    }
}

/// What a buyer's request means in some markets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRule {
    /// The markets it holds in; empty: all that have no rule of their own.
    pub regions: Vec<String>,
    /// How long the seller has where the API does not say.
    pub answer_within: AnswerTime,
    /// What silence means.
    pub on_silence: Silence,
    /// Whether a rejection names a reason.
    pub reject_reason: RejectReason,
    /// How sure.
    pub evidence: Evidence,
}

/// A reason to reject that a platform takes, for when its own list cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectReasonRule {
    /// The platform's word.
    pub value: String,
    /// What the operator reads.
    pub label: String,
    /// The markets where it is taken; empty means all.
    pub regions: Vec<String>,
    /// How sure.
    pub evidence: Evidence,
}

/// What a platform's policy says of buyers' requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPolicy {
    /// The rule of every market that has none of its own.
    pub usual: RequestRule,
    /// Markets with rules of their own.
    pub markets: Vec<RequestRule>,
    /// Reasons to reject.
    pub reject_reasons: Vec<RejectReasonRule>,
}

impl RequestPolicy {
    /// The rule of a market.
    #[must_use]
    pub fn rule(&self, region: &str) -> &RequestRule {
        self.markets.iter().find(|rule| rule.regions.iter().any(|known| known == region)).unwrap_or(&self.usual)
    }

    /// The reasons to reject that a market's platform takes.
    pub fn reject_reasons_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a RejectReasonRule> {
        self.reject_reasons
            .iter()
            .filter(move |reason| reason.regions.is_empty() || reason.regions.iter().any(|known| known == region))
    }
}

/// What a read shows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It waits for an answer.
    Open,
    /// It was agreed to and is not carried out yet.
    Agreed,
    /// It is gone, and what it asked for is cancelled, by whom the platform says.
    Canceled(Option<Initiator>),
    /// It is gone, and the order goes on.
    Alive,
}

/// Where a request stands after a read. What is being answered here is settled by the answer, not by a read.
#[must_use]
pub fn after_read(state: RequestState, seen: Seen, overdue: bool, silence: Silence) -> RequestState {
    if state != RequestState::Open {
        return state;
    }
    match (seen, silence) {
        (Seen::Open, _) => RequestState::Open,
        (Seen::Agreed, _) => RequestState::AnsweredElsewhere,
        (Seen::Canceled(Some(Initiator::Seller)), _) => RequestState::Superseded,
        (Seen::Canceled(_), Silence::Agreed) if overdue => RequestState::Expired,
        (Seen::Canceled(Some(Initiator::Platform)), _) => RequestState::Superseded,
        (Seen::Canceled(Some(Initiator::Buyer) | None), _) => RequestState::AnsweredElsewhere,
        (Seen::Alive, Silence::Rejected) if overdue => RequestState::Expired,
        (Seen::Alive, _) => RequestState::Withdrawn,
    }
}

/// What a read says of the answer to a request, for the one table that cancels and answers go through
/// ([`crate::cancellation::decide`]): *cancelled* there means that the answer has taken effect.
///
/// `sent` is what is known of our own attempts: a request that is gone without one of ours was not rejected by us.
#[must_use]
pub fn view(kind: AnswerKind, seen: Seen, sent: &Sent) -> View {
    let over = |words: &str| View::Alive(Err(Blocked { gate: Gate::RequestOpen, detail: words.to_owned() }));
    match (kind, seen) {
        (_, Seen::Open) | (AnswerKind::Agree, Seen::Agreed) => View::Alive(Ok(())),
        (AnswerKind::Agree, Seen::Canceled(by)) => View::Canceled(by),
        (AnswerKind::Agree, Seen::Alive) => {
            over("The request is gone: the buyer took it back, or it was rejected elsewhere.")
        }
        (AnswerKind::Reject, Seen::Agreed) => over("The request was agreed to before the rejection arrived."),
        (AnswerKind::Reject, Seen::Canceled(_)) => over("The order was canceled before the rejection arrived."),
        (AnswerKind::Reject, Seen::Alive) => match sent {
            Sent::Accepted | Sent::Unknown { .. } => View::Canceled(None),
            Sent::Never | Sent::Rejected { .. } => over("The request was gone before the rejection arrived."),
        },
    }
}

impl AnswerKind {
    /// What stands as the reason of the cancellation that carries the answer out.
    #[must_use]
    pub const fn reason_code(self) -> &'static str {
        match self {
            Self::Agree => "agree_to_request",
            Self::Reject => "reject_request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: [Seen; 7] = [
        Seen::Open,
        Seen::Agreed,
        Seen::Canceled(None),
        Seen::Canceled(Some(Initiator::Buyer)),
        Seen::Canceled(Some(Initiator::Seller)),
        Seen::Canceled(Some(Initiator::Platform)),
        Seen::Alive,
    ];

    #[test]
    fn only_an_open_request_is_settled_by_a_read() {
        for &state in RequestState::ALL.iter().filter(|&&state| state != RequestState::Open) {
            for seen in SEEN {
                for &silence in Silence::ALL {
                    assert_eq!(after_read(state, seen, true, silence), state, "{state} {seen:?}");
                }
            }
        }
    }

    #[test]
    fn an_open_request_that_is_gone_ends_with_the_one_word_for_it() {
        use Initiator::{Buyer, Platform, Seller};
        use RequestState::{AnsweredElsewhere, Expired, Open, Superseded, Withdrawn};
        // Seen; in time; overdue where silence agrees; overdue where silence rejects.
        let table = [
            (Seen::Open, Open, Open, Open),
            (Seen::Agreed, AnsweredElsewhere, AnsweredElsewhere, AnsweredElsewhere),
            (Seen::Canceled(None), AnsweredElsewhere, Expired, AnsweredElsewhere),
            (Seen::Canceled(Some(Buyer)), AnsweredElsewhere, Expired, AnsweredElsewhere),
            (Seen::Canceled(Some(Seller)), Superseded, Superseded, Superseded),
            (Seen::Canceled(Some(Platform)), Superseded, Expired, Superseded),
            (Seen::Alive, Withdrawn, Withdrawn, Expired),
        ];
        assert_eq!(table.map(|(seen, ..)| seen), SEEN);
        for (seen, in_time, agreed, rejected) in table {
            let after = |overdue, silence| after_read(Open, seen, overdue, silence);
            assert_eq!(after(false, Silence::Agreed), in_time, "{seen:?}");
            assert_eq!(after(false, Silence::Rejected), in_time, "{seen:?}");
            assert_eq!(after(true, Silence::Agreed), agreed, "{seen:?}");
            assert_eq!(after(true, Silence::Rejected), rejected, "{seen:?}");
        }
    }

    #[test]
    fn an_answer_has_taken_effect_when_the_order_shows_it_and_is_sent_while_the_request_is_open() {
        let sents = [
            Sent::Never,
            Sent::Unknown { settled_at: Moment::from_seconds(1) },
            Sent::Accepted,
            Sent::Rejected { words: "no".to_owned(), settled_at: Moment::from_seconds(1) },
        ];
        for seen in SEEN {
            for sent in &sents {
                let word = |kind| match view(kind, seen, sent) {
                    View::Alive(Ok(())) => "send",
                    View::Canceled(_) => "done",
                    View::Alive(Err(_)) => "over",
                    View::Missing => "missing",
                };
                let ours = matches!(sent, Sent::Accepted | Sent::Unknown { .. });
                let (agree, reject) = match seen {
                    Seen::Open => ("send", "send"),
                    Seen::Agreed => ("send", "over"),
                    Seen::Canceled(_) => ("done", "over"),
                    Seen::Alive => ("over", if ours { "done" } else { "over" }),
                };
                assert_eq!((word(AnswerKind::Agree), word(AnswerKind::Reject)), (agree, reject), "{seen:?} {sent:?}");
            }
        }
    }

    #[test]
    fn a_calendar_day_ends_at_a_minute_to_midnight_in_the_market_s_zone() {
        let days = |days, utc_offset_hours| AnswerTime::CalendarDays { days, utc_offset_hours };
        // 2026-11-25T16:30:00Z is the 26th, 00:30, in Singapore and the 25th, 23:30, in Jakarta.
        let asked = Moment::from_seconds(1_795_624_200);
        let end_of = |day: i64, offset: i64| Moment::from_seconds(day * 86_400 - 60 - offset * 3_600);
        let day = asked.seconds() / 86_400;
        assert_eq!(days(1, 8).deadline(asked), end_of(day + 3, 8));
        assert_eq!(days(1, 7).deadline(asked), end_of(day + 2, 7));
        assert_eq!(days(0, -3).deadline(asked), end_of(day + 1, -3));
        let hours = AnswerTime::After(Span::from_seconds(86_400));
        assert_eq!(hours.deadline(asked), Moment::from_seconds(asked.seconds() + 86_400));
    }

    #[test]
    fn a_market_without_a_rule_of_its_own_has_the_usual_one() {
        let rule = |regions: &[&str], silence| RequestRule {
            regions: regions.iter().map(|&region| region.to_owned()).collect(),
            answer_within: AnswerTime::After(Span::from_seconds(1)),
            on_silence: silence,
            reject_reason: RejectReason::None,
            evidence: Evidence { certainty: "I".to_owned(), source: "test".to_owned() },
        };
        let policy = RequestPolicy {
            usual: rule(&[], Silence::Agreed),
            markets: vec![rule(&["ID", "VN"], Silence::Rejected)],
            reject_reasons: Vec::new(),
        };
        assert_eq!(policy.rule("VN").on_silence, Silence::Rejected);
        assert_eq!(policy.rule("MY").on_silence, Silence::Agreed);
    }
}
