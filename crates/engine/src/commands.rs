//! What people ask for. Each command runs in the caller's transaction; the caller commits it together with what it
//! keeps of its own (an idempotency key), and only then answers.

use crate::ledger::marks;
use crate::warehouse_links::{kept_in_words, staff_stopped};
use crate::{AnswerError, AnswerWish, Engine, EngineError, consequences};
use domain::cancellation::{Cancellation, MeantLine, Scope, State};
use domain::eligibility::{self, Blocked, OrderFacts};
use domain::ids::{CancellationId, LineId, MerchantId, OrderId, ReasonCode};
use domain::order::{List, Stage, place};
use domain::platform::Platform;
use domain::policy::{Policy, ReasonRule, Standing};
use domain::request::AnswerKind;
use domain::scan::Reason;
use domain::shipment::Act;
use domain::snapshot::FulfilledBy;
use store::cancellations::{CancellationRecord, ChosenLine};
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, OrderRecord};
use store::{Session, StoreError, cancellations, new_id, requests, stock};

/// What a consequence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectKind {
    /// How our reason is told to the platform.
    Mapping,
    /// What the platform does to the order.
    Order,
    /// What becomes of the other items of a parcel.
    Package,
    /// What happens at the third-party warehouse.
    Warehouse,
    /// What becomes of the listings.
    Listing,
    /// What becomes of the goods.
    Stock,
}

impl EffectKind {
    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mapping => "mapping",
            Self::Order => "order",
            Self::Package => "package",
            Self::Warehouse => "warehouse",
            Self::Listing => "listing",
            Self::Stock => "stock",
        }
    }
}

/// One consequence of a cancel, in words, before the click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// About what.
    pub kind: EffectKind,
    /// In words.
    pub text: String,
}

/// A reason as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonOption {
    /// Our code for it.
    pub code: ReasonCode,
    /// What the operator reads.
    pub label: String,
    /// Why it is not offered for this order; `None` when it is.
    pub why_not: Option<String>,
    /// At least one product must be chosen.
    pub lines_required: bool,
    /// It is taken for chosen lines alone.
    pub by_lines: bool,
    /// What it would do.
    pub effects: Vec<Consequence>,
}

/// What the platform says of a cancel when it is asked just before the operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveAnswer {
    /// It was not asked: a gate is closed by what is stored.
    NotAsked,
    /// It takes a cancel now, but not with these reasons of ours.
    Open {
        /// Codes of the reasons that it does not take.
        not_taken: Vec<ReasonCode>,
    },
    /// It does not take this cancel now.
    Closed(Blocked),
    /// It said nothing that decides, for this cause (it did not answer in time…): what is stored is shown.
    Silent(String),
}

impl LiveAnswer {
    /// Whether the platform said what it takes.
    #[must_use]
    pub const fn is_said(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Closed(_))
    }
}

/// What the cancel dialog shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationOptions {
    /// Whether a cancel may be asked for, and the gate that is closed if not.
    pub allowed: Result<(), Blocked>,
    /// Whether chosen lines alone can be cancelled.
    pub by_lines: bool,
    /// Whether the parcel can be undone before chosen lines are cancelled.
    pub repack: bool,
    /// Every reason of the platform, offered or grey.
    pub reasons: Vec<ReasonOption>,
    /// What the platform says just now.
    pub live: LiveAnswer,
}

