//! Pushes that arrive together are committed together: a commit waits for the disk, and marketplaces send hundreds of pushes a
//! second. Each is answered only after its commit.

use domain::ids::{MerchantId, OrderNumber, ShopId};
use engine::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use store::StoreError;
use tokio::sync::oneshot;

/// What waits for the next commit.
#[derive(Debug, Default)]
pub struct Intake {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    merchant: MerchantId,
    shop: ShopId,
    number: OrderNumber,
    kept: Option<oneshot::Sender<()>>,
}

/// The commit failed, or ended with the request that made it; the platform sends the push again.
#[derive(Debug, thiserror::Error)]
#[error("the push was not kept; it may be sent again")]
pub struct NotKept;

impl Intake {
    /// Keeps that these orders are to be read, and answers once that is durable. The workers are woken once for all that was kept
    /// together: thousands of pushes a second would have them look for work thousands of times.
    ///
    /// # Errors
    /// [`NotKept`] when it is not.
    pub async fn keep(
        &self,
        engine: &Engine,
        merchant: &MerchantId,
        shop: &ShopId,
        numbers: Vec<OrderNumber>,
    ) -> Result<(), NotKept> {
        let (kept, mut answer) = oneshot::channel();
        let mut kept = Some(kept);
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for number in numbers {
                waiting.push(Waiting { merchant: merchant.clone(), shop: shop.clone(), number, kept: kept.take() });
            }
        }
        let turn = self.turn.lock().await;
        // Whoever had the turn before may have kept this one too.
        if answer.try_recv().is_ok() {
            return Ok(());
        }
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let outcome = commit(engine, batch).await;
        drop(turn);
        match outcome {
            Ok(()) => engine.wake(),
            Err(error) => tracing::warn!(%error, "pushes were not kept"),
        }
        answer.try_recv().map_err(|_| NotKept)
    }
}

async fn commit(engine: &Engine, batch: Vec<Waiting>) -> Result<(), StoreError> {
    // One statement per shop, each order once, and always in the same order, so that two processes never wait for each other
    // in a circle.
    let mut wanted: BTreeMap<(&MerchantId, &ShopId), BTreeSet<&OrderNumber>> = BTreeMap::new();
    for push in &batch {
        wanted.entry((&push.merchant, &push.shop)).or_default().insert(&push.number);
    }
    let mut session = engine.store().begin().await?;
    for ((merchant, shop), numbers) in wanted {
        engine.nudge(&mut session, merchant, shop, numbers).await?;
    }
    session.commit().await?;
    for push in batch {
        if let Some(kept) = push.kept {
            // Nobody listens any more where the marketplace hung up: the push is kept all the same.
            let _ = kept.send(());
        }
    }
    Ok(())
}
