//! Explain my stock, opening stock from a table, the ledger's proof, and the audit over HTTP.

use crate::desk::Desk;
use crate::engine::World;
use countermand::permissions::Permission;
use domain::ids::ShopId;
use domain::platform::Platform;
use domain::time::Span;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::trial::Trial;

const BUCKETS: [&str; 8] =
    ["available", "reserved", "count_needed", "allocated", "defective", "outbound", "returning", "lost"];

/// Adds one movement to what was there before it.
fn add(before: &Value, movement: &Value) -> Vec<i64> {
    let units = movement["units"].as_i64().expect("units");
    BUCKETS
        .iter()
        .map(|bucket| {
            let held = before[bucket].as_i64().expect("units");
            held + if movement["to"] == *bucket { units } else { 0 }
                - if movement["from"] == *bucket { units } else { 0 }
        })
        .collect()
}

fn units(row: &Value) -> Vec<i64> {
    BUCKETS.iter().map(|bucket| row[bucket].as_i64().expect("units")).collect()
}

on_both! {
    async fn every_number_is_explained_by_its_movements_at_any_moment(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let order = desk.world.cancellable().await.into_iter().find(|order| order.lines.iter().all(|line| line.stock.allocated == line.quantity)).expect("an allocated one");
        let sku = order.lines[0].merchant_sku.clone();
        let record = desk.world.cancel(&order, "buyer_requests_cancellation", &[]).await;
        desk.world.run_until_ended(std::slice::from_ref(&record)).await;
        let path = format!("/api/v1/stock/whs_1/{sku}/movements");
        let page = desk.read(&format!("{path}?limit=200")).await;
        let movements = page["movements"].as_array().expect("movements");
        assert!(movements.len() >= 3, "{page}");
        let now = desk.read(&format!("/api/v1/stock?sku={sku}")).await["stock"][0].clone();
        assert_eq!(units(&page["balance"]), units(&now), "the sum is the balance");
        assert_eq!(units(&movements[0]["after"]), units(&now), "after the newest comes what is now");
        let nothing = json!(BUCKETS.iter().map(|bucket| ((*bucket).to_owned(), json!(0))).collect::<serde_json::Map<_, _>>());
        for (place, movement) in movements.iter().enumerate() {
            let before = movements.get(place + 1).map_or(&nothing, |older| &older["after"]);
            assert_eq!(add(before, movement), units(&movement["after"]), "{place}: {movement}");
        }
        // As of the opening, only the opening counts.
        let opening = movements.last().expect("an opening");
        assert_eq!(opening["cause"], "opening");
        let until = opening["at"].as_str().expect("a time").replace('+', "%2B");
        let then = desk.read(&format!("{path}?until={until}&limit=200")).await;
        assert!(then["movements"].as_array().is_some_and(|then| !then.is_empty() && then.len() <= movements.len()), "{then}");
        assert_eq!(then["movements"][0]["at"], opening["at"], "{then}");
        let before = desk.read(&format!("{path}?until=2001-01-01T00:00:00Z")).await;
        assert_eq!((&before["movements"], units(&before["balance"])), (&json!([]), vec![0; 8]));
        // One bucket's number alone.
        let allocated = desk.read(&format!("{path}?bucket=allocated&limit=200")).await;
        for movement in allocated["movements"].as_array().expect("movements") {
            assert!(movement["from"] == "allocated" || movement["to"] == "allocated", "{movement}");
            assert_eq!(movement["after"].as_object().map(serde_json::Map::len), Some(1), "{movement}");
        }
        assert_eq!(allocated["movements"][0]["after"]["allocated"], now["allocated"]);
        // Page by page, the running number goes on.
        let first = desk.read(&format!("{path}?limit=1")).await;
        let second = desk.read(&format!("{path}?limit=1&cursor={}", first["next"].as_str().expect("more"))).await;
        assert_eq!(second["movements"][0]["after"], movements[1]["after"]);
        for query in ["until=soon", "bucket=pocket", "typo=1"] {
            desk.get(&format!("{path}?{query}")).await.is_problem(400, "bad_parameter", query);
        }
        desk.get("/api/v1/stock/whs_1/never-seen/movements").await.is_problem(404, "not_found", "a SKU");
    }

    async fn the_ledger_is_proven_bucket_by_bucket_and_says_what_is_not(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let ledger = desk.read("/api/v1/audit/ledger").await;
        assert_eq!((&ledger["proven"], &ledger["wrong"]), (&json!(true), &json!([])), "{ledger}");
        for sum in ledger["sums"].as_array().expect("sums") {
            assert_eq!(sum["kept"], sum["moved"], "{sum}");
        }
        let sku = desk.read("/api/v1/stock?limit=1").await["stock"][0]["merchant_sku"].as_str().expect("a SKU").to_owned();
        desk.world.trial.tamper(&[format!("update balances set defective = defective + 2 where merchant_sku = '{sku}'")]).await;
        let ledger = desk.read("/api/v1/audit/ledger").await;
        assert_eq!((&ledger["proven"], &ledger["wrong"][0]["merchant_sku"]), (&json!(false), &json!(sku)), "{ledger}");
        assert_eq!(ledger["wrong"][0]["buckets"], json!([{"bucket": "defective", "kept": 2, "moved": 0}]));
    }

    async fn opening_stock_is_taken_whole_or_not_at_all(trial) {
        let desk = Desk::without_workers(trial, 20).await;
        desk.warehouse("whs_2", "Attic").await;
        let known = desk.read("/api/v1/stock?limit=1").await["stock"][0]["merchant_sku"].as_str().expect("a SKU").to_owned();
        let import = async |key: &str, table: String| desk.ask(Method::POST, &desk.owner, "/api/v1/stock/import", &[("idempotency-key", key)], table).await;
        let broken = format!("sku,units,warehouse,defective\nNEW-1,5,Shelf,1\nNEW-2,many,Shelf,\n{known},3,whs_1,\nNEW-3,3,Cellar,\n");
        let problem = import("a", broken).await.is_problem(422, "invalid_table", "a broken table");
        let told = problem["detail"].as_str().expect("a detail");
        for words in ["row 3, column “units”", "row 4: ", "has moved in this warehouse already", "row 5, column “warehouse”"] {
            assert!(told.contains(words), "{words} in {told}");
        }
        assert_eq!(desk.read("/api/v1/stock?sku=NEW-1").await["stock"], json!([]), "nothing was taken");

        let table = "sku;units;warehouse;defective\nNEW-1;5;Shelf;1\nNEW-1;2;attic;\n".to_owned();
        for _ in 0..2 {
            let answer = import("b", table.clone()).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            assert_eq!(answer.json()["opened"][0], json!({"warehouse": "whs_1", "merchant_sku": "NEW-1", "units": 5, "defective": 1}));
        }
        let stock = desk.read("/api/v1/stock?sku=NEW-1").await;
        let here: Vec<_> = stock["stock"].as_array().expect("stock").iter().map(|row| (row["available"].as_i64(), row["defective"].as_i64())).collect();
        assert_eq!(here, [(Some(5), Some(1)), (Some(2), Some(0))], "{stock}");
        import("c", table).await.is_problem(422, "invalid_table", "it was taken before");
        desk.world.ledger_is_proven().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_s_own_rules_come_before_the_usual_ones_and_show_in_the_cancel_dialog() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    let path = "/api/v1/shops/shp_1/stock-rules";
    let usual = desk.read(path).await;
    assert_eq!(usual["rules"], json!([]));
    assert_eq!(
        usual["usual"][0],
        json!({"initiator": null, "reason": null, "stage": "untouched", "warehouse": null, "goes_to": "available"})
    );
    for (rule, words) in [
        (json!({"goes_to": "available"}), "not for sale"),
        (json!({"stage": "delivered", "goes_to": "available"}), "not for sale"),
        (json!({"stage": "packed", "goes_to": "the moon"}), "use one of"),
        (json!({"reason": "boredom", "goes_to": "lost"}), "no reason of this platform"),
    ] {
        let problem = desk.post(path, &json!({"rules": [rule]})).await.is_problem(422, "invalid_rule", words);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{problem}");
    }
    let rules = json!({"rules": [{"stage": "untouched", "initiator": "seller", "goes_to": "defective"}]});
    let answer = desk.post(path, &rules).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let log = desk.read("/api/v1/audit/log?action=shop.stock_rules").await;
    assert_eq!(log["entries"][0]["detail"], "by seller, when untouched → defective");

    let order = desk
        .world
        .cancellable()
        .await
        .into_iter()
        .find(|order| {
            order.stage == domain::order::Stage::Untouched
                && order.lines.iter().all(|line| line.stock.allocated == line.quantity)
        })
        .expect("an allocated one");
    let options = desk.read(&format!("/api/v1/orders/{}/cancellation-options", order.id)).await;
    let reason = options["reasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .find(|reason| reason["code"] == "buyer_requests_cancellation");
    let effects = reason.expect("the reason")["effects"].to_string();
    assert!(effects.contains("defective by this shop's rules"), "{effects}");
    let units: u32 = order.lines.iter().map(|line| line.quantity).sum();
    let record = desk.world.cancel(&order, "buyer_requests_cancellation", &[]).await;
    desk.world.run_until_ended(std::slice::from_ref(&record)).await;
    let ledger = desk.read("/api/v1/audit/ledger").await;
    let sums = ledger["sums"].as_array().expect("sums").iter();
    let defective = sums.filter(|sum| sum["bucket"] == "defective").map(|sum| sum["kept"].as_i64()).next();
    assert_eq!(defective, Some(Some(i64::from(units))), "{ledger}");
    desk.world.ledger_is_proven().await;
    // Without rules of its own, the shop goes by the usual ones again.
    desk.post(path, &json!({"rules": []})).await;
    assert_eq!(desk.read(path).await, usual);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_is_asked_for_read_and_repaired_over_http() {
    let world = World::on(Platform::Shopee, Trial::sqlite().await, 40, |_, policy| {
        policy.sweep_every = Span::from_seconds(1);
    });
    let desk = Desk::over(world.await).await;
    tokio::spawn(countermand::workers::run(desk.app.clone()));
    let mut events = desk.events(&desk.owner, None).await;
    let never = desk.read("/api/v1/audit/differences").await;
    assert_eq!(never, json!({"differences": [], "next": null}));
    let sku = desk.read("/api/v1/stock?limit=1").await["stock"][0]["merchant_sku"].as_str().expect("a SKU").to_owned();
    desk.world
        .trial
        .tamper(&[format!("update balances set defective = defective + 2 where merchant_sku = '{sku}'")])
        .await;
    let begun = desk.post("/api/v1/audit/run", &Value::Null).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = format!("/api/v1/audit/runs/{}", begun.json()["id"].as_str().expect("an id"));
    while desk.read(&path).await["ended_at"].is_null() {
        events.next().await;
    }
    let runs = desk.read("/api/v1/audit/runs").await;
    assert_eq!(
        (&runs["audits"][0]["asked_by"], &runs["audits"][0]["open"]),
        (&json!("owner@example.com"), &json!(1)),
        "{runs}"
    );
    let found = desk.read("/api/v1/audit/differences?kind=balance_differs").await;
    let difference = &found["differences"][0];
    assert_eq!((&difference["merchant_sku"], &difference["ended_at"]), (&json!(sku), &Value::Null), "{found}");
    assert!(difference["ours"].as_str().is_some_and(|ours| ours.contains("2 defective")), "{difference}");
    // Whoever sees some shops only sees neither the ledger's differences nor repairs them.
    let shops = Some(vec![ShopId::parse("shp_1").expect("an id")]);
    let limited = desk.user("limited@example.com", &[Permission::AuditRead, Permission::StockAdjust], shops).await;
    let seen = desk.ask(Method::GET, &limited, "/api/v1/audit/differences", &[], "").await.json();
    assert_eq!(seen["differences"], json!([]));
    let repair = format!("/api/v1/audit/differences/{}/repair", difference["id"].as_str().expect("an id"));
    desk.ask(Method::POST, &limited, &repair, &[], "").await.is_problem(404, "not_found", "not theirs");
    let reader = desk.user("reader@example.com", &[Permission::AuditRead], None).await;
    desk.ask(Method::POST, &reader, &repair, &[], "").await.is_problem(403, "forbidden", "may not");

    let key = [("idempotency-key", "repair 1")];
    let first = desk.ask(Method::POST, &desk.owner, &repair, &key, "").await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json()["ended_by"], "owner@example.com");
    let second = desk.ask(Method::POST, &desk.owner, &repair, &key, "").await;
    assert_eq!(second.json(), first.json(), "the same answer again");
    desk.post(&repair, &Value::Null).await.is_problem(409, "already_over", "repaired");
    assert_eq!(desk.read("/api/v1/audit/differences").await["differences"], json!([]));
    let over = desk.read("/api/v1/audit/differences?state=over").await;
    assert_eq!(over["differences"][0]["id"], difference["id"], "{over}");
    desk.world.ledger_is_proven().await;
    for query in ["state=maybe", "kind=odd", "typo=1"] {
        desk.get(&format!("/api/v1/audit/differences?{query}")).await.is_problem(400, "bad_parameter", query);
    }
    let settings = json!({"every_hours": 6, "parcel_lost_days": 14});
    assert_eq!(desk.post("/api/v1/audit/settings", &settings).await.json(), settings);
    assert_eq!(desk.read("/api/v1/audit/settings").await, settings);
    desk.post("/api/v1/audit/settings", &json!({"every_hours": 0, "parcel_lost_days": 14})).await.is_problem(
        422,
        "invalid_body",
        "never",
    );
}
