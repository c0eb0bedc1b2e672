//! The seller's cancel as a state machine: what to do next, given what is known and what has just been learnt.
//!
//! One table, [`decide`], with these promises (each a test below):
//! - nothing is sent without a read just before it, and nothing is sent again after an unknown outcome before the
//!   platform's settling time has passed and a read has answered *not cancelled*;
//! - a rejection means *refused* only when a read agrees that can be trusted;
//! - acceptance is never left backwards;
//! - while a third-party warehouse has the goods, the platform is told nothing before the warehouse has handed them back, and
//!   a refusal after that ends only once they are there again;
//! - a saga that grows old asks for a person and goes on asking the platform.
//!
//! A cancel of chosen lines runs through the same table. What differs is what *cancelled* means: see [`View::of_lines`].

use crate::eligibility::Blocked;
use crate::ids::LineId;
use crate::policy::Policy;
use crate::snapshot::Initiator;
use crate::time::{Moment, Span};
use crate::warehouse_order::Goods;
use crate::words::worded;

worded! {
    /// What people and the API see of a cancellation.
    State, "cancellation state" {
        /// Accepted here; the platform has not been asked yet.
        Requested = "requested",
        /// The third-party warehouse is asked to hand the goods back.
        Withdrawing = "withdrawing",
        /// To be sent, or being sent.
        Submitting = "submitting",
        /// Sent; the platform is asked what became of it.
        Confirming = "confirming",
        /// Refused after the warehouse handed the goods back: they are pushed there again.
        Restoring = "restoring",
        /// The order is cancelled.
        Done = "done",
        /// The platform refused; the order is back in its list.
        Refused = "refused",
        /// Too old: a person should look; the platform is still being asked.
        NeedsAttention = "needs_attention",
    }
}

impl State {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

worded! {
    /// How much of an order a cancel means.
    Scope, "scope" {
        /// All of it; lines that were chosen are the products that the reason speaks of.
        Order = "order",
        /// The chosen lines, and nothing else.
        Lines = "lines",
    }
}

/// A line that a cancel means, or that its reason speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeantLine {
    /// The line.
    pub line: LineId,
    /// How many of its units.
    pub quantity: u32,
    /// How many were cancelled when the cancel was accepted here.
    pub canceled_before: u32,
    /// How many are cancelled by what was read last.
    pub canceled: u32,
}

impl MeantLine {
    /// How many of the line's units are cancelled once this is done. Fixed when the cancel is accepted: whoever cancels
    /// units meanwhile, and whatever becomes of an attempt, what is sent next is what is missing to this.
    #[must_use]
    pub const fn goal(&self) -> u32 {
        self.canceled_before.saturating_add(self.quantity)
    }

    /// Units that are still to be cancelled, when so many are.
    #[must_use]
    pub const fn left(&self, canceled: u32) -> u32 {
        self.goal().saturating_sub(canceled)
    }

    /// Where this line stands in a cancellation of this state: a line that is cancelled is done, whatever becomes of the
    /// others.
    #[must_use]
    pub const fn state(&self, of_cancellation: State) -> State {
        if self.left(self.canceled) == 0 { State::Done } else { of_cancellation }
    }
}

/// What a read shows of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSeen {
    /// Units of it that are cancelled.
    pub canceled: u32,
    /// By whom, where the platform says it.
    pub by: Option<Initiator>,
}

/// What is known of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was sent.
    Never,
    /// A send was begun, and nothing is known of it. It may take effect until `settled_at`.
    Unknown {
        /// From when a read of *not cancelled* proves that it did not happen.
        settled_at: Moment,
    },
    /// The platform accepted it.
    Accepted,
    /// The platform rejected it.
    Rejected {
        /// The platform's words.
        words: String,
        /// From when a read of *not cancelled* agrees with the rejection.
        settled_at: Moment,
    },
}

