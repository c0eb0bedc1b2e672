//! Reading JSON as marketplaces really send it: a number as a string, nothing as `null`, `0`, `""`, `"-"` or left out.
//!
//! Each function reads one value by its text and never through a floating-point number, so that an id keeps all its
//! digits and an amount all its decimals. (`serde_json`'s `arbitrary_precision` would do that too, but it is switched
//! on for every crate of the program at once and changes how they all read numbers; `RawValue` is local.)
//!
//! A value of another kind than expected reads as “not given”; whoever needs the value says that it is missing.

use domain::money::{Currency, Money};
use domain::time::Moment;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Seconds since 1970 above this are milliseconds: the year 5138 (`shopee.md` section 1).
const SECONDS_MAX: i64 = 100_000_000_000;
/// An exponent beyond this is no amount of money.
const EXPONENT_MAX: i32 = 30;

/// Reads a JSON object. `serde` would take a list for one as well. The problem never quotes the body.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no JSON object".to_owned());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "a value is of another kind than documented",
            _ => "it is no JSON",
        };
        format!("{what}, line {} column {}", error.line(), error.column())
    })
}

/// A text or the text of a number; nothing for `null`, blanks and the placeholder `-`.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(scalar(<&RawValue>::deserialize(deserializer)?))
}

/// A whole number, or a text that holds one.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(scalar(<&RawValue>::deserialize(deserializer)?).and_then(|text| whole_number(&text)))
}

/// `true` or `false`, also as a text in any case or as 1 and 0.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = scalar(<&RawValue>::deserialize(deserializer)?).map(|text| text.to_ascii_lowercase());
    Ok(match text.as_deref() {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        _ => None,
    })
}

/// A moment given in seconds since 1970, or in milliseconds where it is too large for that; zero is no moment.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    Ok(integer(deserializer)?
        .filter(|&number| number > 0)
        .map(|number| if number > SECONDS_MAX { Moment::from_millis(number) } else { Moment::from_seconds(number) }))
}

/// Texts; `null` and anything else than a list is none.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let values: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(values.into_iter().filter_map(scalar).collect())
}

/// An amount whose currency stands elsewhere in the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Decimal(Option<String>);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

impl Decimal {
    /// The amount in its currency, rounded half away from zero to the currency's decimals, because platforms send sums
    /// such as `58.400000000000006`. Nothing where none was given or it is no number.
    pub(crate) fn money(&self, currency: Currency) -> Option<Money> {
        let text = self.0.as_deref()?;
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty()
            || exponent.unsigned_abs() > EXPONENT_MAX.unsigned_abs()
            || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        // All digits as one number, and how many of them stand behind the minor units' last digit.
        let mut all = format!("{whole}{fraction}");
        let behind = i64::try_from(fraction.len()).ok()? - i64::from(exponent) - i64::from(currency.decimals());
        let round_up = if behind > 0 {
            let keep = i64::try_from(all.len()).ok()? - behind;
            let first_dropped = usize::try_from(keep).ok().and_then(|keep| all.as_bytes().get(keep).copied());
            all.truncate(usize::try_from(keep).unwrap_or(0));
            first_dropped.is_some_and(|digit| digit >= b'5')
        } else {
            all.extend(std::iter::repeat_n('0', usize::try_from(-behind).ok()?));
            false
        };
        let minor: i64 = if all.is_empty() { 0 } else { all.parse().ok()? };
        let minor = minor.checked_add(i64::from(round_up))?;
        Some(Money::from_minor(if negative { -minor } else { minor }, currency))
    }
}

/// The buyer's name as the platform masks it; masked here where it is not.
pub(crate) fn masked(name: &str) -> String {
    const STARS: &str = "****";
    if name.is_empty() || name.contains('*') {
        return name.to_owned();
    }
    let mut letters = name.chars();
    match (letters.next(), letters.next_back()) {
        (Some(first), Some(last)) if letters.next().is_some() => format!("{first}{STARS}{last}"),
        _ => STARS.to_owned(),
    }
}

/// The text of a string, number or truth value; nothing for `null`, blanks, the placeholder `-`, lists and objects.
pub(crate) fn scalar(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    let text = match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw).ok()?,
        b'{' | b'[' => return None,
        _ if raw == "null" => return None,
        _ => raw.to_owned(),
    };
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "-" {
        None
    } else if trimmed.len() == text.len() {
        Some(text)
    } else {
        Some(trimmed.to_owned())
    }
}

