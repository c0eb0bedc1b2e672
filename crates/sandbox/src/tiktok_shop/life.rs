//! What buyers, carriers and the platform do to orders, told by the control port or by deadlines: sheet sections 5.1
//! and 5.8.

use std::sync::Arc;

use serde_json::Value;

use super::cancel::{close, settle};
use super::orders::{CancelStatus, Cancellation, Due, Order, Role, Storefront};
use super::products::Products;
use super::reasons;
use super::rules::Rules;
use super::shops::Shop;
use super::status::{ALL, PackageStatus, Status};
use crate::marketplace::{AdvanceWish, BuyerWish, Moment, Refusal};
use crate::random::Random;

/// The market where the platform grants most wishes of buyers at once (section 5.8).
const INDONESIA: &str = "ID";
/// The platform's own reasons (section 5.7).
const NOT_PAID: (&str, &str) = ("system_cancel_unpaid_time_out", "Unpaid order timed out");
const NOT_SHIPPED: (&str, &str) = ("system_cancel_order_reason_shipping_timeout", "The order was not shipped in time");
const PARCEL_FAILED: (&str, &str) = ("package_cancel", "The package could not be delivered");

fn order<'a>(shop: &'a Shop, number: &str) -> Result<&'a Order, Refusal> {
    shop.order(number).ok_or_else(|| Refusal::unknown(format!("shop {} has no order {number}", shop.id)))
}

fn told(shop: &Shop, number: &str) -> Result<Value, Refusal> {
    order(shop, number).map(|order| order.truth(shop))
}

/// A number that no cancellation has: 19 digits.
pub(super) fn cancellation_id(random: &mut Random) -> Arc<str> {
    format!("40354{}", random.digits(14)).into()
}

fn cancellation(order: &Order, role: Role, (key, text): (&str, &str), id: Arc<str>, now: i64) -> Cancellation {
    Cancellation {
        id,
        request: role == Role::Buyer,
        status: CancelStatus::Pending,
        role,
        reason: key.into(),
        text: text.into(),
        created: now,
        updated: now,
        lines: order.live(),
        deadline: None,
        replenish: true,
        decided_with: None,
    }
}

/// Cancels the whole order at once.
fn cancel_at_once(
    order: &mut Order,
    products: &mut Products,
    role: Role,
    reason: (&str, &str),
    id: Arc<str>,
    now: i64,
) {
    let mut made = cancellation(order, role, reason, id, now);
    made.request = false;
    order.cancellations.push(made);
    order.apply(order.cancellations.len() - 1, products, false, now);
}

/// How long after the payment a buyer in Indonesia cancels alone what the seller ships.
const FREE_CANCEL_SECONDS: i64 = 3_600;

/// The buyer cancels: alone before payment, on hold, and in Indonesia where the platform ships; else a request.
pub(super) fn buyer_cancels(
    shop: &mut Shop,
    number: &str,
    wish: &BuyerWish,
    random: &mut Random,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let found = order(shop, number)?;
    let status = found.status;
    if !status.is_open() {
        return Err(Refusal::conflict(format!("the buyer cannot cancel an order that is {}", status.name())));
    }
    if found.pending().is_some() {
        return Err(Refusal::conflict("the buyer has asked already: one request at a time"));
    }
    // In Indonesia what the platform ships is canceled at once; a pre-order, and after its first hour what the seller ships,
    // needs the seller's word all the same (section 5.8). Perishable and virtual goods, the other exceptions, are not sold here.
    let paid_for = moment.now - found.paid.unwrap_or(moment.now);
    let excepted = found.preorder || (found.seller_ships && paid_for > FREE_CANCEL_SECONDS);
    let granted = match (status, shop.region.code, found.storefront) {
        (Status::Unpaid | Status::OnHold, ..) => true,
        (Status::AwaitingShipment, INDONESIA, _) | (_, INDONESIA, Storefront::TiktokShop) => !excepted,
        _ => false,
    };
    let (key, text) = reasons::of_buyer(status);
    let reason = (wish.reason.as_deref().unwrap_or(key), wish.reason.as_deref().unwrap_or(text));
    let deadline = moment.now + rules.request_answer(shop.region.code);
    let id = cancellation_id(random);
    let now = moment.now;
    shop.change(number, rules, now, |order, products| {
        if granted && (!wish.ask || status == Status::Unpaid) {
            cancel_at_once(order, products, Role::Buyer, reason, id, now);
        } else {
            let request = cancellation(order, Role::Buyer, reason, id, now);
            let replenish = wish.restock.unwrap_or(request.replenish);
            order.cancellations.push(Cancellation { deadline: Some(deadline), replenish, ..request });
        }
    });
    moment.changed = true;
    told(shop, number)
}

