//! Orders and how they are read: sheet section 5. An order is its items; each unit sold is one, with its own status.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::envelope::{Failure, Outcome, Parameters, Success, numbers};
use super::products::{Products, WAREHOUSE, shop_sku};
use super::rules::Rules;
use super::shops::{Query, Shop};
use super::status::{self, Status};
use crate::marketplace::Moment;

/// The largest page (section 5.1).
const LARGEST_PAGE: i64 = 100;
/// How deep a list may be paged (section 5.1).
const DEEPEST: i64 = 5_000;
/// Orders whose items are read at once (section 5.4).
const MOST_READ_AT_ONCE: usize = 50;

/// Who sends the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fulfilment {
    /// The seller, with a carrier of Lazada's.
    #[default]
    Dropshipping,
    /// Lazada's warehouse (`is_fbl`).
    Fbl,
    /// The seller's own fleet (`delivery_option_sof`).
    OwnFleet,
    /// Nothing is sent (`is_digital`).
    Digital,
}

impl Fulfilment {
    /// The word on the control port.
    pub(super) fn name(self) -> &'static str {
        match self {
            Fulfilment::Dropshipping => "dropshipping",
            Fulfilment::Fbl => "fbl",
            Fulfilment::OwnFleet => "own_fleet",
            Fulfilment::Digital => "digital",
        }
    }

    /// Reads the word of the control port.
    pub(super) fn named(name: &str) -> Option<Fulfilment> {
        [Fulfilment::Dropshipping, Fulfilment::Fbl, Fulfilment::OwnFleet, Fulfilment::Digital]
            .into_iter()
            .find(|fulfilment| fulfilment.name() == name)
    }
}

/// Where a reverse order stands (section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReverseStage {
    /// The buyer asked; the seller has until then.
    Asked {
        /// In seconds since 1970.
        until: i64,
    },
    /// The seller agreed; the logistics side has until then.
    Agreed {
        /// In seconds since 1970.
        until: i64,
    },
    /// Cancelled.
    Done,
    /// The seller said no.
    Rejected,
    /// The buyer took it back.
    Withdrawn,
}

/// The reverse order of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reverse {
    pub(super) id: i64,
    pub(super) line: i64,
    pub(super) at: i64,
    pub(super) stage: ReverseStage,
    pub(super) reason: Box<str>,
}

/// One unit sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) product: i64,
    pub(super) sku: i64,
    /// Prices in minor units.
    pub(super) price: i64,
    pub(super) paid: i64,
    pub(super) status: Status,
    pub(super) updated: i64,
    /// Its parcel's place among the order's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) package: Option<usize>,
    /// The platform's text.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) reason: Box<str>,
    /// `cancel_return_initiator`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) initiator: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reverse: Option<Reverse>,
}

/// A parcel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Package {
    pub(super) id: Arc<str>,
    pub(super) tracking: Box<str>,
}

/// A cancel that was taken and has its effect later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settling {
    pub(super) at: i64,
    pub(super) items: Vec<i64>,
    pub(super) reason: Box<str>,
}

/// An order. Times are seconds since 1970, money is in minor units of the shop's currency.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<i64>,
    pub(super) ship_by: i64,
    #[serde(default)]
    pub(super) cod: bool,
    #[serde(default)]
    pub(super) fulfilment: Fulfilment,
    pub(super) items: Vec<Item>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) packages: Vec<Package>,
    pub(super) shipping_fee: i64,
    pub(super) buyer: Box<str>,
    pub(super) city: Box<str>,
    pub(super) state: Box<str>,
    /// How many reverse orders it had: their ids are counted.
    #[serde(default)]
    pub(super) reversed: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) settling: Vec<Settling>,
}

/// What a reverse order's id is above its order's.
const REVERSE_IDS: i64 = 193_671_385_890_796;
/// What the ids of lines are apart.
pub(super) const LINE_IDS: i64 = 100_000;

