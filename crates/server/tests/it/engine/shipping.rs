//! Pack, label, print, ship and what takes them back, against the sandbox: the plain course, refusals, crashes at every
//! step, races with the cancel.

use super::cancel::poll_times;
use super::world::World;
use domain::label::LabelState;
use domain::order::{List, Stage, Tab};
use domain::shipment::{Act, Mark};
use engine::commands::{CancelRequest, CommandError};
use engine::scan::{Heard, Leave};
use engine::{NotPrintable, PrintError};
use reqwest::Method;
use serde_json::json;
use store::jobs::{Due, Kind};
use store::on_both;
use store::orders::OrderRecord;
use store::{labels, shipments};

async fn pack(world: &World, order: &OrderRecord) -> Result<OrderRecord, CommandError> {
    let mut session = world.engine.store().begin().await.expect("begins");
    let done = world
        .engine
        .request_shipment(&mut session, &world.merchant, "op@example.com", Act::Pack, &order.id, None)
        .await?;
    session.commit().await.expect("committed");
    Ok(done)
}

async fn ship(world: &World, order: &OrderRecord, out: bool) -> Result<OrderRecord, CommandError> {
    let mut session = world.engine.store().begin().await.expect("begins");
    let (merchant, actor) = (&world.merchant, "op@example.com");
    let done = if out {
        let leave = Leave { heard: &Heard::Lately, pass: None };
        world.engine.ship(&mut session, merchant, actor, &order.id, None, leave).await?
    } else {
        world.engine.undo_ship(&mut session, merchant, actor, &order.id, None).await?
    };
    session.commit().await.expect("committed");
    Ok(done)
}

async fn print(world: &World, order: &OrderRecord, despite: Option<&str>) -> Result<u32, PrintError> {
    let mut session = world.engine.store().begin().await.expect("begins");
    let wanted = [(order.id.clone(), None)];
    let prints = world.engine.print(&mut session, &world.merchant, "op@example.com", &wanted, despite).await?;
    session.commit().await.expect("committed");
    Ok(prints[0].copy)
}

async fn why_not_printed(world: &World, order: &OrderRecord) -> NotPrintable {
    match print(world, order, None).await {
        Err(PrintError::Refused(mut refusals)) => refusals.remove(0).why,
        other => panic!("{other:?}"),
    }
}

async fn to_pack(world: &World) -> Vec<OrderRecord> {
    let mut orders = world.list(List::New, 200).await;
    orders.retain(|order| order.tab == Tab::ToPack);
    assert!(!orders.is_empty(), "orders to pack");
    orders
}

/// How often the platform arranged a shipment of this order.
async fn effective_packs(world: &World, order: &OrderRecord) -> usize {
    let calls = world.control.get(&format!("/calls?platform=shopee&number={}", order.number)).await;
    let calls = calls["calls"].as_array().expect("calls").clone();
    let packs = calls.iter().filter(|call| call["path"].as_str().is_some_and(|path| path.ends_with("/ship_order")));
    packs.filter(|call| call["changed"] == true).count()
}

async fn switch(world: &World, rules: serde_json::Value) {
    world.control.send(Method::PUT, "/switches", json!({"shopee": rules})).await;
}

fn units(order: &OrderRecord, of: fn(&store::orders::LineRecord) -> u32) -> u32 {
    order.lines.iter().map(of).sum()
}

