//! The seller cancels items, and answers a buyer who asks to: sheet sections 6 and 7.

use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success, number, numbers};
use super::orders::{Fulfilment, Item, Order, ReverseStage, Settling};
use super::products::Products;
use super::rules::{Rules, Siblings};
use super::shops::Shop;
use super::status::Status;
use crate::marketplace::Moment;

/// Who cancelled (section 5.4).
pub(super) const BY_SELLER: &str = "cancellation-seller";
pub(super) const BY_BUYER: &str = "cancellation-customer";
pub(super) const BY_PLATFORM: &str = "cancellation-internal";

/// A reason of the seller (section 6.3).
pub(super) struct Reason {
    pub(super) name: &'static str,
    /// The documented id; the others' are not known and differ from order to order here, as ids are no constants.
    id: Option<i64>,
    /// The id of the older cancel.
    legacy: Option<i64>,
    /// It sets the items' listings to zero (section 9).
    zero: bool,
}

const fn reason(name: &'static str, id: Option<i64>, legacy: Option<i64>, zero: bool) -> Reason {
    Reason { name, id, legacy, zero }
}

/// The reasons of the Seller Center.
pub(super) const REASONS: [Reason; 8] = [
    reason("Out of Delivery Area", None, None, false),
    reason("Out of Stock", Some(10_000_021), Some(15), true),
    reason("Customer unreachable", None, None, false),
    reason("Duplicate order", None, None, false),
    reason("Wrong Price or Pricing Error", Some(10_000_023), Some(21), true),
    reason("Sourcing Delay", Some(10_000_019), None, false),
    reason("System Error", None, None, false),
    reason("Incorrect or Incomplete Shipping Address", None, None, false),
];

/// The reasons that are taken for an order, with their ids for it.
fn offered<'a>(order: &Order, rules: &'a Rules) -> impl Iterator<Item = (&'static Reason, i64)> + use<'a> {
    let own = 90_000_000 + order.id.rem_euclid(1_000) * 10;
    (0..).zip(&REASONS).filter_map(move |(place, reason)| {
        let taken = rules.reasons.iter().any(|name| name == reason.name);
        taken.then(|| (reason, reason.id.unwrap_or(own + place)))
    })
}

/// The items of a call: one order's, all of them known.
struct Chosen<'a> {
    order: &'a Order,
    items: Vec<i64>,
}

/// `order_id` and `order_item_id_list` (sections 6.1 and 6.5); `foreign` are items of other sellers.
fn chosen<'a>(shop: &'a Shop, parameters: &Parameters<'_>, foreign: &[i64]) -> Result<Chosen<'a>, Failure> {
    let number = parameters.text("order_id").ok_or_else(|| Failure::backend("115", "E0115: order id is null"))?;
    let order = number.trim().parse().ok().and_then(|id| shop.order(id));
    let no_items = || Failure::backend("102", "E0102: trade order line id is empty or invalid");
    let list = parameters.json("order_item_id_list").map_err(|_| no_items())?;
    let mut items = numbers(&list).filter(|items| !items.is_empty()).ok_or_else(no_items)?;
    items.sort_unstable();
    items.dedup();
    if let Some(item) = items.iter().find(|item| foreign.contains(item)) {
        return Err(Failure::backend("124", format!("E0124: invalid seller id for this order line {item}")));
    }
    let order = order.ok_or_else(|| Failure::backend("122", "E0122: invalid trade order"))?;
    let strangers: Vec<i64> =
        items.iter().copied().filter(|id| !order.items.iter().any(|item| item.id == *id)).collect();
    if strangers.is_empty() {
        Ok(Chosen { order, items })
    } else {
        Err(Failure::backend("123", format!("E0123: invalid trade order lines {strangers:?}")))
    }
}

/// Why the seller cannot cancel these items now, in the platform's words.
fn refusal(order: &Order, chosen: &[i64], rules: &Rules, repeats: bool) -> Option<String> {
    match order.fulfilment {
        Fulfilment::Fbl => return Some("Items fulfilled by Lazada cannot be cancelled by the seller.".to_owned()),
        Fulfilment::Digital => return Some("Digital items cannot be cancelled by the seller.".to_owned()),
        Fulfilment::Dropshipping | Fulfilment::OwnFleet => {}
    }
    if order.settling.iter().any(|settling| settling.items.iter().any(|item| chosen.contains(item))) {
        return Some("The cancellation of this item is being processed.".to_owned());
    }
    order.items.iter().filter(|item| chosen.contains(&item.id)).find_map(|item| match item.status {
        Status::Canceled if repeats => None,
        Status::Canceled => Some("This item has been cancelled already.".to_owned()),
        _ if item.is_asked() || item.is_agreed() => {
            Some("The buyer has requested to cancel this item. Please handle the request.".to_owned())
        }
        Status::Pending | Status::Repacked | Status::Packed | Status::ReadyToShipPending => None,
        Status::ReadyToShip if rules.cancel_ready_to_ship => None,
        status => Some(format!("Items in status {} cannot be cancelled.", status.name())),
    })
}

