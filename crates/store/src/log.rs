//! The log of everything that was done, by a person or by a rule. Nothing in it is ever changed.

use crate::error::StoreError;
use crate::new_id::new_id;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, OrderId, ShopId};
use domain::time::Moment;
use serde_json::{Value, json};

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Who: a user's e-mail, `rule`, `platform` or `countermand`.
    pub actor: &'a str,
    /// What, in dotted words: `cancellation.requested`.
    pub action: &'a str,
    /// In which shop.
    pub shop: Option<&'a ShopId>,
    /// On which order.
    pub order: Option<&'a OrderId>,
    /// On what: an order number, a cancellation's id, a user.
    pub subject: &'a str,
    /// In words.
    pub detail: &'a str,
}

/// An entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Entry")]
pub struct EntryRecord {
    pub id: String,
    pub at: Moment,
    pub actor: String,
    pub action: String,
    pub shop: Option<ShopId>,
    pub order: Option<OrderId>,
    pub subject: String,
    pub detail: String,
}

statements! {
    WRITE = "insert into log (merchant_id, entry_id, at, actor, action, shop_id, order_id, subject, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    WRITE_MANY = "insert into log (merchant_id, entry_id, at, actor, action, shop_id, order_id, subject, detail) \
        select $1, json_extract(value, '$.id'), cast($3 as bigint), json_extract(value, '$.actor'), json_extract(value, '$.action'), \
        json_extract(value, '$.shop'), json_extract(value, '$.order'), json_extract(value, '$.subject'), json_extract(value, '$.detail') \
        from json_each($2)";
    OF_ORDER = "select entry_id, at, actor, action, shop_id, order_id, subject, detail from log \
        where merchant_id = $1 and order_id = $2 order by entry_id limit 500";
    PAGE = "select entry_id, at, actor, action, shop_id, order_id, subject, detail from log where merchant_id = $1 \
        and entry_id < $2 and (cast($3 as text) is null or actor = $3) and (cast($4 as text) is null or action >= $4 and action < $5) \
        and (cast($6 as text) is null or lower(subject) like $6 or lower(detail) like $6) \
        and (cast($7 as text) is null or shop_id is null or shop_id in (select value from json_each($7))) \
        order by entry_id desc limit $8";
    SINCE = "select merchant_id, entry_id, at, actor, action, shop_id, order_id, subject, detail from log where merchant_id = $1 and entry_id > $2 \
        order by entry_id limit 1000";
}

/// Writes an entry.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn write(
    session: &mut Session,
    merchant: &MerchantId,
    at: Moment,
    entry: &Entry<'_>,
) -> Result<(), StoreError> {
    session
        .execute(
            WRITE,
            args![
                merchant.as_str(),
                new_id("log", at),
                at.millis(),
                entry.actor,
                entry.action,
                entry.shop.map(ShopId::as_str),
                entry.order.map(OrderId::as_str),
                entry.subject,
                entry.detail,
            ],
        )
        .await
        .map(drop)
}

/// Writes many entries of the same moment, in one statement.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn write_many(
    session: &mut Session,
    merchant: &MerchantId,
    at: Moment,
    entries: &[Entry<'_>],
) -> Result<(), StoreError> {
    let row = |entry: &Entry<'_>| {
        json!({
            "id": new_id("log", at),
            "actor": entry.actor,
            "action": entry.action,
            "shop": entry.shop.map(ShopId::as_str),
            "order": entry.order.map(OrderId::as_str),
            "subject": entry.subject,
            "detail": entry.detail,
        })
    };
    let rows: Vec<Value> = entries.iter().map(row).collect();
    session.execute(WRITE_MANY, args![merchant.as_str(), Value::from(rows).to_string(), at.millis()]).await.map(drop)
}

/// What happened to one order, oldest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_order(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
) -> Result<Vec<EntryRecord>, StoreError> {
    let rows = session.rows(OF_ORDER, args![merchant.as_str(), order.as_str()]).await?;
    rows.iter().map(read).collect()
}

/// What to look for in the log.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Written by this actor.
    pub actor: Option<String>,
    /// Actions that begin so.
    pub action: Option<String>,
    /// Subject or detail holds these words.
    pub words: Option<String>,
    /// Only of these shops, and what belongs to none.
    pub shops: Option<Vec<ShopId>>,
}

/// A page of the log, newest first; `before` is the last id of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    search: &Search,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<EntryRecord>, StoreError> {
    let words = search.words.as_ref().map(|words| format!("%{}%", words.to_lowercase()));
    let action_end = search.action.as_ref().map(|action| format!("{action}\u{10FFFF}"));
    let shops = search.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let rows = session
        .rows(
            PAGE,
            args![
                merchant.as_str(),
                before.unwrap_or("\u{10FFFF}"),
                search.actor.as_deref(),
                search.action.as_deref(),
                action_end.as_deref(),
                words.as_deref(),
                shops.as_deref(),
                limit,
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// What was written after this id, oldest first: the source of the event stream.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn since(session: &mut Session, merchant: &MerchantId, after: &str) -> Result<Vec<EntryRecord>, StoreError> {
    let rows = session.rows(SINCE, args![merchant.as_str(), after]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<EntryRecord, StoreError> {
    Ok(EntryRecord {
        id: row.text("entry_id")?,
        at: Moment::from_millis(row.int("at")?),
        actor: row.text("actor")?,
        action: row.text("action")?,
        shop: parsed_optional(row, "shop_id", |text| ShopId::parse(text))?,
        order: parsed_optional(row, "order_id", |text| OrderId::parse(text))?,
        subject: parsed(row, "subject", |text| Ok::<_, StoreError>(text.to_owned()))?,
        detail: row.text("detail")?,
    })
}
