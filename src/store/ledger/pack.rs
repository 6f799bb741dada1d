//! Closed segments without their padding, and payloads erased from them.

use std::path::Path;

use crate::lane::number::LedgerId;
use crate::store::record::Record;

use super::aside;
use super::disk::Disk;
use super::error::LedgerError;
use super::files;
use super::history::Part;
use super::layout::{
    Frame, GENESIS, HeaderBlock, Identity, PACKED_ALIGN, SegmentHeader, copy_erasing,
};
use super::scan::Scan;

/// What is written between two looks at whether somebody else needs the disk, where time is no matter.
const SMALL_PART: usize = 256 << 10;

/// Writes the packed file of a closed segment. Durable on return; the live file is left to the
/// caller. Whatever cannot be read in it has been set aside before.
pub(super) fn pack(
    disk: &Disk,
    dir: &Path,
    number: u32,
    ledger: LedgerId,
    identity: &Identity,
) -> Result<(), LedgerError> {
    let path = files::live(dir, number);
    let source = disk.open(&path)?;
    let bytes = super::disk::read_file(&source.file, files::SEGMENT_BYTES_MAX).map_err(|e| {
        LedgerError::of(&path, e, |path, source| LedgerError::Read { path, source })
    })?;
    let scan = Scan::of(&bytes, number, false);
    for part in scan.unreadable_parts() {
        aside::copy(disk, dir, number, part.start, &bytes[part.clone()])?;
    }
    let header = header_of(&scan, number, ledger, identity);
    let packed = encode(&bytes, &scan, header, |_, _| false);
    write(disk, dir, number, &packed, usize::MAX, &mut || true)?;
    Ok(())
}

/// Writes a packed segment anew without the payloads of the records for which `erase` says so, and
/// returns how many it took. The hash chain holds after it, since it runs over headers. Between parts
/// it asks `go_on`; None: it said no, and everything is as before.
pub(super) fn erase(
    disk: &Disk,
    dir: &Path,
    part: &Part,
    mut erase: impl FnMut(u64, &Record) -> bool,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<u64>, LedgerError> {
    let Some(header) = part.scan.readable_header().cloned() else {
        return Ok(Some(0));
    };
    let mut taken = 0;
    let out = encode(&part.bytes, &part.scan, header, |seq, record| {
        let chosen = erase(seq, record);
        taken += u64::from(chosen);
        chosen
    });
    if taken == 0 {
        return Ok(Some(0));
    }
    set_aside(disk, dir, part)?;
    let whole = write(disk, dir, part.number, &out, SMALL_PART, go_on)?;
    Ok(whole.then_some(taken))
}

/// Copies what cannot be read in a segment that will not stay as it is.
pub(super) fn set_aside(disk: &Disk, dir: &Path, part: &Part) -> Result<(), LedgerError> {
    for range in part.scan.unreadable_parts() {
        let damaged = &part.bytes[range.clone()];
        aside::copy(disk, dir, part.number, range.start, damaged)?;
    }
    Ok(())
}

/// A packed copy of a segment without the payloads for which `erase` says so.
pub(super) fn copy(
    bytes: &[u8],
    scan: &Scan,
    number: u32,
    ledger: LedgerId,
    erase: impl FnMut(u64, &Record) -> bool,
) -> Vec<u8> {
    let nobody = Identity {
        site: String::new(),
        box_id: String::new(),
    };
    encode(bytes, scan, header_of(scan, number, ledger, &nobody), erase)
}

/// The header as it was written, or one made from what the segment's commits say.
fn header_of(scan: &Scan, number: u32, ledger: LedgerId, identity: &Identity) -> SegmentHeader {
    if let HeaderBlock::Readable(header) = &scan.header {
        return header.clone();
    }
    let first = scan.frames().next();
    SegmentHeader {
        grows: false,
        packed: true,
        parts: scan.frames().any(|frame| frame.place.checkpoint.is_part()),
        segment: number,
        ledger,
        first_seq: first.map_or(1, |frame| frame.commit.first_seq),
        previous: first.map_or(GENESIS, |frame| frame.place.previous),
        file_bytes: 0,
        identity: identity.clone(),
    }
}

fn encode(
    bytes: &[u8],
    scan: &Scan,
    header: SegmentHeader,
    mut erase: impl FnMut(u64, &Record) -> bool,
) -> Vec<u8> {
    let mut frames = Vec::new();
    for frame in scan.frames() {
        append(&mut frames, bytes, frame, &mut erase);
    }
    let header_bytes = super::layout::BLOCK;
    let header = SegmentHeader {
        packed: true,
        file_bytes: u64::try_from(header_bytes + frames.len()).unwrap_or(u64::MAX),
        ..header
    };
    let mut out = header.encode();
    out.append(&mut frames);
    out
}

fn append(
    out: &mut Vec<u8>,
    bytes: &[u8],
    frame: &Frame,
    erase: &mut impl FnMut(u64, &Record) -> bool,
) {
    copy_erasing(out, bytes, frame, erase);
    out.resize(out.len().next_multiple_of(PACKED_ALIGN), 0);
}

/// The file gets its name when it is durable. False: `go_on` said no, and it was given up.
fn write(
    disk: &Disk,
    dir: &Path,
    number: u32,
    bytes: &[u8],
    part_bytes: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<bool, LedgerError> {
    let path = files::packed(dir, number);
    let unfinished = files::unfinished(&path);
    if unfinished.exists() {
        disk.remove(&unfinished)?;
    }
    let mut file = disk.create(&unfinished)?;
    let mut at = 0;
    for part in bytes.chunks(part_bytes) {
        if at > 0 {
            // So that whoever flushes next does not wait for all of it.
            disk.sync_data(&file)?;
            if !go_on() {
                disk.remove(&unfinished)?;
                return Ok(false);
            }
        }
        disk.write(&file, part, at)?;
        at += u64::try_from(part.len()).unwrap_or(u64::MAX);
    }
    disk.sync_all(&file)?;
    disk.rename(&mut file, &path)?;
    disk.sync_folder(dir)?;
    Ok(true)
}
