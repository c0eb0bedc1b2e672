//! Buyers' requests against the sandbox: found, answered, taken back, run out of time; crashes at every step, faults.

use super::cancel::{ALL_FAULTS, faults, poll_times};
use super::world::World;
use domain::cancellation::State;
use domain::default_answer::{Course, DefaultAnswers, Goods, Rule};
use domain::order::{List, Stage};
use domain::platform::Platform;
use domain::policy::Standing;
use domain::request::{AnswerKind, DeadlineSource, RequestState};
use domain::snapshot::Initiator;
use engine::{AnswerError, AnswerWish};
use reqwest::Method;
use serde_json::{Value, json};
use store::cancellations::{self, CancellationRecord};
use store::jobs::{Due, Kind};
use store::log;
use store::on_both;
use store::orders::OrderRecord;
use store::requests::{self, RequestRecord};

async fn buyer(world: &World, order: &OrderRecord, what: &str, body: Value) {
    let path = format!("/orders/{}/{}/{what}", world.platform, order.number);
    world.control.send(Method::POST, &path, body).await;
}

async fn in_process(world: &World, count: usize) -> Vec<OrderRecord> {
    let orders: Vec<_> = world.cancellable().await.into_iter().filter(|order| order.list == List::InProcess).collect();
    assert!(orders.len() >= count, "{} of {count} orders in process", orders.len());
    orders.into_iter().take(count).collect()
}

/// The buyers ask, and a sweep finds it.
async fn ask(world: &World, orders: &[OrderRecord]) -> Vec<RequestRecord> {
    for order in orders {
        buyer(world, order, "buyer-cancel", json!({"reason": "Found Cheaper Elsewhere", "ask": true})).await;
    }
    world.sync().await;
    let mut found = Vec::new();
    for order in orders {
        found.push(request_of(world, order).await);
    }
    found
}

/// Time passes on the platform, and a sweep sees what it did.
async fn pass(world: &World, seconds: i64) {
    world.advance_clock(seconds).await;
    world.sync().await;
}

async fn found(world: &World, order: &OrderRecord) -> Option<RequestRecord> {
    let mut session = world.engine.store().read().await.expect("begins");
    let of_order = requests::of_orders(&mut session, &world.merchant, std::slice::from_ref(&order.id)).await;
    of_order.expect("read").pop()
}

async fn request_of(world: &World, order: &OrderRecord) -> RequestRecord {
    found(world, order).await.expect("a request")
}

async fn answer(world: &World, request: &RequestRecord, kind: AnswerKind) -> Result<CancellationRecord, AnswerError> {
    let mut session = world.engine.store().begin().await.expect("begins");
    let wish = AnswerWish { request: &request.id, kind, reason: None, despite_warehouse: false };
    let (_, record) = world.engine.answer_request(&mut session, &world.merchant, "op@example.com", &wish).await?;
    session.commit().await.expect("committed");
    Ok(record)
}

/// What must hold of every answer that has ended: the platform, the order and the request say the same, and the platform
/// was told at most once with effect.
async fn check_answered(world: &World, request: &RequestRecord, kind: AnswerKind) {
    let mut session = world.engine.store().read().await.expect("begins");
    let after = requests::load_one(&mut session, &world.merchant, &request.id).await.expect("read").expect("there");
    drop(session);
    let order = world.order(&request.order).await;
    let truth = world.control.order(&order.number).await;
    let (state, status, list) = match kind {
        AnswerKind::Agree => (RequestState::Agreed, "CANCELLED", List::Canceled),
        AnswerKind::Reject => (RequestState::Rejected, "PROCESSED", request.list_before),
    };
    assert_eq!((after.state, order.list), (state, list), "{truth}");
    assert_eq!(truth["status"], status, "{truth}");
    assert!(!order.cancelling && after.settled_at.is_some());
    let calls = world.control.get(&format!("/calls?platform=shopee&number={}", order.number)).await;
    let of_answer =
        |call: &&Value| call["path"].as_str().is_some_and(|path| path.ends_with("/handle_buyer_cancellation"));
    let calls = calls["calls"].as_array().expect("calls").iter().filter(of_answer);
    assert_eq!(calls.filter(|call| call["changed"] == true).count(), 1, "{}", order.number);
}

