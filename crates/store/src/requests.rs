//! Buyers' cancellation requests, and the answers given to them.

use crate::error::StoreError;
use crate::orders::{json_list, parsed, parsed_optional};
use crate::session::{Row, Session, args, statements};
use domain::ids::{CancellationId, LineId, MerchantId, OrderId, OrderNumber, RequestId, RequestNumber, ShopId};
use domain::order::{List, Stage};
use domain::request::{AnswerKind, DeadlineSource, RequestState, Silence};
use domain::time::Moment;
use std::collections::HashMap;

/// An answer that was given here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRecord {
    /// What the buyer is told.
    pub kind: AnswerKind,
    /// The platform's value of the reason to reject with.
    pub reason: Option<String>,
    /// The cancellation that carries it out.
    pub carried_by: CancellationId,
    /// Who decided.
    pub decided_by: String,
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 4 and of the columns")]
pub struct RequestRecord {
    pub merchant: MerchantId,
    pub id: RequestId,
    pub order: OrderId,
    pub shop: ShopId,
    /// The platform's own id of it, where it has one.
    pub number: Option<RequestNumber>,
    pub state: RequestState,
    pub lines: Vec<LineId>,
    pub buyer_reason: Option<String>,
    /// Whether the platform thinks that the goods can be sold again.
    pub restock: Option<bool>,
    pub asked_at: Moment,
    pub deadline: Moment,
    pub deadline_source: DeadlineSource,
    pub on_silence: Silence,
    pub list_before: List,
    /// How far the goods were when it was found; unknown of those that were found before this was noted.
    pub stage: Option<Stage>,
    /// The platform's update time of the order when it was last read with this request.
    pub seen_at: Moment,
    /// The answer that was given last.
    pub answer: Option<AnswerRecord>,
    /// Why an answer did not take effect.
    pub message: Option<String>,
    pub found_at: Moment,
    pub settled_at: Option<Moment>,
    pub updated_at: Moment,
}

macro_rules! columns {
    () => {
        "request_id, order_id, shop_id, number, state, lines, buyer_reason, restock, asked_at, deadline, deadline_source, on_silence, \
         list_before, seen_at, answer, answer_reason, answer_id, decided_by, message, found_at, settled_at, updated_at, stage"
    };
}

statements! {
    INSERT = concat!("insert into cancellation_requests (merchant_id, ", columns!(), ") \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)");
    SAVE = "update cancellation_requests set state = $3, lines = $4, buyer_reason = $5, restock = $6, deadline = $7, deadline_source = $8, \
        seen_at = $9, answer = $10, answer_reason = $11, answer_id = $12, decided_by = $13, message = $14, settled_at = $15, updated_at = $16, \
        alerted_at = case when deadline = $7 then alerted_at end \
        where merchant_id = $1 and request_id = $2";
    LOAD = concat!("select ", columns!(), " from cancellation_requests where merchant_id = $1 and request_id in (select value from json_each($2))");
    LIVE_OF_ORDERS = concat!("select ", columns!(), " from cancellation_requests where merchant_id = $1 \
        and order_id in (select value from json_each($2)) and state in ('open', 'answering') order by order_id, request_id");
    OF_ORDERS = concat!("select ", columns!(), " from cancellation_requests where merchant_id = $1 \
        and order_id in (select value from json_each($2)) order by order_id, request_id");
    RESTOCK_HINTS = "select order_id, restock from cancellation_requests where merchant_id = $1 \
        and order_id in (select value from json_each($2)) and restock is not null and state not in ('rejected', 'withdrawn') order by order_id, request_id";
    BY_ANSWERS = concat!("select ", columns!(), " from cancellation_requests where merchant_id = $1 \
        and answer_id in (select value from json_each($2))");
    PAGE = concat!("select ", columns!(), " from cancellation_requests where merchant_id = $1 and state = $2 \
        and (cast($3 as text) is null or shop_id in (select value from json_each($3))) and (deadline, request_id) > ($4, $5) \
        order by deadline, request_id limit $6");
    ALERT = "update cancellation_requests set alerted_at = $4 where merchant_id = $1 and shop_id = $2 and deadline <= $3 \
        and state in ('open', 'answering') and alerted_at is null returning request_id, order_id, deadline";
    ALERTED = "select count(*) as requests from cancellation_requests where merchant_id = $1 \
        and alerted_at is not null and state in ('open', 'answering') \
        and (cast($2 as text) is null or shop_id in (select value from json_each($2)))";
    OVERDUE = "select distinct orders.number as number from cancellation_requests join orders \
        on orders.merchant_id = cancellation_requests.merchant_id and orders.order_id = cancellation_requests.order_id \
        where cancellation_requests.merchant_id = $1 and cancellation_requests.shop_id = $2 \
        and cancellation_requests.state in ('open', 'answering') and cancellation_requests.deadline <= $3 limit 1000";
}

