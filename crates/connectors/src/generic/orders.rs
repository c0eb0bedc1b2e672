//! Orders: pushed under our reference, and read by id or reference.

use domain::warehouse_order::Phase;
use serde::{Deserialize, Serialize};

use super::errors::is_order_unknown;
use super::withdrawal::Withdrawal;
use crate::call::{CallError, Received, Remedy};
use crate::warehouse::account::Asked;
use crate::warehouse::{ListedOrder, OrderPage, Parcel, PushOrder, SeenOrder};
use crate::{lenient, wire};

#[derive(Serialize)]
struct Body<'a> {
    number: &'a str,
    recipient: Recipient<'a>,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    name: &'a str,
    address: &'a str,
    city: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    country: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    sku: &'a str,
    name: &'a str,
    quantity: u32,
}

/// What is sent to push an order; its reference stands in the path.
pub(super) fn body(order: &PushOrder) -> Vec<u8> {
    wire::json(&Body {
        number: &order.number,
        recipient: Recipient {
            name: &order.recipient.name,
            address: &order.recipient.address,
            city: &order.recipient.city,
            province: order.recipient.province.as_deref(),
            postal_code: order.recipient.postal_code.as_deref(),
            country: &order.recipient.country,
        },
        lines: order
            .lines
            .iter()
            .map(|line| Line { sku: &line.sku, name: &line.name, quantity: line.quantity })
            .collect(),
    })
}

#[derive(Deserialize)]
struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reference: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    phase: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default)]
    withdrawal: Option<Withdrawal>,
    #[serde(default)]
    parcels: Option<Vec<SentParcel>>,
}

#[derive(Deserialize)]
struct SentParcel {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    orders: Vec<Order>,
}

impl Order {
    fn seen(self, asked: &Asked, received: &Received) -> Result<SeenOrder, CallError> {
        let lacks = || asked.failed(received, Remedy::Unknown, "the order has no id");
        let number = self.id.ok_or_else(lacks)?;
        let word = self.phase.unwrap_or_default();
        // A word that the protocol does not know decides nothing.
        let phase = Phase::parse(&word).unwrap_or(Phase::Undecided);
        let parcels = self.parcels.unwrap_or_default().into_iter();
        let parcels =
            parcels.filter_map(|parcel| Some(Parcel { number: parcel.id?, tracking_number: parcel.tracking_number }));
        Ok(SeenOrder {
            number,
            raw_status: self.status.unwrap_or(word),
            phase,
            partial: false,
            parcels: parcels.collect(),
            last_word: self.withdrawal.as_ref().and_then(Withdrawal::answer),
        })
    }
}

/// Reads the answer to a push: the warehouse's id of the order, also of one that it had already.
pub(super) fn read_pushed(asked: &Asked, received: &Received) -> Result<String, CallError> {
    let order: Order = asked.answer(received)?;
    order.id.ok_or_else(|| asked.failed(received, Remedy::Unknown, "the order has no id"))
}

/// Reads one order by its id.
pub(super) fn read_one(asked: &Asked, received: &Received) -> Result<Option<SeenOrder>, CallError> {
    if is_order_unknown(received) {
        return Ok(None);
    }
    let order: Order = asked.answer(received)?;
    order.seen(asked, received).map(Some)
}

/// Reads what was found by a reference.
pub(super) fn read_found(asked: &Asked, reference: &str, received: &Received) -> Result<Option<SeenOrder>, CallError> {
    let found: Found = asked.answer(received)?;
    let order = found.orders.into_iter().find(|order| order.reference.as_deref() == Some(reference));
    order.map(|order| order.seen(asked, received)).transpose()
}

/// Reads a page of what waits in the building; nothing where the warehouse does not tell it. The page after the last is empty.
pub(super) fn read_page(asked: &Asked, received: &Received) -> Result<OrderPage, CallError> {
    if received.status == 404 {
        return Ok(OrderPage::default());
    }
    let found: Found = asked.answer(received)?;
    let next = found.orders.last().and_then(|order| order.id.clone());
    let listed = |order: Order| {
        let reference = order.reference.clone()?;
        let seen = order.seen(asked, received).ok()?;
        Some(ListedOrder { number: seen.number, reference, raw_status: seen.raw_status, phase: seen.phase })
    };
    Ok(OrderPage { orders: found.orders.into_iter().filter_map(listed).collect(), next })
}
