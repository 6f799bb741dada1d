//! A fee, worked out once more, and not by the code that quotes: of a price list of the simple form straight
//! from the description in docs/money.md and configure.md, of every other by walking through the stay
//! ([`slow`]).

use serde_json::Value;

use super::slow;
use crate::json;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::tariff::{Benefit, Stay, Tariff, Visit};
use crate::lane::time::Wall;

const DAY_S: u64 = 86_400;
/// No fee is worked out for longer stays than the core prices, 1000 years.
const LONGEST_S: u64 = 365_250 * DAY_S;

/// A price list as the rules record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prices {
    /// With the same once more, for what is taken off.
    Simple(Simple, Box<Tariff>),
    Other(Box<Tariff>),
}

/// What a fee follows from.
pub(super) struct Claimed {
    stay_ms: u64,
    entered: Wall,
    plate: Option<PlateNumber>,
    /// None where the stay's beginning is not on record.
    color: Option<Option<PlateColor>>,
    /// Coupons and times on the charger.
    pub(super) benefits: Vec<Benefit>,
    /// What was paid before, fen.
    pub(super) paid_fen: u64,
    /// Times in zones within the car park.
    pub(super) visits: Vec<Visit>,
}

impl Claimed {
    /// Of a claim on record, and the colour of its stay.
    pub(super) fn of(claim: &Value, color: Option<Option<PlateColor>>) -> Self {
        Self {
            stay_ms: claim["stay_ms"].as_u64().unwrap_or_default(),
            entered: Wall(claim["entered"]["wall"].as_i64().unwrap_or_default()),
            plate: json::typed(&claim["plate"]).ok(),
            color,
            benefits: Vec::new(),
            paid_fen: 0,
            visits: Vec::new(),
        }
    }
}

/// Keys of a tariff that a simple one has, or that no fee of a stay alone follows from.
const SIMPLE_KEYS: [&str; 8] = [
    "name",
    "version",
    "free_s",
    "free_counts_once_exceeded",
    "first",
    "then",
    "cap_fen",
    "grace_s",
];

impl Prices {
    /// From the `tariff` of recorded rules.
    pub(super) fn of(tariff: &Value) -> Option<Self> {
        let keys = tariff.as_object()?.keys();
        let is_simple = !tariff["first"].is_array()
            && keys
                .into_iter()
                .all(|key| SIMPLE_KEYS.contains(&key.as_str()))
            && tariff["first"].get("tail_s").is_none()
            && tariff["then"].get("tail_s").is_none();
        let whole = Box::new(json::typed::<Tariff>(tariff).ok()?);
        match is_simple {
            true => Simple::of(tariff).map(|simple| Self::Simple(simple, whole)),
            false => Some(Self::Other(whole)),
        }
    }

    /// What a stay still costs, fen. None where that follows from earlier visits too, or from a class and the
    /// colour is not on record.
    pub(super) fn fee_fen(&self, claimed: &Claimed) -> Option<u64> {
        let tariff = match self {
            Self::Simple(prices, _) if claimed.benefits.is_empty() => {
                let fee_fen = prices.fee_fen(claimed.stay_ms);
                return Some(fee_fen.saturating_sub(claimed.paid_fen));
            }
            Self::Simple(_, tariff) | Self::Other(tariff) => tariff,
        };
        if claimed.stay_ms < SHORTEST_MS {
            return Some(0);
        }
        let stay = Stay {
            entry: claimed.entered,
            duration_ms: claimed.stay_ms,
            color: claimed.color.flatten(),
            plate: claimed.plate.clone(),
            tally: None,
            benefits: claimed.benefits.clone(),
            visits: claimed.visits.clone(),
        };
        let mut lists = tariff.later.iter().chain([&**tariff]);
        let has_classes = lists.any(|list| {
            let of_zones = list.zones.iter().map(|zone| &zone.classes);
            of_zones
                .chain([&list.classes])
                .any(|classes| !classes.is_empty())
        });
        let is_known = !has_classes || claimed.color.is_some();
        (is_known && !tariff.looks_back())
            .then(|| slow::fee_fen(tariff, &stay, claimed.paid_fen))
            .flatten()
    }
}

/// A shorter stay costs nothing.
const SHORTEST_MS: u64 = 2_000;

/// Free time, one block, steps, and a cap for 24 h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Simple {
    free_s: u64,
    free_counts: bool,
    first: Option<(u64, u64, u64)>,
    then: Option<(u64, u64)>,
    cap_fen: Option<u64>,
}

