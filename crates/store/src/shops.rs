//! Shops, their sealed credentials, and the merchants and warehouses they belong to.

use crate::Store;
use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, ShopId, WarehouseId};
use domain::platform::Platform;
use domain::time::Moment;

/// A shop as it is kept, its credentials opened.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct ShopRecord {
    pub merchant: MerchantId,
    pub id: ShopId,
    pub platform: Platform,
    /// The platform's own id of the shop.
    pub account: String,
    pub name: String,
    pub region: String,
    /// Base URL of the platform's API.
    pub address: String,
    /// The public address that pushes are signed with.
    pub callback_url: Option<String>,
    pub warehouse: WarehouseId,
    /// The platform's credentials as its connector writes them.
    pub credentials: String,
    /// Moves with every renewal of the credentials.
    pub grant_version: i64,
    pub authorised: bool,
    /// False once a person disconnected it: its orders stay readable, and nothing is asked or pushed any more.
    pub connected: bool,
    /// What a person has to do about it.
    pub alert: Option<String>,
    /// Orders whose goods left before this moment move no stock.
    pub stock_from: Moment,
    /// The platform's time up to which every change is known.
    pub swept_to: Moment,
}

/// `stock_from` of a shop whose stock was not counted yet: no order of it moves stock.
pub const NOT_COUNTED: Moment = Moment::from_millis(i64::MAX);

impl ShopRecord {
    /// Whether its stock was counted, so that its orders move stock.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.stock_from < NOT_COUNTED
    }
}

impl std::fmt::Debug for ShopRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShopRecord")
            .field("merchant", &self.merchant)
            .field("id", &self.id)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// A warehouse as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseRecord {
    /// Its id.
    pub id: WarehouseId,
    /// What people call it.
    pub name: String,
}

macro_rules! columns {
    () => {
        "shop_id, platform, account, name, region, address, callback_url, warehouse_id, credentials, grant_version, authorised, connected, alert, \
         stock_from, swept_to"
    };
}

statements! {
    ADD_MERCHANT = "insert into merchants (merchant_id, name, created_at) values ($1, $2, $3) on conflict (merchant_id) do nothing";
    MERCHANT_NAME = "select name from merchants where merchant_id = $1";
    MERCHANTS = "select merchant_id, name from merchants order by merchant_id";
    ADD_WAREHOUSE = "insert into warehouses (merchant_id, warehouse_id, name) values ($1, $2, $3) on conflict (merchant_id, warehouse_id) do nothing";
    WAREHOUSES = "select warehouse_id, name from warehouses where merchant_id = $1 order by warehouse_id";
    ADD = "insert into shops (merchant_id, shop_id, platform, account, name, region, address, callback_url, warehouse_id, credentials, grant_version, \
        renewing_until, authorised, stock_from, swept_to, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, $11, $12, $13, $14)";
    ADD_ROUTE = "insert into webhook_routes (platform, account, merchant_id, shop_id) values ($1, $2, $3, $4) on conflict (platform, account) do nothing";
    ROUTE = "select merchant_id, shop_id from webhook_routes where platform = $1 and account = $2";
    OF_MERCHANT = concat!("select ", columns!(), " from shops where merchant_id = $1 order by name, shop_id");
    ONE = concat!("select ", columns!(), " from shops where merchant_id = $1 and shop_id = $2");
    DIRECTORY = "select merchant_id, shop_id, platform, account from shops where connected order by merchant_id, shop_id";
    AUTHORISED_AGAIN = "update shops set credentials = $3, address = $4, grant_version = grant_version + 1, renewing_lease = null, renewing_until = 0, \
        authorised = true, connected = true, alert = null where merchant_id = $1 and shop_id = $2";
    DISCONNECT = "update shops set credentials = $3, grant_version = grant_version + 1, renewing_lease = null, renewing_until = 0, \
        authorised = false, connected = false, alert = null where merchant_id = $1 and shop_id = $2 and connected";
    BY_ACCOUNT = concat!("select ", columns!(), " from shops where merchant_id = $1 and platform = $2 and account = $3");
    REMOVE_ROUTE = "delete from webhook_routes where platform = $1 and account = $2 and merchant_id = $3 and shop_id = $4";
    BEGIN_RENEWAL = "update shops set renewing_lease = $3, renewing_until = $5 where merchant_id = $1 and shop_id = $2 and grant_version = $6 \
        and renewing_until <= $4";
    RENEWED = "update shops set credentials = $3, grant_version = grant_version + 1, renewing_lease = null, renewing_until = 0, authorised = true, \
        alert = null where merchant_id = $1 and shop_id = $2 and grant_version = $4";
    END_RENEWAL = "update shops set renewing_lease = null, renewing_until = 0 where merchant_id = $1 and shop_id = $2 and renewing_lease = $3";
    SET_ALERT = "update shops set alert = $3, authorised = $4 where merchant_id = $1 and shop_id = $2";
    SWEPT = "update shops set swept_to = $3 where merchant_id = $1 and shop_id = $2 and swept_to < $3";
    COUNTED = "update shops set stock_from = $3 where merchant_id = $1 and shop_id = $2";
    SET_CALLBACK = "update shops set callback_url = $3 where merchant_id = $1 and shop_id = $2";
    SET_ADDRESS = "update shops set address = $3 where merchant_id = $1 and shop_id = $2";
}

