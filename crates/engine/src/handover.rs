//! The handover check: one act before the courier signs. Every parcel of the pile is read again from its platform, and those
//! that must not go are named.
//!
//! The pile of a shop and carrier is what was scanned out and no courier has scanned, together with what was canceled or is
//! asked to be since: that left the list To Pickup, and still lies in the pile.

use crate::read_orders::{ORDERS_PER_COMMIT, ReadOf};
use crate::scan::Parcel;
use crate::{Engine, EngineError};
use domain::ids::{MerchantId, OrderId, OrderNumber, PackageNumber, ShopId};
use domain::scan::{Verdict, judge};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::handovers::{self, CheckedParcel, HandoverCheck};
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::{Session, StoreError, prints, stock};

/// The most parcels of one check.
pub const PARCELS_MAX: usize = 500;

/// Which pile is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PileWish {
    /// Of this shop.
    pub shop: Option<ShopId>,
    /// For this carrier.
    pub carrier: Option<String>,
    /// These tracking, package or order numbers, scanned one by one; empty means what is known of the pile.
    pub codes: Vec<String>,
}

/// A pile whose orders were read again.
#[derive(Debug, Clone, Default)]
pub struct PileRead {
    parcels: Vec<(OrderId, Option<PackageNumber>)>,
    unread: HashMap<OrderId, String>,
    unknown: Vec<String>,
}

impl PileRead {
    /// How many parcels it has.
    #[must_use]
    pub fn parcels(&self) -> usize {
        self.parcels.len()
    }
}

impl Engine {
    /// Finds the parcels of a pile and reads their orders again from the platforms; what they say is applied and kept. To be
    /// called before the transaction of [`Engine::check_handover`].
    ///
    /// # Errors
    /// [`EngineError`] of the store or of a shop's credentials; a silent platform is none.
    pub async fn read_pile(
        &self,
        merchant: &MerchantId,
        shops: Option<&[ShopId]>,
        wish: &PileWish,
    ) -> Result<PileRead, EngineError> {
        let mut session = self.store.read().await?;
        let mut pile = if wish.codes.is_empty() {
            self.known_pile(&mut session, merchant, shops, wish).await?
        } else {
            self.scanned_pile(&mut session, merchant, shops, &wish.codes).await?
        };
        let mut ids: Vec<OrderId> = pile.parcels.iter().map(|(order, _)| order.clone()).collect();
        ids.sort();
        ids.dedup();
        let known = orders::load(&mut session, merchant, &ids).await?;
        drop(session);
        let mut by_shop: BTreeMap<ShopId, Vec<OrderRecord>> = BTreeMap::new();
        for order in known.into_iter().filter(|order| order.platform.is_marketplace()) {
            by_shop.entry(order.shop.clone()).or_default().push(order);
        }
        for (shop, orders) in by_shop {
            self.read_orders_of_pile(merchant, &shop, &orders, &mut pile.unread).await?;
        }
        self.wake();
        Ok(pile)
    }

    /// What is known of a pile: what waits for its courier, and what was scanned out and has to be pulled since.
    async fn known_pile(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shops: Option<&[ShopId]>,
        wish: &PileWish,
    ) -> Result<PileRead, EngineError> {
        let one = wish.shop.clone().map(|shop| vec![shop]);
        let shops = one.as_deref().or(shops);
        let limit = u32::try_from(PARCELS_MAX + 1).unwrap_or(u32::MAX);
        let waiting = handovers::in_pile(session, merchant, shops, wish.carrier.as_deref(), limit).await?;
        let mut pile = PileRead::default();
        pile.parcels.extend(waiting.into_iter().map(|(order, package)| (order, Some(package))));
        let known: HashSet<_> = pile.parcels.iter().cloned().collect();
        let to_pull = prints::to_pull(session, merchant, shops, limit).await?;
        let ids: Vec<OrderId> = to_pull.iter().map(|printed| printed.order.clone()).collect();
        let loaded = orders::load(session, merchant, &ids).await?;
        for printed in to_pull {
            let order = loaded.iter().find(|order| order.id == printed.order);
            let package = order.and_then(|order| order.packages.iter().find(|one| one.number == printed.package));
            let is_meant = package.is_some_and(|package| {
                package.scanned_out && wish.carrier.as_ref().is_none_or(|carrier| package.carrier == *carrier)
            });
            let parcel = (printed.order, Some(printed.package));
            if is_meant && !known.contains(&parcel) {
                pile.parcels.push(parcel);
            }
        }
        Ok(pile)
    }

