//! Which new orders of a shop are packed without anybody asking for it.

use crate::order::{List, Tab};
use crate::time::{Moment, Span};
use crate::words::worded;

worded! {
    /// Which orders are packed, by how they are paid.
    Payment, "payment" {
        /// However they are paid.
        Any = "any",
        /// Those paid on delivery only.
        Cod = "cod",
        /// Those paid before only.
        Prepaid = "prepaid",
    }
}

/// The longest wait, in minutes: a week.
pub const WAIT_MINUTES_MAX: u32 = 7 * 24 * 60;

/// A shop's rule. Off until somebody switches it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRule {
    /// Whether it packs.
    pub is_on: bool,
    /// Which orders, by how they are paid.
    pub payment: Payment,
    /// How long an order is left alone after it was placed, in minutes: buyers cancel in their first minutes most.
    pub wait_minutes: u32,
}

impl Default for PackRule {
    fn default() -> Self {
        Self { is_on: false, payment: Payment::Any, wait_minutes: 60 }
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Where the order stands.
    pub list: List,
    /// The tab.
    pub tab: Tab,
    /// Paid on delivery.
    pub cod: bool,
    /// A cancel of ours is unfinished.
    pub cancelling: bool,
    /// When it was placed.
    pub ordered_at: Moment,
}

impl PackRule {
    /// Whether an order may be paid for in this way; `None` means that both may.
    #[must_use]
    pub const fn cod(self) -> Option<bool> {
        match self.payment {
            Payment::Any => None,
            Payment::Cod => Some(true),
            Payment::Prepaid => Some(false),
        }
    }

    /// Orders placed later than this are left alone.
    #[must_use]
    pub fn placed_until(self, now: Moment) -> Moment {
        now.minus(Span::from_seconds(i64::from(self.wait_minutes) * 60))
    }

    /// Whether the rule packs an order now. An order that the buyer asks to cancel stands in another list, and one that
    /// could not be packed waits for a person.
    #[must_use]
    pub fn takes(self, facts: Facts, now: Moment) -> bool {
        self.is_on
            && facts.list == List::New
            && facts.tab == Tab::ToPack
            && !facts.cancelling
            && self.cod().is_none_or(|cod| cod == facts.cod)
            && facts.ordered_at <= self.placed_until(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_packs_what_is_to_pack_old_enough_and_paid_as_it_says() {
        let now = Moment::from_seconds(10_000);
        let rule = PackRule { is_on: true, payment: Payment::Prepaid, wait_minutes: 30 };
        let order = Facts {
            list: List::New,
            tab: Tab::ToPack,
            cod: false,
            cancelling: false,
            ordered_at: now.minus(Span::from_seconds(1_800)),
        };
        assert!(rule.takes(order, now));
        for (why, rule, order) in [
            ("off", PackRule { is_on: false, ..rule }, order),
            ("too young", rule, Facts { ordered_at: now.minus(Span::from_seconds(1_799)), ..order }),
            ("on delivery", rule, Facts { cod: true, ..order }),
            ("prepaid", PackRule { payment: Payment::Cod, ..rule }, order),
            ("failed before", rule, Facts { tab: Tab::PackFailed, ..order }),
            ("out of stock", rule, Facts { tab: Tab::OutOfStock, ..order }),
            ("asked to cancel", rule, Facts { list: List::CancelRequested, tab: Tab::None, ..order }),
            ("being canceled", rule, Facts { cancelling: true, ..order }),
        ] {
            assert!(!rule.takes(order, now), "{why}");
        }
        assert!(!PackRule::default().is_on, "off until switched on");
    }
}
