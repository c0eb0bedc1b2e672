//! Carrying a cancel on: read, decide, write the intent, send, read again, settle (`ARCHITECTURE.md`, “The cancellation”).
//!
//! A batch goes through rounds. Each round reads its orders (up to fifty a call), and commits what that means: the end of
//! some, the intent to send of others. Then it sends, and commits each answer as it comes. What was answered is read at
//! once in the next round; what has to wait goes back to its job with a time to wake.

use crate::batches::{HELD_PAUSE, STOPPED};
use crate::commands::facts_of_shipment;
use crate::read_orders::{ORDERS_PER_COMMIT, ReadOf, Reads, refused};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError, reconcile};
use connectors::call::{CallError, Pause, Remedy, Story};
use connectors::connector::{AnswerRequest, CancelAccepted, CancelLine, CancelOrder, Connector, ConnectorError};
use domain::batch::Course;
use domain::cancellation::{Effect, Event, MeantLine, Phase, Scope, Sent, State, View, decide};
use domain::eligibility::{Blocked, Gate};
use domain::ids::{CancellationId, MerchantId, OrderId, OrderNumber};
use domain::policy::{ListingEffect, Policy};
use domain::request::{self, AnswerKind, Seen};
use domain::shipment::{self, Act, Door};
use domain::snapshot::OrderSnapshot;
use domain::time::{Moment, Span};
use domain::warehouse_order::Goods;
use futures_util::{StreamExt as _, stream};
use std::collections::HashMap;
use std::time::Duration;
use store::batches;
use store::cancellations::{self, CancellationRecord, Outcome};
use store::jobs::{self, Claim, Lease};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, OrderRecord};
use store::{Session, StoreError, closed_listings, requests, shipments, stock};
use tokio::time::{Instant, timeout_at};

/// Rounds of one tick: enough for read, send, read, and once more.
const MAX_ROUNDS: usize = 4;
/// How long an intent may wait for its turn to be sent, on top of the call's time-out.
const QUEUE_TIME: Span = Span::from_seconds(5);
/// How long the first answer waits for others to share its commit.
const GATHER: Duration = Duration::from_millis(8);
/// How long to wait after a conflict with somebody else's change of the order.
const CONFLICT_PAUSE: Span = Span::from_millis(50);

/// How long to wait while a pack or shipment of the same order is under way.
const SLOT_PAUSE: Span = Span::from_millis(300);

/// A cancellation that this tick works on.
struct Work {
    claim: Claim,
    id: CancellationId,
    order: OrderId,
    number: OrderNumber,
}

/// Cancellations and their orders, loaded together under the orders' locks.
struct Loaded {
    records: HashMap<CancellationId, CancellationRecord>,
    orders: HashMap<OrderId, OrderRecord>,
}

impl Loaded {
    async fn of(session: &mut Session, merchant: &MerchantId, works: &[Work]) -> Result<Self, EngineError> {
        let ids: Vec<CancellationId> = works.iter().map(|work| work.id.clone()).collect();
        let orders: Vec<OrderId> = works.iter().map(|work| work.order.clone()).collect();
        let records = cancellations::load(session, merchant, &ids).await?;
        let orders = orders::load(session, merchant, &orders).await?;
        Ok(Self {
            records: records.into_iter().map(|record| (record.id.clone(), record)).collect(),
            orders: orders.into_iter().map(|order| (order.id.clone(), order)).collect(),
        })
    }

    fn take(&mut self, work: &Work) -> Option<(CancellationRecord, OrderRecord)> {
        Some((self.records.remove(&work.id)?, self.orders.remove(&work.order)?))
    }
}

/// What the platform is told.
enum Message {
    /// The seller cancels.
    Cancel(CancelOrder),
    /// The buyer's request is answered.
    Answer(AnswerRequest),
}

/// An intent that was committed and is to be sent.
struct Intent {
    work: Work,
    attempt: u32,
    deadline: Moment,
    message: Message,
}

/// What became of one cancellation in one step.
enum Next {
    /// Look again in the next round.
    ReadNow,
    /// The intent is written.
    Send(Box<IntentToSend>),
    /// Its job was ended or given back.
    Left,
    /// The lease was lost: somebody else has it.
    Lost,
}

