//! The seller cancels, buyers ask, and what becomes of parcels and deadlines.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, DECIDE, VALIDATE, seller};

#[tokio::test]
async fn a_whole_order_is_cancelled_with_any_of_the_eight_reasons() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let list = seller.item_list(&number, &[0, 1]).await;
    let checked = seller.get(VALIDATE, &[("order_id", &number), ("order_item_id_list", &list)]).await;
    assert_eq!(checked["data"]["tip_type"], "warning");
    let names: Vec<String> = checked["data"]["reason_options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| option["reason_name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 8);
    for name in names {
        let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
        assert_eq!(seller.cancel(&number, &[0], &name).await["data"]["tip_type"], "success", "{name}");
        let truth = seller.truth(&number).await;
        assert_eq!(
            (&truth["status"], &truth["cancelled_by"], &truth["cancel_reason"]),
            (&json!("canceled"), &json!("seller"), &json!(name))
        );
    }
    let item = seller.items(&number).await.remove(0);
    assert_eq!((&item["status"], &item["cancel_return_initiator"]), (&json!("pending"), &json!("null-null")));
}

#[tokio::test]
async fn the_ids_of_undocumented_reasons_differ_from_order_to_order() {
    let seller = seller(1).await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let number = seller.order(json!({})).await;
        let list = seller.item_list(&number, &[0]).await;
        assert_eq!(seller.reason_id(&number, &list, "Out of Stock").await.as_deref(), Some("10000021"));
        ids.insert(seller.reason_id(&number, &list, "Duplicate order").await.unwrap());
    }
    assert!(ids.len() > 1, "{ids:?}");
}

#[tokio::test]
async fn only_offered_reasons_are_taken() {
    let seller = seller(1).await;
    seller.switches(json!({"reasons": ["Out of Stock", "Sourcing Delay"]})).await;
    let number = seller.order(json!({})).await;
    let list = seller.item_list(&number, &[0]).await;
    assert_eq!(seller.reason_id(&number, &list, "Wrong Price or Pricing Error").await, None);
    for id in ["10000023", "7", ""] {
        assert_eq!(seller.create(&number, &list, id).await["code"], "104", "{id}");
    }
    assert_eq!(seller.create(&number, &list, "10000019").await["code"], "0");
}

#[tokio::test]
async fn chosen_pending_items_are_cancelled_alone() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let before = seller.stock("MUG-BLU").await;
    assert_eq!(seller.cancel(&number, &[1], "System Error").await["code"], "0");
    assert_eq!(seller.statuses(&number).await, ["pending", "canceled"]);
    assert_eq!(seller.stock("MUG-BLU").await, before + 1);
    let head = seller.get("/order/get", &[("order_id", &number)]).await;
    assert_eq!(head["data"]["statuses"], json!(["pending", "canceled"]));
    let again = seller.cancel(&number, &[1], "System Error").await;
    assert_eq!((&again["code"], &again["data"]["tip_type"]), (&json!("0"), &json!("error")));
}

