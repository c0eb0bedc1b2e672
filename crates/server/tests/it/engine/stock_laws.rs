//! Anything in any order: orders move on over there, are read late, twice or out of turn, packed, shipped and taken back,
//! cancelled by anyone, whole or in part, set aside, stocked in and undone, counted, carried away. After every step every
//! number is the sum of its movements, and nothing is stocked in that did not come back.
//!
//! `COUNTERMAND_STOCK_LAWS=1,2,3` names the seeds; a failure prints its seed and its steps.

use super::world::World;
use domain::ids::{LineId, MerchantSku, OrderId, WarehouseId};
use domain::order::{List, Tab};
use domain::platform::Platform;
use domain::shipment::{Act, Mark};
use domain::stock::{Bucket, Cause, Visit};
use engine::adjustments::Adjustment;
use engine::commands::CancelRequest;
use engine::scan::{Heard, Leave};
use engine::stock_ins::{LineVisit, OrderVisit, StockIn};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use store::Session;
use store::cancellations::ChosenLine;
use store::explain::{self, Wanted};
use store::orders::OrderRecord;
use store::shops::{self, WarehouseRecord};
use store::stock_ins;
use store::trial::Trial;

const STEPS: u64 = 160;
/// Orders of a course: few, so that much happens to each.
const ORDERS: usize = 16;
/// How long a step waits for what it asked for; what takes longer is cut off, as by a crash.
const STEP_PATIENCE: Duration = Duration::from_secs(3);
const ACTOR: &str = "op@example.com";
const SEEDS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 20_261_130];
/// Longer than any course: a stale read is one from before the last write, however long ago.
const STALE_MS: u64 = 600_000;
/// Movements of one SKU that a course makes at the most.
const MOVEMENTS_MAX: u32 = 10_000;

fn seeds() -> Vec<u64> {
    match std::env::var("COUNTERMAND_STOCK_LAWS") {
        Ok(named) => named.split(',').map(|seed| seed.trim().parse().expect("seeds such as 1,2,3")).collect(),
        Err(_) => SEEDS.to_vec(),
    }
}

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

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What was done so far; told where the course ends in a panic.
struct Course {
    platform: Platform,
    seed: u64,
    steps: Vec<String>,
    /// How often each kind of step took effect.
    took_effect: BTreeMap<&'static str, usize>,
}

impl Course {
    fn note(&mut self, kind: &'static str, took_effect: bool) {
        *self.took_effect.entry(kind).or_default() += usize::from(took_effect);
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (platform, seed) = (self.platform, self.seed);
            eprintln!("COUNTERMAND_STOCK_LAWS={seed} on {platform}, {} steps:", self.steps.len());
            for (number, step) in self.steps.iter().enumerate() {
                eprintln!("{number:4} {step}");
            }
        }
    }
}

/// The platform's statuses that an order may be moved to; the one of a courier's scan, and the one of an end.
fn statuses(platform: Platform) -> (&'static [&'static str], &'static str, &'static str) {
    match platform {
        Platform::Lazada => (&["packed", "packed", "ready_to_ship", "shipped", "delivered"], "shipped", "canceled"),
        _ => (&["PROCESSED", "PROCESSED", "SHIPPED", "COMPLETED", "IN_CANCEL"], "SHIPPED", "CANCELLED"),
    }
}

/// Tells the platform something of an order; what cannot be over there is refused there.
async fn tell(world: &World, order: &OrderRecord, what: &str, body: Value) {
    let url = format!("{}/orders/{}/{}/{what}", world.control.url, world.platform, order.number);
    let _ = world.control.http.request(Method::POST, url).json(&body).send().await;
}

async fn answer_stale(world: &World, rate: f64) {
    let platform = world.platform.as_str();
    let faults = json!({"platform": platform, "rate": rate, "kinds": ["stale_read"], "seed": 1, "stale_ms": STALE_MS});
    world.control.send(Method::PUT, "/faults", faults).await;
}

