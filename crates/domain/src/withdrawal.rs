//! An order at a third-party warehouse, as a table: where it stands, and what each thing that happens makes of it.
//!
//! [`step`] is the whole table; what is not in it keeps the state. When to read, to ask or to push is decided around it
//! ([`crate::warehouse_order`]). Two promises: only *refused, shipped* absorbs everything, and no event of a withdrawal is
//! ever undone by one that only sounds like it.

use crate::words::worded;

worded! {
    /// Where an order stands at a third-party warehouse.
    State, "withdrawal state" {
        /// The warehouse does not have it.
        NotPushed = "not_pushed",
        /// It has it, and was not asked for it.
        Pushed = "pushed",
        /// It was asked to hand it back, and has not said its last word.
        Withdrawing = "withdrawing",
        /// It will not ship it.
        Withdrawn = "withdrawn",
        /// Too late by its rules, but still in the building.
        RefusedPicked = "refused_picked",
        /// It left, or counts as left.
        RefusedShipped = "refused_shipped",
        /// A push or a withdrawal got no usable answer.
        Unknown = "unknown",
    }
}

worded! {
    /// What happened to it.
    Event, "withdrawal event" {
        /// The warehouse took the push.
        PushOk = "push_ok",
        /// It has this reference already.
        PushDuplicate = "push_duplicate",
        /// The push got no usable answer.
        PushTimeout = "push_timeout",
        /// It refused the push.
        PushRejected = "push_rejected",
        /// We want it back.
        WithdrawRequested = "withdraw_requested",
        /// The answer to our asking: it is stopped.
        AnswerWithdrawn = "answer_withdrawn",
        /// The answer: being tried.
        AnswerPending = "answer_pending",
        /// The answer: too late, it is picked.
        AnswerRefusedPicked = "answer_refused_picked",
        /// The answer: too late, it left.
        AnswerRefusedShipped = "answer_refused_shipped",
        /// Our asking got no usable answer.
        AnswerTimeout = "answer_timeout",
        /// A read shows it waiting.
        SeenOpen = "seen_open",
        /// A read shows it picked or packed.
        SeenPicked = "seen_picked",
        /// A read shows it gone.
        SeenShipped = "seen_shipped",
        /// A read shows it cancelled.
        SeenCancelled = "seen_cancelled",
        /// Reads over the grace period do not show it at all.
        SeenAbsentAfterPush = "seen_absent_after_push",
        /// The marketplace's deadline passed.
        Deadline = "deadline",
    }
}

worded! {
    /// What the warehouse's staff says of an order, asked by a person.
    StaffAnswer, "answer of the staff" {
        /// They stopped it.
        Stopped = "stopped",
        /// It is gone.
        Gone = "gone",
    }
}

/// What a step asks for beside its new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Look it up by its reference.
    LookUp,
    /// Take the warehouse's id over.
    Adopt,
    /// Ask for it back.
    Ask,
    /// Take the warehouse's id over, and ask for it back.
    AdoptAndAsk,
    /// Read it before anything else is sent.
    ReadFirst,
    /// Read once to confirm what was answered.
    Confirm,
    /// Read now and then until it has a last word.
    Poll,
    /// Push it again under the same reference.
    PushAgain,
    /// Let no push through any more.
    Tombstone,
    /// Note that it is picked.
    NotePicked,
    /// The marketplace gets its default answer; reads go on.
    DefaultAnswer,
    /// It was stopped after all: a request that is still open may be answered anew.
    LateSuccess,
    /// A person has to know.
    Alert,
    /// Goods left after a withdrawal was reported: a person has to know at once.
    Incident,
}

