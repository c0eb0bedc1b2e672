//! Repairs of what an audit found: each is one of the ordinary ways of changing something, done once, on request, and logged.

use crate::read_orders::{ReadOf, pause_after, refused};
use crate::shop_calls::OpenShop;
use crate::stock_ins::{LineVisit, OrderVisit, StockIn, StockInError};
use crate::{Engine, EngineError};
use connectors::call::CallError;
use connectors::connector::SetStock;
use domain::difference::DifferenceKind;
use domain::ids::{DifferenceId, LineId, MerchantId, MerchantSku, OrderId, ShopId, WarehouseId};
use domain::policy::Standing;
use domain::snapshot::{CancelledFacts, Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::stock::{Bucket, Cause, Visit};
use domain::time::Moment;
use store::audits::{self, DifferenceRecord, Ended, Found};
use store::log::{self, Entry};
use store::orders::{self, NEVER, OrderRecord};
use store::stock::{self, Movement};
use store::{Session, StoreError, proof, stock_pushes};

/// Why a difference was not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The merchant has no such difference, or the actor does not see its shop.
    #[error("there is no such difference")]
    NotFound,
    /// It is over.
    #[error("this difference is over: {0}")]
    Over(String),
    /// It cannot be repaired like this.
    #[error("{0}")]
    NotNow(String),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for RepairError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

pub(crate) fn not_now(words: impl Into<String>) -> RepairError {
    RepairError::NotNow(words.into())
}

/// What was done, and the transaction that it was done in.
pub(crate) type Repaired = Result<(Session, String), RepairError>;

/// Takes back what is cancelled of an order here and not over there; what it is owed then, applying the same read tells. The
/// one way out of *canceled* (ADR 5).
async fn revive(
    session: &mut Session,
    before: OrderRecord,
    seen: &OrderSnapshot,
    began_at: Moment,
) -> Result<OrderRecord, RepairError> {
    if began_at < before.written_at || seen.updated_at < before.platform_updated_at {
        return Err(not_now("its answer was overtaken by another; try again"));
    }
    if seen.standing == Standing::Canceled {
        return Err(not_now("it is canceled over there as well now; audit again"));
    }
    let mut after = before.clone();
    after.standing = seen.standing;
    (after.cancelled_by, after.cancel_reason, after.canceled_at) = (None, None, None);
    for line in &seen.lines {
        for known in after.lines.iter_mut().filter(|known| *known.sold_as() == line.id) {
            let canceled = line.cancelled_quantity.saturating_mul(known.units_in_one());
            known.stock.revive(known.canceled_quantity.saturating_sub(canceled));
            known.canceled_quantity = known.canceled_quantity.min(canceled);
            known.canceled_by = line.cancelled_by;
        }
    }
    orders::update(session, &before, &after).await?;
    after.version = before.version + 1;
    Ok(after)
}

impl Engine {
    /// Repairs a difference: what it is about decides how. Answers it as it ended.
    ///
    /// # Errors
    /// [`RepairError`]; nothing is changed here then.
    pub async fn repair(
        &self,
        merchant: &MerchantId,
        actor: &str,
        id: &DifferenceId,
        seen: Option<&[ShopId]>,
    ) -> Result<DifferenceRecord, RepairError> {
        let mut session = self.store.read().await?;
        let record = audits::difference(&mut session, merchant, id).await?;
        drop(session);
        // What is of no shop is for those who see all.
        let visible =
            |found: &Found| seen.is_none_or(|seen| found.shop.as_ref().is_some_and(|shop| seen.contains(shop)));
        let record = record.filter(|record| visible(&record.found)).ok_or(RepairError::NotFound)?;
        if let Some(ended) = record.ended {
            return Err(RepairError::Over(ended.outcome));
        }
        let found = &record.found;
        let (mut session, outcome) = match found.kind {
            DifferenceKind::CanceledThere
            | DifferenceKind::AliveThere
            | DifferenceKind::StatusDiffers
            | DifferenceKind::UnknownThere => self.believe_the_platform(merchant, found).await?,
            DifferenceKind::ListingDiffers => self.fill_listings(merchant, found).await?,
            DifferenceKind::CanceledAtWarehouse
            | DifferenceKind::ShippedAtWarehouse
            | DifferenceKind::ShippedAnywayAtWarehouse
            | DifferenceKind::KeptAtWarehouse
            | DifferenceKind::UnknownAtWarehouse => self.believe_the_warehouse(merchant, actor, found).await?,
            DifferenceKind::StrangeAtWarehouse => self.send_stranger_back(merchant, actor, found).await?,
            DifferenceKind::WarehouseStockDiffers => self.count_as_at_warehouse(merchant, actor, found).await?,
            DifferenceKind::ParcelOverdue => self.give_up_parcel(merchant, actor, found, seen).await?,
            DifferenceKind::ShippedUnpromised | DifferenceKind::ShippedUnexplained => {
                self.take_off_the_shelf(merchant, actor, found).await?
            }
            DifferenceKind::NegativeBucket | DifferenceKind::BalanceDiffers => {
                self.sum_balance_again(merchant, found).await?
            }
            DifferenceKind::HoldingDiffers => self.sum_holdings_again(merchant, found).await?,
            DifferenceKind::OrphanUnits => self.release_orphans(merchant, actor, found).await?,
        };
        let now = self.clock.now();
        let ended = Ended { at: now, by: actor.to_owned(), outcome: outcome.clone() };
        if !audits::end_one(&mut session, merchant, id, &ended).await? {
            return Err(RepairError::Over("somebody else repaired it meanwhile".to_owned()));
        }
        let detail = format!("{}: {}; {}; {outcome}", found.kind.as_str().replace('_', " "), found.ours, found.theirs);
        let entry = Entry {
            actor,
            action: "audit.repaired",
            shop: found.shop.as_ref(),
            order: found.order.as_ref(),
            subject: id.as_str(),
            detail: &detail,
        };
        log::write(&mut session, merchant, now, &entry).await?;
        session.commit().await?;
        self.wake();
        Ok(DifferenceRecord { ended: Some(ended), ..record })
    }

    /// Reads the order once more, and applies what its marketplace says; one that it does not know is canceled here, and one
    /// that lives there, now that two reads and a person say so, lives here again.
    async fn believe_the_platform(&self, merchant: &MerchantId, found: &Found) -> Repaired {
        let (Some(id), Some(shop)) = (&found.order, &found.shop) else { return Err(RepairError::NotFound) };
        let shop = self.open_shop(merchant, shop).await?;
        let mut session = self.store.read().await?;
        let order = orders::load_one(&mut session, merchant, id).await?.ok_or(RepairError::NotFound)?;
        drop(session);
        let reads = self.read_from_platform(&shop, std::slice::from_ref(&order.number)).await;
        let (mut session, before) = self.begin_with(merchant, id).await?;
        if before.cancelling {
            return Err(not_now("a cancel of this order is under way; wait for its end"));
        }
        let snapshot = match reads.of(&order.number) {
            ReadOf::Order(snapshot) => *snapshot,
            ReadOf::Missing if found.kind == DifferenceKind::UnknownThere => self.unknown_there(&shop, &before),
            ReadOf::Missing => return Err(not_now("its marketplace does not know this order now; audit again")),
            ReadOf::Failed { why, .. } => return Err(not_now(format!("its marketplace did not answer: {why}"))),
        };
        let before = match found.kind {
            DifferenceKind::AliveThere => revive(&mut session, before, &snapshot, reads.began_at).await?,
            _ => before,
        };
        let applied = self.apply(&mut session, &shop, Some(before), &snapshot, reads.began_at).await?;
        if applied.stale {
            return Err(not_now("its answer was overtaken by another; try again"));
        }
        let order = applied.order;
        Ok((session, format!("read again: {}, now in {}", order.platform_status, order.list)))
    }

    /// Begins a transaction with an order and the balances of its lines locked.
    pub(crate) async fn begin_with(
        &self,
        merchant: &MerchantId,
        id: &OrderId,
    ) -> Result<(Session, OrderRecord), RepairError> {
        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, std::slice::from_ref(id)).await?;
        stock::lock(&mut session, merchant, std::slice::from_ref(id)).await?;
        let order = orders::load_one(&mut session, merchant, id).await?.ok_or(RepairError::NotFound)?;
        Ok((session, order))
    }

    /// An order that its marketplace does not know any more, as a read of it: canceled, by the marketplace.
    fn unknown_there(&self, shop: &OpenShop, order: &OrderRecord) -> OrderSnapshot {
        let line = |line: &orders::LineRecord| LineSnapshot {
            id: line.sold_as().clone(),
            listing: line.listing.clone(),
            listing_sku: line.listing_sku.clone(),
            name: line.name.clone(),
            variation: line.variation.clone(),
            quantity: line.quantity / line.units_in_one(),
            cancelled_quantity: line.quantity / line.units_in_one(),
            cancelled_by: line.canceled_by,
            unit_price: line.unit_price,
            platform_status: line.platform_status.clone(),
            stage: line.stage,
            package: line.package.clone(),
            is_component: false,
        };
        let package = |package: &orders::PackageRecord| PackageSnapshot {
            number: package.number.clone(),
            tracking_number: package.tracking_number.clone(),
            platform_status: package.platform_status.clone(),
            stage: package.stage,
            carrier: package.carrier.clone(),
        };
        OrderSnapshot {
            platform: order.platform,
            number: order.number.clone(),
            platform_status: order.platform_status.clone(),
            standing: Standing::Canceled,
            stage: order.stage,
            updated_at: self.clock.platform_now(shop.record.platform),
            ordered_at: order.ordered_at,
            paid_at: order.paid_at,
            ship_by: Some(order.ship_by).filter(|by| *by != NEVER),
            region: order.region.clone(),
            currency: order.currency,
            total: order.total,
            buyer_name: order.buyer_name.clone(),
            cod: order.cod,
            preorder: order.preorder,
            fulfilled_by: order.fulfilled_by,
            seller_may_cancel: Some(false),
            cancelled: Some(CancelledFacts {
                by: Some(Initiator::Platform),
                reason: format!("{} does not know this order any more", shop.record.platform.title()),
            }),
            buyer_reason: order.buyer_reason.clone(),
            requests: Vec::new(),
            lines: order.lines.iter().map(line).collect(),
            packages: order.packages.iter().map(package).collect(),
        }
    }

    /// Sends the listings of a SKU what they are to show, where they are filled from here; else sets the only one to what is
    /// available.
    async fn fill_listings(&self, merchant: &MerchantId, found: &Found) -> Repaired {
        let sku = found.sku.as_ref().ok_or(RepairError::NotFound)?;
        let mut session = self.store.begin().await?;
        if stock_pushes::fills_any(&mut session, merchant, sku).await? {
            stock_pushes::want_of_skus(&mut session, merchant, [sku], self.clock.now());
            return Ok((session, "its listings are sent what they are to show".to_owned()));
        }
        drop(session);
        let mut session = self.store.read().await?;
        let listings = audits::listings_of(&mut session, merchant, std::slice::from_ref(sku)).await?;
        let available = stock::available(&mut session, merchant, std::slice::from_ref(sku)).await?;
        drop(session);
        let [(shop, listing)] = listings.as_slice() else {
            return Err(not_now("this SKU stands on several listings; set each of them in its Seller Center"));
        };
        let shop = self.open_shop(merchant, shop).await?;
        let wanted = SetStock { listing: listing.clone(), stock: available.values().sum() };
        let set = [wanted.clone()];
        let call = self.call(&shop, None, |connector, now| connector.set_stock(&set, now).map_err(refused));
        let results = call.await.map_err(|error: CallError| {
            let wait = pause_after(&error).seconds();
            not_now(format!("its marketplace did not take the number: {error}; try again in {wait} s"))
        })?;
        if let Some(refused) = results.into_iter().find_map(|result| result.refused) {
            return Err(not_now(format!("its marketplace refused the number: {refused}")));
        }
        let read = self.read_listings(&shop, std::slice::from_ref(listing)).await;
        let mut session = self.store.begin().await?;
        self.keep_listings(&mut session, &shop, &read.snapshots, self.clock.now()).await?;
        Ok((session, format!("its listing is set to {}", wanted.stock)))
    }

    /// Takes everything that waits of an order as missing.
    async fn give_up_parcel(
        &self,
        merchant: &MerchantId,
        actor: &str,
        found: &Found,
        seen: Option<&[ShopId]>,
    ) -> Repaired {
        let id = found.order.as_ref().ok_or(RepairError::NotFound)?;
        let (mut session, order) = self.begin_with(merchant, id).await?;
        let waiting = order.lines.iter().filter(|line| line.stock.returning > 0);
        let lines: Vec<LineVisit> = waiting
            .map(|line| LineVisit {
                line: line.id.clone(),
                sku: line.merchant_sku.clone(),
                visit: Visit { missing: line.stock.returning, ..Visit::default() },
                expected: None,
            })
            .collect();
        let Some(warehouse) = order.lines.first().map(|line| line.warehouse.clone()) else {
            return Err(RepairError::NotFound);
        };
        let visit = [OrderVisit { order: id.clone(), lines: Some(lines), expected: None }];
        let request = StockIn {
            actor,
            warehouse: &warehouse,
            orders: &visit,
            note: Some("the parcel did not come back"),
            shops: seen,
            batch: None,
        };
        let outcomes = self.stock_in(&mut session, merchant, &request).await.map_err(|error| match error {
            StockInError::Engine(error) => RepairError::Engine(error),
            other => not_now(other.to_string()),
        })?;
        match outcomes.into_iter().next() {
            Some((_, Ok(_))) => Ok((session, format!("{} units are lost", order.returning()))),
            Some((_, Err(skipped))) => Err(not_now(skipped.to_string())),
            None => Err(RepairError::NotFound),
        }
    }

    /// Units that left without having been promised, or out of no bucket, are not on the shelf.
    async fn take_off_the_shelf(&self, merchant: &MerchantId, actor: &str, found: &Found) -> Repaired {
        let (Some(warehouse), Some(sku)) = (&found.warehouse, &found.sku) else { return Err(RepairError::NotFound) };
        let mut session = self.store.begin().await?;
        stock::lock_sku(&mut session, merchant, sku).await?;
        let left = if found.kind == DifferenceKind::ShippedUnexplained {
            let left = audits::unexplained(&mut session, merchant).await?;
            let mut left = left.into_iter().map(|left| (format!("{}/{}", left.order, left.line), left.units));
            left.find(|(subject, _)| *subject == found.subject)
                .map(|(subject, units)| (format!("unexplained/{subject}"), units))
        } else {
            let left = audits::unpromised(&mut session, merchant).await?;
            left.into_iter().find(|left| left.key == found.subject).map(|left| (left.key, left.units))
        };
        let Some((key, left)) = left else {
            return Err(not_now("it was accounted for meanwhile; audit again"));
        };
        let there = available(&mut session, merchant, warehouse, sku).await?;
        if there < left {
            let words = format!("only {there} are available and {left} left; count this SKU instead");
            return Err(not_now(words));
        }
        let units = u32::try_from(left).map_err(|_| StoreError::Conflict("the units"))?;
        let movement = Movement {
            key: format!("repair/{key}"),
            warehouse: warehouse.clone(),
            sku: sku.clone(),
            from: Bucket::Available,
            to: Bucket::Outside,
            units,
            cause: Cause::Repair,
            order: found.order.clone(),
            line: found.line.clone(),
            actor: actor.to_owned(),
        };
        stock::write(&mut session, merchant, &[movement], self.clock.now()).await?;
        Ok((session, format!("{units} units are taken off the shelf")))
    }

    /// A balance is the sum of its movements.
    async fn sum_balance_again(&self, merchant: &MerchantId, found: &Found) -> Repaired {
        let (Some(warehouse), Some(sku)) = (&found.warehouse, &found.sku) else { return Err(RepairError::NotFound) };
        let mut session = self.store.begin().await?;
        stock::lock_sku(&mut session, merchant, sku).await?;
        let moved = proof::moved(&mut session, merchant, warehouse, sku, None).await?;
        if !moved.is_sound() {
            return Err(not_now("its movements make a bucket of less than nothing; count this SKU instead"));
        }
        proof::set_balance(&mut session, merchant, warehouse, sku, &moved).await?;
        Ok((session, "the balance is the sum of its movements again".to_owned()))
    }

    /// An order line holds what its movements say.
    async fn sum_holdings_again(&self, merchant: &MerchantId, found: &Found) -> Repaired {
        let (order, line, warehouse, sku) = place(found)?;
        let (mut session, before) = self.begin_with(merchant, order).await?;
        let moved = proof::moved(&mut session, merchant, warehouse, sku, Some((order, line))).await?;
        let units =
            |bucket| u32::try_from(moved.units(bucket)).map_err(|_| not_now("its movements make less than nothing"));
        let mut after = before.clone();
        let held = after.lines.iter_mut().find(|known| known.id == *line).ok_or(RepairError::NotFound)?;
        held.stock.reserved = units(Bucket::Reserved)?;
        held.stock.allocated = units(Bucket::Allocated)?;
        held.stock.outbound = units(Bucket::Outbound)?;
        held.stock.returning = units(Bucket::Returning)?;
        held.stock.count_needed = units(Bucket::CountNeeded)?;
        held.stock.lost = units(Bucket::Lost)?;
        after.updated_at = self.clock.now();
        orders::update(&mut session, &before, &after).await?;
        Ok((session, "the line holds what its movements say again".to_owned()))
    }

    /// Units that are held for nobody are available.
    async fn release_orphans(&self, merchant: &MerchantId, actor: &str, found: &Found) -> Repaired {
        let (order, line, warehouse, sku) = place(found)?;
        let mut session = self.store.begin().await?;
        stock::lock_sku(&mut session, merchant, sku).await?;
        let moved = proof::moved(&mut session, merchant, warehouse, sku, Some((order, line))).await?;
        let held = [
            Bucket::Reserved,
            Bucket::CountNeeded,
            Bucket::Allocated,
            Bucket::Outbound,
            Bucket::Returning,
            Bucket::Lost,
        ];
        let mut movements = Vec::new();
        for bucket in held {
            let units = moved.units(bucket);
            let (from, to) = if units > 0 { (bucket, Bucket::Available) } else { (Bucket::Available, bucket) };
            let units = u32::try_from(units.abs()).map_err(|_| StoreError::Conflict("the units"))?;
            if units > 0 {
                movements.push(Movement {
                    key: format!("repair/{}/{}/{bucket}", found.subject, self.clock.now().millis()),
                    warehouse: warehouse.clone(),
                    sku: sku.clone(),
                    from,
                    to,
                    units,
                    cause: Cause::Repair,
                    order: Some(order.clone()),
                    line: Some(line.clone()),
                    actor: actor.to_owned(),
                });
            }
        }
        stock::write(&mut session, merchant, &movements, self.clock.now()).await?;
        Ok((session, "what was held for nobody is available".to_owned()))
    }
}

type PlaceOf<'a> = (&'a OrderId, &'a LineId, &'a WarehouseId, &'a MerchantSku);

/// The order line that a difference of the ledger is about.
fn place(found: &Found) -> Result<PlaceOf<'_>, RepairError> {
    match (&found.order, &found.line, &found.warehouse, &found.sku) {
        (Some(order), Some(line), Some(warehouse), Some(sku)) => Ok((order, line, warehouse, sku)),
        _ => Err(RepairError::NotFound),
    }
}

async fn available(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
) -> Result<i64, StoreError> {
    let balance = stock::balances(session, merchant, Some(sku), Some(warehouse), None, 1).await?.pop();
    Ok(balance.map_or(0, |found| found.balance.available))
}
