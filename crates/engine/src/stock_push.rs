//! Stock push: a listing gets the number that it is to show (ADR 15).
//!
//! One job per listing, so that changes are gathered and no listing is written twice at once. The number is absolute and
//! stands in an intent before it is sent. What may have happened is looked at before anything is sent again; what was taken
//! is read back; whoever changed the stock, or held the listing, while the call was under way has it sent again.

use crate::cancel::in_words;
use crate::read_orders::{ListingReads, pause_after, refused};
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use connectors::call::{CallError, Remedy};
use connectors::connector::SetStock;
use domain::ids::{ListingId, MerchantId, MerchantSku, ShopId};
use domain::stock_push::{ListingFacts, PushOutcome, Target, makeable, target};
use domain::time::{Moment, Span};
use futures_util::{StreamExt as _, stream};
use std::collections::{BTreeSet, HashMap};
use store::bundles::Component;
use store::jobs::{self, Claim, Lease};
use store::log::{self, Entry};
use store::stock_pushes::{PushRecord, Shelf};
use store::{Session, bundles, closed_listings, new_id, shop_stock, stock_pushes};

/// How long to wait before what was not carried out is repeated, the first time.
const NOT_CARRIED_OUT_PAUSE: Span = Span::from_millis(500);
/// The same after many times.
const NOT_CARRIED_OUT_PAUSE_MAX: Span = Span::from_seconds(60);
/// How long to wait before what the platform refused is offered again, the first time: a person may have to mend it there.
const REFUSED_PAUSE: Span = Span::from_seconds(30);
/// The same after many times, and for a listing that keeps showing another number.
const LONGEST_PAUSE: Span = Span::from_seconds(3_600);
/// After so many times a listing that keeps showing another number is told to people.
const DIFFERS_TOLD_AFTER: u32 = 5;

/// A number that was sent to one listing, and what became of it.
struct Sent {
    push: PushRecord,
    outcome: PushOutcome,
    message: Option<String>,
    retry_after: Span,
}

/// The number that a listing is to show; `None`: it is left as it is.
const fn number_of(target: Option<&Target>) -> Option<i64> {
    match target {
        Some(Target::Show(number)) => Some(*number),
        Some(Target::KeepClosed) => Some(0),
        Some(Target::Leave(_)) | None => None,
    }
}

/// Whether it is not known that the platform shows what was sent last.
fn is_open(push: &PushRecord) -> bool {
    match push.outcome {
        None | Some(PushOutcome::Unknown | PushOutcome::Accepted) => push.read_back != Some(push.stock),
        Some(PushOutcome::Refused | PushOutcome::NotCarriedOut) => false,
    }
}

/// From when on a read of the listing says what became of a push.
fn settled_at(push: &PushRecord, shop: &OpenShop) -> Moment {
    match push.outcome {
        None | Some(PushOutcome::Unknown) => push.deadline.plus(shop.policy.settling),
        Some(_) => push.began_at,
    }
}

fn listings_of<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> Vec<ListingId> {
    claims.into_iter().filter_map(|claim| ListingId::parse(claim.subject.as_str()).ok()).collect()
}