fn refused(words: &str) -> Success {
    Success::Data(json!({"tip_type": "error", "tip_content": words, "reason_options": []}))
}

/// `GET /order/reverse/cancel/validate` (6.1).
pub(super) fn validate(shop: &Shop, parameters: &Parameters<'_>, foreign: &[i64], rules: &Rules) -> Outcome {
    let Chosen { order, items } = chosen(shop, parameters, foreign)?;
    if let Some(words) = refusal(order, &items, rules, false) {
        return Ok(refused(&words));
    }
    let options: Vec<Value> = offered(order, rules)
        .map(|(reason, id)| json!({"reason_id": id.to_string(), "reason_name": reason.name}))
        .collect();
    Ok(Success::Data(json!({
        "tip_type": "warning",
        "tip_content": "Stock may be set to 0 if the reason is Out of Stock or Wrong Price or Pricing Error.",
        "reason_options": options,
    })))
}

/// `GET /order/reverse/cancel/create` (6.2).
pub(super) fn create(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    foreign: &[i64],
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let Chosen { order, items } = chosen(shop, parameters, foreign)?;
    let no_reason = || Failure::backend("104", "E0104: reason is empty or invalid");
    let wanted = parameters.integer("reason_id").ok().flatten().ok_or_else(no_reason)?;
    let (reason, _) = offered(order, rules).find(|(_, id)| *id == wanted).ok_or_else(no_reason)?;
    if let Some(words) = refusal(order, &items, rules, moment.accept_repeats) {
        return Ok(refused(&words));
    }
    let id = order.id;
    take(shop, id, items, reason.name, rules, moment);
    Ok(Success::Data(json!({"tip_type": "success", "tip_content": "The order has been cancelled successfully."})))
}

/// A cancel was taken: it has its effect now or, by the rules, later.
fn take(shop: &mut Shop, id: i64, items: Vec<i64>, reason: &str, rules: &Rules, moment: &mut Moment<'_>) {
    let now = moment.now;
    moment.changed = true;
    if rules.cancel_settles_seconds > 0 {
        let settling = Settling { at: now + rules.cancel_settles_seconds, items, reason: reason.into() };
        shop.change(id, rules, now, |order, _| order.settling.push(settling));
    } else {
        shop.change(id, rules, now, |order, products| cancel_by_seller(order, &items, reason, products, rules, now));
    }
}

/// The seller's cancel takes effect: the items, what their parcels take with them, and their listings (6.5 and 9).
pub(super) fn cancel_by_seller(
    order: &mut Order,
    items: &[i64],
    reason: &str,
    products: &mut Products,
    rules: &Rules,
    now: i64,
) {
    let chosen = order.places(|item| items.contains(&item.id));
    let in_parcel = |item: &Item| (item.status == Status::Packed || item.status.is_ready()).then_some(item.package);
    let parcels: Vec<(usize, Status)> = chosen
        .iter()
        .filter_map(|place| order.items.get(*place))
        .filter_map(|item| in_parcel(item).flatten().map(|parcel| (parcel, item.status)))
        .collect();
    let siblings = order.places(|item| {
        let inside = in_parcel(item).flatten();
        !items.contains(&item.id) && inside.is_some_and(|parcel| parcels.iter().any(|(known, _)| *known == parcel))
    });
    let undone = rules.siblings == Siblings::Pending && parcels.iter().all(|(_, status)| *status == Status::Packed);
    let mut cancelled = chosen.clone();
    if undone {
        for place in siblings {
            order.set(place, Status::Pending, products);
        }
    } else {
        cancelled.extend(siblings);
    }
    order.cancel(&cancelled, BY_SELLER, reason, products, now);
    let zero = rules.zero_stock && REASONS.iter().any(|known| known.name == reason && known.zero);
    for item in chosen.iter().filter(|_| zero).filter_map(|place| order.items.get(*place)) {
        products.offer(item.product, item.sku, 0);
    }
}

