//! How many orders stand in each list and tab: asked for by every page, and a walk over all of a merchant's orders, so
//! it is done once for as long as this process knows of no change.

use crate::app::App;
use crate::auth::SignedIn;
use domain::ids::{MerchantId, ShopId};
use domain::order::{List, Tab};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::StoreError;
use store::order_lists;

/// How long a change that another process made can stay unseen.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Merchants and selections of shops that are remembered.
const REMEMBERED: usize = 1_000;

type Asker = (MerchantId, Option<Vec<ShopId>>);
type Numbers = Arc<[(List, Tab, i64)]>;

struct Known {
    /// The change that was the newest when the orders were counted.
    change: u64,
    at: Instant,
    numbers: Numbers,
}

/// The numbers that are known.
#[derive(Default)]
pub struct Counts(Mutex<HashMap<Asker, Known>>);

/// How many orders this user may see in each list and tab.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of(app: &App, signed_in: &SignedIn) -> Result<Numbers, StoreError> {
    let asker = (signed_in.merchant().clone(), signed_in.user.shops.clone());
    // Read before the orders are counted, in a transaction that begins after it: what changes meanwhile makes the
    // numbers old.
    let change = app.newest_change();
    {
        let known = app.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&asker)
            && known.change == change
            && known.at.elapsed() < AGE_MAX
        {
            return Ok(Arc::clone(&known.numbers));
        }
    }
    let at = Instant::now();
    let mut session = app.store.read().await?;
    let numbers: Numbers = order_lists::counts(&mut session, signed_in.merchant(), signed_in.shops()).await?.into();
    let mut known = app.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(asker, Known { change, at, numbers: Arc::clone(&numbers) });
    Ok(numbers)
}
