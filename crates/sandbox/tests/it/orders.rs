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
