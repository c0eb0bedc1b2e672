//! What a parcel must do now that somebody scanned it: go out, stop, or go back to the shelf.

use crate::policy::Standing;
use crate::snapshot::FulfilledBy;
use crate::words::worded;

worded! {
    /// What a parcel must do now.
    Verdict, "scan verdict" {
        /// It may go out.
        Ship = "ship",
        /// It must not go out.
        Stop = "stop",
        /// Its units are to be put back on the shelf.
        StockIn = "stock_in",
        /// Nothing is known of it.
        Unknown = "unknown",
    }
}

worded! {
    /// Why it must.
    Reason, "scan reason" {
        /// Packed, and every door is open.
        Packed = "packed",
        /// Scanned out before; the courier has not scanned it yet.
        ScannedAlready = "scanned_already",
        /// The courier has scanned it.
        Shipped = "shipped",
        /// A cancel of ours is unfinished.
        CancelPending = "cancel_pending",
        /// The buyer waits for an answer.
        RequestOpen = "request_open",
        /// The order is canceled.
        Canceled = "canceled",
        /// Units in it are canceled, the others are not.
        PartlyCanceled = "partly_canceled",
        /// Set aside here.
        Voided = "voided",
        /// Its shipment is not arranged.
        NotPacked = "not_packed",
        /// A pack or shipment of it is under way.
        UnderWay = "under_way",
        /// The platform's status keeps it here: unpaid, held, or in no policy.
        PlatformStatus = "platform_status",
        /// The platform's own warehouse ships it.
        FulfilledByPlatform = "fulfilled_by_platform",
        /// Nobody arranges its shipment: it is taken on by hand.
        ByHand = "by_hand",
        /// What is known of it is old, and the platform did not answer in time.
        PlatformSilent = "platform_silent",
        /// No parcel has this number.
        NoSuchParcel = "no_such_parcel",
        /// Several orders have it.
        SeveralOrders = "several_orders",
    }
}

impl Reason {
    /// The reason as a sentence.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Packed => "It is packed, and nothing stands against it.",
            Self::ScannedAlready => "It was scanned out before; the courier has not scanned it yet.",
            Self::Shipped => "The courier has scanned it.",
            Self::CancelPending => "A cancel of this order is under way. Set the parcel aside.",
            Self::RequestOpen => "The buyer asks to cancel this order. Set the parcel aside until it is answered.",
            Self::Canceled => "The order is canceled.",
            Self::PartlyCanceled => "Units in this parcel are canceled. Open it and take them out.",
            Self::Voided => "The order is set aside here; restore it first.",
            Self::NotPacked => "The order is not packed yet; pack it first.",
            Self::UnderWay => "A pack or shipment of this order is under way. Scan it again in a moment.",
            Self::PlatformStatus => "The platform's status keeps this order here.",
            Self::FulfilledByPlatform => "The platform's own warehouse ships this order.",
            Self::ByHand => "Nobody arranges shipments of this order; take it on by hand.",
            Self::PlatformSilent => "What is known of this order is old, and the platform does not answer.",
            Self::NoSuchParcel => "No parcel or order has this number.",
            Self::SeveralOrders => "Several orders have this number; scan the tracking number instead.",
        }
    }
}

/// What is known of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the platform's status means.
    pub standing: Standing,
    /// Who keeps the goods.
    pub fulfilled_by: FulfilledBy,
    /// A cancel of ours is unfinished.
    pub cancelling: bool,
    /// Set aside here.
    pub voided: bool,
    /// A pack or shipment is under way.
    pub under_way: bool,
    /// The parcel was scanned out.
    pub scanned_out: bool,
    /// Units of it wait to be put back on the shelf.
    pub returning: bool,
    /// Shipments of its platform are arranged here.
    pub arranged_here: bool,
}

