//! Connecting shops: from what a seller's browser brought back to a shop that is read, and the way back.

use crate::{Engine, EngineError};
use connectors::call::{Call, CallError};
use connectors::connecting;
use connectors::connector::{Connector, RenewedCredentials};
use domain::ids::{MerchantId, ShopId, WarehouseId};
use domain::platform::Platform;
use domain::time::Span;
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::shops::{self, NOT_COUNTED, ShopRecord};
use store::{Session, new_id};

/// How far back the first sweep of a shop reaches.
pub const FIRST_REACH: Span = Span::from_seconds(90 * 86_400);
/// Answers that a renewal may need until it is known which shop the tokens are for.
const RENEWALS_MAX: usize = 2;

/// The grant of a shop that was just added.
const NEW_GRANT: i64 = 1;

/// A shop that is to be connected.
#[derive(Clone)]
pub struct NewShop {
    /// Where.
    pub platform: Platform,
    /// What people call it; else platform, country and the platform's own id.
    pub name: Option<String>,
    /// Its country, as the platform's policy writes it.
    pub region: String,
    /// Base URL of the platform's API.
    pub address: String,
    /// Credentials, with or without tokens.
    pub credentials: String,
    /// What the consent page answered with; tokens are exchanged for it.
    pub code: Option<String>,
    /// The public address that pushes are signed with, where it differs from the one that they come to.
    pub callback_url: Option<String>,
    /// The shop that has to come out, where one is authorised again.
    pub expected: Option<ShopId>,
    /// How far back the first sweep reaches.
    pub reach: Span,
}

impl std::fmt::Debug for NewShop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewShop")
            .field("platform", &self.platform)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Why a shop is not connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Of the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The platform did not give tokens, in its own words.
    #[error("{} gave no access: {words}; authorise again", .platform.title())]
    NoTokens {
        /// Where.
        platform: Platform,
        /// The platform's words.
        words: String,
    },
    /// The tokens name no shop.
    #[error("{} did not say which shop this is; sign in there as the shop's own account and authorise again", .0.title())]
    NoShop(Platform),
    /// Another shop was authorised than the one that was meant.
    #[error(
        "the shop {found} was authorised, not {expected}; sign in on the platform as {expected} and authorise again"
    )]
    AnotherShop {
        /// The platform's own id of the shop that came.
        found: String,
        /// And of the one that was meant.
        expected: String,
    },
    /// The shop is another merchant's.
    #[error("the shop {0} is connected elsewhere; disconnect it there first")]
    Elsewhere(String),
    /// The merchant has no warehouse.
    #[error("the merchant has no warehouse; “countermand user add” makes the first")]
    NoWarehouse,
}

impl From<store::StoreError> for ConnectError {
    fn from(error: store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<connectors::OpenError> for ConnectError {
    fn from(error: connectors::OpenError) -> Self {
        Self::Engine(error.into())
    }
}

/// A shop whose platform gave access, before it is kept.
#[derive(Clone)]
pub struct Authorised {
    wish: NewShop,
    account: String,
    credentials: String,
}

impl std::fmt::Debug for Authorised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorised").field("wish", &self.wish).field("account", &self.account).finish_non_exhaustive()
    }
}

