//! One segment's bytes taken apart (`docs/ledger-format.md`, "Reading").

use super::bytes::{Frame, FrameHeader, u16_at, u32_at, u64_at};

const BLOCK: usize = 4096;

/// A segment's first block.
pub(super) enum Header {
    Readable(SegmentHeader),
    /// Of a later format.
    Newer(u16),
    Unreadable,
}

/// What the first block says.
pub(super) struct SegmentHeader {
    pub(super) first_seq: u64,
    pub(super) head_before: [u8; 32],
    pub(super) site: String,
    pub(super) box_id: String,
    grows: bool,
    packed: bool,
    number: u32,
    ledger: u64,
    made_with: u64,
}

/// A part of the file, in its order.
pub(super) enum Piece {
    Frame(Frame),
    Unreadable { from: u64, bytes: u64 },
    Cut { bytes: u64, expected: u64 },
}

/// A segment.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) pieces: Vec<Piece>,
    ledger: Option<u64>,
}

impl Segment {
    /// Takes `file` apart. `number` is the file name's.
    pub(super) fn parse(name: String, file: &[u8], number: u32, packed: bool) -> Self {
        let header = Header::read(file);
        let mut segment = Self {
            name,
            pieces: Vec::new(),
            ledger: None,
            header,
        };
        let (mut number, mut packed) = (number, packed);
        match &segment.header {
            Header::Readable(header) => {
                segment.ledger = Some(header.ledger);
                (number, packed) = (header.number, header.packed);
            }
            Header::Newer(_) | Header::Unreadable => {
                segment.unreadable(0, file.len().min(BLOCK));
            }
        }
        match packed {
            true => segment.packed(file, number),
            false => segment.live(file, number),
        }
        segment.look_at_length(file.len());
        segment
    }

    /// Ledger and number, by its header.
    pub(super) fn identity(&self) -> Option<(u64, u32)> {
        match &self.header {
            Header::Readable(header) => Some((header.ledger, header.number)),
            Header::Newer(_) | Header::Unreadable => None,
        }
    }

    /// Which ledger it is of, by its header or else by its commits.
    pub(super) fn ledger(&self) -> Option<u64> {
        self.ledger
    }

    fn live(&mut self, file: &[u8], number: u32) {
        let mut at = BLOCK;
        while at < file.len() {
            let block_end = file.len().min(at + BLOCK);
            let block = &file[at..block_end];
            if block.iter().all(|byte| *byte == 0) && block.len() == BLOCK {
                at = block_end;
                continue;
            }
            let here = FrameHeader::read(block).filter(|frame| {
                let stands = usize::try_from(frame.block).ok().map(|block| block * BLOCK);
                stands == Some(at) && self.ledger.is_none_or(|ledger| ledger == frame.ledger)
            });
            at = match here {
                Some(frame) if frame.segment < number => block_end,
                Some(frame) if frame.segment == number => {
                    let end = at.saturating_add(frame.length.next_multiple_of(BLOCK));
                    self.take(&frame, file, at, end, false)
                }
                _ => {
                    self.unreadable(at, block_end);
                    block_end
                }
            };
        }
    }

    fn packed(&mut self, file: &[u8], number: u32) {
        let mut at = BLOCK;
        while at < file.len() {
            let here = FrameHeader::read(&file[at..]).filter(|frame| {
                frame.segment == number && self.ledger.is_none_or(|ledger| ledger == frame.ledger)
            });
            at = match here {
                Some(frame) => {
                    let end = at.saturating_add(frame.length.next_multiple_of(8));
                    self.take(&frame, file, at, end, true)
                }
                None => {
                    let end = file.len().min(at + 8);
                    self.unreadable(at, end);
                    end
                }
            };
        }
    }

    /// A frame, or its place as unreadable; returns where it goes on.
    fn take(
        &mut self,
        header: &FrameHeader<'_>,
        file: &[u8],
        at: usize,
        end: usize,
        may_be_erased: bool,
    ) -> usize {
        let end = end.min(file.len());
        match header.frame(file, at, may_be_erased) {
            Some(frame) => {
                self.ledger = Some(header.ledger);
                self.pieces.push(Piece::Frame(frame));
            }
            None => self.unreadable(at, end),
        }
        end
    }

    fn unreadable(&mut self, start: usize, end: usize) {
        let [start, end] = [start, end].map(|at| u64::try_from(at).unwrap_or(u64::MAX));
        match self.pieces.last_mut() {
            Some(Piece::Unreadable { from, bytes }) if *from + *bytes == start => {
                *bytes = end - *from;
            }
            _ => self.pieces.push(Piece::Unreadable {
                from: start,
                bytes: end - start,
            }),
        }
    }

    fn look_at_length(&mut self, length: usize) {
        let Header::Readable(header) = &self.header else {
            return;
        };
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        let whole = u64::try_from(length.next_multiple_of(BLOCK)).unwrap_or(u64::MAX);
        let expected = match header.grows && !header.packed {
            true => whole,
            false => header.made_with,
        };
        if bytes < expected {
            self.pieces.push(Piece::Cut { bytes, expected });
        }
    }
}

impl Header {
    fn read(file: &[u8]) -> Self {
        let Some(block) = file.get(..BLOCK) else {
            return Self::Unreadable;
        };
        if &block[..8] != b"PGLEDGER" || Some(crc32fast::hash(&block[12..])) != u32_at(block, 8) {
            return Self::Unreadable;
        }
        match u16_at(block, 12) {
            Some(1 | 2) => SegmentHeader::read(block).map_or(Self::Unreadable, Self::Readable),
            Some(0) | None => Self::Unreadable,
            Some(newer) => Self::Newer(newer),
        }
    }
}

impl SegmentHeader {
    fn read(block: &[u8]) -> Option<Self> {
        let flags = u16_at(block, 14)?;
        let first_seq = u64_at(block, 32)?;
        let site_bytes = usize::from(u16_at(block, 80)?);
        let box_bytes = usize::from(u16_at(block, 82)?);
        let is_bounded = flags <= 3 && (1..=1 << 62).contains(&first_seq);
        if !is_bounded || site_bytes > 1000 || box_bytes > 1000 {
            return None;
        }
        let text = |from: usize, bytes: usize| {
            let text = block.get(from..from + bytes)?;
            String::from_utf8(text.to_vec()).ok()
        };
        Some(Self {
            first_seq,
            head_before: block[40..72].try_into().ok()?,
            site: text(84, site_bytes)?,
            box_id: text(84 + site_bytes, box_bytes)?,
            grows: flags & 1 != 0,
            packed: flags & 2 != 0,
            number: u32_at(block, 16)?,
            ledger: u64_at(block, 24)?,
            made_with: u64_at(block, 72)?,
        })
    }
}
