//! Buyers, carriers and deadlines.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Desk, desk};

const HANDLE: &str = "/api/v2/order/handle_buyer_cancellation";

async fn buyer(desk: &Desk, number: &str, what: &str, body: Value) -> (u16, Value) {
    desk.tell_any(Method::POST, &format!("/orders/shopee/{number}/{what}"), body).await
}

#[tokio::test]
async fn before_arranging_the_buyer_cancels_at_once() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    buyer(&desk, &number, "buyer-cancel", json!({"reason": "Change of mind / others"})).await;
    let detail = desk.detail(&number, "cancel_by,cancel_reason,buyer_cancel_reason").await;
    assert_eq!((&detail["order_status"], &detail["cancel_by"]), (&json!("CANCELLED"), &json!("buyer")));
    assert_eq!(detail["buyer_cancel_reason"], "Change of mind / others");
}

#[tokio::test]
async fn after_arranging_the_buyer_asks_once_and_the_seller_answers() {
    let desk = desk(1).await;
    let number = desk.order(json!({"status": "PROCESSED"})).await;
    let (_, early) = desk.post(HANDLE, json!({"order_sn": number, "operation": "ACCEPT"})).await;
    assert_eq!(early["error"], "order.order_status_invalid");
    buyer(&desk, &number, "buyer-cancel", json!({})).await;
    let detail = desk.detail(&number, "item_list").await;
    assert_eq!((&detail["order_status"], &detail["can_full_cancel_order"]), (&json!("IN_CANCEL"), &json!(false)));
    let refused = desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
    assert_eq!(refused["error"], "order.error_limit");

    let (_, rejected) = desk.post(HANDLE, json!({"order_sn": number, "operation": "REJECT"})).await;
    assert!(rejected["response"]["update_time"].is_i64(), "{rejected}");
    assert_eq!(desk.truth(&number).await["status"], "PROCESSED");
    let (status, answer) = buyer(&desk, &number, "buyer-cancel", json!({})).await;
    assert_eq!(status, 409, "{answer}");

    let other = desk.order(json!({"status": "PROCESSED"})).await;
    buyer(&desk, &other, "buyer-cancel", json!({})).await;
    desk.post(HANDLE, json!({"order_sn": other, "operation": "ACCEPT"})).await;
    let truth = desk.truth(&other).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("buyer")));
    assert_eq!(truth["packages"][0]["status"], "LOGISTICS_REQUEST_CANCELED");
}

#[tokio::test]
async fn a_request_taken_back_leaves_the_order_where_it_was() {
    let desk = desk(1).await;
    let number = desk.order(json!({"status": "RETRY_SHIP"})).await;
    buyer(&desk, &number, "buyer-cancel", json!({})).await;
    buyer(&desk, &number, "buyer-withdraw", json!({})).await;
    assert_eq!(desk.truth(&number).await["status"], "RETRY_SHIP");
    assert_eq!(buyer(&desk, &number, "buyer-withdraw", json!({})).await.0, 409);
}

#[tokio::test]
async fn silence_past_the_deadline_accepts_the_request() {
    let desk = desk(1).await;
    let number = desk.order(json!({"status": "PROCESSED"})).await;
    buyer(&desk, &number, "buyer-cancel", json!({})).await;
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 86_000})).await;
    assert_eq!(desk.truth(&number).await["status"], "IN_CANCEL");
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 500})).await;
    let truth = desk.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("buyer")));
}

#[tokio::test]
async fn unpaid_and_unshipped_orders_are_cancelled_by_the_system_in_time() {
    let desk = desk(1).await;
    let unpaid = desk.order(json!({"status": "UNPAID"})).await;
    let unshipped = desk.order(json!({})).await;
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 86_401})).await;
    assert_eq!(desk.truth(&unpaid).await["cancel_reason"], "Unpaid Order");
    assert_eq!(desk.truth(&unshipped).await["status"], "READY_TO_SHIP");
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 6 * 86_400})).await;
    let truth = desk.truth(&unshipped).await;
    assert_eq!((&truth["cancelled_by"], &truth["cancel_reason"]), (&json!("system"), &json!("Seller did not Ship")));
}

#[tokio::test]
async fn an_order_goes_its_lawful_way_and_no_other_unless_forced() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let mut updated = 0;
    for to in ["PROCESSED", "RETRY_SHIP", "PROCESSED", "SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED"] {
        desk.advance(&number, to).await;
        let truth = desk.truth(&number).await;
        assert_eq!(truth["status"], to);
        assert!(truth["updated_at"].as_i64().unwrap() > updated, "{to}");
        updated = truth["updated_at"].as_i64().unwrap();
    }
    let path = format!("/orders/shopee/{number}/advance");
    let (status, answer) = desk.tell_any(Method::POST, &path, json!({"to": "READY_TO_SHIP"})).await;
    assert_eq!(status, 409, "{answer}");
    desk.tell(Method::POST, &path, json!({"to": "READY_TO_SHIP", "force": true})).await;
    assert_eq!(desk.truth(&number).await["status"], "READY_TO_SHIP");
    assert_eq!(desk.tell_any(Method::POST, &path, json!({"to": "GONE"})).await.0, 422);
}

