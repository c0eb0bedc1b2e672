//! The same functions on both databases, and every statement prepared on both.

use crate::batches::{self, BatchRecord, Selection};
use crate::cancellations::{self, CancellationRecord, Outcome};
use crate::explain::{self, Wanted};
use crate::idempotency::{self, Kept, Scope};
use crate::jobs::{self, Due, Kind, Lease};
use crate::order_lists::{self, Filter, Sort};
use crate::orders::{self, LineRecord, NEVER, OrderRecord, PackageRecord};
use crate::people::{self, UserRecord};
use crate::proof::{self, Flaw};
use crate::session::{Session, Transaction};
use crate::shops::{self, ShopRecord, WarehouseRecord};
use crate::stock::{self, Movement};
use crate::{StoreError, new_id, on_both};
use domain::batch::{Course, Numbers, OrderState};
use domain::cancellation::{Cancellation, Event, MeantLine, View, decide};
use domain::ids::*;
use domain::money::{Currency, Money};
use domain::order::{List, Stage, Tab};
use domain::penalty::{Ceiling, RateRule, RateUnit, Tally};
use domain::platform::Platform;
use domain::policy::Standing;
use domain::snapshot::{FulfilledBy, Initiator};
use domain::stock::{Bucket, Cause, LineStock};
use domain::time::{Moment, Span};
use sqlx::{AssertSqlSafe, Executor as _, Row as _, SqlSafeStr as _};

pub(crate) fn at(seconds: i64) -> Moment {
    Moment::from_seconds(seconds)
}

pub(crate) fn merchant() -> MerchantId {
    MerchantId::parse("mer_1").expect("an id")
}

pub(crate) fn shop_id() -> ShopId {
    ShopId::parse("shp_1").expect("an id")
}

fn sku(text: &str) -> MerchantSku {
    MerchantSku::parse(text).expect("a SKU")
}

fn warehouse() -> WarehouseId {
    WarehouseId::parse("whs_1").expect("an id")
}

fn shop() -> ShopRecord {
    ShopRecord {
        merchant: merchant(),
        id: shop_id(),
        platform: Platform::Shopee,
        account: "600123456".to_owned(),
        name: "Kedai".to_owned(),
        region: "MY".to_owned(),
        address: "http://127.0.0.1:1".to_owned(),
        callback_url: None,
        warehouse: warehouse(),
        credentials: "{\"refresh_token\":\"very secret\"}".to_owned(),
        grant_version: 1,
        authorised: true,
        connected: true,
        alert: None,
        stock_from: at(0),
        swept_to: at(0),
    }
}

pub(crate) fn order(number: &str, ship_by: i64) -> OrderRecord {
    let currency = Currency::parse("MYR").expect("a currency");
    OrderRecord {
        merchant: merchant(),
        id: OrderId::parse(new_id("ord", at(1))).expect("an id"),
        shop: shop_id(),
        platform: Platform::Shopee,
        number: OrderNumber::parse(number).expect("a number"),
        version: 1,
        list: List::New,
        tab: Tab::ToPack,
        platform_status: "READY_TO_SHIP".to_owned(),
        standing: Standing::ToPack,
        stage: Stage::Untouched,
        region: "MY".to_owned(),
        currency,
        total: Some(Money::from_minor(5_840, currency)),
        buyer_name: "a****n".to_owned(),
        cod: false,
        preorder: false,
        fulfilled_by: FulfilledBy::Seller,
        seller_may_cancel: Some(true),
        voided: false,
        cancelling: false,
        shipment: domain::shipment::Mark::None,
        scanned_out: false,
        goods: domain::warehouse_order::Goods::Free,
        left_before_counting: false,
        cancelled_by: None,
        cancel_reason: None,
        buyer_reason: None,
        ordered_at: at(10),
        paid_at: Some(at(11)),
        ship_by: if ship_by == 0 { NEVER } else { at(ship_by) },
        canceled_at: None,
        platform_updated_at: at(12),
        read_began_at: at(13),
        written_at: at(0),
        updated_at: at(13),
        lines: vec![LineRecord {
            id: LineId::parse("1-2").expect("an id"),
            listing: ListingId::parse("24567890123:198765432109").expect("an id"),
            listing_sku: ListingSku::parse("MUG-BLU").expect("a SKU"),
            merchant_sku: sku("MUG-BLU"),
            warehouse: warehouse(),
            name: "Ceramic mug".to_owned(),
            variation: "Blue".to_owned(),
            quantity: 2,
            canceled_quantity: 0,
            canceled_by: None,
            unit_price: Some(Money::from_minor(2_670, currency)),
            platform_status: String::new(),
            stage: None,
            package: None,
            part_of: None,
            goods: domain::warehouse_order::Goods::Free,
            stock: LineStock { allocated: 2, ..LineStock::default() },
        }],
        packages: vec![PackageRecord {
            number: PackageNumber::parse("OFG187654321098765").expect("a number"),
            tracking_number: Some("SPXMY0123456789".to_owned()),
            platform_status: "LOGISTICS_READY".to_owned(),
            stage: Stage::Untouched,
            carrier: "Standard Delivery".to_owned(),
            label: domain::label::LabelState::None,
            scanned_out: false,
        }],
    }
}

fn cancellation(order: &OrderRecord) -> CancellationRecord {
    CancellationRecord {
        merchant: merchant(),
        id: CancellationId::parse(new_id("can", at(20))).expect("an id"),
        order: order.id.clone(),
        shop: shop_id(),
        reason: ReasonCode::parse("out_of_stock").expect("a code"),
        scope: domain::cancellation::Scope::Order,
        lines: vec![MeantLine {
            line: LineId::parse("1-2").expect("an id"),
            quantity: 2,
            canceled_before: 0,
            canceled: 0,
        }],
        side_effects: Vec::new(),
        note: Some("none left".to_owned()),
        saga: Cancellation::requested(at(20)),
        platform_message: None,
        request: None,
        despite_warehouse: false,
        actor: "op@example.com".to_owned(),
        created_at: at(20),
        updated_at: at(20),
    }
}

