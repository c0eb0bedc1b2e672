//! Orders with their lines, what the lines hold, and their packages.

use crate::dialect::Engine;
use crate::error::StoreError;
use crate::session::{Row, Session, args, statements};
use domain::ids::{
    LineId, ListingId, ListingSku, MerchantId, MerchantSku, OrderId, OrderNumber, PackageNumber, ShopId, WarehouseId,
};
use domain::label::LabelState;
use domain::money::{Currency, Money};
use domain::order::{List, Stage, Tab};
use domain::platform::Platform;
use domain::policy::Standing;
use domain::shipment::Mark;
use domain::snapshot::{FulfilledBy, Initiator};
use domain::stock::{LineStock, Moved};
use domain::time::Moment;
use domain::warehouse_order::Goods;
use std::collections::HashMap;

/// `ship_by` of an order for which the platform names none: it sorts behind all others.
pub const NEVER: Moment = Moment::from_millis(i64::MAX);
/// Orders that one call loads at the most.
pub const MAX_ORDERS_PER_LOAD: usize = 500;

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct OrderRecord {
    pub merchant: MerchantId,
    pub id: OrderId,
    pub shop: ShopId,
    pub platform: Platform,
    pub number: OrderNumber,
    /// Moves with every change; every change is a compare-and-set on it.
    pub version: i64,
    pub list: List,
    pub tab: Tab,
    pub platform_status: String,
    pub standing: Standing,
    pub stage: Stage,
    pub region: String,
    pub currency: Currency,
    pub total: Option<Money>,
    pub buyer_name: String,
    pub cod: bool,
    pub preorder: bool,
    pub fulfilled_by: FulfilledBy,
    pub seller_may_cancel: Option<bool>,
    pub voided: bool,
    pub cancelling: bool,
    /// What its latest shipment says of it.
    pub shipment: Mark,
    /// We scanned it out; no courier scan yet.
    pub scanned_out: bool,
    /// What a third-party warehouse has of its goods.
    pub goods: Goods,
    /// Its goods left before the shop's stock was counted: it moves no stock.
    pub left_before_counting: bool,
    pub cancelled_by: Option<Initiator>,
    pub cancel_reason: Option<String>,
    pub buyer_reason: Option<String>,
    pub ordered_at: Moment,
    pub paid_at: Option<Moment>,
    /// [`NEVER`] where the platform names none.
    pub ship_by: Moment,
    pub canceled_at: Option<Moment>,
    /// The platform's update time of what was applied last.
    pub platform_updated_at: Moment,
    /// When the read that was applied last began; real clock.
    pub read_began_at: Moment,
    /// When the last write of ours to the platform was answered; real clock.
    pub written_at: Moment,
    pub updated_at: Moment,
    pub lines: Vec<LineRecord>,
    pub packages: Vec<PackageRecord>,
}

impl OrderRecord {
    /// Whether a label of it can be printed from the cache.
    #[must_use]
    pub fn has_cached_label(&self) -> bool {
        self.packages.iter().any(|package| package.label == LabelState::Cached)
    }
}

/// A line as it is kept, with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct LineRecord {
    pub id: LineId,
    pub listing: ListingId,
    pub listing_sku: ListingSku,
    pub merchant_sku: MerchantSku,
    pub warehouse: WarehouseId,
    pub name: String,
    pub variation: String,
    pub quantity: u32,
    pub canceled_quantity: u32,
    /// Who cancelled units of it, where the platform says it of a line.
    pub canceled_by: Option<Initiator>,
    pub unit_price: Option<Money>,
    /// The line's own status word; empty where lines have none.
    pub platform_status: String,
    /// How far its goods are by the platform; `None`: see [`OrderRecord::stage_of`].
    pub stage: Option<Stage>,
    /// The package it travels in, where that is known of a line.
    pub package: Option<PackageNumber>,
    /// What the platform sold as one, where this is a part of it.
    pub part_of: Option<PartOf>,
    /// What the third-party warehouse that it lies at has of it; what the order has is their fold.
    pub goods: Goods,
    pub stock: LineStock,
}

/// A line of the platform's that was sold as one and consists of several of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOf {
    /// The platform's line.
    pub line: LineId,
    /// Units of ours in one of it.
    pub units: u32,
}

impl LineRecord {
    /// The line as the platform knows it.
    #[must_use]
    pub fn sold_as(&self) -> &LineId {
        self.part_of.as_ref().map_or(&self.id, |part| &part.line)
    }

