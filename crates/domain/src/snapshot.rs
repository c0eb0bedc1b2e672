//! What one read of a marketplace says of an order: raw where the platform's word matters, translated where ours does.

use crate::ids::{LineId, ListingId, ListingSku, OrderNumber, PackageNumber, RequestNumber};
use crate::money::{Currency, Money};
use crate::order::Stage;
use crate::platform::Platform;
use crate::policy::Standing;
use crate::time::Moment;
use crate::words::worded;

worded! {
    /// Who keeps and ships the goods.
    FulfilledBy, "fulfilment" {
        /// The seller or the seller's own warehouse.
        Seller = "seller",
        /// The platform's warehouse.
        Platform = "platform",
    }
}

worded! {
    /// Who cancelled or asked to.
    Initiator, "initiator" {
        /// We.
        Seller = "seller",
        /// The buyer.
        Buyer = "buyer",
        /// The platform, its rules or its staff.
        Platform = "platform",
    }
}

/// An order as one read of its marketplace shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSnapshot {
    /// The marketplace whose order it is. In a merged account it may be another than the shop's.
    pub platform: Platform,
    /// The marketplace's number.
    pub number: OrderNumber,
    /// The platform's status word, as received.
    pub platform_status: String,
    /// What that status means to us, by the policy.
    pub standing: Standing,
    /// How far the goods are at least, by the policy and the packages.
    pub stage: Stage,
    /// When the platform last changed the order; moves with every change.
    pub updated_at: Moment,
    /// When it was placed.
    pub ordered_at: Moment,
    /// When it was paid, where the platform says so.
    pub paid_at: Option<Moment>,
    /// Until when it must ship.
    pub ship_by: Option<Moment>,
    /// The country code of the shop's market as the platform writes it (`MY`).
    pub region: String,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What the buyer pays, where known.
    pub total: Option<Money>,
    /// The buyer's name as the platform masks it.
    pub buyer_name: String,
    /// Cash on delivery.
    pub cod: bool,
    /// A pre-order.
    pub preorder: bool,
    /// Who keeps the goods.
    pub fulfilled_by: FulfilledBy,
    /// The platform's live answer to “may the seller cancel the whole order now?”, where it gives one.
    pub seller_may_cancel: Option<bool>,
    /// Who cancelled it and why, once it is cancelled.
    pub cancelled: Option<CancelledFacts>,
    /// The buyer's reason, while a request is open or after it.
    pub buyer_reason: Option<String>,
    /// The buyer's cancellation requests that wait, for our answer or for the platform to carry an agreement out.
    pub requests: Vec<RequestSnapshot>,
    /// Its lines; never empty for a real order.
    pub lines: Vec<LineSnapshot>,
    /// Its packages; may be empty before payment.
    pub packages: Vec<PackageSnapshot>,
}

/// Who cancelled an order and why, in the platform's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledFacts {
    /// By whom; `None` where the platform does not say.
    pub by: Option<Initiator>,
    /// The platform's text or code, shown and never matched on.
    pub reason: String,
}

/// A buyer's cancellation request as one read shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSnapshot {
    /// The platform's own id of it, where it has one.
    pub number: Option<RequestNumber>,
    /// The lines that it asks to cancel.
    pub lines: Vec<LineId>,
    /// Why the buyer asks, in the platform's words.
    pub reason: Option<String>,
    /// When the buyer asked, where the platform says so.
    pub asked_at: Option<Moment>,
    /// Until when it has to be answered, where the platform says so.
    pub deadline: Option<Moment>,
    /// Whether the platform thinks that the goods can be sold again, where it says so. A hint for people.
    pub restock: Option<bool>,
    /// It was agreed to already, and the platform has not carried that out yet.
    pub agreed: bool,
}

/// A line as one read shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSnapshot {
    /// Stable id within the order.
    pub id: LineId,
    /// The listing it was sold from.
    pub listing: ListingId,
    /// The code on the listing; derived from the listing's id where the seller gave none.
    pub listing_sku: ListingSku,
    /// What the buyer saw.
    pub name: String,
    /// The variation's name, may be empty.
    pub variation: String,
    /// Units ordered.
    pub quantity: u32,
    /// Units of these that the platform has cancelled, all of them once the order is cancelled.
    pub cancelled_quantity: u32,
    /// Who cancelled units of it, where the platform says it of a line.
    pub cancelled_by: Option<Initiator>,
    /// What one unit costs.
    pub unit_price: Option<Money>,
    /// The line's own status word, as received; empty where lines have none.
    pub platform_status: String,
    /// How far its goods are at least, where that is known of a line; else the order's stage counts.
    pub stage: Option<Stage>,
    /// The package it travels in, where that is known of a line.
    pub package: Option<PackageNumber>,
    /// The platform sold a bundle, and this is one of the things in it: it lies on the shelf as it is.
    pub is_component: bool,
}

/// A package as one read shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSnapshot {
    /// The platform's package number.
    pub number: PackageNumber,
    /// The tracking number, once there is one.
    pub tracking_number: Option<String>,
    /// The platform's status word, as received.
    pub platform_status: String,
    /// How far the goods are at least.
    pub stage: Stage,
    /// The carrier, as the platform writes it.
    pub carrier: String,
}

/// A listing's stock as one read shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingSnapshot {
    /// The listing.
    pub listing: ListingId,
    /// The seller's code on it; derived from the listing's id where there is none.
    pub listing_sku: ListingSku,
    /// What the buyer sees.
    pub name: String,
    /// The seller's own sellable units.
    pub stock: i64,
}
