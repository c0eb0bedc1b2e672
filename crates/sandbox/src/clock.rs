//! Virtual time: the system clock plus an offset that the control port moves.
//!
//! Deadlines, tokens and platform timestamps follow it. Delays of faults, bans and rate limits do not: those run on
//! real time, as a client's own back-off does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The clock that every fake marketplace reads.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// Virtual minus system time, in milliseconds.
    offset_ms: i64,
}

/// The furthest that one control call may move the clock, in seconds (ten years): beyond it the platforms' 32-bit
/// timestamps end.
pub(crate) const FURTHEST_ADVANCE_SECONDS: i64 = 10 * 366 * 86_400;

/// The last moment of the clock, 1 January 2100: the platforms' timestamps have 32 bits.
pub(crate) const LATEST: i64 = 4_102_444_800;

impl Clock {
    /// Now, in milliseconds since 1970.
    pub(crate) fn now_ms(self) -> i64 {
        system_ms().saturating_add(self.offset_ms)
    }

    /// Now, in seconds since 1970, the unit of Shopee's timestamps.
    pub(crate) fn now(self) -> i64 {
        self.now_ms().div_euclid(1_000)
    }

    /// Moves the clock forward, at the most to its end.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.set(self.now().saturating_add(seconds));
    }

    /// Sets the clock to a moment, in seconds since 1970.
    pub(crate) fn set(&mut self, seconds: i64) {
        let seconds = seconds.clamp(0, LATEST);
        self.offset_ms = seconds.saturating_mul(1_000).saturating_sub(system_ms());
    }
}

fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as RFC 3339 in UTC with milliseconds, as the control port writes times.
pub(crate) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|moment| format!("{moment:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_moves_every_later_reading() {
        let mut clock = Clock::default();
        let before = clock.now();
        clock.advance(3_600);
        assert!(clock.now() >= before + 3_600);
    }

    #[test]
    fn the_clock_ends_before_the_platforms_timestamps_do() {
        let mut clock = Clock::default();
        clock.advance(i64::MAX);
        assert!((LATEST..LATEST + 100).contains(&clock.now()));
    }

    #[test]
    fn a_clock_that_was_set_starts_there() {
        let mut clock = Clock::default();
        clock.set(1_700_000_000);
        assert!((1_700_000_000..1_700_000_100).contains(&clock.now()));
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(1_786_440_000_120), "2026-08-11T09:20:00.120Z");
    }
}
