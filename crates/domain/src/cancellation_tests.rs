use super::*;
use crate::eligibility::Gate;
use crate::policy::{Evidence, Policy};
use crate::request::{AnswerTime, RejectReason, RequestPolicy, RequestRule, Silence};
use std::collections::HashSet;

fn policy() -> Policy {
    Policy {
        as_of: "2026-11-23".to_owned(),
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
        attention_after: Span::from_seconds(1800),
        sweep_every: Span::from_seconds(60),
        sweep_overlap: Span::from_seconds(300),
        list_window: Span::from_seconds(15 * 86_400),
        read_batch: 50,
        calls_in_flight: 32,
        calls_per_second: 0,
        budgets: Vec::new(),
        countries: Vec::new(),
        authorise_ahead: Span::from_seconds(7 * 86_400),
    }
}

fn at(seconds: i64) -> Moment {
    Moment::from_seconds(seconds)
}

fn alive(updated_at: i64) -> Event {
    Event::Read { view: View::Alive(Ok(())), updated_at: Some(at(updated_at)), goods: Goods::Free }
}

fn at_warehouse(updated_at: i64, goods: Goods) -> Event {
    Event::Read { view: View::Alive(Ok(())), updated_at: Some(at(updated_at)), goods }
}

fn shipped(updated_at: i64) -> Event {
    let blocked = Blocked { gate: Gate::PlatformStatus, detail: "shipped".to_owned() };
    Event::Read { view: View::Alive(Err(blocked)), updated_at: Some(at(updated_at)), goods: Goods::Free }
}

fn canceled(by: Initiator) -> Event {
    Event::Read { view: View::Canceled(Some(by)), updated_at: Some(at(50)), goods: Goods::Free }
}

fn rejected() -> Event {
    Event::Rejected { words: "Can not cancel this order".to_owned() }
}

/// Runs events, each at its second.
fn run(events: impl IntoIterator<Item = (i64, Event)>) -> (Cancellation, Effect) {
    let mut saga = Cancellation::requested(at(0));
    let mut effect = Effect::Read(at(0));
    for (second, event) in events {
        (saga, effect) = decide(saga, event, at(second), &policy());
    }
    (saga, effect)
}

#[test]
fn the_plain_course_is_read_send_read_done() {
    let (saga, effect) = run([(0, alive(1))]);
    assert_eq!((saga.state(), effect), (State::Submitting, Effect::Send));
    let (saga, effect) = run([(0, alive(1)), (1, Event::Accepted)]);
    assert_eq!((saga.state(), effect), (State::Confirming, Effect::Read(at(1))));
    let (saga, effect) = run([(0, alive(1)), (1, Event::Accepted), (2, canceled(Initiator::Seller))]);
    assert_eq!((saga.phase, effect), (Phase::Done(Some(Initiator::Seller)), Effect::End));
}

#[test]
fn already_cancelled_is_success_with_the_initiator_the_platform_names() {
    let (saga, _) = run([(0, canceled(Initiator::Buyer))]);
    assert_eq!(saga.phase, Phase::Done(Some(Initiator::Buyer)));
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (2, canceled(Initiator::Buyer))]);
    assert_eq!(saga.phase, Phase::Done(Some(Initiator::Buyer)));
}

#[test]
fn after_an_unknown_outcome_nothing_is_sent_before_the_settling_time_and_a_read() {
    let unknown = Event::Unknown { deadline: at(11) };
    let (_, effect) = run([(0, alive(1)), (1, unknown.clone())]);
    assert_eq!(effect, Effect::Read(at(1)), "asked at once");
    let (saga, effect) = run([(0, alive(1)), (1, unknown.clone()), (2, alive(1))]);
    assert_eq!(saga.state(), State::Confirming);
    assert!(matches!(effect, Effect::Read(_)), "not cancelled proves nothing yet");
    let (_, effect) = run([(0, alive(1)), (1, unknown.clone()), (20, alive(1))]);
    assert!(matches!(effect, Effect::Read(when) if when <= at(21)), "never later than the settling time");
    let (saga, effect) = run([(0, alive(1)), (1, unknown), (21, alive(1))]);
    assert_eq!((saga.attempts, effect), (2, Effect::Send));
}

