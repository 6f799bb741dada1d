//! Time as the core sees it: an argument, never a clock (docs/time.md).

use serde::{Deserialize, Serialize};

/// Milliseconds since this box started, suspend included (CLOCK_BOOTTIME). Only moves forward.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `ms` milliseconds later.
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 if `earlier` lies in the future.
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, as the box's wall clock says.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Wall(pub i64);

impl Wall {
    /// 2020-01-01T00:00:00+08:00. A clock before this has not been set (`gate-hardware` time rule).
    pub const PLAUSIBLE_FROM: Self = Self(1_577_808_000_000);

    /// The start of this wall clock's second.
    pub fn floor_to_second(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }

    /// This time moved by `ms`, which may be negative.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// Names one run of the kernel; moments of different boots cannot be compared.
/// 52 bits of the kernel's random boot id, so that it stays exact in JSON.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BootId(pub u64);

/// The time handed to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For durations within this boot.
    pub moment: Moment,
    /// For people, prices and WeChat.
    pub wall: Wall,
    /// Whether `wall` may be believed: synchronised, or a battery-backed clock by configuration.
    pub trusted: bool,
    /// Which boot `moment` belongs to.
    pub boot: BootId,
}

/// A time kept on disk, comparable over restarts where that is possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// See [`Now`].
    #[serde(flatten)]
    pub now: Now,
    /// The box whose clocks these are.
    #[serde(rename = "box")]
    pub box_id: String,
}

impl Stamp {
    /// Milliseconds from `self` to `later`: by the boot clock where box and boot agree, else by two
    /// trusted wall clocks, else unknown, and then nothing is priced from it.
    pub fn stay_ms(&self, later: &Stamp) -> Option<u64> {
        let same_clock = self.box_id == later.box_id && self.now.boot == later.now.boot;
        if same_clock {
            later.now.moment.0.checked_sub(self.now.moment.0)
        } else if self.now.trusted && later.now.trusted {
            u64::try_from(later.now.wall.0.checked_sub(self.now.wall.0)?).ok()
        } else {
            None
        }
    }
}
