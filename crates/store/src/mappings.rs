//! Which merchant SKU a code on listings means.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Session, args, statements};
use crate::stock::{ListingRecord, held, read_listing};
use domain::ids::{ListingId, ListingSku, MerchantId, MerchantSku, ShopId};
use domain::mapping::{CodeRule, MappedBy, Source};
use domain::time::Moment;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a code is said to mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRecord {
    /// Only in this shop; `None`: in every shop that has no mapping of its own.
    pub shop: Option<ShopId>,
    /// The code on listings.
    pub listing_sku: ListingSku,
    /// The warehouse's code, or a bundle's.
    pub merchant_sku: MerchantSku,
    /// Who said so, and how.
    pub source: Source,
}

/// A listing with how it got its merchant SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedListing {
    /// The listing.
    pub listing: ListingRecord,
    /// How.
    pub mapped_by: MappedBy,
    /// Its merchant SKU was counted, or is a bundle.
    pub known: bool,
}

/// Which listings a page shows; what is `None` does not narrow it.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only those whose SKU nobody mapped, counted or made a bundle.
    pub unmapped: bool,
    /// Only these shops: what the reader may see.
    pub shops: Option<&'a [ShopId]>,
    /// Beginning of the code on the listing, or of the merchant SKU.
    pub search: Option<&'a str>,
}

/// Whether a listing `l`'s merchant SKU was counted somewhere, or is a bundle.
macro_rules! known {
    () => {
        "(exists (select 1 from balances b where b.merchant_id = l.merchant_id and b.merchant_sku = l.merchant_sku and b.counted) \
         or exists (select 1 from bundles b where b.merchant_id = l.merchant_id and b.bundle_sku = l.merchant_sku))"
    };
}

statements! {
    OF_CODES = "select shop_id, listing_sku, merchant_sku from mappings where merchant_id = $1 and listing_sku in (select value from json_each($3)) \
        and shop_id in ('', $2) order by shop_id";
    SAVE = "insert into mappings (merchant_id, shop_id, listing_sku, merchant_sku, source, actor, updated_at) \
        select cast($1 as text), json_extract(value, '$.shop'), json_extract(value, '$.listing_sku'), json_extract(value, '$.merchant_sku'), \
        json_extract(value, '$.source'), cast($3 as text), cast($4 as bigint) from json_each($2) where true \
        on conflict (merchant_id, listing_sku, shop_id) do update set merchant_sku = excluded.merchant_sku, source = excluded.source, \
        actor = excluded.actor, updated_at = excluded.updated_at";
    KNOWN_SKUS = "select merchant_sku from balances where merchant_id = $1 and counted and lower(merchant_sku) in (select value from json_each($2)) \
        union select bundle_sku from bundles where merchant_id = $1 and lower(bundle_sku) in (select value from json_each($2))";
    RULE = "select prefix, suffix from mapping_rules where merchant_id = $1 and shop_id = $2";
    SAVE_RULE = "insert into mapping_rules (merchant_id, shop_id, prefix, suffix) values ($1, $2, $3, $4) \
        on conflict (merchant_id, shop_id) do update set prefix = excluded.prefix, suffix = excluded.suffix";
    WITH_CODES = "select l.shop_id, l.listing_id, l.listing_sku from (select value as code from json_each($2)) k cross join listings l \
        where l.merchant_id = $1 and l.listing_sku = k.code order by l.shop_id, l.listing_id";
    NOT_BY_MAPPING = "select listing_id, listing_sku from listings where merchant_id = $1 and shop_id = $2 and mapped_by <> 'mapping' order by listing_id";
    MAP = "update listings set merchant_sku = $4, mapped_by = $5 where merchant_id = $1 and shop_id = $2 and listing_id = $3 \
        and (merchant_sku <> $4 or mapped_by <> $5)";
    PAGE = concat!(
        "select l.shop_id, l.listing_id, l.listing_sku, l.merchant_sku, l.name, l.stock, l.read_at, l.mapped_by, ", held!(), " as held, ", known!(),
        " as known from listings l where l.merchant_id = $1 and (l.shop_id, l.listing_id) > ($2, $3) \
        and (cast($4 as text) is null or l.shop_id in (select value from json_each($4))) \
        and (cast($5 as text) is null or (l.listing_sku >= $5 and l.listing_sku < $6) or (l.merchant_sku >= $5 and l.merchant_sku < $6)) \
        and ($7 = 0 or (l.mapped_by = 'code' and not ", known!(), ")) order by l.shop_id, l.listing_id limit $8"
    );
}

