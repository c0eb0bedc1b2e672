//! Stock as a ledger of movements between buckets (`product.md` section 5).
//!
//! [`settle`] is the whole rule: given what an order line holds and what is true of its order now, it names the
//! movements that are still missing. Called again with the same facts it names none.

use crate::order::Stage;
use crate::policy::{GoodsEffect, Standing};
use crate::stock_rules::GoesTo;
use crate::words::worded;

worded! {
    /// Where units are.
    Bucket, "bucket" {
        /// Beyond the house: bought, sold, or never ours.
        Outside = "outside",
        /// May be sold.
        Available = "available",
        /// Held for an order that is not paid yet.
        Reserved = "reserved",
        /// Said not to exist by an out-of-stock cancel; waiting to be counted.
        CountNeeded = "count_needed",
        /// Promised to an order that may be processed.
        Allocated = "allocated",
        /// Here, but not to be sold.
        Defective = "defective",
        /// With the courier.
        Outbound = "outbound",
        /// Of a cancelled order: to be put back on the shelf.
        Returning = "returning",
        /// Gone.
        Lost = "lost",
    }
}

worded! {
    /// Why units move; with its line and a starting quantity it makes the movement's unique key.
    Cause, "cause" {
        /// Opening stock of a shop or warehouse.
        Opening = "opening",
        /// An unpaid order.
        Reserve = "reserve",
        /// An order that may be processed.
        Allocate = "allocate",
        /// Set aside by an operator, or unpaid for too long.
        Release = "release",
        /// Ship scan or courier scan.
        Ship = "ship",
        /// A ship scan was taken back.
        UndoShip = "undo_ship",
        /// The order is finished.
        Complete = "complete",
        /// A cancel, by anyone.
        Cancel = "cancel",
        /// A cancelled order's units are back, or known to be gone.
        StockIn = "stock_in",
        /// A unit that was missing turned up.
        Find = "find",
        /// A stock-in was a mistake.
        UndoStockIn = "undo_stock_in",
        /// Somebody counted the shelf.
        Count = "count",
        /// Brought in by hand: bought, or found.
        ManualIn = "manual_in",
        /// Taken out by hand: thrown away, or used.
        ManualOut = "manual_out",
        /// Carried to another warehouse.
        Transfer = "transfer",
        /// A courier scanned the parcel of a cancelled order.
        CourierScan = "courier_scan",
        /// A parcel that a courier had scanned after the cancel is here again.
        ComeBack = "come_back",
        /// It does not come back; somebody pays for it.
        Claim = "claim",
        /// A difference that an audit found was repaired.
        Repair = "repair",
    }
}

/// Units per bucket that one component of an order line holds, and how many units each cause has moved so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineStock {
    /// Held for the unpaid order.
    pub reserved: u32,
    /// Promised to the order.
    pub allocated: u32,
    /// With the courier.
    pub outbound: u32,
    /// With the buyer.
    pub outside: u32,
    /// Waiting to be put back.
    pub returning: u32,
    /// Waiting to be counted.
    pub count_needed: u32,
    /// Missing at a stock-in, and not found since.
    pub lost: u32,
    /// Units moved by each cause, cumulative and never falling.
    pub moved: Moved,
}

/// Cumulative units per cause: the generation in a movement's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each field is the cause of its name")]
pub struct Moved {
    pub reserve: u32,
    pub allocate: u32,
    pub release: u32,
    pub ship: u32,
    pub undo_ship: u32,
    pub complete: u32,
    pub cancel: u32,
    pub stock_in: u32,
    pub find: u32,
    pub undo_stock_in: u32,
    pub courier_scan: u32,
    pub come_back: u32,
    pub claim: u32,
    /// Units that had been cancelled and live again. No movement of its own: what is promised to them is allocated anew.
    pub revive: u32,
}

impl Moved {
    fn slot(&mut self, cause: Cause) -> Option<&mut u32> {
        match cause {
            // These move a shelf's units, not a line's.
            Cause::Opening | Cause::Count | Cause::ManualIn | Cause::ManualOut | Cause::Transfer | Cause::Repair => {
                None
            }
            Cause::Reserve => Some(&mut self.reserve),
            Cause::Allocate => Some(&mut self.allocate),
            Cause::Release => Some(&mut self.release),
            Cause::Ship => Some(&mut self.ship),
            Cause::UndoShip => Some(&mut self.undo_ship),
            Cause::Complete => Some(&mut self.complete),
            Cause::Cancel => Some(&mut self.cancel),
            Cause::StockIn => Some(&mut self.stock_in),
            Cause::Find => Some(&mut self.find),
            Cause::UndoStockIn => Some(&mut self.undo_stock_in),
            Cause::CourierScan => Some(&mut self.courier_scan),
            Cause::ComeBack => Some(&mut self.come_back),
            Cause::Claim => Some(&mut self.claim),
        }
    }
}

