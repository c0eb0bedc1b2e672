//! The marketplaces.

use crate::words::worded;

worded! {
    /// Where an order comes from.
    Platform, "platform" {
        /// Shopee.
        Shopee = "shopee",
        /// Lazada.
        Lazada = "lazada",
        /// TikTok Shop.
        TiktokShop = "tiktok_shop",
        /// Tokopedia.
        Tokopedia = "tokopedia",
        /// No marketplace: made or imported here.
        Manual = "manual",
    }
}

impl Platform {
    /// Whether somebody is there to be asked: without a marketplace nothing is read, sent or waited for.
    #[must_use]
    pub const fn is_marketplace(self) -> bool {
        !matches!(self, Self::Manual)
    }

    /// The name as people write it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Shopee => "Shopee",
            Self::Lazada => "Lazada",
            Self::TiktokShop => "TikTok Shop",
            Self::Tokopedia => "Tokopedia",
            Self::Manual => "Manual",
        }
    }
}