/// A cancel to be asked for.
#[derive(Debug, Clone)]
pub struct CancelRequest<'a> {
    /// The order.
    pub order: &'a OrderId,
    /// Our code of the reason.
    pub reason: &'a str,
    /// The chosen products, where the reason wants them.
    pub lines: &'a [ChosenLine],
    /// The operator's note, kept here.
    pub note: Option<&'a str>,
    /// Undo the parcel first, and pack what is left again afterwards, so that the other items of it stay.
    pub repack: bool,
    /// The version of the order that the operator saw; another one is a conflict.
    pub expected_version: Option<i64>,
    /// The operator goes on although a third-party warehouse keeps the goods.
    pub despite_warehouse: bool,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The merchant has no such order.
    #[error("there is no such order")]
    NoOrder,
    /// The order changed since the operator saw it.
    #[error("the order was changed meanwhile; read it again and repeat")]
    Stale,
    /// A gate is closed.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// The order is not in a list that this can be done from.
    #[error("{0}")]
    WrongList(String),
    /// The platform has no such reason, or does not take it for this order.
    #[error("{0}")]
    ReasonNotOffered(String),
    /// The reason wants products and none was chosen.
    #[error("“{0}” needs at least one product; choose which")]
    LinesRequired(String),
    /// Chosen lines alone cannot be cancelled here.
    #[error("this marketplace cancels whole orders only; leave the quantities as they are")]
    PartialNotSupported,
    /// More units were chosen than the line has left.
    #[error("“{line}” has {left} units left to cancel; choose no more than these")]
    TooManyUnits {
        /// The line.
        line: String,
        /// Units that are not cancelled.
        left: u32,
    },
    /// There is no parcel that could be undone first.
    #[error("{0}")]
    RepackNotOffered(String),
    /// A chosen line is not one of the order's.
    #[error("“{0}” is no line of this order")]
    UnknownLine(String),
    /// The third-party warehouse keeps the goods: whom to contact, with order, package and tracking number.
    #[error("{0} Cancel despite the warehouse if you have to.")]
    WithdrawalRefused(String),
    /// What is known of the order is old, and the platform does not answer, for this reason.
    #[error("{silent} ({0}) Try again in a moment, or let it pass with a reason.", silent = Reason::PlatformSilent.in_words())]
    PlatformSilent(String),
    /// A manual order breaks a rule.
    #[error("{0}")]
    ManualOrder(String),
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::Stale,
            other => Self::Engine(other.into()),
        }
    }
}

/// The facts of an order that the gates look at.
#[must_use]
pub fn facts_of(order: &OrderRecord) -> OrderFacts {
    OrderFacts {
        list: order.list,
        platform_status: order.platform_status.clone(),
        fulfilled_by: order.fulfilled_by,
        seller_may_cancel: order.seller_may_cancel,
        cancelling: order.cancelling,
        cod: order.cod,
        region: order.region.clone(),
    }
}

/// The facts of an order that the doors of packing and shipping look at.
#[must_use]
pub const fn facts_of_shipment(order: &OrderRecord) -> domain::shipment::Facts {
    domain::shipment::Facts {
        standing: order.standing,
        fulfilled_by: order.fulfilled_by,
        cancelling: order.cancelling,
        voided: order.voided,
    }
}

/// What the cancel dialog of an order shows, by what is stored. The platform is asked again before anything is sent.
#[must_use]
pub fn cancellation_options(order: &OrderRecord, policy: &Policy) -> CancellationOptions {
    options_for_lines(order, policy, &[])
}

/// As [`cancellation_options`], with these lines chosen.
#[must_use]
pub fn options_for_lines(order: &OrderRecord, policy: &Policy, chosen: &[LineId]) -> CancellationOptions {
    let chosen = &with_all_parts(order, chosen);
    let facts = facts_of(order);
    let by_lines = policy.partial_cancel.is_on(&order.region);
    let reasons = policy.reasons.iter().map(|rule| ReasonOption {
        code: rule.code.clone(),
        label: rule.label.clone(),
        why_not: eligibility::reason_not_offered(rule, &facts),
        lines_required: rule.lines_required,
        by_lines: by_lines && !rule.whole_order_only,
        effects: consequences::of(order, policy, rule, chosen),
    });
    CancellationOptions {
        allowed: eligibility::new_cancel(&facts, policy),
        by_lines,
        repack: by_lines && can_repack(order, policy),
        reasons: reasons.collect(),
        live: LiveAnswer::NotAsked,
    }
}

impl CancellationOptions {
    /// The same with what the platform says just now: a cancel that it does not take is closed, a reason that it does not
    /// take is grey.
    #[must_use]
    pub fn with_live(mut self, platform: Platform, live: LiveAnswer) -> Self {
        match &live {
            LiveAnswer::NotAsked | LiveAnswer::Silent(_) => {}
            LiveAnswer::Closed(blocked) => self.allowed = Err(blocked.clone()),
            LiveAnswer::Open { not_taken } => {
                for reason in self.reasons.iter_mut().filter(|reason| not_taken.contains(&reason.code)) {
                    let why_not = || format!("{} does not take it for this order now.", platform.title());
                    reason.why_not.get_or_insert_with(why_not);
                }
            }
        }
        self.live = live;
        self
    }
}