impl Simple {
    fn of(tariff: &Value) -> Option<Self> {
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

    fn fee_fen(&self, stay_ms: u64) -> u64 {
        let stay_s = (stay_ms / 1000).min(LONGEST_S);
        if stay_ms < SHORTEST_MS || stay_s <= self.free_s {
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

/// Lines that add a number of units at a price. The others, such as caps, take off what they say.
const COUNTED: [&str; 6] = [
    "free_time",
    "first_block",
    "steps",
    "visit",
    "table",
    "full_days",
];

/// What one line adds, from its units and price where it counts some.
pub(super) fn line_fen(line: &Value) -> i64 {
    let amount_fen = line["amount_fen"].as_i64().unwrap_or_default();
    if !line["what"]
        .as_str()
        .is_some_and(|what| COUNTED.contains(&what))
    {
        return amount_fen;
    }
    let product = line["units"].as_i64().zip(line["price_fen"].as_i64());
    product.map_or(amount_fen, |(units, price_fen)| {
        units.saturating_mul(price_fen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::tariff::{Block, Price, Prices as PricesOfTheCore, Steps};

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
                    prices: PricesOfTheCore {
                        free_s,
                        free_counts_once_exceeded: counts,
                        price: Price {
                            first: first
                                .iter()
                                .map(|(for_s, every_s, fen)| Block {
                                    for_s: *for_s,
                                    every_s: nonzero(*every_s),
                                    fen: *fen,
                                    tail_s: 0,
                                })
                                .collect(),
                            then: then.map(|(every_s, fen)| Steps {
                                every_s: nonzero(every_s),
                                fen,
                                tail_s: 0,
                            }),
                            ..Price::default()
                        },
                        cap_fen,
                        ..PricesOfTheCore::default()
                    },
                    ..Tariff::default()
                };
                let prices = Prices::of(&serde_json::to_value(&tariff).unwrap()).unwrap();
                assert!(matches!(prices, Prices::Simple(..)), "{tariff:?}");
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
                        ..Stay::default()
                    };
                    let quoted = match stay_ms < 2_000 {
                        true => 0,
                        false => tariff.quote(&stay).fee_fen,
                    };
                    let claimed = Claimed {
                        stay_ms,
                        entered: Wall(0),
                        plate: None,
                        color: None,
                        benefits: Vec::new(),
                        paid_fen: 0,
                        visits: Vec::new(),
                    };
                    let fee_fen = prices.fee_fen(&claimed);
                    assert_eq!(fee_fen, Some(quoted), "{stay_ms} ms: {tariff:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 1_000);
    }

    /// A price list of another form is not mistaken for a simple one, and says where it cannot tell.
    #[test]
    fn other_forms_are_walked_through_and_say_where_they_cannot_tell() {
        let of = |text: &str| {
            let text = format!("name = \"t\"\nversion = \"1\"\n{text}");
            let tariff = Tariff::from_toml(&text, "t").unwrap();
            Prices::of(&serde_json::to_value(&tariff).unwrap()).unwrap()
        };
        let claimed = |color| Claimed {
            stay_ms: 3 * 3_600_000,
            entered: Wall(1_772_413_200_000),
            plate: None,
            color,
            benefits: Vec::new(),
            paid_fen: 0,
            visits: Vec::new(),
        };
        let tail = of("then = { every = \"1h\", fen = 500, count = \"full\" }");
        assert_eq!(tail.fee_fen(&claimed(None)), Some(1500));
        let coupon = Claimed {
            benefits: vec![Benefit::Percent {
                name: "half".to_owned(),
                off: 50,
            }],
            ..claimed(None)
        };
        let simple = of("then = { every = \"1h\", fen = 500 }");
        assert!(matches!(simple, Prices::Simple(..)));
        assert_eq!(simple.fee_fen(&coupon), Some(750));
        let by_class = of(
            "then = { every = \"1h\", fen = 500 }\n[[class]]\nname = \"l\"\nkinds = [\"large\"]\npercent_off = 10\n",
        );
        assert_eq!(by_class.fee_fen(&claimed(None)), None);
        assert_eq!(by_class.fee_fen(&claimed(Some(None))), Some(1500));
        let large = claimed(Some(Some(PlateColor::Yellow)));
        assert_eq!(by_class.fee_fen(&large), Some(1350));
        let shared =
            of("then = { every = \"1h\", fen = 500 }\ncap = { fen = 900, shared = true }\n");
        assert_eq!(shared.fee_fen(&claimed(None)), None);
    }
}
