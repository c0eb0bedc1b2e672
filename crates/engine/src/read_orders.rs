//! Reading orders from their platform: in batches, many at once, and what each read says of each order.

use crate::mappings::meanings;
use crate::reconcile::adopt;
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use connectors::call::{CallError, Pause, Remedy};
use connectors::connector::{Connector, ConnectorError, OrdersRead};
use domain::ids::{ListingId, OrderId, OrderNumber};
use domain::mapping::own_code;
use domain::snapshot::{ListingSnapshot, OrderSnapshot};
use domain::time::{Moment, Span};
use futures_util::{StreamExt as _, stream};
use std::collections::{BTreeSet, HashMap};
use store::jobs::{self, Claim, Lease};
use store::orders::OrderRecord;
use store::stock::{self, ListingRecord};
use store::{Session, closed_listings, orders, stock_pushes};

/// What one read says of one order.
#[derive(Debug, Clone)]
pub(crate) enum ReadOf {
    /// The order.
    Order(Box<OrderSnapshot>),
    /// The platform does not know it.
    Missing,
    /// The platform said nothing about it.
    Failed {
        /// When to ask again at the earliest.
        retry_after: Span,
        /// Why, for people.
        why: String,
    },
}

/// A read of some orders.
pub(crate) struct Reads {
    /// When it began, on the real clock: what was written after this may not be in it.
    pub(crate) began_at: Moment,
    of: HashMap<OrderNumber, ReadOf>,
}

impl Reads {
    pub(crate) fn of(&self, number: &OrderNumber) -> ReadOf {
        let unread = || ReadOf::Failed { retry_after: Span::from_seconds(1), why: "it was not read".to_owned() };
        self.of.get(number).cloned().unwrap_or_else(unread)
    }
}

/// How long to wait after a read that failed without a hint.
const READ_PAUSE: Span = Span::from_millis(500);
/// How long to wait after a read that the platform refused: a person is told, and the platform is asked again.
const REFUSED_PAUSE: Span = Span::from_seconds(30);

pub(crate) fn pause_after(error: &CallError) -> Span {
    match error.remedy {
        Remedy::RetryAfter(span) | Remedy::Pause(Pause { span, .. }) => span,
        Remedy::Unknown | Remedy::TokenExpired => READ_PAUSE,
        Remedy::Reauthorize | Remedy::Rejected | Remedy::Bug => REFUSED_PAUSE,
    }
}