struct IntentToSend {
    attempt: u32,
    deadline: Moment,
    message: Message,
}

impl Engine {
    pub(crate) async fn carry_on_cancellations(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: Vec<Claim>,
    ) -> Result<(), EngineError> {
        let mut works = self.take_up(shop, lease, claims).await?;
        for round in 0..MAX_ROUNDS {
            if works.is_empty() {
                break;
            }
            let numbers: Vec<OrderNumber> = works.iter().map(|work| work.number.clone()).collect();
            let reads = self.read_from_platform(shop, &numbers).await;
            let last = round + 1 == MAX_ROUNDS;
            let intents = self.apply_reads(shop, lease, works, &reads, last).await?;
            works = self.send_all(shop, lease, intents).await?;
        }
        // What was answered in the last round is read by the next tick.
        if !works.is_empty() {
            let mut session = self.store.begin().await?;
            let now = self.clock.now();
            for work in &works {
                jobs::again(&mut session, lease, &work.claim, now, now).await?;
            }
            session.commit().await?;
        }
        self.wake();
        Ok(())
    }

    /// Finds the orders of the claimed cancellations, ends the jobs of finished ones, and tells what a crash left behind.
    async fn take_up(&self, shop: &OpenShop, lease: &Lease, claims: Vec<Claim>) -> Result<Vec<Work>, EngineError> {
        let merchant = &shop.record.merchant;
        let now = self.clock.now();
        let mut claims: HashMap<String, Claim> =
            claims.into_iter().map(|claim| (claim.subject.clone(), claim)).collect();
        let ids: Vec<CancellationId> = claims.keys().filter_map(|id| CancellationId::parse(id.as_str()).ok()).collect();
        let mut session = self.store.begin().await?;
        let records = cancellations::load(&mut session, merchant, &ids).await?;
        let orders: Vec<OrderId> = records.iter().map(|record| record.order.clone()).collect();
        let numbers: HashMap<OrderId, OrderNumber> =
            orders::numbers(&mut session, merchant, &orders).await?.into_iter().collect();
        let left_behind: HashMap<CancellationId, (u32, Moment)> =
            cancellations::open_attempts(&mut session, merchant, &ids)
                .await?
                .into_iter()
                .map(|(id, attempt, deadline)| (id, (attempt, deadline)))
                .collect();
        let held_back = batches::held(&mut session, merchant, &ids).await?;
        let mut works = Vec::with_capacity(records.len());
        for mut record in records {
            let (Some(claim), Some(number)) = (claims.remove(record.id.as_str()), numbers.get(&record.order)) else {
                continue;
            };
            if record.saga.state().is_final() {
                jobs::finish(&mut session, lease, &claim, now).await?;
                continue;
            }
            if held_back.get(&record.id) == Some(&Course::Paused) && record.saga.phase == Phase::Requested {
                jobs::again(&mut session, lease, &claim, now.plus(HELD_PAUSE), now).await?;
                continue;
            }
            if let Some((attempt, deadline)) = left_behind.get(&record.id) {
                // Whoever wrote this intent did not live to write its outcome: it may have happened.
                let outcome =
                    Outcome { outcome: "unknown", platform_message: "interrupted".to_owned(), ..Outcome::default() };
                cancellations::end_attempt(&mut session, merchant, &record.id, *attempt, &outcome, now).await?;
                record.saga = decide(record.saga, Event::Unknown { deadline: *deadline }, now, &shop.policy).0;
                record.updated_at = now;
                cancellations::save(&mut session, &record).await?;
            }
            works.push(Work { claim, id: record.id, order: record.order, number: number.clone() });
        }
        // A job whose cancellation does not exist has nothing to do.
        for claim in claims.values() {
            jobs::finish(&mut session, lease, claim, now).await?;
        }
        session.commit().await?;
        Ok(works)
    }

