//! An order and a cancellation as the API writes them.

use crate::clock::rfc3339;
use domain::cancellation::MeantLine;
use domain::label::LabelState;
use domain::money::Money;
use domain::order::{Stage, Tab};
use domain::snapshot::Initiator;
use domain::time::Moment;
use serde::Serialize;
use store::cancellations::{AttemptRecord, CancellationRecord, SideEffect};
use store::log::EntryRecord;
use store::orders::{LineRecord, NEVER, OrderRecord, PackageRecord};
use utoipa::ToSchema;

/// An order. Money is a decimal number as text, in `currency`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Order {
    pub id: String,
    /// Moves with every change; a POST may send it as `If-Match`.
    pub version: i64,
    pub platform: String,
    pub shop: String,
    /// The marketplace's number; it repeats across shops.
    pub number: String,
    pub list: String,
    pub tab: Option<String>,
    /// The platform's own word.
    pub platform_status: String,
    pub ordered_at: String,
    pub paid_at: Option<String>,
    pub ship_by: Option<String>,
    pub canceled_at: Option<String>,
    pub currency: String,
    pub total: Option<String>,
    /// As the platform masks it.
    pub buyer_name: String,
    pub region: String,
    pub fulfilled_by: String,
    pub warehouse: Option<String>,
    pub stage: String,
    /// Whether a label or pick list may exist, here or elsewhere.
    pub printed: bool,
    /// Whether a cancel of ours is under way.
    pub cancelling: bool,
    pub cod: bool,
    pub preorder: bool,
    pub cancelled_by: Option<String>,
    /// Why it was cancelled, in the platform's words.
    pub cancel_reason: Option<String>,
    pub packages: Vec<Package>,
    pub lines: Vec<Line>,
}

/// A package of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Package {
    pub id: String,
    pub number: String,
    pub tracking_number: Option<String>,
    pub stage: String,
    pub platform_status: String,
    pub carrier: String,
    /// The label: `pending`, `cached`, `stale` or `failed`; null where none was asked for.
    pub label: Option<String>,
}

/// A line of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Line {
    pub id: String,
    pub listing_sku: String,
    pub merchant_sku: String,
    pub name: String,
    pub variation: String,
    pub quantity: u32,
    pub canceled_quantity: u32,
    pub unit_price: Option<String>,
    /// The platform's own word of this line; null where its lines have none.
    pub platform_status: Option<String>,
    /// The number of the package it travels in, where that is known of a line.
    pub package: Option<String>,
    /// The line of the platform's that it is a part of, where that was sold as one and consists of several; else null.
    pub part_of: Option<String>,
}

/// An order with everything that is known of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Its cancellations, oldest first.
    pub cancellations: Vec<Cancellation>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 6")]
pub struct TimelineEntry {
    pub at: String,
    pub actor: String,
    pub action: String,
    pub detail: String,
}

/// One attempt to cancel an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Cancellation {
    pub id: String,
    pub order_id: String,
    pub shop: String,
    /// `requested`, `submitting`, `confirming`, `done`, `refused` or `needs_attention`.
    pub state: String,
    pub reason: String,
    /// The platform's words, once it refused.
    pub platform_message: Option<String>,
    /// Who cancelled the order, once it is cancelled and the platform says so.
    pub cancelled_by: Option<String>,
    /// `order`, or `lines` where the chosen lines alone are cancelled.
    pub scope: String,
    /// The chosen lines: all that is cancelled, or, with the scope `order`, the products that the reason speaks of.
    pub lines: Vec<CancelledLine>,
    /// Lines that the platform cancelled beside the chosen ones.
    pub side_effects: Vec<SideEffectLine>,
    pub note: Option<String>,
    pub actor: String,
    /// How often something was sent to the platform.
    pub attempts: u32,
    pub created_at: String,
    pub updated_at: String,
}

/// A chosen line of a cancellation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct CancelledLine {
    pub line_id: String,
    pub quantity: u32,
    /// `done` once its units are cancelled, else the cancellation's state.
    pub state: String,
}

/// A line that the platform cancelled beside the chosen ones.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct SideEffectLine {
    pub line_id: String,
    pub quantity: u32,
}

fn amount(money: Option<Money>) -> Option<String> {
    money.map(Money::to_decimal)
}

fn word(initiator: Option<Initiator>) -> Option<String> {
    initiator.map(|initiator| initiator.as_str().to_owned())
}

