//! Cancellations and what was tried for them.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::cancellation::{Cancellation, Phase, Sent, State};
use domain::ids::{CancellationId, LineId, MerchantId, OrderId, ReasonCode, ShopId};
use domain::snapshot::Initiator;
use domain::time::Moment;
use serde::{Deserialize, Serialize};

/// A chosen line of a cancellation, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenLine {
    /// The line.
    pub line_id: String,
    /// How many of its units.
    pub quantity: u32,
}

/// A cancellation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 3 and of the columns")]
pub struct CancellationRecord {
    pub merchant: MerchantId,
    pub id: CancellationId,
    pub order: OrderId,
    pub shop: ShopId,
    pub reason: ReasonCode,
    /// The lines that the operator chose; empty where the reason wants none.
    pub lines: Vec<ChosenLine>,
    pub note: Option<String>,
    pub saga: Cancellation,
    pub platform_message: Option<String>,
    pub actor: String,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl CancellationRecord {
    /// Whether the operator chose this line.
    #[must_use]
    pub fn chose(&self, line: &LineId) -> bool {
        self.lines.iter().any(|chosen| chosen.line_id == line.as_str())
    }

    /// Who cancelled the order, once it is known.
    #[must_use]
    pub const fn cancelled_by(&self) -> Option<Initiator> {
        match &self.saga.phase {
            Phase::Done(by) => *by,
            Phase::Requested | Phase::Submitting | Phase::Confirming | Phase::Refused(_) => None,
        }
    }
}

/// What was tried once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the attempts table")]
pub struct AttemptRecord {
    pub attempt: u32,
    pub began_at: Moment,
    /// Until when the call can still reach the platform.
    pub deadline: Moment,
    /// `None`: nothing is known of it.
    pub outcome: Option<String>,
    pub platform_code: Option<String>,
    pub platform_message: Option<String>,
    pub request_id: Option<String>,
    pub answered_at: Option<Moment>,
}

/// How an attempt ended, in the platform's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are the columns of the attempts table")]
pub struct Outcome {
    pub outcome: &'static str,
    pub http_status: u16,
    pub platform_code: String,
    pub platform_message: String,
    pub request_id: String,
}

macro_rules! columns {
    () => {
        "cancellation_id, order_id, shop_id, reason, lines, note, phase, attention, sent, settled_at, attempts, fruitless_reads, since, \
         seen_before, cancelled_by, platform_message, actor, created_at, updated_at"
    };
}

statements! {
    INSERT = "insert into cancellations (merchant_id, cancellation_id, order_id, shop_id, initiator, reason, lines, note, state, phase, \
        attention, sent, settled_at, attempts, fruitless_reads, since, seen_before, cancelled_by, platform_message, actor, created_at, updated_at) \
        values ($1, $2, $3, $4, 'seller', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    SAVE = "update cancellations set state = $3, phase = $4, attention = $5, sent = $6, settled_at = $7, attempts = $8, fruitless_reads = $9, \
        since = $10, seen_before = $11, cancelled_by = $12, platform_message = $13, updated_at = $14 \
        where merchant_id = $1 and cancellation_id = $2";
    LOAD = concat!("select ", columns!(), " from cancellations where merchant_id = $1 and cancellation_id in (select value from json_each($2))");
    LIVE_OF_ORDERS = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and order_id in (select value from json_each($2)) and state not in ('done', 'refused')");
    OF_ORDERS = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and order_id in (select value from json_each($2)) order by cancellation_id");
    BY_STATE = concat!("select ", columns!(), " from cancellations where merchant_id = $1 and state = $2 \
        and (cast($3 as text) is null or shop_id in (select value from json_each($3))) and cancellation_id < $4 \
        order by cancellation_id desc limit $5");
    NEWEST = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and (cast($2 as text) is null or shop_id in (select value from json_each($2))) and cancellation_id < $3 \
        order by cancellation_id desc limit $4");
    BEGIN_ATTEMPT = "insert into attempts (merchant_id, cancellation_id, attempt, began_at, deadline) values ($1, $2, $3, $4, $5)";
    END_ATTEMPT = "update attempts set outcome = $4, http_status = $5, platform_code = $6, platform_message = $7, request_id = $8, \
        answered_at = $9 where merchant_id = $1 and cancellation_id = $2 and attempt = $3";
    ATTEMPTS = "select attempt, began_at, deadline, outcome, platform_code, platform_message, request_id, answered_at \
        from attempts where merchant_id = $1 and cancellation_id = $2 order by attempt";
    OPEN_ATTEMPTS = "select cancellation_id, attempt, deadline from attempts \
        where merchant_id = $1 and cancellation_id in (select value from json_each($2)) and outcome is null";
}

/// Adds a cancellation.
///
/// # Errors
/// [`StoreError::Exists`] when the order has an unfinished one.
pub async fn insert(session: &mut Session, record: &CancellationRecord) -> Result<(), StoreError> {
    let lines = serde_json::to_string(&record.lines).unwrap_or_default();
    let saga = Columns::of(&record.saga);
    session
        .execute(
            INSERT,
            args![
                record.merchant.as_str(),
                record.id.as_str(),
                record.order.as_str(),
                record.shop.as_str(),
                record.reason.as_str(),
                &lines,
                record.note.as_deref(),
                record.saga.state().as_str(),
                saga.phase,
                record.saga.attention,
                saga.sent,
                saga.settled_at,
                record.saga.attempts,
                record.saga.fruitless_reads,
                record.saga.since.millis(),
                record.saga.seen_before.map(Moment::millis),
                saga.cancelled_by,
                record.platform_message.as_deref(),
                &record.actor,
                record.created_at.millis(),
                record.updated_at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// Saves where a cancellation stands. The order's version guards it: whoever saves it has just changed the order in the
/// same transaction, or holds its job's lease.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, record: &CancellationRecord) -> Result<(), StoreError> {
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
                record.saga.attempts,
                record.saga.fruitless_reads,
                record.saga.since.millis(),
                record.saga.seen_before.map(Moment::millis),
                saga.cancelled_by,
                record.platform_message.as_deref(),
                record.updated_at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// Loads cancellations by id; those that do not exist are left out.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    ids: &[CancellationId],
) -> Result<Vec<CancellationRecord>, StoreError> {
    let list = json_list(ids.iter().map(CancellationId::as_str));
    read_all(merchant, &session.rows(LOAD, args![merchant.as_str(), &list]).await?)
}

/// The unfinished cancellations of these orders, at most one each.
///
/// # Errors
/// As [`load`].
pub async fn live_of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<CancellationRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    read_all(merchant, &session.rows(LIVE_OF_ORDERS, args![merchant.as_str(), &list]).await?)
}

/// All cancellations of these orders, oldest first.
///
/// # Errors
/// As [`load`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<CancellationRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    read_all(merchant, &session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?)
}

/// A page of cancellations, newest first, of one state or all; `before` is the last id of the page before.
///
/// # Errors
/// As [`load`].
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    state: Option<State>,
    shops: Option<&[ShopId]>,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<CancellationRecord>, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let before = before.unwrap_or("\u{10FFFF}");
    let rows = match state {
        Some(state) => {
            session.rows(BY_STATE, args![merchant.as_str(), state.as_str(), shops.as_deref(), before, limit]).await?
        }
        None => session.rows(NEWEST, args![merchant.as_str(), shops.as_deref(), before, limit]).await?,
    };
    read_all(merchant, &rows)
}