    /// Units of ours in one of what the platform sold.
    #[must_use]
    pub fn units_in_one(&self) -> u32 {
        self.part_of.as_ref().map_or(1, |part| part.units.max(1))
    }

    /// Units that are not cancelled.
    #[must_use]
    pub const fn live(&self) -> u32 {
        self.quantity.saturating_sub(self.canceled_quantity)
    }
}

impl OrderRecord {
    /// How far a line's goods are: as far as it or its package was seen, else as far as the order.
    #[must_use]
    pub fn stage_of(&self, line: &LineRecord) -> Stage {
        let Some(seen) = line.stage else { return self.stage };
        let package = self.packages.iter().find(|package| Some(&package.number) == line.package.as_ref());
        package.map_or(seen, |package| seen.max(package.stage))
    }

    /// Whether a line's goods were scanned out: with the whole order, or with the package that it travels in.
    #[must_use]
    pub fn is_scanned_out(&self, line: &LineRecord) -> bool {
        let package = self.packages.iter().find(|package| Some(&package.number) == line.package.as_ref());
        self.scanned_out || package.is_some_and(|package| package.scanned_out)
    }

    /// Units that wait to be stocked in of what travels in this package; of a line of which that is not known, too.
    #[must_use]
    pub fn returning_in(&self, package: Option<&PackageNumber>) -> u32 {
        let is_in = |line: &&LineRecord| match (package, &line.package) {
            (Some(package), Some(of)) => of == package,
            _ => true,
        };
        self.lines.iter().filter(is_in).map(|line| line.stock.returning).sum()
    }
}

/// A package as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1 and of the columns")]
pub struct PackageRecord {
    pub number: PackageNumber,
    pub tracking_number: Option<String>,
    pub platform_status: String,
    pub stage: Stage,
    pub carrier: String,
    /// Where its label's cached copy stands; written by [`crate::labels`] alone.
    pub label: LabelState,
    /// We scanned it out; no courier scan yet.
    pub scanned_out: bool,
}

impl OrderRecord {
    /// Whether its printed parcels have to be taken out of the pile: it is canceled, in whole or in part, is being canceled,
    /// or the buyer asks for it.
    #[must_use]
    pub fn must_be_pulled(&self) -> bool {
        self.cancelling
            || matches!(self.standing, Standing::Canceled | Standing::CancelRequested)
            || self.returning() > 0
    }

    /// Units of it that wait to be stocked in.
    #[must_use]
    pub fn returning(&self) -> u32 {
        self.lines.iter().map(|line| line.stock.returning).sum()
    }
}

