//! Fake marketplaces and a fake warehouse with state, faults and virtual time.
//!
//! One process, one loopback port per marketplace, each speaking that marketplace's real API, plus a control port. It
//! is written from the platforms' fact sheets, never from our connectors, so that the two can disagree; nothing here
//! depends on another crate of ours.
//!
//! # Where things are
//!
//! | Subject | File |
//! |---|---|
//! | ports, and connections that are cut without an answer | `ports.rs` |
//! | what happens to a received call: faults, bans, log | `receive.rs` |
//! | the control port | `control.rs` |
//! | everything under one lock, one commit per step | `world.rs` |
//! | what every marketplace is; what the made-up shops sell | `marketplace.rs`, `catalogue.rs` |
//! | faults, rate limits, call log, virtual time, pushes, the journal | `faults.rs`, `limits.rs`, `calls.rs`, `clock.rs`, `pushes.rs`, `persistence.rs` |
//! | Shopee | `shopee.rs`, `shopee/` |
//! | Lazada | `lazada.rs`, `lazada/` |
//! | TikTok Shop, with the orders of Tokopedia's app | `tiktok_shop.rs`, `tiktok_shop/` |
//! | Tokopedia's old API | `tokopedia.rs`, `tokopedia/` |
//! | third-party warehouses: what they share | `warehouse.rs`, `warehouse/` |
//! | one that speaks ShipBob's API | `shipbob.rs`, `shipbob/` |
//! | one that speaks the generic warehouse protocol | `generic_warehouse.rs`, `generic_warehouse/` |
//! | one of the YiCang family | `yicang.rs`, `yicang/` |
//!
//! # Control port
//!
//! JSON in and out; an error is `{"status","message"}`. `shop` may always be left out: then the first one is meant.
//!
//! | Call | What it does |
//! |---|---|
//! | `GET /` | the ready line: addresses and credentials |
//! | `GET /orders?platform=&shop=&number=&status=&limit=` | the platform's own truth |
//! | `POST /orders` `{"platform","shop"?,"count"?,"status"?,"cod"?,"preorder"?,"seller_ships"?,"fulfilled_by"?,"storefront"?,"packages"?,"lines":[{"sku","quantity"}]?}` | new orders; `{"numbers":[…]}` |
//! | `POST /orders/{platform}/{number}/buyer-cancel` `{"reason"?,"ask"?,"restock"?,"shop"?}` | the buyer cancels: at once where the platform lets buyers, else a request; `ask` makes it a request in any case; `restock` is what a platform says that has a flag for it |
//! | `POST /orders/{platform}/{number}/buyer-withdraw` | the buyer takes the request back |
//! | `POST /orders/{platform}/{number}/advance` `{"to","reason"?,"force"?}` | move it along; 409 where the platform's rules do not allow it, unless forced |
//! | `GET /stock?platform=&shop=` · `PUT /stock` `{"platform","shop"?,"sku","available"}` | the listings' stock; set it behind the product's back |
//! | `GET /shops` · `POST /shops` `{"platform","name"?,"region"?,"orders"?}` | the shops; make another |
//! | `POST /grants` `{"platform","shop"?}` | the seller authorises the app once more: what the browser would bring back (`code`, `shop_id`), a grant of its own |
//! | `POST /tokens` `{"platform","shop"?,"action"}` | `expire_access`, `expire_refresh`, `revoke` |
//! | `POST /import` | an export as [`shopee::export::Export::to_json`] writes it; sets the clock |
//! | `PUT /faults` `{"platform","rate","kinds","seed"?,"delay_ms"?,"ban_seconds"?,"stale_ms"?}` | faults; a stale read is possible for `stale_ms` (5,000) after a write |
//! | `PUT /switches` `{"accept_repeats"?,"shopee":{…}?,"lazada":{…}?,"tiktok_shop":{…}?,…}` | `accept_repeats`: a second cancel takes effect again; per platform: see its module |
//! | `PUT /limits` `{"lifted"?,"per_second"?}` | rate limits; also ends bans |
//! | `PUT /push-target` `{"platform","url"}` | where pushes go; `url` null: nowhere |
//! | `GET /pushes` · `POST /pushes/resend` `{"platform"}` | how many wait, were lost, were delivered; bring every waiting one forward |
//! | `GET /clock` · `POST /clock` `{"advance_seconds"}` | virtual time |
//! | `GET /warehouse/orders?number=&status=` · `POST /warehouse/orders/{id}/advance` `{"to","force"?}` | the truth of the warehouse that speaks ShipBob's API; its words are in `shipbob.rs` |
//! | `GET /orders?platform={generic_warehouse or yicang}` · `POST /orders/{platform}/{id}/advance` `{"to","force"?}` | the same of the others, which are only shown where they are asked for |
//! | `GET /calls?platform=&shop=&number=&limit=` | every call received, oldest first |
//!
//! Faults and limits are forgotten when the process ends; everything else goes on from the data folder.

mod calls;
mod catalogue;
mod clock;
mod control;
mod faults;
mod generic_warehouse;
mod label_pdf;
mod lazada;
mod limits;
mod marketplace;
mod persistence;
mod ports;
mod pushes;
mod random;
mod receive;
mod shipbob;
pub mod shopee;
mod tiktok_shop;
mod tokopedia;
mod warehouse;
mod world;
mod yicang;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::marketplace::{Marketplace, NAMES};
use crate::ports::{Port, Scissors};
use crate::warehouse::AtPort;
use crate::world::{Shared, World};

