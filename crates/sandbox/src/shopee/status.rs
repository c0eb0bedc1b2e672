//! Order and package statuses and what may follow what: sheet section 7.

use serde::{Deserialize, Serialize};

/// `order_status` (7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    /// Created, not paid.
    Unpaid,
    /// Held by the platform; shown only to those who ask for it.
    Pending,
    /// The seller can arrange shipment.
    ReadyToShip,
    /// Shipment is arranged.
    Processed,
    /// The carrier's pickup failed.
    RetryShip,
    /// With the carrier.
    Shipped,
    /// Delivered.
    ToConfirmReceive,
    /// The buyer asked to cancel.
    InCancel,
    /// Cancelled.
    Cancelled,
    /// The buyer asked for a return.
    ToReturn,
    /// Finished.
    Completed,
}

/// Every status, in the order of the enum.
pub(super) const ALL: [Status; 11] = [
    Status::Unpaid,
    Status::Pending,
    Status::ReadyToShip,
    Status::Processed,
    Status::RetryShip,
    Status::Shipped,
    Status::ToConfirmReceive,
    Status::InCancel,
    Status::Cancelled,
    Status::ToReturn,
    Status::Completed,
];

impl Status {
    /// The courier has, or had, the parcels.
    pub(super) fn is_with_courier(self) -> bool {
        matches!(self, Status::Shipped | Status::ToConfirmReceive | Status::ToReturn | Status::Completed)
    }

    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Unpaid => "UNPAID",
            Status::Pending => "PENDING",
            Status::ReadyToShip => "READY_TO_SHIP",
            Status::Processed => "PROCESSED",
            Status::RetryShip => "RETRY_SHIP",
            Status::Shipped => "SHIPPED",
            Status::ToConfirmReceive => "TO_CONFIRM_RECEIVE",
            Status::InCancel => "IN_CANCEL",
            Status::Cancelled => "CANCELLED",
            Status::ToReturn => "TO_RETURN",
            Status::Completed => "COMPLETED",
        }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Status> {
        ALL.into_iter().find(|status| status.name() == name)
    }

    /// What those see who did not ask for `PENDING`: "the old mapping" is not described; a held order is shown as
    /// ready to ship, with a package that has not started (section 6.1, inferred).
    pub(super) fn shown(self, pending_wanted: bool) -> Status {
        if self == Status::Pending && !pending_wanted { Status::ReadyToShip } else { self }
    }

    /// Whether the platform lets an order go from here to there without a request of the seller (7.2).
    pub(super) fn may_become(self, next: Status) -> bool {
        use Status::*;
        matches!(
            (self, next),
            (Unpaid, ReadyToShip | Pending | Cancelled)
                | (Pending, ReadyToShip | Cancelled)
                | (ReadyToShip, Pending | Processed | Shipped | Cancelled)
                | (Processed, RetryShip | Shipped | Cancelled)
                | (RetryShip, Processed | Cancelled)
                | (InCancel, Cancelled)
                | (Shipped, ToConfirmReceive | ToReturn | Cancelled)
                | (ToConfirmReceive, Completed | ToReturn)
                | (ToReturn, Completed | Cancelled)
                | (Completed, ToReturn)
        )
    }

    /// The status of the packages that goes with it (7.3).
    pub(super) fn packages(self) -> PackageStatus {
        match self {
            Status::Unpaid | Status::Pending => PackageStatus::NotStart,
            Status::ReadyToShip => PackageStatus::Ready,
            Status::Processed | Status::InCancel => PackageStatus::RequestCreated,
            Status::RetryShip => PackageStatus::PickupRetry,
            Status::Shipped => PackageStatus::PickupDone,
            Status::ToConfirmReceive | Status::ToReturn | Status::Completed => PackageStatus::DeliveryDone,
            Status::Cancelled => PackageStatus::Invalid,
        }
    }
}

/// `logistics_status` of order detail, `fulfillment_status` elsewhere (7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PackageStatus {
    /// Not ready.
    NotStart,
    /// May be arranged.
    Ready,
    /// Arranged.
    RequestCreated,
    /// The pickup is to be repeated.
    PickupRetry,
    /// With the carrier.
    PickupDone,
    /// Delivered.
    DeliveryDone,
    /// Cancelled before it was arranged.
    Invalid,
    /// Cancelled after it was arranged.
    RequestCanceled,
    /// The carrier gave up the pickup.
    PickupFailed,
    /// Delivery failed.
    DeliveryFailed,
    /// Lost.
    Lost,
}

impl PackageStatus {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            PackageStatus::NotStart => "LOGISTICS_NOT_START",
            PackageStatus::Ready => "LOGISTICS_READY",
            PackageStatus::RequestCreated => "LOGISTICS_REQUEST_CREATED",
            PackageStatus::PickupRetry => "LOGISTICS_PICKUP_RETRY",
            PackageStatus::PickupDone => "LOGISTICS_PICKUP_DONE",
            PackageStatus::DeliveryDone => "LOGISTICS_DELIVERY_DONE",
            PackageStatus::Invalid => "LOGISTICS_INVALID",
            PackageStatus::RequestCanceled => "LOGISTICS_REQUEST_CANCELED",
            PackageStatus::PickupFailed => "LOGISTICS_PICKUP_FAILED",
            PackageStatus::DeliveryFailed => "LOGISTICS_DELIVERY_FAILED",
            PackageStatus::Lost => "LOGISTICS_LOST",
        }
    }

    /// What becomes of it when its order is cancelled.
    pub(super) fn cancelled(self) -> PackageStatus {
        match self {
            PackageStatus::NotStart | PackageStatus::Ready => PackageStatus::Invalid,
            PackageStatus::RequestCreated | PackageStatus::PickupRetry => PackageStatus::RequestCanceled,
            PackageStatus::PickupDone | PackageStatus::DeliveryDone => PackageStatus::DeliveryFailed,
            ended => ended,
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
        assert_eq!(Status::named("CANCELED"), None);
    }

    #[test]
    fn nothing_leaves_cancelled() {
        for next in ALL {
            assert!(!Status::Cancelled.may_become(next), "{next:?}");
        }
    }

    #[test]
    fn a_shipped_order_never_becomes_open_again() {
        for open in [Status::Unpaid, Status::ReadyToShip, Status::Processed, Status::RetryShip, Status::InCancel] {
            assert!(!Status::Shipped.may_become(open));
        }
    }

    #[test]
    fn a_package_says_whether_its_order_was_cancelled_before_or_after_arranging() {
        assert_eq!(PackageStatus::Ready.cancelled().name(), "LOGISTICS_INVALID");
        assert_eq!(PackageStatus::RequestCreated.cancelled().name(), "LOGISTICS_REQUEST_CANCELED");
    }
}
