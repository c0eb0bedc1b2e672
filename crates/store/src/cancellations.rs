//! Cancellations and what was tried for them.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::cancellation::{Cancellation, MeantLine, Phase, Scope, Sent, State};
use domain::ids::{CancellationId, LineId, MerchantId, OrderId, ReasonCode, RequestId, ShopId};
use domain::snapshot::Initiator;
use domain::time::Moment;
use serde::{Deserialize, Serialize};

/// A line that an operator chose, and how many of its units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenLine {
    /// The line.
    pub line_id: String,
    /// How many of its units.
    pub quantity: u32,
}

/// A line that the platform cancelled beside the chosen ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideEffect {
    /// The line.
    pub line_id: String,
    /// How many of its units.
    pub quantity: u32,
}

/// A line of a cancellation, as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenLine {
    line_id: String,
    quantity: u32,
    #[serde(default)]
    canceled_before: u32,
    #[serde(default)]
    canceled: u32,
}

fn written_lines(lines: &[MeantLine]) -> String {
    let written: Vec<WrittenLine> = lines
        .iter()
        .map(|line| WrittenLine {
            line_id: line.line.as_str().to_owned(),
            quantity: line.quantity,
            canceled_before: line.canceled_before,
            canceled: line.canceled,
        })
        .collect();
    serde_json::to_string(&written).unwrap_or_default()
}

fn read_lines(text: &str) -> Result<Vec<MeantLine>, StoreError> {
    let unreadable = || StoreError::unreadable("lines", text);
    let written: Vec<WrittenLine> = serde_json::from_str(text).map_err(|_| unreadable())?;
    let lines = written.into_iter().map(|line| {
        Ok(MeantLine {
            line: LineId::parse(line.line_id).map_err(|_| unreadable())?,
            quantity: line.quantity,
            canceled_before: line.canceled_before,
            canceled: line.canceled,
        })
    });
    lines.collect()
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
    /// The whole order, or the chosen lines alone.
    pub scope: Scope,
    /// The lines that the operator chose; empty where all are meant.
    pub lines: Vec<MeantLine>,
    /// Lines that the platform cancelled beside the chosen ones.
    pub side_effects: Vec<SideEffect>,
    pub note: Option<String>,
    pub saga: Cancellation,
    pub platform_message: Option<String>,
    /// The buyer's request that it answers; none: it is the seller's own.
    pub request: Option<RequestId>,
    /// The operator goes on although a third-party warehouse keeps the goods.
    pub despite_warehouse: bool,
    pub actor: String,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl CancellationRecord {
    /// Whether the cancel speaks of this line: it was chosen, or none was and all are meant.
    #[must_use]
    pub fn chose(&self, line: &LineId) -> bool {
        self.lines.is_empty() || self.lines.iter().any(|chosen| chosen.line == *line)
    }

    /// Who cancelled the order, once it is known.
    #[must_use]
    pub const fn cancelled_by(&self) -> Option<Initiator> {
        match &self.saga.phase {
            Phase::Done(by) => *by,
            Phase::Requested
            | Phase::Withdrawing
            | Phase::Submitting
            | Phase::Confirming
            | Phase::Restoring(_)
            | Phase::Refused(_) => None,
        }
    }
}

/// What was tried once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the attempts table")]
pub struct AttemptRecord {
    pub attempt: u32,
    /// The lines that were sent, with what was cancelled of them before; empty where the whole order was.
    pub lines: Vec<MeantLine>,
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
        "cancellation_id, order_id, shop_id, reason, scope, lines, side_effects, note, phase, attention, sent, settled_at, attempts, fruitless_reads, since, \
         seen_before, cancelled_by, platform_message, request_id, despite_warehouse, actor, created_at, updated_at"
    };
}

