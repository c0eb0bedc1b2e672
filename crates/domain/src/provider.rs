//! Whose system runs a third-party warehouse.

use crate::words::worded;

worded! {
    /// A provider whose API is spoken to.
    Provider, "warehouse provider" {
        /// ShipBob.
        Shipbob = "shipbob",
    }
}

impl Provider {
    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Shipbob => "ShipBob",
        }
    }
}
