//! The ledger's proof: every balance is the sum of its movements, every line holds what its movements say, nothing is held
//! for an order that is not there, and no bucket is below zero.

use crate::error::StoreError;
use crate::explain::{net, net_of_all, read_net};
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{LineId, MerchantId, MerchantSku, OrderId, WarehouseId};
use domain::stock::{Balance, Bucket};
use std::collections::HashSet;

/// Flaws of one kind that are told at once.
pub const FLAWS_TOLD: u32 = 1_000;

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// A bucket is below zero.
    Negative,
    /// A balance is not the sum of its movements.
    Balance,
    /// An order line does not hold what its movements say.
    Holding,
    /// Units are held for an order line that is not there.
    Orphan,
}

impl Flaw {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Negative => "a bucket is below zero",
            Self::Balance => "the balance is not the sum of its movements",
            Self::Holding => "an order line does not hold what its movements say",
            Self::Orphan => "units are held for an order that is not there",
        }
    }
}

/// A number that is not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// What is wrong.
    pub flaw: Flaw,
    /// In which warehouse.
    pub warehouse: WarehouseId,
    /// Of what.
    pub sku: MerchantSku,
    /// The order that is meant, where one is.
    pub order: Option<OrderId>,
    /// Its line.
    pub line: Option<LineId>,
    /// What is kept: the balance, or what the line holds.
    pub kept: Balance,
    /// What the movements say.
    pub moved: Balance,
}

impl Unproven {
    /// The buckets that differ, with what is kept and what the movements say.
    #[must_use]
    pub fn buckets(&self) -> Vec<(Bucket, i64, i64)> {
        let differs = |bucket: &Bucket| {
            let (kept, moved) = (self.kept.units(*bucket), self.moved.units(*bucket));
            (kept != moved || kept < 0).then_some((*bucket, kept, moved))
        };
        Bucket::ALL.iter().filter_map(differs).collect()
    }
}

impl std::fmt::Display for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}: {}", self.sku, self.warehouse, self.flaw.words())?;
        for (bucket, kept, moved) in self.buckets() {
            write!(f, "; {bucket} is {kept}, its movements make {moved}")?;
        }
        Ok(())
    }
}

/// Every bucket's sum over balances and over movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Of the balances.
    pub kept: Balance,
    /// Of the movements.
    pub moved: Balance,
    /// How many movements there are.
    pub movements: i64,
    /// How many balances there are.
    pub balances: i64,
}

macro_rules! kept_columns {
    ($alias:literal) => {
        concat!(
            "coalesce(",
            $alias,
            "available, 0) as kept_available, coalesce(",
            $alias,
            "reserved, 0) as kept_reserved, \
             coalesce(",
            $alias,
            "count_needed, 0) as kept_count_needed, coalesce(",
            $alias,
            "allocated, 0) as kept_allocated, \
             coalesce(",
            $alias,
            "defective, 0) as kept_defective, coalesce(",
            $alias,
            "outbound, 0) as kept_outbound, \
             coalesce(",
            $alias,
            "returning_units, 0) as kept_returning, coalesce(",
            $alias,
            "lost, 0) as kept_lost"
        )
    };
}

