//! Stock push against the sandbox: whoever cancels, each listing ends with our number; what was said not to exist is not sold
//! again; crashes and faults lose no push.

use super::cancel::{ALL_FAULTS, all_lines, faults, poll_times};
use super::world::World;
use domain::cancellation::State;
use domain::ids::{ListingId, MerchantSku, ShopId, WarehouseId};
use domain::order::List;
use domain::platform::Platform;
use domain::policy::Policy;
use domain::stock_push::{Left, PushOutcome, PushRule, Rounding, Target};
use engine::adjustments::Adjustment;
use engine::opening::Opening;
use engine::shop_stock::Places;
use reqwest::Method;
use serde_json::json;
use store::closed_listings::{self, ClosedListing};
use store::jobs::{Due, Kind};
use store::on_both;
use store::orders::{LineRecord, OrderRecord};
use store::shops::{self, WarehouseRecord};
use store::stock_pushes::{self, PushRecord};
use store::trial::Trial;

/// What the platform calls an order that it canceled by itself.
fn canceled_by_the_platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Shopee | Platform::TiktokShop => "CANCELLED",
        Platform::Lazada => "canceled",
        Platform::Tokopedia => "15",
        Platform::Manual => panic!("no marketplace"),
    }
}

fn switch_on(platform: Platform, policy: &mut Policy) {
    if platform == Platform::Tokopedia {
        policy.seller_cancel = true;
    }
}

fn orders_on(platform: Platform) -> u32 {
    if platform == Platform::Tokopedia { 25 } else { 60 }
}

/// A reason that asks for no products and leaves the listing open.
fn plain_reason(platform: Platform) -> &'static str {
    match platform {
        Platform::Shopee => "buyer_requests_cancellation",
        Platform::Lazada => "system_error",
        Platform::TiktokShop => "unable_to_deliver",
        Platform::Tokopedia => "pricing_error",
        Platform::Manual => panic!("no marketplace"),
    }
}

impl World {
    pub(crate) async fn push_on(&self, shop: &ShopId) {
        let mut session = self.engine.store().begin().await.expect("begins");
        self.engine.switch_stock_push(&mut session, &self.merchant, "owner", shop, true).await.expect("switched");
        session.commit().await.expect("committed");
    }

    async fn target(&self, shop: &ShopId, listing: &ListingId) -> Target {
        let mut session = self.engine.store().read().await.expect("begins");
        let one = std::slice::from_ref(listing);
        let mut targets = self.engine.targets(&mut session, &self.merchant, shop, one).await.expect("targets");
        targets.remove(listing).expect("a listing")
    }

    pub(crate) async fn available(&self, sku: &MerchantSku) -> i64 {
        let mut session = self.engine.store().read().await.expect("begins");
        let found =
            store::stock::available(&mut session, &self.merchant, std::slice::from_ref(sku)).await.expect("read");
        found.values().sum()
    }

    async fn pushes_of(&self, listing: &ListingId) -> Vec<PushRecord> {
        let mut session = self.engine.store().read().await.expect("begins");
        stock_pushes::history(&mut session, &self.merchant, &self.shop, listing, None, 100).await.expect("read")
    }

    async fn closed(&self) -> Vec<ClosedListing> {
        let mut session = self.engine.store().read().await.expect("begins");
        closed_listings::page(&mut session, &self.merchant, None, None, 100).await.expect("read")
    }

    async fn adjust(&self, line: &LineRecord, adjustment: Adjustment<'_>) {
        let mut session = self.engine.store().begin().await.expect("begins");
        let place = (&line.warehouse, &line.merchant_sku);
        self.engine.adjust(&mut session, &self.merchant, "keeper", place, adjustment, None).await.expect("adjusted");
        session.commit().await.expect("committed");
    }

    async fn set_platform_stock(&self, sku: &str, available: i64) {
        let wish = json!({"platform": self.platform.as_str(), "sku": sku, "available": available});
        self.control.send(Method::PUT, "/stock", wish).await;
    }

    /// Every listing of an order's lines shows what it is to show.
    async fn shows_our_numbers(&self, order: &OrderRecord) {
        for line in &order.lines {
            let Target::Show(number) = self.target(&order.shop, &line.listing).await else {
                panic!("{} is filled from here", line.listing_sku)
            };
            assert_eq!(number, self.available(&line.merchant_sku).await);
            let shown = self.platform_stock(line.listing_sku.as_str()).await;
            assert_eq!(shown, Some(number), "{} of {}", line.listing_sku, order.number);
        }
    }

