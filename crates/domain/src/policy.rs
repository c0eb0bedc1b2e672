//! Dated data: what differs by platform and market. `connectors` reads it from each platform's `policy.toml`.

use crate::ids::ReasonCode;
use crate::order::{List, Stage};
use crate::penalty::RateRule;
use crate::request::RequestPolicy;
use crate::stock_rules::StockRule;
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

worded! {
    /// Which of a shop's budgets a call is counted in.
    EndpointClass, "endpoint class" {
        /// Calls for tokens.
        Tokens = "tokens",
        /// Whatever only reads, but for stock.
        Reads = "reads",
        /// Whatever changes something, but for stock.
        Writes = "writes",
        /// Stock of listings, read or set.
        Stock = "stock",
    }
}

worded! {
    /// What becomes of a parcel's other items when one of them is cancelled.
    SiblingEffect, "sibling effect" {
        /// They stay as they are.
        Stay = "stay",
        /// They are cancelled with it.
        CanceledToo = "canceled_too",
        /// They go back to be packed again.
        BackToPending = "back_to_pending",
    }
}

worded! {
    /// How a parcel reaches the courier.
    Handover, "handover" {
        /// The courier comes for it.
        Pickup = "pickup",
        /// The seller brings it.
        DropOff = "drop_off",
    }
}

/// What shipping needs where a platform leaves the choice to the seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingRule {
    /// How parcels are handed over where both ways are open.
    pub handover: Handover,
    /// The platform's word for the kind of label that is asked for.
    pub label: String,
    /// Whether a pack can be taken back: Move to To Pack.
    pub repack: bool,
    /// How long to wait before a label that the platform is still preparing is asked for again.
    pub label_retry: Span,
}

impl ShippingRule {
    /// Whether there is anybody to arrange shipments with.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        !self.label.is_empty()
    }
}

impl Default for ShippingRule {
    fn default() -> Self {
        Self { handover: Handover::Pickup, label: String::new(), repack: false, label_retry: Span::from_seconds(5) }
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
    /// Never taken for chosen lines alone.
    pub whole_order_only: bool,
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

/// A country whose shops can be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryRule {
    /// Two capital letters (ISO 3166).
    pub code: String,
    /// What people call it.
    pub title: String,
    /// Base address of the platform's API for shops there.
    pub address: String,
    /// What is paid in there (ISO 4217).
    pub currency: String,
    /// Hours that its shops' day is ahead of UTC.
    pub utc_offset: i8,
    /// How sure.
    pub evidence: Evidence,
}

/// What becomes of an item's parcel when the item is cancelled in this status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiblingRule {
    /// The item's status, the platform's word.
    pub status: String,
    /// What becomes of the parcel's other items.
    pub effect: SiblingEffect,
    /// How sure.
    pub evidence: Evidence,
}

/// How often calls of one class may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRule {
    /// Which calls.
    pub class: EndpointClass,
    /// How many a second, per shop and process.
    pub per_second: u32,
    /// How sure.
    pub evidence: Evidence,
}

/// Something that a platform allows in all of its markets or in some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarketSwitch {
    /// Whether it is on at all.
    pub on: bool,
    /// Markets where it holds; empty means all.
    pub regions: Vec<String>,
}

impl MarketSwitch {
    /// Whether it is on in this market.
    #[must_use]
    pub fn is_on(&self, region: &str) -> bool {
        self.on && (self.regions.is_empty() || self.regions.iter().any(|known| known == region))
    }
}

/// A platform's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The day the data was checked, `YYYY-MM-DD`.
    pub as_of: String,
    /// Countries whose shops can be connected, in the order they are shown.
    pub countries: Vec<CountryRule>,
    /// How long before an authorisation ends a person is told.
    pub authorise_ahead: Span,
    /// Order statuses.
    pub statuses: Vec<StatusRule>,
    /// Package statuses.
    pub package_statuses: Vec<PackageStatusRule>,
    /// Reasons for the seller's cancel, in the order they are shown.
    pub reasons: Vec<ReasonRule>,
    /// Buyers' cancellation requests.
    pub requests: RequestPolicy,
    /// How the platform counts a shop's cancellation rate, by market, and what follows from it.
    pub cancellation_rates: Vec<RateRule>,
    /// What shipping needs where the platform leaves the choice to the seller.
    pub shipping: ShippingRule,
    /// Whether the seller may cancel at all in this platform's markets.
    pub seller_cancel: bool,
    /// Where chosen lines alone may be cancelled.
    pub partial_cancel: MarketSwitch,
    /// What becomes of a parcel's other items; a status without a row leaves them as they are.
    pub siblings: Vec<SiblingRule>,
    /// Where cancelled units go; the first row that fits counts.
    pub cancel_stock: Vec<StockRule>,
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
    /// Calls per second and shop that we allow ourselves, whatever their class; zero means no limit of ours.
    pub calls_per_second: u32,
    /// Classes with a limit of their own beside that.
    pub budgets: Vec<BudgetRule>,
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

    /// The rule for a country, if this platform's shops can be connected there.
    #[must_use]
    pub fn country(&self, code: &str) -> Option<&CountryRule> {
        self.countries.iter().find(|rule| rule.code == code)
    }

    /// Calls per second and shop of this class; `None` means no limit of its own.
    #[must_use]
    pub fn budget(&self, class: EndpointClass) -> Option<u32> {
        self.budgets.iter().find(|rule| rule.class == class).map(|rule| rule.per_second)
    }

    /// What becomes of a parcel's other items when one in this status is cancelled.
    #[must_use]
    pub fn siblings(&self, status: &str) -> SiblingEffect {
        self.siblings.iter().find(|rule| rule.status == status).map_or(SiblingEffect::Stay, |rule| rule.effect)
    }

    /// The rule for one of our reasons, if this platform has it.
    #[must_use]
    pub fn reason(&self, code: &str) -> Option<&ReasonRule> {
        self.reasons.iter().find(|rule| rule.code.as_str() == code)
    }
}
