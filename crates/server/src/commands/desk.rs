//! What several commands need: the database opened, an engine on it, a server until somebody ends it.

use super::Failure;
use crate::app::App;
use crate::clock::SystemClock;
use crate::data_folder::{DataFolder, Lock};
use crate::metrics::Metrics;
use crate::network::HttpNetwork;
use crate::settings::{Role, Settings};
use crate::{http, workers};
use connectors::Policies;
use domain::ids::{MerchantId, OrderId, OrderNumber};
use engine::{Clock, Engine};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::orders::{self, OrderRecord};
use store::{Session, Store, jobs, shops};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

/// The data folder where none is set.
pub(super) const DATA: &str = "countermand-data";

/// A database that is open and up to date.
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) folder: DataFolder,
    pub(super) store: Store,
}

impl Desk {
    /// Opens the database for a command that runs beside a server, or without one.
    pub(super) async fn open(settings: Settings) -> Result<Self, Failure> {
        let folder = DataFolder::open(&settings.data)?;
        let key = folder.key(settings.key.as_deref())?;
        let store = Store::open(&settings.database, key, settings.durability).await?;
        store.migrate().await?;
        Ok(Self { settings, folder, store })
    }

    /// Opens the database for a server. On SQLite it is the only one: what a killed one had claimed is free at once.
    pub(super) async fn open_to_serve(settings: Settings) -> Result<(Self, Option<Lock>), Failure> {
        let lock = match Path::new(&settings.database).to_str() {
            Some(address) if address.starts_with("sqlite:") => Some(DataFolder::open(&settings.data)?.lock()?),
            _ => None,
        };
        let desk = Self::open(settings).await?;
        if lock.is_some() {
            desk.free_jobs().await?;
        }
        Ok((desk, lock))
    }

    /// Gives back what an ended process had claimed; only for the process that is alone on this database.
    pub(super) async fn free_jobs(&self) -> Result<(), Failure> {
        let mut session = self.store.begin().await?;
        jobs::free_all(&mut session).await?;
        Ok(session.commit().await?)
    }

    /// An engine on this database, and the counters of its network.
    pub(super) fn engine(&self, clock: Arc<dyn Clock>) -> Result<(Engine, Arc<Metrics>), Failure> {
        self.engine_by(self.settings.policies.clone(), clock)
    }

    /// The same by other policies.
    pub(super) fn engine_by(
        &self,
        policies: Policies,
        clock: Arc<dyn Clock>,
    ) -> Result<(Engine, Arc<Metrics>), Failure> {
        let metrics = Arc::new(Metrics::default());
        let network = Arc::new(HttpNetwork::new(Arc::clone(&metrics))?);
        Ok((Engine::new(self.store.clone(), network, clock, policies), metrics))
    }

    /// The merchant that is meant: the one named, or the only one there is.
    pub(super) async fn merchant(&self, named: Option<&str>) -> Result<MerchantId, Failure> {
        let mut session = self.store.read().await?;
        let known = shops::merchants(&mut session).await?;
        let names: Vec<&str> = known.iter().map(MerchantId::as_str).collect();
        match (named, known.as_slice()) {
            (Some(name), _) => {
                known.iter().find(|merchant| merchant.as_str() == name).cloned().ok_or_else(|| {
                    Failure::new(format!("there is no merchant “{name}”; there are: {}", names.join(", ")))
                })
            }
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(Failure::new("there is no merchant yet; “countermand user add” makes the first")),
            (None, _) => Err(Failure::new(format!("name one with --merchant: {}", names.join(", ")))),
        }
    }

    /// The order that is meant: by our id, or by the marketplace's number where it stands in one shop only.
    pub(super) async fn order(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        named: &str,
    ) -> Result<OrderRecord, Failure> {
        if let Ok(id) = OrderId::parse(named)
            && let Some(order) = orders::load_one(session, merchant, &id).await?
        {
            return Ok(order);
        }
        let number = OrderNumber::parse(named)?;
        let mut found = Vec::new();
        for shop in self.store.shops(session, merchant).await? {
            let ids = orders::ids_by_number(session, merchant, &shop.id, std::slice::from_ref(&number)).await?;
            found.extend(ids.into_values());
        }
        let missing = || Failure::new(format!("there is no order {named}; “countermand sync” reads what is new"));
        match found.as_slice() {
            [] => Err(missing()),
            [id] => orders::load_one(session, merchant, id).await?.ok_or_else(missing),
            several => {
                let ids: Vec<&str> = several.iter().map(OrderId::as_str).collect();
                Err(Failure::new(format!("{named} stands in several shops; name one by our id: {}", ids.join(", "))))
            }
        }
    }

    /// Works until `done`, where no server does: a server that holds the lock works by itself.
    pub(super) async fn work_until(
        &self,
        patience: Duration,
        mut done: impl AsyncFnMut() -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let alone = if self.settings.database.starts_with("sqlite:") { self.folder.lock().ok() } else { None };
        let (engine, _) = self.engine(Arc::new(SystemClock))?;
        let ends = tokio::time::Instant::now() + patience;
        loop {
            if done().await? {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= ends {
                return Ok(false);
            }
            let is_worked_by_us = alone.is_some() || !self.settings.database.starts_with("sqlite:");
            if !is_worked_by_us || engine.run_due().await? == 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Resolves when the process is asked to end.
pub(super) async fn asked_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

/// The address that a listener is reached at on this machine.
pub(super) fn local_url(listener: &TcpListener) -> Result<Url, Failure> {
    let address = listener.local_addr()?;
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let url = format!("http://{host}:{}", address.port());
    Url::parse(&url).map_err(|error| Failure::new(format!("{url}: {error}")))
}

/// Serves until the process is asked to end, or a part of it fails.
pub(super) async fn serve(app: &App, listener: Option<TcpListener>, role: Role) -> Result<(), Failure> {
    let mut parts: JoinSet<Result<(), Failure>> = JoinSet::new();
    if let Some(listener) = listener {
        let app = app.clone();
        parts.spawn(async move { Ok(http::serve(app, listener).await?) });
    }
    if role != Role::Web {
        let (working, housekeeping) = (app.clone(), app.clone());
        parts.spawn(async move {
            workers::run(working).await;
            Ok(())
        });
        parts.spawn(async move {
            workers::keep_house(housekeeping).await;
            Ok(())
        });
    }
    let mut ended = Ok(());
    tokio::select! {
        () = asked_to_end() => tracing::info!("asked to end"),
        Some(part) = parts.join_next() => ended = outcome(part),
    }
    app.stop();
    while let Some(part) = parts.join_next().await {
        ended = ended.and(outcome(part));
    }
    app.store.close().await;
    tracing::info!("ended");
    ended
}

fn outcome(part: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    part.unwrap_or_else(|error| Err(Failure::new(format!("a part of the server ended abnormally: {error}"))))
}
