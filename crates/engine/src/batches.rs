//! Many cancels as one act. A batch stores its selection at once and asks for each order's cancel when its turn comes:
//! only so many of a shop's cancels are asked for ahead of what its platform takes, so that an order's doors stay open
//! until its turn, one slow shop never delays another, and a pause leaves little behind.
//!
//! *Paused*: nothing of the batch is asked for or sent; what was sent is followed to its end. *Stopped*: the same for
//! good, and what was asked for and not sent is taken back.

use crate::batch_plan::Choice;
use crate::commands::{CancelRequest, CommandError};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use domain::batch::{Act, Course, NotNow};
use domain::ids::{BatchId, MerchantId, OrderId, UserId};
use domain::penalty::{Ceiling, RateRule, Tally};
use domain::platform::Platform;
use domain::time::{Moment, Span};
use store::batches::{self, BatchRecord, ORDERS_MAX, Selection};
use store::cancellations::ChosenLine;
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::{Session, StoreError, new_id};

/// Orders of a batch whose cancels are asked for in one commit.
const ORDERS_PER_COMMIT: i64 = 200;
/// Cancels of a shop that are asked for ahead of what its platform has taken.
const AHEAD: i64 = 256;
/// Fewer than these are not worth a commit; the queue is looked at again.
const LEAST: i64 = 64;
/// How long to wait for the queue to become shorter.
const QUEUE_PAUSE: Span = Span::from_millis(150);
/// How long to wait for what is under way before a ceiling is judged again.
const CEILING_PAUSE: Span = Span::from_millis(500);
/// When a held cancellation looks by itself; a resume or a stop wakes it before.
pub(crate) const HELD_PAUSE: Span = Span::from_seconds(86_400);
/// What is said of an order that a stopped batch left alone.
pub(crate) const STOPPED: &str = "The batch was stopped before this order's turn; nothing was sent.";

/// Why a batch was not begun or not changed.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The merchant has no such batch.
    #[error("there is no such batch")]
    NotFound,
    /// No order is selected.
    #[error("no order is selected, or none matches any more")]
    Empty,
    /// Too many orders.
    #[error("more than {ORDERS_MAX} orders are selected; narrow the selection and cancel them in parts")]
    TooMany,
    /// Some of the named orders are not there.
    #[error("{0} of the named orders are not here, or are not yours to see; nothing was begun")]
    UnknownOrders(u64),
    /// A platform of the selection has no reason, or one that it does not know.
    #[error("{0}")]
    ReasonNotOffered(String),
    /// A reason wants products and none was chosen.
    #[error("“{0}” needs at least one product; name them in “merchant_skus”")]
    LinesRequired(String),
    /// The batch's course does not allow it.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// Nothing was refused.
    #[error("no order of this batch was refused, so there is nothing to try again")]
    NothingFailed,
    /// It was stopped a moment ago.
    #[error("what was sent before the stop has not ended yet; try again in a moment")]
    StillEnding,
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for BatchError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Who begins a batch.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The tenant.
    pub merchant: &'a MerchantId,
    /// The name in the log.
    pub actor: &'a str,
    /// Whose it is.
    pub user: &'a UserId,
}

impl Engine {
    /// Stores a selection as a planned batch: nothing is carried out until [`Engine::act_on_batch`] runs it.
    ///
    /// # Errors
    /// [`BatchError`]; nothing is kept then.
    pub async fn plan_to_cancel(
        &self,
        session: &mut Session,
        asker: Asker<'_>,
        selection: &Selection,
        choice: &Choice,
    ) -> Result<BatchRecord, BatchError> {
        let now = self.clock.now();
        let id = BatchId::parse(new_id("bat", now)).map_err(|_| StoreError::Conflict("the clock"))?;
        let mut record = BatchRecord {
            merchant: asker.merchant.clone(),
            id,
            course: Course::Planned,
            reasons: choice.reasons.clone(),
            merchant_skus: choice.merchant_skus.clone(),
            ceiling: choice.ceiling,
            orders: 0,
            actor: asker.actor.to_owned(),
            user: asker.user.clone(),
            created_at: now,
            updated_at: now,
        };
        record.orders = batches::insert(session, &record, selection).await?;
        check_size(selection, record.orders)?;
        Ok(record)
    }

