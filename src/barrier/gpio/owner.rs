//! The thread that owns a relay's line.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::super::condition::Condition;
use super::super::{BarrierEvent, Outcome, RaiseOrder, Sink};
use super::{Chip, Line, LineFault, Output};
use crate::clock::Clock;
use crate::lane::session::LaneId;

/// Waits before a line is asked for again; they double from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// An idle line is set inactive again so often: a chip that lost its power between, or its bus, is
/// noticed before a car is.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Owner {
    pub lane: LaneId,
    pub relay: Line,
    pub pulse: Duration,
    pub chip: Arc<dyn Chip + Sync>,
    pub orders: Receiver<RaiseOrder>,
    pub clock: Clock,
    pub condition: Arc<Condition>,
    pub sink: Sink,
}

/// The relay is no longer there.
struct Ended;

impl Owner {
    /// Runs until the relay is dropped.
    pub fn run(self) {
        let mut wait = FIRST_WAIT;
        loop {
            let fault = match self.chip.output(&self.relay) {
                Ok(mut line) => {
                    tracing::info!(lane = %self.lane, line = %self.relay.name, "the barrier's line is taken");
                    self.is_ready();
                    wait = FIRST_WAIT;
                    match self.serve(&mut *line) {
                        Ok(Ended) => return,
                        Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            self.condition.failed(format!(
                "the barrier of lane {} cannot be raised: {fault}",
                self.lane
            ));
            if self.refuse_for(wait, &fault).is_break() {
                return;
            }
            wait = wait.saturating_mul(2).min(LAST_WAIT);
        }
    }

    /// Serves while the line does its work.
    fn serve(&self, line: &mut dyn Output) -> Result<Ended, LineFault> {
        loop {
            match self.orders.recv_timeout(LOOK_EVERY) {
                Ok(order) => {
                    if self.raise(line, &order)?.is_break() {
                        return Ok(Ended);
                    }
                }
                Err(RecvTimeoutError::Timeout) => line.set(false)?,
                Err(RecvTimeoutError::Disconnected) => {
                    line.set(false)?;
                    return Ok(Ended);
                }
            }
        }
    }

    /// One pulse; an order that comes during it makes it last a whole pulse from then on.
    fn raise(
        &self,
        line: &mut dyn Output,
        order: &RaiseOrder,
    ) -> Result<ControlFlow<()>, LineFault> {
        if self.is_late(order) {
            return Ok(ControlFlow::Continue(()));
        }
        let pulse = match Pulse::begin(line) {
            Ok(pulse) => pulse,
            Err(fault) => {
                let why = fault.to_string();
                self.tell(order, Outcome::Uncertain { why });
                return Err(fault);
            }
        };
        self.tell(order, Outcome::Driven);
        loop {
            match self.orders.recv_timeout(self.pulse) {
                Ok(order) if self.is_late(&order) => {}
                Ok(order) => self.tell(&order, Outcome::Driven),
                Err(RecvTimeoutError::Timeout) => {
                    pulse.end()?;
                    return Ok(ControlFlow::Continue(()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    pulse.end()?;
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    /// Whether an order's time has passed; it is then not carried out any more.
    fn is_late(&self, order: &RaiseOrder) -> bool {
        let late = self.clock.now().moment > order.valid_until;
        if late {
            let why = "its time had passed before its line was free".to_owned();
            self.tell(order, Outcome::NotDriven { why });
        }
        late
    }

    /// Waits, but not while a car does: after its order the line is tried again at once.
    fn refuse_for(&self, wait: Duration, fault: &LineFault) -> ControlFlow<()> {
        match self.orders.recv_timeout(wait) {
            Ok(order) => {
                let why = fault.to_string();
                self.tell(&order, Outcome::NotDriven { why });
                ControlFlow::Continue(())
            }
            Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
            Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
        }
    }

    fn is_ready(&self) {
        let lane = &self.lane;
        self.condition
            .ready(&format!("the barrier of lane {lane} can be raised again"));
    }

    fn tell(&self, order: &RaiseOrder, outcome: Outcome) {
        (self.sink)(BarrierEvent::Raised {
            lane: self.lane.clone(),
            command_id: order.command_id.clone(),
            outcome,
        });
    }
}

/// A line that is active, and will not be when this is gone.
struct Pulse<'l> {
    line: &'l mut dyn Output,
    ended: bool,
}

impl<'l> Pulse<'l> {
    fn begin(line: &'l mut dyn Output) -> Result<Self, LineFault> {
        // Guarded from before: a failed call may have driven the line all the same.
        let pulse = Self { line, ended: false };
        pulse.line.set(true)?;
        Ok(pulse)
    }

    fn end(mut self) -> Result<(), LineFault> {
        self.line.set(false)?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Pulse<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // If this fails as well, the line is given back and asked for as an inactive one.
            let _ = self.line.set(false);
        }
    }
}
