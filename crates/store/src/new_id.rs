//! New identifiers: a prefix that names the kind, the time, and randomness, in an alphabet that sorts as the time does.

use crate::sealing::random_bytes;
use domain::time::Moment;
use std::sync::atomic::{AtomicU32, Ordering};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A new id such as `ord_01jd8x2k9m…`: 48 bits of milliseconds, 16 bits that count within this process, 56 random bits.
#[must_use]
pub fn new_id(prefix: &str, now: Moment) -> String {
    let millis = u128::from(now.millis().unsigned_abs() & 0xffff_ffff_ffff);
    let count = u128::from(COUNTER.fetch_add(1, Ordering::Relaxed) & 0xffff);
    let mut random = [0; 8];
    random[1..].copy_from_slice(&random_bytes::<7>());
    let bits = (millis << 72) | (count << 56) | u128::from(u64::from_be_bytes(random));
    let mut id = String::with_capacity(prefix.len() + 25);
    id.push_str(prefix);
    id.push('_');
    for digit in (0..24).rev() {
        let index = usize::try_from((bits >> (digit * 5)) & 31).unwrap_or_default();
        id.push(char::from(ALPHABET[index]));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_repeat() {
        let early = new_id("ord", Moment::from_seconds(1));
        let late = new_id("ord", Moment::from_seconds(2));
        assert!(early < late, "{early} {late}");
        let many: std::collections::HashSet<_> = (0..10_000).map(|_| new_id("x", Moment::from_seconds(3))).collect();
        assert_eq!(many.len(), 10_000);
    }
}