#[test]
fn a_rejection_is_refused_only_when_a_trusted_read_agrees() {
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (1, alive(1))]);
    assert_eq!(saga.state(), State::Confirming, "a read from before the write proves nothing");
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (1, shipped(5))]);
    assert_eq!(saga.phase, Phase::Refused("Can not cancel this order".to_owned()), "the order moved on");
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (11, alive(1))]);
    assert_eq!(saga.state(), State::Refused, "settled");
}

#[test]
fn a_rejection_after_an_unknown_attempt_is_success_when_the_read_says_cancelled() {
    let (saga, _) = run([
        (0, alive(1)),
        (1, Event::Unknown { deadline: at(11) }),
        (21, alive(1)),
        (22, rejected()),
        (22, canceled(Initiator::Seller)),
    ]);
    assert_eq!(saga.phase, Phase::Done(Some(Initiator::Seller)));
}

#[test]
fn an_order_that_ships_first_refuses_the_cancel() {
    let (saga, _) = run([(0, shipped(1))]);
    assert_eq!(saga.phase, Phase::Refused("shipped".to_owned()));
    let (saga, _) = run([(0, alive(1)), (1, Event::Unknown { deadline: at(11) }), (2, shipped(5))]);
    assert_eq!(saga.state(), State::Confirming, "the unknown one may still have won");
    let (saga, _) = run([(0, alive(1)), (1, Event::Unknown { deadline: at(11) }), (21, shipped(5))]);
    assert_eq!(saga.state(), State::Refused);
}

#[test]
fn acceptance_is_never_left_backwards() {
    let (saga, effect) = run([(0, alive(1)), (1, Event::Accepted), (500, alive(1)), (600, shipped(9))]);
    assert_eq!(saga.state(), State::Confirming);
    assert!(matches!(effect, Effect::Read(_)));
    let (saga, _) = run([(0, alive(1)), (1, Event::Accepted), (2, rejected()), (60, alive(1))]);
    assert_eq!(saga.sent, Sent::Accepted);
}

#[test]
fn an_old_one_asks_for_a_person_and_goes_on_asking_the_platform() {
    let (saga, effect) = run([(0, alive(1)), (1, Event::Accepted), (1800, alive(1))]);
    assert_eq!(saga.state(), State::NeedsAttention);
    assert!(matches!(effect, Effect::Read(_)));
    let (saga, _) = run([(0, alive(1)), (1, Event::Accepted), (1800, alive(1)), (1900, canceled(Initiator::Seller))]);
    assert_eq!(saga.state(), State::Done);
    let (saga, _) =
        run([(0, alive(1)), (1, Event::Accepted), (1800, alive(1)), (1801, Event::Retry), (1802, alive(1))]);
    assert_eq!(saga.state(), State::Confirming, "its age counts anew");
}

#[test]
fn attention_comes_by_age_and_never_by_a_count_of_attempts() {
    let failures = (0..200).map(|_| (5, Event::ReadFailed { retry_after: Span::ZERO }));
    let (saga, _) = run(failures);
    assert_eq!(saga.state(), State::Requested);
}

#[test]
fn what_was_accepted_or_may_still_take_effect_is_not_taken_back() {
    let taken_back = || Event::TakenBack { words: "the batch was stopped".to_owned(), goods: Goods::Free };
    let (saga, effect) = run([(0, taken_back())]);
    assert_eq!((saga.phase, effect), (Phase::Refused("the batch was stopped".to_owned()), Effect::End));
    let unknown = Event::Unknown { deadline: at(11) };
    let (saga, _) = run([(0, alive(1)), (1, unknown.clone()), (2, taken_back())]);
    assert_eq!(saga.state(), State::Confirming, "it may have happened");
    let (saga, _) = run([(0, alive(1)), (1, unknown), (21, taken_back())]);
    assert_eq!(saga.state(), State::Refused, "settled, and the read before found it alive");
    let (saga, _) = run([(0, alive(1)), (1, Event::Accepted), (2, taken_back())]);
    assert_eq!(saga.state(), State::Confirming);
}

