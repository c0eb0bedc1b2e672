//! Seeded chance for orders and faults, and real chance for secrets.

use serde::{Deserialize, Serialize};

/// A small seeded generator (SplitMix64): the same seed gives the same orders and the same faults.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.below(span)).unwrap_or(0))
    }

    /// True with the given probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        // 53 bits fill a double exactly.
        ((self.next() >> 11) as f64 / (1_u64 << 53) as f64) < probability
    }

    /// One of the values; `None` only for an empty slice.
    pub(crate) fn pick<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(usize::try_from(self.below(values.len() as u64)).unwrap_or(0))
    }

    /// `count` characters out of 0-9 and A-Z.
    pub(crate) fn capitals(&mut self, count: usize) -> String {
        const CHARACTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        (0..count).filter_map(|_| self.pick(CHARACTERS).map(|character| char::from(*character))).collect()
    }

    /// `count` digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap_or(0))).collect()
    }
}

/// `bytes` bytes that nobody can guess, as lower-case hex: keys, tokens, codes.
pub(crate) fn secret(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    if getrandom::fill(&mut buffer).is_err() {
        // Without the system's source the secrets of a fake marketplace may as well come from the clock.
        let mut random = Random::seeded(jiff::Timestamp::now().as_nanosecond() as u64);
        buffer.iter_mut().for_each(|byte| *byte = random.next() as u8);
    }
    hex::encode(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut two) = (Random::seeded(7), Random::seeded(7));
        assert_eq!((one.next(), one.capitals(8)), (two.next(), two.capitals(8)));
    }

    #[test]
    fn probabilities_are_kept() {
        let mut random = Random::seeded(1);
        let hits = (0..10_000).filter(|_| random.happens(0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!(!random.happens(0.0));
        assert!(random.happens(1.0));
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(secret(16), secret(16));
        assert_eq!(secret(16).len(), 32);
    }
}