    /// Commits what the reads mean; answers the intents to be sent.
    async fn apply_reads(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        works: Vec<Work>,
        reads: &Reads,
        last: bool,
    ) -> Result<Vec<Intent>, EngineError> {
        let mut intents = Vec::new();
        let mut works = works.into_iter().peekable();
        while works.peek().is_some() {
            let part: Vec<Work> = works.by_ref().take(ORDERS_PER_COMMIT).collect();
            let merchant = &shop.record.merchant;
            let ids: Vec<OrderId> = part.iter().map(|work| work.order.clone()).collect();
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, merchant, &ids).await?;
            stock::lock(&mut session, merchant, &ids).await?;
            let mut loaded = Loaded::of(&mut session, merchant, &part).await?;
            let cancellations: Vec<CancellationId> = part.iter().map(|work| work.id.clone()).collect();
            let held_back = batches::held(&mut session, merchant, &cancellations).await?;
            let mut begun = Vec::new();
            for work in part {
                let Some((record, order)) = loaded.take(&work) else { continue };
                session.savepoint().await?;
                let course = held_back.get(&work.id).copied();
                match self.apply_one(&mut session, shop, lease, &work, (record, order), course, reads, last).await {
                    Ok(Next::Send(intent)) => {
                        session.release().await?;
                        let IntentToSend { attempt, deadline, message } = *intent;
                        begun.push(Intent { work, attempt, deadline, message });
                    }
                    Ok(Next::Left | Next::ReadNow) => session.release().await?,
                    Ok(Next::Lost) => session.undo().await?,
                    Err(error) => {
                        session.undo().await?;
                        self.give_back_after(&mut session, lease, &work.claim, error).await?;
                    }
                }
            }
            session.commit().await?;
            intents.extend(begun);
        }
        Ok(intents)
    }

    async fn give_back_after(
        &self,
        session: &mut Session,
        lease: &Lease,
        claim: &Claim,
        error: EngineError,
    ) -> Result<(), EngineError> {
        match error {
            EngineError::Store(error) if error.is_passing() => {
                let now = self.clock.now();
                jobs::again(session, lease, claim, now.plus(CONFLICT_PAUSE), now).await?;
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Applies one order's read to the order and to its cancellation, in one transaction.
    #[expect(clippy::too_many_arguments, reason = "what is known of one cancellation, and the round it is in")]
    async fn apply_one(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        lease: &Lease,
        work: &Work,
        (mut record, before): (CancellationRecord, OrderRecord),
        batch: Option<Course>,
        reads: &Reads,
        last: bool,
    ) -> Result<Next, EngineError> {
        let merchant = &shop.record.merchant;
        let now = self.clock.now();
        let mut seen = None;
        let (mut order, event) = match reads.of(&work.number) {
            ReadOf::Order(snapshot) => {
                let applied = self.apply(session, shop, Some(before), &snapshot, reads.began_at).await?;
                let live = snapshot.standing != domain::policy::Standing::Canceled;
                let event = if applied.stale {
                    Event::ReadFailed { retry_after: Span::ZERO }
                } else if live && applied.order.shipment == domain::shipment::Mark::Live {
                    // A pack holds the order's slot: nothing is sent before its outcome is known.
                    Event::ReadFailed { retry_after: SLOT_PAUSE }
                } else if let Some(words) = self.failed_repack(session, &record).await? {
                    let goods = self.goods_of(session, &record, &applied.order).await?;
                    Event::TakenBack { words, goods }
                } else {
                    reconcile::note_lines(&mut record, &applied.order);
                    self.become_answer(session, &mut record, &applied.order, &snapshot).await?;
                    let (shown, event) = self.learn(session, &record, &applied.order, &snapshot).await?;
                    seen = shown;
                    event
                };
                (applied.order, event)
            }
            ReadOf::Missing => {
                let goods = self.goods_of(session, &record, &before).await?;
                (before, Event::Read { view: View::Missing, updated_at: None, goods })
            }
            ReadOf::Failed { retry_after, .. } => (before, Event::ReadFailed { retry_after }),
        };
        let (mut saga, mut effect) = decide(record.saga.clone(), event, now, &shop.policy);
        match batch.filter(|_| matches!(effect, Effect::Send | Effect::Withdraw(_))) {
            Some(Course::Stopped) => {
                let words = STOPPED.to_owned();
                let goods = self.goods_of(session, &record, &order).await?;
                (saga, effect) = decide(record.saga.clone(), Event::TakenBack { words, goods }, now, &shop.policy);
                if effect == Effect::End {
                    batches::stop_asked(session, merchant, &record.id, STOPPED).await?;
                }
            }
            Some(Course::Paused) => {
                return held(jobs::again(session, lease, &work.claim, now.plus(HELD_PAUSE), now).await?);
            }
            Some(Course::Planned | Course::Running) | None => {}
        }
        let became_attention = saga.state() == State::NeedsAttention && record.saga.state() != State::NeedsAttention;
        record.saga = saga;
        record.updated_at = now;
        if became_attention {
            self.log_cancellation(
                session,
                &record,
                &order,
                "cancellation.needs_attention",
                "too old; a person should look, the platform is still being asked",
            )
            .await?;
        }
        match effect {
            Effect::End => {
                self.end(session, &mut record, &order, seen).await?;
                held(jobs::finish(session, lease, &work.claim, now).await?)
            }
            Effect::Send if last || lease.until.since(now) < shop.policy.call_timeout.and(QUEUE_TIME) => {
                // Too late in this lease to send: the next tick reads again and decides anew.
                held(jobs::again(session, lease, &work.claim, now, now).await?)
            }
            Effect::Send => {
                let deadline = now.plus(shop.policy.call_timeout).plus(QUEUE_TIME);
                cancellations::save(session, &record).await?;
                let attempt = record.saga.attempts;
                let lines = missing_lines(&record);
                cancellations::begin_attempt(session, merchant, &record.id, attempt, &lines, (now, deadline)).await?;
                if !jobs::still_held(session, lease, &work.claim).await? {
                    return Ok(Next::Lost);
                }
                let message = self.message(session, &record, &order).await?;
                Ok(Next::Send(Box::new(IntentToSend { attempt, deadline, message })))
            }
            Effect::Read(wake_at) => {
                cancellations::save(session, &record).await?;
                held(jobs::again(session, lease, &work.claim, wake_at, now).await?)
            }
            Effect::Withdraw(wake_at) => {
                cancellations::save(session, &record).await?;
                order = self.withdraw_for(session, order, &record.actor).await?;
                // What was known before is decided upon at once; else the warehouse's answer wakes this.
                let known = !matches!(order.goods, Goods::There | Goods::Asked);
                held(jobs::again(session, lease, &work.claim, if known { now } else { wake_at }, now).await?)
            }
            Effect::Restore(wake_at) => {
                if let Phase::Restoring(words) = &record.saga.phase {
                    record.platform_message = Some(words.clone());
                }
                cancellations::save(session, &record).await?;
                self.tend_warehouse(session, &shop.record.warehouse, order, true).await?;
                held(jobs::again(session, lease, &work.claim, wake_at, now).await?)
            }
        }
    }

    /// What a third-party warehouse has of an order's goods, as far as this cancel is concerned.
    pub(crate) async fn goods_of(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
    ) -> Result<Goods, EngineError> {
        if matches!(record.saga.phase, Phase::Restoring(_)) {
            return self.goods_while_restoring(session, order).await;
        }
        let rejects = record.reason.as_str() == AnswerKind::Reject.reason_code();
        Ok(match order.goods {
            _ if rejects => Goods::Free,
            // The operator decided, and was told what it means; it is asked all the same.
            Goods::Asked | Goods::KeptPicked | Goods::KeptShipped if record.despite_warehouse => Goods::Free,
            goods => goods,
        })
    }

    /// Sends the intents, many at once, and commits the answers as they come. Answers what is to be read at once.
    async fn send_all(&self, shop: &OpenShop, lease: &Lease, intents: Vec<Intent>) -> Result<Vec<Work>, EngineError> {
        let mut sends = Vec::with_capacity(intents.len());
        for intent in intents {
            sends.push(self.check_and_send(shop, intent));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let mut answered = stream::iter(sends).buffer_unordered(in_flight);
        let mut works = Vec::new();
        while let Some(first) = answered.next().await {
            // Answers that come together are committed together.
            let mut answers = vec![first];
            let until = Instant::now() + GATHER;
            while answers.len() < ORDERS_PER_COMMIT {
                match timeout_at(until, answered.next()).await {
                    Ok(Some(answer)) => answers.push(answer),
                    Ok(None) | Err(_) => break,
                }
            }
            let ids: Vec<OrderId> = answers.iter().map(|(intent, _)| intent.work.order.clone()).collect();
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, &shop.record.merchant, &ids).await?;
            let cancellations: Vec<CancellationId> = answers.iter().map(|(intent, _)| intent.work.id.clone()).collect();
            let records = cancellations::load(&mut session, &shop.record.merchant, &cancellations).await?;
            let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
            let mut read_now = Vec::new();
            for (intent, answer) in answers {
                let Some(record) = records.remove(&intent.work.id) else { continue };
                self.write_outcome(&mut session, shop, &intent, &answer).await?;
                session.savepoint().await?;
                match self.apply_answer(&mut session, shop, lease, &intent, record, answer).await {
                    Ok(Next::ReadNow) => {
                        session.release().await?;
                        read_now.push(intent.work);
                    }
                    Ok(Next::Lost) => session.undo().await?,
                    Ok(Next::Left | Next::Send(_)) => session.release().await?,
                    Err(error) => {
                        session.undo().await?;
                        self.give_back_after(&mut session, lease, &intent.work.claim, error).await?;
                    }
                }
            }
            session.commit().await?;
            works.extend(read_now);
        }
        Ok(works)
    }

    /// Asks the platform's live check where it has one, right before the cancel; what it refuses is not sent.
    async fn check_and_send(&self, shop: &OpenShop, intent: Intent) -> (Intent, Result<CancelAccepted, CallError>) {
        let answer = self.send_checked(shop, &intent).await;
        (intent, answer)
    }

    async fn send_checked(&self, shop: &OpenShop, intent: &Intent) -> Result<CancelAccepted, CallError> {
        let mut cancel = match &intent.message {
            Message::Cancel(cancel) => cancel.clone(),
            Message::Answer(answer) => {
                let build = |connector: &dyn Connector, now| connector.answer_request(answer, now).map_err(refused);
                return self.call(shop, Some(intent.deadline), build).await;
            }
        };
        let now = self.clock.platform_now(shop.record.platform);
        if shop.connector.check_cancel(&cancel, now).is_some() {
            let build = |connector: &dyn Connector, now| {
                let call = connector.check_cancel(&cancel, now);
                call.unwrap_or_else(|| Err(ConnectorError::Reason(cancel.reason.to_string()))).map_err(unsendable)
            };
            let checked = self.call(shop, Some(intent.deadline), build).await.map_err(not_carried_out)?;
            if let Some(words) = &checked.refused {
                let story = Story { message: words.clone(), ..Story::default() };
                return Err(CallError { remedy: Remedy::Rejected, story });
            }
            cancel.checked = Some(checked);
        }
        let build = |connector: &dyn Connector, now| connector.cancel_order(&cancel, now).map_err(unsendable);
        self.call(shop, Some(intent.deadline), build).await
    }

    /// What a call came to, written whatever else has changed meanwhile.
    async fn write_outcome(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        intent: &Intent,
        answer: &Result<CancelAccepted, CallError>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let outcome = outcome_of(answer);
        let merchant = &shop.record.merchant;
        cancellations::end_attempt(session, merchant, &intent.work.id, intent.attempt, &outcome, now).await?;
        orders::mark_written(session, merchant, &intent.work.order, now).await?;
        Ok(())
    }

    async fn apply_answer(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        lease: &Lease,
        intent: &Intent,
        mut record: CancellationRecord,
        answer: Result<CancelAccepted, CallError>,
    ) -> Result<Next, EngineError> {
        let now = self.clock.now();
        let event = match answer {
            Ok(_) => Event::Accepted,
            Err(error) => match error.remedy {
                Remedy::Rejected => {
                    let words = in_words(&error.story);
                    record.platform_message = Some(words.clone());
                    Event::Rejected { words }
                }
                Remedy::Unknown => Event::Unknown { deadline: intent.deadline },
                Remedy::RetryAfter(retry_after) | Remedy::Pause(Pause { span: retry_after, .. }) => {
                    Event::NotNow { retry_after }
                }
                Remedy::TokenExpired => Event::NotNow { retry_after: Span::from_seconds(1) },
                Remedy::Reauthorize | Remedy::Bug => {
                    record.platform_message = Some(in_words(&error.story));
                    Event::NotNow { retry_after: Span::from_seconds(30) }
                }
            },
        };
        let (saga, effect) = decide(record.saga, event, now, &shop.policy);
        record.saga = saga;
        record.updated_at = now;
        cancellations::save(session, &record).await?;
        match effect {
            Effect::Read(wake_at) if wake_at <= now => {
                if jobs::still_held(session, lease, &intent.work.claim).await? {
                    Ok(Next::ReadNow)
                } else {
                    Ok(Next::Lost)
                }
            }
            Effect::Read(wake_at) => held(jobs::again(session, lease, &intent.work.claim, wake_at, now).await?),
            // An answer never ends a cancellation and never sends: a read does.
            Effect::End | Effect::Send | Effect::Withdraw(_) | Effect::Restore(_) => {
                held(jobs::again(session, lease, &intent.work.claim, now, now).await?)
            }
        }
    }

    /// What a read says of a cancellation, and of the request that it answers.
    pub(crate) async fn learn(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
        snapshot: &OrderSnapshot,
    ) -> Result<(Option<Seen>, Event), EngineError> {
        let updated_at = Some(snapshot.updated_at);
        let goods = self.goods_of(session, record, order).await?;
        let request = match &record.request {
            Some(id) => requests::load_one(session, &record.merchant, id).await?,
            None => None,
        };
        let Some(request) = request else {
            let policy = self.policy(order.platform)?;
            return Ok((None, Event::Read { view: reconcile::view(record, order, &policy), updated_at, goods }));
        };
        let kind = request.answer.as_ref().map_or(AnswerKind::Agree, |answer| answer.kind);
        let seen = crate::requests::seen(&request, order, snapshot);
        if kind == AnswerKind::Agree && seen == Seen::Agreed && record.saga.sent != Sent::Accepted {
            // Whoever said it, the platform has been told.
            return Ok((Some(seen), Event::Accepted));
        }
        let moved = request.number.is_none() && record.saga.seen_before != updated_at;
        let view = match (seen, &record.saga.sent) {
            (Seen::Open, Sent::Never | Sent::Unknown { .. }) if moved => {
                // It has no id: what waits now may be another request than the one that was decided upon.
                let detail = "The order changed on the platform since this was decided. Look at the request again.";
                View::Alive(Err(Blocked { gate: Gate::RequestOpen, detail: detail.to_owned() }))
            }
            _ => request::view(kind, seen, &record.saga.sent),
        };
        Ok((Some(seen), Event::Read { view, updated_at, goods }))
    }

    async fn message(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
    ) -> Result<Message, EngineError> {
        let Some(id) = &record.request else { return Ok(Message::Cancel(cancel_order(record, order))) };
        let request = requests::load_one(session, &record.merchant, id).await?;
        let request = request.ok_or(StoreError::Conflict("the request"))?;
        Ok(Message::Answer(crate::requests::message(record, &request, order)))
    }

    /// Writes the end of a cancellation: the order is free again, a refusal lifts the holds. `seen` is what the last read
    /// shows of the request that it answers.
    pub(crate) async fn end(
        &self,
        session: &mut Session,
        record: &mut CancellationRecord,
        order: &OrderRecord,
        seen: Option<Seen>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let (action, detail) = match &record.saga.phase {
            Phase::Refused(words) => {
                record.platform_message = Some(words.clone());
                stock::lift(session, &record.merchant, &record.id, now).await?;
                ("cancellation.refused", words.clone())
            }
            Phase::Done(by) => {
                let by = by.map_or("somebody", domain::snapshot::Initiator::as_str);
                let what = match record.scope {
                    Scope::Order => order.number.to_string(),
                    Scope::Lines => {
                        let units: u32 = record.lines.iter().map(|line| line.quantity).sum();
                        format!("what was chosen of {} ({units})", order.number)
                    }
                };
                ("cancellation.done", format!("{what} is canceled, by {by}"))
            }
            Phase::Requested | Phase::Withdrawing | Phase::Submitting | Phase::Confirming | Phase::Restoring(_) => {
                return Ok(());
            }
        };
        record.updated_at = now;
        cancellations::save(session, record).await?;
        let mut after = order.clone();
        after.cancelling = false;
        after.updated_at = now;
        orders::update(session, order, &after).await?;
        if order.goods != Goods::Free {
            // What ought to lie at the warehouse follows from the end: the next read of the order sees to it.
            let number = order.number.as_str();
            jobs::want(session, &order.merchant, &order.shop, jobs::Kind::ReadOrder, number, now).await?;
        }
        after.version = order.version + 1;
        self.pack_again(session, record, after).await?;
        self.end_answer(session, record, order, seen).await?;
        if record.reason.as_str() == AnswerKind::Reject.reason_code() {
            // A rejection cancels nothing: its request's entry says all.
            return Ok(());
        }
        self.log_cancellation(session, record, order, action, &detail).await
    }

    /// Why the repack that this cancel waited for failed: without it, other items of the parcel would go with the chosen.
    async fn failed_repack(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
    ) -> Result<Option<String>, EngineError> {
        if record.scope == Scope::Order || record.saga.phase != Phase::Requested {
            return Ok(None);
        }
        let shipments = shipments::of_cancellation(session, &record.merchant, &record.id).await?;
        Ok(shipments.iter().find_map(|shipment| match &shipment.saga.phase {
            shipment::Phase::Failed(words) => {
                Some(format!("The parcel could not be undone, so nothing was canceled: {words}"))
            }
            _ => None,
        }))
    }

    /// Packs what is left again, where the parcel was undone for this cancel.
    async fn pack_again(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: OrderRecord,
    ) -> Result<(), EngineError> {
        if record.scope == Scope::Order {
            return Ok(());
        }
        let shipments = shipments::of_cancellation(session, &record.merchant, &record.id).await?;
        let undone = shipments
            .iter()
            .any(|shipment| shipment.act == Act::Repack && shipment.saga.phase == shipment::Phase::Done);
        if undone && shipment::door(Act::Pack, facts_of_shipment(&order)) == Door::Open {
            self.begin_shipment(session, &record.actor, Act::Pack, order, Some(&record.id)).await?;
        }
        Ok(())
    }

    /// What was told as refused has happened after all: it is done, and what it said of the goods holds again.
    pub(crate) async fn take_refusal_back(
        &self,
        session: &mut Session,
        record: &mut CancellationRecord,
        order: &OrderRecord,
        policy: &Policy,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        reconcile::note_lines(record, order);
        let view = reconcile::view(record, order, policy);
        let event = Event::Read { view, updated_at: Some(order.platform_updated_at), goods: order.goods };
        record.saga = decide(record.saga.clone(), event, now, policy).0;
        record.updated_at = now;
        cancellations::save(session, record).await?;
        self.hold_listings(session, record, order).await?;
        let detail = "told as refused, but the platform has canceled it as asked";
        self.log_cancellation(session, record, order, "cancellation.done", detail).await
    }

    /// Remembers the listings that the platform sets to zero for this cancel's reason, and holds every listing of their SKUs
    /// against any push until those are counted.
    pub(crate) async fn hold_listings(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
    ) -> Result<(), EngineError> {
        let policy = self.policy(order.platform)?;
        let zeroed = policy.reason(record.reason.as_str()).map(|rule| rule.listing_effect);
        if zeroed != Some(ListingEffect::SetToZero) {
            return Ok(());
        }
        for line in order.lines.iter().filter(|line| record.chose(&line.id)) {
            let now = self.clock.now();
            stock::hold(session, &record.merchant, &line.merchant_sku, &record.id, now).await?;
            let listing = (&record.shop, &line.listing);
            closed_listings::close(session, &record.merchant, listing, &record.id, now).await?;
        }
        Ok(())
    }

    pub(crate) async fn log_cancellation(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
        action: &str,
        detail: &str,
    ) -> Result<(), EngineError> {
        let entry = Entry {
            actor: if action == "cancellation.requested" { &record.actor } else { "countermand" },
            action,
            shop: Some(&record.shop),
            order: Some(&order.id),
            subject: record.id.as_str(),
            detail,
        };
        Ok(log::write(session, &record.merchant, self.clock.now(), &entry).await?)
    }
}

const fn held(held: bool) -> Result<Next, EngineError> {
    Ok(if held { Next::Left } else { Next::Lost })
}

/// What an attempt is to send of a cancel of chosen lines, with what is cancelled of them before it; none for the whole
/// order, whose repetition is harmless.
fn missing_lines(record: &CancellationRecord) -> Vec<MeantLine> {
    match record.scope {
        Scope::Order => Vec::new(),
        Scope::Lines => {
            let missing = record.lines.iter().filter(|meant| meant.left(meant.canceled) > 0);
            let missing = missing.map(|meant| MeantLine {
                quantity: meant.left(meant.canceled),
                canceled_before: meant.canceled,
                ..meant.clone()
            });
            missing.collect()
        }
    }
}

/// What is sent, given the order as it was read just now.
fn cancel_order(record: &CancellationRecord, order: &OrderRecord) -> CancelOrder {
    let live = order.lines.iter().filter(|line| line.live() > 0);
    let meant = live.clone().filter_map(|line| {
        let meant = record.lines.iter().find(|meant| meant.line == line.id)?;
        let units = match record.scope {
            Scope::Order => meant.quantity,
            Scope::Lines => meant.left(meant.canceled),
        };
        (units > 0).then(|| (line, units.min(line.live())))
    });
    CancelOrder {
        platform: order.platform,
        number: order.number.clone(),
        reason: record.reason.clone(),
        lines: as_sold(meant),
        live_lines: as_sold(live.map(|line| (line, line.live()))),
        whole: record.scope == Scope::Order,
        checked: None,
    }
}

/// Lines and units as the platform knows them: what it sold as one is one line over there, whatever it consists of here.
pub(crate) fn as_sold<'a>(lines: impl Iterator<Item = (&'a LineRecord, u32)>) -> Vec<CancelLine> {
    let mut sold: Vec<CancelLine> = Vec::new();
    for (line, units) in lines {
        // A bundle is cancelled with all that it consists of, so that one part speaks for all.
        if sold.iter().all(|known| known.line != *line.sold_as()) {
            sold.push(CancelLine {
                line: line.sold_as().clone(),
                listing: line.listing.clone(),
                quantity: units.div_ceil(line.units_in_one()),
            });
        }
    }
    sold
}