fn lines_json(record: &RequestRecord) -> String {
    json_list(record.lines.iter().map(LineId::as_str))
}

/// Adds a request.
///
/// # Errors
/// [`StoreError::Exists`] when the order has the same request open already.
pub async fn insert(session: &mut Session, record: &RequestRecord) -> Result<(), StoreError> {
    let answer = record.answer.as_ref();
    session
        .execute(
            INSERT,
            args![
                record.merchant.as_str(),
                record.id.as_str(),
                record.order.as_str(),
                record.shop.as_str(),
                record.number.as_ref().map_or("", RequestNumber::as_str),
                record.state.as_str(),
                &lines_json(record),
                record.buyer_reason.as_deref(),
                record.restock,
                record.asked_at.millis(),
                record.deadline.millis(),
                record.deadline_source.as_str(),
                record.on_silence.as_str(),
                record.list_before.as_str(),
                record.seen_at.millis(),
                answer.map(|answer| answer.kind.as_str()),
                answer.and_then(|answer| answer.reason.as_deref()),
                answer.map(|answer| answer.carried_by.as_str()),
                answer.map(|answer| answer.decided_by.as_str()),
                record.message.as_deref(),
                record.found_at.millis(),
                record.settled_at.map(Moment::millis),
                record.updated_at.millis(),
                record.stage.map(Stage::as_str),
            ],
        )
        .await
        .map(drop)
}

/// Saves where a request stands. Whoever saves it holds its order's lock.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(session: &mut Session, record: &RequestRecord) -> Result<(), StoreError> {
    let answer = record.answer.as_ref();
    session
        .execute(
            SAVE,
            args![
                record.merchant.as_str(),
                record.id.as_str(),
                record.state.as_str(),
                &lines_json(record),
                record.buyer_reason.as_deref(),
                record.restock,
                record.deadline.millis(),
                record.deadline_source.as_str(),
                record.seen_at.millis(),
                answer.map(|answer| answer.kind.as_str()),
                answer.and_then(|answer| answer.reason.as_deref()),
                answer.map(|answer| answer.carried_by.as_str()),
                answer.map(|answer| answer.decided_by.as_str()),
                record.message.as_deref(),
                record.settled_at.map(Moment::millis),
                record.updated_at.millis(),
            ],
        )
        .await
        .map(drop)
}

/// One request.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn load_one(
    session: &mut Session,
    merchant: &MerchantId,
    id: &RequestId,
) -> Result<Option<RequestRecord>, StoreError> {
    Ok(load(session, merchant, std::slice::from_ref(id)).await?.pop())
}

/// Requests by id; those that do not exist are left out.
///
/// # Errors
/// As [`load_one`].
pub async fn load(
    session: &mut Session,
    merchant: &MerchantId,
    ids: &[RequestId],
) -> Result<Vec<RequestRecord>, StoreError> {
    let list = json_list(ids.iter().map(RequestId::as_str));
    read_all(merchant, &session.rows(LOAD, args![merchant.as_str(), &list]).await?)
}

/// The requests of these orders that wait for an answer or are being answered.
///
/// # Errors
/// As [`load_one`].
pub async fn live_of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<RequestRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    read_all(merchant, &session.rows(LIVE_OF_ORDERS, args![merchant.as_str(), &list]).await?)
}

/// All requests of these orders, order by order, oldest first.
///
/// # Errors
/// As [`load_one`].
pub async fn of_orders(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<Vec<RequestRecord>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    read_all(merchant, &session.rows(OF_ORDERS, args![merchant.as_str(), &list]).await?)
}

/// What the platform thinks of these orders' goods, whether they can be sold again, where it said so: the latest request
/// counts, and one that came to nothing does not. A hint for people (`tiktok-shop.md` section 5.3).
///
/// # Errors
/// As [`load_one`].
pub async fn restock_hints(
    session: &mut Session,
    merchant: &MerchantId,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, bool>, StoreError> {
    let list = json_list(orders.iter().map(OrderId::as_str));
    let mut hints = HashMap::new();
    // Oldest first of each order, so that its latest stays.
    for row in session.rows(RESTOCK_HINTS, args![merchant.as_str(), &list]).await? {
        if let Some(hint) = row.optional_truth("restock")? {
            hints.insert(parsed(&row, "order_id", |text| OrderId::parse(text))?, hint);
        }
    }
    Ok(hints)
}

/// The requests that these cancellations answer.
///
/// # Errors
/// As [`load_one`].
pub async fn answered_by(
    session: &mut Session,
    merchant: &MerchantId,
    cancellations: &[CancellationId],
) -> Result<Vec<RequestRecord>, StoreError> {
    let list = json_list(cancellations.iter().map(CancellationId::as_str));
    read_all(merchant, &session.rows(BY_ANSWERS, args![merchant.as_str(), &list]).await?)
}

/// A page of the requests in a state, those with the least time left first; `after` is the last of the page before.
///
/// # Errors
/// As [`load_one`].
pub async fn page(
    session: &mut Session,
    merchant: &MerchantId,
    state: RequestState,
    shops: Option<&[ShopId]>,
    after: Option<(Moment, &str)>,
    limit: u32,
) -> Result<Vec<RequestRecord>, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let (deadline, id) = after.map_or((i64::MIN, ""), |(deadline, id)| (deadline.millis(), id));
    let args = args![merchant.as_str(), state.as_str(), shops.as_deref(), deadline, id, limit];
    read_all(merchant, &session.rows(PAGE, args).await?)
}

