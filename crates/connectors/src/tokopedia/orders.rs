//! Reading orders of the old API: list and single order (`tokopedia.md` section B.3).
//!
//! Ids and amounts are JSON numbers, the amounts in rupiah; times of a single order are ISO texts, and those that are not
//! set yet stand in the year 1. The list is by window, shorter than three days, and has paid orders only; nothing says that
//! an order comes back into it when it changes, so each sweep reaches back a day (policy) and pushes tell the rest.

use domain::ids::{LineId, OrderNumber, PackageNumber};
use domain::money::Currency;
use domain::order::Stage;
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::snapshot::{CancelledFacts, FulfilledBy, Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::time::Moment;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::auth::Credentials;
use super::errors::{Answer, Asked, is_not_found};
use super::{Parameters, requests, status, stock};
use crate::call::{CallError, Received, Remedy};
use crate::connector::{OrderPage, Window};
use crate::lenient::{self, Decimal};

/// The list.
pub(super) const LIST: &str = "/v2/order/list";
/// One order.
pub(super) const ORDER: &str = "/v2/fs/{fs_id}/order";
/// Orders per page; how many the list takes is not documented.
const PAGE_SIZE: usize = 50;
/// Orders per read.
pub(super) const READ_MAX: usize = 1;
/// The only market.
const INDONESIA: &str = "ID";
/// The only currency.
const RUPIAH: &str = "IDR";
/// What `status` of an open request is; what else may stand there is not documented.
const REQUEST_OPEN: &str = "0";

/// The parameters of a page. `cursor` is the page's number, from 1.
pub(super) fn list_parameters(credentials: &Credentials, window: Window, cursor: Option<&str>) -> Parameters {
    vec![
        ("fs_id", credentials.fs_id.to_string()),
        ("shop_id", credentials.shop_id.to_string()),
        ("from_date", window.from.seconds().to_string()),
        ("to_date", window.to.seconds().to_string()),
        ("page", cursor.unwrap_or("1").to_owned()),
        ("per_page", PAGE_SIZE.to_string()),
    ]
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
}

/// Reads a page. A full one is followed by another.
pub(super) fn read_list(asked: &Asked, cursor: Option<&str>, received: &Received) -> Result<OrderPage, CallError> {
    let answer = asked.answer(received)?;
    let rows: Option<Vec<Listed>> = answer.data()?;
    let rows = rows.unwrap_or_default();
    let page: i64 = cursor.and_then(|page| page.parse().ok()).unwrap_or(1);
    let next = (rows.len() >= PAGE_SIZE).then(|| page.saturating_add(1).to_string());
    let numbers = rows
        .into_iter()
        .map(|row| {
            let text = row.order_id.ok_or("an order has no order_id")?;
            OrderNumber::parse(text).map_err(|error| format!("an order_id cannot be used: {error}"))
        })
        .collect::<Result<_, String>>()
        .map_err(|problem| answer.unreadable(&problem))?;
    Ok(OrderPage { numbers, next })
}

/// A moment as ISO text; nothing for the year 1, which stands for “not yet”.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    let text = lenient::scalar(<&RawValue>::deserialize(deserializer)?);
    let moment = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Ok(moment.filter(|it| it.as_second() > 0).map(|it| Moment::from_millis(it.as_millisecond())))
}

#[derive(Deserialize)]
struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_status: Option<String>,
    #[serde(default)]
    open_amt: Decimal,
    buyer_info: Option<Buyer>,
    shipment_fulfillment: Option<Deadlines>,
    order_info: Option<OrderInfo>,
    payment_info: Option<PaymentInfo>,
    /// Nothing, an object, or a text in one SDK: any JSON.
    cancel_request_info: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "moment")]
    create_time: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    update_time: Option<Moment>,
}

#[derive(Deserialize)]
struct Buyer {
    #[serde(default, deserialize_with = "lenient::text")]
    buyer_fullname: Option<String>,
}

#[derive(Deserialize)]
struct Deadlines {
    #[serde(default, deserialize_with = "moment")]
    accept_deadline: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    confirm_shipping_deadline: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_accepted: Option<bool>,
}

