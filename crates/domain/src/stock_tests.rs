use super::*;
use proptest::prelude::*;

const FACTS: LineFacts = LineFacts {
    standing: Standing::ToPack,
    stage: Stage::Untouched,
    ordered: 3,
    cancelled: 0,
    voided: false,
    scanned_out: false,
    goods: GoodsEffect::ComeBack,
    goes_to: GoesTo::Available,
    available: 100,
    left_before_counting: false,
};

/// Where `product.md` section 5 sends units that are cancelled at this stage.
fn usual(stage: Stage) -> GoesTo {
    if stage == Stage::Untouched { GoesTo::Available } else { GoesTo::Returning }
}

fn moves(settled: &Settled) -> Vec<(Bucket, Bucket, u32)> {
    settled.steps.iter().map(|step| (step.from, step.to, step.units)).collect()
}

fn allocated() -> LineStock {
    settle(&LineStock::default(), &FACTS).after
}

#[test]
fn an_order_that_may_be_processed_is_allocated_once() {
    let first = settle(&LineStock::default(), &FACTS);
    assert_eq!(moves(&first), [(Bucket::Available, Bucket::Allocated, 3)]);
    assert_eq!(moves(&settle(&first.after, &FACTS)), []);
}

#[test]
fn an_unpaid_order_reserves_and_its_payment_allocates_the_same_units() {
    let unpaid = settle(&LineStock::default(), &LineFacts { standing: Standing::Unpaid, ..FACTS });
    assert_eq!(moves(&unpaid), [(Bucket::Available, Bucket::Reserved, 3)]);
    assert_eq!(moves(&settle(&unpaid.after, &FACTS)), [(Bucket::Reserved, Bucket::Allocated, 3)]);
}

#[test]
fn too_few_units_allocate_nothing_and_say_so() {
    let settled = settle(&LineStock::default(), &LineFacts { available: 2, ..FACTS });
    assert!(settled.short && settled.steps.is_empty());
}

#[test]
fn an_order_that_is_first_seen_while_its_buyer_asks_keeps_its_units_until_that_is_answered() {
    let asked = LineFacts { standing: Standing::CancelRequested, ..FACTS };
    let first = settle(&LineStock::default(), &asked);
    assert_eq!(moves(&first), [(Bucket::Available, Bucket::Allocated, 3)]);
    assert_eq!(moves(&settle(&first.after, &asked)), []);
    let handed_over = LineFacts { stage: Stage::HandedOver, ..asked };
    assert_eq!(moves(&settle(&LineStock::default(), &handed_over)), []);
    let voided = settle(&allocated(), &LineFacts { voided: true, ..FACTS }).after;
    assert_eq!(moves(&settle(&voided, &LineFacts { voided: true, ..asked })), [], "what was set aside stays so");
}

#[test]
fn what_a_cancel_does_depends_on_the_stage() {
    let cancel = |stage, goods| {
        let goes_to = usual(stage);
        let facts = LineFacts { standing: Standing::Canceled, cancelled: 3, stage, goods, goes_to, ..FACTS };
        moves(&settle(&allocated(), &facts))
    };
    for (stage, to) in [
        (Stage::Untouched, Bucket::Available),
        (Stage::Printed, Bucket::Returning),
        (Stage::Packed, Bucket::Returning),
        (Stage::HandedOver, Bucket::Returning),
    ] {
        assert_eq!(cancel(stage, GoodsEffect::ComeBack), [(Bucket::Allocated, to, 3)], "{stage}");
    }
    for stage in [Stage::Untouched, Stage::Printed, Stage::Packed] {
        assert_eq!(cancel(stage, GoodsEffect::CountNeeded), [(Bucket::Allocated, Bucket::CountNeeded, 3)], "{stage}");
    }
    assert_eq!(cancel(Stage::HandedOver, GoodsEffect::CountNeeded), [(Bucket::Allocated, Bucket::Returning, 3)]);
}

