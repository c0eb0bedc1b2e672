//! Moments for people: in the zone of the shop's market, with the offset always behind the time.
//!
//! The markets served here keep no summer time, so a fixed offset says it all and no zone database is needed.

use super::words;
use crate::clock::rfc3339;
use domain::time::Moment;
use jiff::civil::Date;
use jiff::tz::Offset;
use maud::{Markup, html};

/// Seconds before a deadline from which it is marked as near.
const NEAR_SECONDS: i64 = 6 * 3_600;
const DAY_MILLIS: i64 = 86_400_000;

/// A market's distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Zone {
    hours: i8,
}

impl Zone {
    /// UTC.
    pub(super) const UTC: Self = Self { hours: 0 };

    /// The zone of a market by its country code; UTC for one that is not known.
    pub(crate) fn of_region(region: &str) -> Self {
        let hours = match region {
            "MY" | "SG" | "PH" | "TW" | "CN" => 8,
            // Most of Indonesia's people, and its platforms, go by western time.
            "ID" | "TH" | "VN" => 7,
            "BR" => -3,
            "MX" => -6,
            _ => 0,
        };
        Self { hours }
    }

    /// `+08`, `-03`; `+00` for UTC.
    pub(super) fn offset(self) -> String {
        format!("{:+03}", self.hours)
    }

    const fn distance(self) -> Offset {
        Offset::constant(self.hours)
    }

    /// A moment by the clocks of this zone.
    pub(crate) fn at(self, civil: jiff::civil::DateTime) -> Option<Moment> {
        let stamp = self.distance().to_timestamp(civil).ok()?;
        Some(Moment::from_millis(stamp.as_millisecond()))
    }

    /// The day of a moment as `20261125`.
    pub(crate) fn day(self, moment: Moment) -> String {
        self.written(moment, "%Y%m%d")
    }

    /// When a day begins.
    pub(super) fn midnight(self, day: Date) -> Option<Moment> {
        self.at(day.at(0, 0, 0, 0))
    }

    /// From the first moment of one day to the last of another.
    pub(super) fn days(self, from: Option<Date>, to: Option<Date>) -> Option<(Moment, Moment)> {
        if from.is_none() && to.is_none() {
            return None;
        }
        let begin = from.and_then(|day| self.midnight(day)).unwrap_or(Moment::from_millis(1));
        let end = to.and_then(|day| self.midnight(day)).map_or(i64::MAX - 1, |day| day.millis() + DAY_MILLIS - 1);
        Some((begin, Moment::from_millis(end)))
    }

    fn written(self, moment: Moment, form: &str) -> String {
        let stamp = jiff::Timestamp::from_millisecond(moment.millis());
        stamp.map(|stamp| self.distance().to_datetime(stamp).strftime(form).to_string()).unwrap_or_default()
    }

    /// `23 Nov 16:05 +08`.
    pub(super) fn short(self, moment: Moment) -> Markup {
        self.time(moment, "%-d %b %H:%M")
    }

    /// `23 Nov 2026 16:05:09 +08`.
    pub(super) fn exact(self, moment: Moment) -> Markup {
        self.time(moment, "%-d %b %Y %H:%M:%S")
    }

    fn time(self, moment: Moment, form: &str) -> Markup {
        html! {
            time datetime=(rfc3339(moment)) title=(self.written(moment, "%A, %-d %B %Y, %H:%M:%S")) {
                (self.written(moment, form)) " " span.offset { (self.offset()) }
            }
        }
    }
}

/// Seconds from `now` to `moment`, negative when it has passed.
pub(super) const fn seconds_until(moment: Moment, now: Moment) -> i64 {
    (moment.millis() - now.millis()) / 1_000
}

/// A deadline in words and colour; `open` says whether it still matters.
pub(super) fn deadline(zone: Zone, moment: Moment, now: Moment, open: bool) -> Markup {
    let left = seconds_until(moment, now);
    let (class, relative) = match left {
        _ if !open => ("", None),
        left if left < 0 => ("late", Some(words::late(-left))),
        left if left < NEAR_SECONDS => ("near", Some(words::within(left))),
        left => ("", Some(words::within(left))),
    };
    html! {
        @if let Some(relative) = relative { span.deadline.(class) { (relative) } " " }
        span.when { (zone.short(moment)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_the_market_s_midnight() {
        let day = jiff::civil::date(2026, 11, 23);
        let midnight = |region| rfc3339(Zone::of_region(region).midnight(day).expect("a day"));
        assert_eq!(midnight("MY"), "2026-11-22T16:00:00.000Z");
        assert_eq!(midnight("ID"), "2026-11-22T17:00:00.000Z");
        assert_eq!(midnight("BR"), "2026-11-23T03:00:00.000Z");
        assert_eq!(midnight("??"), "2026-11-23T00:00:00.000Z");
    }

    #[test]
    fn a_range_of_days_holds_its_last_day() {
        let day = jiff::civil::date(2026, 11, 23);
        let (from, to) = Zone::of_region("SG").days(Some(day), Some(day)).expect("a range");
        assert_eq!(to.since(from).millis(), DAY_MILLIS - 1);
        assert_eq!(Zone::UTC.days(None, None), None);
    }

    #[test]
    fn a_deadline_says_in_words_what_its_colour_says() {
        let now = Moment::from_seconds(1_000_000);
        let shown = |seconds: i64, open| {
            deadline(Zone::UTC, Moment::from_seconds(1_000_000 + seconds), now, open).into_string()
        };
        assert!(shown(-120, true).contains("deadline late") && shown(-120, true).contains("2 min late"));
        assert!(shown(3_600, true).contains("deadline near") && shown(3_600, true).contains("in 1 h"));
        assert!(!shown(-120, false).contains("late"));
    }
}
