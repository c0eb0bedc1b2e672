//! How a shop's stock is handled: the warehouses that its orders are packed in, where what is canceled comes back to, and
//! whether and how its listings are filled.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, MerchantSku, ShopId, WarehouseId};
use domain::stock_push::{PushRule, Rounding};
use std::collections::HashMap;

/// What a shop's stock is handled by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its listings are filled from here. Off until a person switches it on: a new shop's own numbers stand until the stock
    /// is counted.
    pub switched_on: bool,
    /// Where its orders are packed: the first that has the goods. Never empty.
    pub warehouses: Vec<WarehouseId>,
    /// Where its canceled orders' units are usually taken in; `None`: where the merchant's are.
    pub return_warehouse: Option<WarehouseId>,
}

/// A shop's rules: by SKU, and for every other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    every_other: PushRule,
    by_sku: HashMap<MerchantSku, PushRule>,
}

impl Rules {
    /// The rule for a SKU.
    #[must_use]
    pub fn of(&self, sku: &MerchantSku) -> PushRule {
        self.by_sku.get(sku).copied().unwrap_or(self.every_other)
    }

    /// The rule for every SKU without one of its own.
    #[must_use]
    pub const fn every_other(&self) -> PushRule {
        self.every_other
    }
}

statements! {
    SETTINGS = "select push_stock, return_warehouse_id from shops where merchant_id = $1 and shop_id = $2";
    WAREHOUSES = "select warehouse_id, -1 as position from shops where merchant_id = $1 and shop_id = $2 \
        union all select warehouse_id, position from shop_warehouses where merchant_id = $1 and shop_id = $2 order by position";
    SWITCH = "update shops set push_stock = $3 where merchant_id = $1 and shop_id = $2 and push_stock <> $3";
    SET_OWN = "update shops set warehouse_id = $3, return_warehouse_id = $4 where merchant_id = $1 and shop_id = $2";
    FORGET_FURTHER = "delete from shop_warehouses where merchant_id = $1 and shop_id = $2";
    ADD_FURTHER = "insert into shop_warehouses (merchant_id, shop_id, position, warehouse_id) values ($1, $2, $3, $4)";
    RETURN_WAREHOUSES = "select shop_id, return_warehouse_id from shops where merchant_id = $1 and return_warehouse_id is not null";
    RULES = "select merchant_sku, percent, fixed, rounding, sold_out_at from push_rules where merchant_id = $1 and shop_id = $2 \
        and (merchant_sku = '' or merchant_sku in (select value from json_each($3)))";
    RULES_OF_SHOP = "select merchant_sku, percent, fixed, rounding, sold_out_at from push_rules where merchant_id = $1 and shop_id = $2 \
        and merchant_sku > $3 order by merchant_sku limit $4";
    SAVE_RULE = "insert into push_rules (merchant_id, shop_id, merchant_sku, percent, fixed, rounding, sold_out_at) values ($1, $2, $3, $4, $5, $6, $7) \
        on conflict (merchant_id, shop_id, merchant_sku) do update set percent = excluded.percent, fixed = excluded.fixed, \
        rounding = excluded.rounding, sold_out_at = excluded.sold_out_at";
    FORGET_RULE = "delete from push_rules where merchant_id = $1 and shop_id = $2 and merchant_sku = $3";
}

/// How a shop's stock is handled; `None` where there is no such shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn settings(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Option<Settings>, StoreError> {
    let Some(row) = session.row(SETTINGS, args![merchant.as_str(), shop.as_str()]).await? else { return Ok(None) };
    Ok(Some(Settings {
        switched_on: row.truth("push_stock")?,
        warehouses: warehouses(session, merchant, shop).await?,
        return_warehouse: parsed_optional(&row, "return_warehouse_id", |text| WarehouseId::parse(text))?,
    }))
}