#[test]
fn every_place_that_a_rule_names_is_reached_from_every_bucket_and_none_sells_what_left() {
    let holding = |stage: Stage| {
        let all = LineStock { reserved: 0, allocated: 1, outbound: 1, outside: 1, ..LineStock::default() };
        if stage < Stage::HandedOver { LineStock { outbound: 0, outside: 0, allocated: 3, ..all } } else { all }
    };
    for &stage in Stage::ALL {
        for &goes_to in GoesTo::ALL {
            for &goods in GoodsEffect::ALL {
                let facts = LineFacts { standing: Standing::Canceled, cancelled: 3, stage, goods, goes_to, ..FACTS };
                let settled = settle(&holding(stage), &facts);
                let gone = stage >= Stage::HandedOver;
                let expected = match (goods, goes_to) {
                    (GoodsEffect::CountNeeded, _) if !gone => Bucket::CountNeeded,
                    (_, GoesTo::Available) if gone => Bucket::Returning,
                    (_, GoesTo::Available) => Bucket::Available,
                    (_, GoesTo::Returning) => Bucket::Returning,
                    (_, GoesTo::Defective) => Bucket::Defective,
                    (_, GoesTo::Lost) => Bucket::Lost,
                    (_, GoesTo::Nothing) => Bucket::Outside,
                };
                let about = format!("{stage} {goes_to} {goods}");
                assert!(
                    settled.steps.iter().all(|step| step.to == expected && step.from != expected),
                    "{about}: {settled:?}"
                );
                let moved: u32 = settled.steps.iter().map(|step| step.units).sum();
                // What is with the buyer already and never comes back moves nothing.
                let stays = u32::from(gone && expected == Bucket::Outside);
                assert_eq!(moved, 3 - stays, "{about}: {settled:?}");
                assert_eq!(settled.after.allocated, 0, "{about}");
                assert!(settle(&settled.after, &facts).steps.is_empty(), "{about}: settled twice");
            }
        }
    }
}

#[test]
fn a_cancel_after_shipping_or_completion_waits_for_the_parcel() {
    let shipped = settle(&allocated(), &LineFacts { standing: Standing::Shipped, stage: Stage::HandedOver, ..FACTS });
    assert_eq!(moves(&shipped), [(Bucket::Allocated, Bucket::Outbound, 3)]);
    let gone = LineFacts { standing: Standing::Canceled, stage: Stage::HandedOver, cancelled: 3, ..FACTS };
    assert_eq!(moves(&settle(&shipped.after, &gone)), [(Bucket::Outbound, Bucket::Returning, 3)]);
    let completed =
        settle(&shipped.after, &LineFacts { standing: Standing::Completed, stage: Stage::Delivered, ..FACTS });
    assert_eq!(moves(&completed), [(Bucket::Outbound, Bucket::Outside, 3)]);
    assert_eq!(moves(&settle(&completed.after, &gone)), [(Bucket::Outside, Bucket::Returning, 3)]);
}

#[test]
fn void_releases_restore_allocates_and_a_cancel_afterwards_moves_nothing_twice() {
    let voided = settle(&allocated(), &LineFacts { voided: true, ..FACTS });
    assert_eq!(moves(&voided), [(Bucket::Allocated, Bucket::Available, 3)]);
    let restored = settle(&voided.after, &FACTS);
    assert_eq!(moves(&restored), [(Bucket::Available, Bucket::Allocated, 3)]);
    assert_ne!(restored.steps[0].start, 0, "a second allocation has a key of its own");
    let canceled = LineFacts { standing: Standing::Canceled, cancelled: 3, voided: true, ..FACTS };
    assert_eq!(moves(&settle(&voided.after, &canceled)), []);
}

#[test]
fn what_lives_again_is_allocated_anew_and_its_next_cancel_gives_it_back_under_a_key_of_its_own() {
    let canceled = LineFacts { standing: Standing::Canceled, cancelled: 3, ..FACTS };
    let first = settle(&allocated(), &canceled);
    let mut alive = first.after.clone();
    alive.revive(9);
    assert_eq!(alive.cancelled(), 0, "never more than was cancelled");
    let again = settle(&alive, &FACTS);
    assert_eq!(moves(&again), [(Bucket::Available, Bucket::Allocated, 3)]);
    let second = settle(&again.after, &canceled);
    assert_eq!(moves(&second), moves(&first));
    assert!(second.steps[0].start > first.steps[0].start);
}

