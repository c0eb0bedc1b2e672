//! Agree, reject, ship and pack race for one order from fifty connections: one wins, the others are told which door is closed,
//! and the goods' door matches the winner.
//!
//! `COUNTERMAND_RACE_ROUNDS` sets the rounds (`cargo xtask torture --race` takes 200).

use crate::desk::{Answer, Desk};
use domain::ids::OrderId;
use domain::order::{List, Tab};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use store::on_both;
use store::orders::OrderRecord;

/// Connections at once.
const CONNECTIONS: usize = 50;
/// What each of them asks for, in turn.
const ACTS: [&str; 4] = ["agree", "reject", "ship", "pack"];

fn rounds() -> usize {
    std::env::var("COUNTERMAND_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

/// An order that nobody raced for yet, with its label cached.
async fn fresh(desk: &Desk, used: &mut HashSet<OrderId>) -> OrderRecord {
    let next = async || {
        let orders = desk.world.list(List::InProcess, 200).await;
        orders.into_iter().find(|order| order.tab == Tab::Printable && !used.contains(&order.id))
    };
    desk.world.run_until_so("a printable order", async || next().await.is_some()).await;
    let order = next().await.expect("printable");
    used.insert(order.id.clone());
    order
}

/// The buyer asks, and the desk hears of it.
async fn buyer_asks(desk: &Desk, order: &OrderRecord) {
    let path = format!("/orders/shopee/{}/buyer-cancel", order.number);
    desk.world.control.send(Method::POST, &path, json!({})).await;
}

async fn hear(desk: &Desk, order: &OrderRecord) {
    let (merchant, shop) = (&desk.world.merchant, &desk.world.shop);
    let mut session = desk.app.store.begin().await.expect("begins");
    let numbers = std::slice::from_ref(&order.number);
    desk.world.engine.nudge(&mut session, merchant, shop, numbers).await.expect("nudged");
    session.commit().await.expect("committed");
    let due = store::jobs::Due { merchant: merchant.clone(), shop: shop.clone() };
    while desk.world.engine.tick(&due, store::jobs::Kind::ReadOrder).await.expect("a tick") > 0 {}
}

async fn open_request(desk: &Desk, order: &OrderRecord) -> Option<String> {
    let page = desk.read("/api/v1/cancellation-requests?state=open&limit=200").await;
    let requests = page["requests"].as_array().expect("requests").clone();
    let request = requests.iter().find(|request| request["order_id"] == order.id.as_str())?;
    request["id"].as_str().map(str::to_owned)
}

async fn act(desk: &Desk, order: &OrderRecord, request: Option<&str>, what: &'static str) -> (&'static str, Answer) {
    let path = match (what, request) {
        ("agree" | "reject", Some(request)) => format!("/api/v1/cancellation-requests/{request}/{what}"),
        ("agree" | "reject", None) => format!("/api/v1/orders/{}/ship", order.id),
        _ => format!("/api/v1/orders/{}/{what}", order.id),
    };
    (what, desk.ask(Method::POST, &desk.owner, &path, &[], "").await)
}

async fn all_at_once(desk: &Desk, order: &OrderRecord, request: Option<&str>) -> Vec<(&'static str, Answer)> {
    join_all((0..CONNECTIONS).map(|place| act(desk, order, request, ACTS[place % ACTS.len()]))).await
}

/// Runs what is due until nothing of the order is under way.
async fn settle(desk: &Desk, order: &OrderRecord) -> OrderRecord {
    let is_settled = async || {
        let now = desk.world.order(&order.id).await;
        let answering = desk.read("/api/v1/cancellation-requests?state=answering&limit=200").await;
        let is_answered = answering["requests"].as_array().is_some_and(Vec::is_empty);
        is_answered && !now.cancelling && now.shipment != domain::shipment::Mark::Live
    };
    desk.world.run_until_so("the order's rest", is_settled).await;
    desk.world.order(&order.id).await
}

fn refused(answers: &[(&str, Answer)], allowed: &[(&str, &[&str])]) {
    for (what, answer) in answers.iter().filter(|(_, answer)| !answer.status.is_success()) {
        let problem: Value = answer.json();
        let code = problem["code"].as_str().unwrap_or_default();
        let codes = allowed.iter().find(|(of, _)| of == what).map_or(&[][..], |(_, codes)| codes);
        assert_eq!(answer.status, 409, "{what}: {problem}");
        assert!(codes.contains(&code), "{what} was refused with {code}: {problem}");
    }
}

fn units(order: &OrderRecord, of: fn(&domain::stock::LineStock) -> u32) -> u32 {
    order.lines.iter().map(|line| of(&line.stock)).sum()
}

/// The buyer's request is known: only an answer can win, once, and no goods go out.
async fn with_a_known_request(desk: &Desk, order: &OrderRecord) {
    buyer_asks(desk, order).await;
    hear(desk, order).await;
    let request = open_request(desk, order).await.expect("an open request");
    let answers = all_at_once(desk, order, Some(&request)).await;
    let winners: Vec<&str> =
        answers.iter().filter(|(_, answer)| answer.status.is_success()).map(|(what, _)| *what).collect();
    assert_eq!(winners.len(), 1, "{}: {winners:?}", order.number);
    let closed: &[&str] = &["request_open", "cancel_pending"];
    let decided: &[&str] = &["already_decided"];
    refused(&answers, &[("agree", decided), ("reject", decided), ("ship", closed), ("pack", closed)]);

    let ended = settle(desk, order).await;
    let truth = desk.world.control.order(&order.number).await;
    assert_eq!(units(&ended, |stock| stock.outbound), 0, "nothing went out");
    if winners == ["agree"] {
        assert_eq!((ended.list, &truth["status"]), (List::Canceled, &json!("CANCELLED")), "{truth}");
        let (_, late) = act(desk, order, None, "ship").await;
        late.is_problem(409, "conflict", "a canceled order is shipped");
    } else {
        assert_eq!((ended.list, &truth["status"]), (List::InProcess, &json!("PROCESSED")), "{truth}");
        let (_, shipped) = act(desk, order, None, "ship").await;
        assert_eq!(shipped.status, 200, "the door is open again: {}", shipped.text);
    }
}

/// The buyer asks while parcels are scanned: whoever comes first wins, and the goods are where the winner put them.
async fn with_a_request_on_its_way(desk: &Desk, order: &OrderRecord) {
    buyer_asks(desk, order).await;
    let live = order.lines.iter().map(store::orders::LineRecord::live).sum::<u32>();
    let (answers, ()) = tokio::join!(all_at_once(desk, order, None), hear(desk, order));
    let winners = answers.iter().filter(|(_, answer)| answer.status.is_success()).count();
    assert!(winners <= 1, "{} was shipped {winners} times", order.number);
    let closed: &[&str] = &["request_open", "conflict"];
    refused(&answers, &[("agree", closed), ("reject", closed), ("ship", closed), ("pack", closed)]);
    let after = desk.world.order(&order.id).await;
    assert_eq!(after.list, List::CancelRequested, "the request is known afterwards");
    let out = if winners == 1 { live } else { 0 };
    assert_eq!(units(&after, |stock| stock.outbound), out, "{}", order.number);

    // Agreed to all the same: what is out comes back, what is here waits to be stocked in.
    let request = open_request(desk, order).await.expect("an open request");
    let (_, agreed) = act(desk, order, Some(&request), "agree").await;
    assert_eq!(agreed.status, 202, "{}", agreed.text);
    let ended = settle(desk, order).await;
    assert_eq!(ended.list, List::Canceled);
    assert_eq!(
        (units(&ended, |stock| stock.outbound), units(&ended, |stock| stock.returning)),
        (0, live),
        "{}",
        order.number
    );
}

on_both! {
    async fn one_of_fifty_wins_and_the_goods_door_matches_the_winner(trial) {
        let rounds = rounds();
        let orders = u32::try_from(rounds * 12).unwrap_or(u32::MAX).clamp(160, 4_000);
        let desk = Desk::without_workers(trial, orders).await;
        let mut used = HashSet::new();
        for round in 0..rounds {
            let order = fresh(&desk, &mut used).await;
            if round % 2 == 0 {
                with_a_known_request(&desk, &order).await;
            } else {
                with_a_request_on_its_way(&desk, &order).await;
            }
        }
        desk.world.ledger_is_proven().await;
    }
}
