//! The `[[cancellation_rate]]` rows of a policy file: how a platform counts, and what follows. A file without such rows
//! is taken as it is: then nothing is known.

use crate::policy::{PolicyError, Source, markets};
use domain::penalty::{BasisPoints, Crossing, RateRule, RateUnit, Threshold};
use domain::snapshot::Initiator;
use serde::Deserialize;
use toml::Spanned;

/// The longest window, in days.
const DAYS_MAX: i64 = 366;
/// The most penalty points of one threshold.
const POINTS_MAX: i64 = 1_000;
/// The largest number of cancels from which on a threshold counts.
const LEAST_MAX: i64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateRow {
    regions: Vec<Spanned<String>>,
    from_days: Spanned<i64>,
    to_days: Spanned<i64>,
    unit: Spanned<String>,
    counts: Vec<Spanned<String>>,
    note: Option<Spanned<String>>,
    dated: Spanned<String>,
    certainty: Spanned<String>,
    source: Spanned<String>,
    #[serde(default)]
    threshold: Vec<ThresholdRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdRow {
    percent: Spanned<String>,
    crossing: Spanned<String>,
    #[serde(default)]
    least: Option<Spanned<i64>>,
    consequence: Spanned<String>,
    #[serde(default)]
    points: Option<Spanned<i64>>,
}

pub(crate) fn rates(source: &Source<'_>, rows: &[RateRow]) -> Result<Vec<RateRule>, PolicyError> {
    let mut taken: Vec<&str> = Vec::new();
    let mut for_all = false;
    for row in rows {
        let doubled = match row.regions.as_slice() {
            [] if for_all => Some(row.unit.span()),
            [] => {
                for_all = true;
                None
            }
            regions => regions.iter().find(|named| taken.contains(&named.as_ref().as_str())).map(Spanned::span),
        };
        if let Some(span) = doubled {
            return Err(source.wrong(span, "two rates for one market", "delete one of the two rows"));
        }
        taken.extend(row.regions.iter().map(|named| named.as_ref().as_str()));
    }
    rows.iter().map(|row| rate(source, row)).collect()
}

fn rate(source: &Source<'_>, row: &RateRow) -> Result<RateRule, PolicyError> {
    let from_days = source.number(&row.from_days, 1, DAYS_MAX, "days")?;
    let to_days = source.number(&row.to_days, 0, from_days - 1, "days")?;
    let counts: Result<Vec<Initiator>, PolicyError> =
        row.counts.iter().map(|by| source.word(by, Initiator::parse)).collect();
    let mut thresholds = Vec::with_capacity(row.threshold.len());
    for each in &row.threshold {
        let threshold = threshold(source, each)?;
        if thresholds.last().is_some_and(|last: &Threshold| last.rate > threshold.rate) {
            return Err(source.wrong(
                each.percent.span(),
                "a lower threshold stands behind a higher one",
                "write the lowest first",
            ));
        }
        thresholds.push(threshold);
    }
    Ok(RateRule {
        regions: markets(source, &row.regions)?,
        // Both were just checked to lie between 0 and a small limit.
        from_days: u32::try_from(from_days).unwrap_or(1),
        to_days: u32::try_from(to_days).unwrap_or(0),
        unit: source.word(&row.unit, RateUnit::parse)?,
        counts: counts?,
        thresholds,
        note: row.note.as_ref().map(|note| source.filled(note)).transpose()?,
        dated: source.filled(&row.dated)?,
        evidence: source.evidence(&row.certainty, &row.source)?,
    })
}

fn threshold(source: &Source<'_>, row: &ThresholdRow) -> Result<Threshold, PolicyError> {
    let small = |given: &Option<Spanned<i64>>, most: i64, unit: &str| match given {
        Some(given) => source.number(given, 0, most, unit).map(|number| u32::try_from(number).ok()),
        None => Ok(None),
    };
    let rate = BasisPoints::parse_percent(row.percent.as_ref()).ok_or_else(|| {
        source.wrong(row.percent.span(), format!("“{}” is no percentage", row.percent.as_ref()), "write it as \"2.5\"")
    })?;
    Ok(Threshold {
        rate,
        crossing: source.word(&row.crossing, Crossing::parse)?,
        least: small(&row.least, LEAST_MAX, "cancels")?.unwrap_or(0),
        consequence: source.filled(&row.consequence)?,
        points: small(&row.points, POINTS_MAX, "points")?,
    })
}
