//! Every marketplace from end to end: orders are listed and read, a cancel is checked, sent and confirmed, stock is read.

use super::world::World;
use domain::cancellation::State;
use domain::eligibility::Gate;
use domain::order::{List, Stage};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::snapshot::{FulfilledBy, Initiator};
use engine::commands::{cancellation_options, facts_of};
use store::orders::OrderRecord;
use store::trial::Trial;

/// Tokopedia's switch is on; all else is as it is built in.
fn switch_on(platform: Platform, policy: &mut Policy) {
    if platform == Platform::Tokopedia {
        policy.seller_cancel = true;
    }
}

/// A reason that asks for no products, and what the account's platform is told.
fn plain_reason(account: Platform) -> (&'static str, &'static str) {
    match account {
        Platform::Shopee => ("buyer_requests_cancellation", "request"),
        Platform::Lazada => ("system_error", "system error"),
        Platform::TiktokShop => ("pricing_error", "price"),
        // The old API has numbers: 3 is a wrong price.
        Platform::Tokopedia => ("pricing_error", "3"),
        Platform::Manual => panic!("no marketplace"),
    }
}

/// Orders that an account begins with; the old API lets nobody read more than five a second.
fn orders_on(account: Platform) -> u32 {
    if account == Platform::Tokopedia { 40 } else { 150 }
}

async fn cancel_and_check(world: &World, order: &OrderRecord) {
    let (reason, told) = plain_reason(world.platform);
    let record = world.cancel(order, reason, &[]).await;
    world.run_until_ended(std::slice::from_ref(&record)).await;
    let ended = world.cancellation(&record).await;
    assert_eq!(
        (ended.saga.state(), ended.cancelled_by()),
        (State::Done, Some(Initiator::Seller)),
        "{} {}: {:?}",
        order.platform,
        order.number,
        ended.platform_message
    );
    let after = world.order(&order.id).await;
    assert_eq!((after.list, after.cancelling), (List::Canceled, false));
    let waits = after.stage >= Stage::Printed;
    for (before, line) in order.lines.iter().zip(&after.lines) {
        assert_eq!(line.stock.allocated, 0, "{} {}", order.platform, order.number);
        assert_eq!(
            line.stock.returning > 0,
            waits && before.stock.allocated > 0,
            "{} {:?}",
            order.platform,
            line.stock
        );
    }
    let truth = world.control.order(&order.number).await;
    assert!(truth["cancelled_by"].as_str().unwrap_or_default().to_lowercase().contains("seller"), "{truth}");
    let reason = truth["cancel_reason"].as_str().expect("a reason").to_lowercase().replace('_', " ");
    assert!(reason.contains(told), "{told} in {truth}");
    world.control.check_calls(order.number.as_str()).await;
    assert_eq!(world.control.effective_cancels(&order.number).await, 1);
}

