//! From an order's facts to the movements that are missing: the domain's rule, applied to a whole order.

use crate::{Engine, EngineError, commands};
use domain::cancellation::Phase;
use domain::ids::{MerchantSku, WarehouseId};
use domain::label::LabelState;
use domain::order::{LocalMarks, Stage};
use domain::policy::{GoodsEffect, Policy, Standing};
use domain::request::AnswerKind;
use domain::shipment::Mark;
use domain::snapshot::Initiator;
use domain::stock::{LineFacts, LineStock, settle};
use domain::stock_rules::{CanceledUnits, GoesTo, StockRule, WarehouseAnswer, goes_to};
use domain::warehouse_order::Goods;
use std::collections::HashMap;
use std::sync::Arc;
use store::cancellations::CancellationRecord;
use store::orders::{LineRecord, OrderRecord};
use store::stock::Movement;
use store::{Session, shop_stock, stock, stock_rules};

/// What settling an order found.
pub(crate) struct OrderSettled {
    /// The movements that are missing.
    pub(crate) movements: Vec<Movement>,
    /// There was not enough to promise.
    pub(crate) short: bool,
}

/// What the seller's cancel of an order says about its goods.
pub(crate) struct Chosen<'a> {
    record: &'a CancellationRecord,
    goods: GoodsEffect,
}

impl<'a> Chosen<'a> {
    /// By the order's live or latest cancellation that was not refused.
    pub(crate) fn of(cancellations: &'a [CancellationRecord], policy: &Policy) -> Option<Self> {
        let rejects = |record: &CancellationRecord| record.reason.as_str() == AnswerKind::Reject.reason_code();
        let mut latest_first = cancellations.iter().rev();
        let record = latest_first.find(|record| !matches!(record.saga.phase, Phase::Refused(_)) && !rejects(record))?;
        let goods = policy.reason(record.reason.as_str()).map_or(GoodsEffect::ComeBack, |rule| rule.goods_effect);
        Some(Self { record, goods })
    }
}

impl Engine {
    /// Moves what is missing so that each line holds what the order's facts demand; changes the lines' holdings and names
    /// the movements, which the caller writes.
    pub(crate) async fn settle(
        &self,
        session: &mut Session,
        order: &mut OrderRecord,
        counted: bool,
        chosen: Option<&Chosen<'_>>,
        actor: &str,
    ) -> Result<OrderSettled, EngineError> {
        if !counted || !commands::is_ours(order) {
            return Ok(OrderSettled { movements: Vec::new(), short: false });
        }
        let skus: Vec<MerchantSku> = order.lines.iter().map(|line| line.merchant_sku.clone()).collect();
        let mut full = Rest::new();
        if takes_from_the_shelf(order) {
            full = stock::available(session, &order.merchant, &skus).await?;
            if !order.voided && order.lines.iter().any(is_free) {
                let warehouses = shop_stock::warehouses(session, &order.merchant, &order.shop).await?;
                // What a rule sends to a third-party warehouse lies there and nowhere else.
                let rules = store::warehouses::rules_of_shop(session, &order.merchant, &order.shop).await?;
                choose_warehouses(order, &full, &warehouses, &rules);
            }
        }
        let rules = if has_cancels_to_settle(order) {
            self.policy_of_shop(session, order).await?.cancel_stock.clone()
        } else {
            Vec::new()
        };
        let mut rest = full.clone();

        let mut settled = settle_lines(order, &mut rest, chosen, &rules, actor);
        if settled.short {
            // All lines or none: a half allocated order keeps units from others and cannot be packed.
            let mut nothing: Rest = full.into_keys().map(|key| (key, 0)).collect();
            settled = settle_lines(order, &mut nothing, chosen, &rules, actor);
            settled.short = true;
        }
        for (line, stock) in order.lines.iter_mut().zip(settled.after) {
            line.stock = stock;
        }
        Ok(OrderSettled { movements: settled.movements, short: settled.short })
    }
}

