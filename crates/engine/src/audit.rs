//! The audit: compares what the marketplaces say of orders and listings with our orders, the shelf and the ledger, and keeps
//! every difference with its evidence (ADR 16).
//!
//! Each shop is a part, worked on in its own lane; the ledger is the last part and waits for them. An order that changed over
//! there a moment ago is no difference yet: its push or the next sweep is on its way. A listing's number moves all the time, so
//! that only the same wrong number, seen twice with two sweeps in between, is one. Each account at a third-party warehouse is a
//! part as well (`audit_warehouses.rs`).

use crate::cases::courier_scan_in;
use crate::read_orders::{ReadOf, pause_after};
use crate::shop_calls::OpenShop;
use crate::warehouse_orders::lane_of;
use crate::{Engine, EngineError};
use domain::difference::{AuditPart, AuditStep, DifferenceKind};
use domain::ids::{AuditId, ListingId, MerchantId, MerchantSku, OrderNumber, ShopId};
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::shipment::Mark;
use domain::snapshot::OrderSnapshot;
use domain::stock_push::Target;
use domain::time::{Moment, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::audits::{self, AuditRecord, Filled, Found, PartRecord, Shown, Suspected};
use store::bundles;
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::proof::{self, Flaw, Unproven};
use store::{Session, StoreError, new_id};

/// Orders that one step reads.
const ORDERS_PER_LOOK: u32 = 200;
/// Listings that one step reads.
const LISTINGS_PER_LOOK: u32 = 200;
/// How long the ledger's part waits before it asks again whether every shop is done.
pub(crate) const WAIT_FOR_SHOPS: Span = Span::from_millis(500);
/// How long an audit waits for a shop that does not answer; what it could not look at is told.
pub(crate) const PATIENCE: Span = Span::from_seconds(1_800);
const DAY: i64 = 86_400;
/// How long ago an order may have ended and still be compared.
const ENDED_WITHIN: Span = Span::from_seconds(30 * DAY);

/// How long a change over there may be on its way to us: its push was lost, and the next sweep has not come yet.
pub(crate) fn on_its_way(policy: &Policy) -> Span {
    policy.sweep_every.and(policy.sweep_every)
}

/// The lane of the ledger's part. Both kinds of id have the same form.
fn ledger_lane(merchant: &MerchantId) -> Result<ShopId, StoreError> {
    ShopId::parse(merchant.as_str()).map_err(|_| StoreError::Conflict("the merchant"))
}

impl Engine {
    /// Begins an audit, or answers the one that goes on: durable with the caller's commit, carried out by the next ticks.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn begin_audit(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
    ) -> Result<AuditId, StoreError> {
        match audits::going_on(session, merchant).await? {
            Some(going_on) => Ok(going_on),
            None => {
                let begun = self.begin(session, merchant, actor, None).await?;
                begun.ok_or(StoreError::Conflict("the audit"))
            }
        }
    }

    /// Begins the scheduled audits whose time has come; answers how many.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn begin_due_audits(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut session = self.store.read().await?;
        let merchants = store::shops::merchants(&mut session).await?;
        drop(session);
        let mut begun = 0;
        for merchant in merchants {
            let mut session = self.store.begin().await?;
            let settings = audits::settings(&mut session, &merchant).await?;
            let every = i64::from(settings.every_hours.max(1)) * 3_600_000;
            let slot = now.millis() / every;
            // Whoever began in this stretch of time has nothing to be audited yet.
            if settings.merchant_since.millis() / every >= slot
                || audits::going_on(&mut session, &merchant).await?.is_some()
            {
                continue;
            }
            if self.begin(&mut session, &merchant, "countermand", Some(slot)).await?.is_some() {
                session.commit().await?;
                begun += 1;
            }
        }
        if begun > 0 {
            self.wake();
        }
        Ok(begun)
    }

    async fn begin(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        slot: Option<i64>,
    ) -> Result<Option<AuditId>, StoreError> {
        let now = self.clock.now();
        let id = AuditId::parse(new_id("aud", now)).map_err(|_| StoreError::Conflict("the clock"))?;
        let shops = self.store.shops(session, merchant).await?;
        let shops: Vec<ShopId> = shops
            .into_iter()
            .filter(|shop| shop.connected && shop.authorised && shop.platform.is_marketplace())
            .map(|shop| shop.id)
            .collect();
        let mut parts: Vec<(&str, &str)> =
            shops.iter().map(|shop| (shop.as_str(), AuditStep::Orders.as_str())).collect();
        let accounts: Vec<ShopId> = self
            .store
            .warehouse_accounts(session, merchant)
            .await?
            .iter()
            .map(|account| lane_of(&account.warehouse))
            .collect::<Result<_, _>>()?;
        parts.extend(accounts.iter().map(|lane| (lane.as_str(), AuditStep::WarehouseOrders.as_str())));
        parts.push((merchant.as_str(), AuditStep::Ledger.as_str()));
        if !audits::begin(session, merchant, &id, slot, actor, &parts, now).await? {
            return Ok(None);
        }
        for shop in shops.iter().chain(&accounts).chain([&ledger_lane(merchant)?]) {
            jobs::want(session, merchant, shop, Kind::Audit, id.as_str(), now).await?;
        }
        let detail = match accounts.len() {
            0 => format!("{} shops and the ledger are compared", shops.len()),
            many => format!("{} shops, {many} third-party warehouses and the ledger are compared", shops.len()),
        };
        let entry =
            Entry { actor, action: "audit.began", shop: None, order: None, subject: id.as_str(), detail: &detail };
        log::write(session, merchant, now, &entry).await?;
        Ok(Some(id))
    }

    /// Works on a shop's part of an audit: its next orders, or its next listings.
    pub(crate) async fn carry_on_audits(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        for claim in claims {
            let Some((audit, part)) = self.part_of(&lease.merchant, claim, shop.record.id.as_str()).await? else {
                self.end_job(lease, claim).await?;
                continue;
            };
            match AuditStep::parse(&part.step) {
                Ok(AuditStep::Orders) => self.look_at_orders(shop, lease, claim, &audit, part).await?,
                Ok(AuditStep::Listings) => self.look_at_listings(shop, lease, claim, &audit, part).await?,
                Ok(
                    AuditStep::Ledger
                    | AuditStep::SecondLook
                    | AuditStep::WarehouseOrders
                    | AuditStep::StrangeOrders
                    | AuditStep::WarehouseStock
                    | AuditStep::SecondWarehouseStock,
                )
                | Err(_) => self.end_job(lease, claim).await?,
            }
        }
        Ok(())
    }

    /// The audit that a job is about and the part that is meant; `None` where it is over.
    pub(crate) async fn part_of(
        &self,
        merchant: &MerchantId,
        claim: &Claim,
        part: &str,
    ) -> Result<Option<(AuditRecord, PartRecord)>, EngineError> {
        let Ok(id) = AuditId::parse(claim.subject.as_str()) else { return Ok(None) };
        let mut session = self.store.read().await?;
        let Some(audit) = audits::audit(&mut session, merchant, &id).await? else { return Ok(None) };
        let parts = audits::parts(&mut session, merchant, &id).await?;
        let part = parts.into_iter().find(|known| known.part == part && !known.ended);
        Ok(part.filter(|_| audit.ended_at.is_none()).map(|part| (audit, part)))
    }

    pub(crate) async fn end_job(&self, lease: &Lease, claim: &Claim) -> Result<(), EngineError> {
        let mut session = self.store.begin().await?;
        jobs::finish(&mut session, lease, claim, self.clock.now()).await?;
        Ok(session.commit().await?)
    }

    /// Keeps what a step found and how far the part is; the job goes on, or ends with it. What was found under a lease that was
    /// lost is dropped: somebody else does the same.
    pub(crate) async fn keep_step(
        &self,
        mut session: Session,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        part: &PartRecord,
        wait: Span,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        audits::save_part(&mut session, &lease.merchant, &audit.id, part, now).await?;
        let held = if part.ended {
            jobs::finish(&mut session, lease, claim, now).await?
        } else {
            jobs::again(&mut session, lease, claim, now.plus(wait), now).await?
        };
        if held {
            session.commit().await?;
            self.wake();
        }
        Ok(())
    }

    async fn look_at_orders(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let id = &shop.record.id;
        let ended_from = audit.began_at.minus(ENDED_WITHIN);
        let mut session = self.store.read().await?;
        let ids =
            audits::orders_to_look_at(&mut session, merchant, id, &part.reached, ended_from, ORDERS_PER_LOOK).await?;
        let numbers = orders::numbers(&mut session, merchant, &ids).await?;
        let numbers: Vec<OrderNumber> = numbers.into_iter().map(|(_, number)| number).collect();
        drop(session);
        let Some(last) = ids.last() else {
            let mut session = self.store.begin().await?;
            if part.failed.is_none() {
                let now = self.clock.now();
                audits::end_unseen(&mut session, merchant, &audit.id, AuditPart::Orders, Some(id), now).await?;
            }
            (part.step, part.reached) = (AuditStep::Listings.as_str().to_owned(), String::new());
            return self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await;
        };
        let reads = self.read_from_platform(shop, &numbers).await;
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        // As they stand now: what a push or a sweep brought meanwhile is no difference.
        let known = orders::load(&mut session, merchant, &ids).await?;
        let mut found = Vec::new();
        let mut unanswered = None;
        for order in &known {
            match reads.of(&order.number) {
                ReadOf::Failed { retry_after, why } => unanswered = Some((retry_after, why)),
                read => found.extend(self.compare(shop, order, &read, reads.began_at)),
            }
        }
        audits::note(&mut session, merchant, &audit.id, &found, true, now).await?;
        if let Some((retry_after, why)) = unanswered {
            if now.since(audit.began_at) < PATIENCE {
                // What was found is kept; the same orders are looked at again.
                return self.keep_step(session, lease, claim, audit, &part, retry_after).await;
            }
            part.failed = Some(why);
        }
        part.orders += i64::try_from(ids.len()).unwrap_or(0);
        last.as_str().clone_into(&mut part.reached);
        self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
    }

    /// What differs between an order here and what was just read of it.
    fn compare(&self, shop: &OpenShop, order: &OrderRecord, read: &ReadOf, began_at: Moment) -> Option<Found> {
        // Something of ours is under way, or somebody read it after us.
        let moves = order.cancelling || order.shipment == Mark::Live;
        if moves || began_at < order.written_at || began_at < order.read_began_at {
            return None;
        }
        let platform_now = self.clock.platform_now(shop.record.platform);
        let fresh = |changed: Moment| platform_now.since(changed) < on_its_way(&shop.policy);
        let (kind, theirs) = match read {
            ReadOf::Failed { .. } => return None,
            ReadOf::Missing if fresh(order.ordered_at) => return None,
            // Marketplaces forget what is over.
            ReadOf::Missing if matches!(order.standing, Standing::Completed | Standing::Canceled) => return None,
            ReadOf::Missing => (DifferenceKind::UnknownThere, "it does not know this order".to_owned()),
            ReadOf::Order(seen) if seen.updated_at < order.platform_updated_at || fresh(seen.updated_at) => {
                return None;
            }
            ReadOf::Order(seen) => {
                let (more, fewer) = canceled_otherwise(order, seen);
                let by = seen.cancelled.as_ref().and_then(|facts| facts.by);
                let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
                let is_canceled = seen.standing == Standing::Canceled;
                let was_canceled = order.standing == Standing::Canceled;
                if is_canceled && !was_canceled {
                    (DifferenceKind::CanceledThere, format!("{}, canceled{by}", seen.platform_status))
                } else if more > 0 && !is_canceled {
                    (DifferenceKind::CanceledThere, format!("{}, {more} units more canceled{by}", seen.platform_status))
                } else if (fewer > 0 || was_canceled) && !is_canceled && courier_scan_in(order, seen).is_none() {
                    (DifferenceKind::AliveThere, format!("{}, {fewer} units not canceled", seen.platform_status))
                } else if seen.platform_status != order.platform_status {
                    (DifferenceKind::StatusDiffers, seen.platform_status.clone())
                } else {
                    return None;
                }
            }
        };
        Some(Found {
            kind,
            subject: order.id.as_str().to_owned(),
            shop: Some(order.shop.clone()),
            order: Some(order.id.clone()),
            line: None,
            warehouse: None,
            sku: None,
            ours: format!("{} in {}", order.platform_status, order.list),
            theirs,
        })
    }

    async fn look_at_listings(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let mut session = self.store.read().await?;
        let id = &shop.record.id;
        let ids = audits::listings_to_look_at(&mut session, merchant, id, &part.reached, LISTINGS_PER_LOOK).await?;
        drop(session);
        let Some(last) = ids.last() else {
            part.ended = true;
            let session = self.store.begin().await?;
            return self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await;
        };
        let read = self.read_listings(shop, &ids).await;
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        self.keep_listings(&mut session, shop, &read.snapshots, now).await?;
        if let Some(error) = read.failed {
            if now.since(audit.began_at) < PATIENCE {
                return self.keep_step(session, lease, claim, audit, &part, pause_after(&error)).await;
            }
            part.failed = Some(error.to_string());
        }
        part.listings += i64::try_from(ids.len()).unwrap_or(0);
        last.as_str().clone_into(&mut part.reached);
        self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
    }

    /// Works on the ledger's part of an audit, once every shop's is over.
    pub(crate) async fn carry_on_ledger_audits(&self, lease: &Lease, claims: &[Claim]) -> Result<(), EngineError> {
        for claim in claims {
            let Some((audit, part)) = self.part_of(&lease.merchant, claim, lease.merchant.as_str()).await? else {
                self.end_job(lease, claim).await?;
                continue;
            };
            match AuditStep::parse(&part.step) {
                Ok(AuditStep::SecondLook) => self.look_again(lease, claim, &audit, part).await?,
                Ok(
                    AuditStep::Orders
                    | AuditStep::Listings
                    | AuditStep::Ledger
                    | AuditStep::WarehouseOrders
                    | AuditStep::StrangeOrders
                    | AuditStep::WarehouseStock
                    | AuditStep::SecondWarehouseStock,
                )
                | Err(_) => {
                    self.look_at_the_ledger(lease, claim, &audit, part).await?;
                }
            }
        }
        Ok(())
    }

    async fn look_at_the_ledger(
        &self,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        let shops = audits::parts(&mut session, merchant, &audit.id).await?;
        for mut shop in shops.into_iter().filter(|shop| !shop.ended && shop.part != part.part) {
            if now.since(audit.began_at) < PATIENCE {
                return self.keep_step(session, lease, claim, audit, &part, WAIT_FOR_SHOPS).await;
            }
            (shop.ended, shop.failed) = (true, Some("it did not answer in time".to_owned()));
            audits::save_part(&mut session, merchant, &audit.id, &shop, now).await?;
        }
        session.commit().await?;
        // All movements and lines are summed: nobody who writes waits for that.
        let mut session = self.store.read().await?;
        let mut found: Vec<Found> =
            proof::unproven(&mut session, merchant).await?.iter().map(unproven_in_words).collect();
        found.extend(self.unpromised(&mut session, merchant).await?);
        found.extend(self.unexplained(&mut session, merchant).await?);
        found.extend(self.overdue(&mut session, merchant).await?);
        drop(session);
        let mut session = self.store.begin().await?;
        audits::note(&mut session, merchant, &audit.id, &found, true, now).await?;
        audits::end_unseen(&mut session, merchant, &audit.id, AuditPart::Ledger, None, now).await?;
        session.commit().await?;

        let mut session = self.store.read().await?;
        let suspected = self.differing_listings(&mut session, merchant, audit.began_at, None).await?;
        drop(session);
        let mut session = self.store.begin().await?;
        audits::note(&mut session, merchant, &audit.id, &suspected, false, now).await?;
        if audits::suspected(&mut session, merchant, &audit.id).await?.is_empty() {
            return self.end_audit(session, lease, claim, audit, part).await;
        }
        AuditStep::SecondLook.as_str().clone_into(&mut part.step);
        let mut wait = Span::ZERO;
        for shop in self.store.shops(&mut session, merchant).await? {
            let policy = self.policy(shop.platform)?;
            wait = wait.max(on_its_way(&policy));
        }
        self.keep_step(session, lease, claim, audit, &part, wait).await
    }

    /// Reads the suspected listings once more: only what shows the same wrong number again is a difference.
    async fn look_again(
        &self,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let mut session = self.store.read().await?;
        let suspected = audits::suspected(&mut session, merchant, &audit.id).await?;
        let skus: BTreeSet<MerchantSku> = suspected.iter().map(|seen| seen.sku.clone()).collect();
        let skus: Vec<MerchantSku> = skus.into_iter().collect();
        let mut by_shop: BTreeMap<ShopId, Vec<ListingId>> = BTreeMap::new();
        for (shop, listing) in audits::listings_of(&mut session, merchant, &skus).await? {
            by_shop.entry(shop).or_default().push(listing);
        }
        drop(session);
        let looked_at = self.clock.now();
        let mut reads = Vec::new();
        for (shop, listings) in &by_shop {
            let shop = self.open_shop(merchant, shop).await?;
            if shop.record.connected && shop.record.authorised {
                let read = self.read_listings(&shop, listings).await;
                reads.push((shop, read));
            }
        }
        let mut session = self.store.begin().await?;
        for (shop, read) in &reads {
            self.keep_listings(&mut session, shop, &read.snapshots, self.clock.now()).await?;
        }
        let again = self.differing_listings(&mut session, merchant, looked_at, Some(&skus)).await?;
        let again: HashMap<&str, &Found> = again.iter().map(|found| (found.subject.as_str(), found)).collect();
        let same = |seen: &&Suspected| {
            again.get(seen.subject.as_str()).is_some_and(|again| again.ours == seen.ours && again.theirs == seen.theirs)
        };
        let believed: Vec<&str> = suspected.iter().filter(same).map(|seen| seen.subject.as_str()).collect();
        audits::believe(&mut session, merchant, &believed).await?;
        self.end_audit(session, lease, claim, audit, part).await
    }

    async fn end_audit(
        &self,
        mut session: Session,
        lease: &Lease,
        claim: &Claim,
        audit: &AuditRecord,
        mut part: PartRecord,
    ) -> Result<(), EngineError> {
        let merchant = &lease.merchant;
        let now = self.clock.now();
        let parts = audits::parts(&mut session, merchant, &audit.id).await?;
        if parts.iter().all(|part| part.failed.is_none()) {
            for part in [AuditPart::Listings, AuditPart::Warehouses] {
                audits::end_unseen(&mut session, merchant, &audit.id, part, None, now).await?;
            }
        }
        let ended = audits::end(&mut session, merchant, audit, now).await?;
        let by_kind = audits::open_by_kind(&mut session, merchant).await?;
        let entry = Entry {
            actor: &audit.asked_by,
            action: "audit.ended",
            shop: None,
            order: None,
            subject: audit.id.as_str(),
            detail: &summary(&ended, &by_kind),
        };
        log::write(&mut session, merchant, now, &entry).await?;
        part.ended = true;
        self.keep_step(session, lease, claim, audit, &part, Span::ZERO).await
    }

    /// Listings, of these SKUs or of all, that do not show what they are to show, as far as they were read since `read_from`.
    ///
    /// Where a shop's listings are filled from here, each is compared with the number that the stock push would send it now,
    /// and none that still waits for its push. Where none of a SKU's is, they show together what is available. A SKU of which
    /// something else is wrong is not compared: that would name an effect as if it were a cause.
    async fn differing_listings(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        read_from: Moment,
        skus: Option<&[MerchantSku]>,
    ) -> Result<Vec<Found>, EngineError> {
        let shown = audits::shown(session, merchant, read_from, skus).await?;
        let summed: Vec<MerchantSku> = shown.iter().map(|shown| shown.sku.clone()).collect();
        let doubted = audits::doubted(session, merchant, &summed).await?;
        let summed = shown.iter().filter(|shown| !doubted.contains(&shown.sku));
        let mut found: Vec<Found> = summed.filter_map(shown_in_words).collect();
        let mut last: Option<Filled> = None;
        loop {
            let page = audits::filled(session, merchant, read_from, skus, last.as_ref(), LISTINGS_PER_LOOK).await?;
            let Some(end) = page.last().cloned() else { return Ok(found) };
            found.extend(self.differing_filled(session, merchant, &page).await?);
            last = Some(end);
        }
    }

    async fn differing_filled(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        filled: &[Filled],
    ) -> Result<Vec<Found>, EngineError> {
        let skus: BTreeSet<&MerchantSku> = filled.iter().map(|filled| &filled.sku).collect();
        let mut skus: Vec<MerchantSku> = skus.into_iter().cloned().collect();
        let bundles = bundles::components(session, merchant, &skus).await?;
        skus.extend(bundles.values().flatten().map(|component| component.sku.clone()));
        let doubted = audits::doubted(session, merchant, &skus).await?;
        let is_doubted = |sku: &MerchantSku| {
            let parts = bundles.get(sku).into_iter().flatten();
            doubted.contains(sku) || parts.into_iter().any(|component| doubted.contains(&component.sku))
        };
        let mut found = Vec::new();
        for of_shop in filled.chunk_by(|one, other| one.shop == other.shop) {
            let Some(shop) = of_shop.first().map(|filled| &filled.shop) else { continue };
            let listings: Vec<ListingId> = of_shop.iter().map(|filled| filled.listing.clone()).collect();
            let targets = self.targets(session, merchant, shop, &listings).await?;
            for filled in of_shop.iter().filter(|filled| !is_doubted(&filled.sku)) {
                match targets.get(&filled.listing) {
                    Some(Target::Show(number)) if *number != filled.shown => {
                        let ours = format!("it is to show {number}");
                        found.push(filled_in_words(filled, ours));
                    }
                    Some(Target::KeepClosed) if filled.shown > 0 => {
                        found.push(filled_in_words(filled, "a cancel closed it: it is to show 0".to_owned()));
                    }
                    // What is held or not counted is so on purpose.
                    Some(Target::Show(_) | Target::KeepClosed | Target::Leave(_)) | None => {}
                }
            }
        }
        Ok(found)
    }

    async fn unexplained(&self, session: &mut Session, merchant: &MerchantId) -> Result<Vec<Found>, EngineError> {
        let unexplained = audits::unexplained(session, merchant).await?;
        Ok(unexplained
            .into_iter()
            .map(|left| Found {
                kind: DifferenceKind::ShippedUnexplained,
                subject: format!("{}/{}", left.order, left.line),
                ours: "they neither waited to be stocked in nor were available".to_owned(),
                theirs: format!(
                    "{} units of canceled {} are with the courier ({})",
                    left.units, left.number, left.scanned_as
                ),
                shop: Some(left.shop),
                order: Some(left.order),
                line: Some(left.line),
                warehouse: Some(left.warehouse),
                sku: Some(left.sku),
            })
            .collect())
    }

    async fn unpromised(&self, session: &mut Session, merchant: &MerchantId) -> Result<Vec<Found>, EngineError> {
        let unpromised = audits::unpromised(session, merchant).await?;
        Ok(unpromised
            .into_iter()
            .map(|left| Found {
                kind: DifferenceKind::ShippedUnpromised,
                ours: "none of them was promised to the order".to_owned(),
                theirs: format!("{} units of {} left with the courier", left.units, left.number),
                subject: left.key,
                shop: Some(left.shop),
                order: Some(left.order),
                line: left.line,
                warehouse: Some(left.warehouse),
                sku: Some(left.sku),
            })
            .collect())
    }

    async fn overdue(&self, session: &mut Session, merchant: &MerchantId) -> Result<Vec<Found>, EngineError> {
        let days = audits::settings(session, merchant).await?.parcel_lost_days;
        let mut found = Vec::new();
        for &platform in Platform::ALL {
            let now = self.clock.platform_now(platform);
            let since = now.minus(Span::from_seconds(i64::from(days) * DAY));
            for late in audits::overdue(session, merchant, platform, since).await? {
                let waited = now.since(late.since).seconds() / DAY;
                let asked =
                    late.claimed_by.map_or("no carrier was asked".to_owned(), |by| format!("{by} asked the carrier"));
                found.push(Found {
                    kind: DifferenceKind::ParcelOverdue,
                    subject: late.order.as_str().to_owned(),
                    shop: Some(late.shop),
                    order: Some(late.order),
                    line: None,
                    warehouse: None,
                    sku: None,
                    ours: format!("{} units wait to be stocked in", late.units),
                    theirs: format!("no parcel came for {waited} days; {asked}"),
                });
            }
        }
        Ok(found)
    }
}

