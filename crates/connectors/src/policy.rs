//! Policy files: a platform's dated data, read from TOML and refused with file, line, column and remedy when wrong.
//!
//! The types that decide are [`domain::policy`]'s; those here mirror the file. A file is whole: it replaces the built-in
//! policy of its platform, nothing is merged.

use std::collections::HashSet;
use std::path::Path;

use crate::penalties::{RateRow, rates};
use domain::ids::ReasonCode;
use domain::order::{List, Stage};
use domain::policy::{
    BudgetRule, CountryRule, EndpointClass, Evidence, GoodsEffect, Handover, ListingEffect, MarketSwitch,
    PackageStatusRule, Policy, ReasonRule, ShippingRule, SiblingEffect, SiblingRule, Standing, StatusRule,
};
use domain::request::{AnswerTime, RejectReason, RejectReasonRule, RequestPolicy, RequestRule, Silence};
use domain::snapshot::Initiator;
use domain::stock_rules::{GoesTo, StockRule, WarehouseAnswer};
use domain::time::Span;
use domain::words::UnknownWord;
use serde::Deserialize;
use toml::Spanned;

/// Longest settling time that needs no named source, in seconds (`product.md` section 3).
const SETTLING_UNSOURCED_MAX: i64 = 15;
/// Longest time of any setting but the list window, in seconds: a day.
const SECONDS_MAX: i64 = 86_400;
/// Longest time to answer a buyer's request, in hours and in days: a month.
const ANSWER_HOURS_MAX: i64 = 31 * 24;
const ANSWER_DAYS_MAX: i64 = 31;
/// How far a market's clocks may be behind or ahead of UTC, in hours.
const UTC_OFFSETS: (i64, i64) = (-12, 14);
/// The longest time before an authorisation's end at which a person is told, in seconds: thirty days.
const AUTHORISE_AHEAD_MAX: i64 = 30 * 86_400;
/// That time where the file does not say: a week, which spans a holiday.
const AUTHORISE_AHEAD: Span = Span::from_seconds(7 * 86_400);
/// Most calls in flight per shop.
const CALLS_IN_FLIGHT_MAX: i64 = 1_000;
/// Most calls per second and shop.
const CALLS_PER_SECOND_MAX: i64 = 10_000;

/// A policy file is wrong: where, how, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}; {remedy}")]
pub struct PolicyError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1; 1 where the whole file is meant.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// What a platform's API itself allows, whatever a policy file says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The values that the API takes as a reason.
    pub(crate) reason_values: &'static [&'static str],
    /// Those of them that need at least one product.
    pub(crate) lines_required: &'static [&'static str],
    /// The longest list window.
    pub(crate) list_window: Span,
    /// The most orders per detail read.
    pub(crate) read_batch: i64,
    /// The kinds of label that the API makes.
    pub(crate) labels: &'static [&'static str],
}

/// Reads a policy file from disk.
pub(crate) fn read_file(path: &Path, bounds: &Bounds) -> Result<Policy, PolicyError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| PolicyError {
        file: file.clone(),
        line: 1,
        column: 1,
        problem: format!("the file cannot be read: {error}"),
        remedy: "name a readable UTF-8 file, or none to use the built-in policy".to_owned(),
    })?;
    read(&text, &file, bounds)
}