statements! {
    INSERT = "insert into cancellations (merchant_id, cancellation_id, order_id, shop_id, initiator, reason, lines, note, state, phase, \
        attention, sent, settled_at, attempts, fruitless_reads, since, seen_before, cancelled_by, platform_message, actor, created_at, updated_at, \
        scope, despite_warehouse) values ($1, $2, $3, $4, 'seller', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
        $23)";
    SAVE = "update cancellations set state = $3, phase = $4, attention = $5, sent = $6, settled_at = $7, attempts = $8, fruitless_reads = $9, \
        since = $10, seen_before = $11, cancelled_by = $12, platform_message = $13, updated_at = $14, lines = $15 \
        where merchant_id = $1 and cancellation_id = $2";
    LOAD = concat!("select ", columns!(), " from cancellations where merchant_id = $1 and cancellation_id in (select value from json_each($2))");
    LIVE_OF_ORDERS = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and order_id in (select value from json_each($2)) and state not in ('done', 'refused')");
    OF_ORDERS = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and order_id in (select value from json_each($2)) order by cancellation_id");
    BY_STATE = concat!("select ", columns!(), " from cancellations where merchant_id = $1 and state = $2 \
        and (reason <> 'reject_request' or state = 'needs_attention') and (cast($3 as text) is null or shop_id in (select value from json_each($3))) and cancellation_id < $4 \
        order by cancellation_id desc limit $5");
    NEWEST = concat!("select ", columns!(), " from cancellations where merchant_id = $1 \
        and (reason <> 'reject_request' or state = 'needs_attention') and (cast($2 as text) is null or shop_id in (select value from json_each($2))) and cancellation_id < $3 \
        order by cancellation_id desc limit $4");
    SAVE_SIDE_EFFECTS = "update cancellations set side_effects = $3 where merchant_id = $1 and cancellation_id = $2";
    ANSWER = "update cancellations set request_id = $3 where merchant_id = $1 and cancellation_id = $2";
    BEGIN_ATTEMPT = "insert into attempts (merchant_id, cancellation_id, attempt, began_at, deadline, lines) values ($1, $2, $3, $4, $5, $6)";
    END_ATTEMPT = "update attempts set outcome = $4, http_status = $5, platform_code = $6, platform_message = $7, request_id = $8, \
        answered_at = $9 where merchant_id = $1 and cancellation_id = $2 and attempt = $3";
    ATTEMPTS = "select attempt, lines, began_at, deadline, outcome, platform_code, platform_message, request_id, answered_at \
        from attempts where merchant_id = $1 and cancellation_id = $2 order by attempt";
    OPEN_ATTEMPTS = "select cancellation_id, attempt, deadline from attempts \
        where merchant_id = $1 and cancellation_id in (select value from json_each($2)) and outcome is null";
}

/// Adds a cancellation.
///
/// # Errors
/// [`StoreError::Exists`] when the order has an unfinished one.
pub async fn insert(session: &mut Session, record: &CancellationRecord) -> Result<(), StoreError> {
    let lines = written_lines(&record.lines);
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
                record.scope.as_str(),
                record.despite_warehouse,
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
    let lines = written_lines(&record.lines);
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
                &lines,
            ],
        )
        .await
        .map(drop)
}

/// Saves which lines the platform cancelled beside the chosen ones: whoever reads the order first may see it, so this is
/// no part of [`save`].
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save_side_effects(session: &mut Session, record: &CancellationRecord) -> Result<(), StoreError> {
    let beside = serde_json::to_string(&record.side_effects).unwrap_or_default();
    session.execute(SAVE_SIDE_EFFECTS, args![record.merchant.as_str(), record.id.as_str(), &beside]).await.map(drop)
}

/// Makes a cancellation the answer to a buyer's request.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn answer(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    request: &RequestId,
) -> Result<(), StoreError> {
    session.execute(ANSWER, args![merchant.as_str(), cancellation.as_str(), request.as_str()]).await.map(drop)
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

/// Writes the intent to send, before the call: which lines, and how many units of each were cancelled before; none for
/// the whole order.
///
/// # Errors
/// [`StoreError::Exists`] when this attempt was begun already.
pub async fn begin_attempt(
    session: &mut Session,
    merchant: &MerchantId,
    cancellation: &CancellationId,
    attempt: u32,
    lines: &[MeantLine],
    (began_at, deadline): (Moment, Moment),
) -> Result<(), StoreError> {
    let lines = (!lines.is_empty()).then(|| written_lines(lines));
    let (began_at, deadline) = (began_at.millis(), deadline.millis());
    session
        .execute(
            BEGIN_ATTEMPT,
            args![merchant.as_str(), cancellation.as_str(), attempt, began_at, deadline, lines.as_deref()],
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
                lines: row.optional_text("lines")?.as_deref().map_or_else(|| Ok(Vec::new()), read_lines)?,
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
            Phase::Withdrawing => ("withdrawing", None),
            Phase::Submitting => ("submitting", None),
            Phase::Confirming => ("confirming", None),
            Phase::Done(by) => ("done", by.map(Initiator::as_str)),
            Phase::Restoring(_) => ("restoring", None),
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
        "withdrawing" => Phase::Withdrawing,
        "submitting" => Phase::Submitting,
        "confirming" => Phase::Confirming,
        "done" => Phase::Done(parsed_optional(row, "cancelled_by", Initiator::parse)?),
        "restoring" => Phase::Restoring(words()),
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
    let beside = row.text("side_effects")?;
    Ok(CancellationRecord {
        merchant: merchant.clone(),
        id: parsed(row, "cancellation_id", |text| CancellationId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        reason: parsed(row, "reason", |text| ReasonCode::parse(text))?,
        scope: parsed(row, "scope", Scope::parse)?,
        lines: read_lines(&row.text("lines")?)?,
        side_effects: serde_json::from_str(&beside).map_err(|_| StoreError::unreadable("side_effects", &beside))?,
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
        request: parsed_optional(row, "request_id", |text| RequestId::parse(text))?,
        despite_warehouse: row.truth("despite_warehouse")?,
        actor: row.text("actor")?,
        created_at: Moment::from_millis(row.int("created_at")?),
        updated_at: Moment::from_millis(row.int("updated_at")?),
    })
}
