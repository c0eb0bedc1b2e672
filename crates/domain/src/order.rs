//! Orders: the lists they stand in, how far their goods are, and how a read moves them.

use crate::policy::Standing;
use crate::snapshot::FulfilledBy;
use crate::words::worded;

worded! {
    /// Where our order stands (`product.md` section 1).
    List, "list" {
        /// Placed, not paid.
        Unpaid = "unpaid",
        /// To be packed.
        New = "new",
        /// Shipment arranged, goods still here.
        InProcess = "in_process",
        /// Scanned out, waiting for the courier.
        ToPickup = "to_pickup",
        /// With the courier.
        Shipped = "shipped",
        /// Finished.
        Completed = "completed",
        /// Set aside here; the platform was told nothing.
        Voided = "voided",
        /// The buyer waits for an answer.
        CancelRequested = "cancel_requested",
        /// Cancelled.
        Canceled = "canceled",
        /// The platform's own warehouse fulfils it: it stands in All only.
        PlatformFulfilled = "platform_fulfilled",
    }
}

worded! {
    /// A tab inside a list (`product.md` section 2).
    Tab, "tab" {
        /// New: ready to be packed.
        ToPack = "to_pack",
        /// New: a pack is under way.
        Packing = "packing",
        /// New: the platform refused the pack.
        PackFailed = "pack_failed",
        /// New: not enough stock to allocate.
        OutOfStock = "out_of_stock",
        /// New: held by the platform.
        OnHold = "on_hold",
        /// In Process: the label is not here yet.
        LabelPending = "label_pending",
        /// In Process: the label is cached.
        Printable = "printable",
        /// Canceled: units wait to be put back on the shelf.
        ToStockIn = "to_stock_in",
        /// Canceled: all units are back or accounted for.
        StockedIn = "stocked_in",
        /// Canceled: no unit had left its place.
        NothingToDo = "nothing_to_do",
        /// The list has no tabs.
        None = "none",
    }
}

worded! {
    /// How far the goods of a package are.
    Stage, "stage" {
        /// Nobody touched them.
        Untouched = "untouched",
        /// A label or pick list exists: somebody may be picking.
        Printed = "printed",
        /// Packed.
        Packed = "packed",
        /// Left the house.
        HandedOver = "handed_over",
        /// Arrived.
        Delivered = "delivered",
        /// On the way back or back.
        Returned = "returned",
    }
}

/// What was decided here about an order, laid over what the platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalMarks {
    /// Set aside by an operator.
    pub voided: bool,
    /// A pack is under way.
    pub packing: bool,
    /// The last pack failed.
    pub pack_failed: bool,
    /// Every package's label is cached.
    pub labels_cached: bool,
    /// Scanned out by us, no courier scan yet.
    pub scanned_out: bool,
    /// Not enough stock to allocate.
    pub short: bool,
    /// Units of it wait in `returning`, to be put back on the shelf.
    pub units_waiting: bool,
    /// Units of it were stocked in or counted.
    pub units_settled: bool,
}

/// A list and the tab in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The list.
    pub list: List,
    /// The tab.
    pub tab: Tab,
}

/// Where an order stands, given what the platform says and what was decided here.
///
/// `before` is where it stood; it matters only for a status that is in no table, which moves nothing.
#[must_use]
pub fn place(standing: Standing, fulfilled_by: FulfilledBy, marks: LocalMarks, before: Option<Placement>) -> Placement {
    if fulfilled_by == FulfilledBy::Platform {
        return Placement { list: List::PlatformFulfilled, tab: Tab::None };
    }
    let voided = Placement { list: List::Voided, tab: Tab::None };
    match standing {
        Standing::Canceled => Placement { list: List::Canceled, tab: canceled_tab(marks) },
        Standing::CancelRequested => Placement { list: List::CancelRequested, tab: Tab::None },
        Standing::Completed => Placement { list: List::Completed, tab: Tab::None },
        Standing::Unpaid => Placement { list: List::Unpaid, tab: Tab::None },
        Standing::Shipped if marks.voided => voided,
        Standing::Shipped => Placement { list: List::Shipped, tab: Tab::None },
        Standing::OnHold | Standing::ToPack | Standing::Arranged if marks.voided => voided,
        Standing::OnHold => Placement { list: List::New, tab: Tab::OnHold },
        Standing::ToPack if marks.packing => Placement { list: List::New, tab: Tab::Packing },
        Standing::ToPack if marks.short => Placement { list: List::New, tab: Tab::OutOfStock },
        Standing::ToPack if marks.pack_failed => Placement { list: List::New, tab: Tab::PackFailed },
        Standing::ToPack => Placement { list: List::New, tab: Tab::ToPack },
        Standing::Arranged if marks.scanned_out => Placement { list: List::ToPickup, tab: Tab::None },
        Standing::Arranged if marks.labels_cached => Placement { list: List::InProcess, tab: Tab::Printable },
        Standing::Arranged => Placement { list: List::InProcess, tab: Tab::LabelPending },
        Standing::Unknown => before.unwrap_or(Placement { list: List::New, tab: Tab::OnHold }),
    }
}

