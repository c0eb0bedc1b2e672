//! What a cancel would do, in words, before the click.

use crate::commands::{Consequence, EffectKind};
use domain::ids::LineId;
use domain::order::Stage;
use domain::policy::{GoodsEffect, ListingEffect, Policy, ReasonRule, SiblingEffect};
use domain::snapshot::{FulfilledBy, Initiator};
use domain::stock_rules::{CanceledUnits, GoesTo, goes_to};
use domain::warehouse_order::Goods;
use store::orders::{LineRecord, OrderRecord};

/// The consequences of cancelling an order with this reason, or these lines of it.
pub(crate) fn of(order: &OrderRecord, policy: &Policy, rule: &ReasonRule, chosen: &[LineId]) -> Vec<Consequence> {
    let by_lines = policy.partial_cancel.is_on(&order.region) && !rule.whole_order_only;
    let live: Vec<&LineRecord> = order.lines.iter().filter(|line| line.live() > 0).collect();
    let meant: Vec<&LineRecord> = live.iter().copied().filter(|line| chosen.contains(&line.id)).collect();
    let whole = !by_lines || meant.is_empty() || meant.len() == live.len();
    let goes = if whole { &live } else { &meant };

    let mut effects = Vec::new();
    let mut add = |kind, text| effects.push(Consequence { kind, text });
    if let Some(note) = &rule.mapping_note {
        add(EffectKind::Mapping, note.clone());
    }
    if !order.platform.is_marketplace() {
        add(EffectKind::Order, "The order is canceled here; nobody else is told.".to_owned());
        add(EffectKind::Stock, goods(order, policy, rule, goes, whole));
        return effects;
    }
    add(EffectKind::Order, what_is_cancelled(order, by_lines && live.len() > 1, whole, meant.len()));
    if by_lines {
        parcels(order, policy, &live, if whole { &[] } else { &meant }).into_iter().for_each(|text| {
            add(EffectKind::Package, text);
        });
    }
    if let Some(text) = at_warehouse(order) {
        add(EffectKind::Warehouse, text.to_owned());
    }
    add(EffectKind::Listing, listings(rule).to_owned());
    add(EffectKind::Stock, goods(order, policy, rule, goes, whole));
    effects
}

/// What happens at the third-party warehouse before the platform is told.
const fn at_warehouse(order: &OrderRecord) -> Option<&'static str> {
    match order.goods {
        Goods::Free => None,
        Goods::There | Goods::Asked => Some(
            "The third-party warehouse is asked to hand the order back first; the platform is told only once a read confirms \
             that it did. If the platform then refuses, the order is pushed there again.",
        ),
        Goods::HandedBack => Some("The third-party warehouse has handed the order back already."),
        Goods::KeptPicked => Some(
            "The third-party warehouse has picked the order and did not hand it back: the parcel may still leave. Ask its staff \
             before you go on despite it.",
        ),
        Goods::KeptShipped => Some(
            "The third-party warehouse has shipped the order: the parcel is on its way to the buyer. Ask its staff to stop it \
             before you go on despite it.",
        ),
    }
}

fn what_is_cancelled(order: &OrderRecord, by_lines: bool, whole: bool, meant: usize) -> String {
    let platform = order.platform.title();
    match (whole, by_lines) {
        (true, true) if meant == 0 => format!(
            "The whole order is canceled on {platform} and the buyer is told; with items chosen, only these, and the \
             rest of the order stays where it is."
        ),
        (true, _) => format!("The whole order is canceled on {platform} and the buyer is told."),
        (false, _) => format!(
            "Only the chosen items are canceled on {platform} and the buyer is told; the rest of the order stays where \
             it is."
        ),
    }
}

/// What becomes of the items that travel with a cancelled one. Without a choice, what a choice would do.
fn parcels(order: &OrderRecord, policy: &Policy, live: &[&LineRecord], meant: &[&LineRecord]) -> Vec<String> {
    let platform = order.platform.title();
    let together = |one: &LineRecord, other: &LineRecord| {
        one.id != other.id && one.package.is_some() && one.package == other.package
    };
    let mut said = Vec::new();
    for (effect, becomes) in [
        (SiblingEffect::CanceledToo, "are canceled with it"),
        (SiblingEffect::BackToPending, "go back to be packed again"),
    ] {
        let takes_with_it = |line: &&&LineRecord| policy.siblings(&line.platform_status) == effect;
        let cautious = "Sources disagree on this: look at the remaining items afterwards.";
        let disputed = |line: &LineRecord| {
            let rule = policy.siblings.iter().find(|rule| rule.status == line.platform_status);
            rule.is_some_and(|rule| rule.evidence.certainty == "X")
        };
        let from: Vec<&&LineRecord> =
            if meant.is_empty() { live } else { meant }.iter().filter(takes_with_it).collect();
        let Some(first) = from.iter().find(|line| live.iter().any(|other| together(line, other))) else { continue };
        let mut text = if meant.is_empty() {
            format!("If only some items of a parcel are chosen, the others in it {becomes} on {platform}.")
        } else {
            let others: Vec<&str> = live
                .iter()
                .filter(|other| meant.iter().all(|line| line.id != other.id))
                .filter(|other| from.iter().any(|line| together(line, other)))
                .map(|other| other.name.as_str())
                .collect();
            if others.is_empty() {
                continue;
            }
            format!("In the same parcel: {}. They {becomes} on {platform}.", others.join(", "))
        };
        if effect == SiblingEffect::CanceledToo {
            text.push_str(" Undo the parcel first (repack) to keep them.");
        }
        if disputed(first) {
            text = format!("{text} {cautious}");
        }
        said.push(text);
    }
    said
}

