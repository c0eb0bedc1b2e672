//! Lists, details, and the seller's cancel.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::desk;

const OPTIONAL: &str = "item_list,package_list,cancel_by,cancel_reason,buyer_cancel_reason,total_amount,pay_time";

#[tokio::test]
async fn every_seeded_order_is_listed_once_over_all_pages() {
    let desk = desk(250).await;
    let now = desk.now().await;
    let mut listed: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!(
            "time_range_field=update_time&time_from={}&time_to={}&page_size=40&cursor={cursor}\
             &response_optional_fields=order_status",
            now - 15 * 86_400 + 100,
            now + 100
        );
        let (status, body) = desk.get("/api/v2/order/get_order_list", &query).await;
        assert_eq!((status, &body["error"]), (200, &json!("")), "{body}");
        let page = body["response"]["order_list"].as_array().unwrap();
        assert!(page.len() <= 40);
        listed.extend(page.iter().map(|row| row["order_sn"].as_str().unwrap().to_owned()));
        assert!(page.iter().all(|row| row["order_status"].is_string()));
        cursor = body["response"]["next_cursor"].as_str().unwrap().to_owned();
        if body["response"]["more"] == false {
            assert_eq!(cursor, "");
            break;
        }
    }
    let mut truth: Vec<String> = desk.ask("/orders?platform=shopee").await["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["number"].as_str().unwrap().to_owned())
        .collect();
    truth.sort();
    listed.sort();
    assert_eq!(listed, truth);
}

#[tokio::test]
async fn an_out_of_stock_cancel_zeroes_the_chosen_listing_and_gives_the_others_back() {
    let desk = desk(1).await;
    let lines = json!([{"sku": "MUG-BLU", "quantity": 2}, {"sku": "BOARD", "quantity": 1}]);
    let number = desk.order(json!({"lines": lines})).await;
    let board = desk.stock("BOARD").await;
    let detail = desk.detail(&number, OPTIONAL).await;
    assert_eq!(detail["can_full_cancel_order"], true);
    let mug = detail["item_list"].as_array().unwrap().iter().find(|row| row["model_sku"] == "MUG-BLU").unwrap();
    let chosen = json!([{"item_id": mug["item_id"], "model_id": mug["model_id"]}]);
    let body = json!({"order_sn": number, "cancel_reason": "OUT_OF_STOCK", "item_list": chosen});
    let answer = desk.cancel(body.clone()).await;
    assert_eq!(answer["error"], "", "{answer}");
    assert!(answer["response"]["update_time"].is_i64());

    let truth = desk.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("seller")));
    assert_eq!(truth["cancel_reason"], "OUT_OF_STOCK");
    assert_eq!(truth["packages"][0]["status"], "LOGISTICS_INVALID");
    assert_eq!(desk.stock("MUG-BLU").await, 0);
    assert_eq!(desk.stock("BOARD").await, board + 1);

    let after = desk.detail(&number, OPTIONAL).await;
    assert_eq!(after["order_status"], "CANCELLED");
    assert_eq!(after["cancel_by"], "seller");
    assert_eq!(after["can_full_cancel_order"], false);
    assert!(after["update_time"].as_i64() > detail["update_time"].as_i64());

    let again = desk.cancel(body).await;
    assert_eq!(again["error"], "order.error_limit");
    let changed: Vec<Value> = desk.calls(&number).await.into_iter().filter(|call| call["changed"] == true).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
}

#[tokio::test]
async fn with_repeats_accepted_a_double_send_shows_as_two_changes() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let body = json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"});
    assert_eq!(desk.cancel(body.clone()).await["error"], "");
    desk.tell(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
    assert_eq!(desk.cancel(body).await["error"], "");
    let changed = desk.calls(&number).await.into_iter().filter(|call| call["changed"] == true).count();
    assert_eq!(changed, 2);
}

#[tokio::test]
async fn optional_fields_come_only_on_request_and_lists_in_both_spellings() {
    let desk = desk(1).await;
    let (one, two) = (desk.order(json!({})).await, desk.order(json!({})).await);
    let joined = format!("order_sn_list={one},{two}");
    let repeated = format!("order_sn_list={one}&order_sn_list={two}&response_optional_fields=item_list");
    let (_, plain) = desk.get("/api/v2/order/get_order_detail", &joined).await;
    let (_, full) = desk.get("/api/v2/order/get_order_detail", &repeated).await;
    for body in [&plain, &full] {
        assert_eq!(body["response"]["order_list"].as_array().unwrap().len(), 2);
    }
    let order = &plain["response"]["order_list"][0];
    assert_eq!((order.get("item_list"), order.get("cancel_by")), (None, None));
    for always in ["order_sn", "region", "currency", "cod", "order_status", "update_time", "ship_by_date"] {
        assert!(order.get(always).is_some(), "{always}");
    }
    assert!(full["response"]["order_list"][0]["item_list"].is_array());
    let (_, none) = desk.get("/api/v2/order/get_order_detail", "order_sn_list=NOPE").await;
    assert_eq!(none["error"], "error_not_found");
    let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let (_, too_many) = desk.get("/api/v2/order/get_order_detail", &format!("order_sn_list={}", many.join(","))).await;
    assert_eq!(too_many["error"], "error_param");
}

