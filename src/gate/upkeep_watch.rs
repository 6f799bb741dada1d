//! Whether the work behind the ledger gets done: segments packed, the next one made ready. No car waits for
//! it, so that a failure shows in nothing else until the disk is full.

use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Moment;

/// Delays between attempts; the last one goes on. A full disk is written to with each, so not often.
const RETRY_MS: [u64; 3] = [60_000, 600_000, 3_600_000];

/// See the module.
#[derive(Debug, Default)]
pub struct UpkeepWatch {
    failing: Option<Failing>,
}

#[derive(Debug)]
struct Failing {
    why: String,
    retry_at: Moment,
    retries: usize,
}

/// What a look leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub alarm: Option<Alarm>,
    /// It is time for another attempt.
    pub retry: bool,
}

impl UpkeepWatch {
    /// Looks at what kept the last round from its end, now and then.
    pub fn look(&mut self, failure: Option<String>, now: Moment) -> Seen {
        let Some(why) = failure else {
            let over = "the ledger's files are in order again".to_owned();
            return Seen {
                alarm: self.failing.take().map(|_| alarm(false, over)),
                retry: false,
            };
        };
        let Some(failing) = &mut self.failing else {
            let raised = alarm(true, told(&why));
            self.failing = Some(Failing {
                why,
                retry_at: now.after_ms(RETRY_MS[0]),
                retries: 0,
            });
            return Seen {
                alarm: Some(raised),
                retry: false,
            };
        };
        let is_another = failing.why != why;
        let retry = now >= failing.retry_at;
        if retry {
            failing.retries = failing.retries.saturating_add(1);
            let delay = RETRY_MS[failing.retries.min(RETRY_MS.len() - 1)];
            failing.retry_at = now.after_ms(delay);
        }
        failing.why = why;
        Seen {
            alarm: is_another.then(|| alarm(true, told(&failing.why))),
            retry,
        }
    }
}

fn told(why: &str) -> String {
    format!(
        "{why}. Records are written as ever, only the ledger's older files are not packed or the next one \
         is not ready; it is tried again within an hour"
    )
}

fn alarm(raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::StoreUpkeep,
        subject: "ledger".to_owned(),
        raised,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_retried_ever_less_often_and_over_when_it_is() {
        let mut watch = UpkeepWatch::default();
        let mut look = |ms, failure: Option<&str>| {
            let seen = watch.look(failure.map(str::to_owned), Moment(ms));
            (seen.alarm.map(|alarm| alarm.raised), seen.retry)
        };
        assert_eq!(look(0, None), (None, false));
        assert_eq!(look(1_000, Some("no room")), (Some(true), false));
        assert_eq!(look(60_999, Some("no room")), (None, false));
        assert_eq!(look(61_000, Some("no room")), (None, true));
        assert_eq!(look(61_001, Some("no room")), (None, false), "under way");
        assert_eq!(look(61_002, Some("unreadable")), (Some(true), false));
        assert_eq!(look(661_000, Some("unreadable")), (None, true));
        assert_eq!(look(4_260_999, Some("unreadable")), (None, false));
        assert_eq!(look(4_261_000, Some("unreadable")), (None, true));
        assert_eq!(look(7_861_000, Some("unreadable")), (None, true));
        assert_eq!(look(7_862_000, None), (Some(false), false));
        assert_eq!(look(7_863_000, Some("no room")), (Some(true), false));
    }
}
