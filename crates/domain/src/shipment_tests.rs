//! Every event in every reachable state, to a fixed depth, and the promises by name.

use super::*;
use crate::policy::Evidence;
use crate::request::{AnswerTime, RejectReason, RequestPolicy, RequestRule, Silence};
use std::collections::HashSet;

const NOW: Moment = Moment::from_seconds(1_000);

fn policy() -> Policy {
    Policy {
        as_of: "2026-11-25".to_owned(),
        statuses: Vec::new(),
        package_statuses: Vec::new(),
        reasons: Vec::new(),
        requests: RequestPolicy {
            usual: RequestRule {
                regions: Vec::new(),
                answer_within: AnswerTime::After(Span::from_seconds(86_400)),
                on_silence: Silence::Agreed,
                reject_reason: RejectReason::None,
                evidence: Evidence { certainty: "I".to_owned(), source: "test".to_owned() },
            },
            markets: Vec::new(),
            reject_reasons: Vec::new(),
        },
        cancellation_rates: Vec::new(),
        shipping: crate::policy::ShippingRule::default(),
        seller_cancel: true,
        partial_cancel: crate::policy::MarketSwitch::default(),
        siblings: Vec::new(),
        cancel_stock: Vec::new(),
        cancel_from: Vec::new(),
        call_timeout: Span::from_seconds(10),
        settling: Span::from_seconds(10),
        attention_after: Span::from_seconds(1_800),
        sweep_every: Span::from_seconds(60),
        sweep_overlap: Span::from_seconds(300),
        list_window: Span::from_seconds(86_400),
        read_batch: 50,
        calls_in_flight: 32,
        calls_per_second: 0,
        budgets: Vec::new(),
        countries: Vec::new(),
        authorise_ahead: Span::from_seconds(86_400),
    }
}

fn left(part: &str) -> View {
    View::Left { part: part.to_owned() }
}

fn read(view: View, updated: i64) -> Event {
    Event::Read { view, updated_at: Some(Moment::from_seconds(updated)) }
}

fn events() -> Vec<Event> {
    vec![
        read(View::Nothing, 10),
        read(left("a"), 10),
        read(left("b"), 20),
        read(View::Closed("A cancel is under way.".to_owned()), 10),
        Event::Read { view: View::Missing, updated_at: None },
        Event::ReadFailed { retry_after: Span::from_seconds(1) },
        Event::Accepted,
        Event::Rejected { words: "No.".to_owned() },
        Event::Unknown { deadline: NOW.plus(Span::from_seconds(5)) },
        Event::NotNow { retry_after: Span::from_seconds(2) },
    ]
}

fn after(events: impl IntoIterator<Item = Event>) -> (Shipment, Effect) {
    let start = (Shipment::requested(NOW), Effect::Read(NOW));
    events.into_iter().fold(start, |(saga, _), event| decide(saga, event, NOW, &policy()))
}

#[test]
fn every_event_in_every_state_has_an_answer_and_no_dead_end() {
    let mut states = vec![Shipment::requested(NOW)];
    let mut seen = HashSet::new();
    for depth in 0..5 {
        let now = NOW.plus(Span::from_seconds(depth * 7));
        let mut next = Vec::new();
        for state in states {
            for event in events() {
                let (after, effect) = decide(state.clone(), event.clone(), now, &policy());
                let ended = after.state().is_final();
                assert_eq!(ended, effect == Effect::End, "{state:?} {event:?}");
                if let Effect::Read(at) = effect {
                    assert!(at >= now, "{state:?} {event:?}");
                }
                // Only a read sends, and only one that says what is left.
                if effect == Effect::Send {
                    assert!(matches!(event, Event::Read { view: View::Left { .. }, .. }), "{state:?} {event:?}");
                    assert!(!matches!(state.sent, Sent::Rejected { .. }), "{state:?} {event:?}");
                    let accepted = matches!(state.sent, Sent::Accepted { .. });
                    assert!(!accepted || after.part != state.part, "{state:?} {event:?}");
                }
                // From anywhere, the platform's word that nothing is left ends it well.
                if !ended {
                    let (done, _) = decide(after.clone(), read(View::Nothing, 99), now, &policy());
                    assert_eq!(done.state(), State::Done, "{after:?}");
                    if seen.insert(format!("{after:?}")) {
                        next.push(after);
                    }
                }
            }
        }
        states = next;
    }
}

