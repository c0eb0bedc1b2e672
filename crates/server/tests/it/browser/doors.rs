//! A scanner at the door: parcels are let out, stopped, and taken off the pull list.

use super::chromium::{Window, journey};
use crate::api::doors::{print, printable, tracking};
use crate::desk::Desk;
use domain::order::List;
use reqwest::Method;
use serde_json::json;
use store::jobs::{Due, Kind};
use store::trial::Trial;
use thirtyfour::prelude::*;

/// What a keyboard-wedge scanner does.
async fn scan(window: &Window, code: &str) -> WebDriverResult<()> {
    window.press(code).await?;
    window.press(Key::Enter + "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_lets_parcels_out_and_stops_the_canceled_one() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = printable(&desk, 4).await;
    print(&desk, &orders).await;
    let canceled = desk.world.order(&orders[1].id).await;
    let record = desk.world.cancel(&canceled, "buyer_requests_cancellation", &[]).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.press("gk").await?;
        window.read("h1", "Scan parcels").await?;
        window.see("input[name=code]:focus").await?;
        scan(&window, tracking(&orders[0])).await?;
        window.read("section.verdict.ship .word", "SHIP").await?;
        window.read("section.verdict", "Scanned out").await?;
        window.picture("scan-ship").await?;
        scan(&window, tracking(&canceled)).await?;
        window.read("section.verdict.stop .word", "STOP").await?;
        window.read("section.verdict", "A cancel of this order is under way").await?;
        desk.world.run_until_ended(std::slice::from_ref(&record)).await;
        scan(&window, tracking(&canceled)).await?;
        window.read("section.verdict.stock_in .word", "STOCK IN").await?;
        window.picture("scan-stock-in").await?;
        // Faster than the answers come: none is lost.
        scan(&window, "nothing known").await?;
        scan(&window, tracking(&orders[2])).await?;
        scan(&window, tracking(&orders[0])).await?;
        window.read("section.verdict", "It was scanned out before").await?;
        window.read("table.scans tbody", tracking(&orders[2])).await?;
        window.read("table.scans tbody", "nothing known").await?;
        // Whatever was clicked last, the scanner's keys arrive.
        window.click("label.check input").await?;
        scan(&window, tracking(&orders[3])).await?;
        window.read("section.verdict.ship", "Only checked").await?;
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
    for (order, list) in [(&orders[0], List::ToPickup), (&orders[2], List::ToPickup), (&orders[3], List::InProcess)] {
        assert_eq!(desk.world.order(&order.id).await.list, list, "{}", order.number);
    }
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pull_list_is_cleared_by_scanning() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = printable(&desk, 4).await;
    print(&desk, &orders[..3]).await;
    print(&desk, &orders[3..]).await;
    let mut records = Vec::new();
    for order in [&orders[0], &orders[2], &orders[3]] {
        let now = desk.world.order(&order.id).await;
        records.push(desk.world.cancel(&now, "buyer_requests_cancellation", &[]).await);
    }
    desk.world.run_until_ended(&records).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.press("gp").await?;
        window.read(".head", "3 parcels to take out").await?;
        window.read("table.pulls tbody", "Canceled").await?;
        window.picture("pull-list").await?;
        window.click("nav.tabs a[href*='by=shelf']").await?;
        window.see("nav.tabs a[href*='by=shelf'][aria-current]").await?;
        scan(&window, tracking(&orders[2])).await?;
        window.read(".scanned.good", tracking(&orders[2])).await?;
        window.miss(&format!("tr[data-number='{}']", orders[2].number)).await?;
        scan(&window, tracking(&orders[1])).await?;
        window.read(".scanned.bad", "nothing of it is on the pull list").await?;
        scan(&window, tracking(&orders[0])).await?;
        window.miss(&format!("tr[data-number='{}']", orders[0].number)).await?;
        scan(&window, tracking(&orders[3])).await?;
        window.read(".empty", "No printed parcel has to be taken out").await?;
        window.was_not_reloaded().await?;
        window.open(&desk, "/prints").await?;
        window.click("table.prints tbody tr:last-child a.number").await?;
        window.read("h1", "Print of 3 labels").await?;
        window.read("table.parcels tr.stopped", "Canceled").await?;
        window.picture("pick-list").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pile_is_checked_before_the_courier_signs() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = printable(&desk, 3).await;
    print(&desk, &orders).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.press("gk").await?;
        for order in &orders {
            window.see("input[name=code]:focus").await?;
            scan(&window, tracking(order)).await?;
            window.read("section.verdict.ship", order.number.as_str()).await?;
        }
        let advance = format!("/orders/shopee/{}/advance", orders[0].number);
        desk.world.control.send(Method::POST, &advance, json!({"to": "CANCELLED", "force": true})).await;
        window.open(&desk, "/handover").await?;
        window.read("table.piles tbody", "Kedai").await?;
        window.picture("handover-piles").await?;
        for order in &orders {
            window.see("textarea[name=codes]").await?.send_keys(format!("{}\n", tracking(order))).await?;
        }
        window.click("form.codes button").await?;
        window.read("section.verdict.stop .word", "TAKE OUT 1").await?;
        window.read("table.checked tbody", tracking(&orders[0])).await?;
        window.picture("handover-check").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_told_step_by_step_and_claimed() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let order = printable(&desk, 1).await.remove(0);
    print(&desk, std::slice::from_ref(&order)).await;
    let printed = desk.world.order(&order.id).await;
    let record = desk.world.cancel(&printed, "buyer_requests_cancellation", &[]).await;
    desk.world.run_until_ended(&[record]).await;
    desk.world.advance_clock(5).await;
    desk.world.advance(std::slice::from_ref(&order.number), "SHIPPED").await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.press("gw").await?;
        window.read("h1", "Shipped after cancel").await?;
        window.read("#navigation a[href='/cases'] .count.alarm", "1").await?;
        window.read("#banner a[href='/cases']", "1 canceled order is with a courier").await?;
        window.click("table.cases tbody a.number").await?;
        window.read("table.story tbody", "Label printed").await?;
        window.read("table.story tr.scan", "SHIPPED").await?;
        window.picture("case").await?;
        window.see("input[name=reference]").await?.send_keys("APPEAL-2026-7").await?;
        window.click("button[value=claimed]").await?;
        window.read("dl.facts", "APPEAL-2026-7").await?;
        window.miss("button[value=claimed]").await?;
        window.open(&desk, "/cases").await?;
        window.read(".empty", "No canceled order is with a courier").await?;
        window.miss("#banner a[href='/cases']").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parcels_are_scanned_without_the_script() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = printable(&desk, 2).await;
    let canceled = desk.world.order(&orders[1].id).await;
    let record = desk.world.cancel(&canceled, "buyer_requests_cancellation", &[]).await;
    desk.world.run_until_ended(std::slice::from_ref(&record)).await;
    journey(false, async |window: Window| {
        window.sign_in(&desk).await?;
        for (order, word, why) in [
            (&orders[0], "SHIP", "Scanned out"),
            (&orders[0], "SHIP", "It was scanned out before"),
            (&orders[1], "STOCK IN", "canceled"),
        ] {
            window.open(&desk, "/scan").await?;
            window.see("input[name=code]").await?.send_keys(tracking(order)).await?;
            window.click("form.scan button.primary").await?;
            window.read("section.verdict .word", word).await?;
            window.read("section.verdict", why).await?;
        }
        Ok(())
    })
    .await;
    assert_eq!(desk.world.order(&orders[0].id).await.list, List::ToPickup);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_told_to_pack_by_itself_and_a_product_where_it_lies() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = printable(&desk, 1).await;
    let (warehouse, sku) = (&orders[0].lines[0].warehouse, &orders[0].lines[0].merchant_sku);
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/shops").await?;
        window.click("a[href$='/pack-rule']").await?;
        window.click("dialog input[name=on]").await?;
        let wait = window.see("dialog input[name=wait]").await?;
        wait.clear().await?;
        wait.send_keys("0").await?;
        window.picture("pack-rule").await?;
        window.click("dialog button.primary").await?;
        window.miss("dialog form.connect").await?;
        window.click("a[href$='/pack-rule']").await?;
        window.see("dialog input[name=on]:checked").await?;
        window.read("dialog form.connect", "owner@example.com").await?;

        window.open(&desk, &format!("/stock/{warehouse}/{sku}")).await?;
        window.see("input[name=shelf]").await?.send_keys("B-12").await?;
        window.click("form[action$='/shelf'] button").await?;
        window.read("#toasts", "The shelf is noted").await?;
        print(&desk, &orders).await;
        window.open(&desk, "/prints").await?;
        window.click("table.prints tbody tr a.number").await?;
        window.read("main", "B-12").await?;
        Ok(())
    })
    .await;
    let due = Due { merchant: desk.world.merchant.clone(), shop: desk.world.shop.clone() };
    assert_eq!(desk.world.engine.tick(&due, Kind::AutoPack).await.expect("a tick"), 1);
    let log = desk.read("/api/v1/audit/log?action=shipment.requested").await;
    assert_eq!(log["entries"][0]["actor"], "rule", "each pack is logged as the rule's: {log}");
}
