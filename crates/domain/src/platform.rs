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
