//! Orders: pushed, and read by id or reference (sections A2 and A3).

use domain::time::Moment;
use domain::warehouse_order::Phase;
use serde::{Deserialize, Serialize};

use crate::call::{CallError, Received, Remedy};
use crate::warehouse::account::Asked;
use crate::warehouse::{ListedOrder, OrderPage, Parcel, PushOrder, SeenOrder};
use crate::{lenient, wire};

/// The longest reference and name, in characters (section A2).
const LONGEST: usize = 300;

#[derive(Serialize)]
struct Body<'a> {
    reference_id: &'a str,
    order_number: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    shipping_method: &'static str,
    recipient: Recipient<'a>,
    products: Vec<Product<'a>>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    name: String,
    address: Address<'a>,
}

#[derive(Serialize)]
struct Address<'a> {
    address1: &'a str,
    city: &'a str,
    /// The sheet leaves it out with others that may be missing; its name is that of ShipBob's own reference of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<&'a str>,
}

#[derive(Serialize)]
struct Product<'a> {
    reference_id: &'a str,
    name: &'a str,
    quantity: u32,
    external_line_id: usize,
}

/// What is sent to push an order.
pub(super) fn body(order: &PushOrder) -> Vec<u8> {
    let products = order.lines.iter().enumerate();
    wire::json(&Body {
        reference_id: &order.reference,
        order_number: &order.number,
        kind: "DTC",
        shipping_method: "Standard",
        recipient: Recipient {
            name: order.recipient.name.chars().take(LONGEST).collect(),
            address: Address {
                address1: &order.recipient.address,
                city: &order.recipient.city,
                state: order.recipient.province.as_deref(),
                country: &order.recipient.country,
                zip_code: order.recipient.postal_code.as_deref(),
            },
        },
        products: products
            .map(|(place, line)| Product {
                reference_id: &line.sku,
                name: &line.name,
                quantity: line.quantity,
                external_line_id: place + 1,
            })
            .collect(),
    })
}

#[derive(Deserialize)]
struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reference_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default)]
    shipments: Option<Vec<Shipment>>,
}

#[derive(Deserialize)]
pub(super) struct Shipment {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default)]
    status_details: Option<Vec<Detail>>,
    #[serde(default)]
    tracking: Option<Tracking>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default, deserialize_with = "lenient::integer")]
    id: Option<i64>,
}

#[derive(Deserialize)]
struct Tracking {
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
}

impl Shipment {
    /// The table of section A3. A word that is not in it decides nothing.
    pub(super) fn phase(&self) -> Phase {
        let details = self.status_details.as_deref().unwrap_or_default();
        let has = |id: i64| details.iter().any(|detail| detail.id == Some(id));
        match self.status.as_deref().unwrap_or_default() {
            "Processing" if has(101) || has(102) => Phase::Packed,
            "Processing" if has(100) => Phase::Picked,
            "Processing" | "None" | "ImportReview" | "OnHold" | "Exception" => Phase::Open,
            "LabeledCreated" => Phase::Packed,
            "Completed" => Phase::Shipped,
            "Cancelled" => Phase::Cancelled,
            _ => Phase::Undecided,
        }
    }
}

impl Order {
    fn seen(self, asked: &Asked, received: &Received) -> Result<SeenOrder, CallError> {
        let lacks = || asked.failed(received, Remedy::Unknown, "the order has no id");
        let number = self.id.filter(|id| !id.is_empty()).ok_or_else(lacks)?;
        let order_status = self.status.unwrap_or_default();
        let shipments = self.shipments.unwrap_or_default();
        let phases: Vec<Phase> = shipments.iter().map(Shipment::phase).collect();
        // Shipments may be missing right after the push (section A2): then the order's own word counts.
        let (phase, partial) = Phase::fold(&phases).unwrap_or_else(|| (order_phase(&order_status), false));
        let words: Vec<&str> = shipments.iter().filter_map(|shipment| shipment.status.as_deref()).collect();
        let raw_status = if words.is_empty() { order_status } else { words.join(", ") };
        let parcels = shipments.into_iter().filter_map(|shipment| {
            let tracking_number = shipment.tracking.and_then(|tracking| tracking.tracking_number);
            Some(Parcel { number: shipment.id?, tracking_number: tracking_number.filter(|number| !number.is_empty()) })
        });
        Ok(SeenOrder { number, raw_status, phase, partial, parcels: parcels.collect(), last_word: None })
    }
}

fn order_phase(status: &str) -> Phase {
    match status {
        "Processing" | "ImportReview" | "Exception" => Phase::Open,
        "Fulfilled" => Phase::Shipped,
        "Cancelled" => Phase::Cancelled,
        _ => Phase::Undecided,
    }
}

/// Reads the answer to a push: the warehouse's id of the order.
pub(super) fn read_pushed(asked: &Asked, received: &Received) -> Result<String, CallError> {
    let order: Order = asked.answer(received)?;
    order.id.filter(|id| !id.is_empty()).ok_or_else(|| asked.failed(received, Remedy::Unknown, "the order has no id"))
}

/// Reads one order by its id.
pub(super) fn read_one(asked: &Asked, received: &Received) -> Result<Option<SeenOrder>, CallError> {
    if received.status == 404 {
        return Ok(None);
    }
    let order: Order = asked.answer(received)?;
    order.seen(asked, received).map(Some)
}

/// Reads what was found by a reference: a bare list, filtered by nothing else.
pub(super) fn read_found(asked: &Asked, reference: &str, received: &Received) -> Result<Option<SeenOrder>, CallError> {
    let orders: Vec<Order> = asked.answer(received)?;
    let found = orders.into_iter().find(|order| order.reference_id.as_deref() == Some(reference));
    found.map(|order| order.seen(asked, received)).transpose()
}

/// A moment's day in UTC, as `2026-11-30`.
pub(super) fn day_of(moment: Moment) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(moment.millis()).unwrap_or_default();
    timestamp.strftime("%Y-%m-%d").to_string()
}

/// Reads a page of the list; a full one has another after it.
pub(super) fn read_page(asked: &Asked, page: u32, received: &Received) -> Result<OrderPage, CallError> {
    let orders: Vec<Order> = asked.answer(received)?;
    let is_full = orders.len() >= super::ORDERS_PER_PAGE;
    let listed = |order: Order| {
        let reference = order.reference_id.clone()?;
        let seen = order.seen(asked, received).ok()?;
        Some(ListedOrder { number: seen.number, reference, raw_status: seen.raw_status, phase: seen.phase })
    };
    let orders = orders.into_iter().filter_map(listed).collect();
    Ok(OrderPage { orders, next: is_full.then(|| (page + 1).to_string()) })
}
