//! Labels: fetched into the cache as soon as a package is arranged, and printed from it.

use crate::commands::CommandError;
use crate::pack::put_in_place;
use crate::read_orders::pause_after;
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use connectors::call::{CallError, Remedy};
use connectors::connector::{Connector, LabelOf, LabelRead};
use domain::ids::{MerchantId, OrderId, OrderNumber, PackageNumber, PrintBatchId};
use domain::label::LabelState;
use domain::order::{List, Stage};
use domain::policy::Standing;
use domain::time::Span;
use futures_util::{StreamExt as _, stream};
use std::collections::HashMap;
use store::jobs::{self, Claim, Kind, Lease};
use store::labels::LabelRecord;
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::prints::{self, PrintBatch, PrintedLabel};
use store::{Session, StoreError, labels, new_id};

/// Calls that one label takes at the most.
const MAX_CALLS: usize = 6;
/// The longest pause between two questions for a label that is not ready.
const LONGEST_PAUSE: Span = Span::from_seconds(300);

/// What asking for a label came to.
enum Fetched {
    File { bytes: Vec<u8>, tracking_number: Option<String> },
    Preparing(Span),
    Refused(String),
}

/// A label to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// The order.
    pub order: OrderRecord,
    /// The package.
    pub package: PackageNumber,
    /// The file's name in the cache.
    pub content_hash: String,
    /// Which print of it this is, from 1.
    pub copy: u32,
}

/// Why an order's label cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPrintable {
    /// There is no copy in the cache.
    #[error("{0}: there is no cached label yet; it is fetched as soon as the platform has made it")]
    NoCachedLabel(OrderNumber),
    /// The copy is wrong since the order was packed anew.
    #[error("{0}: the cached label is stale, since the order was packed anew; the new one is being fetched")]
    Stale(OrderNumber),
    /// The order is cancelled.
    #[error("{0} is canceled; its label is printed only with a reason that is kept in the log")]
    Canceled(OrderNumber),
    /// A cancel of it is under way: its door is closed.
    #[error("A cancel of {0} is under way; its label is not printed.")]
    CancelPending(OrderNumber),
}

/// An order whose label cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The order.
    pub order: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Why.
    pub why: NotPrintable,
}

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// These orders cannot be printed; never empty, each once.
    #[error("{}", in_words(.0))]
    Refused(Vec<Refusal>),
    /// No such order, or the database.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<store::StoreError> for PrintError {
    fn from(error: store::StoreError) -> Self {
        Self::Command(error.into())
    }
}

impl Engine {
    /// Asks for the labels of an order that is in process and lacks some, when that is new.
    pub(crate) async fn want_labels(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        before: Option<&OrderRecord>,
        after: &OrderRecord,
    ) -> Result<(), EngineError> {
        let lacks = |order: &OrderRecord| {
            let waits = |label| matches!(label, LabelState::None | LabelState::Stale);
            order.standing == Standing::Arranged && order.packages.iter().any(|package| waits(package.label))
        };
        let is_new = before.is_none_or(|before| !lacks(before) || before.packages != after.packages);
        if lacks(after) && is_new && after.list == List::InProcess && shop.connector.capabilities().shipping {
            let now = self.clock.now();
            jobs::want(session, &after.merchant, &after.shop, Kind::Label, after.id.as_str(), now).await?;
        }
        Ok(())
    }

