//! A fee, worked out second by second of the description in docs/money.md and configure.md, and not by
//! the code that quotes.

use serde_json::Value;

const DAY_S: u64 = 86_400;
/// No fee is worked out for longer stays than the core prices, 1000 years.
const LONGEST_S: u64 = 365_250 * DAY_S;

/// A price list as the rules record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prices {
    free_s: u64,
    free_counts: bool,
    first: Option<(u64, u64, u64)>,
    then: Option<(u64, u64)>,
    cap_fen: Option<u64>,
}

impl Prices {
    /// From the `tariff` of recorded rules.
    pub(super) fn of(tariff: &Value) -> Option<Self> {
        let number = |value: &Value, name: &str| value[name].as_u64();
        let first = match &tariff["first"] {
            Value::Null => None,
            first => Some((
                number(first, "for_s")?,
                number(first, "every_s")?.max(1),
                number(first, "fen")?,
            )),
        };
        let then = match &tariff["then"] {
            Value::Null => None,
            then => Some((number(then, "every_s")?.max(1), number(then, "fen")?)),
        };
        Some(Self {
            free_s: number(tariff, "free_s")?.min(DAY_S),
            free_counts: tariff["free_counts_once_exceeded"].as_bool()?,
            first,
            then,
            cap_fen: number(tariff, "cap_fen"),
        })
    }

    /// What a stay costs, fen.
    pub(super) fn fee_fen(&self, stay_ms: u64) -> u64 {
        let stay_s = (stay_ms / 1000).min(LONGEST_S);
        if stay_ms < 2_000 || stay_s <= self.free_s {
            return 0;
        }
        let free_s = if self.free_counts { 0 } else { self.free_s };
        // The first day has the free time in it; every later one begins anew without it.
        let first_day = self.within_a_day(stay_s.min(DAY_S) - free_s);
        let later_s = stay_s.saturating_sub(DAY_S);
        let whole_days = (later_s / DAY_S).saturating_mul(self.within_a_day(DAY_S));
        let rest = self.within_a_day(later_s % DAY_S);
        first_day.saturating_add(whole_days).saturating_add(rest)
    }

    fn within_a_day(&self, seconds: u64) -> u64 {
        let started = |seconds: u64, every: u64| seconds.div_ceil(every);
        let (mut fee_fen, mut left) = (0_u64, seconds);
        if let Some((for_s, every_s, fen)) = self.first {
            let within = left.min(for_s);
            fee_fen = started(within, every_s).saturating_mul(fen);
            left -= within;
        }
        if let Some((every_s, fen)) = self.then {
            fee_fen = fee_fen.saturating_add(started(left, every_s).saturating_mul(fen));
        }
        self.cap_fen.map_or(fee_fen, |cap| fee_fen.min(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::tariff::{FirstBlock, Stay, Steps, Tariff};
    use crate::lane::time::Wall;

    fn nonzero(seconds: u64) -> std::num::NonZeroU64 {
        seconds.try_into().unwrap()
    }

    /// Two hands, one fee: every form of a price list over stays around each of its edges.
    #[test]
    fn what_the_core_quotes_is_what_the_description_says() {
        let firsts = [None, Some((3_600, 3_600, 500)), Some((7_200, 1_800, 150))];
        let thens = [None, Some((3_600, 100)), Some((1_800, 250))];
        let mut compared = 0;
        for (first, then) in firsts
            .iter()
            .flat_map(|f| thens.iter().map(move |t| (f, t)))
        {
            for (free_s, counts, cap_fen) in [
                (0, false, None),
                (900, false, Some(2_000)),
                (900, true, Some(700)),
                (DAY_S, true, None),
            ] {
                let tariff = Tariff {
                    name: "t".into(),
                    version: "1".into(),
                    free_s,
                    free_counts_once_exceeded: counts,
                    first: first.map(|(for_s, every_s, fen)| FirstBlock {
                        for_s,
                        every_s: nonzero(every_s),
                        fen,
                    }),
                    then: then.map(|(every_s, fen)| Steps {
                        every_s: nonzero(every_s),
                        fen,
                    }),
                    cap_fen,
                };
                let prices = Prices::of(&serde_json::to_value(&tariff).unwrap()).unwrap();
                let edges = [0, 900, 3_600, 4_500, 7_200, DAY_S, DAY_S + 3_600, 5 * DAY_S];
                for stay_ms in edges.iter().flat_map(|s| {
                    let ms = s * 1_000;
                    [
                        ms.saturating_sub(1_000),
                        ms,
                        ms + 999,
                        ms + 1_000,
                        ms + 2_000,
                    ]
                }) {
                    let stay = Stay {
                        entry: Wall(0),
                        duration_ms: stay_ms,
                        color: None,
                    };
                    let quoted = match stay_ms < 2_000 {
                        true => 0,
                        false => tariff.quote(&stay).fee_fen,
                    };
                    assert_eq!(prices.fee_fen(stay_ms), quoted, "{stay_ms} ms: {tariff:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 1_000);
    }
}
