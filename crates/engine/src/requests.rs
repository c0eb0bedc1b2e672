//! Buyers' cancellation requests: found by the reads of their orders, answered through the saga that cancels
//! (`cancel.rs`), settled by what the platform shows.
//!
//! An answer is a cancellation that names its request ([`CancellationRecord::request`]): the same intent, the same unknown
//! handling, and the one unfinished saga that an order may have.

use crate::read_orders::refused;
use crate::shop_calls::OpenShop;
use crate::warehouse_links::{kept_in_words, staff_stopped};
use crate::{Engine, EngineError};
use connectors::call::CallError;
use connectors::connector::{
    Answer, AnswerRequest, Connector, ConnectorError, RejectReasonOption, RejectReasonsRead, RequestRef,
};
use domain::cancellation::{Cancellation, Phase, Scope, Sent};
use domain::ids::{CancellationId, LineId, MerchantId, ReasonCode, RequestId};
use domain::order::{List, Stage};
use domain::policy::Standing;
use domain::request::{
    ALERT_BEFORE, AnswerKind, DeadlineSource, RejectReason, RequestRule, RequestState, Seen, after_read,
};
use domain::snapshot::{OrderSnapshot, RequestSnapshot};
use domain::time::Span;
use domain::warehouse_order::Goods;
use store::cancellations::{self, CancellationRecord};
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::requests::{self, AnswerRecord, RequestRecord};
use store::{Session, StoreError, new_id};

/// How long an operator waits for the platform's own list of reasons to reject, before the policy's is shown.
const REASONS_WAIT: Span = Span::from_seconds(3);

/// An answer to be given.
#[derive(Debug, Clone, Copy)]
pub struct AnswerWish<'a> {
    /// Which request.
    pub request: &'a RequestId,
    /// What the buyer is told.
    pub kind: AnswerKind,
    /// The platform's value of a reason to reject with.
    pub reason: Option<&'a str>,
    /// The operator agrees although a third-party warehouse keeps the goods.
    pub despite_warehouse: bool,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The merchant has no such request.
    #[error("there is no such request")]
    NotFound,
    /// It was answered, here or elsewhere, or is being answered.
    #[error("this request is settled or being answered already: {}", .0.as_str().replace('_', " "))]
    AlreadyDecided(RequestState),
    /// A cancel of the order is under way.
    #[error("a cancel of this order is under way; wait for its end")]
    CancelPending,
    /// The platform wants a reason for a rejection.
    #[error("this marketplace wants a reason for a rejection; choose one")]
    ReasonRequired,
    /// The third-party warehouse keeps the goods: whom to contact, with order, package and tracking number.
    #[error("{0} Agree despite the warehouse if you have to.")]
    WithdrawalRefused(String),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for AnswerError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Lines of the platform's as ours: what it sold as one may consist of several.
fn ours(order: &OrderRecord, sold: &[LineId]) -> Vec<LineId> {
    let of = |sold: &LineId| {
        let parts = order.lines.iter().filter(|line| line.sold_as() == sold).map(|line| line.id.clone());
        let parts: Vec<LineId> = parts.collect();
        if parts.is_empty() { vec![sold.clone()] } else { parts }
    };
    sold.iter().flat_map(of).collect()
}

/// Whether a request asks for exactly what still lives of an order.
pub(crate) fn covers(request: &RequestRecord, order: &OrderRecord) -> bool {
    let live = order.lines.iter().filter(|line| line.canceled_quantity < line.quantity);
    let mut live: Vec<&LineId> = live.map(|line| &line.id).collect();
    let mut asked: Vec<&LineId> = request.lines.iter().collect();
    live.sort();
    asked.sort();
    live == asked
}

/// Whether a third-party warehouse was asked for an order and keeps it.
pub(crate) const fn is_kept(order: &OrderRecord) -> bool {
    matches!(order.goods, Goods::KeptPicked | Goods::KeptShipped)
}

