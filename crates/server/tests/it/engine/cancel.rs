//! The seller's cancel against the sandbox: the plain course, crashes at every step, faults, races.

use super::world::World;
use domain::cancellation::State;
use domain::order::List;
use domain::snapshot::Initiator;
use reqwest::Method;
use serde_json::json;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use store::cancellations::{CancellationRecord, ChosenLine};
use store::jobs::{Due, Kind};
use store::on_both;
use store::orders::OrderRecord;

pub(super) fn all_lines(order: &OrderRecord) -> Vec<ChosenLine> {
    order.lines.iter().map(|line| ChosenLine { line_id: line.id.to_string(), quantity: line.quantity }).collect()
}

pub(crate) const ALL_FAULTS: [&str; 11] = [
    "timeout_before",
    "timeout_after",
    "http_500",
    "rate_limited",
    "duplicate_push",
    "reordered_push",
    "http_500_after",
    "late_apply",
    "stale_read",
    "dropped_push",
    "slow",
];

pub(super) async fn faults(world: &World, rate: f64, kinds: &[&str], seed: u64) {
    let faults = json!({"platform": world.platform.as_str(), "rate": rate, "kinds": kinds, "seed": seed, "delay_ms": 200, "ban_seconds": 1, "stale_ms": 300});
    world.control.send(Method::PUT, "/faults", faults).await;
}

pub(super) async fn let_repeats_through(world: &World) {
    world.control.send(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
}

/// What must hold of every ended cancel: the platform agrees, and received what [`Control::check_calls`] says.
async fn check_ended(world: &World, record: &CancellationRecord) {
    let ended = world.cancellation(record).await;
    let order = world.order(&record.order).await;
    let truth = world.control.order(&order.number).await;
    let state = ended.saga.state();
    assert_eq!(
        state == State::Done,
        truth["status"] == "CANCELLED",
        "{} is {state}, the platform says {truth}",
        order.number
    );
    assert_eq!(order.list == List::Canceled, state == State::Done, "{}", order.number);
    assert!(!order.cancelling);
    world.control.check_calls(order.number.as_str()).await;
}

on_both! {
    async fn a_cancel_is_carried_out_once_and_its_units_come_back(trial) {
        let world = World::start(trial, 60).await;
        world.ledger_is_proven().await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!((ended.saga.state(), ended.cancelled_by()), (State::Done, Some(Initiator::Seller)));
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.cancelling), (List::Canceled, false));
        assert!(after.lines.iter().all(|line| line.stock.allocated == 0 && line.stock.returning == 0));
        check_ended(&world, &record).await;
        world.ledger_is_proven().await;
    }

    async fn an_out_of_stock_cancel_leaves_its_units_to_be_counted_and_holds_the_listing(trial) {
        let world = World::start(trial, 120).await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New && order.lines.len() > 1).expect("one with several lines");
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        check_ended(&world, &record).await;
        let after = world.order(&order.id).await;
        assert_eq!(after.lines[0].stock.count_needed, order.lines[0].quantity);
        assert!(after.lines[1..].iter().all(|line| line.stock.count_needed == 0 && line.stock.allocated == 0));
        assert!(world.is_held(&order.lines[0].merchant_sku).await);
        assert_eq!(world.platform_stock(order.lines[0].listing_sku.as_str()).await, Some(0));
        world.ledger_is_proven().await;
    }

    async fn an_order_that_ships_first_refuses_the_cancel_in_words(trial) {
        let world = World::start(trial, 60).await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::InProcess).expect("one in process");
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "SHIPPED"})).await;
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)).await;
        assert!(world.is_held(&order.lines[0].merchant_sku).await);
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!(ended.saga.state(), State::Refused);
        assert!(ended.platform_message.is_some_and(|words| words.contains("Shipped")), "the words say why");
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.cancelling), (List::Shipped, false));
        assert!(!world.is_held(&order.lines[0].merchant_sku).await, "a refusal lifts the hold");
        check_ended(&world, &record).await;
        world.ledger_is_proven().await;
    }

    async fn when_ship_and_cancel_race_exactly_one_wins(trial) {
        let world = World::start(trial, 200).await;
        let orders: Vec<_> = world.cancellable().await.into_iter().filter(|order| order.list == List::InProcess).take(12).collect();
        assert!(orders.len() >= 4, "{} orders to race with", orders.len());
        let mut records = Vec::new();
        for order in &orders {
            records.push(world.cancel(order, "buyer_requests_cancellation", &[]).await);
        }
        let ships = orders.iter().map(|order| {
            let request = world.control.http.post(format!("{}/orders/shopee/{}/advance", world.control.url, order.number));
            request.json(&json!({"to": "SHIPPED"})).send()
        });
        let (_, ships) = tokio::join!(world.run_until_ended(&records), futures_util::future::join_all(ships));
        for ship in ships {
            ship.expect("the control port answers");
        }
        world.sync().await;
        for (order, record) in orders.iter().zip(&records) {
            check_ended(&world, record).await;
            let won = world.cancellation(record).await.saga.state() == State::Done;
            let list = world.order(&order.id).await.list;
            assert_eq!(list, if won { List::Canceled } else { List::Shipped }, "{}", order.number);
        }
        world.ledger_is_proven().await;
    }

    async fn cancels_under_every_fault_end_once_and_the_platform_agrees(trial) {
        let mut world = World::start(trial, 200).await;
        let_repeats_through(&world).await;
        let orders: Vec<_> = world.cancellable().await.into_iter().take(40).collect();
        let mut records = Vec::new();
        for order in &orders {
            records.push(world.cancel(order, "out_of_stock", &all_lines(order)).await);
        }
        faults(&world, 0.3, &ALL_FAULTS, 11).await;
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        for polls in [7, 40, 90] {
            // The process dies half way and another goes on.
            let engine = world.engine.clone();
            poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
            world.restart().await;
        }
        world.run_until_ended(&records).await;
        faults(&world, 0.0, &[], 0).await;
        world.sync().await;
        for record in &records {
            check_ended(&world, record).await;
        }
        world.ledger_is_proven().await;
    }

    async fn a_crash_at_any_step_loses_nothing_and_repeats_nothing(trial) {
        let mut world = World::start(trial, 400).await;
        let_repeats_through(&world).await;
        let mut orders = world.cancellable().await.into_iter();
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        let mut completed = false;
        // Every point where a tick waits, then some further on, then none: it runs to its end.
        for polls in (1..40).chain((40..200).step_by(16)).chain([usize::MAX]) {
            let Some(order) = orders.next() else { break };
            let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
            let engine = world.engine.clone();
            completed = poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
            world.restart().await;
            world.run_until_ended(std::slice::from_ref(&record)).await;
            check_ended(&world, &record).await;
            assert_eq!(world.cancellation(&record).await.saga.state(), State::Done, "after {polls} polls");
            if completed {
                break;
            }
        }
        assert!(completed, "the last crash came after the whole tick");
        world.ledger_is_proven().await;
    }
}

/// Polls a future so many times, then drops it where it stands, as a crash would. Answers whether it had completed.
pub(super) async fn poll_times(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
