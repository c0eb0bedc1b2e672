//! One order at a third-party warehouse: when it is pushed, read and asked back. The table of its states is
//! [`crate::withdrawal::step`]; this is what keeps it honest:
//! - nothing is asked for twice before a read has shown what became of the first asking;
//! - *withdrawn* counts only once a read agrees, and one that reads contradict for longer than the grace is asked for again;
//! - a refusal that does not say why is judged by the next read; one that finds the order untouched allows one more try;
//! - what stays unanswered for a day is asked for again, never assumed;
//! - an order that was pushed without an answer is absent only after several reads over a grace time.

use crate::time::{Moment, Span};
use crate::withdrawal::{Effect, Event, State, step};
use crate::words::worded;

worded! {
    /// How far the warehouse is, as a read shows it.
    Phase, "warehouse phase" {
        /// It waits to be picked.
        Open = "open",
        /// It is picked.
        Picked = "picked",
        /// It is packed.
        Packed = "packed",
        /// It left, or counts as left.
        Shipped = "shipped",
        /// It will not ship.
        Cancelled = "cancelled",
        /// The warehouse's word says nothing that decides.
        Undecided = "undecided",
    }
}

impl Phase {
    /// What several shipments of one order come to: the one that keeps it from being settled; *cancelled* only when all
    /// are. The second value says that they differ, so that a person has to look.
    #[must_use]
    pub fn fold(shipments: &[Self]) -> Option<(Self, bool)> {
        const PRECEDENCE: [Phase; 6] =
            [Phase::Undecided, Phase::Open, Phase::Shipped, Phase::Packed, Phase::Picked, Phase::Cancelled];
        let phase = PRECEDENCE.into_iter().find(|phase| shipments.contains(phase))?;
        Some((phase, shipments.iter().any(|other| *other != phase)))
    }
}

/// What differs from provider to provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long after a call's deadline it may still take effect.
    pub settling: Span,
    /// How long reads have to contradict a reported withdrawal before it is disbelieved.
    pub contradicted_for: Span,
    /// Reads that have to miss an order whose push got no answer, before it counts as absent.
    pub absent_reads: u32,
    /// Over at least how long.
    pub absent_for: Span,
    /// After how long without a last word it is asked for again.
    pub asked_again_after: Span,
    /// The warehouse takes a withdrawal of what is picked.
    pub takes_picked_back: bool,
}

impl Rules {
    /// Where a provider says nothing of its own: ours, chosen carefully (product.md section 3 for the settling time).
    pub const USUAL: Self = Self {
        settling: Span::from_seconds(15),
        contradicted_for: Span::from_seconds(60),
        absent_reads: 3,
        absent_for: Span::from_seconds(600),
        asked_again_after: Span::from_seconds(86_400),
        takes_picked_back: false,
    };
}

/// An order at a third-party warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseOrder {
    /// Where it stands.
    pub state: State,
    /// We want it back, or did once.
    pub wanted: bool,
    /// A read showed it picked.
    pub picked: bool,
    /// A read agrees with the state.
    pub confirmed: bool,
    /// Until when a call of ours whose outcome is not known may still take effect.
    pub in_doubt_until: Option<Moment>,
    /// The last push was refused, and no read has shown yet whether it is there all the same.
    pub push_refused: bool,
    /// Refusals without a cause since it was wanted.
    pub refusals: u32,
    /// The last refusal waits for a read that shows why.
    pub unjudged: bool,
    /// When it was last asked for.
    pub asked_at: Option<Moment>,
    /// Reads in a row that missed it.
    pub absent_reads: u32,
    /// Since when.
    pub absent_since: Option<Moment>,
    /// Since when reads contradict the reported withdrawal.
    pub contradicted_since: Option<Moment>,
    /// Reads in a row that brought nothing new; sets the pause to the next.
    pub fruitless_reads: u32,
}