fn batch(id: &str) -> BatchRecord {
    let reason = ReasonCode::parse("out_of_stock").expect("a code");
    BatchRecord {
        merchant: merchant(),
        id: BatchId::parse(id).expect("an id"),
        course: Course::Running,
        reasons: [(Platform::Shopee, reason)].into(),
        merchant_skus: vec![sku("MUG-BLU")],
        ceiling: Ceiling::parse("2.5"),
        orders: 0,
        actor: "op@example.com".to_owned(),
        user: UserId::parse("usr_1").expect("an id"),
        created_at: at(20),
        updated_at: at(20),
    }
}

fn lease(kind: Kind, id: &str, until: i64) -> Lease {
    Lease { merchant: merchant(), kind, id: id.to_owned(), until: at(until) }
}

/// A merchant with a warehouse and a shop.
pub(crate) async fn furnish(store: &crate::Store) -> Session {
    let mut session = store.begin().await.expect("begins");
    shops::add_merchant(&mut session, &merchant(), "A seller", at(0)).await.expect("added");
    shops::add_warehouse(&mut session, &merchant(), &WarehouseRecord { id: warehouse(), name: "Shelf".to_owned() })
        .await
        .expect("added");
    store.add_shop(&mut session, &shop(), at(0)).await.expect("added");
    session
}

async fn prepare(session: &mut Session, sql: &'static str) -> Result<(), sqlx::Error> {
    match &mut session.transaction {
        Transaction::Sqlite(transaction) => (**transaction).prepare(sql.into_sql_str()).await.map(drop),
        Transaction::Postgres(transaction) => {
            (**transaction).prepare(AssertSqlSafe(crate::dialect::postgres(sql)).into_sql_str()).await.map(drop)
        }
    }
}

