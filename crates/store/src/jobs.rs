//! What waits to be done. One row per kind and subject: asking twice is one job, and asking again while it is being
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
    /// Reads one order from its platform; the subject is the order number.
    ReadOrder,
    /// Sweeps a shop for changed orders; the subject is the shop's id.
    Sweep,
}

impl Kind {
    /// Every kind, in the order in which a shop's jobs are worked on.
    pub const ALL: [Self; 3] = [Self::Cancellation, Self::ReadOrder, Self::Sweep];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancellation => "cancellation",
            Self::ReadOrder => "read_order",
            Self::Sweep => "sweep",
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
        on conflict (merchant_id, kind, subject) do update set wanted = jobs.wanted + 1, tries = 0, \
        wake_at = case when excluded.wake_at < jobs.wake_at then excluded.wake_at else jobs.wake_at end";
    WANT_ONCE = "insert into jobs (merchant_id, kind, subject, shop_id, wake_at, wanted, tries, leased_until) values ($1, $2, $3, $4, $5, 1, 0, 0) \
        on conflict (merchant_id, kind, subject) do nothing";
    DUE = "select distinct merchant_id, shop_id from jobs where wake_at <= $1 and leased_until <= $1 and kind = $2 limit 200";
    CLAIM = "update jobs set lease = $5, leased_until = $6, tries = tries + 1 \
        where merchant_id = $1 and kind = $2 and leased_until <= $4 and subject in (select subject from jobs \
        where merchant_id = $1 and kind = $2 and shop_id = $3 and wake_at <= $4 and leased_until <= $4 order by wake_at, subject limit $7 /* skip locked */) \
        returning subject, wanted, tries";
    CLAIM_SUBJECTS = "update jobs set lease = $4, leased_until = $5, tries = tries + 1 \
        where merchant_id = $1 and kind = $2 and leased_until <= $3 and subject in (select value from json_each($6)) returning subject, wanted, tries";
    FINISH = "delete from jobs where merchant_id = $1 and kind = $2 and subject = $3 and lease = $4 and wanted = $5";
    AGAIN = "update jobs set lease = null, leased_until = 0, tries = $6, wake_at = case when wanted = $5 then cast($7 as bigint) else cast($8 as bigint) end \
        where merchant_id = $1 and kind = $2 and subject = $3 and lease = $4";
    FREE = "update jobs set lease = null, leased_until = 0, wake_at = $4 where merchant_id = $1 and kind = $2 and lease = $3";
    FREE_ALL = "update jobs set lease = null, leased_until = 0 where leased_until > 0";
    NEXT_WAKE = "select min(case when leased_until > wake_at then leased_until else wake_at end) as at from jobs";
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

/// Claims due jobs of one shop under a lease, so that nobody else works on them until it ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim(
    session: &mut Session,
    due: &Due,
    kind: Kind,
    lease: &str,
    now: Moment,
    until: Moment,
    limit: usize,
) -> Result<Vec<Claim>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let args =
        args![due.merchant.as_str(), kind.as_str(), due.shop.as_str(), now.millis(), lease, until.millis(), limit];
    let rows = session.rows(CLAIM, args).await?;
    rows.iter().map(read).collect()
}

/// Claims these jobs whether due or not, as far as nobody holds them.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim_subjects(
    session: &mut Session,
    merchant: &MerchantId,
    kind: Kind,
    subjects: &[&str],
    lease: &str,
    now: Moment,
    until: Moment,
) -> Result<Vec<Claim>, StoreError> {
    let list = json_list(subjects.iter().copied());
    let args = args![merchant.as_str(), kind.as_str(), now.millis(), lease, until.millis(), &list];
    let rows = session.rows(CLAIM_SUBJECTS, args).await?;
    rows.iter().map(read).collect()
}

fn read(row: &crate::session::Row) -> Result<Claim, StoreError> {
    Ok(Claim { subject: row.text("subject")?, wanted: row.int("wanted")?, tries: row.units("tries")? })
}

/// Ends a job. If it was asked for again meanwhile it stays and is due at `now`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn finish(
    session: &mut Session,
    merchant: &MerchantId,
    kind: Kind,
    claim: &Claim,
    lease: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let gone =
        session.execute(FINISH, args![merchant.as_str(), kind.as_str(), &claim.subject, lease, claim.wanted]).await?;
    if gone == 0 { again(session, merchant, kind, claim, lease, now, now, 0).await } else { Ok(()) }
}

/// Gives a job back, to wake at `wake_at`; if it was asked for again meanwhile, at `now`.
///
/// # Errors
/// [`StoreError`] of the database.
#[expect(clippy::too_many_arguments, reason = "each is a column of the one statement")]
pub async fn again(
    session: &mut Session,
    merchant: &MerchantId,
    kind: Kind,
    claim: &Claim,
    lease: &str,
    wake_at: Moment,
    now: Moment,
    tries: u32,
) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        kind.as_str(),
        &claim.subject,
        lease,
        claim.wanted,
        tries,
        wake_at.millis(),
        now.millis()
    ];
    session.execute(AGAIN, args).await.map(drop)
}

/// Gives back every job that this lease still holds, to wake at this moment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn free(
    session: &mut Session,
    merchant: &MerchantId,
    kind: Kind,
    lease: &str,
    wake_at: Moment,
) -> Result<(), StoreError> {
    session.execute(FREE, args![merchant.as_str(), kind.as_str(), lease, wake_at.millis()]).await.map(drop)
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

/// How many jobs wait, by kind; for metrics.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn waiting(session: &mut Session) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = session.rows(WAITING, &[]).await?;
    rows.iter().map(|row| Ok((row.text("kind")?, row.int("jobs")?))).collect()
}