/// How long a shutdown waits for calls under way.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// How a sandbox starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The loopback address of all its ports.
    pub listen: IpAddr,
    /// The control port; 0 takes any that is free, or the one it had before in the same data folder.
    pub control_port: u16,
    /// Where its state lives across restarts; without a folder it ends with the process.
    pub data: Option<PathBuf>,
    /// Makes the same products and orders again.
    pub seed: u64,
    /// How many orders it makes up; 0: an empty shop, for an import. Ignored when the data folder already has a state.
    pub orders: u32,
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sandbox has no access control and must not be reachable from other machines.
    #[error("the sandbox listens on loopback only, not on {0}: use 127.0.0.1 or ::1")]
    NotLoopback(IpAddr),
    /// A port could not be opened.
    #[error("cannot listen on {address} port {port}: {source}; choose another port")]
    Port {
        /// The address.
        address: IpAddr,
        /// The wanted port; 0 means any.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// The data folder could not be used.
    #[error("the sandbox's data folder {folder}: {source}")]
    Data {
        /// The folder.
        folder: String,
        /// What is wrong.
        source: io::Error,
    },
}

/// A running sandbox. It ends when [`Running::shutdown`] is awaited, or with the runtime.
pub struct Running {
    ready: Value,
    control_url: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The ready line holds keys.
        formatter.debug_struct("Running").field("control_url", &self.control_url).finish_non_exhaustive()
    }
}

impl Running {
    /// The ready line of `countermand sandbox`: addresses (null for marketplaces that do not exist yet) and
    /// credentials, which are a grant of their own.
    pub fn ready(&self) -> Value {
        self.ready.clone()
    }

    /// The address of the control port, without a trailing slash.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Stops listening; calls under way get two seconds. Everything answered so far is in the data folder.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for mut task in self.tasks {
            if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.shared.lock().close();
    }
}

/// Starts a sandbox.
///
/// # Errors
///
/// When the address is not loopback, a port is taken, or the data folder cannot be read or written.
pub async fn start(settings: Settings) -> Result<Running, Error> {
    if !settings.listen.is_loopback() {
        return Err(Error::NotLoopback(settings.listen));
    }
    // Push targets may be https; a second installation of the same provider is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let data_error = |source| Error::Data {
        folder: settings.data.as_deref().map(|folder| folder.display().to_string()).unwrap_or_default(),
        source,
    };
    let marketplaces: Vec<Box<dyn Marketplace>> = vec![
        Box::new(shopee::Shopee::new(settings.seed)),
        Box::new(lazada::Lazada::new(settings.seed)),
        Box::new(tiktok_shop::TiktokShop::new(settings.seed)),
        Box::new(tokopedia::Tokopedia::new(settings.seed)),
        Box::new(AtPort(shipbob::Shipbob::new())),
        Box::new(AtPort(generic_warehouse::GenericWarehouse::new())),
        Box::new(AtPort(yicang::Yicang::new())),
    ];
    let (mut world, found) = World::open(marketplaces, settings.data.as_deref()).map_err(data_error)?;
    if found {
        world.renew_credentials();
    } else {
        world.found_shops(settings.orders);
    }

    let mut addresses = serde_json::Map::new();
    let mut listening = Vec::new();
    for name in NAMES {
        let exists = world.names().contains(&name);
        let address = if exists {
            let port = open(&settings, &mut world, name, 0).await?;
            let url = port.1.clone();
            listening.push((name, port.0));
            json!(url)
        } else {
            Value::Null
        };
        addresses.insert(name.to_owned(), address);
    }
    let (control, control_url) = open(&settings, &mut world, "control", settings.control_port).await?;
    let mut ready = json!({"ready": true, "control": control_url, "credentials": world.credentials()});
    if let Value::Object(line) = &mut ready {
        line.append(&mut addresses);
    }
    // One line for each entity instead of one transaction with all of them.
    world.rewrite_journal().map_err(data_error)?;

    let shared = Arc::new(Shared::new(world));
    let (stop, stopped) = watch::channel(false);
    let mut tasks = Vec::new();
    for (name, port) in listening {
        tasks.push(serve(port, receive::routes(Arc::clone(&shared), name), stopped.clone()));
    }
    tasks.push(serve(control, control::routes(Arc::clone(&shared), ready.clone()), stopped.clone()));
    let sender = pushes::send_due(Arc::clone(&shared));
    tasks.push(tokio::spawn(async move {
        tokio::select! {
            () = sender => {}
            () = stop_signal(stopped) => {}
        }
    }));
    Ok(Running { ready, control_url, shared, stop, tasks })
}

async fn open(settings: &Settings, world: &mut World, name: &str, wanted: u16) -> Result<(Port, String), Error> {
    let failed = |port, source| Error::Port { address: settings.listen, port, source };
    // A restarted sandbox keeps its addresses where it can, so that whoever stored them goes on.
    let remembered = world.remembered_port(name).filter(|_| wanted == 0);
    let port = match remembered {
        Some(before) => match Port::open(settings.listen, before).await {
            Ok(port) => port,
            Err(_) => Port::open(settings.listen, 0).await.map_err(|source| failed(0, source))?,
        },
        None => Port::open(settings.listen, wanted).await.map_err(|source| failed(wanted, source))?,
    };
    let address = port.address().map_err(|source| failed(wanted, source))?;
    world.remember_port(name, address.port());
    Ok((port, format!("http://{address}")))
}

fn serve(port: Port, routes: Router, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let service = routes.into_make_service_with_connect_info::<Scissors>();
        if let Err(error) = axum::serve(port, service).with_graceful_shutdown(stop_signal(stopped)).await {
            tracing::error!(%error, "a port of the sandbox ended");
        }
    })
}

async fn stop_signal(mut stopped: watch::Receiver<bool>) {
    // An error means that the sandbox itself is gone, which ends its ports as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
