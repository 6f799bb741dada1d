//! How old a live reading is (DESIGN 3.8): a stale one never raises a barrier.

use std::collections::VecDeque;

use super::time::{Moment, Now, Wall};

/// A live reading older than this never raises.
pub const STALE_AFTER_MS: u64 = 15_000;

const WINDOW_MS: u64 = 10 * 60 * 1000;
const SAMPLES_MAX: usize = 128;
/// So many signs of life in a row, each in its own time, must agree before a jump is believed.
const AGREEING: usize = 3;
const AGREE_WITHIN_MS: i64 = 2_000;
const APART_MS: u64 = 1_000;

/// What is known of one camera's clock: the box's boot clock minus the camera's envelope time, learnt
/// from signs of life. The smallest of ten minutes is the one with the least delay in it. The box's
/// wall clock takes no part, so that setting it does not turn every car away.
#[derive(Clone, Debug, Default)]
pub struct CameraClock {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Moment,
    offset_ms: i64,
}

impl CameraClock {
    /// Takes note of a sign of life sent at `sent_at` by the camera's clock.
    pub fn heard(&mut self, sent_at: Wall, now: Now) {
        let offset_ms = offset(sent_at, now.moment);
        while self.samples.len() >= SAMPLES_MAX
            || self
                .samples
                .front()
                .is_some_and(|s| now.moment.since_ms(s.at) > WINDOW_MS)
        {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            at: now.moment,
            offset_ms,
        });
        self.forget_what_a_jump_made_wrong();
    }

    /// Milliseconds since the message was sent; None when nothing can be said.
    ///
    /// Before the first sign of life the camera's clock is taken to be right, if the box's own clock
    /// is trusted and the camera's is not plainly unset.
    pub fn age_ms(&self, sent_at: Option<Wall>, now: Now) -> Option<u64> {
        let sent_at = sent_at?;
        let least = self.samples.iter().map(|s| s.offset_ms).min();
        let age = match least {
            Some(least) => offset(sent_at, now.moment).saturating_sub(least),
            None if now.trusted && sent_at >= Wall::PLAUSIBLE_FROM => {
                now.wall.0.saturating_sub(sent_at.0)
            }
            None => return None,
        };
        Some(u64::try_from(age).unwrap_or(0))
    }

    /// When the camera's clock is set back, its messages look old until the window has passed. Signs of
    /// life that come one by one and agree with each other say that it was a jump; a backlog that
    /// arrives at once does not agree with itself.
    fn forget_what_a_jump_made_wrong(&mut self) {
        let Some(first) = self.samples.len().checked_sub(AGREEING) else {
            return;
        };
        let newest: Vec<Sample> = self.samples.iter().skip(first).copied().collect();
        let newest_least = newest.iter().map(|s| s.offset_ms).min().unwrap_or(0);
        let newest_most = newest.iter().map(|s| s.offset_ms).max().unwrap_or(0);
        let spread = newest_most.saturating_sub(newest_least);
        let one_by_one = newest
            .windows(2)
            .all(|pair| pair[1].at.since_ms(pair[0].at) >= APART_MS);
        if spread <= AGREE_WITHIN_MS && one_by_one {
            let jumped = |s: &Sample| newest_least.saturating_sub(s.offset_ms) > AGREE_WITHIN_MS;
            if self.samples.iter().any(jumped) {
                self.samples.drain(..first);
            }
        }
    }
}

