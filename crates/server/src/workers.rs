//! Workers: a bounded number of tasks that carry on what is due. Each works on one kind of job of one shop, so that a
//! slow shop never holds up another.

use crate::app::App;
use domain::ids::{MerchantId, ShopId};
use domain::time::Span;
use std::collections::HashSet;
use std::time::Duration;
use store::jobs::{Due, Kind};
use store::{batches, consents, idempotency, people, stock_pushes};
use tokio::task::JoinSet;

/// Tasks at once: a shop has one for each kind of job that it has due. Nearly all of their time they wait for a platform, so
/// that many fit; were there few, some shops that answer after ten seconds would hold all of them.
pub const AT_ONCE: usize = 256;
/// How long jobs that another process made can stay unseen.
const LOOK_EVERY: Span = Span::from_millis(500);
/// The first pause after a failed tick.
const FIRST_PAUSE: Span = Span::from_millis(250);
/// The longest pause after failed ticks.
const LONGEST_PAUSE: Span = Span::from_seconds(30);
/// How often sessions and kept answers that have ended are forgotten.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(600);

type Lane = (MerchantId, ShopId, Kind);

fn pause(span: Span) -> Duration {
    Duration::from_millis(span.millis().unsigned_abs())
}

/// Works until [`App::stop`], then ends what is under way.
pub async fn run(app: App) {
    let mut working: JoinSet<Lane> = JoinSet::new();
    let mut busy: HashSet<Lane> = HashSet::new();
    let mut changes = app.changes();
    let mut failures = 0;
    loop {
        changes.mark_unchanged();
        let wait = match start_due(&app, &mut working, &mut busy).await {
            Ok(wait) => {
                failures = 0;
                wait
            }
            Err(error) => {
                let wait = FIRST_PAUSE.doubled(failures, LONGEST_PAUSE);
                failures = failures.saturating_add(1);
                tracing::error!(%error, wait_ms = wait.millis(), "cannot see what is due");
                wait
            }
        };
        tokio::select! {
            () = app.stopped() => break,
            _ = changes.changed() => {}
            () = app.engine.woken() => {}
            Some(ended) = working.join_next(), if !working.is_empty() => forget(&mut busy, ended),
            () = tokio::time::sleep(pause(wait)) => {}
        }
        while let Some(ended) = working.try_join_next() {
            forget(&mut busy, ended);
        }
    }
    while working.join_next().await.is_some() {}
}

fn forget(busy: &mut HashSet<Lane>, ended: Result<Lane, tokio::task::JoinError>) {
    match ended {
        Ok(lane) => {
            busy.remove(&lane);
        }
        Err(error) => {
            // Which lane it was is not told; all may be taken up again, because leases keep them apart.
            tracing::error!(%error, "a worker ended abnormally");
            busy.clear();
        }
    }
}

/// Starts a task for every lane that has work and none yet; answers how long to wait at the most.
async fn start_due(
    app: &App,
    working: &mut JoinSet<Lane>,
    busy: &mut HashSet<Lane>,
) -> Result<Span, engine::EngineError> {
    let now = app.clock.now();
    let mut closed = LOOK_EVERY;
    for kind in Kind::ALL {
        for due in app.engine.due(kind).await? {
            if let Some(until) = app.engine.closed_until(&due.shop) {
                // Nothing of it would be called: claiming and giving back would only keep the database from others.
                closed = closed.min(until.since(now));
                continue;
            }
            let lane = (due.merchant.clone(), due.shop.clone(), kind);
            if working.len() >= AT_ONCE {
                return Ok(LOOK_EVERY);
            }
            if busy.insert(lane.clone()) {
                let app = app.clone();
                working.spawn(async move {
                    work(&app, &due, kind).await;
                    lane
                });
            }
        }
    }
    // What is due already belongs to a lane that works on it.
    let next = app.engine.next_wake().await?.filter(|at| *at > now);
    Ok(next.map_or(closed, |at| at.since(now).min(closed)))
}

/// Ticks until nothing of the lane is due.
async fn work(app: &App, due: &Due, kind: Kind) {
    let mut failures = 0;
    loop {
        match app.engine.tick(due, kind).await {
            Ok(0) => return,
            Ok(_) => {
                failures = 0;
                app.changed();
            }
            Err(error) => {
                let wait = FIRST_PAUSE.doubled(failures, LONGEST_PAUSE);
                failures = failures.saturating_add(1);
                app.metrics.count("countermand_worker_errors_total", &[("kind", kind.as_str())]);
                tracing::error!(%error, shop = %due.shop, kind = kind.as_str(), wait_ms = wait.millis(), "a tick failed");
                tokio::select! {
                    () = app.stopped() => return,
                    () = tokio::time::sleep(pause(wait)) => {}
                }
            }
        }
        // Checked between ticks only: a tick under way is ended, not cut.
        if app.is_stopping() || app.engine.closed_until(&due.shop).is_some() {
            return;
        }
    }
}

/// Begins the audits whose time has come and forgets what has ended, every ten minutes until [`App::stop`].
pub async fn keep_house(app: App) {
    loop {
        match app.engine.begin_due_audits().await {
            Ok(0) => {}
            Ok(_) => app.committed(),
            Err(error) => tracing::warn!(%error, "the scheduled audits wait for the next round"),
        }
        if let Err(error) = forget_ended(&app).await {
            tracing::warn!(%error, "ended sessions and old answers are kept for now");
        }
        tokio::select! {
            () = app.stopped() => return,
            () = tokio::time::sleep(HOUSEKEEPING_EVERY) => {}
        }
    }
}

async fn forget_ended(app: &App) -> Result<(), store::StoreError> {
    let now = app.clock.now();
    let mut session = app.store.begin().await?;
    people::forget_sessions(&mut session, now).await?;
    idempotency::forget_old(&mut session, now).await?;
    consents::forget_ended(&mut session, now).await?;
    batches::forget_old_plans(&mut session, now).await?;
    stock_pushes::forget_old(&mut session, now).await?;
    session.commit().await
}
