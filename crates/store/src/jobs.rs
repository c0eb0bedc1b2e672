//! What waits to be done. One row per shop, kind and subject: asking twice is one job, and asking again while it is being
//! done makes it due once more (`wanted`).

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Session, args, statements};
use domain::ids::{MerchantId, ShopId};
use domain::time::Moment;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Carries a cancellation on; the subject is its id.
    Cancellation,
    /// Asks for the cancels of a batch whose turn has come, in one shop; the subject is the batch's id.
    Batch,
    /// Carries a pack, a ready-to-ship or a repack on; the subject is its id.
    Shipment,
    /// Reads one order from its platform; the subject is the order number.
    ReadOrder,
    /// Sweeps a shop for changed orders; the subject is the shop's id.
    Sweep,
    /// Reads the stock of an order's listings once its cancel has settled, and asks for their push; the subject is the
    /// order's id.
    ReadListings,
    /// Sends a listing the number that it is to show; the subject is the listing's id.
    StockPush,
    /// Stocks a selection of orders in; the subject is the batch's id. It asks no platform, so that its lane is the
    /// warehouse and not a shop.
    StockIn,
    /// Fetches the labels of an order's packages; the subject is the order's id.
    Label,
    /// Packs what a shop's rule wants packed; the subject is the shop's id.
    AutoPack,
    /// Carries a part of an audit on; the subject is the audit's id. The ledger's part asks no platform by itself: its lane
    /// is the merchant.
    Audit,
    /// Carries on what a third-party warehouse has of an order; the subject is the order's id, and the lane is the
    /// warehouse's account and not a shop.
    WarehouseOrder,
}

impl Kind {
    /// Every kind, in the order in which a shop's jobs are worked on.
    pub const ALL: [Self; 12] = [
        Self::Cancellation,
        Self::Shipment,
        Self::WarehouseOrder,
        Self::Batch,
        Self::ReadOrder,
        Self::Sweep,
        Self::ReadListings,
        Self::StockPush,
        Self::StockIn,
        Self::Label,
        Self::AutoPack,
        Self::Audit,
    ];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancellation => "cancellation",
            Self::Batch => "batch",
            Self::Shipment => "shipment",
            Self::ReadOrder => "read_order",
            Self::Sweep => "sweep",
            Self::ReadListings => "read_listings",
            Self::StockPush => "stock_push",
            Self::StockIn => "stock_in",
            Self::Label => "label",
            Self::AutoPack => "auto_pack",
            Self::Audit => "audit",
            Self::WarehouseOrder => "warehouse_order",
        }
    }
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is about.
    pub subject: String,
    /// How often it had been asked for when it was claimed.
    pub wanted: i64,
    /// How often it was claimed before without being finished.
    pub tries: u32,
}

/// A shop that has jobs of a kind due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The merchant.
    pub merchant: MerchantId,
    /// The shop.
    pub shop: ShopId,
}

statements! {
    WANT = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) values ($1, $2, $3, $4, $5, 1, 0, 0) \
        on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at < jobs.wake_at then excluded.wake_at else jobs.wake_at end";
    WANT_LATER = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) values ($1, $2, $3, $4, $5, 1, 0, 0) \
        on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at > jobs.wake_at then excluded.wake_at else jobs.wake_at end";
    WANT_ONCE = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) values ($1, $2, $3, $4, $5, 1, 0, 0) \
        on conflict (merchant_id, kind, subject, shop_id) do nothing";
    DUE = "select distinct merchant_id, shop_id from jobs where wake_at <= $1 and leased_until <= $1 and kind = $2 limit 1000";
    CLAIM = "update jobs set lease = $5, leased_until = $6, tries = tries + 1 from (select merchant_id as of_merchant, kind as of_kind, \
        subject as of_subject, shop_id as of_shop from jobs where merchant_id = $1 and kind = $2 and shop_id = $3 and wake_at <= $4 \
        and leased_until <= $4 order by wake_at, subject limit $7 /* skip locked */) as due \
        where merchant_id = of_merchant and kind = of_kind and subject = of_subject and shop_id = of_shop returning subject, wanted, tries";
    FINISH = "delete from jobs where merchant_id = $1 and kind = $2 and subject = $3 and lease = $4 and wanted = $5";
    AGAIN = "update jobs set lease = null, leased_until = 0, wake_at = case when wanted = $5 then cast($6 as bigint) else cast($7 as bigint) end \
        where merchant_id = $1 and kind = $2 and subject = $3 and lease = $4";
    STILL_HELD = "update jobs set leased_until = $5 where merchant_id = $1 and kind = $2 and subject = $3 and lease = $4";
    FREE = "update jobs set lease = null, leased_until = 0, wake_at = $4 where merchant_id = $1 and kind = $2 and lease = $3";
    FREE_ALL = "update jobs set lease = null, leased_until = 0 where leased_until > 0";
    NEXT_WAKE = "select min(case when leased_until > wake_at then leased_until else wake_at end) as at from jobs";
    WAITING_IN_SHOP = "select count(*) as jobs from jobs where merchant_id = $1 and kind = $2 and shop_id = $3";
    DUE_IN_SHOP = "select count(*) as jobs from jobs where merchant_id = $1 and kind = $2 and shop_id = $3 and wake_at <= $4";
    UNREAD = "select count(*) as jobs from jobs where merchant_id = $1 and shop_id = $2 \
        and (kind = 'read_order' or (kind = 'sweep' and (wake_at <= $3 or leased_until > $3)))";
    WAITS = "select wanted from jobs where merchant_id = $1 and kind = $2 and subject = $3 and shop_id = $4";
    WANT_MANY = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) \
        select cast($1 as text), cast($2 as text), value, cast($3 as text), cast($4 as bigint), 1, 0, 0 from json_each($5) where true \
        on conflict (merchant_id, kind, subject, shop_id) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at < jobs.wake_at then excluded.wake_at else jobs.wake_at end";
    DROP_READS = "delete from jobs where merchant_id = $1 and shop_id = $2 and kind in ('read_order', 'sweep', 'read_listings', 'stock_push', 'audit')";
    WAITING = "select kind, count(*) as jobs from jobs group by kind";
}