async fn read(world: &World, order: &OrderRecord) {
    let mut session = world.engine.store().begin().await.expect("begins");
    let numbers = std::slice::from_ref(&order.number);
    world.engine.nudge(&mut session, &world.merchant, &world.shop, numbers).await.expect("wanted");
    session.commit().await.expect("committed");
    let due = store::jobs::Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
    while world.engine.tick(&due, store::jobs::Kind::ReadOrder).await.expect("a tick") > 0 {}
}

async fn adjust(world: &World, warehouse: &WarehouseId, sku: &MerchantSku, adjustment: Adjustment<'_>) -> bool {
    let mut session = world.engine.store().begin().await.expect("begins");
    // A refusal (fewer than promised, more than there is) changes nothing.
    let done = world.engine.adjust(&mut session, &world.merchant, ACTOR, (warehouse, sku), adjustment, None).await;
    kept(session, done.is_ok()).await
}

/// Keeps what was done; what was refused changes nothing.
async fn kept(session: Session, is_done: bool) -> bool {
    if is_done {
        session.commit().await.expect("committed");
    }
    is_done
}

/// Units of each line that wait, and that are missing.
fn waiting(order: &OrderRecord) -> HashMap<LineId, (u32, u32)> {
    order.lines.iter().map(|line| (line.id.clone(), (line.stock.returning, line.stock.lost))).collect()
}

/// Stocks in, often more than there is: what is taken had come back, and waits no more.
async fn stock_in(world: &World, order: &OrderRecord, warehouse: &WarehouseId, dice: &mut Dice) -> bool {
    let lines = order.lines.iter().map(|line| {
        let sellable = dice.units(line.stock.returning + 1);
        let visit = Visit { sellable, defective: dice.units(1), missing: dice.units(1), found: dice.units(1) };
        LineVisit { line: line.id.clone(), sku: line.merchant_sku.clone(), visit, expected: None }
    });
    let lines: Vec<LineVisit> = lines.collect();
    let lines = (dice.below(3) > 0).then_some(lines);
    let entered = [OrderVisit { order: order.id.clone(), lines, expected: None }];
    let request = StockIn { actor: ACTOR, warehouse, orders: &entered, note: None, shops: None, batch: None };
    let mut session = world.engine.store().begin().await.expect("begins");
    let outcomes = world.engine.stock_in(&mut session, &world.merchant, &request).await.expect("tried");
    session.commit().await.expect("committed");
    let (before, after) = (waiting(order), waiting(&world.order(&order.id).await));
    let Ok(receipt) = &outcomes[0].1 else {
        assert_eq!(before, after, "{}: what was refused changed something", order.number);
        return false;
    };
    for line in &receipt.lines {
        let ((waited, missed), (waits, misses)) = (before[&line.line], after[&line.line]);
        let visit = line.visit;
        let taken = visit.sellable + visit.defective + visit.missing;
        assert!(taken <= waited && visit.found <= missed + visit.missing, "{}: {visit:?} of {waited}", order.number);
        assert_eq!(waits, waited - taken, "{}: {visit:?}", order.number);
        assert_eq!(misses, missed + visit.missing - visit.found, "{}: {visit:?}", order.number);
    }
    true
}

async fn undo_a_stock_in(world: &World, order: &OrderRecord, dice: &mut Dice) -> bool {
    let mut session = world.engine.store().begin().await.expect("begins");
    let receipts = stock_ins::of_order(&mut session, &world.merchant, &order.id).await.expect("read");
    if receipts.is_empty() {
        return false;
    }
    // Also one that was taken back before.
    let id = &receipts[dice.below(receipts.len())].id;
    let done = world.engine.undo_stock_in(&mut session, &world.merchant, ACTOR, id, "wrong shelf", None).await;
    kept(session, done.is_ok()).await
}

