//! Calls to a third-party warehouse: within its account's one limit, and answered by what to do next.

use crate::{Engine, EngineError, NetworkError};
use connectors::call::{Call, CallError, Effect, Pause, Remedy, Story};
use connectors::warehouse::Warehouse;
use domain::ids::{MerchantId, WarehouseId};
use domain::time::{Moment, Span};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use store::log::{self, Entry};
use store::warehouses::{self, AccountRecord};
use store::{Session, StoreError};

/// What this process remembers of the accounts between calls.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<HashMap<(MerchantId, WarehouseId), Arc<AccountLane>>>);

impl Accounts {
    fn lane(&self, account: &AccountRecord) -> Arc<AccountLane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry((account.merchant.clone(), account.warehouse.clone())).or_default())
    }
}

#[derive(Default)]
struct AccountLane {
    state: Mutex<LaneState>,
}

#[derive(Default)]
struct LaneState {
    opened: Option<(i64, String, Arc<dyn Warehouse>)>,
    /// When the calls of the last minute were made.
    made: VecDeque<Moment>,
    /// The warehouse takes no call before.
    paused_until: Option<Moment>,
}

/// An account with its connector opened.
#[derive(Clone)]
pub(crate) struct OpenAccount {
    pub(crate) record: AccountRecord,
    pub(crate) warehouse: Arc<dyn Warehouse>,
    lane: Arc<AccountLane>,
}

/// The window of an account's limit.
const WINDOW: Span = Span::from_seconds(60);
/// How long to wait when no connection was made.
const NO_CONNECTION_PAUSE: Span = Span::from_seconds(1);
/// How long to wait after a read without an answer.
const NO_ANSWER_PAUSE: Span = Span::from_millis(250);

fn own_error(remedy: Remedy, endpoint: &str, message: String) -> CallError {
    CallError { remedy, story: Story { endpoint: endpoint.to_owned(), message, ..Story::default() } }
}

impl Engine {
    /// Reads an account and opens its connector, which is kept until its credentials change.
    pub(crate) async fn open_account(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        warehouse: &WarehouseId,
    ) -> Result<OpenAccount, EngineError> {
        let record = self.store.warehouse_account(session, merchant, warehouse).await?;
        self.open_account_record(record.ok_or(EngineError::NoAccount)?)
    }

    pub(crate) fn open_account_record(&self, record: AccountRecord) -> Result<OpenAccount, EngineError> {
        let lane = self.accounts.lane(&record);
        let mut state = lane.state.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = state.opened.as_ref();
        let kept = kept.filter(|(version, address, _)| *version == record.grant_version && *address == record.address);
        let warehouse = match kept {
            Some((_, _, warehouse)) => Arc::clone(warehouse),
            None => {
                let opened = connectors::open_warehouse(record.provider, &record.address, &record.credentials)?;
                let warehouse: Arc<dyn Warehouse> = Arc::from(opened);
                state.opened = Some((record.grant_version, record.address.clone(), Arc::clone(&warehouse)));
                warehouse
            }
        };
        drop(state);
        Ok(OpenAccount { record, warehouse, lane })
    }

    /// Makes one call. `not_after` is when it must have ended; an intent that runs out before the call begins is not sent.
    pub(crate) async fn call_warehouse<T>(
        &self,
        account: &OpenAccount,
        not_after: Option<Moment>,
        call: Call<T>,
    ) -> Result<T, CallError> {
        let now = self.clock.now();
        let endpoint = call.endpoint;
        if let Err(wait) = admit(account, now) {
            return Err(own_error(Remedy::RetryAfter(wait), endpoint, "held back by the account's limit".to_owned()));
        }
        let timeout = match not_after {
            Some(limit) if limit.since(now) < Span::from_seconds(1) => {
                let message = "its time ran out before it was sent".to_owned();
                return Err(own_error(Remedy::RetryAfter(Span::ZERO), endpoint, message));
            }
            Some(limit) => limit.since(now).min(account.warehouse.call_timeout()),
            None => account.warehouse.call_timeout(),
        };
        let received = match self.network.send(call.request, timeout).await {
            Ok(received) => received,
            Err(NetworkError::NotSent(why)) => {
                let remedy = Remedy::RetryAfter(NO_CONNECTION_PAUSE);
                return Err(own_error(remedy, endpoint, format!("no connection: {why}")));
            }
            Err(NetworkError::NoAnswer(why)) => {
                let remedy = match call.effect {
                    Effect::Read => Remedy::RetryAfter(NO_ANSWER_PAUSE),
                    Effect::Write => Remedy::Unknown,
                };
                return Err(own_error(remedy, endpoint, format!("no answer: {why}")));
            }
        };
        let read = (call.read)(&received);
        if let Err(error) = &read {
            self.note_warehouse_failure(account, error).await;
        }
        read
    }

