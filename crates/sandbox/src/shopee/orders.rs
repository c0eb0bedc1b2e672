//! Orders and how they are read: sheet sections 6 and 7.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success};
use super::products::Products;
use super::rules::Rules;
use super::shops::{Page, Shop};
use super::status::{PackageStatus, Status};
use crate::marketplace::Moment;

/// The widest window of `get_order_list` (section 14).
const WIDEST_WINDOW_SECONDS: i64 = 15 * 86_400;
/// The largest page (section 14).
const LARGEST_PAGE: i64 = 100;
/// Orders or packages read at once (section 14).
const MOST_READ_AT_ONCE: usize = 50;
/// The filters of `order_status` that are documented (6.1); `PENDING` orders are found by asking for it as well.
const LIST_STATUSES: [&str; 8] =
    ["UNPAID", "READY_TO_SHIP", "PROCESSED", "SHIPPED", "COMPLETED", "IN_CANCEL", "CANCELLED", "INVOICE_PENDING"];

/// Who sends the goods (`fulfillment_flag`, 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Fulfilment {
    /// The platform's warehouse: the seller cannot cancel.
    #[serde(rename = "fulfilled_by_shopee")]
    Platform,
    /// A cross-border seller.
    #[serde(rename = "fulfilled_by_cb_seller")]
    CrossBorderSeller,
    /// The seller.
    #[default]
    #[serde(rename = "fulfilled_by_local_seller")]
    LocalSeller,
}

impl Fulfilment {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Fulfilment::Platform => "fulfilled_by_shopee",
            Fulfilment::CrossBorderSeller => "fulfilled_by_cb_seller",
            Fulfilment::LocalSeller => "fulfilled_by_local_seller",
        }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Fulfilment> {
        [Fulfilment::Platform, Fulfilment::CrossBorderSeller, Fulfilment::LocalSeller]
            .into_iter()
            .find(|fulfilment| fulfilment.name() == name)
    }
}

/// What happens to an order when a moment has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Due {
    /// Not paid in time.
    UnpaidExpires,
    /// Not shipped in time.
    NotShipped,
    /// The buyer's request was not answered in time.
    RequestUnanswered,
    /// The seller's cancel takes effect.
    CancelSettles {
        /// The seller's reason.
        reason: String,
        /// The listings that are out of stock.
        chosen: Vec<(i64, i64)>,
    },
}

/// An order line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) item_id: i64,
    pub(super) model_id: i64,
    pub(super) quantity: u32,
    /// Unit prices in minor units.
    pub(super) original_price: i64,
    pub(super) price: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) cancelled: u32,
    /// Which package it travels in.
    #[serde(default, skip_serializing_if = "is_zero_u8")]
    pub(super) package: u8,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_zero_u8(number: &u8) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Line {
    /// Units that are not cancelled.
    pub(super) fn active(&self) -> u32 {
        self.quantity.saturating_sub(self.cancelled)
    }
}

/// A package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) number: Arc<str>,
    pub(super) status: PackageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tracking: Option<Box<str>>,
    /// When it was picked up; 0: not yet.
    #[serde(default)]
    pub(super) picked_up: i64,
}

/// An order. Times are seconds since 1970, money is in minor units of the shop's currency.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) number: Arc<str>,
    pub(super) status: Status,
    pub(super) created: i64,
    pub(super) updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<i64>,
    pub(super) ship_by: i64,
    pub(super) days_to_ship: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) cod: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) preorder: bool,
    #[serde(default)]
    pub(super) fulfilment: Fulfilment,
    pub(super) lines: Vec<Line>,
    pub(super) packages: Vec<Package>,
    pub(super) shipping_fee: i64,
    pub(super) total: i64,
    pub(super) buyer: Box<str>,
    pub(super) payment_method: Box<str>,
    pub(super) carrier: Box<str>,
    #[serde(default)]
    pub(super) note: Box<str>,
    #[serde(default)]
    pub(super) city: Box<str>,
    #[serde(default)]
    pub(super) state: Box<str>,
    /// `buyer`, `seller`, `system`, `Ops` or empty (6.2).
    #[serde(default)]
    pub(super) cancel_by: Box<str>,
    /// The platform's text (7.4).
    #[serde(default)]
    pub(super) cancel_reason: Box<str>,
    /// The value that the seller sent.
    #[serde(default)]
    pub(super) seller_reason: Box<str>,
    #[serde(default)]
    pub(super) buyer_reason: Box<str>,
    /// The status from which the buyer's request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before_request: Option<Status>,
    /// The buyer has made the one request that an order may have (section 9).
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) asked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<(i64, Due)>,
}

