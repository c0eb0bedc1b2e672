//! Accounts, rules, warehouse orders and one-time links on both databases.

use crate::orders;
use crate::shops::{self, WarehouseRecord};
use crate::tests::{at, furnish, merchant, order, shop_id};
use crate::warehouse_links::{self, LinkRecord};
use crate::warehouse_orders::{self, Parcel, WarehouseOrderRecord};
use crate::warehouses::{self, AccountRecord, RuleRecord, rule_of};
use crate::{Session, StoreError, on_both};
use domain::destination::{Destination, Part};
use domain::ids::{MerchantSku, OrderId, WarehouseId};
use domain::provider::Provider;
use domain::warehouse_order::WarehouseOrder;
use domain::withdrawal::{StaffAnswer, State};

fn there() -> WarehouseId {
    WarehouseId::parse("whs_2").expect("an id")
}

fn account() -> AccountRecord {
    AccountRecord {
        merchant: merchant(),
        warehouse: there(),
        name: "Fake fulfilment".to_owned(),
        provider: Provider::Shipbob,
        account: "433071".to_owned(),
        address: "http://127.0.0.1:1".to_owned(),
        credentials: "{\"token\":\"very secret\"}".to_owned(),
        grant_version: 1,
        contact: "Dock office".to_owned(),
        destination: Destination::entered(|part| if part == Part::Province { "" } else { "told" })
            .expect("a destination"),
        alert: None,
    }
}

async fn with_account(store: &crate::Store) -> Session {
    let mut session = furnish(store).await;
    let warehouse = WarehouseRecord { id: there(), name: "Fake fulfilment".to_owned() };
    shops::add_warehouse(&mut session, &merchant(), &warehouse).await.expect("added");
    store.add_warehouse_account(&mut session, &account(), "route", at(1)).await.expect("added");
    session
}

fn pushed(order: &OrderId, generation: u32) -> WarehouseOrderRecord {
    WarehouseOrderRecord {
        merchant: merchant(),
        order: order.clone(),
        generation,
        warehouse: there(),
        shop: shop_id(),
        reference: format!("{order}-{generation}"),
        number: None,
        saga: WarehouseOrder::new(),
        raw_status: String::new(),
        partial: false,
        parcels: Vec::new(),
        message: None,
        staff_answer: None,
        attempts: 0,
        created_at: at(2),
        updated_at: at(2),
    }
}