on_both! {
    async fn an_order_is_packed_its_label_cached_printed_and_shipped(trial) {
        let world = World::start(trial, 60).await;
        let order = to_pack(&world).await.remove(0);
        let asked = pack(&world, &order).await.expect("accepted");
        assert_eq!((asked.list, asked.tab, asked.shipment), (List::New, Tab::Packing, Mark::Live));
        let packed = world.run_until(&order.id, |order| order.tab == Tab::Printable).await;
        assert_eq!((packed.list, packed.shipment), (List::InProcess, Mark::None));
        assert!(packed.packages.iter().all(|package| package.tracking_number.is_some()), "the label brings the number");
        assert_eq!(effective_packs(&world, &order).await, packed.packages.len());

        assert_eq!(print(&world, &order, None).await.expect("printed"), 1);
        assert_eq!(print(&world, &order, None).await.expect("printed"), 2);
        assert_eq!(world.order(&order.id).await.stage, Stage::Printed);
        let mut session = world.engine.store().read().await.expect("begins");
        let label = labels::of_orders(&mut session, &world.merchant, std::slice::from_ref(&order.id)).await.expect("read").remove(0);
        let hash = label.content_hash.expect("cached");
        let (_, bytes) = labels::file(&mut session, &world.merchant, &hash).await.expect("read").expect("there");
        assert!(bytes.starts_with(b"%PDF"));
        drop(session);

        let allocated = units(&packed, |line| line.stock.allocated);
        let shipped = ship(&world, &order, true).await.expect("shipped");
        assert_eq!((shipped.list, shipped.stage), (List::ToPickup, Stage::HandedOver));
        assert_eq!((units(&shipped, |line| line.stock.allocated), units(&shipped, |line| line.stock.outbound)), (0, allocated));
        world.ledger_is_proven().await;
        let undone = ship(&world, &order, false).await.expect("taken back");
        assert_eq!((undone.list, undone.stage), (List::InProcess, Stage::Packed));
        assert_eq!(units(&undone, |line| line.stock.allocated), allocated);
        ship(&world, &order, true).await.expect("shipped again");
        world.control.send(Method::POST, &format!("/orders/shopee/{}/advance", order.number), json!({"to": "SHIPPED"})).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.nudge(&mut session, &world.merchant, &world.shop, std::slice::from_ref(&order.number)).await.expect("nudged");
        session.commit().await.expect("committed");
        let gone = world.run_until(&order.id, |order| order.list == List::Shipped).await;
        assert_eq!((gone.list, units(&gone, |line| line.stock.outbound)), (List::Shipped, allocated), "the courier scan moves nothing twice");
        world.ledger_is_proven().await;
    }

    async fn a_refused_pack_says_why_and_may_be_tried_again(trial) {
        let world = World::start(trial, 60).await;
        let order = to_pack(&world).await.remove(0);
        switch(&world, json!({"ship_refused": true})).await;
        pack(&world, &order).await.expect("accepted");
        let failed = world.run_until(&order.id, |order| order.shipment != Mark::Live).await;
        assert_eq!((failed.list, failed.tab), (List::New, Tab::PackFailed));
        let mut session = world.engine.store().read().await.expect("begins");
        let record = shipments::of_orders(&mut session, &world.merchant, std::slice::from_ref(&order.id)).await.expect("read").remove(0);
        drop(session);
        assert!(record.platform_message.is_some_and(|words| words.contains("pickup address")), "the platform's words");
        switch(&world, json!({"ship_refused": false})).await;
        pack(&world, &order).await.expect("accepted");
        world.run_until(&order.id, |order| order.tab == Tab::Printable).await;
    }

    async fn a_label_is_asked_for_until_the_platform_has_made_it(trial) {
        let world = World::start(trial, 60).await;
        let order = to_pack(&world).await.remove(0);
        switch(&world, json!({"document_seconds": 3_600})).await;
        pack(&world, &order).await.expect("accepted");
        let pending = world.run_until(&order.id, |order| order.packages.iter().any(|package| package.label == LabelState::Pending)).await;
        assert_eq!((pending.list, pending.tab), (List::InProcess, Tab::LabelPending));
        assert!(matches!(why_not_printed(&world, &order).await, NotPrintable::NoCachedLabel(_)));
        switch(&world, json!({"document_seconds": 0})).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.fetch_labels(&mut session, &world.merchant, &order.id).await.expect("asked for");
        session.commit().await.expect("committed");
        world.run_until(&order.id, |order| order.tab == Tab::Printable).await;
    }

    async fn a_cancelled_order_s_label_prints_only_with_a_reason(trial) {
        let world = World::start(trial, 60).await;
        let order = to_pack(&world).await.remove(0);
        pack(&world, &order).await.expect("accepted");
        let packed = world.run_until(&order.id, |order| order.tab == Tab::Printable).await;
        let record = world.cancel(&packed, "buyer_requests_cancellation", &[]).await;
        assert!(matches!(why_not_printed(&world, &order).await, NotPrintable::CancelPending(_)), "a pending cancel closes the door");
        assert!(matches!(ship(&world, &order, true).await, Err(CommandError::Blocked(_))));
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert!(matches!(why_not_printed(&world, &order).await, NotPrintable::Canceled(_)));
        assert_eq!(print(&world, &order, Some("the courier asks for it")).await.expect("printed"), 1);
    }

    async fn a_crash_at_any_step_packs_once(trial) {
        let mut world = World::start(trial, 400).await;
        let mut orders = to_pack(&world).await.into_iter();
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        let mut completed = false;
        for polls in (1..40).step_by(3).chain((40..240).step_by(40)).chain([usize::MAX]) {
            let Some(order) = orders.next() else { break };
            pack(&world, &order).await.expect("accepted");
            let engine = world.engine.clone();
            completed = poll_times(engine.tick(&due, Kind::Shipment), polls).await;
            world.restart().await;
            let ended = world.run_until(&order.id, |order| order.shipment != Mark::Live).await;
            assert_eq!(ended.list, List::InProcess, "after {polls} polls");
            assert_eq!(effective_packs(&world, &order).await, ended.packages.len(), "after {polls} polls");
            if completed {
                break;
            }
        }
        assert!(completed, "the last crash came after the whole tick");
        world.ledger_is_proven().await;
    }

    async fn when_pack_void_and_cancel_race_the_goods_door_matches_the_winner(trial) {
        let world = World::start(trial, 300).await;
        let orders: Vec<OrderRecord> = to_pack(&world).await.into_iter().take(20).collect();
        for order in &orders {
            let packs = (0..4).map(|_| pack(&world, order));
            let cancel = async {
                let mut session = world.engine.store().begin().await.expect("begins");
                let request = CancelRequest {
                    order: &order.id,
                    reason: "buyer_requests_cancellation",
                    lines: &[],
                    note: None,
                    repack: false,
                    expected_version: Some(order.version),
                    despite_warehouse: false,
                };
                let record = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &request).await?;
                session.commit().await.expect("committed");
                Ok::<_, CommandError>(record)
            };
            let (packs, cancel) = tokio::join!(futures_util::future::join_all(packs), cancel);
            let packed = packs.iter().filter(|pack| pack.is_ok()).count();
            assert!(packed <= 1, "{packed} packs were accepted of {}", order.number);
            assert!(packed == 1 || cancel.is_ok(), "somebody wins");
            if let Ok(record) = &cancel {
                world.run_until_ended(std::slice::from_ref(record)).await;
            }
            let ended = world.run_until(&order.id, |order| order.shipment != Mark::Live && !order.cancelling).await;
            let truth = world.control.order(&order.number).await;
            assert_eq!(ended.list == List::Canceled, truth["status"] == "CANCELLED", "{}: {truth}", order.number);
            assert!(effective_packs(&world, order).await <= ended.packages.len(), "{}", order.number);
        }
        world.ledger_is_proven().await;
    }
}
