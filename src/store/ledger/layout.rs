//! Bytes on disk: the segment header and the commit frame (docs/ledger-format.md).
//! Integers are little-endian.

use std::ops::Range;

use crate::lane::number::LedgerId;
use crate::store::record::{Checkpoint, Class, Commit, Record};
use crate::store::sha256::{self, Hash, Sha256};

/// Commits of a live segment start on a multiple of this.
pub(super) const BLOCK: usize = 4096;
/// [`BLOCK`] for file offsets.
pub(super) const BLOCK_BYTES: u64 = 4096;
/// Frames of a packed segment start on a multiple of this.
pub(super) const PACKED_ALIGN: usize = 8;
/// The newest format that this version knows. Segments that hold parts of a state have it.
pub(super) const FORMAT: u16 = 2;
/// The format of all other segments, which the first release reads as well.
const FORMAT_WITHOUT_PARTS: u16 = 1;
/// A commit is never longer than this, headers included.
pub(super) const COMMIT_BYTES_MAX: usize = 64 << 20;
/// Site and box are each at most this long.
pub(super) const NAME_BYTES_MAX: usize = 1000;

const SEGMENT_MAGIC: &[u8; 8] = b"PGLEDGER";
const COMMIT_MAGIC: &[u8; 8] = b"PGCOMMIT";
const FIXED: usize = 128;
const RECORD_HEADER: usize = 44;
/// The part of a frame's fixed header that the hash chain covers.
const CHAINED: Range<usize> = 28..96;
const GROWS: u16 = 1;
const PACKED: u16 = 2;
const ERASED: u8 = 1;
/// Far above what any box writes, far below where sums could overflow.
const SEQ_MAX: u64 = 1 << 62;

static ZERO: [u8; BLOCK] = [0; BLOCK];

/// What the hash chain holds after a commit: SHA-256.
pub(super) type Head = Hash;

/// The head before the first commit of a ledger.
pub(super) const GENESIS: Head = [0; 32];

/// Which box wrote a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `[site] id`.
    pub site: String,
    /// `[site] box`.
    pub box_id: String,
}

/// The first block of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The file grows with each commit instead of being written over.
    pub(super) grows: bool,
    /// Closed, padding removed.
    pub(super) packed: bool,
    /// May hold parts of a state that goes over several commits.
    pub(super) parts: bool,
    pub(super) segment: u32,
    pub(super) ledger: LedgerId,
    pub(super) first_seq: u64,
    pub(super) previous: Head,
    /// Bytes that the file was made with; 0 where it grows.
    pub(super) file_bytes: u64,
    pub(super) identity: Identity,
}

/// What the first block of a segment turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderBlock {
    Readable(SegmentHeader),
    /// Written by a newer parkgate.
    Newer(u16),
    Unreadable,
}

impl SegmentHeader {
    /// The header's block. `identity` fits: [`Identity::fits`] was asked before.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let flags = if self.grows { GROWS } else { 0 } | if self.packed { PACKED } else { 0 };
        put(&mut block, 0, SEGMENT_MAGIC);
        let format = match self.parts {
            true => FORMAT,
            false => FORMAT_WITHOUT_PARTS,
        };
        put(&mut block, 12, &format.to_le_bytes());
        put(&mut block, 14, &flags.to_le_bytes());
        put(&mut block, 16, &self.segment.to_le_bytes());
        put(&mut block, 24, &self.ledger.0.to_le_bytes());
        put(&mut block, 32, &self.first_seq.to_le_bytes());
        put(&mut block, 40, &self.previous);
        put(&mut block, 72, &self.file_bytes.to_le_bytes());
        let (site, box_id) = (
            self.identity.site.as_bytes(),
            self.identity.box_id.as_bytes(),
        );
        put(&mut block, 80, &length_u16(site).to_le_bytes());
        put(&mut block, 82, &length_u16(box_id).to_le_bytes());
        put(&mut block, 84, site);
        put(&mut block, 84 + site.len(), box_id);
        let crc = crc32fast::hash(&block[12..]);
        put(&mut block, 8, &crc.to_le_bytes());
        block
    }
}

impl HeaderBlock {
    /// Reads the first block of a segment file.
    pub(super) fn decode(file: &[u8]) -> Self {
        Self::checked(file).unwrap_or(Self::Unreadable)
    }

