//! Orders and how they are read: sheet sections 4 and 5.3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::envelope::{Failure, Outcome, body, integer, page_size, text};
use super::products::Products;
use super::rules::Rules;
use super::shops::{Page, Shop};
use super::status::{PackageStatus, Status};
use crate::marketplace::{Moment, Request};

/// Orders read at once.
const MOST_READ_AT_ONCE: usize = 50;
/// The largest page of the search, and the usual one.
const LARGEST_PAGE: usize = 100;
const USUAL_PAGE: usize = 20;

/// `commerce_platform`: where the buyer ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Storefront {
    /// The platform's own.
    #[default]
    TiktokShop,
    /// The Tokopedia app, in Indonesia.
    Tokopedia,
}

impl Storefront {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Storefront::TiktokShop => "TIKTOK_SHOP",
            Storefront::Tokopedia => "TOKOPEDIA",
        }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Storefront> {
        [Storefront::TiktokShop, Storefront::Tokopedia].into_iter().find(|storefront| storefront.name() == name)
    }
}

/// `fulfillment_type`: who sends the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Fulfilment {
    /// The seller.
    #[default]
    #[serde(rename = "FULFILLMENT_BY_SELLER")]
    Seller,
    /// The platform's warehouse.
    #[serde(rename = "FULFILLMENT_BY_TIKTOK")]
    Platform,
    /// Tokopedia's warehouse.
    #[serde(rename = "FULFILLMENT_BY_DILAYANI_TOKOPEDIA")]
    Tokopedia,
}

impl Fulfilment {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Fulfilment::Seller => "FULFILLMENT_BY_SELLER",
            Fulfilment::Platform => "FULFILLMENT_BY_TIKTOK",
            Fulfilment::Tokopedia => "FULFILLMENT_BY_DILAYANI_TOKOPEDIA",
        }
    }

    /// Reads the platform's word.
    pub(super) fn named(name: &str) -> Option<Fulfilment> {
        [Fulfilment::Seller, Fulfilment::Platform, Fulfilment::Tokopedia]
            .into_iter()
            .find(|fulfilment| fulfilment.name() == name)
    }
}

/// Who cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Role {
    /// The buyer.
    Buyer,
    /// The seller.
    Seller,
    /// The platform.
    System,
}

impl Role {
    /// The platform's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Buyer => "BUYER",
            Role::Seller => "SELLER",
            Role::System => "SYSTEM",
        }
    }
}

/// `cancel_status`, without its beginning `CANCELLATION_REQUEST_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum CancelStatus {
    /// Waits for the seller.
    Pending,
    /// Accepted.
    Success,
    /// Closed: rejected or withdrawn.
    Cancel,
    /// Done, refunded.
    Complete,
}

impl CancelStatus {
    /// The platform's word. Answers of 202309 and pushes write `CANCELLED` where 202602 writes `CANCEL`.
    pub(super) fn name(self, newer: bool) -> &'static str {
        match self {
            CancelStatus::Pending => "CANCELLATION_REQUEST_PENDING",
            CancelStatus::Success => "CANCELLATION_REQUEST_SUCCESS",
            CancelStatus::Cancel if newer => "CANCELLATION_REQUEST_CANCEL",
            CancelStatus::Cancel => "CANCELLATION_REQUEST_CANCELLED",
            CancelStatus::Complete => "CANCELLATION_REQUEST_COMPLETE",
        }
    }
}

/// A cancellation of an order or of some of its lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cancellation {
    pub(super) id: Arc<str>,
    /// A buyer's request; else somebody's decision.
    pub(super) request: bool,
    pub(super) status: CancelStatus,
    pub(super) role: Role,
    pub(super) reason: Box<str>,
    pub(super) text: Box<str>,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// The places of its lines.
    pub(super) lines: Vec<usize>,
    /// Until when the seller has to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<i64>,
    /// The cancelled units go back to their listings.
    pub(super) replenish: bool,
    /// The key of the decision that was made last, so that it can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) decided_with: Option<String>,
}