impl Item {
    /// A buyer's request waits for the seller.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.reverse, Some(Reverse { stage: ReverseStage::Asked { .. }, .. }))
    }

    /// The seller agreed, the logistics side has not.
    pub(super) fn is_agreed(&self) -> bool {
        matches!(self.reverse, Some(Reverse { stage: ReverseStage::Agreed { .. }, .. }))
    }

    /// Who cancelled, in the words of the control port.
    fn cancelled_by(&self) -> &'static str {
        match &*self.initiator {
            "" => "",
            "cancellation-customer" => "buyer",
            "cancellation-seller" => "seller",
            _ => "system",
        }
    }
}

impl Order {
    /// Its number as text.
    pub(super) fn number(&self) -> String {
        self.id.to_string()
    }

    /// The word that stands for all items: the least advanced live one's, or `canceled`.
    pub(super) fn status(&self) -> Status {
        self.items.iter().map(|item| item.status).min().unwrap_or(Status::Canceled)
    }

    /// Moves an item on with its unit in the listing's stock.
    pub(super) fn set(&mut self, place: usize, next: Status, products: &mut Products) {
        let Some(item) = self.items.get_mut(place) else { return };
        let cancelled = next == Status::Canceled;
        products.move_one(item.product, item.sku, item.status.bucket(), next.bucket(), cancelled);
        item.status = next;
        if !next.is_packed() && !cancelled {
            item.package = None;
        }
    }

    /// Cancels items: each gets its share of one reverse order.
    pub(super) fn cancel(
        &mut self,
        places: &[usize],
        initiator: &str,
        reason: &str,
        products: &mut Products,
        now: i64,
    ) {
        let id = self.next_reverse();
        for (count, place) in places.iter().enumerate() {
            self.set(*place, Status::Canceled, products);
            let Some(item) = self.items.get_mut(*place) else { continue };
            item.initiator = initiator.into();
            item.reason = reason.into();
            match &mut item.reverse {
                Some(reverse)
                    if reverse.stage != ReverseStage::Rejected && reverse.stage != ReverseStage::Withdrawn =>
                {
                    reverse.stage = ReverseStage::Done;
                }
                none => *none = Some(reverse(id, count, now, ReverseStage::Done, reason)),
            }
        }
    }

    /// The buyer asks for items.
    pub(super) fn ask(&mut self, places: &[usize], reason: &str, until: i64, now: i64) {
        let id = self.next_reverse();
        for (count, place) in places.iter().enumerate() {
            if let Some(item) = self.items.get_mut(*place) {
                item.reverse = Some(reverse(id, count, now, ReverseStage::Asked { until }, reason));
            }
        }
    }

    fn next_reverse(&mut self) -> i64 {
        self.reversed += 1;
        self.id.saturating_add(REVERSE_IDS).saturating_add(self.reversed)
    }

    /// The places of items that satisfy a condition.
    pub(super) fn places(&self, wanted: impl Fn(&Item) -> bool) -> Vec<usize> {
        self.items.iter().enumerate().filter(|(_, item)| wanted(item)).map(|(place, _)| place).collect()
    }

    /// When something happens by itself next.
    pub(super) fn next_due(&self, rules: &Rules) -> Option<i64> {
        let unpaid = self.items.iter().any(|item| item.status == Status::Unpaid);
        let unpacked = self.items.iter().any(|item| matches!(item.status, Status::Pending | Status::Repacked));
        let expires = unpaid.then(|| self.created + rules.unpaid_expires_seconds);
        let late = (unpacked && self.ship_by > 0).then(|| self.ship_by + rules.not_shipped_grace_seconds);
        let settles = self.settling.iter().map(|settling| settling.at).min();
        let reverses =
            self.items.iter().filter_map(|item| item.reverse.as_ref()).filter_map(|reverse| match reverse.stage {
                ReverseStage::Asked { until } | ReverseStage::Agreed { until } => Some(until),
                _ => None,
            });
        [expires, late, settles, reverses.min()].into_iter().flatten().min()
    }

    fn price(&self) -> i64 {
        self.items.iter().map(|item| item.price).sum()
    }

    fn voucher(&self) -> i64 {
        self.items.iter().map(|item| item.price - item.paid).sum()
    }

