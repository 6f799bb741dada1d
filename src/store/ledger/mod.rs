//! The ledger: every record of the box, in order, on disk before anything happens because of it.
//!
//! Its bytes are described in `docs/ledger-format.md`, its promises in `docs/durability.md`.

mod aside;
mod chain;
mod closed;
mod disk;
mod error;
mod excerpt;
mod files;
mod finding;
mod history;
mod layout;
mod opening;
mod pack;
mod scan;
mod spare;
mod upkeep;
mod verify;
mod whole;
mod writing;

#[cfg(test)]
pub mod made;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::lane::number::LedgerId;
use crate::store::record::Commit;

pub use closed::{Closed, ClosedSegment, PackedFile};
pub use error::LedgerError;
pub use finding::Finding;
pub use history::Commits;
pub use layout::Identity;
pub use opening::{Collected, Opening, Replay};
pub use verify::Report;

use disk::Disk;
use layout::{BLOCK_BYTES, Head};
use opening::{Nobody, Position, Since};
use upkeep::{Order, Tools, Upkeep};
use writing::Active;

/// Sizes and ways of writing. The default is what a box runs with; the rest is for tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a new ledger's first segment: small, so that the first start is quick.
    pub first_segment_bytes: u64,
    /// Bytes of every other segment.
    pub segment_bytes: u64,
    /// Segments that are kept ready, so that commits go on when others have filled the disk.
    pub reserve: usize,
    /// Let segments grow with each commit also where the filesystem overwrites in place.
    pub append: bool,
    /// Do the upkeep within the call that makes it necessary, without a thread.
    pub inline_upkeep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_segment_bytes: 256 << 10,
            segment_bytes: 4 << 20,
            reserve: 4,
            append: false,
            inline_upkeep: false,
        }
    }
}

impl Options {
    fn first_segment_bytes(&self) -> u64 {
        whole_blocks(self.first_segment_bytes)
    }

    fn segment_bytes(&self) -> u64 {
        whole_blocks(self.segment_bytes)
    }

    fn segment_blocks(&self) -> usize {
        usize::try_from(self.segment_bytes() / BLOCK_BYTES).unwrap_or(usize::MAX)
    }
}

/// Room for commits that nobody else on the disk can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Segments that are ready.
    pub ready: usize,
    /// Segments that should be.
    pub wanted: usize,
    /// Bytes of each.
    pub segment_bytes: u64,
    /// Commits of up to 4 KiB that fit in them and in the one in use.
    pub commits: u64,
}

/// The open ledger of one box. There is one at a time, and one thread writes to it.
pub struct Ledger {
    disk: Disk,
    dir: PathBuf,
    identity: Identity,
    options: Options,
    id: LedgerId,
    /// `None`: the next commit begins a new segment.
    active: Option<Active>,
    /// The last segment that is in place, in use or not.
    newest_segment: u32,
    next_segment: u32,
    /// The segment that a start reads from.
    checkpoint_segment: Arc<AtomicU32>,
    /// What a start would have to read.
    since: Since,
    /// Parts of a state are being written: the segments that begin now may hold some.
    in_parts: bool,
    spare_bytes: u64,
    last_seq: u64,
    head: Head,
    buffer: Vec<u8>,
    upkeep: Upkeep,
    // Last: released after the upkeep has ended.
    lock: Arc<File>,
}

impl Ledger {
    /// As [`Ledger::replay`], where nobody wants to know what it holds.
    ///
    /// # Errors
    /// As there.
    pub fn open(
        dir: &Path,
        identity: &Identity,
        options: &Options,
        fresh_id: u64,
    ) -> Result<(Self, Opening), LedgerError> {
        Self::replay(dir, identity, options, fresh_id, &mut Nobody)
    }

    /// Opens the ledger in `dir`, or begins one there, and hands the newest state and what followed it to
    /// `replay`. `fresh_id` are random bits for the id of a new ledger. Whatever is damaged is set aside and
    /// told in [`Opening::findings`].
    ///
    /// # Errors
    /// If another process has it open, the folder cannot be written, the disk is full, or the
    /// ledger is another box's or a newer parkgate's.
    pub fn replay(
        dir: &Path,
        identity: &Identity,
        options: &Options,
        fresh_id: u64,
        replay: &mut dyn Replay,
    ) -> Result<(Self, Opening), LedgerError> {
        Self::open_on(Disk::default(), dir, identity, options, fresh_id, replay)
    }

    fn open_on(
        disk: Disk,
        dir: &Path,
        identity: &Identity,
        options: &Options,
        fresh_id: u64,
        replay: &mut dyn Replay,
    ) -> Result<(Self, Opening), LedgerError> {
        if !identity.fits() {
            return Err(LedgerError::LongIdentity);
        }
        disk.create_folder(dir)?;
        let lock = opening::lock(dir)?;
        let grows = options.append || never_overwrites(&lock);
        let fresh = LedgerId::from_random(fresh_id);
        let (opening, position) =
            opening::read(&disk, dir, identity, options, grows, fresh, replay)?;
        let Position {
            next,
            active,
            next_segment,
            checkpoint_segment,
            since,
            spares,
        } = position;
        let tools = Tools {
            disk: disk.counted_apart(),
            dir: dir.to_path_buf(),
            ledger: opening.ledger_id,
            identity: identity.clone(),
            spares: if grows { 0 } else { options.reserve },
        };
        let ledger = Self {
            disk,
            dir: dir.to_path_buf(),
            identity: identity.clone(),
            options: options.clone(),
            id: opening.ledger_id,
            active,
            newest_segment: next_segment - 1,
            next_segment,
            checkpoint_segment: Arc::new(AtomicU32::new(checkpoint_segment)),
            since,
            in_parts: false,
            spare_bytes: options.segment_bytes(),
            last_seq: next.seq - 1,
            head: next.head,
            buffer: Vec::new(),
            upkeep: Upkeep::start(tools, options.inline_upkeep)?,
            lock: Arc::new(lock),
        };
        ledger.ask_for_upkeep(spares);
        Ok((ledger, opening))
    }

