//! The audit's look at third-party warehouses: what they changed behind our back is found and rightly named, a world in which
//! nothing is wrong has none, and repair makes the next audit clean.

use super::audit::{Reading, audit, audit_while, differences, found, repair};
use super::warehouses::{MUGS, at_warehouse, force_there, nudge, pushed, switch, truths};
use super::world::{Fake, GENERIC, SHIPBOB, World, YICANG};
use domain::difference::DifferenceKind;
use domain::ids::{MerchantSku, OrderId, WarehouseId};
use domain::time::Span;
use domain::warehouse_order::Goods;
use domain::withdrawal::State;
use engine::adjustments::Adjustment;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use store::jobs::Kind;
use store::orders::OrderRecord;
use store::trial::Trial;
use store::warehouse_orders::{self, WarehouseOrderRecord};
use store::{on_both, stock};

const ACTOR: &str = "owner@example.com";
/// Long enough that whatever was watched would have been read again.
const LATER: i64 = 3_600;

/// The reference of an order that other software pushed.
const OTHER_SOFTWARE: &str = "another-shop-1";

/// What an audit has to say.
type Expected = BTreeSet<(DifferenceKind, String)>;

pub(super) async fn world(fake: &'static Fake, trial: Trial, orders: u32, sku_prefix: &str) -> World {
    World::at_with(fake, trial, orders, sku_prefix, |_, policy| policy.sweep_every = Span::from_millis(50)).await
}

/// How many orders of each kind of difference are there, and SKUs.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) shipped_anyway: usize,
    pub(super) of_each_other: usize,
    pub(super) skus: usize,
}

impl Plan {
    /// How many differences that makes.
    pub(super) const fn differences(self) -> usize {
        // Kept, canceled, shipped, unknown and strange ones.
        self.shipped_anyway + 5 * self.of_each_other + self.skus
    }
}

/// A warehouse with orders, before anybody there does what nobody asked for.
pub(super) struct Furnished {
    plan: Plan,
    warehouse: WarehouseId,
    /// The first ones are canceled and handed back.
    pub(super) orders: Vec<OrderRecord>,
    pub(super) there: Vec<WarehouseOrderRecord>,
}

/// Whether this warehouse tells what lies there.
fn tells_stock(world: &World) -> bool {
    world.fake.name != SHIPBOB.name
}

/// Tells the warehouse what lies there by our ledger, so that nothing differs.
async fn agree_on_stock(world: &World, warehouse: &WarehouseId) {
    let mut session = world.engine.store().read().await.expect("begins");
    let balances =
        stock::balances(&mut session, &world.merchant, None, Some(warehouse), None, 200).await.expect("read");
    assert!(!balances.is_empty());
    for row in balances {
        let units = row.balance.available + row.balance.reserved + row.balance.allocated;
        set_stock(world, &row.sku, units).await;
    }
}

async fn set_stock(world: &World, sku: &MerchantSku, units: i64) {
    let body = json!({"platform": world.fake.name, "sku": sku.as_str(), "available": units});
    world.control.send(Method::PUT, "/stock", body).await;
}

