//! Reading orders: search and detail (`tiktok-shop.md` section 4).
//!
//! Money is a text of digits in the order's currency, ids are texts, times are whole seconds. One unit is one line item:
//! three pieces of one SKU are three lines. Any field may be absent or empty (section 4, `I`); an order that cannot be read
//! all the same names itself in the error and is never left out, because left out means “the platform does not know it”.

use std::collections::HashSet;

use domain::ids::{LineId, ListingSku, OrderNumber, PackageNumber};
use domain::money::Currency;
use domain::order::Stage;
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::snapshot::{CancelledFacts, FulfilledBy, Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::time::{Moment, Span};
use serde::{Deserialize, Serialize};

use super::errors::{Answer, Asked};
use super::status::{self, Marks};
use super::{Parameters, Storefronts, stock};
use crate::call::{CallError, Received, Remedy};
use crate::connector::{OrderPage, Window};
use crate::lenient::{self, Decimal};
use crate::wire;

/// The list.
pub(super) const SEARCH: &str = "/order/202309/orders/search";
/// The details.
pub(super) const DETAIL: &str = "/order/202309/orders";
/// Orders per page of the search (`C6`).
const PAGE_SIZE: &str = "100";
/// Orders per detail read (`C5`).
pub(super) const READ_MAX: usize = 50;
/// The longest page token that is believed, in bytes; it is opaque.
const TOKEN_MAX: usize = 4096;
/// The only fulfilment in which the seller ships (section 4, `C3`).
const BY_SELLER: &str = "FULFILLMENT_BY_SELLER";
/// `commerce_platform` of an order placed in the Tokopedia app, in Indonesia (`C4`).
const TOKOPEDIA: &str = "TOKOPEDIA";
/// A pre-order, as an order's and as a line's kind.
const PRE_ORDER: &str = "PRE_ORDER";
/// Between a line item and the part of a bundle in a line's id.
const PART: char = ':';

/// Parameters of a page.
pub(super) fn search_parameters(cursor: Option<&str>) -> Parameters {
    let mut parameters = vec![
        ("page_size", PAGE_SIZE.to_owned()),
        // The oldest change first, so that what changes meanwhile comes later and not twice or never.
        ("sort_field", "update_time".to_owned()),
        ("sort_order", "ASC".to_owned()),
    ];
    // An empty parameter is dropped by some signers and not by others (section 2): none is sent.
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        parameters.push(("page_token", cursor.to_owned()));
    }
    parameters
}

#[derive(Serialize)]
struct SearchBody {
    update_time_ge: i64,
    update_time_lt: i64,
}

/// The window, whose end the platform leaves out.
pub(super) fn search_body(window: Window) -> Vec<u8> {
    let end = window.to.plus(Span::from_seconds(1));
    wire::json(&SearchBody { update_time_ge: window.from.seconds(), update_time_lt: end.seconds() })
}

pub(super) fn detail_parameters(numbers: &[OrderNumber]) -> Parameters {
    let joined = numbers.iter().map(OrderNumber::as_str).collect::<Vec<_>>().join(",");
    vec![("ids", joined)]
}

#[derive(Deserialize)]
struct SearchData {
    orders: Option<Vec<Listed>>,
    #[serde(default, deserialize_with = "lenient::text")]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
}

