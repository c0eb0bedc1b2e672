//! Orders at third-party warehouses: pushed, watched and asked back, with the cancel's own care (`cancel.rs`): read, decide,
//! write the intent, call, read again. What ought to lie there is said in `warehouse_tending.rs`.

use crate::cancel::{in_words, outcome_of};
use crate::read_orders::{ReadOf, Reads};
use crate::stock_ins::{LineVisit, OrderVisit, WAREHOUSE_ACTOR};
use crate::warehouse_calls::OpenAccount;
use crate::warehouse_tending::{lives_there, may_leave};
use crate::{Engine, EngineError};
use connectors::call::{CallError, Pause, Remedy};
use connectors::warehouse::{
    LeftOrder, Named, Parcel, PushLine, PushOrder, Recipient, SeenOrder, SeenReturn, WithdrawalAnswer,
};
use domain::destination::{Destination, Part};
use domain::ids::{MerchantId, MerchantSku, OrderId, ShopId, WarehouseId};
use domain::policy::Standing;
use domain::stock::Visit;
use domain::time::{Moment, Span};
use domain::warehouse_order::{Learnt, Next, Phase, decide};
use domain::withdrawal::{Effect, State};
use futures_util::{StreamExt as _, stream};
use std::collections::HashMap;
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::{Session, StoreError, cancellations, stock};

/// Rounds of one tick: enough for read, ask, read, and once more.
const MAX_ROUNDS: usize = 5;
/// Orders of one account that a tick works on at once.
const AT_ONCE: usize = 8;
/// How long an intent may wait for its turn to be sent, on top of the call's time-out.
const QUEUE_TIME: Span = Span::from_seconds(5);
/// How long to wait after a conflict with somebody else's change of the order.
const CONFLICT_PAUSE: Span = Span::from_millis(50);
/// How long to wait where a door is closed to a push, or the marketplace says nothing.
const DOOR_PAUSE: Span = Span::from_seconds(30);
/// How often a warehouse is asked what came back of a cancelled order.
const RETURNS_PAUSE: Span = Span::from_seconds(3_600);

impl Engine {
    /// Works on one account's due orders.
    pub(crate) async fn carry_on_warehouse_orders(
        &self,
        lease: &Lease,
        lane: &ShopId,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let warehouse = WarehouseId::parse(lane.as_str()).map_err(|_| StoreError::Conflict("the lane"))?;
        let mut session = self.store.read().await?;
        let account = self.open_account(&mut session, &lease.merchant, &warehouse).await;
        drop(session);
        let account = match account {
            Ok(account) => account,
            Err(error) => {
                self.free(lease, self.clock.now().plus(DOOR_PAUSE)).await?;
                return Err(error);
            }
        };
        let mut works = Vec::with_capacity(claims.len());
        for claim in claims {
            works.push(self.carry_on_warehouse_order(&account, lease, claim));
        }
        let mut done = stream::iter(works).buffer_unordered(AT_ONCE);
        while let Some(worked) = done.next().await {
            worked?;
        }
        self.wake();
        Ok(())
    }

    async fn carry_on_warehouse_order(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
    ) -> Result<(), EngineError> {
        match self.rounds(account, lease, claim).await {
            Err(EngineError::Store(error)) if error.is_passing() => {
                let mut session = self.store.begin().await?;
                let now = self.clock.now();
                jobs::again(&mut session, lease, claim, now.plus(CONFLICT_PAUSE), now).await?;
                Ok(session.commit().await?)
            }
            other => other,
        }
    }

    async fn rounds(&self, account: &OpenAccount, lease: &Lease, claim: &Claim) -> Result<(), EngineError> {
        let Some((mut record, mut next)) = self.take_up_warehouse_order(account, lease, claim).await? else {
            return Ok(());
        };
        for _ in 0..MAX_ROUNDS {
            let now = self.clock.now();
            let learnt = match next {
                Next::Rest => {
                    let waits = self.read_returned(account, &record).await?;
                    return self.leave(lease, claim, waits).await;
                }
                Next::Read(at) if at > now => return self.leave(lease, claim, Some(at)).await,
                Next::Read(_) => self.read_at_warehouse(account, &mut record).await,
                Next::Push | Next::Ask if lease.until.since(now) < account.warehouse.call_timeout().and(QUEUE_TIME) => {
                    return self.leave(lease, claim, Some(now)).await;
                }
                Next::Push => match self.push(account, &record).await? {
                    Some((begun, answer)) => {
                        record = begun;
                        answer
                    }
                    None => return self.leave(lease, claim, None).await,
                },
                Next::Ask => match self.ask(account, &record).await? {
                    Some((begun, answer)) => {
                        record = begun;
                        answer
                    }
                    None => return self.leave(lease, claim, Some(now)).await,
                },
            };
            match self.learn_at_warehouse(account, lease, claim, &record, learnt).await? {
                Some((learnt, then)) => (record, next) = (learnt, then),
                None => return Ok(()),
            }
        }
        self.leave(lease, claim, Some(self.clock.now())).await
    }