    /// The platform cancels an order by itself, and a push says so.
    async fn canceled_there(&self, order: &OrderRecord) {
        let path = format!("/orders/{}/{}/advance", self.platform, order.number);
        let wish = json!({"to": canceled_by_the_platform(self.platform), "force": true});
        self.control.send(Method::POST, &path, wish).await;
        let mut session = self.engine.store().begin().await.expect("begins");
        self.engine.nudge(&mut session, &self.merchant, &self.shop, [&order.number]).await.expect("wanted");
        session.commit().await.expect("committed");
    }
}

async fn whoever_cancels_the_listings_end_with_our_numbers(platform: Platform) {
    let world = World::on(platform, Trial::sqlite().await, orders_on(platform), switch_on).await;
    world.push_on(&world.shop).await;
    world.run_until_idle().await;
    let orders = world.cancellable().await;
    let untouched = orders.iter().find(|order| order.list == List::New).expect("one in New").clone();
    world.shows_our_numbers(&untouched).await;

    let record = world.cancel(&untouched, plain_reason(platform), &[]).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    assert_eq!(world.cancellation(&record).await.saga.state(), State::Done);
    world.run_until_idle().await;
    world.shows_our_numbers(&untouched).await;

    let by_platform = orders.iter().rfind(|order| order.list == List::New && order.id != untouched.id);
    let by_platform = by_platform.expect("another").clone();
    world.canceled_there(&by_platform).await;
    world.run_until_idle().await;
    assert_eq!(world.order(&by_platform.id).await.list, List::Canceled);
    world.shows_our_numbers(&by_platform).await;
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_on_shopee_the_listings_end_with_our_numbers() {
    whoever_cancels_the_listings_end_with_our_numbers(Platform::Shopee).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_on_lazada_the_listings_end_with_our_numbers() {
    whoever_cancels_the_listings_end_with_our_numbers(Platform::Lazada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_on_tiktok_shop_the_listings_end_with_our_numbers() {
    whoever_cancels_the_listings_end_with_our_numbers(Platform::TiktokShop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_on_tokopedia_the_listings_end_with_our_numbers() {
    whoever_cancels_the_listings_end_with_our_numbers(Platform::Tokopedia).await;
}

on_both! {
    /// The platform gives a packed order's units back to its listing; they lie in a parcel, and nothing changed for us.
    async fn units_that_lie_in_a_parcel_are_taken_off_the_listing_again(trial) {
        let world = World::start(trial, 60).await;
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        let packed = world.cancellable().await.into_iter().find(|order| order.list == List::InProcess).expect("one in process");
        let line = packed.lines[0].clone();
        let before = world.available(&line.merchant_sku).await;
        world.canceled_there(&packed).await;
        world.run_until_idle().await;
        let after = world.order(&packed.id).await;
        assert!(after.lines[0].stock.returning > 0, "it waits to be stocked in");
        assert_eq!(world.available(&line.merchant_sku).await, before, "nothing changed for us");
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(before), "and so nothing for buyers");
    }

    async fn nothing_is_sent_to_a_shop_before_it_is_switched_on(trial) {
        let world = World::start(trial, 40).await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.adjust(&order.lines[0], Adjustment::In { units: 5, defective: false }).await;
        world.run_until_idle().await;
        assert_eq!(world.pushes_of(&order.lines[0].listing).await, []);
        assert_eq!(world.target(&world.shop, &order.lines[0].listing).await, Target::Leave(Left::SwitchedOff));
    }

    async fn changes_are_gathered_into_one_push_and_its_story_is_kept(trial) {
        let world = World::start(trial, 40).await;
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        let line = world.cancellable().await[0].lines[0].clone();
        let known = world.pushes_of(&line.listing).await.len();
        for _ in 0..5 {
            world.adjust(&line, Adjustment::In { units: 2, defective: false }).await;
        }
        world.run_until_idle().await;
        let pushes = world.pushes_of(&line.listing).await;
        assert_eq!(pushes.len(), known + 1, "five changes are one push");
        let number = world.available(&line.merchant_sku).await;
        assert_eq!((pushes[0].stock, pushes[0].outcome, pushes[0].read_back), (number, Some(PushOutcome::Accepted), Some(number)));
    }

    async fn a_rule_decides_how_much_of_what_is_available_a_listing_shows(trial) {
        let world = World::start(trial, 40).await;
        world.push_on(&world.shop).await;
        let line = world.cancellable().await[0].lines[0].clone();
        world.adjust(&line, Adjustment::In { units: 11, defective: false }).await;
        let available = world.available(&line.merchant_sku).await;
        let half = PushRule::new(50, -1, Rounding::Down, 0).expect("a rule");
        let guard = PushRule::new(100, 0, Rounding::Down, 999_999).expect("a rule");
        let every_other = PushRule::new(10, 0, Rounding::Up, 0).expect("a rule");
        for (sku, rule, shown) in [
            (None, Some(every_other), (available + 9) / 10),
            (Some(&line.merchant_sku), Some(half), available / 2 - 1),
            (Some(&line.merchant_sku), Some(guard), 0),
            (Some(&line.merchant_sku), None, (available + 9) / 10),
            (None, None, available),
        ] {
            let mut session = world.engine.store().begin().await.expect("begins");
            let set = (sku, rule.as_ref());
            world.engine.set_push_rule(&mut session, &world.merchant, "owner", &world.shop, set).await.expect("set");
            session.commit().await.expect("committed");
            world.run_until_idle().await;
            assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(shown), "{rule:?}");
        }
    }

    /// CodistoConnect#423, Browntape: an out-of-stock cancel put goods back on sale that do not exist.
    async fn codisto_423_what_a_cancel_said_not_to_exist_is_not_listed_again_until_it_is_counted(trial) {
        let world = World::start(trial, 60).await;
        let lazada = world.also_on(Platform::Lazada, "shp_2").await;
        world.push_on(&world.shop).await;
        world.push_on(&lazada).await;
        world.run_until_idle().await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let line = order.lines[0].clone();
        let there = world.listing_of(&lazada, &line.merchant_sku).await;
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        assert!(world.is_held(&line.merchant_sku).await, "from the moment it is accepted");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_idle().await;
        let sku = line.listing_sku.as_str();
        assert_eq!(world.platform_stock(sku).await, Some(0));
        let closed = world.closed().await;
        assert_eq!(closed.len(), 1, "{closed:?}");
        assert_eq!((&closed[0].listing, &closed[0].order, closed[0].reason.as_str()), (&line.listing, &order.id, "out_of_stock"));
        assert!(closed[0].held);

        // Sold or brought back elsewhere: no listing of it is touched.
        if let Some(there) = &there {
            assert_eq!(world.target(&lazada, there).await, Target::Leave(Left::Held));
        }
        // A late answer, or the platform itself, opens it again: the next look closes it.
        world.set_platform_stock(sku, 7).await;
        let mut session = world.engine.store().begin().await.expect("begins");
        stock_pushes::want_of_shop(&mut session, &world.merchant, &world.shop, world.engine.clock().now()).await.expect("wanted");
        session.commit().await.expect("committed");
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(sku).await, Some(0));

        // Counted, it opens everywhere with what is there.
        let balance = world.balance(&line).await;
        let counted = u32::try_from(balance.reserved + balance.allocated + 4).expect("units");
        world.adjust(&line, Adjustment::Count { counted }).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(sku).await, Some(4));
        if let Some(there) = &there {
            assert_eq!(world.target(&lazada, there).await, Target::Show(4));
        }
        assert_eq!(world.closed().await, []);
        world.ledger_is_proven().await;
    }

    async fn opening_stock_of_another_warehouse_opens_what_a_cancel_closed(trial) {
        let world = World::start(trial, 60).await;
        world.push_on(&world.shop).await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let line = order.lines[0].clone();
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(0));
        assert_eq!(world.closed().await.len(), 1);

        // The goods turn up in an attic that the shop is packed from, too.
        let attic = WarehouseRecord { id: WarehouseId::parse("whs_2").expect("an id"), name: "Attic".to_owned() };
        let there = world.available(&line.merchant_sku).await;
        let opening = Opening { warehouse: attic.id.clone(), sku: line.merchant_sku.clone(), sellable: 4, defective: 0 };
        let places = Places { warehouses: vec![line.warehouse.clone(), attic.id.clone()], return_warehouse: None };
        let mut session = world.engine.store().begin().await.expect("begins");
        shops::add_warehouse(&mut session, &world.merchant, &attic).await.expect("added");
        world.engine.set_warehouses(&mut session, &world.merchant, "owner", &world.shop, &places).await.expect("set");
        world.engine.open_stock(&mut session, &world.merchant, "keeper", &[opening]).await.expect("opened");
        session.commit().await.expect("committed");
        assert!(!world.is_held(&line.merchant_sku).await, "somebody saw how many there are");
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(there + 4));
        assert_eq!(world.closed().await, []);
        world.ledger_is_proven().await;
    }

    async fn a_push_that_was_under_way_when_the_listing_was_closed_is_found_and_zeroed(trial) {
        let world = World::start(trial, 60).await;
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let line = order.lines[0].clone();
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        // The cancel zeroed it; what was sent before it arrives after it.
        world.set_platform_stock(line.listing_sku.as_str(), 9).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(0));
        let pushes = world.pushes_of(&line.listing).await;
        assert_eq!((pushes[0].stock, pushes[0].outcome), (0, Some(PushOutcome::Accepted)));
    }

    async fn a_refused_cancel_closes_nothing(trial) {
        let world = World::start(trial, 60).await;
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::InProcess).expect("one in process");
        let path = format!("/orders/shopee/{}/advance", order.number);
        world.control.send(Method::POST, &path, json!({"to": "SHIPPED"})).await;
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)).await;
        assert_eq!(world.closed().await.len(), order.lines.len());
        // What is brought elsewhere meanwhile is not sent, and not forgotten either: the lifted hold sends it.
        world.adjust(&order.lines[0], Adjustment::In { units: 2, defective: true }).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        assert_eq!(world.cancellation(&record).await.saga.state(), State::Refused);
        world.run_until_idle().await;
        assert_eq!(world.closed().await, []);
        world.shows_our_numbers(&order).await;
    }

    async fn a_closed_listing_is_opened_by_hand_with_what_is_there_also_where_nothing_else_is_filled(trial) {
        let world = World::start(trial, 60).await;
        let order = world.cancellable().await.into_iter().find(|order| order.list == List::New).expect("one in New");
        let line = order.lines[0].clone();
        world.adjust(&line, Adjustment::In { units: 6, defective: false }).await;
        let record = world.cancel(&order, "out_of_stock", &all_lines(&order)[..1]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(0));
        let mut session = world.engine.store().begin().await.expect("begins");
        let reopened = world.engine.reopen_listing(&mut session, &world.merchant, "keeper", &world.shop, &line.listing).await;
        let number = reopened.expect("opened");
        session.commit().await.expect("committed");
        world.run_until_idle().await;
        assert_eq!(number, world.available(&line.merchant_sku).await);
        assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(number));
        assert_eq!(world.closed().await, []);
    }

    /// spree#5715: a correction of a number was taken for a delivery. Numbers are set, and never added.
    async fn spree_5715_a_number_is_set_and_whatever_repeats_adds_nothing(trial) {
        let world = World::start(trial, 40).await;
        world.push_on(&world.shop).await;
        let line = world.cancellable().await[0].lines[0].clone();
        world.run_until_idle().await;
        let number = world.available(&line.merchant_sku).await;
        for _ in 0..4 {
            let mut session = world.engine.store().begin().await.expect("begins");
            stock_pushes::want_of_skus(&mut session, &world.merchant, [&line.merchant_sku], world.engine.clock().now());
            session.commit().await.expect("committed");
            world.run_until_idle().await;
            assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(number));
        }
    }

    async fn a_crash_at_any_step_loses_no_push(trial) {
        let mut world = World::start(trial, 60).await;
        world.push_on(&world.shop).await;
        world.run_until_idle().await;
        let line = world.cancellable().await[0].lines[0].clone();
        let due = Due { merchant: world.merchant.clone(), shop: world.shop.clone() };
        let mut completed = false;
        for polls in (1..30).chain((30..150).step_by(15)).chain([usize::MAX]) {
            world.adjust(&line, Adjustment::In { units: 1, defective: false }).await;
            world.wait_until_due(Kind::StockPush).await;
            let engine = world.engine.clone();
            completed = poll_times(engine.tick(&due, Kind::StockPush), polls).await;
            world.restart().await;
            world.run_until_idle().await;
            let number = world.available(&line.merchant_sku).await;
            assert_eq!(world.platform_stock(line.listing_sku.as_str()).await, Some(number), "after {polls} polls");
            if completed {
                break;
            }
        }
        assert!(completed, "the last crash came after the whole tick");
    }
}