/// A cancellation's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Where it is in its course; never [`State::NeedsAttention`].
    pub phase: Phase,
    /// It is too old and a person was asked.
    pub attention: bool,
    /// What was sent.
    pub sent: Sent,
    /// How often something was sent.
    pub attempts: u32,
    /// How many reads in a row brought nothing new; sets the back-off.
    pub fruitless_reads: u32,
    /// From when its age counts, on the real clock.
    pub since: Moment,
    /// The platform's update time of the order at the read before the last send.
    pub seen_before: Option<Moment>,
}

/// Where a cancellation is in its course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Accepted here.
    Requested,
    /// The third-party warehouse is asked for the goods; the platform is told nothing before they are back.
    Withdrawing,
    /// Decided to send; the intent is written.
    Submitting,
    /// Asking what became of it.
    Confirming,
    /// The order is cancelled, by whom the platform says.
    Done(Option<Initiator>),
    /// Refused, in these words, and not over before the warehouse has the goods again.
    Restoring(String),
    /// Refused, in the platform's words or the gate's.
    Refused(String),
}

/// What a read says, as far as a cancel is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// What the cancel means is cancelled: the order, or all chosen lines.
    Canceled(Option<Initiator>),
    /// The order lives, and the live gates say whether it may be cancelled.
    Alive(Result<(), Blocked>),
    /// The platform does not know the order.
    Missing,
}

impl View {
    /// What a read says of a cancel of chosen lines. `self` is what it says of the order; `lines` are those that are meant,
    /// each with what the read shows of it. An order that is cancelled has no line that lives.
    #[must_use]
    pub fn of_lines<'a>(self, lines: impl IntoIterator<Item = (&'a MeantLine, LineSeen)>) -> Self {
        let mut by = None;
        for (line, seen) in lines {
            if line.left(seen.canceled) > 0 {
                return self;
            }
            // Of several, ours is the one that the operator asks about.
            by = if seen.by == Some(Initiator::Seller) { seen.by } else { by.or(seen.by) };
        }
        match self {
            Self::Alive(_) => Self::Canceled(by),
            Self::Canceled(_) | Self::Missing => self,
        }
    }
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
        /// What a third-party warehouse has of its goods.
        goods: Goods,
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
    /// A person asks to go on with one that needs attention.
    Retry,
    /// It is taken back, right after a read that found the order alive.
    TakenBack {
        /// Why, for people.
        words: String,
        /// What a third-party warehouse has of its goods.
        goods: Goods,
    },
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read the order, not before this moment.
    Read(Moment),
    /// Ask the third-party warehouse for the goods, and read again when it has answered, or by then.
    Withdraw(Moment),
    /// Let the third-party warehouse have the goods again, and read again when it has them, or by then.
    Restore(Moment),
    /// Write the intent and send, now: the read that allows it has just been made.
    Send,
    /// Nothing: it is final.
    End,
}

/// The first pause between two reads that brought nothing new.
const FIRST_PAUSE: Span = Span::from_millis(250);
/// The longest such pause.
const LONGEST_PAUSE: Span = Span::from_seconds(10);
/// How long a cancel waits for a warehouse before it looks by itself; what the warehouse answers wakes it.
const WAREHOUSE_PAUSE: Span = Span::from_seconds(30);
/// How long a warehouse may take before a person is asked: a day, after which it is asked anew as well.
const WAREHOUSE_ATTENTION_AFTER: Span = Span::from_seconds(86_400);

/// Why nothing is told to the platform while the warehouse keeps the goods.
const KEPT_PICKED: &str =
    "The warehouse has picked the order and does not hand it back. Ask its staff, or go on despite the warehouse.";
const KEPT_SHIPPED: &str =
    "The warehouse has shipped the order. Ask its staff to stop the parcel, or go on despite the warehouse.";