/// Reads a page. `cursor` is the one that was sent: a page that points at itself would never end.
pub(super) fn read_search(asked: &Asked, cursor: Option<&str>, received: &Received) -> Result<OrderPage, CallError> {
    let answer = asked.answer(received)?;
    let data: SearchData = answer.data()?;
    let numbers = data
        .orders
        .unwrap_or_default()
        .into_iter()
        .map(|row| number(row.id.as_deref()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|problem| answer.unreadable(&problem))?;
    match data.next_page_token {
        Some(next) if next.len() > TOKEN_MAX || Some(next.as_str()) == cursor => {
            Err(answer.unreadable("it promises another page without a usable token"))
        }
        next => Ok(OrderPage { numbers, next }),
    }
}

fn number(text: Option<&str>) -> Result<OrderNumber, String> {
    let text = text.ok_or("an order has no id")?;
    OrderNumber::parse(text).map_err(|error| format!("an order's id cannot be used: {error}"))
}

#[derive(Deserialize)]
struct DetailData {
    orders: Option<Vec<Order>>,
}

#[derive(Deserialize)]
struct Order {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    commerce_platform: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    create_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    paid_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    update_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    shipping_due_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    rts_sla_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    rts_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    collection_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::moment")]
    delivery_time: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_buyer_request_cancel: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_on_hold_order: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_cod: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancellation_initiator: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    fulfillment_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipping_provider: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
    payment: Option<Payment>,
    recipient_address: Option<Address>,
    packages: Option<Vec<Package>>,
    line_items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Payment {
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
    #[serde(default)]
    total_amount: Decimal,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    region_code: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    sku_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    product_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    sku_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    product_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    sku_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
    #[serde(default)]
    original_price: Decimal,
    #[serde(default)]
    sale_price: Decimal,
    #[serde(default, deserialize_with = "lenient::text")]
    display_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    package_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    package_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipping_provider_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_user: Option<String>,
    combined_listing_skus: Option<Vec<Part>>,
}

/// What a bundle is made of (section 4, `C2`).
#[derive(Deserialize)]
struct Part {
    #[serde(default, deserialize_with = "lenient::text")]
    sku_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    product_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    seller_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    sku_count: Option<i64>,
}

/// Reads order details, and which of the orders have a pending request of the buyer. Only orders that were asked for come
/// back; unknown ones are absent (section 4, `I`).
pub(super) fn read_detail(
    asked: &Asked,
    storefronts: &Storefronts,
    market: &str,
    numbers: &[OrderNumber],
    received: &Received,
) -> Result<(Vec<OrderSnapshot>, Vec<OrderNumber>), CallError> {
    let answer = asked.answer(received)?;
    let data: DetailData = answer.data()?;
    let wanted: HashSet<&str> = numbers.iter().map(OrderNumber::as_str).collect();
    let mut seen = HashSet::new();
    let mut orders = Vec::new();
    let mut asking = Vec::new();
    for order in data.orders.unwrap_or_default() {
        let number = number(order.id.as_deref()).map_err(|problem| answer.failed(Remedy::Bug, &problem))?;
        if wanted.contains(number.as_str()) && seen.insert(number.clone()) {
            if order.is_buyer_request_cancel == Some(true) {
                asking.push(number.clone());
            }
            orders.push(order.snapshot(&answer, storefronts, market, number)?);
        }
    }
    Ok((orders, asking))
}

impl Order {
    fn snapshot(
        self,
        answer: &Answer<'_>,
        storefronts: &Storefronts,
        market: &str,
        number: OrderNumber,
    ) -> Result<OrderSnapshot, CallError> {
        let name = number.clone();
        let read = self.read(storefronts, market, number);
        read.map_err(|problem| answer.failed(Remedy::Bug, &format!("order {name}: {problem}")))
    }

    fn read(self, storefronts: &Storefronts, market: &str, number: OrderNumber) -> Result<OrderSnapshot, String> {
        let platform = self.platform();
        let policy = storefronts.policy(platform);
        let timed = self.timed();
        let platform_status = self.status.ok_or("it has no status")?;
        let ordered_at = self.create_time.ok_or("it has no create_time")?;
        let items = self.line_items.unwrap_or_default();
        let payment_currency = self.payment.as_ref().and_then(|payment| payment.currency.as_deref());
        let code = payment_currency.or_else(|| items.iter().find_map(|item| item.currency.as_deref()));
        let currency = Currency::parse(code.unwrap_or_default()).map_err(|error| error.to_string())?;
        let marks = Marks {
            held: self.is_on_hold_order.unwrap_or(false),
            requested: self.is_buyer_request_cancel.unwrap_or(false),
            timed,
        };
        let words = items.iter().filter_map(|item| item.package_status.as_deref());
        let reading = status::read(policy, &platform_status, words, marks);
        let cancelled = (reading.standing == Standing::Canceled).then(|| CancelledFacts {
            by: first(self.cancellation_initiator, &items, |item| &item.cancel_user).and_then(|word| initiator(&word)),
            // Text for people, in the shop's language (section 4, `C2`).
            reason: first(self.cancel_reason, &items, |item| &item.cancel_reason).unwrap_or_default(),
        });
        let pre_order = |kind: &Option<String>| kind.as_deref() == Some(PRE_ORDER);
        let address = self.recipient_address.as_ref();
        let region = if market.is_empty() { address.and_then(|it| it.region_code.as_deref()) } else { Some(market) };
        let packages = Packages {
            policy,
            platform_status: &platform_status,
            carrier: self.shipping_provider.as_deref(),
            tracking_number: self.tracking_number.as_deref(),
        };
        Ok(OrderSnapshot {
            platform,
            packages: packages.read(self.packages.unwrap_or_default(), &items)?,
            standing: reading.standing,
            stage: reading.stage,
            updated_at: self.update_time.unwrap_or(ordered_at),
            ordered_at,
            paid_at: self.paid_time,
            // By then it must await collection, else the platform cancels it (section 4, due times).
            ship_by: self.shipping_due_time.or(self.rts_sla_time),
            region: region.unwrap_or_default().to_owned(),
            currency,
            total: self.payment.as_ref().and_then(|payment| payment.total_amount.money(currency)),
            buyer_name: lenient::masked(address.and_then(|it| it.name.as_deref()).unwrap_or_default()),
            cod: self.is_cod.unwrap_or(false),
            preorder: pre_order(&self.order_type) || items.iter().any(|item| pre_order(&item.sku_type)),
            fulfilled_by: match self.fulfillment_type.as_deref() {
                None | Some(BY_SELLER) => FulfilledBy::Seller,
                Some(_) => FulfilledBy::Platform,
            },
            // Nothing here says it: the live check does (section 5.5).
            seller_may_cancel: None,
            lines: lines(items, currency, cancelled.is_some())?,
            cancelled,
            // Both stand in the cancellations search only, see `requests`.
            buyer_reason: None,
            requests: Vec::new(),
            number,
            platform_status,
        })
    }

    /// Which storefront the order comes from (section 4).
    fn platform(&self) -> Platform {
        match self.commerce_platform.as_deref() {
            Some(TOKOPEDIA) => Platform::Tokopedia,
            _ => Platform::TiktokShop,
        }
    }

    /// How far the goods are at least by the order's own times, which outlive a cancel. What they mean is told by their
    /// names only (`I`).
    fn timed(&self) -> Option<Stage> {
        let times = [
            (self.delivery_time, Stage::Delivered),
            (self.collection_time, Stage::HandedOver),
            (self.rts_time, Stage::Printed),
        ];
        times.into_iter().find_map(|(time, stage)| time.map(|_| stage))
    }
}

/// The order's own word, else the first line's.
fn first(own: Option<String>, items: &[Item], of: impl Fn(&Item) -> &Option<String>) -> Option<String> {
    own.or_else(|| items.iter().find_map(|item| of(item).clone()))
}

/// `cancellation_initiator` and `cancel_user` (section 4, `C3`).
fn initiator(word: &str) -> Option<Initiator> {
    match word {
        "BUYER" => Some(Initiator::Buyer),
        "SELLER" => Some(Initiator::Seller),
        "SYSTEM" | "OPERATOR" => Some(Initiator::Platform),
        _ => None,
    }
}

fn lines(items: Vec<Item>, currency: Currency, cancelled: bool) -> Result<Vec<LineSnapshot>, String> {
    if items.is_empty() {
        return Err("its line_items are empty".to_owned());
    }
    let mut lines = Vec::with_capacity(items.len());
    let mut seen = HashSet::new();
    for item in items {
        let id = item.id.clone().ok_or("a line item has no id")?;
        if seen.insert(id.clone()) {
            lines.extend(item.lines(&id, currency, cancelled)?);
        }
    }
    Ok(lines)
}

/// The platform's id of the line item that a line of ours is, or is a part of.
pub(super) fn line_item(line: &LineId) -> &str {
    let id = line.as_str();
    id.split_once(PART).map_or(id, |(item, _)| item)
}

impl Item {
    /// One line, or one for each part of a bundle: the parts lie on the shelf, the bundle does not (section 4).
    fn lines(self, id: &str, currency: Currency, order_cancelled: bool) -> Result<Vec<LineSnapshot>, String> {
        let platform_status = self.display_status.unwrap_or_default();
        let cancelled = order_cancelled || platform_status == status::CANCELLED;
        let cancelled_by = self.cancel_user.as_deref().filter(|_| cancelled).and_then(initiator);
        let package = self.package_id.as_deref().map(PackageNumber::parse).transpose();
        let package = package.map_err(|error| format!("a line's package_id: {error}"))?;
        let name = self.product_name.unwrap_or_default();
        let variation = self.sku_name.unwrap_or_default();
        let price = self.sale_price.money(currency).or_else(|| self.original_price.money(currency));
        let line =
            |id: &str, product: Option<String>, sku: Option<String>, seller_sku: Option<String>, quantity: u32| {
                // A line without product is kept: nothing of it can be called about, but it is there.
                let listing = stock::listing(product.as_deref(), sku.as_deref().unwrap_or(id))?;
                let listing_sku = seller_sku.and_then(|sku| ListingSku::parse(sku).ok());
                let derived = || ListingSku::parse(listing.as_str()).map_err(|error| error.to_string());
                Ok::<_, String>(LineSnapshot {
                    id: LineId::parse(id).map_err(|error| error.to_string())?,
                    listing_sku: listing_sku.map_or_else(derived, Ok)?,
                    listing,
                    name: name.clone(),
                    variation: variation.clone(),
                    quantity,
                    cancelled_quantity: if cancelled { quantity } else { 0 },
                    cancelled_by,
                    unit_price: price,
                    platform_status: platform_status.clone(),
                    // A cancelled package forgets how far it was; the order's times do not.
                    stage: None,
                    package: package.clone(),
                    is_component: false,
                })
            };
        let parts = self.combined_listing_skus.unwrap_or_default();
        if parts.is_empty() {
            return Ok(vec![line(id, self.product_id, self.sku_id, self.seller_sku, 1)?]);
        }
        let parts = parts.into_iter().enumerate().map(|(place, part)| {
            let part_of = part.sku_id.clone().unwrap_or_else(|| place.to_string());
            let quantity = part.sku_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
            let read = line(&format!("{id}{PART}{part_of}"), part.product_id, part.sku_id, part.seller_sku, quantity)?;
            // The price is the bundle's, not the part's.
            Ok(LineSnapshot { unit_price: None, is_component: true, ..read })
        });
        parts.collect()
    }
}

/// What the packages of an order share.
struct Packages<'a> {
    policy: &'a Policy,
    platform_status: &'a str,
    carrier: Option<&'a str>,
    tracking_number: Option<&'a str>,
}

impl Packages<'_> {
    /// The packages of the order and of its lines, each once. A package's status stands on its lines only.
    fn read(&self, packages: Vec<Package>, items: &[Item]) -> Result<Vec<PackageSnapshot>, String> {
        let order_stage = self.policy.status(self.platform_status).map_or(Stage::Untouched, |rule| rule.stage);
        let ids = packages.into_iter().filter_map(|package| package.id);
        let mut seen = HashSet::new();
        let ids: Vec<String> = ids
            .chain(items.iter().filter_map(|item| item.package_id.clone()))
            .filter(|id| seen.insert(id.clone()))
            .collect();
        let only = ids.len() == 1;
        ids.into_iter()
            .map(|id| {
                let inside = |item: &&Item| item.package_id.as_deref() == Some(&id);
                let said =
                    |of: fn(&Item) -> &Option<String>| items.iter().filter(inside).find_map(|item| of(item).as_deref());
                let platform_status = said(|item| &item.package_status).unwrap_or_default();
                let tracking_number =
                    said(|item| &item.tracking_number).or_else(|| self.tracking_number.filter(|_| only));
                let carrier = said(|item| &item.shipping_provider_name).or(self.carrier).unwrap_or_default();
                Ok(PackageSnapshot {
                    tracking_number: tracking_number.map(str::to_owned),
                    stage: status::package_stage(self.policy, platform_status, order_stage),
                    platform_status: platform_status.to_owned(),
                    carrier: carrier.to_owned(),
                    number: PackageNumber::parse(id.as_str()).map_err(|error| format!("a package's id: {error}"))?,
                })
            })
            .collect()
    }
}
