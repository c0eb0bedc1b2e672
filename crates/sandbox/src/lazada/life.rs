//! What buyers, carriers and the platform do to orders, told by the control port or by deadlines: sheet sections 5.6
//! and 7.

use serde_json::{Value, json};

use super::cancel::{BY_BUYER, BY_PLATFORM, cancel_by_seller, grant, set_stage};
use super::orders::{Order, Package, ReverseStage};
use super::products::Products;
use super::rules::Rules;
use super::seed;
use super::shops::Shop;
use super::status::{ALL, Status};
use crate::marketplace::{AdvanceWish, BuyerWish, Moment, Refusal};

/// The reason when none is given (section 5.4).
const USUAL_BUYER_REASON: &str = "Change of mind";

fn order(shop: &Shop, id: i64) -> Result<&Order, Refusal> {
    shop.order(id).ok_or_else(|| Refusal::unknown(format!("shop {} has no order {id}", shop.id)))
}

fn told(shop: &Shop, id: i64) -> Result<Value, Refusal> {
    order(shop, id).map(|order| order.truth(shop))
}

/// Puts items into a parcel.
pub(super) fn pack_items(order: &mut Order, places: &[usize], package: Package, products: &mut Products) {
    let parcel = order.packages.len();
    order.packages.push(package);
    for place in places {
        order.set(*place, Status::Packed, products);
        if let Some(item) = order.items.get_mut(*place) {
            item.package = Some(parcel);
        }
    }
}

/// The buyer cancels: at once before it is ready to ship, as a request afterwards (section 7, inferred).
pub(super) fn buyer_cancels(
    shop: &mut Shop,
    id: i64,
    wish: &BuyerWish,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let found = order(shop, id)?;
    if found.items.iter().any(|item| item.is_asked() || item.is_agreed()) {
        return Err(Refusal::conflict("the buyer's request is open already"));
    }
    let asks = |status: Status| status.is_ready() || (wish.ask && status != Status::Unpaid);
    let open = |status: Status| status <= Status::ReadyToShip;
    let at_once = found.places(|item| open(item.status) && !asks(item.status));
    let to_ask = found.places(|item| open(item.status) && asks(item.status));
    if at_once.is_empty() && to_ask.is_empty() {
        let status = found.status().name();
        return Err(Refusal::conflict(format!("the buyer cannot cancel an order that is {status}")));
    }
    let reason = wish.reason.as_deref().unwrap_or(USUAL_BUYER_REASON);
    let now = moment.now;
    shop.change(id, rules, now, |order, products| {
        if !at_once.is_empty() {
            order.cancel(&at_once, BY_BUYER, reason, products, now);
        }
        if !to_ask.is_empty() {
            order.ask(&to_ask, reason, now + rules.request_answer_seconds, now);
        }
    });
    moment.changed = true;
    told(shop, id)
}

/// The buyer takes the request back.
pub(super) fn buyer_withdraws(
    shop: &mut Shop,
    id: i64,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let asked = order(shop, id)?.places(|item| item.is_asked());
    if asked.is_empty() {
        return Err(Refusal::conflict("there is no open request"));
    }
    shop.change(id, rules, moment.now, |order, _| set_stage(order, &asked, ReverseStage::Withdrawn));
    moment.changed = true;
    told(shop, id)
}