/// `POST /order/cancel`, the older call: one item (6.6).
pub(super) fn legacy_cancel(
    shop: &mut Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Outcome {
    let text = parameters.required("order_item_id")?;
    let unknown = || Failure::caller("20", format!("E020: \"{text}\" Invalid Order Item ID"));
    let item: i64 = text.trim().parse().map_err(|_| unknown())?;
    let order = shop.order_of_item(item).ok_or_else(unknown)?;
    let wanted = parameters.integer("reason_id")?;
    let reason = REASONS.iter().find(|reason| reason.legacy.is_some() && reason.legacy == wanted);
    let reason = reason.ok_or_else(|| Failure::caller("22", "E022: Invalid reason"))?;
    if let Some(words) = refusal(order, &[item], rules, moment.accept_repeats) {
        return Err(Failure::caller("28", format!("E028: The order item status can not be set: {words}")));
    }
    let id = order.id;
    take(shop, id, vec![item], reason.name, rules, moment);
    Ok(Success::Flat(Map::from_iter([("success".to_owned(), json!(true))])))
}

/// `GET /order/failure_reason/get` (6.6).
pub(super) fn failure_reasons() -> Success {
    let mut rows: Vec<Value> = REASONS
        .iter()
        .filter_map(|reason| Some(json!({"reason_id": reason.legacy?, "type": "canceled", "name": reason.name})))
        .collect();
    rows.push(json!({"reason_id": 33, "type": "failed", "name": "Customer unreachable"}));
    Success::Data(Value::Array(rows))
}

/// `GET /order/reverse/cancel/seller/decide` (section 7).
pub(super) fn decide(shop: &mut Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &mut Moment<'_>) -> Outcome {
    let reverse = parameters.integer("reverse_order_id").ok().flatten();
    let unknown = || Failure::backend("105", "E0105: reverse order id is empty or invalid");
    let reverse = reverse.ok_or_else(unknown)?;
    let agreed = match parameters.required("agree_cancel")?.to_ascii_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(Failure::caller("InvalidParameter", "agree_cancel is true or false")),
    };
    let order = shop.order_of_reverse(reverse).ok_or_else(unknown)?;
    let is_open = |item: &Item| item.is_asked() && item.reverse.as_ref().is_some_and(|known| known.id == reverse);
    if order.places(is_open).is_empty() {
        return Err(Failure::backend("131", "E0131: no decision is open for this reverse order"));
    }
    let (id, now) = (order.id, moment.now);
    shop.change(id, rules, now, |order, products| {
        let places = order.places(is_open);
        match agreed {
            true if rules.agreed_settles_seconds == 0 => grant(order, &places, products, now),
            true => set_stage(order, &places, ReverseStage::Agreed { until: now + rules.agreed_settles_seconds }),
            false => set_stage(order, &places, ReverseStage::Rejected),
        }
    });
    moment.changed = true;
    Ok(Success::Data(Value::Null))
}

/// The buyer's request is granted, by the seller or by silence.
pub(super) fn grant(order: &mut Order, places: &[usize], products: &mut Products, now: i64) {
    let why = places.first().and_then(|place| order.items.get(*place)?.reverse.as_ref());
    let why = why.map(|reverse| reverse.reason.clone()).unwrap_or_default();
    order.cancel(places, BY_BUYER, &why, products, now);
}

/// Moves the reverse orders of items on.
pub(super) fn set_stage(order: &mut Order, places: &[usize], stage: ReverseStage) {
    for place in places {
        if let Some(reverse) = order.items.get_mut(*place).and_then(|item| item.reverse.as_mut()) {
            reverse.stage = stage;
        }
    }
}

