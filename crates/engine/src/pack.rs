//! Packing, ready-to-ship, repacking and the ship scan: accepted in the caller's transaction, carried on by ticks with the
//! cancel's own care (`cancel.rs`): read, decide, write the intent, send, read again, settle.
//!
//! A shipment holds its order's slot: a cancel that is accepted meanwhile waits until its outcome is known, and a shipment
//! that was not sent yet gives way to it.

use crate::cancel::{in_words, not_carried_out, outcome_of};
use crate::commands::{CommandError, facts_of_shipment};
use crate::ledger::marks;
use crate::read_orders::{ORDERS_PER_COMMIT, ReadOf, Reads, refused};
use crate::scan::{Heard, Leave};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use connectors::call::{CallError, Remedy, Story};
use connectors::connector::{ShipmentAccepted, ShipmentPart};
use domain::eligibility::{Blocked, Gate};
use domain::ids::{CancellationId, MerchantId, OrderId, OrderNumber, PackageNumber, ShipmentId};
use domain::order::{List, Stage, Tab, place};
use domain::shipment::{self, Act, Door, Effect, Event, Facts, Mark, Phase, Shipment, State, View, decide};
use domain::snapshot::OrderSnapshot;
use domain::time::{Moment, Span};
use futures_util::{StreamExt as _, stream};
use std::collections::HashMap;
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::shipments::{self, ShipmentRecord};
use store::{Session, StoreError, cancellations, new_id, stock};

/// Rounds of one tick: enough for read, send, read, and once more for an order with several parcels.
const MAX_ROUNDS: usize = 5;
/// How long an intent may wait for its turn to be sent, on top of the calls' time-outs.
const QUEUE_TIME: Span = Span::from_seconds(5);
/// How long to wait after a conflict with somebody else's change of the order.
const CONFLICT_PAUSE: Span = Span::from_millis(50);

/// A shipment that this tick works on.
struct Work {
    claim: Claim,
    id: ShipmentId,
    order: OrderId,
    number: OrderNumber,
}

/// An intent that was committed and is to be sent.
struct Intent {
    work: Work,
    attempt: u32,
    deadline: Moment,
    part: ShipmentPart,
}