/// What an event makes of a state. `wanted`: we have asked for it back at some time. Pairs that the table does not name
/// keep the state.
#[must_use]
pub const fn step(state: State, event: Event, wanted: bool) -> (State, Effect) {
    use Effect::{
        Adopt, AdoptAndAsk, Alert, Ask, Confirm, DefaultAnswer, Incident, LateSuccess, LookUp, NotePicked, Nothing,
        Poll, PushAgain, ReadFirst, Tombstone,
    };
    use Event::{
        AnswerPending, AnswerRefusedPicked, AnswerRefusedShipped, AnswerTimeout, AnswerWithdrawn, Deadline,
        PushDuplicate, PushOk, PushRejected, PushTimeout, SeenAbsentAfterPush, SeenCancelled, SeenOpen, SeenPicked,
        SeenShipped, WithdrawRequested,
    };
    use State::{NotPushed, Pushed, RefusedPicked, RefusedShipped, Unknown, Withdrawing, Withdrawn};
    match (state, event) {
        (NotPushed, PushOk) => (Pushed, Nothing),
        (NotPushed, PushDuplicate | SeenOpen) => (Pushed, Adopt),
        (NotPushed, PushTimeout) => (Unknown, LookUp),
        (NotPushed, PushRejected) => (NotPushed, Alert),
        (NotPushed, WithdrawRequested) => (Withdrawn, Tombstone),

        (Pushed, WithdrawRequested) => (Withdrawing, Ask),
        (Pushed, SeenShipped) => (RefusedShipped, Nothing),
        (Pushed, SeenCancelled) => (Withdrawn, Alert),
        (Pushed, SeenPicked) => (Pushed, NotePicked),

        (Withdrawing, AnswerWithdrawn) => (Withdrawn, Confirm),
        (Withdrawing, AnswerPending) => (Withdrawing, Poll),
        (Withdrawing, AnswerRefusedPicked) => (RefusedPicked, Nothing),
        (Withdrawing, AnswerRefusedShipped | SeenShipped) => (RefusedShipped, Nothing),
        (Withdrawing, AnswerTimeout) => (Unknown, ReadFirst),
        (Withdrawing, SeenCancelled) => (Withdrawn, Nothing),
        (Withdrawing, SeenPicked) => (Withdrawing, NotePicked),
        (Withdrawing | Unknown, Deadline) => (Unknown, DefaultAnswer),

        (Unknown, SeenCancelled | AnswerWithdrawn) => (Withdrawn, Nothing),
        (Unknown, SeenShipped | AnswerRefusedShipped) => (RefusedShipped, Nothing),
        (Unknown, SeenPicked) if wanted => (Withdrawing, Ask),
        (Unknown, SeenPicked | SeenOpen | PushDuplicate) if !wanted => (Pushed, Adopt),
        (Unknown, SeenOpen | PushDuplicate) => (Withdrawing, AdoptAndAsk),
        (Unknown, PushOk) if wanted => (Withdrawing, Ask),
        (Unknown, PushOk) => (Pushed, Nothing),
        (Unknown, SeenAbsentAfterPush) if wanted => (Withdrawn, Tombstone),
        (Unknown, SeenAbsentAfterPush) => (NotPushed, PushAgain),
        (Unknown, AnswerPending) => (Withdrawing, Poll),
        (Unknown, AnswerRefusedPicked) => (RefusedPicked, Nothing),
        (Unknown, WithdrawRequested) => (Unknown, ReadFirst),

        (RefusedPicked, SeenCancelled) => (Withdrawn, LateSuccess),
        (RefusedPicked, SeenShipped) => (RefusedShipped, Nothing),

        (Withdrawn, PushTimeout) => (Unknown, LookUp),
        (Withdrawn, PushDuplicate | PushOk) => (Withdrawing, Ask),
        (Withdrawn, SeenShipped) => (RefusedShipped, Incident),
        (Withdrawn, SeenOpen | SeenPicked) => (Withdrawing, Alert),

        (RefusedShipped, AnswerWithdrawn) => (RefusedShipped, Alert),

        (kept, _) => (kept, Nothing),
    }
}

/// What several shipments of one order come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// The state of the whole.
    pub state: State,
    /// Some of it was handed back and some was not: a person has to look.
    pub partial: bool,
}

/// The state of an order that travels in several shipments: the one of them that keeps it from being settled, and *withdrawn*
/// only when all of them are.
#[must_use]
pub fn fold(shipments: &[State]) -> Option<Folded> {
    const PRECEDENCE: [State; 7] = [
        State::Unknown,
        State::Withdrawing,
        State::Pushed,
        State::RefusedShipped,
        State::RefusedPicked,
        State::Withdrawn,
        State::NotPushed,
    ];
    let state = PRECEDENCE.into_iter().find(|state| shipments.contains(state))?;
    Some(Folded { state, partial: shipments.iter().any(|other| *other != state) })
}

#[cfg(test)]
#[path = "withdrawal_tests.rs"]
mod tests;
