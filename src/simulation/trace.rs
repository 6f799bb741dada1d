//! What happened, for people, and a digest of it, to compare two runs by.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

/// So many lines are kept of a run that nobody watches.
const LINES_KEPT: usize = 50;

/// How much of a run is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: writing takes longer than everything else.
    Digest,
    /// The last [`LINES_KEPT`] lines.
    Last,
    /// Every line, as it happens.
    All,
}

/// The trace of one run.
pub struct Trace {
    detail: Detail,
    lines: VecDeque<String>,
    digest: Sha256,
}

impl Trace {
    pub fn new(detail: Detail) -> Self {
        Self {
            detail,
            lines: VecDeque::new(),
            digest: Sha256::new(),
        }
    }

    /// Something that a person wants to read, at so many milliseconds.
    pub fn note(&mut self, time: u64, what: impl FnOnce() -> String) {
        if self.detail == Detail::Digest {
            return;
        }
        let (hours, minutes) = (time / 3_600_000, time / 60_000 % 60);
        let (seconds, ms) = (time / 1_000 % 60, time % 1_000);
        let line = format!("{hours:>2}:{minutes:02}:{seconds:02}.{ms:03} {}", what());
        if self.detail == Detail::All {
            println!("{line}");
        }
        self.lines.push_back(line);
        if self.lines.len() > LINES_KEPT {
            self.lines.pop_front();
        }
    }

    /// An effect: something that left the box, or reached it.
    pub fn effect(&mut self, time: u64, bytes: &[u8]) {
        self.digest.update(time.to_le_bytes());
        self.digest.update(bytes);
    }

    /// The last lines.
    pub fn last(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    /// The digest of all effects and of what is `on_disk`, as 16 hexadecimal digits.
    pub fn digest(&self, on_disk: [u8; 32]) -> String {
        let digest = self.digest.clone().chain_update(on_disk).finalize();
        let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}
