//! Labels that went out as one print, in the order of printing, and the printed parcels that must be taken out of the pile.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId, PackageNumber, PrintBatchId, ShopId};
use domain::time::Moment;
use serde_json::{Value, json};

/// Labels that went out as one print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintBatch {
    /// Its id; sorts by time.
    pub id: PrintBatchId,
    /// How many labels.
    pub labels: u32,
    /// Who printed them.
    pub actor: String,
    /// When.
    pub at: Moment,
}

/// One label of a print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedLabel {
    /// Its place, from 1.
    pub position: u32,
    /// The order.
    pub order: OrderId,
    /// The package.
    pub package: PackageNumber,
    /// Which print of it this was, from 1.
    pub copy: u32,
}

/// A printed parcel that must be taken out of the pile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToPull {
    /// The order.
    pub order: OrderId,
    /// The package.
    pub package: PackageNumber,
    /// The batch that it was printed in, and its place there; `None` where that was before batches were kept.
    pub print: Option<(PrintBatchId, u32)>,
    /// When it was printed.
    pub printed_at: Option<Moment>,
    /// Who printed the batch.
    pub printed_by: Option<String>,
}

/// What must be pulled: printed, still here, not taken out yet, and canceled, being canceled, asked to be, or in part.
macro_rules! to_pull {
    () => {
        " from labels l join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id \
          left join print_batches b on b.merchant_id = l.merchant_id and b.print_batch_id = l.print_batch_id \
          where l.merchant_id = $1 and l.prints > 0 and not l.gone and l.pulled_at is null \
          and (o.cancelling or o.standing in ('canceled', 'cancel_requested') or exists \
          (select 1 from returns r where r.merchant_id = l.merchant_id and r.order_id = l.order_id and r.units > 0)) \
          and (cast($2 as text) is null or o.shop_id in (select value from json_each($2)))"
    };
}

statements! {
    BEGIN = "insert into print_batches (merchant_id, print_batch_id, labels, actor, at) values ($1, $2, $3, $4, $5)";
    ADD = "insert into prints (merchant_id, print_batch_id, position, order_id, package_number, copy) \
        select $1, $2, cast(json_extract(value, '$.position') as bigint), json_extract(value, '$.order'), \
        json_extract(value, '$.package'), cast(json_extract(value, '$.copy') as bigint) from json_each($3)";
    PAGE = "select print_batch_id, labels, actor, at from print_batches b where merchant_id = $1 and print_batch_id < $2 \
        and (cast($3 as text) is null or exists (select 1 from prints p join orders o on o.merchant_id = p.merchant_id \
        and o.order_id = p.order_id where p.merchant_id = b.merchant_id and p.print_batch_id = b.print_batch_id \
        and o.shop_id in (select value from json_each($3)))) order by print_batch_id desc limit $4";
    ONE = "select print_batch_id, labels, actor, at from print_batches where merchant_id = $1 and print_batch_id = $2";
    OF_BATCH = "select position, order_id, package_number, copy from prints where merchant_id = $1 and print_batch_id = $2 order by position";
    TO_PULL = concat!("select l.order_id, l.package_number, l.print_batch_id, l.print_position, l.printed_at, b.actor", to_pull!(),
        " order by coalesce(l.print_batch_id, ''), coalesce(l.print_position, 0), l.order_id, l.package_number limit $3");
    TO_PULL_OF_ORDERS = concat!("select l.order_id, l.package_number, l.print_batch_id, l.print_position, l.printed_at, b.actor", to_pull!(),
        " and l.order_id in (select value from json_each($3)) order by l.order_id, l.package_number");
    PULLED = "update labels set pulled_at = $4, pulled_by = $5 where merchant_id = $1 and order_id = $2 and package_number = $3 \
        and pulled_at is null";
}

