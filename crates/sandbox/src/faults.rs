//! What goes wrong on purpose: `PUT /faults`.

use std::time::Duration;

use serde::Deserialize;

use crate::marketplace::Nature;
use crate::random::Random;

/// One kind of trouble, with the names of the control port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The connection is dropped at once; the call had no effect.
    TimeoutBefore,
    /// The call has its effect, then the connection is dropped without an answer.
    TimeoutAfter,
    /// HTTP 500; the call had no effect.
    #[serde(rename = "http_500")]
    Http500,
    /// The call has its effect, then HTTP 500.
    #[serde(rename = "http_500_after")]
    Http500After,
    /// The platform's own "too many requests"; the call had no effect.
    RateLimited,
    /// The connection is dropped at once; the effect comes later.
    LateApply,
    /// A read answers from before the last write of that order.
    StaleRead,
    /// The answer comes late.
    Slow,
    /// A push is delivered twice.
    DuplicatePush,
    /// A push is delivered after a later one.
    ReorderedPush,
    /// A push never arrives and is not listed as lost.
    DroppedPush,
}

impl Kind {
    /// The name on the control port and in the call log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::TimeoutBefore => "timeout_before",
            Kind::TimeoutAfter => "timeout_after",
            Kind::Http500 => "http_500",
            Kind::Http500After => "http_500_after",
            Kind::RateLimited => "rate_limited",
            Kind::LateApply => "late_apply",
            Kind::StaleRead => "stale_read",
            Kind::Slow => "slow",
            Kind::DuplicatePush => "duplicate_push",
            Kind::ReorderedPush => "reordered_push",
            Kind::DroppedPush => "dropped_push",
        }
    }

    fn concerns_pushes(self) -> bool {
        matches!(self, Kind::DuplicatePush | Kind::ReorderedPush | Kind::DroppedPush)
    }

    fn applies_to(self, nature: Nature) -> bool {
        match (self, nature) {
            (_, Nature::Page) => false,
            (Kind::LateApply, _) => nature == Nature::Write,
            (Kind::StaleRead, _) => nature == Nature::Read,
            (kind, _) => !kind.concerns_pushes(),
        }
    }
}

/// The body of `PUT /faults`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The marketplace.
    pub(crate) platform: String,
    /// Probability of trouble per call and per push, 0 to 1.
    pub(crate) rate: f64,
    /// The kinds to choose from.
    pub(crate) kinds: Vec<Kind>,
    /// Makes the choice repeatable.
    #[serde(default)]
    pub(crate) seed: Option<u64>,
    /// How late `late_apply` and `slow` are, in real milliseconds.
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
    /// After `rate_limited`, every call is refused for so many real seconds.
    #[serde(default)]
    pub(crate) ban_seconds: Option<u64>,
    /// How long after a write `stale_read` may still answer from before it, in real milliseconds.
    #[serde(default)]
    pub(crate) stale_ms: Option<u64>,
}

/// How late `late_apply` and `slow` are unless told.
const DELAY: Duration = Duration::from_millis(1_500);
/// How long a replica lags unless told: within the time in which a platform settles.
const STALE_FOR: Duration = Duration::from_secs(5);
/// The longest delay that may be asked for.
const LONGEST_DELAY_MS: u64 = 600_000;

/// The faults of one marketplace.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    rate: f64,
    kinds: Vec<Kind>,
    random: Random,
    /// How late `late_apply` and `slow` are.
    pub(crate) delay: Duration,
    /// How long `rate_limited` goes on, once it began.
    pub(crate) ban: Duration,
    /// How long after a write a stale read is possible.
    pub(crate) stale_for: Duration,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            rate: 0.0,
            kinds: Vec::new(),
            random: Random::seeded(0),
            delay: DELAY,
            ban: Duration::ZERO,
            stale_for: STALE_FOR,
        }
    }
}