impl Order {
    /// The seller may cancel the whole order now (`can_full_cancel_order`), or the platform's words why not
    /// (section 8).
    pub(super) fn seller_may_cancel(&self, rules: &Rules) -> Result<(), Failure> {
        if self.fulfilment == Fulfilment::Platform {
            return Err(Failure::new("order.error_param", "You can not cancel warehouse order."));
        }
        let open = match self.status {
            Status::ReadyToShip | Status::Pending => true,
            Status::Processed | Status::RetryShip => rules.cancel_after_arrangement,
            Status::Unpaid => rules.cancel_unpaid,
            _ => false,
        };
        let settling = matches!(self.due, Some((_, Due::CancelSettles { .. })));
        if open && !settling { Ok(()) } else { Err(Failure::new("order.error_limit", "Can not cancel this order")) }
    }

    /// The seller may cancel some units now.
    pub(super) fn seller_may_cancel_partly(&self, rules: &Rules) -> bool {
        rules.partial_cancel
            && self.seller_may_cancel(rules).is_ok()
            && self.lines.iter().map(|line| u64::from(line.active())).sum::<u64>() > 1
    }

    /// Cancels it: every package ends, every unit goes back to its listing, and the chosen listings are set to zero
    /// (section 11).
    pub(super) fn cancel(&mut self, products: &mut Products, by: &str, reason: &str, zeroed: &[(i64, i64)]) {
        for line in &mut self.lines {
            let back = i64::from(line.active());
            line.cancelled = line.quantity;
            products.change_stock(line.item_id, line.model_id, |stock| stock.saturating_add(back));
        }
        for (item_id, model_id) in zeroed {
            products.change_stock(*item_id, *model_id, |_| 0);
        }
        for package in &mut self.packages {
            package.status = package.status.cancelled();
        }
        self.status = Status::Cancelled;
        self.cancel_by = by.into();
        self.cancel_reason = reason.into();
        self.before_request = None;
    }

    /// Takes its cancel back, which no sheet has seen a marketplace do: only the control port asks for it.
    pub(super) fn live_again(&mut self, products: &mut Products) {
        for line in &mut self.lines {
            let again = i64::from(std::mem::take(&mut line.cancelled));
            products.change_stock(line.item_id, line.model_id, |stock| stock.saturating_sub(again));
        }
        self.cancel_by = Default::default();
        self.cancel_reason = Default::default();
    }

    /// The deadline that its present state has, if it lies ahead.
    pub(super) fn next_due(&self, rules: &Rules, now: i64) -> Option<(i64, Due)> {
        let (at, due) = match self.status {
            Status::Unpaid => (self.created + rules.unpaid_expires_seconds, Due::UnpaidExpires),
            Status::ReadyToShip | Status::RetryShip if self.ship_by > 0 => {
                (self.ship_by + rules.not_shipped_grace_seconds, Due::NotShipped)
            }
            Status::InCancel => (now + rules.request_answer_seconds, Due::RequestUnanswered),
            _ => return None,
        };
        (at > now).then_some((at, due))
    }

    /// The platform's own truth, for the control port.
    pub(super) fn truth(&self, shop: &Shop) -> Value {
        let reason = if self.seller_reason.is_empty() { &self.cancel_reason } else { &self.seller_reason };
        json!({
            "platform": "shopee",
            "shop": shop.id.to_string(),
            "number": &*self.number,
            "status": self.status.name(),
            "lines": self.lines.iter().map(|line| {
                let sku = shop.products.listing(line.item_id, line.model_id)
                    .map(|(item, model)| item.listing_sku(model)).unwrap_or_default();
                json!({
                    "id": line.id.to_string(),
                    "sku": sku,
                    "quantity": line.quantity,
                    "cancelled_quantity": line.cancelled,
                    "status": if line.active() == 0 { "cancelled" } else { "active" },
                })
            }).collect::<Vec<_>>(),
            "packages": self.packages.iter().map(|package| json!({
                "number": &*package.number,
                "status": package.status.name(),
                "tracking_number": package.tracking.as_deref().unwrap_or_default(),
            })).collect::<Vec<_>>(),
            "cancelled_by": if self.status == Status::Cancelled { &*self.cancel_by } else { "" },
            "cancel_reason": if self.status == Status::Cancelled { &**reason } else { "" },
            "buyer_reason": &*self.buyer_reason,
            "cod": self.cod,
            "preorder": self.preorder,
            "fulfilled_by": self.fulfilment.name(),
            "created_at": self.created,
            "updated_at": self.updated,
            "ship_by": self.ship_by,
        })
    }
}

