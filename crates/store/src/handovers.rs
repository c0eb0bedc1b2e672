//! Piles that wait for their courier, and what was found when they were looked at before the courier signed.

use crate::error::StoreError;
use crate::new_id::new_id;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId, PackageNumber, ShopId};
use domain::scan::{Reason, Verdict};
use domain::time::Moment;
use serde_json::{Value, json};

/// Parcels of one shop that wait for one carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pile {
    /// The shop.
    pub shop: ShopId,
    /// The carrier, as the platform names it.
    pub carrier: String,
    /// How many.
    pub parcels: u32,
}

/// A parcel of a pile, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedParcel {
    /// Its order.
    pub order: OrderId,
    /// Its package; `None` where the order has none.
    pub package: Option<PackageNumber>,
    /// What it must do.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Why the platform did not say anything of it.
    pub unread: Option<String>,
}

impl CheckedParcel {
    /// Whether it has to come out of the pile.
    #[must_use]
    pub const fn comes_out(&self) -> bool {
        !matches!(self.verdict, Verdict::Ship)
    }
}

/// One look at a pile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverCheck {
    /// The shop; `None` means several.
    pub shop: Option<ShopId>,
    /// The carrier; `None` means several.
    pub carrier: Option<String>,
    /// What was in the pile.
    pub parcels: Vec<CheckedParcel>,
    /// Codes that name no parcel.
    pub unknown: Vec<String>,
    /// Who looked.
    pub actor: String,
    /// When.
    pub at: Moment,
}

/// The orders that wait for their courier, taken first: left to itself, SQLite walks every order, or every package, that
/// there ever was.
macro_rules! waiting {
    () => {
        "with waiting as materialized (select merchant_id, order_id, shop_id from orders where merchant_id = $1 and list = 'to_pickup' \
         and (cast($2 as text) is null or shop_id in (select value from json_each($2)))) "
    };
}

statements! {
    PILES = concat!(waiting!(), "select o.shop_id, p.carrier, count(*) as parcels from waiting o cross join packages p \
        where p.merchant_id = o.merchant_id and p.order_id = o.order_id group by o.shop_id, p.carrier order by o.shop_id, p.carrier");
    IN_PILE = concat!(waiting!(), "select o.order_id, p.number from waiting o cross join packages p \
        where p.merchant_id = o.merchant_id and p.order_id = o.order_id and (cast($3 as text) is null or p.carrier = $3) \
        order by o.order_id, p.number limit $4");
    KEEP = "insert into handover_checks (merchant_id, check_id, shop_id, carrier, parcels, unknown, actor, at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    ONE = "select check_id, shop_id, carrier, parcels, unknown, actor, at from handover_checks where merchant_id = $1 and check_id = $2";
    LATEST = "select check_id, shop_id, carrier, parcels, unknown, actor, at from handover_checks where merchant_id = $1 \
        order by check_id desc limit $2";
}

fn shop_list(shops: Option<&[ShopId]>) -> Option<String> {
    shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)))
}

/// The piles of these shops.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn piles(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
) -> Result<Vec<Pile>, StoreError> {
    let rows = session.rows(PILES, args![merchant.as_str(), shop_list(shops)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Pile {
                shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
                carrier: row.text("carrier")?,
                parcels: row.units("parcels")?,
            })
        })
        .collect()
}

/// What waits for a carrier, of these shops.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn in_pile(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
    carrier: Option<&str>,
    limit: u32,
) -> Result<Vec<(OrderId, PackageNumber)>, StoreError> {
    let rows = session.rows(IN_PILE, args![merchant.as_str(), shop_list(shops), carrier, limit]).await?;
    rows.iter()
        .map(|row| {
            let order = parsed(row, "order_id", |text| OrderId::parse(text))?;
            Ok((order, parsed(row, "number", |text| PackageNumber::parse(text))?))
        })
        .collect()
}

/// Keeps what was found; answers its id.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn keep(session: &mut Session, merchant: &MerchantId, check: &HandoverCheck) -> Result<String, StoreError> {
    let id = new_id("hoc", check.at);
    let parcel = |parcel: &CheckedParcel| {
        json!({
            "order": parcel.order.as_str(),
            "package": parcel.package.as_ref().map(PackageNumber::as_str),
            "verdict": parcel.verdict.as_str(),
            "reason": parcel.reason.as_str(),
            "unread": parcel.unread,
        })
    };
    let parcels = Value::Array(check.parcels.iter().map(parcel).collect()).to_string();
    session
        .execute(
            KEEP,
            args![
                merchant.as_str(),
                &id,
                check.shop.as_ref().map(ShopId::as_str),
                check.carrier.as_deref(),
                &parcels,
                json_list(check.unknown.iter().map(String::as_str)),
                &check.actor,
                check.at.millis(),
            ],
        )
        .await?;
    Ok(id)
}

/// One look at a pile.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load(session: &mut Session, merchant: &MerchantId, id: &str) -> Result<Option<HandoverCheck>, StoreError> {
    let row = session.row(ONE, args![merchant.as_str(), id]).await?;
    row.map(|row| read(&row).map(|(_, check)| check)).transpose()
}

/// The last looks, newest first, with their ids.
///
/// # Errors
/// As [`load`].
pub async fn latest(
    session: &mut Session,
    merchant: &MerchantId,
    limit: u32,
) -> Result<Vec<(String, HandoverCheck)>, StoreError> {
    session.rows(LATEST, args![merchant.as_str(), limit]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(String, HandoverCheck), StoreError> {
    let text = row.text("parcels")?;
    let unreadable = || StoreError::unreadable("parcels", &text);
    let list: Vec<Value> = serde_json::from_str(&text).map_err(|_| unreadable())?;
    let parcel = |value: &Value| {
        let word = |name: &str| value[name].as_str();
        Some(CheckedParcel {
            order: OrderId::parse(word("order")?).ok()?,
            package: word("package").and_then(|number| PackageNumber::parse(number).ok()),
            verdict: Verdict::parse(word("verdict")?).ok()?,
            reason: Reason::parse(word("reason")?).ok()?,
            unread: word("unread").map(str::to_owned),
        })
    };
    let parcels = list.iter().map(parcel).collect::<Option<Vec<_>>>().ok_or_else(unreadable)?;
    let unknown = row.text("unknown")?;
    let check = HandoverCheck {
        shop: parsed_optional(row, "shop_id", |text| ShopId::parse(text))?,
        carrier: row.optional_text("carrier")?,
        parcels,
        unknown: serde_json::from_str(&unknown).map_err(|_| StoreError::unreadable("unknown", &unknown))?,
        actor: row.text("actor")?,
        at: Moment::from_millis(row.int("at")?),
    };
    Ok((row.text("check_id")?, check))
}
