//! What an operator does, in a real browser.

mod audit;
mod chromium;
mod doors;
mod goods;
mod listings;
mod marketplaces;
mod requests;
mod shops;
mod warehouses;

use crate::api::stock_ins::parcels_that_come_back;
use crate::desk::{Desk, PASSWORD};
use chromium::{Window, journey};
use countermand::workers;
use domain::ids::MerchantSku;
use domain::order::{List, Stage};
use reqwest::Method;
use serde_json::{Value, json};
use store::orders::OrderRecord;
use store::stock;
use store::trial::Trial;
use thirtyfour::prelude::*;

fn row(order: &OrderRecord) -> String {
    format!("tr[id='{}']", order.id)
}

fn carry_out(desk: &Desk) {
    tokio::spawn(workers::run(desk.app.clone()));
}

/// New orders that the seller may cancel, in the order of their list.
async fn cancellable(desk: &Desk) -> Vec<OrderRecord> {
    desk.world.cancellable().await.into_iter().filter(|order| order.list == List::New).collect()
}

/// One with several products, all of them allocated and none touched.
async fn with_several_products(desk: &Desk) -> OrderRecord {
    let found = cancellable(desk).await.into_iter().find(|order| {
        let skus: std::collections::BTreeSet<_> = order.lines.iter().map(|line| &line.merchant_sku).collect();
        order.stage == Stage::Untouched
            && skus.len() > 1
            && skus.len() == order.lines.len()
            && order.lines.iter().all(|line| line.stock.allocated == line.quantity)
    });
    found.expect("the sandbox has an order with several products")
}

/// What the ledger has of a SKU: available and count needed.
async fn balance(desk: &Desk, sku: &MerchantSku) -> (i64, i64) {
    let mut session = desk.app.store.read().await.expect("begins");
    let found = stock::balances(&mut session, &desk.world.merchant, Some(sku), None, None, 1).await.expect("read");
    (found[0].balance.available, found[0].balance.count_needed)
}