    /// Ends the job, or gives it back to wake then.
    async fn leave(&self, lease: &Lease, claim: &Claim, wake_at: Option<Moment>) -> Result<(), EngineError> {
        let mut session = self.store.begin().await?;
        let now = self.clock.now();
        match wake_at {
            Some(at) => jobs::again(&mut session, lease, claim, at, now).await?,
            None => jobs::finish(&mut session, lease, claim, now).await?,
        };
        Ok(session.commit().await?)
    }

    /// Loads what is there, and tells what a crash left behind. What is known already is read before anything else.
    async fn take_up_warehouse_order(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
    ) -> Result<Option<(WarehouseOrderRecord, Next)>, EngineError> {
        let mut session = self.store.begin().await?;
        let now = self.clock.now();
        let order = OrderId::parse(claim.subject.as_str()).ok();
        let latest = match &order {
            Some(order) => {
                orders::lock(&mut session, &lease.merchant, std::slice::from_ref(order)).await?;
                warehouse_orders::latest_at(&mut session, &lease.merchant, order, &account.record.warehouse).await?
            }
            None => None,
        };
        let Some(mut record) = latest else {
            jobs::finish(&mut session, lease, claim, now).await?;
            session.commit().await?;
            return Ok(None);
        };
        for left_behind in warehouse_orders::open_attempts(&mut session, &record).await? {
            // Whoever wrote this intent did not live to write its outcome: it may have happened.
            let outcome = cancellations::Outcome {
                outcome: "unknown",
                platform_message: "interrupted".to_owned(),
                ..cancellations::Outcome::default()
            };
            warehouse_orders::end_attempt(&mut session, &record, left_behind.attempt, &outcome, now).await?;
            let learnt = if left_behind.act == PUSH {
                Learnt::PushUnknown(left_behind.deadline)
            } else {
                Learnt::AskUnknown(left_behind.deadline)
            };
            record.saga = decide(record.saga, learnt, now, &account.warehouse.rules()).0;
            record.updated_at = now;
            warehouse_orders::save(&mut session, &record).await?;
            if let Some(before) = orders::load_one(&mut session, &record.merchant, &record.order).await? {
                self.place_goods(&mut session, before, &record).await?;
            }
        }
        let again = record.generation > 1 && warehouse_orders::is_again(&mut session, &record).await?;
        session.commit().await?;
        let untouched = record.saga.state == State::NotPushed && record.attempts == 0 && !again;
        let next = if untouched { Next::Push } else { Next::Read(now) };
        Ok(Some((record, next)))
    }

    async fn read_at_warehouse(&self, account: &OpenAccount, record: &mut WarehouseOrderRecord) -> Learnt {
        let named = match &record.number {
            Some(number) => Named::Number(number.clone()),
            None => Named::Reference(record.reference.clone()),
        };
        match self.call_warehouse(account, None, account.warehouse.read_order(&named)).await {
            Ok(Some(seen)) => {
                note_seen(record, &seen);
                let last_word = seen.last_word.filter(|_| record.saga.awaits_last_word(self.clock.now()));
                refusal_in(&seen, last_word).unwrap_or(Learnt::Seen(seen.phase))
            }
            Ok(None) => Learnt::Absent,
            Err(error) => Learnt::ReadFailed(pause_after(&error)),
        }
    }