    /// The platform's own truth, for the control port.
    pub(super) fn truth(&self, shop: &Shop) -> Value {
        let over = self.status() == Status::Canceled;
        // Of several cancels the last one speaks for the order.
        let last = self.items.iter().filter(|item| over && !item.initiator.is_empty()).max_by_key(|item| item.updated);
        json!({
            "platform": "lazada",
            "shop": shop.id.to_string(),
            "number": self.number(),
            "status": self.status().name(),
            "lines": self.items.iter().map(|item| json!({
                "id": item.id.to_string(),
                "sku": shop.products.listing(item.product, item.sku).map(|(_, sku)| sku.seller_sku.as_str()),
                "quantity": 1,
                "cancelled_quantity": u8::from(item.status == Status::Canceled),
                "status": item.status.name(),
                "package": item.package.and_then(|place| self.packages.get(place)).map(|package| &*package.id),
                "cancelled_by": item.cancelled_by(),
                "cancel_reason": &*item.reason,
                "request_open": item.is_asked(),
            })).collect::<Vec<_>>(),
            "packages": self.packages.iter().enumerate().map(|(place, package)| json!({
                "number": &*package.id,
                "tracking_number": &*package.tracking,
                "status": self.items.iter().filter(|item| item.package == Some(place)).map(|item| item.status).min()
                    .map_or("", Status::name),
            })).collect::<Vec<_>>(),
            "cancelled_by": last.map_or("", Item::cancelled_by),
            "cancel_reason": last.map_or("", |item| &item.reason),
            "cod": self.cod,
            "fulfilled_by": self.fulfilment.name(),
            "created_at": self.created,
            "updated_at": self.updated,
            "ship_by": self.ship_by,
        })
    }

    fn head(&self, shop: &Shop, rules: &Rules) -> Value {
        let mut statuses: Vec<&str> = Vec::new();
        for item in &self.items {
            if !statuses.contains(&item.status.name()) {
                statuses.push(item.status.name());
            }
        }
        if rules.frozen_order_statuses {
            // Seen live for months while the items went on (section 5.5).
            statuses = vec!["confirmed"];
        }
        let address = json!({
            "first_name": &*self.buyer, "last_name": "", "phone": "6********7", "phone2": "", "address1": "1 ****",
            "address2": "", "address3": &*self.state, "address4": &*self.city, "address5": "80000",
            "city": &*self.city, "post_code": "80000", "country": shop.region.name, "addressDsitrict": "",
        });
        json!({
            "order_id": self.id, "order_number": self.id, "statuses": statuses, "items_count": self.items.len(),
            "created_at": shop.written(self.created), "updated_at": shop.written(self.updated), "address_updated_at": "",
            "price": shop.decimal(self.price()), "voucher": shop.money(self.voucher()), "voucher_platform": 0,
            "voucher_seller": shop.money(self.voucher()), "voucher_code": "",
            "shipping_fee": shop.money(self.shipping_fee), "shipping_fee_original": shop.money(self.shipping_fee),
            "shipping_fee_discount_seller": 0, "shipping_fee_discount_platform": 0,
            "payment_method": if self.cod { "COD" } else { "MIXEDCARD" }, "warehouse_code": WAREHOUSE,
            "customer_first_name": &*self.buyer, "customer_last_name": "", "promised_shipping_times": "",
            "delivery_info": "", "gift_option": false, "gift_message": "", "remarks": "", "buyer_note": "",
            "tax_code": "", "branch_number": "", "national_registration_number": "", "extra_attributes": "{}",
            "need_cancel_confirm": self.items.iter().any(Item::is_asked),
            "is_cancel_pending": self.items.iter().any(Item::is_agreed),
            "recipient_info": null, "address_shipping": address, "address_billing": {},
        })
    }