    /// Stores a selection and begins to cancel it: durable with the caller's commit.
    ///
    /// # Errors
    /// [`BatchError`]; nothing is kept then.
    pub async fn cancel_many(
        &self,
        session: &mut Session,
        asker: Asker<'_>,
        selection: &Selection,
        choice: &Choice,
    ) -> Result<BatchRecord, BatchError> {
        let planned = self.plan_to_cancel(session, asker, selection, choice).await?;
        self.act_on_batch(session, asker.merchant, asker.actor, &planned.id, Act::Run).await
    }

    /// Chooses reasons, products and ceiling of a batch that is still a plan.
    ///
    /// # Errors
    /// [`BatchError`]; nothing is changed then.
    pub async fn choose_for_batch(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        id: &BatchId,
        choice: &Choice,
    ) -> Result<BatchRecord, BatchError> {
        let mut batch = batches::load_locked(session, merchant, id).await?.ok_or(BatchError::NotFound)?;
        batch.course.after(Act::Run)?;
        batch.reasons = choice.reasons.clone();
        batch.merchant_skus = choice.merchant_skus.clone();
        batch.ceiling = choice.ceiling;
        batch.updated_at = self.clock.now();
        batches::set_choice(session, &batch).await?;
        Ok(batch)
    }

    /// Runs, pauses, resumes or stops a batch, or tries again what was refused: durable with the caller's commit.
    ///
    /// # Errors
    /// [`BatchError`]; nothing is changed then.
    pub async fn act_on_batch(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        id: &BatchId,
        act: Act,
    ) -> Result<BatchRecord, BatchError> {
        let now = self.clock.now();
        let mut batch = batches::load_locked(session, merchant, id).await?.ok_or(BatchError::NotFound)?;
        let course = batch.course.after(act)?;
        let detail = match act {
            Act::Run => {
                self.check_choice(session, &batch).await?;
                batches::want_jobs(session, merchant, id, now).await?;
                format!("cancel of {} orders begun", batch.orders)
            }
            Act::Pause => "paused".to_owned(),
            Act::Resume => {
                batches::want_jobs(session, merchant, id, now).await?;
                batches::wake(session, merchant, id, now).await?;
                "resumed".to_owned()
            }
            Act::Stop => {
                let stopped = batches::stop_waiting(session, merchant, id, None, STOPPED).await?;
                batches::wake(session, merchant, id, now).await?;
                format!("stopped; {stopped} orders were not begun")
            }
            Act::RetryFailed => {
                if batch.course == Course::Stopped && batches::numbers(session, merchant, id).await?.running > 0 {
                    return Err(BatchError::StillEnding);
                }
                let again = batches::retry(session, merchant, id).await?;
                if again == 0 {
                    return Err(BatchError::NothingFailed);
                }
                batches::want_jobs(session, merchant, id, now).await?;
                format!("{again} refused orders tried again")
            }
        };
        batches::set_course(session, merchant, id, course, now).await?;
        (batch.course, batch.updated_at) = (course, now);
        let action = match act {
            Act::Run => "batch.begun",
            Act::Pause => "batch.paused",
            Act::Resume => "batch.resumed",
            Act::Stop => "batch.stopped",
            Act::RetryFailed => "batch.retried",
        };
        let entry = Entry { actor, action, shop: None, order: None, subject: id.as_str(), detail: &detail };
        log::write(session, merchant, now, &entry).await?;
        Ok(batch)
    }

    /// Every platform of the selection needs a reason that it knows, and products where that reason asks for some.
    async fn check_choice(&self, session: &mut Session, batch: &BatchRecord) -> Result<(), BatchError> {
        for platform in batches::platforms(session, &batch.merchant, &batch.id).await? {
            let rule = self.reason_of(platform, batch)?;
            if rule.1 && batch.merchant_skus.is_empty() {
                return Err(BatchError::LinesRequired(rule.0));
            }
        }
        Ok(())
    }

