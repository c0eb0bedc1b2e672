//! Asking the platform just before the operator decides: may this be cancelled now, and with which reasons?
//!
//! The answer changes nothing here. Right before a cancel is sent the platform is asked again.

use crate::cancel::{as_sold, in_words};
use crate::commands::{self, CancellationOptions, LiveAnswer};
use crate::read_orders::refused;
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError, reconcile};
use connectors::call::{Call, CallError, Remedy};
use connectors::connector::{CancelOrder, OrdersRead};
use domain::eligibility::{Blocked, Gate, OrderFacts};
use domain::ids::{LineId, OrderNumber};
use domain::policy::{Policy, Standing};
use domain::snapshot::OrderSnapshot;
use domain::time::{Moment, Span};
use store::orders::OrderRecord;

/// How long the operator waits for the platform's word before what is stored is shown.
pub const LIVE_ANSWER_WITHIN: Span = Span::from_seconds(2);
/// Versions of a check that a connector may try one after the other.
const VERSIONS_TRIED: usize = 3;

impl Engine {
    /// What the cancel dialog shows with these lines chosen: by what is stored, and by what the platform says just now.
    ///
    /// # Errors
    /// [`EngineError`] of the store or of the shop's credentials.
    pub async fn cancellation_options_now(
        &self,
        order: &OrderRecord,
        chosen: &[LineId],
    ) -> Result<CancellationOptions, EngineError> {
        let mut session = self.store.read().await?;
        let policy = self.policy_of_shop(&mut session, order).await?;
        drop(session);
        let stored = commands::options_for_lines(order, &policy, chosen);
        if stored.allowed.is_err() || !order.platform.is_marketplace() {
            return Ok(stored);
        }
        let shop = self.open_shop(&order.merchant, &order.shop).await?;
        let live = if shop.record.authorised {
            self.ask_live(&shop, order, &policy, chosen).await
        } else {
            LiveAnswer::Silent("the shop has to be authorised again".to_owned())
        };
        // Of several items one may be closed and the others not: what is said of all closes none of them.
        let undecided =
            chosen.is_empty() && stored.by_lines && order.lines.iter().filter(|line| line.live() > 0).count() > 1;
        Ok(match live {
            LiveAnswer::Closed(Blocked { gate: Gate::Eligibility, detail }) if undecided => {
                stored.with_live(order.platform, LiveAnswer::Silent(format!("of the whole order it says: {detail}")))
            }
            live => stored.with_live(order.platform, live),
        })
    }

    async fn ask_live(&self, shop: &OpenShop, order: &OrderRecord, policy: &Policy, chosen: &[LineId]) -> LiveAnswer {
        let platform_now = self.clock.platform_now(shop.record.platform);
        if shop.connector.access_ends() <= platform_now {
            // A renewal that is cut off here would lose the new token: a worker does it.
            return LiveAnswer::Silent("the shop's token is being renewed".to_owned());
        }
        let Some(cancel) = question(order, policy, chosen) else {
            return LiveAnswer::Silent("the policy has no reason".to_owned());
        };
        let until = self.clock.now().plus(LIVE_ANSWER_WITHIN);
        for _ in 0..VERSIONS_TRIED {
            let Some(check) = shop.connector.check_cancel(&cancel, platform_now) else {
                return self.read_live(shop, &order.number, policy, until).await;
            };
            let answer = match check.map_err(refused) {
                Ok(call) => self.send(shop, Some(until), call).await,
                Err(error) => Err(error),
            };
            let checked = match answer {
                Ok(checked) => checked,
                Err(error) if error.remedy == Remedy::RetryAfter(Span::ZERO) => continue,
                Err(error) => return silent(&error),
            };
            if let (Some(detail), true) = (checked.refused, checked.reasons.is_empty()) {
                return LiveAnswer::Closed(Blocked { gate: Gate::Eligibility, detail });
            }
            let taken = |code| checked.reasons.iter().any(|(taken, _)| taken == code) || checked.unasked.contains(code);
            let codes = policy.reasons.iter().map(|rule| &rule.code);
            return LiveAnswer::Open { not_taken: codes.filter(|code| !taken(code)).cloned().collect() };
        }
        LiveAnswer::Silent("no version of its check answers".to_owned())
    }