/// What happens to an order when a moment has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Due {
    /// Not paid in time.
    UnpaidExpires,
    /// The buyer's free hour is over.
    HoldEnds,
    /// Not shipped in time.
    NotShipped,
    /// The buyer's request was not answered in time.
    RequestUnanswered,
    /// The seller's cancel takes effect.
    CancelSettles,
}

/// One unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: Arc<str>,
    pub(super) sku_id: i64,
    /// In minor units.
    pub(super) original_price: i64,
    pub(super) price: i64,
    #[serde(default)]
    pub(super) cancelled: bool,
    /// Which package it travels in.
    #[serde(default)]
    pub(super) package: u8,
}

/// A package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) id: Arc<str>,
    pub(super) status: PackageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tracking: Option<Box<str>>,
}

/// An order. Times are seconds since 1970, money is in minor units of the shop's currency.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) number: Arc<str>,
    pub(super) status: Status,
    pub(super) storefront: Storefront,
    pub(super) created: i64,
    pub(super) updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<i64>,
    pub(super) ship_by: i64,
    #[serde(default)]
    pub(super) cod: bool,
    #[serde(default)]
    pub(super) preorder: bool,
    #[serde(default)]
    pub(super) seller_ships: bool,
    pub(super) fulfilment: Fulfilment,
    pub(super) lines: Vec<Line>,
    pub(super) packages: Vec<Package>,
    pub(super) shipping_fee: i64,
    pub(super) total: i64,
    pub(super) buyer: Box<str>,
    /// When shipment was arranged, the carrier collected, the buyer got it; 0: not yet.
    #[serde(default)]
    pub(super) arranged: i64,
    #[serde(default)]
    pub(super) collected: i64,
    #[serde(default)]
    pub(super) delivered: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cancellations: Vec<Cancellation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<(i64, Due)>,
}

impl Order {
    /// The buyer's request that waits for the seller.
    pub(super) fn pending(&self) -> Option<&Cancellation> {
        self.cancellations.iter().find(|cancellation| cancellation.status == CancelStatus::Pending)
    }

    /// What cancelled it.
    pub(super) fn cancelled(&self) -> Option<&Cancellation> {
        let over = |it: &&Cancellation| matches!(it.status, CancelStatus::Success | CancelStatus::Complete);
        self.cancellations.iter().rev().find(over).filter(|_| self.status == Status::Cancelled)
    }

    /// The places of its lines that live.
    pub(super) fn live(&self) -> Vec<usize> {
        (0..self.lines.len()).filter(|place| !self.lines[*place].cancelled).collect()
    }

    /// The seller may cancel it now, or the platform's words why not (sections 5.1 and 5.9).
    pub(super) fn seller_may_cancel(&self, rules: &Rules) -> Result<(), Failure> {
        let settling = matches!(self.due, Some((_, Due::CancelSettles)));
        if self.pending().is_some() || settling {
            return Err(Failure::new(25_001_010, "A cancellation or return of this order is already in progress."));
        }
        let wrong = || Err(Failure::new(25_001_001, "Invalid order status."));
        match self.status {
            Status::Completed | Status::Cancelled => {
                Err(Failure::new(25_001_051, "The order is completed or already cancelled."))
            }
            Status::InTransit | Status::Delivered => {
                Err(Failure::new(25_001_045, "The order has already been shipped."))
            }
            Status::PartiallyShipping => wrong(),
            _ if self.fulfilment != Fulfilment::Seller => wrong(),
            Status::AwaitingCollection if !rules.cancel_after_arrangement => wrong(),
            _ => Ok(()),
        }
    }

