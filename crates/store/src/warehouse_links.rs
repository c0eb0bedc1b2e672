//! One-time links: with one, the warehouse's staff answers what became of an order, without an account here. Only the hash
//! of its secret is kept; it ends by age and by its first use.

use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId};
use domain::time::Moment;

/// A link as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRecord {
    /// Whose order.
    pub merchant: MerchantId,
    /// Which.
    pub order: OrderId,
    /// Which push of it.
    pub generation: u32,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Moment,
    /// From when on it is not taken any more.
    pub expires_at: Moment,
}

statements! {
    ADD = "insert into warehouse_links (token_hash, merchant_id, order_id, generation, created_by, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    ONE = "select merchant_id, order_id, generation, created_by, created_at, expires_at from warehouse_links \
        where token_hash = $1 and used_at is null and expires_at > $2";
    USE = "update warehouse_links set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2 \
        returning merchant_id, order_id, generation, created_by, created_at, expires_at";
}

/// Keeps a link by the hash of its secret.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn add(session: &mut Session, token_hash: &str, link: &LinkRecord) -> Result<(), StoreError> {
    let args = args![
        token_hash,
        link.merchant.as_str(),
        link.order.as_str(),
        link.generation,
        &link.created_by,
        link.created_at.millis(),
        link.expires_at.millis(),
    ];
    session.execute(ADD, args).await.map(drop)
}

/// A link that is neither used nor too old.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open(session: &mut Session, token_hash: &str, now: Moment) -> Result<Option<LinkRecord>, StoreError> {
    session.row(ONE, args![token_hash, now.millis()]).await?.as_ref().map(read).transpose()
}

/// Uses it up: whoever follows it again finds nothing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn use_up(session: &mut Session, token_hash: &str, now: Moment) -> Result<Option<LinkRecord>, StoreError> {
    session.row(USE, args![token_hash, now.millis()]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<LinkRecord, StoreError> {
    Ok(LinkRecord {
        merchant: parsed(row, "merchant_id", |text| MerchantId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        generation: row.units("generation")?,
        created_by: row.text("created_by")?,
        created_at: Moment::from_millis(row.int("created_at")?),
        expires_at: Moment::from_millis(row.int("expires_at")?),
    })
}
