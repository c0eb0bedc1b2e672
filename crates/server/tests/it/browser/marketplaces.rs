//! One order of each marketplace is cancelled from New, In Process and Voided, and an order of Lazada's item by item.

use super::chromium::{Window, journey};
use super::{carry_out, row};
use crate::desk::Desk;
use crate::engine::World;
use domain::order::List;
use domain::platform::Platform;
use serde_json::Value;
use store::orders::OrderRecord;
use store::trial::Trial;

async fn desk_on(platform: Platform, orders: u32) -> Desk {
    let world = World::on(platform, Trial::sqlite().await, orders, |platform, policy| {
        // What `--allow` does.
        policy.seller_cancel |= platform == Platform::Tokopedia;
    });
    let desk = Desk::over(world.await).await;
    carry_out(&desk);
    desk
}

/// Two orders of New and one of In Process that this storefront lets the seller cancel.
async fn to_cancel(desk: &Desk, storefront: Platform) -> [OrderRecord; 3] {
    let mut orders = desk.world.cancellable().await;
    orders.retain(|order| order.platform == storefront && order.lines.iter().all(|line| line.live() > 0));
    let mut of = |list: List| {
        let place = orders.iter().position(|order| order.list == list);
        orders.remove(place.unwrap_or_else(|| panic!("{storefront} has another order in {list}")))
    };
    [of(List::New), of(List::InProcess), of(List::New)]
}

/// Cancels orders as an operator does, one that is new, one that is in process, one that was set aside before.
async fn orders_are_cancelled_from_every_list(account: Platform, storefront: Platform, reason: &str, told: &str) {
    let desk = desk_on(account, 120).await;
    let orders = to_cancel(&desk, storefront).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        for (place, order) in orders.iter().enumerate() {
            let row = row(order);
            let list = if order.list == List::New { "new" } else { "in_process" };
            window.open(&desk, &format!("/orders?list={list}&q={}", order.number)).await?;
            window.read(&row, storefront.title()).await?;
            if place == 2 {
                window.click(&format!("{row} input[name=order]")).await?;
                window.click("#selection button[formaction='/orders/void']").await?;
                window.miss(&row).await?;
                window.open(&desk, &format!("/orders?list=voided&q={}", order.number)).await?;
            }
            window.click(&format!("{row} a[data-act=cancel]")).await?;
            window.read("dialog h1", order.number.as_str()).await?;
            window.click(&format!("dialog input[value={reason}]")).await?;
            window.read("dialog .effects", storefront.title()).await?;
            if place == 0 {
                window.picture(&format!("cancel-{storefront}")).await?;
            }
            window.click("dialog button.primary").await?;
            window.read("dialog .steps .done", "by seller").await?;
            window.click("dialog a[data-dismiss]").await?;
            window.miss(&row).await?;
        }
        Ok(())
    })
    .await;
    for order in &orders {
        let truth = desk.world.control.order(&order.number).await;
        let text = |name: &str| truth[name].as_str().unwrap_or_default().to_lowercase().replace('_', " ");
        assert!(text("cancelled_by").contains("seller"), "{truth}");
        assert!(text("cancel_reason").contains(told), "{told}: {truth}");
        let after = desk.world.order(&order.id).await;
        assert_eq!(after.list, List::Canceled, "{}", order.number);
        assert!(after.lines.iter().all(|line| line.stock.allocated == 0), "{:?}", after.lines);
        desk.world.control.check_calls(order.number.as_str()).await;
        assert_eq!(desk.world.control.effective_cancels(&order.number).await, 1);
    }
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_shopee_are_cancelled_from_every_list() {
    let told = "request";
    orders_are_cancelled_from_every_list(Platform::Shopee, Platform::Shopee, "buyer_requests_cancellation", told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_lazada_are_cancelled_from_every_list() {
    orders_are_cancelled_from_every_list(Platform::Lazada, Platform::Lazada, "sourcing_delay", "sourcing delay").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_tiktok_shop_are_cancelled_from_every_list() {
    let account = Platform::TiktokShop;
    orders_are_cancelled_from_every_list(account, Platform::TiktokShop, "pricing_error", "price").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_tokopedia_in_a_merged_account_are_cancelled_from_every_list_with_the_switch_on() {
    let account = Platform::TiktokShop;
    orders_are_cancelled_from_every_list(account, Platform::Tokopedia, "pricing_error", "price").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_lazada_s_is_cancelled_item_by_item() {
    let desk = desk_on(Platform::Lazada, 200).await;
    let mut orders = desk.world.cancellable().await;
    orders.retain(|order| {
        order.lines.len() > 1
            && order.lines.iter().all(|line| line.platform_status == "pending" && line.stock.allocated == 1)
    });
    let order = orders.first().expect("an order of several items");
    let (chosen, rest) = order.lines.split_first().expect("items");
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.open(&desk, &format!("/orders?list=new&q={}", order.number)).await?;
        window.click(&format!("{} a[data-act=cancel]", row(order))).await?;
        window.click("dialog input[name=scope][value=lines]").await?;
        window.click(&format!("dialog input[name=line][value='{}']", chosen.id)).await?;
        window.click("dialog button[name=check]").await?;
        window.read("dialog .scope .asked", "taken for the ticked items now").await?;
        window.see(&format!("dialog input[name=line][value='{}']:checked", chosen.id)).await?;
        window.click("dialog input[value=out_of_stock]").await?;
        window.read("dialog .effects", "Only the chosen items are canceled").await?;
        window.picture("cancel-items").await?;
        window.click("dialog button.primary").await?;
        window.read("dialog .steps .done", "Canceled").await?;
        window.read(&format!("dialog .items li[data-line='{}']", chosen.id), "Canceled").await?;
        window.picture("canceled-items").await?;
        window.click("dialog a[data-dismiss]").await?;
        // The order stands where it stood, with the rest.
        window.open(&desk, &format!("/orders/{}", order.id)).await?;
        window.read(".order-head .list", "New").await?;
        window.read("table.lines .line-status.over", "Canceled").await?;
        window.read("table.lines .line-status:not(.over)", "Pending").await?;
        window.picture("order-with-a-canceled-item").await?;
        Ok(())
    })
    .await;
    let truth = desk.world.control.order(&order.number).await;
    let items = truth["lines"].as_array().expect("items");
    let item = |id: &str| -> &Value { items.iter().find(|item| item["id"] == id).expect("the item") };
    assert_eq!(item(chosen.id.as_str())["status"], "canceled", "{truth}");
    assert_eq!(item(chosen.id.as_str())["cancel_reason"], "Out of Stock", "{truth}");
    for line in rest {
        assert_eq!(item(line.id.as_str())["status"], "pending", "{truth}");
    }
    let after = desk.world.order(&order.id).await;
    assert_eq!((after.list, after.cancelling), (List::New, false));
    assert_eq!((after.lines[0].stock.count_needed, after.lines[1].stock.allocated), (1, 1));
    assert_eq!(desk.world.platform_stock(chosen.listing_sku.as_str()).await, Some(0));
    assert!(desk.world.is_held(&chosen.merchant_sku).await);
    desk.world.ledger_is_proven().await;
}
