//! What ought to lie at third-party warehouses: [`Engine::tend_warehouse`] looks at an order that was just read, and is right
//! however often it is called. What ought to be there is pushed, one warehouse order for each warehouse with the lines that lie
//! there; what ought not to be is asked back. A refused cancel, a request taken back and a restored order all end in it.

use crate::ledger::marks;
use crate::stock_ins::{LineVisit, OrderVisit, StockIn, WAREHOUSE_ACTOR};
use crate::warehouse_orders::lane_of;
use crate::{Engine, EngineError};
use domain::ids::WarehouseId;
use domain::order::{Placement, Stage, Tab, place};
use domain::policy::Standing;
use domain::snapshot::FulfilledBy;
use domain::stock::Visit;
use domain::warehouse_order::{Goods, Learnt, WarehouseOrder, decide};
use domain::withdrawal::State;
use store::jobs::{self, Kind};
use store::orders::{self, OrderRecord};
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::warehouses::{self, RuleRecord, rule_of};
use store::{Session, cancellations};

/// The warehouses that an order's lines lie at, without the shop's own.
fn elsewhere(order: &OrderRecord, own: &WarehouseId) -> Vec<WarehouseId> {
    let mut found: Vec<WarehouseId> = Vec::new();
    for line in order.lines.iter().filter(|line| line.warehouse != *own) {
        if !found.contains(&line.warehouse) {
            found.push(line.warehouse.clone());
        }
    }
    found
}

/// Whether something of an order that lives lies at a warehouse.
pub(crate) fn lives_there(order: &OrderRecord, warehouse: &WarehouseId) -> bool {
    order.lines.iter().any(|line| line.warehouse == *warehouse && line.live() > 0)
}

/// Everything of an order that waits to come back of what lay at a warehouse, as sellable.
fn all_back(order: &OrderRecord, warehouse: &WarehouseId) -> Vec<LineVisit> {
    let waiting = order.lines.iter().filter(|line| line.warehouse == *warehouse && line.stock.returning > 0);
    waiting
        .map(|line| LineVisit {
            line: line.id.clone(),
            sku: line.merchant_sku.clone(),
            visit: Visit { sellable: line.stock.returning, ..Visit::default() },
            expected: None,
        })
        .collect()
}

/// Whether nothing stands against its goods leaving a warehouse. `restoring`: its cancel was refused, and it is to be there
/// again.
pub(crate) fn may_leave(order: &OrderRecord, restoring: bool) -> bool {
    matches!(order.standing, Standing::ToPack | Standing::Arranged)
        && order.fulfilled_by == FulfilledBy::Seller
        && !order.voided
        && !order.scanned_out
        && order.tab != Tab::OutOfStock
        && (!order.cancelling || restoring)
}

impl Engine {
    /// Sees to it that what ought to lie at third-party warehouses does, and what ought not does not. Called with every read of
    /// an order; costs nothing where its goods are the shop's own.
    pub(crate) async fn tend_warehouse(
        &self,
        session: &mut Session,
        own: &WarehouseId,
        mut order: OrderRecord,
        restoring: bool,
    ) -> Result<OrderRecord, EngineError> {
        let warehouses = elsewhere(&order, own);
        if warehouses.is_empty() {
            return Ok(order);
        }
        let known = warehouse_orders::at_each(session, &order.merchant, &order.id).await?;
        let mut generation = known.iter().map(|record| record.generation).max().unwrap_or(0) + 1;
        for warehouse in warehouses {
            let record = known.iter().find(|record| record.warehouse == warehouse);
            let pushes = match record {
                Some(record) => {
                    record.saga.state == State::Withdrawn && record.saga.is_handed_back() && record.saga.wanted
                }
                // A warehouse of the seller's own is pushed nothing.
                None => self.store.warehouse_account(session, &order.merchant, &warehouse).await?.is_some(),
            };
            if pushes && may_leave(&order, restoring) && lives_there(&order, &warehouse) {
                // Handed back for a cancel that did not come about, it is pushed again under another reference.
                self.begin_push(session, &order, &warehouse, (generation, record.is_some())).await?;
                generation += 1;
            } else if let Some(record) = record {
                order = self.tend_pushed(session, order, record.clone(), restoring).await?;
            }
        }
        Ok(order)
    }

