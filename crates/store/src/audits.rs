//! Audits, what each has looked at, and the differences that they found.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::difference::{AuditPart, DifferenceKind};
use domain::ids::{AuditId, DifferenceId, LineId, ListingId, MerchantId, MerchantSku, OrderId, ShopId, WarehouseId};
use domain::platform::Platform;
use domain::time::Moment;
use serde_json::{Value, json};
use std::collections::HashSet;

/// How often a merchant is audited, and what counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Hours from one scheduled audit to the next.
    pub every_hours: u32,
    /// Days after which a parcel that does not come back is a difference.
    pub parcel_lost_days: u32,
    /// Since when the merchant is here.
    pub merchant_since: Moment,
}

/// One look at everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id; sorts by time.
    pub id: AuditId,
    /// Who asked for it.
    pub asked_by: String,
    /// When it began.
    pub began_at: Moment,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Moment>,
    /// Orders that it looked at.
    pub orders: i64,
    /// Listings that it looked at.
    pub listings: i64,
    /// Why it did not look at everything, by part.
    pub failed: Vec<String>,
    /// Differences that were open at its end.
    pub open: i64,
    /// Those of them that it saw first.
    pub fresh: i64,
    /// Differences that ended since the audit before.
    pub gone: i64,
}

/// How far a part of an audit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// The shop's id, or the merchant's for the ledger.
    pub part: String,
    /// What it looks at now.
    pub step: String,
    /// The last id that it looked at.
    pub reached: String,
    /// Orders that it looked at.
    pub orders: i64,
    /// Listings that it looked at.
    pub listings: i64,
    /// Why it did not look at everything.
    pub failed: Option<String>,
    /// Whether it is over.
    pub ended: bool,
}

/// A difference as an audit finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct Found {
    pub kind: DifferenceKind,
    /// With its kind: what makes it the same one when it is seen again.
    pub subject: String,
    pub shop: Option<ShopId>,
    pub order: Option<OrderId>,
    pub line: Option<LineId>,
    pub warehouse: Option<WarehouseId>,
    pub sku: Option<MerchantSku>,
    /// The evidence here, in words.
    pub ours: String,
    /// The evidence over there, or by the movements, in words.
    pub theirs: String,
}

/// A difference as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceRecord {
    /// Its id; sorts by time.
    pub id: DifferenceId,
    /// What was found.
    pub found: Found,
    /// When it was found.
    pub found_at: Moment,
    /// When it was seen last.
    pub seen_at: Moment,
    /// That it is over.
    pub ended: Option<Ended>,
}

/// How a difference ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Moment,
    /// By whom: a person, or “audit” where it was not there any more.
    pub by: String,
    /// How, in words.
    pub outcome: String,
}

/// Which differences a page shows; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Those that are over, instead of those that are there.
    pub ended: bool,
    /// Of this kind.
    pub kind: Option<DifferenceKind>,
    /// Of these shops only: neither the ledger's nor the listings', which are of all shops.
    pub shops: Option<Vec<ShopId>>,
}

/// A listing's SKU with what all its listings show and what is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Of what.
    pub sku: MerchantSku,
    /// What the listings show together.
    pub shown: i64,
    /// How many listings there are.
    pub listings: i64,
    /// Available over all warehouses.
    pub available: i64,
}

/// A listing that is filled from here, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Its shop.
    pub shop: ShopId,
    /// Which.
    pub listing: ListingId,
    /// Of what; may be a bundle.
    pub sku: MerchantSku,
    /// What it showed when it was read last.
    pub shown: i64,
}

/// A difference that was seen once where once proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the difference")]
pub struct Suspected {
    pub subject: String,
    pub sku: MerchantSku,
    pub ours: String,
    pub theirs: String,
}

/// Units of a canceled order that left, although they were in no bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the case and its order")]
pub struct Unexplained {
    pub order: OrderId,
    pub line: LineId,
    pub number: String,
    pub shop: ShopId,
    pub warehouse: WarehouseId,
    pub sku: MerchantSku,
    pub units: i64,
    /// The platform's own word of the scan.
    pub scanned_as: String,
}