#[derive(Deserialize)]
struct OrderInfo {
    order_detail: Option<Vec<Item>>,
    order_history: Option<Vec<Step>>,
    shipping_info: Option<Shipping>,
}

#[derive(Deserialize)]
struct PaymentInfo {
    #[serde(default, deserialize_with = "moment")]
    payment_date: Option<Moment>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::text")]
    order_detail_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    product_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    product_name: Option<String>,
    #[serde(default)]
    product_price: Decimal,
    #[serde(default, deserialize_with = "lenient::integer")]
    quantity: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    sku: Option<String>,
}

/// What happened to an order, newest first.
#[derive(Deserialize)]
struct Step {
    #[serde(default, deserialize_with = "lenient::text")]
    action_by: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    hist_status_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    comment: Option<String>,
}

#[derive(Deserialize)]
struct Shipping {
    #[serde(default, deserialize_with = "lenient::text")]
    logistic_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    awb: Option<String>,
}

#[derive(Deserialize, Default)]
struct Request {
    #[serde(default, deserialize_with = "lenient::text")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    create_time: Option<Moment>,
}

impl Request {
    /// A request as far as it can be read; nothing for `null`, blanks and empty objects.
    fn read(raw: &RawValue) -> Option<Self> {
        if let Some(text) = lenient::scalar(raw) {
            return Some(Self { reason: Some(text), ..Self::default() });
        }
        let request: Self = lenient::read_object(raw.get().as_bytes()).ok()?;
        (request.reason.is_some() || request.status.is_some()).then_some(request)
    }

    fn is_open(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == REQUEST_OPEN)
    }
}

/// Reads one order.
pub(super) fn read_order(
    asked: &Asked,
    policy: &Policy,
    number: &OrderNumber,
    received: &Received,
) -> Result<Vec<OrderSnapshot>, CallError> {
    let answer = match asked.answer(received) {
        Err(error) if is_not_found(&error) => return Ok(Vec::new()),
        other => other?,
    };
    let order: Order = answer.data()?;
    if order.order_id.as_deref() != Some(number.as_str()) {
        return Err(answer.unreadable("it is another order than the one asked for"));
    }
    order.snapshot(&answer, policy, number.clone()).map(|order| vec![order])
}

impl Order {
    fn snapshot(self, answer: &Answer<'_>, policy: &Policy, number: OrderNumber) -> Result<OrderSnapshot, CallError> {
        let name = number.clone();
        self.read(policy, number).map_err(|problem| answer.failed(Remedy::Bug, &format!("order {name}: {problem}")))
    }

    fn read(self, policy: &Policy, number: OrderNumber) -> Result<OrderSnapshot, String> {
        let platform_status = self.order_status.ok_or("it has no order_status")?;
        let ordered_at = self.create_time.ok_or("it has no create_time")?;
        let currency = Currency::parse(RUPIAH).map_err(|error| error.to_string())?;
        let request = self.cancel_request_info.as_deref().and_then(Request::read);
        let reading = status::read(policy, &platform_status, request.as_ref().is_some_and(Request::is_open));
        let info = self.order_info.ok_or("it has no order_info")?;
        let history = info.order_history.unwrap_or_default();
        let cancelled = (reading.standing == Standing::Canceled).then(|| cancelled(&platform_status, &history));
        let ship_by = self.shipment_fulfillment.and_then(|deadlines| match deadlines.is_accepted {
            Some(true) => deadlines.confirm_shipping_deadline.or(deadlines.accept_deadline),
            _ => deadlines.accept_deadline.or(deadlines.confirm_shipping_deadline),
        });
        let lines = lines(info.order_detail.unwrap_or_default(), currency, cancelled.is_some())?;
        let asked_at = request.as_ref().and_then(|request| request.create_time);
        let buyer_reason = request.and_then(|request| request.reason);
        let open = reading.standing == Standing::CancelRequested;
        let request = open.then(|| requests::request(&lines, buyer_reason.clone(), asked_at));
        Ok(OrderSnapshot {
            platform: Platform::Tokopedia,
            packages: package(info.shipping_info, &number, &platform_status, reading.stage)?,
            lines,
            requests: request.into_iter().collect(),
            standing: reading.standing,
            stage: reading.stage,
            updated_at: self.update_time.unwrap_or(ordered_at),
            ordered_at,
            paid_at: self.payment_info.and_then(|payment| payment.payment_date),
            ship_by,
            region: INDONESIA.to_owned(),
            currency,
            total: self.open_amt.money(currency),
            buyer_name: lenient::masked(&self.buyer_info.and_then(|buyer| buyer.buyer_fullname).unwrap_or_default()),
            // Only the list says it (`is_cod_mitra`).
            cod: false,
            preorder: false,
            fulfilled_by: FulfilledBy::Seller,
            seller_may_cancel: None,
            cancelled,
            buyer_reason,
            number,
            platform_status,
        })
    }
}