    /// What the platform says of an order just now, if it says it in time; `None` where it does not know it. Nothing is
    /// renewed for it: that is a worker's.
    pub(crate) async fn snapshot_within(
        &self,
        shop: &OpenShop,
        number: &OrderNumber,
        until: Moment,
    ) -> Result<Option<OrderSnapshot>, CallError> {
        let snapshots = self.snapshots_within(shop, std::slice::from_ref(number), until).await?;
        Ok(snapshots.into_iter().find(|snapshot| snapshot.number == *number))
    }

    /// The same of as many orders as one call reads; those that the platform does not know are left out.
    pub(crate) async fn snapshots_within(
        &self,
        shop: &OpenShop,
        numbers: &[OrderNumber],
        until: Moment,
    ) -> Result<Vec<OrderSnapshot>, CallError> {
        let platform_now = self.clock.platform_now(shop.record.platform);
        let mut call: Call<OrdersRead> = shop.connector.read_orders(numbers, platform_now);
        loop {
            match self.send(shop, Some(until), call).await? {
                OrdersRead::Orders(snapshots) => return Ok(snapshots),
                OrdersRead::Ask(next) => call = *next,
            }
        }
    }

    /// Where the read of the order brings the live answer.
    async fn read_live(&self, shop: &OpenShop, number: &OrderNumber, policy: &Policy, until: Moment) -> LiveAnswer {
        let snapshot = match self.snapshot_within(shop, number, until).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return LiveAnswer::Silent("it does not know the order".to_owned()),
            Err(error) => return silent(&error),
        };
        if snapshot.standing == Standing::Canceled {
            let detail = "The order is canceled already.".to_owned();
            return LiveAnswer::Closed(Blocked { gate: Gate::PlatformStatus, detail });
        }
        match reconcile::gates_now(snapshot.standing, &facts_of_snapshot(&snapshot), policy) {
            Ok(()) => LiveAnswer::Open { not_taken: Vec::new() },
            Err(blocked) => LiveAnswer::Closed(blocked),
        }
    }
}

fn silent(error: &CallError) -> LiveAnswer {
    LiveAnswer::Silent(in_words(&error.story))
}

/// A cancel to ask about. Any reason does: the answer names those that are taken.
fn question(order: &OrderRecord, policy: &Policy, chosen: &[LineId]) -> Option<CancelOrder> {
    let live = order.lines.iter().filter(|line| line.live() > 0);
    let live_lines = as_sold(live.clone().map(|line| (line, line.live())));
    let lines = as_sold(live.filter(|line| chosen.contains(&line.id)).map(|line| (line, line.live())));
    let by_lines = policy.partial_cancel.is_on(&order.region);
    let whole = !by_lines || lines.is_empty() || lines.len() == live_lines.len();
    let reason = policy.reasons.iter().find(|rule| whole || !rule.whole_order_only)?;
    Some(CancelOrder {
        platform: order.platform,
        number: order.number.clone(),
        reason: reason.code.clone(),
        lines: if lines.is_empty() { live_lines.clone() } else { lines },
        live_lines,
        whole,
        checked: None,
    })
}

fn facts_of_snapshot(snapshot: &OrderSnapshot) -> OrderFacts {
    OrderFacts {
        list: domain::order::List::New,
        platform_status: snapshot.platform_status.clone(),
        fulfilled_by: snapshot.fulfilled_by,
        seller_may_cancel: snapshot.seller_may_cancel,
        cancelling: false,
        cod: snapshot.cod,
        region: snapshot.region.clone(),
    }
}