#[tokio::test]
async fn a_shipped_order_is_not_cancelled_by_the_seller() {
    let desk = desk(1).await;
    for status in ["UNPAID", "SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED", "CANCELLED"] {
        let number = desk.order(json!({"status": status})).await;
        assert_eq!(desk.detail(&number, "").await["can_full_cancel_order"], false, "{status}");
        let answer = desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
        assert_eq!(answer["error"], "order.error_limit", "{status}");
        assert_eq!(desk.truth(&number).await["status"], status);
    }
}

#[tokio::test]
async fn orders_of_the_platforms_warehouse_are_not_the_sellers_to_cancel() {
    let desk = desk(1).await;
    let number = desk.order(json!({"fulfilled_by": "fulfilled_by_shopee"})).await;
    let answer = desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
    assert_eq!(
        (&answer["error"], &answer["message"]),
        (&json!("order.error_param"), &json!("You can not cancel warehouse order."))
    );
}

#[tokio::test]
async fn reasons_are_taken_only_where_they_fit() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let cash = desk.order(json!({"cod": true})).await;
    let refused = [
        json!({"order_sn": number, "cancel_reason": "OUT_OF_STOCK"}),
        json!({"order_sn": number, "cancel_reason": "OUT_OF_STOCK", "item_list": [{"item_id": 1, "model_id": 0}]}),
        json!({"order_sn": number, "cancel_reason": "COD_NOT_SUPPORTED"}),
        json!({"order_sn": number, "cancel_reason": "PRICING_ERROR"}),
        json!({"order_sn": number}),
        json!({"cancel_reason": "CUSTOMER_REQUEST"}),
    ];
    for body in refused {
        assert_eq!(desk.cancel(body.clone()).await["error"], "error_param", "{body}");
    }
    let strange = desk.cancel(json!({"order_sn": "NOPE", "cancel_reason": "CUSTOMER_REQUEST"})).await;
    assert_eq!(strange["error"], "error_not_found");
    assert_eq!(desk.truth(&number).await["status"], "READY_TO_SHIP");
    assert_eq!(desk.cancel(json!({"order_sn": cash, "cancel_reason": "COD_NOT_SUPPORTED"})).await["error"], "");
    // The first shop is in Malaysia, where areas may be out of reach.
    assert_eq!(desk.cancel(json!({"order_sn": number, "cancel_reason": "UNDELIVERABLE_AREA"})).await["error"], "");
}

#[tokio::test]
async fn shipping_through_the_api_arranges_once() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let (_, parameter) = desk.get("/api/v2/logistics/get_shipping_parameter", &format!("order_sn={number}")).await;
    let address = &parameter["response"]["pickup"]["address_list"][0];
    let body = json!({"order_sn": number, "pickup": {"address_id": address["address_id"],
        "pickup_time_id": address["time_slot_list"][0]["pickup_time_id"]}});
    let (_, shipped) = desk.post("/api/v2/logistics/ship_order", body.clone()).await;
    assert_eq!((&shipped["error"], shipped.get("response")), (&json!(""), None));
    assert_eq!(desk.truth(&number).await["status"], "PROCESSED");
    let (_, again) = desk.post("/api/v2/logistics/ship_order", body).await;
    assert_eq!(again["error"], "logistics.package_already_shipped");
    let (_, tracking) = desk.get("/api/v2/logistics/get_tracking_number", &format!("order_sn={number}")).await;
    assert!(tracking["response"]["tracking_number"].as_str().unwrap().starts_with("SPXMY"));
    desk.advance(&number, "SHIPPED").await;
    let refused = desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
    assert_eq!(refused["error"], "order.error_limit");
}

