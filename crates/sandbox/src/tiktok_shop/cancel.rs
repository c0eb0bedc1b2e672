//! The seller cancels, and answers a buyer who asks to: sheet section 5.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, body, integer, objects, page_size, required, text, texts};
use super::orders::{CancelStatus, Cancellation, Due, Order, Role};
use super::reasons::{self, Reason};
use super::rules::Rules;
use super::shops::Shop;
use crate::marketplace::{Moment, Request};

/// The first version whose eligibility names reasons.
const NAMES_REASONS: u32 = 202_512;
/// The version that has lines by `order_line_list` and `should_replenish_stock`.
pub(super) const LINES_LISTED: u32 = 202_602;
/// Markets where lines may be cancelled one by one, out of stock only (section 5.2).
const LINES_IN: [&str; 2] = ["US", "GB"];
/// The page of a search.
const LARGEST_PAGE: usize = 50;
const USUAL_PAGE: usize = 10;

fn unknown_order() -> Failure {
    Failure::new(25_001_001, "Invalid parameter: the order does not exist.")
}

fn wrong_reason() -> Failure {
    Failure::new(
        25_001_014,
        "cancel_reason must equal one of the available_reason_names of the aftersale eligibility of this order.",
    )
}

/// `GET /return_refund/{version}/orders/{order_id}/aftersale_eligibility` (5.5).
pub(super) fn eligibility(
    shop: &Shop,
    number: &str,
    version: u32,
    request: &Request,
    rules: &Rules,
    moment: &Moment<'_>,
) -> Outcome {
    let Some(order) = shop.view(number, moment.stale) else { return Err(unknown_order()) };
    let by_seller = match request.parameter("initiate_aftersale_user") {
        None | Some("SELLER") => true,
        Some("BUYER") => false,
        Some(_) => return Err(Failure::wrong("initiate_aftersale_user must be SELLER or BUYER.")),
    };
    let wanted: Vec<&str> =
        request.parameter("request_types").map(|types| types.split(',').collect()).unwrap_or_default();
    let wants = |kind: &str| wanted.is_empty() || wanted.contains(&kind);
    let refused = if by_seller {
        order.seller_may_cancel(rules).err()
    } else {
        (!order.status.is_open()).then(|| Failure::new(25_001_001, "Invalid order status."))
    };
    let mut skus: Vec<(i64, Vec<&str>)> = Vec::new();
    for place in order.live() {
        let line = &order.lines[place];
        match skus.iter_mut().find(|(sku, _)| *sku == line.sku_id) {
            Some((_, lines)) => lines.push(&line.id),
            None => skus.push((line.sku_id, vec![&line.id])),
        }
    }
    let entry = |kind: &str, refused: Option<&Failure>, lines: &[&str]| {
        let mut entry = json!({
            "request_type": kind, "eligible": refused.is_none(),
            "ineligible_code": refused.map_or(0, |failure| failure.code),
            "ineligible_reason": refused.map(|failure| failure.message.as_str()).unwrap_or_default(),
            "order_line_items_ids": lines,
        });
        if version >= NAMES_REASONS && kind == "CANCEL" {
            let names = if refused.is_none() && by_seller {
                reasons::offered(shop.region.code, order.status)
            } else {
                Vec::new()
            };
            entry["available_reason_names"] = json!(names);
        }
        if version >= LINES_LISTED {
            entry["order_line_list"] = lines.iter().map(|id| json!({"order_line_item_id": id})).collect();
        }
        entry
    };
    let not_shipped = Failure::new(25_001_001, "Invalid order status.");
    let rows: Vec<Value> = skus
        .iter()
        .map(|(sku, lines)| {
            let mut entries = Vec::new();
            if wants("CANCEL") {
                entries.push(entry("CANCEL", refused.as_ref(), lines));
            }
            if wants("REFUND") {
                entries.push(entry("REFUND", Some(&not_shipped), lines));
            }
            json!({"sku_id": sku.to_string(), "line_item_eligibility": entries})
        })
        .collect();
    Ok(json!({"sku_eligibility": rows}))
}