/// `GET /api/v2/order/get_order_list` (6.1).
pub(super) fn get_order_list(shop: &Shop, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Outcome {
    let by_update = match parameters.required("time_range_field")?.as_str() {
        "update_time" => true,
        "create_time" => false,
        _ => return Err(Failure::wrong("time_range_field must be create_time or update_time.")),
    };
    let from = parameters.required_integer("time_from")?;
    let to = parameters.required_integer("time_to")?;
    if from >= to || to.saturating_sub(from) > WIDEST_WINDOW_SECONDS {
        return Err(Failure::new(
            "order.order_list_invalid_time",
            "Start time must be earlier than end time and diff in 15days.",
        ));
    }
    let size = parameters.required_integer("page_size")?;
    if size > LARGEST_PAGE {
        return Err(Failure::wrong("page_size must be 100 or less."));
    }
    if size < 1 {
        return Err(Failure::wrong("page_size must be 1 or more."));
    }
    let pending = parameters.flag("request_order_status_pending");
    let status = match parameters.text("order_status") {
        None => None,
        Some(name) if name == "INVOICE_PENDING" => return Ok(Success::Response(order_page(&[], None))),
        Some(name) if LIST_STATUSES.contains(&name.as_str()) || (pending && name == "PENDING") => Status::named(&name),
        Some(_) => return Err(Failure::wrong("order_status is invalid.")),
    };
    let after = match parameters.text("cursor") {
        None => None,
        Some(cursor) => Some(read_cursor(&cursor).ok_or_else(|| Failure::wrong("cursor is invalid."))?),
    };
    let with_status = parameters.list("response_optional_fields").iter().any(|field| field == "order_status");
    let most = usize::try_from(size).unwrap_or(0);
    let page = Page { by_update, from, to, status, pending, after, most };
    let (orders, next) = shop.list(&page, moment.stale);
    let rows: Vec<Value> = orders
        .iter()
        .map(|order| {
            let mut row = json!({"order_sn": &*order.number, "booking_sn": ""});
            if with_status {
                row["order_status"] = json!(order.status.shown(pending).name());
            }
            row
        })
        .collect();
    Ok(Success::Response(order_page(&rows, next)))
}

fn order_page(rows: &[Value], next: Option<(i64, u32)>) -> Value {
    json!({
        "more": next.is_some(),
        "next_cursor": next.map(|(at, place)| format!("{at:x}-{place:x}")).unwrap_or_default(),
        "order_list": rows,
    })
}

fn read_cursor(cursor: &str) -> Option<(i64, u32)> {
    let (at, place) = cursor.split_once('-')?;
    Some((i64::from_str_radix(at, 16).ok()?, u32::from_str_radix(place, 16).ok()?))
}

/// `GET /api/v2/order/get_order_detail` (6.2). A number that is not this shop's is left out; when none is, the call
/// fails: the platform's behaviour for mixed lists is not documented.
pub(super) fn get_order_detail(
    shop: &Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &Moment<'_>,
) -> Outcome {
    let numbers = parameters.list("order_sn_list");
    if numbers.is_empty() {
        return Err(Failure::wrong("order_sn_list is a required field."));
    }
    if numbers.len() > MOST_READ_AT_ONCE {
        return Err(Failure::wrong("order_sn_list must have 50 or less."));
    }
    let wanted = parameters.list("response_optional_fields");
    let pending = parameters.flag("request_order_status_pending");
    let mut seen: Vec<&str> = Vec::new();
    let mut orders = Vec::new();
    for number in &numbers {
        if seen.contains(&number.as_str()) {
            continue;
        }
        seen.push(number);
        if let Some(order) = shop.view(number, moment.stale) {
            orders.push(detail(shop, order, &wanted, pending, rules));
        }
    }
    if orders.is_empty() {
        return Err(Failure::order_not_found());
    }
    Ok(Success::Response(json!({"order_list": orders})))
}

fn detail(shop: &Shop, order: &Order, wanted: &[String], pending: bool, rules: &Rules) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("order_sn", json!(&*order.number));
    put("region", json!(shop.region));
    put("currency", json!(shop.currency));
    put("cod", json!(order.cod));
    put("order_status", json!(order.status.shown(pending).name()));
    put("message_to_seller", json!(&*order.note));
    put("create_time", json!(order.created));
    put("update_time", json!(order.updated));
    put("days_to_ship", json!(order.days_to_ship));
    put("ship_by_date", json!(if order.status == Status::Unpaid { 0 } else { order.ship_by }));
    put("booking_sn", json!(""));
    put("advance_package", json!(false));
    put("can_full_cancel_order", json!(order.seller_may_cancel(rules).is_ok()));
    put("can_partial_cancel_order", json!(order.seller_may_cancel_partly(rules)));
    put("buyer_preference_for_partial_cancellation", json!(1));
    if pending {
        let held = order.status == Status::Pending;
        put("pending_terms", if held { json!(["SYSTEM_PENDING"]) } else { json!([]) });
        put("pending_description", if held { json!(["Order is being processed by Shopee"]) } else { json!([]) });
    }
    for name in wanted {
        if let Some(value) = optional_field(shop, order, name) {
            put(name, value);
        }
    }
    Value::Object(shown)
}