#[tokio::test]
async fn a_split_order_is_shipped_package_by_package() {
    let desk = desk(1).await;
    let lines = json!([{"sku": "MUG-BLU"}, {"sku": "BOARD"}]);
    let number = desk.order(json!({"lines": lines, "packages": 2})).await;
    let packages = desk.truth(&number).await["packages"].clone();
    let (_, refused) = desk.post("/api/v2/logistics/ship_order", json!({"order_sn": number, "dropoff": {}})).await;
    assert_eq!(refused["error"], "logistics.ship_order_need_pacakge_number");
    for (place, status) in [(0, "READY_TO_SHIP"), (1, "PROCESSED")] {
        let body = json!({"order_sn": number, "package_number": packages[place]["number"], "dropoff": {}});
        assert_eq!(desk.post("/api/v2/logistics/ship_order", body).await.1["error"], "");
        assert_eq!(desk.truth(&number).await["status"], status);
    }
    let query = format!("package_number_list={}", packages[0]["number"].as_str().unwrap());
    let (_, detail) = desk.get("/api/v2/order/get_package_detail", &query).await;
    let package = &detail["response"]["package_list"][0];
    assert_eq!((&package["order_sn"], &package["is_shipment_arranged"]), (&json!(number), &json!(true)));
}

#[tokio::test]
async fn partial_cancels_need_the_switch_and_count_units() {
    let desk = desk(1).await;
    let number = desk.order(json!({"lines": [{"sku": "BOARD", "quantity": 3}]})).await;
    let detail = desk.detail(&number, "item_list").await;
    assert_eq!(detail["can_partial_cancel_order"], false);
    let item = detail["item_list"][0]["item_id"].clone();
    let body = json!({"order_sn": number, "cancel_reason": "OUT_OF_STOCK",
        "partial_cancel_item_list": [{"item_id": item, "model_id": 0, "model_quantity": 2}]});
    assert_eq!(desk.cancel(body.clone()).await["error"], "order.error_limit");
    desk.tell(Method::PUT, "/switches", json!({"shopee": {"partial_cancel": true}})).await;
    assert_eq!(desk.cancel(body.clone()).await["error"], "");
    let line = desk.detail(&number, "item_list").await["item_list"][0].clone();
    assert_eq!((&line["active_qty"], &line["cancelled_qty"]), (&json!(1), &json!(2)));
    assert_eq!(desk.truth(&number).await["status"], "READY_TO_SHIP");
    // Only one unit is left.
    assert_ne!(desk.cancel(body).await["error"], "");
}

#[tokio::test]
async fn a_cancel_can_settle_later_than_its_answer() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    desk.tell(Method::PUT, "/switches", json!({"shopee": {"cancel_settles_seconds": 60}})).await;
    let body = json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"});
    assert_eq!(desk.cancel(body.clone()).await["error"], "");
    assert_eq!(desk.truth(&number).await["status"], "READY_TO_SHIP");
    assert_eq!(desk.cancel(body).await["error"], "order.error_limit");
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 61})).await;
    let truth = desk.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("CANCELLED"), &json!("seller")));
}

#[tokio::test]
async fn a_held_order_is_shown_as_such_only_to_those_who_ask() {
    let desk = desk(1).await;
    let number = desk.order(json!({"status": "PENDING"})).await;
    assert_eq!(desk.detail(&number, "").await["order_status"], "READY_TO_SHIP");
    let query = format!("order_sn_list={number}&request_order_status_pending=true");
    let (_, body) = desk.get("/api/v2/order/get_order_detail", &query).await;
    let order = &body["response"]["order_list"][0];
    assert_eq!((&order["order_status"], &order["pending_terms"]), (&json!("PENDING"), &json!(["SYSTEM_PENDING"])));
    desk.advance(&number, "READY_TO_SHIP").await;
}

#[tokio::test]
async fn the_platforms_cancel_says_what_became_of_the_parcel() {
    let desk = desk(1).await;
    let cases = [
        ("READY_TO_SHIP", "", "LOGISTICS_INVALID"),
        ("PROCESSED", "", "LOGISTICS_PICKUP_FAILED"),
        ("SHIPPED", "", "LOGISTICS_DELIVERY_FAILED"),
        ("SHIPPED", "Parcel is Lost", "LOGISTICS_LOST"),
    ];
    for (from, reason, package) in cases {
        let number = desk.order(json!({"status": from, "shop": desk.shop_id})).await;
        let reason = if reason.is_empty() { Value::Null } else { json!(reason) };
        let body = json!({"to": "CANCELLED", "reason": reason, "shop": desk.shop_id});
        desk.tell(Method::POST, &format!("/orders/shopee/{number}/advance"), body).await;
        let truth = desk.truth(&number).await;
        assert_eq!((&truth["packages"][0]["status"], &truth["cancelled_by"]), (&json!(package), &json!("system")));
    }
}

#[tokio::test]
async fn calls_are_told_apart_by_shop() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    desk.detail(&number, "").await;
    let mine = desk.ask(&format!("/calls?shop={}&number={number}", desk.shop_id)).await;
    assert_eq!(mine["calls"].as_array().unwrap().len(), 1);
    assert_eq!(desk.ask("/calls?shop=1").await["calls"], json!([]));
}