impl Faults {
    /// Takes over what the control port asked for, or says what is wrong with it.
    pub(crate) fn from_wish(wish: &Wish) -> Result<Faults, String> {
        if !(0.0..=1.0).contains(&wish.rate) {
            return Err(format!("rate is {}, but a probability lies between 0 and 1", wish.rate));
        }
        if wish.rate > 0.0 && wish.kinds.is_empty() {
            return Err("kinds is empty: name at least one, or set rate to 0".to_owned());
        }
        let delay_ms = wish.delay_ms.unwrap_or(DELAY.as_millis() as u64);
        if delay_ms > LONGEST_DELAY_MS {
            return Err(format!("delay_ms is {delay_ms}, at most {LONGEST_DELAY_MS} is possible"));
        }
        Ok(Faults {
            rate: wish.rate,
            kinds: wish.kinds.clone(),
            random: Random::seeded(wish.seed.unwrap_or(0)),
            delay: Duration::from_millis(delay_ms),
            ban: Duration::from_secs(wish.ban_seconds.unwrap_or(0).min(86_400)),
            stale_for: wish.stale_ms.map_or(STALE_FOR, Duration::from_millis),
        })
    }

    /// The trouble that this call meets, if any: one of the kinds that fit it.
    pub(crate) fn for_call(&mut self, nature: Nature) -> Option<Kind> {
        self.choose(|kind| kind.applies_to(nature))
    }

    /// The trouble that this push meets, if any.
    pub(crate) fn for_push(&mut self) -> Option<Kind> {
        self.choose(Kind::concerns_pushes)
    }

    fn choose(&mut self, fits: impl Fn(Kind) -> bool) -> Option<Kind> {
        if self.rate <= 0.0 {
            return None;
        }
        let fitting: Vec<Kind> = self.kinds.iter().copied().filter(|kind| fits(*kind)).collect();
        if fitting.is_empty() || !self.random.happens(self.rate) {
            return None;
        }
        self.random.pick(&fitting).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(rate: f64, kinds: &[Kind]) -> Wish {
        Wish {
            platform: "shopee".to_owned(),
            rate,
            kinds: kinds.to_vec(),
            seed: Some(1),
            delay_ms: None,
            ban_seconds: None,
            stale_ms: None,
        }
    }

    #[test]
    fn a_read_never_meets_late_apply_and_a_write_never_a_stale_read() {
        let mut faults = Faults::from_wish(&wish(1.0, &[Kind::LateApply, Kind::StaleRead])).unwrap();
        for _ in 0..50 {
            assert_eq!(faults.for_call(Nature::Read), Some(Kind::StaleRead));
            assert_eq!(faults.for_call(Nature::Write), Some(Kind::LateApply));
            assert_eq!(faults.for_push(), None);
        }
    }

    #[test]
    fn pages_for_people_meet_no_faults() {
        let mut faults = Faults::from_wish(&wish(1.0, &[Kind::Http500])).unwrap();
        assert_eq!(faults.for_call(Nature::Page), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let kinds = [Kind::Http500, Kind::TimeoutAfter, Kind::Slow];
        let mut one = Faults::from_wish(&wish(0.5, &kinds)).unwrap();
        let mut two = Faults::from_wish(&wish(0.5, &kinds)).unwrap();
        let first: Vec<_> = (0..100).map(|_| one.for_call(Nature::Write)).collect();
        let second: Vec<_> = (0..100).map(|_| two.for_call(Nature::Write)).collect();
        assert_eq!(first, second);
        assert!(first.iter().any(Option::is_some) && first.iter().any(Option::is_none));
    }

    #[test]
    fn every_kind_is_read_by_the_name_it_has_in_the_log() {
        let kinds = [
            Kind::TimeoutBefore,
            Kind::TimeoutAfter,
            Kind::Http500,
            Kind::Http500After,
            Kind::RateLimited,
            Kind::LateApply,
            Kind::StaleRead,
            Kind::Slow,
            Kind::DuplicatePush,
            Kind::ReorderedPush,
            Kind::DroppedPush,
        ];
        for kind in kinds {
            assert_eq!(serde_json::from_value::<Kind>(kind.name().into()).unwrap(), kind);
        }
    }

    #[test]
    fn a_rate_above_one_is_refused() {
        assert!(Faults::from_wish(&wish(1.5, &[Kind::Slow])).is_err());
        assert!(Faults::from_wish(&wish(f64::NAN, &[Kind::Slow])).is_err());
    }
}
