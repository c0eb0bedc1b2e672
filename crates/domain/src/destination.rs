//! Where a third-party warehouse is told that parcels go, where the marketplace hides the buyer's address.

use crate::words::worded;

/// The longest value of a part, in characters.
const LONGEST: usize = 200;

worded! {
    /// A part of a destination.
    Part, "part of a destination" {
        /// Street and house.
        Address = "address",
        /// The city.
        City = "city",
        /// The province or state.
        Province = "province",
        /// The postal code.
        PostalCode = "postal_code",
    }
}

impl Part {
    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::City => "city",
            Self::Province => "province",
            Self::PostalCode => "postal code",
        }
    }
}

/// A destination that an operator entered for a warehouse, such as the marketplace's hand-over point. The country is the
/// order's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    address: String,
    city: String,
    province: Option<String>,
    postal_code: Option<String>,
}

/// Why what was entered is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Something was entered, and what every warehouse needs was not.
    #[error("enter the {} as well, or leave all of it empty", .0.title())]
    Missing(Part),
    /// Too long, or not on one line.
    #[error("enter a {} of at most {LONGEST} characters on one line", .0.title())]
    Unusable(Part),
}

impl DestinationError {
    /// The part that is wrong.
    #[must_use]
    pub const fn part(self) -> Part {
        match self {
            Self::Missing(part) | Self::Unusable(part) => part,
        }
    }
}

impl Destination {
    /// Reads what was entered; `None` where all of it is empty.
    ///
    /// # Errors
    /// [`DestinationError`], which names the part.
    pub fn entered<'a>(of: impl Fn(Part) -> &'a str) -> Result<Option<Self>, DestinationError> {
        let mut parts = [None, None, None, None];
        for (place, &part) in parts.iter_mut().zip(Part::ALL) {
            let text = of(part).trim();
            if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
                return Err(DestinationError::Unusable(part));
            }
            *place = (!text.is_empty()).then(|| text.to_owned());
        }
        match parts {
            [None, None, None, None] => Ok(None),
            [Some(address), Some(city), province, postal_code] => {
                Ok(Some(Self { address, city, province, postal_code }))
            }
            [None, ..] => Err(DestinationError::Missing(Part::Address)),
            [_, None, ..] => Err(DestinationError::Missing(Part::City)),
        }
    }

    /// A part as it was entered.
    #[must_use]
    pub fn part(&self, part: Part) -> Option<&str> {
        match part {
            Part::Address => Some(&self.address),
            Part::City => Some(&self.city),
            Part::Province => self.province.as_deref(),
            Part::PostalCode => self.postal_code.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(parts: [&str; 4]) -> Result<Option<Destination>, DestinationError> {
        Destination::entered(|part| {
            Part::ALL.iter().zip(parts).find(|(known, _)| **known == part).map_or("", |it| it.1)
        })
    }

    #[test]
    fn nothing_is_no_destination_and_a_part_of_one_says_what_is_missing() {
        assert_eq!(entered(["", " ", "", ""]), Ok(None));
        let whole = entered([" Jl. Raya 1 ", "Jakarta", "DKI Jakarta", "10110"]).unwrap().unwrap();
        let parts = Part::ALL.iter().map(|&part| whole.part(part));
        assert!(parts.eq([Some("Jl. Raya 1"), Some("Jakarta"), Some("DKI Jakarta"), Some("10110")]));
        let without = entered(["Jl. Raya 1", "Jakarta", "", ""]).unwrap().unwrap();
        assert_eq!((without.part(Part::Province), without.part(Part::PostalCode)), (None, None));
        assert_eq!(entered(["Jl. Raya 1", "", "", "10110"]), Err(DestinationError::Missing(Part::City)));
        assert_eq!(entered(["", "Jakarta", "", ""]), Err(DestinationError::Missing(Part::Address)));
        assert_eq!(entered(["", "", "", "10110"]), Err(DestinationError::Missing(Part::Address)));
    }

    #[test]
    fn what_is_not_one_short_line_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(entered(["a", &long, "", ""]), Err(DestinationError::Unusable(Part::City)));
        assert_eq!(entered(["a", "b", "c\nd", ""]), Err(DestinationError::Unusable(Part::Province)));
    }
}