    /// Cancels the lines of a cancellation: their units go back to their listings or, said not to exist, set them to
    /// zero; packages without a living line end.
    pub(super) fn apply(&mut self, place: usize, products: &mut Products, zeroed: bool, now: i64) {
        let Some(cancellation) = self.cancellations.get_mut(place) else { return };
        cancellation.status = CancelStatus::Success;
        cancellation.updated = now;
        cancellation.deadline = None;
        let lines = cancellation.lines.clone();
        for line in lines {
            let line = &mut self.lines[line];
            if std::mem::replace(&mut line.cancelled, true) {
                continue;
            }
            // What left the house comes back to nobody's listing.
            if self.collected == 0 {
                products.release(line.sku_id);
            }
            self.total -= line.price;
            if zeroed {
                products.change(line.sku_id, |sku| sku.available = 0);
            }
        }
        let lives = |package: usize| self.lines.iter().any(|it| !it.cancelled && usize::from(it.package) == package);
        let ended: Vec<usize> = (0..self.packages.len()).filter(|package| !lives(*package)).collect();
        for package in ended {
            self.packages[package].status = PackageStatus::Cancelled;
        }
        if self.live().is_empty() {
            self.status = Status::Cancelled;
            self.due = None;
        }
    }

    /// What is due next, and when.
    pub(super) fn next_due(&self, rules: &Rules, now: i64) -> Option<(i64, Due)> {
        if let Some(deadline) = self.pending().and_then(|request| request.deadline) {
            return Some((deadline, Due::RequestUnanswered));
        }
        match self.status {
            Status::Unpaid => Some((self.created + rules.unpaid_expires_seconds, Due::UnpaidExpires)),
            Status::OnHold => Some((self.paid.unwrap_or(now) + rules.hold_seconds, Due::HoldEnds)),
            Status::AwaitingShipment if !self.preorder => Some((self.ship_by, Due::NotShipped)),
            _ => None,
        }
        .map(|(at, due)| (at.max(now), due))
    }

    /// The control port's truth.
    pub(super) fn truth(&self, shop: &Shop) -> Value {
        let cancelled = self.cancelled();
        let status = |line: &Line| if line.cancelled { "cancelled" } else { "active" };
        let code = |line: &Line| shop.products.sku(line.sku_id).map(|(_, sku)| sku.code.clone()).unwrap_or_default();
        json!({
            "platform": super::NAME, "shop": shop.id, "number": &*self.number, "status": self.status.name(),
            "storefront": self.storefront.name(),
            "lines": self.lines.iter().map(|line| json!({
                "id": &*line.id, "sku": code(line), "quantity": 1,
                "cancelled_quantity": u8::from(line.cancelled), "status": status(line),
            })).collect::<Vec<_>>(),
            "packages": self.packages.iter().map(|package| json!({
                "number": &*package.id, "status": package.status.name(),
                "tracking_number": package.tracking.as_deref().unwrap_or_default(),
            })).collect::<Vec<_>>(),
            "cancelled_by": cancelled.map(|it| it.role.name().to_lowercase()).unwrap_or_default(),
            "cancel_reason": cancelled.map(|it| &*it.reason).unwrap_or_default(),
            "buyer_reason": self.pending().map(|it| &*it.reason).unwrap_or_default(),
            "cod": self.cod, "preorder": self.preorder, "fulfilled_by": self.fulfilment.name(),
            "created_at": self.created, "updated_at": self.updated, "ship_by": self.ship_by,
        })
    }