    /// The same for what a warehouse was pushed before.
    async fn tend_pushed(
        &self,
        session: &mut Session,
        order: OrderRecord,
        record: WarehouseOrderRecord,
        restoring: bool,
    ) -> Result<OrderRecord, EngineError> {
        let lives = lives_there(&order, &record.warehouse);
        let over = order.standing == Standing::Canceled || order.voided || !lives;
        match record.saga.state {
            State::NotPushed if lives && may_leave(&order, restoring) && !record.saga.push_refused => {
                let (merchant, lane) = (&order.merchant, lane_of(&record.warehouse)?);
                let now = self.clock.now();
                jobs::want_once(session, merchant, &lane, Kind::WarehouseOrder, order.id.as_str(), now).await?;
                Ok(order)
            }
            State::Pushed | State::Unknown if over && !record.saga.wanted => {
                self.ask_back(session, order, record, "countermand").await
            }
            State::Pushed | State::Unknown if order.standing == Standing::CancelRequested && !record.saga.wanted => {
                let rules = warehouses::rules_of_shop(session, &order.merchant, &order.shop).await?;
                let at_once = |rule: &RuleRecord| rule.withdraw_on_request;
                let mut there = order.lines.iter().filter(|line| line.warehouse == record.warehouse);
                let wanted = there.any(|line| rule_of(&rules, &line.merchant_sku).is_some_and(at_once));
                if wanted { self.ask_back(session, order, record, "rule").await } else { Ok(order) }
            }
            State::NotPushed
            | State::Pushed
            | State::Withdrawing
            | State::Withdrawn
            | State::RefusedPicked
            | State::RefusedShipped
            | State::Unknown => Ok(order),
        }
    }

    pub(crate) async fn begin_push(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        warehouse: &WarehouseId,
        (generation, again): (u32, bool),
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let record = WarehouseOrderRecord {
            merchant: order.merchant.clone(),
            order: order.id.clone(),
            generation,
            warehouse: warehouse.clone(),
            shop: order.shop.clone(),
            reference: format!("{}-{generation}", order.id),
            number: None,
            saga: WarehouseOrder::new(),
            raw_status: String::new(),
            partial: false,
            parcels: Vec::new(),
            message: None,
            staff_answer: None,
            attempts: 0,
            created_at: now,
            updated_at: now,
        };
        warehouse_orders::insert(session, &record).await?;
        let lane = lane_of(warehouse)?;
        jobs::want(session, &order.merchant, &lane, Kind::WarehouseOrder, order.id.as_str(), now).await?;
        if again {
            let detail = format!("{} is pushed to the warehouse again", order.number);
            self.log_warehouse(session, &record, "countermand", "warehouse.push_again", &detail).await?;
        }
        Ok(())
    }

    /// Asks for an order back: durable with the caller's commit, carried out by the account's next tick.
    pub(crate) async fn ask_back(
        &self,
        session: &mut Session,
        order: OrderRecord,
        mut record: WarehouseOrderRecord,
        actor: &str,
    ) -> Result<OrderRecord, EngineError> {
        let now = self.clock.now();
        let account = self.open_account(session, &order.merchant, &record.warehouse).await?;
        let (saga, ..) = decide(record.saga, Learnt::Wanted, now, &account.warehouse.rules());
        record.saga = saga;
        record.updated_at = now;
        warehouse_orders::save(session, &record).await?;
        let lane = lane_of(&record.warehouse)?;
        jobs::want(session, &order.merchant, &lane, Kind::WarehouseOrder, order.id.as_str(), now).await?;
        let detail = format!("{} is asked back from {}", order.number, account.record.name);
        self.log_warehouse(session, &record, actor, "warehouse.withdraw", &detail).await?;
        self.place_goods(session, order, &record).await
    }

    /// For a cancel: asks each warehouse for what it has of the order, if that was not done yet.
    pub(crate) async fn withdraw_for(
        &self,
        session: &mut Session,
        mut order: OrderRecord,
        actor: &str,
    ) -> Result<OrderRecord, EngineError> {
        for record in warehouse_orders::at_each(session, &order.merchant, &order.id).await? {
            if !record.saga.wanted {
                order = self.ask_back(session, order, record, actor).await?;
            }
        }
        Ok(order)
    }

