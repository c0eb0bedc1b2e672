//! Moments as Lazada writes them: `2026-01-05 14:16:45 +0800` on the wire, ISO 8601 in the documents and in some fields,
//! and milliseconds in the newer ones (`lazada.md` section 5.1, `C3`).

use domain::time::Moment;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::lenient;

/// Seconds since 1970 above this are milliseconds: the year 5138.
const SECONDS_MAX: i64 = 100_000_000_000;

/// A moment in any of the forms; nothing for blanks, zero, and what is none.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    Ok(lenient::scalar(<&RawValue>::deserialize(deserializer)?).and_then(|text| parse(&text)))
}

pub(super) fn parse(text: &str) -> Option<Moment> {
    if let Ok(number) = text.parse::<i64>() {
        return match number {
            ..=0 => None,
            SECONDS_MAX.. => Some(Moment::from_millis(number)),
            seconds => Some(Moment::from_seconds(seconds)),
        };
    }
    let iso = || text.parse::<jiff::Timestamp>().ok();
    let spaced = || jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok()?.to_timestamp().ok();
    iso().or_else(spaced).map(|moment| Moment::from_millis(moment.as_millisecond()))
}

/// The form that the API takes in its parameters: ISO 8601 with an offset and without milliseconds; a `Z` with
/// milliseconds was rejected live (section 5.1, `C2`).
pub(super) fn written(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_that_was_seen_is_the_same_moment() {
        for text in [
            "2026-01-05 14:16:45 +0800",
            "2026-01-05T14:16:45+08:00",
            "2026-01-05T06:16:45Z",
            "2026-01-05T06:16:45.000Z",
            "1767593805",
            "1767593805000",
        ] {
            assert_eq!(parse(text), Some(Moment::from_seconds(1_767_593_805)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["0", "-5", "2026-01-05 14:16:45", "tomorrow", "2026-13-05 14:16:45 +0800", "99999999999999999999"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_moment_reads_back(seconds in 0_i64..4_000_000_000) {
            prop_assert_eq!(parse(&written(seconds)), Some(Moment::from_seconds(seconds)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", seconds in any::<i64>()) {
            let _ = parse(&text);
            let _ = written(seconds);
        }
    }
}