/// What a read shows of a request, by the order as it stands after it.
pub(crate) fn seen(request: &RequestRecord, order: &OrderRecord, snapshot: &OrderSnapshot) -> Seen {
    match snapshot.requests.iter().find(|shown| shown.number == request.number) {
        Some(shown) if shown.agreed => Seen::Agreed,
        Some(_) => Seen::Open,
        // It says that a buyer waits, and not for which request: nothing is settled by that.
        None if snapshot.standing == Standing::CancelRequested && snapshot.requests.is_empty() => Seen::Open,
        None if is_canceled(request, order) => Seen::Canceled(order.cancelled_by),
        None => Seen::Alive,
    }
}

fn is_canceled(request: &RequestRecord, order: &OrderRecord) -> bool {
    let over = |line: &LineId| {
        let known = order.lines.iter().find(|known| known.id == *line);
        known.is_some_and(|known| known.canceled_quantity >= known.quantity)
    };
    order.standing == Standing::Canceled || (!request.lines.is_empty() && request.lines.iter().all(over))
}

/// The answer as the platform is told it.
pub(crate) fn message(record: &CancellationRecord, request: &RequestRecord, order: &OrderRecord) -> AnswerRequest {
    let answer = request.answer.as_ref();
    let reject = answer.is_some_and(|answer| answer.kind == AnswerKind::Reject);
    AnswerRequest {
        request: RequestRef { order: order.number.clone(), number: request.number.clone() },
        answer: if reject {
            Answer::Reject { reason: answer.and_then(|answer| answer.reason.clone()) }
        } else {
            Answer::Agree
        },
        key: record.id.to_string(),
    }
}

impl Engine {
    /// What a market's policy says of requests: that of the API through which the shop is reached.
    ///
    /// # Errors
    /// [`EngineError`] when the shop or its policy is not there.
    pub async fn request_rule(&self, session: &mut Session, order: &OrderRecord) -> Result<RequestRule, EngineError> {
        let shop = self.shop(session, &order.merchant, &order.shop).await?;
        Ok(self.policy(shop.platform)?.requests.rule(&order.region).clone())
    }

    /// Notes what a read says of an order's requests. `before` is where the order stood.
    pub(crate) async fn note_requests(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: Option<List>,
        order: &OrderRecord,
        snapshot: &OrderSnapshot,
    ) -> Result<(), EngineError> {
        let mut live = requests::live_of_orders(session, &order.merchant, std::slice::from_ref(&order.id)).await?;
        for shown in &snapshot.requests {
            match live.iter().position(|known| known.number == shown.number) {
                Some(place) => {
                    let mut request = live.swap_remove(place);
                    if shown.agreed {
                        self.settle_unanswered(session, &mut request, order, Seen::Agreed).await?;
                    } else {
                        self.refresh_request(session, request, order, (shown, snapshot)).await?;
                    }
                }
                None if shown.agreed => {}
                None => self.open_request(session, shop, before, order, shown, snapshot).await?,
            }
        }
        for mut request in live {
            let seen = seen(&request, order, snapshot);
            self.settle_unanswered(session, &mut request, order, seen).await?;
        }
        Ok(())
    }

