//! Orders: pushed, and read by code or reference.

use domain::warehouse_order::Phase;
use serde::{Deserialize, Serialize};

use super::auth::Credentials;
use super::errors::Envelope;
use crate::call::{CallError, Received, Remedy};
use crate::warehouse::account::Asked;
use crate::warehouse::{ListedOrder, OrderPage, Parcel, PushOrder, SeenOrder};
use crate::{lenient, wire};

/// What is told as the postcode where nothing was entered.
const NO_ZIPCODE: &str = "00000";
/// The order is submitted, not kept as a draft.
const SUBMIT: u8 = 1;

#[derive(Serialize)]
struct Body<'a> {
    reference_no: &'a str,
    shipping_method: &'a str,
    warehouse_code: &'a str,
    country_code: &'a str,
    province: &'a str,
    city: &'a str,
    address1: &'a str,
    zipcode: &'a str,
    name: &'a str,
    verify: u8,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    product_sku: &'a str,
    quantity: u32,
}

/// What is sent to push an order.
pub(super) fn body(order: &PushOrder, credentials: &Credentials) -> Vec<u8> {
    let recipient = &order.recipient;
    wire::json(&Body {
        reference_no: &order.reference,
        shipping_method: &credentials.shipping_method,
        warehouse_code: &credentials.warehouse_code,
        country_code: &recipient.country,
        // It is required: the city stands for one that nobody told.
        province: recipient.province.as_deref().unwrap_or(&recipient.city),
        city: &recipient.city,
        address1: &recipient.address,
        zipcode: recipient.postal_code.as_deref().or(credentials.zipcode.as_deref()).unwrap_or(NO_ZIPCODE),
        name: &recipient.name,
        verify: SUBMIT,
        items: order.lines.iter().map(|line| Item { product_sku: &line.sku, quantity: line.quantity }).collect(),
    })
}

#[derive(Deserialize)]
struct Made {
    #[serde(default, deserialize_with = "lenient::text")]
    order_code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    order_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reference_no: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_no: Option<String>,
}

impl Order {
    /// The table of statuses. One that is not in it decides nothing.
    pub(super) fn phase(&self) -> Phase {
        match self.order_status.as_deref() {
            Some("C" | "H" | "W" | "N" | "P") => Phase::Open,
            Some("D") => Phase::Shipped,
            Some("X") => Phase::Cancelled,
            _ => Phase::Undecided,
        }
    }
}

/// Reads the answer to a push: the warehouse's code of the order.
pub(super) fn read_pushed(asked: &Asked, received: &Received) -> Result<String, CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if !envelope.worked() {
        return Err(envelope.failed(asked, received, Remedy::Rejected));
    }
    let inside = || envelope.one::<Made>().and_then(|made| made.order_code);
    let code = envelope.order_code.clone().or_else(inside);
    code.ok_or_else(|| asked.failed(received, Remedy::Unknown, "the answer has no order_code"))
}

/// Reads an order. One that is not there has no data, or one of the codes that were entered for that; any other failure says
/// nothing of the order, for a token that is not taken may look the same.
pub(super) fn read(
    asked: &Asked,
    absent: &[String],
    reference: Option<&str>,
    received: &Received,
) -> Result<Option<SeenOrder>, CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if !envelope.worked() {
        let is_absent = envelope.code().is_some_and(|code| absent.contains(&code));
        return if is_absent { Ok(None) } else { Err(envelope.failed(asked, received, Remedy::Bug)) };
    }
    let Some(order) = envelope.one::<Order>() else { return Ok(None) };
    if let (Some(asked_for), Some(found)) = (reference, order.reference_no.as_deref())
        && asked_for != found
    {
        return Ok(None);
    }
    let phase = order.phase();
    let lacks = || asked.failed(received, Remedy::Unknown, "the order has no order_code");
    let number = order.order_code.ok_or_else(lacks)?;
    // Parcels are not told apart: the order's code and its tracking number are what people can ask for.
    let parcel = Parcel { number: number.clone(), tracking_number: order.tracking_no };
    let raw_status = order.order_status.unwrap_or_default();
    Ok(Some(SeenOrder { number, raw_status, phase, partial: false, parcels: vec![parcel], last_word: None }))
}

/// Reads a page of the list of one status; a full one has another after it, and after the last comes the next status.
pub(super) fn read_page(
    asked: &Asked,
    (place, page): (usize, u32),
    received: &Received,
) -> Result<OrderPage, CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if !envelope.worked() {
        return Err(envelope.failed(asked, received, Remedy::Bug));
    }
    let orders = envelope.all::<Order>();
    let is_full = u32::try_from(orders.len()).is_ok_and(|found| found >= super::ORDERS_PER_PAGE);
    let status = super::WAITING.get(if is_full { place } else { place + 1 });
    let next = status.map(|status| format!("{status}/{}", if is_full { page + 1 } else { 1 }));
    let listed = |order: Order| {
        let phase = order.phase();
        Some(ListedOrder {
            number: order.order_code?,
            reference: order.reference_no?,
            raw_status: order.order_status.unwrap_or_default(),
            phase,
        })
    };
    Ok(OrderPage { orders: orders.into_iter().filter_map(listed).collect(), next })
}
