//! What went wrong elsewhere, and cannot here: a test for each of the double-restock traps of `peers.md`, section 3, named
//! after what happened there.

use crate::desk::Desk;
use crate::engine::World;
use domain::cancellation::State;
use domain::ids::{MerchantSku, OrderNumber};
use domain::mapping::Source;
use domain::order::{List, Stage, Tab};
use domain::platform::Platform;
use domain::policy::Standing;
use domain::snapshot::Initiator;
use domain::stock::Balance;
use engine::stock_ins::{OrderVisit, StockIn};
use reqwest::Method;
use serde_json::json;
use store::bundles::Component;
use store::cancellations::{CancellationRecord, ChosenLine};
use store::mappings::MappingRecord;
use store::on_both;
use store::orders::OrderRecord;
use store::stock;

async fn balance(world: &World, sku: &MerchantSku) -> Balance {
    let mut session = world.engine.store().read().await.expect("begins");
    let found = stock::balances(&mut session, &world.merchant, Some(sku), None, None, 1).await.expect("read");
    found.into_iter().next().map(|found| found.balance).unwrap_or_default()
}

async fn sums(world: &World) -> Balance {
    let mut session = world.engine.store().read().await.expect("begins");
    store::proof::sums(&mut session, &world.merchant, None).await.expect("sums").kept
}

/// Untouched orders that are to be packed and hold all that they ordered.
async fn to_pack(world: &World, count: usize) -> Vec<OrderRecord> {
    let mut orders = world.cancellable().await;
    orders.retain(|order| {
        order.list == List::New
            && order.stage == Stage::Untouched
            && order.standing == Standing::ToPack
            && order.lines.iter().all(|line| line.stock.allocated == line.quantity)
    });
    assert!(orders.len() >= count, "{} of {count} orders", orders.len());
    orders.truncate(count);
    orders
}

/// Orders whose shipment is arranged, so that somebody may have their goods in hand.
async fn in_process(world: &World, count: usize) -> Vec<OrderRecord> {
    let mut orders = world.cancellable().await;
    orders.retain(|order| {
        order.list == List::InProcess && order.lines.iter().all(|line| line.stock.allocated == line.quantity)
    });
    assert!(orders.len() >= count, "{} of {count} orders", orders.len());
    orders.truncate(count);
    orders
}

fn units(order: &OrderRecord) -> i64 {
    order.lines.iter().map(|line| i64::from(line.quantity)).sum()
}

/// Reads these orders again, as a push, a doubled push and a sweep do.
async fn read_again(world: &World, numbers: &[OrderNumber]) {
    for _ in 0..3 {
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.nudge(&mut session, &world.merchant, &world.shop, numbers).await.expect("wanted");
        session.commit().await.expect("committed");
        world.engine.run_due().await.expect("a tick");
    }
    world.sync().await;
}

async fn cancel(world: &World, order: &OrderRecord, reason: &str) -> CancellationRecord {
    let record = world.cancel(order, reason, &[]).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    world.cancellation(&record).await
}

