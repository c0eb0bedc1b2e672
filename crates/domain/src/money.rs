//! Money in minor units of one currency; adding is checked, and two currencies never mix.

use std::fmt;

/// An ISO 4217 currency code with its number of decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// An amount in minor units (sen, cents, whole rupiah…) of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount could not be read or added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three capital letters.
    #[error("“{0}” is no currency code; write three capital letters such as MYR")]
    Currency(String),
    /// Not a plain decimal number.
    #[error("“{0}” is no amount; write digits with at most one decimal point, such as 48000 or 31.99")]
    Amount(String),
    /// More decimals than the currency has, and not zeros.
    #[error("“{0}” has more decimals than {1} has")]
    Decimals(String, Currency),
    /// Beyond what 64 bits of minor units hold.
    #[error("the amount is too large")]
    TooLarge,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
}

impl Currency {
    /// Reads three capital letters.
    ///
    /// # Errors
    /// [`MoneyError::Currency`] for anything else.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            [a, b, c] if code.bytes().all(|letter| letter.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Currency(code.to_owned())),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals amounts of this currency are written with. Rupiah and dong are written without, as the
    /// marketplaces send them (`shopee.md` section 1: `48000` VND, `31.99` SGD).
    #[must_use]
    pub fn decimals(&self) -> u32 {
        match &self.0 {
            b"IDR" | b"VND" | b"JPY" | b"KRW" | b"CLP" => 0,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal number such as `48000`, `31.99` or `-5.5`. Decimals beyond the currency's are accepted only
    /// when they are zeros (`48000.00` VND).
    ///
    /// # Errors
    /// [`MoneyError`] when it is no such number or too large.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::Amount(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty()
            || digits.ends_with('.')
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(wrong());
        }
        let decimals = currency.decimals() as usize;
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return Err(MoneyError::Decimals(text.to_owned(), currency));
        }
        let padded = format!("{whole}{fraction:0<decimals$}");
        let minor: i64 = padded.parse().map_err(|_| MoneyError::TooLarge)?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::TooLarge`] on overflow.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, currency: self.currency })
    }

    /// So many of the same amount.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] on overflow.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(i64::from(count)).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, currency: self.currency })
    }

    /// The amount as a decimal number without its currency, with all the currency's decimals.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let decimals = self.currency.decimals() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.to_decimal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).expect("a currency")
    }

    #[test]
    fn amounts_are_read_in_the_currency_s_own_decimals() {
        for (text, code, minor) in [
            ("48000", "VND", 48_000),
            ("31.99", "SGD", 3_199),
            ("31.9", "SGD", 3_190),
            ("48000.00", "IDR", 48_000),
            ("-0.5", "MYR", -50),
        ] {
            assert_eq!(Money::parse(text, currency(code)).expect(text).minor(), minor, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-", ".5", "5.", "1,000", "1e3", "٣", "31.999", "99999999999999999999"] {
            assert!(Money::parse(text, currency("SGD")).is_err(), "{text}");
        }
    }

    #[test]
    fn two_currencies_do_not_add() {
        let sum = Money::from_minor(1, currency("SGD")).checked_add(Money::from_minor(1, currency("MYR")));
        assert!(matches!(sum, Err(MoneyError::Mixed(..))));
        let sum = Money::from_minor(i64::MAX, currency("SGD")).checked_add(Money::from_minor(1, currency("SGD")));
        assert_eq!(sum, Err(MoneyError::TooLarge));
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_the_same_amount(minor in -1_000_000_000_000_i64..1_000_000_000_000, code in "(IDR|MYR|VND|SGD)") {
            let money = Money::from_minor(minor, currency(&code));
            prop_assert_eq!(Money::parse(&money.to_decimal(), currency(&code)), Ok(money));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Money::parse(&text, currency("MYR"));
            let _ = Currency::parse(&text);
        }
    }
}
