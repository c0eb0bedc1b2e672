//! The audit against a sandbox that was changed behind our back: every planted difference is found and rightly named, a world
//! in which nothing is wrong has none, and a repaired one is clean again.

use super::audit_warehouses::{self, Plan};
use super::cancel::all_lines;
use super::world::{GENERIC, World};
use domain::case::State;
use domain::difference::{AuditStep, DifferenceKind};
use domain::ids::{DifferenceId, LineId, ListingSku, MerchantSku, OrderId, OrderNumber};
use domain::mapping::Source;
use domain::order::{List, Stage};
use domain::platform::Platform;
use domain::policy::Standing;
use domain::stock::{Bucket, Cause};
use domain::stock_push::{PushRule, Rounding};
use domain::time::Span;
use engine::adjustments::Adjustment;
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::audits::{self, AuditRecord, DifferenceRecord, Search};
use store::bundles::Component;
use store::cases::{self, CaseRecord, Unexplained};
use store::jobs::{Due, Kind};
use store::mappings::MappingRecord;
use store::on_both;
use store::orders::{self, OrderRecord};
use store::stock::{self, Movement};
use store::stock_pushes;
use store::trial::Trial;

const ACTOR: &str = "owner@example.com";

/// A world whose audits need not wait for two sweeps of a minute each.
async fn world(trial: Trial, orders: u32) -> World {
    World::on(Platform::Shopee, trial, orders, |_, policy| policy.sweep_every = Span::from_millis(50)).await
}

/// What else happens while an audit goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing: a sweep would find by itself what is planted.
    Nothing,
    /// What lies at warehouses is read, once the audit waits for that.
    Ordinarily,
    /// Nothing, and a part of it cannot be looked at.
    Failing,
}

/// Audits everything, and waits for the end.
pub(super) async fn audit(world: &World) -> AuditRecord {
    audit_while(world, Reading::Nothing).await
}

/// The same while something else happens.
pub(super) async fn audit_while(world: &World, reading: Reading) -> AuditRecord {
    let mut session = world.engine.store().begin().await.expect("begins");
    let id = world.engine.begin_audit(&mut session, &world.merchant, ACTOR).await.expect("begun");
    session.commit().await.expect("committed");
    let read = async || {
        let mut session = world.engine.store().read().await.expect("begins");
        audits::audit(&mut session, &world.merchant, &id).await.expect("read").expect("there")
    };
    let waits_for_reads = async || {
        let mut session = world.engine.store().read().await.expect("begins");
        let parts = audits::parts(&mut session, &world.merchant, &id).await.expect("read");
        parts.iter().any(|part| part.step == AuditStep::SecondWarehouseStock.as_str() && !part.ended)
    };
    let work = async || {
        let mut worked = 0;
        if reading == Reading::Ordinarily && waits_for_reads().await {
            for due in world.engine.due(Kind::WarehouseOrder).await.expect("due") {
                worked += world.engine.tick(&due, Kind::WarehouseOrder).await.expect("a tick");
            }
        }
        for due in world.engine.due(Kind::Audit).await.expect("due") {
            worked += world.engine.tick(&due, Kind::Audit).await.expect("a tick");
        }
        worked
    };
    world.until("the audit's end", async || read().await.ended_at.is_some(), work).await;
    let audit = read().await;
    assert!(audit.failed.is_empty() || reading == Reading::Failing, "{:?}", audit.failed);
    audit
}

pub(super) async fn differences(world: &World) -> Vec<DifferenceRecord> {
    let mut session = world.engine.store().read().await.expect("begins");
    audits::differences(&mut session, &world.merchant, &Search::default(), None, 10_000).await.expect("read")
}

/// Kind and subject of everything that is there.
pub(super) async fn found(world: &World) -> BTreeSet<(DifferenceKind, String)> {
    differences(world).await.into_iter().map(|found| (found.found.kind, found.found.subject)).collect()
}

pub(super) async fn repair(world: &World, id: &DifferenceId) -> DifferenceRecord {
    let repaired = world.engine.repair(&world.merchant, ACTOR, id, None).await;
    repaired.unwrap_or_else(|error| panic!("{id}: {error}"))
}