/// `/reverse/getreverseordersforseller` (section 7).
pub(super) fn reverse_orders(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let page = parameters.integer("page_no")?.ok_or_else(|| Failure::missing("page_no"))?;
    let size = parameters.integer("page_size")?.ok_or_else(|| Failure::missing("page_size"))?;
    if page < 1 || !(1..=100).contains(&size) {
        return Err(Failure::caller("InvalidParameter", "page_no is 1 or more, page_size 1 to 100"));
    }
    let (trade, reverse) = (parameters.integer("trade_order_id")?, parameters.integer("reverse_order_id")?);
    let words = |name: &str| -> Option<Vec<String>> { serde_json::from_str(parameters.text(name)?).ok() };
    let statuses = words("reverse_status_list");
    let wants_cancels = words("request_type_list").is_none_or(|types| types.iter().any(|word| word == "CANCEL"));
    let rows: Vec<Value> = shop
        .reverses()
        .filter(|(id, order)| {
            wants_cancels && trade.is_none_or(|trade| order.id == trade) && reverse.is_none_or(|reverse| *id == reverse)
        })
        .filter_map(|(id, order)| reverse_row(shop, id, order, statuses.as_deref()))
        .collect();
    let first = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let shown: Vec<&Value> = rows.iter().skip(first).take(usize::try_from(size).unwrap_or(0)).collect();
    Ok(Success::Result(json!({
        "success": true, "page_no": page, "page_size": size, "total": rows.len(), "items": shown,
    })))
}

/// Why a seller refuses a buyer's request: a sibling platform's ids, Lazada's own are not known (section 7).
const REFUSALS: [(i64, &str); 3] =
    [(1019, "The parcel was handed to the carrier"), (1020, "The logistics status was updated"), (1022, "Others")];

/// `GET /order/reverse/reason/list` (section 7, inferred for cancels).
pub(super) fn refusal_reasons(shop: &Shop, parameters: &Parameters<'_>) -> Outcome {
    let line = parameters.integer("reverse_order_line_id")?.ok_or_else(|| Failure::missing("reverse_order_line_id"))?;
    let is_line = |item: &Item| item.reverse.as_ref().is_some_and(|reverse| reverse.line == line);
    if !shop.reverses().any(|(_, order)| order.items.iter().any(is_line)) {
        return Err(Failure::backend("105", "E0105: reverse order line id is empty or invalid"));
    }
    let row = |(id, text): &(i64, &str)| json!({"reason_id": id, "text": text, "muti_language_text": text});
    Ok(Success::Data(REFUSALS.iter().map(row).collect()))
}

fn reverse_row(shop: &Shop, id: i64, order: &Order, statuses: Option<&[String]>) -> Option<Value> {
    let mut lines = Vec::new();
    for item in &order.items {
        let Some(reverse) = item.reverse.as_ref().filter(|reverse| reverse.id == id) else { continue };
        let word = match reverse.stage {
            ReverseStage::Asked { .. } => "REQUEST_INITIATE",
            ReverseStage::Agreed { .. } => "AGREE_CANCEL_ORDER",
            ReverseStage::Done => "CANCEL_SUCCESS",
            ReverseStage::Rejected => "REQUEST_REJECT",
            ReverseStage::Withdrawn => "REQUEST_CANCEL",
        };
        if statuses.is_some_and(|statuses| !statuses.iter().any(|status| status == word)) {
            continue;
        }
        let until = match reverse.stage {
            ReverseStage::Asked { until } => until * 1_000,
            _ => 0,
        };
        let seller_sku = shop.products.listing(item.product, item.sku).map(|(_, sku)| sku.seller_sku.as_str());
        lines.push(json!({
            "reverse_order_line_id": reverse.line, "trade_order_line_id": item.id, "reverse_status": word,
            "ofc_status": "", "reason_code": 0, "reason_text": &*reverse.reason,
            // In cents, except in Vietnam.
            "refund_amount": item.paid, "item_unit_price": item.price, "is_need_refund": order.paid.is_some(),
            "is_dispute": false, "seller_sku_id": seller_sku, "platform_sku_id": item.sku.to_string(),
            "refund_payment_method": "", "tracking_number": "", "whqc_decision": "", "sla": until,
            "return_order_line_gmt_create": reverse.at, "return_order_line_gmt_modified": item.updated,
            "trade_order_gmt_create": order.created, "buyer": {"buyer_id": 100_112_802_006_i64},
            "product": {"product_id": item.product, "product_sku": item.sku.to_string()},
        }));
    }
    (!lines.is_empty()).then(|| {
        json!({
            "reverse_order_id": id, "trade_order_id": order.id, "request_type": "CANCEL", "is_rtm": false,
            "shipping_type": "DEFAULT", "reverse_order_lines": lines,
        })
    })
}

/// The items that a call names, for those that belong to other sellers.
pub(super) fn named_items(parameters: &Parameters<'_>) -> Vec<i64> {
    let list = parameters.text("order_item_id_list").and_then(|text| serde_json::from_str::<Value>(text).ok());
    list.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(number).collect()
}
