//! Accounts at third-party warehouses: added once their token was tried, subscribed to pushes, and changed.

use crate::{Engine, EngineError};
use connectors::OpenError;
use connectors::call::Remedy;
use domain::destination::{Destination, Part};
use domain::ids::{MerchantId, ShopId, WarehouseId};
use domain::provider::Provider;
use store::log::{self, Entry};
use store::shops::{self, WarehouseRecord};
use store::warehouses::{self, AccountRecord, RuleRecord};
use store::{Session, StoreError, new_id};

/// An account to be added.
#[derive(Clone)]
pub struct NewAccount<'a> {
    /// Whose system it is.
    pub provider: Provider,
    /// What people call the warehouse.
    pub name: &'a str,
    /// Base URL of the provider's API.
    pub address: &'a str,
    /// The credentials as the connector reads them.
    pub credentials: &'a str,
    /// Whom to call when goods have to be stopped.
    pub contact: &'a str,
    /// Where it is told that parcels go; none: what the order says.
    pub destination: Option<Destination>,
    /// The name in the address of its pushes: nobody can guess it.
    pub route: &'a str,
}

/// Why an account was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// The merchant has no such account, shop or rule.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The merchant has this account already.
    #[error("this account is connected already")]
    Exists,
    /// The warehouse does not take the token, or not for this channel.
    #[error("the warehouse does not take this account: {0}")]
    NotTaken(String),
    /// Somebody answers at the address, and knows nothing of this API.
    #[error("there is no such API at this address: {0}")]
    NotThere(String),
    /// The warehouse did not answer.
    #[error("the warehouse did not answer: {0}; try again")]
    Silent(String),
    /// What was entered in a field cannot be used.
    #[error("{words}")]
    Input {
        /// The field's name in form and API.
        field: &'static str,
        /// What is wrong with it, and what to enter instead.
        words: String,
    },
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for WarehouseError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists(_) => Self::Exists,
            other => Self::Engine(other.into()),
        }
    }
}

/// The longest name and contact, in characters.
const LONGEST: usize = 200;

fn checked<'a>(field: &'static str, text: &'a str) -> Result<&'a str, WarehouseError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        let words = format!("enter a {field} of at most {LONGEST} characters on one line");
        return Err(WarehouseError::Input { field, words });
    }
    Ok(text)
}

/// Why an account cannot be opened with what was entered, and in which field.
fn not_opened(error: &OpenError) -> WarehouseError {
    let field = match error {
        OpenError::Address(_) => "address",
        OpenError::Field { name, .. } => name,
        OpenError::Platform(_) | OpenError::Credentials(_) | OpenError::NoConsentPage(_) | OpenError::Policy(_) => {
            "credentials"
        }
    };
    WarehouseError::Input { field, words: error.to_string() }
}

impl Engine {
    /// Tries an account's token at the warehouse. Nothing is kept yet.
    ///
    /// # Errors
    /// [`WarehouseError`] that says what to enter instead.
    pub async fn try_account(
        &self,
        merchant: &MerchantId,
        account: &NewAccount<'_>,
    ) -> Result<AccountRecord, WarehouseError> {
        let (name, contact) = (checked("name", account.name)?, checked("contact", account.contact)?);
        let opened = connectors::open_warehouse(account.provider, account.address, account.credentials)
            .map_err(|error| not_opened(&error))?;
        let now = self.clock.now();
        let warehouse = WarehouseId::parse(new_id("whs", now)).map_err(|_| StoreError::Conflict("the clock"))?;
        let record = AccountRecord {
            merchant: merchant.clone(),
            warehouse,
            name: name.to_owned(),
            provider: account.provider,
            account: opened.account().to_owned(),
            address: account.address.to_owned(),
            credentials: account.credentials.to_owned(),
            grant_version: 0,
            contact: contact.to_owned(),
            destination: account.destination.clone(),
            alert: None,
        };
        let open = self.open_account_record(record.clone())?;
        let checked = self.call_warehouse(&open, None, open.warehouse.check_account()).await;
        checked.map_err(|error| match error.remedy {
            Remedy::Rejected | Remedy::Reauthorize => WarehouseError::NotTaken(error.to_string()),
            Remedy::Bug => WarehouseError::NotThere(error.to_string()),
            Remedy::RetryAfter(_) | Remedy::Pause(_) | Remedy::Unknown | Remedy::TokenExpired => {
                WarehouseError::Silent(error.to_string())
            }
        })?;
        Ok(record)
    }

    /// Keeps an account that was tried, with its warehouse.
    ///
    /// # Errors
    /// [`WarehouseError`]; nothing is changed then.
    pub async fn add_account(
        &self,
        session: &mut Session,
        actor: &str,
        record: &AccountRecord,
        route: &str,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        let warehouse = WarehouseRecord { id: record.warehouse.clone(), name: record.name.clone() };
        shops::add_warehouse(session, &record.merchant, &warehouse).await?;
        self.store().add_warehouse_account(session, record, route, now).await?;
        let detail = format!("{} ({}, {}) connected", record.name, record.provider.title(), record.account);
        self.log_account(session, &record.merchant, &record.warehouse, actor, "warehouse.connected", &detail).await
    }

