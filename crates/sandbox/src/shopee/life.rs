//! What buyers, carriers and the platform do to orders, told by the control port or by deadlines: sheet sections 7.2
//! and 9.

use serde_json::{Value, json};

use super::cancel::{accept_request, ask, cancel_by_seller, drop_request};
use super::orders::{Due, Order};
use super::rules::Rules;
use super::shops::Shop;
use super::status::{PackageStatus, Status};
use crate::marketplace::{AdvanceWish, BuyerWish, Moment, Refusal};

/// For so long after payment a pre-order may be cancelled freely (section 9).
const FREE_PREORDER_CANCEL_SECONDS: i64 = 3_600;
/// The reason when none is given (section 7.4).
const USUAL_BUYER_REASON: &str = "Don't Want to Buy Anymore";

/// Reasons that say what became of the parcel (sections 7.3 and 7.4).
const LOST: &str = "Parcel is Lost";
const PICKUP_FAILED: &str = "3PL pickup Fail";

fn order<'a>(shop: &'a Shop, number: &str) -> Result<&'a Order, Refusal> {
    shop.order(number).ok_or_else(|| Refusal::unknown(format!("shop {} has no order {number}", shop.id)))
}

fn told(shop: &Shop, number: &str) -> Result<Value, Refusal> {
    order(shop, number).map(|order| order.truth(shop))
}

/// The buyer cancels: at once before shipment is arranged, as a request afterwards; a pre-order freely for an hour.
pub(super) fn buyer_cancels(
    shop: &mut Shop,
    number: &str,
    wish: &BuyerWish,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let found = order(shop, number)?;
    let status = found.status;
    if !matches!(status, Status::Unpaid | Status::Pending | Status::ReadyToShip | Status::Processed | Status::RetryShip)
    {
        return Err(Refusal::conflict(format!("the buyer cannot cancel an order that is {}", status.name())));
    }
    let paid_for = moment.now - found.paid.unwrap_or(moment.now);
    let arranged = matches!(status, Status::Processed | Status::RetryShip);
    let needs_approval = arranged || (found.preorder && paid_for > FREE_PREORDER_CANCEL_SECONDS);
    let asks = (needs_approval || wish.ask) && status != Status::Unpaid;
    if asks && found.asked {
        return Err(Refusal::conflict("the buyer has asked before: one request per order"));
    }
    let reason = wish.reason.as_deref().unwrap_or(USUAL_BUYER_REASON);
    shop.change(number, rules, moment.now, |order, products| {
        if asks {
            ask(order, reason);
        } else {
            order.buyer_reason = reason.into();
            accept_request(order, products);
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
    let status = order(shop, number)?.status;
    if status != Status::InCancel {
        return Err(Refusal::conflict(format!("there is no open request: the order is {}", status.name())));
    }
    shop.change(number, rules, moment.now, |order, _| drop_request(order));
    moment.changed = true;
    told(shop, number)
}

/// Moves an order along. `tracking` is the number that it gets if it needs one.
pub(super) fn advance(
    shop: &mut Shop,
    number: &str,
    wish: &AdvanceWish,
    tracking: &str,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let Some(next) = Status::named(&wish.to) else {
        let known: Vec<&str> = super::status::ALL.iter().map(|status| status.name()).collect();
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
    shop.change(number, rules, moment.now, |order, products| match next {
        Status::Cancelled if from == Status::InCancel => accept_request(order, products),
        Status::Cancelled => {
            let reason = wish.reason.as_deref().unwrap_or(match from {
                Status::Unpaid => "Unpaid Order",
                Status::ReadyToShip | Status::Pending | Status::RetryShip => "Seller did not Ship",
                Status::Processed => PICKUP_FAILED,
                _ => "Failed Delivery",
            });
            order.cancel(products, "system", reason, &[]);
            let ended = match reason {
                LOST => Some(PackageStatus::Lost),
                PICKUP_FAILED => Some(PackageStatus::PickupFailed),
                _ => None,
            };
            for package in order.packages.iter_mut() {
                package.status = ended.unwrap_or(package.status);
            }
        }
        Status::InCancel => ask(order, wish.reason.as_deref().unwrap_or(USUAL_BUYER_REASON)),
        next => {
            if from == Status::Cancelled && !next.is_with_courier() {
                order.live_again(products);
            }
            move_to(order, next, tracking, moment.now);
        }
    });
    moment.changed = true;
    told(shop, number)
}

/// Puts an order into a status with everything that goes with it, cancellation aside.
pub(super) fn move_to(order: &mut Order, next: Status, tracking: &str, now: i64) {
    order.status = next;
    order.before_request = None;
    if !matches!(next, Status::Unpaid) && order.paid.is_none() && !order.cod {
        order.paid = Some(now);
    }
    let started = !matches!(next, Status::Unpaid | Status::Pending | Status::ReadyToShip);
    let picked_up = next.is_with_courier();
    for (place, package) in order.packages.iter_mut().enumerate() {
        package.status = next.packages();
        if started && package.tracking.is_none() {
            package.tracking = Some(format!("{tracking}{place}").into());
        }
        if picked_up && package.picked_up == 0 {
            package.picked_up = now;
        }
    }
}

/// Deadlines that have passed have their effect.
pub(super) fn pass_time(shop: &mut Shop, rules: &Rules, moment: &mut Moment<'_>) {
    while let Some((number, due)) = shop.take_due(moment.now) {
        moment.changed = true;
        shop.change(&number, rules, moment.now, |order, products| match due {
            Due::UnpaidExpires => order.cancel(products, "system", "Unpaid Order", &[]),
            Due::NotShipped => order.cancel(products, "system", "Seller did not Ship", &[]),
            Due::RequestUnanswered => accept_request(order, products),
            Due::CancelSettles { reason, chosen } => cancel_by_seller(order, products, &reason, &chosen),
        });
    }
}

/// The package arranged by `ship_order`.
pub(super) fn arrange(order: &mut Order, place: usize, tracking: &str) {
    if let Some(package) = order.packages.get_mut(place) {
        package.status = PackageStatus::RequestCreated;
        package.tracking = Some(tracking.into());
    }
    let all = order.packages.iter().all(|package| package.status == PackageStatus::RequestCreated);
    if all {
        order.status = Status::Processed;
    }
}

/// What the control port shows of a shop.
pub(super) fn shop_truth(shop: &Shop) -> Value {
    json!({
        "platform": "shopee", "shop": shop.id.to_string(), "name": shop.name, "region": shop.region,
        "currency": shop.currency, "orders": shop.order_count(), "products": shop.products.len(),
    })
}
