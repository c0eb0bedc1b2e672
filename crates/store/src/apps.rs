//! The apps that a merchant's shops are connected through: pasted once, sealed, used for every shop of the platform.

use crate::Store;
use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Row, Session, args, statements};
use domain::ids::MerchantId;
use domain::platform::Platform;
use domain::time::Moment;

/// An app as it is kept, its credentials opened.
#[derive(Clone, PartialEq, Eq)]
pub struct AppRecord {
    /// Whose.
    pub merchant: MerchantId,
    /// Where.
    pub platform: Platform,
    /// The platform's own id of it.
    pub app: String,
    /// The app's part of a shop's credentials, as its connector writes them.
    pub credentials: String,
}

impl std::fmt::Debug for AppRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppRecord")
            .field("merchant", &self.merchant)
            .field("platform", &self.platform)
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

statements! {
    KEEP = "insert into apps (merchant_id, platform, app, credentials, updated_at) values ($1, $2, $3, $4, $5) \
        on conflict (merchant_id, platform) do update set app = excluded.app, credentials = excluded.credentials, updated_at = excluded.updated_at";
    ONE = "select platform, app, credentials from apps where merchant_id = $1 and platform = $2";
    OF_MERCHANT = "select platform, app, credentials from apps where merchant_id = $1 order by platform";
    DIRECTORY = "select merchant_id, platform, app from apps order by merchant_id, platform";
}

fn seal_row(merchant: &MerchantId, platform: Platform) -> String {
    format!("{merchant}/app/{platform}")
}

impl Store {
    /// Keeps an app, in place of the one before.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn keep_app(&self, session: &mut Session, app: &AppRecord, now: Moment) -> Result<(), StoreError> {
        let sealed = self.key().seal(&seal_row(&app.merchant, app.platform), &app.credentials);
        let args = args![app.merchant.as_str(), app.platform.as_str(), &app.app, sealed.as_slice(), now.millis()];
        session.execute(KEEP, args).await.map(drop)
    }

    /// The app of a platform.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when it was sealed with another key.
    pub async fn app(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        platform: Platform,
    ) -> Result<Option<AppRecord>, StoreError> {
        let row = session.row(ONE, args![merchant.as_str(), platform.as_str()]).await?;
        row.map(|row| self.read_app(merchant, &row)).transpose()
    }

    /// A merchant's apps.
    ///
    /// # Errors
    /// As [`Store::app`].
    pub async fn apps(&self, session: &mut Session, merchant: &MerchantId) -> Result<Vec<AppRecord>, StoreError> {
        let rows = session.rows(OF_MERCHANT, args![merchant.as_str()]).await?;
        rows.iter().map(|row| self.read_app(merchant, row)).collect()
    }

    fn read_app(&self, merchant: &MerchantId, row: &Row) -> Result<AppRecord, StoreError> {
        let platform = parsed(row, "platform", Platform::parse)?;
        Ok(AppRecord {
            merchant: merchant.clone(),
            platform,
            app: row.text("app")?,
            credentials: self.key().open(&seal_row(merchant, platform), &row.bytes("credentials")?)?,
        })
    }
}

/// Every app there is: whose, where, and the platform's own id of it. A push may name no more than that.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn directory(session: &mut Session) -> Result<Vec<(MerchantId, Platform, String)>, StoreError> {
    let rows = session.rows(DIRECTORY, &[]).await?;
    rows.iter()
        .map(|row| {
            let merchant = parsed(row, "merchant_id", |text| MerchantId::parse(text))?;
            Ok((merchant, parsed(row, "platform", Platform::parse)?, row.text("app")?))
        })
        .collect()
}