    /// Pushes an order, if every door is open by a read that was just made. Answers nothing where one is closed.
    async fn push(
        &self,
        account: &OpenAccount,
        known: &WarehouseOrderRecord,
    ) -> Result<Option<(WarehouseOrderRecord, Learnt)>, EngineError> {
        let (merchant, ids) = (&known.merchant, std::slice::from_ref(&known.order));
        let shop = self.open_shop(merchant, &known.shop).await?;
        let mut session = self.store.read().await?;
        let numbers = orders::numbers(&mut session, merchant, ids).await?;
        drop(session);
        let Some((_, number)) = numbers.into_iter().next() else { return Ok(None) };
        let reads: Reads = self.read_from_platform(&shop, std::slice::from_ref(&number)).await;
        let ReadOf::Order(snapshot) = reads.of(&number) else {
            return Ok(Some((known.clone(), Learnt::NotNow(DOOR_PAUSE))));
        };

        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, ids).await?;
        stock::lock(&mut session, merchant, ids).await?;
        let Some(before) = orders::load_one(&mut session, merchant, &known.order).await? else { return Ok(None) };
        let applied = self.apply(&mut session, &shop, Some(before), &snapshot, reads.began_at).await?;
        let order = applied.order;
        let Some(mut record) =
            warehouse_orders::latest_at(&mut session, merchant, &known.order, &known.warehouse).await?
        else {
            return Ok(None);
        };
        let live = cancellations::live_of_orders(&mut session, merchant, ids).await?;
        let restoring = live.iter().any(|one| matches!(one.saga.phase, domain::cancellation::Phase::Restoring(_)));
        let same = record.generation == known.generation && record.saga.state == State::NotPushed;
        if applied.stale
            || !same
            || record.saga.wanted
            || !may_leave(&order, restoring)
            || !lives_there(&order, &record.warehouse)
        {
            // What the read said is kept; a later read of the order opens the door again.
            session.commit().await?;
            let stale = applied.stale && same;
            return Ok(stale.then(|| (known.clone(), Learnt::NotNow(CONFLICT_PAUSE))));
        }
        let now = self.clock.now();
        let deadline = now.plus(account.warehouse.call_timeout()).plus(QUEUE_TIME);
        record.saga = record.saga.sending(false, deadline, now);
        record.attempts += 1;
        record.updated_at = now;
        warehouse_orders::save(&mut session, &record).await?;
        warehouse_orders::begin_attempt(&mut session, &record, PUSH, (now, deadline)).await?;
        self.place_goods(&mut session, order.clone(), &record).await?;
        session.commit().await?;