#[tokio::test]
async fn a_packed_parcel_goes_as_a_whole_unless_it_is_undone_first() {
    let seller = seller(1).await;
    let number = seller.order(json!({"status": "packed"})).await;
    seller.cancel(&number, &[0], "System Error").await;
    assert_eq!(seller.statuses(&number).await, ["canceled", "canceled"]);

    let apart = seller.order(json!({"status": "packed", "packages": 2})).await;
    seller.cancel(&apart, &[0], "System Error").await;
    assert_eq!(seller.statuses(&apart).await, ["canceled", "packed"]);

    let undone = seller.order(json!({"status": "packed"})).await;
    let package = seller.truth(&undone).await["packages"][0]["number"].clone();
    let repack = json!({"packages": [{"package_id": package}]}).to_string();
    let answer = seller.post("/order/package/repack", &[("rePackReq", &repack)]).await;
    assert_eq!(answer["result"]["data"]["packages"][0]["item_err_code"], "0");
    seller.cancel(&undone, &[0], "System Error").await;
    assert_eq!(seller.statuses(&undone).await, ["canceled", "repacked"]);

    seller.switches(json!({"siblings": "pending"})).await;
    let rolled_back = seller.order(json!({"status": "packed"})).await;
    seller.cancel(&rolled_back, &[0], "System Error").await;
    assert_eq!(seller.statuses(&rolled_back).await, ["canceled", "pending"]);
    let ready = seller.order(json!({"status": "ready_to_ship"})).await;
    seller.cancel(&ready, &[0], "System Error").await;
    assert_eq!(seller.statuses(&ready).await, ["canceled", "canceled"]);
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_refused_with_code_zero() {
    let seller = seller(1).await;
    for status in ["unpaid", "shipped", "delivered", "confirmed", "failed_delivery", "canceled"] {
        let number = seller.order(json!({"status": status})).await;
        let list = seller.item_list(&number, &[0]).await;
        for answer in [
            seller.get(VALIDATE, &[("order_id", &number), ("order_item_id_list", &list)]).await,
            seller.create(&number, &list, "10000021").await,
        ] {
            assert_eq!((&answer["code"], &answer["data"]["tip_type"]), (&json!("0"), &json!("error")), "{status}");
        }
        assert_eq!(seller.statuses(&number).await[0], status);
    }
    for fulfilled_by in ["fbl", "digital"] {
        let number = seller.order(json!({"fulfilled_by": fulfilled_by})).await;
        assert_eq!(seller.cancel(&number, &[0], "System Error").await["data"]["tip_type"], "error");
    }
    for (status, tip) in [("ready_to_ship_pending", "success"), ("ready_to_ship", "success"), ("repacked", "success")] {
        let number = seller.order(json!({"status": status})).await;
        assert_eq!(seller.cancel(&number, &[0, 1], "System Error").await["data"]["tip_type"], tip, "{status}");
    }
    seller.switches(json!({"cancel_ready_to_ship": false})).await;
    let number = seller.order(json!({"status": "ready_to_ship"})).await;
    assert_eq!(seller.cancel(&number, &[0], "System Error").await["data"]["tip_type"], "error");
}

#[tokio::test]
async fn wrong_orders_and_items_have_errors_of_their_own() {
    let seller = seller(1).await;
    let (number, other) = (seller.order(json!({})).await, seller.order(json!({})).await);
    let mine = seller.item_list(&number, &[0]).await;
    let others = seller.item_list(&other, &[0]).await;
    let shop = seller.desk.tell(Method::POST, "/shops", json!({"platform": "lazada", "orders": 5})).await;
    let path = format!("/orders?platform=lazada&shop={}", shop["shop"].as_str().unwrap());
    let orders = seller.desk.ask(&path).await["orders"].clone();
    let stranger = json!([orders[4]["lines"][0]["id"]]).to_string();
    for (order, list, code) in [
        ("", mine.as_str(), "115"),
        ("42", &mine, "122"),
        (&number, "", "102"),
        (&number, "[]", "102"),
        (&number, "x", "102"),
        (&number, "[\"x\"]", "102"),
        (&number, &others, "123"),
        (&number, "[42]", "123"),
        (&number, &stranger, "124"),
    ] {
        let parameters = [("order_id", order), ("order_item_id_list", list), ("reason_id", "10000021")];
        let parameters: Vec<(&str, &str)> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        for path in [VALIDATE, CREATE] {
            let answer = seller.get(path, &parameters).await;
            assert_eq!(answer["code"], code, "{path} {order} {list}: {answer}");
            assert!(answer["message"].as_str().unwrap().starts_with(&format!("E0{code}")));
        }
    }
    // Numbers and texts are both taken.
    let numbers = mine.replace('"', "");
    assert_eq!(seller.create(&number, &numbers, "10000019").await["code"], "0");
}

#[tokio::test]
async fn out_of_stock_and_wrong_price_set_the_listing_to_zero() {
    let seller = seller(1).await;
    for reason in ["Out of Stock", "Wrong Price or Pricing Error"] {
        seller.desk.tell(Method::PUT, "/stock", json!({"platform": "lazada", "sku": "MUG-BLU", "available": 9})).await;
        let number = seller.order(json!({"lines": [{"sku": "MUG-BLU"}, {"sku": "BOARD"}]})).await;
        let board = seller.stock("BOARD").await;
        seller.cancel(&number, &[0], reason).await;
        assert_eq!((seller.stock("MUG-BLU").await, seller.stock("BOARD").await), (0, board), "{reason}");
    }
    seller.switches(json!({"zero_stock": false})).await;
    let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    let board = seller.stock("BOARD").await;
    seller.cancel(&number, &[0], "Out of Stock").await;
    assert_eq!(seller.stock("BOARD").await, board + 1);
}

#[tokio::test]
async fn the_older_cancel_takes_one_item_and_ids_of_its_own() {
    let seller = seller(1).await;
    let reasons = seller.get("/order/failure_reason/get", &[]).await["data"].clone();
    assert_eq!(reasons[0], json!({"reason_id": 15, "type": "canceled", "name": "Out of Stock"}));
    let number = seller.order(json!({})).await;
    let item = seller.truth(&number).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let cancel = |item: &str, reason: &str| {
        let (item, reason) = (item.to_owned(), reason.to_owned());
        let seller = &seller;
        async move {
            let parameters = [
                ("order_item_id", item.as_str()),
                ("reason_id", reason.as_str()),
                ("reason_detail", "สินค้าหมด stock 0"),
            ];
            seller.post("/order/cancel", &parameters).await
        }
    };
    assert_eq!(cancel("42", "15").await["code"], "20");
    assert_eq!(cancel(&item, "10000021").await["code"], "22");
    let taken = cancel(&item, "15").await;
    assert_eq!((&taken["code"], &taken["success"]), (&json!("0"), &json!(true)));
    assert_eq!(seller.statuses(&number).await, ["canceled", "pending"]);
    assert_eq!(cancel(&item, "15").await["code"], "28");
    seller.switches(json!({"legacy": false})).await;
    assert_eq!(cancel(&item, "15").await["code"], "InvalidApi");
}

#[tokio::test]
async fn before_it_is_ready_the_buyer_cancels_at_once() {
    let seller = seller(1).await;
    for status in ["unpaid", "pending", "packed", "repacked"] {
        let number = seller.order(json!({"status": status})).await;
        seller.buyer(&number, "buyer-cancel", json!({"reason": "Duplicate order"})).await;
        let item = seller.items(&number).await.remove(0);
        assert_eq!(
            (&item["status"], &item["cancel_return_initiator"], &item["reason"]),
            (&json!("canceled"), &json!("cancellation-customer"), &json!("Duplicate order")),
            "{status}"
        );
    }
    let number = seller.order(json!({"status": "shipped"})).await;
    assert_eq!(seller.buyer(&number, "buyer-cancel", json!({})).await.0, 409);
}

#[tokio::test]
async fn when_it_is_ready_the_buyer_asks_and_the_seller_answers() {
    let seller = seller(1).await;
    for (agree, statuses, word) in
        [("true", "canceled", "CANCEL_SUCCESS"), ("false", "ready_to_ship", "REQUEST_REJECT")]
    {
        let number = seller.order(json!({"status": "ready_to_ship"})).await;
        seller.buyer(&number, "buyer-cancel", json!({"reason": "Change of mind"})).await;
        let item = seller.items(&number).await.remove(0);
        assert_eq!((&item["status"], &item["need_cancel_confirm"]), (&json!("ready_to_ship"), &json!(true)));
        let until = item["cancel_trigger_time"].as_i64().unwrap() / 1_000;
        assert!((86_000..=86_400).contains(&(until - seller.desk.now().await)));
        let refused = seller.cancel(&number, &[0], "System Error").await;
        assert_eq!(refused["data"]["tip_type"], "error");

        let reverse = item["reverse_order_id"].to_string();
        let listed = seller
            .get(
                "/reverse/getreverseordersforseller",
                &[("page_no", "1"), ("page_size", "10"), ("trade_order_id", &number)],
            )
            .await;
        let waiting = &listed["result"]["items"][0]["reverse_order_lines"][0];
        assert_eq!(waiting["reverse_status"], "REQUEST_INITIATE");
        let line = waiting["reverse_order_line_id"].to_string();
        let reasons = seller.get("/order/reverse/reason/list", &[("reverse_order_line_id", &line)]).await;
        assert_eq!(reasons["data"].as_array().unwrap().len(), 3, "{reasons}");
        let decided = seller.get(DECIDE, &[("reverse_order_id", &reverse), ("agree_cancel", agree)]).await;
        assert_eq!(decided["code"], "0", "{decided}");
        assert_eq!(seller.statuses(&number).await, [statuses, statuses]);
        let again = seller.get(DECIDE, &[("reverse_order_id", &reverse), ("agree_cancel", agree)]).await;
        assert_eq!(again["code"], "131");
        let listed = seller
            .get(
                "/reverse/getreverseordersforseller",
                &[("page_no", "1"), ("page_size", "10"), ("reverse_order_id", &reverse)],
            )
            .await;
        assert_eq!(listed["result"]["items"][0]["reverse_order_lines"][1]["reverse_status"], word);
        let item = seller.items(&number).await.remove(0);
        assert_eq!(item["need_cancel_confirm"], false);
    }
    let unknown = seller.get(DECIDE, &[("reverse_order_id", "42"), ("agree_cancel", "true")]).await;
    assert_eq!(unknown["code"], "105");
    let unknown = seller.get("/order/reverse/reason/list", &[("reverse_order_line_id", "42")]).await;
    assert_eq!(unknown["code"], "105");
}

#[tokio::test]
async fn an_agreed_cancel_can_wait_for_the_carrier() {
    let seller = seller(1).await;
    seller.switches(json!({"agreed_settles_seconds": 600})).await;
    let number = seller.order(json!({"status": "ready_to_ship"})).await;
    seller.buyer(&number, "buyer-cancel", json!({})).await;
    let reverse = seller.items(&number).await[0]["reverse_order_id"].to_string();
    seller.get(DECIDE, &[("reverse_order_id", &reverse), ("agree_cancel", "true")]).await;
    let item = seller.items(&number).await.remove(0);
    assert_eq!((&item["is_cancel_pending"], &item["need_cancel_confirm"]), (&json!(true), &json!(false)));
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 601})).await;
    let truth = seller.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("canceled"), &json!("buyer")));
}