/// Pushes orders, hands some of them back, and brings SKUs in that no order is of.
pub(super) async fn furnish(world: &World, plan: Plan) -> Furnished {
    let back = plan.shipped_anyway + plan.of_each_other;
    let orders = pushed(world, back + 3 * plan.of_each_other).await;
    for order in orders.iter().take(back) {
        let record = world.cancel(&world.order(&order.id).await, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
    }
    let mut there = Vec::new();
    for order in &orders {
        there.push(at_warehouse(world, order).await);
    }
    let warehouse = there[0].warehouse.clone();
    for place in 0..plan.skus {
        let mut session = world.engine.store().begin().await.expect("begins");
        let sku = sku_alone(place);
        let brought = Adjustment::In { units: 20, defective: false };
        world
            .engine
            .adjust(&mut session, &world.merchant, ACTOR, (&warehouse, &sku), brought, None)
            .await
            .expect("brought in");
        session.commit().await.expect("committed");
    }
    if tells_stock(world) {
        agree_on_stock(world, &warehouse).await;
    }
    Furnished { plan, warehouse, orders, there }
}

fn sku_alone(place: usize) -> MerchantSku {
    MerchantSku::parse(format!("ALONE-{place}")).expect("a SKU")
}

impl Furnished {
    /// Somebody set the listing of the orders' SKU to less than is available, in the Seller Center.
    async fn show_less(&self, world: &World, units: i64) {
        let sku = &self.orders[0].lines[0].merchant_sku;
        let available = world.balance_of(&self.warehouse, sku).await.available - units;
        let body = json!({"platform": "shopee", "sku": sku.as_str(), "available": available});
        world.control.send(Method::PUT, "/stock", body).await;
    }

    /// Does there what nobody asked for; answers what an audit has to say of it.
    pub(super) async fn plant(&self, world: &World) -> Expected {
        let mut expected = Expected::new();
        let mut expect = |kind, subject: &str| assert!(expected.insert((kind, subject.to_owned())));
        let each = self.plan.of_each_other;
        let mut there = self.there.iter();
        for (kind, to, count) in [
            (DifferenceKind::ShippedAnywayAtWarehouse, "shipped", self.plan.shipped_anyway),
            (DifferenceKind::KeptAtWarehouse, "open", each),
            (DifferenceKind::CanceledAtWarehouse, "cancelled", each),
            (DifferenceKind::ShippedAtWarehouse, "shipped", each),
            (DifferenceKind::UnknownAtWarehouse, "forgotten", each),
        ] {
            for record in there.by_ref().take(count) {
                force_there(world, record, to, true).await;
                expect(kind, &record.reference);
            }
        }
        // The shelf was thought to be fuller than its listing says.
        let units =
            self.orders.iter().take(self.plan.shipped_anyway).map(|order| i64::from(order.lines[0].quantity)).sum();
        self.show_less(world, units).await;
        for _ in 0..each {
            let order = store::new_id("ord", world.engine.clock().now());
            let number = world.push_behind_our_back(&format!("{order}-1")).await;
            expect(DifferenceKind::StrangeAtWarehouse, &format!("{}/{number}", self.warehouse));
        }
        // Whatever other software pushes there is none of ours.
        world.push_behind_our_back(OTHER_SOFTWARE).await;
        if tells_stock(world) {
            for place in 0..self.plan.skus {
                let sku = sku_alone(place);
                set_stock(world, &sku, if place % 2 == 0 { 13 } else { 27 }).await;
                expect(DifferenceKind::WarehouseStockDiffers, &format!("{}/{sku}", self.warehouse));
            }
        }
        expected
    }
}

/// What is audited an hour later, while nobody read anything.
async fn audited_later(world: &World) -> Expected {
    world.pass(LATER);
    audit(world).await;
    found(world).await
}

/// Carries on what waits at the warehouse, until every one of these is as wished.
async fn settled(world: &World, orders: &[OrderRecord], wished: impl Fn(&WarehouseOrderRecord) -> bool) {
    world
        .run_until_so("what is wished at the warehouse", async || {
            for order in orders {
                if !wished(&at_warehouse(world, order).await) {
                    return false;
                }
            }
            true
        })
        .await;
}

async fn clean(trial: Trial, fake: &'static Fake) {
    let world = world(fake, trial, 30, MUGS).await;
    furnish(&world, Plan { shipped_anyway: 1, of_each_other: 1, skus: 1 }).await;
    assert_eq!(audited_later(&world).await, Expected::new());
}

async fn planted(trial: Trial, fake: &'static Fake) {
    let world = world(fake, trial, 30, MUGS).await;
    let furnished = furnish(&world, Plan { shipped_anyway: 1, of_each_other: 1, skus: 2 }).await;
    let expected = furnished.plant(&world).await;
    assert_eq!(audited_later(&world).await, expected);
    for difference in differences(&world).await {
        repair(&world, &difference.id).await;
    }
    let [anyway, kept, canceled, shipped, unknown] = furnished.orders.as_slice() else { panic!("five orders") };
    assert_eq!(world.order(&anyway.id).await.returning(), 2, "what left waits to come back");
    assert_eq!(world.order(&shipped.id).await.goods, Goods::KeptShipped);
    settled(&world, std::slice::from_ref(kept), |record| record.saga.is_handed_back()).await;
    for again in [canceled, unknown] {
        settled(&world, std::slice::from_ref(again), |record| {
            record.generation == 2 && record.saga.state == State::Pushed && record.saga.confirmed
        })
        .await;
    }
    let strange = expected.iter().filter(|(kind, _)| *kind == DifferenceKind::StrangeAtWarehouse);
    let strange: Vec<&str> = strange.filter_map(|(_, subject)| Some(subject.split_once('/')?.1)).collect();
    for truth in truths(&world).await {
        if strange.contains(&truth["id"].as_str().expect("an id")) {
            assert_eq!(truth["phase"], "cancelled", "what has our form is asked back: {truth}");
        } else if truth["reference"] == OTHER_SOFTWARE {
            assert_eq!(truth["phase"], "open", "what other software pushed is not: {truth}");
        }
    }
    world.ledger_is_proven().await;
    assert_eq!(audited_later(&world).await, Expected::new());
    world.ledger_is_proven().await;
}

/// A desk's world in which a warehouse shipped an order after it had handed it back, and an audit found it.
pub(crate) async fn shipped_anyway() -> (World, OrderId) {
    let world = world(&GENERIC, Trial::sqlite().await, 30, MUGS).await;
    let furnished = furnish(&world, Plan { shipped_anyway: 1, of_each_other: 0, skus: 1 }).await;
    furnished.plant(&world).await;
    assert_eq!(audited_later(&world).await.len(), 2);
    (world, furnished.orders[0].id.clone())
}

on_both! {
    async fn a_warehouse_that_agrees_has_no_difference(trial) {
        clean(trial, &GENERIC).await;
    }

    async fn a_warehouse_of_the_yicang_family_that_agrees_has_none(trial) {
        clean(trial, &YICANG).await;
    }

    async fn a_warehouse_that_tells_no_stock_and_agrees_has_none(trial) {
        clean(trial, &SHIPBOB).await;
    }

    async fn what_a_warehouse_of_the_generic_protocol_changed_is_found_and_repaired(trial) {
        planted(trial, &GENERIC).await;
    }

    async fn what_a_warehouse_of_the_yicang_family_changed_is_found_and_repaired(trial) {
        planted(trial, &YICANG).await;
    }

    async fn what_a_warehouse_of_shipbob_changed_is_found_and_repaired(trial) {
        planted(trial, &SHIPBOB).await;
    }

    async fn what_is_on_its_way_at_a_warehouse_is_no_difference(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let furnished = furnish(&world, Plan { shipped_anyway: 1, of_each_other: 1, skus: 1 }).await;
        let [_, _, left, asked, _] = furnished.orders.as_slice() else { panic!("five orders") };
        world.pass(LATER);
        // It left a moment after it was read: its units are gone there, and promised here.
        nudge(&world, &at_warehouse(&world, left).await).await;
        settled(&world, std::slice::from_ref(left), |record| record.updated_at > furnished.there[2].updated_at).await;
        force_there(&world, &furnished.there[2], "shipped", true).await;
        // Another is being asked back, and has no last word.
        switch(&world, json!({"applies_after_seconds": 100_000})).await;
        world.cancel(&world.order(&asked.id).await, "buyer_requests_cancellation", &[]).await;
        settled(&world, std::slice::from_ref(asked), |record| record.saga.state == State::Withdrawing && record.saga.asked_at.is_some()).await;
        // A third was pushed just now.
        pushed(&world, 1).await;
        audit_while(&world, Reading::Ordinarily).await;
        assert_eq!(found(&world).await, Expected::new());
        assert_eq!(world.order(&left.id).await.goods, Goods::KeptShipped, "its units were asked about by reading it");
    }

    async fn a_number_is_a_difference_once_every_order_of_its_sku_is_read(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let furnished = furnish(&world, Plan { shipped_anyway: 1, of_each_other: 1, skus: 1 }).await;
        let sku = furnished.orders[0].lines[0].merchant_sku.clone();
        let mut session = world.engine.store().read().await.expect("begins");
        let balances = stock::balances(&mut session, &world.merchant, Some(&sku), Some(&furnished.warehouse), None, 1);
        let balance = balances.await.expect("read").pop().expect("a balance").balance;
        drop(session);
        set_stock(&world, &sku, balance.available + balance.reserved + balance.allocated - 3).await;
        furnished.show_less(&world, 3).await;
        world.pass(LATER);
        audit_while(&world, Reading::Ordinarily).await;
        let all = differences(&world).await;
        let told: Vec<_> = all.iter().map(|one| (one.found.kind, one.found.subject.clone())).collect();
        assert_eq!(told, [(DifferenceKind::WarehouseStockDiffers, format!("{}/{sku}", furnished.warehouse))]);
        repair(&world, &all[0].id).await;
        assert_eq!(world.balance_of(&furnished.warehouse, &sku).await.available, balance.available - 3);
        world.pass(LATER);
        audit_while(&world, Reading::Ordinarily).await;
        assert_eq!(found(&world).await, Expected::new());
        world.ledger_is_proven().await;
    }

    async fn an_order_that_reads_keep_missing_is_told_although_it_is_read(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let orders = pushed(&world, 1).await;
        let record = at_warehouse(&world, &orders[0]).await;
        force_there(&world, &record, "forgotten", true).await;
        nudge(&world, &record).await;
        settled(&world, &orders, |record| record.saga.absent_since.is_some()).await;
        audit(&world).await;
        assert_eq!(found(&world).await, Expected::new(), "an answer that is late is no difference");
        world.pass(LATER);
        nudge(&world, &record).await;
        let before = at_warehouse(&world, &orders[0]).await.updated_at;
        settled(&world, &orders, |record| record.updated_at > before).await;
        audit(&world).await;
        assert_eq!(found(&world).await, [(DifferenceKind::UnknownAtWarehouse, record.reference)].into());
    }

    async fn what_was_lost_and_pushed_again_is_asked_back_where_it_turns_up_or_told_where_it_left(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let orders = pushed(&world, 2).await;
        let mut first = Vec::new();
        for order in &orders {
            let record = at_warehouse(&world, order).await;
            force_there(&world, &record, "forgotten", true).await;
            first.push(record);
        }
        assert_eq!(audited_later(&world).await.len(), 2);
        for difference in differences(&world).await {
            let repaired = repair(&world, &difference.id).await;
            assert!(repaired.ended.is_some_and(|ended| ended.outcome.contains("pushed again")));
        }
        settled(&world, &orders, |record| record.generation == 2 && record.saga.confirmed).await;
        for record in &first {
            force_there(&world, record, "remembered", true).await;
        }
        force_there(&world, &first[1], "shipped", true).await;
        let expected = [
            (DifferenceKind::KeptAtWarehouse, first[0].reference.clone()),
            (DifferenceKind::ShippedAnywayAtWarehouse, first[1].reference.clone()),
        ];
        assert_eq!(audited_later(&world).await, expected.into());
        for difference in differences(&world).await {
            let repaired = repair(&world, &difference.id).await;
            assert!(repaired.ended.is_some_and(|ended| ended.outcome.contains("pushed again as")));
        }
        let phase = async |record: &WarehouseOrderRecord| {
            let all = truths(&world).await;
            let of_reference = all.iter().find(|truth| truth["reference"] == record.reference.as_str());
            of_reference.expect("it is there")["phase"].clone()
        };
        assert_eq!(phase(&first[0]).await, "cancelled");
        assert_eq!(audited_later(&world).await, Expected::new());
        for order in &orders {
            let record = at_warehouse(&world, order).await;
            assert_eq!((record.generation, record.saga.state), (2, State::Pushed), "the push that counts stays");
        }
    }

    async fn a_stranger_that_the_warehouse_keeps_stays_a_difference_and_the_asking_is_logged(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let order = store::new_id("ord", world.engine.clock().now());
        let orders = pushed(&world, 1).await;
        let warehouse = at_warehouse(&world, &orders[0]).await.warehouse;
        let number = world.push_behind_our_back(&format!("{order}-1")).await;
        let path = format!("/orders/{}/{number}/advance", world.fake.name);
        world.control.send(Method::POST, &path, json!({"to": "picked"})).await;
        let expected = Expected::from([(DifferenceKind::StrangeAtWarehouse, format!("{warehouse}/{number}"))]);
        assert_eq!(audited_later(&world).await, expected);
        let difference = differences(&world).await.remove(0);
        let refused = world.engine.repair(&world.merchant, ACTOR, &difference.id, None).await;
        let Err(engine::RepairError::NotNow(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains(world.fake.contact), "whom to call: {words}");
        let mut session = world.engine.store().read().await.expect("begins");
        let search = store::log::Search { action: Some("warehouse.withdraw".to_owned()), ..store::log::Search::default() };
        let log = store::log::page(&mut session, &world.merchant, &search, None, 10).await.expect("read");
        assert!(log.iter().any(|entry| entry.subject == number && entry.actor == ACTOR), "{log:?}");
        drop(session);
        assert_eq!(audited_later(&world).await, expected);
        // It left at last: nothing waits there any more.
        world.control.send(Method::POST, &path, json!({"to": "shipped"})).await;
        repair(&world, &difference.id).await;
        assert_eq!(audited_later(&world).await, Expected::new());
    }

    async fn an_audit_says_of_which_warehouse_nothing_was_learnt(trial) {
        let world = world(&GENERIC, trial, 30, MUGS).await;
        let orders = pushed(&world, 1).await;
        let record = at_warehouse(&world, &orders[0]).await;
        force_there(&world, &record, "cancelled", true).await;
        world.pass(LATER);
        audit(&world).await;
        assert_eq!(found(&world).await.len(), 1);
        world.control.send(Method::POST, "/tokens", json!({"platform": world.fake.name, "action": "expire_access"})).await;
        world.pass(LATER);
        let failed = audit_while(&world, Reading::Failing).await;
        assert!(failed.failed.iter().any(|words| words.contains(record.warehouse.as_str())), "{:?}", failed.failed);
        assert_eq!(found(&world).await.len(), 1, "what could not be looked at is not taken for gone");
        let mut session = world.engine.store().read().await.expect("begins");
        let pushes = warehouse_orders::of_orders(&mut session, &world.merchant, &[orders[0].id.clone()]).await;
        assert_eq!(pushes.expect("read").len(), 1, "nothing is pushed again before somebody says so");
        drop(session);
        assert!(world.engine.due(Kind::Audit).await.expect("due").is_empty(), "it has ended");
    }
}
