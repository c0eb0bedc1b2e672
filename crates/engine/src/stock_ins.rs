//! Canceled orders stock in: units that wait in `returning` go to where a person found them.

use crate::ledger::marks;
use crate::{Engine, EngineError};
use domain::ids::{LineId, MerchantId, MerchantSku, OrderId, ShopId, StockInId, WarehouseId};
use domain::order::place;
use domain::platform::Platform;
use domain::policy::Standing;
use domain::stock::{Bucket, Step, Visit, VisitError, stock_in, undo_stock_in};
use domain::time::{Moment, Span};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, OrderRecord};
use store::stock::{self, Movement};
use store::stock_ins::{self, Batch, Filter, Receipt, ReceiptLine, Undone};
use store::{Session, StoreError, new_id, requests, shops};

/// How long a stock-in can be taken back.
pub const UNDO_WITHIN: Span = Span::from_seconds(24 * 3_600);
/// Orders of a batch that one transaction stocks in: enough to share a commit, few enough not to hold others up.
const ORDERS_PER_COMMIT: u32 = 500;

/// Who stocks in what a third-party warehouse confirmed.
pub(crate) const WAREHOUSE_ACTOR: &str = "warehouse";

/// What was found of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVisit {
    /// The line.
    pub line: LineId,
    /// What it is, as the operator saw it.
    pub sku: MerchantSku,
    /// What was found.
    pub visit: Visit,
    /// Units that the operator saw waiting; another number means that the order was worked on meanwhile.
    pub expected: Option<u32>,
}

/// What was found of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderVisit {
    /// The order.
    pub order: OrderId,
    /// Its lines; `None` means that all that waits is here and sellable, which is not taken of goods that the platform says
    /// cannot be sold again.
    pub lines: Option<Vec<LineVisit>>,
    /// Units of the whole order that waited when it was selected.
    pub expected: Option<u32>,
}

/// Orders to be stocked in, by one person in one warehouse.
#[derive(Debug, Clone, Copy)]
pub struct StockIn<'a> {
    /// Who.
    pub actor: &'a str,
    /// The warehouse that takes the units in.
    pub warehouse: &'a WarehouseId,
    /// What was found.
    pub orders: &'a [OrderVisit],
    /// The operator's note.
    pub note: Option<&'a str>,
    /// The shops that the actor sees; `None` means all.
    pub shops: Option<&'a [ShopId]>,
    /// The batch that it is part of.
    pub batch: Option<&'a str>,
}

/// Why an order was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// The merchant has no such order, or the actor does not see its shop.
    #[error("there is no such order here")]
    NotFound,
    /// No unit of it waits.
    #[error("no unit of this order waits to be stocked in")]
    NothingReturning,
    /// It was worked on since the operator saw it.
    #[error("{expected} units were expected and {returning} wait now; look at it again")]
    ExpectedChanged {
        /// What the operator saw.
        expected: u32,
        /// What is true.
        returning: u32,
    },
    /// A third-party warehouse has its goods: its confirmation stocks them in.
    #[error("a third-party warehouse has its goods; they are stocked in when it confirms that they are back")]
    AtWarehouse,
    /// The platform says that the goods cannot be sold again, and nobody said what was found.
    #[error("{} says these goods cannot be sold again: look at them one by one", .0.title())]
    NotRestockable(Platform),
    /// A line that the order does not have, or named twice.
    #[error("“{0}” is no line of this order, or stands twice")]
    UnknownLine(String),
    /// Nothing was said about any unit.
    #[error("no unit was entered")]
    NothingEntered,
    /// More units than there are.
    #[error(transparent)]
    TooMany(#[from] VisitError),
}

impl Skipped {
    /// The word in the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NothingReturning => "nothing_returning",
            Self::ExpectedChanged { .. } => "expected_changed",
            Self::AtWarehouse => "at_warehouse",
            Self::NotRestockable(_) => "not_restockable",
            Self::UnknownLine(_) => "unknown_line",
            Self::NothingEntered => "nothing_entered",
            Self::TooMany(_) => "too_many_units",
        }
    }
}