/// What is true of the line's order now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFacts {
    /// What the platform's status means.
    pub standing: Standing,
    /// How far the goods are.
    pub stage: Stage,
    /// Component units that the line ordered.
    pub ordered: u32,
    /// Component units of these that are cancelled.
    pub cancelled: u32,
    /// The order was set aside here.
    pub voided: bool,
    /// We scanned it out; no courier scan yet.
    pub scanned_out: bool,
    /// What the order's live or latest seller's cancel says about this line's goods.
    pub goods: GoodsEffect,
    /// Where the shop's rules send units that are cancelled at this stage.
    pub goes_to: GoesTo,
    /// Units that may be promised to it.
    pub available: u32,
    /// The line is seen for the first time, and its units left before the shop's stock was counted.
    pub left_before_counting: bool,
}

/// One movement of a line's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// From.
    pub from: Bucket,
    /// To.
    pub to: Bucket,
    /// How many.
    pub units: u32,
    /// Why.
    pub cause: Cause,
    /// Units that this cause had moved before: part of the movement's key.
    pub start: u32,
}

/// What [`settle`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The missing movements, in order.
    pub steps: Vec<Step>,
    /// The line's holdings after them.
    pub after: LineStock,
    /// There was not enough to promise: the order is out of stock.
    pub short: bool,
}

struct Hand {
    line: LineStock,
    available: u32,
    steps: Vec<Step>,
}

impl Hand {
    fn bucket(&mut self, bucket: Bucket) -> Option<&mut u32> {
        match bucket {
            Bucket::Reserved => Some(&mut self.line.reserved),
            Bucket::Allocated => Some(&mut self.line.allocated),
            Bucket::Outbound => Some(&mut self.line.outbound),
            Bucket::Outside => Some(&mut self.line.outside),
            Bucket::Returning => Some(&mut self.line.returning),
            Bucket::CountNeeded => Some(&mut self.line.count_needed),
            Bucket::Available => Some(&mut self.available),
            Bucket::Lost => Some(&mut self.line.lost),
            Bucket::Defective => None,
        }
    }

    /// Moves at most what is held in `from`; with `unbound`, as many as asked.
    fn take(&mut self, from: Bucket, to: Bucket, wanted: u32, cause: Cause, unbound: bool) -> u32 {
        let units = match self.bucket(from) {
            Some(_) if unbound => wanted,
            Some(held) => {
                let units = wanted.min(*held);
                *held -= units;
                units
            }
            None => wanted,
        };
        if units == 0 {
            return 0;
        }
        if let Some(held) = self.bucket(to) {
            *held = held.saturating_add(units);
        }
        let start = match self.line.moved.slot(cause) {
            Some(moved) => {
                let start = *moved;
                *moved = moved.saturating_add(units);
                start
            }
            None => 0,
        };
        self.steps.push(Step { from, to, units, cause, start });
        units
    }
}