/// Units that left without having been promised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the movement and its order")]
pub struct Unpromised {
    pub key: String,
    pub warehouse: WarehouseId,
    pub sku: MerchantSku,
    pub shop: ShopId,
    pub order: OrderId,
    pub line: Option<LineId>,
    pub number: String,
    pub units: i64,
}

/// Units that should have come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The order.
    pub order: OrderId,
    /// Its shop.
    pub shop: ShopId,
    /// Units that wait.
    pub units: i64,
    /// Since when, by the platform's clock.
    pub since: Moment,
    /// Who asked the carrier.
    pub claimed_by: Option<String>,
}

macro_rules! difference_columns {
    () => {
        "d.difference_id, d.kind, d.subject, d.shop_id, d.order_id, d.line_id, d.warehouse_id, d.merchant_sku, d.ours, d.theirs, d.found_at, d.seen_at, \
         d.ended_at, d.ended_by, d.outcome"
    };
}

statements! {
    SETTINGS = "select audit_every_hours, parcel_lost_days, created_at from merchants where merchant_id = $1";
    SET_SETTINGS = "update merchants set audit_every_hours = $2, parcel_lost_days = $3 where merchant_id = $1";
    BEGIN = "insert into audits (merchant_id, audit_id, slot, asked_by, began_at, ended_at, open, fresh, gone) values ($1, $2, $3, $4, $5, 0, 0, 0, 0) \
        on conflict (merchant_id, slot) do nothing";
    BEGIN_PART = "insert into audit_parts (merchant_id, audit_id, part, step, reached, orders, listings, ended_at) values ($1, $2, $3, $4, '', 0, 0, 0)";
    GOING_ON = "select audit_id from audits where merchant_id = $1 and ended_at = 0 order by audit_id desc limit 1";
    AUDITS = "select a.audit_id, a.asked_by, a.began_at, a.ended_at, a.open, a.fresh, a.gone, \
        (select cast(coalesce(sum(p.orders), 0) as bigint) from audit_parts p where p.merchant_id = a.merchant_id and p.audit_id = a.audit_id) as orders, \
        (select cast(coalesce(sum(p.listings), 0) as bigint) from audit_parts p where p.merchant_id = a.merchant_id and p.audit_id = a.audit_id) as listings \
        from audits a where a.merchant_id = $1 and (cast($2 as text) is null or a.audit_id = $2) and a.audit_id < $3 order by a.audit_id desc limit $4";
    PARTS = "select audit_id, part, step, reached, orders, listings, failed, ended_at from audit_parts where merchant_id = $1 and audit_id in (select value from json_each($2)) \
        order by audit_id, part";
    SAVE_PART = "update audit_parts set step = $4, reached = $5, orders = $6, listings = $7, failed = $8, ended_at = $9 \
        where merchant_id = $1 and audit_id = $2 and part = $3 and ended_at = 0";
    END = "update audits set ended_at = $3, open = $4, fresh = $5, gone = $6 where merchant_id = $1 and audit_id = $2 and ended_at = 0";
    COUNT_OPEN = "select kind, count(*) as open, cast(coalesce(sum(case when found_at >= $2 then 1 else 0 end), 0) as bigint) as fresh from differences \
        where merchant_id = $1 and ended_at = 0 and looks > 1 group by kind order by kind";
    COUNT_GONE = "select count(*) as gone from differences where merchant_id = $1 and ended_at > $2 and looks > 1";
    ORDERS = "select order_id from orders where merchant_id = $1 and shop_id = $2 and order_id > $3 \
        and (standing not in ('completed', 'canceled') or (updated_at >= $5 and not exists (select 1 from cases c \
        where c.merchant_id = orders.merchant_id and c.order_id = orders.order_id))) order by order_id limit $4";
    LISTINGS = "select listing_id from listings where merchant_id = $1 and shop_id = $2 and listing_id > $3 order by listing_id limit $4";
    LISTINGS_OF_SKUS = "select shop_id, listing_id from listings where merchant_id = $1 and merchant_sku in (select value from json_each($2)) \
        order by shop_id, listing_id";
    NOTE = "insert into differences (merchant_id, difference_id, kind, subject, shop_id, order_id, line_id, warehouse_id, merchant_sku, ours, theirs, looks, \
        found_at, seen_at, seen_in, ended_at) select cast($1 as text), json_extract(value, '$.id'), json_extract(value, '$.kind'), json_extract(value, '$.subject'), \
        json_extract(value, '$.shop'), json_extract(value, '$.order'), json_extract(value, '$.line'), json_extract(value, '$.warehouse'), \
        json_extract(value, '$.sku'), json_extract(value, '$.ours'), json_extract(value, '$.theirs'), cast($3 as bigint), cast($4 as bigint), cast($4 as bigint), \
        cast($5 as text), 0 from json_each($2) where true on conflict (merchant_id, kind, subject) where ended_at = 0 do update set ours = excluded.ours, \
        theirs = excluded.theirs, seen_at = excluded.seen_at, seen_in = excluded.seen_in";
    SUSPECTED = "select subject, merchant_sku, ours, theirs from differences where merchant_id = $1 and ended_at = 0 and looks = 1 and seen_in = $2 \
        and kind = $3 and (cast($4 as text) is null or warehouse_id = $4) order by subject";
    CONFIRM = "update differences set looks = 2 where merchant_id = $1 and ended_at = 0 and looks = 1 and subject in (select value from json_each($2)) \
        and kind = $3 and (cast($4 as text) is null or warehouse_id = $4)";
    FORGET_SUSPECTED_AT = "delete from differences where merchant_id = $1 and ended_at = 0 and looks = 1 and kind = $2 and warehouse_id = $3";
    FORGET_SUSPECTED = "delete from differences where merchant_id = $1 and ended_at = 0 and looks = 1";
    END_UNSEEN = "update differences set ended_at = $4, ended_by = 'audit', outcome = 'not there any more' where merchant_id = $1 and ended_at = 0 \
        and seen_in <> $2 and kind in (select value from json_each($3)) and (cast($5 as text) is null or shop_id = $5)";
    END_ONE = "update differences set ended_at = $3, ended_by = $4, outcome = $5 where merchant_id = $1 and difference_id = $2 and ended_at = 0";
    ONE = concat!("select ", difference_columns!(), " from differences d where d.merchant_id = $1 and d.difference_id = $2 and d.looks > 1");
    LIVE = concat!("select ", difference_columns!(), " from differences d where d.merchant_id = $1 and d.ended_at = 0 and d.looks > 1 and d.difference_id > $2 \
        and (cast($3 as text) is null or d.kind = $3) and (cast($4 as text) is null or d.shop_id in (select value from json_each($4))) \
        order by d.difference_id limit $5");
    OVER = concat!("select ", difference_columns!(), " from differences d where d.merchant_id = $1 and d.ended_at > 0 and d.looks > 1 and d.difference_id < $2 \
        and (cast($3 as text) is null or d.kind = $3) and (cast($4 as text) is null or d.shop_id in (select value from json_each($4))) \
        order by d.difference_id desc limit $5");
    SHOWN = "select l.merchant_sku, cast(sum(l.stock) as bigint) as shown, count(*) as listings, \
        (select cast(coalesce(sum(b.available), 0) as bigint) from balances b where b.merchant_id = l.merchant_id and b.merchant_sku = l.merchant_sku) as available \
        from listings l join shops s on s.merchant_id = l.merchant_id and s.shop_id = l.shop_id where l.merchant_id = $1 and s.connected \
        and s.stock_from < 9223372036854775807 and (cast($3 as text) is null or l.merchant_sku in (select value from json_each($3))) \
        and exists (select 1 from movements m where m.merchant_id = l.merchant_id and m.movement_key = 'opening/' || l.shop_id || '/' || l.merchant_sku) \
        and not exists (select 1 from holds h where h.merchant_id = l.merchant_id and h.merchant_sku = l.merchant_sku) \
        group by l.merchant_id, l.merchant_sku having min(l.read_at) >= $2 and max(case when s.push_stock then 1 else 0 end) = 0 order by l.merchant_sku";
    FILLED = "select l.shop_id, l.listing_id, l.merchant_sku, l.stock from listings l join shops s on s.merchant_id = l.merchant_id and s.shop_id = l.shop_id \
        where l.merchant_id = $1 and s.connected and s.push_stock and l.read_at >= $2 \
        and (cast($3 as text) is null or l.merchant_sku in (select value from json_each($3))) and (l.shop_id, l.listing_id) > ($4, $5) \
        and not exists (select 1 from jobs j where j.merchant_id = l.merchant_id and j.kind = 'stock_push' and j.subject = l.listing_id and j.shop_id = l.shop_id) \
        order by l.shop_id, l.listing_id limit $6";
    DOUBTED = "select d.merchant_sku as sku from differences d where d.merchant_id = $1 and d.ended_at = 0 and d.kind <> 'listing_differs' \
        and d.merchant_sku in (select value from json_each($2)) \
        union select o.merchant_sku as sku from differences d join lines o on o.merchant_id = d.merchant_id and o.order_id = d.order_id \
        where d.merchant_id = $1 and d.ended_at = 0 and d.kind <> 'listing_differs' and o.merchant_sku in (select value from json_each($2))";
    UNPROMISED = "select m.movement_key, m.warehouse_id, m.merchant_sku, m.order_id, m.line_id, m.units, o.shop_id, o.number from movements m \
        join orders o on o.merchant_id = m.merchant_id and o.order_id = m.order_id where m.merchant_id = $1 and m.from_bucket = 'outside' and m.cause = 'ship' \
        and not exists (select 1 from movements r where r.merchant_id = m.merchant_id and r.movement_key = 'repair/' || m.movement_key) \
        and not exists (select 1 from balances b where b.merchant_id = m.merchant_id and b.warehouse_id = m.warehouse_id and b.merchant_sku = m.merchant_sku \
        and b.counted_at >= m.at) order by m.movement_id limit 1000";
    UNEXPLAINED = "select u.order_id, u.line_id, u.warehouse_id, u.merchant_sku, u.units, c.shop_id, c.scanned_as, o.number from unexplained_units u \
        join cases c on c.merchant_id = u.merchant_id and c.order_id = u.order_id join orders o on o.merchant_id = u.merchant_id and o.order_id = u.order_id \
        where u.merchant_id = $1 and c.state in ('open', 'claimed') \
        and not exists (select 1 from movements r where r.merchant_id = u.merchant_id and r.movement_key = 'repair/unexplained/' || u.order_id || '/' || u.line_id) \
        and not exists (select 1 from balances b where b.merchant_id = u.merchant_id and b.warehouse_id = u.warehouse_id and b.merchant_sku = u.merchant_sku \
        and b.counted_at >= c.opened_at) order by u.order_id, u.line_id limit 1000";
    OVERDUE = "select r.order_id, r.units, r.since, r.claimed_by, o.shop_id from returns r join orders o on o.merchant_id = r.merchant_id and o.order_id = r.order_id \
        where r.merchant_id = $1 and r.units > 0 and r.since < $2 and o.platform = $3 order by r.since, r.order_id limit 1000";
}

