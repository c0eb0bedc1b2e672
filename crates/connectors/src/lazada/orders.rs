//! Reading orders (`lazada.md` section 5): the list, and then for a batch of orders their items in one call and their
//! heads (payment method, buyer, price) order by order. An order has no status of its own: its items have.
//!
//! The items' newest update time is the order's: a head read after the items may be newer than they are. An order that
//! the batch leaves out (which happens, 5.4) is asked for by its head; only that one's “invalid order” means that there is
//! no such order. An order that cannot be read names itself in the error; it is never left out silently.

use std::collections::HashSet;
use std::sync::Arc;

use domain::ids::{LineId, OrderNumber, PackageNumber};
use domain::money::Currency;
use domain::platform::Platform;
use domain::policy::{Policy, Standing};
use domain::snapshot::{CancelledFacts, FulfilledBy, Initiator, LineSnapshot, OrderSnapshot, PackageSnapshot};
use domain::time::Moment;
use serde::Deserialize;

use super::errors::{Answer, Asked};
use super::requests::{self, Asking};
use super::status::{self, ItemStatus};
use super::{Account, Parameters, call, stock, times};
use crate::call::{Call, CallError, Effect, Received, Remedy};
use crate::connector::{OrderPage, OrdersRead, Window};
use crate::lenient::{self, Decimal};

/// Section 5.1.
pub(super) const GET_ORDERS: &str = "/orders/get";
/// Section 5.2.
pub(super) const GET_ORDER: &str = "/order/get";
/// Section 5.3.
pub(super) const GET_ITEMS: &str = "/order/items/get";
/// Section 5.4.
pub(super) const GET_ITEMS_OF_ORDERS: &str = "/orders/items/get";
/// Orders per page of the list (section 5.1, `C2`).
const PAGE_SIZE: i64 = 100;
/// How far into a list a page may reach (section 5.1, `C2`).
const LIST_DEPTH: i64 = 5_000;
/// Orders per read of items (section 5.4, `C4`).
pub(super) const READ_MAX: usize = 50;
/// `payment_method` of cash on delivery (section 5.1).
const CASH_ON_DELIVERY: &str = "COD";
/// What nobody's initiator looks like on sibling platforms, and on Lazada in a recorded answer (section 5.4).
const NOBODY: &str = "null-null";

/// Where a page of the list begins: rows updated after a second, and how many of those were read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    after: i64,
    offset: i64,
}

impl Place {
    /// A cursor of ours (`seconds:offset`), or the window's beginning.
    pub(super) fn of(window: Window, cursor: Option<&str>) -> Self {
        let numbers = cursor.and_then(|text| text.split_once(':')).and_then(|(after, offset)| {
            let (after, offset): (i64, i64) = (after.parse().ok()?, offset.parse().ok()?);
            (after >= 0 && (0..=LIST_DEPTH).contains(&offset)).then_some(Self { after, offset })
        });
        numbers.unwrap_or(Self { after: window.from.seconds(), offset: 0 })
    }
}

pub(super) fn list_parameters(window: Window, place: Place) -> Parameters {
    // Times are in whole seconds: the window's end is rounded up, so that its last second belongs to it.
    let before = window.to.plus(domain::time::Span::from_millis(999)).seconds();
    vec![
        ("update_after", times::written(place.after)),
        ("update_before", times::written(before)),
        ("sort_by", "updated_at".to_owned()),
        ("sort_direction", "ASC".to_owned()),
        ("limit", PAGE_SIZE.to_string()),
        ("offset", place.offset.to_string()),
    ]
}

#[derive(Deserialize)]
struct ListResponse {
    orders: Option<Vec<ListedOrder>>,
}

#[derive(Deserialize)]
struct ListedOrder {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "times::moment")]
    updated_at: Option<Moment>,
}