/// The numbers of a shop's orders with a request whose time is over: the platform has decided, and a read tells how.
///
/// # Errors
/// As [`load_one`].
pub async fn overdue(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    platform_now: Moment,
) -> Result<Vec<OrderNumber>, StoreError> {
    let rows = session.rows(OVERDUE, args![merchant.as_str(), shop.as_str(), platform_now.millis()]).await?;
    rows.iter().map(|row| parsed(row, "number", |text| OrderNumber::parse(text))).collect()
}

/// A request whose time runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningOut {
    /// Which.
    pub id: RequestId,
    /// Its order.
    pub order: OrderId,
    /// When its time is over; the platform's clock.
    pub deadline: Moment,
}

/// Marks the requests of a shop that have no final outcome and whose deadline is not after `until`, and answers those that
/// were not marked before. A deadline that moves takes the mark away.
///
/// # Errors
/// As [`load_one`].
pub async fn alert(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    until: Moment,
    now: Moment,
) -> Result<Vec<RunningOut>, StoreError> {
    let rows = session.rows(ALERT, args![merchant.as_str(), shop.as_str(), until.millis(), now.millis()]).await?;
    let read = |row: &Row| {
        Ok(RunningOut {
            id: parsed(row, "request_id", |text| RequestId::parse(text))?,
            order: parsed(row, "order_id", |text| OrderId::parse(text))?,
            deadline: Moment::from_millis(row.int("deadline")?),
        })
    };
    rows.iter().map(read).collect()
}

/// How many marked requests of these shops still have no final outcome; `None` means all shops.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn alerted(
    session: &mut Session,
    merchant: &MerchantId,
    shops: Option<&[ShopId]>,
) -> Result<i64, StoreError> {
    let shops = shops.map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    let row = session.row(ALERTED, args![merchant.as_str(), shops.as_deref()]).await?;
    row.map_or(Ok(0), |row| row.int("requests"))
}

fn read_all(merchant: &MerchantId, rows: &[Row]) -> Result<Vec<RequestRecord>, StoreError> {
    rows.iter().map(|row| read(merchant, row)).collect()
}

fn read(merchant: &MerchantId, row: &Row) -> Result<RequestRecord, StoreError> {
    let number = row.text("number")?;
    let lines = row.text("lines")?;
    let unreadable = || StoreError::unreadable("lines", &lines);
    let names: Vec<String> = serde_json::from_str(&lines).map_err(|_| unreadable())?;
    let answer = match parsed_optional(row, "answer", AnswerKind::parse)? {
        Some(kind) => Some(AnswerRecord {
            kind,
            reason: row.optional_text("answer_reason")?,
            carried_by: parsed(row, "answer_id", |text| CancellationId::parse(text))?,
            decided_by: row.text("decided_by")?,
        }),
        None => None,
    };
    Ok(RequestRecord {
        merchant: merchant.clone(),
        id: parsed(row, "request_id", |text| RequestId::parse(text))?,
        order: parsed(row, "order_id", |text| OrderId::parse(text))?,
        shop: parsed(row, "shop_id", |text| ShopId::parse(text))?,
        number: if number.is_empty() {
            None
        } else {
            Some(RequestNumber::parse(&*number).map_err(|_| StoreError::unreadable("number", &number))?)
        },
        state: parsed(row, "state", RequestState::parse)?,
        lines: names.into_iter().map(|name| LineId::parse(name).map_err(|_| unreadable())).collect::<Result<_, _>>()?,
        buyer_reason: row.optional_text("buyer_reason")?,
        restock: row.optional_truth("restock")?,
        asked_at: Moment::from_millis(row.int("asked_at")?),
        deadline: Moment::from_millis(row.int("deadline")?),
        deadline_source: parsed(row, "deadline_source", DeadlineSource::parse)?,
        on_silence: parsed(row, "on_silence", Silence::parse)?,
        list_before: parsed(row, "list_before", List::parse)?,
        stage: parsed_optional(row, "stage", Stage::parse)?,
        seen_at: Moment::from_millis(row.int("seen_at")?),
        answer,
        message: row.optional_text("message")?,
        found_at: Moment::from_millis(row.int("found_at")?),
        settled_at: row.optional_int("settled_at")?.map(Moment::from_millis),
        updated_at: Moment::from_millis(row.int("updated_at")?),
    })
}
