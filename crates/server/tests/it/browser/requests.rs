//! On each marketplace a buyer asks: one is agreed to, one rejected, one runs out of time.

use super::carry_out;
use super::chromium::{Window, journey};
use crate::api::requests::{packed_and_asked, pushed};
use crate::desk::Desk;
use crate::engine::World;
use domain::ids::OrderId;
use domain::order::{List, Stage};
use domain::platform::Platform;
use reqwest::Method;
use serde_json::json;
use store::orders::OrderRecord;
use store::requests;
use store::trial::Trial;

fn row(order: &OrderRecord) -> String {
    format!("tr[data-number='{}']", order.number)
}

/// The buyer asks, whatever the market would grant at once, and the workers sweep: here no push arrives.
async fn buyer_asks(desk: &Desk, order: &OrderRecord) {
    let path = format!("/orders/{}/{}/buyer-cancel", desk.world.control.platform, order.number);
    desk.world.control.send(Method::POST, &path, json!({"ask": true})).await;
    sweep(desk).await;
}

async fn sweep(desk: &Desk) {
    let asked = desk.post(&format!("/api/v1/shops/{}/sync", desk.world.shop), &json!({})).await;
    assert!(asked.status.is_success(), "{}", asked.text);
}

/// The platform's time passes until the order's request is overdue.
async fn time_runs_out(desk: &Desk, order: &OrderRecord) {
    time_passes(desk, order, 120).await;
}

/// The platform's time passes until so many seconds after the deadline of the order's request.
async fn time_passes(desk: &Desk, order: &OrderRecord, after: i64) {
    let mut session = desk.world.engine.store().read().await.expect("begins");
    let found = requests::of_orders(&mut session, &desk.world.merchant, std::slice::from_ref(&order.id)).await;
    let deadline = found.expect("read").pop().expect("a request").deadline;
    drop(session);
    let left = deadline.since(desk.world.engine.clock().platform_now(order.platform));
    desk.world.advance_clock(left.seconds() + after).await;
    sweep(desk).await;
}

/// Orders that an account begins with; Tokopedia's old API lets nobody read more than five a second.
fn orders_on(account: Platform) -> u32 {
    if account == Platform::Tokopedia { 60 } else { 240 }
}

/// What the order's timeline says, oldest first.
async fn said_of(desk: &Desk, order: &OrderRecord) -> Vec<String> {
    let shown = desk.read(&format!("/api/v1/orders/{}", order.id)).await;
    let timeline = shown["timeline"].as_array().expect("a timeline").iter();
    timeline.filter_map(|entry| entry["action"].as_str()).map(str::to_owned).collect()
}

/// A request that is rejected has to be shipped in time: its label prints.
async fn its_label_prints(window: &Window, desk: &Desk, order: &OrderRecord) {
    let asked = desk.post(&format!("/api/v1/orders/{}/fetch-labels", order.id), &json!({})).await;
    assert!(asked.status.is_success(), "{}", asked.text);
    window.open(desk, &format!("/orders/{}", order.id)).await.expect("its page");
    window.read("main table.plain td", "printable").await.expect("the label is fetched");
    if desk.world.platform == Platform::Tokopedia {
        // The old API has no PDF: its label is a page, which opens in a window of its own.
        let desks = window.0.window().await.expect("a window");
        for mark in ["", "REPRINT - copy 2"] {
            window.click("button[data-act=print]").await.expect("the button");
            let opened = loop {
                let windows = window.0.windows().await.expect("windows");
                if let Some(opened) = windows.into_iter().find(|opened| *opened != desks) {
                    break opened;
                }
            };
            window.0.switch_to_window(opened).await.expect("the label's window");
            window.read("h1", order.number.as_str()).await.expect("the label");
            window.read("body", mark).await.expect("its mark");
            if mark.is_empty() {
                window.picture("label-page").await.expect("a picture");
            }
            window.0.close_window().await.expect("closed");
            window.0.switch_to_window(desks.clone()).await.expect("the desk's window");
        }
        return;
    }
    let printed = desk.get(&format!("/api/v1/labels.pdf?order={}", order.id)).await;
    assert_eq!(printed.status, 200, "{}", printed.text);
}

