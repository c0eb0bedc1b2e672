//! Cancels of chosen lines: items of an order one by one, and units of a line.

use super::cancel::{ALL_FAULTS, faults, let_repeats_through, poll_times};
use super::world::World;
use domain::cancellation::{Scope, State};
use domain::order::{List, Stage};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::shipment::Mark;
use domain::snapshot::Initiator;
use engine::commands::{CancelRequest, CommandError, LiveAnswer};
use reqwest::Method;
use serde_json::{Value, json};
use store::cancellations::{CancellationRecord, ChosenLine};
use store::jobs::{Due, Kind};
use store::on_both;
use store::orders::{LineRecord, OrderRecord};
use store::trial::Trial;

fn as_built_in(_: Platform, _: &mut Policy) {}

async fn lazada(trial: Trial, orders: u32) -> World {
    World::on(Platform::Lazada, trial, orders, as_built_in).await
}

fn choose(lines: &[&LineRecord]) -> Vec<ChosenLine> {
    lines.iter().map(|line| ChosenLine { line_id: line.id.to_string(), quantity: line.live() }).collect()
}

/// Orders of several items that all stand in this status, in no parcel or in one.
async fn of_several_items(world: &World, status: &str) -> Vec<OrderRecord> {
    let mut orders = world.cancellable().await;
    orders.retain(|order| {
        order.lines.len() > 1
            && order.lines.iter().all(|line| line.platform_status == status && line.live() == 1)
            && order.lines.iter().all(|line| line.package == order.lines[0].package)
    });
    assert!(!orders.is_empty(), "the sandbox has an order of several items that are {status}");
    orders
}

/// The platform's own truth of an item.
fn item<'a>(truth: &'a Value, line: &LineRecord) -> &'a Value {
    let items = truth["lines"].as_array().expect("lines");
    items.iter().find(|item| item["id"] == line.id.as_str()).unwrap_or_else(|| panic!("{} in {truth}", line.id))
}

/// The chosen item is cancelled once, and nothing else is.
async fn check_only(world: &World, record: &CancellationRecord, chosen: &LineRecord) {
    let after = world.order(&record.order).await;
    assert_eq!((after.list, after.cancelling), (List::New, false), "{}", after.number);
    let truth = world.control.order(&after.number).await;
    for line in &after.lines {
        let is_chosen = line.id == chosen.id;
        assert_eq!(line.canceled_quantity, u32::from(is_chosen), "{} of {}", line.id, after.number);
        assert_eq!(item(&truth, line)["status"] == "canceled", is_chosen, "{truth}");
    }
    world.control.check_calls(after.number.as_str()).await;
}