statements! {
    LOAD = "select order_id, shop_id, platform, number, version, list, tab, platform_status, standing, stage, region, currency, total_minor, \
        buyer_name, cod, preorder, fulfilled_by, seller_may_cancel, voided, cancelling, shipment, scanned_out, goods, left_before_counting, \
        cancelled_by, cancel_reason, buyer_reason, ordered_at, paid_at, ship_by, canceled_at, platform_updated_at, read_began_at, \
        written_at, updated_at from orders where merchant_id = $1 and order_id in (select value from json_each($2))";
    LINES = "select order_id, line_id, listing_id, listing_sku, merchant_sku, warehouse_id, name, variation, quantity, canceled_quantity, \
        canceled_by, unit_price_minor, platform_status, stage, package_number, reserved, allocated, outbound, outside, returning_units, \
        count_needed, moved_reserve, moved_allocate, moved_release, moved_ship, moved_undo_ship, moved_complete, moved_cancel, lost, moved_stock_in, \
        moved_find, moved_undo_stock_in, moved_courier_scan, moved_come_back, moved_claim, moved_revive, bundle_line, bundle_units, goods \
        from lines where merchant_id = $1 and order_id in (select value from json_each($2)) order by order_id, position";
    PACKAGES = "select p.order_id, p.number, p.tracking_number, p.platform_status, p.stage, p.carrier, p.scanned_out, coalesce(l.state, 'none') as label \
        from packages p left join labels l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.package_number = p.number \
        where p.merchant_id = $1 and p.order_id in (select value from json_each($2)) order by p.order_id, p.position";
    IDS_BY_NUMBER = "select order_id, number from orders \
        where merchant_id = $1 and shop_id = $2 and number in (select value from json_each($3))";
    INSERT = "insert into orders (merchant_id, order_id, shop_id, platform, number, version, list, tab, platform_status, standing, stage, \
        region, currency, total_minor, buyer_name, cod, preorder, fulfilled_by, seller_may_cancel, voided, cancelling, left_before_counting, \
        cancelled_by, cancel_reason, buyer_reason, ordered_at, paid_at, ship_by, canceled_at, platform_updated_at, read_began_at, written_at, \
        updated_at) \
        values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, \
        $27, $28, $29, $30, $31, $32) on conflict (merchant_id, shop_id, number) do nothing";
    UPDATE = "update orders set version = version + 1, list = $4, tab = $5, platform_status = $6, standing = $7, stage = $8, total_minor = $9, \
        buyer_name = $10, cod = $11, preorder = $12, fulfilled_by = $13, seller_may_cancel = $14, voided = $15, cancelling = $16, \
        cancelled_by = $17, cancel_reason = $18, buyer_reason = $19, paid_at = $20, ship_by = $21, canceled_at = $22, \
        platform_updated_at = $23, read_began_at = $24, written_at = $25, updated_at = $26, shipment = $27, scanned_out = $28, goods = $29 \
        where merchant_id = $1 and order_id = $2 and version = $3";
    SAVE_LINE = "insert into lines (merchant_id, order_id, line_id, position, listing_id, listing_sku, merchant_sku, warehouse_id, name, \
        variation, quantity, canceled_quantity, unit_price_minor, reserved, allocated, outbound, outside, returning_units, count_needed, \
        moved_reserve, moved_allocate, moved_release, moved_ship, moved_complete, moved_cancel, lost, moved_stock_in, moved_find, \
        moved_undo_stock_in, canceled_by, platform_status, stage, package_number, moved_undo_ship, moved_courier_scan, moved_come_back, \
        moved_claim, bundle_line, bundle_units, goods, moved_revive) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, \
        $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41) \
        on conflict (merchant_id, order_id, line_id) do update set position = excluded.position, warehouse_id = excluded.warehouse_id, name = excluded.name, \
        variation = excluded.variation, quantity = excluded.quantity, canceled_quantity = excluded.canceled_quantity, \
        unit_price_minor = excluded.unit_price_minor, reserved = excluded.reserved, allocated = excluded.allocated, \
        outbound = excluded.outbound, outside = excluded.outside, returning_units = excluded.returning_units, \
        count_needed = excluded.count_needed, moved_reserve = excluded.moved_reserve, moved_allocate = excluded.moved_allocate, \
        moved_release = excluded.moved_release, moved_ship = excluded.moved_ship, moved_complete = excluded.moved_complete, \
        moved_cancel = excluded.moved_cancel, lost = excluded.lost, moved_stock_in = excluded.moved_stock_in, moved_find = excluded.moved_find, \
        moved_undo_stock_in = excluded.moved_undo_stock_in, canceled_by = excluded.canceled_by, \
        platform_status = excluded.platform_status, stage = excluded.stage, package_number = excluded.package_number, \
        moved_undo_ship = excluded.moved_undo_ship, moved_courier_scan = excluded.moved_courier_scan, \
        moved_come_back = excluded.moved_come_back, moved_claim = excluded.moved_claim, goods = excluded.goods, moved_revive = excluded.moved_revive";
    SAVE_RETURN = "insert into returns (merchant_id, order_id, units, since, settled_at) values ($1, $2, $3, $4, $5) \
        on conflict (merchant_id, order_id) do update set units = excluded.units, settled_at = excluded.settled_at, \
        since = case when returns.units = 0 then excluded.since else returns.since end";
    NOTE_STATUS_BEFORE = "update orders set status_before = $3 where merchant_id = $1 and order_id = $2";
    SAVE_PACKAGE = "insert into packages (merchant_id, order_id, number, position, tracking_number, platform_status, stage, carrier, scanned_out) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (merchant_id, order_id, number) do update set position = excluded.position, \
        tracking_number = excluded.tracking_number, platform_status = excluded.platform_status, stage = excluded.stage, \
        carrier = excluded.carrier, scanned_out = excluded.scanned_out";
    LABEL_GONE = "update labels set gone = true where merchant_id = $1 and order_id = $2 and package_number = $3";
    LABELS_STOCKED_IN = "update labels set gone = true where merchant_id = $1 and order_id = $2 and prints > 0";
    LABELS_BACK_IN_THE_PILE = "update labels set pulled_at = null, pulled_by = null where merchant_id = $1 and order_id = $2 and pulled_at is not null";
    FORGET_PACKAGE = "delete from packages where merchant_id = $1 and order_id = $2 and number = $3";
    SAVE_TERM = "insert into order_terms (merchant_id, term, order_id) values ($1, $2, $3) on conflict (merchant_id, term, order_id) do nothing";
    OF_SHOP = "select order_id from orders where merchant_id = $1 and shop_id = $2 and list in ('unpaid', 'new', 'in_process', 'to_pickup', \
        'cancel_requested', 'voided') and order_id > $3 order by order_id limit $4";
    LOCK = "select order_id from orders where merchant_id = $1 and order_id in (select value from json_each($2)) order by order_id /* for update */";
    NUMBERS = "select order_id, number from orders where merchant_id = $1 and order_id in (select value from json_each($2))";
    OPEN_UNITS = "select l.listing_id, l.listing_sku, l.merchant_sku, l.name, l.bundle_line is null as itself, cast(sum(case when o.list in ('unpaid', 'new', 'in_process', 'to_pickup', \
        'cancel_requested', 'voided') then l.quantity - l.canceled_quantity else 0 end) as bigint) as units from lines l \
        join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id \
        where l.merchant_id = $1 and o.shop_id = $2 and o.fulfilled_by = 'seller' \
        group by l.listing_id, l.listing_sku, l.merchant_sku, l.name, l.bundle_line is null";
    IDS_BY_TERM = "select order_id from order_terms where merchant_id = $1 and term = $2 order by order_id limit 20";
    MARK_WRITTEN = "update orders set written_at = $3 where merchant_id = $1 and order_id = $2 and written_at < $3";
}