/// The seller cancels the order, or some of its lines.
async fn cancel(world: &World, order: &OrderRecord, by_lines: bool, dice: &mut Dice) -> bool {
    let reason = match (world.platform, by_lines) {
        (Platform::Lazada, true) => dice.one_of(&["sourcing_delay", "out_of_stock"]),
        (Platform::Lazada, false) => "system_error",
        _ => dice.one_of(&["buyer_requests_cancellation", "out_of_stock"]),
    };
    let live = order.lines.iter().filter(|line| line.live() > 0);
    let meant = live.filter(|line| if by_lines { dice.below(2) == 0 } else { line.id == order.lines[0].id });
    let chosen: Vec<ChosenLine> =
        meant.map(|line| ChosenLine { line_id: line.id.to_string(), quantity: line.live() }).collect();
    let lines: &[_] = if by_lines || reason == "out_of_stock" { &chosen } else { &[] };
    let request = CancelRequest {
        order: &order.id,
        reason,
        lines,
        note: None,
        expected_version: None,
        repack: false,
        despite_warehouse: false,
    };
    let mut session = world.engine.store().begin().await.expect("begins");
    let done = world.engine.request_cancel(&mut session, &world.merchant, ACTOR, &request).await;
    kept(session, done.is_ok()).await
}

/// What somebody does here to an order; a closed door changes nothing.
async fn act(world: &World, order: &OrderRecord, what: &str) -> bool {
    let (engine, merchant, id) = (&world.engine, &world.merchant, &order.id);
    let mut session = engine.store().begin().await.expect("begins");
    let done = match what {
        "void" => engine.void(&mut session, merchant, ACTOR, id, None).await,
        "restore" => engine.restore(&mut session, merchant, ACTOR, id, None).await,
        "pack" => engine.request_shipment(&mut session, merchant, ACTOR, Act::Pack, id, None).await,
        "repack" => engine.request_shipment(&mut session, merchant, ACTOR, Act::Repack, id, None).await,
        "ship" => {
            let leave = Leave { heard: &Heard::Lately, pass: None };
            engine.ship(&mut session, merchant, ACTOR, id, None, leave).await
        }
        _ => engine.undo_ship(&mut session, merchant, ACTOR, id, None).await,
    };
    kept(session, done.is_ok()).await
}

/// Carries on what is under way of an order until it has ended.
async fn carry_on(world: &World, order: &OrderRecord) {
    let ended = world.run_until(&order.id, |order| !order.cancelling && order.shipment != Mark::Live);
    let _ = tokio::time::timeout(STEP_PATIENCE, ended).await;
}

/// The order of the next step: mostly one that the step fits, sometimes any.
async fn choose(
    world: &World,
    ids: &[OrderId],
    dice: &mut Dice,
    fits: impl AsyncFn(&OrderRecord) -> bool,
) -> OrderRecord {
    if dice.below(5) > 0 {
        // From somewhere on, so that it is not always the first.
        let start = dice.below(ids.len());
        for id in ids[start..].iter().chain(&ids[..start]) {
            let order = world.order(id).await;
            if fits(&order).await {
                return order;
            }
        }
    }
    world.order(&ids[dice.below(ids.len())]).await
}