impl Engine {
    /// An order's platform's policy with its shop's own rules of where cancelled units go before the usual ones.
    ///
    /// # Errors
    /// [`EngineError`] of the store, or for a platform without a policy.
    pub async fn policy_of_shop(&self, session: &mut Session, order: &OrderRecord) -> Result<Arc<Policy>, EngineError> {
        let policy = self.policy(order.platform)?;
        let mut rules: Vec<StockRule> = stock_rules::of_shop(session, &order.merchant, &order.shop).await?;
        if rules.is_empty() {
            return Ok(policy);
        }
        rules.extend(policy.cancel_stock.iter().cloned());
        Ok(Arc::new(Policy { cancel_stock: rules, ..Policy::clone(&policy) }))
    }
}

/// Whether units were cancelled that the ledger does not know of yet.
fn has_cancels_to_settle(order: &OrderRecord) -> bool {
    order.lines.iter().any(|line| line.canceled_quantity > line.stock.cancelled())
}

/// Whether what is missing could come from available units, so that they have to be looked at.
fn takes_from_the_shelf(order: &OrderRecord) -> bool {
    order.lines.iter().any(|line| {
        let live = line.live();
        match order.standing {
            // Set aside, its units were released: what was said not to exist is taken from the shelf again.
            _ if order.voided && line.canceled_quantity > line.stock.cancelled() => true,
            Standing::Unpaid | Standing::OnHold => line.stock.reserved + line.stock.allocated < live,
            Standing::ToPack | Standing::Arranged => line.stock.allocated + line.stock.outbound < live,
            Standing::CancelRequested => line.stock.never_moved(),
            Standing::Shipped | Standing::Completed | Standing::Canceled | Standing::Unknown => false,
        }
    })
}

/// Whether a line's units may be taken from any warehouse: it has some to take, and holds none anywhere.
const fn is_free(line: &LineRecord) -> bool {
    let LineStock { reserved, allocated, outbound, returning, count_needed, lost, .. } = &line.stock;
    line.live() > 0
        && *reserved == 0
        && *allocated == 0
        && *outbound == 0
        && *returning == 0
        && *count_needed == 0
        && *lost == 0
}

/// Says where each free line's units are taken from: the first warehouse that has all that the order wants, because a parcel
/// leaves from one; where none has, the first that has the line's; else the first of all, where it is short.
fn choose_warehouses(
    order: &mut OrderRecord,
    full: &Rest,
    warehouses: &[WarehouseId],
    rules: &[store::warehouses::RuleRecord],
) {
    let may_move = |line: &LineRecord| is_free(line) && store::warehouses::rule_of(rules, &line.merchant_sku).is_none();
    let Some(first) = warehouses.first() else { return };
    let mut wanted: HashMap<MerchantSku, i64> = HashMap::new();
    for line in order.lines.iter().filter(|line| may_move(line)) {
        *wanted.entry(line.merchant_sku.clone()).or_default() += i64::from(line.live());
    }
    let there =
        |warehouse: &WarehouseId, sku: &MerchantSku| full.get(&(warehouse.clone(), sku.clone())).copied().unwrap_or(0);
    let has_all = |warehouse: &&WarehouseId| wanted.iter().all(|(sku, units)| there(warehouse, sku) >= *units);
    let of_all = warehouses.iter().find(has_all);
    let mut taken: Rest = Rest::new();
    for line in order.lines.iter_mut().filter(|line| may_move(line)) {
        let units = i64::from(line.live());
        let left = |warehouse: &WarehouseId| {
            let taken = taken.get(&(warehouse.clone(), line.merchant_sku.clone())).copied().unwrap_or(0);
            there(warehouse, &line.merchant_sku) - taken
        };
        let chosen = of_all.or_else(|| warehouses.iter().find(|warehouse| left(warehouse) >= units)).unwrap_or(first);
        *taken.entry((chosen.clone(), line.merchant_sku.clone())).or_default() += units;
        line.warehouse.clone_from(chosen);
    }
}

/// How far a line's goods are as far as its units are concerned. What a third-party warehouse has comes back by its word
/// only; what it handed back lies on its shelf.
fn stage_for_goods(goods: Goods, stage: Stage) -> Stage {
    match goods {
        Goods::Free => stage,
        Goods::HandedBack => Stage::Untouched,
        Goods::There | Goods::Asked | Goods::KeptPicked => stage.max(Stage::Printed),
        Goods::KeptShipped => stage.max(Stage::HandedOver),
    }
}

