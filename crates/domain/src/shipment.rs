//! Packing, telling the platform that a parcel is ready, and taking a pack back, as one state machine: what to do next,
//! given what is known and what has just been learnt.
//!
//! It keeps the promises of the cancel ([`crate::cancellation`]): nothing is sent without a read just before it, nothing
//! is sent again after an unknown outcome before the platform's settling time has passed and a read says that it is still
//! to be done, and a rejection counts only when a read agrees. An order with several parcels is sent parcel by parcel:
//! a *part* is what one call covers.

use crate::eligibility::{Blocked, Gate};
use crate::policy::{Policy, Standing};
use crate::snapshot::FulfilledBy;
use crate::time::{Moment, Span};
use crate::words::worded;

worded! {
    /// What is asked of the platform.
    Act, "act" {
        /// Arrange the shipment: the order becomes parcels with labels.
        Pack = "pack",
        /// Say that the parcels wait for the courier.
        ReadyToShip = "ready_to_ship",
        /// Take the pack back: the order is to be packed again.
        Repack = "repack",
    }
}

worded! {
    /// What people and the API see of a shipment.
    State, "shipment state" {
        /// Accepted here; the platform has not been asked yet.
        Requested = "requested",
        /// To be sent, or being sent.
        Submitting = "submitting",
        /// Sent; the platform is asked what became of it.
        Confirming = "confirming",
        /// The platform shows it.
        Done = "done",
        /// Refused by the platform, or a door closed before it was sent.
        Failed = "failed",
        /// Too old: a person should look; the platform is still being asked.
        NeedsAttention = "needs_attention",
    }
}

impl State {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

worded! {
    /// What an order's latest shipment says of the order.
    Mark, "shipment mark" {
        /// Nothing.
        None = "none",
        /// One is under way: it holds the order's slot.
        Live = "live",
        /// The last pack failed; the platform's words stand on its record.
        PackFailed = "pack_failed",
    }
}

/// What the doors look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the platform's status means.
    pub standing: Standing,
    /// Who keeps the goods.
    pub fulfilled_by: FulfilledBy,
    /// A cancel of ours is unfinished.
    pub cancelling: bool,
    /// Set aside here.
    pub voided: bool,
}

/// Whether an act may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// It may.
    Open,
    /// There is nothing left to do.
    Done,
    /// It may not, and why.
    Closed(Blocked),
}

/// Judges an act by what is known of an order: by what is stored when it is asked for, by a fresh read before it is sent.
#[must_use]
pub fn door(act: Act, facts: Facts) -> Door {
    let closed = |gate: Gate, detail: &str| Door::Closed(Blocked { gate, detail: detail.to_owned() });
    if facts.fulfilled_by == FulfilledBy::Platform {
        return closed(Gate::FulfilledByPlatform, "The platform's own warehouse packs and ships this order.");
    }
    match (facts.standing, act) {
        (Standing::Canceled, _) => closed(Gate::PlatformStatus, "The order is canceled."),
        (Standing::CancelRequested, _) => {
            closed(Gate::RequestOpen, "The buyer has asked to cancel this order; answer the request first.")
        }
        (Standing::Unknown, _) => {
            closed(Gate::PlatformStatus, "The platform's status is not in the policy, so nothing goes out.")
        }
        (Standing::Unpaid, _) => closed(Gate::PlatformStatus, "The order is not paid yet."),
        (Standing::OnHold, _) => {
            closed(Gate::PlatformStatus, "The platform holds this order; it cannot be packed yet.")
        }
        (Standing::Shipped | Standing::Completed, Act::Pack | Act::ReadyToShip) => Door::Done,
        (Standing::Shipped | Standing::Completed, Act::Repack) => {
            closed(Gate::PlatformStatus, "The courier has it already.")
        }
        (Standing::ToPack, Act::Repack) | (Standing::Arranged, Act::Pack) => Door::Done,
        (Standing::ToPack, Act::ReadyToShip) => closed(Gate::List, "The order is to be packed first."),
        // From here on something would go out or be taken back.
        (Standing::ToPack, Act::Pack) | (Standing::Arranged, Act::ReadyToShip | Act::Repack) if facts.cancelling => {
            closed(Gate::CancelPending, "A cancel of this order is under way; wait for its end.")
        }
        (Standing::ToPack, Act::Pack) | (Standing::Arranged, Act::ReadyToShip | Act::Repack) if facts.voided => {
            closed(Gate::List, "The order is set aside here; restore it first.")
        }
        (Standing::ToPack, Act::Pack) | (Standing::Arranged, Act::ReadyToShip | Act::Repack) => Door::Open,
    }
}