fn movement(key: &str, order: &OrderRecord, from: Bucket, to: Bucket, units: u32, cause: Cause) -> Movement {
    let line = &order.lines[0];
    Movement {
        key: key.to_owned(),
        warehouse: line.warehouse.clone(),
        sku: line.merchant_sku.clone(),
        from,
        to,
        units,
        cause,
        order: Some(order.id.clone()),
        line: Some(line.id.clone()),
        actor: "a test".to_owned(),
    }
}

/// What is planted, with what the audit has to say of it.
struct Planted {
    expected: BTreeSet<(DifferenceKind, String)>,
}

impl Planted {
    fn expect(&mut self, kind: DifferenceKind, subject: &str) {
        assert!(self.expected.insert((kind, subject.to_owned())), "{kind} {subject} is planted twice");
    }

    fn of(&self, kind: DifferenceKind) -> usize {
        self.expected.iter().filter(|(planted, _)| *planted == kind).count()
    }
}

/// Orders of a list whose lines hold all that they ordered.
async fn allocated(world: &World, list: List) -> Vec<OrderRecord> {
    let mut orders = world.list(list, 200).await;
    orders.retain(|order| order.lines.iter().all(|line| line.stock.allocated == line.quantity && line.quantity > 0));
    orders
}

/// Breaks the world until a hundred differences are planted, with those that are already. The SKUs are divided: of some the
/// orders are broken, of some the balance alone, and of the others the listings, so that no difference explains another.
async fn break_it(world: &World, mut planted: Planted) -> Planted {
    let merchant = &world.merchant;
    let store = world.engine.store();
    let mut session = store.read().await.expect("begins");
    let mut balances = stock::balances(&mut session, merchant, None, None, None, 200).await.expect("read");
    drop(session);
    balances.retain(|balance| balance.balance.available > 20 && balance.warehouse.as_str() == "whs_1");
    assert!(balances.len() >= 32, "{} SKUs", balances.len());
    let of_orders: BTreeSet<MerchantSku> = balances.drain(..22).map(|balance| balance.sku).collect();
    let of_balances: Vec<_> = balances.drain(..4).collect();
    let is_broken = |order: &OrderRecord| order.lines.iter().all(|line| of_orders.contains(&line.merchant_sku));
    let new: Vec<_> = allocated(world, List::New).await.into_iter().filter(is_broken).collect();
    let mut untouched =
        new.iter().filter(|order| order.stage == Stage::Untouched && order.standing == Standing::ToPack);

    // Cancelled over there, and no push came; another was shipped.
    for order in untouched.by_ref().take(8) {
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "CANCELLED", "force": true})).await;
        planted.expect(DifferenceKind::CanceledThere, order.id.as_str());
    }
    for order in allocated(world, List::InProcess).await.iter().filter(|order| is_broken(order)).take(10) {
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "SHIPPED", "force": true})).await;
        planted.expect(DifferenceKind::StatusDiffers, order.id.as_str());
    }

    let mut session = store.begin().await.expect("begins");
    let at = world.engine.clock().now();
    // Orders that the platform does not know, with units promised to them.
    for (place, like) in untouched.by_ref().take(8).enumerate() {
        let mut order = like.clone();
        order.id = OrderId::parse(store::new_id("ord", at)).expect("an id");
        order.number = OrderNumber::parse(format!("2099GHOST{place}")).expect("a number");
        order.packages.clear();
        order.lines.truncate(1);
        order.lines[0].stock = domain::stock::LineStock::default();
        order.lines[0].stock.allocated = 1;
        order.lines[0].stock.moved.allocate = 1;
        order.lines[0].quantity = 1;
        order.lines[0].canceled_quantity = 0;
        assert!(orders::insert(&mut session, &order).await.expect("inserted"));
        let promised =
            movement(&format!("{}/ghost", order.id), &order, Bucket::Available, Bucket::Allocated, 1, Cause::Allocate);
        stock::write(&mut session, merchant, &[promised], at).await.expect("written");
        planted.expect(DifferenceKind::UnknownThere, order.id.as_str());
    }
    // Orders that are canceled here and live over there.
    for order in untouched.by_ref().take(4) {
        let mut after = order.clone();
        (after.standing, after.list) = (Standing::Canceled, List::Canceled);
        (after.canceled_at, after.cancel_reason) = (Some(at), Some("nobody said so".to_owned()));
        let mut released = Vec::new();
        for (place, line) in after.lines.iter_mut().enumerate() {
            let key = format!("{}/{}/alive", order.id, line.id);
            let mut back = movement(&key, order, Bucket::Allocated, Bucket::Available, line.quantity, Cause::Cancel);
            (back.warehouse, back.sku) = (line.warehouse.clone(), line.merchant_sku.clone());
            back.line = Some(order.lines[place].id.clone());
            released.push(back);
            (line.stock.allocated, line.stock.moved.cancel) = (0, line.quantity);
            line.canceled_quantity = line.quantity;
        }
        stock::write(&mut session, merchant, &released, at).await.expect("written");
        orders::update(&mut session, order, &after).await.expect("updated");
        planted.expect(DifferenceKind::AliveThere, order.id.as_str());
    }
    // Shipped without having been promised: the shelf was thought to be fuller than it is.
    let shipped = world.list(List::Shipped, 200).await;
    for order in shipped.iter().filter(|order| order.left_before_counting && is_broken(order)).take(10) {
        let units = order.lines[0].quantity;
        let key = format!("{}/unpromised", order.id);
        let mut too_many =
            movement(&format!("{key}/in"), order, Bucket::Outside, Bucket::Available, units, Cause::ManualIn);
        (too_many.order, too_many.line) = (None, None);
        let left = movement(&key, order, Bucket::Outside, Bucket::Outbound, units, Cause::Ship);
        stock::write(&mut session, merchant, &[too_many, left], at).await.expect("written");
        let mut after = order.clone();
        after.lines[0].stock.outbound = units;
        after.lines[0].stock.moved.ship = units;
        orders::update(&mut session, order, &after).await.expect("updated");
        planted.expect(DifferenceKind::ShippedUnpromised, &key);
    }
    // Parcels that never came back.
    let canceled = world.list(List::Canceled, 200).await;
    for order in canceled.iter().filter(|order| order.left_before_counting && is_broken(order)).take(10) {
        let units = order.lines[0].quantity;
        let waits =
            movement(&format!("{}/lost", order.id), order, Bucket::Outside, Bucket::Returning, units, Cause::Cancel);
        stock::write(&mut session, merchant, &[waits], at).await.expect("written");
        let mut after = order.clone();
        after.lines[0].stock.returning = units;
        after.canceled_at =
            Some(world.engine.clock().platform_now(Platform::Shopee).minus(Span::from_seconds(40 * 86_400)));
        orders::update(&mut session, order, &after).await.expect("updated");
        planted.expect(DifferenceKind::ParcelOverdue, order.id.as_str());
    }
    // A courier scanned canceled parcels whose units were in no bucket: the shelf was thought to be fuller than it is.
    let left = canceled.iter().filter(|order| order.left_before_counting && is_broken(order)).skip(10);
    for order in left.take(4) {
        let line = &order.lines[0];
        let key = format!("{}/unexplained/in", order.id);
        let mut too_many = movement(&key, order, Bucket::Outside, Bucket::Available, line.quantity, Cause::ManualIn);
        (too_many.order, too_many.line) = (None, None);
        stock::write(&mut session, merchant, &[too_many], at).await.expect("written");
        let case = CaseRecord {
            order: order.id.clone(),
            shop: order.shop.clone(),
            state: State::Open,
            opened_at: at,
            scanned_at: at,
            scanned_as: "SHIPPED".to_owned(),
            units: line.quantity,
            unexplained: line.quantity,
            came_back_at: None,
            reference: None,
            note: None,
            ended: None,
        };
        assert!(cases::open(&mut session, merchant, &case).await.expect("opened"));
        let units = Unexplained {
            line: line.id.clone(),
            warehouse: line.warehouse.clone(),
            sku: line.merchant_sku.clone(),
            units: line.quantity,
        };
        cases::note_unexplained(&mut session, merchant, &order.id, &[units]).await.expect("noted");
        planted.expect(DifferenceKind::ShippedUnexplained, &format!("{}/{}", order.id, line.id));
    }
    // Units that are held for nobody.
    for (place, like) in untouched.by_ref().take(6).enumerate() {
        let (order, line) = (format!("ord_gone{place}"), format!("line{place}"));
        let mut held =
            movement(&format!("{order}/held"), like, Bucket::Available, Bucket::Allocated, 1, Cause::Allocate);
        held.order = Some(OrderId::parse(order.as_str()).expect("an id"));
        held.line = Some(LineId::parse(line.as_str()).expect("an id"));
        let subject = format!("{order}/{line}/{}/{}", held.warehouse, held.sku);
        stock::write(&mut session, merchant, &[held], at).await.expect("written");
        planted.expect(DifferenceKind::OrphanUnits, &subject);
    }
    // Lines that say they hold more than was moved for them.
    for order in untouched.by_ref().take(6) {
        let mut after = order.clone();
        after.lines[0].stock.reserved += 2;
        orders::update(&mut session, order, &after).await.expect("updated");
        let line = &order.lines[0];
        let subject = format!("{}/{}/{}/{}", order.id, line.id, line.warehouse, line.merchant_sku);
        planted.expect(DifferenceKind::HoldingDiffers, &subject);
    }
    session.commit().await.expect("committed");

    // Balances that somebody changed with a database tool, some of them to less than nothing.
    let of_sku =
        |sku: &MerchantSku| format!("merchant_id = 'mer_1' and warehouse_id = 'whs_1' and merchant_sku = '{sku}'");
    let mut by_hand = Vec::new();
    for sku in of_orders.iter().take(9) {
        by_hand.push(format!("update balances set available = available + 3 where {}", of_sku(sku)));
        planted.expect(DifferenceKind::BalanceDiffers, &format!("//whs_1/{sku}"));
    }
    for balance in &of_balances {
        by_hand.push(format!("update balances set lost = -1 where {}", of_sku(&balance.sku)));
        planted.expect(DifferenceKind::NegativeBucket, &format!("//whs_1/{}", balance.sku));
    }
    world.trial.tamper(&by_hand).await;
    // Stock that somebody edited in the Seller Center.
    for balance in balances.iter().take(100 - planted.expected.len()) {
        let available = balance.balance.available + 7;
        let body = json!({"platform": "shopee", "sku": balance.sku.as_str(), "available": available});
        world.control.send(Method::PUT, "/stock", body).await;
        planted.expect(DifferenceKind::ListingDiffers, balance.sku.as_str());
    }
    planted
}