    /// The order as search and detail show it (section 4).
    fn shown(&self, shop: &Shop) -> Value {
        let money = |minor: i64| shop.region.money(minor);
        let cancelled = self.cancelled();
        let pending = self.pending();
        let paid = self.paid.is_some() || self.cod;
        let goods: i64 = self.lines.iter().map(|line| line.price).sum();
        let mut order = json!({
            "id": &*self.number, "status": self.status.name(),
            "order_type": if self.preorder { "PRE_ORDER" } else { "NORMAL" },
            "create_time": self.created, "update_time": self.updated,
            "rts_sla_time": self.ship_by - 86_400, "shipping_due_time": self.ship_by,
            "cancel_order_sla_time": self.ship_by, "collection_due_time": self.ship_by + 86_400,
            "is_buyer_request_cancel": pending.is_some(),
            "is_on_hold_order": self.status == Status::OnHold, "is_cod": self.cod, "is_sample_order": false,
            "is_replacement_order": false, "has_updated_recipient_address": false,
            "cancel_reason": cancelled.map(|it| &*it.text).unwrap_or_default(),
            "cancellation_initiator": cancelled.map(|it| it.role.name()).unwrap_or_default(),
            "fulfillment_type": self.fulfilment.name(), "shipping_type": if self.seller_ships { "SELLER" } else { "TIKTOK" },
            "delivery_option_id": "7091146663229654785", "delivery_option_name": "Standard Shipping",
            "delivery_type": "HOME_DELIVERY", "shipping_provider": "J&T Express",
            "shipping_provider_id": "6841743441349706000",
            "tracking_number": self.packages.iter().find_map(|it| it.tracking.as_deref()).unwrap_or_default(),
            "warehouse_id": shop.warehouse(), "user_id": self.buyer_number(), "buyer_email": "v2b2V5@chat.example",
            "buyer_message": "", "seller_note": "",
            "payment_method_name": if self.cod { "Cash on delivery" } else { "Bank transfer" },
            "payment": {
                "currency": shop.region.currency, "sub_total": money(goods), "shipping_fee": money(self.shipping_fee),
                "seller_discount": money(0), "platform_discount": money(0),
                "original_total_product_price": money(goods), "original_shipping_fee": money(self.shipping_fee),
                "tax": money(0), "total_amount": money(self.total),
            },
            "packages": self.packages.iter().filter(|it| self.shows(it)).map(|it| json!({"id": &*it.id}))
                .collect::<Vec<_>>(),
            "line_items": self.lines.iter().map(|line| self.line_shown(shop, line)).collect::<Vec<_>>(),
        });
        let mut put = |name: &str, value: Value| order[name] = value;
        if shop.region.code == "ID" {
            put("commerce_platform", json!(self.storefront.name()));
        }
        if let Some(paid) = self.paid {
            put("paid_time", json!(paid));
        }
        // Missing while the order is unpaid or on hold.
        if paid && !matches!(self.status, Status::Unpaid | Status::OnHold) {
            put(
                "recipient_address",
                json!({
                    "name": &*self.buyer, "phone_number": "(+**)***", "full_address": "***",
                    "region_code": shop.region.code, "postal_code": "***", "district_info": [],
                }),
            );
        }
        if let Some(request) = pending {
            put("request_cancel_time", json!(request.created));
        }
        if let Some(cancellation) = cancelled {
            put("cancel_time", json!(cancellation.updated));
        }
        for (name, time) in
            [("rts_time", self.arranged), ("collection_time", self.collected), ("delivery_time", self.delivered)]
        {
            if time > 0 {
                put(name, json!(time));
            }
        }
        order
    }

    /// A package that ended before anything was arranged is not shown any more, as a real order shows.
    fn shows(&self, package: &Package) -> bool {
        package.status != PackageStatus::Cancelled || package.tracking.is_some()
    }

    fn line_shown(&self, shop: &Shop, line: &Line) -> Value {
        let listing = shop.products.sku(line.sku_id);
        let money = |minor: i64| shop.region.money(minor);
        let cancelled = if line.cancelled { self.cancelled() } else { None };
        let mut shown = json!({
            "id": &*line.id, "sku_id": line.sku_id.to_string(),
            "product_id": listing.map(|(product, _)| product.id.to_string()).unwrap_or_default(),
            "seller_sku": listing.map(|(_, sku)| sku.code.as_str()).unwrap_or_default(),
            "product_name": listing.map(|(product, _)| product.name.as_str()).unwrap_or_default(),
            "sku_name": listing.map(|(_, sku)| sku.name.as_str()).unwrap_or_default(),
            "sku_type": if self.preorder { "PRE_ORDER" } else { "NORMAL" }, "sku_image": "",
            "currency": shop.region.currency, "original_price": money(line.original_price),
            "sale_price": money(line.price), "seller_discount": money(line.original_price - line.price),
            "platform_discount": money(0), "is_gift": false,
            "display_status": if line.cancelled { "CANCELLED" } else { self.status.name() },
            "cancel_reason": cancelled.map(|it| &*it.text).unwrap_or_default(),
            "cancel_user": cancelled.map(|it| it.role.name()).unwrap_or_default(),
        });
        if let Some(package) = self.packages.get(usize::from(line.package)).filter(|package| self.shows(package)) {
            shown["package_id"] = json!(&*package.id);
            shown["package_status"] = json!(package.status.name());
            if let Some(tracking) = &package.tracking {
                shown["tracking_number"] = json!(tracking);
                shown["shipping_provider_name"] = json!("J&T Express");
            }
        }
        shown
    }

