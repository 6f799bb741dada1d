//! When to try again. Jitter comes from the number and the try, not from a generator: it spreads a
//! fleet's calls all the same and keeps every run repeatable.

use crate::lane::time::Moment;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Polling of an accepted order (`wechat-pay.md` 2.4), then daily.
const LADDER_MS: [u64; 9] = [
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    12 * HOUR,
    24 * HOUR,
];
/// Asking about a refund that WeChat has taken on: wallets take minutes, cards days (4.2). Then daily.
const REFUND_MS: [u64; 6] = [
    MINUTE + SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    12 * HOUR,
    24 * HOUR,
];
/// How often the queue of a stopped merchant is tried, with one query each.
const HALF_OPEN_MS: [u64; 5] = [MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE];

/// An accepted charge that has not settled after this long goes to the staff.
pub const UNSETTLED_AFTER_MS: u64 = 90 * 24 * HOUR;
/// One item's own back-off: from a second to five minutes.
const ITEM_MS_MAX: u64 = 5 * MINUTE;
/// While WeChat is silent one call at a time finds out whether it answers again.
const PROBE_MS_MAX: u64 = 10 * SECOND;

/// Delay before an item's next try after `tries` tries.
pub fn item_delay_ms(key: &str, tries: u32) -> u64 {
    jittered(doubled(SECOND, tries, ITEM_MS_MAX), key, tries)
}

/// Delay before the next call while nothing has answered `failures` times.
pub fn probe_delay_ms(key: &str, failures: u32) -> u64 {
    jittered(doubled(SECOND / 2, failures, PROBE_MS_MAX), key, failures)
}

/// Delay before the next query of an accepted order after `polls` queries.
pub fn poll_delay_ms(key: &str, polls: u32) -> u64 {
    let rung = usize::try_from(polls)
        .unwrap_or(usize::MAX)
        .min(LADDER_MS.len() - 1);
    jittered(LADDER_MS[rung], key, polls)
}

/// Delay before the next query of a refund after `polls` queries; never less than a minute.
pub fn refund_delay_ms(key: &str, polls: u32) -> u64 {
    let rung = usize::try_from(polls)
        .unwrap_or(usize::MAX)
        .min(REFUND_MS.len() - 1);
    jittered(REFUND_MS[rung], key, polls).max(REFUND_MS[0])
}

/// Delay before a stopped merchant is tried again after `probes` tries.
pub fn half_open_delay_ms(probes: u32) -> u64 {
    let rung = usize::try_from(probes)
        .unwrap_or(usize::MAX)
        .min(HALF_OPEN_MS.len() - 1);
    HALF_OPEN_MS[rung]
}

/// When an item becomes due for the first time in this run: at once, but not all at the same moment.
pub fn at_start(key: &str, now: Moment) -> Moment {
    now.after_ms(hash(key, 0) % SECOND)
}

fn doubled(first_ms: u64, times: u32, max_ms: u64) -> u64 {
    first_ms.saturating_mul(1 << times.min(20)).min(max_ms)
}

/// Between 80 % and 120 % of `ms`.
fn jittered(ms: u64, key: &str, salt: u32) -> u64 {
    let share = 800 + hash(key, salt) % 401;
    ms.saturating_mul(share) / 1000
}

/// FNV-1a, fixed by its specification.
fn hash(key: &str, salt: u32) -> u64 {
    let bytes = key.bytes().chain(salt.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_cap_and_stay_within_a_fifth() {
        for tries in 0..40 {
            let delay = item_delay_ms("T1", tries);
            assert!(
                (800..=ITEM_MS_MAX * 12 / 10).contains(&delay),
                "{tries}: {delay}"
            );
            assert!(probe_delay_ms("T1", tries) <= PROBE_MS_MAX * 12 / 10);
        }
        assert!(item_delay_ms("T1", 12) >= ITEM_MS_MAX * 8 / 10);
    }

    #[test]
    fn two_charges_do_not_come_at_the_same_moment() {
        assert_ne!(item_delay_ms("T1", 3), item_delay_ms("T2", 3));
    }

    #[test]
    fn the_ladder_ends_in_daily_queries() {
        assert!(poll_delay_ms("T1", 0) < 6_100);
        let daily = poll_delay_ms("T1", 1_000_000);
        assert!((19 * HOUR..=29 * HOUR).contains(&daily));
    }
}