statements! {
    NEGATIVE = concat!("select b.warehouse_id, b.merchant_sku, cast(null as text) as order_id, cast(null as text) as line_id, ", kept_columns!("b."), ", ",
        net_of_all!(), " from balances b left join movements m on m.merchant_id = b.merchant_id and m.warehouse_id = b.warehouse_id \
        and m.merchant_sku = b.merchant_sku where b.merchant_id = $1 and (b.available < 0 or b.reserved < 0 or b.count_needed < 0 or b.allocated < 0 \
        or b.defective < 0 or b.outbound < 0 or b.returning_units < 0 or b.lost < 0) group by b.warehouse_id, b.merchant_sku, b.available, b.reserved, \
        b.count_needed, b.allocated, b.defective, b.outbound, b.returning_units, b.lost order by b.warehouse_id, b.merchant_sku limit $2");
    BALANCES = concat!("select * from (select k.warehouse_id, k.merchant_sku, cast(null as text) as order_id, cast(null as text) as line_id, ",
        kept_columns!("b."), ", coalesce(m.available_units, 0) as available_units, coalesce(m.reserved_units, 0) as reserved_units, \
        coalesce(m.count_needed_units, 0) as count_needed_units, coalesce(m.allocated_units, 0) as allocated_units, \
        coalesce(m.defective_units, 0) as defective_units, coalesce(m.outbound_units, 0) as outbound_units, \
        coalesce(m.returning_units, 0) as returning_units, coalesce(m.lost_units, 0) as lost_units \
        from (select warehouse_id, merchant_sku from balances where merchant_id = $1 union select warehouse_id, merchant_sku from movements \
        where merchant_id = $1) k left join balances b on b.merchant_id = $1 and b.warehouse_id = k.warehouse_id and b.merchant_sku = k.merchant_sku \
        left join (select warehouse_id, merchant_sku, ", net_of_all!(), " from movements where merchant_id = $1 group by warehouse_id, merchant_sku) m \
        on m.warehouse_id = k.warehouse_id and m.merchant_sku = k.merchant_sku) both_sums where kept_available <> available_units \
        or kept_reserved <> reserved_units or kept_count_needed <> count_needed_units or kept_allocated <> allocated_units \
        or kept_defective <> defective_units or kept_outbound <> outbound_units or kept_returning <> returning_units or kept_lost <> lost_units \
        order by warehouse_id, merchant_sku limit $2");
    HOLDINGS = concat!("select * from (select l.warehouse_id, l.merchant_sku, l.order_id, l.line_id, cast(0 as bigint) as kept_available, \
        l.reserved as kept_reserved, l.count_needed as kept_count_needed, l.allocated as kept_allocated, cast(0 as bigint) as kept_defective, \
        l.outbound as kept_outbound, l.returning_units as kept_returning, l.lost as kept_lost, cast(0 as bigint) as available_units, \
        coalesce(m.reserved_units, 0) as reserved_units, coalesce(m.count_needed_units, 0) as count_needed_units, \
        coalesce(m.allocated_units, 0) as allocated_units, cast(0 as bigint) as defective_units, coalesce(m.outbound_units, 0) as outbound_units, \
        coalesce(m.returning_units, 0) as returning_units, coalesce(m.lost_units, 0) as lost_units \
        from lines l left join (select order_id, line_id, merchant_sku, ", net_of_all!(), " from movements where merchant_id = $1 \
        and order_id is not null group by order_id, line_id, merchant_sku) m on m.order_id = l.order_id and m.line_id = l.line_id \
        and m.merchant_sku = l.merchant_sku where l.merchant_id = $1) both_sums where kept_reserved <> reserved_units \
        or kept_count_needed <> count_needed_units or kept_allocated <> allocated_units or kept_outbound <> outbound_units \
        or kept_returning <> returning_units or kept_lost <> lost_units order by order_id, line_id limit $2");
    ORPHANS = concat!("select * from (select m.warehouse_id, m.merchant_sku, m.order_id, m.line_id, cast(0 as bigint) as kept_available, \
        cast(0 as bigint) as kept_reserved, cast(0 as bigint) as kept_count_needed, cast(0 as bigint) as kept_allocated, \
        cast(0 as bigint) as kept_defective, cast(0 as bigint) as kept_outbound, cast(0 as bigint) as kept_returning, cast(0 as bigint) as kept_lost, ",
        net_of_all!(), " from movements m where m.merchant_id = $1 and m.order_id is not null and not exists (select 1 from lines l \
        where l.merchant_id = m.merchant_id and l.order_id = m.order_id and l.line_id = m.line_id) \
        group by m.warehouse_id, m.merchant_sku, m.order_id, m.line_id) held where reserved_units <> 0 or count_needed_units <> 0 \
        or allocated_units <> 0 or outbound_units <> 0 or returning_units <> 0 or lost_units <> 0 order by order_id, line_id limit $2");
    MOVED = concat!("select ", net_of_all!(), " from movements where merchant_id = $1 and warehouse_id = $2 and merchant_sku = $3 \
        and (cast($4 as text) is null or order_id = $4) and (cast($5 as text) is null or line_id = $5)");
    SET_BALANCE = "insert into balances (merchant_id, warehouse_id, merchant_sku, available, reserved, count_needed, allocated, defective, outbound, \
        returning_units, lost) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (merchant_id, warehouse_id, merchant_sku) do update set \
        available = excluded.available, reserved = excluded.reserved, count_needed = excluded.count_needed, allocated = excluded.allocated, \
        defective = excluded.defective, outbound = excluded.outbound, returning_units = excluded.returning_units, lost = excluded.lost";
    KEPT_SUMS = "select count(*) as balances, cast(coalesce(sum(available), 0) as bigint) as kept_available, \
        cast(coalesce(sum(reserved), 0) as bigint) as kept_reserved, cast(coalesce(sum(count_needed), 0) as bigint) as kept_count_needed, \
        cast(coalesce(sum(allocated), 0) as bigint) as kept_allocated, cast(coalesce(sum(defective), 0) as bigint) as kept_defective, \
        cast(coalesce(sum(outbound), 0) as bigint) as kept_outbound, cast(coalesce(sum(returning_units), 0) as bigint) as kept_returning, \
        cast(coalesce(sum(lost), 0) as bigint) as kept_lost from balances \
        where merchant_id = $1 and (cast($2 as text) is null or warehouse_id in (select value from json_each($2)))";
    MOVED_SUMS = concat!("select count(*) as movements, ", net_of_all!(), " from movements \
        where merchant_id = $1 and (cast($2 as text) is null or warehouse_id in (select value from json_each($2)))");
}

