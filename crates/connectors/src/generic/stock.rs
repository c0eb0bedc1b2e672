//! What lies at the warehouse, by SKU.

use serde::Deserialize;

use crate::call::{CallError, Received};
use crate::lenient;
use crate::warehouse::ShelfUnits;
use crate::warehouse::account::Asked;

#[derive(Deserialize)]
struct Stock {
    #[serde(default)]
    stock: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "lenient::text")]
    sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    on_hand: Option<i64>,
}

/// Reads the stock; nothing where the warehouse does not tell it.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<Vec<ShelfUnits>, CallError> {
    if received.status == 404 {
        return Ok(Vec::new());
    }
    let stock: Stock = asked.answer(received)?;
    let rows = stock.stock.into_iter();
    Ok(rows
        .filter_map(|row| {
            let units = row.on_hand?;
            Some(ShelfUnits { sku: row.sku?, at_least: units, at_most: units })
        })
        .collect())
}
