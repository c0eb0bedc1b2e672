//! Many cancels as one act: what people decided about the batch, and where each of its orders stands.
//!
//! The two promises, each a test below: every order of a batch is in exactly one state, so that the numbers add up to
//! the total whenever they are read; and every act has an answer in every state.

use crate::cancellation;
use crate::policy::{EndpointClass, Policy};
use crate::time::Span;
use crate::words::worded;

/// How long a call to a platform usually takes, in milliseconds. No platform promises a number; an estimate needs one.
const USUAL_CALL_MS: u64 = 500;

/// About how long a shop takes for so many cancels under its budget: a call for each, and two reads of every order.
#[must_use]
pub fn time_for(orders: u64, policy: &Policy) -> Span {
    let read_batch = u64::try_from(policy.read_batch).unwrap_or(1).max(1);
    let calls = orders.saturating_add(orders.saturating_mul(2).div_ceil(read_batch));
    let in_flight = u64::try_from(policy.calls_in_flight).unwrap_or(1).max(1);
    let by_answers = calls.saturating_mul(USUAL_CALL_MS).div_ceil(in_flight);
    let at = |calls: u64, per_second: u32| calls.saturating_mul(1_000).checked_div(u64::from(per_second)).unwrap_or(0);
    let writes = at(orders, policy.budget(EndpointClass::Writes).unwrap_or(0));
    let reads = at(calls.saturating_sub(orders), policy.budget(EndpointClass::Reads).unwrap_or(0));
    let by_budget = at(calls, policy.calls_per_second).max(writes).max(reads);
    Span::from_millis(i64::try_from(by_answers.max(by_budget)).unwrap_or(i64::MAX))
}

worded! {
    /// What people decided about a batch.
    Course, "course" {
        /// Its plan is looked at; nothing happens.
        Planned = "planned",
        /// It is to be carried out.
        Running = "running",
        /// Nothing more is sent until it is resumed.
        Paused = "paused",
        /// Nothing more is sent.
        Stopped = "stopped",
    }
}

worded! {
    /// What people can do with a batch.
    Act, "act" {
        /// Carry out what was planned.
        Run = "run",
        /// Send nothing more for now.
        Pause = "pause",
        /// Go on.
        Resume = "resume",
        /// Send nothing more.
        Stop = "stop",
        /// Try those again that were refused.
        RetryFailed = "retry_failed",
    }
}

/// The batch's course does not allow this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this batch is {course}, so it cannot be asked to {}", .act.as_str().replace('_', " "))]
pub struct NotNow {
    /// What was asked for.
    pub act: Act,
    /// As it stands.
    pub course: Course,
}

impl Course {
    /// What becomes of the course. Asking for what is so already is no mistake: the answer of the first may be lost.
    ///
    /// # Errors
    /// [`NotNow`] where it makes no sense.
    pub const fn after(self, act: Act) -> Result<Self, NotNow> {
        match (self, act) {
            (Self::Planned, Act::Run) | (Self::Running | Self::Paused, Act::Resume) => Ok(Self::Running),
            (Self::Running | Self::Paused, Act::Pause) => Ok(Self::Paused),
            (Self::Running | Self::Paused | Self::Stopped, Act::Stop) => Ok(Self::Stopped),
            // What waits stays paused; what was stopped stays stopped, and only the refused go again.
            (Self::Paused, Act::RetryFailed) => Ok(Self::Paused),
            (Self::Running | Self::Stopped, Act::RetryFailed) => Ok(Self::Running),
            (Self::Planned, Act::Pause | Act::Resume | Act::Stop | Act::RetryFailed)
            | (Self::Running | Self::Paused, Act::Run)
            | (Self::Stopped, Act::Run | Act::Pause | Act::Resume) => Err(NotNow { act, course: self }),
        }
    }
}

worded! {
    /// What is written beside an order of a batch; once a cancel was asked for, that cancellation's state decides.
    Mark, "mark" {
        /// Its turn has not come.
        Waiting = "waiting",
        /// A cancel was asked for.
        Asked = "asked",
        /// A gate was closed when its turn came.
        Refused = "refused",
        /// The batch was stopped before anything was sent.
        Stopped = "stopped",
    }
}

worded! {
    /// Where an order of a batch stands.
    OrderState, "order state" {
        /// Its turn has not come.
        Waiting = "waiting",
        /// Its cancel is under way.
        Running = "running",
        /// It is cancelled.
        Done = "done",
        /// It is not cancelled, and why is said.
        Refused = "refused",
        /// A person should look at its cancel.
        NeedsAttention = "needs_attention",
        /// The batch was stopped before anything was sent.
        Stopped = "stopped",
    }
}

impl OrderState {
    /// The state of an order with this mark, whose cancellation, if there is one, is in this state.
    #[must_use]
    pub const fn of(mark: Mark, cancellation: Option<cancellation::State>) -> Self {
        use cancellation::State;
        match (mark, cancellation) {
            (Mark::Waiting, _) => Self::Waiting,
            (Mark::Refused, _) => Self::Refused,
            (Mark::Stopped, _) => Self::Stopped,
            (Mark::Asked, Some(State::Done)) => Self::Done,
            (Mark::Asked, Some(State::Refused)) => Self::Refused,
            (Mark::Asked, Some(State::NeedsAttention)) => Self::NeedsAttention,
            (Mark::Asked, _) => Self::Running,
        }
    }
}

/// How many orders of a batch stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct Numbers {
    pub waiting: u64,
    pub running: u64,
    pub done: u64,
    pub refused: u64,
    pub needs_attention: u64,
    pub stopped: u64,
}

impl Numbers {
    /// Adds so many orders of a state.
    pub const fn add(&mut self, state: OrderState, orders: u64) {
        let number = match state {
            OrderState::Waiting => &mut self.waiting,
            OrderState::Running => &mut self.running,
            OrderState::Done => &mut self.done,
            OrderState::Refused => &mut self.refused,
            OrderState::NeedsAttention => &mut self.needs_attention,
            OrderState::Stopped => &mut self.stopped,
        };
        *number = number.saturating_add(orders);
    }

    /// How many are in a state.
    #[must_use]
    pub const fn of(&self, state: OrderState) -> u64 {
        match state {
            OrderState::Waiting => self.waiting,
            OrderState::Running => self.running,
            OrderState::Done => self.done,
            OrderState::Refused => self.refused,
            OrderState::NeedsAttention => self.needs_attention,
            OrderState::Stopped => self.stopped,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        OrderState::ALL.iter().map(|&state| self.of(state)).sum()
    }

    /// Those that nothing more happens to.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.done + self.refused + self.stopped
    }
}

worded! {
    /// What people see of a batch as a whole.
    BatchState, "batch state" {
        /// Its plan is looked at.
        Planned = "planned",
        /// It is being carried out.
        Running = "running",
        /// Nothing more is sent until it is resumed.
        Paused = "paused",
        /// It was stopped; what was sent is still followed to its end.
        Stopped = "stopped",
        /// Every order has ended.
        Finished = "finished",
    }
}

impl BatchState {
    /// The state of a batch with this course and these numbers.
    #[must_use]
    pub fn of(course: Course, numbers: &Numbers) -> Self {
        let over = numbers.ended() == numbers.total();
        match course {
            Course::Planned => Self::Planned,
            Course::Stopped => Self::Stopped,
            Course::Running | Course::Paused if over => Self::Finished,
            Course::Running => Self::Running,
            Course::Paused => Self::Paused,
        }
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
