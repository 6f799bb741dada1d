//! A camera on a serial line, in place of one that speaks over the broker: what it says arrives in
//! pieces, joined to what it said before, with noise in between; and now and then the port is gone. The
//! box's own decoder puts it together.

use super::camera::serial;
use super::doing::Doing;
use super::faults::{FAULTS_MS, Group, permille, windows};
use super::letter::{Content, Letter, sentence};
use super::site::MINUTE;
use super::world::{Incoming, World};
use crate::camera::serial::{Dialect, Frame};
use crate::camera::text::{Camera, Settings, Text};
use crate::sim::random::SplitMix64;

/// The lane with such a camera, in one seed of so many.
const LANE: &str = "out-2";
const IN_ONE_SEED_OF: u64 = 3;
/// A byte takes a millisecond at 9600 baud, as good as.
const BYTE_MS: u64 = 1;

/// What is wrong with the line.
#[derive(Default)]
pub struct LineFaults {
    /// So many of 1000 sentences come in pieces.
    split_permille: u16,
    noise_permille: u16,
    /// A byte of so many of 1000 sentences is flipped.
    flipped_permille: u16,
    /// The port is not there: from, to.
    gone: Vec<(u64, u64)>,
}

pub struct Line {
    is_there: bool,
    faults: LineFaults,
    random: SplitMix64,
    text: Text,
    is_gone: bool,
    /// The line is busy until then: what is said next comes after it.
    busy_until: u64,
}

impl LineFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            split_permille: permille(random, 800),
            noise_permille: permille(random, 200),
            flipped_permille: permille(random, 100),
            gone: windows(random, 2, 5 * MINUTE),
        }
    }
}

impl Line {
    pub fn new(seed: u64, faults: LineFaults) -> Self {
        Self {
            is_there: seed % IN_ONE_SEED_OF == 1,
            faults,
            random: SplitMix64::new(seed, "line"),
            text: dialect(),
            is_gone: false,
            busy_until: 0,
        }
    }

    pub fn calm_down(&mut self) {
        self.faults = LineFaults::default();
        self.is_gone = false;
    }

    /// When the port goes, and when it is back.
    pub fn turns(&self) -> Vec<(u64, bool)> {
        let gone = self.faults.gone.iter().filter(|_| self.is_there);
        gone.flat_map(|(from, to)| [(*from, true), ((*to).min(FAULTS_MS), false)])
            .collect()
    }

    /// Whether a letter goes this way. What hangs behind a camera, loops and relay, is on another board.
    pub fn is_of(&self, letter: &Letter) -> bool {
        let is_said = matches!(
            letter.content,
            Content::Reading(_) | Content::Heartbeat | Content::Garbage(_)
        );
        self.is_there && letter.lane == LANE && is_said
    }

    /// The box opens the port anew: whatever was begun is forgotten.
    pub fn open(&mut self) {
        self.text = dialect();
    }

    /// In what pieces the bytes arrive, and when each.
    fn pieces(&mut self, bytes: Vec<u8>, time: u64) -> Vec<(u64, Vec<u8>)> {
        let mut at = time.max(self.busy_until);
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let is_split = self.random.chance(self.faults.split_permille);
            let length = match is_split {
                true => 1 + self.random.below(rest.len() as u64),
                false => rest.len() as u64,
            };
            let tail = rest.split_off(usize::try_from(length).unwrap());
            at += length * BYTE_MS;
            pieces.push((at, std::mem::replace(&mut rest, tail)));
            at += self.random.below(10);
        }
        self.busy_until = at;
        pieces
    }
}

impl World {
    /// Over the line. Two sentences at once reach the box as they were said, one behind the other.
    pub(super) fn say(&mut self, letter: &Letter) {
        let camera_now = self.cameras.clock(self.clock.true_wall());
        let said = match &letter.content {
            Content::Reading(reading) => reading.sentence(camera_now),
            Content::Garbage(bytes) => Some(bytes.iter().copied().take(300).collect()),
            _ => Some(sentence("PGH,1")),
        };
        let Some(mut bytes) = said else { return };
        let time = self.clock.time;
        if self.line.is_gone {
            return self.count(Group::Line, "port lost");
        }
        let line = &mut self.line;
        let (flips, noise) = (
            line.random.chance(line.faults.flipped_permille),
            line.random.chance(line.faults.noise_permille),
        );
        if flips {
            let at = usize::try_from(line.random.below(bytes.len() as u64)).unwrap();
            bytes[at] ^= 1 << line.random.below(7);
            self.count(Group::Line, "flipped bit");
        }
        if noise {
            bytes.splice(0..0, [0x00, 0xff, b'$', b'P', 0xff]);
            self.count(Group::Line, "noise");
        }
        let pieces = self.line.pieces(bytes, time);
        if pieces.len() > 1 {
            self.count(Group::Line, "split frame");
        }
        for (at, piece) in pieces {
            self.plan(at, Doing::Bytes(piece));
        }
    }

    /// Bytes come in at the box.
    pub(super) fn take_bytes(&mut self, bytes: &[u8]) -> Vec<Incoming> {
        if self.line.is_gone || self.machine.off {
            return Vec::new();
        }
        let frames = self.line.text.take(bytes, self.clock.now());
        let mut heard = Vec::new();
        for frame in frames {
            let Frame::Good(event) = frame else { continue };
            if let Some(event) = self.ears.event(*event) {
                self.note_alive(&event);
                heard.push(Incoming::from(event));
            }
        }
        heard
    }

    pub(super) fn port_gone(&mut self, is_gone: bool) {
        self.line.is_gone = is_gone;
        self.line.open();
        if is_gone {
            self.count(Group::Line, "port lost");
        }
    }
}

fn dialect() -> Text {
    Text::new(Settings {
        pattern: None,
        confidence_max: 100,
        cameras: vec![Camera {
            id: serial(LANE).to_owned(),
            address: None,
            query: None,
        }],
    })
}
