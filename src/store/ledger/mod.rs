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

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lane::number::LedgerId;
use crate::store::record::{Commit, Record};

pub use closed::{Closed, ClosedSegment};
pub use error::LedgerError;
pub use finding::Finding;
pub use history::Commits;
pub use layout::Identity;
pub use opening::Opening;
pub use verify::Report;

use disk::{Disk, DiskFile};
use layout::{BLOCK, BLOCK_BYTES, Head, Place, SegmentHeader, blocks, encode_frame, frame_bytes};
use opening::Position;
use upkeep::{Order, Tools, Upkeep};

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
    spare_bytes: u64,
    last_seq: u64,
    head: Head,
    buffer: Vec<u8>,
    upkeep: Upkeep,
    // Last: released after the upkeep has ended.
    lock: Arc<File>,
}

/// The segment in use.
struct Active {
    number: u32,
    file: DiskFile,
    grows: bool,
    next_block: u32,
    /// As many as are to be used.
    blocks: u32,
}

impl Ledger {
    /// Opens the ledger in `dir`, or begins one there. `fresh_id` are random bits for the id of a
    /// new ledger. Whatever is damaged is set aside and told in [`Opening::findings`].
    ///
    /// # Errors
    /// If another process has it open, the folder cannot be written, the disk is full, or the
    /// ledger is another box's or a newer parkgate's.
    pub fn open(
        dir: &Path,
        identity: &Identity,
        options: &Options,
        fresh_id: u64,
    ) -> Result<(Self, Opening), LedgerError> {
        Self::open_on(Disk::default(), dir, identity, options, fresh_id)
    }

    fn open_on(
        disk: Disk,
        dir: &Path,
        identity: &Identity,
        options: &Options,
        fresh_id: u64,
    ) -> Result<(Self, Opening), LedgerError> {
        if !identity.fits() {
            return Err(LedgerError::LongIdentity);
        }
        disk.create_folder(dir)?;
        let lock = opening::lock(dir)?;
        let grows = options.append || never_overwrites(&lock);
        let fresh = LedgerId::from_random(fresh_id);
        let (opening, position) = opening::read(&disk, dir, identity, options, grows, fresh)?;
        let Position {
            next,
            active,
            next_segment,
            checkpoint_segment,
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

    /// Makes `records` durable, all or none, with one flush, and returns the last one's seq. Steps
    /// that wait at the same time share a commit by being passed together.
    ///
    /// # Errors
    /// Then nothing is acknowledged, and the records may be committed again: the ledger goes on in
    /// a fresh segment, since after a failed write or flush nobody knows what the old one holds.
    pub fn commit(&mut self, records: &[Record]) -> Result<u64, LedgerError> {
        if records.is_empty() {
            return Ok(self.last_seq);
        }
        let bytes = frame_bytes(records).ok_or(LedgerError::TooLarge)?;
        match self.active.take() {
            Some(active) if active.has_room(blocks(bytes)) => self.append(active, records),
            left => self.begin_segment(left, false, records, bytes),
        }
    }

    /// Whether the segment is nearly full, or a start would have to read more than one: then the
    /// caller passes its whole state to [`Ledger::checkpoint`]. Commits work without it, and on a
    /// full disk there is none, so that the last room is left to them.
    pub fn wants_checkpoint(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let newest = self.checkpoint_segment.load(Ordering::Relaxed);
            (active.number != newest || active.is_nearly_full())
                && (active.grows || self.has_room_for_a_segment())
        })
    }

    /// Begins a new segment with the caller's whole state, so that a start reads from here on, and
    /// returns the last record's seq. Durable on return.
    ///
    /// # Errors
    /// As [`Ledger::commit`]; the checkpoint before stays the one that counts.
    pub fn checkpoint(&mut self, state: &[Record]) -> Result<u64, LedgerError> {
        if state.is_empty() {
            return Err(LedgerError::EmptyCheckpoint);
        }
        let bytes = frame_bytes(state).ok_or(LedgerError::TooLarge)?;
        // As much room after the next checkpoint as it takes itself.
        let doubled = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(2);
        self.spare_bytes = self.options.segment_bytes().max(whole_blocks(doubled));
        let left = self.active.take();
        self.begin_segment(left, true, state, bytes)
    }