async fn effective_cancels(desk: &Desk, order: &OrderRecord) -> usize {
    let calls = desk.world.control.get(&format!("/calls?platform=shopee&number={}", order.number)).await;
    let calls = calls["calls"].as_array().expect("calls").iter();
    let of_cancel = calls.filter(|call| call["path"].as_str().is_some_and(|path| path.ends_with("/cancel_order")));
    of_cancel.filter(|call| call["changed"] == true).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_cancels_an_order_as_out_of_stock_and_sees_it_canceled_without_a_reload() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let order = with_several_products(&desk).await;
    let (chosen, others) = order.lines.split_first().expect("lines");
    let mut before = Vec::new();
    for line in &order.lines {
        before.push(balance(&desk, &line.merchant_sku).await);
    }

    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.picture("new-orders").await?;
        let canceled = window.count("/canceled").await?;
        let new = window.count("/orders?list=new").await?;
        let row = row(&order);

        window.click(&format!("{row} a[data-act=cancel]")).await?;
        window.read("dialog h1", order.number.as_str()).await?;
        window.read("dialog .reason.closed", "Only for cash-on-delivery orders").await?;
        window.click("dialog input[value=out_of_stock]").await?;
        window.read("dialog .effects", "set to zero").await?;
        window.click(&format!("dialog input[name=line][value='{}']", chosen.id)).await?;
        window.picture("cancel-dialog").await?;
        window.click("dialog button.primary").await?;
        window.read("dialog .progress", "Cancelling").await?;
        window.read(&format!("{row} .running"), "Cancelling").await?;
        window.miss(&format!("{row} a[data-act=cancel]")).await?;
        window.picture("cancelling").await?;

        carry_out(&desk);
        window.read("dialog .steps .done", "Canceled").await?;
        window.read("dialog .steps .done", "by seller").await?;
        window.miss(&row).await?;
        window.read("#toasts", order.number.as_str()).await?;
        assert_eq!(window.count("/canceled").await?, canceled + 1);
        assert_eq!(window.count("/orders?list=new").await?, new - 1);
        window.click("dialog a[data-dismiss]").await?;
        window.miss("dialog[open]").await?;
        window.was_not_reloaded().await?;

        window.open(&desk, &format!("/orders?list=canceled&q={}", order.number)).await?;
        window.read("tbody td.time", "owner@example.com").await?;
        window.open(&desk, &format!("/orders/{}", order.id)).await?;
        window.read(".timeline", "Cancel asked for owner@example.com").await?;
        window.picture("order").await?;
        window.open(&desk, "/log?action=cancellation.requested").await?;
        window.read("table.log tbody", "owner@example.com").await?;
        window.read("table.log tbody", order.number.as_str()).await?;
        window.open(&desk, &format!("/stock?sku={}", chosen.merchant_sku)).await?;
        window.read("table.stock .held", "held").await?;
        Ok(())
    })
    .await;

    let there = desk.world.control.order(&order.number).await;
    assert_eq!((&there["status"], &there["cancelled_by"]), (&json!("CANCELLED"), &json!("seller")), "{there}");
    let reason = there["cancel_reason"].as_str().expect("a reason").to_uppercase().replace(' ', "_");
    assert!(reason.contains("OUT_OF_STOCK"), "{there}");
    let listings = desk.world.control.get("/stock?platform=shopee").await;
    let of_sku = |it: &&Value| it["sku"] == chosen.listing_sku.as_str();
    let listing = listings["stock"].as_array().expect("stock").iter().find(of_sku).expect("a listing");
    assert_eq!(listing["available"], 0, "{listing}");
    assert!(desk.world.is_held(&chosen.merchant_sku).await, "held until it is counted");

    let after = desk.world.order(&order.id).await;
    assert_eq!(after.list, List::Canceled);
    assert_eq!(after.lines[0].stock.count_needed, chosen.quantity);
    let (available, count_needed) = balance(&desk, &chosen.merchant_sku).await;
    assert_eq!((available, count_needed), (before[0].0, before[0].1 + i64::from(chosen.quantity)));
    for (line, before) in others.iter().zip(&before[1..]) {
        let (available, count_needed) = balance(&desk, &line.merchant_sku).await;
        assert_eq!((available, count_needed), (before.0 + i64::from(line.quantity), before.1), "{}", line.merchant_sku);
        assert!(!desk.world.is_held(&line.merchant_sku).await, "{}", line.merchant_sku);
    }
    desk.world.control.check_calls(order.number.as_str()).await;
    assert_eq!(effective_cancels(&desk, &order).await, 1);
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_alone_cancels_an_order() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        // To the first order that can be cancelled; those before it cannot.
        window.press("j").await?;
        while window.0.find_all(By::Css("tr:focus a.danger[data-act=cancel]")).await?.is_empty() {
            window.press("j").await?;
        }
        let focused = window.see("tbody tr:focus").await?;
        let number = focused.attr("data-number").await?.expect("a number");
        let id = focused.id().await?.expect("an id");
        window.press("c").await?;
        window.read("dialog h1", &number).await?;
        // The first reason has the focus; the arrow chooses the one below.
        window.see("dialog input[name=reason]:focus").await?;
        window.press(Key::Down + "").await?;
        window.see("dialog input[value=buyer_requests_cancellation]:checked").await?;
        window.press(Key::Enter + "").await?;
        window.read("dialog .steps .done", "Canceled").await?;
        window.press(Key::Escape + "").await?;
        window.miss("dialog[open]").await?;
        window.miss(&format!("tr[id='{id}']")).await?;
        window.see("tbody tr:focus").await?;
        window.press("gc").await?;
        window.read("h1", "Canceled").await?;
        window.press("/").await?;
        window.see("#search:focus").await?;
        window.press(number.as_str()).await?;
        window.press(Key::Enter + "").await?;
        window.read("tbody a.number", &number).await?;
        window.press(Key::Escape + "").await?;
        window.press("?").await?;
        window.read("dialog h1", "Keyboard").await?;
        window.press(Key::Escape + "").await?;
        window.miss("dialog[open]").await?;
        window.was_not_reloaded().await?;
        let there = desk.world.control.get(&format!("/orders?platform=shopee&number={number}")).await;
        assert_eq!(there["orders"][0]["status"], "CANCELLED", "{there}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_are_voided_and_restored_at_once() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let orders: Vec<_> = cancellable(&desk).await.into_iter().take(3).collect();
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        let new = window.count("/orders?list=new").await?;
        for order in &orders {
            window.click(&format!("{} input[name=order]", row(order))).await?;
        }
        window.read("#selected", "3").await?;
        window.click("#selection button[formaction='/orders/void']").await?;
        window.read("#toasts", "3 orders voided").await?;
        for order in &orders {
            window.miss(&row(order)).await?;
        }
        assert_eq!(window.count("/orders?list=new").await?, new - 3);
        assert_eq!(window.count("/orders?list=voided").await?, 3);

        window.press("gv").await?;
        window.read("h1", "Voided").await?;
        window.click("#every").await?;
        window.read("#selected", "3").await?;
        window.click("#selection button[formaction='/orders/restore']").await?;
        window.read("#toasts", "3 orders restored").await?;
        window.read(".empty", "No order is set aside").await?;
        assert_eq!(window.count("/orders?list=new").await?, new);
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_match_over_two_pages_are_planned_canceled_paused_resumed_and_tried_again() {
    let desk = Desk::without_workers(Trial::sqlite().await, 260).await;
    let total = desk.read("/api/v1/orders/counts").await["new"].as_i64().expect("a count");
    assert!(total > 50, "two pages of orders: {total}");
    let refused = cancellable(&desk).await.remove(0);
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.click("#every").await?;
        window.read("#selection", &format!("Cancel all {total} that match")).await?;
        window.picture("selection").await?;
        window.click("#selection button[name=all]").await?;
        window.read("h1", "Plan of a bulk cancel").await?;
        window.read(".facts .goes", &format!("of {total} orders")).await?;
        window.read(".cannot tbody", "cannot cancel").await?;
        window.read(".shop-plans", "peers.md").await?;
        window.see("#plan button.danger:disabled").await?;
        window.click("#plan select option[value=out_of_stock]").await?;
        window.read("#plan .products", " in ").await?;
        window.click("#plan select option[value=buyer_requests_cancellation]").await?;
        window.see("#plan button.danger:enabled").await?;
        window.picture("plan").await?;

        // One ships in this moment, and a replica still tells of before: the platform refuses it.
        let advance = format!("/orders/shopee/{}/advance", refused.number);
        desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
        window.click("#plan button.danger").await?;
        window.read("h1", "Bulk cancel of").await?;
        window.see("svg.bar").await?;
        window.click("form[action$='/pause'] button").await?;
        window.read(".head .state", "Paused").await?;
        window.picture("paused").await?;
        let batches = desk.read("/api/v1/audit/log?action=batch.begun").await;
        let id = batches["entries"][0]["subject"].as_str().expect("an id").to_owned();
        carry_out(&desk);
        let paused = desk.read(&format!("/api/v1/batches/{id}?limit=1")).await;
        assert_eq!((&paused["done"], &paused["state"]), (&json!(0), &json!("paused")), "nothing is sent");
        window.click("form[action$='/resume'] button").await?;
        window.read(".head .state", "Finished").await?;
        window.read(".batch .progress", &format!("{total} of {total} ended")).await?;
        window.picture("finished").await?;
        window.click("nav.tabs a[href*='state=refused']").await?;
        window.read("table.batched tbody", refused.number.as_str()).await?;
        window.click("form[action$='/retry-failed'] button").await?;
        window.read(".head .state", "Finished").await?;
        window.read("table.batched tbody", refused.number.as_str()).await?;
        let download = window.see("a[href$='/result.xlsx']").await?.attr("href").await?.expect("an address");
        assert!(download.contains(&id));
        window.was_not_reloaded().await?;
        window.press("gb").await?;
        window.read("table.batches tbody", &format!("{total} of {total} ended")).await?;
        let over = desk.read(&format!("/api/v1/batches/{id}?limit=1")).await;
        assert!(over["done"].as_i64().is_some_and(|done| done > 0), "{over}");
        assert_eq!(over["total"], total);
        Ok(())
    })
    .await;
    let there = desk.world.control.order(&refused.number).await;
    assert_eq!(there["status"], "SHIPPED", "{there}");
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_in_the_platform_s_words_at_the_row_and_on_the_order_s_page() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let order = cancellable(&desk).await.remove(0);
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.click(&format!("{} a[data-act=cancel]", row(&order))).await?;
        window.click("dialog input[value=buyer_requests_cancellation]").await?;
        // It ships in this moment, and a replica still tells of before.
        let advance = format!("/orders/shopee/{}/advance", order.number);
        desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
        let stale = json!({"platform": "shopee", "rate": 1.0, "kinds": ["stale_read"], "stale_ms": 60_000});
        desk.world.control.send(Method::PUT, "/faults", stale).await;
        window.click("dialog button.primary").await?;
        carry_out(&desk);
        window.read("dialog .steps .refused", "Shopee refused: Can not cancel this order").await?;
        window.press(Key::Escape + "").await?;
        window.read(&format!("{} .refused", row(&order)), "Can not cancel this order").await?;
        window.picture("refused").await?;
        // The order is free again, and may be tried again.
        window.see(&format!("{} a[data-act=cancel]", row(&order))).await?;
        window.was_not_reloaded().await?;

        let fresh = json!({"platform": "shopee", "rate": 0.0, "kinds": []});
        desk.world.control.send(Method::PUT, "/faults", fresh).await;
        window.click("#top .sync button").await?;
        window.miss(&row(&order)).await?;
        window.open(&desk, &format!("/orders/{}", order.id)).await?;
        window.read(".order-head .list", "Shipped").await?;
        window.read(".order-head .refused", "Can not cancel this order").await?;
        Ok(())
    })
    .await;
    assert_eq!(effective_cancels(&desk, &order).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_script_the_cancel_goes_by_pages() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let order = with_several_products(&desk).await;
    journey(false, async |window: Window| {
        window.open(&desk, "/").await?;
        window.see("input[name=email]").await?.send_keys("owner@example.com").await?;
        window.see("input[name=password]").await?.send_keys("not the password").await?;
        window.click("button.primary").await?;
        window.read("#refused", "wrong").await?;
        window.see("input[name=password]").await?.send_keys(PASSWORD).await?;
        window.click("button.primary").await?;
        window.click(&format!("{} a[data-act=cancel]", row(&order))).await?;
        window.read("main h1", order.number.as_str()).await?;
        window.click("input[value=out_of_stock]").await?;
        // No product is chosen: the form comes back and says so beside the products.
        window.click("form.cancel button.primary").await?;
        window.read(".products .error", "Choose at least one product").await?;
        window.see("input[value=out_of_stock]:checked").await?;
        window.click(&format!("input[name=line][value='{}']", order.lines[0].id)).await?;
        window.click("form.cancel button.primary").await?;
        window.read(".progress", "Cancelling").await?;
        carry_out(&desk);
        // The page loads itself again while something is under way.
        window.read(".steps .done", "Canceled").await?;
        window.click("main a[data-dismiss]").await?;
        window.read("h1", "Canceled").await?;
        Ok(())
    })
    .await;
    assert_eq!(effective_cancels(&desk, &order).await, 1);
    assert_eq!(desk.world.order(&order.id).await.list, List::Canceled);
}