impl Engine {
    /// Reads orders from the platform. Never fails as a whole: each order has its own answer.
    pub(crate) async fn read_from_platform(&self, shop: &OpenShop, numbers: &[OrderNumber]) -> Reads {
        let began_at = self.clock.now();
        // Made one by one: a closure over borrowed batches would make the future unfit for a worker's task.
        let mut batches = Vec::new();
        for batch in numbers.chunks(shop.policy.read_batch.max(1)) {
            batches.push(self.read_batch(shop, batch));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let batches: Vec<_> = stream::iter(batches).buffer_unordered(in_flight).collect().await;
        Reads { began_at, of: batches.into_iter().flatten().collect() }
    }

    async fn read_batch(&self, shop: &OpenShop, numbers: &[OrderNumber]) -> Vec<(OrderNumber, ReadOf)> {
        match self.read_once(shop, numbers).await {
            Ok(read) => read,
            // One order that the platform refuses, or that cannot be read, must not hide the others.
            Err(error) if numbers.len() > 1 && matches!(error.remedy, Remedy::Rejected | Remedy::Bug) => {
                let mut read = Vec::with_capacity(numbers.len());
                for number in numbers {
                    let one = std::slice::from_ref(number);
                    read.extend(self.read_once(shop, one).await.unwrap_or_else(|error| failed(one, &error)));
                }
                read
            }
            Err(error) => failed(numbers, &error),
        }
    }

    async fn read_once(
        &self,
        shop: &OpenShop,
        numbers: &[OrderNumber],
    ) -> Result<Vec<(OrderNumber, ReadOf)>, CallError> {
        let build = |connector: &dyn Connector, now| Ok::<_, CallError>(connector.read_orders(numbers, now));
        let mut read = self.call(shop, None, build).await?;
        let snapshots = loop {
            match read {
                OrdersRead::Orders(snapshots) => break snapshots,
                OrdersRead::Ask(call) => read = self.send(shop, None, *call).await?,
            }
        };
        let mut found: HashMap<OrderNumber, OrderSnapshot> =
            snapshots.into_iter().map(|snapshot| (snapshot.number.clone(), snapshot)).collect();
        let of =
            |number: &OrderNumber| found.remove(number).map_or(ReadOf::Missing, |order| ReadOf::Order(Box::new(order)));
        Ok(numbers.iter().cloned().zip(numbers.iter().map(of)).collect())
    }

    /// Works on `read_order` jobs: reads the orders and applies what the platform says.
    pub(crate) async fn read_wanted_orders(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let mut numbers = Vec::with_capacity(claims.len());
        for claim in claims {
            numbers.extend(OrderNumber::parse(claim.subject.as_str()));
        }
        let reads = self.read_from_platform(shop, &numbers).await;
        for claims in claims.chunks(ORDERS_PER_COMMIT) {
            let mut session = self.store.begin().await?;
            let merchant = &shop.record.merchant;
            let named: Vec<_> =
                claims.iter().filter_map(|claim| OrderNumber::parse(claim.subject.as_str()).ok()).collect();
            let known = orders::ids_by_number(&mut session, merchant, &shop.record.id, &named).await?;
            let known: Vec<OrderId> = known.into_values().collect();
            orders::lock(&mut session, merchant, &known).await?;
            stock::lock(&mut session, merchant, &known).await?;
            let loaded = orders::load(&mut session, merchant, &known).await?;
            let mut loaded: HashMap<_, _> = loaded.into_iter().map(|order| (order.number.clone(), order)).collect();
            for claim in claims {
                session.savepoint().await?;
                match self.apply_read(&mut session, shop, lease, claim, &reads, &mut loaded).await {
                    Ok(true) => session.release().await?,
                    Ok(false) => session.undo().await?,
                    Err(EngineError::Store(error)) if error.is_passing() => {
                        session.undo().await?;
                        let now = self.clock.now();
                        jobs::again(&mut session, lease, claim, now.plus(READ_PAUSE), now).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            session.commit().await?;
        }
        self.wake();
        Ok(())
    }

    /// Applies one order's read and ends its job; false where the lease was lost.
    async fn apply_read(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        lease: &Lease,
        claim: &Claim,
        reads: &Reads,
        loaded: &mut HashMap<OrderNumber, OrderRecord>,
    ) -> Result<bool, EngineError> {
        let now = self.clock.now();
        let Ok(number) = OrderNumber::parse(claim.subject.as_str()) else {
            return Ok(jobs::finish(session, lease, claim, now).await?);
        };
        match reads.of(&number) {
            ReadOf::Order(snapshot) => {
                let before = loaded.remove(&number);
                let applied = self.apply(session, shop, before, &snapshot, reads.began_at).await?;
                if applied.read_again {
                    return Ok(jobs::again(session, lease, claim, now, now).await?);
                }
                Ok(jobs::finish(session, lease, claim, now).await?)
            }
            // A number that the platform never knew is dropped; an order of ours stays as it was last seen.
            ReadOf::Missing => Ok(jobs::finish(session, lease, claim, now).await?),
            ReadOf::Failed { retry_after, why } => {
                tracing::debug!(shop = %shop.record.id, number = %number, why, "read failed");
                let pause = READ_PAUSE.doubled(claim.tries.saturating_sub(1), REFUSED_PAUSE);
                let wake_at = now.plus(if pause > retry_after { pause } else { retry_after });
                Ok(jobs::again(session, lease, claim, wake_at, now).await?)
            }
        }
    }

    /// Works on `read_listings` jobs: a cancel of each of these orders has settled. Reads the stock of the orders' listings,
    /// each listing once, keeps it, and asks for a push of every listing of their SKUs: platforms put cancelled units back by
    /// themselves, also where nothing changed for us.
    pub(crate) async fn read_wanted_listings(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let ids: Vec<OrderId> = claims.iter().filter_map(|claim| OrderId::parse(claim.subject.as_str()).ok()).collect();
        let mut session = self.store.read().await?;
        let orders = orders::load(&mut session, &shop.record.merchant, &ids).await?;
        drop(session);
        let listings = orders.iter().flat_map(|order| order.lines.iter().map(|line| line.listing.clone()));
        let listings: Vec<ListingId> = listings.collect::<BTreeSet<_>>().into_iter().collect();
        let read = self.read_listings(shop, &listings).await;
        let now = self.clock.now();
        let mut session = self.store.begin().await?;
        self.keep_listings(&mut session, shop, &read.snapshots, now).await?;
        // Whether this shop could be read or not: the others are to show the right number meanwhile.
        let skus: BTreeSet<_> =
            orders.iter().flat_map(|order| order.lines.iter().map(|line| &line.merchant_sku)).collect();
        stock_pushes::want_of_skus(&mut session, &shop.record.merchant, skus, now);
        for claim in claims {
            match &read.failed {
                Some(error) => {
                    let pause = READ_PAUSE.doubled(claim.tries.saturating_sub(1), REFUSED_PAUSE);
                    jobs::again(&mut session, lease, claim, now.plus(pause.max(pause_after(error))), now).await?;
                }
                None => {
                    jobs::finish(&mut session, lease, claim, now).await?;
                }
            }
        }
        session.commit().await?;
        self.wake();
        Ok(())
    }

    /// Reads listings from the platform, group by group.
    pub(crate) async fn read_listings(&self, shop: &OpenShop, listings: &[ListingId]) -> ListingReads {
        let groups = shop.connector.listing_groups(listings);
        let mut answers = Vec::new();
        for group in &groups {
            answers.push(self.read_group(shop, group));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let answers: Vec<_> = stream::iter(answers).buffer_unordered(in_flight).collect().await;
        let mut reads = ListingReads { snapshots: Vec::new(), failed: None };
        for answer in answers {
            match answer {
                Ok(snapshots) => reads
                    .snapshots
                    .extend(snapshots.into_iter().filter(|snapshot| listings.contains(&snapshot.listing))),
                Err(error) => reads.failed = Some(error),
            }
        }
        // Kept in one order by everyone, so that nobody waits for another's rows in a circle.
        reads.snapshots.sort_by(|one, other| one.listing.cmp(&other.listing));
        reads
    }

    async fn read_group(&self, shop: &OpenShop, group: &[ListingId]) -> Result<Vec<ListingSnapshot>, CallError> {
        self.call(shop, None, |connector, now| connector.read_listings(group, now).map_err(refused)).await
    }

    pub(crate) async fn keep_listings(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        snapshots: &[ListingSnapshot],
        now: Moment,
    ) -> Result<(), EngineError> {
        let merchant = &shop.record.merchant;
        let ids: Vec<ListingId> = snapshots.iter().map(|snapshot| snapshot.listing.clone()).collect();
        let known = stock::merchant_skus(session, merchant, &shop.record.id, &ids).await?;
        let fresh = snapshots.iter().filter(|snapshot| !known.contains_key(&snapshot.listing));
        let codes: Vec<_> = fresh.map(|snapshot| snapshot.listing_sku.clone()).collect();
        let meanings = meanings(session, merchant, &shop.record.id, &codes).await?;
        for snapshot in snapshots {
            let known = known.get(&snapshot.listing);
            let record = ListingRecord {
                shop: shop.record.id.clone(),
                listing: snapshot.listing.clone(),
                listing_sku: snapshot.listing_sku.clone(),
                merchant_sku: known.cloned().unwrap_or_else(|| own_code(&snapshot.listing_sku)),
                name: snapshot.name.clone(),
                stock: snapshot.stock,
                read_at: now,
                held: false,
            };
            if known.is_some() {
                stock::save_listing(session, merchant, &record).await?;
            } else {
                adopt(session, merchant, record, &meanings).await?;
            }
        }
        if !ids.is_empty() {
            closed_listings::opened_there(session, merchant, &shop.record.id, &ids, now).await?;
        }
        Ok(())
    }
}

/// What reading listings brought.
pub(crate) struct ListingReads {
    pub(crate) snapshots: Vec<ListingSnapshot>,
    /// The last call that failed.
    pub(crate) failed: Option<CallError>,
}

/// Orders that one transaction applies: enough to share a commit, few enough not to hold others up.
pub(crate) const ORDERS_PER_COMMIT: usize = 50;

fn failed(numbers: &[OrderNumber], error: &CallError) -> Vec<(OrderNumber, ReadOf)> {
    let retry_after = pause_after(error);
    numbers.iter().map(|number| (number.clone(), ReadOf::Failed { retry_after, why: error.to_string() })).collect()
}

/// A request that could not be built, told as a call that went wrong for good.
pub(crate) fn refused(error: ConnectorError) -> CallError {
    let story = connectors::call::Story { message: error.to_string(), ..connectors::call::Story::default() };
    CallError { remedy: Remedy::Bug, story }
}