/// Something learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    /// The warehouse took the push.
    Pushed,
    /// It refused the push, or says that it has the reference already: a read shows which.
    PushRefused,
    /// The push got no usable answer until this moment.
    PushUnknown(Moment),
    /// We want it back.
    Wanted,
    /// It says that it is stopped.
    Stopped,
    /// It says that it tries.
    Trying,
    /// It did not stop it, and does not say why: one that lies there untouched is asked for once more.
    NotStopped,
    /// It tried and failed, and does not say whether the order is picked or has left: a read tells, and nothing is asked again.
    Failed,
    /// It did not stop it because it is picked.
    TooLatePicked,
    /// It did not stop it because it left.
    TooLateShipped,
    /// The asking got no usable answer until this moment.
    AskUnknown(Moment),
    /// A read shows it.
    Seen(Phase),
    /// A read does not find it.
    Absent,
    /// The read failed.
    ReadFailed(Span),
    /// What was sent was not carried out, for sure; later it may be.
    NotNow(Span),
    /// A person wants it asked for once more.
    AskAgain,
    /// The marketplace's deadline passed.
    Deadline,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Push it: every door has to be open when the intent is written.
    Push,
    /// Ask for it back: a read has just been made.
    Ask,
    /// Read it, not before this moment.
    Read(Moment),
    /// Nothing, until somebody wants something.
    Rest,
}

worded! {
    /// What a third-party warehouse has of an order's goods, as far as a cancel is concerned.
    Goods, "place of the goods" {
        /// Nothing has to be handed back: no warehouse has them, or the cancel goes on despite the warehouse.
        Free = "free",
        /// The warehouse has them, and nobody asked for them.
        There = "there",
        /// They were asked for; there is no last word yet.
        Asked = "asked",
        /// It handed them back, and a read agrees.
        HandedBack = "handed_back",
        /// It does not hand them back: picked, still in the building.
        KeptPicked = "kept_picked",
        /// It does not hand them back: they left.
        KeptShipped = "kept_shipped",
    }
}

impl Goods {
    /// What the goods of an order come to whose lines lie at several warehouses: what is still asked for, then what is kept,
    /// and *handed back* only where nothing is with a warehouse any more. `None` of nothing.
    #[must_use]
    pub fn fold(lines: impl Iterator<Item = Self>) -> Option<Self> {
        lines.min_by_key(|goods| match goods {
            Self::Asked => 0,
            Self::KeptShipped => 1,
            Self::KeptPicked => 2,
            Self::There => 3,
            Self::HandedBack => 4,
            Self::Free => 5,
        })
    }

    /// Whether the warehouse has them, or had them last and has not handed them back: they come back by its word only.
    #[must_use]
    pub const fn are_away(self) -> bool {
        match self {
            Self::Free | Self::HandedBack => false,
            Self::There | Self::Asked | Self::KeptPicked | Self::KeptShipped => true,
        }
    }
}

/// Pauses between reads while the warehouse has no last word; the last one is kept.
const WAITS: [Span; 7] = [
    Span::from_seconds(5),
    Span::from_seconds(20),
    Span::from_seconds(60),
    Span::from_seconds(120),
    Span::from_seconds(300),
    Span::from_seconds(600),
    Span::from_seconds(900),
];
/// How often an order that lies there unasked is looked at, where no push came.
const WATCH: Span = Span::from_seconds(900);
/// The first pause before a read that is to confirm something.
const FIRST_PAUSE: Span = Span::from_millis(250);
/// The longest such pause.
const LONGEST_PAUSE: Span = Span::from_seconds(10);
/// Askings that one wish allows without a person, where each was refused without a cause.
const TRIES: u32 = 2;

