//! Bulk cancel: the plan, and batches that carry it out.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::orders::wanted;
use super::stock_ins::{BatchBody, batch_of, read_batch};
use crate::app::App;
use crate::auth::SignedIn;
use crate::batch_result;
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::batch::{Act, Numbers, OrderState};
use domain::ids::{BatchId, MerchantSku, OrderId, ReasonCode};
use domain::penalty::Ceiling;
use domain::platform::Platform;
use engine::{Asker, Choice, RatePlan, check_size};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use store::Session;
use store::batches::{self, BatchOrder, BatchRecord, Selection};
use utoipa::ToSchema;

/// The most products that one batch may name.
const PRODUCTS_MAX: usize = 500;
/// Orders that a batch's answer holds at once, unless told.
const ORDERS_SHOWN: u32 = 10_000;
/// Orders that the answer to an act holds.
const ORDERS_AFTER_ACT: u32 = 200;
/// The parameters that a query in a body may have: those of a page of orders that choose among them.
const QUERY: [&str; 14] = [
    "list",
    "tab",
    "platform",
    "shop",
    "status",
    "stage",
    "q",
    "reason",
    "time",
    "from",
    "to",
    "cod",
    "preorder",
    "fulfilled_by",
];

/// Which orders are to be cancelled, and how.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// These orders…
    #[serde(default)]
    pub order_ids: Option<Vec<String>>,
    /// …or all that match: the parameters of `GET /orders`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub query: Option<BTreeMap<String, Value>>,
    /// One reason per platform of the selection.
    #[serde(default)]
    pub reasons: BTreeMap<String, String>,
    /// The products that reasons speak of, where they ask for some.
    #[serde(default)]
    pub merchant_skus: Vec<String>,
    /// Stop before a shop's cancellation rate gets above this percentage, or `next_threshold`: before it crosses the next
    /// threshold of its platform's policy.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub ceiling: Option<Value>,
}

fn does_not_fit(detail: impl Into<String>) -> Problem {
    Problem::unprocessable("invalid_body", "The body does not fit", detail)
}

impl Wish {
    fn choice(&self) -> Result<Choice, Problem> {
        if self.merchant_skus.len() > PRODUCTS_MAX {
            return Err(does_not_fit(format!("At most {PRODUCTS_MAX} products can be named.")));
        }
        let mut reasons = BTreeMap::new();
        for (platform, reason) in &self.reasons {
            let platform = Platform::parse(platform).map_err(|error| does_not_fit(error.to_string()))?;
            let reason = ReasonCode::parse(reason.as_str()).map_err(|error| does_not_fit(error.to_string()))?;
            reasons.insert(platform, reason);
        }
        let skus: Result<Vec<MerchantSku>, _> = self.merchant_skus.iter().map(MerchantSku::parse).collect();
        let ceiling = match &self.ceiling {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(ceiling(text)?),
            Some(Value::Number(number)) => Some(ceiling(&number.to_string())?),
            Some(_) => return Err(no_ceiling()),
        };
        Ok(Choice { reasons, merchant_skus: skus.map_err(|error| does_not_fit(error.to_string()))?, ceiling })
    }

    async fn selection(&self, app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Selection, Problem> {
        match (&self.order_ids, &self.query) {
            (Some(ids), None) => {
                let mut known = Vec::with_capacity(ids.len());
                for id in ids {
                    known.push(OrderId::parse(id.as_str()).map_err(|_| Problem::not_found("order"))?);
                }
                known.sort_unstable();
                known.dedup();
                Ok(Selection::Orders(known, signed_in.user.shops.clone()))
            }
            (None, Some(query)) => {
                let query = Query::of_json(query)?;
                query.only(&QUERY)?;
                let wanted = wanted(app, session, signed_in, &query).await?;
                Ok(Selection::Matching(Box::new(wanted.filter)))
            }
            _ => Err(does_not_fit("Give either “order_ids” or “query”.")),
        }
    }
}

fn no_ceiling() -> Problem {
    does_not_fit(format!("A ceiling is a percentage such as 2.5, or “{}”.", Ceiling::NEXT_THRESHOLD))
}

/// Reads a ceiling.
///
/// # Errors
/// 422 for what is none.
pub(crate) fn ceiling(text: &str) -> Result<Ceiling, Problem> {
    Ceiling::parse(text).ok_or_else(no_ceiling)
}

/// What a bulk cancel would do, by what is stored; the platform is asked for each order when its turn comes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plan {
    /// Orders that are selected.
    pub total: u64,
    /// Those that can go.
    pub goes: u64,
    /// Those that cannot, by why.
    pub cannot: Vec<Cannot>,
    /// Each platform of the selection, with its reasons.
    pub platforms: Vec<PlatformPlan>,
    /// Products to choose from; empty where no chosen reason asks for any.
    pub products: Vec<Product>,
    /// What becomes of our units.
    pub units: Units,
    /// Each shop of the selection.
    pub shops: Vec<ShopPlan>,
    /// About how long it takes, in seconds.
    pub seconds: i64,
}