on_both! {
    async fn every_statement_can_be_prepared(trial) {
        for (module, statements) in crate::ALL_STATEMENTS {
            for (name, sql) in *statements {
                let mut session = trial.store.begin().await.expect("begins");
                if let Err(error) = prepare(&mut session, sql).await {
                    panic!("{module}::{name}: {error}\n{sql}");
                }
            }
        }
    }

    async fn an_order_is_read_as_it_was_written(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("260810K7QX2M4P", 100);
        assert!(orders::insert(&mut session, &order).await.expect("inserted"));
        session.commit().await.expect("committed");
        let mut session = trial.store.read().await.expect("begins");
        assert_eq!(orders::load_one(&mut session, &merchant(), &order.id).await.expect("read"), Some(order.clone()));
        let ids = orders::ids_by_number(&mut session, &merchant(), &shop_id(), std::slice::from_ref(&order.number)).await.expect("found");
        assert_eq!(ids.get(&order.number), Some(&order.id));
        let stranger = MerchantId::parse("mer_2").expect("an id");
        assert_eq!(orders::load_one(&mut session, &stranger, &order.id).await.expect("read"), None);
    }

    async fn a_known_number_is_not_inserted_twice(trial) {
        let mut session = furnish(&trial.store).await;
        assert!(orders::insert(&mut session, &order("N1", 1)).await.expect("inserted"));
        assert!(!orders::insert(&mut session, &order("N1", 1)).await.expect("known"));
    }

    async fn a_change_on_an_old_version_is_a_conflict(trial) {
        let mut session = furnish(&trial.store).await;
        let before = order("N1", 1);
        orders::insert(&mut session, &before).await.expect("inserted");
        let mut after = before.clone();
        after.list = List::Voided;
        after.voided = true;
        after.lines[0].stock.allocated = 0;
        after.packages.clear();
        orders::update(&mut session, &before, &after).await.expect("updated");
        let again = orders::update(&mut session, &before, &after).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        let read = orders::load_one(&mut session, &merchant(), &before.id).await.expect("read").expect("there");
        assert_eq!(read, OrderRecord { version: 2, ..after });
    }

    async fn pages_follow_each_other_without_gap_or_repeat(trial) {
        let mut session = furnish(&trial.store).await;
        for number in 0..25 {
            orders::insert(&mut session, &order(&format!("N{number:02}"), 1 + number / 3)).await.expect("inserted");
        }
        for word in ["ship_by", "-ship_by", "ordered_at", "-ordered_at", "canceled_at", "-canceled_at"] {
            for list in [Some(List::New), None] {
                let filter = Filter { list, ..Filter::default() };
                let sort = Sort::parse(word).expect("a sort");
                let (mut seen, mut cursor) = (Vec::new(), None);
                loop {
                    let (ids, next) = order_lists::page(&mut session, &merchant(), &filter, sort, cursor.as_ref(), 10).await.expect("a page");
                    seen.extend(ids);
                    cursor = next;
                    if cursor.is_none() {
                        break;
                    }
                }
                let unique: std::collections::HashSet<_> = seen.iter().collect();
                assert_eq!((seen.len(), unique.len()), (25, 25), "{word}");
            }
        }
    }

    async fn orders_are_found_by_number_tracking_and_sku(trial) {
        let mut session = furnish(&trial.store).await;
        let mut other = order("OTHER", 2);
        other.lines[0].listing_sku = ListingSku::parse("HAT").expect("a SKU");
        other.lines[0].merchant_sku = sku("HAT");
        other.packages.clear();
        orders::insert(&mut session, &order("N1", 1)).await.expect("inserted");
        orders::insert(&mut session, &other).await.expect("inserted");
        for (search, found) in [("n1", 1), ("SPXMY01", 1), ("mug", 1), ("hat", 1), ("OFG", 1), ("o", 2), ("nothing", 0), ("%", 0)] {
            let filter = Filter { search: Some(search.to_owned()), ..Filter::default() };
            let (ids, _) = order_lists::page(&mut session, &merchant(), &filter, Sort::parse("ship_by").expect("a sort"), None, 10).await.expect("a page");
            assert_eq!(ids.len(), found, "{search}");
        }
    }

    async fn each_filter_narrows_the_page(trial) {
        let mut session = furnish(&trial.store).await;
        orders::insert(&mut session, &order("N1", 1)).await.expect("inserted");
        let sort = Sort::parse("ship_by").expect("a sort");
        let all = Filter::default();
        let (field, from, to) = (order_lists::TimeField::Ordered, at(0), at(10));
        for (filter, found) in [
            (Filter { tab: Some(Tab::ToPack), ..all.clone() }, 1),
            (Filter { tab: Some(Tab::OnHold), ..all.clone() }, 0),
            (Filter { platform: Some(Platform::Lazada), ..all.clone() }, 0),
            (Filter { shops: Some(vec![shop_id()]), ..all.clone() }, 1),
            (Filter { shops: Some(vec![]), ..all.clone() }, 0),
            (Filter { status: Some("READY_TO_SHIP".to_owned()), ..all.clone() }, 1),
            (Filter { status: Some("SHIPPED".to_owned()), ..all.clone() }, 0),
            (Filter { stage: Some(Stage::Packed), ..all.clone() }, 0),
            (Filter { cod: Some(true), ..all.clone() }, 0),
            (Filter { preorder: Some(false), ..all.clone() }, 1),
            (Filter { fulfilled_by: Some(FulfilledBy::Platform), ..all.clone() }, 0),
            (Filter { time: Some((field, from, to)), ..all.clone() }, 1),
            (Filter { time: Some((field, at(11), at(12))), ..all.clone() }, 0),
        ] {
            let (ids, _) = order_lists::page(&mut session, &merchant(), &filter, sort, None, 10).await.expect("a page");
            assert_eq!(ids.len(), found, "{filter:?}");
        }
        let counts = order_lists::counts(&mut session, &merchant(), None).await.expect("counts");
        assert_eq!(counts, [(List::New, Tab::ToPack, 1)]);
    }

    async fn an_order_has_one_unfinished_cancellation(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let mut first = cancellation(&order);
        cancellations::insert(&mut session, &first).await.expect("inserted");
        session.savepoint().await.expect("a savepoint");
        let second = cancellations::insert(&mut session, &cancellation(&order)).await;
        assert!(matches!(second, Err(StoreError::Exists(_))), "{second:?}");
        session.undo().await.expect("undone");
        first.saga.phase = domain::cancellation::Phase::Refused("no".to_owned());
        first.platform_message = Some("no".to_owned());
        first.lines[0].canceled = 1;
        first.side_effects = vec![cancellations::SideEffect { line_id: "9".to_owned(), quantity: 1 }];
        cancellations::save(&mut session, &first).await.expect("saved");
        cancellations::save_side_effects(&mut session, &first).await.expect("saved");
        cancellations::insert(&mut session, &cancellation(&order)).await.expect("the next may begin");
        let all = cancellations::of_orders(&mut session, &merchant(), std::slice::from_ref(&order.id)).await.expect("read");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], first);
    }

    async fn an_intent_without_an_outcome_is_found_after_a_crash(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let record = cancellation(&order);
        cancellations::insert(&mut session, &record).await.expect("inserted");
        cancellations::begin_attempt(&mut session, &merchant(), &record.id, 1, &record.lines, (at(21), at(31))).await.expect("begun");
        session.commit().await.expect("committed");
        let mut session = trial.reopen().await.begin().await.expect("begins");
        let open = cancellations::open_attempts(&mut session, &merchant(), std::slice::from_ref(&record.id)).await.expect("read");
        assert_eq!(open, [(record.id.clone(), 1, at(31))]);
        let outcome = Outcome { outcome: "accepted", http_status: 200, ..Outcome::default() };
        cancellations::end_attempt(&mut session, &merchant(), &record.id, 1, &outcome, at(22)).await.expect("ended");
        assert!(cancellations::open_attempts(&mut session, &merchant(), std::slice::from_ref(&record.id)).await.expect("read").is_empty());
        let attempts = cancellations::attempts(&mut session, &merchant(), &record.id).await.expect("read");
        assert_eq!((attempts[0].answered_at, &attempts[0].lines), (Some(at(22)), &record.lines));
    }

    async fn every_state_of_a_saga_is_read_as_it_was_written(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let mut record = cancellation(&order);
        cancellations::insert(&mut session, &record).await.expect("inserted");
        let policy = policy();
        for event in [
            Event::Read { view: View::Alive(Ok(())), updated_at: Some(at(12)), goods: domain::warehouse_order::Goods::Free },
            Event::Unknown { deadline: at(31) },
            Event::Read { view: View::Alive(Ok(())), updated_at: Some(at(12)), goods: domain::warehouse_order::Goods::Free },
            Event::Rejected { words: "Can not cancel this order".to_owned() },
            Event::Accepted,
            Event::Read { view: View::Canceled(Some(domain::snapshot::Initiator::Seller)), updated_at: Some(at(40)), goods: domain::warehouse_order::Goods::Free },
        ] {
            record.saga = decide(record.saga, event, at(5_000), &policy).0;
            if let domain::cancellation::Sent::Rejected { words, .. } = &record.saga.sent {
                record.platform_message = Some(words.clone());
            }
            cancellations::save(&mut session, &record).await.expect("saved");
            let read = cancellations::load(&mut session, &merchant(), std::slice::from_ref(&record.id)).await.expect("read");
            assert_eq!(read, [record.clone()]);
        }
    }

    async fn a_job_is_held_by_one_and_a_nudge_meanwhile_is_not_lost(trial) {
        let mut session = furnish(&trial.store).await;
        jobs::want(&mut session, &merchant(), &shop_id(), Kind::ReadOrder, "N1", at(5)).await.expect("wanted");
        jobs::want(&mut session, &merchant(), &shop_id(), Kind::ReadOrder, "N1", at(9)).await.expect("wanted twice is one job");
        assert!(jobs::due(&mut session, Kind::ReadOrder, at(4)).await.expect("due").is_empty());
        let due = jobs::due(&mut session, Kind::ReadOrder, at(5)).await.expect("due");
        assert_eq!(due, [Due { merchant: merchant(), shop: shop_id() }]);
        let (a, b) = (lease(Kind::ReadOrder, "a", 35), lease(Kind::ReadOrder, "b", 38));
        let claimed = jobs::claim(&mut session, &a, &shop_id(), at(5), 10).await.expect("claimed");
        assert_eq!(claimed.len(), 1);
        assert!(jobs::claim(&mut session, &b, &shop_id(), at(6), 10).await.expect("claims").is_empty());
        jobs::want(&mut session, &merchant(), &shop_id(), Kind::ReadOrder, "N1", at(7)).await.expect("nudged");
        assert!(jobs::finish(&mut session, &a, &claimed[0], at(8)).await.expect("finished"));
        let again = jobs::claim(&mut session, &b, &shop_id(), at(8), 10).await.expect("claims");
        assert_eq!(again.len(), 1, "asked for meanwhile: due once more");
        assert!(!jobs::finish(&mut session, &a, &again[0], at(8)).await.expect("not the holder's word"));
        assert!(jobs::finish(&mut session, &b, &again[0], at(8)).await.expect("finished"));
        assert_eq!(jobs::next_wake(&mut session).await.expect("read"), None);
    }

    async fn a_lease_that_ran_out_is_taken_over(trial) {
        let mut session = furnish(&trial.store).await;
        jobs::want(&mut session, &merchant(), &shop_id(), Kind::Cancellation, "can_1", at(5)).await.expect("wanted");
        let (a, b, c) = (lease(Kind::Cancellation, "a", 35), lease(Kind::Cancellation, "b", 64), lease(Kind::Cancellation, "c", 66));
        let first = jobs::claim(&mut session, &a, &shop_id(), at(5), 10).await.expect("claimed");
        assert!(jobs::still_held(&mut session, &a, &first[0]).await.expect("held"));
        assert!(jobs::claim(&mut session, &b, &shop_id(), at(34), 10).await.expect("claims").is_empty());
        let second = jobs::claim(&mut session, &b, &shop_id(), at(35), 10).await.expect("claims");
        assert_eq!((second.len(), second[0].tries), (1, 2));
        assert!(!jobs::again(&mut session, &a, &first[0], at(36), at(36)).await.expect("not the holder's word"));
        assert!(!jobs::still_held(&mut session, &a, &first[0]).await.expect("lost"));
        assert!(jobs::claim(&mut session, &c, &shop_id(), at(36), 10).await.expect("claims").is_empty());
        jobs::free(&mut session, &b, at(37)).await.expect("given back");
        assert_eq!(jobs::claim(&mut session, &c, &shop_id(), at(37), 10).await.expect("claims").len(), 1);
    }

    async fn a_movement_written_twice_moves_once_and_the_ledger_is_proven(trial) {
        let mut session = furnish(&trial.store).await;
        let opening = Movement {
            key: "opening/whs_1/MUG-BLU".to_owned(),
            warehouse: warehouse(),
            sku: sku("MUG-BLU"),
            from: Bucket::Outside,
            to: Bucket::Available,
            units: 7,
            cause: Cause::Opening,
            order: None,
            line: None,
            actor: "op@example.com".to_owned(),
        };
        assert_eq!(stock::write(&mut session, &merchant(), &[opening.clone(), opening.clone()], at(1)).await.expect("written"), 1);
        assert_eq!(stock::write(&mut session, &merchant(), std::slice::from_ref(&opening), at(2)).await.expect("known"), 0);
        let balances = stock::balances(&mut session, &merchant(), None, None, None, 10).await.expect("read");
        assert_eq!((balances.len(), balances[0].balance.available, balances[0].balance.on_hand()), (1, 7, 7));
        assert!(proof::unproven(&mut session, &merchant()).await.expect("proof").is_empty());
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let wrong = proof::unproven(&mut session, &merchant()).await.expect("proof");
        assert_eq!(wrong.iter().map(|found| found.flaw).collect::<Vec<_>>(), [Flaw::Holding], "the line says it holds 2 that were never moved");
        let sums = proof::sums(&mut session, &merchant(), None).await.expect("sums");
        assert_eq!((sums.kept, sums.movements, sums.balances), (sums.moved, 1, 1));
        let (warehouse, sku) = (warehouse(), sku("MUG-BLU"));
        let wanted = Wanted { warehouse: &warehouse, sku: &sku, bucket: None, until: None };
        assert_eq!(explain::movements(&mut session, &merchant(), &wanted, None, 10).await.expect("read").len(), 1);
        assert_eq!(explain::totals(&mut session, &merchant(), &wanted, None).await.expect("read"), balances[0].balance);
        let before = Wanted { until: Some(at(0)), ..wanted };
        assert!(explain::movements(&mut session, &merchant(), &before, None, 10).await.expect("read").is_empty());
        assert_eq!(explain::course(&mut session, &merchant(), &before).await.expect("read"), None);
        let stretches = explain::over_time(&mut session, &merchant(), &wanted, at(0), Span::from_seconds(1)).await.expect("read");
        assert_eq!(stretches, [(at(1), balances[0].balance)]);
    }

    async fn no_bucket_falls_below_zero(trial) {
        let mut session = furnish(&trial.store).await;
        let too_much = Movement {
            key: "k".to_owned(),
            warehouse: warehouse(),
            sku: sku("MUG-BLU"),
            from: Bucket::Available,
            to: Bucket::Allocated,
            units: 1,
            cause: Cause::Allocate,
            order: None,
            line: None,
            actor: "rule".to_owned(),
        };
        assert!(stock::write(&mut session, &merchant(), &[too_much], at(1)).await.is_err());
    }

    async fn the_log_and_the_movements_cannot_be_changed(trial) {
        let mut session = furnish(&trial.store).await;
        let entry = crate::log::Entry { actor: "op@example.com", action: "order.voided", shop: Some(&shop_id()), order: None, subject: "N1", detail: "set aside" };
        crate::log::write(&mut session, &merchant(), at(1), &entry).await.expect("written");
        let entries = crate::log::page(&mut session, &merchant(), &crate::log::Search { words: Some("ASIDE".to_owned()), ..Default::default() }, None, 10).await.expect("read");
        assert_eq!(entries.len(), 1);
        session.savepoint().await.expect("a savepoint");
        assert!(session.execute("update log set actor = 'nobody'", &[]).await.is_err());
        session.undo().await.expect("undone");
        session.savepoint().await.expect("a savepoint");
        assert!(session.execute("delete from log", &[]).await.is_err());
        session.undo().await.expect("undone");
    }

    async fn an_answer_is_kept_once_for_its_key(trial) {
        let mut session = furnish(&trial.store).await;
        let merchant = merchant();
        let scope = Scope { merchant: &merchant, actor: "usr_1", path: "/api/v1/cancellations", key: "k1" };
        assert_eq!(idempotency::find(&mut session, &scope).await.expect("read"), None);
        let kept = Kept { body_hash: "h".to_owned(), status: 202, answer: "{}".to_owned() };
        idempotency::keep(&mut session, &scope, &kept, at(1)).await.expect("kept");
        assert_eq!(idempotency::find(&mut session, &scope).await.expect("read"), Some(kept.clone()));
        session.savepoint().await.expect("a savepoint");
        assert!(matches!(idempotency::keep(&mut session, &scope, &kept, at(1)).await, Err(StoreError::Exists(_))));
        session.undo().await.expect("undone");
        let later = at(1).plus(idempotency::KEPT_FOR).plus(Span::from_seconds(1));
        assert_eq!(idempotency::forget_old(&mut session, later).await.expect("forgotten"), 1);
    }

    async fn credentials_are_sealed_and_renewed_by_one(trial) {
        let session = furnish(&trial.store).await;
        session.commit().await.expect("committed");
        let mut session = trial.store.begin().await.expect("begins");
        let read = trial.store.shop(&mut session, &merchant(), &shop_id()).await.expect("read").expect("there");
        assert_eq!(read, shop());
        let sealed = session.row("select credentials from shops", &[]).await.expect("read").expect("there").bytes("credentials").expect("bytes");
        assert!(!sealed.windows(11).any(|window| window == b"very secret"));
        assert!(shops::begin_renewal(&mut session, &read, "a", at(1), at(31)).await.expect("taken"));
        assert!(!shops::begin_renewal(&mut session, &read, "b", at(2), at(32)).await.expect("held"));
        assert!(trial.store.save_renewed(&mut session, &merchant(), &shop_id(), 1, "{\"new\":1}").await.expect("saved"));
        assert!(!trial.store.save_renewed(&mut session, &merchant(), &shop_id(), 1, "{\"newer\":1}").await.expect("too late"));
        assert!(!shops::begin_renewal(&mut session, &read, "b", at(40), at(70)).await.expect("renewed since"), "an old grant is not renewed again");
        let found = shops::by_account(&mut session, Platform::Shopee, "600123456").await.expect("read");
        assert_eq!(found, Some((merchant(), shop_id())));
    }

    async fn people_sign_in_by_session_and_by_token(trial) {
        let mut session = furnish(&trial.store).await;
        assert!(!people::any(&mut session).await.expect("read"));
        let user = UserRecord {
            merchant: merchant(),
            id: UserId::parse("usr_1").expect("an id"),
            email: "op@example.com".to_owned(),
            permissions: vec!["orders.read".to_owned()],
            shops: Some(vec![shop_id()]),
        };
        people::add(&mut session, &user, "hash", at(0)).await.expect("added");
        session.savepoint().await.expect("a savepoint");
        let twin = UserRecord { id: UserId::parse("usr_2").expect("an id"), ..user.clone() };
        assert!(matches!(people::add(&mut session, &twin, "hash", at(0)).await, Err(StoreError::Exists(_))));
        session.undo().await.expect("undone");
        assert_eq!(people::by_email(&mut session, "op@example.com").await.expect("read"), Some((user.clone(), "hash".to_owned())));
        people::begin_session(&mut session, "t1", &user, "csrf", at(0), at(100)).await.expect("begun");
        assert_eq!(people::session(&mut session, "t1", at(99)).await.expect("read").map(|record| record.user), Some(user.clone()));
        assert_eq!(people::session(&mut session, "t1", at(100)).await.expect("read"), None);
        people::add_token(&mut session, "h1", &user, "script", at(0)).await.expect("added");
        assert_eq!(people::by_token(&mut session, "h1").await.expect("read"), Some(user));
        assert_eq!(people::by_token(&mut session, "h2").await.expect("read"), None);
    }

    async fn a_batch_is_read_as_it_was_written_and_its_numbers_add_up_through_its_whole_course(trial) {
        let mut session = furnish(&trial.store).await;
        let mut all = Vec::new();
        for number in 0..6 {
            let order = order(&format!("N{number}"), 1);
            orders::insert(&mut session, &order).await.expect("inserted");
            all.push(order);
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let filter = Filter { list: Some(List::New), ..Filter::default() };
        let mut record = batch("bat_1");
        record.orders = batches::insert(&mut session, &record, &Selection::Matching(Box::new(filter))).await.expect("inserted");
        assert_eq!(record.orders, 6);
        assert_eq!(batches::load(&mut session, &merchant(), &record.id).await.expect("read"), Some(record.clone()));
        batches::want_jobs(&mut session, &merchant(), &record.id, at(1)).await.expect("wanted");
        let due = jobs::due(&mut session, Kind::Batch, at(1)).await.expect("due");
        assert_eq!(due, [Due { merchant: merchant(), shop: shop_id() }], "one job per shop");
        let next = batches::next(&mut session, &merchant(), &record.id, &shop_id(), 4).await.expect("read");
        assert_eq!(next, all[..4].iter().map(|order| order.id.clone()).collect::<Vec<_>>());

        let mut asked = Vec::new();
        for order in &all[..3] {
            let cancellation = cancellation(order);
            cancellations::insert(&mut session, &cancellation).await.expect("inserted");
            assert!(batches::asked(&mut session, &merchant(), &record.id, &order.id, &cancellation.id).await.expect("noted"));
            assert!(!batches::asked(&mut session, &merchant(), &record.id, &order.id, &cancellation.id).await.expect("it waits no more"));
            asked.push(cancellation);
        }
        batches::refuse(&mut session, &merchant(), &record.id, &all[3].id, "shipped").await.expect("noted");
        let numbers = batches::numbers(&mut session, &merchant(), &record.id).await.expect("read");
        assert_eq!(numbers, Numbers { waiting: 2, running: 3, refused: 1, ..Numbers::default() });

        asked[0].saga.phase = domain::cancellation::Phase::Done(Some(domain::snapshot::Initiator::Seller));
        asked[1].saga.phase = domain::cancellation::Phase::Refused("too late".to_owned());
        asked[1].platform_message = Some("too late".to_owned());
        asked[2].saga.attention = true;
        for cancellation in &asked {
            cancellations::save(&mut session, cancellation).await.expect("saved");
        }
        let numbers = batches::numbers(&mut session, &merchant(), &record.id).await.expect("read");
        assert_eq!(numbers, Numbers { waiting: 2, done: 1, refused: 2, needs_attention: 1, ..Numbers::default() });
        for state in OrderState::ALL {
            let page = batches::orders(&mut session, &merchant(), &record.id, Some(*state), None, 10).await.expect("read");
            assert_eq!(page.len() as u64, numbers.of(*state), "{state}");
            assert!(page.iter().all(|order| order.state == *state));
        }
        let refused = batches::orders(&mut session, &merchant(), &record.id, Some(OrderState::Refused), None, 10).await.expect("read");
        let told: Vec<_> = refused.iter().map(|order| order.message.as_deref()).collect();
        assert_eq!(told, [Some("too late"), Some("shipped")]);
        let page = batches::orders(&mut session, &merchant(), &record.id, None, Some(all[3].id.as_str()), 10).await.expect("read");
        assert_eq!(page.len(), 2, "those behind the cursor");

        assert_eq!(batches::retry(&mut session, &merchant(), &record.id).await.expect("noted"), 2);
        assert_eq!(batches::stop_waiting(&mut session, &merchant(), &record.id, Some(&shop_id()), "enough").await.expect("noted"), 4);
        assert_eq!(batches::retry(&mut session, &merchant(), &record.id).await.expect("noted"), 0, "what was stopped is not tried again");
        let numbers = batches::numbers(&mut session, &merchant(), &record.id).await.expect("read");
        assert_eq!(numbers, Numbers { done: 1, needs_attention: 1, stopped: 4, ..Numbers::default() });
    }

    async fn a_batch_takes_only_orders_that_its_asker_sees_and_each_once(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let unknown = OrderId::parse("ord_unknown").expect("an id");
        let ids = vec![order.id.clone(), unknown];
        for (number, (shops, found)) in [(None, 1), (Some(vec![shop_id()]), 1), (Some(vec![]), 0)].into_iter().enumerate() {
            let record = batch(&format!("bat_{number}"));
            let selection = Selection::Orders(ids.clone(), shops);
            assert_eq!(batches::insert(&mut session, &record, &selection).await.expect("inserted"), found);
            assert_eq!(batches::ids_of(&mut session, &merchant(), &selection).await.expect("read").len() as u64, found);
        }
        let stranger = MerchantId::parse("mer_2").expect("an id");
        assert_eq!(batches::load(&mut session, &stranger, &batch("bat_0").id).await.expect("read"), None);
        let seen = batches::page(&mut session, &merchant(), Some(&[]), None, 10).await.expect("read");
        assert!(seen.iter().all(|record| record.orders == 0), "its orders stand in shops that are not seen");
    }

    async fn a_cancellation_is_held_while_its_batch_is_paused_and_wakes_with_it(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        let record = batch("bat_1");
        batches::insert(&mut session, &record, &Selection::Orders(vec![order.id.clone()], None)).await.expect("inserted");
        let cancellation = cancellation(&order);
        cancellations::insert(&mut session, &cancellation).await.expect("inserted");
        batches::asked(&mut session, &merchant(), &record.id, &order.id, &cancellation.id).await.expect("noted");
        jobs::want(&mut session, &merchant(), &shop_id(), Kind::Cancellation, cancellation.id.as_str(), at(900)).await.expect("wanted");
        let ids = [cancellation.id.clone()];
        assert!(batches::held(&mut session, &merchant(), &ids).await.expect("read").is_empty());
        batches::set_course(&mut session, &merchant(), &record.id, Course::Paused, at(21)).await.expect("paused");
        let held = batches::held(&mut session, &merchant(), &ids).await.expect("read");
        assert_eq!(held.get(&cancellation.id), Some(&Course::Paused));
        assert_eq!(jobs::due_in_shop(&mut session, &merchant(), &shop_id(), Kind::Cancellation, at(100)).await.expect("read"), 0);
        batches::wake(&mut session, &merchant(), &record.id, at(100)).await.expect("woken");
        assert_eq!(jobs::due_in_shop(&mut session, &merchant(), &shop_id(), Kind::Cancellation, at(100)).await.expect("read"), 1);
        let woken = cancellations::load(&mut session, &merchant(), &ids).await.expect("read");
        assert_eq!(woken[0].saga.since, at(100), "the wait was not the platform's");
    }

    async fn a_shop_s_rate_is_counted_over_its_rule_s_window(trial) {
        let mut session = furnish(&trial.store).await;
        let day = 86_400;
        for (number, ordered, canceled, by) in [
            ("N1", 9 * day, 0, None),
            ("N2", 9 * day, 9 * day + 5, Some(Initiator::Seller)),
            ("N3", 9 * day, 9 * day + 5, Some(Initiator::Buyer)),
            ("N4", 2 * day, 2 * day + 5, Some(Initiator::Seller)),
        ] {
            let mut one = order(number, 1);
            one.ordered_at = at(ordered);
            one.canceled_at = (canceled > 0).then(|| at(canceled));
            one.cancelled_by = by;
            one.cancelling = number == "N1";
            orders::insert(&mut session, &one).await.expect("inserted");
        }
        for (unit, weight) in [(RateUnit::Orders, 1), (RateUnit::Items, 2)] {
            let rule = RateRule {
                regions: Vec::new(),
                from_days: 7,
                to_days: 0,
                unit,
                counts: vec![Initiator::Seller, Initiator::Platform],
                thresholds: Vec::new(),
                note: None,
                dated: "2025-08".to_owned(),
                evidence: domain::policy::Evidence { certainty: "I".to_owned(), source: "a test".to_owned() },
            };
            let tally = batches::tally(&mut session, &merchant(), &shop_id(), &rule, at(10 * day)).await.expect("counted");
            assert_eq!(tally, Tally { ordered: 3 * weight, canceled: weight, under_way: weight });
        }
    }

    async fn the_facts_and_products_of_a_selection_are_read_at_once(trial) {
        let mut session = furnish(&trial.store).await;
        let (one, two) = (order("N1", 1), order("N2", 1));
        for order in [&one, &two] {
            orders::insert(&mut session, order).await.expect("inserted");
        }
        let ids = [one.id.clone(), two.id.clone()];
        let facts = batches::facts(&mut session, &merchant(), &ids, &[sku("MUG-BLU")]).await.expect("read");
        assert_eq!(facts.iter().map(|row| (row.units, row.chosen_units)).collect::<Vec<_>>(), [(2, 2), (2, 2)]);
        let facts = batches::facts(&mut session, &merchant(), &ids, &[]).await.expect("read");
        assert_eq!(facts[0].chosen_units, 0);
        let products = batches::products(&mut session, &merchant(), &ids).await.expect("read");
        assert_eq!((products.len(), products[0].orders, products[0].units), (1, 2, 4));
        let all = Filter { list: Some(List::New), ..Filter::default() };
        assert_eq!(order_lists::matches(&mut session, &merchant(), &all, 10).await.expect("counted"), 2);
        assert_eq!(order_lists::matches(&mut session, &merchant(), &all, 1).await.expect("counted"), 1, "no further than asked");
    }

    async fn a_plan_that_nobody_carried_out_is_forgotten(trial) {
        let mut session = furnish(&trial.store).await;
        let order = order("N1", 1);
        orders::insert(&mut session, &order).await.expect("inserted");
        for (id, course) in [("bat_1", Course::Planned), ("bat_2", Course::Running)] {
            let record = BatchRecord { course, ..batch(id) };
            batches::insert(&mut session, &record, &Selection::Orders(vec![order.id.clone()], None)).await.expect("inserted");
        }
        let later = at(20).plus(batches::PLAN_KEPT_FOR).plus(Span::from_seconds(1));
        assert_eq!(batches::forget_old_plans(&mut session, later).await.expect("forgotten"), 1);
        let left = batches::page(&mut session, &merchant(), None, None, 10).await.expect("read");
        assert_eq!(left.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["bat_2"]);
    }

    async fn a_store_is_migrated_as_often_as_it_is_started(trial) {
        trial.store.migrate().await.expect("nothing to do");
        trial.reopen().await.migrate().await.expect("nothing to do");
    }
}