        let call = account.warehouse.push_order(&to_push(&order, &record, account.record.destination.as_ref()));
        let answer = self.call_warehouse(account, Some(deadline), call).await;
        let learnt = match &answer {
            Ok(number) => {
                record.number = Some(number.clone());
                Learnt::Pushed
            }
            Err(error) => match error.remedy {
                Remedy::Rejected => {
                    record.message = Some(in_words(&error.story));
                    Learnt::PushRefused
                }
                Remedy::Unknown => Learnt::PushUnknown(deadline),
                _ => Learnt::NotNow(pause_after(error)),
            },
        };
        self.end_warehouse_attempt(&record, &answer).await?;
        Ok(Some((record, learnt)))
    }

    /// Asks for an order back. Answers nothing where somebody else is faster, or the warehouse's id is not known.
    async fn ask(
        &self,
        account: &OpenAccount,
        known: &WarehouseOrderRecord,
    ) -> Result<Option<(WarehouseOrderRecord, Learnt)>, EngineError> {
        let merchant = &known.merchant;
        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, std::slice::from_ref(&known.order)).await?;
        let Some(mut record) =
            warehouse_orders::latest_at(&mut session, merchant, &known.order, &known.warehouse).await?
        else {
            return Ok(None);
        };
        let Some(number) = record.number.clone() else { return Ok(None) };
        if record.generation != known.generation || record.saga.state != State::Withdrawing {
            return Ok(None);
        }
        let now = self.clock.now();
        let deadline = now.plus(account.warehouse.call_timeout()).plus(QUEUE_TIME);
        record.saga = record.saga.sending(true, deadline, now);
        record.attempts += 1;
        record.updated_at = now;
        warehouse_orders::save(&mut session, &record).await?;
        warehouse_orders::begin_attempt(&mut session, &record, WITHDRAW, (now, deadline)).await?;
        session.commit().await?;

        let answer = self.call_warehouse(account, Some(deadline), account.warehouse.withdraw(&number)).await;
        let learnt = match &answer {
            Ok(answer) => learnt_from(*answer),
            Err(error) => match error.remedy {
                Remedy::Unknown => Learnt::AskUnknown(deadline),
                Remedy::Rejected => Learnt::NotStopped,
                _ => Learnt::NotNow(pause_after(error)),
            },
        };
        self.end_warehouse_attempt(&record, &answer).await?;
        if matches!(answer, Ok(WithdrawalAnswer::StoppedForAFee)) {
            let mut session = self.store.begin().await?;
            let detail = format!("{} stopped it, and does not give its fee back", account.record.name);
            self.log_warehouse(&mut session, &record, WAREHOUSE_ACTOR, "warehouse.fee", &detail).await?;
            session.commit().await?;
        }
        Ok(Some((record, learnt)))
    }

    /// What a call came to, written whatever else has changed meanwhile.
    async fn end_warehouse_attempt<T>(
        &self,
        record: &WarehouseOrderRecord,
        answer: &Result<T, CallError>,
    ) -> Result<(), EngineError> {
        let mut session = self.store.begin().await?;
        let outcome = outcome_of(answer);
        warehouse_orders::end_attempt(&mut session, record, record.attempts, &outcome, self.clock.now()).await?;
        Ok(session.commit().await?)
    }

    /// Commits what was learnt; answers what is next, or nothing where the job was lost to somebody else.
    async fn learn_at_warehouse(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        known: &WarehouseOrderRecord,
        learnt: Learnt,
    ) -> Result<Option<(WarehouseOrderRecord, Next)>, EngineError> {
        let (merchant, ids) = (&known.merchant, std::slice::from_ref(&known.order));
        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, ids).await?;
        stock::lock(&mut session, merchant, ids).await?;
        let now = self.clock.now();
        let latest = warehouse_orders::latest_at(&mut session, merchant, &known.order, &known.warehouse).await?;
        let order = orders::load_one(&mut session, merchant, &known.order).await?;
        let (Some(mut record), Some(order)) = (latest, order) else { return Ok(None) };
        if record.generation != known.generation {
            jobs::again(&mut session, lease, claim, now, now).await?;
            session.commit().await?;
            return Ok(None);
        }
        let before = record.clone();
        let (saga, next, effect) = decide(record.saga, learnt, now, &account.warehouse.rules());
        record.saga = saga;
        record.number = known.number.clone().or(record.number);
        record.raw_status.clone_from(&known.raw_status);
        record.partial = known.partial;
        record.parcels.clone_from(&known.parcels);
        record.message.clone_from(&known.message);
        if record.saga.state == State::Pushed {
            record.message = None;
        }
        record.updated_at = now;
        warehouse_orders::save(&mut session, &record).await?;
        if !jobs::still_held(&mut session, lease, claim).await? {
            return Ok(None);
        }
        self.log_learnt(&mut session, account, (&before, &record), &order, effect).await?;
        self.place_goods(&mut session, order, &record).await?;
        session.commit().await?;
        Ok(Some((record, next)))
    }

    /// Logs what was learnt of an order, where it is worth a line.
    pub(crate) async fn log_learnt(
        &self,
        session: &mut Session,
        account: &OpenAccount,
        (before, record): (&WarehouseOrderRecord, &WarehouseOrderRecord),
        order: &OrderRecord,
        effect: Effect,
    ) -> Result<(), EngineError> {
        let (action, detail) = match (effect, record.saga.state) {
            (Effect::Incident, _) => {
                ("warehouse.incident", format!("{} left although its withdrawal was reported", order.number))
            }
            (Effect::Alert, State::NotPushed) => {
                let words = record.message.clone().unwrap_or_default();
                ("warehouse.push_refused", format!("{} does not take {}: {words}", account.record.name, order.number))
            }
            (Effect::Alert, State::Withdrawn) => {
                ("warehouse.canceled", format!("{} canceled {} by itself", account.record.name, order.number))
            }
            (Effect::Alert, State::Withdrawing) => {
                ("warehouse.undone", format!("{} was reported as stopped and is there: asked again", order.number))
            }
            (_, state) if state != before.saga.state || record.saga.confirmed != before.saga.confirmed => {
                ("warehouse.state", in_words_of(record))
            }
            _ => ("", String::new()),
        };
        if action.is_empty() {
            return Ok(());
        }
        self.log_warehouse(session, record, WAREHOUSE_ACTOR, action, &detail).await
    }

    /// Takes in what came back of a cancelled order that had left. Answers when to look again.
    async fn read_returned(
        &self,
        account: &OpenAccount,
        record: &WarehouseOrderRecord,
    ) -> Result<Option<Moment>, EngineError> {
        let Some(number) = record.number.as_deref().filter(|_| !record.parcels.is_empty()) else { return Ok(None) };
        if record.saga.state != State::RefusedShipped {
            return Ok(None);
        }
        let merchant = &record.merchant;
        let mut session = self.store.read().await?;
        let order = orders::load_one(&mut session, merchant, &record.order).await?;
        drop(session);
        let waits = |order: &OrderRecord| order.standing == Standing::Canceled && order.returning() > 0;
        let Some(order) = order.filter(waits) else { return Ok(None) };
        let parcels: Vec<Parcel> = record
            .parcels
            .iter()
            .map(|parcel| Parcel { number: parcel.number.clone(), tracking_number: parcel.tracking_number.clone() })
            .collect();
        let wake_at = Some(self.clock.now().plus(RETURNS_PAUSE));
        let left = LeftOrder { number, reference: &record.reference, parcels: &parcels };
        let Ok(returned) = self.call_warehouse(account, None, account.warehouse.read_returns(&left)).await else {
            return Ok(wake_at);
        };
        let lines = visits(&order, &record.warehouse, &returned);
        if lines.is_empty() {
            return Ok(wake_at);
        }
        let mut session = self.store.begin().await?;
        let visit = OrderVisit { order: order.id.clone(), lines: Some(lines), expected: None };
        self.stock_in_at_warehouse(&mut session, &order, record, visit, "the warehouse processed its return").await?;
        session.commit().await?;
        Ok(wake_at)
    }

    /// A push of a warehouse: the order that it names is looked at now. It never changes an order by itself.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn nudge_warehouse(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
        reference: &str,
    ) -> Result<bool, EngineError> {
        let Some(order) = warehouse_orders::by_reference(session, merchant, warehouse, reference).await? else {
            return Ok(false);
        };
        let lane = lane_of(warehouse)?;
        let now = self.clock.now();
        jobs::want(session, merchant, &lane, Kind::WarehouseOrder, order.as_str(), now).await?;
        Ok(true)
    }

    pub(crate) async fn log_warehouse(
        &self,
        session: &mut Session,
        record: &WarehouseOrderRecord,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), EngineError> {
        let entry = Entry {
            actor,
            action,
            shop: Some(&record.shop),
            order: Some(&record.order),
            subject: &record.reference,
            detail,
        };
        Ok(log::write(session, &record.merchant, self.clock.now(), &entry).await?)
    }
}

