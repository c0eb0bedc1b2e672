//! `countermand sandbox`

use super::{Failure, print_line};
use crate::settings::SettingError;
use ::sandbox::Settings;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Orders that are made up unless told.
pub(super) const ORDERS: u32 = 120;
/// Makes the same orders at every first start.
pub(super) const SEED: u64 = 1;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address of the control port; the marketplaces take free ports beside it
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// How many orders are made up
    #[arg(long, default_value_t = ORDERS)]
    orders: u32,
    /// The same seed makes the same orders
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

pub(super) async fn run(data: Option<&String>, arguments: Arguments) -> Result<(), Failure> {
    let listen: SocketAddr = arguments.listen.parse().map_err(|_| SettingError {
        place: "--listen".to_owned(),
        problem: format!("“{}” is no address to listen on", arguments.listen),
        remedy: "write HOST:PORT with a numeric host, such as 127.0.0.1:9000".to_owned(),
    })?;
    let running = ::sandbox::start(Settings {
        listen: listen.ip(),
        control_port: listen.port(),
        data: data.map(PathBuf::from),
        seed: arguments.seed,
        orders: arguments.orders,
    })
    .await?;
    print_line(&running.ready().to_string());
    super::desk::asked_to_end().await;
    running.shutdown().await;
    Ok(())
}