/// Asks for a job at this moment, or earlier than it stood.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    subject: &str,
    wake_at: Moment,
) -> Result<(), StoreError> {
    session
        .execute(WANT, args![merchant.as_str(), kind.as_str(), subject, shop.as_str(), wake_at.millis()])
        .await
        .map(drop)
}

/// Asks for many jobs of one shop at this moment, or earlier than they stood, in one statement. Each subject stands once.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want_many(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    subjects: &[&str],
    wake_at: Moment,
) -> Result<(), StoreError> {
    let subjects = json_list(subjects.iter().copied());
    let args = args![merchant.as_str(), kind.as_str(), shop.as_str(), wake_at.millis(), subjects];
    session.execute(WANT_MANY, args).await.map(drop)
}

/// Forgets what only reads a shop, or fills its listings: it is not to be asked any more. Cancellations stay, and wait.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn drop_reads(session: &mut Session, merchant: &MerchantId, shop: &ShopId) -> Result<(), StoreError> {
    session.execute(DROP_READS, args![merchant.as_str(), shop.as_str()]).await.map(drop)
}

/// Makes sure that a job exists, without making it due earlier.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want_once(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    subject: &str,
    wake_at: Moment,
) -> Result<(), StoreError> {
    session
        .execute(WANT_ONCE, args![merchant.as_str(), kind.as_str(), subject, shop.as_str(), wake_at.millis()])
        .await
        .map(drop)
}

/// Asks for a job at this moment, or later than it stood: what it looks at has to settle first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn want_later(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    subject: &str,
    wake_at: Moment,
) -> Result<(), StoreError> {
    session
        .execute(WANT_LATER, args![merchant.as_str(), kind.as_str(), subject, shop.as_str(), wake_at.millis()])
        .await
        .map(drop)
}

/// Shops that have jobs of this kind due.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn due(session: &mut Session, kind: Kind, now: Moment) -> Result<Vec<Due>, StoreError> {
    let rows = session.rows(DUE, args![now.millis(), kind.as_str()]).await?;
    rows.iter()
        .map(|row| {
            let merchant = parsed(row, "merchant_id", |text| MerchantId::parse(text))?;
            Ok(Due { merchant, shop: parsed(row, "shop_id", |text| ShopId::parse(text))? })
        })
        .collect()
}

/// Claims due jobs of one shop under a lease, so that nobody else works on them until it ends; in the order of their
/// subjects.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim(
    session: &mut Session,
    lease: &Lease,
    shop: &ShopId,
    now: Moment,
    limit: usize,
) -> Result<Vec<Claim>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (merchant, kind) = (lease.merchant.as_str(), lease.kind.as_str());
    let args = args![merchant, kind, shop.as_str(), now.millis(), &lease.id, lease.until.millis(), limit];
    let rows = session.rows(CLAIM, args).await?;
    let mut claims: Vec<Claim> = rows.iter().map(read).collect::<Result<_, _>>()?;
    // Whoever ends several jobs in one transaction does so in the order in which others ask for them.
    claims.sort_by(|one, other| one.subject.cmp(&other.subject));
    Ok(claims)
}

