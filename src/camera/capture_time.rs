//! The time rule: which of a device's times is the instant of capture (`gate-hardware.md` 1).

use crate::lane::reading::ReadWarning;
use crate::lane::time::{Now, Wall};

/// A live message is no further than this from its arrival, a replay no later than this after it.
const WINDOW_MS: i64 = 10 * 60 * 1000;

/// What a message says about when.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceTimes {
    /// Capture, from the device's epoch clock.
    pub epoch: Option<Wall>,
    /// Capture, from the device's local date and time.
    pub local: Option<Wall>,
    /// When it was sent. On a replay this says nothing about the capture.
    pub sent: Option<Wall>,
}

/// The instant of capture, and what was wrong with the device's own. None for a replay that has no
/// plausible time: it must not be billed from.
///
/// While the box does not know the time itself, nothing can be measured against its clock, and only
/// the years before parkgate count as implausible.
pub fn captured_at(
    times: DeviceTimes,
    replay: bool,
    received: Now,
) -> (Option<Wall>, Option<ReadWarning>) {
    let captured = [times.epoch, times.local];
    let warning = if captured == [None, None] {
        Some(ReadWarning::NoDeviceTime)
    } else {
        captured
            .into_iter()
            .flatten()
            .any(|wall| !plausible(wall, replay, received))
            .then_some(ReadWarning::ClockImplausible)
    };
    let sent = times.sent.filter(|_| !replay);
    let device = captured
        .into_iter()
        .chain([sent])
        .flatten()
        .find(|wall| plausible(*wall, replay, received));
    let substitute = (!replay).then_some(received.wall);
    (device.or(substitute), warning)
}

fn plausible(wall: Wall, replay: bool, received: Now) -> bool {
    if wall < Wall::PLAUSIBLE_FROM {
        return false;
    }
    if !received.trusted {
        return true;
    }
    let ahead_ms = wall.0.saturating_sub(received.wall.0);
    ahead_ms <= WINDOW_MS && (replay || ahead_ms >= -WINDOW_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Moment};

    const NOON: i64 = 1_772_424_000_000;

    #[test]
    fn the_first_plausible_time_counts() {
        let all = times(Some(NOON), Some(NOON - 1000), Some(NOON + 1000));
        assert_eq!(captured_at(all, false, now()), (Some(Wall(NOON)), None));
        let implausible = Some(ReadWarning::ClockImplausible);
        let wrong_epoch = DeviceTimes {
            epoch: Some(Wall(NOON + WINDOW_MS + 1)),
            ..all
        };
        assert_eq!(
            captured_at(wrong_epoch, false, now()),
            (Some(Wall(NOON - 1000)), implausible)
        );
        let only_sent = times(None, None, Some(NOON + 1000));
        assert_eq!(
            captured_at(only_sent, false, now()),
            (Some(Wall(NOON + 1000)), Some(ReadWarning::NoDeviceTime))
        );
        let old = times(Some(NOON - WINDOW_MS - 1), None, Some(NOON - WINDOW_MS - 1));
        assert_eq!(
            captured_at(old, false, now()),
            (Some(Wall(NOON)), implausible)
        );
    }

    #[test]
    fn the_window_s_edges_are_inside() {
        for ms in [-WINDOW_MS, WINDOW_MS] {
            let edge = times(Some(NOON + ms), None, None);
            assert_eq!(
                captured_at(edge, false, now()),
                (Some(Wall(NOON + ms)), None)
            );
        }
    }

    #[test]
    fn a_replay_is_never_given_a_time() {
        let year_old = times(Some(NOON - 31_536_000_000), None, Some(NOON));
        assert_eq!(captured_at(year_old, true, now()).0, year_old.epoch);
        let future = times(Some(NOON + WINDOW_MS + 1), None, Some(NOON));
        assert_eq!(
            captured_at(future, true, now()),
            (None, Some(ReadWarning::ClockImplausible))
        );
        assert_eq!(
            captured_at(times(None, None, Some(NOON)), true, now()).0,
            None
        );
        assert_eq!(
            captured_at(times(Some(86_455_000), None, None), true, now()).0,
            None
        );
    }

    #[test]
    fn a_box_that_does_not_know_the_time_measures_nothing() {
        let lost = Now {
            wall: Wall(5000),
            trusted: false,
            ..now()
        };
        for replay in [false, true] {
            let told = times(Some(NOON), None, None);
            assert_eq!(captured_at(told, replay, lost), (Some(Wall(NOON)), None));
        }
        assert_eq!(
            captured_at(DeviceTimes::default(), false, lost).0,
            Some(Wall(5000))
        );
    }

    fn times(epoch: Option<i64>, local: Option<i64>, sent: Option<i64>) -> DeviceTimes {
        let [epoch, local, sent] = [epoch, local, sent].map(|ms| ms.map(Wall));
        DeviceTimes { epoch, local, sent }
    }

    fn now() -> Now {
        Now {
            moment: Moment(1),
            wall: Wall(NOON),
            trusted: true,
            boot: BootId(1),
        }
    }
}
