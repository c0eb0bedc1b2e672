//! Repairs of what an audit found at third-party warehouses: the warehouse is read once more, and what it says then is applied, as
//! an ordinary read would be. What ought to be there is pushed again under another reference; what ought not is asked back; a
//! number of the stock is entered as a count.

use crate::adjustments::{Adjustment, AdjustmentError};
use crate::audit_warehouses::{Told, named, other_number, seen_in_words};
use crate::repair::{RepairError, Repaired, not_now};
use crate::stock_ins::WAREHOUSE_ACTOR;
use crate::warehouse_calls::OpenAccount;
use crate::warehouse_orders::{lane_of, note_seen};
use crate::warehouse_tending::{lives_there, may_leave};
use crate::{Engine, EngineError};
use connectors::call::CallError;
use connectors::warehouse::{Named, SeenOrder, WithdrawalAnswer};
use domain::difference::DifferenceKind;
use domain::ids::{MerchantId, MerchantSku, WarehouseId};
use domain::policy::Standing;
use domain::stock as rules;
use domain::time::Moment;
use domain::warehouse_order::{Learnt, Phase, decide};
use domain::withdrawal::{Effect, State};
use store::audits::Found;
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::warehouse_shelves::{self, ShelfAt};
use store::{Session, StoreError, stock};

fn silent(error: &CallError) -> RepairError {
    not_now(format!("the warehouse did not answer: {error}"))
}

/// The push after a read that a person asked for. What is not there any more will not leave, as if it were canceled.
fn learn_from(
    account: &OpenAccount,
    before: &WarehouseOrderRecord,
    seen: Option<&SeenOrder>,
    now: Moment,
) -> (WarehouseOrderRecord, Effect) {
    let rules_there = account.warehouse.rules();
    let mut record = before.clone();
    if let Some(seen) = seen {
        note_seen(&mut record, seen);
    }
    let phase = seen.map_or(Phase::Cancelled, |seen| seen.phase);
    if record.saga.state == State::Withdrawn && matches!(phase, Phase::Open | Phase::Picked | Phase::Packed) {
        // Somebody looked at it since it was found: that is longer than any grace.
        record.saga.contradicted_since = Some(now.minus(rules_there.contradicted_for));
    }
    let (saga, _, effect) = decide(record.saga, Learnt::Seen(phase), now, &rules_there);
    record.saga = saga;
    record.updated_at = now;
    (record, effect)
}

impl Engine {
    async fn account_of(&self, merchant: &MerchantId, found: &Found) -> Result<OpenAccount, RepairError> {
        let warehouse = found.warehouse.as_ref().ok_or(RepairError::NotFound)?;
        let mut session = self.store.read().await?;
        Ok(self.open_account(&mut session, merchant, warehouse).await?)
    }

    async fn read_named(&self, account: &OpenAccount, named: &Named) -> Result<Option<SeenOrder>, RepairError> {
        self.call_warehouse(account, None, account.warehouse.read_order(named)).await.map_err(|error| silent(&error))
    }