    /// The label of the reason that was chosen for a platform, and whether it asks for products.
    fn reason_of(&self, platform: Platform, batch: &BatchRecord) -> Result<(String, bool), BatchError> {
        let policy = self.policy(platform)?;
        let known = || policy.reasons.iter().map(|rule| rule.code.as_str()).collect::<Vec<_>>().join(", ");
        let Some(reason) = batch.reasons.get(&platform) else {
            let words = format!("Choose a reason for {}, one of: {}.", platform.title(), known());
            return Err(BatchError::ReasonNotOffered(words));
        };
        let rule = policy.reason(reason.as_str()).ok_or_else(|| {
            let words = format!("“{reason}” is no reason on {}; use one of: {}.", platform.title(), known());
            BatchError::ReasonNotOffered(words)
        })?;
        Ok((rule.label.clone(), rule.lines_required))
    }

    /// Works on batches of one shop: asks for the cancels whose turn has come.
    pub(crate) async fn carry_on_batches(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        for claim in claims {
            self.carry_on_batch(shop, lease, claim).await?;
        }
        self.wake();
        Ok(())
    }

    async fn carry_on_batch(&self, shop: &OpenShop, lease: &Lease, claim: &Claim) -> Result<(), EngineError> {
        let (merchant, now) = (&shop.record.merchant, self.clock.now());
        let mut session = self.store.begin().await?;
        let batch = match BatchId::parse(claim.subject.as_str()) {
            Ok(id) => batches::load(&mut session, merchant, &id).await?,
            Err(_) => None,
        };
        // A resume asks for the job anew.
        let Some(batch) = batch.filter(|batch| batch.course == Course::Running) else {
            jobs::finish(&mut session, lease, claim, now).await?;
            return Ok(session.commit().await?);
        };
        let queue = jobs::due_in_shop(&mut session, merchant, &shop.record.id, Kind::Cancellation, now).await?;
        let held = match AHEAD - queue {
            room if room < LEAST => jobs::again(&mut session, lease, claim, now.plus(QUEUE_PAUSE), now).await?,
            room => match self.ask_next(&mut session, shop, &batch, room.min(ORDERS_PER_COMMIT), now).await? {
                Some(wake_at) => jobs::again(&mut session, lease, claim, wake_at, now).await?,
                None => jobs::finish(&mut session, lease, claim, now).await?,
            },
        };
        if held {
            session.commit().await?;
        }
        Ok(())
    }

    /// Asks for the next cancels of a batch in this shop. Answers when to look again, or that none waits any more.
    async fn ask_next(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        batch: &BatchRecord,
        most: i64,
        now: Moment,
    ) -> Result<Option<Moment>, EngineError> {
        let merchant = &batch.merchant;
        let most = u32::try_from(most).unwrap_or(1);
        let mut ids = batches::next(session, merchant, &batch.id, &shop.record.id, most).await?;
        if ids.is_empty() {
            return Ok(None);
        }
        if let Some(ceiling) = batch.ceiling {
            match self.under_ceiling(session, shop, ceiling, ids).await? {
                Under::Some(some) => ids = some,
                Under::NoneYet => return Ok(Some(now.plus(CEILING_PAUSE))),
                Under::NoMore(why) => {
                    batches::stop_waiting(session, merchant, &batch.id, Some(&shop.record.id), &why).await?;
                    let subject = batch.id.as_str();
                    let entry = Entry {
                        actor: "countermand",
                        action: "batch.ceiling",
                        shop: Some(&shop.record.id),
                        order: None,
                        subject,
                        detail: &why,
                    };
                    log::write(session, merchant, now, &entry).await?;
                    return Ok(None);
                }
            }
        }
        orders::lock(session, merchant, &ids).await?;
        let loaded = orders::load(session, merchant, &ids).await?;
        for order in &loaded {
            session.savepoint().await?;
            match self.ask_one(session, batch, order).await {
                Ok(true) => session.release().await?,
                // It was stopped meanwhile.
                Ok(false) => session.undo().await?,
                Err(CommandError::Stale) => session.undo().await?,
                Err(CommandError::Engine(EngineError::Store(error))) if error.is_passing() => session.undo().await?,
                Err(CommandError::Engine(error)) => return Err(error),
                Err(refused) => {
                    session.undo().await?;
                    let why = refused.to_string();
                    batches::refuse(session, merchant, &batch.id, &order.id, &why).await?;
                    let entry = Entry {
                        actor: "countermand",
                        action: "batch.refused",
                        shop: Some(&order.shop),
                        order: Some(&order.id),
                        subject: batch.id.as_str(),
                        detail: &why,
                    };
                    log::write(session, merchant, now, &entry).await?;
                }
            }
        }
        Ok(Some(now))
    }

