//! Goods that came back, by order: counted from what was done with them.

use serde::Deserialize;

use crate::call::{CallError, Received};
use crate::lenient;
use crate::warehouse::account::Asked;
use crate::warehouse::{ReturnedUnits, SeenReturn};

#[derive(Deserialize)]
struct Returns {
    #[serde(default)]
    returns: Vec<Return>,
}

#[derive(Deserialize)]
struct Return {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    state: Option<String>,
    #[serde(default)]
    lines: Option<Vec<Line>>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default, deserialize_with = "lenient::text")]
    sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    sellable: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    defective: Option<i64>,
}

fn units(count: Option<i64>) -> u32 {
    count.and_then(|units| u32::try_from(units).ok()).unwrap_or(0)
}

/// Reads the returns of an order.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<Vec<SeenReturn>, CallError> {
    let found: Returns = asked.answer(received)?;
    let returns = found.returns.into_iter().filter_map(|one| {
        let lines = one.lines.unwrap_or_default().into_iter().filter_map(|line| {
            Some(ReturnedUnits { sku: line.sku?, sellable: units(line.sellable), defective: units(line.defective) })
        });
        Some(SeenReturn { number: one.id?, done: one.state.as_deref() == Some("done"), units: lines.collect() })
    });
    Ok(returns.collect())
}
