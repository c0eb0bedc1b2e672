//! Moments and spans, in milliseconds. The domain never asks what time it is: it is told.

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// A length of time in milliseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Moment {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970; a number too large for milliseconds stops at the largest moment.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and a span after it.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// A span before this moment.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let millis = self.0.saturating_sub(earlier.0);
        Span(if millis < 0 { 0 } else { millis })
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds; negative becomes zero.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// From seconds; negative becomes zero.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// In whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Both, one after the other.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Twice as long as often as `doublings` says, but no longer than `limit`.
    #[must_use]
    pub fn doubled(self, doublings: u32, limit: Self) -> Self {
        let factor = 1_i64.checked_shl(doublings.min(40)).unwrap_or(i64::MAX);
        Self(self.0.saturating_mul(factor).min(limit.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_never_runs_backwards() {
        let early = Moment::from_seconds(10);
        let late = Moment::from_seconds(25);
        assert_eq!(late.since(early), Span::from_seconds(15));
        assert_eq!(early.since(late), Span::ZERO);
    }

    #[test]
    fn doubling_stops_at_its_limit() {
        let base = Span::from_millis(200);
        assert_eq!(base.doubled(0, Span::from_seconds(5)), base);
        assert_eq!(base.doubled(3, Span::from_seconds(5)), Span::from_millis(1600));
        assert_eq!(base.doubled(60, Span::from_seconds(5)), Span::from_seconds(5));
    }
}
