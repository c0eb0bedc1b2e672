//! The seller cancels, and answers a buyer who asks to: sheet sections 8 and 9.

use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success, integer_in};
use super::orders::{Due, Order};
use super::products::Products;
use super::rules::Rules;
use super::shops::Shop;
use super::status::Status;
use crate::marketplace::Moment;

/// The countries where `UNDELIVERABLE_AREA` is taken (section 8).
const UNDELIVERABLE_AREA_REGIONS: [&str; 2] = ["TW", "MY"];

/// The values of `cancel_reason` with the texts that the finished order shows (sections 8 and 7.4).
const REASONS: [(&str, &str); 4] = [
    ("OUT_OF_STOCK", "Out of Stock"),
    ("CUSTOMER_REQUEST", "Buyer Request to Cancel"),
    ("UNDELIVERABLE_AREA", "Undeliverable Area"),
    ("COD_NOT_SUPPORTED", "COD Unsupported"),
];

/// `POST /api/v2/order/cancel_order` (section 8).
pub(super) fn cancel_order(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let number = parameters.required("order_sn")?;
    let reason = parameters.required("cancel_reason")?;
    let Some((code, text)) = REASONS.into_iter().find(|(code, _)| *code == reason) else {
        return Err(Failure::wrong("cancel_reason is invalid."));
    };
    let Some(order) = shop.order(&number) else { return Err(Failure::order_not_found()) };
    let chosen = chosen_items(order, parameters)?;
    let partly = parameters.objects("partial_cancel_item_list")?;
    // No error is documented for these; the sheet expects `error_param` (section 8).
    match code {
        "OUT_OF_STOCK" if chosen.is_empty() && partly.is_empty() => {
            return Err(Failure::wrong("item_list is a required field."));
        }
        "UNDELIVERABLE_AREA" if !UNDELIVERABLE_AREA_REGIONS.contains(&shop.region) => {
            return Err(Failure::wrong("cancel_reason UNDELIVERABLE_AREA is not supported in this region."));
        }
        "COD_NOT_SUPPORTED" if !order.cod => {
            return Err(Failure::wrong("cancel_reason COD_NOT_SUPPORTED is for COD orders only."));
        }
        _ => {}
    }
    let again = moment.accept_repeats && order.status == Status::Cancelled;
    if !again {
        order.seller_may_cancel(rules)?;
    }
    if !partly.is_empty() {
        return cancel_partly(shop, &number, &partly, code, text, rules, moment);
    }
    let zeroed = if rules.zero_stock_on_out_of_stock { chosen } else { Vec::new() };
    let settles_at = (rules.cancel_settles_seconds > 0 && !again).then(|| moment.now + rules.cancel_settles_seconds);
    shop.change(&number, rules, moment.now, |order, products| match settles_at {
        Some(at) => order.due = Some((at, Due::CancelSettles { reason: code.to_owned(), chosen: zeroed })),
        None => cancel_by_seller(order, products, code, &zeroed),
    });
    answer_changed(shop, &number, moment)
}

/// The seller's cancel takes effect.
pub(super) fn cancel_by_seller(order: &mut Order, products: &mut Products, code: &str, zeroed: &[(i64, i64)]) {
    let text = REASONS.into_iter().find(|(known, _)| *known == code).map_or(code, |(_, text)| text);
    order.cancel(products, "seller", text, zeroed);
    order.seller_reason = code.into();
}

fn answer_changed(shop: &Shop, number: &str, moment: &mut Moment<'_>) -> Outcome {
    moment.changed = true;
    let updated = shop.order(number).map_or(moment.now, |order| order.updated);
    Ok(Success::Response(json!({"update_time": updated})))
}

/// The items that are said to be out of stock; each must be one of the order's.
fn chosen_items(order: &Order, parameters: &Parameters<'_>) -> Result<Vec<(i64, i64)>, Failure> {
    parameters.objects("item_list")?.into_iter().map(|row| item_of(order, row)).collect()
}

