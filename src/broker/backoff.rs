//! How long to wait before the next connection.

use std::time::Duration;

const FIRST_MS: u64 = 200;
const CAP_MS: u64 = 15_000;

/// Doubles from 200 ms to 15 s; half of each wait is random, so that the boxes of a site do not
/// return to their broker in step.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait; `random` is any number.
    pub fn next(&mut self, random: u64) -> Duration {
        let full_ms = FIRST_MS
            .saturating_mul(1 << self.failures.min(16))
            .min(CAP_MS);
        self.failures = self.failures.saturating_add(1);
        let half_ms = full_ms / 2;
        Duration::from_millis(half_ms + random % (full_ms - half_ms + 1))
    }

    /// Starts over. Only for a connection that proved healthy: one that is accepted and thrown out
    /// again, for ever, must not be made for ever at full speed.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap() {
        let mut backoff = Backoff::default();
        let longest: Vec<u128> = (0..9)
            .map(|_| backoff.next(u64::MAX - 1).as_millis())
            .collect();
        assert!(longest.is_sorted());
        for (failures, ms) in longest.iter().enumerate() {
            let full = (200 << failures).min(15_000);
            assert!((full / 2..=full).contains(ms), "{ms} of {full}");
        }
        for _ in 0..10_000 {
            assert!(backoff.next(7).as_millis() <= 15_000);
        }
        backoff.reset();
        assert!(backoff.next(0).as_millis() <= 200);
    }

    #[test]
    fn chance_spreads_the_waits() {
        let wait = |random| Backoff { failures: 20 }.next(random).as_millis();
        assert_eq!((wait(0), wait(7_500)), (7_500, 15_000));
    }
}