/// The movements that are missing so that the line holds what its order's facts demand.
#[must_use]
pub fn settle(line: &LineStock, facts: &LineFacts) -> Settled {
    let mut hand = Hand { line: line.clone(), available: facts.available, steps: Vec::new() };
    let newly_cancelled = facts.cancelled.min(facts.ordered).saturating_sub(line.cancelled());
    if !(facts.left_before_counting) {
        cancel(&mut hand, facts, newly_cancelled);
    }
    // What was cancelled without holding anything still counts as dealt with.
    let unmoved = newly_cancelled.saturating_sub(hand.line.cancelled().saturating_sub(line.cancelled()));
    hand.line.moved.cancel = hand.line.moved.cancel.saturating_add(unmoved);

    let live = facts.ordered.saturating_sub(facts.cancelled);
    let mut short = false;
    match facts.standing {
        _ if facts.left_before_counting => {}
        Standing::Unpaid | Standing::OnHold | Standing::ToPack | Standing::Arranged if facts.voided => {
            // Units that somebody may be holding in their hands are not on the shelf to be sold.
            if facts.stage == Stage::Untouched {
                hand.take(Bucket::Allocated, Bucket::Available, u32::MAX, Cause::Release, false);
                hand.take(Bucket::Reserved, Bucket::Available, u32::MAX, Cause::Release, false);
            }
        }
        Standing::Unpaid | Standing::OnHold => {
            let wanted = live.saturating_sub(hand.line.reserved + hand.line.allocated);
            if wanted <= hand.available {
                hand.take(Bucket::Available, Bucket::Reserved, wanted, Cause::Reserve, false);
            }
        }
        Standing::Arranged if facts.scanned_out => ship(&mut hand, live),
        Standing::ToPack | Standing::Arranged => {
            // Scanned out by mistake, or back from a courier who did not take it.
            hand.take(Bucket::Outbound, Bucket::Allocated, u32::MAX, Cause::UndoShip, false);
            hand.take(
                Bucket::Reserved,
                Bucket::Allocated,
                live.saturating_sub(hand.line.allocated),
                Cause::Allocate,
                false,
            );
            let wanted = live.saturating_sub(hand.line.allocated + hand.line.outbound);
            if wanted <= hand.available {
                hand.take(Bucket::Available, Bucket::Allocated, wanted, Cause::Allocate, false);
            } else {
                short = true;
            }
        }
        Standing::Shipped => ship(&mut hand, live),
        Standing::Completed => {
            ship(&mut hand, live);
            hand.take(Bucket::Outbound, Bucket::Outside, u32::MAX, Cause::Complete, false);
        }
        // First seen while its buyer asks: until that is answered its units are promised like any other's.
        Standing::CancelRequested if line.never_moved() && facts.stage < Stage::HandedOver && !facts.voided => {
            if live <= hand.available {
                hand.take(Bucket::Available, Bucket::Allocated, live, Cause::Allocate, false);
            }
        }
        // A request, a status we do not know and a cancel move nothing more.
        Standing::CancelRequested | Standing::Unknown | Standing::Canceled => {}
    }
    Settled { steps: hand.steps, after: hand.line, short }
}

fn ship(hand: &mut Hand, live: u32) {
    hand.take(Bucket::Reserved, Bucket::Allocated, u32::MAX, Cause::Allocate, false);
    hand.take(Bucket::Allocated, Bucket::Outbound, u32::MAX, Cause::Ship, false);
    let gone = hand.line.outbound + hand.line.outside;
    // Shipped without an allocation: the audit reports the difference.
    hand.take(Bucket::Outside, Bucket::Outbound, live.saturating_sub(gone), Cause::Ship, true);
}

fn cancel(hand: &mut Hand, facts: &LineFacts, units: u32) {
    let mut left = units;
    let gone = facts.stage >= Stage::HandedOver;
    let (here, away) = match facts.goes_to {
        // What is with the courier is not on the shelf, whatever the rules say.
        GoesTo::Available if gone => (Bucket::Returning, Bucket::Returning),
        GoesTo::Available => (Bucket::Available, Bucket::Returning),
        GoesTo::Returning => (Bucket::Returning, Bucket::Returning),
        GoesTo::Defective => (Bucket::Defective, Bucket::Defective),
        GoesTo::Lost => (Bucket::Lost, Bucket::Lost),
        GoesTo::Nothing => (Bucket::Outside, Bucket::Outside),
    };
    let here = if facts.goods == GoodsEffect::CountNeeded && !gone { Bucket::CountNeeded } else { here };
    let reserved_goes =
        if facts.goods == GoodsEffect::CountNeeded && !gone { Bucket::CountNeeded } else { Bucket::Available };
    left -= hand.take(Bucket::Allocated, here, left, Cause::Cancel, false);
    left -= hand.take(Bucket::Reserved, reserved_goes, left, Cause::Cancel, false);
    left -= hand.take(Bucket::Outbound, away, left, Cause::Cancel, false);
    if away != Bucket::Outside {
        left -= hand.take(Bucket::Outside, away, left, Cause::Cancel, false);
    }
    if facts.goods == GoodsEffect::CountNeeded && !gone {
        // Set aside before, so its units are available again although they were said not to exist.
        hand.take(Bucket::Available, Bucket::CountNeeded, left, Cause::Cancel, false);
    }
}

impl LineStock {
    /// Units that were cancelled and did not come to life again.
    #[must_use]
    pub const fn cancelled(&self) -> u32 {
        self.moved.cancel.saturating_sub(self.moved.revive)
    }

