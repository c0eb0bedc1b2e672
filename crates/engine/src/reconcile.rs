//! What a read of an order changes here: its place in the lists, its lines, its stock.
//!
//! Pushes, sweeps, cancels and restores all end in [`Engine::apply`]: there is one way for a platform's word to become ours.

use crate::cases::courier_scan_in;
use crate::commands::facts_of;
use crate::ledger::{Chosen, marks};
use crate::mappings::{Meanings, meanings};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use domain::cancellation::{LineSeen, Phase, Scope, Sent, View};
use domain::eligibility::{self, Blocked, Gate, OrderFacts};
use domain::ids::{LineId, ListingSku, MerchantId, MerchantSku, OrderId};
use domain::label::LabelState;
use domain::mapping::{MappedBy, own_code};
use domain::order::{List, place};
use domain::policy::{Policy, Standing};
use domain::shipment::Mark;
use domain::snapshot::{Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::time::Moment;
use domain::warehouse_order::Goods;
use store::bundles::{self, Component};
use store::cancellations::{CancellationRecord, SideEffect};
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, NEVER, OrderRecord, PackageRecord, PartOf};
use store::stock::{self, ListingRecord};
use store::{Session, StoreError, cancellations, labels, mappings, new_id, warehouses};

/// What applying a read came to.
pub(crate) struct Applied {
    /// The order as it stands now, with its version in the database.
    pub(crate) order: OrderRecord,
    /// The read began before a write of ours was answered: it proves nothing and must be made again.
    pub(crate) read_again: bool,
    /// The read is older than what was applied before, or contradicts it.
    pub(crate) stale: bool,
}

/// What an order as it was read just now says of a cancel of it or of chosen lines.
pub(crate) fn view(record: &CancellationRecord, order: &OrderRecord, policy: &Policy) -> View {
    let of_order = match order.standing {
        Standing::Canceled => View::Canceled(order.cancelled_by),
        standing => View::Alive(gates_now(standing, &facts_of(order), policy)),
    };
    match record.scope {
        Scope::Order => of_order,
        Scope::Lines => of_order.of_lines(record.lines.iter().map(|meant| (meant, seen(order, &meant.line)))),
    }
}

/// Whether an order that lives may be cancelled, by what the platform says now.
pub(crate) fn gates_now(standing: Standing, facts: &OrderFacts, policy: &Policy) -> Result<(), Blocked> {
    if standing == Standing::CancelRequested {
        let detail = "The buyer has asked to cancel this order; answer the request instead.".to_owned();
        return Err(Blocked { gate: Gate::RequestOpen, detail });
    }
    eligibility::live_gates(facts, policy)
}

/// What was read of a line; a line that is not there has nothing cancelled.
fn seen(order: &OrderRecord, line: &LineId) -> LineSeen {
    let line = order.lines.iter().find(|known| known.id == *line);
    LineSeen {
        canceled: line.map_or(0, |line| line.canceled_quantity),
        by: line.and_then(|line| line.canceled_by).or(order.cancelled_by),
    }
}

/// Notes what was read of the lines that a cancel means: the outcome is per line.
pub(crate) fn note_lines(record: &mut CancellationRecord, order: &OrderRecord) {
    for meant in &mut record.lines {
        meant.canceled = seen(order, &meant.line).canceled;
    }
}

impl Engine {
    /// Applies what a read says of an order, known before or not.
    pub(crate) async fn apply(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: Option<OrderRecord>,
        snapshot: &OrderSnapshot,
        began_at: Moment,
    ) -> Result<Applied, EngineError> {
        let mut applied = match before {
            None => self.apply_first(session, shop, snapshot, began_at).await?,
            Some(before) => self.apply_change(session, shop, before, snapshot, began_at).await?,
        };
        if !applied.stale {
            applied.order = self.tend_warehouse(session, &shop.record.warehouse, applied.order, false).await?;
        }
        Ok(applied)
    }

