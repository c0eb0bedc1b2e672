//! Item statuses and what may follow what: sheet section 5.6. An order has no status of its own.

use serde::{Deserialize, Serialize};

/// The status of one unit sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Placed, not paid.
    Unpaid,
    /// Paid or cash on delivery; to be packed.
    Pending,
    /// Its parcel was undone and must be packed again.
    Repacked,
    /// Parcel and tracking code exist.
    Packed,
    /// Ready to ship was accepted, the carrier has not confirmed.
    ReadyToShipPending,
    /// Waits for the carrier.
    ReadyToShip,
    /// With the carrier.
    Shipped,
    /// Delivered.
    Delivered,
    /// Confirmed by the buyer.
    Confirmed,
    /// Delivery failed, the older word.
    Failed,
    /// Delivery failed.
    FailedDelivery,
    /// On its way back.
    ShippedBack,
    /// Back at the seller.
    ShippedBackSuccess,
    /// Not brought back.
    ShippedBackFailed,
    /// The parcel came back.
    PackageReturned,
    /// Returned by the buyer.
    Returned,
    /// Lost.
    Lost,
    /// Lost by the carrier.
    #[serde(rename = "lost_by_3pl")]
    LostByCarrier,
    /// Damaged by the carrier.
    #[serde(rename = "damaged_by_3pl")]
    DamagedByCarrier,
    /// Scrapped.
    PackageScrapped,
    /// Cancelled.
    Canceled,
}

/// Every status, in the order of an item's life.
pub(super) const ALL: [Status; 21] = [
    Status::Unpaid,
    Status::Pending,
    Status::Repacked,
    Status::Packed,
    Status::ReadyToShipPending,
    Status::ReadyToShip,
    Status::Shipped,
    Status::Delivered,
    Status::Confirmed,
    Status::Failed,
    Status::FailedDelivery,
    Status::ShippedBack,
    Status::ShippedBackSuccess,
    Status::ShippedBackFailed,
    Status::PackageReturned,
    Status::Returned,
    Status::Lost,
    Status::LostByCarrier,
    Status::DamagedByCarrier,
    Status::PackageScrapped,
    Status::Canceled,
];

/// Where a unit is counted in the listing's stock (section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket {
    /// Unpaid: withheld.
    Withheld,
    /// Paid, before ready to ship: occupied.
    Occupied,
    /// Out of the listing's numbers.
    Out,
}

impl Status {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Unpaid => "unpaid",
            Status::Pending => "pending",
            Status::Repacked => "repacked",
            Status::Packed => "packed",
            Status::ReadyToShipPending => "ready_to_ship_pending",
            Status::ReadyToShip => "ready_to_ship",
            Status::Shipped => "shipped",
            Status::Delivered => "delivered",
            Status::Confirmed => "confirmed",
            Status::Failed => "failed",
            Status::FailedDelivery => "failed_delivery",
            Status::ShippedBack => "shipped_back",
            Status::ShippedBackSuccess => "shipped_back_success",
            Status::ShippedBackFailed => "shipped_back_failed",
            Status::PackageReturned => "package_returned",
            Status::Returned => "returned",
            Status::Lost => "lost",
            Status::LostByCarrier => "lost_by_3pl",
            Status::DamagedByCarrier => "damaged_by_3pl",
            Status::PackageScrapped => "package_scrapped",
            Status::Canceled => "canceled",
        }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Status> {
        ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the platform lets an item go from here to there without the seller.
    pub(super) fn may_become(self, next: Status) -> bool {
        use Status::*;
        matches!(
            (self, next),
            (Unpaid, Pending | Canceled)
                | (Pending | Repacked, Packed | Canceled)
                | (Packed, Repacked | ReadyToShipPending | ReadyToShip | Canceled)
                | (ReadyToShipPending, ReadyToShip | Canceled)
                | (ReadyToShip, Shipped | Canceled)
                | (Shipped, Delivered | Failed | FailedDelivery | Lost | LostByCarrier | DamagedByCarrier)
                | (Delivered, Confirmed | Returned)
                | (Confirmed, Returned)
                | (Failed | FailedDelivery, ShippedBack)
                | (
                    ShippedBack,
                    ShippedBackSuccess
                        | ShippedBackFailed
                        | PackageReturned
                        | LostByCarrier
                        | DamagedByCarrier
                        | PackageScrapped
                )
                | (ShippedBackSuccess | ShippedBackFailed, PackageScrapped | Lost)
        )
    }

    /// Where its unit is counted.
    pub(super) fn bucket(self) -> Bucket {
        match self {
            Status::Unpaid => Bucket::Withheld,
            Status::Pending | Status::Repacked | Status::Packed => Bucket::Occupied,
            _ => Bucket::Out,
        }
    }

    /// There is a parcel.
    pub(super) fn is_packed(self) -> bool {
        !matches!(self, Status::Unpaid | Status::Pending | Status::Repacked | Status::Canceled)
    }

    /// The seller said that the parcel is ready.
    pub(super) fn is_ready(self) -> bool {
        matches!(self, Status::ReadyToShipPending | Status::ReadyToShip)
    }

    /// The word of package pushes (section 10), where there is one.
    pub(super) fn package_word(self) -> Option<&'static str> {
        Some(match self {
            Status::ReadyToShipPending => "READY_TO_SHIP_PENDING",
            Status::ReadyToShip => "READY_TO_SHIP",
            Status::Shipped => "TRANSIT_TO_SHIP",
            Status::Delivered => "DELIVERED",
            Status::Failed | Status::FailedDelivery => "DELIVER_FAILED",
            Status::LostByCarrier => "LOST_BY_3PL",
            Status::DamagedByCarrier => "DAMAGE_BY_3PL",
            Status::PackageScrapped => "PACKAGE_SCRAPPED",
            Status::Canceled => "CANCELLED",
            _ => return None,
        })
    }
}

/// The statuses that `/orders/get` filters by: single ones, and groups that are no statuses (section 5.6).
pub(super) fn filter(word: &str) -> Option<Vec<Status>> {
    Some(match word {
        "all" => ALL.to_vec(),
        "topack" => vec![Status::Pending, Status::Repacked],
        "toship" => vec![Status::Packed, Status::ReadyToShipPending, Status::ReadyToShip],
        "shipping" => vec![Status::Shipped],
        word => vec![Status::named(word)?],
    })
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
        assert_eq!(Status::named("cancelled"), None);
    }

    #[test]
    fn nothing_leaves_canceled_and_nothing_comes_back_from_the_carrier_open() {
        for next in ALL {
            assert!(!Status::Canceled.may_become(next), "{next:?}");
        }
        for open in [Status::Unpaid, Status::Pending, Status::Packed, Status::Repacked, Status::ReadyToShip] {
            assert!(!Status::Shipped.may_become(open));
        }
    }

    #[test]
    fn a_unit_is_counted_until_it_is_ready_to_ship() {
        assert_eq!(Status::Unpaid.bucket(), Bucket::Withheld);
        assert_eq!(Status::Packed.bucket(), Bucket::Occupied);
        assert_eq!(Status::ReadyToShipPending.bucket(), Bucket::Out);
    }

    #[test]
    fn groups_are_filters_and_no_statuses() {
        assert_eq!(filter("topack"), Some(vec![Status::Pending, Status::Repacked]));
        assert_eq!(Status::named("topack"), None);
        assert_eq!(filter("nonsense"), None);
    }
}
