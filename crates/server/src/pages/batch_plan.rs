//! The plan of a bulk cancel: what would happen, and what is still to be chosen, before the click.

use super::batches::count;
use super::layout::{Ask, Desk, csrf, platform};
use super::words;
use crate::api::batches::ceiling;
use crate::app::App;
use crate::auth::forms::Fields;
use crate::problem::Problem;
use domain::ids::{MerchantSku, ReasonCode};
use domain::penalty::{Ceiling, Crossing, Threshold};
use domain::platform::Platform;
use engine::{Cannot, Choice, Plan, PlatformPlan, RatePlan, ShopPlan, Units};
use maud::{Markup, html};
use std::collections::BTreeMap;
use store::Session;
use store::batches::{self, BatchRecord, Product};

/// Products that are shown to choose from.
const PRODUCTS_SHOWN: usize = 200;

/// What the plan's form says.
///
/// # Errors
/// 422 for what cannot be read.
pub(super) fn entered(fields: &Fields) -> Result<Choice, Problem> {
    let mut reasons = BTreeMap::new();
    for &platform in Platform::ALL {
        let given = fields.one(&field(platform)).map(str::trim).filter(|reason| !reason.is_empty());
        if let Some(reason) = given.and_then(|reason| ReasonCode::parse(reason).ok()) {
            reasons.insert(platform, reason);
        }
    }
    let chosen = match fields.one("ceiling") {
        Some("rate") => Some(ceiling(fields.one("percent").unwrap_or_default())?),
        Some(Ceiling::NEXT_THRESHOLD) => Some(Ceiling::NextThreshold),
        _ => None,
    };
    let skus = fields.all("sku").filter_map(|sku| MerchantSku::parse(sku).ok());
    Ok(Choice { reasons, merchant_skus: skus.collect(), ceiling: chosen })
}

fn field(platform: Platform) -> String {
    format!("reason.{platform}")
}

/// A ceiling for whoever looks at the batch.
pub(super) fn ceiling_in_words(ceiling: Ceiling) -> String {
    match ceiling {
        Ceiling::NextThreshold => format!("{}: {}", words::PLAN_CEILING, words::PLAN_CEILING_NEXT),
        Ceiling::Rate(rate) => format!("{}: {} {rate} %", words::PLAN_CEILING, words::PLAN_CEILING_RATE),
    }
}

/// The page of a plan.
///
/// # Errors
/// Of the store.
pub(super) async fn show(
    app: &App,
    session: &mut Session,
    ask: &Ask,
    desk: &Desk,
    record: &BatchRecord,
) -> Result<Markup, Problem> {
    let ids = batches::order_ids(session, &record.merchant, &record.id).await?;
    let choice = Choice {
        reasons: record.reasons.clone(),
        merchant_skus: record.merchant_skus.clone(),
        ceiling: record.ceiling,
    };
    let plan = app.engine.plan_batch(session, &record.merchant, &ids, &choice).await?;
    let missing = plan.platforms.iter().any(|platform| platform.goes > 0 && platform.reason.is_none());
    let address = format!("/batches/{}", record.id);
    Ok(html! {
        div.head { h1 { (words::PLAN) } }
        p.lead { (words::PLAN_LEAD) }
        dl.facts {
            div { dt { (words::PLAN_GOES) } dd.goes { (words::of_orders(count(plan.goes), count(plan.total))) } }
            div { dt { (words::PLAN_CANNOT) } dd { (words::orders(count(plan.total - plan.goes))) } }
            div { dt { (words::PLAN_TAKES) } dd { (words::span(plan.takes.seconds().max(1))) } }
        }
        form #plan .plan method="post" action={ (address) "/plan" } data-place data-auto {
            (csrf(ask.signed_in.csrf()))
            (reasons(&plan.platforms))
            @if !plan.products.is_empty() { (products(&plan.products, &record.merchant_skus)) }
            (blocked(&plan.cannot))
            (units(&plan.units))
            (shops(desk, &plan))
            (ceilings(record.ceiling))
            @if plan.goes == 0 { p.blocked role="status" { (words::PLAN_NOTHING_GOES) } }
            div.actions {
                button.by-hand { (words::PLAN_UPDATE) }
                button.danger.primary formaction={ (address) "/run" } disabled[plan.goes == 0 || missing] {
                    (words::cancel_orders(count(plan.goes)))
                }
                a.button href="/orders?list=new" data-place { (words::PLAN_FORGET) }
            }
        }
    })
}