fn read(row: &crate::session::Row) -> Result<Claim, StoreError> {
    Ok(Claim { subject: row.text("subject")?, wanted: row.int("wanted")?, tries: row.units("tries")? })
}

/// A lease on jobs of one kind.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Whose jobs.
    pub merchant: MerchantId,
    /// Of which kind.
    pub kind: Kind,
    /// Unique to one claim.
    pub id: String,
    /// When it ends; real clock.
    pub until: Moment,
}

/// Ends a job. If it was asked for again meanwhile it stays and is due at `now`. Answers false where the lease was lost:
/// then somebody else has the job, and what was decided under this lease must be undone.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn finish(session: &mut Session, lease: &Lease, claim: &Claim, now: Moment) -> Result<bool, StoreError> {
    let args = args![lease.merchant.as_str(), lease.kind.as_str(), &claim.subject, &lease.id, claim.wanted];
    let gone = session.execute(FINISH, args).await?;
    if gone == 0 { again(session, lease, claim, now, now).await } else { Ok(true) }
}

/// Gives a job back, to wake at `wake_at`; if it was asked for again meanwhile, at `now`. Answers as [`finish`].
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn again(
    session: &mut Session,
    lease: &Lease,
    claim: &Claim,
    wake_at: Moment,
    now: Moment,
) -> Result<bool, StoreError> {
    let args = args![
        lease.merchant.as_str(),
        lease.kind.as_str(),
        &claim.subject,
        &lease.id,
        claim.wanted,
        wake_at.millis(),
        now.millis()
    ];
    Ok(session.execute(AGAIN, args).await? > 0)
}

/// Makes sure that the lease still holds a job, inside the transaction that relies on it. Answers as [`finish`].
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn still_held(session: &mut Session, lease: &Lease, claim: &Claim) -> Result<bool, StoreError> {
    let args = args![lease.merchant.as_str(), lease.kind.as_str(), &claim.subject, &lease.id, lease.until.millis()];
    Ok(session.execute(STILL_HELD, args).await? > 0)
}

/// Gives back every job that this lease still holds, to wake at this moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn free(session: &mut Session, lease: &Lease, wake_at: Moment) -> Result<(), StoreError> {
    let args = args![lease.merchant.as_str(), lease.kind.as_str(), &lease.id, wake_at.millis()];
    session.execute(FREE, args).await.map(drop)
}

/// Gives back every lease there is. Only for a process that knows it is alone on this database.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn free_all(session: &mut Session) -> Result<(), StoreError> {
    session.execute(FREE_ALL, &[]).await.map(drop)
}

/// When the next job wakes, if there is any.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn next_wake(session: &mut Session) -> Result<Option<Moment>, StoreError> {
    match session.row(NEXT_WAKE, &[]).await? {
        Some(row) => Ok(row.optional_int("at")?.map(Moment::from_millis)),
        None => Ok(None),
    }
}

/// How many jobs of a kind wait in a shop, due or not.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn waiting_in_shop(session: &mut Session, shop: &Due, kind: Kind) -> Result<i64, StoreError> {
    let row = session.row(WAITING_IN_SHOP, args![shop.merchant.as_str(), kind.as_str(), shop.shop.as_str()]).await?;
    row.map_or(Ok(0), |row| row.int("jobs"))
}

/// How many jobs of a kind are due in a shop or being worked on: the length of its queue.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn due_in_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    now: Moment,
) -> Result<i64, StoreError> {
    let args = args![merchant.as_str(), kind.as_str(), shop.as_str(), now.millis()];
    session.row(DUE_IN_SHOP, args).await?.map_or(Ok(0), |row| row.int("jobs"))
}

/// Whether this job waits or is being done.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn waits(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    kind: Kind,
    subject: &str,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), kind.as_str(), subject, shop.as_str()];
    Ok(session.row(WAITS, args).await?.is_some())
}

/// How much of a shop is not read yet: reads that wait or are being made, and a sweep that is due or under way.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn unread(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    now: Moment,
) -> Result<i64, StoreError> {
    let row = session.row(UNREAD, args![merchant.as_str(), shop.as_str(), now.millis()]).await?;
    row.map_or(Ok(0), |row| row.int("jobs"))
}

/// How many jobs wait, by kind; for metrics.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn waiting(session: &mut Session) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = session.rows(WAITING, &[]).await?;
    rows.iter().map(|row| Ok((row.text("kind")?, row.int("jobs")?))).collect()
}
