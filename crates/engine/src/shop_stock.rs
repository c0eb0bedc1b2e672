//! What a person decides about a shop's stock: whether and how its listings are filled, where its orders are packed, and
//! that a listing that a cancel closed is opened again.

use crate::{Engine, EngineError};
use domain::ids::{ListingId, MerchantId, MerchantSku, ShopId, WarehouseId};
use domain::stock_push::{Left, PushRule, Target};
use std::collections::BTreeSet;
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::shops::ShopRecord;
use store::{Session, StoreError, bundles, closed_listings, shop_stock, shops, stock, stock_pushes};

/// The most warehouses that one shop's orders are packed in.
pub const WAREHOUSES_MAX: usize = 20;

/// Why something was not decided.
#[derive(Debug, thiserror::Error)]
pub enum ShopStockError {
    /// The merchant has no such shop.
    #[error("there is no such shop")]
    NoShop,
    /// It has no listings whose stock could be set.
    #[error("{0} has no listings to be filled")]
    NoListings(&'static str),
    /// Its orders do not move stock yet, so that no number would be right.
    #[error("the stock of this shop was not counted yet, so that any number would be wrong; count it first")]
    ShopNotCounted,
    /// The merchant has no such warehouse.
    #[error("there is no warehouse “{0}”")]
    NoWarehouse(WarehouseId),
    /// None, too many, or one of them twice.
    #[error("name 1 to {WAREHOUSES_MAX} warehouses, each once")]
    Warehouses,
    /// No cancel closed it, or it is open again.
    #[error("this listing is not closed by a cancel")]
    NotClosed,
    /// Nobody said how many there are.
    #[error("{0} was never counted in the warehouses of this shop; count it, and the listing opens by itself")]
    NotCounted(MerchantSku),
    /// There is nothing to be shown.
    #[error("there is nothing of {0} to be sold; count it or stock it in, and the listing opens by itself")]
    NothingAvailable(MerchantSku),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ShopStockError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Where a shop's orders are packed and what is canceled comes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The first that has the goods packs an order.
    pub warehouses: Vec<WarehouseId>,
    /// `None`: where the merchant's are taken in.
    pub return_warehouse: Option<WarehouseId>,
}

impl Engine {
    async fn shop_with_listings(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
    ) -> Result<ShopRecord, ShopStockError> {
        let record = self.store.shop(session, merchant, shop).await?.ok_or(ShopStockError::NoShop)?;
        if record.platform.is_marketplace() {
            return Ok(record);
        }
        Err(ShopStockError::NoListings(record.platform.title()))
    }

    async fn log_shop_stock(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        (action, subject, detail): (&str, &str, &str),
    ) -> Result<(), StoreError> {
        let entry = Entry { actor, action, shop: Some(shop), order: None, subject, detail };
        log::write(session, merchant, self.clock.now(), &entry).await
    }

    /// Switches the push of a shop's listings on or off. On, all of them are sent what they are to show.
    ///
    /// # Errors
    /// [`ShopStockError`]; nothing is changed then.
    pub async fn switch_stock_push(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        on: bool,
    ) -> Result<(), ShopStockError> {
        let record = self.shop_with_listings(session, merchant, shop).await?;
        if on && !record.is_counted() {
            return Err(ShopStockError::ShopNotCounted);
        }
        if !shop_stock::switch(session, merchant, shop, on).await? {
            return Ok(());
        }
        if on {
            stock_pushes::want_of_shop(session, merchant, shop, self.clock.now()).await?;
        }
        let detail =
            if on { "its listings are filled from here" } else { "its listings are not filled from here any more" };
        Ok(self.log_shop_stock(session, merchant, actor, shop, ("shop.stock_push", &record.name, detail)).await?)
    }

    /// Sets the rule for a SKU in a shop, or for every other (`sku` is `None`); without a rule it is as it was at first.
    ///
    /// # Errors
    /// [`ShopStockError`]; nothing is changed then.
    pub async fn set_push_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        (sku, rule): (Option<&MerchantSku>, Option<&PushRule>),
    ) -> Result<(), ShopStockError> {
        self.shop_with_listings(session, merchant, shop).await?;
        shop_stock::save_rule(session, merchant, shop, sku, rule).await?;
        let now = self.clock.now();
        match sku {
            Some(sku) => stock_pushes::want_of_skus(session, merchant, [sku], now),
            None => self.push_all(session, merchant, shop).await?,
        }
        let of = sku.map_or("every other SKU", MerchantSku::as_str);
        let detail = match rule {
            Some(rule) => format!(
                "{of}: {} % of what is available {:+}, rounded {}, sold out at {}",
                rule.percent(),
                rule.fixed(),
                rule.rounding(),
                rule.sold_out_at()
            ),
            None => format!("{of}: no rule of its own any more"),
        };
        Ok(self.log_shop_stock(session, merchant, actor, shop, ("shop.push_rule", of, &detail)).await?)
    }

