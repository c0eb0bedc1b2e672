//! Cases: a courier scanned the parcel of a canceled order. Each is watched until its units are back or paid for.

use crate::words::worded;

worded! {
    /// Where a case stands.
    State, "case state" {
        /// The parcel is out, although the order is canceled.
        Open = "open",
        /// The parcel is here again; its units wait to be stocked in.
        CameBack = "came_back",
        /// Its units were stocked in.
        StockedIn = "stocked_in",
        /// It does not come back; the marketplace or the courier was asked to pay.
        Claimed = "claimed",
        /// Ended by a person, for another reason.
        Closed = "closed",
    }
}

worded! {
    /// What a person says of a case.
    Resolution, "resolution" {
        /// The parcel is here again.
        CameBack = "came_back",
        /// The marketplace or the courier was asked to pay.
        Claimed = "claimed",
        /// Nothing more is to be done.
        Closed = "closed",
    }
}

worded! {
    /// A step of the story that a marketplace's appeal asks for.
    Step, "step" {
        /// The shipment was arranged.
        Packed = "packed",
        /// The label was printed.
        Printed = "printed",
        /// The parcel was scanned out here.
        HandedOver = "handed_over",
        /// Somebody asked for the cancel.
        CancelAsked = "cancel_asked",
        /// The marketplace canceled the order.
        CancelConfirmed = "cancel_confirmed",
        /// The parcel was stopped or taken out of the pile here.
        Stopped = "stopped",
        /// The courier scanned it.
        CourierScan = "courier_scan",
    }
}

impl State {
    /// Whether somebody still has to do something.
    #[must_use]
    pub const fn is_watched(self) -> bool {
        matches!(self, Self::Open | Self::CameBack)
    }

    /// Where a case stands after what a person says of it; `None` where that cannot be said any more.
    #[must_use]
    pub const fn after(self, resolution: Resolution) -> Option<Self> {
        match (self, resolution) {
            (Self::Open, Resolution::CameBack) => Some(Self::CameBack),
            (Self::Open, Resolution::Claimed) => Some(Self::Claimed),
            (Self::Open | Self::CameBack, Resolution::Closed) => Some(Self::Closed),
            (Self::CameBack, Resolution::CameBack | Resolution::Claimed)
            | (Self::StockedIn | Self::Claimed | Self::Closed, _) => None,
        }
    }
}

impl Step {
    /// The step that a log entry tells of, if it tells of one.
    #[must_use]
    pub fn of_log(action: &str, detail: &str) -> Option<Self> {
        match action {
            "request.opened" | "cancellation.requested" => Some(Self::CancelAsked),
            "label.printed" | "label.reprinted" => Some(Self::Printed),
            "shipment.done" if detail.starts_with("pack ") => Some(Self::Packed),
            "order.shipped" | "order.parcel_shipped" => Some(Self::HandedOver),
            "order.stopped" | "order.pulled" => Some(Self::Stopped),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_ends_once() {
        for &state in State::ALL {
            for &resolution in Resolution::ALL {
                let after = state.after(resolution);
                assert!(after.is_none() || state.is_watched(), "{state} {resolution}");
                if let Some(after) = after {
                    assert!(resolution == Resolution::CameBack || !after.is_watched(), "{state} {resolution}");
                }
            }
        }
        assert_eq!(State::CameBack.after(Resolution::Claimed), None, "what is here is not claimed");
    }

    #[test]
    fn the_story_is_told_by_the_log() {
        assert_eq!(Step::of_log("shipment.done", "pack of 1 done"), Some(Step::Packed));
        assert_eq!(Step::of_log("shipment.done", "repack of 1 done"), None);
        assert_eq!(Step::of_log("order.voided", "1 set aside"), None);
    }
}
