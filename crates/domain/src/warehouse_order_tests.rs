use super::*;
use std::collections::HashSet;

const RULES: Rules = Rules {
    settling: Span::from_seconds(15),
    contradicted_for: Span::from_seconds(60),
    absent_reads: 3,
    absent_for: Span::from_seconds(600),
    asked_again_after: Span::from_seconds(86_400),
    takes_picked_back: false,
};

fn at(seconds: i64) -> Moment {
    Moment::from_seconds(seconds)
}

/// Lets things happen, each at its second; an intent is noted before every answer.
fn run(events: &[(i64, Learnt)]) -> (WarehouseOrder, Next, Effect) {
    let mut last = (WarehouseOrder::new(), Next::Push, Effect::Nothing);
    for (second, learnt) in events {
        let asking = last.1 == Next::Ask;
        let order = if matches!(last.1, Next::Ask | Next::Push) && is_answer(*learnt) {
            last.0.sending(asking, at(second + 10), at(*second))
        } else {
            last.0
        };
        last = decide(order, *learnt, at(*second), &RULES);
    }
    last
}

fn is_answer(learnt: Learnt) -> bool {
    use Learnt::{
        AskUnknown, Failed, NotNow, NotStopped, PushRefused, PushUnknown, Pushed, Stopped, TooLatePicked,
        TooLateShipped, Trying,
    };
    matches!(
        learnt,
        Pushed
            | PushRefused
            | PushUnknown(_)
            | Stopped
            | Trying
            | NotStopped
            | Failed
            | TooLatePicked
            | TooLateShipped
            | AskUnknown(_)
            | NotNow(_)
    )
}

/// Pushed, seen there, wanted, and seen once more: it is to be asked for now.
const ASKED: [(i64, Learnt); 4] =
    [(0, Learnt::Pushed), (1, Learnt::Seen(Phase::Open)), (2, Learnt::Wanted), (3, Learnt::Seen(Phase::Open))];

fn asked_and(more: &[(i64, Learnt)]) -> (WarehouseOrder, Next, Effect) {
    run(&[&ASKED[..], more].concat())
}

#[test]
fn it_is_read_before_it_is_asked_for_and_asked_for_once() {
    let (order, next, _) = run(&ASKED[..3]);
    assert_eq!((order.state, next), (State::Withdrawing, Next::Read(at(2))));
    assert_eq!(run(&ASKED).1, Next::Ask);
    let (_, next, _) = asked_and(&[(4, Learnt::Trying)]);
    assert!(matches!(next, Next::Read(_)), "{next:?}");
    let (_, next, _) = asked_and(&[(4, Learnt::Trying), (9, Learnt::Seen(Phase::Open)), (10, Learnt::Wanted)]);
    assert!(matches!(next, Next::Read(_)), "a second wish sends nothing: {next:?}");
}

#[test]
fn withdrawn_counts_once_a_read_agrees() {
    let (order, next, effect) = asked_and(&[(4, Learnt::Stopped)]);
    assert_eq!((order.goods(), effect), (Goods::Asked, Effect::Confirm));
    assert_eq!(next, Next::Read(at(4)));
    let (order, next, _) = asked_and(&[(4, Learnt::Stopped), (5, Learnt::Seen(Phase::Cancelled))]);
    assert_eq!((order.goods(), next), (Goods::HandedBack, Next::Rest));
}

#[test]
fn a_read_that_contradicts_is_believed_after_the_grace_only() {
    let stale = [(4, Learnt::Stopped), (5, Learnt::Seen(Phase::Open))];
    let (order, ..) = asked_and(&stale);
    assert_eq!((order.state, order.goods()), (State::Withdrawn, Goods::Asked), "a stale read straight after is normal");
    let (order, ..) = asked_and(&[&stale[..], &[(30, Learnt::Seen(Phase::Cancelled))]].concat());
    assert_eq!(order.goods(), Goods::HandedBack);
    let (order, next, effect) = asked_and(&[&stale[..], &[(66, Learnt::Seen(Phase::Picked))]].concat());
    assert_eq!((order.state, next, effect), (State::Withdrawing, Next::Ask, Effect::Alert), "only a flag, or undone");
    let (order, _, effect) = asked_and(&[&stale[..], &[(6, Learnt::Seen(Phase::Shipped))]].concat());
    assert_eq!((order.goods(), effect), (Goods::KeptShipped, Effect::Incident), "what left is believed at once");
}