    /// Takes the cancel of these units back, as far as there was one. What they are owed now [`settle`] tells.
    pub fn revive(&mut self, units: u32) {
        self.moved.revive = self.moved.revive.saturating_add(units.min(self.cancelled()));
    }

    /// Whether no unit of it was ever held.
    #[must_use]
    pub const fn never_moved(&self) -> bool {
        self.moved.reserve == 0 && self.moved.allocate == 0 && self.moved.ship == 0
    }

    /// Whether units of it came back, or are known to be gone, by a stock-in that stands.
    #[must_use]
    pub const fn was_stocked_in(&self) -> bool {
        self.moved.stock_in.saturating_add(self.moved.find) > self.moved.undo_stock_in
    }
}

/// What one visit to the returns shelf found of a line: units that were `returning`, and units that were thought lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visit {
    /// Fit to be sold.
    pub sellable: u32,
    /// Here, but not to be sold.
    pub defective: u32,
    /// Not in the parcel.
    pub missing: u32,
    /// Missing at an earlier visit, and here now.
    pub found: u32,
}

impl Visit {
    /// Units that it says something about.
    #[must_use]
    pub const fn units(self) -> u32 {
        self.back().saturating_add(self.found)
    }

    /// Units that stop being `returning`.
    #[must_use]
    pub const fn back(self) -> u32 {
        self.sellable.saturating_add(self.defective).saturating_add(self.missing)
    }
}

/// Why a visit, or its undoing, moves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// More units than the line waits for.
    #[error("{wanted} units were entered and {returning} are expected")]
    MoreThanReturning {
        /// Entered.
        wanted: u32,
        /// Expected.
        returning: u32,
    },
    /// More units were found than are lost.
    #[error("{wanted} units were found and {lost} are missing")]
    MoreThanLost {
        /// Entered.
        wanted: u32,
        /// Missing.
        lost: u32,
    },
}

/// The movements of a visit, and what the line holds after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visited {
    /// The movements, in order.
    pub steps: Vec<Step>,
    /// The line's holdings after them.
    pub after: LineStock,
}

/// Puts units of a cancelled order where the visit says they are. What it does not mention stays `returning`.
///
/// # Errors
/// [`VisitError`] when the line does not hold as many.
pub fn stock_in(line: &LineStock, visit: Visit) -> Result<Visited, VisitError> {
    if visit.back() > line.returning {
        return Err(VisitError::MoreThanReturning { wanted: visit.back(), returning: line.returning });
    }
    if visit.found > line.lost {
        return Err(VisitError::MoreThanLost { wanted: visit.found, lost: line.lost });
    }
    let mut hand = Hand { line: line.clone(), available: 0, steps: Vec::new() };
    hand.take(Bucket::Lost, Bucket::Available, visit.found, Cause::Find, false);
    hand.take(Bucket::Returning, Bucket::Available, visit.sellable, Cause::StockIn, false);
    hand.take(Bucket::Returning, Bucket::Defective, visit.defective, Cause::StockIn, false);
    hand.take(Bucket::Returning, Bucket::Lost, visit.missing, Cause::StockIn, false);
    Ok(Visited { steps: hand.steps, after: hand.line })
}

/// Takes a visit back by counter-movements. Whether the shelf still has its units is for whoever knows the shelf.
///
/// # Errors
/// [`VisitError::MoreThanLost`] when units that were missing have been found since.
pub fn undo_stock_in(line: &LineStock, visit: Visit) -> Result<Visited, VisitError> {
    if visit.missing > line.lost {
        return Err(VisitError::MoreThanLost { wanted: visit.missing, lost: line.lost });
    }
    let mut hand = Hand { line: line.clone(), available: u32::MAX, steps: Vec::new() };
    hand.take(Bucket::Lost, Bucket::Returning, visit.missing, Cause::UndoStockIn, false);
    hand.take(Bucket::Defective, Bucket::Returning, visit.defective, Cause::UndoStockIn, true);
    hand.take(Bucket::Available, Bucket::Returning, visit.sellable, Cause::UndoStockIn, true);
    hand.take(Bucket::Available, Bucket::Lost, visit.found, Cause::UndoStockIn, true);
    Ok(Visited { steps: hand.steps, after: hand.line })
}

