//! How many calls per second a marketplace takes, and bans. Real time: a client's back-off runs on real time too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Calls per second that one app may make to one API unless `PUT /limits` says otherwise. No platform publishes its
/// number; this one is generous.
pub(crate) const DEFAULT_PER_SECOND: u32 = 200;

/// The rate limits of all marketplaces.
#[derive(Debug)]
pub(crate) struct Limits {
    /// No limits at all, for benches.
    pub(crate) lifted: bool,
    /// Calls per second, app and API.
    pub(crate) per_second: u32,
    windows: HashMap<(&'static str, String, &'static str), (Instant, u32)>,
    bans: HashMap<&'static str, Instant>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { lifted: false, per_second: DEFAULT_PER_SECOND, windows: HashMap::new(), bans: HashMap::new() }
    }
}

impl Limits {
    /// Takes one call out of the budget, or says how long to wait. `api` is one of the paths that the marketplace
    /// knows and `app` one that proved its key, so that the table cannot grow without end.
    pub(crate) fn take(&mut self, platform: &'static str, app: &str, api: &'static str) -> Result<(), Duration> {
        if self.lifted {
            return Ok(());
        }
        let now = Instant::now();
        let (since, used) = self.windows.entry((platform, app.to_owned(), api)).or_insert((now, 0));
        let elapsed = now.duration_since(*since);
        if elapsed >= Duration::from_secs(1) {
            (*since, *used) = (now, 0);
        }
        if *used >= self.per_second {
            return Err(Duration::from_secs(1).saturating_sub(elapsed));
        }
        *used += 1;
        Ok(())
    }

    /// Refuses every call of a marketplace for a while.
    pub(crate) fn ban(&mut self, platform: &'static str, duration: Duration) {
        if let Some(until) = Instant::now().checked_add(duration) {
            self.bans.insert(platform, until);
        }
    }

    /// How much longer a ban lasts.
    pub(crate) fn banned(&self, platform: &'static str) -> Option<Duration> {
        let left = self.bans.get(platform)?.saturating_duration_since(Instant::now());
        (left > Duration::ZERO).then_some(left)
    }

    /// Ends all bans.
    pub(crate) fn forgive(&mut self) {
        self.bans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_per_app_and_api() {
        let mut limits = Limits { per_second: 2, ..Limits::default() };
        assert!(limits.take("shopee", "1", "/a").is_ok());
        assert!(limits.take("shopee", "1", "/a").is_ok());
        assert!(limits.take("shopee", "1", "/a").is_err());
        assert!(limits.take("shopee", "1", "/b").is_ok());
        assert!(limits.take("shopee", "2", "/a").is_ok());
    }

    #[test]
    fn lifted_limits_refuse_nothing() {
        let mut limits = Limits { per_second: 0, lifted: true, ..Limits::default() };
        assert!(limits.take("shopee", "1", "/a").is_ok());
    }

    #[test]
    fn a_ban_ends_when_it_is_forgiven() {
        let mut limits = Limits::default();
        limits.ban("shopee", Duration::from_secs(3_600));
        assert!(limits.banned("shopee").is_some());
        limits.forgive();
        assert!(limits.banned("shopee").is_none());
    }
}