impl Cancellation {
    /// A cancel that was just accepted here.
    #[must_use]
    pub const fn requested(now: Moment) -> Self {
        Self {
            phase: Phase::Requested,
            attention: false,
            sent: Sent::Never,
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
            (Phase::Done(_), _) => State::Done,
            (Phase::Refused(_), _) => State::Refused,
            (_, true) => State::NeedsAttention,
            (Phase::Requested, false) => State::Requested,
            (Phase::Withdrawing, false) => State::Withdrawing,
            (Phase::Restoring(_), false) => State::Restoring,
            (Phase::Submitting, false) => State::Submitting,
            (Phase::Confirming, false) => State::Confirming,
        }
    }

    fn pause(&mut self, now: Moment) -> Moment {
        let pause = FIRST_PAUSE.doubled(self.fruitless_reads, LONGEST_PAUSE);
        self.fruitless_reads = self.fruitless_reads.saturating_add(1);
        now.plus(pause)
    }

    fn done(mut self, by: Option<Initiator>) -> (Self, Effect) {
        self.phase = Phase::Done(by);
        self.attention = false;
        (self, Effect::End)
    }

    /// Refused: over, unless a warehouse handed the goods back for it, or is about to.
    fn refused(mut self, words: String, goods: Goods, now: Moment) -> (Self, Effect) {
        self.attention = false;
        match goods {
            Goods::Free | Goods::There | Goods::KeptPicked | Goods::KeptShipped => {
                self.phase = Phase::Refused(words);
                (self, Effect::End)
            }
            Goods::Asked | Goods::HandedBack => {
                self.phase = Phase::Restoring(words);
                self.since = now;
                (self, Effect::Restore(now.plus(WAREHOUSE_PAUSE)))
            }
        }
    }

    /// The platform would take it: the goods first, then the platform.
    fn onward(mut self, updated_at: Option<Moment>, goods: Goods, now: Moment) -> (Self, Effect) {
        match goods {
            Goods::Free | Goods::HandedBack => self.submitting(updated_at, now),
            Goods::There | Goods::Asked => {
                if self.phase != Phase::Withdrawing {
                    self.phase = Phase::Withdrawing;
                    self.since = now;
                }
                (self, Effect::Withdraw(now.plus(WAREHOUSE_PAUSE)))
            }
            Goods::KeptPicked => self.refused(KEPT_PICKED.to_owned(), goods, now),
            Goods::KeptShipped => self.refused(KEPT_SHIPPED.to_owned(), goods, now),
        }
    }

