//! `countermand serve`

use super::desk::{DATA, Desk, local_url, serve};
use super::{Called, Failure};
use crate::app::App;
use crate::clock::SystemClock;
use crate::settings::Role;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::people;
use tokio::net::TcpListener;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to listen on [COUNTERMAND_LISTEN; default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The address under which browsers and marketplaces reach this server; https makes cookies secure
    /// [COUNTERMAND_PUBLIC_URL; default: http and the listening address]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// all, web or worker [COUNTERMAND_ROLE; default: all]
    #[arg(long, value_name = "WORD")]
    role: Option<String>,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let settings = called.sources.settings(Path::new(DATA))?;
    let role = called.sources.role(arguments.role.as_ref())?;
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    let listen = called.sources.listen(arguments.listen.as_ref(), usual)?;
    let public_url = called.sources.public_url(arguments.public_url.as_ref())?;
    let (desk, _lock) = Desk::open_to_serve(settings).await?;

    let listener = match role {
        Role::Worker => None,
        Role::All | Role::Web => Some(TcpListener::bind(listen).await.map_err(|error| {
            Failure::new(format!("cannot listen on {listen}: {error}; choose another address with --listen"))
        })?),
    };
    let public_url = match (&public_url, &listener) {
        (Some(url), _) => url.clone(),
        (None, Some(listener)) => local_url(listener)?,
        (None, None) => url::Url::parse("http://127.0.0.1").map_err(|error| Failure::new(error.to_string()))?,
    };
    if public_url.scheme() == "http" && !listen.ip().is_loopback() && role != Role::Worker {
        tracing::warn!("this is reached over plain http from other machines; put TLS before it and set --public-url");
    }
    let nobody = {
        let mut session = desk.store.read().await?;
        !people::any(&mut session).await?
    };
    if nobody {
        eprintln!("Nobody can sign in yet. In another terminal, with the same settings:");
        eprintln!("  countermand user add --email YOU@example.com --role owner");
    }
    let clock = Arc::new(SystemClock);
    let (engine, metrics) = desk.engine(clock.clone())?;
    let app = App::new(desk.store.clone(), engine, clock, metrics, &public_url);
    if listener.is_some() {
        tracing::info!(url = %app.public_url, "ready");
        let url = app.public_url.as_str().trim_end_matches('/');
        if called.json {
            super::print_line(&serde_json::json!({"ready": true, "url": url}).to_string());
        }
    } else {
        tracing::info!("working");
    }
    serve(&app, listener, role).await
}