fn reasons(platforms: &[PlatformPlan]) -> Markup {
    html! {
        section {
            h2 { (words::PLAN_REASONS) }
            @for plan in platforms {
                div.of-platform {
                    label {
                        span { (platform(plan.platform)) " " span.sub { (words::of_orders(count(plan.goes), count(plan.orders))) } }
                        select name=(field(plan.platform)) aria-label=(words::PLAN_REASON) disabled[plan.goes == 0 && plan.reason.is_none()] {
                            option value="" selected[plan.reason.is_none()] { (words::PLAN_NO_REASON) }
                            @for rule in &plan.policy.reasons {
                                option value=(rule.code) selected[plan.reason.as_ref() == Some(&rule.code)] {
                                    (rule.label)
                                    @if rule.lines_required { " · " (words::ASKS_FOR_PRODUCTS) }
                                }
                            }
                        }
                    }
                    @if !plan.effects.is_empty() {
                        ul.effects { @for effect in &plan.effects { li { (effect) } } }
                    }
                }
            }
        }
    }
}

fn products(products: &[Product], chosen: &[MerchantSku]) -> Markup {
    html! {
        section {
            h2 { (words::PLAN_PRODUCTS) }
            p.sub { (words::PLAN_PRODUCTS_WHY) }
            fieldset.products {
                @for product in products.iter().take(PRODUCTS_SHOWN) {
                    label.product {
                        input type="checkbox" name="sku" value=(product.sku) checked[chosen.contains(&product.sku)];
                        span.what { (product.name) " " code { (product.sku) } }
                        span.sub { (words::product_in(count(product.units), count(product.orders))) }
                    }
                }
            }
        }
    }
}

