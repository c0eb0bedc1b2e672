//! Which new orders of each shop are packed by themselves.

use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Session, args, statements};
use domain::ids::{MerchantId, ShopId};
use domain::pack_rule::{PackRule, Payment};
use domain::time::Moment;

/// A shop's rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the pack_rules table")]
pub struct PackRuleRecord {
    pub rule: PackRule,
    pub set_by: String,
    pub set_at: Moment,
}

statements! {
    SET = "insert into pack_rules (merchant_id, shop_id, is_on, payment, wait_minutes, set_by, set_at) values ($1, $2, $3, $4, $5, $6, $7) \
        on conflict (merchant_id, shop_id) do update set is_on = excluded.is_on, payment = excluded.payment, \
        wait_minutes = excluded.wait_minutes, set_by = excluded.set_by, set_at = excluded.set_at";
    OF_SHOP = "select is_on, payment, wait_minutes, set_by, set_at from pack_rules where merchant_id = $1 and shop_id = $2";
}

/// Sets a shop's rule.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    record: &PackRuleRecord,
) -> Result<(), StoreError> {
    let rule = record.rule;
    let args = args![
        merchant.as_str(),
        shop.as_str(),
        rule.is_on,
        rule.payment.as_str(),
        rule.wait_minutes,
        &record.set_by,
        record.set_at.millis(),
    ];
    session.execute(SET, args).await.map(drop)
}

/// A shop's rule, where anybody ever set one.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Option<PackRuleRecord>, StoreError> {
    let Some(row) = session.row(OF_SHOP, args![merchant.as_str(), shop.as_str()]).await? else { return Ok(None) };
    Ok(Some(PackRuleRecord {
        rule: PackRule {
            is_on: row.truth("is_on")?,
            payment: parsed(&row, "payment", Payment::parse)?,
            wait_minutes: row.units("wait_minutes")?,
        },
        set_by: row.text("set_by")?,
        set_at: Moment::from_millis(row.int("set_at")?),
    }))
}
