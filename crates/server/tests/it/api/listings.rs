//! What listings show: push and its rules, listings closed by a cancel, mappings and bundles, over HTTP.

use crate::desk::{Desk, out_of_stock};
use countermand::permissions::Permission;
use domain::ids::ShopId;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::trial::Trial;

fn shop(desk: &Desk) -> String {
    desk.world.shop.to_string()
}

/// A listing that an order names, as `GET /listings` writes it.
async fn a_listing(desk: &Desk) -> Value {
    let order = &desk.cancellable(1).await[0];
    let sku = order["lines"][0]["merchant_sku"].as_str().expect("a SKU");
    desk.read(&format!("/api/v1/listings?sku={sku}")).await["listings"][0].clone()
}

async fn pushes(desk: &Desk, listing: &Value) -> Value {
    let id = listing["id"].as_str().expect("an id");
    desk.read(&format!("/api/v1/listings/{}/{id}/pushes", shop(desk))).await
}

on_both! {
    async fn a_shop_s_listings_are_filled_once_it_is_switched_on_and_each_number_is_on_record(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let address = format!("/api/v1/shops/{}/stock", shop(&desk));
        let before = desk.read(&address).await;
        assert_eq!((&before["push"], &before["warehouses"]), (&json!(false), &json!(["whs_1"])));
        assert_eq!(before["rule"], json!({"percent": 100, "fixed": 0, "rounding": "down", "sold_out_at": 0}));
        let listing = a_listing(&desk).await;
        let told = pushes(&desk, &listing).await;
        assert_eq!((&told["to_show"], &told["left"]), (&Value::Null, &json!("switched_off")));

        let on = desk.post(&address, &json!({"push": true})).await;
        assert_eq!((on.status.as_u16(), on.json()["push"].clone()), (200, json!(true)), "{}", on.text);
        desk.world.run_until_idle().await;
        let told = pushes(&desk, &listing).await;
        let sent = &told["pushes"][0];
        assert_eq!(sent["outcome"], "accepted", "{told}");
        assert_eq!((&sent["stock"], &sent["read_back"]), (&told["to_show"], &told["to_show"]));
        let sku = listing["listing_sku"].as_str().expect("a code");
        assert_eq!(desk.world.platform_stock(sku).await, told["to_show"].as_i64());
    }

    async fn a_rule_is_kept_per_shop_and_per_sku_and_numbers_that_make_none_are_refused(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let rules = format!("/api/v1/shops/{}/push-rules", shop(&desk));
        let listing = a_listing(&desk).await;
        let sku = listing["merchant_sku"].clone();
        let set = json!({"merchant_sku": sku, "rule": {"percent": 50, "fixed": -1, "rounding": "up", "sold_out_at": 2}});
        let answer = desk.post(&rules, &set).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["rules"][0]["merchant_sku"], sku);
        assert_eq!(answer.json()["rules"][0]["fixed"], -1);
        let answer = desk.post(&rules, &json!({"rule": {"percent": 80}})).await.json();
        assert_eq!((&answer["rule"]["percent"], answer["rules"].as_array().map(Vec::len)), (&json!(80), Some(1)));
        let answer = desk.post(&rules, &json!({"merchant_sku": sku, "rule": null})).await.json();
        assert_eq!(answer["rules"], json!([]));
        for (rule, code) in [
            (json!({"percent": 101}), (422, "invalid_rule")),
            (json!({"percent": 100, "sold_out_at": -1}), (422, "invalid_rule")),
            (json!({"percent": 100, "rounding": "sideways"}), (400, "bad_parameter")),
        ] {
            desk.post(&rules, &json!({"rule": rule})).await.is_problem(code.0, code.1, &rule.to_string());
        }
    }

    async fn a_listing_closed_by_a_cancel_is_told_with_its_order_and_opened_by_hand(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let order = desk.cancellable(1).await[0].clone();
        let listing_sku = order["lines"][0]["listing_sku"].clone();
        let accepted = desk.post("/api/v1/cancellations", &out_of_stock(&order)).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        desk.world.run_until_idle().await;
        let closed = desk.read("/api/v1/closed-listings").await;
        let rows = closed["listings"].as_array().expect("listings");
        let row = rows.iter().find(|row| row["listing_sku"] == listing_sku).expect("it is told");
        assert_eq!((&row["order_id"], &row["reason"], &row["held"], &row["stock"]), (&order["id"], &json!("out_of_stock"), &json!(true), &json!(0)));

        // Another's eyes, and another's hands.
        let elsewhere = ShopId::parse("shp_else").expect("an id");
        let blind = desk.user("blind@example.com", &[Permission::OrdersRead, Permission::StockAdjust], Some(vec![elsewhere])).await;
        let seen = desk.ask(Method::GET, &blind, "/api/v1/closed-listings", &[], "").await.json();
        assert_eq!(seen["listings"], json!([]));
        let wish = json!({"shop": row["shop"], "listing": row["listing"]});
        let refused = desk.ask(Method::POST, &blind, "/api/v1/closed-listings/reopen", &[], wish.to_string()).await;
        refused.is_problem(404, "not_found", "a shop that is not seen");

        let answer = desk.post("/api/v1/closed-listings/reopen", &wish).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let number = answer.json()["stock"].as_i64().expect("a number");
        desk.world.run_until_idle().await;
        assert_eq!(desk.world.platform_stock(listing_sku.as_str().expect("a code")).await, Some(number));
        let closed = desk.read("/api/v1/closed-listings").await;
        assert!(closed["listings"].as_array().expect("listings").iter().all(|row| row["listing_sku"] != listing_sku));
        desk.post("/api/v1/closed-listings/reopen", &wish).await.is_problem(409, "not_closed", "it is open");
        let log = desk.read("/api/v1/audit/log?action=listing.reopened").await;
        assert_eq!(log["entries"][0]["actor"], "owner@example.com", "{log}");
    }

    async fn what_is_mapped_to_a_sku_that_nobody_counted_is_never_sent_a_number(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        desk.post(&format!("/api/v1/shops/{}/stock", shop(&desk)), &json!({"push": true})).await;
        desk.world.run_until_idle().await;
        let listing = a_listing(&desk).await;
        let known = pushes(&desk, &listing).await["pushes"].as_array().expect("pushes").len();
        let mapping = json!({"mappings": [{"shop": shop(&desk), "listing_sku": listing["listing_sku"], "merchant_sku": "NEVER-COUNTED"}]});
        let answer = desk.post("/api/v1/mappings", &mapping).await;
        assert_eq!(answer.json(), json!({"listings": 1}), "{}", answer.text);
        desk.world.run_until_idle().await;
        let told = pushes(&desk, &listing).await;
        assert_eq!((&told["to_show"], &told["left"]), (&Value::Null, &json!("not_counted")));
        assert_eq!(told["pushes"].as_array().expect("pushes").len(), known);
        // Counted, none at all included, it is sent what is there.
        desk.post("/api/v1/stock/whs_1/NEVER-COUNTED/adjustments", &json!({"as": "count", "units": 0})).await;
        desk.world.run_until_idle().await;
        let told = pushes(&desk, &listing).await;
        assert_eq!((&told["to_show"], &told["pushes"][0]["read_back"]), (&json!(0), &json!(0)));
    }

    async fn codes_are_mapped_by_hand_by_table_and_by_rule_and_what_is_left_is_listed(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let everything = desk.read("/api/v1/mappings?limit=200").await;
        let all = everything["listings"].as_array().expect("listings");
        assert!(!all.is_empty() && all.iter().all(|row| row["mapped_by"] == "code" && row["known"] == true), "{everything}");
        assert_eq!(desk.read("/api/v1/mappings?unmapped=true").await["listings"], json!([]));

        let code = all[0]["listing_sku"].as_str().expect("a code");
        let table = format!("listing sku;merchant sku\n{code};ELSE\n;NOTHING\n");
        let refused = desk.ask(Method::POST, &desk.owner, "/api/v1/mappings/import", &[], table).await;
        let problem = refused.is_problem(422, "invalid_table", "a row without a code");
        assert!(problem["detail"].as_str().expect("words").contains("row 3, column “listing sku”"), "{problem}");
        let table = format!("listing sku;merchant sku\n{code};ELSE\nCOMES-LATER;ELSE\n");
        let kept = desk.ask(Method::POST, &desk.owner, "/api/v1/mappings/import", &[], table).await;
        assert_eq!(kept.json(), json!({"listings": 1}), "{}", kept.text);
        let mapped = desk.read(&format!("/api/v1/mappings?q={code}")).await;
        assert_eq!((&mapped["listings"][0]["merchant_sku"], &mapped["listings"][0]["mapped_by"]), (&json!("ELSE"), &json!("mapping")));

        // A rule cuts; what it finds must be known.
        let other = all.iter().find(|row| row["listing_sku"] != code).expect("another");
        let other_code = other["listing_sku"].as_str().expect("a code");
        let (beginning, rest) = other_code.split_at(1);
        desk.post(&format!("/api/v1/stock/whs_1/{rest}/adjustments"), &json!({"as": "count", "units": 5})).await;
        desk.post("/api/v1/mappings/rule", &json!({"shop": shop(&desk), "prefix": beginning.to_lowercase()})).await;
        let ruled = desk.read(&format!("/api/v1/mappings?q={other_code}")).await;
        // It is known under its own code as well: that comes first.
        assert_eq!(ruled["listings"][0]["mapped_by"], "code", "{ruled}");
    }

    /// PrestaShop#19054, medusa#12503: stock of packs went wrong at a cancel. A bundle is exploded when its order is first
    /// seen, and the same rows come back.
    async fn prestashop_19054_a_bundle_s_components_are_taken_and_come_back_as_the_same_rows(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let world = &desk.world;
        let listing = a_listing(&desk).await;
        let sold_as = listing["listing_sku"].as_str().expect("a code").to_owned();
        for (sku, units) in [("PART-A", 20), ("PART-B", 9)] {
            let counted = desk.post(&format!("/api/v1/stock/whs_1/{sku}/adjustments"), &json!({"as": "count", "units": units})).await;
            assert_eq!(counted.status, 200, "{}", counted.text);
        }
        let bundle = json!({"bundle_sku": "SET", "components": [{"merchant_sku": "PART-A", "units": 2}, {"merchant_sku": "PART-B", "units": 1}]});
        assert_eq!(desk.post("/api/v1/bundles", &bundle).await.json(), bundle);
        desk.post("/api/v1/mappings", &json!({"mappings": [{"listing_sku": sold_as, "merchant_sku": "SET"}]})).await;
        desk.post(&format!("/api/v1/shops/{}/stock", shop(&desk)), &json!({"push": true})).await;
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(&sold_as).await, Some(9), "what can be made of the component that runs out first");

        let made = world.order_of(&sold_as).await;
        world.run_until_idle().await;
        let order = world.order_by_number(&made).await;
        let parts: Vec<_> = order.lines.iter().filter(|line| line.part_of.is_some()).collect();
        let held: Vec<_> = parts.iter().map(|line| (line.merchant_sku.as_str(), line.quantity, line.stock.allocated)).collect();
        let bundles = parts[0].quantity / 2;
        assert_eq!(held, [("PART-A", 2 * bundles, 2 * bundles), ("PART-B", bundles, bundles)]);
        assert_eq!(world.platform_stock(&sold_as).await, Some(i64::from(9 - bundles)));

        // Another recipe holds for what is sold from now on.
        let other = json!({"bundle_sku": "SET", "components": [{"merchant_sku": "PART-B", "units": 3}]});
        assert_eq!(desk.post("/api/v1/bundles", &other).await.status, 200);
        desk.post("/api/v1/bundles", &bundle).await;
        let record = world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        world.run_until_ended(std::slice::from_ref(&record)).await;
        world.run_until_idle().await;
        let after = world.order(&order.id).await;
        assert!(after.lines.iter().all(|line| line.stock.allocated == 0), "{after:?}");
        let stock = desk.read("/api/v1/stock?limit=200").await;
        let available = |sku: &str| stock["stock"].as_array().expect("stock").iter().find(|row| row["merchant_sku"] == sku).map(|row| row["available"].clone());
        assert_eq!((available("PART-A"), available("PART-B")), (Some(json!(20)), Some(json!(9))));
        assert_eq!(available("SET"), None, "no unit of the bundle ever lay anywhere");
        assert_eq!(world.platform_stock(&sold_as).await, Some(9));
        world.ledger_is_proven().await;
    }

    async fn an_order_is_packed_where_everything_is_and_the_listings_show_the_sum(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        desk.warehouse("whs_2", "Loft").await;
        let world = &desk.world;
        let listing = a_listing(&desk).await;
        let (sold_as, sku) = (listing["listing_sku"].as_str().expect("a code"), listing["merchant_sku"].as_str().expect("a SKU"));
        let settings = format!("/api/v1/shops/{}/stock", shop(&desk));
        let wish = json!({"push": true, "warehouses": ["whs_1", "whs_2"], "return_warehouse": "whs_2"});
        let answer = desk.post(&settings, &wish).await.json();
        assert_eq!((&answer["warehouses"], &answer["return_warehouse"]), (&json!(["whs_1", "whs_2"]), &json!("whs_2")));
        desk.post(&format!("/api/v1/stock/whs_2/{sku}/adjustments"), &json!({"as": "in", "units": 30})).await;
        let there = desk.read(&format!("/api/v1/stock?sku={sku}&warehouse=whs_1")).await["stock"][0]["available"].as_i64().expect("units");
        world.run_until_idle().await;
        assert_eq!(world.platform_stock(sold_as).await, Some(there + 30), "the sum of both");

        // Nothing is left in the first: the second packs.
        if there > 0 {
            desk.post(&format!("/api/v1/stock/whs_1/{sku}/adjustments"), &json!({"as": "out", "units": there})).await;
        }
        world.run_until_idle().await;
        let made = world.order_of(sold_as).await;
        world.run_until_idle().await;
        let order = world.order_by_number(&made).await;
        let line = order.lines.iter().find(|line| line.merchant_sku.as_str() == sku).expect("its line");
        assert_eq!((line.warehouse.as_str(), line.stock.allocated), ("whs_2", line.quantity));
        world.ledger_is_proven().await;

        desk.post(&settings, &json!({"warehouses": ["whs_1", "whs_9"]})).await.is_problem(422, "unknown_warehouse", "whs_9");
        desk.post(&settings, &json!({"warehouses": ["whs_1", "whs_1"]})).await.is_problem(422, "invalid_body", "twice");
        desk.post(&settings, &json!({"warehouses": []})).await.is_problem(422, "invalid_body", "none");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_was_not_counted_cannot_be_switched_on() {
    let desk = Desk::without_workers(Trial::sqlite().await, 20).await;
    let uncounted = desk.uncounted_shop("shp_new").await;
    let answer = desk.post(&format!("/api/v1/shops/{uncounted}/stock"), &json!({"push": true})).await;
    answer.is_problem(409, "not_counted", "any number would be wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_consists_of_what_lies_on_the_shelf() {
    let desk = Desk::without_workers(Trial::sqlite().await, 20).await;
    let listing = a_listing(&desk).await;
    let of = |bundle: &str, components: Value| json!({"bundle_sku": bundle, "components": components});
    let one = |sku: &str| json!([{"merchant_sku": sku, "units": 1}]);
    assert_eq!(desk.post("/api/v1/bundles", &of("SET", one("MUG"))).await.status, 200);
    for (wish, status, code) in [
        (of("BOX", one("SET")), 422, "invalid_bundle"),
        (of("MUG", one("CUP")), 422, "invalid_bundle"),
        (of("SET", one("SET")), 422, "invalid_bundle"),
        (of("BOX", json!([{"merchant_sku": "MUG", "units": 0}])), 422, "invalid_bundle"),
        (
            of("BOX", json!([{"merchant_sku": "MUG", "units": 1}, {"merchant_sku": "MUG", "units": 2}])),
            422,
            "invalid_bundle",
        ),
        (of(listing["merchant_sku"].as_str().expect("a SKU"), one("MUG")), 409, "on_the_shelf"),
    ] {
        desk.post("/api/v1/bundles", &wish).await.is_problem(status, code, &wish.to_string());
    }
    let table = "bundle sku,merchant sku,units\nBOX,MUG,2\nBOX,CUP,1\n";
    let kept = desk.ask(Method::POST, &desk.owner, "/api/v1/bundles/import", &[], table).await;
    assert_eq!(kept.json()["bundles"][0]["components"][0], json!({"merchant_sku": "MUG", "units": 2}), "{}", kept.text);
    let known = desk.read("/api/v1/bundles").await;
    assert_eq!(known["bundles"].as_array().map(Vec::len), Some(2), "{known}");
    assert_eq!(desk.post("/api/v1/bundles", &of("SET", json!([]))).await.status, 200, "no bundle any more");
    assert_eq!(desk.read("/api/v1/bundles").await["bundles"].as_array().map(Vec::len), Some(1));
}
