//! What is sent to listings: which of them are due, what is true of them, and every number that was sent.

use crate::error::StoreError;
use crate::jobs::Kind;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use crate::stock::held;
use domain::ids::{ListingId, MerchantId, MerchantSku, ShopId, WarehouseId};
use domain::stock_push::PushOutcome;
use domain::time::{Moment, Span};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Changes within this time are sent as one.
pub const GATHERED_FOR: Span = Span::from_millis(500);
/// How long what was sent is kept.
pub const KEPT_FOR: Span = Span::from_seconds(90 * 86_400);

/// A listing of which a push is asked, and what is true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The listing.
    pub listing: ListingId,
    /// The warehouse's code, or a bundle's.
    pub sku: MerchantSku,
    /// Its SKU, or one that it consists of, is held until it is counted.
    pub held: bool,
    /// A cancel closed it.
    pub closed: bool,
    /// A person asked for it to be opened again.
    pub reopen: bool,
}

/// What lies in one warehouse of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shelf {
    /// Units that may be sold.
    pub available: i64,
    /// Somebody, or the opening stock, said how many there are.
    pub counted: bool,
}

/// A number that was sent, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the stock_pushes table")]
pub struct PushRecord {
    pub id: String,
    pub shop: ShopId,
    pub listing: ListingId,
    /// Absolute.
    pub stock: i64,
    pub began_at: Moment,
    /// Until when the call can still reach the platform.
    pub deadline: Moment,
    /// `None`: nothing is known of it.
    pub outcome: Option<PushOutcome>,
    /// The platform's words.
    pub message: Option<String>,
    pub answered_at: Option<Moment>,
    /// What the platform showed afterwards.
    pub read_back: Option<i64>,
}

/// Columns of a push.
macro_rules! columns {
    () => {
        "p.push_id, p.shop_id, p.listing_id, p.stock, p.began_at, p.deadline, p.outcome, p.message, p.answered_at, p.read_back"
    };
}

/// Listings of merchant $1 that are filled from here and are of one of the SKUs in $2, alone or in a bundle.
macro_rules! filled_listings {
    () => {
        "(select value as sku from json_each($2) \
        union select bundle_sku from bundles where merchant_id = $1 and merchant_sku in (select value from json_each($2))) k \
        cross join listings l cross join shops s where l.merchant_id = $1 and l.merchant_sku = k.sku and s.merchant_id = $1 and s.shop_id = l.shop_id \
        and s.push_stock and s.connected"
    };
}

statements! {
    WANT_OF_SKUS = concat!(
        "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) \
        select l.merchant_id, cast($3 as text), l.listing_id, l.shop_id, cast($4 as bigint), 1, 0, 0 from ", filled_listings!(),
        " order by l.shop_id, l.listing_id on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at < jobs.wake_at then excluded.wake_at else jobs.wake_at end"
    );
    FILLS_ANY = concat!("select 1 as one from ", filled_listings!(), " limit 1");
    WANT_OF_SHOP = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) \
        select merchant_id, cast($3 as text), listing_id, shop_id, cast($4 as bigint), 1, 0, 0 from listings where merchant_id = $1 and shop_id = $2 \
        order by listing_id on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at < jobs.wake_at then excluded.wake_at else jobs.wake_at end";
    WANTED = concat!(
        "select l.listing_id, l.merchant_sku, ", held!(), " as held, exists (select 1 from closed_listings c where c.merchant_id = l.merchant_id \
        and c.shop_id = l.shop_id and c.listing_id = l.listing_id and c.reopened_at = 0) as closed, \
        exists (select 1 from closed_listings c where c.merchant_id = l.merchant_id and c.shop_id = l.shop_id and c.listing_id = l.listing_id \
        and c.reopened_at = 0 and c.reopen_by is not null) as reopen from listings l \
        where l.merchant_id = $1 and l.shop_id = $2 and l.listing_id in (select value from json_each($3))"
    );
    SHELVES = "select warehouse_id, merchant_sku, available, counted from balances where merchant_id = $1 and merchant_sku in (select value from json_each($2))";
    LATEST = concat!(
        "select ", columns!(), " from stock_pushes p where p.merchant_id = $1 and p.shop_id = $2 \
        and p.listing_id in (select value from json_each($3)) and p.push_id = (select max(q.push_id) from stock_pushes q \
        where q.merchant_id = p.merchant_id and q.shop_id = p.shop_id and q.listing_id = p.listing_id)"
    );
    BEGIN = "insert into stock_pushes (merchant_id, push_id, shop_id, listing_id, stock, began_at, deadline) \
        select $1, json_extract(value, '$.id'), json_extract(value, '$.shop'), json_extract(value, '$.listing'), \
        cast(json_extract(value, '$.stock') as bigint), cast(json_extract(value, '$.began_at') as bigint), \
        cast(json_extract(value, '$.deadline') as bigint) from json_each($2)";
    ANSWERED = "update stock_pushes set outcome = $3, message = $4, answered_at = $5 where merchant_id = $1 and push_id = $2";
    READ_BACK = "update stock_pushes set read_back = $3 where merchant_id = $1 and push_id = $2";
    HISTORY = concat!(
        "select ", columns!(), " from stock_pushes p where p.merchant_id = $1 and p.shop_id = $2 and p.listing_id = $3 and p.push_id < $4 \
        order by p.push_id desc limit $5"
    );
    FORGET_OLD = "delete from stock_pushes where began_at < $1";
}

/// SKUs of which a transaction changed what may be sold, and when the first of their pushes is to wake.
pub(crate) type WantedAtCommit = BTreeMap<MerchantId, (Moment, BTreeSet<MerchantSku>)>;