    /// Reads the order at the warehouse once more, and applies what it says. Units of a canceled order that left wait to come
    /// back; what is worked on although nobody wants it to leave is asked back; what the warehouse canceled or lost and ought to
    /// be there is pushed again.
    pub(crate) async fn believe_the_warehouse(&self, merchant: &MerchantId, actor: &str, found: &Found) -> Repaired {
        let id = found.order.as_ref().ok_or(RepairError::NotFound)?;
        let account = self.account_of(merchant, found).await?;
        let place = (merchant, &account.record.warehouse);
        let mut session = self.store.read().await?;
        let record = warehouse_orders::of_reference(&mut session, place, &found.subject).await?;
        let latest = warehouse_orders::latest_at(&mut session, merchant, id, place.1).await?;
        drop(session);
        let (Some(before), Some(latest)) = (record, latest) else { return Err(RepairError::NotFound) };
        let mut seen = self.read_named(&account, &named(&before)).await?;
        if seen.is_none() {
            // By its id it is not there; only what is not found by our reference either is not.
            seen = self.read_named(&account, &Named::Reference(before.reference.clone())).await?;
        }
        if seen.is_none()
            && !matches!(found.kind, DifferenceKind::UnknownAtWarehouse | DifferenceKind::CanceledAtWarehouse)
        {
            return Err(not_now("the warehouse does not know this order now; audit again"));
        }
        if latest.generation != before.generation {
            return self.believe_of_an_earlier_push(&account, actor, (&before, &latest), seen.as_ref()).await;
        }

        let (mut session, order) = self.begin_with(merchant, id).await?;
        let known = warehouse_orders::latest_at(&mut session, merchant, id, place.1).await?;
        if known.as_ref() != Some(&before) {
            return Err(not_now("it changed meanwhile; try again"));
        }
        let now = self.clock.now();
        let (record, effect) = learn_from(&account, &before, seen.as_ref(), now);
        warehouse_orders::save(&mut session, &record).await?;
        if seen.is_some() {
            self.log_learnt(&mut session, &account, (&before, &record), &order, effect).await?;
        } else {
            let detail = format!("{} does not know {}: it counts as not there", account.record.name, order.number);
            self.log_warehouse(&mut session, &record, actor, "warehouse.lost", &detail).await?;
        }
        let mut order = self.place_goods(&mut session, order, &record).await?;
        let mut outcome = format!(
            "{}: it is {} now",
            seen_in_words(&account, seen.as_ref()),
            record.saga.state.as_str().replace('_', " ")
        );
        let lives = lives_there(&order, place.1);
        if record.saga.state == State::RefusedShipped && order.standing == Standing::Canceled {
            self.wait_for_what_left(&mut session, order, &record, now).await?;
            outcome.push_str("; its units wait to come back");
        } else if record.saga.state == State::Pushed
            && !(lives && order.standing != Standing::Canceled && !order.voided)
        {
            order = self.ask_back(&mut session, order, record.clone(), actor).await?;
            outcome = format!("{} is asked back", order.number);
        } else if record.saga.state == State::Withdrawing && before.saga.state == State::Withdrawn {
            outcome = format!("{} is asked back once more", order.number);
        } else if record.saga.is_handed_back() && !record.saga.wanted && lives && may_leave(&order, false) {
            let generation = 1 + self.generations(&mut session, &order).await?;
            self.begin_push(&mut session, &order, place.1, (generation, true)).await?;
            outcome = format!("{outcome}; it is pushed again as {}-{generation}", order.id);
        }
        let lane = lane_of(place.1)?;
        jobs::want(&mut session, merchant, &lane, Kind::WarehouseOrder, id.as_str(), now).await?;
        Ok((session, outcome))
    }

    /// How often an order was pushed, to whichever warehouse.
    async fn generations(&self, session: &mut Session, order: &OrderRecord) -> Result<u32, StoreError> {
        let pushes = warehouse_orders::of_orders(session, &order.merchant, std::slice::from_ref(&order.id)).await?;
        Ok(pushes.iter().map(|push| push.generation).max().unwrap_or(0))
    }