impl WarehouseOrder {
    /// One that is to be pushed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::NotPushed,
            wanted: false,
            picked: false,
            confirmed: false,
            in_doubt_until: None,
            push_refused: false,
            refusals: 0,
            unjudged: false,
            asked_at: None,
            absent_reads: 0,
            absent_since: None,
            contradicted_since: None,
            fruitless_reads: 0,
        }
    }

    /// Notes that something is about to be sent, which may take effect until this moment.
    #[must_use]
    pub fn sending(mut self, asking: bool, deadline: Moment, now: Moment) -> Self {
        self.in_doubt_until = Some(self.in_doubt_until.map_or(deadline, |before| before.max(deadline)));
        if asking {
            self.asked_at = Some(now);
        }
        self
    }

    /// What it means for a cancel of the order.
    #[must_use]
    pub const fn goods(&self) -> Goods {
        match self.state {
            State::NotPushed if self.in_doubt_until.is_none() => Goods::Free,
            State::NotPushed | State::Pushed => Goods::There,
            State::Withdrawing | State::Unknown if self.wanted => Goods::Asked,
            State::Withdrawing | State::Unknown => Goods::There,
            State::Withdrawn if self.confirmed => Goods::HandedBack,
            State::Withdrawn => Goods::Asked,
            State::RefusedPicked => Goods::KeptPicked,
            State::RefusedShipped => Goods::KeptShipped,
        }
    }

    /// Whether it was handed back for certain, so that its units lie on the warehouse's shelf again.
    #[must_use]
    pub const fn is_handed_back(&self) -> bool {
        matches!(self.goods(), Goods::HandedBack)
    }

    /// Whether it was asked for and waits for the warehouse's last word, so that a refusal which a read tells answers this
    /// asking and none before it.
    #[must_use]
    pub fn awaits_last_word(&self, now: Moment) -> bool {
        let asked = matches!(self.state, State::Withdrawing | State::Unknown) && self.wanted && self.asked_at.is_some();
        asked && !self.unjudged && self.in_doubt_until.is_none_or(|until| until <= now)
    }

    fn apply(&mut self, event: Event) -> Effect {
        let before = self.state;
        let (state, effect) = step(before, event, self.wanted);
        self.state = state;
        if state != before {
            self.confirmed = false;
            self.contradicted_since = None;
            self.fruitless_reads = 0;
            // What a state before did not find says nothing of this one.
            self.absent_reads = 0;
            self.absent_since = None;
        }
        // What the table says to ask for again is asked for again, once a read has just shown it.
        if matches!(effect, Effect::Ask | Effect::AdoptAndAsk)
            || (before == State::Withdrawn && state == State::Withdrawing)
        {
            self.asked_at = None;
        }
        effect
    }

    fn settled(&mut self) {
        self.in_doubt_until = None;
        self.absent_reads = 0;
        self.absent_since = None;
    }

    fn pause(&mut self, now: Moment) -> Moment {
        let pause = FIRST_PAUSE.doubled(self.fruitless_reads, LONGEST_PAUSE);
        self.fruitless_reads = self.fruitless_reads.saturating_add(1);
        now.plus(pause)
    }

    fn wait(&mut self, now: Moment) -> Moment {
        let place = usize::try_from(self.fruitless_reads).unwrap_or(usize::MAX).min(WAITS.len() - 1);
        self.fruitless_reads = self.fruitless_reads.saturating_add(1);
        now.plus(WAITS[place])
    }

    /// What is to be done, now that a read has just been made, or needs none.
    fn after_read(&mut self, now: Moment, rules: &Rules) -> Next {
        match self.state {
            State::NotPushed if self.push_refused || self.wanted => Next::Rest,
            State::NotPushed => match self.in_doubt_until {
                Some(until) if until > now => Next::Read(until),
                _ => Next::Push,
            },
            State::Pushed if self.confirmed => Next::Read(now.plus(WATCH)),
            State::Pushed => Next::Read(self.pause(now)),
            State::Withdrawing => match self.asked_at {
                None => Next::Ask,
                Some(at) if now.since(at) >= rules.asked_again_after => Next::Ask,
                Some(_) => Next::Read(self.wait(now)),
            },
            State::Withdrawn if self.confirmed => Next::Rest,
            State::Withdrawn => Next::Read(self.pause(now)),
            State::RefusedPicked => Next::Read(self.wait(now)),
            State::RefusedShipped => Next::Rest,
            State::Unknown => Next::Read(self.wait(now)),
        }
    }

    /// The same where nothing was read just now: what was answered is read before anything else is sent.
    fn before_read(&mut self, now: Moment) -> Next {
        match self.state {
            // What was only said is read once more: the read tells the parcels.
            State::RefusedShipped | State::Withdrawn if self.confirmed => Next::Rest,
            State::NotPushed if self.push_refused => Next::Read(now),
            State::Withdrawing if self.asked_at.is_some() && !self.unjudged => Next::Read(self.wait(now)),
            State::NotPushed
            | State::Pushed
            | State::Withdrawing
            | State::Withdrawn
            | State::RefusedPicked
            | State::RefusedShipped
            | State::Unknown => Next::Read(now),
        }
    }
}

impl Default for WarehouseOrder {
    fn default() -> Self {
        Self::new()
    }
}

