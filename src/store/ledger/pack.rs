//! Closed segments without their padding, and payloads erased from them.

use std::path::Path;

use crate::lane::number::LedgerId;
use crate::store::record::Record;

use super::aside;
use super::disk::Disk;
use super::error::LedgerError;
use super::files;
use super::layout::{
    Frame, GENESIS, HeaderBlock, Identity, PACKED_ALIGN, SegmentHeader, copy_erasing,
};
use super::scan::Scan;

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
    write(
        disk,
        dir,
        number,
        &encode(&bytes, &scan, header, |_, _| false),
    )
}

/// Writes a packed segment anew without the payloads of the records for which `erase` says so, and
/// returns how many it took. The hash chain holds after it, since it runs over headers.
pub(super) fn erase(
    disk: &Disk,
    dir: &Path,
    number: u32,
    bytes: &[u8],
    mut erase: impl FnMut(u64, &Record) -> bool,
) -> Result<u64, LedgerError> {
    let scan = Scan::of(bytes, number, true);
    let Some(header) = scan.readable_header().cloned() else {
        return Ok(0);
    };
    let mut taken = 0;
    let out = encode(bytes, &scan, header, |seq, record| {
        let chosen = erase(seq, record);
        taken += u64::from(chosen);
        chosen
    });
    if taken > 0 {
        for part in scan.unreadable_parts() {
            aside::copy(disk, dir, number, part.start, &bytes[part.clone()])?;
        }
        write(disk, dir, number, &out)?;
    }
    Ok(taken)
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

fn write(disk: &Disk, dir: &Path, number: u32, bytes: &[u8]) -> Result<(), LedgerError> {
    let path = files::packed(dir, number);
    let unfinished = files::unfinished(&path);
    if unfinished.exists() {
        disk.remove(&unfinished)?;
    }
    let mut file = disk.create(&unfinished)?;
    disk.write(&file, bytes, 0)?;
    disk.sync_all(&file)?;
    disk.rename(&mut file, &path)?;
    disk.sync_folder(dir)
}