/// One of the fields that are answered only on request (6.2); `None` for unknown names.
fn optional_field(shop: &Shop, order: &Order, name: &str) -> Option<Value> {
    let paid = order.paid.is_some();
    Some(match name {
        "buyer_user_id" => json!(buyer_number(order)),
        "buyer_username" => json!(&*order.buyer),
        "estimated_shipping_fee" => shop.money(order.shipping_fee),
        "actual_shipping_fee" => json!(0),
        "actual_shipping_fee_confirmed" => json!(false),
        "recipient_address" => address(shop, order),
        "goods_to_declare" => json!(false),
        "note" => json!(""),
        "note_update_time" => json!(0),
        "item_list" => item_list(shop, order),
        "pay_time" => json!(order.paid),
        "dropshipper" | "dropshipper_phone" | "buyer_cpf_id" | "invoice_data" => Value::Null,
        "split_up" => json!(order.packages.len() > 1),
        "buyer_cancel_reason" => json!(&*order.buyer_reason),
        "cancel_by" => json!(&*order.cancel_by),
        "cancel_reason" => json!(&*order.cancel_reason),
        "fulfillment_flag" => json!(order.fulfilment.name()),
        "pickup_done_time" => json!(order.packages.iter().map(|package| package.picked_up).max().unwrap_or(0)),
        "package_list" => package_list(shop, order),
        "shipping_carrier" => json!(&*order.carrier),
        "payment_method" => json!(&*order.payment_method),
        "total_amount" if paid || order.cod => shop.money(order.total),
        "total_amount" => json!(0),
        "order_chargeable_weight_gram" => json!(weight_gram(shop, order)),
        "return_request_due_date" => json!(0),
        _ => return None,
    })
}

fn buyer_number(order: &Order) -> i64 {
    // The same buyer keeps the same number; buyers are known by their masked name only.
    order.buyer.bytes().fold(1_000_000_i64, |number, byte| (number * 31 + i64::from(byte)) % 900_000_000)
}

fn address(shop: &Shop, order: &Order) -> Value {
    json!({
        "name": "****", "phone": "****", "town": "", "district": "", "city": &*order.city, "state": &*order.state,
        "region": shop.region, "zipcode": "****", "full_address": "****",
    })
}

fn weight_gram(shop: &Shop, order: &Order) -> u64 {
    order
        .lines
        .iter()
        .filter_map(|line| shop.products.listing(line.item_id, line.model_id).map(|(item, _)| (line, item)))
        .map(|(line, item)| u64::from(line.quantity) * u64::from(item.weight_gram))
        .sum()
}

fn item_list(shop: &Shop, order: &Order) -> Value {
    let asked = order.status == Status::InCancel;
    let rows: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            let listing = shop.products.listing(line.item_id, line.model_id);
            let (name, item_sku, weight) =
                listing.map_or(("", "", 0), |(item, _)| (item.name.as_str(), item.sku.as_str(), item.weight_gram));
            let (model_name, model_sku) =
                listing.map_or(("", ""), |(_, model)| (model.name.as_str(), model.sku.as_str()));
            json!({
                "item_id": line.item_id, "item_name": name, "item_sku": item_sku,
                "model_id": line.model_id, "model_name": model_name, "model_sku": model_sku,
                "model_quantity_purchased": line.quantity,
                "model_original_price": shop.money(line.original_price),
                "model_discounted_price": shop.money(line.price),
                "wholesale": false, "weight": f64::from(weight) / 1_000.0,
                "add_on_deal": false, "main_item": false, "add_on_deal_id": 0,
                "promotion_type": "", "promotion_id": 0, "promotion_list": [],
                "order_item_id": line.item_id, "line_item_id": line.id, "promotion_group_id": 0,
                "image_info": {"image_url": ""}, "product_location_id": [shop.location], "is_b2c_owned_item": false,
                "active_qty": line.active(), "cancel_requested_qty": if asked { line.active() } else { 0 },
                "cancelled_qty": line.cancelled, "return_requested_qty": 0, "returned_qty": 0,
            })
        })
        .collect();
    Value::Array(rows)
}

