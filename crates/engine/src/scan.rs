//! A scanner at the door: what a parcel must do now, and the ship scan that lets it out.
//!
//! A decision goes by what is stored. Letting out, by a scan or by a click, wants more: what was synced within two minutes
//! counts, else the platform is asked for at most two seconds. Where it does not answer, nothing is let out by itself:
//! somebody with the permission may pass the parcel, and the log says who and why.

use crate::cancel::in_words;
use crate::commands::CommandError;
use crate::read_orders::ORDERS_PER_COMMIT;
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError, LIVE_ANSWER_WITHIN};
use connectors::call::CallError;
use domain::ids::{MerchantId, OrderId, OrderNumber, PackageNumber, ShopId};
use domain::scan::{Facts, Reason, Verdict, judge};
use domain::shipment::Mark;
use domain::snapshot::OrderSnapshot;
use domain::time::{Moment, Span};
use futures_util::{StreamExt as _, stream};
use std::collections::{BTreeMap, HashMap};
use store::jobs::{self, Kind};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::scans::{self, ScanRecord};
use store::{Session, StoreError, stock};

/// How old what is known of a parcel may be for a ship scan.
pub const SYNCED_WITHIN: Span = Span::from_seconds(120);

/// A scanned parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its order.
    pub order: OrderRecord,
    /// Its package; `None` where the order's number was scanned: all of them.
    pub package: Option<PackageNumber>,
}

/// What a code names, and what is to be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The code, without what the scanner put around it.
    pub code: String,
    /// What the parcel must do now.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The parcel; `None` where there is none, or several orders have the code.
    pub parcel: Option<Parcel>,
    /// The orders that have the code, where several do.
    pub several: Vec<OrderRecord>,
}

/// How fresh what is known of a parcel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Fresh enough: synced within two minutes, or the platform was asked just now.
    Lately,
    /// Older, and the platform did not answer in time, for this reason.
    Silence(String),
    /// Somebody changes the order at this very moment.
    Changing,
}

/// What is known where a parcel is to leave, and why somebody lets it out although the platform is silent.
#[derive(Debug, Clone, Copy)]
pub struct Leave<'a> {
    /// How fresh what is known is.
    pub heard: &'a Heard,
    /// The reason of somebody with the permission.
    pub pass: Option<&'a str>,
}

/// Whether letting a parcel out wants fresh news of it: what stops it is believed as it is, what has left is not let out
/// again, and of an order made by hand nobody can be asked.
fn asks(verdict: Verdict, reason: Reason, order: &OrderRecord) -> bool {
    (verdict, reason) == (Verdict::Ship, Reason::Packed) && order.platform.is_marketplace()
}

/// What a ship scan came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipScan {
    /// The parcel as it was before, or as it is now that it is scanned out.
    pub scanned: Scanned,
    /// It was scanned out by this scan.
    pub shipped: bool,
    /// Why the platform was silent.
    pub silence: Option<String>,
    /// Its record.
    pub id: String,
}