impl Engine {
    /// Accepts a cancel: durable with the caller's commit, carried out by the next tick.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn request_cancel(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        request: &CancelRequest<'_>,
    ) -> Result<CancellationRecord, CommandError> {
        let now = self.clock.now();
        let mut order = self.order_for(session, merchant, request.order, request.expected_version).await?;
        let policy = self.policy(order.platform)?;
        if let Some(agreed) = self.agree_instead(session, actor, &order, request.despite_warehouse).await? {
            return Ok(agreed);
        }
        eligibility::new_cancel(&facts_of(&order), &policy)?;
        let rule = policy
            .reason(request.reason)
            .ok_or_else(|| CommandError::ReasonNotOffered(unknown_reason(request.reason, &policy)))?;
        if let Some(why_not) = eligibility::reason_not_offered(rule, &facts_of(&order)) {
            return Err(CommandError::ReasonNotOffered(format!(
                "“{}” is not taken for this order: {why_not}",
                rule.label
            )));
        }
        let chosen = whole_bundles(&order, request.lines);
        let scope = scope_of(&order, rule, &policy, &chosen)?;
        if request.repack {
            repack_first(&order, &policy, scope)?;
            crate::pack::refuse_while_shipping(&order)?;
        }
        let kept = crate::requests::is_kept(&order);
        let stopped = order.goods.are_away() && staff_stopped(session, &order).await?;
        if kept && !request.despite_warehouse && !stopped {
            return Err(CommandError::WithdrawalRefused(kept_in_words(session, self.store(), &order).await?));
        }

        let mut record = CancellationRecord {
            merchant: merchant.clone(),
            id: CancellationId::parse(new_id("can", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            order: order.id.clone(),
            shop: order.shop.clone(),
            reason: rule.code.clone(),
            scope,
            lines: meant_lines(&order, &chosen)?,
            side_effects: Vec::new(),
            note: request.note.map(str::to_owned),
            saga: Cancellation::requested(now),
            platform_message: None,
            request: None,
            despite_warehouse: request.despite_warehouse || stopped,
            actor: actor.to_owned(),
            created_at: now,
            updated_at: now,
        };
        if !order.platform.is_marketplace() {
            self.cancel_here(session, &mut record, &order, &policy).await?;
            return Ok(record);
        }
        if request.repack {
            order = self.begin_shipment(session, actor, Act::Repack, order, Some(&record.id)).await?;
        }
        let mut after = order.clone();
        after.cancelling = true;
        after.updated_at = now;
        orders::update(session, &order, &after).await?;
        cancellations::insert(session, &record).await?;
        self.hold_listings(session, &record, &order).await?;
        jobs::want(session, merchant, &order.shop, Kind::Cancellation, record.id.as_str(), now).await?;
        let what = match scope {
            Scope::Order => order.number.to_string(),
            Scope::Lines => format!("{} chosen lines of {}", record.lines.len(), order.number),
        };
        let despite = match (kept || stopped, stopped) {
            (true, true) => ", stopped by the warehouse's staff",
            (true, false) => ", despite the warehouse",
            (false, _) => "",
        };
        let detail = format!("cancel of {what} asked for: {}{despite}", rule.label);
        let entry = Entry {
            actor,
            action: "cancellation.requested",
            shop: Some(&order.shop),
            order: Some(&order.id),
            subject: record.id.as_str(),
            detail: &detail,
        };
        log::write(session, merchant, now, &entry).await?;
        Ok(record)
    }

    /// A cancel of an order whose buyer asks for exactly that is the answer that the buyer waits for.
    async fn agree_instead(
        &self,
        session: &mut Session,
        actor: &str,
        order: &OrderRecord,
        despite_warehouse: bool,
    ) -> Result<Option<CancellationRecord>, CommandError> {
        if order.standing != Standing::CancelRequested || order.cancelling {
            return Ok(None);
        }
        let live = requests::live_of_orders(session, &order.merchant, std::slice::from_ref(&order.id)).await?;
        let Some(request) = live.iter().find(|request| crate::requests::covers(request, order)) else {
            return Ok(None);
        };
        let wish = AnswerWish { request: &request.id, kind: AnswerKind::Agree, reason: None, despite_warehouse };
        let answered = self.answer_request(session, &order.merchant, actor, &wish).await;
        answered.map(|(_, record)| Some(record)).map_err(|error| match error {
            AnswerError::Engine(error) => CommandError::Engine(error),
            AnswerError::WithdrawalRefused(words) => CommandError::WithdrawalRefused(words),
            other => Blocked { gate: eligibility::Gate::CancelPending, detail: other.to_string() }.into(),
        })
    }

    /// Sets an order aside, here only. Its untouched units become available again.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn void(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        expected_version: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        refuse_while_cancelling(&before)?;
        crate::pack::refuse_while_shipping(&before)?;
        if !before.list.may_be_voided() {
            return Err(CommandError::WrongList("Only orders in New and In Process can be voided.".to_owned()));
        }
        self.set_voided(session, actor, &before, true).await
    }

    /// Takes a voided order back into the list that its platform status gives now.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn restore(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        expected_version: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        refuse_while_cancelling(&before)?;
        if before.list != List::Voided {
            return Err(CommandError::WrongList("Only voided orders can be restored.".to_owned()));
        }
        self.set_voided(session, actor, &before, false).await
    }

    async fn set_voided(
        &self,
        session: &mut Session,
        actor: &str,
        before: &OrderRecord,
        voided: bool,
    ) -> Result<OrderRecord, CommandError> {
        let now = self.clock.now();
        let shop = self.shop(session, &before.merchant, &before.shop).await?;
        stock::lock(session, &before.merchant, std::slice::from_ref(&before.id)).await?;
        let mut after = before.clone();
        after.voided = voided;
        after.updated_at = now;
        let settled = self.settle(session, &mut after, shop.is_counted(), None, actor).await?;
        let placement = place(after.standing, after.fulfilled_by, marks(&after, settled.short), None);
        (after.list, after.tab) = (placement.list, placement.tab);
        orders::update(session, before, &after).await?;
        stock::write(session, &before.merchant, &settled.movements, now).await?;
        if before.goods.are_away() {
            // What ought to lie at the warehouse follows from it: the next read of the order sees to it.
            jobs::want(session, &before.merchant, &before.shop, Kind::ReadOrder, before.number.as_str(), now).await?;
        }
        let (action, detail) = if voided {
            ("order.voided", format!("{} set aside", before.number))
        } else {
            if before.platform.is_marketplace() {
                // The platform may have moved on since it was last read.
                jobs::want(session, &before.merchant, &before.shop, Kind::ReadOrder, before.number.as_str(), now)
                    .await?;
            }
            ("order.restored", format!("{} taken back to {}", before.number, after.list))
        };
        let entry = Entry {
            actor,
            action,
            shop: Some(&before.shop),
            order: Some(&before.id),
            subject: before.number.as_str(),
            detail: &detail,
        };
        log::write(session, &before.merchant, now, &entry).await?;
        after.version = before.version + 1;
        Ok(after)
    }

    /// Asks for a sweep of a shop now.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn sync_now(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &domain::ids::ShopId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let known = self.store().shop(session, merchant, shop).await?;
        if known.is_some_and(|shop| !shop.platform.is_marketplace()) {
            return Ok(());
        }
        jobs::want(session, merchant, shop, Kind::Sweep, shop.as_str(), now).await?;
        let entry = Entry {
            actor,
            action: "shop.sync",
            shop: Some(shop),
            order: None,
            subject: shop.as_str(),
            detail: "sync now",
        };
        log::write(session, merchant, now, &entry).await
    }

    /// Asks for these orders to be read from their platform now: what a push does, and nothing more.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn nudge<'a>(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &domain::ids::ShopId,
        numbers: impl IntoIterator<Item = &'a domain::ids::OrderNumber>,
    ) -> Result<(), StoreError> {
        let numbers: Vec<&str> = numbers.into_iter().map(domain::ids::OrderNumber::as_str).collect();
        jobs::want_many(session, merchant, shop, Kind::ReadOrder, &numbers, self.clock.now()).await
    }

    pub(crate) async fn order_for(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        id: &OrderId,
        expected: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        orders::lock(session, merchant, std::slice::from_ref(id)).await?;
        let order = orders::load_one(session, merchant, id).await?.ok_or(CommandError::NoOrder)?;
        if expected.is_some_and(|version| version != order.version) {
            return Err(CommandError::Stale);
        }
        Ok(order)
    }
}