/// Orders that cannot go for one reason.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 3")]
pub struct Cannot {
    pub platform: String,
    /// The gate that is closed (`blocked_by` of the cancellation options), or `reason_not_offered`, `lines_required`,
    /// `product_not_in_order`.
    pub code: String,
    pub detail: String,
    pub orders: u64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// An order that is named as an example.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Example {
    pub order_id: String,
    pub number: String,
}

/// What is planned on one platform.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 3")]
pub struct PlatformPlan {
    pub platform: String,
    pub orders: u64,
    pub goes: u64,
    /// The reason that was chosen.
    pub reason: Option<String>,
    /// What it does, in words.
    pub effects: Vec<String>,
    /// Every reason of the platform.
    pub reasons: Vec<PlanReason>,
}

/// A reason that may be chosen.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct PlanReason {
    pub code: String,
    pub label: String,
    pub lines_required: bool,
}

/// A product of the selected orders.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct Product {
    pub merchant_sku: String,
    pub name: String,
    pub orders: u64,
    pub units: u64,
}

/// What becomes of our units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Units {
    /// Available again at once.
    pub at_once: u64,
    /// Available already, because their order was set aside.
    pub already: u64,
    /// They wait in “to stock in”.
    pub to_stock_in: u64,
    /// They wait until they are counted.
    pub count_needed: u64,
}

/// What is planned in one shop.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 3")]
pub struct ShopPlan {
    pub shop: String,
    pub name: String,
    pub platform: String,
    pub goes: u64,
    pub seconds: i64,
    /// Null where the market's rule is not known.
    pub rate: Option<Rate>,
}

/// A shop's cancellation rate, counted from our own orders; the platform's own number may differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Rate {
    /// `orders` or `items`.
    pub unit: String,
    /// It looks at orders placed from so many days ago…
    pub from_days: u32,
    /// …until so many days ago.
    pub to_days: u32,
    /// Placed in that time.
    pub ordered: u64,
    /// Cancelled of these, now.
    pub canceled_before: u64,
    /// Cancelled of these, once all that can go has gone.
    pub canceled_after: u64,
    /// In percent, now.
    pub percent_before: String,
    /// In percent, then.
    pub percent_after: String,
    /// Selected ones that enter the time later.
    pub later: u64,
    /// The highest threshold that is crossed now.
    pub crossed_before: Option<Threshold>,
    /// The highest that is crossed then.
    pub crossed_after: Option<Threshold>,
    /// Every threshold that is known.
    pub thresholds: Vec<Threshold>,
    /// What is disputed or not known.
    pub note: Option<String>,
    /// When the source is from.
    pub dated: String,
    /// The fact sheet's tag: C2 and up, S:name, I, X.
    pub certainty: String,
    /// Where it is written.
    pub source: String,
}

/// From where on a rate has a consequence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Threshold {
    /// The rate.
    pub percent: String,
    /// `at`: that number is too much; `over`: it is still fine.
    pub crossing: String,
    /// It counts only from so many cancels on.
    pub least: u32,
    /// What the platform does.
    pub consequence: String,
    /// Penalty points; null where they are not known or disputed.
    pub points: Option<u32>,
}

