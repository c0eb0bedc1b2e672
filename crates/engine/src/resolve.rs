//! A person resolves a cancellation that needs attention, by what the platform says now.

use crate::read_orders::ReadOf;
use crate::{Engine, EngineError, commands, reconcile};
use domain::cancellation::{Event, Phase, View, decide};
use domain::ids::{CancellationId, MerchantId};
use store::cancellations::{self, CancellationRecord};
use store::jobs::{self, Kind};
use store::{StoreError, orders, stock};

/// As what it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveAs {
    /// Go on with it; its age counts anew.
    Retry,
    /// The order is cancelled.
    Done,
    /// The order lives on.
    Refused,
}

/// Why it was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The merchant has no such cancellation.
    #[error("there is no such cancellation")]
    NotFound,
    /// Only one that needs attention can be resolved by a person.
    #[error("this cancellation is {0}; only one that needs attention can be resolved")]
    NotNeeded(&'static str),
    /// A fresh read says otherwise.
    #[error("the platform disagrees: {0}")]
    PlatformDisagrees(String),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ResolveError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Resolves a cancellation that needs attention. *Done* and *refused* need a fresh read that agrees.
    ///
    /// # Errors
    /// [`ResolveError`]; nothing is changed then.
    pub async fn resolve(
        &self,
        merchant: &MerchantId,
        actor: &str,
        id: &CancellationId,
        resolve_as: ResolveAs,
    ) -> Result<CancellationRecord, ResolveError> {
        let mut session = self.store().read().await?;
        let record = cancellations::load(&mut session, merchant, std::slice::from_ref(id))
            .await?
            .pop()
            .ok_or(ResolveError::NotFound)?;
        let order = orders::load_one(&mut session, merchant, &record.order).await?.ok_or(ResolveError::NotFound)?;
        drop(session);
        let state = record.saga.state();
        if !commands::may_be_resolved(state) {
            return Err(ResolveError::NotNeeded(state.as_str()));
        }
        let shop = self.open_shop(merchant, &record.shop).await?;
        let reads = match resolve_as {
            ResolveAs::Retry => None,
            ResolveAs::Done | ResolveAs::Refused => {
                Some(self.read_from_platform(&shop, std::slice::from_ref(&order.number)).await)
            }
        };

        let mut session = self.store().begin().await?;
        orders::lock(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
        stock::lock(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
        let now = self.clock().now();
        let mut record = cancellations::load(&mut session, merchant, std::slice::from_ref(id))
            .await?
            .pop()
            .ok_or(ResolveError::NotFound)?;
        if !commands::may_be_resolved(record.saga.state()) {
            return Err(ResolveError::NotNeeded(record.saga.state().as_str()));
        }
        let before = orders::load_one(&mut session, merchant, &record.order).await?.ok_or(ResolveError::NotFound)?;
        match reads.as_ref().map(|reads| reads.of(&order.number)) {
            None => {
                record.saga = decide(record.saga, Event::Retry, now, &shop.policy).0;
                record.updated_at = now;
                cancellations::save(&mut session, &record).await?;
                jobs::want(&mut session, merchant, &record.shop, Kind::Cancellation, record.id.as_str(), now).await?;
                let detail = format!("resolved by {actor}: retry");
                self.log_cancellation(&mut session, &record, &before, "cancellation.resolved", &detail).await?;
            }
            Some(ReadOf::Order(snapshot)) => {
                let began_at = reads.as_ref().map_or(now, |reads| reads.began_at);
                let applied = self.apply(&mut session, &shop, Some(before), &snapshot, began_at).await?;
                if applied.stale {
                    let words = "its answer was overtaken by another; try again".to_owned();
                    return Err(ResolveError::PlatformDisagrees(words));
                }
                reconcile::note_lines(&mut record, &applied.order);
                let (seen, event) = self.learn(&mut session, &record, &applied.order, &snapshot).await?;
                let view = match event {
                    Event::Read { view, .. } => view,
                    // It was agreed to, and is not carried out yet.
                    _ => View::Alive(Ok(())),
                };
                record.saga.phase = match (resolve_as, view) {
                    (ResolveAs::Done, View::Canceled(by)) => Phase::Done(by),
                    (ResolveAs::Refused, View::Alive(_)) => Phase::Refused(format!("resolved as refused by {actor}")),
                    (_, View::Canceled(_)) => {
                        return Err(ResolveError::PlatformDisagrees("it is canceled there".to_owned()));
                    }
                    (_, View::Alive(_) | View::Missing) => {
                        return Err(ResolveError::PlatformDisagrees(format!(
                            "the order is “{}” there",
                            snapshot.platform_status
                        )));
                    }
                };
                record.saga.attention = false;
                self.end(&mut session, &mut record, &applied.order, seen).await?;
                jobs::want(&mut session, merchant, &record.shop, Kind::Cancellation, record.id.as_str(), now).await?;
            }
            Some(ReadOf::Missing) => {
                return Err(ResolveError::PlatformDisagrees("it does not know the order".to_owned()));
            }
            Some(ReadOf::Failed { why, .. }) => {
                return Err(ResolveError::PlatformDisagrees(format!("it did not answer: {why}")));
            }
        }
        session.commit().await?;
        self.wake();
        Ok(record)
    }
}