/// A sweep as a worker makes it, with what follows from it.
async fn sweep(world: &World) {
    let mut session = world.engine.store().begin().await.expect("begins");
    world.engine.sync_now(&mut session, &world.merchant, "op@example.com", &world.shop).await.expect("wanted");
    session.commit().await.expect("committed");
    let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
    assert_eq!(world.engine.tick(&due, Kind::Sweep).await.expect("swept"), 1);
}

async fn set_default_answers(world: &World, answers: &DefaultAnswers) {
    let mut session = world.engine.store().begin().await.expect("begins");
    let (merchant, shop) = (&world.merchant, &world.shop);
    world.engine.set_default_answers(&mut session, merchant, "op@example.com", shop, answers).await.expect("kept");
    session.commit().await.expect("committed");
}

async fn cancellation_of(world: &World, request: &RequestRecord) -> CancellationRecord {
    let answer = request.answer.as_ref().expect("an answer");
    let mut session = world.engine.store().read().await.expect("begins");
    let ids = std::slice::from_ref(&answer.carried_by);
    cancellations::load(&mut session, &world.merchant, ids).await.expect("read").remove(0)
}

on_both! {
    /// tiktok-shop.md section 5.8: in Indonesia what the platform ships is canceled at the buyer's word; what the seller ships, only
    /// asked for after its first hour.
    async fn a_buyer_in_indonesia_cancels_at_once_and_asks_where_the_seller_ships(trial) {
        let world = World::on(Platform::TiktokShop, trial, 40, |_, _| ()).await;
        let is_plain = |order: &OrderRecord| {
            order.list == List::New && order.stage == Stage::Untouched && !order.preorder && order.standing == Standing::ToPack
        };
        let order = world.cancellable().await.into_iter().find(is_plain).expect("one that nobody touched");
        let line = &order.lines[0];
        let there = world.available(&line.merchant_sku).await;
        buyer(&world, &order, "buyer-cancel", json!({})).await;
        world.sync().await;
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.cancelled_by), (List::Canceled, Some(Initiator::Buyer)));
        assert_eq!(found(&world, &order).await, None, "nobody was asked");
        assert!(world.available(&line.merchant_sku).await >= there + i64::from(line.quantity));

        let wish = json!({"platform": "tiktok_shop", "status": "AWAITING_SHIPMENT", "seller_ships": true});
        let made = world.control.send(Method::POST, "/orders", wish).await;
        pass(&world, 3_601).await;
        let number = made["numbers"][0].as_str().expect("a number");
        let new = world.list(List::New, 200).await;
        let order = new.into_iter().find(|order| order.number.as_str() == number).expect("it was read");
        buyer(&world, &order, "buyer-cancel", json!({})).await;
        world.sync().await;
        assert_eq!(request_of(&world, &order).await.state, RequestState::Open);
        assert_eq!(world.order(&order.id).await.cancelled_by, None);
        world.ledger_is_proven().await;
    }

    async fn default_answers_are_given_before_the_deadline_by_the_first_rule_that_holds(trial) {
        let world = World::start(trial, 200).await;
        let is_untouched = |order: &OrderRecord| order.list == List::New && order.stage == Stage::Untouched;
        let untouched = world.cancellable().await.into_iter().find(is_untouched).expect("an untouched order");
        let printed = in_process(&world, 2).await;
        let orders = vec![untouched, printed[0].clone(), printed[1].clone()];
        let found = ask(&world, &orders).await;
        let reject = Rule {
            merchant_sku: Some(printed[1].lines[0].merchant_sku.to_string()),
            ..Rule::by_goods(Goods::PrintedOrPacked, Course::Reject)
        };
        let only_that = !printed[0].lines.iter().any(|line| line.merchant_sku == printed[1].lines[0].merchant_sku);
        assert!(only_that, "the sandbox has two orders of different products");
        let usual = DefaultAnswers::usual();
        let rules = [vec![reject], usual.rules.clone()].concat();
        let answers = DefaultAnswers { on: true, rules, ..usual };

        let mut session = world.engine.store().read().await.expect("begins");
        let said = world.engine.would_have_answered(&mut session, &world.merchant, &world.shop, &answers).await;
        drop(session);
        let would: Vec<_> = said.expect("said").into_iter().map(|one| (one.number, one.decision.then)).collect();
        let expected = [Course::Agree, Course::Ask, Course::Reject];
        for (order, then) in orders.iter().zip(expected) {
            assert!(would.contains(&(order.number.clone(), then)), "{would:?}");
        }

        // Off, they answer nothing; on, nothing before their time.
        pass(&world, 86_400 - 7_200 - 600).await;
        sweep(&world).await;
        set_default_answers(&world, &answers).await;
        sweep(&world).await;
        for request in &found {
            let order = world.order(&request.order).await;
            assert_eq!(request_of(&world, &order).await.state, RequestState::Open);
        }

        pass(&world, 900).await;
        sweep(&world).await;
        sweep(&world).await;
        let [agreed, left, rejected] = [0, 1, 2].map(|place| &orders[place]);
        assert_eq!(request_of(&world, left).await.state, RequestState::Open, "a person's to decide");
        for (order, kind, by) in [(agreed, AnswerKind::Agree, "rule 2"), (rejected, AnswerKind::Reject, "rule 1")] {
            let request = request_of(&world, order).await;
            let record = cancellation_of(&world, &request).await;
            assert!(record.actor.contains("default answer") && record.actor.contains(by), "{}", record.actor);
            world.run_until_ended(std::slice::from_ref(&record)).await;
            check_answered(&world, &request, kind).await;
        }
        let mut session = world.engine.store().read().await.expect("begins");
        let search = log::Search { action: Some("request.left_to_person".to_owned()), ..log::Search::default() };
        let asked = log::page(&mut session, &world.merchant, &search, None, 100).await.expect("read");
        assert_eq!(asked.len(), 1, "said once, whatever is swept again");
        drop(session);
        world.ledger_is_proven().await;
    }

    async fn a_request_is_found_with_its_deadline_and_a_rejection_brings_the_order_back(trial) {
        let world = World::start(trial, 120).await;
        let orders = in_process(&world, 1).await;
        let request = ask(&world, &orders).await.remove(0);
        assert_eq!(world.order(&request.order).await.list, List::CancelRequested);
        assert_eq!((request.state, request.list_before), (RequestState::Open, List::InProcess));
        assert_eq!(request.buyer_reason.as_deref(), Some("Found Cheaper Elsewhere"));
        assert_eq!(request.lines.len(), orders[0].lines.len());
        assert_eq!(request.deadline_source, DeadlineSource::Policy);
        assert_eq!(request.deadline.since(request.asked_at).seconds(), 86_400);

        let record = answer(&world, &request, AnswerKind::Reject).await.expect("taken");
        assert!(!world.order(&request.order).await.cancelling, "a rejection cancels nothing");
        let again = answer(&world, &request, AnswerKind::Agree).await.expect_err("one answer");
        assert!(matches!(again, AnswerError::AlreadyDecided(RequestState::Answering)), "{again}");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        check_answered(&world, &request, AnswerKind::Reject).await;
        world.ledger_is_proven().await;
    }

    async fn an_agreed_request_is_a_cancel_by_the_buyer_and_its_units_wait_for_stock_in(trial) {
        let world = World::start(trial, 120).await;
        let orders = in_process(&world, 1).await;
        let request = ask(&world, &orders).await.remove(0);
        let record = answer(&world, &request, AnswerKind::Agree).await.expect("taken");
        assert!(world.order(&request.order).await.cancelling);
        world.run_until_ended(std::slice::from_ref(&record)).await;
        check_answered(&world, &request, AnswerKind::Agree).await;
        assert_eq!(world.cancellation(&record).await.cancelled_by(), Some(Initiator::Buyer));
        let after = world.order(&request.order).await;
        for (line, before) in after.lines.iter().zip(&orders[0].lines) {
            assert_eq!(line.stock.returning, before.stock.allocated, "printed: it waits until it is back on the shelf");
        }
        let late = answer(&world, &request, AnswerKind::Reject).await.expect_err("settled");
        assert!(matches!(late, AnswerError::AlreadyDecided(RequestState::Agreed)), "{late}");
        world.ledger_is_proven().await;
    }

    async fn requests_that_are_taken_back_or_run_out_of_time_settle_by_themselves(trial) {
        let world = World::start(trial, 200).await;
        let orders = in_process(&world, 2).await;
        let found = ask(&world, &orders).await;
        buyer(&world, &orders[0], "buyer-withdraw", json!({})).await;
        pass(&world, 5).await;
        assert_eq!(request_of(&world, &orders[0]).await.state, RequestState::Withdrawn);
        assert_eq!(world.order(&orders[0].id).await.list, List::InProcess);

        pass(&world, 86_500).await;
        assert_eq!(request_of(&world, &orders[1]).await.state, RequestState::Expired);
        assert_eq!(world.order(&orders[1].id).await.list, List::Canceled);
        assert!(answer(&world, &found[1], AnswerKind::Agree).await.is_err(), "too late");
        world.ledger_is_proven().await;
    }

    async fn two_hours_before_its_deadline_a_request_without_an_outcome_alerts_once(trial) {
        let world = World::start(trial, 160).await;
        // The buyers who had asked before have their answer by then.
        pass(&world, 90_000).await;
        let orders = in_process(&world, 2).await;
        let found = ask(&world, &orders).await;
        let alerted = async || {
            let mut session = world.engine.store().read().await.expect("begins");
            let waiting = requests::alerted(&mut session, &world.merchant, None).await.expect("counted");
            let action = Some("request.time_runs_out".to_owned());
            let search = log::Search { action, ..log::Search::default() };
            let told = log::page(&mut session, &world.merchant, &search, None, 10).await.expect("read");
            (waiting, told.len())
        };
        pass(&world, 86_400 - 7_200 - 600).await;
        sweep(&world).await;
        assert_eq!(alerted().await, (0, 0), "more than two hours are left");
        pass(&world, 700).await;
        sweep(&world).await;
        sweep(&world).await;
        assert_eq!(alerted().await, (2, 2), "each is told once");

        let record = answer(&world, &found[0], AnswerKind::Reject).await.expect("taken");
        assert_eq!(alerted().await, (2, 2), "an answer that is under way is no outcome");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(alerted().await, (1, 2));
        pass(&world, 7_200).await;
        assert_eq!(request_of(&world, &orders[1]).await.state, RequestState::Expired);
        assert_eq!(alerted().await, (0, 2));
    }

    async fn a_voided_order_stays_voided_when_its_request_is_rejected(trial) {
        let world = World::start(trial, 120).await;
        let orders = in_process(&world, 1).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.void(&mut session, &world.merchant, "op@example.com", &orders[0].id, None).await.expect("voided");
        session.commit().await.expect("committed");
        let request = ask(&world, &orders).await.remove(0);
        assert_eq!(request.list_before, List::Voided);
        let record = answer(&world, &request, AnswerKind::Reject).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        check_answered(&world, &request, AnswerKind::Reject).await;
    }

    async fn a_cancel_of_what_the_buyer_asks_for_becomes_the_answer(trial) {
        let world = World::start(trial, 200).await;
        let orders = in_process(&world, 2).await;
        // The buyer asked before.
        let request = ask(&world, &orders[..1]).await.remove(0);
        let order = world.order(&orders[0].id).await;
        let agreed = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        assert_eq!(agreed.request.as_ref(), Some(&request.id));
        // The buyer asks while our cancel is under way.
        let ours = world.cancel(&orders[1], "buyer_requests_cancellation", &[]).await;
        buyer(&world, &orders[1], "buyer-cancel", json!({})).await;
        world.run_until_ended(&[agreed.clone(), ours.clone()]).await;
        for (record, order) in [(&agreed, &orders[0]), (&ours, &orders[1])] {
            let ended = world.cancellation(record).await;
            assert_eq!((ended.saga.state(), ended.cancelled_by()), (State::Done, Some(Initiator::Buyer)));
            check_answered(&world, &request_of(&world, order).await, AnswerKind::Agree).await;
        }
        world.ledger_is_proven().await;
    }

    async fn a_request_that_changed_since_the_decision_is_shown_again_and_not_answered(trial) {
        let world = World::start(trial, 120).await;
        let orders = in_process(&world, 1).await;
        let request = ask(&world, &orders).await.remove(0);
        let record = answer(&world, &request, AnswerKind::Agree).await.expect("taken");
        // The buyer takes it back and asks for something else; Shopee's requests have no id.
        buyer(&world, &orders[0], "buyer-withdraw", json!({})).await;
        buyer(&world, &orders[0], "advance", json!({"to": "IN_CANCEL", "reason": "Need to Modify Order", "force": true})).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let after = request_of(&world, &orders[0]).await;
        assert_eq!(after.state, RequestState::Open);
        assert_eq!(after.buyer_reason.as_deref(), Some("Need to Modify Order"));
        assert!(after.message.is_some_and(|words| words.contains("changed")));
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        assert_eq!(world.control.order(&orders[0].number).await["status"], "IN_CANCEL");
        let second = answer(&world, &request_of(&world, &orders[0]).await, AnswerKind::Agree).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&second)).await;
        check_answered(&world, &request, AnswerKind::Agree).await;
    }

    async fn a_crash_at_any_step_of_an_answer_loses_nothing_and_repeats_nothing(trial) {
        let mut world = World::start(trial, 700).await;
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        let orders: Vec<_> =
            world.cancellable().await.into_iter().filter(|order| order.list == List::InProcess).collect();
        let mut orders = orders.into_iter();
        for kind in [AnswerKind::Agree, AnswerKind::Reject] {
            let mut completed = false;
            for polls in (1..40).step_by(3).chain((40..200).step_by(32)).chain([usize::MAX]) {
                let Some(order) = orders.next() else { break };
                let request = ask(&world, std::slice::from_ref(&order)).await.remove(0);
                let record = answer(&world, &request, kind).await.expect("taken");
                let engine = world.engine.clone();
                completed = poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
                world.restart().await;
                world.run_until_ended(std::slice::from_ref(&record)).await;
                check_answered(&world, &request, kind).await;
                if completed {
                    break;
                }
            }
            assert!(completed, "{kind}: the last crash came after the whole tick");
        }
        world.ledger_is_proven().await;
    }

    async fn answers_under_every_fault_are_each_given_once_and_never_against_the_word(trial) {
        let mut world = World::start(trial, 500).await;
        let orders = in_process(&world, 24).await;
        let found = ask(&world, &orders).await;
        let kind = |place: usize| if place.is_multiple_of(3) { AnswerKind::Reject } else { AnswerKind::Agree };
        let mut records = Vec::new();
        for (place, request) in found.iter().enumerate() {
            records.push(answer(&world, request, kind(place)).await.expect("taken"));
        }
        faults(&world, 0.3, &ALL_FAULTS, 23).await;
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        for polls in [9, 60] {
            let engine = world.engine.clone();
            poll_times(engine.tick(&due, Kind::Cancellation), polls).await;
            world.restart().await;
        }
        world.run_until_ended(&records).await;
        faults(&world, 0.0, &[], 0).await;
        world.sync().await;
        for (place, request) in found.iter().enumerate() {
            check_answered(&world, request, kind(place)).await;
        }
        world.ledger_is_proven().await;
    }

    async fn requests_of_tokopedia_s_old_api_are_found_answered_taken_back_and_run_out(trial) {
        let world = World::on(Platform::Tokopedia, trial, 60, |_, _| ()).await;
        let mut orders = world.list(List::InProcess, 200).await;
        orders.retain(|order| order.platform_status == "400");
        orders.sort_by_key(|order| order.ordered_at);
        let [agreed, rejected, withdrawn, expired, ..] = &orders[..] else { panic!("accepted orders: {orders:?}") };
        let now = world.engine.clock().platform_now(Platform::Tokopedia);
        assert!(now.since(rejected.ordered_at).seconds() > 86_400, "older than what a sweep lists again");
        let wish = json!({"reason": "Found Cheaper Elsewhere"});
        // No push comes: two are found by the status that the list knows, two by a read where it knows none.
        for order in [agreed, rejected] {
            buyer(&world, order, "buyer-cancel", wish.clone()).await;
        }
        sweep(&world).await;
        let both = async || found(&world, agreed).await.is_some() && found(&world, rejected).await.is_some();
        world.run_until_so("the requests", both).await;
        world.control.send(Method::PUT, "/switches", json!({"tokopedia": {"asked_status": false}})).await;
        for order in [withdrawn, expired] {
            buyer(&world, order, "buyer-cancel", wish.clone()).await;
            world.read_again(std::slice::from_ref(&order.number)).await;
        }
        let mut asked = Vec::new();
        for order in [agreed, rejected, withdrawn, expired] {
            asked.push(request_of(&world, order).await);
        }
        for request in &asked {
            assert_eq!(world.order(&request.order).await.list, List::CancelRequested);
            assert_eq!((request.state, request.list_before), (RequestState::Open, List::InProcess));
            assert_eq!(request.buyer_reason.as_deref(), Some("Found Cheaper Elsewhere"));
            assert_eq!(request.deadline_source, DeadlineSource::Policy);
            assert_eq!(request.deadline.since(request.asked_at).seconds(), 2 * 86_400);
        }

        let agree = answer(&world, &asked[0], AnswerKind::Agree).await.expect("taken");
        let reject = answer(&world, &asked[1], AnswerKind::Reject).await.expect("taken");
        world.run_until_ended(&[agree.clone(), reject]).await;
        assert_eq!(world.cancellation(&agree).await.cancelled_by(), Some(Initiator::Buyer));
        buyer(&world, withdrawn, "buyer-withdraw", json!({})).await;
        world.advance_clock(2 * 86_400 + 60).await;
        for order in [withdrawn, expired] {
            world.read_again(std::slice::from_ref(&order.number)).await;
        }
        let ends = [
            (agreed, RequestState::Agreed, List::Canceled, "0"),
            (rejected, RequestState::Rejected, List::InProcess, "400"),
            (withdrawn, RequestState::Withdrawn, List::InProcess, "400"),
            (expired, RequestState::Expired, List::Canceled, "15"),
        ];
        for (order, state, list, status) in ends {
            let truth = world.control.order(&order.number).await;
            let after = world.order(&order.id).await;
            assert_eq!((request_of(&world, order).await.state, after.list), (state, list), "{truth}");
            assert_eq!((&truth["status"], after.platform_status.as_str()), (&json!(status), status), "{truth}");
            for (line, before) in after.lines.iter().zip(&order.lines) {
                let waits = if list == List::Canceled { before.stock.allocated } else { 0 };
                assert_eq!(line.stock.returning, waits, "accepted: a label may have been printed");
            }
            let calls = world.control.get(&format!("/calls?platform=tokopedia&number={}", order.number)).await;
            let of_answer = |end: &str| {
                let calls = calls["calls"].as_array().expect("calls").iter();
                let is_answer = |call: &&Value| call["path"].as_str().is_some_and(|path| path.ends_with(end));
                calls.filter(is_answer).filter(|call| call["changed"] == true).count()
            };
            let told = (of_answer("/nack"), of_answer("/reject-cancel"));
            let expected = (usize::from(state == RequestState::Agreed), usize::from(state == RequestState::Rejected));
            assert_eq!(told, expected, "{}", order.number);
        }
        world.ledger_is_proven().await;
    }
}