impl From<&domain::penalty::Threshold> for Threshold {
    fn from(threshold: &domain::penalty::Threshold) -> Self {
        Self {
            percent: threshold.rate.to_string(),
            crossing: threshold.crossing.as_str().to_owned(),
            least: threshold.least,
            consequence: threshold.consequence.clone(),
            points: threshold.points,
        }
    }
}

impl From<&RatePlan> for Rate {
    fn from(plan: &RatePlan) -> Self {
        let rule = &plan.rule;
        Self {
            unit: rule.unit.as_str().to_owned(),
            from_days: rule.from_days,
            to_days: rule.to_days,
            ordered: plan.before.ordered,
            canceled_before: plan.before.canceled,
            canceled_after: plan.after.canceled,
            percent_before: plan.before.rate().to_string(),
            percent_after: plan.after.rate().to_string(),
            later: plan.later,
            crossed_before: rule.crossed(plan.before).map(Threshold::from),
            crossed_after: rule.crossed(plan.after).map(Threshold::from),
            thresholds: rule.thresholds.iter().map(Threshold::from).collect(),
            note: rule.note.clone(),
            dated: rule.dated.clone(),
            certainty: rule.evidence.certainty.clone(),
            source: rule.evidence.source.clone(),
        }
    }
}

impl From<&engine::Plan> for Plan {
    fn from(plan: &engine::Plan) -> Self {
        let cannot = plan.cannot.iter().map(|group| Cannot {
            platform: group.platform.as_str().to_owned(),
            code: group.code.to_owned(),
            detail: group.detail.clone(),
            orders: group.orders,
            examples: group
                .examples
                .iter()
                .map(|(order, number)| Example { order_id: order.to_string(), number: number.to_string() })
                .collect(),
        });
        let platforms = plan.platforms.iter().map(|one| PlatformPlan {
            platform: one.platform.as_str().to_owned(),
            orders: one.orders,
            goes: one.goes,
            reason: one.reason.as_ref().map(ToString::to_string),
            effects: one.effects.clone(),
            reasons: one
                .policy
                .reasons
                .iter()
                .map(|rule| PlanReason {
                    code: rule.code.to_string(),
                    label: rule.label.clone(),
                    lines_required: rule.lines_required,
                })
                .collect(),
        });
        let products = plan.products.iter().map(|product| Product {
            merchant_sku: product.sku.to_string(),
            name: product.name.clone(),
            orders: product.orders,
            units: product.units,
        });
        let shops = plan.shops.iter().map(|shop| ShopPlan {
            shop: shop.shop.to_string(),
            name: shop.name.clone(),
            platform: shop.platform.as_str().to_owned(),
            goes: shop.goes,
            seconds: shop.takes.seconds(),
            rate: shop.rate.as_ref().map(Rate::from),
        });
        let engine::Units { at_once, already, to_stock_in, count_needed } = plan.units;
        Self {
            total: plan.total,
            goes: plan.goes,
            cannot: cannot.collect(),
            platforms: platforms.collect(),
            products: products.collect(),
            units: Units { at_once, already, to_stock_in, count_needed },
            shops: shops.collect(),
            seconds: plan.takes.seconds(),
        }
    }
}

/// Says what a bulk cancel would do. Changes nothing.
#[utoipa::path(
    post, path = "/api/v1/cancellations/plan", tag = "cancellations", request_body = Wish,
    responses(
        (status = 200, body = Plan),
        (status = 404, description = "one of the orders is not here", body = super::ProblemBody),
        (status = 422, description = "empty_selection, too_many_orders, invalid_body", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn plan(
    State(app): State<App>,
    signed_in: SignedIn,
    wish: body::Json<Wish>,
) -> Result<Json<Plan>, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    let choice = wish.value.choice()?;
    let mut session = app.store.read().await?;
    let selection = wish.value.selection(&app, &mut session, &signed_in).await?;
    let ids = batches::ids_of(&mut session, signed_in.merchant(), &selection).await?;
    check_size(&selection, u64::try_from(ids.len()).unwrap_or(u64::MAX))?;
    let plan = app.engine.plan_batch(&mut session, signed_in.merchant(), &ids, &choice).await?;
    Ok(Json(Plan::from(&plan)))
}

/// A batch that was begun.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchBegun {
    /// Its id.
    pub batch_id: String,
}

