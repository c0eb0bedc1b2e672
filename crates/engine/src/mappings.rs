//! What codes on listings mean, and what bundles consist of. Both hold for what is sold from now on: a line of an order keeps
//! what it was when it was first seen, and so do the movements that it made.

use crate::{Engine, EngineError};
use domain::ids::{ListingSku, MerchantId, MerchantSku, ShopId};
use domain::mapping::{CodeRule, MappedBy, decide};
use std::collections::{BTreeSet, HashMap};
use store::bundles::Component;
use store::log::{self, Entry};
use store::mappings::MappingRecord;
use store::{Session, StoreError, bundles, mappings, stock, stock_pushes};

/// The most different things that one bundle consists of.
pub const COMPONENTS_MAX: usize = 50;
/// The most units of one thing in a bundle.
pub const UNITS_MAX: u32 = 999;
/// The longest prefix or suffix of a rule, in bytes.
const CUT_BYTES_MAX: usize = 100;

/// Why a mapping or a bundle was not kept.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The merchant has no such shop.
    #[error("there is no such shop")]
    NoShop,
    /// What is to be cut off is too long.
    #[error("a beginning or end that is cut off has at most {CUT_BYTES_MAX} bytes")]
    CutTooLong,
    /// Too many, none, or one of them twice.
    #[error("{0} consists of 1 to {COMPONENTS_MAX} SKUs, each once, 1 to {UNITS_MAX} units of each")]
    Components(MerchantSku),
    /// Bundles in bundles would have no end.
    #[error("{0} is a bundle itself, or a part of one; name what lies on the shelf")]
    Nested(MerchantSku),
    /// What lies on a shelf by itself is no bundle.
    #[error("units of {0} are in the ledger under this SKU; take them out, or give the bundle another SKU")]
    OnTheShelf(MerchantSku),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for MappingError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// What codes mean in a shop.
pub(crate) type Meanings = HashMap<ListingSku, (MerchantSku, MappedBy)>;

/// Looks up what these codes mean in a shop.
pub(crate) async fn meanings(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    codes: &[ListingSku],
) -> Result<Meanings, StoreError> {
    if codes.is_empty() {
        return Ok(Meanings::new());
    }
    let mapped = mappings::of_codes(session, merchant, shop, codes).await?;
    let rule = mappings::rule(session, merchant, shop).await?;
    let candidates: BTreeSet<String> = codes.iter().flat_map(|code| rule.candidates(code)).collect();
    let candidates: Vec<String> = candidates.into_iter().collect();
    let mut known: HashMap<String, Vec<MerchantSku>> = HashMap::new();
    for sku in mappings::known_skus(session, merchant, &candidates).await? {
        known.entry(sku.as_str().to_lowercase()).or_default().push(sku);
    }
    Ok(codes.iter().map(|code| (code.clone(), decide(code, mapped.get(code), &rule, &known))).collect())
}

impl Engine {
    /// Keeps what codes on listings mean, by hand or from a table, and gives the listings that have them their SKUs.
    /// Answers how many listings have another SKU now.
    ///
    /// # Errors
    /// [`MappingError`]; nothing may be kept then.
    pub async fn map_codes(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        said: &[MappingRecord],
    ) -> Result<usize, MappingError> {
        let now = self.clock.now();
        for shop in said.iter().filter_map(|mapping| mapping.shop.as_ref()).collect::<BTreeSet<_>>() {
            self.store.shop(session, merchant, shop).await?.ok_or(MappingError::NoShop)?;
        }
        mappings::save(session, merchant, said, actor, now).await?;
        let codes: BTreeSet<ListingSku> = said.iter().map(|mapping| mapping.listing_sku.clone()).collect();
        let codes: Vec<ListingSku> = codes.into_iter().collect();
        let mut of_shops: HashMap<ShopId, Vec<_>> = HashMap::new();
        for (shop, listing, code) in mappings::with_codes(session, merchant, &codes).await? {
            of_shops.entry(shop).or_default().push((listing, code));
        }
        let mut changed = 0;
        for (shop, listings) in of_shops {
            changed += self.map_again(session, merchant, &shop, listings).await?;
        }
        let words = match said {
            [one] => format!("{} means {}", one.listing_sku, one.merchant_sku),
            several => format!("{} codes", several.len()),
        };
        let detail = format!("{words}; {changed} listings have another SKU");
        self.log_mapping(session, merchant, actor, None, ("mapping.set", &words, &detail)).await?;
        Ok(changed)
    }

