//! The command line.

mod audit;
mod cancel;
mod demo;
mod desk;
mod doctor;
mod export;
mod import;
mod migrate;
mod requests;
mod sandbox;
mod serve;
mod shop;
mod stock_in;
mod sync;
mod user;

use crate::data_folder::DataError;
use crate::network::NoNetwork;
use crate::settings::{Flags, SettingError, Sources, environment};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use serde_json::Value;
use std::io::Write as _;
use std::process::ExitCode;

/// The cancellation desk for sellers on several marketplaces.
///
/// Settings are taken from countermand.toml, then COUNTERMAND_* in the environment, then flags; the later one wins.
#[derive(Debug, Parser)]
#[command(name = "countermand", version, after_help = "Example:\n  countermand demo")]
struct Line {
    #[command(flatten)]
    flags: Flags,
    /// Print JSON, for machines
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The desk with fake marketplaces to try it on
    #[command(
        after_help = "Example:\n  countermand demo --orders 40 --data demo-data\n  countermand demo --import orders.xlsx --as-of 2024-09-10"
    )]
    Demo(demo::Arguments),
    /// The desk: pages, API, pushes and workers
    #[command(after_help = "Example:\n  countermand serve --listen 0.0.0.0:8080 --public-url https://desk.example.com")]
    Serve(serve::Arguments),
    /// Only the fake marketplaces, for any client
    #[command(after_help = "Example:\n  countermand sandbox --listen 127.0.0.1:9000 --orders 100")]
    Sandbox(sandbox::Arguments),
    /// Bring the database up to date; serve and demo do it by themselves
    #[command(after_help = "Example:\n  countermand migrate --database postgres://desk@db.example.com/desk")]
    Migrate,
    /// Users, and tokens for programs
    #[command(subcommand, after_help = "Example:\n  countermand user add --email me@example.com --role owner")]
    User(user::Command),
    /// Shops: connect them and list them
    #[command(subcommand, after_help = "Example:\n  countermand shop list")]
    Shop(shop::Command),
    /// Read everything that changed in the shops, now
    #[command(after_help = "Example:\n  countermand sync --merchant main")]
    Sync(sync::Arguments),
    /// Cancel an order as the seller, and wait for what becomes of it
    #[command(after_help = "Example:\n  countermand cancel 240910ABCDEF --reason out_of_stock --line 1")]
    Cancel(cancel::Arguments),
    /// Buyers' cancellation requests: list them, agree, reject
    #[command(after_help = "Example:\n  countermand requests\n  countermand requests agree req_01jd8x2k9m")]
    Requests(requests::Arguments),
    /// Make manual orders, or take opening stock, from a table
    #[command(
        after_help = "Example:\n  countermand import orders.xlsx --dry-run\n  countermand import shelf.csv --as opening-stock"
    )]
    Import(import::Arguments),
    /// Put units of cancelled orders back on the shelf, from a file
    #[command(after_help = "Example:\n  countermand stock-in returns.csv --warehouse whs_main")]
    StockIn(stock_in::Arguments),
    /// Write orders, stock or the log as a table
    #[command(after_help = "Example:\n  countermand export orders --list canceled --out canceled.csv")]
    Export(export::Arguments),
    /// Compare marketplaces, orders, listings and ledger with one another, and say what does not agree
    #[command(after_help = "Example:\n  countermand audit\n  countermand audit ledger")]
    Audit(audit::Arguments),
    /// Check database, clock, authorisations and reachability, and say what to do
    #[command(after_help = "Example:\n  countermand doctor")]
    Doctor,
}

/// Why a command failed: lines for standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(Vec<String>);

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }
}

macro_rules! failures {
    ($($error:ty,)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string().lines().map(str::to_owned).collect())
            }
        }
    )*};
}

failures! {
    crate::auth::passwords::PasswordError,
    connectors::OpenError,
    DataError,
    domain::ids::IdError,
    engine::EngineError,
    engine::ConnectError,
    engine::RepairError,
    engine::commands::CommandError,
    engine::shop_stock::ShopStockError,
    engine::WarehouseError,
    engine::stock_ins::StockInError,
    NoNetwork,
    ::sandbox::Error,
    crate::sheets::SheetError,
    serde_json::Error,
    SettingError,
    std::io::Error,
    store::StoreError,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

/// What every command is given.
struct Called {
    sources: Sources,
    json: bool,
}

impl Called {
    /// Prints for people, or as JSON for machines.
    fn say(&self, value: &Value, words: &str) {
        if self.json { print_line(&value.to_string()) } else { print_line(words) }
    }
}

/// Prints a line; that nobody reads it any more is no reason to end.
fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => return refuse(&error),
    };
    match start(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(lines)) => {
            for line in lines {
                eprintln!("countermand: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Help is printed as it is; what is wrong is one line.
fn refuse(error: &clap::Error) -> ExitCode {
    let asked = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    let shown = [ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    if asked.contains(&error.kind()) || shown.contains(&error.kind()) {
        let _ = error.print();
        return if asked.contains(&error.kind()) { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let words = error.render().to_string();
    let told = words.split("\n\n").next().unwrap_or_default();
    let told: Vec<&str> = told.lines().map(str::trim).collect();
    let told = told.join(" ");
    eprintln!(
        "countermand: {}; “countermand --help” lists what there is",
        told.strip_prefix("error: ").unwrap_or(&told)
    );
    ExitCode::from(2)
}

fn start(line: Line) -> Result<(), Failure> {
    let data = line.flags.data.clone();
    let sources = Sources::read(line.flags, environment())?;
    let (filter, as_json) = sources.log()?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if as_json {
        log.json().init()
    } else {
        log.with_ansi(false).init()
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let called = Called { sources, json: line.json };
    runtime.block_on(async {
        match line.command {
            Command::Demo(arguments) => demo::run(&called, arguments).await,
            Command::Serve(arguments) => serve::run(&called, arguments).await,
            Command::Sandbox(arguments) => sandbox::run(data.as_ref(), arguments).await,
            Command::Migrate => migrate::run(&called).await,
            Command::User(command) => user::run(&called, command).await,
            Command::Shop(command) => shop::run(&called, command).await,
            Command::Sync(arguments) => sync::run(&called, arguments).await,
            Command::Cancel(arguments) => cancel::run(&called, arguments).await,
            Command::Requests(arguments) => requests::run(&called, arguments).await,
            Command::Import(arguments) => import::run(&called, arguments).await,
            Command::StockIn(arguments) => stock_in::run(&called, arguments).await,
            Command::Export(arguments) => export::run(&called, arguments).await,
            Command::Audit(arguments) => audit::run(&called, arguments).await,
            Command::Doctor => doctor::run(&called).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_command_explains_itself_with_an_example() {
        let line = Line::command();
        line.clone().debug_assert();
        for command in line.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example:") && help.contains(command.get_name()), "{}", command.get_name());
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