/// Begins to cancel many orders. The selection is durable once answered; each order's turn comes by itself.
#[utoipa::path(
    post, path = "/api/v1/cancellations/bulk", tag = "cancellations", request_body = Wish,
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 202, body = BatchBegun),
        (status = 404, description = "one of the orders is not here; nothing is begun", body = super::ProblemBody),
        (status = 422, description = "empty_selection, too_many_orders, reason_not_offered, lines_required, invalid_body", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn bulk(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    let choice = wish.value.choice()?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let begun = async {
        let selection = wish.value.selection(&app, &mut once.session, &signed_in).await?;
        let batch = app.engine.cancel_many(&mut once.session, asker(&signed_in), &selection, &choice).await?;
        to_value(&BatchBegun { batch_id: batch.id.to_string() })
    }
    .await;
    once.finish(StatusCode::ACCEPTED, begun).await
}

/// Who begins a batch.
pub(crate) fn asker(signed_in: &SignedIn) -> Asker<'_> {
    Asker { merchant: signed_in.merchant(), actor: signed_in.actor(), user: &signed_in.user.id }
}

/// A batch and where its orders stand. The numbers are of one moment, and add up to `total`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// `planned`, `running`, `paused`, `stopped` or `finished`.
    pub state: String,
    /// How many orders it has.
    pub total: u64,
    /// Cancelled.
    pub done: u64,
    /// Not cancelled; `message` says why.
    pub refused: u64,
    /// A person should look.
    pub needs_attention: u64,
    /// Their cancel is under way.
    pub running: u64,
    /// Their turn has not come.
    pub waiting: u64,
    /// The batch was stopped before anything was sent.
    pub stopped: u64,
    /// One reason per platform.
    pub reasons: BTreeMap<String, String>,
    /// The products that reasons speak of.
    pub merchant_skus: Vec<String>,
    /// Where it stops by itself.
    pub ceiling: Option<String>,
    /// Who began it.
    pub actor: String,
    /// When.
    pub created_at: String,
    /// Its orders, or a page of them.
    pub orders: Vec<BatchedOrder>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A batch of either kind; both have these numbers and orders.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AnyBatch {
    /// A bulk cancel.
    Cancel(Box<Batch>),
    /// A stock-in of many orders.
    StockIn(BatchBody),
}

/// An order of a batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchedOrder {
    /// Which.
    pub order_id: String,
    /// `waiting`, `running`, `done`, `refused`, `needs_attention` or `stopped`.
    pub state: String,
    /// Why, in words.
    pub message: Option<String>,
    /// Its cancellation, once one was asked for.
    pub cancellation_id: Option<String>,
}

impl From<&BatchOrder> for BatchedOrder {
    fn from(order: &BatchOrder) -> Self {
        Self {
            order_id: order.order.to_string(),
            state: order.state.as_str().to_owned(),
            message: order.message.clone(),
            cancellation_id: order.cancellation.as_ref().map(ToString::to_string),
        }
    }
}

/// A batch with a page of its orders, read at one moment.
struct Page<'a> {
    state: Option<OrderState>,
    after: Option<&'a str>,
    limit: u32,
}

async fn read(session: &mut Session, record: &BatchRecord, page: Page<'_>) -> Result<Batch, Problem> {
    let merchant = &record.merchant;
    let numbers = batches::numbers(session, merchant, &record.id).await?;
    let mut orders =
        batches::orders(session, merchant, &record.id, page.state, page.after, page.limit.saturating_add(1)).await?;
    let shown = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = orders.len() > shown;
    orders.truncate(shown);
    let next = orders.last().filter(|_| more).map(|last| cursor(&[last.order.as_str()]));
    let Numbers { waiting, running, done, refused, needs_attention, stopped } = numbers;
    Ok(Batch {
        id: record.id.to_string(),
        state: batches::state(record, &numbers).as_str().to_owned(),
        total: record.orders,
        done,
        refused,
        needs_attention,
        running,
        waiting,
        stopped,
        reasons: record.reasons.iter().map(|(platform, code)| (platform.to_string(), code.to_string())).collect(),
        merchant_skus: record.merchant_skus.iter().map(ToString::to_string).collect(),
        ceiling: record.ceiling.map(|ceiling| ceiling.to_string()),
        actor: record.actor.clone(),
        created_at: rfc3339(record.created_at),
        orders: orders.iter().map(BatchedOrder::from).collect(),
        next,
    })
}

