//! What a driver under test told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{BarrierEvent, Outcome, Sink};
use crate::lane::alarm::Alarm;

/// For everything that must happen; far more than it takes.
const AT_MOST: Duration = Duration::from_secs(30);

/// Everything so far, in order.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<BarrierEvent>>>);

impl Told {
    /// For the driver.
    pub fn sink(&self) -> Sink {
        let events = self.0.clone();
        Arc::new(move |event| events.lock().unwrap().push(event))
    }

    pub fn events(&self) -> Vec<BarrierEvent> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for what becomes of an order.
    pub fn outcome(&self, id: &str) -> Outcome {
        until("an outcome", || {
            let mut outcomes = self.events().into_iter().filter_map(|event| match event {
                BarrierEvent::Raised {
                    command_id,
                    outcome,
                    ..
                } if command_id == id => Some(outcome),
                _ => None,
            });
            outcomes.next()
        })
    }

    pub fn alarms(&self) -> Vec<Alarm> {
        let alarms = self.events().into_iter().filter_map(|event| match event {
            BarrierEvent::Alarm(alarm) => Some(alarm),
            _ => None,
        });
        alarms.collect()
    }
}

/// Waits for what `look` looks for.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < AT_MOST, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