fn seal_row(merchant: &MerchantId, shop: &ShopId) -> String {
    format!("{merchant}/{shop}")
}

/// Adds a merchant, if it is not there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn add_merchant(
    session: &mut Session,
    merchant: &MerchantId,
    name: &str,
    now: Moment,
) -> Result<bool, StoreError> {
    Ok(session.execute(ADD_MERCHANT, args![merchant.as_str(), name, now.millis()]).await? > 0)
}

/// All merchants, for `doctor` and the workers.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn merchants(session: &mut Session) -> Result<Vec<MerchantId>, StoreError> {
    let rows = session.rows(MERCHANTS, &[]).await?;
    rows.iter().map(|row| parsed(row, "merchant_id", |text| MerchantId::parse(text))).collect()
}

/// What people call a merchant.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn merchant_name(session: &mut Session, merchant: &MerchantId) -> Result<Option<String>, StoreError> {
    session.row(MERCHANT_NAME, args![merchant.as_str()]).await?.map(|row| row.text("name")).transpose()
}

/// Adds a warehouse, if it is not there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn add_warehouse(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseRecord,
) -> Result<(), StoreError> {
    session.execute(ADD_WAREHOUSE, args![merchant.as_str(), warehouse.id.as_str(), &warehouse.name]).await.map(drop)
}

/// The merchant's warehouses.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn warehouses(session: &mut Session, merchant: &MerchantId) -> Result<Vec<WarehouseRecord>, StoreError> {
    let rows = session.rows(WAREHOUSES, args![merchant.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(WarehouseRecord {
                id: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
                name: row.text("name")?,
            })
        })
        .collect()
}

impl Store {
    /// Adds a shop with its credentials sealed, and the route of its pushes.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the merchant has this account already.
    pub async fn add_shop(&self, session: &mut Session, shop: &ShopRecord, now: Moment) -> Result<(), StoreError> {
        let sealed = self.key().seal(&seal_row(&shop.merchant, &shop.id), &shop.credentials);
        session
            .execute(
                ADD,
                args![
                    shop.merchant.as_str(),
                    shop.id.as_str(),
                    shop.platform.as_str(),
                    &shop.account,
                    &shop.name,
                    &shop.region,
                    &shop.address,
                    shop.callback_url.as_deref(),
                    shop.warehouse.as_str(),
                    sealed.as_slice(),
                    shop.authorised,
                    shop.stock_from.millis(),
                    shop.swept_to.millis(),
                    now.millis(),
                ],
            )
            .await?;
        add_route(session, shop).await
    }

    /// The merchant's shop with this account, connected or not.
    ///
    /// # Errors
    /// As [`Store::shop`].
    pub async fn shop_by_account(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        platform: Platform,
        account: &str,
    ) -> Result<Option<ShopRecord>, StoreError> {
        let row = session.row(BY_ACCOUNT, args![merchant.as_str(), platform.as_str(), account]).await?;
        row.map(|row| self.read_shop(merchant, &row)).transpose()
    }

    /// Gives a shop new credentials after its seller authorised again; one that was disconnected is connected again.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn authorised_again(
        &self,
        session: &mut Session,
        shop: &ShopRecord,
        address: &str,
        credentials: &str,
    ) -> Result<(), StoreError> {
        let sealed = self.key().seal(&seal_row(&shop.merchant, &shop.id), credentials);
        let args = args![shop.merchant.as_str(), shop.id.as_str(), sealed.as_slice(), address];
        session.execute(AUTHORISED_AGAIN, args).await?;
        add_route(session, shop).await
    }

    /// Disconnects a shop: its tokens and the route of its pushes are gone. Answers false where it was not connected.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn disconnect(
        &self,
        session: &mut Session,
        shop: &ShopRecord,
        credentials_without_tokens: &str,
    ) -> Result<bool, StoreError> {
        let sealed = self.key().seal(&seal_row(&shop.merchant, &shop.id), credentials_without_tokens);
        let args = args![shop.merchant.as_str(), shop.id.as_str(), sealed.as_slice()];
        let disconnected = session.execute(DISCONNECT, args).await? > 0;
        let args = args![shop.platform.as_str(), &shop.account, shop.merchant.as_str(), shop.id.as_str()];
        session.execute(REMOVE_ROUTE, args).await?;
        Ok(disconnected)
    }

    /// One shop.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when its credentials were sealed with another key.
    pub async fn shop(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
    ) -> Result<Option<ShopRecord>, StoreError> {
        let row = session.row(ONE, args![merchant.as_str(), shop.as_str()]).await?;
        row.map(|row| self.read_shop(merchant, &row)).transpose()
    }

    /// A merchant's shops by name.
    ///
    /// # Errors
    /// As [`Store::shop`].
    pub async fn shops(&self, session: &mut Session, merchant: &MerchantId) -> Result<Vec<ShopRecord>, StoreError> {
        let rows = session.rows(OF_MERCHANT, args![merchant.as_str()]).await?;
        rows.iter().map(|row| self.read_shop(merchant, row)).collect()
    }

    /// Persists renewed credentials, before they are used. Answers false where somebody else renewed them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn save_renewed(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        grant_version: i64,
        credentials: &str,
    ) -> Result<bool, StoreError> {
        let sealed = self.key().seal(&seal_row(merchant, shop), credentials);
        let args = args![merchant.as_str(), shop.as_str(), sealed.as_slice(), grant_version];
        Ok(session.execute(RENEWED, args).await? > 0)
    }

    fn read_shop(&self, merchant: &MerchantId, row: &Row) -> Result<ShopRecord, StoreError> {
        let id = parsed(row, "shop_id", |text| ShopId::parse(text))?;
        Ok(ShopRecord {
            merchant: merchant.clone(),
            platform: parsed(row, "platform", Platform::parse)?,
            account: row.text("account")?,
            name: row.text("name")?,
            region: row.text("region")?,
            address: row.text("address")?,
            callback_url: row.optional_text("callback_url")?,
            warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
            credentials: self.key().open(&seal_row(merchant, &id), &row.bytes("credentials")?)?,
            grant_version: row.int("grant_version")?,
            authorised: row.truth("authorised")?,
            connected: row.truth("connected")?,
            alert: row.optional_text("alert")?,
            stock_from: Moment::from_millis(row.int("stock_from")?),
            swept_to: Moment::from_millis(row.int("swept_to")?),
            id,
        })
    }
}

