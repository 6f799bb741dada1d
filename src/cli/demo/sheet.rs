//! What the timeline is written on, from everywhere.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::paint::Ink;
use super::screen::{Pen, Screen};
use super::timeline::Timeline;
use crate::clock::Clock;
use crate::gate::Observed;
use crate::lane::session::LaneId;
use crate::park::event::Event;

/// A timeline, the pen that writes it, and the cameras that the daemon has heard.
pub struct Sheet {
    timeline: Mutex<Timeline>,
    pub pen: Pen,
    clock: Clock,
    /// Lanes whose camera the daemon has heard.
    pub heard: watch::Sender<BTreeSet<LaneId>>,
}

impl Sheet {
    pub fn new(screen: &Screen, clock: Clock) -> Self {
        let timeline = Timeline::new(clock.now().moment, screen.paint());
        Self {
            timeline: Mutex::new(timeline),
            pen: screen.pen(),
            clock,
            heard: watch::Sender::default(),
        }
    }

    /// The timeline is whole at any moment.
    pub fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that concerns everybody.
    pub fn note(&self, text: &str, ink: Ink) {
        let line = self.timeline().note(self.clock.now().moment, text, ink);
        self.pen.write(line);
    }

    /// On the daemon's own thread: computes and never waits.
    pub fn observe(&self, observed: &Observed) {
        if let Event::CameraAlive { lane, .. } = &observed.event {
            self.heard
                .send_if_modified(|heard| heard.insert(lane.clone()));
        }
        for line in self.timeline().observe(observed) {
            self.pen.write(line);
        }
    }
}