fn whole_number(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize, Default, Debug, PartialEq)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "text")]
        name: Option<String>,
        #[serde(deserialize_with = "integer")]
        id: Option<i64>,
        #[serde(deserialize_with = "flag")]
        cod: Option<bool>,
        #[serde(deserialize_with = "moment")]
        at: Option<Moment>,
        #[serde(deserialize_with = "texts")]
        terms: Vec<String>,
        amount: Decimal,
    }

    fn sample(json: &str) -> Sample {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn nothing_is_written_in_many_ways() {
        for nothing in ["null", "\"\"", "\"-\"", "\" \"", "{}", "[]"] {
            let json = format!(
                r#"{{"name":{nothing},"id":{nothing},"cod":{nothing},"at":{nothing},"terms":{nothing},"amount":{nothing}}}"#
            );
            assert_eq!(sample(&json), Sample::default(), "{nothing}");
        }
        assert_eq!(sample("{}"), Sample::default());
    }

    #[test]
    fn a_number_may_come_as_a_text() {
        assert_eq!(sample(r#"{"id":"23620853561"}"#).id, Some(23_620_853_561));
        assert_eq!(sample(r#"{"id":23620853561.0}"#).id, Some(23_620_853_561));
        assert_eq!(sample(r#"{"id":1.5}"#).id, None);
        assert_eq!(sample(r#"{"name":7}"#).name.as_deref(), Some("7"));
        assert_eq!(sample(r#"{"cod":"true"}"#).cod, Some(true));
        assert_eq!(sample(r#"{"cod":"True"}"#).cod, Some(true));
    }

    #[test]
    fn zero_is_no_moment_and_a_huge_number_is_in_milliseconds() {
        assert_eq!(sample(r#"{"at":0}"#).at, None);
        assert_eq!(sample(r#"{"at":1786440012}"#).at, Some(Moment::from_seconds(1_786_440_012)));
        assert_eq!(sample(r#"{"at":1767679728656}"#).at, Some(Moment::from_millis(1_767_679_728_656)));
    }

    #[test]
    fn texts_leave_placeholders_out() {
        assert_eq!(sample(r#"{"terms":["SYSTEM_PENDING","-"]}"#).terms, ["SYSTEM_PENDING"]);
        assert_eq!(sample(r#"{"terms":"-"}"#).terms, Vec::<String>::new());
    }

    #[test]
    fn amounts_keep_every_decimal_and_round_once() {
        let minor = |amount: &str, code: &str| {
            let currency = Currency::parse(code).expect("a currency");
            sample(&format!(r#"{{"amount":{amount}}}"#)).amount.money(currency).map(Money::minor)
        };
        for (amount, code, expected) in [
            ("58.4", "MYR", Some(5840)),
            ("48000", "VND", Some(48_000)),
            ("48000.00", "VND", Some(48_000)),
            ("58.400000000000006", "MYR", Some(5840)),
            ("0.29", "SGD", Some(29)),
            ("1.005", "SGD", Some(101)),
            ("-1.005", "SGD", Some(-101)),
            ("0.004", "SGD", Some(0)),
            ("0.0009", "SGD", Some(0)),
            ("4.8e4", "VND", Some(48_000)),
            ("5e-1", "MYR", Some(50)),
            ("9007199254740993", "IDR", Some(9_007_199_254_740_993)),
            ("\"12.34\"", "SGD", Some(1234)),
            ("\"1,000\"", "SGD", None),
            ("1e999", "SGD", None),
            ("99999999999999999999", "SGD", None),
        ] {
            assert_eq!(minor(amount, code), expected, "{amount} {code}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_an_amount_panic(text in "-?[0-9.eE+-]{0,40}|\\PC*", code in "(IDR|MYR)") {
            let _ = Decimal(Some(text)).money(Currency::parse(&code).expect("a currency"));
        }

        #[test]
        fn an_amount_reads_back_as_it_was_written(minor in 0_i64..1_000_000_000_000, code in "(IDR|MYR)") {
            let currency = Currency::parse(&code).expect("a currency");
            let money = Money::from_minor(minor, currency);
            prop_assert_eq!(Decimal(Some(money.to_decimal())).money(currency), Some(money));
        }
    }
}
