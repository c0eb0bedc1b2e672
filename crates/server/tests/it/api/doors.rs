//! The doors over the API: scans, prints with pick lists, and the pull list.

use crate::desk::{Answer, Desk};
use crate::pages::Browser;
use domain::order::{List, Tab};
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::orders::OrderRecord;

/// Orders whose labels are cached, fetched by ticks that end here: nothing runs in the background.
pub(crate) async fn printable(desk: &Desk, wanted: usize) -> Vec<OrderRecord> {
    let printable = async || {
        let mut orders = desk.world.list(List::InProcess, 200).await;
        orders.retain(|order| order.tab == Tab::Printable && order.packages.len() == 1);
        orders
    };
    desk.world.run_until_so("the labels", async || printable().await.len() >= wanted).await;
    let mut orders = printable().await;
    orders.truncate(wanted);
    orders
}

/// What is written on a parcel.
pub(crate) fn tracking(order: &OrderRecord) -> &str {
    order.packages[0].tracking_number.as_deref().expect("a tracking number")
}

async fn scan(desk: &Desk, code: &str) -> Value {
    desk.post("/api/v1/scan", &json!({"code": code})).await.json()
}

async fn ship(desk: &Desk, code: &str) -> Value {
    let answer = desk.post("/api/v1/scan/ship", &json!({"code": code})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn told(scan: &Value) -> (&str, &str, bool) {
    let text = |name: &str| scan[name].as_str().expect("text");
    (text("verdict"), text("reason"), scan["shipped"] == true)
}

pub(crate) async fn print(desk: &Desk, orders: &[OrderRecord]) {
    let query: Vec<String> = orders.iter().map(|order| format!("order={}", order.id)).collect();
    let file = desk.client.get(format!("{}/api/v1/labels.pdf?slips=true&{}", desk.url, query.join("&")));
    let file = file.bearer_auth(&desk.owner).send().await.expect("answered");
    assert_eq!(file.status().as_u16(), 200);
    let bytes = file.bytes().await.expect("bytes");
    let pages = lopdf::Document::load_mem(&bytes).expect("a PDF").page_iter().count();
    assert!(pages >= 2 * orders.len(), "a slip follows each label: {pages} pages");
}

async fn silence_platform(desk: &Desk, is_silent: bool) {
    let kinds = if is_silent { json!(["timeout_before"]) } else { json!([]) };
    let faults = json!({"platform": "shopee", "rate": if is_silent { 1.0 } else { 0.0 }, "kinds": kinds});
    desk.world.control.send(Method::PUT, "/faults", faults).await;
}

/// As if the order and its shop had last been read long ago.
async fn make_old(desk: &Desk, order: &OrderRecord) {
    let before = desk.world.order(&order.id).await;
    let mut after = before.clone();
    after.read_began_at = domain::time::Moment::from_millis(1);
    let mut session = desk.app.store.begin().await.expect("begins");
    store::orders::update(&mut session, &before, &after).await.expect("updated");
    session.commit().await.expect("committed");
}

/// Reads an order from the platform, as a push would have it.
async fn read_again(desk: &Desk, order: &OrderRecord) {
    let (merchant, shop) = (&desk.world.merchant, &desk.world.shop);
    let mut session = desk.app.store.begin().await.expect("begins");
    let numbers = std::slice::from_ref(&order.number);
    desk.world.engine.nudge(&mut session, merchant, shop, numbers).await.expect("nudged");
    session.commit().await.expect("committed");
    let due = store::jobs::Due { merchant: merchant.clone(), shop: shop.clone() };
    while desk.world.engine.tick(&due, store::jobs::Kind::ReadOrder).await.expect("a tick") > 0 {}
}

fn allocated_and_outbound(order: &OrderRecord) -> (u32, u32) {
    let sum = |of: fn(&domain::stock::LineStock) -> u32| order.lines.iter().map(|line| of(&line.stock)).sum::<u32>();
    (sum(|stock| stock.allocated), sum(|stock| stock.outbound))
}

on_both! {
    async fn a_scanned_parcel_is_let_out_once(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let order = printable(&desk, 1).await.remove(0);
        let (units, _) = allocated_and_outbound(&order);
        for code in [tracking(&order), order.number.as_str(), order.packages[0].number.as_str()] {
            let decision = scan(&desk, &format!(" {} ", code.to_lowercase())).await;
            assert_eq!(told(&decision), ("ship", "packed", false), "{decision}");
            assert_eq!(decision["order"]["order_id"], order.id.as_str());
        }
        assert_eq!(desk.world.order(&order.id).await.list, List::InProcess, "a decision changes nothing");
        assert_eq!(told(&scan(&desk, "no such number").await), ("unknown", "no_such_parcel", false));

        let shipped = ship(&desk, tracking(&order)).await;
        assert_eq!(told(&shipped), ("ship", "packed", true), "{shipped}");
        let after = desk.world.order(&order.id).await;
        assert_eq!((after.list, allocated_and_outbound(&after)), (List::ToPickup, (0, units)));
        assert_eq!(told(&ship(&desk, tracking(&order)).await), ("ship", "scanned_already", false));
        assert_eq!(told(&scan(&desk, tracking(&order)).await), ("ship", "scanned_already", false));
        desk.world.ledger_is_proven().await;
    }

    async fn a_silent_platform_is_amber_and_only_a_supervisor_lets_the_parcel_pass(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = printable(&desk, 3).await;
        let (silent, asked, gone) = (&orders[0], &orders[1], &orders[2]);
        silence_platform(&desk, true).await;
        assert!(told(&ship(&desk, tracking(silent)).await).2, "what was synced lately needs no question");
        // Five minutes pass without a sweep.
        desk.world.advance_clock(300).await;
        for order in [asked, gone] {
            make_old(&desk, order).await;
        }
        let amber = ship(&desk, tracking(asked)).await;
        assert_eq!(told(&amber), ("stop", "platform_silent", false), "{amber}");
        assert_eq!(desk.world.order(&asked.id).await.list, List::InProcess);
        let worker = desk.user("worker@example.com", &[countermand::permissions::Permission::OrdersProcess], None).await;
        let pass = json!({"code": tracking(asked), "pass": "the courier is at the door"}).to_string();
        let refused = desk.ask(Method::POST, &worker, "/api/v1/scan/ship", &[], pass.clone()).await;
        assert_eq!(refused.is_problem(403, "forbidden", "a worker")["permission"], "orders.pass");
        let passed: Answer = desk.ask(Method::POST, &desk.owner, "/api/v1/scan/ship", &[("idempotency-key", "once")], pass.clone()).await;
        assert_eq!(told(&passed.json()), ("ship", "packed", true), "{}", passed.text);
        let again = desk.ask(Method::POST, &desk.owner, "/api/v1/scan/ship", &[("idempotency-key", "once")], pass).await;
        assert_eq!(again.json(), passed.json(), "the same key gets the same answer");
        let log = desk.read("/api/v1/audit/log?action=order.passed").await;
        let detail = log["entries"][0]["detail"].as_str().expect("text");
        assert!(detail.contains("the courier is at the door"), "{log}");

        // It answers again: what it says then is what counts.
        silence_platform(&desk, false).await;
        let advance = format!("/orders/shopee/{}/advance", gone.number);
        desk.world.control.send(Method::POST, &advance, json!({"to": "CANCELLED", "force": true})).await;
        assert_eq!(told(&scan(&desk, tracking(gone)).await).0, "ship", "by what is stored");
        let stopped = ship(&desk, tracking(gone)).await;
        assert_eq!((told(&stopped).1, told(&stopped).2), ("canceled", false), "{stopped}");
        assert_eq!(desk.world.order(&gone.id).await.list, List::Canceled, "what was heard is kept");
        desk.world.ledger_is_proven().await;
    }

    async fn a_click_asks_as_a_scan_does_before_it_lets_parcels_out(trial) {
        let desk = Desk::without_workers(trial, 200).await;
        let orders = printable(&desk, 6).await;
        let [fresh, asked, alive, gone, one, other] = [0, 1, 2, 3, 4, 5].map(|place| &orders[place]);
        let path = |order: &OrderRecord| format!("/api/v1/orders/{}/ship", order.id);
        silence_platform(&desk, true).await;
        let shipped = desk.post(&path(fresh), &json!({})).await;
        assert_eq!(shipped.json()["list"], "to_pickup", "what was synced lately needs no question: {}", shipped.text);
        // Five minutes pass without a sweep.
        desk.world.advance_clock(300).await;
        for order in &orders[1..] {
            make_old(&desk, order).await;
        }
        let silent = desk.ask(Method::POST, &desk.owner, &path(asked), &[], "").await;
        let silent = silent.is_problem(409, "platform_silent", "the platform does not answer");
        assert!(silent["detail"].as_str().is_some_and(|words| words.contains("does not answer")), "{silent}");
        let many = json!({"order_ids": [one.id.as_str(), fresh.id.as_str(), "ord_unknown"]});
        let told = desk.post("/api/v1/orders/ship", &many).await.json();
        let codes: Vec<&Value> = told["results"].as_array().expect("results").iter().map(|it| &it["code"]).collect();
        assert_eq!(codes, [&json!("platform_silent"), &json!("conflict"), &json!("not_found")], "{told}");
        assert_eq!((desk.world.order(&asked.id).await.list, desk.world.order(&one.id).await.list), (List::InProcess, List::InProcess));

        // Only a supervisor lets it pass, and says why.
        let worker = desk.user("worker@example.com", &[countermand::permissions::Permission::OrdersProcess], None).await;
        let pass = json!({"pass": "the courier is at the door"});
        let refused = desk.ask(Method::POST, &worker, &path(asked), &[], pass.to_string()).await;
        assert_eq!(refused.is_problem(403, "forbidden", "a worker")["permission"], "orders.pass");
        let passed = desk.post(&path(asked), &pass).await;
        assert_eq!(passed.json()["list"], "to_pickup", "{}", passed.text);
        let log = desk.read("/api/v1/audit/log?action=order.passed").await;
        assert!(log["entries"][0]["detail"].as_str().is_some_and(|detail| detail.contains("the courier is at the door")), "{log}");

        // The row's button and the selection: who was silent of what is told, with the way to let it pass.
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let csrf = browser.csrf().await;
        let chosen = [("csrf", csrf.as_str()), ("order", one.id.as_str()), ("order", other.id.as_str())];
        let page = browser.post("/orders/ship", &chosen).await;
        assert_eq!(page.status, 409, "{}", page.text);
        assert!(page.text.contains("does not answer") && page.text.contains("name=\"pass\"") && page.text.contains(one.number.as_str()), "{}", page.text);
        let page = browser.post("/orders/ship", &[&chosen[..], &[("pass", "the line waits")]].concat()).await;
        assert_eq!(page.status, 303, "{}", page.text);
        assert_eq!((desk.world.order(&one.id).await.list, desk.world.order(&other.id).await.list), (List::ToPickup, List::ToPickup));

        // It answers again: what it says then is what counts.
        silence_platform(&desk, false).await;
        let advance = format!("/orders/shopee/{}/advance", gone.number);
        desk.world.control.send(Method::POST, &advance, json!({"to": "CANCELLED", "force": true})).await;
        desk.post(&path(gone), &json!({})).await.is_problem(409, "conflict", "canceled over there");
        let after = desk.world.order(&gone.id).await;
        assert_eq!((after.list, after.scanned_out), (List::Canceled, false), "what was heard is kept");
        let version = desk.world.order(&alive.id).await.version.to_string();
        let shipped = desk.ask(Method::POST, &desk.owner, &path(alive), &[("if-match", &version)], "").await;
        assert_eq!(shipped.json()["list"], "to_pickup", "what it says again changes no version: {}", shipped.text);
        desk.world.ledger_is_proven().await;
    }

    async fn what_is_canceled_after_its_print_is_on_the_pull_list_until_it_is_scanned(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let orders = printable(&desk, 3).await;
        print(&desk, &orders).await;
        let batches = desk.read("/api/v1/print-batches").await;
        let batch = &batches["print_batches"][0];
        assert_eq!((&batch["labels"], &batch["actor"]), (&json!(3), &json!("owner@example.com")));
        let id = batch["id"].as_str().expect("an id");
        let picks = desk.read(&format!("/api/v1/print-batches/{id}/pick-list")).await;
        let units = |picks: &Value| picks["picks"].as_array().expect("picks").iter().map(|pick| pick["units"].as_u64().expect("units")).sum::<u64>();
        let all: u64 = orders.iter().flat_map(|order| &order.lines).map(|line| u64::from(line.live())).sum();
        assert_eq!(units(&picks), all);
        assert_eq!(desk.read("/api/v1/pull-list").await["parcels"], json!([]));

        // A shelf comes first in the pick list.
        let line = orders[2].lines.last().expect("a line");
        let shelf = format!("/api/v1/stock/{}/{}/shelf", line.warehouse, line.merchant_sku);
        assert_eq!(desk.post(&shelf, &json!({"shelf": "A-01"})).await.status, 200);
        let picks = desk.read(&format!("/api/v1/print-batches/{id}/pick-list")).await;
        assert_eq!((&picks["picks"][0]["shelf"], &picks["picks"][0]["merchant_sku"]), (&json!("A-01"), &json!(line.merchant_sku.as_str())));

        let second = desk.world.order(&orders[1].id).await;
        let record = desk.world.cancel(&second, "buyer_requests_cancellation", &[]).await;
        let pulls = desk.read("/api/v1/pull-list").await;
        let parcel = &pulls["parcels"][0];
        assert_eq!((&parcel["why"], &parcel["position"], &parcel["print_batch"]), (&json!("cancel_pending"), &json!(2), &json!(id)), "{pulls}");
        assert_eq!(told(&scan(&desk, tracking(&second)).await), ("stop", "cancel_pending", false));
        desk.world.run_until_ended(std::slice::from_ref(&record)).await;
        let pulls = desk.read("/api/v1/pull-list").await;
        assert_eq!((pulls["parcels"].as_array().map(Vec::len), &pulls["parcels"][0]["why"]), (Some(1), &json!("canceled")), "{pulls}");
        let picks = desk.read(&format!("/api/v1/print-batches/{id}/pick-list")).await;
        let rest: u64 = all - second.lines.iter().map(|line| u64::from(line.quantity)).sum::<u64>();
        assert_eq!(units(&picks), rest, "what is canceled is not picked");
        assert_eq!(picks["parcels"][1]["stopped"], "canceled");

        desk.post("/api/v1/pull-list/pulled", &json!({"code": tracking(&orders[0])})).await.is_problem(409, "not_on_pull_list", "it may go");
        desk.post("/api/v1/pull-list/pulled", &json!({"code": "nothing"})).await.is_problem(404, "not_found", "no parcel");
        let pulled = desk.post("/api/v1/pull-list/pulled", &json!({"code": tracking(&second)})).await;
        assert_eq!((pulled.status.as_u16(), &pulled.json()["pulled"][0]["position"]), (200, &json!(2)), "{}", pulled.text);
        assert_eq!(desk.read("/api/v1/pull-list").await["parcels"], json!([]));
        assert_eq!(told(&scan(&desk, tracking(&second)).await), ("stock_in", "canceled", false));
        desk.post("/api/v1/pull-list/pulled", &json!({"code": tracking(&second)})).await.is_problem(409, "not_on_pull_list", "out already");
    }

    async fn a_parcel_pulled_for_a_request_that_was_taken_back_is_pulled_again_for_the_next_cancel(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let order = printable(&desk, 1).await.remove(0);
        print(&desk, std::slice::from_ref(&order)).await;
        let control = |what: &str| format!("/orders/shopee/{}/{what}", order.number);
        desk.world.control.send(Method::POST, &control("buyer-cancel"), json!({})).await;
        read_again(&desk, &order).await;
        assert_eq!(desk.read("/api/v1/pull-list").await["parcels"][0]["why"], "request_open");
        let stopped = ship(&desk, tracking(&order)).await;
        assert_eq!(told(&stopped), ("stop", "request_open", false), "{stopped}");
        assert_eq!(desk.read("/api/v1/pull-list").await["parcels"], json!([]), "whoever scanned it holds it in their hands");
        desk.world.control.send(Method::POST, &control("buyer-withdraw"), json!({})).await;
        read_again(&desk, &order).await;
        assert_eq!(desk.world.order(&order.id).await.list, List::InProcess);
        desk.world.control.send(Method::POST, &control("advance"), json!({"to": "CANCELLED", "force": true})).await;
        read_again(&desk, &order).await;
        assert_eq!(desk.read("/api/v1/pull-list").await["parcels"][0]["why"], "canceled");
    }

    async fn a_pile_is_read_again_before_the_courier_signs(trial) {
        let desk = Desk::without_workers(trial, 200).await;
        let orders = printable(&desk, 4).await;
        print(&desk, &orders).await;
        for order in &orders {
            assert!(told(&ship(&desk, tracking(order)).await).2);
        }
        let piles = desk.read("/api/v1/handover-checks/piles").await;
        let waiting: u64 = piles["piles"].as_array().expect("piles").iter().map(|pile| pile["parcels"].as_u64().expect("parcels")).sum();
        assert!(waiting >= 4, "{piles}");
        // One was canceled since and nobody here knows it; one is known to be asked for, and has left the list To Pickup.
        let (canceled, asked) = (&orders[0], &orders[1]);
        let control = |order: &OrderRecord, what: &str| format!("/orders/shopee/{}/{what}", order.number);
        desk.world.control.send(Method::POST, &control(canceled, "advance"), json!({"to": "CANCELLED", "force": true})).await;
        desk.world.control.send(Method::POST, &control(asked, "buyer-cancel"), json!({})).await;
        read_again(&desk, asked).await;
        assert_eq!(desk.world.order(&asked.id).await.list, List::CancelRequested);
        let check = desk.post("/api/v1/handover-checks", &json!({"shop": desk.world.shop.as_str()})).await;
        assert_eq!(check.status, 200, "{}", check.text);
        let check = check.json();
        let out = |check: &Value| {
            let mut out: Vec<(String, String)> = check["take_out"].as_array().expect("parcels").iter()
                .map(|it| (it["order"]["order_id"].as_str().expect("an id").to_owned(), it["reason"].as_str().expect("text").to_owned()))
                .collect();
            out.sort();
            out
        };
        let mut expected = vec![(canceled.id.to_string(), "canceled".to_owned()), (asked.id.to_string(), "request_open".to_owned())];
        expected.sort();
        assert_eq!(out(&check), expected, "{check}");
        assert_eq!((&check["unread"], &check["parcels"]), (&json!([]), &json!(waiting)));
        assert_eq!(desk.read(&format!("/api/v1/handover-checks/{}", check["id"].as_str().expect("an id"))).await, check);
        assert_eq!(desk.world.order(&canceled.id).await.list, List::Canceled, "what was read is kept");

        // A scanned pile is what was scanned, and a silent platform is named.
        silence_platform(&desk, true).await;
        let codes = json!({"codes": [tracking(&orders[2]), tracking(canceled), "nothing", tracking(&orders[2])]});
        let scanned = desk.post("/api/v1/handover-checks", &codes).await.json();
        assert_eq!((&scanned["parcels"], &scanned["unknown"]), (&json!(2), &json!(["nothing"])), "{scanned}");
        assert_eq!(out(&scanned), [(canceled.id.to_string(), "canceled".to_owned())]);
        assert_eq!(scanned["unread"][0]["order"]["order_id"], orders[2].id.as_str(), "{scanned}");
        assert_eq!(scanned["may_go"], 0);
        desk.world.ledger_is_proven().await;
    }

    async fn a_courier_scan_after_the_cancel_opens_a_case_that_is_watched_to_its_end(trial) {
        let desk = Desk::without_workers(trial, 200).await;
        let orders = printable(&desk, 2).await;
        print(&desk, &orders).await;
        for order in &orders {
            let now = desk.world.order(&order.id).await;
            let record = desk.world.cancel(&now, "buyer_requests_cancellation", &[]).await;
            desk.world.run_until_ended(&[record]).await;
            assert!(desk.world.order(&order.id).await.returning() > 0, "printed, it waits to be stocked in");
        }
        assert_eq!(desk.read("/api/v1/cases").await["cases"], json!([]));
        // The platform's clock goes on, and the courier scans both.
        desk.world.advance_clock(5).await;
        for order in &orders {
            let advance = format!("/orders/shopee/{}/advance", order.number);
            desk.world.control.send(Method::POST, &advance, json!({"to": "SHIPPED", "force": true})).await;
            read_again(&desk, order).await;
            read_again(&desk, order).await;
        }
        let cases = desk.read("/api/v1/cases").await;
        assert_eq!(cases["cases"].as_array().map(Vec::len), Some(2), "one for each, however often it is read: {cases}");
        let (back, lost) = (&orders[0], &orders[1]);
        let after = desk.world.order(&back.id).await;
        let units: u32 = after.lines.iter().map(|line| line.quantity).sum();
        assert_eq!((after.list, after.returning(), allocated_and_outbound(&after).1), (List::Canceled, 0, units), "it stays canceled, and its units left");
        desk.world.ledger_is_proven().await;
        let path = format!("/api/v1/cases/{}", back.id);
        let case = desk.read(&path).await;
        assert_eq!((&case["units"], &case["unexplained"], &case["scanned_as"]), (&json!(units), &json!(0), &json!("SHIPPED")), "{case}");
        let steps: Vec<&str> = case["timeline"].as_array().expect("a timeline").iter().map(|it| it["step"].as_str().expect("text")).collect();
        for step in ["printed", "cancel_asked", "cancel_confirmed", "courier_scan"] {
            assert!(steps.contains(&step), "{step}: {case}");
        }

        let resolve = format!("{path}/resolve");
        desk.post(&resolve, &json!({"as": "claimed"})).await.is_problem(422, "invalid_body", "a claim without its number");
        assert_eq!(desk.post(&resolve, &json!({"as": "came_back"})).await.json()["state"], "came_back");
        desk.post(&resolve, &json!({"as": "came_back"})).await.is_problem(409, "conflict", "twice");
        assert_eq!(desk.world.order(&back.id).await.returning(), units);
        let stocked = desk.post("/api/v1/stock-ins", &json!({"warehouse": "whs_1", "orders": [{"order_id": back.id.as_str()}]})).await;
        assert_eq!(stocked.status, 200, "{}", stocked.text);
        assert_eq!(desk.read(&path).await["state"], "stocked_in", "the stock-in ends it");

        let wish = json!({"as": "claimed", "reference": "APPEAL-1", "note": "the courier pays"});
        let claimed = desk.post(&format!("/api/v1/cases/{}/resolve", lost.id), &wish).await.json();
        assert_eq!((&claimed["state"], &claimed["reference"], &claimed["ended_by"]), (&json!("claimed"), &json!("APPEAL-1"), &json!("owner@example.com")));
        let after = desk.world.order(&lost.id).await;
        assert_eq!((allocated_and_outbound(&after).1, after.lines.iter().all(|line| line.stock.lost == line.quantity)), (0, true));
        assert_eq!(desk.read("/api/v1/cases").await["cases"], json!([]));
        desk.world.ledger_is_proven().await;
    }

    async fn a_rule_packs_what_it_says_in_its_own_name_and_nothing_that_somebody_wants_canceled(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        let path = format!("/api/v1/shops/{}/pack-rule", desk.world.shop);
        assert_eq!(desk.read(&path).await["on"], false);
        let mut waiting = desk.world.list(List::New, 200).await;
        waiting.retain(|order| order.tab == Tab::ToPack);
        let (cod, prepaid): (Vec<_>, Vec<_>) = waiting.iter().partition(|order| order.cod);
        assert!(!cod.is_empty() && prepaid.len() > 1, "{} of {} on delivery", cod.len(), waiting.len());
        let record = desk.world.cancel(prepaid[0], "buyer_requests_cancellation", &[]).await;
        desk.post(&path, &json!({"on": true, "payment": "later"})).await.is_problem(422, "invalid_body", "no such payment");
        let set = desk.post(&path, &json!({"on": true, "payment": "prepaid", "wait_minutes": 0})).await;
        assert_eq!((set.status.as_u16(), &set.json()["set_by"]), (200, &json!("owner@example.com")), "{}", set.text);
        let due = store::jobs::Due { merchant: desk.world.merchant.clone(), shop: desk.world.shop.clone() };
        assert_eq!(desk.world.engine.tick(&due, store::jobs::Kind::AutoPack).await.expect("a tick"), 1);
        for order in &waiting {
            let now = desk.world.order(&order.id).await;
            let packs = !order.cod && order.id != record.order;
            assert_eq!(now.tab == Tab::Packing, packs, "{} cod {}", order.number, order.cod);
        }
        let log = desk.read("/api/v1/audit/log?action=shipment.requested").await;
        let entries = log["entries"].as_array().expect("entries");
        assert!(!entries.is_empty() && entries.iter().all(|entry| entry["actor"] == "rule"), "{log}");
        assert_eq!(desk.post(&path, &json!({"on": false})).await.json()["on"], false);
    }
}
