//! Calls to a shop's platform: within its budget, with a fresh token, and answered by what to do next.

use crate::budget::{Asked, Budget, Held};
use crate::{Engine, EngineError, NetworkError};
use connectors::call::{Call, CallError, Effect, Pause, PauseScope, Remedy, Story};
use connectors::connector::{Connector, RenewedCredentials};
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::policy::{EndpointClass, Policy};
use domain::time::{Moment, Span};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::log::{self, Entry};
use store::shops::{self, ShopRecord};
use store::{StoreError, new_id};

/// What this process remembers of a shop between calls.
#[derive(Default)]
pub(crate) struct Lane {
    state: Mutex<LaneState>,
}

#[derive(Default)]
struct LaneState {
    connector: Option<Opened>,
    budget: Budget,
}

struct Opened {
    grant_version: i64,
    address: String,
    connector: Arc<dyn Connector>,
}

impl Lane {
    /// Jobs that one tick may claim so that their calls fit into its lease, where our budget is narrow.
    pub(crate) fn claim_limit(&self) -> usize {
        let state = self.state();
        let per_second = state.connector.as_ref().map_or(0, |opened| opened.connector.policy().calls_per_second);
        match usize::try_from(per_second) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(per_second) => per_second * CLAIMED_SECONDS,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An urgent call that waits; no longer when dropped.
struct Waiting<'a>(&'a Lane);

impl<'a> Waiting<'a> {
    fn at(lane: &'a Lane) -> Self {
        lane.state().budget.urgent_waits();
        Self(lane)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().budget.urgent_waits_no_longer();
    }
}

/// Apps whose platform asked that no shop of theirs be called before a moment.
#[derive(Default)]
pub(crate) struct PausedApps(Mutex<HashMap<(Platform, String), Moment>>);

impl PausedApps {
    fn pause(&self, connector: &dyn Connector, until: Moment) {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = paused.entry((connector.platform(), connector.app().to_owned())).or_insert(until);
        *closed = until.max(*closed);
    }

    fn until(&self, connector: &dyn Connector, now: Moment) -> Option<Moment> {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.retain(|_, until| *until > now);
        if paused.is_empty() {
            return None;
        }
        paused.get(&(connector.platform(), connector.app().to_owned())).copied()
    }
}

/// How many seconds' worth of calls a tick claims at most.
const CLAIMED_SECONDS: usize = 2;

/// A shop with its connector opened.
#[derive(Clone)]
pub(crate) struct OpenShop {
    pub(crate) record: ShopRecord,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) policy: Arc<Policy>,
    /// Whether somebody waits for what is called for. Where the budget is short, other calls come after these.
    pub(crate) urgent: bool,
    pub(crate) lane: Arc<Lane>,
}

fn own_error(remedy: Remedy, endpoint: &str, message: String) -> CallError {
    CallError { remedy, story: Story { endpoint: endpoint.to_owned(), message, ..Story::default() } }
}

/// How long to wait when no connection was made.
const NO_CONNECTION_PAUSE: Span = Span::from_seconds(1);
/// The longest pause that a call waits out where it stands: Lazada's bans last a second as a rule (`lazada.md` section 4).
const WAITED_OUT: Span = Span::from_seconds(3);
/// How long another process may take to renew a token before we look again.
const RENEWAL_PAUSE: Span = Span::from_millis(300);
/// How long a renewal's lease is held.
const RENEWAL_LEASE: Span = Span::from_seconds(30);

impl Engine {
    /// Reads a shop and opens its connector, which is kept until its credentials change.
    pub(crate) async fn open_shop(&self, merchant: &MerchantId, shop: &ShopId) -> Result<OpenShop, EngineError> {
        let mut session = self.store.read().await?;
        let record = self.shop(&mut session, merchant, shop).await?;
        self.open_record(record)
    }

    pub(crate) fn open_record(&self, record: ShopRecord) -> Result<OpenShop, EngineError> {
        let policy = self.policy(record.platform)?;
        let lane = self.lane(&record.id);
        let mut state = lane.state();
        let kept = state.connector.as_ref();
        let kept =
            kept.filter(|opened| opened.grant_version == record.grant_version && opened.address == record.address);
        let connector = match kept {
            Some(opened) => Arc::clone(&opened.connector),
            None => {
                let opened = connectors::open(record.platform, &record.address, &record.credentials, &self.policies)?;
                let connector: Arc<dyn Connector> = Arc::from(opened);
                state.connector = Some(Opened {
                    grant_version: record.grant_version,
                    address: record.address.clone(),
                    connector: Arc::clone(&connector),
                });
                connector
            }
        };
        drop(state);
        Ok(OpenShop { record, connector, policy, urgent: true, lane })
    }