/// Units that are cancelled over there and not here, and the other way round.
fn canceled_otherwise(order: &OrderRecord, seen: &OrderSnapshot) -> (u32, u32) {
    let (mut more, mut fewer) = (0_u32, 0_u32);
    for line in &seen.lines {
        for known in order.lines.iter().filter(|known| *known.sold_as() == line.id) {
            let canceled = line.cancelled_quantity.saturating_mul(known.units_in_one());
            more = more.saturating_add(canceled.saturating_sub(known.canceled_quantity));
            fewer = fewer.saturating_add(known.canceled_quantity.saturating_sub(canceled));
        }
    }
    (more, fewer)
}

fn shown_in_words(shown: &Shown) -> Option<Found> {
    (shown.shown != shown.available).then(|| Found {
        kind: DifferenceKind::ListingDiffers,
        subject: shown.sku.as_str().to_owned(),
        shop: None,
        order: None,
        line: None,
        warehouse: None,
        sku: Some(shown.sku.clone()),
        ours: format!("{} available", shown.available),
        theirs: match shown.listings {
            1 => format!("its listing shows {}", shown.shown),
            many => format!("its {many} listings show {} together", shown.shown),
        },
    })
}

fn filled_in_words(filled: &Filled, ours: String) -> Found {
    Found {
        kind: DifferenceKind::ListingDiffers,
        subject: format!("{}/{}", filled.shop, filled.listing),
        shop: Some(filled.shop.clone()),
        order: None,
        line: None,
        warehouse: None,
        sku: Some(filled.sku.clone()),
        ours,
        theirs: format!("its listing {} shows {}", filled.listing, filled.shown),
    }
}