/// A batch all of whose orders this user may see.
///
/// # Errors
/// 404 for any other.
pub(crate) async fn visible(session: &mut Session, signed_in: &SignedIn, id: &str) -> Result<BatchRecord, Problem> {
    let missing = || Problem::not_found("batch");
    let id = BatchId::parse(id).map_err(|_| missing())?;
    let record = batches::load(session, signed_in.merchant(), &id).await?.ok_or_else(missing)?;
    if signed_in.shops().is_some() {
        let shops = batches::shops(session, signed_in.merchant(), &id).await?;
        if !shops.iter().all(|(shop, _)| signed_in.sees(shop)) {
            return Err(missing());
        }
    }
    Ok(record)
}

/// A batch, its numbers and what each of its orders came to.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}", tag = "batches",
    params(
        ("id" = String, Path), ("state" = Option<String>, Query, description = "Only orders in this state"),
        ("limit" = Option<u32>, Query, description = "1 to 200 orders; 10,000 unless told"), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = AnyBatch), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<AnyBatch>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["state", "limit", "cursor"])?;
    let state = query.read("state", OrderState::parse)?;
    let limit = if query.one("limit")?.is_some() { query.limit()? } else { ORDERS_SHOWN };
    let after = query.after::<1>()?;
    let mut session = app.store.read().await?;
    let record = match visible(&mut session, &signed_in, &id).await {
        Ok(record) => record,
        Err(missing) if missing.status == StatusCode::NOT_FOUND => {
            return Ok(Json(AnyBatch::StockIn(read_batch(&mut session, &signed_in, &id).await?)));
        }
        Err(problem) => return Err(problem),
    };
    let page = Page { state, after: after.as_ref().map(|[id]| id.as_str()), limit };
    Ok(Json(AnyBatch::Cancel(Box::new(read(&mut session, &record, page).await?))))
}

/// What became of each order, as a workbook.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}/result.xlsx", tag = "batches", params(("id" = String, Path)),
    responses((status = 200, description = "Office Open XML", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn result(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let record = match visible(&mut session, &signed_in, &id).await {
        Ok(record) => record,
        Err(missing) if missing.status == StatusCode::NOT_FOUND => {
            let found = batch_of(&mut session, &signed_in, &id).await?;
            let (batch, _) = found.ok_or_else(|| Problem::not_found("batch"))?;
            return batch_result::serve_stock_in(&app, session, signed_in.merchant(), batch).await;
        }
        Err(problem) => return Err(problem),
    };
    batch_result::serve(&app, session, &record).await
}

async fn act(
    app: App,
    signed_in: SignedIn,
    id: String,
    uri: Uri,
    headers: HeaderMap,
    act: Act,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersCancel)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, &id, act).await;
    once.finish(StatusCode::OK, done).await
}

async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
    act: Act,
) -> Result<Value, Problem> {
    let record = visible(session, signed_in, id).await?;
    let record = app.engine.act_on_batch(session, &record.merchant, signed_in.actor(), &record.id, act).await?;
    to_value(&read(session, &record, Page { state: None, after: None, limit: ORDERS_AFTER_ACT }).await?)
}

/// Sends nothing more of a batch until it is resumed; what was sent is followed to its end.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/pause", tag = "batches", params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Batch), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn pause(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    act(app, signed_in, id, uri, headers, Act::Pause).await
}

/// Goes on with a batch that was paused.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/resume", tag = "batches", params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Batch), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn resume(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    act(app, signed_in, id, uri, headers, Act::Resume).await
}

/// Sends nothing more of a batch; what was sent is followed to its end.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/stop", tag = "batches", params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Batch), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn stop(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    act(app, signed_in, id, uri, headers, Act::Stop).await
}

/// Tries those orders again that were refused, and no other.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/retry-failed", tag = "batches", params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Batch), (status = 409, description = "conflict, nothing_failed", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn retry_failed(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    act(app, signed_in, id, uri, headers, Act::RetryFailed).await
}