    /// Asks the warehouse for pushes to this address, and seals the secret that it gives. Nothing happens where its provider
    /// sends none.
    ///
    /// # Errors
    /// [`WarehouseError`] where the warehouse refuses or does not answer.
    pub async fn subscribe_account(
        &self,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
        callback_url: &str,
    ) -> Result<(), WarehouseError> {
        let mut session = self.store().read().await?;
        let account = self.open_account(&mut session, merchant, warehouse).await?;
        drop(session);
        let Some(call) = account.warehouse.subscribe(callback_url) else { return Ok(()) };
        let subscribed = self
            .call_warehouse(&account, None, call)
            .await
            .map_err(|error| WarehouseError::Silent(error.to_string()))?;
        let mut session = self.store().begin().await?;
        self.store().set_warehouse_credentials(&mut session, merchant, warehouse, &subscribed.credentials).await?;
        Ok(session.commit().await?)
    }

    /// Says whom to call at a warehouse.
    ///
    /// # Errors
    /// [`WarehouseError`]; nothing is changed then.
    pub async fn set_contact(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        warehouse: &WarehouseId,
        contact: &str,
    ) -> Result<(), WarehouseError> {
        let contact = checked("contact", contact)?;
        let known = self.store().warehouse_account(session, merchant, warehouse).await?;
        known.ok_or(WarehouseError::NotFound("account"))?;
        warehouses::set_contact(session, merchant, warehouse, contact).await?;
        self.log_account(session, merchant, warehouse, actor, "warehouse.contact", contact).await
    }

    /// Says where a warehouse is told that parcels go, from the next push on; none: what the order says.
    ///
    /// # Errors
    /// [`WarehouseError`]; nothing is changed then.
    pub async fn set_destination(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        warehouse: &WarehouseId,
        destination: Option<&Destination>,
    ) -> Result<(), WarehouseError> {
        let known = self.store().warehouse_account(session, merchant, warehouse).await?;
        known.ok_or(WarehouseError::NotFound("account"))?;
        warehouses::set_destination(session, merchant, warehouse, destination).await?;
        let parts = Part::ALL.iter().filter_map(|&part| destination?.part(part));
        let detail = match destination {
            Some(_) => parts.collect::<Vec<_>>().join(", "),
            None => "what the order says".to_owned(),
        };
        self.log_account(session, merchant, warehouse, actor, "warehouse.destination", &detail).await
    }

    /// Says which goods of a shop lie at a warehouse, from the next order on.
    ///
    /// # Errors
    /// [`WarehouseError`]; nothing is changed then.
    pub async fn save_warehouse_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        rule: &RuleRecord,
    ) -> Result<(), WarehouseError> {
        if rule.sku_prefix.chars().count() > LONGEST || rule.sku_prefix.chars().any(char::is_control) {
            let words = "enter how the SKUs begin, or nothing for all of them".to_owned();
            return Err(WarehouseError::Input { field: "sku_prefix", words });
        }
        let account = self.store().warehouse_account(session, merchant, &rule.warehouse).await?;
        account.ok_or(WarehouseError::NotFound("account"))?;
        let shop = self.store().shop(session, merchant, &rule.shop).await?;
        let shop = shop.ok_or(WarehouseError::NotFound("shop"))?;
        warehouses::save_rule(session, merchant, rule, self.clock.now()).await?;
        let which = if rule.sku_prefix.is_empty() {
            "everything".to_owned()
        } else {
            format!("SKUs that begin with {}", rule.sku_prefix)
        };
        let detail = format!("{which} of {} lies there", shop.name);
        self.log_account(session, merchant, &rule.warehouse, actor, "warehouse.rule", &detail).await
    }

    /// Removes a rule: orders that are found from now on stay with the shop's own warehouse.
    ///
    /// # Errors
    /// [`WarehouseError`]; nothing is changed then.
    pub async fn remove_warehouse_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        sku_prefix: &str,
    ) -> Result<(), WarehouseError> {
        let rules = warehouses::rules_of_shop(session, merchant, shop).await?;
        let rule = rules.into_iter().find(|rule| rule.sku_prefix == sku_prefix);
        let rule = rule.ok_or(WarehouseError::NotFound("rule"))?;
        warehouses::remove_rule(session, merchant, shop, sku_prefix).await?;
        let detail = format!("rule of {shop} for “{sku_prefix}” removed");
        self.log_account(session, merchant, &rule.warehouse, actor, "warehouse.rule_removed", &detail).await
    }

    async fn log_account(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), WarehouseError> {
        let entry = Entry { actor, action, shop: None, order: None, subject: warehouse.as_str(), detail };
        Ok(log::write(session, merchant, self.clock.now(), &entry).await?)
    }
}