/// Reads a page of the list.
///
/// The next page begins one second before the last row's time instead of at an offset: an order that changes between two
/// pages leaves the list's front, and counted rows would then skip another. Whether the bound is inclusive is not
/// documented; a second's overlap holds either way, and what comes twice is read once. Rows of one second are counted.
pub(super) fn read_list(asked: &Asked, place: Place, received: &Received) -> Result<OrderPage, CallError> {
    let answer = asked.answer(received)?;
    let response: ListResponse = answer.payload()?;
    let rows = response.orders.unwrap_or_default();
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= PAGE_SIZE);
    let sorted = rows.is_sorted_by_key(|row| row.updated_at);
    let last = rows.last().and_then(|row| row.updated_at).map(|at| at.seconds() - 1);
    let numbers = rows
        .into_iter()
        .map(|row| number(row.order_id.as_deref()))
        .collect::<Result<_, _>>()
        .map_err(|problem| answer.unreadable(&problem))?;
    if !full {
        return Ok(OrderPage { numbers, next: None });
    }
    let next = match last.filter(|&last| sorted && last > place.after) {
        Some(after) => Place { after, offset: 0 },
        None => Place { offset: place.offset + PAGE_SIZE, ..place },
    };
    if next.offset + PAGE_SIZE > LIST_DEPTH {
        let problem = "more than 5,000 orders changed in one second; Lazada lists no more";
        return Err(answer.failed(Remedy::Bug, problem));
    }
    Ok(OrderPage { numbers, next: Some(format!("{}:{}", next.after, next.offset)) })
}

/// The number that every call takes, `order_id`; a much older order has another `order_number` for people.
fn number(text: Option<&str>) -> Result<OrderNumber, String> {
    let text = text.ok_or("an order has no order_id")?;
    OrderNumber::parse(text).map_err(|error| format!("an order's order_id cannot be used: {error}"))
}

/// What the head of an order adds to its items.
#[derive(Debug, Clone, Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "times::moment")]
    created_at: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::text")]
    payment_method: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    customer_first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    customer_last_name: Option<String>,
    #[serde(default)]
    price: Decimal,
    #[serde(default)]
    voucher: Decimal,
    #[serde(default)]
    shipping_fee: Decimal,
}

#[derive(Deserialize)]
struct OrderItems {
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    order_items: Option<Vec<Item>>,
}

/// One unit sold.
#[derive(Debug, Clone, Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::text")]
    order_item_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    variation: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shop_sku: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    sku_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    product_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    currency: Option<String>,
    #[serde(default)]
    item_price: Decimal,
    #[serde(default)]
    paid_price: Decimal,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_fbl: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    package_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipment_provider: Option<String>,
    #[serde(default, deserialize_with = "times::moment")]
    sla_time_stamp: Option<Moment>,
    #[serde(default, deserialize_with = "times::moment")]
    promised_shipping_time: Option<Moment>,
    #[serde(default, deserialize_with = "times::moment")]
    payment_time: Option<Moment>,
    #[serde(default, deserialize_with = "times::moment")]
    created_at: Option<Moment>,
    #[serde(default, deserialize_with = "times::moment")]
    updated_at: Option<Moment>,
    #[serde(default, deserialize_with = "lenient::text")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reason_detail: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_return_initiator: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    need_cancel_confirm: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_cancel_pending: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    reverse_order_id: Option<String>,
    #[serde(default, deserialize_with = "times::moment")]
    cancel_trigger_time: Option<Moment>,
}

/// One order of a read, as far as it is known.
#[derive(Debug, Clone)]
struct Part {
    number: OrderNumber,
    head: Option<Head>,
    items: Option<Vec<Item>>,
    /// The platform said that there is no such order.
    gone: bool,
}

/// A read of some orders under way.
#[derive(Clone)]
pub(super) struct Reading {
    account: Arc<Account>,
    policy: Arc<Policy>,
    platform_now: Moment,
    parts: Vec<Part>,
}

impl Reading {
    pub(super) fn of(
        account: &Arc<Account>,
        policy: &Arc<Policy>,
        numbers: &[OrderNumber],
        platform_now: Moment,
    ) -> Self {
        // The engine asks for no more than the policy's batch, which is bound to this. What is no decimal number is no
        // order of Lazada's.
        let known = |number: &&OrderNumber| number.as_str().bytes().all(|byte| byte.is_ascii_digit());
        let part = |number: &OrderNumber| Part { number: number.clone(), head: None, items: None, gone: false };
        let parts = numbers.iter().filter(known).take(READ_MAX).map(part).collect();
        Self { account: Arc::clone(account), policy: Arc::clone(policy), platform_now, parts }
    }