/// Every number that is not proven, [`FLAWS_TOLD`] of each kind at the most; none when the ledger balances. A balance with
/// a bucket below zero is told once, as that.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn unproven(session: &mut Session, merchant: &MerchantId) -> Result<Vec<Unproven>, StoreError> {
    let mut wrong: Vec<Unproven> = Vec::new();
    let mut negative = HashSet::new();
    for (statement, flaw) in
        [(NEGATIVE, Flaw::Negative), (BALANCES, Flaw::Balance), (HOLDINGS, Flaw::Holding), (ORPHANS, Flaw::Orphan)]
    {
        for row in session.rows(statement, args![merchant.as_str(), FLAWS_TOLD]).await? {
            let found = read_unproven(&row, flaw)?;
            let place = (found.warehouse.clone(), found.sku.clone());
            match flaw {
                Flaw::Negative => drop(negative.insert(place)),
                Flaw::Balance if negative.contains(&place) => continue,
                Flaw::Balance | Flaw::Holding | Flaw::Orphan => {}
            }
            wrong.push(found);
        }
    }
    Ok(wrong)
}

fn read_unproven(row: &Row, flaw: Flaw) -> Result<Unproven, StoreError> {
    Ok(Unproven {
        flaw,
        warehouse: parsed(row, "warehouse_id", |text| WarehouseId::parse(text))?,
        sku: parsed(row, "merchant_sku", |text| MerchantSku::parse(text))?,
        order: parsed_optional(row, "order_id", |text| OrderId::parse(text))?,
        line: parsed_optional(row, "line_id", |text| LineId::parse(text))?,
        kept: read_kept(row)?,
        moved: read_net(row)?,
    })
}

fn read_kept(row: &Row) -> Result<Balance, StoreError> {
    Ok(Balance {
        available: row.int("kept_available")?,
        reserved: row.int("kept_reserved")?,
        count_needed: row.int("kept_count_needed")?,
        allocated: row.int("kept_allocated")?,
        defective: row.int("kept_defective")?,
        outbound: row.int("kept_outbound")?,
        returning: row.int("kept_returning")?,
        lost: row.int("kept_lost")?,
    })
}

/// What the movements of an order's line, or of everything, make of a SKU in a warehouse.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn moved(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    line: Option<(&OrderId, &LineId)>,
) -> Result<Balance, StoreError> {
    let (order, line) = line.unzip();
    let args = args![
        merchant.as_str(),
        warehouse.as_str(),
        sku.as_str(),
        order.map(OrderId::as_str),
        line.map(LineId::as_str)
    ];
    let row = session.row(MOVED, args).await?;
    row.map_or(Ok(Balance::default()), |row| read_net(&row))
}

/// Sets a balance to what its movements make of it.
///
/// # Errors
/// [`StoreError`] of the database, also when a bucket would be below zero.
pub async fn set_balance(
    session: &mut Session,
    merchant: &MerchantId,
    warehouse: &WarehouseId,
    sku: &MerchantSku,
    balance: &Balance,
) -> Result<(), StoreError> {
    let args = args![
        merchant.as_str(),
        warehouse.as_str(),
        sku.as_str(),
        balance.available,
        balance.reserved,
        balance.count_needed,
        balance.allocated,
        balance.defective,
        balance.outbound,
        balance.returning,
        balance.lost
    ];
    session.execute(SET_BALANCE, args).await.map(drop)
}

/// Every bucket's sum, over these warehouses or all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn sums(
    session: &mut Session,
    merchant: &MerchantId,
    warehouses: Option<&[WarehouseId]>,
) -> Result<Sums, StoreError> {
    let list = warehouses.map(|warehouses| json_list(warehouses.iter().map(WarehouseId::as_str)));
    let mut sums = Sums::default();
    if let Some(row) = session.row(KEPT_SUMS, args![merchant.as_str(), list.as_deref()]).await? {
        sums.kept = read_kept(&row)?;
        sums.balances = row.int("balances")?;
    }
    if let Some(row) = session.row(MOVED_SUMS, args![merchant.as_str(), list.as_deref()]).await? {
        sums.moved = read_net(&row)?;
        sums.movements = row.int("movements")?;
    }
    Ok(sums)
}
