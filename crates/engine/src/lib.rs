//! The only place where things happen, and it does them when told, one tick at a time.
//!
//! Commands ([`commands`]) run inside the caller's transaction: what they accept is durable with the caller's commit.
//! Ticks ([`Engine::tick`]) carry on what was accepted. Nothing here spawns: `main` runs ticks in its workers, tests call
//! them themselves.

mod audit;
mod audit_warehouses;
mod auto_pack;
mod batch_plan;
mod batches;
mod budget;
mod cancel;
mod connect;
mod consequences;
mod counting;
mod error;
mod labels;
mod ledger;
mod live_check;
mod manual;
mod outside;
mod pack;
mod read_orders;
mod reconcile;
mod repair;
mod repair_warehouses;
mod requests;
mod resolve;
mod shop_calls;
mod stock_push;
mod sweep;
mod warehouse_calls;
mod warehouse_links;
mod warehouse_orders;
mod warehouse_tending;
mod warehouses;

pub mod adjustments;
pub mod cases;
pub mod commands;
pub mod default_answers;
pub mod handover;
pub mod mappings;
pub mod opening;
pub mod pull_list;
pub mod scan;
pub mod shop_stock;
pub mod stock_ins;

pub use batch_plan::{Cannot, Choice, Plan, PlatformPlan, RatePlan, ShopPlan, Units};
pub use batches::{Asker, BatchError, check_size};
pub use connect::{Authorised, ConnectError, FIRST_REACH, NewShop};
pub use error::EngineError;
pub use labels::{NotPrintable, Print, PrintError, Refusal};
pub use live_check::LIVE_ANSWER_WITHIN;
pub use outside::{Clock, Network, NetworkError};
pub use repair::RepairError;
pub use requests::{AnswerError, AnswerWish};
pub use resolve::{ResolveAs, ResolveError};
pub use warehouse_links::{LINK_LIVES, LinkError};
pub use warehouses::{NewAccount, WarehouseError};

use connectors::Policies;
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::time::{Moment, Span};
use shop_calls::{Lane, OpenShop, PausedApps};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::jobs::{self, Due, Kind, Lease};
use store::shops::ShopRecord;
use store::{Session, Store, new_id};
use tokio::sync::Notify;
use warehouse_calls::Accounts;

/// How long claimed jobs are held. Longer than a batch takes at worst: two calls of a policy's call time-out and the
/// queue before them. Nothing is sent when less than a call's time-out is left of it.
pub const LEASE: Span = Span::from_seconds(60);

/// Jobs that one tick claims at once, by kind.
const fn claim_limit(kind: Kind) -> usize {
    match kind {
        Kind::Cancellation | Kind::Shipment => 64,
        Kind::Batch => 8,
        Kind::ReadOrder => 200,
        Kind::Sweep => 1,
        Kind::ReadListings => 200,
        Kind::StockPush => 50,
        Kind::StockIn | Kind::Audit => 1,
        Kind::Label => 20,
        Kind::AutoPack => 1,
        Kind::WarehouseOrder => 20,
    }
}

/// Whether somebody waits for jobs of this kind: their calls go first where a shop's budget is short. What was synced late is
/// late; a cancel that came too late is a parcel on its way.
const fn is_urgent(kind: Kind) -> bool {
    match kind {
        Kind::Cancellation | Kind::Shipment | Kind::WarehouseOrder => true,
        Kind::Batch
        | Kind::ReadOrder
        | Kind::Sweep
        | Kind::ReadListings
        | Kind::StockPush
        | Kind::StockIn
        | Kind::Label
        | Kind::AutoPack
        | Kind::Audit => false,
    }
}