#[test]
fn a_refusal_without_a_cause_is_judged_by_a_read_and_tried_once_more_where_it_lies_untouched() {
    let (order, next, _) = asked_and(&[(4, Learnt::NotStopped)]);
    assert_eq!((order.state, next), (State::Withdrawing, Next::Read(at(4))));
    let picked = asked_and(&[(4, Learnt::NotStopped), (5, Learnt::Seen(Phase::Packed))]).0;
    assert_eq!(picked.goods(), Goods::KeptPicked);
    let shipped = asked_and(&[(4, Learnt::NotStopped), (5, Learnt::Seen(Phase::Shipped))]).0;
    assert_eq!(shipped.goods(), Goods::KeptShipped);
    let stopped = asked_and(&[(4, Learnt::NotStopped), (5, Learnt::Seen(Phase::Cancelled))]).0;
    assert_eq!(stopped.goods(), Goods::HandedBack);
    let untouched = [(4, Learnt::NotStopped), (5, Learnt::Seen(Phase::Open))];
    assert_eq!(asked_and(&untouched).1, Next::Ask, "once more");
    let (order, next, _) =
        asked_and(&[&untouched[..], &[(6, Learnt::NotStopped), (7, Learnt::Seen(Phase::Open))]].concat());
    assert_eq!(order.goods(), Goods::KeptPicked, "refused twice: a pick that the status does not show");
    assert!(matches!(next, Next::Read(_)), "it may still turn");
}

#[test]
fn an_asking_that_failed_is_judged_by_a_read_and_not_repeated() {
    let (order, next, _) = asked_and(&[(4, Learnt::Failed)]);
    assert_eq!((order.state, next), (State::Withdrawing, Next::Read(at(4))));
    let (order, next, _) = asked_and(&[(4, Learnt::Failed), (5, Learnt::Seen(Phase::Open))]);
    assert_eq!(order.goods(), Goods::KeptPicked, "its statuses do not tell what is picked");
    assert!(matches!(next, Next::Read(_)), "it may still turn: {next:?}");
    let shipped = asked_and(&[(4, Learnt::Failed), (5, Learnt::Seen(Phase::Shipped))]).0;
    assert_eq!(shipped.goods(), Goods::KeptShipped);
}

#[test]
fn what_is_said_to_have_left_is_read_for_its_parcels() {
    let (order, next, _) = asked_and(&[(4, Learnt::TooLateShipped)]);
    assert_eq!((order.goods(), next), (Goods::KeptShipped, Next::Read(at(4))));
    let (order, next, _) = asked_and(&[(4, Learnt::TooLateShipped), (5, Learnt::Seen(Phase::Shipped))]);
    assert_eq!((order.confirmed, next), (true, Next::Rest));
}

#[test]
fn a_refusal_that_a_read_tells_answers_an_asking_that_was_taken() {
    assert!(!run(&ASKED).0.awaits_last_word(at(4)), "it is asked for next");
    let (order, ..) = asked_and(&[(4, Learnt::Trying)]);
    assert!(order.awaits_last_word(at(5)));
    let (order, ..) = asked_and(&[(4, Learnt::AskUnknown(at(14)))]);
    assert!(!order.awaits_last_word(at(5)), "an old refusal; the asking may still arrive");
    assert!(order.awaits_last_word(at(60)));
    let (order, ..) = asked_and(&[(4, Learnt::Trying), (9, Learnt::NotStopped)]);
    assert!(!order.awaits_last_word(at(9)), "a refusal is judged once");
}

#[test]
fn an_unknown_asking_is_read_first_and_sent_again_only_after_it_has_settled() {
    let unknown = (4, Learnt::AskUnknown(at(14)));
    let (order, next, _) = asked_and(&[unknown]);
    assert_eq!((order.goods(), next), (Goods::Asked, Next::Read(at(4))));
    let (_, next, _) = asked_and(&[unknown, (20, Learnt::Seen(Phase::Open))]);
    assert!(matches!(next, Next::Read(when) if when <= at(29)), "it may still take effect: {next:?}");
    assert_eq!(asked_and(&[unknown, (29, Learnt::Seen(Phase::Open))]).1, Next::Ask);
    assert_eq!(asked_and(&[unknown, (5, Learnt::Seen(Phase::Cancelled))]).0.goods(), Goods::HandedBack);
    assert_eq!(asked_and(&[unknown, (29, Learnt::Seen(Phase::Picked))]).0.goods(), Goods::KeptPicked);
}

#[test]
fn what_has_no_last_word_for_a_day_is_asked_for_again_and_never_assumed() {
    let pending = [(4, Learnt::Trying), (3_600, Learnt::Seen(Phase::Open))];
    assert!(matches!(asked_and(&pending).1, Next::Read(_)));
    let (order, next, _) = asked_and(&[&pending[..], &[(86_500, Learnt::Seen(Phase::Open))]].concat());
    assert_eq!((order.goods(), next), (Goods::Asked, Next::Ask));
}

