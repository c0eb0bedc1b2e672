//! Corrections of the shelf by a person: a count, units brought in or taken out, units carried to another warehouse.

use crate::{Engine, EngineError};
use domain::ids::{MerchantId, MerchantSku, WarehouseId};
use domain::stock::{Balance, Bucket, Cause};
use store::log::{self, Entry};
use store::stock::{self, Movement};
use store::{Session, StoreError, new_id, orders, shops};

/// What a person says of one SKU in one warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment<'a> {
    /// So many lie here and are fit to be sold, those promised to orders included.
    Count {
        /// Units.
        counted: u32,
    },
    /// So many were brought in.
    In {
        /// Units.
        units: u32,
        /// Not to be sold.
        defective: bool,
    },
    /// So many were taken out.
    Out {
        /// Units.
        units: u32,
        /// Of those that are not to be sold.
        defective: bool,
    },
    /// So many sellable ones were carried away.
    Transfer {
        /// Units.
        units: u32,
        /// Where to.
        to: &'a WarehouseId,
    },
}

/// Why a correction was not made.
#[derive(Debug, thiserror::Error)]
pub enum AdjustmentError {
    /// The merchant has no such warehouse.
    #[error("there is no warehouse “{0}”")]
    NoWarehouse(WarehouseId),
    /// From a warehouse into itself.
    #[error("the units are in this warehouse already; name another one")]
    SameWarehouse,
    /// Nothing was said.
    #[error("enter at least one unit")]
    NothingEntered,
    /// Fewer were counted than orders are promised.
    #[error("{counted} were counted and {promised} are promised to orders; void or cancel some of those first")]
    Promised {
        /// What was counted.
        counted: u32,
        /// What is promised.
        promised: i64,
    },
    /// More than there is.
    #[error("only {there} are here")]
    NotEnough {
        /// What is here.
        there: i64,
    },
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for AdjustmentError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Corrects the stock of one SKU in one warehouse; answers its balance afterwards. A count settles what was said not
    /// to exist; it and what is brought in lift the holds on the SKU's listings.
    ///
    /// # Errors
    /// [`AdjustmentError`]; nothing is changed then.
    pub async fn adjust(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        (warehouse, sku): (&WarehouseId, &MerchantSku),
        adjustment: Adjustment<'_>,
        note: Option<&str>,
    ) -> Result<Balance, AdjustmentError> {
        let known = shops::warehouses(session, merchant).await?;
        let is_known = |id: &WarehouseId| {
            let found = known.iter().any(|warehouse| warehouse.id == *id);
            if found { Ok(()) } else { Err(AdjustmentError::NoWarehouse(id.clone())) }
        };
        is_known(warehouse)?;
        let now = self.clock.now();
        let id = new_id("adj", now);
        let movement =
            |key: String, warehouse: &WarehouseId, from: Bucket, to: Bucket, units: u32, cause: Cause| Movement {
                key,
                warehouse: warehouse.clone(),
                sku: sku.clone(),
                from,
                to,
                units,
                cause,
                order: None,
                line: None,
                actor: actor.to_owned(),
            };
        let counted = match adjustment {
            Adjustment::Count { .. } => stock::to_count(session, merchant, warehouse, sku).await?,
            _ => Vec::new(),
        };
        orders::lock(session, merchant, &counted).await?;
        stock::lock_sku(session, merchant, sku).await?;
        let balance = stock::balances(session, merchant, Some(sku), Some(warehouse), None, 1).await?.pop();
        let balance = balance.map(|found| found.balance).unwrap_or_default();
        let enough = |there: i64, units: u32| match units {
            0 => Err(AdjustmentError::NothingEntered),
            units if there < i64::from(units) => Err(AdjustmentError::NotEnough { there }),
            _ => Ok(()),
        };
        let bucket = |defective: bool| if defective { Bucket::Defective } else { Bucket::Available };
        let (movements, words) = match adjustment {
            Adjustment::Count { counted: units } => {
                let promised = balance.reserved + balance.allocated;
                if i64::from(units) < promised {
                    return Err(AdjustmentError::Promised { counted: units, promised });
                }
                let mut movements = Vec::new();
                for before in orders::load(session, merchant, &counted).await? {
                    let mut after = before.clone();
                    for line in &mut after.lines {
                        if line.stock.count_needed == 0 || line.merchant_sku != *sku || line.warehouse != *warehouse {
                            continue;
                        }
                        let key = format!("{id}/{}/{}", before.id, line.id);
                        let (from, to) = (Bucket::CountNeeded, Bucket::Available);
                        let units = std::mem::take(&mut line.stock.count_needed);
                        let mut settled = movement(key, warehouse, from, to, units, Cause::Count);
                        (settled.order, settled.line) = (Some(before.id.clone()), Some(line.id.clone()));
                        movements.push(settled);
                    }
                    after.updated_at = now;
                    orders::update(session, &before, &after).await?;
                }
                let difference = i64::from(units) - promised - balance.available - balance.count_needed;
                if let Some(more) = u32::try_from(difference).ok().filter(|more| *more > 0) {
                    movements.push(movement(
                        id.clone(),
                        warehouse,
                        Bucket::Outside,
                        Bucket::Available,
                        more,
                        Cause::Count,
                    ));
                }
                if let Some(fewer) = u32::try_from(-difference).ok().filter(|fewer| *fewer > 0) {
                    movements.push(movement(
                        id.clone(),
                        warehouse,
                        Bucket::Available,
                        Bucket::Outside,
                        fewer,
                        Cause::Count,
                    ));
                }
                (movements, format!("{units} counted, a difference of {difference}"))
            }
            Adjustment::In { units, defective } => {
                enough(i64::MAX, units)?;
                let to = bucket(defective);
                let movement = movement(id.clone(), warehouse, Bucket::Outside, to, units, Cause::ManualIn);
                (vec![movement], format!("{units} brought in as {to}"))
            }
            Adjustment::Out { units, defective } => {
                enough(if defective { balance.defective } else { balance.available }, units)?;
                let from = bucket(defective);
                let movement = movement(id.clone(), warehouse, from, Bucket::Outside, units, Cause::ManualOut);
                (vec![movement], format!("{units} taken out of {from}"))
            }
            Adjustment::Transfer { units, to } => {
                is_known(to)?;
                if to == warehouse {
                    return Err(AdjustmentError::SameWarehouse);
                }
                enough(balance.available, units)?;
                let (away, arrives) = (format!("{id}/out"), format!("{id}/in"));
                let cause = Cause::Transfer;
                let movements = vec![
                    movement(away, warehouse, Bucket::Available, Bucket::Outside, units, cause),
                    movement(arrives, to, Bucket::Outside, Bucket::Available, units, cause),
                ];
                (movements, format!("{units} carried to {to}"))
            }
        };
        stock::write(session, merchant, &movements, now).await?;
        match adjustment {
            // Whoever counts none has counted, too.
            Adjustment::Count { .. } => {
                stock::mark_counted(session, merchant, warehouse, sku, now).await?;
                stock::note_count(session, merchant, warehouse, sku, now).await?;
                stock::lift_counted(session, merchant, std::slice::from_ref(sku), now).await?;
            }
            Adjustment::In { defective: false, .. } => {
                stock::lift_counted(session, merchant, std::slice::from_ref(sku), now).await?;
            }
            Adjustment::In { defective: true, .. } | Adjustment::Out { .. } | Adjustment::Transfer { .. } => {}
        }
        let note = note.map(|note| format!("; {note}")).unwrap_or_default();
        let detail = format!("{sku} in {warehouse}: {words}{note}");
        let entry =
            Entry { actor, action: "stock.adjusted", shop: None, order: None, subject: sku.as_str(), detail: &detail };
        log::write(session, merchant, now, &entry).await?;
        let balance = stock::balances(session, merchant, Some(sku), Some(warehouse), None, 1).await?.pop();
        Ok(balance.map(|found| found.balance).unwrap_or_default())
    }
}
