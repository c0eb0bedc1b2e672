//! Third-party warehouses against the sandbox: orders are pushed, asked back before the platform is told, pushed again after a
//! refusal, and nothing is believed without a read. What holds for every provider is tested once with each.

use super::world::{Fake, GENERIC, SHIPBOB, World, YICANG};
use domain::cancellation::State;
use domain::destination::{Destination, Part};
use domain::ids::{OrderNumber, WarehouseId};
use domain::order::List;
use domain::provider::Provider;
use domain::request::{AnswerKind, RequestState};
use domain::warehouse_order::Goods;
use domain::withdrawal::{StaffAnswer, State as AtWarehouse};
use engine::commands::{CancelRequest, CommandError};
use engine::{AnswerError, AnswerWish};
use reqwest::Method;
use serde_json::{Value, json};
use store::cancellations::CancellationRecord;
use store::orders::{self, OrderRecord};
use store::requests::{self, RequestRecord};
use store::trial::Trial;
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::{log, on_both, stock};

/// Every order of this shop whose lines are mugs is at the warehouse.
pub(super) const MUGS: &str = "MUG";

pub(super) async fn at_warehouse(world: &World, order: &OrderRecord) -> WarehouseOrderRecord {
    let mut session = world.engine.store().read().await.expect("begins");
    let mut known = warehouse_orders::at_each(&mut session, &world.merchant, &order.id).await.expect("read");
    known.pop().expect("it is at the warehouse")
}

/// Cancellable orders that a read has shown at the warehouse.
pub(super) async fn pushed(world: &World, count: usize) -> Vec<OrderRecord> {
    let made = json!({"platform": "shopee", "count": count, "status": "READY_TO_SHIP", "lines": [{"sku": "MUG-BLU", "quantity": 2}]});
    let numbers = world.control.send(Method::POST, "/orders", made).await;
    let numbers: Vec<String> = numbers["numbers"]
        .as_array()
        .expect("numbers")
        .iter()
        .map(|number| number.as_str().expect("text").to_owned())
        .collect();
    world.sync().await;
    let numbers: Vec<OrderNumber> =
        numbers.iter().map(|number| OrderNumber::parse(number.as_str()).expect("a number")).collect();
    let mut session = world.engine.store().read().await.expect("begins");
    let ids = orders::ids_by_number(&mut session, &world.merchant, &world.shop, &numbers).await.expect("read");
    drop(session);
    let mut orders = Vec::new();
    for number in &numbers {
        let order = world.order(ids.get(number).expect("the new order")).await;
        assert_eq!(order.list, List::New);
        orders.push(order);
    }
    for order in &orders {
        world.run_until_so("the push", async || world.order(&order.id).await.goods == Goods::There).await;
        world.run_until_so("its read", async || at_warehouse(world, order).await.saga.confirmed).await;
    }
    let mut fresh = Vec::new();
    for order in &orders {
        fresh.push(world.order(&order.id).await);
    }
    fresh
}

/// What lies at the warehouse.
pub(super) async fn truths(world: &World) -> Vec<Value> {
    let all = world.control.get(&format!("/orders?platform={}", world.fake.name)).await;
    all["orders"].as_array().expect("orders").clone()
}

async fn truth(world: &World, record: &WarehouseOrderRecord) -> Value {
    let all = truths(world).await;
    all.into_iter().find(|order| order["reference"] == record.reference.as_str()).expect("the warehouse has it")
}

async fn move_there(world: &World, record: &WarehouseOrderRecord, to: &str) {
    force_there(world, record, to, false).await;
}

pub(super) async fn force_there(world: &World, record: &WarehouseOrderRecord, to: &str, force: bool) {
    let path = format!("/orders/{}/{}/advance", world.fake.name, record.reference);
    world.control.send(Method::POST, &path, json!({"to": to, "force": force})).await;
}

/// Tells the warehouse how to behave.
pub(super) async fn switch(world: &World, switches: Value) {
    world.control.send(Method::PUT, "/switches", json!({world.fake.name: switches})).await;
}