impl Engine {
    /// Gets tokens, where the credentials hold none, and learns which shop they are for. Nothing is kept yet: no
    /// transaction is open while the platform is waited for.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn gain_access(&self, wish: NewShop) -> Result<Authorised, ConnectError> {
        let platform = wish.platform;
        let open = |credentials: &str| connectors::open(platform, &wish.address, credentials, self.policies());
        let mut connector = open(&wish.credentials)?;
        let mut credentials = wish.credentials.clone();
        if let Some(code) = &wish.code {
            let call = connector.exchange_code(code, self.clock.platform_now(platform));
            credentials = self.ask_for_tokens(&*connector, call).await?.credentials;
            connector = open(&credentials)?;
        }
        for _ in 0..RENEWALS_MAX {
            if connector.access_ends() > self.clock.platform_now(platform) {
                break;
            }
            let call = connector.refresh(self.clock.platform_now(platform));
            credentials = self.ask_for_tokens(&*connector, call).await?.credentials;
            connector = open(&credentials)?;
        }
        let account = connector.shop_account().to_owned();
        if account.is_empty() || account == "0" {
            return Err(ConnectError::NoShop(platform));
        }
        Ok(Authorised { wish, account, credentials })
    }

    async fn ask_for_tokens(
        &self,
        connector: &dyn Connector,
        call: Call<RenewedCredentials>,
    ) -> Result<RenewedCredentials, ConnectError> {
        let platform = connector.platform();
        let no_tokens = |words: String| ConnectError::NoTokens { platform, words };
        let received = self.network.send(call.request, connector.policy().call_timeout).await;
        let received = received.map_err(|error| no_tokens(error.to_string()))?;
        (call.read)(&received).map_err(|CallError { story, .. }| {
            no_tokens(match story.message.as_str() {
                "" => story.code,
                words => words.to_owned(),
            })
        })
    }

    /// Keeps a shop that gave access, and asks for its first sweep. One that the merchant has already, also one that was
    /// disconnected, gets the new tokens and goes on.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn keep_shop(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        authorised: Authorised,
    ) -> Result<ShopRecord, ConnectError> {
        let Authorised { wish, account, credentials } = authorised;
        if let Some(expected) = &wish.expected {
            let expected = self.shop(session, merchant, expected).await?;
            if expected.account != account {
                return Err(ConnectError::AnotherShop { found: account, expected: expected.account });
            }
        }
        let known = self.store.shop_by_account(session, merchant, wish.platform, &account).await?;
        let shop = match known {
            Some(known) => {
                self.store.authorised_again(session, &known, &wish.address, &credentials).await?;
                known
            }
            None => self.add_shop(session, merchant, wish, account, credentials).await?,
        };
        let detail = format!("{} {} is connected", shop.platform.title(), shop.account);
        let action = if shop.grant_version == NEW_GRANT { "shop.added" } else { "shop.authorised" };
        self.log_shop(session, actor, action, &shop, &detail).await?;
        // Sweeps go on by themselves from here; the first reaches back as far as the shop wants.
        jobs::want(session, merchant, &shop.id, Kind::Sweep, shop.id.as_str(), self.clock.now()).await?;
        Ok(shop)
    }

    async fn add_shop(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        wish: NewShop,
        account: String,
        credentials: String,
    ) -> Result<ShopRecord, ConnectError> {
        let now = self.clock.now();
        if shops::by_account(session, wish.platform, &account).await?.is_some() {
            return Err(ConnectError::Elsewhere(account));
        }
        let warehouse: WarehouseId =
            shops::warehouses(session, merchant).await?.into_iter().next().ok_or(ConnectError::NoWarehouse)?.id;
        let name = wish.name.filter(|name| !name.trim().is_empty());
        let shop = ShopRecord {
            merchant: merchant.clone(),
            id: ShopId::parse(new_id("shp", now)).map_err(|error| EngineError::Platform(error.to_string()))?,
            platform: wish.platform,
            name: name.unwrap_or_else(|| format!("{} {} {account}", wish.platform.title(), wish.region)),
            account,
            region: wish.region,
            address: wish.address,
            callback_url: wish.callback_url,
            warehouse,
            credentials,
            grant_version: NEW_GRANT,
            authorised: true,
            connected: true,
            alert: None,
            stock_from: NOT_COUNTED,
            swept_to: self.clock.platform_now(wish.platform).minus(wish.reach),
        };
        self.store.add_shop(session, &shop, now).await?;
        Ok(shop)
    }

    /// Disconnects a shop: nothing is asked or pushed any more, its tokens are forgotten, its orders stay readable. What
    /// was accepted for it waits until it is connected again. Answers false where it was disconnected already.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn disconnect_shop(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
    ) -> Result<bool, EngineError> {
        let shop = self.shop(session, merchant, shop).await?;
        let credentials = connecting::without_tokens(&shop.credentials)?;
        if !self.store.disconnect(session, &shop, &credentials).await? {
            return Ok(false);
        }
        jobs::drop_reads(session, merchant, &shop.id).await?;
        let detail = format!("{} {} is disconnected", shop.platform.title(), shop.account);
        self.log_shop(session, actor, "shop.disconnected", &shop, &detail).await?;
        Ok(true)
    }

    async fn log_shop(
        &self,
        session: &mut Session,
        actor: &str,
        action: &str,
        shop: &ShopRecord,
        detail: &str,
    ) -> Result<(), EngineError> {
        let entry = Entry { actor, action, shop: Some(&shop.id), order: None, subject: &shop.account, detail };
        Ok(log::write(session, &shop.merchant, self.clock.now(), &entry).await?)
    }
}
