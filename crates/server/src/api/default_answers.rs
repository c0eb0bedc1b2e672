//! Default answers of a shop: its rules, and what they would have done.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::default_answer::{Course, DefaultAnswers, Goods, Rule};
use domain::ids::ShopId;
use domain::money::{Currency, Money};
use domain::time::Span;
use engine::default_answers::WouldHave;
use serde::{Deserialize, Serialize};
use store::shops::ShopRecord;
use store::{Session, default_answers};
use utoipa::ToSchema;

/// The most rules that a shop has.
pub(crate) const RULES_MAX: usize = 20;
/// How long before the deadline at the least, in minutes: two sweeps, and the answer's way.
pub(crate) const MINUTES_BEFORE_MIN: i64 = 10;
/// How long before the deadline at the most, in minutes: two days.
pub(crate) const MINUTES_BEFORE_MAX: i64 = 2 * 24 * 60;
/// The longest words of a condition, in characters.
const WORDS_MAX: usize = 200;

/// A rule; every condition that it names must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// How far the goods are: `any`, `untouched`, `printed_or_packed` or `handed_over`.
    pub goods: String,
    /// Words that the buyer's reason contains, whatever their case.
    #[serde(default)]
    pub buyer_reason: Option<String>,
    /// The most that the order's total comes to, a decimal number.
    #[serde(default)]
    pub total_at_most: Option<String>,
    /// The currency of that number.
    #[serde(default)]
    pub currency: Option<String>,
    /// A merchant SKU that the order holds.
    #[serde(default)]
    pub merchant_sku: Option<String>,
    /// What is done then: `agree`, `reject` or `ask` (a person).
    pub then: String,
    /// The platform's value of the reason to reject with.
    #[serde(default)]
    pub reject_reason: Option<String>,
}

/// What a shop answers by itself before a buyer's request runs out of time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Off until somebody switches it on.
    pub on: bool,
    /// How many minutes before the deadline.
    pub minutes_before: i64,
    /// Judged from the first on; the first that holds decides, and where none does a person is asked.
    pub rules: Vec<AnswerRule>,
}

impl From<&DefaultAnswers> for Answers {
    fn from(answers: &DefaultAnswers) -> Self {
        let rule = |rule: &Rule| AnswerRule {
            goods: rule.goods.as_str().to_owned(),
            buyer_reason: rule.buyer_reason.clone(),
            total_at_most: rule.total_at_most.map(Money::to_decimal),
            currency: rule.total_at_most.map(|total| total.currency().code().to_owned()),
            merchant_sku: rule.merchant_sku.clone(),
            then: rule.then.as_str().to_owned(),
            reject_reason: rule.reject_reason.clone(),
        };
        Self {
            on: answers.on,
            minutes_before: answers.before.millis() / 60_000,
            rules: answers.rules.iter().map(rule).collect(),
        }
    }
}

fn given(words: &Option<String>) -> Option<String> {
    words.as_deref().map(str::trim).filter(|words| !words.is_empty()).map(str::to_owned)
}

impl AnswerRule {
    /// Reads a rule. The error is in words.
    fn read(&self, place: usize) -> Result<Rule, String> {
        let about = |cause: String| format!("Rule {place}: {cause}");
        let texts = [&self.buyer_reason, &self.merchant_sku, &self.reject_reason];
        if texts.into_iter().flatten().any(|text| text.chars().count() > WORDS_MAX) {
            return Err(about(format!("a text has at most {WORDS_MAX} characters.")));
        }
        let total_at_most = match (given(&self.total_at_most), given(&self.currency)) {
            (None, _) => None,
            (Some(_), None) => return Err(about("an amount needs its currency.".to_owned())),
            (Some(amount), Some(currency)) => {
                let currency = Currency::parse(&currency).map_err(|error| about(format!("{error}.")))?;
                Some(Money::parse(&amount, currency).map_err(|error| about(format!("{error}.")))?)
            }
        };
        Ok(Rule {
            goods: Goods::parse(&self.goods).map_err(|error| about(format!("{error}.")))?,
            buyer_reason: given(&self.buyer_reason),
            total_at_most,
            merchant_sku: given(&self.merchant_sku),
            then: Course::parse(&self.then).map_err(|error| about(format!("{error}.")))?,
            reject_reason: given(&self.reject_reason),
        })
    }
}

