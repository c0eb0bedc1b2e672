//! Listings and their stock.

use serde_json::{Value, json};

use super::{Seller, seller};

async fn listing(seller: &Seller, sku: &str) -> Value {
    let stock = seller.desk.ask("/stock?platform=lazada").await;
    stock["stock"].as_array().unwrap().iter().find(|row| row["sku"] == sku).unwrap().clone()
}

fn payload(row: &Value, field: &str, units: i64) -> String {
    format!(
        "<Request><Product><Skus><Sku><ItemId>{}</ItemId><SkuId>{}</SkuId><{field}>{units}</{field}></Sku></Skus></Product></Request>",
        row["item_id"], row["sku_id"]
    )
}

#[tokio::test]
async fn units_of_open_orders_are_counted_beside_those_for_sale() {
    let seller = seller(1).await;
    let before = listing(&seller, "BOARD").await;
    let number = seller.order(json!({"status": "unpaid", "lines": [{"sku": "BOARD"}]})).await;
    let counts = async || {
        let row = listing(&seller, "BOARD").await;
        ["available", "withheld", "occupied"].map(|name| row[name].as_i64().unwrap() - before[name].as_i64().unwrap())
    };
    assert_eq!(counts().await, [-1, 1, 0]);
    seller.advance(&number, "pending").await;
    assert_eq!(counts().await, [-1, 0, 1]);
    seller.advance(&number, "packed").await;
    assert_eq!(counts().await, [-1, 0, 1]);
    seller.advance(&number, "ready_to_ship").await;
    assert_eq!(counts().await, [-1, 0, 0]);
    // After ready to ship nothing comes back by itself.
    seller.cancel(&number, &[0], "System Error").await;
    assert_eq!(counts().await, [-1, 0, 0]);
    let other = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    seller.cancel(&other, &[0], "System Error").await;
    assert_eq!(counts().await, [-1, 0, 0]);
}

#[tokio::test]
async fn sellable_units_are_set_adjusted_and_read() {
    let seller = seller(1).await;
    seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    let row = listing(&seller, "BOARD").await;
    let set =
        seller.post("/product/stock/sellable/update", &[("payload", &payload(&row, "SellableQuantity", 7))]).await;
    assert_eq!((&set["code"], &set["data"]), (&json!("0"), &json!({})));
    let adjusted =
        seller.post("/product/stock/sellable/adjust", &[("payload", &payload(&row, "SellableQuantity", -3))]).await;
    assert_eq!(adjusted["code"], "0");
    assert_eq!(seller.stock("BOARD").await, 4);
    let item = seller.get("/product/item/get", &[("item_id", &row["item_id"].to_string())]).await;
    let sku = &item["data"]["skus"][0];
    assert_eq!((&sku["SellerSku"], &sku["Available"]), (&json!("BOARD"), &json!(4)));
    let warehouse = &sku["multiWarehouseInventories"][0];
    let open = row["withheld"].as_i64().unwrap() + row["occupied"].as_i64().unwrap();
    assert_eq!((&warehouse["sellableQuantity"], &warehouse["totalQuantity"]), (&json!(4), &json!(4 + open)));

    let total = payload(&row, "Quantity", 9 + open);
    assert_eq!(seller.post("/product/price_quantity/update", &[("payload", &total)]).await["code"], "0");
    assert_eq!(seller.stock("BOARD").await, 9);
    let listed = seller.get("/products/get", &[("limit", "50"), ("sku_seller_list", "[\"BOARD\"]")]).await;
    assert_eq!(listed["data"]["total_products"], 1);
}

#[tokio::test]
async fn wrong_stock_calls_are_refused_and_change_nothing() {
    let seller = seller(1).await;
    seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    let row = listing(&seller, "BOARD").await;
    let stock = seller.stock("BOARD").await;
    let many = "<Sku><ItemId>1</ItemId></Sku>".repeat(51);
    for (path, body, code) in [
        ("/product/stock/sellable/update", String::new(), "MissingParameter"),
        ("/product/stock/sellable/update", "nonsense".to_owned(), "5"),
        ("/product/stock/sellable/update", "<Request><Product><Skus></Skus></Product></Request>".to_owned(), "30"),
        (
            "/product/stock/sellable/update",
            format!("<Request><Product><Skus>{many}</Skus></Product></Request>"),
            "4171",
        ),
        ("/product/stock/sellable/update", payload(&json!({"item_id": 1, "sku_id": 2}), "SellableQuantity", 1), "501"),
        ("/product/stock/sellable/update", payload(&row, "SellableQuantity", -1), "212"),
        ("/product/stock/sellable/adjust", payload(&row, "SellableQuantity", -9_999), "212"),
        // Fewer in all than open orders hold.
        ("/product/price_quantity/update", payload(&row, "Quantity", 0), "501"),
    ] {
        let answer = seller.post(path, &[("payload", &body)]).await;
        assert_eq!(answer["code"], code, "{body}: {answer}");
        if code == "501" {
            assert!(answer["detail"][0]["message"].is_string(), "{answer}");
        }
    }
    assert_eq!(seller.stock("BOARD").await, stock);
    assert_eq!(seller.get("/product/item/get", &[("item_id", "1")]).await["code"], "208");
}
