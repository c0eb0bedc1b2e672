//! Orders whose lines lie at several warehouses: each is pushed what lies there, and the order is handed back once all of it is.

use super::warehouses::nudge;
use super::world::{Fake, GENERIC, SHIPBOB, World};
use domain::cancellation::State;
use domain::order::List;
use domain::warehouse_order::Goods;
use domain::withdrawal::State as AtWarehouse;
use engine::commands::{CancelRequest, CommandError};
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::orders::OrderRecord;
use store::trial::Trial;
use store::warehouse_orders::{self, WarehouseOrderRecord};

/// Mugs lie at one warehouse, towels at another, and lamps on the shop's own shelf.
async fn world(trial: Trial) -> World {
    World::at_both(trial, 30, (&SHIPBOB, "MUG"), (&GENERIC, "TWL")).await
}

/// A buyer orders one of each of these, and what lies elsewhere is there.
async fn ordered(world: &World, skus: &[&str]) -> OrderRecord {
    let lines: Vec<Value> = skus.iter().map(|sku| json!({"sku": sku, "quantity": 1})).collect();
    let wish = json!({"platform": "shopee", "status": "READY_TO_SHIP", "lines": lines});
    let made = world.control.send(Method::POST, "/orders", wish).await;
    world.sync().await;
    let number = made["numbers"][0].as_str().expect("a number");
    let new = world.list(List::New, 200).await;
    let order = new.into_iter().find(|order| order.number.as_str() == number).expect("the new order");
    world
        .run_until_so("the pushes", async || {
            let known = pushes(world, &order).await;
            !known.is_empty() && known.iter().all(|record| record.saga.confirmed)
        })
        .await;
    world.order(&order.id).await
}

async fn pushes(world: &World, order: &OrderRecord) -> Vec<WarehouseOrderRecord> {
    let mut session = world.engine.store().read().await.expect("begins");
    warehouse_orders::at_each(&mut session, &world.merchant, &order.id).await.expect("read")
}

/// What a warehouse has of an order, whichever push it was.
async fn there(world: &World, fake: &Fake, order: &OrderRecord) -> Vec<Value> {
    let all = world.control.get(&format!("/orders?platform={}", fake.name)).await;
    let all = all["orders"].as_array().expect("orders").clone();
    let is_ours = |truth: &Value| truth["reference"].as_str().is_some_and(|text| text.starts_with(order.id.as_str()));
    all.into_iter().filter(is_ours).collect()
}

fn skus_of(truth: &Value) -> Vec<&str> {
    let lines = truth["lines"].as_array().expect("lines");
    lines.iter().map(|line| line["sku"].as_str().expect("a SKU")).collect()
}

async fn advance(world: &World, fake: &Fake, order: &OrderRecord, to: &str) {
    let reference = there(world, fake, order).await.remove(0)["reference"].as_str().expect("text").to_owned();
    let path = format!("/orders/{}/{reference}/advance", fake.name);
    world.control.send(Method::POST, &path, json!({"to": to, "force": true})).await;
}

on_both! {
    async fn each_warehouse_is_pushed_the_lines_that_lie_there_and_all_hand_back_before_the_platform_is_told(trial) {
        let world = world(trial).await;
        let order = ordered(&world, &["MUG-BLU", "TWL-GRY"]).await;
        assert_eq!(pushes(&world, &order).await.len(), 2);
        assert_eq!(skus_of(&there(&world, &SHIPBOB, &order).await[0]), ["MUG-BLU"]);
        assert_eq!(skus_of(&there(&world, &GENERIC, &order).await[0]), ["TWL-GRY"]);

        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
        for fake in [&SHIPBOB, &GENERIC] {
            assert_eq!(there(&world, fake, &order).await[0]["phase"], "cancelled", "{}", fake.name);
        }
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.goods, after.returning()), (List::Canceled, Goods::HandedBack, 0));
        world.ledger_is_proven().await;
    }

    async fn one_warehouse_that_keeps_its_part_is_named_and_the_other_is_pushed_again(trial) {
        let world = world(trial).await;
        let order = ordered(&world, &["MUG-BLU", "TWL-GRY"]).await;
        advance(&world, &GENERIC, &order, "picked").await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        assert_eq!(world.control.effective_cancels(&order.number).await, 0);
        world.run_until_so("the second push", async || there(&world, &SHIPBOB, &order).await.len() == 2).await;
        let kept = world.order(&order.id).await;
        assert_eq!(kept.goods, Goods::KeptPicked);

        let wish = |despite_warehouse| CancelRequest {
            order: &order.id,
            reason: "buyer_requests_cancellation",
            lines: &[],
            note: None,
            expected_version: None,
            repack: false,
            despite_warehouse,
        };
        let mut session = world.engine.store().begin().await.expect("begins");
        let refused = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &wish(false)).await;
        let Err(CommandError::WithdrawalRefused(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains(GENERIC.called) && words.contains(GENERIC.contact), "{words}");
        assert!(!words.contains(SHIPBOB.contact), "{words}");
        let record = world.engine.request_cancel(&mut session, &world.merchant, "op@example.com", &wish(true)).await;
        let record = record.expect("despite it");
        session.commit().await.expect("committed");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_so("what comes back of the one", async || world.order(&order.id).await.returning() == 1).await;
        let known = pushes(&world, &order).await;
        let states: Vec<AtWarehouse> = known.iter().map(|record| record.saga.state).collect();
        assert!(states.contains(&AtWarehouse::Withdrawn) && states.contains(&AtWarehouse::RefusedPicked), "{states:?}");

        // The other comes back by its own warehouse's word.
        advance(&world, &GENERIC, &order, "cancelled").await;
        let kept = known.iter().find(|record| record.saga.state == AtWarehouse::RefusedPicked).expect("the one that keeps it");
        nudge(&world, kept).await;
        world.run_until_so("the confirmation", async || world.order(&order.id).await.returning() == 0).await;
        world.ledger_is_proven().await;
    }

    async fn lines_on_the_shop_s_own_shelf_are_pushed_to_nobody(trial) {
        let world = world(trial).await;
        let order = ordered(&world, &["MUG-BLU", "LAMP-BLK"]).await;
        let known = pushes(&world, &order).await;
        assert_eq!(known.len(), 1);
        assert_eq!(skus_of(&there(&world, &SHIPBOB, &order).await[0]), ["MUG-BLU"]);
        let goods: Vec<Goods> = order.lines.iter().map(|line| line.goods).collect();
        assert!(goods.contains(&Goods::There) && goods.contains(&Goods::Free), "{goods:?}");
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        let after = world.order(&order.id).await;
        assert_eq!((after.list, after.returning()), (List::Canceled, 0), "both lie where they lay");
        world.ledger_is_proven().await;
    }
}
