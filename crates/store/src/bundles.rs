//! Merchant SKUs that are several others: no unit of a bundle lies on a shelf, its components do.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Session, args, statements};
use domain::ids::{MerchantId, MerchantSku};
use std::collections::{BTreeMap, HashMap};

/// One of the things that a bundle consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What.
    pub sku: MerchantSku,
    /// How many of it in one bundle.
    pub units: u32,
}

statements! {
    COMPONENTS = "select bundle_sku, merchant_sku, units from bundles where merchant_id = $1 and bundle_sku in (select value from json_each($2)) \
        order by bundle_sku, position";
    PAGE = "select bundle_sku, merchant_sku, units from bundles where merchant_id = $1 and bundle_sku in (select distinct bundle_sku from bundles \
        where merchant_id = $1 and bundle_sku > $2 order by bundle_sku limit $3) order by bundle_sku, position";
    FORGET = "delete from bundles where merchant_id = $1 and bundle_sku = $2";
    ADD = "insert into bundles (merchant_id, bundle_sku, position, merchant_sku, units) values ($1, $2, $3, $4, $5)";
    WITH_COMPONENT = "select distinct bundle_sku from bundles where merchant_id = $1 and merchant_sku = $2 order by bundle_sku limit 100";
}

/// What these SKUs consist of; one that is no bundle is missing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn components(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
) -> Result<HashMap<MerchantSku, Vec<Component>>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let mut bundles: HashMap<MerchantSku, Vec<Component>> = HashMap::new();
    for row in session.rows(COMPONENTS, args![merchant.as_str(), &list]).await? {
        let bundle = parsed(&row, "bundle_sku", |text| MerchantSku::parse(text))?;
        let sku = parsed(&row, "merchant_sku", |text| MerchantSku::parse(text))?;
        bundles.entry(bundle).or_default().push(Component { sku, units: row.units("units")? });
    }
    Ok(bundles)
}

/// A page of bundles with what they consist of; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    after: Option<&str>,
    limit: u32,
) -> Result<BTreeMap<MerchantSku, Vec<Component>>, StoreError> {
    let mut bundles: BTreeMap<MerchantSku, Vec<Component>> = BTreeMap::new();
    for row in session.rows(PAGE, args![merchant.as_str(), after.unwrap_or_default(), limit]).await? {
        let bundle = parsed(&row, "bundle_sku", |text| MerchantSku::parse(text))?;
        let sku = parsed(&row, "merchant_sku", |text| MerchantSku::parse(text))?;
        bundles.entry(bundle).or_default().push(Component { sku, units: row.units("units")? });
    }
    Ok(bundles)
}

/// Says what a SKU consists of; of nothing: it is no bundle any more.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(
    session: &mut Session,
    merchant: &MerchantId,
    bundle: &MerchantSku,
    components: &[Component],
) -> Result<(), StoreError> {
    session.execute(FORGET, args![merchant.as_str(), bundle.as_str()]).await?;
    for (position, component) in components.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let args = args![merchant.as_str(), bundle.as_str(), position, component.sku.as_str(), component.units];
        session.execute(ADD, args).await?;
    }
    Ok(())
}

/// The bundles that a SKU is a component of.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn with_component(
    session: &mut Session,
    merchant: &MerchantId,
    sku: &MerchantSku,
) -> Result<Vec<MerchantSku>, StoreError> {
    let rows = session.rows(WITH_COMPONENT, args![merchant.as_str(), sku.as_str()]).await?;
    rows.iter().map(|row| parsed(row, "bundle_sku", |text| MerchantSku::parse(text))).collect()
}