/// Decides the next step. Total: everything that may be learnt has an answer in every state.
#[must_use]
pub fn decide(order: WarehouseOrder, learnt: Learnt, now: Moment, rules: &Rules) -> (WarehouseOrder, Next, Effect) {
    let mut next = order;
    let (then, effect) = match learnt {
        Learnt::Pushed => {
            next.settled();
            next.push_refused = false;
            let effect = next.apply(Event::PushOk);
            (next.before_read(now), effect)
        }
        Learnt::PushRefused => {
            next.push_refused = true;
            (Next::Read(now), Effect::Nothing)
        }
        Learnt::PushUnknown(deadline) => {
            next.in_doubt_until = Some(deadline.max(now).plus(rules.settling));
            let effect = next.apply(Event::PushTimeout);
            (Next::Read(now), effect)
        }
        Learnt::Wanted | Learnt::AskAgain => wanted(&mut next, learnt, now),
        Learnt::Stopped => answered(&mut next, Event::AnswerWithdrawn, now),
        Learnt::Trying => answered(&mut next, Event::AnswerPending, now),
        Learnt::TooLatePicked => answered(&mut next, Event::AnswerRefusedPicked, now),
        Learnt::TooLateShipped => answered(&mut next, Event::AnswerRefusedShipped, now),
        Learnt::NotStopped => {
            next.settled();
            next.refusals = next.refusals.saturating_add(1);
            next.unjudged = true;
            (Next::Read(now), Effect::Nothing)
        }
        Learnt::Failed => {
            next.settled();
            next.refusals = TRIES;
            next.unjudged = true;
            (Next::Read(now), Effect::Nothing)
        }
        Learnt::AskUnknown(deadline) => {
            next.in_doubt_until = Some(deadline.max(now).plus(rules.settling));
            let effect = next.apply(Event::AnswerTimeout);
            (Next::Read(now), effect)
        }
        Learnt::Seen(phase) => return seen(next, phase, now, rules),
        Learnt::Absent => absent(&mut next, now, rules),
        Learnt::ReadFailed(retry_after) => {
            let pause = next.pause(now);
            (Next::Read(pause.max(now.plus(retry_after))), Effect::Nothing)
        }
        Learnt::NotNow(retry_after) => {
            // What an earlier call left in doubt stays in doubt; it is read again before anything is sent.
            if next.state != State::Unknown {
                next.in_doubt_until = None;
            }
            if next.state == State::Withdrawing {
                next.asked_at = None;
            }
            let pause = next.pause(now);
            (Next::Read(pause.max(now.plus(retry_after))), Effect::Nothing)
        }
        Learnt::Deadline => {
            let effect = next.apply(Event::Deadline);
            (next.before_read(now), effect)
        }
    };
    (next, then, effect)
}

fn wanted(order: &mut WarehouseOrder, learnt: Learnt, now: Moment) -> (Next, Effect) {
    let again = learnt == Learnt::AskAgain && order.state == State::RefusedPicked;
    order.wanted = true;
    order.refusals = 0;
    let effect = order.apply(Event::WithdrawRequested);
    if again {
        // A person asks: this one asking more is theirs.
        order.state = State::Withdrawing;
        order.confirmed = false;
        order.asked_at = None;
    }
    if effect == Effect::Tombstone {
        // Nothing of it is under way: that is known without asking anybody.
        order.confirmed = order.in_doubt_until.is_none();
        return match order.in_doubt_until {
            None => (Next::Rest, effect),
            Some(until) => (Next::Read(until.max(now)), effect),
        };
    }
    (order.before_read(now), effect)
}

fn answered(order: &mut WarehouseOrder, event: Event, now: Moment) -> (Next, Effect) {
    order.settled();
    order.unjudged = false;
    let effect = order.apply(event);
    (order.before_read(now), effect)
}