    /// Sets where a shop's orders are packed and what is canceled comes back to. Orders that hold units keep them where
    /// they are.
    ///
    /// # Errors
    /// [`ShopStockError`]; nothing is changed then.
    pub async fn set_warehouses(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        places: &Places,
    ) -> Result<(), ShopStockError> {
        let record = self.store.shop(session, merchant, shop).await?.ok_or(ShopStockError::NoShop)?;
        let known = shops::warehouses(session, merchant).await?;
        for named in places.warehouses.iter().chain(&places.return_warehouse) {
            if !known.iter().any(|warehouse| warehouse.id == *named) {
                return Err(ShopStockError::NoWarehouse(named.clone()));
            }
        }
        let once: BTreeSet<&WarehouseId> = places.warehouses.iter().collect();
        let [own, further @ ..] = &places.warehouses[..] else { return Err(ShopStockError::Warehouses) };
        if once.len() < places.warehouses.len() || places.warehouses.len() > WAREHOUSES_MAX {
            return Err(ShopStockError::Warehouses);
        }
        let returns = places.return_warehouse.as_ref();
        shop_stock::set_warehouses(session, merchant, shop, (own, further), returns).await?;
        self.push_all(session, merchant, shop).await?;
        let order: Vec<&str> = places.warehouses.iter().map(WarehouseId::as_str).collect();
        let returns = returns.map_or("where the merchant's are taken in", WarehouseId::as_str);
        let detail = format!("packed in {}; returns: {returns}", order.join(", "));
        Ok(self.log_shop_stock(session, merchant, actor, shop, ("shop.warehouses", &record.name, &detail)).await?)
    }

    /// Sends every listing of a shop what it is to show, where that is switched on.
    pub(crate) async fn push_all(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
    ) -> Result<(), StoreError> {
        let on = shop_stock::settings(session, merchant, shop).await?.is_some_and(|settings| settings.switched_on);
        if on {
            stock_pushes::want_of_shop(session, merchant, shop, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Opens a listing again that a cancel closed: a person says that what is available is really there. The holds on its
    /// SKU are lifted, and it is sent its number even where its shop's listings are not filled from here.
    ///
    /// # Errors
    /// [`ShopStockError`]; nothing may be kept then.
    pub async fn reopen_listing(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        listing: &ListingId,
    ) -> Result<i64, ShopStockError> {
        self.shop_with_listings(session, merchant, shop).await?;
        if !closed_listings::reopen(session, merchant, shop, listing, actor).await? {
            return Err(ShopStockError::NotClosed);
        }
        let listings = std::slice::from_ref(listing);
        let sku = stock::merchant_skus(session, merchant, shop, listings).await?.remove(listing);
        let sku = sku.ok_or(ShopStockError::NotClosed)?;
        let mut skus = vec![sku.clone()];
        let components = bundles::components(session, merchant, &skus).await?;
        skus.extend(components.into_values().flatten().map(|component| component.sku));
        let now = self.clock.now();
        stock::lift_counted(session, merchant, &skus, now).await?;
        let number = match self.targets(session, merchant, shop, listings).await?.remove(listing) {
            Some(Target::Show(number)) if number > 0 => number,
            Some(Target::Leave(Left::NotCounted)) => return Err(ShopStockError::NotCounted(sku)),
            Some(Target::Show(_) | Target::KeepClosed | Target::Leave(Left::Held | Left::SwitchedOff)) | None => {
                return Err(ShopStockError::NothingAvailable(sku));
            }
        };
        jobs::want(session, merchant, shop, Kind::StockPush, listing.as_str(), now).await?;
        let detail = format!("{listing} ({sku}) is opened again with {number}");
        self.log_shop_stock(session, merchant, actor, shop, ("listing.reopened", listing.as_str(), &detail)).await?;
        Ok(number)
    }
}
