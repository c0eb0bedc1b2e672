//! Canceled orders stock in by file: over the API, and pasted into the page.

use super::stock_ins::parcels_that_come_back;
use crate::desk::{Answer, Desk};
use crate::pages::{Browser, field};
use countermand::sheets::Sheet;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::trial::Trial;

const PATH: &str = "/api/v1/stock-ins/import";

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("text")
}

async fn import(desk: &Desk, query: &str, table: &str) -> Answer {
    desk.ask(Method::POST, &desk.owner, &format!("{PATH}{query}"), &[], table.to_owned()).await
}

fn waits(order: &Value) -> u64 {
    order["units"].as_u64().expect("units")
}

/// Units of these orders that still wait.
async fn left(desk: &Desk, orders: &[Value]) -> Vec<u32> {
    let mut left = Vec::new();
    for order in orders {
        let id = domain::ids::OrderId::parse(text(order, "order_id")).expect("an id");
        left.push(desk.world.order(&id).await.returning());
    }
    left
}

on_both! {
    async fn a_file_stocks_in_what_its_rows_say_and_tells_what_became_of_each_order(trial) {
        let desk = Desk::without_workers(trial, 80).await;
        let orders = parcels_that_come_back(&desk, 4).await;
        let first = &orders[0]["lines"][0];
        let (sku, expected) = (text(first, "merchant_sku"), first["expected"].as_u64().expect("units"));
        // One by its SKU, one whole by its number, one whole by our id, one that is not named.
        let table = format!(
            "Order,SKU,Expected,Sellable,Defective\n{},{sku},{expected},,1\n{},,,,\n{},,,,\n",
            text(&orders[0], "number"), text(&orders[1], "number"), text(&orders[2], "order_id"),
        );
        let key = [("idempotency-key", "file 1")];
        let path = format!("{PATH}?note=van");
        let done = desk.ask(Method::POST, &desk.owner, &path, &key, table.clone()).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let told = done.json();
        let units: Vec<u64> = told["stocked_in"].as_array().expect("a list").iter().map(|it| it["units"].as_u64().expect("units")).collect();
        assert_eq!(units, [1, waits(&orders[1]), waits(&orders[2])], "{told}");
        assert_eq!(told["skipped"], json!([]));
        let again = desk.ask(Method::POST, &desk.owner, &path, &key, table.clone()).await;
        assert_eq!((again.status, &again.text), (done.status, &done.text), "the same file sent again");
        let rest = [waits(&orders[0]) - 1, 0, 0, waits(&orders[3])].map(|units| u32::try_from(units).expect("few"));
        assert_eq!(left(&desk, &orders).await, rest);
        let defective = desk.read(&format!("/api/v1/stock?sku={sku}&warehouse=whs_1")).await;
        assert_eq!(defective["stock"][0]["defective"], 1, "{defective}");
        // What is back already is told by its order, and the others are taken all the same.
        let mixed = format!("order\n{}\n{}\n", text(&orders[1], "number"), text(&orders[3], "number"));
        let mixed = import(&desk, "?warehouse=whs_1", &mixed).await.json();
        assert_eq!((&mixed["skipped"][0]["code"], &mixed["stocked_in"][0]["order_id"]), (&json!("nothing_returning"), &orders[3]["order_id"]), "{mixed}");
        desk.world.ledger_is_proven().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_while_a_row_is_wrong_and_every_wrong_row_is_told() {
    let desk = Desk::without_workers(Trial::sqlite().await, 80).await;
    let orders = parcels_that_come_back(&desk, 4).await;
    let before = left(&desk, &orders).await;
    let number = |place: usize| text(&orders[place], "number");
    let sku = |place: usize| text(&orders[place]["lines"][0], "merchant_sku");
    let table = format!(
        "order,sku,expected,sellable,missing\n\
         {},,,,\n\
         NO-SUCH-ORDER,,,,\n\
         {},{},,many,\n\
         {},NO SUCH SKU,,1,\n\
         {},,,2,\n\
         {},{},,9999,\n\
         {},,,,\n\
         {},{},77,1,\n",
        number(0),
        number(1),
        sku(1),
        number(1),
        number(1),
        number(2),
        sku(2),
        number(0),
        number(3),
        sku(3),
    );
    let refused = import(&desk, "", &table).await.is_problem(422, "invalid_table", "a table with wrong rows");
    for words in [
        "row 3, column “order”: there is no order NO-SUCH-ORDER",
        "row 4, column “sellable”: “many” is no whole number of units",
        "has no “NO SUCH SKU”",
        "row 6, column “sku”: write of which SKU these units are",
        "row 7, column “sku”",
        "row 8, column “sku”: order",
        "row 9, column “expected”: 77 units were expected",
    ] {
        assert!(text(&refused, "detail").contains(words), "{words} in {refused}");
    }
    assert_eq!(left(&desk, &orders).await, before, "nothing was taken");
    for (query, table, code) in [
        ("", "sku,sellable\nMUG,1\n", "invalid_table"),
        ("", "order,sku,sellable\n", "invalid_table"),
        ("?warehouse=whs_9", "order\nx\n", "unknown_warehouse"),
    ] {
        import(&desk, query, table).await.is_problem(422, code, table);
    }
    import(&desk, "?typo=1", "order\nx\n").await.is_problem(400, "bad_parameter", "a parameter that is none");
    // Rows without units say nothing: a table that was not filled in takes nothing.
    let empty = format!("order,sku,sellable\n{},{},\n", number(0), sku(0));
    let empty = import(&desk, "", &empty).await.is_problem(422, "invalid_table", "nothing filled in");
    assert!(text(&empty, "detail").contains("no row says what was found"), "{empty}");
    let elsewhere = vec![domain::ids::ShopId::parse("shp_9").expect("an id")];
    let other = desk.user("other@example.com", countermand::permissions::Permission::ALL, Some(elsewhere)).await;
    let table = format!("order\n{}\n", number(0));
    let answer =
        desk.ask(Method::POST, &other, PATH, &[], table).await.is_problem(422, "invalid_table", "another's shop");
    assert!(text(&answer, "detail").contains("there is no order"), "{answer}");
    assert_eq!(left(&desk, &orders).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_taken_away_filled_in_and_pasted() {
    let desk = Desk::without_workers(Trial::sqlite().await, 80).await;
    let orders = parcels_that_come_back(&desk, 3).await;
    let browser = Browser::signed_in(&desk, "owner@example.com").await;
    let page = browser.get("/stock-ins/import").await;
    assert!(
        page.text.contains("/stock-ins/waiting.xlsx") && page.text.contains("order, sku, expected"),
        "{}",
        page.text
    );
    let sheet = Sheet::parse(&browser.file("/stock-ins/waiting.xlsx").await).expect("a table");
    let columns = ["order", "sku", "expected"].map(|name| sheet.needed(name).expect("a column"));
    let numbers: Vec<&str> = orders.iter().map(|order| text(order, "number")).collect();
    let mut table = "order\tsku\texpected\tsellable\n".to_owned();
    for row in sheet.rows() {
        let [order, sku, expected] = columns.map(|column| row.cell(column));
        // Of ours everything is back; the others are left as they came.
        let found = if numbers.contains(&order) { expected } else { "" };
        table.push_str(&format!("{order}\t{sku}\t{expected}\t{found}\n"));
    }
    let (csrf, key) = (field(&page, "csrf"), field(&page, "key"));
    let wrong =
        table.replace("\tsellable", "\tsellable\tmissing").replace('\n', "\tx\n").replacen("missing\tx", "missing", 1);
    let post = async |table: &str| {
        let fields = [("csrf", csrf.as_str()), ("key", key.as_str()), ("warehouse", "whs_1"), ("table", table)];
        browser.post("/stock-ins/import", &fields).await
    };
    let refused = post(&wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("row 2, column “missing”") && refused.text.contains(numbers[0]), "{}", refused.text);
    let done = post(&table).await;
    assert_eq!(done.status, 200, "{}", done.text);
    for number in &numbers {
        assert!(done.text.contains(number), "{}", done.text);
    }
    assert_eq!(
        post(&table).await.text.matches("stocked in").count(),
        done.text.matches("stocked in").count(),
        "sent twice, taken once"
    );
    assert_eq!(left(&desk, &orders).await, [0, 0, 0]);
    desk.world.ledger_is_proven().await;
}