fn canceled_tab(marks: LocalMarks) -> Tab {
    match (marks.units_waiting, marks.units_settled) {
        (true, _) => Tab::ToStockIn,
        (false, true) => Tab::StockedIn,
        (false, false) => Tab::NothingToDo,
    }
}

impl List {
    /// Whether an operator may set an order of this list aside.
    #[must_use]
    pub const fn may_be_voided(self) -> bool {
        matches!(self, Self::New | Self::InProcess)
    }

    /// Whether the seller's cancel may start from this list on some platform; the policy's `cancel_from` says on which.
    #[must_use]
    pub const fn seller_may_cancel(self) -> bool {
        matches!(self, Self::New | Self::InProcess | Self::Voided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: LocalMarks = LocalMarks {
        voided: false,
        packing: false,
        pack_failed: false,
        labels_cached: false,
        scanned_out: false,
        short: false,
        units_waiting: false,
        units_settled: false,
    };

    fn list(standing: Standing, marks: LocalMarks) -> List {
        place(standing, FulfilledBy::Seller, marks, None).list
    }

    #[test]
    fn every_standing_has_its_list() {
        for (standing, expected) in [
            (Standing::Unpaid, List::Unpaid),
            (Standing::OnHold, List::New),
            (Standing::ToPack, List::New),
            (Standing::Arranged, List::InProcess),
            (Standing::Shipped, List::Shipped),
            (Standing::Completed, List::Completed),
            (Standing::CancelRequested, List::CancelRequested),
            (Standing::Canceled, List::Canceled),
        ] {
            assert_eq!(list(standing, MARKS), expected, "{standing}");
        }
    }

    #[test]
    fn a_voided_order_stays_set_aside_until_it_ends_or_the_buyer_asks() {
        let voided = LocalMarks { voided: true, ..MARKS };
        for &standing in Standing::ALL {
            let expected = match standing {
                Standing::OnHold | Standing::ToPack | Standing::Arranged | Standing::Shipped => List::Voided,
                Standing::Unknown => List::New,
                other => list(other, MARKS),
            };
            assert_eq!(list(standing, voided), expected, "{standing}");
        }
    }

    #[test]
    fn an_unknown_status_moves_nothing() {
        let before = Placement { list: List::InProcess, tab: Tab::Printable };
        assert_eq!(place(Standing::Unknown, FulfilledBy::Seller, MARKS, Some(before)), before);
        assert_eq!(place(Standing::Unknown, FulfilledBy::Seller, MARKS, None).tab, Tab::OnHold);
    }

    #[test]
    fn the_platform_s_own_warehouse_keeps_its_orders_out_of_our_lists() {
        for &standing in Standing::ALL {
            assert_eq!(place(standing, FulfilledBy::Platform, MARKS, None).list, List::PlatformFulfilled);
        }
    }

    #[test]
    fn a_pack_and_its_label_move_an_order_through_the_tabs() {
        let tab = |standing, marks| place(standing, FulfilledBy::Seller, marks, None).tab;
        let failed = LocalMarks { pack_failed: true, ..MARKS };
        assert_eq!(tab(Standing::ToPack, MARKS), Tab::ToPack);
        assert_eq!(tab(Standing::ToPack, LocalMarks { packing: true, short: true, ..failed }), Tab::Packing);
        assert_eq!(tab(Standing::ToPack, LocalMarks { short: true, ..failed }), Tab::OutOfStock);
        assert_eq!(tab(Standing::ToPack, failed), Tab::PackFailed);
        assert_eq!(tab(Standing::Arranged, MARKS), Tab::LabelPending);
        let cached = LocalMarks { labels_cached: true, ..MARKS };
        assert_eq!(tab(Standing::Arranged, cached), Tab::Printable);
        assert_eq!(list(Standing::Arranged, LocalMarks { scanned_out: true, ..cached }), List::ToPickup);
    }

    #[test]
    fn a_cancelled_order_waits_for_stock_in_while_units_are_out() {
        let tab = |waiting, settled| {
            let marks = LocalMarks { units_waiting: waiting, units_settled: settled, ..MARKS };
            place(Standing::Canceled, FulfilledBy::Seller, marks, None).tab
        };
        assert_eq!(tab(true, false), Tab::ToStockIn);
        assert_eq!(tab(true, true), Tab::ToStockIn);
        assert_eq!(tab(false, true), Tab::StockedIn);
        assert_eq!(tab(false, false), Tab::NothingToDo);
    }

    #[test]
    fn words_and_values_are_one_to_one() {
        for &list in List::ALL {
            assert_eq!(List::parse(list.as_str()), Ok(list));
        }
        let error = Tab::parse("nonsense").expect_err("no such tab");
        assert!(error.to_string().contains("to_pack"), "{error}");
    }
}