async fn buyers_are_answered(account: Platform, storefront: Platform) {
    let desk = Desk::over(World::on(account, Trial::sqlite().await, orders_on(account), |_, _| {}).await).await;
    carry_out(&desk);
    let mut orders = desk.world.list(List::InProcess, 200).await;
    orders.retain(|order| order.platform == storefront && !order.packages.is_empty());
    orders.truncate(3);
    let [agreed, rejected, expired] = &orders[..] else { panic!("three orders in process: {orders:?}") };
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/requests").await?;
        window.see("main").await?;
        window.mark().await?;
        for order in &orders {
            buyer_asks(&desk, order).await;
            window.read(&row(order), storefront.title()).await?;
            window.read(&format!("{} .deadline", row(order)), "left").await?;
        }
        window.picture(&format!("requests-{storefront}")).await?;
        window.click(&format!("{} [data-act=agree]", row(agreed))).await?;
        window.miss(&row(agreed)).await?;
        window.click(&format!("{} [data-act=reject]", row(rejected))).await?;
        window.read("dialog h1", rejected.number.as_str()).await?;
        // Where the platform has reasons to reject, the first one is chosen.
        if let Ok(reason) = window.0.find(thirtyfour::By::Css("dialog .reason input")).await {
            reason.click().await?;
        }
        window.click("dialog button.danger").await?;
        window.miss(&row(rejected)).await?;
        window.was_not_reloaded().await?;
        for (state, order) in [("agreed", agreed), ("rejected", rejected)] {
            window.open(&desk, &format!("/requests?state={state}")).await?;
            window.read(&row(order), order.number.as_str()).await?;
        }
        its_label_prints(&window, &desk, rejected).await;
        window.open(&desk, "/requests").await?;
        window.see(&row(expired)).await?;
        time_runs_out(&desk, expired).await;
        window.miss(&row(expired)).await?;
        window.open(&desk, "/requests?state=expired").await?;
        window.read(&row(expired), expired.number.as_str()).await?;
        Ok(())
    })
    .await;
    for (order, is_canceled) in [(agreed, true), (rejected, false), (expired, true)] {
        let after = desk.world.order(&order.id).await;
        let list = if is_canceled { List::Canceled } else { List::InProcess };
        let truth = desk.world.control.order(&order.number).await;
        assert_eq!(after.list, list, "{truth}");
        assert_eq!(after.lines.iter().all(|line| line.live() == 0), is_canceled, "{truth}");
        let lines = truth["lines"].as_array().expect("lines");
        let over = |status: &str| status.to_lowercase().starts_with("cancel");
        let gone = lines.iter().all(|line| line["status"].as_str().is_some_and(over))
            || truth["status"].as_str().is_some_and(over);
        assert_eq!(gone, is_canceled, "{truth}");
        // Its label exists: what was allocated waits to be stocked in, or stays where it is.
        for (line, before) in after.lines.iter().zip(&order.lines) {
            let held = (line.stock.returning, line.stock.allocated);
            let units = before.stock.allocated;
            assert_eq!(held, if is_canceled { (units, 0) } else { (0, units) }, "{}", order.number);
        }
    }
    let ends = [
        (agreed, &["request.opened", "request.agree", "request.agreed", "cancellation.done"][..]),
        (rejected, &["request.opened", "request.reject", "request.rejected"][..]),
        (expired, &["request.opened", "request.expired"][..]),
    ];
    for (order, entries) in ends {
        let said = said_of(&desk, order).await;
        for entry in entries {
            assert_eq!(said.iter().filter(|said| said == entry).count(), 1, "{entry} of {}: {said:?}", order.number);
        }
    }
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_of_lazada_are_answered() {
    buyers_are_answered(Platform::Lazada, Platform::Lazada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_of_tiktok_shop_are_answered() {
    buyers_are_answered(Platform::TiktokShop, Platform::TiktokShop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_of_tokopedia_in_a_merged_account_are_answered() {
    buyers_are_answered(Platform::TiktokShop, Platform::Tokopedia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_print_from_the_request_list_by_key_and_many_at_once_while_the_platform_is_down() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let asked = packed_and_asked(&desk, 2).await;
    let down = json!({"platform": "shopee", "rate": 1.0, "kinds": ["timeout_before", "timeout_after"]});
    desk.world.control.send(Method::PUT, "/faults", down).await;
    let path = |place: usize| format!("/api/v1/orders/{}", asked[place]["order_id"].as_str().expect("an id"));
    let has = |order: &serde_json::Value, action: &str| {
        order["timeline"].as_array().expect("a timeline").iter().any(|entry| entry["action"] == action)
    };
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/requests").await?;
        window.mark().await?;
        window.see("button[data-act=print]").await?;
        window.picture("requests-printable").await?;
        // To the first request whose label is cached; those before it were arranged elsewhere.
        window.press("j").await?;
        while window.0.find_all(thirtyfour::By::Css("tr:focus [data-act=print]")).await?.is_empty() {
            window.press("j").await?;
        }
        let focused = window.see("tbody tr:focus").await?.id().await?.expect("an id");
        let (first, second) = if asked[0]["id"] == focused.as_str() { (path(0), path(1)) } else { (path(1), path(0)) };
        window.press("l").await?;
        desk.read_until(&first, |order| has(order, "label.printed")).await;
        for request in &asked {
            let id = request["id"].as_str().expect("an id");
            window.click(&format!("tr[id='{id}'] input[name=request]")).await?;
        }
        window.read("#selected", "2").await?;
        window.picture("requests-selected").await?;
        window.click("#selection button[formaction='/labels/print']:not([name])").await?;
        desk.read_until(&first, |order| has(order, "label.reprinted")).await;
        desk.read_until(&second, |order| has(order, "label.printed")).await;
        window.was_not_reloaded().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_is_answered_from_the_order_s_page_and_one_answered_elsewhere_is_still_listed() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let asked = packed_and_asked(&desk, 2).await;
    let text = |place: usize, name: &str| asked[place][name].as_str().expect("a text").to_owned();
    let orders = [
        desk.read(&format!("/api/v1/orders/{}", text(0, "order_id"))).await,
        desk.read(&format!("/api/v1/orders/{}", text(1, "order_id"))).await,
    ];
    let number = |place: usize| orders[place]["number"].as_str().expect("a number").to_owned();
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, &format!("/orders/{}", text(0, "order_id"))).await?;
        window.mark().await?;
        window.read("section.request .deadline", "left").await?;
        window.read("section.request .silence", "unanswered it is canceled").await?;
        window.picture("order-request").await?;
        window.press("a").await?;
        window.read(".order-head .standing", "Canceled").await?;
        window.miss("section.request").await?;
        window.was_not_reloaded().await?;
        // The seller cancels the other one in the Seller Center.
        let advance = format!("/orders/shopee/{}/advance", number(1));
        desk.world.control.send(Method::POST, &advance, json!({"to": "CANCELLED", "force": true})).await;
        pushed(&desk, &[desk.world.order(&OrderId::parse(text(1, "order_id")).expect("an id")).await]).await;
        window.open(&desk, "/requests").await?;
        window.miss(&format!("tr[data-number='{}']", number(1))).await?;
        window.click("nav.tabs a[href*='answered_elsewhere']").await?;
        window.read(&format!("tr[data-number='{}'] td.time", number(1)), "Answered elsewhere").await?;
        window.picture("requests-otherwise").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_of_tokopedia_on_its_old_api_are_answered() {
    buyers_are_answered(Platform::Tokopedia, Platform::Tokopedia).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn default_answers_are_edited_tried_saved_and_given_in_the_rule_s_name() {
    let desk = Desk::start(Trial::sqlite().await, 60).await;
    let order = desk.world.list(List::InProcess, 200).await.remove(0);
    assert_eq!(order.stage, Stage::Printed, "it was arranged elsewhere");
    let ask = format!("/orders/shopee/{}/buyer-cancel", order.number);
    desk.world.control.send(Method::POST, &ask, json!({"reason": "Others", "ask": true})).await;
    pushed(&desk, std::slice::from_ref(&order)).await;
    let is_listed = |page: &serde_json::Value| page.to_string().contains(order.id.as_str());
    desk.read_until("/api/v1/cancellation-requests?limit=200", is_listed).await;
    let path = format!("/shops/{}/default-answers", desk.world.shop);
    let kept = async || desk.read(&format!("/api/v1{path}")).await;
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/shops").await?;
        window.click(&format!("a[href='{path}']")).await?;
        window.read("h1", "Default answers").await?;
        let before = kept().await;
        window.click("select[name='then.1'] option[value=agree]").await?;
        window.see("input[name='buyer_reason.1']").await?.send_keys("other").await?;
        window.click("button[name=try]").await?;
        window.read("#dry-run [role=status]", "agreed to").await?;
        let tried = format!("#dry-run tr:has(a[href='/orders/{}'])", order.id);
        window.read(&tried, "agreed to by rule 2").await?;
        window.picture("default-answers").await?;
        assert_eq!(kept().await, before, "trying keeps nothing");
        window.click("input[name=on]").await?;
        window.click("form.default-answers button.primary").await?;
        window.read("#toasts", "Saved.").await?;
        let after = kept().await;
        assert_eq!(
            (&after["on"], &after["rules"][1]["then"], &after["rules"][1]["buyer_reason"]),
            (&json!(true), &json!("agree"), &json!("other"))
        );

        time_passes(&desk, &order, -10 * 60).await;
        desk.read_until(&format!("/api/v1/orders/{}", order.id), |order| order["list"] == "canceled").await;
        window.open(&desk, "/log?action=request.agree").await?;
        window.read("table.log tbody", "default answer (rule 2)").await?;
        window.open(&desk, "/requests?state=agreed").await?;
        window.read(&row(&order), "default answer (rule 2)").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}