/// What is known of what was sent last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was sent.
    Never,
    /// A send was begun, and nothing is known of it.
    Unknown {
        /// From when a read of *still to be done* proves that it did not happen.
        settled_at: Moment,
    },
    /// The platform accepted it.
    Accepted {
        /// From when a read shows it for certain.
        settled_at: Moment,
    },
    /// The platform rejected it.
    Rejected {
        /// The platform's words.
        words: String,
        /// From when a read of *still to be done* agrees with the rejection.
        settled_at: Moment,
    },
}

/// Where a shipment is in its course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Accepted here.
    Requested,
    /// Decided to send; the intent is written.
    Submitting,
    /// Asking what became of it.
    Confirming,
    /// The platform shows it.
    Done,
    /// Failed, in the platform's words or the door's.
    Failed(String),
}

/// A shipment's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Where it is in its course.
    pub phase: Phase,
    /// It is too old and a person was asked.
    pub attention: bool,
    /// What was sent last.
    pub sent: Sent,
    /// The part that was sent last.
    pub part: Option<String>,
    /// How often something was sent.
    pub attempts: u32,
    /// How many reads in a row brought nothing new; sets the back-off.
    pub fruitless_reads: u32,
    /// From when its age counts, on the real clock.
    pub since: Moment,
    /// The platform's update time of the order at the read before the last send.
    pub seen_before: Option<Moment>,
}

/// What a read says, as far as a shipment is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// Nothing is left to be done.
    Nothing,
    /// This part is next, and every door is open.
    Left {
        /// What one call covers.
        part: String,
    },
    /// A door is closed: nothing may be sent.
    Closed(String),
    /// The platform does not know the order.
    Missing,
}

/// Something learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A read that began after everything we sent had been answered or given up.
    Read {
        /// What it says.
        view: View,
        /// The platform's update time of the order; `None` when it is missing.
        updated_at: Option<Moment>,
    },
    /// The read failed; the platform says nothing.
    ReadFailed {
        /// When to try again at the earliest.
        retry_after: Span,
    },
    /// The platform accepted what was sent.
    Accepted,
    /// The platform rejected what was sent.
    Rejected {
        /// In its own words.
        words: String,
    },
    /// What was sent got no readable answer until `deadline`.
    Unknown {
        /// Until when the call could still reach the platform.
        deadline: Moment,
    },
    /// It was not carried out, for sure; later it may be.
    NotNow {
        /// When to try again at the earliest.
        retry_after: Span,
    },
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read the order, not before this moment.
    Read(Moment),
    /// Write the intent and send, now: the read that allows it has just been made.
    Send,
    /// Nothing: it is final.
    End,
}

/// The first pause between two reads that brought nothing new.
const FIRST_PAUSE: Span = Span::from_millis(250);
/// The longest such pause.
const LONGEST_PAUSE: Span = Span::from_seconds(10);

impl Shipment {
    /// A shipment that was just accepted here.
    #[must_use]
    pub const fn requested(now: Moment) -> Self {
        Self {
            phase: Phase::Requested,
            attention: false,
            sent: Sent::Never,
            part: None,
            attempts: 0,
            fruitless_reads: 0,
            since: now,
            seen_before: None,
        }
    }

    /// What people and the API see.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.phase, self.attention) {
            (Phase::Done, _) => State::Done,
            (Phase::Failed(_), _) => State::Failed,
            (_, true) => State::NeedsAttention,
            (Phase::Requested, false) => State::Requested,
            (Phase::Submitting, false) => State::Submitting,
            (Phase::Confirming, false) => State::Confirming,
        }
    }

    fn pause(&mut self, now: Moment) -> Moment {
        let pause = FIRST_PAUSE.doubled(self.fruitless_reads, LONGEST_PAUSE);
        self.fruitless_reads = self.fruitless_reads.saturating_add(1);
        now.plus(pause)
    }

    fn ended(mut self, phase: Phase) -> (Self, Effect) {
        self.phase = phase;
        self.attention = false;
        (self, Effect::End)
    }

    fn submitting(mut self, part: String, updated_at: Option<Moment>) -> (Self, Effect) {
        self.phase = Phase::Submitting;
        // What is known is known of this part from here on.
        self.sent = Sent::Never;
        self.part = Some(part);
        self.attempts = self.attempts.saturating_add(1);
        self.fruitless_reads = 0;
        self.seen_before = updated_at;
        (self, Effect::Send)
    }

    fn confirming(mut self, sent: Sent, now: Moment) -> (Self, Effect) {
        self.phase = Phase::Confirming;
        self.sent = sent;
        self.fruitless_reads = 0;
        (self, Effect::Read(now))
    }

    fn read_again(mut self, now: Moment, not_after: Option<Moment>) -> (Self, Effect) {
        let pause = self.pause(now);
        let at = not_after.map_or(pause, |limit| if limit > now { pause.min(limit) } else { pause });
        (self, Effect::Read(at))
    }
}