/// A JSON list of texts, for `json_each`.
pub(crate) fn json_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// Loads orders with lines and packages, in the order of the ids; ids that do not exist are left out.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    ids: &[OrderId],
) -> Result<Vec<OrderRecord>, StoreError> {
    let mut loaded = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_ORDERS_PER_LOAD) {
        let list = json_list(ids.iter().map(OrderId::as_str));
        let mut lines: HashMap<String, Vec<Row>> = HashMap::new();
        for row in session.rows(LINES, args![merchant.as_str(), &list]).await? {
            lines.entry(row.text("order_id")?).or_default().push(row);
        }
        let mut packages: HashMap<String, Vec<Row>> = HashMap::new();
        for row in session.rows(PACKAGES, args![merchant.as_str(), &list]).await? {
            packages.entry(row.text("order_id")?).or_default().push(row);
        }
        let mut orders = HashMap::with_capacity(ids.len());
        for row in session.rows(LOAD, args![merchant.as_str(), &list]).await? {
            let id = row.text("order_id")?;
            let lines = lines.remove(&id).unwrap_or_default();
            let packages = packages.remove(&id).unwrap_or_default();
            orders.insert(id, read_order(merchant, &row, &lines, &packages)?);
        }
        loaded.extend(ids.iter().filter_map(|id| orders.remove(id.as_str())));
    }
    Ok(loaded)
}

/// Loads one order.
///
/// # Errors
/// As [`load`].
pub async fn load_one(
    session: &mut Session,
    merchant: &MerchantId,
    id: &OrderId,
) -> Result<Option<OrderRecord>, StoreError> {
    Ok(load(session, merchant, std::slice::from_ref(id)).await?.pop())
}

/// Our ids of a shop's order numbers, as far as they are known.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn ids_by_number(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    numbers: &[OrderNumber],
) -> Result<HashMap<OrderNumber, OrderId>, StoreError> {
    let list = json_list(numbers.iter().map(OrderNumber::as_str));
    let rows = session.rows(IDS_BY_NUMBER, args![merchant.as_str(), shop.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(row, "number", |text| OrderNumber::parse(text))?,
                parsed(row, "order_id", |text| OrderId::parse(text))?,
            ))
        })
        .collect()
}

/// Our ids of the orders that have this number, package, tracking number or SKU, at most twenty.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn ids_by_term(session: &mut Session, merchant: &MerchantId, term: &str) -> Result<Vec<OrderId>, StoreError> {
    let rows = session.rows(IDS_BY_TERM, args![merchant.as_str(), term.to_lowercase()]).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// Locks orders, always in the same order, before a transaction changes several: two that share orders then wait for each
