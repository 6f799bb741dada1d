//! The cars of a seed: the same on every machine.

use std::collections::BTreeSet;

use super::Pace;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::sim::random::SplitMix64;

/// One car and what it is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Car {
    pub plate: PlateNumber,
    pub color: PlateColor,
    /// Of every reading, percent.
    pub confidence: u8,
    /// After the car before it, milliseconds.
    pub gap_ms: u64,
    /// Inside, milliseconds; None until it is called out.
    pub stay_ms: Option<u64>,
    /// Any number, by which it picks its entry lane.
    pub in_by: u64,
    /// Any number, by which it picks its exit lane.
    pub out_by: u64,
    /// The camera reads it once more while it stands at the entry.
    pub read_again_in: bool,
    /// The same at the exit.
    pub read_again_out: bool,
}

/// Cars without end, no plate twice.
///
/// All of them pay: vehicles with white plates (police, armed police, military, emergency) leave
/// free by law and are left out, so that the sum of all fees is known beforehand.
pub struct Traffic {
    plates: SplitMix64,
    times: SplitMix64,
    ways: SplitMix64,
    pace: Pace,
    seen: BTreeSet<PlateNumber>,
}

/// A kind of plate, how many of 100 cars have it, and its pattern.
struct Kind {
    share: u64,
    color: PlateColor,
    /// `p` province, `c` city, `n` digit or letter, `d` digit, `e` new-energy letter; the rest stands
    /// for itself.
    patterns: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind {
        share: 46,
        color: PlateColor::Blue,
        patterns: &["pcnnddd", "pcddddd", "pcdnddd"],
    },
    Kind {
        share: 32,
        color: PlateColor::Green,
        patterns: &["pcendddd", "pceddddd"],
    },
    Kind {
        share: 8,
        color: PlateColor::LimeGreen,
        patterns: &["pcddddde"],
    },
    Kind {
        share: 9,
        color: PlateColor::Yellow,
        patterns: &["pcddddd", "pcdndd学"],
    },
    Kind {
        share: 5,
        color: PlateColor::Black,
        patterns: &["粤Zdddd港", "粤Znddd澳"],
    },
];

/// Where most of the cars of a car park in Shenzhen are from.
const PROVINCES: [char; 12] = [
    '粤', '粤', '粤', '粤', '粤', '粤', '湘', '桂', '京', '沪', '豫', '鲁',
];
const CITIES: [char; 8] = ['A', 'B', 'B', 'B', 'C', 'E', 'K', 'S'];
const SERIALS: [char; 34] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J',
    'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
];
const ENERGIES: [char; 4] = ['D', 'D', 'F', 'A'];
/// So many of 1000 cars are read once more at a barrier.
const READ_AGAIN_PERMILLE: u16 = 200;

impl Traffic {
    /// The cars of `seed`, coming and staying as `pace` says.
    pub fn new(seed: u64, pace: &Pace) -> Self {
        Self {
            plates: SplitMix64::new(seed, "plates"),
            times: SplitMix64::new(seed, "times"),
            ways: SplitMix64::new(seed, "ways"),
            pace: pace.clone(),
            seen: BTreeSet::new(),
        }
    }

    fn plate(&mut self) -> (PlateNumber, PlateColor) {
        loop {
            let kind = self.kind();
            let pattern = *self.plates.pick(kind.patterns).unwrap_or(&"");
            let text: String = pattern.chars().map(|class| self.character(class)).collect();
            // A pattern that is no plate is a fault of the table above; tests draw from all of them.
            if let Ok(parsed) = PlateNumber::parse(&text)
                && self.seen.insert(parsed.plate.clone())
            {
                return (parsed.plate, kind.color);
            }
        }
    }

    fn kind(&mut self) -> &'static Kind {
        let mut drawn = self.plates.below(KINDS.iter().map(|kind| kind.share).sum());
        for kind in &KINDS {
            match drawn.checked_sub(kind.share) {
                Some(rest) => drawn = rest,
                None => return kind,
            }
        }
        &KINDS[0]
    }

    fn character(&mut self, class: char) -> char {
        let choices: &[char] = match class {
            'p' => &PROVINCES,
            'c' => &CITIES,
            'n' => &SERIALS,
            'd' => &SERIALS[..10],
            'e' => &ENERGIES,
            literal => return literal,
        };
        *self.plates.pick(choices).unwrap_or(&class)
    }

    fn within(&mut self, (shortest, longest): (u64, u64)) -> u64 {
        let span = longest.saturating_sub(shortest).saturating_add(1);
        shortest.saturating_add(self.times.below(span))
    }
}

impl Iterator for Traffic {
    type Item = Car;

    fn next(&mut self) -> Option<Car> {
        let (plate, color) = self.plate();
        let (gap, stay) = (self.pace.gap, self.pace.stay);
        Some(Car {
            plate,
            color,
            confidence: u8::try_from(88 + self.ways.below(12)).unwrap_or(99),
            gap_ms: self.within(gap),
            stay_ms: Some(self.within(stay)),
            in_by: self.ways.next_u64(),
            out_by: self.ways.next_u64(),
            read_again_in: self.ways.chance(READ_AGAIN_PERMILLE),
            read_again_out: self.ways.chance(READ_AGAIN_PERMILLE),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::plate::settle_color;

    #[test]
    fn a_seed_is_its_cars() {
        let cars = |seed| -> Vec<Car> { Traffic::new(seed, &Pace::default()).take(200).collect() };
        assert_eq!(cars(1), cars(1));
        assert_ne!(cars(1), cars(2));
    }

    #[test]
    fn no_plate_comes_twice_and_every_color_comes() {
        let cars: Vec<Car> = Traffic::new(7, &Pace::default()).take(2_000).collect();
        let plates: BTreeSet<&PlateNumber> = cars.iter().map(|car| &car.plate).collect();
        assert_eq!(plates.len(), cars.len());
        let colors: BTreeSet<PlateColor> = cars.iter().map(|car| car.color).collect();
        assert_eq!(colors.len(), KINDS.len());
        assert!(cars.iter().any(|car| car.read_again_in));
        assert!(cars.iter().any(|car| car.read_again_out));
    }

    #[test]
    fn shape_and_color_agree_and_everybody_pays() {
        for car in Traffic::new(3, &Pace::default()).take(2_000) {
            let (color, warnings) = settle_color(&car.plate, Some(car.color));
            assert_eq!(
                (color, warnings),
                (Some(car.color), Vec::new()),
                "{}",
                car.plate.as_str()
            );
            assert!(!car.plate.is_special(), "{}", car.plate.as_str());
        }
    }

    #[test]
    fn times_keep_to_the_pace() {
        let pace = Pace::default();
        for car in Traffic::new(9, &pace).take(500) {
            assert!((pace.gap.0..=pace.gap.1).contains(&car.gap_ms));
            assert!((pace.stay.0..=pace.stay.1).contains(&car.stay_ms.unwrap()));
        }
    }
}