/// Keeps what went out as one print, in its order.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn keep(
    session: &mut Session,
    merchant: &MerchantId,
    batch: &PrintBatch,
    labels: &[PrintedLabel],
) -> Result<(), StoreError> {
    let (id, at) = (batch.id.as_str(), batch.at.millis());
    session.execute(BEGIN, args![merchant.as_str(), id, batch.labels, &batch.actor, at]).await?;
    let row = |label: &PrintedLabel| {
        json!({
            "position": label.position,
            "order": label.order.as_str(),
            "package": label.package.as_str(),
            "copy": label.copy,
        })
    };
    let rows = Value::Array(labels.iter().map(row).collect()).to_string();
    session.execute(ADD, args![merchant.as_str(), id, &rows]).await.map(drop)
}

fn shop_list(shops: Option<&[ShopId]>) -> Option<String> {
    shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)))
}

/// A page of prints, newest first, that hold labels of these shops; `before` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<PrintBatch>, StoreError> {
    let args = args![merchant.as_str(), before.unwrap_or("\u{10FFFF}"), shop_list(shops), limit];
    session.rows(PAGE, args).await?.iter().map(read_batch).collect()
}

/// One print.
///
/// # Errors
/// As [`page`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    id: &PrintBatchId,
) -> Result<Option<PrintBatch>, StoreError> {
    session.row(ONE, args![merchant.as_str(), id.as_str()]).await?.map(|row| read_batch(&row)).transpose()
}

/// The labels of a print, in the order of printing.
///
/// # Errors
/// As [`page`].
pub async fn of_batch(
    session: &mut Session,
    merchant: &MerchantId,
    id: &PrintBatchId,
) -> Result<Vec<PrintedLabel>, StoreError> {
    let rows = session.rows(OF_BATCH, args![merchant.as_str(), id.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(PrintedLabel {
                position: row.units("position")?,
                order: parsed(row, "order_id", |text| OrderId::parse(text))?,
                package: parsed(row, "package_number", |text| PackageNumber::parse(text))?,
                copy: row.units("copy")?,
            })
        })
        .collect()
}

/// What must be taken out of the pile, print by print, in the order of printing.
///
/// # Errors
/// As [`page`].
pub async fn to_pull(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
    limit: u32,
) -> Result<Vec<ToPull>, StoreError> {
    let args = args![merchant.as_str(), shop_list(shops), limit];
    session.rows(TO_PULL, args).await?.iter().map(read_to_pull).collect()
}

/// The same, of these orders alone.
///
/// # Errors
/// As [`page`].
pub async fn to_pull_of(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<ToPull>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    let args = args![merchant.as_str(), None::<&str>, &list];
    session.rows(TO_PULL_OF_ORDERS, args).await?.iter().map(read_to_pull).collect()
}

/// Notes that a parcel was taken out of the pile; false where somebody was faster.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn pulled(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    package: &PackageNumber,
    actor: &str,
    at: Moment,
) -> Result<bool, StoreError> {
    let args = args![merchant.as_str(), order.as_str(), package.as_str(), at.millis(), actor];
    Ok(session.execute(PULLED, args).await? > 0)
}

fn read_batch(row: &Row) -> Result<PrintBatch, StoreError> {
    Ok(PrintBatch {
        id: parsed(row, "print_batch_id", |text| PrintBatchId::parse(text))?,
        labels: row.units("labels")?,
        actor: row.text("actor")?,
        at: Moment::from_millis(row.int("at")?),
    })
}

fn read_to_pull(row: &Row) -> Result<ToPull, StoreError> {
    Ok(ToPull {
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        package: parsed(row, "package_number", |text| PackageNumber::parse(text))?,
        print: match parsed_optional(row, "print_batch_id", |text| PrintBatchId::parse(text))? {
            Some(batch) => Some((batch, row.units("print_position")?)),
            None => None,
        },
        printed_at: row.optional_int("printed_at")?.map(Moment::from_millis),
        printed_by: row.optional_text("actor")?,
    })
}
