//! Reading orders: `get_order_list` and `get_order_detail` (`shopee.md` section 6).
//!
//! Money is a JSON number in the shop's currency, not in minor units (section 1). An order that cannot be read names
//! itself in the error; it is never left out silently, because left out means “the platform does not know it”.

use std::collections::{HashMap, HashSet};

use domain::ids::{LineId, OrderNumber, PackageNumber};
use domain::money::Currency;
use domain::order::Stage;
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::snapshot::{CancelledFacts, FulfilledBy, Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::time::Moment;
use serde::Deserialize;

use super::eligibility::LiveAnswer;
use super::errors::{Answer, Asked};
use super::{Parameters, requests, status, stock};
use crate::call::{CallError, Received, Remedy};
use crate::connector::{OrderPage, Window};
use crate::lenient::{self, Decimal};

/// Section 6.1.
pub(super) const GET_ORDER_LIST: &str = "/api/v2/order/get_order_list";
/// Section 6.2.
pub(super) const GET_ORDER_DETAIL: &str = "/api/v2/order/get_order_detail";
/// Orders per page of the list (section 6.1, `C4`).
const PAGE_SIZE: &str = "100";
/// Orders per detail read (section 6.2, `C5`).
pub(super) const READ_MAX: usize = 50;
/// The longest cursor that is believed, in bytes; it is opaque (section 6.1).
const CURSOR_MAX: usize = 1024;
/// The optional fields that are read here. The section recommends four more, which nothing here uses.
const OPTIONAL_FIELDS: &str = "item_list,package_list,cancel_by,cancel_reason,buyer_cancel_reason,total_amount,\
                               pay_time,fulfillment_flag,shipping_carrier,pickup_done_time,buyer_username";
/// The flag of an order in Shopee's own warehouse (section 6.2, `C2`).
const FULFILLED_BY_SHOPEE: &str = "fulfilled_by_shopee";

pub(super) fn list_parameters(window: Window, cursor: Option<&str>) -> Parameters {
    vec![
        ("time_range_field", "update_time".to_owned()),
        ("time_from", window.from.seconds().to_string()),
        ("time_to", window.to.seconds().to_string()),
        ("page_size", PAGE_SIZE.to_owned()),
        ("cursor", cursor.unwrap_or_default().to_owned()),
    ]
}

pub(super) fn detail_parameters(numbers: &[OrderNumber]) -> Parameters {
    let joined = numbers.iter().map(OrderNumber::as_str).collect::<Vec<_>>().join(",");
    vec![
        ("order_sn_list", joined),
        ("response_optional_fields", OPTIONAL_FIELDS.to_owned()),
        // Without it a hold on Shopee's side hides behind READY_TO_SHIP (section 6.1 and 7.1).
        ("request_order_status_pending", "true".to_owned()),
    ]
}

#[derive(Deserialize)]
struct ListResponse {
    #[serde(default, deserialize_with = "lenient::flag")]
    more: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    next_cursor: Option<String>,
    order_list: Option<Vec<ListedOrder>>,
}

#[derive(Deserialize)]
struct ListedOrder {
    #[serde(default, deserialize_with = "lenient::text")]
    order_sn: Option<String>,
}

/// Reads a page of the list. `cursor` is the one that was sent: a page that points at itself would never end.
pub(super) fn read_list(asked: &Asked, cursor: Option<&str>, received: &Received) -> Result<OrderPage, CallError> {
    let answer = asked.answer(received)?;
    let response: ListResponse = answer.response()?;
    let numbers = response
        .order_list
        .unwrap_or_default()
        .into_iter()
        .map(|row| number(row.order_sn.as_deref()))
        .collect::<Result<_, _>>()
        .map_err(|problem| answer.unreadable(&problem))?;
    let next = match (response.more.unwrap_or(false), response.next_cursor) {
        (false, _) => None,
        (true, Some(next)) if next.len() <= CURSOR_MAX && Some(next.as_str()) != cursor => Some(next),
        (true, _) => return Err(answer.unreadable("it promises another page without a usable cursor")),
    };
    Ok(OrderPage { numbers, next })
}

fn number(text: Option<&str>) -> Result<OrderNumber, String> {
    let text = text.ok_or("an order has no order_sn")?;
    OrderNumber::parse(text).map_err(|error| format!("an order's order_sn cannot be used: {error}"))
}

#[derive(Deserialize)]
struct DetailResponse {
    order_list: Option<Vec<Order>>,
}

#[derive(Deserialize)]
struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    order_sn: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    region: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    cod: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_status: Option<String>,
    #[serde(default)]
    total_amount: Decimal,
    #[serde(default, deserialize_with = "lenient::moment")]
    create_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    update_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    pay_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    ship_by_date: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    pickup_done_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::text")]
    buyer_username: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    buyer_cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_by: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    fulfillment_flag: Option<String>,
    #[serde(default)]
    can_full_cancel_order: LiveAnswer,
    #[serde(default, deserialize_with = "lenient::texts")]
    pending_terms: Vec<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipping_carrier: Option<String>,
    item_list: Option<Vec<Item>>,
    package_list: Option<Vec<Package>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::integer")]
    item_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    model_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    order_item_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    promotion_group_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    item_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    model_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    item_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    model_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    model_quantity_purchased: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    cancelled_qty: Option<i64>,
    #[serde(default)]
    model_original_price: Decimal,
    #[serde(default)]
    model_discounted_price: Decimal,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default, deserialize_with = "lenient::text")]
    package_number: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    logistics_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipping_carrier: Option<String>,
}

