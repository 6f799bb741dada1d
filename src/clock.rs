//! The only reader of time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lane::time::{BootId, Moment, Now, Wall};

/// Tells the time to every adapter; the core is handed it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System(System),
    Manual(Mutex<Now>),
}

struct System {
    boot: BootId,
    trust: TrustRule,
    not_before: Wall,
    /// When the kernel last called its clock synchronised.
    synchronised: Mutex<Option<Now>>,
    /// How far off the wall clock is made, milliseconds; 0 but in tests.
    off_ms: Arc<AtomicI64>,
}

/// A clock that was synchronised in this boot and not set since is believed for so long. It drifts by
/// less than a minute meanwhile; WeChat bears five.
const BELIEVED_FOR_MS: u64 = 7 * 24 * 3600 * 1000;
/// The wall clock may have been set if it and the boot clock differ by more than this.
const STEP_MS: i64 = 2_000;

/// When the wall clock may be believed (docs/time.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustRule {
    /// When an NTP client disciplines it, by the kernel's word, and for a week after.
    #[default]
    Ntp,
    /// A battery-backed clock: whenever it is not earlier than the last trusted time on record.
    Rtc,
}

/// Why the wall clock is believed, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// An NTP client disciplines it, by the kernel's word.
    Ntp,
    /// One did, less than a week ago in this boot, and nobody has set it since.
    NtpBefore,
    /// Battery-backed, by the configuration, and not behind the ledger.
    Rtc,
    /// It lies before 2020: it was never set.
    Unset,
    /// No NTP client has disciplined it in this boot.
    NeverSynchronised,
    /// None has for more than a week.
    LongAgo,
    /// Somebody set it since.
    SetByHand,
    /// Battery-backed, and behind the last trusted time in the ledger: the battery is empty, or it was
    /// set back.
    BehindTheLedger,
}

impl Word {
    /// Whether the wall clock may be believed.
    pub fn is_trusted(self) -> bool {
        matches!(self, Self::Ntp | Self::NtpBefore | Self::Rtc)
    }
}

impl Clock {
    /// The box's own clocks. `not_before` is the last trusted wall time on record: a wall clock before
    /// it has lost its battery, and is not trusted unless NTP has set it.
    pub fn system(trust: TrustRule, not_before: Wall) -> Self {
        Self::system_off_by(trust, not_before, Arc::default())
    }

    /// As [`Clock::system`], with a wall clock that is so many milliseconds ahead of the box's; for
    /// tests that step it.
    pub fn system_off_by(trust: TrustRule, not_before: Wall, off_ms: Arc<AtomicI64>) -> Self {
        Self(Arc::new(Source::System(System {
            boot: boot_id(),
            trust,
            not_before,
            synchronised: Mutex::default(),
            off_ms,
        })))
    }

    /// A clock that stands until it is set; for tests.
    pub fn manual(now: Now) -> Self {
        Self(Arc::new(Source::Manual(Mutex::new(now))))
    }

    /// Sets a manual clock.
    ///
    /// # Panics
    /// On a system clock: parkgate never sets the box's time.
    #[expect(
        clippy::panic,
        reason = "only tests set a clock, and setting the real one is a mistake there"
    )]
    pub fn set(&self, now: Now) {
        match &*self.0 {
            Source::Manual(held) => *held.lock().expect("no holder panics") = now,
            Source::System(_) => panic!("only a manual clock can be set"),
        }
    }

    /// The time now.
    pub fn now(&self) -> Now {
        match &*self.0 {
            Source::System(system) => system.now(),
            Source::Manual(now) => *now.lock().expect("no holder panics"),
        }
    }

    /// Why the time is believed now, or is not.
    pub fn word(&self) -> Word {
        match &*self.0 {
            Source::System(system) => system.read().1,
            Source::Manual(now) => match now.lock().expect("no holder panics").trusted {
                true => Word::Rtc,
                false => Word::Unset,
            },
        }
    }
}

impl System {
    fn now(&self) -> Now {
        self.read().0
    }

    fn read(&self) -> (Now, Word) {
        let wall = wall().plus_ms(self.off_ms.load(Ordering::Relaxed));
        let now = Now {
            moment: moment(),
            wall,
            trusted: false,
            boot: self.boot,
        };
        let word = match self.trust {
            _ if wall < Wall::PLAUSIBLE_FROM => Word::Unset,
            TrustRule::Ntp => self.by_ntp(now, ntp_synchronised()),
            TrustRule::Rtc if wall >= self.not_before => Word::Rtc,
            TrustRule::Rtc => Word::BehindTheLedger,
        };
        let trusted = word.is_trusted();
        (Now { trusted, ..now }, word)
    }