impl Engine {
    /// What these listings of a shop are to show; one that is not there is missing.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn targets(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        listings: &[ListingId],
    ) -> Result<HashMap<ListingId, Target>, EngineError> {
        let settings = shop_stock::settings(session, merchant, shop).await?.ok_or(EngineError::NoShop)?;
        let wanted = stock_pushes::wanted(session, merchant, shop, listings).await?;
        let skus: BTreeSet<MerchantSku> = wanted.iter().map(|wanted| wanted.sku.clone()).collect();
        let skus: Vec<MerchantSku> = skus.into_iter().collect();
        let bundles = bundles::components(session, merchant, &skus).await?;
        let rules = shop_stock::rules(session, merchant, shop, &skus).await?;
        let parts = bundles.values().flatten().map(|component| component.sku.clone());
        let parts: BTreeSet<MerchantSku> = skus.iter().cloned().chain(parts).collect();
        let parts: Vec<MerchantSku> = parts.into_iter().collect();
        let shelves = stock_pushes::shelves(session, merchant, &parts).await?;
        let decided = wanted.into_iter().map(|wanted| {
            let itself = [Component { sku: wanted.sku.clone(), units: 1 }];
            let components = bundles.get(&wanted.sku).map_or(&itself[..], Vec::as_slice);
            let on = |warehouse: &domain::ids::WarehouseId, component: &Component| -> Shelf {
                shelves.get(&(warehouse.clone(), component.sku.clone())).copied().unwrap_or_default()
            };
            // A parcel leaves from one warehouse: what is in another completes no bundle.
            let in_each = settings.warehouses.iter().map(|warehouse| {
                makeable(components.iter().map(|component| (component.units, on(warehouse, component).available)))
            });
            let counted = |component: &Component| settings.warehouses.iter().any(|one| on(one, component).counted);
            let facts = ListingFacts {
                switched_on: settings.switched_on,
                reopen: wanted.reopen,
                held: wanted.held,
                closed: wanted.closed,
                counted: components.iter().all(counted),
                available: in_each.sum(),
            };
            (wanted.listing, target(&facts, &rules.of(&wanted.sku)))
        });
        Ok(decided.collect())
    }

    /// Works on `stock_push` jobs of one shop.
    pub(crate) async fn push_stock(&self, shop: &OpenShop, lease: &Lease, claims: &[Claim]) -> Result<(), EngineError> {
        let listings = listings_of(claims);
        let looked_at = self.listings_to_look_at(shop, &listings).await?;
        let reads = self.read_listings(shop, &looked_at).await;
        let pushes = self.decide_pushes(shop, lease, claims, (&looked_at, &reads)).await?;
        if pushes.is_empty() {
            return Ok(());
        }
        let sent = self.send_pushes(shop, pushes).await;
        let taken = sent.iter().filter(|sent| sent.outcome == PushOutcome::Accepted);
        let taken: Vec<ListingId> = taken.map(|sent| sent.push.listing.clone()).collect();
        let reads = self.read_listings(shop, &taken).await;
        self.end_pushes(shop, lease, claims, &sent, &reads).await?;
        self.wake();
        Ok(())
    }

    /// Listings that have to be read before anything is sent to them: what was sent last may have happened, or they were
    /// closed by a cancel and are touched only if they are open all the same.
    async fn listings_to_look_at(
        &self,
        shop: &OpenShop,
        listings: &[ListingId],
    ) -> Result<Vec<ListingId>, EngineError> {
        let (merchant, id, now) = (&shop.record.merchant, &shop.record.id, self.clock.now());
        let mut session = self.store.read().await?;
        let targets = self.targets(&mut session, merchant, id, listings).await?;
        let latest = stock_pushes::latest(&mut session, merchant, id, listings).await?;
        let looked_at = listings.iter().filter(|listing| {
            let open = latest.get(listing).filter(|push| is_open(push));
            match targets.get(listing) {
                None | Some(Target::Leave(_)) => false,
                Some(Target::Show(_)) => open.is_some_and(|push| settled_at(push, shop) <= now),
                Some(Target::KeepClosed) => open.is_none_or(|push| settled_at(push, shop) <= now),
            }
        });
        Ok(looked_at.cloned().collect())
    }

    /// Ends the jobs that need nothing, puts off those that have to wait, and writes the intents of the others.
    async fn decide_pushes(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
        (looked_at, reads): (&[ListingId], &ListingReads),
    ) -> Result<Vec<PushRecord>, EngineError> {
        let (merchant, id) = (&shop.record.merchant, &shop.record.id);
        let listings = listings_of(claims);
        let mut session = self.store.begin().await?;
        let now = self.clock.now();
        self.keep_listings(&mut session, shop, &reads.snapshots, now).await?;
        // Under this transaction: what was true when the listings were chosen may be true no more.
        let targets = self.targets(&mut session, merchant, id, &listings).await?;
        let latest = stock_pushes::latest(&mut session, merchant, id, &listings).await?;
        let shows: HashMap<&ListingId, i64> = reads.snapshots.iter().map(|read| (&read.listing, read.stock)).collect();
        let mut pushes = Vec::new();
        for claim in claims {
            let Ok(listing) = ListingId::parse(claim.subject.as_str()) else {
                jobs::finish(&mut session, lease, claim, now).await?;
                continue;
            };
            let Some(number) = number_of(targets.get(&listing)).filter(|_| shop.connector.capabilities().set_stock)
            else {
                jobs::finish(&mut session, lease, claim, now).await?;
                continue;
            };
            let open = latest.get(&listing).filter(|push| is_open(push));
            match (shows.get(&listing), open) {
                (Some(shown), open) => {
                    if let Some(push) = open {
                        stock_pushes::read_back(&mut session, merchant, &push.id, *shown).await?;
                    }
                    if *shown == number {
                        if number > 0 {
                            closed_listings::opened(&mut session, merchant, id, &listing, now).await?;
                        }
                        jobs::finish(&mut session, lease, claim, now).await?;
                        continue;
                    }
                }
                (None, _) if looked_at.contains(&listing) => {
                    let pause = READ_PAUSE.doubled(claim.tries.saturating_sub(1), NOT_CARRIED_OUT_PAUSE_MAX);
                    let asked = reads.failed.as_ref().map_or(Span::ZERO, pause_after);
                    jobs::again(&mut session, lease, claim, now.plus(pause.max(asked)), now).await?;
                    continue;
                }
                (None, Some(push)) => {
                    // Nothing that is still under way may arrive after what is sent now.
                    let wake_at = settled_at(push, shop).max(now);
                    jobs::again(&mut session, lease, claim, wake_at, wake_at).await?;
                    continue;
                }
                (None, None) => {}
            }
            pushes.push(PushRecord {
                id: new_id("psh", now),
                shop: id.clone(),
                listing,
                stock: number,
                began_at: now,
                deadline: now.plus(shop.policy.call_timeout).min(lease.until),
                outcome: None,
                message: None,
                answered_at: None,
                read_back: None,
            });
        }
        stock_pushes::begin(&mut session, merchant, &pushes).await?;
        session.commit().await?;
        Ok(pushes)
    }

    /// Sends what was decided, group by group, many at once.
    async fn send_pushes(&self, shop: &OpenShop, pushes: Vec<PushRecord>) -> Vec<Sent> {
        let listings: Vec<ListingId> = pushes.iter().map(|push| push.listing.clone()).collect();
        let mut by_listing: HashMap<ListingId, PushRecord> =
            pushes.into_iter().map(|push| (push.listing.clone(), push)).collect();
        let mut calls = Vec::new();
        for group in shop.connector.listing_groups(&listings) {
            calls.push(self.send_group(shop, group.iter().filter_map(|one| by_listing.remove(one)).collect()));
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let sent: Vec<Vec<Sent>> = stream::iter(calls).buffer_unordered(in_flight).collect().await;
        let mut sent: Vec<Sent> = sent.into_iter().flatten().collect();
        // Their jobs are ended in the order in which others ask for them.
        sent.sort_by(|one, other| one.push.listing.cmp(&other.push.listing));
        sent
    }

    async fn send_group(&self, shop: &OpenShop, group: Vec<PushRecord>) -> Vec<Sent> {
        match self.send_once(shop, &group).await {
            // One listing that the platform refuses must not keep the others from their number. Nothing of the group was
            // carried out.
            Err(error) if group.len() > 1 && matches!(error.remedy, Remedy::Rejected | Remedy::Bug) => {
                let mut sent = Vec::with_capacity(group.len());
                for push in group {
                    let alone = self.send_once(shop, std::slice::from_ref(&push)).await;
                    sent.extend(ended(vec![push], alone));
                }
                sent
            }
            answer => ended(group, answer),
        }
    }

    async fn send_once(&self, shop: &OpenShop, group: &[PushRecord]) -> Result<Refusals, CallError> {
        let rows: Vec<SetStock> =
            group.iter().map(|push| SetStock { listing: push.listing.clone(), stock: push.stock }).collect();
        let deadline = group.iter().map(|push| push.deadline).min();
        let build =
            |connector: &dyn connectors::connector::Connector, now| connector.set_stock(&rows, now).map_err(refused);
        let results = self.call(shop, deadline, build).await?;
        Ok(results.into_iter().map(|result| (result.listing, result.refused)).collect())
    }

    /// Writes what became of what was sent, whoever holds the jobs by now, and ends or repeats them.
    async fn end_pushes(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
        sent: &[Sent],
        reads: &ListingReads,
    ) -> Result<(), EngineError> {
        let (merchant, id) = (&shop.record.merchant, &shop.record.id);
        let listings: Vec<ListingId> = sent.iter().map(|sent| sent.push.listing.clone()).collect();
        let shows: HashMap<&ListingId, i64> = reads.snapshots.iter().map(|read| (&read.listing, read.stock)).collect();
        let mut session = self.store.begin().await?;
        let now = self.clock.now();
        self.keep_listings(&mut session, shop, &reads.snapshots, now).await?;
        let targets = self.targets(&mut session, merchant, id, &listings).await?;
        for sent in sent {
            let push = &sent.push;
            let message = sent.message.as_deref();
            stock_pushes::answered(&mut session, merchant, &push.id, sent.outcome, message, now).await?;
            let Some(claim) = claims.iter().find(|claim| claim.subject == push.listing.as_str()) else { continue };
            let tried = claim.tries.saturating_sub(1);
            let wake_at = match (sent.outcome, shows.get(&push.listing)) {
                (PushOutcome::Accepted, Some(shown)) => {
                    stock_pushes::read_back(&mut session, merchant, &push.id, *shown).await?;
                    if *shown == push.stock {
                        if *shown > 0 {
                            closed_listings::opened(&mut session, merchant, id, &push.listing, now).await?;
                        }
                        // Changed, or held, while the call was under way?
                        let wanted = number_of(targets.get(&push.listing));
                        if wanted.is_none_or(|wanted| wanted == push.stock) {
                            jobs::finish(&mut session, lease, claim, now).await?;
                            continue;
                        }
                        now
                    } else {
                        if claim.tries == DIFFERS_TOLD_AFTER {
                            self.tell_difference(&mut session, shop, push, *shown).await?;
                        }
                        now.plus(shop.policy.settling.doubled(tried, LONGEST_PAUSE))
                    }
                }
                (PushOutcome::Accepted, None) => {
                    let asked = reads.failed.as_ref().map_or(Span::ZERO, pause_after);
                    now.plus(READ_PAUSE.doubled(tried, NOT_CARRIED_OUT_PAUSE_MAX).max(asked))
                }
                (PushOutcome::Refused, _) => now.plus(REFUSED_PAUSE.doubled(tried, LONGEST_PAUSE)),
                (PushOutcome::Unknown, _) => push.deadline.plus(shop.policy.settling),
                (PushOutcome::NotCarriedOut, _) => {
                    let pause = NOT_CARRIED_OUT_PAUSE.doubled(tried, NOT_CARRIED_OUT_PAUSE_MAX);
                    now.plus(pause.max(sent.retry_after))
                }
            };
            jobs::again(&mut session, lease, claim, wake_at, now).await?;
        }
        Ok(session.commit().await?)
    }

    async fn tell_difference(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        push: &PushRecord,
        shown: i64,
    ) -> Result<(), EngineError> {
        let detail = format!("{} was sent to {} again and again, and it shows {shown}", push.stock, push.listing);
        let entry = Entry {
            actor: "countermand",
            action: "stock.push_differs",
            shop: Some(&shop.record.id),
            order: None,
            subject: push.listing.as_str(),
            detail: &detail,
        };
        Ok(log::write(session, &shop.record.merchant, self.clock.now(), &entry).await?)
    }
}

