//! A relay on a line of the box's own GPIO chip, with the limit switch and the loop beside it.
//!
//! A thread owns the line, so that neither a slow chip nor a busy runtime stretches a pulse. It takes
//! the line as an inactive output, and whatever ends the pulse, the stop of the daemon and a fault
//! included, lets go of it. What a killed process leaves on a line is up to the chip; the next start
//! takes the line inactive again (docs/devices.md).

mod chip;
mod ear;
mod owner;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::{Barrier, RaiseOrder, Sink, State};
use crate::clock::Clock;
use crate::lane::session::LaneId;

pub use chip::{Chip, Input, KernelChip, LineFault, Output};
use ear::Ears;
use owner::Owner;

/// What one lane has on its chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub lane: LaneId,
    /// Drives the relay.
    pub relay: Line,
    /// How long it is active.
    pub pulse: Duration,
    /// Active while the arm is up.
    pub arm_up: Option<Line>,
    /// Active while the loop under the arm is occupied.
    pub closing: Option<Line>,
    /// What an input must stand still for before it counts.
    pub debounce: Duration,
}

/// A line of a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `/dev/gpiochip0`
    pub chip: PathBuf,
    pub name: LineName,
    /// Whether a low level means *active*.
    pub active_low: bool,
}

/// How a line is called on its chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LineName {
    /// Counted from 0.
    Offset(u32),
    /// As the board's makers called it.
    Name(String),
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A relay on a line.
pub struct GpioRelay {
    relay: Line,
    condition: Arc<Condition>,
    /// Gone when the relay is dropped, which ends the owner.
    orders: Option<SyncSender<RaiseOrder>>,
    owner: Option<JoinHandle<()>>,
    _ears: Ears,
}

/// Orders that wait for the owner; it takes them at once.
const ORDERS_MAX: usize = 8;

impl GpioRelay {
    /// Takes the line, and takes it again whenever it fails. Nothing is waited for.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: &Settings,
        chip: Arc<dyn Chip + Sync>,
        clock: Clock,
        sink: Sink,
    ) -> io::Result<Self> {
        let Settings { lane, relay, .. } = settings;
        let condition = Arc::new(Condition::new(lane.0.clone(), sink.clone()));
        let (orders, inbox) = sync_channel(ORDERS_MAX);
        let owner = Owner {
            lane: lane.clone(),
            relay: relay.clone(),
            pulse: settings.pulse,
            chip: chip.clone(),
            orders: inbox,
            clock,
            condition: condition.clone(),
            sink: sink.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("gpio {lane}"));
        let owner = thread.spawn(move || owner.run())?;
        let ears = Ears::start(settings, &chip, &sink)?;
        Ok(Self {
            relay: relay.clone(),
            condition,
            orders: Some(orders),
            owner: Some(owner),
            _ears: ears,
        })
    }
}

impl Barrier for GpioRelay {
    fn raise(&self, order: &RaiseOrder) -> Result<(), String> {
        let Some(orders) = &self.orders else {
            return Err("its driver has ended".to_owned());
        };
        orders.try_send(order.clone()).map_err(|error| match error {
            TrySendError::Full(_) => "too many raises wait for its line".to_owned(),
            TrySendError::Disconnected(_) => {
                "its driver has ended; please report it with the log".to_owned()
            }
        })
    }

    fn state(&self) -> State {
        let Line { chip, name, .. } = &self.relay;
        State {
            driver: "gpio",
            device: format!("line {name} of {}", chip.display()),
            health: self.condition.health(),
        }
    }
}

impl Drop for GpioRelay {
    /// Waits until the line is let go of.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(owner) = self.owner.take() {
            // It has let go of the line even if it panicked.
            let _ = owner.join();
        }
    }
}

#[cfg(test)]
mod tests;