fn seen(mut next: WarehouseOrder, phase: Phase, now: Moment, rules: &Rules) -> (WarehouseOrder, Next, Effect) {
    next.absent_reads = 0;
    next.absent_since = None;
    let unsettled = next.in_doubt_until.filter(|until| *until > now && next.state == State::Unknown && next.wanted);
    let refused = std::mem::take(&mut next.unjudged);
    let mut adopted = Effect::Nothing;
    if next.state == State::NotPushed && !matches!(phase, Phase::Cancelled | Phase::Undecided) {
        // It is there, whoever pushed it.
        adopted = next.apply(Event::SeenOpen);
        next.push_refused = false;
        next.in_doubt_until = None;
    }
    let event = match phase {
        Phase::Undecided => {
            next.unjudged = refused;
            // A word that decides nothing keeps nobody from asking; what was asked has a day as everywhere.
            let then = match next.state {
                State::Withdrawing => next.after_read(now, rules),
                _ => Next::Read(next.wait(now)),
            };
            return (next, then, adopted);
        }
        Phase::Cancelled => Event::SeenCancelled,
        Phase::Shipped => Event::SeenShipped,
        Phase::Open => Event::SeenOpen,
        Phase::Picked | Phase::Packed => {
            next.picked = true;
            Event::SeenPicked
        }
    };
    if matches!(event, Event::SeenOpen | Event::SeenPicked) {
        if let Some(until) = unsettled {
            // What we asked may still take effect.
            let pause = next.pause(now);
            return (next, Next::Read(pause.min(until)), adopted);
        }
        if next.state == State::Withdrawn {
            let since = *next.contradicted_since.get_or_insert(now);
            if now.since(since) < rules.contradicted_for {
                let pause = next.pause(now);
                return (next, Next::Read(pause), adopted);
            }
        }
        let too_late = event == Event::SeenPicked && !rules.takes_picked_back;
        let given_up = next.refusals >= TRIES || (refused && event == Event::SeenPicked);
        let stays = matches!(next.state, State::Withdrawing | State::Unknown) && next.wanted;
        if stays && ((refused && given_up) || (next.state == State::Unknown && too_late)) {
            next.in_doubt_until = None;
            let effect = next.apply(Event::AnswerRefusedPicked);
            next.confirmed = true;
            let then = next.after_read(now, rules);
            return (next, then, effect);
        }
        if refused && next.state == State::Withdrawing {
            // It lies there untouched: once more.
            next.asked_at = None;
        }
    }
    next.in_doubt_until = None;
    let effect = next.apply(event);
    next.confirmed = agrees(next.state, phase);
    if next.confirmed && next.state == State::Withdrawn {
        next.contradicted_since = None;
    }
    let then = next.after_read(now, rules);
    (next, then, if effect == Effect::Nothing { adopted } else { effect })
}

const fn agrees(state: State, phase: Phase) -> bool {
    match state {
        State::Pushed => matches!(phase, Phase::Open | Phase::Picked | Phase::Packed),
        State::Withdrawn => matches!(phase, Phase::Cancelled),
        State::RefusedPicked => matches!(phase, Phase::Picked | Phase::Packed | Phase::Open),
        State::RefusedShipped => matches!(phase, Phase::Shipped),
        State::NotPushed | State::Withdrawing | State::Unknown => false,
    }
}

fn absent(order: &mut WarehouseOrder, now: Moment, rules: &Rules) -> (Next, Effect) {
    let pushed_in_doubt = matches!(order.state, State::Unknown | State::Withdrawn | State::NotPushed);
    if order.state == State::NotPushed && order.push_refused {
        return (Next::Rest, Effect::Alert);
    }
    if order.state == State::NotPushed && order.in_doubt_until.is_none() {
        return (order.after_read(now, rules), Effect::Nothing);
    }
    if !pushed_in_doubt {
        // It is held here by its id: the account or the address is wrong, and nothing is known of the goods. Where that lasts, the
        // audit tells it.
        order.absent_since.get_or_insert(now);
        return (Next::Read(order.wait(now)), Effect::Alert);
    }
    if let Some(until) = order.in_doubt_until.filter(|until| *until > now) {
        let pause = order.pause(now);
        return (Next::Read(pause.min(until)), Effect::Nothing);
    }
    order.absent_reads = order.absent_reads.saturating_add(1);
    let since = *order.absent_since.get_or_insert(now);
    if order.absent_reads < rules.absent_reads || now.since(since) < rules.absent_for {
        let share = i64::from(rules.absent_reads.max(2) - 1);
        let pause = Span::from_millis(rules.absent_for.millis() / share).max(FIRST_PAUSE);
        return (Next::Read(now.plus(pause)), Effect::Nothing);
    }
    order.settled();
    let effect = order.apply(Event::SeenAbsentAfterPush);
    order.confirmed = order.state == State::Withdrawn;
    (order.after_read(now, rules), effect)
}

#[cfg(test)]
#[path = "warehouse_order_tests.rs"]
mod tests;