fn unproven_in_words(wrong: &Unproven) -> Found {
    let kind = match wrong.flaw {
        Flaw::Negative => DifferenceKind::NegativeBucket,
        Flaw::Balance => DifferenceKind::BalanceDiffers,
        Flaw::Holding => DifferenceKind::HoldingDiffers,
        Flaw::Orphan => DifferenceKind::OrphanUnits,
    };
    let buckets = wrong.buckets();
    let told = |of: fn(&(domain::stock::Bucket, i64, i64)) -> i64| {
        let told: Vec<String> = buckets.iter().map(|found| format!("{} {}", of(found), found.0)).collect();
        told.join(", ").replace('_', " ")
    };
    let place = [
        wrong.order.as_ref().map_or("", |order| order.as_str()),
        wrong.line.as_ref().map_or("", |line| line.as_str()),
        wrong.warehouse.as_str(),
        wrong.sku.as_str(),
    ];
    Found {
        kind,
        subject: place.join("/"),
        shop: None,
        order: wrong.order.clone(),
        line: wrong.line.clone(),
        warehouse: Some(wrong.warehouse.clone()),
        sku: Some(wrong.sku.clone()),
        ours: format!("kept: {}", told(|(_, kept, _)| *kept)),
        theirs: format!("by the movements: {}", told(|(_, _, moved)| *moved)),
    }
}

/// The day's summary, for the log.
fn summary(audit: &AuditRecord, by_kind: &[(DifferenceKind, i64)]) -> String {
    let kinds: Vec<String> =
        by_kind.iter().map(|(kind, count)| format!("{count} {}", kind.as_str().replace('_', " "))).collect();
    let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let failed = match audit.failed.as_slice() {
        [] => String::new(),
        failed => format!("; not everything was looked at: {}", failed.join("; ")),
    };
    format!(
        "differences: {kinds}; {} new, {} gone; {} orders and {} listings looked at{failed}",
        audit.fresh, audit.gone, audit.orders, audit.listings
    )
}