/// The buyer takes the request back.
pub(super) fn buyer_withdraws(
    shop: &mut Shop,
    number: &str,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let found = order(shop, number)?;
    let pending = found.cancellations.iter().position(|it| it.status == CancelStatus::Pending);
    let Some(place) = pending else {
        return Err(Refusal::conflict(format!("there is no open request: the order is {}", found.status.name())));
    };
    shop.change(number, rules, moment.now, |order, _| close(order, place, moment.now));
    moment.changed = true;
    told(shop, number)
}

/// Moves an order along. `tracking` is the number that it gets if it needs one.
pub(super) fn advance(
    shop: &mut Shop,
    number: &str,
    wish: &AdvanceWish,
    tracking: &str,
    random: &mut Random,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let Some(next) = Status::named(&wish.to) else {
        let known: Vec<&str> = ALL.iter().map(|status| status.name()).collect();
        return Err(Refusal::senseless(format!("{:?} is no status: use one of {}", wish.to, known.join(", "))));
    };
    let from = order(shop, number)?.status;
    if !wish.force && !from.may_become(next) {
        return Err(Refusal::conflict(format!(
            "an order that is {} does not become {}; \"force\": true does it all the same",
            from.name(),
            next.name()
        )));
    }
    let usual = match from {
        Status::Unpaid => NOT_PAID,
        Status::OnHold | Status::AwaitingShipment => NOT_SHIPPED,
        _ => PARCEL_FAILED,
    };
    let reason = wish.reason.as_deref().map_or(usual, |reason| (reason, reason));
    let id = cancellation_id(random);
    let now = moment.now;
    shop.change(number, rules, now, |order, products| {
        let pending = order.cancellations.iter().position(|it| it.status == CancelStatus::Pending);
        match (next, pending) {
            (Status::Cancelled, Some(place)) => order.apply(place, products, false, now),
            (Status::Cancelled, None) => cancel_at_once(order, products, Role::System, reason, id, now),
            (next, _) => move_to(order, products, next, tracking, now),
        }
    });
    moment.changed = true;
    told(shop, number)
}

/// Puts an order into a status with everything that goes with it, cancellation aside.
pub(super) fn move_to(order: &mut Order, products: &mut Products, next: Status, tracking: &str, now: i64) {
    order.status = next;
    if next != Status::Unpaid && order.paid.is_none() && !order.cod {
        order.paid = Some(now);
    }
    let reached = |least: Status| next >= least && next != Status::Cancelled;
    if reached(Status::AwaitingCollection) && order.arranged == 0 {
        order.arranged = now;
    }
    if reached(Status::InTransit) && order.collected == 0 {
        order.collected = now;
        for line in order.lines.iter().filter(|line| !line.cancelled) {
            products.leave(line.sku_id);
        }
    }
    if reached(Status::Delivered) && order.delivered == 0 {
        order.delivered = now;
    }
    for (place, package) in order.packages.iter_mut().enumerate() {
        if package.status == PackageStatus::Cancelled {
            continue;
        }
        // Of a partly shipped order the first package is on its way.
        package.status =
            if next == Status::PartiallyShipping && place == 0 { PackageStatus::Fulfilling } else { next.packages() };
        if package.status != PackageStatus::ToFulfill && package.tracking.is_none() {
            package.tracking = Some(format!("{tracking}{place}").into());
        }
    }
}

/// A package's shipment is arranged.
pub(super) fn arrange(order: &mut Order, place: usize, tracking: &str, now: i64) {
    if let Some(package) = order.packages.get_mut(place) {
        package.status = PackageStatus::Processing;
        package.tracking = Some(tracking.into());
    }
    let waits = order.packages.iter().any(|package| package.status == PackageStatus::ToFulfill);
    if !waits {
        order.status = Status::AwaitingCollection;
        order.arranged = now;
    }
}

/// Deadlines that have passed have their effect.
pub(super) fn pass_time(shop: &mut Shop, random: &mut Random, rules: &Rules, moment: &mut Moment<'_>) {
    let now = moment.now;
    while let Some((number, due)) = shop.take_due(now) {
        moment.changed = true;
        let id = cancellation_id(random);
        shop.change(&number, rules, now, |order, products| match due {
            Due::UnpaidExpires => cancel_at_once(order, products, Role::System, NOT_PAID, id, now),
            Due::NotShipped => cancel_at_once(order, products, Role::System, NOT_SHIPPED, id, now),
            Due::HoldEnds => move_to(order, products, Status::AwaitingShipment, "", now),
            Due::RequestUnanswered => {
                // Silence means yes.
                if let Some(place) = order.cancellations.iter().position(|it| it.status == CancelStatus::Pending) {
                    order.apply(place, products, false, now);
                }
            }
            Due::CancelSettles => settle(order, products, rules, now),
        });
    }
}