/// What these codes are said to mean in a shop: by a mapping of its own, else by one of every shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_codes(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    codes: &[ListingSku],
) -> Result<HashMap<ListingSku, MerchantSku>, StoreError> {
    let list = json_list(codes.iter().map(ListingSku::as_str));
    let rows = session.rows(OF_CODES, args![merchant.as_str(), shop.as_str(), &list]).await?;
    // Those of every shop come first, and are overwritten.
    rows.iter()
        .map(|row| {
            let code = parsed(row, "listing_sku", |text| ListingSku::parse(text))?;
            Ok((code, parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?))
        })
        .collect()
}

/// Keeps what codes are said to mean.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(
    session: &mut Session,
    merchant: &MerchantId,
    mappings: &[MappingRecord],
    actor: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let rows = mappings.iter().map(|mapping| {
        json!({
            "shop": mapping.shop.as_ref().map_or("", ShopId::as_str),
            "listing_sku": mapping.listing_sku.as_str(),
            "merchant_sku": mapping.merchant_sku.as_str(),
            "source": mapping.source.as_str(),
        })
    });
    let rows = Value::from_iter(rows).to_string();
    session.execute(SAVE, args![merchant.as_str(), rows, actor, now.millis()]).await.map(drop)
}

/// The merchant SKUs that were counted or are bundles, and differ from these codes by upper and lower case at the most; by
/// the code in lower case. Of several, the last in order.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn known_skus(
    session: &mut Session,
    merchant: &MerchantId,
    codes: &[String],
) -> Result<Vec<MerchantSku>, StoreError> {
    let list = json_list(codes.iter().map(String::as_str));
    let rows = session.rows(KNOWN_SKUS, args![merchant.as_str(), &list]).await?;
    rows.iter().map(|row| parsed(row, "merchant_sku", |text| MerchantSku::parse(text))).collect()
}

/// What is cut off a shop's codes.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rule(session: &mut Session, merchant: &MerchantId, shop: &ShopId) -> Result<CodeRule, StoreError> {
    let Some(row) = session.row(RULE, args![merchant.as_str(), shop.as_str()]).await? else {
        return Ok(CodeRule::default());
    };
    Ok(CodeRule { prefix: row.text("prefix")?, suffix: row.text("suffix")? })
}

/// Says what is cut off a shop's codes.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_rule(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    rule: &CodeRule,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), &rule.prefix, &rule.suffix];
    session.execute(SAVE_RULE, args).await.map(drop)
}

/// The listings that have one of these codes.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn with_codes(
    session: &mut Session,
    merchant: &MerchantId,
    codes: &[ListingSku],
) -> Result<Vec<(ShopId, ListingId, ListingSku)>, StoreError> {
    let list = json_list(codes.iter().map(ListingSku::as_str));
    let rows = session.rows(WITH_CODES, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(row, "shop_id", |text| ShopId::parse(text))?,
                parsed(row, "listing_id", |text| ListingId::parse(text))?,
                parsed(row, "listing_sku", |text| ListingSku::parse(text))?,
            ))
        })
        .collect()
}

/// The listings of a shop that got their merchant SKU by their code or a rule.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn not_by_mapping(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Vec<(ListingId, ListingSku)>, StoreError> {
    let rows = session.rows(NOT_BY_MAPPING, args![merchant.as_str(), shop.as_str()]).await?;
    rows.iter()
        .map(|row| {
            let listing = parsed(row, "listing_id", |text| ListingId::parse(text))?;
            Ok((listing, parsed(row, "listing_sku", |text| ListingSku::parse(text))?))
        })
        .collect()
}

/// Gives a listing another merchant SKU; what it sold so far stays what it was. Answers whether that is new.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn map(
    session: &mut Session,
    merchant: &MerchantId,
    (shop, listing): (&ShopId, &ListingId),
    sku: &MerchantSku,
    by: MappedBy,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), listing.as_str(), sku.as_str(), by.as_str()];
    Ok(session.execute(MAP, args).await? > 0)
}

/// A page of listings with how they got their merchant SKUs, by shop and listing; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    filter: &Filter<'_>,
    after: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<MappedListing>, StoreError> {
    let (shop, listing) = after.unwrap_or(("", ""));
    let shops = filter.shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let end = filter.search.map(|search| format!("{search}\u{10FFFF}"));
    let unmapped = i64::from(filter.unmapped);
    let args = args![merchant.as_str(), shop, listing, shops, filter.search, end, unmapped, limit];
    let rows = session.rows(PAGE, args).await?;
    rows.iter()
        .map(|row| {
            Ok(MappedListing {
                listing: read_listing(row)?,
                mapped_by: parsed(row, "mapped_by", MappedBy::parse)?,
                known: row.truth("known")?,
            })
        })
        .collect()
}