impl Answers {
    /// Reads what was sent.
    ///
    /// # Errors
    /// In words, what does not fit.
    pub(crate) fn read(&self) -> Result<DefaultAnswers, String> {
        if self.rules.len() > RULES_MAX {
            return Err(format!("A shop has at most {RULES_MAX} rules."));
        }
        if !(MINUTES_BEFORE_MIN..=MINUTES_BEFORE_MAX).contains(&self.minutes_before) {
            return Err(format!(
                "Answers are given {MINUTES_BEFORE_MIN} to {MINUTES_BEFORE_MAX} minutes before the deadline."
            ));
        }
        let rules = self.rules.iter().enumerate().map(|(place, rule)| rule.read(place + 1));
        Ok(DefaultAnswers {
            on: self.on,
            before: Span::from_seconds(self.minutes_before * 60),
            rules: rules.collect::<Result<_, _>>()?,
        })
    }
}

/// A shop that this user may see.
///
/// # Errors
/// 404, as for orders.
pub(crate) async fn visible_shop(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: String,
) -> Result<ShopRecord, Problem> {
    let shop = ShopId::parse(id).ok().filter(|shop| signed_in.sees(shop)).ok_or_else(|| Problem::not_found("shop"))?;
    app.store.shop(session, signed_in.merchant(), &shop).await?.ok_or_else(|| Problem::not_found("shop"))
}

/// A shop's default answers.
#[utoipa::path(
    get, path = "/api/v1/shops/{id}/default-answers", tag = "shops", params(("id" = String, Path)),
    responses((status = 200, body = Answers), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Answers>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let shop = visible_shop(&app, &mut session, &signed_in, id).await?;
    let answers = default_answers::of_shop(&mut session, signed_in.merchant(), &shop.id).await?;
    Ok(Json(Answers::from(&answers)))
}

/// Sets a shop's default answers.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/default-answers", tag = "shops", request_body = Answers,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Answers), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Answers>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let kept = keep(&app, &mut once.session, &signed_in, id, &wish.value).await;
    let answer = kept.and_then(|answers| to_value(&Answers::from(&answers)));
    once.finish(StatusCode::OK, answer).await
}

/// Keeps a shop's default answers in this transaction.
///
/// # Errors
/// 403, 404, or 422 with what does not fit.
pub(crate) async fn keep(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: String,
    wish: &Answers,
) -> Result<DefaultAnswers, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = visible_shop(app, session, signed_in, shop).await?;
    let answers = wish.read().map_err(unfit)?;
    app.engine.set_default_answers(session, signed_in.merchant(), signed_in.actor(), &shop.id, &answers).await?;
    Ok(answers)
}

fn unfit(words: String) -> Problem {
    Problem::unprocessable("invalid_body", "The rules do not fit", words)
}

/// What rules would have done about the requests of the last thirty days.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DryRun {
    /// How many they would have agreed to.
    pub agree: usize,
    /// How many they would have rejected.
    pub reject: usize,
    /// How many they would have left to a person.
    pub ask: usize,
    /// Newest first.
    pub requests: Vec<DryRunRequest>,
}

/// What rules would have done about one request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DryRunRequest {
    /// The request.
    pub id: String,
    /// Its order.
    pub order_id: String,
    /// The order's number.
    pub number: String,
    /// When the buyer asked, on the platform's clock.
    pub asked_at: String,
    /// The buyer's words.
    pub buyer_reason: Option<String>,
    /// How far the goods were when it was found.
    pub stage: String,
    /// `agree`, `reject` or `ask`.
    pub then: String,
    /// Which rule, counted from one.
    pub rule: Option<usize>,
    /// What became of it.
    pub state: String,
}

impl From<&[WouldHave]> for DryRun {
    fn from(said: &[WouldHave]) -> Self {
        let count = |then| said.iter().filter(|one| one.decision.then == then).count();
        let one = |one: &WouldHave| DryRunRequest {
            id: one.request.id.as_str().to_owned(),
            order_id: one.request.order.as_str().to_owned(),
            number: one.number.as_str().to_owned(),
            asked_at: rfc3339(one.request.asked_at),
            buyer_reason: one.request.buyer_reason.clone(),
            stage: one.stage.as_str().to_owned(),
            then: one.decision.then.as_str().to_owned(),
            rule: one.decision.rule,
            state: one.request.state.as_str().to_owned(),
        };
        Self {
            agree: count(Course::Agree),
            reject: count(Course::Reject),
            ask: count(Course::Ask),
            requests: said.iter().map(one).collect(),
        }
    }
}

/// What these rules would have done about the requests of the last thirty days. Nothing is kept or answered.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/default-answers/dry-run", tag = "shops", request_body = Answers,
    params(("id" = String, Path)),
    responses((status = 200, body = DryRun), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn dry_run(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    wish: body::Json<Answers>,
) -> Result<Json<DryRun>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let answers = wish.value.read().map_err(unfit)?;
    let mut session = app.store.read().await?;
    let shop = visible_shop(&app, &mut session, &signed_in, id).await?;
    let said = app.engine.would_have_answered(&mut session, signed_in.merchant(), &shop.id, &answers).await?;
    Ok(Json(DryRun::from(said.as_slice())))
}