/// Reads the text of a policy file; `file` is what it is called in an error.
pub(crate) fn read(text: &str, file: &str, bounds: &Bounds) -> Result<Policy, PolicyError> {
    let source = Source { text, file };
    let parsed: PolicyFile = toml::from_str(text).map_err(|error| {
        let problem = error.message().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        source.wrong(error.span().unwrap_or(0..0), problem, "correct the line; the built-in policy shows every field")
    })?;
    parsed.check(&source, bounds)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    as_of: Spanned<String>,
    switches: Switches,
    limits: Limits,
    /// Classes of calls with a limit of their own.
    #[serde(default)]
    budget: Vec<BudgetRow>,
    /// Countries whose shops can be connected; without any, none can.
    #[serde(default)]
    country: Vec<CountryRow>,
    // Manual orders have none: nobody is called for them.
    shipping: Option<Shipping>,
    status: Vec<StatusRow>,
    package_status: Vec<PackageStatusRow>,
    #[serde(default)]
    siblings: Vec<SiblingRow>,
    /// Where cancelled units go.
    cancel_stock: Vec<CancelStockRow>,
    reason: Vec<ReasonRow>,
    request: Vec<RequestRow>,
    #[serde(default)]
    reject_reason: Vec<RejectReasonRow>,
    #[serde(default)]
    cancellation_rate: Vec<RateRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    seller_cancel: Switch,
    partial_cancel: Switch,
    cancel_from: Lists,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    lists: Vec<Spanned<String>>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
    /// Markets where it holds; none named means all.
    #[serde(default)]
    regions: Vec<Spanned<String>>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    call_timeout: Seconds,
    settling: Seconds,
    attention_after: Seconds,
    sweep_every: Seconds,
    authorise_ahead: Option<Seconds>,
    sweep_overlap: Seconds,
    list_window: Seconds,
    read_batch: Count,
    calls_in_flight: Count,
    calls_per_second: Count,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shipping {
    handover: Choice,
    label: Choice,
    repack: Switch,
    label_retry: Seconds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    value: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    seconds: Spanned<i64>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: Spanned<i64>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountryRow {
    code: Spanned<String>,
    title: Spanned<String>,
    address: Spanned<String>,
    currency: Spanned<String>,
    utc_offset: Spanned<i64>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetRow {
    class: Spanned<String>,
    per_second: Spanned<i64>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusRow {
    value: Spanned<String>,
    standing: Spanned<String>,
    stage: Spanned<String>,
    seller_may_cancel: Spanned<bool>,
    title: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageStatusRow {
    value: Spanned<String>,
    stage: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiblingRow {
    status: Spanned<String>,
    effect: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelStockRow {
    initiator: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    /// Each stage that the row is of; none named means every stage.
    #[serde(default)]
    stages: Vec<Spanned<String>>,
    warehouse: Option<Spanned<String>>,
    goes_to: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonRow {
    code: Spanned<String>,
    label: Spanned<String>,
    platform_value: Spanned<String>,
    mapping_note: Option<Spanned<String>>,
    lines_required: Spanned<bool>,
    #[serde(default)]
    whole_order_only: bool,
    cod_only: bool,
    regions: Vec<Spanned<String>>,
    listing_effect: Spanned<String>,
    goods_effect: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestRow {
    regions: Spanned<Vec<Spanned<String>>>,
    answer_within: Spanned<AnswerWithin>,
    on_silence: Spanned<String>,
    reject_reason: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerWithin {
    hours: Option<Spanned<i64>>,
    calendar_days: Option<Spanned<i64>>,
    utc_offset_hours: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RejectReasonRow {
    value: Spanned<String>,
    label: Spanned<String>,
    regions: Vec<Spanned<String>>,
    certainty: Spanned<String>,
    source: Spanned<String>,
}

pub(crate) struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

impl Source<'_> {
    pub(crate) fn wrong(
        &self,
        at: std::ops::Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> PolicyError {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        PolicyError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|&letter| letter != '\n').count() + 1,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// A value of one of the domain's words.
    pub(crate) fn word<T>(
        &self,
        given: &Spanned<String>,
        parse: impl Fn(&str) -> Result<T, UnknownWord>,
    ) -> Result<T, PolicyError> {
        parse(given.as_ref()).map_err(|unknown| {
            let UnknownWord { what, given: word, allowed } = unknown;
            self.wrong(given.span(), format!("“{word}” is no {what}"), format!("use one of: {allowed}"))
        })
    }

    pub(crate) fn filled(&self, given: &Spanned<String>) -> Result<String, PolicyError> {
        if given.as_ref().trim().is_empty() {
            return Err(self.wrong(given.span(), "the text is empty", "fill it in or delete the row"));
        }
        Ok(given.as_ref().clone())
    }

    pub(crate) fn evidence(
        &self,
        certainty: &Spanned<String>,
        source: &Spanned<String>,
    ) -> Result<Evidence, PolicyError> {
        let tag = certainty.as_ref();
        let counted = tag.strip_prefix('C').is_some_and(|count| count.parse::<u8>().is_ok_and(|count| count >= 2));
        let named = tag.strip_prefix("S:").is_some_and(|name| !name.trim().is_empty());
        if !(counted || named || tag == "I" || tag == "X") {
            return Err(self.wrong(
                certainty.span(),
                format!("“{tag}” is no certainty"),
                "use the fact sheets' tags: C2 and up, S:name, I or X",
            ));
        }
        Ok(Evidence { certainty: tag.clone(), source: self.filled(source)? })
    }

    fn capitals(&self, given: &Spanned<String>, letters: usize, what: &str, example: &str) -> Result<(), PolicyError> {
        let text = given.as_ref();
        if text.len() == letters && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(());
        }
        let remedy = format!("write {letters} capital letters such as {example}");
        Err(self.wrong(given.span(), format!("“{text}” is no {what}"), remedy))
    }

    pub(crate) fn number(&self, given: &Spanned<i64>, least: i64, most: i64, unit: &str) -> Result<i64, PolicyError> {
        let number = *given.as_ref();
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(self.wrong(given.span(), format!("{number} {unit} is out of range"), format!("use {least} to {most}")))
    }

    fn unique(&self, seen: &mut HashSet<String>, given: &Spanned<String>, what: &str) -> Result<String, PolicyError> {
        let value = self.filled(given)?;
        if seen.insert(value.clone()) {
            return Ok(value);
        }
        Err(self.wrong(given.span(), format!("the {what} “{value}” stands here twice"), "delete one of the two rows"))
    }
}

impl Lists {
    fn check(&self, source: &Source<'_>) -> Result<Vec<List>, PolicyError> {
        source.evidence(&self.certainty, &self.source)?;
        self.lists.iter().map(|list| source.word(list, List::parse)).collect()
    }
}

impl Seconds {
    fn check(&self, source: &Source<'_>, least: i64, most: i64) -> Result<Span, PolicyError> {
        source.evidence(&self.certainty, &self.source)?;
        source.number(&self.seconds, least, most, "seconds").map(Span::from_seconds)
    }
}

impl Switch {
    fn check(&self, source: &Source<'_>) -> Result<MarketSwitch, PolicyError> {
        source.evidence(&self.certainty, &self.source)?;
        Ok(MarketSwitch { on: self.on, regions: markets(source, &self.regions)? })
    }
}

impl Count {
    fn check(&self, source: &Source<'_>, least: i64, most: i64, unit: &str) -> Result<i64, PolicyError> {
        source.evidence(&self.certainty, &self.source)?;
        source.number(&self.count, least, most, unit)
    }
}

impl Shipping {
    fn check(&self, source: &Source<'_>, bounds: &Bounds) -> Result<ShippingRule, PolicyError> {
        for choice in [&self.handover, &self.label] {
            source.evidence(&choice.certainty, &choice.source)?;
        }
        source.evidence(&self.repack.certainty, &self.repack.source)?;
        let label = self.label.value.as_ref();
        if !bounds.labels.contains(&label.as_str()) {
            return Err(source.wrong(
                self.label.value.span(),
                format!("the platform makes no label “{label}”"),
                format!("use one of: {}", bounds.labels.join(", ")),
            ));
        }
        Ok(ShippingRule {
            handover: source.word(&self.handover.value, Handover::parse)?,
            label: label.clone(),
            repack: self.repack.on,
            label_retry: self.label_retry.check(source, 1, SECONDS_MAX)?,
        })
    }
}

impl PolicyFile {
    fn check(self, source: &Source<'_>, bounds: &Bounds) -> Result<Policy, PolicyError> {
        let limits = &self.limits;
        let seller_cancel = self.switches.seller_cancel.check(source)?;
        let partial_cancel = self.switches.partial_cancel.check(source)?;
        if let Some(region) = self.switches.seller_cancel.regions.first() {
            let remedy = "delete the regions: what a market has no status or reason for is closed by those rows";
            return Err(source.wrong(region.span(), "the seller's cancel is one switch for all markets", remedy));
        }
        let list_window = limits.list_window.check(source, 1, bounds.list_window.seconds())?;
        let sweep_overlap = limits.sweep_overlap.check(source, 0, SECONDS_MAX)?;
        if sweep_overlap >= list_window {
            return Err(source.wrong(
                limits.sweep_overlap.seconds.span(),
                "the sweep's overlap is as long as the list window, so a sweep would never advance",
                "make the overlap shorter than the window",
            ));
        }
        let read_batch = limits.read_batch.check(source, 1, bounds.read_batch, "orders per read")?;
        let in_flight = limits.calls_in_flight.check(source, 1, CALLS_IN_FLIGHT_MAX, "calls in flight")?;
        let per_second = limits.calls_per_second.check(source, 0, CALLS_PER_SECOND_MAX, "calls per second")?;
        Ok(Policy {
            as_of: day(source, &self.as_of)?,
            countries: countries(source, &self.country)?,
            authorise_ahead: match &limits.authorise_ahead {
                Some(row) => row.check(source, 1, AUTHORISE_AHEAD_MAX)?,
                None => AUTHORISE_AHEAD,
            },
            statuses: statuses(source, &self.status)?,
            package_statuses: package_statuses(source, &self.package_status)?,
            siblings: siblings(source, &self.siblings, &self.status)?,
            reasons: reasons(source, &self.reason, bounds)?,
            cancel_stock: cancel_stock(source, &self.cancel_stock, &self.reason)?,
            requests: requests(source, &self.request, &self.reject_reason)?,
            cancellation_rates: rates(source, &self.cancellation_rate)?,
            shipping: self
                .shipping
                .as_ref()
                .map_or_else(|| Ok(ShippingRule::default()), |shipping| shipping.check(source, bounds))?,
            seller_cancel: seller_cancel.on,
            partial_cancel,
            cancel_from: self.switches.cancel_from.check(source)?,
            call_timeout: limits.call_timeout.check(source, 1, SECONDS_MAX)?,
            settling: settling(source, &limits.settling)?,
            attention_after: limits.attention_after.check(source, 1, SECONDS_MAX)?,
            sweep_every: limits.sweep_every.check(source, 1, SECONDS_MAX)?,
            sweep_overlap,
            list_window,
            // The three were just checked to lie between 0 and a small limit.
            read_batch: usize::try_from(read_batch).unwrap_or(1),
            calls_in_flight: usize::try_from(in_flight).unwrap_or(1),
            calls_per_second: u32::try_from(per_second).unwrap_or(0),
            budgets: budgets(source, &self.budget)?,
        })
    }
}

fn day(source: &Source<'_>, given: &Spanned<String>) -> Result<String, PolicyError> {
    let text = given.as_ref();
    let parts: Vec<&str> = text.split('-').collect();
    let within = |part: &str, digits: usize, most: u32| {
        part.len() == digits
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|number: u32| (1..=most).contains(&number))
    };
    match parts[..] {
        [year, month, day] if within(year, 4, 9999) && within(month, 2, 12) && within(day, 2, 31) => Ok(text.clone()),
        _ => Err(source.wrong(given.span(), format!("“{text}” is no day"), "write it as 2026-11-23")),
    }
}

fn settling(source: &Source<'_>, row: &Seconds) -> Result<Span, PolicyError> {
    let span = row.check(source, 0, SECONDS_MAX)?;
    let sourced = row.certainty.as_ref().starts_with(['C', 'S']);
    if span.seconds() > SETTLING_UNSOURCED_MAX && !sourced {
        return Err(source.wrong(
            row.seconds.span(),
            format!("a settling time over {SETTLING_UNSOURCED_MAX} seconds has no named source"),
            format!("use at most {SETTLING_UNSOURCED_MAX}, or give certainty C2 and up or S:name with its source"),
        ));
    }
    Ok(span)
}

fn countries(source: &Source<'_>, rows: &[CountryRow]) -> Result<Vec<CountryRule>, PolicyError> {
    let mut seen = HashSet::new();
    rows.iter()
        .map(|row| {
            let code = source.unique(&mut seen, &row.code, "country")?;
            source.capitals(&row.code, 2, "country", "MY")?;
            source.capitals(&row.currency, 3, "currency", "MYR")?;
            let address = row.address.as_ref();
            if !url::Url::parse(address).is_ok_and(|url| url.has_host() && url.path() == "/") {
                let remedy = "write it as https://host without path or query";
                return Err(source.wrong(row.address.span(), format!("“{address}” is no address of an API"), remedy));
            }
            let hours = source.number(&row.utc_offset, UTC_OFFSETS.0, UTC_OFFSETS.1, "hours from UTC")?;
            Ok(CountryRule {
                code,
                title: source.filled(&row.title)?,
                address: address.clone(),
                currency: row.currency.as_ref().clone(),
                utc_offset: i8::try_from(hours).unwrap_or(0),
                evidence: source.evidence(&row.certainty, &row.source)?,
            })
        })
        .collect()
}

fn budgets(source: &Source<'_>, rows: &[BudgetRow]) -> Result<Vec<BudgetRule>, PolicyError> {
    let mut seen = HashSet::new();
    rows.iter()
        .map(|row| {
            source.unique(&mut seen, &row.class, "endpoint class")?;
            let per_second = source.number(&row.per_second, 1, CALLS_PER_SECOND_MAX, "calls per second")?;
            Ok(BudgetRule {
                class: source.word(&row.class, EndpointClass::parse)?,
                per_second: u32::try_from(per_second).unwrap_or(1),
                evidence: source.evidence(&row.certainty, &row.source)?,
            })
        })
        .collect()
}

fn statuses(source: &Source<'_>, rows: &[StatusRow]) -> Result<Vec<StatusRule>, PolicyError> {
    if rows.is_empty() {
        return Err(source.wrong(0..0, "there is no [[status]]", "add a row for every status of the platform"));
    }
    let mut seen = HashSet::new();
    rows.iter()
        .map(|row| {
            let standing = source.word(&row.standing, Standing::parse)?;
            let seller_may_cancel = *row.seller_may_cancel.as_ref();
            let over = matches!(
                standing,
                Standing::Shipped | Standing::Completed | Standing::CancelRequested | Standing::Canceled
            );
            if seller_may_cancel && over {
                return Err(source.wrong(
                    row.seller_may_cancel.span(),
                    format!("the seller cannot cancel what is {standing}"),
                    "write false, or correct the standing",
                ));
            }
            Ok(StatusRule {
                value: source.unique(&mut seen, &row.value, "status")?,
                standing,
                stage: source.word(&row.stage, Stage::parse)?,
                seller_may_cancel,
                title: source.filled(&row.title)?,
                evidence: source.evidence(&row.certainty, &row.source)?,
            })
        })
        .collect()
}

fn package_statuses(source: &Source<'_>, rows: &[PackageStatusRow]) -> Result<Vec<PackageStatusRule>, PolicyError> {
    let mut seen = HashSet::new();
    rows.iter()
        .map(|row| {
            Ok(PackageStatusRule {
                value: source.unique(&mut seen, &row.value, "package status")?,
                stage: source.word(&row.stage, Stage::parse)?,
                evidence: source.evidence(&row.certainty, &row.source)?,
            })
        })
        .collect()
}

fn siblings(source: &Source<'_>, rows: &[SiblingRow], statuses: &[StatusRow]) -> Result<Vec<SiblingRule>, PolicyError> {
    let mut seen = HashSet::new();
    rows.iter()
        .map(|row| {
            let status = source.unique(&mut seen, &row.status, "siblings' status")?;
            if !statuses.iter().any(|known| *known.value.as_ref() == status) {
                let problem = format!("there is no status “{status}”");
                return Err(source.wrong(row.status.span(), problem, "name one of the [[status]] rows"));
            }
            Ok(SiblingRule {
                status,
                effect: source.word(&row.effect, SiblingEffect::parse)?,
                evidence: source.evidence(&row.certainty, &row.source)?,
            })
        })
        .collect()
}

fn cancel_stock(
    source: &Source<'_>,
    rows: &[CancelStockRow],
    reasons: &[ReasonRow],
) -> Result<Vec<StockRule>, PolicyError> {
    let mut rules = Vec::new();
    for row in rows {
        source.evidence(&row.certainty, &row.source)?;
        if let Some(reason) = &row.reason
            && !reasons.iter().any(|known| known.code.as_ref() == reason.as_ref())
        {
            let problem = format!("there is no reason “{}”", reason.as_ref());
            return Err(source.wrong(reason.span(), problem, "name the code of one of the [[reason]] rows"));
        }
        let stages: Vec<Option<Stage>> = match row.stages.as_slice() {
            [] => vec![None],
            named => named.iter().map(|stage| source.word(stage, Stage::parse).map(Some)).collect::<Result<_, _>>()?,
        };
        for stage in stages {
            let rule = StockRule {
                initiator: row.initiator.as_ref().map(|word| source.word(word, Initiator::parse)).transpose()?,
                // It was just found among the reasons, which are read next.
                reason: row.reason.as_ref().and_then(|code| ReasonCode::parse(code.as_ref().as_str()).ok()),
                stage,
                warehouse: row.warehouse.as_ref().map(|word| source.word(word, WarehouseAnswer::parse)).transpose()?,
                goes_to: source.word(&row.goes_to, GoesTo::parse)?,
            };
            rule.check().map_err(|error| source.wrong(row.goes_to.span(), error.to_string(), "change the row"))?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn reasons(source: &Source<'_>, rows: &[ReasonRow], bounds: &Bounds) -> Result<Vec<ReasonRule>, PolicyError> {
    let mut seen = HashSet::new();
    rows.iter().map(|row| reason(source, row, bounds, &mut seen)).collect()
}

fn reason(
    source: &Source<'_>,
    row: &ReasonRow,
    bounds: &Bounds,
    seen: &mut HashSet<String>,
) -> Result<ReasonRule, PolicyError> {
    let code = source.unique(seen, &row.code, "reason code")?;
    let code = ReasonCode::parse(code.as_str()).map_err(|_| {
        source.wrong(row.code.span(), format!("“{code}” is no reason code"), "write one word such as out_of_stock")
    })?;
    let platform_value = source.filled(&row.platform_value)?;
    if !bounds.reason_values.contains(&platform_value.as_str()) {
        return Err(source.wrong(
            row.platform_value.span(),
            format!("the platform has no reason “{platform_value}”"),
            format!("use one of: {}", bounds.reason_values.join(", ")),
        ));
    }
    let lines_required = *row.lines_required.as_ref();
    let listing_effect = source.word(&row.listing_effect, ListingEffect::parse)?;
    let goods_effect = source.word(&row.goods_effect, GoodsEffect::parse)?;
    // Where the platform names none, an effect on listings or goods is on all of the order's.
    if bounds.lines_required.contains(&platform_value.as_str()) && !lines_required {
        return Err(source.wrong(
            row.lines_required.span(),
            format!("the platform wants products with the reason “{code}”, but none has to be chosen"),
            "write lines_required = true, or change platform_value",
        ));
    }
    Ok(ReasonRule {
        code,
        label: source.filled(&row.label)?,
        platform_value,
        mapping_note: row.mapping_note.as_ref().map(|note| source.filled(note)).transpose()?,
        lines_required,
        whole_order_only: row.whole_order_only,
        cod_only: row.cod_only,
        regions: markets(source, &row.regions)?,
        listing_effect,
        goods_effect,
        evidence: source.evidence(&row.certainty, &row.source)?,
    })
}

/// Markets, as two capital letters each.
pub(crate) fn markets(source: &Source<'_>, rows: &[Spanned<String>]) -> Result<Vec<String>, PolicyError> {
    let market = |region: &Spanned<String>| {
        let letters = region.as_ref();
        if letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(letters.clone());
        }
        let problem = format!("“{letters}” is no market");
        Err(source.wrong(region.span(), problem, "write two capital letters such as MY"))
    };
    rows.iter().map(market).collect()
}

fn requests(
    source: &Source<'_>,
    rows: &[RequestRow],
    reject_reasons: &[RejectReasonRow],
) -> Result<RequestPolicy, PolicyError> {
    let mut usual = None;
    let mut own = Vec::new();
    let mut seen = HashSet::new();
    for row in rows {
        let rule = request(source, row)?;
        let twice = rule.regions.iter().find(|region| !seen.insert((*region).clone()));
        if twice.is_some() || (rule.regions.is_empty() && usual.is_some()) {
            let which = twice.map_or("every other market".to_owned(), Clone::clone);
            let problem = format!("there are two rules for requests in {which}");
            return Err(source.wrong(row.regions.span(), problem, "delete one of the two rows"));
        }
        if rule.regions.is_empty() { usual = Some(rule) } else { own.push(rule) }
    }
    let none = || {
        let remedy = "add a [[request]] with regions = []; the built-in policy shows one";
        source.wrong(0..0, "there is no rule for requests in markets without one of their own", remedy)
    };
    let mut seen = HashSet::new();
    let reason = |row: &RejectReasonRow| {
        Ok(RejectReasonRule {
            value: source.unique(&mut seen, &row.value, "reason to reject")?,
            label: source.filled(&row.label)?,
            regions: markets(source, &row.regions)?,
            evidence: source.evidence(&row.certainty, &row.source)?,
        })
    };
    Ok(RequestPolicy {
        usual: usual.ok_or_else(none)?,
        markets: own,
        reject_reasons: reject_reasons.iter().map(reason).collect::<Result<_, PolicyError>>()?,
    })
}

fn request(source: &Source<'_>, row: &RequestRow) -> Result<RequestRule, PolicyError> {
    let within = row.answer_within.as_ref();
    let answer_within = match (&within.hours, &within.calendar_days, &within.utc_offset_hours) {
        (Some(hours), None, None) => {
            let hours = source.number(hours, 1, ANSWER_HOURS_MAX, "hours")?;
            AnswerTime::After(Span::from_seconds(hours * 3_600))
        }
        (None, Some(days), Some(offset)) => {
            let days = source.number(days, 0, ANSWER_DAYS_MAX, "days")?;
            let offset = source.number(offset, UTC_OFFSETS.0, UTC_OFFSETS.1, "hours")?;
            AnswerTime::CalendarDays {
                // Both were just checked to be small.
                days: u32::try_from(days).unwrap_or(0),
                utc_offset_hours: i32::try_from(offset).unwrap_or(0),
            }
        }
        _ => {
            return Err(source.wrong(
                row.answer_within.span(),
                "the time to answer is neither in hours nor in calendar days",
                "write { hours = 24 } or { calendar_days = 2, utc_offset_hours = 8 }",
            ));
        }
    };
    Ok(RequestRule {
        regions: markets(source, row.regions.as_ref())?,
        answer_within,
        on_silence: source.word(&row.on_silence, Silence::parse)?,
        reject_reason: source.word(&row.reject_reason, RejectReason::parse)?,
        evidence: source.evidence(&row.certainty, &row.source)?,
    })
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
