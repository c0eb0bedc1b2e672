//! Shipped after cancel: a courier scanned the parcel of an order that is canceled. Its units leave the house in the ledger
//! as they left it in truth, and a case is watched until they are stocked in or claimed.

use crate::commands::{self, CommandError};
use crate::ledger::marks;
use crate::reconcile::{Applied, changed_packages};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use domain::case::{Resolution, State, Step};
use domain::ids::{MerchantId, MerchantSku, OrderId};
use domain::order::{Stage, place};
use domain::policy::Standing;
use domain::snapshot::OrderSnapshot;
use domain::stock::{self as rules, Visited};
use domain::time::Moment;
use store::cases::{self, CaseRecord, Unexplained};
use store::log::{self, Entry, EntryRecord};
use store::orders::{self, LineRecord, OrderRecord};
use store::stock::{self, Movement};
use store::{Session, StoreError};

/// A step of a case's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub step: Step,
    /// When.
    pub at: Moment,
    /// Whether that is the platform's clock; else it is ours.
    pub by_platform: bool,
    /// Who.
    pub actor: String,
    /// In words.
    pub detail: String,
}

/// What a person says of a case.
#[derive(Debug, Clone, Copy)]
pub struct CaseWish<'a> {
    /// What became of the parcel.
    pub resolution: Resolution,
    /// The claim's number at the marketplace or the courier.
    pub reference: Option<&'a str>,
    /// Kept with the case.
    pub note: Option<&'a str>,
}

/// The story that a marketplace's appeal asks for, oldest first: what the order's log and the platform's own times say.
#[must_use]
pub fn story(case: &CaseRecord, order: &OrderRecord, entries: &[EntryRecord]) -> Vec<Told> {
    let mut told: Vec<Told> = entries
        .iter()
        .filter_map(|entry| {
            let step = Step::of_log(&entry.action, &entry.detail)?;
            let (actor, detail) = (entry.actor.clone(), entry.detail.clone());
            Some(Told { step, at: entry.at, by_platform: false, actor, detail })
        })
        .collect();
    let platform =
        |step, at, detail| Told { step, at, by_platform: true, actor: order.platform.title().to_owned(), detail };
    if let Some(at) = order.canceled_at {
        let by = order.cancelled_by.map_or("somebody", domain::snapshot::Initiator::as_str);
        let reason = order.cancel_reason.as_deref().filter(|reason| !reason.is_empty());
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        told.push(platform(Step::CancelConfirmed, at, format!("canceled, by {by}{reason}")));
    }
    told.push(platform(Step::CourierScan, case.scanned_at, format!("scanned by the courier ({})", case.scanned_as)));
    // The platform tells whole seconds: steps of one second stand in the order in which they follow each other.
    told.sort_by_key(|told| (told.at.seconds(), told.step, told.at));
    told
}

/// The movements of a line's steps, all where the line left from.
pub(crate) fn movements_of(
    order: &OrderRecord,
    line: &LineRecord,
    steps: &[rules::Step],
    actor: &str,
) -> Vec<Movement> {
    let movement = |step: &rules::Step| Movement {
        key: format!("{}/{}/{}/{}/{}", order.id, line.id, line.merchant_sku, step.cause, step.start),
        warehouse: line.warehouse.clone(),
        sku: line.merchant_sku.clone(),
        from: step.from,
        to: step.to,
        units: step.units,
        cause: step.cause,
        order: Some(order.id.clone()),
        line: Some(line.id.clone()),
        actor: actor.to_owned(),
    };
    steps.iter().map(movement).collect()
}