/// Decides the next step. Total: every event in every state has an answer.
#[must_use]
pub fn decide(saga: Shipment, event: Event, now: Moment, policy: &Policy) -> (Shipment, Effect) {
    let (mut next, effect) = step(saga, event, now, policy);
    if effect != Effect::End && now.since(next.since) >= policy.attention_after {
        next.attention = true;
    }
    (next, effect)
}

fn step(mut saga: Shipment, event: Event, now: Moment, policy: &Policy) -> (Shipment, Effect) {
    match (saga.phase.clone(), event) {
        (Phase::Done | Phase::Failed(_), _) => (saga, Effect::End),

        (_, Event::ReadFailed { retry_after }) => {
            let pause = saga.pause(now);
            (saga, Effect::Read(pause.max(now.plus(retry_after))))
        }
        (Phase::Requested | Phase::Submitting | Phase::Confirming, Event::Read { view, updated_at }) => {
            after_read(saga, view, updated_at, now)
        }

        (_, Event::Accepted) => saga.confirming(Sent::Accepted { settled_at: now.plus(policy.settling) }, now),
        (_, Event::Rejected { words }) => {
            saga.confirming(Sent::Rejected { words, settled_at: now.plus(policy.settling) }, now)
        }
        (_, Event::Unknown { deadline }) => {
            let settled_at = deadline.max(now).plus(policy.settling);
            saga.confirming(Sent::Unknown { settled_at }, now)
        }
        (_, Event::NotNow { retry_after }) => {
            // What an earlier attempt left unknown stays unknown; the platform is read again before anything is sent.
            let pause = saga.pause(now);
            (saga, Effect::Read(pause.max(now.plus(retry_after))))
        }
    }
}

fn after_read(saga: Shipment, view: View, updated_at: Option<Moment>, now: Moment) -> (Shipment, Effect) {
    // What was sent may still show; until it has settled, only its success is believed.
    let moved = updated_at.is_some() && updated_at > saga.seen_before;
    let unsettled = match &saga.sent {
        Sent::Never => None,
        Sent::Unknown { settled_at } => (now < *settled_at).then_some(*settled_at),
        Sent::Accepted { settled_at } | Sent::Rejected { settled_at, .. } => {
            (!moved && now < *settled_at).then_some(*settled_at)
        }
    };
    match (view, saga.sent.clone(), unsettled) {
        (View::Nothing, _, _) => saga.ended(Phase::Done),
        (_, _, Some(settled_at)) => saga.read_again(now, Some(settled_at)),
        (View::Missing, Sent::Never, None) => {
            saga.ended(Phase::Failed("The platform does not know this order.".to_owned()))
        }
        // A platform that loses an order between two reads proves nothing: ask again.
        (View::Missing, _, None) => saga.read_again(now, None),
        (View::Closed(words), _, None) => saga.ended(Phase::Failed(words)),
        (View::Left { part }, Sent::Never | Sent::Unknown { .. }, None) => saga.submitting(part, updated_at),
        (View::Left { .. }, Sent::Rejected { words, .. }, None) => saga.ended(Phase::Failed(words)),
        // Accepted and not shown: the same part is never sent twice, the next one may go.
        (View::Left { part }, Sent::Accepted { .. }, None) if saga.part.as_ref() == Some(&part) => {
            saga.read_again(now, None)
        }
        (View::Left { part }, Sent::Accepted { .. }, None) => saga.submitting(part, updated_at),
    }
}

#[cfg(test)]
#[path = "shipment_tests.rs"]
mod tests;
