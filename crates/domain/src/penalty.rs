//! What a platform holds against a shop that cancels too much: its cancellation rate, the thresholds in it, and how far
//! a batch of cancels may go before it crosses one.
//!
//! The numbers are policy rows with source and date. Where sources disagree or are silent, a row says so and names no
//! points; nothing is guessed here.

use crate::policy::Evidence;
use crate::snapshot::Initiator;
use crate::words::worded;
use std::fmt;

worded! {
    /// What a rate counts.
    RateUnit, "rate unit" {
        /// Whole orders.
        Orders = "orders",
        /// Units of lines.
        Items = "items",
    }
}

impl RateUnit {
    /// What an order of so many units weighs.
    #[must_use]
    pub const fn weight(self, units: u64) -> u64 {
        match self {
            Self::Orders => 1,
            Self::Items => units,
        }
    }
}

worded! {
    /// From where on a threshold is crossed.
    Crossing, "crossing" {
        /// The number itself is too much.
        At = "at",
        /// The number itself is still fine.
        Over = "over",
    }
}

/// Hundredths of a percent: 250 is 2.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// All of it.
    pub const WHOLE: Self = Self(10_000);

    /// So many hundredths of a percent; `None` beyond all of it.
    #[must_use]
    pub const fn new(hundredths: u32) -> Option<Self> {
        if hundredths <= Self::WHOLE.0 { Some(Self(hundredths)) } else { None }
    }

    /// Reads a percentage with at most two decimals, `2.5`.
    #[must_use]
    pub fn parse_percent(text: &str) -> Option<Self> {
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !digits(whole) || !digits(part) {
            return None;
        }
        let part: u32 = format!("{part:0<2}").parse().ok()?;
        Self::new(whole.parse::<u32>().ok()? * 100 + part)
    }

    /// The hundredths of a percent.
    #[must_use]
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// A share of a whole; nothing of nothing is none.
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Self {
        let hundredths = (part.min(whole) * u64::from(Self::WHOLE.0)).checked_div(whole).unwrap_or(0);
        Self(u32::try_from(hundredths).unwrap_or(Self::WHOLE.0))
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}"),
        }
    }
}

/// From where on a rate has a consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// The rate.
    pub rate: BasisPoints,
    /// Whether that number itself is too much.
    pub crossing: Crossing,
    /// It counts only from so many cancelled units on; zero where it always counts.
    pub least: u32,
    /// What the platform does then.
    pub consequence: String,
    /// Penalty points; `None` where they are not known or sources disagree.
    pub points: Option<u32>,
}

impl Threshold {
    /// Whether so many cancelled of so many ordered cross it.
    #[must_use]
    pub fn is_crossed(&self, canceled: u64, ordered: u64) -> bool {
        let (share, limit) = (
            u128::from(canceled) * u128::from(BasisPoints::WHOLE.hundredths()),
            u128::from(self.rate.hundredths()) * u128::from(ordered),
        );
        let beyond = match self.crossing {
            Crossing::At => share >= limit && canceled > 0,
            Crossing::Over => share > limit,
        };
        beyond && canceled >= u64::from(self.least)
    }
}

/// How a platform counts a shop's cancellation rate in some markets, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRule {
    /// Markets that it holds for; empty means all that no other row names.
    pub regions: Vec<String>,
    /// It looks at orders placed from so many days ago…
    pub from_days: u32,
    /// …until so many days ago.
    pub to_days: u32,
    /// What is counted.
    pub unit: RateUnit,
    /// Whose cancels count against the shop.
    pub counts: Vec<Initiator>,
    /// From where on it has consequences, lowest first; empty where none is known.
    pub thresholds: Vec<Threshold>,
    /// What is disputed or not known.
    pub note: Option<String>,
    /// When the source is from, as far as it says.
    pub dated: String,
    /// How sure.
    pub evidence: Evidence,
}

/// What a shop's rate is made of: counted from our own orders over the rule's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Placed in the window.
    pub ordered: u64,
    /// Of these, cancelled by those whose cancels count.
    pub canceled: u64,
    /// Of these, being cancelled by us now.
    pub under_way: u64,
}

impl Tally {
    /// The same with so many more cancelled.
    #[must_use]
    pub const fn with(self, more: u64) -> Self {
        Self { canceled: self.canceled.saturating_add(more), ..self }
    }

    /// The rate as it stands.
    #[must_use]
    pub fn rate(self) -> BasisPoints {
        BasisPoints::share(self.canceled, self.ordered)
    }
}

impl RateRule {
    /// The rule for a market: one that names it, else one that names none.
    #[must_use]
    pub fn of<'a>(rules: &'a [Self], region: &str) -> Option<&'a Self> {
        let named = rules.iter().find(|rule| rule.regions.iter().any(|named| named == region));
        named.or_else(|| rules.iter().find(|rule| rule.regions.is_empty()))
    }

    /// The highest threshold that is crossed.
    #[must_use]
    pub fn crossed(&self, tally: Tally) -> Option<&Threshold> {
        self.thresholds.iter().rev().find(|threshold| threshold.is_crossed(tally.canceled, tally.ordered))
    }
}

/// Where a batch stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Before a shop's rate gets above this.
    Rate(BasisPoints),
    /// Before a shop crosses the next threshold of its platform's policy.
    NextThreshold,
}

impl Ceiling {
    /// The word that asks for [`Ceiling::NextThreshold`].
    pub const NEXT_THRESHOLD: &str = "next_threshold";

    /// Reads a percentage, or the word for the next threshold.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::NEXT_THRESHOLD {
            return Some(Self::NextThreshold);
        }
        BasisPoints::parse_percent(text).map(Self::Rate)
    }

    /// Whether the shop may come to this tally. Under [`Ceiling::NextThreshold`] what was crossed before does not count.
    #[must_use]
    pub fn allows(self, rule: &RateRule, now: Tally, then: Tally) -> bool {
        match self {
            Self::Rate(rate) => {
                let share = u128::from(then.canceled) * u128::from(BasisPoints::WHOLE.hundredths());
                share <= u128::from(rate.hundredths()) * u128::from(then.ordered)
            }
            Self::NextThreshold => {
                let crosses =
                    |threshold: &&Threshold, tally: Tally| threshold.is_crossed(tally.canceled, tally.ordered);
                rule.thresholds.iter().all(|threshold| crosses(&threshold, now) || !crosses(&threshold, then))
            }
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "{rate}"),
            Self::NextThreshold => f.write_str(Self::NEXT_THRESHOLD),
        }
    }
}

#[cfg(test)]
#[path = "penalty_tests.rs"]
mod tests;