/// Asks for a push of every listing of these SKUs, alone or in a bundle, in the shops whose listings are filled from here.
/// They are asked for when the session is committed, all at once and in one order: two transactions that move the same SKUs
/// for many orders would else wait for each other's jobs in a circle. A part that is undone leaves its wish, and a push
/// too many repeats a number.
pub fn want_of_skus<'a>(
    session: &mut Session,
    merchant: &MerchantId,
    skus: impl IntoIterator<Item = &'a MerchantSku>,
    wake_at: Moment,
) {
    let mut skus = skus.into_iter().cloned().peekable();
    if skus.peek().is_some() {
        let (earliest, wanted) = session.pushes.entry(merchant.clone()).or_insert_with(|| (wake_at, BTreeSet::new()));
        *earliest = wake_at.min(*earliest);
        wanted.extend(skus);
    }
}

/// Asks for what was noted; the last thing that a transaction does.
pub(crate) async fn want(session: &mut Session, pushes: WantedAtCommit) -> Result<(), StoreError> {
    for (merchant, (wake_at, skus)) in pushes {
        let list = json_list(skus.iter().map(MerchantSku::as_str));
        let args = args![merchant.as_str(), &list, Kind::StockPush.as_str(), wake_at.millis()];
        session.execute(WANT_OF_SKUS, args).await?;
    }
    Ok(())
}

/// Whether a listing of this SKU, alone or in a bundle, is filled from here.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn fills_any(session: &mut Session, merchant: &MerchantId, sku: &MerchantSku) -> Result<bool, StoreError> {
    let list = json_list([sku.as_str()]);
    Ok(session.row(FILLS_ANY, args![merchant.as_str(), &list]).await?.is_some())
}

/// Asks for a push of every listing of a shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want_of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    wake_at: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), Kind::StockPush.as_str(), wake_at.millis()];
    session.execute(WANT_OF_SHOP, args).await.map(drop)
}

/// What is true of these listings; one that is not there is missing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn wanted(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listings: &[ListingId],
) -> Result<Vec<Wanted>, StoreError> {
    let list = json_list(listings.iter().map(ListingId::as_str));
    let rows = session.rows(WANTED, args![merchant.as_str(), shop.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            Ok(Wanted {
                listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                held: row.truth("held")?,
                closed: row.truth("closed")?,
                reopen: row.truth("reopen")?,
            })
        })
        .collect()
}

/// What lies where of these SKUs; what was never moved is missing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn shelves(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
) -> Result<HashMap<(WarehouseId, MerchantSku), Shelf>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let rows = session.rows(SHELVES, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let warehouse = parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?;
            let sku = parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?;
            let shelf = Shelf { available: row.int("available")?, counted: row.truth("counted")? };
            Ok(((warehouse, sku), shelf))
        })
        .collect()
}

/// The last number that was sent to each of these listings.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn latest(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listings: &[ListingId],
) -> Result<HashMap<ListingId, PushRecord>, StoreError> {
    let list = json_list(listings.iter().map(ListingId::as_str));
    let rows = session.rows(LATEST, args![merchant.as_str(), shop.as_str(), &list]).await?;
    rows.iter().map(|row| read(row).map(|push| (push.listing.clone(), push))).collect()
}

/// Writes intents to send, before the calls.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin(session: &mut Session, merchant: &MerchantId, pushes: &[PushRecord]) -> Result<(), StoreError> {
    let rows: Vec<Value> = pushes
        .iter()
        .map(|push| {
            json!({
                "id": push.id,
                "shop": push.shop.as_str(),
                "listing": push.listing.as_str(),
                "stock": push.stock,
                "began_at": push.began_at.millis(),
                "deadline": push.deadline.millis(),
            })
        })
        .collect();
    session.execute(BEGIN, args![merchant.as_str(), Value::Array(rows).to_string()]).await.map(drop)
}

/// Writes how a push ended, with the platform's words.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn answered(
    session: &mut Session,
    merchant: &MerchantId,
    push: &str,
    outcome: PushOutcome,
    message: Option<&str>,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), push, outcome.as_str(), message, now.millis()];
    session.execute(ANSWERED, args).await.map(drop)
}

/// Writes what the platform showed after a push.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn read_back(session: &mut Session, merchant: &MerchantId, push: &str, stock: i64) -> Result<(), StoreError> {
    session.execute(READ_BACK, args![merchant.as_str(), push, stock]).await.map(drop)
}

/// What was sent to a listing, newest first; `before` is the last id of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn history(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    listing: &ListingId,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<PushRecord>, StoreError> {
    let before = before.unwrap_or("\u{10FFFF}");
    let args = args![merchant.as_str(), shop.as_str(), listing.as_str(), before, limit];
    session.rows(HISTORY, args).await?.iter().map(read).collect()
}

/// Forgets what was sent longer ago than [`KEPT_FOR`].
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_old(session: &mut Session, now: Moment) -> Result<u64, StoreError> {
    session.execute(FORGET_OLD, args![now.minus(KEPT_FOR).millis()]).await
}

fn read(row: &Row) -> Result<PushRecord, StoreError> {
    Ok(PushRecord {
        id: row.text("push_id")?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
        stock: row.int("stock")?,
        began_at: Moment::from_millis(row.int("began_at")?),
        deadline: Moment::from_millis(row.int("deadline")?),
        outcome: parsed_optional(row, "outcome", PushOutcome::parse)?,
        message: row.optional_text("message")?,
        answered_at: row.optional_int("answered_at")?.map(Moment::from_millis),
        read_back: row.optional_int("read_back")?,
    })
}