/// A push of the warehouse arrives: its order is looked at now.
pub(super) async fn nudge(world: &World, record: &WarehouseOrderRecord) {
    let mut session = world.engine.store().begin().await.expect("begins");
    let (merchant, warehouse) = (&world.merchant, &record.warehouse);
    let named = world.engine.nudge_warehouse(&mut session, merchant, warehouse, &record.reference).await;
    assert!(named.expect("wanted"), "it names an order of ours");
    session.commit().await.expect("committed");
}

async fn ask(world: &World, order: &OrderRecord) -> RequestRecord {
    let path = format!("/orders/shopee/{}/buyer-cancel", order.number);
    world.control.send(Method::POST, &path, json!({"reason": "Found Cheaper Elsewhere", "ask": true})).await;
    let mut session = world.engine.store().begin().await.expect("begins");
    world.engine.nudge(&mut session, &world.merchant, &world.shop, [&order.number]).await.expect("wanted");
    session.commit().await.expect("committed");
    world.run_until_so("the request", async || found(world, order).await.is_some()).await;
    request_of(world, order).await
}

async fn found(world: &World, order: &OrderRecord) -> Option<RequestRecord> {
    let mut session = world.engine.store().read().await.expect("begins");
    let of_order = requests::of_orders(&mut session, &world.merchant, std::slice::from_ref(&order.id)).await;
    of_order.expect("read").pop()
}

async fn request_of(world: &World, order: &OrderRecord) -> RequestRecord {
    found(world, order).await.expect("a request")
}

async fn answer(
    world: &World,
    request: &RequestRecord,
    kind: AnswerKind,
    despite_warehouse: bool,
) -> Result<CancellationRecord, AnswerError> {
    let mut session = world.engine.store().begin().await.expect("begins");
    let wish = AnswerWish { request: &request.id, kind, reason: None, despite_warehouse };
    let (_, record) = world.engine.answer_request(&mut session, &world.merchant, "op@example.com", &wish).await?;
    session.commit().await.expect("committed");
    Ok(record)
}

/// The calls with which an order of ours was asked back.
async fn askings(world: &World, record: &WarehouseOrderRecord) -> Vec<Value> {
    let number = record.number.as_deref().unwrap_or("-");
    let calls = world.control.get(&format!("/calls?platform={}&number={number}", world.fake.name)).await;
    let calls = calls["calls"].as_array().expect("calls").clone();
    let asks = |call: &Value| call["path"].as_str().is_some_and(|path| path.ends_with(world.fake.withdraw));
    calls.into_iter().filter(asks).collect()
}

/// How many of them had an effect.
async fn effective(world: &World, record: &WarehouseOrderRecord) -> usize {
    askings(world, record).await.iter().filter(|call| call["changed"] == true).count()
}

async fn available(world: &World, order: &OrderRecord) -> i64 {
    let line = &order.lines[0];
    let mut session = world.engine.store().read().await.expect("begins");
    let balances =
        stock::balances(&mut session, &world.merchant, Some(&line.merchant_sku), Some(&line.warehouse), None, 1);
    balances.await.expect("read").pop().map_or(0, |row| row.balance.available)
}