    /// Makes one call, with the access token renewed before it where it is about to end, and once after it where the
    /// platform says that it has ended (a check that every platform makes before it carries anything out).
    ///
    /// `not_after` is when the call must have ended; an intent that runs out before the call begins is not sent.
    pub(crate) async fn call<T, E: Into<CallError>>(
        &self,
        shop: &OpenShop,
        not_after: Option<Moment>,
        build: impl Fn(&dyn Connector, Moment) -> Result<Call<T>, E>,
    ) -> Result<T, CallError> {
        let platform = shop.record.platform;
        let ahead = shop.connector.refresh_ahead();
        let patience = not_after.unwrap_or(self.clock.now().plus(shop.policy.call_timeout));
        let mut fresh = None;
        if shop.connector.access_ends() <= self.clock.platform_now(platform).plus(ahead) {
            fresh = Some(self.renew(shop).await?);
        }
        loop {
            let connector = fresh.as_ref().map_or(&shop.connector, |fresh: &OpenShop| &fresh.connector);
            let call = build(&**connector, self.clock.platform_now(platform)).map_err(Into::into)?;
            let effect = call.effect;
            let error = match self.send(shop, not_after, call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match (&error.remedy, effect) {
                (Remedy::TokenExpired, _) if fresh.is_none() => fresh = Some(self.renew(shop).await?),
                // Asked once more when the pause is over. A write is not: before it is repeated, its order is read.
                (Remedy::Pause(pause), Effect::Read)
                    if pause.span <= WAITED_OUT && self.clock.now().plus(pause.span) < patience => {}
                _ => return Err(error),
            }
        }
    }

    pub(crate) async fn send<T>(
        &self,
        shop: &OpenShop,
        not_after: Option<Moment>,
        call: Call<T>,
    ) -> Result<T, CallError> {
        let now = self.clock.now();
        let endpoint = call.endpoint;
        let now = self
            .wait_for_budget(shop, endpoint, call.class, not_after.unwrap_or(now.plus(shop.policy.call_timeout)))
            .await?;
        let timeout = match not_after {
            Some(limit) if limit.since(now) < Span::from_seconds(1) => {
                let message = "its time ran out before it was sent".to_owned();
                return Err(own_error(Remedy::RetryAfter(Span::ZERO), endpoint, message));
            }
            Some(limit) => limit.since(now).min(shop.policy.call_timeout),
            None => shop.policy.call_timeout,
        };
        let received = match self.network.send(call.request, timeout).await {
            Ok(received) => received,
            Err(NetworkError::NotSent(why)) => {
                return Err(own_error(
                    Remedy::RetryAfter(NO_CONNECTION_PAUSE),
                    endpoint,
                    format!("no connection: {why}"),
                ));
            }
            Err(NetworkError::NoAnswer(why)) => {
                let remedy = match call.effect {
                    Effect::Read => Remedy::RetryAfter(Span::from_millis(100)),
                    Effect::Write => Remedy::Unknown,
                };
                return Err(own_error(remedy, endpoint, format!("no answer: {why}")));
            }
        };
        if let Some(pause) = (call.foretold)(&received) {
            self.pause(shop, endpoint, pause);
        }
        let read = (call.read)(&received);
        if let Err(error) = &read {
            if let Remedy::Pause(pause) = error.remedy {
                self.pause(shop, endpoint, pause);
            }
            self.note_failure(shop, error).await;
        }
        read
    }

    /// Takes one call out of the shop's budgets. Where those of this second are spent, or the platform asked for a short
    /// pause, it waits, so that a narrow budget costs time and no work: an order that was read is not read again only because
    /// its turn came late. A longer pause is given back to whoever plans the job. Answers the present.
    async fn wait_for_budget(
        &self,
        shop: &OpenShop,
        endpoint: &'static str,
        class: EndpointClass,
        not_after: Moment,
    ) -> Result<Moment, CallError> {
        let mut waiting = None;
        loop {
            let now = self.clock.now();
            let wait = match self.admit(shop, endpoint, class, now) {
                Ok(()) => return Ok(now),
                Err(Held(wait)) if wait <= WAITED_OUT && now.plus(wait) < not_after => wait,
                Err(Held(wait)) => {
                    let message = "held back by the shop's call budget".to_owned();
                    return Err(own_error(Remedy::RetryAfter(wait), endpoint, message));
                }
            };
            if shop.urgent && waiting.is_none() {
                waiting = Some(Waiting::at(&shop.lane));
            }
            tokio::time::sleep(Duration::from_millis(wait.millis().unsigned_abs())).await;
        }
    }

    /// Takes one call out of the shop's budgets, or says why not.
    fn admit(&self, shop: &OpenShop, endpoint: &'static str, class: EndpointClass, now: Moment) -> Result<(), Held> {
        if let Some(until) = self.paused_apps.until(&*shop.connector, now) {
            return Err(Held(until.since(now)));
        }
        shop.lane.state().budget.admit(&shop.policy, Asked { endpoint, class, urgent: shop.urgent }, now)
    }

    fn pause(&self, shop: &OpenShop, endpoint: &'static str, pause: Pause) {
        let until = self.clock.now().plus(pause.span);
        tracing::debug!(shop = %shop.record.id, endpoint, scope = ?pause.scope, wait_ms = pause.span.millis(), "the platform's limit is reached");
        match pause.scope {
            PauseScope::App => self.paused_apps.pause(&*shop.connector, until),
            PauseScope::Shop | PauseScope::Endpoint => {
                shop.lane.state().budget.pause(endpoint, pause.scope, until);
            }
        }
    }

    /// Until when the platform takes no call of this shop at all, as far as this process was told: nothing of it need be
    /// claimed before.
    #[must_use]
    pub fn closed_until(&self, shop: &ShopId) -> Option<Moment> {
        let now = self.clock.now();
        let lane = self.lane(shop);
        let state = lane.state();
        let app = state.connector.as_ref().and_then(|opened| self.paused_apps.until(&*opened.connector, now));
        state.budget.closed_until(now).max(app)
    }

    /// Until when the platform does not take calls of this shop, or of one of its endpoints, as far as this process was told.
    #[must_use]
    pub fn held_back_until(&self, shop: &ShopId) -> Option<Moment> {
        self.lane(shop).state().budget.held_back_until(self.clock.now())
    }

    /// What a failure means for the whole shop: a person who has to do something.
    async fn note_failure(&self, shop: &OpenShop, error: &CallError) {
        let story = &error.story;
        tracing::debug!(shop = %shop.record.id, endpoint = %story.endpoint, status = story.http_status, code = %story.code, message = %story.message, request = %story.request_id, "call failed");
        let alert = match error.remedy {
            Remedy::Reauthorize => {
                format!(
                    "{} no longer accepts this shop's authorisation ({}): press “Authorise again” on the Shops page.",
                    shop.record.platform.title(),
                    story.code
                )
            }
            Remedy::Bug => {
                format!(
                    "{} refused a request as wrong ({}: {}). If it speaks of a timestamp or signature, check this machine's clock and the app key.",
                    shop.record.platform.title(),
                    story.code,
                    story.message
                )
            }
            Remedy::RetryAfter(_) | Remedy::Pause(_) | Remedy::Unknown | Remedy::TokenExpired | Remedy::Rejected => {
                return;
            }
        };
        let authorised = error.remedy != Remedy::Reauthorize;
        if shop.record.alert.as_deref() == Some(&alert) && shop.record.authorised == authorised {
            return;
        }
        if let Err(error) = self.alert_shop(shop, &alert, authorised).await {
            tracing::warn!(shop = %shop.record.id, %error, "the shop's alert could not be written");
        }
    }

    /// Tells a person ahead of the authorisation's end, where the platform says when that is: after it, only the seller's
    /// consent helps.
    pub(crate) async fn warn_of_authorisation_s_end(&self, shop: &OpenShop) {
        // Read anew: the calls before may have renewed it.
        let Ok(shop) = self.open_shop(&shop.record.merchant, &shop.record.id).await else { return };
        let record = &shop.record;
        let Some(ends) = shop.connector.refresh_ends() else { return };
        let platform_now = self.clock.platform_now(record.platform);
        if !record.authorised || record.alert.is_some() || ends > platform_now.plus(shop.policy.authorise_ahead) {
            return;
        }
        let alert = format!(
            "{}'s authorisation of this shop ends soon: press “Authorise again” on the Shops page before it does.",
            record.platform.title()
        );
        if let Err(error) = self.alert_shop(&shop, &alert, true).await {
            tracing::warn!(shop = %record.id, %error, "the shop's alert could not be written");
        }
    }

    async fn alert_shop(&self, shop: &OpenShop, alert: &str, authorised: bool) -> Result<(), StoreError> {
        let record = &shop.record;
        let mut session = self.store.begin().await?;
        shops::set_alert(&mut session, &record.merchant, &record.id, Some(alert), authorised).await?;
        let entry = Entry {
            actor: "countermand",
            action: "shop.alert",
            shop: Some(&record.id),
            order: None,
            subject: &record.name,
            detail: alert,
        };
        log::write(&mut session, &record.merchant, self.clock.now(), &entry).await?;
        session.commit().await
    }

    /// Renews the access token: by one process at a time, persisted before it is used. A renewal without an answer is
    /// repeated with the old token, which Shopee answers with the same new one (`shopee.md` section 3.4).
    pub(crate) async fn renew(&self, shop: &OpenShop) -> Result<OpenShop, CallError> {
        let failed = |error: EngineError| own_error(Remedy::RetryAfter(RENEWAL_PAUSE), "renew", error.to_string());
        let now = self.clock.now();
        let lease = new_id("ren", now);
        let current = self.open_shop(&shop.record.merchant, &shop.record.id).await.map_err(failed)?;
        if current.record.grant_version != shop.record.grant_version {
            return Ok(current);
        }
        let taken = self.take_renewal(&current.record, &lease, now).await.map_err(|error| failed(error.into()))?;
        if !taken {
            let message = "another worker is renewing the token".to_owned();
            return Err(own_error(Remedy::RetryAfter(RENEWAL_PAUSE), "renew", message));
        }
        let platform_now = self.clock.platform_now(current.record.platform);
        match self.send(&current, None, current.connector.refresh(platform_now)).await {
            Ok(renewed) => self.keep_renewed(&current, &renewed).await.map_err(failed),
            Err(mut error) => {
                if let Err(store_error) = self.end_renewal(&current.record, &lease).await {
                    tracing::warn!(shop = %current.record.id, error = %store_error, "the renewal's lease could not be given back");
                }
                if error.remedy == Remedy::Rejected {
                    error.remedy = Remedy::Reauthorize;
                    self.note_failure(&current, &error).await;
                }
                if matches!(error.remedy, Remedy::Unknown | Remedy::TokenExpired) {
                    error.remedy = Remedy::RetryAfter(RENEWAL_PAUSE);
                }
                Err(error)
            }
        }
    }

    async fn take_renewal(&self, record: &ShopRecord, lease: &str, now: Moment) -> Result<bool, StoreError> {
        let mut session = self.store.begin().await?;
        let taken = shops::begin_renewal(&mut session, record, lease, now, now.plus(RENEWAL_LEASE)).await?;
        session.commit().await?;
        Ok(taken)
    }

    async fn end_renewal(&self, record: &ShopRecord, lease: &str) -> Result<(), StoreError> {
        let mut session = self.store.begin().await?;
        shops::end_renewal(&mut session, record, lease).await?;
        session.commit().await
    }

    async fn keep_renewed(&self, shop: &OpenShop, renewed: &RenewedCredentials) -> Result<OpenShop, EngineError> {
        let record = &shop.record;
        let mut session = self.store.begin().await?;
        self.store
            .save_renewed(&mut session, &record.merchant, &record.id, record.grant_version, &renewed.credentials)
            .await?;
        session.commit().await?;
        self.open_shop(&record.merchant, &record.id).await
    }

    /// Exchanges the code of a finished authorisation, and keeps the tokens.
    ///
    /// # Errors
    /// [`EngineError::Platform`] in the platform's words when it does not take the code.
    pub async fn authorise(&self, merchant: &MerchantId, shop: &ShopId, code: &str) -> Result<(), EngineError> {
        let open = self.open_shop(merchant, shop).await?;
        let platform_now = self.clock.platform_now(open.record.platform);
        let call = open.connector.exchange_code(code, platform_now);
        let renewed = self.send(&open, None, call).await.map_err(|error| EngineError::Platform(error.to_string()))?;
        self.keep_renewed(&open, &renewed).await.map(drop)
    }
}