/// Acts in the table of attempts.
const PUSH: &str = "push";
const WITHDRAW: &str = "withdraw";

/// The lane of an account's jobs: both kinds of id have the same form.
pub(crate) fn lane_of(warehouse: &WarehouseId) -> Result<ShopId, StoreError> {
    ShopId::parse(warehouse.as_str()).map_err(|_| StoreError::Conflict("the lane"))
}

/// What an answer to an asking tells.
const fn learnt_from(answer: WithdrawalAnswer) -> Learnt {
    match answer {
        WithdrawalAnswer::Stopped | WithdrawalAnswer::StoppedForAFee => Learnt::Stopped,
        WithdrawalAnswer::Trying => Learnt::Trying,
        WithdrawalAnswer::TooLatePicked => Learnt::TooLatePicked,
        WithdrawalAnswer::TooLateShipped => Learnt::TooLateShipped,
        WithdrawalAnswer::Failed => Learnt::Failed,
        WithdrawalAnswer::Unclear => Learnt::NotStopped,
    }
}

/// The refusal of an asking that a read tells, where the order is still in the building. That it is stopped or has left is
/// told by its phase alone.
fn refusal_in(seen: &SeenOrder, last_word: Option<WithdrawalAnswer>) -> Option<Learnt> {
    match seen.phase {
        Phase::Open | Phase::Picked | Phase::Packed | Phase::Undecided => {}
        Phase::Shipped | Phase::Cancelled => return None,
    }
    match last_word? {
        WithdrawalAnswer::Stopped | WithdrawalAnswer::StoppedForAFee | WithdrawalAnswer::Trying => None,
        refusal @ (WithdrawalAnswer::TooLatePicked
        | WithdrawalAnswer::TooLateShipped
        | WithdrawalAnswer::Failed
        | WithdrawalAnswer::Unclear) => Some(learnt_from(refusal)),
    }
}