#[test]
fn void_releases_untouched_units_only() {
    let printed = LineFacts { voided: true, stage: Stage::Printed, goes_to: GoesTo::Returning, ..FACTS };
    assert_eq!(moves(&settle(&allocated(), &printed)), []);
    let canceled = LineFacts { standing: Standing::Canceled, cancelled: 3, ..printed };
    assert_eq!(moves(&settle(&allocated(), &canceled)), [(Bucket::Allocated, Bucket::Returning, 3)]);
}

#[test]
fn shipped_without_an_allocation_comes_from_outside() {
    let facts = LineFacts { standing: Standing::Shipped, stage: Stage::HandedOver, ..FACTS };
    assert_eq!(moves(&settle(&LineStock::default(), &facts)), [(Bucket::Outside, Bucket::Outbound, 3)]);
}

#[test]
fn what_left_before_the_stock_was_counted_moves_nothing() {
    for &standing in Standing::ALL {
        let facts = LineFacts { standing, left_before_counting: true, cancelled: 3, stage: Stage::Delivered, ..FACTS };
        assert_eq!(moves(&settle(&LineStock::default(), &facts)), [], "{standing}");
    }
}

#[test]
fn a_partial_cancel_moves_only_its_units() {
    let facts = LineFacts { cancelled: 1, ..FACTS };
    let settled = settle(&allocated(), &facts);
    assert_eq!(moves(&settled), [(Bucket::Allocated, Bucket::Available, 1)]);
    assert_eq!(settled.after.allocated, 2);
    assert_eq!(moves(&settle(&settled.after, &facts)), []);
}

#[test]
fn a_visit_puts_units_where_they_were_found_and_leaves_the_rest_waiting() {
    let line = LineStock { returning: 4, ..LineStock::default() };
    let visit = Visit { sellable: 1, defective: 1, missing: 1, found: 0 };
    let visited = stock_in(&line, visit).expect("three of four");
    let steps: Vec<_> = visited.steps.iter().map(|step| (step.to, step.units, step.start)).collect();
    assert_eq!(steps, [(Bucket::Available, 1, 0), (Bucket::Defective, 1, 1), (Bucket::Lost, 1, 2)]);
    assert_eq!((visited.after.returning, visited.after.lost), (1, 1));
    let again = Visit { sellable: 2, ..Visit::default() };
    let refused = stock_in(&visited.after, again);
    assert_eq!(refused, Err(VisitError::MoreThanReturning { wanted: 2, returning: 1 }));
    let found = stock_in(&visited.after, Visit { found: 1, ..Visit::default() }).expect("the lost one");
    assert_eq!(found.steps[0].to, Bucket::Available);
    assert_eq!(
        stock_in(&found.after, Visit { found: 1, ..Visit::default() }),
        Err(VisitError::MoreThanLost { wanted: 1, lost: 0 })
    );
}

#[test]
fn a_visit_taken_back_waits_again_and_may_come_again_under_keys_of_its_own() {
    let line = LineStock { returning: 3, ..LineStock::default() };
    let visit = Visit { sellable: 1, defective: 1, missing: 1, found: 0 };
    let visited = stock_in(&line, visit).expect("all");
    assert!(visited.after.was_stocked_in());
    let undone = undo_stock_in(&visited.after, visit).expect("taken back");
    assert_eq!((undone.after.returning, undone.after.lost), (3, 0));
    assert!(!undone.after.was_stocked_in());
    let again = stock_in(&undone.after, visit).expect("all");
    assert!(again.steps.iter().zip(&visited.steps).all(|(new, old)| new.start > old.start));
    let found = stock_in(&visited.after, Visit { found: 1, ..Visit::default() }).expect("found");
    assert!(undo_stock_in(&found.after, visit).is_err(), "what was missing has been found since");
}

