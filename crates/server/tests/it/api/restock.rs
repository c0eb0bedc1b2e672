//! Goods that their platform says cannot be sold again: no selection sells them, a person who looked at them may.

use crate::desk::Desk;
use crate::engine::World;
use crate::pages::Browser;
use domain::order::{List, Stage};
use domain::platform::Platform;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::orders::OrderRecord;

const WORDS: &str = "TikTok Shop says these goods cannot be sold again: look at them one by one";

/// The buyer asks to cancel, the platform says what it thinks of the goods, and the seller agrees.
async fn agreed(desk: &Desk, order: &OrderRecord, restock: Option<bool>) {
    let path = format!("/orders/tiktok_shop/{}/buyer-cancel", order.number);
    desk.world.control.send(Method::POST, &path, json!({"ask": true, "restock": restock})).await;
    desk.world.sync().await;
    let open = desk.read("/api/v1/cancellation-requests?state=open&limit=200").await;
    let open = open["requests"].as_array().expect("requests").clone();
    let request = open.iter().find(|it| it["order_id"] == order.id.as_str()).expect("the buyer's request");
    let path = format!("/api/v1/cancellation-requests/{}/agree", request["id"].as_str().expect("an id"));
    let answer = desk.post(&path, &json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    desk.world.run_until(&order.id, |order| order.list == List::Canceled).await;
}

/// Orders of TikTok Shop whose units are all set aside for them, with goods as far as this; the account has Tokopedia's, too.
async fn orders(desk: &Desk, list: List, stage: Stage, count: usize) -> Vec<OrderRecord> {
    let mut found = desk.world.list(list, 200).await;
    found.retain(|order| {
        order.platform == Platform::TiktokShop
            && order.stage == stage
            && order.lines.iter().all(|line| line.stock.allocated == line.quantity)
    });
    assert!(found.len() >= count, "{} of {count} orders in {list}, {stage}", found.len());
    found.truncate(count);
    found
}

fn ids(orders: &[&OrderRecord]) -> Value {
    orders.iter().map(|order| json!({"order_id": order.id.as_str()})).collect()
}

on_both! {
    async fn what_the_platform_says_cannot_be_sold_again_is_sold_only_by_a_person_who_looked(trial) {
        let desk = Desk::over(World::on(Platform::TiktokShop, trial, 200, |_, _| ()).await).await;
        let printed = orders(&desk, List::InProcess, Stage::Printed, 3).await;
        let (bad, good, silent) = (&printed[0], &printed[1], &printed[2]);
        for (order, restock) in [(bad, Some(false)), (good, Some(true)), (silent, None)] {
            agreed(&desk, order, restock).await;
        }
        let waiting = desk.read("/api/v1/stock-ins?limit=200").await;
        let hint = |order: &OrderRecord| {
            let all = waiting["orders"].as_array().expect("orders");
            all.iter().find(|it| it["order_id"] == order.id.as_str()).expect("it waits")["should_replenish_stock"].clone()
        };
        assert_eq!((hint(bad), hint(good)), (json!(false), json!(true)));

        // Named without a word about what was found.
        let wish = json!({"warehouse": "whs_1", "orders": ids(&[bad, good])});
        let told = desk.post("/api/v1/stock-ins", &wish).await.json();
        assert_eq!(told["stocked_in"][0]["order_id"], good.id.as_str(), "{told}");
        assert_eq!((&told["skipped"][0]["code"], &told["skipped"][0]["detail"]), (&json!("not_restockable"), &json!(WORDS)));

        // Everything that matches: the dialog says how many are left before the click, and so does the result.
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let form = browser.get("/stock-ins/new?query=%7B%22platform%22%3A%22tiktok_shop%22%7D").await;
        assert!(form.text.contains("1 order is left as it is: the marketplace says"), "{}", form.text);
        let elsewhere = browser.get("/stock-ins/new?query=%7B%22platform%22%3A%22lazada%22%7D").await;
        assert!(!elsewhere.text.contains("left as it is:"), "{}", elsewhere.text);
        for path in [format!("/orders/{}", bad.id), "/canceled".to_owned(), format!("/stock-ins/new?order={}", bad.id)] {
            let page = browser.get(&path).await;
            assert!(page.text.contains("the marketplace thinks that the goods cannot be sold again"), "{path}");
        }
        let all = json!({"warehouse": "whs_1", "query": {"platform": "tiktok_shop"}});
        let batch = desk.post("/api/v1/stock-ins", &all).await.json();
        while desk.world.engine.run_due().await.expect("a tick") > 0 {}
        let ended = desk.read(&format!("/api/v1/batches/{}", batch["batch_id"].as_str().expect("an id"))).await;
        assert_eq!((&ended["refused"], &ended["waiting"]), (&json!(1), &json!(0)), "{ended}");
        assert_eq!((&ended["orders"][0]["order_id"], &ended["orders"][0]["message"]), (&json!(bad.id.as_str()), &json!(WORDS)));
        assert_eq!(desk.world.order(&silent.id).await.returning(), 0);
        let units = desk.world.order(&bad.id).await.returning();
        assert!(units > 0, "they wait for a person");

        // Who looked at them knows better than the platform.
        let lines: Vec<Value> = desk.world.order(&bad.id).await.lines.iter()
            .map(|line| json!({"line_id": line.id.as_str(), "merchant_sku": line.merchant_sku.as_str(), "sellable": line.stock.returning}))
            .collect();
        let wish = json!({"warehouse": "whs_1", "orders": [{"order_id": bad.id.as_str(), "lines": lines}]});
        let told = desk.post("/api/v1/stock-ins", &wish).await.json();
        assert_eq!(told["stocked_in"][0]["units"], units, "{told}");
        desk.world.ledger_is_proven().await;
    }

    async fn a_platform_s_word_about_the_goods_never_overrides_how_far_they_are(trial) {
        let desk = Desk::over(World::on(Platform::TiktokShop, trial, 200, |_, _| ()).await).await;
        let order = orders(&desk, List::New, Stage::Untouched, 1).await.remove(0);
        let line = &order.lines[0];
        let before = desk.world.balance(line).await;
        agreed(&desk, &order, Some(false)).await;
        let after = desk.world.order(&order.id).await;
        assert_eq!(after.returning(), 0, "nobody had touched the goods: nothing comes back");
        let units: i64 = order.lines.iter().filter(|it| it.merchant_sku == line.merchant_sku).map(|it| i64::from(it.quantity)).sum();
        assert_eq!(desk.world.balance(line).await.available, before.available + units);
        desk.world.ledger_is_proven().await;
    }
}