    async fn open_request(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: Option<List>,
        order: &OrderRecord,
        shown: &RequestSnapshot,
        snapshot: &OrderSnapshot,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let rule = shop.policy.requests.rule(&order.region);
        let asked_at = shown.asked_at.unwrap_or(snapshot.updated_at);
        let by_policy = rule.answer_within.deadline(asked_at);
        let usual = if order.stage >= Stage::Printed { List::InProcess } else { List::New };
        let request = RequestRecord {
            merchant: order.merchant.clone(),
            id: RequestId::parse(new_id("req", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            order: order.id.clone(),
            shop: order.shop.clone(),
            number: shown.number.clone(),
            state: RequestState::Open,
            lines: ours(order, &shown.lines),
            buyer_reason: shown.reason.clone(),
            restock: shown.restock,
            asked_at,
            deadline: shown.deadline.unwrap_or(by_policy),
            deadline_source: if shown.deadline.is_some() { DeadlineSource::Platform } else { DeadlineSource::Policy },
            on_silence: rule.on_silence,
            list_before: before.unwrap_or(usual),
            stage: Some(order.stage),
            seen_at: snapshot.updated_at,
            answer: None,
            message: None,
            found_at: now,
            settled_at: None,
            updated_at: now,
        };
        requests::insert(session, &request).await?;
        let reason = request.buyer_reason.as_deref().unwrap_or("no reason given");
        let detail = format!("the buyer of {} asks to cancel: {reason}", order.number);
        self.log_request(session, &request, "buyer", "request.opened", &detail).await
    }

    async fn refresh_request(
        &self,
        session: &mut Session,
        before: RequestRecord,
        order: &OrderRecord,
        (shown, snapshot): (&RequestSnapshot, &OrderSnapshot),
    ) -> Result<(), EngineError> {
        let mut after = before.clone();
        after.lines = ours(order, &shown.lines);
        after.buyer_reason = shown.reason.clone().or(after.buyer_reason);
        after.restock = shown.restock.or(after.restock);
        if let Some(deadline) = shown.deadline {
            (after.deadline, after.deadline_source) = (deadline, DeadlineSource::Platform);
        }
        after.seen_at = snapshot.updated_at;
        if after == before {
            return Ok(());
        }
        after.updated_at = self.clock.now();
        Ok(requests::save(session, &after).await?)
    }

    /// Settles a request that nobody answered here, if what is seen ends it.
    async fn settle_unanswered(
        &self,
        session: &mut Session,
        request: &mut RequestRecord,
        order: &OrderRecord,
        seen: Seen,
    ) -> Result<(), EngineError> {
        let overdue = request.deadline <= self.clock.platform_now(order.platform);
        let state = after_read(request.state, seen, overdue, request.on_silence);
        if state == request.state {
            return Ok(());
        }
        let detail = match state {
            RequestState::Expired => "nobody answered in time; the platform decided",
            RequestState::Withdrawn => "the buyer took it back, or it was rejected elsewhere",
            RequestState::AnsweredElsewhere => "it was agreed to outside of here",
            RequestState::Superseded => "the order was canceled by somebody else",
            RequestState::Open | RequestState::Answering | RequestState::Agreed | RequestState::Rejected => "",
        };
        self.settle_request(session, request, state, None, detail).await
    }

    /// Tells, once each, which requests of a shop have no final outcome shortly before their deadline.
    pub(crate) async fn alert_requests(&self, shop: &OpenShop) -> Result<(), EngineError> {
        let (merchant, id) = (&shop.record.merchant, &shop.record.id);
        let platform_now = self.clock.platform_now(shop.record.platform);
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        let running_out = requests::alert(&mut session, merchant, id, platform_now.plus(ALERT_BEFORE), now).await?;
        for request in &running_out {
            let minutes = (request.deadline.millis() - platform_now.millis()).max(0) / 60_000;
            let entry = Entry {
                actor: "countermand",
                action: "request.time_runs_out",
                shop: Some(id),
                order: Some(&request.order),
                subject: request.id.as_str(),
                detail: &format!("{minutes} minutes are left, and the request has no final outcome"),
            };
            log::write(&mut session, merchant, now, &entry).await?;
        }
        Ok(session.commit().await?)
    }

    async fn settle_request(
        &self,
        session: &mut Session,
        request: &mut RequestRecord,
        state: RequestState,
        message: Option<String>,
        detail: &str,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        request.state = state;
        request.message = message;
        request.settled_at = state.is_final().then_some(now);
        request.updated_at = now;
        requests::save(session, request).await?;
        let action = format!("request.{state}");
        self.log_request(session, request, "countermand", &action, detail).await
    }

    /// Takes an answer: durable with the caller's commit, carried out by the next tick.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing is changed then.
    pub async fn answer_request(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        wish: &AnswerWish<'_>,
    ) -> Result<(RequestRecord, CancellationRecord), AnswerError> {
        let now = self.clock.now();
        let found = requests::load_one(session, merchant, wish.request).await?.ok_or(AnswerError::NotFound)?;
        orders::lock(session, merchant, std::slice::from_ref(&found.order)).await?;
        let order = orders::load_one(session, merchant, &found.order).await?.ok_or(AnswerError::NotFound)?;
        let mut request = requests::load_one(session, merchant, wish.request).await?.ok_or(AnswerError::NotFound)?;
        if request.state != RequestState::Open {
            return Err(AnswerError::AlreadyDecided(request.state));
        }
        if order.cancelling {
            return Err(AnswerError::CancelPending);
        }
        let rule = self.request_rule(session, &order).await?;
        let reason = match (wish.kind, rule.reject_reason) {
            (AnswerKind::Agree, _) | (AnswerKind::Reject, RejectReason::None) => None,
            (AnswerKind::Reject, RejectReason::Required) if wish.reason.is_none() => {
                return Err(AnswerError::ReasonRequired);
            }
            (AnswerKind::Reject, RejectReason::Optional | RejectReason::Required) => wish.reason.map(str::to_owned),
        };
        let away = wish.kind == AnswerKind::Agree && order.goods.are_away();
        let stopped = away && staff_stopped(session, &order).await?;
        if wish.kind == AnswerKind::Agree && is_kept(&order) && !wish.despite_warehouse && !stopped {
            return Err(AnswerError::WithdrawalRefused(kept_in_words(session, self.store(), &order).await?));
        }
        let record = CancellationRecord {
            merchant: merchant.clone(),
            id: CancellationId::parse(new_id("can", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            order: order.id.clone(),
            shop: order.shop.clone(),
            reason: ReasonCode::parse(wish.kind.reason_code()).map_err(|_| StoreError::Conflict("the reason"))?,
            scope: Scope::Order,
            lines: Vec::new(),
            side_effects: Vec::new(),
            note: None,
            // Without an id of its own, the order's update time is what tells this request from the next one.
            saga: Cancellation { seen_before: Some(request.seen_at), ..Cancellation::requested(now) },
            platform_message: None,
            request: Some(request.id.clone()),
            despite_warehouse: wish.despite_warehouse || stopped,
            actor: actor.to_owned(),
            created_at: now,
            updated_at: now,
        };
        cancellations::insert(session, &record).await.map_err(|error| match error {
            StoreError::Exists(_) => AnswerError::CancelPending,
            other => other.into(),
        })?;
        cancellations::answer(session, merchant, &record.id, &request.id).await?;
        let mut after = order.clone();
        after.cancelling = wish.kind == AnswerKind::Agree;
        after.updated_at = now;
        orders::update(session, &order, &after).await?;
        request.state = RequestState::Answering;
        request.answer =
            Some(AnswerRecord { kind: wish.kind, reason, carried_by: record.id.clone(), decided_by: actor.to_owned() });
        request.message = None;
        request.updated_at = now;
        requests::save(session, &request).await?;
        jobs::want(session, merchant, &order.shop, Kind::Cancellation, record.id.as_str(), now).await?;
        let action = format!("request.{}", wish.kind);
        let despite = match (away && (stopped || is_kept(&order)), stopped) {
            (true, true) => ", stopped by the warehouse's staff",
            (true, false) => ", despite the warehouse",
            (false, _) => "",
        };
        let detail = format!("{} on the buyer's request to cancel {}{despite}", wish.kind, order.number);
        self.log_request(session, &request, actor, &action, &detail).await?;
        Ok((request, record))
    }

    /// A request that arrived while a cancel of ours runs and asks for the same: the cancel becomes its answer.
    pub(crate) async fn become_answer(
        &self,
        session: &mut Session,
        record: &mut CancellationRecord,
        order: &OrderRecord,
        snapshot: &OrderSnapshot,
    ) -> Result<(), EngineError> {
        let waits = snapshot.requests.iter().any(|shown| !shown.agreed);
        if record.request.is_some() || !waits || record.saga.sent == Sent::Accepted {
            return Ok(());
        }
        let live = requests::live_of_orders(session, &order.merchant, std::slice::from_ref(&order.id)).await?;
        let open = live.into_iter().find(|request| request.state == RequestState::Open && covers(request, order));
        let Some(mut request) = open else { return Ok(()) };
        // A rejection only said that the buyer waits; what may still take effect stays unknown until it has settled.
        if matches!(record.saga.sent, Sent::Rejected { .. }) {
            record.saga.sent = Sent::Never;
            record.saga.phase = Phase::Requested;
        }
        record.saga.seen_before = Some(request.seen_at);
        record.request = Some(request.id.clone());
        cancellations::answer(session, &record.merchant, &record.id, &request.id).await?;
        request.state = RequestState::Answering;
        request.answer = Some(AnswerRecord {
            kind: AnswerKind::Agree,
            reason: None,
            carried_by: record.id.clone(),
            decided_by: record.actor.clone(),
        });
        request.updated_at = self.clock.now();
        requests::save(session, &request).await?;
        let detail = "the buyer asked while our cancel was under way: it is agreed to instead";
        let actor = record.actor.clone();
        self.log_request(session, &request, &actor, "request.agree", detail).await
    }

    /// Ends the answer that a cancellation carried out. `seen` is what the last read shows; none where it shows nothing.
    pub(crate) async fn end_answer(
        &self,
        session: &mut Session,
        record: &CancellationRecord,
        order: &OrderRecord,
        seen: Option<Seen>,
    ) -> Result<(), EngineError> {
        let Some(id) = &record.request else { return Ok(()) };
        let Some(mut request) = requests::load_one(session, &record.merchant, id).await? else { return Ok(()) };
        let kind = request.answer.as_ref().map_or(AnswerKind::Agree, |answer| answer.kind);
        match &record.saga.phase {
            Phase::Done(_) => {
                let state = match kind {
                    AnswerKind::Agree => RequestState::Agreed,
                    AnswerKind::Reject => RequestState::Rejected,
                };
                let detail = match kind {
                    AnswerKind::Agree => format!("{} is canceled as the buyer asked", order.number),
                    AnswerKind::Reject => format!("{} goes on in “{}”", order.number, order.list),
                };
                self.settle_request(session, &mut request, state, None, &detail).await
            }
            Phase::Refused(words) => {
                let overdue = request.deadline <= self.clock.platform_now(order.platform);
                let seen = seen.unwrap_or(Seen::Open);
                let state = after_read(RequestState::Open, seen, overdue, request.on_silence);
                let detail = format!("the answer ({kind}) did not take effect: {words}");
                self.settle_request(session, &mut request, state, Some(words.clone()), &detail).await
            }
            Phase::Requested | Phase::Withdrawing | Phase::Submitting | Phase::Confirming | Phase::Restoring(_) => {
                Ok(())
            }
        }
    }

    /// The reasons with which a request may be rejected: the platform's own list, or the policy's while it does not answer.
    ///
    /// # Errors
    /// [`EngineError`] of the store or of the shop's credentials.
    pub async fn reject_reasons(
        &self,
        merchant: &MerchantId,
        request: &RequestRecord,
    ) -> Result<Vec<RejectReasonOption>, EngineError> {
        let mut session = self.store.read().await?;
        let order = orders::load_one(&mut session, merchant, &request.order).await?.ok_or(EngineError::NoShop)?;
        drop(session);
        let shop = self.open_shop(merchant, &order.shop).await?;
        let named = RequestRef { order: order.number.clone(), number: request.number.clone() };
        if let Ok(reasons) = self.read_reject_reasons(&shop, &named).await
            && !reasons.is_empty()
        {
            return Ok(reasons);
        }
        let known = shop.policy.requests.reject_reasons_in(&order.region);
        Ok(known.map(|rule| RejectReasonOption { value: rule.value.clone(), label: rule.label.clone() }).collect())
    }

    async fn read_reject_reasons(
        &self,
        shop: &OpenShop,
        request: &RequestRef,
    ) -> Result<Vec<RejectReasonOption>, CallError> {
        let until = Some(self.clock.now().plus(REASONS_WAIT));
        if shop.connector.reject_reasons(request, self.clock.platform_now(shop.record.platform)).is_none() {
            return Ok(Vec::new());
        }
        let build = |connector: &dyn Connector, now| {
            let call = connector.reject_reasons(request, now);
            call.unwrap_or(Err(ConnectorError::RequestNumber)).map_err(refused)
        };
        let mut read = self.call(shop, until, build).await?;
        loop {
            match read {
                RejectReasonsRead::Reasons(reasons) => return Ok(reasons),
                RejectReasonsRead::Ask(call) => read = self.send(shop, until, *call).await?,
            }
        }
    }

    async fn log_request(
        &self,
        session: &mut Session,
        request: &RequestRecord,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), EngineError> {
        let entry = Entry {
            actor,
            action,
            shop: Some(&request.shop),
            order: Some(&request.order),
            subject: request.id.as_str(),
            detail,
        };
        Ok(log::write(session, &request.merchant, self.clock.now(), &entry).await?)
    }
}
