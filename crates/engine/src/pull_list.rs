//! The pull list: printed parcels that must be taken out of the pile, and who took them out.

use crate::{Engine, EngineError};
use domain::ids::{MerchantId, PackageNumber, ShopId};
use domain::policy::Standing;
use std::collections::HashMap;
use store::log::{self, Entry};
use store::orders::{self, OrderRecord};
use store::prints::{self, ToPull};
use store::{Session, StoreError};

/// Why a parcel must be taken out of the pile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The order is canceled.
    Canceled,
    /// Units of it are canceled; the others go on.
    PartlyCanceled,
    /// A cancel of it is under way.
    CancelPending,
    /// The buyer waits for an answer.
    RequestOpen,
}

impl Why {
    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::PartlyCanceled => "partly_canceled",
            Self::CancelPending => "cancel_pending",
            Self::RequestOpen => "request_open",
        }
    }

    /// What stands against an order's parcels, if anything does.
    #[must_use]
    pub fn of(order: &OrderRecord) -> Option<Self> {
        match order.standing {
            Standing::Canceled => Some(Self::Canceled),
            _ if order.cancelling => Some(Self::CancelPending),
            Standing::CancelRequested => Some(Self::RequestOpen),
            _ if order.returning() > 0 => Some(Self::PartlyCanceled),
            _ => None,
        }
    }
}

/// A parcel on the pull list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Where it was printed.
    pub printed: ToPull,
    /// Its order.
    pub order: OrderRecord,
    /// Why it is to be taken out.
    pub why: Why,
}

impl Engine {
    /// What must be taken out of the pile, print by print, in the order of printing.
    ///
    /// # Errors
    /// [`EngineError`] of the store.
    pub async fn pull_list(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shops: Option<&[ShopId]>,
        limit: u32,
    ) -> Result<Vec<Pull>, EngineError> {
        let found = prints::to_pull(session, merchant, shops, limit).await?;
        let mut ids: Vec<_> = found.iter().map(|printed| printed.order.clone()).collect();
        ids.sort();
        ids.dedup();
        let loaded = orders::load(session, merchant, &ids).await?;
        let loaded: HashMap<_, _> = loaded.into_iter().map(|order| (order.id.clone(), order)).collect();
        let pull = |printed: ToPull| {
            let order = loaded.get(&printed.order)?.clone();
            Some(Pull { why: Why::of(&order)?, order, printed })
        };
        Ok(found.into_iter().filter_map(pull).collect())
    }

    /// Notes that parcels of an order were taken out of the pile; answers which were on the pull list.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn pull(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        package: Option<&PackageNumber>,
        actor: &str,
    ) -> Result<Vec<ToPull>, StoreError> {
        let now = self.clock.now();
        let ids = std::slice::from_ref(&order.id);
        let mut pulled = Vec::new();
        for printed in prints::to_pull_of(session, &order.merchant, ids).await? {
            if package.is_some_and(|named| *named != printed.package) {
                continue;
            }
            if prints::pulled(session, &order.merchant, &order.id, &printed.package, actor, now).await? {
                let detail = match &printed.print {
                    Some((batch, position)) => {
                        format!("parcel {} taken out of print {batch}, place {position}", printed.package)
                    }
                    None => format!("parcel {} taken out of the pile", printed.package),
                };
                let entry = Entry {
                    actor,
                    action: "order.pulled",
                    shop: Some(&order.shop),
                    order: Some(&order.id),
                    subject: order.number.as_str(),
                    detail: &detail,
                };
                log::write(session, &order.merchant, now, &entry).await?;
                pulled.push(printed);
            }
        }
        Ok(pulled)
    }
}