    /// Every readable commit of every segment, oldest first. Needs no lock.
    ///
    /// # Errors
    /// If the folder cannot be listed or the newest segment is a newer parkgate's.
    pub fn read_all(dir: &Path) -> Result<Commits, LedgerError> {
        Commits::of(dir)
    }

    /// As [`Ledger::read_all`], from the segment on in which the record `seq` stands.
    ///
    /// # Errors
    /// As [`Ledger::read_all`].
    pub fn read_from(dir: &Path, seq: u64) -> Result<Commits, LedgerError> {
        Commits::from(dir, seq)
    }

    /// As [`Ledger::read_all`], from a checkpoint on: the newest one for whose segment `is_early_enough`
    /// says so, or from the beginning.
    ///
    /// # Errors
    /// As [`Ledger::read_all`], also for the segments that are looked at.
    pub fn read_since(
        dir: &Path,
        is_early_enough: impl FnMut(&[&Commit]) -> bool,
    ) -> Result<Commits, LedgerError> {
        Commits::since(dir, is_early_enough)
    }

    /// Copies, by file name, of the segments from the first of these records to the last, packed and
    /// without the payloads of all other records; the hash chain over them holds. Needs no lock.
    ///
    /// # Errors
    /// As [`Ledger::read_all`].
    pub fn excerpt(
        dir: &Path,
        keep: &BTreeSet<u64>,
    ) -> Result<BTreeMap<String, Vec<u8>>, LedgerError> {
        excerpt::of(dir, keep)
    }

    /// Checks the whole ledger. Needs no lock, and changes nothing.
    ///
    /// # Errors
    /// If it cannot be read; what is wrong in it is in the report.
    pub fn verify(dir: &Path) -> Result<Report, LedgerError> {
        verify::verify(dir)
    }

    /// The segments as retention sees them, to be worked on beside the ledger. Keeps the folder
    /// locked as the ledger does.
    pub fn closed(&self) -> Closed {
        Closed {
            disk: self.disk.counted_apart(),
            dir: self.dir.clone(),
            ledger: self.id,
            checkpoint_segment: Arc::clone(&self.checkpoint_segment),
            _lock: Arc::clone(&self.lock),
        }
    }

    /// The id drawn when this ledger was begun.
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// Seq of the last record that is durable; 0 if there is none.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Flushes that commits have waited for since the ledger was opened.
    pub fn flushes(&self) -> u64 {
        self.disk.syncs()
    }

    /// Flushes that the upkeep has made in the background.
    pub fn upkeep_flushes(&self) -> u64 {
        self.upkeep.syncs()
    }

    /// Bytes written to the disk since the ledger was opened: by commits, upkeep and retention.
    pub fn bytes_written(&self) -> u64 {
        self.disk.written()
    }

    /// What is reserved on the disk for commits; none where the filesystem has no room to reserve
    /// since it writes each change to a new place.
    pub fn reserve(&self) -> Option<Reserve> {
        let wanted = self.upkeep.spares_wanted();
        if wanted == 0 {
            return None;
        }
        let spares = self.upkeep.spares();
        let in_use = self.active.as_ref().filter(|active| !active.grows);
        let in_use = in_use.map_or(0, |active| active.blocks.saturating_sub(active.next_block));
        // Each begins with a header.
        let ready = spares.iter().map(|bytes| bytes / BLOCK_BYTES - 1);
        Some(Reserve {
            ready: spares.len(),
            wanted,
            segment_bytes: self.spare_bytes,
            commits: u64::from(in_use) + ready.sum::<u64>(),
        })
    }

    /// What kept the last round of upkeep from its end. It is tried again when the next segment begins,
    /// or by [`Ledger::retry_upkeep`].
    pub fn upkeep_failure(&self) -> Option<String> {
        self.upkeep.failure()
    }

    /// Asks for another round of upkeep, in the background: what failed is tried again, and the reserve is
    /// made up where it lacks.
    pub fn retry_upkeep(&self) {
        self.ask_for_upkeep(Vec::new());
    }

    /// Waits until the upkeep has done what there is to do.
    pub fn settle(&self) {
        self.upkeep.settle();
    }

    fn ask_for_upkeep(&self, left: Vec<PathBuf>) {
        self.upkeep.ask(Order {
            newest: self.newest_segment,
            next: self.next_segment,
            spare_bytes: self.spare_bytes,
            left,
        });
    }
}

/// Whether the filesystem writes each change to a new place anyway and pays for every overwrite.
fn never_overwrites(file: &File) -> bool {
    const UBIFS: u32 = 0x2405_1905;
    const JFFS2: u32 = 0x72b6;
    rustix::fs::fstatfs(file).is_ok_and(|stat| {
        u32::try_from(stat.f_type).is_ok_and(|magic| [UBIFS, JFFS2].contains(&magic))
    })
}

/// At least header, one commit and one more block; at most what a file is read up to.
fn whole_blocks(bytes: u64) -> u64 {
    const MOST: u64 = files::SEGMENT_BYTES_MAX;
    bytes
        .clamp(3 * BLOCK_BYTES, MOST)
        .next_multiple_of(BLOCK_BYTES)
}
