//! A board of relays on a pseudo-terminal: Modbus RTU as boards speak it, and as they fail.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::time::Instant;

/// Boards at one port.
pub struct Board {
    state: Arc<Mutex<State>>,
    /// Stays the same when the port is plugged in again.
    port: PathBuf,
    plugged: Option<Plugged>,
}

/// A coil that changed.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub coil: (u8, u16),
    pub on: bool,
    pub at: Instant,
}

/// What is asked of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    WriteOn,
    WriteOff,
    Read,
}

/// What a board does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not hear.
    Deaf,
    /// It does what it is told and its answer is lost.
    Mute,
    /// It does what it is told and its answer is damaged.
    BadChecksum,
    /// It says no, with this code.
    Exception(u8),
    /// It says yes and does nothing.
    Idle,
    /// It does what it is told and answers too late.
    Late(Duration),
}

#[derive(Default)]
struct State {
    coils: BTreeMap<(u8, u16), bool>,
    changes: Vec<Change>,
    asked: Vec<Asked>,
    faults: Vec<(Asked, Fault, usize)>,
    echoes: bool,
}

struct Plugged {
    unplug: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Board {
    /// A port at `port`, with these coils of these units, all of them off.
    pub fn at(port: &Path, coils: &[(u8, u16)]) -> Self {
        let state = State {
            coils: coils.iter().map(|coil| (*coil, false)).collect(),
            ..State::default()
        };
        let mut board = Self {
            state: Arc::new(Mutex::new(state)),
            port: port.to_owned(),
            plugged: None,
        };
        board.plug();
        board
    }

    /// Plugs it in, which may give its device another number.
    pub fn plug(&mut self) {
        // A daemon that is started would inherit the other end, and never miss it.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        let device = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        std::os::unix::fs::symlink(device, &self.port).unwrap();
        let (state, unplug) = (self.state.clone(), Arc::new(AtomicBool::new(false)));
        let unplugged = unplug.clone();
        let thread = std::thread::spawn(move || serve(File::from(master), &state, &unplugged));
        self.plugged = Some(Plugged { unplug, thread });
    }

    /// Pulls it out. Its relays keep their power.
    pub fn unplug(&mut self) {
        if let Some(plugged) = self.plugged.take() {
            std::fs::remove_file(&self.port).unwrap();
            plugged.unplug.store(true, Ordering::Relaxed);
            plugged.thread.join().unwrap();
        }
    }

    /// From now on, so often, it does this wrong when it is asked that.
    pub fn fail(&self, asked: Asked, fault: Fault, times: usize) {
        self.state().faults.push((asked, fault, times));
    }

    /// It does nothing wrong any more.
    pub fn mend(&self) {
        self.state().faults.clear();
    }

    /// The adapter hears itself.
    pub fn echo(&self) {
        self.state().echoes = true;
    }

    /// Somebody at the board switches a coil.
    pub fn switch(&self, coil: (u8, u16), on: bool) {
        self.state().set(coil, on);
    }

    pub fn is_on(&self, coil: (u8, u16)) -> bool {
        self.state().coils[&coil]
    }

    /// Every change of any coil.
    pub fn changes(&self) -> Vec<Change> {
        self.state().changes.clone()
    }

    /// How often a coil went on.
    pub fn pulses(&self, coil: (u8, u16)) -> usize {
        let changes = self.changes();
        let ons = changes
            .iter()
            .filter(|change| change.coil == coil && change.on);
        ons.count()
    }

    /// How often it was asked that, heard or not.
    pub fn asked(&self, what: Asked) -> usize {
        let state = self.state();
        state.asked.iter().filter(|asked| **asked == what).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Some(plugged) = self.plugged.take() {
            plugged.unplug.store(true, Ordering::Relaxed);
            let _ = plugged.thread.join();
        }
    }
}

fn serve(mut master: File, state: &Mutex<State>, unplug: &AtomicBool) {
    let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
    while !unplug.load(Ordering::Relaxed) {
        match master.read(&mut buffer) {
            Ok(length) => heard.extend_from_slice(&buffer[..length]),
            // Nothing to read, or nobody has the port open.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => heard.clear(),
        }
        while heard.len() >= FRAME {
            let frame: Vec<u8> = heard.drain(..FRAME).collect();
            let (echoes, answer, after) = {
                let mut state = state.lock().unwrap();
                let (answer, after) = state.answer(&frame);
                (state.echoes, answer, after)
            };
            // Whoever asked may be gone.
            if echoes {
                let _ = master.write_all(&frame);
            }
            std::thread::sleep(after);
            let _ = master.write_all(&answer);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Unit, function, coil, value, checksum.
const FRAME: usize = 8;

impl State {
    /// What is answered, and after how long.
    fn answer(&mut self, frame: &[u8]) -> (Vec<u8>, Duration) {
        let nothing = (Vec::new(), Duration::ZERO);
        let (pdu, checksum) = frame.split_at(FRAME - 2);
        assert_eq!(checksum, crc(pdu), "{frame:02x?}");
        let unit = pdu[0];
        let coil = (unit, u16::from_be_bytes([pdu[2], pdu[3]]));
        let asked = match (pdu[1], pdu[4]) {
            (0x01, _) => Asked::Read,
            (0x05, 0xff) => Asked::WriteOn,
            (0x05, 0x00) => Asked::WriteOff,
            _ => panic!("not a question of parkgate's: {frame:02x?}"),
        };
        self.asked.push(asked);
        let units: Vec<u8> = self.coils.keys().map(|(unit, _)| *unit).collect();
        if !units.contains(&unit) {
            return nothing;
        }
        let fault = self.fault_of(asked);
        if !self.coils.contains_key(&coil) {
            return (framed(vec![unit, pdu[1] | 0x80, 0x02]), Duration::ZERO);
        }
        match fault {
            Some(Fault::Deaf) => return nothing,
            Some(Fault::Exception(code)) => {
                return (framed(vec![unit, pdu[1] | 0x80, code]), Duration::ZERO);
            }
            Some(Fault::Idle) => {}
            _ if asked == Asked::Read => {}
            _ => self.set(coil, asked == Asked::WriteOn),
        }
        let mut answer = match asked {
            Asked::Read => framed(vec![unit, 0x01, 1, u8::from(self.coils[&coil])]),
            Asked::WriteOn | Asked::WriteOff => frame.to_vec(),
        };
        match fault {
            Some(Fault::Mute) => nothing,
            Some(Fault::Late(after)) => (answer, after),
            Some(Fault::BadChecksum) => {
                *answer.last_mut().unwrap() ^= 0x55;
                (answer, Duration::ZERO)
            }
            _ => (answer, Duration::ZERO),
        }
    }

    fn fault_of(&mut self, asked: Asked) -> Option<Fault> {
        let mut faults = self.faults.iter_mut();
        let (_, fault, times) = faults.find(|(when, _, times)| *when == asked && *times > 0)?;
        *times -= 1;
        Some(*fault)
    }

    fn set(&mut self, coil: (u8, u16), on: bool) {
        let before = self.coils.insert(coil, on);
        if before != Some(on) {
            let at = Instant::now();
            self.changes.push(Change { coil, on, at });
        }
    }
}

fn framed(mut pdu: Vec<u8>) -> Vec<u8> {
    let checksum = crc(&pdu);
    pdu.extend(checksum);
    pdu
}

/// CRC-16/MODBUS, low byte first.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let fold = |crc: u16, byte: &u8| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xa001,
            _ => crc >> 1,
        })
    };
    bytes.iter().fold(0xffff, fold).to_le_bytes()
}
