//! Order and package statuses and what may follow what: sheet sections 4 and 5.1.

use serde::{Deserialize, Serialize};

/// `status` of an order (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    /// Created, not paid.
    Unpaid,
    /// The hour in which the buyer may cancel without asking.
    OnHold,
    /// The seller can arrange shipment.
    AwaitingShipment,
    /// Some lines are on their way.
    PartiallyShipping,
    /// Shipment is arranged.
    AwaitingCollection,
    /// With the carrier.
    InTransit,
    /// Delivered.
    Delivered,
    /// Finished.
    Completed,
    /// Cancelled.
    Cancelled,
}

/// Every status, in the order of the enum.
pub(super) const ALL: [Status; 9] = [
    Status::Unpaid,
    Status::OnHold,
    Status::AwaitingShipment,
    Status::PartiallyShipping,
    Status::AwaitingCollection,
    Status::InTransit,
    Status::Delivered,
    Status::Completed,
    Status::Cancelled,
];

impl Status {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Unpaid => "UNPAID",
            Status::OnHold => "ON_HOLD",
            Status::AwaitingShipment => "AWAITING_SHIPMENT",
            Status::PartiallyShipping => "PARTIALLY_SHIPPING",
            Status::AwaitingCollection => "AWAITING_COLLECTION",
            Status::InTransit => "IN_TRANSIT",
            Status::Delivered => "DELIVERED",
            Status::Completed => "COMPLETED",
            Status::Cancelled => "CANCELLED",
        }
    }

    /// The word of push 1, which has another one for cancelled orders (sheet, section 0).
    pub(super) fn pushed(self) -> &'static str {
        if self == Status::Cancelled { "CANCEL" } else { self.name() }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Status> {
        ALL.into_iter().find(|status| status.name() == name)
    }

    /// The carrier has not got it yet.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Status::Unpaid | Status::OnHold | Status::AwaitingShipment | Status::AwaitingCollection)
    }

    /// Whether the platform lets an order go from here to there without a call of the seller.
    pub(super) fn may_become(self, next: Status) -> bool {
        use Status::*;
        matches!(
            (self, next),
            (Unpaid, OnHold | AwaitingShipment | Cancelled)
                | (OnHold, AwaitingShipment | Cancelled)
                | (AwaitingShipment, PartiallyShipping | AwaitingCollection | InTransit | Cancelled)
                | (PartiallyShipping, AwaitingCollection | InTransit)
                | (AwaitingCollection, InTransit | Cancelled)
                | (InTransit, Delivered | Cancelled)
                | (Delivered, Completed)
        )
    }

    /// The status of its packages.
    pub(super) fn packages(self) -> PackageStatus {
        match self {
            Status::Unpaid | Status::OnHold | Status::AwaitingShipment | Status::PartiallyShipping => {
                PackageStatus::ToFulfill
            }
            Status::AwaitingCollection => PackageStatus::Processing,
            Status::InTransit => PackageStatus::Fulfilling,
            Status::Delivered | Status::Completed => PackageStatus::Completed,
            Status::Cancelled => PackageStatus::Cancelled,
        }
    }
}

/// `package_status` of a line (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PackageStatus {
    /// Nothing arranged.
    ToFulfill,
    /// Arranged.
    Processing,
    /// Collected.
    Fulfilling,
    /// Delivered.
    Completed,
    /// Cancelled.
    Cancelled,
}

impl PackageStatus {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            PackageStatus::ToFulfill => "TO_FULFILL",
            PackageStatus::Processing => "PROCESSING",
            PackageStatus::Fulfilling => "FULFILLING",
            PackageStatus::Completed => "COMPLETED",
            PackageStatus::Cancelled => "CANCELLED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for status in ALL {
            assert_eq!(Status::named(status.name()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        assert_eq!(Status::named("CANCEL"), None);
    }

    #[test]
    fn nothing_leaves_cancelled_and_nothing_shipped_becomes_open_again() {
        for next in ALL {
            assert!(!Status::Cancelled.may_become(next), "{next:?}");
            assert!(!(next.is_open() && Status::InTransit.may_become(next)), "{next:?}");
        }
    }
}