fn item_of(order: &Order, row: &Map<String, Value>) -> Result<(i64, i64), Failure> {
    let item_id = integer_in(row, "item_id").ok_or_else(|| Failure::wrong("item_list.item_id is a required field."))?;
    let model_id = integer_in(row, "model_id").unwrap_or(0);
    let known = order.lines.iter().any(|line| line.item_id == item_id && line.model_id == model_id);
    if known {
        Ok((item_id, model_id))
    } else {
        Err(Failure::wrong("item_list holds an item that is not in the order."))
    }
}

fn cancel_partly(
    shop: &mut Shop,
    number: &str,
    rows: &[&Map<String, Value>],
    code: &'static str,
    text: &'static str,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let Some(order) = shop.order(number) else { return Err(Failure::order_not_found()) };
    if !order.seller_may_cancel_partly(rules) {
        return Err(Failure::new("order.error_limit", "Can not cancel this order"));
    }
    // Rows are counted against a copy first, so that a wrong row changes nothing.
    let mut left: Vec<u32> = order.lines.iter().map(|line| line.active()).collect();
    let mut taken: Vec<(usize, u32)> = Vec::new();
    for row in rows {
        let (item_id, model_id) = item_of(order, row)?;
        let units = integer_in(row, "model_quantity").and_then(|units| u32::try_from(units).ok()).unwrap_or(0);
        let place = order
            .lines
            .iter()
            .enumerate()
            .position(|(place, line)| {
                line.item_id == item_id && line.model_id == model_id && left[place] >= units && units > 0
            })
            .ok_or_else(|| Failure::wrong("partial_cancel_item_list.model_quantity is invalid."))?;
        left[place] -= units;
        taken.push((place, units));
    }
    let whole = left.iter().all(|units| *units == 0);
    shop.change(number, rules, moment.now, |order, products| {
        let mut zeroed = Vec::new();
        for (place, units) in taken {
            let line = &mut order.lines[place];
            line.cancelled += units;
            order.total -= line.price * i64::from(units);
            products.change_stock(line.item_id, line.model_id, |stock| stock.saturating_add(i64::from(units)));
            zeroed.push((line.item_id, line.model_id));
        }
        if code == "OUT_OF_STOCK" && rules.zero_stock_on_out_of_stock {
            for (item_id, model_id) in &zeroed {
                products.change_stock(*item_id, *model_id, |_| 0);
            }
        }
        if whole {
            order.cancel(products, "seller", text, &[]);
        }
        order.seller_reason = code.into();
    });
    answer_changed(shop, number, moment)
}

/// `POST /api/v2/order/handle_buyer_cancellation` (section 9).
pub(super) fn handle_buyer_cancellation(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let number = parameters.required("order_sn")?;
    let accepted = match parameters.required("operation")?.as_str() {
        "ACCEPT" => true,
        "REJECT" => false,
        _ => return Err(Failure::wrong("operation must be ACCEPT or REJECT.")),
    };
    let Some(order) = shop.order(&number) else { return Err(Failure::order_not_found()) };
    if order.status != Status::InCancel {
        return Err(Failure::new(
            "order.order_status_invalid",
            "Invalid order_status.The order status should be IN_CANCEL.",
        ));
    }
    shop.change(&number, rules, moment.now, |order, products| {
        if accepted { accept_request(order, products) } else { drop_request(order) }
    });
    answer_changed(shop, &number, moment)
}

/// The request is granted, by the seller or by silence: the buyer is the one who cancelled.
pub(super) fn accept_request(order: &mut Order, products: &mut Products) {
    order.cancel(products, "buyer", "Buyer Request to Cancel", &[]);
}

/// The request is gone, rejected or taken back: the order goes on where it was.
pub(super) fn drop_request(order: &mut Order) {
    order.status = order.before_request.take().unwrap_or(Status::ReadyToShip);
    order.cancel_by = "".into();
    order.buyer_reason = "".into();
}

/// The buyer asks.
pub(super) fn ask(order: &mut Order, reason: &str) {
    order.before_request = Some(order.status);
    order.status = Status::InCancel;
    order.asked = true;
    // What `cancel_by` holds now is not documented (section 6.2).
    order.cancel_by = "buyer".into();
    order.buyer_reason = reason.into();
}