/// Reads order details. Only orders that were asked for come back.
pub(super) fn read_detail(
    asked: &Asked,
    policy: &Policy,
    numbers: &[OrderNumber],
    received: &Received,
) -> Result<Vec<OrderSnapshot>, CallError> {
    let answer = match asked.answer(received) {
        Ok(answer) => answer,
        // What comes when only some of several exist is not documented (section 6.2): the caller reads one by one.
        Err(error) if numbers.len() == 1 && is_not_found(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let response: DetailResponse = answer.response()?;
    let wanted: HashSet<&str> = numbers.iter().map(OrderNumber::as_str).collect();
    let mut seen = HashSet::new();
    let mut orders = Vec::new();
    // An empty list says that there is no such order; no list says nothing.
    let rows = response.order_list.ok_or_else(|| answer.unreadable("there is no order_list"))?;
    for order in rows {
        let number = number(order.order_sn.as_deref()).map_err(|problem| answer.failed(Remedy::Bug, &problem))?;
        if wanted.contains(number.as_str()) && seen.insert(number.clone()) {
            orders.push(order.snapshot(&answer, policy, number)?);
        }
    }
    Ok(orders)
}

fn is_not_found(error: &CallError) -> bool {
    error.remedy == Remedy::Rejected && error.story.code.ends_with("error_not_found")
}

impl Order {
    fn snapshot(self, answer: &Answer<'_>, policy: &Policy, number: OrderNumber) -> Result<OrderSnapshot, CallError> {
        let name = number.clone();
        self.read(policy, number).map_err(|problem| answer.failed(Remedy::Bug, &format!("order {name}: {problem}")))
    }

    fn read(self, policy: &Policy, number: OrderNumber) -> Result<OrderSnapshot, String> {
        let platform_status = self.order_status.ok_or("it has no order_status")?;
        let updated_at = self.update_time.ok_or("it has no update_time")?;
        let ordered_at = self.create_time.ok_or("it has no create_time")?;
        let currency = Currency::parse(self.currency.as_deref().unwrap_or_default()).map_err(|e| e.to_string())?;
        let fulfilled_by = match self.fulfillment_flag.as_deref() {
            Some(FULFILLED_BY_SHOPEE) => FulfilledBy::Platform,
            _ => FulfilledBy::Seller,
        };
        let wire_packages = self.package_list.unwrap_or_default();
        let package_words = wire_packages.iter().filter_map(|package| package.logistics_status.as_deref());
        let held = !self.pending_terms.is_empty();
        let reading = status::read(policy, &platform_status, package_words, held, self.pickup_done_time.is_some());
        let cancelled = (reading.standing == Standing::Canceled).then(|| CancelledFacts {
            by: initiator(self.cancel_by.as_deref().unwrap_or_default()),
            reason: self.cancel_reason.unwrap_or_default(),
        });
        let total = self.total_amount.money(currency).filter(|total| total.minor() != 0 || self.pay_time.is_some());
        let lines = lines(self.item_list.unwrap_or_default(), currency, cancelled.is_some())?;
        let request = requests::read_request(reading.standing, &lines, self.buyer_cancel_reason.as_ref());
        Ok(OrderSnapshot {
            lines,
            requests: request.into_iter().collect(),
            packages: packages(wire_packages, policy, &platform_status, self.shipping_carrier.as_deref())?,
            platform: Platform::Shopee,
            number,
            standing: reading.standing,
            stage: reading.stage,
            platform_status,
            updated_at,
            ordered_at,
            paid_at: self.pay_time,
            ship_by: self.ship_by_date,
            region: self.region.unwrap_or_default(),
            currency,
            total,
            buyer_name: lenient::masked(self.buyer_username.as_deref().unwrap_or_default()),
            cod: self.cod.unwrap_or(false),
            // Order details do not say it: is_pre_order stands in get_package_detail alone (section 6.3).
            preorder: false,
            fulfilled_by,
            seller_may_cancel: self.can_full_cancel_order.0,
            cancelled,
            buyer_reason: self.buyer_cancel_reason,
        })
    }
}

/// `cancel_by` (section 6.2); what stands there while a request is open is not documented.
fn initiator(word: &str) -> Option<Initiator> {
    match word.to_ascii_lowercase().as_str() {
        "buyer" => Some(Initiator::Buyer),
        "seller" => Some(Initiator::Seller),
        "system" | "ops" => Some(Initiator::Platform),
        _ => None,
    }
}

fn lines(items: Vec<Item>, currency: Currency, cancelled: bool) -> Result<Vec<LineSnapshot>, String> {
    if items.is_empty() {
        return Err("its item_list is empty".to_owned());
    }
    let mut repeats: HashMap<String, usize> = HashMap::new();
    items.into_iter().map(|item| item.line(currency, cancelled, &mut repeats)).collect()
}

impl Item {
    /// A line's id joins what every answer since 2020 holds: `line_item_id` exists since 2026-07 only (section 6.2), so
    /// an order read before and after would change its lines.
    fn line(
        self,
        currency: Currency,
        cancelled: bool,
        repeats: &mut HashMap<String, usize>,
    ) -> Result<LineSnapshot, String> {
        let item_id = self.item_id.filter(|&id| id > 0).ok_or("an item has no item_id")?;
        let model_id = self.model_id.unwrap_or(0);
        let order_item_id = self.order_item_id.filter(|&id| id != 0).unwrap_or(item_id);
        let group = self.promotion_group_id.unwrap_or(0);
        let mut id = format!("{order_item_id}:{model_id}:{group}");
        let repeat = repeats.entry(id.clone()).and_modify(|times| *times += 1).or_insert(1);
        if *repeat > 1 {
            id = format!("{id}:{repeat}");
        }
        let quantity = self
            .model_quantity_purchased
            .and_then(|quantity| u32::try_from(quantity).ok())
            .ok_or_else(|| format!("item {item_id} has no usable model_quantity_purchased"))?;
        let listing = stock::listing(item_id, model_id)?;
        let cancelled_quantity = if cancelled {
            quantity
        } else {
            u32::try_from(self.cancelled_qty.unwrap_or(0)).unwrap_or(0).min(quantity)
        };
        let discounted = self.model_discounted_price.money(currency).filter(|price| price.minor() > 0);
        Ok(LineSnapshot {
            id: LineId::parse(id).map_err(|error| error.to_string())?,
            listing_sku: stock::listing_sku(&listing, model_id, self.model_sku, self.item_sku)?,
            listing,
            name: self.item_name.unwrap_or_default(),
            variation: self.model_name.unwrap_or_default(),
            quantity,
            cancelled_quantity,
            // Per unit, as measured; zero for bundle deals (section 6.2 and 15, question 10).
            unit_price: discounted.or_else(|| self.model_original_price.money(currency)),
            cancelled_by: None,
            // A line has no status, and an order's detail does not say which package a line is in.
            platform_status: String::new(),
            stage: None,
            package: None,
            is_component: false,
        })
    }
}

fn packages(
    packages: Vec<Package>,
    policy: &Policy,
    platform_status: &str,
    order_carrier: Option<&str>,
) -> Result<Vec<PackageSnapshot>, String> {
    let order_stage = policy.status(platform_status).map_or(Stage::Untouched, |rule| rule.stage);
    let mut seen = HashSet::new();
    let mut read = Vec::with_capacity(packages.len());
    for package in packages {
        // Before payment an order may have a package without a number: there is nothing to name yet.
        let Some(number) = package.package_number else { continue };
        let number = PackageNumber::parse(number).map_err(|error| format!("a package_number: {error}"))?;
        if !seen.insert(number.clone()) {
            continue;
        }
        let platform_status = package.logistics_status.unwrap_or_default();
        read.push(PackageSnapshot {
            number,
            // It stands in get_package_detail and get_tracking_number only (section 6.2).
            tracking_number: None,
            stage: status::package_stage(policy, &platform_status, order_stage),
            platform_status,
            carrier: package.shipping_carrier.or_else(|| order_carrier.map(str::to_owned)).unwrap_or_default(),
        });
    }
    Ok(read)
}
