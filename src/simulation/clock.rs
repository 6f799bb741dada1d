//! Time as it is, and as the box believes it to be.

use std::collections::BTreeMap;

use super::site::{HOUR, MINUTE};
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};
use crate::sim::random::SplitMix64;

/// How long the box has been up when a world begins.
const UP_MS: i64 = 100_000;
const HOUR_MS: i64 = 3_600_000;

/// What the box's wall clock does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Right, but for this much, and drifting until it is corrected each hour.
    Steady { error_ms: i64, drift_ppm: i64 },
    /// Counts from 1970 after each boot, until it is set.
    From1970 { set_after_ms: u64 },
    /// Wrong by this much after each boot and not trusted, until it steps to the right time.
    Steps { error_ms: i64, after_ms: u64 },
    /// Wrong by this much for a while, and trusted: nobody can know. Durations of one boot do not mind.
    Lies { error_ms: i64, from: u64, to: u64 },
    /// Never set, never trusted.
    Never,
    #[default]
    Right,
}

impl Profile {
    /// One of them.
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let hour_ms = match random.chance(500) {
            true => HOUR_MS,
            false => -HOUR_MS,
        };
        match random.below(10) {
            0..4 => Self::Steady {
                error_ms: i64::try_from(random.below(800)).unwrap() - 400,
                drift_ppm: i64::try_from(random.below(400)).unwrap() - 200,
            },
            4..6 => Self::From1970 {
                set_after_ms: 5_000 + random.below(20 * MINUTE),
            },
            6..8 => Self::Steps {
                error_ms: hour_ms,
                after_ms: 5_000 + random.below(HOUR),
            },
            8 => {
                let from = random.below(HOUR);
                let to = from + random.below(HOUR);
                let error_ms = hour_ms;
                Self::Lies { error_ms, from, to }
            }
            _ => Self::Never,
        }
    }
}

/// The clocks of one box.
pub struct Clock {
    /// True milliseconds since the beginning.
    pub time: u64,
    beginning: Wall,
    profile: Profile,
    lies: bool,
    boot: u64,
    booted_at: i64,
    /// The true times at which the boots began.
    boots: BTreeMap<u64, i64>,
}

impl Clock {
    pub fn new(beginning: Wall, profile: Profile) -> Self {
        Self {
            time: 0,
            beginning,
            profile,
            lies: matches!(profile, Profile::Lies { .. }),
            boot: 1,
            booted_at: -UP_MS,
            boots: BTreeMap::from([(1, -UP_MS)]),
        }
    }

    /// Another boot of the same box.
    pub fn boot_again(&mut self) {
        self.boot += 1;
        self.booted_at = i64::try_from(self.time).unwrap();
        self.boots.insert(self.boot, self.booted_at);
    }

    /// From here on it is right, unless it never is.
    pub fn calm_down(&mut self) {
        if self.profile != Profile::Never {
            self.profile = Profile::Right;
        }
    }

    /// What is wrong with it, as the tally names it.
    pub fn fault(&self) -> Option<&'static str> {
        match self.profile {
            Profile::Right => None,
            Profile::Steady { .. } => Some("off and drifting"),
            Profile::From1970 { .. } => Some("from 1970"),
            Profile::Steps { .. } => Some("steps"),
            Profile::Lies { .. } => Some("wrong and trusted"),
            Profile::Never => Some("never set"),
        }
    }

    /// Whether it is never trusted.
    pub fn is_never_set(&self) -> bool {
        self.profile == Profile::Never
    }

    /// Whether it is trusted and wrong at some time.
    pub fn lies(&self) -> bool {
        self.lies
    }

    pub fn now(&self) -> Now {
        let moment = self.moment_at(self.time);
        let up_ms = moment.0;
        let true_wall = self.true_wall();
        let since_1970 = Wall(i64::try_from(up_ms).unwrap());
        let (wall, trusted) = match self.profile {
            Profile::Right => (true_wall, true),
            Profile::Steady {
                error_ms,
                drift_ppm,
            } => {
                let drifted_ms = i64::try_from(self.time % HOUR).unwrap() * drift_ppm / 1_000_000;
                (true_wall.plus_ms(error_ms + drifted_ms), true)
            }
            Profile::From1970 { set_after_ms } if up_ms < set_after_ms => (since_1970, false),
            Profile::From1970 { .. } => (true_wall, true),
            Profile::Steps { error_ms, after_ms } if up_ms < after_ms => {
                (true_wall.plus_ms(error_ms), false)
            }
            Profile::Steps { .. } => (true_wall, true),
            Profile::Lies { error_ms, from, to } if (from..to).contains(&self.time) => {
                (true_wall.plus_ms(error_ms), true)
            }
            Profile::Lies { .. } => (true_wall, true),
            Profile::Never => (since_1970, false),
        };
        Now {
            moment,
            wall,
            trusted,
            boot: BootId(self.boot),
        }
    }

    /// How far the box's wall clock is off.
    pub fn error_ms(&self) -> i64 {
        self.now().wall.0 - self.true_wall().0
    }

    pub fn true_wall(&self) -> Wall {
        self.wall_at(self.time)
    }

    /// What a right clock shows so long after the beginning.
    pub fn wall_at(&self, time: u64) -> Wall {
        self.beginning.plus_ms(i64::try_from(time).unwrap())
    }

    fn moment_at(&self, time: u64) -> Moment {
        Moment(u64::try_from(i64::try_from(time).unwrap() - self.booted_at).unwrap())
    }

    /// When this boot comes to `moment`; now, if it has come.
    pub fn time_of(&self, moment: Moment) -> u64 {
        let at = self
            .booted_at
            .saturating_add(i64::try_from(moment.0).unwrap_or(i64::MAX / 2));
        u64::try_from(at).unwrap_or(0).max(self.time)
    }

    /// When a stamp of this box was really made.
    pub fn true_time(&self, stamp: &Stamp) -> Option<u64> {
        let booted_at = self.boots.get(&stamp.now.boot.0)?;
        u64::try_from(booted_at + i64::try_from(stamp.now.moment.0).ok()?).ok()
    }
}
