//! What people say of an order at a third-party warehouse: whom to contact where it is kept, and the staff's own answer
//! through a one-time link.

use crate::warehouse_orders::lane_of;
use crate::{Engine, EngineError};
use domain::ids::{MerchantId, OrderId, WarehouseId};
use domain::time::Span;
use domain::warehouse_order::{Goods, Learnt, decide};
use domain::withdrawal::StaffAnswer;
use store::jobs::{self, Kind};
use store::orders::{self, OrderRecord};
use store::warehouse_links::{self, LinkRecord};
use store::warehouse_orders;
use store::{Session, StoreError};

/// How long a one-time link is taken.
pub const LINK_LIVES: Span = Span::from_seconds(48 * 3_600);

/// Why a one-time link is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It does not exist, was used, or is too old.
    #[error("this link was used already, or is too old; ask for a new one")]
    NotTaken,
    /// The order is at no third-party warehouse.
    #[error("this order is at no third-party warehouse")]
    NotThere,
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Makes a one-time link for a warehouse's staff: the caller shows its secret once, and keeps only the hash. Where no
    /// warehouse is named it is the one that keeps the order, if one does.
    ///
    /// # Errors
    /// [`LinkError`]; nothing is changed then.
    pub async fn make_link(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        warehouse: Option<&WarehouseId>,
        token_hash: &str,
    ) -> Result<LinkRecord, LinkError> {
        let known = warehouse_orders::at_each(session, merchant, order).await?;
        let named = known.into_iter().filter(|record| warehouse.is_none_or(|named| record.warehouse == *named));
        // The first of those that keep most of it from being settled.
        let record = named.min_by_key(|record| match record.saga.goods() {
            Goods::KeptShipped | Goods::KeptPicked => 0,
            Goods::Asked => 1,
            Goods::There => 2,
            Goods::HandedBack | Goods::Free => 3,
        });
        let record = record.ok_or(LinkError::NotThere)?;
        let now = self.clock.now();
        let link = LinkRecord {
            merchant: merchant.clone(),
            order: order.clone(),
            generation: record.generation,
            created_by: actor.to_owned(),
            created_at: now,
            expires_at: now.plus(LINK_LIVES),
        };
        warehouse_links::add(session, token_hash, &link).await?;
        let detail = "a one-time link for the warehouse's staff was made";
        self.log_warehouse(session, &record, actor, "warehouse.link", detail).await?;
        Ok(link)
    }

    /// Takes the staff's answer, once. *Stopped* makes the warehouse asked and read once more, and lets an agreement go on;
    /// *gone* is recorded. Neither moves a unit: only what the warehouse's system shows does.
    ///
    /// # Errors
    /// [`LinkError`]; nothing is changed then.
    pub async fn answer_by_link(
        &self,
        session: &mut Session,
        token_hash: &str,
        answer: StaffAnswer,
    ) -> Result<(), LinkError> {
        let now = self.clock.now();
        let link = warehouse_links::use_up(session, token_hash, now).await?.ok_or(LinkError::NotTaken)?;
        orders::lock(session, &link.merchant, std::slice::from_ref(&link.order)).await?;
        let latest = warehouse_orders::at_each(session, &link.merchant, &link.order).await?;
        let mut record =
            latest.into_iter().find(|record| record.generation == link.generation).ok_or(LinkError::NotTaken)?;
        record.staff_answer = Some(answer);
        record.updated_at = now;
        if answer == StaffAnswer::Stopped {
            let account = self.open_account(session, &record.merchant, &record.warehouse).await?;
            record.saga = decide(record.saga, Learnt::AskAgain, now, &account.warehouse.rules()).0;
        }
        warehouse_orders::save(session, &record).await?;
        let lane = lane_of(&record.warehouse)?;
        jobs::want(session, &record.merchant, &lane, Kind::WarehouseOrder, record.order.as_str(), now).await?;
        let detail = format!("the warehouse's staff answered: {answer} (link made by {})", link.created_by);
        self.log_warehouse(session, &record, "warehouse staff", "warehouse.staff_answer", &detail).await?;
        if let Some(order) = orders::load_one(session, &record.merchant, &record.order).await? {
            self.place_goods(session, order, &record).await?;
        }
        Ok(())
    }
}

/// What the operator is told of the warehouses that keep an order, each with whom to contact, and of those that do not.
pub(crate) async fn kept_in_words(
    session: &mut Session,
    store: &store::Store,
    order: &OrderRecord,
) -> Result<String, StoreError> {
    let mut words = Vec::new();
    for record in warehouse_orders::at_each(session, &order.merchant, &order.id).await? {
        let account = store.warehouse_account(session, &order.merchant, &record.warehouse).await?;
        let (name, contact) =
            account.map_or_else(Default::default, |account| (account.name.clone(), account.contact.clone()));
        let state = match record.saga.goods() {
            Goods::KeptShipped => "has shipped it",
            Goods::KeptPicked => "has picked it",
            Goods::HandedBack => {
                words.push(format!("{name} has handed its part back."));
                continue;
            }
            Goods::Free | Goods::There | Goods::Asked => continue,
        };
        let parcels: Vec<String> = record
            .parcels
            .iter()
            .map(|parcel| match &parcel.tracking_number {
                Some(tracking) => format!("{} (tracking {tracking})", parcel.number),
                None => parcel.number.clone(),
            })
            .collect();
        let number = record.number.as_deref().unwrap_or("-");
        words.push(format!(
            "{name} {state} and does not hand it back. Contact {contact}: order {}, theirs {number}, package {}.",
            order.number,
            parcels.join(", ")
        ));
    }
    Ok(if words.is_empty() { "the warehouse keeps it".to_owned() } else { words.join(" ") })
}

/// Whether the staff of every warehouse that has something of it said that it is stopped, which lets an agreement go on
/// although the systems say otherwise.
pub(crate) async fn staff_stopped(session: &mut Session, order: &OrderRecord) -> Result<bool, StoreError> {
    let known = warehouse_orders::at_each(session, &order.merchant, &order.id).await?;
    let mut away = known.iter().filter(|record| record.saga.goods().are_away()).peekable();
    Ok(away.peek().is_some() && away.all(|record| record.staff_answer == Some(StaffAnswer::Stopped)))
}
