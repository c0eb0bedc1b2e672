//! The raw limit that the desk is measured against: one durable transaction per order, with the statements of a whole
//! cancel, through sqlx, without HTTP and without a marketplace.

use domain::cancellation::{Cancellation, Event, View, decide};
use domain::ids::{
    CancellationId, LineId, ListingId, ListingSku, MerchantId, MerchantSku, OrderId, OrderNumber, PackageNumber,
    ReasonCode, ShopId, WarehouseId,
};
use domain::money::{Currency, Money};
use domain::order::{List, Stage, Tab};
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::snapshot::{FulfilledBy, Initiator};
use domain::stock::{Bucket, Cause, LineStock};
use domain::time::Moment;
use store::cancellations::{self, CancellationRecord, Outcome};
use store::jobs::{self, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, OrderRecord, PackageRecord};
use store::shops::{self, ShopRecord, WarehouseRecord};
use store::stock::{self, Movement};
use store::{Session, Store, StoreError, new_id};

/// A merchant with one shop and so many orders that wait to be packed.
pub(crate) async fn furnish(store: &Store, count: u32) -> Result<Vec<OrderId>, StoreError> {
    let mut session = store.begin().await?;
    shops::add_merchant(&mut session, &merchant(), "A seller", at(0)).await?;
    let warehouse = WarehouseRecord { id: warehouse(), name: "Shelf".to_owned() };
    shops::add_warehouse(&mut session, &merchant(), &warehouse).await?;
    store.add_shop(&mut session, &shop(), at(0)).await?;
    let opening =
        movement(None, Bucket::Outside, Bucket::Available, count.max(1), Cause::Opening, "opening".to_owned());
    stock::write(&mut session, &merchant(), &[opening], at(0)).await?;
    session.commit().await?;
    let mut ids = Vec::new();
    for first in (0..count).step_by(500) {
        let mut session = store.begin().await?;
        for number in first..count.min(first + 500) {
            let order = order(number);
            orders::insert(&mut session, &order).await?;
            let key = format!("{}/allocate/0", order.id);
            let allocated = movement(Some(&order), Bucket::Available, Bucket::Allocated, 1, Cause::Allocate, key);
            stock::write(&mut session, &merchant(), &[allocated], at(1)).await?;
            ids.push(order.id);
        }
        session.commit().await?;
    }
    Ok(ids)
}

/// The orders are cancelled after their goods had left their place: every unit waits to be stocked in.
pub(crate) async fn send_back(store: &Store, ids: &[OrderId]) -> Result<(), StoreError> {
    for part in ids.chunks(500) {
        let mut session = store.begin().await?;
        let mut movements = Vec::with_capacity(part.len());
        for order in orders::load(&mut session, &merchant(), part).await? {
            let mut canceled = order.clone();
            canceled.list = List::Canceled;
            canceled.tab = Tab::ToStockIn;
            canceled.standing = Standing::Canceled;
            canceled.platform_status = "CANCELLED".to_owned();
            canceled.cancelled_by = Some(Initiator::Buyer);
            canceled.canceled_at = Some(at(3));
            for line in &mut canceled.lines {
                line.canceled_quantity = line.quantity;
                line.stock.allocated = 0;
                line.stock.returning = line.quantity;
                line.stock.moved.cancel = line.quantity;
            }
            orders::update(&mut session, &order, &canceled).await?;
            let key = format!("{}/cancel/0", order.id);
            movements.push(movement(Some(&order), Bucket::Allocated, Bucket::Returning, 1, Cause::Cancel, key));
        }
        stock::write(&mut session, &merchant(), &movements, at(3)).await?;
        session.commit().await?;
    }
    Ok(())
}