    fn checked(file: &[u8]) -> Option<Self> {
        let block = file.get(..BLOCK)?;
        if &block[..8] != SEGMENT_MAGIC || crc32fast::hash(&block[12..]) != u32_at(block, 8) {
            return None;
        }
        let format = u16_at(block, 12);
        match format {
            FORMAT_WITHOUT_PARTS | FORMAT => {}
            0 => return None,
            newer => return Some(Self::Newer(newer)),
        }
        let flags = u16_at(block, 14);
        let first_seq = u64_at(block, 32);
        let site = 84..84 + usize::from(u16_at(block, 80));
        let box_id = site.end..site.end + usize::from(u16_at(block, 82));
        let text = |range: Range<usize>| String::from_utf8(block.get(range)?.to_vec()).ok();
        if flags & !(GROWS | PACKED) != 0 || first_seq == 0 || first_seq > SEQ_MAX {
            return None;
        }
        Some(Self::Readable(SegmentHeader {
            grows: flags & GROWS != 0,
            packed: flags & PACKED != 0,
            parts: format == FORMAT,
            segment: u32_at(block, 16),
            ledger: LedgerId(u64_at(block, 24)),
            first_seq,
            previous: head_at(block, 40),
            file_bytes: u64_at(block, 72),
            identity: Identity {
                site: text(site)?,
                box_id: text(box_id)?,
            },
        }))
    }
}

impl Identity {
    /// Whether site and box are short enough for the header.
    pub(super) fn fits(&self) -> bool {
        self.site.len() <= NAME_BYTES_MAX && self.box_id.len() <= NAME_BYTES_MAX
    }
}

/// Where a frame stands and what it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) block: u32,
    pub(super) ledger: LedgerId,
    pub(super) first_seq: u64,
    /// The last seq whose commit had been acknowledged when this frame was written.
    pub(super) acknowledged: u64,
    pub(super) previous: Head,
    pub(super) checkpoint: Checkpoint,
}

/// The fixed header of a frame, checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) place: Place,
    /// Bytes of the frame without padding.
    pub(super) length: usize,
    count: usize,
    body_crc: u32,
    head: Head,
}

/// A whole frame, everything verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) place: Place,
    pub(super) head: Head,
    pub(super) commit: Commit,
    /// Its bytes in the file, without padding.
    pub(super) bytes: Range<usize>,
}

/// How long a frame with these records is, without padding; `None` if longer than
/// [`COMMIT_BYTES_MAX`].
pub(super) fn frame_bytes(records: &[Record]) -> Option<usize> {
    records
        .iter()
        .try_fold(FIXED, |sum, record| {
            sum.checked_add(RECORD_HEADER)?
                .checked_add(record.payload.len())
        })
        .filter(|length| *length <= COMMIT_BYTES_MAX)
}

/// Appends a frame to `out`, without padding, and returns the head after it. The caller has asked
/// [`frame_bytes`] and made sure that there is a record.
pub(super) fn encode_frame(out: &mut Vec<u8>, place: &Place, records: &[Record]) -> Head {
    let start = out.len();
    out.resize(start + FIXED, 0);
    for record in records {
        out.extend_from_slice(&[record.class.code(), 0]);
        out.extend_from_slice(&record.kind.to_le_bytes());
        out.extend_from_slice(&record.version.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&length_u32(&record.payload).to_le_bytes());
        out.extend_from_slice(&sha256::of(&record.payload));
    }
    for record in records {
        out.extend_from_slice(&record.payload);
    }
    let frame = &mut out[start..];
    let length = length_u32(frame);
    let count = u32::try_from(records.len()).expect("each record takes bytes of a bounded frame");
    put(frame, 0, COMMIT_MAGIC);
    put(frame, 16, &place.segment.to_le_bytes());
    put(frame, 20, &place.block.to_le_bytes());
    put(frame, 24, &length.to_le_bytes());
    put(frame, 28, &count.to_le_bytes());
    put(frame, 32, &place.ledger.0.to_le_bytes());
    put(frame, 40, &place.first_seq.to_le_bytes());
    put(frame, 48, &place.acknowledged.to_le_bytes());
    frame[56] = place.checkpoint.code();
    put(frame, 64, &place.previous);
    let head = head_of(frame, records.len());
    put(frame, 96, &head);
    seal(frame);
    head
}

