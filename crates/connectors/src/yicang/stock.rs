//! What lies at the warehouse, by SKU.

use serde::Deserialize;

use super::errors::Envelope;
use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::ShelfUnits;
use crate::warehouse::account::Asked;

#[derive(Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "lenient::text")]
    product_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    sellable: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    reserved: Option<i64>,
}

/// Reads the stock.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<Vec<ShelfUnits>, CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if !envelope.worked() {
        return Err(envelope.failed(asked, received, Remedy::Bug));
    }
    let rows = envelope.all::<Row>().into_iter().filter_map(|row| {
        // Whether what is sellable holds what is reserved is not said: both are allowed for.
        let (at_least, reserved) = (row.sellable?, row.reserved.unwrap_or(0).max(0));
        Some(ShelfUnits { sku: row.product_sku?, at_least, at_most: at_least.saturating_add(reserved) })
    });
    Ok(rows.collect())
}