/// `POST /return_refund/{version}/cancellations` (5.2). `id` is the cancellation's, if there will be one.
pub(super) fn cancel(
    shop: &mut Shop,
    version: u32,
    request: &Request,
    id: Arc<str>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let body = body(request)?;
    let number = required(&body, "order_id")?;
    let key = required(&body, "cancel_reason")?;
    let Some(order) = shop.order(&number) else { return Err(unknown_order()) };
    let again = moment.accept_repeats && order.live().is_empty();
    if !again {
        order.seller_may_cancel(rules)?;
    }
    let reason = reasons::named(&key).filter(|reason| reason.is_of(shop.region.code)).ok_or_else(wrong_reason)?;
    if !again && !reason.fits(order.status) {
        return Err(Failure::new(25_001_021, "The reason does not fit the status of the order."));
    }
    let lines = chosen(shop, order, version, &body, reason)?;
    let cancellation = Cancellation {
        id: Arc::clone(&id),
        request: false,
        status: CancelStatus::Success,
        role: Role::Seller,
        reason: reason.key.into(),
        text: reason.text.into(),
        created: moment.now,
        updated: moment.now,
        lines,
        deadline: None,
        replenish: !reason.out_of_stock,
        decided_with: None,
    };
    let settles_at = (rules.cancel_settles_seconds > 0 && !again).then(|| moment.now + rules.cancel_settles_seconds);
    shop.change(&number, rules, moment.now, |order, products| {
        order.cancellations.push(cancellation);
        match settles_at {
            Some(at) => order.due = Some((at, Due::CancelSettles)),
            None => settle(order, products, rules, moment.now),
        }
    });
    moment.changed = true;
    Ok(json!({"cancel_id": &*id, "cancel_status": CancelStatus::Success.name(version >= LINES_LISTED)}))
}

/// The seller's latest cancel takes effect.
pub(super) fn settle(order: &mut Order, products: &mut super::products::Products, rules: &Rules, now: i64) {
    let Some(place) = order.cancellations.iter().rposition(|it| it.status == CancelStatus::Success) else { return };
    let zeroed = rules.zero_stock_on_out_of_stock && !order.cancellations[place].replenish;
    order.apply(place, products, zeroed, now);
}