/// other one after the other, never in a circle. On SQLite, which has one writer, there is nothing to do.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(session: &mut Session, merchant: &MerchantId, ids: &[OrderId]) -> Result<(), StoreError> {
    if session.engine() == Engine::Postgres {
        let list = json_list(ids.iter().map(OrderId::as_str));
        session.rows(LOCK, args![merchant.as_str(), &list]).await?;
    }
    Ok(())
}

/// The marketplace's numbers of these orders.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn numbers(
    session: &mut Session,
    merchant: &MerchantId,
    ids: &[OrderId],
) -> Result<Vec<(OrderId, OrderNumber)>, StoreError> {
    let list = json_list(ids.iter().map(OrderId::as_str));
    let rows = session.rows(NUMBERS, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(row, "order_id", |text| OrderId::parse(text))?,
                parsed(row, "number", |text| OrderNumber::parse(text))?,
            ))
        })
        .collect()
}

/// Adds an order that is not known yet, with lines, packages and search terms. Answers false where its number is known
/// already (somebody else was faster).
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(session: &mut Session, order: &OrderRecord) -> Result<bool, StoreError> {
    let added = session
        .execute(
            INSERT,
            args![
                order.merchant.as_str(),
                order.id.as_str(),
                order.shop.as_str(),
                order.platform.as_str(),
                order.number.as_str(),
                order.list.as_str(),
                order.tab.as_str(),
                &order.platform_status,
                order.standing.as_str(),
                order.stage.as_str(),
                &order.region,
                order.currency.code(),
                order.total.map(Money::minor),
                &order.buyer_name,
                order.cod,
                order.preorder,
                order.fulfilled_by.as_str(),
                order.seller_may_cancel,
                order.voided,
                order.cancelling,
                order.left_before_counting,
                order.cancelled_by.map(Initiator::as_str),
                order.cancel_reason.as_deref(),
                order.buyer_reason.as_deref(),
                order.ordered_at.millis(),
                order.paid_at.map(Moment::millis),
                order.ship_by.millis(),
                order.canceled_at.map_or(0, Moment::millis),
                order.platform_updated_at.millis(),
                order.read_began_at.millis(),
                order.written_at.millis(),
                order.updated_at.millis(),
            ],
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    for (position, line) in order.lines.iter().enumerate() {
        save_line(session, order, position, line).await?;
    }
    for (position, package) in order.packages.iter().enumerate() {
        save_package(session, order, position, package).await?;
    }
    for term in terms(order) {
        session.execute(SAVE_TERM, args![order.merchant.as_str(), &term, order.id.as_str()]).await?;
    }
    save_return(session, 0, order).await?;
    Ok(true)
}

/// Saves what changed between `before` and `after`, if nobody changed the order since `before` was loaded.
///
/// # Errors
/// [`StoreError::Conflict`] when somebody did; else what the database says.
pub async fn update(session: &mut Session, before: &OrderRecord, after: &OrderRecord) -> Result<(), StoreError> {
    let changed = session
        .execute(
            UPDATE,
            args![
                before.merchant.as_str(),
                before.id.as_str(),
                before.version,
                after.list.as_str(),
                after.tab.as_str(),
                &after.platform_status,
                after.standing.as_str(),
                after.stage.as_str(),
                after.total.map(Money::minor),
                &after.buyer_name,
                after.cod,
                after.preorder,
                after.fulfilled_by.as_str(),
                after.seller_may_cancel,
                after.voided,
                after.cancelling,
                after.cancelled_by.map(Initiator::as_str),
                after.cancel_reason.as_deref(),
                after.buyer_reason.as_deref(),
                after.paid_at.map(Moment::millis),
                after.ship_by.millis(),
                after.canceled_at.map_or(0, Moment::millis),
                after.platform_updated_at.millis(),
                after.read_began_at.millis(),
                after.written_at.millis(),
                after.updated_at.millis(),
                after.shipment.as_str(),
                after.scanned_out,
                after.goods.as_str(),
            ],
        )
        .await?;
    if changed == 0 {
        return Err(StoreError::Conflict("the order"));
    }
    for (position, line) in after.lines.iter().enumerate() {
        if before.lines.get(position) != Some(line) {
            save_line(session, after, position, line).await?;
        }
    }
    for gone in before.packages.iter().filter(|old| after.packages.iter().all(|new| new.number != old.number)) {
        session
            .execute(FORGET_PACKAGE, args![before.merchant.as_str(), before.id.as_str(), gone.number.as_str()])
            .await?;
    }
    for (position, package) in after.packages.iter().enumerate() {
        if before.packages.get(position) != Some(package) {
            save_package(session, after, position, package).await?;
        }
    }
    note_labels(session, before, after).await?;
    let known = terms(before);
    for term in terms(after).iter().filter(|term| !known.contains(term)) {
        session.execute(SAVE_TERM, args![after.merchant.as_str(), term, after.id.as_str()]).await?;
    }
    save_return(session, before.returning(), after).await
}

/// Keeps which of an order's printed parcels are still in the house, and puts back into the pile what was taken out of it
/// for a cancel that did not come about.
async fn note_labels(session: &mut Session, before: &OrderRecord, after: &OrderRecord) -> Result<(), StoreError> {
    let (merchant, order) = (after.merchant.as_str(), after.id.as_str());
    // What we scanned out waits here for its courier; what only the platform says has left.
    let has_left = |order: &OrderRecord, package: &PackageRecord| {
        matches!(order.standing, Standing::Shipped | Standing::Completed)
            || (package.stage >= Stage::HandedOver && !package.scanned_out)
    };
    for package in &after.packages {
        let known = before.packages.iter().find(|known| known.number == package.number);
        if has_left(after, package) && !known.is_some_and(|known| has_left(before, known)) {
            session.execute(LABEL_GONE, args![merchant, order, package.number.as_str()]).await?;
        }
    }
    if before.returning() > 0 && after.returning() == 0 {
        session.execute(LABELS_STOCKED_IN, args![merchant, order]).await?;
    }
    if before.must_be_pulled() && !after.must_be_pulled() {
        session.execute(LABELS_BACK_IN_THE_PILE, args![merchant, order]).await?;
    }
    Ok(())
}

/// Keeps how many units of an order wait to be stocked in, and since when, where that changed.
async fn save_return(session: &mut Session, before: u32, after: &OrderRecord) -> Result<(), StoreError> {
    let units = after.returning();
    if units == before {
        return Ok(());
    }
    let since = after.canceled_at.unwrap_or(after.platform_updated_at);
    let settled_at = if units == 0 { after.updated_at.millis() } else { 0 };
    let args = args![after.merchant.as_str(), after.id.as_str(), units, since.millis(), settled_at];
    session.execute(SAVE_RETURN, args).await.map(drop)
}

/// Keeps the platform's status that an order had before it was canceled.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_status_before(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    status: &str,
) -> Result<(), StoreError> {
    session.execute(NOTE_STATUS_BEFORE, args![merchant.as_str(), order.as_str(), status]).await.map(drop)
}

