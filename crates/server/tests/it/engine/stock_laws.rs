//! Anything in any order: orders move on over there, are read late, twice or out of turn, packed, cancelled by anyone, set aside
//! and taken back, stocked in, counted, carried away. After every step every number is the sum of its movements.

use super::world::World;
use domain::ids::{MerchantSku, OrderId, WarehouseId};
use domain::stock::Visit;
use engine::adjustments::Adjustment;
use engine::stock_ins::{LineVisit, OrderVisit, StockIn};
use reqwest::Method;
use serde_json::json;
use store::on_both;
use store::orders::OrderRecord;
use store::shops::{self, WarehouseRecord};

const STEPS: u64 = 120;
const ACTOR: &str = "op@example.com";

/// The same seed makes the same course.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most.max(1)).expect("a number")).expect("a number")
    }

    fn units(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(usize::try_from(most).expect("a number") + 1)).expect("a number")
    }
}

async fn read(world: &World, order: &OrderRecord) {
    let mut session = world.engine.store().begin().await.expect("begins");
    let numbers = std::slice::from_ref(&order.number);
    world.engine.nudge(&mut session, &world.merchant, &world.shop, numbers).await.expect("wanted");
    session.commit().await.expect("committed");
    let due = store::jobs::Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
    while world.engine.tick(&due, store::jobs::Kind::ReadOrder).await.expect("a tick") > 0 {}
}

async fn adjust(world: &World, warehouse: &WarehouseId, sku: &MerchantSku, adjustment: Adjustment<'_>) {
    let mut session = world.engine.store().begin().await.expect("begins");
    // A refusal (fewer than promised, more than there is) changes nothing.
    if world.engine.adjust(&mut session, &world.merchant, ACTOR, (warehouse, sku), adjustment, None).await.is_ok() {
        session.commit().await.expect("committed");
    }
}

async fn stock_in(world: &World, order: &OrderRecord, warehouse: &WarehouseId, dice: &mut Dice) {
    let lines = order.lines.iter().map(|line| {
        let sellable = dice.units(line.stock.returning + 1);
        let visit = Visit { sellable, defective: dice.units(1), missing: dice.units(1), found: dice.units(1) };
        LineVisit { line: line.id.clone(), sku: line.merchant_sku.clone(), visit, expected: None }
    });
    let entered = [OrderVisit { order: order.id.clone(), lines: Some(lines.collect()), expected: None }];
    let request = StockIn { actor: ACTOR, warehouse, orders: &entered, note: None, shops: None, batch: None };
    let mut session = world.engine.store().begin().await.expect("begins");
    world.engine.stock_in(&mut session, &world.merchant, &request).await.expect("tried");
    session.commit().await.expect("committed");
}

/// One step; which, the dice say.
async fn step(world: &World, ids: &[OrderId], other: &WarehouseId, dice: &mut Dice) {
    let order = world.order(&ids[dice.below(ids.len())]).await;
    let line = &order.lines[0];
    match dice.below(12) {
        0..=2 => {
            let to = ["PROCESSED", "SHIPPED", "COMPLETED", "CANCELLED", "IN_CANCEL"][dice.below(5)];
            let path = format!("/orders/shopee/{}/advance", order.number);
            let body = json!({"to": to, "force": true});
            let url = format!("{}{path}", world.control.url);
            // What cannot be over there is refused there.
            let _ = world.control.http.request(Method::POST, url).json(&body).send().await;
        }
        3 | 4 => {
            read(world, &order).await;
            read(world, &order).await;
        }
        5 => {
            let mut session = world.engine.store().begin().await.expect("begins");
            let reason = ["buyer_requests_cancellation", "out_of_stock"][dice.below(2)];
            let chosen = [store::cancellations::ChosenLine { line_id: line.id.to_string(), quantity: line.live() }];
            let lines: &[_] = if reason == "out_of_stock" { &chosen } else { &[] };
            let request = engine::commands::CancelRequest {
                order: &order.id,
                reason,
                lines,
                note: None,
                expected_version: None,
                repack: false,
                despite_warehouse: false,
            };
            if world.engine.request_cancel(&mut session, &world.merchant, ACTOR, &request).await.is_ok() {
                session.commit().await.expect("committed");
            }
        }
        6 => drop(world.engine.run_due().await.expect("a tick")),
        7 | 8 => {
            let mut session = world.engine.store().begin().await.expect("begins");
            let merchant = &world.merchant;
            let done = if order.voided {
                world.engine.restore(&mut session, merchant, ACTOR, &order.id, None).await
            } else {
                world.engine.void(&mut session, merchant, ACTOR, &order.id, None).await
            };
            if done.is_ok() {
                session.commit().await.expect("committed");
            }
        }
        9 => {
            let warehouse = if dice.below(2) == 0 { &line.warehouse } else { other };
            stock_in(world, &order, warehouse, dice).await;
        }
        10 => {
            let units = dice.units(30);
            let counted = Adjustment::Count { counted: units + 60 };
            let moved = Adjustment::Transfer { units: 1 + units / 10, to: other };
            adjust(world, &line.warehouse, &line.merchant_sku, if dice.below(2) == 0 { counted } else { moved }).await;
        }
        _ => {
            let (units, defective) = (1 + dice.units(3), dice.below(3) == 0);
            let bought = Adjustment::In { units, defective };
            let used = Adjustment::Out { units, defective };
            adjust(world, &line.warehouse, &line.merchant_sku, if dice.below(2) == 0 { bought } else { used }).await;
        }
    }
}

on_both! {
    async fn whatever_happens_in_whatever_order_every_number_is_the_sum_of_its_movements(trial) {
        let world = World::start(trial, 80).await;
        let other = WarehouseId::parse("whs_2").expect("an id");
        let mut session = world.engine.store().begin().await.expect("begins");
        shops::add_warehouse(&mut session, &world.merchant, &WarehouseRecord { id: other.clone(), name: "Attic".to_owned() }).await.expect("added");
        session.commit().await.expect("committed");
        // Few orders, so that much happens to each.
        let mut ids: Vec<OrderId> = world.cancellable().await.into_iter().map(|order| order.id).collect();
        ids.truncate(12);
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        for number in 0..STEPS {
            step(&world, &ids, &other, &mut dice).await;
            if number % 10 == 9 {
                world.ledger_is_proven().await;
            }
        }
        world.sync().await;
        world.ledger_is_proven().await;
        let mut session = world.engine.store().read().await.expect("begins");
        let sums = store::proof::sums(&mut session, &world.merchant, None).await.expect("sums");
        assert!(sums.kept.is_sound() && sums.kept == sums.moved, "{sums:?}");
    }
}
