//! Accounts at third-party warehouses, their sealed credentials, and which goods lie there.

use crate::Store;
use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Row, Session, args, statements};
use domain::destination::{Destination, Part};
use domain::ids::{MerchantId, MerchantSku, ShopId, WarehouseId};
use domain::provider::Provider;
use domain::time::Moment;

/// An account as it is kept, its credentials opened.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct AccountRecord {
    pub merchant: MerchantId,
    /// The warehouse that its goods lie in.
    pub warehouse: WarehouseId,
    /// What people call that warehouse.
    pub name: String,
    pub provider: Provider,
    /// The provider's own id of the account.
    pub account: String,
    /// Base URL of the provider's API.
    pub address: String,
    /// The credentials as its connector writes them.
    pub credentials: String,
    /// Moves with every change of the credentials.
    pub grant_version: i64,
    /// Whom to call when goods have to be stopped.
    pub contact: String,
    /// Where it is told that parcels go; none: what the order says.
    pub destination: Option<Destination>,
    /// What a person has to do about it.
    pub alert: Option<String>,
}

impl std::fmt::Debug for AccountRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRecord")
            .field("merchant", &self.merchant)
            .field("warehouse", &self.warehouse)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Which goods of a shop lie at a third-party warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRecord {
    /// Of which shop.
    pub shop: ShopId,
    /// Which merchant SKUs begin so; empty: all.
    pub sku_prefix: String,
    /// Where they lie.
    pub warehouse: WarehouseId,
    /// Asked back as soon as a buyer asks to cancel.
    pub withdraw_on_request: bool,
}

/// The rule that a SKU follows: of those that it begins with, the longest.
#[must_use]
pub fn rule_of<'a>(rules: &'a [RuleRecord], sku: &MerchantSku) -> Option<&'a RuleRecord> {
    let fitting = rules.iter().filter(|rule| sku.as_str().starts_with(&rule.sku_prefix));
    fitting.max_by_key(|rule| rule.sku_prefix.len())
}

macro_rules! columns {
    () => {
        "a.warehouse_id, w.name, a.provider, a.account, a.address, a.credentials, a.grant_version, a.contact, a.alert, \
            a.told_address, a.told_city, a.told_province, a.told_postal_code"
    };
}

statements! {
    ADD = "insert into warehouse_accounts (merchant_id, warehouse_id, provider, account, address, credentials, grant_version, contact, created_at, \
        told_address, told_city, told_province, told_postal_code) values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12)";
    ADD_ROUTE = "insert into warehouse_routes (route, merchant_id, warehouse_id) values ($1, $2, $3)";
    ROUTE = "select merchant_id, warehouse_id from warehouse_routes where route = $1";
    ROUTE_OF = "select route from warehouse_routes where merchant_id = $1 and warehouse_id = $2";
    ONE = concat!("select ", columns!(), " from warehouse_accounts a join warehouses w on w.merchant_id = a.merchant_id \
        and w.warehouse_id = a.warehouse_id where a.merchant_id = $1 and a.warehouse_id = $2");
    OF_MERCHANT = concat!("select ", columns!(), " from warehouse_accounts a join warehouses w on w.merchant_id = a.merchant_id \
        and w.warehouse_id = a.warehouse_id where a.merchant_id = $1 order by w.name, a.warehouse_id");
    SET_CREDENTIALS = "update warehouse_accounts set credentials = $3, grant_version = grant_version + 1, alert = null \
        where merchant_id = $1 and warehouse_id = $2";
    SET_CONTACT = "update warehouse_accounts set contact = $3 where merchant_id = $1 and warehouse_id = $2";
    SET_DESTINATION = "update warehouse_accounts set told_address = $3, told_city = $4, told_province = $5, told_postal_code = $6 \
        where merchant_id = $1 and warehouse_id = $2";
    SET_ADDRESS = "update warehouse_accounts set address = $3 where merchant_id = $1 and warehouse_id = $2";
    SET_ALERT = "update warehouse_accounts set alert = $3 where merchant_id = $1 and warehouse_id = $2";
    SAVE_RULE = "insert into warehouse_rules (merchant_id, shop_id, sku_prefix, warehouse_id, withdraw_on_request, created_at) \
        values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, shop_id, sku_prefix) do update set warehouse_id = excluded.warehouse_id, \
        withdraw_on_request = excluded.withdraw_on_request";
    REMOVE_RULE = "delete from warehouse_rules where merchant_id = $1 and shop_id = $2 and sku_prefix = $3";
    RULES_OF_SHOP = "select shop_id, sku_prefix, warehouse_id, withdraw_on_request from warehouse_rules \
        where merchant_id = $1 and shop_id = $2 order by sku_prefix";
    RULES = "select shop_id, sku_prefix, warehouse_id, withdraw_on_request from warehouse_rules \
        where merchant_id = $1 order by shop_id, sku_prefix";
}

