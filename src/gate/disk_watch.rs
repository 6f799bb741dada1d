//! Whether the store's disk has room: told before charges cannot be written, not after.

use std::path::PathBuf;

use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Moment, Now};
use crate::store::ledger::Reserve;

/// The room changes slowly, and an idle box wakes up so often anyway.
const LOOK_EVERY_MS: u64 = 10_000;
/// Commits of a car that comes, is charged and goes: its two readings, raises and passings, entry and
/// charge sent and answered, the first query. A busy hour shares some; retries add some.
pub const COMMITS_A_CAR: u64 = 12;
const MB: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct DiskWatch {
    store: PathBuf,
    low_bytes: u64,
    looked_at: Option<Moment>,
    /// As it was told.
    is_low: bool,
    /// Reserved segments when it was last seen short.
    seen_short: Option<usize>,
    /// As it was told.
    told_short: Option<usize>,
}

/// What a look led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub alarms: Vec<Alarm>,
    /// The reserve is short, and there is room to make it up.
    pub make_up: bool,
}

impl DiskWatch {
    /// Watches the disk of the folder `store`; below `low_mb` MiB of room is too little, 0 is never.
    pub fn new(store: PathBuf, low_mb: u64) -> Self {
        Self {
            store,
            low_bytes: low_mb.saturating_mul(MB),
            looked_at: None,
            is_low: false,
            seen_short: None,
            told_short: None,
        }
    }

    /// Looks at the disk, now and then.
    pub fn look(&mut self, now: Now, reserve: Option<Reserve>) -> Looked {
        let is_early = |at: Moment| now.moment.since_ms(at) < LOOK_EVERY_MS;
        if self.looked_at.is_some_and(is_early) {
            return Looked::default();
        }
        self.looked_at = Some(now.moment);
        // A folder that is not there yet, or not any more, is the store's own alarm.
        match rustix::fs::statvfs(&self.store) {
            Ok(disk) => self.judge(disk.f_bavail.saturating_mul(disk.f_frsize), reserve),
            Err(_) => Looked::default(),
        }
    }

    fn judge(&mut self, room: u64, reserve: Option<Reserve>) -> Looked {
        let mut looked = Looked::default();
        looked.alarms.extend(self.judge_room(room));
        if let Some(reserve) = reserve {
            looked.alarms.extend(self.judge_reserve(room, reserve));
            // Room for the segment and as much again, so that it does not come and go.
            let enough = reserve.segment_bytes.saturating_mul(2);
            looked.make_up = reserve.ready < reserve.wanted && room > enough;
        }
        looked
    }

    /// Over when there is a quarter more than what was too little.
    fn judge_room(&mut self, room: u64) -> Option<Alarm> {
        let is_low = match self.is_low {
            false => room < self.low_bytes,
            true => room < self.low_bytes.saturating_add(self.low_bytes / 4),
        };
        if is_low == std::mem::replace(&mut self.is_low, is_low) {
            return None;
        }
        let (store, left) = (self.store.display(), room / MB);
        let text = match is_low {
            true => format!(
                "{left} MB are left on the disk of {store}, less than {} ([store] low_disk_mb): free \
                 some, logs and other programs' files first, before charges cannot be written",
                self.low_bytes / MB
            ),
            false => format!("{left} MB are left on the disk of {store}"),
        };
        Some(alarm(AlarmKind::DiskLow, is_low, text))
    }

    /// Not at the first sight: at a start, and when a segment is full, it is made up within seconds.
    fn judge_reserve(&mut self, room: u64, reserve: Reserve) -> Option<Alarm> {
        let Reserve { ready, wanted, .. } = reserve;
        if ready >= wanted {
            self.seen_short = None;
            let text = "room for charges is reserved on the disk again".to_owned();
            return self
                .told_short
                .take()
                .map(|_| alarm(AlarmKind::DiskReserve, false, text));
        }
        let was_short = self.seen_short.replace(ready).is_some();
        if !was_short || self.told_short == Some(ready) {
            return None;
        }
        self.told_short = Some(ready);
        let text = format!(
            "{ready} of {wanted} segments are reserved on the disk of {}, and {} MB are left: about {} \
             more cars can be charged, then records wait in memory; free some now",
            self.store.display(),
            room / MB,
            reserve.commits / COMMITS_A_CAR
        );
        Some(alarm(AlarmKind::DiskReserve, true, text))
    }
}

fn alarm(kind: AlarmKind, raised: bool, text: String) -> Alarm {
    Alarm {
        kind,
        subject: "store".to_owned(),
        raised,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(ready: usize) -> Option<Reserve> {
        Some(Reserve {
            ready,
            wanted: 4,
            segment_bytes: 4 * MB,
            commits: 1_200 * u64::try_from(ready).unwrap(),
        })
    }

    fn told(looked: &Looked) -> Vec<(AlarmKind, bool)> {
        let alarms = looked.alarms.iter();
        alarms.map(|alarm| (alarm.kind, alarm.raised)).collect()
    }

    #[test]
    fn little_room_is_told_once_and_is_over_a_quarter_above() {
        let mut watch = DiskWatch::new("/store".into(), 64);
        let mut look = |mb| told(&watch.judge(mb * MB, reserve(4)));
        assert_eq!(look(64), []);
        assert_eq!(look(63), [(AlarmKind::DiskLow, true)]);
        assert_eq!(look(1), []);
        assert_eq!(look(79), [], "not yet");
        assert_eq!(look(80), [(AlarmKind::DiskLow, false)]);
        assert_eq!(look(70), [], "a threshold crossed downwards counts");
        let mut never = DiskWatch::new("/store".into(), 0);
        assert_eq!(told(&never.judge(0, reserve(4))), []);
    }

    #[test]
    fn a_short_reserve_is_told_when_it_stays_and_again_when_it_shrinks() {
        let mut watch = DiskWatch::new("/store".into(), 0);
        let mut look = |ready, mb| watch.judge(mb * MB, reserve(ready));
        assert_eq!(
            look(3, 500),
            Looked {
                alarms: vec![],
                make_up: true
            }
        );
        assert_eq!(look(4, 500), Looked::default(), "it was only being made");
        assert!(!look(3, 2).make_up, "there is no room for it");
        let looked = look(3, 2);
        assert_eq!(told(&looked), [(AlarmKind::DiskReserve, true)]);
        assert!(
            looked.alarms[0].text.contains("about 300 more cars"),
            "{looked:?}"
        );
        assert_eq!(told(&look(3, 2)), []);
        assert_eq!(told(&look(0, 2)), [(AlarmKind::DiskReserve, true)]);
        assert!(look(0, 500).make_up);
        assert_eq!(told(&look(4, 500)), [(AlarmKind::DiskReserve, false)]);
        assert_eq!(told(&look(4, 500)), []);
    }
}