    async fn apply_first(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        snapshot: &OrderSnapshot,
        began_at: Moment,
    ) -> Result<Applied, EngineError> {
        let now = self.clock.now();
        let record = &shop.record;
        let gone = matches!(snapshot.standing, Standing::Shipped | Standing::Completed | Standing::Canceled);
        let begun = snapshot.paid_at.unwrap_or(snapshot.ordered_at);
        let mut order = OrderRecord {
            merchant: record.merchant.clone(),
            id: OrderId::parse(new_id("ord", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            shop: record.id.clone(),
            platform: snapshot.platform,
            number: snapshot.number.clone(),
            version: 1,
            list: List::New,
            tab: domain::order::Tab::None,
            platform_status: snapshot.platform_status.clone(),
            standing: snapshot.standing,
            stage: snapshot.stage,
            region: snapshot.region.clone(),
            currency: snapshot.currency,
            total: snapshot.total,
            buyer_name: snapshot.buyer_name.clone(),
            cod: snapshot.cod,
            preorder: snapshot.preorder,
            fulfilled_by: snapshot.fulfilled_by,
            seller_may_cancel: snapshot.seller_may_cancel,
            voided: false,
            cancelling: false,
            shipment: Mark::None,
            scanned_out: false,
            goods: Goods::Free,
            left_before_counting: gone && begun < record.stock_from,
            cancelled_by: None,
            cancel_reason: None,
            buyer_reason: snapshot.buyer_reason.clone(),
            ordered_at: snapshot.ordered_at,
            paid_at: snapshot.paid_at,
            ship_by: snapshot.ship_by.unwrap_or(NEVER),
            canceled_at: None,
            platform_updated_at: snapshot.updated_at,
            read_began_at: began_at,
            written_at: Moment::from_millis(0),
            updated_at: now,
            lines: self.first_lines(session, shop, &snapshot.lines).await?,
            packages: snapshot.packages.iter().map(package_of).collect(),
        };
        note_cancel(&mut order, snapshot);
        let settled = self.settle(session, &mut order, record.is_counted(), None, "platform").await?;
        let placement = place(order.standing, order.fulfilled_by, marks(&order, settled.short), None);
        (order.list, order.tab) = (placement.list, placement.tab);
        if !orders::insert(session, &order).await? {
            return Err(StoreError::Conflict("the order").into());
        }
        self.want_labels(session, shop, None, &order).await?;
        stock::write(session, &record.merchant, &settled.movements, now).await?;
        let canceled = order.lines.iter().any(|line| line.canceled_quantity > 0);
        if canceled && record.is_counted() && !order.left_before_counting {
            self.look_at_listings_once_settled(session, shop, &order).await?;
        }
        if !snapshot.requests.is_empty() {
            self.note_requests(session, shop, None, &order, snapshot).await?;
        }
        Ok(Applied { order, read_again: false, stale: false })
    }

    async fn apply_change(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: OrderRecord,
        snapshot: &OrderSnapshot,
        began_at: Moment,
    ) -> Result<Applied, EngineError> {
        let now = self.clock.now();
        if began_at < before.written_at {
            return Ok(Applied { order: before, read_again: true, stale: true });
        }
        let older = snapshot.updated_at < before.platform_updated_at;
        let revived = before.standing == Standing::Canceled && snapshot.standing != Standing::Canceled;
        if let Some(scanned_as) = courier_scan_in(&before, snapshot) {
            return self.note_courier_scan(session, shop, before, snapshot, scanned_as).await;
        }
        if older || revived {
            return Ok(Applied { order: before, read_again: false, stale: true });
        }
        let mut after = before.clone();
        after.platform_status.clone_from(&snapshot.platform_status);
        after.standing = snapshot.standing;
        after.stage = before.stage.max(snapshot.stage);
        after.total = snapshot.total.or(before.total);
        after.buyer_name.clone_from(&snapshot.buyer_name);
        after.cod = snapshot.cod;
        after.preorder = snapshot.preorder;
        after.fulfilled_by = snapshot.fulfilled_by;
        after.seller_may_cancel = snapshot.seller_may_cancel;
        after.buyer_reason = snapshot.buyer_reason.clone().or(after.buyer_reason);
        after.paid_at = snapshot.paid_at.or(before.paid_at);
        after.ship_by = snapshot.ship_by.unwrap_or(before.ship_by);
        after.platform_updated_at = snapshot.updated_at;
        self.change_lines(session, shop, &mut after, &snapshot.lines).await?;
        after.packages = changed_packages(&before, &snapshot.packages);
        if before.standing == Standing::Arranged && after.standing == Standing::ToPack {
            // Packed anew, the parcels get other labels.
            labels::make_stale(session, &before.merchant, &before.id).await?;
            for package in after.packages.iter_mut().filter(|package| package.label == LabelState::Cached) {
                package.label = LabelState::Stale;
            }
        }
        if after.standing == Standing::ToPack {
            after.scanned_out = false;
            for package in &mut after.packages {
                package.scanned_out = false;
            }
        }
        if matches!(after.standing, Standing::Shipped | Standing::Completed) {
            // The courier has scanned it: our own scan has nothing more to say.
            after.scanned_out = false;
            for package in &mut after.packages {
                package.scanned_out = false;
            }
        }
        if after.standing != Standing::ToPack && after.shipment == Mark::PackFailed {
            after.shipment = Mark::None;
        }
        note_cancel(&mut after, snapshot);

        let policy = self.policy(after.platform)?;
        let newly_canceled = before.standing != Standing::Canceled && after.standing == Standing::Canceled
            || canceled_since(&before, &after).next().is_some();
        let cancellations =
            if newly_canceled { self.learn_of_cancel(session, &before, &after, &policy).await? } else { Vec::new() };
        let chosen = Chosen::of(&cancellations, &policy);
        let settled = self.settle(session, &mut after, shop.record.is_counted(), chosen.as_ref(), "platform").await?;
        let placement = place(
            after.standing,
            after.fulfilled_by,
            marks(&after, settled.short),
            Some(domain::order::Placement { list: before.list, tab: before.tab }),
        );
        (after.list, after.tab) = (placement.list, placement.tab);
        if before.standing == Standing::CancelRequested || !snapshot.requests.is_empty() {
            self.note_requests(session, shop, Some(before.list), &after, snapshot).await?;
        }
        if after == before {
            return Ok(Applied { order: before, read_again: false, stale: false });
        }
        after.read_began_at = began_at;
        after.updated_at = now;
        orders::update(session, &before, &after).await?;
        stock::write(session, &before.merchant, &settled.movements, now).await?;
        self.want_labels(session, shop, Some(&before), &after).await?;
        if before.platform_status != after.platform_status {
            let detail = format!("{} → {}", before.platform_status, after.platform_status);
            let entry = Entry {
                actor: "platform",
                action: "order.status",
                shop: Some(&before.shop),
                order: Some(&before.id),
                subject: before.number.as_str(),
                detail: &detail,
            };
            log::write(session, &before.merchant, now, &entry).await?;
        }
        if newly_canceled {
            orders::note_status_before(session, &before.merchant, &before.id, &before.platform_status).await?;
            self.look_at_listings_once_settled(session, shop, &after).await?;
        }
        after.version = before.version + 1;
        Ok(Applied { order: after, read_again: false, stale: false })
    }

    /// Units were cancelled, by whomever: platforms put them back on the listing by themselves, or zero it. Once that has
    /// settled the listings are read, and pushed.
    async fn look_at_listings_once_settled(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        order: &OrderRecord,
    ) -> Result<(), StoreError> {
        let wake_at = self.clock.now().plus(shop.policy.settling);
        jobs::want_later(session, &order.merchant, &order.shop, Kind::ReadListings, order.id.as_str(), wake_at).await
    }

    /// Units were cancelled: takes back a refusal that this contradicts, and notes what the platform cancelled beside the
    /// lines that we chose. Answers the order's cancellations, oldest first.
    async fn learn_of_cancel(
        &self,
        session: &mut Session,
        before: &OrderRecord,
        after: &OrderRecord,
        policy: &Policy,
    ) -> Result<Vec<CancellationRecord>, EngineError> {
        let mut records = cancellations::of_orders(session, &before.merchant, std::slice::from_ref(&before.id)).await?;
        // A refusal that another cancel of ours followed is contradicted by nothing that this one did.
        let Some(latest) = records.last_mut() else { return Ok(records) };
        if crate::cancel::contradicts(latest, after, policy) {
            self.take_refusal_back(session, latest, after, policy).await?;
        }
        let now = self.clock.now();
        let acts = match latest.saga.phase {
            Phase::Requested | Phase::Withdrawing | Phase::Submitting | Phase::Confirming | Phase::Restoring(_) => {
                latest.saga.sent != Sent::Never
            }
            // What comes with it may be seen a moment later.
            Phase::Done(_) => now.since(latest.updated_at) <= policy.settling,
            Phase::Refused(_) => false,
        };
        if latest.scope == Scope::Lines && acts {
            let beside: Vec<SideEffect> = canceled_since(before, after)
                .filter(|(line, _)| !latest.chose(&line.id))
                .filter(|(line, _)| line.canceled_by.or(after.cancelled_by) != Some(Initiator::Buyer))
                .map(|(line, quantity)| SideEffect { line_id: line.id.as_str().to_owned(), quantity })
                .collect();
            if !beside.is_empty() {
                let units: u32 = beside.iter().map(|line| line.quantity).sum();
                latest.side_effects.extend(beside);
                cancellations::save_side_effects(session, latest).await?;
                let detail = format!("the platform canceled {units} more beside the chosen ones");
                self.log_cancellation(session, latest, after, "cancellation.side_effect", &detail).await?;
            }
        }
        Ok(records)
    }

    async fn first_lines(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        lines: &[LineSnapshot],
    ) -> Result<Vec<LineRecord>, EngineError> {
        let merchant = &shop.record.merchant;
        let listings: Vec<_> = lines.iter().map(|line| line.listing.clone()).collect();
        let mut known = stock::merchant_skus(session, merchant, &shop.record.id, &listings).await?;
        let fresh: Vec<&LineSnapshot> = lines.iter().filter(|line| !known.contains_key(&line.listing)).collect();
        let codes: Vec<ListingSku> = fresh.iter().map(|line| line.listing_sku.clone()).collect();
        let meanings = meanings(session, merchant, &shop.record.id, &codes).await?;
        for line in fresh {
            let listing = ListingRecord {
                shop: shop.record.id.clone(),
                listing: line.listing.clone(),
                listing_sku: line.listing_sku.clone(),
                merchant_sku: own_code(&line.listing_sku),
                name: line.name.clone(),
                stock: 0,
                read_at: Moment::from_millis(0),
                held: false,
            };
            let sku = adopt(session, merchant, listing, &meanings).await?;
            known.insert(line.listing.clone(), sku);
        }
        let skus: Vec<MerchantSku> = known.values().cloned().collect();
        let bundles = bundles::components(session, merchant, &skus).await?;
        let rules = warehouses::rules_of_shop(session, merchant, &shop.record.id).await?;
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            let merchant_sku = known.get(&line.listing).cloned().unwrap_or_else(|| own_code(&line.listing_sku));
            // What the platform sent as components lies on the shelf as it is.
            let components = bundles.get(&merchant_sku).filter(|_| !line.is_component);
            let rule = warehouses::rule_of(&rules, &merchant_sku);
            let record = LineRecord {
                id: line.id.clone(),
                listing: line.listing.clone(),
                listing_sku: line.listing_sku.clone(),
                merchant_sku,
                warehouse: rule.map_or(&shop.record.warehouse, |rule| &rule.warehouse).clone(),
                name: line.name.clone(),
                variation: line.variation.clone(),
                quantity: line.quantity,
                canceled_quantity: line.cancelled_quantity,
                canceled_by: line.cancelled_by,
                unit_price: line.unit_price,
                platform_status: line.platform_status.clone(),
                stage: line.stage,
                package: line.package.clone(),
                part_of: None,
                goods: domain::warehouse_order::Goods::Free,
                stock: domain::stock::LineStock::default(),
            };
            match components {
                Some(components) => records.extend(exploded(&record, components)?),
                None => records.push(record),
            }
        }
        Ok(records)
    }

    async fn change_lines(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        order: &mut OrderRecord,
        lines: &[LineSnapshot],
    ) -> Result<(), EngineError> {
        let mut added = Vec::new();
        for line in lines {
            let mut is_known = false;
            for known in order.lines.iter_mut().filter(|known| *known.sold_as() == line.id) {
                is_known = true;
                let units_in_one = known.units_in_one();
                known.name.clone_from(&line.name);
                known.variation.clone_from(&line.variation);
                known.quantity = line.quantity.saturating_mul(units_in_one);
                // Units that were cancelled stay cancelled.
                let canceled = line.cancelled_quantity.saturating_mul(units_in_one);
                known.canceled_quantity = known.canceled_quantity.max(canceled);
                known.canceled_by = line.cancelled_by.or(known.canceled_by);
                // The price is the bundle's, not the part's.
                known.unit_price = line.unit_price.filter(|_| known.part_of.is_none()).or(known.unit_price);
                known.platform_status.clone_from(&line.platform_status);
                known.stage = known.stage.max(line.stage);
                known.package.clone_from(&line.package);
            }
            if !is_known {
                added.push(line.clone());
            }
        }
        if !added.is_empty() {
            order.lines.extend(self.first_lines(session, shop, &added).await?);
        }
        if order.standing == Standing::Canceled {
            for line in &mut order.lines {
                line.canceled_quantity = line.quantity;
            }
        }
        Ok(())
    }
}

/// Keeps a listing that was not known, with the merchant SKU that its code means. Answers that.
pub(crate) async fn adopt(
    session: &mut Session,
    merchant: &MerchantId,
    listing: ListingRecord,
    meanings: &Meanings,
) -> Result<MerchantSku, StoreError> {
    let own = (listing.merchant_sku.clone(), MappedBy::Code);
    let (sku, by) = meanings.get(&listing.listing_sku).cloned().unwrap_or(own);
    stock::save_listing(session, merchant, &ListingRecord { merchant_sku: sku.clone(), ..listing.clone() }).await?;
    if by != MappedBy::Code {
        mappings::map(session, merchant, (&listing.shop, &listing.listing), &sku, by).await?;
    }
    Ok(sku)
}

/// Between a platform's line and the place of one of its parts in a line's id.
const PART: char = '*';

/// A line of a bundle as lines of its components: those lie on the shelf, the bundle does not.
pub(crate) fn exploded(line: &LineRecord, components: &[Component]) -> Result<Vec<LineRecord>, StoreError> {
    let parts = components.iter().enumerate().map(|(place, component)| {
        let id =
            LineId::parse(format!("{}{PART}{}", line.id, place + 1)).map_err(|_| StoreError::Conflict("the line"))?;
        Ok(LineRecord {
            id,
            merchant_sku: component.sku.clone(),
            quantity: line.quantity.saturating_mul(component.units),
            canceled_quantity: line.canceled_quantity.saturating_mul(component.units),
            // The price is the bundle's, not the part's.
            unit_price: None,
            part_of: Some(PartOf { line: line.id.clone(), units: component.units }),
            ..line.clone()
        })
    });
    parts.collect()
}

/// The lines of which units were cancelled between two states of an order, and how many.
fn canceled_since<'a>(
    before: &'a OrderRecord,
    after: &'a OrderRecord,
) -> impl Iterator<Item = (&'a LineRecord, u32)> + 'a {
    after.lines.iter().filter_map(|line| {
        let known = before.lines.iter().find(|known| known.id == line.id);
        let units = line.canceled_quantity.saturating_sub(known.map_or(0, |known| known.canceled_quantity));
        (units > 0).then_some((line, units))
    })
}

fn note_cancel(order: &mut OrderRecord, snapshot: &OrderSnapshot) {
    if order.standing != Standing::Canceled {
        return;
    }
    order.canceled_at = order.canceled_at.or(Some(snapshot.updated_at));
    if let Some(facts) = &snapshot.cancelled {
        order.cancelled_by = facts.by.or(order.cancelled_by);
        order.cancel_reason = Some(facts.reason.clone());
    }
}

fn package_of(package: &PackageSnapshot) -> PackageRecord {
    PackageRecord {
        number: package.number.clone(),
        tracking_number: package.tracking_number.clone(),
        platform_status: package.platform_status.clone(),
        stage: package.stage,
        carrier: package.carrier.clone(),
        label: LabelState::None,
        scanned_out: false,
    }
}

/// The packages as read, but never less far than they were, and with a tracking number that was known kept.
pub(crate) fn changed_packages(before: &OrderRecord, packages: &[PackageSnapshot]) -> Vec<PackageRecord> {
    let changed = packages.iter().map(|package| {
        let mut after = package_of(package);
        if let Some(known) = before.packages.iter().find(|known| known.number == after.number) {
            after.stage = after.stage.max(known.stage);
            after.label = known.label;
            after.scanned_out = known.scanned_out;
            after.tracking_number = after.tracking_number.or_else(|| known.tracking_number.clone());
        }
        after
    });
    changed.collect()
}