    fn item(&self, shop: &Shop, item: &Item) -> Value {
        let listing = shop.products.listing(item.product, item.sku);
        let package = item.package.and_then(|place| self.packages.get(place));
        let provider = match self.fulfilment {
            _ if package.is_none() => "",
            Fulfilment::OwnFleet => "SOF",
            _ => shop.region.provider,
        };
        let until = match &item.reverse {
            Some(Reverse { stage: ReverseStage::Asked { until }, .. }) => until * 1_000,
            _ => 0,
        };
        let mut shown = json!({
            "order_item_id": item.id, "order_id": self.id, "status": item.status.name(),
            "name": listing.map_or("", |(product, _)| &product.name),
            "sku": listing.map_or("", |(_, sku)| &sku.seller_sku),
            "shop_sku": shop_sku(shop, item.product, item.sku), "sku_id": item.sku.to_string(),
            "product_id": item.product.to_string(), "variation": listing.map_or("", |(_, sku)| &sku.variation),
            "shop_id": shop.name, "item_price": shop.money(item.price), "paid_price": shop.money(item.paid),
            "currency": shop.region.currency, "tax_amount": 0, "voucher_amount": shop.money(item.price - item.paid),
            "voucher_seller": shop.money(item.price - item.paid), "voucher_platform": 0,
            "shipping_amount": shop.money(self.shipping_fee / i64::try_from(self.items.len()).unwrap_or(1).max(1)),
            "shipping_service_cost": 0, "wallet_credits": 0, "warehouse_code": WAREHOUSE,
        });
        let more = json!({
            "is_fbl": u8::from(self.fulfilment == Fulfilment::Fbl),
            "is_digital": u8::from(self.fulfilment == Fulfilment::Digital), "is_reroute": 0,
            "delivery_option_sof": u8::from(self.fulfilment == Fulfilment::OwnFleet),
            "order_type": "Normal", "order_flag": "NORMAL", "shipping_type": "Dropshipping",
            "shipping_provider_type": if self.fulfilment == Fulfilment::Digital { "digital" } else { "standard" },
            "shipment_provider": provider, "tracking_code": package.map_or("", |package| &package.tracking),
            "tracking_code_pre": "", "package_id": package.map_or("", |package| &package.id),
            "purchase_order_id": "", "purchase_order_number": "", "promised_shipping_time": "",
            "sla_time_stamp": if self.ship_by > 0 { shop.iso(self.ship_by) } else { String::new() },
            "fulfillment_sla": "NEXT_DAY", "reason": &*item.reason, "reason_detail": "",
            // Nobody is written so on sibling platforms, and in a recorded answer.
            "cancel_return_initiator": if item.initiator.is_empty() { "null-null" } else { &item.initiator },
            "return_status": "",
            "reverse_order_id": item.reverse.as_ref().map_or(json!(""), |reverse| json!(reverse.id)),
            "need_cancel_confirm": item.is_asked(), "is_cancel_pending": item.is_agreed(),
            "cancel_trigger_time": until, "can_escalate_pickup": false,
            "payment_time": self.paid.map_or(0, |paid| paid * 1_000), "buyer_id": 100_112_802_006_i64,
            "stage_pay_status": "", "digital_delivery_info": "", "invoice_number": "", "extra_attributes": "{}",
            "created_at": shop.written(self.created), "updated_at": shop.written(item.updated),
            "product_main_image": "", "product_detail_url": "",
        });
        if let (Value::Object(shown), Value::Object(mut more)) = (&mut shown, more) {
            shown.append(&mut more);
        }
        shown
    }

    fn all_items(&self, shop: &Shop) -> Value {
        self.items.iter().map(|item| self.item(shop, item)).collect()
    }
}

fn reverse(id: i64, count: usize, at: i64, stage: ReverseStage, reason: &str) -> Reverse {
    let line = id.saturating_add(LINE_IDS.saturating_mul(i64::try_from(count).unwrap_or(0) + 1));
    Reverse { id, line, at, stage, reason: reason.into() }
}

/// A date of a list's parameters: ISO 8601 with an offset; a `Z` with milliseconds was rejected live (section 5.1).
fn date(parameters: &Parameters<'_>, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = parameters.text(name) else { return Ok(None) };
    let invalid = || Failure::caller("17", format!("E017: \"{text}\" Invalid Date Format"));
    if text.contains('.') {
        return Err(invalid());
    }
    let moment: jiff::Timestamp = text.parse().map_err(|_| invalid())?;
    Ok(Some(moment.as_second()))
}