async fn a_marketplace_is_served_from_end_to_end(platform: Platform) {
    let world = World::on(platform, Trial::sqlite().await, orders_on(platform), switch_on).await;
    world.ledger_is_proven().await;
    for list in [List::New, List::InProcess] {
        let mut orders = world.cancellable().await;
        orders.retain(|order| order.list == list);
        let of = |storefront: Platform| orders.iter().find(|order| order.platform == storefront);
        // A merged account has orders of two storefronts.
        let storefronts: &[Platform] = match platform {
            Platform::TiktokShop => &[Platform::TiktokShop, Platform::Tokopedia],
            other => &[other],
        };
        for &storefront in storefronts {
            let order = of(storefront).unwrap_or_else(|| panic!("{storefront} has an order in {list}"));
            let options = world.engine.cancellation_options_now(order, &[]).await.expect("options");
            assert!(options.allowed.is_ok(), "{storefront} {}: {:?}", order.number, options.allowed);
            cancel_and_check(&world, order).await;
        }
    }
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shopee_is_served_from_end_to_end() {
    a_marketplace_is_served_from_end_to_end(Platform::Shopee).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lazada_is_served_from_end_to_end() {
    a_marketplace_is_served_from_end_to_end(Platform::Lazada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiktok_shop_is_served_from_end_to_end_with_tokopedia_s_orders_in_its_account() {
    a_marketplace_is_served_from_end_to_end(Platform::TiktokShop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokopedia_s_old_way_in_is_served_from_end_to_end() {
    a_marketplace_is_served_from_end_to_end(Platform::Tokopedia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokopedia_s_orders_are_closed_until_the_switch_is_on_and_those_of_its_account_are_not() {
    let world = World::on(Platform::TiktokShop, Trial::sqlite().await, 80, |_, _| ()).await;
    let orders = world.list(List::New, 200).await;
    let policy = |platform| connectors::default_policy(platform).expect("a policy");
    let mut seen = (0, 0);
    for order in &orders {
        let allowed = cancellation_options(order, &policy(order.platform)).allowed;
        if order.platform == Platform::Tokopedia {
            assert_eq!(allowed.expect_err("closed").gate, Gate::NotSupported);
            seen.0 += 1;
        } else {
            seen.1 += usize::from(allowed.is_ok());
        }
    }
    assert!(seen.0 > 0 && seen.1 > 0, "both storefronts are there: {seen:?}");
}

/// The platform's own warehouse keeps its orders out of all lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_the_platform_fulfils_stand_in_all_only_and_allocate_nothing() {
    for platform in [Platform::Lazada, Platform::TiktokShop] {
        let world = World::on(platform, Trial::sqlite().await, 150, switch_on).await;
        let orders = world.list(List::PlatformFulfilled, 200).await;
        assert!(!orders.is_empty(), "{platform} fulfils some itself");
        for order in orders {
            assert_eq!(order.fulfilled_by, FulfilledBy::Platform);
            assert!(order.lines.iter().all(|line| line.stock.allocated == 0 && line.stock.reserved == 0));
        }
    }
}

/// When the courier and the cancel meet, exactly one wins, on every marketplace.
async fn ship_and_cancel_race(platform: Platform, shipped: &str) {
    let world = World::on(platform, Trial::sqlite().await, orders_on(platform), switch_on).await;
    let mut orders = world.cancellable().await;
    orders.retain(|order| order.list == List::InProcess);
    orders.truncate(4);
    assert!(orders.len() > 1, "{platform} has orders in process");
    for order in orders {
        let reason = plain_reason(platform).0;
        // Its label may have been fetched since the list was read.
        let order = world.order(&order.id).await;
        let record = world.cancel(&order, reason, &[]).await;
        let path = format!("/orders/{platform}/{}/advance", order.number);
        let body = serde_json::json!({"to": shipped}).to_string();
        let url = format!("{}{path}", world.control.url);
        let ship =
            async { world.control.http.post(url).body(body).send().await.expect("answers").status().is_success() };
        let (ships, worked) = tokio::join!(ship, world.engine.run_due());
        worked.expect("a tick");
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.sync().await;
        let (ended, after) = (world.cancellation(&record).await, world.order(&order.id).await);
        let won = ended.saga.state() == State::Done;
        assert!(won || ships, "{platform} {}: one of them wins", order.number);
        assert_eq!(after.list == List::Canceled, won, "{platform} {} stands in {}", order.number, after.list);
        assert!(!after.cancelling && facts_of(&after).list == after.list);
        world.control.check_calls(order.number.as_str()).await;
    }
    world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_ship_and_cancel_race_exactly_one_wins_on_lazada() {
    ship_and_cancel_race(Platform::Lazada, "shipped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_ship_and_cancel_race_exactly_one_wins_on_tiktok_shop() {
    ship_and_cancel_race(Platform::TiktokShop, "IN_TRANSIT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_ship_and_cancel_race_exactly_one_wins_on_tokopedia() {
    ship_and_cancel_race(Platform::Tokopedia, "500").await;
}

/// `product.md` section 3: where the seller's cancel starts, platform by platform, list by list, status by status.
#[test]
fn every_platform_list_and_status_is_open_or_closed_as_the_product_says() {
    let open: &[(Platform, &[&str])] = &[
        (Platform::Shopee, &["READY_TO_SHIP", "PROCESSED", "RETRY_SHIP"]),
        (Platform::Lazada, &["pending", "repacked", "packed", "ready_to_ship_pending"]),
        (Platform::TiktokShop, &["AWAITING_SHIPMENT", "AWAITING_COLLECTION"]),
        (Platform::Tokopedia, &["AWAITING_SHIPMENT", "AWAITING_COLLECTION", "220", "221", "400"]),
    ];
    let mut walked = 0;
    for (platform, statuses) in open {
        let mut policy = connectors::default_policy(*platform).expect("a policy");
        for switched_on in [false, true] {
            if *platform == Platform::Tokopedia {
                policy.seller_cancel = switched_on;
            }
            for status in policy.statuses.iter().map(|rule| rule.value.clone()).chain(["NO_SUCH_STATUS".to_owned()]) {
                for &list in List::ALL {
                    let facts = domain::eligibility::OrderFacts {
                        list,
                        platform_status: status.clone(),
                        fulfilled_by: FulfilledBy::Seller,
                        seller_may_cancel: None,
                        cancelling: false,
                        cod: false,
                        region: "MY".to_owned(),
                    };
                    let gate = domain::eligibility::new_cancel(&facts, &policy).err().map(|blocked| blocked.gate);
                    let from = matches!(list, List::New | List::InProcess | List::Voided | List::PlatformFulfilled);
                    let expected = match list {
                        List::CancelRequested => Some(Gate::RequestOpen),
                        _ if !from => Some(Gate::List),
                        _ if !policy.seller_cancel => Some(Gate::NotSupported),
                        _ if !statuses.contains(&status.as_str()) => Some(Gate::PlatformStatus),
                        _ => None,
                    };
                    assert_eq!(gate, expected, "{platform}, {list}, {status}");
                    walked += 1;
                }
            }
        }
    }
    assert!(walked > 1_000, "{walked} cells were walked");
}