/// The lines to cancel: all that live, or those named, where the market and the reason allow it (5.2).
fn chosen(
    shop: &Shop,
    order: &Order,
    version: u32,
    body: &Map<String, Value>,
    reason: Reason,
) -> Result<Vec<usize>, Failure> {
    let live = order.live();
    let mut named = texts(body, "order_line_item_ids");
    let listed: Vec<String> =
        objects(body, "order_line_list").into_iter().filter_map(|row| text(row, "order_line_item_id")).collect();
    if !listed.is_empty() && (version < LINES_LISTED || !named.is_empty()) {
        return Err(Failure::new(25_001_001, "Invalid parameter: order_line_list."));
    }
    named.extend(listed);
    let mut places = Vec::new();
    for id in &named {
        let place = live.iter().copied().find(|place| *order.lines[*place].id == **id);
        let place = place.ok_or_else(|| Failure::new(25_005_010, "These order lines can not be cancelled."))?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if named.is_empty() {
        for row in objects(body, "skus") {
            let sku = text(row, "sku_id").and_then(|id| id.parse::<i64>().ok());
            let units = integer(row, "quantity")?.and_then(|units| usize::try_from(units).ok()).unwrap_or(0);
            let of_sku: Vec<usize> =
                live.iter().copied().filter(|place| Some(order.lines[*place].sku_id) == sku).collect();
            if units == 0 || units > of_sku.len() {
                return Err(Failure::new(25_005_011, "More lines than the order has."));
            }
            places.extend(of_sku.into_iter().take(units));
        }
    }
    if places.is_empty() || places.len() == live.len() {
        return Ok(live);
    }
    if LINES_IN.contains(&shop.region.code) && reason.out_of_stock {
        return Ok(places);
    }
    Err(Failure::new(11_050_001, "Partial cancellation is not supported for this market and reason."))
}

/// `POST /return_refund/{version}/cancellations/search` (5.3).
pub(super) fn search(shop: &Shop, version: u32, request: &Request, moment: &Moment<'_>) -> Outcome {
    let newer = version >= LINES_LISTED;
    let most = page_size(request, USUAL_PAGE, LARGEST_PAGE)?;
    let by_update = request.parameter("sort_field") == Some("update_time");
    let descending = request.parameter("sort_order") == Some("DESC");
    let skipped = match request.parameter("page_token").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => token.parse().map_err(|_| Failure::wrong("page_token is invalid."))?,
    };
    let body = body(request)?;
    let (ids, numbers) = (texts(&body, "cancel_ids"), texts(&body, "order_ids"));
    let (kinds, statuses) = (texts(&body, "cancel_types"), texts(&body, "cancel_status"));
    let bound = |name: &str, usual: i64| Ok::<_, Failure>(integer(&body, name)?.unwrap_or(usual));
    let created = bound("create_time_ge", i64::MIN)?..bound("create_time_lt", i64::MAX)?;
    let updated = bound("update_time_ge", i64::MIN)?..bound("update_time_lt", i64::MAX)?;
    let wanted = |order: &Order, it: &Cancellation| {
        let kind = if it.request { "BUYER_CANCEL" } else { "CANCEL" };
        (ids.is_empty() || ids.iter().any(|id| **id == *it.id))
            && (numbers.is_empty() || numbers.iter().any(|number| **number == *order.number))
            && (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
            && (statuses.is_empty()
                || statuses.iter().any(|status| *status == it.status.name(true) || *status == it.status.name(false)))
            && created.contains(&it.created)
            && updated.contains(&it.updated)
    };
    // Whoever names orders or cancellations does not make us look at all of them.
    let orders: Vec<&Order> = if !numbers.is_empty() {
        numbers.iter().filter_map(|number| shop.view(number, moment.stale)).collect()
    } else if !ids.is_empty() {
        let named = ids.iter().filter_map(|id| shop.order_of_cancellation(id));
        named.filter_map(|number| shop.view(&number, moment.stale)).collect()
    } else {
        shop.all().collect()
    };
    let mut found: Vec<(&Order, &Cancellation)> = orders
        .into_iter()
        .flat_map(|order| order.cancellations.iter().map(move |it| (order, it)))
        .filter(|(order, it)| wanted(order, it))
        .collect();
    found.sort_by(|(_, one), (_, other)| {
        let key = |it: &Cancellation| (if by_update { it.updated } else { it.created }, Arc::clone(&it.id));
        if descending { key(other).cmp(&key(one)) } else { key(one).cmp(&key(other)) }
    });
    found.dedup_by(|(_, one), (_, other)| one.id == other.id);
    let rows: Vec<Value> =
        found.iter().skip(skipped).take(most).map(|(order, it)| shown(shop, order, it, newer)).collect();
    let next = skipped.saturating_add(rows.len());
    let next = if next < found.len() { next.to_string() } else { String::new() };
    Ok(json!({"cancellations": rows, "next_page_token": next, "total_count": found.len()}))
}

fn shown(shop: &Shop, order: &Order, it: &Cancellation, newer: bool) -> Value {
    let money = |minor: i64| shop.region.money(minor);
    let amount = |total: i64, goods: i64, shipping: i64| {
        json!({
            "currency": shop.region.currency, "refund_total": money(total), "refund_subtotal": money(goods),
            "refund_shipping_fee": money(shipping), "refund_tax": money(0),
        })
    };
    let lines: Vec<Value> = it
        .lines
        .iter()
        .filter_map(|place| order.lines.get(*place).map(|line| (place, line)))
        .map(|(place, line)| {
            let listing = shop.products.sku(line.sku_id);
            json!({
                "cancel_line_item_id": format!("{}{place:03}", it.id), "order_line_item_id": &*line.id,
                "sku_id": line.sku_id.to_string(),
                "seller_sku": listing.map(|(_, sku)| sku.code.as_str()).unwrap_or_default(),
                "sku_name": listing.map(|(_, sku)| sku.name.as_str()).unwrap_or_default(),
                "product_name": listing.map(|(product, _)| product.name.as_str()).unwrap_or_default(),
                "product_image": {"url": "", "width": 200, "height": 200},
                "refund_amount": amount(line.price, line.price, 0),
            })
        })
        .collect();
    let mut row = json!({
        "cancel_id": &*it.id, "order_id": &*order.number,
        "cancel_type": if it.request { "BUYER_CANCEL" } else { "CANCEL" },
        "cancel_status": it.status.name(newer), "role": it.role.name(),
        "cancel_reason": &*it.reason, "cancel_reason_text": &*it.text,
        "create_time": it.created, "update_time": it.updated, "cancel_line_items": lines,
    });
    if it.status == CancelStatus::Pending {
        let action = if newer { "SELLER_RESPOND_BUYER_CANCEL" } else { "SELLER_RESPOND_CANCEL" };
        row["seller_next_action_response"] = json!([{"action": action, "deadline": it.deadline}]);
        let goods: i64 = it.lines.iter().filter_map(|place| order.lines.get(*place)).map(|line| line.price).sum();
        row["refund_amount"] = amount(goods + order.shipping_fee, goods, order.shipping_fee);
    }
    if newer {
        row["should_replenish_stock"] = json!(it.replenish);
    }
    row
}

/// `POST /return_refund/202309/cancellations/{cancel_id}/approve` and `…/reject` (5.4).
pub(super) fn decide(
    shop: &mut Shop,
    id: &str,
    approved: bool,
    request: &Request,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let body = body(request)?;
    let unknown = || Failure::new(25_001_001, "Invalid parameter: the cancellation does not exist.");
    let number = shop.order_of_cancellation(id).ok_or_else(unknown)?;
    let found = shop.order(&number).and_then(|order| order.cancellations.iter().position(|it| *it.id == *id));
    let place = found.ok_or_else(unknown)?;
    let key = request.parameter("idempotency_key").filter(|key| !key.is_empty()).map(str::to_owned);
    let known = shop.order(&number).map(|order| &order.cancellations[place]);
    if known.is_some_and(|it| key.is_some() && it.decided_with == key) {
        return Ok(json!({}));
    }
    if known.is_none_or(|it| it.status != CancelStatus::Pending) {
        return Err(Failure::new(25_001_001, "Invalid parameter: the cancellation is not pending."));
    }
    if !approved {
        let reason = required(&body, "reject_reason")?;
        if !reasons::of_refusal(shop.region.code).iter().any(|(name, _)| *name == reason) {
            return Err(Failure::new(25_001_014, "reject_reason is invalid."));
        }
    }
    shop.change(&number, rules, moment.now, |order, products| {
        order.cancellations[place].decided_with = key;
        if approved { order.apply(place, products, false, moment.now) } else { close(order, place, moment.now) }
    });
    moment.changed = true;
    Ok(json!({}))
}

/// A request is closed without effect.
pub(super) fn close(order: &mut Order, place: usize, now: i64) {
    if let Some(request) = order.cancellations.get_mut(place) {
        request.status = CancelStatus::Cancel;
        request.updated = now;
        request.deadline = None;
    }
}

/// `GET /return_refund/202309/reject_reasons` (5.4).
pub(super) fn reject_reasons(shop: &Shop, request: &Request) -> Outcome {
    let id = request.parameter("return_or_cancel_id").unwrap_or_default();
    if shop.order_of_cancellation(id).is_none() {
        return Err(Failure::new(25_001_001, "Invalid parameter: return_or_cancel_id."));
    }
    let reasons = reasons::of_refusal(shop.region.code).iter();
    Ok(json!({"reasons": reasons.map(|(name, text)| json!({"name": name, "text": text})).collect::<Vec<_>>()}))
}
