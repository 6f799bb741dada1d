//! Whether a line, a relay or a port can be used: told when it changes, with the fix.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BarrierEvent, Health, Sink};
use crate::lane::alarm::{Alarm, AlarmKind};

/// Shared by the driver, which finds out, and whoever asks how it is.
pub(super) struct Condition {
    /// What alarms are about: a lane, or a port that several lanes share.
    subject: String,
    health: Mutex<Health>,
    sink: Sink,
}

impl Condition {
    pub fn new(subject: String, sink: Sink) -> Self {
        Self {
            subject,
            health: Mutex::new(Health::Starting),
            sink,
        }
    }

    pub fn health(&self) -> Health {
        self.lock().clone()
    }

    /// It can be used; `text` says so where an alarm ends.
    pub fn ready(&self, text: &str) {
        let before = std::mem::replace(&mut *self.lock(), Health::Ready);
        if matches!(before, Health::Failed(_)) {
            self.alarm(false, text.to_owned());
        }
    }

    /// It cannot be used; `text` says why and what to do.
    pub fn failed(&self, text: String) {
        let now = Health::Failed(text.clone());
        let before = std::mem::replace(&mut *self.lock(), now.clone());
        if before != now {
            self.alarm(true, text);
        }
    }

    fn alarm(&self, raised: bool, text: String) {
        (self.sink)(BarrierEvent::Alarm(Alarm {
            kind: AlarmKind::BarrierFailed,
            subject: self.subject.clone(),
            raised,
            text,
        }));
    }

    /// The lock guards one value that is whole at any moment.
    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
