//! Dated data: what differs by platform and market. `connectors` reads it from each platform's `policy.toml`.

use crate::ids::ReasonCode;
use crate::order::{List, Stage};
use crate::request::RequestPolicy;
use crate::time::Span;
use crate::words::worded;

worded! {
    /// What a platform status means to us, before anything local (void, ship scan) is laid over it.
    Standing, "standing" {
        /// Placed, not paid.
        Unpaid = "unpaid",
        /// Paid but held by the platform: nothing may be packed yet.
        OnHold = "on_hold",
        /// May be processed: the seller has to pack.
        ToPack = "to_pack",
        /// Shipment is arranged; the goods are still here.
        Arranged = "arranged",
        /// The courier has it.
        Shipped = "shipped",
        /// Delivered and confirmed.
        Completed = "completed",
        /// The buyer asks to cancel and the seller has to answer.
        CancelRequested = "cancel_requested",
        /// Cancelled, by whomever.
        Canceled = "canceled",
        /// A status that is in no table: kept verbatim, shown, and closed to everything that lets goods out.
        Unknown = "unknown",
    }
}

worded! {
    /// What a cancel with this reason does to the listings of the chosen products.
    ListingEffect, "listing effect" {
        /// The platform puts the cancelled units back on the listing.
        UnitsReturn = "units_return",
        /// The platform sets the chosen products' listings to zero.
        SetToZero = "set_to_zero",
    }
}

worded! {
    /// What a cancel with this reason says about the goods.
    GoodsEffect, "goods effect" {
        /// They are there: they come back by their stage.
        ComeBack = "come_back",
        /// The chosen lines' goods were said not to exist: they wait until counted.
        CountNeeded = "count_needed",
    }
}

/// How sure a row is and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The fact sheet's own tag: `C4`, `S:docs`, `I`, `X`.
    pub certainty: String,
    /// The sheet and its section.
    pub source: String,
}

/// What one status of a platform means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRule {
    /// The platform's word.
    pub value: String,
    /// What it means to us.
    pub standing: Standing,
    /// How far the goods are at least.
    pub stage: Stage,
    /// Whether the seller may cancel in this status (`product.md` section 3).
    pub seller_may_cancel: bool,
    /// What people call it on the platform.
    pub title: String,
    /// How sure.
    pub evidence: Evidence,
}

/// What one package status of a platform means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageStatusRule {
    /// The platform's word.
    pub value: String,
    /// How far the goods are at least.
    pub stage: Stage,
    /// How sure.
    pub evidence: Evidence,
}

/// One reason that the desk offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonRule {
    /// Our own word for it.
    pub code: ReasonCode,
    /// What the operator reads.
    pub label: String,
    /// What the platform is told.
    pub platform_value: String,
    /// Said before the click where the platform has no value of its own for this reason.
    pub mapping_note: Option<String>,
    /// At least one product must be chosen.
    pub lines_required: bool,
    /// Taken only for cash-on-delivery orders.
    pub cod_only: bool,
    /// Markets where it is taken; empty means all.
    pub regions: Vec<String>,
    /// What becomes of the chosen listings.
    pub listing_effect: ListingEffect,
    /// What it says about the goods.
    pub goods_effect: GoodsEffect,
    /// How sure.
    pub evidence: Evidence,
}

/// A platform's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The day the data was checked, `YYYY-MM-DD`.
    pub as_of: String,
    /// Order statuses.
    pub statuses: Vec<StatusRule>,
    /// Package statuses.
    pub package_statuses: Vec<PackageStatusRule>,
    /// Reasons for the seller's cancel, in the order they are shown.
    pub reasons: Vec<ReasonRule>,
    /// Buyers' cancellation requests.
    pub requests: RequestPolicy,
    /// Whether the seller may cancel at all in this platform's markets.
    pub seller_cancel: bool,
    /// Whether chosen lines alone may be cancelled.
    pub partial_cancel: bool,
    /// The lists that the seller's cancel starts from (`product.md` section 3, first gate).
    pub cancel_from: Vec<List>,
    /// How long a call may take before it is given up; its outcome is then unknown.
    pub call_timeout: Span,
    /// How long after a write's deadline a read may still show the old state.
    pub settling: Span,
    /// How old a cancel may get before a person is asked.
    pub attention_after: Span,
    /// How often all orders are swept where no push came.
    pub sweep_every: Span,
    /// How far each sweep's window reaches back over the one before.
    pub sweep_overlap: Span,
    /// The longest window one list call may ask for.
    pub list_window: Span,
    /// Orders per detail read.
    pub read_batch: usize,
    /// Calls in flight at once per shop.
    pub calls_in_flight: usize,
    /// Calls per second and shop that we allow ourselves; zero means no limit of ours.
    pub calls_per_second: u32,
}

impl Policy {
    /// The rule for a platform status, if the policy knows it.
    #[must_use]
    pub fn status(&self, value: &str) -> Option<&StatusRule> {
        self.statuses.iter().find(|rule| rule.value == value)
    }

    /// The rule for a package status, if the policy knows it.
    #[must_use]
    pub fn package_status(&self, value: &str) -> Option<&PackageStatusRule> {
        self.package_statuses.iter().find(|rule| rule.value == value)
    }

    /// The rule for one of our reasons, if this platform has it.
    #[must_use]
    pub fn reason(&self, code: &str) -> Option<&ReasonRule> {
        self.reasons.iter().find(|rule| rule.code.as_str() == code)
    }
}
