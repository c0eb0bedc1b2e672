//! Sweeps: every order that changed since the last one is wanted, whether a push came or not.

use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use connectors::call::CallError;
use connectors::connector::{Connector, Window};
use domain::ids::{MerchantId, OrderNumber, ShopId};
use domain::time::{Moment, Span};
use std::collections::BTreeSet;
use std::time::Duration;
use store::jobs::{self, Claim, Kind, Lease};
use store::{requests, shops};

/// Pages that one window may have; more than this is a platform that turns in circles.
const MAX_PAGES: usize = 10_000;
/// Rounds that a first sync waits for reads that fail, before it lets the workers go on with them.
pub(crate) const FIRST_SYNC_ROUNDS: usize = 600;
/// The longest that one of these rounds waits for the platform, however long it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Who asks to wait longer than this has banned the shop, which is told at once.
const LONGEST_PATIENCE: Span = Span::from_seconds(60);
/// How long each of these rounds waits for reads that others are making.
const FIRST_SYNC_PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    pub(crate) async fn sweep(&self, shop: &OpenShop, lease: &Lease, claims: &[Claim]) -> Result<(), EngineError> {
        let swept = match self.sweep_windows(shop).await {
            Ok(()) => self.sweep_requests(shop).await,
            Err(error) => Err(error),
        };
        self.warn_of_authorisation_s_end(shop).await;
        // Whatever the sweep came to: what is known to be due is answered, and read again before it is sent.
        if let Err(error) = self.answer_by_rule(shop).await {
            tracing::warn!(shop = %shop.record.id, %error, "default answers are given at the next sweep");
        }
        if let Err(error) = self.alert_requests(shop).await {
            tracing::warn!(shop = %shop.record.id, %error, "requests whose time runs out are told at the next sweep");
        }
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        for claim in claims {
            let wake_at = match &swept {
                Ok(()) => now.plus(shop.policy.sweep_every),
                // What was swept so far is kept: it goes on from there.
                Err(EngineError::NotNow { retry_after, .. }) => now.plus(*retry_after),
                Err(error) => {
                    tracing::warn!(shop = %shop.record.id, %error, "sweep failed; it is repeated");
                    now.plus(Span::from_seconds(2).doubled(claim.tries.saturating_sub(1), shop.policy.sweep_every))
                }
            };
            jobs::again(&mut session, lease, claim, wake_at, now).await?;
        }
        session.commit().await?;
        self.wake();
        Ok(())
    }

    /// Lists window after window up to the platform's present; what a window names is wanted before it counts as swept.
    async fn sweep_windows(&self, shop: &OpenShop) -> Result<(), EngineError> {
        let record = &shop.record;
        let policy = &shop.policy;
        let platform_now = self.clock.platform_now(record.platform);
        let mut from = record.swept_to.minus(policy.sweep_overlap).max(Moment::from_millis(0));
        loop {
            let to = from.plus(policy.list_window).min(platform_now);
            let numbers = self.list_window(shop, Window { from, to }).await?;
            let mut session = self.store.begin().await?;
            self.nudge(&mut session, &record.merchant, &record.id, &numbers).await?;
            shops::swept(&mut session, &record.merchant, &record.id, to).await?;
            session.commit().await?;
            if to >= platform_now {
                return Ok(());
            }
            from = to;
        }
    }

    /// Wants every order whose buyer waits, and those whose buyer's time is over: no push need have come.
    async fn sweep_requests(&self, shop: &OpenShop) -> Result<(), EngineError> {
        let record = &shop.record;
        let mut numbers = BTreeSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let build =
                |connector: &dyn Connector, now| Ok::<_, CallError>(connector.list_requests(cursor.as_deref(), now));
            let page = self.call(shop, None, build).await.map_err(|error| EngineError::Platform(error.to_string()))?;
            numbers.extend(page.numbers);
            match page.next {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => break,
            }
        }
        let platform_now = self.clock.platform_now(record.platform);
        let mut session = self.store.begin().await?;
        numbers.extend(requests::overdue(&mut session, &record.merchant, &record.id, platform_now).await?);
        let numbers: Vec<OrderNumber> = numbers.into_iter().collect();
        self.nudge(&mut session, &record.merchant, &record.id, &numbers).await?;
        Ok(session.commit().await?)
    }

    async fn list_window(&self, shop: &OpenShop, window: Window) -> Result<BTreeSet<OrderNumber>, EngineError> {
        let mut numbers = BTreeSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let build = |connector: &dyn Connector, now| {
                Ok::<_, CallError>(connector.list_orders(window, cursor.as_deref(), now))
            };
            let page = self.call(shop, None, build).await?;
            numbers.extend(page.numbers);
            match page.next {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(numbers),
            }
        }
        Err(EngineError::Platform(format!("a list of more than {MAX_PAGES} pages")))
    }

    /// Sweeps a shop and reads everything it names, now. Reads that fail again and again are left to the workers.
    ///
    /// # Errors
    /// [`EngineError`] when the shop cannot be listed, or of the store.
    pub async fn first_sync(&self, merchant: &MerchantId, shop: &ShopId) -> Result<(), EngineError> {
        let mut rounds = 0;
        let open = loop {
            let open = self.open_shop(merchant, shop).await?;
            match self.sweep_windows(&open).await {
                Ok(()) => break open,
                // What was swept so far is kept: the next round goes on from there.
                // A ban is longer than anybody waits: it is told instead.
                Err(EngineError::NotNow { retry_after, .. })
                    if rounds < FIRST_SYNC_ROUNDS && retry_after <= LONGEST_PATIENCE =>
                {
                    rounds += 1;
                    wait_for_platform(retry_after).await;
                }
                Err(error) => return Err(error),
            }
        };
        let mut session = self.store.begin().await?;
        let wake_at = self.clock.now().plus(open.policy.sweep_every);
        jobs::want_once(&mut session, merchant, shop, Kind::Sweep, shop.as_str(), wake_at).await?;
        session.commit().await?;
        let due = store::jobs::Due { merchant: merchant.clone(), shop: shop.clone() };
        for _ in 0..FIRST_SYNC_ROUNDS {
            while self.tick(&due, Kind::ReadOrder).await? > 0 {}
            let mut session = self.store.read().await?;
            if jobs::waiting_in_shop(&mut session, &due, Kind::ReadOrder).await? == 0 {
                break;
            }
            drop(session);
            // What is left is held by another worker, or waits for the platform.
            tokio::time::sleep(FIRST_SYNC_PAUSE).await;
        }
        Ok(())
    }
}

/// Waits as long as a platform asks for, while somebody waits for all of a shop to be read.
pub(crate) async fn wait_for_platform(retry_after: Span) {
    let wait = Duration::from_millis(retry_after.millis().unsigned_abs());
    tokio::time::sleep(wait.clamp(FIRST_SYNC_PAUSE, LONGEST_WAIT)).await;
}