fn seal_row(merchant: &MerchantId, warehouse: &WarehouseId) -> String {
    format!("{merchant}/{warehouse}")
}

impl Store {
    /// Adds an account with its credentials sealed, and the route of its pushes.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the merchant has this account already.
    pub async fn add_warehouse_account(
        &self,
        session: &mut Session,
        account: &AccountRecord,
        route: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let sealed = self.key().seal(&seal_row(&account.merchant, &account.warehouse), &account.credentials);
        let args = args![
            account.merchant.as_str(),
            account.warehouse.as_str(),
            account.provider.as_str(),
            &account.account,
            &account.address,
            sealed.as_slice(),
            &account.contact,
            now.millis(),
            told(account.destination.as_ref(), Part::Address),
            told(account.destination.as_ref(), Part::City),
            told(account.destination.as_ref(), Part::Province),
            told(account.destination.as_ref(), Part::PostalCode),
        ];
        session.execute(ADD, args).await?;
        let args = args![route, account.merchant.as_str(), account.warehouse.as_str()];
        session.execute(ADD_ROUTE, args).await.map(drop)
    }

    /// One account.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when its credentials were sealed with another key.
    pub async fn warehouse_account(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let row = session.row(ONE, args![merchant.as_str(), warehouse.as_str()]).await?;
        row.map(|row| self.read_account(merchant, &row)).transpose()
    }

    /// A merchant's accounts by the names of their warehouses.
    ///
    /// # Errors
    /// As [`Store::warehouse_account`].
    pub async fn warehouse_accounts(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
    ) -> Result<Vec<AccountRecord>, StoreError> {
        let rows = session.rows(OF_MERCHANT, args![merchant.as_str()]).await?;
        rows.iter().map(|row| self.read_account(merchant, row)).collect()
    }

    /// Gives an account new credentials.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_warehouse_credentials(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
        credentials: &str,
    ) -> Result<(), StoreError> {
        let sealed = self.key().seal(&seal_row(merchant, warehouse), credentials);
        session
            .execute(SET_CREDENTIALS, args![merchant.as_str(), warehouse.as_str(), sealed.as_slice()])
            .await
            .map(drop)
    }

    fn read_account(&self, merchant: &MerchantId, row: &Row) -> Result<AccountRecord, StoreError> {
        let warehouse = parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?;
        Ok(AccountRecord {
            merchant: merchant.clone(),
            name: row.text("name")?,
            provider: parsed(row, "provider", Provider::parse)?,
            account: row.text("account")?,
            address: row.text("address")?,
            credentials: self.key().open(&seal_row(merchant, &warehouse), &row.bytes("credentials")?)?,
            grant_version: row.int("grant_version")?,
            contact: row.text("contact")?,
            destination: read_destination(row)?,
            alert: row.optional_text("alert")?,
            warehouse,
        })
    }
}