/// How SQLite answers a statement, step by step.
async fn plan(session: &mut Session, sql: &str) -> String {
    let Transaction::Sqlite(transaction) = &mut session.transaction else { unreachable!("this is SQLite") };
    let rows = (**transaction).fetch_all(AssertSqlSafe(format!("explain query plan {sql}"))).await.expect("a plan");
    let steps: Vec<String> = rows.iter().map(|row| format!("{}\n", row.get::<String, _>("detail"))).collect();
    steps.concat()
}

/// Every sort of every list walks its index: no sort step, no full table scan.
#[tokio::test]
async fn lists_are_served_by_their_index() {
    let trial = crate::trial::Trial::sqlite().await;
    let mut session = trial.store.read().await.expect("begins");
    for (name, sql) in order_lists::STATEMENTS.iter().filter(|(name, _)| name.contains("_BY_")) {
        let plan = plan(&mut session, sql).await;
        let index = name
            .trim_end_matches("_LATEST")
            .to_lowercase()
            .replace("list_by", "orders_of_list_by")
            .replace("all_by", "orders_by");
        assert!(
            plan.contains(&format!("USING INDEX {index} ")) || plan.contains(&format!("USING INDEX {index}\n")),
            "{name}:\n{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{name}:\n{plan}");
    }
}