    fn buyer_number(&self) -> String {
        // The same buyer keeps the same number; buyers are known by their masked name only.
        let number = self.buyer.bytes().fold(7_u64, |number, byte| (number * 31 + u64::from(byte)) % 1_000_000_000);
        format!("7494845267{number:09}")
    }
}

/// `POST /order/202309/orders/search`.
pub(super) fn search(shop: &Shop, request: &Request, moment: &Moment<'_>) -> Outcome {
    if request.parameter("page_size").is_none() {
        return Err(Failure::wrong("page_size is required."));
    }
    let most = page_size(request, USUAL_PAGE, LARGEST_PAGE)?;
    let by_update = match request.parameter("sort_field") {
        None | Some("create_time") => false,
        Some("update_time") => true,
        Some(_) => return Err(Failure::wrong("sort_field must be create_time or update_time.")),
    };
    let descending = match request.parameter("sort_order") {
        None | Some("DESC") => true,
        Some("ASC") => false,
        Some(_) => return Err(Failure::wrong("sort_order must be ASC or DESC.")),
    };
    let body = body(request)?;
    let status = match text(&body, "order_status") {
        None => None,
        Some(name) => Some(Status::named(&name).ok_or_else(|| Failure::wrong("order_status is invalid."))?),
    };
    let bound = |name: &str, usual: i64| Ok::<_, Failure>(integer(&body, name)?.unwrap_or(usual));
    let created = (bound("create_time_ge", i64::MIN)?, bound("create_time_lt", i64::MAX)?);
    let updated = (bound("update_time_ge", i64::MIN)?, bound("update_time_lt", i64::MAX)?);
    let requested = body.get("is_buyer_request_cancel").and_then(Value::as_bool);
    let after = match request.parameter("page_token").filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => Some(super::shops::read_token(token).ok_or_else(|| Failure::wrong("page_token is invalid."))?),
    };
    let page = Page { by_update, descending, created, updated, status, requested, after, most };
    let (orders, next, total) = shop.list(&page, moment.stale);
    let rows: Vec<Value> = orders.into_iter().map(|order| order.shown(shop)).collect();
    Ok(json!({"orders": rows, "next_page_token": next.unwrap_or_default(), "total_count": total}))
}

/// `GET /order/202309/orders`: unknown ids are absent.
pub(super) fn detail(shop: &Shop, request: &Request, moment: &Moment<'_>) -> Outcome {
    let numbers = numbers_asked(request);
    if numbers.is_empty() {
        return Err(Failure::wrong("ids is required."));
    }
    if numbers.len() > MOST_READ_AT_ONCE {
        return Err(Failure::wrong("ids must have 50 or less."));
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut orders = Vec::new();
    for number in &numbers {
        if !seen.contains(&number.as_str()) {
            seen.push(number);
            orders.extend(shop.view(number, moment.stale).map(|order| order.shown(shop)));
        }
    }
    Ok(json!({"orders": orders}))
}

/// The ids of a detail call, comma-joined or repeated.
pub(super) fn numbers_asked(request: &Request) -> Vec<String> {
    let values = request.query.iter().filter(|(name, _)| name == "ids").flat_map(|(_, value)| value.split(','));
    values.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}