impl Engine {
    /// What the parcel with this tracking, package or order number must do now, by what is stored. It changes nothing.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn look_up(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shops: Option<&[ShopId]>,
        code: &str,
    ) -> Result<Scanned, EngineError> {
        let code = code.trim();
        let ids = orders::ids_by_term(session, merchant, code).await?;
        let mut found: Vec<Parcel> = Vec::new();
        for order in orders::load(session, merchant, &ids).await? {
            if shops.is_some_and(|shops| !shops.contains(&order.shop)) {
                continue;
            }
            let is = |text: &str| text.eq_ignore_ascii_case(code);
            let named = order
                .packages
                .iter()
                .find(|parcel| is(parcel.number.as_str()) || parcel.tracking_number.as_deref().is_some_and(is));
            let package = named.map(|parcel| parcel.number.clone());
            if package.is_some() || is(order.number.as_str()) {
                found.push(Parcel { order, package });
            }
        }
        let scanned =
            |verdict, reason, parcel, several| Scanned { code: code.to_owned(), verdict, reason, parcel, several };
        Ok(match found.len() {
            0 => scanned(Verdict::Unknown, Reason::NoSuchParcel, None, Vec::new()),
            1 => {
                let parcel = found.remove(0);
                let (verdict, reason) = judge(self.facts_of_parcel(&parcel)?);
                scanned(verdict, reason, Some(parcel), Vec::new())
            }
            _ => {
                let several = found.into_iter().map(|parcel| parcel.order).collect();
                scanned(Verdict::Unknown, Reason::SeveralOrders, None, several)
            }
        })
    }

    pub(crate) fn facts_of_parcel(&self, parcel: &Parcel) -> Result<Facts, EngineError> {
        let order = &parcel.order;
        let mut meant =
            order.packages.iter().filter(|one| parcel.package.as_ref().is_none_or(|name| one.number == *name));
        Ok(Facts {
            standing: order.standing,
            fulfilled_by: order.fulfilled_by,
            cancelling: order.cancelling,
            voided: order.voided,
            under_way: order.shipment == Mark::Live,
            scanned_out: order.scanned_out || (!order.packages.is_empty() && meant.all(|one| one.scanned_out)),
            returning: order.returning_in(parcel.package.as_ref()) > 0,
            arranged_here: self.policy(order.platform)?.shipping.is_offered(),
        })
    }

    /// Makes sure that what is known of a parcel is fresh enough to let it out: asks the platform, for at most two
    /// seconds, where it is not. To be called before the transaction of [`Engine::ship_scan`].
    ///
    /// # Errors
    /// [`EngineError`] of the store or of the shop's credentials; a silent platform is none.
    pub async fn hear_of(&self, scanned: &Scanned) -> Result<Heard, EngineError> {
        let Some(order) = scanned.parcel.as_ref().map(|parcel| &parcel.order) else { return Ok(Heard::Lately) };
        if !asks(scanned.verdict, scanned.reason, order) {
            return Ok(Heard::Lately);
        }
        let until = self.clock.now().plus(LIVE_ANSWER_WITHIN);
        let heard = self.hear_of_shop(&[order], until).await?;
        Ok(heard.into_iter().next().map_or(Heard::Changing, |(_, heard)| heard))
    }

    /// The same of orders that are let out with a click, with all of their parcels: two seconds for all of them. To be called
    /// before the transaction of [`Engine::ship`].
    ///
    /// # Errors
    /// As [`Engine::hear_of`].
    pub async fn hear_of_orders(&self, orders: &[OrderRecord]) -> Result<HashMap<OrderId, Heard>, EngineError> {
        let until = self.clock.now().plus(LIVE_ANSWER_WITHIN);
        let mut heard = HashMap::with_capacity(orders.len());
        let mut of_shops: BTreeMap<&ShopId, Vec<&OrderRecord>> = BTreeMap::new();
        for order in orders {
            let (verdict, reason) = judge(self.facts_of_parcel(&Parcel { order: order.clone(), package: None })?);
            if asks(verdict, reason, order) {
                of_shops.entry(&order.shop).or_default().push(order);
            } else {
                heard.insert(order.id.clone(), Heard::Lately);
            }
        }
        // Made one by one: a closure over borrowed parts would make the future unfit for a worker's task.
        let mut answers = Vec::with_capacity(of_shops.len());
        for orders in of_shops.values() {
            answers.push(self.hear_of_shop(orders, until));
        }
        for answer in futures_util::future::join_all(answers).await {
            heard.extend(answer?);
        }
        Ok(heard)
    }

    /// What is fresh of these orders of one shop; the platform is asked about the others until this moment.
    async fn hear_of_shop(&self, orders: &[&OrderRecord], until: Moment) -> Result<Vec<(OrderId, Heard)>, EngineError> {
        let Some(first) = orders.first() else { return Ok(Vec::new()) };
        let (merchant, shop) = (&first.merchant, self.open_shop(&first.merchant, &first.shop).await?);
        let now = self.clock.now();
        let platform_now = self.clock.platform_now(first.platform);
        let swept = platform_now.since(shop.record.swept_to) <= SYNCED_WITHIN;
        let (mut heard, mut old) = (Vec::with_capacity(orders.len()), Vec::new());
        let mut session = self.store.read().await?;
        for order in orders {
            let number = order.number.as_str();
            let unread = jobs::waits(&mut session, merchant, &order.shop, Kind::ReadOrder, number).await?;
            let read = now.since(order.read_began_at) <= SYNCED_WITHIN;
            if !unread && (swept || read) {
                heard.push((order.id.clone(), Heard::Lately));
            } else {
                old.push(*order);
            }
        }
        drop(session);
        let silent = |orders: &[&OrderRecord], why: &str| {
            orders.iter().map(|order| (order.id.clone(), Heard::Silence(why.to_owned()))).collect::<Vec<_>>()
        };
        if old.is_empty() {
            return Ok(heard);
        }
        if !shop.record.authorised {
            heard.extend(silent(&old, "the shop's authorisation has run out"));
            return Ok(heard);
        }
        if shop.connector.access_ends() <= platform_now {
            // A renewal that is cut off here would lose the new token: a worker does it.
            heard.extend(silent(&old, "the shop's token is being renewed"));
            return Ok(heard);
        }
        let mut reads = Vec::new();
        for part in old.chunks(shop.policy.read_batch.clamp(1, ORDERS_PER_COMMIT)) {
            reads.push(self.read_part(&shop, part, until));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let reads: Vec<_> = stream::iter(reads).buffer_unordered(in_flight).collect().await;
        for (part, read) in reads {
            match read {
                Ok(snapshots) => heard.extend(self.apply_heard(&shop, part, snapshots, now).await?),
                Err(error) => heard.extend(silent(part, &in_words(&error.story))),
            }
        }
        Ok(heard)
    }

    async fn read_part<'a, 'b>(
        &self,
        shop: &OpenShop,
        part: &'a [&'b OrderRecord],
        until: Moment,
    ) -> (&'a [&'b OrderRecord], Result<Vec<OrderSnapshot>, CallError>) {
        let numbers: Vec<OrderNumber> = part.iter().map(|order| order.number.clone()).collect();
        (part, self.snapshots_within(shop, &numbers, until).await)
    }

    /// Applies what was read just now, in one transaction.
    async fn apply_heard(
        &self,
        shop: &OpenShop,
        orders: &[&OrderRecord],
        snapshots: Vec<OrderSnapshot>,
        began_at: Moment,
    ) -> Result<Vec<(OrderId, Heard)>, EngineError> {
        let mut snapshots: HashMap<OrderNumber, OrderSnapshot> =
            snapshots.into_iter().map(|snapshot| (snapshot.number.clone(), snapshot)).collect();
        let merchant = &shop.record.merchant;
        let ids: Vec<OrderId> = orders.iter().map(|order| order.id.clone()).collect();
        let mut session = self.store.begin().await?;
        orders::lock(&mut session, merchant, &ids).await?;
        stock::lock(&mut session, merchant, &ids).await?;
        let mut heard = Vec::with_capacity(orders.len());
        for before in orders::load(&mut session, merchant, &ids).await? {
            let id = before.id.clone();
            let Some(snapshot) = snapshots.remove(&before.number) else {
                heard.push((id, Heard::Silence("it does not know the order".to_owned())));
                continue;
            };
            session.savepoint().await?;
            match self.apply(&mut session, shop, Some(before), &snapshot, began_at).await {
                Ok(applied) if applied.read_again => {
                    session.undo().await?;
                    heard.push((id, Heard::Silence("its answer is older than what was sent to it".to_owned())));
                }
                Ok(_) => {
                    session.release().await?;
                    heard.push((id, Heard::Lately));
                }
                Err(EngineError::Store(error)) if error.is_passing() => {
                    session.undo().await?;
                    heard.push((id, Heard::Changing));
                }
                Err(error) => return Err(error),
            }
        }
        session.commit().await?;
        self.wake();
        Ok(heard)
    }

    /// Scans a parcel out if it may go, and keeps what was scanned and what came of it. `pass` is the reason for which
    /// somebody with the permission lets it out although the platform was silent.
    ///
    /// # Errors
    /// [`CommandError`] where somebody changes the order at the same moment.
    #[expect(clippy::too_many_arguments, reason = "who scans what, in whose shops, and what was heard of it")]
    pub async fn ship_scan(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shops: Option<&[ShopId]>,
        code: &str,
        heard: Heard,
        pass: Option<&str>,
    ) -> Result<ShipScan, CommandError> {
        let mut scanned = self.look_up(session, merchant, shops, code).await?;
        let mut silence = None;
        let mut shipped = false;
        let named = scanned.parcel.clone();
        if let (Some(parcel), Verdict::Ship, Reason::Packed) = (named, scanned.verdict, scanned.reason) {
            let heard = match heard {
                Heard::Changing => Heard::Silence("the order is being changed just now; scan it again".to_owned()),
                heard => heard,
            };
            match (&heard, pass) {
                (Heard::Silence(why), None) => {
                    (scanned.verdict, scanned.reason) = (Verdict::Stop, Reason::PlatformSilent);
                    silence = Some(why.clone());
                }
                (heard, pass) => {
                    // Read under its lock: what was looked up may have changed since.
                    let before =
                        self.order_for(session, merchant, &parcel.order.id, Some(parcel.order.version)).await?;
                    let leave = Leave { heard, pass };
                    let order = self.ship_parcel(session, actor, before, parcel.package.as_ref(), leave).await?;
                    shipped = true;
                    scanned.parcel = Some(Parcel { order, package: parcel.package });
                }
            }
        }
        let parcel = scanned.parcel.as_ref();
        if let (Some(parcel), Verdict::Stop | Verdict::StockIn, None) = (parcel, scanned.verdict, &silence) {
            self.log_stopped(session, &scanned, &parcel.order, actor).await?;
            // Whoever holds it in their hands has taken it out of the pile.
            self.pull(session, &parcel.order, parcel.package.as_ref(), actor).await?;
        }
        let record = ScanRecord {
            code: scanned.code.clone(),
            verdict: scanned.verdict,
            reason: scanned.reason,
            shipped,
            note: pass.filter(|_| shipped).map(str::to_owned),
            order: parcel.map(|parcel| parcel.order.id.clone()),
            package: parcel.and_then(|parcel| parcel.package.clone()),
            actor: actor.to_owned(),
            at: self.clock.now(),
        };
        let id = scans::keep(session, merchant, &record).await?;
        Ok(ShipScan { scanned, shipped, silence, id })
    }

    pub(crate) async fn log_passed(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        actor: &str,
        silence: &str,
        pass: &str,
    ) -> Result<(), StoreError> {
        let detail = format!("{} let pass although the platform was silent ({silence}): {pass}", order.number);
        self.log_scan(session, order, actor, "order.passed", &detail).await
    }

    async fn log_stopped(
        &self,
        session: &mut Session,
        scanned: &Scanned,
        order: &OrderRecord,
        actor: &str,
    ) -> Result<(), StoreError> {
        let detail = format!("{} was scanned and stopped: {}", order.number, scanned.reason);
        self.log_scan(session, order, actor, "order.stopped", &detail).await
    }

    async fn log_scan(
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