/// How long to wait after a read that failed without a hint.
const READ_PAUSE: Span = Span::from_millis(500);

/// Listings of a call that was carried out, each with the platform's words if it refused this one.
type Refusals = HashMap<ListingId, Option<String>>;

/// What became of each listing of a call.
fn ended(group: Vec<PushRecord>, answer: Result<Refusals, CallError>) -> Vec<Sent> {
    let ended = group.into_iter().map(|push| match &answer {
        Ok(results) => {
            let (outcome, message) = match results.get(&push.listing) {
                Some(None) => (PushOutcome::Accepted, None),
                Some(Some(words)) => (PushOutcome::Refused, Some(words.clone())),
                None => (PushOutcome::Unknown, Some("the answer does not name it".to_owned())),
            };
            Sent { push, outcome, message, retry_after: Span::ZERO }
        }
        Err(error) => {
            let outcome = match error.remedy {
                Remedy::Unknown => PushOutcome::Unknown,
                Remedy::Rejected | Remedy::Bug => PushOutcome::Refused,
                Remedy::RetryAfter(_) | Remedy::Pause(_) | Remedy::TokenExpired | Remedy::Reauthorize => {
                    PushOutcome::NotCarriedOut
                }
            };
            let retry_after = pause_after(error);
            Sent { push, outcome, message: Some(in_words(&error.story)), retry_after }
        }
    });
    ended.collect()
}