#[test]
fn not_now_reads_again_before_it_sends() {
    let (_, effect) = run([(0, alive(1)), (1, Event::NotNow { retry_after: Span::from_seconds(7) })]);
    assert_eq!(effect, Effect::Read(at(8)));
}

#[test]
fn a_later_contradiction_turns_refused_into_done() {
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (11, alive(1)), (60, canceled(Initiator::Seller))]);
    assert_eq!(saga.state(), State::Done);
    let (saga, _) = run([(0, alive(1)), (1, rejected()), (11, alive(1)), (60, canceled(Initiator::Buyer))]);
    assert_eq!(saga.state(), State::Refused, "a cancel by the buyer later on is not ours");
}

#[test]
fn the_goods_come_back_before_the_platform_is_told() {
    let (saga, effect) = run([(0, at_warehouse(1, Goods::There))]);
    assert_eq!((saga.state(), saga.attempts), (State::Withdrawing, 0));
    assert!(matches!(effect, Effect::Withdraw(when) if when > at(0)), "{effect:?}");
    let asked = [(0, at_warehouse(1, Goods::There)), (5, at_warehouse(1, Goods::Asked))];
    let (saga, _) = run(asked.clone());
    assert_eq!(saga.state(), State::Withdrawing);
    let (saga, effect) = run(asked.into_iter().chain([(6, at_warehouse(1, Goods::HandedBack))]));
    assert_eq!((saga.state(), effect), (State::Submitting, Effect::Send));
}

#[test]
fn a_warehouse_that_keeps_the_goods_ends_the_cancel_with_nothing_sent() {
    for (goods, word) in [(Goods::KeptPicked, "picked"), (Goods::KeptShipped, "shipped")] {
        let (saga, effect) = run([(0, at_warehouse(1, Goods::There)), (5, at_warehouse(1, goods))]);
        assert_eq!((saga.state(), saga.attempts, effect), (State::Refused, 0, Effect::End));
        let Phase::Refused(words) = saga.phase else { panic!("{saga:?}") };
        assert!(words.contains(word), "{words}");
    }
}

#[test]
fn a_refusal_after_a_withdrawal_ends_once_the_warehouse_has_the_goods_again() {
    let refused = |goods| {
        let blocked = Blocked { gate: Gate::PlatformStatus, detail: "shipped".to_owned() };
        Event::Read { view: View::Alive(Err(blocked)), updated_at: Some(at(9)), goods }
    };
    let restoring = || [(0, at_warehouse(1, Goods::HandedBack)), (1, rejected()), (2, refused(Goods::HandedBack))];
    let (saga, effect) = run(restoring());
    assert_eq!(saga.state(), State::Restoring);
    assert!(matches!(effect, Effect::Restore(_)), "{effect:?}");
    let (saga, _) = run(restoring().into_iter().chain([(9, refused(Goods::Asked))]));
    assert_eq!(saga.state(), State::Restoring);
    let (saga, effect) = run(restoring().into_iter().chain([(9, refused(Goods::There))]));
    assert_eq!((saga.phase, effect), (Phase::Refused("Can not cancel this order".to_owned()), Effect::End));
    let (saga, _) = run(restoring().into_iter().chain([(9, canceled(Initiator::Buyer))]));
    assert_eq!(saga.state(), State::Done, "cancelled after all");
}