    async fn scanned_pile(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shops: Option<&[ShopId]>,
        codes: &[String],
    ) -> Result<PileRead, EngineError> {
        let mut pile = PileRead::default();
        let mut named = HashSet::new();
        for code in codes {
            match self.look_up(session, merchant, shops, code).await?.parcel {
                Some(parcel) => {
                    let parcel = (parcel.order.id, parcel.package);
                    if named.insert(parcel.clone()) {
                        pile.parcels.push(parcel);
                    }
                }
                None => pile.unknown.push(code.trim().to_owned()),
            }
        }
        Ok(pile)
    }

    async fn read_orders_of_pile(
        &self,
        merchant: &MerchantId,
        shop: &ShopId,
        orders: &[OrderRecord],
        unread: &mut HashMap<OrderId, String>,
    ) -> Result<(), EngineError> {
        let shop = self.open_shop(merchant, shop).await?;
        if !shop.record.authorised {
            let why = "the shop has to be authorised again";
            unread.extend(orders.iter().map(|order| (order.id.clone(), why.to_owned())));
            return Ok(());
        }
        let numbers: Vec<OrderNumber> = orders.iter().map(|order| order.number.clone()).collect();
        let reads = self.read_from_platform(&shop, &numbers).await;
        for part in orders.chunks(ORDERS_PER_COMMIT) {
            let ids: Vec<OrderId> = part.iter().map(|order| order.id.clone()).collect();
            let mut session = self.store.begin().await?;
            orders::lock(&mut session, merchant, &ids).await?;
            stock::lock(&mut session, merchant, &ids).await?;
            for before in orders::load(&mut session, merchant, &ids).await? {
                let id = before.id.clone();
                let snapshot = match reads.of(&before.number) {
                    ReadOf::Order(snapshot) => snapshot,
                    ReadOf::Missing => {
                        unread.insert(id, "the platform does not know it".to_owned());
                        continue;
                    }
                    ReadOf::Failed { why, .. } => {
                        unread.insert(id, why);
                        continue;
                    }
                };
                session.savepoint().await?;
                match self.apply(&mut session, &shop, Some(before), &snapshot, reads.began_at).await {
                    Ok(applied) => {
                        session.release().await?;
                        if applied.read_again {
                            unread.insert(id, "the platform's answer is older than what was sent to it".to_owned());
                        }
                    }
                    Err(EngineError::Store(error)) if error.is_passing() => {
                        session.undo().await?;
                        unread.insert(id, "the order is being changed just now".to_owned());
                    }
                    Err(error) => return Err(error),
                }
            }
            session.commit().await?;
        }
        Ok(())
    }

    /// Judges the parcels of a pile that was read, and keeps what was found; answers its id.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn check_handover(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        wish: &PileWish,
        pile: PileRead,
    ) -> Result<(String, HandoverCheck), EngineError> {
        let ids: Vec<OrderId> = pile.parcels.iter().map(|(order, _)| order.clone()).collect();
        let loaded = orders::load(session, merchant, &ids).await?;
        let loaded: HashMap<_, _> = loaded.into_iter().map(|order| (order.id.clone(), order)).collect();
        let mut parcels = Vec::with_capacity(pile.parcels.len());
        for (id, package) in pile.parcels {
            let Some(order) = loaded.get(&id).cloned() else { continue };
            let (verdict, reason) = judge(self.facts_of_parcel(&Parcel { order, package: package.clone() })?);
            let unread = pile.unread.get(&id).cloned();
            parcels.push(CheckedParcel { order: id, package, verdict, reason, unread });
        }
        let now = self.clock.now();
        let check = HandoverCheck {
            shop: wish.shop.clone(),
            carrier: wish.carrier.clone(),
            parcels,
            unknown: pile.unknown,
            actor: actor.to_owned(),
            at: now,
        };
        let id = handovers::keep(session, merchant, &check).await?;
        self.log_check(session, merchant, &id, &check).await?;
        Ok((id, check))
    }

    async fn log_check(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        id: &str,
        check: &HandoverCheck,
    ) -> Result<(), StoreError> {
        let out = check.parcels.iter().filter(|parcel| parcel.verdict != Verdict::Ship).count();
        let unread = check.parcels.iter().filter(|parcel| parcel.unread.is_some()).count();
        let detail =
            format!("{} parcels read again, {out} to take out, {unread} not answered for", check.parcels.len());
        let entry = Entry {
            actor: &check.actor,
            action: "handover.checked",
            shop: check.shop.as_ref(),
            order: None,
            subject: id,
            detail: &detail,
        };
        log::write(session, merchant, check.at, &entry).await
    }
}
