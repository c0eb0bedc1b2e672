//! What happened when to an exported order, with estimates for what the file does not say.

use super::columns::Parcel;
use super::{Cancelled, ExportedOrder};
use crate::shopee::status::Status;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Arranged so long after the order.
const ARRANGED_AFTER: i64 = DAY;
/// With the carrier so long after arranging.
const WITH_CARRIER_AFTER: i64 = DAY;
/// Completed so long after the order.
const COMPLETED_AFTER: i64 = 7 * DAY;
/// Cancelled as unpaid so long after the order.
const UNPAID_AFTER: i64 = DAY;
/// Delivery failed, or the parcel was given up, so long after the carrier had it.
const FAILED_AFTER: i64 = 5 * DAY;
/// Buyers and sellers cancel so long after the order, or after it was arranged.
const CANCELLED_AFTER: i64 = 6 * HOUR;
/// The ship-by date where the file has none.
const SHIP_BY_AFTER: i64 = 3 * DAY;

/// The moments of an order; `None`: it never came to that.
pub(super) struct Timeline {
    paid: Option<i64>,
    arranged: Option<i64>,
    with_carrier: Option<i64>,
    ended: Option<i64>,
}

impl Timeline {
    /// Known moments, and estimates for those that must have been.
    pub(super) fn of(order: &ExportedOrder) -> Timeline {
        let parcel = order.cancelled.as_ref().map_or(Parcel::Here, |cancelled| cancelled.parcel);
        let was_arranged = order.arranged.is_some()
            || order.tracking.is_some()
            || parcel != Parcel::Here
            || matches!(
                order.status,
                Status::Processed
                    | Status::RetryShip
                    | Status::Shipped
                    | Status::ToConfirmReceive
                    | Status::ToReturn
                    | Status::Completed
            );
        let start = order.paid.unwrap_or(order.created);
        let arranged = was_arranged.then(|| {
            let latest = order.completed.unwrap_or(i64::MAX);
            order.arranged.unwrap_or(order.created + ARRANGED_AFTER).min(latest).max(start)
        });
        let left = parcel != Parcel::Here
            || matches!(
                order.status,
                Status::Shipped | Status::ToConfirmReceive | Status::ToReturn | Status::Completed
            );
        let with_carrier = arranged
            .filter(|_| left)
            .map(|arranged| (arranged + WITH_CARRIER_AFTER).min(order.completed.unwrap_or(i64::MAX)));
        let ended = match (&order.cancelled, order.status) {
            (Some(cancelled), _) => Some(cancelled_at(order, cancelled, arranged, with_carrier)),
            (None, Status::Completed) => {
                let latest = arranged.unwrap_or(start);
                Some(order.completed.unwrap_or(order.created + COMPLETED_AFTER).max(latest))
            }
            _ => None,
        };
        Timeline { paid: order.paid, arranged, with_carrier, ended }
    }

    /// The last thing that happened.
    pub(super) fn last(&self, order: &ExportedOrder) -> i64 {
        [self.paid, self.arranged, self.with_carrier, self.ended].into_iter().flatten().fold(order.created, i64::max)
    }

    /// When the carrier had it, if that was by a moment; 0: not yet.
    pub(super) fn picked_up(&self, now: i64) -> i64 {
        self.with_carrier.filter(|moment| *moment <= now).unwrap_or(0)
    }

    /// Takes back what had not happened at a moment.
    pub(super) fn rewind(&self, order: &mut ExportedOrder, now: i64) {
        let happened = |moment: Option<i64>| moment.is_some_and(|moment| moment <= now);
        if happened(self.ended) {
            order.updated = self.ended.unwrap_or(order.updated);
            return;
        }
        let open_end = self.ended.is_none();
        order.cancelled = None;
        order.completed = None;
        order.status = if happened(self.with_carrier) {
            // A status that has no end yet is kept once its last known step has come.
            if open_end { order.status } else { Status::Shipped }
        } else if happened(self.arranged) {
            Status::Processed
        } else if happened(self.paid) || order.cod {
            Status::ReadyToShip
        } else {
            Status::Unpaid
        };
        if !happened(self.arranged) {
            order.arranged = None;
            order.tracking = None;
        }
        if !happened(self.paid) {
            order.paid = None;
        }
        order.updated = [self.paid, self.arranged, self.with_carrier]
            .into_iter()
            .flatten()
            .filter(|moment| *moment <= now)
            .fold(order.created, i64::max);
    }
}

fn cancelled_at(order: &ExportedOrder, cancelled: &Cancelled, arranged: Option<i64>, with_carrier: Option<i64>) -> i64 {
    if let Some(with_carrier) = with_carrier.filter(|_| cancelled.parcel != Parcel::Here) {
        return with_carrier + FAILED_AFTER;
    }
    let start = arranged.or(order.paid).unwrap_or(order.created);
    match cancelled.reason.as_str() {
        "Unpaid Order" => order.created + UNPAID_AFTER,
        "Seller did not Ship" => order.ship_by.unwrap_or(order.created + SHIP_BY_AFTER).max(start),
        _ => start + CANCELLED_AFTER,
    }
}
