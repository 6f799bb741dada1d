//! The only reader of time.

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
}

/// When the wall clock may be believed (docs/time.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustRule {
    /// When the kernel says that an NTP client disciplines it.
    #[default]
    Ntp,
    /// A battery-backed clock: whenever it is not earlier than the newest trusted time on record.
    Rtc,
}

impl Clock {
    /// The box's own clocks. `not_before` is the newest trusted wall time on record: a wall clock
    /// before it is never trusted.
    pub fn system(trust: TrustRule, not_before: Wall) -> Self {
        Self(Arc::new(Source::System(System {
            boot: boot_id(),
            trust,
            not_before,
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
}

impl System {
    fn now(&self) -> Now {
        let wall = wall();
        let synchronised = match self.trust {
            TrustRule::Ntp => ntp_synchronised(),
            TrustRule::Rtc => true,
        };
        Now {
            moment: moment(),
            wall,
            trusted: synchronised && wall >= self.not_before && wall >= Wall::PLAUSIBLE_FROM,
            boot: self.boot,
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