async fn add_route(session: &mut Session, shop: &ShopRecord) -> Result<(), StoreError> {
    session
        .execute(ADD_ROUTE, args![shop.platform.as_str(), &shop.account, shop.merchant.as_str(), shop.id.as_str()])
        .await
        .map(drop)
}

/// A connected shop, as far as a push may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Whose.
    pub merchant: MerchantId,
    /// Our id.
    pub shop: ShopId,
    /// Where.
    pub platform: Platform,
    /// The platform's own id of it.
    pub account: String,
}

/// Every connected shop there is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn directory(session: &mut Session) -> Result<Vec<Connected>, StoreError> {
    let rows = session.rows(DIRECTORY, &[]).await?;
    rows.iter()
        .map(|row| {
            let (merchant, shop) = route(row)?;
            Ok(Connected {
                merchant,
                shop,
                platform: parsed(row, "platform", Platform::parse)?,
                account: row.text("account")?,
            })
        })
        .collect()
}

/// Whose shop a push speaks of.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_account(
    session: &mut Session,
    platform: Platform,
    account: &str,
) -> Result<Option<(MerchantId, ShopId)>, StoreError> {
    session.row(ROUTE, args![platform.as_str(), account]).await?.as_ref().map(route).transpose()
}

fn route(row: &Row) -> Result<(MerchantId, ShopId), StoreError> {
    Ok((
        parsed(row, "merchant_id", |text| MerchantId::parse(text))?,
        parsed(row, "shop_id", |text| ShopId::parse(text))?,
    ))
}

/// Takes the lease under which alone a grant is renewed. Answers false while somebody else renews it, and after
/// somebody did.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin_renewal(
    session: &mut Session,
    shop: &ShopRecord,
    lease: &str,
    now: Moment,
    until: Moment,
) -> Result<bool, StoreError> {
    let args = args![shop.merchant.as_str(), shop.id.as_str(), lease, now.millis(), until.millis(), shop.grant_version];
    Ok(session.execute(BEGIN_RENEWAL, args).await? > 0)
}

/// Gives the renewal lease back after a failure.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_renewal(session: &mut Session, shop: &ShopRecord, lease: &str) -> Result<(), StoreError> {
    session.execute(END_RENEWAL, args![shop.merchant.as_str(), shop.id.as_str(), lease]).await.map(drop)
}

/// Says what a person has to do about a shop, and whether it may still be called.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_alert(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    alert: Option<&str>,
    authorised: bool,
) -> Result<(), StoreError> {
    session.execute(SET_ALERT, args![merchant.as_str(), shop.as_str(), alert, authorised]).await.map(drop)
}

/// Notes up to when every change of a shop is known, on the platform's clock.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn swept(session: &mut Session, merchant: &MerchantId, shop: &ShopId, to: Moment) -> Result<(), StoreError> {
    session.execute(SWEPT, args![merchant.as_str(), shop.as_str(), to.millis()]).await.map(drop)
}

/// Says from when on orders move stock: the moment at which it was counted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_counted(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    from: Moment,
) -> Result<(), StoreError> {
    session.execute(COUNTED, args![merchant.as_str(), shop.as_str(), from.millis()]).await.map(drop)
}

/// Sets the public address that a shop's pushes are signed with.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_callback_url(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    url: &str,
) -> Result<(), StoreError> {
    session.execute(SET_CALLBACK, args![merchant.as_str(), shop.as_str(), url]).await.map(drop)
}

/// Sets the base URL of a shop's platform.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_address(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    address: &str,
) -> Result<(), StoreError> {
    session.execute(SET_ADDRESS, args![merchant.as_str(), shop.as_str(), address]).await.map(drop)
}