/// Everything that a cancel writes from its acceptance to its end, in one transaction.
pub(crate) async fn cancel(store: &Store, policy: &Policy, id: &OrderId) -> Result<(), StoreError> {
    let mut session = store.begin().await?;
    let order = load(&mut session, id).await?;
    let mut record = record(&order);
    let mut marked = order.clone();
    marked.cancelling = true;
    orders::update(&mut session, &order, &marked).await?;
    cancellations::insert(&mut session, &record).await?;
    jobs::want(&mut session, &merchant(), &shop_id(), Kind::Cancellation, record.id.as_str(), at(2)).await?;
    write_log(&mut session, &record, "cancellation.requested").await?;

    let lease = Lease { merchant: merchant(), kind: Kind::Cancellation, id: new_id("lea", at(2)), until: at(60) };
    let claims = jobs::claim(&mut session, &lease, &shop_id(), at(2), 1).await?;
    let order = load(&mut session, id).await?;
    let alive =
        Event::Read { view: View::Alive(Ok(())), updated_at: Some(at(1)), goods: domain::warehouse_order::Goods::Free };
    record.saga = decide(record.saga, alive, at(2), policy).0;
    cancellations::save(&mut session, &record).await?;
    cancellations::begin_attempt(&mut session, &merchant(), &record.id, 1, &record.lines, (at(2), at(12))).await?;
    let outcome = Outcome { outcome: "accepted", http_status: 200, ..Outcome::default() };
    cancellations::end_attempt(&mut session, &merchant(), &record.id, 1, &outcome, at(3)).await?;
    orders::mark_written(&mut session, &merchant(), id, at(3)).await?;
    record.saga = decide(record.saga, Event::Accepted, at(3), policy).0;
    cancellations::save(&mut session, &record).await?;

    let mut canceled = order.clone();
    canceled.list = List::Canceled;
    canceled.tab = Tab::NothingToDo;
    canceled.standing = Standing::Canceled;
    canceled.platform_status = "CANCELLED".to_owned();
    canceled.cancelling = false;
    canceled.cancelled_by = Some(Initiator::Seller);
    canceled.canceled_at = Some(at(3));
    for line in &mut canceled.lines {
        line.canceled_quantity = line.quantity;
        line.stock.allocated = 0;
        line.stock.moved.cancel = line.quantity;
    }
    orders::update(&mut session, &order, &canceled).await?;
    let key = format!("{id}/cancel/0");
    let back = movement(Some(&order), Bucket::Allocated, Bucket::Available, 1, Cause::Cancel, key);
    stock::write(&mut session, &merchant(), &[back], at(3)).await?;
    let done = Event::Read {
        view: View::Canceled(Some(Initiator::Seller)),
        updated_at: Some(at(3)),
        goods: domain::warehouse_order::Goods::Free,
    };
    record.saga = decide(record.saga, done, at(3), policy).0;
    cancellations::save(&mut session, &record).await?;
    write_log(&mut session, &record, "order.status").await?;
    write_log(&mut session, &record, "cancellation.done").await?;
    if let Some(claim) = claims.first() {
        jobs::finish(&mut session, &lease, claim, at(3)).await?;
    }
    session.commit().await
}

async fn load(session: &mut Session, id: &OrderId) -> Result<OrderRecord, StoreError> {
    orders::load_one(session, &merchant(), id).await?.ok_or(StoreError::Conflict("the order"))
}

async fn write_log(session: &mut Session, record: &CancellationRecord, action: &str) -> Result<(), StoreError> {
    let entry = Entry {
        actor: "bench",
        action,
        shop: Some(&record.shop),
        order: Some(&record.order),
        subject: record.id.as_str(),
        detail: "a line of words about what happened to the order",
    };
    log::write(session, &merchant(), at(3), &entry).await
}

fn at(seconds: i64) -> Moment {
    Moment::from_seconds(seconds)
}

fn id<T>(parsed: Result<T, domain::ids::IdError>) -> T {
    parsed.expect("a constant of this bench is an id")
}

pub(crate) fn merchant() -> MerchantId {
    id(MerchantId::parse("mer_bench"))
}

