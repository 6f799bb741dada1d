//! Whether the box has known the time for long enough to be silent about it.

use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Moment, Now};

/// A box without a battery-backed clock needs some moments after it started.
const GRACE_MS: u64 = 120_000;

/// See the module.
#[derive(Debug, Default)]
pub struct ClockWatch {
    untrusted_since: Option<Moment>,
    is_alarmed: bool,
}

impl ClockWatch {
    /// Looks at the clock, now and then.
    pub fn look(&mut self, now: Now) -> Option<Alarm> {
        if now.trusted {
            self.untrusted_since = None;
            let over = "the box knows the time again".to_owned();
            return std::mem::take(&mut self.is_alarmed).then(|| alarm(false, over));
        }
        let since = *self.untrusted_since.get_or_insert(now.moment);
        if self.is_alarmed || now.moment.since_ms(since) < GRACE_MS {
            return None;
        }
        self.is_alarmed = true;
        let text = format!(
            "the box's clock says {} and is not believed: lanes work, nothing is signed, and charges \
             wait; check that an NTP client runs and reaches a server, or with [clock] trust = \"rtc\" \
             set the clock",
            now.wall.to_rfc3339()
        );
        Some(alarm(true, text))
    }
}

fn alarm(raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::ClockUntrusted,
        subject: "clock".to_owned(),
        raised,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Wall};

    #[test]
    fn a_clock_that_stays_unset_is_told_once_and_so_is_its_setting() {
        let mut watch = ClockWatch::default();
        let mut look = |ms, trusted| {
            let now = Now {
                moment: Moment(ms),
                wall: Wall(0),
                trusted,
                boot: BootId(1),
            };
            watch.look(now).map(|alarm| alarm.raised)
        };
        assert_eq!(look(0, false), None, "it has just started");
        assert_eq!(look(119_999, false), None);
        assert_eq!(look(120_000, false), Some(true));
        assert_eq!(look(500_000, false), None);
        assert_eq!(look(500_001, true), Some(false));
        assert_eq!(look(500_002, true), None);
        assert_eq!(look(500_003, false), None, "a new grace");
    }
}
