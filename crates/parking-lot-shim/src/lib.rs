//! sled 0.34 keeps seven threads that look for work once a second for as long as the process lives,
//! also after the last database is closed, and there is no setting for it. On an idle box they are
//! most of what wakes the processor. They wait in [`Condvar::wait_until`], which nothing else in sled
//! calls; here that wait lasts longer. Work that arrives still wakes them at once.
//!
//! What else sled uses of parking_lot is std's, under parking_lot's names: no poisoning, and a wait
//! that borrows the guard. parking_lot 0.11 and `instant`, both unmaintained, are gone with it.
//! Delete this crate when sled is replaced.
#![forbid(unsafe_code)]

use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What sled's pool waits for work at least. Its additional threads, which a burst brings, end after
/// three waits in vain.
const POOL_WAIT: Duration = Duration::from_secs(30);

pub use sync::{RwLockReadGuard, RwLockWriteGuard};

/// A lock that a panic does not poison: sled is written for that.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(sync::Mutex<T>);

/// An open lock.
#[derive(Debug)]
pub struct MutexGuard<'a, T: ?Sized>(
    /// None only within a wait.
    Option<sync::MutexGuard<'a, T>>,
);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(unpoisoned(self.0.lock())))
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(MutexGuard(Some(guard))),
            Err(TryLockError::Poisoned(poisoned)) => Some(MutexGuard(Some(poisoned.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

const HELD: &str = "a guard is without its lock only within a wait, which borrows it";

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(HELD)
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(HELD)
    }
}

/// As [`Mutex`], for many readers.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized>(sync::RwLock<T>);

impl<T> RwLock<T> {
    pub const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        unpoisoned(self.0.read())
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        unpoisoned(self.0.write())
    }
}

/// Wakes who waits.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

/// Whether a wait ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    pub const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect(HELD);
        guard.0 = Some(unpoisoned(self.0.wait(held)));
    }

    pub fn wait_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        at_most: Duration,
    ) -> WaitTimeoutResult {
        let held = guard.0.take().expect(HELD);
        let (held, result) = unpoisoned(self.0.wait_timeout(held, at_most));
        guard.0 = Some(held);
        WaitTimeoutResult(result.timed_out())
    }

    /// The wait of sled's pool for work: until `until`, and at least [`POOL_WAIT`].
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        until: Instant,
    ) -> WaitTimeoutResult {
        let at_most = until.saturating_duration_since(Instant::now());
        self.wait_for(guard, at_most.max(POOL_WAIT))
    }
}

fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}
