//! Default answers: what a shop's rules say of requests that are about to run out of time, and what they would have said.

use crate::requests::AnswerWish;
use crate::shop_calls::OpenShop;
use crate::{AnswerError, Engine, EngineError};
use domain::default_answer::{Course, Decision, DefaultAnswers, Facts};
use domain::ids::{MerchantId, OrderId, OrderNumber, RequestId, ShopId};
use domain::order::Stage;
use domain::request::AnswerKind;
use domain::time::{Moment, Span};
use std::collections::HashMap;
use store::log::{self, Entry};
use store::orders::OrderRecord;
use store::requests::RequestRecord;
use store::{Session, default_answers, orders, requests};

/// Who answered, where a rule did.
pub const BY_RULE: &str = "default answer";
/// Requests that one sweep answers by rule; the next one goes on.
const ANSWERED_PER_SWEEP: u32 = 500;
/// Requests that a dry run looks at.
const DRY_RUN_MAX: u32 = 1_000;
/// How far back a dry run looks.
pub const DRY_RUN_SPAN: Span = Span::from_seconds(30 * 86_400);

/// What the rules would have done about a request.
#[derive(Debug, Clone)]
pub struct WouldHave {
    /// The request, as it went.
    pub request: RequestRecord,
    /// Its order.
    pub number: OrderNumber,
    /// How far the goods were when it was found; where that was not noted, how far they are now.
    pub stage: Stage,
    /// What the rules say.
    pub decision: Decision,
}

fn decide(answers: &DefaultAnswers, request: &RequestRecord, order: &OrderRecord, stage: Stage) -> Decision {
    let skus: Vec<&str> = order.lines.iter().map(|line| line.merchant_sku.as_str()).collect();
    let facts =
        Facts { stage, buyer_reason: request.buyer_reason.as_deref(), total: order.total, merchant_skus: &skus };
    answers.decide(&facts)
}

impl Engine {
    /// Answers by rule what is about to run out of time, where the shop's default answers are on.
    pub(crate) async fn answer_by_rule(&self, shop: &OpenShop) -> Result<(), EngineError> {
        let (merchant, id) = (&shop.record.merchant, &shop.record.id);
        let platform_now = self.clock.platform_now(shop.record.platform);
        let mut session = self.store.read().await?;
        let answers = default_answers::of_shop(&mut session, merchant, id).await?;
        if !answers.on {
            return Ok(());
        }
        // What is overdue is the platform's already.
        let window = (platform_now, platform_now.plus(answers.before));
        let due = default_answers::due(&mut session, merchant, id, window, ANSWERED_PER_SWEEP).await?;
        drop(session);
        for request in &due {
            // One transaction each: what one request comes to is nothing to the others.
            let mut session = self.store.begin().await?;
            self.answer_one_by_rule(&mut session, merchant, &answers, request).await?;
            session.commit().await?;
        }
        if !due.is_empty() {
            self.wake();
        }
        Ok(())
    }

    async fn answer_one_by_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        answers: &DefaultAnswers,
        id: &RequestId,
    ) -> Result<(), EngineError> {
        let Some(request) = requests::load_one(session, merchant, id).await? else { return Ok(()) };
        orders::lock(session, merchant, std::slice::from_ref(&request.order)).await?;
        let Some(order) = orders::load_one(session, merchant, &request.order).await? else { return Ok(()) };
        let decision = decide(answers, &request, &order, order.stage);
        let kind = match decision.then {
            Course::Agree => AnswerKind::Agree,
            Course::Reject => AnswerKind::Reject,
            Course::Ask => {
                let why = format!("{} leaves the request of {} to a person", by(&decision), order.number);
                return self.leave_to_person(session, &request, &why).await;
            }
        };
        let wish =
            AnswerWish { request: id, kind, reason: decision.reject_reason.as_deref(), despite_warehouse: false };
        let actor = format!("{BY_RULE} ({})", by(&decision));
        match self.answer_request(session, merchant, &actor, &wish).await {
            // Somebody was faster, or a cancel of the order is under way.
            Ok(_) | Err(AnswerError::NotFound | AnswerError::AlreadyDecided(_) | AnswerError::CancelPending) => Ok(()),
            Err(AnswerError::ReasonRequired) => {
                let why = format!(
                    "{} rejects the request of {}, but names none of the platform's reasons: a person has to",
                    by(&decision),
                    order.number
                );
                self.leave_to_person(session, &request, &why).await
            }
            Err(AnswerError::WithdrawalRefused(words)) => {
                let why = format!("{} agrees to the request of {}, but {words}", by(&decision), order.number);
                self.leave_to_person(session, &request, &why).await
            }
            Err(AnswerError::Engine(error)) => Err(error),
        }
    }

    async fn leave_to_person(
        &self,
        session: &mut Session,
        request: &RequestRecord,
        why: &str,
    ) -> Result<(), EngineError> {
        default_answers::leave_to_person(session, &request.merchant, &request.id).await?;
        let entry = Entry {
            actor: BY_RULE,
            action: "request.left_to_person",
            shop: Some(&request.shop),
            order: Some(&request.order),
            subject: request.id.as_str(),
            detail: why,
        };
        Ok(log::write(session, &request.merchant, self.clock.now(), &entry).await?)
    }

    /// Keeps a shop's default answers, and says so in the log.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn set_default_answers(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        answers: &DefaultAnswers,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        default_answers::save(session, merchant, shop, answers, now).await?;
        let state = if answers.on { "on" } else { "off" };
        let detail = format!("default answers are {state}, with {} rules", answers.rules.len());
        let entry = Entry {
            actor,
            action: "shop.default_answers",
            shop: Some(shop),
            order: None,
            subject: shop.as_str(),
            detail: &detail,
        };
        Ok(log::write(session, merchant, now, &entry).await?)
    }

    /// What these rules would have done about the requests of the last thirty days, newest first.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn would_have_answered(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        answers: &DefaultAnswers,
    ) -> Result<Vec<WouldHave>, EngineError> {
        let since: Moment = self.clock.now().minus(DRY_RUN_SPAN);
        let ids = default_answers::found_since(session, merchant, shop, since, DRY_RUN_MAX).await?;
        let found = requests::load(session, merchant, &ids).await?;
        let mut of: Vec<OrderId> = found.iter().map(|request| request.order.clone()).collect();
        of.sort_unstable();
        of.dedup();
        let orders: HashMap<OrderId, OrderRecord> =
            orders::load(session, merchant, &of).await?.into_iter().map(|order| (order.id.clone(), order)).collect();
        let mut found: HashMap<RequestId, RequestRecord> =
            found.into_iter().map(|request| (request.id.clone(), request)).collect();
        let mut said = Vec::with_capacity(ids.len());
        for id in &ids {
            let Some(request) = found.remove(id) else { continue };
            let Some(order) = orders.get(&request.order) else { continue };
            let stage = request.stage.unwrap_or(order.stage);
            let decision = decide(answers, &request, order, stage);
            said.push(WouldHave { request, number: order.number.clone(), stage, decision });
        }
        Ok(said)
    }
}

fn by(decision: &Decision) -> String {
    decision.rule.map_or_else(|| "no rule".to_owned(), |place| format!("rule {place}"))
}