/// Questions that are asked again and again each walk the index that was made for them.
#[tokio::test]
async fn questions_are_served_by_their_indexes() {
    let trial = crate::trial::Trial::sqlite().await;
    let mut session = trial.store.read().await.expect("begins");
    for (statements, name, index) in [
        (crate::stock_ins::STATEMENTS, "TO_STOCK_IN", "returns_waiting_by_since"),
        (crate::stock_ins::STATEMENTS, "STOCKED_IN", "returns_settled_by_settled_at"),
        (crate::stock_ins::STATEMENTS, "CANCELED", "orders_of_list_by_canceled_at"),
        (crate::stock_ins::STATEMENTS, "STATUSES_BEFORE", "orders_canceled_by_status_before"),
        (crate::stock_ins::STATEMENTS, "BATCH_ORDERS", "stock_in_batch_orders_by_state"),
        (crate::stock_ins::STATEMENTS, "BATCH_RESULTS", "sqlite_autoindex_stock_in_batch_orders_1"),
        (crate::stock_ins::STATEMENTS, "SETTLE_ORDERS", "sqlite_autoindex_orders_1 (merchant_id=? AND order_id=?)"),
        (
            crate::stock_ins::STATEMENTS,
            "SETTLE_LINES",
            "sqlite_autoindex_lines_1 (merchant_id=? AND order_id=? AND line_id=?)",
        ),
        (crate::stock_ins::STATEMENTS, "SETTLE_RETURNS", "sqlite_autoindex_returns_1 (merchant_id=? AND order_id=?)"),
        (jobs::STATEMENTS, "CLAIM", "sqlite_autoindex_jobs_1 (merchant_id=? AND kind=? AND subject=? AND shop_id=?)"),
        (batches::STATEMENTS, "NEXT", "batch_orders_of_shop"),
        (batches::STATEMENTS, "HELD", "batch_orders_of_cancellation"),
        (batches::STATEMENTS, "NUMBERS", "batch_orders"),
        (batches::STATEMENTS, "ORDERS", "sqlite_autoindex_batch_orders_1"),
        (batches::STATEMENTS, "SHOPS", "batch_orders_of_shop"),
        (batches::STATEMENTS, "TALLY_OF_ORDERS", "orders_of_shop_by_ordered_at"),
        (batches::STATEMENTS, "TALLY_OF_ITEMS", "orders_of_shop_by_ordered_at"),
        (batches::STATEMENTS, "NEWEST", "sqlite_autoindex_batches_1"),
        (crate::closed_listings::STATEMENTS, "PAGE", "closed_listings_by_closed_at"),
        (crate::closed_listings::STATEMENTS, "FORGET", "closed_listings_of_cancellation"),
        (crate::stock_pushes::STATEMENTS, "HISTORY", "stock_pushes_of_listing"),
        (crate::stock_pushes::STATEMENTS, "LATEST", "stock_pushes_of_listing"),
        (crate::stock_pushes::STATEMENTS, "FORGET_OLD", "stock_pushes_by_age"),
        (crate::stock_pushes::STATEMENTS, "WANT_OF_SKUS", "listings_of_merchant_sku"),
        (crate::stock_pushes::STATEMENTS, "WANT_OF_SKUS", "bundles_of_component"),
        (crate::mappings::STATEMENTS, "KNOWN_SKUS", "balances_by_lower_sku"),
        (crate::mappings::STATEMENTS, "WITH_CODES", "listings_of_listing_sku"),
        (crate::mappings::STATEMENTS, "PAGE", "sqlite_autoindex_listings_1"),
        (crate::requests::STATEMENTS, "PAGE", "cancellation_requests_by_deadline"),
        (crate::requests::STATEMENTS, "OF_ORDERS", "cancellation_requests_of_order"),
        (crate::requests::STATEMENTS, "ALERT", "cancellation_requests_of_shop"),
        (crate::requests::STATEMENTS, "ALERTED", "cancellation_requests_by_deadline"),
        (crate::requests::STATEMENTS, "OVERDUE", "cancellation_requests_of_shop"),
        (crate::requests::STATEMENTS, "RESTOCK_HINTS", "cancellation_requests_of_order"),
        (crate::stock_ins::STATEMENTS, "COUNT_NOT_RESTOCKABLE", "cancellation_requests_of_order"),
        (crate::prints::STATEMENTS, "PAGE", "sqlite_autoindex_print_batches_1"),
        (crate::prints::STATEMENTS, "TO_PULL", "labels_printed_here"),
        (crate::scans::STATEMENTS, "LATEST", "scans_of_actor"),
        (crate::handovers::STATEMENTS, "PILES", "orders_per_list_and_tab"),
        (crate::handovers::STATEMENTS, "IN_PILE", "orders_per_list_and_tab"),
        (crate::handovers::STATEMENTS, "LATEST", "sqlite_autoindex_handover_checks_1"),
        (crate::cases::STATEMENTS, "PAGE", "cases_by_state"),
        (crate::cases::STATEMENTS, "COUNT", "cases_by_state"),
    ] {
        let (_, sql) = statements.iter().find(|(known, _)| *known == name).expect("a statement");
        let plan = plan(&mut session, sql).await;
        let walks = [format!("{index} "), format!("{index}\n"), format!("{index}_")];
        assert!(walks.iter().any(|walk| plan.contains(walk)), "{name}:\n{plan}");
        // What is shown page by page comes out of its index in order, however much there is.
        let paged = ["PAGE", "HISTORY", "TO_STOCK_IN", "STOCKED_IN", "CANCELED", "BATCH_ORDERS", "LATEST"];
        assert!(!(paged.contains(&name) && plan.contains("FOR ORDER BY")), "{name}:\n{plan}");
    }
}

