//! Status codes and what may follow what: sheet section B.3.

use serde::{Deserialize, Serialize};

/// `order_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Status(pub(super) u16);

pub(super) const CANCELLED_BY_SELLER: Status = Status(0);
pub(super) const REJECTED_BY_SELLER: Status = Status(10);
pub(super) const CANCELLED_BY_BUYER: Status = Status(15);
pub(super) const UNPAID: Status = Status(100);
pub(super) const PAID: Status = Status(220);
pub(super) const WAITS_FOR_PARTNER: Status = Status(221);
pub(super) const ACCEPTED: Status = Status(400);
/// Told while the buyer of an accepted order asks to cancel (one source); no order is put into it.
pub(super) const ASKED: Status = Status(401);
pub(super) const WAITS_FOR_PICKUP: Status = Status(450);
pub(super) const SHIPPED: Status = Status(500);
pub(super) const DELIVERED: Status = Status(600);
pub(super) const FINISHED: Status = Status(700);

/// The codes that this fake knows to move between.
pub(super) const ALL: [Status; 11] = [
    CANCELLED_BY_SELLER,
    REJECTED_BY_SELLER,
    CANCELLED_BY_BUYER,
    UNPAID,
    PAID,
    WAITS_FOR_PARTNER,
    ACCEPTED,
    WAITS_FOR_PICKUP,
    SHIPPED,
    DELIVERED,
    FINISHED,
];

impl Status {
    /// Reads a code.
    pub(super) fn named(text: &str) -> Option<Status> {
        let code = text.parse().ok().map(Status)?;
        ALL.contains(&code).then_some(code)
    }

    /// Cancelled, by whomever.
    pub(super) fn is_cancelled(self) -> bool {
        [CANCELLED_BY_SELLER, REJECTED_BY_SELLER, CANCELLED_BY_BUYER].contains(&self)
    }

    /// Whether the platform lets an order go from here to there without a call of the seller.
    pub(super) fn may_become(self, next: Status) -> bool {
        let cancels = self < SHIPPED && !self.is_cancelled() && next.is_cancelled();
        cancels
            || matches!(
                (self, next),
                (UNPAID, PAID)
                    | (PAID, WAITS_FOR_PARTNER | ACCEPTED)
                    | (WAITS_FOR_PARTNER, PAID | ACCEPTED)
                    | (ACCEPTED, WAITS_FOR_PICKUP | SHIPPED)
                    | (WAITS_FOR_PICKUP, SHIPPED)
                    | (SHIPPED, DELIVERED)
                    | (DELIVERED, FINISHED)
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_cancelled_and_nothing_shipped_is_cancelled() {
        for next in ALL {
            assert!(!CANCELLED_BY_SELLER.may_become(next), "{next:?}");
            assert!(!(next.is_cancelled() && SHIPPED.may_become(next)), "{next:?}");
        }
        assert_eq!(Status::named("220"), Some(PAID));
        assert_eq!((Status::named("7"), Status::named("x")), (None, None));
    }
}
