//! The audit's look at third-party warehouses: what they have of our orders, which orders they have that we never pushed, and,
//! where they tell it, what lies there. The repairs of what it finds are in `repair_warehouses.rs`.
//!
//! An order that ought to be there is read every quarter of an hour anyway; only one of which nothing was learnt for longer, or
//! that was not found for as long, is compared. One that was handed back is never read again, and is compared for two weeks: that
//! is how one that left after all is found. A number of the stock is a difference once it was wrong twice, the second time after
//! every order of that SKU that may have left was read.

use crate::audit::{PATIENCE, WAIT_FOR_SHOPS, on_its_way};
use crate::warehouse_calls::{OpenAccount, crowded};
use crate::warehouse_orders::lane_of;
use crate::warehouse_tending::{lives_there, may_leave};
use crate::{Engine, EngineError};
use connectors::call::{CallError, Pause, Remedy};
use connectors::warehouse::{Named, SeenOrder, ShelfUnits};
use domain::difference::{AuditStep, DifferenceKind};
use domain::ids::{MerchantSku, OrderId, ShopId, WarehouseId};
use domain::policy::Standing;
use domain::time::{Moment, Span};
use domain::warehouse_order::Phase;
use domain::withdrawal::State;
use std::collections::HashMap;
use store::audits::{self, AuditRecord, Found, PartRecord};
use store::jobs::{self, Claim, Due, Kind, Lease};
use store::orders::{self, OrderRecord};
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::warehouse_shelves::{self, ShelfAt};
use store::{Session, StoreError};

/// Orders that one step reads, one by one.
const ORDERS_PER_LOOK: u32 = 10;
/// SKUs that one step asks for.
const SKUS_PER_LOOK: u32 = 100;
/// An order there of which something was learnt since is compared by its ordinary reads.
const WATCHED_WITHIN: Span = Span::from_seconds(1_200);
/// How long an order that was handed back is compared.
const HANDED_BACK_WITHIN: Span = Span::from_seconds(14 * 86_400);
/// How long to wait after a call that failed.
const RETRY: Span = Span::from_seconds(2);

/// An order here and its push, as they stand when they are compared with what the warehouse shows.
struct Held<'a> {
    record: &'a WarehouseOrderRecord,
    order: &'a OrderRecord,
    /// It was not pushed to this warehouse again since.
    is_last: bool,
    /// Nothing was learnt of it for longer than an ordinary read takes to come.
    unread: bool,
}

impl Held<'_> {
    /// Nobody wants it to leave any more.
    fn is_over(&self) -> bool {
        let over = matches!(self.order.standing, Standing::Canceled) || self.order.voided;
        over || !lives_there(self.order, &self.record.warehouse)
    }

    fn ought_to_be_there(&self) -> bool {
        self.is_last && may_leave(self.order, false) && lives_there(self.order, &self.record.warehouse)
    }

    /// What kind of difference there is between what we hold and what the warehouse shows.
    fn differs_from(&self, seen: Option<&SeenOrder>) -> Option<DifferenceKind> {
        let phase = seen.map(|seen| seen.phase);
        match (self.record.saga.state, phase) {
            (State::Withdrawn, Some(Phase::Shipped)) => Some(DifferenceKind::ShippedAnywayAtWarehouse),
            (State::Withdrawn, Some(Phase::Open | Phase::Picked | Phase::Packed)) => {
                Some(DifferenceKind::KeptAtWarehouse)
            }
            // Nobody asked for it, and it is to leave: it was the warehouse that canceled it. What was handed back need not be
            // kept there for ever.
            (State::Withdrawn, Some(Phase::Cancelled) | None) => {
                (!self.record.saga.wanted && self.ought_to_be_there()).then_some(DifferenceKind::CanceledAtWarehouse)
            }
            (State::Pushed | State::Withdrawing | State::RefusedPicked, None) => {
                Some(DifferenceKind::UnknownAtWarehouse)
            }
            (State::Pushed, Some(Phase::Shipped)) if self.unread => Some(DifferenceKind::ShippedAtWarehouse),
            (State::Pushed, Some(Phase::Cancelled)) if self.unread => Some(DifferenceKind::CanceledAtWarehouse),
            (State::Pushed, Some(Phase::Open | Phase::Picked | Phase::Packed))
                if self.unread && self.is_over() && !self.record.saga.wanted =>
            {
                Some(DifferenceKind::KeptAtWarehouse)
            }
            // What is being asked back has no last word yet, and what is known to have left is over.
            (
                State::NotPushed
                | State::Pushed
                | State::Withdrawing
                | State::Withdrawn
                | State::RefusedPicked
                | State::RefusedShipped
                | State::Unknown,
                _,
            ) => None,
        }
    }

    fn in_words(&self) -> String {
        let state = match self.record.saga.state {
            State::Withdrawn if self.record.saga.wanted => "handed back",
            State::Withdrawn => "to be there, and canceled there",
            State::Withdrawing => "asked back",
            State::RefusedPicked => "there, picked and not handed back",
            State::Pushed if self.is_over() => "canceled here, and not asked back",
            State::NotPushed | State::Pushed | State::RefusedShipped | State::Unknown => "to be there",
        };
        let raw = match self.record.raw_status.as_str() {
            "" => String::new(),
            raw => format!(", last read as “{raw}”"),
        };
        format!("{state} ({}){raw}", self.record.reference)
    }
}