/// Why nothing was stocked in, or a stock-in not taken back.
#[derive(Debug, thiserror::Error)]
pub enum StockInError {
    /// The merchant has no such warehouse.
    #[error("there is no warehouse “{0}”")]
    NoWarehouse(WarehouseId),
    /// The merchant has no such receipt, or the actor does not see its shop.
    #[error("there is no such stock-in")]
    NotFound,
    /// It was taken back before.
    #[error("this stock-in was taken back already, by {0}")]
    AlreadyUndone(String),
    /// It is too long ago.
    #[error("a stock-in can be taken back for a day; count the stock instead")]
    TooLate,
    /// Its units are not on the shelf any more.
    #[error("{sku}: only {there} of {wanted} units are still there; the others are promised or sold")]
    UnitsGone {
        /// Of what.
        sku: MerchantSku,
        /// What it would take.
        wanted: u32,
        /// What is there.
        there: i64,
    },
    /// Missing units were found since.
    #[error("units that were missing have been found since: {0}")]
    FoundSince(VisitError),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for StockInError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// What became of one order.
pub type Outcome = (OrderId, Result<Receipt, Skipped>);

/// The default answer to what was found of an order: everything that waits is here and sellable.
fn all_sellable(order: &OrderRecord) -> Vec<LineVisit> {
    let waiting = order.lines.iter().filter(|line| line.stock.returning > 0 && !line.goods.are_away());
    waiting
        .map(|line| LineVisit {
            line: line.id.clone(),
            sku: line.merchant_sku.clone(),
            visit: Visit { sellable: line.stock.returning, ..Visit::default() },
            expected: None,
        })
        .collect()
}

/// The movements of a step. The shelf is in `warehouse`; what waits or is missing stays where the line left from, so
/// that a step between the two goes out of the one and into the other.
fn movements_of(
    order: &OrderRecord,
    line: &LineRecord,
    step: Step,
    warehouse: &WarehouseId,
    actor: &str,
) -> Vec<Movement> {
    let place = |bucket: Bucket| match bucket {
        Bucket::Available | Bucket::Defective => warehouse,
        _ => &line.warehouse,
    };
    let (from, to) = (place(step.from), place(step.to));
    let key = format!("{}/{}/{}/{}/{}", order.id, line.id, line.merchant_sku, step.cause, step.start);
    let movement = |key: String, warehouse: &WarehouseId, from: Bucket, to: Bucket| Movement {
        key,
        warehouse: warehouse.clone(),
        sku: line.merchant_sku.clone(),
        from,
        to,
        units: step.units,
        cause: step.cause,
        order: Some(order.id.clone()),
        line: Some(line.id.clone()),
        actor: actor.to_owned(),
    };
    if from == to {
        return vec![movement(key, from, step.from, step.to)];
    }
    let arrives = format!("{key}/in");
    vec![movement(key, from, step.from, Bucket::Outside), movement(arrives, to, Bucket::Outside, step.to)]
}

/// What a visit changes of an order.
struct Visited {
    after: OrderRecord,
    movements: Vec<Movement>,
    lines: Vec<ReceiptLine>,
}

/// Whether a visit is about units that a third-party warehouse has: they come back by its word only.
fn names_what_is_away(order: &OrderRecord, entered: &OrderVisit) -> bool {
    let waiting = || order.lines.iter().filter(|line| line.stock.returning > 0);
    let is_named = |id: &LineId| entered.lines.iter().flatten().any(|visit| visit.line == *id);
    match &entered.lines {
        Some(_) => waiting().any(|line| line.goods.are_away() && is_named(&line.id)),
        None => waiting().next().is_some() && waiting().all(|line| line.goods.are_away()),
    }
}

/// What an order holds after a visit; `restock` is what its platform thinks of the goods, where it said so.
fn visit(
    before: &OrderRecord,
    entered: &OrderVisit,
    warehouse: &WarehouseId,
    actor: &str,
    restock: Option<bool>,
) -> Result<Visited, Skipped> {
    let returning = before.returning();
    if actor != WAREHOUSE_ACTOR && names_what_is_away(before, entered) {
        return Err(Skipped::AtWarehouse);
    }
    if let Some(expected) = entered.expected.filter(|expected| *expected != returning) {
        return Err(Skipped::ExpectedChanged { expected, returning });
    }
    let lines = match &entered.lines {
        Some(lines) => lines.clone(),
        None if returning == 0 => return Err(Skipped::NothingReturning),
        None if restock == Some(false) => return Err(Skipped::NotRestockable(before.platform)),
        None => all_sellable(before),
    };
    let mut visited = Visited { after: before.clone(), movements: Vec::new(), lines: Vec::new() };
    let mut named = HashSet::new();
    for entered in &lines {
        let unknown = || Skipped::UnknownLine(entered.line.to_string());
        let line = visited.after.lines.iter_mut().find(|line| line.id == entered.line).ok_or_else(unknown)?;
        if line.merchant_sku != entered.sku || !named.insert(&entered.line) {
            return Err(unknown());
        }
        let returning = line.stock.returning;
        if let Some(expected) = entered.expected.filter(|expected| *expected != returning) {
            return Err(Skipped::ExpectedChanged { expected, returning });
        }
        if entered.visit.units() == 0 {
            continue;
        }
        if returning == 0 && line.stock.lost == 0 {
            return Err(Skipped::NothingReturning);
        }
        let moved = stock_in(&line.stock, entered.visit)?;
        line.stock = moved.after;
        for step in moved.steps {
            visited.movements.extend(movements_of(before, line, step, warehouse, actor));
        }
        let (line, sku) = (entered.line.clone(), entered.sku.clone());
        visited.lines.push(ReceiptLine { line, sku, visit: entered.visit });
    }
    if visited.lines.is_empty() {
        return Err(if returning == 0 { Skipped::NothingReturning } else { Skipped::NothingEntered });
    }
    Ok(visited)
}

/// A canceled order's tab follows what waits of it; any other order stays where it is.
pub(crate) fn place_again(order: &mut OrderRecord, now: Moment) {
    order.updated_at = now;
    if order.standing == Standing::Canceled {
        let placement = place(order.standing, order.fulfilled_by, marks(order, false), None);
        (order.list, order.tab) = (placement.list, placement.tab);
    }
}

fn in_words(receipt: &Receipt) -> String {
    let sum = |of: fn(Visit) -> u32| receipt.lines.iter().map(|line| of(line.visit)).sum::<u32>();
    let parts = [
        (sum(|visit| visit.sellable), "sellable"),
        (sum(|visit| visit.defective), "defective"),
        (sum(|visit| visit.missing), "missing"),
        (sum(|visit| visit.found), "found again"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(units, _)| *units > 0).map(|(units, what)| format!("{units} {what}")).collect();
    let note = receipt.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    format!("{} in {}{note}", parts.join(", "), receipt.warehouse)
}

impl Engine {
    /// Stocks orders in, each by itself: one that was worked on meanwhile does not keep the others from it. What a visit
    /// does not mention stays `returning`.
    ///
    /// # Errors
    /// [`StockInError`]; nothing is changed then.
    pub async fn stock_in(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        request: &StockIn<'_>,
    ) -> Result<Vec<Outcome>, StockInError> {
        let known = shops::warehouses(session, merchant).await?;
        if !known.iter().any(|warehouse| warehouse.id == *request.warehouse) {
            return Err(StockInError::NoWarehouse(request.warehouse.clone()));
        }
        let now = self.clock.now();
        let ids: Vec<OrderId> = request.orders.iter().map(|entered| entered.order.clone()).collect();
        orders::lock(session, merchant, &ids).await?;
        stock::lock(session, merchant, &ids).await?;
        let loaded = orders::load(session, merchant, &ids).await?;
        let seen = |order: &OrderRecord| request.shops.is_none_or(|shops| shops.contains(&order.shop));
        // Once each: a second entry of an order finds it gone, and is told so.
        let mut loaded: HashMap<OrderId, OrderRecord> =
            loaded.into_iter().filter(seen).map(|order| (order.id.clone(), order)).collect();
        // Asked only where nobody looked at the goods: a person who did knows better than a platform.
        let unseen: Vec<OrderId> =
            request.orders.iter().filter(|it| it.lines.is_none()).map(|it| it.order.clone()).collect();
        let hints = if unseen.is_empty() {
            HashMap::new()
        } else {
            requests::restock_hints(session, merchant, &unseen).await?
        };
        let mut outcomes = Vec::with_capacity(request.orders.len());
        let (mut movements, mut receipts, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for entered in request.orders {
            let Some(before) = loaded.remove(&entered.order) else {
                outcomes.push((entered.order.clone(), Err(Skipped::NotFound)));
                continue;
            };
            let hint = hints.get(&before.id).copied();
            let visited = match visit(&before, entered, request.warehouse, request.actor, hint) {
                Ok(visited) => visited,
                Err(skipped) => {
                    outcomes.push((entered.order.clone(), Err(skipped)));
                    continue;
                }
            };
            let mut after = visited.after;
            place_again(&mut after, now);
            movements.extend(visited.movements);
            let receipt = Receipt {
                id: StockInId::parse(new_id("sin", now)).map_err(|_| StoreError::Conflict("the clock"))?,
                order: before.id.clone(),
                warehouse: request.warehouse.clone(),
                batch: request.batch.map(str::to_owned),
                note: request.note.map(str::to_owned),
                actor: request.actor.to_owned(),
                at: now,
                lines: visited.lines,
                undone: None,
            };
            receipts.push(receipt.clone());
            outcomes.push((entered.order.clone(), Ok(receipt)));
            changed.push((before, after));
        }
        self.log_stocked_in(session, merchant, request.actor, &changed, &receipts).await?;
        // An order that moves to another list is saved as any other change is.
        let (moved, changed): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(before, after)| before.list != after.list);
        for (before, after) in &moved {
            orders::update(session, before, after).await?;
        }
        stock_ins::save_orders(session, merchant, &changed).await?;
        stock::write(session, merchant, &movements, now).await?;
        let on_the_shelf = movements.iter().filter(|movement| movement.to == Bucket::Available);
        let seen: BTreeSet<MerchantSku> = on_the_shelf.map(|movement| movement.sku.clone()).collect();
        let seen: Vec<MerchantSku> = seen.into_iter().collect();
        stock::lift_counted(session, merchant, &seen, now).await?;
        stock_ins::insert(session, merchant, &receipts, now).await?;
        let stocked_in: Vec<OrderId> = receipts.iter().map(|receipt| receipt.order.clone()).collect();
        self.end_stocked_in_cases(session, merchant, request.actor, &stocked_in).await?;
        Ok(outcomes)
    }

    async fn log_stocked_in(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        changed: &[(OrderRecord, OrderRecord)],
        receipts: &[Receipt],
    ) -> Result<(), StoreError> {
        let details: Vec<String> = receipts.iter().map(in_words).collect();
        let entries = changed.iter().zip(&details).map(|((order, _), detail)| Entry {
            actor,
            action: "stock.stocked_in",
            shop: Some(&order.shop),
            order: Some(&order.id),
            subject: order.number.as_str(),
            detail,
        });
        log::write_many(session, merchant, self.clock.now(), &entries.collect::<Vec<_>>()).await
    }

    /// Takes a stock-in back, within a day and with a reason: counter-movements put its units back to `returning`.
    ///
    /// # Errors
    /// [`StockInError`]; nothing is changed then.
    pub async fn undo_stock_in(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        id: &StockInId,
        why: &str,
        seen: Option<&[ShopId]>,
    ) -> Result<Receipt, StockInError> {
        let now = self.clock.now();
        let receipt = stock_ins::load(session, merchant, id).await?.ok_or(StockInError::NotFound)?;
        let order = std::slice::from_ref(&receipt.order);
        orders::lock(session, merchant, order).await?;
        stock::lock(session, merchant, order).await?;
        // Again, under the order's lock: a twin may have been faster.
        let receipt = stock_ins::load(session, merchant, id).await?.ok_or(StockInError::NotFound)?;
        let before = orders::load_one(session, merchant, &receipt.order).await?;
        let before = before.filter(|order| seen.is_none_or(|shops| shops.contains(&order.shop)));
        let before = before.ok_or(StockInError::NotFound)?;
        if let Some(undone) = receipt.undone {
            return Err(StockInError::AlreadyUndone(undone.by));
        }
        if receipt.at.plus(UNDO_WITHIN) < now {
            return Err(StockInError::TooLate);
        }
        let mut after = before.clone();
        let mut movements = Vec::new();
        for entered in &receipt.lines {
            let Some(line) = after.lines.iter_mut().find(|line| line.id == entered.line) else { continue };
            self.still_there(session, merchant, &receipt.warehouse, entered).await?;
            let moved = undo_stock_in(&line.stock, entered.visit).map_err(StockInError::FoundSince)?;
            line.stock = moved.after;
            for step in moved.steps {
                movements.extend(movements_of(&before, line, step, &receipt.warehouse, actor));
            }
        }
        place_again(&mut after, now);
        orders::update(session, &before, &after).await?;
        stock::write(session, merchant, &movements, now).await?;
        let undone = Undone { at: now, by: actor.to_owned(), why: why.to_owned() };
        stock_ins::mark_undone(session, merchant, id, &undone).await?;
        let detail = format!("{}; taken back: {why}", in_words(&receipt));
        let entry = Entry {
            actor,
            action: "stock.stock_in_undone",
            shop: Some(&before.shop),
            order: Some(&before.id),
            subject: before.number.as_str(),
            detail: &detail,
        };
        log::write(session, merchant, now, &entry).await?;
        Ok(Receipt { undone: Some(undone), ..receipt })
    }

    /// Whether the shelf still has what a receipt put there.
    async fn still_there(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
        entered: &ReceiptLine,
    ) -> Result<(), StockInError> {
        let balance = stock::balances(session, merchant, Some(&entered.sku), Some(warehouse), None, 1).await?.pop();
        let balance = balance.map(|found| found.balance).unwrap_or_default();
        let visit = entered.visit;
        for (wanted, there) in [(visit.sellable + visit.found, balance.available), (visit.defective, balance.defective)]
        {
            if there < i64::from(wanted) {
                return Err(StockInError::UnitsGone { sku: entered.sku.clone(), wanted, there });
            }
        }
        Ok(())
    }

    /// Accepts a selection of everything that waits and passes the filter: durable with the caller's commit, stocked in
    /// by the next ticks. What begins to wait later, or changes before its turn, is left as it is.
    ///
    /// # Errors
    /// [`StockInError`]; nothing is changed then.
    pub async fn begin_stock_in_batch(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        request: &StockIn<'_>,
        filter: &Filter,
    ) -> Result<Batch, StockInError> {
        let known = shops::warehouses(session, merchant).await?;
        if !known.iter().any(|warehouse| warehouse.id == *request.warehouse) {
            return Err(StockInError::NoWarehouse(request.warehouse.clone()));
        }
        let now = self.clock.now();
        let mut batch = Batch {
            id: new_id("sib", now),
            warehouse: request.warehouse.clone(),
            note: request.note.map(str::to_owned),
            actor: request.actor.to_owned(),
            shops: request.shops.map(<[ShopId]>::to_vec),
            total: 0,
            done: 0,
            skipped: 0,
            created_at: now,
        };
        batch.total = stock_ins::begin_batch(session, merchant, &batch, filter).await?;
        let lane = lane_of(request.warehouse)?;
        jobs::want(session, merchant, &lane, Kind::StockIn, &batch.id, now).await?;
        let detail = format!("stock-in of {} orders in {} asked for", batch.total, batch.warehouse);
        let entry = Entry {
            actor: request.actor,
            action: "stock.batch_asked",
            shop: None,
            order: None,
            subject: &batch.id,
            detail: &detail,
        };
        log::write(session, merchant, now, &entry).await?;
        Ok(batch)
    }

    /// Works on `stock_in` jobs: the next orders of each batch, in one transaction with what became of them.
    pub(crate) async fn carry_on_stock_ins(&self, lease: &Lease, claims: &[Claim]) -> Result<(), EngineError> {
        for claim in claims {
            let merchant = &lease.merchant;
            let mut session = self.store.begin().await?;
            let now = self.clock.now();
            let Some(batch) = stock_ins::batch(&mut session, merchant, &claim.subject).await? else {
                jobs::finish(&mut session, lease, claim, now).await?;
                session.commit().await?;
                continue;
            };
            let next =
                stock_ins::batch_orders(&mut session, merchant, &batch.id, "waiting", None, ORDERS_PER_COMMIT).await?;
            let held = if next.is_empty() {
                jobs::finish(&mut session, lease, claim, now).await?
            } else {
                let entered: Vec<OrderVisit> = next
                    .iter()
                    .map(|order| OrderVisit { order: order.order.clone(), lines: None, expected: Some(order.expected) })
                    .collect();
                let request = StockIn {
                    actor: &batch.actor,
                    warehouse: &batch.warehouse,
                    orders: &entered,
                    note: batch.note.as_deref(),
                    shops: batch.shops.as_deref(),
                    batch: Some(&batch.id),
                };
                let outcomes = match self.stock_in(&mut session, merchant, &request).await {
                    Ok(outcomes) => outcomes,
                    Err(StockInError::Engine(error)) => return Err(error),
                    // Nothing else is refused once a batch was accepted.
                    Err(_) => return Err(StoreError::Conflict("the warehouse").into()),
                };
                let results: Vec<_> = outcomes
                    .into_iter()
                    .map(|(order, outcome)| (order, outcome.err().map(|skipped| skipped.to_string())))
                    .collect();
                stock_ins::note_batch_results(&mut session, merchant, &batch.id, &results, now).await?;
                jobs::again(&mut session, lease, claim, now, now).await?
            };
            // A lost lease means that somebody else does the same: what was decided here is dropped.
            if held {
                session.commit().await?;
            }
        }
        self.wake();
        Ok(())
    }
}

/// The lane in which a warehouse's batches are worked on, one after the other. Both kinds of id have the same form.
fn lane_of(warehouse: &WarehouseId) -> Result<ShopId, StoreError> {
    ShopId::parse(warehouse.as_str()).map_err(|_| StoreError::Conflict("the warehouse"))
}