#[test]
fn a_warehouse_s_time_is_not_the_platform_s() {
    let day = WAREHOUSE_ATTENTION_AFTER.seconds();
    let (saga, _) = run([(0, at_warehouse(1, Goods::There)), (1_900, at_warehouse(1, Goods::Asked))]);
    assert_eq!(saga.state(), State::Withdrawing);
    let (saga, _) = run([(0, at_warehouse(1, Goods::There)), (day, at_warehouse(1, Goods::Asked))]);
    assert_eq!(saga.state(), State::NeedsAttention);
    let (saga, effect) = run([
        (0, at_warehouse(1, Goods::There)),
        (day, at_warehouse(1, Goods::Asked)),
        (day + 1, at_warehouse(1, Goods::HandedBack)),
    ]);
    assert_eq!((saga.state(), effect), (State::Submitting, Effect::Send), "its age counts anew");
}

/// Every event in every reachable state to a fixed depth.
#[test]
fn no_course_of_events_breaks_the_promises() {
    let events = [
        alive(1),
        shipped(9),
        canceled(Initiator::Seller),
        Event::Read { view: View::Missing, updated_at: None, goods: Goods::Free },
        Event::ReadFailed { retry_after: Span::from_seconds(1) },
        Event::Accepted,
        rejected(),
        Event::Unknown { deadline: at(11) },
        Event::NotNow { retry_after: Span::from_seconds(1) },
        Event::Retry,
        Event::TakenBack { words: "stopped".to_owned(), goods: Goods::Free },
        at_warehouse(1, Goods::There),
        at_warehouse(1, Goods::Asked),
        at_warehouse(1, Goods::HandedBack),
        at_warehouse(1, Goods::KeptPicked),
        at_warehouse(1, Goods::KeptShipped),
        Event::TakenBack { words: "stopped".to_owned(), goods: Goods::HandedBack },
    ];
    let mut seen = HashSet::new();
    let mut states = vec![(Cancellation::requested(at(0)), Effect::Read(at(0)))];
    for depth in 0..6_i64 {
        let mut reached = Vec::new();
        for (saga, effect) in states {
            for (index, event) in events.iter().enumerate() {
                let answer = matches!(
                    event,
                    Event::Accepted | Event::Rejected { .. } | Event::Unknown { .. } | Event::NotNow { .. }
                );
                // The engine answers a send only after one, and reads only otherwise.
                if answer != (effect == Effect::Send) {
                    continue;
                }
                let now = at(depth * 15);
                let (next, then) = decide(saga.clone(), event.clone(), now, &policy());
                assert_eq!(then == Effect::End, next.state().is_final(), "{saga:?} {event:?}");
                if then == Effect::Send {
                    assert!(
                        matches!(event, Event::Read { view: View::Alive(Ok(())), .. }),
                        "sent without a read: {saga:?}"
                    );
                    assert!(
                        matches!(event, Event::Read { goods: Goods::Free | Goods::HandedBack, .. }),
                        "sent while a warehouse had the goods: {saga:?} {event:?}"
                    );
                    if let Sent::Unknown { settled_at } = saga.sent {
                        assert!(now >= settled_at, "sent again before it settled: {saga:?}");
                    }
                    assert_ne!(saga.sent, Sent::Accepted, "sent again after acceptance");
                }
                if let (Phase::Refused(_), Event::Read { goods, .. } | Event::TakenBack { goods, .. }) =
                    (&next.phase, event)
                {
                    assert!(
                        saga.state().is_final() || !matches!(goods, Goods::Asked | Goods::HandedBack),
                        "refused while the warehouse had nothing to ship: {saga:?} {event:?}"
                    );
                }
                if saga.sent == Sent::Accepted && !next.state().is_final() {
                    assert_eq!(next.sent, Sent::Accepted, "left acceptance backwards: {event:?}");
                }
                if let Effect::Read(when) | Effect::Withdraw(when) | Effect::Restore(when) = then {
                    assert!(
                        when >= now && when <= now.plus(Span::from_seconds(60)),
                        "asks within bounded time: {when:?}"
                    );
                }
                if seen.insert(format!("{depth}{index}{next:?}{then:?}")) {
                    reached.push((next, then));
                }
            }
        }
        states = reached;
    }
    assert!(seen.len() > 200, "the walk reached {} states", seen.len());
}