on_both! {
    async fn a_world_in_which_nothing_is_wrong_has_no_difference(trial) {
        let world = world(trial, 300).await;
        world.advance_clock(600).await;
        let first = audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::new());
        assert!(first.orders > 100 && first.listings > 20, "{first:?}");
        // Neither has one in which orders were cancelled before anybody touched them, by us and by the platform.
        let orders: Vec<_> = allocated(&world, List::New).await.into_iter().filter(|order| order.stage == Stage::Untouched && order.standing == Standing::ToPack).take(4).collect();
        let record = world.cancel(&orders[0], "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.advance(&[orders[1].number.clone()], "CANCELLED").await;
        world.advance(&[orders[2].number.clone()], "SHIPPED").await;
        world.sync().await;
        world.advance_clock(600).await;
        let second = audit(&world).await;
        assert_eq!((found(&world).await, second.open, second.fresh), (BTreeSet::new(), 0, 0));
    }

    async fn a_change_that_is_still_on_its_way_is_no_difference(trial) {
        let world = World::start(trial, 60).await;
        let order = allocated(&world, List::New).await.into_iter().find(|order| order.standing == Standing::ToPack).expect("one to pack");
        world.advance_clock(600).await;
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "CANCELLED", "force": true})).await;
        // The built-in policy sweeps every minute: a push or that finds it.
        let mut session = world.engine.store().begin().await.expect("begins");
        world.engine.begin_audit(&mut session, &world.merchant, ACTOR).await.expect("begun");
        session.commit().await.expect("committed");
        for due in world.engine.due(Kind::Audit).await.expect("due") {
            world.engine.tick(&due, Kind::Audit).await.expect("a tick");
        }
        assert_eq!(found(&world).await, BTreeSet::new());
    }

    async fn a_hundred_planted_differences_are_found_named_and_repaired(trial) {
        let world = audit_warehouses::world(&GENERIC, trial, 700, "MUG-BLU").await;
        let plan = Plan { shipped_anyway: 4, of_each_other: 2, skus: 2 };
        let at_warehouse = audit_warehouses::furnish(&world, plan).await;
        world.advance_clock(600).await;
        let at_warehouse = at_warehouse.plant(&world).await;
        assert_eq!(at_warehouse.len(), plan.differences());
        let planted = break_it(&world, Planted { expected: at_warehouse }).await;
        assert_eq!(planted.expected.len(), 100, "{:?}", DifferenceKind::ALL.iter().map(|kind| (kind, planted.of(*kind))).collect::<Vec<_>>());
        for &kind in DifferenceKind::ALL {
            assert!(planted.of(kind) >= 2, "{kind}: {}", planted.of(kind));
        }
        // What changed over there is not on its way any more.
        world.advance_clock(600).await;
        world.pass(3_600);
        let ended = audit(&world).await;
        let seen = found(&world).await;
        let missed: Vec<_> = planted.expected.difference(&seen).collect();
        let false_ones: Vec<_> = seen.difference(&planted.expected).collect();
        assert!(missed.is_empty() && false_ones.is_empty(), "missed: {missed:#?}\nfalse: {false_ones:#?}");
        assert_eq!((ended.open, ended.fresh), (100, 100));

        // Seen again, they are the same ones and grow older.
        let before: BTreeMap<_, _> = differences(&world).await.into_iter().map(|found| (found.id, found.found_at)).collect();
        let again = audit(&world).await;
        assert_eq!((again.open, again.fresh), (100, 0));
        let after: BTreeMap<_, _> = differences(&world).await.into_iter().map(|found| (found.id, found.found_at)).collect();
        assert_eq!(before, after);

        for difference in differences(&world).await {
            let repaired = repair(&world, &difference.id).await;
            assert!(repaired.ended.is_some_and(|ended| ended.by == ACTOR && !ended.outcome.is_empty()));
            let twice = world.engine.repair(&world.merchant, ACTOR, &difference.id, None).await;
            assert!(matches!(twice, Err(engine::RepairError::Over(_))), "{twice:?}");
        }
        world.ledger_is_proven().await;
        // What was asked back or pushed again is there as it is wished, and is compared once more.
        world.run_until_so("the end of what waits at the warehouse", async || world.engine.due(Kind::WarehouseOrder).await.expect("due").is_empty()).await;
        world.pass(3_600);
        let clean = audit(&world).await;
        let left: Vec<_> = differences(&world).await.into_iter().map(|it| it.found).collect();
        assert!(left.is_empty() && clean.open == 0, "{left:#?}");
        assert_eq!(clean.gone, 100);
        let mut session = world.engine.store().read().await.expect("begins");
        let search = store::log::Search { action: Some("audit.repaired".to_owned()), ..store::log::Search::default() };
        let log = store::log::page(&mut session, &world.merchant, &search, None, 200).await.expect("read");
        assert_eq!(log.len(), 100, "every repair stands in the log");
    }

    /// Rules, bundles and several warehouses decide what each listing is to show.
    async fn a_world_whose_listings_are_filled_by_rules_and_of_bundles_has_no_difference_but_the_planted(trial) {
        let world = world(trial, 200).await;
        let mut codes: Vec<(ListingSku, MerchantSku)> = Vec::new();
        for order in allocated(&world, List::New).await {
            let line = &order.lines[0];
            let fits = codes.iter().all(|(_, sku)| *sku != line.merchant_sku) && world.available(&line.merchant_sku).await >= 10;
            if fits && order.standing == Standing::ToPack {
                codes.push((line.listing_sku.clone(), line.merchant_sku.clone()));
            }
        }
        let [plain, ruled, bundled, part, ..] = &codes[..] else { panic!("{} codes", codes.len()) };
        let set = MerchantSku::parse("SET").expect("a SKU");
        let half = PushRule::new(50, -1, Rounding::Down, 0).expect("a rule");
        let share = PushRule::new(80, 0, Rounding::Up, 3).expect("a rule");
        let mut session = world.engine.store().begin().await.expect("begins");
        let (merchant, shop) = (&world.merchant, &world.shop);
        let means = MappingRecord { shop: None, listing_sku: bundled.0.clone(), merchant_sku: set.clone(), source: Source::Hand };
        let components = [Component { sku: part.1.clone(), units: 2 }, Component { sku: ruled.1.clone(), units: 1 }];
        world.engine.set_bundle(&mut session, merchant, ACTOR, &set, &components).await.expect("set");
        world.engine.map_codes(&mut session, merchant, ACTOR, &[means]).await.expect("mapped");
        world.engine.set_push_rule(&mut session, merchant, ACTOR, shop, (None, Some(&share))).await.expect("set");
        world.engine.set_push_rule(&mut session, merchant, ACTOR, shop, (Some(&ruled.1), Some(&half))).await.expect("set");
        session.commit().await.expect("committed");
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        world.advance_clock(600).await;
        let clean = audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::new());
        assert!(clean.listings > 20, "{clean:?}");

        // Somebody edits three of them in the Seller Center.
        let mut expected = BTreeSet::new();
        for (code, sku) in [(&plain.0, &plain.1), (&ruled.0, &ruled.1), (&bundled.0, &set)] {
            let shows = world.platform_stock(code.as_str()).await.expect("a listing");
            let body = json!({"platform": "shopee", "sku": code.as_str(), "available": shows + 7});
            world.control.send(Method::PUT, "/stock", body).await;
            let listing = world.listing_of(&world.shop, sku).await.expect("a listing");
            expected.insert((DifferenceKind::ListingDiffers, format!("{}/{listing}", world.shop)));
        }
        // As long as their numbers wait to be sent, that is no difference.
        let later = world.engine.clock().now().plus(Span::from_seconds(3_600));
        let mut session = world.engine.store().begin().await.expect("begins");
        stock_pushes::want_of_shop(&mut session, merchant, shop, later).await.expect("wanted");
        session.commit().await.expect("committed");
        audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::new());
        world.trial.tamper(&["delete from jobs where kind = 'stock_push'".to_owned()]).await;
        audit(&world).await;
        assert_eq!(found(&world).await, expected);
        for difference in differences(&world).await {
            assert!(difference.found.ours.starts_with("it is to show"), "{:?}", difference.found);
            repair(&world, &difference.id).await;
        }
        world.run_until_idle().await;
        let repaired = audit(&world).await;
        assert_eq!((found(&world).await, repaired.gone), (BTreeSet::new(), 3));
        world.ledger_is_proven().await;
    }

    /// Nobody but a person takes an order out of *canceled*; it is then cancelled, packed and counted like any other.
    async fn an_order_that_lives_over_there_is_brought_back_by_a_person_and_may_be_canceled_again(trial) {
        let world = world(trial, 60).await;
        let fits = |order: &OrderRecord| order.stage == Stage::Untouched && order.standing == Standing::ToPack;
        let order = allocated(&world, List::New).await.into_iter().find(fits).expect("one to pack");
        let sku = &order.lines[0].merchant_sku;
        let at_first = world.available(sku).await;
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.advance(std::slice::from_ref(&order.number), "CANCELLED").await;
        world.run_until_idle().await;
        assert!(world.available(sku).await > at_first);
        world.control.send(Method::POST, &path, json!({"to": "READY_TO_SHIP", "force": true})).await;
        world.sync().await;
        world.advance_clock(600).await;
        assert_eq!(world.order(&order.id).await.list, List::Canceled, "a read alone revives nothing");
        audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::from([(DifferenceKind::AliveThere, order.id.as_str().to_owned())]));
        repair(&world, &differences(&world).await[0].id).await;
        let alive = world.order(&order.id).await;
        assert_eq!((alive.list, alive.cancelled_by, alive.canceled_at), (List::New, None, None));
        assert!(alive.lines.iter().all(|line| line.canceled_quantity == 0 && line.stock.allocated == line.quantity));
        assert_eq!(world.available(sku).await, at_first);
        audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::new());

        world.advance(std::slice::from_ref(&order.number), "CANCELLED").await;
        world.run_until_idle().await;
        let again = world.order(&order.id).await;
        assert_eq!(again.list, List::Canceled);
        assert!(again.lines.iter().all(|line| line.stock.allocated == 0 && line.canceled_quantity == line.quantity));
        assert!(world.available(sku).await > at_first);
        world.ledger_is_proven().await;
    }

    async fn a_listing_that_somebody_opened_although_a_cancel_closed_it_is_a_difference(trial) {
        let world = world(trial, 60).await;
        world.push_on(&world.shop).await;
        let order = allocated(&world, List::New).await.into_iter().find(|order| order.standing == Standing::ToPack).expect("one to pack");
        let line = &order.lines[0];
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_idle().await;
        let sku = line.listing_sku.as_str();
        assert_eq!(world.platform_stock(sku).await, Some(0));
        let body = json!({"platform": "shopee", "sku": sku, "available": 7});
        world.control.send(Method::PUT, "/stock", body).await;
        world.advance_clock(600).await;
        audit(&world).await;
        let seen = differences(&world).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].found.ours.contains("closed it") && seen[0].found.theirs.ends_with("shows 7"), "{:?}", seen[0].found);
        repair(&world, &seen[0].id).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(sku).await, Some(0));
        audit(&world).await;
        assert_eq!(found(&world).await, BTreeSet::new());
    }

    async fn what_left_after_its_cancel_out_of_no_bucket_is_a_difference_until_it_is_counted(trial) {
        let world = world(trial, 120).await;
        let order = allocated(&world, List::New).await.into_iter().find(|order| order.stage == Stage::Untouched && order.standing == Standing::ToPack).expect("one to pack");
        let line = order.lines[0].clone();
        world.advance(std::slice::from_ref(&order.number), "CANCELLED").await;
        // Its units were on the shelf again, and somebody took everything from there.
        let place = (&line.warehouse, &line.merchant_sku);
        let adjust = async |adjustment| {
            let mut session = world.engine.store().begin().await.expect("begins");
            world.engine.adjust(&mut session, &world.merchant, "keeper", place, adjustment, None).await.expect("adjusted");
            session.commit().await.expect("committed");
        };
        let there = u32::try_from(world.available(&line.merchant_sku).await).expect("units");
        adjust(Adjustment::Out { units: there, defective: false }).await;
        // The parcel was on the dock all the time.
        world.advance(std::slice::from_ref(&order.number), "SHIPPED").await;
        world.advance_clock(600).await;
        audit(&world).await;
        let unexplained = async || {
            let mut all = differences(&world).await;
            all.retain(|difference| difference.found.kind == DifferenceKind::ShippedUnexplained);
            all
        };
        let seen = unexplained().await;
        let subjects: Vec<&str> = seen.iter().map(|seen| seen.found.subject.as_str()).collect();
        assert_eq!(subjects, [format!("{}/{}", order.id, line.id)]);
        assert!(seen[0].found.theirs.contains(&format!("{} units", line.quantity)), "{:?}", seen[0].found);
        let repaired = world.engine.repair(&world.merchant, ACTOR, &seen[0].id, None).await;
        assert!(matches!(repaired, Err(engine::RepairError::NotNow(_))), "nothing is there to be taken: {repaired:?}");
        // A count that finds just what was thought moves nothing, and is a count all the same.
        let balance = world.balance(&line).await;
        let counted = u32::try_from(balance.available + balance.reserved + balance.allocated).expect("units");
        adjust(Adjustment::Count { counted }).await;
        audit(&world).await;
        assert_eq!(unexplained().await, []);
        world.ledger_is_proven().await;
    }

    async fn an_audit_goes_on_where_a_killed_process_left_it(trial) {
        let mut world = world(trial, 120).await;
        world.advance_clock(600).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        let id = world.engine.begin_audit(&mut session, &world.merchant, ACTOR).await.expect("begun");
        session.commit().await.expect("committed");
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        world.engine.tick(&due, Kind::Audit).await.expect("a tick");
        world.restart().await;
        let ended = audit(&world).await;
        assert_eq!(ended.id, id, "the same one goes on");
        assert_eq!((ended.open, found(&world).await), (0, BTreeSet::new()));
    }

    async fn a_scheduled_audit_comes_once_in_its_stretch_of_time(trial) {
        let world = world(trial, 20).await;
        assert_eq!(world.engine.begin_due_audits().await.expect("begun"), 1);
        assert_eq!(world.engine.begin_due_audits().await.expect("goes on"), 0);
        audit(&world).await;
        assert_eq!(world.engine.begin_due_audits().await.expect("it had its turn"), 0);
        let mut session = world.engine.store().read().await.expect("begins");
        let audits = audits::audits(&mut session, &world.merchant, None, 10).await.expect("read");
        assert_eq!((audits.len(), audits[0].asked_by.as_str()), (1, "countermand"));
    }
}