    /// The first call: the items of all orders.
    pub(super) fn first(self) -> Call<OrdersRead> {
        let numbers: Vec<&str> = self.parts.iter().map(|part| part.number.as_str()).collect();
        let parameters = vec![("order_ids", format!("[{}]", numbers.join(",")))];
        self.ask(GET_ITEMS_OF_ORDERS, &parameters, |reading, asked, received| {
            let answer = match asked.answer(received) {
                Ok(answer) => answer,
                // None found, or one of them is invalid: the heads tell which.
                Err(error) if error.remedy == Remedy::Rejected => return Ok(()),
                Err(error) => return Err(error),
            };
            for row in answer.rows::<OrderItems>()? {
                let part = reading.parts.iter_mut().find(|part| Some(part.number.as_str()) == row.order_id.as_deref());
                if let (Some(part), Some(items)) = (part, row.order_items) {
                    part.items = (!items.is_empty()).then_some(items);
                }
            }
            Ok(())
        })
    }

    /// What is still missing, or the orders.
    fn next(self) -> Result<OrdersRead, CallError> {
        if let Some(index) = self.parts.iter().position(|part| !part.gone && part.head.is_none()) {
            return Ok(OrdersRead::Ask(Box::new(self.ask_head(index))));
        }
        if let Some(index) = self.parts.iter().position(|part| !part.gone && part.items.is_none()) {
            return Ok(OrdersRead::Ask(Box::new(self.ask_items(index))));
        }
        let Self { account, policy, parts, .. } = self;
        let asked = account.asked(GET_ITEMS_OF_ORDERS, Effect::Read);
        let region = account.credentials.region();
        let read = parts.into_iter().filter(|part| !part.gone).map(|part| {
            let number = part.number.clone();
            part.snapshot(&policy, &region).map_err(|problem| asked.unusable(&format!("order {number}: {problem}")))
        });
        read.collect::<Result<_, _>>().map(OrdersRead::Orders)
    }

    fn ask_head(self, index: usize) -> Call<OrdersRead> {
        let parameters = vec![("order_id", self.parts[index].number.as_str().to_owned())];
        self.ask(GET_ORDER, &parameters, move |reading, asked, received| {
            let part = &mut reading.parts[index];
            let Some(answer) = found(asked, received)? else {
                part.gone = true;
                return Ok(());
            };
            let head: Head = answer.payload()?;
            if head.order_id.as_deref().is_some_and(|id| id != part.number.as_str()) {
                return Err(answer.unreadable("it is another order's"));
            }
            part.head = Some(head);
            Ok(())
        })
    }

    fn ask_items(self, index: usize) -> Call<OrdersRead> {
        let parameters = vec![("order_id", self.parts[index].number.as_str().to_owned())];
        self.ask(GET_ITEMS, &parameters, move |reading, asked, received| {
            let part = &mut reading.parts[index];
            match found(asked, received)? {
                Some(answer) => part.items = Some(answer.rows()?),
                None => part.gone = true,
            }
            Ok(())
        })
    }

    fn ask(
        self,
        endpoint: &'static str,
        parameters: &Parameters,
        note: impl Fn(&mut Self, &Asked, &Received) -> Result<(), CallError> + Send + Sync + 'static,
    ) -> Call<OrdersRead> {
        let asked = self.account.asked(endpoint, Effect::Read);
        let request = self.account.get(endpoint, parameters, self.platform_now);
        call(asked, request, move |asked, received| {
            let mut reading = self.clone();
            note(&mut reading, asked, received)?;
            reading.next()
        })
    }
}

/// The answer, or nothing where it says that there is no such order in this shop.
fn found<'a>(asked: &'a Asked, received: &'a Received) -> Result<Option<Answer<'a>>, CallError> {
    match asked.answer(received) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.remedy == Remedy::Rejected && error.story.code == "16" => Ok(None),
        Err(error) => Err(error),
    }
}