/// One step; which, the dice say. It is noted before it is done.
async fn step(world: &World, ids: &[OrderId], other: &WarehouseId, course: &mut Course, dice: &mut Dice) {
    let kind = dice.below(24);
    let order = choose(world, ids, dice, async |order: &OrderRecord| {
        let is_free = !order.cancelling && order.shipment != Mark::Live;
        match kind {
            4 => order.list == List::CancelRequested,
            8 => matches!(order.list, List::ToPickup | List::Canceled),
            9..=11 => is_free && order.list.seller_may_cancel(),
            12 => order.cancelling || order.shipment == Mark::Live,
            13 => order.list.may_be_voided(),
            14 => order.voided,
            15 => is_free && order.tab == Tab::ToPack,
            16 | 17 => is_free && order.list == List::InProcess,
            18 => is_free && order.list == List::ToPickup,
            19 | 20 => order.returning() > 0,
            21 => {
                let mut session = world.engine.store().read().await.expect("begins");
                let receipts = stock_ins::of_order(&mut session, &world.merchant, &order.id).await.expect("read");
                receipts.iter().any(|receipt| receipt.undone.is_none())
            }
            _ => true,
        }
    })
    .await;
    let line = &order.lines[0];
    let (known, courier, over) = statuses(world.platform);
    let say = |course: &mut Course, what: &str| {
        course.steps.push(format!("{what}: {} in {}, {}", order.number, order.list, order.platform_status));
    };
    match kind {
        0 | 1 => {
            let to = dice.one_of(known);
            say(course, &format!("over there it is {to}"));
            tell(world, &order, "advance", json!({"to": to, "force": true})).await;
        }
        2 => {
            say(course, "over there it is canceled");
            tell(world, &order, "advance", json!({"to": over, "force": true})).await;
        }
        3 => {
            say(course, "the buyer asks to cancel");
            tell(world, &order, "buyer-cancel", json!({"ask": true})).await;
        }
        4 => {
            say(course, "the buyer takes the request back");
            tell(world, &order, "buyer-withdraw", json!({})).await;
        }
        5 | 6 => {
            say(course, "read twice");
            read(world, &order).await;
            read(world, &order).await;
        }
        7 => {
            say(course, "moved on and read, then read from before it moved");
            let to = dice.one_of(known);
            tell(world, &order, "advance", json!({"to": to, "force": true})).await;
            read(world, &order).await;
            let fresh = world.order(&order.id).await;
            answer_stale(world, 1.0).await;
            read(world, &order).await;
            answer_stale(world, 0.0).await;
            course.note("a read out of turn", fresh.platform_status != order.platform_status);
        }
        8 => {
            say(course, "the courier scans it, and it is read twice");
            world.advance_clock(5).await;
            tell(world, &order, "advance", json!({"to": courier, "force": true})).await;
            read(world, &order).await;
            read(world, &order).await;
            course.note("courier scan", moved(world, &order).await);
        }
        9..=11 => {
            let by_lines = world.platform == Platform::Lazada && kind > 9;
            let what = if by_lines { "partial cancel" } else { "cancel" };
            say(course, what);
            let done = cancel(world, &order, by_lines, dice).await;
            course.note(what, done);
            if dice.below(3) > 0 {
                carry_on(world, &order).await;
            }
        }
        12 => {
            say(course, "what is due is carried on");
            world.engine.run_due().await.expect("a tick");
        }
        13..=18 => {
            let what = match kind {
                13 => "void",
                14 => "restore",
                15 => "pack",
                16 => "ship",
                17 => dice.one_of(&["ship", "repack"]),
                _ => "undo ship",
            };
            say(course, what);
            let done = act(world, &order, what).await;
            course.note(what, done);
            if done && dice.below(3) > 0 {
                carry_on(world, &order).await;
            }
        }
        19 | 20 => {
            say(course, "stock in");
            let warehouse = if dice.below(2) == 0 { &line.warehouse } else { other };
            let done = stock_in(world, &order, warehouse, dice).await;
            course.note("stock in", done);
        }
        21 => {
            say(course, "undo a stock-in");
            let done = undo_a_stock_in(world, &order, dice).await;
            course.note("undo a stock-in", done);
        }
        22 => {
            let units = dice.units(30);
            let counted = Adjustment::Count { counted: units + 60 };
            let carried = Adjustment::Transfer { units: 1 + units / 10, to: other };
            let adjustment = dice.one_of(&[counted, carried]);
            say(course, &format!("{adjustment:?} of {}", line.merchant_sku));
            let done = adjust(world, &line.warehouse, &line.merchant_sku, adjustment).await;
            course.note("count, transfer", done);
        }
        _ => {
            let (units, defective) = (1 + dice.units(3), dice.below(3) == 0);
            let adjustment = dice.one_of(&[Adjustment::In { units, defective }, Adjustment::Out { units, defective }]);
            say(course, &format!("{adjustment:?} of {}", line.merchant_sku));
            let done = adjust(world, &line.warehouse, &line.merchant_sku, adjustment).await;
            course.note("in, out", done);
        }
    }
}

/// Whether units of an order lie elsewhere than they did.
async fn moved(world: &World, before: &OrderRecord) -> bool {
    let after = world.order(&before.id).await;
    before.lines.iter().zip(&after.lines).any(|(before, after)| before.stock != after.stock)
}

