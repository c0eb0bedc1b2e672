//! What every handler shares.

use crate::auth::passwords::Passwords;
use crate::auth::throttle::Throttle;
use crate::counts::Counts;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::webhooks::{Directory, Replays};
use engine::{Clock, Engine};
use std::ops::Deref;
use std::sync::Arc;
use store::Store;
use tokio::sync::watch;
use url::Url;

/// The shared state; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Carries out what is accepted.
    pub engine: Engine,
    /// The two clocks.
    pub clock: Arc<dyn Clock>,
    /// Checks passwords.
    pub passwords: Passwords,
    /// Slows guessing down.
    pub throttle: Throttle,
    /// Counters for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// How many orders stand in each list.
    pub counts: Counts,
    /// Which shop a push is for.
    pub directory: Directory,
    /// Pushes that wait for the next commit.
    pub intake: Intake,
    /// Pushes that came already.
    pub replays: Replays,
    /// The address under which this server is reached from outside, without a trailing slash.
    pub public_url: String,
    /// Whether that address is https: cookies are then marked so.
    pub https: bool,
    changes: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// The state of a server that is reached at `public_url`.
    #[must_use]
    pub fn new(store: Store, engine: Engine, clock: Arc<dyn Clock>, metrics: Arc<Metrics>, public_url: &Url) -> Self {
        Self(Arc::new(Parts {
            store,
            engine,
            clock,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            metrics,
            counts: Counts::default(),
            directory: Directory::default(),
            intake: Intake::default(),
            replays: Replays::default(),
            public_url: public_url.as_str().trim_end_matches('/').to_owned(),
            https: public_url.scheme() == "https",
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Says that something was committed: workers look for work, event streams for news.
    pub fn committed(&self) {
        self.engine.wake();
        self.changed();
    }

    /// Says that there is news for the event streams.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The number of the newest change that this process knows of.
    #[must_use]
    pub fn newest_change(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Tells of news.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks everything to end: workers after their tick, event streams at once.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
        self.engine.wake();
    }

    /// Whether everything has to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Resolves once everything has to end.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // An error means that the state itself is gone, which is the end as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}
