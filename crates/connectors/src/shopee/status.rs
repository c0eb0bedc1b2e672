//! What Shopee's statuses mean to us (`shopee.md` section 7): the policy's rows, and how order and packages combine.

use domain::order::Stage;
use domain::policy::{Policy, Standing};

/// A package whose shipment is arranged (section 7.3).
const ARRANGED: &str = "LOGISTICS_REQUEST_CREATED";
/// Packages that will not travel any more (section 7.3); they hold no order back.
const DEAD: [&str; 4] =
    ["LOGISTICS_INVALID", "LOGISTICS_REQUEST_CANCELED", "LOGISTICS_PICKUP_FAILED", "LOGISTICS_COD_REJECTED"];
/// The order status that Brazil's channels 90021 and 90026 keep after shipment is arranged (section 7.2).
const KEPT_WHEN_ARRANGED: &str = "READY_TO_SHIP";

/// What an order's status and packages mean together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) standing: Standing,
    pub(super) stage: Stage,
}

/// Reads an order's status with its packages' statuses. `held` says that the platform still holds it
/// (`pending_terms`, section 6.2); `picked_up` that the courier has it (`pickup_done_time`).
pub(super) fn read<'a>(
    policy: &Policy,
    status: &str,
    packages: impl Iterator<Item = &'a str> + Clone,
    held: bool,
    picked_up: bool,
) -> Reading {
    let rule = policy.status(status);
    let standing = match rule.map_or(Standing::Unknown, |rule| rule.standing) {
        Standing::ToPack if held => Standing::OnHold,
        Standing::ToPack if status == KEPT_WHEN_ARRANGED && all_arranged(policy, packages.clone()) => {
            Standing::Arranged
        }
        standing => standing,
    };
    let least = rule.map_or(Stage::Untouched, |rule| rule.stage);
    let least = if picked_up { least.max(Stage::HandedOver) } else { least };
    let stage = packages.map(|package| package_stage(policy, package, least)).fold(least, Stage::max);
    Reading { standing, stage }
}

/// How far a package's goods are; one whose status is in no table is as far as its order.
pub(super) fn package_stage(policy: &Policy, package_status: &str, order_stage: Stage) -> Stage {
    policy.package_status(package_status).map_or(order_stage, |rule| rule.stage)
}

/// Whether a package still waits for its shipment to be arranged.
pub(super) fn is_to_be_arranged(policy: &Policy, package_status: &str) -> bool {
    let travels = policy.package_status(package_status).is_some_and(|rule| rule.stage >= Stage::HandedOver);
    package_status != ARRANGED && !DEAD.contains(&package_status) && !travels
}

/// Whether every package that still travels is arranged or further.
fn all_arranged<'a>(policy: &Policy, packages: impl Iterator<Item = &'a str>) -> bool {
    let mut live = packages.filter(|status| !DEAD.contains(status)).peekable();
    live.peek().is_some()
        && live.all(|status| {
            status == ARRANGED || policy.package_status(status).is_some_and(|rule| rule.stage >= Stage::HandedOver)
        })
}