/// Of every SKU in every place: movement by movement, no more was stocked in than had come back.
async fn only_what_came_back_was_stocked_in(world: &World, ids: &[OrderId]) {
    let mut places = BTreeSet::new();
    for id in ids {
        let order = world.order(id).await;
        places.extend(order.lines.into_iter().map(|line| (line.warehouse, line.merchant_sku)));
    }
    let mut session = world.engine.store().read().await.expect("begins");
    for (warehouse, sku) in &places {
        let wanted = Wanted { warehouse, sku, bucket: Some(Bucket::Returning), until: None };
        let found = explain::movements(&mut session, &world.merchant, &wanted, None, MOVEMENTS_MAX).await;
        let mut waits = 0;
        // Oldest first.
        for movement in found.expect("read").iter().rev() {
            waits += if movement.to == Bucket::Returning { movement.units } else { -movement.units };
            assert!(waits >= 0, "{sku}: more left than had come back, with {movement:?}");
            if movement.cause == Cause::UndoStockIn {
                assert_eq!(movement.to, Bucket::Returning, "{sku}: {movement:?}");
            }
        }
    }
}

async fn whatever_happens(platform: Platform, trial: Trial, seed: u64) -> BTreeMap<&'static str, usize> {
    let world = World::on(platform, trial, 80, |_, _| ()).await;
    let other = WarehouseId::parse("whs_2").expect("an id");
    let attic = WarehouseRecord { id: other.clone(), name: "Attic".to_owned() };
    let mut session = world.engine.store().begin().await.expect("begins");
    shops::add_warehouse(&mut session, &world.merchant, &attic).await.expect("added");
    session.commit().await.expect("committed");
    // Those of several lines first.
    let mut orders = world.cancellable().await;
    orders.sort_by_key(|order| (std::cmp::Reverse(order.lines.len()), order.number.clone()));
    let ids: Vec<OrderId> = orders.into_iter().take(ORDERS).map(|order| order.id).collect();
    // Zero is where these dice stand still.
    let mut dice = Dice(seed.max(1));
    let mut course = Course { platform, seed, steps: Vec::new(), took_effect: BTreeMap::new() };
    for _ in 0..STEPS {
        step(&world, &ids, &other, &mut course, &mut dice).await;
        world.ledger_is_proven().await;
    }
    course.steps.push("the end: everything is read".to_owned());
    world.sync().await;
    world.ledger_is_proven().await;
    only_what_came_back_was_stocked_in(&world, &ids).await;
    let mut session = world.engine.store().read().await.expect("begins");
    let sums = store::proof::sums(&mut session, &world.merchant, None).await.expect("sums");
    assert!(sums.kept.is_sound() && sums.kept == sums.moved, "{sums:?}");
    std::mem::take(&mut course.took_effect)
}

/// The courses of all seeds: those that are tried always took every kind of step, with effect.
async fn every_course(platform: Platform, trial: impl AsyncFn() -> Trial) {
    let mut took_effect: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds() {
        for (kind, times) in whatever_happens(platform, trial().await, seed).await {
            *took_effect.entry(kind).or_default() += times;
        }
    }
    if std::env::var_os("COUNTERMAND_STOCK_LAWS").is_none() {
        let repacks = platform == Platform::Lazada;
        let idle: Vec<_> =
            took_effect.iter().filter(|(kind, times)| **times == 0 && (repacks || **kind != "repack")).collect();
        assert!(idle.is_empty(), "never with effect: {idle:?} of {took_effect:?}");
        assert!(took_effect.contains_key("partial cancel") == (platform == Platform::Lazada), "{took_effect:?}");
    }
}

/// The same on both databases, seed by seed.
macro_rules! whatever_happens {
    ($($name:ident, $platform:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                every_course($platform, Trial::sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                every_course($platform, Trial::postgres).await;
            }
        }
    )*};
}

whatever_happens! {
    whatever_happens_in_whatever_order_every_number_is_the_sum_of_its_movements, Platform::Shopee;
    whatever_happens_to_orders_that_are_canceled_item_by_item_every_number_is_the_sum_of_its_movements, Platform::Lazada;
}