    /// What a failure means for the whole account: a pause, or a person who has to do something.
    async fn note_warehouse_failure(&self, account: &OpenAccount, error: &CallError) {
        let record = &account.record;
        let story = &error.story;
        tracing::debug!(warehouse = %record.warehouse, endpoint = %story.endpoint, status = story.http_status, message = %story.message, "call failed");
        let title = record.provider.title();
        let alert = match error.remedy {
            Remedy::Pause(Pause { span, .. }) => {
                let mut state = account.lane.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.paused_until = Some(self.clock.now().plus(span));
                return;
            }
            Remedy::Reauthorize => {
                format!("{title} does not take this account's token any more: enter a new one on the Warehouses page.")
            }
            Remedy::Bug => {
                format!(
                    "{title} does not answer what it should know ({}: {}): check the account's address and what was entered for it.",
                    story.endpoint, story.message
                )
            }
            Remedy::RetryAfter(_) | Remedy::Unknown | Remedy::TokenExpired | Remedy::Rejected => return,
        };
        if record.alert.as_deref() == Some(&alert) {
            return;
        }
        if let Err(error) = self.alert_account(record, &alert).await {
            tracing::warn!(warehouse = %record.warehouse, %error, "the account's alert could not be written");
        }
    }

    async fn alert_account(&self, record: &AccountRecord, alert: &str) -> Result<(), StoreError> {
        let mut session = self.store.begin().await?;
        warehouses::set_alert(&mut session, &record.merchant, &record.warehouse, Some(alert)).await?;
        let entry = Entry {
            actor: "countermand",
            action: "warehouse.alert",
            shop: None,
            order: None,
            subject: record.warehouse.as_str(),
            detail: alert,
        };
        log::write(&mut session, &record.merchant, self.clock.now(), &entry).await?;
        session.commit().await
    }
}

/// How long a call should wait that can, so that half of the account's limit is left to those that cannot.
pub(crate) fn crowded(account: &OpenAccount, now: Moment) -> Option<Span> {
    let state = account.lane.state.lock().unwrap_or_else(PoisonError::into_inner);
    let half = usize::try_from(account.warehouse.calls_per_minute() / 2).unwrap_or(usize::MAX);
    let within: Vec<Moment> = state.made.iter().copied().filter(|at| now.since(*at) < WINDOW).collect();
    let over = within.len().checked_sub(half)?;
    // Once so many have left the window, one more fits into the half.
    within.get(over).map(|at| at.plus(WINDOW).since(now))
}

/// Takes one call out of the account's limit, or says how long to wait.
fn admit(account: &OpenAccount, now: Moment) -> Result<(), Span> {
    let mut state = account.lane.state.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(until) = state.paused_until.filter(|until| *until > now) {
        return Err(until.since(now));
    }
    while state.made.front().is_some_and(|at| now.since(*at) >= WINDOW) {
        state.made.pop_front();
    }
    let most = usize::try_from(account.warehouse.calls_per_minute()).unwrap_or(usize::MAX);
    match state.made.front() {
        Some(first) if state.made.len() >= most => Err(first.plus(WINDOW).since(now)),
        _ => {
            state.made.push_back(now);
            Ok(())
        }
    }
}