#[test]
fn a_word_that_decides_nothing_keeps_nobody_from_asking_and_counts_as_no_word() {
    let undecided = Learnt::Seen(Phase::Undecided);
    assert_eq!(run(&[ASKED[0], ASKED[1], ASKED[2], (3, undecided)]).1, Next::Ask);
    let refused = [(4, Learnt::NotStopped), (5, undecided), (3_600, undecided)];
    let (order, next, _) = asked_and(&refused);
    assert_eq!(order.goods(), Goods::Asked);
    assert!(matches!(next, Next::Read(_)), "{next:?}");
    assert_eq!(asked_and(&[&refused[..], &[(86_500, undecided)]].concat()).1, Next::Ask);
}

#[test]
fn a_push_without_an_answer_is_looked_up_and_absent_only_after_reads_over_the_grace() {
    let unknown = (0, Learnt::PushUnknown(at(10)));
    assert_eq!(run(&[unknown, (1, Learnt::Seen(Phase::Open))]).0.state, State::Pushed);
    let early = [unknown, (1, Learnt::Absent), (30, Learnt::Absent), (31, Learnt::Absent), (32, Learnt::Absent)];
    let (order, next, _) = run(&early);
    assert_eq!(order.state, State::Unknown);
    assert!(matches!(next, Next::Read(_)));
    let (order, next, effect) = run(&[&early[..], &[(640, Learnt::Absent)]].concat());
    assert_eq!((order.state, next, effect), (State::NotPushed, Next::Push, Effect::PushAgain));
    let wanted = [unknown, (1, Learnt::Wanted), (30, Learnt::Absent), (330, Learnt::Absent), (640, Learnt::Absent)];
    assert_eq!(run(&wanted).0.goods(), Goods::HandedBack);
}

#[test]
fn a_refused_push_is_there_all_the_same_where_its_reference_is_found() {
    let refused = (0, Learnt::PushRefused);
    assert_eq!(run(&[refused, (1, Learnt::Seen(Phase::Open))]).0.state, State::Pushed);
    let (order, next, effect) = run(&[refused, (1, Learnt::Absent)]);
    assert_eq!((order.state, next, effect), (State::NotPushed, Next::Rest, Effect::Alert));
}

#[test]
fn a_wish_before_the_push_blocks_it_and_one_during_it_is_carried_out_after_it() {
    let (order, next, _) = run(&[(0, Learnt::Wanted)]);
    assert_eq!((order.goods(), next), (Goods::HandedBack, Next::Rest));
    let sending = WarehouseOrder::new().sending(false, at(10), at(0));
    let (order, ..) = decide(sending, Learnt::Wanted, at(1), &RULES);
    assert_eq!(order.goods(), Goods::Asked, "the push is on its way");
    let (order, next, _) = decide(order, Learnt::Pushed, at(2), &RULES);
    assert_eq!((order.state, next), (State::Withdrawing, Next::Read(at(2))));
    assert_eq!(decide(order, Learnt::Seen(Phase::Open), at(3), &RULES).1, Next::Ask);
}

#[test]
fn an_id_that_the_warehouse_does_not_find_means_a_wrong_account_and_nothing_of_the_goods() {
    let (order, next, effect) = asked_and(&[(4, Learnt::Trying), (10, Learnt::Absent)]);
    assert_eq!((order.state, effect), (State::Withdrawing, Effect::Alert));
    assert!(matches!(next, Next::Read(_)));
}

#[test]
fn since_when_one_is_not_found_that_ought_to_be_there_is_kept_until_it_is_seen_or_stands_otherwise() {
    let there = [(0, Learnt::Pushed), (1, Learnt::Seen(Phase::Open))];
    let missed = [&there[..], &[(900, Learnt::Absent), (1_800, Learnt::Absent)]].concat();
    assert_eq!(run(&missed).0.absent_since, Some(at(900)));
    assert_eq!(run(&[&missed[..], &[(2_700, Learnt::Seen(Phase::Open))]].concat()).0.absent_since, None);
    assert_eq!(run(&[&missed[..], &[(2_700, Learnt::Wanted)]].concat()).0.absent_since, None);
}

#[test]
fn a_person_may_ask_once_more_for_what_was_refused_as_picked() {
    let refused = [(4, Learnt::TooLatePicked), (5, Learnt::Seen(Phase::Picked))];
    assert_eq!(
        asked_and(&[&refused[..], &[(6, Learnt::Wanted), (7, Learnt::Seen(Phase::Picked))]].concat()).0.goods(),
        Goods::KeptPicked
    );
    let again = [&refused[..], &[(6, Learnt::AskAgain), (7, Learnt::Seen(Phase::Picked))]].concat();
    assert_eq!(asked_and(&again).1, Next::Ask);
}