/// How an attempt ended, as it is kept.
pub(crate) fn outcome_of<T>(answer: &Result<T, CallError>) -> Outcome {
    match answer {
        Ok(_) => Outcome { outcome: "accepted", http_status: 200, ..Outcome::default() },
        Err(error) => {
            let Story { http_status, code, message, request_id, .. } = error.story.clone();
            let outcome = match error.remedy {
                Remedy::Rejected => "rejected",
                Remedy::Unknown => "unknown",
                Remedy::RetryAfter(_) | Remedy::Pause(_) | Remedy::TokenExpired | Remedy::Reauthorize | Remedy::Bug => {
                    "not_carried_out"
                }
            };
            Outcome { outcome, http_status, platform_code: code, platform_message: message, request_id }
        }
    }
}

pub(crate) fn in_words(story: &Story) -> String {
    match (story.message.trim(), story.code.trim()) {
        ("", code) => code.to_owned(),
        (message, "") => message.to_owned(),
        (message, code) => format!("{message} ({code})"),
    }
}

/// A cancel that this platform's API cannot say. Repeating it would not help: it ends as refused, with the cause.
fn unsendable(error: ConnectorError) -> CallError {
    CallError { remedy: Remedy::Rejected, ..refused(error) }
}

/// A check that failed changed nothing: whatever it came to, the cancel itself was not sent.
pub(crate) fn not_carried_out(error: CallError) -> CallError {
    let remedy = match error.remedy {
        Remedy::Unknown => Remedy::RetryAfter(Span::from_seconds(1)),
        other => other,
    };
    CallError { remedy, ..error }
}

/// Whether a later read contradicts a refusal: the platform says that we cancelled after all.
pub(crate) fn contradicts(record: &CancellationRecord, order: &OrderRecord, policy: &Policy) -> bool {
    record.request.is_none()
        && matches!(record.saga.phase, Phase::Refused(_))
        && !matches!(record.saga.sent, Sent::Never)
        && reconcile::view(record, order, policy) == View::Canceled(Some(domain::snapshot::Initiator::Seller))
}