    /// Every readable commit of every segment, oldest first. Needs no lock.
    ///
    /// # Errors
    /// If the folder cannot be listed or the newest segment is a newer parkgate's.
    pub fn read_all(dir: &Path) -> Result<Commits, LedgerError> {
        Commits::of(dir)
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

    fn append(&mut self, mut active: Active, records: &[Record]) -> Result<u64, LedgerError> {
        let place = self.place(active.number, active.next_block, false);
        self.buffer.clear();
        let head = encode_frame(&mut self.buffer, &place, records);
        self.buffer
            .resize(self.buffer.len().next_multiple_of(BLOCK), 0);
        let offset = u64::from(active.next_block) * BLOCK_BYTES;
        self.disk.write(&active.file, &self.buffer, offset)?;
        if active.grows {
            self.disk.sync_all(&active.file)?;
        } else {
            self.disk.sync_data(&active.file)?;
        }
        active.next_block += u32::try_from(blocks(self.buffer.len())).unwrap_or(u32::MAX);
        self.active = Some(active);
        Ok(self.acknowledge(head, records.len()))
    }

    /// Goes on in a new segment, or in `left`, the old one, if no new one can be made. If it fails
    /// once it may bear its name, `self.active` stays `None`: its file may come back after a power
    /// cut and would seem newer than what went on in the old one.
    fn begin_segment(
        &mut self,
        left: Option<Active>,
        checkpoint: bool,
        records: &[Record],
        bytes: usize,
    ) -> Result<u64, LedgerError> {
        let (mut active, head) = match self.fill_segment(checkpoint, records, bytes) {
            Ok(filled) => filled,
            Err(error) => {
                self.active = left;
                return Err(error);
            }
        };
        if let Err(error) = self.put_in_place(&mut active) {
            // Best effort: the number is used up, and a later commit supersedes what is left.
            let _ = self.disk.remove(&active.file.path);
            return Err(error);
        }
        self.newest_segment = active.number;
        if checkpoint {
            self.checkpoint_segment
                .store(active.number, Ordering::Relaxed);
        }
        self.active = Some(active);
        let last_seq = self.acknowledge(head, records.len());
        self.ask_for_upkeep(Vec::new());
        Ok(last_seq)
    }

    /// A file with header and first commit, durable, without its name yet.
    fn fill_segment(
        &mut self,
        checkpoint: bool,
        records: &[Record],
        bytes: usize,
    ) -> Result<(Active, Head), LedgerError> {
        let number = self.next_segment;
        self.next_segment = number
            .checked_add(1)
            .ok_or_else(|| LedgerError::NoMoreSegments {
                dir: self.dir.clone(),
            })?;
        let place = self.place(number, 1, checkpoint);
        // Room for this commit and one more.
        let least = u64::try_from(blocks(bytes) + 2)
            .unwrap_or(u64::MAX)
            .saturating_mul(BLOCK_BYTES);
        let spare = self.upkeep.take_spare(least);
        let (file, file_bytes) = match spare {
            Some(spare) => (spare.file, spare.bytes),
            None => {
                let unfinished = files::unfinished(&files::live(&self.dir, number));
                (self.disk.create(&unfinished)?, 0)
            }
        };
        let grows = file_bytes == 0;
        let header = SegmentHeader {
            grows,
            packed: false,
            segment: number,
            ledger: self.id,
            first_seq: place.first_seq,
            previous: place.previous,
            file_bytes,
            identity: self.identity.clone(),
        };
        self.buffer = header.encode();
        let head = encode_frame(&mut self.buffer, &place, records);
        self.buffer
            .resize(self.buffer.len().next_multiple_of(BLOCK), 0);
        let capacity = match grows {
            true => self
                .options
                .segment_blocks()
                .max(2 * blocks(self.buffer.len())),
            false => usize::try_from(file_bytes / BLOCK_BYTES).unwrap_or(usize::MAX),
        };
        let active = Active {
            number,
            file,
            grows,
            next_block: u32::try_from(blocks(self.buffer.len())).unwrap_or(u32::MAX),
            blocks: u32::try_from(capacity).unwrap_or(u32::MAX),
        };
        if let Err(error) = self.write_whole(&active) {
            // Best effort: it is no segment yet, and the next start removes or recycles it.
            let _ = self.disk.remove(&active.file.path);
            return Err(error);
        }
        Ok((active, head))
    }

    fn write_whole(&self, active: &Active) -> Result<(), LedgerError> {
        self.disk.write(&active.file, &self.buffer, 0)?;
        if active.grows {
            self.disk.sync_all(&active.file)
        } else {
            self.disk.sync_data(&active.file)
        }
    }

    fn put_in_place(&self, active: &mut Active) -> Result<(), LedgerError> {
        let live = files::live(&self.dir, active.number);
        self.disk.rename(&mut active.file, &live)?;
        self.disk.sync_folder(&self.dir)
    }

    /// Whether a new segment takes nothing of a reserve that cannot be made up.
    fn has_room_for_a_segment(&self) -> bool {
        let (ready, wanted) = (self.upkeep.spares().len(), self.upkeep.spares_wanted());
        let room = || self.disk.room(&self.dir);
        (wanted > 0 && ready >= wanted) || room().is_none_or(|room| room > self.spare_bytes)
    }

    fn place(&self, segment: u32, block: u32, checkpoint: bool) -> Place {
        Place {
            segment,
            block,
            ledger: self.id,
            first_seq: self.last_seq + 1,
            acknowledged: self.last_seq,
            previous: self.head,
            checkpoint,
        }
    }

    fn acknowledge(&mut self, head: Head, count: usize) -> u64 {
        self.head = head;
        self.last_seq += u64::try_from(count).unwrap_or(u64::MAX);
        self.last_seq
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

impl Active {
    fn has_room(&self, blocks: usize) -> bool {
        usize::try_from(self.blocks.saturating_sub(self.next_block))
            .is_ok_and(|free| blocks <= free)
    }

    fn is_nearly_full(&self) -> bool {
        self.blocks.saturating_sub(self.next_block) < self.blocks / 4
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