/// Everything that may be learnt in every reachable state, to a fixed depth: an asking follows a read only, nothing is asked
/// for that nobody wants, and what left never comes back.
#[test]
fn no_course_of_events_breaks_the_promises() {
    let all = [
        Learnt::Pushed,
        Learnt::PushRefused,
        Learnt::PushUnknown(at(5)),
        Learnt::Wanted,
        Learnt::Stopped,
        Learnt::Trying,
        Learnt::NotStopped,
        Learnt::Failed,
        Learnt::TooLatePicked,
        Learnt::TooLateShipped,
        Learnt::AskUnknown(at(5)),
        Learnt::Seen(Phase::Open),
        Learnt::Seen(Phase::Picked),
        Learnt::Seen(Phase::Shipped),
        Learnt::Seen(Phase::Cancelled),
        Learnt::Seen(Phase::Undecided),
        Learnt::Absent,
        Learnt::ReadFailed(Span::from_seconds(1)),
        Learnt::NotNow(Span::from_seconds(1)),
        Learnt::AskAgain,
        Learnt::Deadline,
    ];
    let mut known = HashSet::new();
    let mut states = vec![(WarehouseOrder::new(), Next::Push)];
    for depth in 0..5_i64 {
        let mut reached = Vec::new();
        for (order, next) in states {
            for learnt in all.into_iter().filter(|learnt| fits(*learnt, next)) {
                let now = at(depth * 40);
                let order = match (next, is_answer(learnt)) {
                    (Next::Push | Next::Ask, true) => {
                        order.clone().sending(next == Next::Ask, now.plus(Span::from_seconds(5)), now)
                    }
                    _ => order.clone(),
                };
                let (after, then, _) = decide(order.clone(), learnt, now, &RULES);
                if then == Next::Ask {
                    assert!(matches!(learnt, Learnt::Seen(_)), "asked without a read: {order:?} {learnt:?}");
                    assert!(after.wanted || order.state == State::Withdrawn, "asked for what nobody wants: {order:?}");
                }
                if order.state == State::RefusedShipped {
                    assert_eq!(after.state, State::RefusedShipped, "{learnt:?}");
                }
                if after.is_handed_back() && !order.is_handed_back() {
                    let proof = matches!(learnt, Learnt::Seen(Phase::Cancelled) | Learnt::Absent);
                    let never_sent = order.state == State::NotPushed && order.in_doubt_until.is_none();
                    assert!(proof || never_sent, "handed back without a read: {order:?} {learnt:?}");
                }
                if known.insert(format!("{depth}{after:?}{then:?}")) {
                    reached.push((after, then));
                }
            }
        }
        states = reached;
    }
    assert!(known.len() > 500, "the walk reached {} states", known.len());
}

/// The engine answers a push after a push and an asking after an asking; the rest may come at any time.
fn fits(learnt: Learnt, next: Next) -> bool {
    match learnt {
        Learnt::Pushed | Learnt::PushRefused | Learnt::PushUnknown(_) => next == Next::Push,
        Learnt::Stopped
        | Learnt::Trying
        | Learnt::NotStopped
        | Learnt::Failed
        | Learnt::TooLatePicked
        | Learnt::TooLateShipped
        | Learnt::AskUnknown(_) => next == Next::Ask,
        Learnt::NotNow(_) => matches!(next, Next::Push | Next::Ask),
        _ => true,
    }
}

#[test]
fn goods_at_several_warehouses_are_handed_back_once_all_are() {
    use Goods::{Asked, Free, HandedBack, KeptPicked, KeptShipped, There};
    for (lines, whole) in [
        (&[HandedBack, Asked][..], Asked),
        (&[HandedBack, KeptPicked], KeptPicked),
        (&[KeptPicked, KeptShipped, There], KeptShipped),
        (&[HandedBack, There], There),
        (&[HandedBack, HandedBack], HandedBack),
        (&[Free, HandedBack], HandedBack),
        (&[Free, Free], Free),
    ] {
        assert_eq!(Goods::fold(lines.iter().copied()), Some(whole), "{lines:?}");
    }
    assert_eq!(Goods::fold(std::iter::empty()), None);
}

/// The fold of phases is the fold of the states that they mean.
#[test]
fn several_shipments_fold_as_their_states_do() {
    use crate::withdrawal::fold;
    let state = |phase| match phase {
        Phase::Undecided => State::Unknown,
        Phase::Open => State::Pushed,
        Phase::Shipped => State::RefusedShipped,
        Phase::Picked => State::RefusedPicked,
        Phase::Packed | Phase::Cancelled => State::Withdrawn,
    };
    let phases = [Phase::Undecided, Phase::Open, Phase::Shipped, Phase::Picked, Phase::Cancelled];
    for one in phases {
        for two in phases {
            let (phase, differ) = Phase::fold(&[one, two]).expect("two shipments");
            let folded = fold(&[state(one), state(two)]).expect("two shipments");
            assert_eq!((state(phase), differ), (folded.state, folded.partial), "{one} {two}");
        }
    }
    assert_eq!(Phase::fold(&[]), None);
}
