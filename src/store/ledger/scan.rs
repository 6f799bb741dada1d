//! One segment's bytes, taken apart: what can be read, what is free, what is neither. Pure.

use std::ops::Range;

use crate::lane::number::LedgerId;

use super::layout::{
    BLOCK, BLOCK_BYTES, Frame, FrameHeader, HeaderBlock, PACKED_ALIGN, SegmentHeader, blocks,
    is_zero,
};

/// A part of a segment, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Frame(Frame),
    /// Neither a commit nor free: damaged, or cut short by a power cut.
    Unreadable(Range<usize>),
    /// The file ends before it should.
    Truncated {
        expected: u64,
    },
}

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) header: HeaderBlock,
    pub(super) pieces: Vec<Piece>,
    /// From where on the file is free.
    pub(super) end: usize,
}

impl Scan {
    /// Takes apart a segment as it was written. Its number is `number` if its header cannot be read.
    pub(super) fn live(file: &[u8], number: u32) -> Self {
        let mut scan = Self::begin(file);
        let number = scan
            .readable_header()
            .map_or(number, |header| header.segment);
        let mut ledger = scan.ledger();
        let mut at = BLOCK;
        while at < file.len() {
            let block = &file[at..file.len().min(at + BLOCK)];
            let header = FrameHeader::decode(block).filter(|header| stands_at(header, at));
            match header {
                None if is_zero(block) => at += BLOCK,
                Some(h)
                    if h.place.segment < number && ledger.is_none_or(|l| l == h.place.ledger) =>
                {
                    // Left over from what this file held before it was recycled.
                    at += BLOCK;
                }
                Some(h)
                    if h.place.segment == number && ledger.is_none_or(|l| l == h.place.ledger) =>
                {
                    let end = file.len().min(at + blocks(h.length) * BLOCK);
                    match h.frame(file, at, false) {
                        Some(frame) => {
                            ledger = Some(frame.place.ledger);
                            scan.pieces.push(Piece::Frame(frame));
                        }
                        // Its length can be trusted: nothing else was ever put there.
                        None => scan.unreadable(at..end),
                    }
                    at = end;
                    scan.end = end;
                }
                _ => {
                    let end = file.len().min(at + BLOCK);
                    scan.unreadable(at..end);
                    at = end;
                    scan.end = end;
                }
            }
        }
        scan.finish(file)
    }

    /// Takes apart a packed segment, likewise.
    pub(super) fn packed(file: &[u8], number: u32) -> Self {
        let mut scan = Self::begin(file);
        let number = scan
            .readable_header()
            .map_or(number, |header| header.segment);
        let mut ledger = scan.ledger();
        let mut at = BLOCK;
        while at < file.len() {
            let header = FrameHeader::decode(&file[at..]).filter(|h| {
                h.place.segment == number && ledger.is_none_or(|l| l == h.place.ledger)
            });
            let end = match header {
                Some(h) => {
                    let end = file.len().min(at + h.length.next_multiple_of(PACKED_ALIGN));
                    match h.frame(file, at, true) {
                        Some(frame) => {
                            ledger = Some(frame.place.ledger);
                            scan.pieces.push(Piece::Frame(frame));
                        }
                        None => scan.unreadable(at..end),
                    }
                    end
                }
                None => {
                    let end = file.len().min(at + PACKED_ALIGN);
                    scan.unreadable(at..end);
                    end
                }
            };
            at = end;
        }
        scan.end = file.len();
        scan.finish(file)
    }

    /// [`Scan::packed`] or [`Scan::live`], as the header says; as the name does, where the header
    /// cannot be read. A packed segment may have been copied under the name of a live one.
    pub(super) fn of(file: &[u8], number: u32, packed: bool) -> Self {
        let packed = match HeaderBlock::decode(file) {
            HeaderBlock::Readable(header) => header.packed,
            HeaderBlock::Newer(_) | HeaderBlock::Unreadable => packed,
        };
        if packed {
            Self::packed(file, number)
        } else {
            Self::live(file, number)
        }
    }

    /// The segment's header, if it can be read.
    pub(super) fn readable_header(&self) -> Option<&SegmentHeader> {
        match &self.header {
            HeaderBlock::Readable(header) => Some(header),
            HeaderBlock::Newer(_) | HeaderBlock::Unreadable => None,
        }
    }

    /// Which ledger the segment is of: by its header, else by its commits; `None` if nothing in it
    /// can be read.
    pub(super) fn ledger(&self) -> Option<LedgerId> {
        self.readable_header()
            .map(|header| header.ledger)
            .or_else(|| self.frames().next().map(|frame| frame.place.ledger))
    }

    /// The readable commits, in the order of the file.
    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Frame(frame) => Some(frame),
            Piece::Unreadable(_) | Piece::Truncated { .. } => None,
        })
    }

    /// The parts that hold something that cannot be read.
    pub(super) fn unreadable_parts(&self) -> impl Iterator<Item = &Range<usize>> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Unreadable(range) => Some(range),
            Piece::Frame(_) | Piece::Truncated { .. } => None,
        })
    }

    fn begin(file: &[u8]) -> Self {
        let mut scan = Self {
            header: HeaderBlock::decode(file),
            pieces: Vec::new(),
            end: file.len().min(BLOCK),
        };
        if scan.header == HeaderBlock::Unreadable {
            scan.unreadable(0..file.len().min(BLOCK));
        }
        scan
    }

    fn unreadable(&mut self, range: Range<usize>) {
        match self.pieces.last_mut() {
            Some(Piece::Unreadable(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Unreadable(range)),
        }
    }

    fn finish(mut self, file: &[u8]) -> Self {
        let bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let expected = match self.readable_header() {
            // Each commit was written with its padding.
            Some(header) if header.grows && !header.packed => bytes.next_multiple_of(BLOCK_BYTES),
            Some(header) => header.file_bytes,
            None => 0,
        };
        if bytes < expected {
            self.pieces.push(Piece::Truncated { expected });
        }
        self
    }
}

/// Whether a frame is where it was written: a misdirected write is not a commit.
fn stands_at(header: &FrameHeader, at: usize) -> bool {
    usize::try_from(header.place.block).is_ok_and(|block| block.checked_mul(BLOCK) == Some(at))
}