on_both! {
    async fn trap_1_restocked_twice(trial) {
        let world = World::start(trial, 80).await;
        let order = to_pack(&world, 1).await.remove(0);
        let before = sums(&world).await;
        cancel(&world, &order, "buyer_requests_cancellation").await;
        let once = sums(&world).await;
        assert_eq!(once.available, before.available + units(&order));
        // Pushed again, swept again, asked for again: the second is a no-op.
        read_again(&world, std::slice::from_ref(&order.number)).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        let request = engine::commands::CancelRequest { order: &order.id, reason: "buyer_requests_cancellation", lines: &[], note: None, expected_version: None, repack: false, despite_warehouse: false };
        let again = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &request).await;
        assert!(again.is_err(), "a canceled order is not canceled again");
        drop(session);
        assert_eq!(sums(&world).await, once);
        world.ledger_is_proven().await;
    }

    async fn trap_2_already_canceled_was_taken_for_an_error_and_every_retry_added_stock(trial) {
        let world = World::start(trial, 80).await;
        let order = to_pack(&world, 1).await.remove(0);
        let before = sums(&world).await;
        // The platform cancels it in the moment in which we ask for the same.
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "CANCELLED", "force": true})).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let ended = world.cancellation(&record).await;
        assert_eq!((ended.saga.state(), ended.cancelled_by()), (State::Done, Some(Initiator::Platform)));
        read_again(&world, std::slice::from_ref(&order.number)).await;
        assert_eq!(sums(&world).await.available, before.available + units(&order), "once, whoever was first");
        world.control.check_calls(order.number.as_str()).await;
        world.ledger_is_proven().await;
    }

    async fn trap_3_stock_never_came_back(trial) {
        let world = World::start(trial, 160).await;
        let orders = to_pack(&world, 4).await;
        let before = sums(&world).await;
        // By the seller, by the platform, by the buyer, and after it was set aside: one path.
        cancel(&world, &orders[0], "buyer_requests_cancellation").await;
        world.advance(std::slice::from_ref(&orders[1].number), "CANCELLED").await;
        world.control.send(Method::POST, &format!("/orders/shopee/{}/buyer-cancel", orders[2].number), json!({})).await;
        read_again(&world, std::slice::from_ref(&orders[2].number)).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        let voided = world.engine.void(&mut session, &world.merchant, "op@example.com", &orders[3].id, None).await.expect("voided");
        session.commit().await.expect("committed");
        cancel(&world, &voided, "buyer_requests_cancellation").await;
        let all: i64 = orders.iter().map(units).sum();
        let after = sums(&world).await;
        assert_eq!((after.available, after.allocated), (before.available + all, before.allocated - all));
        for order in &orders {
            let order = world.order(&order.id).await;
            assert_eq!((order.list, order.tab), (List::Canceled, Tab::NothingToDo), "{}", order.number);
        }
        world.ledger_is_proven().await;
    }

    async fn trap_4_stock_came_back_when_it_should_not(trial) {
        let world = World::start(trial, 160).await;
        let gone = to_pack(&world, 1).await.remove(0);
        let touched = in_process(&world, 1).await.remove(0);
        let before = sums(&world).await;
        // Said not to exist: nothing of it is for sale again until somebody counts.
        let lines: Vec<ChosenLine> = gone.lines.iter().map(|line| ChosenLine { line_id: line.id.to_string(), quantity: line.quantity }).collect();
        let record = world.cancel(&gone, "out_of_stock", &lines).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let counted = sums(&world).await;
        assert_eq!((counted.available, counted.count_needed), (before.available, before.count_needed + units(&gone)));
        assert!(world.is_held(&gone.lines[0].merchant_sku).await, "and no listing is filled with it");
        // Its label was printed: it is back when somebody says so.
        world.advance(std::slice::from_ref(&touched.number), "CANCELLED").await;
        let waits = sums(&world).await;
        assert_eq!((waits.available, waits.returning), (before.available, before.returning + units(&touched)));
        assert_eq!(world.order(&touched.id).await.tab, Tab::ToStockIn);
        world.ledger_is_proven().await;
    }

    async fn trap_5_cancel_and_ship_raced(trial) {
        let desk = Desk::without_workers(trial, 160).await;
        for order in in_process(&desk.world, 6).await {
            let version = order.version.to_string();
            let ship = format!("/api/v1/orders/{}/ship", order.id);
            let body = json!({"order_id": order.id.as_str(), "reason": "buyer_requests_cancellation"}).to_string();
            let headers = [("if-match", version.as_str())];
            let (shipped, canceled) = tokio::join!(
                desk.ask(Method::POST, &desk.owner, &ship, &headers, ""),
                desk.ask(Method::POST, &desk.owner, "/api/v1/cancellations", &headers, body)
            );
            let won = usize::from(shipped.status.is_success()) + usize::from(canceled.status.is_success());
            assert_eq!(won, 1, "exactly one: {} {} / {} {}", shipped.status, shipped.text, canceled.status, canceled.text);
            let lost = if shipped.status.is_success() { canceled } else { shipped };
            assert_eq!(lost.status, 409, "{}", lost.text);
            let after = desk.world.order(&order.id).await;
            assert_ne!(after.cancelling, after.scanned_out, "{}", after.number);
        }
        desk.world.ledger_is_proven().await;
    }

    async fn trap_12_a_partial_cancel_took_units_of_the_wrong_line(trial) {
        let world = World::on(Platform::Lazada, trial, 160, |_, _| ()).await;
        let mut orders = world.cancellable().await;
        orders.retain(|order| order.lines.len() > 1 && order.lines.iter().all(|line| line.platform_status == "pending" && line.stock.allocated == 1));
        let order = orders.into_iter().next().expect("an order of several items");
        let before = sums(&world).await;
        let chosen = ChosenLine { line_id: order.lines[1].id.to_string(), quantity: 1 };
        let record = world.cancel(&order, "sourcing_delay", &[chosen]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let after = world.order(&order.id).await;
        let held: Vec<(u32, u32)> = after.lines.iter().map(|line| (line.stock.allocated, line.stock.returning)).collect();
        let expected: Vec<(u32, u32)> = (0..held.len()).map(|place| (u32::from(place != 1), 0)).collect();
        assert_eq!(held, expected, "only the chosen line gives its unit back");
        let sums = sums(&world).await;
        assert_eq!((sums.available, sums.allocated), (before.available + 1, before.allocated - 1));
        world.ledger_is_proven().await;
    }

    async fn trap_13_reservations_leaked_and_went_below_zero(trial) {
        let world = World::start(trial, 160).await;
        let unpaid = world.list(List::Unpaid, 200).await;
        assert!(!unpaid.is_empty());
        let before = sums(&world).await;
        let held: i64 = unpaid.iter().flat_map(|order| &order.lines).map(|line| i64::from(line.stock.reserved)).sum();
        assert!(held > 0, "units are held for orders that are not paid");
        // They expire, and are told of twice.
        let numbers: Vec<_> = unpaid.iter().map(|order| order.number.clone()).collect();
        world.advance(&numbers, "CANCELLED").await;
        read_again(&world, &numbers).await;
        let after = sums(&world).await;
        assert_eq!((after.available, after.reserved), (before.available + held, before.reserved - held));
        // Set aside and taken back, again and again, an order holds what it held.
        let order = to_pack(&world, 1).await.remove(0);
        for _ in 0..3 {
            for voided in [true, false] {
                let mut session = world.engine.store().begin().await.expect("begins");
                let (merchant, actor) = (&world.merchant, "op@example.com");
                let done = if voided { world.engine.void(&mut session, merchant, actor, &order.id, None).await } else { world.engine.restore(&mut session, merchant, actor, &order.id, None).await };
                done.expect("done");
                session.commit().await.expect("committed");
            }
        }
        assert_eq!(sums(&world).await, after);
        assert!(after.is_sound());
        world.ledger_is_proven().await;
    }

    /// PrestaShop#19054, medusa#12503, hotwax/bopis#535.
    async fn trap_14_a_bundle_came_back_and_what_it_consists_of_did_not(trial) {
        let world = World::start(trial, 80).await;
        let code = to_pack(&world, 1).await[0].lines[0].listing_sku.clone();
        let [cup, lid, set] = ["PART-CUP", "PART-LID", "SET"].map(|sku| MerchantSku::parse(sku).expect("a SKU"));
        let warehouse = domain::ids::WarehouseId::parse("whs_1").expect("an id");
        let consists_of = async |components: &[Component]| {
            let mut session = world.engine.store().begin().await.expect("begins");
            world.engine.set_bundle(&mut session, &world.merchant, "keeper", &set, components).await.expect("set");
            session.commit().await.expect("committed");
        };
        let mut session = world.engine.store().begin().await.expect("begins");
        for (sku, counted) in [(&cup, 20), (&lid, 9)] {
            let count = engine::adjustments::Adjustment::Count { counted };
            world.engine.adjust(&mut session, &world.merchant, "keeper", (&warehouse, sku), count, None).await.expect("counted");
        }
        let means = MappingRecord { shop: None, listing_sku: code.clone(), merchant_sku: set.clone(), source: Source::Hand };
        world.engine.map_codes(&mut session, &world.merchant, "keeper", &[means]).await.expect("mapped");
        session.commit().await.expect("committed");
        consists_of(&[Component { sku: cup.clone(), units: 2 }, Component { sku: lid.clone(), units: 1 }]).await;

        // Two buyers order two sets each: what is taken is what lies on the shelf.
        let numbers = [world.order_of(code.as_str()).await, world.order_of(code.as_str()).await];
        world.run_until_idle().await;
        let (cups, lids) = (balance(&world, &cup).await, balance(&world, &lid).await);
        assert_eq!((cups.available, cups.allocated, lids.available, lids.allocated), (12, 8, 5, 4));
        // Another recipe is for what is sold from now on. One order ends untouched, the other when it may be in a parcel.
        consists_of(&[Component { sku: lid.clone(), units: 3 }]).await;
        let untouched = world.order_by_number(&numbers[0]).await;
        cancel(&world, &untouched, "buyer_requests_cancellation").await;
        world.advance(&numbers[1..], "PROCESSED").await;
        world.advance(&numbers[1..], "CANCELLED").await;
        read_again(&world, &numbers).await;
        let (cups, lids) = (balance(&world, &cup).await, balance(&world, &lid).await);
        assert_eq!((cups.available, cups.returning, lids.available, lids.returning), (16, 4, 7, 2), "the same rows, by stage");

        let parcel = world.order_by_number(&numbers[1]).await;
        for again in [false, true] {
            let visit = [OrderVisit { order: parcel.id.clone(), lines: None, expected: None }];
            let request = StockIn { actor: "keeper", warehouse: &warehouse, orders: &visit, note: None, shops: None, batch: None };
            let mut session = world.engine.store().begin().await.expect("begins");
            let told = world.engine.stock_in(&mut session, &world.merchant, &request).await.expect("taken");
            session.commit().await.expect("committed");
            assert_eq!(told[0].1.is_err(), again, "once");
        }
        let (cups, lids) = (balance(&world, &cup).await, balance(&world, &lid).await);
        assert_eq!((cups, lids), (Balance { available: 20, ..Balance::default() }, Balance { available: 9, ..Balance::default() }));
        assert_eq!(balance(&world, &set).await, Balance::default(), "no unit of the set ever lay anywhere");
        world.ledger_is_proven().await;
    }

    async fn trap_15_the_cancel_of_an_order_without_stock_made_stock_out_of_nothing(trial) {
        let world = World::start(trial, 80).await;
        let sku = to_pack(&world, 1).await[0].lines[0].merchant_sku.clone();
        let warehouse = domain::ids::WarehouseId::parse("whs_1").expect("an id");
        // The shelf is emptied, and an order comes for what is not there.
        let there = u32::try_from(balance(&world, &sku).await.available).expect("units");
        let mut session = world.engine.store().begin().await.expect("begins");
        let out = engine::adjustments::Adjustment::Out { units: there, defective: false };
        world.engine.adjust(&mut session, &world.merchant, "op@example.com", (&warehouse, &sku), out, None).await.expect("taken out");
        session.commit().await.expect("committed");
        let short = loop {
            let made = world.control.send(Method::POST, "/orders", json!({"platform": "shopee", "count": 20, "status": "READY_TO_SHIP"})).await;
            assert!(made["numbers"].as_array().is_some_and(|numbers| !numbers.is_empty()), "{made}");
            world.sync().await;
            let new = world.list(List::New, 200).await;
            let wants = |order: &OrderRecord| order.tab == Tab::OutOfStock && order.lines.iter().any(|line| line.merchant_sku == sku);
            if let Some(short) = new.into_iter().find(wants) {
                break short;
            }
        };
        let before = sums(&world).await;
        world.advance(std::slice::from_ref(&short.number), "CANCELLED").await;
        read_again(&world, std::slice::from_ref(&short.number)).await;
        assert_eq!(world.order(&short.id).await.list, List::Canceled);
        let after = sums(&world).await;
        assert_eq!((after.available, after.returning, after.count_needed), (before.available, before.returning, before.count_needed), "it had nothing, and gives nothing back");
        assert_eq!(balance(&world, &sku).await.available, 0);
        world.ledger_is_proven().await;
    }
}