/// How a merchant is audited.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn settings(session: &mut Session, merchant: &MerchantId) -> Result<Settings, StoreError> {
    let row = session.row(SETTINGS, args![merchant.as_str()]).await?.ok_or(StoreError::Conflict("the merchant"))?;
    Ok(Settings {
        every_hours: row.units("audit_every_hours")?,
        parcel_lost_days: row.units("parcel_lost_days")?,
        merchant_since: Moment::from_millis(row.int("created_at")?),
    })
}

/// Changes how a merchant is audited.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_settings(session: &mut Session, merchant: &MerchantId, settings: Settings) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), settings.every_hours, settings.parcel_lost_days];
    session.execute(SET_SETTINGS, args).await.map(drop)
}

/// Keeps that an audit begins, with its parts. A second one of the same slot is none: answers false then.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin(
    session: &mut Session,
    merchant: &MerchantId,
    id: &AuditId,
    slot: Option<i64>,
    asked_by: &str,
    parts: &[(&str, &str)],
    now: Moment,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), id.as_str(), slot, asked_by, now.millis()];
    if session.execute(BEGIN, args).await? == 0 {
        return Ok(false);
    }
    for (part, step) in parts {
        session.execute(BEGIN_PART, args![merchant.as_str(), id.as_str(), *part, *step]).await?;
    }
    Ok(true)
}