#[tokio::test]
async fn a_request_taken_back_leaves_the_order_and_silence_accepts_it() {
    let seller = seller(1).await;
    let number = seller.order(json!({"status": "ready_to_ship"})).await;
    seller.buyer(&number, "buyer-cancel", json!({})).await;
    assert_eq!(seller.buyer(&number, "buyer-cancel", json!({})).await.0, 409);
    seller.buyer(&number, "buyer-withdraw", json!({})).await;
    assert_eq!(seller.buyer(&number, "buyer-withdraw", json!({})).await.0, 409);
    assert_eq!(seller.items(&number).await[0]["need_cancel_confirm"], false);
    seller.buyer(&number, "buyer-cancel", json!({})).await;
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 86_401})).await;
    let truth = seller.truth(&number).await;
    assert_eq!((&truth["status"], &truth["cancelled_by"]), (&json!("canceled"), &json!("buyer")));
}

#[tokio::test]
async fn unpaid_and_unpacked_orders_are_cancelled_by_lazada_in_time() {
    let seller = seller(1).await;
    let unpaid = seller.order(json!({"status": "unpaid"})).await;
    let unpacked = seller.order(json!({})).await;
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 1_801})).await;
    let truth = seller.truth(&unpaid).await;
    assert_eq!(
        (&truth["cancelled_by"], &truth["cancel_reason"]),
        (&json!("system"), &json!("Payment unsuccessful - payment time out"))
    );
    assert_eq!(seller.statuses(&unpacked).await, ["pending", "pending"]);
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 7 * 86_400})).await;
    assert_eq!(seller.truth(&unpacked).await["cancel_reason"], "Seller did not ship in time");
}

