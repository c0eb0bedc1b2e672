//! The two clocks: the system's, and a platform's, which in front of the sandbox is virtual.

use domain::platform::Platform;
use domain::time::{Moment, Span};
use engine::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The real time.
#[must_use]
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn rfc3339(moment: Moment) -> String {
    jiff::Timestamp::from_millisecond(moment.millis()).map(|stamp| format!("{stamp:.3}")).unwrap_or_default()
}

/// Reads RFC 3339, such as `2026-11-23T08:00:00Z`.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Moment> {
    text.parse::<jiff::Timestamp>().ok().map(|stamp| Moment::from_millis(stamp.as_millisecond()))
}

/// The system's clock for everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        now()
    }

    fn platform_now(&self, _platform: Platform) -> Moment {
        now()
    }

    fn warehouse_now(&self) -> Moment {
        now()
    }
}

/// How often the sandbox's clock is asked for.
pub const SANDBOX_CLOCK_EVERY: Duration = Duration::from_millis(250);
/// How long one such answer may take.
const SANDBOX_CLOCK_PATIENCE: Span = Span::from_seconds(5);

/// The system's clock for leases and back-off, the sandbox's for the platforms.
#[derive(Debug)]
pub struct SandboxClock {
    client: reqwest::Client,
    control: String,
    /// Virtual minus real time, in milliseconds.
    offset: AtomicI64,
}

impl SandboxClock {
    /// A clock that follows the sandbox with this control address. It is right after the first
    /// [`SandboxClock::refresh`].
    #[must_use]
    pub fn new(client: reqwest::Client, control: &str) -> Self {
        Self { client, control: control.trim_end_matches('/').to_owned(), offset: AtomicI64::new(0) }
    }

    /// Asks the sandbox what time it has.
    ///
    /// # Errors
    /// In words, when it does not say.
    pub async fn refresh(&self) -> Result<(), String> {
        #[derive(serde::Deserialize)]
        struct Answer {
            now: String,
        }
        let asked = now();
        let patience = Duration::from_millis(SANDBOX_CLOCK_PATIENCE.millis().unsigned_abs());
        let request = self.client.get(format!("{}/clock", self.control)).timeout(patience);
        let response = request.send().await.map_err(|error| error.without_url().to_string())?;
        let answer: Answer = response.json().await.map_err(|error| error.without_url().to_string())?;
        let theirs = parse_rfc3339(&answer.now).ok_or_else(|| format!("“{}” is no time", answer.now))?;
        let halfway = asked.millis().midpoint(now().millis());
        self.offset.store(theirs.millis().saturating_sub(halfway), Ordering::Relaxed);
        Ok(())
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> Moment {
        now()
    }

    fn platform_now(&self, _platform: Platform) -> Moment {
        Moment::from_millis(now().millis().saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    fn warehouse_now(&self) -> Moment {
        Moment::from_millis(now().millis().saturating_add(self.offset.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        let moment = Moment::from_millis(1_790_000_000_123);
        assert_eq!(parse_rfc3339(&rfc3339(moment)), Some(moment));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
