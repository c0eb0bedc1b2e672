//! Where a cancelled order's units go: one table by who cancels, why, how far the goods are, and what the warehouse that has
//! them says. A platform's policy has the usual rows; a shop may put rows of its own before them.

use crate::ids::ReasonCode;
use crate::order::Stage;
use crate::snapshot::Initiator;
use crate::words::worded;

worded! {
    /// Where cancelled units go.
    GoesTo, "place of canceled units" {
        /// For sale again at once.
        Available = "available",
        /// To be stocked in by a person.
        Returning = "returning",
        /// Here, but not to be sold.
        Defective = "defective",
        /// Gone; they may be found again.
        Lost = "lost",
        /// Nowhere: nothing comes back.
        Nothing = "nothing",
    }
}

worded! {
    /// What the third-party warehouse that has the goods says of handing them back.
    WarehouseAnswer, "answer of a warehouse" {
        /// No third-party warehouse has them.
        NotAsked = "not_asked",
        /// It keeps them, and does not ship them.
        Withdrawn = "withdrawn",
        /// It ships them all the same.
        Refused = "refused",
        /// It did not say.
        Unknown = "unknown",
    }
}

/// One row of the table; what is `None` fits anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRule {
    /// Who cancels.
    pub initiator: Option<Initiator>,
    /// The reason of the seller's cancel.
    pub reason: Option<ReasonCode>,
    /// How far the goods are.
    pub stage: Option<Stage>,
    /// What the warehouse says.
    pub warehouse: Option<WarehouseAnswer>,
    /// Where the units go.
    pub goes_to: GoesTo,
}

/// Why a row cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRuleError {
    /// It would sell what is not here.
    #[error(
        "what has left the house is not for sale before it was stocked in; name a stage before handed_over, or another place"
    )]
    NotHere,
}

/// A cancel, as far as the table asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanceledUnits<'a> {
    /// Who cancelled, where that is known.
    pub initiator: Option<Initiator>,
    /// The reason of the seller's cancel.
    pub reason: Option<&'a ReasonCode>,
    /// How far the goods are.
    pub stage: Stage,
    /// What the warehouse says.
    pub warehouse: WarehouseAnswer,
}

impl StockRule {
    /// Refuses a row that would sell what is not here: the stage is never overridden.
    ///
    /// # Errors
    /// [`StockRuleError`].
    pub fn check(&self) -> Result<(), StockRuleError> {
        let here = self.stage.is_some_and(|stage| stage < Stage::HandedOver);
        if self.goes_to == GoesTo::Available && !here { Err(StockRuleError::NotHere) } else { Ok(()) }
    }

    fn fits(&self, canceled: &CanceledUnits<'_>) -> bool {
        self.initiator.is_none_or(|initiator| Some(initiator) == canceled.initiator)
            && self.reason.as_ref().is_none_or(|reason| Some(reason) == canceled.reason)
            && self.stage.is_none_or(|stage| stage == canceled.stage)
            && self.warehouse.is_none_or(|warehouse| warehouse == canceled.warehouse)
    }
}

/// Where the units of a cancel go: by the first row that fits; where none does, a person says it.
#[must_use]
pub fn goes_to(rules: &[StockRule], canceled: &CanceledUnits<'_>) -> GoesTo {
    rules.iter().find(|rule| rule.fits(canceled)).map_or(GoesTo::Returning, |rule| rule.goes_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(stage: Option<Stage>, goes_to: GoesTo) -> StockRule {
        StockRule { initiator: None, reason: None, stage, warehouse: None, goes_to }
    }

    #[test]
    fn the_first_row_that_fits_counts() {
        let reason = ReasonCode::parse("pricing_error").expect("a code");
        let rules = [
            StockRule { reason: Some(reason.clone()), ..rule(Some(Stage::Packed), GoesTo::Defective) },
            StockRule { initiator: Some(Initiator::Buyer), ..rule(Some(Stage::Packed), GoesTo::Available) },
            StockRule { warehouse: Some(WarehouseAnswer::Refused), ..rule(None, GoesTo::Nothing) },
            rule(Some(Stage::Packed), GoesTo::Lost),
        ];
        let usual = CanceledUnits {
            initiator: Some(Initiator::Seller),
            reason: None,
            stage: Stage::Packed,
            warehouse: WarehouseAnswer::NotAsked,
        };
        assert_eq!(goes_to(&rules, &CanceledUnits { reason: Some(&reason), ..usual }), GoesTo::Defective);
        assert_eq!(goes_to(&rules, &CanceledUnits { initiator: Some(Initiator::Buyer), ..usual }), GoesTo::Available);
        assert_eq!(goes_to(&rules, &CanceledUnits { warehouse: WarehouseAnswer::Refused, ..usual }), GoesTo::Nothing);
        assert_eq!(goes_to(&rules, &usual), GoesTo::Lost);
        assert_eq!(goes_to(&rules, &CanceledUnits { stage: Stage::Printed, ..usual }), GoesTo::Returning);
        assert_eq!(goes_to(&rules, &CanceledUnits { initiator: None, ..usual }), GoesTo::Lost);
    }

    #[test]
    fn no_row_sells_what_is_not_here() {
        for &stage in Stage::ALL {
            for &goes_to in GoesTo::ALL {
                let refused = goes_to == GoesTo::Available && stage >= Stage::HandedOver;
                assert_eq!(rule(Some(stage), goes_to).check().is_err(), refused, "{stage} {goes_to}");
            }
        }
        assert!(rule(None, GoesTo::Available).check().is_err(), "any stage is also one after handover");
    }
}