impl Part {
    fn snapshot(self, policy: &Policy, region: &str) -> Result<OrderSnapshot, String> {
        let head = self.head.ok_or("it was not read")?;
        let mut seen = HashSet::new();
        // A recorded answer has one item twice, under one id: it is one unit.
        let items: Vec<Item> = self
            .items
            .unwrap_or_default()
            .into_iter()
            .filter(|item| item.order_item_id.as_ref().is_none_or(|id| seen.insert(id.clone())))
            .collect();
        let statuses: Vec<ItemStatus<'_>> = items.iter().map(Item::status).collect::<Result<_, _>>()?;
        let reading = status::read(policy, &statuses).ok_or("it has no items")?;
        let currency = items.iter().find_map(|item| item.currency.as_deref()).unwrap_or_default();
        let currency = Currency::parse(currency).map_err(|error| error.to_string())?;
        let updated_at = items.iter().filter_map(|item| item.updated_at).max().ok_or("its items have no updated_at")?;
        let ordered_at = items.iter().filter_map(|item| item.created_at).min().or(head.created_at);
        let live = |item: &&Item| !item.status.as_deref().is_some_and(|word| status::is_cancelled(policy, word));
        let ship_by = |item: &Item| item.sla_time_stamp.or(item.promised_shipping_time);
        let total = head.price.money(currency).map(|price| {
            let minor = |amount: &Decimal| amount.money(currency).map_or(0, domain::money::Money::minor);
            let paid = price.minor().saturating_sub(minor(&head.voucher)).saturating_add(minor(&head.shipping_fee));
            domain::money::Money::from_minor(paid.max(0), currency)
        });
        let buyer = [head.customer_first_name, head.customer_last_name].into_iter().flatten().collect::<Vec<_>>();
        let is_live: Vec<&Item> = items.iter().filter(live).collect();
        let by_platform = |items: &[&Item]| items.iter().all(|item| item.is_fbl == Some(true));
        let fulfilled_by =
            if is_live.is_empty() { by_platform(&items.iter().collect::<Vec<_>>()) } else { by_platform(&is_live) };
        Ok(OrderSnapshot {
            platform: Platform::Lazada,
            platform_status: reading.status.to_owned(),
            standing: reading.standing,
            stage: reading.stage,
            updated_at,
            ordered_at: ordered_at.ok_or("it has no created_at")?,
            paid_at: items.iter().filter_map(|item| item.payment_time).min(),
            ship_by: items.iter().filter(live).filter_map(ship_by).min(),
            region: region.to_owned(),
            currency,
            total,
            buyer_name: lenient::masked(&buyer.join(" ")),
            cod: head.payment_method.is_some_and(|method| method.eq_ignore_ascii_case(CASH_ON_DELIVERY)),
            // No field that says so is documented.
            preorder: false,
            fulfilled_by: if fulfilled_by { FulfilledBy::Platform } else { FulfilledBy::Seller },
            // The live answer is a call of its own, for chosen items: see `super::eligibility`.
            seller_may_cancel: None,
            cancelled: (reading.standing == Standing::Canceled).then(|| cancelled_facts(&items)),
            requests: requests::requests(is_live.iter().filter_map(|item| item.asking()).collect())?,
            buyer_reason: items.iter().filter(live).filter(|item| item.asked()).find_map(|item| item.reason.clone()),
            packages: packages(policy, &items)?,
            lines: items.iter().map(|item| item.line(policy, currency)).collect::<Result<_, _>>()?,
            number: self.number,
        })
    }
}

/// Who cancelled and why: of several items, what was said last.
fn cancelled_facts(items: &[Item]) -> CancelledFacts {
    let said = |item: &&Item| item.cancel_return_initiator.as_deref().is_some_and(|word| initiator(word).is_some());
    let last = items.iter().filter(said).max_by_key(|item| item.updated_at).or(items.last());
    let texts = last.map(|item| [item.reason.clone(), item.reason_detail.clone()]).into_iter().flatten().flatten();
    CancelledFacts {
        by: last.and_then(|item| initiator(item.cancel_return_initiator.as_deref().unwrap_or_default())),
        reason: texts.collect::<Vec<_>>().join(": "),
    }
}