/// Where a shop's orders are packed: the first that has the goods.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn warehouses(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Vec<WarehouseId>, StoreError> {
    let rows = session.rows(WAREHOUSES, args![merchant.as_str(), shop.as_str()]).await?;
    rows.iter().map(|row| parsed(row, "warehouse_id", |text| WarehouseId::parse(text))).collect()
}

/// The warehouses where units of these shops' canceled orders are usually taken in, as far as a shop has one of its own.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn return_warehouses(
    session: &mut Session,
    merchant: &MerchantId,
) -> Result<HashMap<ShopId, WarehouseId>, StoreError> {
    let rows = session.rows(RETURN_WAREHOUSES, args![merchant.as_str()]).await?;
    rows.iter()
        .map(|row| {
            let shop = parsed(row, "shop_id", |text| ShopId::parse(text))?;
            Ok((shop, parsed(row, "return_warehouse_id", |text| WarehouseId::parse(text))?))
        })
        .collect()
}

/// Says whether a shop's listings are filled from here. Answers whether that is new.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn switch(session: &mut Session, merchant: &MerchantId, shop: &ShopId, on: bool) -> Result<bool, StoreError> {
    Ok(session.execute(SWITCH, args![merchant.as_str(), shop.as_str(), on]).await? > 0)
}

/// Says where a shop's orders are packed, its own warehouse first, and where what is canceled comes back to.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_warehouses(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    (own, further): (&WarehouseId, &[WarehouseId]),
    return_warehouse: Option<&WarehouseId>,
) -> Result<(), StoreError> {
    let returns = return_warehouse.map(WarehouseId::as_str);
    session.execute(SET_OWN, args![merchant.as_str(), shop.as_str(), own.as_str(), returns]).await?;
    session.execute(FORGET_FURTHER, args![merchant.as_str(), shop.as_str()]).await?;
    for (position, warehouse) in further.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        session.execute(ADD_FURTHER, args![merchant.as_str(), shop.as_str(), position, warehouse.as_str()]).await?;
    }
    Ok(())
}

/// The rules that hold for these SKUs in a shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rules(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    skus: &[MerchantSku],
) -> Result<Rules, StoreError> {
    let list = json_list(skus.iter().map(MerchantSku::as_str));
    let mut rules = Rules::default();
    for row in session.rows(RULES, args![merchant.as_str(), shop.as_str(), &list]).await? {
        match row.text("merchant_sku")?.as_str() {
            "" => rules.every_other = read_rule(&row)?,
            _ => {
                rules.by_sku.insert(parsed(&row, "merchant_sku", |text| MerchantSku::parse(text))?, read_rule(&row)?);
            }
        }
    }
    Ok(rules)
}

/// A page of a shop's rules for single SKUs; `after` is the last SKU of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rules_of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<(MerchantSku, PushRule)>, StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), after.unwrap_or_default(), limit];
    let rows = session.rows(RULES_OF_SHOP, args).await?;
    rows.iter()
        .map(|row| Ok((parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?, read_rule(row)?)))
        .collect()
}

/// Keeps a rule, of one SKU or of every other; without a rule, forgets the one that was kept.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_rule(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    sku: Option<&MerchantSku>,
    rule: Option<&PushRule>,
) -> Result<(), StoreError> {
    let sku = sku.map_or("", MerchantSku::as_str);
    let Some(rule) = rule else {
        return session.execute(FORGET_RULE, args![merchant.as_str(), shop.as_str(), sku]).await.map(drop);
    };
    let args = args![
        merchant.as_str(),
        shop.as_str(),
        sku,
        i64::from(rule.percent()),
        rule.fixed(),
        rule.rounding().as_str(),
        rule.sold_out_at()
    ];
    session.execute(SAVE_RULE, args).await.map(drop)
}

fn read_rule(row: &Row) -> Result<PushRule, StoreError> {
    let percent = row.int("percent")?;
    PushRule::new(percent, row.int("fixed")?, parsed(row, "rounding", Rounding::parse)?, row.int("sold_out_at")?)
        .map_err(|_| StoreError::unreadable("percent", percent))
}
