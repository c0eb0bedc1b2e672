//! `countermand audit`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::api::differences::{Audit, Difference};
use crate::clock::{SystemClock, now};
use domain::ids::{DifferenceId, MerchantId};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::audits::{self, DifferenceRecord, Search};
use store::proof;

/// How long the audit is waited for; it goes on in the background after that.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// Differences that are printed.
const DIFFERENCES_SHOWN: u32 = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Whose; needed where there are several merchants
    #[arg(long, global = true)]
    merchant: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what does not agree, as the last audit left it
    Differences,
    /// Repair a difference, as its kind is repaired
    #[command(after_help = "Example:\n  countermand audit repair dif_01jd8x2k9m")]
    Repair {
        /// Its id
        difference: String,
    },
    /// Prove that every balance is the sum of its movements and that every order line holds what its movements say
    #[command(after_help = "Example:\n  countermand audit ledger")]
    Ledger,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    match arguments.command {
        None => everything(called, &desk, &merchant).await,
        Some(Command::Differences) => {
            let found = differences(&desk, &merchant).await?;
            called.say(&json!({"differences": shown(&found)}), &in_words(&found));
            Ok(())
        }
        Some(Command::Repair { difference }) => {
            let (engine, _) = desk.engine(Arc::new(SystemClock))?;
            let id = DifferenceId::parse(difference)?;
            let repaired = engine.repair(&merchant, "terminal", &id, None).await?;
            let outcome = repaired.ended.as_ref().map_or("", |ended| ended.outcome.as_str());
            called.say(&json!(Difference::of(&repaired, now())), outcome);
            Ok(())
        }
        Some(Command::Ledger) => ledger(called, &desk, &merchant).await,
    }
}

/// Audits everything and waits for the end; fails where anything does not agree.
async fn everything(called: &Called, desk: &Desk, merchant: &MerchantId) -> Result<(), Failure> {
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut session = desk.store.begin().await?;
    let id = engine.begin_audit(&mut session, merchant, "terminal").await?;
    session.commit().await?;
    let audit = async || {
        let mut session = desk.store.read().await?;
        Ok::<_, Failure>(audits::audit(&mut session, merchant, &id).await?)
    };
    let ended =
        desk.work_until(PATIENCE, async || Ok(audit().await?.is_some_and(|audit| audit.ended_at.is_some()))).await?;
    let record = audit().await?.ok_or_else(|| Failure::new("the audit is gone"))?;
    let found = differences(desk, merchant).await?;
    called.say(&json!({"audit": Audit::from(&record), "differences": shown(&found)}), &in_words(&found));
    match (ended, found.len()) {
        (false, _) => Err(Failure::new(format!("the audit {id} goes on in the background"))),
        (true, 0) => Ok(()),
        (true, many) => Err(Failure::new(format!("{many} differences; “countermand audit repair ID” repairs one"))),
    }
}

async fn differences(desk: &Desk, merchant: &MerchantId) -> Result<Vec<DifferenceRecord>, Failure> {
    let mut session = desk.store.read().await?;
    Ok(audits::differences(&mut session, merchant, &Search::default(), None, DIFFERENCES_SHOWN).await?)
}

fn shown(found: &[DifferenceRecord]) -> Vec<Difference> {
    found.iter().map(|found| Difference::of(found, now())).collect()
}

fn in_words(found: &[DifferenceRecord]) -> String {
    if found.is_empty() {
        return "everything agrees".to_owned();
    }
    let line = |record: &DifferenceRecord| {
        let found = &record.found;
        let about = found.sku.as_ref().map_or(found.subject.as_str(), |sku| sku.as_str());
        format!("{} {} {about}: {}; {}", record.id, found.kind, found.ours, found.theirs)
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn ledger(called: &Called, desk: &Desk, merchant: &MerchantId) -> Result<(), Failure> {
    let mut session = desk.store.read().await?;
    let wrong = proof::unproven(&mut session, merchant).await?;
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let words = if wrong.is_empty() { "the ledger balances".to_owned() } else { wrong.join("\n") };
    called.say(&json!({"proven": wrong.is_empty(), "wrong": wrong}), &words);
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(format!("{} numbers are not proven", wrong.len()))) }
}
