//! Listings that a cancel closed: the platform sets them to zero for an out-of-stock or price cancel, and they stay
//! remembered until the right number is back on them.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use crate::stock::held;
use domain::ids::{
    CancellationId, ListingId, ListingSku, MerchantId, MerchantSku, OrderId, OrderNumber, ReasonCode, ShopId,
};
use domain::time::Moment;

/// A listing that is closed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct ClosedListing {
    pub shop: ShopId,
    pub listing: ListingId,
    pub listing_sku: ListingSku,
    pub merchant_sku: MerchantSku,
    pub name: String,
    /// What it showed when it was read last.
    pub stock: i64,
    pub cancellation: CancellationId,
    pub order: OrderId,
    pub number: OrderNumber,
    pub reason: ReasonCode,
    pub closed_at: Moment,
    /// Nobody counted its SKU since.
    pub held: bool,
    /// Its shop's listings are filled from here.
    pub switched_on: bool,
    /// Who asked for it to be opened again.
    pub reopen_by: Option<String>,
}

/// Where a page of closed listings ends.
pub type Cursor<'a> = (Moment, &'a str, &'a str, &'a str);

statements! {
    CLOSE = "insert into closed_listings (merchant_id, shop_id, listing_id, cancellation_id, closed_at) \
        select merchant_id, shop_id, listing_id, $4, cast($5 as bigint) from listings where merchant_id = $1 and shop_id = $2 and listing_id = $3 \
        on conflict (merchant_id, shop_id, listing_id, cancellation_id) do nothing";
    FORGET = "delete from closed_listings where merchant_id = $1 and cancellation_id = $2";
    PAGE = concat!(
        "select c.shop_id, c.listing_id, l.listing_sku, l.merchant_sku, l.name, l.stock, c.cancellation_id, k.order_id, o.number, k.reason, \
        c.closed_at, c.reopen_by, s.push_stock, ", held!(), " as held from closed_listings c \
        join listings l on l.merchant_id = c.merchant_id and l.shop_id = c.shop_id and l.listing_id = c.listing_id \
        join cancellations k on k.merchant_id = c.merchant_id and k.cancellation_id = c.cancellation_id \
        join orders o on o.merchant_id = k.merchant_id and o.order_id = k.order_id \
        join shops s on s.merchant_id = c.merchant_id and s.shop_id = c.shop_id \
        where c.merchant_id = $1 and c.reopened_at = 0 and (c.closed_at, c.cancellation_id, c.shop_id, c.listing_id) > ($2, $3, $4, $5) \
        and (cast($6 as text) is null or c.shop_id in (select value from json_each($6))) \
        order by c.closed_at, c.cancellation_id, c.shop_id, c.listing_id limit $7"
    );
    OPENED = "update closed_listings set reopened_at = $4 where merchant_id = $1 and shop_id = $2 and listing_id = $3 and reopened_at = 0";
    OPENED_THERE = concat!(
        "update closed_listings set reopened_at = $3 where merchant_id = $1 and shop_id = $2 and reopened_at = 0 and listing_id in \
        (select l.listing_id from listings l where l.merchant_id = $1 and l.shop_id = $2 and l.listing_id in (select value from json_each($4)) \
        and l.stock > 0 and not ", held!(), ")"
    );
    REOPEN = "update closed_listings set reopen_by = $4 where merchant_id = $1 and shop_id = $2 and listing_id = $3 and reopened_at = 0";
}

/// Remembers that a cancel closes a listing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn close(
    session: &mut Session,
    merchant: &MerchantId,
    (shop, listing): (&ShopId, &ListingId),
    cancellation: &CancellationId,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), listing.as_str(), cancellation.as_str(), now.millis()];
    session.execute(CLOSE, args).await.map(drop)
}

/// Forgets what a cancel was to close: it was refused.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
) -> Result<(), StoreError> {
    session.execute(FORGET, args![merchant.as_str(), cancellation.as_str()]).await.map(drop)
}

/// A page of the closed listings of these shops (`None` means all), longest closed first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
    after: Option<Cursor<'_>>,
    limit: u32,
) -> Result<Vec<ClosedListing>, StoreError> {
    let (closed_at, cancellation, shop, listing) = after.unwrap_or((Moment::from_millis(-1), "", "", ""));
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let args = args![merchant.as_str(), closed_at.millis(), cancellation, shop, listing, shops, limit];
    session.rows(PAGE, args).await?.iter().map(read).collect()
}

/// The right number is back on a listing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn opened(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listing: &ListingId,
    now: Moment,
) -> Result<(), StoreError> {
    session.execute(OPENED, args![merchant.as_str(), shop.as_str(), listing.as_str(), now.millis()]).await.map(drop)
}

/// Of these listings, those that were read with units on them are closed no more, unless their SKU is still to be counted:
/// somebody opened them in the Seller Center.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn opened_there(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listings: &[ListingId],
    now: Moment,
) -> Result<(), StoreError> {
    let list = json_list(listings.iter().map(ListingId::as_str));
    session.execute(OPENED_THERE, args![merchant.as_str(), shop.as_str(), now.millis(), &list]).await.map(drop)
}

/// Notes who wants a closed listing to be opened again. Answers whether it is closed.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn reopen(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listing: &ListingId,
    actor: &str,
) -> Result<bool, StoreError> {
    Ok(session.execute(REOPEN, args![merchant.as_str(), shop.as_str(), listing.as_str(), actor]).await? > 0)
}

fn read(row: &Row) -> Result<ClosedListing, StoreError> {
    Ok(ClosedListing {
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
        listing_sku: parsed(row, "listing_sku", |text| ListingSku::parse(text))?,
        merchant_sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
        name: row.text("name")?,
        stock: row.int("stock")?,
        cancellation: parsed(row, "cancellation_id", |text| CancellationId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        number: parsed(row, "number", |text| OrderNumber::parse(text))?,
        reason: parsed(row, "reason", |text| ReasonCode::parse(text))?,
        closed_at: Moment::from_millis(row.int("closed_at")?),
        held: row.truth("held")?,
        switched_on: row.truth("push_stock")?,
        reopen_by: row.optional_text("reopen_by")?,
    })
}