#[test]
fn nothing_is_sent_again_before_an_unknown_outcome_has_settled() {
    let unknown = Event::Unknown { deadline: NOW.plus(Span::from_seconds(5)) };
    let (saga, _) = after([read(left("a"), 1), unknown]);
    let (saga, effect) = decide(saga, read(left("a"), 1), NOW.plus(Span::from_seconds(14)), &policy());
    assert!(matches!(effect, Effect::Read(_)), "{effect:?}");
    let (saga, effect) = decide(saga, read(left("a"), 1), NOW.plus(Span::from_seconds(15)), &policy());
    assert_eq!((effect, saga.attempts), (Effect::Send, 2));
}

#[test]
fn a_closed_door_ends_it_only_once_what_was_sent_has_settled() {
    let closed = || read(View::Closed("The buyer asks to cancel.".to_owned()), 1);
    let (saga, effect) = after([closed()]);
    assert_eq!((saga.state(), effect), (State::Failed, Effect::End));
    let unknown = Event::Unknown { deadline: NOW };
    let (saga, effect) = after([read(left("a"), 1), unknown, closed()]);
    assert!(!saga.state().is_final() && matches!(effect, Effect::Read(_)));
    let (saga, _) = decide(saga, closed(), NOW.plus(Span::from_seconds(10)), &policy());
    assert_eq!(saga.phase, Phase::Failed("The buyer asks to cancel.".to_owned()));
}

#[test]
fn an_accepted_part_is_never_sent_twice_and_the_next_one_goes() {
    let (saga, _) = after([read(left("a"), 1), Event::Accepted]);
    let later = NOW.plus(Span::from_seconds(60));
    let (same, effect) = decide(saga.clone(), read(left("a"), 5), later, &policy());
    assert!(matches!(effect, Effect::Read(_)) && same.attempts == 1);
    let (next, effect) = decide(saga, read(left("b"), 5), NOW, &policy());
    assert_eq!((effect, next.part.as_deref(), next.attempts), (Effect::Send, Some("b"), 2));
}

#[test]
fn a_rejection_fails_with_the_platform_s_words_once_a_read_agrees() {
    let rejected = || Event::Rejected { words: "No pickup address.".to_owned() };
    let (saga, effect) = after([read(left("a"), 1), rejected(), read(left("a"), 1)]);
    assert!(matches!(effect, Effect::Read(_)) && !saga.state().is_final());
    let (saga, _) = after([read(left("a"), 1), rejected(), read(left("a"), 2)]);
    assert_eq!(saga.phase, Phase::Failed("No pickup address.".to_owned()));
    // Rejected because it had happened already: that is a success.
    let (saga, _) = after([read(left("a"), 1), rejected(), read(View::Nothing, 1)]);
    assert_eq!(saga.state(), State::Done);
}

#[test]
fn one_that_grows_old_asks_for_a_person_and_goes_on_asking() {
    let old = NOW.plus(Span::from_seconds(1_800));
    let failed = Event::ReadFailed { retry_after: Span::ZERO };
    let (saga, effect) = decide(Shipment::requested(NOW), failed, old, &policy());
    assert_eq!(saga.state(), State::NeedsAttention);
    assert!(matches!(effect, Effect::Read(_)));
}

#[test]
fn every_door_is_judged_and_only_one_standing_opens_each() {
    let facts = |standing| Facts { standing, fulfilled_by: FulfilledBy::Seller, cancelling: false, voided: false };
    for &standing in Standing::ALL {
        for &act in Act::ALL {
            let opens = match act {
                Act::Pack => standing == Standing::ToPack,
                Act::ReadyToShip | Act::Repack => standing == Standing::Arranged,
            };
            assert_eq!(door(act, facts(standing)) == Door::Open, opens, "{act} {standing}");
            let closed = |facts| matches!(door(act, facts), Door::Closed(_));
            if opens {
                assert!(closed(Facts { cancelling: true, ..facts(standing) }), "{act} {standing} while cancelling");
                assert!(closed(Facts { voided: true, ..facts(standing) }), "{act} {standing} set aside");
            }
            assert!(closed(Facts { fulfilled_by: FulfilledBy::Platform, ..facts(standing) }), "{act} {standing}");
        }
    }
}
