//! `countermand audit`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use serde_json::json;
use std::path::Path;
use store::stock;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Prove that every balance is the sum of its movements and of what order lines hold
    #[command(after_help = "Example:\n  countermand audit ledger")]
    Ledger(Arguments),
}

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose ledger; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
}

pub(super) async fn run(called: &Called, command: Command) -> Result<(), Failure> {
    let Command::Ledger(arguments) = command;
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let mut session = desk.store.read().await?;
    let wrong = stock::unproven(&mut session, &merchant).await?;
    let words = if wrong.is_empty() { "the ledger balances".to_owned() } else { wrong.join("\n") };
    called.say(&json!({"proven": wrong.is_empty(), "wrong": wrong}), &words);
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(format!("{} balances are not proven", wrong.len()))) }
}