/// What a courier scan of a cancelled order's parcel takes out of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedAfterCancel {
    /// The movements, in order.
    pub steps: Vec<Step>,
    /// The line's holdings after them.
    pub after: LineStock,
    /// Units that left and that no bucket had: a difference for the audit.
    pub unexplained: u32,
}

/// A courier scanned a parcel with these units of a cancelled line: those that wait to be stocked in left, else those that
/// are on the shelf already; no bucket falls below zero.
#[must_use]
pub fn courier_scan(line: &LineStock, units: u32, available: u32) -> ScannedAfterCancel {
    let mut hand = Hand { line: line.clone(), available, steps: Vec::new() };
    let mut left = units.saturating_sub(line.outbound).saturating_sub(line.outside);
    left -= hand.take(Bucket::Returning, Bucket::Outbound, left, Cause::CourierScan, false);
    left -= hand.take(Bucket::Available, Bucket::Outbound, left, Cause::CourierScan, false);
    ScannedAfterCancel { steps: hand.steps, after: hand.line, unexplained: left }
}

/// The parcel is here again: its units wait to be stocked in.
#[must_use]
pub fn come_back(line: &LineStock) -> Visited {
    let mut hand = Hand { line: line.clone(), available: 0, steps: Vec::new() };
    hand.take(Bucket::Outbound, Bucket::Returning, u32::MAX, Cause::ComeBack, false);
    Visited { steps: hand.steps, after: hand.line }
}

/// The parcel does not come back, and somebody pays for it: its units are lost.
#[must_use]
pub fn claim(line: &LineStock) -> Visited {
    let mut hand = Hand { line: line.clone(), available: 0, steps: Vec::new() };
    hand.take(Bucket::Outbound, Bucket::Lost, u32::MAX, Cause::Claim, false);
    Visited { steps: hand.steps, after: hand.line }
}

/// Units per bucket of one merchant SKU in one warehouse. `outside` is not kept: it is the rest of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each field is the bucket of its name")]
pub struct Balance {
    pub available: i64,
    pub reserved: i64,
    pub count_needed: i64,
    pub allocated: i64,
    pub defective: i64,
    pub outbound: i64,
    pub returning: i64,
    pub lost: i64,
}

impl Balance {
    /// Adds one movement's units to both of its buckets.
    pub fn apply(&mut self, from: Bucket, to: Bucket, units: i64) {
        if let Some(bucket) = self.bucket(from) {
            *bucket -= units;
        }
        if let Some(bucket) = self.bucket(to) {
            *bucket += units;
        }
    }

    fn bucket(&mut self, bucket: Bucket) -> Option<&mut i64> {
        match bucket {
            Bucket::Outside => None,
            Bucket::Available => Some(&mut self.available),
            Bucket::Reserved => Some(&mut self.reserved),
            Bucket::CountNeeded => Some(&mut self.count_needed),
            Bucket::Allocated => Some(&mut self.allocated),
            Bucket::Defective => Some(&mut self.defective),
            Bucket::Outbound => Some(&mut self.outbound),
            Bucket::Returning => Some(&mut self.returning),
            Bucket::Lost => Some(&mut self.lost),
        }
    }

    /// The units in a bucket; `outside`, which is not kept, has none.
    #[must_use]
    pub const fn units(&self, bucket: Bucket) -> i64 {
        match bucket {
            Bucket::Outside => 0,
            Bucket::Available => self.available,
            Bucket::Reserved => self.reserved,
            Bucket::CountNeeded => self.count_needed,
            Bucket::Allocated => self.allocated,
            Bucket::Defective => self.defective,
            Bucket::Outbound => self.outbound,
            Bucket::Returning => self.returning,
            Bucket::Lost => self.lost,
        }
    }

    /// Both, bucket by bucket.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            available: self.available + other.available,
            reserved: self.reserved + other.reserved,
            count_needed: self.count_needed + other.count_needed,
            allocated: self.allocated + other.allocated,
            defective: self.defective + other.defective,
            outbound: self.outbound + other.outbound,
            returning: self.returning + other.returning,
            lost: self.lost + other.lost,
        }
    }

    /// What lies in the house.
    #[must_use]
    pub const fn on_hand(&self) -> i64 {
        self.available + self.reserved + self.count_needed + self.allocated + self.defective
    }

    /// Whether no bucket is below zero.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let all = [
            self.available,
            self.reserved,
            self.count_needed,
            self.allocated,
            self.defective,
            self.outbound,
            self.returning,
            self.lost,
        ];
        all.iter().all(|units| *units >= 0)
    }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