/// What may happen to a line, in any order and repeated.
#[derive(Debug, Clone)]
enum Happening {
    Read(LineFacts),
    Visited(Visit),
    LastUndone,
    Revived(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let visit = (0..3_u32, 0..3_u32, 0..3_u32, 0..3_u32).prop_map(|(sellable, defective, missing, found)| Visit {
        sellable,
        defective,
        missing,
        found,
    });
    prop_oneof![
        3 => facts().prop_map(Happening::Read),
        2 => visit.prop_map(Happening::Visited),
        1 => Just(Happening::LastUndone),
        1 => (1..=5_u32).prop_map(Happening::Revived),
    ]
}

fn facts() -> impl Strategy<Value = LineFacts> {
    let standing = prop::sample::select(Standing::ALL);
    let stage = prop::sample::select(Stage::ALL);
    let goods = (prop::sample::select(GoodsEffect::ALL), prop::sample::select(GoesTo::ALL));
    let marks = (any::<bool>(), any::<bool>());
    let all = (standing, stage, goods, 0..=5_u32, marks);
    all.prop_map(|(standing, stage, (goods, goes_to), cancelled, (voided, scanned_out))| LineFacts {
        goes_to,
        scanned_out,
        standing,
        stage,
        ordered: 5,
        cancelled: if standing == Standing::Canceled { 5 } else { cancelled },
        voided,
        goods,
        available: 0,
        left_before_counting: false,
    })
}

proptest! {
    /// Whatever is read, in whatever order and however often: no bucket below zero, holdings equal the fold of the
    /// steps, keys never repeat, and settling twice moves nothing more.
    #[test]
    fn units_are_conserved(course in prop::collection::vec(facts(), 1..12), opening in 0..9_i64) {
        let mut line = LineStock::default();
        let mut balance = Balance { available: opening, ..Balance::default() };
        let mut keys = std::collections::HashSet::new();
        let mut cancelled = 0;
        for mut facts in course {
            cancelled = facts.cancelled.max(cancelled);
            facts.cancelled = cancelled;
            facts.available = u32::try_from(balance.available).expect("never negative");
            let settled = settle(&line, &facts);
            for step in &settled.steps {
                balance.apply(step.from, step.to, i64::from(step.units));
                prop_assert!(balance.is_sound(), "{:?} after {:?}", balance, step);
                prop_assert!(keys.insert((step.cause, step.start)), "key used twice: {:?}", step);
            }
            line = settled.after;
            prop_assert_eq!(i64::from(line.reserved), balance.reserved);
            prop_assert_eq!(i64::from(line.allocated), balance.allocated);
            prop_assert_eq!(i64::from(line.outbound), balance.outbound);
            prop_assert_eq!(i64::from(line.returning), balance.returning);
            prop_assert_eq!(i64::from(line.count_needed), balance.count_needed);
            facts.available = u32::try_from(balance.available).expect("never negative");
            let again = settle(&line, &facts);
            prop_assert!(again.steps.is_empty(), "settled twice: {:?}", again.steps);
        }
    }

    /// Reads, visits and their undoing in any order: no bucket below zero, units conserved, never more stocked in than
    /// waited, no key used twice, and the line's holdings equal the fold of the steps.
    #[test]
    fn nothing_is_restocked_twice(course in prop::collection::vec(happening(), 1..30), opening in 0..9_i64) {
        let mut line = LineStock::default();
        let mut balance = Balance { available: opening, ..Balance::default() };
        let mut keys = std::collections::HashSet::new();
        let (mut cancelled, mut came_back, mut stocked) = (0, 0_i64, 0_i64);
        let mut last = None;
        for happening in course {
            let steps = match happening {
                Happening::Read(mut facts) => {
                    cancelled = facts.cancelled.max(cancelled);
                    facts.cancelled = cancelled;
                    facts.available = u32::try_from(balance.available).expect("never negative");
                    let settled = settle(&line, &facts);
                    line = settled.after;
                    settled.steps
                }
                Happening::Visited(visit) => match stock_in(&line, visit) {
                    Ok(visited) => {
                        line = visited.after;
                        last = Some(visit);
                        visited.steps
                    }
                    Err(_) => continue,
                },
                Happening::LastUndone => {
                    let Some(visit) = last else { continue };
                    let there = balance.available >= i64::from(visit.sellable + visit.found)
                        && balance.defective >= i64::from(visit.defective);
                    match undo_stock_in(&line, visit) {
                        Ok(undone) if there => {
                            line = undone.after;
                            last = None;
                            undone.steps
                        }
                        _ => continue,
                    }
                }
                Happening::Revived(units) => {
                    cancelled -= units.min(cancelled);
                    line.revive(line.cancelled().saturating_sub(cancelled));
                    Vec::new()
                }
            };
            for step in &steps {
                balance.apply(step.from, step.to, i64::from(step.units));
                prop_assert!(balance.is_sound(), "{:?} after {:?}", balance, step);
                prop_assert!(keys.insert((step.cause, step.start)), "key used twice: {:?}", step);
                if step.to == Bucket::Returning && step.cause == Cause::Cancel {
                    came_back += i64::from(step.units);
                }
                if step.from == Bucket::Returning {
                    stocked += i64::from(step.units);
                }
                if step.to == Bucket::Returning && step.cause == Cause::UndoStockIn {
                    stocked -= i64::from(step.units);
                }
            }
            prop_assert!(stocked <= came_back, "{} stocked in of {}", stocked, came_back);
            prop_assert_eq!(i64::from(line.returning), balance.returning);
            prop_assert_eq!(i64::from(line.lost), balance.lost);
            prop_assert_eq!(i64::from(line.allocated), balance.allocated);
            prop_assert_eq!(i64::from(line.outbound), balance.outbound);
            prop_assert_eq!(i64::from(line.reserved), balance.reserved);
            prop_assert_eq!(i64::from(line.count_needed), balance.count_needed);
        }
    }
}

#[test]
fn a_ship_scan_takes_the_units_out_and_its_undo_brings_them_back_each_time_under_a_key_of_its_own() {
    let mut line = allocated();
    let mut keys = std::collections::HashSet::new();
    for _ in 0..3 {
        for scanned_out in [true, false] {
            let facts = LineFacts { standing: Standing::Arranged, stage: Stage::HandedOver, scanned_out, ..FACTS };
            let settled = settle(&line, &facts);
            let moved: Vec<_> = settled.steps.iter().map(|step| (step.from, step.to, step.units)).collect();
            let (from, to) =
                if scanned_out { (Bucket::Allocated, Bucket::Outbound) } else { (Bucket::Outbound, Bucket::Allocated) };
            assert_eq!(moved, [(from, to, 3)]);
            assert!(settled.steps.iter().all(|step| keys.insert((step.cause, step.start))));
            assert!(settle(&settled.after, &facts).steps.is_empty(), "settled twice moves nothing");
            line = settled.after;
        }
    }
}

#[test]
fn a_courier_scan_after_the_cancel_takes_what_waits_then_what_is_on_the_shelf_and_never_more() {
    let line = LineStock { returning: 2, ..LineStock::default() };
    for (available, unexplained) in [(9, 0), (1, 0), (0, 1)] {
        let scanned = courier_scan(&line, 3, available);
        assert_eq!((scanned.after.returning, scanned.unexplained), (0, unexplained), "{available} available");
        assert_eq!(scanned.after.outbound, 3 - unexplained);
        let again = courier_scan(&scanned.after, scanned.after.outbound, available);
        assert_eq!((again.steps.len(), again.unexplained), (0, 0), "scanned twice, it leaves once");
    }
    let gone = courier_scan(&line, 2, 0).after;
    let back = come_back(&gone).after;
    assert_eq!((back.outbound, back.returning), (0, 2), "it waits to be stocked in again");
    let paid = claim(&gone).after;
    assert_eq!((paid.outbound, paid.lost), (0, 2));
    assert!(claim(&paid).steps.is_empty() && come_back(&paid).steps.is_empty(), "done once");
}