/// The audit that goes on, if one does.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn going_on(session: &mut Session, merchant: &MerchantId) -> Result<Option<AuditId>, StoreError> {
    let row = session.row(GOING_ON, args![merchant.as_str()]).await?;
    row.map(|row| parsed(&row, "audit_id", |text| AuditId::parse(text))).transpose()
}

/// One audit.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn audit(
    session: &mut Session,
    merchant: &MerchantId,
    id: &AuditId,
) -> Result<Option<AuditRecord>, StoreError> {
    Ok(read_audits(session, merchant, Some(id), None, 1).await?.pop())
}

/// Audits, newest first; `before` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn audits(
    session: &mut Session,
    merchant: &MerchantId,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    read_audits(session, merchant, None, before, limit).await
}

async fn read_audits(
    session: &mut Session,
    merchant: &MerchantId,
    id: Option<&AuditId>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let args = args![merchant.as_str(), id.map(AuditId::as_str), before.unwrap_or("\u{10FFFF}"), limit];
    let rows = session.rows(AUDITS, args).await?;
    let mut audits = Vec::with_capacity(rows.len());
    for row in &rows {
        audits.push(AuditRecord {
            id: parsed(row, "audit_id", |text| AuditId::parse(text))?,
            asked_by: row.text("asked_by")?,
            began_at: Moment::from_millis(row.int("began_at")?),
            ended_at: past(row.int("ended_at")?),
            orders: row.int("orders")?,
            listings: row.int("listings")?,
            failed: Vec::new(),
            open: row.int("open")?,
            fresh: row.int("fresh")?,
            gone: row.int("gone")?,
        });
    }
    let ids = json_list(audits.iter().map(|audit| audit.id.as_str()));
    for row in session.rows(PARTS, args![merchant.as_str(), &ids]).await? {
        let (id, part) = (row.text("audit_id")?, row.text("part")?);
        let audit = audits.iter_mut().find(|audit| audit.id.as_str() == id);
        if let (Some(audit), Some(failed)) = (audit, row.optional_text("failed")?) {
            audit.failed.push(format!("{part}: {failed}"));
        }
    }
    Ok(audits)
}