/// `GET /orders/get` (5.1).
pub(super) fn get_orders(shop: &Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &Moment<'_>) -> Outcome {
    let created = (date(parameters, "created_after")?, date(parameters, "created_before")?);
    let updated = (date(parameters, "update_after")?, date(parameters, "update_before")?);
    if created.0.is_none() && updated.0.is_none() {
        return Err(Failure::missing("created_after"));
    }
    let limit = parameters.integer("limit")?.unwrap_or(LARGEST_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Failure::caller("19", format!("E019: \"{limit}\" Invalid Limit")));
    }
    let offset = parameters.integer("offset")?.unwrap_or(0);
    if !(0..=DEEPEST).contains(&offset) {
        return Err(Failure::caller("14", format!("E014: \"{offset}\" Invalid Offset")));
    }
    if offset + limit > DEEPEST {
        return Err(Failure::caller("97", "E097: Offset plus limit is larger than 5000"));
    }
    let statuses = match parameters.text("status") {
        None => None,
        Some(word) => Some(
            status::filter(word)
                .ok_or_else(|| Failure::caller("36", format!("E036: Invalid status filter \"{word}\"")))?,
        ),
    };
    let by_update = match parameters.text("sort_by").unwrap_or("created_at") {
        "updated_at" => true,
        "created_at" => false,
        _ => return Err(Failure::caller("75", "E075: Invalid Sort Filter")),
    };
    let ascending = match parameters.text("sort_direction").unwrap_or("DESC").to_ascii_uppercase().as_str() {
        "ASC" => true,
        "DESC" => false,
        _ => return Err(Failure::caller("74", "E074: Invalid Sort Direction")),
    };
    let query = Query { created, updated, statuses, by_update, ascending };
    let (found, all) = shop.list(&query, offset, limit, moment.stale);
    let rows: Vec<Value> = found.iter().map(|order| order.head(shop, rules)).collect();
    Ok(Success::Data(json!({"count": rows.len(), "countTotal": all, "orders": rows})))
}

fn known<'a>(shop: &'a Shop, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Result<&'a Order, Failure> {
    let text = parameters.required("order_id")?;
    let order = text.trim().parse().ok().and_then(|id| shop.view(id, moment.stale));
    order.ok_or_else(|| Failure::invalid_order(text))
}

/// `GET /order/get` (5.2).
pub(super) fn get_order(shop: &Shop, parameters: &Parameters<'_>, rules: &Rules, moment: &Moment<'_>) -> Outcome {
    known(shop, parameters, moment).map(|order| Success::Data(order.head(shop, rules)))
}

/// `GET /order/items/get` (5.3).
pub(super) fn get_items(shop: &Shop, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Outcome {
    known(shop, parameters, moment).map(|order| Success::Data(order.all_items(shop)))
}

/// `GET /orders/items/get` (5.4): what is not this shop's is left out; an error only where nothing is found.
pub(super) fn get_items_of_orders(shop: &Shop, parameters: &Parameters<'_>, moment: &Moment<'_>) -> Outcome {
    let no_list = || Failure::caller("56", "E056: Invalid OrdersIdList format. Must use array format [1,2]");
    let list = parameters.json("order_ids").map_err(|failure| match failure.code.as_str() {
        "MissingParameter" => failure,
        _ => no_list(),
    })?;
    if !list.is_array() {
        return Err(no_list());
    }
    let ids =
        numbers(&list).ok_or_else(|| Failure::caller("37", "E037: One or more order id in the list are incorrect"))?;
    if ids.len() > MOST_READ_AT_ONCE {
        return Err(Failure::caller("38", "E038: Too many orders were requested"));
    }
    let mut rows = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        let Some(order) = shop.view(*id, moment.stale).filter(|_| !ids[..place].contains(id)) else { continue };
        rows.push(json!({"order_id": order.id, "order_number": order.id, "order_items": order.all_items(shop)}));
    }
    if rows.is_empty() {
        return Err(Failure::caller("39", "E039: No orders were found"));
    }
    Ok(Success::Data(Value::Array(rows)))
}