/// Whose account a push's address names.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_route(session: &mut Session, route: &str) -> Result<Option<(MerchantId, WarehouseId)>, StoreError> {
    let Some(row) = session.row(ROUTE, args![route]).await? else { return Ok(None) };
    let merchant = parsed(&row, "merchant_id", |text| MerchantId::parse(text))?;
    Ok(Some((merchant, parsed(&row, "warehouse_id", |text| WarehouseId::parse(text))?)))
}

/// The name in the address of an account's pushes.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn route_of(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
) -> Result<Option<String>, StoreError> {
    let row = session.row(ROUTE_OF, args![merchant.as_str(), warehouse.as_str()]).await?;
    row.map(|row| row.text("route")).transpose()
}

/// Says whom to call at a warehouse.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_contact(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    contact: &str,
) -> Result<(), StoreError> {
    session.execute(SET_CONTACT, args![merchant.as_str(), warehouse.as_str(), contact]).await.map(drop)
}

/// Says where a warehouse is told that parcels go; none: what the order says.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_destination(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    destination: Option<&Destination>,
) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        warehouse.as_str(),
        told(destination, Part::Address),
        told(destination, Part::City),
        told(destination, Part::Province),
        told(destination, Part::PostalCode),
    ];
    session.execute(SET_DESTINATION, args).await.map(drop)
}

fn told(destination: Option<&Destination>, part: Part) -> Option<&str> {
    destination.and_then(|destination| destination.part(part))
}

fn read_destination(row: &Row) -> Result<Option<Destination>, StoreError> {
    let mut told = [None, None, None, None];
    let columns = ["told_address", "told_city", "told_province", "told_postal_code"];
    for (part, column) in told.iter_mut().zip(columns) {
        *part = row.optional_text(column)?;
    }
    let of = |part: Part| {
        let known = Part::ALL.iter().zip(&told).find(|(known, _)| **known == part);
        known.and_then(|(_, text)| text.as_deref()).unwrap_or_default()
    };
    Destination::entered(of).map_err(|_| StoreError::Conflict("a warehouse's destination"))
}

/// Sets the base URL of an account's API.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_address(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    address: &str,
) -> Result<(), StoreError> {
    session.execute(SET_ADDRESS, args![merchant.as_str(), warehouse.as_str(), address]).await.map(drop)
}

/// Says what a person has to do about an account.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_alert(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    alert: Option<&str>,
) -> Result<(), StoreError> {
    session.execute(SET_ALERT, args![merchant.as_str(), warehouse.as_str(), alert]).await.map(drop)
}

/// Saves a rule; one for the same shop and beginning of SKUs is replaced.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_rule(
    session: &mut Session,
    merchant: &MerchantId,
    rule: &RuleRecord,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        rule.shop.as_str(),
        &rule.sku_prefix,
        rule.warehouse.as_str(),
        rule.withdraw_on_request,
        now.millis(),
    ];
    session.execute(SAVE_RULE, args).await.map(drop)
}

/// Removes a rule: orders that are found from now on go to the shop's own warehouse. Answers false where there was none.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn remove_rule(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    sku_prefix: &str,
) -> Result<bool, StoreError> {
    Ok(session.execute(REMOVE_RULE, args![merchant.as_str(), shop.as_str(), sku_prefix]).await? > 0)
}

/// The rules of one shop.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rules_of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Vec<RuleRecord>, StoreError> {
    let rows = session.rows(RULES_OF_SHOP, args![merchant.as_str(), shop.as_str()]).await?;
    rows.iter().map(read_rule).collect()
}

/// The merchant's rules.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rules(session: &mut Session, merchant: &MerchantId) -> Result<Vec<RuleRecord>, StoreError> {
    session.rows(RULES, args![merchant.as_str()]).await?.iter().map(read_rule).collect()
}

fn read_rule(row: &Row) -> Result<RuleRecord, StoreError> {
    Ok(RuleRecord {
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        sku_prefix: row.text("sku_prefix")?,
        warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
        withdraw_on_request: row.truth("withdraw_on_request")?,
    })
}
