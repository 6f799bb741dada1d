//! Relays on a Modbus RTU board.
//!
//! A thread owns the port, and with it every relay on its wires: one call at a time. All our coils are
//! written off when the port is opened, after every fault and at the end. A raise writes the coil on
//! once and reads it back; only what is read counts, since an adapter that echoes answers a write just
//! as the board does. A coil is written on a second time only after it was read as off, and written
//! off as often as it takes.
//!
//! Function codes 05 (write coil) and 01 (read coils): `gate-hardware.md` 5.3.

mod line;
mod owner;
mod wire;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::condition::Condition;
use super::{Barrier, Health, RaiseOrder, Sink, State};
use crate::clock::Clock;
use crate::lane::session::LaneId;
use crate::serial::PortSettings;

use owner::{Owner, Place};

/// One relay of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub lane: LaneId,
    /// The board's address, 1 to 247.
    pub unit: u8,
    /// From 0.
    pub coil: u16,
    /// How long it is on.
    pub pulse: Duration,
}

/// A relay behind a port.
pub struct ModbusRelay {
    place: Place,
    device: String,
    condition: Arc<Condition>,
    port: Arc<Condition>,
    orders: mpsc::Sender<(Place, RaiseOrder)>,
    /// After the sender, whose end ends it.
    _owner: Arc<OwnerThread>,
}

/// Orders that wait for the owner at most; a lane has one or two at a time.
const ORDERS_MAX: usize = 32;

/// Opens a port and keeps it open for the relays on it. Nothing is waited for.
///
/// # Errors
/// When the system gives no thread.
pub fn start(
    port: &PortSettings,
    relays: Vec<Settings>,
    clock: Clock,
    sink: &Sink,
) -> io::Result<Vec<(LaneId, ModbusRelay)>> {
    let condition = Arc::new(Condition::new(
        port.path.display().to_string(),
        sink.clone(),
    ));
    let (orders, inbox) = mpsc::channel(ORDERS_MAX);
    let conditions: Vec<Arc<Condition>> = relays
        .iter()
        .map(|relay| Arc::new(Condition::new(relay.lane.0.clone(), sink.clone())))
        .collect();
    let owner = Owner::new(
        port.clone(),
        relays.iter().cloned().zip(conditions.iter().cloned()),
        inbox,
        clock,
        condition.clone(),
        sink.clone(),
    );
    let owner = Arc::new(OwnerThread::spawn(owner)?);
    let relays = relays.into_iter().zip(conditions).enumerate();
    Ok(relays
        .map(|(place, (relay, own))| {
            let relay_ = ModbusRelay {
                place: Place(place),
                device: format!(
                    "coil {} of board {} at {}",
                    relay.coil,
                    relay.unit,
                    port.path.display()
                ),
                condition: own,
                port: condition.clone(),
                orders: orders.clone(),
                _owner: owner.clone(),
            };
            (relay.lane, relay_)
        })
        .collect())
}

impl Barrier for ModbusRelay {
    fn raise(&self, order: &RaiseOrder) -> Result<(), String> {
        let sent = self.orders.try_send((self.place, order.clone()));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => "too many raises wait for its port".to_owned(),
            TrySendError::Closed(_) => {
                "its driver has ended; please report it with the log".to_owned()
            }
        })
    }

    fn state(&self) -> State {
        State {
            driver: "modbus",
            device: self.device.clone(),
            health: match self.port.health() {
                Health::Failed(text) => Health::Failed(text),
                Health::Starting | Health::Ready => self.condition.health(),
            },
        }
    }
}

/// The thread with the port.
struct OwnerThread(Option<JoinHandle<()>>);

impl OwnerThread {
    fn spawn(owner: Owner) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new().name("modbus".to_owned());
        let thread = thread.spawn(move || runtime.block_on(owner.run()))?;
        Ok(Self(Some(thread)))
    }
}

impl Drop for OwnerThread {
    /// Waits until the coils are off, or cannot be.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