on_both! {
    async fn a_cancel_of_one_item_leaves_the_rest_of_the_order_where_it_stands(trial) {
        let world = lazada(trial, 120).await;
        let order = of_several_items(&world, "pending").await.remove(0);
        let (chosen, rest) = order.lines.split_first().expect("lines");
        let record = world.cancel(&order, "sourcing_delay", &choose(&[chosen])).await;
        assert_eq!(record.scope, Scope::Lines);
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!((ended.saga.state(), ended.cancelled_by()), (State::Done, Some(Initiator::Seller)));
        assert_eq!((ended.lines[0].canceled, &ended.side_effects), (1, &vec![]));
        check_only(&world, &record, chosen).await;
        let after = world.order(&order.id).await;
        assert_eq!((after.lines[0].stock.allocated, after.lines[0].stock.returning), (0, 0), "available at once");
        assert_eq!(after.lines[0].canceled_by, Some(Initiator::Seller));
        for (before, line) in rest.iter().zip(&after.lines[1..]) {
            assert_eq!((&line.stock, line.platform_status.as_str()), (&before.stock, "pending"));
        }
        let truth = world.control.order(&order.number).await;
        assert!(item(&truth, chosen)["cancel_reason"].as_str().expect("a reason").contains("Sourcing Delay"), "{truth}");
        world.ledger_is_proven().await;
    }

    async fn a_crash_at_any_step_of_a_cancel_of_one_item_loses_nothing_and_repeats_nothing(trial) {
        let mut world = lazada(trial, 700).await;
        let_repeats_through(&world).await;
        let mut orders = of_several_items(&world, "pending").await.into_iter();
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        let mut completed = false;
        for polls in (1..30).chain((30..200).step_by(20)).chain([usize::MAX]) {
            let Some(order) = orders.next() else { break };
            let record = world.cancel(&order, "system_error", &choose(&[&order.lines[1]])).await;
            let engine = world.engine.clone();
            completed = poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
            world.restart().await;
            world.run_until_ended(std::slice::from_ref(&record)).await;
            assert_eq!(world.cancellation(&record).await.saga.state(), State::Done, "after {polls} polls");
            check_only(&world, &record, &order.lines[1]).await;
            if completed {
                break;
            }
        }
        assert!(completed, "the last crash came after the whole tick");
        world.ledger_is_proven().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_of_one_item_under_every_fault_end_once_and_the_platform_agrees() {
    let world = lazada(Trial::sqlite().await, 400).await;
    let_repeats_through(&world).await;
    let orders: Vec<_> = of_several_items(&world, "pending").await.into_iter().take(15).collect();
    let mut records = Vec::new();
    faults(&world, 0.3, &ALL_FAULTS, 5).await;
    for order in &orders {
        records.push((world.cancel(order, "out_of_stock", &choose(&[&order.lines[0]])).await, &order.lines[0]));
    }
    let all: Vec<CancellationRecord> = records.iter().map(|(record, _)| record.clone()).collect();
    world.run_until_ended(&all).await;
    faults(&world, 0.0, &[], 0).await;
    world.sync().await;
    for (record, chosen) in records {
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
        check_only(&world, &record, chosen).await;
        let after = world.order(&record.order).await;
        assert_eq!(after.lines[0].stock.count_needed, 1, "it was said not to exist");
        assert!(world.is_held(&chosen.merchant_sku).await);
    }
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_platform_cancels_beside_an_item_of_a_parcel_is_recorded_as_its_side_effect() {
    let world = lazada(Trial::sqlite().await, 300).await;
    let order = of_several_items(&world, "packed").await.remove(0);
    let options = engine::commands::options_for_lines(
        &order,
        &connectors::default_policy(Platform::Lazada).expect("a policy"),
        &[order.lines[0].id.clone()],
    );
    let told = options.reasons[0].effects.iter().find(|effect| effect.kind.as_str() == "package").expect("said before");
    assert!(told.text.contains("same parcel") && told.text.contains("Sources disagree"), "{}", told.text);

    let record = world.cancel(&order, "system_error", &choose(&[&order.lines[0]])).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    world.sync().await;
    let ended = world.cancellation(&record).await;
    assert_eq!(ended.saga.state(), State::Done);
    let beside: Vec<&str> = ended.side_effects.iter().map(|line| line.line_id.as_str()).collect();
    let rest: Vec<&str> = order.lines[1..].iter().map(|line| line.id.as_str()).collect();
    assert_eq!(beside, rest);
    let after = world.order(&order.id).await;
    assert_eq!(after.list, List::Canceled);
    assert!(
        after.lines.iter().all(|line| line.stock.returning == 1),
        "packed goods wait to be stocked in: {:?}",
        after.lines
    );
    world.ledger_is_proven().await;
}

/// Our items of the order that are not cancelled, and the platform's.
async fn what_is_left(world: &World, order: &OrderRecord, chosen: &LineRecord) {
    let truth = world.control.order(&order.number).await;
    for line in &order.lines {
        let is_chosen = line.id == chosen.id;
        assert_eq!(item(&truth, line)["status"] == "canceled", is_chosen, "{truth}");
        assert_eq!(line.canceled_quantity, u32::from(is_chosen), "{} of {}", line.id, order.number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_is_undone_first_where_asked_and_what_is_left_is_packed_again() {
    let world = lazada(Trial::sqlite().await, 300).await;
    let_repeats_through(&world).await;
    let orders: Vec<_> = of_several_items(&world, "packed").await.into_iter().take(4).collect();
    faults(&world, 0.2, &ALL_FAULTS, 7).await;
    for order in orders {
        // Its label may have been fetched since.
        let order = world.order(&order.id).await;
        let chosen = &order.lines[0];
        let record = world.cancel_with(&order, "system_error", &choose(&[chosen]), true).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!((ended.saga.state(), ended.side_effects.len()), (State::Done, 0), "the others stay");
        let after =
            world.run_until(&order.id, |order| order.list == List::InProcess && order.shipment == Mark::None).await;
        what_is_left(&world, &after, chosen).await;
        world.control.check_calls(order.number.as_str()).await;
    }
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_parcel_cannot_be_undone_any_more_nothing_is_cancelled() {
    let world = lazada(Trial::sqlite().await, 300).await;
    let order = of_several_items(&world, "packed").await.remove(0);
    let path = format!("/orders/lazada/{}/advance", order.number);
    world.control.send(Method::POST, &path, json!({"to": "shipped", "force": true})).await;
    let record = world.cancel_with(&order, "system_error", &choose(&[&order.lines[0]]), true).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    let ended = world.cancellation(&record).await;
    assert_eq!(ended.saga.state(), State::Refused);
    let words = ended.platform_message.expect("a cause");
    assert!(words.contains("The courier has it already"), "{words}");
    let after = world.order(&order.id).await;
    assert_eq!((after.list, after.shipment, after.cancelling), (List::Shipped, Mark::None, false));
    assert_eq!(world.control.effective_cancels(&order.number).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_a_parcel_offers_no_repack() {
    let world = lazada(Trial::sqlite().await, 120).await;
    let order = of_several_items(&world, "pending").await.remove(0);
    let policy = connectors::default_policy(Platform::Lazada).expect("a policy");
    assert!(!engine::commands::cancellation_options(&order, &policy).repack);
    let lines = choose(&[&order.lines[0]]);
    let wish = CancelRequest {
        order: &order.id,
        reason: "system_error",
        lines: &lines,
        note: None,
        repack: true,
        despite_warehouse: false,
        expected_version: None,
    };
    let mut session = world.engine.store().begin().await.expect("begins");
    let refused = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &wish).await;
    assert!(matches!(refused, Err(CommandError::RepackNotOffered(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_others_of_a_parcel_go_back_they_stay_and_are_no_side_effect() {
    let world = lazada(Trial::sqlite().await, 300).await;
    world.control.send(Method::PUT, "/switches", json!({"lazada": {"siblings": "pending"}})).await;
    let order = of_several_items(&world, "packed").await.remove(0);
    let record = world.cancel(&order, "system_error", &choose(&[&order.lines[0]])).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    world.sync().await;
    let ended = world.cancellation(&record).await;
    assert_eq!((ended.saga.state(), ended.side_effects.len()), (State::Done, 0));
    let after = world.order(&order.id).await;
    assert_eq!((after.list, after.lines[1].platform_status.as_str()), (List::New, "pending"));
    assert_eq!(after.stage_of(&after.lines[1]), Stage::Printed, "its label exists from before");
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialog_asks_the_platform_which_reasons_it_takes_and_says_so_when_it_does_not_answer() {
    let world = lazada(Trial::sqlite().await, 120).await;
    let order = of_several_items(&world, "pending").await.remove(0);
    let all = world.engine.cancellation_options_now(&order, &[]).await.expect("options");
    assert_eq!(all.reasons.len(), 8);
    assert!(all.by_lines && all.reasons.iter().all(|reason| reason.why_not.is_none()), "{:?}", all.reasons);

    let some = json!({"lazada": {"reasons": ["Out of Stock", "Sourcing Delay"]}});
    world.control.send(Method::PUT, "/switches", some).await;
    let chosen = [order.lines[0].id.clone()];
    let some = world.engine.cancellation_options_now(&order, &chosen).await.expect("options");
    let offered: Vec<&str> =
        some.reasons.iter().filter(|reason| reason.why_not.is_none()).map(|reason| reason.code.as_str()).collect();
    assert_eq!(
        (some.reasons.len(), offered),
        (8, vec!["out_of_stock", "sourcing_delay"]),
        "the others are shown, grey"
    );

    // A reason that is no longer taken when it is sent ends as refused, in words.
    let record = world.cancel(&order, "system_error", &choose(&[&order.lines[0]])).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    let ended = world.cancellation(&record).await;
    assert_eq!(ended.saga.state(), State::Refused);
    assert!(ended.platform_message.is_some_and(|words| words.contains("Out of Stock")), "it says what is taken");
    assert_eq!(world.control.effective_cancels(&order.number).await, 0);

    faults(&world, 1.0, &["timeout_before"], 1).await;
    let order = world.order(&order.id).await;
    let silent = world.engine.cancellation_options_now(&order, &[]).await.expect("options");
    assert!(silent.allowed.is_ok(), "what is stored is shown");
    assert!(matches!(silent.live, LiveAnswer::Silent(_)), "{:?}", silent.live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_comes_as_a_success_with_a_tip_ends_as_refused_in_the_platform_s_words() {
    let world = lazada(Trial::sqlite().await, 120).await;
    let order = of_several_items(&world, "pending").await.remove(0);
    // It ships in this moment; what is stored says otherwise, and a replica still tells of before.
    let path = format!("/orders/lazada/{}/advance", order.number);
    world.control.send(Method::POST, &path, json!({"to": "shipped", "force": true})).await;
    let stale = json!({"platform": "lazada", "rate": 1.0, "kinds": ["stale_read"], "stale_ms": 60_000});
    world.control.send(Method::PUT, "/faults", stale).await;
    let record = world.cancel(&order, "system_error", &choose(&[&order.lines[0]])).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    let ended = world.cancellation(&record).await;
    assert_eq!(ended.saga.state(), State::Refused);
    let words = ended.platform_message.expect("words");
    assert!(words.contains("cannot be cancelled"), "{words}");
}

/// A line's units are cancelled by quantity: that a second call would cancel more units is what the intent guards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_of_a_cancel_by_quantity_never_cancels_more_units_than_were_asked_for() {
    let partly = |_: Platform, policy: &mut Policy| policy.partial_cancel.on = true;
    let mut world = World::on(Platform::Shopee, Trial::sqlite().await, 900, partly).await;
    let switches = json!({"accept_repeats": true, "shopee": {"partial_cancel": true}});
    world.control.send(Method::PUT, "/switches", switches).await;
    let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
    let mut orders = world.cancellable().await;
    orders.retain(|order| order.list == List::New && order.lines[0].live() > 1);
    let mut orders = orders.into_iter();
    let mut completed = false;
    for polls in (1..24).chain([40, usize::MAX]) {
        let Some(order) = orders.next() else { break };
        let chosen = [ChosenLine { line_id: order.lines[0].id.to_string(), quantity: 1 }];
        let record = world.cancel(&order, "buyer_requests_cancellation", &chosen).await;
        let engine = world.engine.clone();
        completed = poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
        world.restart().await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let after = world.order(&order.id).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done, "after {polls} polls");
        assert_eq!((after.lines[0].canceled_quantity, after.list), (1, List::New), "{} after {polls}", order.number);
        let truth = world.control.order(&order.number).await;
        assert_eq!(truth["lines"][0]["cancelled_quantity"], 1, "{truth}");
        if completed {
            break;
        }
    }
    assert!(completed, "the last crash came after the whole tick");
    world.ledger_is_proven().await;
}