fn past(millis: i64) -> Option<Moment> {
    (millis > 0).then(|| Moment::from_millis(millis))
}

/// The parts of an audit.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn parts(session: &mut Session, merchant: &MerchantId, id: &AuditId) -> Result<Vec<PartRecord>, StoreError> {
    let ids = json_list([id.as_str()]);
    let rows = session.rows(PARTS, args![merchant.as_str(), &ids]).await?;
    rows.iter()
        .map(|row| {
            Ok(PartRecord {
                part: row.text("part")?,
                step: row.text("step")?,
                reached: row.text("reached")?,
                orders: row.int("orders")?,
                listings: row.int("listings")?,
                failed: row.optional_text("failed")?,
                ended: row.int("ended_at")? > 0,
            })
        })
        .collect()
}

/// Keeps how far a part is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_part(
    session: &mut Session,
    merchant: &MerchantId,
    id: &AuditId,
    part: &PartRecord,
    now: Moment,
) -> Result<(), StoreError> {
    let ended_at = if part.ended { now.millis() } else { 0 };
    let args = args![
        merchant.as_str(),
        id.as_str(),
        &part.part,
        &part.step,
        &part.reached,
        part.orders,
        part.listings,
        part.failed.as_deref(),
        ended_at
    ];
    session.execute(SAVE_PART, args).await.map(drop)
}