/// Who cancelled an order: what its history says of the status, else what the code itself says (section B.3).
fn cancelled(status: &str, history: &[Step]) -> CancelledFacts {
    let step = history.iter().find(|step| step.hist_status_code.as_deref() == Some(status));
    let by = step.and_then(|step| initiator(step.action_by.as_deref().unwrap_or_default()));
    let by = by.or(match status {
        "0" | "3" | "10" => Some(Initiator::Seller),
        "15" => Some(Initiator::Buyer),
        "4" | "5" | "6" => Some(Initiator::Platform),
        _ => None,
    });
    let reason = step.and_then(|step| step.comment.clone().or_else(|| step.message.clone())).unwrap_or_default();
    // A buyer's wish is granted by a rejection of the seller's (section B.4): what it was told says on whose wish.
    let granted = by == Some(Initiator::Seller) && reason == requests::BUYERS_REQUEST;
    CancelledFacts { by: if granted { Some(Initiator::Buyer) } else { by }, reason }
}

/// `action_by`, as documented samples have it: `buyer`, `seller`, `system-automatic`.
fn initiator(word: &str) -> Option<Initiator> {
    match word {
        "buyer" => Some(Initiator::Buyer),
        "seller" => Some(Initiator::Seller),
        word if word.starts_with("system") || word == "tokopedia" => Some(Initiator::Platform),
        _ => None,
    }
}

fn lines(items: Vec<Item>, currency: Currency, cancelled: bool) -> Result<Vec<LineSnapshot>, String> {
    if items.is_empty() {
        return Err("its order_detail is empty".to_owned());
    }
    let line = |item: Item| {
        let id = item.order_detail_id.ok_or("a line has no order_detail_id")?;
        let product = item.product_id.filter(|&id| id > 0).ok_or("a line has no product_id")?;
        let quantity =
            item.quantity.and_then(|quantity| u32::try_from(quantity).ok()).ok_or("a line has no quantity")?;
        let listing = stock::listing(product)?;
        Ok(LineSnapshot {
            id: LineId::parse(id).map_err(|error| error.to_string())?,
            listing_sku: stock::listing_sku(&listing, item.sku)?,
            listing,
            name: item.product_name.unwrap_or_default(),
            variation: String::new(),
            quantity,
            // Whole orders only (section B.4).
            cancelled_quantity: if cancelled { quantity } else { 0 },
            cancelled_by: None,
            unit_price: item.product_price.money(currency),
            platform_status: String::new(),
            stage: None,
            package: None,
            is_component: false,
        })
    };
    items.into_iter().map(line).collect()
}

/// The order's parcel, once it was accepted or has a number of its carrier. Tokopedia has no numbers of packages: it is named after its
/// order.
fn package(
    shipping: Option<Shipping>,
    number: &OrderNumber,
    platform_status: &str,
    stage: Stage,
) -> Result<Vec<PackageSnapshot>, String> {
    let awb = shipping.as_ref().and_then(|shipping| shipping.awb.clone());
    if awb.is_none() && stage == Stage::Untouched {
        return Ok(Vec::new());
    }
    Ok(vec![PackageSnapshot {
        number: PackageNumber::parse(number.as_str()).map_err(|error| error.to_string())?,
        tracking_number: awb,
        platform_status: platform_status.to_owned(),
        stage,
        carrier: shipping.and_then(|shipping| shipping.logistic_name).unwrap_or_default(),
    }])
}