#[tokio::test]
async fn a_cancel_can_settle_later_than_its_answer() {
    let seller = seller(1).await;
    seller.switches(json!({"cancel_settles_seconds": 60})).await;
    let number = seller.order(json!({})).await;
    assert_eq!(seller.cancel(&number, &[0], "System Error").await["data"]["tip_type"], "success");
    assert_eq!(seller.statuses(&number).await, ["pending", "pending"]);
    assert_eq!(seller.cancel(&number, &[0], "System Error").await["data"]["tip_type"], "error");
    assert_eq!(seller.cancel(&number, &[1], "System Error").await["data"]["tip_type"], "success");
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 61})).await;
    assert_eq!(seller.statuses(&number).await, ["canceled", "canceled"]);
}

#[tokio::test]
async fn with_repeats_on_a_second_cancel_shows_as_a_change() {
    let seller = seller(1).await;
    let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    let list = seller.item_list(&number, &[0]).await;
    let changes = async || -> Vec<Value> {
        let calls = seller.desk.ask(&format!("/calls?platform=lazada&number={number}")).await;
        let calls = calls["calls"].as_array().unwrap().clone();
        calls.into_iter().filter(|call| call["changed"] == true).collect()
    };
    seller.create(&number, &list, "10000019").await;
    seller.create(&number, &list, "10000019").await;
    assert_eq!(changes().await.len(), 1);
    let stock = seller.stock("BOARD").await;
    seller.desk.tell(Method::PUT, "/switches", json!({"accept_repeats": true})).await;
    assert_eq!(seller.create(&number, &list, "10000019").await["data"]["tip_type"], "success");
    assert_eq!(changes().await.len(), 2);
    // Its unit is not offered twice.
    assert_eq!(seller.stock("BOARD").await, stock);
}
