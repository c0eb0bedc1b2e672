//! The label cache: where each package's label stands, and the bytes, each once by what they are (ADR 10).

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId, PackageNumber, PrintBatchId};
use domain::label::{Format, LabelState};
use domain::time::Moment;
use sha2::{Digest as _, Sha256};

/// A package's label as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the labels table")]
pub struct LabelRecord {
    pub order: OrderId,
    pub package: PackageNumber,
    pub state: LabelState,
    /// SHA-256 of the bytes in hex.
    pub content_hash: Option<String>,
    /// Why there is none, in the platform's words.
    pub message: Option<String>,
    pub fetched_at: Option<Moment>,
    /// How often it was printed.
    pub prints: u32,
    pub printed_at: Option<Moment>,
    /// The batch of its latest print, and its place in it, from 1.
    pub print: Option<(PrintBatchId, u32)>,
    /// Who took the parcel out of the pile since, and when.
    pub pulled: Option<(String, Moment)>,
}

impl LabelRecord {
    /// A label that nothing is known of yet.
    #[must_use]
    pub const fn new(order: OrderId, package: PackageNumber) -> Self {
        Self {
            order,
            package,
            state: LabelState::None,
            content_hash: None,
            message: None,
            fetched_at: None,
            prints: 0,
            printed_at: None,
            print: None,
            pulled: None,
        }
    }
}

statements! {
    SAVE = "insert into labels (merchant_id, order_id, package_number, state, content_hash, message, fetched_at, prints, printed_at, \
        print_batch_id, print_position, pulled_at, pulled_by) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (merchant_id, order_id, package_number) do update set \
        state = excluded.state, content_hash = excluded.content_hash, message = excluded.message, fetched_at = excluded.fetched_at, \
        prints = excluded.prints, printed_at = excluded.printed_at, print_batch_id = excluded.print_batch_id, \
        print_position = excluded.print_position, pulled_at = excluded.pulled_at, pulled_by = excluded.pulled_by";
    OF_ORDERS = "select order_id, package_number, state, content_hash, message, fetched_at, prints, printed_at, print_batch_id, print_position, \
        pulled_at, pulled_by from labels \
        where merchant_id = $1 and order_id in (select value from json_each($2)) order by order_id, package_number";
    MAKE_STALE = "update labels set state = 'stale' where merchant_id = $1 and order_id = $2 and state = 'cached'";
    KEEP_FILE = "insert into label_files (merchant_id, content_hash, format, bytes) values ($1, $2, $3, $4) \
        on conflict (merchant_id, content_hash) do nothing";
    FILE = "select format, bytes from label_files where merchant_id = $1 and content_hash = $2";
}

/// Saves where a package's label stands.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, merchant: &MerchantId, record: &LabelRecord) -> Result<(), StoreError> {
    session
        .execute(
            SAVE,
            args![
                merchant.as_str(),
                record.order.as_str(),
                record.package.as_str(),
                record.state.as_str(),
                record.content_hash.as_deref(),
                record.message.as_deref(),
                record.fetched_at.map(Moment::millis),
                record.prints,
                record.printed_at.map(Moment::millis),
                record.print.as_ref().map(|(batch, _)| batch.as_str()),
                record.print.as_ref().map(|(_, position)| i64::from(*position)),
                record.pulled.as_ref().map(|(_, at)| at.millis()),
                record.pulled.as_ref().map(|(by, _)| by.as_str()),
            ],
        )
        .await
        .map(drop)
}

/// The labels of these orders' packages, as far as anything is known of them.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<LabelRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?.iter().map(read).collect()
}

/// Says that an order's cached labels are wrong from now on.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn make_stale(session: &mut Session, merchant: &MerchantId, order: &OrderId) -> Result<(), StoreError> {
    session.execute(MAKE_STALE, args![merchant.as_str(), order.as_str()]).await.map(drop)
}

/// Keeps a label's bytes, once however often they come; answers the name under which they are found.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn keep_file(session: &mut Session, merchant: &MerchantId, bytes: &[u8]) -> Result<String, StoreError> {
    let hash = hex::encode(Sha256::digest(bytes));
    let format = Format::of(bytes);
    session.execute(KEEP_FILE, args![merchant.as_str(), &hash, format.as_str(), bytes]).await?;
    Ok(hash)
}

/// A label's bytes by their name.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn file(
    session: &mut Session,
    merchant: &MerchantId,
    content_hash: &str,
) -> Result<Option<(Format, Vec<u8>)>, StoreError> {
    match session.row(FILE, args![merchant.as_str(), content_hash]).await? {
        Some(row) => Ok(Some((parsed(&row, "format", Format::parse)?, row.bytes("bytes")?))),
        None => Ok(None),
    }
}

fn read(row: &Row) -> Result<LabelRecord, StoreError> {
    Ok(LabelRecord {
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        package: parsed(row, "package_number", |text| PackageNumber::parse(text))?,
        state: parsed(row, "state", LabelState::parse)?,
        content_hash: row.optional_text("content_hash")?,
        message: row.optional_text("message")?,
        fetched_at: row.optional_int("fetched_at")?.map(Moment::from_millis),
        prints: row.units("prints")?,
        printed_at: row.optional_int("printed_at")?.map(Moment::from_millis),
        print: match parsed_optional(row, "print_batch_id", |text| PrintBatchId::parse(text))? {
            Some(batch) => Some((batch, row.units("print_position")?)),
            None => None,
        },
        pulled: match (row.optional_text("pulled_by")?, row.optional_int("pulled_at")?) {
            (Some(by), Some(at)) => Some((by, Moment::from_millis(at))),
            _ => None,
        },
    })
}