/// Makes each test once for every provider.
macro_rules! with_each_provider {
    ($(async fn $name:ident($trial:ident, $fake:ident) $body:block)*) => {
        $(async fn $name($trial: Trial, $fake: &'static Fake) $body)*

        with_each_provider! { shipbob, SHIPBOB: $($name)* }
        with_each_provider! { generic, GENERIC: $($name)* }
        with_each_provider! { yicang, YICANG: $($name)* }
    };
    ($provider:ident, $fake:ident: $($name:ident)*) => {
        mod $provider {
            use super::{on_both, $fake};

            on_both! {
                $(async fn $name(trial) { super::super::$name(trial, &$fake).await; })*
            }
        }
    };
}

/// Enters a destination with this province and postal code.
async fn enter(world: &World, warehouse: &WarehouseId, [province, postal_code]: [&'static str; 2]) {
    let destination = Destination::entered(|part| match part {
        Part::Address => "Lot 2, Jalan Gudang",
        Part::City => "Shah Alam",
        Part::Province => province,
        Part::PostalCode => postal_code,
    });
    let destination = destination.expect("a destination");
    let mut session = world.engine.store().begin().await.expect("begins");
    let (merchant, kept) = (&world.merchant, destination.as_ref());
    let set = world.engine.set_destination(&mut session, merchant, "op@example.com", warehouse, kept).await;
    set.expect("kept");
    session.commit().await.expect("committed");
}

/// What a warehouse was told of where an order goes, in its API's words, without the buyer's name.
fn told(fake: &Fake, (address, city): (&str, &str), (province, postal_code): (Option<&str>, Option<&str>)) -> Value {
    let mut told = match fake.provider {
        Provider::Shipbob => json!({"address": {"address1": address, "city": city, "country": "MY"}}),
        Provider::Generic => json!({"address": address, "city": city, "country": "MY"}),
        // It needs all of it.
        Provider::Yicang => json!({
            "address1": address, "city": city, "country_code": "MY", "province": province.unwrap_or(city),
            "zipcode": postal_code.unwrap_or("00000"),
        }),
    };
    let (place, names) = match fake.provider {
        Provider::Shipbob => (&mut told["address"], ["state", "zip_code"]),
        Provider::Generic => (&mut told, ["province", "postal_code"]),
        Provider::Yicang => return told,
    };
    for (name, part) in names.into_iter().zip([province, postal_code]) {
        if let Some(part) = part {
            place[name] = part.into();
        }
    }
    told
}

with_each_provider! {
    async fn the_warehouse_is_told_the_destination_that_was_entered_else_that_the_label_says_it(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let was_told = async || {
            let order = pushed(&world, 1).await.remove(0);
            let there = at_warehouse(&world, &order).await;
            let mut recipient = truth(&world, &there).await["recipient"].clone();
            let name = recipient.as_object_mut().expect("a recipient").remove("name");
            assert_eq!(name, Some(json!(order.buyer_name)), "masked, as the marketplace shows it");
            (there.warehouse, recipient)
        };
        let (warehouse, recipient) = was_told().await;
        assert_eq!(recipient, told(fake, ("as on the label of Shopee", "MY"), (None, None)));

        for (province, postal_code) in [("Selangor", "40150"), ("", "")] {
            enter(&world, &warehouse, [province, postal_code]).await;
            let entered = |text: &'static str| (!text.is_empty()).then_some(text);
            let expected = told(fake, ("Lot 2, Jalan Gudang", "Shah Alam"), (entered(province), entered(postal_code)));
            assert_eq!(was_told().await.1, expected);
        }
    }

    async fn an_order_at_the_warehouse_is_handed_back_before_the_platform_is_told(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let before = available(&world, &order).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
        let there = at_warehouse(&world, &order).await;
        assert_eq!((there.saga.state, there.saga.confirmed), (AtWarehouse::Withdrawn, true));
        assert_eq!(truth(&world, &there).await["cancels"], 1);
        assert_eq!(world.control.effective_cancels(&order.number).await, 1);
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.goods), (List::Canceled, Goods::HandedBack));
        assert_eq!(available(&world, &order).await, before + 2, "its units lie on the warehouse's shelf");
        world.ledger_is_proven().await;
    }

    async fn a_request_is_agreed_to_once_the_warehouse_handed_the_order_back(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let request = ask(&world, &order).await;
        assert_eq!(at_warehouse(&world, &order).await.saga.state, AtWarehouse::Pushed, "nobody decided yet");
        let record = answer(&world, &request, AnswerKind::Agree, false).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(request_of(&world, &order).await.state, RequestState::Agreed);
        assert_eq!(at_warehouse(&world, &order).await.saga.state, AtWarehouse::Withdrawn);
        assert_eq!(world.order(&order.id).await.list, List::Canceled);
        world.ledger_is_proven().await;
    }

    async fn what_was_asked_back_at_once_is_pushed_again_under_another_reference_when_the_request_is_rejected(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, true).await;
        let order = pushed(&world, 1).await.remove(0);
        let first = at_warehouse(&world, &order).await;
        let request = ask(&world, &order).await;
        world.run_until_so("the withdrawal", async || world.order(&order.id).await.goods == Goods::HandedBack).await;
        let record = answer(&world, &request, AnswerKind::Reject, false).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_so("the second push", async || world.order(&order.id).await.goods == Goods::There).await;
        let second = at_warehouse(&world, &order).await;
        assert_eq!((first.generation, second.generation), (1, 2));
        assert_ne!(first.reference, second.reference);
        assert_eq!(truth(&world, &first).await["phase"], "cancelled");
        assert_eq!(truth(&world, &second).await["phase"], "open");
        world.ledger_is_proven().await;
    }

    async fn a_warehouse_that_picked_the_order_keeps_it_and_a_person_decides_despite_it(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        move_there(&world, &there, "picked").await;
        let request = ask(&world, &order).await;
        let record = answer(&world, &request, AnswerKind::Agree, false).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        assert_eq!(world.order(&order.id).await.goods, Goods::KeptPicked);
        let open = request_of(&world, &order).await;
        assert_eq!(open.state, RequestState::Open, "the buyer still waits");

        let again = answer(&world, &open, AnswerKind::Agree, false).await.expect_err("the warehouse keeps it");
        let AnswerError::WithdrawalRefused(words) = again else { panic!("{again}") };
        let number = there.number.clone().unwrap_or_default();
        assert!(words.contains(fake.contact) && words.contains(order.number.as_str()) && words.contains(&number), "{words}");
        let record = answer(&world, &open, AnswerKind::Agree, true).await.expect("despite it");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(request_of(&world, &order).await.state, RequestState::Agreed);
        let after = world.order(&order.id).await;
        assert_eq!(after.returning(), 2, "they are not on a shelf of ours");

        // Stopped by hand after all: its units come back by the warehouse's confirmation alone.
        force_there(&world, &there, "cancelled", true).await;
        nudge(&world, &there).await;
        world.run_until_so("the confirmation", async || world.order(&order.id).await.returning() == 0).await;
        assert_eq!(world.order(&order.id).await.goods, Goods::HandedBack);
        world.ledger_is_proven().await;
    }

    async fn a_parcel_that_left_is_told_with_its_tracking_number_and_comes_back_as_the_warehouse_processed_it(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        move_there(&world, &there, "shipped").await;
        nudge(&world, &there).await;
        world.run_until_so("the read", async || world.order(&order.id).await.goods == Goods::KeptShipped).await;
        let order = world.order(&order.id).await;
        let lines = [];
        let wish = |despite_warehouse| CancelRequest {
            order: &order.id,
            reason: "buyer_requests_cancellation",
            lines: &lines,
            note: None,
            expected_version: None,
            repack: false,
            despite_warehouse,
        };
        let mut session = world.engine.store().begin().await.expect("begins");
        let refused = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &wish(false)).await;
        let Err(CommandError::WithdrawalRefused(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains("tracking FP"), "{words}");
        let record = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &wish(true)).await;
        let record = record.expect("despite it");
        session.commit().await.expect("committed");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.order(&order.id).await.returning(), 2);

        let before = available(&world, &order).await;
        move_there(&world, &there, "returned").await;
        nudge(&world, &there).await;
        world.run_until_so("the return", async || world.order(&order.id).await.returning() == 0).await;
        assert_eq!(available(&world, &order).await, before + 2);
        nudge(&world, &there).await;
        world.engine.run_due().await.expect("a tick");
        assert_eq!(available(&world, &order).await, before + 2, "a return is taken in once");
        world.ledger_is_proven().await;
    }

    async fn an_order_that_the_platform_keeps_after_a_withdrawal_is_pushed_again(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        switch(&world, json!({"applies_after_seconds": 30})).await;
        let switches = json!({"shopee": {"cancel_after_arrangement": false}});
        world.control.send(Method::PUT, "/switches", switches).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_so("the asking", async || at_warehouse(&world, &order).await.saga.asked_at.is_some()).await;
        // Packed in the Seller Center meanwhile: the platform takes no cancel any more.
        world.advance(std::slice::from_ref(&order.number), "PROCESSED").await;
        world.advance_clock(31).await;
        nudge(&world, &at_warehouse(&world, &order).await).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!((ended.saga.state(), ended.saga.attempts), (State::Refused, 0), "{:?}", ended.platform_message);
        let second = at_warehouse(&world, &order).await;
        assert_eq!((second.generation, second.saga.state, second.saga.confirmed), (2, AtWarehouse::Pushed, true));
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.cancelling, after.goods), (List::InProcess, false, Goods::There));
        world.ledger_is_proven().await;
    }

    async fn lost_answers_push_once_and_withdraw_once(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let faults = |rate: f64| json!({"platform": world.fake.name, "rate": rate, "kinds": ["timeout_after", "http_500_after"], "seed": 5});
        world.control.send(Method::PUT, "/faults", faults(0.4)).await;
        let orders = pushed(&world, 3).await;
        let mut records = Vec::new();
        for order in &orders {
            records.push(world.cancel(order, "buyer_requests_cancellation", &[]).await);
        }
        world.run_until_ended(&records).await;
        let all = truths(&world).await;
        for order in &orders {
            let there = at_warehouse(&world, order).await;
            assert_eq!((there.generation, there.saga.state, there.saga.confirmed), (1, AtWarehouse::Withdrawn, true));
            let same = |truth: &&Value| {
                truth["reference"].as_str().is_some_and(|reference| reference.starts_with(order.id.as_str()))
            };
            assert_eq!(all.iter().filter(same).count(), 1, "pushed once");
            assert_eq!(truth(&world, &there).await["cancels"], 1);
            assert_eq!(effective(&world, &there).await, 1);
        }
        world.ledger_is_proven().await;
    }

    async fn a_restart_between_intent_and_answer_reads_before_it_asks_again(trial, fake) {
        let mut world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        // The answer to the asking takes longer than the process lives.
        let slow = json!({"platform": fake.name, "rate": 1.0, "kinds": ["slow"], "seed": 1, "delay_ms": 3_000});
        world.control.send(Method::PUT, "/faults", slow).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        let dies = async {
            loop {
                world.engine.run_due().await.expect("a tick");
            }
        };
        let asked = async {
            while effective(&world, &at_warehouse(&world, &order).await).await == 0 {}
        };
        tokio::select! { () = dies => {}, () = asked => {} }
        world.control.send(Method::PUT, "/faults", json!({"platform": fake.name, "rate": 0.0, "kinds": []})).await;
        world.restart().await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let there = at_warehouse(&world, &order).await;
        assert_eq!((there.saga.state, there.saga.confirmed), (AtWarehouse::Withdrawn, true));
        assert_eq!(effective(&world, &there).await, 1);
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
        world.ledger_is_proven().await;
    }

    async fn the_staff_answers_once_through_its_link_and_stopped_lets_an_agreement_go_on(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        move_there(&world, &there, "labeled").await;
        let request = ask(&world, &order).await;
        let record = answer(&world, &request, AnswerKind::Agree, false).await.expect("taken");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.make_link(&mut session, &world.merchant, "op@example.com", &order.id, None, "a hash").await.expect("made");
        world.engine.answer_by_link(&mut session, "a hash", StaffAnswer::Stopped).await.expect("taken");
        world.engine.answer_by_link(&mut session, "a hash", StaffAnswer::Gone).await.expect_err("once");
        session.commit().await.expect("committed");
        world.run_until_so("the second refusal", async || {
            world.order(&order.id).await.goods == Goods::KeptPicked
        })
        .await;
        let open = request_of(&world, &order).await;
        let record = answer(&world, &open, AnswerKind::Agree, false).await.expect("by the staff's word");
        assert!(record.despite_warehouse);
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(request_of(&world, &order).await.state, RequestState::Agreed);
        assert_eq!(world.order(&order.id).await.returning(), 2, "their word moves no unit");
        world.ledger_is_proven().await;
    }

    async fn what_has_no_word_for_a_day_is_asked_for_again_and_never_assumed(trial, fake) {
        let world = World::at(fake, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        // Nobody in the building can tell, and nothing is decided.
        switch(&world, json!({"applies_after_seconds": 900_000})).await;
        move_there(&world, &there, "undecided").await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_so("the asking", async || askings(&world, &there).await.len() == 1).await;
        world.run_until_so("its reading", async || at_warehouse(&world, &order).await.saga.in_doubt_until.is_none()).await;
        world.pass(86_401);
        world.run_until_so("the second asking", async || askings(&world, &there).await.len() == 2).await;
        assert_eq!(world.order(&order.id).await.goods, Goods::Asked);
        assert!(!world.cancellation(&record).await.saga.state().is_final(), "nothing is assumed");
        assert_eq!(world.control.effective_cancels(&order.number).await, 0);

        move_there(&world, &there, "cancelled").await;
        nudge(&world, &there).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
        world.ledger_is_proven().await;
    }
}