    /// What was handed back, was pushed again under another reference since, and is there or left all the same: two parcels may
    /// go out. What is there is asked back at once; of what left, that is kept.
    async fn believe_of_an_earlier_push(
        &self,
        account: &OpenAccount,
        actor: &str,
        (before, latest): (&WarehouseOrderRecord, &WarehouseOrderRecord),
        seen: Option<&SeenOrder>,
    ) -> Repaired {
        let merchant = &before.merchant;
        let phase = seen.map_or(Phase::Cancelled, |seen| seen.phase);
        let mut outcome = format!("{}; it was pushed again as {}", seen_in_words(account, seen), latest.reference);
        if let (Some(seen), Phase::Open | Phase::Picked | Phase::Packed | Phase::Undecided) = (seen, phase) {
            let detail = self.ask_back_at_once(account, actor, &before.reference, &seen.number).await?;
            let session = self.store.begin().await?;
            return Ok((session, format!("{outcome}; {detail}")));
        }
        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, std::slice::from_ref(&before.order)).await?;
        if phase == Phase::Shipped {
            let now = self.clock.now();
            let (record, effect) = learn_from(account, before, seen, now);
            warehouse_orders::save(&mut session, &record).await?;
            let order = orders::load_one(&mut session, merchant, &before.order).await?.ok_or(RepairError::NotFound)?;
            self.log_learnt(&mut session, account, (before, &record), &order, effect).await?;
            outcome.push_str(": ask for that one back, or two parcels go out");
        }
        Ok((session, outcome))
    }

    /// Asks the warehouse for an order that no push of ours is about any more; answers what became of it. The asking is logged,
    /// whatever the answer.
    async fn ask_back_at_once(
        &self,
        account: &OpenAccount,
        actor: &str,
        reference: &str,
        number: &str,
    ) -> Result<String, RepairError> {
        let name = &account.record.name;
        let answer = self.call_warehouse(account, None, account.warehouse.withdraw(number)).await;
        let said = match &answer {
            Ok(WithdrawalAnswer::Stopped) => "stopped".to_owned(),
            Ok(WithdrawalAnswer::StoppedForAFee) => "stopped, its fee is not given back".to_owned(),
            Ok(WithdrawalAnswer::Trying) => "it tries".to_owned(),
            Ok(WithdrawalAnswer::TooLatePicked) => "too late, it is picked".to_owned(),
            Ok(WithdrawalAnswer::TooLateShipped) => "too late, it left".to_owned(),
            Ok(WithdrawalAnswer::Failed | WithdrawalAnswer::Unclear) => "not stopped, without a reason".to_owned(),
            Err(error) => format!("no usable answer ({error})"),
        };
        let mut session = self.store.begin().await?;
        let entry = Entry {
            actor,
            action: "warehouse.withdraw",
            shop: None,
            order: None,
            subject: reference,
            detail: &format!("{number} is asked back from {name}: {said}"),
        };
        log::write(&mut session, &account.record.merchant, self.clock.now(), &entry).await?;
        session.commit().await?;
        if matches!(answer, Ok(WithdrawalAnswer::Trying)) {
            return Ok(format!("{name} tries to stop it; the next audit tells whether it did"));
        }
        // An answer is never believed before a read agrees.
        match self.read_named(account, &Named::Number(number.to_owned())).await?.map(|seen| seen.phase) {
            None | Some(Phase::Cancelled) => Ok(format!("asked back from {name}: {said}")),
            Some(phase) => Err(not_now(format!(
                "{name} was asked for {number}: {said}, and shows it as {phase}. Contact {}",
                account.record.contact
            ))),
        }
    }

    /// Asks for an order back that we never pushed.
    pub(crate) async fn send_stranger_back(&self, merchant: &MerchantId, actor: &str, found: &Found) -> Repaired {
        let account = self.account_of(merchant, found).await?;
        let prefix = format!("{}/", account.record.warehouse);
        let number = found.subject.strip_prefix(&prefix).ok_or(RepairError::NotFound)?;
        let seen = self.read_named(&account, &Named::Number(number.to_owned())).await?;
        let waits = seen.as_ref().is_some_and(|seen| !matches!(seen.phase, Phase::Shipped | Phase::Cancelled));
        let outcome = if waits {
            self.ask_back_at_once(&account, actor, number, number).await?
        } else {
            // It is over there by itself.
            seen_in_words(&account, seen.as_ref())
        };
        Ok((self.store.begin().await?, outcome))
    }

    /// Units of a canceled order that left although they were handed back: they are not on the shelf, and wait to come back.
    async fn wait_for_what_left(
        &self,
        session: &mut Session,
        before: OrderRecord,
        record: &WarehouseOrderRecord,
        now: Moment,
    ) -> Result<(), EngineError> {
        let skus: Vec<MerchantSku> = before.lines.iter().map(|line| line.merchant_sku.clone()).collect();
        let mut shelves = stock::available(session, &before.merchant, &skus).await?;
        let mut after = before.clone();
        let mut movements = Vec::new();
        for line in after.lines.iter_mut().filter(|line| line.warehouse == record.warehouse) {
            let shelf = shelves.entry((line.warehouse.clone(), line.merchant_sku.clone())).or_insert(0);
            let left = rules::courier_scan(&line.stock, line.quantity, u32::try_from(*shelf).unwrap_or(0));
            let waits = rules::come_back(&left.after);
            for step in left.steps.iter().filter(|step| step.from == rules::Bucket::Available) {
                *shelf -= i64::from(step.units);
            }
            let steps: Vec<rules::Step> = left.steps.into_iter().chain(waits.steps).collect();
            movements.extend(crate::cases::movements_of(&before, line, &steps, WAREHOUSE_ACTOR));
            line.stock = waits.after;
        }
        if movements.is_empty() {
            return Ok(());
        }
        crate::stock_ins::place_again(&mut after, now);
        orders::update(session, &before, &after).await?;
        Ok(stock::write(session, &before.merchant, &movements, now).await.map(drop)?)
    }

    async fn shelf_of(
        &self,
        session: &mut Session,
        place: (&MerchantId, &WarehouseId),
        sku: &MerchantSku,
    ) -> Result<ShelfAt, RepairError> {
        let shelves = warehouse_shelves::shelf_at(session, place, Some(std::slice::from_ref(sku)), "", 1).await?;
        shelves.into_iter().next().ok_or(RepairError::NotFound)
    }

    /// Enters what the warehouse has of a SKU as a count.
    pub(crate) async fn count_as_at_warehouse(&self, merchant: &MerchantId, actor: &str, found: &Found) -> Repaired {
        let sku = found.sku.as_ref().ok_or(RepairError::NotFound)?;
        let account = self.account_of(merchant, found).await?;
        let place = (merchant, &account.record.warehouse);
        let mut session = self.store.read().await?;
        let shelf = self.shelf_of(&mut session, place, sku).await?;
        drop(session);
        let told: Told = match self.told_of(&account, std::slice::from_ref(&shelf)).await {
            Ok(told) => told.unwrap_or_default(),
            Err(error) => return Err(silent(&error)),
        };
        if shelf.explained {
            return Err(not_now("an order of this SKU differs at the warehouse; repair that one first"));
        }
        if !told.contains_key(sku.as_str()) {
            return Err(not_now("the warehouse does not tell this SKU now; audit again"));
        }
        let mut session = self.store.begin().await?;
        let Some((counted, ..)) = other_number(&shelf, &told) else {
            return Ok((session, "the warehouse has what is to lie there now".to_owned()));
        };
        let counting = stock::to_count(&mut session, merchant, place.1, sku).await?;
        orders::lock(&mut session, merchant, &counting).await?;
        stock::lock_sku(&mut session, merchant, sku).await?;
        if self.shelf_of(&mut session, place, sku).await? != shelf {
            return Err(not_now("its stock moves just now; try again"));
        }
        let counted =
            u32::try_from(counted).map_err(|_| not_now("the warehouse has less than nothing; ask its staff"))?;
        let count = Adjustment::Count { counted };
        let note = Some("as the warehouse says");
        self.adjust(&mut session, merchant, actor, (place.1, sku), count, note).await.map_err(|error| match error {
            AdjustmentError::Engine(error) => RepairError::Engine(error),
            other => not_now(other.to_string()),
        })?;
        Ok((session, format!("{counted} counted, as {} says", account.record.name)))
    }
}