/// What a warehouse's read shows, for people.
pub(crate) fn seen_in_words(account: &OpenAccount, seen: Option<&SeenOrder>) -> String {
    let name = &account.record.name;
    match seen {
        Some(seen) => format!("{name} shows {} as {} (“{}”)", seen.number, seen.phase, seen.raw_status),
        None => format!("{name} does not know it"),
    }
}

pub(crate) fn named(record: &WarehouseOrderRecord) -> Named {
    match &record.number {
        Some(number) => Named::Number(number.clone()),
        None => Named::Reference(record.reference.clone()),
    }
}

/// Whether a reference has the form of ours: an order's id and how often it was pushed.
fn is_ours(reference: &str) -> bool {
    let Some((order, generation)) = reference.rsplit_once('-') else { return false };
    order.starts_with("ord_") && OrderId::parse(order).is_ok() && generation.parse::<u32>().is_ok()
}

fn pause_after(error: &CallError) -> Span {
    match error.remedy {
        Remedy::RetryAfter(span) | Remedy::Pause(Pause { span, .. }) => span.max(RETRY),
        Remedy::Unknown | Remedy::TokenExpired | Remedy::Rejected | Remedy::Reauthorize | Remedy::Bug => RETRY,
    }
}

/// Whether asking again may help.
const fn passes(error: &CallError) -> bool {
    match error.remedy {
        Remedy::RetryAfter(_) | Remedy::Pause(_) | Remedy::Unknown | Remedy::TokenExpired => true,
        Remedy::Rejected | Remedy::Reauthorize | Remedy::Bug => false,
    }
}

/// What a warehouse tells of its SKUs.
pub(crate) type Told = HashMap<String, ShelfUnits>;

/// Which number is entered as counted where what a warehouse tells of a SKU cannot be what we hold, with both in words. Nothing
/// where it can, where it does not keep the SKU, and where an order explains it.
pub(crate) fn other_number(shelf: &ShelfAt, told: &Told) -> Option<(i64, String, String)> {
    let theirs = told.get(shelf.sku.as_str())?;
    let ours = shelf.units - shelf.left;
    let counted = if ours + shelf.returning + shelf.perhaps < theirs.at_least {
        // What waits to be stocked in may lie there already, and is counted when it is.
        theirs.at_least - shelf.returning + shelf.left
    } else if ours > theirs.at_most {
        theirs.at_most + shelf.left
    } else {
        return None;
    };
    let more = |units: i64, words: &str| if units > 0 { format!(", {units} {words}") } else { String::new() };
    let ours = format!(
        "{ours} lie there{}{}",
        more(shelf.left, "more are promised and were shipped"),
        more(shelf.returning, "wait to be stocked in"),
    );
    let theirs = match (theirs.at_least, theirs.at_most) {
        (least, most) if least == most => format!("it has {most}"),
        (least, most) => format!("it has {least}, or {most} with what is reserved"),
    };
    (!shelf.explained).then_some((counted, ours, theirs))
}