/// Moves an order's live items along.
pub(super) fn advance(
    shop: &mut Shop,
    id: i64,
    wish: &AdvanceWish,
    rules: &Rules,
    moment: &mut Moment<'_>,
) -> Result<Value, Refusal> {
    let Some(next) = Status::named(&wish.to) else {
        let known: Vec<&str> = ALL.iter().map(|status| status.name()).collect();
        return Err(Refusal::senseless(format!("{:?} is no status: use one of {}", wish.to, known.join(", "))));
    };
    let found = order(shop, id)?;
    let live = found.places(|item| wish.force || item.status != Status::Canceled);
    let stuck = live.iter().find(|place| !found.items[**place].status.may_become(next));
    if let Some(place) = stuck.filter(|_| !wish.force) {
        let from = found.items[*place].status.name();
        return Err(Refusal::conflict(format!(
            "an item that is {from} does not become {}; \"force\": true does it all the same",
            next.name()
        )));
    }
    if live.is_empty() {
        return Err(Refusal::conflict("every item of the order is canceled"));
    }
    let package = seed::free_package(shop, found);
    let now = moment.now;
    shop.change(id, rules, now, |order, products| {
        if next == Status::Canceled {
            let asked = order.places(|item| item.is_asked() || item.is_agreed());
            grant(order, &asked, products, now);
            let rest = order.places(|item| item.status != Status::Canceled);
            let reason = wish.reason.as_deref().unwrap_or("Seller did not ship in time");
            if !rest.is_empty() {
                order.cancel(&rest, BY_PLATFORM, reason, products, now);
            }
        } else {
            move_items(order, &live, next, package, products, now);
        }
    });
    moment.changed = true;
    told(shop, id)
}

/// Puts items into a status with everything that goes with it, cancellation aside.
pub(super) fn move_items(
    order: &mut Order,
    places: &[usize],
    next: Status,
    package: Package,
    products: &mut Products,
    now: i64,
) {
    if next != Status::Unpaid && order.paid.is_none() && !order.cod {
        order.paid = Some(now);
    }
    let loose: Vec<usize> = places.iter().copied().filter(|place| order.items[*place].package.is_none()).collect();
    if next.is_packed() && !loose.is_empty() {
        pack_items(order, &loose, package, products);
    }
    for place in places {
        order.set(*place, next, products);
    }
}

/// Deadlines that have passed have their effect.
pub(super) fn pass_time(shop: &mut Shop, rules: &Rules, moment: &mut Moment<'_>) {
    while let Some(id) = shop.take_due(moment.now) {
        moment.changed = true;
        let now = moment.now;
        shop.change(id, rules, now, |order, products| fall_due(order, products, rules, now));
    }
}

/// Everything whose moment has passed: afterwards nothing of the order is due.
fn fall_due(order: &mut Order, products: &mut Products, rules: &Rules, now: i64) {
    let (due, later) = std::mem::take(&mut order.settling).into_iter().partition(|settling| settling.at <= now);
    order.settling = later;
    let due: Vec<super::orders::Settling> = due;
    for settling in due {
        cancel_by_seller(order, &settling.items, &settling.reason, products, rules, now);
    }
    let answered = order.places(|item| match item.reverse.as_ref().map(|reverse| reverse.stage) {
        Some(ReverseStage::Asked { until } | ReverseStage::Agreed { until }) => until <= now,
        _ => false,
    });
    if !answered.is_empty() {
        grant(order, &answered, products, now);
    }
    let expired = order.created + rules.unpaid_expires_seconds <= now;
    let unpaid = order.places(|item| expired && item.status == Status::Unpaid);
    if !unpaid.is_empty() {
        let reason = "Payment unsuccessful - payment time out";
        order.cancel(&unpaid, BY_PLATFORM, reason, products, now);
    }
    let late = order.ship_by > 0 && order.ship_by + rules.not_shipped_grace_seconds <= now;
    let unpacked = order.places(|item| late && matches!(item.status, Status::Pending | Status::Repacked));
    if !unpacked.is_empty() {
        order.cancel(&unpacked, BY_PLATFORM, "Seller did not ship in time", products, now);
    }
}

/// What the control port shows of a shop.
pub(super) fn shop_truth(shop: &Shop) -> Value {
    json!({
        "platform": "lazada", "shop": shop.id.to_string(), "name": shop.name, "region": shop.region.code,
        "currency": shop.region.currency, "orders": shop.order_count(), "products": shop.products.len(),
    })
}