/// Writes the intent to send, before the call.
///
/// # Errors
/// [`StoreError::Exists`] when this attempt was begun already.
pub async fn begin_attempt(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    attempt: u32,
    began_at: Moment,
    deadline: Moment,
) -> Result<(), StoreError> {
    session
        .execute(
            BEGIN_ATTEMPT,
            args![merchant.as_str(), cancellation.as_str(), attempt, began_at.millis(), deadline.millis()],
        )
        .await
        .map(drop)
}

/// Writes how an attempt ended, unconditionally.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_attempt(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    attempt: u32,
    outcome: &Outcome,
    at: Moment,
) -> Result<(), StoreError> {
    session
        .execute(
            END_ATTEMPT,
            args![
                merchant.as_str(),
                cancellation.as_str(),
                attempt,
                outcome.outcome,
                i64::from(outcome.http_status),
                &outcome.platform_code,
                &outcome.platform_message,
                &outcome.request_id,
                at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// The attempts of one cancellation.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn attempts(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let rows = session.rows(ATTEMPTS, args![merchant.as_str(), cancellation.as_str()]).await?;
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
            })
        })
        .collect()
}

/// Intents without an outcome among these cancellations: what a crash left behind. Id, attempt, deadline.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open_attempts(
    session: &mut Session,
    merchant: &MerchantId,
    cancellations: &[CancellationId],
) -> Result<Vec<(CancellationId, u32, Moment)>, StoreError> {
    let list = json_list(cancellations.iter().map(CancellationId::as_str));
    let rows = session.rows(OPEN_ATTEMPTS, args![merchant.as_str(), &list]).await?;
    rows.iter()
        .map(|row| {
            let id = parsed(row, "cancellation_id", |text| CancellationId::parse(text))?;
            Ok((id, row.units("attempt")?, Moment::from_millis(row.int("deadline")?)))
        })
        .collect()
}