    /// What a warehouse has of an order whose refused cancel waits for it to be there again.
    pub(crate) async fn goods_while_restoring(
        &self,
        session: &mut Session,
        order: &OrderRecord,
    ) -> Result<Goods, EngineError> {
        if !may_leave(order, true) {
            // Nobody wants it there any more.
            return Ok(Goods::Free);
        }
        let known = warehouse_orders::at_each(session, &order.merchant, &order.id).await?;
        let goods = known.iter().map(|record| match record.saga.state {
            State::NotPushed if record.saga.push_refused => Goods::Free,
            State::Pushed if record.saga.confirmed => Goods::There,
            State::RefusedPicked => Goods::KeptPicked,
            State::RefusedShipped => Goods::KeptShipped,
            State::Withdrawn if !record.saga.wanted => Goods::Free,
            State::NotPushed | State::Pushed | State::Unknown | State::Withdrawing | State::Withdrawn => {
                Goods::HandedBack
            }
        });
        let goods: Vec<Goods> = goods.collect();
        // Restored is what is there again at each of them.
        let waits = goods.contains(&Goods::HandedBack);
        Ok(if waits { Goods::HandedBack } else { Goods::fold(goods.into_iter()).unwrap_or(Goods::Free) })
    }

    /// Writes on the order what a warehouse has of its lines, and moves what follows from that.
    pub(crate) async fn place_goods(
        &self,
        session: &mut Session,
        before: OrderRecord,
        record: &WarehouseOrderRecord,
    ) -> Result<OrderRecord, EngineError> {
        let mut goods = record.saga.goods();
        if goods == Goods::Free && record.generation > 1 && warehouse_orders::is_again(session, record).await? {
            goods = Goods::HandedBack;
        }
        let stage = match record.saga.state {
            State::RefusedShipped => Stage::HandedOver,
            State::NotPushed
            | State::Pushed
            | State::Withdrawing
            | State::Withdrawn
            | State::RefusedPicked
            | State::Unknown
                if record.saga.picked =>
            {
                Stage::Packed
            }
            _ => before.stage,
        };
        let mut after = before.clone();
        for line in after.lines.iter_mut().filter(|line| line.warehouse == record.warehouse) {
            line.goods = goods;
        }
        after.goods = Goods::fold(after.lines.iter().map(|line| line.goods)).unwrap_or(goods);
        after.stage = before.stage.max(stage);
        if after == before {
            return Ok(before);
        }
        let now = self.clock.now();
        after.updated_at = now;
        let short = before.tab == Tab::OutOfStock;
        let placement = Placement { list: before.list, tab: before.tab };
        let placement = place(after.standing, after.fulfilled_by, marks(&after, short), Some(placement));
        (after.list, after.tab) = (placement.list, placement.tab);
        orders::update(session, &before, &after).await?;
        after.version = before.version + 1;
        if before.goods != after.goods {
            // Whatever waits for the warehouse looks at once.
            let ids = std::slice::from_ref(&after.id);
            for waiting in cancellations::live_of_orders(session, &after.merchant, ids).await? {
                let id = waiting.id.as_str();
                jobs::want(session, &after.merchant, &after.shop, Kind::Cancellation, id, now).await?;
            }
        }
        let back = all_back(&after, &record.warehouse);
        if goods == Goods::HandedBack && !back.is_empty() {
            // The warehouse's own confirmation: its units lie on its shelf.
            let all = OrderVisit { order: after.id.clone(), lines: Some(back), expected: None };
            self.stock_in_at_warehouse(session, &after, record, all, "the warehouse handed it back").await?;
            after = orders::load_one(session, &after.merchant, &after.id).await?.ok_or(EngineError::NoShop)?;
        }
        Ok(after)
    }

    pub(crate) async fn stock_in_at_warehouse(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        record: &WarehouseOrderRecord,
        visit: OrderVisit,
        note: &str,
    ) -> Result<(), EngineError> {
        let request = StockIn {
            actor: WAREHOUSE_ACTOR,
            warehouse: &record.warehouse,
            orders: std::slice::from_ref(&visit),
            note: Some(note),
            shops: None,
            batch: None,
        };
        let done = self.stock_in(session, &order.merchant, &request).await;
        done.map(drop).map_err(|error| match error {
            crate::stock_ins::StockInError::Engine(error) => error,
            other => EngineError::Warehouse(other.to_string()),
        })
    }
}
