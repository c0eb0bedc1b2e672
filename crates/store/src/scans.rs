//! What was scanned at the doors, by whom, and what the desk said.

use crate::error::StoreError;
use crate::new_id::new_id;
use crate::orders::{parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId, PackageNumber};
use domain::scan::{Reason, Verdict};
use domain::time::Moment;

/// A scan as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the scans table")]
pub struct ScanRecord {
    pub code: String,
    pub verdict: Verdict,
    pub reason: Reason,
    /// It was scanned out by this scan.
    pub shipped: bool,
    /// Why it was let pass although the platform was silent.
    pub note: Option<String>,
    pub order: Option<OrderId>,
    pub package: Option<PackageNumber>,
    pub actor: String,
    pub at: Moment,
}

macro_rules! columns {
    () => {
        "code, verdict, reason, shipped, note, order_id, package_number, actor, at"
    };
}

statements! {
    KEEP = concat!("insert into scans (merchant_id, scan_id, ", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    LATEST = concat!("select scan_id, ", columns!(), " from scans where merchant_id = $1 and actor = $2 order by scan_id desc limit $3");
    ONE = concat!("select scan_id, ", columns!(), " from scans where merchant_id = $1 and scan_id = $2");
}

/// Keeps a scan; answers its id.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn keep(session: &mut Session, merchant: &MerchantId, scan: &ScanRecord) -> Result<String, StoreError> {
    let id = new_id("scn", scan.at);
    session
        .execute(
            KEEP,
            args![
                merchant.as_str(),
                &id,
                &scan.code,
                scan.verdict.as_str(),
                scan.reason.as_str(),
                scan.shipped,
                scan.note.as_deref(),
                scan.order.as_ref().map(OrderId::as_str),
                scan.package.as_ref().map(PackageNumber::as_str),
                &scan.actor,
                scan.at.millis(),
            ],
        )
        .await?;
    Ok(id)
}

/// What somebody scanned last, newest first, with the ids.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn latest(
    session: &mut Session,
    merchant: &MerchantId,
    actor: &str,
    limit: u32,
) -> Result<Vec<(String, ScanRecord)>, StoreError> {
    session.rows(LATEST, args![merchant.as_str(), actor, limit]).await?.iter().map(read).collect()
}

/// One scan.
///
/// # Errors
/// As [`latest`].
pub async fn load(session: &mut Session, merchant: &MerchantId, id: &str) -> Result<Option<ScanRecord>, StoreError> {
    let row = session.row(ONE, args![merchant.as_str(), id]).await?;
    row.map(|row| read(&row).map(|(_, scan)| scan)).transpose()
}

fn read(row: &Row) -> Result<(String, ScanRecord), StoreError> {
    let scan = ScanRecord {
        code: row.text("code")?,
        verdict: parsed(row, "verdict", Verdict::parse)?,
        reason: parsed(row, "reason", Reason::parse)?,
        shipped: row.truth("shipped")?,
        note: row.optional_text("note")?,
        order: parsed_optional(row, "order_id", |text| OrderId::parse(text))?,
        package: parsed_optional(row, "package_number", |text| PackageNumber::parse(text))?,
        actor: row.text("actor")?,
        at: Moment::from_millis(row.int("at")?),
    };
    Ok((row.text("scan_id")?, scan))
}