/// Ends an audit; answers how many differences of each kind are open.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditRecord,
    now: Moment,
) -> Result<AuditRecord, StoreError> {
    let before = audits(session, merchant, Some(audit.id.as_str()), 1).await?.pop();
    let since = before.and_then(|before| before.ended_at).map_or(0, Moment::millis);
    let mut ended = AuditRecord { ended_at: Some(now), open: 0, fresh: 0, ..audit.clone() };
    for row in session.rows(COUNT_OPEN, args![merchant.as_str(), audit.began_at.millis()]).await? {
        ended.open += row.int("open")?;
        ended.fresh += row.int("fresh")?;
    }
    let gone = session.row(COUNT_GONE, args![merchant.as_str(), since]).await?;
    ended.gone = gone.map_or(Ok(0), |row| row.int("gone"))?;
    let args = args![merchant.as_str(), audit.id.as_str(), now.millis(), ended.open, ended.fresh, ended.gone];
    session.execute(END, args).await?;
    Ok(ended)
}

/// How many differences of each kind are there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_by_kind(
    session: &mut Session,
    merchant: &MerchantId,
) -> Result<Vec<(DifferenceKind, i64)>, StoreError> {
    let rows = session.rows(COUNT_OPEN, args![merchant.as_str(), 0_i64]).await?;
    rows.iter().map(|row| Ok((parsed(row, "kind", DifferenceKind::parse)?, row.int("open")?))).collect()
}

/// Orders of a shop that can still change over there, by id, and those that ended since `ended_from` without a case that watches
/// them; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn orders_to_look_at(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    after: &str,
    ended_from: Moment,
    limit: u32,
) -> Result<Vec<OrderId>, StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), after, limit, ended_from.millis()];
    let rows = session.rows(ORDERS, args).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// Listings of a shop, by id; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn listings_to_look_at(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    after: &str,
    limit: u32,
) -> Result<Vec<ListingId>, StoreError> {
    let rows = session.rows(LISTINGS, args![merchant.as_str(), shop.as_str(), after, limit]).await?;
    rows.iter().map(|row| parsed(row, "listing_id", |text| ListingId::parse(text))).collect()
}

/// The listings of these SKUs, by shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn listings_of(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
) -> Result<Vec<(ShopId, ListingId)>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let rows = session.rows(LISTINGS_OF_SKUS, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let shop = parsed(row, "shop_id", |text| ShopId::parse(text))?;
            Ok((shop, parsed(row, "listing_id", |text| ListingId::parse(text))?))
        })
        .collect()
}

/// Keeps what was found; what is known already is seen again. `sure` where one look proves it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditId,
    found: &[Found],
    sure: bool,
    now: Moment,
) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let row = |found: &Found| {
        json!({
            "id": crate::new_id("dif", now),
            "kind": found.kind.as_str(),
            "subject": found.subject,
            "shop": found.shop.as_ref().map(ShopId::as_str),
            "order": found.order.as_ref().map(OrderId::as_str),
            "line": found.line.as_ref().map(LineId::as_str),
            "warehouse": found.warehouse.as_ref().map(WarehouseId::as_str),
            "sku": found.sku.as_ref().map(MerchantSku::as_str),
            "ours": found.ours,
            "theirs": found.theirs,
        })
    };
    let rows = Value::Array(found.iter().map(row).collect()).to_string();
    let looks = if sure { 2_i64 } else { 1 };
    let args = args![merchant.as_str(), &rows, looks, now.millis(), audit.as_str()];
    session.execute(NOTE, args).await.map(drop)
}

/// What this audit saw once where once proves nothing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn suspected(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditId,
) -> Result<Vec<Suspected>, StoreError> {
    suspected_of(session, merchant, audit, DifferenceKind::ListingDiffers, None).await
}

/// The same of what lies at a third-party warehouse.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn suspected_at(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditId,
    warehouse: &WarehouseId,
) -> Result<Vec<Suspected>, StoreError> {
    suspected_of(session, merchant, audit, DifferenceKind::WarehouseStockDiffers, Some(warehouse)).await
}

