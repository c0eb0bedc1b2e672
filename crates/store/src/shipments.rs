//! Packs, ready-to-ship and repacks, and what was tried for them.

use crate::cancellations::{AttemptRecord, Outcome};
use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use domain::ids::{CancellationId, MerchantId, OrderId, ShipmentId, ShopId};
use domain::shipment::{Act, Phase, Sent, Shipment};
use domain::time::Moment;

/// A shipment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the shipments table")]
pub struct ShipmentRecord {
    pub merchant: MerchantId,
    pub id: ShipmentId,
    pub order: OrderId,
    pub shop: ShopId,
    pub act: Act,
    /// The cancel of chosen items that it belongs to.
    pub cancellation: Option<CancellationId>,
    pub saga: Shipment,
    pub platform_message: Option<String>,
    pub actor: String,
    pub created_at: Moment,
    pub updated_at: Moment,
}

macro_rules! columns {
    () => {
        "shipment_id, order_id, shop_id, act, phase, attention, sent, settled_at, part, attempts, fruitless_reads, since, seen_before, \
         platform_message, actor, created_at, updated_at, cancellation_id"
    };
}

statements! {
    INSERT = "insert into shipments (merchant_id, shipment_id, order_id, shop_id, act, state, phase, attention, sent, settled_at, part, \
        attempts, fruitless_reads, since, seen_before, platform_message, actor, created_at, updated_at, cancellation_id) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    SAVE = "update shipments set state = $3, phase = $4, attention = $5, sent = $6, settled_at = $7, part = $8, attempts = $9, \
        fruitless_reads = $10, since = $11, seen_before = $12, platform_message = $13, updated_at = $14 \
        where merchant_id = $1 and shipment_id = $2";
    LOAD = concat!("select ", columns!(), " from shipments where merchant_id = $1 and shipment_id in (select value from json_each($2))");
    OF_ORDERS = concat!("select ", columns!(), " from shipments where merchant_id = $1 \
        and order_id in (select value from json_each($2)) order by shipment_id");
    OF_CANCELLATION = concat!("select ", columns!(), " from shipments where merchant_id = $1 and cancellation_id = $2 order by shipment_id");
    BEGIN_ATTEMPT = "insert into shipment_attempts (merchant_id, shipment_id, attempt, began_at, deadline) values ($1, $2, $3, $4, $5)";
    END_ATTEMPT = "update shipment_attempts set outcome = $4, http_status = $5, platform_code = $6, platform_message = $7, \
        request_id = $8, answered_at = $9 where merchant_id = $1 and shipment_id = $2 and attempt = $3";
    ATTEMPTS = "select attempt, began_at, deadline, outcome, platform_code, platform_message, request_id, answered_at \
        from shipment_attempts where merchant_id = $1 and shipment_id = $2 order by attempt";
    OPEN_ATTEMPTS = "select shipment_id, attempt, deadline from shipment_attempts \
        where merchant_id = $1 and shipment_id in (select value from json_each($2)) and outcome is null";
}

/// Adds a shipment.
///
/// # Errors
/// [`StoreError::Exists`] when the order has an unfinished one.
pub async fn insert(session: &mut Session, record: &ShipmentRecord) -> Result<(), StoreError> {
    let saga = Columns::of(&record.saga);
    session
        .execute(
            INSERT,
            args![
                record.merchant.as_str(),
                record.id.as_str(),
                record.order.as_str(),
                record.shop.as_str(),
                record.act.as_str(),
                record.saga.state().as_str(),
                saga.phase,
                record.saga.attention,
                saga.sent,
                saga.settled_at,
                record.saga.part.as_deref(),
                record.saga.attempts,
                record.saga.fruitless_reads,
                record.saga.since.millis(),
                record.saga.seen_before.map(Moment::millis),
                record.platform_message.as_deref(),
                &record.actor,
                record.created_at.millis(),
                record.updated_at.millis(),
                record.cancellation.as_ref().map(CancellationId::as_str),
            ],
        )
        .await
        .map(drop)
}

/// Saves where a shipment stands. Whoever saves it holds its job's lease.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, record: &ShipmentRecord) -> Result<(), StoreError> {
    let saga = Columns::of(&record.saga);
    session
        .execute(
            SAVE,
            args![
                record.merchant.as_str(),
                record.id.as_str(),
                record.saga.state().as_str(),
                saga.phase,
                record.saga.attention,
                saga.sent,
                saga.settled_at,
                record.saga.part.as_deref(),
                record.saga.attempts,
                record.saga.fruitless_reads,
                record.saga.since.millis(),
                record.saga.seen_before.map(Moment::millis),
                record.platform_message.as_deref(),
                record.updated_at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// Loads shipments by id; those that do not exist are left out.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    ids: &[ShipmentId],
) -> Result<Vec<ShipmentRecord>, StoreError> {
    let list = json_list(ids.iter().map(ShipmentId::as_str));
    read_all(merchant, &session.rows(LOAD, args![merchant.as_str(), &list]).await?)
}

/// All shipments of these orders, oldest first.
///
/// # Errors
/// As [`load`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<ShipmentRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    read_all(merchant, &session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?)
}

/// The repack before a cancel of chosen items, and the pack after it, oldest first.
///
/// # Errors
/// As [`load`].
pub async fn of_cancellation(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
) -> Result<Vec<ShipmentRecord>, StoreError> {
    read_all(merchant, &session.rows(OF_CANCELLATION, args![merchant.as_str(), cancellation.as_str()]).await?)
}

