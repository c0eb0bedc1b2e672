//! Whose system runs a third-party warehouse.

use crate::words::worded;

worded! {
    /// A provider whose API is spoken to.
    Provider, "warehouse provider" {
        /// ShipBob.
        Shipbob = "shipbob",
        /// Any warehouse that speaks the protocol of `docs/warehouse-protocol.md`.
        Generic = "generic",
        /// A warehouse whose system is of the YiCang family, Goodcang among them.
        Yicang = "yicang",
    }
}

impl Provider {
    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Shipbob => "ShipBob",
            Self::Generic => "Generic warehouse protocol",
            Self::Yicang => "YiCang / Goodcang",
        }
    }
}
