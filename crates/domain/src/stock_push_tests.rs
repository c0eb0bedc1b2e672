//! What listings show, as tables and as laws.

use super::*;
use proptest::prelude::*;

fn rule(percent: i64, fixed: i64, rounding: Rounding, sold_out_at: i64) -> PushRule {
    PushRule::new(percent, fixed, rounding, sold_out_at).expect("a rule")
}

const FACTS: ListingFacts =
    ListingFacts { switched_on: true, reopen: false, held: false, closed: false, counted: true, available: 10 };

#[test]
fn a_number_is_a_share_of_what_is_available_and_so_many_more_or_fewer() {
    for (percent, fixed, rounding, sold_out_at, available, shown) in [
        (100, 0, Rounding::Down, 0, 7, 7),
        (50, 0, Rounding::Down, 0, 7, 3),
        (50, 0, Rounding::Up, 0, 7, 4),
        (50, 0, Rounding::Nearest, 0, 7, 4),
        (33, 0, Rounding::Nearest, 0, 10, 3),
        // Kept back, and never below none.
        (100, -2, Rounding::Down, 0, 7, 5),
        (100, -9, Rounding::Down, 0, 7, 0),
        // So many as long as there are that many.
        (0, 5, Rounding::Down, 0, 7, 5),
        (0, 5, Rounding::Down, 0, 3, 3),
        // Never more than there are.
        (100, 200, Rounding::Up, 0, 7, 7),
        // Sold out at two: what is left is for the counter.
        (100, 0, Rounding::Down, 2, 2, 0),
        (100, 0, Rounding::Down, 2, 3, 3),
        (100, 5, Rounding::Down, 0, 0, 0),
        (100, 0, Rounding::Down, 0, -4, 0),
    ] {
        assert_eq!(rule(percent, fixed, rounding, sold_out_at).number(available), shown, "{percent} % + {fixed}");
    }
}

#[test]
fn numbers_that_make_no_rule_are_refused_with_what_would() {
    assert_eq!(PushRule::new(101, 0, Rounding::Down, 0), Err(PushRuleError::Percent(101)));
    assert_eq!(PushRule::new(-1, 0, Rounding::Down, 0), Err(PushRuleError::Percent(-1)));
    assert_eq!(PushRule::new(100, FIXED_MAX + 1, Rounding::Down, 0), Err(PushRuleError::Fixed(FIXED_MAX + 1)));
    assert_eq!(PushRule::new(100, 0, Rounding::Down, -1), Err(PushRuleError::SoldOutAt(-1)));
}

#[test]
fn a_held_listing_is_left_and_the_one_that_the_cancel_closed_is_kept_closed() {
    let all = PushRule::default();
    assert_eq!(target(&FACTS, &all), Target::Show(10));
    assert_eq!(target(&ListingFacts { held: true, ..FACTS }, &all), Target::Leave(Left::Held));
    assert_eq!(target(&ListingFacts { held: true, closed: true, ..FACTS }, &all), Target::KeepClosed);
    assert_eq!(target(&ListingFacts { closed: true, ..FACTS }, &all), Target::Show(10), "counted: it opens again");
    assert_eq!(target(&ListingFacts { counted: false, ..FACTS }, &all), Target::Leave(Left::NotCounted));
    let off = ListingFacts { switched_on: false, ..FACTS };
    assert_eq!(target(&off, &all), Target::Leave(Left::SwitchedOff));
    assert_eq!(target(&ListingFacts { reopen: true, ..off }, &all), Target::Show(10), "asked for by hand");
}

#[test]
fn a_bundle_is_made_of_the_component_that_runs_out_first() {
    assert_eq!(makeable([(1, 9), (2, 9), (3, 9)]), 3);
    assert_eq!(makeable([(1, 9), (2, 0)]), 0);
    assert_eq!(makeable([(1, -3)]), 0);
    assert_eq!(makeable([]), 0);
}

prop_compose! {
    fn any_rule()(percent in 0..=100_i64, fixed in -FIXED_MAX..=FIXED_MAX, rounding in 0..3_usize, sold_out_at in 0..20_i64)
        -> PushRule {
        rule(percent, fixed, Rounding::ALL[rounding], sold_out_at)
    }
}

proptest! {
    #[test]
    fn nothing_is_shown_that_is_not_there(rule in any_rule(), available in any::<i64>()) {
        let shown = rule.number(available);
        prop_assert!(shown >= 0 && shown <= available.max(0), "{} of {}", shown, available);
    }

    #[test]
    fn one_more_on_the_shelf_never_shows_fewer(rule in any_rule(), available in -5..1_000_000_i64) {
        prop_assert!(rule.number(available + 1) >= rule.number(available));
    }

    #[test]
    fn at_the_guard_everything_is_sold_out(rule in any_rule(), below in 0..20_i64) {
        let available = i64::from(rule.sold_out_at()) - below;
        prop_assert_eq!(rule.number(available), 0);
    }

    /// Whatever is true of a listing: one that is held shows nothing new, one that nobody counted neither.
    #[test]
    fn what_is_held_or_was_never_counted_gets_no_number(
        rule in any_rule(),
        (switched_on, reopen, held, closed, counted) in any::<(bool, bool, bool, bool, bool)>(),
        available in 0..1_000_i64,
    ) {
        let facts = ListingFacts { switched_on, reopen, held, closed, counted, available };
        let shows = matches!(target(&facts, &rule), Target::Show(_));
        prop_assert_eq!(shows, (switched_on || reopen) && !held && counted);
    }

    #[test]
    fn a_bundle_takes_no_more_of_anything_than_there_is(
        components in prop::collection::vec((1..9_u32, 0..500_i64), 1..6)
    ) {
        let made = makeable(components.clone());
        prop_assert!(components.iter().all(|(units, available)| made * i64::from(*units) <= *available));
        prop_assert!(components.iter().any(|(units, available)| (made + 1) * i64::from(*units) > *available));
    }
}
