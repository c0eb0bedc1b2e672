//! The words of the audit.

use super::{counted, number};
use domain::difference::DifferenceKind;
use store::audits::AuditRecord;

words! {
    AUDIT = "Audit";
    AUDIT_LEAD = "Marketplaces, warehouses, orders, listings and ledger, compared with one another. Whatever does not agree stands here until it is repaired or gone.";
    AUDIT_NOW = "Audit now";
    AUDIT_BEGAN = "The audit is under way.";
    AUDIT_REPAIRED = "Repaired.";
    AUDIT_SETTINGS = "Audit settings";
    AUDIT_EVERY = "Hours from one audit to the next";
    AUDIT_PARCEL_DAYS = "A parcel is lost after so many days of waiting";
    AUDIT_FIRST = "The first audit goes on; what it finds appears here.";
    AUDIT_NEVER = "Nothing has been audited yet. Begin with “Audit now”.";
    AUDIT_CLEAN = "Everything agrees.";
    AUDIT_NOTHING_OVER = "No difference has ended yet.";
    AUDIT_RUNS = "Audits";
    AUDIT_OPEN = "There";
    AUDIT_OVER = "Over";
    COLUMN_DIFFERENCE = "Difference";
    COLUMN_ABOUT = "About";
    COLUMN_OURS = "Here";
    COLUMN_THEIRS = "Over there, or by the movements";
    COLUMN_AGE = "Age";
    COLUMN_BEGAN = "Began";
    COLUMN_SUMMARY = "Summary";
    COLUMN_ENDED = "Ended";
    EVERY_KIND = "Every kind";
    KIND = "Kind";
    GOES_ON = "goes on";
    NUMBERS_UNREADABLE = "Write whole numbers.";
}

pub(crate) const fn difference(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::CanceledThere => "Canceled over there, not here",
        DifferenceKind::AliveThere => "Canceled here, not over there",
        DifferenceKind::StatusDiffers => "Another status over there",
        DifferenceKind::UnknownThere => "Open here, unknown over there",
        DifferenceKind::ListingDiffers => "Listing shows another number",
        DifferenceKind::CanceledAtWarehouse => "Canceled at the warehouse, not here",
        DifferenceKind::ShippedAtWarehouse => "Shipped by the warehouse, not here",
        DifferenceKind::ShippedAnywayAtWarehouse => "The warehouse shipped it anyway",
        DifferenceKind::KeptAtWarehouse => "Handed back, and still at the warehouse",
        DifferenceKind::UnknownAtWarehouse => "The warehouse does not know it",
        DifferenceKind::StrangeAtWarehouse => "At the warehouse, and never pushed",
        DifferenceKind::WarehouseStockDiffers => "The warehouse has another number",
        DifferenceKind::ParcelOverdue => "Parcel did not come back",
        DifferenceKind::ShippedUnpromised => "Left without having been promised",
        DifferenceKind::ShippedUnexplained => "Left after its cancel, from nowhere",
        DifferenceKind::NegativeBucket => "Less than nothing",
        DifferenceKind::OrphanUnits => "Held for an order that is not there",
        DifferenceKind::HoldingDiffers => "Order line and movements disagree",
        DifferenceKind::BalanceDiffers => "Balance and movements disagree",
    }
}

/// What the repair button says.
pub(crate) const fn repair(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::CanceledThere | DifferenceKind::StatusDiffers | DifferenceKind::ShippedAtWarehouse => {
            "Read again"
        }
        DifferenceKind::ShippedAnywayAtWarehouse => "Wait for its return",
        DifferenceKind::KeptAtWarehouse | DifferenceKind::StrangeAtWarehouse => "Ask it back",
        DifferenceKind::CanceledAtWarehouse => "Push it again",
        DifferenceKind::UnknownAtWarehouse => "Take as not there",
        DifferenceKind::WarehouseStockDiffers => "Count as the warehouse says",
        DifferenceKind::AliveThere => "Bring it back",
        DifferenceKind::UnknownThere => "Cancel here",
        DifferenceKind::ListingDiffers => "Set the listing",
        DifferenceKind::ParcelOverdue => "Take as lost",
        DifferenceKind::ShippedUnpromised | DifferenceKind::ShippedUnexplained => "Take off the shelf",
        DifferenceKind::OrphanUnits => "Make available",
        DifferenceKind::NegativeBucket | DifferenceKind::HoldingDiffers | DifferenceKind::BalanceDiffers => "Sum again",
    }
}

/// What the repair does, before the click.
pub(crate) const fn repair_means(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::CanceledThere | DifferenceKind::StatusDiffers => {
            "The order is read from its marketplace now, and what it says counts here"
        }
        DifferenceKind::AliveThere => {
            "The order is read once more; where it lives over there it leaves Canceled here, and its units are promised to it again"
        }
        DifferenceKind::UnknownThere => {
            "The marketplace is asked once more; if it does not know the order, it is canceled here and its units go by their stage"
        }
        DifferenceKind::ShippedAtWarehouse => "The order is read at the warehouse now, and what it says counts here",
        DifferenceKind::ShippedAnywayAtWarehouse => {
            "The order is read at the warehouse once more; if it left, its units are off the shelf and wait to be stocked in"
        }
        DifferenceKind::CanceledAtWarehouse => {
            "The order is read at the warehouse once more; if it is canceled there and is to leave, it is pushed again under another reference"
        }
        DifferenceKind::KeptAtWarehouse => "The order is read at the warehouse now, and asked back once more",
        DifferenceKind::UnknownAtWarehouse => {
            "The warehouse is asked once more, by its id and by our reference; if it knows neither, the order is pushed again under another reference, or its cancel goes on"
        }
        DifferenceKind::StrangeAtWarehouse => "The warehouse is asked for this order back",
        DifferenceKind::WarehouseStockDiffers => "What the warehouse has now is entered as a count",
        DifferenceKind::ListingDiffers => "The listing is set to what it is to show, and read back",
        DifferenceKind::ParcelOverdue => "Every unit that waits is booked as missing; it can be found again later",
        DifferenceKind::ShippedUnpromised | DifferenceKind::ShippedUnexplained => {
            "The units are taken from what is available: they are not on the shelf"
        }
        DifferenceKind::OrphanUnits => "What is held for nobody becomes available",
        DifferenceKind::NegativeBucket | DifferenceKind::BalanceDiffers => {
            "The balance is set to the sum of its movements"
        }
        DifferenceKind::HoldingDiffers => "The order line is set to what its movements say",
    }
}

/// An audit in one line.
pub(crate) fn audit_summary(audit: &AuditRecord) -> String {
    format!(
        "{}, {} new, {} gone since the one before; {} and {} looked at",
        counted(audit.open, "difference", "differences"),
        number(audit.fresh),
        number(audit.gone),
        counted(audit.orders, "order", "orders"),
        counted(audit.listings, "listing", "listings"),
    )
}

pub(crate) fn last_audit(ago: &str) -> String {
    format!("Last audit {ago}.")
}