fn refuse_while_cancelling(order: &OrderRecord) -> Result<(), CommandError> {
    if order.cancelling {
        let detail = "A cancel of this order is under way; wait for its end.".to_owned();
        return Err(Blocked { gate: eligibility::Gate::CancelPending, detail }.into());
    }
    Ok(())
}

fn unknown_reason(given: &str, policy: &Policy) -> String {
    let known: Vec<&str> = policy.reasons.iter().map(|rule| rule.code.as_str()).collect();
    format!("“{given}” is no reason here; use one of: {}", known.join(", "))
}

/// The chosen lines, each with all parts of what the platform sold with it as one.
fn with_all_parts(order: &OrderRecord, chosen: &[LineId]) -> Vec<LineId> {
    let sold: Vec<&LineId> =
        order.lines.iter().filter(|line| chosen.contains(&line.id)).map(LineRecord::sold_as).collect();
    let parts = order.lines.iter().filter(|line| sold.contains(&line.sold_as()));
    parts.map(|line| line.id.clone()).collect()
}

/// The chosen units, with those of all other parts of the bundles that they belong to: the platform cancels bundles only.
fn whole_bundles(order: &OrderRecord, chosen: &[ChosenLine]) -> Vec<ChosenLine> {
    let mut whole: Vec<ChosenLine> = Vec::new();
    for one in chosen {
        let known = order.lines.iter().find(|line| line.id.as_str() == one.line_id);
        let Some(known) = known.filter(|line| line.part_of.is_some()) else {
            whole.push(one.clone());
            continue;
        };
        let bundles = one.quantity.div_ceil(known.units_in_one());
        for part in order.lines.iter().filter(|line| line.sold_as() == known.sold_as()) {
            let quantity = bundles.saturating_mul(part.units_in_one());
            match whole.iter_mut().find(|chosen| chosen.line_id == part.id.as_str()) {
                Some(chosen) => chosen.quantity = chosen.quantity.max(quantity),
                None => whole.push(ChosenLine { line_id: part.id.as_str().to_owned(), quantity }),
            }
        }
    }
    whole
}

