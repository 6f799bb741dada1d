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

    /// RFC 3339 in whole seconds, +08:00, as WeChat wants it (`wechat-pay.md` 1.2).
    pub fn to_rfc3339(self) -> String {
        let second = self.0.div_euclid(1000);
        match jiff::Timestamp::from_second(second) {
            Ok(timestamp) => timestamp
                .display_with_offset(jiff::tz::offset(8))
                .to_string(),
            Err(_) => format!("{second}s after 1970"),
        }
    }

    /// Reads any RFC 3339 time.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(timestamp.as_millisecond()))
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
    /// The wall time of this stamp, if it can be believed: it was trusted then, or the boot clock leads
    /// back to it from a `now` that is.
    pub fn believable_wall(&self, now: Now) -> Option<Wall> {
        if self.now.trusted {
            return Some(self.now.wall);
        }
        let same_boot = self.now.boot == now.boot && now.trusted;
        let ago = now
            .moment
            .0
            .checked_sub(self.now.moment.0)
            .filter(|_| same_boot)?;
        Some(now.wall.plus_ms(-i64::try_from(ago).ok()?))
    }

    /// Milliseconds from `self` to `later`: by the boot clock where box and boot agree, else by two
    /// trusted wall clocks, else unknown, and then nothing is priced from it.
    pub fn stay_ms(&self, later: &Stamp) -> Option<u64> {
        let same_clock = self.box_id == later.box_id
            && self.now.boot == later.now.boot
            && !planted!(WallClockSubtraction);
        if same_clock {
            later.now.moment.0.checked_sub(self.now.moment.0)
        } else if self.now.trusted && later.now.trusted {
            u64::try_from(later.now.wall.0.checked_sub(self.now.wall.0)?).ok()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(moment: u64, wall: i64, trusted: bool, boot: u64) -> Stamp {
        let now = Now {
            moment: Moment(moment),
            wall: Wall(wall),
            trusted,
            boot: BootId(boot),
        };
        Stamp {
            now,
            box_id: "south-1".into(),
        }
    }

    #[test]
    fn a_stay_within_one_boot_does_not_mind_the_wall_clock() {
        let entered = stamp(1_000, 86_000, false, 1);
        let left = stamp(61_000, 1_772_410_000_000, true, 1);
        assert_eq!(entered.stay_ms(&left), Some(60_000));
    }

    #[test]
    fn a_stay_over_a_restart_needs_two_trusted_walls() {
        let entered = stamp(500_000, 1_772_410_000_000, true, 1);
        let left = stamp(1_000, 1_772_410_090_000, true, 2);
        assert_eq!(entered.stay_ms(&left), Some(90_000));
        let untrusted = stamp(1_000, 1_772_410_090_000, false, 2);
        assert_eq!(entered.stay_ms(&untrusted), None);
        let earlier = stamp(1_000, 1_772_400_000_000, true, 2);
        assert_eq!(entered.stay_ms(&earlier), None);
    }

    #[test]
    fn a_start_before_the_clock_was_set_is_found_by_the_boot_clock() {
        let entered = stamp(10_000, 20_000, false, 1);
        let now = stamp(70_000, 1_772_410_060_000, true, 1).now;
        assert_eq!(entered.believable_wall(now), Some(Wall(1_772_410_000_000)));
        let other_boot = stamp(70_000, 1_772_410_060_000, true, 2).now;
        assert_eq!(entered.believable_wall(other_boot), None);
    }

    #[test]
    fn times_go_to_wechat_in_whole_seconds_of_beijing() {
        let text = Wall(1_764_000_000_999).to_rfc3339();
        assert_eq!(text, "2025-11-25T00:00:00+08:00");
        assert_eq!(Wall::from_rfc3339(&text), Some(Wall(1_764_000_000_000)));
        assert_eq!(Wall::from_rfc3339("yesterday"), None);
    }
}