/// What the ledger has of a SKU: available, defective, lost, returning.
async fn shelf(desk: &Desk, sku: &str) -> [i64; 4] {
    let sku = MerchantSku::parse(sku).expect("a SKU");
    let mut session = desk.app.store.read().await.expect("begins");
    let found = stock::balances(&mut session, &desk.world.merchant, Some(&sku), None, None, 1).await.expect("read");
    let balance = found[0].balance;
    [balance.available, balance.defective, balance.lost, balance.returning]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_comes_back_with_one_sellable_one_defective_and_one_missing() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = parcels_that_come_back(&desk, 40).await;
    let three = |order: &&Value| order["lines"][0]["expected"].as_u64() >= Some(3);
    let order = orders.iter().find(three).expect("the sandbox has an order of three of one product");
    let line = &order["lines"][0];
    let (id, number) = (order["order_id"].as_str().expect("an id"), order["number"].as_str().expect("a number"));
    let (sku, expected) = (line["merchant_sku"].as_str().expect("a SKU"), line["expected"].as_u64().expect("units"));
    let before = shelf(&desk, sku).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.mark().await?;
        window.press("gc").await?;
        window.read("h1", "Canceled").await?;
        window.read("nav.tabs a[aria-current]", "To stock in").await?;
        window.picture("canceled").await?;
        window.press("/").await?;
        window.press(number).await?;
        window.press(Key::Enter + "").await?;
        window.read("tbody tr:only-child a.number", number).await?;
        window.click(&format!("tr[id='{id}'] a[data-act='stock-in']")).await?;
        window.read("dialog legend", number).await?;
        for (field, units) in [("s0", "1"), ("d0", "1"), ("m0", "1")] {
            let field = window.see(&format!("dialog input[name={field}]")).await?;
            field.clear().await?;
            field.send_keys(units).await?;
        }
        window.picture("stock-in").await?;
        window.click("dialog form.stock-in button.primary").await?;
        window.read("dialog .results .good", "3 units stocked in").await?;
        window.press(Key::Escape + "").await?;
        window.miss("dialog[open]").await?;
        if expected > 3 || order["units"].as_u64() > Some(3) {
            window.read(&format!("tr[id='{id}'] .expected"), "expected").await?;
        } else {
            window.miss(&format!("tr[id='{id}'] .expected")).await?;
        }
        window.was_not_reloaded().await?;

        window.open(&desk, &format!("/stock/whs_1/{sku}")).await?;
        for (bucket, units) in [("Available", before[0] + 1), ("Defective", before[1] + 1), ("Lost", before[2] + 1)] {
            window.read("dl.facts div", &format!("{bucket}\n{units}")).await?;
        }
        window.read("tbody tr:nth-child(1)", "Stocked in").await?;
        Ok(())
    })
    .await;
    let after = shelf(&desk, sku).await;
    assert_eq!(after, [before[0] + 1, before[1] + 1, before[2] + 1, before[3] - 3]);
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_returns_are_stocked_in_at_once_and_everything_that_is_left_by_one_more_click() {
    let desk = Desk::without_workers(Trial::sqlite().await, 900).await;
    parcels_that_come_back(&desk, 210).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/canceled").await?;
        window.mark().await?;
        window.click("#filters select[name=limit] option[value='200']").await?;
        window.see("tbody tr:nth-child(200)").await?;
        window.see("nav.tabs a[data-tab=all][href*='limit=200']").await?;
        window.see(".pages a[rel=next][href*='limit=200']").await?;
        window.picture("canceled-200").await?;
        window.click("#every").await?;
        window.read("#selected", "200").await?;
        window.click("#selection button.primary").await?;
        window.click("dialog form.stock-in button.primary").await?;
        window.read("dialog .summary", "200 done, 0 not").await?;
        window.press(Key::Escape + "").await?;
        window.miss("dialog[open]").await?;
        window.read("nav.tabs a[data-tab=to_stock_in] .count", "10").await?;

        window.click("a[data-act=everything]").await?;
        window.click("dialog form.stock-in button.primary").await?;
        window.read("dialog .summary", "of 10 orders").await?;
        carry_out(&desk);
        window.read("dialog .summary", "10 of 10 orders stocked in, 0 left as they are").await?;
        window.press(Key::Escape + "").await?;
        window.read(".empty", "No unit of a canceled order waits").await?;
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
    let left = desk.read("/api/v1/stock-ins?limit=200").await;
    assert_eq!(left["orders"], json!([]));
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn returns_are_stocked_in_from_rows_that_are_pasted() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = parcels_that_come_back(&desk, 3).await;
    let number = |place: usize| orders[place]["number"].as_str().expect("a number");
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/canceled").await?;
        window.mark().await?;
        window.click("a[href='/stock-ins/import']").await?;
        window.read("dialog h1", "Stock in from a table").await?;
        let table = window.see("dialog textarea[name=table]").await?;
        table.send_keys(&format!("order\n{}\nNO-SUCH-ORDER\n{}\n", number(0), number(1))).await?;
        window.click("dialog form.stock-in button.primary").await?;
        window.read("dialog .error", "row 3, column “order”: there is no order NO-SUCH-ORDER").await?;
        window.picture("stock-in-table-refused").await?;
        let table = window.see("dialog textarea[name=table]").await?;
        table.clear().await?;
        table.send_keys(&format!("order\n{}\n{}\n", number(0), number(1))).await?;
        window.click("dialog form.stock-in button.primary").await?;
        window.read("dialog .summary", "2 done, 0 not").await?;
        window.picture("stock-in-table").await?;
        window.press(Key::Escape + "").await?;
        window.miss("dialog[open]").await?;
        window.read("nav.tabs a[data-tab=to_stock_in] .count", "1").await?;
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_parcels_are_scanned_one_after_the_other_without_a_mouse() {
    let desk = Desk::without_workers(Trial::sqlite().await, 120).await;
    let orders = parcels_that_come_back(&desk, 5).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/stock-ins/scan").await?;
        window.mark().await?;
        for order in &orders {
            window.see("#search:focus").await?;
            // As a scanner types: the code, then Enter.
            let path = format!("/api/v1/orders/{}", order["order_id"].as_str().expect("an id"));
            let packages = desk.read(&path).await["packages"].clone();
            window.press(packages[0]["number"].as_str().expect("a package number")).await?;
            window.press(Key::Enter + "").await?;
            window.see("input[name=s0]:focus").await?;
            window.press(Key::Enter + "").await?;
            window.read(".scanned.good", order["number"].as_str().expect("a number")).await?;
        }
        window.picture("scan").await?;
        window.see("#search:focus").await?;
        window.press(orders[0]["number"].as_str().expect("a number")).await?;
        window.press(Key::Enter + "").await?;
        window.read(".scanned.bad", "Stocked in already, by owner@example.com").await?;
        window.press("nonsense").await?;
        window.press(Key::Enter + "").await?;
        window.read(".scanned.bad", "No order has the number “nonsense”").await?;
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
    let left = desk.read("/api/v1/stock-ins?limit=200").await;
    assert_eq!(left["orders"], json!([]));
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_script_a_return_is_stocked_in_by_pages_and_taken_back() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let order = parcels_that_come_back(&desk, 1).await.remove(0);
    let id = order["order_id"].as_str().expect("an id");
    journey(false, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/canceled").await?;
        window.click(&format!("tr[id='{id}'] a[data-act='stock-in']")).await?;
        window.click("form.stock-in button.primary").await?;
        window.read(".results .good", "stocked in").await?;
        window.click(".results a.quiet").await?;
        window.see("input[name=reason]").await?.send_keys("wrong parcel").await?;
        window.click("form.stock-in button.danger").await?;
        window.read(".blocked", "wrong parcel").await?;
        window.open(&desk, &format!("/orders/{id}")).await?;
        window.read(".results", "wrong parcel").await?;
        window.read(".bucket.returning", "returning").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_answers_buyers_as_they_ask_without_a_reload() {
    let desk = Desk::start(Trial::sqlite().await, 120).await;
    let orders: Vec<_> =
        desk.world.cancellable().await.into_iter().filter(|order| order.list == List::InProcess).take(3).collect();
    let [agreed, rejected, expired] = &orders[..] else { panic!("three orders in process: {orders:?}") };
    let row = |order: &OrderRecord| format!("tr[data-number='{}']", order.number);
    // The workers sweep: here no push arrives.
    let sweep = async || {
        let asked = desk.post(&format!("/api/v1/shops/{}/sync", desk.world.shop), &json!({})).await;
        assert!(asked.status.is_success(), "{}", asked.text);
    };
    let asks = async |order: &OrderRecord| {
        let path = format!("/orders/shopee/{}/buyer-cancel", order.number);
        desk.world.control.send(Method::POST, &path, json!({"reason": "Found Cheaper Elsewhere"})).await;
        sweep().await;
    };

    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/requests").await?;
        window.mark().await?;
        for order in &orders {
            asks(order).await;
            window.read(&row(order), "Found Cheaper Elsewhere").await?;
            window.read(&format!("{} .deadline", row(order)), "left").await?;
            window.read(&format!("{} .silence", row(order)), "unanswered it is canceled").await?;
        }
        window.picture("requests").await?;
        window.click(&format!("{} [data-act=agree]", row(agreed))).await?;
        window.miss(&row(agreed)).await?;
        window.click(&format!("{} [data-act=reject]", row(rejected))).await?;
        window.read("dialog h1", rejected.number.as_str()).await?;
        window.picture("reject-request").await?;
        window.click("dialog button.danger").await?;
        window.miss(&row(rejected)).await?;
        desk.world.advance_clock(86_500).await;
        sweep().await;
        window.miss(&row(expired)).await?;
        window.was_not_reloaded().await?;
        for (state, order) in [("agreed", agreed), ("rejected", rejected), ("expired", expired)] {
            window.open(&desk, &format!("/requests?state={state}")).await?;
            window.read(&row(order), order.number.as_str()).await?;
        }
        window.open(&desk, &format!("/orders/{}", rejected.id)).await?;
        window.read(".timeline", "Request refused").await?;
        Ok(())
    })
    .await;

    for (order, status, list) in [(agreed, "CANCELLED", List::Canceled), (expired, "CANCELLED", List::Canceled)] {
        assert_eq!(desk.world.control.order(&order.number).await["status"], status);
        assert_eq!(desk.world.order(&order.id).await.list, list);
    }
    assert_ne!(desk.world.control.order(&rejected.number).await["status"], "IN_CANCEL");
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_packs_prints_and_ships_an_order_without_a_reload() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let orders = desk.world.list(List::New, 200).await;
    let order = orders.into_iter().find(|order| order.tab == domain::order::Tab::ToPack).expect("one to pack");
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, &format!("/orders?list=new&q={}", order.number)).await?;
        window.mark().await?;
        let row = row(&order);
        window.click(&format!("{row} button[data-act=pack]")).await?;
        window.miss(&row).await?;
        window.was_not_reloaded().await?;
        window.open(&desk, &format!("/orders?list=in_process&q={}", order.number)).await?;
        window.read(&format!("{row} td.status"), "Printable").await?;
        window.picture("printable").await?;
        window.mark().await?;
        window.click(&format!("{row} button[data-act=print]")).await?;
        window.click(&format!("{row} button[data-act=ship]")).await?;
        window.miss(&row).await?;
        window.was_not_reloaded().await?;
        window.open(&desk, &format!("/orders/{}", order.id)).await?;
        window.read(".order-head", "To Pickup").await?;
        window.read(".timeline", "Label printed").await?;
        window.read("section", "printed once").await?;
        window.picture("shipped-order").await?;
        Ok(())
    })
    .await;
    let after = desk.world.order(&order.id).await;
    assert_eq!((after.list, after.stage), (List::ToPickup, Stage::HandedOver));
    assert_eq!(desk.world.control.order(&order.number).await["status"], "PROCESSED");
    desk.world.ledger_is_proven().await;
}
