//! Manual orders: made here or imported, with no marketplace behind them (`product.md` section 3).

use crate::ids::{MerchantSku, OrderNumber};
use crate::money::{Currency, Money, MoneyError};
use crate::time::Moment;
use crate::words::worded;

/// The most lines of one manual order.
pub const LINES_MAX: usize = 200;
/// The most units of one line.
pub const QUANTITY_MAX: u32 = 100_000;
/// The longest name of a buyer or product, in characters.
pub const NAME_MAX: usize = 200;

worded! {
    /// How far a manual order is; we say so ourselves, because nobody else does.
    ManualStatus, "manual order's status" {
        /// To be packed.
        New = "new",
        /// Packed; the goods are still here.
        Packed = "packed",
        /// Handed to whoever brings it.
        Shipped = "shipped",
        /// Arrived and paid.
        Completed = "completed",
        /// Cancelled here.
        Canceled = "canceled",
    }
}

impl ManualStatus {
    /// What comes after it; `None` at the end.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::New => Some(Self::Packed),
            Self::Packed => Some(Self::Shipped),
            Self::Shipped => Some(Self::Completed),
            Self::Completed | Self::Canceled => None,
        }
    }
}

/// A line of a manual order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualLine {
    /// What lies on the shelf.
    pub merchant_sku: MerchantSku,
    /// What the buyer calls it; may be empty.
    pub name: String,
    /// Units.
    pub quantity: u32,
    /// What one unit costs, where it is known.
    pub unit_price: Option<Money>,
}

/// A manual order to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualOrder {
    /// The seller's own number for it.
    pub number: OrderNumber,
    /// Who gets it; may be empty.
    pub buyer_name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// Paid on delivery.
    pub cod: bool,
    /// When it was placed.
    pub ordered_at: Moment,
    /// Until when it must ship, where that was promised.
    pub ship_by: Option<Moment>,
    /// What was ordered.
    pub lines: Vec<ManualLine>,
}

/// Why a manual order is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManualOrderError {
    /// It orders nothing.
    #[error("the order has no line; name at least one SKU and its quantity")]
    NoLine,
    /// It has too many lines.
    #[error("the order has more than {LINES_MAX} lines; split it")]
    TooManyLines,
    /// A quantity is none.
    #[error("“{0}”: the quantity is 1 to {QUANTITY_MAX}")]
    Quantity(MerchantSku),
    /// A name is too long.
    #[error("“{0}…” is longer than {NAME_MAX} characters; shorten it")]
    Name(String),
    /// Its prices do not add up.
    #[error("the total: {0}")]
    Total(#[from] MoneyError),
}

impl ManualOrder {
    /// What the buyer pays: the sum of its lines, where each has a price.
    ///
    /// # Errors
    /// [`ManualOrderError`], the first rule that the order breaks.
    pub fn total(&self) -> Result<Option<Money>, ManualOrderError> {
        if self.lines.is_empty() {
            return Err(ManualOrderError::NoLine);
        }
        if self.lines.len() > LINES_MAX {
            return Err(ManualOrderError::TooManyLines);
        }
        let names = self.lines.iter().map(|line| &line.name).chain([&self.buyer_name]);
        for name in names {
            if name.chars().count() > NAME_MAX {
                return Err(ManualOrderError::Name(name.chars().take(20).collect()));
            }
        }
        let mut total = Some(Money::from_minor(0, self.currency));
        for line in &self.lines {
            if !(1..=QUANTITY_MAX).contains(&line.quantity) {
                return Err(ManualOrderError::Quantity(line.merchant_sku.clone()));
            }
            total = match (total, line.unit_price) {
                (Some(total), Some(price)) => Some(total.checked_add(price.times(line.quantity)?)?),
                _ => None,
            };
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(lines: &[(u32, Option<i64>)]) -> ManualOrder {
        let currency = Currency::parse("MYR").unwrap();
        let line = |&(quantity, price): &(u32, Option<i64>)| ManualLine {
            merchant_sku: MerchantSku::parse("MUG-RED").unwrap(),
            name: "Mug".to_owned(),
            quantity,
            unit_price: price.map(|minor| Money::from_minor(minor, currency)),
        };
        ManualOrder {
            number: OrderNumber::parse("M-1").unwrap(),
            buyer_name: String::new(),
            currency,
            cod: false,
            ordered_at: Moment::from_millis(0),
            ship_by: None,
            lines: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn the_total_is_the_sum_of_the_lines_and_unknown_while_a_price_is() {
        let sum = order(&[(2, Some(1_250)), (1, Some(5))]).total().unwrap();
        assert_eq!(sum.map(Money::minor), Some(2_505));
        assert_eq!(order(&[(2, Some(1_250)), (1, None)]).total().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_an_order_is_refused_with_what_to_do() {
        assert_eq!(order(&[]).total(), Err(ManualOrderError::NoLine));
        assert_eq!(order(&vec![(1, None); LINES_MAX + 1]).total(), Err(ManualOrderError::TooManyLines));
        for quantity in [0, QUANTITY_MAX + 1] {
            assert!(matches!(order(&[(quantity, None)]).total(), Err(ManualOrderError::Quantity(_))), "{quantity}");
        }
        assert_eq!(order(&[(2, Some(i64::MAX))]).total(), Err(ManualOrderError::Total(MoneyError::TooLarge)));
        let long = ManualOrder { buyer_name: "x".repeat(NAME_MAX + 1), ..order(&[(1, None)]) };
        assert!(matches!(long.total(), Err(ManualOrderError::Name(_))));
    }

    #[test]
    fn a_manual_order_goes_forward_step_by_step_and_ends() {
        let mut status = ManualStatus::New;
        let mut seen = vec![status];
        while let Some(next) = status.next() {
            status = next;
            seen.push(status);
        }
        assert_eq!(seen, [ManualStatus::New, ManualStatus::Packed, ManualStatus::Shipped, ManualStatus::Completed]);
        assert_eq!(ManualStatus::Canceled.next(), None);
    }
}