impl Engine {
    /// Accepts a pack, a ready-to-ship or a repack: durable with the caller's commit, carried out by the next tick.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn request_shipment(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        act: Act,
        order: &OrderId,
        expected_version: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        match shipment::door(act, facts_of_shipment(&before)) {
            Door::Open => {}
            Door::Done => return Err(CommandError::WrongList(done_already(act).to_owned())),
            Door::Closed(blocked) => return Err(blocked.into()),
        }
        refuse_while_shipping(&before)?;
        if act == Act::Pack && before.tab == Tab::OutOfStock {
            let detail = "There is not enough stock for this order; put units on the shelf first.".to_owned();
            return Err(CommandError::WrongList(detail));
        }
        self.refuse_without_shipping(&before)?;
        let shop = self.open_record(self.shop(session, merchant, &before.shop).await?)?;
        let offered = shop.connector.capabilities();
        let is_offered = match act {
            Act::Pack => offered.shipping,
            Act::ReadyToShip => offered.ready_to_ship,
            Act::Repack => offered.repack,
        };
        if !is_offered {
            let platform = before.platform.title();
            let detail = format!("{platform} has no call for this; do it in its Seller Center.");
            return Err(Blocked { gate: Gate::NotSupported, detail }.into());
        }
        Ok(self.begin_shipment(session, actor, act, before, None).await?)
    }

    /// Manual orders are taken on step by step: nobody is called for them.
    fn refuse_without_shipping(&self, order: &OrderRecord) -> Result<(), CommandError> {
        if self.policy(order.platform)?.shipping.is_offered() {
            return Ok(());
        }
        let detail = "Nobody arranges shipments of this order; take it on by hand.".to_owned();
        Err(Blocked { gate: Gate::NotSupported, detail }.into())
    }

    /// Writes a shipment whose door is open; `cancellation` is the cancel of chosen items that it belongs to.
    pub(crate) async fn begin_shipment(
        &self,
        session: &mut Session,
        actor: &str,
        act: Act,
        before: OrderRecord,
        cancellation: Option<&CancellationId>,
    ) -> Result<OrderRecord, EngineError> {
        let now = self.clock.now();
        let record = ShipmentRecord {
            merchant: before.merchant.clone(),
            id: ShipmentId::parse(new_id("shi", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            order: before.id.clone(),
            shop: before.shop.clone(),
            act,
            cancellation: cancellation.cloned(),
            saga: Shipment::requested(now),
            platform_message: None,
            actor: actor.to_owned(),
            created_at: now,
            updated_at: now,
        };
        let mut after = before.clone();
        after.shipment = Mark::Live;
        after.updated_at = now;
        put_in_place(&mut after);
        orders::update(session, &before, &after).await?;
        shipments::insert(session, &record).await?;
        jobs::want(session, &before.merchant, &before.shop, Kind::Shipment, record.id.as_str(), now).await?;
        let detail = format!("{} of {} asked for", in_words_of(act), before.number);
        self.log_shipment(session, &record, actor, "shipment.requested", &detail).await?;
        after.version = before.version + 1;
        Ok(after)
    }

    /// Scans an order out, with all of its parcels: its units leave the shelf, and the platform is told where it wants to be.
    /// What is known of it was made fresh by [`Engine::hear_of_orders`] before.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn ship(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        expected_version: Option<i64>,
        leave: Leave<'_>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        self.ship_parcel(session, actor, before, None, leave).await
    }

    /// Scans one parcel of an order out, or all of them where none is named. The platform is told once the last one is out.
    /// A closed door says so first; an open one lets nothing out on old news, unless somebody passes it.
    pub(crate) async fn ship_parcel(
        &self,
        session: &mut Session,
        actor: &str,
        before: OrderRecord,
        package: Option<&PackageNumber>,
        leave: Leave<'_>,
    ) -> Result<OrderRecord, CommandError> {
        match shipment::door(Act::ReadyToShip, facts_of_shipment(&before)) {
            Door::Open => {}
            Door::Done => return Err(CommandError::WrongList("The courier has it already.".to_owned())),
            Door::Closed(blocked) => return Err(blocked.into()),
        }
        refuse_while_shipping(&before)?;
        if before.list != List::InProcess {
            return Err(CommandError::WrongList("Only orders in In Process can be shipped.".to_owned()));
        }
        self.refuse_without_shipping(&before)?;
        match (leave.heard, leave.pass) {
            (Heard::Changing, _) => return Err(CommandError::Stale),
            (Heard::Silence(why), None) => return Err(CommandError::PlatformSilent(why.clone())),
            (Heard::Silence(_), Some(_)) | (Heard::Lately, _) => {}
        }
        let scanned = self.scan(session, actor, before, package, true).await?;
        if let (Heard::Silence(why), Some(pass)) = (leave.heard, leave.pass) {
            self.log_passed(session, &scanned, actor, why, pass).await?;
        }
        let shop = self.open_record(self.shop(session, &scanned.merchant, &scanned.shop).await?)?;
        if scanned.scanned_out && shop.connector.capabilities().ready_to_ship {
            return Ok(self.begin_shipment(session, actor, Act::ReadyToShip, scanned, None).await?);
        }
        Ok(scanned)
    }

    /// Takes the ship scans of an order back, before the courier scanned it: the units are here again, packed.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn undo_ship(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        expected_version: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        refuse_while_shipping(&before)?;
        let scanned = before.list == List::InProcess && before.packages.iter().any(|package| package.scanned_out);
        if before.list != List::ToPickup && !scanned {
            let detail = "Only a ship scan of an order in To Pickup can be taken back.".to_owned();
            return Err(CommandError::WrongList(detail));
        }
        self.scan(session, actor, before, None, false).await
    }

    async fn scan(
        &self,
        session: &mut Session,
        actor: &str,
        before: OrderRecord,
        package: Option<&PackageNumber>,
        out: bool,
    ) -> Result<OrderRecord, CommandError> {
        let now = self.clock.now();
        let shop = self.shop(session, &before.merchant, &before.shop).await?;
        stock::lock(session, &before.merchant, std::slice::from_ref(&before.id)).await?;
        let mut after = before.clone();
        after.updated_at = now;
        for parcel in after.packages.iter_mut().filter(|parcel| package.is_none_or(|named| parcel.number == *named)) {
            parcel.scanned_out = out;
            // The one way back: everything else only moves the goods on.
            parcel.stage = if out { parcel.stage.max(Stage::HandedOver) } else { Stage::Packed };
        }
        // The order is as far as its least advanced parcel.
        after.scanned_out = out && after.packages.iter().all(|parcel| parcel.scanned_out);
        if after.scanned_out {
            after.stage = before.stage.max(Stage::HandedOver);
        } else if !out {
            after.stage = Stage::Packed;
        }
        let settled = self.settle(session, &mut after, shop.is_counted(), None, actor).await?;
        put_in_place(&mut after);
        orders::update(session, &before, &after).await?;
        stock::write(session, &before.merchant, &settled.movements, now).await?;
        let (action, detail) = match (out, package) {
            (true, Some(package)) if !after.scanned_out => {
                ("order.parcel_shipped", format!("parcel {package} of {} scanned out", before.number))
            }
            (true, _) => ("order.shipped", format!("{} scanned out", before.number)),
            (false, _) => ("order.ship_undone", format!("ship scan of {} taken back", before.number)),
        };
        let entry = Entry {
            actor,
            action,
            shop: Some(&before.shop),
            order: Some(&before.id),
            subject: before.number.as_str(),
            detail: &detail,
        };
        log::write(session, &before.merchant, now, &entry).await?;
        after.version = before.version + 1;
        Ok(after)
    }

    pub(crate) async fn carry_on_shipments(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: Vec<Claim>,
    ) -> Result<(), EngineError> {
        let mut works = self.take_up_shipments(shop, lease, claims).await?;
        for round in 0..MAX_ROUNDS {
            if works.is_empty() {
                break;
            }
            let numbers: Vec<OrderNumber> = works.iter().map(|work| work.number.clone()).collect();
            let reads = self.read_from_platform(shop, &numbers).await;
            let intents = self.apply_shipment_reads(shop, lease, works, &reads, round + 1 == MAX_ROUNDS).await?;
            works = self.send_shipments(shop, lease, intents).await?;
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

    /// Finds the orders of the claimed shipments, ends the jobs of finished ones, and tells what a crash left behind.
    async fn take_up_shipments(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: Vec<Claim>,
    ) -> Result<Vec<Work>, EngineError> {
        let merchant = &shop.record.merchant;
        let now = self.clock.now();
        let mut claims: HashMap<String, Claim> =
            claims.into_iter().map(|claim| (claim.subject.clone(), claim)).collect();
        let ids: Vec<ShipmentId> = claims.keys().filter_map(|id| ShipmentId::parse(id.as_str()).ok()).collect();
        let mut session = self.store.begin().await?;
        let records = shipments::load(&mut session, merchant, &ids).await?;
        let orders: Vec<OrderId> = records.iter().map(|record| record.order.clone()).collect();
        let numbers: HashMap<OrderId, OrderNumber> =
            orders::numbers(&mut session, merchant, &orders).await?.into_iter().collect();
        let left_behind = shipments::open_attempts(&mut session, merchant, &ids).await?;
        let mut works = Vec::with_capacity(records.len());
        for mut record in records {
            let (Some(claim), Some(number)) = (claims.remove(record.id.as_str()), numbers.get(&record.order)) else {
                continue;
            };
            if record.saga.state().is_final() {
                jobs::finish(&mut session, lease, &claim, now).await?;
                continue;
            }
            if let Some((_, attempt, deadline)) = left_behind.iter().find(|(id, ..)| *id == record.id) {
                // Whoever wrote this intent did not live to write its outcome: it may have happened.
                let outcome = cancellations::Outcome {
                    outcome: "unknown",
                    platform_message: "interrupted".to_owned(),
                    ..cancellations::Outcome::default()
                };
                shipments::end_attempt(&mut session, merchant, &record.id, *attempt, &outcome, now).await?;
                record.saga = decide(record.saga, Event::Unknown { deadline: *deadline }, now, &shop.policy).0;
                record.updated_at = now;
                shipments::save(&mut session, &record).await?;
            }
            works.push(Work { claim, id: record.id, order: record.order, number: number.clone() });
        }
        // A job whose shipment does not exist has nothing to do.
        for claim in claims.values() {
            jobs::finish(&mut session, lease, claim, now).await?;
        }
        session.commit().await?;
        Ok(works)
    }

    /// Commits what the reads mean; answers the intents to be sent.
    async fn apply_shipment_reads(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        works: Vec<Work>,
        reads: &Reads,
        last: bool,
    ) -> Result<Vec<Intent>, EngineError> {
        let merchant = &shop.record.merchant;
        let mut intents = Vec::new();
        let mut works = works.into_iter().peekable();
        while works.peek().is_some() {
            let part: Vec<Work> = works.by_ref().take(ORDERS_PER_COMMIT).collect();
            let ids: Vec<OrderId> = part.iter().map(|work| work.order.clone()).collect();
            let shipments: Vec<ShipmentId> = part.iter().map(|work| work.id.clone()).collect();
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, merchant, &ids).await?;
            stock::lock(&mut session, merchant, &ids).await?;
            let records = shipments::load(&mut session, merchant, &shipments).await?;
            let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
            let orders = orders::load(&mut session, merchant, &ids).await?;
            let mut orders: HashMap<_, _> = orders.into_iter().map(|order| (order.id.clone(), order)).collect();
            let mut begun = Vec::new();
            for work in part {
                let (Some(record), Some(order)) = (records.remove(&work.id), orders.remove(&work.order)) else {
                    continue;
                };
                session.savepoint().await?;
                match self.apply_shipment_read(&mut session, shop, lease, &work, (record, order), reads, last).await {
                    Ok(Step::Send { attempt, deadline, part }) => {
                        session.release().await?;
                        begun.push(Intent { work, attempt, deadline, part });
                    }
                    Ok(Step::Left) => session.release().await?,
                    Ok(Step::Lost) => session.undo().await?,
                    Err(EngineError::Store(error)) if error.is_passing() => {
                        session.undo().await?;
                        let now = self.clock.now();
                        jobs::again(&mut session, lease, &work.claim, now.plus(CONFLICT_PAUSE), now).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            session.commit().await?;
            intents.extend(begun);
        }
        Ok(intents)
    }

    /// Applies one order's read to the order and to its shipment, in one transaction.
    #[expect(clippy::too_many_arguments, reason = "what is known of one shipment, and the round it is in")]
    async fn apply_shipment_read(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        lease: &Lease,
        work: &Work,
        (mut record, before): (ShipmentRecord, OrderRecord),
        reads: &Reads,
        last: bool,
    ) -> Result<Step, EngineError> {
        let merchant = &shop.record.merchant;
        let now = self.clock.now();
        let (order, event, next) = match reads.of(&work.number) {
            ReadOf::Order(snapshot) => {
                let applied = self.apply(session, shop, Some(before), &snapshot, reads.began_at).await?;
                if applied.stale {
                    (applied.order, Event::ReadFailed { retry_after: Span::ZERO }, None)
                } else {
                    let (view, next) = view(shop, &record, &applied.order, &snapshot);
                    (applied.order, Event::Read { view, updated_at: Some(snapshot.updated_at) }, next)
                }
            }
            ReadOf::Missing => (before, Event::Read { view: View::Missing, updated_at: None }, None),
            ReadOf::Failed { retry_after, .. } => (before, Event::ReadFailed { retry_after }, None),
        };
        let was = record.saga.state();
        let (saga, effect) = decide(record.saga.clone(), event, now, &shop.policy);
        record.saga = saga;
        record.updated_at = now;
        if record.saga.state() == State::NeedsAttention && was != State::NeedsAttention {
            let detail = "too old; a person should look, the platform is still being asked";
            self.log_shipment(session, &record, "countermand", "shipment.needs_attention", detail).await?;
        }
        match (effect, next) {
            (Effect::End, _) => {
                self.end_shipment(session, &mut record, &order).await?;
                held(jobs::finish(session, lease, &work.claim, now).await?)
            }
            (Effect::Send, Some(part)) if !last && lease.until.since(now) >= window(shop).and(QUEUE_TIME) => {
                let deadline = now.plus(window(shop)).plus(QUEUE_TIME);
                shipments::save(session, &record).await?;
                shipments::begin_attempt(session, merchant, &record.id, record.saga.attempts, now, deadline).await?;
                if !jobs::still_held(session, lease, &work.claim).await? {
                    return Ok(Step::Lost);
                }
                Ok(Step::Send { attempt: record.saga.attempts, deadline, part })
            }
            // Too late in this lease to send: the next tick reads again and decides anew.
            (Effect::Send, _) => held(jobs::again(session, lease, &work.claim, now, now).await?),
            (Effect::Read(wake_at), _) => {
                shipments::save(session, &record).await?;
                held(jobs::again(session, lease, &work.claim, wake_at, now).await?)
            }
        }
    }

    /// Sends the intents, many at once, and commits the answers as they come. Answers what is to be read at once.
    async fn send_shipments(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        intents: Vec<Intent>,
    ) -> Result<Vec<Work>, EngineError> {
        let merchant = &shop.record.merchant;
        let mut sends = Vec::with_capacity(intents.len());
        for intent in intents {
            sends.push(self.send_shipment(shop, intent));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let mut answered = stream::iter(sends).buffer_unordered(in_flight).ready_chunks(ORDERS_PER_COMMIT);
        let mut works = Vec::new();
        while let Some(answers) = answered.next().await {
            let ids: Vec<OrderId> = answers.iter().map(|(intent, _)| intent.work.order.clone()).collect();
            let shipments: Vec<ShipmentId> = answers.iter().map(|(intent, _)| intent.work.id.clone()).collect();
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, merchant, &ids).await?;
            let records = shipments::load(&mut session, merchant, &shipments).await?;
            let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
            let mut read_now = Vec::new();
            for (intent, answer) in answers {
                let Some(mut record) = records.remove(&intent.work.id) else { continue };
                let now = self.clock.now();
                let outcome = outcome_of(&answer);
                shipments::end_attempt(&mut session, merchant, &record.id, intent.attempt, &outcome, now).await?;
                orders::mark_written(&mut session, merchant, &intent.work.order, now).await?;
                let event = event_of(&mut record, answer.map(|_: ShipmentAccepted| ()), intent.deadline);
                let (saga, effect) = decide(record.saga, event, now, &shop.policy);
                record.saga = saga;
                record.updated_at = now;
                shipments::save(&mut session, &record).await?;
                match effect {
                    Effect::Read(wake_at) if wake_at <= now => read_now.push(intent.work),
                    Effect::Read(wake_at) => {
                        jobs::again(&mut session, lease, &intent.work.claim, wake_at, now).await?;
                    }
                    // An answer never ends a shipment and never sends: a read does.
                    Effect::End | Effect::Send => {
                        jobs::again(&mut session, lease, &intent.work.claim, now, now).await?;
                    }
                }
            }
            session.commit().await?;
            works.extend(read_now);
        }
        Ok(works)
    }

    /// Asks the platform how it wants the part arranged, where it has to be asked, and sends it.
    async fn send_shipment(&self, shop: &OpenShop, intent: Intent) -> (Intent, Result<ShipmentAccepted, CallError>) {
        let answer = self.send_part(shop, &intent).await;
        (intent, answer)
    }

    async fn send_part(&self, shop: &OpenShop, intent: &Intent) -> Result<ShipmentAccepted, CallError> {
        let mut part = intent.part.clone();
        let now = self.clock.platform_now(shop.record.platform);
        if shop.connector.check_shipment(&part, now).is_some() {
            let checked = self
                .call(shop, Some(intent.deadline), |connector, now| {
                    connector
                        .check_shipment(&part, now)
                        .ok_or_else(|| refused(connectors::connector::ConnectorError::NotOffered(part.act)))
                })
                .await
                .map_err(not_carried_out)?;
            if let Some(words) = &checked.refused {
                let story = Story { message: words.clone(), ..Story::default() };
                return Err(CallError { remedy: Remedy::Rejected, story });
            }
            part.checked = Some(checked);
        }
        self.call(shop, Some(intent.deadline), |connector, now| connector.send_shipment(&part, now).map_err(refused))
            .await
    }

    /// Writes the end of a shipment: the order is free again.
    async fn end_shipment(
        &self,
        session: &mut Session,
        record: &mut ShipmentRecord,
        order: &OrderRecord,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let act = in_words_of(record.act);
        let (mark, action, detail) = match &record.saga.phase {
            Phase::Failed(words) => {
                record.platform_message = Some(words.clone());
                let mark = if record.act == Act::Pack { Mark::PackFailed } else { Mark::None };
                (mark, "shipment.failed", words.clone())
            }
            Phase::Done => (Mark::None, "shipment.done", format!("{act} of {} done", order.number)),
            Phase::Requested | Phase::Submitting | Phase::Confirming => return Ok(()),
        };
        record.updated_at = now;
        shipments::save(session, record).await?;
        let mut after = order.clone();
        after.shipment = mark;
        after.updated_at = now;
        put_in_place(&mut after);
        orders::update(session, order, &after).await?;
        self.log_shipment(session, record, "countermand", action, &detail).await
    }

    async fn log_shipment(
        &self,
        session: &mut Session,
        record: &ShipmentRecord,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), EngineError> {
        let entry = Entry {
            actor,
            action,
            shop: Some(&record.shop),
            order: Some(&record.order),
            subject: record.id.as_str(),
            detail,
        };
        Ok(log::write(session, &record.merchant, self.clock.now(), &entry).await?)
    }
}

/// What became of one shipment in one step.
enum Step {
    /// The intent is written.
    Send { attempt: u32, deadline: Moment, part: ShipmentPart },
    /// Its job was ended or given back.
    Left,
    /// The lease was lost: somebody else has it.
    Lost,
}

const fn held(held: bool) -> Result<Step, EngineError> {
    Ok(if held { Step::Left } else { Step::Lost })
}

/// How long the two calls of one part may take together.
fn window(shop: &OpenShop) -> Span {
    shop.policy.call_timeout.and(shop.policy.call_timeout)
}

/// What a read says, as far as this act is concerned, and the part that is next.
fn view(
    shop: &OpenShop,
    record: &ShipmentRecord,
    order: &OrderRecord,
    snapshot: &OrderSnapshot,
) -> (View, Option<ShipmentPart>) {
    let (act, facts) = (record.act, facts_of_shipment(order));
    // The cancel that a repack belongs to waits for it, and closes no door before it.
    let facts = Facts { cancelling: facts.cancelling && record.cancellation.is_none(), ..facts };
    match shipment::door(act, facts) {
        Door::Done => (View::Nothing, None),
        Door::Closed(blocked) => (View::Closed(blocked.detail), None),
        Door::Open => match shop.connector.next_part(act, snapshot) {
            Some(part) => (View::Left { part: part.name() }, Some(part)),
            None => (View::Nothing, None),
        },
    }
}

fn event_of(record: &mut ShipmentRecord, answer: Result<(), CallError>, deadline: Moment) -> Event {
    match answer {
        Ok(()) => Event::Accepted,
        Err(error) => match error.remedy {
            Remedy::Rejected => {
                let words = in_words(&error.story);
                record.platform_message = Some(words.clone());
                Event::Rejected { words }
            }
            Remedy::Unknown => Event::Unknown { deadline },
            Remedy::RetryAfter(retry_after) => Event::NotNow { retry_after },
            Remedy::Pause(pause) => Event::NotNow { retry_after: pause.span },
            Remedy::TokenExpired => Event::NotNow { retry_after: Span::from_seconds(1) },
            Remedy::Reauthorize | Remedy::Bug => {
                record.platform_message = Some(in_words(&error.story));
                Event::NotNow { retry_after: Span::from_seconds(30) }
            }
        },
    }
}

/// The list and tab that the order's marks give it, without looking at stock again.
pub(crate) fn put_in_place(order: &mut OrderRecord) {
    let short = order.tab == Tab::OutOfStock;
    let before = domain::order::Placement { list: order.list, tab: order.tab };
    let placement = place(order.standing, order.fulfilled_by, marks(order, short), Some(before));
    (order.list, order.tab) = (placement.list, placement.tab);
}

/// One shipment at a time: the order's slot is taken.
pub(crate) fn refuse_while_shipping(order: &OrderRecord) -> Result<(), CommandError> {
    if order.shipment == Mark::Live {
        let detail = "A pack or shipment of this order is under way; wait for its end.".to_owned();
        return Err(CommandError::WrongList(detail));
    }
    Ok(())
}

const fn in_words_of(act: Act) -> &'static str {
    match act {
        Act::Pack => "pack",
        Act::ReadyToShip => "ready to ship",
        Act::Repack => "repack",
    }
}

const fn done_already(act: Act) -> &'static str {
    match act {
        Act::Pack => "The order is packed already.",
        Act::ReadyToShip => "The platform knows already that it is ready.",
        Act::Repack => "The order is to be packed already.",
    }
}