/// Both migration folders hold the same files, and all of them are run.
#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let mut names: Vec<_> =
            std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(names("sqlite").len(), crate::SQLITE_MIGRATIONS.len());
    assert_eq!(crate::SQLITE_MIGRATIONS.len(), crate::POSTGRES_MIGRATIONS.len());
}

fn policy() -> domain::policy::Policy {
    domain::policy::Policy {
        as_of: "2026-11-23".to_owned(),
        statuses: Vec::new(),
        package_statuses: Vec::new(),
        reasons: Vec::new(),
        requests: domain::request::RequestPolicy {
            usual: domain::request::RequestRule {
                regions: Vec::new(),
                answer_within: domain::request::AnswerTime::After(Span::from_seconds(86_400)),
                on_silence: domain::request::Silence::Agreed,
                reject_reason: domain::request::RejectReason::None,
                evidence: domain::policy::Evidence { certainty: "I".to_owned(), source: "test".to_owned() },
            },
            markets: Vec::new(),
            reject_reasons: Vec::new(),
        },
        cancellation_rates: Vec::new(),
        shipping: domain::policy::ShippingRule::default(),
        seller_cancel: true,
        partial_cancel: domain::policy::MarketSwitch::default(),
        siblings: Vec::new(),
        cancel_stock: Vec::new(),
        cancel_from: Vec::new(),
        call_timeout: Span::from_seconds(10),
        settling: Span::from_seconds(10),
        attention_after: Span::from_seconds(1_800),
        sweep_every: Span::from_seconds(60),
        sweep_overlap: Span::from_seconds(300),
        list_window: Span::from_seconds(1_296_000),
        read_batch: 50,
        calls_in_flight: 32,
        calls_per_second: 0,
        budgets: Vec::new(),
        countries: Vec::new(),
        authorise_ahead: Span::from_seconds(7 * 86_400),
    }
}
