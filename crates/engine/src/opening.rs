//! Opening stock as a person counted it: what lay on the shelf before anything moved.

use crate::{Engine, EngineError};
use domain::ids::{MerchantId, MerchantSku, WarehouseId};
use domain::stock::{Bucket, Cause};
use store::log::{self, Entry};
use store::stock::{self, Movement};
use store::{Session, StoreError};

/// What lay on the shelf of one SKU in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// Of what.
    pub sku: MerchantSku,
    /// Fit to be sold.
    pub sellable: u32,
    /// Not to be sold.
    pub defective: u32,
}

impl Engine {
    /// Opens the stock of SKUs that have not moved yet, all of them in this transaction. Whoever writes down what lies there
    /// has counted it: the holds on the SKUs' listings are lifted, and the listings get their number.
    ///
    /// # Errors
    /// [`EngineError`] of the store, also when one of them was opened meanwhile: nothing may be kept then.
    pub async fn open_stock(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        openings: &[Opening],
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let movement = |opening: &Opening, units: u32, to: Bucket| Movement {
            key: format!("opening/{}/{}/{to}", opening.warehouse, opening.sku),
            warehouse: opening.warehouse.clone(),
            sku: opening.sku.clone(),
            from: Bucket::Outside,
            to,
            units,
            cause: Cause::Opening,
            order: None,
            line: None,
            actor: actor.to_owned(),
        };
        let movements: Vec<Movement> = openings
            .iter()
            .flat_map(|opening| {
                let units = [(opening.sellable, Bucket::Available), (opening.defective, Bucket::Defective)];
                units.into_iter().filter(|(units, _)| *units > 0).map(|(units, to)| movement(opening, units, to))
            })
            .collect();
        if stock::write(session, merchant, &movements, now).await? < movements.len() {
            return Err(StoreError::Conflict("the opening stock").into());
        }
        let counted: Vec<MerchantSku> = openings.iter().map(|opening| opening.sku.clone()).collect();
        stock::lift_counted(session, merchant, &counted, now).await?;
        let units: u64 = movements.iter().map(|movement| u64::from(movement.units)).sum();
        let detail = format!("{units} units of {} SKUs as opening stock", openings.len());
        let entry =
            Entry { actor, action: "stock.opened", shop: None, order: None, subject: "opening stock", detail: &detail };
        log::write(session, merchant, now, &entry).await?;
        Ok(())
    }
}
