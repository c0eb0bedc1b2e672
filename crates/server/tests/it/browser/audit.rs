//! Explain my stock, the ledger's proof, opening stock, the audit and a shop's rules, in headless Chromium.

use super::chromium::{Window, journey};
use crate::desk::Desk;
use crate::engine::shipped_anyway;
use store::trial::Trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_the_stock_is_explained_movement_by_movement_and_proven() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let order = desk.world.cancellable().await.into_iter().find(|order| order.list == domain::order::List::New);
    let order = order.expect("an order to cancel");
    let record = desk.world.cancel(&order, "buyer_requests_cancellation", &[]).await;
    desk.world.run_until_ended(std::slice::from_ref(&record)).await;
    let sku = order.lines[0].merchant_sku.as_str();
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, &format!("/stock?sku={sku}")).await?;
        window.click("table.stock tbody a").await?;
        window.read("h1", sku).await?;
        window.see("figure.course svg path.available").await?;
        window.read("table.plain tbody", "canceled before anybody touched the goods").await?;
        window.read("table.plain tbody", order.number.as_str()).await?;
        window.picture("explain").await?;
        window.click("dl.facts a[href*='bucket=allocated']").await?;
        window.read("p.sub", "changed “Allocated”").await?;
        window.read("thead", "Allocated after it").await?;
        window.picture("explain-bucket").await?;
        window.open(&desk, "/stock").await?;
        window.click("p.lead a[href='/stock/proof']").await?;
        window.read(".verdict", "Proven").await?;
        window.picture("proof").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_stock_is_pasted_and_its_wrong_rows_are_told() {
    let desk = Desk::start(Trial::sqlite().await, 20).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/stock").await?;
        window.click("a[href='/stock/opening']").await?;
        window.see("dialog textarea[name=table]").await?.send_keys("sku,units\nTEAPOT,many\n").await?;
        window.click("dialog button.primary").await?;
        window.read("dialog .error", "row 2, column “units”").await?;
        window.picture("opening-wrong").await?;
        let table = window.see("dialog textarea[name=table]").await?;
        table.clear().await?;
        table.send_keys("sku,units\nTEAPOT,12\n").await?;
        window.click("dialog button.primary").await?;
        window.miss("dialog[open]").await?;
        window.open(&desk, "/stock?sku=TEAPOT").await?;
        window.read("table.stock tbody", "12").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_shows_what_does_not_agree_and_repairs_it() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let sku = desk.read("/api/v1/stock?limit=1").await["stock"][0]["merchant_sku"].as_str().expect("a SKU").to_owned();
    let spoil = format!("update balances set defective = defective + 2 where merchant_sku = '{sku}'");
    desk.world.trial.tamper(&[spoil]).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/audit").await?;
        window.read(".empty", "Nothing has been audited yet").await?;
        window.click("form[action='/audit/run'] button").await?;
        window.read("table.differences tbody", "Balance and movements disagree").await?;
        window.read("table.differences tbody", &sku).await?;
        window.read("table.differences tbody", "kept: 2 defective").await?;
        window.picture("audit").await?;
        window.click("form[action='/audit/repair'] button").await?;
        window.read("#toasts", "Repaired.").await?;
        window.read(".empty", "Everything agrees.").await?;
        window.click("nav.tabs a[href*='state=over']").await?;
        window.read("table.differences tbody", "owner@example.com").await?;
        window.picture("audit-over").await?;
        window.open(&desk, "/log?action=audit.repaired").await?;
        window.read("table.log tbody", "owner@example.com").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_warehouse_shipped_anyway_stands_on_the_audit_s_page_and_waits_for_its_return() {
    let (world, order) = shipped_anyway().await;
    let desk = Desk::over(world).await;
    let number = desk.world.order(&order).await.number;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/audit?kind=shipped_anyway_at_warehouse").await?;
        window.read("table.differences tbody", "The warehouse shipped it anyway").await?;
        window.read("table.differences tbody", number.as_str()).await?;
        window.read("table.differences tbody", "handed back").await?;
        window.read("table.differences tbody", "Fake storehouse shows").await?;
        window.picture("audit-warehouse").await?;
        window.click("form[action='/audit/repair'] button").await?;
        window.read("#toasts", "Repaired.").await?;
        window.open(&desk, "/audit").await?;
        window.read("table.differences tbody", "The warehouse has another number").await?;
        window.click("form[action='/audit/repair'] button").await?;
        window.read(".empty", "Everything agrees.").await?;
        window.open(&desk, "/audit?state=over").await?;
        window.read("table.differences tbody", "its units wait to come back").await?;
        window.read("table.differences tbody", "counted, as Fake storehouse says").await?;
        Ok(())
    })
    .await;
    assert_eq!(desk.world.order(&order).await.returning(), 2);
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_s_rules_for_canceled_units_stand_on_the_shops_page() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/shops").await?;
        window.click("a[href$='/stock-rules']").await?;
        window.read("dialog h1", "Canceled units").await?;
        window.read("dialog table.stock-rules", "untouched").await?;
        window.see("dialog select[name=goes_to] option[value=defective]").await?;
        window.picture("stock-rules").await?;
        Ok(())
    })
    .await;
}