#[tokio::test]
async fn lists_filter_by_status_and_refuse_what_the_sheet_refuses() {
    let desk = desk(300).await;
    let now = desk.now().await;
    let window = format!("time_range_field=update_time&time_from={}&time_to={}", now - 14 * 86_400, now + 100);
    for status in ["UNPAID", "READY_TO_SHIP", "PROCESSED", "SHIPPED", "COMPLETED", "IN_CANCEL", "CANCELLED"] {
        let query = format!("{window}&page_size=100&order_status={status}&request_order_status_pending=true");
        let (_, body) = desk.get("/api/v2/order/get_order_list", &query).await;
        let truth = desk.ask(&format!("/orders?platform=shopee&status={status}")).await;
        let expected = truth["orders"].as_array().unwrap().len().min(100);
        assert!(expected > 0, "{status}");
        assert_eq!(body["response"]["order_list"].as_array().unwrap().len(), expected, "{status}");
    }
    let cases = [
        (format!("{window}&page_size=101"), "error_param"),
        (format!("{window}&page_size=0"), "error_param"),
        (window.clone(), "error_param"),
        (format!("{window}&page_size=10&order_status=LOST"), "error_param"),
        (format!("{window}&page_size=10&cursor=nonsense"), "error_param"),
        (
            format!("time_range_field=update_time&time_from={now}&time_to={now}&page_size=10"),
            "order.order_list_invalid_time",
        ),
        (
            format!("time_range_field=update_time&time_from={}&time_to={now}&page_size=10", now - 15 * 86_400 - 1),
            "order.order_list_invalid_time",
        ),
        (format!("time_range_field=pay_time&time_from=1&time_to={now}&page_size=10"), "error_param"),
    ];
    for (query, code) in cases {
        let (_, body) = desk.get("/api/v2/order/get_order_list", &query).await;
        assert_eq!(body["error"], code, "{query}");
    }
}

#[tokio::test]
async fn an_order_that_changes_while_a_list_is_paged_is_not_missed() {
    let desk = desk(30).await;
    let now = desk.now().await;
    let window = format!("time_range_field=update_time&time_from={}&time_to={}", now - 14 * 86_400, now + 1_000);
    let (_, first) = desk.get("/api/v2/order/get_order_list", &format!("{window}&page_size=10")).await;
    let fresh = desk.order(json!({})).await;
    let mut seen = Vec::new();
    let mut cursor = first["response"]["next_cursor"].as_str().unwrap().to_owned();
    while !cursor.is_empty() {
        let query = format!("{window}&page_size=10&cursor={cursor}");
        let (_, page) = desk.get("/api/v2/order/get_order_list", &query).await;
        seen.extend(page["response"]["order_list"].as_array().unwrap().iter().map(|row| row["order_sn"].clone()));
        cursor = page["response"]["next_cursor"].as_str().unwrap().to_owned();
    }
    assert!(seen.contains(&json!(fresh)));
}

#[tokio::test]
async fn stock_is_read_and_set_absolutely() {
    let desk = desk(1).await;
    let stock = desk.ask("/stock?platform=shopee").await;
    let rows = stock["stock"].as_array().unwrap();
    let plain = rows.iter().find(|row| row["sku"] == "BOARD").unwrap();
    let varied = rows.iter().find(|row| row["sku"] == "MUG-BLU").unwrap();
    let query = format!("item_id_list={},{}", plain["item_id"], varied["item_id"]);
    let (_, base) = desk.get("/api/v2/product/get_item_base_info", &query).await;
    let items = base["response"]["item_list"].as_array().unwrap();
    assert_eq!(items[0]["stock_info_v2"]["summary_info"]["total_available_stock"], plain["available"]);
    assert_eq!((&items[1]["has_model"], items[1].get("stock_info_v2")), (&json!(true), None));
    let (_, models) = desk.get("/api/v2/product/get_model_list", &format!("item_id={}", varied["item_id"])).await;
    let blue =
        models["response"]["model"].as_array().unwrap().iter().find(|row| row["model_sku"] == "MUG-BLU").unwrap();
    assert_eq!(blue["stock_info_v2"]["seller_stock"][0]["stock"], varied["available"]);

    let body = json!({"item_id": varied["item_id"], "stock_list": [
        {"model_id": varied["model_id"], "seller_stock": [{"stock": 7}]},
        {"model_id": 1, "seller_stock": [{"stock": 7}]},
    ]});
    let (_, partly) = desk.post("/api/v2/product/update_stock", body).await;
    assert_eq!(partly["error"], "");
    assert_eq!(partly["response"]["success_list"][0]["stock"], 7);
    assert_eq!(partly["response"]["failure_list"][0]["model_id"], 1);
    assert_eq!(desk.stock("MUG-BLU").await, 7);

    let body = json!({"item_id": plain["item_id"], "stock_list": [{"model_id": 0, "seller_stock": [{"stock": -1}]}]});
    let (_, failed) = desk.post("/api/v2/product/update_stock", body).await;
    assert_eq!(failed["error"], "error_busi_update_stock_failed");
    assert_eq!(failed["response"]["failure_list"].as_array().unwrap().len(), 1);
    desk.tell(Method::PUT, "/stock", json!({"platform": "shopee", "sku": "BOARD", "available": 3})).await;
    assert_eq!(desk.stock("BOARD").await, 3);
}
