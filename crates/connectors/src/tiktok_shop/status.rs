//! What TikTok Shop's statuses mean to us (`tiktok-shop.md` section 4): the policy's rows, and how an order and its lines
//! combine.

use domain::order::Stage;
use domain::policy::{Policy, Standing};

/// Some lines are shipped, others are not: the least advanced line decides.
const PARTLY_SHIPPED: &str = "PARTIALLY_SHIPPING";
/// A line's package whose shipment nobody arranged yet.
const TO_FULFILL: &str = "TO_FULFILL";
/// A line's package that waits for the courier.
const PROCESSING: &str = "PROCESSING";
/// A line or package that will not travel any more; it holds no order back.
pub(super) const CANCELLED: &str = "CANCELLED";

/// What an order says of itself beside its status.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    /// The hour in which the buyer may cancel without asking (`is_on_hold_order`).
    pub(super) held: bool,
    /// A buyer's request waits for the seller now (`is_buyer_request_cancel`).
    pub(super) requested: bool,
    /// How far its times say that the goods are.
    pub(super) timed: Option<Stage>,
}

/// What an order's status and lines mean together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) standing: Standing,
    pub(super) stage: Stage,
}

/// Reads an order's status with its lines' package statuses.
pub(super) fn read<'a>(
    policy: &Policy,
    status: &str,
    packages: impl Iterator<Item = &'a str> + Clone,
    marks: Marks,
) -> Reading {
    let rule = policy.status(status);
    let standing = match rule.map_or(Standing::Unknown, |rule| rule.standing) {
        standing if status == PARTLY_SHIPPED => least_advanced(packages.clone()).unwrap_or(standing),
        standing => standing,
    };
    let standing = match standing {
        Standing::Unpaid | Standing::OnHold | Standing::ToPack | Standing::Arranged | Standing::Shipped
            if marks.requested =>
        {
            Standing::CancelRequested
        }
        Standing::ToPack if marks.held => Standing::OnHold,
        standing => standing,
    };
    let least = rule.map_or(Stage::Untouched, |rule| rule.stage).max(marks.timed.unwrap_or(Stage::Untouched));
    let stage = packages.map(|package| package_stage(policy, package, least)).fold(least, Stage::max);
    Reading { standing, stage }
}

/// Whether nobody shipped a package yet.
pub(super) fn is_to_be_shipped(package_status: &str) -> bool {
    package_status == TO_FULFILL
}

/// How far a package's goods are; one whose status is in no table is as far as its order.
pub(super) fn package_stage(policy: &Policy, package_status: &str, order_stage: Stage) -> Stage {
    policy.package_status(package_status).map_or(order_stage, |rule| rule.stage)
}

/// Where the least advanced line stands; nothing where no line says.
fn least_advanced<'a>(packages: impl Iterator<Item = &'a str>) -> Option<Standing> {
    const BY_PROGRESS: [Standing; 3] = [Standing::ToPack, Standing::Arranged, Standing::Shipped];
    let progress = |status: &str| match status {
        TO_FULFILL => 0,
        PROCESSING => 1,
        _ => 2,
    };
    packages.filter(|status| *status != CANCELLED).map(progress).min().map(|place| BY_PROGRESS[place])
}