impl From<&OrderRecord> for Order {
    fn from(order: &OrderRecord) -> Self {
        Self {
            id: order.id.as_str().to_owned(),
            version: order.version,
            platform: order.platform.as_str().to_owned(),
            shop: order.shop.as_str().to_owned(),
            number: order.number.as_str().to_owned(),
            list: order.list.as_str().to_owned(),
            tab: (order.tab != Tab::None).then(|| order.tab.as_str().to_owned()),
            platform_status: order.platform_status.clone(),
            ordered_at: rfc3339(order.ordered_at),
            paid_at: order.paid_at.map(rfc3339),
            ship_by: (order.ship_by != NEVER).then(|| rfc3339(order.ship_by)),
            canceled_at: order.canceled_at.map(rfc3339),
            currency: order.currency.code().to_owned(),
            total: amount(order.total),
            buyer_name: order.buyer_name.clone(),
            region: order.region.clone(),
            fulfilled_by: order.fulfilled_by.as_str().to_owned(),
            warehouse: order.lines.first().map(|line| line.warehouse.as_str().to_owned()),
            stage: order.stage.as_str().to_owned(),
            printed: order.stage >= Stage::Printed,
            cancelling: order.cancelling,
            cod: order.cod,
            preorder: order.preorder,
            cancelled_by: word(order.cancelled_by),
            cancel_reason: order.cancel_reason.clone(),
            packages: order.packages.iter().map(Package::from).collect(),
            lines: order.lines.iter().map(Line::from).collect(),
        }
    }
}

impl From<&PackageRecord> for Package {
    fn from(package: &PackageRecord) -> Self {
        Self {
            id: package.number.as_str().to_owned(),
            number: package.number.as_str().to_owned(),
            tracking_number: package.tracking_number.clone(),
            stage: package.stage.as_str().to_owned(),
            platform_status: package.platform_status.clone(),
            carrier: package.carrier.clone(),
            label: (package.label != LabelState::None).then(|| package.label.as_str().to_owned()),
        }
    }
}

impl From<&LineRecord> for Line {
    fn from(line: &LineRecord) -> Self {
        Self {
            id: line.id.as_str().to_owned(),
            listing_sku: line.listing_sku.as_str().to_owned(),
            merchant_sku: line.merchant_sku.as_str().to_owned(),
            name: line.name.clone(),
            variation: line.variation.clone(),
            quantity: line.quantity,
            canceled_quantity: line.canceled_quantity,
            unit_price: amount(line.unit_price),
            platform_status: Some(line.platform_status.clone()).filter(|word| !word.is_empty()),
            package: line.package.as_ref().map(|number| number.as_str().to_owned()),
            part_of: line.part_of.as_ref().map(|part| part.line.as_str().to_owned()),
        }
    }
}

impl From<&CancellationRecord> for Cancellation {
    fn from(record: &CancellationRecord) -> Self {
        let state = record.saga.state().as_str();
        let line = |line: &MeantLine| CancelledLine {
            line_id: line.line.as_str().to_owned(),
            quantity: line.quantity,
            state: line.state(record.saga.state()).as_str().to_owned(),
        };
        let beside = |line: &SideEffect| SideEffectLine { line_id: line.line_id.clone(), quantity: line.quantity };
        Self {
            id: record.id.as_str().to_owned(),
            order_id: record.order.as_str().to_owned(),
            shop: record.shop.as_str().to_owned(),
            state: state.to_owned(),
            reason: record.reason.as_str().to_owned(),
            platform_message: record.platform_message.clone(),
            cancelled_by: word(record.cancelled_by()),
            scope: record.scope.as_str().to_owned(),
            lines: record.lines.iter().map(line).collect(),
            side_effects: record.side_effects.iter().map(beside).collect(),
            note: record.note.clone(),
            actor: record.actor.clone(),
            attempts: record.saga.attempts,
            created_at: rfc3339(record.created_at),
            updated_at: rfc3339(record.updated_at),
        }
    }
}

/// What happened to an order: its log, and what was sent to the platform for each of its cancellations.
#[must_use]
pub fn timeline(log: &[EntryRecord], attempts: &[AttemptRecord]) -> Vec<TimelineEntry> {
    let mut entries: Vec<(Moment, TimelineEntry)> = log
        .iter()
        .map(|entry| {
            let line = TimelineEntry {
                at: rfc3339(entry.at),
                actor: entry.actor.clone(),
                action: entry.action.clone(),
                detail: entry.detail.clone(),
            };
            (entry.at, line)
        })
        .collect();
    entries.extend(attempts.iter().map(|attempt| {
        let line = TimelineEntry {
            at: rfc3339(attempt.began_at),
            actor: "countermand".to_owned(),
            action: "cancellation.sent".to_owned(),
            detail: told(attempt),
        };
        (attempt.began_at, line)
    }));
    entries.sort_by_key(|(at, _)| *at);
    entries.into_iter().map(|(_, line)| line).collect()
}

fn told(attempt: &AttemptRecord) -> String {
    let outcome = match &attempt.outcome {
        Some(outcome) => format!("the platform's answer: {}", outcome.replace('_', " ")),
        None => "no answer is known yet".to_owned(),
    };
    let lines: Vec<String> = attempt
        .lines
        .iter()
        .map(|line| format!("{} × {} ({} canceled before)", line.quantity, line.line, line.canceled_before))
        .collect();
    let sent = if lines.is_empty() { String::new() } else { format!(" of {}", lines.join(", ")) };
    let mut words = format!("attempt {}{sent}; {outcome}", attempt.attempt);
    let more =
        [("code", &attempt.platform_code), ("message", &attempt.platform_message), ("request", &attempt.request_id)];
    for (name, value) in more {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            words = format!("{words}; {name} {value}");
        }
    }
    words
}
