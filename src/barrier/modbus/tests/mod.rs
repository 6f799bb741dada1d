//! The driver over a real terminal, against boards that do what they should and boards that do not.

mod board;
mod ports;
mod raises;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::barrier::Outcome;
use crate::barrier::told::{Told, until};
use crate::clock::TrustRule;
use crate::lane::time::Wall;
use crate::serial::Parity;

use board::{Asked, Board, Fault};

const COIL: (u8, u16) = (1, 0);
const OTHER: (u8, u16) = (2, 3);
const PULSE: Duration = Duration::from_millis(200);
/// One that a test looks into while it lasts.
const LONG_PULSE: Duration = Duration::from_secs(3);
const ALWAYS: usize = usize::MAX;

/// Boards 1 and 2 at one port, and the driver of a relay on each.
struct World {
    board: Board,
    relays: Vec<(LaneId, ModbusRelay)>,
    told: Told,
    clock: Clock,
    pulse: Duration,
    port: PathBuf,
    folder: TempDir,
}

impl World {
    /// With the port open and every coil known to be off.
    fn new() -> Self {
        Self::with_pulse(PULSE)
    }

    fn with_pulse(pulse: Duration) -> Self {
        let mut world = Self::without_driver();
        world.pulse = pulse;
        world.start();
        world.is_ready();
        world
    }

    fn without_driver() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = folder.path().join("usb-relays");
        Self {
            board: Board::at(&port, &[COIL, OTHER]),
            relays: Vec::new(),
            told: Told::default(),
            clock: Clock::system(TrustRule::Rtc, Wall(0)),
            pulse: PULSE,
            port,
            folder,
        }
    }

    fn start(&mut self) {
        let port = PortSettings {
            path: self.port.clone(),
            baud: 9600,
            parity: Parity::None,
            stop_bits: 1,
        };
        let relay = |lane: &str, (unit, coil)| Settings {
            lane: LaneId(lane.into()),
            unit,
            coil,
            pulse: self.pulse,
        };
        let relays = vec![relay("in-1", COIL), relay("out-1", OTHER)];
        let sink = self.told.sink();
        self.relays = start(&port, relays, self.clock.clone(), &sink).unwrap();
    }

    fn stop(&mut self) {
        self.relays.clear();
    }

    fn raise(&self, lane: usize, id: &str) {
        let order = RaiseOrder {
            command_id: id.into(),
            valid_until: self.clock.now().moment.after_ms(5_000),
        };
        self.relays[lane].1.raise(&order).unwrap();
    }

    /// Raises and waits for what becomes of it.
    fn raised(&self, id: &str) -> Outcome {
        self.raise(0, id);
        self.told.outcome(id)
    }

    fn alarmed(&self, subject: &str, text: &str) {
        until(text, || {
            let alarms = self.told.alarms();
            let mut newest = alarms.into_iter().rev();
            let last = newest.find(|alarm| alarm.subject == subject)?;
            (last.raised && last.text.contains(text)).then_some(())
        });
    }

    fn is_ready(&self) {
        until("every relay to be ready", || {
            let mut states = self.relays.iter().map(|(_, relay)| relay.state().health);
            states.all(|health| health == Health::Ready).then_some(())
        });
    }

    fn is_off(&self) {
        until("the coils to be off", || {
            let on = self.board.is_on(COIL) || self.board.is_on(OTHER);
            (!on).then_some(())
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.told.events();
            eprintln!("{events:#?}\n{:#?}", self.board.changes());
            eprintln!("port in {}", self.folder.path().display());
        }
    }
}