fn stock_differs(account: &OpenAccount, shelf: &ShelfAt, told: &Told) -> Option<Found> {
    let (_, ours, theirs) = other_number(shelf, told)?;
    let warehouse = &account.record.warehouse;
    Some(Found {
        kind: DifferenceKind::WarehouseStockDiffers,
        subject: format!("{warehouse}/{}", shelf.sku),
        shop: None,
        order: None,
        line: None,
        warehouse: Some(warehouse.clone()),
        sku: Some(shelf.sku.clone()),
        ours,
        theirs: format!("{}: {theirs}", account.record.name),
    })
}

impl Engine {
    /// Whether a lane is an account's at a third-party warehouse.
    pub(crate) async fn is_account_lane(&self, due: &Due) -> Result<bool, EngineError> {
        let Ok(warehouse) = WarehouseId::parse(due.shop.as_str()) else { return Ok(false) };
        let mut session = self.store.read().await?;
        Ok(self.store.warehouse_account(&mut session, &due.merchant, &warehouse).await?.is_some())
    }

    /// Works on an account's part of an audit: its next orders, or its stock.
    pub(crate) async fn carry_on_warehouse_audits(
        &self,
        lease: &Lease,
        lane: &ShopId,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let warehouse = WarehouseId::parse(lane.as_str()).map_err(|_| StoreError::Conflict("the lane"))?;
        for claim in claims {
            let Some((audit, mut part)) = self.part_of(&lease.merchant, claim, lane.as_str()).await? else {
                self.end_job(lease, claim).await?;
                continue;
            };
            let mut session = self.store.read().await?;
            let opened = self.open_account(&mut session, &lease.merchant, &warehouse).await;
            drop(session);
            let account = match opened {
                Ok(account) => account,
                Err(EngineError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    (part.failed, part.ended) = (Some(error.to_string()), true);
                    let session = self.store.begin().await?;
                    self.keep_step(session, lease, claim, &audit, &part, Span::ZERO).await?;
                    continue;
                }
            };
            if let Some(wait) = crowded(&account, self.clock.now()) {
                // Half of the account's calls are left to what cannot wait.
                let session = self.store.begin().await?;
                self.keep_step(session, lease, claim, &audit, &part, wait).await?;
                continue;
            }
            match AuditStep::parse(&part.step) {
                Ok(AuditStep::WarehouseOrders) => self.look_at_its_orders(&account, lease, claim, &audit, part).await?,
                Ok(AuditStep::StrangeOrders) => self.look_for_strangers(&account, lease, claim, &audit, part).await?,
                Ok(AuditStep::WarehouseStock) => self.look_at_its_stock(&account, lease, claim, &audit, part).await?,
                Ok(AuditStep::SecondWarehouseStock) => {
                    self.look_at_its_stock_again(&account, lease, claim, &audit, part).await?;
                }
                Ok(AuditStep::Orders | AuditStep::Listings | AuditStep::Ledger | AuditStep::SecondLook) | Err(_) => {
                    self.end_job(lease, claim).await?;
                }
            }
        }
        Ok(())
    }

