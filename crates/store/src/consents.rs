//! Consents that were asked for: a seller's browser was sent to the platform's page with a state, and comes back with it,
//! once.

use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, ShopId, UserId};
use domain::platform::Platform;
use domain::time::Moment;

/// A consent that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Whose.
    pub merchant: MerchantId,
    /// What the browser must bring back.
    pub state: String,
    /// Who asked: nobody else may bring it back.
    pub user: UserId,
    /// Where.
    pub platform: Platform,
    /// The shop's country.
    pub country: String,
    /// Base URL of the platform's API.
    pub address: String,
    /// The platform's own id of the shop that is meant, where a person said so.
    pub account: Option<String>,
    /// What the shop is to be called.
    pub name: Option<String>,
    /// The shop that is authorised again.
    pub shop: Option<ShopId>,
    /// When it was asked for.
    pub created_at: Moment,
    /// From when on it is not taken any more.
    pub ends_at: Moment,
}

macro_rules! columns {
    () => {
        "state, user_id, platform, country, address, account, name, shop_id, created_at, ends_at"
    };
}

statements! {
    ADD = "insert into consents (merchant_id, state, user_id, platform, country, address, account, name, shop_id, created_at, ends_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    ONE = concat!("select ", columns!(), " from consents where merchant_id = $1 and state = $2 and user_id = $3 and ends_at > $4");
    TAKE = concat!("delete from consents where merchant_id = $1 and state = $2 and user_id = $3 and ends_at > $4 returning ", columns!());
    FORGET = "delete from consents where ends_at <= $1";
}

/// Waits for a consent.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn add(session: &mut Session, consent: &ConsentRecord) -> Result<(), StoreError> {
    let args = args![
        consent.merchant.as_str(),
        &consent.state,
        consent.user.as_str(),
        consent.platform.as_str(),
        &consent.country,
        &consent.address,
        consent.account.as_deref(),
        consent.name.as_deref(),
        consent.shop.as_ref().map(ShopId::as_str),
        consent.created_at.millis(),
        consent.ends_at.millis(),
    ];
    session.execute(ADD, args).await.map(drop)
}

/// The consent that this user asked for, while it is waited for.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn waiting(
    session: &mut Session,
    merchant: &MerchantId,
    user: &UserId,
    state: &str,
    now: Moment,
) -> Result<Option<ConsentRecord>, StoreError> {
    let row = session.row(ONE, args![merchant.as_str(), state, user.as_str(), now.millis()]).await?;
    row.map(|row| read(merchant, &row)).transpose()
}

/// Takes it: whoever brings the same state again finds nothing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn take(
    session: &mut Session,
    merchant: &MerchantId,
    user: &UserId,
    state: &str,
    now: Moment,
) -> Result<Option<ConsentRecord>, StoreError> {
    let row = session.row(TAKE, args![merchant.as_str(), state, user.as_str(), now.millis()]).await?;
    row.map(|row| read(merchant, &row)).transpose()
}

/// Forgets those that nobody came back for.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_ended(session: &mut Session, now: Moment) -> Result<(), StoreError> {
    session.execute(FORGET, args![now.millis()]).await.map(drop)
}

fn read(merchant: &MerchantId, row: &Row) -> Result<ConsentRecord, StoreError> {
    let shop = row.optional_text("shop_id")?.is_some();
    Ok(ConsentRecord {
        merchant: merchant.clone(),
        state: row.text("state")?,
        user: parsed(row, "user_id", |text| UserId::parse(text))?,
        platform: parsed(row, "platform", Platform::parse)?,
        country: row.text("country")?,
        address: row.text("address")?,
        account: row.optional_text("account")?,
        name: row.optional_text("name")?,
        shop: shop.then(|| parsed(row, "shop_id", |text| ShopId::parse(text))).transpose()?,
        created_at: Moment::from_millis(row.int("created_at")?),
        ends_at: Moment::from_millis(row.int("ends_at")?),
    })
}
