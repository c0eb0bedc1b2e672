//! What a listing is to show of the units that may be sold (`product.md` section 5).

use crate::words::worded;

/// The most units by which a rule may raise or lower a number.
pub const FIXED_MAX: i64 = 999_999;

worded! {
    /// What becomes of the part of a unit that a percentage leaves.
    Rounding, "rounding" {
        /// It is left out.
        Down = "down",
        /// It counts as a whole one.
        Up = "up",
        /// It counts as a whole one from the half on.
        Nearest = "nearest",
    }
}

worded! {
    /// How a push ended.
    PushOutcome, "push outcome" {
        /// The platform took it.
        Accepted = "accepted",
        /// It refused this listing.
        Refused = "refused",
        /// It may have happened.
        Unknown = "unknown",
        /// It was not carried out; it is repeated.
        NotCarriedOut = "not_carried_out",
    }
}

/// How much of what is available a listing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushRule {
    percent: u8,
    fixed: i64,
    rounding: Rounding,
    sold_out_at: u32,
}

/// Why a rule is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushRuleError {
    /// A share is of what there is.
    #[error("{0} percent is more than there is; use 0 to 100")]
    Percent(i64),
    /// Far beyond any shelf.
    #[error("{0} units are too many; use -{FIXED_MAX} to {FIXED_MAX}")]
    Fixed(i64),
    /// Far beyond any shelf.
    #[error("a listing cannot be sold out at {0}; use 0 to {FIXED_MAX}")]
    SoldOutAt(i64),
}

impl Default for PushRule {
    /// All that is available.
    fn default() -> Self {
        Self { percent: 100, fixed: 0, rounding: Rounding::Down, sold_out_at: 0 }
    }
}

impl PushRule {
    /// `percent` of what is available and `fixed` more (fewer where it is negative); nothing at all once no more than
    /// `sold_out_at` are available.
    ///
    /// # Errors
    /// [`PushRuleError`] for numbers that make no rule.
    pub fn new(percent: i64, fixed: i64, rounding: Rounding, sold_out_at: i64) -> Result<Self, PushRuleError> {
        let share = u8::try_from(percent).ok().filter(|share| *share <= 100);
        if fixed.unsigned_abs() > FIXED_MAX.unsigned_abs() {
            return Err(PushRuleError::Fixed(fixed));
        }
        let guard = u32::try_from(sold_out_at).ok().filter(|guard| i64::from(*guard) <= FIXED_MAX);
        Ok(Self {
            percent: share.ok_or(PushRuleError::Percent(percent))?,
            fixed,
            rounding,
            sold_out_at: guard.ok_or(PushRuleError::SoldOutAt(sold_out_at))?,
        })
    }

    /// The share of what is available.
    #[must_use]
    pub const fn percent(&self) -> u8 {
        self.percent
    }

    /// Units more, or fewer.
    #[must_use]
    pub const fn fixed(&self) -> i64 {
        self.fixed
    }

    /// What becomes of parts of a unit.
    #[must_use]
    pub const fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// So many or fewer are shown as none.
    #[must_use]
    pub const fn sold_out_at(&self) -> u32 {
        self.sold_out_at
    }

    /// What is shown of so many available units: never more than there are, never fewer than none.
    #[must_use]
    pub fn number(&self, available: i64) -> i64 {
        let available = available.max(0);
        if available <= i64::from(self.sold_out_at) {
            return 0;
        }
        let hundredths = available.saturating_mul(i64::from(self.percent));
        let share = match self.rounding {
            Rounding::Down => hundredths / 100,
            Rounding::Up => hundredths.saturating_add(99) / 100,
            Rounding::Nearest => hundredths.saturating_add(50) / 100,
        };
        share.saturating_add(self.fixed).clamp(0, available)
    }
}

/// What is true of a listing when its number is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingFacts {
    /// Its shop's listings are filled by us.
    pub switched_on: bool,
    /// A person asked for it to be opened again, whether its shop's listings are filled or not.
    pub reopen: bool,
    /// A cancel said that its SKU, or one that it consists of, does not exist, and nobody counted since.
    pub held: bool,
    /// A cancel closed this very listing, and it was not opened since.
    pub closed: bool,
    /// Everything that it consists of was counted in a warehouse of its shop.
    pub counted: bool,
    /// Units that can be made of what is available in its shop's warehouses.
    pub available: i64,
}

/// Why a listing is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Its shop's listings are not filled by us.
    SwitchedOff,
    /// Its SKU is held until it is counted.
    Held,
    /// Nobody said how many there are.
    NotCounted,
}

/// What is to be done about a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// It shows this number.
    Show(i64),
    /// It was closed by a cancel: it shows none, and is touched only if it shows more.
    KeepClosed,
    /// It is left as it is.
    Leave(Left),
}

/// Decides what a listing is to show.
#[must_use]
pub fn target(facts: &ListingFacts, rule: &PushRule) -> Target {
    if !(facts.switched_on || facts.reopen) {
        return Target::Leave(Left::SwitchedOff);
    }
    match (facts.held, facts.closed) {
        (true, true) => Target::KeepClosed,
        (true, false) => Target::Leave(Left::Held),
        (false, _) if !facts.counted => Target::Leave(Left::NotCounted),
        (false, _) => Target::Show(rule.number(facts.available)),
    }
}

/// How many of something can be made in one warehouse, of components and what is available of each there.
#[must_use]
pub fn makeable(components: impl IntoIterator<Item = (u32, i64)>) -> i64 {
    let of_each = components.into_iter().map(|(units, available)| available.max(0) / i64::from(units.max(1)));
    of_each.min().unwrap_or(0)
}

#[cfg(test)]
#[path = "stock_push_tests.rs"]
mod tests;