on_both! {
    async fn a_pending_asking_that_a_picker_beats_is_told_as_refused_by_a_read(trial) {
        let world = World::at(&GENERIC, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        switch(&world, json!({"applies_after_seconds": 30})).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_so("the pending word", async || truth(&world, &there).await["withdrawal"] == "pending").await;
        move_there(&world, &there, "picked").await;
        world.advance_clock(31).await;
        nudge(&world, &there).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        assert_eq!(world.order(&order.id).await.goods, Goods::KeptPicked);
        assert_eq!(askings(&world, &there).await.len(), 1);
    }

    async fn a_pending_asking_that_stops_the_order_lets_the_cancel_go_on(trial) {
        let world = World::at(&YICANG, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        switch(&world, json!({"applies_after_seconds": 30, "keeps_fee": true})).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_so("the pending word", async || truth(&world, &there).await["withdrawal"] == "pending").await;
        assert_eq!(world.control.effective_cancels(&order.number).await, 0, "the platform is told later");
        world.advance_clock(31).await;
        nudge(&world, &there).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
    }

    async fn a_fee_that_the_warehouse_keeps_is_in_the_log(trial) {
        let world = World::at(&YICANG, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        switch(&world, json!({"keeps_fee": true})).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(at_warehouse(&world, &order).await.saga.state, AtWarehouse::Withdrawn);
        let mut session = world.engine.store().read().await.expect("begins");
        let entries = log::of_order(&mut session, &world.merchant, &order.id).await.expect("read");
        assert!(entries.iter().any(|entry| entry.action == "warehouse.fee"), "{entries:?}");
    }

    async fn an_answer_without_an_outcome_is_read_and_never_taken_for_a_yes(trial) {
        let world = World::at(&YICANG, trial, 30, MUGS, false).await;
        let order = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &order).await;
        switch(&world, json!({"omits_outcome": true})).await;
        move_there(&world, &there, "packed").await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        assert_eq!(askings(&world, &there).await.len(), 2, "its status shows it untouched: asked once more");
        assert_eq!(world.order(&order.id).await.goods, Goods::KeptPicked);
    }

    async fn a_warehouse_that_checks_addresses_holds_no_order_once_a_destination_is_entered(trial) {
        let world = World::at(&SHIPBOB, trial, 30, MUGS, false).await;
        switch(&world, json!({"checks_addresses": true})).await;
        let held = pushed(&world, 1).await.remove(0);
        let there = at_warehouse(&world, &held).await;
        assert_eq!((there.saga.state, there.raw_status.as_str()), (AtWarehouse::Pushed, "OnHold"));
        enter(&world, &there.warehouse, ["Selangor", "40150"]).await;
        let taken = pushed(&world, 1).await.remove(0);
        assert_eq!(at_warehouse(&world, &taken).await.raw_status, "Processing");
    }
}
