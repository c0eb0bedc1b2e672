//! `countermand requests`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::api::requests::CancellationRequest;
use crate::api::warehouses;
use crate::clock::SystemClock;
use domain::ids::{CancellationId, MerchantId, OrderId, RequestId};
use domain::request::{AnswerKind, RequestState};
use engine::AnswerWish;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{cancellations, orders, requests};

/// Requests that are printed.
const SHOWN: u32 = 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Whose; needed where there are several merchants
    #[arg(long, global = true)]
    merchant: Option<String>,
    /// How many seconds to wait for the end of answers
    #[arg(long, global = true, default_value_t = 120)]
    wait: u64,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the requests that wait for an answer, those with the least time left first; so does no command
    List,
    /// Agree: the orders are canceled
    #[command(after_help = "Example:\n  countermand requests agree req_01jd8x2k9m")]
    Agree {
        /// Their ids
        #[arg(required = true)]
        requests: Vec<String>,
        /// Agree although a third-party warehouse keeps the goods
        #[arg(long)]
        despite_warehouse: bool,
    },
    /// Reject: the orders go on
    #[command(after_help = "Example:\n  countermand requests reject req_01jd8x2k9m --reason ALREADY_SHIPPED")]
    Reject {
        /// Their ids
        #[arg(required = true)]
        requests: Vec<String>,
        /// The platform's code of a reason, where it takes one
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let wait = Duration::from_secs(arguments.wait);
    match &arguments.command {
        None | Some(Command::List) => list(called, &desk, &merchant).await,
        Some(Command::Agree { requests, despite_warehouse }) => {
            let answer = (AnswerKind::Agree, None, *despite_warehouse);
            answer_all(called, &desk, &merchant, requests, answer, wait).await
        }
        Some(Command::Reject { requests, reason }) => {
            let answer = (AnswerKind::Reject, reason.as_deref(), false);
            answer_all(called, &desk, &merchant, requests, answer, wait).await
        }
    }
}

async fn list(called: &Called, desk: &Desk, merchant: &MerchantId) -> Result<(), Failure> {
    let mut session = desk.store.read().await?;
    let found = requests::page(&mut session, merchant, RequestState::Open, None, None, SHOWN).await?;
    let ids: Vec<OrderId> = found.iter().map(|request| request.order.clone()).collect();
    let orders = orders::load(&mut session, merchant, &ids).await?;
    let mut withdrawals = warehouses::withdrawals(&desk.store, &mut session, merchant, &ids).await?;
    let mut shown = Vec::with_capacity(found.len());
    let mut lines = Vec::with_capacity(found.len());
    for request in &found {
        let Some(order) = orders.iter().find(|order| order.id == request.order) else { continue };
        let told = CancellationRequest::of(request, order, withdrawals.remove(&order.id).unwrap_or_default());
        lines.push(format!(
            "{} {} {} until {}, then {}; {}: {}",
            told.id,
            told.platform,
            order.number,
            told.deadline,
            told.on_silence,
            told.stage,
            told.buyer_reason.as_deref().unwrap_or("no reason given")
        ));
        shown.push(told);
    }
    let words = if lines.is_empty() { "no buyer waits for an answer".to_owned() } else { lines.join("\n") };
    called.say(&json!({"requests": shown}), &words);
    Ok(())
}

/// Answers each by itself: one that is not taken does not stop the others.
async fn answer_all(
    called: &Called,
    desk: &Desk,
    merchant: &MerchantId,
    named: &[String],
    (kind, reason, despite_warehouse): (AnswerKind, Option<&str>, bool),
    wait: Duration,
) -> Result<(), Failure> {
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut wrong = Vec::new();
    let mut taken: Vec<(RequestId, CancellationId)> = Vec::new();
    for name in named {
        let Ok(id) = RequestId::parse(name) else {
            wrong.push(format!("{name}: there is no such request"));
            continue;
        };
        let mut session = desk.store.begin().await?;
        let wish = AnswerWish { request: &id, kind, reason, despite_warehouse };
        match engine.answer_request(&mut session, merchant, "terminal", &wish).await {
            Ok((_, carried_by)) => {
                session.commit().await?;
                taken.push((id, carried_by.id));
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let ids: Vec<CancellationId> = taken.iter().map(|(_, carried_by)| carried_by.clone()).collect();
    desk.work_until(wait, async || {
        let mut session = desk.store.read().await?;
        let carried = cancellations::load(&mut session, merchant, &ids).await?;
        Ok(carried.iter().all(|record| record.saga.state().is_final()))
    })
    .await?;
    let mut session = desk.store.read().await?;
    let mut results = Vec::with_capacity(taken.len());
    let mut lines = Vec::with_capacity(taken.len());
    for (id, carried_by) in &taken {
        let Some(request) = requests::load_one(&mut session, merchant, id).await? else { continue };
        if !request.state.is_final() {
            let why = request.message.as_deref().unwrap_or("it is accepted and not at its end yet; the server goes on");
            wrong.push(format!("{id}: {why}"));
        }
        lines.push(format!("{id}: {} {}", request.state, request.message.as_deref().unwrap_or_default()));
        results
            .push(json!({"id": id.as_str(), "state": request.state.as_str(), "cancellation_id": carried_by.as_str(),
            "message": request.message}));
    }
    called.say(&json!({"requests": results, "wrong": wrong}), lines.join("\n").trim_end());
    if wrong.is_empty() { Ok(()) } else { Err(Failure(wrong)) }
}