    /// The kernel withdraws its word some nine hours after the last correction, since it assumes the
    /// worst of the oscillator. A night without NTP must not stop the charges.
    fn by_ntp(&self, now: Now, synchronised: bool) -> Word {
        let mut last = self.synchronised.lock().expect("no holder panics");
        if synchronised {
            *last = Some(now);
            return Word::Ntp;
        }
        let Some(last) = *last else {
            return Word::NeverSynchronised;
        };
        let by_boot_clock = now.moment.since_ms(last.moment);
        let by_wall = now.wall.0.saturating_sub(last.wall.0);
        let apart = by_wall.saturating_sub(i64::try_from(by_boot_clock).unwrap_or(i64::MAX));
        if apart.abs() > STEP_MS {
            Word::SetByHand
        } else if by_boot_clock > BELIEVED_FOR_MS {
            Word::LongAgo
        } else {
            Word::NtpBefore
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where time is read")]
fn moment() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since_boot = Duration::try_from(time).unwrap_or_default();
    Moment(u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "this file is where time is read")]
fn wall() -> Wall {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Wall(time.tv_sec.saturating_mul(1000) + time.tv_nsec / 1_000_000)
}

/// The kernel's random id of this boot, cut to 52 bits; 0 where there is none.
fn boot_id() -> BootId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(13)
        .collect();
    BootId(u64::from_str_radix(&digits, 16).unwrap_or(0))
}

/// Whether the kernel's clock is disciplined by an NTP client (`STA_UNSYNC` is clear).
#[expect(
    unsafe_code,
    reason = "no safe wrapper of adjtimex is in the dependency tree"
)]
fn ntp_synchronised() -> bool {
    // SAFETY: `adjtimex` with `modes == 0` only reads, into a struct that is fully zeroed before
    // and outlives the call.
    let state = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut timex)
    };
    state != -1 && state != libc::TIME_ERROR
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_772_410_000_000;
    const HOUR: i64 = 3_600_000;

    fn system() -> System {
        System {
            boot: BootId(1),
            trust: TrustRule::Ntp,
            not_before: Wall(0),
            synchronised: Mutex::default(),
            off_ms: Arc::default(),
        }
    }

    /// `hours` after the start, with a wall clock that is `off_ms` from where it should be.
    fn at(hours: i64, off_ms: i64) -> Now {
        Now {
            moment: Moment(u64::try_from(hours * HOUR).unwrap()),
            wall: Wall(T0 + hours * HOUR + off_ms),
            trusted: false,
            boot: BootId(1),
        }
    }

    #[test]
    fn a_clock_that_was_never_synchronised_is_not_believed() {
        assert_eq!(system().by_ntp(at(1, 0), false), Word::NeverSynchronised);
    }

    #[test]
    fn a_night_without_ntp_does_not_cost_the_trust_and_a_week_does() {
        let system = system();
        assert_eq!(system.by_ntp(at(0, 0), true), Word::Ntp);
        assert_eq!(system.by_ntp(at(12, 800), false), Word::NtpBefore);
        assert_eq!(system.by_ntp(at(7 * 24, 1_500), false), Word::NtpBefore);
        assert_eq!(system.by_ntp(at(7 * 24 + 1, 1_500), false), Word::LongAgo);
    }

    #[test]
    fn a_clock_that_was_set_by_hand_since_is_not_believed() {
        let system = system();
        assert!(system.by_ntp(at(0, 0), true).is_trusted());
        assert_eq!(system.by_ntp(at(10, HOUR), false), Word::SetByHand);
        assert_eq!(system.by_ntp(at(10, -HOUR), false), Word::SetByHand);
        assert!(
            system.by_ntp(at(11, 0), true).is_trusted(),
            "until NTP has it again"
        );
    }

    #[test]
    fn every_word_is_told_by_the_real_clock() {
        let today = Clock::system(TrustRule::Rtc, Wall(0)).now().wall;
        let off = |ms| Arc::new(AtomicI64::new(ms));
        let by = |not_before, ms| Clock::system_off_by(TrustRule::Rtc, not_before, off(ms));
        assert_eq!(by(Wall(0), 0).word(), Word::Rtc);
        assert_eq!(by(Wall(0), -today.0).word(), Word::Unset);
        assert_eq!(by(today, -HOUR).word(), Word::BehindTheLedger);
        for clock in [by(Wall(0), 0), by(today, -HOUR)] {
            assert_eq!(clock.now().trusted, clock.word().is_trusted());
        }
    }
}