fn blocked(cannot: &[Cannot]) -> Markup {
    html! {
        @if !cannot.is_empty() {
            section {
                h2 { (words::PLAN_CANNOT) }
                table.plain.cannot {
                    thead {
                        tr {
                            th { (words::PLATFORM) }
                            th { (words::COLUMN_ORDERS) }
                            th { (words::PLAN_WHY) }
                            th { (words::PLAN_EXAMPLES) }
                        }
                    }
                    tbody {
                        @for group in cannot {
                            tr {
                                td { (platform(group.platform)) }
                                td.number data-label=(words::COLUMN_ORDERS) { (words::number(count(group.orders))) }
                                td data-label=(words::PLAN_WHY) { (group.detail) }
                                td data-label=(words::PLAN_EXAMPLES) {
                                    @for (order, number) in &group.examples { a href={ "/orders/" (order) } { (number) } " " }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn units(units: &Units) -> Markup {
    let parts = [
        (units.at_once, words::PLAN_UNITS_AT_ONCE),
        (units.already, words::PLAN_UNITS_ALREADY),
        (units.to_stock_in, words::PLAN_UNITS_TO_STOCK_IN),
        (units.count_needed, words::PLAN_UNITS_COUNT_NEEDED),
    ];
    html! {
        section {
            h2 { (words::PLAN_UNITS) }
            ul.units {
                @for (number, what) in parts.iter().filter(|(number, _)| *number > 0) {
                    li { (words::units(count(*number))) ": " (what) }
                }
                @if parts.iter().all(|(number, _)| *number == 0) { li { (words::units(0)) } }
            }
        }
    }
}

fn shops(desk: &Desk, plan: &Plan) -> Markup {
    html! {
        section {
            h2 { (words::PLAN_SHOPS) }
            p.sub { (words::PLAN_RATE_OURS) }
            table.plain.shop-plans {
                thead {
                    tr {
                        th { (words::SHOP) }
                        th { (words::COLUMN_ORDERS) }
                        th { (words::PLAN_RATE) }
                        th { (words::PLAN_POINTS) }
                        th { (words::PLAN_TAKES) }
                    }
                }
                tbody { @for shop in &plan.shops { (shop_row(desk, shop)) } }
            }
        }
    }
}

fn shop_row(desk: &Desk, plan: &ShopPlan) -> Markup {
    let region = desk.shop(&plan.shop).map(|shop| shop.region.as_str()).unwrap_or_default();
    html! {
        tr {
            td { (platform(plan.platform)) " " (plan.name) " " span.sub { (region) } }
            td.number data-label=(words::COLUMN_ORDERS) { (words::number(count(plan.goes))) }
            td data-label=(words::PLAN_RATE) {
                @match &plan.rate { Some(rate) => (rate_cell(rate)), None => span.sub { (words::PLAN_RATE_UNKNOWN) } }
            }
            td data-label=(words::PLAN_POINTS) { @if let Some(rate) = &plan.rate { (points(rate)) } }
            td data-label=(words::PLAN_TAKES) { (words::span(plan.takes.seconds().max(1))) }
        }
    }
}

fn threshold(threshold: &Threshold) -> String {
    let over = threshold.crossing == Crossing::Over;
    words::threshold(&threshold.rate.to_string(), over, threshold.least, &threshold.consequence)
}

fn rate_cell(plan: &RatePlan) -> Markup {
    let rule = &plan.rule;
    let (before, after) = (rule.crossed(plan.before), rule.crossed(plan.after));
    let (percent, then) = (plan.before.rate().to_string(), plan.after.rate().to_string());
    html! {
        strong { (words::percent_from_to(&percent, &then)) }
        div.sub {
            (words::rate_of(count(plan.after.canceled), count(plan.after.ordered), rule.unit, rule.from_days, rule.to_days))
        }
        @if plan.later > 0 { div.sub { (words::enters_later(count(plan.later))) } }
        @if let Some(crossed) = after.filter(|after| Some(*after) != before) {
            p.attention { (words::crosses(&threshold(crossed))) }
        }
        details {
            summary { (words::sourced(&rule.evidence.source, &rule.dated, &rule.evidence.certainty)) }
            @if !rule.thresholds.is_empty() { ul { @for each in &rule.thresholds { li { (threshold(each)) } } } }
            @if let Some(note) = &rule.note { p.sub { (note) } }
        }
    }
}

/// Penalty points before and after, where the row that is crossed names them.
fn points(plan: &RatePlan) -> Markup {
    let known = |crossed: Option<&Threshold>| match crossed {
        Some(threshold) => threshold.points.map(|points| points.to_string()),
        // Nothing is crossed: none, where points are known at all.
        None => plan.rule.thresholds.iter().any(|threshold| threshold.points.is_some()).then(|| "0".to_owned()),
    };
    let unknown = || words::PLAN_POINTS_UNKNOWN.to_owned();
    let before = known(plan.rule.crossed(plan.before)).unwrap_or_else(unknown);
    let after = known(plan.rule.crossed(plan.after)).unwrap_or_else(unknown);
    html! { (before) @if before != after { " → " (after) } }
}

fn ceilings(chosen: Option<Ceiling>) -> Markup {
    let rate = match chosen {
        Some(Ceiling::Rate(rate)) => Some(rate.to_string()),
        Some(Ceiling::NextThreshold) | None => None,
    };
    html! {
        section.ceiling {
            h2 { (words::PLAN_CEILING) }
            label { input type="radio" name="ceiling" value="" checked[chosen.is_none()]; " " (words::PLAN_CEILING_NONE) }
            label {
                input type="radio" name="ceiling" value=(Ceiling::NEXT_THRESHOLD) checked[chosen == Some(Ceiling::NextThreshold)];
                " " (words::PLAN_CEILING_NEXT)
            }
            div.rate {
                label { input type="radio" name="ceiling" value="rate" checked[rate.is_some()]; " " (words::PLAN_CEILING_RATE) }
                input type="number" name="percent" min="0" max="100" step="0.01" value=(rate.as_deref().unwrap_or("10"))
                    aria-label=(words::PLAN_CEILING_PERCENT);
                span { "%" }
            }
        }
    }
}
