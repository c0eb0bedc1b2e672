//! What shops answer by themselves before a buyer's request runs out of time.

use crate::error::StoreError;
use crate::orders::parsed;
use crate::session::{Session, args, statements};
use domain::default_answer::{Course, DefaultAnswers, Goods, Rule};
use domain::ids::{MerchantId, RequestId, ShopId};
use domain::money::{Currency, Money};
use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

statements! {
    ONE = "select switched_on, before_ms, rules from default_answers where merchant_id = $1 and shop_id = $2";
    SAVE = "insert into default_answers (merchant_id, shop_id, switched_on, before_ms, rules, updated_at) values ($1, $2, $3, $4, $5, $6) \
        on conflict (merchant_id, shop_id) do update set switched_on = excluded.switched_on, before_ms = excluded.before_ms, \
        rules = excluded.rules, updated_at = excluded.updated_at";
    DUE = "select request_id from cancellation_requests where merchant_id = $1 and shop_id = $2 and state = 'open' \
        and deadline <= $3 and deadline > $4 and left_to_person = false order by deadline limit $5";
    LEAVE_TO_PERSON = "update cancellation_requests set left_to_person = true where merchant_id = $1 and request_id = $2";
    ASK_AGAIN = "update cancellation_requests set left_to_person = false where merchant_id = $1 and shop_id = $2 and state = 'open'";
    FOUND_SINCE = "select request_id from cancellation_requests where merchant_id = $1 and shop_id = $2 and found_at >= $3 \
        order by found_at desc limit $4";
}

/// A rule as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptRule {
    goods: String,
    buyer_reason: Option<String>,
    total_at_most: Option<(i64, String)>,
    merchant_sku: Option<String>,
    then: String,
    reject_reason: Option<String>,
}

impl From<&Rule> for KeptRule {
    fn from(rule: &Rule) -> Self {
        Self {
            goods: rule.goods.as_str().to_owned(),
            buyer_reason: rule.buyer_reason.clone(),
            total_at_most: rule.total_at_most.map(|money| (money.minor(), money.currency().code().to_owned())),
            merchant_sku: rule.merchant_sku.clone(),
            then: rule.then.as_str().to_owned(),
            reject_reason: rule.reject_reason.clone(),
        }
    }
}

impl KeptRule {
    fn read(self) -> Option<Rule> {
        let total_at_most = match self.total_at_most {
            Some((minor, currency)) => Some(Money::from_minor(minor, Currency::parse(&currency).ok()?)),
            None => None,
        };
        Some(Rule {
            goods: Goods::parse(&self.goods).ok()?,
            buyer_reason: self.buyer_reason,
            total_at_most,
            merchant_sku: self.merchant_sku,
            then: Course::parse(&self.then).ok()?,
            reject_reason: self.reject_reason,
        })
    }
}

/// A shop's default answers; the usual ones, which are off, where none were kept.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn of_shop(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
) -> Result<DefaultAnswers, StoreError> {
    let Some(row) = session.row(ONE, args![merchant.as_str(), shop.as_str()]).await? else {
        return Ok(DefaultAnswers::usual());
    };
    let rules = row.text("rules")?;
    let unreadable = || StoreError::unreadable("rules", &rules);
    let kept: Vec<KeptRule> = serde_json::from_str(&rules).map_err(|_| unreadable())?;
    let rules = kept.into_iter().map(|rule| rule.read().ok_or_else(unreadable)).collect::<Result<_, _>>()?;
    Ok(DefaultAnswers { on: row.truth("switched_on")?, before: Span::from_millis(row.int("before_ms")?), rules })
}

/// Keeps a shop's default answers, and lets them judge anew what they had left to a person.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn save(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    answers: &DefaultAnswers,
    now: Moment,
) -> Result<(), StoreError> {
    let kept: Vec<KeptRule> = answers.rules.iter().map(KeptRule::from).collect();
    let rules = serde_json::to_string(&kept).map_err(|error| StoreError::unreadable("rules", error))?;
    let args = args![merchant.as_str(), shop.as_str(), answers.on, answers.before.millis(), &rules, now.millis()];
    session.execute(SAVE, args).await?;
    session.execute(ASK_AGAIN, args![merchant.as_str(), shop.as_str()]).await.map(drop)
}

/// The open requests of a shop whose deadline lies in this time and that no rule has left to a person, the most urgent first.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn due(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    (after, until): (Moment, Moment),
    limit: u32,
) -> Result<Vec<RequestId>, StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), until.millis(), after.millis(), limit];
    let rows = session.rows(DUE, args).await?;
    rows.iter().map(|row| parsed(row, "request_id", |text| RequestId::parse(text))).collect()
}

/// Notes that the rules leave a request to a person.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn leave_to_person(
    session: &mut Session,
    merchant: &MerchantId,
    request: &RequestId,
) -> Result<(), StoreError> {
    session.execute(LEAVE_TO_PERSON, args![merchant.as_str(), request.as_str()]).await.map(drop)
}

/// The requests that were found in a shop since then, newest first.
///
/// # Errors
/// [`StoreError`] of the database, or [`StoreError::Unreadable`].
pub async fn found_since(
    session: &mut Session,
    merchant: &MerchantId,
    shop: &ShopId,
    since: Moment,
    limit: u32,
) -> Result<Vec<RequestId>, StoreError> {
    let args = args![merchant.as_str(), shop.as_str(), since.millis(), limit];
    let rows = session.rows(FOUND_SINCE, args).await?;
    rows.iter().map(|row| parsed(row, "request_id", |text| RequestId::parse(text))).collect()
}