/// What the third-party warehouse says of handing the goods back, as the rules of cancelled units know it.
pub(crate) const fn warehouse_answer(goods: Goods) -> WarehouseAnswer {
    match goods {
        Goods::Free => WarehouseAnswer::NotAsked,
        Goods::HandedBack => WarehouseAnswer::Withdrawn,
        Goods::There | Goods::Asked => WarehouseAnswer::Unknown,
        Goods::KeptPicked | Goods::KeptShipped => WarehouseAnswer::Refused,
    }
}

struct LinesSettled {
    movements: Vec<Movement>,
    after: Vec<LineStock>,
    short: bool,
}

/// Units that may be promised, by warehouse and SKU.
type Rest = HashMap<(WarehouseId, MerchantSku), i64>;

/// Where a cancelled line's units go by these rules.
fn goes_to_of(order: &OrderRecord, line: &LineRecord, chosen: Option<&Chosen<'_>>, rules: &[StockRule]) -> GoesTo {
    let by = line.canceled_by.or(order.cancelled_by);
    let canceled = CanceledUnits {
        initiator: by.or(chosen.map(|_| Initiator::Seller)),
        reason: chosen.map(|chosen| &chosen.record.reason),
        stage: stage_for_goods(line.goods, order.stage_of(line)),
        warehouse: warehouse_answer(line.goods),
    };
    goes_to(rules, &canceled)
}

fn settle_lines(
    order: &OrderRecord,
    rest: &mut Rest,
    chosen: Option<&Chosen<'_>>,
    rules: &[StockRule],
    actor: &str,
) -> LinesSettled {
    let mut settled = LinesSettled { movements: Vec::new(), after: Vec::new(), short: false };
    for line in &order.lines {
        let goods = match chosen {
            Some(chosen) if chosen.record.chose(&line.id) => chosen.goods,
            _ => GoodsEffect::ComeBack,
        };
        let shelf = rest.entry((line.warehouse.clone(), line.merchant_sku.clone())).or_insert(0);
        let facts = LineFacts {
            standing: order.standing,
            stage: stage_for_goods(line.goods, order.stage_of(line)),
            ordered: line.quantity,
            cancelled: line.canceled_quantity,
            voided: order.voided,
            scanned_out: order.is_scanned_out(line),
            goods,
            goes_to: goes_to_of(order, line, chosen, rules),
            available: u32::try_from(*shelf).unwrap_or(0),
            left_before_counting: order.left_before_counting,
        };
        let line_settled = settle(&line.stock, &facts);
        settled.short |= line_settled.short;
        for step in line_settled.steps {
            let mut change = domain::stock::Balance::default();
            change.apply(step.from, step.to, i64::from(step.units));
            *shelf += change.available;
            settled.movements.push(Movement {
                key: format!("{}/{}/{}/{}/{}", order.id, line.id, line.merchant_sku, step.cause, step.start),
                warehouse: line.warehouse.clone(),
                sku: line.merchant_sku.clone(),
                from: step.from,
                to: step.to,
                units: step.units,
                cause: step.cause,
                order: Some(order.id.clone()),
                line: Some(line.id.clone()),
                actor: actor.to_owned(),
            });
        }
        settled.after.push(line_settled.after);
    }
    settled
}

/// What was decided here about an order, for its place in the lists.
pub(crate) fn marks(order: &OrderRecord, short: bool) -> LocalMarks {
    LocalMarks {
        voided: order.voided,
        packing: order.shipment == Mark::Live,
        pack_failed: order.shipment == Mark::PackFailed,
        labels_cached: !order.packages.is_empty()
            && order.packages.iter().all(|package| package.label == LabelState::Cached),
        scanned_out: order.scanned_out,
        short: short && matches!(order.standing, Standing::ToPack | Standing::Arranged),
        units_waiting: order.lines.iter().any(|line| line.stock.returning > 0),
        units_settled: order.lines.iter().any(|line| line.stock.was_stocked_in()),
    }
}