/// Writes the intent to send.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin_attempt(
    session: &mut Session,
    merchant: &MerchantId,
    shipment: &ShipmentId,
    attempt: u32,
    began_at: Moment,
    deadline: Moment,
) -> Result<(), StoreError> {
    let args = args![merchant.as_str(), shipment.as_str(), attempt, began_at.millis(), deadline.millis()];
    session.execute(BEGIN_ATTEMPT, args).await.map(drop)
}

/// Writes how an attempt ended.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_attempt(
    session: &mut Session,
    merchant: &MerchantId,
    shipment: &ShipmentId,
    attempt: u32,
    outcome: &Outcome,
    answered_at: Moment,
) -> Result<(), StoreError> {
    session
        .execute(
            END_ATTEMPT,
            args![
                merchant.as_str(),
                shipment.as_str(),
                attempt,
                outcome.outcome,
                i64::from(outcome.http_status),
                &outcome.platform_code,
                &outcome.platform_message,
                &outcome.request_id,
                answered_at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// What was tried for a shipment, in order.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn attempts(
    session: &mut Session,
    merchant: &MerchantId,
    shipment: &ShipmentId,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let rows = session.rows(ATTEMPTS, args![merchant.as_str(), shipment.as_str()]).await?;
    rows.iter()
        .map(|row| {
            Ok(AttemptRecord {
                attempt: row.units("attempt")?,
                began_at: Moment::from_millis(row.int("began_at")?),
                deadline: Moment::from_millis(row.int("deadline")?),
                outcome: row.optional_text("outcome")?,
                platform_code: row.optional_text("platform_code")?,
                platform_message: row.optional_text("platform_message")?,
                request_id: row.optional_text("request_id")?,
                answered_at: row.optional_int("answered_at")?.map(Moment::from_millis),
                lines: Vec::new(),
            })
        })
        .collect()
}

/// Intents without an outcome among these shipments: what a crash left behind. Id, attempt, deadline.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_attempts(
    session: &mut Session,
    merchant: &MerchantId,
    shipments: &[ShipmentId],
) -> Result<Vec<(ShipmentId, u32, Moment)>, StoreError> {
    let list = json_list(shipments.iter().map(ShipmentId::as_str));
    let rows = session.rows(OPEN_ATTEMPTS, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let id = parsed(row, "shipment_id", |text| ShipmentId::parse(text))?;
            Ok((id, row.units("attempt")?, Moment::from_millis(row.int("deadline")?)))
        })
        .collect()
}

struct Columns {
    phase: &'static str,
    sent: &'static str,
    settled_at: i64,
}

impl Columns {
    fn of(saga: &Shipment) -> Self {
        let phase = match &saga.phase {
            Phase::Requested => "requested",
            Phase::Submitting => "submitting",
            Phase::Confirming => "confirming",
            Phase::Done => "done",
            Phase::Failed(_) => "failed",
        };
        let (sent, settled_at) = match &saga.sent {
            Sent::Never => ("never", 0),
            Sent::Unknown { settled_at } => ("unknown", settled_at.millis()),
            Sent::Accepted { settled_at } => ("accepted", settled_at.millis()),
            Sent::Rejected { settled_at, .. } => ("rejected", settled_at.millis()),
        };
        Self { phase, sent, settled_at }
    }
}

fn read_all(merchant: &MerchantId, rows: &[Row]) -> Result<Vec<ShipmentRecord>, StoreError> {
    rows.iter().map(|row| read(merchant, row)).collect()
}

fn read(merchant: &MerchantId, row: &Row) -> Result<ShipmentRecord, StoreError> {
    let platform_message = row.optional_text("platform_message")?;
    let words = || platform_message.clone().unwrap_or_default();
    let settled_at = Moment::from_millis(row.int("settled_at")?);
    let phase = match row.text("phase")?.as_str() {
        "requested" => Phase::Requested,
        "submitting" => Phase::Submitting,
        "confirming" => Phase::Confirming,
        "done" => Phase::Done,
        "failed" => Phase::Failed(words()),
        other => return Err(StoreError::unreadable("phase", other)),
    };
    let sent = match row.text("sent")?.as_str() {
        "never" => Sent::Never,
        "unknown" => Sent::Unknown { settled_at },
        "accepted" => Sent::Accepted { settled_at },
        "rejected" => Sent::Rejected { words: words(), settled_at },
        other => return Err(StoreError::unreadable("sent", other)),
    };
    Ok(ShipmentRecord {
        merchant: merchant.clone(),
        id: parsed(row, "shipment_id", |text| ShipmentId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        act: parsed(row, "act", Act::parse)?,
        cancellation: row
            .optional_text("cancellation_id")?
            .map(|id| CancellationId::parse(id).map_err(|error| StoreError::unreadable("cancellation_id", error)))
            .transpose()?,
        saga: Shipment {
            phase,
            attention: row.truth("attention")?,
            sent,
            part: row.optional_text("part")?,
            attempts: row.units("attempts")?,
            fruitless_reads: row.units("fruitless_reads")?,
            since: Moment::from_millis(row.int("since")?),
            seen_before: row.optional_int("seen_before")?.map(Moment::from_millis),
        },
        platform_message,
        actor: row.text("actor")?,
        created_at: Moment::from_millis(row.int("created_at")?),
        updated_at: Moment::from_millis(row.int("updated_at")?),
    })
}