on_both! {
    async fn an_account_is_sealed_found_by_its_route_and_there_once(trial) {
        let mut session = with_account(&trial.store).await;
        let read = trial.store.warehouse_account(&mut session, &merchant(), &there()).await.expect("read");
        assert_eq!(read, Some(account()));
        assert_eq!(trial.store.warehouse_accounts(&mut session, &merchant()).await.expect("read"), [account()]);
        assert_eq!(warehouses::by_route(&mut session, "route").await.expect("read"), Some((merchant(), there())));
        assert_eq!(warehouses::by_route(&mut session, "another").await.expect("read"), None);
        trial.store.set_warehouse_credentials(&mut session, &merchant(), &there(), "{}").await.expect("saved");
        warehouses::set_contact(&mut session, &merchant(), &there(), "Gate 3").await.expect("saved");
        warehouses::set_alert(&mut session, &merchant(), &there(), Some("look")).await.expect("saved");
        let read = trial.store.warehouse_account(&mut session, &merchant(), &there()).await.expect("read").expect("there");
        assert_eq!((read.grant_version, read.contact.as_str(), read.alert.as_deref()), (2, "Gate 3", Some("look")));
        session.savepoint().await.expect("begun");
        let twice = trial.store.add_warehouse_account(&mut session, &account(), "second", at(1)).await;
        assert!(matches!(twice, Err(StoreError::Exists(_))), "{twice:?}");
        session.undo().await.expect("undone");
    }

    async fn the_longest_beginning_of_a_sku_says_where_it_lies(trial) {
        let mut session = with_account(&trial.store).await;
        let rule = |sku_prefix: &str, withdraw_on_request| RuleRecord {
            shop: shop_id(),
            sku_prefix: sku_prefix.to_owned(),
            warehouse: there(),
            withdraw_on_request,
        };
        for rule in [rule("MUG", false), rule("MUG-BLU", true), rule("MUG", true), rule("MUG", false)] {
            warehouses::save_rule(&mut session, &merchant(), &rule, at(1)).await.expect("saved");
        }
        let rules = warehouses::rules_of_shop(&mut session, &merchant(), &shop_id()).await.expect("read");
        assert_eq!(rules, [rule("MUG", false), rule("MUG-BLU", true)]);
        let of = |sku: &str| rule_of(&rules, &MerchantSku::parse(sku).expect("a SKU")).map(|rule| rule.sku_prefix.as_str());
        assert_eq!([of("MUG-BLU"), of("MUG-WHT"), of("TWL")], [Some("MUG-BLU"), Some("MUG"), None]);
        assert!(warehouses::remove_rule(&mut session, &merchant(), &shop_id(), "MUG").await.expect("removed"));
        assert!(!warehouses::remove_rule(&mut session, &merchant(), &shop_id(), "MUG").await.expect("read"));
    }

    async fn a_warehouse_order_is_read_as_it_was_written_and_its_last_push_counts(trial) {
        let mut session = with_account(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let mut first = pushed(&order.id, 1);
        warehouse_orders::insert(&mut session, &first).await.expect("inserted");
        first.saga = WarehouseOrder {
            state: State::RefusedPicked,
            wanted: true,
            picked: true,
            confirmed: true,
            in_doubt_until: Some(at(9)),
            push_refused: true,
            refusals: 2,
            unjudged: true,
            asked_at: Some(at(8)),
            absent_reads: 3,
            absent_since: Some(at(7)),
            contradicted_since: Some(at(6)),
            fruitless_reads: 4,
        };
        first.number = Some("40100".to_owned());
        first.parcels = vec![Parcel { number: "50100".to_owned(), tracking_number: Some("TRK1".to_owned()) }];
        first.staff_answer = Some(StaffAnswer::Gone);
        first.message = Some("too late".to_owned());
        first.raw_status = "Processing".to_owned();
        (first.partial, first.attempts, first.updated_at) = (true, 1, at(9));
        warehouse_orders::save(&mut session, &first).await.expect("saved");
        assert_eq!(warehouse_orders::latest_at(&mut session, &merchant(), &order.id, &there()).await.expect("read"), Some(first.clone()));

        warehouse_orders::begin_attempt(&mut session, &first, "withdraw", (at(8), at(28))).await.expect("begun");
        let open = warehouse_orders::open_attempts(&mut session, &first).await.expect("read");
        assert_eq!((open.len(), open[0].act.as_str(), open[0].deadline), (1, "withdraw", at(28)));
        let outcome = crate::cancellations::Outcome { outcome: "accepted", http_status: 200, ..Default::default() };
        warehouse_orders::end_attempt(&mut session, &first, 1, &outcome, at(9)).await.expect("ended");
        assert!(warehouse_orders::open_attempts(&mut session, &first).await.expect("read").is_empty());

        warehouse_orders::insert(&mut session, &pushed(&order.id, 2)).await.expect("inserted");
        let latest = warehouse_orders::latest_at(&mut session, &merchant(), &order.id, &there()).await.expect("read").expect("there");
        assert_eq!(latest.generation, 2);
        let named = warehouse_orders::by_reference(&mut session, &merchant(), &there(), &first.reference).await;
        assert_eq!(named.expect("read"), Some(order.id.clone()));
    }

    async fn a_link_is_used_once_and_not_after_its_end(trial) {
        let mut session = with_account(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        warehouse_orders::insert(&mut session, &pushed(&order.id, 1)).await.expect("inserted");
        let link = LinkRecord {
            merchant: merchant(),
            order: order.id.clone(),
            generation: 1,
            created_by: "op@example.com".to_owned(),
            created_at: at(10),
            expires_at: at(20),
        };
        warehouse_links::add(&mut session, "hash", &link).await.expect("added");
        assert_eq!(warehouse_links::open(&mut session, "hash", at(20)).await.expect("read"), None, "too old");
        assert_eq!(warehouse_links::open(&mut session, "hash", at(19)).await.expect("read"), Some(link.clone()));
        assert_eq!(warehouse_links::use_up(&mut session, "hash", at(19)).await.expect("used"), Some(link));
        assert_eq!(warehouse_links::use_up(&mut session, "hash", at(19)).await.expect("read"), None, "once");
        assert_eq!(warehouse_links::open(&mut session, "hash", at(19)).await.expect("read"), None);
    }
}
