//! The laws of a batch.

use super::*;
use crate::cancellation::State;
use proptest::prelude::*;

fn any_mark() -> impl Strategy<Value = Mark> {
    proptest::sample::select(Mark::ALL)
}

fn any_cancellation() -> impl Strategy<Value = Option<State>> {
    proptest::option::of(proptest::sample::select(State::ALL))
}

proptest! {
    #[test]
    fn the_numbers_add_up_to_the_total_whatever_became_of_each_order(orders in proptest::collection::vec((any_mark(), any_cancellation()), 0..500)) {
        let mut numbers = Numbers::default();
        for (mark, cancellation) in &orders {
            numbers.add(OrderState::of(*mark, *cancellation), 1);
        }
        prop_assert_eq!(numbers.total(), orders.len() as u64);
        let by_hand = numbers.waiting + numbers.running + numbers.done + numbers.refused + numbers.needs_attention + numbers.stopped;
        prop_assert_eq!(by_hand, numbers.total());
        prop_assert!(numbers.ended() <= numbers.total());
    }

    #[test]
    fn a_batch_is_finished_only_when_nothing_more_happens_to_any_order(orders in proptest::collection::vec((any_mark(), any_cancellation()), 0..20)) {
        let mut numbers = Numbers::default();
        for (mark, cancellation) in &orders {
            numbers.add(OrderState::of(*mark, *cancellation), 1);
        }
        let open = orders.iter().any(|(mark, cancellation)| {
            *mark == Mark::Waiting || (*mark == Mark::Asked && !cancellation.is_some_and(State::is_final))
        });
        prop_assert_eq!(BatchState::of(Course::Running, &numbers) == BatchState::Finished, !open);
    }
}

#[test]
fn every_act_has_an_answer_in_every_course() {
    use Course::*;
    let table = [
        (Planned, [Some(Running), None, None, None, None]),
        (Running, [None, Some(Paused), Some(Running), Some(Stopped), Some(Running)]),
        (Paused, [None, Some(Paused), Some(Running), Some(Stopped), Some(Paused)]),
        (Stopped, [None, None, None, Some(Stopped), Some(Running)]),
    ];
    assert_eq!(table.len(), Course::ALL.len());
    for (course, after) in table {
        for (act, after) in Act::ALL.iter().zip(after) {
            assert_eq!(course.after(*act).ok(), after, "{course} {act}");
        }
    }
    let refused = Stopped.after(Act::Resume).expect_err("it was stopped");
    assert_eq!(refused.to_string(), "this batch is stopped, so it cannot be asked to resume");
}

#[test]
fn a_cancellation_speaks_for_its_order_only_once_it_was_asked_for() {
    assert_eq!(OrderState::of(Mark::Asked, Some(State::Confirming)), OrderState::Running);
    assert_eq!(OrderState::of(Mark::Asked, Some(State::NeedsAttention)), OrderState::NeedsAttention);
    assert_eq!(OrderState::of(Mark::Stopped, Some(State::Refused)), OrderState::Stopped);
    assert_eq!(OrderState::of(Mark::Waiting, Some(State::Refused)), OrderState::Waiting);
}