struct Columns {
    phase: &'static str,
    sent: &'static str,
    settled_at: i64,
    cancelled_by: Option<&'static str>,
}

impl Columns {
    fn of(saga: &Cancellation) -> Self {
        let (phase, cancelled_by) = match &saga.phase {
            Phase::Requested => ("requested", None),
            Phase::Submitting => ("submitting", None),
            Phase::Confirming => ("confirming", None),
            Phase::Done(by) => ("done", by.map(Initiator::as_str)),
            Phase::Refused(_) => ("refused", None),
        };
        let (sent, settled_at) = match &saga.sent {
            Sent::Never => ("never", 0),
            Sent::Unknown { settled_at } => ("unknown", settled_at.millis()),
            Sent::Accepted => ("accepted", 0),
            Sent::Rejected { settled_at, .. } => ("rejected", settled_at.millis()),
        };
        Self { phase, sent, settled_at, cancelled_by }
    }
}

fn read_all(merchant: &MerchantId, rows: &[Row]) -> Result<Vec<CancellationRecord>, StoreError> {
    rows.iter().map(|row| read(merchant, row)).collect()
}

fn read(merchant: &MerchantId, row: &Row) -> Result<CancellationRecord, StoreError> {
    let platform_message = row.optional_text("platform_message")?;
    let words = || platform_message.clone().unwrap_or_default();
    let settled_at = Moment::from_millis(row.int("settled_at")?);
    let phase = match row.text("phase")?.as_str() {
        "requested" => Phase::Requested,
        "submitting" => Phase::Submitting,
        "confirming" => Phase::Confirming,
        "done" => Phase::Done(parsed_optional(row, "cancelled_by", Initiator::parse)?),
        "refused" => Phase::Refused(words()),
        other => return Err(StoreError::unreadable("phase", other)),
    };
    let sent = match row.text("sent")?.as_str() {
        "never" => Sent::Never,
        "unknown" => Sent::Unknown { settled_at },
        "accepted" => Sent::Accepted,
        "rejected" => Sent::Rejected { words: words(), settled_at },
        other => return Err(StoreError::unreadable("sent", other)),
    };
    let lines = row.text("lines")?;
    Ok(CancellationRecord {
        merchant: merchant.clone(),
        id: parsed(row, "cancellation_id", |text| CancellationId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        reason: parsed(row, "reason", |text| ReasonCode::parse(text))?,
        lines: serde_json::from_str(&lines).map_err(|_| StoreError::unreadable("lines", &lines))?,
        note: row.optional_text("note")?,
        saga: Cancellation {
            phase,
            attention: row.truth("attention")?,
            sent,
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