const fn listings(rule: &ReasonRule) -> &'static str {
    match (rule.listing_effect, rule.lines_required) {
        (ListingEffect::SetToZero, true) => {
            "The chosen products' listings are set to zero and held against any stock push until they are counted."
        }
        (ListingEffect::SetToZero, false) => {
            "The order's listings are set to zero and held against any stock push until they are counted."
        }
        (ListingEffect::UnitsReturn, _) => "The platform puts the units back on their listings.",
    }
}

/// What becomes of the goods of these lines, which go.
fn goods(order: &OrderRecord, policy: &Policy, rule: &ReasonRule, lines: &[&LineRecord], whole: bool) -> String {
    if order.fulfilled_by == FulfilledBy::Platform {
        return "The platform's warehouse keeps the goods; our stock does not change.".to_owned();
    }
    let units: u32 = lines.iter().map(|line| line.live()).sum();
    if order.goods.are_away() {
        return format!("Units that come back: {units}, once the third-party warehouse confirms that it has them.");
    }
    let stage = lines.iter().map(|line| order.stage_of(line)).max().unwrap_or(order.stage);
    let back = becomes(order, policy, rule, stage);
    match (rule.goods_effect, rule.lines_required) {
        (GoodsEffect::ComeBack, _) => match of_each_stage(order, policy, rule, lines).as_slice() {
            several @ [_, _, ..] => {
                let parts: Vec<String> = several.iter().map(|(units, becomes)| format!("{units} {becomes}")).collect();
                format!("Units that come back: {}.", parts.join("; "))
            }
            _ => format!("Units that come back: {units}, {back}."),
        },
        (GoodsEffect::CountNeeded, true) if !whole => {
            format!("Units of the chosen items: {units}, “count needed” until they are counted.")
        }
        (GoodsEffect::CountNeeded, true) => {
            format!("Units of the chosen products: “count needed” until they are counted. All other units: {back}.")
        }
        (GoodsEffect::CountNeeded, false) => {
            format!("Units that were said not to exist: {units}, “count needed” until they are counted.")
        }
    }
}

/// Units of these lines with what becomes of them, where that is not the same for all.
fn of_each_stage(
    order: &OrderRecord,
    policy: &Policy,
    rule: &ReasonRule,
    lines: &[&LineRecord],
) -> Vec<(u32, &'static str)> {
    let mut parts: Vec<(u32, &'static str)> = Vec::new();
    for line in lines {
        let becomes = becomes(order, policy, rule, order.stage_of(line));
        match parts.iter_mut().find(|(_, known)| *known == becomes) {
            Some((units, _)) => *units += line.live(),
            None => parts.push((line.live(), becomes)),
        }
    }
    parts
}

/// What becomes of units at this stage when the seller cancels them with this reason.
fn becomes(order: &OrderRecord, policy: &Policy, rule: &ReasonRule, stage: Stage) -> &'static str {
    let canceled = CanceledUnits {
        initiator: Some(Initiator::Seller),
        reason: Some(&rule.code),
        stage,
        warehouse: crate::ledger::warehouse_answer(order.goods),
    };
    match (goes_to(&policy.cancel_stock, &canceled), stage) {
        _ if order.voided && stage == Stage::Untouched => "available already, since the order was voided",
        (GoesTo::Available, Stage::Untouched | Stage::Printed | Stage::Packed) => "available again at once",
        (GoesTo::Returning, Stage::Untouched | Stage::Printed | Stage::Packed) => {
            "in “to stock in” until back on the shelf"
        }
        (GoesTo::Available | GoesTo::Returning, Stage::HandedOver | Stage::Delivered | Stage::Returned) => {
            "in “to stock in” until the parcel is back"
        }
        (GoesTo::Defective, _) => "defective by this shop's rules, not to be sold",
        (GoesTo::Lost, _) => "lost by this shop's rules",
        (GoesTo::Nothing, _) => "gone for good by this shop's rules",
    }
}
