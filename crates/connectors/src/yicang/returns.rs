//! Goods that came back: counted from what was done with each SKU.

use serde::Deserialize;

use super::errors::Envelope;
use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::account::Asked;
use crate::warehouse::{ReturnedUnits, SeenReturn};

/// `asro_status` of a return that is done.
const DONE: i64 = 5;

#[derive(Deserialize)]
struct Return {
    #[serde(default, deserialize_with = "lenient::text")]
    asro_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    asro_status: Option<i64>,
    /// In which member the units stand is not in the sheet; it is the one that a return is made with (`I`).
    #[serde(default)]
    product_list: Option<Vec<Product>>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default, deserialize_with = "lenient::text")]
    product_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    sellable_qty: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    unsellable_qty: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    destruction_qty: Option<i64>,
}

fn units(count: Option<i64>) -> u32 {
    count.and_then(|units| u32::try_from(units).ok()).unwrap_or(0)
}

/// Reads the returns that carry a reference.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<Vec<SeenReturn>, CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if !envelope.worked() {
        return Err(envelope.failed(asked, received, Remedy::Bug));
    }
    let returns = envelope.all::<Return>().into_iter().map(|one| {
        let products = one.product_list.unwrap_or_default().into_iter().filter_map(|product| {
            let unsellable = units(product.unsellable_qty).saturating_add(units(product.destruction_qty));
            Some(ReturnedUnits {
                sku: product.product_sku?,
                sellable: units(product.sellable_qty),
                defective: unsellable,
            })
        });
        SeenReturn {
            number: one.asro_code.unwrap_or_default(),
            done: one.asro_status == Some(DONE),
            units: products.collect(),
        }
    });
    Ok(returns.collect())
}