async fn suspected_of(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditId,
    kind: DifferenceKind,
    warehouse: Option<&WarehouseId>,
) -> Result<Vec<Suspected>, StoreError> {
    let args = args![merchant.as_str(), audit.as_str(), kind.as_str(), warehouse.map(WarehouseId::as_str)];
    let rows = session.rows(SUSPECTED, args).await?;
    rows.iter()
        .map(|row| {
            Ok(Suspected {
                subject: row.text("subject")?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                ours: row.text("ours")?,
                theirs: row.text("theirs")?,
            })
        })
        .collect()
}

/// Believes what was suspected of these subjects, and forgets the other suspicions.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn believe(session: &mut Session, merchant: &MerchantId, subjects: &[&str]) -> Result<(), StoreError> {
    let list = json_list(subjects.iter().copied());
    let args = args![merchant.as_str(), &list, DifferenceKind::ListingDiffers.as_str(), None::<&str>];
    session.execute(CONFIRM, args).await?;
    session.execute(FORGET_SUSPECTED, args![merchant.as_str()]).await.map(drop)
}

/// The same of what lies at a third-party warehouse.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn believe_at(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    subjects: &[&str],
) -> Result<(), StoreError> {
    let list = json_list(subjects.iter().copied());
    let kind = DifferenceKind::WarehouseStockDiffers.as_str();
    session.execute(CONFIRM, args![merchant.as_str(), &list, kind, Some(warehouse.as_str())]).await?;
    let args = args![merchant.as_str(), kind, warehouse.as_str()];
    session.execute(FORGET_SUSPECTED_AT, args).await.map(drop)
}

/// Ends the differences of a part, of one shop or of all, that this audit did not see any more.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_unseen(
    session: &mut Session,
    merchant: &MerchantId,
    audit: &AuditId,
    part: AuditPart,
    shop: Option<&ShopId>,
    now: Moment,
) -> Result<u64, StoreError> {
    let kinds = json_list(part.kinds().map(DifferenceKind::as_str));
    let args = args![merchant.as_str(), audit.as_str(), &kinds, now.millis(), shop.map(ShopId::as_str)];
    session.execute(END_UNSEEN, args).await
}

/// Ends one difference; false where it was over already.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_one(
    session: &mut Session,
    merchant: &MerchantId,
    id: &DifferenceId,
    ended: &Ended,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), id.as_str(), ended.at.millis(), &ended.by, &ended.outcome];
    Ok(session.execute(END_ONE, args).await? > 0)
}

/// One difference.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn difference(
    session: &mut Session,
    merchant: &MerchantId,
    id: &DifferenceId,
) -> Result<Option<DifferenceRecord>, StoreError> {
    let row = session.row(ONE, args![merchant.as_str(), id.as_str()]).await?;
    row.map(|row| read_difference(&row)).transpose()
}

/// A page of differences: those that are there, longest first, or those that are over, newest first. `from` is the last
/// of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn differences(
    session: &mut Session,
    merchant: &MerchantId,
    search: &Search,
    from: Option<&str>,
    limit: u32,
) -> Result<Vec<DifferenceRecord>, StoreError> {
    let shops = search.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let (statement, usual) = if search.ended { (OVER, "\u{10FFFF}") } else { (LIVE, "") };
    let kind = search.kind.map(DifferenceKind::as_str);
    let args = args![merchant.as_str(), from.unwrap_or(usual), kind, shops.as_deref(), limit];
    let rows = session.rows(statement, args).await?;
    rows.iter().map(read_difference).collect()
}