    fn submitting(mut self, updated_at: Option<Moment>, now: Moment) -> (Self, Effect) {
        if self.phase == Phase::Withdrawing {
            // The warehouse's time is not the platform's.
            self.since = now;
            self.attention = false;
        }
        self.phase = Phase::Submitting;
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

/// Decides the next step of the seller's cancel. Total: every event in every state has an answer.
#[must_use]
pub fn decide(saga: Cancellation, event: Event, now: Moment, policy: &Policy) -> (Cancellation, Effect) {
    let (mut next, effect) = step(saga, event, now, policy);
    let patience = match next.phase {
        Phase::Withdrawing | Phase::Restoring(_) => policy.attention_after.max(WAREHOUSE_ATTENTION_AFTER),
        Phase::Requested | Phase::Submitting | Phase::Confirming | Phase::Done(_) | Phase::Refused(_) => {
            policy.attention_after
        }
    };
    if effect != Effect::End && now.since(next.since) >= patience {
        next.attention = true;
    }
    (next, effect)
}

fn step(mut saga: Cancellation, event: Event, now: Moment, policy: &Policy) -> (Cancellation, Effect) {
    match (saga.phase.clone(), event) {
        (Phase::Done(_), _) => (saga, Effect::End),
        // A later contradiction: what was refused has happened after all.
        (Phase::Refused(_), Event::Read { view: View::Canceled(Some(Initiator::Seller)), .. }) => {
            saga.done(Some(Initiator::Seller))
        }
        (Phase::Refused(_), _) => (saga, Effect::End),

        (_, Event::Read { view: View::Canceled(by), .. }) => saga.done(by),
        (_, Event::Retry) => {
            saga.attention = false;
            saga.since = now;
            saga.fruitless_reads = 0;
            (saga, Effect::Read(now))
        }
        (Phase::Restoring(words), Event::Read { goods, .. } | Event::TakenBack { goods, .. }) => match goods {
            Goods::Asked | Goods::HandedBack => (saga, Effect::Restore(now.plus(WAREHOUSE_PAUSE))),
            Goods::Free | Goods::There | Goods::KeptPicked | Goods::KeptShipped => saga.refused(words, goods, now),
        },
        (_, Event::TakenBack { words, goods }) => match saga.sent {
            Sent::Accepted => saga.read_again(now, None),
            // What was sent may still take effect: only a read after that knows.
            Sent::Unknown { settled_at } if now < settled_at => saga.read_again(now, Some(settled_at)),
            Sent::Never | Sent::Unknown { .. } | Sent::Rejected { .. } => saga.refused(words, goods, now),
        },
        (_, Event::ReadFailed { retry_after }) => {
            let pause = saga.pause(now);
            (saga, Effect::Read(pause.max(now.plus(retry_after))))
        }

        (Phase::Requested | Phase::Withdrawing | Phase::Submitting, Event::Read { view, updated_at, goods }) => {
            match (&saga.sent, view) {
                (_, View::Canceled(by)) => saga.done(by),
                (Sent::Unknown { settled_at }, _) if now < *settled_at => {
                    let limit = *settled_at;
                    saga.read_again(now, Some(limit))
                }
                (_, View::Alive(Ok(()))) => saga.onward(updated_at, goods, now),
                (_, View::Alive(Err(blocked))) => saga.refused(blocked.detail, goods, now),
                (_, View::Missing) => saga.refused("The platform does not know this order.".to_owned(), goods, now),
            }
        }

        (Phase::Confirming, Event::Read { view, updated_at, goods }) => match saga.sent.clone() {
            Sent::Never => saga.read_again(now, None),
            // The point of no return: only a read of *cancelled* ends it.
            Sent::Accepted => saga.read_again(now, None),
            Sent::Rejected { words, settled_at } => {
                let moved = updated_at > saga.seen_before && updated_at.is_some();
                if moved || now >= settled_at {
                    saga.refused(words, goods, now)
                } else {
                    saga.read_again(now, Some(settled_at))
                }
            }
            Sent::Unknown { settled_at } if now < settled_at => saga.read_again(now, Some(settled_at)),
            Sent::Unknown { .. } => match view {
                View::Alive(Ok(())) => saga.onward(updated_at, goods, now),
                View::Alive(Err(blocked)) => saga.refused(blocked.detail, goods, now),
                View::Canceled(by) => saga.done(by),
                // A platform that loses an order between two reads proves nothing: ask again.
                View::Missing => saga.read_again(now, None),
            },
        },

        (_, Event::Accepted) => saga.confirming(Sent::Accepted, now),
        (_, Event::Rejected { words }) => match saga.sent {
            // Accepted once, rejected once: the second was harmless.
            Sent::Accepted => saga.confirming(Sent::Accepted, now),
            _ => saga.confirming(Sent::Rejected { words, settled_at: now.plus(policy.settling) }, now),
        },
        (_, Event::Unknown { deadline }) => match saga.sent {
            Sent::Accepted => saga.confirming(Sent::Accepted, now),
            _ => {
                let settled_at = deadline.max(now).plus(policy.settling);
                saga.confirming(Sent::Unknown { settled_at }, now)
            }
        },
        (_, Event::NotNow { retry_after }) => {
            // What an earlier attempt left unknown stays unknown; the platform is read again before anything is sent.
            if matches!(saga.sent, Sent::Unknown { .. } | Sent::Accepted) {
                saga.phase = Phase::Confirming;
            }
            let pause = saga.pause(now);
            (saga, Effect::Read(pause.max(now.plus(retry_after))))
        }
    }
}

#[cfg(test)]
#[path = "cancellation_tests.rs"]
mod tests;
