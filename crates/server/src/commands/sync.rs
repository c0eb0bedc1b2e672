//! `countermand sync`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::SystemClock;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::jobs;

/// How long the command waits until everything was read.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose shops; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
    /// Only this shop (our id)
    #[arg(long, value_name = "ID")]
    shop: Option<String>,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut session = desk.store.begin().await?;
    let mut shops = desk.store.shops(&mut session, &merchant).await?;
    if let Some(id) = &arguments.shop {
        shops.retain(|shop| shop.id.as_str() == id);
    }
    if shops.is_empty() {
        return Err(Failure::new("there is no such shop; “countermand shop list” lists them"));
    }
    for shop in &shops {
        engine.sync_now(&mut session, &merchant, "terminal", &shop.id).await?;
    }
    session.commit().await?;
    let all_read = desk
        .work_until(PATIENCE, async || {
            let mut session = desk.store.read().await?;
            let mut unread = 0;
            for shop in &shops {
                unread += jobs::unread(&mut session, &merchant, &shop.id, crate::clock::now()).await?;
            }
            Ok(unread == 0)
        })
        .await?;
    if !all_read {
        return Err(Failure::new("not everything was read in time; the server goes on, or run it again"));
    }
    let names: Vec<&str> = shops.iter().map(|shop| shop.name.as_str()).collect();
    called.say(&json!({"synced": names}), &format!("Up to date: {}", names.join(", ")));
    Ok(())
}