    async fn look_at_its_orders(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let (merchant, warehouse) = (&lease.merchant, &account.record.warehouse);
        let now = self.clock.now();
        let since = (now.minus(WATCHED_WITHIN), now.minus(HANDED_BACK_WITHIN));
        let mut session = self.store.read().await?;
        let held =
            warehouse_orders::to_compare(&mut session, (merchant, warehouse), since, &part.reached, ORDERS_PER_LOOK)
                .await?;
        drop(session);
        if held.is_empty() {
            (part.step, part.reached) = (AuditStep::StrangeOrders.as_str().to_owned(), String::new());
            let session = self.store.begin().await?;
            return self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await;
        }
        let mut seen = Vec::with_capacity(held.len());
        let mut failed = None;
        for record in &held {
            match self.call_warehouse(account, None, account.warehouse.read_order(&named(record))).await {
                Ok(found) => {
                    seen.push((record, found));
                    part.reached.clone_from(&record.reference);
                    part.orders += 1;
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let mut session = self.store.begin().await?;
        let found = self.differing_orders(&mut session, account, &seen, since.0).await?;
        audits::note(&mut session, merchant, &audit.id, &found, true, now).await?;
        match failed {
            None => self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await,
            Some(error) => self.give_time(session, lease, claim, audit, part, &error).await,
        }
    }

    /// Which of these orders differ, as they stand now: what a push or a read brought meanwhile is no difference.
    async fn differing_orders(
        &self,
        session: &mut Session,
        account: &OpenAccount,
        seen: &[(&WarehouseOrderRecord, Option<SeenOrder>)],
        untouched_since: Moment,
    ) -> Result<Vec<Found>, EngineError> {
        let merchant = &account.record.merchant;
        let ids: Vec<OrderId> = seen.iter().map(|(record, _)| record.order.clone()).collect();
        let known = orders::load(session, merchant, &ids).await?;
        let pushes = warehouse_orders::of_orders(session, merchant, &ids).await?;
        let mut found = Vec::new();
        for (before, seen) in seen {
            let here =
                |push: &&WarehouseOrderRecord| push.order == before.order && push.warehouse == account.record.warehouse;
            let Some(record) = pushes.iter().filter(here).find(|push| push.generation == before.generation) else {
                continue;
            };
            let Some(order) = known.iter().find(|order| order.id == record.order) else { continue };
            let held = Held {
                record,
                order,
                is_last: pushes.iter().filter(here).all(|push| push.generation <= record.generation),
                unread: record.updated_at <= untouched_since,
            };
            if record.saga.state != before.saga.state {
                continue;
            }
            let Some(kind) = held.differs_from(seen.as_ref()) else { continue };
            found.push(Found {
                kind,
                subject: record.reference.clone(),
                shop: Some(record.shop.clone()),
                order: Some(record.order.clone()),
                line: None,
                warehouse: Some(account.record.warehouse.clone()),
                sku: None,
                ours: held.in_words(),
                theirs: seen_in_words(account, seen.as_ref()),
            });
        }
        Ok(found)
    }

    /// Looks through a page of what waits there for orders under references of ours that we never pushed.
    async fn look_for_strangers(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let call = account.warehouse.list_orders(&part.reached, self.clock.warehouse_now());
        let page = match self.call_warehouse(account, None, call).await {
            Ok(page) => page,
            Err(error) => {
                let session = self.store.begin().await?;
                return self.give_time(session, lease, claim, audit, part, &error).await;
            }
        };
        let mut session = self.store.begin().await?;
        let mut found = Vec::new();
        for listed in &page.orders {
            if !matches!(listed.phase, Phase::Open | Phase::Picked | Phase::Packed) || !is_ours(&listed.reference) {
                continue;
            }
            let place = (merchant, &account.record.warehouse);
            let record = warehouse_orders::of_reference(&mut session, place, &listed.reference).await?;
            let ours = match record.map(|record| record.number) {
                None => format!("nothing was pushed under {}", listed.reference),
                Some(Some(number)) if number != listed.number => format!("{} is held as {number}", listed.reference),
                // It is this one, or its push is under way.
                Some(Some(_) | None) => continue,
            };
            found.push(Found {
                kind: DifferenceKind::StrangeAtWarehouse,
                subject: format!("{}/{}", account.record.warehouse, listed.number),
                shop: None,
                order: None,
                line: None,
                warehouse: Some(account.record.warehouse.clone()),
                sku: None,
                ours,
                theirs: format!(
                    "{} shows {} as {} (“{}”)",
                    account.record.name, listed.number, listed.phase, listed.raw_status
                ),
            });
        }
        audits::note(&mut session, merchant, &audit.id, &found, true, self.clock.now()).await?;
        // A list that goes on with what it began with would never end.
        match page.next.filter(|next| *next != part.reached) {
            Some(next) => part.reached = next,
            None => (part.step, part.reached) = (AuditStep::WarehouseStock.as_str().to_owned(), String::new()),
        }
        self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
    }

    /// After a call that failed: the step is done again where that may help, and told as failed where it does not.
    async fn give_time(
        &self,
        session: Session,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
        error: &CallError,
    ) -> Result<(), EngineError> {
        if !passes(error) || self.clock.now().since(audit.began_at) >= PATIENCE {
            (part.failed, part.ended) = (Some(error.to_string()), true);
        }
        self.keep_step(session, lease, claim, audit, &part, pause_after(error)).await
    }

    /// What the warehouse tells of these SKUs; nothing where its provider cannot be asked.
    pub(crate) async fn told_of(&self, account: &OpenAccount, shelves: &[ShelfAt]) -> Result<Option<Told>, CallError> {
        let skus: Vec<String> = shelves.iter().map(|shelf| shelf.sku.as_str().to_owned()).collect();
        let Some(call) = account.warehouse.read_stock(&skus) else { return Ok(None) };
        let mut told = Told::new();
        for row in self.call_warehouse(account, None, call).await? {
            let sum = told.entry(row.sku.clone()).or_insert(ShelfUnits { sku: row.sku, at_least: 0, at_most: 0 });
            sum.at_least = sum.at_least.saturating_add(row.at_least);
            sum.at_most = sum.at_most.saturating_add(row.at_most);
        }
        Ok(Some(told))
    }

    async fn look_at_its_stock(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let place = (&lease.merchant, &account.record.warehouse);
        let mut session = self.store.read().await?;
        let shelves = warehouse_shelves::shelf_at(&mut session, place, None, &part.reached, SKUS_PER_LOOK).await?;
        drop(session);
        let Some(last) = shelves.last() else {
            return self.want_second_look(account, lease, claim, audit, part).await;
        };
        match self.told_of(account, &shelves).await {
            Ok(None) => {
                part.ended = true;
                let session = self.store.begin().await?;
                self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
            }
            Ok(Some(told)) => {
                let found: Vec<Found> =
                    shelves.iter().filter_map(|shelf| stock_differs(account, shelf, &told)).collect();
                let mut session = self.store.begin().await?;
                audits::note(&mut session, place.0, &audit.id, &found, false, self.clock.now()).await?;
                last.sku.as_str().clone_into(&mut part.reached);
                self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
            }
            Err(error) => {
                let session = self.store.begin().await?;
                self.give_time(session, lease, claim, audit, part, &error).await
            }
        }
    }

    /// After the first look at the stock: where a number was another one, every order of that SKU that may have left is read, and
    /// the number is looked at once more.
    async fn want_second_look(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let place = (&lease.merchant, &account.record.warehouse);
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        let suspected = self.suspected_skus(&mut session, account, audit).await?;
        if suspected.is_empty() {
            part.ended = true;
            return self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await;
        }
        let lane = lane_of(place.1)?;
        for (order, _) in warehouse_orders::unread(&mut session, place, &suspected, now).await? {
            jobs::want(&mut session, place.0, &lane, Kind::WarehouseOrder, order.as_str(), now).await?;
        }
        let mut wait = Span::ZERO;
        for shop in self.store.shops(&mut session, place.0).await? {
            let policy = self.policy(shop.platform)?;
            wait = wait.max(on_its_way(&policy));
        }
        (part.step, part.reached) = (AuditStep::SecondWarehouseStock.as_str().to_owned(), now.millis().to_string());
        self.keep_step(session, lease, claim, audit, &part, wait).await
    }

    async fn suspected_skus(
        &self,
        session: &mut Session,
        account: &OpenAccount,
        audit: &AuditRecord,
    ) -> Result<Vec<MerchantSku>, StoreError> {
        let (merchant, warehouse) = (&account.record.merchant, &account.record.warehouse);
        let suspected = audits::suspected_at(session, merchant, &audit.id, warehouse).await?;
        Ok(suspected.into_iter().map(|seen| seen.sku).collect())
    }

    /// Asks once more for what lay there as another number: only the same one again is a difference, and only where no order
    /// that was not read since can explain it.
    async fn look_at_its_stock_again(
        &self,
        account: &OpenAccount,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let place = (&lease.merchant, &account.record.warehouse);
        let looked_at = Moment::from_millis(part.reached.parse().unwrap_or(0));
        let mut session = self.store.read().await?;
        let suspected = audits::suspected_at(&mut session, place.0, &audit.id, place.1).await?;
        let skus: Vec<MerchantSku> = suspected.iter().map(|seen| seen.sku.clone()).collect();
        let unread = warehouse_orders::unread(&mut session, place, &skus, looked_at).await?;
        drop(session);
        if !unread.is_empty() && self.clock.now().since(audit.began_at) < PATIENCE {
            let session = self.store.begin().await?;
            return self.keep_step(session, lease, claim, audit, &part, WAIT_FOR_SHOPS).await;
        }
        let mut believed: Vec<&str> = Vec::new();
        for page in skus.chunks(usize::try_from(SKUS_PER_LOOK).unwrap_or(1)) {
            let mut session = self.store.read().await?;
            let shelves = warehouse_shelves::shelf_at(&mut session, place, Some(page), "", SKUS_PER_LOOK).await?;
            drop(session);
            let told = match self.told_of(account, &shelves).await {
                Ok(told) => told.unwrap_or_default(),
                Err(error) => {
                    let session = self.store.begin().await?;
                    return self.give_time(session, lease, claim, audit, part, &error).await;
                }
            };
            for again in shelves.iter().filter_map(|shelf| stock_differs(account, shelf, &told)) {
                let is_read = !unread.iter().any(|(_, sku)| again.sku.as_ref() == Some(sku));
                let same = suspected.iter().find(|seen| {
                    is_read && seen.subject == again.subject && seen.ours == again.ours && seen.theirs == again.theirs
                });
                believed.extend(same.map(|seen| seen.subject.as_str()));
            }
        }
        let mut session = self.store.begin().await?;
        audits::believe_at(&mut session, place.0, place.1, &believed).await?;
        part.ended = true;
        self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(units: i64) -> ShelfAt {
        let sku = MerchantSku::parse("MUG-BLU").unwrap();
        ShelfAt { sku, units, left: 0, returning: 0, perhaps: 0, explained: false }
    }

    fn told(at_least: i64, at_most: i64) -> Told {
        let sku = "MUG-BLU".to_owned();
        [(sku.clone(), ShelfUnits { sku, at_least, at_most })].into()
    }

    #[test]
    fn a_number_differs_only_where_nothing_that_is_known_can_make_it_so() {
        let counted = |shelf: &ShelfAt, told: &Told| other_number(shelf, told).map(|(counted, ..)| counted);
        assert_eq!(counted(&shelf(40), &told(40, 40)), None);
        assert_eq!(counted(&shelf(40), &told(33, 33)), Some(33));
        assert_eq!(counted(&shelf(40), &Told::new()), None, "it does not keep this SKU");
        // Where its documentation leaves open what holds what.
        assert_eq!(counted(&shelf(40), &told(37, 40)), None);
        assert_eq!(counted(&shelf(40), &told(30, 33)), Some(33));
        // What it shipped and the marketplace has not shown yet is promised here, and not there any more.
        let left = ShelfAt { left: 2, ..shelf(40) };
        assert_eq!((counted(&left, &told(38, 38)), counted(&left, &told(37, 37))), (None, Some(39)));
        // What waits to be stocked in, or was said not to exist, may lie there.
        let returning = ShelfAt { returning: 3, perhaps: 1, ..shelf(40) };
        assert_eq!((counted(&returning, &told(44, 44)), counted(&returning, &told(45, 45))), (None, Some(42)));
        assert_eq!(counted(&ShelfAt { explained: true, ..shelf(40) }, &told(33, 33)), None);
    }

    #[test]
    fn only_a_reference_of_our_form_is_one_of_ours() {
        assert!(is_ours("ord_01hzx-1") && is_ours("ord_01hzx-12"));
        assert!(!is_ours("ord_01hzx") && !is_ours("lazada-1001-1") && !is_ours("ord_01hzx-x") && !is_ours(""));
    }
}