    /// Asks for one order's cancel, as its dialog would; false where it waits no more.
    async fn ask_one(
        &self,
        session: &mut Session,
        batch: &BatchRecord,
        order: &OrderRecord,
    ) -> Result<bool, CommandError> {
        let reason = batch.reasons.get(&order.platform).ok_or_else(|| {
            CommandError::ReasonNotOffered(format!("No reason was chosen for {}.", order.platform.title()))
        })?;
        let policy = self.policy(order.platform)?;
        let asks = policy.reason(reason.as_str()).is_some_and(|rule| rule.lines_required);
        let lines = if asks { chosen_lines(batch, order) } else { Vec::new() };
        if asks && lines.is_empty() {
            return Err(CommandError::WrongList("None of the chosen products is in this order.".to_owned()));
        }
        let request = CancelRequest {
            order: &order.id,
            reason: reason.as_str(),
            lines: &lines,
            note: None,
            repack: false,
            expected_version: None,
            despite_warehouse: false,
        };
        let record = self.request_cancel(session, &batch.merchant, &batch.actor, &request).await?;
        Ok(batches::asked(session, &batch.merchant, &batch.id, &order.id, &record.id).await?)
    }

    /// Those of the next orders that a ceiling leaves room for.
    async fn under_ceiling(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        ceiling: Ceiling,
        ids: Vec<OrderId>,
    ) -> Result<Under, EngineError> {
        // The plan says where no rule is known: then there is nothing to stay under.
        let Some(rule) = RateRule::of(&shop.policy.cancellation_rates, &shop.record.region) else {
            return Ok(Under::Some(ids));
        };
        let (merchant, platform_now) = (&shop.record.merchant, self.clock.platform_now(shop.record.platform));
        let before = batches::tally(session, merchant, &shop.record.id, rule, platform_now).await?;
        let (from, to) = batches::window(rule, platform_now);
        let mut then = Tally { under_way: 0, ..before }.with(before.under_way);
        let mut some = Vec::with_capacity(ids.len());
        for row in batches::facts(session, merchant, &ids, &[]).await? {
            let weight = if row.ordered_at >= from && row.ordered_at <= to { rule.unit.weight(row.units) } else { 0 };
            let next = then.with(weight);
            if weight > 0 && !ceiling.allows(rule, before, next) {
                break;
            }
            then = next;
            some.push(row.order);
        }
        Ok(match (some.is_empty(), before.under_way) {
            (false, _) => Under::Some(some),
            (true, 0) => Under::NoMore(format!(
                "Stopped by the ceiling: one more cancel would bring {} above it. Its rate is {} % of {} {}.",
                shop.record.name,
                before.rate(),
                before.ordered,
                rule.unit
            )),
            // What is under way may be refused, and leave room.
            (true, _) => Under::NoneYet,
        })
    }
}

/// What a ceiling leaves.
enum Under {
    /// Room for these.
    Some(Vec<OrderId>),
    /// No room until what is under way has ended.
    NoneYet,
    /// No room, and why.
    NoMore(String),
}

fn chosen_lines(batch: &BatchRecord, order: &OrderRecord) -> Vec<ChosenLine> {
    let live = order.lines.iter().filter(|line| line.canceled_quantity < line.quantity);
    live.filter(|line| batch.merchant_skus.contains(&line.merchant_sku))
        .map(|line| ChosenLine {
            line_id: line.id.as_str().to_owned(),
            quantity: line.quantity - line.canceled_quantity,
        })
        .collect()
}

/// Refuses a selection that is empty, too large, or names orders that are not there.
///
/// # Errors
/// [`BatchError`] that says which.
pub fn check_size(selection: &Selection, found: u64) -> Result<(), BatchError> {
    if let Selection::Orders(ids, _) = selection {
        let named = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        if found < named {
            return Err(BatchError::UnknownOrders(named - found));
        }
    }
    match found {
        0 => Err(BatchError::Empty),
        found if found > u64::from(ORDERS_MAX) => Err(BatchError::TooMany),
        _ => Ok(()),
    }
}
