//! Slows guessing down: failed sign-ins are counted per e-mail address and per network address.

use domain::time::{Moment, Span};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures within [`WINDOW`] after which an e-mail address has to wait.
pub const FAILURES_PER_EMAIL: u32 = 10;
/// The same for a network address, behind which a whole office may sit.
pub const FAILURES_PER_ADDRESS: u32 = 50;
/// How long failures count.
pub const WINDOW: Span = Span::from_seconds(15 * 60);
/// Who is remembered at the most; beyond it the oldest are forgotten.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Email(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Moment,
}

/// Failed sign-ins of late.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Who, Failures>>,
}

impl Throttle {
    fn both(email: &str, address: IpAddr) -> [(Who, u32); 2] {
        [(Who::Email(email.to_lowercase()), FAILURES_PER_EMAIL), (Who::Address(address), FAILURES_PER_ADDRESS)]
    }

    /// How long this one has to wait before the next attempt, if at all.
    #[must_use]
    pub fn wait(&self, email: &str, address: IpAddr, now: Moment) -> Option<Span> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = Self::both(email, address).into_iter().filter_map(|(who, most)| {
            let failed = failures.get(&who).filter(|failed| failed.count >= most)?;
            let left = failed.since.plus(WINDOW).since(now);
            (left > Span::ZERO).then_some(left)
        });
        waits.max()
    }

    /// Counts a failure. The count is taken before the password is checked, so that many at once do not slip through.
    pub fn count(&self, email: &str, address: IpAddr, now: Moment) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (who, _) in Self::both(email, address) {
            let failed = failures.entry(who).or_insert(Failures { count: 0, since: now });
            if failed.since.plus(WINDOW) <= now {
                *failed = Failures { count: 0, since: now };
            }
            failed.count = failed.count.saturating_add(1);
        }
        if failures.len() > REMEMBERED {
            let mut ages: Vec<Moment> = failures.values().map(|failed| failed.since).collect();
            ages.sort_unstable();
            let middle = ages[ages.len() / 2];
            failures.retain(|_, failed| failed.since > middle);
        }
    }

    /// Forgets the failures of whoever got in: takes this attempt back for the network address.
    pub fn forgive(&self, email: &str, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&Who::Email(email.to_lowercase()));
        if let Some(failed) = failures.get_mut(&Who::Address(address)) {
            failed.count = failed.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> Moment {
        Moment::from_seconds(seconds)
    }

    #[test]
    fn guessing_one_password_has_to_wait_and_others_do_not() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_PER_EMAIL {
            assert_eq!(throttle.wait("A@example.com", ADDRESS, at(0)), None);
            throttle.count("a@example.com", ADDRESS, at(0));
        }
        assert_eq!(throttle.wait("A@Example.com", ADDRESS, at(60)), Some(Span::from_seconds(840)));
        assert_eq!(throttle.wait("b@example.com", ADDRESS, at(60)), None);
        assert_eq!(throttle.wait("a@example.com", ADDRESS, at(900)), None);
    }

    #[test]
    fn guessing_from_one_address_has_to_wait_whatever_the_email() {
        let throttle = Throttle::default();
        for number in 0..FAILURES_PER_ADDRESS {
            throttle.count(&format!("{number}@example.com"), ADDRESS, at(0));
        }
        assert!(throttle.wait("new@example.com", ADDRESS, at(1)).is_some());
    }

    #[test]
    fn getting_in_forgives() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_PER_EMAIL {
            throttle.count("a@example.com", ADDRESS, at(0));
        }
        throttle.forgive("a@example.com", ADDRESS);
        assert_eq!(throttle.wait("a@example.com", ADDRESS, at(0)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..12_000_i64 {
            throttle.count(&format!("{number}@example.com"), ADDRESS, at(number));
        }
        assert!(throttle.failures.lock().expect("unpoisoned").len() <= REMEMBERED);
    }
}
