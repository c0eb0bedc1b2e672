//! Why a number is what it is: the movements of one SKU in one warehouse up to a moment, what they had made of each bucket
//! after each of them, and the course over time.

use crate::error::StoreError;
use crate::orders::{parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, MerchantSku, OrderId, WarehouseId};
use domain::stock::{Balance, Bucket, Cause};
use domain::time::{Moment, Span};

/// A movement as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of stock::Movement")]
pub struct MovementRecord {
    pub id: String,
    pub at: Moment,
    pub from: Bucket,
    pub to: Bucket,
    pub units: i64,
    pub cause: Cause,
    pub order: Option<OrderId>,
    pub actor: String,
}

/// Which movements are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The warehouse.
    pub warehouse: &'a WarehouseId,
    /// The merchant SKU.
    pub sku: &'a MerchantSku,
    /// Those that changed this bucket; `None` means all.
    pub bucket: Option<Bucket>,
    /// Those up to this moment; `None` means all.
    pub until: Option<Moment>,
}

impl Wanted<'_> {
    fn until(&self) -> i64 {
        self.until.map_or(i64::MAX, Moment::millis)
    }
}

/// From when to when something moved, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// The first movement.
    pub first: Moment,
    /// The last movement.
    pub last: Moment,
    /// How many there are.
    pub movements: i64,
}

/// A column with what movements brought into a bucket, less what they took out of it.
macro_rules! net {
    ($bucket:literal) => {
        concat!(
            "cast(coalesce(sum(case when to_bucket = '",
            $bucket,
            "' then units when from_bucket = '",
            $bucket,
            "' then -units else 0 end), 0) as bigint) as ",
            $bucket,
            "_units"
        )
    };
}
/// The same for every bucket that is kept.
macro_rules! net_of_all {
    () => {
        concat!(
            net!("available"),
            ", ",
            net!("reserved"),
            ", ",
            net!("count_needed"),
            ", ",
            net!("allocated"),
            ", ",
            net!("defective"),
            ", ",
            net!("outbound"),
            ", ",
            net!("returning"),
            ", ",
            net!("lost")
        )
    };
}
pub(crate) use {net, net_of_all};

statements! {
    MOVEMENTS = "select movement_id, at, from_bucket, to_bucket, units, cause, order_id, actor from movements \
        where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 and movement_id < $4 and at <= $5 \
        and (cast($6 as text) is null or from_bucket = $6 or to_bucket = $6) order by movement_id desc limit $7";
    TOTALS = concat!("select ", net_of_all!(), " from movements \
        where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 and movement_id <= $4 and at <= $5");
    COURSE = "select min(at) as first_at, max(at) as last_at, count(*) as movements from movements \
        where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 and at <= $4";
    SLOTS = concat!("select slot, ", net_of_all!(), " from (select (at - $4) / $5 as slot, from_bucket, to_bucket, units from movements \
        where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 and at <= $6) moved group by slot order by slot");
}

/// After every id.
const LAST: &str = "\u{10FFFF}";

/// The movements, newest first; `before` is the last id of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn movements(
    session: &mut Session,
    merchant: &MerchantId,
    wanted: &Wanted<'_>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<MovementRecord>, StoreError> {
    let args = args![
        merchant.as_str(),
        wanted.warehouse.as_str(),
        wanted.sku.as_str(),
        before.unwrap_or(LAST),
        wanted.until(),
        wanted.bucket.map(Bucket::as_str),
        limit
    ];
    let rows = session.rows(MOVEMENTS, args).await?;
    rows.iter().map(read_movement).collect()
}

fn read_movement(row: &Row) -> Result<MovementRecord, StoreError> {
    Ok(MovementRecord {
        id: row.text("movement_id")?,
        at: Moment::from_millis(row.int("at")?),
        from: parsed(row, "from_bucket", Bucket::parse)?,
        to: parsed(row, "to_bucket", Bucket::parse)?,
        units: row.int("units")?,
        cause: parsed(row, "cause", Cause::parse)?,
        order: parsed_optional(row, "order_id", |text| OrderId::parse(text))?,
        actor: row.text("actor")?,
    })
}

/// What the movements up to the moment, and up to this one of them, make of each bucket: their sum.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn totals(
    session: &mut Session,
    merchant: &MerchantId,
    wanted: &Wanted<'_>,
    up_to: Option<&str>,
) -> Result<Balance, StoreError> {
    let args =
        args![merchant.as_str(), wanted.warehouse.as_str(), wanted.sku.as_str(), up_to.unwrap_or(LAST), wanted.until()];
    let row = session.row(TOTALS, args).await?;
    row.map_or(Ok(Balance::default()), |row| read_net(&row))
}

/// The sums of [`net_of_all`].
pub(crate) fn read_net(row: &Row) -> Result<Balance, StoreError> {
    Ok(Balance {
        available: row.int("available_units")?,
        reserved: row.int("reserved_units")?,
        count_needed: row.int("count_needed_units")?,
        allocated: row.int("allocated_units")?,
        defective: row.int("defective_units")?,
        outbound: row.int("outbound_units")?,
        returning: row.int("returning_units")?,
        lost: row.int("lost_units")?,
    })
}

/// From when to when anything moved; `None` where nothing did.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn course(
    session: &mut Session,
    merchant: &MerchantId,
    wanted: &Wanted<'_>,
) -> Result<Option<Course>, StoreError> {
    let args = args![merchant.as_str(), wanted.warehouse.as_str(), wanted.sku.as_str(), wanted.until()];
    let Some(row) = session.row(COURSE, args).await? else { return Ok(None) };
    let (Some(first), Some(last)) = (row.optional_int("first_at")?, row.optional_int("last_at")?) else {
        return Ok(None);
    };
    let (first, last) = (Moment::from_millis(first), Moment::from_millis(last));
    Ok(Some(Course { first, last, movements: row.int("movements")? }))
}

/// What each bucket held at the end of every stretch of time in which something moved, oldest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn over_time(
    session: &mut Session,
    merchant: &MerchantId,
    wanted: &Wanted<'_>,
    from: Moment,
    stretch: Span,
) -> Result<Vec<(Moment, Balance)>, StoreError> {
    let millis = stretch.millis().max(1);
    let args =
        args![merchant.as_str(), wanted.warehouse.as_str(), wanted.sku.as_str(), from.millis(), millis, wanted.until()];
    let mut sum = Balance::default();
    let rows = session.rows(SLOTS, args).await?;
    rows.iter()
        .map(|row| {
            sum = sum.plus(read_net(row)?);
            Ok((from.plus(Span::from_millis(row.int("slot")?.saturating_mul(millis))), sum))
        })
        .collect()
}