/// `cancel_return_initiator` has open-ended values of the form actor and action, either one first (section 5.4).
fn initiator(word: &str) -> Option<Initiator> {
    let word = word.to_ascii_lowercase();
    if word == NOBODY {
        return None;
    }
    let holds = |words: &[&str]| words.iter().any(|part| word.contains(part));
    // “customer service” is no customer.
    if holds(&["customer service", "internal", "system", "failed delivery"]) {
        Some(Initiator::Platform)
    } else if holds(&["customer", "buyer"]) {
        Some(Initiator::Buyer)
    } else if holds(&["seller"]) {
        Some(Initiator::Seller)
    } else {
        None
    }
}

impl Item {
    fn asked(&self) -> bool {
        self.need_cancel_confirm == Some(true) || self.is_cancel_pending == Some(true)
    }

    /// What it says of a request of the buyer's, if it speaks of one.
    fn asking(&self) -> Option<Asking<'_>> {
        let line = LineId::parse(self.order_item_id.as_deref()?).ok()?;
        self.asked().then(|| Asking {
            line,
            reverse_order: self.reverse_order_id.as_deref().filter(|id| *id != "0"),
            until: self.cancel_trigger_time,
            reason: self.reason.as_deref().or(self.reason_detail.as_deref()),
            agreed: self.need_cancel_confirm != Some(true),
        })
    }

    fn status(&self) -> Result<ItemStatus<'_>, String> {
        let status = self.status.as_deref().ok_or("an item has no status")?;
        Ok(ItemStatus { status, asked: self.asked(), packed: self.package_id.is_some() })
    }

    fn line(&self, policy: &Policy, currency: Currency) -> Result<LineSnapshot, String> {
        let id = self.order_item_id.as_deref().ok_or("an item has no order_item_id")?;
        let listing = stock::listing(self.product_id, self.sku_id, self.shop_sku.as_deref(), self.sku.as_deref())
            .map_err(|problem| format!("item {id}: {problem}"))?;
        let status = self.status()?;
        let over = status::is_cancelled(policy, status.status);
        let package = self.package_id.as_deref().map(PackageNumber::parse);
        Ok(LineSnapshot {
            id: LineId::parse(id).map_err(|error| error.to_string())?,
            listing_sku: stock::listing_sku(&listing, self.sku.clone())?,
            listing,
            name: self.name.clone().unwrap_or_default(),
            variation: self.variation.clone().unwrap_or_default(),
            quantity: 1,
            cancelled_quantity: u32::from(over),
            cancelled_by: self.cancel_return_initiator.as_deref().filter(|_| over).and_then(initiator),
            unit_price: self.item_price.money(currency).or_else(|| self.paid_price.money(currency)),
            platform_status: status.status.to_owned(),
            stage: Some(status::stage(policy, &status)),
            package: package.transpose().map_err(|error| format!("item {id}: a package_id: {error}"))?,
            is_component: false,
        })
    }
}

/// The parcels that the items name, in the order of their first item.
fn packages(policy: &Policy, items: &[Item]) -> Result<Vec<PackageSnapshot>, String> {
    let mut names: Vec<&str> = Vec::new();
    for name in items.iter().filter_map(|item| item.package_id.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut packages = Vec::with_capacity(names.len());
    for name in names {
        let inside: Vec<&Item> = items.iter().filter(|item| item.package_id.as_deref() == Some(name)).collect();
        let statuses: Vec<ItemStatus<'_>> = inside.iter().map(|item| item.status()).collect::<Result<_, _>>()?;
        let Some(reading) = status::read(policy, &statuses) else { continue };
        packages.push(PackageSnapshot {
            number: PackageNumber::parse(name).map_err(|error| format!("a package_id: {error}"))?,
            tracking_number: inside.iter().find_map(|item| item.tracking_code.clone()),
            platform_status: reading.status.to_owned(),
            stage: reading.stage,
            carrier: inside.iter().find_map(|item| item.shipment_provider.clone()).unwrap_or_default(),
        });
    }
    Ok(packages)
}
