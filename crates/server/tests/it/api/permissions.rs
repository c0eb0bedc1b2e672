//! Who may do what: every call against every permission.

use crate::desk::{Desk, out_of_stock};
use countermand::permissions::Permission;
use reqwest::Method;
use serde_json::json;
use store::trial::Trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_needs_its_permission_and_no_other() {
    let desk = Desk::without_workers(Trial::sqlite().await, 40).await;
    let orders = desk.cancellable(2).await;
    let id = orders[0]["id"].as_str().expect("an id");
    let shop = desk.world.shop.to_string();
    let get = |path: &str| (Method::GET, path.to_owned(), String::new());
    let post = |path: &str, body: String| (Method::POST, path.to_owned(), body);
    use Permission as P;
    let answers = json!({"on": false, "minutes_before": 60, "rules": []}).to_string();
    let matrix = [
        (P::OrdersRead, get("/api/v1/orders")),
        (P::OrdersRead, get("/api/v1/orders/counts")),
        (P::OrdersRead, get(&format!("/api/v1/orders/{id}"))),
        (P::OrdersRead, get(&format!("/api/v1/orders/{id}/cancellation-options"))),
        (P::OrdersRead, get("/api/v1/cancellations")),
        (P::OrdersRead, get("/api/v1/cancellations/can_x")),
        (P::OrdersRead, get("/api/v1/stock")),
        (P::OrdersRead, get("/api/v1/stock/whs_1/x/movements")),
        (P::OrdersRead, get("/api/v1/listings")),
        (P::OrdersRead, get("/api/v1/shops")),
        (P::OrdersRead, get(&format!("/api/v1/shops/{shop}/stock"))),
        (P::OrdersRead, get(&format!("/api/v1/listings/{shop}/x/pushes"))),
        (P::OrdersRead, get("/api/v1/closed-listings")),
        (P::OrdersRead, get("/api/v1/mappings")),
        (P::OrdersRead, get("/api/v1/bundles")),
        (P::AuditRead, get("/api/v1/audit/log")),
        (P::AuditRead, get("/api/v1/audit/log.csv")),
        (P::AuditRead, get("/api/v1/audit/ledger")),
        (P::AuditRead, get("/api/v1/audit/differences")),
        (P::AuditRead, get("/api/v1/audit/runs")),
        (P::AuditRead, get("/api/v1/audit/runs/aud_x")),
        (P::AuditRead, get("/api/v1/audit/settings")),
        (P::AuditRead, post("/api/v1/audit/run", String::new())),
        (P::StockAdjust, post("/api/v1/audit/differences/dif_x/repair", String::new())),
        (
            P::StockAdjust,
            post("/api/v1/audit/settings", json!({"every_hours": 24, "parcel_lost_days": 30}).to_string()),
        ),
        (P::StockAdjust, post("/api/v1/stock/import", "sku,units\n".to_owned())),
        (P::ShopsManage, get(&format!("/api/v1/shops/{shop}/stock-rules"))),
        (P::ShopsManage, post(&format!("/api/v1/shops/{shop}/stock-rules"), json!({"rules": []}).to_string())),
        (P::OrdersCancel, post("/api/v1/cancellations", out_of_stock(&orders[1]).to_string())),
        (P::OrdersCancel, post("/api/v1/cancellations/can_x/resolve", json!({"as": "retry"}).to_string())),
        (P::OrdersRead, get("/api/v1/stock-ins")),
        (P::OrdersRead, get("/api/v1/batches/sib_x")),
        (
            P::StockIn,
            post("/api/v1/stock-ins", json!({"warehouse": "whs_1", "orders": [{"order_id": "ord_x"}]}).to_string()),
        ),
        (P::StockAdjust, post("/api/v1/stock/whs_1/x/adjustments", json!({"as": "in", "units": 1}).to_string())),
        (P::StockAdjust, post("/api/v1/closed-listings/reopen", json!({"shop": shop, "listing": "x"}).to_string())),
        (
            P::StockAdjust,
            post("/api/v1/mappings", json!({"mappings": [{"listing_sku": "x", "merchant_sku": "y"}]}).to_string()),
        ),
        (P::StockAdjust, post("/api/v1/mappings/import", "listing sku,merchant sku\nx,y\n".to_owned())),
        (P::StockAdjust, post("/api/v1/mappings/rule", json!({"shop": shop, "prefix": "x"}).to_string())),
        (
            P::StockAdjust,
            post(
                "/api/v1/bundles",
                json!({"bundle_sku": "x", "components": [{"merchant_sku": "y", "units": 1}]}).to_string(),
            ),
        ),
        (P::StockAdjust, post("/api/v1/bundles/import", "bundle sku,merchant sku,units\nx,y,1\n".to_owned())),
        (P::ShopsManage, post(&format!("/api/v1/shops/{shop}/stock"), json!({"push": false}).to_string())),
        (
            P::ShopsManage,
            post(&format!("/api/v1/shops/{shop}/push-rules"), json!({"rule": {"percent": 90}}).to_string()),
        ),
        (P::StockIn, post("/api/v1/stock-ins/sin_x/undo", json!({"reason": "x"}).to_string())),
        (P::OrdersCancel, post("/api/v1/cancellations/plan", json!({"order_ids": [id]}).to_string())),
        (P::OrdersCancel, post("/api/v1/cancellations/bulk", json!({"order_ids": [id]}).to_string())),
        (P::OrdersRead, get("/api/v1/batches/bat_x")),
        (P::OrdersRead, get("/api/v1/batches/bat_x/result.xlsx")),
        (P::OrdersCancel, post("/api/v1/batches/bat_x/pause", String::new())),
        (P::OrdersCancel, post("/api/v1/batches/bat_x/resume", String::new())),
        (P::OrdersCancel, post("/api/v1/batches/bat_x/stop", String::new())),
        (P::OrdersCancel, post("/api/v1/batches/bat_x/retry-failed", String::new())),
        (P::OrdersRead, get("/api/v1/cancellation-requests")),
        (P::RequestsDecide, post("/api/v1/cancellation-requests/req_x/agree", String::new())),
        (P::RequestsDecide, post("/api/v1/cancellation-requests/req_x/reject", String::new())),
        (
            P::RequestsDecide,
            post(
                "/api/v1/cancellation-requests/bulk",
                json!({"answer": "agree", "request_ids": ["req_x"]}).to_string(),
            ),
        ),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/void"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/restore"), String::new())),
        (P::OrdersProcess, post("/api/v1/orders/void", json!({"order_ids": ["ord_x"]}).to_string())),
        (P::OrdersProcess, post("/api/v1/orders/restore", json!({"order_ids": ["ord_x"]}).to_string())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/pack"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/ship"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/undo-ship"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/repack"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/orders/{id}/fetch-labels"), String::new())),
        (P::OrdersProcess, post("/api/v1/orders/pack", json!({"order_ids": ["ord_x"]}).to_string())),
        (P::OrdersProcess, post("/api/v1/orders/ship", json!({"order_ids": ["ord_x"]}).to_string())),
        (P::OrdersProcess, get(&format!("/api/v1/labels.pdf?order={id}"))),
        (P::OrdersRead, post("/api/v1/scan", json!({"code": "x"}).to_string())),
        (P::OrdersProcess, post("/api/v1/scan/ship", json!({"code": "x"}).to_string())),
        (P::OrdersRead, get("/api/v1/print-batches")),
        (P::OrdersRead, get("/api/v1/print-batches/prt_x/pick-list")),
        (P::OrdersRead, get("/api/v1/handover-checks/piles")),
        (P::OrdersRead, get("/api/v1/handover-checks/hoc_x")),
        (P::OrdersProcess, post("/api/v1/handover-checks", json!({}).to_string())),
        (P::OrdersRead, get("/api/v1/cases")),
        (P::OrdersRead, get("/api/v1/cases/ord_x")),
        (P::StockIn, post("/api/v1/stock-ins/import", "order\nx\n".to_owned())),
        (P::StockAdjust, post("/api/v1/cases/ord_x/resolve", json!({"as": "came_back"}).to_string())),
        (P::OrdersRead, get("/api/v1/pull-list")),
        (P::OrdersProcess, post("/api/v1/pull-list/pulled", json!({"code": "x"}).to_string())),
        (P::StockAdjust, post("/api/v1/stock/whs_1/x/shelf", json!({"shelf": "A-01"}).to_string())),
        (P::OrdersRead, get("/api/v1/warehouses")),
        (
            P::ShopsManage,
            post(
                "/api/v1/warehouses",
                json!({"provider": "shipbob", "name": "x", "credentials": {"token": "t", "channel_id": 1}, "contact": "x", "address": "http://127.0.0.1:1"})
                    .to_string(),
            ),
        ),
        (P::ShopsManage, post("/api/v1/warehouses/whs_x/rules", json!({"shop": shop}).to_string())),
        (P::ShopsManage, post("/api/v1/warehouses/whs_x/destination", json!({}).to_string())),
        (P::RequestsDecide, post(&format!("/api/v1/orders/{id}/warehouse-link"), String::new())),
        (P::OrdersProcess, post(&format!("/api/v1/shops/{shop}/sync"), String::new())),
        (P::OrdersRead, get(&format!("/api/v1/shops/{shop}/default-answers"))),
        (P::OrdersRead, post(&format!("/api/v1/shops/{shop}/default-answers/dry-run"), answers.clone())),
        (P::ShopsManage, post(&format!("/api/v1/shops/{shop}/default-answers"), answers)),
        (P::OrdersRead, get(&format!("/api/v1/shops/{shop}/pack-rule"))),
        (P::ShopsManage, post(&format!("/api/v1/shops/{shop}/pack-rule"), json!({"on": false}).to_string())),
        (P::ShopsManage, get("/api/v1/marketplaces")),
        (P::ShopsManage, get("/api/v1/public-address")),
        (P::ShopsManage, post("/api/v1/public-address", json!({"url": ""}).to_string())),
        (P::ShopsManage, post("/api/v1/shops/connect", json!({"platform": "shopee", "country": "MY"}).to_string())),
        (
            P::ShopsManage,
            post("/api/v1/shops/authorised", json!({"returned": "https://a.example/?code=c&state=s"}).to_string()),
        ),
        (P::ShopsManage, post(&format!("/api/v1/shops/{shop}/authorise"), String::new())),
        (P::ShopsManage, post("/api/v1/shops/shp_x/disconnect", String::new())),
    ];
    for &permission in Permission::ALL {
        let token = desk.user(&format!("{}@example.com", permission.as_str()), &[permission], None).await;
        for (needed, (method, path, body)) in &matrix {
            let answer = desk.ask(method.clone(), &token, path, &[], body.clone()).await;
            if *needed == permission {
                assert_ne!(answer.status, 403, "{permission:?} {path}");
                assert_ne!(answer.status, 401, "{permission:?} {path}");
            } else {
                let problem = answer.is_problem(403, "forbidden", &format!("{permission:?} {path}"));
                assert_eq!(problem["permission"], needed.as_str());
            }
        }
    }
}