fn package_items(shop: &Shop, order: &Order, package: usize) -> Vec<Value> {
    order
        .lines
        .iter()
        .filter(|line| usize::from(line.package) == package)
        .map(|line| {
            let listing = shop.products.listing(line.item_id, line.model_id);
            json!({
                "item_id": line.item_id, "model_id": line.model_id, "model_quantity": line.quantity,
                "item_sku": listing.map(|(item, _)| item.sku.as_str()).unwrap_or_default(),
                "model_sku": listing.map(|(_, model)| model.sku.as_str()).unwrap_or_default(),
                "order_item_id": line.item_id, "promotion_group_id": 0, "product_location_id": shop.location,
            })
        })
        .collect()
}

fn package_list(shop: &Shop, order: &Order) -> Value {
    order
        .packages
        .iter()
        .enumerate()
        .map(|(place, package)| {
            let mut items = package_items(shop, order, place);
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.remove("item_sku");
                item.remove("model_sku");
            }
            json!({
                "package_number": &*package.number, "logistics_status": package.status.name(),
                "logistics_channel_id": shop.channel_id, "shipping_carrier": &*order.carrier,
                "allow_self_design_awb": true, "parcel_chargeable_weight_gram": weight_gram(shop, order),
                "group_shipment_id": 0, "sorting_group": "", "item_list": items,
            })
        })
        .collect()
}

/// `GET /api/v2/order/get_package_detail` (6.3).
pub(super) fn get_package_detail(
    shop: &Shop,
    parameters: &Parameters<'_>,
    rules: &Rules,
    moment: &Moment<'_>,
) -> Outcome {
    let numbers = parameters.list("package_number_list");
    if numbers.is_empty() {
        return Err(Failure::wrong("package_number_list is a required field."));
    }
    if numbers.len() > MOST_READ_AT_ONCE {
        return Err(Failure::wrong("package_number_list must have 50 or less."));
    }
    let mut packages = Vec::new();
    for number in &numbers {
        let Some(order) = shop.order_of_package(number).and_then(|order| shop.view(&order, moment.stale)) else {
            continue;
        };
        let found = order.packages.iter().enumerate().find(|(_, package)| *package.number == **number);
        if let Some((place, package)) = found {
            packages.push(json!({
                "order_sn": &*order.number, "package_number": &*package.number,
                "fulfillment_status": package.status.name(), "update_time": order.updated,
                "logistics_channel_id": shop.channel_id, "shipping_carrier": &*order.carrier,
                "allow_self_design_awb": true, "days_to_ship": order.days_to_ship, "ship_by_date": order.ship_by,
                "pending_terms": if order.status == Status::Pending { json!(["SYSTEM_PENDING"]) } else { json!([]) },
                "tracking_number": package.tracking.as_deref().unwrap_or_default(),
                "pickup_done_time": package.picked_up, "is_split_up": order.packages.len() > 1,
                "item_list": package_items(shop, order, place), "recipient_address": address(shop, order),
                "parcel_chargeable_weight_gram": weight_gram(shop, order), "group_shipment_id": 0,
                "is_shipment_arranged": !matches!(package.status, PackageStatus::NotStart | PackageStatus::Ready | PackageStatus::Invalid),
                "status_info_tag": {"tag_id": 0, "timestamp": 0},
                "can_split_order": false, "can_unsplit_order": false, "is_pre_order": order.preorder,
                "can_full_cancel_order": order.seller_may_cancel(rules).is_ok(),
                "can_partial_cancel_order": order.seller_may_cancel_partly(rules),
                "buyer_preference_for_partial_cancellation": 1,
            }));
        }
    }
    if packages.is_empty() {
        return Err(Failure::new("error_not_found", "Wrong parameters, detail: the package is not found."));
    }
    Ok(Success::Response(json!({"package_list": packages})))
}
