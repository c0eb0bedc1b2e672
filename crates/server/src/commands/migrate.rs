//! `countermand migrate`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use serde_json::json;
use std::path::Path;

pub(super) async fn run(called: &Called) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    desk.store.close().await;
    called.say(&json!({"migrated": true}), "The database is up to date.");
    Ok(())
}