/// Whether a read says that a courier has the parcel of an order that we hold as canceled; the platform's own word for it.
pub(crate) fn courier_scan_in(before: &OrderRecord, snapshot: &OrderSnapshot) -> Option<String> {
    if before.standing != Standing::Canceled || snapshot.updated_at <= before.platform_updated_at {
        return None;
    }
    if matches!(snapshot.standing, Standing::Shipped | Standing::Completed) {
        return Some(snapshot.platform_status.clone());
    }
    let on_its_way = |stage: Stage| matches!(stage, Stage::HandedOver | Stage::Delivered);
    let scanned = snapshot.packages.iter().find(|package| {
        let known = before.packages.iter().find(|known| known.number == package.number);
        // What we scanned out waited for its courier; what he had before the cancel is no news.
        on_its_way(package.stage) && known.is_some_and(|known| known.scanned_out || known.stage < Stage::HandedOver)
    });
    scanned.map(|package| package.platform_status.clone())
}

impl Engine {
    /// Opens a case for a canceled order that a courier scanned, once, and moves its units out of the house. The order stays
    /// canceled.
    pub(crate) async fn note_courier_scan(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: OrderRecord,
        snapshot: &OrderSnapshot,
        scanned_as: String,
    ) -> Result<Applied, EngineError> {
        let now = self.clock.now();
        let merchant = before.merchant.clone();
        let ids = std::slice::from_ref(&before.id);
        if !cases::of_orders(session, &merchant, ids).await?.is_empty() {
            return Ok(Applied { order: before, read_again: false, stale: true });
        }
        let mut after = before.clone();
        after.packages = changed_packages(&before, &snapshot.packages);
        for package in &mut after.packages {
            package.scanned_out = false;
        }
        after.scanned_out = false;
        after.stage = before.stage.max(Stage::HandedOver);
        after.platform_updated_at = snapshot.updated_at;
        after.updated_at = now;
        let units = before.lines.iter().map(|line| line.quantity).sum();
        let mut unexplained = Vec::new();
        let mut movements = Vec::new();
        if shop.record.is_counted() && commands::is_ours(&before) && !before.left_before_counting {
            let skus: Vec<MerchantSku> = before.lines.iter().map(|line| line.merchant_sku.clone()).collect();
            let mut shelves = stock::available(session, &merchant, &skus).await?;
            for line in &mut after.lines {
                let shelf = shelves.entry((line.warehouse.clone(), line.merchant_sku.clone())).or_insert(0);
                let there = u32::try_from(*shelf).unwrap_or(0);
                let scanned = rules::courier_scan(&line.stock, line.quantity, there);
                for step in scanned.steps.iter().filter(|step| step.from == rules::Bucket::Available) {
                    *shelf -= i64::from(step.units);
                }
                movements.extend(movements_of(&before, line, &scanned.steps, "platform"));
                line.stock = scanned.after;
                if scanned.unexplained > 0 {
                    unexplained.push(Unexplained {
                        line: line.id.clone(),
                        warehouse: line.warehouse.clone(),
                        sku: line.merchant_sku.clone(),
                        units: scanned.unexplained,
                    });
                }
            }
        }
        let placement = place(after.standing, after.fulfilled_by, marks(&after, false), None);
        (after.list, after.tab) = (placement.list, placement.tab);
        orders::update(session, &before, &after).await?;
        stock::write(session, &merchant, &movements, now).await?;
        let case = CaseRecord {
            order: before.id.clone(),
            shop: before.shop.clone(),
            state: State::Open,
            opened_at: now,
            scanned_at: snapshot.updated_at,
            scanned_as,
            units,
            unexplained: unexplained.iter().map(|line| line.units).sum(),
            came_back_at: None,
            reference: None,
            note: None,
            ended: None,
        };
        cases::open(session, &merchant, &case).await?;
        cases::note_unexplained(session, &merchant, &before.id, &unexplained).await?;
        let mut detail = format!("{} is canceled, and the courier has it ({})", before.number, case.scanned_as);
        if case.unexplained > 0 {
            detail = format!("{detail}; {} of its units were in no bucket", case.unexplained);
        }
        self.log_case(session, &before, "platform", "case.opened", &detail).await?;
        after.version = before.version + 1;
        Ok(Applied { order: after, read_again: false, stale: true })
    }