/// Notes that a write of ours to the platform was answered at this moment: reads that began before it are stale.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mark_written(
    session: &mut Session,
    merchant: &MerchantId,
    order: &OrderId,
    at: Moment,
) -> Result<(), StoreError> {
    session.execute(MARK_WRITTEN, args![merchant.as_str(), order.as_str(), at.millis()]).await.map(drop)
}

/// Orders of a shop whose goods are still here, by id; `after` is the last of the page before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    after: Option<&OrderId>,
    limit: u32,
) -> Result<Vec<OrderId>, StoreError> {
    let after = after.map_or("", OrderId::as_str);
    let rows = session.rows(OF_SHOP, args![merchant.as_str(), shop.as_str(), after, limit]).await?;
    rows.iter().map(|row| parsed(row, "order_id", |text| OrderId::parse(text))).collect()
}

/// A listing that orders name, and the units of it that orders with goods still here want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUnits {
    /// The listing.
    pub listing: ListingId,
    /// The code on it.
    pub listing_sku: ListingSku,
    /// The warehouse's code.
    pub merchant_sku: MerchantSku,
    /// What the buyer saw.
    pub name: String,
    /// Units.
    pub units: u32,
    /// The listing is of this SKU, and not of a bundle that it is in.
    pub itself: bool,
}

/// Every listing that a shop's orders name, with the units that its open orders want.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_units(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<Vec<OpenUnits>, StoreError> {
    let rows = session.rows(OPEN_UNITS, args![merchant.as_str(), shop.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(OpenUnits {
                listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
                listing_sku: parsed(row, "listing_sku", |text| ListingSku::parse(text))?,
                merchant_sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
                name: row.text("name")?,
                units: row.units("units")?,
                itself: row.truth("itself")?,
            })
        })
        .collect()
}