fn shop_id() -> ShopId {
    id(ShopId::parse("shp_bench"))
}

fn warehouse() -> WarehouseId {
    id(WarehouseId::parse("whs_bench"))
}

fn sku() -> MerchantSku {
    id(MerchantSku::parse("MUG-BLU"))
}

fn shop() -> ShopRecord {
    ShopRecord {
        merchant: merchant(),
        id: shop_id(),
        platform: Platform::Shopee,
        account: "600123456".to_owned(),
        name: "Bench".to_owned(),
        region: "MY".to_owned(),
        address: "http://127.0.0.1:9".to_owned(),
        callback_url: None,
        warehouse: warehouse(),
        credentials: "{}".to_owned(),
        grant_version: 1,
        // It has no marketplace behind it: nothing may be called.
        authorised: false,
        connected: true,
        alert: None,
        stock_from: at(0),
        swept_to: at(0),
    }
}

fn movement(order: Option<&OrderRecord>, from: Bucket, to: Bucket, units: u32, cause: Cause, key: String) -> Movement {
    Movement {
        key,
        warehouse: warehouse(),
        sku: sku(),
        from,
        to,
        units,
        cause,
        order: order.map(|order| order.id.clone()),
        line: order.and_then(|order| order.lines.first()).map(|line| line.id.clone()),
        actor: "bench".to_owned(),
    }
}

fn record(order: &OrderRecord) -> CancellationRecord {
    CancellationRecord {
        merchant: merchant(),
        id: id(CancellationId::parse(new_id("can", at(2)))),
        order: order.id.clone(),
        shop: shop_id(),
        reason: id(ReasonCode::parse("buyer_requests_cancellation")),
        scope: domain::cancellation::Scope::Order,
        lines: Vec::new(),
        side_effects: Vec::new(),
        note: None,
        saga: Cancellation::requested(at(2)),
        platform_message: None,
        request: None,
        despite_warehouse: false,
        actor: "bench".to_owned(),
        created_at: at(2),
        updated_at: at(2),
    }
}

fn order(number: u32) -> OrderRecord {
    let currency = Currency::parse("MYR").expect("MYR is a currency");
    OrderRecord {
        merchant: merchant(),
        id: id(OrderId::parse(new_id("ord", at(1)))),
        shop: shop_id(),
        platform: Platform::Shopee,
        number: id(OrderNumber::parse(format!("2611{number:010}"))),
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
        cod: number.is_multiple_of(5),
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
        ordered_at: at(1_790_000_000 + i64::from(number)),
        paid_at: Some(at(1_790_000_060 + i64::from(number))),
        ship_by: at(1_790_200_000 + i64::from(number % 5_000) * 60),
        canceled_at: None,
        platform_updated_at: at(1),
        read_began_at: at(1),
        written_at: at(0),
        updated_at: at(1),
        lines: vec![LineRecord {
            id: id(LineId::parse("1-2")),
            listing: id(ListingId::parse("24567890123:198765432109")),
            listing_sku: id(ListingSku::parse("MUG-BLU")),
            merchant_sku: sku(),
            warehouse: warehouse(),
            name: "Ceramic mug".to_owned(),
            variation: "Blue".to_owned(),
            quantity: 1,
            canceled_quantity: 0,
            canceled_by: None,
            unit_price: Some(Money::from_minor(5_840, currency)),
            platform_status: String::new(),
            stage: None,
            package: None,
            part_of: None,
            goods: domain::warehouse_order::Goods::Free,
            stock: LineStock { allocated: 1, ..LineStock::default() },
        }],
        packages: vec![PackageRecord {
            number: id(PackageNumber::parse(format!("OFG{number:012}"))),
            tracking_number: None,
            platform_status: "LOGISTICS_READY".to_owned(),
            stage: Stage::Untouched,
            carrier: "Standard Delivery".to_owned(),
            label: domain::label::LabelState::None,
            scanned_out: false,
        }],
    }
}
