//! What can differ between the marketplaces, our orders, the shelf and the ledger.

use crate::words::worded;

worded! {
    /// A kind of difference that an audit finds.
    DifferenceKind, "kind of difference" {
        /// The order lives here and is cancelled over there: a push was missed.
        CanceledThere = "canceled_there",
        /// The order, or units of it, are cancelled here and live over there.
        AliveThere = "alive_there",
        /// The order has another status over there: a push was missed.
        StatusDiffers = "status_differs",
        /// The order lives here, and its marketplace does not know it.
        UnknownThere = "unknown_there",
        /// The listings do not show what is available.
        ListingDiffers = "listing_differs",
        /// The order ought to lie at a third-party warehouse, which has canceled it.
        CanceledAtWarehouse = "canceled_at_warehouse",
        /// The order ought to lie at a third-party warehouse, and has left.
        ShippedAtWarehouse = "shipped_at_warehouse",
        /// A third-party warehouse handed the order back, and shipped it all the same.
        ShippedAnywayAtWarehouse = "shipped_anyway_at_warehouse",
        /// The order was handed back, or nobody wants it there any more, and the warehouse works on it.
        KeptAtWarehouse = "kept_at_warehouse",
        /// The order ought to lie at a third-party warehouse, which does not know it.
        UnknownAtWarehouse = "unknown_at_warehouse",
        /// A third-party warehouse has an order under a reference of ours that we never pushed.
        StrangeAtWarehouse = "strange_at_warehouse",
        /// A third-party warehouse has another number of a SKU.
        WarehouseStockDiffers = "warehouse_stock_differs",
        /// Units should have come back long ago.
        ParcelOverdue = "parcel_overdue",
        /// Units left that had not been promised to their order.
        ShippedUnpromised = "shipped_unpromised",
        /// Units of a canceled order left that were in no bucket.
        ShippedUnexplained = "shipped_unexplained",
        /// A bucket is below zero.
        NegativeBucket = "negative_bucket",
        /// Units are held for an order that is not there.
        OrphanUnits = "orphan_units",
        /// An order line does not hold what its movements say.
        HoldingDiffers = "holding_differs",
        /// A balance is not the sum of its movements.
        BalanceDiffers = "balance_differs",
    }
}

worded! {
    /// What a part of an audit looks at, in this order.
    AuditStep, "step of an audit" {
        /// A shop's orders.
        Orders = "orders",
        /// A shop's listings.
        Listings = "listings",
        /// The orders at a third-party warehouse.
        WarehouseOrders = "warehouse_orders",
        /// The orders there that we never pushed.
        StrangeOrders = "strange_orders",
        /// What lies at a third-party warehouse.
        WarehouseStock = "warehouse_stock",
        /// What lay there as another number, once more.
        SecondWarehouseStock = "second_warehouse_stock",
        /// The ledger, and what the listings showed; waits for every shop.
        Ledger = "ledger",
        /// The listings that showed another number, once more.
        SecondLook = "second_look",
    }
}

/// What an audit compares with what; each part finds kinds of its own, and ends those of its kinds that it finds no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditPart {
    /// A shop's orders here and over there.
    Orders,
    /// The listings' stock and what is available.
    Listings,
    /// What third-party warehouses have, and what ought to be there.
    Warehouses,
    /// The ledger with itself, and what waits too long.
    Ledger,
}

impl DifferenceKind {
    /// The part of an audit that finds it.
    #[must_use]
    pub const fn part(self) -> AuditPart {
        match self {
            Self::CanceledThere | Self::AliveThere | Self::StatusDiffers | Self::UnknownThere => AuditPart::Orders,
            Self::ListingDiffers => AuditPart::Listings,
            Self::CanceledAtWarehouse
            | Self::ShippedAtWarehouse
            | Self::ShippedAnywayAtWarehouse
            | Self::KeptAtWarehouse
            | Self::UnknownAtWarehouse
            | Self::StrangeAtWarehouse
            | Self::WarehouseStockDiffers => AuditPart::Warehouses,
            Self::ParcelOverdue
            | Self::ShippedUnpromised
            | Self::ShippedUnexplained
            | Self::NegativeBucket
            | Self::OrphanUnits
            | Self::HoldingDiffers
            | Self::BalanceDiffers => AuditPart::Ledger,
        }
    }
}

impl AuditPart {
    /// The kinds that it finds.
    pub fn kinds(self) -> impl Iterator<Item = DifferenceKind> {
        DifferenceKind::ALL.iter().copied().filter(move |kind| kind.part() == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_one_part_and_has_a_word() {
        let parts = [AuditPart::Orders, AuditPart::Listings, AuditPart::Warehouses, AuditPart::Ledger];
        let found: usize = parts.iter().map(|part| part.kinds().count()).sum();
        assert_eq!(found, DifferenceKind::ALL.len());
        for &kind in DifferenceKind::ALL {
            assert_eq!(DifferenceKind::parse(kind.as_str()), Ok(kind));
        }
    }
}