impl FrameHeader {
    /// Reads the fixed header of the frame that starts `file`; `None` if there is none.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let fixed = file.get(..FIXED)?;
        if &fixed[..8] != COMMIT_MAGIC || crc32fast::hash(&fixed[12..]) != u32_at(fixed, 8) {
            return None;
        }
        let length = size(u32_at(fixed, 24));
        let count = size(u32_at(fixed, 28));
        let (first_seq, acknowledged) = (u64_at(fixed, 40), u64_at(fixed, 48));
        let headers = count.checked_mul(RECORD_HEADER)?.checked_add(FIXED)?;
        let checkpoint = Checkpoint::from_code(fixed[56])?;
        let sane = (headers..=COMMIT_BYTES_MAX).contains(&length)
            && count > 0
            && first_seq <= SEQ_MAX
            && acknowledged < first_seq
            && fixed[57..64] == [0; 7];
        sane.then(|| Self {
            place: Place {
                segment: u32_at(fixed, 16),
                block: u32_at(fixed, 20),
                ledger: LedgerId(u64_at(fixed, 32)),
                first_seq,
                acknowledged,
                previous: head_at(fixed, 64),
                checkpoint,
            },
            length,
            count,
            body_crc: u32_at(fixed, 12),
            head: head_at(fixed, 96),
        })
    }

    /// Reads and verifies the whole frame that starts at `at`; `None` if anything in it is wrong.
    /// Only a packed segment may hold erased payloads.
    pub(super) fn frame(&self, file: &[u8], at: usize, may_be_erased: bool) -> Option<Frame> {
        let bytes = at..at.checked_add(self.length)?;
        let frame = file.get(bytes.clone())?;
        if crc32fast::hash(&frame[FIXED..]) != self.body_crc
            || head_of(frame, self.count) != self.head
        {
            return None;
        }
        let (headers, mut payloads) = frame[FIXED..].split_at(self.count * RECORD_HEADER);
        let mut commit = Commit {
            first_seq: self.place.first_seq,
            checkpoint: self.place.checkpoint,
            records: Vec::with_capacity(self.count),
            erased: Vec::new(),
        };
        for (seq, header) in (self.place.first_seq..).zip(headers.chunks_exact(RECORD_HEADER)) {
            let erased = header[1] & ERASED != 0;
            if header[1] & !ERASED != 0 || header[6..8] != [0; 2] || (erased && !may_be_erased) {
                return None;
            }
            let stored = if erased { 0 } else { size(u32_at(header, 8)) };
            let (payload, rest) = payloads.split_at_checked(stored)?;
            payloads = rest;
            if erased {
                commit.erased.push(seq);
            } else if sha256::of(payload)[..] != header[12..44] {
                return None;
            }
            commit.records.push(Record {
                class: Class::from_code(header[0]),
                kind: u16_at(header, 2),
                version: u16_at(header, 4),
                payload: payload.to_vec(),
            });
        }
        payloads.is_empty().then_some(Frame {
            place: self.place,
            head: self.head,
            commit,
            bytes,
        })
    }
}

/// Appends `frame` to `out` without the payloads of the records for which `erase` says so.
/// Head and seqs stay what they were. `frame` has been verified.
pub(super) fn copy_erasing(
    out: &mut Vec<u8>,
    file: &[u8],
    frame: &Frame,
    mut erase: impl FnMut(u64, &Record) -> bool,
) {
    let start = out.len();
    let source = &file[frame.bytes.clone()];
    let headers_end = FIXED + frame.commit.records.len() * RECORD_HEADER;
    out.extend_from_slice(&source[..headers_end]);
    for (index, (seq, record)) in (frame.commit.first_seq..)
        .zip(&frame.commit.records)
        .enumerate()
    {
        let already = frame.commit.erased.contains(&seq);
        if already || erase(seq, record) {
            out[start + FIXED + index * RECORD_HEADER + 1] |= ERASED;
        } else {
            out.extend_from_slice(&record.payload);
        }
    }
    let copy = &mut out[start..];
    let length = length_u32(copy);
    put(copy, 24, &length.to_le_bytes());
    seal(copy);
}

/// Whether a block has never been written, or has been wiped.
pub(super) fn is_zero(block: &[u8]) -> bool {
    block.chunks(BLOCK).all(|part| part == &ZERO[..part.len()])
}

/// How many blocks `bytes` bytes take.
pub(super) fn blocks(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK)
}

/// `bytes` for use as an index; more than the address space stays out of every range.
fn size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Both checksums of a frame. The body's is inside what the header's covers.
fn seal(frame: &mut [u8]) {
    let body = crc32fast::hash(&frame[FIXED..]);
    put(frame, 12, &body.to_le_bytes());
    let header = crc32fast::hash(&frame[12..FIXED]);
    put(frame, 8, &header.to_le_bytes());
}

/// The chain runs over headers only, and over no header's flags, so that it holds after erasure.
/// A frame's length changes with erasure too and is therefore left out.
fn head_of(frame: &[u8], count: usize) -> Head {
    let mut hash = Sha256::new();
    hash.update(&frame[CHAINED]);
    let headers = &frame[FIXED..FIXED + count * RECORD_HEADER];
    if headers
        .chunks_exact(RECORD_HEADER)
        .all(|header| header[1] == 0)
    {
        hash.update(headers);
    } else {
        for header in headers.chunks_exact(RECORD_HEADER) {
            hash.update(&[header[0], 0]);
            hash.update(&header[2..]);
        }
    }
    hash.finish()
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn head_at(bytes: &[u8], at: usize) -> Head {
    bytes[at..at + 32].try_into().expect("thirty-two bytes")
}

fn length_u16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).expect("names are bounded by NAME_BYTES_MAX")
}

fn length_u32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("frames are bounded by COMMIT_BYTES_MAX")
}
