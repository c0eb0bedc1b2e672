//! Lists, heads and items; the life of an order; packing.

use reqwest::Method;
use serde_json::{Value, json};

use super::seller;

fn ids(list: &Value) -> Vec<String> {
    list["data"]["orders"].as_array().unwrap().iter().map(|order| order["order_id"].to_string()).collect()
}

#[tokio::test]
async fn a_list_is_paged_by_offset_in_the_order_that_is_asked_for() {
    let seller = seller(230).await;
    let after = "2020-01-01T00:00:00+08:00";
    let mut listed = Vec::new();
    for offset in ["0", "100", "200"] {
        let parameters = [
            ("update_after", after),
            ("sort_by", "updated_at"),
            ("sort_direction", "ASC"),
            ("limit", "100"),
            ("offset", offset),
        ];
        let page = seller.get("/orders/get", &parameters).await;
        assert_eq!(page["data"]["countTotal"], 230);
        assert_eq!(page["data"]["count"].as_u64().unwrap() as usize, ids(&page).len());
        let times: Vec<&str> = page["data"]["orders"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["updated_at"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        assert!(times[0].ends_with(" +0800"), "{times:?}");
        listed.extend(ids(&page));
    }
    let mut numbers: Vec<String> = seller.desk.ask("/orders?platform=lazada").await["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["number"].as_str().unwrap().to_owned())
        .collect();
    numbers.sort();
    listed.sort();
    assert_eq!(listed, numbers);
}

#[tokio::test]
async fn bounds_filters_and_faults_of_a_list_are_the_sheet_s() {
    let seller = seller(60).await;
    let number = seller.order(json!({"status": "repacked"})).await;
    let updated = seller.truth(&number).await["updated_at"].as_i64().unwrap();
    let iso = |at: i64| jiff::Timestamp::from_second(at).unwrap().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let within = [("update_after", iso(updated)), ("update_before", iso(updated)), ("status", "topack".to_owned())];
    let within: Vec<(&str, &str)> = within.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(ids(&seller.get("/orders/get", &within).await).contains(&number));
    let later = iso(updated + 1);
    assert!(!ids(&seller.get("/orders/get", &[("update_after", &later)]).await).contains(&number));

    let after = ("created_after", "2020-01-01T00:00:00+08:00");
    let packed = seller.get("/orders/get", &[after, ("status", "packed")]).await;
    assert!(!ids(&packed).is_empty());
    for order in packed["data"]["orders"].as_array().unwrap() {
        assert!(order["statuses"].as_array().unwrap().contains(&json!("packed")));
    }
    for (parameters, code) in [
        (vec![], "MissingParameter"),
        (vec![("created_after", "2026-01-02T00:00:00.000Z")], "17"),
        (vec![("created_after", "yesterday")], "17"),
        (vec![after, ("limit", "101")], "19"),
        (vec![after, ("limit", "0")], "19"),
        (vec![after, ("offset", "-1")], "14"),
        (vec![after, ("offset", "5001")], "14"),
        (vec![after, ("offset", "4950"), ("limit", "100")], "97"),
        (vec![after, ("status", "nonsense")], "36"),
        (vec![after, ("sort_by", "price")], "75"),
        (vec![after, ("sort_direction", "UP")], "74"),
    ] {
        assert_eq!(seller.get("/orders/get", &parameters).await["code"], code, "{parameters:?}");
    }
}

#[tokio::test]
async fn items_are_units_and_come_by_order_or_for_many() {
    let seller = seller(1).await;
    let one = seller.order(json!({"lines": [{"sku": "MUG-BLU", "quantity": 3}], "status": "packed"})).await;
    let two = seller.order(json!({"lines": [{"sku": "BOARD"}], "cod": true})).await;
    let items = seller.items(&one).await;
    assert_eq!(items.len(), 3);
    for item in &items {
        assert_eq!((&item["sku"], &item["status"]), (&json!("MUG-BLU"), &json!("packed")));
        assert!(item.get("quantity").is_none());
        assert!(item["package_id"].as_str().unwrap().starts_with("FP"));
        assert!(item["tracking_code"].as_str().unwrap().starts_with("LEXMYO"));
    }
    let unique: std::collections::BTreeSet<String> =
        items.iter().map(|item| item["order_item_id"].to_string()).collect();
    assert_eq!(unique.len(), 3);

    let many = seller.get("/orders/items/get", &[("order_ids", &format!("[{one},42,{two},{one}]"))]).await;
    let rows = many["data"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["order_id"].to_string()).collect::<Vec<_>>(), [one.clone(), two.clone()]);
    assert_eq!(rows[0]["order_items"].as_array().unwrap().len(), 3);
    let head = seller.get("/order/get", &[("order_id", &two)]).await["data"].clone();
    assert_eq!((&head["payment_method"], &head["items_count"]), (&json!("COD"), &json!(1)));
    assert!(head["price"].as_str().unwrap().contains('.'));

    for (list, code) in [("[42]", "39"), ("[\"x\"]", "37"), ("42", "56"), ("x", "56"), ("", "MissingParameter")] {
        let answer = seller.get("/orders/items/get", &[("order_ids", list)]).await;
        assert_eq!(answer["code"], code, "{list}");
    }
    let too_many = format!("[{}]", vec!["1"; 51].join(","));
    assert_eq!(seller.get("/orders/items/get", &[("order_ids", &too_many)]).await["code"], "38");
    for path in ["/order/get", "/order/items/get"] {
        let answer = seller.get(path, &[("order_id", "42")]).await;
        assert_eq!((&answer["code"], &answer["message"]), (&json!("16"), &json!("E016: \"42\" Invalid Order ID")));
    }
}

#[tokio::test]
async fn the_order_s_own_statuses_can_be_months_old() {
    let seller = seller(1).await;
    seller.switches(json!({"frozen_order_statuses": true})).await;
    let number = seller.order(json!({})).await;
    let head = seller.get("/order/get", &[("order_id", &number)]).await;
    assert_eq!(head["data"]["statuses"], json!(["confirmed"]));
    assert_eq!(seller.items(&number).await[0]["status"], "pending");
}

#[tokio::test]
async fn an_order_goes_its_lawful_way_and_no_other_unless_forced() {
    let seller = seller(1).await;
    let number = seller.order(json!({"status": "unpaid"})).await;
    let mut updated = 0;
    for to in [
        "pending",
        "packed",
        "repacked",
        "packed",
        "ready_to_ship_pending",
        "ready_to_ship",
        "shipped",
        "delivered",
        "confirmed",
    ] {
        seller.advance(&number, to).await;
        let truth = seller.truth(&number).await;
        assert_eq!(truth["status"], to);
        assert!(truth["updated_at"].as_i64().unwrap() > updated, "{to}");
        updated = truth["updated_at"].as_i64().unwrap();
    }
    let path = format!("/orders/lazada/{number}/advance");
    let (status, answer) = seller.desk.tell_any(Method::POST, &path, json!({"to": "pending"})).await;
    assert_eq!(status, 409, "{answer}");
    seller.desk.tell(Method::POST, &path, json!({"to": "pending", "force": true})).await;
    assert_eq!(seller.statuses(&number).await, ["pending", "pending"]);
    assert_eq!(seller.desk.tell_any(Method::POST, &path, json!({"to": "GONE"})).await.0, 422);
    seller.advance(&number, "canceled").await;
    assert_eq!(seller.truth(&number).await["cancelled_by"], "system");
}

#[tokio::test]
async fn items_are_packed_and_made_ready_parcel_by_parcel() {
    let seller = seller(1).await;
    let number = seller.order(json!({"lines": [{"sku": "MUG-BLU", "quantity": 3}]})).await;
    let ids: Vec<i64> =
        seller.items(&number).await.iter().map(|item| item["order_item_id"].as_i64().unwrap()).collect();
    let pack = async |items: &[i64]| {
        let request = json!({"pack_order_list": [{"order_id": number.parse::<i64>().unwrap(), "order_item_list": items}],
            "delivery_type": "dropship", "shipping_allocate_type": "TFS"});
        seller.post("/order/fulfill/pack", &[("packReq", &request.to_string())]).await["result"].clone()
    };
    let packed = pack(&ids[..2]).await;
    let rows = &packed["data"]["pack_order_list"][0]["order_item_list"];
    assert_eq!((&rows[0]["item_err_code"], &rows[0]["package_id"]), (&json!("0"), &rows[1]["package_id"]));
    assert_eq!(seller.statuses(&number).await, ["packed", "packed", "pending"]);
    let again = pack(&[ids[0], 42]).await;
    let rows = &again["data"]["pack_order_list"][0]["order_item_list"];
    assert_eq!((&rows[0]["item_err_code"], &rows[1]["item_err_code"]), (&json!("700026"), &json!("700025")));

    let package = packed["data"]["pack_order_list"][0]["order_item_list"][0]["package_id"].clone();
    let ready = json!({"packages": [{"package_id": package}, {"package_id": "FP1"}]}).to_string();
    let answer = seller.post("/order/package/rts", &[("readyToShipReq", &ready)]).await;
    let rows = &answer["result"]["data"]["packages"];
    assert_eq!((&rows[0]["item_err_code"], &rows[1]["item_err_code"]), (&json!("0"), &json!("600001")));
    assert_eq!(seller.statuses(&number).await, ["ready_to_ship", "ready_to_ship", "pending"]);
    let calls = seller.desk.ask(&format!("/calls?platform=lazada&number={number}")).await;
    let paths: Vec<&Value> = calls["calls"].as_array().unwrap().iter().map(|call| &call["path"]).collect();
    assert!(paths.contains(&&json!("/rest/order/package/rts")), "{paths:?}");

    let item = json!([ids[2]]).to_string();
    let legacy = seller
        .post(
            "/order/pack",
            &[("order_item_ids", &item), ("shipping_provider", "LEX MY"), ("delivery_type", "dropship")],
        )
        .await;
    assert!(legacy["data"]["order_items"][0]["tracking_number"].is_string(), "{legacy}");
    let legacy = seller.post("/order/rts", &[("order_item_ids", &item), ("delivery_type", "dropship")]).await;
    assert_eq!(legacy["code"], "0");
    assert_eq!(seller.truth(&number).await["status"], "ready_to_ship");
}

#[tokio::test]
async fn a_second_shop_may_know_an_order_by_the_same_number() {
    let seller = seller(20).await;
    let shop = seller.desk.tell(Method::POST, "/shops", json!({"platform": "lazada", "orders": 20})).await;
    let orders =
        async |shop: &str| seller.desk.ask(&format!("/orders?platform=lazada&shop={shop}")).await["orders"].clone();
    let (mine, other) = (orders(&seller.seller_id).await, orders(shop["shop"].as_str().unwrap()).await);
    let number = mine[0]["number"].as_str().unwrap();
    assert_eq!(other[0]["number"], number);
    assert_ne!(other[0]["lines"][0]["id"], mine[0]["lines"][0]["id"]);
    let items = seller.items(number).await;
    assert_eq!(items[0]["order_item_id"].to_string(), mine[0]["lines"][0]["id"].as_str().unwrap());
}
