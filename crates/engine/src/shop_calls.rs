//! Calls to a shop's platform: within its budget, with a fresh token, and answered by what to do next.

use crate::{Engine, EngineError, NetworkError};
use connectors::call::{Call, CallError, Effect, Remedy, Story};
use connectors::connector::{Connector, RenewedCredentials};
use domain::ids::{MerchantId, ShopId};
use domain::policy::Policy;
use domain::time::{Moment, Span};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The platform asked not to be called before this moment.
    closed_until: Option<Moment>,
    /// The second that calls are counted in, and how many there were.
    second: i64,
    calls: u32,
}

struct Opened {
    grant_version: i64,
    address: String,
    connector: Arc<dyn Connector>,
}

impl Lane {
    fn state(&self) -> std::sync::MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one call out of the budget, or says how long to wait.
    fn admit(&self, policy: &Policy, now: Moment) -> Result<(), Span> {
        let mut state = self.state();
        if let Some(until) = state.closed_until {
            if until > now {
                return Err(until.since(now));
            }
            state.closed_until = None;
        }
        if policy.calls_per_second > 0 {
            if state.second != now.seconds() {
                state.second = now.seconds();
                state.calls = 0;
            }
            if state.calls >= policy.calls_per_second {
                return Err(Moment::from_seconds(now.seconds() + 1).since(now));
            }
            state.calls += 1;
        }
        Ok(())
    }

    fn close(&self, until: Moment) {
        let mut state = self.state();
        state.closed_until = state.closed_until.max(Some(until));
    }
}

/// A shop with its connector opened.
#[derive(Clone)]
pub(crate) struct OpenShop {
    pub(crate) record: ShopRecord,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) policy: Arc<Policy>,
    lane: Arc<Lane>,
}

fn own_error(remedy: Remedy, endpoint: &str, message: String) -> CallError {
    CallError { remedy, story: Story { endpoint: endpoint.to_owned(), message, ..Story::default() } }
}

/// How long to wait when no connection was made.
const NO_CONNECTION_PAUSE: Span = Span::from_seconds(1);
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
                let opened =
                    connectors::open(record.platform, &record.address, &record.credentials, Arc::clone(&policy))?;
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
        Ok(OpenShop { record, connector, policy, lane })
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
        let mut fresh = None;
        if shop.connector.access_ends() <= self.clock.platform_now(platform).plus(ahead) {
            fresh = Some(self.renew(shop).await?);
        }
        let connector = fresh.as_ref().map_or(&shop.connector, |fresh| &fresh.connector);
        let call = build(&**connector, self.clock.platform_now(platform)).map_err(Into::into)?;
        match self.send(shop, not_after, call).await {
            Err(error) if error.remedy == Remedy::TokenExpired && fresh.is_none() => {
                let fresh = self.renew(shop).await?;
                let call = build(&*fresh.connector, self.clock.platform_now(platform)).map_err(Into::into)?;
                self.send(shop, not_after, call).await
            }
            other => other,
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
        if let Err(wait) = shop.lane.admit(&shop.policy, now) {
            return Err(own_error(
                Remedy::RetryAfter(wait),
                endpoint,
                "held back by the shop's call budget".to_owned(),
            ));
        }
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
        let read = (call.read)(&received);
        if let Err(error) = &read {
            self.note_failure(shop, error).await;
        }
        read
    }

    /// What a failure means for the whole shop: a pause, or a person who has to do something.
    async fn note_failure(&self, shop: &OpenShop, error: &CallError) {
        let story = &error.story;
        tracing::debug!(shop = %shop.record.id, endpoint = %story.endpoint, status = story.http_status, code = %story.code, message = %story.message, request = %story.request_id, "call failed");
        let alert = match error.remedy {
            Remedy::RetryAfter(span) if story.http_status == 429 || story.code.contains("limit") => {
                shop.lane.close(self.clock.now().plus(span));
                return;
            }
            Remedy::Reauthorize => {
                format!(
                    "{} no longer accepts this shop's authorisation ({}): authorise the shop again.",
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
            _ => return,
        };
        let authorised = error.remedy != Remedy::Reauthorize;
        if shop.record.alert.as_deref() == Some(&alert) && shop.record.authorised == authorised {
            return;
        }
        if let Err(error) = self.alert_shop(shop, &alert, authorised).await {
            tracing::warn!(shop = %shop.record.id, %error, "the shop's alert could not be written");
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