/// Judges the chosen lines: are they all that is to be cancelled, or the products that the reason speaks of?
///
/// Where the platform cancels lines by themselves, what is chosen is what is cancelled; all that lives is the whole order.
/// Where it cancels whole orders, lines name the products of a reason that asks for them.
fn scope_of(
    order: &OrderRecord,
    rule: &ReasonRule,
    policy: &Policy,
    chosen: &[ChosenLine],
) -> Result<Scope, CommandError> {
    if rule.lines_required && chosen.is_empty() {
        return Err(CommandError::LinesRequired(rule.label.clone()));
    }
    let mut whole_lines = true;
    for line in chosen {
        let known = line_of(order, &line.line_id)?;
        if line.quantity > known.live() {
            return Err(CommandError::TooManyUnits { line: line.line_id.clone(), left: known.live() });
        }
        whole_lines &= line.quantity == known.live();
    }
    let all = whole_lines
        && order.lines.iter().all(|line| line.live() == 0 || chosen.iter().any(|one| one.line_id == line.id.as_str()));
    if chosen.is_empty() || all {
        return Ok(Scope::Order);
    }
    if policy.partial_cancel.is_on(&order.region) && !rule.whole_order_only {
        return Ok(Scope::Lines);
    }
    // Chosen products with a reason that takes none would be a cancel of these lines only.
    if rule.lines_required && whole_lines { Ok(Scope::Order) } else { Err(CommandError::PartialNotSupported) }
}

/// Whether the order's parcel is still here and can be undone on its platform.
fn can_repack(order: &OrderRecord, policy: &Policy) -> bool {
    policy.shipping.repack && order.standing == Standing::Arranged && order.stage < Stage::HandedOver
}

fn repack_first(order: &OrderRecord, policy: &Policy, scope: Scope) -> Result<(), CommandError> {
    let refused = |words: &str| Err(CommandError::RepackNotOffered(words.to_owned()));
    match scope {
        Scope::Order => refused("The whole order is canceled: there is nothing to pack again; leave “repack” out."),
        Scope::Lines if !can_repack(order, policy) => {
            refused("The order has no parcel here that this marketplace could undo; leave “repack” out.")
        }
        Scope::Lines => Ok(()),
    }
}

fn line_of<'a>(order: &'a OrderRecord, id: &str) -> Result<&'a LineRecord, CommandError> {
    let known = order.lines.iter().find(|known| known.id.as_str() == id);
    known.ok_or_else(|| CommandError::UnknownLine(id.to_owned()))
}

fn meant_lines(order: &OrderRecord, chosen: &[ChosenLine]) -> Result<Vec<MeantLine>, CommandError> {
    let meant = chosen.iter().map(|line| {
        let known = line_of(order, &line.line_id)?;
        Ok(MeantLine {
            line: known.id.clone(),
            quantity: line.quantity,
            canceled_before: known.canceled_quantity,
            canceled: known.canceled_quantity,
        })
    });
    meant.collect()
}

/// Whether a state is one that a person may resolve.
#[must_use]
pub const fn may_be_resolved(state: State) -> bool {
    matches!(state, State::NeedsAttention)
}

/// Whether the platform's own warehouse keeps the goods, so that nothing of ours moves.
pub(crate) const fn is_ours(order: &OrderRecord) -> bool {
    matches!(order.fulfilled_by, FulfilledBy::Seller)
}
