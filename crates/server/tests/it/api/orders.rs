//! Pages, counts and searches.

use crate::desk::Desk;
use serde_json::Value;
use std::collections::HashSet;
use store::on_both;

on_both! {
    async fn pages_show_every_order_once_in_order_and_agree_with_the_counts(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let counts = desk.read("/api/v1/orders/counts").await;
        for (list, sort, field) in [("new", "ship_by", "ship_by"), ("completed", "-ordered_at", "ordered_at")] {
            let mut seen: Vec<Value> = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = desk.read(&format!("/api/v1/orders?list={list}&sort={sort}&limit=3&cursor={cursor}")).await;
                seen.extend(page["orders"].as_array().expect("a page").iter().cloned());
                match page["next"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(counts[list], seen.len(), "{list}");
            let ids: HashSet<&str> = seen.iter().filter_map(|order| order["id"].as_str()).collect();
            assert_eq!(ids.len(), seen.len());
            let mut keys: Vec<&str> = seen.iter().filter_map(|order| order[field].as_str()).collect();
            if sort.starts_with('-') {
                keys.reverse();
            }
            assert!(keys.is_sorted(), "{keys:?}");
        }
        let page = desk.read("/api/v1/orders?list=new&sort=ship_by&limit=1").await;
        let other = format!("/api/v1/orders?list=new&sort=ordered_at&cursor={}", page["next"].as_str().expect("more"));
        desk.get(&other).await.is_problem(400, "bad_parameter", "a cursor of another sort");
    }

    async fn filters_narrow_and_searches_find(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let all = desk.read("/api/v1/orders?limit=200").await["orders"].as_array().expect("orders").clone();
        let find = |query: String| {
            let desk = &desk;
            async move {
                let page = desk.read(&format!("/api/v1/orders?limit=200&{query}")).await;
                let ids = page["orders"].as_array().expect("orders").iter().map(|it| it["id"].clone());
                ids.map(|id| id.to_string()).collect::<HashSet<_>>()
            }
        };
        let expected = |fits: &dyn Fn(&Value) -> bool| {
            all.iter().filter(|order| fits(order)).map(|order| order["id"].to_string()).collect::<HashSet<_>>()
        };
        let status = all[0]["platform_status"].as_str().expect("a status");
        let number = all[3]["number"].as_str().expect("a number");
        let sku = all[5]["lines"][0]["listing_sku"].as_str().expect("a SKU");
        let shop = desk.world.shop.as_str();
        let account = desk.read("/api/v1/shops").await["shops"][0]["account"].as_str().expect("an account").to_owned();
        assert_eq!(find(format!("status={status}")).await, expected(&|order| order["platform_status"] == status));
        assert_eq!(find("cod=true".to_owned()).await, expected(&|order| order["cod"] == true));
        assert_eq!(find("stage=untouched".to_owned()).await, expected(&|order| order["stage"] == "untouched"));
        assert_eq!(find(format!("q={}", number.to_lowercase())).await, expected(&|order| order["number"] == number));
        let has_sku = |order: &Value| order["lines"].as_array().expect("lines").iter().any(|line| line["listing_sku"] == sku);
        assert_eq!(find(format!("q={sku}")).await, expected(&has_sku));
        assert_eq!(find(format!("shop={shop}")).await.len(), all.len());
        assert_eq!(find(format!("shop={account}&platform=shopee")).await.len(), all.len());
        assert_eq!(find("platform=lazada".to_owned()).await.len(), 0);
        let since = all[all.len() / 2]["ordered_at"].as_str().expect("a time");
        let from = expected(&|order| order["ordered_at"].as_str() >= Some(since));
        assert_eq!(find(format!("time=ordered&from={since}")).await, from);
    }
}