async fn under_every_fault_each_listing_ends_with_our_number(platform: Platform) {
    let world = World::on(platform, Trial::sqlite().await, 25, switch_on).await;
    let lines: Vec<LineRecord> = world.cancellable().await.iter().take(3).map(|order| order.lines[0].clone()).collect();
    world.push_on(&world.shop).await;
    world.run_until_idle().await;
    faults(&world, 0.3, &ALL_FAULTS, 3).await;
    for line in &lines {
        world.adjust(line, Adjustment::In { units: 3, defective: false }).await;
    }
    world.run_until_idle().await;
    faults(&world, 0.0, &[], 0).await;
    for line in &lines {
        let number = world.available(&line.merchant_sku).await;
        let shown = world.platform_stock(line.listing_sku.as_str()).await;
        assert_eq!(shown, Some(number), "{platform} {}", line.listing_sku);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_listing_on_shopee_ends_with_our_number() {
    under_every_fault_each_listing_ends_with_our_number(Platform::Shopee).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_listing_on_lazada_ends_with_our_number() {
    under_every_fault_each_listing_ends_with_our_number(Platform::Lazada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_listing_on_tiktok_shop_ends_with_our_number() {
    under_every_fault_each_listing_ends_with_our_number(Platform::TiktokShop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_every_fault_each_listing_on_tokopedia_ends_with_our_number() {
    under_every_fault_each_listing_ends_with_our_number(Platform::Tokopedia).await;
}
