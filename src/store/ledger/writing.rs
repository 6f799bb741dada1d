//! What is written: commits into the segment in use, and states, each of which begins a segment.

use std::iter::Peekable;
use std::sync::atomic::Ordering;

use crate::store::record::{Checkpoint, Record};

use super::disk::DiskFile;
use super::layout::{
    BLOCK, BLOCK_BYTES, Head, Place, SegmentHeader, blocks, encode_frame, frame_bytes,
};
use super::opening::Since;
use super::{Ledger, LedgerError, files, whole_blocks};

/// The segment in use.
pub(super) struct Active {
    pub(super) number: u32,
    pub(super) file: DiskFile,
    pub(super) grows: bool,
    pub(super) next_block: u32,
    /// As many as are to be used.
    pub(super) blocks: u32,
}

impl Ledger {
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
            left => {
                let last_seq = self.begin_segment(left, Checkpoint::No, records, bytes)?;
                self.note_bytes(bytes);
                Ok(last_seq)
            }
        }
    }

    /// Whether the segment is nearly full, or a start would have to read much more than the state: then the
    /// caller passes its whole state to [`Ledger::checkpoint`]. Commits work without it, and on a
    /// full disk there is none, so that the last room is left to them.
    pub fn wants_checkpoint(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let newest = self.checkpoint_segment.load(Ordering::Relaxed);
            let is_due = match self.since.state_bytes {
                0 => active.number != newest || active.is_nearly_full(),
                // One that goes over many segments is written when as much has followed it.
                state_bytes => self.since.bytes >= state_bytes,
            };
            is_due && (active.grows || self.has_room_for_a_state())
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
        let last_seq = self.begin_segment(left, Checkpoint::Whole, state, bytes)?;
        self.note_state(self.newest_segment, Since::default());
        Ok(last_seq)
    }

    /// As [`Ledger::checkpoint`], of a state in parts, of which each begins a segment and none is empty. So
    /// no more than one of them is in memory, and no segment is larger than usual.
    ///
    /// # Errors
    /// As there. Parts that were written then count for nothing.
    pub fn checkpoint_in_parts(
        &mut self,
        parts: &mut dyn Iterator<Item = Vec<Record>>,
    ) -> Result<u64, LedgerError> {
        let mut parts = parts.peekable();
        let first = parts.next().ok_or(LedgerError::EmptyCheckpoint)?;
        if parts.peek().is_none() {
            return self.checkpoint(&first);
        }
        self.in_parts = true;
        let written = self.write_parts(&first, parts);
        self.in_parts = false;
        self.buffer = Vec::new();
        written
    }

    fn write_parts(
        &mut self,
        first: &[Record],
        mut parts: Peekable<impl Iterator<Item = Vec<Record>>>,
    ) -> Result<u64, LedgerError> {
        self.spare_bytes = self.options.segment_bytes();
        let (mut first_segment, mut state_bytes) = (None, 0_u64);
        let mut write = |ledger: &mut Self, kind, part: &[Record]| {
            let bytes = frame_bytes(part).ok_or(LedgerError::TooLarge)?;
            state_bytes = state_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            let left = ledger.active.take();
            let last_seq = ledger.begin_segment(left, kind, part, bytes)?;
            first_segment.get_or_insert(ledger.newest_segment);
            Ok(last_seq)
        };
        let mut last_seq = write(self, Checkpoint::First, first)?;
        while let Some(part) = parts.next() {
            let kind = match parts.peek() {
                Some(_) => Checkpoint::Further,
                None => Checkpoint::Last,
            };
            last_seq = write(self, kind, &part)?;
        }
        let since = Since {
            state_bytes,
            bytes: 0,
        };
        let first_segment = first_segment.unwrap_or(self.newest_segment);
        self.note_state(first_segment, since);
        Ok(last_seq)
    }

    fn note_bytes(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.since.bytes = self.since.bytes.saturating_add(bytes);
    }

    /// A start reads from there on.
    fn note_state(&mut self, segment: u32, since: Since) {
        self.checkpoint_segment.store(segment, Ordering::Relaxed);
        self.since = since;
    }

    fn append(&mut self, mut active: Active, records: &[Record]) -> Result<u64, LedgerError> {
        let place = self.place(active.number, active.next_block, Checkpoint::No);
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
        self.note_bytes(self.buffer.len());
        Ok(self.acknowledge(head, records.len()))
    }

    /// Goes on in a new segment, or in `left`, the old one, if no new one can be made. If it fails
    /// once it may bear its name, `self.active` stays `None`: its file may come back after a power
    /// cut and would seem newer than what went on in the old one.
    fn begin_segment(
        &mut self,
        left: Option<Active>,
        checkpoint: Checkpoint,
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
        self.active = Some(active);
        let last_seq = self.acknowledge(head, records.len());
        self.ask_for_upkeep(Vec::new());
        Ok(last_seq)
    }

    /// A file with header and first commit, durable, without its name yet.
    fn fill_segment(
        &mut self,
        checkpoint: Checkpoint,
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
            parts: self.in_parts,
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

    /// Whether a state takes nothing of a reserve that cannot be made up.
    fn has_room_for_a_state(&self) -> bool {
        let (ready, wanted) = (self.upkeep.spares().len(), self.upkeep.spares_wanted());
        let room = || self.disk.room(&self.dir);
        let bytes = self.since.state_bytes.saturating_add(self.spare_bytes);
        let is_in_reserve = wanted > 0 && ready >= wanted && self.since.state_bytes == 0;
        is_in_reserve || room().is_none_or(|room| room > bytes)
    }

    fn place(&self, segment: u32, block: u32, checkpoint: Checkpoint) -> Place {
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