    /// Takes a person's word of a case: its units wait to be stocked in again, are lost and claimed, or nothing more happens.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn resolve_case(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        wish: CaseWish<'_>,
    ) -> Result<CaseRecord, CommandError> {
        let before = self.order_for(session, merchant, order, None).await?;
        let ids = std::slice::from_ref(order);
        stock::lock(session, merchant, ids).await?;
        let mut case = cases::of_orders(session, merchant, ids).await?.pop().ok_or(CommandError::NoOrder)?;
        let Some(state) = case.state.after(wish.resolution) else {
            let detail = format!("This case is {} already.", case.state);
            return Err(CommandError::WrongList(detail));
        };
        let now = self.clock.now();
        let resolve: Option<fn(&rules::LineStock) -> Visited> = match wish.resolution {
            Resolution::CameBack => Some(rules::come_back),
            Resolution::Claimed => Some(rules::claim),
            Resolution::Closed => None,
        };
        let mut after = before.clone();
        let mut movements = Vec::new();
        if let Some(resolve) = resolve {
            for line in &mut after.lines {
                let visited = resolve(&line.stock);
                movements.extend(movements_of(&before, line, &visited.steps, actor));
                line.stock = visited.after;
            }
            after.updated_at = now;
            let placement = place(after.standing, after.fulfilled_by, marks(&after, false), None);
            (after.list, after.tab) = (placement.list, placement.tab);
            orders::update(session, &before, &after).await?;
            stock::write(session, merchant, &movements, now).await?;
        }
        case.state = state;
        case.came_back_at = if wish.resolution == Resolution::CameBack { Some(now) } else { case.came_back_at };
        case.reference = wish.reference.map(str::to_owned).or(case.reference);
        case.note = wish.note.map(str::to_owned).or(case.note);
        case.ended = (!state.is_watched()).then(|| (actor.to_owned(), now));
        cases::save(session, merchant, &case).await?;
        let reference =
            case.reference.as_deref().map(|reference| format!(", reference {reference}")).unwrap_or_default();
        let note = wish.note.map(|note| format!(": {note}")).unwrap_or_default();
        let detail = format!("case of {}: {state}{reference}{note}", before.number);
        self.log_case(session, &before, actor, action_of(state), &detail).await?;
        Ok(case)
    }

    /// Ends the cases whose units have all been stocked in.
    pub(crate) async fn end_stocked_in_cases(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        orders: &[OrderId],
    ) -> Result<(), EngineError> {
        let mut watched = cases::of_orders(session, merchant, orders).await?;
        watched.retain(|case| case.state == State::CameBack);
        if watched.is_empty() {
            return Ok(());
        }
        let ids: Vec<OrderId> = watched.iter().map(|case| case.order.clone()).collect();
        for order in orders::load(session, merchant, &ids).await?.into_iter().filter(|order| order.returning() == 0) {
            let Some(case) = watched.iter_mut().find(|case| case.order == order.id) else { continue };
            case.state = State::StockedIn;
            case.ended = Some((actor.to_owned(), self.clock.now()));
            cases::save(session, merchant, case).await?;
            let detail = format!("case of {}: its units are stocked in", order.number);
            self.log_case(session, &order, actor, action_of(State::StockedIn), &detail).await?;
        }
        Ok(())
    }

    async fn log_case(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            actor,
            action,
            shop: Some(&order.shop),
            order: Some(&order.id),
            subject: order.number.as_str(),
            detail,
        };
        log::write(session, &order.merchant, self.clock.now(), &entry).await
    }
}

const fn action_of(state: State) -> &'static str {
    match state {
        State::Open => "case.opened",
        State::CameBack => "case.came_back",
        State::StockedIn => "case.stocked_in",
        State::Claimed => "case.claimed",
        State::Closed => "case.closed",
    }
}
