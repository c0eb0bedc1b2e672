//! Goods that came back (section A5): counted from what was done with them, never from what was asked for.

use serde::Deserialize;

use crate::call::{CallError, Received};
use crate::lenient;
use crate::warehouse::account::Asked;
use crate::warehouse::{ReturnedUnits, SeenReturn};

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Option<Vec<Return>>,
}

#[derive(Deserialize)]
struct Return {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default)]
    inventory: Option<Vec<Inventory>>,
}

#[derive(Deserialize)]
struct Inventory {
    #[serde(default, deserialize_with = "lenient::text")]
    reference_id: Option<String>,
    #[serde(default)]
    action_taken: Option<Vec<ActionTaken>>,
}

#[derive(Deserialize)]
struct ActionTaken {
    #[serde(default, deserialize_with = "lenient::text")]
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    quantity_processed: Option<i64>,
}

/// Reads the returns of some parcels.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<Vec<SeenReturn>, CallError> {
    let page: Page = asked.answer(received)?;
    let returns = page.items.unwrap_or_default().into_iter().filter_map(|one| {
        let units = one.inventory.unwrap_or_default().into_iter().filter_map(|inventory| {
            let (mut sellable, mut defective) = (0_u32, 0_u32);
            for taken in inventory.action_taken.unwrap_or_default() {
                let units = taken.quantity_processed.and_then(|units| u32::try_from(units).ok()).unwrap_or(0);
                match taken.action.as_deref() {
                    Some("Restock") => sellable = sellable.saturating_add(units),
                    _ => defective = defective.saturating_add(units),
                }
            }
            Some(ReturnedUnits { sku: inventory.reference_id?, sellable, defective })
        });
        Some(SeenReturn { number: one.id?, done: one.status.as_deref() == Some("Completed"), units: units.collect() })
    });
    Ok(returns.collect())
}