fn meant(id: &str, quantity: u32, canceled_before: u32) -> MeantLine {
    MeantLine { line: LineId::parse(id).expect("an id"), quantity, canceled_before, canceled: canceled_before }
}

fn seen(canceled: u32, by: Option<Initiator>) -> LineSeen {
    LineSeen { canceled, by }
}

#[test]
fn a_cancel_of_lines_is_done_when_all_of_them_are_cancelled_and_the_order_lives_on() {
    let (one, two) = (meant("1", 1, 0), meant("2", 1, 0));
    let view = |first: u32, second: u32| {
        let seller = Some(Initiator::Seller);
        View::Alive(Ok(())).of_lines([(&one, seen(first, seller)), (&two, seen(second, None))])
    };
    assert_eq!(view(0, 0), View::Alive(Ok(())));
    assert_eq!(view(1, 0), View::Alive(Ok(())), "one of two is not all");
    assert_eq!(view(1, 1), View::Canceled(Some(Initiator::Seller)));
}

#[test]
fn a_closed_gate_does_not_hide_that_the_lines_are_cancelled() {
    let line = meant("1", 1, 0);
    let closed = || View::Alive(Err(Blocked { gate: Gate::PlatformStatus, detail: "shipped".to_owned() }));
    assert_eq!(closed().of_lines([(&line, seen(1, Some(Initiator::Buyer)))]), View::Canceled(Some(Initiator::Buyer)));
    assert_eq!(closed().of_lines([(&line, seen(0, None))]), closed());
}

#[test]
fn an_order_that_is_cancelled_has_no_line_that_lives() {
    let line = meant("1", 1, 0);
    let canceled = View::Canceled(Some(Initiator::Platform));
    assert_eq!(canceled.clone().of_lines([(&line, seen(0, None))]), canceled);
    assert_eq!(View::Missing.of_lines([(&line, seen(1, None))]), View::Missing);
}

#[test]
fn a_line_stands_by_itself_whatever_becomes_of_the_others() {
    let mut line = meant("1", 2, 1);
    assert_eq!(line.state(State::Confirming), State::Confirming);
    line.canceled = 3;
    assert_eq!(line.state(State::NeedsAttention), State::Done);
    line.canceled = 2;
    assert_eq!(line.state(State::Refused), State::Refused, "half of it is not all");
}

proptest::proptest! {
    /// Units of a line are cancelled by us and by others, in any order, and attempts of ours take effect or not: what is
    /// sent is always what is missing, so that we never cancel more than was asked for.
    #[test]
    fn what_is_sent_is_what_is_missing(
        before in 0_u32..5, asked in 1_u32..5, others in 0_u32..4,
        effective in proptest::collection::vec(proptest::bool::ANY, 1..6),
    ) {
        let line = meant("1", asked, before);
        let mut canceled = before + others;
        let mut by_us = 0;
        for takes_effect in effective {
            let sent = line.left(canceled);
            if takes_effect {
                by_us += sent;
                canceled += sent;
            }
        }
        proptest::prop_assert!(by_us <= asked.saturating_sub(others), "{by_us} of {asked}, {others} by others");
        proptest::prop_assert!(line.left(canceled) == 0 || by_us == 0);
    }

    /// The same course of events ends the same way, whether the order or its only line is meant.
    #[test]
    fn a_cancel_of_all_lines_ends_as_a_cancel_of_the_order(canceled in 0_u32..3, quantity in 1_u32..3) {
        let line = meant("1", quantity, 0);
        let of_lines = View::Alive(Ok(())).of_lines([(&line, seen(canceled, Some(Initiator::Seller)))]);
        let of_order = if canceled >= quantity { View::Canceled(Some(Initiator::Seller)) } else { View::Alive(Ok(())) };
        proptest::prop_assert_eq!(of_lines, of_order);
    }
}
