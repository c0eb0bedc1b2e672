//! Opening stock: from when on a shop's orders move stock.

use crate::shop_calls::OpenShop;
use crate::sweep::{FIRST_SYNC_ROUNDS, wait_for_platform};
use crate::{Engine, EngineError};
use domain::ids::{ListingId, MerchantId, ShopId};
use domain::order::{Placement, place};
use domain::snapshot::ListingSnapshot;
use domain::stock::{Bucket, Cause};
use std::collections::HashMap;
use store::stock::Movement;
use store::{orders, shops, stock, warehouses};

/// Orders that are settled in one transaction.
const ORDERS_PER_COMMIT: u32 = 200;

impl Engine {
    /// Takes the listings' stock as counted: opening stock = what each listing shows + the units of the orders that are
    /// still here (the platform took those off the listing when they were placed). From now on the shop's orders move
    /// stock; orders whose goods left before do not.
    ///
    /// Safe to repeat after a crash: the opening movements have one key per shop and SKU, and an order that is settled
    /// moves nothing more.
    ///
    /// # Errors
    /// [`EngineError::Platform`] when the listings cannot be read.
    pub async fn count_from_listings(&self, merchant: &MerchantId, shop: &ShopId) -> Result<(), EngineError> {
        let open = self.open_shop(merchant, shop).await?;
        if !open.record.is_counted() {
            let mut session = self.store.read().await?;
            let wanted = orders::open_units(&mut session, merchant, shop).await?;
            let rules = warehouses::rules_of_shop(&mut session, merchant, shop).await?;
            drop(session);
            let listings: Vec<ListingId> = wanted.iter().map(|open| open.listing.clone()).collect();
            let snapshots = self.read_all_listings(&open, listings).await?;
            let now = self.clock.now();
            let mut shown: HashMap<_, i64> =
                snapshots.iter().map(|snapshot| (snapshot.listing.clone(), snapshot.stock)).collect();
            let mut by_sku: HashMap<_, i64> = HashMap::new();
            for open in &wanted {
                let units = by_sku.entry(open.merchant_sku.clone()).or_default();
                *units += i64::from(open.units);
                // Each listing once; what a bundle's shows says nothing of any one of its components.
                if open.itself {
                    *units += shown.remove(&open.listing).unwrap_or(0);
                }
            }
            let counted: Vec<_> = by_sku.keys().cloned().collect();
            let movements: Vec<Movement> = by_sku
                .into_iter()
                .filter_map(|(sku, units)| {
                    let units = u32::try_from(units).ok().filter(|units| *units > 0)?;
                    let rule = warehouses::rule_of(&rules, &sku);
                    Some(Movement {
                        key: format!("opening/{shop}/{sku}"),
                        warehouse: rule.map_or(&open.record.warehouse, |rule| &rule.warehouse).clone(),
                        sku,
                        from: Bucket::Outside,
                        to: Bucket::Available,
                        units,
                        cause: Cause::Opening,
                        order: None,
                        line: None,
                        actor: "countermand".to_owned(),
                    })
                })
                .collect();
            let mut session = self.store.begin().await?;
            self.keep_listings(&mut session, &open, &snapshots, now).await?;
            stock::write(&mut session, merchant, &movements, now).await?;
            for sku in &counted {
                stock::mark_counted(&mut session, merchant, &open.record.warehouse, sku, now).await?;
            }
            shops::set_counted(&mut session, merchant, shop, self.clock.platform_now(open.record.platform)).await?;
            session.commit().await?;
        }
        self.settle_open_orders(merchant, shop).await
    }

    /// Reads listings, and waits where the shop's budget or the platform asks for it.
    async fn read_all_listings(
        &self,
        shop: &OpenShop,
        mut left: Vec<ListingId>,
    ) -> Result<Vec<ListingSnapshot>, EngineError> {
        let mut snapshots: Vec<ListingSnapshot> = Vec::new();
        for _ in 0..FIRST_SYNC_ROUNDS {
            let read = self.read_listings(shop, &left).await;
            snapshots.extend(read.snapshots);
            let Some(error) = read.failed else { return Ok(snapshots) };
            match error.into() {
                EngineError::NotNow { retry_after, .. } => wait_for_platform(retry_after).await,
                error => return Err(error),
            }
            left.retain(|listing| snapshots.iter().all(|snapshot| snapshot.listing != *listing));
        }
        Err(EngineError::Platform("its listings could not be read in time".to_owned()))
    }

    async fn settle_open_orders(&self, merchant: &MerchantId, shop: &ShopId) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let mut session = self.store.begin().await?;
            let ids = orders::open_of_shop(&mut session, merchant, shop, after.as_ref(), ORDERS_PER_COMMIT).await?;
            let Some(last) = ids.last().cloned() else { return Ok(()) };
            orders::lock(&mut session, merchant, &ids).await?;
            stock::lock(&mut session, merchant, &ids).await?;
            let now = self.clock.now();
            for before in orders::load(&mut session, merchant, &ids).await? {
                let mut order = before.clone();
                let settled = self.settle(&mut session, &mut order, true, None, "countermand").await?;
                let placement = Placement { list: before.list, tab: before.tab };
                let placement = place(
                    order.standing,
                    order.fulfilled_by,
                    crate::ledger::marks(&order, settled.short),
                    Some(placement),
                );
                (order.list, order.tab) = (placement.list, placement.tab);
                if order != before {
                    orders::update(&mut session, &before, &order).await?;
                    stock::write(&mut session, merchant, &settled.movements, now).await?;
                }
            }
            session.commit().await?;
            after = Some(last);
        }
    }
}