async fn save_line(
    session: &mut Session,
    order: &OrderRecord,
    position: usize,
    line: &LineRecord,
) -> Result<(), StoreError> {
    let stock = &line.stock;
    session
        .execute(
            SAVE_LINE,
            args![
                order.merchant.as_str(),
                order.id.as_str(),
                line.id.as_str(),
                i64::try_from(position).unwrap_or(i64::MAX),
                line.listing.as_str(),
                line.listing_sku.as_str(),
                line.merchant_sku.as_str(),
                line.warehouse.as_str(),
                &line.name,
                &line.variation,
                line.quantity,
                line.canceled_quantity,
                line.unit_price.map(Money::minor),
                stock.reserved,
                stock.allocated,
                stock.outbound,
                stock.outside,
                stock.returning,
                stock.count_needed,
                stock.moved.reserve,
                stock.moved.allocate,
                stock.moved.release,
                stock.moved.ship,
                stock.moved.complete,
                stock.moved.cancel,
                stock.lost,
                stock.moved.stock_in,
                stock.moved.find,
                stock.moved.undo_stock_in,
                line.canceled_by.map(Initiator::as_str),
                &line.platform_status,
                line.stage.map(Stage::as_str),
                line.package.as_ref().map(PackageNumber::as_str),
                stock.moved.undo_ship,
                stock.moved.courier_scan,
                stock.moved.come_back,
                stock.moved.claim,
                line.part_of.as_ref().map(|part| part.line.as_str()),
                line.units_in_one(),
                line.goods.as_str(),
                stock.moved.revive,
            ],
        )
        .await
        .map(drop)
}

async fn save_package(
    session: &mut Session,
    order: &OrderRecord,
    position: usize,
    package: &PackageRecord,
) -> Result<(), StoreError> {
    session
        .execute(
            SAVE_PACKAGE,
            args![
                order.merchant.as_str(),
                order.id.as_str(),
                package.number.as_str(),
                i64::try_from(position).unwrap_or(i64::MAX),
                package.tracking_number.as_deref(),
                &package.platform_status,
                package.stage.as_str(),
                &package.carrier,
                package.scanned_out,
            ],
        )
        .await
        .map(drop)
}

/// What the search box finds an order by, lower case.
fn terms(order: &OrderRecord) -> Vec<String> {
    let mut terms = vec![order.number.as_str().to_lowercase()];
    terms.extend(order.packages.iter().filter_map(|package| package.tracking_number.as_deref()).map(str::to_lowercase));
    terms.extend(order.packages.iter().map(|package| package.number.as_str().to_lowercase()));
    for line in &order.lines {
        terms.push(line.listing_sku.as_str().to_lowercase());
        terms.push(line.merchant_sku.as_str().to_lowercase());
    }
    terms.sort();
    terms.dedup();
    terms
}

