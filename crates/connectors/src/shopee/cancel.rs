//! The seller's cancel: `cancel_order` (`shopee.md` section 8). It cancels the whole order, in split orders too.
//!
//! There is no idempotency key, and whether the order is cancelled when the reply comes is not documented: only a read
//! tells. A second send after a success is answered `order.error_limit`, “Can not cancel this order”.

use std::collections::BTreeSet;

use domain::policy::Policy;
use domain::time::Moment;
use serde::{Deserialize, Serialize};

use super::errors::Asked;
use super::{reasons, stock};
use crate::call::{CallError, Received};
use crate::connector::{CancelAccepted, CancelLine, CancelOrder, ConnectorError};
use crate::lenient;

/// Section 8.
pub(super) const CANCEL_ORDER: &str = "/api/v2/order/cancel_order";

#[derive(Serialize)]
struct Body<'a> {
    order_sn: &'a str,
    cancel_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_list: Option<Vec<ItemOutOfStock>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partial_cancel_item_list: Vec<ItemToCancel>,
}

/// A line of a cancel of chosen lines. The group is needed for bundles; all values are the order detail's (section 8).
#[derive(Serialize)]
struct ItemToCancel {
    item_id: i64,
    model_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_item_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion_group_id: Option<i64>,
    model_quantity: u32,
}

#[derive(Serialize)]
struct ItemOutOfStock {
    item_id: i64,
    model_id: i64,
}

/// The request's body, as the policy maps the reason.
pub(super) fn body(policy: &Policy, cancel: &CancelOrder) -> Result<Vec<u8>, ConnectorError> {
    let reason = cancel.reason.as_str();
    let rule = policy.reason(reason).ok_or_else(|| ConnectorError::Reason(reason.to_owned()))?;
    if rule.lines_required && cancel.lines.is_empty() {
        return Err(ConnectorError::LinesRequired(reason.to_owned()));
    }
    if !cancel.whole && cancel.lines.is_empty() {
        return Err(ConnectorError::LinesRequired(reason.to_owned()));
    }
    let parts = if cancel.whole { &[][..] } else { &cancel.lines };
    let partial_cancel_item_list = parts.iter().map(part).collect::<Result<_, _>>()?;
    let item_list = if rule.platform_value == reasons::OUT_OF_STOCK && cancel.whole {
        // Several lines may be of one listing: it is named once.
        let items: BTreeSet<(i64, i64)> =
            cancel.lines.iter().map(|line| stock::ids(&line.listing)).collect::<Result<_, ConnectorError>>()?;
        Some(items.into_iter().map(|(item_id, model_id)| ItemOutOfStock { item_id, model_id }).collect())
    } else {
        None
    };
    Ok(super::json(&Body {
        order_sn: cancel.number.as_str(),
        cancel_reason: &rule.platform_value,
        item_list,
        partial_cancel_item_list,
    }))
}

/// A line's id is made of what this wants: see `orders`.
fn part(line: &CancelLine) -> Result<ItemToCancel, ConnectorError> {
    let (item_id, model_id) = stock::ids(&line.listing)?;
    let mut numbers = line.line.as_str().split(':').map(|number| number.parse::<i64>().ok().filter(|id| *id != 0));
    let (order_item_id, _, promotion_group_id) = (numbers.next().flatten(), numbers.next(), numbers.next().flatten());
    Ok(ItemToCancel { item_id, model_id, order_item_id, promotion_group_id, model_quantity: line.quantity })
}

#[derive(Deserialize, Default)]
struct Response {
    #[serde(default, deserialize_with = "lenient::moment")]
    update_time: Option<Moment>,
}

/// Reads the reply. A success without a readable `update_time` is a success.
pub(super) fn read(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    let answer = asked.answer(received)?;
    let response: Response = answer.response().unwrap_or_default();
    Ok(CancelAccepted { updated_at: response.update_time })
}
