//! The threads that listen to a lane's inputs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::condition::Condition;
use super::super::{BarrierEvent, Sink};
use super::{Chip, Input, Line, LineFault, Settings};
use crate::lane::session::LaneId;

/// How long an ear that nobody needs any more goes on listening.
const LISTEN_FOR: Duration = Duration::from_secs(1);
/// Waits before an input is asked for again; they double from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The inputs of a lane; when this is dropped nobody listens any more.
pub(super) struct Ears(Arc<AtomicBool>);

/// What an input means.
#[derive(Clone, Copy)]
enum Meaning {
    ArmUp,
    ClosingLoop,
}

impl Ears {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: &Settings,
        chip: &Arc<dyn Chip + Sync>,
        sink: &Sink,
    ) -> io::Result<Self> {
        let unneeded = Arc::new(AtomicBool::new(false));
        let inputs = [
            (&settings.arm_up, Meaning::ArmUp),
            (&settings.closing, Meaning::ClosingLoop),
        ];
        for (line, meaning) in inputs {
            let Some(line) = line else { continue };
            let lane = settings.lane.clone();
            let subject = format!("{lane} line {}", line.name);
            let ear = Ear {
                lane,
                line: line.clone(),
                meaning,
                debounce: settings.debounce,
                chip: chip.clone(),
                sink: sink.clone(),
                condition: Condition::new(subject, sink.clone()),
                unneeded: unneeded.clone(),
                told: None,
            };
            let thread = std::thread::Builder::new().name(format!("gpio {}", line.name));
            thread.spawn(move || ear.run())?;
        }
        Ok(Self(unneeded))
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Ear {
    lane: LaneId,
    line: Line,
    meaning: Meaning,
    debounce: Duration,
    chip: Arc<dyn Chip + Sync>,
    sink: Sink,
    condition: Condition,
    unneeded: Arc<AtomicBool>,
    /// What was told last.
    told: Option<bool>,
}

impl Ear {
    fn run(mut self) {
        let mut wait = FIRST_WAIT;
        while !self.unneeded.load(Ordering::Relaxed) {
            let fault = match self.chip.input(&self.line, self.debounce) {
                Ok(mut input) => {
                    let text = format!("line {} is heard again", self.line.name);
                    self.condition.ready(&text);
                    wait = FIRST_WAIT;
                    match self.listen(&mut *input) {
                        Ok(()) => return,
                        Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            let what = match self.meaning {
                Meaning::ArmUp => "limit switch",
                Meaning::ClosingLoop => "loop",
            };
            self.condition.failed(format!(
                "the {what} of lane {} is not heard: {fault}",
                self.lane
            ));
            std::thread::sleep(wait);
            wait = wait.saturating_mul(2).min(LAST_WAIT);
        }
    }

    /// Until nobody needs it.
    fn listen(&mut self, input: &mut dyn Input) -> Result<(), LineFault> {
        let level = input.is_active()?;
        self.tell(level);
        while !self.unneeded.load(Ordering::Relaxed) {
            if let Some(level) = input.edge(LISTEN_FOR)? {
                self.tell(level);
            }
        }
        Ok(())
    }

    /// Changes only; before the first one the input is taken to be inactive.
    fn tell(&mut self, active: bool) {
        if self.told.replace(active).unwrap_or(false) == active {
            return;
        }
        let lane = self.lane.clone();
        match (self.meaning, active) {
            (Meaning::ArmUp, true) => (self.sink)(BarrierEvent::ArmUp { lane }),
            (Meaning::ArmUp, false) => {}
            (Meaning::ClosingLoop, occupied) => {
                (self.sink)(BarrierEvent::ClosingLoop { lane, occupied });
            }
        }
    }
}