fn offset(sent_at: Wall, arrived: Moment) -> i64 {
    i64::try_from(arrived.0)
        .unwrap_or(i64::MAX)
        .saturating_sub(sent_at.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::BootId;

    const T0: i64 = 1_772_410_000_000;

    fn now(moment: u64, wall: i64, trusted: bool) -> Now {
        Now {
            moment: Moment(moment),
            wall: Wall(wall),
            trusted,
            boot: BootId(1),
        }
    }

    #[test]
    fn a_message_that_waited_eleven_minutes_is_that_old() {
        let clock = CameraClock::default();
        let late = now(5_000, T0 + 660_000, true);
        assert_eq!(clock.age_ms(Some(Wall(T0)), late), Some(660_000));
    }

    #[test]
    fn a_camera_with_a_wrong_clock_is_read_right_after_its_first_sign_of_life() {
        let mut clock = CameraClock::default();
        clock.heard(Wall(86_000), now(1_000, T0, true));
        assert_eq!(
            clock.age_ms(Some(Wall(96_000)), now(11_000, T0 + 10_000, true)),
            Some(0)
        );
        assert_eq!(
            clock.age_ms(Some(Wall(96_000)), now(41_000, T0 + 40_000, true)),
            Some(30_000)
        );
    }

    #[test]
    fn nothing_is_said_of_an_unset_camera_that_never_gave_a_sign_of_life() {
        let clock = CameraClock::default();
        assert_eq!(clock.age_ms(Some(Wall(86_000)), now(1_000, T0, true)), None);
        assert_eq!(clock.age_ms(Some(Wall(T0)), now(1_000, 5_000, false)), None);
        assert_eq!(clock.age_ms(None, now(1_000, T0, true)), None);
    }

    /// When a camera with a right clock sends its sign of life.
    fn sent_ms(beat: u64) -> i64 {
        i64::try_from(beat * 10_000).unwrap()
    }

    #[test]
    fn by_a_late_sign_of_life_readings_look_younger_until_a_prompter_one_comes() {
        let mut clock = CameraClock::default();
        clock.heard(Wall(T0), now(4_000, T0 + 4_000, true));
        let age_at = |clock: &CameraClock, ms| {
            let wall = T0 + i64::try_from(ms).unwrap();
            clock.age_ms(Some(Wall(T0 + 5_000)), now(ms, wall, true))
        };
        assert_eq!(age_at(&clock, 22_000), Some(13_000));
        clock.heard(Wall(T0 + 20_000), now(20_000, T0 + 20_000, true));
        assert_eq!(age_at(&clock, 22_000), Some(17_000));
    }

    #[test]
    fn setting_the_boxs_wall_clock_changes_nothing() {
        let mut clock = CameraClock::default();
        clock.heard(Wall(T0), now(1_000, 60_000, false));
        assert_eq!(
            clock.age_ms(Some(Wall(T0 + 5_000)), now(6_000, T0 + 5_000, true)),
            Some(0)
        );
    }

    #[test]
    fn a_camera_clock_set_back_is_believed_after_three_signs_of_life() {
        let mut clock = CameraClock::default();
        for beat in 0..5 {
            clock.heard(Wall(T0 + sent_ms(beat)), now(beat * 10_000, T0, true));
        }
        let back = 3_600_000;
        for beat in 5..8 {
            clock.heard(
                Wall(T0 + sent_ms(beat) - back),
                now(beat * 10_000, T0, true),
            );
        }
        let age = clock.age_ms(Some(Wall(T0 + 80_000 - back)), now(80_000, T0, true));
        assert_eq!(age, Some(0));
    }

    #[test]
    fn times_that_no_clock_ever_showed_do_no_harm() {
        let mut clock = CameraClock::default();
        for (beat, sent_at) in [i64::MIN, i64::MAX, 0, T0].into_iter().enumerate() {
            let moment = beat as u64 * 10_000;
            clock.heard(Wall(sent_at), now(moment, T0, true));
            clock.age_ms(Some(Wall(i64::MIN)), now(moment, T0, true));
        }
    }

    #[test]
    fn a_backlog_of_signs_of_life_does_not_pass_for_a_jump() {
        let mut clock = CameraClock::default();
        clock.heard(Wall(T0), now(0, T0, true));
        for beat in 1..6 {
            clock.heard(Wall(T0 + sent_ms(beat)), now(60_000 + beat, T0, true));
        }
        assert_eq!(
            clock.age_ms(Some(Wall(T0 + 30_000)), now(60_010, T0, true)),
            Some(30_010)
        );
    }
}
