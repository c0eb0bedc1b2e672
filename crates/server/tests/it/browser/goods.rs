//! Where the goods of a canceled order are, by how far they were: the list, the stock page, its movements and the
//! marketplace's listing say the same.

use super::chromium::{Window, journey};
use super::row;
use crate::desk::Desk;
use domain::order::{List, Stage};
use domain::policy::Standing;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use store::orders::{LineRecord, OrderRecord};
use store::trial::Trial;
use thirtyfour::prelude::*;

/// Orders of one product each, all of it promised to them, and each of another SKU than those before.
async fn of_one_product(desk: &Desk, list: List, taken: &mut BTreeSet<String>) -> OrderRecord {
    let fits = |order: &OrderRecord| match order.lines.as_slice() {
        [line] => {
            line.stock.allocated == line.quantity
                && !order.preorder
                && (list != List::New || order.stage == Stage::Untouched && order.standing == Standing::ToPack)
                && !taken.contains(line.merchant_sku.as_str())
        }
        _ => false,
    };
    let found = desk.world.list(list, 200).await.into_iter().find(fits);
    let order = found.unwrap_or_else(|| panic!("no order in {list} has one product"));
    taken.insert(order.lines[0].merchant_sku.as_str().to_owned());
    order
}

/// What the stock page has to show of a SKU, and with it the marketplace's listing.
struct Shelf {
    available: i64,
    returning: i64,
}

async fn shelf(desk: &Desk, line: &LineRecord) -> Shelf {
    let balance = desk.world.balance(line).await;
    Shelf { available: balance.available, returning: balance.returning }
}

async fn is_told_alike(window: &Window, desk: &Desk, line: &LineRecord, is: &Shelf, last: &str) -> WebDriverResult<()> {
    window.open(desk, &format!("/stock/whs_1/{}", line.merchant_sku)).await?;
    for (bucket, units) in [("Available", is.available), ("Returning", is.returning)] {
        window.read("dl.facts div", &format!("{bucket}\n{units}")).await?;
    }
    window.read("tbody tr:nth-child(1)", last).await?;
    let shown = desk.world.platform_stock(line.listing_sku.as_str()).await;
    assert_eq!(shown, Some(is.available), "{}", line.listing_sku);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cancel_gives_back_and_what_waits_is_told_alike_by_list_stock_page_and_listing() {
    let desk = Desk::without_workers(Trial::sqlite().await, 300).await;
    let world = &desk.world;
    world.push_on(&world.shop).await;
    world.run_until_idle().await;
    let mut taken = BTreeSet::new();
    let untouched = of_one_product(&desk, List::New, &mut taken).await;
    let printed = of_one_product(&desk, List::InProcess, &mut taken).await;
    let shipped = of_one_product(&desk, List::InProcess, &mut taken).await;
    let paper = desk.get(&format!("/api/v1/labels.pdf?order={}", printed.id)).await;
    assert_eq!(paper.status.as_u16(), 200, "its label is printed");
    world.advance(std::slice::from_ref(&shipped.number), "SHIPPED").await;
    world.run_until_idle().await;
    assert_eq!(world.order(&shipped.id).await.list, List::Shipped);

    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        // Before anybody touched it: back at once, and nothing is left to do.
        let line = &untouched.lines[0];
        let before = shelf(&desk, line).await;
        window.open(&desk, &format!("/orders?list=new&q={}", untouched.number)).await?;
        window.click(&format!("{} a[data-act=cancel]", row(&untouched))).await?;
        window.click("dialog input[value=buyer_requests_cancellation]").await?;
        window.click("dialog button.primary").await?;
        window.read("dialog .progress", "Cancelling").await?;
        world.run_until_idle().await;
        let units = i64::from(line.quantity);
        let now = Shelf { available: before.available + units, ..before };
        is_told_alike(&window, &desk, line, &now, "Order canceled").await?;
        window.open(&desk, &format!("/canceled?tab=nothing_to_do&q={}", untouched.number)).await?;
        window.read("tbody tr:only-child a.number", untouched.number.as_str()).await?;

        // With its label on paper, and with the courier: they wait until somebody stocks them in.
        for order in [&printed, &shipped] {
            let line = &order.lines[0];
            let before = shelf(&desk, line).await;
            let path = format!("/orders/shopee/{}/advance", order.number);
            world.control.send(Method::POST, &path, json!({"to": "CANCELLED", "force": true})).await;
            world.read_again(std::slice::from_ref(&order.number)).await;
            world.run_until_idle().await;
            let units = i64::from(line.quantity);
            let now = Shelf { returning: before.returning + units, ..before };
            is_told_alike(&window, &desk, line, &now, "Order canceled").await?;
            window.open(&desk, &format!("/canceled?tab=to_stock_in&q={}", order.number)).await?;
            window.read(&format!("{} .expected", row(order)), "expected").await?;

            window.click(&format!("{} a[data-act='stock-in']", row(order))).await?;
            window.read("dialog legend", order.number.as_str()).await?;
            window.click("dialog form.stock-in button.primary").await?;
            window.read("dialog .results .good", "stocked in").await?;
            world.run_until_idle().await;
            let after = Shelf { available: now.available + units, returning: now.returning - units };
            is_told_alike(&window, &desk, line, &after, "Stocked in").await?;
            window.open(&desk, &format!("/canceled?tab=stocked_in&q={}", order.number)).await?;
            window.read("tbody tr:only-child a.number", order.number.as_str()).await?;
        }
        Ok(())
    })
    .await;
    world.ledger_is_proven().await;
}