    /// Gives listings the SKUs that their codes mean now.
    async fn map_again(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        listings: Vec<(domain::ids::ListingId, ListingSku)>,
    ) -> Result<usize, StoreError> {
        let codes: BTreeSet<ListingSku> = listings.iter().map(|(_, code)| code.clone()).collect();
        let codes: Vec<ListingSku> = codes.into_iter().collect();
        let meanings = meanings(session, merchant, shop, &codes).await?;
        let mut changed: Vec<MerchantSku> = Vec::new();
        for (listing, code) in listings {
            let Some((sku, by)) = meanings.get(&code) else { continue };
            if mappings::map(session, merchant, (shop, &listing), sku, *by).await? {
                changed.push(sku.clone());
            }
        }
        stock_pushes::want_of_skus(session, merchant, &changed, self.clock.now());
        Ok(changed.len())
    }

    /// Says what is cut off a shop's codes before they are looked up, and looks all up again that no mapping decides.
    /// Answers how many listings have another SKU now.
    ///
    /// # Errors
    /// [`MappingError`]; nothing may be kept then.
    pub async fn set_code_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        rule: &CodeRule,
    ) -> Result<usize, MappingError> {
        if rule.prefix.len() > CUT_BYTES_MAX || rule.suffix.len() > CUT_BYTES_MAX {
            return Err(MappingError::CutTooLong);
        }
        let record = self.store.shop(session, merchant, shop).await?.ok_or(MappingError::NoShop)?;
        mappings::save_rule(session, merchant, shop, rule).await?;
        let listings = mappings::not_by_mapping(session, merchant, shop).await?;
        let changed = self.map_again(session, merchant, shop, listings).await?;
        let detail = format!(
            "“{}” is cut off the beginning and “{}” off the end of its codes; {changed} listings have another SKU",
            rule.prefix, rule.suffix
        );
        self.log_mapping(session, merchant, actor, Some(shop), ("mapping.rule", &record.name, &detail)).await?;
        Ok(changed)
    }

    /// Says what a bundle consists of; of nothing: it is a SKU like any other.
    ///
    /// # Errors
    /// [`MappingError`]; nothing is changed then.
    pub async fn set_bundle(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        bundle: &MerchantSku,
        components: &[Component],
    ) -> Result<(), MappingError> {
        let once: BTreeSet<&MerchantSku> = components.iter().map(|component| &component.sku).collect();
        let fits = |component: &Component| (1..=UNITS_MAX).contains(&component.units);
        if once.len() < components.len() || components.len() > COMPONENTS_MAX || !components.iter().all(fits) {
            return Err(MappingError::Components(bundle.clone()));
        }
        let skus: Vec<MerchantSku> = components.iter().map(|component| component.sku.clone()).collect();
        let nested = bundles::components(session, merchant, &skus).await?.into_keys().next();
        if let Some(nested) = nested.or_else(|| skus.iter().find(|sku| *sku == bundle).cloned()) {
            return Err(MappingError::Nested(nested));
        }
        if !components.is_empty() {
            if !bundles::with_component(session, merchant, bundle).await?.is_empty() {
                return Err(MappingError::Nested(bundle.clone()));
            }
            let lies = stock::balances(session, merchant, Some(bundle), None, None, 200).await?;
            if lies.iter().any(|found| found.balance.on_hand() + found.balance.outbound + found.balance.returning > 0) {
                return Err(MappingError::OnTheShelf(bundle.clone()));
            }
        }
        bundles::save(session, merchant, bundle, components).await?;
        stock_pushes::want_of_skus(session, merchant, [bundle], self.clock.now());
        let of: Vec<String> =
            components.iter().map(|component| format!("{} × {}", component.units, component.sku)).collect();
        let detail = if of.is_empty() { "no bundle any more".to_owned() } else { of.join(" + ") };
        Ok(self.log_mapping(session, merchant, actor, None, ("bundle.set", bundle.as_str(), &detail)).await?)
    }

    async fn log_mapping(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: Option<&ShopId>,
        (action, subject, detail): (&str, &str, &str),
    ) -> Result<(), StoreError> {
        let entry = Entry { actor, action, shop, order: None, subject, detail };
        log::write(session, merchant, self.clock.now(), &entry).await
    }
}