/// Reads a column through a parser of the domain.
pub(crate) fn parsed<T, E>(row: &Row, column: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StoreError> {
    let text = row.text(column)?;
    parse(&text).map_err(|_| StoreError::unreadable(column, &text))
}

/// The same for a column that may be null.
pub(crate) fn parsed_optional<T, E>(
    row: &Row,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    match row.optional_text(column)? {
        Some(text) => parse(&text).map(Some).map_err(|_| StoreError::unreadable(column, &text)),
        None => Ok(None),
    }
}

fn read_order(merchant: &MerchantId, row: &Row, lines: &[Row], packages: &[Row]) -> Result<OrderRecord, StoreError> {
    let currency = parsed(row, "currency", Currency::parse)?;
    let canceled_at = row.int("canceled_at")?;
    Ok(OrderRecord {
        merchant: merchant.clone(),
        id: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        platform: parsed(row, "platform", Platform::parse)?,
        number: parsed(row, "number", |text| OrderNumber::parse(text))?,
        version: row.int("version")?,
        list: parsed(row, "list", List::parse)?,
        tab: parsed(row, "tab", Tab::parse)?,
        platform_status: row.text("platform_status")?,
        standing: parsed(row, "standing", Standing::parse)?,
        stage: parsed(row, "stage", Stage::parse)?,
        region: row.text("region")?,
        currency,
        total: row.optional_int("total_minor")?.map(|minor| Money::from_minor(minor, currency)),
        buyer_name: row.text("buyer_name")?,
        cod: row.truth("cod")?,
        preorder: row.truth("preorder")?,
        fulfilled_by: parsed(row, "fulfilled_by", FulfilledBy::parse)?,
        seller_may_cancel: row.optional_truth("seller_may_cancel")?,
        voided: row.truth("voided")?,
        cancelling: row.truth("cancelling")?,
        shipment: parsed(row, "shipment", Mark::parse)?,
        scanned_out: row.truth("scanned_out")?,
        goods: parsed(row, "goods", Goods::parse)?,
        left_before_counting: row.truth("left_before_counting")?,
        cancelled_by: parsed_optional(row, "cancelled_by", Initiator::parse)?,
        cancel_reason: row.optional_text("cancel_reason")?,
        buyer_reason: row.optional_text("buyer_reason")?,
        ordered_at: Moment::from_millis(row.int("ordered_at")?),
        paid_at: row.optional_int("paid_at")?.map(Moment::from_millis),
        ship_by: Moment::from_millis(row.int("ship_by")?),
        canceled_at: (canceled_at != 0).then(|| Moment::from_millis(canceled_at)),
        platform_updated_at: Moment::from_millis(row.int("platform_updated_at")?),
        read_began_at: Moment::from_millis(row.int("read_began_at")?),
        written_at: Moment::from_millis(row.int("written_at")?),
        updated_at: Moment::from_millis(row.int("updated_at")?),
        lines: lines.iter().map(|line| read_line(line, currency)).collect::<Result<_, _>>()?,
        packages: packages.iter().map(read_package).collect::<Result<_, _>>()?,
    })
}

fn read_line(row: &Row, currency: Currency) -> Result<LineRecord, StoreError> {
    Ok(LineRecord {
        id: parsed(row, "line_id", |text| LineId::parse(text))?,
        listing: parsed(row, "listing_id", |text| ListingId::parse(text))?,
        listing_sku: parsed(row, "listing_sku", |text| ListingSku::parse(text))?,
        merchant_sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
        warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
        name: row.text("name")?,
        variation: row.text("variation")?,
        quantity: row.units("quantity")?,
        canceled_quantity: row.units("canceled_quantity")?,
        canceled_by: parsed_optional(row, "canceled_by", Initiator::parse)?,
        unit_price: row.optional_int("unit_price_minor")?.map(|minor| Money::from_minor(minor, currency)),
        platform_status: row.text("platform_status")?,
        stage: parsed_optional(row, "stage", Stage::parse)?,
        package: parsed_optional(row, "package_number", |text| PackageNumber::parse(text))?,
        part_of: match parsed_optional(row, "bundle_line", |text| LineId::parse(text))? {
            Some(line) => Some(PartOf { line, units: row.units("bundle_units")? }),
            None => None,
        },
        goods: parsed(row, "goods", Goods::parse)?,
        stock: LineStock {
            reserved: row.units("reserved")?,
            allocated: row.units("allocated")?,
            outbound: row.units("outbound")?,
            outside: row.units("outside")?,
            returning: row.units("returning_units")?,
            count_needed: row.units("count_needed")?,
            lost: row.units("lost")?,
            moved: Moved {
                reserve: row.units("moved_reserve")?,
                allocate: row.units("moved_allocate")?,
                release: row.units("moved_release")?,
                ship: row.units("moved_ship")?,
                undo_ship: row.units("moved_undo_ship")?,
                complete: row.units("moved_complete")?,
                cancel: row.units("moved_cancel")?,
                stock_in: row.units("moved_stock_in")?,
                find: row.units("moved_find")?,
                undo_stock_in: row.units("moved_undo_stock_in")?,
                courier_scan: row.units("moved_courier_scan")?,
                come_back: row.units("moved_come_back")?,
                claim: row.units("moved_claim")?,
                revive: row.units("moved_revive")?,
            },
        },
    })
}

fn read_package(row: &Row) -> Result<PackageRecord, StoreError> {
    Ok(PackageRecord {
        number: parsed(row, "number", |text| PackageNumber::parse(text))?,
        tracking_number: row.optional_text("tracking_number")?,
        platform_status: row.text("platform_status")?,
        stage: parsed(row, "stage", Stage::parse)?,
        carrier: row.text("carrier")?,
        label: parsed(row, "label", LabelState::parse)?,
        scanned_out: row.truth("scanned_out")?,
    })
}