/// The engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    network: Arc<dyn Network>,
    clock: Arc<dyn Clock>,
    policies: Arc<Policies>,
    lanes: Arc<Mutex<HashMap<ShopId, Arc<Lane>>>>,
    paused_apps: Arc<PausedApps>,
    accounts: Arc<Accounts>,
    woken: Arc<Notify>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine on this store, with this network and these clocks.
    #[must_use]
    pub fn new(store: Store, network: Arc<dyn Network>, clock: Arc<dyn Clock>, policies: Policies) -> Self {
        Self {
            store,
            network,
            clock,
            policies: Arc::new(policies),
            lanes: Arc::default(),
            paused_apps: Arc::default(),
            accounts: Arc::default(),
            woken: Arc::new(Notify::new()),
        }
    }

    /// The store that this engine works on.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The clocks that this engine goes by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The network that this engine calls through.
    #[must_use]
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// Every platform's policy: what a shop is opened with.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// A platform's policy.
    ///
    /// # Errors
    /// [`EngineError::NoPolicy`] for a platform that this process does not serve.
    pub fn policy(&self, platform: Platform) -> Result<Arc<Policy>, EngineError> {
        self.policies.get(&platform).map(Arc::clone).ok_or(EngineError::NoPolicy(platform))
    }

    /// Says that something may be due now: to be called after a commit.
    pub fn wake(&self) {
        self.woken.notify_waiters();
    }

    /// Completes at the next [`Engine::wake`] after it was first polled.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Shops that have jobs of this kind due.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn due(&self, kind: Kind) -> Result<Vec<Due>, EngineError> {
        let mut session = self.store.read().await?;
        Ok(jobs::due(&mut session, kind, self.clock.now()).await?)
    }

    /// When the next job wakes, if there is any.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn next_wake(&self) -> Result<Option<Moment>, EngineError> {
        let mut session = self.store.read().await?;
        Ok(jobs::next_wake(&mut session).await?)
    }

    /// Works on one batch of a shop's due jobs of one kind; answers how many it claimed. After an error the jobs are
    /// free again when their lease ends.
    ///
    /// # Errors
    /// [`EngineError`] of the store or of the shop's credentials.
    pub async fn tick(&self, due: &Due, kind: Kind) -> Result<usize, EngineError> {
        let now = self.clock.now();
        let lease = Lease { merchant: due.merchant.clone(), kind, id: new_id("lea", now), until: now.plus(LEASE) };
        let mut session = self.store.begin().await?;
        let fits = self.lane(&due.shop).claim_limit();
        // A push is two calls: it is read back.
        let fits = if kind == Kind::StockPush { fits.div_ceil(2) } else { fits };
        let limit = claim_limit(kind).min(fits);
        let claims = jobs::claim(&mut session, &lease, &due.shop, now, limit).await?;
        session.commit().await?;
        if claims.is_empty() {
            return Ok(0);
        }
        let claimed = claims.len();
        let is_of_the_ledger = kind == Kind::Audit && due.shop.as_str() == due.merchant.as_str();
        let is_of_a_warehouse = kind == Kind::Audit && !is_of_the_ledger && self.is_account_lane(due).await?;
        if kind == Kind::StockIn || is_of_the_ledger || is_of_a_warehouse {
            // None of these belongs to a shop, so that none has to be open for it.
            let worked = match kind {
                Kind::StockIn => self.carry_on_stock_ins(&lease, &claims).await,
                _ if is_of_a_warehouse => self.carry_on_warehouse_audits(&lease, &due.shop, &claims).await,
                _ => self.carry_on_ledger_audits(&lease, &claims).await,
            };
            if let Err(error) = worked {
                self.free(&lease, self.clock.now().plus(Span::from_seconds(1))).await?;
                return Err(error);
            }
            return Ok(claimed);
        }
        if kind == Kind::WarehouseOrder {
            // Its lane is an account at a warehouse.
            if let Err(error) = self.carry_on_warehouse_orders(&lease, &due.shop, &claims).await {
                self.free(&lease, self.clock.now().plus(Span::from_seconds(1))).await?;
                return Err(error);
            }
            return Ok(claimed);
        }
        let shop = match self.open_shop(&due.merchant, &due.shop).await {
            Ok(shop) if shop.record.authorised => OpenShop { urgent: is_urgent(kind), ..shop },
            Ok(_) => {
                // Its own alert says what a person has to press; until then its jobs wait.
                self.free(&lease, now.plus(Span::from_seconds(30))).await?;
                return Ok(0);
            }
            Err(error) => {
                self.free(&lease, now.plus(Span::from_seconds(30))).await?;
                return Err(error);
            }
        };
        let worked = match kind {
            Kind::Cancellation => self.carry_on_cancellations(&shop, &lease, claims).await,
            Kind::Batch => self.carry_on_batches(&shop, &lease, &claims).await,
            Kind::Shipment => self.carry_on_shipments(&shop, &lease, claims).await,
            Kind::ReadOrder => self.read_wanted_orders(&shop, &lease, &claims).await,
            Kind::Sweep => self.sweep(&shop, &lease, &claims).await,
            Kind::ReadListings => self.read_wanted_listings(&shop, &lease, &claims).await,
            Kind::StockPush => self.push_stock(&shop, &lease, &claims).await,
            Kind::StockIn | Kind::WarehouseOrder => Ok(()),
            Kind::Audit => self.carry_on_audits(&shop, &lease, &claims).await,
            Kind::Label => self.fetch_wanted_labels(&shop, &lease, &claims).await,
            Kind::AutoPack => self.pack_by_rule(&shop, &lease, &claims).await,
        };
        if let Err(error) = worked {
            self.free(&lease, self.clock.now().plus(Span::from_seconds(1))).await?;
            return Err(error);
        }
        Ok(claimed)
    }

    /// Runs one batch of everything that is due; answers how many jobs were worked on. For tests and the terminal.
    ///
    /// # Errors
    /// The first error of a tick.
    pub async fn run_due(&self) -> Result<usize, EngineError> {
        let mut worked = 0;
        for kind in Kind::ALL {
            for due in self.due(kind).await? {
                worked += self.tick(&due, kind).await?;
            }
        }
        Ok(worked)
    }

    async fn free(&self, lease: &Lease, wake_at: Moment) -> Result<(), EngineError> {
        let mut session = self.store.begin().await?;
        jobs::free(&mut session, lease, wake_at).await?;
        Ok(session.commit().await?)
    }

    async fn shop(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
    ) -> Result<ShopRecord, EngineError> {
        self.store.shop(session, merchant, shop).await?.ok_or(EngineError::NoShop)
    }

    fn lane(&self, shop: &ShopId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(shop.clone()).or_default())
    }
}

/// A check by the compiler: what workers spawn must be fit for their tasks.
#[cfg(test)]
const _: fn(&Engine, &Due, &MerchantId, &ShopId) = |engine, due, merchant, shop| {
    fn may_run_on_any_worker<T: Send>(_: &T) {}
    may_run_on_any_worker(&engine.tick(due, Kind::Cancellation));
    may_run_on_any_worker(&engine.run_due());
    may_run_on_any_worker(&engine.first_sync(merchant, shop));
    may_run_on_any_worker(&engine.count_from_listings(merchant, shop));
    may_run_on_any_worker(&engine.authorise(merchant, shop, "code"));
};