fn read_difference(row: &Row) -> Result<DifferenceRecord, StoreError> {
    let ended = match past(row.int("ended_at")?) {
        Some(at) => Some(Ended {
            at,
            by: row.optional_text("ended_by")?.unwrap_or_default(),
            outcome: row.optional_text("outcome")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(DifferenceRecord {
        id: parsed(row, "difference_id", |text| DifferenceId::parse(text))?,
        found: Found {
            kind: parsed(row, "kind", DifferenceKind::parse)?,
            subject: row.text("subject")?,
            shop: parsed_optional(row, "shop_id", |text| ShopId::parse(text))?,
            order: parsed_optional(row, "order_id", |text| OrderId::parse(text))?,
            line: parsed_optional(row, "line_id", |text| LineId::parse(text))?,
            warehouse: parsed_optional(row, "warehouse_id", |text| WarehouseId::parse(text))?,
            sku: parsed_optional(row, "merchant_sku", |text| MerchantSku::parse(text))?,
            ours: row.text("ours")?,
            theirs: row.text("theirs")?,
        },
        found_at: Moment::from_millis(row.int("found_at")?),
        seen_at: Moment::from_millis(row.int("seen_at")?),
        ended,
    })
}

/// What the listings of SKUs show together, and what is available: of these SKUs or of all, in shops whose listings are not
/// filled from here. Left out is what was not counted from its listing or not read since `read_from`, what is held on purpose,
/// and what some shop's listings are filled with.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn shown(
    session: &mut Session,
    merchant: &MerchantId,
    read_from: Moment,
    skus: Option<&[MerchantSku]>,
) -> Result<Vec<Shown>, StoreError> {
    let list = skus.map(|skus| json_list(skus.iter().map(MerchantSku::as_str)));
    let rows = session.rows(SHOWN, args![merchant.as_str(), read_from.millis(), list.as_deref()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Shown {
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                shown: row.int("shown")?,
                listings: row.int("listings")?,
                available: row.int("available")?,
            })
        })
        .collect()
}

/// A page of the listings that are filled from here and wait for no push: of these SKUs or of all, as far as they were read
/// since `read_from`. `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn filled(
    session: &mut Session,
    merchant: &MerchantId,
    read_from: Moment,
    skus: Option<&[MerchantSku]>,
    after: Option<&Filled>,
    limit: u32,
) -> Result<Vec<Filled>, StoreError> {
    let list = skus.map(|skus| json_list(skus.iter().map(MerchantSku::as_str)));
    let (shop, listing) = after.map_or(("", ""), |last| (last.shop.as_str(), last.listing.as_str()));
    let args = args![merchant.as_str(), read_from.millis(), list.as_deref(), shop, listing, limit];
    let rows = session.rows(FILLED, args).await?;
    rows.iter()
        .map(|row| {
            Ok(Filled {
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                shown: row.int("stock")?,
            })
        })
        .collect()
}

/// Those of these SKUs of which something else is wrong, which explains what their listings show.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn doubted(
    session: &mut Session,
    merchant: &MerchantId,
    skus: &[MerchantSku],
) -> Result<HashSet<MerchantSku>, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let rows = session.rows(DOUBTED, args![merchant.as_str(), &list]).await?;
    rows.iter().map(|row| parsed(row, "sku", |text| MerchantSku::parse(text))).collect()
}

/// Units of canceled orders that the courier has, although they were in no bucket; nobody counted since, and their parcels are
/// not back.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn unexplained(session: &mut Session, merchant: &MerchantId) -> Result<Vec<Unexplained>, StoreError> {
    let rows = session.rows(UNEXPLAINED, args![merchant.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unexplained {
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                line: parsed(row, "line_id", |text| LineId::parse(text))?,
                number: row.text("number")?,
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                units: row.int("units")?,
                scanned_as: row.text("scanned_as")?,
            })
        })
        .collect()
}

/// Units that left without having been promised, and that nobody has accounted for since.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn unpromised(session: &mut Session, merchant: &MerchantId) -> Result<Vec<Unpromised>, StoreError> {
    let rows = session.rows(UNPROMISED, args![merchant.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unpromised {
                key: row.text("movement_key")?,
                warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
                sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                line: parsed_optional(row, "line_id", |text| LineId::parse(text))?,
                number: row.text("number")?,
                units: row.int("units")?,
            })
        })
        .collect()
}

/// Units of a platform's orders that have waited since before this moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn overdue(
    session: &mut Session,
    merchant: &MerchantId,
    platform: Platform,
    since: Moment,
) -> Result<Vec<Overdue>, StoreError> {
    let rows = session.rows(OVERDUE, args![merchant.as_str(), since.millis(), platform.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Overdue {
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                units: row.int("units")?,
                since: Moment::from_millis(row.int("since")?),
                claimed_by: row.optional_text("claimed_by")?,
            })
        })
        .collect()
}
