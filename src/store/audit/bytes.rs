//! Frames, byte by byte (`docs/ledger-format.md`, "Frame: one commit").

use crate::store::sha256::{self, Sha256};

/// Bytes before the record headers.
const FIXED: usize = 128;
const RECORD_HEADER: usize = 44;
/// The longest frame.
const LENGTH_MAX: usize = 67_108_864;
const SEQ_MAX: u64 = 1 << 62;

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it stands in its file, bytes.
    pub at: u64,
    pub first_seq: u64,
    /// Its records are the whole state, or a part of it.
    pub checkpoint: bool,
    pub entries: Vec<Entry>,
    pub(super) head_before: [u8; 32],
    pub(super) head: [u8; 32],
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1 reading, 2 session, 3 money, 4 event.
    pub class: u8,
    pub kind: u16,
    pub version: u16,
    /// None if it has been erased.
    pub payload: Option<Vec<u8>>,
}

impl Frame {
    /// Seq of the last record.
    pub fn last_seq(&self) -> u64 {
        let more = u64::try_from(self.entries.len().saturating_sub(1)).unwrap_or(u64::MAX);
        self.first_seq.saturating_add(more)
    }
}

/// The first 128 bytes of a frame, if they are ones.
pub(super) struct FrameHeader<'b> {
    fixed: &'b [u8],
    pub(super) segment: u32,
    pub(super) block: u32,
    pub(super) length: usize,
    pub(super) ledger: u64,
    count: usize,
    first_seq: u64,
}

impl<'b> FrameHeader<'b> {
    /// Magic, sum and every bound of the table.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let fixed = bytes.get(..FIXED)?;
        if &fixed[..8] != b"PGCOMMIT" || crc32fast::hash(&fixed[12..]) != u32_at(fixed, 8)? {
            return None;
        }
        let length = usize::try_from(u32_at(fixed, 24)?).ok()?;
        let count = usize::try_from(u32_at(fixed, 28)?).ok()?;
        let first_seq = u64_at(fixed, 40)?;
        let acknowledged = u64_at(fixed, 48)?;
        let headers_end = count.checked_mul(RECORD_HEADER)?.checked_add(FIXED)?;
        let fits = length <= LENGTH_MAX && count >= 1 && headers_end <= length;
        let in_order = first_seq <= SEQ_MAX && acknowledged < first_seq && fixed[56] <= 4;
        (fits && in_order).then_some(Self {
            fixed,
            segment: u32_at(fixed, 16)?,
            block: u32_at(fixed, 20)?,
            length,
            ledger: u64_at(fixed, 32)?,
            count,
            first_seq,
        })
    }

    /// The whole frame, which begins at `at` of `file`; None if anything in it does not hold.
    pub(super) fn frame(&self, file: &[u8], at: usize, may_be_erased: bool) -> Option<Frame> {
        let bytes = file.get(at..at.checked_add(self.length)?)?;
        if crc32fast::hash(bytes.get(FIXED..)?) != u32_at(self.fixed, 12)? {
            return None;
        }
        if self.fixed[57..64].iter().any(|byte| *byte != 0) {
            return None;
        }
        let payloads_from = FIXED + self.count * RECORD_HEADER;
        let headers = bytes.get(FIXED..payloads_from)?;
        let mut rest = bytes.get(payloads_from..)?;
        let mut chained = Sha256::new();
        chained.update(&self.fixed[28..96]);
        let mut entries = Vec::new();
        for header in headers.chunks_exact(RECORD_HEADER) {
            let mut as_committed = [0; RECORD_HEADER];
            as_committed.copy_from_slice(header);
            as_committed[1] = 0;
            chained.update(&as_committed);
            entries.push(entry(header, &mut rest, may_be_erased)?);
        }
        let head = chained.finish();
        let is_whole = rest.is_empty() && head == self.fixed[96..128];
        is_whole.then_some(Frame {
            at: u64::try_from(at).ok()?,
            first_seq: self.first_seq,
            checkpoint: self.fixed[56] != 0,
            entries,
            head_before: self.fixed[64..96].try_into().ok()?,
            head,
        })
    }
}

/// One record; takes its payload from the front of `rest`.
fn entry(header: &[u8], rest: &mut &[u8], may_be_erased: bool) -> Option<Entry> {
    let flags = header[1];
    let is_erased = flags == 1;
    if flags > 1 || header[6..8] != [0, 0] || (is_erased && !may_be_erased) {
        return None;
    }
    let payload = if is_erased {
        None
    } else {
        let length = usize::try_from(u32_at(header, 8)?).ok()?;
        let (payload, after) = rest.split_at_checked(length)?;
        *rest = after;
        if sha256::of(payload)[..] != header[12..44] {
            return None;
        }
        Some(payload.to_vec())
    };
    Some(Entry {
        class: header[0],
        kind: u16_at(header, 2)?,
        version: u16_at(header, 4)?,
        payload,
    })
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}
