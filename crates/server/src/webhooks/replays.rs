//! Pushes that came already, for a short while.
//!
//! No platform's signature tells a replay from the first push. A push only makes an order be read, so that a replay can do
//! no more than cost a read; within a minute it does not even that. Later ones are taken again, because an equal push may be
//! about a later change, and a read a minute is what a sweep costs as well.

use domain::ids::ShopId;
use domain::platform::Platform;
use domain::time::{Moment, Span};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How long an equal push counts as the same one.
const KEPT_FOR: Span = Span::from_seconds(60);
/// Pushes remembered at most: 2,000 a second for a minute, in about 10 MB.
const KEPT_MAX: usize = 120_000;

type Key = [u8; 32];

#[derive(Debug, Default)]
struct Remembered {
    at: HashMap<Key, Moment>,
    oldest_first: VecDeque<(Moment, Key)>,
}

impl Remembered {
    fn forget_old(&mut self, now: Moment) {
        while let Some((at, key)) = self.oldest_first.front() {
            let old = now.since(*at) >= KEPT_FOR || self.oldest_first.len() > KEPT_MAX;
            if !old {
                break;
            }
            if self.at.get(key) == Some(at) {
                self.at.remove(key);
            }
            self.oldest_first.pop_front();
        }
    }
}

/// Pushes that came within the last minute and are durably kept.
#[derive(Debug, Default)]
pub struct Replays(Mutex<Remembered>);

impl Replays {
    /// What tells pushes apart: where they go and every byte.
    #[must_use]
    pub fn digest(platform: Platform, shop: &ShopId, body: &[u8]) -> [u8; 32] {
        let head = format!("{platform}/{shop}\n");
        Sha256::new().chain_update(head.as_bytes()).chain_update(body).finalize().into()
    }

    /// Whether this push was remembered.
    #[must_use]
    pub fn seen(&self, push: &[u8; 32], now: Moment) -> bool {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget_old(now);
        remembered.at.contains_key(push)
    }

    /// Remembers a push, once it is durably kept: one that was not kept is to be taken when it comes again.
    pub fn remember(&self, push: [u8; 32], now: Moment) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.at.insert(push, now);
        remembered.oldest_first.push_back((now, push));
        remembered.forget_old(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_push_is_a_replay_for_a_minute_and_for_its_shop_only() {
        let (one, other) = (ShopId::parse("shp_1").expect("an id"), ShopId::parse("shp_2").expect("an id"));
        let (replays, at) = (Replays::default(), Moment::from_seconds);
        let push = Replays::digest(Platform::Shopee, &one, b"body");
        assert!(!replays.seen(&push, at(0)));
        replays.remember(push, at(0));
        assert!(replays.seen(&push, at(59)));
        assert!(!replays.seen(&Replays::digest(Platform::Shopee, &other, b"body"), at(1)));
        assert!(!replays.seen(&Replays::digest(Platform::Shopee, &one, b"bodY"), at(1)));
        assert!(!replays.seen(&push, at(60)), "an equal push may be about a later change");
    }

    #[test]
    fn a_flood_forgets_the_oldest_and_stays_small() {
        let replays = Replays::default();
        let push = |number: usize| {
            let mut push = [0; 32];
            push[..8].copy_from_slice(&number.to_le_bytes());
            push
        };
        for number in 0..=KEPT_MAX {
            replays.remember(push(number), Moment::from_seconds(0));
        }
        assert!(!replays.seen(&push(0), Moment::from_seconds(0)));
        assert!(replays.seen(&push(KEPT_MAX), Moment::from_seconds(0)));
    }
}