/// Judges a parcel by what is known of it.
#[must_use]
pub fn judge(facts: Facts) -> (Verdict, Reason) {
    let stop = |reason| (Verdict::Stop, reason);
    match facts.standing {
        _ if facts.fulfilled_by == FulfilledBy::Platform => stop(Reason::FulfilledByPlatform),
        Standing::Canceled if facts.returning => (Verdict::StockIn, Reason::Canceled),
        Standing::Canceled => stop(Reason::Canceled),
        _ if facts.cancelling => stop(Reason::CancelPending),
        Standing::CancelRequested => stop(Reason::RequestOpen),
        // It was on its way, and comes back.
        Standing::Shipped | Standing::Completed if facts.returning => (Verdict::StockIn, Reason::PartlyCanceled),
        Standing::Shipped | Standing::Completed => (Verdict::Ship, Reason::Shipped),
        _ if facts.voided => stop(Reason::Voided),
        Standing::Unpaid | Standing::OnHold | Standing::Unknown => stop(Reason::PlatformStatus),
        Standing::ToPack if facts.under_way => stop(Reason::UnderWay),
        Standing::ToPack => stop(Reason::NotPacked),
        Standing::Arranged if facts.returning => stop(Reason::PartlyCanceled),
        Standing::Arranged if facts.scanned_out => (Verdict::Ship, Reason::ScannedAlready),
        Standing::Arranged if facts.under_way => stop(Reason::UnderWay),
        Standing::Arranged if !facts.arranged_here => stop(Reason::ByHand),
        Standing::Arranged => (Verdict::Ship, Reason::Packed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED: Facts = Facts {
        standing: Standing::Arranged,
        fulfilled_by: FulfilledBy::Seller,
        cancelling: false,
        voided: false,
        under_way: false,
        scanned_out: false,
        returning: false,
        arranged_here: true,
    };

    #[test]
    fn a_packed_parcel_goes_out_unless_something_stands_against_it() {
        assert_eq!(judge(PACKED), (Verdict::Ship, Reason::Packed));
        for (facts, verdict, reason) in [
            (Facts { cancelling: true, ..PACKED }, Verdict::Stop, Reason::CancelPending),
            (Facts { voided: true, ..PACKED }, Verdict::Stop, Reason::Voided),
            (Facts { under_way: true, ..PACKED }, Verdict::Stop, Reason::UnderWay),
            (Facts { returning: true, ..PACKED }, Verdict::Stop, Reason::PartlyCanceled),
            (Facts { arranged_here: false, ..PACKED }, Verdict::Stop, Reason::ByHand),
            (Facts { fulfilled_by: FulfilledBy::Platform, ..PACKED }, Verdict::Stop, Reason::FulfilledByPlatform),
            (Facts { scanned_out: true, ..PACKED }, Verdict::Ship, Reason::ScannedAlready),
        ] {
            assert_eq!(judge(facts), (verdict, reason), "{facts:?}");
        }
    }

    #[test]
    fn only_what_is_packed_or_gone_may_go_out() {
        for &standing in Standing::ALL {
            let goes = matches!(standing, Standing::Arranged | Standing::Shipped | Standing::Completed);
            let (verdict, _) = judge(Facts { standing, ..PACKED });
            assert_eq!(verdict == Verdict::Ship, goes, "{standing}");
            let (verdict, _) = judge(Facts { standing, cancelling: true, ..PACKED });
            assert_eq!(verdict, Verdict::Stop, "{standing}: a pending cancel stops everything");
        }
    }

    #[test]
    fn a_canceled_parcel_goes_back_to_the_shelf_while_units_of_it_wait() {
        let canceled = Facts { standing: Standing::Canceled, scanned_out: true, ..PACKED };
        assert_eq!(judge(canceled), (Verdict::Stop, Reason::Canceled));
        assert_eq!(judge(Facts { returning: true, ..canceled }), (Verdict::StockIn, Reason::Canceled));
        let requested = Facts { standing: Standing::CancelRequested, ..PACKED };
        assert_eq!(judge(requested), (Verdict::Stop, Reason::RequestOpen));
    }
}