    /// Asks once more for labels that the platform refused or that are wrong.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn fetch_labels(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        order: &OrderId,
    ) -> Result<OrderRecord, CommandError> {
        let order = self.order_for(session, merchant, order, None).await?;
        if order.standing != Standing::Arranged {
            return Err(CommandError::WrongList("Only a packed order has a label to be fetched.".to_owned()));
        }
        jobs::want(session, merchant, &order.shop, Kind::Label, order.id.as_str(), self.clock.now()).await?;
        Ok(order)
    }

    /// Works on `label` jobs.
    pub(crate) async fn fetch_wanted_labels(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let merchant = &shop.record.merchant;
        let ids: Vec<OrderId> = claims.iter().filter_map(|claim| OrderId::parse(claim.subject.as_str()).ok()).collect();
        let mut session = self.store.read().await?;
        let orders = orders::load(&mut session, merchant, &ids).await?;
        drop(session);
        let mut fetches = Vec::new();
        for order in orders {
            let claim = claims.iter().find(|claim| claim.subject == order.id.as_str()).cloned();
            if let Some(claim) = claim {
                fetches.push(self.fetch_labels_of(shop, claim, order));
            }
        }
        let in_flight = shop.policy.calls_in_flight.max(1);
        let mut fetched = stream::iter(fetches).buffer_unordered(in_flight);
        while let Some((claim, order, results)) = fetched.next().await {
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, merchant, std::slice::from_ref(&order.id)).await?;
            match self.keep_labels(&mut session, lease, &claim, &order, results).await {
                Ok(true) => session.commit().await?,
                Ok(false) => drop(session),
                Err(EngineError::Store(error)) if error.is_passing() => {
                    drop(session);
                    let mut session = self.store.begin().await?;
                    let now = self.clock.now();
                    jobs::again(&mut session, lease, &claim, now.plus(Span::from_millis(100)), now).await?;
                    session.commit().await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.wake();
        Ok(())
    }

    /// Asks for every label that an order lacks.
    async fn fetch_labels_of(
        &self,
        shop: &OpenShop,
        claim: Claim,
        order: OrderRecord,
    ) -> (Claim, OrderRecord, Vec<(PackageNumber, Result<Fetched, CallError>)>) {
        let mut results = Vec::new();
        if order.standing == Standing::Arranged {
            for package in order.packages.iter().filter(|package| package.label != LabelState::Cached) {
                let label = LabelOf {
                    number: order.number.clone(),
                    package: package.number.clone(),
                    tracking_number: package.tracking_number.clone(),
                    split: order.packages.len() > 1,
                };
                results.push((package.number.clone(), self.fetch_label(shop, &label).await));
            }
        }
        (claim, order, results)
    }

    async fn fetch_label(&self, shop: &OpenShop, label: &LabelOf) -> Result<Fetched, CallError> {
        let build = |connector: &dyn Connector, now| Ok::<_, CallError>(connector.read_label(label, now));
        let mut read = self.call(shop, None, build).await;
        for _ in 0..MAX_CALLS {
            match read {
                Ok(LabelRead::Ask(call)) => read = self.send(shop, None, *call).await,
                Ok(LabelRead::File { bytes, tracking_number }) => return Ok(Fetched::File { bytes, tracking_number }),
                Ok(LabelRead::Preparing(span)) => return Ok(Fetched::Preparing(span)),
                Err(error) if error.remedy == Remedy::Rejected => {
                    return Ok(Fetched::Refused(crate::cancel::in_words(&error.story)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Fetched::Preparing(shop.policy.shipping.label_retry))
    }

    /// Keeps what was fetched and gives the job back where a label is still to come; false where the lease was lost.
    async fn keep_labels(
        &self,
        session: &mut Session,
        lease: &Lease,
        claim: &Claim,
        read: &OrderRecord,
        results: Vec<(PackageNumber, Result<Fetched, CallError>)>,
    ) -> Result<bool, EngineError> {
        let now = self.clock.now();
        let Some(before) = orders::load_one(session, &read.merchant, &read.id).await? else {
            return Ok(jobs::finish(session, lease, claim, now).await?);
        };
        let known = labels::of_orders(session, &read.merchant, std::slice::from_ref(&read.id)).await?;
        let mut known: HashMap<_, _> = known.into_iter().map(|label| (label.package.clone(), label)).collect();
        let mut after = before.clone();
        let mut again: Option<Span> = None;
        // Packed anew while the label was on its way: which of the two it shows is not known.
        let moved = before.packages.iter().map(|package| &package.number).ne(read.packages.iter().map(|p| &p.number))
            || before.standing != Standing::Arranged;
        for (number, result) in results {
            let Some(package) = after.packages.iter_mut().find(|package| package.number == number) else { continue };
            let mut label = known.remove(&number).unwrap_or_else(|| LabelRecord::new(read.id.clone(), number.clone()));
            let wait = |pause: Span| Some(again.map_or(pause, |other| other.min(pause)));
            match result {
                Ok(Fetched::File { .. }) if moved => again = wait(Span::from_seconds(1)),
                Ok(Fetched::File { bytes, tracking_number }) => {
                    label.content_hash = Some(labels::keep_file(session, &read.merchant, &bytes).await?);
                    label.state = LabelState::Cached;
                    label.message = None;
                    label.fetched_at = Some(now);
                    package.tracking_number = tracking_number.or_else(|| package.tracking_number.take());
                }
                Ok(Fetched::Preparing(pause)) => {
                    if label.state != LabelState::Stale {
                        label.state = LabelState::Pending;
                    }
                    label.message = Some("the platform is still preparing it".to_owned());
                    again = wait(pause.doubled(claim.tries.saturating_sub(1), LONGEST_PAUSE));
                }
                Ok(Fetched::Refused(words)) => {
                    label.state = LabelState::Failed;
                    label.message = Some(words);
                }
                Err(error) => {
                    label.message = Some(error.to_string());
                    let pause = pause_after(&error);
                    again = wait(pause.doubled(claim.tries.saturating_sub(1), LONGEST_PAUSE).max(pause));
                }
            }
            labels::save(session, &read.merchant, &label).await?;
            package.label = label.state;
        }
        put_in_place(&mut after);
        if after != before {
            after.updated_at = now;
            orders::update(session, &before, &after).await?;
        }
        match again {
            Some(pause) => Ok(jobs::again(session, lease, claim, now.plus(pause), now).await?),
            None => Ok(jobs::finish(session, lease, claim, now).await?),
        }
    }

    /// Marks labels as printed, before a byte of them goes out, and names the cached files. `despite` is the reason that
    /// lets a cancelled order's label through.
    ///
    /// # Errors
    /// [`PrintError`], which names every order that stands in the way; nothing is marked then.
    pub async fn print(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        wanted: &[(OrderId, Option<PackageNumber>)],
        despite: Option<&str>,
    ) -> Result<Vec<Print>, PrintError> {
        let now = self.clock.now();
        let mut ids: Vec<OrderId> = wanted.iter().map(|(order, _)| order.clone()).collect();
        ids.sort();
        ids.dedup();
        orders::lock(session, merchant, &ids).await?;
        let loaded = orders::load(session, merchant, &ids).await?;
        let mut loaded: HashMap<_, _> = loaded.into_iter().map(|order| (order.id.clone(), order)).collect();
        let known = labels::of_orders(session, merchant, &ids).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|label| ((label.order.clone(), label.package.clone()), label)).collect();
        let mut chosen: Vec<(&OrderId, Vec<(PackageNumber, String)>)> = Vec::with_capacity(wanted.len());
        let mut refusals: Vec<Refusal> = Vec::new();
        for (id, package) in wanted {
            let order = loaded.get(id).ok_or(CommandError::NoOrder)?;
            match cached_files(order, package.as_ref(), &known, despite) {
                Ok(files) => chosen.push((id, files)),
                Err(_) if refusals.iter().any(|refusal| refusal.order == *id) => {}
                Err(why) => refusals.push(Refusal { order: id.clone(), number: order.number.clone(), why }),
            }
        }
        if !refusals.is_empty() {
            return Err(PrintError::Refused(refusals));
        }
        let batch = PrintBatchId::parse(new_id("prt", now)).map_err(|_| StoreError::Conflict("the clock"))?;
        let mut prints: Vec<Print> = Vec::new();
        for (id, files) in chosen {
            let before = loaded.get(id).cloned().ok_or(CommandError::NoOrder)?;
            let mut after = before.clone();
            for (number, hash) in files {
                let label = known.get_mut(&(id.clone(), number.clone())).ok_or(StoreError::Conflict("the label"))?;
                label.prints = label.prints.saturating_add(1);
                label.printed_at = Some(now);
                label.print = Some((batch.clone(), u32::try_from(prints.len() + 1).unwrap_or(u32::MAX)));
                // Printed although it is cancelled, it is not to be looked for in the pile.
                label.pulled = (before.standing == Standing::Canceled).then(|| (actor.to_owned(), now));
                labels::save(session, merchant, label).await?;
                for package in after.packages.iter_mut().filter(|package| package.number == number) {
                    package.stage = package.stage.max(Stage::Printed);
                }
                let entry = Entry {
                    actor,
                    action: if label.prints == 1 { "label.printed" } else { "label.reprinted" },
                    shop: Some(&before.shop),
                    order: Some(&before.id),
                    subject: number.as_str(),
                    detail: &print_in_words(&before, label.prints, despite),
                };
                log::write(session, merchant, now, &entry).await?;
                prints.push(Print { order: before.clone(), package: number, content_hash: hash, copy: label.prints });
            }
            after.stage = after.stage.max(Stage::Printed);
            if after != before {
                after.updated_at = now;
                orders::update(session, &before, &after).await?;
                after.version = before.version + 1;
                loaded.insert(id.clone(), after);
            }
        }
        let labels: Vec<PrintedLabel> = (1_u32..)
            .zip(&prints)
            .map(|(position, print)| PrintedLabel {
                position,
                order: print.order.id.clone(),
                package: print.package.clone(),
                copy: print.copy,
            })
            .collect();
        let count = u32::try_from(labels.len()).unwrap_or(u32::MAX);
        let record = PrintBatch { id: batch, labels: count, actor: actor.to_owned(), at: now };
        prints::keep(session, merchant, &record, &labels).await?;
        Ok(prints)
    }
}

/// The cached files of an order's packages, or of one of them. A pending cancel closes the door; a buyer's request does
/// not: a rejected one must ship on time.
fn cached_files(
    order: &OrderRecord,
    package: Option<&PackageNumber>,
    known: &HashMap<(OrderId, PackageNumber), LabelRecord>,
    despite: Option<&str>,
) -> Result<Vec<(PackageNumber, String)>, NotPrintable> {
    let number = || order.number.clone();
    if order.cancelling {
        return Err(NotPrintable::CancelPending(number()));
    }
    if order.standing == Standing::Canceled && despite.is_none() {
        return Err(NotPrintable::Canceled(number()));
    }
    let packages: Vec<PackageNumber> = match package {
        Some(package) => vec![package.clone()],
        None => order.packages.iter().map(|package| package.number.clone()).collect(),
    };
    if packages.is_empty() {
        return Err(NotPrintable::NoCachedLabel(number()));
    }
    let file = |package: PackageNumber| {
        let label = known.get(&(order.id.clone(), package.clone()));
        match label.map(|label| (label.state, &label.content_hash)) {
            Some((LabelState::Stale, _)) => Err(NotPrintable::Stale(number())),
            Some((LabelState::Cached, Some(hash))) => Ok((package, hash.clone())),
            _ => Err(NotPrintable::NoCachedLabel(number())),
        }
    };
    packages.into_iter().map(file).collect()
}

/// The first refusal in words, and how many more there are.
fn in_words(refusals: &[Refusal]) -> String {
    let first = refusals.first().map(|refusal| refusal.why.to_string()).unwrap_or_default();
    match refusals.len() {
        0 | 1 => first,
        count => format!("{first} ({} more cannot be printed)", count - 1),
    }
}

fn print_in_words(order: &OrderRecord, copy: u32, despite: Option<&str>) -> String {
    let mut words = if copy == 1 {
        format!("label of {} printed", order.number)
    } else {
        format!("label of {} printed again, copy {copy}", order.number)
    };
    if let (Standing::Canceled, Some(reason)) = (order.standing, despite) {
        words = format!("{words}, although it is canceled: {reason}");
    }
    words
}
