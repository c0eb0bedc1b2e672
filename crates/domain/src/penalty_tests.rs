//! Rates, thresholds and ceilings, with their laws.

use super::*;
use proptest::prelude::*;

fn threshold(percent: &str, crossing: Crossing, least: u32) -> Threshold {
    let rate = BasisPoints::parse_percent(percent).expect("a percentage");
    Threshold { rate, crossing, least, consequence: "fewer orders".to_owned(), points: None }
}

fn rule(regions: &[&str], thresholds: Vec<Threshold>) -> RateRule {
    RateRule {
        regions: regions.iter().map(|&region| region.to_owned()).collect(),
        from_days: 7,
        to_days: 0,
        unit: RateUnit::Orders,
        counts: vec![Initiator::Seller],
        thresholds,
        note: None,
        dated: "2025-08".to_owned(),
        evidence: Evidence { certainty: "I".to_owned(), source: "a test".to_owned() },
    }
}

const fn tally(canceled: u64, ordered: u64) -> Tally {
    Tally { ordered, canceled, under_way: 0 }
}

#[test]
fn a_percentage_is_read_and_written_alike() {
    for text in ["0", "2.5", "10", "33.33", "7.05", "100"] {
        assert_eq!(BasisPoints::parse_percent(text).expect("a percentage").to_string(), text);
    }
    for text in ["", "100.01", "-1", "2,5", "1e1", "2.555", ".5", "1000", "9 9", "٣"] {
        assert_eq!(BasisPoints::parse_percent(text), None, "{text}");
    }
}

#[test]
fn a_threshold_is_crossed_where_its_row_says() {
    let (at, over) = (threshold("10", Crossing::At, 0), threshold("10", Crossing::Over, 0));
    assert!(at.is_crossed(10, 100) && !over.is_crossed(10, 100));
    assert!(at.is_crossed(11, 100) && over.is_crossed(11, 100));
    assert!(!at.is_crossed(9, 100));
    assert!(!threshold("0", Crossing::At, 0).is_crossed(0, 0), "nobody canceled anything");
    let small = threshold("30", Crossing::Over, 10);
    assert!(!small.is_crossed(9, 10) && small.is_crossed(10, 30));
}

#[test]
fn the_market_s_own_rule_comes_before_the_one_for_all() {
    let rules = [rule(&[], vec![]), rule(&["PH", "SG"], vec![threshold("30", Crossing::Over, 10)])];
    assert_eq!(RateRule::of(&rules, "SG"), Some(&rules[1]));
    assert_eq!(RateRule::of(&rules, "MY"), Some(&rules[0]));
    assert_eq!(RateRule::of(&rules[1..], "MY"), None);
}

#[test]
fn the_next_threshold_is_the_first_that_is_not_crossed_yet() {
    let rule = rule(&[], vec![threshold("10", Crossing::At, 0), threshold("30", Crossing::At, 0)]);
    let allows = |from, to| Ceiling::NextThreshold.allows(&rule, tally(from, 100), tally(to, 100));
    assert!(allows(0, 9) && !allows(0, 10) && !allows(9, 50));
    assert!(allows(12, 29) && !allows(12, 30), "the first is crossed already");
    assert_eq!(rule.crossed(tally(31, 100)), rule.thresholds.last());
}

#[test]
fn a_ceiling_comes_back_as_it_was_written() {
    for ceiling in [Ceiling::NextThreshold, Ceiling::Rate(BasisPoints::new(250).expect("a rate"))] {
        assert_eq!(Ceiling::parse(&ceiling.to_string()), Some(ceiling));
    }
    assert_eq!(Ceiling::parse("soon"), None);
}

proptest! {
    #[test]
    fn what_a_rate_ceiling_allows_is_never_above_it(ordered in 0_u64..100_000, canceled in 0_u64..100_000, rate in 0_u32..=10_000) {
        let rate = BasisPoints::new(rate).expect("a rate");
        let rule = rule(&[], vec![]);
        let then = tally(canceled.min(ordered), ordered);
        if Ceiling::Rate(rate).allows(&rule, tally(0, ordered), then) {
            prop_assert!(then.rate() <= rate);
        } else {
            prop_assert!(u128::from(then.canceled) * 10_000 > u128::from(rate.hundredths()) * u128::from(ordered));
        }
    }

    #[test]
    fn once_a_ceiling_is_reached_more_is_not_allowed_either(ordered in 1_u64..10_000, first in 0_u64..10_000, more in 0_u64..10_000, percent in 0_u32..=100, at in any::<bool>()) {
        let crossing = if at { Crossing::At } else { Crossing::Over };
        let rule = rule(&[], vec![threshold(&percent.to_string(), crossing, 3)]);
        let rate = Ceiling::Rate(BasisPoints::new(percent * 100).expect("a rate"));
        for ceiling in [rate, Ceiling::NextThreshold] {
            if !ceiling.allows(&rule, tally(0, ordered), tally(first, ordered)) {
                prop_assert!(!ceiling.allows(&rule, tally(0, ordered), tally(first + more, ordered)));
            }
        }
    }
}
