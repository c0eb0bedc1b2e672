//! `countermand cancel`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::clock::SystemClock;
use engine::commands::CancelRequest;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::cancellations::{self, ChosenLine};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Our id of the order, or the marketplace's number
    order: String,
    /// One of the reasons that the order's page offers
    #[arg(long)]
    reason: String,
    /// A product to choose: its number on the order, from 1; may be repeated
    #[arg(long = "line", value_name = "NUMBER")]
    lines: Vec<usize>,
    /// A note, kept here
    #[arg(long)]
    note: Option<String>,
    /// Whose order; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
    /// How many seconds to wait for the end
    #[arg(long, default_value_t = 120)]
    wait: u64,
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let order = desk.order(&mut desk.store.read().await?, &merchant, &arguments.order).await?;
    let mut lines = Vec::with_capacity(arguments.lines.len());
    for &number in &arguments.lines {
        let line = number.checked_sub(1).and_then(|index| order.lines.get(index));
        let line = line.ok_or_else(|| Failure::new(format!("--line: the order has {} lines", order.lines.len())))?;
        let quantity = line.quantity.saturating_sub(line.canceled_quantity);
        lines.push(ChosenLine { line_id: line.id.as_str().to_owned(), quantity });
    }
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let request = CancelRequest {
        order: &order.id,
        reason: &arguments.reason,
        lines: &lines,
        note: arguments.note.as_deref(),
        repack: false,
        expected_version: None,
        despite_warehouse: false,
    };
    let mut session = desk.store.begin().await?;
    let accepted = engine.request_cancel(&mut session, &merchant, "terminal", &request).await?;
    session.commit().await?;

    let load = async || {
        let mut session = desk.store.read().await?;
        let found = cancellations::load(&mut session, &merchant, std::slice::from_ref(&accepted.id)).await?.pop();
        found.ok_or_else(|| Failure::new("the cancellation is gone"))
    };
    let wait = Duration::from_secs(arguments.wait);
    desk.work_until(wait, async || Ok(load().await?.saga.state().is_final())).await?;
    let ended = load().await?;
    let state = ended.saga.state();
    let message = ended.platform_message.clone().unwrap_or_default();
    called.say(
        &json!({"cancellation": ended.id.as_str(), "order": order.number.as_str(), "state": state.as_str(), "platform_message": ended.platform_message}),
        &format!("{}: {state} {message}", order.number),
    );
    match state {
        domain::cancellation::State::Done => Ok(()),
        domain::cancellation::State::Refused => Err(Failure::new(format!("the platform refused: {message}"))),
        _ => Err(Failure::new("it is accepted and not at its end yet; the server goes on with it")),
    }
}