pub(crate) fn note_seen(record: &mut WarehouseOrderRecord, seen: &SeenOrder) {
    record.number = Some(seen.number.clone());
    record.raw_status.clone_from(&seen.raw_status);
    record.partial = seen.partial;
    let parcels = seen.parcels.iter().map(|parcel| warehouse_orders::Parcel {
        number: parcel.number.clone(),
        tracking_number: parcel.tracking_number.clone(),
    });
    record.parcels = parcels.collect();
}

/// What the warehouse is told of an order. The parcel travels with the marketplace's label: the marketplaces hide the
/// buyer's address, and a warehouse that ships for one is told the name and the country that they show, and the destination
/// that was entered for it, else that the label says it.
fn to_push(order: &OrderRecord, record: &WarehouseOrderRecord, destination: Option<&Destination>) -> PushOrder {
    let named = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let on_label = || format!("as on the label of {}", order.platform.title());
    let told = |part: Part| destination.and_then(|destination| destination.part(part)).map(str::to_owned);
    let live = order.lines.iter().filter(|line| line.warehouse == record.warehouse && line.live() > 0);
    PushOrder {
        reference: record.reference.clone(),
        number: order.number.as_str().to_owned(),
        recipient: Recipient {
            name: named(&order.buyer_name, "the buyer"),
            address: told(Part::Address).unwrap_or_else(on_label),
            city: told(Part::City).unwrap_or_else(|| named(&order.region, "as on the label")),
            province: told(Part::Province),
            postal_code: told(Part::PostalCode),
            country: named(&order.region, "XX"),
        },
        lines: live
            .map(|line| PushLine {
                sku: line.merchant_sku.as_str().to_owned(),
                name: line.name.clone(),
                quantity: line.live(),
            })
            .collect(),
    }
}

fn pause_after(error: &CallError) -> Span {
    match error.remedy {
        Remedy::RetryAfter(span) | Remedy::Pause(Pause { span, .. }) => span,
        Remedy::Unknown | Remedy::TokenExpired | Remedy::Rejected => Span::from_seconds(1),
        Remedy::Reauthorize | Remedy::Bug => DOOR_PAUSE,
    }
}

/// What came back of each line that lay at the warehouse: as many of its units as the warehouse processed and were not taken in before.
fn visits(order: &OrderRecord, warehouse: &WarehouseId, returned: &[SeenReturn]) -> Vec<LineVisit> {
    let mut processed: HashMap<&str, (u32, u32)> = HashMap::new();
    for units in returned.iter().filter(|one| one.done).flat_map(|one| &one.units) {
        let (sellable, defective) = processed.entry(units.sku.as_str()).or_default();
        *sellable = sellable.saturating_add(units.sellable);
        *defective = defective.saturating_add(units.defective);
    }
    let mut taken: HashMap<&MerchantSku, u32> = HashMap::new();
    let there = || order.lines.iter().filter(|line| line.warehouse == *warehouse);
    for line in there() {
        let moved = &line.stock.moved;
        let before = moved.stock_in.saturating_sub(moved.undo_stock_in);
        *taken.entry(&line.merchant_sku).or_default() += before;
    }
    let mut visits = Vec::new();
    for line in there() {
        let Some((sellable, defective)) = processed.get_mut(line.merchant_sku.as_str()) else { continue };
        let before = taken.entry(&line.merchant_sku).or_default();
        // What was taken in before is the first of what was processed.
        for part in [&mut *sellable, &mut *defective] {
            let known = (*part).min(*before);
            *part -= known;
            *before -= known;
        }
        let good = (*sellable).min(line.stock.returning);
        let bad = (*defective).min(line.stock.returning - good);
        *sellable -= good;
        *defective -= bad;
        if good + bad > 0 {
            visits.push(LineVisit {
                line: line.id.clone(),
                sku: line.merchant_sku.clone(),
                visit: Visit { sellable: good, defective: bad, ..Visit::default() },
                expected: None,
            });
        }
    }
    visits
}

fn in_words_of(record: &WarehouseOrderRecord) -> String {
    let confirmed = if record.saga.confirmed { "" } else { ", not confirmed yet" };
    let raw = if record.raw_status.is_empty() { String::new() } else { format!(" (“{}”)", record.raw_status) };
    format!("at the warehouse: {}{confirmed}{raw}", record.saga.state.as_str().replace('_', " "))
}
